"""Decoding: any video file that FFmpeg reads becomes `t c h w` bytes, one frame in memory at a time.

A file is first *scanned*: its packets are listed but not decoded, which is fast and tells when each frame is due. Then
the decoder starts at the last key frame before the first wanted one, and every frame that nobody wants is dropped.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from .errors import ClipError

LARGEST_SIDE = 16384  # pixels; beyond it a header is damaged rather than generous


@dataclass(frozen=True)
class VideoInfo:
    """What a video file holds.

    Width and height are as displayed, in pixels; `times` says when each frame is due, in seconds, to within
    one `tick` of the file's clock.
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
    complete: bool = True
    times: np.ndarray = field(repr=False, default=None, compare=False)
    tick: float = field(repr=False, default=0.0)

    @property
    def raw_nbytes(self) -> int:
        """Bytes of all frames, uncompressed: 3 · width · height · frames."""
        return 3 * self.width * self.height * self.frames

    @property
    def compression(self) -> float:
        """How many times smaller the file is than its frames."""
        return self.raw_nbytes / self.file_bytes


def probe(path: str | Path) -> VideoInfo:
    """Size, rate, length and codec of a video, from its packets and its first frame.

    Raises:
        ClipError: no such file, or no video that can be decoded in it.
    """
    path = Path(path)
    with _opened(path) as container:
        stamps, complete = _scan(container)
        stream = container.streams.video[0]
        rotation = _first_frame(path).rotation % 360
        width, height = (stream.height, stream.width) if rotation in (90, 270) else (stream.width, stream.height)
        times = _seconds(stamps, stream)
        steps = np.diff(times)
        rate = stream.average_rate or stream.guessed_rate
        fps = len(steps) / float(times[-1]) if len(steps) else float(rate or 1)
        if rate and abs(float(rate) / fps - 1) < 0.005:
            fps = float(rate)  # the exact fraction, where the stamps agree with it
        # only the MP4 family keeps an honest count of its frames
        promised = stream.frames if "mp4" in container.format.name else 0
        return VideoInfo(
            path,
            width,
            height,
            fps,
            len(stamps),
            float(times[-1] + 1 / fps),
            stream.codec_context.name,
            rotation,
            path.stat().st_size,
            bool(len(steps) and steps.max() - steps.min() > 0.25 * float(np.median(steps))),
            complete and len(stamps) + 2 >= promised,  # some writers count a frame or two too many
            times,
            float(stream.time_base or 0),
        )


def decode(info: VideoInfo, wanted: np.ndarray, height: int, width: int, out: np.ndarray) -> None:
    """Decode the frames with the indices `wanted` (rising, repeats allowed) into `out`, uint8 `n h w c`.

    Raises:
        ClipError: a wanted frame is damaged or missing.
    """
    resize = VideoReformatter()
    smooth = Interpolation.AREA if height * width < info.height * info.width else Interpolation.BICUBIC
    turned = info.rotation in (90, 270)
    size = {"width": height if turned else width, "height": width if turned else height}
    done = 0
    for index, frame in _frames_from(info, int(wanted[0])):
        if index > wanted[done]:
            break
        if index < wanted[done]:
            continue
        if frame.is_corrupt:
            raise _damaged(info, index)
        rgb = resize.reformat(frame, format="rgb24", interpolation=smooth, **size).to_ndarray()
        rgb = np.rot90(rgb, k=info.rotation // 90)
        while done < len(wanted) and wanted[done] == index:
            out[done] = rgb
            done += 1
        if done == len(wanted):
            return
    raise _damaged(info, int(wanted[done]))


def _frames_from(info: VideoInfo, first: int) -> Iterator[tuple[int, av.VideoFrame]]:
    """(index, frame) from the last key frame at or before index `first`; a damaged packet ends the film."""
    with _opened(info.path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stamps, _ = _scan(container)
        index_of = {stamp: index for index, stamp in enumerate(stamps)}
        container.seek(int(stamps[first]) if index_of and first else int(stamps[0]), stream=stream, backward=True)
        try:
            for counted, frame in enumerate(container.decode(stream)):
                stamp = counted if frame.pts is None else frame.pts
                if stamp in index_of:
                    yield index_of[stamp], frame
        except (av.FFmpegError, OSError, ValueError, OverflowError, MemoryError):
            return


def _scan(container) -> tuple[np.ndarray, bool]:
    """The presentation stamps of all frames, in order, and whether the file could be read to its end."""
    stream, stamps, complete = container.streams.video[0], [], True
    try:
        for packet in container.demux(stream):
            if packet.is_corrupt:
                complete = False
            elif packet.size:
                stamps.append(packet.pts if packet.pts is not None else packet.dts)
    except (av.FFmpegError, OSError, ValueError, OverflowError):
        complete = False
    if not stamps:
        raise ClipError(
            f"{container.name}: has no frames", mend="the file is empty or damaged; fetch or export it again"
        )
    if None in stamps:  # a bare stream without a clock: frames are numbered
        return np.arange(len(stamps)), complete
    return np.unique(np.array(stamps, dtype=np.int64)), complete


def _seconds(stamps: np.ndarray, stream) -> np.ndarray:
    """Stamps as seconds since the first frame."""
    tick = stream.time_base or Fraction(1, 25)
    return (stamps - stamps[0]).astype(np.float64) * float(tick)


def _first_frame(path: Path) -> av.VideoFrame:
    with _opened(path) as container:
        try:
            frame = next(container.decode(video=0), None)
        except (av.FFmpegError, OSError, ValueError, OverflowError, MemoryError) as error:
            raise ClipError(f"{path}: its first frame cannot be decoded ({_reason(error)})", mend=AGAIN) from error
        if frame is None:
            raise ClipError(f"{path}: holds no frame that can be decoded", mend=AGAIN)
        return frame


@contextmanager
def _opened(path: Path):
    """The container, after every question that can be asked of it without decoding."""
    if path.is_dir():
        raise ClipError(f"{path} is a folder", wanted="a video file", mend="name a file in it")
    if not path.exists():
        names = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = ", ".join(get_close_matches(path.name, names, cutoff=0.4))
        raise ClipError(
            f"{path}: no such file", mend=f"{near}, beside it" if near else "check the folder and the spelling"
        )
    if path.stat().st_size == 0:
        raise ClipError(f"{path} is empty (0 bytes)", mend="fetch or export it again")
    try:
        # a playlist dressed up as a film must not make us open other files or addresses
        container = av.open(str(path), options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError, OverflowError, MemoryError) as error:
        raise ClipError(f"{path} is no video that can be read ({_reason(error)})", mend=AGAIN) from error
    with container:
        if not container.streams.video:
            kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
            raise ClipError(f"{path} holds {kinds} but no video", wanted="a file with a video stream")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise ClipError(f"{path}: no decoder for its codec", mend="convert it to H.264")
        width, height = stream.width, stream.height
        if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE):
            raise ClipError(
                f"{path} claims frames of {width}×{height} pixels", wanted=f"1 to {LARGEST_SIDE}", mend=AGAIN
            )
        yield container


AGAIN = "the file is damaged or of another kind; fetch or export it again, or convert it to H.264"


def _damaged(info: VideoInfo, index: int) -> ClipError:
    time = info.times[index]
    before = f"read(..., stop={time:.2f}) for what is before it" if index else AGAIN
    return ClipError(f"{info.path}: frame {index} at {time:.2f} s is damaged or missing", mend=before)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")
