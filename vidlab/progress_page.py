"""The progress page as html: native elements only, so it works by keys and is read aloud; both themes; no script."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TYPE_CHECKING

from .course_map import Lesson
from .exercises import so_far

if TYPE_CHECKING:
    from .progress import Progress

# JupyterLab's colours where they exist, else the reader's preference: as in figures/kit.css.
STYLE = """\
.vidlab-progress { --paper: var(--jp-layout-color0, #fff); --ink: var(--jp-content-font-color1, #212121);
  --good: #00704f; max-width: 860px; overflow-wrap: anywhere; color: var(--ink); line-height: 1.45;
  font-family: var(--jp-content-font-family, system-ui, sans-serif); }
@media (prefers-color-scheme: dark) { .vidlab-progress { --paper: var(--jp-layout-color0, #111);
  --ink: var(--jp-content-font-color1, #e8e8e8); --good: #4cc9a0; } }
[data-jp-theme-light="true"] .vidlab-progress { --good: #00704f; }
[data-jp-theme-light="false"] .vidlab-progress { --good: #4cc9a0; }
.vidlab-progress { --rule: color-mix(in srgb, var(--ink) 22%, var(--paper));
  --soft: color-mix(in srgb, var(--ink) 80%, var(--paper)); }
.vidlab-progress p { margin: 0 0 8px; }
.vidlab-progress .next { margin: 12px 0; padding: 12px 16px; border: 1px solid var(--rule);
  border-left: 5px solid var(--good); border-radius: 8px; }
.vidlab-progress .next b { font-size: 1.15em; }
.vidlab-progress a { color: inherit; }
.vidlab-progress .note { color: var(--soft); font-size: 0.9em; }
.vidlab-progress .damaged { padding: 8px 12px; border: 2px solid var(--ink); border-radius: 8px; }
.vidlab-progress details { margin: 6px 0; border: 1px solid var(--rule); border-radius: 8px; }
.vidlab-progress summary { padding: 10px 14px; cursor: pointer; }
.vidlab-progress summary:focus-visible { outline: 3px solid #648fff; outline-offset: 2px; border-radius: 8px; }
.vidlab-progress summary .left { color: var(--soft); }
.vidlab-progress progress { display: block; width: 100%; height: 6px; margin-top: 6px; appearance: none; border: 0;
  border-radius: 3px; overflow: hidden; background: var(--rule); }
.vidlab-progress progress::-webkit-progress-bar { background: var(--rule); }
.vidlab-progress progress::-webkit-progress-value { background: var(--good); }
.vidlab-progress progress::-moz-progress-bar { background: var(--good); }
.vidlab-progress .lessons { padding: 0 14px 10px; container-type: inline-size; }
.vidlab-progress table { width: 100%; margin: 8px 0 14px; border-collapse: collapse; font-size: 0.93em;
  table-layout: fixed; }
.vidlab-progress thead th:nth-child(1) { width: 42%; } .vidlab-progress thead th:nth-child(2) { width: 19%; }
.vidlab-progress thead th:nth-child(3) { width: 11%; }
.vidlab-progress caption { padding: 4px 0; text-align: left; color: var(--ink); }
.vidlab-progress th, .vidlab-progress td { padding: 4px 8px 4px 0; border-top: 1px solid var(--rule);
  text-align: left !important; vertical-align: top; font-weight: normal; background: none; white-space: normal;
  overflow-wrap: normal; } /* JupyterLab would set tables flush right */
.vidlab-progress thead th { color: var(--soft); border-top: 0; }
.vidlab-progress .number { padding-right: 14px; text-align: right !important; }
@container (max-width: 480px) { .vidlab-progress table { table-layout: auto; } }
"""
BODY = """\
body { margin: 0; padding: 20px 16px; } main { margin: 0 auto; }
@media (prefers-color-scheme: dark) { body { background: #111; } }"""


def fragment(page: Progress, link: Callable[[Lesson], str] | None = None) -> str:
    """The page for a notebook; `link` leads to a lesson, where that can be opened."""
    from .progress import left, minutes_left

    def called(lesson: Lesson) -> str:
        words = html.escape(f"{lesson.number} · {lesson.title}")
        return f'<a href="{html.escape(link(lesson))}">{words}</a>' if link else words

    step = page.step
    goal = called(step.lesson) if step.lesson else "A film of your own"
    parts = [f"<p><b>{html.escape(page.total)}</b></p>"]
    parts += [f'<p class="damaged" role="alert">{html.escape(note)}</p>' for note in page.notes[1:]]
    parts.append(f'<div class="next"><p>Next: <b>{goal}</b></p><p>{html.escape(step.why)}</p></div>')
    for part, here, done, asked, minutes in page.parts():
        opened = " open" if step.lesson in here else ""
        bar = f'<progress max="{asked}" value="{done}" aria-label="{html.escape(part)}: solved"></progress>'
        words = f'<b>{html.escape(part)}</b> <span class="left">· {done} of {asked} solved · {left(minutes)}</span>'
        parts.append(f'<details{opened}><summary>{words}{bar}</summary><div class="lessons">')
        for lesson in here:
            count = f"{page.solved(lesson)} of {len(lesson.exercises)} solved"
            caption = f"<b>{called(lesson)}</b> · {count}, {left(minutes_left(lesson, page.kept))}"
            parts.append(f"<table><caption>{caption}</caption>{_table(lesson, page.kept)}</table>")
        parts.append("</div></details>")
    parts.append(
        f'<p class="note">{html.escape(page.notes[0])} Minutes are those of whole lessons where nothing was tried yet, '
        "and of unsolved exercises where something was.</p>"
    )
    return f'<style>\n{STYLE}</style><div class="vidlab-progress">{"".join(parts)}</div>'


def _table(lesson: Lesson, kept: dict[str, dict]) -> str:
    heads = ("exercise", "level", "min", "so far")
    head = "".join(f'<th scope="col"{_side(k)}>{name}</th>' for k, name in enumerate(heads))
    rows = []
    for asked in lesson.exercises:
        mark = so_far(asked.name, kept).replace(" ", "\u00a0", 1)  # the sign stays beside its word
        cells = (asked.level, str(asked.minutes), mark)
        title = html.escape(f"{asked.number} · {asked.title}")
        data = "".join(f"<td{_side(k)}>{html.escape(cell)}</td>" for k, cell in enumerate(cells, start=1))
        rows.append(f'<tr><th scope="row">{title}</th>{data}</tr>')
    return f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"


def _side(column: int) -> str:
    return ' class="number"' if column == 2 else ""


def document(page: Progress) -> str:
    """The page as a file of its own."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Your progress</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<style>{BODY}</style></head><body><main class="vidlab-progress"><h1>Your progress</h1>'
        f"{fragment(page)}</main></body></html>\n"
    )
