// Five video networks that differ in where they merge time: their layers, what each costs and sees, and the sums. This is
// fusion_plan.py and fusion_layers.py line by line, in functions of the same names, so that a page needs no kernel.

export const NAMES = {
  single: "single frame",
  late: "late fusion",
  early: "early fusion",
  slow: "slow fusion",
  "3d": "3D convolution",
};
export const JOINS = { pool: "average over space and time", concat: "concatenate, fully connected" };
export const ALEXNET = 227;
export const RANGES = { frames: [2, 20], kernel: [1, 11], channels: [8, 128], extent: [2, 20], stride: [1, 4], size: [1, 512] };

export function problem(s) {
  for (const [name, known] of [["architecture", NAMES], ["join", JOINS]]) {
    if (!Object.hasOwn(known, s[name])) return [`${name} = ${s[name]} is not known`, `one of ${order(known).join(", ")}`];
  }
  for (const [name, [low, high]] of Object.entries(RANGES)) {
    if (Number.isInteger(s[name]) && low <= s[name] && s[name] <= high) continue;
    return [`${name} = ${s[name]} is not possible`, `a whole number from ${low} to ${high}`];
  }
  if (["slow", "3d"].includes(s.architecture) && s.extent > s.frames) {
    const what = `the kernels of the first layer span k_t = ${s.extent} frames, but the clip has only T = ${s.frames}`;
    return [what, `k_t = ${s.frames} or less, or T = ${s.extent} or more`];
  }
  if (s.architecture === "slow" && s.stride > s.extent) {
    const what = `a temporal stride of ${s.stride} steps over frames that kernels of k_t = ${s.extent} frames never see`;
    return [what, `a stride of ${s.extent} or less, or k_t = ${s.stride} or more`];
  }
  if (s.kernel > s.size) {
    const what = `the kernels of ${s.kernel}×${s.kernel} pixels are larger than the frames of ${s.size}×${s.size}`;
    return [what, `k = ${s.size} or less, or larger frames`];
  }
  if (extentOf(s.size, toyConv(s.kernel)) < 4) {
    return [`frames of ${s.size}×${s.size} pixels leave nothing for the pool of 4×4`, "larger frames"];
  }
  return null;
}
const order = (known) => Object.keys(known);
const toyConv = (k) => [k, 1, Math.floor((k - 1) / 2)];
const extentOf = (n, [k, s, p]) => Math.floor((n + 2 * p - k) / s) + 1;
const hidden = (s) => (s.size === ALEXNET ? 4096 : 64);

/** The layers, first to last: { name, kind, channels, time, space, does }. */
function plan(s) {
  const toy = s.size !== ALEXNET;
  const solid = ["slow", "3d"].includes(s.architecture);
  const made = [];
  let [c, t, n] = [3, s.frames, s.size];

  function add(name, kind, channels, time, space, does = "") {
    const [[kt, st], [k, sxy]] = [time, space];
    if (kind === "conv" || kind === "pool") {
      const [size, stride] = solid ? [`${kt}×${k}×${k}`, `${st}×${sxy}×${sxy}`] : [`${k}×${k}`, `${sxy}`];
      const plain = size === (solid ? stride : `${stride}×${stride}`) || (st === 1 && sxy === 1);
      does = plain ? size : `${size}, stride ${stride}`;
    }
    if (kind === "conv" || kind === "linear") {
      const inputs = c * (solid && kind === "conv" ? 1 : kt) * (kind === "linear" ? n * n : 1);
      does += `${does && ", "}${inputs}→${channels}${kind === "linear" && t > kt ? " for each frame" : ""}`;
    }
    if (kind === "mean" && !does) does = kt > 1 ? "over T, H, W" : "over H, W";
    made.push({ name, kind, channels, time, space, does });
    [c, t, n] = [channels, extentOf(t, time), extentOf(n, space)];
  }
  function conv(i, channels, space) {
    let time = [1, 1, 0];
    if (s.architecture === "early" && i === 1) time = [t, 1, 0];
    else if (s.architecture === "slow" && i <= 3) time = i === 1 ? [s.extent, s.stride, 0] : [Math.min(2, t), Math.min(2, t), 0];
    else if (s.architecture === "3d") time = i === 1 ? [s.extent, 1, toy ? Math.floor((s.extent - 1) / 2) : 0] : [3, 1, 1];
    add(`conv ${i}`, "conv", channels, time, space);
  }
  function pool(i, space) {
    const reach = s.architecture === "3d" ? Math.min(s.stride, t) : 1;
    add(`pool ${i}`, "pool", c, [reach, reach, 0], space);
  }

  if (toy) {
    conv(1, s.channels, toyConv(s.kernel));
    pool(1, [4, 4, 0]);
    conv(2, 2 * s.channels, [3, 1, 1]);
    if (s.architecture === "slow") conv(3, 2 * s.channels, [3, 1, 1]);
  } else {
    conv(1, s.channels, [s.kernel, 4, 0]);
    pool(1, [3, 2, 0]);
    conv(2, 256, [5, 1, 2]);
    pool(2, [3, 2, 0]);
    for (const [i, channels] of [[3, 384], [4, 384], [5, 256]]) conv(i, channels, [3, 1, 1]);
    pool(5, [3, 2, 0]);
  }
  const single = s.architecture === "single";
  const [concat, pooled] = ["concat", "pool"].map((join) => s.architecture === "late" && s.join === join);
  if (toy || pooled) add("average", "mean", c, [single || concat ? 1 : t, 1, 0], [n, 1, 0]);
  for (const name of toy ? (concat ? ["fc"] : []) : pooled ? [] : ["fc 6", "fc 7"]) {
    add(name, "linear", hidden(s), [single ? 1 : t, 1, 0], [n, 1, 0]);
  }
  add("scores", "linear", toy ? 10 : 1000, [single ? 1 : t, 1, 0], [n, 1, 0]);
  if (single) add("answer", "mean", c, [t, 1, 0], [1, 1, 0], "mean of the probabilities");
  return made;
}

/** First and last input of each output; padding is no input. */
const windows = (n, window) =>
  Array.from({ length: extentOf(n, window) }, (_, i) => {
    const start = i * window[1] - window[2];
    return [Math.max(0, start), Math.min(n - 1, start + window[0] - 1)];
  });
const through = (spans, feeds) => feeds.map(([low, high]) => [spans[low][0], spans[high][1]]);
const longest = (spans) => spans.reduce((most, [low, high]) => Math.max(most, high - low + 1), 0);
const identity = (n) => Array.from({ length: n }, (_, i) => [i, i]);

/** Weights and biases of every layer of a plan: nothing else is needed to compare networks. */
function parameters(made) {
  let c = 3;
  return made.map(({ kind, channels, time, space }) => {
    const learns = kind === "conv" || kind === "linear";
    const weights = learns ? time[0] * space[0] ** 2 * c * channels : 0;
    c = channels;
    return { kind, weights, biases: learns ? c : 0 };
  });
}

/** Shapes, counts and receptive fields of every layer. */
function layers(s) {
  let [spans, wide, first, step] = [identity(s.frames), identity(s.size), 0.5, 1];
  const made = plan(s);
  const counts = parameters(made);
  return made.map(({ name, kind, channels: c, time, space, does }, i) => {
    const { weights, biases } = counts[i];
    const feeds = windows(spans.length, time);
    spans = through(spans, feeds);
    wide = through(wide, windows(wide.length, space));
    first += step * ((time[0] - 1) / 2 - time[2]);
    step *= time[1];
    const [t, n] = [spans.length, wide.length];
    const flat = kind === "linear" || name === "answer";
    const shape = flat ? (t > 1 ? [c, t] : [c]) : s.architecture === "early" ? [c, n, n] : [c, t, n, n];
    const reach = longest(wide);
    const sees = [longest(spans), reach, reach];
    const merges = feeds.some(([low, high]) => high > low);
    const macs = weights * t * n * n;
    return { name, kind, does, shape, weights, biases, macs, sees, spans, feeds, first, step, merges };
  });
}

function totals(rows) {
  const last = rows.findIndex(({ name }) => name === "scores");
  const sum = (part, key) => part.reduce((total, row) => total + row[key], 0);
  const sums = (part) => ({ weights: sum(part, "weights"), biases: sum(part, "biases"), macs: sum(part, "macs") });
  return { vector: sums(rows.slice(0, last)), scores: sums(rows) };
}

function costs(s, rows) {
  const pair = { ...s, frames: 2 }; // what is counted here hangs on T in no other way than by a factor
  const one = parameters(plan({ ...pair, architecture: "single" }));
  const late = parameters(plan({ ...pair, architecture: "late", join: "concat" }));
  const features = late.find(({ kind }) => kind === "linear").weights / (2 * hidden(s));
  const per = s.kernel ** 2 * 3 * s.channels;
  return {
    per_frame: per,
    slices: rows[0].weights / per,
    first: rows[0].weights,
    growth: (s.frames - 1) * per,
    single: one.reduce((sum, { weights, biases }) => sum + weights + biases, 0),
    features,
    hidden: hidden(s),
    late_fc: s.frames * features * hidden(s),
  };
}

/** What is wrong with the settings, as [what, mend], or all that the figure shows. */
export function compute(s) {
  const trouble = problem(s);
  if (trouble) return trouble;
  const rows = layers(s);
  return { rows, totals: totals(rows), costs: costs(s, rows) };
}

/** The box that is lit at first: in the middle of the highest row that still has several. */
export function chosen(rows) {
  const row = rows.findLastIndex(({ spans }) => spans.length > 1);
  return row < 0 ? [0, 0] : [row, Math.floor(rows[row].spans.length / 2)];
}

/** Left and right edge of box i, in frames: as wide as the step to the next one, and a lone box as what it sees. */
export function edges({ spans, first, step }, i) {
  if (spans.length === 1) return [spans[0][0], spans[0][1] + 1];
  return [first + (i - 0.5) * step, first + (i + 0.5) * step];
}
