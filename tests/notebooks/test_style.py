"""Every lesson keeps the course's rules of form and proves what it claims; and the rules catch what they should.

A rule takes a `Lesson` and yields complaints. Words are counted by `vidlab.normalise.words`: running text only, without
tables, folded hints, code, formulas and link targets. Lines of code are counted without empty ones.
"""

import ast
import copy
import itertools
import re
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from vidlab import normalise
from vidlab.checks import exercises
from vidlab.fingerprint import fingerprint

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
CLAIMS = tomllib.loads((ROOT / "data" / "claims.toml").read_text(encoding="utf-8"))
FIRST = ["title", "before", "objectives", "label"]
LAST = ["shown", "after", "next"]
MACHINE_PATH = re.compile(r"/(?:home|root|Users|tmp|work|opt|var|mnt)/|\b[A-Z]:\\|\bat 0x[0-9a-f]{6,}|site-packages")


@dataclass
class Lesson:
    """A notebook and the text of its file."""

    name: str
    nb: nbformat.NotebookNode
    text: str

    @property
    def code(self):
        return [cell for cell in self.nb.cells if cell.cell_type == "code"]

    @property
    def markdown(self):
        return [cell for cell in self.nb.cells if cell.cell_type == "markdown"]

    def tagged(self, prefix):
        """(tag without the prefix, cell), for every tag that begins so."""
        for cell in self.nb.cells:
            for tag in cell.metadata.get("tags", []):
                if tag.startswith(prefix):
                    yield tag[len(prefix) :], cell


def plain(output):
    """The text of an output, of whichever kind."""
    text = (
        output.get("text", "") or output.get("data", {}).get("text/plain", "") or "\n".join(output.get("traceback", []))
    )
    return "".join(text)


def lines(cell):
    return sum(bool(line.strip()) for line in cell.source.splitlines())


# The rules


def has_forty_to_seventy_cells(lesson):
    if not 40 <= len(lesson.nb.cells) <= 70:
        yield f"{len(lesson.nb.cells)} cells; 40 to 70 are wanted"


def says_little_at_a_time(lesson):
    for cell in lesson.markdown:
        if normalise.words(cell.source) > 60:
            yield f"{cell.id}: {normalise.words(cell.source)} words; 60 at most"


def has_short_code(lesson):
    counts = {cell.id: lines(cell) for cell in lesson.code}
    yield from (f"{name}: {count} lines of code; 25 at most" for name, count in counts.items() if count > 25)
    if counts and statistics.median(counts.values()) > 6:
        yield f"the median code cell has {statistics.median(counts.values())} lines; 6 at most"


def is_small(lesson):
    if len(lesson.text.encode()) >= 500 * 1024:
        yield f"{len(lesson.text.encode()) / 1024:.0f} KiB; less than 500"


def was_run_in_order(lesson):
    counts = [cell.execution_count for cell in lesson.code]
    if counts != list(range(1, len(counts) + 1)):
        yield f"not executed from top to bottom: {counts}"


def ran_without_a_word_of_complaint(lesson):
    for cell, output in itertools.chain.from_iterable(((c, o) for o in c.outputs) for c in lesson.code):
        if output.output_type == "error":
            yield f"{cell.id}: ended in {output.ename}"
        elif output.get("name") == "stderr":
            yield f"{cell.id}: a warning: {plain(output)[:200]}"


def begins_as_every_lesson(lesson):
    first = lesson.nb.cells[:4]
    if [cell.id for cell in first] != FIRST or any(cell.cell_type != "markdown" for cell in first):
        yield f"it begins with {[cell.id for cell in first]}; wanted: {FIRST}"
        return
    title, before, objectives, label = (cell.source for cell in first)
    if not re.match(r"# \S", title) or not re.search(r"\*\*.{20,}\*\*", title, flags=re.S):
        yield "title: a heading and a promise in bold are wanted"
    if "Before you start" not in before:
        yield "before: it says what to know before you start"
    if len(re.findall(r"^- ", objectives, flags=re.M)) < 3:
        yield "objectives: at least three things you will be able to do"
    if label != normalise.label(lesson.nb) or label == normalise.PLACEHOLDER:
        yield "label: it does not say what was measured; make course writes it"


def imports_once(lesson):
    """Set-up is import lines and what they load, never a wall of helpers."""
    for cell in lesson.code[:1]:
        if "import " not in cell.source or re.search(r"^(def|class) ", cell.source, flags=re.M):
            yield f"{cell.id}: the first code cell imports, and defines nothing"


def ends_as_every_lesson(lesson):
    last = lesson.nb.cells[-3:]
    if [cell.id for cell in last] != LAST:
        yield f"it ends with {[cell.id for cell in last]}; wanted: {LAST}"
        return
    shown, after, following = (cell.source for cell in last)
    if len(re.findall(r"^- ", shown, flags=re.M)) != 4:
        yield "shown: four bullets are wanted"
    if not re.search(r"\b(1[89]|20)\d\d\b", after):
        yield "after: what the field did next, with years and names"
    if "Next" not in following:
        yield "next: where to go next"


def describes_every_picture(lesson):
    for cell in lesson.code:
        for output in cell.outputs:
            data = output.get("data", {})
            if any(kind.startswith("image/") for kind in data):
                words = "".join(data.get("text/plain", ""))
                if len(words) <= 20 or words.lstrip().startswith("<"):
                    yield f"{cell.id}: a picture without a description ({words!r})"


def claims_only_what_it_asserts(lesson):
    for claim, cell in lesson.tagged("claim:"):
        if CLAIMS.get(claim, {}).get("lesson") != lesson.name:
            yield f"{cell.id}: {claim} is not a claim of this lesson in data/claims.toml"
        if cell.cell_type != "code" or not asserts(cell.source):
            yield f"{cell.id}: it claims {claim} and asserts nothing"


def asserts(source):
    """Whether a cell asserts anything that could be false."""
    code = "\n".join(line for line in source.splitlines() if not line.lstrip().startswith(("%", "!")))
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant):
            return True
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called.startswith("assert_"):
                return True
    return False


def proves_its_claims(lesson):
    proved = {claim for claim, _ in lesson.tagged("claim:")}
    for claim, row in CLAIMS.items():
        if row.get("lesson") == lesson.name and not row.get("planned") and claim not in proved:
            yield f"{claim} is not proved: {row['says']}"


def names_no_place_on_a_machine(lesson):
    for cell in lesson.nb.cells:
        texts = [cell.source, *(plain(output) for output in cell.get("outputs", []))]
        for found in filter(None, map(MACHINE_PATH.search, texts)):
            yield f"{cell.id}: it shows {found[0]!r}, which is different on every machine"


def is_fresh(lesson):
    if lesson.nb.metadata.get("vidlab", {}).get("fingerprint") != fingerprint(lesson.nb):
        yield f"stale: the code has changed since it ran; make course COURSE_ARGS='--only {lesson.name[:2]}'"


def is_saved_tidily(lesson):
    tidy = nbformat.writes(normalise.normalise(copy.deepcopy(lesson.nb))).rstrip("\n") + "\n"
    if tidy != lesson.text:
        yield "not normalised: python -m vidlab.course normalise"


def sets_exercises_that_can_be_checked(lesson):
    calls = [(cell, name) for cell in lesson.code for name in re.findall(r"\bcheck\(\s*\"([\w.]+)\"", cell.source)]
    if not 3 <= len(calls) <= 6:
        yield f"{len(calls)} exercises; three to six are wanted"
    cells = lesson.nb.cells
    for cell, name in calls:
        asked = cells[cells.index(cell) - 1].source
        if name not in exercises(name.split(".")[0]):
            yield f"{cell.id}: there is no exercise {name}"
        if "raise NotImplementedError" not in cell.source or "->" not in cell.source:
            yield f"{cell.id}: a typed stub that raises NotImplementedError is wanted"
        if not any(plain(output).startswith(f"○ {name}: not tried yet") for output in cell.outputs):
            yield f"{cell.id}: the saved lesson must leave the exercise open"
        if asked.count("<details>") != 2 or not re.search(r"\((easy|medium|hard\w*), \d+ minutes?\)", asked):
            yield f"{cell.id}: difficulty, minutes and two folded hints are wanted in the cell before it"


RULES = [
    has_forty_to_seventy_cells,
    says_little_at_a_time,
    has_short_code,
    is_small,
    was_run_in_order,
    ran_without_a_word_of_complaint,
    begins_as_every_lesson,
    imports_once,
    ends_as_every_lesson,
    describes_every_picture,
    claims_only_what_it_asserts,
    proves_its_claims,
    names_no_place_on_a_machine,
    is_fresh,
    is_saved_tidily,
    sets_exercises_that_can_be_checked,
]


# The lessons


def load(path):
    text = path.read_text(encoding="utf-8")
    return Lesson(path.stem, nbformat.reads(text, as_version=4), text)


@pytest.mark.parametrize("path", LESSONS, ids=[path.stem for path in LESSONS])
@pytest.mark.parametrize("rule", RULES, ids=[rule.__name__ for rule in RULES])
def test_lesson(path, rule):
    complaints = list(rule(load(path)))
    assert not complaints, "\n".join(complaints)


def test_every_claim_has_a_lesson_or_a_plan():
    assert len({row["says"] for row in CLAIMS.values()}) == len(CLAIMS)
    for claim, row in CLAIMS.items():
        assert re.fullmatch(r"[A-Z0-9]+-\d+", claim)
        assert row["says"].endswith(".")
        assert row.get("planned") is True or (ROOT / "notebooks" / f"{row['lesson']}.ipynb").is_file()


def test_every_lesson_is_on_the_map_and_in_the_readme():
    numbered = [path for path in LESSONS if re.match(r"\d\d_", path.name)]
    start, *others = [path.name for path in numbered]
    on_the_map = re.findall(r"\((\d\d_\w+\.ipynb)\)", cell_of(load(ROOT / "notebooks" / start), "s-map").source)
    in_the_readme = re.findall(r"\(notebooks/(\d\d_\w+\.ipynb)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert on_the_map == others
    assert list(dict.fromkeys(in_the_readme)) == [start, *others]


def test_every_exercise_is_set_by_a_lesson():
    text = "\n".join(path.read_text(encoding="utf-8") for path in LESSONS)
    assert [name for name in exercises() if f'check(\\"{name}\\"' not in text] == []


# The rules catch what they should: a good lesson, spoiled in one way at a time


def good():
    """A small lesson that keeps every rule."""
    markdown, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    picture = nbformat.v4.new_output(
        "display_data", {"image/png": "iVBORw0KGgo=", "text/plain": "Three dots on a line, the last one red"}
    )
    cells = [
        markdown("# 01 · Title\n\n**You will learn something useful here.**", id="title"),
        markdown("**Before you start.** Nothing.", id="before"),
        markdown("**You will be able to**\n\n- a,\n- b,\n- c.", id="objectives"),
        markdown("label", id="label"),
        code("import torch", id="imports"),
    ]
    for number, name in enumerate(["raw_bytes", "channels_first", "even_starts", "average_clips"]):
        hints = "<details><summary>Hint</summary>x</details>\n" * 2
        cells.append(markdown(f"### Exercise {number} · One (easy, 3 minutes)\n\n{hints}", id=f"ask{number}"))
        stub = f'def {name}() -> int:\n    raise NotImplementedError\n\n\ncheck("tensor.{name}", {name})'
        result = nbformat.v4.new_output("execute_result", {"text/plain": f"○ tensor.{name}: not tried yet"})
        cells.append(code(stub, id=f"ex{number}", outputs=[result]))
    for claim in (name for name, row in CLAIMS.items() if row.get("lesson") == "01_video_is_a_tensor"):
        cells.append(code("x = 1\nassert x == 1", id=claim, metadata={"tags": [f"claim:{claim}"]}))
    cells += [code("print(1)", id=f"c{number}") for number in range(20)]
    cells.append(code("show()", id="picture", outputs=[picture]))
    cells += [
        markdown("## What was shown\n\n- a\n- b\n- c\n- d", id="shown"),
        markdown("- **1985** Somebody.", id="after"),
        markdown("**Next:** more.", id="next"),
    ]
    nb = nbformat.v4.new_notebook(cells=cells)
    for number, cell in enumerate((cell for cell in cells if cell.cell_type == "code"), start=1):
        cell.execution_count = number
    nb.metadata["vidlab"] = {"fingerprint": fingerprint(nb), "seconds": 3, "peak_mb": 300}
    nb.cells[3].source = normalise.label(nb)
    normalise.normalise(nb)
    return Lesson("01_video_is_a_tensor", nb, nbformat.writes(nb).rstrip("\n") + "\n")


def cell_of(lesson, name):
    return next(cell for cell in lesson.nb.cells if cell.id == name)


def drop(lesson, name):
    lesson.nb.cells.remove(cell_of(lesson, name))


def edit(name, source):
    return lambda lesson: cell_of(lesson, name).update(source=source)


def add_output(to, kind, **fields):
    return lambda lesson: cell_of(lesson, to).outputs.append(nbformat.v4.new_output(kind, **fields))


def replace_data(name, **data):
    def spoil(lesson):
        cell_of(lesson, name).outputs[0].data = {key.replace("_", "/"): value for key, value in data.items()}

    return spoil


def saved_as_it_is(spoil):
    """The file holds the spoiled notebook, as if the normaliser had not seen it."""

    def save(lesson):
        spoil(lesson)
        lesson.text = nbformat.writes(lesson.nb).rstrip("\n") + "\n"

    return save


def set_text(lesson):
    lesson.text += "\n" * 500 * 1024


SPOILED = {
    has_forty_to_seventy_cells: [
        lambda lesson: [drop(lesson, f"c{i}") for i in range(9)],
        lambda lesson: lesson.nb.cells.extend([1] * 40),
    ],
    says_little_at_a_time: [edit("before", "word " * 61), edit("before", "[word](x) **word**\n" * 31)],
    has_short_code: [edit("c1", "x = 1\n" * 26), lambda lesson: [c.update(source="x\n" * 7) for c in lesson.code]],
    is_small: [set_text],
    was_run_in_order: [
        lambda lesson: cell_of(lesson, "c3").update(execution_count=None),
        lambda lesson: cell_of(lesson, "c3").update(execution_count=99),
    ],
    ran_without_a_word_of_complaint: [
        add_output("c1", "stream", name="stderr", text="UserWarning: careful"),
        add_output("c1", "error", ename="ValueError", evalue="", traceback=[]),
    ],
    begins_as_every_lesson: [
        lambda lesson: drop(lesson, "before"),
        edit("title", "No heading"),
        edit("title", "# A heading and no promise"),
        edit("before", "You."),
        edit("objectives", "- one"),
        edit("label", "**Time.** An hour."),
        lambda lesson: lesson.nb.metadata.pop("vidlab"),
    ],
    imports_once: [edit("imports", "import torch\n\n\ndef helper():\n    pass"), edit("imports", "x = 1")],
    ends_as_every_lesson: [
        lambda lesson: drop(lesson, "next"),
        edit("shown", "- a\n- b\n- c"),
        edit("after", "Much."),
        edit("next", "Good bye."),
    ],
    describes_every_picture: [
        replace_data("picture", image_png="iVBORw0KGgo=", text_plain="<Figure size 640x480 with 1 Axes>"),
        replace_data("picture", image_png="iVBORw0KGgo=", text_plain="too short"),
        replace_data("picture", image_png="iVBORw0KGgo="),
    ],
    claims_only_what_it_asserts: [
        edit("VID-1", "print('believe me')"),
        edit("VID-1", "assert True"),
        lambda lesson: cell_of(lesson, "VID-1").metadata.update(tags=["claim:VID-99"]),
        lambda lesson: cell_of(lesson, "before").metadata.update(tags=["claim:VID-2"]),
    ],
    proves_its_claims: [lambda lesson: cell_of(lesson, "VID-3").metadata.update(tags=[])],
    names_no_place_on_a_machine: [
        edit("before", "Look into /home/me/films."),
        add_output("c1", "stream", name="stdout", text="saved to /tmp/x.mp4"),
        add_output("c1", "execute_result", data={"text/plain": "<object at 0x7f00deadbeef>"}),
    ],
    is_fresh: [edit("c1", "print(2)"), lambda lesson: lesson.nb.metadata.pop("vidlab")],
    is_saved_tidily: [
        saved_as_it_is(lambda lesson: cell_of(lesson, "c1").metadata.update(collapsed=True)),
        saved_as_it_is(add_output("c1", "display_data", data={"text/html": "<b>x</b>", "text/plain": "Described"})),
    ],
    sets_exercises_that_can_be_checked: [
        edit("ask1", "### Exercise"),
        edit("ex1", 'check("tensor.channels_first", f)'),
        edit("ex1", 'def f() -> int:\n    raise NotImplementedError\n\n\ncheck("tensor.unknown", f)'),
        lambda lesson: cell_of(lesson, "ex1").update(outputs=[]),
        lambda lesson: [drop(lesson, name) for name in ("ex1", "ex2")],
    ],
}


def test_a_good_lesson_passes_every_rule():
    assert [list(rule(good())) for rule in RULES] == [[]] * len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=[rule.__name__ for rule in RULES])
def test_a_spoiled_lesson_is_caught(rule):
    for spoil in SPOILED[rule]:
        lesson = good()
        spoil(lesson)
        assert list(rule(lesson)), f"passed {rule.__name__}"
