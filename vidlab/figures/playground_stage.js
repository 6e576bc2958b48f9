// The stage: the world that the networks have learned from (torus.py, scenes.py and actors.py), drawn by the same
// formulas. One object on a plain of waves, without edges: what leaves at the right comes back at the left.

const REACHES = [1, 1.253, 1.555, 1.226]; // from the centre of each shape to its farthest point
const [SIDE, LEVEL, LONG, HALF] = [Math.sqrt(Math.PI) / 2, Math.sqrt(Math.PI / Math.sqrt(27)), 1.153, 0.415];

// How far (x, y) lies outside of a shape of area π; negative inside. Disk, square, triangle, cross.
const OUTSIDE = [
  (x, y) => Math.hypot(x, y) - 1,
  (x, y) => Math.max(Math.abs(x), Math.abs(y)) - SIDE,
  (x, y) => Math.max((Math.abs(x) * Math.sqrt(3)) / 2 - y / 2, y) - LEVEL,
  (x, y) => Math.min(Math.max(Math.abs(x) - LONG, Math.abs(y) - HALF), Math.max(Math.abs(x) - HALF, Math.abs(y) - LONG)),
];
const RIM = 0.6; // how much darker an outline is

const wrap = (value, size) => ((value % size) + size) % size;
const within = (value) => Math.min(1, Math.max(0, value));

/** The empty stage from 3 × k random numbers in [0, 1): waves with whole cycles, so that it closes at its edges. */
export function ground(waves, size, contrast) {
  const k = waves.length / 3;
  const number = (row) => Array.from(waves.slice(row * k, (row + 1) * k));
  const [across, down] = [0, 1].map((row) => number(row).map((each) => Math.floor(each * 13) - 6));
  across.forEach((_, i) => (across[i] += across[i] === 0 && down[i] === 0 ? 1 : 0));
  const phase = number(2).map((each) => 2 * Math.PI * each);
  const strength = across.map((_, i) => 1 / Math.hypot(across[i], down[i]));
  const total = Math.sqrt(strength.reduce((sum, a) => sum + a * a, 0) / 2);
  return Float64Array.from({ length: size * size }, (_, at) => {
    const [x, y] = [at % size, Math.floor(at / size)];
    const wave = (i) => Math.cos((2 * Math.PI * (across[i] * x + down[i] * y)) / size + phase[i]);
    return 0.42 + contrast * Math.tanh(strength.reduce((sum, a, i) => sum + ((0.45 * a) / total) * wave(i), 0));
  });
}

/** Draw into `x`, h × w × 3 numbers in [0, 1]. actor: null for the empty stage; noise: a function of no arguments. */
export function drawScene(x, { base, size, palette, actor, at, noise }) {
  for (let k = 0; k < base.length; k++) x.fill(base[k], 3 * k, 3 * k + 3);
  if (actor) {
    const { radius, angle, stripes } = actor;
    const [cos, sin, outside, rgb] = [Math.cos(angle) / radius, Math.sin(angle) / radius, OUTSIDE[actor.shape], palette[actor.colour]];
    const reach = Math.ceil(REACHES[actor.shape] * radius + 1);
    for (let i = -reach; i <= reach; i++) {
      for (let j = -reach; j <= reach; j++) {
        const [column, row] = [Math.floor(at.x) + j, Math.floor(at.y) + i];
        const [dx, dy] = [column - at.x, row - at.y];
        const [u, v] = [cos * dx + sin * dy, cos * dy - sin * dx]; // its own axes, in units of its radius
        const far = outside(u, v) * radius;
        const cover = within(0.5 - far);
        if (cover === 0) continue;
        const light = 0.56 + 0.07 * Math.sin(4.2 * u + stripes) - 0.06 * Math.min(u * u + v * v, 2);
        const rim = 1 - RIM * within(1.5 + far);
        const k = 3 * (wrap(row, size) * size + wrap(column, size));
        for (let c = 0; c < 3; c++) x[k + c] += cover * (rim * (light + rgb[c]) - x[k + c]);
      }
    }
  }
  for (let k = 0; k < x.length; k++) x[k] = Math.min(255, Math.max(0, Math.floor(255 * (x[k] + noise()) + 0.5))) / 255; // as stored
}

/** Random numbers in [0, 1), the same for the same seed (mulberry32). */
export function dice(seed) {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Normal numbers of this deviation, from a table that is walked through with random strides. */
export function grain(deviation, random) {
  if (!deviation) return () => 0;
  const table = Float64Array.from({ length: 65536 }, () => {
    return deviation * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  });
  let [at, stride, left] = [0, 1, 0];
  return () => {
    if (!left--) [stride, left] = [1 + 2 * Math.floor(32768 * random()), 64];
    at = (at + stride) & 65535;
    return table[at];
  };
}

/** Another object on another ground, from the world's own lists and ranges. */
export function castActor(world, random) {
  const among = (list) => list[Math.floor(random() * list.length)];
  const [low, high] = world.radius;
  return {
    colour: among(world.colours), shape: among(world.shapes), angle: 2 * Math.PI * random(),
    radius: low + (high - low) * random(), stripes: 2 * Math.PI * random(),
  }; // prettier-ignore
}
