"""Balance: how many videos each class has, and what to do where they are not equally many.

Two remedies. Weights in the loss let a rare class count as much as a frequent one (G. King, L. Zeng, *Logistic
regression in rare events data*, 2001). Or rare classes are shown more often. Neither adds a video.
"""

from __future__ import annotations

from collections import Counter

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import cross_entropy

from ..errors import ShapeError
from .rows import Rows


class Counts(dict):
    """{part: {class: videos}}, which prints as a table."""

    def __repr__(self) -> str:
        names = list(dict.fromkeys(name for counts in self.values() for name in counts))
        wide = max(map(len, [*names, "sources", "videos"]))
        columns = [max(7, len(part)) for part in self]
        lines = [f"{'':<{wide}}" + "".join(f"  {part:>{w}}" for part, w in zip(self, columns, strict=True))]
        for name in names:
            cells = (f"  {part.get(name, 0):>{w}}" for part, w in zip(self.values(), columns, strict=True))
            lines.append(f"{name:<{wide}}" + "".join(cells))
        sums = (f"  {sum(part.values()):>{w}}" for part, w in zip(self.values(), columns, strict=True))
        return "\n".join([*lines, f"{'videos':<{wide}}" + "".join(sums)])


def counts(**parts: Rows) -> Counts:
    """How many videos of each class each part has: `counts(train=train, test=test)`."""
    table = Counts()
    for part, rows in parts.items():
        found = Counter(row.label for row in rows)
        table[part] = {name: found[name] for name in rows.classes}
    return table


def weights(labels: Int64[Tensor, " n"], classes: int | None = None) -> Float[Tensor, " classes"]:
    """For each of k classes n / (k · its videos), so that all that have videos weigh the same; 0 for one without.

    Raises:
        ShapeError: no labels, or more of them than classes.

    >>> weights(torch.tensor([0, 0, 0, 1]))
    tensor([0.6667, 2.0000])
    """
    if not len(labels) or (classes is not None and int(labels.max()) >= classes):
        raise ShapeError(f"{len(labels)} labels, {classes} classes", wanted="labels, and each below the classes")
    found = torch.bincount(labels, minlength=classes or 0).double()
    return torch.where(found > 0, len(labels) / (len(found) * found.clamp(min=1)), 0.0).float()


class WeightedLoss:
    """Cross entropy in which each class weighs the same, for `training.fit(…, loss=WeightedLoss(labels))`.

    The mean is taken over clips, not over weights: so each batch counts as `fit` promises, in one process or in many.
    """

    def __init__(self, labels: Int64[Tensor, " n"], classes: int | None = None) -> None:
        self.weights = weights(labels, classes)

    def __call__(self, logits: Tensor, clips: Tensor, labels: Tensor) -> Tensor:
        if logits.ndim != 2 or logits.shape[1] < len(self.weights):
            raise ShapeError(f"logits {tuple(logits.shape)}", wanted=f"n × {len(self.weights)} classes or more")
        spare = logits.shape[1] - len(self.weights)
        weight = torch.nn.functional.pad(self.weights.to(logits), (0, spare))
        return cross_entropy(logits, labels, weight=weight, reduction="none").mean()


def evenly(labels: Int64[Tensor, " n"], seed: int = 0) -> Int64[Tensor, " m"]:
    """Numbers of clips in which each class comes as often as the most frequent one, shuffled.

    Each clip comes once before any comes twice. `fit(model, clips[rows], labels[rows])` then shows all classes alike.

    >>> labels = torch.tensor([0, 0, 0, 1])
    >>> labels[evenly(labels)].bincount()
    tensor([3, 3])
    """
    generator = torch.Generator().manual_seed(seed)
    most = int(labels.bincount().max())
    drawn = []
    for number in labels.unique():
        places = (labels == number).nonzero().flatten()
        turns = [places[torch.randperm(len(places), generator=generator)] for _ in range(-(-most // len(places)))]
        drawn.append(torch.cat(turns)[:most])
    together = torch.cat(drawn)
    return together[torch.randperm(len(together), generator=generator)]
