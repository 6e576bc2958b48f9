// The views of a live picture, computed from its frames as vidlab computes them from a clip (see live_views.py):
//
//     x–t slice       row y of each of the last frames, the newest below           spacetime.xt_slice
//     difference      I(t) − I(t − 1), I the mean of red, green and blue
//     background      at each pixel the median of the last n frames               spacetime.temporal_median
//     foreground      what differs from it by more than k robust σ                spacetime.foreground
//     normal flow     −I_t ∇I / |∇I|² where |∇I| > floor                          flow.derivatives, flow.normal_flow
//
// Nothing here knows where frames come from. A frame is bytes r g b a.

const GAIN = 2; // the difference is shown so many times as strong, around mid-grey
const DIM = 0.25; // what is no foreground is shown grey, and so dark

/** From a colour towards the next in so many steps: Middlebury's wheel (see vidlab/flow/colour.py). */
const STRETCHES = [
  [[255, 0, 0], 15],
  [[255, 255, 0], 6],
  [[0, 255, 0], 4],
  [[0, 255, 255], 11],
  [[0, 0, 255], 13],
  [[255, 0, 255], 6],
];
const WHEEL = STRETCHES.flatMap(([start, steps], k) => {
  const end = STRETCHES[(k + 1) % STRETCHES.length][0];
  const part = (i) => Math.floor((255 * i) / steps);
  return Array.from({ length: steps }, (_, i) => start.map((a, c) => a + Math.sign(end[c] - a) * part(i)));
});

/** The colour of a motion into out[k] … out[k + 2]: no motion is white, length 1 is full, what is longer is darker. */
export function paintMotion(out, k, u, v) {
  const length = Math.hypot(u, v);
  const place = ((Math.atan2(-(v + 0), -u) / Math.PI + 1) / 2) * (WHEEL.length - 1);
  const before = Math.floor(place);
  const [a, b, share] = [WHEEL[before], WHEEL[(before + 1) % WHEEL.length], place - before];
  for (let c = 0; c < 3; c++) {
    const hue = (1 - share) * a[c] + share * b[c];
    out[k + c] = length <= 1 ? 255 - length * (255 - hue) : 0.75 * hue;
  }
}

/** The median of the last frames, at each pixel in each channel; for an even number the lower of the two middle values.
 *
 * It keeps how often each of the 256 values was seen, and how many of them lie below the median. A frame that comes and
 * one that goes move the median by a few steps at most, so the price of a frame does not depend on how many there are
 * (Huang, Yang & Tang 1979, A fast two-dimensional median filtering algorithm: there the window moves in the picture).
 */
function makeMedian(length) {
  const times = new Uint8Array(256 * length); // so there may be up to 255 frames
  const [median, below] = [new Uint8Array(length).fill(255), new Uint8Array(length)]; // the last byte of four stays 255
  let n = 0;
  function update(enter, leave) {
    n += leave ? 0 : 1;
    const half = (n + 1) >> 1;
    for (let i = 0; i < length; i++) {
      if ((i & 3) === 3) continue;
      const bins = 256 * i;
      let [m, b] = [median[i], below[i]];
      if (leave) {
        times[bins + leave[i]]--;
        if (leave[i] < m) b--;
      }
      times[bins + enter[i]]++;
      if (enter[i] < m) b++;
      while (b >= half) b -= times[bins + --m];
      while (b + times[bins + m] < half) b += times[bins + m++];
      median[i] = m;
      below[i] = b;
    }
  }
  function forget() {
    n = 0;
    for (const each of [times, below]) each.fill(0);
    median.fill(255);
  }
  return { median, update, forget };
}

/** All views of width × height pixels; `history` frames are held, and the oldest makes room for the newest. */
export function makeViews(width, height, history) {
  const [size, length] = [width * height, 4 * width * height];
  const ring = new Uint8ClampedArray(history * length);
  const pixels = new Uint32Array(ring.buffer);
  const { median, update, forget: forgetMedian } = makeMedian(length);
  const picture = (high = height) => new ImageData(width, high);
  const images = { slice: picture(history), difference: picture(), foreground: picture(), flow: picture() };
  images.background = new ImageData(new Uint8ClampedArray(median.buffer), width, height); // the median itself: no copy
  for (const name of ["difference", "foreground", "flow"]) images[name].data.fill(255);
  const slicePixels = new Uint32Array(images.slice.data.buffer);
  const change = new Int16Array(size); // r + g + b now, less that of the frame before
  const seen = new Uint8Array(size); // 1: foreground
  const [u, v] = [new Float64Array(size), new Float64Array(size)];
  const [counts, sizes] = [new Int32Array(511), new Int32Array(511)];
  const both = new Int16Array(size); // twice the mean of both frames
  let [now, before] = [new Int16Array(size), new Int16Array(size)]; // r + g + b: 765 times the brightness I
  let [count, window, fresh] = [0, history, true];

  const frameAt = (t) => ring.subarray((t % history) * length, ((t % history) + 1) * length);

  /** Take a frame. After a cut it has no frame before it: its difference is zero. */
  function push(frame, cut = false) {
    update(frame, count >= window ? frameAt(count - window) : null);
    frameAt(count).set(frame); // in the place of the oldest
    count++;
    [now, before] = [before, now];
    for (let i = 0, k = 0; i < size; i++, k += 4) now[i] = frame[k] + frame[k + 1] + frame[k + 2];
    fresh = fresh || cut;
    if (fresh) before.set(now);
    fresh = false;
  }

  /** Let the median be over the last n frames. */
  function setWindow(n) {
    window = n;
    forgetMedian();
    for (let t = Math.max(0, count - n); t < count; t++) update(frameAt(t), null);
  }

  /** Nothing is left of any frame. */
  function forget() {
    for (const each of [ring, now, before, both, change, seen, u, v]) each.fill(0);
    for (const { data } of Object.values(images)) data.fill(0);
    forgetMedian();
    [count, fresh] = [0, true];
  }

  function slice(y) {
    const held = Math.min(count, history);
    slicePixels.fill(0, 0, (history - held) * width); // not yet seen
    for (let i = 0; i < held; i++) {
      const from = ((count - held + i) % history) * size + y * width;
      slicePixels.set(pixels.subarray(from, from + width), (history - held + i) * width);
    }
  }

  function difference() {
    const out = images.difference.data; // rounded and clipped by its type
    for (let i = 0, k = 0; i < size; i++, k += 4) {
      change[i] = now[i] - before[i];
      out[k] = out[k + 1] = out[k + 2] = 127.5 + (GAIN * change[i]) / 3;
      out[k + 3] = 255;
    }
  }

  /** The lower median of values 0, 1, 2 … of which each was counted. */
  function middleOf(counted, total) {
    const half = (total + 1) >> 1;
    let [value, sum] = [0, counted[0]];
    while (sum < half) sum += counted[++value];
    return value;
  }

  /** σ is 1.4826 times the median distance from the median difference, at least half a grey level. */
  function foreground(k) {
    const frame = frameAt(count - 1);
    counts.fill(0);
    for (let i = 0; i < length; i += 4) {
      for (let c = i; c < i + 3; c++) counts[frame[c] - median[c] + 255]++;
    }
    const middle = middleOf(counts, 3 * size);
    sizes.fill(0);
    for (let d = 0; d < 511; d++) sizes[Math.abs(d - middle)] += counts[d];
    const limit = k * Math.max(1.4826 * middleOf(sizes, 3 * size), 0.5);
    const out = images.foreground.data;
    for (let i = 0, p = 0; i < size; i++, p += 4) {
      let most = 0; // the channel that differs most
      for (let c = p; c < p + 3; c++) most = Math.max(most, Math.abs(frame[c] - median[c]));
      seen[i] = most > limit ? 1 : 0;
      const grey = (DIM * now[i]) / 3;
      for (let c = p; c < p + 3; c++) out[c] = seen[i] ? frame[c] : grey;
      out[p + 3] = 255;
    }
    return limit / k;
  }

  // The border is repeated: the neighbours of column x, and where the neighbouring rows of row y begin.
  const near = (last, by, step) => Int32Array.from({ length: last }, (_, i) => step * Math.min(last - 1, Math.max(0, i + by)));
  const [x2, x1, x3, x4] = [-2, -1, 1, 2].map((by) => near(width, by, 1));
  const [y2, y1, y3, y4] = [-2, -1, 1, 2].map((by) => near(height, by, width));

  /** I_x and I_y of the mean of both frames by the stencil (1, −8, 0, 8, −1) / 12, and I_t between them. */
  function flow(floor, largest) {
    const out = images.flow.data.fill(255);
    for (let i = 0; i < size; i++) both[i] = now[i] + before[i];
    for (let y = 0, i = 0; y < height; y++) {
      const row = y * width;
      for (let x = 0; x < width; x++, i++) {
        const ix = (8 * (both[row + x3[x]] - both[row + x1[x]]) - (both[row + x4[x]] - both[row + x2[x]])) / 12 / 1530;
        const iy = (8 * (both[y3[y] + x] - both[y1[y] + x]) - (both[y4[y] + x] - both[y2[y] + x])) / 12 / 1530;
        const square = ix * ix + iy * iy;
        const share = square > floor * floor ? (before[i] - now[i]) / 765 / square : 0;
        u[i] = share * ix;
        v[i] = share * iy;
        if (share !== 0) paintMotion(out, 4 * i, u[i] / largest, v[i] / largest);
      }
    }
  }

  const views = { slice, difference, foreground, flow, images };
  return { push, forget, setWindow, ...views, change, seen, u, v, frameAt, held: () => count };
}
