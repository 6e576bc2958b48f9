// Where names stand beside crowded points: as near as they can, on nothing else, with a line where they are far.
// Each name in turn takes the best of many places around its point, given where the others stand; again and again until
// no name moves. As in cost_map_names.py, which does the same for the poster.
import { clamp } from "./kit.js";

export const NO_LINE = 12; // pixels: a name as near as that needs no line
const AWAY = [0, 8, 18, 30, 46, 66, 90, 120, 155, 195, 240]; // pixels between a point and its name
const DIRECTIONS = 16;
const SWEEPS = 6;
const FREE = 4; // pixels between a marker and the nearest name
const GAP = 3; // pixels around a name that stay free
const SAMPLES = 9; // places along a line that are looked at

/** A box as [left, top, right, bottom] around a centre. */
const around = ([x, y], w, h) => [x - w / 2, y - h / 2, x + w / 2, y + h / 2];
const sideOf = (p, q, r) => (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
const crossing = (a, b, c, d) => sideOf(a, b, c) * sideOf(a, b, d) < 0 && sideOf(c, d, a) * sideOf(c, d, b) < 0;
const nearestOf = (point, box) => [clamp(point[0], box[0], box[2]), clamp(point[1], box[1], box[3])];
const shared = (a, b) => [Math.min(a[2], b[2]) - Math.max(a[0], b[0]), Math.min(a[3], b[3]) - Math.max(a[1], b[1])];

/** How many of the samples of the line from a to b lie inside a box. */
function samplesIn(a, b, box) {
  let count = 0;
  for (let s = 1; s <= SAMPLES; s++) {
    const f = s / (SAMPLES + 1);
    const [x, y] = [a[0] + f * (b[0] - a[0]), a[1] + f * (b[1] - a[1])];
    if (x > box[0] && x < box[2] && y > box[1] && y < box[3]) count++;
  }
  return count;
}

/** How many of the samples of the line from a to b lie on the marker of a point. */
function samplesOn(a, b, point, radius) {
  let count = 0;
  for (let s = 1; s <= SAMPLES; s++) {
    const f = s / (SAMPLES + 1);
    const [x, y] = [a[0] + f * (b[0] - a[0]) - point[0], a[1] + f * (b[1] - a[1]) - point[1]];
    if (x * x + y * y < (radius + 1) ** 2) count++;
  }
  return count;
}

/** What it costs to cover a box: at all, and per pixel of the root of the common area. */
function covering(mine, box, first, each) {
  const [wide, tall] = shared(mine, box);
  return wide > 0 && tall > 0 ? first + each * Math.sqrt(wide * tall) : 0;
}

/** Places around a point with what is to be said against each, the best first. */
function candidatesOf(point, [w, h], radius) {
  const found = [];
  for (const away of AWAY) {
    for (let k = 0; k < DIRECTIONS; k++) {
      const angle = (2 * Math.PI * k) / DIRECTIONS;
      const [ux, uy] = [Math.cos(angle), Math.sin(angle)];
      const x = point[0] + ux * (radius + FREE + away) + (clamp(2 * ux, -1, 1) * w) / 2;
      const y = point[1] + uy * (radius + FREE + away) + (clamp(2 * uy, -1, 1) * h) / 2;
      found.push({ centre: [x, y], against: 0.4 * away + 1.5 * (1 - ux) + 1.5 * Math.abs(uy), k: found.length });
    }
  }
  return found.sort((a, b) => a.against - b.against);
}

/**
 * [{ centre, end }] of the names of `points` [x, y], of `sizes` [width, height], in `area` [width, height].
 * boxes: what else may not be covered; lines: level and upright ones, which rather should not; radius: of a marker.
 */
export function place(points, sizes, boxes, lines, area, radius) {
  const solid = [...points.map((point) => around(point, 2 * radius, 2 * radius)), ...boxes];
  const candidates = points.map((point, i) => candidatesOf(point, sizes[i], radius));
  const placed = points.map(() => null);

  /** What a place costs name i; given up as soon as it is more than `most`. */
  function costOf(i, { centre, against }, most) {
    const mine = around(centre, sizes[i][0] + GAP, sizes[i][1] + GAP);
    const beyond =
      Math.max(0, -mine[0]) + Math.max(0, -mine[1]) + Math.max(0, mine[2] - area[0]) + Math.max(0, mine[3] - area[1]);
    let cost = against + (beyond > 0 ? 1e4 + 100 * beyond : 0);
    if (cost > most) return cost;
    for (const other of placed) if (other && other.i !== i) cost += covering(mine, other.box, 400, 1);
    for (const box of solid) cost += covering(mine, box, 300, 1);
    if (cost > most) return cost;
    for (const line of lines) {
      const [wide, tall] = shared(mine, line);
      if (wide >= 0 && tall >= 0) cost += 4 + 0.4 * Math.min(20, Math.max(wide, tall));
    }
    const tip = nearestOf(points[i], around(centre, ...sizes[i]));
    for (const [j, point] of points.entries()) if (j !== i) cost += 5 * samplesOn(points[i], tip, point, radius);
    for (const other of placed) {
      if (cost > most) return cost;
      if (!other || other.i === i) continue;
      cost += 12 * samplesIn(points[i], tip, other.box) + 12 * samplesIn(points[other.i], other.end, mine);
      if (crossing(points[i], tip, points[other.i], other.end)) cost += 15;
    }
    return cost;
  }

  const fromMiddle = (i) => Math.abs(points[i][0] - area[0] / 2);
  const outerFirst = [...points.keys()].sort((a, b) => fromMiddle(b) - fromMiddle(a)); // at the edge there is least choice
  for (let sweep = 0, moved = true; moved && sweep < SWEEPS; sweep++) {
    moved = false;
    for (const i of outerFirst) {
      let best = null;
      let least = Infinity;
      for (const each of candidates[i]) {
        if (each.against > least) break;
        const cost = costOf(i, each, least);
        if (cost < least - 1e-6 || (cost < least + 1e-6 && each.k < best.k)) [best, least] = [each, cost];
      }
      if (placed[i]?.k !== best.k) moved = true;
      const box = around(best.centre, ...sizes[i]);
      placed[i] = { i, k: best.k, centre: best.centre, box, end: nearestOf(points[i], box) };
    }
  }
  return placed;
}
