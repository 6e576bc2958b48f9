"""Where names stand beside crowded points: as near as they can, on nothing else, with a line where they are far.

Each name in turn takes the best of many places around its point, given where the others stand; again and again until
no name moves. As in cost_map_names.js, which does the same in the page.
"""

from __future__ import annotations

import numpy as np

AWAY = (0, 8, 18, 30, 46, 66, 90, 120, 155, 195, 240)  # pixels between a point and its name
DIRECTIONS = 16
SWEEPS = 6
FREE = 4  # pixels between a marker and the nearest name
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
    around = [_candidates(point, size, radius) for point, size in zip(points, sizes, strict=True)]
    choice = np.full(n, -1)
    outer_first = np.argsort(-np.abs(points[:, 0] - area[0] / 2), kind="stable")  # at the edge there is least choice
    for _ in range(SWEEPS):
        before = choice.copy()
        for i in outer_first:
            others = np.flatnonzero(placed & (np.arange(n) != i))
            candidates, against = around[i]
            names = np.concatenate([centres[others] - sizes[others] / 2, centres[others] + sizes[others] / 2], axis=1)
            cost = against + _standing(candidates, sizes[i], names, solid, lines, area)
            few = np.argsort(cost)[:24]  # a line only adds to that: who is dearer than the best of these is out
            most = (cost[few] + _leading(i, candidates[few], points, sizes, centres, ends, others, radius)).min()
            some = np.flatnonzero(cost <= most)
            cost[some] += _leading(i, candidates[some], points, sizes, centres, ends, others, radius)
            choice[i] = some[np.argmin(np.round(cost[some], 6))]
            centres[i], placed[i] = candidates[choice[i]], True
            ends[i] = np.clip(points[i], centres[i] - sizes[i] / 2, centres[i] + sizes[i] / 2)
        if np.array_equal(before, choice):
            break
    return centres, ends


def _candidates(point, size, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Places around a point, `m 2`, and what is to be said against each: its distance, and what is left or below."""
    found, against = [], []
    for away in AWAY:
        for k in range(DIRECTIONS):
            angle = 2 * np.pi * k / DIRECTIONS
            u = np.array([np.cos(angle), np.sin(angle)])
            found.append(point + u * (radius + FREE + away) + np.clip(2 * u, -1, 1) * size / 2)
            against.append(0.4 * away + 1.5 * (1 - u[0]) + 1.5 * abs(u[1]))
    return np.array(found), np.array(against)


def _standing(candidates, size, names, solid, lines, area) -> np.ndarray:
    """What it costs to stand there: out of the area, on names, markers and lines."""
    half = (size + GAP) / 2
    low, high = candidates - half, candidates + half
    beyond = np.maximum(0, -low).sum(1) + np.maximum(0, high - area).sum(1)
    cost = np.where(beyond > 0, 1e4 + 100 * beyond, 0)
    cost += _covered(low, high, names, 400, 1) + _covered(low, high, solid, 300, 1)
    for left, top, right, bottom in lines:
        wide = np.minimum(high[:, 0], right) - np.maximum(low[:, 0], left)
        tall = np.minimum(high[:, 1], bottom) - np.maximum(low[:, 1], top)
        along = np.minimum(20, np.maximum(wide, tall))
        cost += np.where((wide >= 0) & (tall >= 0), 4 + 0.4 * along, 0)
    return cost


def _leading(i, candidates, points, sizes, centres, ends, others, radius: float) -> np.ndarray:
    """What the line between point and name costs: over names and markers, and across the lines of others."""
    cost, half = np.zeros(len(candidates)), (sizes[i] + GAP) / 2
    tips = np.clip(points[i], candidates - sizes[i] / 2, candidates + sizes[i] / 2)
    share = np.arange(1, SAMPLES + 1) / (SAMPLES + 1)
    line = points[i] + share[:, None] * (tips - points[i])[:, None]  # m samples 2
    far = ((line[:, :, None] - np.delete(points, i, 0)) ** 2).sum(3)
    cost += 5 * (far < (radius + 1) ** 2).sum((1, 2))
    for j in others:
        theirs, size = points[j] + share[:, None] * (ends[j] - points[j]), sizes[j] / 2
        cost += 12 * ((line > centres[j] - size) & (line < centres[j] + size)).all(2).sum(1)
        cost += 12 * ((theirs > (candidates - half)[:, None]) & (theirs < (candidates + half)[:, None])).all(2).sum(1)
        cost += 15 * _cross(points[i], tips, points[j], ends[j])
    return cost


def _covered(low, high, boxes, first: float, each: float) -> np.ndarray:
    """What it costs to cover boxes: `first` for each of them, and `each` per pixel of the root of the common area."""
    wide = np.minimum(high[:, None, 0], boxes[:, 2]) - np.maximum(low[:, None, 0], boxes[:, 0])
    tall = np.minimum(high[:, None, 1], boxes[:, 3]) - np.maximum(low[:, None, 1], boxes[:, 1])
    both = (wide > 0) & (tall > 0)
    return np.where(both, first + each * np.sqrt(np.where(both, wide * tall, 0)), 0).sum(1)


def _side(p, q, r):
    """On which side of the line from p to q is r: the sign of the cross product."""
    return (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (r[..., 0] - p[..., 0])


def _cross(a, b, c, d) -> np.ndarray:
    """Whether the lines from a to each of b and from c to d cross."""
    return (_side(a, b, c) * _side(a, b, d) < 0) & (_side(c, d, a) * _side(c, d, b) < 0)
