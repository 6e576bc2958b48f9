"""The deck of lesson 05 as a lecturer has it: opened from a file, with no network, in the sizes of two projectors."""

import pytest
from decks import MEASURE, open_offline
from hands import eventually
from of_slides import live_of_05

from vidlab.course import ROOT, lessons
from vidlab.slides import lecture, plan
from vidlab.slides.export import export, load

FIGURES = ("play", "weights-show", "battery-show")
HERE = "() => Reveal.getCurrentSlide().dataset.cell"


@pytest.fixture(scope="module")
def deck(tmp_path_factory):
    (path,) = lessons(ROOT / "notebooks", "05")
    return export(load(path), lecture.read("05"), live_of_05(), tmp_path_factory.mktemp("stick") / "05")


@pytest.fixture
def open_deck(browser, deck):
    """open_deck(cell) -> a page that shows the slide of that cell. Whatever goes wrong on the page fails the test."""
    contexts, wrong = [], []

    def open_deck(cell: str = "title", size=(1280, 720), **options):
        page = open_offline(browser, deck, wrong, size, **options)
        contexts.append(page.context)
        go_to(page, cell)
        return page

    yield open_deck
    for context in contexts:
        context.close()
    assert not wrong


def go_to(page, cell: str):
    """Show the slide of a cell, with its figure alive."""
    page.evaluate(
        """(cell) => {
          const { h, v } = Reveal.getIndices(document.querySelector(`[data-cell="${cell}"]`));
          Reveal.slide(h, v);
        }""",
        slide_of(cell),
    )
    if cell in FIGURES:
        page.wait_for_function("Reveal.getCurrentSlide().querySelector('[data-ready]')")


def slide_of(cell: str) -> str:
    """The cell that the slide of a cell begins with."""
    (path,) = lessons(ROOT / "notebooks", "05")
    return next((ids[0] for ids in plan.slides(load(path)) if cell in ids), cell)


def place(page) -> str:
    return page.evaluate(HERE)


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)], ids=str)
def test_every_slide_fits_and_can_be_read(open_deck, size):
    page = open_deck(size=size)
    seen, alive = [], 0
    for _ in range(200):
        if not page.evaluate("Reveal.availableFragments().next"):  # all of the slide is there
            if page.evaluate("Boolean(Reveal.getCurrentSlide().querySelector('.vidlab'))"):
                page.wait_for_function("Reveal.getCurrentSlide().querySelector('[data-ready]')")
                alive += 1
            found = page.evaluate(MEASURE)
            assert found["out"] == [], found["cell"]
            assert found["smallest"] >= 18, found  # 2.5 % of the height: code; words are larger
            assert all(scale >= 0.75 for scale in found["figures"]), found
            seen.append(found["cell"])
            if page.evaluate("Reveal.isLastSlide()"):
                break
        page.keyboard.press("ArrowRight")
    polls = [cell for cell in seen if cell.endswith("-poll")]
    assert len(seen) == len(set(seen)) == len(polls) + len(plan.slides(load(lessons(ROOT / "notebooks", "05")[0])))
    assert (len(polls), alive) == (5, len(FIGURES))
    go_to(page, polls[0])
    assert float(page.evaluate("Reveal.getCurrentSlide().dataset.text")) > 1  # few words: large ones
    assert page.locator("mjx-container").count() > 10
    assert page.locator("mjx-merror, [data-mjx-error], script[type='text/x-widget']").count() == 0
    faces = "[...document.fonts].filter((face) => face.status === 'loaded').length"
    assert page.evaluate(faces) == 4  # its own fonts, or the measured sizes hold on this machine only


def test_a_figure_starts_when_its_slide_is_shown(open_deck):
    page = open_deck("title")
    assert page.locator("[data-ready]").count() == 0
    go_to(page, "play")
    assert page.locator("[data-ready]").count() == 1
    page.evaluate("Reveal.next()")
    go_to(page, "play")
    assert page.locator(".slides figure").count() == 1  # once


@pytest.mark.parametrize("cell", FIGURES)
def test_arrows_move_a_slider_and_not_the_slide(open_deck, cell):
    page = open_deck(cell)
    shown = page.locator("section.present > section.present .vidlab")
    here = place(page)
    for slider in shown.get_by_role("slider").all():
        slider.focus()
        page.keyboard.press("Home")
        first, picture = slider.input_value(), shown.screenshot()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert slider.input_value() != first
        eventually(page, lambda picture=picture: expect_other(shown, picture))
        page.keyboard.press("ArrowLeft")
        for key in (" ", "PageDown", "Home", "n", "f", "o", "b"):  # what else the slides listen to
            page.keyboard.press(key)
    assert place(page) == here
    assert not page.evaluate("Reveal.isOverview() || Reveal.isPaused()")
    page.locator(".keys").wait_for(state="visible")  # says who has the keys
    page.keyboard.press("Escape")
    page.locator(".keys").wait_for(state="hidden")
    for _ in range(3):  # past the fragments
        page.keyboard.press("ArrowRight")
    assert place(page) != here


def expect_other(shown, picture: bytes):
    assert shown.screenshot() != picture


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (1024, 768)], ids=str)
def test_the_pointer_hits_what_it_points_at(open_deck, size):
    page = open_deck("play", size=size)
    slider = page.locator("section.present > section.present").get_by_role("slider", name="time")
    box = slider.bounding_box()
    page.mouse.click(box["x"] + 0.98 * box["width"], box["y"] + box["height"] / 2)
    assert slider.input_value() == slider.get_attribute("max")
    page.mouse.click(box["x"] + 0.02 * box["width"], box["y"] + box["height"] / 2)
    assert slider.input_value() == "0"
    go_to(page, "weights-show")
    box = page.locator("section.present > section.present .card").nth(5).bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 12)
    now = page.locator("section.present > section.present .card.now")
    assert "t 5" in now.text_content().replace("\u00a0", " ")


def test_a_finger_on_a_figure_turns_no_page(open_deck):
    page = open_deck("play", has_touch=True)
    assert page.evaluate("Boolean(Reveal.getCurrentSlide().querySelector('.vidlab').closest('[data-prevent-swipe]'))")


def test_the_class_sees_no_notes_and_the_lecturer_does(open_deck):
    page = open_deck("s-experiment-poll")
    assert "Answer" not in page.locator("section.present > section.present").inner_text()
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    view = opened.value
    notes = view.locator(".speaker-controls-notes .value")
    eventually(page, lambda: expect_words(notes, "Answer: B", "until 3.5 of 45"))
    view.close()


def expect_words(notes, *words: str):
    text = notes.text_content()
    assert all(word in text for word in words), text


def test_a_dark_system_does_not_darken_figures(open_deck):
    page = open_deck("play", color_scheme="dark")
    paper = page.locator("section.present > section.present figure").evaluate(
        "(el) => getComputedStyle(el).backgroundColor"
    )
    assert paper == "rgb(255, 255, 255)"
