"""The course's data: a verified copy of each file on this machine.

`data/registry.toml` names every file with its source, version, SHA-256, licence and credit. `path("walker")` hands out
a file of the cache, fetched on first use and needing no network afterwards. The cache is the user's (`$VIDLAB_CACHE`
moves it). A file appears there whole and checked, or not at all: it is written beside its place and renamed, by one
process at a time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import json
import os
import shutil
import sys
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from . import clips, download
from .catalogue import REGISTRY, Entry, cache, credits, megabytes, registry, table
from .errors import DataError

__all__ = [
    "Entry",
    "benchmark",
    "cache",
    "credits",
    "fetch",
    "is_here",
    "path",
    "published",
    "registry",
    "table",
    "verify",
    "walker",
]
DEFAULT = "walker"
LOCK_SECONDS = 600  # how long to wait for another process that is fetching the same thing


def _entry(name: str) -> Entry:
    rows = registry()
    if name not in rows:
        near = difflib.get_close_matches(name, rows, n=1)
        raise DataError(
            f"no data is called {name!r}", wanted=", ".join(rows), mend=f"{near[0]!r}" if near else "`vidlab data`"
        )
    return rows[name]


@lru_cache(maxsize=256)
def _sum(path: Path, size: int, changed: int) -> str:
    """The checksum of a file; of an unchanged file it is computed once a process."""
    return download.sha256(path)


def _sound(entry: Entry) -> bool:
    """Whether the file is here and is what the registry says."""
    try:
        stat = entry.file.stat()
        return stat.st_size == entry.bytes and _sum(entry.file, stat.st_size, stat.st_mtime_ns) == entry.sha256
    except OSError:
        return False


def is_here(name: str = DEFAULT) -> bool:
    """Whether a file can be used without a network; looks at its size only (`verify` reads it)."""
    return _entry(name).here


def path(name: str = DEFAULT) -> Path:
    """The verified file `name`, fetched if it is not here yet (or is damaged).

    Raises:
        DataError: no such name, no network, no room, or what arrived is not what the registry says.
    """
    entry = _entry(name)
    return entry.file if _sound(entry) else fetch(name)


def benchmark(name: str) -> dict[str, Any]:
    """What `tests/bench/bench_NAME.py --save` measured: `data/NAME_benchmark.json`, with its date and versions.

    Raises:
        DataError: nothing was saved under this name.

    >>> sorted(benchmark("flow"))
    ['about', 'endpoint_error', 'peak_megabytes', 'seconds']
    """
    file = REGISTRY.with_name(f"{name}_benchmark.json")
    if not file.is_file():
        saved = [path.name.removesuffix("_benchmark.json") for path in sorted(file.parent.glob("*_benchmark.json"))]
        raise DataError(f"no benchmark was saved as {name!r}", wanted=" or ".join(saved))
    return json.loads(file.read_text(encoding="utf-8"))


def published(name: str) -> dict[str, Any]:
    """A table of numbers from the literature, out of `data/published.json`: its `source`, its `unit` and its `rows`.

    Raises:
        DataError: there is no such table.

    >>> published("karpathy2014")["rows"]["Slow Fusion"]
    [41.9, 60.9, 80.2]
    """
    tables = json.loads(REGISTRY.with_name("published.json").read_text(encoding="utf-8"))
    if name not in tables:
        raise DataError(f"no published table is called {name!r}", wanted=" or ".join(tables))
    return tables[name]


def walker(**how: Any) -> clips.Clip:
    """The default real clip, read as `vidlab.clips.read(path("walker"), **how)` reads it."""
    return clips.read(path(DEFAULT), **how)


def fetch(name: str, force: bool = False) -> Path:
    """Bring a file here, unless it is; with `force`, even then. Safe to call from several processes at once.

    Raises:
        DataError: as `path`.
    """
    entry = _entry(name)
    if entry.kind == "local":
        if not entry.file.is_file():
            raise DataError(f"{name} should lie at {entry.file} and does not", mend="put it there or correct `source`")
        _check(entry, entry.file)
        return entry.file
    if not force and _sound(entry):
        return entry.file
    folder = cache()
    batch = f"{entry.source}-{entry.version}" if entry.kind == "pip" else entry.file.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{batch}.lock", timeout=LOCK_SECONDS):
            if force or not _sound(entry):  # another process may have been faster
                print(f"fetching {name}: {entry.source} {entry.version}".rstrip(), file=sys.stderr)
                (_from_wheel if entry.kind == "pip" else _from_web)(entry, folder / f".{batch}")
    except DataError:
        raise
    except Timeout as error:
        raise DataError(f"another process has been fetching {name} for {LOCK_SECONDS} s", mend="stop it") from error
    except OSError as error:
        raise DataError(
            f"{name} cannot be kept in {folder}: {error}",
            wanted=f"a folder that can be written, with {megabytes(entry.bytes)} free",
            mend="make room, or set VIDLAB_CACHE to another folder",
        ) from error
    return entry.file


def _from_web(entry: Entry, stem: Path) -> None:
    part = stem.with_name(stem.name + ".part")
    resumed = part.exists()
    download.https(entry.source, part, size=entry.bytes)
    if resumed and download.sha256(part) != entry.sha256:  # begun with another version of the file: again, from zero
        part.unlink()
        download.https(entry.source, part, size=entry.bytes)
    _put(entry, part)


def _from_wheel(entry: Entry, stem: Path) -> None:
    """Download the wheel once and take out of it every file that the registry has from there."""
    scratch = stem.with_name(stem.name + ".tmp")
    shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed: we hold its lock now
    scratch.mkdir()
    try:
        wheel = download.wheel(entry.source, entry.version, scratch, entry.pip_args)
        if entry.package_sha256:
            _check(dataclasses.replace(entry, sha256=entry.package_sha256), wheel)
        with zipfile.ZipFile(wheel) as archive:
            _unpack(entry, archive, scratch)
            for other in registry().values():
                if other.kind == "pip" and (other.source, other.version) == (entry.source, entry.version):
                    if not _sound(other):
                        with contextlib.suppress(DataError):  # its row is wrong; whoever asks for it will be told
                            _unpack(other, archive, scratch)
    except zipfile.BadZipFile as error:
        raise DataError(f"{entry.source} {entry.version} is no wheel: {error}", mend="fetch again") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _unpack(entry: Entry, archive: zipfile.ZipFile, scratch: Path) -> None:
    if entry.member not in archive.namelist():
        raise DataError(f"{entry.source} {entry.version} holds no {entry.member}", mend="correct `member`")
    loose = scratch / "member"
    with archive.open(entry.member) as packed, open(loose, "wb") as file:
        shutil.copyfileobj(packed, file)
    _put(entry, loose)


def _put(entry: Entry, loose: Path) -> None:
    """Check a file and move it into its place, in one step."""
    try:
        _check(entry, loose)
    except DataError:
        loose.unlink()
        raise
    os.replace(loose, entry.file)


def _check(entry: Entry, file: Path) -> None:
    got = download.sha256(file)
    if got != entry.sha256:
        raise DataError(
            f"{file.name} for {entry.name} is not the file that was published: its sha256 is {got}",
            wanted=f"sha256 {entry.sha256}",
            mend="fetch again; if it differs again, the source has changed, and the registry must be looked into",
        )


def verify() -> dict[str, str]:
    """Read every file that is here and compare it with its checksum: "sound", "damaged" or "not here", by name."""
    return {
        name: "sound" if _sound(entry) else "damaged" if entry.file.exists() else "not here"
        for name, entry in registry().items()
    }
