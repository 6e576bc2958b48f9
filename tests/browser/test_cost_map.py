"""CostMap in a real browser: points where the logarithm puts them, front, names, keys, pointer, both themes."""

import math

import numpy as np
import pytest
from hands import eventually, expect_accessible, live, resize

from vidlab.figures import CostMap, ModelRow, cost_map_names, cost_map_scale
from vidlab.figures.cost_map_data import FAMILIES
from vidlab.figures.cost_map_poster import HIGHEST, LOWEST

CALM = {"reduced_motion": "reduce"}
# Of the plot: its inner part; the centre of each point and the box of each name that are shown; what is drawn.
SEEN = """(el) => {
  const plot = el.querySelector(".drawing").getBoundingClientRect();
  const box = (node) => {
    const r = node.getBoundingClientRect();
    return [r.left - plot.left, r.top - plot.top, r.right - plot.left, r.bottom - plot.top];
  };
  const all = (kind) => Object.fromEntries([...el.querySelectorAll(kind)].map((node, k) => [k, node])
    .filter(([, node]) => !node.hidden).map(([k, node]) => [k, box(node)]));
  const path = (kind) => el.querySelector(`.drawing .${kind}`).getAttribute("d");
  const along = [...el.querySelectorAll(".along")].filter((node) => !node.hidden);
  const ticks = along.map((node) => [node.textContent, box(node)]);
  return { size: [plot.width, plot.height], points: all(".point"), names: all(".name"), ticks,
    front: path("front"), bars: path("bars"), chance: path("chance") };
}"""


def many(n=14, **options):
    """Models of which many are crowded near the upper edge; one has not all costs, one was not asked everything."""
    draw = np.random.default_rng(4)
    rows = []
    for k in range(n):
        values = {
            "colour": [1.0] if k % 3 else [0.98, 1.0],
            "direction": [0.25 + 0.01 * k, 0.2] if k % 4 == 0 else [0.9 + 0.005 * k, 0.8],
            "order": draw.uniform(0.4, 1, 3).tolist(),
        }
        if k == 3:
            del values["order"]
        cost = float(10 ** draw.uniform(5, 7.3))
        costs = {"multiply–adds": {"colour": cost, "direction": 2 * cost, "order": cost}, "weights": cost / 50}
        if k != 5:
            costs["milliseconds"] = cost / 1e6
        says = "It can see what it can see, and cannot see what it cannot."
        rows.append(
            ModelRow(f"model number {k}"[: 7 + k], FAMILIES[k % 8], values, costs, says, f"0{k % 9}_a_lesson.ipynb")
        )
    return CostMap(rows, {"colour": 0.25, "direction": 0.25, "order": 0.5}, **{"title": "Many"} | options)


def seen(page) -> dict:
    return live(page).evaluate(SEEN)


def choose(page, what: str, option: str):
    page.get_by_label(what, exact=True).select_option(label=option)


def centre(box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def expected(widget, size, q: int, c: int) -> dict[str, tuple[float, float]]:
    """Where each point belongs."""
    found = widget.numbers
    known = found.cost[:, c][np.isfinite(found.cost[:, c])]
    low, high = cost_map_scale.domain(known.tolist())
    return {
        str(k): (
            size[0] * (math.log10(found.cost[q, c, k]) - low) / (high - low),
            size[1] * (HIGHEST - found.mean[q, k]) / (HIGHEST - LOWEST),
        )
        for k in found.drawn(q, c)
    }


def expect_names_apart(now: dict):
    """No name on another, on a marker, or out of the plot; every point that is shown has one."""
    names = now["names"]
    assert set(names) == set(now["points"])
    for i, mine in names.items():
        assert mine[0] >= -1, i
        assert mine[2] <= now["size"][0] + 1, i
        assert mine[1] >= -1, i
        assert mine[3] <= now["size"][1] + 1, i
        for j, other in names.items():
            apart = mine[2] <= other[0] or other[2] <= mine[0] or mine[3] <= other[1] or other[3] <= mine[1]
            assert i == j or apart, (i, j)
        for j, point in now["points"].items():
            x, y = centre(point)
            covers = mine[0] < x + 6 and x - 6 < mine[2] and mine[1] < y + 6 and y - 6 < mine[3]
            assert not covers, (i, j)


def test_every_point_is_where_the_logarithm_puts_it(open_widgets):
    widget = many()
    page = open_widgets(widget, **CALM)
    for q, question in enumerate(widget.questions):
        choose(page, "question", question)
        for c, cost in enumerate(widget.costs):
            choose(page, "cost", cost)
            now = seen(page)
            places = expected(widget, now["size"], q, c)
            assert set(now["points"]) == set(places)
            for k, place in places.items():
                assert centre(now["points"][k]) == pytest.approx(place, abs=0.6), (question, cost, k)
            expect_names_apart(now)
            expect_front(now, widget, places, q, c)
            low, high = cost_map_scale.domain(
                widget.numbers.cost[:, c][np.isfinite(widget.numbers.cost[:, c])].tolist()
            )
            marks = {words: math.log10(value) for value, words in cost_map_scale.ticks(low, high)}
            assert len(now["ticks"]) >= 3
            for words, box in now["ticks"]:
                assert centre(box)[0] == pytest.approx(now["size"][0] * (marks[words] - low) / (high - low), abs=0.6)


def expect_front(now, widget, places, q, c):
    """The step line goes through the front, in order; bars reach from the lowest to the highest seed."""
    front = [places[str(k)] for k in widget.numbers.front(q, c)]
    numbers = [float(word) for word in now["front"].replace("M", " ").replace("H", " ").replace("V", " ").split()]
    corners = [*(each for point in front for each in point), now["size"][0]]
    assert numbers == pytest.approx(corners, abs=0.6)
    assert now["front"].count("H") == len(front)
    down = lambda share: now["size"][1] * (HIGHEST - share) / (HIGHEST - LOWEST)  # noqa: E731
    bars = [float(word) for word in now["bars"].replace("M", " ").replace("V", " ").split()]
    found = widget.numbers
    ends = [(places[str(k)][0], down(found.high[q, k]), down(found.low[q, k])) for k in found.drawn(q, c)]
    assert bars == pytest.approx([each for bar in ends for each in bar], abs=0.6)
    chance = float(now["chance"].split("H")[0].split()[-1])
    assert chance == pytest.approx(down(list(widget.questions.values())[q]), abs=0.6)


def test_names_find_places_on_a_phone(open_widgets):
    page = open_widgets(many(18), viewport={"width": 400, "height": 900}, **CALM)
    for question in ("colour", "direction", "order"):
        choose(page, "question", question)
        expect_names_apart(seen(page))
    resize(page, 1280)
    eventually(page, lambda: expect_names_apart(seen(page)))
    assert seen(page)["size"][0] > 600


def test_the_page_places_names_as_python_does(open_widgets):
    page = open_widgets(many(2), **CALM)
    draw = np.random.default_rng(1)
    for n in (1, 4, 9, 16):
        points = draw.uniform([30, 30], [470, 300], (n, 2)).round(2)
        points[: n // 2, 1] = 40
        sizes = draw.uniform([20, 12], [110, 16], (n, 2)).round(2)
        boxes = [[0, 200, 80, 215]]
        lines = [[x, y - 9, x, y + 9] for x, y in points.tolist()] + [[0, 200, 500, 200]]
        given = [points.tolist(), sizes.tolist(), boxes, lines, [500, 330], 7]
        found = live(page).evaluate("(el, given) => el.place(...given).map(({ centre, end }) => [centre, end])", given)
        centres, ends = cost_map_names.place(*given)
        np.testing.assert_allclose([each for each, _ in found], centres, atol=1e-6)
        np.testing.assert_allclose([each for _, each in found], ends, atol=1e-6)


def test_the_keyboard_walks_from_cheap_to_dear(open_widgets):
    widget = many(chosen="model n")
    page = open_widgets(widget, **CALM)
    page.evaluate("() => { window.leaked = []; document.onkeydown = (event) => leaked.push(event.key); }")
    page.get_by_role("checkbox").focus()
    page.keyboard.press("Tab")
    order = widget.numbers.drawn(0, 0)
    name = lambda: page.locator(".panel.now .title").text_content()  # noqa: E731
    assert page.locator(".point[tabindex='0']").count() == 1
    assert name() == "model n"
    page.keyboard.press("Home")
    walked = [name()]
    for _ in order[1:]:
        page.keyboard.press("ArrowRight")
        walked.append(name())
        label = page.evaluate("document.activeElement.getAttribute('aria-label')")
        k = widget.names.index(walked[-1])
        assert label.startswith(f"{widget.names[k]}: {widget.share(0, k)}, multiply–adds ")
        assert label.endswith(", on the front") == (k in widget.numbers.front(0, 0))
        assert page.locator(".point[tabindex='0']").count() == 1
        assert page.locator(".point[aria-current='true']").get_attribute("aria-label") == label
    assert walked == [widget.names[k] for k in order]
    expected_at = {"ArrowRight": -1, "ArrowDown": -2, "ArrowLeft": -3, "ArrowUp": -2, "Home": 0, "End": -1}
    for key, place in expected_at.items():  # there is none beyond the last
        page.keyboard.press(key)
        assert name() == walked[place], key
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.panel.now').textContent").startswith(walked[-1])
    assert [key for key in page.evaluate("leaked") if key != "Tab"] == []


def test_panel_words_and_table_follow_the_choices(open_widgets):
    widget = many(chosen="model numb")  # number 3, who was not asked the order
    page = open_widgets(widget, **CALM)
    panel, told = page.locator(".panel.now"), page.locator(".told")
    assert panel.locator("a").get_attribute("href") == "03_a_lesson.ipynb"
    assert panel.locator("a").text_content() == "lesson 03, a lesson"
    for q, c in ((0, 0), (1, 2), (2, 1)):
        choose(page, "question", list(widget.questions)[q])
        choose(page, "cost", list(widget.costs)[c])
        assert told.locator("p").all_text_contents() == widget.told(q, c)
        state = widget.state()
        shown = panel.locator("dd").all_text_contents()
        assert shown == [state["spendWords"][q][i][3] for i in range(3)]
        assert panel.locator(".value b").text_content() == widget.share(q, 3).split(" (")[0]
        cells = "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
        lines = page.locator("tbody tr").evaluate_all(cells)
        drawn = widget.numbers.drawn(q, c)
        assert [line[0] for line in lines][: len(drawn)] == [widget.names[k] for k in drawn]
        for line in lines:
            k = widget.names.index(line[0])
            costs = [state["spendWords"][q][i][k] for i in range(3)]
            assert line[1:] == [widget.rows[k].family, widget.share(q, k), *costs]
    assert "not asked" in panel.text_content()
    assert page.locator(".point[tabindex='0']:not([hidden])").count() == 1  # though the chosen one is not drawn
    page.get_by_role("checkbox").uncheck()
    assert seen(page)["front"] == ""


def test_points_glide_unless_motion_is_unwanted(open_widgets):
    """Between two questions there are places between; for who wants no motion, there are none."""
    watch = """(el) => new Promise((done) => {
      const heights = [];
      const point = el.querySelectorAll(".point")[1];
      const select = el.querySelector("select");
      const look = () => {
        heights.push(point.getBoundingClientRect().top);
        if (heights.length > 2 && !el.querySelector(".moving")) return done(heights);
        requestAnimationFrame(look);
      };
      heights.push(point.getBoundingClientRect().top);
      select.value = 2;
      select.dispatchEvent(new Event("change"));
      look();
    })"""
    for options in ({}, CALM):
        page = open_widgets(many(), **options)
        heights = live(page).evaluate(watch)
        start, end = heights[0], heights[-1]
        assert abs(start - end) > 20
        between = [y for y in heights if min(start, end) + 2 < y < max(start, end) - 2]
        assert bool(between) == (options != CALM)
        now = seen(page)
        place = expected(many(), now["size"], 2, 0)["1"]
        assert centre(now["points"]["1"]) == pytest.approx(place, abs=0.6)


def test_a_choice_during_a_glide_arrives_too(open_widgets):
    """As soon as nothing moves any more, all is where the last choice wants it."""
    choices = """async (el) => {
      const select = el.querySelector("select");
      const frame = () => new Promise(requestAnimationFrame);
      for (const q of [2, 1]) {
        select.value = q;
        select.dispatchEvent(new Event("change"));
        for (let end = performance.now() + 250; performance.now() < end; ) await frame();
      }
      while (el.querySelector(".moving")) await frame();
    }"""
    widget = many()
    page = open_widgets(widget)
    seen_then = choices.rstrip().removesuffix("}") + f"  return ({SEEN})(el);\n}}"
    now = live(page).evaluate(seen_then)
    places = expected(widget, now["size"], 1, 0)
    assert set(now["points"]) == set(places)
    for k, place in places.items():
        assert centre(now["points"][k]) == pytest.approx(place, abs=0.6)


def at(page, k: int) -> tuple[float, float]:
    """The middle of a point, on the page."""
    box = page.locator(".point").nth(k).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_pointer_and_finger(open_widgets):
    widget = many(6, question="order")
    page = open_widgets(widget, has_touch=True, **CALM)
    name = lambda: page.locator(".panel.now .title").text_content()  # noqa: E731
    for k in (0, 1, 2):
        page.mouse.move(*at(page, k))
        assert name() == widget.names[k]
    page.locator(".name").nth(4).hover()
    assert name() == widget.names[4]
    page.mouse.click(*at(page, 1))
    page.mouse.move(*at(page, 2))
    assert name() == widget.names[1]  # kept
    page.mouse.click(*at(page, 1))
    page.mouse.move(*at(page, 2))
    assert name() == widget.names[2]
    page.touchscreen.tap(*at(page, 0))
    assert name() == widget.names[0]
    page.touchscreen.tap(*at(page, 4))
    assert name() == widget.names[4]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_accessible(open_widgets, dark):
    page = open_widgets(many(), dark=dark, **CALM)
    page.locator("summary").click()
    expect_accessible(page)
    for width in (800, 400):
        resize(page, width)
        expect_accessible(page)
