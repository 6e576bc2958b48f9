"""Exercise of lesson 15, rare classes: weights with which every class has the same say in the loss."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from .draws import film_sizes, integer
from .frame import Exercise, Mistake
from .mismatch import Wanted


def weights(labels: Int64[Tensor, "n"], k: int) -> Float[Tensor, "k"]:
    counts = labels.bincount(minlength=k)  # n_c, for classes without clips as well
    balanced = len(labels) / (k * counts)
    return balanced.where(counts > 0, 0.0)  # where there is no clip, there is nothing to weigh


def _draw_labels(generator: torch.Generator) -> list[tuple]:
    """Every class has clips, unequally many; then two have none, one in the middle and the last."""
    cases = []
    for empty in (False, True):
        k, _ = film_sizes(generator, 2)
        share = torch.linspace(1, 4, k)[torch.randperm(k, generator=generator)]
        if empty:
            share[[integer(generator, 1, k - 2), k - 1]] = 0
        drawn = torch.multinomial(share, integer(generator, 60, 120), replacement=True, generator=generator)
        labels = torch.cat((share.nonzero()[:, 0], drawn))  # of each at least one
        cases.append((labels[torch.randperm(len(labels), generator=generator)], k))
    return cases


def _counts(labels: Tensor, k: int) -> Tensor:
    return labels.bincount(minlength=k).double()


def _or(numbers: Tensor, counts: Tensor, instead: float = 0.0) -> Tensor:
    """The numbers, and this one for classes without clips."""
    return numbers.where(counts > 0, instead)


def _inverse(labels: Tensor, k: int) -> Tensor:
    counts = _counts(labels, k)
    return _or(1 / counts, counts)


def _present(labels: Tensor) -> int:
    """How many classes have clips."""
    return len(labels.unique())


def _filled(labels: Tensor, k: int, instead: float) -> Tensor:
    counts = _counts(labels, k)
    return _or(len(labels) / (k * counts), counts, instead)


def _smoothed(labels: Tensor, k: int) -> Tensor:
    """One clip more of each class: none is empty."""
    return (len(labels) + k) / (k * (_counts(labels, k) + 1))


def _median(labels: Tensor, k: int) -> Tensor:
    counts = _counts(labels, k)
    return _or(counts[counts > 0].median() / counts, counts)


def _effective(labels: Tensor, k: int, beta: float) -> Tensor:
    """Y. Cui et al., *Class-balanced loss based on effective number of samples* (CVPR 2019), before it is scaled."""
    counts = _counts(labels, k)
    return _or((1 - beta) / (1 - beta**counts), counts)


EXERCISES = (
    Exercise(
        name="videos.weights",
        task="From labels (n) of k classes give weights (k), n / (k · n_c) for n_c clips, and 0 for a class without.",
        reference=weights,
        draw=_draw_labels,
        wanted=Wanted(axes="k", tolerance=1e-6),
        hints=(
            "How many clips has each class? `torch.bincount` counts them; what must it know besides the labels?",
            "Where a count is 0 the fraction is infinite: `torch.where` puts a 0 there.",
        ),
        mistakes=(
            Mistake(
                "a class without clips has an infinite weight: infinity times nothing is NaN in the loss",
                lambda y, k: len(y) / (k * _counts(y, k)),
            ),
            Mistake(
                "a class without clips is counted as if it had one: it should weigh nothing",
                lambda y, k: len(y) / (k * _counts(y, k).clamp(min=1)),
            ),
            Mistake("a class without clips weighs 1: it should weigh nothing", lambda y, k: _filled(y, k, 1.0)),
            Mistake(
                "k is taken from the labels: a last class without clips is forgotten, and the weights are too few",
                lambda y, k: weights(y, int(y.max()) + 1),
            ),
            Mistake(
                "k is right in the fraction, but the counts stop at the last class that has clips",
                lambda y, k: weights(y, k)[: int(y.max()) + 1],
            ),
            Mistake(
                "only classes that have clips have a weight: every class needs its place",
                lambda y, k: len(y) / (k * y.unique(return_counts=True)[1]),
            ),
            Mistake(
                "only classes that have clips have a weight, and only they are counted in k",
                lambda y, k: len(y) / (_present(y) * y.unique(return_counts=True)[1]),
            ),
            Mistake(
                "only classes that have clips are counted in k: all of them are wanted",
                lambda y, k: len(y) / _present(y) * _inverse(y, k),
            ),
            Mistake("they are not scaled: the loss would be smaller the more clips there are", _inverse),
            Mistake(
                "k is missing: the weights are as many times too large as there are classes",
                lambda y, k: len(y) * _inverse(y, k),
            ),
            Mistake(
                "n is missing: the loss would be smaller the more clips there are, and the more classes",
                lambda y, k: _inverse(y, k) / k,
            ),
            Mistake("k multiplies: it should divide", lambda y, k: len(y) * k * _inverse(y, k)),
            Mistake("n and k have changed places", lambda y, k: k / len(y) * _inverse(y, k)),
            Mistake("that is the share of each class: common classes weigh most", lambda y, k: _counts(y, k) / len(y)),
            Mistake(
                "that is the inverse of the weights: common classes weigh most", lambda y, k: k * _counts(y, k) / len(y)
            ),
            Mistake("that is how many clips each class has", _counts),
            Mistake(
                "it is 1 less the share: a class twice as rare does not weigh twice as much",
                lambda y, k: 1 - _counts(y, k) / len(y),
            ),
            Mistake(
                "it is 1 less the share, and 0 for a class without clips: twice as rare is not twice as much then",
                lambda y, k: _or(1 - _counts(y, k) / len(y), _counts(y, k)),
            ),
            Mistake(
                "the root is taken: that balances halfway",
                lambda y, k: weights(y, k).sqrt(),
            ),
            Mistake(
                "the root is taken of the inverse counts, and they are not scaled", lambda y, k: _inverse(y, k).sqrt()
            ),
            Mistake("it is squared: rare classes then weigh more than common ones", lambda y, k: weights(y, k) ** 2),
            Mistake(
                "the logarithm is taken: a class twice as rare does not weigh twice as much",
                lambda y, k: weights(y, k).log(),
            ),
            Mistake(
                "they are scaled to a sum of 1: the mean over the *clips* should be scaled",
                lambda y, k: _inverse(y, k) / _inverse(y, k).sum(),
            ),
            Mistake(
                "they are scaled to a sum of k: the mean over the *clips* should be scaled",
                lambda y, k: k * _inverse(y, k) / _inverse(y, k).sum(),
            ),
            Mistake(
                "the commonest class weighs 1: that is another scale",
                lambda y, k: _counts(y, k).amax() * _inverse(y, k),
            ),
            Mistake(
                "the rarest class weighs 1: that is another scale", lambda y, k: _inverse(y, k) / _inverse(y, k).amax()
            ),
            Mistake("the class in the middle weighs 1: that is another scale (median frequency balancing)", _median),
            Mistake("each class is given one clip more: then none is empty, and all weigh a little wrong", _smoothed),
            Mistake(
                "each class is given one clip more where it is divided, and n stays",
                lambda y, k: len(y) / (k * (_counts(y, k) + 1)),
            ),
            Mistake(
                "that is the effective number of clips (β = 0.99): here it is plainly n_c",
                lambda y, k: _effective(y, k, 0.99),
            ),
            Mistake(
                "that is the effective number of clips (β = 0.999): here it is plainly n_c",
                lambda y, k: _effective(y, k, 0.999),
            ),
            Mistake("a fraction has been lost: the division drops it", lambda y, k: _filled(y, k, 0.0).floor()),
            Mistake("a fraction has been lost: the weights are rounded", lambda y, k: _filled(y, k, 0.0).round()),
            Mistake("there is a weight for every clip: one for every class is wanted", lambda y, k: weights(y, k)[y]),
            Mistake("all classes weigh 1: rare ones have less say", lambda y, k: torch.ones(k)),
            Mistake(
                "the rarest comes first: the weight of class 0 should",
                lambda y, k: weights(y, k).sort(descending=True).values,
            ),
            Mistake(
                "the weights are sorted: the weight of class 0 should come first",
                lambda y, k: weights(y, k).sort().values,
            ),
        ),
    ),
)
