"""What a video file holds: its packets are listed but not decoded, which is fast and tells when each frame is due.

A container promises much in its header (length, rate, number of frames) and keeps little of it: phones drop frames, a
trimmed film keeps what was cut away, a broken download promises what never arrived. So nothing is taken from the
header that can be counted, and its promises serve to notice that something is missing.
"""

import os
from array import array
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np

from .container import AGAIN, FAILURES, opened
from .errors import ClipError


@dataclass(frozen=True)
class Timeline:
    """When each frame is due, and where decoding can begin.

    stamps: of all frames, rising, int64 `n` in ticks. order: as the how-manieth each is decoded, `n`. keys: of each key
    frame, rising, its presentation and its decoding stamp, int64 `k 2`. tick: seconds. counted: the packets' stamps do
    not tell frames apart, so that frames must be decoded from the first one and counted.
    """

    stamps: np.ndarray
    order: np.ndarray
    keys: np.ndarray
    tick: float
    counted: bool

    @property
    def seconds(self) -> np.ndarray:
        """When each frame is due, after the first."""
        return (self.stamps - self.stamps[0]).view(np.uint64) * self.tick  # damaged stamps lie up to 2⁶⁴ ticks apart

    def index_of(self, stamp: int | None) -> int | None:
        """Which frame is due at this stamp, if one is."""
        if stamp is None:
            return None
        index = int(np.searchsorted(self.stamps, stamp))
        return index if index < len(self.stamps) and self.stamps[index] == stamp else None

    def key_before(self, index: int) -> tuple[int, int] | None:
        """The stamps of the last key frame shown at or before frame `index`; None: decode from the start."""
        if self.counted:
            return None
        at = int(np.searchsorted(self.keys[:, 0], self.stamps[index], side="right")) - 1
        return (int(self.keys[at, 0]), int(self.keys[at, 1])) if at >= 0 else None

    def spoilt_by(self, index: int) -> np.ndarray:
        """Which frames may be wrong if this one is: all decoded after it and shown before the next key frame."""
        later = self.order > self.order[index]
        keys = np.flatnonzero(later & np.isin(self.stamps, self.keys[:, 0]))
        spoilt = later & (np.arange(len(later)) < (keys[0] if len(keys) else len(later)))
        spoilt[index] = True
        return spoilt

    def needed_by(self, wanted: np.ndarray) -> int:
        """The last frame that a wanted one may be predicted from: what is decoded earlier may be shown later."""
        return int(np.flatnonzero(self.order <= self.order[wanted].max())[-1])


@dataclass(frozen=True)
class VideoInfo:
    """What a video file holds.

    Width and height are in pixels, as displayed: after the counterclockwise `rotation`, in degrees, that the file asks
    for. `times` says when each frame is due, in seconds after the first. A file that is not `complete` breaks off.
    """

    path: Path
    width: int
    height: int
    fps: float
    frames: int
    seconds: float
    codec: str
    rotation: int
    file_bytes: int
    variable_rate: bool
    complete: bool
    times: np.ndarray = field(repr=False, compare=False)
    timeline: Timeline = field(repr=False, compare=False)

    @property
    def slack(self) -> float:
        """Seconds by which a stamp may be off, because the file's clock is coarse: a tick, but never a whole frame."""
        return min(self.timeline.tick, 0.25 / self.fps) + 1e-6

    @property
    def raw_nbytes(self) -> int:
        """Bytes of all frames, uncompressed: 3 · width · height · frames."""
        return 3 * self.width * self.height * self.frames

    @property
    def compression(self) -> float:
        """How many times smaller the file is than its frames."""
        return self.raw_nbytes / self.file_bytes


def probe(path: str | os.PathLike) -> VideoInfo:
    """Size, rate, length and codec of a video, from its packets and its first frame.

    Raises:
        ClipError: no such file, or no video that can be decoded in it.
    """
    path = Path(path)
    with opened(path) as (container, stream):
        file_bytes = path.stat().st_size
        rates = [float(rate) for rate in (stream.average_rate, stream.guessed_rate) if rate and rate > 0]
        timeline, first, reached = _scan(container, stream, file_bytes, (rates or [25.0])[0])
        if first is None or not len(timeline.stamps):
            raise ClipError(f"{path} holds no frame that can be decoded", mend=AGAIN)
        times = timeline.seconds
        steps = np.diff(times)
        fps = len(steps) / float(times[-1]) if len(steps) else (rates or [25.0])[0]
        fps = next((rate for rate in rates if abs(rate / fps - 1) < 0.005), fps)  # exact, where the stamps agree
        rotation = round(first.rotation / 90) * 90 % 360
        width, height = (first.width, first.height) if rotation in (0, 180) else (first.height, first.width)
        return VideoInfo(
            path=path,
            width=width,
            height=height,
            fps=fps,
            frames=len(times),
            seconds=float(times[-1]) + 1 / fps,
            codec=stream.codec_context.name,
            rotation=rotation,
            file_bytes=file_bytes,
            variable_rate=bool(len(steps) and steps.max() - steps.min() > 0.25 * np.median(steps)),
            complete=_complete(container, stream, reached + 2 / fps, file_bytes),
            times=times,
            timeline=timeline,
        )


def _scan(container, stream, file_bytes: int, rate: float) -> tuple[Timeline, av.VideoFrame | None, float]:
    """The timeline, the first frame that can be decoded (if any can), and the second up to which all could be read."""
    stamps, keys, frames, reached, sound = array("q"), array("q"), 0, 0.0, True
    first, vp8, avi = None, stream.codec_context.name == "vp8", container.format.name == "avi"
    ticks = {each.index: float(each.time_base or 1 / rate) for each in container.streams}
    tick = ticks[stream.index]
    try:
        for count, packet in enumerate(container.demux()):
            if count > file_bytes:  # more packets than bytes: it goes round in circles
                sound = False
                break
            if packet.pts is not None:
                reached = max(reached, (packet.pts + (packet.duration or 0)) * ticks[packet.stream_index])
            if packet.stream_index != stream.index or not packet.size:
                continue
            first = first or _decoded(stream, packet)
            sound &= not packet.is_corrupt
            if packet.is_keyframe and packet.pts is not None:
                keys.extend((packet.pts, packet.pts if packet.dts is None else packet.dts))
            if packet.is_discard or (vp8 and not bytes(packet)[0] & 0x10):
                continue  # cut away in an edit, or a reference that is never shown (RFC 6386, 9.1)
            frames += 1
            stamp = packet.dts if avi else packet.pts
            if stamp is not None:
                stamps.append(stamp)
    except FAILURES:
        sound = False
    first = first or _decoded(stream, None)
    if len(stamps) < frames:  # a bare stream has no clock: frames are numbered
        stamps, keys, tick = np.arange(frames), np.zeros(0, np.int64), 1 / rate
    rising, order = np.unique(np.array(stamps, dtype=np.int64), return_index=True)
    keys = np.unique(np.array(keys, dtype=np.int64).reshape(-1, 2), axis=0)
    counted = not len(keys) or (avi and stream.codec_context.has_b_frames)  # AVI does not say in which order to show
    return Timeline(rising, order, keys, tick, bool(counted)), first, reached if sound else -np.inf


def _decoded(stream, packet: av.Packet | None) -> av.VideoFrame | None:
    """A frame, if the decoder gives one for this packet (None: whatever it still holds)."""
    try:
        return next(iter(stream.codec_context.decode(packet)), None)
    except FAILURES:
        return None


def _complete(container, stream, reached: float, file_bytes: int) -> bool:
    """Whether the packets reached the second that the header promises, and the index names nothing beyond the file."""
    entries = stream.index_entries
    if len(entries) and entries[-1].pos + entries[-1].size > file_bytes:
        return False
    keeps_word = container.format.name in ("matroska,webm", "avi", "flv", "asf")  # others guess, or count what was cut
    return reached > ((container.duration or 0) / av.time_base if keeps_word else 0.0)
