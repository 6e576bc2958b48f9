"""`make site`: the whole course as pages that need no network, in `site/`; open `site/index.html`.

    --saved       do not run lessons; figures of lessons that were not run before are still pictures
    --only 06     run only the lessons whose names begin so
    --out DIR     elsewhere than `site/`

Why Sphinx with MyST and the theme Furo: docs/site.md.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

import nbformat  # noqa: E402
import site_launch  # noqa: E402
import site_lists  # noqa: E402
from site_chapters import Chapter, linked, title, write  # noqa: E402

from vidlab import live  # noqa: E402
from vidlab.course import CellFailed, lessons  # noqa: E402


class Resolver:
    """Where a link of the repository leads on the site, seen from a page in one of its folders."""

    def __init__(self, names: list[str], guides: list[str], repository: str) -> None:
        self.names, self.guides, self.repository = set(names), set(guides), repository

    def __call__(self, target: str) -> str | None:
        """None: it leads to a file that is no page, and nobody knows where the repository lies."""
        if re.match(r"\w+:", target) or target.startswith("#"):
            return target
        path, _, fragment = target.partition("#")
        name, kind = os.path.splitext(os.path.basename(path))
        if kind == ".ipynb" and name in self.names and "homework" not in path:
            return f"page:../lessons/{name}.html#{fragment}" if fragment else f"/lessons/{name}.md"
        if kind == ".md" and name in self.guides and os.path.dirname(path) in ("", ".", "docs"):
            return f"/guides/{name}.md" + (f"#{fragment}" if fragment else "")
        inside = os.path.normpath(os.path.join("docs", path))
        return f"{self.repository}/blob/HEAD/{inside}" if self.repository and not inside.startswith("..") else None


def static(source: Path) -> None:
    """Style, script, and KaTeX with its fonts inside its style sheet: Firefox loads no font from a disk."""
    katex = HERE / "katex"
    for file in (HERE / "static").iterdir():
        write(source / "_static" / file.name, file.read_bytes())
    write(source / "_static" / "katex" / "katex.min.js", (katex / "katex.min.js").read_bytes())

    def inline(found: re.Match) -> str:
        letters = base64.b64encode((katex / "fonts" / f"{found[1]}.woff2").read_bytes()).decode()
        return f'src:url(data:font/woff2;base64,{letters}) format("woff2")'

    style = (katex / "katex.min.css").read_text(encoding="utf-8")
    write(source / "_static" / "katex" / "katex.css", re.sub(r"src:url\(fonts/([\w-]+)\.woff2\)[^;}]*", inline, style))
    write(source / "_static" / "glossary.js", site_lists.glossary_script())


def sheet(file: Path) -> None:
    """The printed notation, again only if its table or what sets it has changed."""
    inputs = [ROOT / "data" / "notation.toml", *(ROOT / "vidlab").glob("notation*.py")]
    if not file.exists() or file.stat().st_mtime < max(each.stat().st_mtime for each in inputs):
        from vidlab import notation_sheet

        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        notation_sheet.write(part)
        os.replace(part, file)


def prepare(source: Path, live_folder: Path, notebooks: Path = ROOT / "notebooks") -> tuple[int, list[str]]:
    """Write all pages as Markdown; returns how many figures are live, and the lessons whose figures are pictures."""
    repository = site_launch.repository(ROOT)
    paths = lessons(notebooks)
    books = {path.stem: nbformat.read(path, as_version=4) for path in paths}
    titles = {name: title(nb) for name, nb in books.items()}
    guides = sorted(path.stem for path in (ROOT / "docs").glob("*.md"))
    resolve = Resolver(list(books), guides, repository)
    extra, figures, still = source / "_extra", 0, []
    wanted = {"index.md"}

    def page(name: str, text: str) -> None:
        wanted.add(name)
        write(source / name, text)

    for path in paths:
        run = live.kept(path, live_folder)
        chapter = Chapter(run or books[path.stem], path.stem, extra, resolve, repository)
        page(f"lessons/{path.stem}.md", chapter.markdown())
        figures += chapter.live
        if run is None:
            still.append(path.stem)
        if repository:
            write(extra / "colab" / path.name, site_launch.for_colab(books[path.stem], repository))
    for name in guides:
        page(f"guides/{name}.md", linked((ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8"), resolve))

    texts = {name: "\n".join(cell.source for cell in nb.cells) for name, nb in books.items()}
    files = sorted((ROOT / "vidlab").rglob("*.py"))
    modules = {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in files}
    page("reference/notation.md", (HERE / "notation.md").read_text(encoding="utf-8"))
    sheet(extra / "notation.pdf")
    page("reference/glossary.md", site_lists.glossary(titles))
    page("reference/bibliography.md", site_lists.bibliography(texts, titles, modules))
    page("reference/claims.md", site_lists.claims(titles))

    said = "Figures are live: drag, press, play." if figures else ""
    if still:
        where = "here" if not figures else "in the lessons " + ", ".join(name[:2] for name in still)
        said += f" Figures {where} are pictures: to touch them, run the lesson in JupyterLab."
    first = (HERE / "index.md").read_text(encoding="utf-8").replace("{{LIVE}}", said.strip())
    first = first.replace("{{LESSONS}}", "\n".join(f"lessons/{name}" for name in books))
    write(source / "index.md", first.replace("{{GUIDES}}", "\n".join(f"guides/{name}" for name in guides)))
    for file in source.rglob("*.md"):  # of a lesson that was renamed, the old page goes
        if file.relative_to(source).as_posix() not in wanted:
            file.unlink()
    static(source)
    return figures, still


def run_lessons(folder: Path, only: str) -> int:
    """Run each lesson that is not kept as it stands; returns how many failed."""
    waiting = [path for path in lessons(ROOT / "notebooks", only) if live.kept(path, folder) is None]
    if waiting:
        print(f"{len(waiting)} lessons are run for their live figures, once. Without: make site SITE_ARGS=--saved")
    failed = 0
    for path in waiting:
        try:
            start = time.perf_counter()
            live.run(path, folder)
            print(f"{path.name}: {time.perf_counter() - start:.0f} s", flush=True)
        except CellFailed as failure:
            failed += 1
            print(f"{path.name}: {failure}\nIts figures stay pictures.", file=sys.stderr)
    return failed


def build(source: Path, out: Path) -> int:
    """Sphinx, every warning an error; only what changed is built. Returns its exit status."""
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-c", str(HERE)]
    trees = source.with_name(f"{source.name}-trees")
    environment = os.environ | {"VIDLAB_SITE_SOURCE": str(source)}
    done = subprocess.run([*command, "-d", str(trees), str(source), str(out)], env=environment)
    return done.returncode


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make site", description=__doc__.splitlines()[0])
    parser.add_argument("--saved", action="store_true", help="run no lesson")
    parser.add_argument("--only", default="", help="the beginning of the names of the lessons to run, such as 06")
    parser.add_argument("--out", type=Path, default=ROOT / "site")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "site", help="where pages wait for Sphinx")
    parser.add_argument("--live", type=Path, default=live.KEPT, help="lessons that were run, kept")
    args = parser.parse_args(argv)
    start = time.perf_counter()
    args.work, args.out = args.work.resolve(), args.out.resolve()
    failed = 0 if args.saved else run_lessons(args.live, args.only)
    try:
        figures, still = prepare(args.work, args.live)
    except ValueError as error:
        print(f"make site: {error}", file=sys.stderr)
        return 1
    status = build(args.work, args.out)
    if status == 0:
        shutil.rmtree(args.out / ".doctrees", ignore_errors=True)
        print(f"{args.out / 'index.html'}: {figures} live figures; {time.perf_counter() - start:.0f} s")
        if still:
            print(f"still pictures: {', '.join(name[:2] for name in still)} (make site runs them)")
        if not site_launch.repository(ROOT):
            print("no buttons for Colab and Binder: the repository has no public address yet (docs/site.md)")
    return status or int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
