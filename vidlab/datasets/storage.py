"""The store: the clips of many videos in one file, which a tensor looks at without reading it into memory.

A folder with three files: `clips.bin`, the bytes `n k t c h w`; `journal.jsonl`, a line for all that was done; and
`index.csv`, for people. A line of the journal is written when the bytes are there, and holds their checksum. So a kill
at any moment loses nothing that was done; and should a machine go down before the bytes reach the disk, their checksum
tells, and the video is cut again.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout
from jaxtyping import UInt8
from torch import Tensor
from tqdm.auto import tqdm

from ..errors import DataError
from .cutting import Cut
from .journal import VERSION, State, key, read, stamp, undone, verify
from .rows import Row, Rows
from .workers import Job, carried_out

LIMIT = 120.0  # seconds for a video
SPARE = 64 << 20  # bytes to leave on the disk


class Store:
    """Clips on disk, as `store` makes them; it is open for reading only.

    Raises:
        DataError: no store in this folder, or one that another version wrote.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = Path(folder)
        self.state = read(self.folder)
        if self.state.how is None:
            raise DataError(f"{self.folder} holds no clips", mend="store(rows, folder)")
        self.how = Cut(**self.state.how)

    def __len__(self) -> int:
        return len(self.state.slots)

    def slot(self, row: Row) -> int | None:
        """Where the clips of a row lie; None if it could not be used, or has not been cut."""
        slot = self.state.slots.get(key(row))
        return slot if slot in self.state.sums else None

    def reason(self, row: Row) -> str:
        """Why a row could not be used; empty if it could."""
        return self.state.bad.get(self.state.slots.get(key(row), -1), "")

    def tensor(self) -> UInt8[Tensor, "n k t c h w"]:
        """All clips, memory-mapped: what is looked at is read. Writing to it changes no file."""
        shape = (len(self), *self.how.shape)
        return torch.from_numpy(np.memmap(self.folder / "clips.bin", np.uint8, mode="c", shape=shape))

    def holds(self, rows: Rows) -> bool:
        """Whether all rows are done, or known to be bad, and no file has changed since."""
        return not self.state.unsure and not undone(self.state, rows)


def store(
    rows: Rows,
    folder: str | os.PathLike,
    *,
    frames: int = 8,
    size: int = 64,
    clips_per_video: int = 1,
    stride: int | None = None,
    workers: int | None = None,
    limit: float = LIMIT,
    retry: bool = False,
    progress: bool = True,
) -> Store:
    """Cut the clips of all rows that are not in the folder yet, and keep them as bytes `n k t c h w`.

    The same call goes on where the last one was broken off, and has nothing to do after the end; files that have
    changed since, by size or time, are cut again, and new rows come behind the others. A video that cannot be read is
    skipped, with the reason. Memory: about 0.2 GB, and for each worker 40 MB and what its decoder
    keeps, some twenty frames of full size; however many videos there are, and however long.

    Args:
        frames, size, clips_per_video, stride: as in `Cut`: height and width in pixels, every how-manieth frame.
        workers: processes of one thread; by default one for each core.
        limit: seconds after which a video is given up.
        retry: also try again what was bad.

    Raises:
        DataError: the disk has not so much room; the folder holds clips of other settings; another process is at it.
    """
    how, folder = Cut(frames, size, clips_per_video, stride), Path(folder)
    hidden = not progress or bool(os.environ.get("TQDM_DISABLE"))
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        state = read(folder)
        if state.how is not None and state.how != how.as_dict():
            then, now = (", ".join(f"{k} = {v}" for k, v in each.items()) for each in (state.how, how.as_dict()))
            raise DataError(f"{folder} holds clips with {then}", wanted=now, mend="another folder, or delete this one")
        with open(folder / "journal.jsonl", "ab") as journal, contextlib.ExitStack() as opened:
            journal.truncate(state.length)  # a line that was being written when the process was killed

            def note(**what: object) -> None:
                journal.write(json.dumps(what).encode() + b"\n")
                journal.flush()

            if state.how is None:
                note(version=VERSION, how=how.as_dict())
            verify(folder, state, how)
            if retry:
                state.bad.clear()
            jobs = undone(state, rows)
            make_room(folder, state, how, rows, not hidden and bool(jobs))
            data = opened.enter_context(open(folder / "clips.bin", "r+b", buffering=0))
            for row in rows:
                if key(row) not in state.slots:
                    state.slots[key(row)] = len(state.slots)
                    note(slot=state.slots[key(row)], row=key(row))
            files = {slot: stamp(row) for row in jobs for slot in [state.slots[key(row)]]}
            todo = [Job(row, state.slots[key(row)] * how.nbytes) for row in jobs]
            for slot in files.keys() & state.sums.keys():  # its bytes are about to be written over
                note(slot=slot, file=[0, 0], bad="its file has changed")
            bar = tqdm(total=len(todo), desc="cutting", unit="video", disable=hidden, leave=False, delay=1)
            cores = min(workers or cpus(), max(1, len(todo)))
            answers = carried_out(todo, folder / "clips.bin", how, cores, limit)
            with bar, contextlib.closing(answers):
                for job, answer in answers:
                    slot = job.offset // how.nbytes
                    if answer.crc is None:  # it may have been sound before, or have come half
                        data.seek(job.offset)
                        data.write(bytes(how.nbytes))
                    outcome = {"bad": answer.reason} if answer.crc is None else {"crc": answer.crc}
                    note(slot=slot, file=files[slot], **outcome)
                    bar.update()
            if todo or state.unsure:
                os.fsync(data.fileno())
                note(synced=True)
                os.fsync(journal.fileno())
        made = Store(folder)
        write_index(made, rows)
    return made


def make_room(folder: Path, state: State, how: Cut, rows: Rows, tell: bool) -> None:
    """Make the file as long as it will be, after asking whether there is room; nothing is written before."""
    path = folder / "clips.bin"
    total = len({*state.slots, *map(key, rows)}) * how.nbytes
    there = path.stat().st_size if path.exists() else 0
    need, free = max(0, total - there), shutil.disk_usage(folder).free
    if tell:
        print(f"{len(rows)} videos take {total / 1e6:.1f} MB in {folder} ({free / 1e9:.1f} GB are free)")
    if need and need + SPARE > free:
        raise DataError(
            f"{folder}: the clips take {need / 1e9:.2f} GB more, and the disk has {free / 1e9:.2f} GB free",
            mend="fewer frames, a smaller size, fewer clips a video, or another disk",
        )
    with open(path, "ab") as file:
        if need and hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(file.fileno(), there, need)  # so that another program cannot take the room
            except OSError as error:
                raise DataError(f"{folder}: no room for {need / 1e9:.2f} GB ({error})", mend="another disk") from error
        file.truncate(total if need else there)


def write_index(made: Store, rows: Rows) -> None:
    """The table for people: which row lies where, and what could not be used."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["slot", "path", "label", "source", "split", "start", "stop", "skipped because"])
    for row in rows:
        place = "" if made.slot(row) is None else made.slot(row)
        times = ["" if time is None else time for time in (row.start, row.stop)]
        table.writerow([place, row.path, row.label, row.source, row.split, *times, made.reason(row)])
    part = made.folder / "index.csv.part"
    part.write_text(text.getvalue(), encoding="utf-8")
    os.replace(part, made.folder / "index.csv")


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process at a time fills a store; one that was killed holds up nobody.

    Raises:
        DataError: another one is at it.
    """
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise DataError(
            f"another process is filling {folder}", mend="wait until it is done, and call it again"
        ) from error
    try:
        yield
    finally:
        lock.release()


def cpus() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
