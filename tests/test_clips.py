"""Reading, cutting, sizing and writing clips, on films made here and on the course's real one."""

import json
import re
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from vidlab import ClipError, ShapeError, clips, data


def film(path, *, frames=60, size=(48, 64), fps=30, codec="libx264", gop=24, bframes=2, stamps=None, **options):
    """A film whose frame number, modulo 256, can be read off: the brightness of eight blocks spells it in binary."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.height, stream.width, stream.pix_fmt = *size, options.pop("pix_fmt", "yuv420p")
        stream.gop_size = gop
        if codec == "libx264":
            stream.options = {"bf": str(bframes), "crf": "10", "preset": "ultrafast", "sc_threshold": "0"} | options
        stream.time_base = Fraction(1, 600)
        stream.codec_context.time_base = Fraction(1, 600)
        for i in range(frames):
            image = np.zeros((*size, 3), np.uint8)
            for bit in range(8):
                wide = size[1] // 8
                image[:, bit * wide : (bit + 1) * wide] = 230 if i >> bit & 1 else 20
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = stamps[i] if stamps else round(i * 600 / fps)
            frame.time_base = Fraction(1, 600)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def copied(source, path, *, shift=0.0, times=1, packets=None, options=None):
    """A film whose packets are taken from another one, as they are: later by `shift` seconds, `times` over."""
    with av.open(str(path), "w", options=options or {}) as target:
        for turn in range(times):
            with av.open(str(source)) as container:
                film = container.streams.video[0]
                stream = target.streams.video[0] if turn else target.add_stream_from_template(film)
                for count, packet in enumerate(container.demux(film)):
                    if not packet.size or count == packets:
                        break
                    delay = int((shift + turn * container.duration / 1e6) / packet.time_base)
                    packet.pts, packet.dts, packet.stream = packet.pts + delay, packet.dts + delay, stream
                    target.mux(packet)
    return path


def numbers(clip):
    """The frame numbers that a clip shows."""
    wide = clip.frames.shape[-1] // 8
    bits = [clip.frames[..., b * wide + 2 : (b + 1) * wide - 2].float().mean((1, 2, 3)) > 125 for b in range(8)]
    return sum(bit.int() << b for b, bit in enumerate(bits)).tolist()


@pytest.mark.parametrize(
    ("codec", "ending", "bframes", "gop", "options"),
    [
        ("libx264", "mp4", 0, 1, {}),
        ("libx264", "mp4", 3, 250, {}),
        ("libx264", "mp4", 3, 12, {"x264-params": "open-gop=1"}),  # frames before a key frame need the one before that
        ("libx264", "mkv", 2, 24, {}),
        ("libx264", "flv", 3, 12, {}),
        ("libx264", "ts", 3, 12, {}),  # has no index: seeking lands behind the key frame
        ("libx264", "avi", 3, 12, {}),  # does not say in which order to show
        ("libx264", "h264", 3, 12, {}),  # a bare stream: no clock, no seeking
        ("libx265", "mp4", 3, 12, {"x265-params": "log-level=none:open-gop=1"}),
        ("libvpx-vp9", "webm", 0, 24, {}),
        ("libvpx", "webm", 0, 24, {}),
        ("mpeg4", "avi", 0, 12, {}),
        ("mjpeg", "avi", 0, 1, {"pix_fmt": "yuvj420p"}),
        ("gif", "gif", 0, 1, {"pix_fmt": "rgb8"}),
    ],
)
def test_every_range_gives_the_frames_it_names(tmp_path, codec, ending, bframes, gop, options):
    path = film(tmp_path / f"12:30 a film, ünï.{ending}", codec=codec, bframes=bframes, gop=gop, **options)
    info, whole = clips.probe(path), clips.read(path)
    assert numbers(whole) == list(range(60))
    assert info.complete
    for first in range(0, 60, 1 if bframes else 7):
        part = clips.read(info, frames=range(first, min(first + 3, 60)))
        assert torch.equal(part.frames, whole.frames[first : first + 3])
    assert numbers(clips.read(path, frames=range(5, 50, 7))) == list(range(5, 50, 7))
    if ending == "h264":  # no clock: 25 frames a second
        assert numbers(clips.read(path, start=0.4, stop=0.6)) == [10, 11, 12, 13, 14]
        return
    assert info.fps == pytest.approx(30, rel=1e-3)
    assert numbers(clips.read(path, start=0.5, stop=0.7)) == [15, 16, 17, 18, 19, 20]
    assert numbers(clips.read(path, start=1.99, stop=2.0)) == [59]
    slow = clips.read(path, fps=6)
    assert numbers(slow) == list(range(0, 60, 5))
    assert slow.fps == 6
    assert numbers(clips.read(path, start=0.1, stop=0.2, fps=60)) == [3, 3, 4, 4, 5, 5]


def test_a_trimmed_film_is_what_is_left(tmp_path):
    """An edit list leaves the frames before the cut in the file, marked to be decoded and not shown."""
    path, edit = film(tmp_path / "whole.mp4", gop=12), {"avoid_negative_ts": "disabled"}
    copied(path, tmp_path / "cut.mp4", shift=-0.5, options=edit)  # the muxer turns negative stamps into an edit
    assert clips.probe(tmp_path / "cut.mp4").complete
    assert numbers(clips.read(tmp_path / "cut.mp4")) == list(range(15, 60))
    assert numbers(clips.read(tmp_path / "cut.mp4", frames=range(1, 3))) == [16, 17]


def test_references_that_are_never_shown_are_no_frames(tmp_path):
    """VP8 marks them in the packet itself: take the mark from one and it counts no more."""
    path = film(tmp_path / "a.webm", codec="libvpx", gop=60)
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    shown = packets[20]
    first = packets.index(shown)  # a packet of the same bytes may come before
    path.write_bytes(path.read_bytes().replace(shown, bytes([shown[0] & ~0x10]) + shown[1:], 1))
    assert clips.probe(path).frames == 59
    left = [number for number in range(60) if number != first]
    assert numbers(clips.read(path, frames=range(first - 3, first + 3))) == left[first - 3 : first + 3]


def test_variable_rate_goes_by_the_clock(tmp_path):
    stamps = [0, 20, 40, 240, 260, 600, 620, 900]  # ticks of 1/600 s
    path = film(tmp_path / "phone.mp4", frames=8, stamps=stamps, bframes=0)
    info = clips.probe(path)
    assert info.variable_rate
    assert info.frames == 8
    np.testing.assert_allclose(info.times, np.array(stamps) / 600, atol=1e-3)
    assert numbers(clips.read(path, start=0.3, stop=1.01)) == [3, 4, 5]
    assert numbers(clips.read(path, fps=4, stop=1.5)) == [0, 2, 4, 4, 5, 6]  # what is on the screen at 0, ¼, ½ … s


def test_steady_rate_is_known_exactly(tmp_path):
    info = clips.probe(film(tmp_path / "ntsc.mp4", fps=Fraction(30000, 1001), frames=40))
    assert not info.variable_rate
    assert info.fps == pytest.approx(30000 / 1001, rel=1e-3)
    assert (info.frames, info.width, info.height, info.codec) == (40, 64, 48, "h264")
    assert info.raw_nbytes == 3 * 64 * 48 * 40
    assert info.compression == info.raw_nbytes / info.file_bytes


@pytest.mark.parametrize("size", [(33, 47), (31, 64), (47, 33)])
def test_odd_sizes_are_read(tmp_path, size):
    path = film(tmp_path / "odd.mkv", size=size, frames=3, codec="ffv1", pix_fmt="bgr0")
    clip = clips.read(path)
    assert clip.shape == (3, 3, *size)
    assert clips.read(path, size=(9, 15)).shape == (3, 3, 9, 15)


def test_short_side_keeps_the_aspect(tmp_path):
    path = film(tmp_path / "a.mp4", frames=2)
    assert clips.read(path, size=24).shape[2:] == (24, 32)
    assert clips.read(path, size=96).shape[2:] == (96, 128)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_is_applied(tmp_path, degrees):
    """A phone held upright: the header's display matrix says by how much to turn the picture."""
    path = film(tmp_path / "a.mp4", frames=4)
    upright = clips.read(path)
    turn = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees]
    a, b, c, d = (value * 65536 for value in turn)
    matrix = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], dtype=">i4").tobytes()
    plain = np.array([65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30], dtype=">i4").tobytes()
    content = path.read_bytes()
    track = content.index(b"tkhd")
    where = content.index(plain, track)
    path.write_bytes(content[:where] + matrix + content[where + len(plain) :])
    info, turned = clips.probe(path), clips.read(path)
    assert (info.height, info.width) == ((64, 48) if degrees != 180 else (48, 64))
    # `degrees` in the matrix turn the picture clockwise when it is shown
    assert torch.equal(turned.frames, torch.rot90(upright.frames, k=-degrees // 90, dims=(-2, -1)))
    assert clips.read(path, size=24).shape[2:] == ((32, 24) if degrees != 180 else (24, 32))


PEAK = """
import json, resource, sys
from vidlab import clips
clips.read(sys.argv[1], frames=range(1))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
clip = clips.read(sys.argv[1], **json.loads(sys.argv[2]))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
unit = 1 << 10 if sys.platform != "darwin" else 1
print(len(clip), clip.nbytes, before * unit, peak * unit)
"""


def peak(path, **how):
    """(frames, bytes of the result, peak memory before, peak memory after) of reading in a process of its own."""
    answer = subprocess.check_output([sys.executable, "-c", PEAK, str(path), json.dumps(how)])
    return [int(word) for word in answer.split()]


def test_memory_does_not_grow_with_the_film(tmp_path):
    """Ten seconds from the end of one minute and of ten take the same, and that is what they hold and a few frames."""
    minute = film(tmp_path / "minute.mp4", frames=600, fps=10, size=(90, 160), gop=50)
    ten = copied(minute, tmp_path / "ten.mp4", times=10)
    peaks = []
    for path, seconds in ((minute, 60), (ten, 600)):
        frames, result, before, after = peak(path, start=seconds - 11, stop=seconds - 1, size=360)
        assert frames == 100
        assert after - before < 1.3 * result + 8e6
        peaks.append(after / 1e6)
    print(f"peak for 10 s ({result / 1e6:.0f} MB) out of 1 and 10 minutes: {peaks[0]:.0f} and {peaks[1]:.0f} MB")
    assert abs(peaks[1] - peaks[0]) < 10


def test_the_real_film():
    info = clips.probe(data.path("walker"))
    assert (info.width, info.height, info.frames, info.fps) == (1768, 994, 230, 30)
    clip = clips.read(data.path("walker"), frames=range(100, 103), size=112)
    assert clip.shape == (3, 3, 112, 199)
    whole = clips.read(data.path("walker"), size=112)
    assert torch.equal(whole.frames[100:103], clip.frames)
    assert repr(whole) == "Clip(230 frames of 112×199, 30 fps, 7.67 s, 15.4 MB)"
    assert (whole[::2].fps, len(whole[10:20])) == (15, 10)
    assert whole.float().max() <= 1
    with pytest.raises(ShapeError, match="slice"):
        whole[3]


def test_bad_ranges_say_what_the_film_has(tmp_path):
    path = film(tmp_path / "a.mp4")
    for arguments, words in (
        ({"start": 5.0}, "lasts 2.00 s"),
        ({"stop": 9.0}, "lasts 2.00 s"),
        ({"start": 1.0, "stop": 0.5}, "start < stop"),
        ({"start": -1.0}, "start < stop"),
        ({"start": float("nan")}, "start < stop"),
        ({"frames": range(50, 70)}, "of 60 frames"),
        ({"frames": range(0)}, "of 60 frames"),
        ({"frames": range(10, 0, -1)}, "of 60 frames"),
        ({"frames": range(3), "stop": 1.0}, "both frames= and times"),
        ({"fps": 0.0}, "positive"),
        ({"fps": -5.0}, "positive"),
        ({"size": 0}, "size ="),
        ({"size": (10, 10**6)}, "size ="),
        ({"size": 12000}, "at most 4.3 GB"),
        ({"max_bytes": 1000}, "max_bytes"),
    ):
        with pytest.raises(ClipError, match=words) as caught:
            clips.read(path, **arguments)
        assert "a.mp4" in str(caught.value)


def test_files_that_are_no_video(tmp_path):
    def make(name, content):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    with av.open(str(tmp_path / "song.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 44100
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    whole = film(tmp_path / "whole.mp4").read_bytes()
    for path, words in (
        (tmp_path / "songs.mp4", "no such file.*song.mp4.*beside it"),
        (tmp_path, "folder"),
        (make("empty.mp4", b""), "empty"),
        (make("text.mp4", b"I am a poem.\n" * 500), "no video|no frame"),
        (make("page.mp4", b"<html><body>Not found</body></html>"), "no video|no frame"),
        (
            make(
                "list.mp4", b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"
            ),
            "no video|no frame",
        ),
        (make("noise.mp4", np.random.default_rng(0).bytes(50_000)), "no video|no frame|damaged"),
        (make("head.mp4", whole[:200]), "no video|no frame"),
        (tmp_path / "song.mp4", "audio but no video"),
    ):
        for function in (clips.probe, clips.read):
            with pytest.raises(ClipError, match=words) as caught:
                function(path)
            assert str(path) in str(caught.value)


def test_a_film_that_breaks_off_is_not_silently_shorter(tmp_path):
    film(tmp_path / "whole.mkv", gop=10)
    content = (tmp_path / "whole.mkv").read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(content[: len(content) * 6 // 10])
    info = clips.probe(cut)
    assert info.frames < 60
    if info.complete:  # Matroska ends wherever it ends; then at least no frame is invented
        assert numbers(clips.read(cut)) == list(range(info.frames))
    moved = tmp_path / "fast.mp4"  # index in front: it says how many frames there should be
    film(moved, gop=10)
    with (
        av.open(str(moved)) as source,
        av.open(str(tmp_path / "front.mp4"), "w", options={"movflags": "faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    content = (tmp_path / "front.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) * 6 // 10])
    arguments = {}
    for _ in range(2):  # following the advice leads to what is whole
        with pytest.raises(ClipError, match="breaks off|damaged") as caught:
            clips.read(tmp_path / "cut.mp4", **arguments)
        arguments = {"stop": float(re.search(r"stop=([0-9.]+)", str(caught.value))[1])}
        if "damaged" in str(caught.value):
            break
    rest = numbers(clips.read(tmp_path / "cut.mp4", **arguments))
    assert rest == list(range(len(rest)))
    assert len(rest) > 5


def test_written_films_come_back(tmp_path):
    y, x = torch.meshgrid(torch.linspace(0, 1, 48), torch.linspace(0, 1, 64), indexing="ij")
    smooth = torch.stack([torch.stack([x, y, (x + t / 20).clamp(0, 1)]) for t in range(12)])
    path = clips.write(tmp_path / "a.mp4", smooth, fps=24)
    back = clips.read(path)
    assert (len(back), back.fps, back.shape[2:]) == (12, 24, (48, 64))
    assert (back.float() - smooth).abs().mean() < 0.02  # H.264 is lossy: below two per cent
    again = clips.read(clips.write(tmp_path / "b.mp4", smooth, fps=24))  # not the same bytes on every processor
    assert (again.float() - back.float()).abs().mean() < 0.01
    assert clips.read(clips.write(tmp_path / "c.mp4", back)).fps == 24
    assert not list(tmp_path.glob("*part*"))


def test_lossless_webp_keeps_every_pixel(tmp_path):
    from PIL import Image, ImageSequence

    clip = (torch.rand(5, 3, 17, 23, generator=torch.Generator().manual_seed(0)) * 255).byte()
    path = clips.write(tmp_path / "a.webp", clip, fps=10, lossless=True)
    frames = [np.array(frame.convert("RGB")) for frame in ImageSequence.Iterator(Image.open(path))]
    assert torch.equal(torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2), clip)


def test_what_cannot_be_written(tmp_path):
    clip = torch.zeros(3, 3, 15, 16)
    for path, frames, words in (
        ("a.mp4", clip, "even height"),
        ("a.gif", clip, ".mp4 or .webp"),
        ("a", clip, "without ending"),
        ("a.mp4", clip[:0], "none of them 0"),
        ("a.mp4", clip.long(), "int64"),
        ("a.mp4", clip * 255 + 200, "from 200 to 200"),
        ("a.mp4", clip * float("nan"), "from nan"),
        ("nowhere/a.webp", clip, "cannot be written.*check the folder"),
        ("a.mp4", clip[None], "one clip at a time"),
        ("a.mp4", clip[0], "t c h w"),
        ("a.mp4", clip.movedim(1, -1), "channels"),
    ):
        with pytest.raises((ClipError, ShapeError), match=words):
            clips.write(tmp_path / path, frames)
    assert not list(tmp_path.iterdir())


def test_sizes():
    assert clips.raw_bytes(640, 480, 30, 60) == 1_658_880_000
    assert clips.raw_bytes(10, 10, 29.97, 10) == 299 * 300
    assert clips.raw_bytes(10, 10, 30, 0.1) == 900
    assert clips.raw_bytes(10, 10, 25, 1, channels=1) == 2500


def test_random_starts_reach_every_place_and_no_other():
    generator = torch.Generator().manual_seed(0)
    starts = clips.random_starts(40, 8, stride=4, n=5000, generator=generator)
    assert starts.unique().tolist() == list(range(40 - 28))
    counts = torch.bincount(starts)
    assert (counts - 5000 / 12).abs().max() < 5 * (5000 / 12) ** 0.5


def test_even_starts_span_the_film():
    for total, length, stride, n in ((230, 16, 2, 10), (16, 16, 1, 4), (100, 5, 3, 2)):
        starts = clips.even_starts(total, length, stride=stride, n=n)
        assert starts[0] == 0
        assert starts[-1] + (length - 1) * stride == total - 1
        assert starts.diff().max() - starts.diff().min() <= 1
    assert clips.even_starts(21, 1, n=1).tolist() == [10]


def test_take_cuts_what_it_says():
    video = torch.arange(30).reshape(30, 1, 1, 1)
    batch = clips.take(video, torch.tensor([0, 7, 14]), 8, stride=2)
    assert batch[1, :, 0, 0, 0].tolist() == list(range(7, 22, 2))
    for starts in ([16], [-1]):
        with pytest.raises(ShapeError, match="0 to"):
            clips.take(video, torch.tensor(starts), 8, stride=2)
    with pytest.raises(ShapeError, match="from a video of 10"):
        clips.even_starts(10, 16)
    with pytest.raises(ShapeError, match="1 or more"):
        clips.even_starts(10, 0)
