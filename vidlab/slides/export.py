"""One folder for one lesson: `index.html` and `lib/`, opened by a double click, on any machine, with no network."""

from __future__ import annotations

import html as escaping
import shutil
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

from . import vendor
from .lecture import Lecture
from .plan import deck

HERE = Path(__file__).resolve().parent
OWN = ("deck.css", "deck.js")
WIDGET = '<div class="vidlab"'


def waiting(html: str) -> str:
    """A live figure that starts when its slide is shown (deck.js makes its script run), and not before.

    On a hidden slide it would measure itself as nothing wide; and sixteen of them at once would take seconds.
    """
    return html.replace("<script>", '<script type="text/x-widget">') if WIDGET in html else html


def render(nb: NotebookNode) -> str:
    """The page of a notebook made by `plan.deck`."""
    exporter = SlidesExporter(extra_template_basedirs=[str(HERE)], template_name="deck")
    exporter.register_filter("waiting", waiting)
    colours = HtmlFormatter(style="default").get_style_defs(".highlight")
    page, _ = exporter.from_notebook_node(nb, resources={"colours": colours})
    return page


def export(nb: NotebookNode, lecture: Lecture, html: dict[str, list[str]], target: Path, short: bool = False) -> Path:
    """Write the deck of a lesson into the folder `target`, in place of what was there; returns its page."""
    page = render(deck(nb, lecture, html, short))
    shutil.rmtree(target, ignore_errors=True)
    vendor.copy(target / "lib")
    for name in OWN:
        shutil.copyfile(HERE / "deck" / name, target / "lib" / name)
    (target / "index.html").write_text(page, encoding="utf-8")
    return target / "index.html"


def contents(folder: Path, rows: list[tuple[str, str, str]]) -> Path:
    """The page that lists the decks; a row is (folder, title, what to know of it)."""
    items = "".join(
        f'<li><a href="{name}/index.html">{escaping.escape(title)}</a> <span>{escaping.escape(words)}</span></li>\n'
        for name, title, words in rows
    )
    style = (
        "body{font:18px/1.6 system-ui,sans-serif;max-width:46em;margin:2em auto;padding:0 1em;color:#212121}"
        "ul{padding:0;list-style:none}span{color:#5a5a5a}a{color:#005a9c}"
    )
    text = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Lectures</title>'
        f'<meta name="viewport" content="width=device-width"><style>{style}</style></head>\n'
        f"<body><main><h1>Lectures</h1>\n<p>Keys: space or → goes on, S opens the speaker's view, F fills the screen, "
        f"? lists the rest.</p>\n<ul>\n{items}</ul></main></body></html>\n"
    )
    path = folder / "index.html"
    path.write_text(text, encoding="utf-8")
    return path


def load(path: Path) -> NotebookNode:
    """A saved lesson."""
    return nbformat.read(path, as_version=4)
