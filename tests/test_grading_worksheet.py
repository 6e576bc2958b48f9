"""Grades in the tables of Moodle and Canvas: the right line, the right column, and nothing else changed."""

import csv
import io
from dataclasses import replace

import pytest
from of_grading import source_notebook, written

from vidlab import cli
from vidlab.grading.store import Course, Record
from vidlab.grading.worksheet import WorksheetError, fill

MOODLE = (
    "Identifier,Full name,Email address,Status,Grade,Maximum grade,Last modified (grade),Feedback comments\r\n"
    'Participant 47,"López, Ana",ana@example.org,Submitted,,10.00,-,"two\r\nlines, ""quoted"""\r\n'
    "Participant 4,Bob,bob@example.org,No submission,1.00,10.00,-,\r\n"
    "Participant 5,Eve,eve@example.org,Submitted,,10.00,-,\r\n"
)
CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,hw0 (1),HW1 (98765),Final\r\n"
    "    Points Possible,,,,,5,10,\r\n"
    '"López, Ana",47,s1,ana,A,4,,\r\n'
    "Bob,4,s2,bob,A,,,\r\n"
    "Eve,5,s3,eve,A\r\n"
)
ASKED = ("median-check", "net-check", "explain")
POINTS = {"Ana-López_47": 7.25, "Eve_5": 0}


@pytest.fixture
def course(tmp_path):
    (tmp_path / "source" / "hw1").mkdir(parents=True)
    written(source_notebook(), tmp_path / "source" / "hw1" / "hw1.ipynb")
    made = Course(tmp_path)
    for student, points in POINTS.items():
        marks = [{"id": name, "points": 0.0, "most": 1.0, "state": "right", "reason": "right"} for name in ASKED]
        marks[0]["points"] = points
        grade = {"marks": marks, "notes": [], "cells": {}}
        made.keep("hw1", Record(student, "k", "s", "2030-01-01T00:00:00+00:00", grade))
    return made


def table(path, delimiter=","):
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), delimiter=delimiter))


def test_moodle(course, tmp_path):
    (tmp_path / "w.csv").write_bytes(MOODLE.encode("utf-8-sig"))
    filled = fill(course, "hw1", tmp_path / "w.csv")
    assert (filled.count, filled.troubles) == (2, [])
    wanted = list(csv.reader(io.StringIO(MOODLE, newline="")))
    wanted[1][4], wanted[3][4] = "7.25", "0"
    assert table(filled.path) == wanted


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_canvas(course, tmp_path, delimiter):
    rows = list(csv.reader(io.StringIO(CANVAS)))
    with (tmp_path / "w.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    filled = fill(course, "hw1", tmp_path / "w.csv")
    assert (filled.count, filled.troubles) == (2, [])
    rows[2][6] = "7.25"
    rows[4] += ["", "0"]
    assert table(filled.path, delimiter) == rows


def test_a_column_by_name_and_who_is_not_there(course, tmp_path, capsys):
    (tmp_path / "w.csv").write_text(CANVAS.replace("Eve,5,", "Eve,55,"), encoding="utf-8")
    command = ["homework", "--course", str(tmp_path), "export", "hw1", "--into", str(tmp_path / "w.csv")]
    assert cli.main([*command, "--column", "hw0 (1)"]) == 1
    said = capsys.readouterr().out
    assert "Eve_5 is not in w.csv" in said
    assert "grades filled in: 1" in said
    assert cli.main([*command[:5], "--column", "hw0 (1)"]) == 1
    assert "--into" in capsys.readouterr().err
    rows = table(tmp_path / "grades" / "hw1.lms.csv")
    assert [row[5] for row in rows[1:4]] == ["5", "7.25", ""]
    assert [row[6] for row in rows[1:4]] == ["10", "", ""]


def test_who_is_not_unique_or_not_read_yet_is_told(course, tmp_path):
    ana = course.records("hw1")["Ana-López_47"]
    course.keep("hw1", replace(ana, student="team_47"))
    marks = [mark | {"state": "manual"} for mark in ana.grade["marks"][:1]] + ana.grade["marks"][1:]
    course.keep("hw1", replace(ana, student="Eve_5", grade=ana.grade | {"marks": marks}))
    (tmp_path / "w.csv").write_bytes(MOODLE.encode())
    filled = fill(course, "hw1", tmp_path / "w.csv")
    assert [row[4] for row in table(filled.path)[1:]] == ["", "1.00", "7.25"]
    assert filled.troubles == [
        "Ana-López_47, team_47 have the same number 47: none is filled in",
        "Eve_5: 1 answers are still to be read by a person",
    ]


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("", None, "cannot be read"),
        ("a,b\n1,2\n", None, "no column Identifier"),
        (CANVAS.replace("HW1", "HW2"), None, "no columns 'hw1' among"),
        (CANVAS.replace("hw0 (1)", "hw1 (1)"), None, "2 columns 'hw1' among"),
        (CANVAS, "hw9", "no columns 'hw9' among"),
        (MOODLE.replace("Grade,", "Note,"), None, "no columns 'Grade' among"),
        ("Identifier,Grade\n\ud800,1\n", None, "UTF-8"),
    ],
)
def test_what_is_no_worksheet_is_refused(course, tmp_path, text, column, says):
    (tmp_path / "w.csv").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(WorksheetError) as caught:
        fill(course, "hw1", tmp_path / "w.csv", column)
    assert says in str(caught.value)
    assert "Wanted:" in str(caught.value)
    assert not (tmp_path / "grades" / "hw1.lms.csv").exists()
