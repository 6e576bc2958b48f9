"""The review at the end of each part: its own questions, and questions of earlier parts that come back.

What is recalled again after a gap is kept longer than what is repeated at once, and the best gap grows with the time
for which one wants to remember (Cepeda and others 2006, *Psychological Bulletin* 132, 354–380; 2008, *Psychological
Science* 19, 1095–1102). So the first three cards of a part come back twice, and wait longer the second time:

    card 1 comes back 1 and 3 parts later, card 2 comes back 1 and 4 parts later, card 3 comes back 2 and 5 parts later.

The review of a part thus holds its own cards and, of the parts before, two cards of the last one and one of each other.
Within a review a card that was not known comes again, after all the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .catalogue import tomllib
from .course_map import PARTS, part_of
from .errors import DataError

FILE = Path(__file__).resolve().parents[1] / "data" / "reviews.toml"
BACK = {1: (1, 2), 2: (3,), 3: (1,), 4: (2,), 5: (3,)}  # so many parts later: these cards of a part


@dataclass(frozen=True)
class Card:
    """A question to answer in one's head, its answer, and the lesson that teaches it."""

    lesson: str
    asks: str
    answer: str

    @property
    def part(self) -> str:
        return part_of(self.lesson)


@cache
def cards(path: Path = FILE) -> tuple[Card, ...]:
    """All cards, part by part.

    Raises:
        DataError: the file cannot be read, or a part has too few cards.
    """
    try:
        found = tuple(Card(**row) for row in tomllib.loads(path.read_text(encoding="utf-8"))["card"])
        parts = [card.part for card in found]
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise DataError(f"{path.name} cannot be used ({error})", wanted="cards as its head describes") from None
    least = max(max(some) for some in BACK.values())
    few = [part for part in PARTS if parts.count(part) < least]
    if few:
        raise DataError(f"{path.name}: too few cards for {', '.join(few)}", wanted=f"{least} for each part")
    if parts != sorted(parts, key=list(PARTS).index):
        raise DataError(
            f"{path.name} is out of order", wanted="the cards of a part together, in the order of the parts"
        )
    return found


def part_named(words: str) -> str:
    """The part whose name begins so, or that holds a lesson of this number.

    Raises:
        DataError: none, or several.

    >>> part_named("optical"), part_named("07")
    ('Optical flow', 'Fusion and 3D convolution')
    """
    asked = words.strip().lower()
    found = [part for part, lessons in PARTS.items() if asked in lessons or asked and part.lower().startswith(asked)]
    if len(found) != 1:
        raise DataError(f"no part of the course is called {words!r}", wanted=f"one of: {'; '.join(PARTS)}")
    return found[0]


def review(part: str) -> list[Card]:
    """The cards of the review of a part: its own, then those that come back, the most recent part first."""
    names = list(PARTS)
    here = names.index(part_named(part))
    of = {name: [card for card in cards() if card.part == name] for name in names}
    found = list(of[names[here]])
    for gap, some in BACK.items():
        if here >= gap:
            found += [of[names[here - gap]][number - 1] for number in some]
    return found
