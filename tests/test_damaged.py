"""Hundreds of damaged films: each is read, or refused with one clear error; none crashes, hangs or raises otherwise.

Files are read in worker processes, each of them watched: one that dies, takes too long or swells is noticed by name.
"""

import multiprocessing
import queue
import sys
import threading
import time
import zlib

import numpy as np
import pytest
import torch
from test_clips import copied, film

from vidlab import ClipError, clips, data

LIMIT = 60  # seconds for one file, on a busy machine; the slowest needs about one
SWELL = 400  # MB that no damaged file may take beyond what the sound one takes
CONTEXT = multiprocessing.get_context("forkserver" if sys.platform != "win32" else "spawn")
LIES = (
    b"ftyp",
    b"moov",
    b"mvhd",
    b"tkhd",
    b"mdhd",
    b"stts",
    b"ctts",
    b"stss",
    b"stsc",
    b"stsz",
    b"stco",
    b"avc1",
    b"vp09",
)
EBML = (b"\x1aE\xdf\xa3", b"\x18S\x80g", b"\x15I\xa9f", b"\x16T\xaek", b"\x1fC\xb6u", b"\x1cS\xbbk", b"\xb0", b"\xba")


def variants(content, suffix):
    """(name, bytes, ending): cut off, flipped, zeroed, swapped, with junk, with lies in the header and in the name."""
    random = np.random.default_rng(0)
    n = len(content)

    def spoilt(where, what):
        return content[:where] + what[: max(0, n - where)] + content[where + len(what) :]

    for k in range(30):
        yield f"cut at {k}/30", content[: n * k // 30 + k], suffix
    for k in range(40):
        flipped = bytearray(content)
        for position in random.integers(0, n, size=1 + 2 * k):
            flipped[position] ^= 1 << int(random.integers(8))
        yield f"{1 + 2 * k} bits flipped", bytes(flipped), suffix
    for k in range(25):
        yield f"zeros at {k}/25", spoilt(n * k // 25, bytes(200 + n // 50)), suffix
        yield f"noise at {k}/25", spoilt(n * k // 25, random.bytes(200 + n // 100)), suffix
    for k in range(15):
        a, b = sorted(int(i) for i in random.integers(0, n - 600, size=2))
        b = max(b, a + 500)
        swapped = content[:a] + content[b : b + 500] + content[a + 500 : b] + content[a : a + 500] + content[b + 500 :]
        yield f"blocks swapped {k}", swapped, suffix
    for k in range(15):
        a = int(random.integers(0, n - 400))
        yield f"a piece missing {k}", content[:a] + content[a + 300 :], suffix
    for k in range(6):
        yield f"junk appended {k}", content + random.bytes(1000 * k + 1), suffix
        yield f"junk in front {k}", random.bytes(7 * k + 1) + content, suffix
    for ending in ("mp4", "mkv", "avi", "ts", "mp3", "png", "txt", "m3u8", "yuv", "gif", "concat", ""):
        yield f"called .{ending}", content, ending
    for box in LIES if suffix == "mp4" else EBML:
        where = content.find(box)
        if where >= 0:
            yield f"{box!r} renamed", spoilt(where, b"free"), suffix
            yield f"{box!r} longer than the file", spoilt(max(0, where - 4), b"\x7f\xff\xff\xff"), suffix
            yield f"{box!r} full of ones", spoilt(where + len(box), b"\xff" * 12), suffix
            yield f"{box!r} counts millions", spoilt(where + 8, b"\x00\x00\x00\x01\x00\xff\xff\xff"), suffix
            yield f"{box!r} lasts for years", spoilt(where + 20, b"\x7f\xff\xff\xff"), suffix
            yield f"{box!r} claims 65535×65535", spoilt(where + 28, b"\xff\xff\xff\xff"), suffix


def attempt(path):
    """(outcome, error or checksum of each frame, peak MB); outcome: "read", "refused", or the name of another error."""
    import resource

    torch.set_num_threads(1)
    try:
        clip = clips.read(path, size=(24, 32), max_bytes=64 << 20)
        said = "read", [zlib.crc32(frame.numpy().tobytes()) for frame in clip.frames]
    except ClipError as error:
        said = "refused", str(error)
    except BaseException as error:  # noqa: BLE001
        said = type(error).__name__, str(error)
    return *said, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform != "darwin" else 1 << 20)


def serve(pipe):
    while True:
        pipe.send(attempt(pipe.recv()))


def watch(files, waiting, results):
    """Have the waiting files read by a process, and by another one if that dies or must be killed."""
    process = None
    while not waiting.empty():
        try:
            name = waiting.get_nowait()
        except queue.Empty:
            break
        if process is None:
            pipe, theirs = CONTEXT.Pipe()
            process = CONTEXT.Process(target=serve, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
        try:
            pipe.send(files[name])
            results[name] = pipe.recv() if pipe.poll(LIMIT) else ("hangs", f"more than {LIMIT} s", 0)
        except (EOFError, OSError):
            process.join()
            results[name] = "crashes", f"exit code {process.exitcode}", 0
        if results[name][0] in ("hangs", "crashes"):
            process.kill()
            process = None
    if process:
        process.kill()


def read_all(files):
    """{name: what `attempt` says}, read by two processes side by side."""
    CONTEXT.set_forkserver_preload(["vidlab.clips"]) if sys.platform != "win32" else None
    waiting, results = queue.Queue(), {}
    for name in files:
        waiting.put(name)
    threads = [threading.Thread(target=watch, args=(files, waiting, results)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["h264.mp4", "h264.mkv", "walker.mp4"])
def test_damaged_films(tmp_path, kind):
    suffix = kind.split(".")[-1]
    sound = tmp_path / f"sound.{suffix}"
    if kind == "walker.mp4":  # the real film, VP9
        copied(data.path("walker"), sound, packets=4)
    else:
        film(sound, gop=12, bframes=3)
    files = {"sound": sound}
    for number, (name, content, ending) in enumerate(variants(sound.read_bytes(), suffix)):
        files[name] = tmp_path / (f"{number}.{ending}" if ending else str(number))
        files[name].write_bytes(content)
    assert len(files) > 200

    started = time.monotonic()
    results = read_all(files)
    taken = time.monotonic() - started
    assert len(results) == len(files)
    outcome, original, usual = results.pop("sound")
    assert outcome == "read"

    strange = {name: result for name, result in results.items() if result[0] not in ("read", "refused")}
    assert not strange
    refused = {name: said for name, (outcome, said, _) in results.items() if outcome == "refused"}
    for name, said in refused.items():
        assert said.startswith(str(files[name])), said
        assert "Try:" in said or "Wanted:" in said, said
    swollen = {name: peak for name, (*_, peak) in results.items() if peak > usual + SWELL}
    assert not swollen
    whole = [name for name, (_, said, _) in results.items() if said == original]
    for name, (outcome, said, _) in results.items():
        if outcome == "read" and name.startswith(("cut", "junk", "called")):
            assert said == original, name  # nothing is lost or changed in silence
    peak = max(peak for *_, peak in results.values())
    print(
        f"{kind}: {len(results)} variants in {taken:.1f} s, {len(refused)} refused, {len(whole)} read as if sound, "
        f"{len(results) - len(refused) - len(whole)} read otherwise; at most {peak} MB, {usual} MB for the sound one"
    )


def test_a_reader_that_hangs_or_dies_is_noticed(tmp_path, monkeypatch):
    """The watch itself: a process that sleeps and one that is killed are told from one that answers."""
    film(tmp_path / "a.mp4", frames=2)
    monkeypatch.setattr("test_damaged.serve", misbehave)
    files = {"dies": "dies", "dies too": "dies", "reads": tmp_path / "a.mp4"}
    outcomes = {name: result[0] for name, result in read_all(files).items()}
    assert outcomes == {"dies": "crashes", "dies too": "crashes", "reads": "read"}
    monkeypatch.setattr("test_damaged.LIMIT", 1.0)  # too short for one that reads, where the machine is slow
    assert [result[0] for result in read_all({"sleeps": "sleeps"}).values()] == ["hangs"]


def misbehave(pipe):
    import os
    import signal

    while True:
        task = pipe.recv()
        if task == "sleeps":
            time.sleep(600)
        elif task == "dies":
            os.kill(os.getpid(), signal.SIGSEGV)
        pipe.send(attempt(task))
