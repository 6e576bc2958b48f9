"""The figures in a real JupyterLab: run, moved with the keyboard, read back in Python, in both themes."""

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from hands import pass_frames

pytestmark = pytest.mark.timeout(900)  # a server and a kernel start, while other tests run

SETUP = """\
import torch
from vidlab.figures import ClipPlayer, SpaceTimeCube, TemporalFilter, show
clip = torch.rand(12, 3, 24, 32, generator=torch.Generator().manual_seed(0))
cube = SpaceTimeCube(clip, t=4)
cube"""
CELLS = [
    SETUP,
    "ClipPlayer({'one': clip, 'two': clip.flip(0)})",
    "TemporalFilter(clip, t=4)",
    "show(clip[0], 'noise in colour')",
    "live = cube.live()\nlive",
    "print('t is', live.t)\nlive.t = 2",
    "from vidlab import study\nstudy.progress()",
    "study.Review('00')",
]
VALUE_OF_LIVE = (
    "(value) => document.querySelectorAll('.jp-CodeCell')[4].querySelector('label.slider input').value === value"
)
PIXELS = "(canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.join()"


@pytest.fixture(scope="module")
def notebook(browser, lab):
    """A notebook with every figure, opened and run as a learner would: menu Run, Run All Cells."""
    folder, address = lab
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "figures.ipynb")
    page = browser.new_page(viewport={"width": 1280, "height": 1600})
    page.set_default_timeout(180_000)
    page.goto(address("figures.ipynb"))
    page.wait_for_function("window.jupyterapp?.restored.then(() => true)")  # a late panel would close an open menu
    # The notebook's own attribute says idle while there is no kernel yet; the status bar tells the truth.
    idle = page.locator(".jp-StatusBar-TextItem", has_text="| Idle")
    idle.wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function("document.querySelectorAll('.vidlab[data-ready]').length === 5")
    # To the end, and until the last cell's word has come back: then nothing takes the focus or moves a slider any more.
    page.get_by_text("t is 4", exact=True).wait_for()
    page.wait_for_function(VALUE_OF_LIVE, arg="2")
    in_cell(page, 7).locator(".jp-InputPrompt", has_text="[8]").wait_for()
    idle.wait_for()
    pass_frames(page, 5)
    yield page
    page.close()


def in_cell(page, k: int):
    return page.locator(".jp-CodeCell").nth(k)


@pytest.mark.parametrize("cell", [0, 1, 2])
def test_a_slider_moves_the_picture(notebook, cell):
    figure = in_cell(notebook, cell)
    slider = figure.locator("label.slider input").first
    canvas = figure.locator("canvas").first
    slider.focus()
    before, value = canvas.evaluate(PIXELS), int(slider.input_value())
    notebook.keyboard.press("ArrowRight")  # JupyterLab would take it for itself
    assert int(slider.input_value()) == value + 1
    assert canvas.evaluate(PIXELS) != before


def test_python_reads_what_the_reader_did_and_moves_it(notebook):
    slider = in_cell(notebook, 4).locator("label.slider input").first
    slider.focus()
    notebook.keyboard.press("End")
    assert slider.input_value() == "11"
    in_cell(notebook, 5).locator(".cm-content").click()
    in_cell(notebook, 5).locator(".cm-focused").wait_for()
    notebook.keyboard.press("Control+Enter")
    notebook.get_by_text("t is 11", exact=True).wait_for()
    notebook.wait_for_function(VALUE_OF_LIVE, arg="2")


def test_a_still_has_its_alternative_text(notebook):
    assert in_cell(notebook, 3).locator("img").get_attribute("alt") == "noise in colour"


def test_the_page_of_progress_is_read_from_the_left(notebook):
    """JupyterLab's own style sets tables flush right, unless a table insists."""
    page = in_cell(notebook, 6)
    page.locator("summary").first.wait_for()
    flush = "(all) => all.map((cell) => getComputedStyle(cell).textAlign)"
    assert set(page.locator("tbody th, td:not(.number)").evaluate_all(flush)) == {"left"}
    assert set(page.locator("td.number").evaluate_all(flush)) == {"right"}


def test_a_card_is_turned_by_keys(notebook):
    review = in_cell(notebook, 7)
    review.locator(".jp-InputPrompt").first.click()
    notebook.keyboard.press("Escape")  # the cell has the focus, as after it was run
    turn = review.get_by_role("button", name="Show the answer")
    for _ in range(9):
        notebook.keyboard.press("Tab")
        if turn.evaluate("(button) => button === document.activeElement"):
            break
    notebook.keyboard.press("Enter")  # JupyterLab would begin to edit the cell
    assert review.locator(".answer").count() == 1
    notebook.keyboard.press("Space")  # and would scroll
    assert review.locator(".count").text_content() == "1 of 6 known"


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_readable_in_both_themes(notebook, theme):
    notebook.evaluate(f"jupyterapp.commands.execute('apputils:change-theme', {{ theme: '{theme}' }})")
    notebook.wait_for_function(f"document.body.dataset.jpThemeName === '{theme}'")
    notebook.locator("#jupyterlab-splash").wait_for(state="detached")
    for rule in Axe().run(notebook, context=".vidlab").response["violations"]:
        pytest.fail(f"{rule['id']}: {rule['help']}: {[node['html'] for node in rule['nodes']]}")
