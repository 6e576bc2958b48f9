"""Cutting: from one video, the frames of its clips, at their small size, and nothing else decoded than they need.

The pictures are those of `vidlab.clips.read`, byte by byte. Three things make it faster where few frames are wanted:
the decoder jumps to the key frame before a wanted frame instead of decoding what lies between; in H.264, frames from
which no other is predicted are not decoded unless they are wanted; and each wanted frame is made small in one step.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from einops import rearrange
from jaxtyping import Int64, UInt8

from ..container import EXACT, FAILURES, opened
from ..errors import ClipError, ShapeError
from ..scan import VideoInfo, probe
from .rows import Row

JUMP = 6  # frames between two wanted ones from which on seeking is cheaper than decoding what lies between


@dataclass(frozen=True)
class Cut:
    """Which clips to cut from a video, and how small.

    frames: of a clip. size: height and width in pixels; the short side is made so long, and the middle kept. clips: of
    a video. stride: every how-manieth frame; None spreads each clip over all of the video.
    """

    frames: int = 8
    size: int = 64
    clips: int = 1
    stride: int | None = None

    def __post_init__(self) -> None:
        numbers = [self.frames, self.size, self.clips, *([] if self.stride is None else [self.stride])]
        if not all(isinstance(number, int) and number > 0 for number in numbers):
            raise ShapeError(f"{self}", wanted="whole numbers above 0")

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """k t c h w."""
        return self.clips, self.frames, 3, self.size, self.size

    @property
    def nbytes(self) -> int:
        """Bytes of the clips of one video."""
        return self.clips * self.frames * 3 * self.size * self.size

    def as_dict(self) -> dict:
        return asdict(self)

    def indices(self, total: int) -> Int64[np.ndarray, "k t"]:
        """Which frames of a video of `total` frames.

        With a stride, clips begin evenly spread, as in `even_starts`. Without one, the video is divided into as many
        equal parts as the clip has frames and gives a frame of each (L. Wang et al., *Temporal segment networks*, ECCV
        2016): a single clip takes the middle of each part, several clips take one place each. A short video gives a
        frame more than once.

        Raises:
            ShapeError: with a stride, a video that is too short.
        """
        if self.stride is None:
            parts, places = np.arange(self.frames), np.arange(self.clips)
            at = (parts[None] + (places[:, None] + 0.5) / self.clips) / self.frames
            return np.minimum((at * total).astype(np.int64), total - 1)
        last = total - ((self.frames - 1) * self.stride + 1)
        if last < 0:
            came = f"{self.frames} frames, every {self.stride}, from a video of {total}"
            raise ShapeError(came, wanted=f"{total - last} frames", mend="a smaller stride, or None")
        starts = (
            np.round(np.linspace(0, last, self.clips)).astype(np.int64) if self.clips > 1 else np.array([last // 2])
        )
        return starts[:, None] + self.stride * np.arange(self.frames)


def cut(row: Row, how: Cut) -> UInt8[np.ndarray, "k t c h w"]:
    """The clips of one video. Memory is needed for them and a few frames, however long the film is.

    Raises:
        ClipError: no video, a wanted frame that is damaged or missing, or start and stop beyond its end.
        ShapeError: with a stride, a video that is too short.
    """
    info = probe(row.path)
    first, last = span(info, row)
    wanted, place = np.unique(first + how.indices(last - first), return_inverse=True)
    scale = how.size / min(info.height, info.width)
    height, width = (max(how.size, round(side * scale)) for side in (info.height, info.width))
    pictures = np.empty((len(wanted), 3, height, width), np.uint8)
    if not quick(info, wanted, pictures):
        import torch

        from ..decode import decode

        decode(info, wanted, torch.from_numpy(pictures))
    top, left = (height - how.size) // 2, (width - how.size) // 2
    middle = pictures[:, :, top : top + how.size, left : left + how.size]
    return rearrange(middle[place.reshape(-1)], "(k t) c h w -> k t c h w", k=how.clips)


def span(info: VideoInfo, row: Row) -> tuple[int, int]:
    """The first frame of a row, and the one behind its last.

    Raises:
        ClipError: no frame lies between start and stop.
    """
    if row.start is None and row.stop is None:
        if not info.complete:
            raise ClipError(f"{info.path} breaks off after {info.seconds:.2f} s", wanted="a complete file")
        return 0, info.frames
    start, stop = row.start or 0.0, info.seconds if row.stop is None else row.stop
    first, last = np.searchsorted(info.times, [start - info.slack, stop - info.slack])
    if first >= last:
        what = f"{info.path} lasts {info.seconds:.2f} s and has no frame from {start:g} to {stop:g} s"
        raise ClipError(what, wanted="start and stop within the film")
    return int(first), int(last)


def quick(info: VideoInfo, wanted: Int64[np.ndarray, " n"], out: UInt8[np.ndarray, "n 3 h w"]) -> bool:
    """Decode the frames `wanted` (rising, none twice) into `out`; False at the least doubt, and `out` is worth nothing.

    Doubt is a stream that cannot be entered at key frames, an error, or a frame that is corrupt or does not come:
    `decode` then tells what is wrong, or reads the file with more patience.
    """
    groups = grouped(info, wanted)
    if not groups or info.rotation % 180:
        return False
    height, width = out.shape[-2:]
    smaller = height * width < info.height * info.width
    how = {"format": "rgb24", "interpolation": EXACT | (Interpolation.AREA if smaller else Interpolation.BICUBIC)}
    how |= {"width": width, "height": height}
    turn, resize, done = info.rotation // 90, VideoReformatter(), 0
    try:
        with opened(info.path) as (container, stream):
            stream.thread_type, stream.codec_context.thread_count = "NONE", 1  # each worker has one core
            for number, group in enumerate(groups):
                came = 0
                for place, frame in some(info, container, stream, group, number > 0):
                    image = resize.reformat(frame, threads=1, **how).to_ndarray()
                    out[done + place] = rearrange(np.rot90(image, turn), "h w c -> c h w")
                    came += 1
                if came < len(group):
                    return False
                done += came
    except (ClipError, *FAILURES):
        return False
    return True


def grouped(info: VideoInfo, wanted: np.ndarray) -> list[np.ndarray]:
    """Wanted frames that are decoded in one go, from a key frame on; empty if there is no way in."""
    if info.timeline.counted:
        return []
    groups: list[list[int]] = []
    for index in wanted.tolist():
        key = info.timeline.key_before(index)
        if key is None:
            return []
        enters = info.timeline.index_of(key[0])
        if not groups or (enters is not None and enters - groups[-1][-1] > JUMP):
            groups.append([])
        groups[-1].append(index)
    return [np.array(group) for group in groups]


def some(info: VideoInfo, container, stream, group: np.ndarray, seek: bool):
    """(place in the group, frame) for the frames of one group.

    Raises:
        ClipError: something is in doubt, perhaps only after all frames came: one of them was predicted from it.
    """
    line, context = info.timeline, stream.codec_context
    stamps = {int(line.stamps[index]): place for place, index in enumerate(group)}
    key, last, missing, found = line.key_before(int(group[0])), line.needed_by(group), set(stamps), False
    head = context.extradata or b""
    if seek or line.index_of(key[0]) != 0:
        container.seek(key[1], stream=stream)
    for packet in container.demux(stream):
        found = found or (packet.is_keyframe and packet.pts == key[0])
        if not found:
            if not packet.size or (packet.dts is not None and packet.dts > key[1]):
                raise ClipError(f"{info.path}: no key frame where one was")
            continue
        if packet.is_corrupt:
            raise ClipError(f"{info.path} has a corrupt packet")
        if context.name == "h264" and not {packet.pts, packet.dts} & missing and spare(bytes(packet), head):
            continue  # the decoder's own way of leaving frames out, skip_frame, also hides errors in the others
        for frame in context.decode(packet if packet.size else None):
            index = line.index_of(frame.pts)
            if frame.is_corrupt:
                raise ClipError(f"{info.path}: frame {index} is corrupt")
            if frame.pts in missing:
                missing.remove(frame.pts)
                yield stamps[frame.pts], frame
            if not missing and (index is None or index >= last):
                return


def spare(data: bytes, head: bytes) -> bool:
    """Whether no other frame is predicted from this packet of H.264: `nal_ref_idc` is 0 in all its slices.

    Units stand with their length before them (ISO/IEC 14496-15, told by the stream's head), or after start codes (ITU-T
    H.264, Annex B). A packet that is not made of whole units is not spare.
    """
    units, at = [], 0
    if head[:1] == b"\x01" and len(head) > 4:
        wide = (head[4] & 3) + 1
        while at < len(data):
            end = at + wide + int.from_bytes(data[at : at + wide], "big")
            if at + wide >= end or end > len(data):
                return False
            units.append(data[at + wide])
            at = end
    else:
        units = [part[0] for part in data.split(b"\0\0\1")[1:] if part]
    slices = [unit for unit in units if 1 <= unit & 31 <= 5]
    return bool(slices) and not any(unit & 0x60 for unit in slices)
