"""What a model of attention looked at, as matrices over all patches of a clip: the input of `AttentionMap`."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import torch
from einops import einsum, rearrange, reduce
from torch import Tensor, nn

from ..errors import ShapeError
from ..models.attention import NonLocal, NonLocalNet, TemporalAttention, recorded
from ..models.attention_rollout import among_all, rollout
from ..models.video_vit import VideoViT

CLASS_OF_EACH = "Each moment has a class token of its own; as query all of them are shown, each with an equal part."
CLASS_IN_ALL = "The class token attends in every group and its answers are averaged: shown is the mean of its rows."
FOR_THE_ANSWER = "In the rollout a patch is mixed with its own moment alone: between moments only the answer looks."


@dataclass(frozen=True)
class Looks:
    """Attention of one model over some clips.

    grid: patches in time, height and width. layers: name -> `n head q k`; q = k = all patches, or all moments; one more
    if a class token stands first. rollout: `n q k`, or None. notes: name of a layer, or "rollout" -> a remark.
    """

    grid: tuple[int, int, int]
    layers: dict[str, Tensor]
    rollout: Tensor | None = None
    notes: dict[str, str] = field(default_factory=dict)


def looks_of(model: nn.Module, clips: Tensor) -> Looks:
    """What every layer of a VideoViT, TemporalAttention or NonLocalNet (a copy, in eval mode) looks at.

    clips: `n t c h w`, floats in [0, 1] or uint8.

    Raises:
        ShapeError: another model, or clips that it refuses.
    """
    kinds = {VideoViT: _of_video_vit, TemporalAttention: _of_frames, NonLocalNet: _of_places}
    read = next((read for kind, read in kinds.items() if isinstance(model, kind)), None)
    if read is None:
        wanted = "a VideoViT, TemporalAttention or NonLocalNet"
        raise ShapeError(type(model).__name__, wanted=wanted, mend="AttentionMap(clips, looks, grid)")
    weight = next(model.parameters())
    clips = clips.to(weight.device, weight.dtype) / (1 if clips.is_floating_point() else 255)
    with torch.no_grad():
        return read(copy.deepcopy(model).eval(), clips)


def _of_video_vit(model: VideoViT, clips: Tensor) -> Looks:
    maps = model.attention(clips)
    if model.kind == "joint":
        layers = {f"layer {k + 1}": each for k, each in enumerate(maps["joint"].unbind(1))}
        return Looks(model.grid, layers, rollout(maps["joint"]))
    if model.kind == "divided":
        both = {axis: _heads_among_all(maps[axis], axis) for axis in ("time", "space")}
        depth = maps["time"].shape[1]
        layers = {f"layer {k + 1}, {axis}": both[axis][:, k] for k in range(depth) for axis in both}
        steps = torch.stack([each.mean(2) for each in both.values()], dim=2)  # in the order in which they act
        return Looks(
            model.grid,
            layers,
            rollout(rearrange(steps, "n layer step q k -> n (layer step) 1 q k")),
            dict.fromkeys(layers, CLASS_IN_ALL),
        )
    space = _heads_among_all(maps["space"], "space")
    inside = {f"space {k + 1}": each for k, each in enumerate(space.unbind(1))}
    between = {f"time {k + 1}": each for k, each in enumerate(maps["time"].unbind(1))}
    notes = dict.fromkeys(inside, CLASS_OF_EACH) | {"rollout": FOR_THE_ANSWER}
    return Looks(model.grid, inside | between, _rolled_out_twice(**maps), notes)


def _of_frames(model: TemporalAttention, clips: Tensor) -> Looks:
    with recorded(model) as weights:
        model(clips)
    return Looks((clips.shape[1], 1, 1), {"layer 1": weights["layer.attention"]})


def _of_places(model: NonLocalNet, clips: Tensor) -> Looks:
    """Of several blocks the finest maps are pooled to the coarsest, as a figure has but one grid."""
    shapes = {}
    note_shape = lambda module, inputs: shapes.update({id(module): tuple(inputs[0].shape[2:])})  # noqa: E731
    blocks = {name: block for name, block in model.named_modules() if isinstance(block, NonLocal)}
    if not blocks:
        raise ShapeError("a NonLocalNet without a block", wanted="attention to show", mend="stages=(2,)")
    for block in blocks.values():
        block.register_forward_pre_hook(note_shape)  # of the copy
    with recorded(model) as weights:
        model(clips)
    grids = [shapes[id(block)] for block in blocks.values()]
    coarse = grids[-1]
    layers, notes = {}, {}
    for k, (name, grid) in enumerate(zip(blocks, grids, strict=True)):
        factor = grid[1] // coarse[1]
        called = "non-local block" + (f" {k + 1}" if len(blocks) > 1 else "")
        layers[called] = pooled(weights[name], grid, factor) if factor > 1 else weights[name]
        if factor > 1:
            notes[called] = f"{factor}×{factor} places of this block are taken as one."
    return Looks(coarse, layers, None, notes)


def _heads_among_all(maps: Tensor, axis: str) -> Tensor:
    """`n layer group head q q`, with a class token in each group, as `n layer head m m` over all patches."""
    n, heads = len(maps), maps.shape[3]
    each = rearrange(maps, "n layer group head q k -> (n head) layer group 1 q k")
    return rearrange(among_all(each, axis), "(n head) layer q k -> n layer head q k", n=n, head=heads)


def _rolled_out_twice(space: Tensor, time: Tensor) -> Tensor:
    """Rollout of a factorised encoder, `n m m`: of a patch inside its moment; of the answer through both encoders."""
    n, _, moments = space.shape[:3]
    inside = rollout(rearrange(space, "n layer t head q k -> (n t) layer head q k"))
    inside = rearrange(inside, "(n t) q k -> n t q k", n=n)
    whole = among_all(rearrange(inside, "n t q k -> n 1 t 1 q k"), "space")[:, 0]
    answer = rollout(time)[:, 0]  # n (1 + t): of the class token in time, and of the moments
    from_class = answer[:, 0] + einsum(answer[:, 1:], inside[:, :, 0, 0], "n t, n t -> n")
    whole[:, 0, 0] = from_class
    whole[:, 0, 1:] = rearrange(answer[:, 1:, None] * inside[:, :, 0, 1:], "n t k -> n (t k)", t=moments)
    return whole


def pooled(weights: Tensor, grid: tuple[int, int, int], factor: int, lead: int = 0) -> Tensor:
    """Weights `… q k` of factor × factor patches taken as one: the mean over queries, and the sum over keys.

    lead: how many tokens stand before the patches.

    Raises:
        ShapeError: factor does not divide height and width of the grid.
    """
    t, h, w = grid
    if h % factor or w % factor:
        came = f"a grid of {t} × {h} × {w} patches"
        raise ShapeError(came, wanted=f"height and width that {factor} divides", mend="fewer states, layers or patches")
    split = "(t h a w b)"
    sizes = {"t": t, "h": h // factor, "w": w // factor, "a": factor, "b": factor}
    keys = reduce(weights[..., lead:], f"... q {split} -> ... q (t h w)", "sum", **sizes)
    both = torch.cat([weights[..., :lead], keys], dim=-1)
    queries = reduce(both[..., lead:, :], f"... {split} k -> ... (t h w) k", "mean", **sizes)
    return torch.cat([both[..., :lead, :], queries], dim=-2)
