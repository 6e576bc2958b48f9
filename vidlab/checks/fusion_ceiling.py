"""Exercise of lesson 12, a ceiling: what can be known by someone who sees every direction, and nowhere whose it is."""

from collections.abc import Callable

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional

from .draws import integer
from .frame import Exercise, Mistake
from .mismatch import Wanted


def ceiling(motions: Int[Tensor, "n o"]) -> float:
    alike = motions[:, :, None] == motions[:, None, :]  # n o o: do these two go the same way?
    company = alike.sum(dim=2)  # n o: how many go the way of each object, itself counted
    commonest = company.amax(dim=1)  # who says the commonest direction is right for that many objects
    return (commonest / motions.shape[1]).mean().item()


def _draw_motions(generator: torch.Generator) -> list[tuple]:
    """Two objects and four directions, as in the lesson; more objects; and more of both.

    Some directions are commoner than others, and the first object goes as one drawn among the objects does.
    """
    cases = []
    for objects, directions in ((2, 4), (integer(generator, 3, 6), 4), (integer(generator, 6, 9), 7)):
        shares = torch.linspace(1, 2, directions)[torch.randperm(directions, generator=generator)]
        clips = integer(generator, 40, 90)
        drawn = torch.multinomial(shares, clips * objects, replacement=True, generator=generator)
        cases.append((drawn.reshape(clips, objects),))
    return cases


def _counts(motions: Tensor) -> Tensor:
    """How many objects of each clip go in each direction."""
    return functional.one_hot(motions).sum(1)


def _shares(motions: Tensor) -> Tensor:
    """The chance of each direction of each clip."""
    return _counts(motions).double() / motions.shape[1]


def _best(motions: Tensor) -> Tensor:
    return _shares(motions).amax(1)


def _distinct(motions: Tensor) -> Tensor:
    """How many directions there are in each clip."""
    return (_counts(motions) > 0).sum(1).double()


def _ties(motions: Tensor) -> Tensor:
    """How many directions of each clip are the commonest."""
    return (_shares(motions) == _best(motions)[:, None]).sum(1)


def _company(motions: Tensor, others: bool) -> Tensor:
    """How many of the objects go as the first one does."""
    return (motions == motions[:, :1])[:, int(others) :].double().mean()


def _goes(motions: Tensor, direction: Callable) -> Tensor:
    """The share of objects that go in a direction of their clip."""
    return (motions == direction(motions)[:, None]).double().mean()


def _run(motions: Tensor) -> Tensor:
    """The longest run of neighbours that go the same way."""
    longest = [max(torch.unique_consecutive(one, return_counts=True)[1].tolist()) for one in motions]
    return torch.tensor(longest).double().mean() / motions.shape[1]


def _entropy(motions: Tensor) -> Tensor:
    return torch.special.entr(_shares(motions)).sum(1)


EXERCISES = (
    Exercise(
        name="fusion.ceiling",
        task="Known of each clip (n o): how many objects go each way, but not which. How often can one tell how the "
        "first one goes, at best, in the mean over clips? Each object is as likely the first as any other.",
        reference=ceiling,
        draw=_draw_motions,
        wanted=Wanted(kind="float", tolerance=1e-5, alike=1e-6),
        hints=(
            "One clip with three objects: two go right, one goes up. What would you say, and how often would it be "
            "the first object's direction?",
            "Count, in each clip, how many objects go in each direction. One of the counts is enough, and the number "
            "of objects.",
        ),
        mistakes=(
            Mistake(
                "it looks up how the first objects of these clips really go: what is to be expected is asked, not luck",
                lambda m: _goes(m[:, :1].expand_as(m), lambda _: m.mode(1).values),
            ),
            Mistake(
                "it says a direction with the chance that it has: always saying the likeliest is right more often",
                lambda m: (_shares(m) ** 2).sum(1).mean(),
            ),
            Mistake(
                "all directions of a clip are taken as equally likely: it also knows how many objects go in each",
                lambda m: (1 / _distinct(m)).mean(),
            ),
            Mistake(
                "that is chance among all directions: it knows which of them are in the clip",
                lambda m: 1 / (m.max() + 1),
            ),
            Mistake(
                "that is chance among the objects: several of them may go the same way",
                lambda m: 1 / m.shape[1],
            ),
            Mistake(
                "one and the same direction is said for all clips: it knows what is in each",
                lambda m: m.flatten().bincount().max() / m.numel(),
            ),
            Mistake(
                "only clips in which all go the same way count: is the share cut off to a whole number?",
                lambda m: (_best(m) == 1).double().mean(),
            ),
            Mistake(
                "clips in which at least two go the same way count in full",
                lambda m: (_distinct(m) < m.shape[1]).double().mean(),
            ),
            Mistake(
                "clips in which more than half go the same way count in full, the others not at all",
                lambda m: (_best(m) > 0.5).double().mean(),
            ),
            Mistake(
                "clips in which at least half go the same way count in full, the others not at all",
                lambda m: (_best(m) >= 0.5).double().mean(),
            ),
            Mistake(
                "that is a number of objects: which share of them is it?", lambda m: _counts(m).amax(1).double().mean()
            ),
            Mistake(
                "it is divided by the number of directions: which share of the objects is it?",
                lambda m: _counts(m).amax(1).double().mean() / (m.max() + 1),
            ),
            Mistake(
                "it is divided by the number of directions in the clip: which share of the objects is it?",
                lambda m: (_counts(m).amax(1) / _distinct(m)).mean(),
            ),
            Mistake(
                "one object is left out everywhere: the first one is among those counted",
                lambda m: (_counts(m).amax(1) - 1).double().mean() / (m.shape[1] - 1),
            ),
            Mistake(
                "one object too few is counted in each clip: all that go that way count",
                lambda m: (_counts(m).amax(1) - 1).double().mean() / m.shape[1],
            ),
            Mistake(
                "it is divided by the number of the others: the first object is one of those it may be",
                lambda m: _counts(m).amax(1).double().mean() / (m.shape[1] - 1),
            ),
            Mistake(
                "that is the rarest direction of each clip: the best guess is asked",
                lambda m: _shares(m).masked_fill(_shares(m) == 0, 1).amin(1).mean(),
            ),
            Mistake(
                "that is the second commonest direction of each clip",
                lambda m: _shares(m).sort(1).values[:, -2].mean(),
            ),
            Mistake("that is the median over the clips: the mean is wanted", lambda m: _best(m).median()),
            Mistake("that is the easiest clip: the mean is wanted", lambda m: _best(m).max()),
            Mistake("that is the hardest clip: the mean is wanted", lambda m: _best(m).min()),
            Mistake("that is the first clip only: the mean is wanted", lambda m: _best(m)[0]),
            Mistake("the clips are added up: the mean is wanted", lambda m: _best(m).sum()),
            Mistake("the number is in percent: a share is wanted", lambda m: 100 * _best(m).mean()),
            Mistake("that is how often it is wrong", lambda m: 1 - _best(m).mean()),
            Mistake(
                "clips and objects have changed places: how common a direction is among all first objects, all second…",
                lambda m: _best(m.T).mean(),
            ),
            Mistake(
                "those are directions, averaged: how many objects go there?", lambda m: m.mode(1).values.double().mean()
            ),
            Mistake(
                "the direction with the largest number is taken for the commonest",
                lambda m: _goes(m, lambda x: x.amax(1)),
            ),
            Mistake(
                "the direction with the smallest number is taken for the commonest",
                lambda m: _goes(m, lambda x: x.amin(1)),
            ),
            Mistake(
                "the median of the directions is taken for the commonest: their numbers have no order",
                lambda m: _goes(m, lambda x: x.median(1).values),
            ),
            Mistake(
                "that is how many go as the first one does: it is not known how it goes",
                lambda m: _company(m, others=False),
            ),
            Mistake(
                "that is how many of the others go as the first one does: it is not known how it goes",
                lambda m: _company(m, others=True),
            ),
            Mistake(
                "that is the chance that two objects of a clip go the same way",
                lambda m: (_counts(m) * (_counts(m) - 1)).sum(1).double().mean() / (m.shape[1] * (m.shape[1] - 1)),
            ),
            Mistake(
                "the best guess should be right once, not twice: the chance is squared",
                lambda m: (_best(m) ** 2).mean(),
            ),
            Mistake(
                "only neighbours are compared: objects that go the same way may stand anywhere in the row",
                _run,
            ),
            Mistake(
                "all objects beyond the first of each direction are put together: they may go two by two",
                lambda m: (m.shape[1] - _distinct(m) + 1).mean() / m.shape[1],
            ),
            Mistake(
                "that is how many directions there are for each object",
                lambda m: _distinct(m).mean() / m.shape[1],
            ),
            Mistake(
                "where several directions are equally common, it gives up: any of them is as good a guess",
                lambda m: (_best(m) * (_ties(m) == 1)).mean(),
            ),
            Mistake(
                "where several directions are equally common, the chance is shared out: any of them is as good a guess",
                lambda m: (_best(m) / _ties(m)).mean(),
            ),
            Mistake(
                "where several directions are equally common, all of them are said: one guess is asked for",
                lambda m: (_best(m) * _ties(m)).mean(),
            ),
            Mistake(
                "only directions 0 to 3 are counted: there may be more",
                lambda m: functional.pad(_shares(m), (0, 4))[:, :4].amax(1).mean(),
            ),
            Mistake(
                "direction 0 is left out: it is a direction as any other",
                lambda m: _shares(m)[:, 1:].amax(1).mean(),
            ),
            Mistake(
                "that is the entropy: how much is not known, not how often the best guess is right",
                lambda m: _entropy(m).mean(),
            ),
        ),
    ),
)
