"""Opening a video file, and every question that can be asked of it without decoding.

A file may be anything: damaged, half arrived, no video at all, or made to mislead. FFmpeg is told to open that file
only, as a film only, with pictures of a size that fits into memory; and what it says is wrong is told in one sentence.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

import av

from .errors import ClipError

MAX_PIXELS = 1 << 27  # of one frame: 16K video; beyond it a header is damaged rather than generous
PATIENCE = 60  # seconds for one step of the demuxer, which in a damaged file may search far for the next packet
AGAIN = "fetch or export it again, or convert it to H.264; it is damaged or of another kind"
# Playlists make FFmpeg open other files, or wait for more of them; text becomes a picture of its letters.
NO_FILMS = {"concat", "dash", "hls", "image2", "imf", "rtsp", "sdp", "webm_dash_manifest"} | {"bin", "tty", "xbin"}
OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": ",".join(sorted(av.formats_available - NO_FILMS)),
    "max_pixels": str(MAX_PIXELS),
}
# Titles and comments may be in any encoding. PyAV 19 takes no word on it any more: there they raise nothing.
LENIENT = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
# How pictures are made from what was decoded: colour for every pixel, and the same bytes on every machine. Without the
# first flag two neighbours share one colour, and pictures of even width come out darker, by two grey levels, than those
# of odd width. FFmpeg's libswscale/swscale.h has the numbers; PyAV has the names, but not in version 17 (Python 3.10).
FULL_CHR_H_INT, ACCURATE_RND, BITEXACT = 0x2000, 0x40000, 0x80000
EXACT = FULL_CHR_H_INT | ACCURATE_RND | BITEXACT
# What PyAV raises on damaged files: FFmpeg's errors, and those of numbers, names and streams that it did not expect.
FAILURES = (av.FFmpegError, ArithmeticError, LookupError, MemoryError, OSError, RuntimeError, ValueError)


@contextmanager
def opened(path: Path) -> Iterator[tuple]:
    """The container and its first video stream, after every question that can be asked without decoding.

    Raises:
        ClipError: a missing or empty file, a folder, no video, an unknown codec, an impossible size, or what PyAV
            raises while the file is open.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise ClipError(f"{path}: no such file", mend=_beside(path)) from error
    except OSError as error:
        raise ClipError(
            f"{path} cannot be looked at ({_reason(error)})", mend="check its name and who may read it"
        ) from error
    if stat.S_ISDIR(status.st_mode):
        raise ClipError(f"{path} is a folder", wanted="a video file", mend="name a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise ClipError(f"{path} is a pipe or a device", wanted="a video file", mend="save it to a file first")
    if not status.st_size:
        raise ClipError(f"{path} is empty (0 bytes)", mend="fetch or export it again")
    try:  # an absolute path, because FFmpeg takes what stands before a colon for a protocol
        container = av.open(os.path.abspath(path), options=OPTIONS, timeout=PATIENCE, **LENIENT)
    except FAILURES as error:
        raise ClipError(f"{path} is no video that can be read ({_reason(error)})", mend=AGAIN) from error
    with container:
        covers = av.stream.Disposition.attached_pic  # the picture of a song is no film
        films = [stream for stream in container.streams.video if not stream.disposition & covers]
        if not films:
            kinds = ", ".join(sorted({stream.type for stream in container.streams} - {"video"})) or "nothing"
            raise ClipError(f"{path} holds {kinds} but no video", wanted="a file with a video stream")
        stream = films[0]
        if stream.codec_context is None:
            raise ClipError(f"{path}: no decoder for its codec", mend="convert it to H.264")
        if not 0 < stream.width * stream.height <= MAX_PIXELS:
            animated = "webp" in container.format.name
            raise ClipError(
                f"{path} claims frames of {stream.width}×{stream.height}",
                wanted=f"1 to {MAX_PIXELS} pixels",
                mend="write an .mp4: FFmpeg reads no animated WebP" if animated else AGAIN,
            )
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        try:
            yield container, stream
        except ClipError:
            raise
        except FAILURES as error:
            raise ClipError(f"{path} cannot be read on ({_reason(error)})", mend=AGAIN) from error


def _beside(path: Path) -> str:
    """What to try instead of a file that does not exist: one with a similar name."""
    try:
        near = get_close_matches(path.name, os.listdir(path.parent), cutoff=0.6)
    except (OSError, ValueError):
        near = []
    return f"{', '.join(near)}, beside it" if near else "check the folder and the spelling"


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")
