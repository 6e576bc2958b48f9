"""How a scene moves: for every frame, an affine map from places in frame 0 to places in frame t.

Maps compose: `shake(...) @ rotation(...)` turns first and shakes then. Exact flow follows from the maps alone.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from .errors import ShapeError

Motion = Float[Tensor, "t 3 3"]  # homogeneous coordinates (x, y, 1), in pixels


def translation(u: float, v: float, frames: int) -> Motion:
    """Constant velocity: u pixels to the right and v down in each frame.

    >>> translation(2.0, 0.5, frames=3)[2, :2, 2].tolist()
    [4.0, 1.0]
    """
    maps = _identity(frames)
    maps[:, :2, 2] = torch.arange(frames)[:, None] * torch.tensor([u, v], dtype=torch.float64)
    return maps


def rotation(degrees: float, frames: int, centre: tuple[float, float]) -> Motion:
    """Turn by `degrees` a frame about `centre` (x, y), clockwise on the screen, as y points down."""
    maps, angle = _identity(frames), math.radians(degrees) * torch.arange(frames, dtype=torch.float64)
    maps[:, 0, 0], maps[:, 0, 1], maps[:, 1, 0], maps[:, 1, 1] = angle.cos(), -angle.sin(), angle.sin(), angle.cos()
    return _about(maps, centre)


def zoom(rate: float, frames: int, centre: tuple[float, float]) -> Motion:
    """Grow by the factor `rate` a frame about `centre` (x, y); below 1 it shrinks."""
    if rate <= 0:
        raise ShapeError(f"zoom rate {rate}", wanted="a factor above 0", mend="1.02 grows by 2 % a frame")
    maps = _identity(frames)
    maps[:, 0, 0] = maps[:, 1, 1] = rate ** torch.arange(frames, dtype=torch.float64)
    return _about(maps, centre)


def shake(amount: float, frames: int, seed: int) -> Motion:
    """A hand-held camera: each frame is off by normal noise of `amount` pixels; frame 0 stays."""
    generator = torch.Generator().manual_seed(seed)
    maps = _identity(frames)
    maps[1:, :2, 2] = amount * torch.randn(frames - 1, 2, generator=generator, dtype=torch.float64)
    return maps


def flow_of(motion: Motion, size: int) -> Float[Tensor, "t-1 2 h w"]:
    """Exact flow on the pixel grid: a pixel p of frame t goes to M_{t+1} M_t^{-1} p.

    Raises:
        ShapeError: no stack of 3 × 3 maps.
    """
    expect_motion(motion)
    x, y = pixel_grid(size, motion.device)
    step = motion[1:] @ torch.linalg.inv(motion[:-1])
    there = send(step, x, y)
    return torch.stack([there[0] - x, there[1] - y], dim=1).float()


def pixel_grid(size: int, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """x and y of every pixel's centre: two tensors `h w`, float64."""
    y, x = torch.meshgrid(*[torch.arange(size, dtype=torch.float64, device=device)] * 2, indexing="ij")
    return x, y


def send(maps: Motion, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Where each map sends the places (x, y): two tensors `t h w`."""
    m = maps[:, :2, :, None, None]
    return m[:, 0, 0] * x + m[:, 0, 1] * y + m[:, 0, 2], m[:, 1, 0] * x + m[:, 1, 1] * y + m[:, 1, 2]


def expect_motion(motion: object) -> None:
    """Refuse what is no stack of affine maps."""
    shape = tuple(getattr(motion, "shape", ()))
    if len(shape) != 3 or shape[1:] != (3, 3):
        what = f"a motion of shape {shape}" if shape else f"a motion that is a {type(motion).__name__}"
        raise ShapeError(what, wanted="one 3 × 3 map a frame, t 3 3", mend="translation(u, v, frames=8)")


def _identity(frames: int) -> Motion:
    if frames < 1:
        raise ShapeError(f"{frames} frames", wanted="at least one")
    return torch.eye(3, dtype=torch.float64).repeat(frames, 1, 1)


def _about(maps: Motion, centre: tuple[float, float]) -> Motion:
    """The same maps with `centre` as their fixed point."""
    there = translation(*centre, 2)[1]
    return there @ maps @ torch.linalg.inv(there)
