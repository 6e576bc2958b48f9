// Horn and Schunck's iteration: the flow after 0, 1, 2, 4, 8, … steps, for several λ, beside its frames. Everything that
// is shown was computed before; with a kernel behind it, a λ between those is asked for and kept.
import { clamp, drag, h, mount, openSprite, partAt, player, publish, slider, svg, timed, view } from "./kit.js";

const BLINK = 450; // milliseconds a frame: about two changes a second, below the three that can harm
const RATE = 2.5; // stops a second while it plays
const STEPS = 10; // of the slider to a factor of ten in λ, with a kernel

const number = (value) => (value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(2) : value.toPrecision(3));
const tidy = (value) => `${Number(value.toPrecision(3))}`.replace("e-", "·10^−").replace(/^1·/, "");

/** A number after each stop, for every λ: all faint, the chosen one strong, with a dot at the stop that is shown. */
function makePlot({ name, stops, runs, height, ends, unit, move }) {
  const [WIDE, HIGH] = [1000, 400];
  const last = stops.length - 1;
  const plot = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img" });
  const across = (k) => (k + 0.5) / (last + 1);
  const down = (value) => 0.06 + 0.88 * (1 - clamp(height(value), 0, 1));
  const points = (run) => run.map((value, k) => `${Math.round(across(k) * WIDE)},${Math.round(down(value) * HIGH)}`).join(" ");
  for (const run of runs) plot.append(svg("polyline", { class: "other", points: points(run) }));
  const chosen = svg("polyline", { class: "chosen" });
  const now = svg("line", { class: "now", y1: 0, y2: HIGH });
  plot.append(now, chosen);
  const dot = h("i", { class: "dot" });
  const surface = h("div", { class: "run" }, plot, dot);
  drag(surface, (fx) => move(partAt(fx, stops.length)));
  const readout = h("span", { class: "axes" });
  const every = stops.length > 8 ? 2 : 1;
  const ticks = stops.map((stop, k) => h("span", {}, (last - k) % every ? "" : `${stop}`));
  const box = h(
    "div",
    { class: "plot" },
    h("div", { class: "caption" }, h("b", {}, name), readout),
    h("div", { class: "scale", "aria-hidden": "true" }, ...ends.map((end) => h("span", {}, end))),
    surface,
    h("div", { class: "ticks", "aria-hidden": "true" }, ...ticks),
  );
  let run;
  return {
    box,
    setRun(values) {
      run = values;
      chosen.setAttribute("points", points(run));
    },
    setStop(k) {
      now.setAttribute("x1", Math.round(across(k) * WIDE));
      now.setAttribute("x2", Math.round(across(k) * WIDE));
      dot.style.left = `${across(k) * 100}%`;
      dot.style.top = `${down(run[k]) * 100}%`;
      readout.textContent = unit(run[k], run);
      plot.setAttribute("aria-label", `${name} after ${stops[k]} iterations: ${readout.textContent}`);
    },
  };
}

async function render({ model, el }) {
  const [frames, fields] = await Promise.all([openSprite(model.get("frames")), openSprite(model.get("fields"))]);
  const [stops, choices, truth] = ["stops", "choices", "truth"].map((key) => model.get(key));
  const last = stops.length - 1;
  const [energies, errors] = [model.get("energies"), model.get("errors")];
  const known = new Map(); // λ → what is shown for it
  choices.forEach((value, i) => {
    const picture = (k) => fields.frame(i * stops.length + k);
    known.set(value, { picture, energies: energies[i], errors: errors[i] });
  });

  const shape = `${frames.source[2]} / ${frames.source[1]}`;
  const picture = (width, height, name) => {
    const made = view(width, height, name);
    made.box.style.aspectRatio = shape;
    return made;
  };
  const frame = picture(frames.width, frames.height, "The two frames, one at a time");
  const flow = picture(fields.width, fields.height, "The flow, its direction as hue and its length as strength");
  const tile = (name, words, box) => h("div", { class: "tile" }, h("div", { class: "caption" }, name, words), box);

  // The frames: one at a time, by hand or blinking.
  const which = h("b");
  let second = false;
  let clock;
  const swap = () => {
    second = !second;
    paint();
  };
  const paint = () => {
    frame.context.putImageData(frames.frame(second ? 1 : 0), 0, 0);
    which.textContent = second ? "second frame" : "first frame";
  };
  const blink = h("button", { type: "button", "aria-pressed": "false", onclick: () => setBlink(!clock) }, "Blink frames");
  function setBlink(on) {
    clearInterval(clock);
    clock = on ? setInterval(() => (el.isConnected ? swap() : setBlink(false)), BLINK) : undefined;
    blink.setAttribute("aria-pressed", on);
  }
  const other = h("button", { type: "button", onclick: () => (setBlink(false), swap()) }, "Other frame");

  // The curves. Energy falls by powers of ten, so its axis is one of powers.
  const all = energies.flat().filter((value) => value > 0);
  const [low, high] = all.length ? [Math.min(...all), Math.max(...all)] : [0.1, 1];
  const span = Math.log(high / low) || 1;
  const energyPlot = makePlot({
    name: "energy (log)",
    stops,
    runs: energies,
    height: (value) => (value > 0 ? Math.log(value / low) / span : 0),
    ends: [number(high), number(low)],
    unit: (value, run) => `${number(value)}${run[0] > 0 ? ` · ${((100 * value) / run[0]).toFixed(1)} % of start` : ""}`,
    move: (i) => move(i),
  });
  const largestError = Math.max(...errors.flat(), 1e-6);
  const errorPlot =
    truth &&
    makePlot({
      name: "mean endpoint error",
      stops,
      runs: errors,
      height: (value) => value / largestError,
      ends: [number(largestError), "0"],
      unit: (value) => `${value.toFixed(3)} px`,
      move: (i) => move(i),
    });

  // λ: those that the page carries, or any, if a kernel can be asked.
  const kernel = model.get("kernel");
  const [first, end] = [choices[0], choices[choices.length - 1]];
  const fine = Math.round(Math.log10(end / first) * STEPS);
  const offered = kernel
    ? Array.from({ length: fine + 1 }, (_, i) => Number((first * 10 ** (i / STEPS)).toPrecision(3)))
    : choices;
  const nearest = (value) => {
    const off = offered.map((each) => Math.abs(Math.log(each / value)));
    return off.indexOf(Math.min(...off));
  };
  let wanted, shown, asked, k;

  const name = h("b");
  const time = slider({
    name: "iteration",
    kind: "t",
    last,
    text: (i) => `${stops[i]} of ${stops[last]}`,
    oninput: (i) => move(i),
  });
  const lambda = slider({
    name: "smoothness λ",
    last: offered.length - 1,
    text: () => `${tidy(wanted)}${wanted === shown ? "" : " · computing …"}`,
    oninput: (i) => want(offered[i]),
  });

  function draw() {
    const run = known.get(shown);
    flow.context.putImageData(run.picture(k), 0, 0);
    energyPlot.setStop(k);
    if (truth) errorPlot.setStop(k);
    name.textContent = `flow, iteration ${stops[k]}`;
  }
  function move(i, tell = true) {
    if (i === k || i < 0 || i > last) return;
    k = i;
    timed(el, draw);
    time.set(k);
    if (tell) publish(model, { iteration: stops[k] });
  }
  /** Show another λ: at once where it is known, else when the kernel has answered. */
  function want(value, tell = true) {
    if (value === wanted && value === shown) return;
    wanted = value;
    if (known.has(wanted)) {
      shown = wanted;
      timed(el, () => {
        energyPlot.setRun(known.get(shown).energies);
        if (truth) errorPlot.setRun(known.get(shown).errors);
        draw();
      });
    } else if (kernel && asked === undefined) asked = wanted; // one question at a time
    lambda.set(nearest(wanted));
    if (tell && (wanted === shown || wanted === asked)) publish(model, { smoothness: wanted });
  }
  async function answered() {
    const answer = model.get("computed");
    if (!answer) return;
    const { frame: at } = await openSprite(answer.fields);
    known.set(answer.smoothness, { picture: at, energies: answer.energies, errors: answer.errors });
    asked = undefined;
    want(wanted);
  }
  const play = player({ count: stops.length, fps: RATE, get: () => k, show: move });

  const controls = h(
    "div",
    { class: "controls" },
    h("div", { class: "buttons" }, play.button, blink, other),
    time.row,
    lambda.row,
  );
  const key = h(
    "div",
    { class: "legend" },
    h("img", { src: model.get("wheel"), alt: "", width: 48, height: 48 }),
    h("span", {}, `Colour: where to. Rim: ${tidy(model.get("largest"))} px per frame, darker: more. Faint curves: the other λ.`),
  );
  const columns = truth ? 3 : 2;
  const figure = h(
    "figure",
    {
      class: "hornschunck",
      "aria-label": model.get("alt"),
      style: `--columns: ${columns}; --shape: ${(columns * frames.source[2]) / frames.source[1]}`,
    },
    tile(which, h("span", { class: "axes" }, `${frames.source[2]}×${frames.source[1]}`), frame.box),
    tile(name, "", flow.box),
  );
  if (truth) {
    const right = picture(fields.width, fields.height, "The true flow");
    right.context.putImageData(fields.frame(fields.count - 1), 0, 0);
    figure.append(tile(h("b", {}, "true flow"), "", right.box));
  }
  controls.append(key);
  figure.append(energyPlot.box, ...(truth ? [errorPlot.box] : []), controls);

  const stop = () => Math.max(0, stops.findLastIndex((each) => each <= model.get("iteration")));
  paint();
  k = stop();
  want(choices.includes(model.get("smoothness")) ? model.get("smoothness") : choices[choices.length >> 1], false);
  await answered(); // a λ that Python set before this view was opened
  want(model.get("smoothness"), false);
  time.set(k);
  model.on("change:iteration", () => move(stop(), false));
  model.on("change:smoothness", () => want(model.get("smoothness"), false));
  model.on("change:computed", answered);
  mount(el, figure, { caption: model.get("caption"), space: () => play.toggle() });
}

export default { render };
