"""The journal of a store: a line for each thing that was done, written when it was done.

A program that is killed while it writes leaves half a line at the end, which counts as none; so nothing that the
journal says is half true. A machine that goes down may lose bytes which the journal promised: the checksums tell.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DataError
from .cutting import Cut
from .rows import Row, Rows

VERSION = 1
Key = tuple[str, float | None, float | None]


@dataclass
class State:
    """What the journal says. slots: where the clips of a row lie. files: size and time of the file when it was cut.

    sums: checksums of what was done. bad: reasons of what was not. unsure: done, but perhaps not on the disk yet.
    """

    how: dict | None = None
    slots: dict[Key, int] = field(default_factory=dict)
    files: dict[int, list[int]] = field(default_factory=dict)
    sums: dict[int, int] = field(default_factory=dict)
    bad: dict[int, str] = field(default_factory=dict)
    unsure: set[int] = field(default_factory=set)
    length: int = 0  # bytes of the journal that can be read


def key(row: Row) -> Key:
    """By which a row is known again."""
    return os.path.abspath(row.path), row.start, row.stop


def stamp(row: Row) -> list[int]:
    """Size in bytes and time of change of a file: another stamp, another file."""
    try:
        found = os.stat(row.path)
        return [found.st_size, found.st_mtime_ns]
    except (OSError, ValueError):
        return [-1, -1]


def read(folder: Path) -> State:
    """What the journal says, as far as it can be read; nothing, if there is none.

    Raises:
        DataError: it was written by another version.
    """
    state, path = State(), folder / "journal.jsonl"
    for line in path.read_bytes().splitlines(keepends=True) if path.exists() else []:
        try:
            said = json.loads(line) if line.endswith(b"\n") else None
        except ValueError:
            said = None
        if not isinstance(said, dict):
            break
        state.length += len(line)
        if "how" in said:
            if said.get("version") != VERSION:
                raise DataError(f"{path} is of version {said.get('version')}", wanted=f"{VERSION}")
            state.how = said["how"]
        elif "row" in said:
            state.slots[tuple(said["row"])] = said["slot"]
        elif "synced" in said:
            state.unsure.clear()
        else:
            slot = said["slot"]
            state.files[slot] = said["file"]
            for kind, table in (("crc", state.sums), ("bad", state.bad)):
                table.pop(slot, None)
                if kind in said:
                    table[slot] = said[kind]
            state.unsure.add(slot)
    return state


def undone(state: State, rows: Rows) -> list[Row]:
    """Rows that have not been tried, and those whose file has changed."""

    def as_it_was(row: Row) -> bool:
        slot = state.slots.get(key(row))
        return (slot in state.sums or slot in state.bad) and state.files[slot] == stamp(row)

    return [row for row in rows if not as_it_was(row)]


def verify(folder: Path, state: State, how: Cut) -> None:
    """Forget what was done but did not reach the disk: its bytes have another checksum."""
    size = (folder / "clips.bin").stat().st_size if (folder / "clips.bin").exists() else 0
    beyond = {slot for slot in state.sums if (slot + 1) * how.nbytes > size}
    for slot in sorted((state.unsure & set(state.sums)) | beyond):
        with contextlib.suppress(FileNotFoundError), open(folder / "clips.bin", "rb") as data:
            data.seek(slot * how.nbytes)
            if zlib.crc32(data.read(how.nbytes)) == state.sums[slot]:
                continue
        del state.sums[slot]
