// Temporal filtering: at every pixel, the frames around t are weighed by the taps of a kernel and added up,
//
//     J(x, y, t) = Σ_k  kernel[k] · I(x, y, t + k − centre)        (frames outside the clip repeat its ends)
//
// Bend the kernel, and see what it does to the picture and to one pixel over time.
import { caption, clamp, drag, h, mount, openSprite, partAt, player, publish, signed, slider, svg, timed, view } from "./kit.js";
import { weighing } from "./weighing.js";

const ZERO_SUM = 0.1; // a kernel whose taps cancel to less than this share of their size sees only change
const sum = (kernel) => kernel.reduce((total, tap) => total + tap, 0);
const size = (kernel) => kernel.reduce((total, tap) => total + Math.abs(tap), 0) || 1;
const seesChange = (kernel) => Math.abs(sum(kernel)) < ZERO_SUM * size(kernel);
/** How an answer is shown: as it is where the taps add up to a brightness, around mid-grey where they cancel. */
const display = (kernel) => (seesChange(kernel) ? { gain: 2 / size(kernel), zero: 0.5 } : { gain: 1, zero: 0 });
const luma = (rgba, i) => 0.299 * rgba[i] + 0.587 * rgba[i + 1] + 0.114 * rgba[i + 2];

/** The filtered frame: `compute` fills `sums` (signed grey levels, r g b a), `draw` shows them. */
function makeFilter(sprite, context) {
  const { volume, width, height, count } = sprite;
  const bytes = new Uint8Array(volume.buffer); // r g b a of every pixel, frame after frame
  const length = width * height * 4;
  const { sums, add } = weighing(sprite);
  const output = new ImageData(width, height);

  function compute(kernel, t) {
    const centre = (kernel.length - 1) / 2;
    const used = [...kernel.keys()].filter((k) => kernel[k] !== 0);
    add(
      used.map((k) => kernel[k]),
      used.map((k) => clamp(t + k - centre, 0, count - 1)),
    );
  }
  function draw(kernel) {
    const pixels = output.data; // rounds and clips to 0 … 255 by its type
    const { gain, zero } = display(kernel);
    if (seesChange(kernel)) {
      for (let i = 0; i < length; i += 4) pixels[i] = pixels[i + 1] = pixels[i + 2] = gain * luma(sums, i) + 255 * zero;
    } else {
      for (let i = 0; i < length; i++) pixels[i] = sums[i];
    }
    for (let i = 3; i < length; i += 4) pixels[i] = 255;
    context.putImageData(output, 0, 0);
  }
  /** Whether the answer leaves the range that a screen can show. */
  function clips(kernel) {
    const { gain, zero } = display(kernel);
    for (let i = 1; i < length; i += 4) if (Math.abs(gain * sums[i] + 255 * (zero - 0.5)) > 129) return true;
    return false;
  }
  const pixel = (x, y) =>
    Float64Array.from({ length: count }, (_, t) => luma(bytes, t * length + (y * width + x) * 4) / 255);
  return { compute, draw, clips, pixel, sums };
}

/** One pixel over time, before and after. Whole numbers in large units are quicker to write than fractions. */
function makePlot(count) {
  const [WIDE, HIGH] = [4000, 480];
  const plot = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img" });
  const zeroLine = svg("line", { class: "zero", x1: 0, x2: WIDE, y1: HIGH / 2, y2: HIGH / 2 });
  const before = svg("polyline", { class: "before" });
  const after = svg("polyline", { class: "after" });
  const now = svg("line", { class: "now", y1: 0, y2: HIGH });
  plot.append(zeroLine, before, after, now);

  const right = (t) => Math.round(((t + 0.5) / count) * WIDE);
  const down = (value) => Math.round(HIGH * (0.95 - 0.9 * clamp(value, -0.05, 1.05)));
  const points = (values) => Array.from(values, (value, t) => `${right(t)},${down(value)}`).join(" ");
  let signal;

  function setSignal(values, name) {
    signal = values;
    before.setAttribute("points", points(signal));
    plot.setAttribute("aria-label", `Brightness of ${name} over time, before and after the filter`);
  }
  function setKernel(kernel) {
    const centre = (kernel.length - 1) / 2;
    const { gain, zero } = display(kernel);
    const answer = signal.map((_, t) => {
      let total = 0;
      for (let k = 0; k < kernel.length; k++) total += kernel[k] * signal[clamp(t + k - centre, 0, count - 1)];
      return gain * total + zero;
    });
    after.setAttribute("points", points(answer));
    zeroLine.style.display = seesChange(kernel) ? "" : "none";
  }
  function setTime(t) {
    now.setAttribute("x1", right(t));
    now.setAttribute("x2", right(t));
  }
  return { box: h("div", { class: "curve" }, plot), setSignal, setKernel, setTime };
}

/** The kernel as stems to bend: one native slider a tap for the keyboard, and a surface to draw on for the pointer. */
function makeEditor(taps, changed, chosen) {
  const FOOT = 24; // pixels below the stems, for their names (as in kit.css)
  const centre = (taps - 1) / 2;
  const name = (k) => (k > centre ? `+${k - centre}` : `${k - centre}`.replace("-", "−"));
  let kernel, limit;

  const inputs = Array.from({ length: taps }, (_, k) => {
    const input = h("input", { type: "range", step: "any", "aria-label": `tap at ${name(k)} frames` });
    input.addEventListener("input", () => bend(k, Number(input.value)));
    input.addEventListener("focus", () => chosen(tell(k)));
    input.addEventListener("keydown", (event) => {
      const by = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 5, PageDown: -5 }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      bend(k, kernel[k] + (by * limit) / 25);
    });
    return input;
  });
  const stems = inputs.map((input, k) =>
    h("label", { class: "tap" }, input, h("i", { class: "stem" }), h("i", { class: "dot" }), h("span", {}, name(k))),
  );
  const box = h("div", { class: "editor" }, ...stems);
  // Every column that the pointer passes takes its height.
  drag(box, (fx, fy) => {
    const height = (fy * box.clientHeight) / (box.clientHeight - FOOT);
    bend(partAt(fx, taps), (1 - 2 * height) * limit);
  });

  function paint(k) {
    inputs[k].value = kernel[k];
    inputs[k].setAttribute("aria-valuetext", kernel[k].toFixed(3));
    stems[k].style.setProperty("--tap", clamp(kernel[k] / limit, -1, 1));
  }
  const tell = (k) => `tap ${name(k)}: ${signed(kernel[k], 3)}`;
  function bend(k, value) {
    value = Math.abs(value) < limit / 40 ? 0 : clamp(value, -limit, limit);
    if (value === kernel[k]) return;
    kernel[k] = value;
    paint(k);
    changed();
    chosen(tell(k));
  }
  /** Takes over another kernel; the scale leaves room above its largest tap. */
  function set(values) {
    kernel = values;
    limit = 1.25 * (Math.max(...kernel.map(Math.abs)) || 1);
    inputs.forEach((input, k) => {
      Object.assign(input, { min: -limit, max: limit });
      paint(k);
    });
  }
  return { box, set };
}

async function render({ model, el }) {
  const sprite = await openSprite(model.get("sprite"));
  const { width, height, count, step, scale } = sprite;
  const original = view(width, height, "The clip; press to choose the pixel of the curve below");
  const filtered = view(width, height, "The filtered clip; press to choose the pixel of the curve below");
  const filter = makeFilter(sprite, filtered.context);
  const plot = makePlot(count);
  const editor = makeEditor(
    model.get("kernel").length,
    () => kernelChanged(),
    (tap) => (tapValue.textContent = tap),
  );
  const presets = model.get("presets");
  const verdict = h("span", { class: "readout" });
  const tapValue = h("span", { class: "axes", "aria-hidden": "true" });
  const pixelName = h("b");
  let kernel, t;

  const same = (other) => other.length === kernel.length && other.every((tap, k) => Math.abs(tap - kernel[k]) < 1e-6);
  const buttons = Object.entries(presets).map(([name, taps]) => {
    return { taps, box: h("button", { type: "button", onclick: () => setKernel(taps) }, name) };
  });
  function setKernel(values, tell = true) {
    kernel = Float64Array.from(values);
    editor.set(kernel); // which bends this very array
    kernelChanged(tell);
  }
  function kernelChanged(tell = true) {
    timed(el, () => {
      filter.compute(kernel, t);
      filter.draw(kernel);
      plot.setKernel(kernel);
    });
    const note = seesChange(kernel) ? ": only change is seen, grey is 0" : "";
    verdict.textContent = `taps add up to ${signed(sum(kernel))}${note}${filter.clips(kernel) ? "; some pixels are clipped" : ""}`;
    for (const { taps, box } of buttons) box.setAttribute("aria-pressed", same(taps));
    if (tell) publish(model, { kernel: Array.from(kernel) });
  }

  const time = slider({
    name: "frame t",
    kind: "t",
    last: count - 1,
    text: (i) => `${i * step} (0–${sprite.source[0] - 1}) · ${sprite.when(i)}`,
    oninput: (i) => setTime(i),
  });
  function setTime(i, tell = true) {
    i = clamp(Math.round(i), 0, count - 1);
    if (i === t) return;
    t = i;
    timed(el, () => {
      original.context.putImageData(sprite.frame(t), 0, 0);
      filter.compute(kernel, t);
      filter.draw(kernel);
      plot.setTime(t);
    });
    time.set(t);
    if (tell) publish(model, { t: t * step });
  }
  const play = player({ count, fps: sprite.fps / step, get: () => t, show: setTime });

  function setPixel(fx, fy) {
    const [x, y] = [partAt(fx, width), partAt(fy, height)];
    const name = `pixel (${[x, y].map((i) => Math.round((i + 0.5) * scale - 0.5)).join(", ")})`;
    pixelName.textContent = `${name} over time`;
    figure.style.setProperty("--x", `${((x + 0.5) / width) * 100}%`);
    figure.style.setProperty("--y", `${((y + 0.5) / height) * 100}%`);
    plot.setSignal(filter.pixel(x, y), name);
    plot.setKernel(kernel);
  }
  for (const { box } of [original, filtered]) {
    box.append(h("i", { class: "spot" }));
    drag(box, setPixel);
  }
  drag(plot.box, (fx) => setTime(Math.floor(fx * count)));

  const key = (kind) => h("span", { class: `key ${kind}` }, kind);
  const figure = h(
    "figure",
    { class: "filter", "aria-label": model.get("alt"), style: `--shape: ${(2 * width) / height}` },
    h("div", {}, caption("the clip"), original.box),
    h("div", {}, caption("the clip, filtered along t"), filtered.box),
    h("div", { class: "wide" }, h("div", { class: "caption" }, pixelName, h("span", {}, key("before"), key("after"))), plot.box),
    h("div", {}, h("div", { class: "caption" }, h("b", {}, "kernel: drag or use the arrow keys"), tapValue), editor.box, verdict),
    h("div", { class: "controls" }, h("div", { class: "buttons" }, ...buttons.map(({ box }) => box)), h("div", {}, play.button), time.row),
  );

  kernel = Float64Array.from(model.get("kernel"));
  setTime(model.get("t") / step, false);
  setPixel((model.get("x") + 0.5) / scale / width, (model.get("y") + 0.5) / scale / height);
  setKernel(kernel, false);
  model.on("change:t", () => setTime(model.get("t") / step, false));
  model.on("change:kernel", () => {
    const given = model.get("kernel");
    if (given.length === kernel.length && !same(given)) setKernel(given, false);
  });
  el.filtered = filter.sums; // for tests
  mount(el, figure, { caption: model.get("caption"), space: () => play.toggle() });
}

export default { render };
