"""Two streams: what each can see, what every operator of fusion is, and what fusing early or late can know."""

import io
import itertools

import pytest
import torch
from einops import rearrange
from of_models import close, rand, ready, refused
from torch import nn
from torch.nn.functional import conv2d, conv3d

from vidlab import ShapeError, models
from vidlab.models import fusion, two_stream
from vidlab.models.backbone import log_mean
from vidlab.models.over_time import POOLS

CLASSES, T, SIZE = 4, 3, 16
LINEAR = ("sum", "concat", "conv", "conv3")  # in both streams together
COMBINATIONS = [
    (at, how)
    for at in two_stream.SITES[:-1]
    for how in fusion.OPERATORS
    if how != "bilinear" or at in ("block3", "mix", "vector")
] + [("scores", "conv")]


def films(b=2, t=T, size=SIZE, seed=0):
    return rand(b, t, 5, size, size, seed=seed)


def fused(at, how, seed=0, **options):
    return ready(lambda: models.TwoStream(CLASSES, moments=T, at=at, fuse=how, **options), seed)


def over_time(pool, seed=0, **options):
    return ready(lambda: models.TwoStreamOverTime(CLASSES, pool=pool, **options), seed)


def operator(how, channels=5, dims=2, seed=0):
    return ready(lambda: fusion.by_name(how, channels, dims), seed)


def maps(dims=2, channels=5, seed=0):
    shape = (2, channels, *(3, 4, 6)[-dims:])
    return [2 * rand(*shape, seed=seed + k) - 1 for k in (1, 2)]


def seen(answer, film):
    """Which (moment, channel) of `1 t 5 h w` an answer depends on."""
    (gradient,) = torch.autograd.grad(answer.square().sum(), film)
    return {tuple(place) for place in gradient[0].abs().sum((-2, -1)).nonzero().tolist()}


def agree(a, b):
    return torch.allclose(a, b, rtol=1e-9, atol=1e-11)


MODELS = {
    "picture": lambda: models.SpatialStream(CLASSES),
    "flow": lambda: models.TemporalStream(CLASSES, moments=T),
    "scores": lambda: models.TwoStream(CLASSES, moments=T, at="scores"),
    "vectors": lambda: models.TwoStream(CLASSES, moments=T, at="vector", fuse="gated"),
    "maps": lambda: models.TwoStream(CLASSES, moments=T, at="block1"),
    "bilinear": lambda: models.TwoStream(CLASSES, moments=T, fuse="bilinear"),
    "two towers": lambda: models.TwoStream(CLASSES, moments=T, towers=2),
    **{pool: (lambda pool=pool: models.TwoStreamOverTime(CLASSES, pool=pool, span=2, stride=1)) for pool in POOLS},
}


# Operators ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dims", [2, 3])
def test_operators_without_weights_are_their_formulas(dims):
    x_s, x_t = maps(dims)
    close(operator("sum", dims=dims)(x_s, x_t), x_s + x_t)
    close(operator("max", dims=dims)(x_s, x_t), torch.where(x_s > x_t, x_s, x_t))
    close(operator("product", dims=dims)(x_s, x_t), x_s * x_t)
    both = operator("concat", dims=dims)(x_s, x_t)
    close(both[:, :5], x_s)
    close(both[:, 5:], x_t)


@pytest.mark.parametrize("dims", [2, 3])
def test_bilinear_is_the_product_of_two_matrices(dims):
    x_s, x_t = maps(dims)
    pairs = operator("bilinear", dims=dims)(x_s, x_t)
    for b in range(2):
        close(pairs[b].reshape(5, 5), x_s[b].flatten(1) @ x_t[b].flatten(1).T)
    assert pairs.shape == (2, 25, 1, 1)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("how", ["conv", "conv3"])
def test_a_convolution_weighs_both_maps(how, dims):
    op, (x_s, x_t) = operator(how, dims=dims), maps(dims)
    convolve, around = {2: conv2d, 3: conv3d}[dims], op.kernel // 2
    of_s, of_t = op.weigh.weight.split(5, dim=1)
    apart = convolve(x_s, of_s, padding=around) + convolve(x_t, of_t, padding=around)
    close(op(x_s, x_t), apart + op.weigh.bias.reshape(-1, *[1] * dims))
    assert op.weigh.weight.shape == (5, 10, *[{"conv": 1, "conv3": 3}[how]] * dims)
    if (how, dims) == ("conv", 2):
        a, b = of_s[..., 0, 0], of_t[..., 0, 0]
        place = a @ x_s[0, :, 1, 2] + b @ x_t[0, :, 1, 2] + op.weigh.bias
        close(op(x_s, x_t)[0, :, 1, 2], place)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("how", ["conv", "conv3"])
def test_a_convolution_begins_as_the_sum_exactly_and_can_learn(how, dims):
    for seed in range(3):
        torch.manual_seed(seed)
        op, (x_s, x_t) = fusion.by_name(how, 5, dims).double(), maps(dims, seed=seed)
        answer = op(x_s, x_t)
        assert torch.equal(answer, x_s + x_t)
    answer.square().sum().backward()
    assert all((p.grad != 0).all() for p in op.parameters())


def test_at_first_the_network_with_a_convolution_is_the_network_with_the_sum():
    film = films()
    for at in two_stream.SITES[:-1]:
        answers = []
        for how in ("sum", "conv", "conv3"):
            torch.manual_seed(3)
            net = models.TwoStream(CLASSES, moments=T, at=at, fuse=how).double().eval()
            others = fused(at, "sum").state_dict()
            net.load_state_dict(others, strict=False)  # all but the fusion
            answers.append(net(film))
        close(answers[1], answers[0])
        close(answers[2], answers[0])


@pytest.mark.parametrize("dims", [2, 3])
def test_a_gate_says_whom_to_believe(dims):
    op, (x_s, x_t) = operator("gated", dims=dims), maps(dims)
    gate, answer = op.gate(x_s, x_t), op(x_s, x_t)
    assert gate.shape == x_s.shape
    assert ((gate > 0) & (gate < 1)).all()
    assert gate.std() > 0.05  # at each place, for each feature
    close(answer, gate * x_s + (1 - gate) * x_t)
    assert (answer <= torch.maximum(x_s, x_t)).all()
    assert (answer >= torch.minimum(x_s, x_t)).all()
    close(op(x_s, x_s), x_s)  # where both say the same, that is said
    for bias, believed in ((40.0, x_s), (-40.0, x_t)):
        op.weigh.bias.data.fill_(bias)
        close(op(x_s, x_t), believed)


def test_a_gate_begins_half_open():
    zero = torch.zeros(1, 5, 2, 2)
    assert (fusion.by_name("gated", 5).gate(zero, zero) == 0.5).all()


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("how", fusion.OPERATORS)
def test_how_many_channels_come_out_is_said(how, dims):
    op, (x_s, x_t) = operator(how, dims=dims), maps(dims)
    answer = op(x_s, x_t)
    assert answer.shape[:2] == (2, op.dim)
    assert op.dim == {"concat": 10, "bilinear": 25}.get(how, 5)
    assert answer.shape[2:] == ((1, 1) if how == "bilinear" else x_s.shape[2:])
    torch.testing.assert_close(answer[1:], op(x_s[1:], x_t[1:]))  # each for itself


@pytest.mark.parametrize("how", fusion.OPERATORS)
def test_maps_agree_place_by_place(how):
    """Move the places of both maps alike: fused they have moved likewise. One map alone, and something else comes."""
    op, (x_s, x_t) = operator(how), maps()
    order = torch.randperm(24, generator=torch.Generator().manual_seed(0))
    moved = [x.flatten(2)[..., order].reshape(x.shape) for x in (x_s, x_t)]
    answer, both, one = op(x_s, x_t), op(*moved), op(moved[0], x_t)
    assert not agree(one, answer)
    if how == "bilinear":
        assert agree(both, answer)
    else:
        assert agree(both, answer.flatten(2)[..., order].reshape(answer.shape)) == (how != "conv3")


@pytest.mark.parametrize("how", fusion.OPERATORS)
def test_which_operators_are_linear(how):
    """Whether fused = A(x_s) + B(x_t): then a change of the one does not depend on the other."""
    op, (x_s, x_t), (y_s, y_t) = operator(how), maps(), maps(seed=7)
    assert agree(op(x_s, x_t) - op(y_s, x_t), op(x_s, y_t) - op(y_s, y_t)) == (how in LINEAR)


# What is seen ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [1, 2, 5, 6])
def test_the_picture_is_that_of_the_middle_moment_and_flow_is_stacked(t):
    film = films(t=t)
    assert torch.equal(two_stream.picture(film), film[:, t // 2, :3])
    stack = two_stream.flow_stack(film)
    assert stack.shape == (2, 2 * t, SIZE, SIZE)
    for moment in range(t):
        for d in (0, 1):  # u_1 v_1 u_2 v_2 …
            assert torch.equal(stack[:, 2 * moment + d], film[:, moment, 3 + d])


@pytest.mark.parametrize("t", [1, 3, 4])
def test_one_stream_sees_a_picture_and_the_other_sees_flow(t):
    film = films(b=1, t=t).requires_grad_()
    pixels = {(t // 2, c) for c in (0, 1, 2)}
    motion = {(moment, 3 + d) for moment in range(t) for d in (0, 1)}
    assert seen(ready(lambda: models.SpatialStream(CLASSES))(film), film) == pixels
    assert seen(ready(lambda: models.TemporalStream(CLASSES, moments=t))(film), film) == motion
    for at in two_stream.SITES:
        both = ready(lambda at=at: models.TwoStream(CLASSES, moments=t, at=at, fuse="concat"))
        assert seen(both(film), film) == pixels | motion, at
        x_s, x_t = both.maps(film)
        assert seen(x_s, film) == pixels
        assert seen(x_t, film) == motion


def test_each_stream_is_blind_to_what_the_other_one_sees():
    film, other = films(seed=1), films(seed=2)
    repainted, diverted = film.clone(), film.clone()
    repainted[:, :, :3] = other[:, :, :3]
    diverted[:, :, 3:] = other[:, :, 3:]
    diverted[:, :1], diverted[:, 2:] = other[:, :1], other[:, 2:]  # other moments, too
    spatial, temporal = ready(MODELS["picture"]), ready(MODELS["flow"])
    assert torch.equal(spatial(diverted), spatial(film))
    assert torch.equal(temporal(repainted), temporal(film))
    assert not agree(spatial(repainted), spatial(film))
    assert not agree(temporal(diverted), temporal(film))


def test_a_picture_has_no_time_and_flow_has_an_order():
    film = films(t=5)
    spatial, temporal = ready(MODELS["picture"]), ready(lambda: models.TemporalStream(CLASSES, moments=5))
    assert torch.equal(spatial(film.flip(1)), spatial(film))  # the middle stays
    assert torch.equal(spatial(film[:, 2:3]), spatial(film))
    assert not agree(temporal(film.flip(1)), temporal(film))


# Every network --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "how"), COMBINATIONS)
def test_every_network_answers_and_all_of_it_learns(at, how):
    net, film = fused(at, how), films()
    net.zero_grad()
    answer = net(film)
    assert answer.shape == (2, CLASSES)
    assert answer.isfinite().all()
    assert not agree(answer[0], answer[1])
    nn.functional.cross_entropy(answer, torch.tensor([0, 3])).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name
    assert {name.split(".")[0] for name, _ in net.named_parameters()} >= {"spatial", "temporal"}


@pytest.mark.parametrize("name", MODELS)
def test_each_film_of_a_batch_is_answered_for_itself(name):
    model, film = ready(MODELS[name]), films(b=3)
    answer = model(film)
    close(answer, torch.cat([model(each[None]) for each in film]))
    assert (answer[0] - answer[1]).abs().max() > 1e-4
    single = model.float()(film.float())
    assert single.dtype == torch.float32
    close(single.double(), answer, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_how_a_film_lies_in_memory_does_not_matter(name):
    model, film = ready(MODELS[name]), films()
    wide = rand(2, 2 * T, 5, SIZE + 3, SIZE + 2)
    for view in (
        film.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3),
        film.transpose(-1, -2),
        wide[:, ::2, :, 1:-2, 2:],
        film[:, :1].expand(-1, T, -1, -1, -1),
    ):
        before = view.clone()
        assert not view.is_contiguous()
        close(model(view), model(view.contiguous()))
        assert torch.equal(view, before)


@pytest.mark.parametrize("name", MODELS)
def test_a_state_that_was_saved_gives_the_same_answers_in_another_model(name):
    film, first, second = films(), ready(MODELS[name], seed=1), ready(MODELS[name], seed=2)
    assert not agree(first(film), second(film))
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True), strict=True)
    assert torch.equal(first(film), second(film))


def test_one_seed_gives_every_network_the_same_towers():
    """So that nothing but the fusion differs; and trained results hang on this order."""
    towers = []
    for at, how in COMBINATIONS:
        torch.manual_seed(5)
        net = models.TwoStream(CLASSES, moments=T, at=at, fuse=how)
        towers.append(net.spatial.state_dict() | {f"t{k}": v for k, v in net.temporal.state_dict().items()})
    whole = max(towers, key=len)
    for tower in towers:
        assert all(torch.equal(value, whole[name]) for name, value in tower.items())
    torch.manual_seed(5)
    alone = models.SpatialStream(CLASSES).layers.state_dict()
    assert all(torch.equal(whole[name], value) for name, value in alone.items())


@pytest.mark.parametrize(("at", "side", "channels"), [("block1", 16, 8), ("block2", 8, 16), ("block3", 4, 32)])
def test_where_maps_meet_they_have_halved_that_often(at, side, channels):
    x_s, x_t = fused(at, "sum").maps(films(size=32))
    assert x_s.shape == x_t.shape == (2, channels, side, side)


def test_behind_the_mean_over_space_there_is_one_place():
    film = films(size=32)
    mix, vectors = fused("mix", "sum"), fused("vector", "sum")
    mix.load_state_dict(vectors.state_dict(), strict=False)
    assert [x.shape for x in mix.maps(film)] == [(2, 64, 4, 4)] * 2
    assert [x.shape for x in vectors.maps(film)] == [(2, 64, 1, 1)] * 2
    for x, whole in zip(vectors.maps(film), mix.maps(film), strict=True):
        close(x[..., 0, 0], whole.mean((2, 3)))


# What is fused where --------------------------------------------------------------------------------------------------


def test_averaged_scores_are_the_mean_of_two_streams_probabilities():
    net, film = fused("scores", "conv"), films()
    spatial, temporal = ready(MODELS["picture"], seed=3), ready(MODELS["flow"], seed=4)
    net.spatial.load_state_dict(spatial.layers.state_dict())
    net.temporal.load_state_dict(temporal.layers.state_dict())
    net.classify.load_state_dict(spatial.classify.state_dict())
    net.classify_motion.load_state_dict(temporal.classify.state_dict())
    close(net(film).exp(), (spatial(film).softmax(1) + temporal(film).softmax(1)) / 2)


def crossed(net):
    """The answers to two pictures with two flows, each with each: [[z(1, 1), z(1, 2)], [z(2, 1), z(2, 2)]]."""
    one, two = films(seed=1), films(seed=2)
    cross = lambda p, f: torch.cat([p[:, :, :3], f[:, :, 3:]], dim=2)  # noqa: E731
    return [[net(cross(p, f)) for f in (one, two)] for p in (one, two)]


@pytest.mark.parametrize("how", fusion.OPERATORS)
def test_what_is_linear_behind_the_last_layer_is_late_fusion_in_disguise(how):
    """z = z_s(picture) + z_t(flow), a sum of two scores, though maps were fused."""
    (a, b), (c, d) = crossed(fused("mix", how))
    assert agree(a + d, b + c) == (how in LINEAR)
    (a, b), (c, d) = crossed(fused("block3", how))
    assert not agree(a + d, b + c)  # a layer comes after it
    (a, b), (c, d) = crossed(fused("vector", how))
    assert not agree(a + d, b + c)


def test_the_sum_at_mix_is_the_sum_of_two_scores():
    net, film = fused("mix", "sum"), films()
    of = lambda tower, seen: net.classify(tower(seen).mean((2, 3))) - net.classify.bias  # noqa: E731
    apart = of(net.spatial, two_stream.picture(film)) + of(net.temporal, two_stream.flow_stack(film))
    close(net(film), apart + net.classify.bias)


def test_averaged_scores_are_a_sum_of_probabilities():
    (a, b), (c, d) = ([z.exp() for z in row] for row in crossed(fused("scores", "conv")))
    close(a + d, b + c)
    close(a.sum(1), torch.ones(2, dtype=torch.float64))


@pytest.mark.parametrize(("at", "how"), COMBINATIONS)
def test_who_knows_which_moves_where(at, how):
    """Flow is moved away from its picture, by two places of the maps: vectors and scores cannot tell."""
    net, film = fused(at, how), films(size=32)
    elsewhere = torch.cat([film[:, :, :3], film[:, :, 3:].roll((16, -8), (-2, -1))], dim=2)
    blind = at in ("vector", "scores") or (at == "mix" and how in ("sum", "concat", "conv", "conv3"))
    assert agree(net(elsewhere), net(film)) == blind


@pytest.mark.parametrize(("at", "how"), COMBINATIONS)
@pytest.mark.parametrize("border", ["circular", "zeros"])
def test_on_a_stage_that_closes_it_does_not_matter_where_a_film_begins(border, at, how):
    """Eight pixels are one place of the last maps. With zeros around, a network can tell where it is."""
    net, film = fused(at, how, border=border), films(size=32)
    answer = net(film)
    for shift in ((8, 0), (0, -8), (16, 24)):
        assert agree(net(film.roll(shift, (-2, -1))), answer) == (border == "circular")
    assert not agree(net(film.roll(4, -1)), answer)  # strides of 8 do not forgive half a place


def test_streams_alone_close_like_the_stage():
    film = films(size=32)
    for net in (ready(MODELS["picture"]), ready(MODELS["flow"])):
        close(net(film.roll((8, -16), (-2, -1))), net(film))
        assert not agree(net(film.roll(4, -1)), net(film))


@pytest.mark.parametrize("at", two_stream.SITES[:-1])
def test_two_towers_also_keep_to_what_flow_says_alone(at):
    """The answer is the mean of two probabilities; and the fused one is that of one tower, with the same weights."""
    two, one, film = fused(at, "conv", seed=1, towers=2), fused(at, "conv", seed=2), films()
    one.load_state_dict({name: two.state_dict()[name] for name in one.state_dict()})
    x_t = two.rest(two.temporal(two_stream.flow_stack(film))).mean((2, 3))
    close(two(film), log_mean(torch.stack([one(film), two.classify_motion(x_t)], dim=1)))
    alone = ready(MODELS["flow"])
    alone.layers.load_state_dict(nn.Sequential(*two.temporal, *two.rest).state_dict())
    alone.classify.load_state_dict(two.classify_motion.state_dict())
    close(two(film).exp(), (one(film).softmax(1) + alone(film).softmax(1)) / 2)
    assert sum(p.numel() for p in two.parameters()) > sum(p.numel() for p in one.parameters())
    two.zero_grad()
    two(film)[:, 0].sum().backward()
    assert all(p.grad.any() for p in two.parameters())


# Over time ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("span", "stride", "t"), [(3, 2, 15), (3, 2, 8), (2, 1, 5), (1, 1, 3), (4, 4, 9), (3, 2, 3)])
def test_a_moment_is_a_picture_and_the_fields_around_it(span, stride, t):
    net, film = over_time("3d", span=span, stride=stride), films(b=1, t=t).requires_grad_()
    moments = (t - span) // stride + 1
    assert net.streams(film)[0].shape == net.streams(film)[1].shape == (1, 32, moments, 2, 2)
    for k in range(moments):
        x_s, x_t = net.streams(film)
        first = k * stride
        assert seen(x_s[:, :, k], film) == {(first + span // 2, c) for c in (0, 1, 2)}
        x_s, x_t = net.streams(film)
        assert seen(x_t[:, :, k], film) == {(first + m, 3 + d) for m in range(span) for d in (0, 1)}


def test_each_moment_is_seen_by_the_same_two_streams():
    net, film = over_time("2d"), films(t=9)
    x_s, x_t = net.streams(film)
    for k in range(4):
        window = film[:, 2 * k : 2 * k + 3]
        close(x_s[:, :, k], net.spatial(two_stream.picture(window)))
        close(x_t[:, :, k], net.temporal(two_stream.flow_stack(window)))


@pytest.mark.parametrize("pool", POOLS)
def test_fusion_over_time_begins_as_the_sum(pool):
    x_s, x_t = maps(dims=3, channels=32)
    torch.manual_seed(0)
    net = models.TwoStreamOverTime(CLASSES, pool=pool).double()
    assert torch.equal(net.fuse(x_s, x_t), x_s + x_t)


@pytest.mark.parametrize("pool", POOLS)
def test_only_a_convolution_over_time_knows_the_order_of_its_moments(pool):
    net, film = over_time(pool, stride=3), films(t=15)  # five moments that share no field
    answer = net(film)
    for order in itertools.islice(itertools.permutations(range(5)), 1, 120, 17):
        mixed = rearrange(
            rearrange(film, "b (k s) c h w -> b k s c h w", s=3)[:, list(order)], "b k s ... -> b (k s) ..."
        )
        assert agree(net(mixed), answer) == (pool != "conv3d"), order
        maps = net.fuse(*(x[:, :, list(order)] for x in net.streams(film)))
        close(net.pooled(maps), net(mixed))
    assert not agree(net(film.flip(1)), answer)  # inside of a moment all know it


@pytest.mark.parametrize("pool", POOLS)
def test_which_moments_a_fused_map_is_made_of(pool):
    x_s, x_t = (x.requires_grad_() for x in maps(dims=3, channels=32))
    net = over_time(pool)
    for x in (x_s, x_t):
        (gradient,) = torch.autograd.grad(net.fuse(x_s, x_t)[:, :, 0].sum(), x)
        assert gradient.abs().sum((0, 1, 3, 4)).nonzero()[:, 0].tolist() == ([0, 1] if pool == "conv3d" else [0])


@pytest.mark.parametrize("pool", POOLS)
def test_over_time_too_it_does_not_matter_where_a_film_begins(pool):
    """Sixteen pixels are one place of the maps, pooled two by two. Time does not close."""
    net, film = over_time(pool), films(t=7, size=32)
    answer = net(film)
    for shift in ((16, 0), (0, -16), (16, 16)):
        assert agree(net(film.roll(shift, (-2, -1))), answer)
    assert not agree(net(film.roll(1, 1)), answer)


def test_pooled_over_space_each_moment_answers_alone():
    net, film = over_time("2d"), films(t=9)
    each = [net(film[:, 2 * k : 2 * k + 3]).softmax(1) for k in range(4)]
    close(net(film).exp(), sum(each) / 4)


@pytest.mark.parametrize("pool", ["3d", "conv3d"])
def test_pooled_over_space_and_time_the_strongest_response_counts(pool):
    net, film = over_time(pool), films(t=9, size=32)
    volume = net.after(net.fuse(*net.streams(film)))
    strongest = rearrange(volume, "b d k (h i) (w j) -> b d h w (k i j)", i=2, j=2).amax(-1)
    close(net(film), net.classify(net.mix(strongest).mean((2, 3))))
    weak = volume.detach() * 0.5
    close(
        net.answer(strongest),
        net.answer(torch.cat([volume, weak], dim=2).amax(2).unfold(2, 2, 2).unfold(3, 2, 2).amax((-1, -2))),
    )


@pytest.mark.parametrize("pool", POOLS)
def test_all_of_a_network_over_time_learns(pool):
    net = over_time(pool)
    answer = net(films(t=7, size=32))
    assert answer.shape == (2, CLASSES)
    nn.functional.cross_entropy(answer, torch.tensor([0, 3])).backward()
    assert all(p.grad.any() for p in net.parameters())


@pytest.mark.parametrize("pool", ["2d", "3d"])
def test_over_time_too_a_film_may_begin_anywhere(pool):
    net, film = over_time(pool), films(t=5, size=32)
    answer = net(film)
    close(net(film.roll((16, -16), (-2, -1))), answer)  # pooled, a place is twice as large
    assert not agree(net(film.roll(8, -1)), answer)


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("as_learners_run_it")
@pytest.mark.parametrize("name", MODELS)
def test_what_is_no_batch_of_films_with_flow(name):
    model, film = ready(MODELS[name], dtype=torch.float32), films().float()
    refused(lambda: model(film[0]), f"({T}, 5, {SIZE}, {SIZE})", "b t 5 h w", "vidlab.flow.film(")
    refused(lambda: model(film[:, :, :3]), f"(2, {T}, 3, {SIZE}, {SIZE})", "b t 5 h w")
    refused(lambda: model(film.movedim(2, -1)), f"(2, {T}, {SIZE}, {SIZE}, 5)", "b t 5 h w")
    refused(lambda: model(film[:0]), f"(0, {T}, 5", "b t 5 h w")
    refused(lambda: model(film[..., :0]), f"{SIZE}, 0)", "b t 5 h w")
    refused(lambda: model((255 * film).byte()), "torch.uint8", "[0, 1]", "film.float() / 255")
    refused(lambda: model(film.tolist()), "()", "b t 5 h w")


@pytest.mark.usefixtures("as_learners_run_it")
@pytest.mark.parametrize("name", ["flow", "scores", "vectors", "maps", "bilinear", "two towers"])
def test_another_number_of_moments_than_the_model_was_built_for(name):
    model = ready(MODELS[name])
    for t in (T - 1, T + 1):
        refused(lambda t=t: model(films(t=t)), f"{t} moments", f"{T} moments", f"moments={t}", "less than")


@pytest.mark.usefixtures("as_learners_run_it")
@pytest.mark.parametrize("pool", POOLS)
def test_a_film_too_short_for_a_moment(pool):
    refused(lambda: over_time(pool, span=4)(films(t=3)), "3 moments", "at least 4")
    refused(lambda: over_time(pool)(films(t=7, size=8)), "8 × 8 pixels", "more than 8", "32 × 32")
    assert over_time(pool)(films(t=7, size=9)).isfinite().all()
    assert over_time(pool, span=4)(films(t=4)).shape == (2, CLASSES)


@pytest.mark.usefixtures("as_learners_run_it")
@pytest.mark.parametrize("how", fusion.OPERATORS)
def test_maps_of_different_layers(how):
    x_s, x_t = maps()
    for other in (x_t[:, :4], x_t[..., :3], x_t[:1]):
        refused(lambda other=other: operator(how)(x_s, other), str(tuple(other.shape)), "one shape", "the same layer")


def test_what_cannot_be_built():
    refused(lambda: models.TwoStream(4, fuse="add", at="scores"), "'add'")
    refused(lambda: models.TwoStream(4, fuse="add"), "'add'", *map(repr, fusion.OPERATORS), "Try:")
    refused(lambda: fusion.by_name("Sum", 3), "'Sum'", "'sum'")
    for at in ("block4", "middle", ""):
        refused(lambda at=at: models.TwoStream(4, at=at), repr(at), *two_stream.SITES)
    for towers in (0, 3):
        refused(lambda towers=towers: models.TwoStream(4, towers=towers), f"towers={towers}", "1 or 2")
    for at in ("block1", "block2"):
        refused(lambda at=at: models.TwoStream(4, at=at, fuse="bilinear"), "bilinear", at, "later", 'at="block3"')
    refused(lambda: models.TwoStreamOverTime(4, pool="4d"), "'4d'", *map(repr, POOLS), "Try:")
    refused(lambda: models.TwoStreamOverTime(4, span=0), "span=0", "at least 1")
    refused(lambda: models.TwoStreamOverTime(4, stride=0), "stride=0", "at least 1")
    for make in (models.TwoStream, models.TemporalStream):
        refused(lambda make=make: make(4, moments=0), "0 channels", "1 moment or more", "moments=5")
    refused(lambda: models.TwoStream(4, border="mirror"), "'mirror'")
    refused(lambda: fusion.by_name("conv3", 3, border="mirror"), "'mirror'", "zeros", "circular")
    with pytest.raises(ShapeError, match="fuse='mean'"):
        models.DifferenceStream(4, fuse="mean")
