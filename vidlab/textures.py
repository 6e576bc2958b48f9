"""Textures: patterns given by a formula, so that they can be looked up at any point, not only at pixels.

A texture is a sum of waves. One wave is cos(w · (x, y, 1)): two frequencies and a phase. Move the picture by an affine
map M and each wave stays a wave, w M⁻¹. That is all the rendering there is, and it is exact to any fraction of a pixel.
"""

import math
from dataclasses import dataclass

import torch
from einops import einsum, rearrange
from jaxtyping import Float
from torch import Tensor

from .errors import ShapeError

# Brightness, red–green, blue–yellow: the axes of colour vision (Hering's opponent colours). The last two leave the
# brightness as it is (ITU-R BT.601 luma 0.299 R + 0.587 G + 0.114 B), and are scaled so that ±1 of both fits into ±1.
OPPONENT = torch.tensor(
    [[1.0, 1.0, 1.0], [0.587 / 0.701, -0.299 / 0.701, 0.0], [-0.114 / 0.886, -0.114 / 0.886, 1.0]], dtype=torch.float64
)


@dataclass(frozen=True)
class Texture:
    """A smooth picture without end: `texture(x, y)` is its colour at any real place, in pixels.

    waves: radians per pixel along x and along y, and a phase. amplitude: how strongly each wave modulates brightness,
    red–green and blue–yellow. tint: what is added to all three. level: the middle brightness. colour: the share of the
    range that is kept for colour.
    """

    waves: Float[Tensor, "k 3"]
    amplitude: Float[Tensor, "3 k"]
    tint: Float[Tensor, "3"]
    level: float
    colour: float

    def __call__(self, x: Float[Tensor, "*n h w"], y: Float[Tensor, "*n h w"]) -> Float[Tensor, "*n c h w"]:
        """Values in [0, 1] at the places (x, y)."""
        here = self.to(x)
        total = torch.zeros(*x.shape[:-2], 3, *x.shape[-2:], dtype=x.dtype, device=x.device)
        for (wx, wy, phase), strength in zip(here.waves, here.amplitude.T, strict=True):  # one at a time: little memory
            total += strength[:, None, None] * torch.cos(wx * x + wy * y + phase).unsqueeze(-3)
        return here.paint(total)

    def moved(self, motion: Float[Tensor, "t 3 3"], size: int) -> Float[Tensor, "t c h w"]:
        """The picture on `size` × `size` pixels after each map of `motion`; what calling it would give, but faster."""
        here = self.to(motion)
        return here.paint(sum_of_waves(here.waves @ torch.linalg.inv(motion), here.amplitude, size))

    def paint(self, opponent: Float[Tensor, "*n c h w"]) -> Float[Tensor, "*n c h w"]:
        """From brightness, red–green and blue–yellow to red, green and blue."""
        return paint(opponent + self.tint[:, None, None], self.level, self.colour)

    def to(self, like: Tensor) -> "Texture":
        """The same with tensors on the device, and of the precision, of another tensor."""
        return Texture(self.waves.to(like), self.amplitude.to(like), self.tint.to(like), self.level, self.colour)


def texture(
    seed: int,
    *,
    size: int = 64,
    finest: float = 6.0,
    waves: int = 120,
    contrast: float = 0.14,
    level: float = 0.5,
    colour: float = 0.2,
    tint: tuple[float, float] = (0.0, 0.0),
) -> Texture:
    """A random texture that looks like moss or stone: its amplitude spectrum falls as 1 / f^1.5.

    In photographs it falls about as 1 / f (Field 1987, *Relations between the statistics of natural images and the
    response properties of cortical cells*, J. Opt. Soc. Am. A 4, 2379–2394), most of it owed to sharp edges, which a
    sum of so few waves has not; the steeper fall makes up for them.

    Args:
        seed: the same seed gives the same texture.
        size: its coarsest wave, in pixels. finest: its shortest wave, in pixels.
        waves: how many cosines.
        contrast: standard deviation of the brightness, about. level: its middle.
        colour: the share of the range that colour may take, 0 for grey, below 1. It never changes the brightness.
        tint: (red–green, blue–yellow), a hue for the whole.

    Raises:
        ShapeError: a level or a colour out of range, or waves too short for pixels to show.

    >>> bark = texture(seed=1)
    >>> place = torch.tensor([[3.25]])
    >>> bark(place, place).shape
    torch.Size([3, 1, 1])
    """
    if not (0 < level < 1 and 0 <= colour < 1):
        raise ShapeError(f"level {level}, colour {colour}", wanted="a level in (0, 1) and a colour in [0, 1)")
    if not 2 <= finest <= size:
        raise ShapeError(
            f"finest wave {finest} of size {size}",
            wanted="2 pixels to size: shorter ones alias",
            mend="size=64, finest=6.0",
        )
    generator = torch.Generator().manual_seed(seed)
    chance = torch.rand(3, waves, generator=generator, dtype=torch.float64)
    octave = (torch.arange(waves) + chance[0]) / waves  # as many waves in each octave
    angle = math.pi * (torch.randperm(waves, generator=generator) + chance[1]) / waves  # and in each direction
    cycles = (1 / size) * (size / finest) ** octave
    vector = 2 * math.pi * torch.stack([cycles * angle.cos(), cycles * angle.sin(), chance[2]], dim=1)
    brightness = contrast / (_room(level) * (1 - colour)) * _unit(cycles**-0.5)
    hue = 2 * math.pi * torch.rand(1, generator=generator, dtype=torch.float64) + 0.6 * (chance[0] - 0.5)
    vivid = 0.7 * _unit(1 / cycles)  # hues change more slowly from place to place than brightness
    amplitude = torch.stack([brightness, vivid * hue.cos(), vivid * hue.sin()])
    return Texture(vector, amplitude, torch.tensor([0.0, *tint], dtype=torch.float64), level, colour)


def paint(opponent: Float[Tensor, "*n s h w"], level: float, colour: float) -> Float[Tensor, "*n c h w"]:
    """Red, green and blue in [0, 1], from brightness, red–green and blue–yellow (each 0 on average, about ±1).

    tanh bends the ends of the range softly, where clipping would break: derivatives exist everywhere.
    """
    share = torch.tensor([1 - colour, colour, colour]).to(opponent)
    bent = torch.tanh(opponent) * share[:, None, None]
    return level + _room(level) * einsum(bent, OPPONENT.to(opponent), "... s h w, s c -> ... c h w")


def sum_of_waves(
    waves: Float[Tensor, "*n k 3"], amplitude: Float[Tensor, "*n2 s k"], size: int
) -> Float[Tensor, "*n s h w"]:
    """Σ_k amplitude cos(wx x + wy y + phase) on the pixel grid, by the addition theorem
    cos(a + b) = cos a cos b - sin a sin b with a of the row and b of the column: a product of two small tables,
    instead of a cosine for every wave and pixel.
    """
    place = torch.arange(size, dtype=waves.dtype, device=waves.device)
    wx, wy, phase = rearrange(waves, "... k axes -> axes ... k 1")
    row, column = wy * place + phase, wx * place
    rows = torch.cat([row.cos(), -row.sin()], dim=-2)
    columns = torch.cat([column.cos(), column.sin()], dim=-2)
    strong = torch.cat([amplitude, amplitude], dim=-1)[..., None]
    return (strong * rows.unsqueeze(-3)).transpose(-1, -2) @ columns.unsqueeze(-3)


def drifting_waves(
    cycles: Float[Tensor, "b 2 k"], phase: Float[Tensor, "b k"], velocity: Float[Tensor, "b 2"], frames: int, size: int
) -> Float[Tensor, "b t 1 h w"]:
    """Waves with whole cycles a frame, amplitude 1 / frequency, carried along: cos(w · (p - t velocity) + phase)."""
    wave = 2 * math.pi * cycles / size  # radians per pixel
    time = torch.arange(frames, device=phase.device)
    late = phase[:, None] - time[:, None] * (wave * velocity[..., None]).sum(1)[:, None]
    waves = torch.stack([*wave[:, :, None].expand(-1, -1, frames, -1).unbind(1), late], dim=-1)
    amplitude = 1 / cycles.norm(dim=1)
    amplitude = 0.45 * amplitude / (amplitude.square().sum(1, keepdim=True) / 2).sqrt()
    return sum_of_waves(waves, amplitude[:, None, None], size)


def _unit(amplitude: Float[Tensor, "k"]) -> Float[Tensor, "k"]:
    """The same proportions, scaled so that the sum of the waves has a standard deviation of 1."""
    return amplitude / (amplitude.square().sum() / 2).sqrt()


def _room(level: float) -> float:
    """How far the values may go from the middle level without leaving [0, 1]."""
    return min(level, 1 - level)
