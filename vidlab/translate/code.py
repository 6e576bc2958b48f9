"""The words in a cell's code: strings that it shows, comments, docstrings. All else is never touched.

Shown is what is printed, and what is given as a title, a label, an alternative text … of a figure. Other strings,
such as keys, stay: where they are shown, `hooks` says them.
"""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .words import PLACE, WORD

NAMES = {"title", "alt", "xlabel", "ylabel", "zlabel", "label", "suptitle", "caption"}  # arguments that are shown
CALLS = {"print", "set_title", "set_xlabel", "set_ylabel", "set_label", "suptitle", "annotate", "text"}


@dataclass(frozen=True)
class Literal:
    """A string or a comment in code: where it stands, its text as a form, and how it is written anew."""

    start: int
    end: int
    text: str
    kind: str
    write: Callable[[str], str]


def literals(source: str) -> list[Literal]:
    """All that may be translated in a cell, in order; a cell that is not Python has nothing.

    >>> [one.text for one in literals('print(f"frame {t} of {n}")  # the first')]
    ['frame {0} of {1}', 'the first']
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    at = _places(source)
    found = [*_strings(tree, at), *_docstrings(tree, at), *_comments(source, at)]
    return sorted((one for one in found if WORD.search(PLACE.sub("", one.text))), key=lambda one: one.start)


def rebuild(source: str, say: Callable[[str], str]) -> str:
    """The cell with each of its words said."""
    for one in reversed(literals(source)):
        said = say(one.text)
        if said != one.text:
            source = source[: one.start] + one.write(said) + source[one.end :]
    return source


def skeleton(source: str) -> str:
    """The code without its words: what a translation may not change."""

    class Blank(ast.NodeTransformer):
        def __init__(self) -> None:
            self.shown = {id(node) for node in _shown(tree)} | {id(node) for node in _documenting(tree)}

        def visit_Constant(self, node):
            return ast.Constant("…") if id(node) in self.shown else node

        def visit_JoinedStr(self, node):
            if id(node) not in self.shown:
                return node
            values = [value for value in node.values if isinstance(value, ast.FormattedValue)]
            return ast.Tuple(sorted(values, key=ast.dump))  # their order may change

    tree = ast.parse(source)
    return ast.dump(Blank().visit(tree))


def _places(source: str) -> Callable[[int, int], int]:
    """(line, column in bytes) -> place in the text."""
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    return lambda row, column: starts[row - 1] + len(lines[row - 1].encode()[:column].decode())


def _shown(tree: ast.AST) -> Iterator[ast.expr]:
    """String nodes that are printed, or given as a title, a label …"""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            given = list(node.args) if name in CALLS else []
            given += [keyword.value for keyword in node.keywords if keyword.arg in NAMES]
            yield from (one for one in given if isinstance(one, ast.JoinedStr) or isinstance(_value(one), str))


def _value(node: ast.expr) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def _strings(tree: ast.AST, at) -> Iterator[Literal]:
    for node in _shown(tree):
        text, fields = form(node)
        place = at(node.lineno, node.col_offset), at(node.end_lineno, node.end_col_offset)

        def write(said: str, fields=fields) -> str:
            if not fields:
                return json.dumps(said, ensure_ascii=False)
            return "f" + PLACE.sub(lambda found: fields[int(found[1])], json.dumps(said, ensure_ascii=False))

        yield Literal(*place, text, "shown", write)


def form(node: ast.expr) -> tuple[str, list[str]]:
    """A string as a form with places, and the code that stands in them."""
    if isinstance(node, ast.Constant):
        return node.value, []
    text, fields = "", []
    for value in node.values:
        if isinstance(value, ast.Constant):
            text += value.value.replace("{", "{{").replace("}", "}}")  # as in the code
        else:
            text += f"{{{len(fields)}}}"
            code = ast.unparse(ast.JoinedStr([value]))
            code = re.fullmatch(r"f(\"\"\"|'''|\"|')(.*)\1", code, re.DOTALL)[2]
            fields.append(code.replace('"', "'"))
    return text, fields


def _documenting(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node, clean=False):
            yield node.body[0].value


def _docstrings(tree: ast.AST, at) -> Iterator[Literal]:
    for node in _documenting(tree):
        start, end = at(node.lineno, node.col_offset), at(node.end_lineno, node.end_col_offset)
        yield Literal(start, end, node.value, "docstring", lambda said: f'"""{said}"""')


def _comments(source: str, at) -> Iterator[Literal]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not token.string.startswith(("# fmt", "# noqa", "#!")):
            row = token.start[0]
            end = at(row, len(token.line[: token.end[1]].encode()))
            text = token.string.lstrip("# ")
            yield Literal(end - len(text), end, text, "comment", str)
