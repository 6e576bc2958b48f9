"""Pairs of frames whose flow is known exactly, for measuring: photographs moved by formulas, and layers of objects.

Frames are sampled from photographs by splines of degree five (SciPy), so that no method is favoured by sharing its
interpolation with the pair. Each is (first h w, second h w, flow 2 h w), float32.
"""

import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import map_coordinates, spline_filter, zoom

HEIGHT, WIDTH = 388, 584


def photo(name, enlarge=1.0):
    """Spline coefficients of a photograph that comes with scikit-image."""
    import skimage.data

    grey = np.asarray(Image.open(Path(skimage.data.__file__).parent / name).convert("L"), dtype=np.float64) / 255
    return spline_filter(zoom(grey, enlarge, order=3) if enlarge != 1 else grey, order=5, mode="mirror")


def sample(coefficients, x, y):
    return map_coordinates(coefficients, [y, x], order=5, mode="mirror", prefilter=False)


def grid(height=HEIGHT, width=WIDTH, finer=1):
    """x and y of every pixel; with `finer` > 1 of that many points a pixel along each axis."""
    y, x = np.mgrid[: height * finer, : width * finer].astype(np.float64)
    return (x + 0.5) / finer - 0.5, (y + 0.5) / finer - 0.5


def moved(coefficients, field):
    """A pair from one photograph: the first frame shows at p what the second shows at p + field(p)."""
    x, y = grid()
    u, v = field(x, y)
    left, top = ((have - want) / 2 for have, want in zip(coefficients.shape[::-1], (WIDTH, HEIGHT), strict=True))
    first = sample(coefficients, x + u + left, y + v + top)
    second = sample(coefficients, x + left, y + top)
    return frames(first, second, np.stack([u, v]))


def frames(first, second, field):
    return tuple(torch.from_numpy(part).float() for part in (first.clip(0, 1), second.clip(0, 1), field))


def rotation(degrees):
    a, cx, cy = math.radians(degrees), (WIDTH - 1) / 2, (HEIGHT - 1) / 2

    def field(x, y):
        x, y = x - cx, y - cy
        return x * (math.cos(a) - 1) - y * math.sin(a), x * math.sin(a) + y * (math.cos(a) - 1)

    return field


def affine(strength):
    cx, cy = (WIDTH - 1) / 2, (HEIGHT - 1) / 2

    def field(x, y):
        x, y = x - cx, y - cy
        return strength * (0.010 * x + 0.006 * y + 1.2), strength * (-0.008 * x + 0.004 * y - 0.7)

    return field


def wave(amplitude, period):
    def field(x, y):
        return amplitude * np.sin(2 * math.pi * y / period), amplitude * np.cos(2 * math.pi * x / period)

    return field


def noise_texture(seed):
    """Octaves of noise: detail of every size everywhere, as no photograph has it."""
    random, height, width = np.random.default_rng(seed), HEIGHT + 120, WIDTH + 180
    total = sum(
        size**0.5
        * zoom(random.standard_normal((height // size + 2, width // size + 2)), size, order=3)[:height, :width]
        for size in (2, 4, 8, 16)
    )
    return spline_filter((0.5 + 0.15 * (total - total.mean()) / total.std()).clip(0, 1), order=5, mode="mirror")


def objects(seed, count=7, noise=0.005):
    """Photographs cut to shapes, each turning, growing and moving on its own over a background, with sensor noise."""
    random = np.random.default_rng(seed)
    names = ("astronaut.png", "coffee.png", "chelsea.png", "gravel.png", "grass.png", "brick.png", "camera.png")
    layers = []
    for k in range(count + 1):
        calm = random.uniform(0.3, 1) * (0.4 if k == 0 else 1)
        turn, grow = math.radians(1.5) * random.uniform(-calm, calm), 1 + 0.02 * random.uniform(-calm, calm)
        matrix = grow * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        layers.append((
            photo(names[random.integers(len(names))]), matrix, random.uniform(-3, 3, 2) * calm,
            random.uniform(0, 1, 2) * (WIDTH, HEIGHT), random.uniform(50, 300, 2),
            random.uniform(40, 130), random.uniform(0.5, 1.6), random.integers(3),
        ))  # fmt: skip
    x, y = grid(finer=2)
    pictures, flow = [], None
    for t in (0, 1):
        picture, field = None, None
        for k, (image, matrix, step, centre, place, radius, squeeze, kind) in enumerate(layers):
            dx, dy = x - centre[0] - t * step[0], y - centre[1] - t * step[1]
            inverse = np.linalg.inv(matrix) if t else np.eye(2)
            dx, dy = inverse[0, 0] * dx + inverse[0, 1] * dy, inverse[1, 0] * dx + inverse[1, 1] * dy  # in frame 0
            shown = sample(image, dx + centre[0] + place[0], dy + centre[1] + place[1])
            flat = dy * squeeze
            far = np.hypot(dx, flat) if kind != 1 else np.maximum(abs(dx), abs(flat))
            far = far / (1 + 0.3 * np.sin(5 * np.arctan2(flat, dx))) if kind == 2 else far
            inside = (far < radius) | (k == 0)
            u = (matrix[0, 0] - 1) * dx + matrix[0, 1] * dy + step[0]
            v = matrix[1, 0] * dx + (matrix[1, 1] - 1) * dy + step[1]
            picture = np.where(inside, shown, picture) if k else shown
            field = np.where(inside, np.stack([u, v]), field) if k else np.stack([u, v])
        picture = picture.reshape(HEIGHT, 2, WIDTH, 2).mean((1, 3))
        pictures.append(picture + noise * random.standard_normal(picture.shape))
        flow = field.reshape(2, HEIGHT, 2, WIDTH, 2).mean((2, 4)) if t == 0 else flow
    return frames(*pictures, flow)


def synthetic():
    """name → pair."""
    astronaut, coffee, noise = photo("astronaut.png", 1.6), photo("coffee.png", 1.3), noise_texture(0)
    pairs = {}
    for name, image in (("astronaut", astronaut), ("coffee", coffee), ("noise", noise)):
        pairs[f"rotation, {name}"] = moved(image, rotation(1.6))
        pairs[f"affine, {name}"] = moved(image, affine(1.5))
        pairs[f"wave, {name}"] = moved(image, wave(2.5, 120))
    pairs["large, coffee"] = moved(coffee, affine(2.6))
    return pairs | {f"objects {seed}": objects(seed) for seed in range(4)}
