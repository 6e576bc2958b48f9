"""Clips: read a video file, know its size, write one.

What a file holds is found out in scan.py, and its frames are decoded in decode.py; encode.py writes files; which clips
to cut from a long video stands in sampling.py.
"""

import builtins
import math
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64, UInt8
from torch import Tensor

from .container import FAILURES
from .decode import decode
from .encode import pictures, write_h264, write_webp
from .errors import ClipError, ShapeError
from .sampling import even_starts, random_starts, take
from .scan import VideoInfo, probe

__all__ = ["Clip", "VideoInfo", "even_starts", "probe", "random_starts", "raw_bytes", "read", "take", "write"]
LARGEST_SIDE = 16384  # pixels of a result


@dataclass(frozen=True, eq=False, repr=False)
class Clip:
    """Some frames of a video: the bytes, and when each frame was due.

    frames: uint8 `t c h w`. times: seconds since the film began, `t`. fps: frames per second. source: the file's name.
    """

    frames: UInt8[Tensor, "t c h w"]
    times: Float64[Tensor, "t"]
    fps: builtins.float  # `float` is the method below
    source: str = ""

    @property
    def shape(self) -> torch.Size:
        """t, c, h, w."""
        return self.frames.shape

    @property
    def nbytes(self) -> int:
        """Bytes of the frames in memory, uncompressed."""
        return self.frames.nbytes

    @property
    def seconds(self) -> builtins.float:
        """How long it plays."""
        return len(self) / self.fps

    def float(self) -> Float[Tensor, "t c h w"]:
        """The frames as float32 in [0, 1], four times as large."""
        return self.frames.float() / 255

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, part: object) -> "Clip":
        if not isinstance(part, slice):
            raise ShapeError(f"clip[{part!r}]", wanted="a slice of frames", mend=f"clip.frames[{part!r}] for one frame")
        if (part.step or 1) < 1:
            raise ShapeError(
                f"clip[::{part.step}]", wanted="a step forwards", mend="clip.frames.flip(0) to go backwards"
            )
        return Clip(self.frames[part], self.times[part], self.fps / (part.step or 1), self.source)

    def __repr__(self) -> str:
        t, _, h, w = self.shape
        size = f"{self.nbytes / 1e6:.1f} MB"
        return f"Clip({t} frames of {h}×{w}, {self.fps:.5g} fps, {self.seconds:.2f} s, {size})"


def raw_bytes(width: int, height: int, fps: float, seconds: float, channels: int = 3) -> int:
    """Bytes of an uncompressed 8-bit video: channels · width · height · (whole frames in the time).

    >>> raw_bytes(640, 480, fps=30, seconds=60)
    1658880000
    """
    return channels * width * height * math.floor(fps * seconds + 1e-6)


def read(
    path: str | os.PathLike | VideoInfo,
    *,
    start: float = 0.0,
    stop: float | None = None,
    frames: range | None = None,
    fps: float | None = None,
    size: int | tuple[int, int] | None = None,
    max_bytes: int = 4 << 30,
) -> Clip:
    """Read a video, or a part of it. Memory is needed for the result and a few frames, however long the film is.

    Frames come as filmed and stored: the rotation that the file asks for is applied, interlacing and the shape of
    pixels are left as they are.

    Args:
        path: any file that FFmpeg reads; or what `probe` said of it, which saves going through a long film again.
        start, stop: from when to when, in seconds; the frame due at `stop` is left out.
        frames: instead of times, which frames: a rising range such as range(0, 100, 2).
        fps: at the times start, start + 1/fps, …, the frame that is on the screen; by default every frame.
        size: (height, width), or the length of the short side; by default as filmed.
        max_bytes: refuse a result larger than this.

    Raises:
        ClipError: no such file, no video, a wanted frame that is damaged or missing, a range past the end, or a result
            that is too large. Nothing is left out or replaced in silence. A film that breaks off is read as far as it
            goes when `stop` or `frames` ask for no more than is there.
    """
    info = path if isinstance(path, VideoInfo) else probe(path)
    height, width = _size(info, size)

    def fit(count: int) -> None:  # asked before anything is allocated, because the length of a damaged film is no limit
        need = count * 3 * height * width
        if need > max_bytes:
            raise ClipError(
                f"{info.path}: {count} frames of {height}×{width} take {need / 1e9:.1f} GB",
                wanted=f"at most {max_bytes / 1e9:.1f} GB",
                mend="a smaller size=, fps= or stop=, or a larger max_bytes=",
            )

    wanted = _wanted(info, start, stop, frames, fps, fit)
    out = torch.empty((len(wanted), 3, height, width), dtype=torch.uint8)
    decode(info, wanted, out)
    rate = fps or info.fps / (frames.step if frames is not None else 1)
    return Clip(out, torch.from_numpy(info.times[wanted]), float(rate), info.path.name)


def write(
    path: str | os.PathLike,
    frames: Clip | Tensor,
    *,
    fps: float | None = None,
    quality: int = 75,
    lossless: bool = False,
) -> Path:
    """Write a clip as H.264 (`.mp4`) or animated WebP (`.webp`). The file appears when it is complete.

    Args:
        path: ends in .mp4 or .webp.
        frames: a Clip, or `t c h w` with three channels or one: bytes, or floats in [0, 1].
        fps: frames per second; by default the clip's own, and 10 for a bare tensor.
        quality: from 0, the smallest file, to 100.
        lossless: keep every pixel exactly (WebP only).

    Raises:
        ClipError: another ending, no such folder, or for H.264 a height or width that is odd.
        ShapeError: not a clip.
    """
    path = Path(path)
    rate = getattr(frames, "fps", 10.0) if fps is None else fps
    images = pictures(frames.frames if isinstance(frames, Clip) else frames)
    encoder = {".mp4": write_h264, ".webp": write_webp}.get(path.suffix.lower())
    if encoder is None:
        raise ClipError(f"{path}: cannot write {path.suffix or 'a file without ending'}", wanted=".mp4 or .webp")
    if not 0 < rate <= 1000:
        raise ClipError(f"{path}: fps = {rate}", wanted="a number of frames a second up to 1000")
    if not 0 <= quality <= 100:
        raise ClipError(f"{path}: quality = {quality}", wanted="0 to 100")
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
            part = Path(folder) / path.name
            encoder(part, images, rate, quality, lossless)
            os.replace(part, path)
    except ClipError:
        raise
    except FAILURES as error:
        raise ClipError(
            f"{path} cannot be written ({error})", mend="check the folder and the room on the disk"
        ) from error
    return path


def _wanted(
    info: VideoInfo,
    start: float,
    stop: float | None,
    frames: range | None,
    fps: float | None,
    fit: Callable[[int], None],
) -> Int64[np.ndarray, "t"]:
    """Indices of the frames asked for."""
    name, length = info.path, info.seconds
    if frames is not None:
        if start or stop is not None or fps is not None:
            raise ClipError(f"{name}: both frames= and times", wanted="frames=, or start=, stop= and fps=")
        whole = isinstance(frames, range) and frames and frames.step > 0
        if not whole or frames[0] < 0 or frames[-1] >= info.frames:
            raise ClipError(
                f"{name}: {frames} of {info.frames} frames",
                wanted=f"a rising range within 0 to {info.frames}",
                mend=f"range(0, {info.frames})",
            )
        fit(len(frames))
        return np.arange(frames.start, frames.stop, frames.step)
    if stop is None and not info.complete:
        what = f"{name} breaks off after {info.frames} frames, {length:.2f} s"
        raise ClipError(
            what, wanted="a complete file", mend=f"stop={length:.2f} for what is there, or fetch the file again"
        )
    end = length if stop is None else stop
    if start >= length or end > length + 1 / info.fps:
        what = f"{name}: {start:g} to {end:g} s, but the film lasts {length:.2f} s"
        raise ClipError(what, wanted="a range within the film", mend=f"start=0, stop={length:.2f}")
    if not 0 <= start < end:
        raise ClipError(f"{name}: from {start:g} s to {end:g} s", wanted="0 ≤ start < stop, in seconds")
    if fps is not None:
        if not 0 < fps < 10_000:
            raise ClipError(f"{name}: fps = {fps}", wanted="a positive number of frames a second")
        count = max(1, math.ceil((end - start - info.slack) * fps))
        fit(count)
        return _on_screen(info, start + np.arange(count) / fps)
    wanted = np.flatnonzero((info.times >= start - info.slack) & (info.times < end - info.slack))
    fit(len(wanted))
    return wanted if len(wanted) else _on_screen(info, np.array([start]))


def _on_screen(info: VideoInfo, times: np.ndarray) -> Int64[np.ndarray, "t"]:
    """Index of the frame on the screen at each time: the last one that was due."""
    due = np.searchsorted(info.times, times + info.slack, side="right") - 1
    return np.clip(due, 0, info.frames - 1)


def _size(info: VideoInfo, size: int | tuple[int, int] | None) -> tuple[int, int]:
    """Height and width of the result."""
    if size is None:
        return info.height, info.width
    if isinstance(size, int):
        scale = size / min(info.height, info.width)
        size = (round(info.height * scale), round(info.width * scale))
    sides = size if isinstance(size, (tuple, list)) else ()
    if len(sides) != 2 or not all(isinstance(side, int) and 1 <= side <= LARGEST_SIDE for side in sides):
        raise ClipError(
            f"{info.path}: size = {size}",
            wanted=f"a short side, or (height, width), from 1 to {LARGEST_SIDE} whole pixels",
        )
    return sides[0], sides[1]
