// Networks as Python wrote them down (playground_program.py), and a window of frames that all of them look at. What a
// network makes of one frame alone it makes once, and keeps it with the frame.
import { bytesOf } from "./kit.js";
import { convolution, layer, norm, product, recurrence } from "./playground_layers.js";

/** out[t] of x[t] for a layer that treats all numbers alike. */
const pointwise = (f) => ({ to }) => {
  const out = new Float64Array(product(to));
  return (x) => {
    for (let k = 0; k < out.length; k++) out[k] = f(x[k]);
    return out;
  };
};

/** The mean over all places of each moment, or over all moments. */
function average({ from, to, over }) {
  const [t, h, w, c] = from;
  const [groups, n, width] = over === "space" ? [t, h * w, c] : [1, t, h * w * c];
  const out = new Float64Array(product(to));
  return (x) => {
    out.fill(0);
    for (let g = 0; g < groups; g++) {
      for (let i = 0; i < n; i++) for (let k = 0; k < width; k++) out[g * width + k] += x[(g * n + i) * width + k];
    }
    for (let k = 0; k < out.length; k++) out[k] /= n;
    return out;
  };
}

function maximum({ from: [t], to }) {
  const out = new Float64Array(product(to));
  return (x) => {
    out.fill(-Infinity);
    for (let k = 0; k < t * out.length; k++) out[k % out.length] = Math.max(out[k % out.length], x[k]);
    return out;
  };
}

/** softmax over time of wᵀ x, and the mean of x with these weights. */
function weigh({ from: [t], to, w }, numbers) {
  const out = new Float64Array(product(to));
  const score = (x, i) => out.reduce((sum, _, k) => sum + numbers[w + k] * x[i * out.length + k], 0);
  return (x) => {
    const scores = Array.from({ length: t }, (_, i) => score(x, i));
    const shares = softmax(scores, new Float64Array(t));
    return out.map((_, k) => shares.reduce((sum, share, i) => sum + share * x[i * out.length + k], 0));
  };
}

/** The logarithm of the mean over time of softmax. */
function vote({ from: [t], to }) {
  const out = new Float64Array(product(to));
  const [one, sum] = [out, out].map((each) => new Float64Array(each.length));
  return (x) => {
    sum.fill(0);
    for (let i = 0; i < t; i++) {
      softmax(x.subarray(i * one.length, (i + 1) * one.length), one);
      for (let k = 0; k < one.length; k++) sum[k] += one[k] / t;
    }
    for (let k = 0; k < out.length; k++) out[k] = Math.log(sum[k]);
    return out;
  };
}

/** A row of the table added to each token; `first`: one more token in front, which is its row. */
function rows({ from: [groups, n, , d], to, table, first }, numbers) {
  const out = new Float64Array(product(to));
  const size = to[1] * d;
  const added = Float64Array.from(numbers.subarray(table, table + size));
  return (x) => {
    for (let g = 0; g < groups; g++) {
      out.set(added, g * size);
      const start = g * size + (first ? d : 0);
      for (let k = 0; k < n * d; k++) out[start + k] += x[g * n * d + k];
    }
    return out;
  };
}

/** The first token of each group. */
function leading({ from: [groups, n, , d], to }) {
  const out = new Float64Array(product(to));
  return (x) => {
    for (let g = 0; g < groups; g++) out.set(x.subarray(g * n * d, g * n * d + d), g * d);
    return out;
  };
}

const MAKERS = {
  normalise: pointwise((x) => (x - 0.45) / 0.25),
  conv: convolution,
  mean: average,
  max: maximum,
  weigh,
  vote,
  shape: () => (x) => x,
  rows,
  layer,
  norm: (op, numbers) => norm({ ...op, shape: op.to }, numbers),
  first: leading,
  last: ({ to }) => (x) => x.subarray(x.length - product(to)),
  rnn: recurrence,
  gru: recurrence,
  lstm: recurrence,
  conv_gru: recurrence,
};

export function softmax(logits, out) {
  let [top, sum] = [-Infinity, 0];
  for (let k = 0; k < out.length; k++) top = Math.max(top, logits[k]);
  for (let k = 0; k < out.length; k++) sum += out[k] = Math.exp(logits[k] - top);
  for (let k = 0; k < out.length; k++) out[k] /= sum;
  return out;
}

/** A picture h × w × 3 in [0, 1]; whoever writes another into `x` says so by `changed`. */
export function makeFrame(size) {
  const frame = { x: new Float64Array(size * size * 3), version: 0, kept: new Map() };
  frame.changed = () => frame.version++;
  return frame;
}

/** A network: logits of a window, a list of frames. They are overwritten by the next window. */
function openNetwork({ ops, split }, numbers, frames) {
  const make = (some) => some.map((op) => MAKERS[op.op](op, numbers));
  const [alone, together] = [make(ops.slice(0, split)), make(ops.slice(split))];
  const width = product(split ? ops[split - 1].to : ops[0].from) / (split ? 1 : frames);
  const volume = new Float64Array(frames * width);
  const run = (layers, x) => layers.reduce((y, apply) => apply(y), x);
  const key = {};
  function of(frame) {
    if (!split) return frame.x;
    if (!frame.kept.has(key)) frame.kept.set(key, { version: -1, values: new Float64Array(width) });
    const kept = frame.kept.get(key);
    if (kept.version !== frame.version) {
      kept.values.set(run(alone, frame.x));
      kept.version = frame.version;
    }
    return kept.values;
  }
  return (window) => {
    for (let t = 0; t < frames; t++) volume.set(of(window[t]), t * width);
    return run(together, volume);
  };
}

export function openNetworks(programs, letters, frames) {
  const bytes = bytesOf(letters);
  const numbers = new Float32Array(bytes.buffer);
  return programs.map((program) => openNetwork(program, numbers.subarray(program.start, program.end), frames));
}
