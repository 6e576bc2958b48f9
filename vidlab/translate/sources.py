"""All strings that the code could show, as forms with places: from Python's syntax trees, from scripts, from tables.

Which of them *are* shown is found out by running (`extract`); here stands only how each of them was written.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..fingerprint import PACKAGE, imports, module_file, reached
from .code import form
from .words import PLACE, WORD

ROOT = PACKAGE.parent


def forms(sources: Iterable[str], exercises: Iterable[str] = ()) -> dict[str, str]:
    """Form -> file, of all that the modules behind these cells could show.

    Args:
        sources: code of cells.
        exercises: names of lessons whose exercises are used, such as "early".
    """
    names = {f"vidlab.checks.{name}" for name in exercises} | {"vidlab.checks.mismatch", "vidlab.checks.frame"}
    for source in sources:
        names |= imports(ast.parse(source))
    found: dict[str, str] = {}
    for name, tree in reached({name for name in names if name.split(".")[0] == "vidlab"}).items():
        if not name.startswith("vidlab.translate"):
            where = module_file(name).relative_to(ROOT).as_posix()
            found |= {text: where for text in python_forms(tree) if text not in found}
    for path in sorted((PACKAGE / "figures").glob("*.js")):
        where = path.relative_to(ROOT).as_posix()
        found |= {text: where for text in script_forms(path.read_text(encoding="utf-8")) if text not in found}
    table = ROOT / "data" / "results.json"
    found |= {text: "data/results.json" for text in table_forms(table) if text not in found}
    return {bare(text): where for text, where in found.items() if WORD.search(PLACE.sub("", text))}


def bare(text: str) -> str:
    """A form without the joint at its front: what is added to another text is looked up by itself.

    >>> bare(", the true class")
    'the true class'
    """
    return re.sub(r"^(?:[·;.:,] )", "", text)


def python_forms(tree: ast.AST) -> Iterator[str]:
    """Strings and f-strings, but for docstrings and for the parts of an f-string."""
    parts = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            parts.add(id(node.body[0].value))
        elif isinstance(node, ast.JoinedStr):
            parts |= {id(value) for value in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield form(node)[0].strip()
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value.strip()


def choices(tree: ast.AST) -> Iterator[str]:
    """The words of "one if … else another": short, and shown."""
    for node in ast.walk(tree):
        if isinstance(node, ast.IfExp):
            for branch in (node.body, node.orelse):
                if isinstance(branch, ast.Constant) and isinstance(branch.value, str) and WORD.search(branch.value):
                    yield branch.value.strip()


def script_forms(source: str) -> Iterator[str]:
    """Strings and template literals of a script, those inside of others, too.

    >>> list(script_forms('h("b", {}, `all ${n ? "small" : `of ${n}`} filters`); // "no"'))
    ['b', 'small', 'of {0}', 'all {0} filters']
    """
    yield from _script(source, 0, "")[1]


TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|(?<=[(,=:!&|?{};\n])\s*/(?![/*])(?:\\.|\[(?:\\.|[^\]\n])*\]|[^/\\\n\[])+/[a-z]*"""
    r"""|"((?:\\.|[^"\\\n])*)"|'((?:\\.|[^'\\\n])*)'|(`)|([{}])""",
    re.DOTALL,
)


def _script(source: str, at: int, until: str) -> tuple[int, list[str]]:
    """(where the code ends, its forms), from `at` up to the brace that closes a place."""
    found, depth, last, ended = [], 0, "", -1
    while token := TOKEN.search(source, at):
        at = token.end()
        if token[4] == "{":
            depth += 1
        elif token[4] == "}":
            depth -= 1
            if depth < 0 and until:
                return at, found
        elif token[3]:
            at, inside = _template(source, at)
            found += inside[:-1]
        if token[1] or token[2] or token[3]:
            text = inside[-1] if token[3] else _plain(token[1] or token[2])
            if ended >= 0 and re.fullmatch(r"\s*\+\s*", source[ended : token.start()]):  # one text in two lines
                found.pop()
                text = last + _shifted(text, len(PLACE.findall(last)))
            found.append(text.strip())
            last, ended = text, at
    return len(source), found


def _template(source: str, at: int) -> tuple[int, list[str]]:
    text, found, places = "", [], 0
    while source[at] != "`":
        if source.startswith("${", at):
            at, inside = _script(source, at + 2, "}")
            found += inside
            text += f"{{{places}}}"
            places += 1
        else:
            size = 2 if source[at] == "\\" else 1
            text += source[at : at + size]
            at += size
    return at + 1, [*found, _plain(text)]


def _shifted(text: str, by: int) -> str:
    """The form with its places counted on."""
    return PLACE.sub(lambda place: f"{{{int(place[1]) + by}}}", text)


def _plain(text: str) -> str:
    """Escapes as the signs that they stand for."""
    return re.sub(r"\\u([0-9a-f]{4})|\\(.)", lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)


def table_forms(path: Path) -> Iterator[str]:
    """The words of the tables of results: titles, columns, names of rows, notes."""
    for table in json.loads(path.read_text(encoding="utf-8")).values():
        yield from (table["title"], table["tuned_on"], *table["columns"], *table["notes"], *table["rows"])
