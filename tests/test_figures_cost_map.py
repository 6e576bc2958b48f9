"""CostMap without a browser: numbers, front, names, words and picture; what it takes from tables, what it refuses."""

import math
import random
import re
from pathlib import Path

import jaxtyping
import numpy as np
import pytest

from vidlab import experiments_all, results
from vidlab.errors import ShapeError
from vidlab.figures import CostMap, ModelRow, cost_map_names, cost_map_scale
from vidlab.figures.cost_map_data import FAMILIES, MOST_MODELS, numbers
from vidlab.figures.cost_map_models import MODELS
from vidlab.figures.cost_map_poster import HIGHEST, LOWEST, TONES

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
ROWS = (
    ModelRow(
        "cheap", "appearance only", {"what": [1.0, 0.9], "where": [0.3, 0.2]}, {"weights": 100, "ms": 1}, "Cheap."
    ),
    ModelRow("middle", "fused frames", {"what": [0.5], "where": [0.8]}, {"weights": 1000, "ms": {"where": 20}}),
    ModelRow("dear", "recurrence", {"what": [0.95, 0.95]}, {"weights": 10_000}, "Dear.", "06_early_fusion.ipynb"),
)
QUESTIONS = {"what": 0.25, "where": 0.125}


def small(**options):
    return CostMap(ROWS, QUESTIONS, **options)


def crowd(n, seed=0):
    """Points on a plot of which many are crowded at its upper edge, and sizes of their names."""
    draw = random.Random(seed)
    area = draw.choice([(340, 440), (800, 440), (700, 380)])
    shares = [draw.choice([1, 1, 1, 0.25, draw.random()]) for _ in range(n)]
    points = [[area[0] * draw.uniform(0.05, 0.95), area[1] * (HIGHEST - s) / (HIGHEST - LOWEST)] for s in shares]
    sizes = [[draw.choice([24, 40, 60, 75, 110, 150]), 15] for _ in range(n)]
    boxes = [[0, 0.74 * area[1], 80, 0.74 * area[1] + 16]]
    lines = [[x, y - 10, x, y + 10] for x, y in points] + [[0, 0.74 * area[1], area[0], 0.74 * area[1]]]
    return points, sizes, boxes, lines, list(area)


# --- what a widget is ---


def test_what_the_widget_gives():
    widget = small(title="Three")
    bundle = widget._repr_mimebundle_()
    assert bundle == small(title="Three")._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert bundle["text/plain"] == widget.alt
    assert len(bundle["text/html"].encode()) <= 120_000
    assert "http" not in bundle["text/html"].replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r'<a [^>]*href="([^"]*)"', bundle["text/html"].split("<style>")[0]) == ["06_early_fusion.ipynb"]


def test_no_name_can_close_the_script():
    wicked = "</script><script>alert(1)</script><!--"
    row = ModelRow(wicked, "attention", {wicked: [1]}, {wicked: 1}, wicked, f"{wicked}.ipynb")
    html = CostMap([row], {wicked: 0.5}, title=wicked).html()
    assert len(re.findall("</?script", html)) == 2
    assert "<!--" not in html


def test_live_values_are_traits():
    live = small(question="where", cost="ms", chosen="middle", front=False).live()
    assert (live.question, live.cost, live.chosen, live.front) == ("where", "ms", "middle", False)
    live.question = "what"
    assert live.get_state()["question"] == "what"


def test_rows_may_be_dicts():
    rows = [{"name": "cheap", "family": "attention", "values": {"what": (1, 0.5)}, "costs": {"weights": 7}}]
    assert CostMap(rows, {"what": 0.1}).share(0, 0) == "75.0\u00a0% (50.0–100.0)"


# --- numbers ---


def test_the_front_is_who_nobody_beats():
    draw = random.Random(3)
    for _ in range(40):
        costs = [draw.choice([1, 2, 5, 10, 20, 50]) for _ in range(9)]
        shares = [draw.choice([0.1, 0.5, 0.7, 0.9, 1.0]) for _ in range(9)]
        rows = [
            ModelRow(str(k), "attention", {"q": [s]}, {"c": c})
            for k, (c, s) in enumerate(zip(costs, shares, strict=True))
        ]
        front = numbers(rows, ["q"], ["c"]).front(0, 0)
        best, expected = -1.0, set()  # another way: along the costs, whoever is better than all before
        for cost in sorted(set(costs)):
            here = max(s for c, s in zip(costs, shares, strict=True) if c == cost)
            if here > best:
                expected |= {k for k in range(9) if costs[k] == cost and shares[k] == here}
                best = here
        assert set(front) == expected
        assert [costs[k] for k in front] == sorted(costs[k] for k in front)


def test_what_is_not_known_is_left_out_and_named():
    widget = small()
    assert widget.numbers.drawn(0, 0) == [0, 1, 2]
    assert widget.numbers.drawn(0, 1) == [0]  # of the middle one, ms are known for the other question only
    assert widget.numbers.drawn(1, 1) == [0, 1]
    assert widget.told(0, 0)[1] == ""
    assert widget.told(0, 1)[1] == "Not drawn (ms not known): middle; dear."
    assert widget.told(1, 1)[1] == "Not drawn (not asked this): dear."
    assert widget.told(1, 1)[0] == "On the front, from cheap to dear: cheap 25.0\u00a0%; middle 80.0\u00a0%."
    state = widget.state()
    assert state["spend"][0][1] == [1, None, None]
    assert state["share"][1] == [[0.25, 0.2, 0.3], [0.8, 0.8, 0.8], None]
    assert state["seeds"] == ["1–2 seeds", "1–2 seeds"]
    assert state["spendWords"][0][1][1] == "not known"
    assert state["shareWords"][1][2] == "not asked"
    assert widget.chosen == "cheap"  # the best of the front
    nobody = CostMap(
        [ModelRow("a", "attention", {"q": [1]}, {"c": {"r": 1}}), ModelRow("b", "attention", {"r": [1]}, {"c": 1})],
        {"q": 0, "r": 0},
    )
    assert nobody.told(0, 0) == ["No model has both.", "Not drawn (c not known): a. Not drawn (not asked this): b."]
    assert nobody.poster_image().size[0] == 1100


def test_scales():
    for costs in ([1], [3, 4], [844, 268_556], [0.02, 7e9]):
        low, high = cost_map_scale.domain(costs)
        assert high - low >= 0.5
        assert 10**low < min(costs) <= max(costs) < 10**high
        marks = cost_map_scale.ticks(low, high)
        assert marks
        assert all(low <= math.log10(cost) <= high for cost, _ in marks)
    assert [words for _, words in cost_map_scale.ticks(4.9, 7.1)] == [
        "100,000", "200,000", "500,000", "1 M", "2 M", "5 M", "10 M",
    ]  # fmt: skip
    assert [words for _, words in cost_map_scale.ticks(-1.5, 9.5)][:3] == ["0.1", "1", "10"]
    written = {1_622_016: "1.62 M", 2.5e9: "2.50 G", 268_556: "268,556", 5.344: "5.34", 0.0712: "0.0712"}
    assert {cost: cost_map_scale.cost_words(cost) for cost in written} == written


# --- tables of results ---


def test_of_takes_each_number_from_the_questions_own_table():
    direction, onset = results.table("direction"), results.table("onset")
    asked = {"direction": (direction, "direction", 0.25), "event": (onset, "at 6", 0.25)}
    widget = CostMap.of(asked, {"early": 3.5, "3D": {"event": 12}}, models=["early", "late, maps", "3D"])
    found = widget.numbers
    assert list(widget.costs) == ["multiply–adds", "weights", "milliseconds", "CPU-seconds"]
    for q, (table, column, _) in enumerate(asked.values()):
        for k, name in enumerate(widget.names):
            if name not in table.rows:
                assert np.isnan(found.mean[q, k])
                continue
            row = table[name]
            assert (found.low[q, k], found.high[q, k]) == row.spread[column]
            assert found.mean[q, k] == pytest.approx(row.mean[column])
            assert found.cost[q, [0, 1], k].tolist() == [row.multiply_adds, row.parameters]
            assert found.cost[q, 3, k] == pytest.approx(sum(row.cpu_seconds) / 3)
    assert found.cost[0, 1, 0] != found.cost[1, 1, 0]  # clips of another length: another number of weights
    np.testing.assert_array_equal(found.cost[:, 2], [[3.5, np.nan, np.nan], [3.5, np.nan, 12]])
    assert widget.rows[0].link == "06_early_fusion.ipynb"


def test_an_average_has_no_training_of_its_own():
    streams = results.table("streams", "picture", "flow", "scores averaged")
    about = {"scores averaged": ("two streams", "Averages.", "11_two_stream_networks.ipynb")}
    widget = CostMap.of({"both": (streams, "both", 1 / 16)}, about=about, cost="CPU-seconds")
    assert widget.told(0, 2)[1] == "Not drawn (CPU-seconds not known): scores averaged."
    assert len(widget.numbers.drawn(0, 0)) == 3


def test_the_course_knows_its_models():
    names = {row.name for experiment in experiments_all.ALL for row in experiment.rows}
    assert names <= set(MODELS)
    for name, (family, says, link) in MODELS.items():
        assert family in FAMILIES, name
        assert says.endswith("."), name
        assert (NOTEBOOKS / link).is_file(), name


def test_what_is_said_of_the_models_is_what_the_tables_say():
    """Who "sees motion" tells directions, the others do not; pooling does not know what comes first, memory does."""
    rows = results.table("direction").rows | results.table("memory").rows
    assert len(rows) > 10
    for name, row in rows.items():
        assert (row.mean["direction"] > 0.9) == ("sees motion" in MODELS[name].says), name
    order = {name: row.mean["order"] for name, row in results.table("order").rows.items() if name in MODELS}
    assert {
        name for name, share in order.items() if MODELS[name].family == "order-blind pooling" and share > 0.55
    } == set()
    assert min(share for name, share in order.items() if MODELS[name].family == "recurrence") > 0.95
    late = {name: row.mean["at 6"] for name, row in results.table("onset").rows.items()}
    lost = {name for name, share in late.items() if share < 0.5}
    assert lost == {name for name in late if "escape it" in MODELS[name].says}
    assert {name for name, share in late.items() if share > 0.95} >= {
        name for name in late if "whenever" in MODELS[name].says
    }


def test_what_is_said_of_the_models_is_what_the_capstone_says():
    """On the tables of all models: who sees motion, whenever it happens, the order of far events, which of two."""
    tables = {name: results.table(f"all_{name}") for name in ("direction", "event", "order", "red")}
    says = {name: MODELS[name].says for name in tables["direction"].rows}

    def shares(table: str, column: str, *words: str) -> list[float]:
        return [tables[table][name].mean[column] for name, said in says.items() if any(each in said for each in words)]

    assert min(shares("direction", "direction", "sees motion", "how things move", "how it moves, not which")) > 0.9
    assert max(shares("direction", "direction", "no motion", "what was there", ", not how it", "motion with it")) < 0.35
    assert min(shares("event", "event, later", "whenever")) > 0.95
    assert max(shares("event", "event, later", "escape it")) < 0.5
    assert min(shares("order", "order", "order of far events")) > 0.95
    assert max(shares("order", "order", "beyond their reach", "what was there", "no motion")) < 0.7
    assert max(shares("red", "red one", "not which of two")) < 0.6
    assert min(shares("red", "red one", "can tell which of two")) > 0.95


# --- names ---


@pytest.mark.parametrize("seed", range(6))
def test_names_cover_nothing(seed):
    points, sizes, boxes, lines, area = crowd(16, seed)
    centres, ends = cost_map_names.place(points, sizes, boxes, lines, area, 7)
    low, high = centres - np.array(sizes) / 2, centres + np.array(sizes) / 2
    assert (low >= 0).all()
    assert (high <= area).all()
    for i, point in enumerate(points):
        others = [j for j in range(16) if j != i]
        assert not ((low[i] < high[others]) & (low[others] < high[i])).all(1).any()
        marks = np.array(points)
        assert not ((low[i] < marks + 7) & (marks - 7 < high[i])).all(1).any()
        assert (low[i] - 1e-9 <= ends[i]).all()
        assert (ends[i] <= high[i] + 1e-9).all()
        inside = np.clip(point, low[i], high[i])
        assert np.allclose(ends[i], inside)


def test_a_lonely_name_stands_beside_its_point():
    (centre,), (end,) = cost_map_names.place([[100, 100]], [[40, 14]], [], [], [300, 200], 7)
    assert centre.tolist() == pytest.approx([100 + 7 + cost_map_names.FREE + 20, 100])
    assert end.tolist() == pytest.approx([100 + 7 + cost_map_names.FREE, 100])


# --- words and picture ---


def test_the_alternative_text_is_computed():
    alt = small(title="Three.", question="where").alt.replace("\u00a0", " ")
    for part in [
        "Three: 3 models, 2 questions (what; where) and 2 costs (weights; ms). ",
        "Where, against weights, biases among them, from cheap to dear: cheap 25.0 % (20.0–30.0) at 100; ",
        "; middle 80.0 % at 1,000. ",
        "On the front, from cheap to dear: cheap 25.0 %; middle 80.0 %. Not drawn (not asked this): dear. ",
        "The best mean of each question: what: 95.0 % (chance 25 %); where: 80.0 % (chance 12.5 %).",
    ]:
        assert part in alt
    assert "against ms" in small(cost="ms").alt


def test_the_poster_has_each_marker_in_its_place():
    image = np.asarray(small(front=False).poster_image()).astype(int)
    left, top, wide, high = 62, 66, 1100 - 62 - 215, 620 - 66 - 96
    low, right = cost_map_scale.domain([100, 1000, 10_000])
    for row, cost, share in zip(ROWS, (100, 1000, 10_000), (0.95, 0.5, 0.95), strict=True):
        x = left + wide * (math.log10(cost) - low) / (right - low)
        y = top + high * (HIGHEST - share) / (HIGHEST - LOWEST)
        tone = [int(TONES[row.family][i : i + 2], 16) for i in (1, 3, 5)]
        ys, xs = np.nonzero((np.abs(image[:, : left + wide] - tone) < 12).all(-1))
        near = (abs(xs - x) < 12) & (abs(ys - y) < 12)
        assert near.sum() > 40, row.name
        assert (xs[near].mean(), ys[near].mean()) == pytest.approx((x, y), abs=2)
    assert (np.asarray(small().poster_image()) != image).any()  # with the front
    assert (np.asarray(small(front=False, question="where").poster_image()) != image).any()


# --- what it refuses ---


@pytest.fixture
def unchecked():
    """As a learner has it: without the types that the tests check."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def refused(match, rows=ROWS, questions=QUESTIONS, **options):
    with pytest.raises(ShapeError, match=match):
        CostMap(rows, questions, **options)


def test_what_does_not_fit_is_refused(unchecked):
    row = {"name": "a", "family": "attention", "values": {"what": [1.0]}, "costs": {"weights": 1}}
    one = {"what": 0.25}
    refused("rows is a tuple of 0", rows=())
    refused(f"1 to {MOST_MODELS} ModelRow", rows=[row | {"name": str(k)} for k in range(MOST_MODELS + 1)])
    refused("rows is a dict", rows=row)
    refused("a row is a str", rows=["early"])
    refused("a row with 'wait'", rows=[row | {"wait": 1}])
    refused("a row without 'family'", rows=[{"name": "a", "values": {}}])
    refused("two models called 'a'", rows=[row, row])
    refused("family of 'a' is 'magic'.*appearance only", rows=[row | {"family": "magic"}])
    refused("the values of 'a' are a list", rows=[row | {"values": [1]}])
    refused(r"values\['what'\] of 'a' = \[\]", rows=[row | {"values": {"what": []}}])
    refused(r"\[98.0\].*divide by 100", rows=[row | {"values": {"what": [98.0]}}])
    refused("shares from 0 to 1", rows=[row | {"values": {"what": [float("nan")]}}])
    for cost in (0, -1, float("nan"), float("inf"), "3", None, {"what": 0}):
        refused("weights of 'a'.*above 0", rows=[row | {"costs": {"weights": cost}}])
    for link in ("javascript:alert(1)", "https://a.b", "//a.b"):
        refused("the link of 'a'", rows=[row | {"link": link}])
    refused("questions is a list", questions=["what"])
    refused("questions is a dict of 0", questions={})
    refused("the chance of 'what' is 25.*Try: 0.25", questions={"what": 25})
    refused("no model has values for 'who'.*'what' or 'where'", questions={"who": 0.5})
    refused("no model has the cost 'price'.*'weights' or 'ms'", costs=["price"])
    refused("costs = 'weights'", costs="weights")
    refused("1 to 6 of", rows=[row | {"costs": {}}], questions=one)
    refused("for these questions", rows=[row | {"costs": {"weights": {"where": 3}}}], questions=one)
    refused("question = 'who'.*'what' or 'where'", question="who")
    refused("cost = 'price'", cost="price")
    refused("chosen = 'best'", chosen="best")


def test_tables_that_do_not_fit_are_refused(unchecked):
    table = results.table("direction", "early")
    for match, tables, options in [
        ("tables is a list", [table], {}),
        (r"tables\['direction'\]", {"direction": table}, {}),
        ("no column 'speed'.*'direction' or 'axis'", {"q": (table, "speed", 0.25)}, {}),
        ("no table has a line 'magic'", {"q": (table, "direction", 0.25)}, {"models": ["magic"]}),
        ("no table has a line 'magic'", {"q": (table, "direction", 0.25)}, {"ms": {"magic": 1}}),
        (
            "nothing is known about the model 'block1, sum'",
            {"q": (results.table("registered", "block1, sum"), "red one", 0.25)},
            {},
        ),
    ]:
        with pytest.raises(ShapeError, match=match):
            CostMap.of(tables, **options)
