"""Gates without a browser: what a layer computed is what is shown, in words, numbers and colours; what is refused."""

import re

import jaxtyping
import matplotlib
import numpy as np
import pytest
import torch

from vidlab.errors import ShapeError
from vidlab.figures import Gates, gate_maps
from vidlab.figures.gates_poster import APART, spread
from vidlab.models import ConvRecurrent, NextFrame, Recurrent

LSTM, GRU = ("i", "f", "o", "candidate", "c", "h"), ("z", "r", "candidate", "h")


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def model(cell="lstm", seed=0, **options):
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        made = NextFrame(cell=cell, **({"patch": 4, "hidden": 10, "kernel": 3} | options))
    for parameter in made.over_time.parameters():
        parameter.data *= 3  # gates that open and shut
    return made


def gates_of(names=LSTM, t=6, d=5, h=4, w=3, seed=0):
    """Gates that no layer made: every value by chance."""
    made = {}
    for k, name in enumerate(names):
        maps = random(t, d, h, w, seed=seed + k)
        made[name] = 4 * maps - 2 if name in gate_maps.SIGNED else maps
    return made


def example(names=LSTM, **options):
    return Gates(random(6, 3, 16, 12), gates_of(names), **options)


def looks(net, clip, layer=0):
    """What the model's layer says itself, `t d h w` by name."""
    with torch.no_grad():
        return {
            name: maps[0]
            for name, maps in net.over_time(net.frames.cut(clip[None]), return_gates=True)[2][layer].items()
        }


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_models_gates_are_those_of_its_layer(cell):
    clip, net = random(5, 3, 16, 24), model(cell, hidden=(6, 10))
    for layer, d in enumerate((6, 10)):
        widget, exact = Gates.of(net, clip, layer=layer), looks(net, clip, layer)
        assert tuple(exact) == tuple(widget.names) == {"lstm": LSTM, "gru": GRU}[cell]
        assert len(widget.channels) == min(d, 8)
        for name, maps in exact.items():
            for channel in widget.channels:
                fine = float(maps[:, channel].abs().max()) / 100
                np.testing.assert_allclose(widget.values(name, channel), maps[:, channel], atol=fine)
        assert widget.holds
    same = Gates.of(net, (clip * 255).round().byte(), layer=1)
    np.testing.assert_allclose(same.values("h", same.channels[0]), exact["h"][:, same.channels[0]], atol=0.05)


def test_a_model_is_run_as_in_use_and_left_as_it_was():
    clip = random(4, 3, 32, 32)
    net = ConvRecurrent(3, hidden=6)
    net.train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    widget = Gates.of(net, clip)
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not net.over_time.layers[0]._forward_hooks
    assert not net.over_time.layers[0]._forward_pre_hooks
    net.eval()
    with torch.no_grad():
        maps = net.backbone(clip)[None]
        exact = net.over_time(maps, return_gates=True)[2][0]["f"][0]
    np.testing.assert_allclose(widget.values("f", widget.channel), exact[:, widget.channel], atol=0.01)
    assert widget.maps.codes.shape[3:] == (4, 4)
    assert Gates.of(net.double(), clip).alt == widget.alt


def test_a_model_that_forgets_has_gates_too():
    clip, net = random(5, 3, 16, 16), model(memory=False)
    widget = Gates.of(net, clip)
    assert widget.maps.codes.shape[1] == 5
    assert not widget.holds  # nothing is carried over, so c is not what the equation makes of the c before


@pytest.mark.parametrize("names", [LSTM, GRU])
def test_steps_are_of_each_quantitys_own_range(names):
    gates = gates_of(names)
    gates["candidate"] = 0.01 * gates["candidate"]
    gates[names[0]][:, 2] = 0.6 + 0.01 * gates[names[0]][:, 2]
    widget = Gates(random(6, 3, 16, 12), gates)
    for name in names:
        for channel in range(5):
            film = gates[name][:, channel].double()
            low, high = widget.maps.ends[names.index(name), widget.channels.index(channel)]
            if name in gate_maps.SIGNED:
                assert high == -low == film.abs().max()
            else:
                assert (low, high) == (film.min(), film.max())
            np.testing.assert_allclose(widget.values(name, channel), film, atol=1.001 * (high - low) / 254 / 2)
        sizes = gates[name].abs() if name in gate_maps.SIGNED else gates[name]
        np.testing.assert_allclose(widget.values(name, "mean"), sizes.double().mean(1), atol=0.02)


def test_zero_stays_zero_and_constants_have_no_range():
    gates = gates_of()
    gates["c"][:, 1, 0] = 0
    gates["h"][:] = 0
    gates["f"][:] = 1
    widget = Gates(random(6, 3, 16, 12), gates)
    assert (widget.values("c", 1)[:, 0] == 0).all()
    assert (widget.values("h", 1) == 0).all()
    assert (widget.values("f", 1) == 1).all()
    grey = widget.picture("c", 1)[:, 0]
    assert (grey == widget.colours["signed"][127]).all()
    assert widget.poster().startswith(b"\x89PNG")


def test_colours_are_on_the_scale_that_is_stated():
    widget = example()
    cividis, both = (
        matplotlib.colormaps[name](np.linspace(0, 1, 255), bytes=True)[:, :3] for name in ("cividis", "PuOr")
    )
    f, c = widget.values("f", 3), widget.values("c", 3)
    (low, high), (_, reach) = (widget.maps.ends[k, widget.channels.index(3)] for k in (1, 4))
    near = lambda share: np.rint(share * 254).astype(int)  # noqa: E731
    np.testing.assert_array_equal(widget.picture("f", 3), cividis[near(f)])
    np.testing.assert_array_equal(widget.picture("f", 3, stretched=True), cividis[near((f - low) / (high - low))])
    for stretched in (False, True):
        np.testing.assert_array_equal(widget.picture("c", 3, stretched=stretched), both[near(0.5 + c / reach / 2)])


def test_the_most_active_channels_and_the_liveliest_place_come_first():
    gates = gates_of(d=12)
    gates["h"] = gates["h"] * 2.0 ** torch.arange(12)[:, None, None]
    gates["c"] = 0.01 * gates["c"]
    gates["c"][2:4, 11, 3, 1] = torch.tensor([1.0, -1.0])
    gates["c"][:, :11, 0, 0] += 9 * (torch.arange(6) % 2)[:, None]  # of other channels
    gates["c"][:, 11, 2, 2] = 5  # large, but still
    widget = Gates(random(6, 3, 16, 12), gates)
    assert widget.channels == [11, 10, 9, 8, 7, 6, 5, 4]
    assert (widget.channel, widget.place) == (11, (3, 1))
    asked = Gates(random(6, 3, 16, 12), gates, channels=[3, 0], t=2, place=(1, 2))
    assert (asked.channels, asked.channel, asked.t, asked.place) == ([3, 0], 3, 2, (1, 2))
    assert Gates(random(6, 3, 16, 12), gates, channels=torch.tensor([5])).channels == [5]


def test_the_page_has_what_python_has():
    widget = example(t=2, place=(3, 0), title="Gates", fps=7)
    state = widget.state()
    assert (state["t"], state["place"], state["channel"]) == (2, [3, 0], widget.channels[0])
    assert (state["shape"], state["steps"], state["all"], state["memory"]) == ([4, 3], 254, 5, "c")
    assert [q["name"] for q in state["quantities"]] == list(LSTM)
    assert [q["signed"] for q in state["quantities"]] == 3 * [False] + 3 * [True]
    assert state["sprite"]["fps"] == 7
    # three quantities to a picture, frame after frame, channels below each other, the mean last
    sheet = widget.maps.sheet.frames
    assert sheet.shape == (12, 6 * 4, 3, 3)
    np.testing.assert_array_equal(sheet[6 + 2, 4 * 4 : 5 * 4, :, 1], widget.maps.codes[4, 2, 4])
    gru = example(GRU).state()
    assert (gru["memory"], len(gru["quantities"])) == ("h", 4)
    live = widget.live()
    live.t, live.channel, live.place = 4, "mean", [0, 1]
    assert [live.get_state()[name] for name in ("t", "channel", "place")] == [4, "mean", [0, 1]]


def test_what_a_widget_gives():
    bundle = example(title="Opened")._repr_mimebundle_()
    assert bundle == example(title="Opened")._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert "http" not in bundle["text/html"].replace("http://www.w3.org/2000/svg", "")
    assert len(re.findall("</?script", example(title="</script><!--").html())) == 2


def test_whether_the_equation_holds_is_found_out():
    gates = gates_of()
    assert not Gates(random(6, 3, 16, 12), gates).holds
    c = [gates["c"][0]]
    for t in range(1, 6):
        c.append(gates["f"][t] * c[-1] + gates["i"][t] * gates["candidate"][t])
    assert Gates(random(6, 3, 16, 12), gates | {"c": torch.stack(c)}).holds
    gates, h = gates_of(GRU), []
    for t in range(6):
        h.append((1 - gates["z"][t]) * (h[-1] if h else 0) + gates["z"][t] * gates["candidate"][t])
    assert Gates(random(6, 3, 16, 12), gates | {"h": torch.stack(h)}).holds


def test_the_alternative_text_is_computed():
    gates = gates_of()
    for name in ("i", "f", "o"):
        gates[name] = 0.2 + 0.6 * gates[name]
    gates["f"][4, 2, 3, 1] = 0.03
    gates["i"][1, 2, 0, 2] = 0.98
    gates["c"][0, 2, 1, 1], gates["c"][5, 2, 2, 0] = -7, 8
    widget = Gates(random(6, 3, 16, 12), gates, channels=[2, 4], t=4, place=(3, 1))
    text = widget.alt
    assert "6 frames of 12×16 pixels beside 4×3 maps of input gate, forget gate, output gate" in text
    assert "2 of 5 channels" in text
    assert "Frame 4, place row 3 column 1, channel 2: input gate" in text
    assert f"cell {gates['c'][4, 2, 3, 1]:.2f}".replace("-", "−") in text
    assert (
        f"forget gate is lowest, 0.03, in frame 4 at row 3 column 1; its mean is {gates['f'][:, 2].mean():.2f}" in text
    )
    assert "input gate is highest, 0.98, in frame 1 at row 0 column 2" in text
    assert "largest cell, without its sign, goes from row 1 column 1 in frame 0 to row 2 column 0 in frame 5" in text
    assert "reset gate is lowest" in example(GRU).alt
    assert "Gates of a ConvGRU" in example(GRU).alt
    one = Gates(random(1, 3, 8, 8), gates_of(t=1, d=1, h=1, w=1))
    assert "is at row 0 column 0 in frame 0" in one.alt
    assert one.poster().startswith(b"\x89PNG")


@pytest.mark.parametrize(("names", "steps"), [(LSTM, 14), (GRU, 62)])
def test_the_largest_noise_fits_the_page(names, steps):
    widget = Gates(random(32, 3, 64, 64), gates_of(names, t=32, d=9, h=32, w=32))
    assert len(widget.html().encode()) <= 500_000
    assert (len(widget.channels), widget.maps.steps) == (1, steps)
    assert f"1 of 8 channels, values in {steps} steps" in widget.state()["caption"]
    name, channel = names[1], widget.channels[-1]
    low, high = widget.maps.ends[1, 0]
    exact = gates_of(names, t=32, d=9, h=32, w=32)[name][:, channel]
    np.testing.assert_allclose(widget.values(name, channel), exact, atol=0.51 * (high - low) / steps)


def test_labels_keep_apart_and_inside():
    for wanted in ([0.99, 1.0, 0.98], [0.0, 0.01, 0.5], [0.5, 0.2], [0.4, 0.4, 0.4]):
        placed = spread(wanted)
        assert min(np.diff(sorted(placed))) > 0.9 * APART
        assert np.argsort(placed, kind="stable").tolist() == np.argsort(wanted, kind="stable").tolist()
        assert -1e-9 <= min(placed) <= max(placed) <= 1 + 1e-9
    assert spread([0.5, 0.2]) == [0.5, 0.2]


def test_what_does_not_fit_is_refused():
    clip, gates = random(6, 3, 16, 12), gates_of()

    def refused(words, *args, of=Gates, **options):
        with pytest.raises(ShapeError, match=words) as error:
            of(*args, **options)
        assert error.value.wanted

    refused("no c, h, as|no c, h", clip, {name: gates[name] for name in LSTM[:4]})
    refused("no h", clip, {name: gates_of(GRU)[name] for name in GRU[:3]})
    refused("no i and x", clip, {"x": gates["i"]} | {name: gates[name] for name in LSTM[1:]})
    refused(r"gates\[0\]", clip, [gates])
    refused(r"gates\['i'\]\[0\]", clip, {name: maps[None] for name, maps in gates.items()})
    refused("as gates\\['h'\\]", clip, gates | {"o": gates["o"][:, :4]})
    for bad in (float("nan"), float("inf")):
        refused("finite", clip, gates | {"c": torch.full_like(gates["c"], bad)})
    refused("sigmoid", clip, gates | {"f": 4 * gates["f"] - 2})
    refused("as the clip has", clip[:5], gates)
    refused("at most 32", random(33, 3, 8, 8), gates_of(t=33))
    refused("32 places a side", random(6, 3, 99, 99), gates_of(h=33, w=8))
    refused("one a pixel", random(6, 3, 3, 12), gates)
    refused(r"clip\[0\]", clip[None], gates)
    refused("255", 255 * clip, gates)
    for channels in ([], [5], [-1], [1, 1], list(range(9))):
        refused("different ones of 0 … 4", clip, gates, channels=channels)
    for place in ((4, 0), (0, 3), (-1, 0)):
        refused("row < 4 and 0 ≤ column < 3", clip, gates, place=place)
    refused("row, column", clip, gates, place=7)
    refused("t = 6", clip, gates, t=6)
    refused("fps", clip, gates, fps=0)
    refused("NextFrame or ConvRecurrent", Recurrent(3), clip, of=Gates.of)
    refused("layer = 1", model(), clip, of=Gates.of, layer=1)
    refused(r"clip\[0\]", model(), clip[None], of=Gates.of)
    jaxtyping.config.update("jaxtyping_disable", True)
    refused("multiples of patch=4", model(), random(6, 3, 15, 12), of=Gates.of)
    jaxtyping.config.update("jaxtyping_disable", False)
