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
    fed = []
    with av.open(str(path)) as container:
        real = container.streams.video[0]
        real.thread_type, real.codec_context.thread_count = "NONE", 1

        class Stream:
            class codec_context:  # noqa: N801
                name, extradata = "h264", real.codec_context.extradata

                def decode(packet):
                    fed.append(packet)
                    return real.codec_context.decode(packet)

        class Container:
            seek = staticmethod(lambda stamp, stream: container.seek(stamp, stream=real))
            demux = staticmethod(lambda stream: container.demux(real))

        counts = []
        for leave_out in (cutting.spare, lambda *_: False):
            monkeypatch.setattr(cutting, "spare", leave_out)
            fed.clear()
            assert len(list(some(info, Container, Stream, np.array([230]), True))) == 1
            counts.append(len(fed))
        assert counts[0] <= 0.7 * counts[1] <= 20  # of 240


def test_it_decodes_as_the_package_does():
    assert cutting.EXACT == decode.EXACT


@pytest.mark.parametrize(("degrees", "matrix"), [(90, (0, 1, -1, 0)), (180, (-1, 0, 0, -1)), (270, (0, -1, 1, 0))])
def test_a_rotated_film(tmp_path, degrees, matrix):
    """A phone's film says that it is to be turned: by the matrix in its header."""
    content = film(tmp_path / "a.mp4").read_bytes()
    a, b, c, d = (value << 16 for value in matrix)
    plain = np.array([1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30], dtype=">i4").tobytes()
    where = content.index(plain, content.index(b"tkhd"))
    turned = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], dtype=">i4").tobytes()
    path = tmp_path / "b.mp4"
    path.write_bytes(content[:where] + turned + content[where + len(plain) :])
    assert clips.probe(path).rotation % 360 in (degrees, 360 - degrees)
    how = Cut(3, 24)
    assert torch.equal(torch.from_numpy(cutting.cut(row(path), how)), expected(path, how, how.indices(16)))


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
def test_a_cut_of_nothing_is_refused(wrong, as_learners_run_it):
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
    """A byte is wrong: where `read` finds that a frame is damaged, it is refused, or it is what it was before."""
    path = film(tmp_path / "a.mp4", frames=60, gop=15, bframes=3)
    whole, sound, dice = clips.read(path).frames, path.read_bytes(), np.random.default_rng(0)
    begin, refused, given, mended = sound.index(b"mdat"), 0, 0, 0
    for turn in range(20):
        data = bytearray(sound)
        data[dice.integers(begin + 8, len(sound) * 3 // 4)] ^= 0xFF
        path = tmp_path / f"{turn}.mp4"
        path.write_bytes(bytes(data))
        info = clips.probe(path)
        for index in range(0, 60, 6):
            out = np.empty((1, 3, 48, 64), np.uint8)
            if not cutting.quick(info, np.array([index]), out):
                refused += 1
                continue
            given += 1
            try:
                clips.read(info, frames=range(index, index + 1))
            except ClipError:
                mended += 1
                assert np.array_equal(out, whole[index : index + 1].numpy())
    assert refused > 10
    assert given > 80
    assert mended > 0


@pytest.mark.parametrize(
    ("data", "head", "is_spare"),
    [
        ("00000002 01ff", "01640028ff", True),
        ("00000002 41ff", "01640028ff", False),  # nal_ref_idc 2
        ("00000002 09f0 00000002 01ff", "01640028ff", True),  # a delimiter before it
        ("00000002 09f0", "01640028ff", False),  # no slice
        ("00000003 01ff", "01640028ff", False),  # shorter than it says
        ("00000001 01ff", "01640028ff", False),  # longer
        ("00000000", "01640028ff", False),
        ("0002 01ff", "01640028fd", True),  # lengths of two bytes
        ("000001 01ff 000001 01ee", "00000001", True),
        ("000001 01ff 000001 21ee", "", False),
        ("", "", False),
    ],
)
def test_which_packets_are_spare(data, head, is_spare):
    assert cutting.spare(bytes.fromhex(data), bytes.fromhex(head)) == is_spare
