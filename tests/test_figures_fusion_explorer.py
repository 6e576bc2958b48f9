"""FusionExplorer without a browser: shapes and costs are the models', words the numbers'; and what is refused."""

import dataclasses
import re

import jaxtyping
import numpy as np
import pytest
import torch
from matplotlib.text import Text
from of_fusion_explorer import LINES, cases, explorer, invented

from vidlab import figures
from vidlab.errors import ShapeError
from vidlab.figures import FusionExplorer
from vidlab.figures.fusion_explorer_cases import Case, measured
from vidlab.figures.fusion_explorer_plan import COLUMNS, beside, drawing
from vidlab.figures.fusion_explorer_poster import fusion_explorer_figure
from vidlab.figures.fusion_explorer_words import CURVED, EQUATIONS, LINEAR, SIGNS, pairs, percent, span, told
from vidlab.models import TwoStream
from vidlab.models.fusion import OPERATORS
from vidlab.models.published.counting import multiply_adds, parameters
from vidlab.models.two_stream import SITES, vector
from vidlab.results import Table

KEYS = [(at, how) for at in SITES[:-1] for how in OPERATORS if how != "bilinear" or at not in SITES[:2]]
KEYS.append(("scores", "mean"))


@pytest.fixture
def unchecked():
    """Without the types, so that the checks are what meets bad input."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def built(at: str, how: str) -> TwoStream:
    torch.manual_seed(0)
    model = TwoStream(4, at=at, **({} if how == "mean" else {"fuse": how}))
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    return model.double().eval()


def kept(names: dict[tuple[str, str], str], **changes) -> Table:
    """A table with rows of these names; three seeds, none of them a mean."""
    rows = {}
    for key, name in names.items():
        mean, low, high = invented(*key)
        values = {"red one": [[each, each - 0.01, each + 0.01] for each in (low, high, 3 * mean - low - high)]}
        case = cases()[key]
        row = {"values": values, "steps": 300, "clips": 2048, "cpu_seconds": [1.0] * 3}
        rows[name] = row | {"parameters": case.parameters, "multiply_adds": case.multiply_adds} | changes
    about = {"seeds": [0, 1, 2], "digits": 1, "notes": [], "tests": 800}
    return Table.of("registered", {"title": "Where?", "columns": ["red one"], "rows": rows, **about})


def named(*keys) -> dict[tuple[str, str], str]:
    return {key: "scores" if key[0] == "scores" else ", ".join(key) for key in keys or KEYS}


# --- what is measured ---


def test_every_network_that_can_be_built_is_there():
    assert list(cases()) == sorted(KEYS, key=KEYS.index)
    assert len(cases()) == 39
    assert set(LINEAR + CURVED) == set(OPERATORS)
    assert set(SIGNS) == set(EQUATIONS) == {*OPERATORS, "mean"}


@pytest.mark.parametrize(
    ("key", "towers", "fused", "above"),
    [
        (("block2", "concat"), ["8×16×16", "16×8×8"], "32×8×8", "block3 32×4×4, mix 64×4×4, vector 64, scores 4"),
        (("block3", "bilinear"), ["8×16×16", "16×8×8", "32×4×4"], "1024×1×1", "mix 64×1×1, vector 64, scores 4"),
        (("mix", "sum"), ["8×16×16", "16×8×8", "32×4×4", "64×4×4"], "64×4×4", "vector 64, scores 4"),
        (("vector", "concat"), ["8×16×16", "16×8×8", "32×4×4", "64×4×4", "64"], "128×1×1", "mix 64×1×1, scores 4"),
        (("scores", "mean"), ["8×16×16", "16×8×8", "32×4×4", "64×4×4", "64", "4"], "4", ""),
    ],
)
def test_shapes_by_hand(key, towers, fused, above):
    text = lambda shape: "×".join(map(str, shape))  # noqa: E731
    case = cases()[key]
    for start, layers in (("3×32×32", case.spatial), ("10×32×32", case.temporal)):
        assert [text(shape) for _, shape in layers] == [start, *towers]
        assert [name for name, _ in layers[1:]] == list(SITES[: len(towers)])
    assert text(case.fused) == fused
    assert ", ".join(f"{name} {text(shape)}" for name, shape in case.above) == above


def test_other_films_and_classes():
    case = measured(7, 3, 64)["mix", "conv"]
    assert [layers[0] for layers in (case.spatial, case.temporal)] == [("picture", (3, 64, 64)), ("flow", (6, 64, 64))]
    assert (case.fused, case.above[-1]) == ((64, 8, 8), ("scores", (7,)))
    widget = FusionExplorer.of(classes=7, moments=3, size=64)
    assert widget.cases["mix", "conv"] == case
    assert "mean over 8×8 places" in widget.said("mix", "sum")[0]


@pytest.mark.parametrize("key", [("block1", "conv3"), ("block3", "bilinear"), ("vector", "gated"), ("scores", "mean")])
def test_shapes_and_costs_are_those_of_a_real_network(key):
    model, case = built(*key).float(), cases()[key]
    assert case.parameters == parameters(model)
    assert case.multiply_adds == multiply_adds(model, (1, 5, 5, 32, 32))
    film = torch.rand(2, 5, 5, 32, 32)
    x_s, x_t = model.maps(film)
    if key[0] == "scores":
        return
    meet = case.spatial[-1][1]
    assert x_s.shape[1:] == x_t.shape[1:] == (*meet, *[1] * (3 - len(meet)))
    assert model.fuse(x_s, x_t).shape[1:] == case.fused
    assert model(film).shape[1:] == case.above[-1][1]


def answers(model: TwoStream, x_s, x_t):
    """What the layers above make of two maps."""
    if model.at == "vector":
        x_s, x_t = (vector(x)[..., None, None] for x in (x_s, x_t))
    return model.classify(vector(model.above(model.fuse(x_s, x_t))))


@pytest.mark.parametrize("key", KEYS[:-1])
def test_what_can_know_which_goes_where(key):
    """With what is in the picture held, an exchange of the flow's places changes the answer, or it does not.

    An answer that is a sum, z_s(x_s) + z_t(x_t), can change, as borders can be seen; but alike for every picture.
    """
    model = built(*key)
    channels, size, _ = cases()[key].spatial[min(4, len(cases()[key].spatial) - 1)][1]
    x = torch.randn(4, 1, channels, size, size, dtype=torch.float64)
    exchanged = x[2].flip(-1)
    with torch.no_grad():
        for_one, for_other = (answers(model, each, exchanged) - answers(model, each, x[2]) for each in x[:2])
    changes = (for_one - for_other).abs().max().item()
    assert changes > 1e-3 if pairs(*key) else changes < 1e-9


# --- accuracies from a table ---


def test_accuracies_come_from_the_table():
    widget = FusionExplorer.of(kept(named()), lines=LINES)
    assert list(widget.cases) == KEYS
    for key, case in widget.cases.items():
        mean, low, high = invented(*key)
        seeds = [low, high, 3 * mean - low - high]
        assert case.accuracy == pytest.approx((mean, min(seeds), max(seeds)))
        assert dataclasses.replace(case, accuracy=None) == measured(4, 5, 32)[key]
    few = FusionExplorer.of(kept(named(("mix", "sum"), ("scores", "mean"))))
    assert [key for key, case in few.cases.items() if case.accuracy] == [("mix", "sum"), ("scores", "mean")]
    assert [dot[:2] for dot in few.state()["dots"]] == [["mix", "sum"], ["scores", "mean"]]
    assert few.said("mix", "max")[1] == "Its accuracy has not been measured."
    assert FusionExplorer.of().said("mix", "max")[1] == ""


def test_tables_that_do_not_fit_are_refused(unchecked):
    only = named(("mix", "conv"))
    with pytest.raises(ShapeError, match=r'row "mix, conv" has 25,548 parameters and 5 .*731,392.*classes, moments'):
        FusionExplorer.of(kept(only, multiply_adds=5))
    with pytest.raises(ShapeError, match="has 99 parameters"):
        FusionExplorer.of(kept(only, parameters=99))
    with pytest.raises(ShapeError, match=r"25,548 parameters.*Wanted: 26,"):
        FusionExplorer.of(kept(only), classes=16)
    with pytest.raises(ShapeError, match='"registered" has no row of a fusion'):
        FusionExplorer.of(kept({("mix", "conv"): "picture"}))
    with pytest.raises(ShapeError, match=r"table is a dict.*registered"):
        FusionExplorer.of({"mix, conv": 0.5})
    with pytest.raises(ShapeError, match="size=8"):
        FusionExplorer.of(size=8)


# --- what is drawn ---


def test_the_drawing_of_a_fusion():
    nodes, wires = drawing("mix", "sum", cases())
    rows = [[(node.x, node.name, node.shape) for node in nodes if node.row == row] for row in (0, 1, 2)]
    columns = ["block1", "block2", "block3", "mix"]
    for row, name in ((rows[0], "picture"), (rows[2], "flow")):
        assert [each[:2] for each in row] == list(enumerate([name, *columns]))
    assert rows[2][0] == (0, "flow", "10×32×32")
    assert rows[1] == [(4, "sum", "+"), (4.5, "fused", "64×4×4"), (5, "vector", "64"), (6, "scores", "4")]
    assert {(4, 0, 4, 1), (4, 2, 4, 1)} < set(wires)
    assert len(wires) == 4 + 4 + 3 + 2


def test_marks_say_what_is_known():
    marks = lambda at, how: [node.marks for node in drawing(at, how, cases())[0] if node.row == 1][1:]  # noqa: E731
    assert marks("mix", "sum") == ["paired", "apart", ""]  # one above the other, till the mean takes their places away
    assert marks("mix", "product") == ["paired", "paired", ""]
    assert marks("mix", "bilinear") == ["paired", "paired", ""]
    assert marks("block2", "sum") == ["paired", "paired", "paired", "paired", ""]
    assert marks("vector", "product") == ["apart", "apart", ""]
    assert marks("scores", "mean") == [""]
    towers = [node for node in drawing("scores", "mean", cases())[0] if node.row != 1]
    assert [node.marks for node in towers if node.row == 0] == ["what"] * 6 + [""]
    assert [node.marks for node in towers if node.row == 2] == ["how"] * 6 + [""]
    assert [(node.kind, node.places) for node in towers[:7]] == [
        ("map", 32), ("map", 16), ("map", 8), ("map", 4), ("map", 4), ("vector", 1), ("vector", 1),
    ]  # fmt: skip


def test_what_cannot_be_built_is_drawn_up_to_there():
    nodes, _ = drawing("block2", "bilinear", cases())
    assert [(node.name, node.shape) for node in nodes if node.row == 1] == [("no bilinear", "✗")]
    assert [node.name for node in nodes if node.row == 0] == ["picture", "block1", "block2"]
    view = explorer().state()["views"]["block2 bilinear"]
    assert (view["costs"], view["reaches"]) == (None, ("–", ""))
    assert view["said"] == (
        "No bilinear fusion after block2: it sums over all places, and block3 would find none left.",
        "",
    )
    few = {key: cases()[key] for key in (("mix", "sum"), ("block1", "max"))}
    assert FusionExplorer(few).said("mix", "max")[0] == "No case of max after mix was given."


def test_the_page_gets_every_case():
    state = explorer().state()
    assert set(state["views"]) == {f"{at} {how}" for at, how in KEYS} | {"block1 bilinear", "block2 bilinear"}
    assert state["groups"] == [["linear", list(LINEAR)], ["not linear", list(CURVED)]]
    assert state["most"] == [279_564, 1_779_968]
    for at, how, x, mean, low, high, words in state["dots"]:
        assert (mean, low, high) == invented(at, how)
        assert (words, abs(x - COLUMNS[at]) < 0.35) == (percent(mean), True)
    places = [(dot[0], dot[2]) for dot in state["dots"]]
    assert len(set(places)) == 39
    at_mix = {dot[1]: dot[2] for dot in state["dots"] if dot[0] == "mix"}
    assert max(at_mix[how] for how in LINEAR) < 4 < min(at_mix[how] for how in CURVED)
    assert state["lines"] == [["chance", 0.25, "25\u202f%"], ["does not know which goes where", 0.5, "50\u202f%"]]


# --- words ---


def test_what_a_choice_means():
    said = lambda *key: explorer().said(*key)[0]  # noqa: E731
    assert said("mix", "sum") == (
        "After mix comes nothing but a mean over 4×4 places and a linear map: a sum there is a sum of scores, so the "
        "network cannot know which goes where."
    )
    assert "a convolution there is linear too, and the answer a sum of two scores" in said("mix", "conv")
    assert "a gate is not linear and joins what and how at each place" in said("mix", "gated")
    assert "At 16×16 places a sum" in said("block1", "sum")
    assert "and block2, block3 and mix follow and are not linear" in said("block1", "sum")
    assert "and mix follows and is not linear" in said("block3", "conv")
    assert "All 32×32 pairs" in said("block3", "bilinear")
    assert said("vector", "conv3").endswith("carry their place; a kernel of 3×3 has but that one place to see.")
    assert "kernel" not in said("vector", "conv")
    assert said("mix", "conv3") == said("mix", "conv")
    for key in KEYS:
        knows = "can know which goes where" in said(*key) or "which goes where is in the pairs" in said(*key)
        assert knows == pairs(*key), key
        assert ("cannot" in said(*key) or "No operator can" in said(*key)) != pairs(*key), key


def test_what_a_choice_reaches():
    assert explorer().said("mix", "sum")[1] == (
        "It reaches 50\u202f% (seeds: 48.8–51.7\u202f%); after mix, linear operators reach 50–51.2\u202f%, the others "
        "93–96\u202f%; sum after 5 different layers: 50–97\u202f%."
    )
    assert "after block1, all 7 operators reach 93.5–96.2\u202f%" in explorer().said("block1", "max")[1]
    assert "bilinear after 3 different layers" in explorer().said("vector", "bilinear")[1]
    assert explorer().said("scores", "conv") == explorer().said("scores", "mean")
    assert explorer().said("scores", "mean")[1] == "It reaches 50\u202f% (seeds: 48.8–51.7\u202f%)."
    one = dataclasses.replace(cases()["mix", "sum"], accuracy=(0.5, 0.5, 0.5))
    assert told("mix", "sum", {("mix", "sum"): one}) == "It reaches 50\u202f%."


def test_groups_are_told_apart_only_if_seeds_differ_less():
    def with_spread(spread):
        two = {("mix", "sum"): (0.5, 0.5, 0.5), ("mix", "max"): (0.6, 0.6 - spread / 2, 0.6 + spread / 2)}
        return {key: dataclasses.replace(cases()[key], accuracy=each) for key, each in two.items()}

    assert "linear operators reach 50\u202f%, the others 60\u202f%" in told("mix", "sum", with_spread(0.08))
    assert "all 2 operators reach 50–60\u202f%" in told("mix", "sum", with_spread(0.12))


def test_shares_in_words():
    assert [percent(each) for each in (0.5, 0.9964, 0.525, 1.0, 0.0, 0.03)] == [
        f"{each}\u202f%" for each in ("50", "99.6", "52.5", "100", "0", "3")
    ]
    assert span(0.501, 0.501) == "50.1\u202f%"


def test_the_alternative_text_is_computed():
    alt = explorer(at="block3", how="gated").alt
    for part in [
        "Where does the red one go?: 39 networks. Chosen: gated after block3. Picture tower: picture 3×32×32, block1 8",
        "Flow tower: flow 10×32×32",
        "Gated after block3 gives 32×4×4, then mix 64×4×4, vector 64, scores 4. 17,196 parameters, 600,320 multiply–",
        "It reaches 97\u202f%",
        "mix 50–96\u202f%, from sum to gated; vector 53–57.2\u202f%, from bilinear to concat; scores 50\u202f%.",
        "Lines: chance 25\u202f%, does not know which goes where 50\u202f%.",
    ]:
        assert part in alt
    assert "No bilinear fusion after block1" in explorer(at="block1", how="bilinear").alt
    bare = FusionExplorer(measured(4, 5, 32)).alt
    assert "Accuracy" not in bare
    assert "Lines" not in bare


# --- what a widget is ---


def test_what_the_widget_gives():
    bundle = explorer()._repr_mimebundle_()
    assert bundle == explorer()._repr_mimebundle_()
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert bundle["text/plain"] == explorer().alt
    assert "http" not in bundle["text/html"].replace("http://www.w3.org/2000/svg", "")
    assert len(bundle["text/html"].encode()) <= 250_000
    wicked = explorer(title="</script><script>alert(1)</script><!--", lines={"</style><b>": 0.5}).html()
    assert len(re.findall("</?script", wicked)) == 2
    assert "<!--" not in wicked
    assert figures.FusionExplorer is FusionExplorer


def test_live_values_are_traits():
    live = explorer(at="vector", how="max").live()
    assert (live.at, live.how) == ("vector", "max")
    live.at = "mix"
    assert live.get_state()["at"] == "mix"


def test_the_first_choice():
    assert (explorer().at, explorer().how) == ("mix", "sum")
    few = {key: cases()[key] for key in (("vector", "max"), ("block1", "gated"))}
    widget = FusionExplorer(few)
    assert (widget.sites, widget.operators) == (["block1", "vector"], ["max", "gated"])
    assert (widget.at, widget.how) == ("block1", "max")
    assert widget.said("block1", "max")[0].startswith("No case")
    only = FusionExplorer({("scores", "mean"): cases()["scores", "mean"]})
    assert (only.at, only.how, only.operators) == ("scores", "mean", [])
    assert only.views() == [("scores", "mean")]


def test_the_poster_shows_the_choice():
    poster = lambda widget: np.asarray(widget.poster_image()).astype(int)  # noqa: E731
    near = lambda image, colour: (np.abs(image - colour).max(-1) < 8).sum()  # noqa: E731
    one, other = poster(explorer()), poster(explorer(how="product"))
    assert one.shape == other.shape
    assert (
        near(one, [0x9B, 0x3F, 0x86]) > near(other, [0x9B, 0x3F, 0x86]) > 300
    )  # the chosen operator's dots are joined
    assert near(other, [0, 0x70, 0x4F]) > near(one, [0, 0x70, 0x4F]) > 300
    assert near(one, [0xD1, 0x34, 0x4B]) > 1000
    moved = {key: dataclasses.replace(case, accuracy=(0.7, 0.7, 0.7)) for key, case in cases().items()}
    assert (poster(FusionExplorer(moved, title="Where does the red one go?", lines=LINES)) != one).any()
    assert len(poster(FusionExplorer(measured(4, 5, 32)))) < len(one)
    assert poster(explorer(at="block1", how="bilinear")).shape == one.shape


def texts_of(widget):
    """The words of a poster, with their boxes in inches, which lie apart and within it."""
    figure = fusion_explorer_figure(widget)
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    boxes = [text.get_window_extent() for text in texts]
    for k, (text, box) in enumerate(zip(texts, boxes, strict=True)):
        assert min(box.x0, box.y0, figure.bbox.x1 - box.x1, figure.bbox.y1 - box.y1) >= 0, text
        for other, near in zip(texts[:k], boxes[:k], strict=True):
            apart = box.x0 >= near.x1 or near.x0 >= box.x1 or box.y0 >= near.y1 - 1.5 or near.y0 >= box.y1 - 1.5
            assert apart, (text.get_text(), other.get_text())
    return figure, {text.get_text(): box for text, box in zip(texts, boxes, strict=True)}


@pytest.mark.parametrize("at", SITES)
def test_words_of_the_poster_lie_apart(at):
    for how in {"vector": OPERATORS, "scores": ["sum"]}.get(at, ["bilinear", "conv3"]):
        figure, texts = texts_of(explorer(at=at, how=how, lines={"which goes where unknown": 0.5, "chance": 0.25}))
        (chart,) = (axes for axes in figure.axes if axes.lines and axes.get_ylim()[1] == 102)
        begin = [line.get_window_extent().x0 for line in chart.lines if line.get_linestyle() == "--"]
        assert len(begin) == 2
        for word in ("accuracy", "0\u202f%", "100\u202f%", "chance 25\u202f%", "which goes where\nunknown 50\u202f%"):
            assert texts[word].x1 < min(begin), word
        assert texts.get("50\u202f%", chart.bbox).x1 > min(begin), "left of the axis it is said by the line"
        assert all(text.get_fontsize() >= 9.5 for text in figure.findobj(Text) if len(text.get_text()) > 1)


def test_the_order_of_the_operators_is_written_above_their_dots():
    _, texts = texts_of(explorer())
    assert {"sum, concat, conv, conv3", "max, product, gated, bilinear", "  ● linear", "  ◆ not linear"} < set(texts)
    written = ", ".join(
        sorted(
            (each for each in texts if ", " in each and each.split(",")[0] in OPERATORS),
            key=lambda each: texts[each].x0,
        )
    )
    at_mix = sorted((dot for dot in explorer().state()["dots"] if dot[0] == "mix"), key=lambda dot: dot[2])
    assert written.split(", ") == [dot[1] for dot in at_mix]


def test_words_beside_the_axis_make_room_for_each_other():
    assert beside([]) == ([], [0, 50, 100])
    assert beside([0.25, 0.5], 0.25) == ([0.25, 0.5], [0, 100])
    assert beside([0.75], 0.1) == ([0.75], [0, 50, 100])
    placed, _ = beside([0.9, 0.95, 1.0], 0.25)
    assert placed == pytest.approx([0.5, 0.75, 1.0])
    placed, ticks = beside([0.5, 0.52], 0.2)
    assert placed == pytest.approx([0.5, 0.7])
    assert ticks == [0, 100]


# --- what it refuses ---


def refused(match, given=None, key=("mix", "sum"), case=None, **options):
    if given is None:
        given = {key: cases()["mix", "sum"] if case is None else case}
    with pytest.raises(ShapeError, match=match):
        FusionExplorer(given, **options)


def test_what_does_not_fit_is_refused(unchecked):
    good, average = cases()["mix", "sum"], cases()["scores", "mean"]
    change = lambda of=good, **parts: dataclasses.replace(of, **parts)  # noqa: E731
    refused("cases is an empty dict", given={})
    refused(r"cases is a list.*FusionExplorer\.of", given=[good])
    refused("a case 'mix'", key="mix")
    refused(r"a case \('mix', 'xor'\).*bilinear", key=("mix", "xor"))
    refused(r"a case \('scores', 'sum'\).*'mean'", key=("scores", "sum"))
    refused("is a tuple", case=(1, 2))
    refused(r"a tower of picture, block1, block2, block3.*Wanted: picture.*mix", case=change(spatial=good.spatial[:-1]))
    refused("a tower of picture", case=change(temporal=good.spatial))
    refused("above are vector, scores. Wanted: nothing", key=("scores", "mean"), case=change(average, above=good.above))
    refused('"scores" at the end', case=change(above=good.above[:-1]))
    refused("no layers", case=change(above=()))
    refused(r"fused has shape \(64,\)", case=change(fused=(64,)))
    refused(r"fused has shape \(64, 0, 4\)", case=change(fused=(64, 0, 4)))
    refused(r"vector has shape \(64, 1, 1\)", case=change(above=(("vector", (64, 1, 1)), *good.above[1:])))
    refused("meet", case=change(temporal=(*good.temporal[:-1], ("mix", (32, 4, 4)))))
    refused("-1 parameters", case=change(parameters=-1))
    refused(r"accuracy \(52, 51, 53\).*0\.5, not 50", case=change(accuracy=(52, 51, 53)))
    refused(r"mean, lowest, highest", case=change(accuracy=(0.5, 0.52, 0.6)))
    refused("the line 'chance' lies at 25.*0.25", lines={"chance": 25})
    refused("4 lines", lines=dict.fromkeys("abcd", 0.5))
    refused("lines is a list", lines=[0.5])
    refused("at = 'block1'.*one of mix", at="block1")
    refused("how = 'max'.*one of sum", how="max")


def test_a_case_is_as_it_was_made():
    with pytest.raises(dataclasses.FrozenInstanceError):
        cases()["mix", "sum"].fused = (1, 1, 1)
    assert isinstance(cases()["mix", "sum"], Case)
