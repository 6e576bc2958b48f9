"""Cutting: the pictures are those of `clips.read`, byte by byte, whatever the codec; and which frames a clip takes."""

import av
import numpy as np
import pytest
import torch
from of_datasets import film

from vidlab import ClipError, ShapeError, clips, decode
from vidlab.datasets import Cut, Row, cutting
from vidlab.sampling import even_starts


def row(path, start=None, stop=None):
    return Row(path, "a", "s", "", start, stop)


def expected(path, how, frames):
    """By way of the whole film."""
    whole = clips.read(path, size=how.size).frames
    top, left = ((side - how.size) // 2 for side in whole.shape[-2:])
    middle = whole[:, :, top : top + how.size, left : left + how.size]
    return middle[torch.from_numpy(frames)]


CODECS = [
    ("libx264", "mp4", {}),
    ("libx264", "mkv", {"bframes": 3, "gop": 30}),
    ("libx264", "ts", {}),
    ("libx264", "avi", {}),  # frames must be counted
    ("libx264", "h264", {}),  # no clock at all
    ("mpeg4", "avi", {"bframes": 0}),
    ("mpeg4", "mp4", {"bframes": 2}),
    ("mpeg4", "avi", {"bframes": 2}),
    ("mpeg2video", "mpg", {"bframes": 2}),
    ("libvpx-vp9", "webm", {}),
    ("libvpx", "webm", {}),
    ("mjpeg", "avi", {"pix_fmt": "yuvj420p"}),
    ("gif", "gif", {"pix_fmt": "rgb8"}),
    ("libx265", "mp4", {"bframes": 3}),
]


@pytest.mark.parametrize(("codec", "ending", "options"), CODECS)
@pytest.mark.parametrize("how", [Cut(5, 24), Cut(4, 32, clips=3, stride=2), Cut(2, 64)], ids=str)
def test_the_bytes_are_those_of_read(tmp_path, codec, ending, options, how):
    path = film(tmp_path / f"a.{ending}", frames=61, codec=codec, **options)
    got = cutting.cut(row(path), how)
    assert got.shape == how.shape
    assert got.dtype == np.uint8
    want = expected(path, how, how.indices(clips.probe(path).frames))
    assert torch.equal(torch.from_numpy(got), want)


def test_frames_that_are_not_needed_are_not_decoded(tmp_path, monkeypatch):
    """Of a long film two frames near its ends are wanted: it jumps, and leaves out what no frame refers to."""
    path = film(tmp_path / "a.mp4", frames=240, gop=24, bframes=3)
    info, decoded = clips.probe(path), []
    wanted = np.array([30, 230])
    some = cutting.some
    monkeypatch.setattr(cutting, "some", lambda *a: (decoded.append(1) or each for each in some(*a)))
    out = np.empty((2, 3, 48, 64), np.uint8)
    assert cutting.quick(info, wanted, out)
    assert np.array_equal(out, clips.read(path).frames[wanted].numpy())
    assert [len(group) for group in cutting.grouped(info, wanted)] == [1, 1]
    assert [len(group) for group in cutting.grouped(info, np.array([30, 34]))] == [2]
    emitted = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        real = stream.codec_context.decode

        class Counting:
            name = stream.codec_context.name
            skip_frame = property(
                lambda self: stream.codec_context.skip_frame,
                lambda self, how: setattr(stream.codec_context, "skip_frame", how),
            )

            def decode(self, packet):
                frames = real(packet)
                emitted.extend(frames)
                return frames

        class Stream:
            codec_context = Counting()

        class Container:
            seek = staticmethod(lambda stamp, stream: container.seek(stamp, stream=container.streams.video[0]))
            demux = staticmethod(lambda stream: container.demux(container.streams.video[0]))

        assert len(list(some(info, Container, Stream, np.array([230]), True))) == 1
    assert len(emitted) <= 10  # 15 frames from the key frame on, of which most are left out


def test_it_decodes_as_the_package_does():
    assert cutting.EXACT == decode.EXACT


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_rotated_film(tmp_path, rotation):
    """A phone's film says that it is to be turned; the sides change places."""
    plain = film(tmp_path / "a.mp4")
    turned = tmp_path / "b.mp4"
    with av.open(str(plain)) as source, av.open(str(turned), "w") as target:
        stream = source.streams.video[0]
        other = target.add_stream_from_template(stream)
        try:
            other.set_display_rotation(rotation)
        except AttributeError:
            data = bytearray(turned.read_bytes())
            del data
            pytest.skip("this PyAV cannot write a rotation") if rotation else None
        for packet in source.demux(stream):
            if packet.size:
                packet.stream = other
                target.mux(packet)
    how = Cut(3, 24)
    assert torch.equal(torch.from_numpy(cutting.cut(row(turned), how)), expected(turned, how, how.indices(16)))


def test_a_part_of_a_film(tmp_path):
    path = film(tmp_path / "a.mp4", frames=50)  # 25 a second
    how = Cut(4, 32, stride=1)
    got = torch.from_numpy(cutting.cut(row(path, 1.0, 1.16), how))
    assert torch.equal(got, expected(path, how, np.arange(25, 29)[None]))
    assert cutting.span(clips.probe(path), row(path, None, 0.4)) == (0, 10)
    assert cutting.span(clips.probe(path), row(path, 1.6, None)) == (40, 50)
    with pytest.raises(ClipError, match="has no frame from 7 to 9 s"):
        cutting.cut(row(path, 7.0, 9.0), how)


def test_which_frames_a_clip_takes():
    assert Cut(4, clips=1).indices(100).tolist() == [[12, 37, 62, 87]]
    assert Cut(4, clips=2).indices(100).tolist() == [[6, 31, 56, 81], [18, 43, 68, 93]]
    assert Cut(8).indices(3).tolist() == [[0, 0, 0, 1, 1, 2, 2, 2]]
    assert Cut(4).indices(1).tolist() == [[0, 0, 0, 0]]
    with pytest.raises(ShapeError, match="8 frames, every 2, from a video of 14"):
        Cut(8, stride=2).indices(14)


@pytest.mark.parametrize("total", [16, 17, 100, 101, 1000])
@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_with_a_stride_clips_begin_where_the_package_begins_them(total, n):
    starts = even_starts(total, 8, stride=2, n=n)
    assert Cut(8, clips=n, stride=2).indices(total)[:, 0].tolist() == starts.tolist()


@pytest.mark.parametrize("wrong", [{"frames": 0}, {"size": -1}, {"clips": 1.5}, {"stride": 0}])
def test_a_cut_of_nothing_is_refused(wrong):
    with pytest.raises(ShapeError, match="whole numbers above 0"):
        Cut(**wrong)


def test_a_film_that_breaks_off_is_refused_unless_a_part_is_asked_for(tmp_path):
    path = film(tmp_path / "a.mkv", frames=100)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ClipError, match="breaks off"):
        cutting.cut(row(path), Cut())
    assert cutting.cut(row(path, 0.0, 0.8), Cut()).shape == Cut().shape


def test_a_damaged_frame_is_never_given_out(tmp_path):
    """Whatever byte is wrong: the bytes are those of `read`, or both refuse."""
    path = film(tmp_path / "a.mp4", frames=60, gop=15, bframes=3)
    sound, dice = path.read_bytes(), np.random.default_rng(0)
    begin = sound.index(b"mdat")
    how, refused = Cut(6, 32), 0
    for turn in range(24):
        data = bytearray(sound)
        for at in dice.integers(begin + 8, len(sound) * 3 // 4, 3):
            data[at] ^= 0xFF
        path = tmp_path / f"{turn}.mp4"
        path.write_bytes(bytes(data))
        try:
            got = cutting.cut(row(path), how)
        except (ClipError, ShapeError):
            refused += 1
            continue
        whole = clips.read(path, frames=range(0, clips.probe(path).frames), size=how.size)
        top, left = ((side - how.size) // 2 for side in whole.shape[-2:])
        want = whole.frames[:, :, top : top + 32, left : left + 32][torch.from_numpy(how.indices(len(whole)))]
        assert np.array_equal(got, want.numpy())
    assert refused > 3
