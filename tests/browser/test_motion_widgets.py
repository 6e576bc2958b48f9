"""HornSchunck and Tracks in a file, with no network: what is drawn against the numbers, keys, names, both themes."""

import json
import math
from time import monotonic
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hands import GET_PIXELS, PATIENCE, canvas_pixels, expect_accessible, expect_quick, resize, set_to, slider, unpacked

from vidlab import flow, worlds
from vidlab.figures import HornSchunck, Tracks, frame

# What a page with a kernel is: values that both sides may change, and a message for each change.
KERNEL = """<div id="figure"></div><script>(() => {{
{script}
const state = {state}, heard = {{}};
let changed = {{}};
const put = (key, value) => {{ state[key] = value; (heard[`change:${{key}}`] ?? []).forEach((hear) => hear()); }};
const model = {{
  get: (key) => state[key],
  set: (key, value) => {{ if (state[key] !== value) {{ changed[key] = value; put(key, value); }} }},
  on: (name, hear) => (heard[name] ??= []).push(hear),
  off() {{}},
  save_changes: async () => {{
    const news = changed;
    changed = {{}};
    if ("smoothness" in news) put("computed", JSON.parse(await ask(news.smoothness)));
  }},
}};
window.put = put;
render({{ model, el: document.getElementById("figure") }});
}})()</script>"""


def pixels(page, k: int) -> np.ndarray:
    """What canvas k shows, `h w 4`."""
    return canvas_pixels(page.locator(".vidlab canvas").nth(k))


# How often the words of an element change in a second.
CHANGES = """async (selector) => {
  let changes = 0;
  const watch = new MutationObserver(() => changes++);
  watch.observe(document.querySelector(selector), { childList: true, characterData: true, subtree: true });
  await new Promise((done) => setTimeout(done, 1000));
  return changes;
}"""
TILE = f"(tile) => [tile.querySelector('b').textContent, ({GET_PIXELS})([tile.querySelector('canvas')])]"


def tile(page) -> tuple[str, np.ndarray]:
    """(what the first picture is called, what it shows), looked at in one moment: it may blink."""
    words, found = page.locator(".tile").first.evaluate(TILE)
    return words, unpacked(found)[0][..., :3]


def pair(size=24):
    sample = worlds.moving_object((1.0, 0.5), frames=2, size=size, seed=3)
    return sample.clip[0, 0], sample.clip[0, 1], sample.flow[0, 0]


def solver(iterations=20, **how):
    first, second, truth = pair()
    return HornSchunck(first, second, truth=truth, iterations=iterations, **how)


def in_colour(field: torch.Tensor, largest: float) -> np.ndarray:
    """One flow `1 2 h w` -> the bytes that a page must show, `h w 3`."""
    return (flow.colorize(field, largest)[0] * 255).round().byte().permute(1, 2, 0).numpy()


def image(tensor: torch.Tensor) -> np.ndarray:
    return (tensor * 255).round().byte().permute(1, 2, 0).numpy()


def noise(t=12, h=30, w=40, seed=0):
    return torch.randint(0, 256, (t, 3, h, w), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def five_points(frames=12):
    """Far from each other: right, down, still, up until it dies in frame 6, and left from frame 4 on."""
    t, still = torch.arange(float(frames)), torch.zeros(frames)
    x = torch.stack([2 + t, still + 34, still + 20, still + 10, 30 - t], dim=1)
    y = torch.stack([still + 3, 4 + 2 * t, still + 15, 26 - t, still + 10], dim=1)
    alive = torch.ones(frames, 5, dtype=torch.bool)
    alive[6:, 3] = False
    alive[:4, 4] = False
    return SimpleNamespace(points=torch.stack([x, y], dim=-1), alive=alive)


# --- HornSchunck ---


def test_the_flow_is_that_of_torch(open_widgets):
    widget, (first, second, truth) = solver(), pair()
    page = open_widgets(widget)
    np.testing.assert_array_equal(pixels(page, 0)[..., :3], image(first))
    np.testing.assert_array_equal(pixels(page, 2)[..., :3], in_colour(truth[None], widget.largest))
    for i, smoothness in enumerate([1e-5, 1e-4, 1e-3, 1e-2, 1e-1]):
        set_to(page, "smoothness λ", i)
        assert float(slider(page, "smoothness λ").get_attribute("aria-valuetext")) == smoothness
        for k, stop in ((0, 0), (3, 4), (6, 20)):
            set_to(page, "iteration", k)
            exact = flow.horn_schunck_1981(first[None], second[None], smoothness=smoothness, iterations=stop)
            shown = pixels(page, 1)[..., :3].astype(int)
            assert np.abs(shown - in_colour(exact, widget.largest)).max() <= 1  # the stack was rounded on its way
            page.get_by_text(f"{float((exact - truth).norm(dim=1).mean()):.3f} px", exact=True).wait_for()
            page.get_by_text(f"flow, iteration {stop}", exact=True).wait_for()


def test_the_dot_stands_on_the_curve(open_widgets):
    widget = solver()
    page = open_widgets(widget)
    count = len(widget.stops)
    energies, errors = np.log(np.array(widget.energies)), np.array(widget.errors)
    heights = [(energies - energies.min()) / np.ptp(energies), errors / errors.max()]
    for i, k in [(0, 0), (2, 3), (4, 6), (4, 1)]:
        set_to(page, "smoothness λ", i)
        set_to(page, "iteration", k)
        for plot, height in enumerate(heights):
            run = page.locator(".run").nth(plot)
            left, top = run.locator(".dot").evaluate("(dot) => [dot.style.left, dot.style.top].map(parseFloat)")
            assert left == pytest.approx(100 * (k + 0.5) / count, abs=0.01)
            assert top == pytest.approx(100 * (0.06 + 0.88 * (1 - height[i, k])), abs=0.01)
            x, y = run.locator(".chosen").get_attribute("points").split(" ")[k].split(",")
            assert (int(x), int(y)) == pytest.approx((10 * left, 4 * top), abs=1)
            assert float(run.locator(".now").get_attribute("x1")) == pytest.approx(10 * left, abs=1)
    share = 100 * widget.energies[4][1] / widget.energies[4][0]
    page.get_by_text(f"{share:.1f} % of start").wait_for()


def test_keys_and_buttons_of_the_solver(open_widgets):
    first, second, _ = pair()
    page = open_widgets(solver())
    page.evaluate("() => { window.leaked = []; document.onkeydown = (event) => leaked.push(event.key); }")
    time = slider(page, "iteration")
    time.focus()
    for key, k in {"Home": 0, "ArrowRight": 1, "ArrowUp": 2, "ArrowLeft": 1, "End": 6}.items():
        page.keyboard.press(key)
        assert time.input_value() == str(k)
    assert time.get_attribute("aria-valuetext") == "20 of 20"
    page.keyboard.press(" ")  # from the end it plays from the start
    page.get_by_role("button", name="Pause").wait_for()
    page.wait_for_function("['0', '1', '2'].includes(document.querySelector('.slider input').value)")
    page.keyboard.press(" ")
    assert page.evaluate("leaked") == []
    page.get_by_role("button", name="Other frame").press("Enter")
    np.testing.assert_array_equal(pixels(page, 0)[..., :3], image(second))
    page.get_by_text("second frame", exact=True).wait_for()
    blink = page.get_by_role("button", name="Blink frames")
    blink.press("Enter")
    assert blink.get_attribute("aria-pressed") == "true"
    frames, seen, end = {"first frame": image(first), "second frame": image(second)}, set(), monotonic() + PATIENCE
    while len(seen) < 2 and monotonic() < end:
        words, shown = tile(page)
        np.testing.assert_array_equal(shown, frames[words])
        seen.add(words)
        page.wait_for_timeout(37)
    assert seen == frames.keys()
    blink.press("Enter")
    assert page.evaluate(CHANGES, ".tile b") == 0
    box = page.locator(".run").first.bounding_box()
    page.mouse.click(box["x"] + 2.5 / 7 * box["width"], box["y"] + 20)
    assert time.input_value() == "2"


def test_a_kernel_answers_for_any_smoothness(open_file):
    widget, (first, second, truth) = solver(), pair()
    asked, run = [], widget._run
    widget._run = lambda smoothness: (asked.append(smoothness), run(smoothness))[1]
    live = widget.live()

    def ask(smoothness: float) -> str:
        live.smoothness = smoothness
        return json.dumps(live.computed)

    state = {name: getattr(live, name) for name in (*widget.state(), "alt")}
    page = open_file("<!doctype html><title>kernel</title>")
    page.expose_function("ask", ask)
    figure = KERNEL.format(script=frame.module("horn_schunck.js", exports=False), state=json.dumps(state))
    page.set_content(f"<!doctype html><style>{live._css}</style>{figure}")
    page.locator("[data-ready]").wait_for()

    def expect(smoothness: float):
        page.wait_for_function(
            f"document.querySelectorAll('.slider input')[1].getAttribute('aria-valuetext') === '{smoothness}'"
        )
        exact = flow.horn_schunck_1981(first[None], second[None], smoothness=smoothness, iterations=20)
        page.get_by_text(f"{float((exact - truth).norm(dim=1).mean()):.3f} px", exact=True).wait_for()
        assert np.abs(pixels(page, 1)[..., :3].astype(int) - in_colour(exact, widget.largest)).max() <= 1

    expect(0.001)
    assert asked == []
    slider(page, "smoothness λ").focus()
    page.keyboard.press("ArrowRight")
    expect(0.00126)
    page.keyboard.press("ArrowLeft")
    expect(0.001)
    page.keyboard.press("ArrowRight")
    expect(0.00126)
    assert asked == [0.00126]  # what was answered is kept
    for _ in range(4):
        page.keyboard.press("ArrowRight")  # faster than the answers come
    expect(0.00316)
    assert asked[0] == 0.00126
    assert asked[-1] == 0.00316
    assert len(asked) <= 5
    page.evaluate("put('smoothness', 0.01)")  # Python sets it
    expect(0.01)
    page.evaluate("put('iteration', 4)")
    page.get_by_text("flow, iteration 4", exact=True).wait_for()


# --- Tracks ---


def colour_at(sheet: np.ndarray, x: float, y: float, source=(30, 40)) -> tuple[int, ...]:
    """The colour of the drawn sheet at a place of the clip."""
    h, w = sheet.shape[:2]
    return tuple(sheet[int((y + 0.5) * h / source[0]), int((x + 0.5) * w / source[1])].tolist())


def rgb(name: str) -> tuple[int, ...]:
    return (*(int(name[i : i + 2], 16) for i in (1, 3, 5)), 255)


@pytest.mark.parametrize("sharpness", [1, 2])
def test_points_are_drawn_where_they_are(open_widgets, sharpness):
    clip, given = noise(), five_points()
    widget = Tracks(clip, given)
    page = open_widgets(widget, device_scale_factor=sharpness)
    page.get_by_role("checkbox", name="tails").uncheck()
    shown = page.locator(".view").bounding_box()
    for t in (0, 5, 11):
        set_to(page, "frame t", t)
        np.testing.assert_array_equal(pixels(page, 0)[..., :3], clip[t].permute(1, 2, 0))
        sheet = pixels(page, 1)
        assert sheet.shape[1] == pytest.approx(sharpness * shown["width"], abs=1)
        zoom = sheet.shape[1] / 40
        rows, columns = np.nonzero(sheet[..., 3])
        near = np.full(len(rows), np.inf)
        for i in torch.nonzero(given.alive[t]).flatten().tolist():
            x, y = given.points[t, i].tolist()
            wanted = {0: widget.directions[0], 1: widget.directions[6], 2: "#c8c8c8", 3: widget.directions[18]}
            assert colour_at(sheet, x, y) == rgb(wanted.get(i, widget.directions[12]))
            off = np.hypot(columns + 0.5 - (x + 0.5) * zoom, rows + 0.5 - (y + 0.5) * zoom)
            mine = off < 8 * sharpness
            assert mine.sum() > 40 * sharpness**2
            assert abs((columns[mine] + 0.5).mean() - (x + 0.5) * zoom) < 0.6  # the middle of the dot
            assert abs((rows[mine] + 0.5).mean() - (y + 0.5) * zoom) < 0.6
            near = np.minimum(near, off)
        for i in torch.nonzero(~given.alive[t]).flatten().tolist():  # what is left of the dead
            x, y = given.points[5 if i == 3 else t, i].tolist()
            if i == 3:
                near = np.minimum(near, np.hypot(columns - (x + 0.5) * zoom, rows - (y + 0.5) * zoom))
        assert near.max() < 6.5 * sharpness, "nothing is drawn elsewhere"


def test_tails_are_where_the_points_were(open_widgets):
    page = open_widgets(Tracks(noise(), five_points(), t=10, tail=6))
    page.get_by_role("checkbox", name="points").uncheck()

    def seen(x, y):
        return colour_at(pixels(page, 1), x, y)[3] > 0

    # point 0 is at (12, 3) and was at (6, 3) six frames ago
    assert [seen(x, 3) for x in (4, 5, 7, 9, 11, 14)] == [False, False, True, True, True, False]
    set_to(page, "tail", 3)
    assert [seen(x, 3) for x in (4, 5, 7, 8, 10, 11)] == [False, False, False, False, True, True]
    assert slider(page, "tail").get_attribute("aria-valuetext") == "3 frames"
    set_to(page, "tail", 12)
    assert [seen(x, 10) for x in (27, 25, 21)] == [False, True, True]  # point 4 was born in frame 4, at (26, 10)
    page.get_by_role("checkbox", name="tails").uncheck()
    assert not pixels(page, 1).any()


def test_the_dead_fade(open_widgets):
    page = open_widgets(Tracks(noise(), five_points(), t=5, tail=0))
    strength = []
    for t in (6, 8, 11):
        set_to(page, "frame t", t)
        sheet = pixels(page, 1)
        zoom = sheet.shape[1] / 40
        x, y = round(10.5 * zoom), round(21.5 * zoom)  # last alive in frame 5, at (10, 21)
        strength.append(int(sheet[y - 8 : y + 8, x - 8 : x + 8, 3].max()))
        assert sheet[y, x, 3] == 0  # a ring
    assert 255 > strength[0] > strength[1] > strength[2] > 0


def test_the_readout(open_widgets):
    page = open_widgets(Tracks(noise(), five_points(), t=3))
    page.get_by_text("4 of 5 alive · mean speed 1.00 px/frame", exact=True).wait_for()  # (1 + 2 + 0 + 1) / 4
    for t, words in {
        0: "4 of 5 alive",
        5: "5 of 5 alive · mean speed 1.00 px/frame",
        6: "4 of 5 alive · mean speed 1.00 px/frame",
    }.items():
        set_to(page, "frame t", t)
        page.get_by_text(words, exact=True).wait_for()
        page.get_by_text(f"frame {t}", exact=True).wait_for()


def test_colour_by_speed(open_widgets):
    given = five_points()
    widget = Tracks(noise(), given, t=5)
    page = open_widgets(widget)
    page.get_by_role("combobox", name="colour").select_option("speed")
    page.get_by_role("checkbox", name="tails").uncheck()
    page.get_by_text(f"{widget.top:g} px/frame", exact=False).last.wait_for()
    for i, speed in enumerate([1, 2, 0, 1, 1]):
        wanted = widget.ramp[min(11, math.floor(speed / widget.top * 12))]
        assert colour_at(pixels(page, 1), *given.points[5, i].tolist()) == rgb(wanted)


def test_keys_of_the_film(open_widgets):
    page = open_widgets(Tracks(noise(), five_points(), t=0), reduced_motion="reduce")
    page.evaluate("() => { window.leaked = []; document.onkeydown = (event) => leaked.push(event.key); }")
    time = slider(page, "frame t")
    time.focus()
    for key, t in {"End": 11, "ArrowLeft": 10, "Home": 0}.items():
        page.keyboard.press(key)
        assert time.input_value() == str(t)
    page.wait_for_timeout(250)
    assert time.input_value() == "0"  # nothing moves by itself
    page.keyboard.press(" ")
    page.wait_for_function("document.querySelector('.slider.t input').value === '11'")
    page.get_by_role("button", name="Play").wait_for()  # once through, then still
    page.keyboard.press("Tab")
    assert slider(page, "tail").evaluate("(tail) => tail === document.activeElement")
    points = page.get_by_role("checkbox", name="points")
    points.press(" ")
    assert not points.is_checked()
    assert page.evaluate("leaked") == ["Tab"]


def test_the_sheet_follows_the_page(open_widgets):
    page = open_widgets(Tracks(noise(), five_points(), t=5))
    page.get_by_role("checkbox", name="tails").uncheck()
    wide = pixels(page, 1).shape[1]
    resize(page, 380, 700)
    page.wait_for_function(
        "Math.abs(document.querySelector('.over').width - document.querySelector('.view').clientWidth) < 1.5"
    )
    assert pixels(page, 1).shape[1] < wide
    x, y = five_points().points[5, 0].tolist()
    assert colour_at(pixels(page, 1), x, y) == (255, 0, 0, 255)


# --- both ---


def everything():
    return [solver(title="A disk"), Tracks(noise(), five_points(), title="Points")]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 420])
def test_accessible(open_widgets, dark, width):
    page = open_widgets(*everything(), dark=dark, viewport={"width": width, "height": 900})
    expect_accessible(page)


def test_drawing_is_quick(open_widgets):
    generator = torch.Generator().manual_seed(0)
    points = 100 * torch.rand(1, 200, 2, generator=generator) + torch.randn(40, 200, 2, generator=generator).cumsum(0)
    many = SimpleNamespace(points=points, alive=torch.ones(40, 200, dtype=torch.bool))
    for widget in (solver(), Tracks(noise(40, 90, 120), many)):
        page = open_widgets(widget)
        page.locator("label.slider input").first.focus()
        expect_quick(page, 20 * ["ArrowLeft", "ArrowRight"], 4, drawn=39)  # half of it on a quiet machine
