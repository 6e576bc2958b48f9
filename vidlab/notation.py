"""The notation of the course on two printed pages: `python -m vidlab.notation out.pdf`.

One table, `data/notation.toml`, holds signs, shapes and formulas with the lesson that introduces each. Here it is read,
set by matplotlib's own formula setter, which needs no LaTeX and no network, and given to a site as Markdown.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .catalogue import tomllib
from .course_map import PARTS, lessons, part_of
from .errors import DataError

FILE = Path(__file__).resolve().parents[1] / "data" / "notation.toml"
SUM = re.compile(r"\\(?:sum|prod)(?:[_^](?:\w|\{(?:[^{}]|\{[^{}]*\})*\}))*")  # with its limits


@dataclass(frozen=True)
class Row:
    """A formula (`latex`) or a shape (`code`), what it says, and the lesson where it first stands."""

    says: str
    lesson: str
    latex: str = ""
    code: str = ""

    @property
    def source(self) -> str:
        """As the lesson writes it."""
        return self.latex or self.code

    @property
    def drawn(self) -> str:
        """As matplotlib sets it: formulas in its own dialect, shapes in typewriter letters."""
        return f"${mathtext(self.latex)}$" if self.latex else self.code


@cache
def rows(path: Path = FILE) -> tuple[Row, ...]:
    """The table, in the order of the lessons.

    Raises:
        DataError: it cannot be read, or a row is not what its head describes.
    """
    try:
        found = tuple(Row(**row) for row in tomllib.loads(path.read_text(encoding="utf-8"))["row"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path.name} cannot be used ({error})", wanted="rows as its head describes") from None
    for row in found:
        if bool(row.latex) == bool(row.code):
            raise DataError(f"{path.name}: {row}", wanted="either latex or code")
    return found


def mathtext(latex: str) -> str:
    r"""LaTeX as the lessons write it -> the dialect that matplotlib knows.

    >>> mathtext(r"\tfrac12\, \text{softmax}")
    '\\frac{1}{2}\\, \\mathrm{softmax}'
    """
    latex = re.sub(r"\\frac(?=\{)", r"\\dfrac", latex)  # as large as in a displayed formula
    latex = re.sub(r"\\tfrac(\d)(\d)", r"\\frac{\1}{\2}", latex)
    latex = re.sub(r"_\\text(\{\w+\})", r"_{\\mathrm\1}", latex).replace(r"\text{", r"\mathrm{")
    latex = re.sub(r"\\mathrm\{(\w+) \}", r"\\mathrm{\1}\\ ", latex)  # a blank at its end would be lost
    latex = re.sub(r"\\le(?![a-z])", r"\\leq", latex)
    latex = SUM.sub(r"\\,\g<0>\\,", latex)  # or its limits touch what stands beside it
    latex = re.sub(r"\\sqrt (\w)", r"\\sqrt{\1}", latex)
    return latex.replace(r"\big", "").replace(r"\!", "")


def markdown() -> str:
    """The table for a page of the docs or the site, part by part; formulas stay LaTeX."""
    course, lines = lessons(), ["# Notation"]
    for part in PARTS:
        lines += ["", f"## {part}", "", "| sign | read it as | lesson |", "|---|---|---|"]
        for row in rows():
            if part_of(row.lesson) == part:
                sign = f"`{row.code}`" if row.code else "$" + row.latex.replace("|", r"\vert ") + "$"
                says = row.says.replace("|", r"\vert ")
                lines.append(f"| {sign} | {says} | {row.lesson} {course[row.lesson].title} |")
    return "\n".join(lines).replace(r"\\vert", r"\Vert") + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the sheet; 0 if it lies there."""
    parser = argparse.ArgumentParser(prog="python -m vidlab.notation", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, help="the PDF to write, two pages of A4")
    path = parser.parse_args(argv).file
    from .notation_sheet import write

    try:
        print(f"written: {path}, {write(path)} pages")
    except OSError as error:
        print(f"{path} cannot be written ({error.strerror})", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
