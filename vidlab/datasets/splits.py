"""Splits: which videos a model learns from, and which it is asked about.

Clips of one film share light, place and people. Divided at random, a film stands on both sides, and a model that knows
films by heart seems to know actions. So the honest split keeps each source on one side.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator

from ..errors import DataError
from .rows import Rows

TRIES = 50  # orders of the sources, of which the best split is taken


def by_source(rows: Rows, test: float = 0.2, seed: int = 0) -> tuple[Rows, Rows]:
    """(train, test), where each source stands on one side only, and each class on both, as near to the share as can be.

    Sources are taken in a random order, and one goes to the test side if that brings the classes nearer to their
    share; of several orders the best is kept. Exact optima are as hard as the knapsack problem.

    Args:
        test: the share of videos to ask about, between 0 and 1. seed: of the order.

    Raises:
        DataError: a class with one source only, which cannot stand on both sides; or no such split was found.
    """
    _expect_share(test)
    sizes, of_class = _counted(rows)
    lonely = sorted(name for name, sources in of_class.items() if len(sources) < 2)
    if lonely:
        raise DataError(
            f"of {len(lonely)} classes there is one source only: {', '.join(lonely[:5])}",
            wanted="two sources of each class: one to learn from, one to be asked about",
            mend="more films, another source=, or leave these classes out",
        )
    total, best = Counter(row.label for row in rows), None
    for attempt in range(TRIES):
        chosen = _chosen(sizes, total, test, random.Random(f"{seed} {attempt}"))
        _mend(chosen, sizes, of_class)
        held = _held(chosen, sizes)
        if all(0 < held[name] < total[name] for name in of_class):
            miss = sum(abs(held[name] - test * total[name]) for name in of_class)
            if best is None or miss < best[0]:
                best = miss, chosen
            if miss <= 0.5 * len(of_class):  # half a video a class: nearer is rarely possible
                break
    if best is None:
        raise DataError(
            f"no split of {len(sizes)} sources was found that has each class on both sides",
            wanted="classes that do not all come from the same few sources",
            mend="more films, another seed, or leave out a class",
        )
    parts = rows.where(lambda row: row.source not in best[1]), rows.where(lambda row: row.source in best[1])
    _expect_apart(*parts)
    return parts


def at_random(rows: Rows, test: float = 0.2, seed: int = 0) -> tuple[Rows, Rows]:
    """(train, test), video by video, the same share of each class, whatever the sources.

    **Warning**: where several videos come from one source this split leaks. The accuracy on its test side says how
    well a model knows films it has seen, not how well it knows what it has not. It is here to show the difference.

    Raises:
        DataError: a class of one video only.
    """
    _expect_share(test)
    dice, held = random.Random(seed), set()
    of_class = defaultdict(list)
    for i, row in enumerate(rows):
        of_class[row.label].append(i)
    for name, places in sorted(of_class.items()):
        if len(places) < 2:
            raise DataError(f"class {name} has one video only", wanted="two of each class")
        held.update(dice.sample(places, min(max(1, round(test * len(places))), len(places) - 1)))
    train, asked = ([row for i, row in enumerate(rows) if (i in held) == side] for side in (False, True))
    return Rows(train, rows.classes), Rows(asked, rows.classes)


def official(rows: Rows) -> tuple[Rows, Rows]:
    """(train, test) as the makers of the data divided them; validation stands in where there is no test.

    Raises:
        DataError: the listing says nothing of it.
    """
    names = {row.split for row in rows}
    asked = "test" if "test" in names else "validation"
    if not {"train", asked} <= names:
        came = ", ".join(sorted(filter(None, names))) or "no split"
        raise DataError(f"the listing names {came}", wanted="train, and test or validation", mend="by_source(rows)")
    return rows.where(lambda row: row.split == "train"), rows.where(lambda row: row.split == asked)


def leave_one_source_out(rows: Rows) -> Iterator[tuple[str, Rows, Rows]]:
    """(source, train, test) for each source in turn: train without it, and be asked about it alone.

    Every video is asked about once, by a model that has seen no other of its source. A class of one source cannot be
    learned when that source is left out; its videos count all the same.

    Raises:
        DataError: one source only.
    """
    if len(rows.sources) < 2:
        raise DataError("all videos come from one source", wanted="two or more", mend="another source=")
    for source in rows.sources:
        yield source, rows.where(lambda row: row.source != source), rows.where(lambda row: row.source == source)  # noqa: B023


def _expect_share(test: float) -> None:
    if not 0 < test < 1:
        raise DataError(f"test = {test}", wanted="a share between 0 and 1, as 0.2")


def _counted(rows: Rows) -> tuple[dict[str, Counter], dict[str, list[str]]]:
    """source → how many videos of each class; class → its sources."""
    sizes: dict[str, Counter] = {}
    for row in rows:
        sizes.setdefault(row.source, Counter())[row.label] += 1
    of_class = defaultdict(list)
    for source, counts in sizes.items():
        for name in counts:
            of_class[name].append(source)
    return sizes, of_class


def _chosen(sizes: dict[str, Counter], total: Counter, share: float, dice: random.Random) -> set[str]:
    """Sources for the test side: each that brings the squared distance to the share of each class down."""
    order = sorted(sizes)
    dice.shuffle(order)
    held, chosen = Counter(), set()
    for source in order:
        gain = 0.0
        for name, count in sizes[source].items():
            short = share * total[name] - held[name]
            gain += (short**2 - (short - count) ** 2) / total[name]
        if gain > 0:
            chosen.add(source)
            held.update(sizes[source])
    return chosen


def _held(chosen: set[str], sizes: dict[str, Counter]) -> Counter:
    held = Counter()
    for source in chosen:
        held.update(sizes[source])
    return held


def _mend(chosen: set[str], sizes: dict[str, Counter], of_class: dict[str, list[str]]) -> None:
    """A class that stands on one side only gets its smallest source to the other side."""
    for sources in of_class.values():
        here = [source for source in sources if source in chosen]
        small = min(sources, key=lambda source: (sum(sizes[source].values()), source))
        if not here:
            chosen.add(small)
        elif len(here) == len(sources):
            chosen.discard(small)


def _expect_apart(train: Rows, test: Rows) -> None:
    """What the split promises, asked of its result."""
    both = set(train.sources) & set(test.sources)
    if both or not len(train) or not len(test):
        raise DataError(f"sources on both sides: {sorted(both)[:5]}", wanted="none, and videos on both sides")
