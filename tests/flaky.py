"""`make flaky`: run every lesson again and again, each time from a fresh kernel, and name each cell that ever fails.

    --runs N      how often; 10
    NOTEBOOK …    which; all lessons

Seeds are fixed, so what changes from run to run is the machine: threads, timing, memory, the network. A cell that fails
in some runs is flaky, one that fails in all is broken; either makes the whole fail. Reports go to build/flaky.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from run import QUIET, ROOT

NBVAL = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=280", "-n", "2", "--dist", "loadfile"]


def once(notebooks: Sequence[str], report: Path) -> tuple[int, list[str]]:
    """Run them; how many cells there were, and which failed."""
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", *NBVAL, f"--junitxml={report}", *notebooks]
    said = subprocess.run(command, cwd=ROOT, env=os.environ | QUIET, capture_output=True, text=True)
    if not report.exists():
        raise SystemExit(
            f"pytest ended with {said.returncode} and no report:\n{said.stdout[-2000:]}{said.stderr[-2000:]}"
        )
    return read(report)


def read(report: Path) -> tuple[int, list[str]]:
    """The number of cells in a report of pytest, and the names of those that failed."""
    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    return len(cases), [f"{case.get('classname')}: {case.get('name')}" for case in failed]


def main(arguments: Sequence[str]) -> int:
    """0 if no cell ever failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=10, metavar="N")
    parser.add_argument("notebooks", nargs="*", default=["notebooks"], metavar="NOTEBOOK")
    args = parser.parse_args(arguments)
    failures, cells = Counter(), 0
    for run in range(1, args.runs + 1):
        began = time.monotonic()
        count, failed = once(args.notebooks, ROOT / "build" / "flaky" / f"run-{run}.xml")
        failures.update(failed)
        cells += count
        print(f"run {run:>2}: {count} cells, {len(failed)} failed, {time.monotonic() - began:.0f} s", flush=True)
    for name, times in failures.most_common():
        print(f"{'broken' if times == args.runs else 'flaky '}  {times} of {args.runs}  {name}")
    print(f"{args.runs} runs, {cells} cells, {len(failures)} that failed at least once")
    return 1 if failures or not cells else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
