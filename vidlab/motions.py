"""How a scene moves: for every frame, an affine map from places in frame 0 to places in frame t.

Maps compose: `shake(...) @ rotation(...)` turns first and shakes then. Exact flow follows from the maps alone.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

Motion = Float[Tensor, "t 3 3"]  # homogeneous coordinates (x, y, 1), in pixels


def translation(u: float, v: float, frames: int) -> Motion:
    """Constant velocity: u pixels to the right and v down in each frame."""
    maps = torch.eye(3, dtype=torch.float64).repeat(frames, 1, 1)
    maps[:, :2, 2] = torch.arange(frames)[:, None] * torch.tensor([u, v], dtype=torch.float64)
    return maps


def rotation(degrees: float, frames: int, centre: tuple[float, float]) -> Motion:
    """Turn by `degrees` a frame about `centre` (x, y), clockwise on the screen, as y points down."""
    angle = math.radians(degrees) * torch.arange(frames, dtype=torch.float64)
    maps = torch.eye(3, dtype=torch.float64).repeat(frames, 1, 1)
    maps[:, 0, 0], maps[:, 0, 1], maps[:, 1, 0], maps[:, 1, 1] = angle.cos(), -angle.sin(), angle.sin(), angle.cos()
    return _about(maps, centre)


def zoom(rate: float, frames: int, centre: tuple[float, float]) -> Motion:
    """Grow by the factor `rate` a frame about `centre` (x, y)."""
    maps = torch.eye(3, dtype=torch.float64).repeat(frames, 1, 1)
    maps[:, 0, 0] = maps[:, 1, 1] = rate ** torch.arange(frames, dtype=torch.float64)
    return _about(maps, centre)


def shake(amount: float, frames: int, seed: int) -> Motion:
    """A hand-held camera: each frame is off by normal noise of `amount` pixels; frame 0 stays."""
    generator = torch.Generator().manual_seed(seed)
    maps = torch.eye(3, dtype=torch.float64).repeat(frames, 1, 1)
    maps[1:, :2, 2] = amount * torch.randn(frames - 1, 2, generator=generator, dtype=torch.float64)
    return maps


def flow_of(motion: Motion, size: int) -> Float[Tensor, "t-1 2 h w"]:
    """Exact flow on the pixel grid: a pixel p of frame t goes to M_{t+1} M_t^{-1} p."""
    x, y = pixel_grid(size)
    step = motion[1:] @ torch.linalg.inv(motion[:-1])
    there = send(step, x, y)
    return torch.stack([there[0] - x, there[1] - y], dim=1).float()


def pixel_grid(size: int) -> tuple[Tensor, Tensor]:
    """x and y of every pixel's centre: two tensors `h w`, float64."""
    y, x = torch.meshgrid(*[torch.arange(size, dtype=torch.float64)] * 2, indexing="ij")
    return x, y


def send(maps: Motion, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Where each map sends the places (x, y): two tensors `t h w`."""
    m = maps[:, :2, :, None, None]
    return m[:, 0, 0] * x + m[:, 0, 1] * y + m[:, 0, 2], m[:, 1, 0] * x + m[:, 1, 1] * y + m[:, 1, 2]


def _about(maps: Motion, centre: tuple[float, float]) -> Motion:
    """The same maps with `centre` as their fixed point."""
    there = translation(*centre, 2)[1]
    return there @ maps @ torch.linalg.inv(there)
