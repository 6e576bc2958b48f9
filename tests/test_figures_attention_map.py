"""AttentionMap without a browser: whose weights are shown, how well they travel, what is said and what is refused."""

import base64
import re

import jaxtyping
import numpy as np
import pytest
import torch
from einops import rearrange
from torch import nn

from vidlab import models
from vidlab.errors import ShapeError
from vidlab.figures import AttentionMap, attention_poster
from vidlab.figures.attention_looks import looks_of, pooled
from vidlab.models.attention import recorded
from vidlab.models.attention_rollout import among_all, rollout
from vidlab.models.video_vit import VideoViT

SMALL = {"frames": 6, "size": 16, "tubelet": (2, 8, 4), "dim": 16, "heads": 2}  # 3 moments of 2 × 4 places
GRID, P = (3, 2, 4), 24


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def softmax(*shape, seed=0, sharp=8.0):
    return (sharp * rand(*shape, seed=seed)).softmax(-1)


def vit(kind, seed=0, **options):
    """Its weights large, so that attention is far from even."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = VideoViT(4, kind=kind, **SMALL | options).eval()
        for each in model.parameters():
            each.data.normal_(std=0.5)
        return model


def clips(n=2, t=6, size=16, seed=0):
    return rand(n, t, 3, size, size, seed=seed)


def widget(n=2, heads=2, **options):
    looks = {
        name: {"layer 1": softmax(n, heads, P + 1, P + 1, seed=k), "time": softmax(n, heads, 4, 4, seed=k + 7)}
        for k, name in enumerate(("before", "trained"))
    }
    rolled = {name: (softmax(n, P + 1, P + 1, seed=k + 20) + torch.eye(P + 1)) / 2 for k, name in enumerate(looks)}
    made = AttentionMap(clips(n), looks, GRID, **{"rollout": rolled, "title": "Clips"} | options)
    return made, looks, rolled


def test_weights_travel_nearly_exactly():
    made, looks, rolled = widget()
    for state in looks:
        for example in range(2):
            for layer, weights in looks[state].items():
                for head in range(3):
                    true = (weights[example].mean(0) if head == 0 else weights[example, head - 1]).double().numpy()
                    got = made.weights(state, layer, example, head)
                    assert np.abs(got - true).max() <= 0.005 * weights[example].max()
                    np.testing.assert_allclose(got.sum(-1), 1, rtol=1e-12)
                    shares = [each[:, 1:].reshape(len(each), 3, -1).sum(-1) for each in (got, true)]
                    np.testing.assert_allclose(*shares, atol=0.01)
            got = made.weights(state, "rollout", example)
            assert np.abs(got - rolled[state][example].numpy()).max() <= 0.005 * rolled[state][example].max()


def test_small_weights_beside_a_large_one_keep_their_sum():
    weights = torch.full((1, 1, P, P), 0.1 / (P - 1))
    weights.diagonal(dim1=-2, dim2=-1).fill_(0.9)
    made = AttentionMap(clips(1), {"a": {"l": weights}}, GRID)
    np.testing.assert_allclose(made.weights("a", "l").diagonal(), 0.9, atol=0.004)


@pytest.mark.parametrize("lead", [0, 1])
def test_what_cannot_be_seen_is_not_what_has_no_weight(lead):
    """A pair is out of reach if it is 0 in all states, examples and heads; a code of 0 is something else."""
    m = P + lead
    weights = {name: softmax(2, 2, m, m, seed=k) for k, name in enumerate("ab")}
    for each in weights.values():
        each[..., 5, 7] = 0
        each[..., 6, 8] = 1e-12
    weights["a"][:, :, 9, 3] = 0  # in one state only
    weights = {k: v / v.sum(-1, keepdim=True) for k, v in weights.items()}
    made = AttentionMap(clips(), {k: {"l": v} for k, v in weights.items()}, GRID)
    reach = made.packed["l"].reach
    assert [tuple(pair) for pair in np.argwhere(~reach)] == [(5, 7)]
    assert made.weights("b", "l")[6, 8] == 0
    sent = next(each for each in made.state()["layers"] if each["name"] == "l")
    bits = np.unpackbits(np.frombuffer(base64.b64decode(sent["reach"]), np.uint8))[: m * m].reshape(m, m)
    np.testing.assert_array_equal(bits, reach)
    codes = np.frombuffer(base64.b64decode(sent["codes"]), np.uint8)
    assert codes.size == 2 * 2 * 2 * reach.sum()
    assert "What a patch cannot see here is hatched." in made.notes["l"]


def test_a_query_that_sees_nothing():
    weights = softmax(1, 1, P, P)
    weights[0, 0, 3] = 0
    made = AttentionMap(clips(1), {"a": {"l": weights}}, GRID, query=(0, 0, 3))
    assert (made.weights("a", "l")[3] == 0).all()
    assert "looks nowhere" in made.alt
    assert made.poster().startswith(b"\x89PNG")


def test_joint_attention_is_the_models():
    model, film = vit("joint"), clips()
    looks = looks_of(model, film)
    maps = model.attention(film)["joint"]
    assert list(looks.layers) == ["layer 1", "layer 2"]
    for k, each in enumerate(looks.layers.values()):
        torch.testing.assert_close(each, maps[:, k])
    torch.testing.assert_close(looks.rollout, rollout(maps))
    shares = looks.rollout[:, 0, 1:] / looks.rollout[:, 0, 1:].sum(-1, keepdim=True)
    torch.testing.assert_close(shares.reshape(-1, *GRID), model.look(film))
    made = AttentionMap.of(model, film)
    assert made.states == ["VideoViT"]
    assert made.packed["layer 1"].reach.all()
    assert made.notes["layer 1"] == ""


def test_factorised_attention_stays_in_its_moment():
    model, film = vit("factorised", later=2), clips()
    looks, maps = looks_of(model, film), model.attention(film)
    assert list(looks.layers) == ["space 1", "space 2", "time 1", "time 2"]
    for t in range(3):
        own = slice(1 + 8 * t, 9 + 8 * t)
        inside, patches = maps["space"][:, 1, t], looks.layers["space 2"][:, :, own]
        torch.testing.assert_close(patches[..., own], inside[..., 1:, 1:])
        torch.testing.assert_close(patches[..., 0], inside[..., 1:, 0])
        torch.testing.assert_close(
            patches[..., [0, *range(1, 25)[own.start - 1 : own.stop - 1]]].sum(-1), torch.ones(2, 2, 8)
        )
        torch.testing.assert_close(looks.layers["space 2"][:, :, 0, own], inside[:, :, 0, 1:] / 3)
    torch.testing.assert_close(looks.layers["time 2"], maps["time"][:, 1])
    made = AttentionMap.of(model, film)
    assert [made.moments(layer) for layer in made.layers] == [False, False, True, True]
    assert "only its own moment" in made.notes["space 1"]
    assert "class token of its own" in made.notes["space 1"]
    assert "whole moments" in made.notes["time 1"]
    assert made.token("space 1", (1, 1, 2)) == 1 + 8 + 4 + 2
    assert made.token("time 1", (1, 1, 2)) == 2


def test_the_rollout_of_a_factorised_encoder_is_what_the_model_looks_at():
    model, film = vit("factorised"), clips()
    rolled = looks_of(model, film).rollout
    torch.testing.assert_close(rolled.sum(-1), torch.ones(2, P + 1))
    shares = rolled[:, 0, 1:] / rolled[:, 0, 1:].sum(-1, keepdim=True)
    torch.testing.assert_close(shares.reshape(-1, *GRID), model.look(film))
    inside = rollout(model.attention(film)["space"][:, :, 1])  # of the second moment
    torch.testing.assert_close(rolled[:, 9:17, 9:17], inside[:, 1:, 1:])
    assert (rolled[:, 9:17, 1:9] == 0).all()


def test_divided_attention_alternates():
    model, film = vit("divided"), clips()
    looks, maps = looks_of(model, film), model.attention(film)
    assert list(looks.layers) == ["layer 1, time", "layer 1, space", "layer 2, time", "layer 2, space"]
    for axis in ("time", "space"):
        mean = looks.layers[f"layer 2, {axis}"].mean(1)
        torch.testing.assert_close(mean, among_all(maps[axis], axis)[:, 1])
        one = looks.layers[f"layer 2, {axis}"][:, 1]
        torch.testing.assert_close(one, among_all(maps[axis][:, :, :, [1]], axis)[:, 1])
    shares = looks.rollout[:, 0, 1:] / looks.rollout[:, 0, 1:].sum(-1, keepdim=True)
    torch.testing.assert_close(shares.reshape(-1, *GRID), model.look(film))
    made = AttentionMap.of(model, film)
    assert "only its own place" in made.notes["layer 1, time"]
    assert "only its own moment" in made.notes["layer 1, space"]


def test_frames_that_attend_are_their_own_patches():
    model, film = models.TemporalAttention(4, frames=6).train(), clips()
    looks = looks_of(model, film)
    assert model.training
    torch.testing.assert_close(looks.layers["layer 1"], model.eval().weights(model.vectors(film)).detach())
    made = AttentionMap.of(model, (film * 255).byte())
    assert (made.grid, made.lead) == ((6, 1, 1), 0)
    assert re.search(r"where moment t \d looks, in layer 1, mean of 4 heads", made.alt)
    assert "rollout" not in made.packed


def test_non_local_blocks_and_their_grid():
    model, film = models.NonLocalNet(4, stages=(1, 2)).eval(), clips(1, 4)
    looks = looks_of(model, film)
    assert looks.grid == (4, 4, 4)
    with torch.no_grad(), recorded(model) as weights:
        model(film)
    first, second = weights.values()
    torch.testing.assert_close(looks.layers["non-local block 2"], second)
    fours = rearrange(
        first,
        "n head (t h a w b) (s i c j d) -> n head t h w a b s i j c d",
        t=4,
        h=4,
        w=4,
        a=2,
        b=2,
        s=4,
        i=4,
        j=4,
        c=2,
        d=2,
    )
    expected = fours.sum((-1, -2)).mean((5, 6)).reshape(1, 1, 64, 64)
    torch.testing.assert_close(looks.layers["non-local block 1"], expected)
    assert "2×2 places" in looks.notes["non-local block 1"]
    assert list(looks_of(models.NonLocalNet(4), film).layers) == ["non-local block"]


def test_pooling_keeps_the_sum_and_the_class_token():
    weights = softmax(2, 3, P + 1, P + 1)
    got = pooled(weights, GRID, 2, lead=1)
    assert got.shape == (2, 3, 7, 7)
    torch.testing.assert_close(got.sum(-1), torch.ones(2, 3, 7))
    queries, keys = [1 + 8 + k for k in (2, 3, 6, 7)], [1 + 16 + k for k in (0, 1, 4, 5)]
    block = weights[:, :, queries][..., keys].sum(-1).mean(-1)
    torch.testing.assert_close(got[:, :, 1 + 2 + 1, 1 + 4], block)
    torch.testing.assert_close(got[:, :, 0, 0], weights[:, :, 0, 0])


@pytest.mark.parametrize(
    ("n", "states", "layers", "heads", "grid", "kept", "factor"),
    [
        (5, 2, 3, 4, (4, 4, 4), 2, 1),
        (2, 1, 1, 1, (7, 8, 8), 1, 1),
        (2, 2, 1, 1, (8, 8, 8), 2, 2),
        (300, 1, 1, 1, (2, 1, 1), 120, 1),
    ],
)
def test_any_weights_fit_the_page(n, states, layers, heads, grid, kept, factor):
    m = grid[0] * grid[1] * grid[2]
    looks = {f"s{k}": {f"l{i}": softmax(n, heads, m, m, seed=k + i) for i in range(layers)} for k in range(states)}
    made = AttentionMap(rand(n, grid[0], 3, 112, 112) if n < 100 else rand(n, 2, 3, 9, 9), looks, grid)
    assert len(made.html().encode()) <= 500_000
    assert (len(made.names), made.factor) == (kept, factor)
    said = made.state()["caption"]
    assert (f"{kept} of {n} examples" in said) == (kept < n)
    assert (f"{factor}×{factor} patches taken as one" in said) == (factor > 1)
    if factor > 1:
        expected = pooled(looks["s1"]["l0"].double(), grid, 2)[1, 0].numpy()
        np.testing.assert_allclose(made.weights("s1", "l0", 1), expected, atol=0.01 * expected.max())


def test_the_first_query_is_the_sharpest():
    weights = torch.full((1, 2, P + 1, P + 1), 1 / (P + 1))
    weights[0, :, 1 + 13] = 0.5 / (P + 1)
    weights[0, :, 1 + 13, 4] += 0.5
    make = lambda **options: AttentionMap(clips(1), {"a": {"l": weights}}, GRID, **options)  # noqa: E731
    assert make().query == (1, 1, 1)
    weights[0, :, 0] = 0.1 / (P + 1)
    weights[0, :, 0, 9] += 0.9
    made = make()
    assert made.query == "class"
    assert made.state()["patch"] == [1, 1, 1]
    assert "the class token looks" in made.alt
    assert make(query=(2, 0, 3)).state()["query"] == [2, 0, 3]


def test_the_alternative_text_is_computed():
    made, _, _ = widget(query=(2, 1, 3))
    q, own = 24, slice(17, 25)
    for state, layer, prefix in (
        ("before", "layer 1", "before"),
        ("trained", "layer 1", "trained"),
        ("trained", "rollout", "attention rollout, trained"),
    ):
        row = made.weights(state, layer)[q]
        others = np.where(np.arange(25) == q, -1, row) if layer == "rollout" else row
        k = int(others.argmax())
        t, y, x = np.unravel_index(k - 1, GRID)
        where = "itself" if k == q else f"patch t {t}, row {y}, column {x}" if k else "the class token"
        assert f"{prefix}: {row[k]:.2g} at most, to {where}; {row[own].sum():.0%} stays in its own moment" in made.alt
    assert "example 0, the first of 2 examples, 3 moments of 4×2 patches" in made.alt
    assert "where patch t 2, row 1, column 3 looks, in layer 1 of 2 layers, mean of 2 heads" in made.alt


def test_two_tokens_are_patches_before_they_are_a_moment_and_its_class_token():
    made = AttentionMap(clips(), {"a": {"l": softmax(2, 1, 2, 2)}}, (1, 1, 2))
    assert (made.lead, made.moments("l"), made.query[:2]) == (0, False, (0, 0))
    assert AttentionMap(clips(), {"a": {"l": softmax(2, 1, 2, 2), "k": softmax(2, 1, 3, 3)}}, (1, 1, 2)).moments("l")


def test_one_scale_for_all_states():
    made, _, _ = widget(query=(0, 1, 0))
    q = 1 + 4
    rows = [made.weights(state, "layer 1", 1, 2)[q] for state in made.states]
    assert made.top("layer 1", 1, 2) == max(row.max() for row in rows)
    rows = [np.delete(made.weights(state, "rollout", 1)[q], q) for state in made.states]
    assert made.top("rollout", 1) == max(row.max() for row in rows)


def test_what_a_widget_gives():
    made, _, _ = widget()
    bundle = made._repr_mimebundle_()
    assert bundle == widget()[0]._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert "http" not in bundle["text/html"].replace("http://www.w3.org/2000/svg", "")
    wicked = widget(title="</script><!--", names=2 * ["<script>"])[0].html()
    assert len(re.findall("</?script", wicked)) == 2
    live = made.live()
    live.query, live.layer, live.head = [1, 0, 2], "time", 2
    assert (live.get_state()["query"], live.get_state()["layer"], live.get_state()["head"]) == ([1, 0, 2], "time", 2)


def test_remarks_are_shown_with_their_layer():
    made, _, _ = widget(notes={"layer 1": "Mine."})
    layers = {each["name"]: each["note"] for each in made.state()["layers"]}
    assert layers == {"layer 1": "Mine.", "time": "The tokens of this layer are whole moments."}
    assert "leave out the query itself" in made.state()["rollout"]["note"]


def test_models_have_to_be_alike():
    film = clips()
    with pytest.raises(ShapeError, match="same layers"):
        AttentionMap.of({"a": vit("joint"), "b": vit("divided")}, film)
    with pytest.raises(ShapeError, match="same patches"):
        AttentionMap.of({"a": vit("joint"), "b": vit("joint", tubelet=(2, 8, 8))}, film)
    with pytest.raises(ShapeError, match="VideoViT, TemporalAttention or NonLocalNet"):
        AttentionMap.of(nn.Linear(2, 2), film)
    with pytest.raises(ShapeError, match="of no model"):
        AttentionMap.of({}, film)
    with pytest.raises(ShapeError, match="16 × 16"):
        AttentionMap.of(vit("joint"), clips(size=24))


@pytest.fixture
def unchecked():
    """As a learner has it: jaxtyping would refuse most of these first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


GOOD = softmax(2, 2, P, P)
NAN = GOOD.clone()
NAN[0, 0, 3, 4] = torch.nan
WRONG = {
    "no mapping": ({"looks": GOOD}, "states of one model"),
    "no state": ({"looks": {}}, "states of one model"),
    "other layers": ({"looks": {"a": {"l": GOOD}, "b": {"k": GOOD}}}, "the same layers"),
    "many states": ({"looks": {str(k): {"l": GOOD} for k in range(5)}}, "at most 4"),
    "its name": ({"looks": {"a": {"rollout": GOOD}}}, "another name"),
    "no head": ({"looks": {"a": {"l": GOOD[:, 0]}}}, r"weights\[:, None\]"),
    "not square": ({"looks": {"a": {"l": GOOD[..., 1:]}}}, "q = k"),
    "fewer examples": ({"looks": {"a": {"l": GOOD[:1]}}}, "n = 2"),
    "patches": ({"looks": {"a": {"l": softmax(2, 2, 30, 30)}}}, "3·2·4 patches or 3 moments"),
    "class token in one layer": (
        {"looks": {"a": {"l": GOOD, "k": softmax(2, 2, 25, 25)}}},
        "in all layers, or in none",
    ),
    "heads": ({"looks": {"a": {"l": GOOD, "k": GOOD[:, :1]}}}, "numbers of heads"),
    "nan": ({"looks": {"a": {"l": NAN}}}, "no weights"),
    "scores": ({"looks": {"a": {"l": GOOD - 0.5}}}, "after softmax"),
    "columns": ({"looks": {"a": {"l": GOOD.mT}}}, "weights.mT"),
    "half": ({"looks": {"a": {"l": 0.5 * GOOD}}}, "sum to 0.5"),
    "grid": ({"grid": (4, 2, 4)}, "divisor of the number of frames"),
    "flat grid": ({"grid": (3, 8)}, "T, H, W"),
    "one clip": ({"clips": clips()[0]}, r"clips\[None\]"),
    "channels first": ({"clips": clips().transpose(1, 2)}, "n c t h w"),
    "bytes as floats": ({"clips": 255 * clips()}, "255"),
    "names": ({"names": ["a"]}, "one an example"),
    "query outside": ({"query": (0, 2, 0)}, "below"),
    "query of two": ({"query": (0, 1)}, r"\(t, y, x\)"),
    "no class token": ({"query": "class"}, "no class token"),
    "rollout states": ({"rollout": {"b": GOOD[:, 0]}}, "a dict of the states"),
    "rollout heads": ({"rollout": {"a": GOOD}}, "n q k"),
    "rollout moments": ({"rollout": {"a": softmax(2, 3, 3)}}, r"\(2, 24, 24\)"),
    "rollout sums": ({"rollout": {"a": 2 * GOOD[:, 0]}}, "sum to 2"),
    "fps": ({"fps": 0}, "fps"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_is_refused(what, unchecked):
    options, words = WRONG[what]
    with pytest.raises(ShapeError, match=words):
        AttentionMap(**{"clips": clips(), "looks": {"a": {"l": GOOD}}, "grid": GRID} | options)


def test_more_than_any_page_holds_is_refused():
    with pytest.raises(ShapeError, match="fewer states, layers or patches"):
        AttentionMap(clips(1), {"a": {"l": softmax(1, 3, 375, 375)}}, (3, 5, 25))


def test_the_poster_holds_the_strongest_colour():
    made, _, _ = widget(query=(0, 0, 0))
    image = np.asarray(made.poster_image()).astype(int)
    assert image.shape[1] > 800
    grey = made.sprite.frames @ [0.299, 0.587, 0.114]
    t, y, x = np.unravel_index(
        max((made.weights(s, "layer 1")[1][1:] for s in made.states), key=lambda row: row.max()).argmax(), GRID
    )
    opacity = attention_poster.OPACITY
    pixel = (1 - opacity) * grey[t, 8 * y + 4, 4 * x + 2] + opacity * attention_poster.COLOURS[255].astype(int)
    assert (np.abs(image - pixel).max(-1) <= 2).any()
