"""FrameWeights in a real browser: weights and pooled frame are those of Python, whatever the order."""

import numpy as np
import pytest
import torch
from hands import all_pixels, canvas_pixels, expect_accessible, expect_quick, floats, live, resize, set_to, slider

from vidlab.figures import FrameWeights
from vidlab.worlds import moving_object


def figure(n=3, t=6, size=24, **options):
    clips = torch.stack([moving_object((2.0, 0.5), frames=t, size=size, seed=k).clip[0] for k in range(n)])
    scores = 3 * torch.rand(n, t, generator=torch.Generator().manual_seed(1)) - 1.5
    return FrameWeights(clips, scores, **{"title": "Clips", "fps": 20} | options)


def shown(page, k: int = 0) -> dict:
    return live(page, k).evaluate("(el) => el.pooling()")


CARDS = """(cards) => cards.map((card) => {
  const words = [".t", ".share", ".score"].map((kind) => card.querySelector(kind).textContent);
  return [...words, ...[".bar", ".weight"].map((kind) => card.querySelector(kind).getBoundingClientRect().height)];
})"""


def expect_pooled(page, widget, example: int, tau: float, k: int = 0):
    """Weights, bars, words and the pooled frame of figure k, as Python has them."""
    element, said, alpha = live(page, k), shown(page, k), widget.weights(example, tau)
    np.testing.assert_allclose(said["weights"], alpha, rtol=1e-9)
    assert said["effective"] == pytest.approx(widget.effective(example, tau), rel=1e-9)
    exact = widget.pooled(example, tau)
    sums = floats(element, "el.sums").reshape(*exact.shape[:2], 4)[..., :3]
    np.testing.assert_allclose(sums, exact, atol=1e-3)
    picture = canvas_pixels(element.locator(".pictures canvas").nth(1))[..., :3]
    assert np.abs(picture - exact).max() <= 0.5 + 1e-3
    assert element.locator(".effective").text_content() == f"{widget.effective(example, tau):.1f} of {widget.frames}"
    cards = element.locator(".card").evaluate_all(CARDS)
    films = all_pixels(element.locator(".card canvas"))
    for t, film, (name, told, score, bar, track) in zip(said["order"], films, cards, strict=True):
        assert name == f"t {t}"
        np.testing.assert_array_equal(film[..., :3], widget.clips[example, t])
        assert float(told) == pytest.approx(alpha[t], abs=0.00501)
        assert bar == pytest.approx(alpha[t] * track, abs=0.6)
        assert float(score.replace("−", "-")) == pytest.approx(widget.scores[example, t], abs=0.0501)


def test_weights_and_pooled_frame_are_those_of_python(open_widgets):
    widgets = {tau: figure(temperature=tau) for tau in (0.1, 0.65, 1.0, 10.0)}
    page = open_widgets(*widgets.values())
    for k, (tau, widget) in enumerate(widgets.items()):
        expect_pooled(page, widget, 0, tau, k)
        live(page, k).get_by_role("combobox").select_option("example 2")
        expect_pooled(page, widget, 2, tau, k)


def test_temperature_is_even_in_its_logarithm(open_widgets):
    widget = figure()
    page = open_widgets(widget)
    assert slider(page, "temperature τ").input_value() == "40"
    for steps, tau in [(0, 0.1), (20, 10**-0.5), (60, 10**0.5)]:
        set_to(page, "temperature τ", steps)
        expect_pooled(page, widget, 0, tau)
    page.keyboard.press("End")
    expect_pooled(page, widget, 0, 10)
    assert slider(page, "temperature τ").get_attribute("aria-valuetext") == "10"
    ends = page.locator(".ends span").all_text_contents()
    assert ("only the largest" in ends[0], "the average" in ends[1]) == (True, True)


def test_shuffling_moves_frames_and_bars_but_not_the_sum(open_widgets):
    widget = figure()
    page = open_widgets(widget)
    pooled, film = page.locator(".pictures canvas").nth(1), page.locator(".pictures canvas").nth(0)
    before = canvas_pixels(pooled)
    orders = [shown(page)["order"]]
    for _ in range(3):
        page.get_by_role("button", name="Shuffle").click()
        orders.append(shown(page)["order"])
        assert orders[-1] != orders[-2]
        assert sorted(orders[-1]) == list(range(6))
        assert np.abs(canvas_pixels(pooled).astype(int) - before).max() <= 1
        page.evaluate("document.getAnimations().forEach((each) => each.finish())")  # the frames have arrived
        expect_pooled(page, widget, 0, 1.0)
    for i in (0, 4):
        set_to(page, "play position", i)
        np.testing.assert_array_equal(canvas_pixels(film)[..., :3], widget.clips[0, orders[-1][i]])
        assert page.locator(".card.now .t").text_content() == f"t {orders[-1][i]}"
    page.get_by_text("Frames shuffled: the pooled frame").wait_for()
    page.get_by_role("button", name="Restore").click()
    assert shown(page)["order"] == orders[0]
    page.get_by_text("Frames restored: the pooled frame").wait_for()
    np.testing.assert_array_equal(canvas_pixels(pooled), before)


def test_dimming_can_be_left_out(open_widgets):
    widget = figure(temperature=0.3)
    page = open_widgets(widget)
    opacity = lambda: page.locator(".card canvas").evaluate_all("(all) => all.map((e) => +e.style.opacity)")  # noqa: E731
    alpha = widget.weights(0)
    assert opacity() == pytest.approx(0.25 + 0.75 * alpha / alpha.max(), abs=1e-3)
    page.get_by_role("checkbox").focus()
    page.keyboard.press(" ")
    assert opacity() == 6 * [1]


def test_keys_stay_and_frames_are_pressed(open_widgets):
    page = open_widgets(figure(), reduced_motion="reduce")
    page.evaluate("() => { window.leaked = []; document.onkeydown = (event) => leaked.push(event.key); }")
    set_to(page, "play position", 2)
    set_to(page, "temperature τ", 3)
    assert page.evaluate("leaked") == []
    page.get_by_role("button", name="Shuffle").click()
    page.locator(".card").nth(4).click()
    assert slider(page, "play position").input_value() == "4"
    assert page.locator(".card").nth(4).evaluate("(e) => e.classList.contains('now')")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('.slider.t input').value !== '4'")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_accessible(open_widgets, dark):
    page = open_widgets(figure(), dark=dark)
    for width in (1280, 420):
        resize(page, width)
        expect_accessible(page)


def test_nothing_sticks_out(open_widgets):
    page = open_widgets(figure(), figure(1, 32, 16))
    ends = "(all) => Math.max(...all.map((e) => e.getBoundingClientRect().right))"
    for width in (1280, 700, 400):
        resize(page, width)
        right = page.locator("main").evaluate("(e) => e.getBoundingClientRect().right")
        assert page.locator(".frame-weights *").evaluate_all(ends) <= right


def test_drawing_is_quick(open_widgets):
    clips = torch.rand(1, 16, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    page = open_widgets(FrameWeights(clips, torch.linspace(0, 3, 16)[None]))
    slider(page, "temperature τ").focus()
    times = expect_quick(page, 12 * ["ArrowLeft", "ArrowRight"], 6, drawn=24)  # a third of it on a quiet machine
    assert len(times) == 24
