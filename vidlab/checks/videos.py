"""Exercises of lesson 15, your own videos: an honest split, fair classes, and one answer for a whole video."""

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Bool
from torch import Tensor

from . import videos_answer, videos_split, videos_weights
from .draws import chance, integer
from .frame import Exercise, Mistake
from .mismatch import Wanted

Mask = Bool[Tensor, "n"]


def by_source(sources: list[str], share: float, seed: int) -> Mask:
    names = sorted(set(sources))  # sorted: a set comes in another order each time Python starts
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(seed))
    test, clips = set(), 0
    for number in order[:-1].tolist():  # the last one is never asked for: it is left to train on
        if clips >= share * len(sources):
            break
        test.add(names[number])  # a source goes to the test side with all of its clips
        clips += sources.count(names[number])
    return torch.tensor([source in test for source in sources])


def _draw_sources(generator: torch.Generator) -> list[tuple]:
    """Three seeds for the clips of many sources, in any order; four for a small source and a large one; large ones.

    Half of the many have one clip, half have five: a share of the sources is then seldom that share of the clips.
    Of the large ones none is as small as the share.
    """
    share, seed = chance(generator, 0.2, 0.35), integer(generator, 0, 1000)
    many = _clips([1, 5] * 60, generator)
    few = _clips([integer(generator, 1, 3), integer(generator, 9, 13)], generator)
    large = _clips([integer(generator, 9, 13) for _ in "abc"], generator)
    cases = [(many, share, seed + step) for step in (0, 1, 17)] + [(large, chance(generator, 0.1, 0.2), seed)]
    half = chance(generator, 0.3, 0.7)
    return cases + [(few, half, seed + step) for step in range(4)]


def _clips(sizes: list[int], generator: torch.Generator) -> list[str]:
    """The source of each clip, in any order. Names have no order that would say how many clips there are."""
    numbers = (100 + torch.randperm(900, generator=generator)[: len(sizes)]).tolist()
    names = [f"film_{number}" for number, size in zip(numbers, sizes, strict=True) for _ in range(size)]
    return [names[i] for i in torch.randperm(len(names), generator=generator).tolist()]


def _mask(sources: list[str], chosen: Iterable[str]) -> Mask:
    chosen = set(chosen)
    return torch.tensor([source in chosen for source in sources])


def _shuffled(names: Iterable[str], seed: int) -> list[str]:
    names = list(names)
    return [names[i] for i in torch.randperm(len(names), generator=torch.Generator().manual_seed(seed)).tolist()]


def _taken(sources: list[str], share: float, order: list[str], *, all_of_them: bool = False) -> Mask:
    """Sources in this order, until the share of the clips is reached."""
    chosen, clips = [], 0
    for name in order if all_of_them else order[:-1]:
        if clips >= share * len(sources):
            break
        chosen.append(name)
        clips += sources.count(name)
    return _mask(sources, chosen)


def _fitting(sources: list[str], share: float, seed: int) -> Mask:
    """Sources in any order, as long as the share of the clips is not exceeded."""
    chosen, clips = [], 0
    for name in _shuffled(sorted(set(sources)), seed):
        clips += sources.count(name)
        if clips > share * len(sources):
            break
        chosen.append(name)
    return _mask(sources, chosen)


def _some_sources(sources: list[str], share: float, seed: int) -> Mask:
    """This share of the sources, however many clips they have; one or more on each side."""
    order = _shuffled(sorted(set(sources)), seed)
    return _mask(sources, order[: min(max(round(share * len(order)), 1), len(order) - 1)])


def _each_by_chance(sources: list[str], share: float, seed: int) -> Mask:
    """A die for every source."""
    names = sorted(set(sources))
    dice = torch.rand(len(names), generator=torch.Generator().manual_seed(seed))
    return _mask(sources, (name for name, number in zip(names, dice.tolist(), strict=True) if number < share))


def _by_key(key: Callable[[list[str], str], object]) -> Callable[[list[str], float, int], Mask]:
    """Sources in the order of this key: the seed has no say."""
    return lambda sources, share, seed: _taken(
        sources, share, sorted(sorted(set(sources)), key=lambda name: key(sources, name))
    )


def _every_nth(sources: list[str], share: float, seed: int) -> Mask:
    return torch.arange(len(sources)) % round(1 / share) == 0


def _of_clips(sources: list[str], share: float, order: Tensor) -> Mask:
    """The first clips in this order."""
    return torch.zeros(len(sources), dtype=torch.bool).index_fill(0, order[: round(share * len(sources))], True)


EXERCISES = (
    Exercise(
        name="videos.by_source",
        task="Split clips: all of a source on one side, `share` of the clips (give or take a source) for testing.",
        reference=by_source,
        draw=_draw_sources,
        wanted=Wanted(axes="n", dtype=torch.bool, tolerance=0.0),
        fault=videos_split.fault,
        hints=(
            "Draw sources, not clips: list each name once, shuffle, and take names until enough clips are there.",
            "`sorted(set(…))` has the same order whenever Python starts, `set` has not. Leave one source to train on.",
        ),
        mistakes=(
            Mistake(
                videos_split.TORN,
                lambda s, share, seed: _of_clips(
                    s, share, torch.randperm(len(s), generator=torch.Generator().manual_seed(seed))
                ),
            ),
            Mistake(
                "the first clips of the list are taken, whatever their source",
                lambda s, share, seed: _of_clips(s, share, torch.arange(len(s))),
            ),
            Mistake(
                "the last clips of the list are taken, whatever their source",
                lambda s, share, seed: _of_clips(s, share, torch.arange(len(s)).flip(0)),
            ),
            Mistake("clips are taken at regular steps, whatever their source", _every_nth),
            Mistake(videos_split.NO_TEST, _fitting),
            Mistake(
                videos_split.NO_TRAINING,
                lambda s, share, seed: _taken(s, share, _shuffled(sorted(set(s)), seed), all_of_them=True),
            ),
            Mistake(videos_split.INVERSE, lambda s, share, seed: ~by_source(s, share, seed)),
            Mistake(videos_split.OF_SOURCES, _some_sources),
            Mistake(videos_split.OFF, _each_by_chance),
            Mistake(
                videos_split.NO_SEED,
                lambda s, share, seed: _taken(s, share, _shuffled(sorted(set(s)), int(torch.randint(2**40, ())))),
            ),
            Mistake(videos_split.NO_LASTING_SET, lambda s, share, seed: _taken(s, share, _shuffled(set(s), seed))),
            Mistake(videos_split.SAME, lambda s, share, seed: by_source(s, share, 0)),
            Mistake(
                "sources are taken in the order of their names: the seed should decide", _by_key(lambda s, name: name)
            ),
            Mistake(
                "sources are taken from the end of their names' order: the seed should decide",
                lambda s, share, seed: _taken(s, share, sorted(set(s), reverse=True)),
            ),
            Mistake(
                "sources are taken in the order in which they come in the list: the seed should decide",
                _by_key(lambda s, name: s.index(name)),
            ),
            Mistake(
                "the sources with most clips are taken: the seed should decide", _by_key(lambda s, name: -s.count(name))
            ),
            Mistake(
                "the sources with fewest clips are taken: the seed should decide",
                _by_key(lambda s, name: s.count(name)),
            ),
            Mistake(
                "that is one source only, whatever the share",
                lambda s, share, seed: _mask(s, [_shuffled(sorted(set(s)), seed)[0]]),
            ),
            Mistake("all clips are for testing", lambda s, share, seed: _mask(s, s)),
            Mistake("no clip is for testing", lambda s, share, seed: _mask(s, [])),
        ),
    ),
    *videos_answer.EXERCISES,
    *videos_weights.EXERCISES,
)
