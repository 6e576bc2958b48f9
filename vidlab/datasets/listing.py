"""Listings of one's own videos: a folder for each class, or a table.

Whatever is amiss with single files is counted and told (`rows.troubles`), and the others are listed all the same.
"""

from __future__ import annotations

import csv
import math
import os
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from ..errors import DataError
from .rows import Row, Rows, finished

ENDINGS = frozenset(
    ".3gp .avi .flv .gif .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .vob .webm .wmv".split()
)  # fmt: skip
SPLITS = {
    "train": "train", "training": "train", "val": "validation", "valid": "validation", "validate": "validation",
    "validation": "validation", "test": "test", "testing": "test",
}  # fmt: skip
Source = str | re.Pattern | Callable[[PurePosixPath], str] | None


def folders(folder: str | os.PathLike, *, source: Source = None) -> Rows:
    """A folder of class folders: `run/a.mp4`, `run/more/b.mp4`, `walk/c.avi`.

    If they lie in folders called train, validation or test, these are the official split.

    Args:
        source: how to tell the source from a path such as `run/film3_007.mp4`, relative to the folder: a regular
            expression, of which the first group counts (or all of the match), as r"(film\\d+)_"; or a function. By
            default each file is its own source, which is wrong where several clips were cut from one film.

    Raises:
        DataError: no such folder, no video in it, or a regular expression that is none.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"there is no folder {root}", wanted="a folder with a folder for each class")
    told, troubles = sources(source), {}
    tops = [entry.name.lower() for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    split_first = bool(tops) and set(tops) <= set(SPLITS)
    rows = []
    for path in files(root, troubles):
        inside = PurePosixPath(path.relative_to(root).as_posix())
        names = inside.parts[:-1]
        if path.suffix.lower() not in ENDINGS:
            troubles.setdefault("files that are no videos by their ending", []).append(inside.name)
        elif len(names) < 1 + split_first:
            troubles.setdefault("videos outside of a class folder", []).append(inside.name)
        else:
            split = SPLITS[names[0].lower()] if split_first else ""
            rows.append(Row(path, names[split_first], told(inside, troubles), split))
    return finished(rows, root, troubles)


def table(path: str | os.PathLike, *, folder: str | os.PathLike | None = None, source: Source = None) -> Rows:
    """A CSV file with a header: columns path and label, and if it likes split, source, start and stop (seconds).

    Columns are divided by commas, semicolons or tabs. Paths are relative to `folder`, by default the table's own.
    Without a column source, `source` tells it as in `folders`.

    Raises:
        DataError: no such file, no text, missing columns, or no video that is here.
    """
    path = Path(path)
    root, told, troubles, rows = Path(folder or path.parent), sources(source), {}, []
    for line, cells in enumerate(records(path, ("path", "label")), 2):
        name = cells["path"]
        file = _there(root, name)
        try:
            start, stop = (_seconds(cells.get(column, "")) for column in ("start", "stop"))
        except ValueError:
            troubles.setdefault("rows whose start and stop are no seconds", []).append(f"line {line}")
            continue
        if not name or not cells["label"]:
            troubles.setdefault("rows without path or label", []).append(f"line {line}")
        elif file is None:
            troubles.setdefault("missing files", []).append(name)
        elif start is not None and stop is not None and stop <= start:
            troubles.setdefault("rows that stop before they start", []).append(f"line {line}")
        else:
            split = cells.get("split", "")
            origin = cells.get("source") or told(PurePosixPath(name.replace("\\", "/")), troubles)
            rows.append(Row(file, cells["label"], origin, SPLITS.get(split.lower(), split), start, stop))
    return finished(rows, path, troubles)


def records(path: Path, wanted: tuple[str, ...]) -> list[dict[str, str]]:
    """The lines of a CSV file as {column: cell}, blanks taken off, columns in small letters.

    Raises:
        DataError: no such file, no text in UTF-8, or columns that are missing.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            divider = max(",;\t", key=head.count)
            file.seek(0)
            lines = [line for line in csv.reader(file, delimiter=divider) if any(cell.strip() for cell in line)]
    except FileNotFoundError as error:
        raise DataError(f"there is no {path}", wanted="a folder of class folders, or a table: a CSV file") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a table ({error})", wanted="CSV in UTF-8") from error
    columns = [cell.strip().lower() for cell in lines[0]] if lines else []
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise DataError(
            f"{path} has no column {', '.join(missing)}",
            wanted=f"a first line with {', '.join(wanted)}",
            mend=f"it has {', '.join(columns) or 'nothing'}",
        )
    return [dict(zip(columns, (cell.strip() for cell in line), strict=False)) for line in lines[1:]]


def files(root: Path, troubles: dict[str, list[str]]) -> list[Path]:
    """All files below a folder, sorted; hidden ones are passed over, names that are no text are told."""
    found = []

    def unreadable(error: OSError) -> None:
        troubles.setdefault("folders that cannot be read", []).append(os.path.basename(error.filename))

    seen = set()
    for folder, below, names in os.walk(root, onerror=unreadable, followlinks=True):
        below[:] = sorted(name for name in below if not name.startswith("."))
        real = os.path.realpath(folder)
        if real in seen:  # a link to a folder above, or to one that was here already
            below.clear()
            continue
        seen.add(real)
        for name in sorted(names):
            path = Path(folder, name)
            try:
                str(path).encode()
            except UnicodeEncodeError:
                troubles.setdefault("unreadable names", []).append(ascii(name))
                continue
            if not name.startswith("."):
                found.append(path)
    return found


def sources(source: Source) -> Callable[[PurePosixPath, dict[str, list[str]]], str]:
    """A function that tells a path's source, and notes paths that it says nothing of: they are their own source."""
    if isinstance(source, (str, re.Pattern)):
        try:
            pattern = re.compile(source)
        except re.error as error:
            raise DataError(
                f"source = {source!r} is no regular expression ({error})", wanted=r"as r'(film\d+)_'"
            ) from error

    def tell(path: PurePosixPath, troubles: dict[str, list[str]]) -> str:
        if source is None:
            return str(path)
        if callable(source):
            found = source(path)
        else:
            match = pattern.search(str(path))
            found = match and (match[1] if pattern.groups else match[0])
        if not found:
            troubles.setdefault("videos of which `source` says nothing (each its own source)", []).append(path.name)
        return str(found or path)

    return tell


def plain(name: str) -> str:
    """A name as it is compared when it is not found as it is: accents composed, capitals made small.

    >>> plain("HandStand") == plain("Handstand")
    True
    """
    return unicodedata.normalize("NFC", name).casefold()


def _there(root: Path, name: str) -> Path | None:
    """The file of that name: as it stands, with the other system's slashes, or with accents composed otherwise."""
    forms = (name, name.replace("\\", "/"))
    spelt = (unicodedata.normalize(form, each) for each in forms for form in ("NFC", "NFD"))
    for each in (*forms, *spelt):
        try:
            if each and (root / each).is_file():
                return root / each
        except (OSError, ValueError):
            continue
    return None


def _seconds(cell: str | None) -> float | None:
    if not cell:
        return None
    number = float(cell)
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(cell)
    return number
