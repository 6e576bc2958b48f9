"""A class is graded, in real jails: whatever dies in the middle, the grades are the same in the end."""

import base64
import contextlib
import csv
import hashlib
import html
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from html.parser import HTMLParser
from multiprocessing import Pipe

import nbformat
import psutil
import pytest
from nbconvert import HTMLExporter
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from of_grading import handed_in, source_notebook, written

from vidlab import cli
from vidlab.grading import workers
from vidlab.grading.assignment import load
from vidlab.grading.gradebook import Gradebook, guarded, harmless, standing
from vidlab.grading.jail import Ended, Session
from vidlab.grading.store import Course, note_time
from vidlab.grading.store import handed_in as own_time

pytestmark = pytest.mark.linux

EVIL = "<script>alert(1)</script>\u202e</pre><img src=x onerror=alert(2)>"
SLOW = 4  # seconds that one submission takes, so that there is a middle
WRONG = "def median(clip):\n    return clip[0]"
STUDENTS = {
    "ada": handed_in({"explain": "Because."}),
    "bob": handed_in({"median": "def median(clip):\n    raise NotImplementedError()", "explain": ""}),
    "cora": handed_in({"explain": "Because."}),  # the same bytes as ada's
    "eve": handed_in({"median": f"print({EVIL!r})\n{WRONG}", "explain": f"{EVIL} \x1b\ud800"}, [f"'{EVIL}'"]),
    "mal": b"{",
    "sam": handed_in({"median": f"import time\ntime.sleep({SLOW})\n{WRONG}", "explain": ""}),
    "zoe": handed_in({"net": "class Net(nn.Module):\n    pass", "explain": ""}),
}
HOSTILE = ("=cmd|' C'!A0", "<img src=x onerror=alert(1)>")


def homework(course, *words):
    return cli.main(["homework", "--course", str(course.root), *map(str, words)])


def records(course):
    return {path.name: path.read_bytes() for path in sorted((course.root / "graded").rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """A course to which a class has handed in; somebody put other things there, too."""
    root = tmp_path_factory.mktemp("collected")
    (root / "source" / "hw1").mkdir(parents=True)
    written(source_notebook(seconds=60), root / "source" / "hw1" / "hw1.ipynb")
    inbox = tmp_path_factory.mktemp("inbox")
    for student, book in STUDENTS.items():
        (inbox / student).mkdir()
        path = inbox / student / "hw1.ipynb"
        for cell in book.cells if student in ("ada", "cora") else ():
            cell.id = cell.metadata.nbgrader.grade_id
        path.write_bytes(book if isinstance(book, bytes) else json.dumps(book).encode())
        os.utime(path, (1.9e9, 1.9e9))
    course = Course(root)
    assert homework(course, "collect", "hw1", inbox) == 0
    for name in HOSTILE:
        (root / "submitted" / name / "hw1").mkdir(parents=True)
        (root / "submitted" / name / "hw1" / "hw1.ipynb").write_bytes(b"{}")
    (root / "submitted" / "link").symlink_to(root / "submitted" / "ada")
    course.secret()
    return course


@pytest.fixture(scope="module")
def graded(collected, tmp_path_factory):
    """The same, graded without anything going wrong."""
    return _copy(collected, tmp_path_factory)


def _copy(course, tmp_path_factory):
    root = tmp_path_factory.mktemp("course") / "course"
    shutil.copytree(course.root, root, symlinks=True)
    return Course(root)


@pytest.fixture(scope="module")
def undisturbed(graded):
    assert homework(graded, "grade", "hw1", "--workers", 1) == 1  # there is something to look at
    found = records(graded)
    assert homework(graded, "export", "hw1") == 0
    return found


@pytest.fixture
def own(graded, undisturbed, tmp_path_factory):
    """A graded course of one's own."""
    return _copy(graded, tmp_path_factory)


def test_everybody_gets_a_grade_and_every_zero_a_reason(graded, undisturbed, capsys):
    assert list(undisturbed) == [f"{student}.json" for student in STUDENTS]
    found = graded.records("hw1")
    assert {name: sum(mark["points"] for mark in record.grade["marks"]) for name, record in found.items()} == {
        **{"ada": 5, "bob": 2, "cora": 5, "eve": 2, "mal": 0, "sam": 2, "zoe": 3},
    }
    for record in found.values():
        assert [mark["id"] for mark in record.grade["marks"]] == ["median-check", "net-check", "explain"]
        assert all(mark["reason"] for mark in record.grade["marks"])
    assert "no JSON" in found["mal"].grade["marks"][0]["reason"]
    assert found["ada"].key == found["cora"].key != found["eve"].key
    assert homework(graded, "grade", "hw1") == 1  # done already: this starts no worker
    said = capsys.readouterr().out
    assert f"0 graded, {len(STUDENTS)} as they were" in said
    assert said.count("cannot be used") == len(HOSTILE)
    assert "submitted/link is a link" in said
    assert records(graded) == undisturbed


def test_a_dry_run_writes_nothing(collected, capsys):
    everything = sorted(collected.root.rglob("*"))
    assert homework(collected, "grade", "hw1", "--dry-run", "--late", "10% per day", "--due", "2030-01-01") == 1
    assert "7 to grade, 0 as they were" in capsys.readouterr().out
    assert sorted(collected.root.rglob("*")) == everything


def _until(happens, what):
    end = time.monotonic() + 240
    while not happens():
        assert time.monotonic() < end, f"waited too long for {what}"
        time.sleep(0.05)


def test_killed_in_the_middle(collected, undisturbed, tmp_path_factory):
    """A worker is killed, then the program; the next run goes on, and what comes out is the same to the byte."""
    course = _copy(collected, tmp_path_factory)
    command = [sys.executable, "-m", "vidlab.cli", "homework", "grade", "hw1", "--workers", "1"]
    program = psutil.Popen(command, cwd=course.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def grading():
        found = []
        for child in program.children():
            with contextlib.suppress(psutil.Error):  # it has ended by now
                found += [child] if "spawn_main" in " ".join(child.cmdline()) else []
        return found

    done = course.record("eve", "hw1")
    _until(done.exists, "the first records")
    (first,) = grading()
    first.kill()
    others = []
    _until(lambda: others.extend(set(grading()) - {first}) or others, "another worker")
    second = others[0]
    program.send_signal(signal.SIGKILL)
    program.wait()
    before = records(course)
    assert "eve.json" in before
    assert "sam.json" not in before
    assert all(undisturbed[name] == data for name, data in before.items())
    times = {path: path.stat().st_mtime_ns for path in (course.root / "graded" / "hw1").iterdir()}
    (course.root / "graded" / "hw1" / "sam.json.part").write_bytes(b'{"half": ')
    assert homework(course, "grade", "hw1", "--workers", 1) == 1
    assert records(course) == undisturbed
    assert {path: path.stat().st_mtime_ns for path in times} == times  # nothing was done twice
    with contextlib.suppress(psutil.NoSuchProcess):
        second.wait(timeout=200)  # it ends by itself: nobody listens any more


class Dying:
    """A worker that always dies."""

    born = 0

    def __init__(self, assignment, secret):
        Dying.born += 1
        self.line, self.other = Pipe()

    def begin(self, job, data, until):
        self.job, self.until = job, until
        self.other.close()

    def end(self):
        self.line.close()

    ready, answer = True, workers._Worker.answer


def test_what_kills_three_workers_gets_a_zero_with_the_reason(own, monkeypatch, capsys):
    monkeypatch.setattr(workers, "_Worker", Dying)
    own.record("sam", "hw1").unlink()
    assert homework(own, "grade", "hw1") == 1
    assert Dying.born == 3
    grade = own.records("hw1")["sam"].grade
    assert {mark["points"] for mark in grade["marks"]} == {0}
    assert all("could not be graded, 3 times: the process" in mark["reason"] for mark in grade["marks"])
    assert "sam: it could not be graded" in capsys.readouterr().out
    Dying.ready = False  # a worker that cannot even begin says nothing about a submission
    own.record("zoe", "hw1").unlink()
    assert homework(own, "grade", "hw1") == 1
    assert "before it could begin" in capsys.readouterr().err
    assert "zoe" not in own.records("hw1")


def test_a_worker_that_dies_before_it_begins_is_replaced(own, undisturbed, monkeypatch):
    """As often as it takes, if there is one that lives from time to time."""
    born = []

    class Frail(Dying):
        ready = False

        def __init__(self, *about):
            born.append(self)
            super().__init__(*about)

    class Lively(workers._Worker):
        def __init__(self, *about):
            born.append(self)
            super().__init__(*about)

        def answer(self):
            found = super().answer()
            if "grade" in found:
                self.process.kill()
            return found

    for student in ("eve", "zoe"):
        own.record(student, "hw1").unlink()
    monkeypatch.setattr(workers, "_Worker", lambda *about: (Frail if len(born) % 3 < 2 else Lively)(*about))
    monkeypatch.setattr(workers, "BIRTHS", 3)
    assert homework(own, "grade", "hw1", "--workers", 1) == 1
    assert [type(each) for each in born[:3]] == [Frail, Frail, Lively]
    assert records(own) == undisturbed


def test_a_worker_that_hangs_is_given_up(own, monkeypatch):
    class Hanging(Dying):
        def begin(self, job, data, until):
            assert until > time.monotonic() + 60
            self.job, self.until = job, time.monotonic() + 0.1

    monkeypatch.setattr(workers, "_Worker", Hanging)
    own.record("sam", "hw1").unlink()
    assert homework(own, "grade", "hw1") == 1
    marks = own.records("hw1")["sam"].grade["marks"]
    assert all("could not be graded, 3 times: it took too long" in mark["reason"] for mark in marks)


def test_without_a_jail_nobody_is_graded(collected, tmp_path_factory, monkeypatch, capsys):
    course = _copy(collected, tmp_path_factory)
    monkeypatch.setenv("PATH", str(course.root))
    assert homework(course, "grade", "hw1", "--workers", 1) == 1
    said = capsys.readouterr().err
    assert "no bubblewrap" in said
    assert "--unsafe" in said
    assert "read and change" in said
    assert records(course) == {}


def test_a_jail_in_which_nothing_runs_gives_nobody_a_zero(own, monkeypatch):
    def ended(*about):
        raise Ended("its process ended")

    monkeypatch.setattr(Session, "ask", ended)
    told = json.loads(workers.examined(load(own.source("hw1")), b"secret", b"{}"))
    assert "does not start" in told["jail"]
    assert not workers._examiner


def test_unsafe_says_what_it_gives_up_and_grades(
    collected, undisturbed, tmp_path_factory, tmp_path, monkeypatch, capsys
):
    course = _copy(collected, tmp_path_factory)
    with monkeypatch.context() as without:
        without.setenv("PATH", str(course.root))
        without.setenv("TMPDIR", str(tmp_path))
        assert homework(course, "grade", "hw1", "--unsafe", "--workers", 1) == 1
    assert not list(tmp_path.iterdir())  # what students wrote is gone
    assert "can read and change" in capsys.readouterr().err
    grades = {name: json.loads(data)["grade"] for name, data in undisturbed.items()}
    assert {name: json.loads(data)["grade"] for name, data in records(course).items()} == grades
    assert homework(course, "grade", "hw1", "--dry-run") == 1
    assert f"{len(STUDENTS)} to grade, 0 as they were" in capsys.readouterr().out  # as soon as there is a jail


def test_the_same_from_dask(collected, undisturbed, tmp_path_factory):
    distributed = pytest.importorskip("distributed")
    course = _copy(collected, tmp_path_factory)
    small = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
    with distributed.LocalCluster(**small) as cluster:
        assert homework(course, "grade", "hw1", "--scheduler", cluster.scheduler_address) == 1
    assert records(course) == undisturbed


def test_the_table(own, capsys):
    assert homework(own, "grade", "hw1", "--late", "10% per day, at most 50%", "--due", "2030-03-16T17:00Z") == 1
    assert homework(own, "export", "hw1") == 0
    path = own.root / "grades" / "hw1.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert list(rows) == list(STUDENTS)
    assert rows["ada"] | {"notes": ""} == {
        **{"student": "ada", "submitted": "2030-03-17T17:46:40+00:00", "points": "5.0", "of": "10.0", "late": "20%"},
        **{"final": "4.0", "to review": "1", "median-check": "3.0", "net-check": "2.0", "explain": "0.0", "notes": ""},
    }
    assert rows["mal"]["final"] == "0.0"
    assert rows["mal"]["notes"]
    first = path.read_bytes(), _dump(own)
    assert homework(own, "export", "hw1") == 0
    assert (path.read_bytes(), _dump(own)) == first


def _dump(course):
    with contextlib.closing(sqlite3.connect(course.gradebook)) as base:
        return list(base.iterdump())


def test_points_by_hand_are_kept(own):
    with Gradebook(f"sqlite:///{own.gradebook}") as book:
        scores = {score.name: score for score in book.find_submission_notebook("hw1", "hw1", "ada").grades}
        assert scores["explain"].needs_manual_grade
        assert not scores["net-check"].needs_manual_grade
        scores["explain"].manual_score, scores["explain"].needs_manual_grade = 4.5, False
        scores["net-check"].manual_score = 1
        for comment in book.find_submission_notebook("hw1", "hw1", "ada").comments:
            comment.manual_comment = "<b>good</b>"
        book.db.commit()
    ada = own.records("hw1")["ada"]
    marks = [mark | ({"points": 0.0} if mark["id"] == "net-check" else {}) for mark in ada.grade["marks"]]
    worse = replace(ada, grade={**ada.grade, "marks": marks})
    for record, review in ((ada, [False, False, False]), (worse, [False, True, False])):
        own.keep("hw1", record)
        assert homework(own, "export", "hw1") == 0
        row = {row.record.student: row for row in standing(own, "hw1")}["ada"]
        assert [mark["points"] for mark in row.marks] == [3, 1, 4.5]
        assert [mark["review"] for mark in row.marks] == review
    own.keep("hw1", replace(ada, submitted="2030-05-01T00:00:00+00:00"))  # handed in again: to be read again
    assert homework(own, "export", "hw1") == 0
    row = {row.record.student: row for row in standing(own, "hw1")}["ada"]
    assert [mark["review"] for mark in row.marks] == [False, True, True]
    assert homework(own, "feedback", "hw1") == 0
    page = (own.root / "feedback" / "hw1" / "ada.html").read_text()
    assert "8.5 of 10 points" in page
    assert "&lt;b&gt;good&lt;/b&gt;" in page
    shown = nbformat.read(own.root / "autograded" / "ada" / "hw1" / "hw1.ipynb", as_version=4)
    assert shown.cells[5].source == "Because."  # what formgrader shows
    assert shown.cells[2].outputs[0].text == "3 points: right\n"


BREAKS_OUT = [
    "# net-check\n> ## net-check\n1. # net-check\n\n* - ### net-check",
    "net-check\n===\n\nnet-check\n---\n\n> net-check\n> --",
    "<script>alert(1)</script>",
    "text <img src=x onerror=alert(1)>",
    "[a](javascript:alert(1)) [b](vbscript:x) [c](&#106;avascript:alert(1))",
    "[r]: javascript:alert(1)\n\n[r] and [x][r]",
    "$<img src=x onerror=alert(1)>$ $$<svg onload=alert(1)>$$",
    "\\begin{align}<img src=x onerror=alert(1)>\\end{align}",
    "# <svg/onload=alert(1)>",
    "|a|\n|-|\n|<iframe src=x>|",
    "![p](http://example.org/seen.png)",
    "<!-- --><a href=javascript:alert(1)>x</a>",
    "![a](attachment:x)\n\n<javascript:alert(1)>",
]


def test_what_a_student_wrote_is_not_obeyed_in_formgrader():
    """It shows the notebook through nbconvert, which lets HTML and links to scripts pass."""
    for text in (*BREAKS_OUT, "\n\n".join(BREAKS_OUT)):
        cells = [nbformat.v4.new_markdown_cell(harmless(text))]
        page, _ = HTMLExporter(template_name="basic").from_notebook_node(nbformat.v4.new_notebook(cells=cells))
        seen = Tags(page)
        allowed = set("div p a table thead tbody tr th td blockquote ol ul li".split())  # a heading takes a name
        assert set(seen.tags) <= allowed, text
        assert not [name for name, _ in seen.attributes if name.startswith("on") or name == "src"], text
        assert all(value.startswith(("#", "http://")) for name, value in seen.attributes if name == "href"), text
    for text in ("a < b, $x_1 < 2$, **so** `if a < b:`", "1. one\n2. two\n\n- a\n- -3", r"$\frac{1}{2}$"):
        assert harmless(text) == text
    assert "\\href" not in harmless(r"$\href{javascript:alert(1)}{x}$")


def test_formgrader_shows_what_was_added_and_printed(own):
    assert homework(own, "export", "hw1") == 0
    book = nbformat.read(own.root / "autograded" / "eve" / "hw1" / "hw1.ipynb", as_version=4)
    sources = [cell.source for cell in book.cells]
    assert sources[1] == f"'{EVIL}'"
    assert sources[2].endswith(WRONG)
    assert EVIL in book.cells[2].outputs[0].text
    assert "0 points: is it the median over time" in book.cells[3].outputs[0].text
    assert "<script>" not in sources[-1]
    assert "<\u200bscript>" in sources[-1]
    assert len({cell.id for cell in book.cells}) == len(book.cells)
    damaged = nbformat.read(own.root / "autograded" / "mal" / "hw1" / "hw1.ipynb", as_version=4).cells
    assert [cell.source for cell in damaged if cell.metadata.nbgrader.solution] == ["", "", ""]  # not the instructor's
    told = NbGraderAPI(CourseDirectory(root=str(own.root))).get_submissions("hw1")
    assert {each["student"] for each in told if each["autograded"]} == set(STUDENTS)
    assert {each["student"]: each["score"] for each in told}["zoe"] == 3


def test_nbgraders_own_autograde_runs_nothing(own, tmp_path):
    """Formgrader has a button for it."""
    mark = tmp_path / "ran"
    book = handed_in({"median": f"open({str(mark)!r}, 'w')"})
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    written(book, own.submission("zoe", "hw1"))
    assert homework(own, "export", "hw1") == 0
    path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
    command = ["nbgrader", "autograde", "hw1", "--student", "zoe", "--force"]
    done = subprocess.run(command, cwd=own.root, env=os.environ | {"PATH": path}, capture_output=True, text=True)
    assert "zoe" in done.stderr
    assert not mark.exists(), done.stderr


def test_records_are_not_trusted(own):
    """They may have come back from a machine whose jail was broken."""
    ada = json.loads(own.record("ada", "hw1").read_bytes())
    place = own.root / "graded" / "hw1"
    for name, change in (
        ("path", {"student": "../../../x"}),
        ("other", {"student": "bob"}),
        ("number", {"student": "number", "grade": {**ada["grade"], "marks": [{"id": "median-check", "points": "5"}]}}),
        ("list", {"student": "list", "grade": []}),
        ("time", {"student": "time", "submitted": "yesterday"}),
        ("steps", {"student": "steps", "steps": [["median", "answer", 3]]}),
    ):
        (place / f"{name}.json").write_text(json.dumps(ada | change))
    assert list(own.records("hw1")) == list(STUDENTS)


def test_when_it_came(own):
    path = own.submission("zoe", "hw1")
    noted, mine = path.with_name("timestamp.txt"), path.with_name("submission.json")
    mine.unlink()
    os.utime(path, (1.8e9, 1.8e9))
    assert own_time(path) == "2027-01-15T08:00:00+00:00"
    noted.write_text("2026-05-04 03:02:01 UTC\n")  # nbgrader's, written after the notebook
    os.utime(noted, (1.8e9 + 1, 1.8e9 + 1))
    assert own_time(path) == "2026-05-04T03:02:01+00:00"
    note_time(path, own_time(path))
    os.utime(noted, (1.7e9, 1.7e9))  # the notebook is newer: it was copied over the old one
    assert own_time(path) == "2027-01-15T08:00:00+00:00"
    for text in ("", "yesterday-ish", "\udcff", "9" * 400):
        noted.write_bytes(text.encode(errors="surrogateescape"))
        assert own_time(path) == "2027-01-15T08:00:00+00:00"
    note_time(own.submission("nobody", "hw1"), "2026-05-04T03:02:01+00:00")
    assert not (own.root / "submitted" / "nobody").exists()


def test_formulas_stay_words():
    for word in ("=1+1", "+1", "-1", "@x", "\t=1", " =1", "\r\n@x"):
        assert guarded(word) == f"'{word}"
    for word in ("one", "", "1-1", 2.5, -1):
        assert guarded(word) == word


class Tags(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.words, self.attributes = [], "", []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.words += data


def test_pages_for_students_and_about_the_class(own, capsys):
    assert homework(own, "feedback", "hw1") == 0
    assert homework(own, "report", "hw1") == 0
    pages = {path.stem: path.read_text() for path in sorted((own.root / "feedback" / "hw1").iterdir())}
    assert list(pages) == list(STUDENTS)
    pages["the class"] = (own.root / "grades" / "hw1.html").read_text()
    assignment = load(own.source("hw1"))
    hidden = {line.strip() for cell in assignment.questions for line in cell.hidden.split("\n")} - {""}
    assert len(hidden) == 6
    for page in pages.values():
        seen = Tags(page)
        assert {"script", "img", "iframe", "link", "form", "svg"}.isdisjoint(seen.tags)
        assert not [name for name, _ in seen.attributes if name.startswith("on") or name in ("style", "src", "href")]
        policy = next(value for _, value in seen.attributes if value and "default-src" in value)
        style = re.search(r"<style>(.*?)</style>", page, re.S)[1]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy
        assert "light dark" in style
        assert not [line for line in hidden if line in html.unescape(page)]
    eve = Tags(pages["eve"])
    assert eve.words.count(EVIL) == 3  # what it printed, the explanation, the cell that was added
    assert "is it the median over time" in eve.words
    assert "2 of 10 points. A person still has to read 1 of your answers." in " ".join(eve.words.split())
    assert "a person will read it" in eve.words
    assert "no JSON" in pages["mal"]
    about = Tags(pages["the class"]).words
    assert re.search(r"1\s*all\s*the notebook is damaged", about)  # once, not for each question
    assert "7 submissions; 2.71 of 10 points on average; 3 answers are still to be read" in about
    assert "ada, cora" in about
    assert "not tried yet" in about
