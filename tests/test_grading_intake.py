"""Submissions of every kind are read or refused with a reason; what counts is the instructor's notebook."""

from __future__ import annotations

import copy
import json
import os
import stat
import sys

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from of_grading import MEDIAN, handed_in, source_notebook, written

from vidlab.grading import assignment, intake, marks
from vidlab.grading.intake import ADDED, CELLS, LARGEST, SOURCE, IntakeError


@pytest.fixture(scope="module")
def homework(tmp_path_factory):
    return assignment.load(written(source_notebook(), tmp_path_factory.mktemp("hw") / "hw.ipynb"))


def taken(book, homework):
    return intake.arrange(intake.parsed(json.dumps(book).encode()), homework)


def sources(submission, kind="answer"):
    return {step.id: step.source for step in submission.steps if step.kind == kind}


def as_made(submission, homework):
    """All that is not the student's is the instructor's, in the instructor's order."""
    ours = [step for step in submission.steps if step.kind != "added"]
    assert [(step.id, step.kind, step.points, step.code) for step in ours] == [
        (cell.id, cell.kind, cell.points, cell.code) for cell in homework.cells
    ]
    kept = ("given", "check")
    assert [s.source for s in ours if s.kind in kept] == [c.source for c in homework.cells if c.kind in kept]


# ---- files -----------------------------------------------------------------------------------------------------------
def test_a_plain_file_is_taken(homework, tmp_path):
    path = written(handed_in({"median": "def median(clip): return clip[0]"}), tmp_path / "s.ipynb")
    submission = intake.take(path, homework)
    assert sources(submission)["median"] == "def median(clip): return clip[0]"
    as_made(submission, homework)


def link(path, target):
    path.symlink_to(target)


def second_name(path, target):
    path.hardlink_to(target)


def folder(path, target):
    path.mkdir()


def pipe(path, target):
    os.mkfifo(path)


def listening(path, target):
    import socket

    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(path.parent)
        server.bind(path.name)


def device(path, target):
    path.symlink_to("/dev/zero")


def large(path, target):
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)


def missing(path, target):
    pass


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes as Unix has them")
@pytest.mark.parametrize("make", [link, second_name, folder, pipe, listening, device, large, missing])
def test_what_is_no_plain_file_is_refused(homework, tmp_path, monkeypatch, make):
    monkeypatch.chdir(tmp_path)
    target = written(handed_in(), tmp_path / "gradebook.ipynb")
    make(tmp_path / "s.ipynb", target)
    with pytest.raises(IntakeError) as caught:
        intake.take(tmp_path / "s.ipynb", homework)
    told = marks.refused(homework, caught.value)
    assert told.points == 0
    assert all(mark.reason and mark.state == "failed" and str(tmp_path) not in mark.reason for mark in told.marks)


def test_a_device_is_refused(homework):
    assert stat.S_ISCHR(os.stat("/dev/zero").st_mode)
    with pytest.raises(IntakeError, match="no file"):
        intake.contents(intake.Path("/dev/zero"))


def test_a_name_that_cannot_be(homework):
    with pytest.raises(IntakeError):
        intake.contents(intake.Path("a\0b"))


# ---- bytes -----------------------------------------------------------------------------------------------------------
GOOD = json.dumps(handed_in())
BYTES = {
    "empty": b"",
    "a word": b"hello",
    "half a notebook": GOOD.encode()[: len(GOOD) // 2],
    "another encoding": GOOD.encode("utf-16"),
    "Latin-1": '{"nbformat": 4, "cells": ["é"]}'.encode("latin-1"),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "deep": b"[" * 1_000_000,
    "deep and closed": b'{"nbformat": 4, "cells": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "a long number": b'{"nbformat": ' + b"4" * 100_000 + b"}",
    "a list": b"[]",
    "null": b"null",
    "a picture": b"\x89PNG\r\n\x1a\n",
    "a pickle": b"\x80\x04cos\nsystem\n(S'echo'\ntR.",
    "no format": b'{"cells": []}',
    "a format in words": b'{"nbformat": "4", "cells": []}',
    "a format that is true": b'{"nbformat": true, "cells": []}',
    "NaN as its format": b'{"nbformat": NaN, "cells": []}',
    "version 3": b'{"nbformat": 3, "worksheets": [{"cells": []}]}',
    "version 5": GOOD.replace('"nbformat": 4', '"nbformat": 5').encode(),
    "no cells": b'{"nbformat": 4}',
    "cells that are a dict": b'{"nbformat": 4, "cells": {}}',
    "too many cells": json.dumps({"nbformat": 4, "cells": [{}] * (CELLS + 1)}).encode(),
    "100,000 cells": json.dumps({"nbformat": 4, "cells": [None] * 100_000}).encode(),
}


@pytest.mark.parametrize("name", BYTES)
def test_what_is_no_notebook_is_refused(homework, name):
    with pytest.raises(IntakeError) as caught:
        intake.parsed(BYTES[name])
    assert caught.value.what
    assert "Traceback" not in str(caught.value)
    assert len(str(caught.value)) < 300


# ---- notebooks that are read, whatever is in them --------------------------------------------------------------------
def ids(book, name):
    return next(cell for cell in book["cells"] if cell["metadata"]["nbgrader"]["grade_id"] == name)


def without(book, name):
    book["cells"].remove(ids(book, name))


def twice(book, name):
    book["cells"].append(copy.deepcopy(ids(book, name)))
    book["cells"][-1]["source"] = "last = 1"


def renamed(book, name):
    ids(book, name)["metadata"]["nbgrader"]["grade_id"] = "mine"


def retyped(book, name):
    ids(book, name)["cell_type"] = "raw"


def edited(book, name):
    ids(book, name)["source"] = "assert True"


def more_points(book, name):
    ids(book, name)["metadata"]["nbgrader"]["points"] = 1e9


def other_roles(book, name):
    ids(book, name)["metadata"]["nbgrader"].update(grade=False, solution=True, locked=False)


def as_(value, what="source"):
    def change(book, name):
        ids(book, name)[what] = value

    return change


# name: (the change, which cell, what is said, the answer that counts or None where it is unchanged)
CHANGES = {
    "an answer removed": (without, "median", "“median” is missing", ""),
    "an answer twice": (twice, "median", "there twice", "last = 1"),
    "an answer renamed": (renamed, "median", "“median” is missing", ""),
    "an answer retyped": (retyped, "median", "was code", ""),
    "a check removed": (without, "median-check", "", None),
    "a check edited": (edited, "median-check", "was changed: the original counts", None),
    "a check twice": (twice, "median-check", "was changed", None),
    "a check that is worth more": (more_points, "median-check", "", None),
    "a check that is called an answer": (other_roles, "median-check", "", None),
    "a given cell edited": (edited, "setup", "was changed", None),
    "a number as source": (as_(3), "median", "", ""),
    "nothing as source": (as_(None), "median", "", ""),
    "a dict as source": (as_({"a": 1}), "median", "", ""),
    "lines as source": (as_(["a = 1\n", None, 3, ["x"], "b = 2"]), "median", "", "a = 1\nb = 2"),
    "null bytes": (as_("a\0b\0"), "median", "", "ab"),
    "half a surrogate pair": (as_("a = '\ud800'"), "median", "", "a = '?'"),
    "metadata that is a list": (as_([], "metadata"), "median", "“median” is missing", ""),
    "nbgrader's part is a word": (as_({"nbgrader": "x"}, "metadata"), "median", "“median” is missing", ""),
    "an id that is a list": (as_({"nbgrader": {"grade_id": ["median"]}}, "metadata"), "median", "is missing", ""),
    "a type that is a number": (as_(7, "cell_type"), "median", "was code", ""),
    "outputs of 1 MB": (as_([{"output_type": "x", "text": "x" * 1_000_000}], "outputs"), "median", "", None),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_counts_is_the_instructors_notebook(homework, name):
    change, where, says, answer = CHANGES[name]
    book = json.loads(json.dumps(handed_in({"median": "mine = 1"})))
    change(book, where)
    submission = taken(book, homework)
    as_made(submission, homework)
    assert says in " ".join(submission.notes)
    assert says or not any(where in note and "missing" in note for note in submission.notes)
    assert sources(submission)["median"] == ("mine = 1" if answer is None else answer)
    json.dumps(submission.notes).encode()
    "".join(step.source for step in submission.steps).encode()


def test_an_answer_that_is_missing_is_not_answered(homework):
    book = json.loads(json.dumps(handed_in()))
    without(book, "explain")
    assert "explain" not in taken(book, homework).answered
    assert "median" in taken(book, homework).answered


def test_cells_that_are_none_are_passed_over(homework):
    book = json.loads(json.dumps(handed_in()))
    book["cells"][1:1] = [
        None,
        3,
        [],
        "cell",
        {},
        {"cell_type": "code"},
        {"source": "x"},
        {"metadata": {"nbgrader": 3}},
    ]
    submission = taken(book, homework)
    as_made(submission, homework)
    assert not sources(submission, "added")


def test_cells_that_were_added_run_where_they_stand(homework):
    book = handed_in({"median": MEDIAN}, added=["helper = 1"])
    book.cells.insert(0, new_code_cell("first = 1"))
    book.cells.append(new_markdown_cell("not run"))
    book.cells.append(new_code_cell("last = 1"))
    submission = taken(book, homework)
    assert [step.id for step in submission.steps][:3] == ["start, added 1", "setup", "setup, added 1"]
    assert list(sources(submission, "added").values()) == ["first = 1", "helper = 1", "last = 1"]


def test_no_more_is_run_than_can_be(homework):
    submission = taken(handed_in(added=[f"x = {k}" for k in range(ADDED + 50)]), homework)
    assert len(sources(submission, "added")) == ADDED
    assert f"{ADDED + 50} cells were added" in " ".join(submission.notes)
    submission = taken(handed_in({"median": "#" * (SOURCE + 1)}, added=["#" * SOURCE]), homework)
    assert len(sources(submission)["median"]) == SOURCE
    told = [note for note in submission.notes if "200,000 characters: the rest was left out" in note]
    assert told == ["cell “median” has more than 200,000 characters: the rest was left out"]


def test_another_kernel_or_language_changes_nothing(homework):
    book = handed_in()
    book.metadata["kernelspec"] = {"name": "bash", "language": "bash", "argv": ["rm"]}
    book.metadata["vidlab"] = {"masked": [], "seconds": 1e9, "memory": 1e9}
    submission = taken(book, homework)
    as_made(submission, homework)
    assert not hasattr(submission, "metadata")
