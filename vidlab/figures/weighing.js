// A weighted sum of frames of a sheet: what a kernel along t does, and what pooling over frames does.

/** `add(weights, numbers)` fills `sums` with Σ weights[j] · frame numbers[j], for r g b a of every pixel. */
export function weighing({ volume, width, height }) {
  const bytes = new Uint8Array(volume.buffer); // r g b a of every pixel, frame after frame
  const length = 4 * width * height;
  const sums = new Float32Array(length);
  /** Four frames in a pass: reading and writing the sums costs more than multiplying. */
  function add(weights, numbers) {
    sums.fill(0);
    for (let j = 0; j < numbers.length; j += 4) {
      const [a, b, c, d] = [0, 1, 2, 3].map((k) => weights[j + k] ?? 0);
      const [A, B, C, D] = [0, 1, 2, 3].map((k) => {
        const from = (numbers[j + k] ?? numbers[j]) * length;
        return bytes.subarray(from, from + length);
      });
      for (let i = 0; i < length; i++) sums[i] += a * A[i] + b * B[i] + c * C[i] + d * D[i];
    }
  }
  return { sums, add };
}
