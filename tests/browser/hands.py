"""What the browser tests do on a page: read a canvas, find a slider, move it by its keys, wait for what takes time."""

import base64
from time import monotonic

import numpy as np
from axe_playwright_python.sync_playwright import Axe

PATIENCE = 60  # seconds for what comes sooner or later: far more than is needed, a machine may stand still for a while
PACK = """const pack = (bytes) => {
  let letters = "";
  for (let i = 0; i < bytes.length; i += 30000) letters += String.fromCharCode(...bytes.subarray(i, i + 30000));
  return btoa(letters);
};"""
GET_PIXELS = (
    f"(canvases) => {{ {PACK} "
    """return canvases.map((canvas) => {
      const { width, height } = canvas;
      return [height, width, pack(canvas.getContext("2d").getImageData(0, 0, width, height).data)];
    }); }"""
)


def all_pixels(canvases) -> list[np.ndarray]:
    """What each canvas of a locator shows, bytes `h w 4`."""
    return unpacked(canvases.evaluate_all(GET_PIXELS))


def unpacked(found: list) -> list[np.ndarray]:
    """The answers of GET_PIXELS as arrays."""
    return [np.frombuffer(base64.b64decode(data), np.uint8).reshape(h, w, 4) for h, w, data in found]


def canvas_pixels(canvas) -> np.ndarray:
    """What a canvas shows, bytes `h w 4`."""
    (pixels,) = all_pixels(canvas)
    return pixels


def floats(element, expression: str) -> np.ndarray:
    """The numbers that an expression of `el` gives, float64."""
    script = f"(el) => {{ {PACK} return pack(new Uint8Array(Float64Array.from({expression}).buffer)); }}"
    return np.frombuffer(base64.b64decode(element.evaluate(script)))


def live(page, figure: int = 0):
    """The element of a figure, on which a widget leaves what is for tests."""
    return page.locator("[data-ready]").nth(figure)


def eventually(page, claim, seconds: float = PATIENCE):
    """Make a claim (a function that asserts) again and again until it holds; in the end it fails as it is."""
    end = monotonic() + seconds
    while True:
        try:
            return claim()
        except AssertionError:
            if monotonic() > end:
                raise
        page.wait_for_timeout(37)


def resize(page, width: int, height: int = 900):
    """Another size of the window, and two frames in which the page takes it over."""
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_function(f"innerWidth === {width} && innerHeight === {height}")
    pass_frames(page, 2)


def pass_frames(page, count: int):
    """Wait for so many animation frames."""
    page.evaluate("async (n) => { while (n--) await new Promise(requestAnimationFrame); }", count)


def draw_times(page, keys: list[str]) -> list[float]:
    """Press keys, and return the milliseconds of all drawing that this caused."""
    page.evaluate("""() => {
      const el = document.querySelector("[data-ready]");
      window.watch?.disconnect();
      window.drawn = [];
      window.watch = new MutationObserver((all) => all.forEach(() => drawn.push(Number(el.dataset.drawMs))));
      watch.observe(el, { attributeFilter: ["data-draw-ms"] });
    }""")
    for key in keys:
        page.keyboard.press(key)
    return page.evaluate("drawn")


def expect_quick(page, keys: list[str], limit: float, *, drawn: int, rounds: int = 6) -> list[float]:
    """These keys cause at least `drawn` drawings, and half of them take less than `limit` ms. Returns these times.

    In some round: a page that draws slowly does so in each, a machine that was busy with something else does not.
    """
    medians = []
    for _ in range(rounds):
        times = draw_times(page, keys)
        assert len(times) >= drawn
        medians.append(float(np.median(times[len(times) // 4 :])))  # the first ones warm up
        if medians[-1] < limit:
            return times
        page.wait_for_timeout(1000)
    raise AssertionError(f"drawing takes {medians} ms, wanted: less than {limit}")


def slider(page, name: str, figure: int = 0):
    return page.locator(".vidlab").nth(figure).get_by_role("slider", name=name, exact=True)


def set_to(page, name: str, value: int, figure: int = 0):
    slider(page, name, figure).focus()
    page.keyboard.press("Home")
    for _ in range(value):
        page.keyboard.press("ArrowRight")


def expect_accessible(page):
    """No rule of axe is broken, nothing is wider than the page, and each control has a name."""
    found = [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in Axe().run(page).response["violations"]]
    assert not found
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
    named = "(c) => (c.getAttribute('aria-label') || c.textContent || c.labels[0]?.textContent || '').trim()"
    nameless = f"(all) => all.filter((c) => !({named})(c)).map((c) => c.outerHTML)"
    assert page.locator("input, button, select").evaluate_all(nameless) == []
