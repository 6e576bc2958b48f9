// Filters of a first layer: each a little film, all in step. One of them is cut open: its frames, how much of its energy
// lies in each, and its x–t and y–t cuts, where what drifts is slanted. A slider goes through its training.
import { caption, checkbox, clamp, drag, h, mount, ownName, partAt, player, publish, signed, slider, timed, view } from "./kit.js";
import { addColours, energies, largest, openWeights, paintFilm } from "./filters_paint.js";

const FEW = 4; // frames: so few are shown side by side, as in filters_poster.py
const percent = (share) => `${Math.round(100 * share)} %`;

/** Columns of about a square of filters, of films with no hole at its end where that can be; as in filters_poster.py. */
function columnsFor(filters, shown) {
  if (shown > 1) return Math.ceil(Math.sqrt((1.5 * filters) / shown));
  const least = Math.ceil(Math.sqrt(filters));
  for (let columns = least; columns <= 1.5 * least; columns++) if (filters % columns === 0) return columns;
  return least;
}

/** One radio button a filter, which the browser lets the arrow keys walk through; up and down go by rows. */
function makeGrid({ filters, frames, wide, high }, names, choose) {
  const shown = frames <= FEW ? frames : 1;
  const columns = columnsFor(filters, shown);
  const group = ownName();
  const cells = names.map((name, k) => {
    const canvases = Array.from({ length: shown }, () => h("canvas", { width: wide, height: high, class: "pixelated" }));
    const input = h("input", { class: "cover", type: "radio", name: group, "aria-label": name, onchange: () => choose(k) });
    input.addEventListener("keydown", (event) => {
      const by = { ArrowUp: -columns, ArrowDown: columns }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      const next = cells[k + by];
      if (!next) return;
      next.input.focus();
      choose(k + by);
    });
    const film = h("div", { class: "film", "aria-hidden": "true" }, ...canvases);
    const called = h("span", { "aria-hidden": "true" }, name.replace(/^filter (?=\d+$)/, ""));
    const cell = h("label", { class: "cell", title: name }, input, film, called);
    return { cell, input, contexts: canvases.map((canvas) => canvas.getContext("2d")) };
  });
  const box = h("div", { class: "grid", role: "radiogroup", "aria-label": "filters" }, ...cells.map(({ cell }) => cell));
  box.style.setProperty("--columns", columns);
  box.style.setProperty("--shown", shown);
  return { box, cells, shown };
}

/** All frames in a row; under each a bar for its share of the energy. */
function makeStrip({ frames, wide, high }, goTo) {
  const columns = Array.from({ length: frames }, (_, t) => {
    const canvas = h("canvas", { width: wide, height: high, class: "pixelated" });
    const share = h("span", { class: "share" });
    const bar = h("i", { class: "bar" });
    const box = h("div", { class: "frame" }, canvas, h("span", { class: "t" }, t), h("div", { class: "energy" }, share, bar));
    return { box, context: canvas.getContext("2d"), share, bar };
  });
  const box = h("div", { class: "strip", role: "img" }, ...columns.map((column) => column.box));
  box.style.setProperty("--frames", frames);
  drag(box, (fx) => goTo(partAt(fx, frames)));
  return { box, columns };
}

async function render({ model, el }) {
  const net = openWeights(model);
  const { count, filters, frames, high, wide } = net;
  const coloured = net.channels === 3;
  const [steps, numbers, words, phrases, names, fps] = ["steps", "numbers", "words", "phrases", "names", "fps"].map((key) =>
    model.get(key),
  );
  const last = { t: frames - 1, filter: filters - 1, snapshot: count - 1, x: wide - 1, y: high - 1 };
  const at = {};
  const seen = model.get("seen");
  const look = { grey: !coloured || Boolean(model.get("grey")), common: Boolean(model.get("common")) };
  const began = look.grey;
  /** The pixels of all filters at all snapshots, and the largest weight of all, in each look once it is asked for. */
  const painted = {};
  function paintAll() {
    const shown = look.grey && coloured ? addColours(net) : net;
    const most = largest(shown.weights);
    const paint = (film) => paintFilm(shown, film, look.common ? most : largest(film));
    const row = (s) => Array.from({ length: filters }, (_, k) => paint(shown.film(s, k)));
    return { most, films: Array.from({ length: count }, (_, s) => row(s)) };
  }
  let films = []; // those of the chosen snapshot
  const frame = (k, t) => new ImageData(films[k].subarray(4 * t * high * wide, 4 * (t + 1) * high * wide), wide, high);

  const grid = makeGrid(net, names, (k) => move({ filter: k }));
  const strip = makeStrip(net, (t) => move({ t }));
  const ratio = clamp(Math.max(wide, high) / frames, 0.6, 1.6); // of a frame’s width to the length of the time axis
  const plane = (kind, columns, rows, shape, name) => {
    const made = view(columns, rows, name);
    made.canvas.classList.add("pixelated");
    made.box.classList.add(kind);
    made.box.style.aspectRatio = shape;
    const lines = [h("i", { class: "across" }), h("i", { class: "down" })];
    made.box.append(...lines);
    return made;
  };
  const planes = {
    frame: plane("of-t", wide, high, wide / high, "One frame of the chosen filter; press or drag to place the cuts"),
    yt: plane("of-x", frames, high, wide / high / ratio, "The y–t cut: one column over time; time runs to the right"),
    xt: plane("of-y", wide, frames, ratio, "The x–t cut: one row over time; time runs down"),
  };
  drag(planes.frame.box, (fx, fy) => move({ x: partAt(fx, wide), y: partAt(fy, high) }));
  drag(planes.yt.box, (fx, fy) => move({ t: partAt(fx, frames), y: partAt(fy, high) }));
  drag(planes.xt.box, (fx, fy) => move({ x: partAt(fx, wide), t: partAt(fy, frames) }));

  /** The film with its axes turned: pixel (i, j) of the cut is where(i, j) = [t, y, x]. */
  function drawCut({ context, canvas }, where) {
    const cut = new ImageData(canvas.width, canvas.height);
    const [from, to] = [new Uint32Array(films[at.filter].buffer), new Uint32Array(cut.data.buffer)];
    for (let j = 0, n = 0; j < cut.height; j++) {
      for (let i = 0; i < cut.width; i++) {
        const [t, y, x] = where(i, j);
        to[n++] = from[(t * high + y) * wide + x];
      }
    }
    context.putImageData(cut, 0, 0);
  }
  function drawPlanes() {
    planes.frame.context.putImageData(frame(at.filter, at.t), 0, 0);
    drawCut(planes.yt, (t, y) => [t, y, at.x]);
    drawCut(planes.xt, (x, t) => [t, at.y, x]);
    const { style } = ortho;
    for (const [axis, size] of Object.entries({ t: frames, x: wide, y: high })) {
      style.setProperty(`--${axis}`, `${(100 * (at[axis] + 0.5)) / size}%`);
    }
    captions.frame.textContent = `frame t = ${at.t}`;
    captions.yt.textContent = `y–t cut at x = ${at.x}`;
    captions.xt.textContent = `x–t cut at y = ${at.y}`;
  }
  function drawFilms() {
    const all = (painted[`${look.grey} ${look.common}`] ??= paintAll());
    films = all.films[at.snapshot];
    aside.hidden = !(look.grey && coloured);
    const most = Number(all.most.toPrecision(2));
    const ends = look.grey ? `white is +${most}, black −${most}` : `full colour is ±${most}`;
    scaleWords.textContent = `grey is 0, ${look.common ? ends : "each filter on its own scale"}`;
  }
  function drawGrid() {
    grid.cells.forEach(({ contexts }, k) => {
      contexts.forEach((context, t) => context.putImageData(frame(k, grid.shown > 1 ? t : at.t), 0, 0));
    });
  }
  function markFrame() {
    strip.columns.forEach(({ box }, t) => box.classList.toggle("now", t === at.t));
  }
  let shares;
  function drawStrip() {
    shares = energies(net, net.film(at.snapshot, at.filter));
    const most = Math.max(...shares) || 1;
    strip.columns.forEach(({ context, share, bar }, t) => {
      context.putImageData(frame(at.filter, t), 0, 0);
      share.textContent = Math.round(100 * shares[t]);
      bar.style.height = `${Math.round((48 * shares[t]) / most)}px`;
    });
    const told = shares.map((share, t) => `frame ${t} ${percent(share)}`).join(", ");
    strip.box.setAttribute("aria-label", `${names[at.filter]}, share of its energy: ${told}`);
  }

  const aside = h("span", { class: "axes" }, "measured in all three colours");
  const [name, verdict] = [h("b"), h("div", { class: "verdict", "aria-live": "polite" })];
  const numberOf = {};
  const number = (key, label, explained) => {
    numberOf[key] = h("dd");
    return h("div", { title: explained }, h("dt", {}, label), numberOf[key]);
  };
  const told = h(
    "dl",
    {},
    number("separable", "separable", "share of the energy in the best product of one picture and one course over time"),
    number("static", "standing still", "share of the energy in the mean over time"),
    number("index", "direction index", "0: no direction is preferred; 1: all energy drifts one way"),
    ...(count > 1 ? [number("change", `changed since step ${steps[0]}`, "‖w − w₀‖ / ‖w₀‖")] : []),
  );
  function tell() {
    const [separable, still, direction, change] = numbers[at.snapshot][at.filter];
    name.textContent = names[at.filter];
    verdict.textContent = phrases[words[at.snapshot][at.filter]];
    numberOf.separable.textContent = percent(separable);
    numberOf.static.textContent = percent(still);
    numberOf.index.textContent = signed(direction);
    if (count > 1) numberOf.change.textContent = change === null ? "began at 0" : percent(change);
    grid.cells.forEach(({ input }, k) => (input.checked = k === at.filter));
  }

  const texts = {
    t: (t) => `${t} (0–${frames - 1})`,
    snapshot: (s) => `step ${steps[s]} (${steps[0]}–${steps[count - 1]})`,
    x: (x) => `${x} (0–${wide - 1})`,
    y: (y) => `${y} (0–${high - 1})`,
  };
  const called = { t: "frame t", snapshot: "training", x: "column x", y: "row y" };
  const sliders = {};
  for (const [axis, called_] of Object.entries(called)) {
    const oninput = (i) => move({ [axis]: i });
    sliders[axis] = slider({ name: called_, kind: axis, last: last[axis], text: texts[axis], oninput });
  }
  const play = player({ count: frames, fps, get: () => at.t, show: (t) => move({ t }) });
  const boxes = {
    common: checkbox("one scale for all", look.common, (common) => change({ common })),
    grey: checkbox("in grey: red + green + blue", look.grey, (grey) => change({ grey, common: grey })),
  };
  const captions = { frame: h("b"), yt: h("b"), xt: h("b") };
  const scaleWords = h("span");

  /** In colour or in grey, each on its own scale or all on one. */
  function change(to, say = true) {
    Object.assign(look, to);
    look.grey ||= !coloured;
    for (const [key, { input }] of Object.entries(boxes)) input.checked = look[key];
    figure.setAttribute("aria-label", model.get("alt").replace(seen[Number(began)], seen[Number(look.grey)]));
    drawFilms(); // painted once, before the clock runs
    timed(el, () => [drawGrid, drawStrip, drawPlanes].forEach((draw) => draw()));
    if (say) publish(model, to);
  }
  /** Another frame, filter, snapshot or place of the cuts. */
  function move(to, say = true) {
    const changed = {};
    for (const [axis, wanted] of Object.entries(to)) {
      const value = clamp(Math.round(wanted), 0, last[axis]);
      if (value !== at[axis]) changed[axis] = at[axis] = value;
    }
    const has = (...axes) => axes.some((axis) => axis in changed);
    if (!Object.keys(changed).length) return;
    if (has("snapshot")) drawFilms();
    timed(el, () => {
      if (has("snapshot") || (has("t") && grid.shown === 1)) drawGrid();
      if (has("t")) markFrame();
      if (has("snapshot", "filter")) drawStrip();
      drawPlanes();
      if (has("snapshot", "filter")) tell();
    });
    for (const axis of Object.keys(changed)) sliders[axis]?.set(at[axis]);
    if (say) publish(model, changed);
  }

  const ortho = h(
    "div",
    { class: "ortho", style: `--ratio: ${ratio}; --wide: ${wide}` },
    h("div", {}, caption(captions.frame, "x →  y ↓"), planes.frame.box),
    h("div", {}, caption(captions.yt, "t →  y ↓"), planes.yt.box),
    h("div", {}, caption(captions.xt, "x →  t ↓"), planes.xt.box),
    h("div", { class: "cuts" }, sliders.y.row, sliders.x.row, h("p", {}, "Vertical in x–t, or level in y–t: it stands still. Slanted: it moves.")),
  );
  const figure = h(
    "figure",
    { class: frames <= FEW ? "filters few" : "filters", "aria-label": model.get("alt") },
    h(
      "div",
      { class: "column" },
      h("div", {}, caption(`all ${filters} filters`, scaleWords), grid.box),
      h("div", { class: "buttons" }, play.button, boxes.common.row, ...(coloured ? [boxes.grey.row] : [])),
      sliders.t.row,
      ...(count > 1 ? [sliders.snapshot.row] : []),
    ),
    h(
      "div",
      { class: "column" },
      h("div", { class: "told" }, h("div", { class: "caption" }, name, aside), verdict, told),
      h("div", {}, caption(`its ${frames} frames`, "bars: share of squared weight, %"), strip.box),
      ortho,
    ),
  );

  const axes = Object.keys(last);
  move(Object.fromEntries(axes.map((axis) => [axis, model.get(axis)])), false);
  for (const axis of axes) model.on(`change:${axis}`, () => move({ [axis]: model.get(axis) }, false));
  for (const key of Object.keys(look)) model.on(`change:${key}`, () => change({ [key]: Boolean(model.get(key)) }, false));
  el.filters = { weights: net.weights, shares: () => shares }; // for tests
  mount(el, figure, { caption: model.get("caption"), space: () => play.toggle() });
}

export default { render };
