"""vidlab.models.inflation: a boring video is answered as the still was; filters over time by hand; what is refused."""

import copy
import functools
import pickle

import pytest
import torch
from einops import rearrange, repeat
from of_models import close, rand
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune

from vidlab import ShapeError, VidlabError, models
from vidlab.anatomy import receptive_field, table
from vidlab.evaluation import evaluate
from vidlab.models import Inflated, inflate, inflate_filters, inflated_parameters
from vidlab.models.backbone import Backbone
from vidlab.models.inflation import InflatedConv3d
from vidlab.models.published import alexnet, build, multiply_adds, parameters, resnet18, vgg16
from vidlab.time_use import uses_time
from vidlab.training import fit

BOTH = pytest.mark.parametrize("mode", ["mean", "centre"])
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def alive(net, dtype=torch.float64, seed=0):
    """A network as after training, in evaluation mode: nothing is 0 or 1, and no signal grows or dies out."""
    generator = torch.Generator().manual_seed(seed)
    net = net.to_empty(device="cpu").to(dtype).eval()
    for tensor in net.state_dict().values():
        if tensor.ndim > 1:
            tensor.normal_(0, (2 / tensor[0].numel()) ** 0.5, generator=generator)
        elif tensor.ndim:
            tensor.uniform_(0.8, 1.2, generator=generator)
        else:
            tensor.fill_(7)
    return net


def built(make, dtype=torch.float64, seed=0):
    with torch.device("meta"):
        net = make()
    return alive(net, dtype, seed)


def boring(still, frames):
    return repeat(still, "b c h w -> b c t h w", t=frames)


def off(net2d, net3d, still, frames):
    """By how much each moment's answer to a boring video differs from that to the still; and the size of that one."""
    with torch.no_grad():
        moments = net3d(boring(still, frames))
        answer = net2d(still[:, None] if takes_clips(net2d) else still)
    moments = moments if answer.ndim == 2 else moments.transpose(1, 2)  # b t first
    assert moments.shape == (len(still), frames, *answer.shape[1:])
    return (moments - answer[:, None]).abs().transpose(0, 1).flatten(1).amax(1), answer.abs().max()


def takes_clips(net):
    return isinstance(net, models.SingleFrame) or hasattr(net, "classifier") or hasattr(net, "layer4")


# Networks whose forward does with images what people do ---------------------------------------------------------------


class Residual(nn.Module):
    def __init__(self, channels, groups=1):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, groups=groups)
        self.norm = nn.GroupNorm(2, channels)

    def forward(self, x):
        return x + F.relu(self.norm(self.conv(x)))


class Mixed(nn.Module):
    """What no table of layers would foresee: functions, views by number of axis, concatenation, a gate, a head."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.ZeroPad2d(1), nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8, momentum=0.3, eps=1e-3)
        )
        self.wide = nn.Conv2d(8, 8, 3, padding=2, dilation=2, padding_mode="reflect", bias=False)
        self.body = Residual(8, groups=4)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.Sigmoid())
        self.attend = nn.MultiheadAttention(16, 2, batch_first=True)
        self.rows = nn.GRU(16, 6, batch_first=True)
        self.scale = nn.Parameter(torch.ones(8, 1, 1))
        self.grow = nn.Upsample(scale_factor=2, mode="bilinear")
        self.fold = nn.PixelShuffle(2)
        self.head = nn.Sequential(nn.LocalResponseNorm(3), nn.Dropout(0.5), nn.Flatten(), nn.Linear(4 * 2 * 2 + 6, 5))

    def forward(self, image):
        x = F.max_pool2d(self.stem(image).relu(), 2)
        x = self.body(self.wide(x)) * self.gate(x) * self.scale
        x = torch.cat([x, self.grow(F.avg_pool2d(x, 2))], dim=1)
        tokens = x.flatten(2).transpose(1, 2)
        tokens = tokens + self.attend(tokens, tokens, tokens)[0]
        x = self.fold(tokens.transpose(1, 2).reshape(x.shape))
        last = self.rows(tokens)[0].mean((1,))
        x = F.adaptive_avg_pool2d(x, 2)
        x = self.head[1](self.head[0](x))
        return self.head[3](torch.cat([torch.flatten(x, 1), last.view(x.size(0), -1)], dim=1))


class Whole(nn.Sequential):
    """An image classifier of layers alone."""

    def __init__(self, classes=4):
        super().__init__(Backbone(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, classes))


NETS = {  # an image network; pixels; how many layers of k×k filters lie one upon the other
    "backbone": (Backbone, 32, 3),
    "single frame": (lambda: models.SingleFrame(4), 32, 3),
    "mixed": (Mixed, 16, 3),
    "alexnet's features": (lambda: alexnet().features, 67, 5),
    "grouped alexnet's features": (lambda: alexnet("grouped").features, 67, 5),
    "resnet18": (resnet18, 32, 17),
}


# Boring videos --------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("name", NETS)
def test_a_boring_video_is_answered_as_the_still_at_every_moment(name, mode):
    make, size, _ = NETS[name]
    for dtype in (torch.float32,) if name == "resnet18" else (torch.float32, torch.float64):
        net2d = built(make, dtype)
        for k_t in (2, 3) if name == "backbone" else (3,):
            net3d = inflate(net2d, k_t, mode=mode, padding="replicate")
            wrong, scale = off(net2d, net3d, rand(2, 3, size, size, dtype=dtype), frames=3)
            assert scale > 0.1
            assert wrong.max() <= TOLERANCE[dtype] * max(1, scale)


@pytest.mark.parametrize("name", ["backbone", "single frame", "mixed", "alexnet's features", "resnet18"])
def test_zeros_beyond_the_ends_are_felt_half_a_receptive_field_deep_and_no_deeper(name):
    """Each layer hands on less than half of it: of what is felt 17 layers deep, hardly more than rounding is left."""
    make, size, layers = NETS[name]
    net2d = built(make)
    size = 16 if name == "resnet18" else size
    wrong, scale = off(net2d, inflate(net2d), rand(1, 3, size, size), frames=2 * layers + 3)
    assert wrong[layers:-layers].max() <= 1e-12 * max(1, scale)  # three moments
    felt = min(layers, 14)
    assert wrong[:felt].min() > 1e-10
    assert wrong[-felt:].min() > 1e-10
    assert wrong[0] > 1e-2


@pytest.mark.parametrize(("k_t", "before", "after"), [(1, 0, 0), (2, 0, 3), (3, 3, 3), (4, 3, 6), (5, 6, 6)])
def test_an_even_extent_reaches_one_frame_further_forward(k_t, before, after):
    net2d = built(Backbone)
    wrong, _ = off(net2d, inflate(net2d, k_t), rand(1, 3, 16, 16), frames=15)
    assert (wrong > 1e-9).tolist() == [t < before or t >= 15 - after for t in range(15)]


def test_centred_filters_feel_no_zeros_beyond_the_ends():
    """They look at no other frame before they are trained: not only boring videos are answered frame by frame."""
    for k_t in (2, 3, 5):
        net2d = built(Backbone)
        film = rand(2, 3, 4, 16, 16)
        frames = torch.stack([net2d(film[:, :, t]) for t in range(4)], 2)
        close(inflate(net2d, k_t, mode="centre")(film), frames)
        assert (inflate(net2d, k_t)(film) - frames).abs().max() > 1e-2


def test_a_video_that_is_not_boring_is_answered_from_its_running_mean():
    """Of one linear layer: the mean of three frames, the ends repeated."""
    net2d, film = built(lambda: nn.Conv2d(3, 4, 3)), rand(1, 3, 5, 8, 8)
    padded = torch.cat([film[:, :, :1], film, film[:, :, -1:]], 2)
    mean = (padded[:, :, :-2] + padded[:, :, 1:-1] + padded[:, :, 2:]) / 3
    expected = torch.stack([net2d(mean[:, :, t]) for t in range(5)], 2)
    close(inflate(net2d, padding="replicate")(film), expected)


@BOTH
def test_alexnet_at_its_published_size(mode):
    net2d = built(alexnet, torch.float32)
    wrong, scale = off(
        net2d, inflate(net2d, mode=mode, padding="replicate"), rand(1, 3, 227, 227, dtype=torch.float32), 1
    )
    assert scale > 0.1
    assert wrong.max() <= 1e-5 * max(1, scale)


@BOTH
def test_vgg_by_its_parts(mode):
    """All filters of the published network, on fewer pixels; as a whole it is below, on the meta device."""
    net2d = built(lambda: vgg16().features, torch.float32)
    net3d = inflate(net2d, mode=mode, padding="replicate")
    wrong, scale = off(net2d, net3d, rand(1, 3, 32, 32, dtype=torch.float32), frames=2)
    assert scale > 0.1
    assert wrong.max() <= 1e-5 * max(1, scale)


def test_features_and_classifier_apart_are_the_network_with_the_same_names():
    net2d = built(lambda: alexnet(classes=3), torch.float32)
    parts = nn.Sequential()
    for name, part in {"features": net2d.features, "flatten": nn.Flatten(), "classifier": net2d.classifier}.items():
        parts.add_module(name, part)
    apart, whole = inflate(parts), inflate(net2d)
    assert list(apart.state_dict()) == list(whole.state_dict()) == list(net2d.state_dict())
    film = rand(1, 3, 2, 227, 227, dtype=torch.float32)
    with torch.no_grad():
        assert torch.equal(apart(film), whole(film))


# What a filter over time is, by hand ----------------------------------------------------------------------------------


def test_filters_become_films():
    weight = rand(5, 4, 3, 2)
    for k_t in (1, 2, 3, 6):
        mean, centre = inflate_filters(weight, k_t), inflate_filters(weight, k_t, "centre")
        assert mean.shape == centre.shape == (5, 4, k_t, 3, 2)
        close(mean.sum(2), weight)
        assert torch.equal(centre.sum(2), weight)
        for tau in range(k_t):
            close(mean[:, :, tau], weight / k_t)
            assert torch.equal(centre[:, :, tau], weight if tau == (k_t - 1) // 2 else torch.zeros_like(weight))
        for films in (mean, centre):  # of their own, to be trained apart
            before = films.clone()
            films[:, :, 0] += 1
            assert torch.equal(films[:, :, 1:], before[:, :, 1:])
            assert torch.equal(weight, rand(5, 4, 3, 2))


CONVOLUTIONS = {
    "plain": {"padding": 1},
    "no padding, bias": {"bias": True},
    "strided, wide": {"kernel_size": 7, "stride": 2, "padding": 3},
    "grouped": {"padding": 1, "groups": 2},
    "depthwise": {"padding": 1, "groups": 4, "out_channels": 8},
    "dilated": {"padding": 2, "dilation": 2},
    "not square": {"kernel_size": (1, 4), "stride": (2, 1), "padding": (0, 2), "dilation": (1, 2)},
    "same": {"kernel_size": (4, 3), "padding": "same"},
    "valid": {"padding": "valid"},
    "reflect": {"padding": (2, 1), "padding_mode": "reflect"},
    "circular": {"kernel_size": 5, "padding": (1, 2), "padding_mode": "circular"},
    "replicate, same": {"kernel_size": 4, "padding": "same", "padding_mode": "replicate"},
}


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("padding", ["zeros", "replicate"])
@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_a_trained_filter_over_time_is_a_sum_of_image_filters(kind, padding):
    """y_t = Σ_τ w[τ] * x_{t + τ - before}, with functions of images alone."""
    options = {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "bias": False} | CONVOLUTIONS[kind]
    conv, film = nn.Conv2d(**options).double(), rand(2, 4, 5, 9, 10)
    for k_t in (1, 2, 3, 4):
        net = inflate(conv, k_t, padding=padding)
        net.weight.data = rand(*net.weight.shape, seed=k_t) - 0.5  # as if trained
        for t, answer in enumerate(net(film).unbind(2)):
            total = 0 if conv.bias is None else conv.bias[:, None, None]
            for tau in range(k_t):
                at = t + tau - (k_t - 1) // 2
                if padding == "zeros" and not 0 <= at < 5:
                    continue
                single = nn.Conv2d(**options | {"bias": False}).double()
                single.weight.data = net.weight.data[:, :, tau]
                total = total + single(film[:, :, min(max(at, 0), 4)])
            close(answer, total)


def test_a_whole_network_is_the_3d_network_that_one_would_write():
    """With Conv3d, BatchNorm3d and pools of extent 1: same state, same answers, same statistics after training."""
    net2d = nn.Sequential(
        nn.Conv2d(3, 6, 5, stride=2, padding=2), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
        nn.Conv2d(6, 8, 3, padding=1, groups=2, bias=False), nn.BatchNorm2d(8, momentum=0.4, eps=0.1), nn.AvgPool2d(2),
    )  # fmt: skip
    by_hand = nn.Sequential(
        nn.Conv3d(3, 6, (3, 5, 5), (1, 2, 2), (1, 2, 2)), nn.BatchNorm3d(6), nn.ReLU(),
        nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
        nn.Conv3d(6, 8, 3, padding=1, groups=2, bias=False), nn.BatchNorm3d(8, momentum=0.4, eps=0.1),
        nn.AvgPool3d((1, 2, 2)),
    ).double()  # fmt: skip
    net3d = inflate(alive(net2d))
    by_hand.load_state_dict(net3d.state_dict(), strict=True)
    film = rand(2, 3, 6, 24, 20)
    close(net3d(film), by_hand.eval()(film))
    close(net3d.train()(film), by_hand.train()(film))
    for key, value in by_hand.state_dict().items():
        close(net3d.state_dict()[key], value)


def test_the_courses_3d_network_takes_the_weights_and_answers_alike():
    net = Inflated(inflate(built(Whole)))
    other = models.Conv3DNet(4).double().eval()
    state = {key.removeprefix("net.0.").replace("net.3.", "classify."): x for key, x in net.state_dict().items()}
    other.load_state_dict(state, strict=True)
    clip = rand(2, 5, 3, 32, 32)
    close(net(clip), other(clip))


def test_each_clip_is_answered_for_itself_and_in_its_own_order():
    net, film = inflate(built(Mixed)), rand(3, 3, 5, 16, 16)
    net.wide.weight.data = torch.randn(net.wide.weight.shape, generator=torch.Generator().manual_seed(3)).double()
    answer = net(film)
    close(answer, torch.cat([net(each[None]) for each in film]))
    assert (net(film.flip(2)).flip(1) - answer).abs().max() > 1e-3  # the filters are not symmetric any more
    close(net(film[:, :, :4])[:, 0], net(torch.cat([film[:, :, :4], film[:, :, 3:4] * 9], 2))[:, 0])  # 3 frames ahead


# What is kept ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mixed", "single frame", "resnet18"])
def test_names_settings_and_everything_but_filters_are_kept_and_the_image_network_is_untouched(name):
    make = NETS[name][0]
    net2d = built(make, torch.float32)
    some = [p for p in net2d.parameters() if p.ndim == 4][1]
    some.requires_grad_(False)
    next(m for m in net2d.modules() if isinstance(m, nn.ReLU | nn.Dropout)).train()
    before, looks, flags = copy.deepcopy(net2d.state_dict()), repr(net2d), [m.training for m in net2d.modules()]
    hooks = len(net2d._forward_hooks), len(net2d._forward_pre_hooks)
    net3d = inflate(net2d)
    film = rand(1, 3, 3, NETS[name][1], NETS[name][1], dtype=torch.float32)
    net3d(film).sum().backward()
    with torch.no_grad():
        for tensor in net3d.state_dict().values():
            tensor.zero_()

    assert repr(net2d) == looks
    assert (len(net2d._forward_hooks), len(net2d._forward_pre_hooks)) == hooks
    assert all(p.grad is None for p in net2d.parameters())
    assert all(torch.equal(before[key], value) for key, value in net2d.state_dict().items())
    assert type(net3d) is type(net2d)

    net3d = inflate(net2d)
    assert list(net3d.state_dict()) == list(before)
    assert [m.training for m in net3d.modules()] == flags
    assert [p.requires_grad for p in net3d.parameters()] == [p.requires_grad for p in net2d.parameters()]
    for (key, new), (path, old) in zip(net3d.state_dict().items(), before.items(), strict=True):
        is_filter = old.ndim == 4
        assert torch.equal(new, old) != is_filter, path
        assert new.dtype == old.dtype
        if is_filter:
            extent = 3 if old.shape[-1] > 1 else 1
            assert new.shape == (*old.shape[:2], extent, *old.shape[2:]), key
    for new, old in zip(net3d.modules(), net2d.modules(), strict=True):
        if isinstance(old, nn.BatchNorm2d):
            assert (new.eps, new.momentum, new.affine) == (old.eps, old.momentum, old.affine)
        if isinstance(old, nn.Conv2d):
            assert isinstance(new, InflatedConv3d)
            assert new.stride == (1, *old.stride)
            assert (new.groups, new.padding_mode) == (old.groups, old.padding_mode)


def test_filters_that_are_shared_stay_shared():
    conv = nn.Conv2d(3, 3, 3, padding=1)
    net2d = nn.Sequential(conv, nn.ReLU(), conv, nn.Conv2d(3, 3, 3, padding=1))
    net2d[3].weight = conv.weight
    net = inflate(net2d)
    assert net[0] is net[2]
    assert net[0].weight is net[3].weight
    assert net[0].bias is not net[3].bias
    assert parameters(net) == inflated_parameters(net2d) == 3 * 81 + 6


def test_a_users_hooks_go_along():
    seen = []
    net2d = nn.Sequential(nn.Conv2d(3, 4, 3))
    net2d[0].register_forward_hook(lambda *_: seen.append("filter"))
    net2d.register_forward_pre_hook(lambda *_: seen.append("network"))
    inflate(net2d)(torch.rand(1, 3, 2, 8, 8))
    assert seen == ["network", "filter"]


def test_precision_and_place_are_kept():
    assert {p.dtype for p in inflate(Backbone().to(torch.bfloat16)).parameters()} == {torch.bfloat16}
    net = inflate(Whole().half())
    assert net[3].weight.dtype == torch.float16
    for name, size in (("alexnet", 227), ("vgg16", 224), ("resnet18", 224)):
        for pad in ("zeros", "replicate"):
            net = inflate(build(name), padding=pad)
            assert {tensor.device.type for tensor in net.state_dict().values()} == {"meta"}
            assert net(torch.empty(2, 3, 4, size, size, device="meta")).shape == (2, 4, 1000)
    assert inflate(build("vgg16").features)(torch.empty(2, 3, 4, 64, 48, device="meta")).shape == (2, 512, 4, 2, 1)


# Counting -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "filters", "counted"),
    [  # weights of k×k filters by hand, from the papers' tables; all parameters
        ("alexnet", 363 * 96 + 25 * 96 * 256 + 9 * (256 * 384 + 384 * 384 + 384 * 256), 62_378_344),
        ("vgg16", 9 * (3 * 64 + 3 * 64**2 + 3 * 128**2 + 4 * 256**2 + 5 * 512**2), 138_357_544),
        ("resnet18", 147 * 64 + 9 * (4 * 64**2 + 14 * 64**2 + 14 * 128**2 + 14 * 256**2), 11_689_512),
    ],
)
def test_the_number_of_parameters_is_foretold(name, filters, counted):
    net2d = build(name)
    assert parameters(net2d) == counted
    for k_t in (1, 2, 3, 7):
        foretold = inflated_parameters(net2d, k_t)
        assert foretold == counted + (k_t - 1) * filters
        assert foretold == parameters(inflate(net2d, k_t))


def test_the_numbers_for_three_frames():
    counts = {name: inflated_parameters(build(name)) for name in ("alexnet", "vgg16", "resnet18")}
    assert counts == {"alexnet": 69_869_992, "vgg16": 167_778_472, "resnet18": 33_679_272}


@pytest.mark.parametrize("k_t", [1, 3, 4])
@pytest.mark.parametrize("pointwise", [1, 2, 3])
def test_filters_of_one_pixel_have_an_extent_of_their_own(k_t, pointwise):
    net2d = built(Mixed)
    net = inflate(net2d, k_t, pointwise=pointwise, padding="replicate")
    assert net.gate[1].weight.shape == (8, 8, pointwise, 1, 1)
    assert net.wide.weight.shape == (8, 8, k_t, 3, 3)
    assert parameters(net) == inflated_parameters(net2d, k_t, pointwise=pointwise)
    assert off(net2d, net, rand(1, 3, 16, 16), frames=2)[0].max() < 1e-12


def test_long_thin_filters_are_no_pointwise_ones():
    assert inflate(nn.Conv2d(2, 2, (1, 7))).weight.shape == (2, 2, 3, 1, 7)


def test_the_receptive_field_in_time_grows_by_k_t_minus_1_a_layer():
    for k_t, size in ((1, 1), (2, 4), (3, 7), (5, 13)):
        net = Inflated(inflate(Whole(), k_t))
        assert receptive_field(net, (17, 3, 32, 32), "net.0.blocks.3.0").size == (size, 15, 15)


def test_multiply_adds_are_k_t_times_those_of_the_frames():
    net2d = build("resnet18")
    one, pointwise = multiply_adds(net2d, (1, 1, 3, 64, 64)), 0
    for stage in (2, 3, 4):
        pointwise += multiply_adds(net2d, (1, 1, 3, 64, 64), f"layer{stage}.0.downsample.0")
    head = 512 * 1000
    net = Inflated(inflate(net2d))
    assert multiply_adds(net, (1, 6, 3, 64, 64)) == 6 * (3 * (one - pointwise - head) + pointwise + head)
    rows = table(Inflated(inflate(Whole())), (6, 3, 32, 32))
    assert rows["net.0.blocks.1.0"].kind == "InflatedConv3d 3×3×3, stride 1×2×2"


# Training -------------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("padding", ["zeros", "replicate"])
def test_gradients_reach_every_weight_and_the_frames_of_a_filter_part(mode, padding):
    """One step: what was one filter at several moments becomes a film, as different frames pull at its parts."""
    net = inflate(built(Whole), mode=mode, padding=padding).train()
    net(rand(2, 3, 6, 32, 32)).square().mean().backward()
    for name, p in net.named_parameters():
        assert p.grad.isfinite().all(), name
        assert p.grad.abs().max() > 0, name
    for conv in (m for m in net.modules() if isinstance(m, InflatedConv3d)):
        grads = conv.weight.grad
        for tau in range(3):
            assert grads[:, :, tau].abs().max() > 0
            assert (grads[:, :, tau] - grads[:, :, (tau + 1) % 3]).abs().max() > 1e-3 * grads.abs().max()
    torch.optim.SGD(net.parameters(), lr=0.1).step()
    weight = net[0].blocks[2][0].weight
    assert (weight[:, :, 0] - weight[:, :, 2]).abs().max() > 1e-9


def test_before_training_time_may_run_backwards():
    """Both starts are symmetric in time, so a film played backwards is answered backwards; after training it is not."""
    clips, labels = rand(8, 6, 3, 16, 16, dtype=torch.float32), torch.arange(8) % 4
    for mode in ("mean", "centre"):
        model = Inflated(inflate(built(Whole, torch.float32), mode=mode))
        assert uses_time(model, clips)["reverse"].exact
        assert uses_time(model, clips)["shuffle"].exact == (mode == "centre")
        history = fit(model, clips, labels, steps=3, batch=8, device="cpu", progress=False)
        assert len(history.losses) == 3
        assert not uses_time(model, clips)["reverse"].exact


# As a model of the course ---------------------------------------------------------------------------------------------


def test_inflated_is_the_mean_of_the_logits_over_time():
    net, clip = inflate(built(Whole)), rand(2, 5, 3, 32, 24)
    close(Inflated(net)(clip), net(clip.transpose(1, 2)).mean(1))
    assert evaluate(Inflated(net), rand(3, 4, 3, 16, 16).float().double(), torch.tensor([0, 1, 2])).clips == 1


def test_images_as_clips_of_one_frame():
    """Models of the course take clips: seen from the type of their forward, or told."""
    net2d, film = built(lambda: models.SingleFrame(4)), rand(2, 3, 5, 32, 32)
    close(inflate(net2d)(film), inflate(net2d, takes="clips")(film))

    class Untyped(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = net2d

        def forward(self, x):
            return self.inner(x)

    close(inflate(Untyped(), takes="clips")(film), inflate(net2d)(film))
    with pytest.raises(ShapeError, match="10, as the network was built"):
        inflate(alexnet(frames=10))(torch.zeros(1, 3, 10, 227, 227))


def test_copies_and_pickles_work_apart():
    net = inflate(built(Whole))
    film = rand(2, 3, 4, 16, 16)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert torch.equal(other(film), net(film))
        with torch.no_grad():
            other[0].blocks[1][0].weight.zero_()
        assert not torch.equal(other(film), net(film))


def test_maps_vectors_and_several_answers():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x, factor=1):
            maps = self.conv(x) * factor
            return {"maps": maps, "more": (maps.mean((2, 3)), maps.flatten(2))}

    answer = inflate(Two())(torch.rand(2, 3, 5, 8, 9), factor=2)
    assert answer["maps"].shape == (2, 4, 5, 6, 7)
    assert answer["more"][0].shape == (2, 5, 4)
    assert answer["more"][1].shape == (2, 5, 4, 42)
    close(answer["more"][0], answer["maps"].mean((3, 4)).transpose(1, 2), rtol=1e-5, atol=1e-6)
    close(answer["more"][1], rearrange(answer["maps"], "b d t h w -> b t d (h w)"))


def test_a_filter_alone_takes_a_volume_and_no_images():
    net, film = inflate(built(Backbone)), rand(2, 3, 4, 16, 16)
    conv = net.blocks[1][0]
    assert conv(film).shape == (2, 8, 4, 8, 8)
    net(film)
    for _ in range(2):
        with pytest.raises(ShapeError, match=r"alone is given \(8, 3, 16, 16\).*Try: a volume"):
            conv(rand(8, 3, 16, 16))
        with pytest.raises(RuntimeError):  # inside; and what went before is forgotten all the same
            net(rand(2, 5, 4, 16, 16))


# Refusals -------------------------------------------------------------------------------------------------------------


class Functional(nn.Module):
    def __init__(self, shape=(8, 3, 3, 3), buffer=False):
        super().__init__()
        self.first = nn.Conv2d(3, 3, 3)
        register = self.register_buffer if buffer else self.register_parameter
        register("kernel", torch.ones(shape) if buffer else nn.Parameter(torch.ones(shape)))

    def forward(self, x):
        return F.conv2d(self.first(x), self.kernel)


class Standardised(nn.Conv2d):
    def forward(self, x):
        return F.conv2d(x, self.weight - self.weight.mean(), self.bias, self.stride, self.padding)


class Named(nn.Conv2d):
    """Another name and nothing else."""


def in_place(name, layer):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Sequential()).append(nn.ModuleDict({name: layer}))


def patched():
    conv = nn.Conv2d(3, 3, 3)
    conv.forward = functools.partial(F.conv2d, weight=conv.weight)
    return conv


def old_weight_norm():
    with pytest.warns(FutureWarning):
        return nn.utils.weight_norm(nn.Conv2d(3, 3, 3))


REFUSED = {
    "transposed": (lambda: nn.ConvTranspose2d(4, 4, 2), "ConvTranspose2d.*transposed.*nn.Upsample"),
    "3D convolution": (lambda: nn.Conv3d(4, 4, 2), "Conv3d.*axis for time already.*the image network"),
    "3D norm": (lambda: nn.BatchNorm3d(4), "BatchNorm3d.*axis for time"),
    "3D pool": (lambda: nn.MaxPool3d(2), "MaxPool3d.*axis for time"),
    "inflated before": (lambda: inflate(nn.Conv2d(3, 3, 3)), "InflatedConv3d.*axis for time"),
    "lazy": (lambda: nn.LazyConv2d(4, 3), r"LazyConv2d.*no weights yet.*net2d\(image\)"),
    "lazy linear": (lambda: nn.LazyLinear(4), "LazyLinear.*no weights yet"),
    "own forward": (lambda: Standardised(3, 3, 3), "Standardised.*way of its own.*nn.Conv2d in its place"),
    "patched forward": (patched, "Conv2d.*way of its own"),
    "weight norm": (lambda: parametrizations.weight_norm(nn.Conv2d(3, 3, 3)), "computes its weight.*remove_param"),
    "old weight norm": (old_weight_norm, "Conv2d.*computes its weight.*remove_weight_norm"),
    "pruned": (lambda: prune.random_unstructured(nn.Conv2d(3, 3, 3), "weight", 1), "computes its weight.*prune.remove"),
    "list of filters": (
        lambda: nn.ParameterList([torch.ones(4, 3, 3, 3)]),
        r"ParameterList, keeps filters \(4, 3, 3, 3\) outside of a convolution.*nn.Conv2d that holds them",
    ),
    "compiled": (lambda: torch.jit.trace(nn.Conv2d(3, 3, 3), torch.ones(1, 3, 8, 8)), "is compiled.*made of"),
    "quantised": (lambda: torch.ao.nn.quantized.Conv2d(3, 3, 3), "Conv2d, is quantised.*quantise what comes out"),
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:torch.quantize")
def test_what_cannot_be_inflated_is_refused_by_its_name(kind):
    make, says = REFUSED[kind]
    net2d = in_place("odd_one", make())
    before = repr(net2d)
    for attempt in (inflate, inflated_parameters):
        with pytest.raises(VidlabError, match=rf"(?s)layer '3\.odd_one', a .*{says}") as error:
            attempt(net2d)
        assert str(error.value).count("Wanted") == str(error.value).count("Try") == 1
    assert repr(net2d) == before


@pytest.mark.parametrize("buffer", [False, True])
def test_filters_for_a_function_are_refused(buffer):
    for shape in ((8, 3, 3, 3), (3, 1, 1, 5)):
        with pytest.raises(VidlabError, match="the network, a Functional, keeps filters .*nn.Conv2d that holds them"):
            inflate(Functional(shape, buffer))
    inflate(Functional((1, 3, 4, 4), buffer))  # a map for all images, such as positions
    inflate(Functional((3, 3, 1, 1), buffer))  # no extent to pass on


def test_a_network_without_filters():
    with pytest.raises(VidlabError, match="a Linear, has nothing to inflate.*nn.Conv2d"):
        inflate(nn.Linear(3, 3))


def test_another_name_is_no_obstacle():
    assert isinstance(inflate(Named(3, 3, 3)), InflatedConv3d)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"k_t": 0}, "k_t = 0.*at least 1.*k_t=3"),
        ({"k_t": -3}, "k_t = -3"),
        ({"k_t": 2.5}, "k_t = 2.5.*whole number"),
        ({"k_t": True}, "k_t = True"),
        ({"k_t": "3"}, "k_t = '3'"),
        ({"pointwise": 0}, "pointwise = 0"),
        ({"mode": "center"}, "mode = 'center'.*'mean' or 'centre'"),
        ({"padding": "reflect"}, "padding = 'reflect'.*'zeros' or 'replicate'"),
        ({"takes": "films"}, "takes = 'films'.*'images' or 'clips'"),
    ],
)
@pytest.mark.usefixtures("as_learners_run_it")
def test_options_that_do_not_exist(options, says):
    with pytest.raises(ShapeError, match=says):
        inflate(Backbone(), **options)
    if {"k_t", "mode"} & set(options):
        with pytest.raises(ShapeError, match=says):
            inflate_filters(torch.ones(1, 1, 3, 3), **options)
    if {"k_t", "pointwise"} & set(options):
        with pytest.raises(ShapeError, match=says):
            inflated_parameters(Backbone(), **options)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (torch.rand(2, 3, 16, 16), r"given \(2, 3, 16, 16\), torch.float32.*b c t h w of floats.*rearrange"),
        (torch.zeros(2, 3, 4, 16, 16, dtype=torch.uint8), "torch.uint8"),
        (torch.rand(2, 3, 0, 16, 16), r"\(2, 3, 0, 16, 16\)"),
        ("film", "given str"),
    ],
)
def test_a_volume_that_is_none(given, says):
    with pytest.raises(ShapeError, match=says):
        inflate(Backbone())(given)


@pytest.mark.usefixtures("as_learners_run_it")
def test_a_clip_that_is_none_and_a_network_without_a_head():
    with pytest.raises(ShapeError, match=r"clip\[None\]"):
        Inflated(inflate(Whole()))(torch.rand(4, 3, 16, 16))
    with pytest.raises(ShapeError, match=r"\(2, 32, 4, 2, 2\).*b t classes.*nn.Flatten"):
        Inflated(inflate(Backbone()))(torch.rand(2, 4, 3, 16, 16))


def test_what_moves_into_the_batch_is_noticed():
    class Quarters(nn.Module):
        """Cuts each image in four, and looks at each for itself."""

        def __init__(self, back):
            super().__init__()
            self.whole, self.part, self.back = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 4, 3), back

        def forward(self, x):
            x = rearrange(self.whole(x), "b c (p h) (q w) -> (b p q) c h w", p=2, q=2)
            return rearrange(x, "(b p q) c h w -> b c (p h) (q w)", p=2, q=2) if self.back else self.part(x)

    film = torch.rand(2, 3, 3, 16, 16)
    with pytest.raises(ShapeError, match="24 images, of 2 clips of 3 frames.*batch axis"):
        inflate(Quarters(back=False))(film)
    assert inflate(Quarters(back=True))(film).shape == film.shape
    with pytest.raises(ShapeError, match=r"answers \(\) to 6 images"):
        inflate(Summed())(film)


class Summed(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)

    def forward(self, x):
        return self.conv(x).sum()


# ResNet-18 ------------------------------------------------------------------------------------------------------------


def layout():
    """Every key of torchvision's checkpoint and its shape, written out from its documentation, in order."""

    def norm(key, channels):
        keys = {f"{key}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}
        return keys | {f"{key}.num_batches_tracked": ()}

    keys = {"conv1.weight": (64, 3, 7, 7)} | norm("bn1", 64)
    for stage, (inputs, outputs) in {1: (64, 64), 2: (64, 128), 3: (128, 256), 4: (256, 512)}.items():
        for block, channels in ((0, inputs), (1, outputs)):
            at = f"layer{stage}.{block}"
            keys |= {f"{at}.conv1.weight": (outputs, channels, 3, 3)} | norm(f"{at}.bn1", outputs)
            keys |= {f"{at}.conv2.weight": (outputs, outputs, 3, 3)} | norm(f"{at}.bn2", outputs)
            if stage > 1 and block == 0:
                keys |= {f"{at}.downsample.0.weight": (outputs, inputs, 1, 1)} | norm(f"{at}.downsample.1", outputs)
    return keys | {"fc.weight": (1000, 512), "fc.bias": (1000,)}


def test_resnet_has_torchvisions_layout_and_the_published_size():
    keys = {key: tuple(value.shape) for key, value in build("resnet18").state_dict().items()}
    assert list(keys.items()) == list(layout().items())
    assert len(keys) == 122
    assert round(multiply_adds(build("resnet18"), (1, 1, 3, 224, 224)) / 1e9, 2) == 1.81
    assert parameters(build("resnet18", frames=10)) - 11_689_512 == 9 * 3 * 64 * 49


def test_resnet_is_the_published_network():
    """A second time, in functions and without modules."""
    net = built(resnet18)
    state, image = net.state_dict(), rand(2, 3, 40, 33)

    def norm(x, key):
        mean, var, weight, bias = (state[f"{key}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
        return (x - mean[:, None, None]) / (var + 1e-5).sqrt()[:, None, None] * weight[:, None, None] + bias[
            :, None, None
        ]

    x = F.max_pool2d(norm(F.conv2d(image, state["conv1.weight"], stride=2, padding=3), "bn1").relu(), 3, 2, 1)
    for stage in (1, 2, 3, 4):
        for block in (0, 1):
            at, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = norm(F.conv2d(x, state[f"{at}.conv1.weight"], stride=stride, padding=1), f"{at}.bn1").relu()
            y = norm(F.conv2d(y, state[f"{at}.conv2.weight"], padding=1), f"{at}.bn2")
            if stride == 2:
                x = norm(F.conv2d(x, state[f"{at}.downsample.0.weight"], stride=2), f"{at}.downsample.1")
            x = (x + y).relu()
    expected = x.mean((2, 3)) @ state["fc.weight"].T + state["fc.bias"]
    with torch.no_grad():
        close(net(image[:, None]), expected, rtol=1e-8)
    stacked = built(lambda: resnet18(frames=2, classes=5))
    stacked.conv1.weight.data[:, :3] = 0
    clip = rand(1, 2, 3, 40, 33)
    with torch.no_grad():
        close(stacked(clip), stacked(torch.stack([clip[:, 0] * 2, clip[:, 1]], 1)))
        assert (stacked(clip) - stacked(clip.flip(1))).abs().max() > 1e-6


def test_resnet_refuses_what_it_cannot_take():
    with pytest.raises(ShapeError, match="2 frames.*Wanted: 1"):
        build("resnet18")(torch.zeros(1, 2, 3, 64, 64))
    for options in ({"classes": 0}, {"frames": 0}):
        with pytest.raises(ValueError, match="= 0"):
            resnet18(**options)
