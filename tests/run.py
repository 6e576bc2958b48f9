"""`make test`: style, unit tests, doctests, every lesson against its saved outputs, and the browser tests.

Each stage runs, whatever the others found; the whole fails if one of them failed. Arguments go on to pytest, and

    --no-skips    fail when a test was skipped that is not marked `gpu` (continuous integration)

With VIDLAB_VERSIONS in the environment (`make test-newest`, `make test-oldest`) the versions are others than the pinned
ones on purpose. Then every lesson must run and every claim in it hold, but its printouts may differ from those saved,
and style, which belongs to one version of ruff, is not looked at.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# One thread a worker: two workers on two cores must not compete. And nothing is noted as the learner's progress.
QUIET = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VIDLAB_NO_PROGRESS": "1",
    "TQDM_DISABLE": "1",  # bars never look the same twice
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


def system_tools() -> str:
    """Install Chromium, bubblewrap, a Chinese font where that needs no password; returns what to type for the rest."""
    from vidlab.doctor import chromium, install_line
    from vidlab.translate import fonts, words

    def missing() -> list[str]:
        on_linux = {"bubblewrap": shutil.which("bwrap"), "fonts-wqy-microhei": fonts.find(words.about("zh_CN"))}
        wanted = {"chromium": chromium()} | (on_linux if sys.platform == "linux" else {})
        return [package for package, here in wanted.items() if not here]

    if missing() and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        apt = ["apt-get", "-q", "-o", "Acquire::Retries=3"]
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run([*apt, "update"], env=env, stdin=subprocess.DEVNULL)
        for package in missing():
            subprocess.run(
                [*apt, "install", "-y", "--no-install-recommends", package], env=env, stdin=subprocess.DEVNULL
            )
    return install_line(" ".join(missing())) if missing() else ""


class Skips:
    """A pytest plugin that notes which tests were skipped and why, and whether all of them wait for a GPU."""

    def __init__(self) -> None:
        self.gpu: set[str] = set()
        self.other: set[str] = set()

    def note(self, report, excused: bool) -> None:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        (self.gpu if excused else self.other).add(f"{report.nodeid}: {reason.removeprefix('Skipped: ')}")

    def pytest_runtest_logreport(self, report) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self.note(report, "gpu" in report.keywords)

    def pytest_collectreport(self, report) -> None:  # a whole module that was skipped
        if report.skipped:
            self.note(report, False)


def tests(arguments: list[str], skips: Skips) -> int:
    """All tests in one run of pytest: the lessons first, because they take longest; a lesson stays on one worker."""
    import pytest

    folders = ["notebooks", "tests/browser", "tests", "vidlab"]
    chosen = any(argument.split("/")[0] in folders for argument in arguments)
    workers = min(max(os.cpu_count() or 2, 2), 4)
    options = [
        "--nbval-lax" if os.environ.get("VIDLAB_VERSIONS") else "--nbval",
        "--nbval-current-env",
        "--nbval-cell-timeout=280",
        "-n",
        str(workers),
        "--dist",
        "loadfile",
        "--no-loadscope-reorder",  # in this order; by itself xdist keeps long files of few tests for the end
    ]
    options += [
        "--doctest-modules",
        "--ignore=tests/run.py",
        "--ignore=tests/flaky.py",
        "--ignore=tests/bench",
        "--ignore-glob=*conftest.py",
    ]
    return int(pytest.main([*([] if chosen else folders), *options, *arguments], plugins=[skips]))


def main(arguments: list[str]) -> int:
    """Run the stages; 0 if all went well."""
    started = time.monotonic()
    os.chdir(ROOT)
    os.environ.update(QUIET)
    strict = "--no-skips" in arguments
    arguments = [argument for argument in arguments if argument != "--no-skips"]
    to_type = system_tools()

    failed = []
    for stage in () if os.environ.get("VIDLAB_VERSIONS") else (["check"], ["format", "--check"]):
        print(f"— ruff {' '.join(stage)}", flush=True)
        if subprocess.run([sys.executable, "-m", "ruff", *stage, "."]).returncode:
            failed.append(f"ruff {' '.join(stage)}")

    print("— the default film", flush=True)
    if subprocess.run([sys.executable, "-m", "vidlab.cli", "data", "fetch", "walker"]).returncode:
        failed.append("the default film")

    print("— tests, doctests, lessons, browser", flush=True)
    skips = Skips()
    if tests(arguments, skips):
        failed.append("pytest")
    for line in sorted(skips.gpu | skips.other):
        print(f"skipped  {line}")
    if to_type:
        print(f"Something the tests need is missing, and those that need it were skipped. To have it:\n    {to_type}")
    if strict and skips.other:
        failed.append(f"{len(skips.other)} skipped that need no GPU")

    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    print(f"make test: {'FAILED: ' + ', '.join(failed) if failed else 'all is well'} ({minutes} min {seconds} s)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
