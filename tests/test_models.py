"""The models of the course: what each can see of time and space, exactly; and that each is the formula it is for."""

import io
import math

import pytest
import torch
from einops import einsum, rearrange
from of_models import close, rand, refused
from torch import nn

from vidlab import ShapeError, models
from vidlab.models import backbone
from vidlab.models.histogram import DIRECTIONS, HUES
from vidlab.textures import OPPONENT
from vidlab.time_use import TRIALS, uses_time
from vidlab.training import fit
from vidlab.worlds import World

T, SIZE, CLASSES = 8, 16, 4
PAPER = ((4, 2), (2, 2), (2, 1))  # Karpathy's slow fusion, of 10 frames

ORDER_BLIND = {
    "single frame": lambda: models.SingleFrame(CLASSES),
    "multi-resolution": lambda: models.MultiResolution(CLASSES),
    "fovea": lambda: models.MultiResolution(CLASSES, streams="fovea"),
    "context": lambda: models.MultiResolution(CLASSES, streams="context"),
    "average": lambda: models.PooledFusion(CLASSES),
    "maximum": lambda: models.PooledFusion(CLASSES, pool="max"),
    "attention": lambda: models.PooledFusion(CLASSES, pool="attention"),
    "histogram": lambda: models.HistogramNet(CLASSES),
    "3D of extent 1": lambda: models.Conv3DNet(CLASSES, extent=1),
    "(2+1)D of extent 1": lambda: models.Factorised(CLASSES, extent=1),
}
ORDER_AWARE = {
    "late, vectors": lambda: models.LateFusion(CLASSES, frames=T),
    "late, maps": lambda: models.LateFusion(CLASSES, frames=T, maps=True, size=SIZE),
    "early": lambda: models.EarlyFusion(CLASSES, frames=T),
    "slow": lambda: models.SlowFusion(CLASSES, frames=T),
    "3D": lambda: models.Conv3DNet(CLASSES),
    "(2+1)D": lambda: models.Factorised(CLASSES),
}
ALL = ORDER_BLIND | ORDER_AWARE
FIXED = ["late, vectors", "late, maps", "early", "slow"]  # built for a number of frames


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def ready(build, seed=0, dtype=torch.float64):
    """A model as after some training, in evaluation mode: every parameter and every BatchNorm statistic has a say."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = (build if callable(build) else ALL[build])().to(dtype).eval()
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                for tensor, low, high in (
                    (module.running_mean, -0.2, 0.2), (module.running_var, 0.5, 1.5),
                    (module.weight.data, 0.5, 1.5), (module.bias.data, -0.3, 0.3),
                ):  # fmt: skip
                    tensor.uniform_(low, high)
        return model


def weights(model, kinds=(nn.Conv2d, nn.Conv3d, nn.Linear)):
    return sum(module.weight.numel() for module in model.modules() if isinstance(module, kinds))


def frames_seen(response, clip):
    """Which frames of `1 t c h w` a response depends on."""
    (gradient,) = torch.autograd.grad(response.sum(), clip)
    return [t for t in range(clip.shape[1]) if gradient[0, t].any()]


# Clips in, logits out -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_each_clip_of_a_batch_is_answered_for_itself(name):
    model, clips = ready(name), rand(3, T, 3, SIZE, SIZE)
    logits = model(clips)
    assert logits.shape == (3, CLASSES)
    assert logits.isfinite().all()
    close(logits, torch.cat([model(clip[None]) for clip in clips]))
    assert (logits[0] - logits[1]).abs().max() > 1e-4
    assert ready(name, dtype=torch.float32)(clips.float()).dtype == torch.float32


@pytest.mark.parametrize("name", ALL)
def test_how_a_clip_lies_in_memory_does_not_matter(name):
    """Decoders leave the channels last, a crop or every second frame is a view, and a frozen clip is one frame."""
    model, clips = ready(name), rand(2, T, 3, SIZE, SIZE)
    last = clips.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    views = {
        "channels last": last,
        "frames first": clips.transpose(0, 1).contiguous().transpose(0, 1),
        "reversed": last.flip(1),
        "upright": clips.transpose(-1, -2),
        "cut": rand(2, 2 * T, 3, SIZE + 5, SIZE + 3)[:, ::2, :, 2:-3, 1:-2],
        "frozen": clips[:, :1].expand(-1, T, -1, -1, -1),
    }
    for view in views.values():
        before = view.clone()
        close(model(view), model(torch.tensor(view.tolist(), dtype=view.dtype)))
        assert torch.equal(view, before)
    assert not any(views[key].is_contiguous() for key in views)


def test_the_backbone_halves_height_and_width_three_times_and_rounds_up():
    net = ready(lambda: backbone.Backbone(3))
    for h, w in ((32, 32), (17, 40), (1, 9)):
        assert net(rand(2, 3, h, w)).shape == (2, 32, math.ceil(h / 8), math.ceil(w / 8))
    image = rand(2, 3, 24, 16)
    close(net.vector(image), net(image).mean((2, 3)))
    normal = backbone.Normalise()(torch.tensor([0.2, 0.45, 0.7]))
    close(normal, torch.tensor([-1.0, 0.0, 1.0]), atol=1e-6)


def test_one_seed_gives_all_models_of_single_pictures_the_same_backbone():
    """So that nothing but the fusion differs; and trained results hang on this order."""
    builds = ["single frame", "average", "maximum", "attention", "late, vectors", "late, maps"]
    states = []
    for name in builds:
        torch.manual_seed(5)
        states.append(ALL[name]().backbone.state_dict())
    assert all(torch.equal(state[key], states[0][key]) for state in states for key in states[0])


@pytest.mark.parametrize("name", ALL)
def test_a_state_that_was_saved_gives_the_same_answers_in_another_model(name):
    clips, first, second = rand(2, T, 3, SIZE, SIZE), ready(name, seed=1), ready(name, seed=2)
    assert not torch.equal(first(clips), second(clips))
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True), strict=True)
    assert torch.equal(first(clips), second(clips))


# Time -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_which_models_know_the_order_of_the_frames(name):
    keep_the_frames = {trial: name in ORDER_BLIND for trial in ("reverse", "shuffle", "roll")}
    expected = keep_the_frames | dict.fromkeys(("freeze", "subsample", "shift"), False)  # other frames, or fewer
    assert set(expected) == set(TRIALS)
    report = uses_time(ready(name), rand(3, T, 3, SIZE, SIZE))
    assert {trial: report[trial].exact for trial in TRIALS} == expected, report
    for trial in (report[each] for each in TRIALS if not expected[each]):
        assert trial.relative_change > 1e-3  # not a matter of rounding


@pytest.mark.parametrize("name", [name for name in ALL if name not in FIXED])
def test_clips_of_any_length_where_nothing_is_built_for_one(name):
    model = ready(name)
    for t in (1, 2, 5, 11):
        assert model(rand(2, t, 3, SIZE, 24)).isfinite().all()


@pytest.mark.parametrize("name", ["single frame", "multi-resolution", "average", "maximum", "attention", "histogram"])
def test_showing_every_frame_twice_tells_a_set_of_frames_nothing_new(name):
    clips = rand(2, 5, 3, SIZE, SIZE)
    close(ready(name)(clips.repeat_interleave(2, dim=1)), ready(name)(clips))


# Single frame and multi-resolution ------------------------------------------------------------------------------------


def test_single_frame_is_the_mean_of_each_frames_probabilities():
    model, clip = ready("single frame"), rand(2, 5, 3, SIZE, 24)
    for b in range(2):
        total = 0
        for t in range(5):
            total = total + model.classify(model.backbone(clip[b, t][None]).mean((2, 3))).softmax(1)
        close(model(clip)[b].exp(), (total / 5)[0])
    close(model.image_logits(clip[0]).softmax(1).mean(0), model(clip)[0].exp())
    assert (model.image_logits(clip[0]).mean(0).softmax(0) - model(clip)[0].exp()).abs().max() > 1e-6  # another mean


def test_log_mean_is_the_logarithm_of_the_mean_of_softmax():
    logits = 3 * torch.randn(4, 7, 5, generator=chance(), dtype=torch.float64)
    mine = backbone.log_mean(logits)
    close(mine, logits.softmax(-1).mean(1).log(), atol=1e-12)
    close(mine.exp().sum(-1), torch.ones(4, dtype=torch.float64), atol=1e-13)
    close(mine, backbone.log_mean(logits + torch.arange(7.0)[:, None]))  # a frame's own offset is none
    close(backbone.log_mean(logits[:, :1]), logits[:, 0].log_softmax(-1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_log_mean_survives_logits_of_a_thousand(dtype):
    undecided = torch.tensor([[[1000.0, -1000.0], [-1000.0, 1000.0]]], dtype=dtype, requires_grad=True)
    sure = torch.tensor([[[1000.0, -1000.0], [1000.0, -1000.0]]], dtype=dtype, requires_grad=True)
    close(backbone.log_mean(undecided), torch.full((1, 2), math.log(0.5), dtype=dtype), rtol=1e-6)
    close(backbone.log_mean(sure), torch.tensor([[0.0, -2000.0]], dtype=dtype), atol=1e-6)
    for logits in (undecided, sure):
        backbone.log_mean(logits).sum().backward()
        assert logits.grad.isfinite().all()


@pytest.mark.parametrize(("h", "w"), [(8, 12), (10, 14), (178, 178)])
def test_fovea_and_context_are_the_middle_and_the_means_of_four(h, w):
    images = rand(2, 3, h, w)
    fovea, context = models.fovea(images), models.context(images)
    assert fovea.shape == context.shape == (2, 3, h // 2, w // 2)
    assert 2 * (fovea.numel() + context.numel()) == images.numel()  # half the pixels, together
    top, left = (h - h // 2) // 2, (w - w // 2) // 2
    for i in range(0, h // 2, max(1, h // 20)):
        for j in range(0, w // 2, max(1, w // 20)):
            assert torch.equal(fovea[..., i, j], images[..., top + i, left + j])
            four = [images[..., 2 * i + di, 2 * j + dj] for di in (0, 1) for dj in (0, 1)]
            close(context[..., i, j], sum(four) / 4)


def test_multi_resolution_classifies_both_vectors_side_by_side():
    model, clip = ready("multi-resolution"), rand(2, 3, 3, 12, 20)
    probabilities = []
    for t in range(3):
        wide = model.backbones[0].vector(models.context(clip[:, t]))
        near = model.backbones[1].vector(models.fovea(clip[:, t]))
        probabilities.append(model.classify(torch.cat([wide, near], 1)).softmax(1))
    close(model(clip).exp(), sum(probabilities) / 3)
    for name in ("context", "fovea"):
        assert 2 * (weights(ready(name)) - 32 * CLASSES) == weights(model) - 64 * CLASSES


@pytest.mark.parametrize(("name", "middle_only"), [("fovea", True), ("context", False), ("multi-resolution", False)])
def test_the_fovea_stream_is_blind_to_what_is_not_in_the_middle(name, middle_only):
    clip = rand(1, 2, 3, 16, 16).requires_grad_()
    (gradient,) = torch.autograd.grad(ready(name)(clip).square().sum(), clip)
    seen = gradient.abs().sum((0, 1, 2)) > 0
    middle = torch.zeros(16, 16, dtype=torch.bool)
    middle[4:12, 4:12] = True
    assert torch.equal(seen, middle if middle_only else torch.ones_like(middle))


# Late fusion ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frames", "hidden", "maps", "size"), [(8, 64, False, 32), (16, 64, False, 32), (3, 5, True, 32), (3, 5, True, 20)]
)
def test_late_fusion_has_as_many_parameters_as_the_formula_says(frames, hidden, maps, size):
    model = models.LateFusion(CLASSES, frames=frames, hidden=hidden, maps=maps, size=size)
    places = math.ceil(size / 8) ** 2 if maps else 1
    assert model.connect.weight.numel() == frames * 32 * places * hidden
    convolutions = 9 * (3 * 8 + 8 * 16 + 16 * 32) + 2 * (8 + 16 + 32)  # with BatchNorm's scales and offsets
    layers = (frames * 32 * places + 1) * hidden + (hidden + 1) * CLASSES
    assert sum(p.numel() for p in model.parameters()) == convolutions + layers
    assert ready(lambda: model)(rand(1, frames, 3, size, size)).shape == (1, CLASSES)


@pytest.mark.parametrize("name", ["late, vectors", "late, maps"])
def test_late_fusion_gives_each_frame_weights_of_its_own(name):
    """connect([x_1 … x_T]) = Σ_t W_t x_t, with W_t the t-th block of its columns."""
    model, clip = ready(name), rand(2, T, 3, SIZE, SIZE)
    total = model.connect.bias
    for t, block in enumerate(model.connect.weight.chunk(T, dim=1)):
        maps = model.backbone(clip[:, t])
        features = maps.flatten(1) if "maps" in name else maps.mean((2, 3))
        total = total + features @ block.T
    close(model(clip), model.classify(total.clamp_min(0)))


def test_maps_know_where_something_is_and_vectors_do_not():
    """The same maps in another place: the average over space cannot tell, the maps can."""
    for name, same in (("late, vectors", True), ("late, maps", False)):
        model, clip = ready(name), rand(1, T, 3, SIZE, SIZE)
        before = model(clip)
        model.backbone.blocks.append(Flip())
        assert torch.allclose(model(clip), before, rtol=1e-9, atol=1e-11) == same


class Flip(nn.Module):
    def forward(self, maps):
        return maps.flip(-1)


def test_pooling_by_the_average_is_the_mean_of_the_frames_logits():
    """With a linear classifier it does not matter whether vectors or logits are averaged."""
    model, clip = ready("average"), rand(2, 5, 3, SIZE, SIZE)
    each = [model.classify(model.backbone.vector(clip[:, t])) for t in range(5)]
    close(model(clip), sum(each) / 5)
    close(model.weights(model.vectors(clip)), torch.full((2, 5), 0.2, dtype=torch.float64))


def test_pooling_by_the_maximum_takes_each_feature_where_it_is_largest():
    model, clip = ready("maximum"), rand(2, 5, 3, SIZE, SIZE)
    largest = model.backbone.vector(clip[:, 0])
    for t in range(1, 5):
        largest = torch.maximum(largest, model.backbone.vector(clip[:, t]))
    close(model(clip), model.classify(largest))


def test_attention_is_its_equations():
    """s_t = wᵀ x_t, α = exp(s_t) / Σ exp(s), x = Σ α_t x_t."""
    model, clip = ready("attention"), rand(2, 5, 3, SIZE, SIZE)
    model.score.weight.data *= 20  # so that the frames count differently
    w = model.score.weight[0]
    assert model.score.bias is None
    for b in range(2):
        x = [model.backbone.vector(clip[b, t][None])[0] for t in range(5)]
        close(model.vectors(clip)[b], torch.stack(x))
        s = [sum(w[d] * x_t[d] for d in range(len(w))) for x_t in x]
        close(model.scores(model.vectors(clip))[b], torch.stack(s))
        alpha = [s_t.exp() / sum(s_u.exp() for s_u in s) for s_t in s]
        close(model.weights(model.vectors(clip))[b], torch.stack(alpha))
        close(model(clip)[b], model.classify(sum(a * x_t for a, x_t in zip(alpha, x, strict=True))))
    alpha = model.weights(model.vectors(clip))
    close(alpha.sum(1), torch.ones(2, dtype=torch.float64))
    assert alpha.max() > 1.05 * alpha.min()


def test_attention_lies_between_the_average_and_one_frame():
    model, clip = ready("attention"), rand(2, 5, 3, SIZE, SIZE)
    vectors, direction = model.vectors(clip), model.score.weight.data.clone()
    model.score.weight.data.zero_()
    close(model(clip), model.classify(vectors.mean(1)))
    model.score.weight.data = 1e9 * direction
    best = model.scores(vectors).argmax(1)
    close(model(clip), model.classify(vectors[torch.arange(2), best]))


# Early fusion ---------------------------------------------------------------------------------------------------------


def test_early_fusion_is_a_3d_convolution_over_all_frames_at_once():
    """A kernel of T frames and no padding in time has one place to be."""
    model, clip = ready("early", dtype=torch.float32), rand(2, T, 3, SIZE, 24, dtype=torch.float32)
    volume = nn.Conv3d(3, 8, (T, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1), bias=False)
    volume.weight.data = rearrange(model.backbone.blocks[1][0].weight.data, "o (t c) h w -> o c t h w", t=T)
    normalise = model.backbone.blocks[0]
    first = model.backbone.blocks[1][0](normalise(rearrange(clip, "b t c h w -> b (t c) h w")))
    fused = volume(normalise(rearrange(clip, "b t c h w -> b c t h w")))
    assert fused.shape == (2, 8, 1, SIZE // 2, 12)
    close(first, fused[:, :, 0], atol=1e-6, rtol=1e-5)
    close(model(clip), model.classify(model.backbone.blocks[2:](model.backbone.blocks[1][1:](first)).mean((2, 3))))


def test_only_the_first_layer_of_early_fusion_knows_of_time():
    early, single = ready("early"), ready("single frame")
    assert early.backbone.blocks[1][0].weight.numel() == 9 * 3 * T * 8
    assert weights(early) - weights(single) == 9 * 3 * (T - 1) * 8


@pytest.mark.parametrize("name", ["early", "3D"])
def test_filters_are_small_films(name):
    """o t c k k, so that Σ filter[t, c, i, j] · clip[t, c, y + i, x + j] is what the first layer answers."""
    model, clip = ready(name), rand(1, T, 3, SIZE, SIZE)
    films = model.filters()
    extent = T if name == "early" else 3
    assert films.shape == (8, extent, 3, 3, 3)
    if name == "early":
        normalise, layer = model.backbone.blocks[0], model.backbone.blocks[1][0]
        answer, start = layer(normalise(rearrange(clip, "b t c h w -> b (t c) h w")))[0], 0
    else:
        normalise, layer = model.blocks[0], model.blocks[1][0]
        answer, start = layer(normalise(rearrange(clip, "b t c h w -> b c t h w")))[0, :, 5], 4
    pixels = normalise(clip[0])
    for o, row, column in ((0, 1, 1), (3, 4, 2), (7, 6, 7)):
        total = 0
        for t in range(extent):
            for c in range(3):
                for i in range(3):
                    for j in range(3):
                        total += films[o, t, c, i, j] * pixels[start + t, c, 2 * row - 1 + i, 2 * column - 1 + j]
        close(answer[o, row, column], total)


# Slow fusion and 3D convolution ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "moments", "fields"),
    [({}, [8, 3, 2, 1], [4, 6, 8]), ({"frames": 10, "extents": PAPER}, [10, 4, 2, 1], [4, 6, 10])],
)
def test_slow_fusion_merges_time_layer_by_layer(options, moments, fields):
    model = ready(lambda: models.SlowFusion(CLASSES, **options))
    assert model.moments == moments
    clip = rand(1, moments[0], 3, SIZE, SIZE).requires_grad_()
    strides = [stride for _, stride in options.get("extents", ((4, 2), (2, 1), (2, 1)))]
    for layer, field in enumerate(fields, 1):
        step = math.prod(strides[:layer])
        for moment in range(moments[layer]):
            maps = model.blocks[: layer + 1](rearrange(clip, "b t c h w -> b c t h w"))
            assert maps.shape[2] == moments[layer]
            first = moment * step
            assert frames_seen(maps[:, :, moment], clip) == list(range(first, first + field))
        assert first + field == moments[0]  # and none is left over


@pytest.mark.parametrize("name", ["3D", "(2+1)D"])
def test_3d_convolution_moves_along_with_time_except_at_the_ends(name):
    """Three layers of extent 3 carry the padding three frames inwards."""
    model, volume = ready(name), rand(2, 3, 14, SIZE, SIZE)
    maps, later = model.blocks(volume), model.blocks(volume.roll(1, dims=2))
    assert maps.shape == (2, 32, 14, 2, 2)
    close(later[:, :, 4:-3], maps[:, :, 3:-4])
    for t in (3, -3):
        assert (later[:, :, t] - maps[:, :, t - 1]).abs().max() > 1e-6
    close(model(rearrange(volume, "b c t h w -> b t c h w")), model.classify(maps.mean((2, 3, 4))))


@pytest.mark.parametrize("name", ["3D", "(2+1)D"])
def test_3d_convolution_sees_seven_frames(name):
    clip = rand(1, 14, 3, SIZE, SIZE).requires_grad_()
    for t, seen in ((6, range(3, 10)), (0, range(0, 4)), (13, range(10, 14))):
        maps = ready(name).blocks(rearrange(clip, "b t c h w -> b c t h w"))
        assert frames_seen(maps[:, :, t], clip) == list(seen)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("extent", [1, 2, 3, 4, 5, 6])
def test_a_3d_block_keeps_the_frames_as_many_for_every_extent(extent, stride):
    """Zeros stand on both sides, and for an even extent one more after the last frame; so said, and so seen."""
    block = ready(lambda: backbone.block3d(3, 5, extent, stride))
    assert list(block.state_dict())[0] == "0.weight"
    assert block[0].weight.shape == (5, 3, extent, 3, 3)
    assert ("a zero frame after the last" in repr(block)) == (extent % 2 == 0)
    before, after = (extent - 1) // 2, extent // 2
    for frames in (1, 2, 7, 8):
        clip, moments = rand(1, frames, 3, SIZE, SIZE).requires_grad_(), math.ceil(frames / stride)
        for moment in range(moments):
            maps, t = block(rearrange(clip, "b t c h w -> b c t h w")), moment * stride
            assert maps.shape == (1, 5, moments, SIZE // 2, SIZE // 2)
            seen = [each for each in range(t - before, t + after + 1) if 0 <= each < frames]
            assert frames_seen(maps[:, :, moment], clip) == seen


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("extent", [2, 4])
def test_even_extents_are_padded_as_torch_does_it(extent):
    volume, block = rand(2, 3, 6, SIZE, SIZE), ready(lambda: backbone.block3d(3, 5, extent))
    same = nn.functional.conv3d(volume, block[0].weight, padding="same")  # which knows no stride: take every second
    close(block[0](volume), same[..., ::2, ::2])
    model = ready(lambda: models.Conv3DNet(CLASSES, extent=extent))
    assert model.blocks(volume).shape[2] == 6
    assert ready(lambda: models.Factorised(CLASSES, extent=extent)).blocks(volume).shape[2] == 6
    assert model.filters().shape == (8, extent, 3, 3, 3)


@pytest.mark.parametrize(("extent", "padding"), [(1, None), (3, None), (5, None), (2, 0), (2, 1), (4, 0)])
def test_odd_extents_and_paddings_that_were_asked_for_are_plain_convolutions(extent, padding):
    """Number for number, weight for weight: a network that was trained before stays what it was."""
    torch.manual_seed(1)
    block = backbone.block3d(3, 5, extent, 1, padding)
    torch.manual_seed(1)
    zeros = extent // 2 if padding is None else padding
    plain = nn.Sequential(
        nn.Conv3d(3, 5, (extent, 3, 3), (1, 2, 2), (zeros, 1, 1), bias=False), nn.BatchNorm3d(5), nn.ReLU()
    )
    assert repr(block) == repr(plain)
    plain.load_state_dict(block.state_dict(), strict=True)
    volume = rand(2, 3, 6, SIZE, SIZE, dtype=torch.float32)
    assert torch.equal(block(volume), plain(volume))


@pytest.mark.parametrize(("c_in", "c_out", "middle"), [(64, 64, 144), (64, 128, 230), (128, 128, 288)])
def test_middle_channels_are_those_of_the_paper(c_in, c_out, middle):
    assert models.middle_channels(c_in, c_out) == middle


@pytest.mark.parametrize(("extent", "side"), [(3, 3), (5, 3), (2, 5)])
def test_middle_channels_are_as_many_as_the_weights_allow(extent, side):
    for c_in in (1, 3, 8, 16, 45):
        for c_out in (4, 8, 32, 51):
            allowed, m = extent * side**2 * c_in * c_out, 0
            while side**2 * c_in * (m + 1) + extent * (m + 1) * c_out <= allowed:
                m += 1
            assert models.middle_channels(c_in, c_out, extent=extent, side=side) == m


@pytest.mark.parametrize("extent", [3, 5])
def test_the_factorised_network_has_as_many_weights_or_a_few_less(extent):
    whole, parts = models.Conv3DNet(CLASSES, extent=extent), models.Factorised(CLASSES, extent=extent)
    for block, (space, time) in zip(whole.blocks[1:], ((b[0], b[3]) for b in parts.blocks[1:]), strict=True):
        assert space.weight.shape[2:] == (1, 3, 3)
        assert time.weight.shape[2:] == (extent, 1, 1)
        both = space.weight.numel() + time.weight.numel()
        one_channel = both // space.out_channels
        assert block[0].weight.numel() - one_channel < both <= block[0].weight.numel()
    assert 0.97 * weights(whole) < weights(parts) <= weights(whole)
    count = [sum(isinstance(m, nn.ReLU) for m in model.modules()) for model in (whole, parts)]
    assert count == [3, 6]


def test_the_two_parts_without_what_is_between_are_one_3d_convolution():
    """A sum over the middle channels of (time filter) × (space filter): zeros beyond the ends, as in the 3D layer."""
    parts, volume = ready("(2+1)D").blocks[2], rand(2, 8, 5, SIZE, SIZE)
    space, time = parts[0], parts[3]
    whole = nn.Conv3d(8, 16, 3, stride=(1, 2, 2), padding=1, bias=False)
    whole.weight.data = einsum(time.weight[..., 0, 0], space.weight[:, :, 0], "o m t, m c h w -> o c t h w")
    close(time(space(volume)), whole(volume))


# Histograms -----------------------------------------------------------------------------------------------------------


def hues_and_directions(clip):
    return models.histograms(clip).split([HUES, DIRECTIONS], dim=1)


def test_histograms_are_counted_pixel_by_pixel():
    clip = rand(2, 2, 3, 3, 4)
    for b in range(2):
        hues, directions = [0.0] * HUES, [0.0] * DIRECTIONS

        def add(counts, x, y):
            place, length = math.atan2(y, x) / (2 * math.pi) * len(counts), math.hypot(x, y)
            low = math.floor(place)
            counts[low % len(counts)] += (low + 1 - place) * length
            counts[(low + 1) % len(counts)] += (place - low) * length

        for frame in clip[b]:
            luma = 0.299 * frame[0] + 0.587 * frame[1] + 0.114 * frame[2]
            for i in range(3):
                for j in range(4):
                    _, red_green, blue_yellow = torch.linalg.solve(OPPONENT.T, frame[:, i, j]).tolist()
                    add(hues, red_green, blue_yellow)
                    up, down, left, right = max(i - 1, 0), min(i + 1, 2), max(j - 1, 0), min(j + 1, 3)
                    i_x = (luma[i, right] - luma[i, left]).item() / (right - left)
                    i_y = (luma[down, j] - luma[up, j]).item() / (down - up)
                    add(directions, i_x, i_y)
        for mine, theirs in zip((hues, directions), hues_and_directions(clip[b : b + 1]), strict=True):
            mine = torch.tensor(mine, dtype=torch.float64)
            close(theirs[0], mine / mine.sum(), atol=1e-9)


def test_each_group_of_counts_sums_to_one():
    for group in hues_and_directions(rand(4, 3, 3, 9, 12)):
        close(group.sum(1), torch.ones(4, dtype=torch.float64))
        assert (group >= 0).all()


def test_the_courses_colours_and_ramps_have_bins_of_their_own():
    for k in range(4):  # red, blue, green, yellow: quarters of the circle
        quarter = torch.tensor([0.0, math.cos(k * math.pi / 2), math.sin(k * math.pi / 2)], dtype=torch.float64)
        colour = 0.5 + 0.3 * quarter @ OPPONENT
        hues, _ = hues_and_directions(colour[:, None, None].expand(1, 2, 3, 5, 5))
        assert hues[0, 3 * k] == pytest.approx(1)
    ramp = torch.linspace(0, 1, 8, dtype=torch.float64)
    for bin_, picture in ((0, ramp.expand(8, 8)), (2, ramp[:, None].expand(8, 8)), (4, 1 - ramp.expand(8, 8))):
        _, directions = hues_and_directions(picture.expand(1, 2, 3, 8, 8))
        assert directions[0, bin_] == pytest.approx(1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_grey_has_no_hue_and_plain_has_no_edges(dtype):
    """The last digits of rounding must not be blown up to a colour."""
    for level in (0.0, 0.2, 0.5, 0.7, 1.0):
        plain = torch.full((1, 4, 3, 16, 16), level, dtype=dtype)
        assert models.histograms(plain).abs().max() < 0.02
    hues, directions = hues_and_directions(rand(1, 4, 1, 16, 16, dtype=dtype).expand(-1, -1, 3, -1, -1))
    assert hues.max() < 0.02
    assert directions.sum() == pytest.approx(1)
    one_coloured_pixel = torch.full((1, 8, 3, 32, 32), 0.5, dtype=dtype)
    one_coloured_pixel[0, 0, 0, 3, 3] = 1
    assert hues_and_directions(one_coloured_pixel)[0].sum() == pytest.approx(1)


def test_histograms_forget_when_and_where_and_how_bright():
    clip = rand(2, 4, 3, 12, 12)
    before, (hues, directions) = models.histograms(clip), hues_and_directions(clip)
    close(models.histograms(clip[:, [2, 0, 3, 1]]), before)
    close(models.histograms(0.4 * clip), before)
    close(models.histograms(0.4 * clip + 0.3), before)
    close(models.histograms(clip.flip(-1))[:, :HUES], hues)
    mixed = rearrange(clip, "b t c h w -> b t c (h w)")[..., torch.randperm(144, generator=chance())].unflatten(
        -1, (12, 12)
    )
    close(models.histograms(mixed)[:, :HUES], hues)
    assert (models.histograms(mixed)[:, HUES:] - directions).abs().max() > 1e-4  # other neighbours


def test_histograms_turn_with_the_picture_and_with_its_negative():
    clip = rand(2, 4, 3, 12, 12)
    hues, directions = hues_and_directions(clip)
    close(models.histograms(1 - clip), torch.cat([hues.roll(HUES // 2, 1), directions.roll(DIRECTIONS // 2, 1)], 1))
    turned = torch.rot90(clip, 1, (-2, -1))  # anticlockwise: what pointed down points right
    close(models.histograms(turned), torch.cat([hues, directions.roll(-DIRECTIONS // 4, 1)], 1))


def test_rolling_the_frames_changes_edges_at_the_border_only():
    clip = rand(1, 3, 3, 12, 12)
    hues, directions = hues_and_directions(clip)
    rolled_hues, rolled_directions = hues_and_directions(clip.roll((3, -4), (-2, -1)))
    close(rolled_hues, hues)
    assert (rolled_directions - directions).abs().max() > 1e-6
    island = torch.full((1, 3, 3, 20, 20), 0.5, dtype=torch.float64)
    island[..., 7:13, 7:13] = clip[..., :6, :6]
    close(models.histograms(island.roll((4, -5), (-2, -1))), models.histograms(island))


def test_the_histogram_network_reads_nothing_but_the_counts():
    model, clip = ready("histogram"), rand(2, 4, 3, 12, 12)
    counts = models.histograms(clip)
    scaled = (counts - model.scale.running_mean) / (model.scale.running_var + 1e-5).sqrt()
    hidden = model.connect(scaled * model.scale.weight + model.scale.bias).clamp_min(0)
    close(model(clip), model.classify(hidden))


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("as_learners_run_it")
@pytest.mark.parametrize("name", ALL)
def test_what_is_no_batch_of_float_clips(name):
    model, clips = ready(name, dtype=torch.float32), rand(2, T, 3, SIZE, SIZE, dtype=torch.float32)
    refused(lambda: model((255 * clips).byte()), "torch.uint8", "clip.float() / 255")
    refused(lambda: model(clips[0]), f"({T}, 3, {SIZE}, {SIZE})", "clip[None]")
    refused(lambda: model(clips[None]), f"(1, 2, {T}, 3, {SIZE}, {SIZE})", "b t c h w")
    refused(lambda: model(clips.movedim(2, -1)), f"(2, {T}, {SIZE}, {SIZE}, 3)", "... h w c -> ... c h w")
    refused(lambda: model(clips.transpose(1, 2)), f"(2, 3, {T}, {SIZE}, {SIZE})", "... c t h w -> ... t c h w")
    refused(lambda: model(clips[:0]), f"0 clips of {T} frames", "at least one")
    refused(lambda: model(clips[:, :0]), "2 clips of 0 frames", "at least one")
    refused(lambda: model(clips[..., :0]), f"{SIZE} × 0 pixels", "at least one")
    refused(lambda: model(clips.tolist()), "a list", "tensor")


@pytest.mark.usefixtures("as_learners_run_it")
@pytest.mark.parametrize("name", FIXED)
def test_another_number_of_frames_than_the_model_was_built_for(name):
    model = ready(name)
    for t in (T - 1, T + 1):
        refused(lambda t=t: model(rand(1, t, 3, SIZE, SIZE)), f"{t} frames", f"{T} frames", f"frames={t}")


@pytest.mark.usefixtures("as_learners_run_it")
def test_frames_of_another_size():
    late, multi = ready("late, maps"), ready("multi-resolution")
    refused(lambda: late(rand(1, T, 3, 32, 32)), "32 × 32", "16 × 16", "size=32")
    assert ready("late, vectors")(rand(1, T, 3, 32, 24)).shape == (1, CLASSES)
    refused(lambda: multi(rand(1, T, 3, 16, 17)), "16 × 17", "even", "clip[..., :16, :16]")
    refused(lambda: multi(rand(1, T, 3, 15, 16)), "15 × 16", "even", "clip[..., :14, :16]")


def test_what_cannot_be_built():
    refused(lambda: models.PooledFusion(4, pool="mean"), "'mean'", "average", "max", "attention", "Try:")
    refused(lambda: models.MultiResolution(4, streams="all"), "'all'", "both", "fovea", "context", "Try:")
    refused(lambda: models.SlowFusion(4, frames=10), "10 → 4 → 3 → 2", "one moment", "((4, 2), (2, 2), (2, 1))")
    refused(lambda: models.SlowFusion(4, frames=3), "3 → 0", "one moment", "Try:")
    refused(lambda: models.SlowFusion(4, extents=((8, 1),)), "8 → 1", "3 layers", "Try:")


# Training -------------------------------------------------------------------------------------------------------------


def test_forty_steps_teach_a_single_frame_model_the_colours():
    world = World(frames=2, size=16, motions=("right", "left"))
    train, test = world.sample(256, seed=0), world.sample(200, seed=0, split="test")
    answers = []
    for _ in range(2):
        torch.manual_seed(0)
        model = models.SingleFrame(len(world.colours))
        fit(model, train.clip, train.label["colour"], steps=40, lr=0.02, device="cpu", progress=False)
        with torch.no_grad():
            answers.append(model(test.clip.float() / 255))
    right = (answers[0].argmax(1) == test.label["colour"]).float().mean()
    assert right > 0.7  # chance is 0.25
    assert torch.equal(*answers)


def test_a_maximum_has_no_weights_of_frames():
    model = models.PooledFusion(CLASSES, pool="max")
    with pytest.raises(ShapeError, match="attention"):
        model.weights(torch.rand(2, 5, 32))
