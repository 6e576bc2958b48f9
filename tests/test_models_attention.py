"""Attention: it is its equation; who sees whom, and who knows the order, for every model that is built of it."""

import itertools
import math

import pytest
import torch
from einops import rearrange, repeat
from of_models import close, rand, refused
from torch import nn
from torch.nn import functional as F

from vidlab import ShapeError, data, models
from vidlab.anatomy import receptive_field
from vidlab.models import published, video_vit
from vidlab.models.attention import Layer, PlaceByPlace, SelfAttention, attend, attention_weights, recorded
from vidlab.models.attention_rollout import among_all, rollout
from vidlab.models.published import build, multiply_adds, parameters, timesformer, vivit
from vidlab.models.video_vit import DividedLayer, Tubelets, VideoViT, comparisons
from vidlab.time_use import uses_time

CLASSES, T, SIZE = 4, 6, 16
SMALL = {"frames": T, "size": SIZE, "tubelet": (2, 8, 4), "dim": 16, "heads": 2}  # 3 moments of 2 × 4 places
KINDS = ("joint", "factorised", "divided")


def randn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def ready(build, seed=0, dtype=torch.float64):
    """A model as after some training: no parameter or BatchNorm statistic is zero or one, and positions are large."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = build().to(dtype).eval()
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm | nn.LayerNorm):
                module.weight.data.uniform_(0.5, 1.5)
                module.bias.data.uniform_(-0.3, 0.3)
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.running_mean.uniform_(-0.2, 0.2)
                module.running_var.uniform_(0.5, 1.5)
            for parameter in module.parameters(recurse=False):
                if isinstance(module, VideoViT | video_vit.Encoder | models.TemporalAttention):
                    parameter.data.normal_()
        return model


def vit(kind, seed=0, **options):
    return ready(lambda: VideoViT(CLASSES, kind=kind, **SMALL | options), seed)


def temporal(**options):
    return ready(lambda: models.TemporalAttention(CLASSES, frames=T, **options))


def differ(a, b, least=1e-3):
    return (a - b).abs().max() > least * b.abs().max()


def seen(response, tokens):
    """Which rows of `1 n d` a response depends on."""
    (gradient,) = torch.autograd.grad(response.square().sum(), tokens, retain_graph=True)
    return set(gradient[0].abs().sum(-1).nonzero()[:, 0].tolist())


def tubes(clip, tubelet=SMALL["tubelet"]):
    """A clip as its boxes `b t n (…)`, and the way back."""
    dt, dh, dw = tubelet
    cut = "b (t dt) c (h dh) (w dw)"
    sizes = {"dt": dt, "dh": dh, "dw": dw, "h": clip.shape[-2] // dh}
    boxes = rearrange(clip, f"{cut} -> b t (h w) (dt c dh dw)", **sizes)
    c = clip.shape[2]
    return boxes, lambda changed: rearrange(changed, f"b t (h w) (dt c dh dw) -> {cut}", c=c, **sizes)


MODELS = {
    "temporal": temporal,
    "temporal, no positions": lambda: temporal(positions=False),
    "non-local": lambda: ready(lambda: models.NonLocalNet(CLASSES)),
    **{kind: (lambda kind=kind: vit(kind)) for kind in KINDS},
}


# The operation --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("scale", [None, 1.0, 0.1])
def test_the_fused_path_and_the_path_with_weights_agree(dtype, tolerance, masked, scale):
    query, key, value = (randn(2, 3, n, d, seed=n, dtype=dtype) for n, d in ((5, 8), (7, 8), (7, 4)))
    mask = rand(5, 7) > 0.4 if masked else None
    fused = attend(query, key, value, mask, scale=scale)
    weights = attention_weights(query, key, mask, scale=scale)
    assert fused.shape == (2, 3, 5, 4)
    assert (fused - weights @ value).abs().max() < tolerance * value.abs().max()


def test_attention_is_its_equation():
    """α_ij = exp(q_i · k_j / √d) / Σ_j exp(q_i · k_j / √d), and what comes back is Σ_j α_ij v_j."""
    query, key, value = randn(4, 9, seed=1), randn(6, 9, seed=2), randn(6, 2, seed=3)
    weights, answer = attention_weights(query, key), attend(query, key, value)
    for i in range(4):
        e = [math.exp(sum(query[i, d].item() * key[j, d].item() for d in range(9)) / 3) for j in range(6)]
        close(weights[i], torch.tensor(e, dtype=torch.float64) / sum(e))
        close(answer[i], sum(e[j] / sum(e) * value[j] for j in range(6)))


def test_each_query_has_one_to_give_away():
    weights = attention_weights(3 * randn(2, 4, 5, 8), 3 * randn(2, 4, 7, 8, seed=1))
    close(weights.sum(-1), torch.ones(2, 4, 5, dtype=torch.float64))
    assert (weights >= 0).all()
    assert (weights.sum(-2) - 1).abs().max() > 0.1  # of a key's column that is not so


def test_a_mask_hides_keys_and_nothing_else():
    query, key, value = randn(1, 5, 8), randn(1, 5, 8, seed=1), randn(1, 5, 3, seed=2)
    past = torch.ones(5, 5, dtype=torch.bool).tril()
    weights = attention_weights(query, key, past)
    assert (weights[..., ~past] == 0).all()
    assert (weights[..., past] > 0).all()
    changed = torch.cat([value[:, :3], value[:, 3:] + 5], dim=1)
    close(attend(query, key, changed, past)[:, :3], attend(query, key, value, past)[:, :3])
    for i in range(5):  # as if the hidden keys were not there
        close(
            attend(query, key, value, past)[:, i], attend(query[:, i : i + 1], key[:, : i + 1], value[:, : i + 1])[:, 0]
        )


def test_large_scores_do_not_overflow():
    query = key = 1e3 * randn(1, 4, 8, dtype=torch.float32)
    assert attention_weights(query, key).isfinite().all()
    assert attend(query, key, key).isfinite().all()


def test_self_attention_is_torchs_with_the_same_weights():
    mine, tokens = ready(lambda: SelfAttention(12, 3)), randn(2, 5, 12)
    other = nn.MultiheadAttention(12, 3, batch_first=True, dtype=torch.float64)
    other.in_proj_weight.data, other.in_proj_bias.data = mine.project.weight.data, mine.project.bias.data
    other.out_proj.load_state_dict(mine.merge.state_dict())
    theirs, weights = other(tokens, tokens, tokens, average_attn_weights=False)
    close(mine(tokens), theirs)
    close(mine.weights(tokens), weights)
    assert differ(weights[:, 0], weights[:, 1])


def test_a_layer_normalises_before_and_adds_after():
    layer, x = ready(lambda: Layer(12, 3)), randn(2, 5, 12)
    norms = [lambda y, n=n: F.layer_norm(y, (12,), n.weight, n.bias, 1e-6) for n in layer.norms]
    y = x + layer.attention(norms[0](x))
    z = y + layer.mlp[2](F.gelu(layer.mlp[0](norms[1](y))))
    close(layer(x), z)
    assert layer.mlp[0].out_features == 48


@pytest.mark.parametrize("module", [lambda: SelfAttention(12, 3), lambda: Layer(12, 3)])
def test_permuted_tokens_give_permuted_answers(module):
    module, tokens, order = ready(module), randn(2, 5, 12), [3, 0, 4, 1, 2]
    close(module(tokens[:, order]), module(tokens)[:, order])
    assert differ(module(tokens[:, order]), module(tokens))


# Non-local blocks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [512, 1024])
def test_a_block_has_the_published_number_of_parameters(channels):
    with torch.device("meta"):
        block = models.NonLocal(channels)
    assert (
        parameters(block)
        == data.published("params")["rows"][f"nonlocal_{channels}"]
        == 2 * channels**2 + 9 * channels // 2
    )


def test_the_control_asks_nobody_and_changes_nothing_at_first():
    """Each place's answer depends on that place alone, and about as many weights as in a block decide it."""
    control, volume = PlaceByPlace(8), randn(2, 8, 3, 4, 5, dtype=torch.float32)
    close(control(volume), volume)
    assert 0.95 < parameters(control) / parameters(models.NonLocal(8)) < 1.05
    control = ready(lambda: PlaceByPlace(8))
    volume = volume.double().requires_grad_()
    (gradient,) = torch.autograd.grad(control(volume)[0, :, 1, 2, 3].sum(), volume)
    assert gradient.abs().sum(1).nonzero().tolist() == [[0, 1, 2, 3]]


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_at_insertion_a_block_changes_nothing(scaled, training):
    block, volume = models.NonLocal(8, scaled=scaled).train(training), 3 * randn(2, 8, 3, 4, 5, dtype=torch.float32)
    assert torch.equal(block(volume), volume)
    block(volume).square().sum().backward()
    assert block.norm.weight.grad.abs().min() > 0  # but it can begin to


@pytest.mark.parametrize("scaled", [True, False])
def test_a_block_is_its_equation(scaled):
    """z_i = x_i + W Σ_j softmax_j(θ(x_i)ᵀ φ(x_j)) g(x_j), with BatchNorm after W."""
    block, x = ready(lambda: models.NonLocal(6, scaled=scaled)), randn(2, 6, 2, 3, 2)
    flat = rearrange(x, "b c t h w -> b (t h w) c")
    norm = block.norm
    for b in range(2):
        for i in range(12):
            s = torch.stack([block.query(flat[b, i]) @ block.key(flat[b, j]) for j in range(12)])
            alpha = (s / math.sqrt(3) if scaled else s).softmax(0)
            close(block.weights(x)[b, 0, i], alpha)
            y = block.back(sum(a * block.value(flat[b, j]) for j, a in enumerate(alpha)))
            y = (y - norm.running_mean) / (norm.running_var + 1e-5).sqrt() * norm.weight + norm.bias
            close(rearrange(block(x), "b c t h w -> b (t h w) c")[b, i], flat[b, i] + y)


def test_without_the_scale_one_place_has_nearly_all_the_weight():
    """Of 64 places and 256-dimensional products of unit variance; a token's own place is as good as any."""
    query, key = randn(64, 256, seed=1), randn(64, 256, seed=2)
    assert attention_weights(query, key, scale=1.0).amax(-1).median() > 0.95
    assert attention_weights(query, key).amax(-1).median() < 0.2


def test_a_block_sees_everything_and_knows_no_place():
    block = ready(lambda: models.NonLocal(6))
    x = randn(1, 6, 2, 3, 4).requires_grad_()
    (gradient,) = torch.autograd.grad(block(x)[0, :, 0, 1, 2].sum(), x)
    assert (gradient.abs().sum(1) > 0).all()
    order = torch.randperm(24, generator=torch.Generator().manual_seed(0))
    mixed = lambda volume: volume.flatten(2)[..., order].unflatten(2, (2, 3, 4))  # noqa: E731
    close(block(mixed(x)), mixed(block(x)))


@pytest.mark.parametrize("stages", [(1,), (2,), (3,), (3, 1), ()])
def test_a_net_with_blocks_begins_as_the_net_without(stages):
    clip, nets = rand(2, T, 3, SIZE, SIZE, dtype=torch.float32), []
    for build_net in (lambda: models.NonLocalNet(CLASSES, stages=stages), lambda: models.Conv3DNet(CLASSES)):
        with torch.random.fork_rng([]):
            torch.manual_seed(3)
            nets.append(build_net())
    assert torch.equal(nets[0](clip), nets[1](clip))
    widths = {stage: net.query.in_features for stage, net in enumerate_blocks(nets[0])}
    assert widths == {stage: (8, 16, 32)[stage - 1] for stage in stages}
    added = sum(2 * width**2 + 9 * width // 2 for width in widths.values())
    assert parameters(nets[0]) - parameters(nets[1]) == added


def enumerate_blocks(net):
    """(how many convolutions stand before it, block) for each non-local block."""
    stage = 0
    for module in net.blocks:
        stage += isinstance(module, nn.Sequential)
        if isinstance(module, models.NonLocal):
            yield stage, module


def test_where_a_block_stands_decides_what_it_costs():
    shape, cost = (1, 8, 3, 32, 32), {}
    for stage in (1, 2, 3):
        net = models.NonLocalNet(CLASSES, stages=(stage,))
        (block,) = [name for name, module in net.named_modules() if isinstance(module, models.NonLocal)]
        places, half = 8 * (32 // 2**stage) ** 2, (4, 8, 16)[stage - 1]
        cost[stage] = multiply_adds(net, shape, block)
        assert cost[stage] == 4 * places * 2 * half**2 + 2 * places**2 * half  # θ, φ, g, W; scores and means
    assert 7 < cost[1] / cost[2] < 8  # 16 times as many pairs, of half as many channels


def test_one_block_is_enough_to_see_the_whole_clip():
    shape = (4, 3, 24, 24)
    far = receptive_field(ready(lambda: models.NonLocalNet(CLASSES, stages=(1,))), shape, "blocks.2")
    near = receptive_field(ready(lambda: models.NonLocalNet(CLASSES, stages=(1,))), shape, "blocks.1")
    assert "4×24×24" in str(far)
    assert "3×3×3" in str(near)


# Attention over frames ------------------------------------------------------------------------------------------------


def test_without_positions_attention_over_frames_is_blind_to_order():
    model, clip, order = temporal(positions=False), rand(2, T, 3, SIZE, SIZE), [4, 0, 5, 2, 1, 3]
    before, after = model.layer(model.vectors(clip)), model.layer(model.vectors(clip[:, order]))
    close(after, before[:, order], rtol=0, atol=1e-13)
    assert differ(after, before, 1e-2)
    close(model(clip[:, order]), model(clip), rtol=0, atol=1e-13)
    for trial in ("reverse", "shuffle", "roll"):
        assert uses_time(model, clip)[trial].exact


def test_with_positions_attention_over_frames_knows_order():
    model, clip = temporal(), rand(2, T, 3, SIZE, SIZE)
    report = uses_time(model, clip)
    for trial in ("reverse", "shuffle", "roll", "freeze", "subsample", "shift"):
        assert not report[trial].exact
        assert report[trial].relative_change > 1e-2
    still = model.vectors(clip[:, :1].expand(-1, T, -1, -1, -1))  # one frame for the whole time: only moments differ
    close(still - still[:, :1], (model.positions - model.positions[0]).expand(2, -1, -1), atol=1e-9)
    for t, u in itertools.combinations(range(T), 2):
        assert differ(still[:, t], still[:, u], 0.1)


def test_the_weights_are_those_that_are_used():
    model, clip = temporal(heads=2), rand(2, T, 3, SIZE, SIZE)
    x = model.vectors(clip)
    weights, layer = model.weights(x), model.layer
    close(weights.sum(-1), torch.ones(2, 2, T, dtype=torch.float64))
    _, _, value = layer.attention.split(layer.norms[0](x))
    x = x + layer.attention.merge(rearrange(weights @ value, "b head t d -> b t (head d)"))
    x = x + layer.mlp(layer.norms[1](x))
    close(model(clip), model.classify(x.mean(1)))
    with recorded(model) as kept:
        model(clip)
    close(kept["layer.attention"], weights)


def test_clips_of_any_length_where_there_are_no_positions():
    for t in (1, 2, 9):
        assert temporal(positions=False)(rand(2, t, 3, SIZE, SIZE)).shape == (2, CLASSES)


def test_what_is_recorded_is_the_last_pass_and_only_while_it_lasts():
    model, clip = vit("joint"), rand(2, T, 3, SIZE, SIZE)
    with recorded(model) as kept:
        model(rand(3, T, 3, SIZE, SIZE, seed=1))
        before = model(clip)
    assert set(kept) == {"joint.layers.0.attention", "joint.layers.1.attention"}
    assert all(len(each) == 2 for each in kept.values())
    kept.clear()
    assert torch.equal(model(clip), before)
    with pytest.raises(ShapeError), recorded(model):
        model(clip[:, 1:])
    model(clip)
    assert not kept
    assert not any(module._forward_pre_hooks for module in model.modules())
    net = ready(lambda: models.NonLocalNet(CLASSES, stages=(2, 3)))
    with recorded(net) as kept:
        net(clip)
    assert {name: tuple(each.shape) for name, each in kept.items()} == {
        "blocks.3": (2, 1, T * 16, T * 16),
        "blocks.5": (2, 1, T * 4, T * 4),
    }


# Video transformers: who sees whom ------------------------------------------------------------------------------------


@pytest.mark.parametrize("tubelet", [(2, 8, 4), (1, 4, 4), (3, 2, 8)])
def test_tubelets_are_a_strided_3d_convolution(tubelet):
    cut, clip = ready(lambda: Tubelets(10, tubelet)), rand(2, T, 3, SIZE, SIZE)
    kernel = rearrange(cut.filters(), "d t c h w -> d c t h w")
    maps = F.conv3d(rearrange(clip, "b t c h w -> b c t h w"), kernel, cut.project.bias, stride=tubelet)
    close(cut(clip), rearrange(maps, "b d t h w -> b t (h w) d"))
    assert cut.filters().shape == (10, tubelet[0], 3, *tubelet[1:])


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_know_their_place_and_their_moment(kind):
    """A clip whose boxes are all alike: without rows of their own, all tokens would be the same."""
    model, inputs = vit(kind), {}
    for name in ("joint", "divided", "space", "time"):
        if hasattr(model, name):
            hook = lambda module, args, name=name: inputs.__setitem__(name, args[0])  # noqa: E731
            getattr(model, name).register_forward_pre_hook(hook)
    boxes, back = tubes(rand(2, T, 3, SIZE, SIZE))
    model(back(boxes[:, :1, :1].expand_as(boxes)))
    tokens = inputs.get("joint", inputs.get("divided", inputs.get("time")))
    for tokens in inputs.values():
        for i, j in itertools.combinations(range(tokens.shape[1]), 2):
            assert differ(tokens[:, i], tokens[:, j], 0.1)
    assert {name: tokens.shape[1] for name, tokens in inputs.items()} == (
        {"space": 8, "time": 3} if kind == "factorised" else {kind: 24}
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("axis", [1, 2])
def test_positions_tell_moments_and_places_apart(kind, axis):
    """Moments in another order, or places, of the whole clip: seen with positions, exactly unseen without."""
    boxes, back = tubes(rand(2, T, 3, SIZE, SIZE))
    order = torch.randperm(boxes.shape[axis], generator=torch.Generator().manual_seed(1))
    assert not torch.equal(order, order.sort().values)
    mixed = back(boxes.index_select(axis, order))
    for positions in (True, False):
        model = vit(kind, positions=positions)
        if positions:
            assert differ(model(mixed), model(back(boxes)))
        else:
            close(model(mixed), model(back(boxes)), rtol=0, atol=1e-12)


def test_only_joint_attention_lets_boxes_change_moment_unseen():
    """Without positions all tubelets are one set to joint attention; to the others they are sets of sets."""
    boxes, back = tubes(rand(2, T, 3, SIZE, SIZE))
    flat = rearrange(boxes, "b t n k -> b (t n) k")
    order = torch.randperm(24, generator=torch.Generator().manual_seed(0))
    mixed = back(rearrange(flat[:, order], "b (t n) k -> b t n k", t=3))
    for kind in KINDS:
        model = vit(kind, positions=False)
        if kind == "joint":
            close(model(mixed), model(back(boxes)), rtol=0, atol=1e-12)
            tokens = rearrange(model.tokens(back(boxes)), "b t n d -> b (t n) d")
            close(model.joint.layers(tokens[:, order]), model.joint.layers(tokens)[:, order])
        else:
            assert differ(model(mixed), model(back(boxes)))


def test_a_factorised_encoder_mixes_no_moments_before_the_second_encoder():
    model, clip = vit("factorised"), rand(1, T, 3, SIZE, SIZE).requires_grad_()
    moments = model.space(rearrange(model.tokens(clip), "b t n d -> (b t) n d"))
    for t in range(3):
        (gradient,) = torch.autograd.grad(moments[t].square().sum(), clip, retain_graph=True)
        assert [bool(frame.any()) for frame in gradient[0]] == [u // 2 == t for u in range(T)]
        assert (gradient[0, 2 * t : 2 * t + 2].abs().sum(1) > 0).all()  # of its own all
    (gradient,) = torch.autograd.grad(model(clip).square().sum(), clip)
    assert gradient[0].flatten(1).any(1).all()


def test_divided_attention_sees_the_same_place_then_the_same_moment():
    """Token 0 is the class token; tubelet (t, n) is token 1 + 8 t + n."""
    layer, tokens = ready(lambda: DividedLayer(16, 2, 3)), randn(1, 25, 16).requires_grad_()
    time = layer.within("b (t n) d -> (b n) t d", layer.time, tokens)
    space = layer.within("b (t n) d -> (b t) n d", layer.space, tokens)
    for t, n in itertools.product(range(3), range(8)):
        me = 1 + 8 * t + n
        assert seen(time[:, me], tokens) == {0} | {1 + 8 * u + n for u in range(3)}
        assert seen(space[:, me], tokens) == {0} | {1 + 8 * t + m for m in range(8)}
    assert seen(time[:, 0], tokens) == seen(space[:, 0], tokens) == set(range(25))
    assert seen(layer(tokens)[:, 5], tokens) == set(range(25))  # one layer of both is enough to see everything


@pytest.mark.parametrize(("groups", "same"), [("b (t n) d -> (b n) t d", 1), ("b (t n) d -> (b t) n d", 0)])
def test_divided_attention_is_joint_attention_under_a_mask(groups, same):
    layer, tokens = ready(lambda: DividedLayer(16, 2, 3)), randn(2, 25, 16)
    places = torch.stack(torch.meshgrid(torch.arange(3), torch.arange(8), indexing="ij"), -1).reshape(24, 2)[:, same]
    mask = torch.ones(25, 25, dtype=torch.bool)
    mask[1:, 1:] = places[:, None] == places
    masked = rearrange(attend(*layer.time.split(tokens), mask), "b head n d -> b n (head d)")
    close(layer.within(groups, layer.time, tokens)[:, 1:], layer.time.merge(masked)[:, 1:])


def test_a_divided_layer_is_time_then_space_then_mlp():
    layer, x = ready(lambda: DividedLayer(16, 2, 3)), randn(2, 25, 16)
    y = x + layer.within("b (t n) d -> (b n) t d", layer.time, layer.norms[0](x))
    z = y + layer.within("b (t n) d -> (b t) n d", layer.space, layer.norms[1](y))
    close(layer(x), z + layer.mlp(layer.norms[2](z)))
    assert differ(layer(x), y)


def test_an_encoder_answers_with_its_class_token():
    encoder, x = ready(lambda: video_vit.Encoder(16, Layer(16, 2), Layer(16, 2))), randn(2, 5, 16)
    y = torch.cat([encoder.token.expand(2, 1, -1), x], 1)
    close(encoder(x), encoder.norm(encoder.layers[1](encoder.layers[0](y))[:, 0]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("positions", [True, False])
def test_do_video_transformers_use_time(kind, positions):
    """With tubelets of one frame; those of two frames know the order inside of them."""
    report = uses_time(vit(kind, positions=positions, tubelet=(1, 8, 4)), rand(3, T, 3, SIZE, SIZE))
    for trial in ("reverse", "shuffle", "roll"):
        assert report[trial].exact != positions
    for trial in ("freeze", "subsample", "shift"):
        assert not report[trial].exact
    assert not uses_time(vit(kind, positions=False), rand(3, T, 3, SIZE, SIZE))["reverse"].exact


@pytest.mark.parametrize("name", MODELS)
def test_each_clip_of_a_batch_is_answered_for_itself(name):
    model, clips = MODELS[name](), rand(3, T, 3, SIZE, SIZE)
    close(model(clips), torch.cat([model(clip[None]) for clip in clips]))
    assert differ(model(clips)[0], model(clips)[1])
    assert model.float()(clips.float()).dtype == torch.float32


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_has_a_say_and_can_learn(name):
    model = MODELS[name]()
    model(rand(3, T, 3, SIZE, SIZE)).square().sum().backward()
    silent = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


# What they looked at --------------------------------------------------------------------------------------------------


SHAPES = {
    "joint": {"joint": (2, 2, 2, 25, 25)},  # b layer head query key
    "factorised": {"space": (2, 2, 3, 2, 9, 9), "time": (2, 1, 2, 4, 4)},
    "divided": {"time": (2, 2, 8, 2, 4, 4), "space": (2, 2, 3, 2, 9, 9)},
}


@pytest.mark.parametrize("kind", KINDS)
def test_maps_of_every_layer_and_head(kind):
    maps = vit(kind).attention(rand(2, T, 3, SIZE, SIZE))
    assert {name: tuple(each.shape) for name, each in maps.items()} == SHAPES[kind]
    for each in maps.values():
        close(each.sum(-1), torch.ones(each.shape[:-1], dtype=torch.float64))
        assert (each > 0).all()
        assert differ(each[:, 0], each[:, -1]) or each.shape[1] == 1
    keys = {name: each.shape[-1] for name, each in maps.items()}
    assert sum(keys.values()) - (keys["time"] if kind == "factorised" else 0) == comparisons(kind, moments=3, places=8)


def test_maps_of_joint_attention_are_the_ones_used():
    model, clip = vit("joint"), rand(2, T, 3, SIZE, SIZE)
    tokens = rearrange(model.tokens(clip) + model.moment[:, None], "b t n d -> b (t n) d")
    tokens = torch.cat([repeat(model.joint.token, "d -> b 1 d", b=2), tokens], 1)
    maps = model.attention(clip)["joint"]
    for k, layer in enumerate(model.joint.layers):
        close(maps[:, k], layer.attention.weights(layer.norms[0](tokens)))
        tokens = layer(tokens)


@pytest.mark.parametrize("kind", ["factorised", "divided"])
def test_maps_are_filed_under_their_moment_and_place(kind):
    """One tubelet changes, that of moment 1 and place 6: which maps of the first layer change, and in which rows?"""
    model, (boxes, back) = vit(kind), tubes(rand(2, T, 3, SIZE, SIZE))
    other = boxes.clone()
    other[1, 1, 6] = rand(boxes.shape[-1], seed=9)
    before, after = model.attention(back(boxes)), model.attention(back(other))
    moved = {name: (after[name] - before[name]).abs().amax((-1, -3))[:, 0] > 1e-9 for name in after}  # b group query
    if kind == "divided":
        assert moved["time"].nonzero().tolist() == [[1, 6, q] for q in range(4)]
        assert moved["space"][1].all()  # by now every place of that moment … and, by the class token, of all moments
        assert not moved["space"][0].any()
    else:
        assert moved["space"].nonzero().tolist() == [[1, 1, q] for q in range(9)]
        assert (after["time"] - before["time"])[0].abs().max() == 0
        assert (after["time"] - before["time"])[1].abs().max() > 1e-9


def test_rollout_is_its_equation():
    maps = randn(2, 3, 2, 5, 5).softmax(-1)
    product = torch.eye(5, dtype=torch.float64).expand(2, 5, 5)
    for layer in range(3):
        mean = sum(maps[:, layer, head] for head in range(2)) / 2
        product = (0.5 * mean + 0.5 * torch.eye(5, dtype=torch.float64)) @ product
    close(rollout(maps), product)
    close(rollout(maps).sum(-1), torch.ones(2, 5, dtype=torch.float64))
    assert differ(rollout(maps.flip(1)), rollout(maps))
    itself = torch.eye(5).expand(1, 4, 2, 5, 5)
    assert torch.equal(rollout(itself)[0], torch.eye(5))


@pytest.mark.parametrize(("axis", "groups"), [("time", "b (t n) d -> (b n) t d"), ("space", "b (t n) d -> (b t) n d")])
def test_divided_maps_as_one_matrix_do_what_the_attention_does(axis, groups):
    """Where values are the tokens themselves, attention is the product with that matrix."""
    layer, tokens = ready(lambda: DividedLayer(16, 1, 3)), randn(2, 25, 16)
    layer.time.project.weight.data[32:], layer.time.project.bias.data[32:] = torch.eye(16), 0
    layer.time.merge.weight.data[:], layer.time.merge.bias.data[:] = torch.eye(16), 0
    with recorded(layer) as kept:
        answer = layer.within(groups, layer.time, tokens)
    matrix = among_all(rearrange(kept["time"], "(b g) head q k -> b 1 g head q k", b=2), axis)[:, 0]
    assert matrix.shape == (2, 25, 25)
    close(matrix @ tokens, answer)
    close(matrix.sum(-1), torch.ones(2, 25, dtype=torch.float64))


def test_look_of_joint_attention_is_the_class_tokens_row():
    model, clip = vit("joint"), rand(2, T, 3, SIZE, SIZE)
    row = rollout(model.attention(clip)["joint"])[:, 0, 1:]
    close(model.look(clip).reshape(2, 24), row / row.sum(1, keepdim=True))


def test_look_of_a_factorised_encoder_is_what_the_moment_has_times_what_the_place_has_of_it():
    model, clip = vit("factorised"), rand(2, T, 3, SIZE, SIZE)
    maps, look = model.attention(clip), model.look(clip)
    for b in range(2):
        of_moments = rollout(maps["time"])[b, 0, 1:]
        for t in range(3):
            of_places = rollout(maps["space"][:, :, t])[b, 0, 1:]
            expected = of_moments[t] * of_places
            close(
                look[b, t].flatten() / look[b, 0, 0, 0],
                expected / (of_moments[0] * rollout(maps["space"][:, :, 0])[b, 0, 1]),
            )


@pytest.mark.parametrize("kind", KINDS)
def test_look_finds_the_tubelet_that_all_look_at(kind):
    """All class tokens attend to moment 2 and place 5 of 2 × 4: in the second row, the second from the left."""
    model, clip, maps = vit(kind), rand(2, T, 3, SIZE, SIZE), {}
    for name, shape in SHAPES[kind].items():
        maps[name] = torch.eye(shape[-1], dtype=torch.float64).expand(shape).clone()
        maps[name][..., 0, :] = 0
    if kind == "joint":
        maps["joint"][..., 0, 1 + 8 * 2 + 5] = 1
    else:
        maps["time"][..., 0, 1 + 2] = 1
        maps["space"][..., 0, 1 + 5] = 1
    if kind == "divided":  # of the groups that are not meant, the class token asks only itself
        others = [n for n in range(8) if n != 5]
        maps["time"][:, :, others, :, 0] = torch.eye(4, dtype=torch.float64)[0]
        maps["space"][:, :, [0, 1], :, 0] = torch.eye(9, dtype=torch.float64)[0]
    model.attention = lambda clip: maps
    expected = torch.zeros(2, 3, 2, 4, dtype=torch.float64)
    expected[:, 2, 1, 1] = 1
    close(model.look(clip), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_looks_share_out_one(kind):
    look = vit(kind).look(rand(2, T, 3, SIZE, SIZE))
    assert look.shape == (2, 3, 2, 4)
    close(look.sum((1, 2, 3)), torch.ones(2, dtype=torch.float64))
    assert (look > 0).all()


@pytest.mark.parametrize(("moments", "places"), [(8, 196), (96, 196), (3, 8)])
def test_comparisons_of_a_patch(moments, places):
    """Bertasius et al. 2021, section 3.1: N F + 1 against N + F + 2."""
    assert comparisons("joint", moments=moments, places=places) == places * moments + 1
    assert comparisons("divided", moments=moments, places=places) == places + moments + 2
    assert comparisons("factorised", moments=moments, places=places) == places + 1


# As published ---------------------------------------------------------------------------------------------------------


def test_where_the_published_parameters_are():
    model = build("vivit")
    layer = 4 * 768**2 + 4 * 768 + 8 * 768**2 + 5 * 768 + 4 * 768  # attention, MLP, two norms, with all biases
    assert parameters(model, "layers") == 12 * layer
    assert model.positions.shape == (1 + 16 * 14 * 14, 768)
    assert parameters(model, "tubelets") == (2 * 16 * 16 * 3 + 1) * 768
    assert parameters(model) == 88_954_000
    counts = {kind: parameters(build("timesformer", kind=kind)) for kind in ("space", "joint", "divided")}
    assert counts["joint"] - counts["space"] == 8 * 768
    more = (2 * 768) + 4 * (768**2 + 768) + (768**2 + 768)  # a norm, attention over time, a linear layer
    assert counts["divided"] - counts["joint"] == 12 * more
    assert parameters(build("timesformer", classes=1000, kind="space")) == 86_567_656  # ViT-B/16 on ImageNet
    assert parameters(build("vivit", frames=2, classes=10)) == 88_954_000 - 15 * 196 * 768 - 390 * 769


@pytest.fixture
def little(monkeypatch):
    """The published models, small: 4 frames of 8 × 8, patches of 4 × 4, two layers of two heads."""
    for module, box in ((published.vivit, (2, 4, 4)), (published.timesformer, (1, 4, 4))):
        module = __import__(module.__module__, fromlist=["DIM"])
        monkeypatch.setattr(module, "SIZE", 8)
        monkeypatch.setattr(module, "TUBELET" if "vivit" in module.__name__ else "PATCH", box)
        for name, value in {"DIM": 8, "DEPTH": 2, "HEADS": 2}.items():
            monkeypatch.setattr(module, name, value)

    def make(build, **options):
        model = ready(lambda: build(classes=3, frames=4, **options))
        for parameter in model.parameters(recurse=False):
            parameter.data = randn(*parameter.shape)
        return model

    return make


def test_published_models_run_and_know_order_or_do_not(little):
    clip = rand(2, 4, 3, 8, 8)
    for model, blind in (
        (little(vivit), False),
        (little(timesformer), False),
        (little(timesformer, kind="joint"), False),
        (little(timesformer, kind="space"), True),
    ):
        report = uses_time(model, clip)
        assert model(clip).shape == (2, 3)
        assert report["reverse"].exact == report["shuffle"].exact == blind
        close(model(clip), torch.cat([model(each[None]) for each in clip]))
    boxes, back = tubes(clip, (1, 4, 4))
    for kind in ("joint", "divided", "space"):
        model = little(timesformer, kind=kind)
        assert differ(model(back(boxes.flip(2))), model(clip))


def test_in_vivit_every_tubelet_has_a_row_of_its_own(little):
    model, inputs = little(vivit), []
    model.layers.register_forward_pre_hook(lambda module, args: inputs.append(args[0]))
    model(rand(1, 1, 3, 1, 1).expand(1, 4, 3, 8, 8))
    assert inputs[0].shape == (1, 9, 8)
    close(inputs[0][0, 1:] - inputs[0][0, 1], model.positions[1:] - model.positions[1], atol=1e-9)


def test_at_first_only_the_first_layer_of_timesformer_looks_over_time(little):
    """Then a divided layer is that of the picture transformer, shown each frame with one class token for all."""
    model = little(timesformer)
    first, second = published.timesformer(classes=3, frames=4).layers
    assert first.time_linear.weight.any()
    assert not second.time_linear.weight.any()
    assert not second.time_linear.bias.any()
    layer = model.layers[0]
    tokens = randn(1, 17, 8).requires_grad_()
    assert seen(layer(tokens)[:, 6], tokens) == set(range(17))
    layer.time_linear.weight.data.zero_()
    assert seen(layer(tokens)[:, 6], tokens) == {0, 5, 6, 7, 8}  # the class token and the four places of moment 1
    one = ready(lambda: type(layer)(1))
    one.time_linear.weight.data.zero_()
    one.time_linear.bias.data.zero_()
    plain = ready(lambda: Layer(8, 2))
    plain.load_state_dict({key: value for key, value in one.state_dict().items() if "time" not in key})
    close(one(tokens[:, :5]), plain(tokens[:, :5]))
    four = ready(
        lambda: type(layer)(4)
    )  # four times the same frame: the class token has four equal answers, and their mean
    four.load_state_dict(one.state_dict())
    still = torch.cat([tokens[:, :1], tokens[:, 1:5].repeat(1, 4, 1)], dim=1)
    close(four(still), torch.cat([plain(tokens[:, :5])[:, :1], plain(tokens[:, :5])[:, 1:].repeat(1, 4, 1)], dim=1))


def test_in_timesformers_code_the_class_token_takes_no_part_in_time(little):
    layer, tokens = little(timesformer).layers[0], randn(1, 17, 8).requires_grad_()
    with recorded(layer) as kept:
        layer(tokens)
    assert kept["time"].shape == (4, 2, 4, 4)  # at each of four places, four moments
    assert kept["attention"].shape == (4, 2, 5, 5)  # in each of four moments, the class token and four places
    layer.attention.merge.weight.data.zero_()
    assert seen(layer(tokens)[:, 6], tokens) == {2, 6, 10, 14}


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("as_learners_run_it")
def test_what_does_not_fit():
    query, key, value = rand(2, 5, 8), rand(2, 7, 8), rand(2, 7, 3)
    for call in (attend, lambda q, k, v, m=None: attention_weights(q, k, m)):
        refused(lambda call=call: call(query, key[..., :6], value), "(2, 5, 8)", "(2, 7, 6)", "k d")
        refused(lambda call=call: call(query, key[:1], value), "(1, 7, 8)")
        refused(lambda call=call: call(query, key, value, torch.ones(5, 7)), "torch.float32", "torch.bool")
        refused(lambda call=call: call(query, key, value, torch.ones(7, 5) > 0), "(7, 5)", "5 7")
        refused(lambda call=call: call(query, key, value, torch.arange(5)[:, None] < 4 * torch.ones(7)), "all keys")
    refused(lambda: attend(query, key, value[:, :6]), "(2, 6, 3)")


@pytest.mark.usefixtures("as_learners_run_it")
def test_what_cannot_be_built():
    refused(lambda: SelfAttention(10, 4), "4 heads for 10", "Try: heads=2")
    refused(lambda: SelfAttention(8, 0), "0 heads")
    refused(lambda: models.TemporalAttention(4, heads=5), "5 heads for 32")
    refused(lambda: models.NonLocal(7), "7 channels", "even")
    for stages in ((0,), (4,), (2, 2)):
        refused(lambda stages=stages: models.NonLocalNet(4, stages=stages), f"{stages}", "1 to 3", "stages=(2,)")
    refused(lambda: VideoViT(4, kind="space"), "'space'", "joint", "factorised", "divided")
    refused(lambda: VideoViT(4, frames=7), "7 frames of 32 × 32", "2 × 8 × 8", "nothing left over")
    refused(lambda: VideoViT(4, size=30), "8 frames of 30 × 30", "2 × 8 × 8")
    refused(lambda: VideoViT(4, tubelet=(2, 8, 5)), "2 × 8 × 5")
    refused(lambda: VideoViT(4, tubelet=(0, 8, 8)), "(0, 8, 8)", "above 0")
    refused(lambda: VideoViT(4, tubelet=(8, 8)), "(8, 8)")
    refused(lambda: VideoViT(4, dim=30), "4 heads for 30")
    refused(lambda: VideoViT(4, depth=0), "depth=0")
    refused(lambda: comparisons("space", moments=1, places=1), "'space'")
    refused(lambda: among_all(rand(1, 1, 2, 1, 3, 3), "place"), "'place'", "time", "space")
    refused(lambda: vivit(frames=3), "3 frames")
    with pytest.raises(ValueError, match="'divided' or 'joint' or 'space'"):
        timesformer(kind="factorised")


@pytest.mark.usefixtures("as_learners_run_it")
@pytest.mark.parametrize("name", MODELS)
def test_what_is_no_batch_of_float_clips(name):
    model, clips = MODELS[name]().float(), rand(2, T, 3, SIZE, SIZE, dtype=torch.float32)
    refused(lambda: model((255 * clips).byte()), "torch.uint8", "clip.float() / 255")
    refused(lambda: model(clips[0]), f"({T}, 3, {SIZE}, {SIZE})", "clip[None]")
    refused(lambda: model(clips.movedim(2, -1)), f"(2, {T}, {SIZE}, {SIZE}, 3)", "... h w c -> ... c h w")
    refused(lambda: model(clips[:, :0]), "2 clips of 0 frames", "at least one")


@pytest.mark.usefixtures("as_learners_run_it")
@pytest.mark.parametrize("kind", ["temporal", *KINDS])
def test_clips_that_the_model_was_not_built_for(kind):
    model = MODELS[kind]()
    refused(lambda: model(rand(1, T + 2, 3, SIZE, SIZE)), f"{T + 2} frames", f"{T} frames", f"frames={T + 2}")
    if kind != "temporal":
        for ask in (model, model.attention, model.look):
            refused(lambda ask=ask: ask(rand(1, T, 3, 32, 16)), "32 × 16", "16 × 16", "size=32")
