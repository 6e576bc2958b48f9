"""The store: killed at any moment, on any file, by anybody, it goes on to the same bytes."""

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest
import torch
from of_datasets import film, rows_of

from vidlab import DataError
from vidlab.datasets import Cut, Row, Rows, Store, cutting, storage, store

HOW = {"frames": 4, "size": 32}
CUT = Cut(**HOW)


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Eight sound films."""
    root = tmp_path_factory.mktemp("films")
    return [film(root / f"{i}.mp4", seed=i, frames=12 + i) for i in range(8)]


def quiet(rows, folder, **how):
    return store(rows, folder, progress=False, **HOW | {"workers": 2} | how)


def contents(folder):
    return (folder / "clips.bin").read_bytes()


def test_every_clip_is_what_the_film_shows(films, tmp_path):
    rows = rows_of(*films)
    made = quiet(rows, tmp_path)
    tensor = made.tensor()
    assert tensor.shape == (8, 1, 4, 3, 32, 32)
    for i, row in enumerate(rows):
        assert made.slot(row) == i
        assert np.array_equal(tensor[i].numpy(), cutting.cut(row, CUT))
    tensor.zero_()  # memory only
    assert Store(tmp_path).tensor().float().mean() > 20
    with open(tmp_path / "index.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert [line["slot"] for line in table] == [str(i) for i in range(8)]
    assert made.holds(rows)


def test_a_second_call_cuts_nothing_and_new_rows_come_behind(films, tmp_path, monkeypatch):
    quiet(rows_of(*films[:5]), tmp_path)
    before = contents(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(storage, "carried_out", lambda todo, *_: (pytest.fail("cut again") for _ in todo))
        quiet(rows_of(*films[:5]), tmp_path)
        quiet(rows_of(*films[1:3]), tmp_path)  # fewer rows: nothing is lost
    assert contents(tmp_path) == before
    made = quiet(rows_of(*films), tmp_path)
    assert contents(tmp_path)[: len(before)] == before
    assert [made.slot(row) for row in rows_of(*films)] == list(range(8))


PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from of_datasets import rows_of
from vidlab.datasets import store
rows = rows_of(*sorted(Path(sys.argv[1]).glob("*.mp4")))
store(rows, sys.argv[2], frames=4, size=32, workers=2, progress=False)
"""


def done(folder):
    path = folder / "journal.jsonl"
    return path.read_bytes().count(b'"crc"') if path.exists() else 0


def test_a_kill_at_any_moment_loses_nothing(films, tmp_path):
    """Killed again and again, at another moment each time, it ends with the bytes of an undisturbed run."""
    source, (one, other) = films[0].parent, (tmp_path / "one", tmp_path / "other")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, program, source, other, os.path.dirname(__file__)]
    quiet(rows_of(*sorted(films)), one)
    kept = 0
    for turn in range(2):
        running = subprocess.Popen(command)
        deadline = time.monotonic() + 60
        while done(other) < kept + 3 and running.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        running.send_signal(signal.SIGKILL)
        running.wait()
        assert done(other) >= kept
        kept = done(other)
        if turn == 1:  # as if half a line had been written
            with open(other / "journal.jsonl", "ab") as journal:
                journal.write(b'{"slot": 7, "file": [1, 2], "cr')
    assert kept >= 2
    subprocess.run(command, check=True, timeout=100)
    assert contents(other) == contents(one)
    assert done(other) == 8  # nothing was cut twice
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(program) in " ".join(p.info["cmdline"] or [])]


def test_what_did_not_reach_the_disk_is_cut_again(films, tmp_path):
    """A machine that went down: the journal is there, some bytes are not."""
    rows = rows_of(*films)
    quiet(rows, tmp_path)
    good = contents(tmp_path)
    lines = (tmp_path / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "journal.jsonl").write_bytes(b"".join(line for line in lines if b"synced" not in line))
    with open(tmp_path / "clips.bin", "r+b") as file:
        file.seek(3 * CUT.nbytes + 17)
        file.write(b"\0" * 100)
    assert not Store(tmp_path).holds(rows)
    quiet(rows, tmp_path)
    assert contents(tmp_path) == good
    with open(tmp_path / "clips.bin", "r+b") as file:
        file.truncate(5 * CUT.nbytes)
    quiet(rows, tmp_path)
    assert contents(tmp_path) == good


def test_a_changed_file_is_cut_again_and_only_that(films, tmp_path):
    copies = [tmp_path / path.name for path in films[:3]]
    for path, copy in zip(films, copies, strict=False):
        shutil.copy(path, copy)
    folder, rows = tmp_path / "store", rows_of(*copies)
    quiet(rows, folder)
    before = contents(folder)
    film(copies[1], seed=99, frames=30)
    assert not Store(folder).holds(rows)
    made = quiet(rows, folder)
    after, n = contents(folder), CUT.nbytes
    assert after[:n] == before[:n]
    assert after[2 * n :] == before[2 * n :]
    assert np.array_equal(made.tensor()[1].numpy(), cutting.cut(rows[1], CUT))
    copies[1].write_bytes(b"no video any more")
    made = quiet(rows, folder)
    assert made.slot(rows[1]) is None
    assert contents(folder)[n : 2 * n] == bytes(n)
    copies[0].unlink()
    assert quiet(rows, folder).slot(rows[0]) is None


def test_other_settings_are_refused(films, tmp_path):
    quiet(rows_of(*films[:1]), tmp_path)
    with pytest.raises(DataError, match=r"frames = 4.*Wanted: frames = 5"):
        quiet(rows_of(*films[:1]), tmp_path, frames=5)
    (tmp_path / "journal.jsonl").write_text(json.dumps({"version": 99, "how": CUT.as_dict()}) + "\n")
    with pytest.raises(DataError, match="of version 99"):
        quiet(rows_of(*films[:1]), tmp_path)
    with pytest.raises(DataError, match="holds no clips"):
        Store(tmp_path / "nowhere")


def bad_files(root):
    """Name → (bytes, a word of the reason)."""
    sound = film(root / "sound.mkv", frames=60).read_bytes()
    return {
        "empty.mp4": (b"", "empty"),
        "text.mp4": (b"this is no video\n" * 50, "no video that can be read"),
        "cut.mkv": (sound[: len(sound) * 2 // 3], "breaks off"),
        "noise.mp4": (np.random.default_rng(0).bytes(5000), "no video that can be read"),
        "gone.mp4": (None, "no such file"),
    }


def test_bad_files_are_skipped_with_the_reason(films, tmp_path):
    paths, words = [films[0]], {}
    for name, (data, word) in bad_files(tmp_path).items():
        paths.append(tmp_path / name)
        words[name] = word
        if data is not None:
            paths[-1].write_bytes(data)
    os.mkfifo(tmp_path / "pipe.mp4")
    paths += [tmp_path / "pipe.mp4", films[1]]
    words["pipe.mp4"] = "a pipe or a device"
    rows = rows_of(*paths)
    made = quiet(rows, tmp_path / "store")
    assert [row.path.name for row in rows if made.slot(row) is not None] == ["0.mp4", "1.mp4"]
    for row in rows[1:-1]:
        assert words[row.path.name] in made.reason(row)
        assert str(tmp_path) not in made.reason(row)
    assert made.holds(rows)
    (tmp_path / "empty.mp4").write_bytes(films[2].read_bytes())  # mended
    assert quiet(rows, tmp_path / "store").slot(rows[1]) == 1


def children():
    """The worker processes of this one."""
    found = psutil.Process().children(recursive=True)
    return [each for each in found if "spawn_main" in " ".join(each.cmdline())]


@contextlib.contextmanager
def hunting(name, with_signal):
    """Whoever of the workers has this file open gets a signal; gives the numbers of those who did."""
    stop, victims = threading.Event(), []

    def hunt():
        while not stop.wait(0.003):
            with contextlib.suppress(psutil.Error):
                for child in children():
                    if child.pid not in victims and any(file.path.endswith(name) for file in child.open_files()):
                        victims.append(child.pid)
                        child.send_signal(with_signal)

    thread = threading.Thread(target=hunt)
    thread.start()
    yield victims
    stop.set()
    thread.join()


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    """A film of which every frame must be decoded."""
    path = tmp_path_factory.mktemp("slow") / "slow.mp4"
    return film(path, frames=600, size=(480, 640), codec="mpeg4", gop=1000, bframes=0)


@pytest.mark.skipif(sys.platform != "linux", reason="signals of Linux")
def test_a_decoder_that_never_comes_back_is_ended(films, slow, tmp_path):
    """Its process is stopped while it decodes, which from outside looks the same."""
    rows = rows_of(films[0], slow, films[1])
    with hunting("slow.mp4", signal.SIGSTOP) as victims:
        made = quiet(rows, tmp_path, limit=3.0, workers=1)
    assert len(victims) == 1
    assert made.reason(rows[1]) == "it took longer than 3 s"
    assert [made.slot(rows[0]), made.slot(rows[2])] == [0, 2]
    assert contents(tmp_path)[CUT.nbytes : 2 * CUT.nbytes] == bytes(CUT.nbytes)
    assert not children()
    assert quiet(rows, tmp_path, limit=60.0).slot(rows[1]) is None  # it is not tried again
    assert quiet(rows, tmp_path, limit=60.0, retry=True).slot(rows[1]) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="signals of Linux")
def test_a_file_that_brings_its_process_down_is_tried_twice(films, slow, tmp_path):
    rows = rows_of(films[0], slow, films[1])
    with hunting("slow.mp4", signal.SIGKILL) as victims:
        made = quiet(rows, tmp_path, workers=1)
    assert len(victims) == 2
    assert "brought its process down (SIGKILL)" in made.reason(rows[1])
    assert [made.slot(rows[0]), made.slot(rows[2])] == [0, 2]


def test_no_room_is_told_before_anything_is_written(films, tmp_path, monkeypatch):
    free = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda _: free._replace(free=storage.SPARE + 8 * CUT.nbytes - 1))
    with pytest.raises(DataError, match="the clips take 0.00 GB more"):
        quiet(rows_of(*films), tmp_path)
    assert not (tmp_path / "clips.bin").exists()
    quiet(rows_of(*films[:7]), tmp_path)


def test_a_disk_that_is_full_meanwhile_ends_it_and_spoils_nothing(films, tmp_path):
    """The file cannot be written: an error, not eight bad films."""
    import resource

    rows = rows_of(*films)
    program = (
        "import resource, sys; from pathlib import Path; sys.path.insert(0, sys.argv[3]);"
        "from of_datasets import rows_of; from vidlab.datasets import storage; import os;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40000, 40000));"
        "del os.posix_fallocate; storage.make_room = lambda folder, *_: (folder / 'clips.bin').touch();"
        "storage.store(rows_of(*map(Path, sys.argv[4:])), sys.argv[1], frames=4, size=32, workers=1, progress=False)"
    )
    assert resource.RLIMIT_FSIZE is not None
    command = [sys.executable, "-c", program, tmp_path / "s", "", os.path.dirname(__file__), *films]
    said = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert said.returncode == 1
    assert "cannot be written" in said.stderr
    made = quiet(rows, tmp_path / "s")
    assert all(made.slot(row) is not None for row in rows)


def test_two_processes_on_one_store(films, tmp_path):
    with storage.alone(tmp_path), pytest.raises(DataError, match="another process is filling"):
        quiet(rows_of(*films[:1]), tmp_path)
    quiet(rows_of(*films[:1]), tmp_path)


def test_several_parts_of_one_film(films, tmp_path):
    rows = Rows(Row(films[7], "a", "s", "", *times) for times in ((0.0, 0.3), (0.3, None), (None, None)))
    made = quiet(rows, tmp_path)
    assert [made.slot(row) for row in rows] == [0, 1, 2]
    assert not torch.equal(made.tensor()[0], made.tensor()[1])


def test_workers_do_without_torch():
    program = "import vidlab.datasets.workers, vidlab.datasets.cutting, sys; print('torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
