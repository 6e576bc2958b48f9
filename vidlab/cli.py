"""The command `vidlab`: the data, the state of this machine, your progress, your own videos, and JupyterLab."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .errors import VidlabError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vidlab", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    data = commands.add_parser("data", help="list the course's data, fetch or verify it")
    actions = data.add_subparsers(dest="action", metavar="ACTION")
    fetch = actions.add_parser("fetch", help="bring files here; afterwards they need no network")
    fetch.add_argument("names", nargs="+", metavar="NAME")
    fetch.add_argument("--force", action="store_true", help="even those that are here")
    actions.add_parser("verify", help="read every file that is here and compare its checksum")
    actions.add_parser("credits", help="print data/CREDITS.md")

    commands.add_parser("doctor", help="what this machine has and lacks, and how to mend it")
    page = commands.add_parser("progress", help="what you have solved, what comes next and why, minutes left")
    page.add_argument("--html", metavar="FILE", help="write a page for the browser")
    index = commands.add_parser("exercises", help="all exercises by difficulty and topic, solved or not")
    index.add_argument("--level", choices=("easy", "medium", "hard"))
    index.add_argument(
        "--topic", metavar="WORD", help="as flow, fusion, attention: of a part, lesson, section or title"
    )
    index.add_argument("--unsolved", action="store_true", help="only those that you have not solved")
    index.add_argument("--markdown", action="store_true", help="the whole index for a page of the docs")
    lab = commands.add_parser("lab", help="open the course in JupyterLab")
    lab.add_argument("--port", type=int, default=8888)
    lab.add_argument("--no-browser", dest="browser", action="store_false", default=None, help="print the address only")
    commands.add_parser("train", add_help=False, help="train a model on your own videos, and ask it about others")
    commands.add_parser("homework", add_help=False, help="for instructors: hand out, collect, grade and give back")
    return parser


def _data(args: argparse.Namespace) -> int:
    from . import data

    if args.action == "fetch":
        for name in args.names:
            print(data.fetch(name, force=args.force))
    elif args.action == "verify":
        states = data.verify()
        for name, state in states.items():
            print(f"{name:<{max(map(len, states))}}  {state}")
        if "damaged" in states.values():
            print("\nTo mend a damaged file: vidlab data fetch NAME")
            return 1
    elif args.action == "credits":
        print(data.credits(), end="")
    else:
        print(data.table())
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 if all is well. What vidlab raises on purpose is printed as one sentence, without a trace."""
    argv = list(sys.argv[1:] if argv is None else argv)
    by_itself = argv[:1] in (["homework"], ["train"])  # which read the others themselves
    args = _parser().parse_args(argv[:1] if by_itself else argv)
    try:
        if args.command == "train":
            from .datasets import command

            return command.main(argv[1:])
        if args.command == "homework":
            from .grading import command

            return command.main(argv[1:])
        if args.command == "data":
            return _data(args)
        if args.command == "doctor":
            from . import doctor

            report = doctor.report()
            print(report)
            return 0 if report.ready else 1
        if args.command == "progress":
            from . import progress

            page = progress.progress()
            print(page if args.html is None else f"written: {page.write(args.html)}")
            return 0
        if args.command == "exercises":
            from . import exercises

            if args.markdown:
                print(exercises.markdown(), end="")
            else:
                print(exercises.index(args.level, args.topic, unsolved=args.unsolved))
            return 0
        from . import data, lab

        data.path()  # so that the lessons run without a network
        lab.serve(args.port, args.browser)
        return 0
    except VidlabError as error:
        print(f"vidlab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
