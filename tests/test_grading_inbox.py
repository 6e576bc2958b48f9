"""What comes in: folders and zips that somebody else filled, and when they came."""

import io
import json
import os
import stat
import time
import zipfile
from datetime import datetime

import pytest
from of_grading import source_notebook, written

from vidlab.grading import entries
from vidlab.grading.inbox import collect, shown
from vidlab.grading.late import Late, LateError, keep_rule, rule_of
from vidlab.grading.store import Course, CourseError, usable

BOOK = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}).encode()
NOON = (2030, 1, 31, 12, 0, 0)


@pytest.fixture
def course(tmp_path):
    (tmp_path / "course" / "source" / "hw1").mkdir(parents=True)
    written(source_notebook(), tmp_path / "course" / "source" / "hw1" / "hw1.ipynb")
    return Course(tmp_path / "course")


def zipped(path, *files):
    """files: (name, bytes) or (name, bytes, time, changes of the entry's description)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data, *more in files:
            info = zipfile.ZipInfo(name, more[0] if more else NOON)
            info.compress_type = zipfile.ZIP_DEFLATED
            for key, value in (more[1] if len(more) > 1 else {}).items():
                setattr(info, key, value)
            file.writestr(info, data)
    return path


def there(course):
    return {path.parts[-3]: path.read_bytes() for path in sorted((course.root / "submitted").glob("*/hw1/hw1.ipynb"))}


def test_folders(course, tmp_path):
    inbox = tmp_path / "inbox"
    for place in (
        "ada/hw1/hw1.ipynb",
        "bob/hw1.ipynb",
        "cy/answer.ipynb",
        "di/a.ipynb",
        "di/b.ipynb",
        "ed/hw2/hw1.ipynb",
    ):
        (inbox / place).parent.mkdir(parents=True, exist_ok=True)
        (inbox / place).write_bytes(BOOK)
    (inbox / "bob" / "hw1 (1).ipynb").write_bytes(BOOK + b"\n")
    os.utime(inbox / "bob" / "hw1.ipynb", (1e9, 1e9))
    (inbox / "bob" / "notes.txt").write_text("x")
    for bad in ("=cmd()", "<img src=x onerror=alert(1)>", "a\nb", "x" * 200):
        (inbox / bad).mkdir()
        (inbox / bad / "hw1.ipynb").write_bytes(BOOK)
    (inbox / "eve").mkdir()
    (inbox / "eve" / "hw1.ipynb").symlink_to("/etc/passwd")
    (inbox / "fay").symlink_to(inbox / "ada")
    (inbox / "gus").mkdir()
    os.link(inbox / "ada" / "hw1" / "hw1.ipynb", inbox / "gus" / "hw1.ipynb")
    os.mkfifo(inbox / "gus" / "pipe.ipynb")
    os.unlink(inbox / "gus" / "hw1.ipynb")
    result = collect(course, "hw1", inbox)
    assert there(course) == {"ada": BOOK, "bob": BOOK + b"\n", "cy": BOOK}
    why = dict(result.left)
    assert why["eve/hw1.ipynb"] == why["fay"] == "a link"
    assert why["gus/pipe.ipynb"].startswith("this is no file")
    assert why["di"].startswith("2 notebooks")
    assert "hw2" in why["ed/hw2/hw1.ipynb"]
    assert why["bob/notes.txt"] == "no notebook"
    assert "newer" in why["bob/hw1.ipynb"]
    assert len([name for name, reason in result.left if "cannot be used" in reason]) == 4
    assert "answer.ipynb" in result.taken["cy"]
    assert "newest of several" in result.taken["bob"]
    assert "\na\nb" not in str(result)
    assert "3 taken" in str(result)


def test_what_is_older_does_not_replace_what_is_there(course, tmp_path):
    path = tmp_path / "inbox" / "ada" / "hw1.ipynb"
    path.parent.mkdir(parents=True)
    for data, when, wanted in ((BOOK, 2e9, BOOK), (b"older", 1e9, BOOK), (b"newer", 2e9 + 5, b"newer")):
        path.write_bytes(data)
        os.utime(path, (when, when))
        collect(course, "hw1", tmp_path / "inbox")
        assert there(course) == {"ada": wanted}
    about = json.loads((course.root / "submitted/ada/hw1/submission.json").read_text())
    assert about["when"] == "2033-05-18T03:33:25+00:00"


def test_moodle(course, tmp_path):
    """Two students of one name; one who handed in twice; what a name may not do."""
    path = zipped(
        tmp_path / "moodle.zip",
        ("Ana López_1234567_assignsubmission_file_/hw1.ipynb", BOOK),
        ("Ana López_7654321_assignsubmission_file_/hw1.ipynb", BOOK + b" "),
        ("O'Brien, <b>_22_assignsubmission_file_/hw1.ipynb", b"old", (2030, 1, 30, 0, 0, 0)),
        ("O'Brien, <b>_22_assignsubmission_file_/hw1 (2).ipynb", b"new"),
        ("../../etc_33_assignsubmission_file_/hw1.ipynb", b"out"),
        ("../x_34_assignsubmission_file_", b"out"),
        ("__MACOSX/Ana López_1234567_assignsubmission_file_/._hw1.ipynb", b"mac"),
    )
    result = collect(course, "hw1", path)
    ana, ana2, brien = "Ana-López_1234567", "Ana-López_7654321", "O-Brien-b_22"
    assert there(course) == {ana: BOOK, ana2: BOOK + b" ", brien: b"new"}
    about = json.loads((course.root / "submitted" / ana / "hw1" / "submission.json").read_text())
    assert datetime.fromisoformat(about["when"]).timestamp() == time.mktime((*NOON, 0, 0, -1))
    assert len(result.left) == 3
    assert not list(tmp_path.glob("**/etc*"))
    os.makedirs(tmp_path / "again")
    with zipfile.ZipFile(path) as file:  # the same, unpacked
        os.utime(file.extract(file.namelist()[0], tmp_path / "again"), (2e9, 2e9))
    assert list(collect(course, "hw1", tmp_path / "again").taken) == [ana]


def test_canvas(course, tmp_path):
    path = zipped(
        tmp_path / "canvas.zip",
        ("lopezana_12345_678901_hw1.ipynb", b"first"),
        ("lopezana_12345_678999_hw1-1.ipynb", b"second"),
        ("lopezana_LATE_54321_678902_hw1-12.ipynb", b"late"),
        ("nobody.ipynb", b"?"),
    )
    result = collect(course, "hw1", path)
    assert there(course) == {"lopezana_12345": b"second", "lopezana_54321": b"late"}
    assert "Canvas says that it was late" in result.taken["lopezana_54321"]
    assert dict(result.left)["nobody.ipynb"].startswith("whose it is")


LINK = {"external_attr": (stat.S_IFLNK | 0o777) << 16}


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (("/ada/hw1.ipynb", BOOK), "absolute"),
        (("C:/ada/hw1.ipynb", BOOK), "absolute"),
        (("ada\\hw1.ipynb", BOOK), "Windows"),
        (("ada/../../hw1.ipynb", BOOK), "elsewhere"),
        (("ada//hw1.ipynb", BOOK), "elsewhere"),
        (("a/b/c/d/e/f/hw1.ipynb", BOOK), "elsewhere"),
        (("ada/hw1.ipynb", b"/etc/passwd", NOON, LINK), "a link"),
        (("ada/hw1.ipynb", BOOK, NOON, {"compress_type": zipfile.ZIP_BZIP2}), "not read"),
        (("ada/hw1.ipynb", b"0" * (10 << 20)), "bomb"),
        (("ada/hw1.ipynb", os.urandom(100) * (220 << 10)), "MB"),
    ],
)
def test_zips_that_want_more_than_to_be_read(course, tmp_path, file, says):
    result = collect(course, "hw1", zipped(tmp_path / "in.zip", file))
    assert not there(course)
    assert not result.taken
    assert [says in why for _, why in result.left] == [True], result.left


def test_zips_that_lie(course, tmp_path):
    """Encrypted; of another size than it says; damaged; twice the same name; a time that is none."""
    path = tmp_path / "in.zip"

    def told(change, *files):
        data = bytearray(zipped(path, *(files or [("ada/hw1.ipynb", BOOK * 40)])).read_bytes())
        change(data, data.index(b"PK\x01\x02"))
        path.write_bytes(data)
        return [why for _, why in collect(course, "hw1", path).left]

    def encrypted(data, at):
        data[6] |= 1
        data[at + 8] |= 1

    def longer(data, at):
        data[22:26] = data[at + 24 : at + 28] = (50).to_bytes(4, "little")

    def damaged(data, at):
        data[60] ^= 255

    assert told(encrypted) == ["encrypted"]
    assert "unpacked" in told(longer)[0] or "size" in told(longer)[0]
    assert "unpacked" in told(damaged)[0]
    assert not there(course)
    twice = [("ada/hw1.ipynb", b"new"), ("ada/hw1.ipynb", b"old", (2030, 1, 1, 0, 0, 0))]
    with pytest.warns(UserWarning, match="Duplicate"):
        why = told(lambda data, at: None, *twice)
    assert "newer" in why[0]
    assert there(course) == {"ada": b"new"}

    def no_time(data, at):
        data[at + 12 : at + 16] = bytes(4)

    assert told(no_time, ("bob/hw1.ipynb", BOOK)) == []
    assert "bob" in there(course)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(CourseError, match="neither|damaged"):
        collect(course, "hw1", path)


def test_too_many_files(course, tmp_path, monkeypatch):
    monkeypatch.setattr(entries, "ENTRIES", 2)
    with pytest.raises(CourseError, match="at most 2"):
        collect(course, "hw1", zipped(tmp_path / "in.zip", *((f"s{k}/hw1.ipynb", BOOK) for k in range(3))))


def test_names():
    for name in ("ada", "Ana López_4711", "student@school.edu", "a.b-c+d", "李雷"):
        assert usable(name) == name
    for name in (
        "",
        ".",
        "..",
        "a/b",
        "-rf",
        "=1",
        "@x",
        "+1",
        ".hidden",
        "a\nb",
        "a<b",
        "é" * 90,
        "a ",
        "a.",
        "e\u0301",
    ):
        with pytest.raises(CourseError):
            usable(name)
    assert shown("a\x1b[31m\u202eb") == "a\\x1b[31m\\u202eb"


DUE = "2030-01-31T12:00+00:00"


@pytest.mark.parametrize(
    ("rule", "submitted", "loss"),
    [
        ("", "2031-01-01T00:00+00:00", 0),
        ("10% per day", "2030-01-31T12:00:00+00:00", 0),
        ("10% per day", "2030-01-31T12:00:01+00:00", 0.1),
        ("10% per day", "2030-01-31T13:00:00+01:00", 0),
        ("10% per day", "2030-02-01T12:00:00Z", 0.1),
        ("10% per day", "2030-02-01T12:00:01+00:00", 0.2),
        ("10% per day", "2031-02-01T12:00:00+00:00", 1),
        ("10% per day, at most 50%", "2030-03-01T12:00:00+00:00", 0.5),
        ("2.5 % per hour, at most 12.5 %", "2030-01-31T14:30:00+00:00", 0.075),
        ("10% per day, 15 minutes grace", "2030-01-31T12:15:00+00:00", 0),
        ("10% per day, at most 50%, 1 hour grace", "2030-01-31T13:00:01+00:00", 0.1),
        ("100% per minute", "2030-01-31T12:00:30+00:00", 1),
    ],
)
def test_what_a_late_submission_loses(rule, submitted, loss):
    assert Late(rule, DUE).loss(submitted) == pytest.approx(loss)


def test_rules_that_are_none(course):
    for rule, due in (("10 percent", DUE), ("10% per day", ""), ("10% per day", "tomorrow"), ("-5% per day", DUE)):
        with pytest.raises(LateError):
            Late(rule, due)
    assert rule_of(course, "hw1") == Late()
    keep_rule(course, "hw1", rule_of(course, "hw1", "10% per day", DUE))
    assert rule_of(course, "hw1") == Late("10% per day", DUE)
    keep_rule(course, "hw1", rule_of(course, "hw1", "none"))
    assert rule_of(course, "hw1") == Late("", DUE)


def test_an_inbox_that_is_none(course, tmp_path):
    (tmp_path / "x.zip").write_bytes(io.BytesIO(b"no zip").getvalue())
    for place in ("x.zip", "nowhere"):
        with pytest.raises(CourseError, match="neither"):
            collect(course, "hw1", tmp_path / place)
