"""Still pictures: matplotlib figures, images and film strips with an alternative text, readable on both themes."""

from __future__ import annotations

import html
import io
from functools import cache
from pathlib import Path

import matplotlib
import matplotlib.figure
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from ..errors import ShapeError
from .sprite import as_frames, data_url

# Okabe & Ito (2008), "Color universal design": told apart with every kind of colour vision; black text stays readable.
PALETTE = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "red": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "grey": "#6B6B6B",
}
PAPER, INK, SOFT = "#FFFFFF", "#212121", "#5A5A5A"
STYLE = {
    "figure.figsize": (8.0, 3.2),
    "figure.dpi": 110,
    "figure.facecolor": PAPER,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.constrained_layout.h_pad": 0.1,
    "axes.facecolor": PAPER,
    "axes.edgecolor": SOFT,
    "axes.prop_cycle": matplotlib.cycler(color=list(PALETTE.values())),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 14,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 12,
    "axes.grid": False,
    "font.size": 12,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "legend.frameon": False,
    "lines.linewidth": 2.2,
    "image.cmap": "viridis",
    "image.interpolation": "nearest",
    "svg.hashsalt": "vidlab",
}


def style() -> None:
    """Set matplotlib's defaults: an opaque white card, a colour-blind-safe cycle, sizes that a back row can read."""
    matplotlib.rcParams.update(STYLE)


class Picture:
    """A still and its alternative text: text/html (`<img alt>`; JupyterLab gives a PNG none), image/png, text/plain."""

    def __init__(self, data: bytes, alt: str, width: int | None = None) -> None:
        self.data, self.alt, self.width = data, alt, width

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        size = f"width:{self.width}px;" if self.width else ""
        look = f"{size}max-width:100%;height:auto;border-radius:8px;background:#fff"
        img = f'<img alt="{html.escape(self.alt)}" style="{look}" src="{data_url(self.data, "png")}">'
        return {"text/html": img, "image/png": self.data, "text/plain": self.alt}

    def __repr__(self) -> str:
        return self.alt


def show(picture, alt: str, *, width: int | None = None, smooth: bool = False) -> Picture:
    """A still picture that says in words what it shows.

    Args:
        picture: a matplotlib figure (it is closed), an image tensor `c h w` or `h w` (uint8, or float in [0, 1]), or a
            PIL image.
        alt: the alternative text, computed from the data where it can be.
        width: width on the page in CSS pixels; by default the figure's own, and for a small image a whole multiple.
        smooth: for colours that blend into each other, as those of a flow: twice as many, and dithered.

    Raises:
        ShapeError: a tensor that is no image.
    """
    if isinstance(picture, matplotlib.figure.Figure):
        out = io.BytesIO()
        picture.savefig(out, format="png", dpi=1.6 * picture.dpi, metadata={"Software": None})  # sharp; no date
        _close(picture)
        wide = width or round(picture.get_figwidth() * picture.dpi)
        return Picture(png(Image.open(out).convert("RGB"), smooth=smooth), alt, wide)
    if not isinstance(picture, Image.Image):
        tensor = torch.as_tensor(picture)
        frames, _ = as_frames(tensor[None, None] if tensor.ndim == 2 else tensor[None])
        picture = Image.fromarray(frames[0])
    factor = max(1, 320 // picture.width)  # a 32-pixel image is shown as the squares it is made of
    large = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    return Picture(png(large.convert("RGB"), smooth=smooth), alt, width or large.width)


def filmstrip(clip, n: int = 6, *, times=None, title: str = "", alt: str | None = None) -> Picture:
    """`n` frames of a clip in one row, each with its time, or with its number if the clip has no frame rate.

    Args:
        clip: a Clip, or a tensor `t c h w`, which has no frame rate.
        n: how many frames, evenly spread from the first to the last.
        times: instead of `n`, the seconds at which to take the frames.
        title: what to see, printed above.
        alt: by default: how many frames of which size at which times.
    """
    frames, fps = as_frames(clip)
    timed, last = times is not None or hasattr(clip, "fps"), len(frames) - 1
    picks = np.linspace(0, last, min(n, last + 1)) if times is None else np.asarray(times, float) * fps + 1e-6
    index = np.clip(np.floor(picks + (0.5 if times is None else 0)), 0, last).astype(int)
    cell = 960 // len(index)
    height, top, gap = round(cell * frames.shape[1] / frames.shape[2]), 34 if title else 6, 4
    strip = Image.new("RGB", (len(index) * (cell + gap) + gap, top + height + 28), PAPER)
    draw = ImageDraw.Draw(strip)
    for k, i in enumerate(index):
        enlarge = Image.Resampling.NEAREST if frames.shape[2] * 2 <= cell else Image.Resampling.LANCZOS
        left = gap + k * (cell + gap)
        strip.paste(Image.fromarray(frames[i]).resize((cell, height), enlarge), (left, top))
        draw.text((left, top + height + 5), f"{i / fps:.2f} s" if timed else f"frame {i}", INK, font(15))
    if title:
        draw.text((gap, 6), title, INK, font(18, bold=True))
    at = ", ".join(f"{i / fps:.2f}" if timed else str(i) for i in index)
    size = f"{frames.shape[2]}×{frames.shape[1]} pixels"
    where = f"at {at} seconds" if timed else f"numbers {at}"
    words = alt or f"{title + ': ' if title else ''}{len(index)} frames of {size}, {where}."
    return Picture(png(strip), words, strip.width)


def grid(rows, columns=None, *, title: str = "", alt: str | None = None) -> Picture:
    """Pictures in rows with a name at the left, so that what belongs together stands one below the other.

    Args:
        rows: name → frames `n c h w`, of one size and equally many in each row; fewer leave their places empty.
        columns: a name above each column.
        title: what to see, printed above.
        alt: by default: the names of rows and columns.

    Raises:
        ShapeError: no rows, frames of different sizes, or names of another number than there are columns.
    """
    cells = {name: as_frames(frames)[0] for name, frames in rows.items()}
    sizes = {(each.shape[2], each.shape[1]) for each in cells.values()}
    n = max(map(len, cells.values()), default=0)
    columns = list(columns or [])
    if len(sizes) != 1 or len(columns) not in (0, n):
        came = f"{len(rows)} rows of sizes {sorted(sizes)}, {n} columns with {len(columns)} names"
        raise ShapeError(came, wanted="rows of frames of one size, and a name for each column or none")
    ((wide, high),) = sizes
    words, gap, top = font(15), 4, (34 if title else 6) + (22 if columns else 0)
    left = gap + round(max(words.getlength(name) for name in cells)) + 10
    cell = min(150, (960 - left) // n - gap)
    height = round(cell * high / wide)
    sheet = Image.new("RGB", (left + n * (cell + gap), top + len(cells) * (height + gap)), PAPER)
    draw = ImageDraw.Draw(sheet)
    enlarge = Image.Resampling.NEAREST if wide * 2 <= cell else Image.Resampling.LANCZOS
    for k, (name, frames) in enumerate(cells.items()):
        y = top + k * (height + gap)
        draw.text((gap, y + height / 2), name, INK, words, anchor="lm")
        for i, frame in enumerate(frames):
            sheet.paste(Image.fromarray(frame).resize((cell, height), enlarge), (left + i * (cell + gap), y))
    for i, name in enumerate(columns):
        draw.text((left + i * (cell + gap) + cell / 2, top - 6), name, INK, words, anchor="ms")
    if title:
        draw.text((gap, 6), title, INK, font(18, bold=True))
    where = f", {n} columns: {', '.join(columns)}" if columns else f" of {n} pictures"
    said = alt or f"{title + ': ' if title else ''}{len(cells)} rows ({'; '.join(cells)}){where}."
    return Picture(png(sheet), said, sheet.width)


def png(image: Image.Image, limit: int = 12_000, *, smooth: bool = False) -> bytes:
    """PNG without metadata; above `limit` bytes with 128 well-chosen colours, as notebooks have to stay small."""
    data = _png(image)
    if len(data) <= limit:
        return data
    image = image.convert("RGB")
    sample = image.resize((image.width // 3 + 1, image.height // 3 + 1), Image.Resampling.NEAREST)
    colours, dither = (256, Image.Dither.FLOYDSTEINBERG) if smooth else (128, Image.Dither.NONE)
    few = image.quantize(palette=sample.quantize(colours, Image.Quantize.MAXCOVERAGE, kmeans=2), dither=dither)
    few.putpalette([255 if level > 247 else level for level in few.getpalette()])  # paper stays white
    return _png(few)


@cache
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings along on every machine."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")), size)


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _close(figure) -> None:
    import matplotlib.pyplot as plt

    plt.close(figure)
