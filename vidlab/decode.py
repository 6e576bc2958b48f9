"""Decoding: any video file that FFmpeg reads becomes `t c h w` bytes, one frame in memory at a time.

A frame is described by its difference from others, so decoding begins at a key frame: the last one shown at or before
the first wanted frame. Seeking only saves reading the file up to there; whether it hit is checked, because some
containers land elsewhere. Frames that nobody wants are decoded, since others need them, and dropped.
"""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from einops import rearrange
from jaxtyping import Int64, UInt8
from torch import Tensor

from .container import AGAIN, EXACT, FAILURES, opened
from .errors import ClipError
from .scan import VideoInfo


def decode(info: VideoInfo, wanted: Int64[np.ndarray, "t"], out: UInt8[Tensor, "t c h w"]) -> None:
    """Decode the frames with the indices `wanted` (rising, repeats allowed) into `out`, at its height and width.

    Raises:
        ClipError: a wanted frame is damaged or missing, or was predicted from one that is.
    """
    done = _fill(info, wanted, out, "AUTO")
    if done < len(wanted):  # threads run ahead; one alone tells exactly which packet is damaged
        done = _fill(info, wanted, out, "NONE")
    if done < len(wanted):
        index = int(wanted[done])
        time = info.times[index]
        before = f"read(..., stop={time:.2f}) for what is before it, or " if index else ""
        raise ClipError(f"{info.path}: frame {index} at {time:.2f} s is damaged or missing", mend=before + AGAIN)


def _fill(info: VideoInfo, wanted: np.ndarray, out: Tensor, threads: str) -> int:
    """Decode into `out`; returns how many frames were filled before one that is damaged or does not come."""
    height, width = out.shape[-2:]
    smaller = height * width < info.height * info.width
    how = {"format": "rgb24", "interpolation": EXACT | (Interpolation.AREA if smaller else Interpolation.BICUBIC)}
    how |= {"width": width, "height": height} if info.rotation in (0, 180) else {"width": height, "height": width}
    resize, done, pixels = VideoReformatter(), 0, out.numpy()  # NumPy copies a small picture on one thread: cheaper
    spoilt, last = np.zeros(info.frames, dtype=bool), info.timeline.needed_by(wanted)
    for index, frame in _frames(info, int(wanted[0]), threads):
        if frame is None:
            spoilt |= info.timeline.spoilt_by(index)
            if threads == "AUTO" or spoilt[wanted].any():
                return int(np.argmax(spoilt[wanted]))
        elif done < len(wanted) and index >= wanted[done]:
            if index > wanted[done]:
                break
            try:
                image = resize.reformat(frame, threads=1, **how).to_ndarray()
            except FAILURES:
                break
            image = rearrange(np.rot90(image, k=info.rotation // 90), "h w c -> c h w")
            while done < len(wanted) and wanted[done] == index:
                pixels[done] = image
                done += 1
        if done == len(wanted) and index >= last:
            break
    return done


def _frames(info: VideoInfo, first: int, threads: str) -> Iterator[tuple[int, av.VideoFrame | None]]:
    """(index, frame) as they are shown, from a key frame at or before frame `first` on; None for a damaged one."""
    line, counted = info.timeline, 0
    for stream, packet in _packets(info.path, line.key_before(first), threads):
        try:
            frames = stream.codec_context.decode(packet)
        except FAILURES:
            if line.counted:
                return  # the count is lost
            yield (line.index_of(packet.pts) if packet else None) or 0, None
            continue
        for frame in frames:
            index = counted if line.counted else line.index_of(frame.pts)
            counted += 1
            if index is not None and index < info.frames:
                yield index, None if frame.is_corrupt else frame


def _packets(path: Path, key: tuple[int, int] | None, threads: str) -> Iterator[tuple]:
    """(stream, packet) from a key frame on (None: from the start); at last None, for what the decoder still holds."""
    for seek in (True, False) if key else (False,):
        with opened(path) as (container, stream):
            stream.thread_type = threads
            found = key is None
            try:
                if seek:
                    container.seek(key[1], stream=stream)
                for packet in container.demux(stream):
                    if not packet.size:
                        continue
                    found = found or (packet.is_keyframe and packet.pts == key[0])
                    if found:
                        yield stream, packet
                    elif packet.dts is not None and packet.dts > key[1]:
                        break  # landed behind it
            except FAILURES:
                pass  # the film ends where it cannot be read on
            if found:
                yield stream, None
                return
