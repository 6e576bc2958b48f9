"""VGG-M-2048, two of them fused, MotionNet; and how two published tables were counted.

Counts and shapes on the meta device. With numbers run the convolutions of one tower, or small layers in their place.
"""

from collections import Counter

import jaxtyping
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from vidlab import ShapeError, data
from vidlab.models.published import build, multiply_adds, parameters, two_stream_counts
from vidlab.models.published.motionnet import Up
from vidlab.models.published.two_stream_counts import PLAIN, ROWS, Convention, count, network
from vidlab.models.published.vgg_m import POINTS, MeanLogits, MeanProbability, UnitRoots, meet

FILM, FRAME, STACK = (2, 10, 5, 224, 224), (2, 1, 3, 224, 224), (2, 10, 2, 224, 224)
CONV = {2: 614_656, 3: 1_180_160, 4: 2_359_808, 5: 2_359_808}  # weights and biases, by hand
FIRST = {3: 96 * (3 * 49 + 1), 20: 96 * (20 * 49 + 1)}
FULLY = 4096 * (6 * 6 * 512 + 1) + 2048 * (4096 + 1) + 101 * (2048 + 1)


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def alive(module, seed=0):
    """A module from the meta device with numbers, of a size that neither grows nor dies out."""
    generator = torch.Generator().manual_seed(seed)
    module = module.to_empty(device="cpu")
    for tensor in module.state_dict().values():
        if tensor.ndim > 1:
            tensor.normal_(0, (2 / tensor[0].numel()) ** 0.5, generator=generator)
        else:
            tensor.uniform_(0.0, 0.1, generator=generator)
    return module.eval()


def trace(model, clip):
    """The shape that leaves each named layer, on the meta device."""
    shapes = {}
    for name, layer in model.named_modules():
        layer.register_forward_hook(lambda _, __, out, name=name: shapes.__setitem__(name, tuple(out.shape[1:])))
    model(torch.empty(clip, device="meta"))
    return shapes


@pytest.fixture
def unchecked():
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


# VGG-M ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("channels", "published"), [(3, 90_627_813), (20, 90_707_781)])
def test_vgg_m_counted(channels, published):
    assert parameters(build("vgg_m", channels=channels)) == published == FIRST[channels] + sum(CONV.values()) + FULLY


def test_sizes_inside_vgg_m():
    shapes = trace(build("vgg_m"), FRAME)
    assert [shapes[f"features.{name}"] for name in ("conv1", "pool1", "relu2", "pool2")] == [
        (96, 109, 109), (96, 54, 54), (256, 26, 26), (256, 13, 13),
    ]  # fmt: skip
    assert [shapes[f"features.relu{n}"] for n in (3, 4, 5)] == [(512, 13, 13)] * 3
    assert (shapes["features.pool5"], shapes["classifier.fc6"], shapes["classifier.fc7"]) == (
        (512, 6, 6), (4096,), (2048,),
    )  # fmt: skip
    assert shapes[""] == (101,)


def test_between_the_layers_of_vgg_m():
    layers = [*build("vgg_m").modules()]
    assert sum(isinstance(layer, nn.ReLU) for layer in layers) == 7
    assert [layer.p for layer in layers if isinstance(layer, nn.Dropout)] == [0.5, 0.5]
    assert [(n.beta, n.alpha, n.k) for n in layers if isinstance(n, nn.LocalResponseNorm)] == [(0.75, 5e-4, 2.0)] * 2


def test_vgg_m_stacks_frames_as_channels():
    model = build("vgg_m", channels=20)
    assert model(torch.empty(STACK, device="meta")).shape == (2, 101)
    model.features, model.classifier = nn.Identity(), nn.Flatten()
    stack = rand(*STACK)
    seen = model(stack).unflatten(1, (20, 224, 224))
    assert torch.equal(seen, stack.flatten(1, 2))
    assert torch.equal(seen[:, 3], stack[:, 1, 1]), "channels are u_1, v_1, u_2, v_2"


# Two streams ----------------------------------------------------------------------------------------------------------


def by_hand(how, at):
    """Parameters of towers that are cut at one point, from the sums over their layers."""
    cut = int(at[-1])
    both = FIRST[3] + FIRST[20] + 2 * sum(CONV[n] for n in range(2, cut + 1))
    rest = sum(CONV[n] for n in range(cut + 1, 6)) + FULLY
    d = 256 if cut == 2 else 512
    following = 512 * d * 9 if cut < 5 else 4096 * 36 * d  # weights of the next layer
    return {
        "sum": both + rest,
        "max": both + rest,
        "conv": both + rest + d * (2 * d + 1),
        "concat": both + rest + following,
        "bilinear": both + 101 * (d * d + 1),
    }[how]


@pytest.mark.parametrize("at", ["relu2", "relu3", "relu4", "relu5"])
@pytest.mark.parametrize("how", ["sum", "max", "concat", "conv", "bilinear"])
def test_two_streams_that_meet_once(how, at):
    model = build("two_stream_vgg_m", how=how, at=at)
    assert parameters(model) == by_hand(how, at)
    assert model(torch.empty(FILM, device="meta")).shape == (2, 101)


@pytest.mark.parametrize("how", ["sum", "max", "concat", "conv"])
@pytest.mark.parametrize("at", ["relu5+fc8", "relu3+relu5+fc6"])
def test_two_streams_that_meet_more_than_once(how, at):
    model = build("two_stream_vgg_m", how=how, at=at)
    towers = FIRST[3] + FIRST[20] + 2 * sum(CONV.values())
    fc6, fc7 = 4096 * (36 * 512 + 1), 2048 * (4096 + 1)
    towers += 2 * FULLY if at == "relu5+fc8" else FULLY + fc6
    one, fc = 512 * 1025, 4096 * 8193
    conv, concat = (one, fc6 - 4096) if at == "relu5+fc8" else (2 * one + fc, 512 * 512 * 9 + fc6 - 4096 + fc7 - 2048)
    assert parameters(model) == towers + {"conv": conv, "concat": concat}.get(how, 0)
    assert model(torch.empty(FILM, device="meta")).shape == (2, 101)


def test_both_whole_towers_meet_at_softmax():
    model = build("two_stream_vgg_m", how="sum", at="softmax")
    assert parameters(model) == 90_627_813 + 90_707_781
    assert model(torch.empty(FILM, device="meta")).shape == (2, 101)


def test_what_meets_where():
    shapes = trace(build("two_stream_vgg_m", at="relu3+relu5+fc6"), FILM)
    assert [shapes[f"fusions.{n}"] for n in range(3)] == [(512, 13, 13), (512, 13, 13), (4096,)]
    ends = [[*part.named_children()][-1][0] for part in build("two_stream_vgg_m", at="relu3+relu5+fc6").temporal]
    assert ends == ["relu3", "relu5", "relu6"]
    shapes = trace(build("two_stream_vgg_m", how="concat", at="relu2"), FILM)
    assert (shapes["spatial.0.relu2"], shapes["temporal.0.relu2"]) == ((256, 26, 26),) * 2
    assert (shapes["fusions.0"], shapes["head.pool2"]) == ((512, 26, 26), (512, 13, 13))
    assert trace(build("two_stream_vgg_m", how="bilinear"), FILM)["fusions.0"] == (512 * 512, 1, 1)


class Together(nn.Module):
    def forward(self, space, time):
        return torch.cat([space, time], dim=1)


@pytest.mark.parametrize("moments", [1, 2, 10])
def test_what_each_stream_is_shown(moments):
    model = build("two_stream_vgg_m", how="sum", moments=moments)
    model.spatial, model.temporal, model.head = (nn.ModuleList([nn.Identity()]),) * 2 + (nn.Flatten(),)
    model.fusions = nn.ModuleList([Together()])
    film = rand(1, moments, 5, 224, 224)
    seen = model(film)[0].unflatten(0, (-1, 224, 224))
    assert torch.equal(seen[:3], film[0, moments // 2, :3]), "the frame in the middle"
    assert torch.equal(seen[3:], film[0, :, 3:].flatten(0, 1)), "u_1, v_1, u_2, v_2, …"


def test_fusing_again_goes_on_from_what_was_fused():
    """Towers that add 1 and 10, and fuse by the sum: space gets time at each point, time gets nothing of space."""

    class Add(nn.Module):
        def __init__(self, n):
            super().__init__()
            self.n = n

        def forward(self, x):
            return x[:, :1] + self.n

    model = build("two_stream_vgg_m", how="sum", at="relu3+relu5+fc6", moments=1)
    model.spatial = nn.ModuleList([Add(1), Add(1), nn.Sequential(nn.Flatten(), Add(1))])
    model.temporal = nn.ModuleList([Add(10), Add(10), nn.Sequential(nn.Flatten(), Add(10))])
    model.head = nn.Identity()
    assert model(torch.zeros(1, 1, 5, 224, 224)).tolist() == [[((0 + 1 + 10) + 1 + 20) + 1 + 30]]


def test_conv_fusion_begins_as_the_sum_of_maps_and_of_vectors():
    maps, vectors = meet("conv", "relu2"), meet("conv", "fc6")
    space, time = rand(2, 256, 3, 3), rand(2, 256, 3, 3, seed=1)
    assert torch.allclose(maps(space, time), space + time, atol=1e-5)
    x_s, x_t = rand(2, 4096), rand(2, 4096, seed=1)
    assert torch.allclose(vectors(x_s, x_t), x_s + x_t, atol=1e-5)


def test_averages_at_the_end():
    space, time = 6 * rand(3, 5) - 3, 6 * rand(3, 5, seed=1) - 3
    expected = (space.softmax(-1) + time.softmax(-1)) / 2
    assert torch.allclose(MeanProbability()(space, time).exp(), expected, atol=1e-6)
    assert torch.allclose(MeanLogits()(space, time), torch.stack([space, time]).mean(0))


def test_bilinear_features_are_unit_vectors_of_roots():
    products = rand(2, 9, 1, 1) * 100
    roots = UnitRoots()(products)
    assert torch.allclose(roots.square().sum(-1), torch.ones(2), atol=1e-5)
    assert torch.allclose(roots[0].square() / roots[0].square().sum(), products[0].flatten() / products[0].sum())
    zeros = torch.zeros(1, 9, 1, 1, requires_grad=True)
    UnitRoots()(zeros).sum().backward()
    assert zeros.grad.isfinite().all()


def test_the_towers_run_and_both_matter():
    """The convolutions with numbers, a small classifier behind them."""
    model = build("two_stream_vgg_m", how="conv", moments=2)
    model.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 4, device="meta"))
    model = alive(model)
    film = rand(1, 2, 5, 224, 224)
    still, grey = film.clone(), film.clone()
    still[:, :, 3:], grey[:, :, :3] = 0.5, 0.5
    with torch.no_grad():
        answers = [model(x) for x in (film, still, grey)]
    assert all(answer.isfinite().all() and answer.shape == (1, 4) for answer in answers)
    assert (answers[0] - answers[1]).abs().max() > 1e-3
    assert (answers[0] - answers[2]).abs().max() > 1e-3


# How they were counted ------------------------------------------------------------------------------------------------

TWICE = Convention(flow_twice=True)
HALF = Convention(flow_twice=True, half_fusion=True)


@pytest.fixture(scope="module")
def rows():
    return {(row.table, row.row): row for row in two_stream_counts.reproduce()}


def test_every_row_of_the_two_tables_is_asked(rows):
    asked = {
        name: {row for table, row in rows if table == name} for name in ("table 1", "table 2")
    }  # table → names of rows
    assert asked["table 1"] == data.published("feichtenhofer2016_T1")["rows"].keys()
    assert asked["table 2"] == data.published("feichtenhofer2016_T2")["rows"].keys()
    assert len(rows) == 13


def test_the_networks_have_the_printed_number_of_layers(rows):
    assert [row.our_layers for row in rows.values()] == [row.layers for row in rows.values()]
    assert {row.layers for row in rows.values()} == {10, 11, 12, 13, 14, 16, 17}


def test_no_row_is_reproduced_by_plain_counting(rows):
    assert all(PLAIN.printed(row.ours) != row.published for row in rows.values())
    for (table, name), (how, at) in ROWS.items():
        if how != "bilinear":
            assert rows[table, name].ours == parameters(build("two_stream_vgg_m", how=how, at=at)), name


def test_which_convention_reproduces_which_row(rows):
    truncated, weights = Convention(flow_twice=True, truncated=True), Convention(flow_twice=True, no_biases=True)
    half_truncated = Convention(flow_twice=True, half_fusion=True, truncated=True)
    half_weights = Convention(flow_twice=True, half_fusion=True, no_biases=True)
    fewest = {
        name: {c for c in row.conventions if c.departures == row.convention.departures} if row.conventions else set()
        for (_, name), row in rows.items()
    }
    assert fewest == {
        "Sum Softmax (SZ14)": {TWICE},
        "Sum Softmax (ours)": {TWICE},
        "Max ReLU5": {truncated, weights},
        "Concat ReLU5": {TWICE},
        "Bilinear ReLU5": {Convention(one_tower=True)},
        "Sum ReLU5": {truncated, weights},
        "Conv ReLU5": {HALF},
        "ReLU2": set(),
        "ReLU3": set(),
        "ReLU4": {TWICE},
        "ReLU5": {half_truncated, half_weights},
        "ReLU5+FC8": {HALF},
        "ReLU3+ReLU5+FC6": set(),
    }


def test_each_claimed_figure_is_printed_by_a_network_built_again(rows):
    for (table, name), row in rows.items():
        how, at = ROWS[table, name]
        for convention in row.conventions:
            assert convention.printed(count(network(how, at, convention), how, convention)) == row.published, name


def test_figures_by_hand():
    """The sums behind the printed figures, from layers multiplied out here."""
    both = 2 * (FIRST[20] + sum(CONV.values()))
    softmax, relu5 = both + 2 * FULLY, both + FULLY
    relu4 = relu5 - CONV[5]
    assert PLAIN.printed(softmax) == "181.42"
    assert (PLAIN.printed(relu5), Convention(truncated=True).printed(relu5)) == ("97.32", "97.31")
    assert PLAIN.printed(relu5 + 4096 * 36 * 512) == "172.81"
    assert PLAIN.printed(relu5 + 512 * 512 + 512) == "97.58"
    assert Convention(truncated=True).printed(relu5 + 512 * 512 + 512) == "97.57"
    assert PLAIN.printed(relu4 + 512 * 1024 + 512) == "95.48"
    assert PLAIN.printed(softmax + 512 * 512 + 512) == "181.68"
    assert PLAIN.printed(both // 2) == "6.61"
    assert count(network("conv", "relu5", HALF), "conv", HALF) == relu5 + 512 * 512 + 512


def test_what_the_module_says_of_the_whole(rows):
    hits = Counter(convention for row in rows.values() for convention in row.conventions)
    assert hits.most_common(1) == [(HALF, 5)]
    assert all(c.flow_twice or c.one_tower for c in hits)
    published = data.published("feichtenhofer2016_T2")["rows"]
    assert round(100 * (published["ReLU3"][2] - published["ReLU2"][2])) == round(CONV[3] / 1e4)
    for name, at in (("ReLU2", "relu2"), ("ReLU3", "relu3")):
        without = count(network("sum", at, TWICE), "sum")
        assert published[name][2] - without / 1e6 == pytest.approx(0.4833, abs=2e-4)
    figures = {
        float(c.printed(count(network("conv", "relu4", c), "conv", c))) for c in two_stream_counts.conventions("conv")
    }
    assert (len(figures), round(100 * (max(figures) - min(figures))) + 1) == (10, 37)


def test_conventions_in_words(rows):
    assert str(PLAIN) == "plain"
    assert str(HALF) == "both towers with 20 channels; fusing layer with d inputs, not 2d"
    assert str(rows["table 2", "ReLU2"]).split() == ["table", "2", "ReLU2", "91.90", "91,467,973", "none"]
    assert str(rows["table 1", "Sum ReLU5"]).endswith("channels; truncated | both towers with 20 channels; no biases")
    assert len(two_stream_counts.conventions("sum")) == len({*two_stream_counts.conventions("sum")}) == 16
    assert len(two_stream_counts.conventions("bilinear")) == 32


def test_rounding_is_done_in_whole_numbers():
    assert PLAIN.printed(1_005_000) == "1.01"
    assert PLAIN.printed(1_004_999) == Convention(truncated=True).printed(1_009_999) == "1.00"


# MotionNet ------------------------------------------------------------------------------------------------------------


def test_motionnet_counted_by_hand():
    def conv(inputs, outputs, side=3):
        return outputs * (inputs * side * side + 1)

    down = [(33, 64), (64, 128), (128, 256), (256, 512), (512, 512), (512, 1024)]
    total = sum(conv(c, d) + conv(d, d) for c, d in down) + conv(1024, 20)
    for below, kept, d in ((1024, 512, 512), (512, 512, 256), (256, 256, 128), (128, 128, 64)):
        total += conv(below, d, 4) + conv(20, 20, 4) + conv(kept + d + 20, d) + conv(d, 20)
    assert parameters(build("motionnet")) == total == data.published("params")["rows"]["motionnet"]
    assert total + nn.ConvTranspose2d(20, 20, 4, bias=False, device="meta").weight.numel() == 42_326_260


def test_ten_flow_fields_at_five_scales():
    flows = build("motionnet")(torch.empty(2, 11, 3, 224, 320, device="meta"))
    assert [tuple(flow.shape) for flow in flows] == [(2, 10, 2, 224 // s, 320 // s) for s in (2, 4, 8, 16, 32)]
    assert multiply_adds(build("motionnet"), (1, 11, 3, 64, 64)) == 4 * multiply_adds(
        build("motionnet"), (1, 11, 3, 32, 32)
    )


def test_motionnet_runs_and_looks_at_every_frame():
    model = alive(build("motionnet", frames=3))
    clip = rand(1, 3, 3, 32, 32).requires_grad_()
    flows = model(clip)
    assert [tuple(flow.shape[1:]) for flow in flows] == [(2, 2, s, s) for s in (16, 8, 4, 2, 1)]
    assert all(flow.isfinite().all() for flow in flows)
    (gradient,) = torch.autograd.grad(flows[0][0, 0].sum(), clip)
    assert (gradient[0].abs().amax((1, 2, 3)) > 0).all(), "all frames are channels of one picture"


def test_one_scale_finer_is_made_of_three_things():
    up = Up(4, 5, 3, 2)
    below, kept, flow = rand(1, 4, 2, 2), rand(1, 5, 4, 4), rand(1, 2, 2, 2)
    with torch.no_grad():
        x, finer = up(below, kept, flow)
        deconv = F.leaky_relu(F.conv_transpose2d(below, up.deconv[0].weight, up.deconv[0].bias, 2, 1), 0.1)
        larger = F.conv_transpose2d(flow, up.larger.weight, up.larger.bias, 2, 1)
        expected = F.conv2d(torch.cat([kept, deconv, larger], 1), up.xconv.weight, up.xconv.bias, padding=1)
        assert torch.allclose(x, expected, atol=1e-6)
        assert torch.allclose(finer, F.conv2d(expected, up.flow.weight, up.flow.bias, padding=1), atol=1e-6)


# Mistakes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "clip", "says"),
    [
        ("vgg_m", {}, torch.zeros(1, 10, 2, 224, 224), r"10 × 2 channels, 20 in all.*Wanted: 3.*vgg_m\(channels=20\)"),
        ("vgg_m", {"channels": 20}, torch.zeros(1, 1, 3, 224, 224), "3 in all.*Wanted: 20"),
        ("vgg_m", {}, torch.zeros(1, 1, 3, 227, 227), "227×227.*Wanted: 224×224"),
        ("vgg_m", {}, torch.zeros(1, 3, 224, 224), r"b t c h w.*clip\[None\]"),
        ("vgg_m", {}, torch.zeros(1, 1, 3, 224, 224, dtype=torch.uint8), "uint8.*/ 255"),
        ("vgg_m", {}, None, "NoneType"),
        ("two_stream_vgg_m", {}, torch.zeros(1, 10, 3, 224, 224), "b t 5 h w"),
        ("two_stream_vgg_m", {}, torch.zeros(1, 9, 5, 224, 224), "9 moments.*Wanted: 10"),
        ("two_stream_vgg_m", {}, torch.zeros(1, 10, 5, 224, 224, dtype=torch.uint8), "uint8.*/ 255"),
        ("two_stream_vgg_m", {}, torch.zeros(1, 10, 5, 224, 112), "224×112.*Wanted: 224×224"),
        ("motionnet", {}, torch.zeros(1, 10, 3, 64, 64), "10 frames.*Wanted: 11"),
        ("motionnet", {}, torch.zeros(1, 11, 3, 64, 100), "64×100.*multiples of 32.*64×96"),
        ("motionnet", {}, torch.zeros(1, 11, 3, 64, 64, dtype=torch.uint8), "uint8"),
    ],
)
def test_a_clip_that_does_not_fit_is_refused_at_the_door(unchecked, name, options, clip, says):
    with pytest.raises(ShapeError, match=says):
        build(name, **options)(clip)


def test_a_film_given_by_its_name_is_looked_at_too():
    with pytest.raises(ShapeError, match="9 moments"):
        build("two_stream_vgg_m")(film=torch.zeros(1, 9, 5, 224, 224))


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("vgg_m", {"channels": 0}, "channels = 0"),
        ("vgg_m", {"classes": 0}, "classes = 0"),
        ("two_stream_vgg_m", {"how": "mean"}, "how = 'mean'.*'sum' or 'max' or 'concat' or 'conv' or 'bilinear'"),
        ("two_stream_vgg_m", {"at": "relu1"}, "at = 'relu1'.*'relu2'"),
        ("two_stream_vgg_m", {"at": "softmax"}, 'how = \'conv\' at "softmax".*Wanted: "sum"'),
        ("two_stream_vgg_m", {"how": "bilinear", "at": "relu5+fc8"}, "no maps to fuse again"),
        ("two_stream_vgg_m", {"moments": 0}, "moments = 0"),
        ("motionnet", {"frames": 1}, "frames = 1.*at least 2"),
        ("motionnet", {"frames": 0}, "frames = 0"),
    ],
)
def test_a_network_that_does_not_exist(name, options, says):
    with pytest.raises(ValueError, match=says):
        build(name, **options)


# The tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_tables_say_where_they_come_from(n):
    table = data.published(f"feichtenhofer2016_T{n}")
    assert f"CVPR 2016, table {n}" in table["source"]
    assert table["unit"]
    assert all(len(row) == len(table["columns"]) for row in table["rows"].values())


def test_one_network_stands_in_both_tables_with_two_figures():
    one, two = (data.published(f"feichtenhofer2016_T{n}")["rows"] for n in (1, 2))
    assert one["Conv ReLU5"][:2] == two["ReLU5"][:2] == [85.96, 14]
    assert (one["Conv ReLU5"][2], two["ReLU5"][2]) == (97.58, 97.57)
    assert max(two, key=lambda name: two[name][0]) == "ReLU5+FC8"
    assert {at.upper() for at in POINTS} >= {name.upper() for name in two}


def test_fusing_over_time_helps_on_both_datasets():
    both = [*zip(*data.published("feichtenhofer2016_T3")["rows"].values(), strict=True)]
    assert all(sorted(column) == [*column] for column in both)
