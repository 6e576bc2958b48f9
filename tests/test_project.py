"""The project's own promises: one environment written in three files, the two commands, and what a newcomer types."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from vidlab import cli, doctor, lab
from vidlab.catalogue import tomllib

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pinned():
    """Every row of constraints.txt, by package."""
    rows: dict[str, list[Requirement]] = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            rows.setdefault(canonicalize_name(Requirement(line).name), []).append(Requirement(line))
    return rows


def version_for(rows, python):
    """The version a package has on Linux with that Python; an assertion fails unless it is exactly one."""
    place = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": "linux"}
    fit = [row for row in rows if row.marker is None or row.marker.evaluate(place)]
    assert len(fit) == 1, f"{[str(row) for row in rows]} on Python {python}"
    (specifier,) = fit[0].specifier
    assert specifier.operator == "=="
    return Version(specifier.version)


# One environment in three files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("python", PYTHONS)
def test_every_dependency_is_pinned_to_a_version_it_allows(project, pinned, python):
    wanted = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["test"]
    for need in map(Requirement, wanted):
        if need.marker is None or need.marker.evaluate({"python_version": python}):
            version = version_for(pinned[canonicalize_name(need.name)], python)
            assert need.specifier.contains(version), f"{need} against {version}"
    assert version_for(pinned["torch"], python) == Version("2.13.0")


def test_every_row_of_the_constraints_pins(pinned):
    for rows in pinned.values():
        for row in rows:
            assert [s.operator for s in row.specifier] == ["=="], row


def test_the_build_tool_is_pinned_too(project, pinned):
    (build,) = map(Requirement, project["build-system"]["requires"])
    assert {str(row.specifier) for row in pinned[canonicalize_name(build.name)]} == {str(build.specifier)}


@pytest.mark.skipif("VIDLAB_VERSIONS" in os.environ, reason="other versions on purpose")
def test_what_is_installed_here_is_what_is_pinned():
    pins = doctor.pins((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    found = reversed(list(metadata.distributions()))  # of two, the one that is found first counts
    here = {canonicalize_name(d.metadata["Name"]): d.version for d in found}
    other = {
        name: (here[name], pin)
        for name, pin in pins.items()
        if name in here and Version(here[name].split("+")[0]) != Version(pin)
    }
    assert not other, f"installed and pinned differ: {other}"


def test_conda_gets_the_same_environment(project):
    yaml = pytest.importorskip("yaml")
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip, by_pip = conda["dependencies"]
    name, _, version = python.partition("=")
    assert name == "python"
    assert SpecifierSet(project["project"]["requires-python"]).contains(version)
    assert version in PYTHONS
    assert pip == "pip"
    assert by_pip == {"pip": ["-c constraints.txt", "-e .[test]"]}, (
        "all else comes from pyproject under the constraints"
    )


def test_every_module_is_installed(project):
    packages = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "vidlab").rglob("__init__.py")}
    assert packages == set(project["tool"]["setuptools"]["packages"])


# The commands ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def clone(tmp_path):
    """A folder with what `make` reads, and nothing set up."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(folder, *arguments):
    env = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", "--no-print-directory", "-C", folder, *arguments], capture_output=True, text=True, env=env, timeout=250
    )


def test_help_lists_every_target(clone):
    said = make(clone, "help").stdout
    targets = re.findall(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)[0]
    for target in targets.split():
        assert f"make {target} " in said


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (None, "There is no ./python here"),
        (
            'case "$1" in --version) echo Python 3.9.2 ;; *) exit 1 ;; esac',
            "is Python 3.9.2, and the course needs 3.10",
        ),
        ('case "$2" in *ensurepip*) exit 1 ;; esac', "apt-get install python3-venv"),
    ],
)
def test_an_unfit_python_is_named(clone, script, says):
    if script:
        (clone / "python").write_text(f"#!/bin/sh\n{script}\n")
        (clone / "python").chmod(0o755)
    done = make(clone, "lab", "PYTHON=./python")
    assert done.returncode != 0
    assert says in done.stderr
    assert not (clone / ".venv").exists()


def test_a_second_lab_sets_nothing_up(clone):
    """With its mark in place, `make lab` runs one command only: no pip, so no network."""
    said = make(clone, "-n", "lab").stdout
    assert "pip install" in said
    mark = re.search(r"touch (\.venv/ready-\d+)", said)[1]
    (clone / ".venv").mkdir()
    (clone / mark).touch()
    assert make(clone, "-n", "lab").stdout.splitlines()[-1] == ".venv/bin/python -m vidlab.cli lab --port 8888"
    assert "pip" not in make(clone, "-n", "lab").stdout
    (clone / "constraints.txt").write_text("torch==0\n")
    assert "pip install" in make(clone, "-n", "lab").stdout


def test_every_dependency_has_a_lower_bound(project):
    """Without one, `make test-oldest` would ask for the first version ever; an upper one would need a reason."""
    wanted = project["project"]["dependencies"] + sum(project["project"]["optional-dependencies"].values(), [])
    for need in map(Requirement, wanted):
        assert [each.operator for each in need.specifier] == [">="], need


@pytest.mark.parametrize(("target", "resolution"), [("newest", "highest"), ("oldest", "lowest-direct")])
def test_other_versions_have_an_environment_of_their_own(clone, target, resolution):
    said = make(clone, "-n", f"test-{target}").stdout
    assert f"--resolution {resolution} -e '.[test]'" in said
    assert f"VIDLAB_VERSIONS={target} .venv-{target}/bin/python tests/run.py" in said
    assert " .venv/" not in said


def test_a_cell_that_fails_once_is_found(tmp_path):
    """It fails in the second run: no output differs, only what the first run left behind."""
    import nbformat

    source = """
        from pathlib import Path
        with Path("runs").open("a") as file:
            file.write(".")
        assert Path("runs").read_text() == "."
    """
    cells = [nbformat.v4.new_code_cell("x = 1"), nbformat.v4.new_code_cell(textwrap.dedent(source))]
    book = nbformat.v4.new_notebook(cells=cells)
    book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, tmp_path / "book.ipynb")
    command = [sys.executable, ROOT / "tests" / "flaky.py", "--runs", "2", str(tmp_path / "book.ipynb")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"flaky +1 of 2 .*Cell 1", done.stdout), done.stdout
    assert "2 runs, 4 cells, 1 that failed at least once" in done.stdout


def test_ci_runs_make_test():
    run = ROOT / ".ci" / "run"
    assert os.access(run, os.X_OK)
    assert "make test" in run.read_text(encoding="utf-8")


def test_the_tests_know_what_was_skipped(tmp_path):
    """What `.ci/run` relies on: every kind of skip is noticed, from two workers, and only `gpu` excuses it."""
    (tmp_path / "test_a.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    (tmp_path / "test_b.py").write_text(
        "import pytest\n@pytest.mark.gpu\ndef test_device(): pytest.skip('no device')\n"
        "@pytest.mark.skipif(True, reason='no tool')\ndef test_tool(): pass\n"
        "@pytest.mark.xfail\ndef test_known(): assert False\ndef test_fine(): pass\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = gpu: needs one\n")
    program = (
        "import sys, pytest; sys.path.insert(0, sys.argv[1]); import run; skips = run.Skips(); "
        "pytest.main([sys.argv[2], '-n', '2', '-p', 'no:cacheprovider'], plugins=[skips]); "
        "print('other', sorted(skips.other)); print('gpu', sorted(skips.gpu))"
    )
    command = [sys.executable, "-c", program, ROOT / "tests", tmp_path]
    said = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=250).stdout.splitlines()
    assert said[-2].startswith("other [\"test_a.py: could not import 'no_such_module'")
    assert "'test_b.py::test_tool: no tool'" in said[-2]
    assert said[-1] == "gpu ['test_b.py::test_device: no device']"


# JupyterLab -----------------------------------------------------------------------------------------------------------


def test_lab_wants_the_token_and_listens_here_only(tmp_path):
    """Started as `make lab` starts it, against a user's configuration that would open it to everyone."""
    (tmp_path / "jupyter_server_config.py").write_text(
        "c.IdentityProvider.token = ''\nc.ServerApp.ip = '0.0.0.0'\nc.ServerApp.open_browser = True\n"
        "c.PasswordIdentityProvider.hashed_password = 'argon2:x'\n"
    )
    env = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    env |= {"JUPYTER_CONFIG_DIR": str(tmp_path), "JUPYTER_TOKEN": "", "JUPYTER_RUNTIME_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "vidlab.cli", "lab", "--port", str(random.randrange(20_000, 30_000))]
    log = tmp_path / "log"
    with open(log, "w") as out:
        lab_process = subprocess.Popen(command, env=env, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 180
        while not (found := re.search(r"(http://127\.0\.0\.1:\d+)(/lab/tree/\S+)\?token=(\w{48})", log.read_text())):
            assert lab_process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        host, page, token = found.groups()
        assert page == f"/lab/tree/{lab.FIRST}"

        def ask(path):
            try:
                with urllib.request.urlopen(host + path, timeout=60) as answer:
                    return answer.status, answer.url, answer.read()
            except urllib.error.HTTPError as error:
                return error.code, "", b""

        assert ask("/api/contents")[0] == 403
        assert ask("/api/contents?token=")[0] == 403
        assert "/login" in ask(page)[1]
        status, _, body = ask(f"/api/contents?token={token}")
        assert status == 200
        assert "notebooks" in {item["name"] for item in json.loads(body)["content"]}
        status, _, body = ask(f"{page}?token={token}")
        assert status == 200
        assert b"apputils-extension:announcements" in body.split(b"disabledExtensions")[1][:200], (
            "no question about news"
        )
        assert "0.0.0.0" not in log.read_text()
        assert token not in Path(f"/proc/{lab_process.pid}/cmdline").read_text() if sys.platform == "linux" else True
    finally:
        lab_process.send_signal(signal.SIGTERM)
        lab_process.wait(90)


def test_lab_without_display(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not lab.has_display()
    monkeypatch.setenv("DISPLAY", ":0")
    assert lab.has_display()


# The command line and the report --------------------------------------------------------------------------------------


def test_data_lists(capsys):
    assert cli.main(["data"]) == 0
    said = capsys.readouterr().out
    assert "walker" in said
    assert "BSD-3-Clause" in said
    assert cli.main(["data", "verify"]) in (0, 1)


def test_an_error_is_one_sentence(capsys):
    assert cli.main(["data", "fetch", "nothing-like-it"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("vidlab: no data is called 'nothing-like-it'")
    assert len(said.splitlines()) == 1


def test_doctor_finds_this_machine_ready():
    report = doctor.report()
    assert report.ready, str(report)
    assert str(report) == repr(report)
    assert str(report).endswith("Everything the lessons need is here.")
    assert max(map(len, str(report).splitlines())) <= 120
    assert str(Path.home()) not in str(report)


def test_doctor_says_what_is_missing_and_how_to_mend_it(monkeypatch, tmp_path):
    monkeypatch.setenv("VIDLAB_CACHE", str(tmp_path))
    (tmp_path / "constraints.txt").write_text("numpy==1.0\n")
    monkeypatch.setattr(doctor, "CONSTRAINTS", tmp_path / "constraints.txt")
    monkeypatch.setattr(doctor, "chromium", lambda: None)
    monkeypatch.setattr(doctor.metadata, "requires", lambda _: ["numpy", "ghost", "phantom; extra == 'test'"])
    report = doctor.report()
    assert not report.ready
    said = str(report)
    assert "not installed: ghost" in said
    assert "vidlab data fetch walker" in said
    assert "phantom" not in said
    assert re.search(r"Chromium.*\n.*→ only `make test` uses it", said)
    assert said.endswith("To mend first: packages, walker.")
    monkeypatch.setattr(doctor.metadata, "requires", lambda _: ["numpy"])
    assert "not the tested versions: numpy" in str(doctor.report())
