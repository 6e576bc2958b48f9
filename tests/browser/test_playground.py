"""Playground in a real browser: its networks answer as torch's, its stage is the world's, and all of it can be used."""

import numpy as np
import pytest
import torch
from hands import all_pixels, canvas_pixels, eventually, expect_accessible, live, pass_frames, resize
from of_playground import FAMILIES, random_network, random_playground

from vidlab.evaluation import as_floats
from vidlab.tasks_playground import TRIALS, Event
from vidlab.torus import World

DRAW = "(el, all) => all.map(({ actor, at, waves }) => el.playground.draw(actor, at, waves))"


def still(open_widgets, *names, **options):
    """A page on which nothing moves by itself."""
    return open_widgets(random_playground(*names), reduced_motion="reduce", **options)


def state(page) -> dict:
    return live(page).evaluate("(el) => el.playground.state()")


def advance(page, n: int):
    live(page).evaluate("(el, n) => el.playground.advance(n)", n)


def press(page, name: str):
    page.get_by_role("button", name=name, exact=True).click()


def answers_in_page(page, clip) -> np.ndarray:
    """Logits of one clip `t c h w`, a row a network."""
    numbers = clip.permute(0, 2, 3, 1).flatten().tolist()
    return np.array(live(page).evaluate("(el, x) => el.playground.run(x)", numbers))


def answers_of_torch(names, clip) -> np.ndarray:
    with torch.no_grad():
        return np.stack([random_network(name)(clip[None])[0].numpy() for name in names])


@pytest.mark.parametrize("start", range(0, len(FAMILIES), 5))
def test_the_networks_are_those_of_torch(open_widgets, start):
    names = list(FAMILIES)[start : start + 5]
    page = still(open_widgets, *names)
    chance = torch.Generator().manual_seed(start)
    clips = [torch.rand(8, 3, 32, 32, generator=chance)]
    clips += list(as_floats(Event().world.sample(2, seed=start).clip))
    seen = []
    for clip in clips:
        found, exact = answers_in_page(page, clip), answers_of_torch(names, clip)
        assert np.abs(exact).max() > 0.1
        assert np.abs(found - exact).max() < 1e-4, dict(zip(names, np.abs(found - exact).max(1), strict=True))
        seen.append(found)
    assert np.abs(seen[0] - seen[1]).max() > 1e-2  # another clip, another answer


def test_the_stage_is_that_of_the_world(open_widgets):
    """Every shape and colour, at places between the pixels and across the edges: within one level of 255."""
    page = still(open_widgets, "early")
    world = World(frames=1, noise=0.0, onset=(0, 0))
    scenes = world.sample(60, seed=4)
    asked = []
    for k in range(60):
        actor = {
            name: getattr(scenes.actors, name)[k].item() for name in ("colour", "shape", "angle", "radius", "stripes")
        }
        at = {"x": scenes.actors.x[k].item(), "y": scenes.actors.y[k].item()}
        asked.append({"actor": actor, "at": at, "waves": scenes.waves[k, 1:].tolist()})
    drawn = np.array(live(page).evaluate(DRAW, asked)).reshape(60, 32, 32, 3)
    exact = scenes.clip[:, 0].permute(0, 2, 3, 1).numpy()
    off = np.abs(drawn - exact.astype(int))
    assert off.max() <= 1
    assert (off > 0).mean() < 0.01
    assert len(scenes.label["shape"].unique()) == len(scenes.label["colour"].unique()) == 4
    away = scenes.world.size - scenes.actors.x.clamp(0, 32).numpy()
    assert (np.minimum(away, 32 - away) < 4).any()  # some stand across an edge


def test_the_noise_is_that_of_the_world(open_widgets):
    page = still(open_widgets, "early")
    empty = np.array(live(page).evaluate("(el) => el.playground.window()"))[4:].reshape(4, 32, 32, 3)
    noise = (empty - empty.mean(0)).ravel() * np.sqrt(4 / 3)  # of the mean of four, a quarter of the variance is left
    assert noise.std() == pytest.approx(0.03, rel=0.05)
    assert np.corrcoef(noise[:-1], noise[1:])[0, 1] == pytest.approx(0, abs=0.04)


def test_the_first_view_is_that_of_the_poster(open_widgets):
    """But for the noise, which each draws by itself."""
    widget = random_playground("early")
    page = still(open_widgets, "early")
    seen = np.array(live(page).evaluate("(el) => el.playground.window()")).reshape(8, 32, 32, 3)
    exact = as_floats(widget.clip[0]).permute(0, 2, 3, 1).numpy()
    assert np.abs(seen - exact).mean() < 1.5 * 0.03
    assert np.abs(np.roll(seen, 3, axis=2) - exact).mean() > 2 * 0.03


def test_what_is_kept_of_frames_is_what_would_be_computed(open_widgets):
    """After some frames the answers are those of the window as a whole, in every trial."""
    names = ["average", "single", "early", "3D", "ConvGRU", "joint"]
    page = still(open_widgets, *names)
    page.locator(".stage").focus()
    for k, trial in enumerate(TRIALS):
        press(page, trial)
        advance(page, 3 + k)
        p = np.array(state(page)["p"])
        window = live(page).evaluate("(el) => el.playground.window()")
        logits = live(page).evaluate("(el, x) => el.playground.run(x)", np.ravel(window).tolist())
        fresh = torch.tensor(logits).softmax(1).numpy()
        np.testing.assert_allclose(p[:, 0], fresh, atol=1e-6)
        if trial in ("reversed", "shuffled", "delayed"):
            assert np.abs(p[:2, 0] - p[:2, 1]).max() < 1e-9  # blind to order
            assert np.abs(p[2:, 0] - p[2:, 1]).max() > 1e-4
    assert np.abs(p[:, 0] - p[:, 1]).max() > 1e-4


def test_the_buttons_order_the_frames(open_widgets):
    page = still(open_widgets)
    orders = {
        "as it was": [0, 1, 2, 3, None, None, None, None],
        "reversed": [3, 2, 1, 0, None, None, None, None],
        "frozen": [2, 2, 2, 2, None, None, None, None],
        "delayed": [None, None, None, None, 0, 1, 2, 3],
    }
    plain = live(page).evaluate("(el) => el.playground.window()")
    for trial, order in orders.items():
        press(page, trial)
        assert state(page)["order"] == order
        pressed = page.locator(".trials button[aria-pressed=true]").all_text_contents()
        assert pressed == [trial]
        numbers = page.locator(".strip span").all_text_contents()
        assert numbers == ["empty" if k is None else str(k + 1) for k in order]
        seen = np.array(live(page).evaluate("(el) => el.playground.window()"))
        shown = np.stack(all_pixels(page.locator(".strip canvas")))[..., :3]
        assert np.array_equal(shown.reshape(8, -1), np.round(255 * seen).astype(np.uint8))
        for t, k in enumerate(order):
            if k is not None:
                assert np.array_equal(seen[t], plain[k])
        assert page.get_by_role("status").text_content() == random_playground().state()["trials"][trial]
    found = set()
    for _ in range(6):
        press(page, "shuffled")
        order = state(page)["order"]
        assert sorted(order[:4]) == [0, 1, 2, 3]
        assert order[4:] == [None] * 4
        assert order[:4] not in ([0, 1, 2, 3], [3, 2, 1, 0])
        found.add(tuple(order[:4]))
    assert len(found) > 1  # another order each time


def test_the_bars_say_what_the_networks_say(open_widgets):
    accuracy = {name: {trial: 0.1 * k for k, trial in enumerate(TRIALS)} for name in ("average", "early", "joint")}
    page = open_widgets(random_playground(accuracy=accuracy), reduced_motion="reduce")
    for trial in ("as it was", "reversed", "delayed"):
        press(page, trial)
        p = np.array(state(page)["p"])
        panels = page.locator(".panel").all()
        for panel, (now, before) in zip(panels, p, strict=True):
            values = [float(each) for each in panel.locator(".value").all_text_contents()]
            assert values == pytest.approx(now, abs=0.0051)
            marks = panel.locator(".mark").all_text_contents()
            assert [k for k, mark in enumerate(marks) if mark == "▶"] == [int(np.argmax(now))]
            widths = panel.locator(".bar").evaluate_all("(all) => all.map((bar) => parseFloat(bar.style.width))")
            assert widths == pytest.approx(100 * now, abs=0.06)
            ghosts = panel.locator(".bars .ghost").evaluate_all(
                "(all) => all.map((bar) => parseFloat(bar.style.width))"
            )
            assert ghosts == pytest.approx(100 * before, abs=0.06)
            assert panel.locator(".bars .ghost").first.is_visible() == (trial != "as it was")
            verdict = panel.locator(".verdict").text_content()
            same = np.abs(now - before).max() <= 1e-6
            changed = np.argmax(now) != np.argmax(before)
            sign = "=" if same else "≠" if changed else "≈"
            assert verdict == "" if trial == "as it was" else verdict.startswith(sign)
            share = {"as it was": "0", "reversed": "10", "delayed": "40"}[trial]
            assert panel.locator(".measured").text_content().startswith(f"{share}\u202f% right on test clips")
        right = {"as it was": "right", "reversed": "left", "delayed": "right"}[trial]
        truths = page.locator(".bars .true .name").all_text_contents()
        assert {each[1:] for each in truths} == {right}  # without the arrow: the object runs to the right
    assert page.locator(".panel[data-kind=same]").count() == 1


def test_keys_move_the_object(open_widgets):
    page = still(open_widgets)
    page.evaluate("() => { window.leaked = []; document.onkeydown = (event) => leaked.push(event.key); }")
    page.locator(".stage").focus()
    live(page).evaluate("(el) => el.playground.setRate(0.001)")  # only `advance` moves time
    for key, (heading, way) in {"ArrowLeft": (2, (-1, 0)), "ArrowDown": (1, (0, 1)), "ArrowUp": (3, (0, -1))}.items():
        before = state(page)
        page.keyboard.down(key)
        advance(page, 6)
        page.keyboard.up(key)
        after = state(page)
        assert after["headings"] == [heading] * 4
        moved = after["x"] - before["x"], after["y"] - before["y"]
        assert moved == pytest.approx([9 * each for each in way], abs=1e-9)
        assert page.locator(".doing").text_content().endswith("1.5 pixels a frame")
    advance(page, 4)
    assert state(page)["headings"] == [None] * 4
    page.keyboard.press("ArrowRight")  # a touch is long enough for a window
    advance(page, 4)
    assert state(page)["headings"] == [0] * 4
    assert page.evaluate("leaked") == []


def test_the_object_runs_after_the_pointer(open_widgets):
    page = still(open_widgets)
    live(page).evaluate("(el) => el.playground.setRate(0.001)")
    box = page.locator(".stage canvas").bounding_box()
    at = lambda x, y: (box["x"] + (x + 0.5) / 32 * box["width"], box["y"] + (y + 0.5) / 32 * box["height"])  # noqa: E731
    page.mouse.move(*at(5, 8))
    page.mouse.down()
    places = [state(page)]
    for _ in range(40):
        advance(page, 1)
        places.append(state(page))
    path = np.array([[each["x"], each["y"]] for each in places])
    steps = np.diff(path, axis=0)
    assert ((steps == 0).any(axis=1)).all()  # along rows and columns
    pace = np.abs(steps).sum(1)
    assert set(np.round(pace[(pace > 0)], 6) >= 1) == {True}
    assert pace.max() == 2
    assert np.abs(path[-1] - [5, 8]).max() < 3
    assert state(page)["headings"] == [None] * 4  # there, it rests
    runs = ""
    for k in range(30):  # after a slow hand it does not run and stop from frame to frame
        page.mouse.move(*at(6 + 0.8 * k, 8))
        x = state(page)["x"]
        advance(page, 1)
        runs += "r" if state(page)["x"] > x else " "
    assert all(len(run) >= 4 for run in runs.rstrip("r").split())
    assert runs.count("r") > 12
    page.mouse.up()
    advance(page, 20)
    page.mouse.click(*at(10, 8.2))  # without dragging
    advance(page, 5)
    assert state(page)["headings"] == [2] * 4
    advance(page, 20)
    assert state(page)["x"] == pytest.approx(10, abs=3)


def test_the_demonstration_can_be_stopped(open_widgets):
    page = open_widgets(random_playground("early"))
    button = page.get_by_role("button", name="demonstration")
    assert button.get_attribute("aria-pressed") == "true"
    x = state(page)["x"]

    def moves():
        assert state(page)["x"] > x + 3

    eventually(page, moves)
    press(page, "demonstration")

    def rests():
        assert state(page)["headings"] == [None] * 4

    eventually(page, rests)


def test_nothing_moves_for_those_who_asked_for_it(open_widgets):
    page = still(open_widgets, "early")
    before = state(page)
    picture = canvas_pixels(page.locator(".stage canvas"))
    pass_frames(page, 20)
    assert state(page) == before
    assert np.array_equal(canvas_pixels(page.locator(".stage canvas")), picture)
    assert before["headings"] == [0] * 4  # the first view is one of motion all the same
    press(page, "demonstration")

    def moves():
        assert state(page)["x"] > before["x"] + 3

    eventually(page, moves)
    press(page, "demonstration")

    def rests():
        assert state(page)["headings"] == [None] * 4

    eventually(page, rests)


def test_another_object(open_widgets):
    page = still(open_widgets)
    seen = []
    for _ in range(3):
        window = np.array(live(page).evaluate("(el) => el.playground.window()"))
        seen.append((window[4:].mean(0), window[:4].mean(0), state(page)["actor"]))
        press(page, "another object")
    for (ground, film, actor), (other_ground, other_film, other) in zip(seen, seen[1:], strict=False):
        assert actor != other
        assert np.abs(ground - other_ground).mean() > 0.05  # noise alone: 0.017
        assert np.abs((film - ground) - (other_film - other_ground)).mean() > 0.03


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_accessible(open_widgets, dark):
    accuracy = {name: dict.fromkeys(TRIALS, 0.5) for name in ("average", "early", "joint")}
    page = open_widgets(random_playground(accuracy=accuracy, title="A title"), dark=dark, reduced_motion="reduce")
    for width in (1280, 800, 400):
        resize(page, width)
        for trial in ("as it was", "delayed"):
            press(page, trial)
            expect_accessible(page)


def test_nothing_but_the_bars_moves(open_widgets):
    page = still(open_widgets)
    fixed = ".panel .head, .track, .stage, .trials button, .strip li"
    places = (
        f"() => [...document.querySelectorAll('{fixed}')]"
        + """.map((node) => {
      const r = node.getBoundingClientRect();
      return [r.x, r.y + scrollY, r.width].map(Math.round).join();
    })"""
    )
    for width in (1280, 400):
        resize(page, width)
        seen = set()
        for trial in TRIALS[1:]:
            press(page, trial)
            seen.add(tuple(page.evaluate(places)))
        assert len(seen) == 1


def test_two_figures_play_for_themselves(open_widgets):
    page = open_widgets(random_playground("early"), random_playground("early", seed=1), reduced_motion="reduce")
    page.get_by_role("button", name="delayed", exact=True).nth(1).click()
    trials = [live(page, k).evaluate("(el) => el.playground.state().trial") for k in (0, 1)]
    assert trials == ["as it was", "delayed"]
    first, second = (canvas_pixels(page.locator(".stage canvas").nth(k)) for k in (0, 1))
    assert (first != second).mean() > 0.3


def test_it_is_quick(open_widgets):
    """A loose bound; tests/bench/bench_playground.py measures."""
    page = still(open_widgets, "single", "average", "early", "3D", "ConvGRU", "joint")
    press(page, "delayed")
    times = live(page).evaluate(
        """(el) => Array.from({ length: 60 }, () => {
          const start = performance.now();
          el.playground.advance(1);
          return performance.now() - start;
        })"""
    )
    assert np.median(times[20:]) < 100
