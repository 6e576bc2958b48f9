"""What is handed out: everything that students need, and nothing that they must not see."""

import json
import zipfile

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from of_grading import cell, source_notebook, written

from vidlab import cli
from vidlab.grading import intake
from vidlab.grading.assignment import HIDDEN, SOLUTION, AssignmentError, load
from vidlab.grading.release import release
from vidlab.grading.store import Course, CourseError


def test_a_heading_names_the_questions_below_it(tmp_path):
    book = source_notebook()
    text = "## 1 · Another\n\n## 2 · A *net* (2 points, 5 minutes)\n\nMake one."
    book.cells.insert(3, cell(text, "ask", text=True))
    titles = load(written(book, tmp_path / "hw1.ipynb")).titles
    assert (titles["median-check"], titles["net-check"]) == ("", "2 · A *net*")


def course_of(tmp_path, book):
    (tmp_path / "source" / "hw1").mkdir(parents=True, exist_ok=True)
    written(book, tmp_path / "source" / "hw1" / "hw1.ipynb")
    return Course(tmp_path)


def test_nothing_is_given_away(tmp_path, capsys):
    book = source_notebook()
    book.cells[2].outputs = [new_output("stream", text="a hidden number: 4711")]
    book.cells[2].metadata["secret"] = "4711"
    course_of(tmp_path, book)
    assert cli.main(["homework", "--course", str(tmp_path), "release", "hw1"]) == 0
    path = tmp_path / "release" / "hw1" / "hw1.ipynb"
    assert str(path) in capsys.readouterr().out
    text = json.loads(path.read_text())
    text = json.dumps(text) + "\n".join("".join(cell["source"]) for cell in text["cells"])
    lines = [line for cell in book.cells for kind in (HIDDEN, SOLUTION) for line in cell.source.split("\n")]
    public = [line for cell in book.cells for line in HIDDEN.sub("", SOLUTION.sub("", cell.source)).split("\n")]
    secret = {line.strip() for line in lines} - {line.strip() for line in public} - {""}
    assert len(secret) > 12
    for line in (*secret, "4711", "BEGIN", "masked"):
        assert line not in text, line
        assert json.dumps(line)[1:-1] not in text, line
    assert "raise NotImplementedError()" in text
    assert "YOUR ANSWER HERE" in text
    assert "the time axis should be gone" in text


def test_it_is_what_intake_expects_and_nbgrader_too(tmp_path):
    course = course_of(tmp_path, source_notebook())
    path, packed = release(course, "hw1")
    assert intake.take(path, load(course.source("hw1"))).notes == ()
    cells = nbformat.read(path, as_version=4).cells
    assert all(cell.metadata.nbgrader.checksum for cell in cells)
    assert [cell.metadata.get("editable", True) for cell in cells] == [False, True, False, True, False, True]
    first = packed.read_bytes()
    assert zipfile.ZipFile(packed).read("hw1/hw1.ipynb") == path.read_bytes()
    release(course, "hw1")
    assert packed.read_bytes() == first


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda book: book.cells.append(new_markdown_cell("As in\n\n    return clip.median(0).values")), "give away"),
        (
            lambda book: book.cells.append(new_markdown_cell("### BEGIN SOLUTION\nx\n### END SOLUTION")),
            "ClearSolutions",
        ),
        (
            lambda book: book.cells[2].update(source="# BEGIN HIDDEN TESTS\nassert median\n# END HIDDEN TESTS"),
            "another text",
        ),
        (lambda book: book.cells[0].metadata.update(tags=["return clip.median(0).values"]), "metadata"),
        (lambda book: book.cells.append(new_code_cell("x = 1")), "no nbgrader metadata"),
        (lambda book: book.cells[2].metadata.nbgrader.update(schema_version=99), "CheckCellMetadata|nbgrader's"),
    ],
)
def test_what_would_be_given_away_is_refused(tmp_path, spoil, says):
    book = source_notebook()
    spoil(book)
    with pytest.raises(AssignmentError, match=says):
        release(course_of(tmp_path, book), "hw1")
    assert not (tmp_path / "release").exists()


def test_a_course_that_is_none(tmp_path, capsys, monkeypatch):
    with pytest.raises(CourseError, match="no folder"):
        Course(tmp_path / "nowhere")
    course = course_of(tmp_path, source_notebook())
    for name in ("hw2", "../hw1", "/etc/passwd", "", "=hw1"):
        with pytest.raises(CourseError):
            release(course, name)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main(["homework", "--course", str(tmp_path), "release", "hw1"]) == 1
    assert 'pip install "vidlab[grading]"' in capsys.readouterr().err


def test_the_secret_is_made_once_and_is_ones_own(tmp_path):
    course = Course(tmp_path)
    assert course.secret(make=False) == b""
    secret = course.secret()
    assert len(secret) == 32
    assert Course(tmp_path).secret() == secret
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    (tmp_path / "secret").write_bytes(b"")
    with pytest.raises(CourseError, match="0 bytes"):
        course.secret()


def test_one_at_a_time(tmp_path, capsys):
    course = course_of(tmp_path, source_notebook())
    with course.alone():
        assert cli.main(["homework", "--course", str(tmp_path), "release", "hw1"]) == 1
    assert "at work" in capsys.readouterr().err
    assert cli.main(["homework", "release", "hw1", "--course", str(tmp_path)]) == 0
