"""Exercise of lesson 14, many models and one answer: the probabilities of all are averaged."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from .draws import chance, film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted


def average(logits: Float[Tensor, "m b classes"]) -> Float[Tensor, "b classes"]:
    each = logits.softmax(dim=2)  # every model for itself: now all have the same scale
    return each.mean(dim=0)  # every model has the same say; each clip sums to 1 again


def _draw_logits(generator: torch.Generator) -> list[tuple]:
    """Models of unequal confidence; then logits around ±1000, of which no float holds the exponential."""
    cases = []
    for level in (0.0, 1000.0):
        m, b, classes = film_sizes(generator)
        sure = torch.linspace(1, 4, m, dtype=torch.float64)[torch.randperm(m, generator=generator)]
        around = torch.linspace(-level, level, m, dtype=torch.float64) * chance(generator, 0.9, 1.1)
        random = torch.randn(m, b, classes, generator=generator, dtype=torch.float64)
        cases.append((sure[:, None, None] * random + around[:, None, None],))
    return cases


def _p(logits: Tensor) -> Tensor:
    return logits.softmax(2)


def _mean_of(logits: Tensor, what: Callable[[Tensor], Tensor]) -> Tensor:
    """The mean over models of what becomes of their logits."""
    return what(logits).mean(0)


def _winner(scores: Tensor) -> Tensor:
    """1 for the best class, 0 for all others."""
    return functional.one_hot(scores.argmax(-1), scores.shape[-1]).to(scores.dtype)


def _to_one(numbers: Tensor) -> Tensor:
    return numbers / numbers.sum(-1, keepdim=True)


def _surest(logits: Tensor) -> Tensor:
    """For each clip all the probabilities of the model whose best one is largest."""
    p = _p(logits)
    model = p.amax(2).argmax(0)
    return p[model, torch.arange(p.shape[1])]


def _by_entropy(logits: Tensor) -> Tensor:
    """Who is unsure has the smaller say."""
    p, log_p = _p(logits), logits.log_softmax(2)
    say = (p * log_p).sum(2, keepdim=True).exp()
    return (say * p).sum(0) / say.sum(0)


def _as_one(logits: Tensor) -> Tensor:
    """One softmax over the classes of all models; what a class has got is added up."""
    m, b, classes = logits.shape
    together = logits.transpose(0, 1).reshape(b, m * classes).softmax(1)
    return together.view(b, m, classes).sum(1)


def _vote(logits: Tensor) -> Tensor:
    """1 for the class that most models name; of equal ones the first."""
    return _winner(_mean_of(logits, _winner))


EXERCISES = (
    Exercise(
        name="capstone.average",
        task="From the logits (m b classes) of m models give the mean of their probabilities (b classes).",
        reference=average,
        draw=_draw_logits,
        wanted=Wanted(axes="b classes", dtype="same", low=0.0, high=1.0),
        hints=(
            "Which axis must sum to 1 in every model's own answer? And which axis is gone at the end?",
            "First `softmax` along the classes, which large logits do not harm; then the mean along the models.",
        ),
        mistakes=(
            Mistake(
                "logits are averaged before the softmax: the models with large logits shout down the others",
                lambda x: x.mean(0).softmax(1),
            ),
            Mistake(
                "logits are added before the softmax: that multiplies probabilities, and one model can veto",
                lambda x: x.sum(0).softmax(1),
            ),
            Mistake("logits are averaged, and there is no softmax", lambda x: x.mean(0)),
            Mistake("logits are added, and there is no softmax", lambda x: x.sum(0)),
            Mistake(
                "probabilities are added, not averaged: each clip sums to the number of models", lambda x: _p(x).sum(0)
            ),
            Mistake(
                "the softmax runs over the models: they compete for each class, and the classes do not",
                lambda x: x.softmax(0).mean(0),
            ),
            Mistake(
                "the softmax runs over the clips: clips compete that have nothing to do with each other",
                lambda x: x.softmax(1).mean(0),
            ),
            Mistake(
                "one softmax for all clips and classes of a model: each clip should sum to 1",
                lambda x: _mean_of(x, lambda a: a.flatten(1).softmax(1).view_as(a)),
            ),
            Mistake(
                "one softmax over the classes of all models: the one with the largest logits takes nearly all", _as_one
            ),
            Mistake("a softmax is taken of the mean once more: it sums to 1 already", lambda x: average(x).softmax(1)),
            Mistake("a softmax is taken of the sum once more: divide instead", lambda x: _p(x).sum(0).softmax(1)),
            Mistake(
                "the softmax is taken twice in each model: the second makes all nearly equal",
                lambda x: _mean_of(x, lambda a: _p(_p(a))),
            ),
            Mistake("signs of logits are turned: the worst class wins", lambda x: average(-x)),
            Mistake(
                "each class has a sigmoid of its own: the classes should share out what there is",
                lambda x: _mean_of(x, torch.sigmoid),
            ),
            Mistake("logarithms of probabilities are averaged", lambda x: x.log_softmax(2).mean(0)),
            Mistake("that is the logarithm of the mean", lambda x: average(x).log()),
            Mistake("probabilities are multiplied, and do not sum to 1", lambda x: _p(x).prod(0)),
            Mistake("that is the geometric mean, and it does not sum to 1", lambda x: x.log_softmax(2).mean(0).exp()),
            Mistake("the largest one of each class is taken: together they exceed 1", lambda x: _p(x).amax(0)),
            Mistake("the smallest one of each class is taken", lambda x: _p(x).amin(0)),
            Mistake(
                "the largest one of each class is taken, and brought to a sum of 1", lambda x: _to_one(_p(x).amax(0))
            ),
            Mistake(
                "the model in the middle is heard, class by class: that is a median", lambda x: _p(x).median(0).values
            ),
            Mistake("of each clip only the surest model is heard: here all are", _surest),
            Mistake("who is less sure has a smaller say: here all have the same", _by_entropy),
            Mistake("only the first model is heard", lambda x: _p(x)[0]),
            Mistake("only the last model is heard", lambda x: _p(x)[-1]),
            Mistake("the first model is left out", lambda x: average(x[1:])),
            Mistake("the last model is left out", lambda x: average(x[:-1])),
            Mistake("logits are divided by their sum: some may be negative", lambda x: _mean_of(x, _to_one)),
            Mistake(
                "each model has one vote, for its best class: probabilities say more", lambda x: _mean_of(x, _winner)
            ),
            Mistake("the class with most votes has 1 and all others 0: probabilities are wanted, not votes", _vote),
            Mistake("the best class has 1 and all others 0: the mean itself is wanted", lambda x: _winner(average(x))),
            Mistake(
                "that is the number of the best class: its probabilities are wanted", lambda x: average(x).argmax(1)
            ),
            Mistake("that is the probability of the best class only", lambda x: average(x).amax(1)),
            Mistake("the answers stand one after the other: average them over the models", lambda x: _p(x)),
            Mistake("it is averaged over the clips, and the models are left", lambda x: _p(x).mean(1)),
            Mistake("it is averaged over the classes, and so the same for all", lambda x: _p(x).mean(2)),
            Mistake("it is averaged over the clips as well", lambda x: average(x).mean(0)),
            Mistake("clips and classes have changed places", lambda x: average(x).mT),
            Mistake("it is divided by the number of clips, not of models", lambda x: _p(x).sum(0) / x.shape[1]),
            Mistake("it is divided by the number of classes, not of models", lambda x: _p(x).sum(0) / x.shape[2]),
        ),
    ),
)
