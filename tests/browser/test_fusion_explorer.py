"""FusionExplorer in a real browser: words, numbers, nodes and dots are Python's; keys, pointer, themes, widths."""

import pytest
from hands import expect_accessible, expect_quick, live, resize
from of_fusion_explorer import cases, explorer

from vidlab.figures import FusionExplorer
from vidlab.figures.frame import module
from vidlab.figures.fusion_explorer_cases import measured
from vidlab.figures.fusion_explorer_plan import COLUMNS, drawing
from vidlab.figures.fusion_explorer_words import CURVED, LINEAR, SIGNS

ROWS = (70, 152, 234)
SHOWN = """(el) => {
  const text = (css) => el.querySelector(css)?.textContent;
  const all = (css) => [...el.querySelectorAll(css)].map((node) => node.textContent);
  const kinds = ["red right", "blue down", "red", "blue", "right", "down"];
  return {
    name: text(".panel .name"), equation: text(".equation"), counts: all("dd"),
    said: [...el.querySelector(".said").children].map((node) => node.textContent),
    words: el.querySelector(".network").getAttribute("aria-label"),
    nodes: [...el.querySelectorAll(".node")].map((node) => [
      node.querySelector(".words b").textContent,
      node.querySelector(".sign, .words > span")?.textContent ?? "",
      [...node.querySelectorAll(".mark")].map((mark) => kinds.find((kind) => mark.className.includes(kind))),
    ]),
    radios: [...el.querySelectorAll("input:checked")].map((input) => input.value),
    value: el.querySelector(".value").hidden ? null : text(".value"),
    along: [...el.querySelectorAll(".dot.along")].map((dot) => dot.title),
    now: [...el.querySelectorAll(".dot.now")].map((dot) => dot.title),
    wide: [...el.querySelectorAll("dl i")].map((bar) => parseFloat(bar.style.width)),
  };
}"""
MARKS = {"what": ["red", "blue"], "how": ["right", "down"], "paired": ["red right", "blue down"], "": []}
MARKS["apart"] = MARKS["what"] + MARKS["how"]


CHOOSE = """(el, [at, how]) => {
  for (const value of at === "scores" ? [at] : [at, how]) el.querySelector(`input[value='${value}']`).click();
}"""


def choose(page, at: str, how: str):
    live(page).evaluate(CHOOSE, [at, how])


def shown(page, figure: int = 0) -> dict:
    return live(page, figure).evaluate(SHOWN)


def test_every_choice_shows_what_python_has(open_widgets):
    widget = explorer()
    page, views = open_widgets(widget), widget.state()["views"]
    most = [max(case.parameters for case in cases().values()), max(case.multiply_adds for case in cases().values())]
    script = f"(el, all) => all.map((view) => {{ ({CHOOSE})(el, view); return ({SHOWN})(el); }})"
    for (at, how), page_has in zip(widget.views(), live(page).evaluate(script, widget.views()), strict=True):
        case, view = cases().get((at, how)), views[f"{at} {how}"]
        assert page_has["nodes"] == [[node["name"], node["shape"], MARKS[node["marks"]]] for node in view["nodes"]]
        assert page_has["name"] == f"{how} after {at}"
        assert page_has["said"] == list(view["said"])
        assert page_has["radios"] == ([at] if at == "scores" else [how, at])
        assert page_has["words"] == view["words"]
        if case is None:
            assert page_has["counts"] == ["–", "–", "–", ""]
            assert (page_has["value"], page_has["now"]) == (None, [])
            continue
        costs = (case.parameters, case.multiply_adds)
        assert page_has["counts"] == [*(f"{count:,}" for count in costs), *view["reaches"]]
        assert page_has["wide"] == pytest.approx([100 * c / m for c, m in zip(costs, most, strict=True)], abs=1e-3)
        assert page_has["value"] == view["reaches"][0]
        assert page_has["now"] == [f"{how} after {at}: {view['reaches'][0]}"]
        assert {title.split(" after ")[0] for title in page_has["along"]} == {how}
    choose(page, "mix", "gated")
    assert shown(page)["equation"] == "F = G ⊙ Fs + (1 − G) ⊙ Ft"
    assert page.locator(".equation sub").all_text_contents() == ["s", "t"]


def test_dots_lie_where_their_numbers_are(open_widgets):
    widget = explorer(at="block3", how="max")
    page = open_widgets(widget)
    measure = """(el) => {
      const plot = el.querySelector(".plot").getBoundingClientRect();
      const at = ({ left, right, top, bottom }) => [
        ((left + right) / 2 - plot.left) / plot.width,
        (plot.bottom - (top + bottom) / 2) / plot.height,
        (bottom - top) / plot.height,
      ];
      const places = (css) => [...el.querySelectorAll(css)].map((node) => at(node.getBoundingClientRect()));
      return [places(".plot .dot"), places(".spreads i"), places(".compare")];
    }"""
    dots, spreads, compare = live(page).evaluate(measure)
    sent = widget.state()["dots"]
    for (x, y, _), (_, _, column, mean, *_) in zip(dots, sent, strict=True):
        assert (x, y) == pytest.approx(((column + 0.5) / 7, mean), abs=0.003)
    along = [dot for dot in sent if dot[1] == "max"]
    for (x, y, tall), (_, _, column, _, low, high, _) in zip(spreads, along, strict=True):
        assert (x, y, tall) == pytest.approx(((column + 0.5) / 7, (low + high) / 2, high - low), abs=0.003)
    assert [y for _, y, _ in compare] == pytest.approx([0.25, 0.5], abs=0.01)
    path = page.locator(".plot path").get_attribute("d").replace("M", "L").split("L")[1:]
    for point, dot in zip(path, along, strict=True):
        x, y = map(float, point.split())
        assert (x, y) == pytest.approx((dot[2] + 0.5, 1 - dot[3]))
    kinds = page.locator(".plot .dot").evaluate_all("(all) => all.map((dot) => dot.classList.contains('curved'))")
    assert kinds == [dot[1] in CURVED for dot in sent]


def test_network_layers_and_dots_share_their_columns(open_widgets):
    page = open_widgets(explorer())
    centre = """(nodes) => nodes.map((node) => {
      const { left, right, top, bottom } = node.getBoundingClientRect();
      return [(left + right) / 2, (top + bottom) / 2];
    })"""
    for width in (1280, 420):
        resize(page, width)
        for at in ("block1", "mix", "vector"):
            choose(page, at, "sum")
            (sign,) = page.locator(".sign").evaluate_all(centre)
            (band,) = page.locator(".band").evaluate_all(centre)
            (label,) = page.locator(f"label:has(input[value={at}])").evaluate_all(centre)
            tiles = page.locator(f"[data-layer={at}] .tile").evaluate_all(centre)
            dots = page.locator(".plot .dot").evaluate_all(centre)
            of_layer = [x for (x, _), (key, *_) in zip(dots, cases(), strict=True) if key == at]
            middle = sum(of_layer) / len(of_layer)
            for x in (band[0], label[0], tiles[0][0], tiles[1][0]):
                assert x == pytest.approx(sign[0], abs=1)
            assert len(of_layer) < 8 or middle == pytest.approx(sign[0], abs=1)
            assert tiles[0][1] < sign[1] < tiles[1][1]
            top = page.locator(".network").bounding_box()["y"]
            heights = [tiles[0][1] - top, sign[1] - top, tiles[1][1] - top]
            scroll = page.evaluate("scrollY")
            assert heights == pytest.approx(ROWS, abs=1), scroll


def test_wires_join_the_nodes(open_widgets):
    page = open_widgets(explorer())
    for at, how in (("mix", "sum"), ("vector", "max"), ("scores", "mean"), ("block1", "bilinear")):
        choose(page, at, how)
        _, wires = drawing(at, how, cases())
        drawn = []
        for kind in ("before", "after"):
            path = page.locator(f".network .{kind}").get_attribute("d") or ""
            for part in path.split("M")[1:]:
                drawn.append(tuple(float(number) for number in part.replace("L", " ").split()))
        expected = [(x + 0.5, ROWS[row], x2 + 0.5, ROWS[row2]) for x, row, x2, row2 in wires]
        assert len(drawn) == len(expected)
        for one, other in zip(sorted(drawn), sorted(expected), strict=True):
            assert one == pytest.approx(other)


def test_what_and_how_meet_at_the_same_place(open_widgets):
    """The places of the two objects are those of both towers, in every map."""
    page = open_widgets(explorer(at="block1", how="max"))
    places = """(all) => all.map((tile) => [...tile.children].map((mark) => {
      const [one, { x, y, width, height }] = [mark, tile].map((each) => each.getBoundingClientRect());
      return [(one.x + one.width / 2 - x) / width, (one.y + one.height / 2 - y) / height];
    }))"""
    found = page.locator(".node.map .tile").evaluate_all(places)
    assert len(found) == 4 + 4  # of the towers; fused, block2, block3, mix
    for first, second in found:
        assert first == pytest.approx((0.125, 0.375), abs=0.04)
        assert second == pytest.approx((0.875, 0.625), abs=0.04)


def test_python_hears_and_is_heard(open_widgets):
    """As anywidget does it: the same module, with a model that keeps what it is told."""
    page = open_widgets(explorer())
    state = explorer().state() | {"alt": ""}
    page.evaluate(
        """async ([code, state]) => {
          const { default: widget } = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
          const heard = {};
          window.told = [];
          window.model = {
            get: (key) => state[key], set: (key, value) => { state[key] = value; },
            on: (key, call) => { heard[key] = call; }, save_changes: () => told.push([state.at, state.how]),
            from_python: (key, value) => { state[key] = value; heard[`change:${key}`](); },
          };
          const el = document.createElement("div");
          document.body.append(el);
          widget.render({ model, el });
        }""",
        [module("fusion_explorer.js"), state],
    )
    page.wait_for_function("document.querySelectorAll('[data-ready]').length === 2")
    page.evaluate("() => { model.from_python('at', 'block2'); model.from_python('how', 'gated'); }")
    assert shown(page, 1)["name"] == "gated after block2"
    page.evaluate("() => { model.from_python('at', 'nowhere'); model.from_python('how', 'xor'); }")
    assert shown(page, 1)["name"] == "gated after block2"
    assert page.evaluate("told") == []
    live(page, 1).locator("input[value=vector]").check()
    live(page, 1).locator("input[value=max]").check()
    assert page.evaluate("told") == [["vector", "gated"], ["vector", "max"]]
    assert shown(page, 0)["name"] == "sum after mix"


def test_keys_choose(open_widgets):
    page = open_widgets(explorer())
    page.evaluate("() => { window.leaked = []; document.onkeydown = (event) => leaked.push(event.key); }")
    radio = lambda name: page.get_by_role("radio", name=name, exact=True)  # noqa: E731
    radio("sum").focus()
    for how in (*LINEAR[1:], *CURVED):
        page.keyboard.press("ArrowRight")
        assert radio(how).is_checked()
        assert shown(page)["name"] == f"{how} after mix"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "mix"
    for at in ("block3", "block2"):
        page.keyboard.press("ArrowLeft")
        assert shown(page)["name"] == f"bilinear after {at}"
    assert shown(page)["said"][0].startswith("No bilinear fusion after block2")
    assert page.locator(".missing").all_text_contents() == ["bilinear"]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")  # around the corner
    assert shown(page)["name"] == "mean after scores"
    assert page.locator(".operators input:disabled").count() == 8
    assert page.locator(".missing").count() == 0
    assert page.get_by_text("At the scores there is none to choose").is_visible()
    page.keyboard.press("ArrowLeft")
    assert shown(page)["name"] == "bilinear after vector"  # the operator of before
    assert not page.get_by_text("At the scores there is none to choose").is_visible()
    assert page.evaluate("leaked.filter((key) => key !== 'Tab')") == []
    group = page.get_by_role("radiogroup", name="fuse after")
    assert group.get_by_role("radio").evaluate_all("(all) => all.map((one) => one.value)") == list(COLUMNS)[1:7]


def test_the_pointer_chooses(open_widgets):
    page = open_widgets(explorer())
    page.locator(".plot .dot[title^='product after mix']").click()
    assert shown(page)["radios"] == ["product", "mix"]
    page.locator(".plot .dot[title^='mean after scores']").click()
    assert shown(page)["name"] == "mean after scores"
    page.locator(".node.row0[data-layer=block2] .tile").click()
    assert shown(page)["radios"] == ["product", "block2"]
    page.locator(".node.row2[data-layer=flow] .tile").click()  # no layer to fuse after
    assert shown(page)["radios"] == ["product", "block2"]
    page.get_by_role("radio", name="vector").click()
    page.get_by_role("radio", name="conv3").click()
    assert shown(page)["radios"] == ["conv3", "vector"]
    assert page.locator(".plot").evaluate("(plot) => plot.getBoundingClientRect().height") == pytest.approx(190)
    page.locator(".plot").click(position={"x": 200, "y": 150})  # far from every dot
    assert shown(page)["radios"] == ["conv3", "vector"]


def test_figures_choose_for_themselves_and_may_hold_little(open_widgets):
    some = {key: cases()[key] for key in (("block1", "max"), ("vector", "max"), ("vector", "gated"))}
    only = {("scores", "mean"): cases()["scores", "mean"]}
    bare = FusionExplorer(measured(4, 5, 32), how="conv")
    page = open_widgets(explorer(), FusionExplorer(some), FusionExplorer(only), bare, explorer())
    names = lambda: [shown(page, k)["name"] for k in range(5)]  # noqa: E731
    first = ["sum after mix", "max after block1", "mean after scores", "conv after mix", "sum after mix"]
    assert names() == first
    live(page, 4).locator("input[value=max]").check()
    assert names() == [*first[:4], "max after mix"]
    assert [live(page, k).get_by_role("radio").count() for k in range(5)] == [14, 4, 1, 14, 14]
    assert [live(page, k).locator(".plot").is_visible() for k in range(5)] == [True, True, True, False, True]
    live(page, 1).locator("input[value=gated]").check()
    assert shown(page, 1)["said"] == ["No case of gated after block1 was given.", ""]
    assert shown(page, 3)["counts"] == ["25,548", "731,392", "–", ""]
    expect_accessible(page)


OVERLAPS = """(el, views) => {
  const choose = CHOOSE;
  const seen = (node) => node.getClientRects().length > 0;
  const figure = el.querySelector("figure").getBoundingClientRect();
  const found = [];
  const places = new Set();
  for (const [at, how] of views) {
    choose(el, [at, how]);
    const nodes = [...el.querySelectorAll(".node .words > *, .sign, .tile")].filter(seen);
    const boxes = nodes.map((node) => [node.textContent || node.className, node.getBoundingClientRect()]);
    boxes.forEach(([a, one], i) => boxes.slice(i + 1).forEach(([b, two]) => {
      const wide = Math.min(one.right, two.right) - Math.max(one.left, two.left);
      const high = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top);
      if (wide > 2 && high > 2) found.push(`${how} after ${at}: ${a} on ${b}`);
    }));
    for (const [name, { left, right }] of boxes) {
      if (left < figure.left || right > figure.right) found.push(`${how} after ${at}: ${name} sticks out`);
    }
    if (at === "scores") continue; // there a line more is said
    const still = [...el.querySelectorAll("label, .plot, .said, dt")].map((node) => node.getBoundingClientRect());
    places.add(still.map(({ x, y, width }) => [x, y + scrollY, width].map(Math.round)).join());
  }
  return [found, places.size];
}""".replace("CHOOSE", CHOOSE)


def test_no_words_lie_on_others(open_widgets):
    """Of all nodes, in all choices and at all widths; and on a wide page nothing else moves."""
    widget = explorer()
    page = open_widgets(widget)
    for width in (1280, 1210, 1140, 920, 850, 640, 420):
        resize(page, width)
        found, places = live(page).evaluate(OVERLAPS, widget.views())
        assert found == [], width
        assert places == 1 or width < 1200


def test_words_of_the_chart_are_clear_of_lines_and_of_each_other(open_widgets):
    many = {"chance": 0.25, "a guess": 0.3, "does not know which goes where": 0.5}
    page = open_widgets(explorer(lines=many))
    boxes = """(all) => all.filter((e) => e.getClientRects().length).map((e) => {
      const range = document.createRange(); range.selectNodeContents(e);
      const r = range.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; })"""
    order = page.locator(".order")
    for width in (1280, 1920, 1000, 800, 420):
        resize(page, width)
        assert order.locator(".one:visible").all_text_contents() == [*LINEAR, *CURVED]
        at_mix = page.locator(".plot .dot[title*='after mix']")
        lefts = at_mix.evaluate_all("(all) => all.map((e) => [e.getBoundingClientRect().left, e.title.split(' ')[0]])")
        assert [how for _, how in sorted(lefts)] == [*LINEAR, *CURVED]
        words = page.locator(".grid span, .compare b, .y-label, .line-of").evaluate_all(boxes)
        names = page.locator(".compare span").evaluate_all(boxes)
        line = page.locator(".grid").first.bounding_box()["x"]
        ticks = page.locator(".grid span, .compare span").evaluate_all(boxes)
        assert all(0 < left < right <= line for left, _, right, _ in ticks), width
        for kind in (words, names):
            for k, one in enumerate(kind):
                for two in kind[:k]:
                    wide, high = (min(one[2 + a], two[2 + a]) - max(one[a], two[a]) for a in (0, 1))
                    assert min(wide, high) <= 2, (width, one, two)
        assert page.locator(".dashed").is_visible() == (width < 950)
        size = "(all) => all.map((e) => parseFloat(getComputedStyle(e).fontSize))"
        assert min(page.locator(".grid span, .compare b, .order *, .dashed *").evaluate_all(size)) >= 13
    assert page.locator(".dashed").text_content() == (
        "dashed: 25\u202f% chance30\u202f% a guess50\u202f% does not know which goes where"
    )
    assert page.locator(".grid span:visible").all_text_contents() == ["0\u202f%", "100\u202f%"]
    choose(page, "mix", "gated")
    assert order.locator(".chosen").all_text_contents() == ["gated"]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_accessible(open_widgets, dark):
    page = open_widgets(explorer(at="block2", how="gated"), dark=dark)
    for width, (at, how) in ((1280, ("mix", "sum")), (420, ("block2", "bilinear")), (420, ("scores", "mean"))):
        resize(page, width)
        choose(page, at, how)
        expect_accessible(page)
    label = page.locator(".network").get_attribute("aria-label")
    assert page.get_by_role("img", name=label).is_visible()
    assert page.locator("figure").get_attribute("aria-label") == explorer(at="block2", how="gated").alt


def test_drawing_is_quick(open_widgets):
    page = open_widgets(explorer())
    page.get_by_role("radio", name="block1").focus()
    expect_quick(page, 20 * ["ArrowRight"], 4, drawn=15)  # half of it on a quiet machine
    page.get_by_role("radio", name="mix").check()
    page.get_by_role("radio", name="sum").focus()
    expect_quick(page, 20 * ["ArrowRight"], 4, drawn=15)
    assert set(SIGNS) >= {*LINEAR, *CURVED}
