"""reveal.js, its font and MathJax: what the slides need beside the lesson, so that they run from a USB stick.

Both are taken out of wheels on PyPI, which every reader can reach who could install the course; no Node is needed.
They are fetched once, checked, and kept in the user's cache. The font travels too: a slide whose text fits with one
font does not with another.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from .. import download
from ..catalogue import cache
from ..errors import DataError


@dataclass(frozen=True)
class Part:
    """Some files of one wheel: {name here: path inside the wheel}, and whose they are."""

    source: str
    version: str
    sha256: str
    credit: str
    files: dict[str, str]


FONT = "sphinx_revealjs/_static/revealjs/dist/theme/fonts/source-sans-pro"
FACES = ("regular", "italic", "semibold", "semibolditalic")
PARTS = (
    Part(
        "sphinx-revealjs",
        "3.2.1",
        "805bed3ca459346e0f01967d5ed1c40d6b7b917de1541e1e4566c8341fe7017b",
        "reveal.js 5.2 (Hakim El Hattab), MIT; Source Sans Pro (Adobe), SIL Open Font License 1.1",
        {
            "reveal.js": "sphinx_revealjs/_static/revealjs/dist/reveal.js",
            "reveal.css": "sphinx_revealjs/_static/revealjs/dist/reveal.css",
            "notes.js": "sphinx_revealjs/_static/revealjs/plugin/notes/notes.js",
            "zoom.js": "sphinx_revealjs/_static/revealjs/plugin/zoom/zoom.js",
            "LICENSE-reveal.js.txt": "sphinx_revealjs/_static/revealjs/LICENSE",
            "LICENSE-source-sans-pro.txt": f"{FONT}/LICENSE",
            **{f"source-sans-pro-{face}.woff": f"{FONT}/source-sans-pro-{face}.woff" for face in FACES},
        },
    ),
    Part(
        "django-static-mathjax",
        "3.2.2.1",
        "05ad109fd9e5d9d380c76389689b7f523e9ccb7f7a85c1eb962c7564eac7601d",
        "MathJax 3.2.2 (The MathJax Consortium), Apache License 2.0",
        {
            "tex-svg.js": "mathjax/static/mathjax/es5/tex-svg.js",  # one file, glyphs in it: no fonts to find
            "LICENSE-mathjax.txt": "mathjax/static/mathjax/LICENSE",
        },
    ),
)


def folder(part: Part) -> Path:
    """Where the files of a part lie, fetched on first use and checked against its SHA-256.

    Raises:
        DataError: no network, or the wheel is not the one that is named here.
    """
    place = cache() / "slides" / f"{part.source}-{part.version}"
    if all((place / name).is_file() for name in part.files):
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as work:
        wheel = download.wheel(part.source, part.version, Path(work))
        if (found := download.sha256(wheel)) != part.sha256:
            raise DataError(f"the wheel {wheel.name} has the SHA-256 {found}", wanted=part.sha256)
        whole = Path(work) / "whole"
        whole.mkdir()
        with zipfile.ZipFile(wheel) as archive:
            for name, member in part.files.items():
                (whole / name).write_bytes(archive.read(member))
        shutil.rmtree(place, ignore_errors=True)  # half of an older one
        try:
            os.replace(whole, place)
        except OSError:  # another process was first
            if not place.is_dir():
                raise
    return place


def copy(target: Path) -> None:
    """Put all of it into a folder, with a note of whose it is."""
    target.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        for name in part.files:
            shutil.copyfile(folder(part) / name, target / name)
    # Its own buttons only: figures have controls too, and this file would hide their buttons.
    sheet = target / "reveal.css"
    sheet.write_text(
        sheet.read_text(encoding="utf-8").replace(".reveal .controls", ".reveal>.controls"), encoding="utf-8"
    )
    credits = "".join(f"{part.credit}. From the wheel {part.source} {part.version}.\n" for part in PARTS)
    (target / "CREDITS.txt").write_text(credits, encoding="utf-8")
