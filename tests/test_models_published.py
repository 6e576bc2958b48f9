"""vidlab.models.published: the published counts, exactly; torchvision's layout; and what each network sees of time.

Almost everything happens on the meta device, or with one stage of a network, as C3D takes seconds and VGG-16 half a GB.
"""

import copy
import math
import pickle

import pytest
import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

from vidlab import DataError, ShapeError, data
from vidlab.models import published
from vidlab.models.published import build, middle_channels, multiply_adds, parameters
from vidlab.models.published.alexnet import normalisation
from vidlab.models.published.karpathy import AverageProbability, Multiresolution

ALEXNET, VGG, VIDEO = (1, 1, 3, 227, 227), (1, 1, 3, 224, 224), (1, 16, 3, 112, 112)
TAKES = {"alexnet": ALEXNET, "vgg16": VGG, "resnet18": VGG, "karpathy": (1, 10, 3, 170, 170)}  # all others: VIDEO
TAKES |= {"timesformer": (1, 8, 3, 224, 224), "vivit": (1, 32, 3, 224, 224)}
TAKES |= {"vgg_m": VGG, "two_stream_vgg_m": (1, 10, 5, 224, 224)}


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def alive(module, seed=0):
    """A module from the meta device, here and with numbers, of a size that neither grows nor dies out."""
    generator = torch.Generator().manual_seed(seed)
    module = module.to_empty(device="cpu")
    for tensor in module.state_dict().values():
        if tensor.ndim > 1:
            tensor.normal_(0, (2 / tensor[0].numel()) ** 0.5, generator=generator)
        elif tensor.ndim:
            tensor.uniform_(0.9, 1.1, generator=generator)
    return module.eval()


def trace(model, clip):
    """The shape that leaves each named layer, on the meta device."""
    shapes = {}
    for name, layer in model.named_modules():
        layer.register_forward_hook(lambda _, __, out, name=name: shapes.__setitem__(name, tuple(out.shape[1:])))
    model(torch.empty(clip, device="meta"))
    return shapes


def frames_seen(response, clip):
    """Which frames of a clip `1 t c h w` a response depends on."""
    (gradient,) = torch.autograd.grad(response.sum(), clip, retain_graph=True)
    return [t for t in range(clip.shape[1]) if gradient[0, t].abs().max() > 0]


# The published numbers ------------------------------------------------------------------------------------------------

COUNTED = {
    "alexnet_ungrouped": ("alexnet", {}),
    "alexnet_grouped": ("alexnet", {"kind": "grouped"}),
    "alexnet_64_filter": ("alexnet", {"kind": "64-filter"}),
    "vgg16": ("vgg16", {}),
    "c3d_487_fc8192": ("c3d", {}),
    "c3d_400_fc8192": ("c3d", {"classes": 400}),
    "c3d_101_fc8192": ("c3d", {"classes": 101}),
    "r3d_18": ("r3d_18", {}),
    "mc3_18": ("mc3_18", {}),
    "r2plus1d_18": ("r2plus1d_18", {}),
    "r2plus1d_18_per_conv_midchannels_stem45": ("r2plus1d_18", {"middle": "convolution"}),
    "vivit_b_16x2_400": ("vivit", {}),
    "timesformer_b_divided_400": ("timesformer", {}),
    "timesformer_b_joint_400": ("timesformer", {"kind": "joint"}),
    "timesformer_b_space_400": ("timesformer", {"kind": "space"}),
    "vgg_m_2048_rgb_101": ("vgg_m", {}),
    "vgg_m_2048_flow20_101": ("vgg_m", {"channels": 20}),
    "motionnet": ("motionnet", {}),
}


@pytest.mark.parametrize("row", COUNTED)
def test_parameters_are_the_published_ones(row):
    name, options = COUNTED[row]
    assert parameters(build(name, **options)) == data.published("params")["rows"][row]


def test_every_published_count_is_checked():
    parts = {"c3d_convs", "nonlocal_512", "nonlocal_1024"}  # the blocks: in test_models_attention.py
    assert data.published("params")["rows"].keys() - COUNTED.keys() == parts
    assert parameters(build("c3d"), "features") == data.published("params")["rows"]["c3d_convs"] == 27_655_936


@pytest.mark.parametrize(
    ("row", "name", "options", "clip", "digits"),
    [
        ("AlexNet_64filter", "alexnet", {"kind": "64-filter"}, ALEXNET, 4),
        ("AlexNet_2012_grouped", "alexnet", {"kind": "grouped"}, ALEXNET, 4),
        ("VGG16", "vgg16", {}, VGG, 4),
        ("C3D_fc6_4608_487cls", "c3d", {"fc6": 4608}, VIDEO, 4),
        ("C3D_fc6_8192_487cls", "c3d", {}, VIDEO, 4),
        ("r3d_18", "r3d_18", {}, VIDEO, 2),
        ("mc3_18", "mc3_18", {}, VIDEO, 2),
        ("r2plus1d_18", "r2plus1d_18", {}, VIDEO, 2),
    ],
)
def test_multiply_adds_are_the_published_ones(row, name, options, clip, digits):
    counted = multiply_adds(build(name, **options), clip)
    assert round(counted / 1e9, digits) == data.published("gmac")["rows"][row]


def test_the_lecture_slide_and_how_its_numbers_arise():
    slide = published.lecture_slide()
    assert {name: round(number, 1) for name, number in slide.items()} == data.published("lecture_slide_gflop")["rows"]
    true = data.published("gmac")["rows"]
    conv3_3 = 56 * 56 * 256 * 256 * 3 * 3
    fully = 4608 * 4096 + 4096 * 4096 + 4096 * 487
    assert slide["AlexNet"] == pytest.approx(true["AlexNet_64filter"], abs=5e-5)
    assert slide["VGG16"] == pytest.approx(true["VGG16"] - conv3_3 / 1e9, abs=5e-5)
    assert slide["C3D"] == pytest.approx(true["C3D_fc6_4608_487cls"] + 26 * fully / 1e9, abs=5e-5)


def test_c3d_counted_by_hand_layer_by_layer():
    model = build("c3d", fc6=4608)
    rows = [("1", 3, 64, 16 * 112**2), ("2", 64, 128, 16 * 56**2), ("3a", 128, 256, 8 * 28**2)]
    rows += [("3b", 256, 256, 8 * 28**2), ("4a", 256, 512, 4 * 14**2), ("4b", 512, 512, 4 * 14**2)]
    rows += [("5a", 512, 512, 2 * 7**2), ("5b", 512, 512, 2 * 7**2)]
    for name, inputs, outputs, places in rows:
        assert multiply_adds(model, VIDEO, f"features.conv{name}") == 27 * inputs * outputs * places, name
    assert multiply_adds(model, VIDEO, "classifier.fc6") == 4608 * 4096


def by_hand(kind, multiresolution):
    """Weights and biases of Karpathy's networks, from the shorthand of the paper."""
    first = {"single": 1, "late": 1, "early": 10, "slow": 4}[kind]
    second = 2 if kind == "slow" else 1
    tower = 96 * (11 * 11 * 3 * first + 1) + 256 * (25 * 96 * second + 1) + 384 * (9 * 256 * second + 1)
    tower += 384 * (9 * 384 + 1) + 256 * (9 * 384 + 1)
    maps = (2 if kind == "late" else 1) * (2 if multiresolution else 1)
    fully = 4096 * (7 * 7 * 256 * maps + 1) + 4096 * 4097 + 487 * 4097
    return tower * (2 if multiresolution else 1) + fully


@pytest.mark.parametrize("multiresolution", [False, True])
@pytest.mark.parametrize(("kind", "frames"), [("single", 1), ("late", 16), ("early", 10), ("slow", 10)])
def test_karpathy_has_the_weights_and_maps_of_the_paper(kind, frames, multiresolution):
    model = build("karpathy", kind=kind, multiresolution=multiresolution)
    assert parameters(model) == by_hand(kind, multiresolution)
    size = 178 if multiresolution else 170
    shapes = trace(model, (2, frames, 3, size, size))
    assert shapes["classifier"] == (487,)
    last_map = (256, 1, 7, 7) if kind == "slow" else (256, 7, 7)
    if multiresolution:
        assert shapes["context.tower.relu5"] == shapes["fovea.tower.relu5"] == last_map
        assert "context.tower.pool5" not in shapes
    else:
        assert shapes["stream.tower.pool5"] == last_map


def test_multiresolution_costs_about_half_as_the_paper_hopes():
    for kind, frames in (("single", 1), ("late", 16), ("early", 10), ("slow", 10)):
        whole = multiply_adds(build("karpathy", kind=kind), (1, frames, 3, 170, 170))
        two = multiply_adds(build("karpathy", kind=kind, multiresolution=True), (1, frames, 3, 178, 178))
        assert 0.5 < two / whole < 0.65, kind


# Sizes on the way -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "first"), [("ungrouped", 55), ("grouped", 55), ("64-filter", 56)])
def test_sizes_inside_alexnet(kind, first):
    shapes = trace(build("alexnet", kind=kind), ALEXNET)
    assert shapes["features.conv1"][1:] == (first, first)
    assert [shapes[f"features.pool{n}"][1:] for n in (1, 2, 5)] == [(27, 27), (13, 13), (6, 6)]
    assert shapes[""] == (1000,)


def test_sizes_inside_c3d_are_those_of_its_table():
    shapes = trace(build("c3d"), VIDEO)
    assert shapes["features.pool1"] == (64, 16, 56, 56)
    assert shapes["features.pool2"] == (128, 8, 28, 28)
    assert shapes["features.pool3"] == (256, 4, 14, 14)
    assert shapes["features.pool4"] == (512, 2, 7, 7)
    assert shapes["features.pool5"] == (512, 1, 4, 4)
    assert trace(build("c3d", fc6=4608), VIDEO)["features.pool5"] == (512, 1, 3, 3)


def test_how_long_time_lives_in_the_residual_networks():
    """All but MC3 halve it three times; MC3 keeps every frame."""
    kept = {name: trace(build(name), VIDEO)["layer4"] for name in ("r3d_18", "mc3_18", "r2plus1d_18")}
    assert kept == {"r3d_18": (512, 2, 7, 7), "mc3_18": (512, 16, 7, 7), "r2plus1d_18": (512, 2, 7, 7)}


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_early_fusion_has_more_weights_in_the_first_layer_only(name):
    one, ten = build(name), build(name, frames=10)
    first = next(iter(one.features.named_children()))[0]
    assert ten.features[0].weight.numel() == 10 * one.features[0].weight.numel()
    assert parameters(ten) - parameters(one) == 9 * one.features[0].weight.numel()
    assert parameters(ten, f"features.{first}") == 10 * one.features[0].weight.numel() + len(one.features[0].bias)
    if name == "alexnet":
        assert parameters(one) == 62_378_344
        assert round(100 * (parameters(ten) / parameters(one) - 1), 2) == 0.50


# What is computed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "clip", "order"),
    [
        ("alexnet", {"frames": 3}, (2, 3, 3, 227, 227), "b (t c h w)"),
        ("vgg16", {"frames": 3}, (2, 3, 3, 224, 224), "b (t c h w)"),
        ("c3d", {}, (1, 16, 3, 112, 112), "b (c t h w)"),
    ],
)
def test_what_the_convolutions_are_given(name, options, clip, order):
    model = build(name, **options)
    model.features = model.classifier = nn.Identity()
    video = rand(*clip)
    assert torch.equal(model(video), rearrange(video, f"b t c h w -> {order}"))


def test_the_convolutions_run():
    for name, clip, out in (("vgg16", (2, 3, 32, 32), (2, 512, 1, 1)), ("c3d", (1, 3, 16, 32, 32), (1, 512, 1, 1, 1))):
        options = {"fc6": 4608} if name == "c3d" else {}
        features = alive(build(name, **options).features)
        with torch.no_grad():
            there, gone = features(rand(*clip)), features(torch.zeros(clip))
        assert there.shape == out
        assert (there - gone).abs().max() > 1e-3
        assert there.isfinite().all()


def test_alexnet_runs_and_its_halves_do_not_meet_in_conv2():
    features = alive(build("alexnet", kind="grouped").features)
    picture = rand(1, 3, 227, 227)
    with torch.no_grad():
        before = features[:4](picture)
        changed = before.clone()
        changed[:, :48] += 1
        difference = (features.conv2(before) - features.conv2(changed)).abs().amax((0, 2, 3))
        assert features(picture).shape == (1, 256, 6, 6)
    assert (difference[:128] > 0).all()
    assert (difference[128:] == 0).all()


def test_normalisation_is_the_papers_sum_over_channels():
    x = rand(1, 9, 2, 2) * 50
    expected = torch.empty_like(x)
    for i in range(9):
        near = x[:, max(0, i - 2) : i + 3].square().sum(1)
        expected[:, i] = x[:, i] / (2 + 1e-4 * near) ** 0.75
    assert torch.allclose(normalisation(beta=0.75)(x), expected, rtol=1e-5)
    assert not torch.allclose(normalisation(beta=0.5)(x), expected, rtol=1e-2)


def layout(name):
    """Every key of torchvision's checkpoint and its shape, written out from its documentation, in order."""

    def norm(key, channels):
        keys = {f"{key}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}
        return keys | {f"{key}.num_batches_tracked": ()}

    def convolution(key, inputs, outputs, middle, stage):
        if name == "r2plus1d_18":
            half = {f"{key}.0.weight": (middle, inputs, 1, 3, 3)} | norm(f"{key}.1", middle)
            return half | {f"{key}.3.weight": (outputs, middle, 3, 1, 1)}
        extent = 1 if name == "mc3_18" and stage > 1 else 3
        return {f"{key}.weight": (outputs, inputs, extent, 3, 3)}

    if name == "r2plus1d_18":
        keys = {"stem.0.weight": (45, 3, 1, 7, 7)} | norm("stem.1", 45)
        keys |= {"stem.3.weight": (64, 45, 3, 1, 1)} | norm("stem.4", 64)
    else:
        keys = {"stem.0.weight": (64, 3, 3, 7, 7)} | norm("stem.1", 64)
    middles = {1: (144, 144), 2: (230, 288), 3: (460, 576), 4: (921, 1152)}
    for stage, (inputs, outputs) in {1: (64, 64), 2: (64, 128), 3: (128, 256), 4: (256, 512)}.items():
        for block, channels in ((0, inputs), (1, outputs)):
            at, middle = f"layer{stage}.{block}", middles[stage][block]
            keys |= convolution(f"{at}.conv1.0", channels, outputs, middle, stage) | norm(f"{at}.conv1.1", outputs)
            keys |= convolution(f"{at}.conv2.0", outputs, outputs, middle, stage) | norm(f"{at}.conv2.1", outputs)
            if stage > 1 and block == 0:
                keys |= {f"{at}.downsample.0.weight": (outputs, inputs, 1, 1, 1)} | norm(f"{at}.downsample.1", outputs)
    return keys | {"fc.weight": (400, 512), "fc.bias": (400,)}


def checkpoint(name):
    generator, state = torch.Generator().manual_seed(1), {}
    for key, shape in layout(name).items():
        if not shape:
            state[key] = torch.tensor(7)
        elif len(shape) > 1:
            state[key] = torch.randn(shape, generator=generator) * (2 / math.prod(shape[1:])) ** 0.5
        else:
            low = 0.5 if key.endswith(("weight", "var")) else -0.5
            state[key] = torch.rand(shape, generator=generator) + low
    return state


def answer(name, state, clip):
    """The same network a second time: what the checkpoint's tensors mean, in functions and without modules."""

    def norm(x, key):
        mean, var, weight, bias = (state[f"{key}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, mean, var, weight, bias)

    def convolve(x, key, stride, flat):
        if name == "r2plus1d_18":
            x = F.conv3d(x, state[f"{key}.0.weight"], stride=(1, stride, stride), padding=(0, 1, 1))
            x = F.conv3d(
                F.relu(norm(x, f"{key}.1")), state[f"{key}.3.weight"], stride=(stride, 1, 1), padding=(1, 0, 0)
            )
            return x
        if flat:
            return F.conv3d(x, state[f"{key}.weight"], stride=(1, stride, stride), padding=(0, 1, 1))
        return F.conv3d(x, state[f"{key}.weight"], stride=stride, padding=1)

    x = clip.transpose(1, 2)
    if name == "r2plus1d_18":
        x = F.relu(norm(F.conv3d(x, state["stem.0.weight"], stride=(1, 2, 2), padding=(0, 3, 3)), "stem.1"))
        x = F.relu(norm(F.conv3d(x, state["stem.3.weight"], padding=(1, 0, 0)), "stem.4"))
    else:
        x = F.relu(norm(F.conv3d(x, state["stem.0.weight"], stride=(1, 2, 2), padding=(1, 3, 3)), "stem.1"))
    for stage in range(1, 5):
        for block in range(2):
            at, stride, flat = (
                f"layer{stage}.{block}",
                2 if stage > 1 and block == 0 else 1,
                name == "mc3_18" and stage > 1,
            )
            y = F.relu(norm(convolve(x, f"{at}.conv1.0", stride, flat), f"{at}.conv1.1"))
            y = norm(convolve(y, f"{at}.conv2.0", 1, flat), f"{at}.conv2.1")
            if f"{at}.downsample.0.weight" in state:
                step = (1, stride, stride) if flat else stride
                x = norm(F.conv3d(x, state[f"{at}.downsample.0.weight"], stride=step), f"{at}.downsample.1")
            x = F.relu(x + y)
    return F.linear(x.mean((2, 3, 4)), state["fc.weight"], state["fc.bias"])


@pytest.mark.parametrize("name", ["r3d_18", "mc3_18", "r2plus1d_18"])
def test_a_checkpoint_of_torchvision_loads_strictly_and_means_the_same(name):
    state, model = checkpoint(name), build(name)
    assert list(model.state_dict()) == list(state)
    assert model.load_state_dict(state, strict=True, assign=True).unexpected_keys == []
    clip = rand(2, 5, 3, 18, 22)
    with torch.no_grad():
        mine, other = model.eval()(clip), answer(name, state, clip)
    assert mine.shape == (2, 400)
    assert torch.allclose(mine, other, rtol=1e-3, atol=1e-4 * other.abs().max())
    with torch.no_grad():  # it uses time
        assert (model(clip.flip(1)) - mine).abs().max() > 0.01 * mine.abs().max()


def test_layers_in_torchvisions_layout_by_name():
    """A few keys by hand, lest the list above and the model share a slip."""
    keys = build("r2plus1d_18").state_dict()
    assert keys["layer1.0.conv1.0.3.weight"].shape == (64, 144, 3, 1, 1)
    assert keys["layer2.0.conv2.0.0.weight"].shape == (230, 128, 1, 3, 3)
    assert keys["layer4.0.downsample.1.running_var"].shape == (512,)
    assert build("r3d_18").state_dict()["layer1.0.conv1.0.weight"].shape == (64, 64, 3, 3, 3)
    assert build("mc3_18").state_dict()["layer2.0.conv1.0.weight"].shape == (128, 64, 1, 3, 3)
    assert build("mc3_18").state_dict()["layer1.1.conv2.0.weight"].shape == (64, 64, 3, 3, 3)


def test_mc3_mixes_time_in_its_stem_and_first_stage_only():
    model = alive(build("mc3_18"))
    clip = rand(1, 16, 3, 8, 8).requires_grad_()
    volume = model.stem(rearrange(clip, "b t c h w -> b c t h w"))
    below = model.layer1(volume)
    above = model.layer4(model.layer3(model.layer2(below)))
    assert frames_seen(below[:, :, 8], clip) == list(range(3, 14))
    (gradient,) = torch.autograd.grad(above[:, :, 8].sum(), below)
    assert [t for t in range(16) if gradient[0, :, t].abs().max() > 0] == [8]


@pytest.mark.parametrize(
    ("inputs", "outputs", "options", "middle"),
    [(64, 64, {}, 144), (64, 128, {}, 230), (128, 128, {}, 288), (512, 512, {}, 1152), (3, 64, {"side": 7}, 83)],
)
def test_middle_channels_match_the_weights_of_the_full_convolution(inputs, outputs, options, middle):
    assert middle_channels(inputs, outputs, **options) == middle
    d = options.get("side", 3)
    whole = 3 * d * d * inputs * outputs
    assert middle * (d * d * inputs + 3 * outputs) <= whole < (middle + 1) * (d * d * inputs + 3 * outputs)


def test_middle_by_block_differs_from_the_paper_where_a_block_widens():
    block, each = build("r2plus1d_18"), build("r2plus1d_18", middle="convolution")
    assert each.layer2[0].conv2[0][0].weight.shape[0] == 288
    assert block.layer2[0].conv2[0][0].weight.shape[0] == 230
    assert block.layer2[1].conv2[0][0].weight.shape[0] == each.layer2[1].conv2[0][0].weight.shape[0] == 288
    assert parameters(build("r3d_18")) - parameters(each) == 633
    assert build("r2plus1d_18", stem=83).stem[0].weight.shape[0] == 83


# What Karpathy's networks see of time ---------------------------------------------------------------------------------


def small(kind):
    """A network whose fully connected layers are one small one: its stream and its average are the real ones."""
    model = build("karpathy", kind=kind)
    inputs = model.classifier.fc6.in_features
    model.classifier = nn.Sequential(nn.Linear(inputs, 5, device="meta"), AverageProbability())
    return alive(model)


def test_single_frame_is_blind_to_order_and_averages_probabilities():
    model, clip = small("single"), rand(1, 3, 3, 170, 170)
    with torch.no_grad():
        together = model(clip)
        apart = torch.stack([model(clip[:, t : t + 1]).softmax(-1) for t in range(3)], 1)
        assert torch.allclose(together, model(clip[:, [2, 0, 1]]), atol=1e-5)
    assert torch.allclose(together.softmax(-1), apart.mean(1), atol=1e-5)
    assert apart.std(1).max() > 1e-3


def test_late_fusion_sees_two_frames_15_apart_through_one_tower():
    stream = alive(build("karpathy", kind="late").stream)
    clip = rand(1, 16, 3, 64, 64).requires_grad_()
    features = stream(clip)
    assert frames_seen(features, clip) == [0, 15]
    first, second = features[0, 0].chunk(2)
    swapped = stream(clip.flip(1))[0, 0]
    assert torch.allclose(swapped, torch.cat([second, first]), atol=1e-5)
    assert not torch.allclose(first, second, atol=1e-3)


def test_early_fusion_sees_all_frames_in_the_first_layer():
    stream = alive(build("karpathy", kind="early").stream)
    clip = rand(1, 10, 3, 64, 64).requires_grad_()
    assert stream.tower.conv1.weight.shape == (96, 30, 11, 11)
    assert frames_seen(stream.tower.conv1(clip.flatten(1, 2))[:, :, 10, 10], clip) == list(range(10))
    stream.tower = nn.Identity()
    assert torch.equal(stream(clip), rearrange(clip, "b t c h w -> b 1 (t c h w)"))


def test_slow_fusion_sees_4_then_6_then_10_frames():
    tower = alive(build("karpathy", kind="slow").stream.tower)
    clip = rand(1, 10, 3, 64, 64).requires_grad_()
    volume = rearrange(clip, "b t c h w -> b c t h w")
    one, two, three = tower[:1](volume), tower[:5](volume), tower[:9](volume)
    assert [x.shape[2] for x in (one, two, three)] == [4, 2, 1]
    assert [frames_seen(one[:, :, t], clip) for t in range(4)] == [list(range(s, s + 4)) for s in (0, 2, 4, 6)]
    assert [frames_seen(two[:, :, t], clip) for t in range(2)] == [list(range(6)), list(range(4, 10))]
    assert frames_seen(three, clip) == list(range(10))
    assert tower(volume).shape[2] == 1


def test_fovea_and_context_see_what_they_should():
    model = Multiresolution(nn.Flatten(1), nn.Flatten(1), nn.Identity())
    clip = rand(2, 2, 3, 178, 178)
    context, fovea = (x.reshape(2, 2, 3, 89, 89) for x in model(clip).chunk(2, dim=1))
    assert torch.allclose(context, F.avg_pool2d(clip.flatten(0, 1), 2).reshape(2, 2, 3, 89, 89), atol=1e-6)
    assert torch.equal(fovea, clip[..., 44:133, 44:133])
    assert context.numel() + fovea.numel() == clip.numel() / 2
    two = build("karpathy", multiresolution=True)
    assert not {*two.context.parameters()} & {*two.fovea.parameters()}


@pytest.mark.parametrize(
    ("name", "options", "convolutions"),
    [("alexnet", {}, 5), ("vgg16", {}, 13), ("c3d", {}, 8), ("karpathy", {"kind": "early"}, 5)],
)
def test_between_the_layers_with_weights(name, options, convolutions):
    """What no count shows: a ReLU after every layer but the last, dropout of one half twice, the paper's β."""
    layers = list(build(name, **options).modules())
    assert sum(isinstance(layer, (nn.Conv2d, nn.Conv3d)) for layer in layers) == convolutions
    assert sum(isinstance(layer, nn.ReLU) for layer in layers) == convolutions + 2
    assert [layer.p for layer in layers if isinstance(layer, nn.Dropout)] == [0.5, 0.5]
    beta = {"alexnet": [0.75, 0.75], "karpathy": [0.5, 0.5]}.get(name, [])
    assert [layer.beta for layer in layers if isinstance(layer, nn.LocalResponseNorm)] == beta


def test_average_probability_is_that():
    logits = 4 * rand(3, 6, 5) - 2
    assert torch.allclose(AverageProbability()(logits).exp(), logits.softmax(-1).mean(1), atol=1e-6)


# Counting -------------------------------------------------------------------------------------------------------------


def test_counting_agrees_with_sums_by_hand():
    model = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(96, 5))
    assert parameters(model) == 6 * 2 * 9 + 6 + 96 * 5 + 5
    assert multiply_adds(model, (1, 4, 9, 9)) == 4 * 4 * 6 * 2 * 9 + 96 * 5
    assert multiply_adds(model, (7, 4, 9, 9)) == 7 * multiply_adds(model, (1, 4, 9, 9))
    assert multiply_adds(model, (1, 4, 9, 9), "3") == 480
    assert multiply_adds(model, (1, 4, 9, 9), "1") == 0
    assert parameters(model, "3") == 485
    with pytest.raises(AttributeError):
        multiply_adds(model, (1, 4, 9, 9), "4")


def test_parts_add_up_to_the_whole():
    model = build("vgg16")
    assert multiply_adds(model, VGG) == sum(multiply_adds(model, VGG, part) for part in ("features", "classifier"))
    assert parameters(model) == parameters(model, "features") + parameters(model, "classifier")


def test_counting_leaves_the_model_as_it_was():
    """A model here, in training, with statistics that a forward pass would change."""
    model = nn.Sequential(nn.Conv3d(3, 4, 1), nn.BatchNorm3d(4), nn.Flatten(), nn.Linear(4, 2))
    model[3].weight.data.fill_(0.5)
    model[2].eval()
    before = copy.deepcopy(model.state_dict())
    assert multiply_adds(model, (1, 3, 1, 1, 1)) == 12 + 8  # one value a channel: batch norm could not train on it
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert [module.training for module in model] == [True, True, False, True]
    assert all(isinstance(p, nn.Parameter) and p.requires_grad and not p.is_meta for p in model.parameters())


def test_shared_weights_count_once_and_their_work_as_often_as_it_is_done():
    layer = nn.Linear(8, 8)
    model = nn.Sequential(layer, layer)
    assert parameters(model) == 72
    assert multiply_adds(model, (1, 8)) == 128


@pytest.mark.parametrize("name", published.NETWORKS)
def test_build_takes_no_memory_unless_told(name):
    model = build(name)
    assert {tensor.device.type for tensor in model.state_dict().values()} == {"meta"}
    assert pickle.loads(pickle.dumps(model)).state_dict().keys() == model.state_dict().keys()
    if name == "motionnet":  # flow, not logits
        return
    assert build(name, classes=7)(torch.empty(TAKES.get(name, VIDEO), device="meta")).shape == (1, 7)


def test_build_on_a_device():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build("mc3_18", device="cpu", classes=2).eval()
    with torch.no_grad():
        assert model(rand(1, 4, 3, 16, 16)).isfinite().all()


# Mistakes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "clip", "says"),
    [
        ("c3d", torch.zeros(16, 3, 112, 112), r"b t c h w.*clip\[None\]"),
        ("c3d", torch.zeros(1, 3, 16, 112, 112), "third axis from the end"),
        ("c3d", torch.zeros(1, 16, 1, 112, 112), "1 channels.*repeat"),
        ("c3d", torch.zeros(1, 16, 3, 112, 112, dtype=torch.uint8), "uint8.*/ 255"),
        ("c3d", torch.zeros(1, 20, 3, 112, 112), r"20 frames.*Wanted: 16.*clip\[:, :16\]"),
        ("c3d", torch.zeros(1, 8, 3, 112, 112), "8 frames.*Wanted: 16.*longer"),
        ("c3d", torch.zeros(1, 16, 3, 112, 171), "112×171.*Wanted: 112×112"),
        ("alexnet", torch.zeros(1, 1, 3, 224, 224), "224×224.*Wanted: 227×227"),
        ("vgg16", torch.zeros(1, 2, 3, 224, 224), "2 frames.*Wanted: 1"),
        ("karpathy", torch.zeros(1, 10, 3, 178, 178), "Wanted: 170×170"),
        ("r3d_18", torch.zeros(1, 0, 3, 112, 112), "0 frames"),
    ],
)
def test_a_clip_that_does_not_fit_is_refused_at_the_door(name, clip, says):
    with pytest.raises(ShapeError, match=says):
        build(name)(clip)


def test_a_clip_given_by_its_name_is_looked_at_too():
    assert build("r3d_18")(clip=torch.empty(2, 4, 3, 16, 16, device="meta")).shape == (2, 400)
    with pytest.raises(ShapeError, match="uint8"):
        build("r3d_18")(clip=torch.zeros(2, 4, 3, 16, 16, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("alexnet", {"kind": "two towers"}, "'ungrouped' or 'grouped' or '64-filter'"),
        ("alexnet", {"frames": 0}, "frames = 0"),
        ("vgg16", {"frames": -1}, "frames = -1"),
        ("c3d", {"fc6": 4096}, "8192.*4608"),
        ("c3d", {"classes": 0}, "classes = 0"),
        ("r3d_18", {"classes": 0}, "classes = 0"),
        ("mc3_18", {"classes": 0}, "classes = 0"),
        ("r2plus1d_18", {"middle": "none"}, "middle = 'none'.*'block' or 'convolution'"),
        ("r2plus1d_18", {"stem": 0}, "stem = 0"),
        ("karpathy", {"kind": "fast"}, "'single' or 'late' or 'early' or 'slow'"),
        ("karpathy", {"classes": 0}, "classes = 0"),
        ("resnet", {}, "name = 'resnet'"),
    ],
)
def test_a_network_that_does_not_exist(name, options, says):
    with pytest.raises(ValueError, match=says):
        build(name, **options)


# The tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["params", "gmac", "lecture_slide_gflop", "karpathy2014"])
def test_every_published_table_says_where_it_comes_from(name):
    table = data.published(name)
    assert len(table["source"]) > 40
    assert table["unit"]
    assert table["rows"]
    assert "/" not in table["source"].replace("EECS 498-007 / 598-005", "")  # a publication, no path


def test_karpathys_table():
    table = data.published("karpathy2014")
    assert table["columns"] == ["clip hit@1", "video hit@1", "video hit@5"]
    assert len(table["rows"]) == 9
    for row in table["rows"].values():
        assert len(row) == 3
        known = [value for value in row if value is not None]
        assert known == sorted(known), "hit@5 of a video is above its hit@1, and that above a clip's"
    best = max(table["rows"], key=lambda name: table["rows"][name][1])
    assert (best, table["rows"][best][1:]) == ("CNN Average", [63.9, 82.4])


def test_an_unknown_table():
    with pytest.raises(DataError, match="'gflop'.*params or gmac"):
        data.published("gflop")
