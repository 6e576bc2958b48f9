"""FusionMap in a real browser: arithmetic, boxes and light are those of Python; pointer, keys, both themes."""

import json
import random
import re
from dataclasses import asdict

import numpy as np
import pytest
from hands import expect_accessible, set_to, slider

from vidlab.errors import ShapeError
from vidlab.figures import FusionMap
from vidlab.figures import fusion_map as fm

ANSWER = "document.querySelector('[data-ready]').answer()"


def answer_of(s: fm.Settings) -> dict | list:
    """What a page should have computed from these settings, as JSON has it."""
    wrong = fm.problem(s)
    if wrong:
        return list(wrong)
    rows = [{**asdict(row), "merges": row.merges} for row in fm.layers(s)]
    return json.loads(json.dumps({"rows": rows, "totals": fm.totals(s), "costs": fm.costs(s)}))


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
        yield fm.Settings(draw.choice(list(fm.NAMES)), *numbers, size, draw.choice(list(fm.JOINS)))


def choose(page, label: str, option: str):
    page.get_by_label(label, exact=True).select_option(label=option)


def numbers(text: str) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", text)]


def lit_frames(page) -> list[int]:
    return page.evaluate(
        "[...document.querySelectorAll('.pictures > span')].flatMap((s, t) => s.classList.contains('lit') ? [t] : [])"
    )


def boxes(page, level: int):
    return page.locator(".line").nth(level).locator("button")


def test_the_page_computes_what_python_does(open_widgets):
    page = open_widgets(FusionMap("late"))
    settings = list(any_settings(60))
    wild = {**asdict(settings[0]), "size": 64}
    found = page.evaluate(
        "(all) => all.map((s) => document.querySelector('[data-ready]').compute(s))", [asdict(s) for s in settings]
    )
    expected = [answer_of(s) for s in settings]
    assert found == expected
    assert {len(each) for each in expected} == {2, 3}  # some of them make no network
    odd = [{"frames": 1}, {"frames": 2.5}, {"kernel": 12}, {"channels": 7}, {"architecture": "2d"}, {"join": "sum"}]
    for changes in odd:
        what, mend = page.evaluate("(s) => document.querySelector('[data-ready]').compute(s)", wild | changes)
        s = fm.fusion_settings("late")
        for name, value in changes.items():
            object.__setattr__(s, name, value)
        assert (what, mend) == fm.problem(s)


@pytest.mark.parametrize(
    "widget",
    [
        FusionMap("3d", frames=20, size=64),
        FusionMap("slow", frames=10),
        FusionMap("early", frames=10, size=227),
        FusionMap("late", frames=20, join="concat"),
        FusionMap("single", frames=5),
    ],
    ids=lambda widget: widget.settings.architecture,
)
def test_the_table_shows_the_numbers(open_widgets, widget):
    page = open_widgets(widget)
    assert page.evaluate(ANSWER) == answer_of(widget.settings)
    lines = [line.locator("th, td").all_text_contents() for line in page.locator("tbody tr").all()][::-1]
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
    for line, sums in zip(page.locator("tfoot tr").all(), fm.totals(s).values(), strict=True):
        biases, parameters = numbers(line.locator("th span").text_content())
        assert (biases, parameters) == (sums["biases"], sums["weights"] + sums["biases"])
        assert numbers(line.locator("td").first.text_content()) == [sums["weights"]]
    cost = fm.costs(s)
    bars = {bar.get_attribute("class").split()[1]: bar for bar in page.locator(".bar").all()}
    for kind, value in {
        "one": cost["per_frame"],
        "early": s.frames * cost["per_frame"],
        "late": cost["late_fc"],
    }.items():
        assert numbers(bars[kind].locator("b").text_content()) == [value]
    assert bars["part"].is_visible() == (s.architecture in ("slow", "3d"))
    share = 100 * cost["growth"] / cost["single"]
    said = page.locator(".costs p").text_content()
    assert f"= {cost['growth']:,} weights: {share:.{2 if share < 10 else 0}f} %" in said
    assert f"{cost['single']:,} parameters" in said


@pytest.mark.parametrize(("architecture", "frames"), [("3d", 20), ("slow", 11), ("late", 6), ("early", 4)])
def test_every_box_lights_the_frames_it_sees(open_widgets, architecture, frames):
    widget = FusionMap(architecture, frames)
    page = open_widgets(widget)
    row, i = widget.chosen()
    low, high = widget.rows[row].spans[i]
    assert lit_frames(page) == list(range(low, high + 1))
    area = page.locator(".map").bounding_box()
    for level, row in enumerate(widget.rows):
        assert boxes(page, level).count() == len(row.spans)
        for i in {0, len(row.spans) // 2}:
            low, high = row.spans[i]
            button = boxes(page, level).nth(i)
            button.hover()
            assert lit_frames(page) == list(range(low, high + 1))
            assert page.locator(".said").text_content() == button.get_attribute("aria-label")
            assert f"sees {high - low + 1} of {frames} frames" in page.locator(".said").text_content()
            place = button.bounding_box()
            left, right = (frames * (x - area["x"]) / area["width"] for x in (place["x"], place["x"] + place["width"]))
            assert (left, right) == pytest.approx(fm.edges(row, i), abs=0.12 * frames / 10)
    unseen = page.locator(".unseen").text_content()
    assert ("No box at the top sees frame 10" in unseen) == (architecture == "slow")


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
    s = fm.fusion_settings("late", 7, kernel=5, channels=11, join="concat")
    assert page.evaluate(ANSWER) == answer_of(s)
    choose(page, "network", "227×227, AlexNet")
    choose(page, "architecture", "slow fusion")
    set_to(page, "extent k_t", 1)
    set_to(page, "temporal stride", 0)
    s = fm.fusion_settings("slow", 7, 227, extent=3, stride=1, join="concat")
    assert page.evaluate(ANSWER) == answer_of(s)
    assert page.locator(".line:has(button)").count() == len(fm.layers(s))
    choose(page, "architecture", "3D convolution")
    choose(page, "network", "64×64, toy")
    assert page.evaluate(ANSWER) == answer_of(fm.fusion_settings("3d", 7, join="concat"))
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
    assert page.evaluate(ANSWER) == answer_of(fm.fusion_settings("slow", 4, extent=4))
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
@pytest.mark.parametrize("width", [1280, 420])
def test_accessible(open_widgets, dark, width):
    widgets = [FusionMap("3d", frames=20, title="3D"), FusionMap("late", 20, 227, join="concat", title="Late")]
    page = open_widgets(*widgets, dark=dark, viewport={"width": width, "height": 900})
    expect_accessible(page)
    if width == 1280:  # a line of the table stands beside the boxes of its layer
        for k, row in enumerate(page.locator("figure").first.locator("tbody tr").all()[:-1]):
            line, box = row.bounding_box(), page.locator(".line").nth(4 - k).bounding_box()
            assert line["y"] + line["height"] / 2 == pytest.approx(box["y"] + box["height"] / 2, abs=3)


def test_drawing_is_quick(open_widgets):
    page = open_widgets(FusionMap("late", 20, 227))
    for name in ("frames T", "channels C_out"):
        slider(page, name).focus()
        times = []
        for key in ["Home"] + 18 * ["ArrowRight"] + 18 * ["ArrowLeft"]:
            page.keyboard.press(key)
            times.append(float(page.evaluate("document.querySelector('[data-ready]').dataset.drawMs")))
        assert np.median(times[3:]) < 8  # a quarter of it on a quiet machine
