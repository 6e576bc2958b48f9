"""Grading beside plain nbgrader, after kills, and in memory: `python tests/bench/bench_grading.py [--class 1000]`.

1. The same submissions through `vidlab homework grade --workers 1` and through `nbgrader autograde`, whole commands in
   turns; seconds of the clock for one submission, medians of the rounds. nbgrader does its share of them in each round.
   nbgrader writes its gradebook meanwhile; here that is `vidlab homework export`, once a class, told apart.
2. A class on all cores, undisturbed; and again with two workers killed by SIGKILL at random moments: what differs?
3. The most memory that the grading processes had together meanwhile, without the jail (proportional set size), after a
   tenth of the class and after all of it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from of_grading import cell, handed_in, source_notebook, written

NAME = "hw1"
ANSWERS = (  # what students write, right and wrong, and how it is spelled
    "def median(clip):\n    return clip.median(0).values  # {k}",
    "def median(clip):\n    return clip.median(dim=0)[0]  # {k}",
    "def median(clip):\n    return clip.mean(0)  # {k}",
    "def median(clip):\n    raise NotImplementedError('{k}')",
    "def median(clip):\n    return clip.sort(0).values[len(clip) // 2]  # {k}",
)
NETS = {"net": "class Net(nn.Module):\n    pass"}
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # nbgrader asks `alembic`


def course(root: Path, students: int) -> Path:
    """A course with so many different submissions."""
    (root / "source" / NAME).mkdir(parents=True)
    book = source_notebook()
    book.cells.insert(1, cell("rng = torch.Generator().manual_seed(1)", "drawn"))  # vidlab brings its own, nbgrader not
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    written(book, root / "source" / NAME / f"{NAME}.ipynb")
    for k in range(students):
        place = root / "submitted" / f"s{k:04}" / NAME
        place.mkdir(parents=True)
        answers = {"median": ANSWERS[k % len(ANSWERS)].format(k=k), "explain": f"Because of {k}."}
        theirs = handed_in(answers | (NETS if k % 7 == 0 else {}))
        theirs.cells.insert(1, book.cells[1])
        theirs.metadata["kernelspec"] = book.metadata["kernelspec"]
        written(theirs, place / f"{NAME}.ipynb")
    return root


def vidlab(root: Path, *command: str) -> list[str]:
    return [sys.executable, "-m", "vidlab.cli", "homework", "--course", str(root), *command]


def records(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "graded" / NAME).glob("*.json")}


def beside_nbgrader(folder: Path, students: int, rounds: int) -> None:
    ours, export, theirs = [], [], []
    for number in range(rounds):
        root = course(folder / f"ours{number}", students)
        began = time.perf_counter()
        subprocess.run(vidlab(root, "grade", NAME, "--workers", "1"), check=True, capture_output=True)
        ours.append((time.perf_counter() - began) / students)
        assert len(records(root)) == students
        began = time.perf_counter()
        subprocess.run(vidlab(root, "export", NAME), check=True, capture_output=True)
        export.append(time.perf_counter() - began)
        some = -(-students // rounds)
        root = course(folder / f"theirs{number}", some)
        how = {"cwd": root, "check": True, "capture_output": True, "env": os.environ | {"PATH": PATH}}
        subprocess.run(["nbgrader", "generate_assignment", NAME], **how)
        began = time.perf_counter()
        subprocess.run(["nbgrader", "autograde", NAME], **how)
        theirs.append((time.perf_counter() - began) / some)
        assert len(list((root / "autograded").glob(f"*/{NAME}/{NAME}.ipynb"))) == some
        print(f"  round {number + 1}: vidlab {ours[-1]:.3f} s, nbgrader {theirs[-1]:.2f} s a submission", flush=True)
    a, b = statistics.median(ours), statistics.median(theirs)
    print(f"{students} submissions: vidlab {a:.3f} s, nbgrader {b:.2f} s each; nbgrader / vidlab = {b / a:.0f}")
    print(f"gradebook and grades of all of them: vidlab {statistics.median(export):.1f} s more")


def graders(program: psutil.Process) -> list[psutil.Process]:
    """The process that writes, and those that grade; not those in the jail."""
    found = [program]
    with contextlib.suppress(psutil.Error):
        found += [child for child in program.children() if "spawn_main" in " ".join(child.cmdline())]
    return found


def graded(root: Path, students: int, kills: int = 0) -> tuple[float, float, float]:
    """Grade a class: seconds, and the most MB after a tenth of it and after all. kills: of workers, at random."""
    began, early, most = time.perf_counter(), 0.0, 0.0
    at = sorted(random.Random(3).uniform(0.02, 0.9) for _ in range(kills))
    command = vidlab(root, "grade", NAME, "--workers", str(psutil.cpu_count()))
    program = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while program.poll() is None:
        done = len(list((root / "graded" / NAME).glob("*.json"))) / students
        memory = 0.0
        for process in graders(program):
            with contextlib.suppress(psutil.Error):
                memory += process.memory_full_info().pss / 1e6
        most = max(most, memory)
        early = most if done < 0.1 else early
        if at and done > at[0]:
            victims = graders(program)[1:]
            if victims:
                random.choice(victims).kill()
                at.pop(0)
        time.sleep(0.2)
    assert program.returncode == 0
    assert not at, "not all were killed"
    return time.perf_counter() - began, early, most


def a_class(folder: Path, students: int) -> None:
    root = course(folder / "class", students)
    shutil.copytree(root, folder / "killed")
    seconds, early, most = graded(root, students)
    (folder / "killed" / "secret").write_bytes((root / "secret").read_bytes())
    again, _, _ = graded(folder / "killed", students, kills=2)
    right, found = records(root), records(folder / "killed")
    differ = sum(found.get(name) != data for name, data in right.items())
    print(f"{students} submissions on {psutil.cpu_count()} cores: {1000 * seconds / students:.0f} ms each")
    print(f"two workers killed: {again:.0f} s; {students - len(found)} lost, {differ} differing")
    print(f"memory beside the jail: {early:.0f} MB after a tenth, {most:.0f} MB after all")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=50, help="beside nbgrader")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--class", type=int, default=1000, dest="many")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        beside_nbgrader(Path(folder), args.students, args.rounds)
        a_class(Path(folder), args.many)


if __name__ == "__main__":
    main()
