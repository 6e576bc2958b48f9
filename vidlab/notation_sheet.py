"""How the printed notation sheet is set: rows under the parts of the course, as high as their formulas, on A4."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from .course_map import part_of
from .figures.picture import INK, PALETTE, SOFT
from .notation import Row, rows

A4 = (8.27, 11.69)  # inches
LEFT, TOP, BOTTOM = 0.55, 0.5, 0.5
SIGN, SAYS, LESSON = LEFT, 3.85, 7.72  # where the columns begin; the last one ends there
PAD, HEAD = 0.075, 0.32  # between rows; the line with the name of a part
STYLE = {"mathtext.fontset": "dejavuserif", "pdf.fonttype": 42, "figure.constrained_layout.use": False}


def _blank() -> Figure:
    figure = Figure(figsize=A4, dpi=72, layout="none")
    FigureCanvasAgg(figure)
    return figure


def _put(figure: Figure, x: float, y: float, words: str, **style) -> Text:
    """Words at inches from the left and from the top."""
    return figure.text(x / A4[0], 1 - y / A4[1], words, **{"va": "center", "color": INK} | style)


def _size(figure: Figure, text: Text) -> tuple[float, float]:
    """Width and height in inches."""
    box = text.get_window_extent(figure.canvas.get_renderer())
    return float(box.width / figure.dpi), float(box.height / figure.dpi)


def _sign(figure: Figure, y: float, row: Row) -> Text:
    family = {"family": "monospace", "fontsize": 9.5} if row.code else {"fontsize": 11}
    text = _put(figure, SIGN, y, row.drawn, **family)
    wide = SAYS - SIGN - 0.15
    if _size(figure, text)[0] > wide:  # a long formula in smaller letters
        text.set_fontsize(text.get_fontsize() * wide / _size(figure, text)[0])
    return text


def wrap(words: str, fits) -> list[str]:
    """Words in lines that fit; a formula between two $ is never cut."""
    pieces = re.findall(r"(?:\$[^$]*\$|\S)+", words)
    lines = [pieces[0]]
    for piece in pieces[1:]:
        longer = f"{lines[-1]} {piece}"
        if fits(longer):
            lines[-1] = longer
        else:
            lines.append(piece)
    return lines


def _says(figure: Figure, y: float, row: Row) -> Text:
    def fits(line: str) -> bool:
        text.set_text(line)
        return _size(figure, text)[0] <= LESSON - SAYS - 0.3

    text = _put(figure, SAYS, y, "", fontsize=8.7, linespacing=1.2)
    text.set_text("\n".join(wrap(row.says.replace("`", ""), fits)))
    return text


def pages() -> Iterator[Figure]:
    """The pages of the sheet, one figure each."""
    with matplotlib.rc_context(STYLE):
        figure, y, part, number = None, 0.0, "", 0
        for row in rows():
            head = HEAD if part_of(row.lesson) != part else 0.0
            trial = _blank()
            high = max(_size(trial, put(trial, 1.0, row))[1] for put in (_sign, _says)) + PAD
            if figure is None or y + head + high > A4[1] - BOTTOM:
                if figure is not None:
                    yield figure
                number += 1
                figure, y = _page(number)
                head = HEAD
            if head:
                again = " (continued)" if part_of(row.lesson) == part else ""
                part = part_of(row.lesson)
                _put(figure, LEFT, y + 0.2, part + again, fontsize=11, weight="bold", color=PALETTE["blue"])
                y += head
            _sign(figure, y + high / 2, row)
            _says(figure, y + high / 2, row)
            _put(figure, LESSON, y + high / 2, row.lesson, fontsize=9, color=SOFT, ha="right")
            y += high
            _rule(figure, y)
        if figure is not None:
            yield figure


def _page(number: int) -> tuple[Figure, float]:
    """A page with its head, and where its rows begin."""
    figure = _blank()
    _put(figure, LEFT, TOP, "Notation" if number == 1 else "Notation, continued", fontsize=15, weight="bold")
    _put(figure, LESSON, TOP, "lesson", fontsize=9, color=SOFT, ha="right")
    foot = "vidlab · an interactive course in video understanding · text CC BY 4.0"
    _put(figure, LEFT, A4[1] - 0.35, foot, fontsize=7.5, color=SOFT)
    _put(figure, LESSON, A4[1] - 0.35, f"page {number}", fontsize=7.5, color=SOFT, ha="right")
    return figure, TOP + 0.2


def _rule(figure: Figure, y: float) -> None:
    """A thin line below a row."""
    at = 1 - y / A4[1]
    ends = [LEFT / A4[0], LESSON / A4[0]]
    figure.add_artist(Line2D(ends, [at, at], color="#D0D0D0", linewidth=0.5, transform=figure.transFigure))


def write(path: Path) -> int:
    """Write the sheet as PDF, the same bytes each time; returns the number of pages."""
    with matplotlib.rc_context(STYLE):
        about = {"Title": "Notation", "CreationDate": None, "Producer": None, "Creator": "vidlab.notation"}
        with PdfPages(path, metadata=about) as pdf:
            for figure in pages():
                pdf.savefig(figure)
            return pdf.get_pagecount()
