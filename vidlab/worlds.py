"""Worlds: synthetic clips whose every answer is known exactly — flow, masks, labels.

A texture (textures.py) is a formula that can be evaluated at any point, and a motion (motions.py) a map. To move a
picture we do not shift pixels: we ask the formula where each pixel came from. So motion is exact to any fraction of a
pixel.
"""

import math
from dataclasses import dataclass, field

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor

from .errors import ShapeError, expect_clip
from .motions import Motion, expect_motion, flow_of, pixel_grid, rotation, send, shake, translation, zoom
from .scenes import Scenes
from .textures import Texture, drifting_waves, paint, texture
from .torus import World

__all__ = [
    "Sample",
    "Scenes",
    "Texture",
    "World",
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


def moving_texture(motion: Motion, *, size: int, seed: int = 0) -> Sample:
    """A texture that fills the frame and moves as a whole: a batch of one clip, on the device of `motion`.

    Args:
        motion: one map a frame, for example `shake(...) @ zoom(...)`.
        size: height = width, in pixels. seed: of the texture, which is `texture(seed, size=size)`.

    Raises:
        ShapeError: no stack of 3 × 3 maps.

    >>> pan = moving_texture(translation(1.5, 0.0, frames=4), size=32)
    >>> pan.flow[0, 0, :, 5, 7]
    tensor([1.5000, 0.0000])
    """
    expect_motion(motion)
    clip = texture(seed, size=size).moved(motion, size).float()
    mask = torch.ones(1, len(motion), 1, size, size, dtype=torch.bool, device=motion.device)
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
    """A dark, softly marbled object that moves over a background: a batch of one clip, on the camera's device.

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
        ShapeError: an unknown shape or background, no supersample, or a camera of another length.
    """
    if shape not in ("disk", "square") or background not in ("texture", "plain"):
        raise ShapeError(
            f"shape {shape!r} on background {background!r}", wanted='"disk" or "square" on "texture" or "plain"'
        )
    if supersample < 1:
        raise ShapeError(f"supersample = {supersample}", wanted="points along a pixel's side, at least 1")
    camera = translation(0, 0, frames) if camera is None else camera
    expect_motion(camera)
    if len(camera) != frames:
        raise ShapeError(
            f"a camera for {len(camera)} frames", wanted=f"{frames}, as many as the clip has", mend=f"frames={frames}"
        )
    radius = size / 6 if radius is None else radius
    middle = (size - 1) / 2
    x0, y0 = start or (middle - velocity[0] * (frames - 1) / 2, middle - velocity[1] * (frames - 1) / 2)
    body = camera @ translation(*velocity, frames).to(camera)

    hue = 2 * math.pi * torch.rand((), generator=torch.Generator().manual_seed(seed)).item()
    tint = (2 * math.cos(hue), 2 * math.sin(hue))
    skin = texture(seed + 1, size=size, level=0.3, contrast=0.03, colour=0.75, tint=tint)
    scene = texture(seed, size=size, level=0.6, contrast=0.12).moved(camera, size)
    if background == "plain":
        scene = torch.full_like(scene, 0.6)
    cover = _cover(body, shape, radius, (x0, y0), size, supersample)
    clip = cover * skin.moved(body, size) + (1 - cover) * scene
    mask = cover >= 0.5
    flow = torch.where(mask[:-1], flow_of(body, size), flow_of(camera, size))
    return Sample(clip.float()[None], flow[None], mask[None])


def _cover(
    body: Motion, shape: str, radius: float, centre: tuple[float, float], size: int, supersample: int
) -> Float[Tensor, "t 1 h w"]:
    """Which share of each pixel the object covers, counted on supersample² points of the pixel."""
    x, y = pixel_grid(size, body.device)
    back = torch.linalg.inv(body)
    inside = 0
    spots = [(i + 0.5) / supersample - 0.5 for i in range(supersample)]
    for dx in spots:
        for dy in spots:
            bx, by = send(back, x + dx, y + dy)
            dist_x, dist_y = (bx - centre[0]).abs(), (by - centre[1]).abs()
            far = torch.hypot(dist_x, dist_y) if shape == "disk" else torch.maximum(dist_x, dist_y)
            inside = inside + (far < radius)
    return inside[:, None].double() / supersample**2


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
        n: clips. On the CPU, n at once are the same as n in several calls with one generator.
        frames, size: length, and height = width in pixels.
        directions: classes; class k drifts towards the angle 2π k / directions (0: right, a quarter turn: down).
        speed: pixels per frame.
        colours: classes of tint, all of the same brightness; 1 is grey.
        generator: the only source of chance, on the device where the clips are wanted.

    Returns:
        label["direction"], label["colour"]: int64, one value a clip; mask is true everywhere.

    Raises:
        ShapeError: fewer than one frame, direction or colour.

    >>> world = drifting_textures(2, frames=8, size=32, generator=torch.Generator().manual_seed(0))
    >>> world.clip.shape, world.flow.shape
    (torch.Size([2, 8, 3, 32, 32]), torch.Size([2, 7, 2, 32, 32]))
    """
    for name, value in {"frames": frames, "size": size, "directions": directions, "colours": colours}.items():
        if value < 1:
            raise ShapeError(f"{name}={value}", wanted="at least 1")
    device, k = generator.device, 12
    chance = torch.rand(n, 2 + 3 * k, generator=generator, device=device)  # all chance of one clip in one row
    direction, colour = (chance[:, 0] * directions).long(), (chance[:, 1] * colours).long()
    cycles = (chance[:, 2:].reshape(n, 3, k)[:, :2] * 9).floor() - 4  # -4 to 4 in the frame; whole: the torus closes
    cycles[:, 0] += (cycles == 0).all(1)  # no wave of no frequency
    phase = 2 * math.pi * chance[:, 2 + 2 * k :]
    angle = 2 * math.pi * direction / directions
    velocity = speed * torch.stack([angle.cos(), angle.sin()], dim=1)
    grey = drifting_waves(cycles, phase, velocity, frames, size)
    turn = 2 * math.pi * colour / colours
    tint = 2 * torch.stack([turn.cos(), turn.sin()], dim=1)[:, None, :, None, None].expand(-1, frames, -1, size, size)
    clip = paint(torch.cat([grey, tint], dim=2), level=0.5, colour=0.4 if colours > 1 else 0.0)
    flow = rearrange(velocity, "b d -> b 1 d 1 1").expand(n, frames - 1, 2, size, size)
    mask = torch.ones(1, 1, 1, 1, 1, dtype=torch.bool, device=device).expand(n, frames, 1, size, size)
    return Sample(clip, flow, mask, {"direction": direction, "colour": colour})


def add_noise(
    clip: Float[Tensor, "*b t c h w"], sigma: float, *, generator: torch.Generator
) -> Float[Tensor, "*b t c h w"]:
    """Sensor noise: normal, of standard deviation `sigma`, independent in every pixel; not clipped, hence unbiased.

    Raises:
        ShapeError: no float clip.
    """
    _expect_floats(clip)
    return clip + sigma * torch.randn(clip.shape, generator=generator, device=clip.device, dtype=clip.dtype)


def add_flicker(
    clip: Float[Tensor, "*b t c h w"], amount: float, *, generator: torch.Generator
) -> tuple[Float[Tensor, "*b t c h w"], Float[Tensor, "*b t"]]:
    """Unsteady exposure: each frame times a gain uniform in [1 - amount, 1 + amount]. Returns clip and gains.

    Raises:
        ShapeError: no float clip.
    """
    _expect_floats(clip)
    gain = torch.rand(clip.shape[:-3], generator=generator, device=clip.device, dtype=clip.dtype)
    gain = 1 + amount * (2 * gain - 1)
    return clip * gain[..., None, None, None], gain


def _expect_floats(clip: Tensor) -> None:
    expect_clip(clip)
    if not clip.is_floating_point():
        raise ShapeError(f"clip is {clip.dtype}", wanted="floats in [0, 1]", mend="clip.float() / 255")
