"""Every lesson as a deck: each slide fits its page, its words can be read from the last row, and nothing goes wrong.

After `make course` the figures are the live ones; else, as in continuous integration, they are pictures.
"""

import base64
import io

import nbformat
import pytest
import torch
from decks import MEASURE, open_offline
from hands import eventually
from PIL import Image

from vidlab import figures, live
from vidlab.course import ROOT, lessons
from vidlab.slides import lecture, plan
from vidlab.slides.export import export, load

LESSONS = lessons(ROOT / "notebooks")
SMALLEST = {
    True: 14.5,
    False: 12.5,
}  # pixels of 720, live or not: printed tables of results are wider
ALIVE = "Boolean(Reveal.getCurrentSlide().querySelector('.vidlab'))"
READY = "Reveal.getCurrentSlide().querySelector('[data-ready]')"


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem[:2])
def test_every_slide_of_a_lesson_fits(browser, path, tmp_path):
    said, run, wrong, seen = lecture.read(path.stem[:2]), live.kept(path), [], []
    deck = export(load(path), said, live.pages(run) if run else {}, tmp_path / "deck")
    page = open_offline(browser, deck, wrong)
    for _ in range(400):
        if not page.evaluate("Reveal.availableFragments().next"):  # all of the slide is there
            if page.evaluate(ALIVE):
                page.wait_for_function(READY)
            found = page.evaluate(MEASURE)
            seen.append(found["cell"])
            if found["out"] or found["smallest"] < SMALLEST[bool(run)]:
                wrong.append(str({**found, "out": found["out"][:3]}))
            if page.evaluate("Reveal.isLastSlide()"):
                break
        page.keyboard.press("ArrowRight")
    polls = sum(note.poll is not None for note in said.notes.values())
    assert len(seen) == len(set(seen)) == len(plan.slides(load(path))) + polls
    assert page.locator("mjx-merror, [data-mjx-error], script[type='text/x-widget']").count() == 0
    page.context.close()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("size", "grows"), [((1000, 200), True), ((600, 600), False)], ids=["low", "high"])
def test_words_grow_into_the_room_that_a_picture_leaves_and_take_none_from_it(browser, tmp_path, size, grows):
    png = io.BytesIO()
    Image.new("RGB", size, "navy").save(png, "png")
    data = {"image/png": base64.b64encode(png.getvalue()).decode(), "text/plain": "a picture"}
    cells = [
        nbformat.v4.new_code_cell("picture", id="picture", outputs=[nbformat.v4.new_output("display_data", data)]),
        nbformat.v4.new_markdown_cell("Words about it, in a sentence that is not long.", id="words"),
    ]
    for cell, kind in zip(cells, ("slide", "-"), strict=True):
        cell.metadata["slideshow"] = {"slide_type": kind}
    deck = export(nbformat.v4.new_notebook(cells=cells), lecture.Lecture(), {}, tmp_path / "deck")
    wrong = []
    page = open_offline(browser, deck, wrong)
    text = float(page.evaluate("Reveal.getCurrentSlide().dataset.text"))
    box = page.locator(".present img").bounding_box()
    assert text == 1.4 if grows else text == 1.0
    assert box["width"] == 1160 if grows else box["height"] > 490, box
    assert page.evaluate(MEASURE)["out"] == []
    page.context.close()
    assert not wrong


def test_buttons_of_a_figure_can_be_seen_and_pressed(browser, tmp_path):
    """The cube's buttons lie in a box of the class "controls", which reveal.js hides when it is its own."""
    cube = figures.SpaceTimeCube(torch.rand(8, 3, 24, 24))
    cell = nbformat.v4.new_code_cell(
        "cube", id="cube", outputs=[nbformat.v4.new_output("display_data", {"text/plain": ""})]
    )
    cell.metadata["slideshow"] = {"slide_type": "slide"}
    deck = export(nbformat.v4.new_notebook(cells=[cell]), lecture.Lecture(), {"cube": [cube.html()]}, tmp_path / "deck")
    wrong = []
    page = open_offline(browser, deck, wrong)
    page.wait_for_function(READY)
    assert page.evaluate(MEASURE)["out"] == []
    play = page.get_by_role("button", name="play")
    play.click()
    eventually(page, lambda: expect_pressed(page))
    page.context.close()
    assert not wrong


def expect_pressed(page):
    assert page.get_by_role("button", name="pause").count() == 1
