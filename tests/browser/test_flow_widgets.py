"""ConstraintLine and FlowField in a real browser: drawn is what Python computes; pointer, keys, both themes."""

import re

import numpy as np
import pytest
import torch
from hands import GET_PIXELS, canvas_pixels, eventually, expect_accessible, expect_quick, set_to, slider, unpacked

from vidlab.figures import ConstraintLine, FlowField
from vidlab.figures.constraint_line import FLOOR, LARGE
from vidlab.flow import colorize
from vidlab.worlds import moving_object, moving_texture, rotation


def pixels(page, k: int, figure: int = 0) -> np.ndarray:
    """What canvas k shows, `h w 3`."""
    return canvas_pixels(page.locator(".vidlab").nth(figure).locator("canvas").nth(k))[..., :3]


def press(page, view, fx: float, fy: float):
    box = view.bounding_box()
    page.mouse.click(box["x"] + fx * box["width"], box["y"] + fy * box["height"])


def alpha(canvas) -> np.ndarray:
    """How opaque each pixel is, `h w`."""
    return canvas_pixels(canvas)[..., 3].astype(float)


def points(path: str) -> np.ndarray:
    """The numbers of a path as (u, v), in pixels per frame."""
    return np.array(re.findall(r"-?[\d.]+", path), float).reshape(-1, 2) / 1000


def part(page, kind: str):
    return page.locator(f".plot {kind}").first


def turning(size=48):
    """first, second `c h w` and the true flow `2 h w`: every pixel moves in another way."""
    sample = moving_texture(rotation(2.0, frames=2, centre=(20.0, 30.0)), size=size, seed=4)
    return sample.clip[0, 0], sample.clip[0, 1], sample.flow[0, 0]


def passing(size=60):
    sample = moving_object((2.0, 1.0), frames=2, size=size, seed=1)
    return sample.clip[0, 0], sample.clip[0, 1], sample.flow[0, 0]


def line_figure(**options):
    first, second, truth = turning()
    return ConstraintLine(first, second, truth=truth, title="Lines", **options), truth


@pytest.mark.parametrize(("x", "y", "r"), [(20, 9, 0), (31, 30, 3), (40, 8, 6), (2, 45, 12), (24, 24, 12)])
def test_the_drawn_plane_is_that_of_python(open_widgets, x, y, r):
    widget, truth = line_figure(x=x, y=y, aperture=r)
    page = open_widgets(widget)
    expected = widget.answer(x, y, r)
    shown = page.evaluate("document.querySelector('[data-ready]').answer()")
    assert shown["eigenvalues"] == pytest.approx([expected.small, expected.large], rel=1e-9, abs=1e-15)
    assert shown["normal"] == pytest.approx(expected.normal, rel=1e-9)
    assert shown["n"] == widget._window(widget.slopes[0], x, y, r).size

    I_x, I_y, I_t = widget.slopes[:, y, x]
    ends = points(part(page, ".this").get_attribute("d"))
    assert np.abs(ends @ [I_x, I_y] + I_t).max() < 0.001 * np.hypot(I_x, I_y)
    assert np.hypot(*(ends[0] - ends[1])) > 2 * widget.reach  # across the whole plane
    arrow = points(part(page, ".normal").get_attribute("d"))
    assert arrow[0] == pytest.approx([0, 0])
    assert arrow[1] == pytest.approx(expected.normal, abs=0.001)

    u, v = truth[:, y, x].tolist()
    place = re.findall(r"-?[\d.]+", part(page, ".truth").get_attribute("transform"))
    assert [float(value) / 1000 for value in place] == pytest.approx([u, v], abs=0.01)
    page.get_by_text(expected.words).wait_for()

    dot, ellipse = part(page, ".dot"), part(page, ".ellipse")
    assert dot.is_visible() == ellipse.is_visible() == (expected.motion is not None)
    ink = alpha(page.locator("canvas.lines"))
    if expected.motion is None:
        assert not ink.any()
        page.get_by_text("no single answer").wait_for()
        return
    centre = [float(dot.get_attribute(name)) / 1000 for name in ("cx", "cy")]
    assert shown["motion"] == pytest.approx(expected.motion, rel=1e-6)
    assert centre == pytest.approx(expected.motion, abs=0.001)
    error = np.hypot(centre[0] - u, centre[1] - v)
    said = float(re.search(r"error ([\d.]+) px", page.locator(".said").text_content())[1])
    assert said == pytest.approx(error, abs=0.02)

    windows = [widget._window(each, x, y, r).ravel() for each in widget.slopes]
    slopes = np.stack(windows)[:, np.hypot(*windows[:2]) > FLOOR]
    u_of, v_of = np.meshgrid(*2 * [((np.arange(len(ink)) + 0.5) / len(ink) * 2 - 1) * widget.reach])
    miss = slopes[:2].T @ np.stack([u_of, v_of]).reshape(2, -1) + slopes[2][:, None]
    distance = np.abs(miss) / np.hypot(*slopes[:2])[:, None] * len(ink) / (2 * widget.reach)  # in pixels
    weight = np.hypot(*slopes[:2])[:, None] / np.hypot(*slopes[:2]).max() * min(1, 4 / (2 * r + 1))
    inner = (np.abs(u_of) < 0.98 * widget.reach) & (np.abs(v_of) < 0.98 * widget.reach)
    steep = np.maximum(*np.abs(slopes[:2])) / np.hypot(*slopes[:2])  # shares go along an axis, not across the line
    share = (1 - distance / steep[:, None]).clip(0) * weight
    exact = (255 * share.sum(0)).reshape(ink.shape).clip(0, 255)
    assert np.abs(ink - exact)[inner].max() < 3
    assert exact[inner].max() > 50

    # the half axes of the ellipse lie along eigenvectors and are 0.01 / √λ long
    xx, xy, yy = (np.mean(windows[i] * windows[j]) for i, j in ((0, 0), (0, 1), (1, 1)))
    axes = [float(ellipse.get_attribute(name)) / 1000 for name in ("rx", "ry")]
    turn = np.deg2rad(float(re.search(r"rotate\((.*?)\)", ellipse.get_attribute("transform"))[1]))
    ways = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    for way, axis in zip(ways, axes, strict=True):
        grown = axis**2 * way @ np.array([[xx, xy], [xy, yy]]) @ way
        assert grown == pytest.approx(LARGE, rel=0.05)


def test_choosing_a_pixel_by_pointer_and_keys(open_widgets):
    page = open_widgets(line_figure(x=24, y=24)[0])
    page.evaluate("() => { window.leaked = []; document.onkeydown = (event) => leaked.push(event.key); }")
    frame = page.locator(".view").first
    press(page, frame, 10.5 / 48, 40.5 / 48)
    values = lambda: [int(slider(page, name).input_value()) for name in ("column x", "row y", "aperture radius")]  # noqa: E731
    assert values() == [10, 40, 0]
    page.get_by_text("pixel (10, 40)").wait_for()
    box, mark = frame.bounding_box(), page.locator(".window").bounding_box()
    assert (mark["x"] - box["x"]) / box["width"] == pytest.approx(10 / 48, abs=0.005)
    assert (mark["y"] - box["y"]) / box["height"] == pytest.approx(40 / 48, abs=0.005)
    for name, key in {"column x": "ArrowRight", "row y": "ArrowLeft", "aperture radius": "End"}.items():
        slider(page, name).focus()
        page.keyboard.press(key)
    assert values() == [11, 39, 12]
    assert slider(page, "aperture radius").get_attribute("aria-valuetext") == "12 px: 25×25 pixels"
    assert page.locator(".window").bounding_box()["width"] / box["width"] == pytest.approx(25 / 48, abs=0.005)
    assert "two large eigenvalues" in page.locator(".plot svg").get_attribute("aria-label")
    assert page.evaluate("leaked") == []


def test_both_frames_are_shown(open_widgets):
    widget, _ = line_figure()
    page = open_widgets(widget)
    np.testing.assert_array_equal(pixels(page, 0), widget.frames.frames[0])
    button = page.get_by_role("button", name="Second frame")
    button.focus()
    page.keyboard.press("Enter")
    np.testing.assert_array_equal(pixels(page, 0), widget.frames.frames[1])
    assert button.get_attribute("aria-pressed") == "true"
    page.locator(".caption").get_by_text("second frame").wait_for()


def test_pixels_of_a_smaller_picture_keep_their_names(open_widgets):
    first, second, truth = (torch.nn.functional.interpolate(each[None], 288)[0] for each in turning())
    widget = ConstraintLine(first, second, truth=truth, x=251, y=30, aperture=4)
    assert widget.scale > 1
    page = open_widgets(widget)
    x, y = widget._place()
    shown = page.evaluate("document.querySelector('[data-ready]').answer()")
    assert shown["normal"] == pytest.approx(widget.answer(x, y, 4).normal, rel=1e-9)
    assert int(slider(page, "column x").input_value()) == x
    assert abs(int(page.locator(".caption .axes").first.text_content().split("(")[1].split(",")[0]) - 251) <= 1


# --- FlowField ---


@pytest.mark.parametrize("make", [turning, passing])
def test_warping_is_that_of_torch(open_widgets, make):
    first, second, truth = make()
    widget = FlowField(first, second, truth)
    page = open_widgets(widget)
    np.testing.assert_array_equal(pixels(page, 0), widget.frames.frames[0])
    for share in (100, 0, 37):
        set_to(page, "warp back", share)
        exact = widget.warped(share / 100).clip(0, 255)
        assert np.abs(pixels(page, 0) - exact).max() < 2.5  # weights for 64 places between two pixels
        assert np.abs(pixels(page, 0) - exact).mean() < 0.4
        apart, mean = widget.difference(share / 100)
        grey = (127.5 + 255 * 2 * apart).clip(0, 255)
        assert np.abs(pixels(page, 2) - grey[..., None]).max() < 4
        assert page.evaluate("document.querySelector('[data-ready]').mean()") == pytest.approx(mean, abs=2e-4)
        assert float(page.locator(".caption .axes").text_content().split()[1]) == pytest.approx(mean, abs=3e-4)
    page.get_by_role("button", name="First frame").click()
    np.testing.assert_array_equal(pixels(page, 0), widget.frames.frames[0])
    page.get_by_role("button", name="Second frame").click()
    page.get_by_text("second frame, 37 % back").wait_for()


def test_flow_is_read_out(open_widgets):
    first, second, truth = passing()
    flow = 1.5 * truth + 0.25
    widget = FlowField(first, second, flow, truth=truth, x=30, y=30)
    page = open_widgets(widget)
    said = page.locator(".said")

    def expect(x: int, y: int):
        u, v = (float(f"{value:.2f}") for value in widget.flow[:, y, x])
        text = said.text_content().replace("−", "-")
        assert f"pixel ({x}, {y})" in text
        assert f"(u, v) = ({u:.2f}, {v:.2f}) px" in text
        (a, b) = truth[:, y, x].tolist()
        assert f"truth ({a:.2f}, {b:.2f})" in text
        assert float(re.search(r", error ([\d.]+)", text)[1]) == pytest.approx(np.hypot(u - a, v - b), abs=0.02)
        assert f"mean error {widget.error:.3f} px" in text
        needle, wheel = (page.locator(kind).bounding_box() for kind in (".needle", ".wheel"))
        at = [needle[a] + needle[b] / 2 - wheel[a] - wheel[b] / 2 for a, b in (("x", "width"), ("y", "height"))]
        far = max(1, np.hypot(u, v) / widget.largest)
        assert at == pytest.approx([44 * value / widget.largest / far for value in (u, v)], abs=1)

    expect(30, 30)
    press(page, page.locator(".view").nth(1), 5.5 / 60, 50.5 / 60)
    expect(5, 50)
    for name in ("column x", "row y"):
        slider(page, name).focus()
        page.keyboard.press("ArrowRight")
    expect(6, 51)
    for view in page.locator(".view").all():
        box, spot = view.bounding_box(), view.locator(".spot").bounding_box()
        middle = [spot["x"] + spot["width"] / 2 - box["x"], spot["y"] + spot["height"] / 2 - box["y"]]
        assert middle == pytest.approx([6.5 / 60 * box["width"], 51.5 / 60 * box["height"]], abs=1)


def test_colours_are_those_of_colorize(open_widgets):
    first, second, truth = passing()
    widget = FlowField(first, second, 0.5 * truth, truth=truth)
    page = open_widgets(widget)
    picture = lambda flow: (colorize(flow[None], widget.largest)[0] * 255).round().permute(1, 2, 0).numpy()  # noqa: E731
    np.testing.assert_array_equal(pixels(page, 1), picture(0.5 * truth))
    page.get_by_role("combobox").select_option("true flow")
    np.testing.assert_array_equal(pixels(page, 1), picture(truth))
    page.get_by_text("true flow as colours").wait_for()


def test_arrows_point_along_the_flow(open_widgets):
    first, second, truth = turning()
    page = open_widgets(FlowField(first, second, truth))
    counts = []
    for k in range(8):
        set_to(page, "arrows", k)
        path = page.locator(".arrows .core").get_attribute("d")
        shafts = np.array(re.findall(r"M(-?\d+) (-?\d+)L(-?\d+) (-?\d+)(?=M|$)", path), float).reshape(-1, 4) / 100
        counts.append(len(set(map(tuple, shafts[:, :2]))))
        if k in (2, 5):
            stretch = int(slider(page, "arrows").get_attribute("aria-valuetext").split("×")[1])
            tips = [(x, y, a - x, b - y) for x, y, a, b in shafts if (x % 1, y % 1) == (0.5, 0.5)]
            assert len(tips) >= 0.9 * (8, 16)[k == 5] ** 2
            for x, y, a, b in tips:
                u, v = truth[:, int(y), int(x)].tolist()
                assert (a, b) == pytest.approx((stretch * u, stretch * v), abs=0.02 * stretch)
    assert counts[0] == 0
    assert counts == sorted(counts)


def test_unknown_flow_is_said(open_widgets):
    first, second, truth = turning()
    truth = truth.clone()
    truth[:, :20, :20] = torch.nan
    page = open_widgets(
        FlowField(first, second, truth, truth=truth, x=5, y=5), ConstraintLine(first, second, truth=truth, x=5, y=5)
    )
    page.get_by_text("flow unknown").wait_for()
    page.get_by_text("truth unknown").wait_for()
    page.get_by_text("true motion unknown").wait_for()
    assert not page.locator(".needle").is_visible()
    assert not page.locator(".plot .truth").is_visible()
    assert "NaN" not in page.locator("main").inner_text()
    assert "NaN" not in page.locator(".arrows .core").get_attribute("d")


def everything():
    first, second, truth = turning()
    return [
        ConstraintLine(first, second, truth=truth, aperture=5, title="Lines"),
        FlowField(first, second, 0.9 * truth, truth=truth, title="A field"),
        FlowField(first, second, truth),
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 420])
def test_accessible(open_widgets, dark, width):
    page = open_widgets(*everything(), dark=dark, viewport={"width": width, "height": 900})
    expect_accessible(page)
    # what is drawn in the plane differs clearly from its paper
    paper = page.locator("figure").first.evaluate("(e) => getComputedStyle(e).backgroundColor")
    for kind, style in {".this": "stroke", ".normal": "stroke", ".dot": "fill", ".core": "stroke"}.items():
        ink = part(page, kind).evaluate(f"(e) => getComputedStyle(e).{style}")
        assert contrast(ink, paper) >= 3, kind


def test_the_lines_have_the_ink_of_the_theme(open_widgets):
    page = open_widgets(line_figure(x=24, y=24, aperture=5)[0])
    look = f"""(figure) => [getComputedStyle(figure).backgroundColor,
      matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
      ({GET_PIXELS})([figure.querySelector("canvas.lines")])]"""

    def has_ink_of(wanted: str):
        paper, scheme, found = page.locator("figure").first.evaluate(look)
        (drawn,) = unpacked(found)
        *ink, amount = drawn.reshape(-1, 4)[drawn[..., 3].argmax()].tolist()
        assert scheme == wanted
        assert amount > 50
        assert contrast(f"rgb{tuple(ink)}", paper) >= 10, scheme

    for scheme in ("light", "dark", "light"):
        page.emulate_media(color_scheme=scheme)
        eventually(page, lambda: has_ink_of(scheme))  # noqa: B023


def contrast(one: str, two: str) -> float:
    """Of two colours "rgb(r, g, b)", as WCAG defines it."""

    def light(colour: str) -> float:
        rgb = np.array(re.findall(r"[\d.]+", colour)[:3], float) / 255
        return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    low, high = sorted([light(one), light(two)])
    return (high + 0.05) / (low + 0.05)


def test_drawing_is_quick(open_widgets):
    first, second, truth = turning(140)
    for widget in (ConstraintLine(first, second, truth=truth, aperture=12), FlowField(first, second, truth)):
        page = open_widgets(widget)
        page.locator("label.slider input").nth(1 if isinstance(widget, ConstraintLine) else 0).focus()
        expect_quick(page, ["Home"] + 40 * ["ArrowRight"], 6, drawn=40)  # a third of it on a quiet machine
