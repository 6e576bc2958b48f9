"""What TwoStreams shows: clips, flow, scores and gates at every level of a disturbance, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, UInt8
from torch import Tensor

from ..errors import ShapeError

MOST_VIEWS, MOST_SCORES, MOST_CLASSES, MOST_FRAMES = 96, 5, 24, 16
SUM = 2e-3  # how far the sum of probabilities may be from 1


@dataclass(frozen=True)
class Disturbance:
    """What becomes of n clips, their flow and the answers to them, at v levels of one disturbance.

    name: in words, such as "sensor noise σ" or "camera, px/frame". values: the level in numbers, v of them.
    clips: v levels of the same n clips. flow: pixels per frame, right and down; l = t fields, or t − 1.
    scores: a name such as "RGB", "flow" or "fused" -> probabilities. At most five names.
    gate: where the fused answer believes the picture (1) and where the motion (0).
    accuracy: name -> share of the test clips that are answered rightly, one a level. tests: how many clips that is of.
    """

    name: str
    values: Sequence[float]
    clips: UInt8[Tensor | np.ndarray, "v n t 3 h w"]
    flow: Float[Tensor | np.ndarray, "v n l 2 h w"]
    scores: Mapping[str, Float[Tensor | np.ndarray, "v n classes"]]
    gate: Float[Tensor | np.ndarray, "v n h2 w2"] | None = None
    accuracy: Mapping[str, Sequence[float]] | None = None
    tests: int | None = None


@dataclass(frozen=True)
class Levels:
    """A disturbance as arrays: clips `v n t h w 3`; flow `v n l h w 2`; p `v n names classes`; gate `v n h2 w2`."""

    name: str
    values: list[float]
    clips: np.ndarray
    flow: np.ndarray
    p: np.ndarray
    gate: np.ndarray | None
    accuracy: dict[str, list[float]] | None
    tests: int | None


def checked(disturbances, classes: list[str]) -> tuple[list[Levels], list[str]]:
    """All disturbances as arrays, and the names of the scores.

    Raises:
        ShapeError: what does not fit the classes, or each other.
    """
    if not 2 <= len(classes) <= MOST_CLASSES or len(set(classes)) < len(classes):
        came = f"{len(classes)} classes, {len(set(classes))} different"
        raise ShapeError(came, wanted=f"2 to {MOST_CLASSES} different names")
    given = [disturbances] if isinstance(disturbances, Disturbance) else disturbances
    if not isinstance(given, Sequence) or not given or not all(isinstance(each, Disturbance) for each in given):
        wanted = "a Disturbance, or a list of some"
        raise ShapeError(f"disturbances is a {type(disturbances).__name__} of others", wanted=wanted)
    if len({each.name for each in given}) < len(given):
        raise ShapeError("two disturbances of one name", wanted="a name of its own for each")
    found = [_levels(each, classes) for each in given]
    names = [str(name) for name in given[0].scores]
    for one, each in zip(found, given, strict=True):
        here = one.clips.shape[1:], one.flow.shape[2], list(each.scores)
        if here != (found[0].clips.shape[1:], found[0].flow.shape[2], list(given[0].scores)):
            came = f"{one.name!r} with clips {one.clips.shape[1:]}, {one.flow.shape[2]} fields, scores of {here[2]}"
            wanted = f"as {found[0].name!r}: {found[0].clips.shape[1:]}, {found[0].flow.shape[2]} fields, {names}"
            raise ShapeError(came, wanted=wanted, mend="the same clips, frames and names in every disturbance")
    views = sum(len(one.values) for one in found) * found[0].clips.shape[1]
    if views > MOST_VIEWS:
        raise ShapeError(f"{views} views: levels × clips", wanted=f"at most {MOST_VIEWS}", mend="fewer levels or clips")
    return found, names


def checked_truth(truth, n: int, classes: int) -> list[int]:
    """The right class of each clip."""
    truth = torch.as_tensor(truth).detach().cpu().numpy()
    if truth.shape != (n,) or truth.dtype.kind not in "iu" or not ((truth >= 0) & (truth < classes)).all():
        raise ShapeError(f"truth = {truth.tolist()}", wanted=f"{n} integers from 0 to {classes - 1}, one a clip")
    return truth.tolist()


def _levels(given: Disturbance, classes: list[str]) -> Levels:
    """One disturbance as arrays, each of the right shape."""
    values, of = [float(each) for each in given.values], f"of {given.name!r}"
    clips, flow = (torch.as_tensor(each).detach().cpu() for each in (given.clips, given.flow))
    if clips.ndim != 6 or clips.shape[3] != 3 or 0 in clips.shape or clips.dtype != torch.uint8:
        mend = "clips[:, None] for one clip" if clips.ndim == 5 else 'rearrange(clips, "v n t h w c -> v n t c h w")'
        mend = "(255 * clips).round().byte()" if clips.is_floating_point() else mend
        came = f"clips {of} of shape {tuple(clips.shape)}, {clips.dtype}"
        raise ShapeError(came, wanted="uint8 v n t 3 h w", mend=mend)
    v, n, t, _, h, w = clips.shape
    if len(values) != v or not np.isfinite(values).all():
        raise ShapeError(f"values {of} = {values}", wanted=f"{v} numbers, one for each level of the clips")
    if t > MOST_FRAMES:
        raise ShapeError(f"clips {of} of {t} frames", wanted=f"at most {MOST_FRAMES}", mend="clips[:, :, :16]")
    if flow.ndim != 6 or flow.shape[2] not in (t - 1, t) or flow.shape[2] < 1 or not flow.is_floating_point():
        wanted = f"floats v n l 2 h w with l = {t} or {t - 1}"
        raise ShapeError(f"flow {of} of shape {tuple(flow.shape)}, {flow.dtype}", wanted=wanted)
    if flow.shape != (v, n, flow.shape[2], 2, h, w):
        came, mend = f"flow {of} of shape {tuple(flow.shape)}", "(u, v) at the fourth axis; one field a moment"
        raise ShapeError(came, wanted=f"{(v, n, flow.shape[2], 2, h, w)}, as the clips are", mend=mend)
    if not flow.isfinite().all():
        raise ShapeError(f"flow {of} with values that are not finite", wanted="numbers", mend="flow.nan_to_num()")
    if not isinstance(given.scores, Mapping) or not 1 <= len(given.scores) <= MOST_SCORES:
        came = f"scores {of}: {len(given.scores) if isinstance(given.scores, Mapping) else type(given.scores).__name__}"
        raise ShapeError(came, wanted=f"a dict of 1 to {MOST_SCORES} names: probabilities v n classes")
    if given.tests is not None and (not isinstance(given.tests, int) or given.tests < 1):
        raise ShapeError(
            f"tests {of} = {given.tests!r}", wanted="how many clips the accuracy is of", mend="len(labels)"
        )
    p = [_probabilities(f"scores[{name!r}] {of}", each, (v, n, len(classes))) for name, each in given.scores.items()]
    return Levels(
        given.name,
        values,
        rearrange(clips, "v n t c h w -> v n t h w c").numpy(),
        rearrange(flow, "v n l d h w -> v n l h w d").double().numpy(),
        np.stack(p, axis=2),
        None if given.gate is None else _gate(f"gate {of}", given.gate, (v, n), (h, w)),
        None if given.accuracy is None else _accuracy(given.accuracy, of, given.scores, v),
        given.tests,
    )


def _probabilities(name: str, given, shape: tuple[int, ...]) -> np.ndarray:
    p = torch.as_tensor(given).detach().cpu().double().numpy()
    if p.shape != shape:
        wanted = f"{shape}: levels, clips, classes"
        raise ShapeError(f"{name} of shape {p.shape}", wanted=wanted, mend="the names of all classes, in order")
    if not (np.isfinite(p).all() and p.min() >= -1e-6 and np.abs(p.sum(-1) - 1).max() <= SUM):
        sums = f"sums from {p.sum(-1).min():.3g} to {p.sum(-1).max():.3g}"
        came = f"{name} from {p.min():.3g} to {p.max():.3g}, {sums}"
        raise ShapeError(came, wanted="probabilities, whose sum is 1", mend="logits.softmax(-1)")
    return p.clip(0, 1)


def _gate(name: str, given, views: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    gate = torch.as_tensor(given).detach().cpu().double().numpy()
    fine = gate.ndim == 4 and gate.shape[:2] == views and 0 not in gate.shape
    if not fine or gate.shape[2] > size[0] or gate.shape[3] > size[1]:
        wanted = f"{views} h2 w2: levels, clips, and at most one place a pixel"
        raise ShapeError(f"{name} of shape {gate.shape}", wanted=wanted, mend="the mean over channels: gate.mean(2)")
    if not (np.isfinite(gate).all() and gate.min() >= -1e-3 and gate.max() <= 1 + 1e-3):
        raise ShapeError(f"{name} from {gate.min():.3g} to {gate.max():.3g}", wanted="0 to 1", mend="gate.sigmoid()")
    return gate.clip(0, 1)


def _accuracy(given, of: str, scores, v: int) -> dict[str, list[float]]:
    if not isinstance(given, Mapping) or not given or not set(given) <= set(scores):
        came = f"accuracy {of} of {list(given) if isinstance(given, Mapping) else type(given).__name__}"
        raise ShapeError(came, wanted=f"a dict of some of {list(scores)}")
    found = {str(name): [float(each) for each in line] for name, line in given.items()}
    for name, line in found.items():
        if len(line) != v or not all(0 <= each <= 1 for each in line):
            came = f"accuracy[{name!r}] {of} = {[round(each, 3) for each in line]}"
            raise ShapeError(came, wanted=f"{v} numbers from 0 to 1, one a level", mend="a share, not per cent")
    return found
