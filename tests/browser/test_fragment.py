"""The figures as pieces of HTML in a file, with no network: right pixels, keys, pointer, names, both themes."""

import numpy as np
import pytest
import torch
from hands import canvas_pixels, expect_accessible, expect_quick, set_to, slider

from vidlab.figures import ClipPlayer, SpaceTimeCube, TemporalFilter
from vidlab.spacetime import derivative, gaussian, temporal_filter, xt_slice, yt_slice


def noise(t=9, h=20, w=28, seed=0):
    return torch.randint(0, 256, (t, 3, h, w), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def pixels(page, k: int, figure: int = 0) -> np.ndarray:
    """What canvas k shows, `h w 3`."""
    rgba = canvas_pixels(page.locator(".vidlab").nth(figure).locator("canvas").nth(k))
    assert (rgba[..., 3] == 255).all()
    return rgba[..., :3]


def drag(page, view, start, end):
    """Press at the fraction `start` of a view and release at `end`."""
    box = view.bounding_box()
    (x0, y0), (x1, y1) = ((box["x"] + fx * box["width"], box["y"] + fy * box["height"]) for fx, fy in (start, end))
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move(x1, y1, steps=4)
    page.mouse.up()


def values(page, *names) -> list[int]:
    return [int(slider(page, name).input_value()) for name in names]


def test_the_three_cuts_are_those_of_torch(open_widgets):
    clip = noise()
    page = open_widgets(SpaceTimeCube(clip, x=3, y=4, t=5))
    for x, y, t in [(3, 4, 5), (27, 19, 8), (0, 0, 0)]:
        for name, value in {"column x": x, "row y": y, "frame t": t}.items():
            set_to(page, name, value)
        frame, yt, xt = (pixels(page, k) for k in range(3))
        np.testing.assert_array_equal(frame, clip[t].permute(1, 2, 0))
        np.testing.assert_array_equal(xt, xt_slice(clip, y).permute(1, 2, 0))
        np.testing.assert_array_equal(yt, yt_slice(clip, x).permute(1, 2, 0))


def test_keys_of_a_slider(open_widgets):
    page = open_widgets(SpaceTimeCube(noise(), t=4))
    page.evaluate("() => { window.leaked = []; document.onkeydown = (event) => leaked.push(event.key); }")
    slider(page, "frame t").focus()
    for key, t in {"ArrowRight": 5, "ArrowUp": 6, "ArrowLeft": 5, "End": 8, "Home": 0}.items():
        page.keyboard.press(key)
        assert values(page, "frame t") == [t]
    assert slider(page, "frame t").get_attribute("aria-valuetext") == "0 (0–8) · 0.00 s"
    page.keyboard.press(" ")
    page.get_by_role("button", name="Pause").wait_for()
    page.wait_for_function("document.querySelector('.slider.t input').value !== '0'")  # it plays
    page.keyboard.press(" ")
    page.get_by_role("button", name="Play").wait_for()
    assert page.evaluate("leaked") == []  # neither a notebook nor slides may take them


def test_dragging_the_lines(open_widgets):
    page = open_widgets(SpaceTimeCube(noise(10, 20, 20), x=10, y=10, t=5))
    frame, yt, xt = (page.locator(".view").nth(k) for k in range(3))
    drag(page, frame, (0.2, 0.2), (0.775, 0.275))
    assert values(page, "column x", "row y", "frame t") == [15, 5, 5]  # both lines
    drag(page, frame, (0.775, 0.8), (0.125, 0.9))
    assert values(page, "column x", "row y") == [2, 5]  # only the line that was taken
    drag(page, xt, (0.5, 0.5), (0.875, 0.95))
    assert values(page, "column x", "frame t") == [17, 9]
    drag(page, yt, (0.5, 0.5), (0.05, 0.625))
    assert values(page, "row y", "frame t") == [12, 0]


def test_copies_and_neighbours_do_not_disturb_each_other(open_widgets):
    cube = SpaceTimeCube(noise(), t=4)
    page = open_widgets(cube, cube, ClipPlayer({"clip": noise()}))
    slider(page, "frame t", 1).focus()
    page.keyboard.press("End")
    first, second, third = pixels(page, 0, 0), pixels(page, 0, 1), pixels(page, 0, 2)
    np.testing.assert_array_equal(first, noise()[4].permute(1, 2, 0))
    np.testing.assert_array_equal(second, noise()[8].permute(1, 2, 0))
    np.testing.assert_array_equal(third, noise()[4].permute(1, 2, 0))


def test_clips_play_in_step(open_widgets):
    fast, slow = noise(12, seed=1), noise(4, seed=2)

    class Slow:
        frames, fps = slow, 5.0

    page = open_widgets(ClipPlayer({"fast": fast, "slow": Slow()}, t=7))  # a bare tensor has 10 frames a second

    def expect(a: int, b: int):
        np.testing.assert_array_equal(pixels(page, 0), fast[a].permute(1, 2, 0))
        np.testing.assert_array_equal(pixels(page, 1), slow[b].permute(1, 2, 0))

    expect(7, 3)
    page.get_by_role("button", name="one frame back").click()
    page.get_by_role("button", name="one frame back").click()
    expect(5, 2)
    slider(page, "time").focus()
    page.keyboard.press("End")
    expect(11, 3)  # the shorter clip holds its last frame
    page.get_by_role("checkbox", name="loop").uncheck()
    page.get_by_role("combobox", name="speed").select_option("½×")
    page.keyboard.press("Home")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('.slider input').value === '11'")
    page.get_by_role("button", name="Play").wait_for()  # stopped at the end
    expect(11, 3)


@pytest.mark.parametrize("kernel", [torch.tensor([0.1, 0.2, 0.3, 0.6, 0.9]), gaussian(1.0), derivative(1.0)])
def test_the_filter_is_that_of_torch(open_widgets, kernel):
    clip = noise(12)
    page = open_widgets(TemporalFilter(clip, kernel=kernel))
    exact = temporal_filter(clip.float() / 255, kernel).permute(0, 2, 3, 1).numpy()
    for t in (0, 6, 11):
        set_to(page, "frame t", t)
        signed = page.evaluate("Array.from(document.querySelector('[data-ready]').filtered)")
        signed = np.array(signed).reshape(*exact.shape[1:3], 4)[..., :3] / 255
        assert np.abs(signed - exact[t]).max() < 1 / 255
        if abs(kernel.sum()) > 0.5:
            shown = exact[t].clip(0, 1)
        else:  # around mid-grey
            grey = exact[t] @ np.float32([0.299, 0.587, 0.114])
            shown = np.repeat((0.5 + 2 / kernel.abs().sum().item() * grey[..., None]).clip(0, 1), 3, axis=-1)
        assert np.abs(pixels(page, 1) / 255 - shown).max() <= 1.01 / 255


def test_bending_the_kernel(open_widgets):
    page = open_widgets(TemporalFilter(noise(12), kernel={"mine": torch.tensor([0.0, 0.0, 1.0, 0.0, 0.0])}))

    def tap(name: str) -> float:
        return float(slider(page, f"tap at {name} frames").get_attribute("aria-valuetext"))

    page.get_by_text("taps add up to 1.00").wait_for()
    slider(page, "tap at +2 frames").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert tap("+2") == pytest.approx(0.1)  # a step is a 25th of the range, which is 1.25 here
    page.get_by_text("taps add up to 1.10").wait_for()
    last = page.locator(".tap").last
    drag(page, last, (0.5, 0.2), (0.5, 0.1))
    assert 0.8 < tap("+5") < 1.25
    page.get_by_role("button", name="derivative").click()
    page.get_by_text("only change is seen").wait_for()
    assert page.get_by_role("button", name="derivative").get_attribute("aria-pressed") == "true"
    assert tap("−1") == -tap("+1") < 0


def everything():
    clip = noise()
    clips = {"one": clip, "two": clip.flip(0)}
    return [SpaceTimeCube(clip, title="A cube"), ClipPlayer(clips), TemporalFilter(clip, title="A filter")]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 420])
def test_accessible(open_widgets, dark, width):
    page = open_widgets(*everything(), dark=dark, viewport={"width": width, "height": 900})
    expect_accessible(page)


def test_nothing_moves_by_itself_and_calm_readers_get_no_loop(open_widgets):
    page = open_widgets(SpaceTimeCube(noise(4), t=0), reduced_motion="reduce")
    page.wait_for_timeout(300)
    assert values(page, "frame t") == [0]
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('.slider.t input').value === '3'")
    page.get_by_role("button", name="Play").wait_for()  # once through, then still
    assert values(page, "frame t") == [3]


def test_a_title_cannot_break_out(open_widgets):
    title = '</script><b>bold & "quoted"</b> <!-- \' \u2028 end'
    page = open_widgets(SpaceTimeCube(noise(), title=title), ClipPlayer({title: noise()}))
    assert page.locator("figcaption").first.text_content() == title
    assert page.locator("main b").count() == 1  # the player's own


def filmed(t=40, h=96, w=160):
    """A still, textured background with a little noise, and a square that crosses it: enough to be sent lossy."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:h, :w]
    ground = 128 + 60 * np.sin(x / 7) * np.cos(y / 5)
    frames = ground[None] + random.normal(0, 2, (t, h, w))
    for i in range(t):
        frames[i, 30:60, 3 * i : 3 * i + 24] = 235
    return torch.from_numpy(frames.clip(0, 255).astype(np.uint8))[:, None].expand(-1, 3, -1, -1)


@pytest.mark.parametrize("camera", ["still", "moving"])
def test_a_filmed_clip_comes_through(open_widgets, camera, monkeypatch):
    monkeypatch.setattr("vidlab.figures.sprite.LOSSLESS_PIXELS", 0)
    clip = filmed()
    if camera == "moving":
        clip = torch.stack([frame.roll(4 * k, dims=-1) for k, frame in enumerate(clip)])
    cube = SpaceTimeCube(clip, t=20)
    assert (cube.sprite.base is not None) == (camera == "still")
    page = open_widgets(cube)
    error = np.abs(pixels(page, 0).astype(int) - cube.sprite.frames[20])
    assert error.mean() < 4
    page.get_by_text("lossy compression").wait_for()


def test_drawing_is_quick(open_widgets):
    clip = noise(30, 90, 120)
    for widget in (SpaceTimeCube(clip), TemporalFilter(clip)):
        page = open_widgets(widget)
        page.get_by_role("slider", name="frame t").focus()
        expect_quick(page, ["Home"] + 29 * ["ArrowRight"], 4, drawn=29)  # half of it on a quiet machine
