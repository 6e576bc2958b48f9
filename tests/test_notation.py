"""The notation sheet: every sign stands in the lesson that is named, and all of them fit on two pages of A4."""

import json
import re
import warnings

import pytest

from vidlab import course_map, notation, notation_sheet
from vidlab.errors import DataError
from vidlab.notation import mathtext, rows

COURSE = course_map.lessons()


@pytest.fixture(scope="module")
def sources():
    """All that a lesson says, cell by cell, by its number."""
    return {
        number: [
            "".join(cell["source"]) for cell in json.loads((course_map.NOTEBOOKS / lesson.file).read_bytes())["cells"]
        ]
        for number, lesson in COURSE.items()
    }


@pytest.fixture(scope="module")
def drawn():
    return list(notation_sheet.pages())


@pytest.mark.parametrize("row", rows(), ids=[row.source[:30] for row in rows()])
def test_a_sign_stands_in_the_lesson_that_is_named_and_in_none_before(row, sources):
    found = [number for number, cells in sources.items() if any(row.source in cell for cell in cells)]
    assert found
    assert found[0] == row.lesson


def test_rows_are_in_the_order_of_the_lessons_and_different():
    assert [row.lesson for row in rows()] == sorted(row.lesson for row in rows())
    assert len({row.source for row in rows()}) == len({row.says for row in rows()}) == len(rows())
    assert all(row.says[0] not in "$" and not row.says.endswith(".") for row in rows())


def test_the_sheet_holds_every_sign_of_lesson_00(sources):
    """Its section "Notation" is the first list that a reader meets."""
    (table,) = [cell for cell in sources["00"] if cell.startswith("## 4 · Notation")]
    signs = re.findall(r"^\| \$([^$]+)\$ \|", table, re.MULTILINE)
    assert len(signs) == 6
    text = " ".join(row.source for row in rows())
    for sign in signs:
        assert sign in text


def test_every_formula_is_set_on_two_pages(drawn, tmp_path):
    assert len(drawn) <= 2
    words = [text.get_text() for figure in drawn for text in figure.texts]
    for row in rows():
        assert row.drawn in words
    assert notation_sheet.write(tmp_path / "a.pdf") == len(drawn)
    notation_sheet.write(tmp_path / "b.pdf")
    data = (tmp_path / "a.pdf").read_bytes()
    assert data == (tmp_path / "b.pdf").read_bytes()
    boxes = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", data)
    assert len(boxes) == len(drawn)
    for width, height in boxes:
        assert float(width) == pytest.approx(210 / 25.4 * 72, abs=1)
        assert float(height) == pytest.approx(297 / 25.4 * 72, abs=1)


def test_nothing_overlaps_or_leaves_the_paper(drawn):
    for figure in drawn:
        renderer = figure.canvas.get_renderer()
        boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in figure.texts]
        for _, box in boxes:
            assert box.x0 >= 0.5 * 72
            assert box.x1 <= notation_sheet.A4[0] * 72 - 0.5 * 72
            assert 0 < box.y0 < box.y1 < notation_sheet.A4[1] * 72
        for k, (first, a) in enumerate(boxes):
            for second, b in boxes[k + 1 :]:
                apart = a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1
                assert apart, (first, second)


def test_no_letter_is_missing(drawn, tmp_path):
    """Matplotlib warns of a sign that its font lacks."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        notation_sheet.write(tmp_path / "a.pdf")
    assert all(text.get_fontsize() >= 7.4 for figure in drawn for text in figure.texts)


def test_a_formula_is_never_cut_into_two_lines():
    lines = notation_sheet.wrap("one $a + b$ and $c d$, so", lambda line: len(line) < 9)
    assert lines == ["one", "$a + b$", "and", "$c d$, so"] or all(line.count("$") % 2 == 0 for line in lines)
    assert " ".join(lines) == "one $a + b$ and $c d$, so"


@pytest.mark.parametrize(
    ("latex", "here"),
    [
        (r"\tfrac12 x", r"\frac{1}{2} x"),
        (r"\frac{a}{b}", r"\dfrac{a}{b}"),
        (r"\le \left(", r"\leq \left("),
        (r"\sqrt d", r"\sqrt{d}"),
        (r"C_\text{out}", r"C_{\mathrm{out}}"),
        (r"\sum_{\text{w}} x", r"\,\sum_{\mathrm{w}}\, x"),
    ],
)
def test_the_dialect_of_matplotlib(latex, here):
    assert mathtext(latex) == here


def test_markdown_for_the_site():
    text = notation.markdown()
    assert text.count("\n| ") == len(rows()) + len(course_map.PARTS)
    assert r"$I_x\,u + I_y\,v + I_t = 0$" in text
    for line in text.splitlines():
        if line.startswith("| "):
            assert line.count("|") == 4  # no bar of a formula divides a cell


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[[row]]",
        '[[row]]\nsays = "a"\nlesson = "00"',
        '[[row]]\nsays = "a"\nlesson = "00"\ncode = "a"\nlatex = "b"',
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path, text):
    (tmp_path / "notation.toml").write_text(text)
    with pytest.raises(DataError, match="notation.toml"):
        rows(tmp_path / "notation.toml")


def test_the_command(tmp_path, capsys):
    assert notation.main([str(tmp_path / "out.pdf")]) == 0
    assert "2 pages" in capsys.readouterr().out
    assert (tmp_path / "out.pdf").read_bytes().startswith(b"%PDF")
    assert notation.main([str(tmp_path / "none" / "out.pdf")]) == 1
    assert "cannot be written" in capsys.readouterr().err
