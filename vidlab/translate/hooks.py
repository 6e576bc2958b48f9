"""Where words are shown, and where they are therefore said in the language: one hook for each way to show something.

matplotlib's texts, Pillow's texts, `print`, what a notebook displays (text and html), tables (`page.Page`), progress
bars, and the scripts of the figures, which bring the catalogue along to the page (`speak.js`). `remove()` undoes it.
"""

from __future__ import annotations

import builtins
import html
import json
import logging
import re
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .fonts import Face, pillow
from .words import Words

TAGS = re.compile(r"(?P<script><(?P<kind>script|style)\b.*?</(?P=kind)>)|(?P<tag><[^>]*>)|(?P<text>[^<]+)", re.DOTALL)
SPOKEN = re.compile(r'\b(alt|title|aria-label)="([^"]*)"')  # attributes that are read aloud or shown
_undo: list[Callable[[], None]] = []


def install(words: Words, face: Face | None) -> None:
    """Say all that is shown; without a font for the language, pictures stay as they are."""
    _print(words)
    _display(words)
    _tables(words)
    _bars(words)
    _figures(words)
    if face is not None:
        _matplotlib(words, face)
        _pillow(words, face)


def remove() -> None:
    """All as it was before."""
    while _undo:
        _undo.pop()()


def _replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put `make(what was there)` in its place, and note how to undo it."""
    own, before = name in vars(owner), getattr(owner, name)
    setattr(owner, name, make(before))
    _undo.append(lambda: setattr(owner, name, before) if own else delattr(owner, name))


def _print(words: Words) -> None:
    def make(before):
        def print(*values, sep=" ", end="\n", file=None, flush=False):
            if file in (None, sys.stdout):
                values = ("\n".join(map(words.say, (sep or " ").join(words.say(str(v)) for v in values).split("\n"))),)
            before(*values, sep=sep, end=end, file=file, flush=flush)

        return print

    _replace(builtins, "print", make)


def _display(words: Words) -> None:
    """What a cell displays; only where there is a notebook."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    if not shell:
        return

    def make(before):
        def format(*arguments, **options):
            data, metadata = before(*arguments, **options)
            for kind, say in (("text/plain", plain), ("text/html", page)):
                if isinstance(data.get(kind), str):
                    data[kind] = say(words, data[kind])
            return data, metadata

        return format

    _replace(shell.display_formatter, "format", make)


def plain(words: Words, text: str) -> str:
    """A displayed text: as a whole, or line by line."""
    said = words.say(text)
    return said if said != text else "\n".join(map(words.say, text.split("\n")))


def page(words: Words, text: str) -> str:
    """The same for html: what stands between the tags, and what is read aloud; scripts say their words themselves."""

    def say(found: re.Match) -> str:
        if found["tag"]:
            quoted = lambda a: f'{a[1]}="{html.escape(words.say(html.unescape(a[2])))}"'  # noqa: E731
            return SPOKEN.sub(quoted, found["tag"])
        return html.escape(plain(words, html.unescape(found["text"])), quote=False) if found["text"] else found[0]

    return TAGS.sub(say, text)


def _tables(words: Words) -> None:
    from ..page import Page

    class Said(Page):
        """A table whose cells are said."""

        def __init__(self, page: Page) -> None:
            self.page, self.words = page, page.words

        def _page(self):
            title, head, rows, notes = self.page._page()
            some = lambda texts: [words.say(text) for text in texts]  # noqa: E731
            return words.say(title), some(head), [some(row) for row in rows], some(notes)

    def as_text(page: Page) -> str:
        """As `Page.__repr__`, for signs that are two letters wide."""
        title, head, rows, notes = Said(page)._page()
        widths = [max(map(width, column)) for column in zip(head, *rows, strict=True)]
        lines = []
        for row in (head, *rows):
            gaps = [" " * (wide - width(cell)) for wide, cell in zip(widths, row, strict=True)]
            cells = [c + g if k < page.words else g + c for k, (c, g) in enumerate(zip(row, gaps, strict=True))]
            lines.append("  ".join(cells).rstrip())
        return "\n".join([title, "", *lines, "", *notes])

    _replace(Page, "__repr__", lambda before: as_text)
    _replace(Page, "_repr_html_", lambda before: lambda page: before(Said(page)))


def width(text: str) -> int:
    """How many columns a text takes in a font of equal letters."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _bars(words: Words) -> None:
    from tqdm import std

    def make(before):
        def start(bar, *arguments, desc=None, bar_format=None, **options):
            looks = bar_format and words.exactly(bar_format)  # it holds names in braces
            before(bar, *arguments, desc=desc and words.say(desc), bar_format=looks, **options)

        return start

    _replace(std.tqdm, "__init__", make)


def _figures(words: Words) -> None:
    """The scripts of the figures bring the catalogue along; `mount` in kit.js begins to speak."""
    from ..figures import frame

    _replace(frame, "module", lambda before: lambda *names, **options: script(words) + before(*names, **options))


def script(words: Words) -> str:
    """`speak.js` with the catalogue."""
    known = {"pairs": words.pairs, "joints": words.joints, "lang": words.about.get("html", "")}
    data = json.dumps(known, ensure_ascii=False).replace("<", "\\u003c")
    return f"const CATALOGUE = {data};\n" + Path(__file__).with_name("speak.js").read_text(encoding="utf-8")


def _matplotlib(words: Words, face: Face) -> None:
    import matplotlib
    from matplotlib.text import Text

    before = list(matplotlib.rcParams["font.family"])
    matplotlib.rcParams["font.family"] = [*before, face.family]  # sign by sign: the second has what the first lacks
    _undo.append(lambda: matplotlib.rcParams.__setitem__("font.family", before))
    if face.bold is None:  # bold titles in its plain face: matplotlib need not say so under every figure
        log = logging.getLogger("matplotlib.font_manager")
        log.addFilter(_no_weight)
        _undo.append(lambda: log.removeFilter(_no_weight))
    _replace(Text, "set_text", lambda old: lambda text, s: old(text, words.say(s) if isinstance(s, str) else s))


def _no_weight(record: logging.LogRecord) -> bool:
    return "Failed to find font weight" not in record.getMessage()


def _pillow(words: Words, face: Face) -> None:
    from PIL import ImageDraw, ImageFont

    def fitting(font, text: str):
        """The given font, or that of the language in the same size where it is needed."""
        if text.isascii() or font is None or not any(ord(sign) > 0x2E7F for sign in text):
            return font
        return pillow(face, font.size, "Bold" in (font.getname()[1] or ""))

    def drawing(before):
        def text(draw, xy, text, fill=None, font=None, *arguments, **options):
            said = words.say(text) if isinstance(text, str) else text
            font = fitting(font, said) if isinstance(said, str) else font
            return before(draw, xy, said, fill, font, *arguments, **options)

        return text

    def measuring(before):
        def getlength(font, text, *arguments, **options):
            said = words.say(text) if isinstance(text, str) else text
            return before(fitting(font, said) if isinstance(said, str) else font, said, *arguments, **options)

        return getlength

    _replace(ImageDraw.ImageDraw, "text", drawing)
    _replace(ImageFont.FreeTypeFont, "getlength", measuring)
