"""Where names stand beside crowded points: as near as they can, on nothing else, with a line where they are far.

Each name in turn takes the best of many places around its point, given where the others stand; again and again until
no name moves. As in cost_map_names.js, which does the same in the page.
"""

from __future__ import annotations

import numpy as np

AWAY = (0, 8, 18, 30, 46, 66, 90, 120, 155, 195, 240)  # pixels between a point and its name
DIRECTIONS = 24
SWEEPS = 6
GAP = 3  # pixels around a name that stay free
SAMPLES = 9  # places along a line that are looked at
NO_LINE = 12  # pixels: a name as near as that needs no line


def place(points, sizes, boxes, lines, area, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Centres of the names, and the ends of their lines, all `n 2`, in pixels from the upper left.

    Args:
        points: `n 2`. sizes: of the names, `n 2`. radius: of a marker.
        boxes: (left, top, right, bottom) of what else may not be covered. lines: the same of level and upright lines,
            which rather should not.
        area: width and height; no name leaves it.
    """
    points, sizes = np.asarray(points, float).reshape(-1, 2), np.asarray(sizes, float).reshape(-1, 2)
    n = len(points)
    marks = np.concatenate([points - radius, points + radius], axis=1)
    solid = np.concatenate([marks, np.asarray(boxes, float).reshape(-1, 4)])
    lines = np.asarray(lines, float).reshape(-1, 4)
    centres, ends, placed = points.copy(), points.copy(), np.zeros(n, bool)
    for sweep in range(SWEEPS):
        moved = False
        for i in range(n):
            others = np.flatnonzero(placed & (np.arange(n) != i))
            candidates, away = _candidates(points[i], sizes[i], radius)
            cost = _cost(i, candidates, away, points, sizes, centres, ends, others, solid, lines, area, radius)
            best = int(np.argmin(np.round(cost, 6)))
            moved |= sweep == 0 or not np.array_equal(candidates[best], centres[i])
            centres[i], placed[i] = candidates[best], True
            ends[i] = _nearest(points[i], centres[i], sizes[i])
        if not moved:
            break
    return centres, ends


def _candidates(point, size, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Places around a point, `m 2`, and what is to be said against each: its distance, and what is left or below."""
    found, against = [], []
    for away in AWAY:
        for k in range(DIRECTIONS):
            angle = 2 * np.pi * k / DIRECTIONS
            u = np.array([np.cos(angle), np.sin(angle)])
            found.append(point + u * (radius + 2 + away) + np.clip(2 * u, -1, 1) * size / 2)
            against.append(0.5 * away + 1.5 * (1 - u[0]) + 1.5 * abs(u[1]))
    return np.array(found), np.array(against)


def _cost(i, candidates, against, points, sizes, centres, ends, others, solid, lines, area, radius) -> np.ndarray:
    half = sizes[i] / 2 + GAP / 2
    low, high = candidates - half, candidates + half
    beyond = np.maximum(0, -low).sum(1) + np.maximum(0, high - area).sum(1)
    cost = against + np.where(beyond > 0, 1e4 + 100 * beyond, 0)
    names = np.concatenate([centres[others] - sizes[others] / 2, centres[others] + sizes[others] / 2], axis=1)
    cost += _covered(low, high, names, 60, 1)
    cost += _covered(low, high, solid, 30, 0.5)
    for left, top, right, bottom in lines:
        wide = np.minimum(high[:, 0], right) - np.maximum(low[:, 0], left)
        tall = np.minimum(high[:, 1], bottom) - np.maximum(low[:, 1], top)
        along = np.minimum(20, np.maximum(wide, tall))
        cost += np.where((wide >= 0) & (tall >= 0), 3 + 0.3 * along, 0)
    tips = np.clip(points[i], candidates - sizes[i] / 2, candidates + sizes[i] / 2)
    share = np.arange(1, SAMPLES + 1) / (SAMPLES + 1)
    line = points[i] + share[None, :, None] * (tips - points[i])[:, None]  # m samples 2
    for box in names:
        cost += 12 * ((line > box[:2]) & (line < box[2:])).all(2).sum(1)
    far = ((line[:, :, None] - np.delete(points, i, 0)) ** 2).sum(3) < (radius + 1) ** 2
    cost += 5 * far.sum((1, 2))
    for j in others:  # lines of others over this name, and crossing this line
        theirs = points[j] + share[:, None] * (ends[j] - points[j])
        cost += 12 * ((theirs > low[:, None]) & (theirs < high[:, None])).all(2).sum(1)
        cost += 15 * _cross(points[i], tips, points[j], ends[j])
    return cost


def _covered(low, high, boxes, first: float, each: float) -> np.ndarray:
    """What it costs to cover boxes: `first` for each of them, and `each` per pixel of the root of the common area."""
    wide = np.minimum(high[:, None, 0], boxes[:, 2]) - np.maximum(low[:, None, 0], boxes[:, 0])
    tall = np.minimum(high[:, None, 1], boxes[:, 3]) - np.maximum(low[:, None, 1], boxes[:, 1])
    both = (wide > 0) & (tall > 0)
    return np.where(both, first + each * np.sqrt(np.where(both, wide * tall, 0)), 0).sum(1)


def _nearest(point, centre, size) -> np.ndarray:
    """The place of a name that is nearest to its point."""
    return np.clip(point, centre - size / 2, centre + size / 2)


def _cross(a, b, c, d) -> np.ndarray:
    """Whether the lines from a to each of b and from c to d cross."""
    side = lambda p, q, r: (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (  # noqa: E731
        r[..., 0] - p[..., 0]
    )
    return (side(a, b, c) * side(a, b, d) < 0) & (side(c, d, a) * side(c, d, b) < 0)
