// The layers of a network, each as a function from one row of numbers to another. A volume is t × h × w × c, channels
// innermost; every layer owns its output and writes it anew each time, so that nothing is allocated while a clip plays.

const LANES = 4; // output channels at once: each number of the input is read once for all of them
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
export const product = (shape) => shape.reduce((a, b) => a * b, 1);

/** erf to 1.5e-7: Abramowitz & Stegun 1964, Handbook of mathematical functions, 7.1.26. */
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - sum * Math.exp(-x * x));
}

const ACTS = {
  relu: (x) => (x > 0 ? x : 0),
  gelu: (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
};

/** d × taps × c numbers → blocks of four output channels, taps × c × 4 each, filled up with zeros. */
function inLanes(weights, d, size) {
  const blocks = new Float64Array(Math.ceil(d / LANES) * LANES * size);
  for (let k = 0; k < d; k++) {
    const start = (k - (k % LANES)) * size + (k % LANES);
    for (let i = 0; i < size; i++) blocks[start + i * LANES] = weights[k * size + i];
  }
  return blocks;
}

/** A convolution over t, h and w with zeros around the volume; with a kernel of 1 × 1 × 1, a matrix. */
export function convolution({ from, to, kernel, stride, pad, w, b, act }, numbers) {
  const [[T, H, W, C], [T2, H2, W2, D]] = [from, to];
  const [[KT, KH, KW], [ST, SH, SW], [PT, PH, PW]] = [kernel, stride, pad];
  const size = KT * KH * KW * C;
  const weights = inLanes(numbers.subarray(w, w + D * size), D, size);
  const wide = Math.ceil(D / LANES) * LANES;
  const bias = new Float64Array(wide);
  bias.set(numbers.subarray(b, b + D));
  const out = new Float64Array(product(to));
  const finish = ACTS[act];
  const relu = act === "relu";

  function place(x, t, i, j, at) {
    const t0 = t * ST - PT;
    const y0 = i * SH - PH;
    const x0 = j * SW - PW;
    const ta = Math.max(0, -t0);
    const tb = Math.min(KT, T - t0);
    const ya = Math.max(0, -y0);
    const yb = Math.min(KH, H - y0);
    const xa = Math.max(0, -x0);
    const run = Math.max(0, Math.min(KW, W - x0) - xa) * C; // neighbours in a row, and their channels, lie side by side
    for (let d = 0; d < wide; d += LANES) {
      let p = bias[d];
      let q = bias[d + 1];
      let r = bias[d + 2];
      let s = bias[d + 3];
      for (let dt = ta; dt < tb; dt++) {
        for (let dy = ya; dy < yb; dy++) {
          let k = (((t0 + dt) * H + y0 + dy) * W + x0 + xa) * C;
          let n = d * size + ((dt * KH + dy) * KW + xa) * C * LANES;
          for (const end = k + run; k < end; k++, n += LANES) {
            const value = x[k];
            p += value * weights[n];
            q += value * weights[n + 1];
            r += value * weights[n + 2];
            s += value * weights[n + 3];
          }
        }
      }
      out[at + d] = relu && p < 0 ? 0 : p;
      if (d + 1 < D) out[at + d + 1] = relu && q < 0 ? 0 : q;
      if (d + 2 < D) out[at + d + 2] = relu && r < 0 ? 0 : r;
      if (d + 3 < D) out[at + d + 3] = relu && s < 0 ? 0 : s;
    }
  }
  return (x) => {
    let at = 0;
    for (let t = 0; t < T2; t++) for (let i = 0; i < H2; i++) for (let j = 0; j < W2; j++, at += D) place(x, t, i, j, at);
    if (finish && !relu) for (let k = 0; k < out.length; k++) out[k] = finish(out[k]);
    return out;
  };
}

/** Each row of c numbers to mean 0 and variance 1, then its own scale and shift. */
export function norm({ w, b, eps, shape }, numbers) {
  const c = shape[3];
  const [gain, shift] = [w, b].map((start) => Float64Array.from(numbers.subarray(start, start + c)));
  const out = new Float64Array(product(shape));
  return (x) => {
    for (let start = 0; start < out.length; start += c) {
      let [mean, square] = [0, 0];
      for (let k = 0; k < c; k++) mean += x[start + k];
      mean /= c;
      for (let k = 0; k < c; k++) square += (x[start + k] - mean) ** 2;
      const scale = 1 / Math.sqrt(square / c + eps);
      for (let k = 0; k < c; k++) out[start + k] = (x[start + k] - mean) * scale * gain[k] + shift[k];
    }
    return out;
  };
}

/** softmax(Q Kᵀ / √size) V in each group and head, from rows q k v. */
function attention(groups, n, d, heads) {
  const [size, out, share] = [d / heads, new Float64Array(groups * n * d), new Float64Array(n)];
  const scale = 1 / Math.sqrt(size);
  function head(x, first, offset) {
    for (let i = 0; i < n; i++) {
      const query = (first + i) * 3 * d + offset;
      let [top, sum] = [-Infinity, 0];
      for (let j = 0; j < n; j++) {
        const key = (first + j) * 3 * d + d + offset;
        let score = 0;
        for (let k = 0; k < size; k++) score += x[query + k] * x[key + k];
        share[j] = score * scale;
        if (share[j] > top) top = share[j];
      }
      for (let j = 0; j < n; j++) sum += share[j] = Math.exp(share[j] - top);
      const to = (first + i) * d + offset;
      out.fill(0, to, to + size);
      for (let j = 0; j < n; j++) {
        const [value, part] = [(first + j) * 3 * d + 2 * d + offset, share[j] / sum];
        for (let k = 0; k < size; k++) out[to + k] += part * x[value + k];
      }
    }
  }
  return (x) => {
    for (let g = 0; g < groups; g++) for (let k = 0; k < heads; k++) head(x, g * n, k * size);
    return out;
  };
}

/** A transformer's layer: x + attention(norm(x)), then that + MLP(norm(that)). */
export function layer({ from, heads, norms, project, merge, up, down }, numbers) {
  const [groups, n, , d] = from;
  const [before, within] = norms.map((each) => norm({ ...each, shape: from }, numbers));
  const [ask, back, widen, narrow] = [project, merge, { ...up, act: "gelu" }, down].map((each) => convolution(each, numbers));
  const look = attention(groups, n, d, heads);
  const out = new Float64Array(product(from));
  return (x) => {
    out.set(x);
    for (const [normed, part] of [[before, (y) => back(look(ask(y)))], [within, (y) => narrow(widen(y))]]) {
      const more = part(normed(out));
      for (let k = 0; k < out.length; k++) out[k] += more[k];
    }
    return out;
  };
}

// How one state follows from the one before, in place: `x` are the drives of this frame, `gates` what the state says.
const STEPS = {
  rnn: (x, gates, h, n) => {
    for (let k = 0; k < n; k++) h[k] = Math.tanh(x[k] + gates[k]);
  },
  gru: (x, gates, h, n) => { // r, z, candidate, as torch has them: r after U, and z keeps the old state
    for (let k = 0; k < n; k++) {
      const [r, z] = [sigmoid(x[k] + gates[k]), sigmoid(x[n + k] + gates[n + k])];
      h[k] = (1 - z) * Math.tanh(x[2 * n + k] + r * gates[2 * n + k]) + z * h[k];
    }
  },
  lstm: (x, gates, h, n, c, peep) => { // i, f, o, candidate
    for (let k = 0; k < n; k++) {
      const [a, b, o, d] = [0, 1, 2, 3].map((g) => x[g * n + k] + gates[g * n + k]);
      c[k] = sigmoid(b + peep(1, k) * c[k]) * c[k] + sigmoid(a + peep(0, k) * c[k]) * Math.tanh(d);
      h[k] = sigmoid(o + peep(2, k) * c[k]) * Math.tanh(c[k]);
    }
  },
};

/** A recurrence over maps (or vectors, which are maps of one place): the state at every frame. */
export function recurrence({ op, from, to, state, reset, peepholes = [] }, numbers) {
  const [[T, H, W, G], N] = [from, to[3]];
  const [places, ask] = [H * W, convolution(state, numbers)];
  const askReset = reset && convolution(reset, numbers);
  const [h, c, kept, out] = [1, 1, 1, T].map((t) => new Float64Array(t * places * N));
  const peep = peepholes.length ? (g, k) => numbers[peepholes[0] + g * N + k] : () => 0;
  const wide = state.to[3];
  function gru(x, gates) { // GRU-RCN: z writes the new state, r comes before U
    for (let p = 0; p < places; p++) {
      for (let k = 0; k < N; k++) kept[p * N + k] = h[p * N + k] * sigmoid(x[p * G + N + k] + gates[p * wide + N + k]);
    }
    const late = askReset(kept);
    for (let p = 0; p < places; p++) {
      for (let k = 0; k < N; k++) {
        const [at, z] = [p * N + k, sigmoid(x[p * G + k] + gates[p * wide + k])];
        h[at] += z * (Math.tanh(x[p * G + 2 * N + k] + late[at]) - h[at]);
      }
    }
  }
  return (x) => {
    h.fill(0);
    c.fill(0);
    for (let t = 0; t < T; t++) {
      const [drive, gates] = [x.subarray(t * places * G, (t + 1) * places * G), ask(h)];
      if (op === "conv_gru") gru(drive, gates);
      else {
        for (let p = 0; p < places; p++) {
          const row = (v, n) => v.subarray(p * n, (p + 1) * n);
          STEPS[op](row(drive, G), row(gates, wide), row(h, N), N, row(c, N), peep);
        }
      }
      out.set(h, t * places * N);
    }
    return out;
  };
}
