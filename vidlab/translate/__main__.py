"""Translate the course: `python -m vidlab.translate`.

extract zh_CN 06      run lesson 06, bring the PO files up to date with what it shows
update zh_CN          the same without running: texts and code of the translated lessons only
build zh_CN [06]      write the translated lessons; --run runs them, too
status zh_CN          what is not translated yet, block by block; exit 1 if anything
"""

from __future__ import annotations

import argparse
import sys

from . import lesson
from .words import files, read


def status(name: str) -> list[str]:
    """Each entry that is shown in English: file, cell, text."""
    left = []
    for path in files(name):
        for entry in read(path):
            if entry.id and (entry.fuzzy or not entry.string):
                where = ", ".join(place for place, _ in entry.locations)
                left.append(f"{path.name}, {where}: {'fuzzy' if entry.fuzzy else 'untranslated'}: {entry.id}")
    return left


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m vidlab.translate", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for command in ("extract", "update", "build", "status"):
        made = commands.add_parser(command)
        made.add_argument("language", help="such as zh_CN")
        if command in ("extract", "build"):
            made.add_argument("lesson", nargs="+" if command == "extract" else "*", help="such as 06")
        if command == "build":
            made.add_argument("--run", action="store_true", help="run the cells and keep their outputs")
    args = parser.parse_args(argv)

    if args.command == "extract":
        from .extract import extract

        for number in args.lesson:
            for text in extract(args.language, number):
                print(f"lesson {number} shows what no string of the code explains: {text!r}")
    if args.command == "update":
        from .extract import refresh

        for stem in lesson.translated(args.language):
            refresh(args.language, stem)
    if args.command == "build":
        for stem in lesson.translated(args.language):
            if not args.lesson or stem.startswith(tuple(args.lesson)):
                path, changed = lesson.write(args.language, stem, run=args.run)
                print(f"{path.parent.name}/{path.name}: {'written' if changed else 'unchanged'}")
    left = status(args.language)
    print("\n".join(left) if args.command == "status" else f"{len(left)} texts are shown in English")
    return int(args.command == "status" and bool(left))


if __name__ == "__main__":
    sys.exit(main())
