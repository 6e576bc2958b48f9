"""The command `vidlab homework`: hand out, collect, grade and give back."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import VidlabError

UNSAFE = (
    "without a jail students' code runs as you, with your files and your network: it can read and change the other "
    "submissions, hidden checks, the secret and the grades, send them away, and leave programs running"
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vidlab homework", description=__doc__)
    parser.add_argument(
        "--course", type=Path, default=Path("."), metavar="DIR", help="the course's folder; default: here"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, help: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.")
        made.add_argument("assignment", metavar="ASSIGNMENT", help="as hw1, for source/hw1/hw1.ipynb")
        made.add_argument("--course", type=Path, default=argparse.SUPPRESS, metavar="DIR", help=argparse.SUPPRESS)
        return made

    command("release", "write the students' notebook, without solutions and hidden checks")
    collect = command("collect", "copy what students handed in to submitted/")
    collect.add_argument("inbox", type=Path, metavar="INBOX", help="a folder, or the zip of Moodle or Canvas")
    grade = command("grade", "grade what is not graded yet")
    grade.add_argument("--workers", type=_count, default=os.cpu_count() or 1, metavar="N", help="default: one per core")
    grade.add_argument("--dry-run", action="store_true", help="say what would be done, and write nothing")
    grade.add_argument("--regrade", action="store_true", help="also what is graded")
    grade.add_argument("--late", metavar="RULE", help='as "10%% per day, at most 50%%"; "none" ends it')
    grade.add_argument("--due", metavar="TIME", help="as 2030-01-31T23:59; without a zone, in this machine's")
    grade.add_argument("--scheduler", metavar="URL", help="of a Dask cluster, as tcp://host:8786")
    grade.add_argument("--unsafe", action="store_true", help=f"{UNSAFE}; for a machine that is itself a jail")
    command("feedback", "write a page for each student")
    export = command("export", "bring nbgrader's gradebook up to date, and write the table of grades")
    export.add_argument("--into", type=Path, metavar="CSV", help="also fill in this worksheet of Moodle or Canvas")
    export.add_argument("--column", metavar="NAME", help="the column to fill in, where it cannot be guessed")
    command("report", "write a page about the class")
    return parser


def main(argv: Sequence[str]) -> int:
    """Run one command; 0 if nothing is left to look at.

    Raises:
        VidlabError: nbgrader is missing, or what the command says.
    """
    args = _parser().parse_args(argv)
    if importlib.util.find_spec("nbgrader") is None:
        raise VidlabError("homework needs nbgrader, which is not installed", mend='pip install "vidlab[grading]"')
    from .store import Course

    course = Course(args.course)
    if args.command == "grade" and args.dry_run:
        return _grade(course, args)
    with course.alone():
        return COMMANDS[args.command](course, args)


def _release(course, args: argparse.Namespace) -> int:
    from .release import release

    for path in release(course, args.assignment):
        print(path)
    return 0


def _collect(course, args: argparse.Namespace) -> int:
    from .inbox import collect

    print(collect(course, args.assignment, args.inbox))
    return 0


def _grade(course, args: argparse.Namespace) -> int:
    from . import run
    from .jail import JailError
    from .late import keep_rule, rule_of

    late = rule_of(course, args.assignment, args.late, args.due)
    if not args.dry_run:
        keep_rule(course, args.assignment, late)
    try:
        if args.unsafe:
            print(f"Warning: {UNSAFE}. Points may be unearned.", file=sys.stderr)
        outcome = run.grade(
            *(course, args.assignment, args.workers, args.regrade, args.scheduler, args.dry_run),
            jailed=not args.unsafe,
        )
    except JailError as error:
        if args.unsafe or "bubblewrap" not in str(error):
            raise
        raise JailError(f"{error} There is --unsafe; but {UNSAFE}") from error
    print(f"{len(outcome.graded)} {'to grade' if args.dry_run else 'graded'}, {len(outcome.kept)} as they were")
    if args.dry_run:
        print(*outcome.graded, sep="\n")
    print(*outcome.troubles, sep="\n", end="\n" if outcome.troubles else "")
    return 1 if outcome.troubles else 0


def _feedback(course, args: argparse.Namespace) -> int:
    from .feedback import feedback

    paths = feedback(course, args.assignment)
    print(f"{len(paths)} pages in {paths[0].parent}")
    return 0


def _export(course, args: argparse.Namespace) -> int:
    from .gradebook import export

    print(export(course, args.assignment))
    if args.into is None:
        if args.column is not None:
            raise VidlabError("--column says where to fill in a worksheet", mend="--into WORKSHEET.csv")
        return 0
    from .worksheet import fill

    filled = fill(course, args.assignment, args.into, args.column)
    print(filled.path, f"grades filled in: {filled.count}", *filled.troubles, sep="\n")
    return 1 if filled.troubles else 0


def _report(course, args: argparse.Namespace) -> int:
    from .feedback import report

    print(report(course, args.assignment))
    return 0


def _count(word: str) -> int:
    if not word.isdigit() or int(word) < 1:
        raise argparse.ArgumentTypeError("a number from 1 on")
    return int(word)


COMMANDS = {
    "release": _release,
    "collect": _collect,
    "grade": _grade,
    "feedback": _feedback,
    "export": _export,
    "report": _report,
}
