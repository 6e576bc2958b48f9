"""The frame of every widget: one hand-written ES module and its style, delivered in two ways.

By default a widget is a piece of HTML that carries everything it needs: poster, style, script and state. It is live in
JupyterLab, in exported pages and slides, with no kernel and no network. `live()` gives the same module to anywidget,
when Python wants to read a value back or set it.
"""

from __future__ import annotations

import hashlib
import html
import io
import json
import re
from pathlib import Path
from typing import ClassVar

from PIL import Image

from ..errors import ShapeError
from .picture import png
from .sprite import data_url

HERE = Path(__file__).parent

# The model of anywidget in three lines: enough for a figure that nobody but the reader talks to.
PAGE_MODEL = """\
const model = (state) => ({
  get: (key) => state[key], set: (key, value) => { state[key] = value; }, on() {}, off() {}, save_changes() {},
});"""


class Widget:
    """A figure to touch. A subclass names its `script` and gives `state()`, `poster_image()` and `alt`.

    Displayed, it gives text/html (live), image/png (the poster, for pages that run no script) and text/plain (the
    alternative text). The same arguments give the same bytes.
    """

    script: ClassVar[str]
    alt: str

    def state(self) -> dict:
        """What the script reads with `model.get(...)`: JSON values only."""
        raise NotImplementedError

    def poster_image(self) -> Image.Image:
        """A picture of the first view, for readers who cannot run the script."""
        raise NotImplementedError

    def poster(self) -> bytes:
        """The poster as PNG."""
        return png(self.poster_image())

    def html(self) -> str:
        """The live figure, self-contained. Several copies of it may stand on one page."""
        state = _json({**self.state(), "alt": self.alt})
        script, style = module(self.script, exports=False), self._style()
        key = hashlib.sha256((script + style + state).encode()).hexdigest()[:12]
        return (
            f'<div class="vidlab" data-vidlab="{key}">'
            f'<img class="poster" alt="{html.escape(self.alt)}" src="{data_url(self._small_poster(), "webp")}"></div>\n'
            f"<style>\n{style}</style>\n"
            f"<script>\n(() => {{\n{script}\n{PAGE_MODEL}\n"
            f"const state = {state};\n"
            f"for (const el of document.querySelectorAll('[data-vidlab=\"{key}\"]:not([data-claimed])')) {{\n"
            f'  el.dataset.claimed = "";\n  render({{ model: model({{ ...state }}), el }});\n}}\n}})();\n</script>\n'
        )

    def live(self):
        """The same figure as an anywidget: every value of its state is a trait, synchronised both ways."""
        import anywidget
        import traitlets

        state = {**self.state(), "alt": self.alt}
        traits = {name: traitlets.Any(value).tag(sync=True) for name, value in state.items()}
        code = {"_esm": module(self.script), "_css": self._style()}
        return type(type(self).__name__, (anywidget.AnyWidget,), code | traits)()

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {"text/html": self.html(), "image/png": self.poster(), "text/plain": self.alt}

    def _style(self) -> str:
        return _read("kit.css") + _read(self.script.replace(".js", ".css"))

    def _small_poster(self) -> bytes:
        out = io.BytesIO()
        self.poster_image().convert("RGB").save(out, "WEBP", quality=70, method=4)
        return out.getvalue()


def module(script: str, *, exports: bool = True) -> str:
    """A widget's own file after all that it imports, as one module; without exports, the body of a classic script."""
    parts = []
    for name in scripts(script):
        part = re.sub(r"^import .*\n", "", _read(name), flags=re.MULTILINE)
        if name != script:
            part = re.sub(r"^export ", "", part, flags=re.MULTILINE)
        elif not exports:
            part = re.sub(r"^export default .*\n", "", part, flags=re.MULTILINE)
        parts.append(part)
    return "\n".join(parts)


def scripts(script: str) -> list[str]:
    """The files that a script is made of: what it imports from beside it, each once and before who needs it; itself."""
    found = {}
    for name in re.findall(r'^import .* from "\./(.*)";$', _read(script), re.MULTILINE):
        found.update(dict.fromkeys(scripts(name)))
    return [*found, script]


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _json(state: dict) -> str:
    """JSON that may stand inside a script element: no title can close it."""
    return json.dumps(state, ensure_ascii=False).replace("<", "\\u003c")


def caption(title: str, reductions: list[str]) -> str:
    """The title, and what the page had to leave out."""
    shown = f"Shown with {', '.join(reductions)}." if reductions else ""
    return ". ".join(part for part in (title, shown) if part)


def inside(name: str, value: int | None, size: int, default: int) -> int:
    """A place in the clip that the caller gave, or the default; ShapeError where it lies outside."""
    if value is None:
        return min(default, size - 1)
    if not 0 <= value < size:
        raise ShapeError(f"{name} = {value}", wanted=f"0 ≤ {name} < {size}, a place inside the clip")
    return int(value)
