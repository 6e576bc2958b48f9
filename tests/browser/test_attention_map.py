"""AttentionMap in a real browser: the colours, shares and words on the page are those of Python's weights."""

import numpy as np
import pytest
import torch
from hands import all_pixels, canvas_pixels, expect_accessible, expect_quick, live, resize, set_to, slider

from vidlab.figures import AttentionMap
from vidlab.figures.attention_poster import COLOURS

GRID, P = (3, 2, 4), 24


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def softmax(*shape, seed=0):
    return (8 * rand(*shape, seed=seed)).softmax(-1)


def inside_moments(n, heads, seed):
    """Patches that see their own moment and the class token, which sees all."""
    weights = softmax(n, heads, P + 1, P + 1, seed=seed)
    moment = torch.arange(P) // 8
    weights[..., 1:, 1:] *= moment[:, None] == moment
    return weights / weights.sum(-1, keepdim=True)


def figure(n=2, heads=2, **options):
    looks = {
        name: {
            "layer 1": softmax(n, heads, P + 1, P + 1, seed=k),
            "space": inside_moments(n, heads, k + 3),
            "time": softmax(n, heads, 4, 4, seed=k + 7),
        }
        for k, name in enumerate(("before", "trained"))
    }
    rolled = {name: (softmax(n, P + 1, P + 1, seed=k + 20) + torch.eye(P + 1)) / 2 for k, name in enumerate(looks)}
    clips = rand(n, 6, 3, 16, 16)
    return AttentionMap(clips, looks, GRID, **{"rollout": rolled, "query": (1, 0, 2), "title": "Clips"} | options)


def frames_only():
    """Without class token, rollout, several heads, layers or examples."""
    looks = {name: {"layer 1": softmax(1, 1, 8, 8, seed=k)} for k, name in enumerate(("before", "trained"))}
    return AttentionMap(rand(1, 8, 3, 12, 12), looks, (8, 1, 1), query=(3, 0, 0))


def select(page, name, option, k: int = 0):
    live(page, k).get_by_role("combobox", name=name).select_option(option)


def expect_weights(page, widget, layer, example=0, head=0, query=None, k: int = 0):
    """Heat, hatching, shares, outline and scale of all strips of figure k, as Python has them."""
    for kind, name in {"attention": layer, **({"rollout": "rollout"} if "rollout" in widget.packed else {})}.items():
        head = head if kind == "attention" else 0
        section = live(page, k).locator(f".look.{kind}")
        q, top = widget.token(name, query), widget.top(name, example, head, query)
        told = float(section.locator(".top").text_content())
        assert told == pytest.approx(top, abs=0.0051 if top >= 0.0995 else 0.00051)
        reach = widget.packed[name].reach[q]
        assert section.locator(".even").text_content() == f"▲ even: 1/{reach.sum()}"
        for panel, state in zip(section.locator(".panel").all(), widget.states, strict=True):
            row = widget.weights(state, name, example, head)[q]
            whole = np.zeros(widget.grid)
            codes, seen = (
                whole + 255 * np.minimum(1, widget.over_patches(row) / top),
                whole + widget.over_patches(reach),
            )
            for t, heat in enumerate(all_pixels(panel.locator("canvas.heat"))):
                close = [COLOURS[np.clip(np.floor(codes[t] + 0.5 + e), 0, 255).astype(int)] for e in (-1e-6, 1e-6)]
                fits = [(heat[..., :3] == each).all(-1) for each in close]
                assert ((fits[0] | fits[1]) == (seen[t] > 0)).all()
                np.testing.assert_array_equal(heat[..., 3] > 0, seen[t] > 0)
            cells = panel.locator(".veil").evaluate_all("(all) => all.map((e) => e.getAttribute('d'))")
            blocked = [d.count("M") for d in cells]
            assert blocked == [
                int((seen[t] == 0).sum()) if name != "time" else int(seen[t].max() == 0) for t in range(len(seen))
            ]
            shares = [row[0], *widget.over_patches(row).sum((1, 2))][0 if widget.lead else 1 :]
            words = panel.locator(".share").all_text_contents()
            assert [float(each[:-2]) for each in words] == pytest.approx(100 * np.array(shares), abs=0.501)
            bars = panel.locator(".bar i").evaluate_all("(all) => all.map((e) => parseFloat(e.style.width))")
            assert bars == pytest.approx(100 * np.array(shares), abs=0.006)


def outlined(page, k: int = 0) -> list:
    """(moment, x, y, width, height) of the outline in the clip; "class" of the class token."""
    film = live(page, k).locator(".first .strip")
    if film.locator(".token.query").count():
        return ["class"]
    return film.locator(".inner").evaluate_all(
        """(all) => all.flatMap((e, t) => e.getAttribute("display") === "none" ? [] :
           [[t, ...["x", "y", "width", "height"].map((name) => Number(e.getAttribute(name)))]])"""
    )


def test_what_is_shown_is_what_python_has(open_widgets):
    widget = figure()
    page = open_widgets(widget)
    expect_weights(page, widget, "layer 1")
    assert outlined(page) == [[1, 2, 0, 1, 1]]
    select(page, "example", "example 1")
    select(page, "head", "head 2")
    expect_weights(page, widget, "layer 1", 1, 2)
    frames = all_pixels(page.locator(".first canvas.frame"))
    for t, frame in enumerate(frames):
        np.testing.assert_array_equal(frame[..., :3], widget.sprite.frames[3 + t])
    select(page, "layer", "space")
    expect_weights(page, widget, "space", 1, 2)
    page.get_by_text("A patch sees only its own moment here").wait_for()
    assert "own moment 0" not in page.locator(".look.attention").inner_text()
    select(page, "layer", "time")
    expect_weights(page, widget, "time", 1, 2)
    assert outlined(page) == [[1, 0, 0, 4, 2]]
    assert slider(page, "row y").is_disabled()
    page.get_by_text("whole moments").wait_for()


def test_the_answer_is_a_query_too(open_widgets):
    widget = figure()
    page = open_widgets(widget)
    button = page.get_by_role("button", name="the answer (class token)")
    assert button.get_attribute("aria-pressed") == "false"
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-pressed") == "true"
    assert outlined(page) == ["class"]
    for layer in ("layer 1", "space", "time"):
        select(page, "layer", layer)
        expect_weights(page, widget, layer, query="class")
    button.click()
    assert outlined(page) == [[1, 0, 0, 4, 2]]
    page.locator(".look.attention .token").first.click()
    assert outlined(page) == ["class"]
    select(page, "layer", "layer 1")
    set_to(page, "column x", 3)
    assert outlined(page) == [[1, 3, 0, 1, 1]]
    expect_weights(page, widget, "layer 1", query=(1, 0, 3))


def test_pointer_and_keys_move_the_query(open_widgets):
    widget = figure()
    page = open_widgets(widget)
    page.evaluate("() => { window.leaked = []; document.onkeydown = (event) => leaked.push(event.key); }")
    box = page.locator(".look.rollout .panel").nth(1).locator(".picture").nth(2).bounding_box()
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.7 * box["height"])
    assert outlined(page) == [[2, 1, 1, 1, 1]]
    expect_weights(page, widget, "layer 1", query=(2, 1, 1))
    first = page.locator(".first .picture").nth(0).bounding_box()
    page.mouse.move(first["x"] + 3, first["y"] + 3)
    page.mouse.down()
    assert outlined(page) == [[0, 0, 0, 1, 1]]
    page.mouse.move(box["x"] + box["width"], first["y"] + 0.9 * first["height"])
    page.mouse.move(first["x"] + 0.9 * first["width"], first["y"] + 0.9 * first["height"])
    page.mouse.up()
    assert outlined(page) == [[0, 3, 1, 1, 1]]
    page.locator(".first .film").focus()
    for key, place in [
        ("ArrowLeft", [0, 2, 1]),
        ("ArrowUp", [0, 2, 0]),
        ("PageDown", [1, 2, 0]),
        ("ArrowRight", [1, 3, 0]),
        ("ArrowRight", [1, 3, 0]),
        ("ArrowDown", [1, 3, 1]),
        ("PageUp", [0, 3, 1]),
    ]:
        page.keyboard.press(key)
        assert outlined(page) == [[*place, 1, 1]]
    assert [slider(page, name).input_value() for name in ("moment t", "row y", "column x")] == ["0", "1", "3"]
    assert page.evaluate("leaked") == []


def test_the_words_say_what_the_numbers_are(open_widgets):
    widget = figure()
    page = open_widgets(widget)
    row = widget.weights("trained", "layer 1")[widget.token("layer 1")]
    k = int(row.argmax())
    t, y, x = np.unravel_index(k - 1, GRID)
    said = page.locator(".said").text_content()
    assert said.startswith("The patch at t 1, row 0, column 2, trained: ")
    where = "the class token" if k == 0 else "itself" if k == widget.token("layer 1") else f"t {t}, row {y}, column {x}"
    assert (
        f"gives {row[k]:.2f} of its weight to {where}; {100 * row[9:17].sum():.0f}\xa0% stays in its own moment" in said
    )
    assert f"Colours from 0 to {widget.top('layer 1'):.2f}." in said
    label = page.locator(".look.attention .panel").nth(1).locator(".most:visible")
    assert label.text_content() == f"{row[1:].max():.2f}"[1:]
    names = page.locator(".panel [role=img]").evaluate_all("(all) => all.map((e) => e.getAttribute('aria-label'))")
    assert [name.split(":")[0] for name in names] == [
        "attention, before", "attention, trained", "rollout, before", "rollout, trained",
    ]  # fmt: skip
    assert "takes" in names[3]


def test_the_heat_can_be_taken_away(open_widgets):
    page = open_widgets(figure())
    box = page.get_by_role("checkbox", name="heat")
    heat = page.locator("canvas.heat").first
    assert heat.is_visible()
    box.focus()
    page.keyboard.press(" ")
    assert not heat.is_visible()
    assert page.locator(".look canvas.frame").first.evaluate("(e) => getComputedStyle(e).filter") == "none"


def test_frames_alone(open_widgets):
    """No class token, rollout, layers, heads or examples to choose: nothing of them is there."""
    widget = frames_only()
    page = open_widgets(widget, figure())
    expect_weights(page, widget, "layer 1")
    assert live(page).get_by_role("combobox").count() == 0
    assert live(page).get_by_role("button").count() == 0
    assert live(page).get_by_role("slider").count() == 1
    assert live(page).locator(".look").count() == 1
    live(page).locator(".first .film").focus()
    for key in ("ArrowRight", "ArrowDown", "PageDown"):
        page.keyboard.press(key)
    assert outlined(page) == [[5, 0, 0, 1, 1]]
    expect_weights(page, widget, "layer 1", query=(5, 0, 0))
    assert "Moment t 5" in live(page).locator(".said").text_content()
    assert outlined(page, 1) == [[1, 2, 0, 1, 1]]


def test_a_hatched_cell_looks_hatched(open_widgets):
    """The pattern is found and drawn: a screenshot of a frame out of reach holds two colours in stripes."""
    page = open_widgets(figure())
    select(page, "layer", "space")
    fills = page.locator(".look.attention .hatch").evaluate_all(
        '(all) => all.map((e) => document.querySelector(getComputedStyle(e).fill.match(/#[^")]+/)[0])?.tagName)'
    )
    assert set(fills) == {"pattern"}
    shown = canvas_pixels(page.locator(".look.attention canvas.heat").first)
    assert (shown[..., 3] == 0).all()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_accessible(open_widgets, dark):
    page = open_widgets(figure(), frames_only(), dark=dark)
    select(page, "layer", "space")
    for width in (1280, 420):
        resize(page, width)
        expect_accessible(page)


def test_nothing_sticks_out(open_widgets):
    page = open_widgets(figure(), frames_only())
    ends = "(all) => Math.max(...all.filter((e) => !e.closest('svg')).map((e) => e.getBoundingClientRect().right))"
    for width in (1280, 800, 400):
        resize(page, width)
        right = page.locator("main").evaluate("(e) => e.getBoundingClientRect().right")
        assert page.locator(".attention-map *").evaluate_all(ends) <= right
        tops = page.locator(".look .panels").evaluate_all("(all) => all.map((e) => e.getBoundingClientRect().top)")
        if width == 1280:
            assert tops[0] == pytest.approx(tops[1], abs=1)


def test_drawing_is_quick(open_widgets):
    looks = {name: {"layer 1": softmax(1, 4, 65, 65, seed=k)} for k, name in enumerate("ab")}
    rolled = {name: each["layer 1"].mean(1) for name, each in looks.items()}
    page = open_widgets(AttentionMap(rand(1, 8, 3, 32, 32), looks, (4, 4, 4), rollout=rolled))
    slider(page, "row y").focus()
    times = expect_quick(page, 12 * ["ArrowLeft", "ArrowRight"], 6, drawn=24)  # a third of it on a quiet machine
    assert len(times) == 24
