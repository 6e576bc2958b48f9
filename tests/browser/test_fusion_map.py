"""FusionMap in a real browser: arithmetic, boxes and light are those of Python; pointer, keys, both themes."""

import json
import random
import re
from dataclasses import asdict

import numpy as np
import pytest
from hands import draw_times, expect_accessible, live, set_to, slider

from vidlab.errors import ShapeError
from vidlab.figures import FusionMap, fusion_layers, fusion_plan


def shown(page, k: int = 0) -> dict | list:
    """What figure k has computed. As one text: that is quicker to hand over than thousands of numbers."""
    return json.loads(live(page, k).evaluate("(el) => JSON.stringify(el.answer())"))


def computed(page, settings: list[dict]) -> list:
    return json.loads(live(page).evaluate("(el, all) => JSON.stringify(all.map(el.compute))", settings))


def answer_of(s: fusion_plan.Settings) -> dict | list:
    """What a page should have computed from these settings, as JSON has it."""
    wrong = fusion_plan.problem(s)
    if wrong:
        return list(wrong)
    rows = [{**asdict(row), "merges": row.merges} for row in fusion_layers.layers(s)]
    return json.loads(json.dumps({"rows": rows, "totals": fusion_layers.totals(s), "costs": fusion_layers.costs(s)}))


def any_settings(n):
    draw = random.Random(5)
    for _ in range(n):
        size = draw.choice([64, 64, 227, 227, 32, 50, 9, 4, 2])
        numbers = [
            draw.randint(2, 20),
            draw.randint(1, 11),
            draw.randint(8, 128),
            draw.randint(2, 20),
            draw.randint(1, 4),
        ]
        yield fusion_plan.Settings(
            draw.choice(list(fusion_plan.NAMES)), *numbers, size, draw.choice(list(fusion_plan.JOINS))
        )


def choose(page, label: str, option: str):
    page.get_by_label(label, exact=True).select_option(label=option)


def numbers(text: str) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", text)]


LIT = "[...el.querySelectorAll('.pictures > span')].flatMap((s, t) => s.classList.contains('lit') ? [t] : [])"
EDGES = """(el, [level, i]) => {
  const button = el.querySelectorAll(".line")[level].children[i];
  const [area, place] = [el.querySelector(".map"), button].map((each) => each.getBoundingClientRect());
  return [place.left, place.right].map((x) => (x - area.left) / area.width);
}"""


def lit_frames(page) -> list[int]:
    return live(page).evaluate(f"(el) => {LIT}")


def boxes(page, level: int):
    return page.locator(".line").nth(level).locator("button")


def test_the_page_computes_what_python_does(open_widgets):
    page = open_widgets(FusionMap("late"))
    settings = list(any_settings(60))
    wild = {**asdict(settings[0]), "size": 64}
    expected = [answer_of(s) for s in settings]
    assert computed(page, [asdict(s) for s in settings]) == expected
    assert {len(each) for each in expected} == {2, 3}  # some of them make no network
    odd = [{"frames": 1}, {"frames": 2.5}, {"kernel": 12}, {"channels": 7}, {"architecture": "2d"}, {"join": "sum"}]
    for changes in odd:
        ((what, mend),) = computed(page, [wild | changes])
        s = fusion_plan.fusion_settings("late")
        for name, value in changes.items():
            object.__setattr__(s, name, value)
        assert (what, mend) == fusion_plan.problem(s)


def test_the_table_shows_the_numbers(open_widgets):
    widgets = [
        FusionMap("3d", frames=20, size=64),
        FusionMap("slow", frames=10),
        FusionMap("early", frames=10, size=227),
        FusionMap("late", frames=20, join="concat"),
        FusionMap("single", frames=5),
    ]
    page = open_widgets(*widgets)
    for k, widget in enumerate(widgets):
        assert shown(page, k) == answer_of(widget.settings)
        expect_numbers(live(page, k), widget)


def expect_numbers(figure, widget):
    cells = "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
    lines = figure.locator("tbody tr").evaluate_all(cells)[::-1]
    s = widget.settings
    assert lines[0][1] == f"3×{s.frames}×{s.size}×{s.size}"
    for row, (head, shape, weights, macs, sees) in zip(widget.rows, lines[1:], strict=True):
        assert head == row.name + row.does
        assert shape == "×".join(map(str, row.shape))
        assert sees == "×".join(map(str, row.sees))
        assert weights == (f"{row.weights:,}" if row.weights else "–")
        unit = {"G": 1e9, "M": 1e6}.get(macs[-1], 1)
        if row.weights:
            assert float(re.sub("[^0-9.]", "", macs)) * unit == pytest.approx(row.macs, rel=0.006)
    for line, sums in zip(figure.locator("tfoot tr").all(), fusion_layers.totals(s).values(), strict=True):
        biases, parameters = numbers(line.locator("th span").text_content())
        assert (biases, parameters) == (sums["biases"], sums["weights"] + sums["biases"])
        assert numbers(line.locator("td").first.text_content()) == [sums["weights"]]
    cost = fusion_layers.costs(s)
    told = {"one": cost["per_frame"], "early": s.frames * cost["per_frame"], "late": cost["late_fc"]}
    for kind, value in told.items():
        assert numbers(figure.locator(f".bar.{kind} b").text_content()) == [value]
    assert figure.locator(".bar.part").is_visible() == (s.architecture in ("slow", "3d"))
    share = 100 * cost["growth"] / cost["single"]
    said = figure.locator(".costs p").text_content()
    assert f"= {cost['growth']:,} weights: {share:.{2 if share < 10 else 0}f} %" in said
    assert f"{cost['single']:,} parameters" in said


def test_every_box_lights_the_frames_it_sees(open_widgets):
    widgets = [FusionMap("3d", 20), FusionMap("slow", 11), FusionMap("late", 6), FusionMap("early", 4)]
    page = open_widgets(*widgets)
    for k, widget in enumerate(widgets):
        figure, frames = live(page, k), widget.settings.frames
        row, i = widget.chosen()
        low, high = widget.rows[row].spans[i]
        assert figure.evaluate(f"(el) => {LIT}") == list(range(low, high + 1))
        for level, row in enumerate(widget.rows):
            assert boxes(figure, level).count() == len(row.spans)
            for i in {0, len(row.spans) // 2}:
                low, high = row.spans[i]
                boxes(figure, level).nth(i).hover()
                assert figure.evaluate(f"(el) => {LIT}") == list(range(low, high + 1))
                said = figure.locator(".said").text_content()
                assert said == boxes(figure, level).nth(i).get_attribute("aria-label")
                assert f"sees {high - low + 1} of {frames} frames" in said
                left, right = (frames * x for x in figure.evaluate(EDGES, [level, i]))
                assert (left, right) == pytest.approx(fusion_layers.edges(row, i), abs=0.12 * frames / 10)
        unseen = figure.locator(".unseen").text_content()
        assert ("No box at the top sees frame 10" in unseen) == (widget.settings.architecture == "slow")


def test_the_light_follows_the_network(open_widgets):
    """A box stays lit where it stays; what it sees is lit anew as soon as that changes."""
    page = open_widgets(FusionMap("slow", frames=10))
    cone = page.locator(".cone")
    boxes(page, 0).nth(1).hover()
    page.mouse.move(0, 0)
    assert lit_frames(page) == [2, 3, 4, 5]
    before = cone.get_attribute("d")
    set_to(page, "channels C_out", 3)
    assert (lit_frames(page), cone.get_attribute("d")) == ([2, 3, 4, 5], before)
    set_to(page, "extent k_t", 1)
    assert lit_frames(page) == [2, 3, 4]
    assert cone.get_attribute("d") != before
    assert page.locator(".said").text_content() == "conv 1, box 2 of 4, sees 3 of 10 frames: 2–4"
    set_to(page, "frames T", 10)
    s = FusionMap("slow", frames=12, extent=3)
    row, box = s.chosen()
    low, high = s.rows[row].spans[box]
    assert lit_frames(page) == list(range(low, high + 1))
    assert page.locator("[aria-current='true']").count() == 1


def test_boxes_by_keys(open_widgets):
    page = open_widgets(FusionMap("3d", frames=20))
    page.evaluate("() => { window.leaked = []; document.onkeydown = (event) => leaked.push(event.key); }")
    assert page.locator(".map [tabindex='0']").count() == 1
    boxes(page, 2).nth(2).focus()  # the middle of conv 2
    lit = {}
    for key in (
        "ArrowRight",
        "ArrowUp",
        "ArrowUp",
        "ArrowUp",
        "ArrowDown",
        "ArrowDown",
        "ArrowDown",
        "ArrowDown",
        "Home",
        "End",
    ):
        page.keyboard.press(key)
        label = page.evaluate("document.activeElement.getAttribute('aria-label')")
        lit[label.split(",")[0], key] = lit_frames(page)
        assert page.locator(".map [tabindex='0']").count() == 1
        assert page.locator("[aria-current='true']").get_attribute("aria-label") == label
    assert lit["conv 2", "ArrowRight"] == list(range(7, 20))
    assert lit["average", "ArrowUp"] == lit["scores", "ArrowUp"] == list(range(20))
    assert lit["pool 1", "ArrowDown"] == list(range(7, 13))
    assert lit["conv 1", "Home"] == [0, 1]
    assert lit["conv 1", "End"] == [18, 19]
    assert page.evaluate("leaked") == []


def test_controls_change_the_network(open_widgets):
    page = open_widgets(FusionMap("single", frames=10))
    assert not slider(page, "extent k_t").is_visible()
    assert not page.get_by_label("join the frames", exact=True).is_visible()
    choose(page, "architecture", "late fusion")
    choose(page, "join the frames", "concatenate, fully connected")
    set_to(page, "frames T", 5)
    set_to(page, "kernel k", 4)
    set_to(page, "channels C_out", 3)
    s = fusion_plan.fusion_settings("late", 7, kernel=5, channels=11, join="concat")
    assert shown(page) == answer_of(s)
    choose(page, "network", "227×227, AlexNet")
    choose(page, "architecture", "slow fusion")
    set_to(page, "extent k_t", 1)
    set_to(page, "temporal stride", 0)
    s = fusion_plan.fusion_settings("slow", 7, 227, extent=3, stride=1, join="concat")
    assert shown(page) == answer_of(s)
    assert page.locator(".line:has(button)").count() == len(fusion_layers.layers(s))
    choose(page, "architecture", "3D convolution")
    choose(page, "network", "64×64, toy")
    assert shown(page) == answer_of(fusion_plan.fusion_settings("3d", 7, join="concat"))
    assert slider(page, "temporal stride").get_attribute("aria-valuetext") == "pools: 4"


def test_what_cannot_be_built_says_how_to_mend_it(open_widgets):
    page = open_widgets(FusionMap("slow", frames=10, extent=6))
    wrong = page.get_by_role("alert")
    assert not wrong.is_visible()
    set_to(page, "frames T", 2)
    assert (
        "span k_t = 6 frames, but the clip has only T = 4. Try k_t = 4 or less, or T = 6 or more."
        in wrong.text_content()
    )
    assert not page.locator("table").is_visible()
    expect_accessible(page)
    page.get_by_role("button", name="Set k_t to 4").click()
    assert not wrong.is_visible()
    assert shown(page) == answer_of(fusion_plan.fusion_settings("slow", 4, extent=4))
    set_to(page, "extent k_t", 0)
    set_to(page, "temporal stride", 3)
    assert "a temporal stride of 4 steps over frames" in wrong.text_content()
    page.get_by_role("button", name="Set the stride to 2").click()
    assert page.locator("table").is_visible()
    assert not re.search("NaN|undefined|Infinity", page.locator("figure").inner_html())


def test_a_small_input_refuses_a_large_kernel(open_widgets):
    page = open_widgets(FusionMap("late", size=8))
    set_to(page, "kernel k", 8)
    assert "9×9 pixels are larger than the frames of 8×8" in page.get_by_role("alert").text_content()
    with pytest.raises(ShapeError, match="9×9 pixels are larger than the frames of 8×8"):
        FusionMap("late", size=8, kernel=9)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_accessible(open_widgets, dark):
    page = open_widgets(
        FusionMap("3d", frames=20, title="3D"), FusionMap("late", 20, 227, join="concat", title="Late"), dark=dark
    )
    expect_accessible(page)
    for k, row in enumerate(page.locator("figure").first.locator("tbody tr").all()[:-1]):
        # a line of the table stands beside the boxes of its layer
        line, box = row.bounding_box(), page.locator(".line").nth(4 - k).bounding_box()
        assert line["y"] + line["height"] / 2 == pytest.approx(box["y"] + box["height"] / 2, abs=3)
    page.set_viewport_size({"width": 420, "height": 900})
    expect_accessible(page)


def test_drawing_is_quick(open_widgets):
    page = open_widgets(FusionMap("late", 20, 227))
    for name in ("frames T", "channels C_out"):
        slider(page, name).focus()
        times = draw_times(page, ["Home"] + 18 * ["ArrowRight"] + 18 * ["ArrowLeft"])
        assert len(times) >= 36, name
        assert np.median(times[3:]) < 8, name  # a quarter of it on a quiet machine
