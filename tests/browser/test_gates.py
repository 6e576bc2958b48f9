"""Gates in a real browser: maps, lines and numbers are those of Python; pointer, keys, traits, both themes."""

import json
import re

import numpy as np
import pytest
import torch
from hands import (
    GET_PIXELS,
    eventually,
    expect_accessible,
    expect_quick,
    floats,
    live,
    resize,
    set_to,
    slider,
    unpacked,
)

from vidlab.figures import Gates
from vidlab.models import NextFrame

LSTM, GRU = ("i", "f", "o", "candidate", "c", "h"), ("z", "r", "candidate", "h")
WORDS = {
    "i": "input gate",
    "f": "forget gate",
    "o": "output gate",
    "z": "update gate",
    "r": "reset gate",
    "candidate": "candidate",
    "c": "cell",
    "h": "state",
}


def figure(cell="lstm", t=6, size=(16, 24), **options):
    chance = torch.Generator().manual_seed(0)
    with torch.random.fork_rng([]):
        torch.manual_seed(1)
        net = NextFrame(cell=cell, patch=4, hidden=10, kernel=3)
    for parameter in net.over_time.parameters():
        parameter.data *= 3
    return Gates.of(net, torch.rand(t, 3, *size, generator=chance), **({"title": "A clip", "fps": 20} | options))


def surface(page, name: str, widget: Gates):
    """The map of a quantity, or the frame."""
    root = live(page)
    return root.locator(".frame .view") if name == "frame" else root.locator(".map .view").nth(widget.names.index(name))


def text_of(page, kind: str, k: int = 0) -> str:
    return live(page, k).locator(kind).first.text_content().replace("−", "-")


LOOK = f"""(el) => {{
  const all = (kind) => [...el.querySelectorAll(kind)];
  return {{
    pictures: ({GET_PIXELS})(all(".frame canvas, .map canvas")),
    lines: Object.fromEntries(all(".line").map((e) => [e.dataset.of, e.style.display ? null : e.getAttribute("d")])),
    dots: Object.fromEntries(all(".dot").map((e) => [e.dataset.of, [e.style.left, e.style.top].map(parseFloat)])),
    said: el.querySelector(".said").textContent,
  }};
}}"""


def expect_shown(page, widget: Gates, t: int, channel, place, *, stretched=False, candidate=True, k: int = 0):
    """Frame, maps, lines, dots and words of figure k are those of Python."""
    row, column = place
    seen = live(page, k).evaluate(LOOK)
    frame, *maps = (each[..., :3] for each in unpacked(seen["pictures"]))
    np.testing.assert_array_equal(frame, widget.sprite.frames[t])
    signed = [name for name in widget.names if name in ("candidate", "c", "h") and (candidate or name != "candidate")]
    ends = widget.maps.ends[:, [*widget.channels, "mean"].index(channel), 1]
    reach = max(ends[widget.names.index(name)] for name in signed)
    low = 0 if channel == "mean" else -reach
    said = seen["said"].replace("−", "-")
    which = f"mean of {widget.all} channels" if channel == "mean" else f"channel {channel}"
    assert said.startswith(f"Frame {t}, place row {row} column {column}, {which}: ")
    for name, picture in zip(widget.names, maps, strict=True):
        np.testing.assert_array_equal(picture, widget.picture(name, channel, stretched=stretched)[t])
        course = widget.values(name, channel)[:, row, column]
        words = f"|{WORDS[name]}|" if channel == "mean" and name in ("candidate", "c", "h") else WORDS[name]
        assert float(re.search(rf"{re.escape(words)} (-?\d+\.\d+)", said)[1]) == pytest.approx(course[t], abs=0.00501)
        if name == "candidate" and not candidate:
            assert seen["lines"][name] is None
            continue
        exact = (reach - course) / (reach - low) if name in signed else 1 - course
        drawn = np.array(re.findall(r"[ML]([\d.]+) (-?[\d.]+)", seen["lines"][name]), float)
        np.testing.assert_allclose(drawn, np.stack([np.arange(len(course)), exact], axis=1), atol=1e-4)
        assert seen["dots"][name] == pytest.approx([100 * t / (len(course) - 1), 100 * exact[t]], abs=0.01)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_what_is_shown_is_what_python_has(open_widgets, cell):
    widget = figure(cell, t=6)
    page = open_widgets(widget)
    select = page.get_by_role("combobox")
    options = [str(channel) for channel in widget.channels] + [f"mean over all {widget.all}"]
    assert select.locator("option").all_text_contents() == options
    expect_shown(page, widget, 0, widget.channels[0], widget.place)
    for t, channel in ((4, widget.channels[3]), (5, "mean"), (2, widget.channels[7])):
        set_to(page, "frame t", t)
        select.select_option(str(channel))
        expect_shown(page, widget, t, channel, widget.place)
    page.get_by_label("gates in their own range").check()
    expect_shown(page, widget, 2, widget.channels[7], widget.place, stretched=True)
    low, high = (f"{end:.2f}"[1:] if end < 0.995 else "1.0" for end in widget.maps.ends[1, 7])
    assert page.locator(".map .scale").nth(1).text_content() == f"{low}–{high}"
    page.get_by_label("in the lines").uncheck()
    expect_shown(page, widget, 2, widget.channels[7], widget.place, stretched=True, candidate=False)
    ranges = [len(widget.names), len(widget.channels) + 1, 6, 4 * 6]
    loops = "[...Array(N).keys()].flatMap((n) => [...Array(K).keys()].flatMap((k) => [...Array(T).keys()].flatMap("
    loops += "(t) => [...Array(I).keys()].map((i) => el.maps.value(n, k, t, i)))))"
    for letter, size in zip("NKTI", ranges, strict=True):
        loops = loops.replace(f"Array({letter})", f"Array({size})")
    exact = [widget.values(name, channel) for name in widget.names for channel in [*widget.channels, "mean"]]
    np.testing.assert_allclose(floats(live(page), loops), np.ravel(exact), rtol=1e-9, atol=1e-12)


def test_the_equation_is_told_with_its_numbers(open_widgets):
    lstm, gru = figure("lstm"), figure("gru")
    page = open_widgets(lstm, gru)
    for k, widget in enumerate((lstm, gru)):
        assert " = " in text_of(page, ".sum", k)
        assert not re.search(r"\d\.\d", text_of(page, ".sum", k)), "in frame 0 nothing is known of what was before"
        set_to(page, "frame t", 3, k)
        numbers = [float(each) for each in re.findall(r"-?\d+\.\d+", text_of(page, ".sum", k))]
        row, column = widget.place
        at = lambda name, t=3: widget.values(name, widget.channel)[t, row, column]  # noqa: B023, E731
        keep, write = (at("f"), at("i")) if k == 0 else (1 - at("z"), at("z"))
        memory = widget.memory
        exact = [keep, at(memory, 2), write, at("candidate"), keep * at(memory, 2), write * at("candidate"), at(memory)]
        assert numbers == pytest.approx(exact, abs=0.00501)
        live(page, k).get_by_role("combobox").select_option("mean")
        assert not re.search(r"\d\.\d", text_of(page, ".sum", k)), "true of no mean"


def test_hover_looks_and_a_press_chooses(open_widgets):
    widget = figure(place=(0, 0))
    page = open_widgets(widget)

    def point(name, row, column, act="move"):
        box = surface(page, name, widget).bounding_box()
        x, y = box["x"] + (column + 0.5) / 6 * box["width"], box["y"] + (row + 0.5) / 4 * box["height"]
        getattr(page.mouse, act)(x, y)

    def expect_marks(kind, place):
        script = """(all, kind) => all.map((view) => {
          const [mark, box] = [view.querySelector(`.${kind}`), view].map((e) => e.getBoundingClientRect());
          return [(mark.y - box.y) / box.height, (mark.x - box.x) / box.width, mark.width / box.width];
        })"""
        found = np.array(page.locator(".frame .view, .map .view").evaluate_all(script, kind))
        assert len(found) == 7
        if place is None:
            assert (found[:, 2] == 0).all()
            return
        np.testing.assert_allclose(found, 7 * [[place[0] / 4, place[1] / 6, 1 / 6]], atol=0.005)

    expect_marks("looked-at", None)
    for name, place in {"f": (1, 4), "frame": (3, 5), "h": (2, 0)}.items():
        point(name, *place)
        expect_shown(page, widget, 0, widget.channel, place)
        expect_marks("looked-at", place)
        expect_marks("chosen", (0, 0))
    page.mouse.move(1, 1)
    expect_shown(page, widget, 0, widget.channel, (0, 0))
    expect_marks("looked-at", None)
    for name, place in {"c": (2, 3), "frame": (1, 5)}.items():
        point(name, *place, act="click")
        expect_marks("chosen", place)
        page.mouse.move(1, 1)
        expect_shown(page, widget, 0, widget.channel, place)
    box = page.locator(".of-memory .inner").bounding_box()
    page.mouse.click(box["x"] + 0.61 * box["width"], box["y"] + 20)
    expect_shown(page, widget, 3, widget.channel, (1, 5))


def test_arrow_keys_move_the_place_and_stay_here(open_widgets):
    widget = figure(place=(3, 5), t=6)
    page = open_widgets(widget, reduced_motion="reduce")
    page.evaluate("() => { window.leaked = []; document.onkeydown = (event) => leaked.push(event.key); }")
    page.locator(".frame .view").focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    expect_shown(page, widget, 0, widget.channel, (1, 4))
    page.locator(".map .view").nth(1).click(position={"x": 3, "y": 3})
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    page.mouse.move(1, 1)
    expect_shown(page, widget, 0, widget.channel, (0, 1))
    label = page.locator(".map .view").nth(1).get_attribute("aria-label")
    assert label.startswith("forget gate. Row 0 column 1 of 4 rows and 6 columns")
    set_to(page, "frame t", 2)
    assert slider(page, "frame t").get_attribute("aria-valuetext") == "2 (0–5)"
    page.keyboard.press(" ")
    eventually(page, lambda: expect_shown(page, widget, 5, widget.channel, (0, 1)))  # once, not in a loop
    assert page.evaluate("leaked") == []


def test_the_cursor_stands_above_the_slider(open_widgets):
    page = open_widgets(figure())
    for width in (1280, 420):
        resize(page, width)
        for t in (0, 2, 5):
            set_to(page, "frame t", t)
            track = slider(page, "frame t").bounding_box()
            thumb = track["x"] + 10 + t / 5 * (track["width"] - 20)  # kit.css: a thumb of 20 pixels
            for cursor in page.locator(".cursor").all():
                assert cursor.bounding_box()["x"] + 1 == pytest.approx(thumb, abs=1)


MODEL = """([source, state]) => import(`data:text/javascript;charset=utf-8,${encodeURIComponent(source)}`).then((m) => {
  const [heard, told] = [{}, []];
  window.told = told;
  window.say = (key, value) => { state[key] = value; heard[`change:${key}`](); };
  const model = {
    get: (key) => state[key], set: (key, value) => { state[key] = value; told.push([key, value]); },
    on: (name, act) => { heard[name] = act; }, off() {}, save_changes() {},
  };
  const el = document.body.appendChild(document.createElement("div"));
  m.default.render({ model, el });
})"""


def test_python_sets_and_hears_moment_channel_and_place(open_file):
    widget = figure(place=(0, 0))
    shown = widget.live()
    page = open_file("<!doctype html><meta charset='utf-8'><body></body>")
    page.evaluate(MODEL, [shown._esm, json.loads(json.dumps(widget.state() | {"alt": widget.alt}))])
    page.add_style_tag(content=shown._css)
    page.wait_for_selector("[data-ready]")
    page.evaluate("say('t', 4); say('place', [2, 5]); say('channel', 'mean')")
    expect_shown(page, widget, 4, "mean", (2, 5))
    page.evaluate("say('t', 99); say('place', [-3, 99]); say('channel', 77); say('place', 'x'); say('t', null)")
    expect_shown(page, widget, 5, "mean", (0, 5))
    assert page.evaluate("told") == []
    set_to(page, "frame t", 1)
    page.get_by_role("combobox").select_option(str(widget.channels[2]))
    page.locator(".frame .view").focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("told.slice(-3)") == [["t", 1], ["channel", widget.channels[2]], ["place", [1, 5]]]
    page.locator(".map .view").first.hover()
    assert page.evaluate("told.at(-1)") == ["place", [1, 5]], "a look is not a choice"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_accessible(open_widgets, dark):
    page = open_widgets(figure(), figure("gru", size=(24, 16)), dark=dark)
    for width in (1280, 420):
        resize(page, width)
        expect_accessible(page)


def test_nothing_sticks_out_and_labels_do_not_meet(open_widgets):
    page = open_widgets(figure(), figure("gru", size=(32, 16)), figure(t=1, size=(8, 32)))
    ends = "(all) => Math.max(...all.map((e) => e.getBoundingClientRect().right))"
    cut = "(all) => all.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent)"
    top = "(e) => e.getBoundingClientRect().top"
    label_tops = f"(all) => all.map((panel) => [...panel.querySelectorAll('.label')].map({top}))"
    for channel in (None, "mean"):
        for k in range(3):
            if channel:
                live(page, k).get_by_role("combobox").select_option(channel)
                live(page, k).get_by_label("own range").check()
        for width in (1280, 900, 700, 400):
            resize(page, width)
            right = page.locator("main").evaluate("(e) => e.getBoundingClientRect().right")
            assert page.locator(".gates *:not(svg *)").evaluate_all(ends) <= right
            assert page.locator(".caption").evaluate_all(cut) == [], width
            for tops in page.locator(".panel").evaluate_all(label_tops):
                assert np.diff(sorted(tops)).min() >= 13


def test_drawing_is_quick(open_widgets):
    page = open_widgets(figure(t=16, size=(64, 64)))
    slider(page, "frame t").focus()
    expect_quick(page, 15 * ["ArrowRight"] + 15 * ["ArrowLeft"], 6, drawn=30)  # a third of it on a quiet machine
    page.locator(".frame .view").focus()
    expect_quick(page, 10 * ["ArrowRight", "ArrowLeft"], 6, drawn=20)
