"""The table of what the course can fetch: whose it is, on what terms, and how it is shown.

`data/registry.toml` has one row a file; here it is read, checked and printed. `vidlab.data` does the fetching.
"""

from __future__ import annotations

import dataclasses
import os
import re
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from .errors import DataError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REGISTRY = Path(__file__).resolve().parents[1] / "data" / "registry.toml"


@dataclass(frozen=True)
class Entry:
    """One row of the registry; the fields are explained at the head of `data/registry.toml`."""

    name: str
    kind: str
    source: str
    sha256: str
    bytes: int
    content: str
    licence: str
    credit: str
    url: str
    version: str = ""
    member: str = ""
    package_sha256: str = ""
    pip_args: tuple[str, ...] = ()
    reuse: bool = True
    note: str = ""

    @property
    def here(self) -> bool:
        """Whether the file can be used without a network; looks at its size only."""
        return self.file.is_file() and self.file.stat().st_size == self.bytes

    @property
    def file(self) -> Path:
        """Where the file lies, or will lie. The name carries the checksum: another version is another file."""
        if self.kind == "local":
            return registry_file().parent / Path(self.source).expanduser()
        return cache() / f"{self.name}-{self.sha256[:8]}{Path(self.member or self.source).suffix}"


def cache() -> Path:
    """The folder fetched files are kept in: `$VIDLAB_CACHE`, or this user's cache folder."""
    return Path(os.environ.get("VIDLAB_CACHE") or platformdirs.user_cache_path("vidlab")).expanduser()


def registry_file() -> Path:
    """The registry in use: the course's, or `$VIDLAB_REGISTRY`."""
    return Path(os.environ.get("VIDLAB_REGISTRY") or REGISTRY)


def registry() -> dict[str, Entry]:
    """Every file the course knows, by name, in the order of the table.

    Raises:
        DataError: the table cannot be read, or a row of it is wrong.

    >>> registry()["walker"].licence
    'BSD-3-Clause'
    """
    path = registry_file()
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        mend = "install the course from its repository: pip install -e ." if path == REGISTRY else "correct the file"
        raise DataError(f"the registry {path} cannot be read: {error}", mend=mend) from error
    return {name: _row(name, row) for name, row in rows.items()}


def _row(name: str, row: object) -> Entry:
    """Check one table of the registry, so that a slip in it is named here and not met later as a failed download."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name) or not isinstance(row, dict):
        raise DataError(f"registry: [{name}] is no row", wanted="a table named in a-z, 0-9 and -")
    fields = {field.name: field for field in dataclasses.fields(Entry) if field.name != "name"}
    needed = {key for key, field in fields.items() if field.default is dataclasses.MISSING}
    if row.get("kind") == "pip":
        needed |= {"version", "member"}
    problems = [f"{key} is missing" for key in sorted(needed - row.keys())]
    problems += [f"{key} is not a field" for key in sorted(row.keys() - fields.keys())]
    types = {"bytes": int, "reuse": bool, "pip_args": list}
    problems += [f"{key} is no {types.get(key, str).__name__}" for key in fields.keys() & row.keys()
                 if not isinstance(row[key], types.get(key, str))]  # fmt: skip
    if row.get("kind") not in ("pip", "https", "local"):
        problems.append("kind is none of pip, https, local")
    if not re.fullmatch(r"[0-9a-f]{64}", str(row.get("sha256"))):
        problems.append("sha256 is not 64 hexadecimal digits")
    if problems:
        raise DataError(f"registry: [{name}] {'; '.join(problems)}", mend=f"correct [{name}] in {registry_file()}")
    return Entry(name, **row | {"pip_args": tuple(row.get("pip_args", ()))})


def megabytes(size: int) -> str:
    """A size in MB of 10⁶ bytes."""
    return f"{size / 1e6:.1f} MB"


def table() -> str:
    """Every file with its content, size, licence, credit, and whether it is here; at most 120 columns wide."""
    head = ("name", "content", "size", "licence", "credit", "here")
    rows = [
        (e.name, e.content, megabytes(e.bytes), e.licence, e.credit, "yes" if e.here else "no")
        for e in registry().values()
    ]
    names = max(len(row[0]) for row in [head, *rows])
    widths = (names, 45, 8, 12, 118 - names - 45 - 8 - 12 - 4 - 10, 4)
    lines = []
    for row in [head, tuple("─" * width for width in widths), *rows]:
        cells = [textwrap.wrap(cell, width) or [""] for cell, width in zip(row, widths, strict=True)]
        for k in range(max(map(len, cells))):
            line = (cell[k] if k < len(cell) else "" for cell in cells)
            lines.append("  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)).rstrip())
    notes: dict[str, list[str]] = {}
    for entry in registry().values():
        if entry.note:
            notes.setdefault(entry.note, []).append(entry.name)
    for note, whose in notes.items():
        lines += ["", *textwrap.wrap(f"{', '.join(whose)}: {note}", 118)]
    lines += ["", "To bring one here: vidlab data fetch NAME. Fetched files are kept in", home(cache())]
    return "\n".join(lines)


def home(path: Path) -> str:
    """A path as it is said aloud: the home folder is `~`."""
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)


def credits() -> str:
    """`data/CREDITS.md`: whose work the course shows, and on what terms."""
    lines = [
        "# Credits and licences of the data",
        "",
        "No file of these is in the repository: each is fetched from its publisher when you ask for it. Pictures in",
        "the notebooks show frames of those that may be passed on, and of no others; the licence of those from",
        "Sports2D and Pose2Sim is [BSD-3-Clause.txt](BSD-3-Clause.txt).",
        "",
        "Written by `vidlab data credits` from `registry.toml`; correct it there.",
        "",
        "| file | content | licence | may be passed on | credit | source |",
        "|---|---|---|---|---|---|",
    ]
    for e in registry().values():
        source = f"{e.source} {e.version}, `{e.member}`" if e.kind == "pip" else e.source
        reuse = "yes" if e.reuse else f"not stated. {e.note}"
        lines.append(f"| {e.name} | {e.content} | {e.licence} | {reuse} | [{e.credit}]({e.url}) | {source} |")
    return "\n".join(lines) + "\n"
