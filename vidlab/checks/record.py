"""What the learner has done, in one private file on this machine: attempts, hints used, when first solved.

The file is $VIDLAB_HOME/progress.json, or progress.json in the user's data folder. With VIDLAB_NO_PROGRESS=1 nothing is
read or written, and what happens is forgotten when the notebook closes.
"""

from __future__ import annotations

import html
import json
import os
import re
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from .frame import LESSONS, SYMBOL, Result, exercises

ENTRY = re.compile(r'"(\w+\.\w+)":\s*(\{[^{}]*\})')  # an exercise and all that is noted of it
_memory: dict[str, dict] = {}  # this session's record where none may be kept, or none can be written


def location() -> Path | None:
    """The file of the record, or None when none is kept."""
    if os.environ.get("VIDLAB_NO_PROGRESS", "") not in ("", "0"):
        return None
    home = os.environ.get("VIDLAB_HOME")
    if home:
        return Path(home).expanduser() / "progress.json"
    from platformdirs import user_data_path

    return user_data_path("vidlab", appauthor=False) / "progress.json"


def load() -> dict[str, dict]:
    """{exercise: {attempts, hints, asked, solved}}. A damaged file is set aside, and what is whole in it counts on."""
    path = location()
    if path is None:
        return _memory
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["exercises"]
        if not isinstance(found, dict) or not all(isinstance(entry, dict) for entry in found.values()):
            raise ValueError("not a record")
        return {name: _sound(entry) for name, entry in found.items()}
    except OSError:  # no file yet, or one that may not be read
        return dict(_memory)
    except (ValueError, KeyError, TypeError, RecursionError):
        return _rescue(path)


def _rescue(path: Path) -> dict[str, dict]:
    """Set a damaged file aside as .bak, .bak1 …, over no other; a new record begins with every entry that is whole."""
    found = {}
    try:
        for name, entry in ENTRY.findall(path.read_text(encoding="utf-8", errors="replace")):
            try:
                found[name] = _sound(json.loads(entry))
            except ValueError:
                continue
        names = [f"{path.name}.bak{number or ''}" for number in range(1000)]
        os.replace(path, next(aside for name in names if not (aside := path.with_name(name)).exists()))
    except OSError:  # another notebook was quicker, or nothing may be changed here
        pass
    _memory.update(found | _memory)
    if found:
        _save(_memory)
    return dict(_memory)


def _sound(entry: dict) -> dict:
    """An entry with only what we know, of the type it must have."""
    count = {key: entry[key] for key in ("attempts", "hints") if type(entry.get(key)) is int and entry[key] >= 0}
    solved = {"solved": entry["solved"]} if isinstance(entry.get("solved"), str) else {}
    return count | solved | ({"asked": True} if entry.get("asked") is True else {})


def update(name: str, **changes: object) -> dict:
    """Change the entry of one exercise and save the record, whole or not at all; returns the new entry."""
    record = load()
    entry = record[name] = record.get(name, {}) | changes
    _save(record)
    _memory[name] = entry
    return entry


def _save(record: dict[str, dict]) -> None:
    """Write the whole record, or leave what there is."""
    path = location()
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, part = tempfile.mkstemp(dir=path.parent, prefix=".progress-")  # readable by its owner alone
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump({"version": 1, "exercises": record}, file, indent=1, sort_keys=True)
                os.replace(part, path)
            except BaseException:
                os.unlink(part)
                raise
    except OSError:  # a full disk or a read-only home must not stop a lesson
        pass


def note(result: Result) -> None:
    """Count an attempt; keep the time of the first success."""
    if result.status == "open":
        return
    entry = load().get(result.name, {})
    changes: dict[str, object] = {"attempts": entry.get("attempts", 0) + 1}
    if result and "solved" not in entry:
        changes["solved"] = datetime.now(timezone.utc).isoformat(timespec="seconds")
    update(result.name, **changes)


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


class Page:
    """The learner's progress, lesson by lesson; text and html say the same."""

    def __init__(self) -> None:
        record, path = load(), location()
        self.where = "nothing is kept: VIDLAB_NO_PROGRESS is set" if path is None else f"kept in {_tilde(path)} only"
        self.lessons = []
        for lesson, title in LESSONS.items():
            rows = [
                self._row(name, exercise.task, record.get(name, {})) for name, exercise in exercises(lesson).items()
            ]
            self.lessons.append((title, sum(row[0] == "solved" for row in rows), rows))

    @staticmethod
    def _row(name: str, task: str, entry: dict) -> tuple[str, str, str, str]:
        status = "solved" if "solved" in entry else "wrong" if entry.get("attempts") else "open"
        remarks = [_plural(entry[key], key[:-1]) for key in ("attempts", "hints") if entry.get(key)]
        if "solved" in entry:
            remarks.append(f"solved {entry['solved'][:10]}")
        return status, name, task, ", ".join(remarks) or "not tried yet"

    def __repr__(self) -> str:
        lines = [f"Your progress ({self.where})"]
        for title, solved, rows in self.lessons:
            lines.append(f"{title}: {solved} of {len(rows)}")
            lines += [f"  {SYMBOL[status]} {name:<32}{remarks}" for status, name, _, remarks in rows]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [f"<p>Your progress ({html.escape(self.where)})</p>"]
        left = 'style="text-align:left"'
        for title, solved, rows in self.lessons:
            parts.append(
                f"<table><caption {left}><b>{html.escape(title)}</b>: {solved} of {len(rows)}</caption><tr>"
                + "".join(f"<th scope=col {left}>{head}</th>" for head in ("", "exercise", "task", "so far"))
                + "</tr>"
            )
            for status, name, task, remarks in rows:
                cells = (SYMBOL[status], f"<code>{name}</code>", html.escape(task), html.escape(remarks))
                parts.append("<tr>" + "".join(f"<td {left}>{cell}</td>" for cell in cells) + "</tr>")
            parts.append("</table>")
        return "".join(parts)


def _tilde(path: Path) -> str:
    """A path below the home folder, written with ~."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except ValueError:
        return str(path)
