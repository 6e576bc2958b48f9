"""The lists that come with four public data sets, as their makers wrote them.

UCF101: K. Soomro, A. Zamir, M. Shah (2012). HMDB51: H. Kuehne et al., *HMDB: a large video database for human motion
recognition* (ICCV 2011). Kinetics: W. Kay et al. (2017). Something-Something: R. Goyal et al. (ICCV 2017).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import DataError
from .listing import SPLITS, files, plain, records
from .rows import Row, Rows, finished

# HMDB51 names a clip FILM_CLASS_…: visible body, camera motion, people, view, quality, and the clip's number.
HMDB_NAME = re.compile(r"(?P<film>.+)_[hufl]_(?:cm|nm)_np\d+_(?:ba|fr|le|ri)_(?:bad|med|goo)_\d+", re.I)
HMDB_SPLITS = {"0": "", "1": "train", "2": "test"}


class Finder:
    """Where the files below a folder lie, by name: official lists seldom agree with the folders on somebody's disk."""

    def __init__(self, folder: str | os.PathLike, troubles: dict[str, list[str]]) -> None:
        if not Path(folder).is_dir():
            raise DataError(f"there is no folder {folder}", wanted="the folder of the videos")
        self.paths: dict[str, list[Path]] = {}
        for path in files(Path(folder), troubles):
            self.paths.setdefault(plain(path.stem), []).append(path)

    def find(self, name: str, inside: str = "") -> Path | None:
        """The file of that name, whatever its ending; of several the one that lies in a folder called `inside`."""
        found = self.paths.get(plain(name), [])
        return next((path for path in found if plain(path.parent.name) == plain(inside)), found[0] if found else None)


def ucf101(videos: str | os.PathLike, lists: str | os.PathLike, split: int = 1) -> Rows:
    """UCF101: `classInd.txt`, `trainlist01.txt` and `testlist01.txt`, in the folder `lists`.

    A source is a group of one class: its clips were cut from one video, or show one person in one place.

    Args:
        split: 1, 2 or 3.

    Raises:
        DataError: a missing list, a list of another form, or no video that is here.
    """
    lists, troubles, rows = Path(lists), {}, []
    classes = []
    for line in _lines(lists / "classInd.txt"):
        number, _, name = line.partition(" ")
        if not number.isdigit() or not name.strip():
            raise DataError(f"{lists / 'classInd.txt'} has a line {line!r}", wanted="as '1 ApplyEyeMakeup'")
        classes.append((int(number), name.strip()))
    names = {plain(name): name for _, name in sorted(classes)}
    finder = Finder(videos, troubles)
    for part in ("train", "test"):
        for line in _lines(lists / f"{part}list{int(split):02d}.txt"):
            name = re.sub(r"\s+\d+$", "", line)  # the training list has the class number behind
            folder, _, file = name.rpartition("/")
            group = re.search(r"_(g\d+)_c\d+", file)
            if plain(folder) not in names or group is None:
                troubles.setdefault("lines of another form", []).append(line)
            elif (path := finder.find(Path(file).stem, folder)) is None:
                troubles.setdefault("missing files", []).append(file)
            else:
                label = names[plain(folder)]
                rows.append(Row(path, label, f"{label} {group[1]}", part))
    return finished(rows, lists, troubles, tuple(names.values()))


def hmdb51(videos: str | os.PathLike, lists: str | os.PathLike, split: int = 1) -> Rows:
    """HMDB51: a file `CLASS_test_split1.txt` for each class; a line is a file and 0 (unused), 1 (train) or 2 (test).

    A source is a film, told from names such as `April_09_brush_hair_u_nm_np1_ba_goo_0.avi`: what stands before the
    class. Clips of several classes may come from one film. Unused clips are left out.

    Args:
        split: 1, 2 or 3.

    Raises:
        DataError: no list, or no video that is here.
    """
    lists, troubles, rows = Path(lists), {}, []
    tail = f"_test_split{int(split)}.txt"
    found = sorted(path for path in lists.glob(f"*{tail}") if path.is_file())
    if not found:
        raise DataError(f"{lists} has no file CLASS{tail}", wanted="the folder testTrainMulti_7030_splits")
    finder = Finder(videos, troubles)
    for path in found:
        label = path.name.removesuffix(tail)
        for line in _lines(path):
            name, _, tag = line.rpartition(" ")
            if tag not in HMDB_SPLITS or not name.strip():
                troubles.setdefault("lines of another form", []).append(line)
            elif tag == "0":
                continue
            elif (file := finder.find(Path(name.strip()).stem, label)) is None:
                troubles.setdefault("missing files", []).append(name.strip())
            else:
                rows.append(Row(file, label, hmdb_film(file.stem, label), HMDB_SPLITS[tag]))
    return finished(rows, lists, troubles, [path.name.removesuffix(tail) for path in found])


def hmdb_film(stem: str, label: str) -> str:
    """The film that a clip of HMDB51 was cut from.

    >>> hmdb_film("April_09_brush_hair_u_nm_np1_ba_goo_0", "brush_hair")
    'April_09'
    """
    match = HMDB_NAME.fullmatch(stem)
    film = match["film"] if match else re.sub(r"_\d+$", "", stem)
    return film[: -len(label) - 1] if plain(film).endswith(f"_{plain(label)}") else film


def kinetics(videos: str | os.PathLike, tables: str | os.PathLike | Sequence[str | os.PathLike]) -> Rows:
    """Kinetics: CSV files with label, youtube_id, time_start, time_end and split.

    A file is called `ID_SSSSSS_EEEEEE.mp4`, seconds in six digits; a film that was not cut, `ID.mp4`, is used from
    start to end. A source is a film.

    Args:
        tables: one CSV file, or several.

    Raises:
        DataError: a missing table or column, or no video that is here.
    """
    tables, troubles, rows = [tables] if isinstance(tables, (str, os.PathLike)) else list(tables), {}, []
    finder = Finder(videos, troubles)
    for place in tables:
        for line, cells in enumerate(records(Path(place), ("label", "youtube_id", "time_start", "time_end")), 2):
            name, split = cells["youtube_id"], cells.get("split", "")
            try:
                start, stop = float(cells["time_start"]), float(cells["time_end"])
            except (KeyError, ValueError):
                troubles.setdefault("lines of another form", []).append(f"{Path(place).name}, line {line}")
                continue
            cut = finder.find(f"{name}_{round(start):06d}_{round(stop):06d}", cells["label"])
            whole = None if cut else finder.find(name, cells["label"])
            times = (None, None) if cut else (start, stop)
            if not cells["label"]:
                troubles.setdefault("rows without label", []).append(name)
            elif (path := cut or whole) is None:
                troubles.setdefault("missing files", []).append(f"{name}_{round(start):06d}_{round(stop):06d}.mp4")
            else:
                rows.append(Row(path, cells["label"], name, SPLITS.get(split.lower(), split), *times))
    return finished(rows, ", ".join(map(str, tables)), troubles)


def something(videos: str | os.PathLike, labels: str | os.PathLike) -> Rows:
    """Something-Something V2: `labels.json`, `train.json` and `validation.json` in the folder `labels`.

    With or without `something-something-v2-` before. The class is the template without its brackets. The makers
    publish nothing about who filmed what, so each file is its own source; keep to their split.

    Raises:
        DataError: a missing list, one of another form, or no video that is here.
    """
    labels, troubles, rows = Path(labels), {}, []
    numbers = _json(labels, "labels", dict)
    try:
        classes = sorted(numbers, key=lambda name: int(numbers[name]))
    except (TypeError, ValueError) as error:
        raise DataError(f"the labels in {labels} have no numbers", wanted='as {"Holding something": "12"}') from error
    finder = Finder(videos, troubles)
    for part in ("train", "validation"):
        for entry in _json(labels, part, list):
            entry = entry if isinstance(entry, dict) else {}
            name, template = str(entry.get("id", "")), re.sub(r"[\[\]]", "", str(entry.get("template", "")))
            if not name or template not in numbers:
                troubles.setdefault("entries without a known template", []).append(name or "no id")
            elif (path := finder.find(name)) is None:
                troubles.setdefault("missing files", []).append(f"{name}.webm")
            else:
                rows.append(Row(path, template, name, part))
    return finished(rows, labels, troubles, classes)


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error})", wanted="the official list") from error


def _json(folder: Path, name: str, kind: type):
    places = [folder / f"{name}.json", folder / f"something-something-v2-{name}.json"]
    path = next((place for place in places if place.is_file()), places[0])
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error})", wanted="the official list") from error
    if not isinstance(found, kind):
        raise DataError(f"{path} holds a {type(found).__name__}", wanted=f"a {kind.__name__}")
    return found
