"""The instructor's page, done as it is written: from an empty folder to a table of grades and pages to give back."""

import contextlib
import csv
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NAME = "hw1_space_time"
WORKSHEET = """Identifier,Full name,Grade,Maximum grade
Participant 4711,Ana López,,30
Participant 4712,Bob Müller,,30
Participant 4713,Cy Dee,,30
"""
PORT = "8957"

pytestmark = pytest.mark.linux


def commands():
    """The lines of the page's first block, without what is said about them."""
    text = (ROOT / "docs" / "grading.md").read_text(encoding="utf-8")
    block = re.search(r"```sh\n(.*?)```", text, re.S)[1]
    return [line.split("  #")[0].strip() for line in block.splitlines() if not line.startswith("#")]


def handed_in(released):
    """Three students' notebooks: the instructor's answers, some of them, and a damaged file."""
    source = nbformat.read(ROOT / "notebooks" / "homework" / f"{NAME}.ipynb", as_version=4)
    answers = {cell.metadata.nbgrader.grade_id: cell.source for cell in source.cells}
    for most in (99, 3):
        book, done = nbformat.read(released, as_version=4), 0
        for cell in book.cells:
            if cell.metadata.nbgrader.solution and done < most:
                cell.source, done = answers[cell.metadata.nbgrader.grade_id], done + 1
        yield nbformat.writes(book)
    yield "{"


def ask(path, value=None):
    """Formgrader's own interface, as its page asks it."""
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}/formgrader/api/{path}")
    request.add_header("Authorization", "token t")
    if value is not None:
        request.method, request.data = "PUT", json.dumps(value).encode()
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def mark_by_hand(command, folder, env):
    """`jupyter lab` runs; somebody gives Ana two of three points for her explanation, and both for her table."""
    quiet = ["--no-browser", "--allow-root", f"--port={PORT}", "--IdentityProvider.token=t"]
    with (folder / "lab.log").open("w") as log:
        lab = subprocess.Popen([*command.split(), *quiet], cwd=folder, env=env, stdout=log, stderr=log)
    try:
        end, found = time.monotonic() + 120, None
        while found is None and time.monotonic() < end:
            time.sleep(0.5)
            with contextlib.suppress(urllib.error.URLError):
                found = ask(f"submissions/{NAME}")
        assert found, (folder / "lab.log").read_text()
        assert [(each["student"], each["autograded"]) for each in found] == [
            ("Ana-López_4711", True), ("Bob-Müller_4712", True), ("Cy-Dee_4713", True)
        ]  # fmt: skip
        (listed,) = ask("assignments")
        assert (listed["name"], listed["num_submissions"], listed["max_score"]) == (NAME, 3, 30)
        books = {each["student"]: each["id"] for each in ask(f"submitted_notebooks/{NAME}/{NAME}")}
        grades = ask(f"grades?submission_id={books['Ana-López_4711']}")
        for grade in grades:
            assert grade["needs_manual_grade"] == (grade["name"] in ("explain", "table"))
            if grade["needs_manual_grade"]:
                ask(f"grade/{grade['id']}", grade | {"manual_score": 2})
    finally:
        lab.terminate()
        lab.wait(30)


def test_from_an_empty_folder_to_the_table(tmp_path):
    scripts = str(Path(sys.executable).parent)
    home = tmp_path / "home"
    (home / "Downloads").mkdir(parents=True)
    (home / "Downloads" / "worksheet.csv").write_text(WORKSHEET, encoding="utf-8")
    env = os.environ | {"HOME": str(home), "PATH": f"{scripts}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    os.symlink(ROOT / "notebooks", tmp_path / "notebooks")
    course = tmp_path / "course"
    steps = commands()
    assert len(steps) == 11  # ten, and the one that makes the folder
    for number, step in enumerate(steps):
        if step == "jupyter lab":
            mark_by_hand(step, course, env)
            continue
        done = subprocess.run(
            ["bash", "-c", step],
            cwd=course if number else tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{step}\n{done.stdout}{done.stderr}"
        if " release " in step:
            files = list(handed_in(course / "release" / NAME / f"{NAME}.ipynb"))
            with zipfile.ZipFile(home / "Downloads" / "hw1.zip", "w") as packed:
                for who, book in zip(("Ana López_4711", "Bob Müller_4712", "Cy Dee_4713"), files, strict=True):
                    packed.writestr(f"{who}_assignsubmission_file_/{NAME}.ipynb", book)
        if "--dry-run" in step:
            assert "3 to grade" in done.stdout
            assert not (course / "graded").exists()
    with (course / "grades" / f"{NAME}.lms.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["Grade"] for row in csv.DictReader(file)] == ["29", "10", "0"]
    with (course / "grades" / f"{NAME}.csv").open(encoding="utf-8") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert rows["Ana-López_4711"]["notes"] == ""
    assert {row["to review"] for row in rows.values()} == {"0"}
    assert {row["late"] for row in rows.values()} == {"0%"}
    assert "no JSON" in rows["Cy-Dee_4713"]["notes"] or "damaged" in rows["Cy-Dee_4713"]["notes"]
    assert len(list((course / "feedback" / NAME).glob("*.html"))) == 3
    assert "29 of 30" in (course / "feedback" / NAME / "Ana-López_4711.html").read_text(encoding="utf-8")
    assert (course / "grades" / f"{NAME}.html").is_file()
