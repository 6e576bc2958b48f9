"""What the published networks share: a clear word about the clip they take, and the fully connected layers at the end.

A network of published size takes clips of one size only: its first fully connected layer has one weight for every place
of the last feature map. Given another clip, PyTorch would complain about a matrix product deep inside; `takes` says it
at the door instead. It is a hook, so that each `forward` may begin with the line that says what the network can see.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import Any, TypeVar

from torch import nn

from ...errors import ShapeError
from ..backbone import expect_frames

Model = TypeVar("Model", bound=nn.Module)


def takes(model: Model, *, frames: int | None = None, size: int | None = None) -> Model:
    """The same network, which from now on refuses clips that it cannot take.

    Args:
        frames: T, how many frames a clip must have; None: any number.
        size: height and width a frame must have, in pixels; None: any.

    The network then raises:
        ShapeError: no float clip `b t c h w` of three channels, or other frames or sizes.
    """
    model.register_forward_pre_hook(partial(_look, frames=frames, size=size), with_kwargs=True)
    return model


def _look(
    model: nn.Module,
    positional: tuple[Any, ...],
    named: dict[str, Any],
    *,
    frames: int | None,
    size: int | None,
) -> None:
    clip = next(iter([*positional, *named.values()]), None)
    expect_frames(clip)
    _, t, c, h, w = clip.shape
    if c != 3:
        raise ShapeError(f"clip has {c} channels", wanted="3", mend='repeat(clip, "b t 1 h w -> b t 3 h w")')
    if frames is not None and t != frames:
        mend = f"clip[:, :{frames}]" if t > frames else "a longer clip"
        raise ShapeError(f"clip has {t} frames", wanted=f"{frames}, as the network was built", mend=mend)
    if size is not None and (h, w) != (size, size):
        raise ShapeError(
            f"frames are {h}×{w} pixels (height × width)",
            wanted=f"{size}×{size}, as the first fully connected layer has a weight for every place",
            mend=f"cut or resize the frames to {size}×{size}",
        )
    if min(t, h, w) < 1:
        raise ShapeError(f"clip has {t} frames of {h}×{w} pixels", wanted="at least one", mend="look at how it was cut")


def fully_connected(inputs: int, classes: int, hidden: int = 4096) -> nn.Sequential:
    """fc6, fc7 and fc8 of Krizhevsky et al. (2012), and of all who followed: `… inputs` to logits `… classes`.

    Half of fc6 and fc7 is dropped in training, as there.
    """
    layers = OrderedDict[str, nn.Module]()
    for name, n in (("6", inputs), ("7", hidden)):
        layers |= {f"fc{name}": nn.Linear(n, hidden), f"relu{name}": nn.ReLU(), f"drop{name}": nn.Dropout(0.5)}
    layers["fc8"] = nn.Linear(hidden, classes)
    return nn.Sequential(layers)


def positive(**numbers: int) -> None:
    """Refuse to build a network with nothing in it.

    Raises:
        ValueError: a number below 1.
    """
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"{name} = {number}. Wanted: at least 1.")


def one_of(kind: str, kinds: dict[str, Any], name: str = "kind") -> Any:
    """`kinds[kind]`.

    Raises:
        ValueError: there is no such kind; the message lists those there are.
    """
    if kind not in kinds:
        raise ValueError(f"{name} = {kind!r}. Wanted: {' or '.join(map(repr, kinds))}.")
    return kinds[kind]
