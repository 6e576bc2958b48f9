"""Checkpoints: a training run in a file, which is always whole and never mistaken for another run.

A file that is being written can be cut off at any byte: by the stop button, a full disk, an empty battery. So the new
state goes to a neighbouring file first, and takes the old one's name in a single step of the file system.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from .errors import VidlabError


def save(path: Path, state: dict) -> None:
    """Write tensors, numbers, strings, lists and dicts. Whoever reads `path`, at any time, finds a whole state."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with open(part, "wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())  # on the disk, before the name points to it
    os.replace(part, path)


def load(path: Path, settings: dict) -> dict:
    """The state in `path`, if it was written with these settings. Nothing of the file is executed (`weights_only`).

    Raises:
        VidlabError: the file is damaged, is no checkpoint of ours, or is one of other settings: it says which.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        before = dict(state["settings"])
    except Exception as error:
        raise VidlabError(
            f"{path} is damaged, or no checkpoint of vidlab's ({type(error).__name__})",
            wanted="a file written by fit(checkpoint=…)",
            mend="delete it to begin anew, or choose another name",
        ) from error
    names = [name for name in {**before, **settings} if before.get(name) != settings.get(name)]
    if names:
        then, now = (", ".join(f"{name} = {those.get(name)}" for name in names) for those in (before, settings))
        raise VidlabError(
            f"{path} belongs to a run with {then}",
            wanted=f"one with {now}",
            mend="choose another file name, or delete the file to begin anew",
        )
    return state


def fingerprint(
    model: nn.Module,
    clips: Shaped[Tensor, "n ..."],
    labels: Shaped[Tensor, " n"] | None,
    **functions: Callable | None,
) -> dict[str, str]:
    """By which a run is known again: the model's outline, not its weights; its data; functions by their names."""
    shapes = repr([(name, tuple(tensor.shape)) for name, tensor in model.state_dict().items()])
    return {
        "model": f"{type(model).__name__} #{zlib.crc32(shapes.encode()):08x}",
        "clips": checksum(clips),
        "labels": "none" if labels is None else checksum(labels),
        **{name: getattr(each, "__qualname__", type(each).__name__) for name, each in functions.items()},
    }


def checksum(tensor: Shaped[Tensor, "n ..."]) -> str:
    """Type, shape and CRC-32 of the values; of more than 16 million numbers, of rows at even distances."""
    some = tensor[:: max(1, tensor.numel() // 2**24)].cpu().contiguous()
    return f"{tensor.dtype} {tuple(tensor.shape)} #{zlib.crc32(some.view(torch.uint8).numpy()):08x}"
