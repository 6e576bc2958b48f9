"""Worlds: synthetic clips whose every answer is known exactly — flow, masks, labels.

A texture is a sum of waves, a formula that can be evaluated at any point. To move it, we do not shift pixels: we ask
the formula at the place where each pixel came from. So motion is exact to any fraction of a pixel.
"""

import math
from dataclasses import dataclass, field

import torch
from einops import einsum, rearrange
from jaxtyping import Bool, Float
from torch import Tensor

from .errors import ShapeError
from .motions import Motion, flow_of, pixel_grid, rotation, send, shake, translation, zoom

__all__ = [
    "Sample",
    "Texture",
    "add_flicker",
    "add_noise",
    "drifting_textures",
    "flow_of",
    "moving_object",
    "moving_texture",
    "rotation",
    "shake",
    "texture",
    "translation",
    "zoom",
]

# Changes of colour that leave the brightness as it is (ITU-R BT.601 luma: 0.299, 0.587, 0.114): red–green, blue–yellow.
CHROMA = torch.tensor([[0.587, -0.299, 0.0], [-0.114, -0.114, 0.886]])


@dataclass(frozen=True)
class Sample:
    """A batch of clips with its answers.

    clip: floats in [0, 1]. flow: (u right, v down) in pixels per frame, from frame t to t+1, of what frame t shows.
    mask: the moving object. label: name → one value a clip.
    """

    clip: Float[Tensor, "b t c h w"]
    flow: Float[Tensor, "b t-1 2 h w"]
    mask: Bool[Tensor, "b t 1 h w"]
    label: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Texture:
    """A smooth pattern, a sum of cosines: `texture(x, y)` at any real place, in pixels.

    Amplitudes fall as 1 / frequency, as those of natural pictures do (Field 1987, J. Opt. Soc. Am. A 4, 2379–2394).
    """

    waves: Float[Tensor, "k 2"]  # radians per pixel
    amplitude: Float[Tensor, "c k"]
    phase: Float[Tensor, "c k"]

    def __call__(self, x: Float[Tensor, "*n h w"], y: Float[Tensor, "*n h w"]) -> Float[Tensor, "*n c h w"]:
        """Values in [0, 1], clipped where the sum leaves the range."""
        angle = x[..., None] * self.waves[:, 0] + y[..., None] * self.waves[:, 1]
        value = torch.stack(
            [(a * torch.cos(angle + p)).sum(-1) for a, p in zip(self.amplitude, self.phase, strict=True)], dim=-3
        )
        return (0.5 + value).clamp(0, 1)


def texture(
    seed: int, *, size: int = 64, finest: float = 6.0, waves: int = 40, contrast: float = 0.16, colour: float = 0.35
) -> Texture:
    """A random texture in three channels.

    Args:
        seed: the same seed gives the same texture.
        size: its coarsest wave, in pixels. finest: its shortest wave, in pixels.
        waves: how many cosines. contrast: standard deviation of the brightness.
        colour: how far the channels differ, 0 to 1.
    """
    generator = torch.Generator().manual_seed(seed)
    angle = math.pi * torch.rand(waves, generator=generator, dtype=torch.float64)
    share = torch.rand(waves, generator=generator, dtype=torch.float64)
    cycles = (1 / size) * (size / finest) ** share  # as many waves in each octave
    vector = 2 * math.pi * cycles[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
    grey = 2 * math.pi * torch.rand(waves, generator=generator, dtype=torch.float64)
    phase = grey + colour * math.pi * (torch.rand(3, waves, generator=generator, dtype=torch.float64) - 0.5)
    amplitude = 1 / cycles.sqrt()
    amplitude = contrast * amplitude / (amplitude.square().sum() / 2).sqrt()
    return Texture(vector, amplitude.expand(3, waves), phase)


def moving_texture(motion: Motion, *, size: int, seed: int = 0) -> Sample:
    """A texture that fills the frame and moves as a whole: a batch of one clip.

    >>> pan = moving_texture(translation(1.5, 0.0, frames=4), size=32)
    >>> pan.flow[0, 0, :, 5, 7]
    tensor([1.5000, 0.0000])
    """
    x, y = pixel_grid(size)
    clip = texture(seed, size=size)(*send(torch.linalg.inv(motion), x, y)).float()
    mask = torch.ones(1, len(motion), 1, size, size, dtype=torch.bool)
    return Sample(clip[None], flow_of(motion, size)[None], mask)


def moving_object(
    velocity: tuple[float, float],
    *,
    frames: int,
    size: int,
    seed: int = 0,
    shape: str = "disk",
    radius: float | None = None,
    start: tuple[float, float] | None = None,
    background: str = "texture",
    camera: Motion | None = None,
    supersample: int = 4,
) -> Sample:
    """A bright object that moves over a background: a batch of one clip.

    Args:
        velocity: (u, v) in pixels per frame, before the camera moves.
        frames, size: length, and height = width in pixels.
        seed: of the background and of the object's colour.
        shape: "disk" or "square". radius: half of its width, by default size / 6.
        start: (x, y) of its centre in frame 0; by default so that it passes the middle of the frame at half time.
        background: "texture" or "plain".
        camera: a motion that object and background share, e.g. `shake(...)`.
        supersample: the edge is averaged over this many points a pixel, squared.

    Returns:
        mask: the pixels that the object covers by half or more; flow: the object's there, the background's elsewhere.

    Raises:
        ShapeError: an unknown shape or background, or a camera of another length.
    """
    if shape not in ("disk", "square") or background not in ("texture", "plain"):
        raise ShapeError(
            f"shape {shape!r} on background {background!r}", wanted='"disk" or "square" on "texture" or "plain"'
        )
    camera = translation(0, 0, frames) if camera is None else camera
    if len(camera) != frames:
        raise ShapeError(
            f"a camera for {len(camera)} frames", wanted=f"{frames}, as many as the clip has", mend=f"frames={frames}"
        )
    radius = size / 6 if radius is None else radius
    middle = (size - 1) / 2
    x0, y0 = start or (middle - velocity[0] * (frames - 1) / 2, middle - velocity[1] * (frames - 1) / 2)
    body = camera @ translation(*velocity, frames)

    x, y = pixel_grid(size)
    scene = texture(seed, size=size)(*send(torch.linalg.inv(camera), x, y))
    if background == "plain":
        scene = torch.full_like(scene, 0.45)
    hue = torch.rand(2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 0.5
    paint = 0.85 + 0.25 * hue @ CHROMA.double()
    spots = torch.arange(supersample, dtype=torch.float64) / supersample + 0.5 / supersample - 0.5
    cover = torch.zeros(frames, size, size, dtype=torch.float64)
    for dx in spots:
        for dy in spots:
            bx, by = send(torch.linalg.inv(body), x + dx, y + dy)
            far = torch.hypot(bx - x0, by - y0) if shape == "disk" else torch.maximum((bx - x0).abs(), (by - y0).abs())
            cover += (far < radius).double() / supersample**2
    cover = cover[:, None]
    clip = cover * paint.reshape(3, 1, 1) + (1 - cover) * scene
    mask = cover >= 0.5
    flow = torch.where(mask[:-1], flow_of(body, size), flow_of(camera, size))
    return Sample(clip.float()[None], flow[None], mask[None])


def drifting_textures(
    n: int,
    *,
    frames: int,
    size: int,
    directions: int = 4,
    speed: float = 1.0,
    colours: int = 1,
    generator: torch.Generator,
) -> Sample:
    """n textures that drift on a torus, each in one of several directions and with one of several tints.

    What leaves at the right comes back at the left, and every wave has a uniformly random phase. So **a single frame
    has the same distribution whatever the direction**, and a clip played backwards is a clip of the opposite direction.

    Args:
        n: clips. frames, size: length, and height = width in pixels.
        directions: classes; class k drifts towards the angle 2π k / directions (0: right, a quarter turn: down).
        speed: pixels per frame.
        colours: classes of tint, all of the same brightness; 1 is grey.
        generator: the only source of chance, on the device where the clips are wanted.

    Returns:
        label["direction"], label["colour"]: int64, one value a clip; mask is true everywhere.
    """
    device, waves = generator.device, 12
    direction = torch.randint(directions, (n,), generator=generator, device=device)
    colour = torch.randint(colours, (n,), generator=generator, device=device)
    cycles = torch.randint(-4, 5, (n, waves, 2), generator=generator, device=device).float()  # whole: the torus closes
    cycles[..., 0] += (cycles == 0).all(-1)  # no wave of no frequency
    phase = 2 * math.pi * torch.rand(n, waves, generator=generator, device=device)
    angle = 2 * math.pi * direction / directions
    velocity = speed * torch.stack([angle.cos(), angle.sin()], dim=1)
    clip = _drift(cycles, phase, velocity, frames, size)
    turn = 2 * math.pi * colour / colours
    tint = 0.22 * torch.stack([turn.cos(), turn.sin()], dim=1) @ CHROMA.to(device) * (colours > 1)
    flow = rearrange(velocity, "b d -> b 1 d 1 1").expand(n, frames - 1, 2, size, size)
    mask = torch.ones(1, 1, 1, 1, 1, dtype=torch.bool, device=device).expand(n, frames, 1, size, size)
    return Sample(
        (clip + tint[:, None, :, None, None]).clamp(0, 1), flow, mask, {"direction": direction, "colour": colour}
    )


def _drift(cycles: Tensor, phase: Tensor, velocity: Tensor, frames: int, size: int) -> Float[Tensor, "b t 1 h w"]:
    """cos(a + b + c) is the real part of e^ia e^ib e^ic: three small tables and one product, not a cosine a pixel."""
    place, time = torch.arange(size, device=phase.device), torch.arange(frames, device=phase.device)
    wave = 2 * math.pi * cycles / size  # radians per pixel
    amplitude = 1 / cycles.norm(dim=-1)
    amplitude = 0.15 * amplitude / (amplitude.square().sum(-1, keepdim=True) / 2).sqrt()
    turn = -(wave * velocity[:, None]).sum(-1, keepdim=True) * time + phase[..., None]
    along_t = torch.polar(amplitude[..., None].expand_as(turn), turn)
    along_x, along_y = (
        torch.polar(torch.ones_like(a), a) for a in (wave[..., 0, None] * place, wave[..., 1, None] * place)
    )
    value = einsum(along_t, along_y, along_x, "b k t, b k h, b k w -> b t h w").real
    return (0.5 + value).clamp(0, 1)[:, :, None]


def add_noise(
    clip: Float[Tensor, "*b t c h w"], sigma: float, *, generator: torch.Generator
) -> Float[Tensor, "*b t c h w"]:
    """Sensor noise: normal, of standard deviation `sigma`, independent in every pixel; not clipped, hence unbiased."""
    return clip + sigma * torch.randn(clip.shape, generator=generator, device=clip.device)


def add_flicker(
    clip: Float[Tensor, "*b t c h w"], amount: float, *, generator: torch.Generator
) -> tuple[Float[Tensor, "*b t c h w"], Float[Tensor, "*b t"]]:
    """Unsteady exposure: each frame times a gain uniform in [1 - amount, 1 + amount]. Returns clip and gains."""
    gain = 1 + amount * (2 * torch.rand(clip.shape[:-3], generator=generator, device=clip.device) - 1)
    return clip * gain[..., None, None, None], gain
