// Temporal filtering: at every pixel, the frames around t are weighed by the taps of a kernel and added up,
//
//     J(x, y, t) = Σ_k  kernel[k] · I(x, y, t + k − centre)        (frames outside the clip repeat its ends)
//
// Bend the kernel, and see what it does to the picture and to one pixel over time.
import { clamp, drag, h, mount, openSprite, player, slider, timed, view } from "./kit.js";

const ZERO_SUM = 0.1; // a kernel whose taps cancel to less than this share of their size sees only change

/** Luma of the pixel at `i`. */
const grey = (rgba, i) => 0.299 * rgba[i] + 0.587 * rgba[i + 1] + 0.114 * rgba[i + 2];

async function render({ model, el }) {
  const sprite = await openSprite(model.get("sprite"));
  const { width, height, count, step, scale } = sprite;
  const bytes = new Uint8Array(sprite.volume.buffer); // r g b a of every pixel, frame after frame
  const size = width * height * 4;
  const sums = new Float32Array(size);
  let kernel = Float64Array.from(model.get("kernel"));
  const taps = kernel.length;
  const centre = Math.floor(taps / 2);
  const offset = (k) => (k > centre ? `+${k - centre}` : `${k - centre}`.replace("-", "−"));
  let limit, t, px, py;

  const original = view(width, height, "The clip; press to choose the pixel of the curve below");
  const filtered = view(width, height, "The filtered clip; press to choose the pixel of the curve below");
  const output = new ImageData(width, height);

  const sum = () => kernel.reduce((total, tap) => total + tap, 0);
  const mass = () => kernel.reduce((total, tap) => total + Math.abs(tap), 0);
  const seesChange = () => Math.abs(sum()) < ZERO_SUM * mass();

  const frameAt = (k) => {
    const from = clamp(t + k - centre, 0, count - 1) * size;
    return bytes.subarray(from, from + size);
  };
  /** J at time t, in grey levels. Four frames in a pass: reading and writing the sums costs more than multiplying. */
  function filter() {
    sums.fill(0);
    const used = [...kernel.keys()].filter((k) => kernel[k] !== 0);
    for (let j = 0; j < used.length; j += 4) {
      const [a, b, c, d] = [0, 1, 2, 3].map((n) => kernel[used[j + n]] ?? 0);
      const [f, g, h, i] = [0, 1, 2, 3].map((n) => frameAt(used[j + n] ?? centre));
      for (let p = 0; p < size; p++) sums[p] += a * f[p] + b * g[p] + c * h[p] + d * i[p];
    }
  }

  /** As it is where the taps add up to a brightness; around mid-grey, for both signs, where they cancel. */
  function drawFiltered() {
    const pixels = output.data; // clips to 0 … 255 by its type
    if (seesChange()) {
      const gain = 2 / (mass() || 1);
      for (let i = 0; i < size; i += 4) {
        pixels[i] = pixels[i + 1] = pixels[i + 2] = 127.5 + gain * grey(sums, i);
        pixels[i + 3] = 255;
      }
    } else {
      for (let i = 0; i < size; i++) pixels[i] = sums[i];
      for (let i = 3; i < size; i += 4) pixels[i] = 255;
    }
    filtered.context.putImageData(output, 0, 0);
  }

  // --- one pixel over time -----------------------------------------------------------------------------------------
  const svg = (tag, props) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(props)) node.setAttribute(name, value);
    return node;
  };
  const [WIDE, HIGH] = [4000, 480]; // of the plot; whole numbers in these units are quicker to write than fractions
  const plot = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img" });
  const before = svg("polyline", { class: "before" });
  const after = svg("polyline", { class: "after" });
  const nowLine = svg("line", { class: "now", y1: 0, y2: HIGH });
  const zeroLine = svg("line", { class: "zero", x1: 0, x2: WIDE, y1: HIGH / 2, y2: HIGH / 2 });
  plot.append(zeroLine, before, after, nowLine);
  const right = (frame) => Math.round(((frame + 0.5) / count) * WIDE);
  const points = (values) =>
    Array.from(values, (v, f) => `${right(f)},${Math.round(HIGH * (0.95 - 0.9 * clamp(v, -0.05, 1.05)))}`).join(" ");
  const signal = new Float64Array(count); // brightness of the pixel over time

  function readPixel() {
    for (let f = 0; f < count; f++) signal[f] = grey(bytes, f * size + (py * width + px) * 4) / 255;
    before.setAttribute("points", points(signal));
    const place = [px, py].map((i) => Math.round((i + 0.5) * scale - 0.5)).join(", ");
    plotName.textContent = `pixel (${place}) over time`;
    plot.setAttribute("aria-label", `Brightness of pixel (${place}) over time, before and after the filter`);
  }
  function drawCurve() {
    const [gain, zero] = seesChange() ? [2 / (mass() || 1), 0.5] : [1, 0];
    const answer = signal.map((_, f) => {
      let total = 0;
      for (let k = 0; k < taps; k++) total += kernel[k] * signal[clamp(f + k - centre, 0, count - 1)];
      return gain * total + zero;
    });
    after.setAttribute("points", points(answer));
    zeroLine.style.display = seesChange() ? "" : "none";
  }

  // --- the kernel ----------------------------------------------------------------------------------------------------
  const inputs = Array.from(kernel, (_, k) => {
    const input = h("input", { type: "range", step: "any", "aria-label": `tap at ${offset(k)} frames` });
    input.addEventListener("input", () => bend(k, Number(input.value)));
    input.addEventListener("keydown", (event) => {
      const by = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 5, PageDown: -5 }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      bend(k, kernel[k] + (by * limit) / 25);
    });
    return input;
  });
  const tapBoxes = inputs.map((input, k) =>
    h("label", { class: "tap" }, input, h("i", { class: "stem" }), h("i", { class: "dot" }), h("span", {}, offset(k))),
  );
  const editor = h("div", { class: "editor" }, ...tapBoxes);
  const verdict = h("span", { class: "readout" });

  function paintTap(k) {
    inputs[k].value = kernel[k];
    inputs[k].setAttribute("aria-valuetext", kernel[k].toFixed(3));
    tapBoxes[k].style.setProperty("--tap", clamp(kernel[k] / limit, -1, 1));
  }
  function bend(k, value) {
    value = Math.abs(value) < limit / 40 ? 0 : clamp(value, -limit, limit);
    if (value === kernel[k]) return;
    kernel[k] = value;
    paintTap(k);
    changed();
  }
  function changed(tell = true) {
    timed(el, () => {
      const total = sum()
        .toFixed(2)
        .replace("-", "−")
        .replace(/^−(0\.00)$/, "$1");
      verdict.textContent = `taps add up to ${total}` + (seesChange() ? ": only change is seen, grey is 0" : "");
      for (const [name, button] of Object.entries(buttons)) button.setAttribute("aria-pressed", same(presets[name]));
      filter();
      drawFiltered();
      drawCurve();
    });
    if (!tell) return;
    model.set("kernel", Array.from(kernel));
    model.save_changes();
  }
  /** The scale of the editor leaves room above the largest tap. */
  function rescale() {
    limit = 1.25 * (Math.max(...kernel.map(Math.abs)) || 1);
    for (const input of inputs) Object.assign(input, { min: -limit, max: limit });
    for (const k of kernel.keys()) paintTap(k);
  }
  // Draw the curve with the mouse: every column the pointer passes takes its height.
  drag(editor, (fx, fy) =>
    bend(
      Math.min(taps - 1, Math.floor(fx * taps)),
      (1 - 2 * clamp((fy * editor.clientHeight) / (editor.clientHeight - 22), 0, 1)) * limit,
    ),
  );

  const presets = model.get("presets");
  const same = (preset) => preset.every((tap, k) => Math.abs(tap - kernel[k]) < 1e-6);
  const choose = (values, tell) => {
    kernel = Float64Array.from(values);
    rescale();
    changed(tell);
  };
  const buttons = Object.fromEntries(
    Object.keys(presets).map((name) => [
      name,
      h("button", { type: "button", onclick: () => choose(presets[name]) }, name),
    ]),
  );

  // --- time and place --------------------------------------------------------------------------------------------------
  const time = slider({
    name: "frame t",
    kind: "t",
    last: count - 1,
    text: (i) => `${i * step} of ${sprite.source[0]} · ${sprite.when(i)}`,
    oninput: (i) => move(i),
  });
  function move(i, tell = true) {
    i = clamp(Math.round(i), 0, count - 1);
    if (i === t) return;
    t = i;
    timed(el, () => {
      original.context.putImageData(sprite.frame(t), 0, 0);
      filter();
      drawFiltered();
      nowLine.setAttribute("x1", right(t));
      nowLine.setAttribute("x2", right(t));
    });
    time.set(t);
    if (!tell) return;
    model.set("t", t * step);
    model.save_changes();
  }
  function pick(fx, fy) {
    px = Math.min(width - 1, Math.floor(fx * width));
    py = Math.min(height - 1, Math.floor(fy * height));
    figure.style.setProperty("--x", `${((px + 0.5) / width) * 100}%`);
    figure.style.setProperty("--y", `${((py + 0.5) / height) * 100}%`);
    readPixel();
    drawCurve();
  }
  for (const { box } of [original, filtered]) {
    box.append(h("i", { class: "spot" }));
    drag(box, pick);
  }
  const curve = h("div", { class: "curve" }, plot);
  drag(curve, (fx) => move(Math.floor(fx * count)));
  const play = player({ count, fps: sprite.fps / step, get: () => t, show: move });

  const plotName = h("b");
  const key = (kind, words) => h("span", { class: `key ${kind}` }, words);
  const caption = (...parts) => h("div", { class: "caption" }, ...parts);
  const figure = h(
    "figure",
    { class: "filter", "aria-label": model.get("alt"), style: `--shape: ${(2 * width) / height}` },
    h("div", { class: "plane" }, caption(h("b", {}, "the clip")), original.box),
    h("div", { class: "plane" }, caption(h("b", {}, "the clip, filtered along t")), filtered.box),
    h(
      "div",
      { class: "wide" },
      caption(plotName, h("span", {}, key("before", "before"), key("after", "after"))),
      curve,
    ),
    h("div", {}, caption(h("b", {}, "kernel: drag or use the arrow keys")), editor, verdict),
    h(
      "div",
      { class: "controls" },
      h("div", { class: "buttons" }, ...Object.values(buttons)),
      h("div", { class: "buttons" }, play.button),
      time.row,
    ),
  );
  if (model.get("caption")) figure.append(h("figcaption", {}, model.get("caption")));

  [px, py] = [model.get("x"), model.get("y")].map((v, i) =>
    Math.min([width, height][i] - 1, Math.floor((v + 0.5) / scale)),
  );
  rescale();
  move(model.get("t") / step, false);
  changed(false);
  pick((px + 0.5) / width, (py + 0.5) / height);
  model.on("change:t", () => move(model.get("t") / step, false));
  model.on("change:kernel", () => same(model.get("kernel")) || choose(model.get("kernel"), false));
  el.filtered = () => sums; // for tests: J at time t, signed, in grey levels, r g b a
  mount(el, figure, { space: () => play.toggle() });
}

export default { render };
