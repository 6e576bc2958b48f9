"""A text cell as blocks to translate, one sentence group each: a heading, a paragraph, a list item, a cell of a table.

What is no text stays outside: the signs of Markdown at the front of a line, fences of code, formulas on lines of their
own, HTML tags around. `rebuild` puts the pieces together again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .words import WORD

FRONT = re.compile(r"\s*(?:#{1,6} +|[-*+] +|\d+[.)] +|> +)*")
TAG = re.compile(r"(</?(?:details|summary|br|p|div|kbd|sub|sup)\b[^>]*>)")
FENCE = re.compile(r"^\s*(```|~~~)")
RULE = re.compile(r"^[\s|:-]+$")
MATH = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`[^`\n]+`")


@dataclass(frozen=True)
class Block:
    """A piece of text to translate."""

    text: str


def blocks(markdown: str) -> list[str | Block]:
    """The pieces of a text cell in order: texts to translate, and what stands between them.

    >>> blocks("## A title\\n\\n- one, $x$\\n- two")
    ['## ', Block(text='A title'), '\\n\\n- ', Block(text='one, $x$'), '\\n- ', Block(text='two')]
    """
    pieces: list[str | Block] = []
    fence, formula, open_paragraph = "", False, False
    for number, line in enumerate(markdown.split("\n")):
        ends = "\n" if number else ""
        mark = FENCE.match(line)
        if mark or fence:
            fence = "" if mark and mark[1] == fence else fence or mark[1]
            pieces.append(ends + line)
            open_paragraph = False
            continue
        formula_line = formula or line.strip().startswith("$$")
        if formula_line:
            formula ^= line.count("$$") % 2 == 1
        if formula_line or not line.strip() or RULE.match(line):
            pieces.append(ends + line)
            open_paragraph = False
            continue
        front = FRONT.match(line)[0]
        cells = re.split(r"(?<!\\)(\|)", line) if line.lstrip().startswith("|") else None
        if open_paragraph and not front.strip() and not cells and isinstance(pieces[-1], Block):
            pieces[-1] = Block(pieces[-1].text + "\n" + line)  # a paragraph of several lines is one block
            continue
        pieces.append(ends + ("" if cells else front))
        for part in cells or TAG.split(line[len(front) :]):
            pieces += _piece(part)
        open_paragraph = not cells
    return _joined(pieces)


def _piece(part: str) -> list[str | Block]:
    core = part.strip()
    if not core or TAG.fullmatch(core) or not WORD.search(MATH.sub("", core)):
        return [part]
    start = part.index(core)
    return [part[:start], Block(core), part[start + len(core) :]]


def _joined(pieces: list[str | Block]) -> list[str | Block]:
    """Fixed pieces that follow one another as one."""
    joined: list[str | Block] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        elif piece:
            joined.append(piece)
    return joined


def rebuild(pieces: list[str | Block], say: Callable[[str], str]) -> str:
    """The text cell again, each block said."""
    return "".join(piece if isinstance(piece, str) else say(piece.text) for piece in pieces)


def fixed_parts(text: str) -> dict[str, list[str]]:
    """What a translation must leave as it is: code, formulas, targets of links, places of a form."""
    return {
        "code": sorted(CODE.findall(text)),
        "formulas": sorted(MATH.findall(CODE.sub("", text))),
        "links": sorted(LINK.findall(text)),
        "places": sorted(set(re.findall(r"\{\d+\}", text))),
    }
