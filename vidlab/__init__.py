"""vidlab: the helper package of a course in video understanding.

Clips are `b t c h w`, float32 in [0, 1] (uint8 when stored). Flow is `b 2 h w`: u to the right, v down, in pixels
per frame, from frame t to frame t+1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import ClipError, DataError, ShapeError, VidlabError

if TYPE_CHECKING:
    from .devices import device

__version__ = "0.1.0"
__all__ = ["ClipError", "DataError", "ShapeError", "VidlabError", "device"]


def __getattr__(name: str) -> Any:
    """`device` is there when it is asked for: torch takes a second, which `vidlab --help` can do without."""
    if name == "device":
        from .devices import device

        return device
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
