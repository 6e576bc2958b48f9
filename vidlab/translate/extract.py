"""What is to be translated in a lesson, found by running it: each word that is drawn, printed, displayed or on a page.

What was shown is traced back to how the code wrote it ("frame 3" to "frame {0}"), and that becomes an entry. Words of a
lesson go into its own PO file, those of the package into `vidlab.po`. An entry whose text has changed is kept as fuzzy.
"""

from __future__ import annotations

import ast
import json
import re
from io import BytesIO
from pathlib import Path

import nbformat
from babel.messages import Catalog
from babel.messages.pofile import write_po
from nbformat import NotebookNode

from .. import course
from ..checks import exercises
from ..fingerprint import PACKAGE
from . import code, hooks, sources
from .fonts import Face
from .lesson import NOTEBOOKS, english, texts
from .play import play
from .words import FOLDER, PLACE, WORD, Words, about, read, squeeze

VALUE = "value, translated where it is shown"
MARK = re.compile("⟦(\\d+)⟧")
# Modules whose words depend on an answer, or on chance: all that they could show is entered.
IDLE = re.compile(r'^"(POT-Cre|PO-Rev|Generated|Report|Last-Tr|Language-T|Project)[^\n]*\n', re.MULTILINE)  # heads
TOLD = ("checks/__init__.py", "checks/frame.py", "checks/mismatch.py")
CHANCE = ("figures/filter_motion.py", "figures/answers.py", "vidlab/time_use.py")
LISTEN = "from vidlab.translate import extract\n\nheard = extract.listen()"
TELL = "import json, sys\n\n_ = sys.stdout.write(json.dumps(list(heard)))"


class Listener(Words):
    """Notes each text that is to be shown, and leaves it as it is."""

    def __init__(self) -> None:
        super().__init__({})
        self.heard: dict[str, None] = {}

    def say(self, text: str) -> str:
        if WORD.search(text):
            self.heard[text.strip()] = None
        return text

    exactly = say


def listen() -> dict[str, None]:
    """From now on, in this kernel: the texts that are shown."""
    listener = Listener()
    hooks.install(listener, Face("DejaVu Sans", "", 0, None))
    return listener.heard


def heard(nb: NotebookNode, folder: Path) -> list[str]:
    """What a lesson shows when it runs, and its figures when each of their controls is moved."""
    nb = nbformat.from_dict(nb)
    nb.cells.insert(0, nbformat.v4.new_code_cell(LISTEN))
    nb.cells.append(nbformat.v4.new_code_cell(TELL))
    course.execute(nb, folder)
    found = json.loads(nb.cells[-1].outputs[0].text)
    outputs = [output.get("data", {}).get("text/html", "") for cell in nb.cells for output in cell.get("outputs", [])]
    return [*found, *play([page for page in outputs if "data-vidlab=" in page])]


def trace(shown: list[str], known: dict[str, str], language: dict) -> tuple[dict[str, None], list[str]]:
    """(the forms behind what was shown, what no form explains)."""
    forms = list(known)
    marked = {text: f"⟦{k}⟧" + "".join(f"{{{place}}}" for place in PLACE.findall(text)) for k, text in enumerate(forms)}
    words = Words(marked, {"keep": language.get("keep", [])})
    used, unknown = {}, []
    for text in {re.sub(r"\d+", "0", text): text for text in shown}.values():  # other numbers, the same words
        said = hooks.plain(words, text)
        used |= {forms[int(number)]: None for number in MARK.findall(said)}
        if words.unsaid(MARK.sub("", said)) and "  " not in text:
            unknown.append(text)
    return used, unknown


def values(nb: NotebookNode) -> dict[str, str]:
    """Strings in a lesson's code that are not translated there, such as keys: form -> cell."""
    found = {}
    for cell in nb.cells:
        if cell.cell_type == "code":
            found |= {text: cell.id for text in sources.python_forms(ast.parse(cell.source)) if WORD.search(text)}
    return found


def lesson_entries(nb: NotebookNode, used: dict[str, None]) -> list[tuple[str, str, str]]:
    """(text, cell, what it is): all of the lesson's file."""
    found = texts(nb)
    own = {squeeze(text) for text, *_ in found}
    more = [(text, cell, VALUE) for text, cell in values(nb).items() if text in used and "." not in text]
    return [*found, *(entry for entry in more if squeeze(entry[0]) not in own)]


def told(lesson: str) -> dict[str, str]:
    """What the exercises of a lesson say: tasks, hints, mistakes, comments of solutions. Text -> file."""
    found = {}
    for exercise in exercises(lesson).values():
        file = "vidlab/checks/" + exercise.reference.__module__.rpartition(".")[2] + ".py"
        comments = [one.text for one in code.literals(exercise.solution) if one.kind == "comment"]
        says = [mistake.says for mistake in exercise.mistakes]
        found |= dict.fromkeys([exercise.task, *exercise.hints, *says, *comments], file)
    return found


def extract(name: str, number: str, shown: list[str] | None = None) -> list[str]:
    """Bring the PO files of a language up to date with a lesson; returns what no form explains.

    Args:
        shown: what the lesson shows, where it need not be run again.
    """
    path = english(number)
    nb = nbformat.read(path, as_version=4)
    shown = heard(nb, path.parent) if shown is None else shown
    cells = [cell.source for cell in nb.cells if cell.cell_type == "code"]
    used_exercises = set(re.findall(r"\bcheck\(\s*[\"'](\w+)\.", "\n".join(cells)))
    package, own = sources.forms(cells, used_exercises), values(nb)
    own |= {text: cell for text, cell, kind in texts(nb) if kind == "shown"}
    used, unknown = trace(shown, package | own, about(name))
    update(FOLDER / name / f"{path.stem}.po", lesson_entries(nb, used))

    entries = {text: package[text] for text in used if text in package and text not in own}
    for lesson in sorted(used_exercises):
        entries |= told(lesson)
    for text, file in package.items():
        if (file.endswith(TOLD) and " " in text and "<" not in text and ";p" not in text) or file.endswith(CHANCE):
            entries[text] = file
    for file in TOLD:
        tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
        entries |= {text: f"vidlab/{file}" for text in sources.choices(tree) if text in package}
    kept = FOLDER / name / "vidlab.po"
    if kept.exists():  # what other lessons show, as long as the code still says it
        entries |= {e.id: e.locations[0][0] for e in read(kept) if e.id and e.id in package and e.locations}
    update(kept, sorted(((text, file, "") for text, file in entries.items()), key=lambda entry: entry[1]))
    return unknown


def refresh(name: str, stem: str) -> None:
    """Bring a lesson's PO file up to date without running it: its texts and its code."""
    nb, path = nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4), FOLDER / name / f"{stem}.po"
    update(path, lesson_entries(nb, {entry.id: None for entry in read(path) if VALUE in entry.auto_comments}))


def update(path: Path, entries: list[tuple[str, str, str]]) -> None:
    """Write a PO file anew: what is new is added, what has changed becomes fuzzy, what has gone is kept as obsolete."""
    template = Catalog(project="vidlab", charset="utf-8")
    for text, where, kind in entries:
        template.add(text, locations=[(where, None)], auto_comments=[kind] if kind else [], flags=())
    catalog = read(path) if path.exists() else Catalog(locale=path.parent.name, project="vidlab", charset="utf-8")
    earlier = {entry.id: entry.previous_id for entry in catalog if entry.fuzzy}
    catalog.update(template, update_header_comment=False)
    for entry in catalog:
        entry.previous_id = entry.previous_id or earlier.get(entry.id, ())
    catalog.header_comment = f"# {path.stem}: {path.parent.name}. How to translate: docs/translating.md"
    save(catalog, path)


def save(catalog: Catalog, path: Path) -> None:
    """Write a PO file without what changes by itself, or says nothing."""
    out = BytesIO()
    catalog.fuzzy = False
    for entry in catalog:
        entry.flags.discard("python-format")  # babel's guess, at each "%"
        entry.previous_id = entry.previous_id if entry.fuzzy else ()
    write_po(out, catalog, width=110, include_previous=True)
    text = IDLE.sub("", out.getvalue().decode())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
