"""Filters in a real browser: films, cuts and energies are those of Python; keys, pointer, both themes."""

import numpy as np
import pytest
import torch
from hands import all_pixels, draw_times, expect_accessible, floats, live, pass_frames, set_to, slider

from vidlab.figures import Filters
from vidlab.figures.frame import module


def layer(s=3, o=6, t=5, c=3, h=5, w=5):
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(o, t, c, h, w, generator=generator) * torch.linspace(0.2, 2, o).view(-1, 1, 1, 1, 1)
    return torch.linspace(0.5, 2, s).view(-1, 1, 1, 1, 1, 1) * weights + 0.5 * torch.randn(
        s, o, t, c, h, w, generator=generator
    )


def figure(**options):
    return Filters(layer(**options), steps=[0, 20, 300][: options.get("s", 3)], title="First layer")


def expect_films(page, widget, filter: int, snapshot: int, t: int, *, x: int, y: int, common=None, grey=None, k=0):
    """Every canvas of figure k shows what Python says."""
    page, look = live(page, k), {"common": common, "grey": grey}
    pixels = lambda kind: np.stack(all_pixels(page.locator(f"{kind} canvas")))[..., :3]  # noqa: E731
    every = np.stack([widget.picture(each, snapshot, **look) for each in range(len(widget.names))])
    shown = np.concatenate(every) if every.shape[1] <= 4 else every[:, t]  # so few frames stand side by side
    np.testing.assert_array_equal(pixels(".cell"), shown)
    film = widget.picture(filter, snapshot, **look)
    np.testing.assert_array_equal(pixels(".strip"), film)
    np.testing.assert_array_equal(pixels(".of-t")[0], film[t])
    np.testing.assert_array_equal(pixels(".of-x")[0], film[:, :, x].transpose(1, 0, 2))
    np.testing.assert_array_equal(pixels(".of-y")[0], film[:, y])
    shares = floats(page, "el.filters.shares()")
    np.testing.assert_allclose(shares, widget.energies(filter, snapshot), atol=1e-12)
    percent = [int(text) for text in page.locator(".share").all_text_contents()]
    assert percent == pytest.approx(100 * widget.energies(filter, snapshot), abs=0.5001)
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
    widgets = [figure(), figure(c=1, t=6, h=3, w=7), figure(t=3, h=3, w=3)]  # in colour, in grey, with few frames
    page = open_widgets(*widgets)
    for k, widget in enumerate(widgets):
        np.testing.assert_allclose(
            floats(live(page, k), "el.filters.weights"), widget.weights.ravel(), rtol=1e-12, atol=1e-15
        )
        expect_films(page, widget, widget.filter, 2, widget.t, x=widget.x, y=widget.y, k=k)
        for name, value in {"training": 1, "frame t": 2, "row y": 0, "column x": 2}.items():
            set_to(page, name, value, k)
        live(page, k).get_by_role("radio").nth(4).check(force=True)
        expect_films(page, widget, 4, 1, 2, x=2, y=0, k=k)
        scale = live(page, k).get_by_role("checkbox", name="one scale for all")
        scale.set_checked(not widget.grey)
        expect_films(page, widget, 4, 1, 2, x=2, y=0, common=not widget.grey, k=k)
        set_to(page, "training", 0, k)
        expect_films(page, widget, 4, 0, 2, x=2, y=0, common=not widget.grey, k=k)
        assert slider(page, "training", k).get_attribute("aria-valuetext") == "step 0 (0–300)"


GREY = "in grey: red + green + blue"


def test_grey_and_colour(open_widgets):
    """By keyboard and by mouse; the words say which, and on which scale; a grey layer has no colour to show."""
    widgets = [figure(), figure(c=1), Filters(layer(t=3), grey=True)]
    page = open_widgets(*widgets)
    assert [live(page, k).get_by_role("checkbox", name=GREY).count() for k in range(3)] == [1, 0, 1]

    def told(k):
        return live(page, k).get_by_role("figure").get_attribute("aria-label"), live(page, k).locator(".axes").first

    (first, scale), widget = told(0), widgets[0]
    grey = live(page).get_by_role("checkbox", name=GREY)
    common = live(page).get_by_role("checkbox", name="one scale for all")
    aside = live(page).get_by_text("measured in all three colours")
    assert first == widget.alt
    assert scale.text_content() == "grey is 0, each filter on its own scale"
    assert not grey.is_checked()
    assert not aside.is_visible()
    grey.focus()
    page.keyboard.press("Space")
    assert common.is_checked()
    expect_films(page, widget, widget.filter, 2, widget.t, x=widget.x, y=widget.y, grey=True, common=True)
    most = float(f"{np.abs(widget.shown(True)).max():.2g}")
    assert scale.text_content() == f"grey is 0, white is +{most:g}, black −{most:g}"
    assert told(0)[0] == figure_alt(grey=True)
    assert aside.is_visible()
    set_to(page, "training", 1)
    set_to(page, "row y", 4)
    expect_films(page, widget, widget.filter, 1, widget.t, x=widget.x, y=4, grey=True, common=True)
    common.click()
    expect_films(page, widget, widget.filter, 1, widget.t, x=widget.x, y=4, grey=True, common=False)
    assert grey.is_checked()
    grey.click()
    expect_films(page, widget, widget.filter, 1, widget.t, x=widget.x, y=4, grey=False, common=False)
    assert told(0)[0] == first
    common.click()
    most = float(f"{np.abs(widget.weights).max():.2g}")
    assert scale.text_content() == f"grey is 0, full colour is ±{most:g}"
    for k in (1, 2):
        widget = widgets[k]
        expect_films(page, widget, widget.filter, 2, widget.t, x=widget.x, y=widget.y, k=k)
        assert told(k)[0] == widget.alt
        assert told(k)[1].text_content().startswith("grey is 0, white is +")
    assert not live(page, 1).get_by_text("measured in all three colours").is_visible()


def figure_alt(**look):
    return Filters(layer(), steps=[0, 20, 300], title="First layer", **look).alt


def test_python_may_change_the_view(open_file):
    """Each value for itself, as a trait; and nothing is sent back. A layer of one channel stays grey."""
    for channels in (3, 1):
        widget, code = figure(c=channels), module("filters.js", exports=False)
        place = {"x": widget.x, "y": widget.y}
        page = open_file(f"<!doctype html><title>live</title><style>{widget._style()}</style><main></main>")
        page.add_script_tag(content=f"window.widget = (() => {{ {code} return render; }})()")
        page.evaluate(
            """async (state) => {
              const heard = {};
              window.sent = [];
              const model = { get: (key) => state[key], set: (key, value) => { sent.push(key); state[key] = value; },
                              on: (name, call) => { heard[name] = call; }, save_changes() {} };
              window.say = (key, value) => { state[key] = value; heard[`change:${key}`](); };
              await widget({ model, el: document.querySelector("main") });
            }""",
            {**widget.state(), "alt": widget.alt},
        )
        page.wait_for_selector("[data-ready]")
        page.evaluate("say('grey', true)")
        expect_films(page, widget, widget.filter, 2, widget.t, grey=True, common=channels == 1, **place)
        page.evaluate("say('common', false)")
        expect_films(page, widget, widget.filter, 2, widget.t, grey=True, common=False, **place)
        page.evaluate("say('grey', false)")
        expect_films(page, widget, widget.filter, 2, widget.t, grey=channels == 1, common=False, **place)
        assert page.get_by_role("figure").get_attribute("aria-label") == widget.alt
        assert page.evaluate("sent") == []


def test_few_frames_stand_side_by_side(open_widgets):
    """The frames of a filter stand closer to each other than to the next one; and no weight is larger than needed."""
    page = open_widgets(Filters(layer(1, 8, 3, 3, 3, 3)))
    for width in (1920, 1280, 420):
        page.set_viewport_size({"width": width, "height": 900})
        boxes = [each.bounding_box() for each in page.locator(".cell canvas").all()]
        assert len(boxes) == 24
        assert {round(box["y"]) for box in boxes[:6]} == {round(boxes[0]["y"])}  # two filters a row
        gaps = [b["x"] - a["x"] - a["width"] for a, b in zip(boxes[:5], boxes[1:6], strict=True)]
        assert gaps[2] > 4 * max(gaps[:2] + gaps[3:]) > 0
        assert min(box["width"] for box in boxes) >= (51 if width == 420 else 84)
        assert page.locator(".view.of-t").bounding_box()["width"] <= 3 * 52 + 1
        assert page.locator("figure").bounding_box()["height"] <= (1500 if width == 420 else 870)


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
    page = open_widgets(figure(), Filters(layer(t=3, h=3, w=3), grey=True), dark=dark)
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
