"""What vidlab says when something is wrong: what came, what was wanted, and the likely mend.

One family of errors, so that a learner can catch `VidlabError` and a program can catch the kind it expects.
"""

from __future__ import annotations


class VidlabError(Exception):
    """Base of every error vidlab raises on purpose.

    Args:
        what: what came, naming the file, argument or shape.
        wanted: what would have been right.
        mend: the likely way to put it right.
    """

    def __init__(self, what: str, *, wanted: str = "", mend: str = "") -> None:
        self.what, self.wanted, self.mend = what, wanted, mend
        parts = [what.rstrip(".") + "."]
        if wanted:
            parts.append(f"Wanted: {wanted.rstrip('.')}.")
        if mend:
            parts.append(f"Try: {mend.rstrip('.')}.")
        super().__init__(" ".join(parts))


class ShapeError(VidlabError, ValueError):
    """A tensor has the wrong shape, dtype, range or axis order."""


class ClipError(VidlabError, ValueError):
    """A video could not be read, cut or written."""


class DataError(VidlabError, OSError):
    """A piece of course data could not be found, fetched or verified."""


def expect_clip(clip: object, name: str = "clip") -> None:
    """Refuse what is no clip `*b t c h w` with one or three channels, and say what it looks like instead.

    Raises:
        ShapeError: not a tensor, fewer than four axes, or channels in another place.
    """
    if not hasattr(clip, "ndim") or not hasattr(clip, "dtype"):
        raise ShapeError(
            f"{name} is a {type(clip).__name__}", wanted="a tensor t c h w", mend="clip.frames or clip.float()"
        )
    shape = tuple(clip.shape)
    if clip.ndim < 4:
        raise ShapeError(f"{name} has shape {shape}", wanted="t c h w or b t c h w", mend="clip[None] adds an axis")
    if shape[-3] not in (1, 3):
        last = shape[-1] in (1, 3)
        mend = 'rearrange(clip, "... h w c -> ... c h w")' if last else 'rearrange(clip, "... c t h w -> ... t c h w")'
        raise ShapeError(
            f"{name} has shape {shape}", wanted="1 or 3 channels at the third axis from the end", mend=mend
        )
