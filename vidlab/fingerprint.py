"""A notebook's fingerprint: it changes when the code that made the outputs changes, and at nothing else.

It hashes the notebook's code cells and the syntax tree of every `vidlab` module they reach by import. Comments,
docstrings, layout and the other lessons do not count.
"""

from __future__ import annotations

import ast
import hashlib
import re
from pathlib import Path

from nbformat import NotebookNode

PACKAGE = Path(__file__).resolve().parent
SILENT = {"ctx", "kind", "type_comment", "type_params"}  # say nothing, or differ between versions of Python


def canonical(node: object) -> str:
    """A syntax tree as text: without docstrings, positions and empty fields, the same in every version of Python."""
    if isinstance(node, list):
        return "[" + ",".join(map(canonical, node)) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = {key: value for key, value in ast.iter_fields(node) if key not in SILENT and value not in (None, [])}
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(node):
        fields["body"] = node.body[1:]
    return f"{type(node).__name__}(" + ",".join(f"{key}={canonical(value)}" for key, value in fields.items()) + ")"


def module_file(name: str, package: Path = PACKAGE) -> Path | None:
    """The file of a module such as "vidlab.figures.cube", or None if there is none."""
    stem = package.parent.joinpath(*name.split("."))
    return next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()), None)


def imports(tree: ast.AST, inside: str = "") -> set[str]:
    """The dotted names a tree imports, wherever it does; `inside` is the package that relative imports start from."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = inside.split(".")[: len(inside.split(".")) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            names |= {start} | {f"{start}.{alias.name}" for alias in node.names}
    return names


def reached(names: set[str], package: Path = PACKAGE) -> dict[str, ast.AST]:
    """{module: tree} of every module of the package that importing `names` may run."""
    found: dict[str, ast.AST] = {}
    waiting = sorted(names)
    while waiting:
        name = waiting.pop()
        path = module_file(name, package)
        if name in found or path is None or name.split(".")[0] != package.name:
            continue
        tree = found[name] = ast.parse(path.read_text(encoding="utf-8"))
        is_package = path.name == "__init__.py"
        waiting += imports(tree, name if is_package else name.rpartition(".")[0])
        waiting.append(name.rpartition(".")[0])  # a.b.c runs a and a.b first
        if is_package and any(getattr(node, "name", "") == "__getattr__" for node in tree.body):
            others = (other.stem for other in path.parent.glob("*.py") if other != path)
            waiting += [f"{name}.{other}" for other in others]  # it may import any of them late
    return found


def _cell_tree(source: str) -> ast.AST:
    """A cell's tree, magics passed over; a cell that is not Python imports nothing."""
    try:
        return ast.parse(re.sub(r"^\s*[%!?].*$", "", source, flags=re.M))
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def fingerprint(nb: NotebookNode, package: Path = PACKAGE) -> str:
    """16 hexadecimal digits over the notebook's code and the modules it reaches."""
    sources = [cell.source.strip() for cell in nb.cells if cell.cell_type == "code"]
    names: set[str] = set()
    for source in sources:
        names |= imports(_cell_tree(source))
        exercises = re.findall(r"\b(?:check|hint|solution)\(\s*[\"'](\w+)\.", source)
        names |= {f"{package.name}.checks.{lesson}" for lesson in exercises}  # loaded by name
    trees = reached({name for name in names if name.split(".")[0] == package.name}, package)
    digest = hashlib.sha256()
    for part in [*sources, *(f"{name}\n{canonical(trees[name])}" for name in sorted(trees))]:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:16]
