"""A clip on one sheet: how a widget carries its frames into the browser.

All frames lie in a grid on one WebP image, which the browser decodes once. A small or synthetic clip goes lossless. A
filmed clip is mostly background, so its sheet holds each frame's difference from the temporal median, around mid-grey:
what stands still costs almost nothing (the idea of every video codec, without motion compensation). When even that is
too much, the frames are made smaller, and the figure's caption says so.
"""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from ..errors import ShapeError

TENSOR_FPS = 10.0  # a bare tensor does not know its rate; slow enough to follow a 16-frame clip by eye
MAX_FRAMES = 240
MAX_PIXELS = 16_000_000  # 64 MB once decoded
LOSSLESS_PIXELS = 1_500_000
CELL = 8  # cells are padded to whole chroma blocks, so that no frame bleeds into its neighbour
WEBP_LIMIT = 16383


@dataclass(frozen=True)
class Sprite:
    """Frames as the browser will show them, and the sheet that carries them.

    Attributes:
        frames: uint8 `t h w 3`, after any reduction.
        sheet: WebP of all frames (or of their differences from `base`), row by row in `columns` columns.
        base: WebP of the temporal median, or None where the sheet holds the frames themselves.
        step: how many frames of the clip one frame of the sheet stands for.
        source: (frames, height, width) of the clip before reduction.
        fps: frames per second of the clip before reduction.
    """

    frames: np.ndarray
    sheet: bytes
    base: bytes | None
    columns: int
    lossless: bool
    step: int
    source: tuple[int, int, int]
    fps: float

    @property
    def scale(self) -> float:
        """Pixels of the clip per pixel of the sheet."""
        return self.source[2] / self.frames.shape[2]

    @property
    def reductions(self) -> list[str]:
        """What the frames lost to fit into the page, for the caption."""
        (count, height, width), (total, full_height, full_width) = self.frames.shape[:3], self.source
        said = []
        if self.step > 1:
            said.append(f"{count} of {total} frames")
        if width < full_width:
            said.append(f"{width}×{height} of {full_width}×{full_height} pixels")
        if not self.lossless:
            said.append("lossy compression")
        return said

    def state(self) -> dict:
        """What the browser needs, ready for JSON."""
        count, height, width = self.frames.shape[:3]
        return {
            "sheet": data_url(self.sheet, "webp"),
            "base": data_url(self.base, "webp") if self.base else None,
            "columns": self.columns,
            "cell": [_padded(height), _padded(width)],
            "count": count,
            "height": height,
            "width": width,
            "step": self.step,
            "fps": self.fps,
            "source": list(self.source),
        }


def make_sprite(clip, *, fps: float | None = None, budget: int = 320_000, max_pixels: int = MAX_PIXELS) -> Sprite:
    """Lay a clip out on one WebP sheet of at most `budget` bytes.

    Args:
        clip: a `vidlab.clips.Clip`, or a tensor `t c h w` (uint8, or float in [0, 1]; 1 or 3 channels).
        fps: frames per second; by default the clip's own, and 10 for a bare tensor.
        budget: bytes that sheet and base may have together.
        max_pixels: pixels of all frames together (the browser holds 4 bytes for each).

    Raises:
        ShapeError: not one clip of frames, or values outside [0, 1].
    """
    full, fps = as_frames(clip, fps)
    step = math.ceil(len(full) / MAX_FRAMES)
    kept = full[::step]
    make = lambda *parts: Sprite(*parts, step=step, source=full.shape[:3], fps=fps)  # noqa: E731
    if kept.size / 3 <= LOSSLESS_PIXELS:
        sheet, columns = _sheet(kept)
        data = webp(sheet, lossless=True, quality=60)
        if len(data) <= budget:
            return make(kept, data, None, columns, True)

    sample = kept[:: math.ceil(len(kept) / 12)]  # twelve frames tell what the others will cost
    zoom = min(1.0, math.sqrt(max_pixels / (kept.size / 3)))
    for _ in range(2):
        zoom *= _fit(budget, _cost(_resized(sample, zoom), len(kept)))
    while True:
        frames = _resized(kept, zoom)
        sheet, base, columns = _lossy(frames)
        fit = _fit(budget, len(sheet) + len(base or b""))
        if fit == 1 or min(frames.shape[1:3]) <= 16:
            return make(frames, sheet, base, columns, False)
        zoom *= fit


def as_frames(clip, fps: float | None = None) -> tuple[np.ndarray, float]:
    """Any clip as uint8 `t h w 3` and its rate; errors say what came and what was wanted.

    >>> frames, fps = as_frames(torch.zeros(16, 1, 24, 32))
    >>> frames.shape, fps
    ((16, 24, 32, 3), 10.0)
    """
    fps = fps if fps is not None else getattr(clip, "fps", TENSOR_FPS)
    frames = torch.as_tensor(getattr(clip, "frames", clip)).detach().cpu()
    came, wanted = f"a clip of shape {tuple(frames.shape)}", "t c h w with c = 1 or 3"
    if frames.ndim == 5:
        raise ShapeError(came, wanted=wanted, mend="show one clip of the batch: clip[0]")
    if frames.ndim != 4 or frames.shape[1] not in (1, 3):
        channels_last = frames.ndim == 4 and frames.shape[-1] in (1, 3)
        mend = "clip.permute(0, 3, 1, 2)" if channels_last else "clip.unsqueeze(1) for grey frames t h w"
        raise ShapeError(came, wanted=wanted, mend=mend)
    if min(frames.shape) == 0:
        raise ShapeError(came, wanted="at least one frame and one pixel")
    if not (math.isfinite(fps) and fps > 0):
        raise ShapeError(f"fps = {fps}", wanted="a positive number of frames per second")
    if frames.dtype != torch.uint8:
        low, high = float(frames.min()), float(frames.max())
        if not (low >= -1e-3 and high <= 1 + 1e-3):
            mend = "clip.clamp(0, 1), or (clip + 1) / 2 for values in [-1, 1], or clip / 255"
            raise ShapeError(f"values from {low:.3g} to {high:.3g}", wanted="float in [0, 1], or uint8", mend=mend)
        frames = (frames.float().clamp(0, 1) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(frames.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy()), float(fps)


def webp(image: np.ndarray, *, lossless: bool = False, quality: int = 80) -> bytes:
    """WebP with every parameter fixed, so that the same pixels give the same bytes."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, "WEBP", lossless=lossless, quality=quality, method=4, exact=True)
    return out.getvalue()


def data_url(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _lossy(frames: np.ndarray) -> tuple[bytes, bytes | None, int]:
    """(sheet, base, columns), with a base where the camera stands still enough for it to pay."""
    median = np.median(frames[:: math.ceil(len(frames) / 60)], axis=0).astype(np.uint8)
    base = webp(median, quality=95)
    decoded = np.asarray(Image.open(io.BytesIO(base)).convert("RGB"))  # differences mend the base's own errors too
    sample = frames[:: math.ceil(len(frames) / 8)]
    with_base, without = (len(webp(_sheet(some)[0])) for some in (_differences(sample, decoded), sample))
    if with_base < 0.6 * without:  # large differences are coarser than frames, so the gain has to be clear
        sheet, columns = _sheet(_differences(frames, decoded))
        return webp(sheet), base, columns
    sheet, columns = _sheet(frames)
    return webp(sheet), None, columns


def _differences(frames: np.ndarray, base: np.ndarray) -> np.ndarray:
    """128 + 255 d / (255 + |d|) for d = frame − base: full precision where d is small, room for the largest."""
    d = np.arange(-255, 256)
    curve = np.rint(128 + 255 * d / (255 + np.abs(d))).clip(0, 255).astype(np.uint8)
    return curve[frames.astype(np.int16) - base + 255]


def _cost(sample: np.ndarray, count: int) -> float:
    """Bytes that `count` frames like these will take."""
    sheet, base, _ = _lossy(sample)
    return len(sheet) * count / len(sample) + len(base or b"")


def _fit(budget: int, used: float) -> float:
    """The factor by which to shrink frames that take `used` bytes: 1 where they fit."""
    return 1.0 if used <= budget else 0.98 * math.sqrt(budget / used)


def _sheet(frames: np.ndarray) -> tuple[np.ndarray, int]:
    """Frames row by row on a grid as square as possible: WebP images end at 16383 pixels."""
    count, height, width, _ = frames.shape
    cell_height, cell_width = _padded(height), _padded(width)
    columns = max(1, min(count, WEBP_LIMIT // cell_width, round(math.sqrt(count * cell_height / cell_width))))
    rows = math.ceil(count / columns)
    if rows * cell_height > WEBP_LIMIT:
        raise ShapeError(f"{count} frames of {width}×{height}", wanted="frames that fit on a 16383×16383 sheet")
    cells = np.zeros((rows * columns, cell_height, cell_width, 3), np.uint8)
    cells[:count] = np.pad(frames, ((0, 0), (0, cell_height - height), (0, cell_width - width), (0, 0)), mode="edge")
    grid = cells.reshape(rows, columns, cell_height, cell_width, 3).swapaxes(1, 2)
    return grid.reshape(rows * cell_height, columns * cell_width, 3), columns


def _padded(length: int) -> int:
    return math.ceil(length / CELL) * CELL


def _resized(frames: np.ndarray, zoom: float) -> np.ndarray:
    _, height, width, _ = frames.shape
    size = max(1, round(width * zoom)), max(1, round(height * zoom))
    if size == (width, height):
        return frames
    shrink = lambda frame: np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))  # noqa: E731
    return np.stack([shrink(frame) for frame in frames])
