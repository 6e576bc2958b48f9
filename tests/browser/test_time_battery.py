"""TimeBattery in a real browser: the frames, bars and verdicts on the page are Python's; keys, pointer, both themes."""

import re
from functools import cache

import numpy as np
import pytest
import torch
from hands import canvas_pixels, expect_accessible, expect_quick, pass_frames, resize, set_to, slider

from vidlab.figures import TimeBattery
from vidlab.time_use import freeze, reverse, roll, shuffle, subsample

TRIALS = ["as it was", "reversed", "shuffled", "frozen", "thinned", "rolled"]
CLASSES = ["right", "down", "left", "up"]


def trials(n=3, t=8):
    generator = torch.Generator().manual_seed(0)
    clips = torch.rand(n, t, 3, 16, 20, generator=generator)
    odd = roll(clips).clone()
    odd[1, 3] = 0.25  # a frame that the original does not have
    return dict(
        zip(
            TRIALS,
            [clips, reverse(clips), shuffle(clips, generator), freeze(clips), subsample(clips), odd],
            strict=True,
        )
    )


def answers(n=3, classes=4, names=("late, pooled", "early", "slow (3D)")):
    """The first model never moves, the second a little, the others do what chance wants."""
    generator = torch.Generator().manual_seed(2)
    still = (2 * torch.randn(n, classes, generator=generator)).softmax(-1).double()
    some = {name: (3 * torch.randn(n, classes, generator=generator)).softmax(-1).double() for name in TRIALS}
    little = {name: 0.97 * still + 0.03 * p for name, p in some.items()}
    rest = [
        {name: (3 * torch.randn(n, classes, generator=generator)).softmax(-1).double() for name in TRIALS}
        for _ in names[2:]
    ]
    return dict(zip(names, [dict.fromkeys(TRIALS, still), little, *rest], strict=True))


@cache
def battery(**options):
    return TimeBattery(trials(), answers(), **{"classes": CLASSES, "truth": (2, 0, 3), "title": "Noise"} | options)


@cache
def many(models=6, classes=16):
    names = tuple(f"a model with number {k}" for k in range(models))
    p = answers(classes=classes, names=names)
    return TimeBattery(trials(), p, classes=[f"a class named {k}" for k in range(classes)], truth=[15, 3, 0])


def choose(page, trial: str):
    page.get_by_role("radio", name=trial, exact=True).check()


def shown_bars(page) -> list[dict]:
    """What each panel shows, as numbers."""
    return page.locator(".panel").evaluate_all(
        """(panels) => panels.map((panel) => ({
          kind: panel.dataset.kind,
          verdict: panel.querySelector(".verdict").lastChild.textContent,
          rows: [...panel.querySelectorAll("li")].map((row) => ({
            name: row.querySelector(".name").firstChild.textContent,
            now: parseFloat(row.querySelector(".bar").style.width) / 100,
            before: parseFloat(row.querySelector(".ghost").style.width) / 100,
            value: Number(row.querySelector(".value").textContent),
            truth: row.classList.contains("true"),
            most: row.classList.contains("most"),
          })),
        }))"""
    )


def test_frames_are_those_of_the_clips(open_widgets):
    page = open_widgets(battery(example=1))
    clips = trials()
    canvases = [page.locator("canvas").nth(k) for k in (0, 1)]
    for trial in TRIALS[::-2] + TRIALS[:1]:
        choose(page, trial)
        for t in (0, 3):
            set_to(page, "frame t", t)
            for canvas, name in zip(canvases, ("as it was", trial), strict=True):
                exact = (clips[name][1, t] * 255).round().byte().permute(1, 2, 0).numpy()
                np.testing.assert_array_equal(canvas_pixels(canvas)[..., :3], exact)
            assert page.locator(".numbers .now").count() == 2
            assert page.locator(".screen").nth(1).locator(".numbers span").nth(t).get_attribute("class") == "now"
    assert page.locator(".screen b").all_text_contents() == ["as it was", "as it was"]


def test_the_numbers_say_what_was_done(open_widgets):
    widget = battery()
    page = open_widgets(widget)
    numbers = page.locator(".screen").nth(1).locator(".numbers span")
    for example in (0, 1):
        set_to(page, "example", example)
        for k, trial in enumerate(TRIALS):
            choose(page, trial)
            assert numbers.all_text_contents() == widget.numbers(k, example)
            said = page.locator("canvas").nth(1).get_attribute("aria-label")
            assert said == f"{trial}: frames {' '.join(widget.numbers(k, example))}"
    assert numbers.all_text_contents()[3] == "*"
    assert page.locator(".screen").first.locator(".numbers span").all_text_contents() == list("01234567")


@pytest.mark.parametrize("make", [battery, many])
def test_bars_and_verdicts_are_those_of_python(open_widgets, make):
    widget = make()
    a = widget.answers
    page = open_widgets(widget)
    for example in (0, 2) if make is battery else (2,):
        set_to(page, "example", example)
        names, true, p = a.bars(example)
        for k, trial in enumerate(TRIALS):
            choose(page, trial)
            for m, panel in enumerate(shown_bars(page)):
                rows = panel["rows"]
                assert [row["name"] for row in rows] == names
                assert [row["now"] for row in rows] == pytest.approx(p[m, k], abs=2e-4)
                assert [row["before"] for row in rows] == pytest.approx(p[m, 0], abs=2e-4)
                assert [row["value"] for row in rows] == pytest.approx(p[m, k], abs=0.0051)
                assert [row["truth"] for row in rows] == [r == true for r in range(len(names))]
                decided = a.classes[a.decided[m, k, example]]
                assert [row["name"] for row in rows if row["most"]] == [decided] * (decided in names)
                assert (panel["kind"], panel["verdict"]) == a.verdict(m, k, example)
                assert k == 0 or panel["kind"] == "same" or m > 0
    assert {kind for m in range(3) for k in range(6) for kind, _ in [a.verdict(m, k, 0)]} >= {"same", "changed", "kept"}


def test_bars_are_as_long_as_they_say(open_widgets):
    widget = battery()
    page = open_widgets(widget, reduced_motion="reduce")
    choose(page, "shuffled")
    measure = """(panels) => panels.map((panel) => [...panel.querySelectorAll("li")].map((row) =>
      [".track", ".bar", ".ghost"].map((kind) => row.querySelector(kind).getBoundingClientRect())
        .map(({ x, width }) => [x, width])))"""
    panels = page.locator(".panel").evaluate_all(measure)
    for m, rows in enumerate(panels):
        for row, p in zip(rows, widget.answers.p[m, [2, 0], 0].T, strict=True):
            (start, track), *bars = row
            assert [width / track for _, width in bars] == pytest.approx(p, abs=0.02)
            assert [x for x, _ in bars] == [start, start]
    tracks = [row[0][1] for rows in panels for row in rows]
    assert max(tracks) - min(tracks) < 1  # lengths can be compared between models


def test_nothing_but_the_bars_moves_with_the_trial(open_widgets):
    page = open_widgets(battery())
    places = """() => [...document.querySelectorAll(".panel b, .track, th, td, .slider, .view")].map((node) => {
      const r = node.getBoundingClientRect();
      return [r.x, r.y + scrollY, r.width].map(Math.round).join();
    })"""
    for width in (1280, 420):
        resize(page, width)
        seen = set()
        for trial in TRIALS:
            choose(page, trial)
            seen.add(tuple(page.evaluate(places)))
        assert len(seen) == 1


def test_the_matrix_counts_decisions(open_widgets):
    widget = battery()
    a = widget.answers
    page = open_widgets(widget)
    table = page.get_by_role("table")
    assert table.get_by_role("rowheader").all_text_contents() == a.models
    heads = table.locator("thead th").all_text_contents()
    assert heads == ["correct", "decisions that change", *TRIALS]
    body = table.locator("tbody tr").all()
    for m, row in enumerate(body):
        cells = row.locator("td").all()
        assert len(cells) == 6
        right = int((a.decided[m, 0] == widget.answers.truth).sum())
        assert cells[0].inner_text().startswith(f"{round(100 * right / 3)}\u202f%")
        for k in range(1, 6):
            flips = int(a.changed[m, k].sum())
            text = cells[k].text_content()
            if a.same[m, k].all():
                assert text == f"= exactly unchanged; show {TRIALS[k]}"
            else:
                percent = round(100 * flips / 3)
                assert text == f"{percent}\u202f% decisions that change: {flips} of 3; show {TRIALS[k]}"
    assert "=" in body[0].text_content()
    assert "=" not in body[2].text_content()
    assert "Over 3 examples" in table.locator("caption").text_content()


def test_a_cell_chooses_its_trial(open_widgets):
    page = open_widgets(battery(truth=None))
    cells = page.locator("tbody tr").nth(1).get_by_role("button")
    assert cells.count() == 5  # nothing is correct without a truth
    assert page.get_by_text("correct").count() == 0
    assert page.get_by_text("true class").count() == 0
    cells.nth(2).click()
    assert page.get_by_role("radio", name="frozen").is_checked()
    assert page.locator(".screen b").nth(1).text_content() == "frozen"
    page.keyboard.press("Tab")
    assert page.get_by_role("radio", name="thinned").is_checked()
    assert page.locator("td.now").count() == 3
    assert page.locator("thead .now").text_content() == "thinned"
    choose(page, "rolled")
    assert page.locator("thead .now").text_content() == "rolled"
    assert "; show rolled" in page.locator("tbody tr").first.locator("td.now").text_content()


def test_everything_works_by_keys(open_widgets):
    widget = battery()
    page = open_widgets(widget)
    page.evaluate("() => { window.leaked = []; document.onkeydown = (event) => leaked.push(event.key); }")
    page.get_by_role("radio", name="reversed").focus()
    for trial in ("shuffled", "frozen"):
        page.keyboard.press("ArrowRight")
        assert page.get_by_role("radio", name=trial).is_checked()
        assert page.locator(".screen b").nth(1).text_content() == trial
    set_to(page, "frame t", 5)
    assert slider(page, "frame t").get_attribute("aria-valuetext") == "5 (0–7)"
    set_to(page, "example", 2)
    assert slider(page, "example").get_attribute("aria-valuetext") == "3 of 3 · true class: up"
    assert page.evaluate("leaked") == []
    assert shown_bars(page)[2]["verdict"] == widget.answers.verdict(2, 3, 2)[1]


def test_it_plays_only_when_told(open_widgets):
    page = open_widgets(battery(fps=30, trial="reversed"))
    now = lambda: [page.locator(".numbers .now").nth(k).text_content() for k in (0, 1)]  # noqa: E731
    pass_frames(page, 10)
    assert now() == ["0", "7"]
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('.numbers .now').textContent >= '3'")
    page.get_by_role("button", name="Pause").click()
    left, right = map(int, now())
    assert left + right == 7  # in step
    assert int(slider(page, "frame t").input_value()) == left
    pass_frames(page, 10)
    assert int(now()[0]) == left


def test_two_figures_choose_for_themselves(open_widgets):
    page = open_widgets(battery(), battery(title="Another", trial="frozen"), battery())
    radios = lambda k: page.locator(".vidlab").nth(k).locator("input:checked").input_value()  # noqa: E731
    assert [radios(k) for k in range(3)] == ["reversed", "frozen", "reversed"]
    page.locator(".vidlab").nth(2).get_by_role("radio", name="thinned").check()
    assert [radios(k) for k in range(3)] == ["reversed", "frozen", "thinned"]


def test_one_example_and_one_trial_are_enough(open_widgets):
    clips = torch.rand(1, 3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    p = {"m": {"plain": [[0.2, 0.8]], "odd": [[0.8, 0.2]]}}
    page = open_widgets(TimeBattery({"plain": clips, "odd": clips.flip(1)}, p, classes=["a", "b"]))
    assert page.get_by_role("slider").count() == 1
    assert shown_bars(page)[0]["verdict"] == "decision changed: b → a"
    assert page.locator("tbody td").inner_text().startswith("100")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_accessible(open_widgets, dark):
    page = open_widgets(battery(), *([many()] if dark else []), dark=dark)
    for width in (1280, 420):
        resize(page, width)
        expect_accessible(page)
    # Each kind of bar and of verdict differs clearly from the paper.
    paper = page.locator("figure").first.evaluate("(e) => getComputedStyle(e).backgroundColor")
    inks = """(panels) => panels.map((panel) => [panel.dataset.kind,
      getComputedStyle(panel.querySelector(".bar")).backgroundColor,
      getComputedStyle(panel.querySelector(".verdict")).color])"""
    seen = set()
    for trial in ("as it was", "shuffled"):
        page.get_by_role("radio", name=trial).first.check()
        for kind, bar, verdict in page.locator(".panel").evaluate_all(inks):
            assert bar == verdict
            assert contrast(bar, paper) >= 4.5, kind
            seen.add((kind, bar))
    assert {kind for kind, _ in seen} == {"first", "same", "kept", "changed"}
    assert len(seen) == len({bar for _, bar in seen})


def contrast(one: str, two: str) -> float:
    """Of two colours "rgb(r, g, b)" or "color(srgb r g b)", as WCAG defines it."""

    def light(colour: str) -> float:
        rgb = np.array(re.findall(r"[\d.]+", colour)[:3], float) / (1 if "srgb" in colour else 255)
        return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    low, high = sorted([light(one), light(two)])
    return (high + 0.05) / (low + 0.05)


def test_drawing_is_quick(open_widgets):
    page = open_widgets(many())
    for control, keys in {
        page.get_by_role("radio", name="reversed"): 20 * ["ArrowRight"],
        slider(page, "frame t"): 10 * ["ArrowRight", "ArrowLeft"],
        slider(page, "example"): 10 * ["ArrowRight", "ArrowLeft"],
    }.items():
        control.focus()
        expect_quick(page, keys, 8, drawn=15)  # a quarter of it on a quiet machine
