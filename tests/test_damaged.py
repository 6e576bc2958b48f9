"""Hundreds of damaged films: each is read, or refused with one clear error; none crashes, hangs or raises otherwise.

Files are read in worker processes, so that a crash of the decoder or a read that never ends would be seen.
"""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import TimeoutError as Late
from itertools import islice

import numpy as np
import pytest
from test_clips import film

from vidlab import data

LIMIT = 20  # seconds for one file, on a busy machine


def variants(content, name):
    """(name, bytes): cut off, flipped, zeroed, shuffled, with junk, and with lies in the header."""
    random = np.random.default_rng(0)
    n = len(content)

    def spoilt(where, what):
        part = bytearray(content)
        part[where : where + len(what)] = what[: max(0, n - where)]
        return bytes(part)

    for k in range(20):
        yield f"{name} cut at {k}/20", content[: n * k // 20 + k]
    for k in range(25):
        flipped = bytearray(content)
        for position in random.integers(0, n, size=1 + 2 * k):
            flipped[position] ^= 1 << int(random.integers(8))
        yield f"{name} {1 + 2 * k} bits flipped", bytes(flipped)
    for k in range(20):
        yield f"{name} zeros at {k}/20", spoilt(n * k // 20, bytes(200 + n // 50))
    for k in range(20):
        yield f"{name} noise at {k}/20", spoilt(n * k // 20, random.bytes(200 + n // 100))
    for k in range(10):
        a, b = sorted(int(i) for i in random.integers(0, n - 600, size=2))
        swapped = content[:a] + content[b : b + 500] + content[a + 500 : b] + content[a : a + 500] + content[b + 500 :]
        yield f"{name} blocks swapped {k}", swapped
    for k in range(5):
        yield f"{name} junk appended {k}", content + random.bytes(1000 * k + 1)
        yield f"{name} junk in front {k}", random.bytes(7 * k + 1) + content
    for k in range(10):
        a = int(random.integers(0, n - 400))
        yield f"{name} a piece missing {k}", content[:a] + content[a + 300 :]
    for box in (b"moov", b"mdat", b"stts", b"stsz", b"stco", b"tkhd", b"avc1", b"ftyp", b"mvhd", b"\x1aE\xdf\xa3"):
        where = content.find(box)
        if where >= 0:
            yield f"{name} {box!r} renamed", spoilt(where, b"free")
            yield f"{name} {box!r} size lies", spoilt(max(0, where - 4), b"\x7f\xff\xff\xff")
            yield f"{name} {box!r} counts lie", spoilt(where + 8, b"\xff" * 12)


def attempt(path, stop):
    """What reading a file gives: "read", the error's text, or the name of an exception that should not be."""
    import torch

    from vidlab import ClipError, clips

    torch.set_num_threads(1)
    try:
        clip = clips.read(path, size=(24, 32), stop=stop, max_bytes=64 << 20)
    except ClipError as error:
        return "refused", str(error)
    except BaseException as error:  # noqa: BLE001
        return type(error).__name__, str(error)
    return "read", f"{len(clip)} frames"


@pytest.mark.parametrize("kind", ["h264.mp4", "h264.mkv", "walker.mp4"])
def test_damaged_films(tmp_path, kind):
    if kind == "walker.mp4":  # the real film, VP9: only its beginning is read, and every sixth damage tried
        content, stop, step = data.path("walker").read_bytes(), 0.2, 6
    else:
        content, stop, step = film(tmp_path / kind, size=(48, 64), gop=12).read_bytes(), None, 1
    suffix = kind.split(".")[-1]
    files = {}
    for number, (name, spoilt) in enumerate(islice(variants(content, kind), 0, None, step)):
        files[name] = tmp_path / f"{number}.{suffix}"
        files[name].write_bytes(spoilt)
    assert len(files) >= 100 // step
    started = time.monotonic()
    outcomes = {}
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("forkserver")) as pool:
        waiting = {name: pool.submit(attempt, path, stop) for name, path in files.items()}
        for name, future in waiting.items():
            try:
                outcomes[name] = future.result(timeout=LIMIT)
            except Late:
                outcomes[name] = "hangs", f"more than {LIMIT} s"
                break
    strange = {name: outcome for name, outcome in outcomes.items() if outcome[0] not in ("read", "refused")}
    assert not strange
    refused = {name: text for name, (kind, text) in outcomes.items() if kind == "refused"}
    assert all(str(files[name]) in text and "Try:" in text or "Wanted:" in text for name, text in refused.items())
    print(f"{kind}: {len(outcomes)} variants, {len(refused)} refused, in {time.monotonic() - started:.1f} s")
