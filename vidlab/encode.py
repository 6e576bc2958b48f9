"""Encoding: pictures, one after another, become an H.264 film or an animated WebP."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from einops import rearrange
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from .errors import ClipError, ShapeError, expect_clip


def pictures(frames: Tensor) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """The frames of a clip `t c h w`, bytes or floats in [0, 1], one at a time as bytes `h w 3`.

    Raises:
        ShapeError: no clip, another dtype, or values that are not in [0, 1].
    """
    expect_clip(frames, "frames")
    if frames.ndim != 4 or not frames.numel():
        raise ShapeError(
            f"frames of shape {tuple(frames.shape)}", wanted="t c h w, none of them 0", mend="write one clip at a time"
        )
    if str(frames.dtype) != "torch.uint8":
        if not frames.is_floating_point():
            raise ShapeError(f"frames are {frames.dtype}", wanted="uint8, or floats in [0, 1]", mend="frames.byte()")
        low, high = (float(value) for value in frames.detach().aminmax())
        if not (low >= -1e-3 and high <= 1 + 1e-3):  # also false for NaN
            raise ShapeError(
                f"frames with values from {low:.3g} to {high:.3g}",
                wanted="floats in [0, 1], or uint8",
                mend="frames.clamp(0, 1), or frames / 255",
            )
    return (_picture(frame) for frame in frames.detach())


def _picture(frame: Tensor) -> np.ndarray:
    if frame.is_floating_point():
        frame = (frame.clamp(0, 1) * 255).round().byte()
    return rearrange(frame.expand(3, -1, -1), "c h w -> h w c").contiguous().cpu().numpy()


def write_h264(path: Path, images: Iterator[np.ndarray], fps: float, quality: int, lossless: bool) -> None:
    """A film for every player: 4:2:0 colour, so height and width are even.

    Raises:
        ClipError: a height or width that is odd, or a film without loss.
    """
    first = next(images)
    height, width, _ = first.shape
    if height % 2 or width % 2:
        even = f"[..., :{height - height % 2}, :{width - width % 2}]"
        raise ClipError(
            f"{path}: H.264 cannot hold {height}×{width}",
            wanted="an even height and width",
            mend=f"clip.frames{even}, or .webp",
        )
    if lossless:
        raise ClipError(f"{path}: lossless H.264 plays nearly nowhere", mend="a .webp with lossless=True")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.options = {"crf": str(max(1, round((100 - quality) * 0.92)))}  # 23, x264's own, for quality 75
        stream.codec_context.thread_count = 1  # more threads give other bytes
        for image in chain([first], images):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def write_webp(path: Path, images: Iterator[np.ndarray], fps: float, quality: int, lossless: bool) -> None:
    """An animation for every browser, which plays in a loop."""
    first, *others = (Image.fromarray(image) for image in images)
    how = {"lossless": lossless, "quality": 100 if lossless else quality, "method": 4}
    first.save(path, format="WEBP", save_all=True, append_images=others, duration=round(1000 / fps), loop=0, **how)
