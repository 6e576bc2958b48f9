"""Pages to give back: one for each student, and one about the class. Each is one file, without a script.

Whatever a student wrote is shown as text: everything is escaped, and the page forbids itself everything but its style.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from .assignment import Assignment, load
from .gradebook import Row, standing
from .store import Course, write

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#ccc, #555); --quiet: light-dark(#555, #aaa); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  background: light-dark(#fff, #16181c); color: light-dark(#16181c, #eee); overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; color: var(--quiet); }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
pre { padding: .6rem .8rem; border: 1px solid var(--line); border-radius: 4px; overflow: auto; max-height: 40rem;
  white-space: pre-wrap; font: 14px/1.45 ui-monospace, monospace; unicode-bidi: plaintext; }
.quiet { color: var(--quiet); font-weight: normal; } .short { white-space: nowrap; } meter { width: 8rem; }
"""
POLICY = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

FRAME = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{{ policy }}'; \
base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">
<title>{{ title }}</title><style>{{ style }}</style></head>
<body><main><h1>{{ title }}</h1>
BODY
</main></body></html>
"""
STUDENT = """
<p><b>{{ "%g" % row.final }} of {{ "%g" % row.most }} points.</b>
{% if row.loss %}It was late: {{ "%g" % row.points }} points, less {{ "%g" % (100 * row.loss) }} %.{% endif %}
{% if waiting %}A person still has to read {{ waiting }} of your answers.{% endif %}
<span class="quiet">Handed in {{ when }}.</span></p>
{% if row.record.grade.notes %}<h2>Notes</h2>
<ul>{% for note in row.record.grade.notes %}<li>{{ note }}</li>{% endfor %}</ul>{% endif %}
<h2>Questions</h2>
<table><thead><tr><th scope="col">Question<th scope="col" class="n">Points<th scope="col">State<th scope="col">Reason
</tr></thead><tbody>
{% for mark in row.marks %}<tr><th scope="row">{{ titles[mark.id] }} <span class="quiet">{{ mark.id }}</span></th>
<td class="n">{{ "%g" % mark.points }} of {{ "%g" % mark.most }}</td><td class="short">{{ mark.state }}</td>
<td>{% if mark.state != "right" %}{{ mark.reason }}{% endif %}
{% if mark.comment %}<br>{{ mark.comment }}{% endif %}</td></tr>
{% endfor %}</tbody></table>
<h2>What you handed in</h2>
{% for id, kind, source in row.record.steps %}<h3>{{ id }}</h3>
{% if source.strip() %}<pre>{{ source }}</pre>{% else %}<p class="quiet">Nothing.</p>{% endif %}
{% set cell = row.record.grade.cells.get(id, {"printed": "", "error": ""}) %}
{% if cell.printed %}<p class="quiet">It printed:</p><pre>{{ cell.printed }}</pre>{% endif %}
{% if cell.error %}<p class="quiet">It stopped with:</p><pre>{{ cell.error }}</pre>{% endif %}
{% else %}<p class="quiet">It could not be read.</p>{% endfor %}
"""
CLASS = """
<p>{{ rows|length }} submissions; {{ "%g" % mean }} of {{ "%g" % most }} points on average{% if waiting %}; \
{{ waiting|length }} answers are still to be read by a person{% endif %}.</p>
<h2>Questions</h2>
<table><thead><tr><th scope="col">Question<th scope="col" class="n">Mean<th scope="col">Share of the points
{% for state in states %}<th scope="col" class="n">{{ state }}{% endfor %}</tr></thead><tbody>
{% for q in questions %}<tr><th scope="row">{{ titles[q.id] }} <span class="quiet">{{ q.id }}</span></th>
<td class="n">{{ "%.2f" % q.mean }} of {{ "%g" % q.most }}</td>
<td><meter value="{{ q.mean }}" max="{{ q.most }}" aria-label="{{ q.id }}"></meter></td>
{% for state in states %}<td class="n">{{ q.states[state] or "–" }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table>
<h2>Points</h2>
<table><thead><tr>
<th scope="col" class="n">Final points<th scope="col" class="n">Students<th scope="col"></tr></thead><tbody>
{% for low, high, count in bins %}<tr><td class="n">{{ "%g" % low }} – {{ "%g" % high }}</td>
<td class="n">{{ count }}</td>
<td><meter value="{{ count }}" max="{{ rows|length }}" aria-label="{{ count }} students"></meter></td></tr>
{% endfor %}</tbody></table>
<h2>Most frequent reasons</h2>
<table><thead><tr><th scope="col" class="n">Students<th scope="col">Question<th scope="col">Reason</tr></thead><tbody>
{% for (id, reason), count in reasons %}<tr><td class="n">{{ count }}</td><td class="short">{{ id }}</td>
<td>{{ reason }}</td></tr>
{% else %}<tr><td colspan="3">None: everything is right.</td></tr>{% endfor %}</tbody></table>
{% if waiting %}<h2>To be read by a person</h2>
<ul>{% for student, id in waiting %}<li>{{ student }}: {{ id }}</li>{% endfor %}</ul>{% endif %}
{% if equal %}<h2>Equal files</h2>
<ul>{% for students in equal %}<li>{{ students|join(", ") }}</li>{% endfor %}</ul>{% endif %}
"""
STATES = ("right", "wrong", "open", "failed", "manual", "by hand")


def feedback(course: Course, name: str) -> list[Path]:
    """Write feedback/NAME/STUDENT.html for everybody."""
    assignment, paths = load(course.source(name)), []
    for row in standing(course, name):
        path = course.root / "feedback" / name / f"{row.record.student}.html"
        write(path, student_page(assignment, row))
        paths.append(path)
    return paths


def student_page(assignment: Assignment, row: Row) -> bytes:
    """What one student gets: nothing of anybody else, nothing that is hidden."""
    when = datetime.fromisoformat(row.record.submitted).astimezone(timezone.utc)
    title, waiting = f"{assignment.name}: {row.record.student}", sum(mark["review"] for mark in row.marks)
    words = {"title": title, "row": row, "waiting": waiting, "titles": assignment.titles}
    return _page(STUDENT, when=f"{when:%Y-%m-%d %H:%M} UTC", **words)


def report(course: Course, name: str) -> Path:
    """Write grades/NAME.html, about the class, for the instructor."""
    rows = standing(course, name)
    questions = []
    for column in zip(*(row.marks for row in rows), strict=True):
        mean = sum(mark["points"] for mark in column) / len(rows)
        states = Counter(mark["state"] for mark in column)
        questions.append({"id": column[0]["id"], "most": column[0]["most"], "mean": mean, "states": states})
    reasons: Counter[tuple[str, str]] = Counter()
    for row in rows:
        lost = [(mark["id"], mark["reason"]) for mark in row.marks if mark["state"] in ("wrong", "open", "failed")]
        same = {reason for _, reason in lost}
        reasons.update([("all", *same)] if len(lost) == len(row.marks) and len(same) == 1 else lost)
    files: dict[str, list[str]] = {}
    for row in rows:
        files.setdefault(row.record.sha256, []).append(row.record.student)
    most = rows[0].most
    step = most / 5 or 1.0
    places = Counter(max(0, min(int(row.final / step), 4)) for row in rows)
    page = _page(
        CLASS,
        title=f"{name}: the class",
        titles=load(course.source(name)).titles,
        rows=rows,
        most=most,
        mean=round(sum(row.final for row in rows) / len(rows), 2),
        questions=questions,
        states=[state for state in STATES if any(q["states"][state] for q in questions)],
        bins=[(k * step, (k + 1) * step, places[k]) for k in range(5)],
        reasons=reasons.most_common(15),
        waiting=[(row.record.student, mark["id"]) for row in rows for mark in row.marks if mark["review"]],
        equal=[students for students in files.values() if len(students) > 1],
    )
    path = course.root / "grades" / f"{name}.html"
    write(path, page)
    return path


def _page(body: str, **words: object) -> bytes:
    """Everything in it is escaped; what no text may hold is replaced."""
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(FRAME.replace("BODY", body))
    text = template.render(style=Markup(STYLE), policy=POLICY, **words)
    return "".join(c if c in "\n\t" or ord(c) >= 32 else "\ufffd" for c in text).encode("utf-8", "replace")
