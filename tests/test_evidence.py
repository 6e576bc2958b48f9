"""Every link of the capstone's matrix leads to a cell that proves its claim, and the marks say what the numbers do."""

import json

import pytest

from vidlab import evidence, results
from vidlab.errors import DataError

LINKS = [(model, question, claim) for model, row in evidence.PROVED.items() for question, claim in row.items()]


@pytest.mark.parametrize(("model", "question", "claim"), LINKS)
def test_a_link_leads_to_a_cell_that_proves_the_claim(model, question, claim):
    file, cell = evidence.address(*claim.split()).split("#cell-id=")
    cells = json.loads((evidence.NOTEBOOKS / file).read_text(encoding="utf-8"))["cells"]
    found = next(each for each in cells if each["id"] == cell)
    assert f"claim:{claim.split()[0]}" in found["metadata"]["tags"]


def test_a_claim_that_is_none_is_refused():
    with pytest.raises(DataError, match="no claim 'EF-9'.*EF-4"):
        evidence.address("EF-9")
    with pytest.raises(DataError, match="title has the tag claim:EF-4"):
        evidence.address("EF-4", "title")


@pytest.mark.parametrize(
    ("shares", "chance", "mark"),
    [([1.0, 0.91], 0.25, "●"), ([1.0, 0.9], 0.25, "◐"), ([0.25, 0.32], 0.25, "○"), ([0.25, 0.34], 0.25, "◐")],
)
def test_marks(shares, chance, mark):
    assert evidence.mark(shares, chance) == mark


def test_the_matrix_shows_every_model_and_question():
    table = results.table("onset", "early", "3D")
    lines = evidence.matrix({"event": (table, "at 0", 0.25), "event, later": (table, "at 6", 0.25)}).split("\n")
    assert lines[0] == "| | event | event, later |"
    early = f"({evidence.address('EF-4', 'onset-claim')})"
    assert lines[2] == f"| early | ● 100 | [○ 30]{early} |"
    assert lines[3].startswith("| 3D | ● 100 | [● 100](07_")
    with pytest.raises(DataError, match="no questions"):
        evidence.matrix({})
    with pytest.raises(DataError, match="no row 'early'"):
        evidence.matrix({"a": (table, "at 0", 0.25), "b": (results.table("order"), "order", 0.5)})
