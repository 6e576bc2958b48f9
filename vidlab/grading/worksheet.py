"""Grades are filled into the table that an LMS gave: Moodle's grading worksheet, or the gradebook that Canvas exports.

A student is found by the number that the LMS put into the name of the file that was handed in: "Participant 4711" in
Moodle's column *Identifier*, 4711 in Canvas's column *ID*. Everything else in the table stays as it was.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import VidlabError
from .gradebook import standing
from .store import Course, write

LARGEST = 50 << 20


class WorksheetError(VidlabError, ValueError):
    """A table that is none of Moodle's or Canvas's, or has no column for this assignment."""


@dataclass
class Filled:
    """The table that was written, how many grades are in it, and what is to be looked at, in words."""

    path: Path
    count: int = 0
    troubles: list[str] = field(default_factory=list)


def fill(course: Course, name: str, worksheet: Path, column: str | None = None) -> Filled:
    """Write grades/NAME.lms.csv: the worksheet with the final points. column: its heading, where it cannot be guessed.

    Raises:
        WorksheetError: it cannot be read or understood; the message lists the columns that there are.
    """
    rows, delimiter = _read(worksheet)
    number, column = _columns(rows[0], name, column)
    filled, points = Filled(course.root / "grades" / f"{name}.lms.csv"), {}
    for row in standing(course, name):
        match = re.search(r"_(\d+)$", row.record.student)
        points.setdefault(match[1] if match else row.record.student, []).append(row)
    for key, several in points.items():
        if len(several) > 1:
            whose = ", ".join(row.record.student for row in several)
            filled.troubles.append(f"{whose} have the same number {key}: none is filled in")
    for row in rows[1:]:
        match = re.fullmatch(r"(?:\D* )?(\d+)", row[number].strip()) if number < len(row) else None
        theirs = points.pop(match[1], []) if match else []
        if len(theirs) == 1:
            row += [""] * (column + 1 - len(row))
            row[column] = f"{theirs[0].final:g}"
            filled.count += 1
            unread = sum(mark["review"] for mark in theirs[0].marks)
            if unread:
                who = theirs[0].record.student
                filled.troubles.append(f"{who}: {unread} answers are still to be read by a person")
    lost = [row.record.student for several in points.values() for row in several]
    filled.troubles += [f"{student} is not in {worksheet.name}" for student in lost]
    table = io.StringIO()
    csv.writer(table, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    write(filled.path, b"\xef\xbb\xbf" + table.getvalue().encode())
    return filled


def _read(worksheet: Path) -> tuple[list[list[str]], str]:
    """Its rows, and what stands between two fields: a comma, a semicolon or a tab."""
    try:
        with worksheet.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise ValueError(f"more than {LARGEST >> 20} MB")
        text = data.decode("utf-8-sig")
        head = text.partition("\n")[0]
        delimiter = max(",;\t", key=head.count)
        if delimiter not in head:
            raise ValueError("its first line has one column")
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)), delimiter
    except (OSError, ValueError, csv.Error) as error:
        raise WorksheetError(f"{worksheet} cannot be read ({error})", wanted="a table as CSV, in UTF-8") from error


def _columns(head: list[str], name: str, column: str | None) -> tuple[int, int]:
    """Where the number of a student stands, and where the points go."""
    names = [word.strip() for word in head]
    moodle = "Identifier" in names
    if not moodle and "ID" not in names:
        raise WorksheetError(
            f"no column Identifier (Moodle) or ID (Canvas) among {', '.join(names)[:300]}",
            wanted="Moodle's grading worksheet, or the gradebook that Canvas exports, in English",
        )
    if column is not None or moodle:
        wanted = column or "Grade"
        fits = [word for word in names if word == wanted]
    else:  # Canvas: "Homework 1 (98765)"
        wanted, plain = name, re.sub(r"\W|_", "", name.casefold())
        fits = [word for word in names if re.sub(r"\W|_", "", re.sub(r"\(\d+\)$", "", word).casefold()) == plain]
    if len(fits) != 1:
        raise WorksheetError(
            f"{len(fits) or 'no'} columns {wanted!r} among {', '.join(names)[:300]}",
            wanted="one that takes the points",
            mend='--column "Homework 1 (98765)"',
        )
    return names.index("Identifier" if moodle else "ID"), names.index(fits[0])
