"""An assignment, as the instructor wrote it: one notebook in nbgrader's format.

Cells carry nbgrader's metadata (schema 3): *given* cells are locked, *answer* cells are the student's, *check* cells
are autograded and worth points, *manual* cells are answers that a person grades. In an answer the solution stands
between `### BEGIN SOLUTION` and `### END SOLUTION`; in a check what students never see stands between `### BEGIN HIDDEN
TESTS` and `### END HIDDEN TESTS`. What is special to vidlab stands in the notebook's metadata:

    "vidlab": {"masked": ["vidlab.flow"], "seconds": 60, "memory": 2048}
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..errors import VidlabError
from .jail import Limits

SOLUTION = re.compile(r"^[ \t]*### BEGIN SOLUTION.*?^[ \t]*### END SOLUTION[^\n]*\n?", re.M | re.S)
HIDDEN = re.compile(r"^[ \t]*### BEGIN HIDDEN TESTS[^\n]*\n(.*?)^[ \t]*### END HIDDEN TESTS[^\n]*\n?", re.M | re.S)


class AssignmentError(VidlabError, ValueError):
    """The instructor's notebook is not ready to be handed out."""


@dataclass(frozen=True)
class Cell:
    """One cell of the instructor's: kind is "given", "answer", "check" or "manual"; points of the last two."""

    id: str
    kind: str
    source: str
    points: float = 0.0
    code: bool = True

    @property
    def public(self) -> str:
        """A check without what students never see."""
        return HIDDEN.sub("", self.source)

    @property
    def hidden(self) -> str:
        return "".join(HIDDEN.findall(self.source))


@dataclass(frozen=True)
class Assignment:
    """A name and its cells in order. masked, limits: of the jail. titles: the heading above each question."""

    name: str
    cells: tuple[Cell, ...]
    masked: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    titles: dict[str, str] = field(default_factory=dict)

    @property
    def questions(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.kind in ("check", "manual")]

    @property
    def points(self) -> float:
        return sum(cell.points for cell in self.questions)

    @cached_property
    def names(self) -> dict[str, str]:
        """What the solutions define: these names are looked for in a submission, as "class", "function" or "value"."""
        found: dict[str, str] = {}
        for cell in self.cells:
            if cell.kind == "answer":
                found |= defined(cell.source)
        return found

    @cached_property
    def version(self) -> str:
        """Changes when anything changes that could change a grade."""
        cells = [[cell.id, cell.kind, cell.source, cell.points] for cell in self.cells]
        parts = [self.name, self.masked, vars(self.limits), cells]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def load(path: Path) -> Assignment:
    """Read and check an instructor's notebook.

    Raises:
        AssignmentError: no notebook, ids that are missing or twice there, no points, markers that do not close, code
            that is none, or a hidden check whose message is not a plain string (it could carry the hidden input).
    """
    try:  # nbformat takes a second to import
        notebook = json.loads(path.read_text(encoding="utf-8"))
        read = [(each["cell_type"], "".join(each["source"]), each["metadata"]) for each in notebook["cells"]]
        about = notebook["metadata"].get("vidlab", {})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        wanted = "a notebook of format 4"
        raise AssignmentError(f"{path} cannot be read ({type(error).__name__})", wanted=wanted) from error
    limits = Limits(**{key: about[key] for key in ("seconds", "total", "memory") if key in about})
    masked = tuple(about.get("masked", ()))
    cells, seen, titles, heading = [], set(), {}, ""
    for number, (cell_type, source, metadata) in enumerate(read):
        found = re.findall(r"^## +(.+?)(?: *\([^()]*\))?$", source, re.M) if cell_type == "markdown" else []
        heading = found[-1] if found else heading
        about = metadata.get("nbgrader", {})
        kind, code = _kind(about), cell_type == "code"
        if kind is None or (kind == "given" and not code):
            if code:
                raise AssignmentError(
                    f"{path.name}: code cell {number} has no nbgrader metadata", wanted="a locked cell"
                )
            continue
        name = about.get("grade_id", "")
        if not name or name in seen:
            raise AssignmentError(
                f"{path.name}: grade_id {name!r} of cell {number}", wanted="one of its own for each cell"
            )
        seen.add(name)
        titles[name] = heading
        made = Cell(name, kind, source, float(about.get("points") or 0), code)
        _check(made, path.name)
        cells.append(made)
    made = Assignment(path.stem, tuple(cells), masked, limits, titles)
    if not made.questions:
        raise AssignmentError(f"{path.name} asks nothing", wanted="at least one check or manual cell with points")
    return made


def defined(source: str) -> dict[str, str]:
    """The names that a cell defines at its top level, and what they are.

    >>> defined("import torch\\ndef f(x): return x\\nk = 3\\nclass Net: pass")
    {'f': 'function', 'k': 'value', 'Net': 'class'}
    """
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = "class" if isinstance(node, ast.ClassDef) else "function"
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {name.id: "value" for each in targets for name in ast.walk(each) if isinstance(name, ast.Name)}
    return found


def _kind(about: dict) -> str | None:
    if not about:
        return None
    grade, solution = about.get("grade"), about.get("solution")
    if about.get("task") or (grade and solution):
        return "manual"
    return "check" if grade else "answer" if solution else "given"


def _check(cell: Cell, name: str) -> None:
    """Refuse a cell that could not be graded, or would give something away."""
    where = f"{name}: cell {cell.id}"
    for word in ("SOLUTION", "HIDDEN TESTS"):
        if cell.source.count(f"### BEGIN {word}") != cell.source.count(f"### END {word}"):
            raise AssignmentError(f"{where}: `### BEGIN {word}` and `### END {word}` do not pair")
    if cell.kind == "check" and cell.points <= 0:
        raise AssignmentError(f"{where} is worth {cell.points:g} points", wanted="more than none")
    if "### BEGIN HIDDEN TESTS" in cell.source and cell.kind != "check":
        raise AssignmentError(f"{where} has hidden tests", wanted="them in check cells only")
    if not cell.code:
        return
    try:
        ast.parse(cell.source)
        ast.parse(cell.public)
        hidden = ast.parse(cell.hidden)
    except SyntaxError as error:
        raise AssignmentError(
            f"{where}, line {error.lineno}: {error.msg}", wanted="Python, also without its hidden part"
        ) from error
    for node in ast.walk(hidden):
        if isinstance(node, ast.Assert) and not (
            isinstance(node.msg, ast.Constant) and isinstance(node.msg.value, str) and node.msg.value
        ):
            raise AssignmentError(
                f"{where}: the hidden `assert {ast.unparse(node.test)}` has no hint, or one that is computed",
                wanted='assert …, "a hint for the student, without the hidden input"',
            )
