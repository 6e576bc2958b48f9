"""Filters in a real browser: films, cuts and energies are those of Python; keys, pointer, both themes."""

import numpy as np
import pytest
import torch
from hands import all_pixels, draw_times, expect_accessible, floats, live, pass_frames, set_to, slider

from vidlab.figures import Filters


def layer(s=3, o=6, t=5, c=3, h=5, w=5):
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(o, t, c, h, w, generator=generator) * torch.linspace(0.2, 2, o).view(-1, 1, 1, 1, 1)
    return torch.linspace(0.5, 2, s).view(-1, 1, 1, 1, 1, 1) * weights + 0.5 * torch.randn(
        s, o, t, c, h, w, generator=generator
    )


def figure(**options):
    return Filters(layer(**options), steps=[0, 20, 300][: options.get("s", 3)], title="First layer")


def expect_films(page, widget, filter: int, snapshot: int, t: int, *, x: int, y: int, common=False, k: int = 0):
    """Every canvas of figure k shows what Python says."""
    page = live(page, k)
    pixels = lambda kind: np.stack(all_pixels(page.locator(f"{kind} canvas")))[..., :3]  # noqa: E731
    every = [widget.picture(each, snapshot, common=common)[t] for each in range(len(widget.names))]
    np.testing.assert_array_equal(pixels(".cell"), every)
    film = widget.picture(filter, snapshot, common=common)
    np.testing.assert_array_equal(pixels(".strip"), film)
    np.testing.assert_array_equal(pixels(".of-t")[0], film[t])
    np.testing.assert_array_equal(pixels(".of-x")[0], film[:, :, x].transpose(1, 0, 2))
    np.testing.assert_array_equal(pixels(".of-y")[0], film[:, y])
    shares = floats(page, "el.filters.shares()")
    np.testing.assert_allclose(shares, widget.energies(filter, snapshot), atol=1e-12)
    shown = [int(text) for text in page.locator(".share").all_text_contents()]
    assert shown == pytest.approx(100 * widget.energies(filter, snapshot), abs=0.5001)
    bars = page.locator(".energy .bar").evaluate_all("(all) => all.map((bar) => bar.getBoundingClientRect().height)")
    assert bars == pytest.approx(48 * np.array(shares) / max(shares), abs=0.6)
    motion, change = widget.motions[snapshot][filter], widget.changes[snapshot, filter]
    assert page.locator(".verdict").text_content() == motion.words
    said = page.locator("dd").all_text_contents()
    assert [int(text.split()[0]) for text in said[:2]] == pytest.approx(
        [100 * motion.separable, 100 * motion.static], abs=0.51
    )
    assert float(said[2]) == pytest.approx(motion.index, abs=0.0051)
    assert int(said[3].split()[0]) == pytest.approx(100 * change, abs=0.51)


def test_all_that_is_drawn_is_that_of_python(open_widgets):
    widgets = [figure(), figure(c=1, t=4, h=3, w=7)]  # in colour, in grey
    page = open_widgets(*widgets)
    for k, widget in enumerate(widgets):
        np.testing.assert_allclose(
            floats(live(page, k), "el.filters.weights"), widget.weights.ravel(), rtol=1e-12, atol=1e-15
        )
        expect_films(page, widget, widget.filter, 2, widget.t, x=widget.x, y=widget.y, k=k)
        for name, value in {"training": 1, "frame t": 3, "row y": 0, "column x": 2}.items():
            set_to(page, name, value, k)
        live(page, k).get_by_role("radio").nth(4).check(force=True)
        expect_films(page, widget, 4, 1, 3, x=2, y=0, k=k)
        live(page, k).get_by_role("checkbox").check()
        expect_films(page, widget, 4, 1, 3, x=2, y=0, common=True, k=k)
        set_to(page, "training", 0, k)
        expect_films(page, widget, 4, 0, 3, x=2, y=0, common=True, k=k)
        assert slider(page, "training", k).get_attribute("aria-valuetext") == "step 0 (0–300)"


def test_filters_are_walked_by_keys(open_widgets):
    widget = figure()
    page = open_widgets(widget)
    page.evaluate("() => { window.leaked = []; document.onkeydown = (event) => leaked.push(event.key); }")
    chosen = lambda: page.locator(".cell input").evaluate_all("(all) => all.findIndex((each) => each.checked)")  # noqa: E731
    page.get_by_role("radio").nth(0).check(force=True)
    for key, at in [("ArrowRight", 1), ("ArrowDown", 4), ("ArrowDown", 4), ("ArrowLeft", 3), ("ArrowUp", 0)]:
        page.keyboard.press(key)
        assert chosen() == at, key
        assert page.locator(".told b").text_content() == f"filter {at}"
    set_to(page, "frame t", 2)
    assert page.evaluate("leaked") == []


def test_pictures_are_pressed_to_choose(open_widgets):
    widget = figure()
    page = open_widgets(widget)

    def press(view, fx, fy):
        page.locator(view).scroll_into_view_if_needed()
        box = page.locator(view).bounding_box()
        page.mouse.click(box["x"] + fx * box["width"], box["y"] + fy * box["height"])

    value = lambda name: int(slider(page, name).input_value())  # noqa: E731
    page.locator(".cell").nth(5).click()
    press(".view.of-t", 0.1, 0.9)
    assert (value("column x"), value("row y"), value("frame t")) == (0, 4, 2)
    press(".view.of-x", 0.9, 0.5)
    assert (value("row y"), value("frame t")) == (2, 4)
    press(".view.of-y", 0.7, 0.3)
    assert (value("column x"), value("frame t")) == (3, 1)
    press(".strip", 0.5, 0.1)
    assert value("frame t") == 2
    expect_films(page, widget, 5, 2, 2, x=3, y=2)
    # the lines lie on the pixels that they name, and the cut beside the frame shares its rows
    frame, beside, below = (page.locator(f".view.{kind}").bounding_box() for kind in ("of-t", "of-x", "of-y"))
    assert (frame["y"], frame["height"]) == pytest.approx((beside["y"], beside["height"]), abs=1)
    assert (frame["x"], frame["width"]) == pytest.approx((below["x"], below["width"]), abs=1)
    assert below["height"] == pytest.approx(beside["width"], abs=1)
    for kind, line, size, share in [
        ("of-t", "down", "width", 3.5),
        ("of-x", "down", "width", 2.5),
        ("of-y", "across", "height", 2.5),
    ]:
        box, mark = (page.locator(f".view.{kind}{part}").bounding_box() for part in ("", f" .{line}"))
        side = "x" if size == "width" else "y"
        assert mark[side] + 1 - box[side] == pytest.approx(share / 5 * box[size], abs=1.1)


def test_it_plays_only_when_asked(open_widgets):
    page = open_widgets(Filters(layer(), fps=60))
    before = slider(page, "frame t").input_value()
    pass_frames(page, 10)
    assert slider(page, "frame t").input_value() == before
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(f"document.querySelector('.slider.t input').value !== '{before}'")
    page.get_by_role("button", name="Pause").click()


def test_one_snapshot_has_no_training(open_widgets):
    page = open_widgets(Filters(layer()[0]))
    assert slider(page, "training").count() == 0
    assert page.locator("dd").count() == 3


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_accessible(open_widgets, dark):
    page = open_widgets(figure(), dark=dark)
    for width in (1280, 420):
        page.set_viewport_size({"width": width, "height": 900})
        expect_accessible(page)


def test_nothing_sticks_out(open_widgets):
    many = Filters(layer(1, 12, 16, 3, 3, 3), names=[f"a rather long name {k}" for k in range(12)])
    page = open_widgets(figure(), many)
    ends = "(all) => Math.max(...all.map((e) => e.getBoundingClientRect().right))"
    for width in (1280, 700, 400):
        page.set_viewport_size({"width": width, "height": 900})
        right = page.locator("main").evaluate("(e) => e.getBoundingClientRect().right")
        assert page.locator(".filters *").evaluate_all(ends) <= right


def test_drawing_is_quick(open_widgets):
    page = open_widgets(Filters(layer(3, 32, 16, 3, 7, 7)))
    for name in ("training", "frame t", "column x"):
        slider(page, name).focus()
        times = draw_times(page, 12 * ["ArrowLeft", "ArrowRight"])
        assert len(times) >= 23, name
        assert np.median(times[6:]) < 6, name  # a third of it on a quiet machine
