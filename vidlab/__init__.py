"""vidlab: the helper package of a course in video understanding.

Clips are `b t c h w`, float32 in [0, 1] (uint8 when stored). Flow is `b 2 h w`: u to the right, v down, in pixels
per frame, from frame t to frame t+1.
"""

from __future__ import annotations

from typing import Any

from .errors import ClipError, DataError, ShapeError, VidlabError

__version__ = "0.1.0"
__all__ = ["ClipError", "DataError", "ShapeError", "VidlabError", "device"]


def device() -> Any:
    """The fastest device here, a `torch.device`: CUDA, then Apple's MPS, then the CPU."""
    import torch  # a second, which `vidlab --help` can do without

    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")
