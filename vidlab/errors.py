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
