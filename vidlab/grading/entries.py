"""The files in a folder or a zip that somebody else filled: what can be read safely, and why the rest cannot.

No link is followed, no name leads anywhere, and no entry grows larger than a notebook may be.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .intake import LARGEST, IntakeError, contents
from .store import CourseError

ENTRIES, TOTAL, RATIO, DEEP = 20_000, 4 << 30, 300, 4  # files, bytes of all, unpacked to packed, folders
Left = list[tuple[str, str]]  # what is not read, and why


@dataclass(frozen=True)
class Entry:
    """One file: where it lies, when it was changed, and its bytes (or an IntakeError)."""

    parts: tuple[str, ...]
    when: float
    data: Callable[[], bytes]

    @property
    def where(self) -> str:
        return "/".join(self.parts)


def entries(inbox: Path, left: Left, still_open: contextlib.ExitStack) -> Iterator[Entry]:
    if inbox.is_dir():
        return _of_folder(inbox, (), left)
    if not zipfile.is_zipfile(inbox):
        raise CourseError(f"{inbox} is neither a folder nor a zip", wanted="what students handed in")
    try:
        file = still_open.enter_context(zipfile.ZipFile(inbox))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise CourseError(f"{inbox} is a damaged zip ({error})", mend="download it again") from error
    return _of_zip(file, left)


def _of_folder(place: Path, parts: tuple[str, ...], left: Left) -> Iterator[Entry]:
    for item in sorted(os.scandir(place), key=lambda item: item.name):
        here = (*parts, item.name)
        if item.is_symlink():
            left.append(("/".join(here), "a link"))
        elif item.is_dir() and len(here) > DEEP:
            left.append(("/".join(here), "too deep"))
        elif item.is_dir():
            yield from _of_folder(Path(item.path), here, left)
        else:
            when = item.stat(follow_symlinks=False).st_mtime
            yield Entry(here, when, lambda path=Path(item.path): contents(path))


def _of_zip(file: zipfile.ZipFile, left: Left) -> Iterator[Entry]:
    """The entries whose names and sizes are what they should be."""
    infos = file.infolist()
    if len(infos) > ENTRIES or sum(info.file_size for info in infos) > TOTAL:
        raise CourseError(f"the zip holds {len(infos)} files", wanted=f"at most {ENTRIES}, and {TOTAL >> 30} GB in all")
    for info in infos:
        if info.is_dir() or info.filename.startswith("__MACOSX/"):
            continue
        why = _wrong(info)
        if why:
            left.append((info.filename, why))
            continue
        try:
            when = time.mktime((*info.date_time, 0, 0, -1))  # a zip knows no time zone: that of this machine
        except (ValueError, OverflowError):
            when = 0.0
        yield Entry(tuple(info.filename.split("/")), when, lambda info=info: _unpacked(file, info))


def _wrong(info: zipfile.ZipInfo) -> str:
    """Why an entry is not even looked at."""
    name, parts = info.orig_filename, info.filename.split("/")
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or "\\" in name or "\0" in name:
        return "an absolute name, or one of Windows"
    if any(part in ("", ".", "..") for part in parts) or len(parts) > DEEP + 1:
        return "a name that leads elsewhere"
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return "a link or a device"
    if info.flag_bits & 0x41:
        return "encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "compressed in a way that is not read here"
    if info.file_size > LARGEST:
        return f"{info.file_size >> 20} MB: more than {LARGEST >> 20}"
    if info.file_size > max(RATIO * info.compress_size, 1 << 20):
        return "it would grow more than a notebook does: a zip bomb?"
    return ""


def _unpacked(file: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The bytes of one entry, and not more than it promised."""
    try:
        with file.open(info) as entry:
            data = entry.read(LARGEST + 1)
    except Exception as error:  # BadZipFile, zlib.error, EOFError, NotImplementedError
        raise IntakeError(f"it cannot be unpacked ({type(error).__name__})", wanted="an undamaged zip") from error
    if len(data) != info.file_size:
        raise IntakeError("its size is not what the zip says", wanted="an undamaged zip")
    return data


def shown(name: str) -> str:
    """A name that somebody else chose, safe to print: no control characters, nothing that turns text around."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)[:120]
