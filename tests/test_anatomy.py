"""Anatomy: counts against hand formulas, receptive fields against closed forms, models whose use of time is known."""

import random
import re
from html.parser import HTMLParser

import pytest
import torch
from einops import rearrange, reduce
from torch import nn

from vidlab import ShapeError, anatomy
from vidlab.models.early_fusion import EarlyFusion
from vidlab.models.late_fusion import PooledFusion
from vidlab.models.slow_fusion import SlowFusion


class Toy(nn.Module):
    """The toy table of the lecture slides: convolution, pooling by 4, convolution, global average; no classifier."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        convolution, pool = (nn.Conv3d, nn.MaxPool3d) if kind == "3d" else (nn.Conv2d, nn.MaxPool2d)
        self.conv1 = convolution(60 if kind == "early" else 3, 12, 3, padding=1)
        self.pool1 = pool(4)
        self.conv2 = convolution(12, 24, 3, padding=1)

    def forward(self, clip):
        how = {"late": "(b t) c h w", "early": "b (t c) h w", "3d": "b c t h w"}[self.kind]
        x = self.conv2(self.pool1(self.conv1(rearrange(clip, f"b t c h w -> {how}")).relu())).relu()
        if self.kind == "late":
            return reduce(x, "(b t) c h w -> b c", "mean", b=len(clip))
        return reduce(x, "b c ... -> b c", "mean")


class Around(nn.Module):
    """Any layers, on `b c t h w` or on the images `(b t) c h w`, or after another rearrangement."""

    def __init__(self, *layers, how="b c t h w"):
        super().__init__()
        self.layers, self.how = nn.Sequential(*layers), how

    def forward(self, clip):
        return self.layers(rearrange(clip, f"b t c h w -> {self.how}"))


class FrameZero(nn.Module):
    """Looks at the first frame and at nothing else."""

    def __init__(self):
        super().__init__()
        self.classify = nn.Linear(3 * 6 * 6, 5)

    def forward(self, clip):
        return self.classify(clip[:, 0].flatten(1))


class FrameMean(nn.Module):
    """The mean over frames of a 2D network's logits."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16, 5))

    def forward(self, clip):
        return reduce(self.net(rearrange(clip, "b t c h w -> (b t) c h w")), "(b t) k -> b k", "mean", b=len(clip))


class Circular(nn.Module):
    """A 3D convolution that goes round in time, with stride, then a global average."""

    def __init__(self, stride=1):
        super().__init__()
        self.conv = nn.Conv3d(3, 8, 3, (stride, 1, 1), padding=1, padding_mode="circular")
        self.classify = nn.Linear(8, 5)

    def forward(self, clip):
        maps = self.conv(rearrange(clip, "b t c h w -> b c t h w")).relu()
        return self.classify(reduce(maps, "b c t h w -> b c", "mean"))


def clips(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


# The table ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "sizes", "fields", "parameters"),
    [
        ("late", [(12, 64, 64), (12, 16, 16), (24, 16, 16)], [(1, 3, 3), (1, 6, 6), (1, 14, 14)], 2952),
        ("early", [(12, 64, 64), (12, 16, 16), (24, 16, 16)], [(20, 3, 3), (20, 6, 6), (20, 14, 14)], 9108),
        ("3d", [(12, 20, 64, 64), (12, 5, 16, 16), (24, 5, 16, 16)], [(3, 3, 3), (6, 6, 6), (14, 14, 14)], 8784),
    ],
)
def test_the_toy_table_of_the_lectures(kind, sizes, fields, parameters):
    table = anatomy.table(Toy(kind), (20, 3, 64, 64))
    assert [row.name for row in table.rows] == ["conv1", "pool1", "conv2", "output"]
    assert [row.size for row in table.rows] == [*sizes, (24,)]
    assert [row.field.size for row in table.rows] == [*fields, (20, 64, 64)]
    assert table.parameters == parameters == table["conv1"].parameters + table["conv2"].parameters
    assert not any(row.field.cut for row in table.rows[:3])
    assert table["output"].field.whole == (True, True, True)
    assert {row.images for row in table.rows[:3]} == ({20} if kind == "late" else {1})


@pytest.mark.parametrize("seed", range(6))
def test_convolutions_are_counted_as_by_hand(seed):
    draw = random.Random(seed)
    dims, groups = draw.choice([2, 3]), draw.choice([1, 2, 4])
    c_in, c_out, bias = 4, 4 * draw.randint(1, 3), draw.random() < 0.5
    kernel, stride = [tuple(draw.randint(1, 3) for _ in range(dims)) for _ in range(2)]
    layer = (nn.Conv2d, nn.Conv3d)[dims - 2](c_in, c_out, kernel, stride, groups=groups, bias=bias)
    model = Around(nn.Conv3d(3, 4, 1), layer) if dims == 3 else Around(nn.Conv2d(3, 4, 1), layer, how="(b t) c h w")
    row = anatomy.table(model, (5, 3, 8, 9))["layers.1"]
    clip = (5, 8, 9)[3 - dims :]
    out = tuple((n - k) // s + 1 for n, k, s in zip(clip, kernel, stride, strict=True))
    weights = c_out * c_in // groups * torch.Size(kernel).numel()
    assert row.size == (c_out, *out)
    assert row.parameters == weights + bias * c_out
    assert row.macs == weights * torch.Size(out).numel() * (5 if dims == 2 else 1)
    assert row.kind.startswith(f"Conv{dims}d {'×'.join(map(str, kernel))}")
    assert ("groups" in row.kind) == (groups > 1)
    assert ("stride" in row.kind) == (max(stride) > 1)


class Attentive(nn.Module):
    """Multiply–adds that torch's counter misses in fused kernels, and some outside of any module."""

    def __init__(self, layer):
        super().__init__()
        self.embed, self.layer = nn.Linear(3 * 16, 8), layer
        self.unused = nn.Linear(2, 2)
        self.bag = nn.ModuleDict({"inner": nn.Linear(3, 1, bias=False)})

    def forward(self, clip):
        x = self.embed(rearrange(clip, "b t c h w -> b t (c h w)"))
        x = self.layer(x, x, x)[0] if isinstance(self.layer, nn.MultiheadAttention) else self.layer(x)[0]
        similar = x @ x.transpose(1, 2)
        return similar.mean((1, 2))[:, None]


def test_fused_layers_and_bare_products_are_counted_too():
    for layer, macs in (
        (nn.MultiheadAttention(8, 2, batch_first=True), 6 * 8 * 8 * 4 + 2 * 6 * 6 * 8),
        (nn.LSTM(8, 8, batch_first=True), 6 * 4 * 8 * 16),
    ):
        model = Attentive(layer).train()
        fast = torch.backends.mha.get_fastpath_enabled()
        table = anatomy.table(model, (6, 3, 4, 4))
        assert torch.backends.mha.get_fastpath_enabled() == fast
        assert table["embed"].macs == 6 * 48 * 8
        assert table["layer"].macs == macs
        assert table["layer"].parameters == sum(p.numel() for p in layer.parameters())
        assert table["output"].macs == 6 * 6 * 8  # x @ xᵀ in forward
        assert table["output"].parameters == 2 * 2 + 2 + 3  # what is never called
        assert table.parameters == sum(p.numel() for p in model.parameters())
        assert table.macs == 6 * 48 * 8 + macs + 6 * 6 * 8
        assert all(module.training for module in model.modules())
        assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_layer_called_for_each_frame_is_one_row():
    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.Linear(3 * 16 + 4, 4)

        def forward(self, clip):
            state = clip.new_zeros(len(clip), 4)
            for frame in clip.flatten(2).unbind(1):
                state = self.cell(torch.cat([frame, state], 1)).tanh()
            return state

    row = anatomy.table(Loop(), (7, 3, 4, 4))["cell"]
    assert row.parameters == 52 * 4 + 4
    assert row.macs == 7 * 52 * 4
    assert row.calls == 7
    assert row.field.size == (7, 4, 4)  # the last state has seen all frames


def test_activations_are_left_out_unless_asked_for():
    model = Around(nn.Conv3d(3, 4, 3), nn.BatchNorm3d(4), nn.ReLU(inplace=True), nn.Dropout())
    names = [row.name for row in anatomy.table(model, (4, 3, 8, 8)).rows]
    assert names == ["layers.0", "layers.1"]
    everything = anatomy.table(model, (4, 3, 8, 8), activations=True)
    assert [row.name for row in everything.rows] == [f"layers.{i}" for i in range(4)]
    assert everything["layers.1"].parameters == 8


def test_published_size_costs_nothing_on_meta():
    """C3D's first fully connected layer alone would fill 134 MB; the count is that of its 487-class release."""
    widths = [3, 64, 128, 256, 256, 512, 512, 512, 512]
    layers = []
    with torch.device("meta"):
        for i, (a, b) in enumerate(zip(widths, widths[1:], strict=False)):
            layers.append(nn.Conv3d(a, b, 3, padding=1))
            if i in (0, 1, 3, 5, 7):
                layers.append(nn.MaxPool3d((1 if i == 0 else 2, 2, 2), padding=(0, 1, 1) if i == 7 else 0))
        model = Around(*layers, nn.Flatten(), nn.Linear(8192, 4096), nn.Linear(4096, 4096), nn.Linear(4096, 487))
    table = anatomy.table(model, (16, 3, 112, 112))
    assert table.parameters == 79_991_015
    assert round(table.macs / 1e9, 4) == 38.5490
    assert all(row.field is None for row in table.rows)
    with torch.device("meta"):
        small = Around(nn.Conv3d(3, 2, 3), nn.BatchNorm3d(2), nn.ReLU(), nn.Conv3d(2, 2, 3))
    asked = anatomy.table(small, (7, 3, 9, 9), receptive_fields=True)
    assert [row.field.size for row in asked.rows] == [(3, 3, 3), (3, 3, 3), (5, 5, 5)]
    assert all(p.is_meta for p in small.parameters())


# Receptive fields -----------------------------------------------------------------------------------------------------


def closed_form(layers):
    """r ← r + span · jump, jump ← jump · stride, for each layer (kernel, stride, dilation)."""
    field, jump = 1, 1
    for kernel, stride, dilation in layers:
        field += dilation * (kernel - 1) * jump
        jump *= stride
    return field


def window(draw, channels, dims):
    """A random layer with positive and negative weights, and what it is along each axis."""
    kind = draw.choice(["conv", "conv", "max", "average"])
    kernel = [draw.randint(1, 3) for _ in range(dims)]
    stride = [draw.randint(1, 2) for _ in range(dims)]
    dilation = [1 if kind == "average" else draw.randint(1, 2) for _ in range(dims)]
    padding = [draw.randint(0, k // 2) for k in kernel]
    if kind == "conv":
        layer = (nn.Conv2d, nn.Conv3d)[dims - 2](channels, channels, kernel, stride, padding, dilation)
    elif kind == "max":
        layer = (nn.MaxPool2d, nn.MaxPool3d)[dims - 2](kernel, stride, padding, dilation, ceil_mode=draw.random() < 0.3)
    else:
        layer = (nn.AvgPool2d, nn.AvgPool3d)[dims - 2](kernel, stride, padding)
    return layer, list(zip(kernel, stride, dilation, strict=True))


@pytest.mark.parametrize("seed", range(24))
def test_measured_fields_equal_the_closed_form(seed):
    draw = random.Random(seed)
    dims = draw.choice([2, 3])
    drawn = [window(draw, 3, dims) for _ in range(draw.randint(1, 3))]
    layers = [part for layer, _ in drawn for part in (layer, draw.choice([nn.ReLU(inplace=True), nn.Sigmoid()]))]
    model = Around(*layers, how="b c t h w" if dims == 3 else "(b t) c h w")
    expected = tuple(closed_form(axis) for axis in zip(*(how for _, how in drawn), strict=True))
    expected = expected if dims == 3 else (1, *expected)
    field = anatomy.receptive_field(model, (41 if dims == 3 else 3, 3, 41, 41))
    assert field.size == expected
    assert not field.cut
    assert not any(field.whole)


def test_a_field_that_reaches_past_the_border_says_so():
    """Dilated kernels may leave the clip without touching its border: only the padding they see gives them away."""
    dilated = Around(nn.Conv3d(3, 3, 3, padding=(0, 4, 4), dilation=(1, 4, 4)))
    touching = anatomy.receptive_field(dilated, (3, 3, 7, 7))
    assert touching.size[1] < 9
    assert touching.start[1] > 0  # without a touch of the upper border
    assert touching.start[1] + touching.size[1] <= 7
    assert touching.cut
    assert "†" in str(touching)
    enough = anatomy.receptive_field(dilated, (3, 3, 11, 11))
    assert enough.size == (3, 9, 9)
    assert not enough.cut
    assert enough.whole == (True, False, False)
    for pool in (nn.MaxPool3d(3, 1, padding=1), nn.AvgPool3d(3, 1, padding=1), nn.ZeroPad3d(2)):
        assert anatomy.receptive_field(Around(pool), (1, 3, 9, 9)).cut == (not isinstance(pool, nn.ZeroPad3d))


def test_no_weight_and_no_activation_hides_what_could_be_seen():
    conv, norm = nn.Conv3d(3, 3, 3, padding=1), nn.BatchNorm3d(3)
    nn.init.zeros_(conv.weight)
    norm.running_mean.fill_(1e3)  # every ReLU would be dead
    nn.init.zeros_(norm.weight)
    model = Around(conv, norm, nn.ReLU())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert anatomy.receptive_field(model.train(), (9, 3, 9, 9)).size == (3, 3, 3)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())  # a copy was measured
    assert all(p.grad is None and p.dtype == torch.float32 for p in model.parameters())
    assert norm.training
    conv.weight.requires_grad_(False)[:, :, 1, 1, 1] = 1  # frozen: its zeros stay
    assert anatomy.receptive_field(model, (9, 3, 9, 9)).size == (1, 1, 1)


def test_maxima_of_any_kind_see_their_whole_window():
    class Largest(nn.Module):
        def __init__(self, how):
            super().__init__()
            self.how = how

        def forward(self, clip):
            return {
                "reduce": lambda: reduce(clip, "b t c h w -> b c", "max"),
                "method": lambda: clip.max(1).values.amax((-1, -2)),
                "adaptive": lambda: nn.functional.adaptive_max_pool3d(clip.transpose(1, 2), 1).flatten(1),
                "two": lambda: torch.maximum(clip[:, 0], clip[:, 4]).amax((2, 3)),
            }[self.how]()

    for how in ("reduce", "method", "adaptive", "two"):
        assert anatomy.receptive_field(Largest(how), (5, 3, 4, 6)).size == (5, 4, 6)


def test_fields_of_layers_by_name_and_through_changes_in_place():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.wide, self.narrow = nn.Conv3d(3, 3, 5, padding=2), nn.Conv3d(3, 3, 1)

        def forward(self, clip):
            x = rearrange(clip, "b t c h w -> b c t h w")
            y = self.narrow(x)
            y += self.wide(x)
            return y

    model = Residual()
    sizes = [anatomy.receptive_field(model, (9, 3, 9, 9), layer).size for layer in ("narrow", "wide", None)]
    assert sizes == [(1, 1, 1), (5, 5, 5), (5, 5, 5)]
    assert [row.field.size for row in anatomy.table(model, (9, 3, 9, 9)).rows] == sizes


def test_the_models_of_the_course_see_what_they_should():
    """Karpathy's slow fusion: 10 frames → 4 → 2 → 1, which see 4, 6 and 10."""
    slow = anatomy.table(SlowFusion(4, frames=10, extents=((4, 2), (2, 2), (2, 1))), (10, 3, 32, 32))
    convolutions = [row for row in slow.rows if row.kind.startswith("Conv3d")]
    assert [row.field.size[0] for row in convolutions] == [4, 6, 10]
    assert [row.size[1] for row in convolutions] == [4, 2, 1]
    early = anatomy.table(EarlyFusion(4, frames=8), (8, 3, 32, 32))
    assert {row.field.size[0] for row in early.rows if row.kind.startswith("Conv2d")} == {8}
    for pool in ("average", "max", "attention"):
        assert anatomy.receptive_field(PooledFusion(4, pool=pool), (8, 3, 32, 32)).size == (8, 32, 32)
        assert anatomy.receptive_field(PooledFusion(4, pool=pool), (8, 3, 32, 32), "backbone").size[0] == 1


# Does it use time? ----------------------------------------------------------------------------------------------------


def test_trials_are_what_they_say():
    video = torch.arange(5).reshape(1, 5, 1, 1, 1).expand(2, 5, 3, 2, 2)
    frames = {
        "reverse": [4, 3, 2, 1, 0], "freeze": [2, 2, 2, 2, 2], "subsample": [0, 0, 2, 2, 4],
        "shift": [0, 0, 1, 2, 3], "roll": [4, 0, 1, 2, 3],
    }  # fmt: skip
    for name, expected in frames.items():
        for spoil in (getattr(anatomy, name), lambda v, name=name: anatomy.TRIALS[name](v, torch.Generator())):
            out = spoil(video)
            assert out.shape == video.shape
            assert out[:, :, 0, 0, 0].tolist() == [expected] * 2
    assert anatomy.shift(video, -2)[0, :, 0, 0, 0].tolist() == [2, 3, 4, 4, 4]
    assert anatomy.freeze(video, 0).unique().tolist() == [0]
    assert anatomy.subsample(video, 3)[0, :, 0, 0, 0].tolist() == [0, 0, 0, 3, 3]


@pytest.mark.parametrize("t", [2, 3, 6])
def test_shuffling_never_keeps_and_never_reverses_the_order(t):
    video = torch.arange(t).reshape(1, t, 1, 1, 1).expand(200, t, 3, 1, 1)
    orders = anatomy.shuffle(video, torch.Generator().manual_seed(1))[:, :, 0, 0, 0].tolist()
    assert all(sorted(order) == list(range(t)) for order in orders)
    assert list(range(t)) not in orders
    if t > 2:
        assert list(range(t))[::-1] not in orders
        assert len({tuple(order) for order in orders}) > t - 2  # one of its own for each clip
    again = anatomy.shuffle(video, torch.Generator().manual_seed(1))[:, :, 0, 0, 0].tolist()
    other = anatomy.shuffle(video, torch.Generator().manual_seed(2))[:, :, 0, 0, 0].tolist()
    assert orders == again
    assert t == 2 or orders != other


@pytest.mark.parametrize("precise", [True, False])
def test_what_theory_says_cannot_change_does_not(precise):
    video = clips(6, 7, 3, 6, 6)
    report = anatomy.uses_time(FrameMean(), video, precise=precise)
    assert report["reverse"].exact
    assert report["shuffle"].exact
    assert report["roll"].exact
    assert not any(report[name].exact for name in ("freeze", "subsample", "shift"))  # other frames, or fewer
    plain = Around(nn.Conv3d(3, 5, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten())
    assert not any(trial.exact for trial in anatomy.uses_time(plain, video, precise=precise).trials.values())
    circular = anatomy.uses_time(Circular(), video, precise=precise)
    assert circular["roll"].exact
    assert not any(circular[name].exact for name in ("reverse", "shuffle", "freeze", "shift"))
    even = clips(6, 8, 3, 6, 6)
    by_two = {"one": lambda v, g: anatomy.roll(v, 1), "two": lambda v, g: anatomy.roll(v, 2)}
    strided = anatomy.uses_time(Circular(stride=2), even, trials=by_two, precise=precise)
    assert [strided["one"].exact, strided["two"].exact] == [False, True]
    first = {"first": lambda v, g: anatomy.freeze(v, 0), "middle": lambda v, g: anatomy.freeze(v)}
    frozen = anatomy.uses_time(FrameZero(), video, trials=first, precise=precise)
    assert [frozen["first"].exact, frozen["middle"].exact] == [True, False]
    assert anatomy.uses_time(FrameZero(), video, precise=precise)["subsample"].exact


def test_the_models_of_the_course_use_time_as_they_should():
    video = clips(6, 8, 3, 32, 32)
    for pool in ("average", "max", "attention"):
        report = anatomy.uses_time(PooledFusion(4, pool=pool), video)
        assert report["reverse"].exact
        assert report["shuffle"].exact
    for model in (EarlyFusion(4, frames=8), SlowFusion(4, frames=8)):
        report = anatomy.uses_time(model, video)
        assert not report["reverse"].exact
        assert not report["shuffle"].exact


class Brightest(nn.Module):
    """Logits by hand: the brightness of the first frame and of the last."""

    def forward(self, clip):
        return clip.mean((2, 3, 4))[:, [0, -1]] * torch.tensor([4.0, 4.0], dtype=clip.dtype)


def test_the_numbers_are_those_of_the_definitions():
    light = torch.tensor([[0.0, 0.5, 1.0], [0.75, 0.5, 0.25], [0.5, 0.0, 0.0]])
    video = light[:, :, None, None, None].expand(3, 3, 3, 2, 2)
    report = anatomy.uses_time(Brightest(), video, torch.tensor([1, 0, 1]))
    before = 4 * light[:, [0, 2]].double()
    after = before.flip(1)
    trial = report["reverse"]
    assert trial.max_change == pytest.approx(4)
    spread = (before - before.mean(0)).square().mean().sqrt()
    assert trial.relative_change == pytest.approx(((after - before).square().mean().sqrt() / spread).item())
    variation = (before.softmax(1) - after.softmax(1)).abs().sum(1).mean() / 2
    assert trial.total_variation == pytest.approx(variation.item())
    assert trial.flips == 1
    assert trial.changed == 1
    assert report.accuracy == pytest.approx(2 / 3)
    assert trial.accuracy == pytest.approx(1 / 3)
    assert anatomy.uses_time(Brightest(), video)["reverse"].accuracy is None
    assert report["freeze"].changed == 1
    constant = {"same": lambda v, g: v.clone(), "one": lambda v, g: torch.cat([v[:1].flip(1), v[1:]])}
    untouched = anatomy.uses_time(Brightest(), video, trials=constant)
    assert not untouched["same"].exact  # nothing was tested
    assert "not tested" in str(untouched)
    assert untouched["one"].changed == pytest.approx(1 / 3)
    assert untouched["one"].flips == pytest.approx(1 / 3)
    single = anatomy.uses_time(Brightest(), video[:1])
    assert single["reverse"].relative_change != single["reverse"].relative_change  # no spread between clips
    assert not anatomy.uses_time(Brightest(), video, tolerance=0)["reverse"].exact
    assert anatomy.uses_time(Brightest(), video, tolerance=2)["reverse"].exact


def test_stored_clips_small_batches_and_seeds_give_the_same_answers():
    stored = (clips(5, 6, 3, 6, 6) * 255).to(torch.uint8)
    model = Circular()
    reports = [
        anatomy.uses_time(model, stored),
        anatomy.uses_time(model, stored.double() / 255),
        anatomy.uses_time(model, stored, batch_size=2),
        anatomy.uses_time(model, stored, generator=torch.Generator().manual_seed(0)),
    ]
    for other in reports[1:]:
        for name, trial in reports[0].trials.items():
            assert trial.max_change == pytest.approx(other[name].max_change, rel=1e-6, abs=1e-9)
    reseeded = anatomy.uses_time(model, stored, seed=1)
    assert reseeded["shuffle"].max_change != pytest.approx(reports[0]["shuffle"].max_change, rel=1e-6)


@pytest.mark.parametrize("precise", [True, False])
def test_the_model_is_left_as_it_was(precise):
    model = FrameMean().train()
    model.net[1].eval()  # a frozen normalisation in a model that trains
    before = {name: value.clone() for name, value in model.state_dict().items()}
    seen = []
    handle = model.register_forward_hook(lambda m, given, out: seen.append((m.training, out.requires_grad)))
    anatomy.uses_time(model, clips(4, 5, 3, 6, 6), precise=precise)
    handle.remove()
    assert set(seen) == {(False, False)}
    assert [module.training for module in (model, model.net, model.net[0], model.net[1])] == [True, True, True, False]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert next(model.parameters()).dtype == torch.float32


# What is printed ------------------------------------------------------------------------------------------------------


class Cells(HTMLParser):
    """The rows of an html table, and the scopes of its heads."""

    def __init__(self, page):
        super().__init__()
        self.rows, self.scopes, self.open, self.tags = [], [], [], set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
        if tag == "th":
            self.scopes.append(dict(attrs)["scope"])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if self.open and self.open[-1] in ("th", "td"):
            self.rows[-1][-1] += text


def test_text_and_html_say_the_same():
    video = clips(4, 5, 3, 6, 6)
    for page, columns, rows in (
        (anatomy.table(Toy("3d"), (8, 3, 16, 16)), 6, 5),
        (anatomy.uses_time(Circular(), video, torch.arange(4)), 7, 7),
    ):
        cells = Cells(page._repr_html_())
        assert not cells.open
        assert {"caption", "thead", "tbody"} <= cells.tags
        assert len(cells.rows) == rows + 1
        assert {len(row) for row in cells.rows} == {columns}
        assert cells.scopes == ["col"] * columns + ["row"] * rows
        text = [re.split(r" {2,}", line) for line in str(page).split("\n\n")[1].splitlines()]
        assert text == [[cell for cell in row if cell] for row in cells.rows]
        assert "color" not in page._repr_html_()  # the theme's own
    assert "multiply–adds (MAC)" in str(anatomy.table(Toy("3d"), (8, 3, 16, 16)))


def test_html_is_escaped():
    model = Around(nn.Identity())
    type(model).__name__ = "<b>"
    try:
        assert "<b>&lt;b&gt;" in anatomy.table(model, (2, 3, 4, 4))._repr_html_()
    finally:
        type(model).__name__ = "Around"


# Bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("as_learners_run_it")
def test_bad_input_gives_one_clear_error():
    video, model = clips(4, 5, 3, 6, 6), FrameMean()

    class Wrong(nn.Module):
        def forward(self, clip):
            return clip.mean((2, 3, 4))[:, None]

    class Pair(nn.Module):
        def forward(self, clip):
            return clip, clip

    for given, says in (
        ((model, video[0]), r"clips\[None\]"),
        ((model, rearrange(video, "b t c h w -> b c t h w")), "rearrange"),
        ((model, video[:, :1]), "t of 2 or more"),
        ((model, video[:0]), "b t c h w"),
        ((model, [video]), "a list"),
        ((model, clips(4, 5, 3, 9, 9)), "FrameMean cannot take clips of shape"),
        ((model, video, torch.zeros(3, dtype=torch.long)), "one for each of 4 clips"),
        ((Wrong(), video), r"returned shape \(4, 1, 5\)"),
        ((Pair(), video), "returned a tuple"),
    ):
        with pytest.raises(ShapeError, match=says):
            anatomy.uses_time(*given)
    for spoil in (anatomy.reverse, anatomy.freeze, anatomy.subsample, anatomy.shift, anatomy.roll):
        with pytest.raises(ShapeError, match="t of 2 or more"):
            spoil(video[:, :1])
    with pytest.raises(ShapeError, match="t of 2 or more"):
        anatomy.shuffle(video[:, :1], torch.Generator())
    with pytest.raises(ShapeError, match="0 to 4"):
        anatomy.freeze(video, 5)
    with pytest.raises(ShapeError, match="1 or more"):
        anatomy.subsample(video, 0)
    for shape in ((3, 64, 64), (0, 3, 6, 6), (5, 3, 6.0, 6), video):
        with pytest.raises(ShapeError, match="t c h w"):
            anatomy.table(model, shape)
    with pytest.raises(ShapeError, match="FrameMean cannot take"):
        anatomy.table(model, (3, 5, 6, 6))
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())
    with pytest.raises(ShapeError, match="no layer 'nett'"):
        anatomy.receptive_field(model, (5, 3, 6, 6), "nett")
    with pytest.raises(ShapeError, match="a layer that forward calls"):
        anatomy.receptive_field(Attentive(nn.LSTM(8, 8, batch_first=True)), (6, 3, 4, 4), "unused")
    with pytest.raises(KeyError, match="no row"):
        anatomy.table(model, (5, 3, 6, 6))["nett"]
