"""`make results`: run the experiments that are not done yet, over several seeds, and keep their tables.

Whoever stops this program, in whatever way, loses only the runs in progress: the same command goes on from there.
"""

from __future__ import annotations

import argparse
import multiprocessing
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from . import results
from .errors import VidlabError
from .experiments import EXPERIMENTS, Experiment
from .runs import FOLDER, Run, agree, carry_out, finished, probe, write


def to_do(runs: Sequence[Run]) -> list[Run]:
    """The runs without a file that counts; the probe of each line is made once, for all of its seeds."""
    here = {run: found for run in runs if (found := finished(run)) is not None}
    fresh: dict[tuple[str, str], list[float]] = {}
    for run in list(here):
        line = run.experiment.name, run.row.name
        if line not in fresh:
            fresh[line] = probe(run.experiment, run.row)
        if not agree(here[run]["probe"], fresh[line]):
            print(f"{run}: the code computes other numbers now, to be run again", file=sys.stderr)
            del here[run]
    stale = {(run.experiment.name, run.row.name, run.seed) for run in runs if run not in here}
    parts = lambda run: {(run.experiment.name, name, run.seed) for name in run.row.members}  # noqa: E731
    return [run for run in runs if run not in here or parts(run) & stale]


def one_thread() -> None:
    """For a worker: one thread, as seeds are exact on one; and it is the program that Ctrl-C stops, not the worker."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def carried_out(runs: Sequence[Run], workers: int) -> Iterator[Run]:
    """Each run as it is done: one after the other, or by several processes of one thread each."""
    if workers == 1:
        for run in runs:
            carry_out(run)
            yield run
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), one_thread) as pool:
        waiting = {pool.submit(carry_out, run): run for run in runs}
        try:
            for done in as_completed(waiting):
                done.result()
                yield waiting[done]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            raise


def table(experiment: Experiment, seeds: int, split: str, folder: Path) -> dict[str, Any]:
    """What the runs of one experiment found, as `data/results.json` keeps it."""
    first = finished(Run(experiment, experiment.rows[0], 0, split, folder))
    rows, versions, dates = {}, set(), set()
    for row in experiment.rows:
        found = [finished(Run(experiment, row, seed, split, folder)) for seed in range(seeds)]
        task, alike = row.task or experiment.task, ("fingerprint", "steps", "clips", "parameters", "multiply_adds")
        rows[row.name] = {name: found[0][name] for name in alike} | {
            "probe": found[0]["probe"],
            "cpu_seconds": [each["cpu_seconds"] for each in found],
            "values": {column: [each["values"][column] for each in found] for column in task.columns},
        }
        versions |= {each["versions"] for each in found}
        dates |= {each["date"] for each in found}
    return {
        "title": experiment.title,
        "columns": list(first["values"]),
        "digits": experiment.digits,
        "notes": list(experiment.notes),
        "split": split,
        "seeds": list(range(seeds)),
        "tests": experiment.task.tests,
        "tuned_on": experiment.tuned,
        "made": max(dates),
        "versions": sorted(versions),
        "rows": rows,
    }


def keep(name: str, made: dict[str, Any], path: Path) -> bool:
    """Put one table into the file of all tables, unless the one there has more seeds."""
    tables = results.read(path) if path.exists() else {}
    if len(tables.get(name, {"seeds": ()})["seeds"]) > len(made["seeds"]):
        print(f"{name}: {path.name} has more seeds than these, and stays as it is", file=sys.stderr)
        return False
    order = [each.name for each in EXPERIMENTS]
    tables[name] = made
    place = lambda each: order.index(each) if each in order else len(order)  # noqa: E731
    write(path, {each: tables[each] for each in sorted(tables, key=place)})
    return True


def main(arguments: Sequence[str] | None = None, experiments: Sequence[Experiment] = EXPERIMENTS) -> int:
    """Run what is not done yet; 0 if all tables are complete, 130 if it was stopped."""
    parser = argparse.ArgumentParser(prog="vidlab.runner", description=__doc__.split("\n")[0])
    names = [each.name for each in experiments]
    parser.add_argument("--only", nargs="+", metavar="TABLE", default=names, help=f"of {', '.join(names)}")
    parser.add_argument("--seeds", type=int, default=3, help="how many; 3 by default")
    parser.add_argument("--workers", type=int, default=1, help="processes, of one thread each")
    parser.add_argument("--split", choices=("test", "validation"), default="test", help="validation: to tune; not kept")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of finished runs")
    parser.add_argument("--kept", type=Path, default=results.FILE, help="the file of the tables")
    args = parser.parse_args(arguments)
    if unknown := set(args.only) - set(names):
        parser.error(f"no table is called {sorted(unknown)[0]!r}. Wanted: {', '.join(names)}.")
    if args.seeds < 1 or args.workers < 1:
        parser.error(f"--seeds {args.seeds} --workers {args.workers}. Wanted: 1 or more.")
    torch.set_num_threads(1)
    chosen = [each for each in experiments if each.name in args.only]
    lines = [(each, row, seed) for each in chosen for seed in range(args.seeds) for row in each.rows]
    runs = to_do([Run(*line, args.split, args.folder) for line in lines])
    try:
        with tqdm(total=len(runs), desc="runs", unit="run", disable=None if sys.stderr.isatty() else False) as bar:
            for averaged in (False, True):  # averages wait for their members
                for run in carried_out([run for run in runs if bool(run.row.members) == averaged], args.workers):
                    bar.set_postfix_str(str(run), refresh=False)
                    bar.update()
        for experiment in chosen:
            made = table(experiment, args.seeds, args.split, args.folder)
            if args.split == "test":
                keep(experiment.name, made, args.kept)
            print(results.Table.of(experiment.name, made), end="\n\n")
    except KeyboardInterrupt:
        print("stopped; what is finished is kept, and the same command goes on from there", file=sys.stderr)
        return 130
    except VidlabError as error:
        print(f"vidlab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
