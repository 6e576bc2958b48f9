"""Exported by nbconvert, opened without kernel and network: the figures are still live."""

import base64

import nbformat
import pytest
import torch
from nbconvert import HTMLExporter, SlidesExporter

from vidlab.figures import SpaceTimeCube, TemporalFilter

PIXELS = "(canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.join()"


@pytest.fixture(scope="module")
def notebook():
    clip = torch.rand(9, 3, 16, 24, generator=torch.Generator().manual_seed(0))
    cells = []
    for widget in (SpaceTimeCube(clip, t=4), TemporalFilter(clip, t=4)):
        bundle = widget._repr_mimebundle_()
        bundle["image/png"] = base64.b64encode(bundle["image/png"]).decode()
        output = nbformat.v4.new_output("execute_result", bundle, execution_count=1)
        slide = {"slideshow": {"slide_type": "slide"}}
        cells.append(nbformat.v4.new_code_cell("figure", outputs=[output], metadata=slide))
    return nbformat.v4.new_notebook(cells=cells)


@pytest.mark.parametrize("exporter", [HTMLExporter, SlidesExporter])
def test_live_in_an_export(notebook, open_file, exporter):
    html, _ = exporter().from_notebook_node(notebook)
    # The exporter's own script asks the network for its libraries, and cannot have them here.
    page = open_file(html, ignore=("require is not defined", "MathJax"))
    page.wait_for_function("document.querySelectorAll('.vidlab[data-ready]').length === 2")
    for figure in page.locator(".vidlab").all():
        slider, canvas = figure.get_by_role("slider", name="frame t"), figure.locator("canvas").first
        slider.focus()
        before = canvas.evaluate(PIXELS)
        page.keyboard.press("ArrowRight")
        assert slider.input_value() == "5"
        assert canvas.evaluate(PIXELS) != before
