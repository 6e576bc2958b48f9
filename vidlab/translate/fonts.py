"""A font that has the signs of a language: taken from the system, for matplotlib and for Pillow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Face:
    """A font file, and which of its faces."""

    family: str
    file: str
    index: int
    bold: tuple[str, int] | None  # the same of its bold face, where there is one


def find(about: dict) -> Face | None:
    """The first family of the language's list that is installed here, or None."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    found = _among(fontManager.ttflist, about["fonts"])
    if found is None:  # the list may be older than the font
        known = {entry.fname for entry in fontManager.ttflist}
        for path in findSystemFonts():
            if path not in known:
                try:
                    fontManager.addfont(path)
                except (RuntimeError, OSError, ValueError):  # a file that is no font for matplotlib
                    continue
        found = _among(fontManager.ttflist, about["fonts"])
    return found


def _among(entries, families: list[str]) -> Face | None:
    for family in families:
        faces = [e for e in entries if e.name == family and e.style == "normal"]
        if not faces:
            continue
        weight = {"bold": 700, "regular": 400, "normal": 400}
        number = {id(e): e.weight if isinstance(e.weight, int) else weight.get(e.weight, 400) for e in faces}
        plain = min(faces, key=lambda e: abs(number[id(e)] - 400))
        bold = max(faces, key=lambda e: number[id(e)])
        thick = (bold.fname, getattr(bold, "index", 0)) if number[id(bold)] >= 600 else None
        return Face(family, plain.fname, getattr(plain, "index", 0), thick)
    return None


@lru_cache(200)
def pillow(face: Face, size: float, bold: bool):
    """The face for Pillow."""
    from PIL import ImageFont

    file, index = face.bold if bold and face.bold else (face.file, face.index)
    return ImageFont.truetype(file, size, index=index)
