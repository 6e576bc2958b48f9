"""The background of a film whose camera stands still: the temporal median, and what differs from it."""

from collections.abc import Iterable

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from .errors import ShapeError, expect_clip

BLOCK_BYTES = 64 << 20


def temporal_median(clip: Shaped[Tensor, "*b t c h w"] | Iterable[Tensor]) -> Shaped[Tensor, "*b c h w"]:
    """At each pixel the middle value of its whole life; for an even number of frames the lower of the two middle ones.

    Bytes are searched bit by bit: is the median below 128? below 64? … Eight passes that only count, so that a film of
    any length needs the memory of a few frames. Floats are sorted, a block of rows at a time.

    Args:
        clip: `*b t c h w`, bytes or floats; or anything that gives uint8 frames `c h w` each time one iterates over it
            (a list, or an object whose `__iter__` reads a file anew; a generator, which runs once, will not do).

    Raises:
        ShapeError: no frames, no clip, or an iterator that cannot be read twice.

    >>> temporal_median(torch.tensor([1, 9, 2], dtype=torch.uint8).reshape(3, 1, 1, 1)).item()
    2
    """
    if not isinstance(clip, Tensor):
        if not isinstance(clip, Iterable):
            expect_clip(clip)  # says what it is
        return _median_of_bytes(clip)
    expect_clip(clip)
    if clip.shape[-4] == 0:
        raise ShapeError("a clip of no frames", wanted="at least one frame")
    if clip.dtype == torch.uint8:
        return _median_of_bytes(clip.movedim(-4, 0))
    rows = max(1, BLOCK_BYTES // max(1, clip[..., :1, :].numel() * clip.element_size()))
    return torch.cat([block.median(dim=-4).values for block in clip.split(rows, dim=-2)], dim=-2)


def _median_of_bytes(frames: Iterable) -> Tensor:
    """The smallest v for which at least half of the frames are at most v, found from the highest bit down.

    If half of the frames are at most v + 127, the highest bit of the median is 0, otherwise 1; and so on.
    """
    once = ShapeError(
        f"{type(frames).__name__} can be read only once",
        wanted="frames that can be read 8 times",
        mend="a list of them",
    )
    if iter(frames) is frames:
        raise once
    median, length = None, None
    for bit in (128, 64, 32, 16, 8, 4, 2, 1):
        below, total = 0, 0
        for frame in frames:
            _expect_bytes(frame, like=median)
            median = torch.zeros_like(frame) if median is None else median
            below = below + (frame <= median + (bit - 1)).int()
            total += 1
        if median is None:
            raise ShapeError("no frames", wanted="at least one frame")
        if length not in (None, total):
            raise once
        length = total
        median = torch.where(below >= (total + 1) // 2, median, median + bit)
    return median


def _expect_bytes(frame: object, like: Tensor | None) -> None:
    """Refuse what is no uint8 frame, or one of another size than the frames before."""
    if not isinstance(frame, Tensor) or frame.dtype != torch.uint8:
        what = f"{frame.dtype}" if isinstance(frame, Tensor) else type(frame).__name__
        raise ShapeError(
            f"frames of {what}",
            wanted="uint8 tensors c h w",
            mend="torch.from_numpy(frame), or torch.stack a float clip",
        )
    if like is not None and frame.shape != like.shape:
        raise ShapeError(
            f"frames of shape {tuple(like.shape)} and {tuple(frame.shape)}",
            wanted="all of one shape",
            mend="read(size=…)",
        )


def robust_sigma(x: Float[Tensor, "..."], dim: int | None = None) -> Float[Tensor, "..."]:
    """The standard deviation that most values suggest: 1.4826 times the median absolute deviation from the median.

    For normal noise it equals the standard deviation; up to half of the values may be anything (Rousseeuw & Croux 1993,
    *Alternatives to the median absolute deviation*, J. Am. Stat. Assoc. 88).

    Args:
        x: float values. dim: reduce along this axis only, and keep it with length 1.

    Raises:
        ShapeError: no floats.
    """
    if not x.is_floating_point():
        raise ShapeError(f"values are {x.dtype}", wanted="floats: bytes wrap around below 0", mend="x.float() / 255")
    if dim is None:
        return 1.4826 * (x - x.median()).abs().median()
    middle = x.median(dim=dim, keepdim=True).values
    return 1.4826 * (x - middle).abs().median(dim=dim, keepdim=True).values


def foreground(
    clip: Shaped[Tensor, "*b t c h w"],
    background: Shaped[Tensor, "*b c2 h2 w2"],
    *,
    k: float = 6.0,
    sigma: float | None = None,
    compensate_gain: bool = False,
) -> Bool[Tensor, "*b t 1 h w"]:
    """Where a frame differs from the background by more than k sigma, in the channel that differs most.

    Args:
        clip: `*b t c h w`, floats in [0, 1]. background: `*b c h w`, from `temporal_median`.
        k: how many sigma.
        sigma: noise of one pixel; by default measured robustly in each frame, at least half a grey level: a frame in
            which everything changes then raises its own threshold.
        compensate_gain: first divide out each frame's gain, the median of frame / background.

    Raises:
        ShapeError: no float clip, or a background of another size.
    """
    expect_clip(clip)
    if not clip.is_floating_point() or not background.is_floating_point():
        raise ShapeError(
            f"clip is {clip.dtype}, background {background.dtype}", wanted="floats in [0, 1]", mend=".float() / 255"
        )
    if clip.shape[-3:] != background.shape[-3:]:
        raise ShapeError(
            f"background of shape {tuple(background.shape)}",
            wanted=f"c h w = {tuple(clip.shape[-3:])}",
            mend="temporal_median(clip)",
        )
    still = background.unsqueeze(-4)
    if compensate_gain:
        lit = (still > 0.05).expand_as(clip)  # in the dark a ratio means nothing
        ratio = torch.where(lit, clip / still.clamp(min=0.05), torch.nan)
        gain = ratio.flatten(-3).nanmedian(dim=-1).values.nan_to_num(nan=1.0)  # all in the dark: nothing to go by
        still = still * gain[..., None, None, None]
    difference = clip - still
    if sigma is None:
        spread = robust_sigma(difference.flatten(-3), dim=-1)[..., None, None]
        sigma = spread.clamp(min=0.5 / 255)
    return difference.abs().amax(dim=-3, keepdim=True) > k * sigma
