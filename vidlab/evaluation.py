"""How well a model names videos: Hit@1 and Hit@5, by clip and by video, by kind of label, each with its interval.

Several clips of one video are scored and their probabilities averaged: A. Karpathy et al., *Large-scale video
classification with convolutional neural networks* (CVPR 2014). The clips of one video resemble each other, so it is
videos that are resampled for an interval, never clips.
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float, Int64, Shaped
from torch import Tensor, nn

from .errors import ShapeError, VidlabError
from .intervals import Estimate, bootstrap, chance_interval

__all__ = [
    "Estimate", "Report", "as_floats", "bootstrap", "chance_interval", "evaluate", "joint", "predict", "split_joint",
]  # fmt: skip


def as_floats(clips: Shaped[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Clips as a model wants them: what is stored as uint8 becomes float32 in [0, 1], floats stay what they are.

    Raises:
        ShapeError: neither uint8 nor floats.
    """
    if clips.dtype == torch.uint8:
        return clips.float() / 255
    if not clips.is_floating_point():
        raise ShapeError(f"clips are {clips.dtype}", wanted="uint8, or floats in [0, 1]", mend="clips.to(torch.uint8)")
    return clips


def predict(model: nn.Module, clips: Shaped[Tensor, "n t c h w"], batch: int = 64) -> Float[Tensor, "n classes"]:
    """The model's probabilities, on the CPU: in evaluation mode, without gradients; its own mode is restored.

    Raises:
        ShapeError: no clips, or the model does not answer with one row of logits a clip.
        VidlabError: logits that are no numbers.
    """
    shape = tuple(clips.shape)
    if len(shape) != 5 or 0 in shape or batch < 1:
        raise ShapeError(f"clips of shape {shape}, batch = {batch}", wanted="n t c h w, and nothing of it 0")
    anything = next(iter([*model.parameters(), *model.buffers()]), clips)
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            logits = torch.cat(
                [model(as_floats(part.to(anything.device))).float().cpu() for part in clips.split(batch)]
            )
    finally:
        for module, mode in modes.items():
            module.training = mode
    if logits.ndim != 2 or len(logits) != len(clips):
        raise ShapeError(f"clips {shape} give logits {tuple(logits.shape)}", wanted=f"{len(clips)} × classes")
    if not logits.isfinite().all():
        raise VidlabError("the model's logits are not all finite", mend="train it again with a smaller lr")
    return logits.softmax(1)


def joint(labels: dict[str, Int64[Tensor, " *n"]], kinds: dict[str, int]) -> Int64[Tensor, " *n"]:
    """One class out of several kinds of label: the digits of a number, the first kind in front.

    Args:
        labels: kind → values from 0; kinds that are not asked for are left out.
        kinds: kind → how many values it has.

    Raises:
        ShapeError: a kind without labels, or a value that it does not have.

    >>> joint({"colour": torch.tensor([2]), "direction": torch.tensor([3])}, {"colour": 3, "direction": 4})
    tensor([11])
    """
    number = 0
    for kind, values in _expect_kinds(kinds).items():
        if kind not in labels:
            raise ShapeError(f"there are no labels of kind {kind!r}", wanted=f"one of {sorted(labels)}")
        _expect_labels(labels[kind], values, f"labels[{kind!r}]")
        number = number * values + labels[kind]
    return number


def split_joint(number: Int64[Tensor, " *n"], kinds: dict[str, int]) -> dict[str, Int64[Tensor, " *n"]]:
    """Back from the joint class to one label of each kind.

    Raises:
        ShapeError: a class that these kinds do not have.

    >>> split_joint(torch.tensor([11]), {"colour": 3, "direction": 4})
    {'colour': tensor([2]), 'direction': tensor([3])}
    """
    _expect_labels(number, math.prod(_expect_kinds(kinds).values()), "joint")
    labels = {}
    for kind, values in reversed(kinds.items()):
        labels[kind], number = number % values, number // values
    return {kind: labels[kind] for kind in kinds}


@dataclass(frozen=True)
class Report:
    """What `evaluate` found: shares from 0 to 1.

    clip_hit1: of single clips. hit1, hit5: of videos, by the mean probability of their clips; hit5 is None where there
    are fewer than six classes. kinds: of each kind of label, as the decision for one joint class has it; marginal: as
    the probabilities have it that are summed over all other kinds. confusion: videos, rows the truth, columns the
    decision. probabilities: of videos.
    """

    clip_hit1: Estimate
    hit1: Estimate
    hit5: Estimate | None
    kinds: dict[str, Estimate]
    marginal: dict[str, Estimate]
    confusion: Int64[Tensor, "classes classes"]
    probabilities: Float[Tensor, "v classes"]
    clips: int
    level: float

    def rows(self) -> list[tuple[str, Estimate]]:
        """The table: name → estimate."""
        table = [("clip Hit@1", self.clip_hit1), ("video Hit@1", self.hit1)]
        table += [("video Hit@5", self.hit5)] if self.hit5 else []
        for kind in self.kinds:
            table += [(f"{kind}, decision", self.kinds[kind]), (f"{kind}, marginal", self.marginal[kind])]
        return table

    @property
    def _caption(self) -> str:
        videos, classes = self.probabilities.shape
        each = f"{videos} videos of {self.clips} clip{'s' if self.clips > 1 else ''}"
        return f"{each}, {classes} classes; {100 * self.level:g} % intervals by resampling videos"

    def __repr__(self) -> str:
        wide = max(len(name) for name, _ in self.rows())
        return "\n".join([self._caption, *(f"{name:<{wide}}  {estimate}" for name, estimate in self.rows())])

    def _repr_html_(self) -> str:  # colours are the theme's own
        head = '<th scope="col">measure</th><th scope="col">share</th><th scope="col">interval</th>'
        body = ""
        for name, (value, low, high) in self.rows():
            cells = f"<td>{100 * value:.1f} %</td><td>{100 * low:.1f} to {100 * high:.1f}</td>"
            body += f'<tr><th scope="row" style="text-align: left">{html.escape(name)}</th>{cells}</tr>'
        return f"<table><caption>{self._caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def evaluate(
    model: nn.Module,
    videos: Shaped[Tensor, "v k t c h w"] | Shaped[Tensor, "v t c h w"],
    labels: Int64[Tensor, " v"],
    *,
    kinds: dict[str, int] | None = None,
    batch: int = 64,
    seed: int = 0,
    level: float = 0.95,
) -> Report:
    """Score every clip, average the probabilities of each video's clips, and count.

    Args:
        videos: k clips of each video, uint8 or floats in [0, 1]; or one clip of each.
        labels: the class of each video.
        kinds: what a class is made of, kind → number of values, as in `joint`.
        batch: clips at a time. seed: of the resampling. level: of the intervals.

    Raises:
        ShapeError: axes, labels, kinds or logits that do not fit each other.
        VidlabError: logits that are no numbers.
    """
    if videos.ndim not in (5, 6) or len(videos) == 0 or labels.shape != videos.shape[:1]:
        raise ShapeError(
            f"videos {tuple(videos.shape)} with labels {tuple(labels.shape)}",
            wanted="v k t c h w or v t c h w, v above 0, with v labels",
        )
    videos = videos[:, None] if videos.ndim == 5 else videos
    k, labels = videos.shape[1], labels.cpu()
    probabilities = predict(model, rearrange(videos, "v k t c h w -> (v k) t c h w"), batch)
    by_clip = rearrange(probabilities, "(v k) classes -> v k classes", k=k)
    by_video = by_clip.mean(1)
    classes = by_video.shape[1]
    _expect_labels(labels, classes, "labels")
    if kinds is not None and math.prod(_expect_kinds(kinds).values()) != classes:
        raise ShapeError(f"kinds {kinds} make {math.prod(kinds.values())} classes", wanted=f"the model's {classes}")

    decision = by_video.argmax(1)
    right = {"clip": (by_clip.argmax(2) == labels[:, None]).float().mean(1), "video": decision == labels}
    if classes > 5:
        right["five"] = (by_video.topk(5).indices == labels[:, None]).any(1)
    for kind in kinds or {}:
        value = split_joint(torch.arange(classes), kinds)[kind]  # of each class
        alone = by_video.new_zeros(len(by_video), kinds[kind]).index_add(1, value, by_video).argmax(1)
        right["decision", kind], right["marginal", kind] = value[decision] == value[labels], alone == value[labels]
    columns = torch.stack([column.float() for column in right.values()], dim=1)
    found = dict(zip(right, bootstrap(columns, level=level, seed=seed), strict=True))
    return Report(
        clip_hit1=found["clip"],
        hit1=found["video"],
        hit5=found.get("five"),
        kinds={kind: found["decision", kind] for kind in kinds or {}},
        marginal={kind: found["marginal", kind] for kind in kinds or {}},
        confusion=torch.bincount(labels * classes + decision, minlength=classes**2).reshape(classes, classes),
        probabilities=by_video,
        clips=k,
        level=level,
    )


def _expect_kinds(kinds: dict[str, int]) -> dict[str, int]:
    if not kinds or min(kinds.values()) < 1:
        raise ShapeError(f"kinds = {kinds}", wanted='how many values each has, as {"colour": 3, "direction": 4}')
    return kinds


def _expect_labels(labels: Tensor, classes: int, name: str) -> None:
    if labels.dtype != torch.int64:
        raise ShapeError(f"{name} are {labels.dtype}", wanted="int64", mend=f"{name}.long()")
    if len(labels.reshape(-1)) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ShapeError(f"{name} go from {labels.min()} to {labels.max()}", wanted=f"0 to {classes - 1}")
