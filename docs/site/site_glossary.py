"""The terms of the course, read from `glossary.toml`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TERMS = Path(__file__).with_name("glossary.toml")


@dataclass(frozen=True)
class Term:
    """A term, its other forms, what it means, and where it is defined: the number of a lesson, and a cell of it.

    `elsewhere`: the lessons in which the same word means something else.
    """

    name: str
    forms: tuple[str, ...]
    lesson: str
    cell: str
    says: str
    elsewhere: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """The id of its entry on the glossary's page."""
        return "term-" + "".join(sign if sign.isalnum() else "-" for sign in self.name.lower()).strip("-")


def explained(lesson: str) -> dict[str, Term]:
    """{form in small letters: its term} for a lesson: what was defined by then, and means the same there."""
    known = [term for term in terms() if term.lesson <= lesson and lesson not in term.elsewhere]
    forms = {form.lower(): term for term in known for form in term.forms}
    return forms | {term.name.lower(): term for term in known}


@cache
def terms() -> tuple[Term, ...]:
    """All terms, in the order of the alphabet."""
    rows = tomllib.loads(TERMS.read_text(encoding="utf-8"))
    found = [
        Term(
            name,
            tuple(row.get("forms", ())),
            *row["where"].split("#", 1),
            row["says"],
            tuple(row.get("elsewhere", ())),
        )
        for name, row in rows.items()
    ]
    return tuple(sorted(found, key=lambda term: term.name.lower()))
