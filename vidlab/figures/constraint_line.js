// The optical-flow constraint: a pixel whose brightness changes by I_t while it has the gradient (I_x, I_y) says
//
//     I_x u + I_y v + I_t = 0,        a line in the plane of all motions (u, v)
//
// One line leaves the motion along itself open. The lines of a whole aperture meet, if their directions differ.
import { caption, clamp, drag, h, mount, openNumbers, openSprite, pair, partAt, signed, slider, svg, timed, view } from "./kit.js";

const LARGE = 1e-4; // (brightness per pixel)²; an eigenvalue below it is taken for noise
const SOLVABLE = 1e-6; // below, least squares has no single answer
const FLOOR = 1e-3; // a smaller gradient tells nothing
const UNIT = 1000; // steps of the plane's drawing in one pixel per frame: whole numbers are quicker to write
const SIDE = 256; // pixels of the picture that holds the lines of an aperture

/** Two digits that count, in the way of a text: 0.0012, or 3.4·10⁻⁷. */
function small(value) {
  if (value >= 1e-4 || value === 0) return Number(value.toPrecision(2)).toString();
  const [digits, power] = value.toExponential(1).split("e-");
  return `${digits}·10⁻${[...power].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("")}`;
}

/** What the window of radius r around (x, y) says: its lines, the eigenvalues and axes of its tensor, the motion. */
function solve([I_x, I_y, I_t], width, height, x, y, r) {
  const lines = [];
  let [n, xx, xy, yy, xt, yt] = [0, 0, 0, 0, 0, 0];
  for (let row = Math.max(0, y - r); row <= Math.min(height - 1, y + r); row++) {
    for (let column = Math.max(0, x - r); column <= Math.min(width - 1, x + r); column++) {
      const i = row * width + column;
      const [a, b, c] = [I_x[i], I_y[i], I_t[i]];
      n++;
      xx += a * a;
      xy += a * b;
      yy += b * b;
      xt += a * c;
      yt += b * c;
      const slope = Math.hypot(a, b);
      if (slope > FLOOR) lines.push({ a, b, c, slope });
    }
  }
  [xx, xy, yy, xt, yt] = [xx, xy, yy, xt, yt].map((sum) => sum / n);
  const [middle, half] = [(xx + yy) / 2, Math.hypot((xx - yy) / 2, xy)];
  const eigenvalues = [Math.max(0, middle - half), middle + half];
  const turn = Math.atan2(2 * xy, xx - yy) / 2; // the direction of the larger one
  const determinant = xx * yy - xy * xy;
  const solvable = r > 0 && eigenvalues[0] > SOLVABLE;
  const motion = solvable ? [(xy * yt - yy * xt) / determinant, (xy * xt - xx * yt) / determinant] : null;

  const i = y * width + x;
  const here = { a: I_x[i], b: I_y[i], c: I_t[i], slope: Math.hypot(I_x[i], I_y[i]) };
  const share = here.slope > FLOOR ? -here.c / here.slope ** 2 : 0;
  return { n, lines, eigenvalues, turn, motion, here, normal: [share * here.a, share * here.b] };
}

function words([low, high], r) {
  if (high < LARGE) return "no large eigenvalue: hardly any gradient, so next to nothing is said about motion";
  if (!r) return "one line: any (u, v) on it fits";
  if (low < LARGE) return "one large eigenvalue: the lines are nearly parallel, and any motion along them fits";
  return "two large eigenvalues: the lines meet";
}

/** The lines of hundreds of pixels, added up as ink: many times as quick as paths. Where they meet, there is most. */
function makeRain(reach) {
  const canvas = h("canvas", { width: SIDE, height: SIDE, class: "lines", "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  const picture = new ImageData(SIDE, SIDE);
  const pixels = new Uint32Array(picture.data.buffer);
  const amounts = new Float32Array(SIDE * SIDE);
  let ink = 0;
  const scale = SIDE / (2 * reach);

  /** A step along the longer of the two ways of the line, its ink shared between the two nearest pixels. */
  function add({ a, b, c, slope }, strength) {
    const steep = Math.abs(a) > Math.abs(b);
    const [along, across] = steep ? [b, a] : [a, b]; // along · p + across · q + c = 0, q found for every p
    const step = -along / across;
    let q = (-c - along * (0.5 / scale - reach)) / across; // at the middle of the first pixel
    q = (q + reach) * scale - 0.5;
    const [next, beside] = steep ? [SIDE, 1] : [1, SIDE]; // in `amounts`, one p further and one q further
    const share = strength * slope;
    // only the part that lies inside: 0 ≤ q + i · step < SIDE − 1
    const ends = step ? [-q / step, (SIDE - 1 - q) / step] : [0, SIDE];
    const from = Math.max(0, Math.ceil(Math.min(...ends)));
    const to = Math.min(SIDE, Math.ceil(Math.max(...ends)));
    q += from * step;
    for (let i = from, at = from * next; i < to; i++, at += next, q += step) {
      if (q < 0 || q >= SIDE - 1) continue; // rounding, and lines along the axis
      const low = q | 0;
      const part = share * (q - low);
      amounts[at + low * beside] += share - part;
      amounts[at + (low + 1) * beside] += part;
    }
  }
  function draw(lines, crowd) {
    amounts.fill(0);
    const strongest = lines.reduce((most, { slope }) => Math.max(most, slope), 0);
    for (const line of lines) add(line, (255 * crowd) / strongest);
    show();
  }
  function show() {
    for (let i = 0; i < amounts.length; i++) pixels[i] = ink | (Math.min(255, amounts[i]) << 24); // a b g r
    context.putImageData(picture, 0, 0);
  }
  /** The colour of the theme's text, in the pixels themselves: to blend the picture in CSS is three times as slow. */
  function dip() {
    const well = new OffscreenCanvas(1, 1).getContext("2d");
    well.fillStyle = getComputedStyle(canvas).color;
    well.fillRect(0, 0, 1, 1);
    ink = new Uint32Array(well.getImageData(0, 0, 1, 1).data.buffer)[0] & 0xffffff;
    show();
  }
  canvas.addEventListener("transitionend", dip); // the theme changed
  requestAnimationFrame(dip); // on the page, so that it has a colour
  return { canvas, draw };
}

/** The plane of all motions, drawn in thousandths of a pixel per frame: u to the right, v down. */
function makePlane(reach) {
  const far = reach * UNIT;
  const rain = makeRain(reach);
  const plot = svg("svg", { viewBox: `${-far} ${-far} ${2 * far} ${2 * far}`, role: "img" });
  const grid = [];
  for (let k = -3; k <= 3; k++) {
    const at = (k * far) / 4;
    grid.push(`M${at} ${-far}V${far}M${-far} ${at}H${far}`);
  }
  const line = svg("path", { class: "this" });
  const arrow = svg("path", { class: "normal" });
  const ellipse = svg("ellipse", { class: "ellipse" });
  const axes = svg("path", { class: "axes-of" });
  const dot = svg("circle", { class: "dot", r: 0.024 * far });
  const arm = 0.033 * far;
  const cross = svg("g", { class: "truth" });
  for (const kind of ["halo", "core"]) {
    cross.append(svg("path", { class: kind, d: `M${-arm} ${-arm}L${arm} ${arm}M${-arm} ${arm}L${arm} ${-arm}` }));
  }
  plot.append(
    svg("path", { class: "grid", d: grid.join("") }),
    svg("path", { class: "zero", d: `M0 ${-far}V${far}M${-far} 0H${far}` }),
    line,
    ellipse,
    axes,
    arrow,
    dot,
    cross,
  );

  const unit = (value) => Math.round(value * UNIT);
  /** From the point next to the origin so far to both sides that the ends lie outside. */
  function path({ a, b, c, slope }) {
    const [u, v] = [(-c * a) / slope ** 2, (-c * b) / slope ** 2];
    if (Math.hypot(u, v) > 1.5 * reach) return "";
    const [du, dv] = [(-3 * reach * b) / slope, (3 * reach * a) / slope];
    return `M${unit(u - du)} ${unit(v - dv)}L${unit(u + du)} ${unit(v + dv)}`;
  }
  function drawLines({ lines, here }, r) {
    rain.draw(r ? lines : [], Math.min(1, 4 / (2 * r + 1))); // many lines are fainter each: their meeting stands out
    line.setAttribute("d", here.slope > FLOOR ? path(here) : "");
  }
  function drawNormal([u, v]) {
    const length = Math.hypot(u, v);
    if (length < 0.01 * reach) return arrow.setAttribute("d", "");
    const [du, dv] = [u, v].map((part) => (part / length) * Math.min(0.08 * reach, 0.6 * length));
    const head = `M${unit(u - du - 0.6 * dv)} ${unit(v - dv + 0.6 * du)}L${unit(u)} ${unit(v)}`;
    arrow.setAttribute("d", `M0 0L${unit(u)} ${unit(v)}${head}L${unit(u - du + 0.6 * dv)} ${unit(v - dv - 0.6 * du)}`);
  }
  /** On the ellipse the mean square of what the constraints miss is LARGE above its least value. */
  function drawMotion({ motion, eigenvalues, turn }) {
    for (const part of [dot, ellipse, axes]) part.style.display = motion ? "" : "none";
    if (!motion) return;
    const [u, v] = motion.map(unit);
    const [long, short] = eigenvalues.map((value) => Math.min(20 * reach, Math.sqrt(LARGE / value)) * UNIT);
    const place = `translate(${u} ${v}) rotate(${((turn * 180) / Math.PI).toFixed(2)})`;
    dot.setAttribute("cx", u);
    dot.setAttribute("cy", v);
    dot.classList.toggle("unsure", eigenvalues[0] < LARGE);
    ellipse.setAttribute("rx", Math.round(short));
    ellipse.setAttribute("ry", Math.round(long));
    ellipse.setAttribute("transform", place);
    axes.setAttribute("d", `M${-Math.round(short)} 0H${Math.round(short)}M0 ${-Math.round(long)}V${Math.round(long)}`);
    axes.setAttribute("transform", place);
  }
  function draw(answer, r, truth) {
    drawLines(answer, r);
    drawNormal(answer.normal);
    drawMotion(answer);
    cross.style.display = truth ? "" : "none";
    if (truth) cross.setAttribute("transform", `translate(${truth.map(unit).join(" ")})`);
  }
  const scale = (kind, ends) =>
    h("div", { class: `scale ${kind}`, "aria-hidden": "true" }, ...ends.map((end, k) => h("span", { style: `--at: ${k / 4}` }, end)));
  const ticks = [-1, -0.5, 0, 0.5, 1].map((k) => `${k * reach}`.replace("-", "−"));
  const box = h("div", { class: "plane-of" }, scale("v", ticks), h("div", { class: "plot" }, rain.canvas, plot), scale("u", ticks));
  return { box, plot, draw };
}

async function render({ model, el }) {
  const sheet = model.get("slopes");
  const { width, height } = sheet;
  const given = model.get("truth");
  const [frames, slopes, truth] = await Promise.all([
    openSprite(model.get("frames")),
    openNumbers(sheet, 3),
    given && openNumbers(given, 2),
  ]);
  const scale = model.get("scale"); // pixels of the frames as they were given, in one that is shown
  const toShown = (v) => Math.floor((v + 0.5) / scale);
  const toGiven = (i) => Math.round((i + 0.5) * scale - 0.5);
  const at = { x: 0, y: 0, aperture: 0 };
  const last = { x: width - 1, y: height - 1, aperture: model.get("widest") };

  const frame = view(frames.width, frames.height, "One of the two frames; press or drag to choose a pixel");
  frame.box.style.aspectRatio = `${width} / ${height}`;
  frame.box.append(h("i", { class: "window" }));
  const plane = makePlane(model.get("reach"));
  const which = h("b");
  const place = h("span", { class: "axes" });
  let second = false;
  const paint = () => {
    frame.context.putImageData(frames.frame(second ? 1 : 0), 0, 0);
    which.textContent = second ? "second frame" : "first frame";
    other.setAttribute("aria-pressed", second);
  };
  const other = h("button", { type: "button", onclick: () => ((second = !second), paint()) }, "Second frame");

  const size = (r) => (r ? `${r} px: ${2 * r + 1}×${2 * r + 1} pixels` : "0: one pixel");
  const texts = {
    x: (i) => `${toGiven(i)} px (0–${toGiven(width - 1)})`,
    y: (i) => `${toGiven(i)} px (0–${toGiven(height - 1)})`,
    aperture: size,
  };
  const names = { x: "column x", y: "row y", aperture: "aperture radius" };
  const sliders = {};
  for (const [axis, name] of Object.entries(names)) {
    const oninput = (i) => move({ [axis]: i });
    sliders[axis] = slider({ name, kind: axis, last: last[axis], text: texts[axis], oninput });
  }

  const verdict = h("b", { class: "verdict" });
  const [equation, normal, values, motion, truthWords] = ["equation", "normal-of", "values", "motion", "truth"].map((kind) =>
    h("div", { class: kind }),
  );
  const key = (kind, words) => h("span", { class: `key ${kind}` }, words);
  let answer;

  function draw() {
    const { x, y, aperture } = at;
    answer = solve(slopes, width, height, x, y, aperture);
    const i = y * width + x;
    const real = truth && Number.isFinite(truth[0][i]) ? [truth[0][i], truth[1][i]] : null;
    plane.draw(answer, aperture, real);
    const { a, b, c } = answer.here;
    const [low, high] = answer.eigenvalues;
    verdict.textContent = words(answer.eigenvalues, aperture);
    const plus = (value) => `${value < -0.0005 ? "−" : "+"} ${Math.abs(value).toFixed(3)}`;
    equation.textContent = `${signed(a, 3)} u ${plus(b)} v ${plus(c)} = 0`;
    normal.textContent = `normal flow ${pair(answer.normal)}`;
    values.textContent = `λ₁ = ${small(low)}, λ₂ = ${small(high)} (large: above ${LARGE})`;
    motion.textContent = answer.motion ? `least squares (u, v) = ${pair(answer.motion)}` : "least squares: no single answer";
    const error = real && answer.motion && Math.hypot(answer.motion[0] - real[0], answer.motion[1] - real[1]);
    truthWords.textContent = !truth ? "" : !real ? "true motion unknown" : `true motion ${pair(real)}`;
    if (error) truthWords.textContent += `, error ${error.toFixed(2)} px`;
    const told = [verdict, equation, normal, values, motion, truthWords].map((part) => part.textContent).filter(Boolean);
    plane.plot.setAttribute("aria-label", `Plane of motions (u, v): ${told.join("; ")}`);
    place.textContent = `pixel (${toGiven(x)}, ${toGiven(y)})`;
    const { style } = frame.box; // not of the whole figure: all below would be styled anew
    style.setProperty("--x", `${((x - aperture) / width) * 100}%`);
    style.setProperty("--y", `${((y - aperture) / height) * 100}%`);
    style.setProperty("--w", `${((2 * aperture + 1) / width) * 100}%`);
    style.setProperty("--h", `${((2 * aperture + 1) / height) * 100}%`);
  }
  /** Choose another pixel or aperture. */
  function move(to, tell = true) {
    const before = { ...at };
    for (const [axis, wanted] of Object.entries(to)) at[axis] = clamp(Math.round(wanted), 0, last[axis]);
    if (answer && Object.keys(at).every((axis) => at[axis] === before[axis])) return;
    timed(el, draw);
    for (const axis of Object.keys(at)) sliders[axis].set(at[axis]);
    if (!tell) return;
    for (const axis of Object.keys(to)) model.set(axis, axis === "aperture" ? at[axis] : toGiven(at[axis]));
    model.save_changes();
  }
  drag(frame.box, (fx, fy) =>
    move({ x: partAt(fx, width), y: partAt(fy, height) }),
  );

  const wide = clamp(width / height, 0.8, 1.4); // of the frame’s column, in units of the plane’s
  const figure = h(
    "figure",
    { class: "constraint", "aria-label": model.get("alt"), style: `--columns: minmax(0, ${wide}fr) minmax(0, 1fr); --wide: ${wide}` },
    h(
      "div",
      { class: "column" },
      h("div", {}, h("div", { class: "caption" }, which, place), frame.box),
      h("div", { class: "buttons" }, other),
      sliders.aperture.row,
      h("div", { class: "two" }, sliders.x.row, sliders.y.row),
    ),
    h(
      "div",
      { class: "column" },
      h(
        "div",
        {},
        caption("motions (u, v)", "px/frame, u →  v ↓"),
        plane.box,
      ),
      h(
        "div",
        { class: "keys" },
        key("this", "this pixel’s line"),
        key("normal", "normal flow"),
        key("lines", "the aperture’s lines"),
        key("dot", "least squares"),
        ...(truth ? [key("truth", "true motion")] : []),
      ),
      h("div", { class: "said" }, verdict, equation, normal, values, motion, truthWords),
    ),
  );

  paint();
  const shown = (axis) => (axis === "aperture" ? model.get(axis) : toShown(model.get(axis)));
  move({ x: shown("x"), y: shown("y"), aperture: shown("aperture") }, false);
  for (const axis of Object.keys(at)) model.on(`change:${axis}`, () => move({ [axis]: shown(axis) }, false));
  el.answer = () => answer; // for tests
  mount(el, figure, { caption: model.get("caption") });
}

export default { render };
