"""FusionMap without a browser: shapes, counts and receptive fields against torch and the published tables."""

import math
import random
import re
from copy import copy
from pathlib import Path

import jaxtyping
import pytest
import torch
from einops import rearrange
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from vidlab import figures
from vidlab.errors import ShapeError
from vidlab.figures import FusionMap, fusion_layers, fusion_map, fusion_plan

FOLDER = Path(figures.__file__).parent
ARCHITECTURES = ("single", "late", "early", "slow", "3d")


class Network:
    """Modules written down by hand for these settings; `run` gives after each layer its output as `c t h w` or flat."""

    def __init__(self, s, *, device="meta", dtype=None, averaging=False):
        self.s, self.make = s, {"device": device, "dtype": dtype}
        self.solid = s.architecture in ("slow", "3d")
        self.averaging, self.device = averaging, device
        self.modules = {}

    def conv(self, i, c_in, c_out, k, stride, pad, t):
        s = self.s
        if not self.solid:
            early = s.frames if s.architecture == "early" and i == 1 else 1
            return nn.Conv2d(c_in * early, c_out, k, stride, pad, **self.make)
        k_t, s_t, p_t = 1, 1, 0
        if s.architecture == "slow" and i <= 3:
            k_t, s_t = (s.extent, s.stride) if i == 1 else (2, 2) if t >= 2 else (1, 1)
        if s.architecture == "3d":
            k_t, p_t = (3, 1) if i > 1 else (s.extent, 0 if s.size == 227 else (s.extent - 1) // 2)
        return nn.Conv3d(c_in, c_out, (k_t, k, k), (s_t, stride, stride), (p_t, pad, pad), **self.make)

    def pool(self, k, stride, t):
        if not self.solid:
            return (nn.AvgPool2d if self.averaging else nn.MaxPool2d)(k, stride)
        p_t = min(self.s.stride, t) if self.s.architecture == "3d" else 1
        return (nn.AvgPool3d if self.averaging else nn.MaxPool3d)((p_t, k, k), (p_t, stride, stride))

    def run(self, clip):
        """clip `t c h w` -> name: output."""
        s, out = self.s, {}
        if self.solid:
            x = rearrange(clip, "t c h w -> 1 c t h w")
        elif s.architecture == "early":
            x = rearrange(clip, "t c h w -> 1 (t c) h w")
        else:
            x = clip
        k, c = s.kernel, s.channels
        if s.size == 227:
            steps = [("conv", 1, 3, c, k, 4, 0), ("pool", 1, 3, 2), ("conv", 2, c, 256, 5, 1, 2), ("pool", 2, 3, 2)]
            steps += [("conv", 3, 256, 384, 3, 1, 1), ("conv", 4, 384, 384, 3, 1, 1), ("conv", 5, 384, 256, 3, 1, 1)]
            steps += [("pool", 5, 3, 2)]
        else:
            steps = [("conv", 1, 3, c, k, 1, (k - 1) // 2), ("pool", 1, 4, 4), ("conv", 2, c, 2 * c, 3, 1, 1)]
            steps += [("conv", 3, 2 * c, 2 * c, 3, 1, 1)] if s.architecture == "slow" else []
        for kind, i, *numbers in steps:
            t = x.shape[2] if self.solid else 1
            module = self.conv(i, *numbers, t) if kind == "conv" else self.pool(*numbers, t)
            self.modules[f"{kind} {i}"] = module
            x = out[f"{kind} {i}"] = module(x)
        return self.head(x, out)

    def head(self, x, out):
        """The outputs so far become `c t h w` (early: `c h w`); then vectors and scores."""
        s, frames = self.s, self.s.architecture in ("single", "late")
        for name, y in out.items():
            out[name] = y[0] if self.solid or s.architecture == "early" else rearrange(y, "t c h w -> c t h w")
        x = next(reversed(out.values()))
        pooled, concat = (s.architecture == "late" and s.join == join for join in ("pool", "concat"))
        hidden, classes = ([4096, 4096], 1000) if s.size == 227 else ([64] if concat else [], 10)
        if s.size != 227 or pooled:
            axes = [-1, -2] if s.architecture in ("single", "early") or concat else [-1, -2, -3]
            x = out["average"] = x.mean(axes, keepdim=True)
            hidden = [] if pooled else hidden
        x = rearrange(x, "c t h w -> t (c h w)") if s.architecture == "single" else x.flatten()
        names = ["fc 6", "fc 7", "scores"] if len(hidden) == 2 else ["fc", "scores"] if hidden else ["scores"]
        for name, width in zip(names, [*hidden, classes], strict=True):
            self.modules[name] = nn.Linear(x.shape[-1], width, **self.make)
            x = self.modules[name](x)
            out[name] = x.T if s.architecture == "single" else x
        if s.architecture == "single":
            out["answer"] = x.softmax(1).mean(0)
        assert frames or s.architecture in ("early", "slow", "3d")
        return out


def some_settings(n, seed=0):
    draw = random.Random(seed)
    for k in range(n):
        architecture, frames = ARCHITECTURES[k % 5], draw.randint(2, 20)
        extent = draw.randint(2, frames)
        kernel, channels = draw.randint(1, 11), draw.randint(8, 128)
        stride = draw.randint(1, min(4, extent) if architecture == "slow" else 4)
        size, join = draw.choice([64, 64, 227, 32, 50]), draw.choice(["pool", "concat"])
        yield fusion_plan.Settings(architecture, frames, kernel, channels, extent, stride, size, join)


# --- the published tables ---


def table(architecture, **options):
    return [("×".join(map(str, r.shape)), "×".join(map(str, r.sees))) for r in FusionMap(architecture, **options).rows]


def test_the_lectures_table_of_three_networks():
    last = ("10", "20×64×64")
    assert table("late", frames=20) == [
        ("12×20×64×64", "1×3×3"), ("12×20×16×16", "1×6×6"), ("24×20×16×16", "1×14×14"), ("24×1×1×1", "20×64×64"), last,
    ]  # fmt: skip
    assert table("early", frames=20) == [
        ("12×64×64", "20×3×3"), ("12×16×16", "20×6×6"), ("24×16×16", "20×14×14"), ("24×1×1", "20×64×64"), last,
    ]  # fmt: skip
    assert table("3d", frames=20, size=64) == [
        ("12×20×64×64", "3×3×3"), ("12×5×16×16", "6×6×6"), ("24×5×16×16", "14×14×14"), ("24×1×1×1", "20×64×64"), last,
    ]  # fmt: skip


def test_the_published_parameters_count_biases():
    for architecture, published in {"late": 2952, "early": 9108, "3d": 8784}.items():
        vector = fusion_layers.totals(FusionMap(architecture, frames=20).settings)["vector"]
        assert vector["weights"] + vector["biases"] == published
        assert vector["weights"] == published - 36


def test_slow_fusion_is_that_of_karpathy():
    rows = [row for row in FusionMap("slow", frames=10).rows if row.kind == "conv"]
    assert [row.shape[1] for row in rows] == [4, 2, 1]
    assert [row.sees[0] for row in rows] == [4, 6, 10]
    assert rows[0].spans == [(0, 3), (2, 5), (4, 7), (6, 9)]
    assert rows[1].spans == [(0, 5), (4, 9)]


def test_alexnet():
    for architecture in ("single", "late"):
        first = FusionMap(architecture, frames=15, size=227).rows[0]
        assert first.shape == (96, 15, 55, 55)
        assert (first.weights, first.macs) == (34_848, 15 * 105_415_200)
    for extent in range(2, 16):
        first = fusion_layers.layers(fusion_plan.fusion_settings("3d", 15, 227, extent=extent))[0]
        assert first.shape == (96, 16 - extent, 55, 55)
        assert first.weights == extent * 34_848
        assert first.sees == (extent, 11, 11)
    early, solid = FusionMap("early", 15, 227), FusionMap("3d", 15, 227, extent=15)
    assert (early.rows[0].weights, early.rows[0].macs) == (solid.rows[0].weights, solid.rows[0].macs)
    cost = FusionMap("early", frames=10, size=227).answer()["costs"]
    assert cost["single"] == 62_378_344
    assert cost["growth"] == 313_632
    assert round(100 * cost["growth"] / cost["single"], 2) == 0.5
    assert cost["late_fc"] == 10 * 9216 * 4096


def test_the_first_layer_grows_with_time():
    per = 11**2 * 3 * 8
    assert per == 2904
    for frames in (2, 3, 10, 20):
        for architecture, slices in {"single": 1, "late": 1, "early": frames, "slow": 2, "3d": 2}.items():
            s = fusion_plan.fusion_settings(architecture, frames, kernel=11, channels=8, extent=2)
            cost = fusion_layers.costs(s)
            assert fusion_layers.layers(s)[0].weights == cost["first"] == slices * per
            assert (cost["slices"], cost["growth"]) == (slices, (frames - 1) * per)


# --- real modules ---


@pytest.mark.parametrize("s", list(some_settings(45)), ids=str)
def test_shapes_and_counts_are_those_of_torch(s):
    network, rows = Network(s), fusion_layers.layers(s)
    with FlopCounterMode(display=False) as counter:
        out = network.run(torch.zeros(s.frames, 3, s.size, s.size, device="meta"))
    assert [row.name for row in rows] == list(out)
    for row in rows:
        assert row.shape == tuple(out[row.name].shape), row.name
        module = network.modules.get(row.name)
        parameters = dict(module.named_parameters()) if module is not None else {}
        assert row.weights == sum(p.numel() for n, p in parameters.items() if n == "weight"), row.name
        assert row.biases == sum(p.numel() for n, p in parameters.items() if n == "bias"), row.name
    assert 2 * sum(row.macs for row in rows) == counter.get_total_flops()
    total = sum(p.numel() for module in network.modules.values() for p in module.parameters())
    with_scores = fusion_layers.totals(s)["scores"]
    assert with_scores["weights"] + with_scores["biases"] == total


SMALL = [
    ("single", 5, {}),
    ("late", 6, {"join": "concat"}),
    ("late", 4, {"kernel": 4}),
    ("early", 7, {"kernel": 5}),
    ("slow", 10, {}),
    ("slow", 13, {"extent": 5, "stride": 3}),
    ("slow", 20, {"stride": 1}),
    ("slow", 3, {"extent": 2}),
    ("3d", 20, {}),
    ("3d", 10, {}),
    ("3d", 11, {"extent": 4, "stride": 2}),
    ("3d", 9, {"extent": 7, "stride": 3}),
    ("3d", 2, {"extent": 2}),
]


@pytest.mark.parametrize(("architecture", "frames", "options"), SMALL)
def test_what_a_box_sees_is_measured_by_gradients(architecture, frames, options):
    s = fusion_plan.fusion_settings(architecture, frames, 32, channels=8, **options)
    network = Network(s, device="cpu", dtype=torch.float64, averaging=True)
    clip = torch.ones(frames, 3, 32, 32, dtype=torch.float64, requires_grad=True)
    network.run(clip)
    for module in network.modules.values():
        for parameter in module.parameters():
            nn.init.constant_(parameter, 1e-2)
    keep = dict(network.modules)
    network.conv = lambda i, *_: keep[f"conv {i}"]
    out = network.run(clip)
    for row in fusion_layers.layers(s)[:-1]:  # up to the vector: a softmax takes gradients away
        y = out[row.name]
        if row.name in ("scores", "fc"):
            y = y[..., None, None] if architecture == "single" else y[:, None, None, None]
        y = y[:, None] if y.ndim == 3 else y
        longest = 0
        for i, span in enumerate(row.spans):
            (gradient,) = torch.autograd.grad(y[:, i].sum(), clip, retain_graph=True)
            seen = gradient.flatten(1).abs().sum(1).nonzero().flatten().tolist()
            assert (seen[0], seen[-1]) == span, row.name
            assert len(seen) == span[1] - span[0] + 1
            longest = max(longest, len(seen))
        assert longest == row.sees[0]
        wide = 0
        for n in range(y.shape[-1]):
            (gradient,) = torch.autograd.grad(y[:, 0, :, n].sum(), clip, retain_graph=True)
            wide = max(wide, int(gradient.abs().sum((0, 1, 2)).count_nonzero()))
        assert row.sees[1:] == (wide, wide), row.name


# --- where the boxes stand ---


@pytest.mark.parametrize("s", list(some_settings(30, seed=1)), ids=str)
def test_boxes_stand_over_what_they_see(s):
    below = [(i, i) for i in range(s.frames)]
    for row in fusion_layers.layers(s):
        assert len(row.feeds) == len(row.spans)
        assert row.merges == (max(high - low for low, high in row.feeds) > 0)
        for i, (span, (low, high)) in enumerate(zip(row.spans, row.feeds, strict=True)):
            assert span == (below[low][0], below[high][1])
            left, right = fusion_layers.edges(row, i)
            assert span[0] <= (left + right) / 2 <= span[1] + 1
            assert 0 <= left < right <= s.frames
            assert i == 0 or left == pytest.approx(fusion_layers.edges(row, i - 1)[1])
        below = row.spans


def test_time_meets_where_the_lesson_says():
    merging = lambda *a, **k: [row.name for row in FusionMap(*a, **k).rows if row.merges]  # noqa: E731
    assert merging("single", 10) == ["answer"]
    assert merging("late", 10) == ["average"]
    assert merging("late", 10, join="concat") == ["fc"]
    assert merging("late", 10, 227, join="concat") == ["fc 6"]
    assert merging("early", 10) == ["conv 1"]
    assert merging("slow", 10) == ["conv 1", "conv 2", "conv 3"]
    assert merging("3d", 20) == ["conv 1", "pool 1", "conv 2", "average"]


# --- what is wrong ---

GOOD = fusion_plan.fusion_settings("slow", 10)


def changed(**values):
    """Good settings with other values, which no type checker has seen: so does a page."""
    s = copy(GOOD)
    for name, value in values.items():
        object.__setattr__(s, name, value)
    return s


BAD = [
    (changed(architecture="fusion"), "one of single, late, early, slow, 3d"),
    (changed(join="sum"), "one of pool, concat"),
    (changed(frames=21), "from 2 to 20"),
    (changed(frames=1), "from 2 to 20"),
    (changed(kernel=0), "from 1 to 11"),
    (changed(kernel=2.5), "from 1 to 11"),
    (changed(channels=math.nan), "from 8 to 128"),
    (changed(stride=5), "from 1 to 4"),
    (changed(extent=11), "k_t = 10 or less, or T = 11 or more"),
    (changed(architecture="3d", frames=3, extent=4), "k_t = 3 or less, or T = 4 or more"),
    (changed(stride=4, extent=3), "a stride of 3 or less, or k_t = 4 or more"),
    (changed(size=8, kernel=9), "k = 8 or less, or larger frames"),
    (changed(size=3), "larger frames"),
    (changed(size=6, kernel=6), None),
    (changed(architecture="late", frames=2, extent=20), None),
]


@pytest.mark.parametrize(("s", "mend"), BAD)
def test_bad_settings_say_how_to_mend_them(s, mend):
    wrong = fusion_plan.problem(s)
    if mend is None:
        assert wrong is None
        assert fusion_layers.layers(s)
        return
    assert mend in wrong[1]
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        with pytest.raises(ShapeError, match=re.escape(mend)):
            fusion_layers.layers(s)
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


def test_a_figure_refuses_what_makes_no_network():
    with pytest.raises(ShapeError, match="k_t = 6 frames, but the clip has only T = 4"):
        FusionMap("slow", frames=4, extent=6)
    with pytest.raises(ShapeError, match="architecture = 2d is not known"):
        FusionMap("2d")
    assert FusionMap("slow", frames=3).settings.extent == 3


# --- what a widget is ---


def test_what_a_widget_gives():
    widget = FusionMap("3d", frames=20, title="Merge")
    bundle = widget._repr_mimebundle_()
    assert bundle == FusionMap("3d", frames=20, title="Merge")._repr_mimebundle_()
    assert widget.state() != FusionMap("3d", frames=19, title="Merge").state()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert len(bundle["text/html"].encode()) < 200_000
    assert "http" not in bundle["text/html"].replace("http://www.w3.org/2000/svg", "")
    wicked = FusionMap("3d", title="</script><script>alert(1)</script><!--").html()
    assert len(re.findall("</?script", wicked)) == 2
    assert "<!--" not in wicked


def test_the_alternative_text_is_computed():
    text = FusionMap("3d", frames=20).alt
    assert "Moments are merged in conv 1, pool 1, conv 2, average." in text
    assert "conv 2 24×5×16×16, 14;" in text
    assert "First layer: 3 × 324 = 972 weights; in all 8,988 weights, 46 biases and 89,579,760 multiply–adds." in text
    assert "First layer: 10 × 34,848 = 348,480 weights" in FusionMap("early", 10, 227).alt


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("frames", "size"), [(7, 64)])
def test_every_poster_lights_a_box(architecture, frames, size):
    widget = FusionMap(architecture, frames, size)
    row, box = widget.chosen()
    low, high = widget.rows[row].spans[box]
    picture = widget.poster_image()
    assert picture.size[0] == 1100
    amber = tuple(int(fusion_map.AMBER[k : k + 2], 16) for k in (1, 3, 5))
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(*picture.size[::-1], 3)
    lit = (pixels == torch.tensor(amber)).all(-1)
    lowest = lit.nonzero()[:, 0].max()  # the frames
    runs = (lit[lowest - 3].int().diff() == 1).sum()
    assert runs == high - low + 1


def test_python_and_javascript_agree_on_the_sliders():
    ranges = re.search(r"RANGES = \{(.*?)\};", (FOLDER / "fusion_layers.js").read_text(), re.DOTALL)[1]
    found = {name: (int(low), int(high)) for name, low, high in re.findall(r"(\w+): \[(\d+), (\d+)\]", ranges)}
    assert found == fusion_plan.RANGES


def test_live_values_are_traits():
    live = FusionMap("late").live()
    live.architecture, live.frames = "early", 7
    state = live.get_state()
    assert (state["architecture"], state["frames"], state["extent"]) == ("early", 7, 3)
