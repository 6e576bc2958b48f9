"""Motion made inside of a network: flow that is learned from frames alone, and features that change."""

import pytest
import torch
from of_models import close, rand, ready, refused

from vidlab import flow, models, worlds
from vidlab.models import fusion, motion_net
from vidlab.models.motion_net import charbonnier, reconstruction, smoothness, ssim, unsupervised_loss
from vidlab.training import fit
from vidlab.worlds import World

CLASSES, T, SIZE = 4, 4, 16
FLOOR = 1e-3**0.9  # ρ(0)


def exactly(number):
    return torch.tensor(number, dtype=torch.float64)


def clips(b=2, t=T, size=SIZE, seed=0):
    return rand(b, t, 3, size, size, seed=seed)


def motion(seed=0, scale=300.0):
    """A MotionNet as after training, when it says something: flow of a pixel or so."""
    net = ready(models.MotionNet, seed)
    net.flow.weight.data.mul_(scale)
    return net


def hidden(stream=lambda: models.TwoStream(CLASSES, moments=T - 1), seed=0):
    net = models.HiddenTwoStream(motion(seed), ready(stream, seed))
    net.zero_grad()
    return net


def differences(seed=0, **options):
    return ready(lambda: models.DifferenceStream(CLASSES, frames=T, **options), seed)


def texture(u, v, size=40, seed=3):
    """Two frames of a texture that moves as a whole, and the flow `1 2 h w`."""
    world = worlds.moving_texture(worlds.translation(u, v, frames=2), size=size, seed=seed)
    return world.clip[:, 0].double(), world.clip[:, 1].double(), world.flow[:, 0].double()


def agree(a, b):
    return torch.allclose(a, b, rtol=1e-9, atol=1e-11)


def seen(answer, clip):
    """Which frames of `1 t c h w` an answer depends on."""
    (gradient,) = torch.autograd.grad(answer.square().sum(), clip)
    return gradient[0].abs().sum((1, 2, 3)).nonzero()[:, 0].tolist()


MODELS = {
    "differences": differences,
    "differences and a picture": lambda seed=0: differences(seed, fuse="conv"),
    "hidden flow": lambda seed=0: hidden(lambda: models.TemporalStream(CLASSES, moments=T - 1), seed),
    "hidden two-stream": lambda seed=0: hidden(seed=seed),
}


# The terms of the loss ------------------------------------------------------------------------------------------------


def test_charbonnier_is_its_formula():
    x = torch.linspace(-3, 3, 601, dtype=torch.float64)
    for alpha in (0.25, 0.45, 0.5, 1.0):
        close(charbonnier(x, alpha), exactly([(each**2 + 1e-6) ** alpha for each in x.tolist()]))
    close(charbonnier(x), charbonnier(x, 0.45))
    close(charbonnier(x, 0.5), x.abs(), atol=1.001e-3)  # about |x| …
    near = torch.tensor([-1e-4, 0.0, 1e-4], dtype=torch.float64, requires_grad=True)
    charbonnier(near, 0.5).sum().backward()
    close(near.grad, exactly([-0.0995, 0.0, 0.0995]), atol=1e-4)  # … and smooth at 0
    rise = charbonnier(x).diff()
    assert (rise[300:] > 0).all()
    close(charbonnier(-x), charbonnier(x))
    assert charbonnier(x[-1:] * 10) < 10 * charbonnier(x[-1:])  # a large error counts less than its size


@pytest.mark.parametrize(("u", "v"), [(1.0, 0.0), (0.0, -2.0), (0.7, -1.3), (-1.6, 0.4)])
def test_the_true_flow_of_a_texture_rebuilds_it(u, v):
    first, second, truth = texture(u, v)
    found, back = reconstruction(first, second, truth)
    seen = flow.inside(truth).expand_as(first)
    close(back, flow.warp(second, truth, "bilinear"))
    assert (back - first)[seen].abs().mean() < 0.005
    assert 0.999 * FLOOR < found < 4 * FLOOR
    for wrong in (0 * truth, -truth, truth.flip(1), 0.5 * truth):
        assert reconstruction(first, second, wrong)[0] > 3 * found


def test_whole_pixels_are_rebuilt_exactly_and_what_leaves_the_frame_does_not_count():
    first = rand(1, 3, 12, 12)
    second, by_two = first.roll(2, -1), torch.zeros(1, 2, 12, 12, dtype=torch.float64)
    by_two[:, 0] = 2
    close(reconstruction(first, second, by_two)[0], exactly(FLOOR))
    spoiled = first.clone()
    spoiled[..., -2:] = 7  # their flow ends outside
    close(reconstruction(spoiled, second, by_two)[0], exactly(FLOOR))
    spoiled[..., 0, 9] += 1  # of 10 × 12 pixels one, in three colours
    more = (charbonnier(exactly(1.0)) - FLOOR) / 120
    close(reconstruction(spoiled, second, by_two)[0], FLOOR + more)


def test_where_all_leaves_the_frame_there_is_no_error_to_divide_by():
    far = torch.full((2, 2, 8, 8), 100.0, dtype=torch.float64, requires_grad=True)
    lost, _ = reconstruction(rand(2, 3, 8, 8), rand(2, 3, 8, 8, seed=1), far)
    assert lost == 0
    lost.backward()
    assert far.grad.isfinite().all()


def test_smooth_is_what_does_not_change_from_pixel_to_pixel():
    constant = torch.tensor([1.5, -0.5]).double()[None, :, None, None].expand(2, 2, 9, 7)
    close(smoothness(constant), exactly(2 * FLOOR))
    y, x = torch.meshgrid(torch.arange(9.0), torch.arange(7.0), indexing="ij")
    ramps = torch.stack([0.3 * x + 0.1 * y, -0.2 * x]).double()[None]
    rho = lambda slope: (slope**2 + 1e-6) ** 0.45  # noqa: E731
    close(smoothness(ramps), exactly((rho(0.3) + rho(0.2)) / 2 + (rho(0.1) + rho(0)) / 2), rtol=1e-5)
    rough = rand(2, 2, 9, 7)
    close(smoothness(rough + constant), smoothness(rough))
    close(smoothness(rough.transpose(-1, -2)), smoothness(rough))
    assert smoothness(2 * rough) > smoothness(rough) > smoothness(constant)


def test_equal_pictures_are_alike_and_no_two_are_more_or_less_than_that():
    one, two = rand(3, 3, 14, 11), rand(3, 3, 14, 11, seed=1)
    assert ssim(one, two).shape == (3, 3, 10, 7)
    assert ssim(one, two, window=3).shape == (3, 3, 12, 9)
    close(ssim(one, one), torch.ones(3, 3, 10, 7).double())
    close(ssim(one, two), ssim(two, one))
    for other in (two, 1 - one, 0 * one, one + 0.3, 100 * two, one.flip(-1)):
        found = ssim(one, other)
        assert (found <= 1).all()
        assert (found >= -1).all()
        assert found.mean() < 0.99
    pattern = (rand(1, 1, 5, 5) > 0.5).double() - 0.5
    pattern = pattern - pattern.mean()
    close(ssim(pattern, -pattern), torch.full((1, 1, 1, 1), -1.0).double(), rtol=0.01)


def test_likeness_is_a_product_of_means_and_of_contrast_and_pattern():
    """Equation 13 of the paper, in one window by hand."""
    one, two = rand(1, 1, 5, 5), rand(1, 1, 5, 5, seed=1)
    a, b = one.flatten().tolist(), two.flatten().tolist()
    mean = lambda x: sum(x) / 25  # noqa: E731
    m1, m2 = mean(a), mean(b)
    v1, v2 = mean([(x - m1) ** 2 for x in a]), mean([(x - m2) ** 2 for x in b])
    both = mean([(x - m1) * (y - m2) for x, y in zip(a, b, strict=True)])
    by_hand = (2 * m1 * m2 + 1e-4) * (2 * both + 9e-4) / ((m1**2 + m2**2 + 1e-4) * (v1 + v2 + 9e-4))
    close(ssim(one, two).squeeze(), exactly(by_hand))


def test_the_loss_is_the_sum_of_three_terms():
    clip, said = clips(t=3), rand(2, 2, 2, SIZE, SIZE) - 0.5
    pairs = [(clip[b, m][None], clip[b, m + 1][None], said[b, m][None]) for b in range(2) for m in range(2)]
    first, second, fields = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    rebuilt, back = reconstruction(first, second, fields)
    unlike = 1 - ssim(first, back).mean()
    close(unsupervised_loss(said, clip), rebuilt + 0.3 * smoothness(fields) + unlike)
    close(unsupervised_loss(said, clip, smooth=2.0, structure=0.5), rebuilt + 2 * smoothness(fields) + 0.5 * unlike)
    close(unsupervised_loss(said, clip, smooth=0.0, structure=0.0), rebuilt)
    close(unsupervised_loss(said, clip, torch.tensor([1, 2])), unsupervised_loss(said, clip))  # labels say nothing


@pytest.mark.parametrize("terms", [{}, {"smooth": 0.0}, {"smooth": 0.0, "structure": 0.0}])
def test_the_truth_of_a_world_costs_less_than_any_other_flow(terms):
    scenes = World(frames=4).sample(12, seed=5)
    clip, truth = scenes.clip.float() / 255, scenes.flow
    right = unsupervised_loss(truth, clip, **terms)
    wrong = {"at rest": 0 * truth, "negative": -truth, "transposed": truth.flip(2), "of others": truth.roll(1, 0)}
    for name, other in wrong.items():
        assert unsupervised_loss(other, clip, **terms) > 1.1 * right, name
    assert unsupervised_loss(truth / 2, clip, **terms) > 1.03 * right


def test_without_structure_smoothness_has_its_way():
    """Most pixels are at rest, and the truth is rough at every outline: then rest costs less."""
    scenes = World(frames=4).sample(12, seed=5)
    clip, truth = scenes.clip.float() / 255, scenes.flow
    assert unsupervised_loss(0 * truth, clip, structure=0.0) < unsupervised_loss(truth, clip, structure=0.0)
    assert unsupervised_loss(0 * truth, clip, smooth=9.0) < unsupervised_loss(truth, clip, smooth=9.0)


def test_the_loss_pulls_the_flow_towards_the_truth():
    """From rest, before anything is known: the texture went right and up."""
    first, second, truth = texture(0.5, -0.3)
    said = torch.zeros_like(truth)[:, None].requires_grad_()
    unsupervised_loss(said, torch.stack([first, second], dim=1)).backward()
    u, v = -said.grad.sum((0, 1, 3, 4))
    assert u > 0 > v


# MotionNet ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("t", "h", "w"), [(2, 32, 32), (5, 16, 24), (3, 17, 30), (2, 9, 7), (2, 1, 2)])
def test_a_field_for_each_pair_of_frames_at_full_size(t, h, w):
    said = motion()(rand(2, t, 3, h, w))
    assert said.shape == (2, t - 1, 2, h, w)
    assert said.isfinite().all()


def test_every_pair_is_looked_at_alike_and_alone():
    net, clip = motion(), clips(t=5)
    said = net(clip)
    for b in range(2):
        for moment in range(4):
            close(net(clip[b : b + 1, moment : moment + 2])[0, 0], said[b, moment])
    assert not agree(net(clip.flip(1)).flip(1), said)  # it knows which frame is first
    one = clip[:1].requires_grad_()
    assert seen(net(one)[:, 2], one) == [2, 3]


@pytest.mark.parametrize("seed", range(4))
def test_it_begins_at_rest(seed):
    torch.manual_seed(seed)
    net = models.MotionNet()
    assert net(clips(size=32, seed=seed).float()).abs().max() < 0.05


def test_no_flow_is_larger_than_its_reach():
    wild, clip = motion(scale=1e6), clips(size=32)
    said = wild(clip)
    assert motion_net.REACH - 0.01 < said.abs().max() <= motion_net.REACH
    assert said.min() < -1
    assert 0.05 < motion()(clip).abs().mean() < 3  # of the one of these tests
    assert motion_net.REACH == flow.films.REACH, "what it says fits into a film"


@pytest.mark.parametrize(
    ("cut", "open_"),
    [
        (["below"], True),
        (["half", "eighth"], True),
        (["half", "quarter"], True),
        (["half", "eighth", "quarter"], False),
    ],
)
def test_on_the_way_up_each_level_sees_what_was_there_on_the_way_down(cut, open_):
    """Three ways lead from the frames to the flow: one of them is enough, and there is no fourth."""
    net, clip = motion(), clips(b=1, t=2, size=32).requires_grad_()
    into_half, into_quarter = net.up_half[0].weight.data, net.up_quarter[0].weight.data  # what comes from below first
    ways = {"below": into_half[:, :32], "half": into_half[:, 32:]}
    ways |= {"eighth": into_quarter[:, :48], "quarter": into_quarter[:, 48:]}
    assert (into_half.shape[1], into_quarter.shape[1]) == (32 + 16, 48 + 32)
    for name in cut:
        ways[name].zero_()
    assert seen(net(clip), clip) == ([0, 1] if open_ else [])


def test_all_of_it_learns_from_frames_alone():
    net, clip = motion(scale=30.0), clips(size=32)
    unsupervised_loss(net(clip), clip).backward()
    assert all(p.grad.any() for p in net.parameters())


def test_a_few_steps_make_the_loss_smaller():
    world = World(frames=3, size=24, noise=0.0)
    torch.manual_seed(0)
    net, clip = models.MotionNet(widths=(8, 8, 8)), world.sample(16, seed=0).clip
    history = fit(net, clip, loss=unsupervised_loss, steps=40, batch=8, lr=1e-2, seed=0, progress=False, device="cpu")
    assert sum(history.losses[-5:]) < 0.95 * sum(history.losses[:5])
    assert net(clip.float() / 255).abs().max() > 0.2


# Hidden flow ----------------------------------------------------------------------------------------------------------


def given_flow(net, clip):
    """The film that the stream inside of a hidden two-stream network is given."""
    films = []
    hook = net.stream.register_forward_hook(lambda module, args, answer: films.append(args[0]))
    net(clip)
    hook.remove()
    return films[0]


def test_a_stream_sees_hidden_flow_as_if_it_were_given():
    net, clip = hidden(), clips()
    film, said = given_flow(net, clip), net.motion(clip)
    assert film.shape == (2, T - 1, 5, SIZE, SIZE)
    close(film[:, :, :3], clip[:, :-1])
    close(film[:, :, 3:], 0.5 + said / 8)
    close(net(clip), net.stream(film))
    stored = flow.film((255 * clip).round().byte(), said.float())
    assert (film - stored / 255).abs().max() < 0.51 / 255


def test_what_a_stream_is_given_stays_in_range():
    net = models.HiddenTwoStream(motion(scale=1e6), ready(lambda: models.TwoStream(CLASSES, moments=T - 1)))
    film = given_flow(net, clips()).detach()
    assert film.min() >= 0
    assert film.max() <= 1
    assert (film[:, :, 3:].max().item(), film[:, :, 3:].min().item()) == pytest.approx((1, 0))


@pytest.mark.parametrize("name", ["hidden flow", "hidden two-stream"])
def test_what_the_stream_learns_goes_back_into_the_motion_net(name):
    net = MODELS[name]()
    torch.nn.functional.cross_entropy(net(clips()), torch.tensor([0, 3])).backward()
    assert all(p.grad.any() for p in net.parameters())


@pytest.mark.parametrize("name", ["hidden flow", "hidden two-stream"])
def test_a_frozen_motion_net_stays_as_it_is_and_the_stream_learns(name):
    net, labels = MODELS[name]().float(), torch.tensor([0, 3])
    net.motion.requires_grad_(False)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    torch.nn.functional.cross_entropy(net(clips().float()), labels).backward()
    assert all(p.grad is None for p in net.motion.parameters())
    assert all(p.grad.any() for p in net.stream.parameters())
    fit(net, clips().float(), labels, steps=3, batch=2, progress=False, device="cpu")
    changed = {key.split(".")[0] for key, value in net.state_dict().items() if not torch.equal(value, before[key])}
    assert changed == {"stream"}
    net.motion.requires_grad_(True)
    fit(net, clips().float(), labels, steps=3, batch=2, progress=False, device="cpu")
    assert not torch.equal(net.motion.flow.weight, before["motion.flow.weight"])


# Differences ----------------------------------------------------------------------------------------------------------


def test_what_stands_still_is_not_seen_whatever_it_is():
    """Differences of features are 0 then: bright or dark, red or blue. With a picture beside them, it is seen."""
    stills = torch.cat([clips(b=3, t=1), clips(b=1, t=1) + 0.3, torch.zeros(1, 1, 3, SIZE, SIZE)]).expand(
        -1, T, -1, -1, -1
    )
    alone, beside = differences()(stills), differences(fuse="conv")(stills)
    close(alone, alone[:1].expand_as(alone))
    assert (beside[1:] - beside[:1]).abs().amax(1).min() > 1e-4
    moving = differences()(clips())
    assert not agree(moving[0], moving[1])
    assert not agree(moving[0], alone[0])
    flickers = stills * torch.linspace(0.5, 1.5, T).reshape(1, T, 1, 1, 1)
    assert not agree(differences()(flickers)[:4], alone[:4])  # light that changes is no rest


def test_differences_are_of_features_and_stacked():
    net, clip, given = differences(), clips(), []
    net.temporal.register_forward_hook(lambda module, args, answer: given.append(args[0]))
    answer = net(clip)
    x = [net.stem(clip[:, t]) for t in range(T)]
    assert x[0].shape == (2, 8, SIZE // 2, SIZE // 2)
    close(given[0], torch.cat([x[t + 1] - x[t] for t in range(T - 1)], dim=1))
    close(answer, net.classify(net.mix(net.temporal(given[0])).mean((2, 3))))
    backwards = torch.cat([x[t] - x[t + 1] for t in reversed(range(T - 1))], dim=1)
    close(net(clip.flip(1)), net.classify(net.mix(net.temporal(backwards)).mean((2, 3))))
    assert not agree(net(clip.flip(1)), answer)


@pytest.mark.parametrize("how", fusion.OPERATORS)
def test_the_middle_frame_joins_in(how):
    net, clip, given = differences(fuse=how), clips(b=1).requires_grad_(), []
    net.fuse.register_forward_hook(lambda module, args, answer: given.append((args, answer)))
    answer = net(clip)
    (x_s, x_t), fused = given[0]
    assert seen(x_s, clip) == [T // 2]
    net(clip)
    assert seen(given[1][0][1], clip) == list(range(T))
    close(answer, net.classify(net.mix(fused).mean((2, 3))))
    net.zero_grad()
    net(clips())[:, 0].sum().backward()
    assert all(p.grad.any() for p in net.parameters())


@pytest.mark.parametrize("name", ["differences", "differences and a picture"])
def test_on_a_stage_that_closes_a_clip_may_begin_anywhere(name):
    net, clip = MODELS[name](), clips(size=32)
    close(net(clip.roll((8, -16), (-2, -1))), net(clip))
    assert not agree(net(clip.roll(4, -1)), net(clip))


# All of them ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_each_clip_of_a_batch_is_answered_for_itself(name):
    model, some = MODELS[name](), clips(b=3)
    answer = model(some)
    assert answer.shape == (3, CLASSES)
    assert answer.isfinite().all()
    close(answer, torch.cat([model(clip[None]) for clip in some]))
    assert (answer[0] - answer[1]).abs().max() > 1e-4
    single = model.float()(some.float())
    assert single.dtype == torch.float32
    close(single.double(), answer, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("name", [*MODELS, "MotionNet"])
def test_how_a_clip_lies_in_memory_does_not_matter(name):
    model, some = (MODELS | {"MotionNet": motion})[name](), clips()
    for view in (
        some.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3),
        some.transpose(0, 1).contiguous().transpose(0, 1),
        rand(2, 2 * T, 3, SIZE + 3, SIZE + 2)[:, ::2, :, 1:-2, 2:],
        some[:, :1].expand(-1, T, -1, -1, -1),
    ):
        before = view.clone()
        assert not view.is_contiguous()
        close(model(view), model(view.contiguous()))
        assert torch.equal(view, before)


@pytest.mark.parametrize("name", MODELS)
def test_a_state_gives_the_same_answers_in_another_model(name):
    first, second, some = MODELS[name](seed=1), MODELS[name](seed=2), clips()
    assert not agree(first(some), second(some))
    second.load_state_dict(first.state_dict(), strict=True)
    assert torch.equal(first(some), second(some))


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("as_learners_run_it")
@pytest.mark.parametrize("name", [*MODELS, "MotionNet"])
def test_what_is_no_batch_of_float_clips(name):
    model, some = (MODELS | {"MotionNet": motion})[name]().float(), clips().float()
    refused(lambda: model((255 * some).byte()), "torch.uint8", "clip.float() / 255")
    refused(lambda: model(some[0]), f"({T}, 3, {SIZE}, {SIZE})", "clip[None]")
    refused(lambda: model(some.movedim(2, -1)), f"(2, {T}, {SIZE}, {SIZE}, 3)", "... h w c -> ... c h w")
    refused(lambda: model(some.transpose(1, 2)), f"(2, 3, {T}, {SIZE}, {SIZE})", "... c t h w -> ... t c h w")
    refused(lambda: model(some[:0]), f"0 clips of {T} frames", "at least one")
    refused(lambda: model(some.tolist()), "a list", "tensor")
    refused(lambda: model(some[:, :1]), "1 frame")
    refused(lambda: model(some[:, :, :1]), "1 channels", "3", "b t 1 h w -> b t 3 h w")


@pytest.mark.usefixtures("as_learners_run_it")
def test_another_number_of_frames_than_the_model_was_built_for():
    for t in (T - 1, T + 1):
        for name in ("differences", "differences and a picture"):
            refused(lambda t=t, name=name: MODELS[name]()(clips(t=t)), f"{t} frames", f"{T} frames", f"frames={t}")
        for name in ("hidden flow", "hidden two-stream"):
            refused(lambda t=t, name=name: MODELS[name]()(clips(t=t)), f"{t - 1} moments", f"{T - 1} moments")


@pytest.mark.usefixtures("as_learners_run_it")
def test_what_cannot_be_built_or_compared():
    for frames in (1, 0):
        refused(lambda frames=frames: models.DifferenceStream(4, frames=frames), f"frames={frames}", "2 or more")
    refused(lambda: models.DifferenceStream(4, fuse="add"), "'add'", "'sum'")
    clip, said = clips(), torch.zeros(2, T - 1, 2, SIZE, SIZE).double()
    refused(lambda: unsupervised_loss(said[:, :-1], clip), "b, h and w")
    refused(lambda: unsupervised_loss(said[..., :-1], clip), "b, h and w")
    refused(lambda: reconstruction(clip[:, 0], clip[:, 0, :1], said[:, 0]), "(2, 1, ", "one shape")
    refused(lambda: unsupervised_loss(said[..., :4], clip[..., :4]), "× 4", "5")
    refused(lambda: unsupervised_loss(said, (255 * clip).byte()), "torch.uint8", "[0, 1]")
    refused(lambda: unsupervised_loss(said[:, :, :1], clip), "b 2 h w")
