"""What a late submission loses: "10% per day, at most 50%", from the time when it was due.

A unit of time that has begun counts. What is lost is a share of what was reached, points by hand included.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import datetime

from ..errors import VidlabError
from .store import Course, as_json, usable, write

UNITS = {"minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}
RULE = re.compile(
    r"(?P<share>\d+(\.\d+)?) ?% per (?P<unit>minute|hour|day|week)"
    r"(, at most (?P<most>\d+(\.\d+)?) ?%)?"
    r"(, (?P<grace>\d+) (?P<of>minute|hour|day|week)s? grace)?"
)


class LateError(VidlabError, ValueError):
    """A rule or a time that cannot be understood."""


@dataclass(frozen=True)
class Late:
    """A rule in words, and when the work was due, as ISO 8601; without a due time nothing is lost."""

    words: str = ""
    due: str = ""

    def __post_init__(self) -> None:
        """Raises: LateError."""
        if self.words and not RULE.fullmatch(self.words):
            raise LateError(f"the rule {self.words!r}", wanted='"10% per day, at most 50%, 15 minutes grace", or less')
        if self.words and not self.due:
            raise LateError("a rule for late work without the time when it was due", mend="--due 2030-01-31T23:59")
        if self.due:
            _time(self.due)

    @property
    def deadline(self) -> float:
        """When it was due, in seconds since 1970."""
        return _time(self.due).timestamp()

    def loss(self, submitted: str) -> float:
        """The share that is lost, from 0 to 1.

        >>> Late("10% per day, at most 50%", "2030-01-31T12:00+00:00").loss("2030-02-01T12:00:01+00:00")
        0.2
        """
        if not self.words:
            return 0.0
        rule = RULE.fullmatch(self.words)
        over = _time(submitted).timestamp() - self.deadline
        if over <= int(rule["grace"] or 0) * UNITS[rule["of"] or "day"]:
            return 0.0
        most = min(float(rule["most"] or 100), 100.0)
        return min(float(rule["share"]) * math.ceil(over / UNITS[rule["unit"]]), most) / 100


def rule_of(course: Course, assignment: str, words: str | None = None, due: str | None = None) -> Late:
    """The rule that was given now, or last time; "none" ends it."""
    path = course.root / "graded" / f"{usable(assignment)}.late.json"
    try:
        old = json.loads(path.read_bytes())
    except FileNotFoundError:
        old = {}
    words = "" if words == "none" else old.get("words", "") if words is None else words
    return Late(words, old.get("due", "") if due is None else due)


def keep_rule(course: Course, assignment: str, late: Late) -> None:
    if late != rule_of(course, assignment):
        write(course.root / "graded" / f"{usable(assignment)}.late.json", as_json(vars(late)))


def _time(words: str) -> datetime:
    """A time without a zone is in that of this machine. Python 3.10 knows no Z."""
    try:
        return datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", words)).astimezone()
    except ValueError as error:
        raise LateError(f"the time {words!r}", wanted="2030-01-31T23:59 or 2030-01-31T23:59+01:00") from error
