"""The page of progress in a real browser: parts open by keys, both themes, any width, no network."""

import pytest
from hands import expect_accessible

from vidlab import study
from vidlab.checks import record
from vidlab.course_map import PARTS, lessons

NAMES = [asked.name for lesson in lessons().values() for asked in lesson.exercises]


@pytest.fixture(params=["nothing", "some", "everything"])
def page_of(request, monkeypatch, tmp_path):
    """The html of a learner who has solved nothing, a third, or everything; the second one's file was damaged once."""
    monkeypatch.setenv("VIDLAB_HOME", str(tmp_path))
    monkeypatch.delenv("VIDLAB_NO_PROGRESS", raising=False)
    monkeypatch.setattr(record, "_memory", {})
    count = {"nothing": 0, "some": 25, "everything": len(NAMES)}[request.param]
    if request.param == "some":
        (tmp_path / "progress.json").write_text("{")
    record.load()
    for name in NAMES[:count]:
        record._memory[name] = {"attempts": 2, "hints": 1, "solved": "2026-01-01"}
    record._save(record._memory)
    return request.param, study.progress()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_readable_in_both_themes(open_file, page_of, dark):
    kind, progress = page_of
    page = open_file(progress.html(), color_scheme="dark" if dark else "light")
    expect_accessible(page)
    page.locator("details").evaluate_all("(all) => all.forEach((part) => (part.open = true))")
    page.set_viewport_size({"width": 360, "height": 800})
    expect_accessible(page)
    assert page.get_by_role("alert").count() == (kind == "some")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(17, 17, 17)" if dark else "rgba(0, 0, 0, 0)")


def test_parts_open_by_keys(open_file, page_of):
    kind, progress = page_of
    page = open_file(progress.html())
    opened = "[...document.querySelectorAll('details')].map((part) => part.open)"
    first = {"nothing": 0, "some": 2, "everything": None}[kind]
    before = [k == first for k in range(len(PARTS))]
    assert page.evaluate(opened) == before
    for k in range(len(PARTS)):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
        page.keyboard.press("Enter" if k % 2 else "Space")
    assert page.evaluate(opened) == [not was for was in before]


def test_bars_show_what_is_solved(open_file, page_of):
    _, progress = page_of
    page = open_file(progress.html())
    bars = page.get_by_role("progressbar")
    shown = bars.evaluate_all("(all) => all.map((bar) => [bar.getAttribute('aria-label'), bar.value, bar.max])")
    assert shown == [[f"{part}: solved", done, asked] for part, _, done, asked, _ in progress.parts()]
