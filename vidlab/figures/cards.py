"""The poster of a card with words: a question and its answers, for pages that run no script."""

from __future__ import annotations

import io
import textwrap
from dataclasses import dataclass

from matplotlib.figure import Figure
from PIL import Image

from .picture import INK, PAPER, SOFT

WIDE, LINE = 9.0, 0.27  # inches: of the card, and from line to line
LETTERS = 92  # in a line


@dataclass(frozen=True)
class Card:
    """A heading, a question, and lines below it."""

    heading: str
    asks: str
    lines: list[str]


def poster(card: Card, note: str) -> Image.Image:
    """The card as a picture, as high as its words need."""
    rows: list[tuple[str, dict]] = [(card.heading, {"fontsize": 15, "weight": "bold", "color": INK}), ("", {})]
    rows += [(line, {"fontsize": 12.5, "color": INK}) for line in textwrap.wrap(card.asks, LETTERS)]
    rows += [("", {})]
    for line in card.lines:
        rows += [
            (part, {"fontsize": 12, "color": INK}) for part in textwrap.wrap(line, LETTERS, subsequent_indent="     ")
        ]
    rows += [("", {})] + [(part, {"fontsize": 11, "color": SOFT}) for part in textwrap.wrap(note, LETTERS + 8)]
    high = LINE * len(rows) + 0.4
    figure = Figure(figsize=(WIDE, high), dpi=90, facecolor=PAPER, layout="none")
    for k, (words, style) in enumerate(rows):
        figure.text(0.03, 1 - (0.2 + LINE * k) / high, words, va="top", parse_math=False, **style)
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return Image.open(out).convert("RGB").quantize(4)  # words in greys: half as large, and notebooks have to stay small
