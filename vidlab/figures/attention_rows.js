// The weights of one layer from their bytes (see attention_map.py): of each pair that can have weight a byte
// c = 255 √(w / largest of the row), and back w = c² / Σ c².
import { bytesOf } from "./kit.js";

/** `row(state, example, head, q)` is what query q gives to each key (head 0: mean of all); `reaches(q, k)`: can it? */
export function openLayer({ codes, reach, tokens, heads }, examples) {
  const bytes = bytesOf(codes);
  const bits = reach && bytesOf(reach);
  const reaches = (q, k) => !bits || Boolean((bits[(q * tokens + k) >> 3] >> (7 - ((q * tokens + k) & 7))) & 1);
  const keys = Array.from({ length: tokens }, (_, q) => [...Array(tokens).keys()].filter((k) => reaches(q, k)));
  const starts = [0];
  for (const each of keys) starts.push(starts.at(-1) + each.length);
  const size = starts[tokens];

  function addHead(sums, from, seen, share) {
    let total = 0;
    for (let i = 0; i < seen.length; i++) total += bytes[from + i] ** 2;
    if (total) seen.forEach((k, i) => (sums[k] += (share * bytes[from + i] ** 2) / total));
  }
  function row(state, example, head, q) {
    const sums = new Float64Array(tokens);
    const which = head ? [head - 1] : [...Array(heads).keys()];
    for (const each of which) {
      const from = ((state * examples + example) * heads + each) * size + starts[q];
      addHead(sums, from, keys[q], 1 / which.length);
    }
    return sums;
  }
  return { row, reaches, keys: (q) => keys[q].length };
}
