"""What a submission got, question by question."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from .assignment import Assignment
from .intake import IntakeError


@dataclass
class Mark:
    """What one question got. state: "right", "wrong", "open" (nothing written), "failed" (not run) or "manual"."""

    id: str
    points: float
    most: float
    state: str
    reason: str = ""


@dataclass
class Grade:
    """What a submission got; `manual` points are still to come. cells: what answers printed, and their errors."""

    marks: list[Mark] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cells: dict[str, dict] = field(default_factory=dict)

    @property
    def points(self) -> float:
        return sum(mark.points for mark in self.marks)

    def as_dict(self) -> dict:
        return asdict(self)


def refused(assignment: Assignment, error: IntakeError) -> Grade:
    """The grade of a submission that cannot be read: nothing, and why."""
    marks = [Mark(cell.id, 0.0, cell.points, "failed", error.what) for cell in assignment.questions]
    return Grade(marks, [str(error)])
