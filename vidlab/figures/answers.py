"""What models answer to clips as they were and to the same clips with their time spoiled: checked and compared."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from ..errors import ShapeError
from ..time_use import ask

SAME = 1e-6  # no probability moves by more than this: float32 sums in another order move by about 1e-7
ALL, TOP = 8, 5  # up to ALL classes have a bar each; of more only the TOP ones, the true one, and the rest as one
MODELS = 6


def probabilities_of(model: nn.Module, trials: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """name of a trial -> class probabilities `n classes`, of a copy of the model in eval mode and without gradients.

    The copy computes in float64: a model that cannot see the order of frames then answers the same in every order.

    Raises:
        ShapeError: a model that refuses clips `n t c h w`, or does not give logits `n classes`.
    """
    weight = next(model.parameters(), torch.empty(0))
    where = "cpu" if weight.device.type == "mps" else weight.device  # which has no float64
    model = copy.deepcopy(model).to(where, torch.float64).eval()
    found = {}
    for trial, clips in trials.items():
        scale = 255 if clips.dtype == torch.uint8 else 1
        parts = []
        for some in clips.split(4):
            with torch.no_grad():
                logits = ask(model, some.to(where, torch.float64) / scale)
            if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(some):
                came = f"{type(model).__name__} returned {getattr(logits, 'shape', type(logits).__name__)}"
                raise ShapeError(came, wanted=f"logits {len(some)} × classes for as many clips")
            parts.append(logits.softmax(-1).cpu())
        found[trial] = torch.cat(parts)
    return found


class Answers:
    """Class probabilities of several models in several trials, and what they say beside those of the first trial.

    Args:
        probabilities: name of a model -> name of a trial -> `n classes`, whose rows sum to 1. One to six models.
        trials: names of the trials; the first is the original.
        n: number of examples.
        classes: the name of each class.
        truth: the true class of each example, or None.

    Attributes:
        p: the probabilities, float64 `models trials n classes`.
        decided: the most probable class, `models trials n`; so are the others:
        moved: total variation from the original, half the sum of |Δp|: 0 to 1.
        same: no probability moves by more than 1e-6.
        changed: another decision than for the original.

    Raises:
        ShapeError: probabilities that are missing, of another shape, or none; a true class that does not exist.
    """

    def __init__(self, probabilities, trials: list[str], n: int, classes, truth=None) -> None:
        self.trials, self.classes = trials, [str(name) for name in classes]
        self.p = _checked(probabilities, trials, n, len(self.classes))
        self.models = [str(name) for name in probabilities]
        self.truth = None if truth is None else _checked_truth(truth, n, len(self.classes))
        moves = np.abs(self.p - self.p[:, :1])
        self.decided, self.moved, self.same = self.p.argmax(-1), moves.sum(-1) / 2, moves.max(-1) <= SAME
        self.changed = (self.decided != self.decided[:, :1]) & ~self.same

    def verdict(self, model: int, trial: int, example: int) -> tuple[str, str]:
        """("same", "kept" or "changed", in words); of the original ("first", what is decided)."""
        place = model, trial, example
        before, now = (self.classes[self.decided[model, k, example]] for k in (0, trial))
        if trial == 0:
            return "first", f"decision: {now}"
        if self.same[place]:
            return "same", "no change (≤ 1e-6)"
        if self.changed[place]:
            return "changed", f"decision changed: {before} → {now}"
        by = f"{self.moved[place]:.2f}" if self.moved[place] >= 0.005 else "less than 0.01"
        return "kept", f"decision kept, moved by {by} (total variation)"

    def rows(self, example: int) -> list[int]:
        """The classes with a bar of their own, the same for all models and trials, so that no bar changes its place.

        All of them, or those decided for most often, then the most probable ones, and the true one.
        """
        if len(self.classes) <= ALL:
            return list(range(len(self.classes)))
        votes = np.bincount(self.decided[..., example].ravel(), minlength=len(self.classes))
        score = votes + self.p[:, :, example].mean((0, 1))
        chosen = set(np.argsort(-score, kind="stable")[:TOP].tolist())
        return sorted(chosen | ({int(self.truth[example])} if self.truth is not None else set()))

    def bars(self, example: int) -> tuple[list[str], int | None, Shaped[np.ndarray, "models trials rows"]]:
        """(names, row of the true class, probabilities) as drawn; classes left out are summed up in a last row."""
        rows = self.rows(example)
        names, p = [self.classes[k] for k in rows], self.p[:, :, example][..., rows]
        true = None if self.truth is None else rows.index(int(self.truth[example]))
        if len(rows) < len(self.classes):
            names, p = [*names, f"{len(self.classes) - len(rows)} others"], np.append(p, 1 - p.sum(-1)[..., None], -1)
        return names, true, p.clip(0, 1)

    def summary(self, model: int) -> str:
        """What becomes of a model's decisions in each trial, over all examples."""
        trials = range(1, len(self.trials))
        same = [self.trials[k] for k in trials if self.same[model, k].all()]
        flips = [f"{self.changed[model, k].mean():.0%} {self.trials[k]}" for k in trials if self.trials[k] not in same]
        parts = [f"exactly unchanged {', '.join(same)}"] * bool(same)
        return "; ".join(parts + [f"decisions that change: {', '.join(flips)}"] * bool(flips))


def _checked(probabilities, trials: list[str], n: int, classes: int) -> np.ndarray:
    """float64 `models trials n classes`."""
    if not isinstance(probabilities, Mapping) or not 1 <= len(probabilities) <= MODELS:
        came = f"{len(probabilities)} models" if isinstance(probabilities, Mapping) else "probabilities without names"
        raise ShapeError(came, wanted=f"a dict of 1 to {MODELS} models: {{model: {{trial: n classes}}}}")
    found = []
    for model, answers in probabilities.items():
        for trial in trials:
            if trial not in answers:
                raise ShapeError(f"no probabilities of {model!r} for {trial!r}", wanted=", ".join(map(repr, trials)))
            p = torch.as_tensor(answers[trial]).detach().cpu().double().numpy()
            came = f"probabilities of {model!r} for {trial!r}"
            if p.shape != (n, classes):
                wanted = f"({n}, {classes}): examples, classes"
                raise ShapeError(f"{came} of shape {p.shape}", wanted=wanted, mend="the names of all classes, in order")
            if not (np.isfinite(p).all() and (p >= -SAME).all() and np.allclose(p.sum(-1), 1, rtol=0, atol=1e-3)):
                sums = f"values from {p.min():.3g}, sums from {p.sum(-1).min():.3g} to {p.sum(-1).max():.3g}"
                raise ShapeError(f"{came}: {sums}", wanted="numbers in [0, 1], sums 1", mend="logits.softmax(-1)")
            found.append(p)
    return np.stack(found).reshape(len(probabilities), len(trials), n, classes)


def _checked_truth(truth, n: int, classes: int) -> np.ndarray:
    truth = torch.as_tensor(truth).detach().cpu().numpy()
    if truth.shape != (n,) or truth.dtype.kind not in "iu" or not ((truth >= 0) & (truth < classes)).all():
        raise ShapeError(f"truth = {truth.tolist()}", wanted=f"{n} integers from 0 to {classes - 1}, one an example")
    return truth
