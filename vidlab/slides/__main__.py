"""Write the lessons as slides: `python -m vidlab.slides [--only 05] [--out site/slides]`.

--short      leave out the slides that are marked optional: 30 minutes instead of 45
--pictures   run no lesson: figures to touch are shown as pictures, unless an earlier run is kept
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .. import live
from ..course import ROOT, CellFailed, lessons
from ..errors import DataError
from .export import contents, export, load
from .lecture import complaints, read
from .plan import slides


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m vidlab.slides", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="the beginning of a lesson's name, such as 05")
    parser.add_argument("--out", type=Path, default=ROOT / "site" / "slides", help="the folder to write")
    parser.add_argument("--notebooks", type=Path, default=ROOT / "notebooks", help="the folder of the lessons")
    parser.add_argument("--short", action="store_true", help="without the slides marked optional")
    parser.add_argument("--pictures", action="store_true", help="do not run the lessons")
    args = parser.parse_args(argv)
    paths = lessons(args.notebooks, args.only)
    if not paths:
        print(f"no lesson named {args.only or '[0-9]*'}… in {args.notebooks}")
        return 1
    args.out.mkdir(parents=True, exist_ok=True)
    for path in paths:
        number = path.name[:2]
        nb = load(path)
        try:
            lecture = read(number)
            wrong = complaints(lecture, nb, slides(nb)) if lecture else []
            if wrong:
                print(f"data/lectures/{number}.toml:\n  " + "\n  ".join(wrong))
                return 1
            run = live.kept(path) if args.pictures else live.run(path)
            export(run or nb, lecture, live.pages(run) if run else {}, args.out / number, args.short)
        except (CellFailed, DataError, ValueError) as error:
            print(f"{path.name}: {error}")
            return 1
        print(f"{args.out / number / 'index.html'}: {about(path, args.short)}", flush=True)
    here = [path for path in lessons(args.notebooks) if (args.out / path.name[:2] / "index.html").is_file()]
    contents(args.out, [(path.name[:2], title(path), about(path, args.short)) for path in here])
    return 0


def title(path: Path) -> str:
    """A lesson's heading."""
    return load(path).cells[0].source.splitlines()[0].removeprefix("# ")


def about(path: Path, short: bool) -> str:
    """What a lecturer wants to know of a deck before opening it."""
    lecture, count = read(path.name[:2]), len(slides(load(path)))
    if not lecture:
        return f"{count} slides, chosen automatically; no notes"
    polls = sum(note.poll is not None and not (short and note.optional) for note in lecture.notes.values())
    return f"{lecture.total(short):g} minutes, with notes and {polls} polls"


if __name__ == "__main__":
    sys.exit(main())
