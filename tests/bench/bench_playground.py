"""How fast six networks run in a page, in real Chromium: `python tests/bench/bench_playground.py`.

window: from one more frame of the stage to the answers of all six, drawn; the median, and what 95 of 100 stay below.
With a trial pressed, every network runs twice, but for what it keeps of each frame. page: frames a second in which the
figure changed, with the stage as fast as the screen, while the pointer drags the object. Of several rounds the best is
kept, as whatever else the machine does can only slow them down. Weights are of chance: they cost what trained ones do.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import tempfile
from pathlib import Path

import torch
from playwright.sync_api import Page, sync_playwright

from vidlab.doctor import chromium
from vidlab.figures import Playground
from vidlab.tasks_playground import PLAYERS, TRIALS, Event

ARGS = "--no-sandbox --disable-quic --disable-background-networking --disable-component-update --disable-sync".split()
ROUNDS, WINDOWS, FRAMES = 3, 300, 300
TARGETS = {
    "window, median": ("ms", 33, "≤"),
    "window, p95": ("ms", 33, "≤"),
    "page, dragging": ("frames/s", 30, "≥"),
    "page, size": ("KB", 500, "≤"),
}
TIME = """(el, n) => Array.from({ length: n }, () => {
  const start = performance.now();
  el.playground.advance(1);
  return performance.now() - start;
})"""
COUNT = """(el, n) => new Promise((resolve) => {
  el.playground.setRate(1000);
  let [changed, times] = [false, []];
  new MutationObserver(() => (changed = true)).observe(el, { attributeFilter: ["data-draw-ms"] });
  const tick = (now) => {
    if (changed) times.push(now);
    changed = false;
    if (times.length < n) requestAnimationFrame(tick);
    else resolve(times.slice(1).map((time, k) => time - times[k]));
  };
  requestAnimationFrame(tick);
})"""


def measure(page: Page, trial: str) -> dict[str, float]:
    page.reload()
    page.wait_for_selector("[data-ready]")
    page.get_by_role("button", name=trial, exact=True).click()
    figure = page.locator("[data-ready]")
    figure.evaluate("(el) => el.playground.setRate(0.001)")
    figure.evaluate(TIME, 60)  # let the browser's compiler warm up, as a reader's first seconds do
    windows = sorted(figure.evaluate(TIME, WINDOWS))
    box = page.locator(".stage").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 1e5, box["y"] + 20)  # far outside: it runs and runs
    gaps = figure.evaluate(COUNT, FRAMES)
    page.mouse.up()
    return {
        "window, median": statistics.median(windows),
        "window, p95": windows[int(0.95 * len(windows))],
        "page, dragging": 1000 / statistics.median(gaps),
    }


def main() -> int:
    torch.manual_seed(0)
    widget = Playground({row.name: row.model(Event().classes, **row.options) for row in PLAYERS})
    fragment = widget.html()
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>bench</title><main><h1>bench</h1>'
    results = {}
    with sync_playwright() as p, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "playground.html"
        file.write_text(f"{head}{fragment}</main>", encoding="utf-8")
        browser = p.chromium.launch(executable_path=chromium(), args=ARGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(file.as_uri())
        for trial in TRIALS:
            rounds = [measure(page, trial) for _ in range(ROUNDS)]
            best = {name: min(each[name] for each in rounds) for name in rounds[0] if name.startswith("window")}
            best["page, dragging"] = max(each["page, dragging"] for each in rounds)
            results[trial] = best | {"page, size": len(fragment.encode()) / 1000}
        browser.close()
    macs, weights = (sum(each[k] for each in widget.costs) for k in (1, 0))
    print(f"{len(widget.names)} networks, {weights:,} weights, {macs / 1e6:.1f} million multiply–adds a window")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, best of {ROUNDS} rounds of {WINDOWS} windows")
    print(f"{'':18}{'target':>16}" + "".join(f"{name:>16}" for name in results))
    missed = 0
    for name, (unit, target, sign) in TARGETS.items():
        values = [result[name] for result in results.values()]
        good = [math.isfinite(value) and (value <= target if sign == "≤" else value >= target) for value in values]
        missed += good.count(False)
        cells = "".join(f"{value:>14.1f} {'✔' if ok else '✘'}" for value, ok in zip(values, good, strict=True))
        print(f"{name:18}{f'{sign} {target} {unit}':>16}{cells}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
