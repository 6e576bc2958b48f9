"""The reader's minutes: what is counted, and that no lesson's label is off by more than a third."""

import nbformat
import pytest

from vidlab import reading_time
from vidlab.reading_time import Counts, count, is_far, stated

new = nbformat.v4
PICTURE = new.new_output("display_data", {"image/png": "iVBORw0KGgo=", "text/plain": "Three dots on a line"})
ASK = (
    "### Exercise 1 · X (easy, 7 minutes)\n\nDo $y$.\n\n<details><summary>Hint 1</summary>$z$ and more words</details>"
)


def book(*cells):
    return new.new_notebook(cells=list(cells))


@pytest.mark.parametrize(
    ("cell", "counts"),
    [
        (new.new_markdown_cell("One, two $x$ and\n\n$$y = x$$\n\n$$z$$"), Counts(words=3, formulas=2, signs=1)),
        (new.new_markdown_cell(ASK), Counts(words=7, signs=1, exercises=7)),
        (new.new_code_cell("x = 1\n\n\ny = 2"), Counts(code=2)),
        (new.new_code_cell("figures.show(x)", outputs=[PICTURE]), Counts(code=1, figures=1)),
        (new.new_code_cell("figures.SpaceTimeCube(x)", outputs=[PICTURE]), Counts(code=1, live=1)),
        (new.new_code_cell("figures.TimeBattery.of(x)", outputs=[PICTURE]), Counts(code=1, live=1)),
        (new.new_code_cell("figures.SpaceTimeCube(x)"), Counts(code=1)),
    ],
)
def test_what_a_cell_holds(cell, counts):
    assert count(book(cell)) == counts


@pytest.mark.parametrize(
    ("counts", "minutes"),
    [
        (Counts(words=360), 2),
        (Counts(code=40), 2),
        (Counts(formulas=6), 2),
        (Counts(signs=60), 2),
        (Counts(figures=4), 2),
        (Counts(live=2), 3),
        (Counts(exercises=25), 25),
    ],
)
def test_what_each_thing_takes(counts, minutes):
    assert counts.minutes == pytest.approx(minutes)
    assert (counts + counts).minutes == pytest.approx(2 * minutes)


def test_a_label_is_far_off_beyond_a_third():
    assert not is_far(40, 30)
    assert not is_far(20, 30)
    assert is_far(41, 30)
    assert is_far(19, 30)
    assert is_far(1, 0)


def test_the_stated_minutes_are_the_labels():
    label = new.new_markdown_cell("**Time.** About 45 minutes for you. The machine computes for 7 s.", id="label")
    assert stated(book(label)) == 45
    assert stated(book()) == 0


@pytest.mark.parametrize("row", reading_time.table(), ids=[name for name, *_ in reading_time.table()])
def test_no_label_is_off_by_more_than_a_third(row):
    lesson, counts, promised = row
    assert counts.words > 500
    assert counts.exercises >= 10
    assert not is_far(counts.minutes, promised), f"lesson {lesson}: {counts.minutes:.0f} minutes, stated {promised}"


def test_the_table_is_printed(capsys):
    assert reading_time.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [*"lesson words formulas signs code figures live exercises minutes stated".split()]
    assert len(lines) == len(reading_time.table()) + 1


def test_a_wrong_label_is_pointed_at(capsys, monkeypatch):
    monkeypatch.setattr(reading_time, "table", lambda: [("00", Counts(words=18_000), 50)])
    assert reading_time.main() == 1
    assert "look at this label" in capsys.readouterr().out
