// The numbers behind Filters: a layer's weights, the same weights for a grey video, and both as pixels.
import { bytesOf } from "./kit.js";

/** Weights as numbers, `s o t c h w`: whole multiples of each filter's unit. */
export function openWeights(model) {
  const [count, filters, frames, channels, high, wide] = model.get("shape");
  const bytes = bytesOf(model.get("codes"));
  const codes = model.get("bits") === 16 ? new Int16Array(bytes.buffer) : new Int8Array(bytes.buffer);
  const units = model.get("units");
  const size = frames * channels * high * wide;
  const weights = Float64Array.from(codes, (code, i) => code * units[Math.floor(i / size) % filters]);
  return withFilms({ count, filters, frames, channels, high, wide, weights });
}

function withFilms(net) {
  const size = net.frames * net.channels * net.high * net.wide;
  const film = (s, o) => net.weights.subarray((s * net.filters + o) * size, (s * net.filters + o + 1) * size);
  return { ...net, film };
}

/** What a grey video meets, red = green = blue: the sum of the three weights, as a layer of one channel. */
export function addColours(net) {
  const { weights, high, wide } = net;
  const size = high * wide;
  const sums = Float64Array.from({ length: weights.length / 3 }, (_, i) => {
    const red = 3 * size * Math.floor(i / size) + (i % size);
    return weights[red] + weights[red + size] + weights[red + 2 * size];
  });
  return withFilms({ ...net, channels: 1, weights: sums });
}

export const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;

/** The film as pixels, frame after frame: grey is 0, full colour the largest weight. */
export function paintFilm({ frames, channels, high, wide }, film, most) {
  const size = high * wide;
  const pixels = new Uint8ClampedArray(4 * frames * size).fill(255); // rounds by its type
  for (let t = 0; t < frames; t++) {
    for (let i = 0; i < size; i++) {
      for (let c = 0; c < 3; c++) {
        const weight = film[(t * channels + Math.min(c, channels - 1)) * size + i];
        pixels[4 * (t * size + i) + c] = 127.5 + (127.5 * weight) / most;
      }
    }
  }
  return pixels;
}

/** A share of the squared weights in each frame. */
export function energies({ frames }, film) {
  const size = film.length / frames;
  const sums = Array.from({ length: frames }, (_, t) =>
    film.subarray(t * size, (t + 1) * size).reduce((sum, weight) => sum + weight * weight, 0),
  );
  const total = sums.reduce((a, b) => a + b, 0) || 1;
  return sums.map((sum) => sum / total);
}
