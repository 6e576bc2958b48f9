"""How fast the widgets are, on the real clip in real Chromium: `python tests/bench/bench_widgets.py`.

Key to pixels: from the key's own time stamp to the first message after the frame in which its picture was painted.
Drag: frames per second in which the figure changed while the pointer moved. Draw: cutting and drawing alone.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

import vidlab.data
from vidlab.doctor import chromium
from vidlab.figures import ClipPlayer, SpaceTimeCube, TemporalFilter

ARGS = "--no-sandbox --disable-quic --disable-background-networking --disable-component-update --disable-sync".split()
TARGETS = {
    "key→pixels median": ("ms", 17, "≤"),
    "key→pixels p95": ("ms", 34, "≤"),
    "drag": ("frames/s", 55, "≥"),
    "draw median": ("ms", 2, "≤"),
    "page": ("KB", 500, "≤"),
    "axe violations": ("", 0, "≤"),
}
# After the frame that a key caused has been painted, a message arrives; rAF alone would run before the paint.
WATCH_KEYS = """() => {
  window.latencies = [];
  addEventListener("keydown", (event) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => latencies.push(performance.now() - event.timeStamp);
    channel.port2.postMessage(0);
  }), true);
}"""
WATCH_FRAMES = """() => {
  const root = document.querySelector("[data-ready]");
  window.frames_changed = 0;
  let changed = false;
  new MutationObserver(() => (changed = true)).observe(root, { attributes: true, subtree: true });
  const tick = () => { if (changed) frames_changed++; changed = false; requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
}"""


def measure(widget, page: Page, folder: Path) -> dict[str, float]:
    """All six figures of one widget."""
    fragment = widget.html()
    file = folder / "widget.html"
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>bench</title><main><h1>bench</h1>'
    file.write_text(f"{head}{fragment}</main>", encoding="utf-8")
    page.goto(file.as_uri())
    page.wait_for_selector("[data-ready]")
    slider = page.locator("label.slider input").first
    draw_ms = lambda: float(page.evaluate("document.querySelector('[data-ready]').dataset.drawMs"))  # noqa: E731

    slider.focus()
    page.keyboard.press("Home")
    for _ in range(30):  # let the compiler of the browser warm up, as a reader's first second does
        page.keyboard.press("ArrowRight")
    page.evaluate(WATCH_KEYS)
    draws = []
    for _ in range(100):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(5)
        draws.append(draw_ms())
    page.wait_for_timeout(100)
    latencies = sorted(page.evaluate("latencies"))

    box = slider.bounding_box() if isinstance(widget, ClipPlayer) else page.locator(".view").first.bounding_box()
    if isinstance(widget, TemporalFilter):
        box = page.locator(".editor").bounding_box()
    page.evaluate(WATCH_FRAMES)
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 5, middle)
    page.mouse.down()
    start = page.evaluate("performance.now()")
    moves = 400
    for i in range(moves):
        across = abs(((i / 40) % 2) - 1) * 0.9 + 0.05
        down = 0 if isinstance(widget, ClipPlayer) else (0.1 + 0.2 * across) * box["height"]
        page.mouse.move(box["x"] + across * box["width"], middle + down)
        if i % 20 == 0:
            draws.append(draw_ms())
    seconds = (page.evaluate("performance.now()") - start) / 1000
    page.mouse.up()

    axe = len(Axe().run(page).response["violations"])
    return {
        "key→pixels median": statistics.median(latencies),
        "key→pixels p95": latencies[int(0.95 * len(latencies))],
        "drag": page.evaluate("frames_changed") / seconds,
        "draw median": statistics.median(draws),
        "page": len(fragment.encode()) / 1000,
        "axe violations": axe,
    }


def main() -> int:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()
    clip = vidlab.data.walker(size=248)
    widgets = {
        "SpaceTimeCube": SpaceTimeCube(clip),
        "ClipPlayer": ClipPlayer({"forwards": clip, "backwards": clip.frames.flip(0)}, fps=clip.fps),
        "TemporalFilter": TemporalFilter(clip),
    }
    with sync_playwright() as p, tempfile.TemporaryDirectory() as folder:
        browser = p.chromium.launch(executable_path=chromium(), args=ARGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        results = {name: measure(widget, page, Path(folder)) for name, widget in widgets.items()}
        browser.close()
    print(f"{'':20}{'target':>16}" + "".join(f"{name:>18}" for name in results))
    missed = 0
    for name, (unit, target, sign) in TARGETS.items():
        values = [result[name] for result in results.values()]
        good = [value <= target if sign == "≤" else value >= target for value in values]
        missed += good.count(False)
        cells = "".join(f"{value:>16.1f} {'✔' if ok else '✘'}" for value, ok in zip(values, good, strict=True))
        print(f"{name:20}{f'{sign} {target} {unit}':>16}{cells}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
