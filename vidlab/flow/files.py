"""Flow on disk: the two formats in which the field keeps its truths.

`.flo` of Middlebury (Baker et al., *A database and evaluation methodology for optical flow*, IJCV 2011), also used by
Sintel and FlyingChairs: the float 202021.25, width and height as int32, then u and v of each pixel, row by row, all
little endian; a component above 1e9 says "unknown".

16-bit PNG of KITTI (M. Menze, A. Geiger, *Object scene flow for autonomous vehicles*, CVPR 2015): red is
64 u + 2¹⁵, green 64 v + 2¹⁵, blue 1 where the flow is known. So flow is kept to 1/64 of a pixel, from −512 to 512.
"""

import os
import stat
import struct
import tempfile
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from einops import rearrange
from jaxtyping import Bool, Float, UInt16
from torch import Tensor

from ..errors import DataError, ShapeError
from .measure import UNKNOWN, expect_mask, known
from .warping import expect_flow

FLO = struct.pack("<f", 202021.25)  # reads "PIEH"
PNG = b"\x89PNG\r\n\x1a\n"
MAX_PIXELS = 1 << 26  # 8192 × 8192; beyond it a header is damaged rather than generous
STEPS, ZERO = 64, 1 << 15  # of KITTI: steps a pixel, and where 0 lies
WANTED = "a Middlebury .flo or a KITTI 16-bit PNG"
AGAIN = "fetch or export it again"
# What PyAV raises on damaged pictures: FFmpeg's errors, and those of numbers and names that it did not expect.
FAILURES = (av.FFmpegError, ArithmeticError, LookupError, MemoryError, OSError, RuntimeError, ValueError)

Flow = Float[Tensor, "1 2 h w"]
Mask = Bool[Tensor, "1 1 h w"]


def read_flow(path: str | os.PathLike) -> tuple[Flow, Mask]:
    """A flow from a file, in pixels, and where it is known; elsewhere it is NaN.

    The kind of file is told by what it holds, not by its name.

    Raises:
        DataError: no such file; empty, cut off, damaged, of another kind, or of an impossible size.
    """
    path = Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"{path} is a folder, a pipe or a device", wanted=WANTED)
        if not status.st_size:
            raise DataError(f"{path} is empty (0 bytes)", wanted=WANTED, mend=AGAIN)
        if status.st_size > 12 + 8 * MAX_PIXELS:
            raise DataError(f"{path} holds {status.st_size:,} bytes", wanted=f"a flow of at most {MAX_PIXELS:,} pixels")
        content = path.read_bytes()
    except DataError:
        raise
    except (OSError, ValueError, MemoryError) as error:
        raise DataError(f"{path} cannot be read ({error})", wanted=WANTED, mend="check its name and place") from error
    if content.startswith(FLO):
        flow = _from_flo(path, content)
    elif content.startswith(PNG):
        flow = _from_kitti(path, content)
    else:
        raise DataError(f"{path} begins with {content[:8]!r}", wanted=WANTED, mend=f"{AGAIN}, or convert it")
    flow = torch.from_numpy(rearrange(flow, "h w d -> 1 d h w").copy())
    valid = known(flow)
    return flow.where(valid, torch.nan), valid


def write_flow(path: str | os.PathLike, flow: Flow, valid: Mask | None = None) -> Path:
    """Write a flow as `.flo` (exact, in float32) or KITTI `.png` (to 1/64 pixel). It appears when it is complete.

    Args:
        path: ends in .flo or .png.
        flow: one flow, in pixels; NaN or above 1e9 where unknown.
        valid: false where the flow is unknown, whatever it says.

    Raises:
        ShapeError: not one flow, another mask, or for PNG a known motion outside of [−512, 512 − 1/64] pixels.
        DataError: another ending, too large, no such folder, or no room.
    """
    path = Path(path)
    encode = {".flo": _to_flo, ".png": _to_kitti}.get(path.suffix.lower())
    if encode is None:
        raise DataError(f"{path}: cannot write {path.suffix or 'a file without ending'}", wanted=".flo or .png")
    expect_flow(flow)
    if len(flow) != 1:
        raise ShapeError(f"flow of shape {tuple(flow.shape)}", wanted="one flow 1 2 h w a file", mend="flow[:1]")
    if flow[0, 0].numel() > MAX_PIXELS:
        raise DataError(f"{path}: a flow of {flow[0, 0].numel():,} pixels", wanted=f"at most {MAX_PIXELS:,}")
    certain = known(flow)
    if valid is not None:
        expect_mask(valid, like=flow)
        certain = certain & valid
    pixels = rearrange(flow.detach().where(certain, torch.nan), "1 d h w -> h w d").float().cpu().numpy()
    content = encode(pixels)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
            part = Path(folder) / path.name
            part.write_bytes(content)
            os.replace(part, path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be written ({error})", mend="check the folder and the room on the disk"
        ) from error
    return path


def _from_flo(path: Path, content: bytes) -> Float[np.ndarray, "h w 2"]:
    if len(content) < 12:
        raise DataError(f"{path} ends within its header", wanted="12 bytes and the flow", mend=AGAIN)
    width, height = struct.unpack_from("<ii", content, 4)
    _expect_size(path, height, width)
    size = 12 + 8 * height * width
    if len(content) != size:
        raise DataError(
            f"{path} is {'cut off' if len(content) < size else 'too long'}: {len(content):,} bytes",
            wanted=f"{size:,} bytes for {width}×{height}",
            mend=AGAIN,
        )
    return np.frombuffer(content, "<f4", offset=12).reshape(height, width, 2).astype(np.float32)


def _to_flo(pixels: Float[np.ndarray, "h w 2"]) -> bytes:
    height, width, _ = pixels.shape
    pixels = np.where(np.isnan(pixels), 10 * UNKNOWN, pixels)
    return FLO + struct.pack("<ii", width, height) + pixels.astype("<f4").tobytes()


def _from_kitti(path: Path, content: bytes) -> Float[np.ndarray, "h w 2"]:
    pixels = _from_png(path, content)
    flow = (pixels[..., :2].astype(np.float32) - ZERO) / STEPS
    if pixels[..., 2].max() > 1:
        raise DataError(
            f"{path} is a picture: blue goes up to {pixels[..., 2].max()}",
            wanted="a flow as KITTI writes it, with 0 or 1 in blue",
        )
    return np.where(pixels[..., 2:] == 1, flow, np.nan)


def _to_kitti(pixels: Float[np.ndarray, "h w 2"]) -> bytes:
    steps = np.round(pixels * STEPS) + ZERO  # NaN stays
    if np.nanmax(steps, initial=0) > 65535 or np.nanmin(steps, initial=0) < 0:
        raise ShapeError(
            f"flow from {np.nanmin(pixels):.6g} to {np.nanmax(pixels):.6g} pixels",
            wanted="−512 to 512 − 1/64, which is all that KITTI's PNG can hold",
            mend="a .flo, or valid= without those pixels",
        )
    valid = ~np.isnan(steps).any(-1, keepdims=True)
    return _to_png(np.concatenate([np.where(valid, steps, 0), valid], axis=-1).astype(np.uint16))


def _from_png(path: Path, content: bytes) -> UInt16[np.ndarray, "h w 3"]:
    """Red, green, blue of a 16-bit PNG. Missing and unknown rows are looked for first: FFmpeg would let them pass."""
    parts = _chunks(path, content)
    if len(parts.get(b"IHDR", b"")) != 13:
        raise DataError(f"{path} has no header", wanted=WANTED, mend=f"{AGAIN}: it is damaged")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    _expect_size(path, height, width)
    if (depth, colour, interlaced) != (16, 2, 0):
        kind = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}.get(colour, "unknown")
        raise DataError(
            f"{path} is a PNG of {depth} bits, {kind}{', interlaced' if interlaced else ''}",
            wanted="16 bits, RGB, not interlaced",
            mend="the flow itself, not a picture of it",
        )
    try:
        rows = zlib.decompressobj().decompress(parts.get(b"IDAT", b""), (1 + 6 * width) * height + 1)
        if len(rows) != (1 + 6 * width) * height or max(rows[:: 1 + 6 * width]) > 4:
            raise ValueError("rows are missing, too many or unknown")
        only = PNG + b"".join(_chunk(name, parts[name]) for name in (b"IHDR", b"IDAT")) + _chunk(b"IEND", b"")
        decoder = av.CodecContext.create("png", "r")
        (frame,) = [*decoder.decode(av.Packet(only)), *decoder.decode(None)]
        return frame.to_ndarray(format="rgb48be")
    except (*FAILURES, zlib.error) as error:
        raise DataError(f"{path} is damaged ({error})", wanted=WANTED, mend=AGAIN) from error


def _chunks(path: Path, content: bytes) -> dict[bytes, bytes]:
    """The parts of a PNG by their names, up to its end; those of one name joined."""
    parts: dict[bytes, bytearray] = {}
    place = len(PNG)
    while b"IEND" not in parts:
        head, name = content[place : place + 8], content[place + 4 : place + 8]
        end = place + 8 + int.from_bytes(head[:4], "big")
        if len(head) < 8 or end + 4 > len(content):
            raise DataError(f"{path} is cut off after {len(content):,} bytes", wanted="a whole PNG", mend=AGAIN)
        if zlib.crc32(content[place + 4 : end]) != int.from_bytes(content[end : end + 4], "big"):
            raise DataError(f"{path} is damaged in its part {name!r}", wanted="a PNG with right checksums", mend=AGAIN)
        parts.setdefault(name, bytearray()).extend(content[place + 8 : end])
        place = end + 4
    return {name: bytes(part) for name, part in parts.items()}


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _to_png(pixels: UInt16[np.ndarray, "h w 3"]) -> bytes:
    encoder = av.CodecContext.create("png", "w")
    encoder.height, encoder.width, encoder.pix_fmt = *pixels.shape[:2], "rgb48be"
    encoder.time_base = Fraction(1)
    encoder.thread_count = 1  # the same bytes on every machine
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb48be")
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode()])


def _expect_size(path: Path, height: int, width: int) -> None:
    if min(height, width) < 1 or height * width > MAX_PIXELS:
        raise DataError(
            f"{path} claims {width}×{height} pixels",
            wanted=f"1 to {MAX_PIXELS:,} pixels",
            mend=f"{AGAIN}: it is damaged",
        )
