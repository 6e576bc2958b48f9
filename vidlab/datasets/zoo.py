"""The models of the course by name, built for a number of classes, frames and pixels, and tried once."""

from __future__ import annotations

import inspect
import re

import torch
from torch import nn

from .. import models
from ..errors import VidlabError

MOST_FRAMES = 32  # up to which it is looked for a number of frames that fits


def names() -> dict[str, type[nn.Module]]:
    """All models that name classes: "slow_fusion" → SlowFusion."""
    found = {}
    for name in models.__all__:
        made = getattr(models, name)
        if inspect.isclass(made) and next(iter(inspect.signature(made).parameters), "") == "classes":
            found[re.sub(r"(?<!^)(?=[A-Z][a-z])", "_", name).lower()] = made
    return found


def build(name: str, classes: int, *, frames: int, size: int, seed: int = 0) -> nn.Module:
    """A model with the first weights of this seed, which takes clips of so many frames of so many pixels.

    Raises:
        VidlabError: no such model, or it does not take such clips: then it says how many frames it does take.
    """
    known = names()
    if name not in known:
        raise VidlabError(f"no model is called {name!r}", wanted=", ".join(sorted(known)))
    try:
        return _tried(known[name], classes, frames, size, seed)
    except Exception as error:  # einops, torch and vidlab each have their own
        near = sorted(range(1, MOST_FRAMES + 1), key=lambda t: abs(t - frames))
        fits = next((t for t in near if t != frames and _fits(known[name], classes, t, size)), None)
        reason = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
        raise VidlabError(
            f"{name} does not take {frames} frames of {size}×{size} pixels ({reason})",
            mend=f"--frames {fits}" if fits else "another --size, or another model",
        ) from error


def _tried(made: type[nn.Module], classes: int, frames: int, size: int, seed: int) -> nn.Module:
    parameters = inspect.signature(made).parameters
    options = {key: value for key, value in (("frames", frames), ("size", size)) if key in parameters}
    torch.manual_seed(seed)
    model = made(classes, **options).eval()
    with torch.no_grad():
        logits = model(torch.zeros(2, frames, 3, size, size))
    if tuple(logits.shape) != (2, classes):
        raise VidlabError(f"it answers {tuple(logits.shape)} to two clips")
    return model


def _fits(made: type[nn.Module], classes: int, frames: int, size: int) -> bool:
    try:
        _tried(made, classes, frames, size, 0)
    except Exception:
        return False
    return True
