"""Clips: read a video file, know its size, write one.

How files are decoded stands in decode.py; which clips to cut from a long video, in sampling.py.
"""

import math
import os
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Float64, UInt8
from PIL import Image
from torch import Tensor

from .decode import VideoInfo, decode, probe
from .errors import ClipError, ShapeError, expect_clip
from .sampling import even_starts, random_starts, take

__all__ = ["Clip", "VideoInfo", "even_starts", "probe", "random_starts", "raw_bytes", "read", "take", "write"]


@dataclass(frozen=True, eq=False, repr=False)
class Clip:
    """Some frames of a video: the bytes, and when each frame was due.

    frames: uint8 `t c h w`. times: seconds since the film began, `t`. fps: frames per second. source: the file's name.
    """

    frames: UInt8[Tensor, "t c h w"]
    times: Float64[Tensor, "t"]
    fps: float
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
    def seconds(self) -> float:
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
    path: str | Path,
    *,
    start: float = 0.0,
    stop: float | None = None,
    frames: range | None = None,
    fps: float | None = None,
    size: int | tuple[int, int] | None = None,
    max_bytes: int = 4 << 30,
) -> Clip:
    """Read a video, or a part of it. Memory is needed for the result and a few frames, however long the film is.

    Args:
        path: any file that FFmpeg reads. Rotation stored in the file is applied.
        start, stop: from when to when, in seconds; the frame due at `stop` is left out.
        frames: instead of times, which frames: a rising range such as range(0, 100, 2).
        fps: at the times start, start + 1/fps, …, the frame that is on the screen; by default every frame.
        size: (height, width), or the length of the short side; by default as filmed.
        max_bytes: refuse a result larger than this.

    Raises:
        ClipError: no such file, no video, a damaged frame, a range past the end, or a result that is too large.
    """
    info = probe(path)
    wanted = _wanted(info, start, stop, frames, fps)
    height, width = _size(info, size)
    need = len(wanted) * 3 * height * width
    if need > max_bytes:
        what = f"{info.path}: {len(wanted)} frames of {height}×{width} take {need / 1e9:.1f} GB"
        raise ClipError(
            what,
            wanted=f"at most {max_bytes / 1e9:.1f} GB",
            mend="a smaller size=, fps= or stop=, or a larger max_bytes=",
        )
    out = np.empty((len(wanted), height, width, 3), dtype=np.uint8)
    decode(info, wanted, height, width, out)
    rate = fps or info.fps / (frames.step if frames is not None else 1)
    pixels = rearrange(torch.from_numpy(out), "t h w c -> t c h w").contiguous()
    return Clip(pixels, torch.from_numpy(info.times[wanted]), rate, info.path.name)


def write(path: str | Path, frames: Clip | Tensor, *, fps: float | None = None, lossless: bool = False) -> Path:
    """Write a clip as H.264 (`.mp4`) or animated WebP (`.webp`). The file appears when it is complete.

    Args:
        path: ends in .mp4 or .webp.
        frames: a Clip, or `t c h w` with three channels or one: bytes, or floats in [0, 1].
        fps: frames per second; by default the clip's own, and 10 for a bare tensor.
        lossless: keep every pixel exactly (WebP only).

    Raises:
        ClipError: another ending, no frames, or for H.264 a height or width that is odd.
        ShapeError: not a clip.
    """
    path = Path(path)
    rate = fps or getattr(frames, "fps", 10.0)
    pixels = frames.frames if isinstance(frames, Clip) else frames
    expect_clip(pixels, "frames")
    if pixels.is_floating_point():
        pixels = (pixels.clamp(0, 1) * 255).round().byte()
    if pixels.ndim != 4 or len(pixels) == 0:
        raise ClipError(
            f"{path}: frames of shape {tuple(pixels.shape)}",
            wanted="t c h w with t ≥ 1",
            mend="write one clip at a time",
        )
    rgb = rearrange(pixels.expand(-1, 3, -1, -1), "t c h w -> t h w c").contiguous().cpu().numpy()
    writers = {".mp4": _write_h264, ".webp": _write_webp}
    if path.suffix.lower() not in writers:
        raise ClipError(f"{path}: cannot write {path.suffix or 'a file without ending'}", wanted=" or ".join(writers))
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        part = Path(folder) / f"part{path.suffix.lower()}"
        writers[path.suffix.lower()](part, rgb, rate, lossless)
        os.replace(part, path)
    return path


def _write_h264(path: Path, rgb: np.ndarray, fps: float, lossless: bool) -> None:
    _, height, width, _ = rgb.shape
    if height % 2 or width % 2:
        even = f"[..., :{height - height % 2}, :{width - width % 2}]"
        raise ClipError(
            f"H.264 cannot hold {height}×{width}",
            wanted="an even height and width",
            mend=f"clip.frames{even}, or .webp",
        )
    if lossless:
        raise ClipError("lossless H.264 plays nearly nowhere", mend="a .webp with lossless=True")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.codec_context.thread_count = 1  # more threads give other bytes
        for image in rgb:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def _write_webp(path: Path, rgb: np.ndarray, fps: float, lossless: bool) -> None:
    first, *others = [Image.fromarray(image) for image in rgb]
    how = {"lossless": lossless, "quality": 100 if lossless else 80, "method": 4}
    first.save(path, save_all=True, append_images=others, duration=round(1000 / fps), loop=0, **how)


def _wanted(info: VideoInfo, start: float, stop: float | None, frames: range | None, fps: float | None) -> np.ndarray:
    """Indices of the frames asked for."""
    name, length = info.path, info.seconds
    if frames is not None:
        if start or stop is not None or fps is not None:
            raise ClipError(f"{name}: both frames= and times", wanted="frames=, or start=, stop= and fps=")
        if not len(frames) or frames.step < 1 or frames[0] < 0 or frames[-1] >= info.frames:
            raise ClipError(
                f"{name}: {frames} of {info.frames} frames",
                wanted=f"a rising range within 0 to {info.frames}",
                mend=f"range(0, {info.frames})",
            )
        return np.array(frames)
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
    if fps is None:
        slack = info.tick + 1e-6
        wanted = np.flatnonzero((info.times >= start - slack) & (info.times < end - slack))
        return wanted if len(wanted) else _on_screen(info, np.array([start]))
    if not 0 < fps < 10_000:
        raise ClipError(f"{name}: fps = {fps}", wanted="a positive number of frames a second")
    return _on_screen(info, start + np.arange(math.ceil((end - start) * fps - 0.01)) / fps)


def _on_screen(info: VideoInfo, times: np.ndarray) -> np.ndarray:
    """Index of the frame on the screen at each time: the last one that was due."""
    return np.clip(np.searchsorted(info.times, times + info.tick + 1e-6, side="right") - 1, 0, info.frames - 1)


def _size(info: VideoInfo, size: int | tuple[int, int] | None) -> tuple[int, int]:
    """Height and width of the result."""
    if size is None:
        return info.height, info.width
    if isinstance(size, int):
        scale = size / min(info.height, info.width)
        size = (round(info.height * scale), round(info.width * scale))
    if len(size) != 2 or min(size) < 1 or max(size) > 16384:
        raise ClipError(
            f"{info.path}: size = {size}", wanted="a short side, or (height, width), from 1 to 16384 pixels"
        )
    return int(size[0]), int(size[1])
