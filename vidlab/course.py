"""Run every lesson from a fresh kernel and save it tidily: `python -m vidlab.course run`.

    run [--only 01] [--stale] [-j 2]    execute the notebooks and write those that changed
        [--measure]                     and replace what their labels say of time and memory
    normalise [--only 01]               tidy without executing
    stale                               name the notebooks whose outputs are older than the code; exit 1 if any
    build authoring/01_x.py …           percent file -> notebook (outputs of unchanged cells are kept)
    export notebooks/01_x.ipynb …       notebook -> percent file

Running twice changes nothing: outputs are normalised, and a measurement of time and memory is replaced only when the
code has changed and the new one differs by more than a factor of two.
"""

from __future__ import annotations

import argparse
import copy
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from . import authoring
from .fingerprint import PACKAGE, fingerprint
from .normalise import write

ROOT = PACKAGE.parent
CORES = 2  # what the label promises
# The kernel's highest resident memory. /proc first: on Linux ru_maxrss may be inherited from whoever started it.
PEAK = """
from pathlib import Path as _P
_s = _P("/proc/self/status")
if _s.exists():
    _kb = int(_s.read_text().split("VmHWM:")[1].split()[0])
else:
    import resource as _r, sys as _y
    _kb = _r.getrusage(_r.RUSAGE_SELF).ru_maxrss / (1024 if _y.platform == "darwin" else 1)
print("peak", round(_kb * 1024 / 1e6))
"""


class CellFailed(Exception):
    """A cell of a lesson raised; carries all there is to say about it."""


@dataclass(frozen=True)
class Measured:
    """What one run cost: wall seconds in the cells, and the kernel's peak memory in MB (1e6 bytes)."""

    seconds: float
    peak_mb: int


def lessons(folder: Path, only: str = "") -> list[Path]:
    """The lesson notebooks of a folder, in reading order; `only` is the beginning of a name."""
    return [path for path in sorted(folder.glob("[0-9]*.ipynb")) if path.name.startswith(only)]


def _kernel(folder: Path):
    """A manager for a kernel of *this* interpreter, whatever kernels are installed elsewhere."""
    import ipykernel.kernelspec
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    class ThisPython(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            return KernelSpec(**ipykernel.kernelspec.get_kernel_dict())

    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=ThisPython(data_dir=str(folder)))
    if os.name == "posix":  # files instead of open ports
        manager.transport, manager.ip = "ipc", str(folder / "kernel")
    return manager


def execute(nb: NotebookNode, folder: Path, timeout: int = 600) -> Measured:
    """Run the cells of `nb` in place, from a fresh kernel working in `folder`.

    Raises:
        CellFailed: a cell raised (and is not tagged raises-exception), died, or took more than `timeout` seconds.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError

    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    cells = list(enumerate(nb.cells))
    with tempfile.TemporaryDirectory() as empty:
        env = os.environ | {
            "VIDLAB_NO_PROGRESS": "1",
            "TQDM_DISABLE": "1",  # bars never look the same twice
            "IPYTHONDIR": empty,  # nobody's start-up files
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        client = NotebookClient(
            nb,
            km=_kernel(Path(empty)),
            timeout=timeout,
            resources={"metadata": {"path": str(folder)}},
            record_timing=False,
        )
        with client.setup_kernel(env=env, cleanup_kc=True):
            start = time.perf_counter()
            for index, cell in cells:
                try:
                    client.execute_cell(cell, index)
                except (CellExecutionError, CellControlSignal, DeadKernelError, TimeoutError) as error:
                    raise CellFailed(f"cell {cell.id!r} failed\n\n{cell.source}\n\n{error}") from None
            seconds = time.perf_counter() - start
            nb.cells.append(nbformat.v4.new_code_cell(PEAK))
            client.execute_cell(nb.cells[-1], len(nb.cells) - 1)
            peak = int(nb.cells.pop().outputs[0].text.split()[1])
    return Measured(seconds, peak)


def record(nb: NotebookNode, new: Measured, print_: str, anew: bool = False) -> None:
    """Put a measurement into the notebook, unless the one it holds is still about right (or `anew`)."""
    old = nb.metadata.get("vidlab", {})
    fresh = {"fingerprint": print_, "seconds": max(1, round(new.seconds)), "peak_mb": 10 * round(new.peak_mb / 10)}
    if not anew and {"seconds", "peak_mb"} <= set(old):
        close = all(old[key] / 2 <= fresh[key] <= 2 * old[key] for key in ("seconds", "peak_mb"))
        if close or old.get("fingerprint") == print_:
            fresh |= {"seconds": old["seconds"], "peak_mb": old["peak_mb"]}
    nb.metadata["vidlab"] = fresh


def run(path: Path, anew: bool = False) -> tuple[bool, str]:
    """Execute one notebook and save it; (went well, one line or a report to print)."""
    if hasattr(os, "sched_setaffinity"):  # measured on as many cores as the label says
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    nb = nbformat.read(path, as_version=4)
    try:
        measured = execute(nb, path.parent)
    except CellFailed as failure:
        text = str(failure) if sys.stdout.isatty() else re.sub(r"\x1b\[[0-9;]*m", "", str(failure))
        return False, f"{path.name}: {text}\n{path.name} was left as it was."
    if path.parent == ROOT / "notebooks":
        from . import live  # it needs this module in its turn

        live.keep(copy.deepcopy(nb), live.KEPT / path.name)  # slides and site need not run it once more
    record(nb, measured, fingerprint(nb), anew)
    state = "written" if write(nb, path) else "unchanged"
    return True, f"{path.name}: {measured.seconds:.1f} s, {measured.peak_mb} MB, {state}"


def is_stale(path: Path) -> bool:
    """Whether a notebook's outputs were made by other code than there is now."""
    nb = nbformat.read(path, as_version=4)
    return nb.metadata.get("vidlab", {}).get("fingerprint") != fingerprint(nb)


def _run_all(paths: list[Path], jobs: int, anew: bool) -> int:
    """Every notebook in turn, or a few at once (their measured times are then longer)."""
    failed = 0
    with ProcessPoolExecutor(max(1, jobs), mp_context=get_context("spawn")) as pool:
        for well, line in pool.map(run, paths, [anew] * len(paths)):
            print(line, flush=True)
            failed += not well
    return int(failed > 0)


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m vidlab.course", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("run", "normalise", "stale", "build", "export"):
        command = commands.add_parser(name)
        command.add_argument("--notebooks", type=Path, default=ROOT / "notebooks", help="the folder of the lessons")
        if name in ("run", "normalise", "stale"):
            command.add_argument("--only", default="", help="the beginning of a notebook's name, such as 01")
        else:
            command.add_argument("files", nargs="*", type=Path, help="default: all")
            command.add_argument(
                "--authoring", type=Path, default=ROOT / "authoring", help="the folder of percent files"
            )
        if name == "run":
            command.add_argument("--stale", action="store_true", help="only what is stale")
            command.add_argument("--measure", action="store_true", help="replace the time and memory on the labels")
            command.add_argument("-j", "--jobs", type=int, default=1, help="how many notebooks at once")
    args = parser.parse_args(argv)

    if args.command == "build":
        for source in args.files or sorted(args.authoring.glob("[0-9]*.py")):
            try:
                print("built", authoring.build_file(source, args.notebooks).name)
            except ValueError as error:
                print(error)
                return 1
        return 0
    if args.command == "export":
        args.authoring.mkdir(exist_ok=True)
        for path in args.files or lessons(args.notebooks):
            target = args.authoring / f"{path.stem}.py"
            target.write_text(authoring.export(nbformat.read(path, as_version=4)), encoding="utf-8")
            print("exported", target.name)
        return 0

    paths = lessons(args.notebooks, args.only)
    if not paths:
        print(f"no lesson named {args.only or '[0-9]*'}… in {args.notebooks}")
        return 1
    if args.command == "normalise":
        for path in paths:
            print(f"{path.name}: {'tidied' if write(nbformat.read(path, as_version=4), path) else 'unchanged'}")
        return 0
    if args.command == "stale" or args.stale:
        paths = [path for path in paths if is_stale(path)]
    if args.command == "stale":
        print(
            "".join(f"{path.name} is stale: python -m vidlab.course run --only {path.name[:2]}\n" for path in paths),
            end="",
        )
        return int(bool(paths))
    return _run_all(paths, args.jobs, args.measure)


if __name__ == "__main__":
    sys.exit(main())
