"""TwoStreams in a real browser: pictures, bars and words are those of Python; pointer, keys, traits, both themes."""

import dataclasses
import json
import re

import numpy as np
import pytest
from hands import GET_PIXELS, eventually, expect_accessible, expect_quick, live, resize, set_to, slider, unpacked
from of_two_streams import KINDS, SIXTEEN, disturbance, example

from vidlab.figures import TwoStreams

NOISE, CAMERA = list(KINDS)[:2]
LOOK = f"""(el) => {{
  const all = (kind, of = el) => [...of.querySelectorAll(kind)];
  const text = (kind, of) => all(kind, of).map((e) => e.textContent);
  return {{
    pictures: ({GET_PIXELS})(all(".clip canvas, .flow canvas, .gate canvas")),
    now: all(".strip").map((strip) => all("canvas", strip).findIndex((e) => e.matches(".now"))),
    arrows: el.querySelector(".arrows .ink").getAttribute("d"),
    panels: all(".panel-of").map((panel) => ({{
      name: panel.getAttribute("aria-label"),
      verdict: panel.querySelector(".verdict").textContent,
      shares: all("li", panel).map((li) => all(".part", li).map((e) => Number(e.style.getPropertyValue("--share")))),
      words: text("li", panel),
      framed: all("li", panel).findIndex((li) => li.matches(".true")),
      bold: all("li", panel).findIndex((li) => li.matches(".most")),
    }})),
    told: el.querySelector(".told").textContent,
    mean: el.querySelector(".key-of > :last-child").textContent,
    dots: all(".dot").filter((e) => e.style.display !== "none").map((e) => [e.style.left, e.style.top].map(parseFloat)),
    mark: text(".marks .now"),
  }};
}}"""


def expect_shown(page, widget: TwoStreams, d: int, level: int, clip: int, frame: int, k: int = 0):
    """Pictures, bars, words and dots of figure k are those of Python."""
    seen, one = live(page, k).evaluate(LOOK), widget.levels[d]
    pictures = [each[..., :3].astype(int) for each in unpacked(seen["pictures"])]
    moment, film, fields = min(frame, widget.moments - 1), widget.film(d, level, clip), widget.coloured(d, level, clip)
    wanted = [film[frame], *film, fields[moment], *fields]
    if one.gate is not None:
        wanted += [film[frame], widget.gate_tones[widget.gate_codes(d)[level, clip]]]
    if len(wanted) < len(pictures):
        pictures = pictures[:-2]  # of a gate that another disturbance has
    for got, right in zip(pictures, wanted, strict=True):
        np.testing.assert_allclose(got, right, atol=0 if widget.films.lossless else 2)
    assert seen["now"] == [frame, moment]
    p, truth = one.p[level, clip], widget.truth[clip]
    assert [panel["name"] for panel in seen["panels"]] == widget.names
    for n, panel in enumerate(seen["panels"]):
        parts = widget.means.get(n, (n,))
        exact = p[list(parts)].T / len(parts) / widget.end
        np.testing.assert_allclose(panel["shares"], exact, atol=1e-4 / widget.end)
        answer = int(p[n].argmax())
        right = "right" if answer == truth else "wrong"
        sign = "✓" if answer == truth else "✗"
        verdict = rf"{sign}{widget.classes[answer]} (\d+)\u202f%, {right}"
        assert float(re.fullmatch(verdict, panel["verdict"])[1]) == pytest.approx(100 * p[n, answer], abs=0.51)
        assert (panel["framed"], panel["bold"]) == (truth, answer)
        for c, words in enumerate(panel["words"]):
            said = re.fullmatch(rf"(\d+) % {widget.classes[c]}{', the right class' if c == truth else ''}", words)
            assert float(said[1]) == pytest.approx(100 * p[n, c], abs=0.51)
    assert seen["told"] == widget.told(d, level, clip)
    assert float(seen["mean"].split()[1]) == pytest.approx(
        np.hypot(*np.moveaxis(one.flow[level, clip], -1, 0)).mean(), abs=6e-3
    )
    assert seen["mark"] == [f"{one.values[level]:g}"]
    if one.accuracy:
        far = 100 * level / (len(one.values) - 1)
        dots = [[far, 100 - 100 * line[level]] for line in one.accuracy.values()]
        np.testing.assert_allclose(seen["dots"], dots, atol=0.01)
    return seen


def test_what_is_shown_is_what_python_has(open_widgets):
    widget = example(NOISE, CAMERA, v=4, n=3, disturbance=1, level=1, clip=2, frame=3)
    page = open_widgets(widget)
    expect_shown(page, widget, 1, 1, 2, 3)
    set_to(page, CAMERA, 3)
    expect_shown(page, widget, 1, 3, 2, 3)
    set_to(page, "frame t", 5)
    expect_shown(page, widget, 1, 3, 2, 5)
    page.get_by_label(f"1: {SIXTEEN[widget.truth[0]]}").check()
    expect_shown(page, widget, 1, 3, 0, 5)
    page.get_by_role("combobox").select_option(NOISE)
    expect_shown(page, widget, 0, 3, 0, 5)
    set_to(page, NOISE, 0)
    expect_shown(page, widget, 0, 0, 0, 5)
    assert slider(page, NOISE).get_attribute("aria-valuetext") == "0"
    key = page.locator(".wheel")
    assert key.get_attribute("aria-label").endswith(f"up to {widget.reach:g} pixels a frame")


def test_other_classes_fields_and_scores(open_widgets):
    four = example(CAMERA, v=2, n=1, directions=True, gate=None, accuracy=False, t=3)
    made, truth = disturbance(NOISE, v=3, n=2, gate=8, t=4)
    plain = TwoStreams(
        type(made)(
            made.name,
            made.values,
            made.clips,
            made.flow[:, :, [0, 1, 2, 2]],
            {"RGB": made.scores["RGB"]},
            made.gate,
            {"RGB": [0.3, 0.2, 0.1]},
        ),
        truth,
        [f"class {k}" for k in range(16)],
    )
    page = open_widgets(four, plain)
    expect_shown(page, four, 0, 0, 0, 0)
    set_to(page, CAMERA, 1)
    expect_shown(page, four, 0, 1, 0, 0)
    assert page.locator(".vidlab").nth(0).locator("select, fieldset, .panel, .gate").count() == 0
    set_to(page, "frame t", 3, 1)
    set_to(page, NOISE, 2, 1)
    expect_shown(page, plain, 0, 2, 0, 3, 1)


def test_a_disturbance_without_gate_and_with_fewer_levels(open_widgets):
    (one, truth), (other, _) = (
        disturbance(NOISE, v=4, n=2, t=3),
        disturbance(CAMERA, v=2, n=2, t=3, gate=None, accuracy=False),
    )
    widget = TwoStreams([one, other], truth, SIXTEEN, level=3)
    page = open_widgets(widget)
    expect_shown(page, widget, 0, 3, 0, 0)
    page.get_by_role("combobox").select_option(CAMERA)
    expect_shown(page, widget, 1, 1, 0, 0)
    assert not page.locator(".gate .view").is_visible()
    assert page.locator(".streams .panel").count() == 0
    assert slider(page, CAMERA).get_attribute("max") == "1"
    page.get_by_role("combobox").select_option(NOISE)
    expect_shown(page, widget, 0, 1, 0, 0)
    assert page.locator(".gate .view").is_visible()


def test_arrows_point_where_things_go(open_widgets):
    widget = example(CAMERA, v=2, n=1, t=3, level=1, reach=1.0)
    page = open_widgets(widget)
    drawn = expect_shown(page, widget, 0, 1, 0, 0)["arrows"]
    shafts = np.array(re.findall(r"M(-?\d+) (-?\d+)L(-?\d+) (-?\d+)M", drawn), float) / 100
    flow = widget.flow(0, 1, 0)[0]
    y, x = np.mgrid[2:32:4, 2:32:4]
    exact = np.concatenate([np.stack([x, y], -1) + 0.5, flow[y, x] * 1.3 * 4], axis=-1).reshape(-1, 4)
    exact = exact[np.hypot(*exact[:, 2:].T) >= 0.12 * 1.3 * 4]
    exact[:, 2:] += exact[:, :2]
    assert len(exact) > 30
    np.testing.assert_allclose(shafts, exact, atol=0.006)


def test_pointer(open_widgets):
    widget = example(NOISE, v=4, n=2)
    page = open_widgets(widget)

    def press(kind, share):
        box = page.locator(kind).first.bounding_box()
        page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)

    press(".panel .inner", 0.63)
    expect_shown(page, widget, 0, 2, 0, 0)
    press(".clip .strip", 0.75)
    expect_shown(page, widget, 0, 2, 0, 4)
    press(".flow .strip", 0.2)
    expect_shown(page, widget, 0, 2, 0, 1)
    press(".flow .strip", 0.99)
    expect_shown(page, widget, 0, 2, 0, 5)
    page.locator(".clips label").nth(1).click()
    expect_shown(page, widget, 0, 2, 1, 5)


def test_keys_stay_here_and_the_space_bar_plays(open_widgets):
    widget = example(NOISE, v=3, n=2, fps=20)
    page = open_widgets(widget, reduced_motion="reduce")
    page.evaluate("() => { window.leaked = []; document.onkeydown = (event) => leaked.push(event.key); }")
    slider(page, NOISE).focus()
    for key in ("ArrowRight", "End", "ArrowLeft", "ArrowUp", "ArrowDown"):
        page.keyboard.press(key)
    expect_shown(page, widget, 0, 1, 0, 0)
    page.locator(".clips input").first.focus()
    page.keyboard.press("ArrowRight")
    expect_shown(page, widget, 0, 1, 1, 0)
    slider(page, "frame t").focus()
    page.keyboard.press(" ")
    eventually(page, lambda: expect_shown(page, widget, 0, 1, 1, 5))  # once, not in a loop
    assert page.evaluate("leaked") == []


def test_the_cursor_stands_above_the_thumb_and_bars_are_as_long_as_said(open_widgets):
    table = example(NOISE, v=4, n=1, t=3, level=2)
    listed = example(CAMERA, v=4, n=1, t=3, directions=True)
    page = open_widgets(table, listed)
    for width in (1280, 420):
        resize(page, width)
        for level in (0, 3, 1):
            set_to(page, NOISE, level)
            track, cursor = slider(page, NOISE).bounding_box(), page.locator(".cursor").first.bounding_box()
            thumb = track["x"] + 10 + level / 3 * (track["width"] - 20)  # kit.css: a thumb of 20 pixels
            assert cursor["x"] + 1 == pytest.approx(thumb, abs=1)
            mark = page.locator(".marks .now").first.bounding_box()
            assert mark["x"] + mark["width"] / 2 == pytest.approx(thumb, abs=1.5)
        sizes = "(all) => all.map((e) => ['height', 'width'].map((k) => e.getBoundingClientRect()[k]))"
        for k, (widget, room, axis) in enumerate([(table, 18, 0), (listed, 30, 1)]):
            cells = page.locator(".scores").nth(k).locator(".panel-of").first.locator("li")
            whole = np.array(cells.evaluate_all(sizes))[:, axis] - room
            bars = np.array(cells.locator(".part").evaluate_all(sizes))[:, axis]
            level = 1 if k == 0 else 0
            np.testing.assert_allclose(bars, whole * widget.levels[0].p[level, 0, 0] / widget.end, atol=0.1)


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


def test_python_sets_and_hears_what_is_shown(open_file):
    widget = example(NOISE, CAMERA, v=3, n=2, t=4)
    shown = widget.live()
    page = open_file("<!doctype html><meta charset='utf-8'><body></body>")
    page.evaluate(MODEL, [shown._esm, json.loads(json.dumps(widget.state() | {"alt": widget.alt}))])
    page.add_style_tag(content=shown._css)
    page.wait_for_selector("[data-ready]")
    page.evaluate("say('level', 2); say('clip', 1); say('frame', 2); say('disturbance', 1)")
    expect_shown(page, widget, 1, 2, 1, 2)
    assert page.locator(".clips input").nth(1).is_checked()
    assert page.get_by_role("combobox").input_value() == "1"
    page.evaluate("say('level', 99); say('clip', -3); say('frame', null); say('disturbance', 'x'); say('frame', 99)")
    expect_shown(page, widget, 1, 2, 0, 3)
    assert page.evaluate("told") == []
    page.get_by_role("combobox").select_option(NOISE)
    set_to(page, NOISE, 1)
    set_to(page, "frame t", 1)
    page.locator(".clips label").nth(1).click()
    told = page.evaluate("told")
    assert told[:2] == [["disturbance", 0], ["level", 2]]
    assert ["level", 1] in told
    assert told[-2:] == [["frame", 1], ["clip", 1]]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_accessible(open_widgets, dark):
    table = example(NOISE, CAMERA, v=2, n=2, t=3, level=1)
    listed = example(CAMERA, v=2, n=1, t=3, directions=True, gate=None)
    page = open_widgets(table, listed, dark=dark)
    for width in (1280, 420):
        resize(page, width)
        expect_accessible(page)


def test_nothing_sticks_out_or_meets(open_widgets):
    made, truth = disturbance(NOISE, v=3, n=3, t=3)
    rgb, flow, fused = made.scores.values()
    five = {"RGB": rgb, "flow": flow, "averaged": fused, "fused maps": rgb.roll(1, -1), "gated": flow.roll(4, -1)}
    accuracy = {name: [0.9, 0.6, 0.3] for name in five}
    many = TwoStreams(
        type(made)("sensor noise σ", made.values, made.clips, made.flow, five, None, accuracy), truth, SIXTEEN
    )
    page = open_widgets(example(NOISE, CAMERA, n=4, t=3), many, example(CAMERA, n=3, t=3, directions=True))
    ends = "(all) => Math.max(...all.map((e) => e.getBoundingClientRect().right))"
    cut = "(all) => all.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent)"
    boxes = """(all) => all.filter((e) => e.offsetParent).map((e) => {
      const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; })"""
    for width in (1280, 1920, 1000, 900, 700, 400):
        resize(page, width)
        right = page.locator("main").evaluate("(e) => e.getBoundingClientRect().right")
        assert page.locator(".streams *:not(svg *, .unseen)").evaluate_all(ends) <= right + 0.5, width
        assert page.locator(".caption, .head, .verdict, .cells li, .slider").evaluate_all(cut) == [], width
        kinds = (".columns span", ".rows span", ".panel .label", ".marks span", ".caption > *", ".panel .ticks span")
        for kind in (*kinds, ".head > *", ".verdict > :not(.unseen), .columns"):
            for k in range(3):
                found = np.array(page.locator(".streams").nth(k).locator(kind).evaluate_all(boxes)).reshape(-1, 4)
                near = (found[:, None, :2] < found[None, :, 2:] - 1.5) & (found[None, :, :2] < found[:, None, 2:] - 1.5)
                assert not (near.all(-1) & ~np.eye(len(found), dtype=bool)).any(), (width, kind, k)


def test_curves_gate_and_answers_are_named(open_widgets):
    made, truth = disturbance(NOISE, v=3, n=2, t=3, gate=8)
    p = list(made.scores.values())
    scores = dict(zip(("picture", "flow", "mean", "gated"), (*p, p[0].roll(1, -1)), strict=True))
    accuracy = {name: [0.9, 0.6, 0.06] for name in scores}
    four = dataclasses.replace(made, scores=scores, accuracy=accuracy, tests=200)
    page = open_widgets(TwoStreams([four], truth, SIXTEEN), example(NOISE, v=3, n=2, t=3, gate=None))
    text = lambda css, k=0: page.locator(".streams").nth(k).locator(css).text_content()  # noqa: E731
    assert text(".curve .caption") == "accuracy on 200 clips, 16 classes"
    assert text(".curve .caption", 1) == "accuracy on test clips, 16 classes", "how many is not known"
    assert text(".label[data-of=chance]").strip() == "chance 6\u202f%"
    assert "chance 6\u202f%" in page.locator(".panel svg").first.get_attribute("aria-label")
    assert text(".gate .caption") == "gate Gmean over features"
    assert text(".over-all") == f"all places: {four.gate[0, 0].mean():.2f}"
    line = page.locator(".line[data-of=chance]").first.get_attribute("d")
    heights = [float(point.split()[1]) for point in line.replace("M", "L").split("L")[1:]]
    assert heights == pytest.approx([15 / 16] * 3, abs=1e-3)
    for width in (1280, 800, 420):
        resize(page, width)
        first = page.locator(".streams").first
        for panel in first.locator(".verdict").all():
            answer, share = (panel.locator(css).bounding_box() for css in ("b", ".axes"))
            assert share["y"] >= answer["y"] + answer["height"] - 4, (width, "below the answer")
        tops = first.locator(".picture .view").evaluate_all("(all) => all.map((e) => e.getBoundingClientRect().top)")
        assert tops == pytest.approx(tops[:1] * 3, abs=0.5)
        sides = "(all) => all.map((e) => e.clientWidth / e.clientHeight)"
        assert first.locator(".strip canvas").evaluate_all(sides) == pytest.approx([1] * 5, abs=0.07)


def test_drawing_is_quick(open_widgets):
    page = open_widgets(example(NOISE, gate=8))
    slider(page, NOISE).focus()
    keys = 5 * ["ArrowRight"] + 5 * ["ArrowLeft"]
    expect_quick(page, 3 * keys, 6, drawn=30)  # a third of it on a quiet machine
    slider(page, "frame t").focus()
    expect_quick(page, 3 * keys, 6, drawn=30)
