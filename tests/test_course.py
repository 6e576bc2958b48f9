"""The course runner: building from text, normalising, fingerprints, running, and comparing saved outputs."""

import base64
import json
import os
import re
import struct
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import nbformat
import pytest

from vidlab import authoring, course, normalise
from vidlab.fingerprint import canonical, fingerprint, imports, reached

ROOT = Path(__file__).parents[1]
TEXT = '''# a header that belongs to no cell
# %% [markdown] id="title"
# # A lesson
#
# **You will see $x$.**
#
#     indented

# %% [markdown] id="label"
# label

# %% id="sum" tags=["claim:VID-1", "nbval-ignore-output"]
"""A string with
# %% inside is a marker all the same, so nobody writes that."""


x = 1 + 1

# %%
print("the same")

# %%
print("the same")

# %% [raw]
# raw text
'''


def code_cells(nb):
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def notebook(*sources, **metadata):
    cells = [nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)]
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


# Building and exporting


def test_a_percent_file_becomes_a_notebook_with_stable_ids():
    nb = authoring.build(TEXT.replace("# %% inside", "%% inside"))
    nbformat.validate(nb)
    kinds = [cell.cell_type for cell in nb.cells]
    assert kinds == ["markdown", "markdown", "code", "code", "code", "raw"]
    assert nb.cells[0].source == "# A lesson\n\n**You will see $x$.**\n\n    indented"
    assert nb.cells[1].source == normalise.PLACEHOLDER
    assert nb.cells[2].source.endswith('that."""\n\n\nx = 1 + 1')
    assert nb.cells[2].metadata.tags == ["claim:VID-1", "nbval-ignore-output"]
    assert nb.cells[4].id == nb.cells[3].id + "-2"
    assert nb.cells[5].source == "raw text"
    assert authoring.build(TEXT.replace("# %% inside", "%% inside")) == nb


def test_export_is_the_reverse_of_build():
    nb = authoring.build(TEXT.replace("# %% inside", "%% inside"))
    text = authoring.export(nb)
    assert authoring.build(text, nb) == nb
    assert authoring.export(authoring.build(text)) == text


def test_unchanged_cells_keep_their_outputs_and_the_label_stays():
    old = authoring.build('# %% [markdown] id="label"\n# label\n# %% id="a"\n1\n# %% id="b"\n2\n')
    for cell in code_cells(old):
        cell.outputs, cell.execution_count = [nbformat.v4.new_output("stream", name="stdout", text="x")], 1
    old.cells[0].source = "measured"
    old.metadata["vidlab"] = {"seconds": 1}
    new = authoring.build('# %% [markdown] id="label"\n# label\n# %% id="b"\n2\n# %% id="a"\n1 + 1\n', old)
    assert [len(cell.outputs) for cell in code_cells(new)] == [1, 0]
    assert new.cells[0].source == "measured"
    assert new.metadata["vidlab"] == {"seconds": 1}


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ('# %% id="a b"', "cannot be a cell id"),
        ("# %% id=slope", "line 3"),
        ("# %% Title [markdown]", "cannot read"),
        ('# %% id="one"', "two cells"),
        ("# %% id=3", "cannot be a cell id"),
    ],
)
def test_a_marker_that_cannot_be_read_is_named(marker, words):
    with pytest.raises(ValueError, match=words):
        authoring.build(f'# %% id="one"\n1\n{marker}\n2\n', name="01_x.py")


# Normalising


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*extra):
    """A picture of one grey pixel, with more chunks before its data."""
    header, pixels = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0), zlib.compress(b"\0\x80")
    parts = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_a_png_loses_its_texts_and_keeps_its_pixels():
    noisy = png(chunk(b"tEXt", b"Software\0Matplotlib"), chunk(b"tIME", b"1234567"), chunk(b"gAMA", b"0123"))
    assert normalise.plain_png(noisy) == png(chunk(b"gAMA", b"0123"))
    assert normalise.plain_png(png()) == png()


def displayed(**data):
    data = {key.replace("_", "/", 1): value for key, value in data.items()}
    nb = notebook("show()")
    nb.cells[0].execution_count = 7
    nb.cells[0].outputs = [nbformat.v4.new_output("display_data", data)]
    return normalise.normalise(nb).cells[0].outputs[0].data


def test_of_a_figure_the_picture_and_the_words_stay():
    picture = base64.b64encode(png(chunk(b"tEXt", b"x"))).decode() + "\n"
    kept = displayed(image_png=picture, text_plain="Three dots", text_html="<div>live</div>")
    assert kept == {"image/png": base64.b64encode(png()).decode(), "text/plain": "Three dots"}
    assert displayed(text_html="<b>✔</b> right", text_plain="✔ right") == {"text/plain": "✔ right"}
    foreign = {"text/html": "<table/>", "text/plain": "<IPython.core.display.HTML object>"}
    assert displayed(text_html=foreign["text/html"], text_plain=foreign["text/plain"]) == foreign


def test_what_changes_from_run_to_run_is_dropped_and_twice_is_once():
    new, out = nbformat.v4.new_code_cell, nbformat.v4.new_output
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "123"}, "text/plain": "Slider()"}
    outputs = [
        out("stream", name="stdout", text="one\n"),
        out("stream", name="stdout", text="10%\r 50%\r100%\n"),
        out("stream", name="stderr", text="a warning\n"),
        out("display_data", view),
        out("display_data", {"text/plain": "words"}, metadata={"image/png": {"width": 9}, "text/plain": {}}),
        out("execute_result", {"text/plain": "3"}, execution_count=12),
    ]
    metadata = {"tags": ["a"], "slideshow": {"slide_type": "skip"}, "execution": {"iopub": "now"}, "collapsed": True}
    cells = [new("a \n\n", id="a", execution_count=12, outputs=outputs, metadata=metadata), new("b", id="b")]
    nb = nbformat.v4.new_notebook(cells=cells, metadata={"widgets": {"state": {}}, "vidlab": {"seconds": 3}})
    nb.metadata["language_info"] = {"name": "python", "version": "3.11.7"}
    tidy = normalise.normalise(nb)
    assert tidy.metadata == {**normalise.NOTEBOOK_METADATA, "vidlab": {"seconds": 3}}
    first = tidy.cells[0]
    assert (first.execution_count, first.outputs[-1].execution_count, first.source) == (1, 1, "a")
    assert first.metadata == {"tags": ["a"], "slideshow": {"slide_type": "skip"}}
    assert [o.get("text") for o in first.outputs[:2]] == ["one\n100%\n", "a warning\n"]  # a warning is a defect: kept
    assert len(first.outputs) == 4  # a progress bar is dead once the kernel has gone
    assert (first.outputs[2].data, first.outputs[2].metadata) == ({"text/plain": "words"}, {})
    assert tidy.cells[1].execution_count is None
    text = nbformat.writes(tidy)
    assert nbformat.writes(normalise.normalise(nbformat.reads(text, 4))) == text


def test_a_file_is_rewritten_only_when_something_changed(tmp_path):
    path = tmp_path / "01_x.ipynb"
    assert normalise.write(notebook("1"), path)
    before = path.stat().st_mtime_ns
    assert not normalise.write(notebook("1"), path)
    assert path.stat().st_mtime_ns == before
    text = path.read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert not text.endswith("\n\n")
    assert json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False) + "\n" == text
    assert [file.name for file in tmp_path.iterdir()] == ["01_x.ipynb"]


@pytest.mark.parametrize(
    ("markdown", "count"),
    [
        ("Two words", 2),
        ("a – b & c", 3),
        ("one<br>two <b>three</b>", 3),
        ("$$\nx = 1\n$$ after", 1),
        ("```\ncode here\n```\ntext", 1),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n\nend", 1),
        ("<details><summary>Hint 1</summary>Not counted</details> counted", 1),
        ("[two words](https://example.org/a) more", 3),
        ("", 0),
    ],
)
def test_words_are_those_of_the_running_text(markdown, count):
    assert normalise.words(markdown) == count


def test_the_readers_minutes_come_from_words_code_and_exercises():
    new = nbformat.v4.new_markdown_cell
    nb = nbformat.v4.new_notebook(
        cells=[new("word " * 150, id="a"), new("### Exercise 1 · X (easy, 7 minutes)", id="b")]
    )
    assert normalise.reading_minutes(nb) == 10
    nb.cells.append(new("label", id="label", metadata={"minutes": 33}))
    assert normalise.reading_minutes(nb) == 33
    assert normalise.label(nb) == normalise.PLACEHOLDER
    nb.metadata["vidlab"] = {"seconds": 4, "peak_mb": 310}
    assert re.search(r"33 minutes.*4 s.*310 MB", normalise.label(nb))


# Fingerprints


@pytest.fixture
def package(tmp_path):
    """A package in which a imports b, and lazy imports c late; d stands alone."""
    root = tmp_path / "pack"
    (root / "sub").mkdir(parents=True)
    files = {
        "__init__.py": '"""Doc."""\n',
        "a.py": '"""Doc."""\nfrom .b import one\n\ndef two():\n    """Doc."""\n    return one + 1\n',
        "b.py": "one = 1\n",
        "c.py": "three = 3\n",
        "d.py": "four = 4\n",
        "sub/__init__.py": "def __getattr__(name):\n    return __import__(name)\n",
        "sub/late.py": "from ..c import three\n",
    }
    for name, text in files.items():
        (root / name).write_text(text)
    return root


def test_a_notebook_reaches_what_it_imports_and_no_more(package):
    assert set(reached({"pack.a"}, package)) == {"pack", "pack.a", "pack.b"}
    assert set(reached({"pack.sub"}, package)) == {"pack", "pack.sub", "pack.sub.late", "pack.c"}
    assert set(reached({"numpy"}, package)) == set()


def test_the_fingerprint_follows_the_code_alone(package):
    nb = notebook("from pack import a\na.two()", "%matplotlib inline\n!ls", "this is ( not Python")
    first = fingerprint(nb, package)
    (package / "d.py").write_text("four = 5\n")  # not reached
    (package / "a.py").write_text(
        '"""New."""\nfrom .b import (one)\n# why\ndef two():\n    """New."""\n    return one+1'
    )
    nb.cells.append(nbformat.v4.new_markdown_cell("words"))
    nb.cells[0].outputs = [nbformat.v4.new_output("stream", text="x")]
    assert fingerprint(nb, package) == first

    (package / "b.py").write_text("one = 2\n")
    assert fingerprint(nb, package) != first
    (package / "b.py").write_text("one = 1\n")
    assert fingerprint(nb, package) == first
    nb.cells[0].source += "\n# said otherwise"
    assert fingerprint(nb, package) != first


def test_the_exercises_a_notebook_checks_are_reached():
    plain, checking = notebook("from vidlab.checks import check"), notebook("check('start.frame_at', f)")
    assert fingerprint(plain) != fingerprint(checking)
    assert "vidlab.checks.start" in reached({"vidlab.checks.start"})


def test_imports_are_resolved_inside_their_package():
    import ast

    tree = ast.parse("import numpy\nfrom . import x\nfrom .y import z\nfrom ..w import v\nfrom p.q import r")
    assert imports(tree, "pack.sub") == {
        *("numpy", "pack.sub", "pack.sub.x", "pack.sub.y", "pack.sub.y.z", "pack.w", "pack.w.v", "p.q", "p.q.r")
    }


def test_a_docstring_is_not_code_but_another_string_is():
    import ast

    def same(a, b):
        return canonical(ast.parse(a)) == canonical(ast.parse(b))

    assert same('def f():\n    "doc"\n    return 1', "def f():\n    return 1")
    assert not same('def f():\n    return "a"', 'def f():\n    return "b"')
    assert not same("x: int = 1", "x: float = 1")


# Running


def lesson(folder, text, name="01_x"):
    path = folder / f"{name}.ipynb"
    normalise.write(authoring.build(textwrap.dedent(text)), path)
    return path


RUNS = """
    # %% [markdown] id="label"
    # label

    # %% id="where"
    import os, sys
    from pathlib import Path

    from tqdm import tqdm

    print(Path.cwd().name, os.environ["VIDLAB_NO_PROGRESS"])
    assert sys.executable == {python!r}
    for _ in tqdm(range(3)):
        pass

    # %% id="figure"
    class Figure:
        def _repr_mimebundle_(self, include=None, exclude=None):
            page = "<p>" + str(os.getpid())
            return {{"text/html": page, "text/plain": "A page that is different each time"}}

    Figure()

    # %% id="check"
    from vidlab.checks import check


    def frame_at(seconds: float, fps: float, total: int) -> int:
        raise NotImplementedError


    check("start.frame_at", frame_at)
    """


@pytest.fixture
def unpinned(monkeypatch):
    """The runner works on two cores; the tests go on with what they have."""
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)


def test_running_twice_changes_nothing_and_nbval_agrees(tmp_path, unpinned):
    path = lesson(tmp_path, RUNS.format(python=sys.executable))
    well, line = course.run(path)
    assert well, line
    assert re.fullmatch(r"01_x.ipynb: \d+\.\d s, \d+ MB, written", line)
    first = path.read_bytes()
    nb = nbformat.reads(first.decode(), 4)
    where, figure, exercise = code_cells(nb)
    assert where.outputs[0].text == f"{tmp_path.name} 1\n"  # nothing on stderr: the bar is off
    assert len(where.outputs) == 1
    assert figure.outputs[0].data == {"text/plain": "A page that is different each time"}
    assert exercise.outputs[0].data["text/plain"] == "○ start.frame_at: not tried yet"
    assert "The machine computes for" in nb.cells[0].source
    assert nb.metadata["vidlab"]["peak_mb"] > 50
    assert len(nb.cells) == 4  # the measuring cell is not kept

    well, line = course.run(path)
    assert line.endswith("unchanged")
    assert path.read_bytes() == first
    assert not course.is_stale(path)

    command = [sys.executable, "-m", "pytest", "-p", "conftest", "--nbval", str(path), "-n", "2", "--dist", "loadfile"]
    done = subprocess.run([*command, "-p", "no:cacheprovider"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_a_failing_cell_is_reported_and_the_file_left_alone(tmp_path, unpinned):
    path = lesson(tmp_path, '# %% id="fine"\n1\n# %% id="broken"\nwrong = 1 / 0\n# %% id="later"\n2\n')
    before = path.read_bytes()
    well, report = course.run(path)
    assert not well
    for words in ("01_x.ipynb", "'broken'", "wrong = 1 / 0", "ZeroDivisionError", "left as it was"):
        assert words in report
    assert "\x1b" not in report
    assert path.read_bytes() == before


def test_a_cell_that_hangs_or_dies_is_reported(tmp_path, unpinned):
    for source, timeout in (("import time; time.sleep(60)", 1), ("import os; os._exit(3)", 30)):
        with pytest.raises(course.CellFailed, match="cell 'c0' failed"):
            course.execute(notebook(source), tmp_path, timeout=timeout)


def test_a_measurement_stays_until_the_code_and_the_figure_have_changed():
    def after(old, seconds, megabytes, mark, anew=False):
        nb = notebook("1", vidlab=dict(old)) if old else notebook("1")
        course.record(nb, course.Measured(seconds, megabytes), mark, anew)
        return tuple(nb.metadata["vidlab"][key] for key in ("fingerprint", "seconds", "peak_mb"))

    old = {"fingerprint": "a", "seconds": 10, "peak_mb": 300}
    assert after(None, 12.4, 316, "a") == ("a", 12, 320)
    assert after(None, 0.01, 316, "a") == ("a", 1, 320)
    assert after(old, 40.0, 900, "a") == ("a", 10, 300)  # the same code: a busy machine, not a new figure
    assert after(old, 18.0, 400, "b") == ("b", 10, 300)  # within a factor of two
    assert after(old, 25.0, 400, "b") == ("b", 25, 400)
    assert after(old, 12.0, 900, "b") == ("b", 12, 900)
    assert after(old, 12.0, 400, "a", anew=True) == ("a", 12, 400)


def test_the_command_line(tmp_path, capsys):
    notebooks, texts = tmp_path / "notebooks", tmp_path / "authoring"
    notebooks.mkdir()
    texts.mkdir()
    folders = ["--notebooks", str(notebooks)]
    (texts / "02_y.py").write_text('# %% id="a"\nfrom vidlab import errors\n', encoding="utf-8")
    assert course.main(["stale", *folders]) == 1  # nothing there
    assert course.main(["build", *folders, str(texts / "02_y.py")]) == 0
    assert course.main(["stale", *folders]) == 1
    assert "02_y.ipynb is stale" in capsys.readouterr().out
    path = notebooks / "02_y.ipynb"
    nb = nbformat.read(path, 4)
    nb.metadata["vidlab"] = {"fingerprint": fingerprint(nb)}
    nb.cells[0].metadata["collapsed"] = True
    nbformat.write(nb, path)
    assert course.main(["stale", *folders]) == 0
    assert course.main(["normalise", *folders, "--only", "02"]) == 0
    assert "tidied" in capsys.readouterr().out
    assert course.main(["normalise", *folders]) == 0
    assert "unchanged" in capsys.readouterr().out
    (texts / "02_y.py").unlink()
    assert course.main(["export", *folders, "--authoring", str(texts)]) == 0
    assert (texts / "02_y.py").read_text(encoding="utf-8") == '# %% id="a"\nfrom vidlab import errors\n'
    (texts / "03_z.py").write_text("# %% nonsense\n", encoding="utf-8")
    assert course.main(["build", *folders, "--authoring", str(texts)]) == 1
    assert "03_z.py, line 1" in capsys.readouterr().out


def test_the_command_exits_1_when_a_lesson_fails(tmp_path):
    lesson(tmp_path, '# %% id="a"\nraise SystemError("on purpose")\n', name="01_bad")
    lesson(tmp_path, '# %% id="a"\n1\n', name="02_good")
    command = [sys.executable, "-m", "vidlab.course", "run", "--notebooks", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1, done.stderr
    assert "on purpose" in done.stdout
    assert "02_good.ipynb: " in done.stdout
    assert done.stderr == ""
