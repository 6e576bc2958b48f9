"""The weights of AttentionMap as its page has them: checked, few enough, and as bytes."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ..errors import ShapeError
from .attention_looks import pooled
from .sprite import MAX_FRAMES

LETTERS = 300_000  # of all weights
MOST_STATES = 4
ROLLOUT = "rollout"


class Packed:
    """Weights `state example head q k` as bytes, of the pairs alone of which some weight is not 0."""

    def __init__(self, weights: Tensor) -> None:
        weights = weights.double().numpy()
        self.heads = weights.shape[2]
        self.reach = (weights > 0).any((0, 1, 2))
        largest = weights.max(-1, keepdims=True)
        codes = np.rint(255 * np.sqrt(weights / np.where(largest > 0, largest, 1)))
        self.codes = codes.astype(np.uint8)[..., self.reach]

    def weights(self, state: int, example: int) -> np.ndarray:
        """`head q k`, float64."""
        squares = np.zeros((self.heads, *self.reach.shape))
        squares[:, self.reach] = np.square(self.codes[state, example].astype(float))
        total = squares.sum(-1, keepdims=True)
        return squares / np.where(total > 0, total, 1)

    def state(self) -> dict:
        encoded = lambda each: base64.b64encode(each.tobytes()).decode()  # noqa: E731
        reach = None if self.reach.all() else encoded(np.packbits(self.reach))
        return {"codes": encoded(self.codes), "reach": reach, "tokens": len(self.reach), "heads": self.heads}


def letters(layers: dict[str, Tensor]) -> int:
    """How many letters an example of weights `state n head q k` takes."""
    pairs = {name: int((each > 0).flatten(0, 2).any(0).sum()) for name, each in layers.items()}
    return 1 + sum(each.shape[0] * each.shape[2] * pairs[name] * 4 // 3 for name, each in layers.items())


def fitted(layers: dict[str, Tensor], grid: tuple[int, int, int], lead: int) -> tuple[dict[str, Tensor], int, int]:
    """(weights, factor, examples): how many examples fit, of factor × factor patches taken as one until one does."""
    (t, h, w), factor = grid, 1
    while not (count := LETTERS // letters(layers)):
        now = (t, h // factor, w // factor)
        patches = lead + now[0] * now[1] * now[2]
        for name, each in layers.items():
            if each.shape[-1] == patches:  # and not moments
                layers = layers | {name: pooled(each, now, 2, lead)}
        factor *= 2
    return layers, factor, min(count, next(iter(layers.values())).shape[1])


def checked_clips(clips, grid) -> tuple[Tensor, tuple[int, int, int]]:
    clips = torch.as_tensor(clips).detach().cpu()
    shape = tuple(clips.shape)
    if clips.ndim != 5 or 0 in shape or shape[2] not in (1, 3):
        mend = "clips[None] for one example" if clips.ndim == 4 else 'rearrange(clips, "n c t h w -> n t c h w")'
        raise ShapeError(f"clips of shape {shape}", wanted="n t c h w with c = 1 or 3", mend=mend)
    grid = tuple(int(side) for side in grid)
    if len(grid) != 3 or min(grid) < 1 or shape[1] % grid[0] or grid[0] > MAX_FRAMES:
        wanted = "(T, H, W), the patches in time, height and width, with T a divisor of the number of frames"
        raise ShapeError(
            f"a grid {grid} for clips of {shape[1]} frames", wanted=wanted, mend="model.grid of a VideoViT"
        )
    return clips, grid


def checked_looks(looks, n: int, grid: tuple[int, int, int]) -> tuple[int, dict[str, Tensor]]:
    """(1 with a class token and else 0, name of a layer -> `state n head q k`)."""
    good = isinstance(looks, Mapping) and looks and all(isinstance(each, Mapping) and each for each in looks.values())
    if not good or len({tuple(each) for each in looks.values()}) != 1:
        wanted = 'a dict of dicts with the same layers, such as {"trained": {"layer 1": weights}}'
        raise ShapeError("looks that are no states of one model", wanted=wanted)
    if len(looks) > MOST_STATES:
        raise ShapeError(f"{len(looks)} states", wanted=f"at most {MOST_STATES}", mend="the first and the last")
    t, h, w = grid
    counts, layers = (t * h * w, t), {}
    first = next(iter(looks.values()))
    if ROLLOUT in first:
        raise ShapeError('a layer named "rollout"', wanted="another name", mend="rollout={state: weights}")
    q = {torch.as_tensor(each).shape[-1] for each in first.values()}
    lead = 1 if q <= {1 + count for count in counts} and not q <= set(counts) else 0
    for name in first:
        states = [_checked(f"looks[{s!r}][{name!r}]", each[name], 4, n) for s, each in looks.items()]
        sizes = {tuple(each.shape) for each in states}
        if len(sizes) > 1 or states[0].shape[-1] - lead not in counts:
            came = f"weights of {name} of shape {' and '.join(map(str, sorted(sizes)))}"
            wanted = f"{n} head q q with q = {t}·{h}·{w} patches or {t} moments (+ 1 for a class token), in every state"
            raise ShapeError(came, wanted=wanted, mend="class tokens in all layers, or in none")
        layers[str(name)] = torch.stack(states)
    if len({each.shape[2] for each in layers.values()}) > 1:
        raise ShapeError("layers with different numbers of heads", wanted="the same in all")
    return lead, layers


def checked_rollout(rollout, states: list[str], layers: dict[str, Tensor], grid) -> Tensor:
    if not isinstance(rollout, Mapping) or list(rollout) != states:
        came = f"rollout of {list(rollout)}" if isinstance(rollout, Mapping) else f"a {type(rollout).__name__}"
        raise ShapeError(came, wanted=f"a dict of the states, {states}", mend="{state: rollout(maps)}")
    _, n, _, *widest = max((tuple(each.shape) for each in layers.values()), key=lambda shape: shape[-1])
    each = [_checked(f"rollout[{name!r}]", weights, 3, n)[:, None] for name, weights in rollout.items()]
    if any(list(one.shape[2:]) != widest for one in each):
        raise ShapeError(f"rollout of shape {tuple(each[0][:, 0].shape)}", wanted=f"n q k = {(n, *widest)}")
    return torch.stack(each)


def _checked(name: str, weights, ndim: int, n: int) -> Tensor:
    """One state's weights, float64 on the CPU."""
    weights = torch.as_tensor(weights).detach().cpu().double()
    shape = tuple(weights.shape)
    if weights.ndim != ndim or shape[-1] != shape[-2] or len(weights) != n or 0 in shape:
        wanted = f"{'n head q k' if ndim == 4 else 'n q k'} with n = {n} and q = k"
        mend = "weights[:, None] for one head" if weights.ndim == 3 else "one matrix an example, over all patches"
        raise ShapeError(f"{name} has shape {shape}", wanted=wanted, mend=mend)
    if not weights.isfinite().all() or weights.min() < 0:
        raise ShapeError(f"{name} has values that are no weights", wanted="numbers from 0 to 1", mend="after softmax")
    sums = weights.sum(-1)
    wrong = ((sums - 1).abs() > 2e-3) & (sums != 0)
    if wrong.any():
        came = f"{name} has rows that sum to {float(sums[wrong][0]):.3g}"
        mend = "softmax over keys, the last axis; weights.mT if columns sum to 1"
        raise ShapeError(came, wanted="1, or 0 for a query that sees nothing", mend=mend)
    return weights
