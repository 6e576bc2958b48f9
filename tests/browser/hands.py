"""What the browser tests do on a page: read a canvas, find a slider, move it by its keys."""

import base64

import numpy as np
from axe_playwright_python.sync_playwright import Axe

GET_PIXELS = """(canvas) => {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  let letters = "";
  for (let i = 0; i < data.length; i += 30000) letters += String.fromCharCode(...data.subarray(i, i + 30000));
  return [height, width, btoa(letters)];
}"""


def canvas_pixels(canvas) -> np.ndarray:
    """What a canvas shows, bytes `h w 4`."""
    height, width, data = canvas.evaluate(GET_PIXELS)
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)


def slider(page, name: str, figure: int = 0):
    return page.locator(".vidlab").nth(figure).get_by_role("slider", name=name, exact=True)


def set_to(page, name: str, value: int):
    slider(page, name).focus()
    page.keyboard.press("Home")
    for _ in range(value):
        page.keyboard.press("ArrowRight")


def expect_accessible(page):
    """No rule of axe is broken, nothing is wider than the page, and each control has a name."""
    found = [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in Axe().run(page).response["violations"]]
    assert not found
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
    for control in page.locator("input, button, select").all():
        assert control.evaluate(
            "(c) => c.getAttribute('aria-label') || c.textContent || c.labels[0].textContent"
        ).strip()
