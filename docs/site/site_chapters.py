"""A lesson as a chapter: its notebook becomes one Markdown page, its pictures and figures become files beside it.

Every cell keeps its id as an anchor, so that `06_early_fusion.ipynb#cell-id=by-hand` finds the same cell here. A figure
that is live (`vidlab.live`) is a script of its own, which the page loads when the reader comes near: a chapter opens
as fast as its text.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import struct
from collections.abc import Callable
from pathlib import Path

import site_launch
from nbformat import NotebookNode

from vidlab import live

FENCE = "`" * 10
LINK = re.compile(r"```.*?```|(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)|`[^`\n]*`", re.S)
DETAILS = re.compile(r"<details>\s*<summary>(.*?)</summary>(.*?)</details>", re.S)
FIGURE = re.compile(
    r'<div class="vidlab" data-vidlab="(\w+)">.*?</div>\s*<style>(.*?)</style>\s*<script>(.*)</script>', re.S
)
HEADING = re.compile(r"(#+ .*?)(?:\n|$)(.*)", re.S)
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def title(nb: NotebookNode) -> str:
    """The heading that a lesson opens with."""
    return nb.cells[0].source.splitlines()[0].removeprefix("# ")


def linked(text: str, resolve: Callable[[str], str | None]) -> str:
    """Markdown whose links go where `resolve` says; where it says None, only the words of the link stay."""

    def one(found: re.Match) -> str:
        if found[2] is None:  # code holds no links
            return found[0]
        target = resolve(found[2])
        return found[1] if target is None else f"[{found[1]}]({target})"

    return LINK.sub(one, text)


def unfolded(text: str) -> str:
    """Hints with blank lines inside, so that what they hold is read as Markdown."""
    return DETAILS.sub(
        lambda found: f"<details><summary>{found[1]}</summary>\n\n{found[2].strip()}\n\n</details>\n", text
    )


def anchor(cell: NotebookNode) -> str:
    """Where links to a text cell arrive."""
    return f'<div class="cell-anchor" id="cell-id={cell.id}"></div>'


def raw(page: str) -> str:
    """HTML that goes into the page as it is."""
    return f"{FENCE}{{raw}} html\n{page}\n{FENCE}"


class Chapter:
    """One lesson on its way: `markdown()` gives the page, and writes its pictures and figures below `extra`."""

    def __init__(self, nb: NotebookNode, name: str, extra: Path, resolve, repository: str) -> None:
        self.nb, self.name, self.resolve, self.repository = nb, name, resolve, repository
        self.folder = extra / "figures" / name
        self.kept: set[str] = set()
        self.live = 0

    def markdown(self) -> str:
        """The page as Markdown of MyST."""
        parts = []
        for cell in self.nb.cells:
            parts.append(self._text(cell) if cell.cell_type == "markdown" else self._code(cell))
        for file in self.folder.glob("*") if self.folder.exists() else ():
            if file.name not in self.kept:
                file.unlink()
        return "\n\n".join(parts) + "\n"

    def _text(self, cell: NotebookNode) -> str:
        text = linked(unfolded(cell.source), self.resolve)
        heading = HEADING.match(text)
        text = f"{heading[1]}\n\n{anchor(cell)}\n\n{heading[2]}" if heading else f"{anchor(cell)}\n\n{text}"
        if cell is self.nb.cells[0]:
            text += "\n\n" + raw(site_launch.buttons(self.name, self.repository))
        return text

    def _code(self, cell: NotebookNode) -> str:
        claims = [tag.removeprefix("claim:") for tag in cell.metadata.get("tags", []) if tag.startswith("claim:")]
        proves = ", ".join(f'<a href="../reference/claims.html#{claim}">{claim}</a>' for claim in claims)
        parts = [raw(f'<div class="cell" id="cell-id={cell.id}">')]
        if cell.source.strip():
            parts.append(f"{FENCE}{{code-block}} python\n{cell.source}\n{FENCE}")
        if proves:
            parts.append(raw(f'<p class="proves">This cell proves {proves}.</p>'))
        for number, output in enumerate(cell.get("outputs", [])):
            parts.append(self._output(output, f"{cell.id}-{number}" if number else cell.id))
        return "\n\n".join([*filter(None, parts), raw("</div>")])

    def _output(self, output: NotebookNode, name: str) -> str:
        if output.output_type == "stream":
            return self._words(output.text)
        if output.output_type == "error":
            return self._words("\n".join(output.traceback))
        data = output.data
        said = "".join(data.get("text/plain", ""))
        page = live.page(output) or "".join(data.get("text/html", ""))
        if "image/png" in data:
            return self._picture(base64.b64decode("".join(data["image/png"])), said, page, name)
        if "text/markdown" in data:
            return linked("".join(data["text/markdown"]), self.resolve)
        if "text/latex" in data:
            return "".join(data["text/latex"]).replace("$\\displaystyle", "$").replace("$", "$$")
        if page:
            return raw(f'<div class="output page">{page}</div>')
        return self._words(said)

    def _words(self, text: str) -> str:
        return raw(f'<pre class="output">{html.escape(ANSI.sub("", text).rstrip())}</pre>') if text.strip() else ""

    def _picture(self, png: bytes, said: str, page: str, name: str) -> str:
        width, height = struct.unpack(">II", png[16:24])
        self._write(f"{name}.png", png)
        where = f"../figures/{self.name}/{name}"
        image = f'<img alt="{html.escape(said)}" src="{where}.png" width="{width}" height="{height}" loading="lazy"'
        figure = FIGURE.search(page)
        if not figure:
            return raw(f'<div class="output picture">{image}></div>')
        key, style, script = figure.groups()
        mark = hashlib.sha256(style.encode()).hexdigest()[:12]
        dressed = (
            f"if (!document.getElementById('style-{mark}')) document.head.append(Object.assign("
            f"document.createElement('style'), {{ id: 'style-{mark}', textContent: {json.dumps(style)} }}));\n"
        )
        self._write(f"{name}.js", (dressed + script).encode())
        self.live += 1
        poster = f'{image} class="poster">'
        return raw(f'<div class="output vidlab" data-vidlab="{key}" data-live="{where}.js">{poster}</div>')

    def _write(self, name: str, data: bytes) -> None:
        self.kept.add(name)
        self.folder.mkdir(parents=True, exist_ok=True)
        write(self.folder / name, data)


def write(path: Path, data: bytes | str) -> bool:
    """Write a file only if it changes: what is unchanged is not built again."""
    data = data.encode("utf-8") if isinstance(data, str) else data
    if path.exists() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return True
