"""The tasks behind the tables of lessons 11 to 13: what is there and where it goes, and that nothing gives it away."""

import itertools
from collections import Counter, defaultdict
from dataclasses import replace

import pytest
import torch
from of_models import Says, close, refused
from torch import nn

from vidlab import flow, models, tasks_two_stream
from vidlab.evaluation import predict
from vidlab.experiments import EXPERIMENTS
from vidlab.figures import TwoStreams, two_streams_asked
from vidlab.figures.two_streams_asked import asked
from vidlab.models import motion_net
from vidlab.tasks_two_stream import DISTURBANCES, FLOW, AtSpeed, Both, Disturbed, LearnFlow, Registered, Sooner
from vidlab.torus import World
from vidlab.training import fit

ALL = {experiment.name: experiment for experiment in EXPERIMENTS}
TASKS = {
    "both": Both(tests=6),
    "registered": Registered(tests=6),
    "registered, clips": Registered(tests=6, sees="clips"),
    "sooner": Sooner(tests=6),
    "at speed": AtSpeed(tests=6),
    **{sees: Disturbed(tests=6, sees=sees) for sees in ("clips", "flow", "less mean", "less median", "truth")},
}
HEADINGS = torch.tensor([(1, 0), (0, 1), (-1, 0), (0, -1)])  # of right, down, left, up
TINTS = torch.tensor([(1, 0), (0, 1)])  # which of red and blue is the stronger one


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where fields are kept, for this test alone."""
    monkeypatch.setenv("VIDLAB_CACHE", str(tmp_path))


def inside(pictures, mask):
    """The mean over a mask: n c h w and n h w to n c."""
    return (pictures.float() * mask[:, None]).sum((2, 3)) / mask.sum((1, 2))[:, None]


def heading(scenes, o=0):
    """Which way actor o goes in the first step, as its true flow says: a place in the world's list of motions."""
    return (inside(scenes.flow[:, 0], scenes.mask[:, 0, o]) @ HEADINGS.T.float()).argmax(1)


def share(right):
    return right.float().mean().item()


# All of them ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TASKS)
def test_every_seed_and_split_draws_other_clips(name):
    task = TASKS[name]
    drawn = [
        task.training(0, 6),
        task.training(1, 6),
        *(task.fresh(s, split) for s in (0, 1) for split in ("validation", "test")),
    ]
    assert all(len(clips) == len(labels) == 6 for clips, labels in drawn)
    for (one, _), (other, _) in itertools.combinations(drawn, 2):
        same = [torch.equal(a[:, :3], b[:, :3]) for a in one for b in other]
        assert not any(same)
    again, labels = replace(task).training(0, 6)
    assert torch.equal(again, drawn[0][0])
    assert torch.equal(labels, drawn[0][1])
    assert again.dtype == torch.uint8
    assert labels.dtype == torch.int64
    assert len(task.training(0, 3)[0]) == 3
    assert 0 <= labels.min() <= labels.max() < task.classes


@pytest.mark.parametrize("name", [name for name in TASKS if not name.startswith("less")])
def test_what_is_measured_are_the_columns(name):
    task = TASKS[name]
    found = task.measure(Says(1, task.classes), 0, "validation")
    assert tuple(found) == task.columns
    assert len(set(task.columns)) == len(task.columns)
    truth = task.fresh(0, "validation")[1]
    if len(task.columns) == 1:
        assert found[task.columns[0]].value == pytest.approx(share(truth == 1))


@pytest.mark.parametrize("name", ["streams", "registered", "over_time", "disturbed", "slow"])
def test_every_line_of_a_table_takes_what_its_task_shows(name, monkeypatch):
    monkeypatch.setattr(tasks_two_stream, "learned_flow", lambda world, seed: models.MotionNet())
    for row in (row for row in ALL[name].rows if not row.members):
        task = row.task or ALL[name].task
        clips, _ = replace(task, tests=2).fresh(0, "validation")
        assert predict(task.build(row.model, 0, **row.options), clips).shape == (2, task.classes), row.name


@pytest.mark.parametrize("speed", [1.0, 0.25])
def test_objects_go_at_the_speed_that_is_said(speed):
    task = AtSpeed(tests=6, speed=speed)
    scenes = task.world.sample(6, seed=0, split="validation")
    assert torch.equal(task.fresh(0, "validation")[0], scenes.clip)
    close(scenes.actors.velocity()[:, 0].norm(dim=-1), torch.full((6,), speed))
    truth = replace(task, sees="truth").fresh(0, "validation")[0]
    assert torch.equal(truth, flow.film(scenes.clip, scenes.flow))


def test_films_carry_the_flow_that_is_said():
    scenes = World(frames=6).sample(6, seed=3, split="test")
    films, label = tasks_two_stream.filmed(World(frames=6), 6, 3, "test")
    fields = flow.fields(scenes.clip, "lucas_kanade", radius=4, warps=2, cache=False)
    assert torch.equal(films, flow.film(scenes.clip, fields))
    assert all(torch.equal(label[kind], scenes.label[kind]) for kind in label)
    on_it = (fields - scenes.flow).norm(dim=2)[scenes.mask[:, :-1, 0]].mean()
    assert on_it < 0.5 < scenes.flow.norm(dim=2)[scenes.mask[:, :-1, 0]].mean()  # worth looking at


# Colour and direction of one object -----------------------------------------------------------------------------------


def test_both_is_the_colour_and_the_direction_of_what_is_there():
    task = Both(tests=32)
    films, label = task.fresh(2, "validation")
    scenes = task.world.sample(32, seed=2, split="validation")
    assert torch.equal(films[:, :, :3], scenes.clip[:, :-1])
    assert torch.equal(label % 4, heading(scenes))
    tint = inside(scenes.clip[:, 0], scenes.mask[:, 0, 0])
    by_colour = torch.stack([tint[label // 4 == colour].mean(0) for colour in range(4)])
    assert by_colour[0].argmax() == 0  # red
    assert by_colour[1].argmax() == 2  # blue
    assert by_colour[2].argmax() == 1  # green
    assert by_colour[3].argmin() == 2  # yellow
    assert task.classes == 16


def test_both_counts_both_and_each():
    task = Both(tests=60)
    truth = task.fresh(3, "validation")[1]
    found = {name: each.value for name, each in task.measure(Says(6, 16), 3, "validation").items()}
    wanted = {"both": share(truth == 6), "colour": share(truth // 4 == 1), "direction": share(truth % 4 == 2)}
    assert found == pytest.approx(wanted)


# Two objects: where does the red one go? ------------------------------------------------------------------------------


def test_the_label_is_the_way_of_the_red_one():
    task = Registered(tests=48)
    films, label = task.fresh(1, "test")
    scenes = task.world.sample(48, seed=1, split="test")
    assert torch.equal(films[:, :, :3], scenes.clip[:, :-1])
    seen = scenes.mask[:, 0].sum((2, 3)).amin(1) > 12  # neither is hidden by the other
    scenes, label = scenes.only(seen.nonzero()[:, 0]), label[seen]
    clip = task.fresh(1, "test")[0][seen][:, 0, :3]
    tints = torch.stack([inside(clip, scenes.mask[:, 0, o]) for o in (0, 1)], dim=1)
    red = (tints[..., 0] - tints[..., 2]).argmax(1)
    ways = torch.stack([heading(scenes, o) for o in (0, 1)], dim=1)
    rows = torch.arange(len(label))
    assert len(label) > 30
    assert (tints[rows, red, 0] > tints[rows, red, 2] + 30).all()
    assert (tints[rows, 1 - red, 2] > tints[rows, 1 - red, 0] + 30).all()
    assert torch.equal(label, ways[rows, red])
    assert (ways[:, 0] != ways[:, 1]).all()  # who sees flow alone knows two
    assert 5 < red.sum() < len(label) - 5  # neither in front always


def test_nothing_but_colour_and_way_tells_the_two_apart():
    scenes = Registered().world.sample(4000, seed=0)
    red = (scenes.label["colour"] == 0).int().argmax(1)
    assert (scenes.label["colour"].sum(1) == 1).all()
    assert torch.equal(scenes.label["shape"][:, 0], scenes.label["shape"][:, 1])
    first, way = scenes.label["motion"][:, 0], scenes.label["motion"].gather(1, red[:, None])[:, 0]
    assert share(red == 0) == pytest.approx(0.5, abs=0.04)  # behind as often as in front
    assert share(first == way) == pytest.approx(0.5, abs=0.04)
    for k in range(4):
        assert share(way == k) == pytest.approx(0.25, abs=0.04)
        for shape in range(4):
            assert share(way[scenes.label["shape"][:, 0] == shape] == k) == pytest.approx(0.25, abs=0.07)


def test_clips_and_films_are_of_the_same_scenes():
    films, label = TASKS["registered"].fresh(4, "test")
    clips, same = TASKS["registered, clips"].fresh(4, "test")
    assert clips.shape[1] == films.shape[1] + 1 == 6
    assert torch.equal(clips[:, :-1], films[:, :, :3])
    assert torch.equal(label, same)


# Two events: which was first? -----------------------------------------------------------------------------------------


def steps(task, n, seed, split):
    """The scenes of a task of two events, and in which of 15 steps each object moves: n 15 2."""
    films, _ = task.named(n, seed, split)
    drawn = task.world.sample(20 * n, seed=seed, split=split)
    far = drawn.actors.onset.diff(dim=1)[:, 0].abs() >= task.gap
    scenes = drawn.only(far.nonzero()[:n, 0])
    assert torch.equal(scenes.clip[:, :-1], films[:, :, :3])
    return scenes, scenes.position.diff(dim=1).abs().sum(-1) > 1e-3


def test_each_moves_three_steps_and_no_stack_of_fields_holds_both():
    task = Sooner()
    scenes, moves = steps(task, 60, 0, "validation")
    assert (moves.sum(1) == 3).all()
    span = models.TwoStreamOverTime(2).span
    windows = moves.unfold(1, span, 1).any(-1)  # wherever they begin
    assert span == 3
    assert not windows.all(2).any()
    assert moves.unfold(1, span + 1, 1).any(-1).all(2).any()  # of four fields some would
    assert scenes.visible.all()  # both are there all the time


def test_the_label_is_the_colour_that_moves_first():
    task = Sooner()
    scenes, moves = steps(task, 60, 0, "validation")
    first = moves.int().argmax(1).argmin(1)  # of each object its first step, and then whose is earlier
    colour = scenes.label["colour"].gather(1, first[:, None])[:, 0]
    films, label = task.named(60, 0, "validation")
    assert torch.equal(label, colour)
    assert (scenes.label["colour"].sum(1) == 1).all()
    assert 15 < label.sum() < 45
    # as the film itself has it: what flow says is there in the steps of the first one, is red or blue
    for film, way, move, mask in zip(films, label, moves, scenes.mask, strict=True):
        o = move.int().argmax(0).argmin()
        t = move[:, o].int().argmax() + 1
        if mask[t, o].sum() > 30:
            strength = (film[t, 3:].float() - 128).norm(dim=0)
            on_it, elsewhere = strength[mask[t, o]].mean(), strength[mask[t, 1 - o]].mean()
            tint = film[t, :3, mask[t, o]].float().mean(1)
            assert on_it > 15
            assert on_it > 1.3 * elsewhere or mask[t, 1 - o].sum() < 30
            assert (tint[2] > tint[0]).long() == way


def test_events_keep_away_from_the_ends_so_that_each_is_seen_beginning_and_ending():
    _, moves = steps(Sooner(), 60, 0, "validation")
    net = models.TwoStreamOverTime(2)
    when = moves.any(2).nonzero()[:, 1]
    assert when.min() >= net.span - 1
    assert when.max() <= moves.shape[1] - net.span
    starts = torch.arange(0, moves.shape[1] - net.span + 1, net.stride)
    assert len(starts) == 7
    counts = moves.unfold(1, net.span, 1)[:, starts].sum((1, 3))  # every event is in as many fields, n 2
    assert counts.unique().numel() <= 2


def ceiling(task, span, stride):
    """How often the best guesser is right who knows what every moment holds of either event, but not their order."""
    low, high = task.world.onset
    table = defaultdict(Counter)
    for red, blue in itertools.product(range(low, high + 1), repeat=2):
        if abs(red - blue) >= task.gap:
            moves = [[k <= step < k + task.world.event for step in range(task.world.frames - 1)] for k in (red, blue)]
            starts = range(0, task.world.frames - span, stride)
            held = Counter((tuple(moves[0][k : k + span]), tuple(moves[1][k : k + span])) for k in starts)
            table[frozenset(held.items())][red < blue] += 1
    return sum(max(each.values()) for each in table.values()) / sum(sum(each.values()) for each in table.values())


def test_without_order_nobody_knows_which_was_first():
    """Moments are two steps apart: did the first event begin at an even step more often, its moments would tell."""
    net = models.TwoStreamOverTime(2)
    assert ceiling(Sooner(), net.span, net.stride) == 0.5


def test_the_best_guesser_is_found_out():
    """With all the order there is, and on onsets for which the answer is known by counting."""
    at = lambda *onset: Sooner(world=replace(Sooner().world, onset=onset))  # noqa: E731
    assert ceiling(at(3, 9), 3, 2) == ceiling(at(2, 10), 3, 2) == 0.5
    assert ceiling(at(3, 10), 3, 2) == pytest.approx(2 / 3)
    assert ceiling(at(0, 12), 3, 2) > 0.5  # the ends
    assert ceiling(at(3, 10), 15, 2) == 1.0  # one moment that holds everything


# Disturbed ------------------------------------------------------------------------------------------------------------


def test_what_is_seen_is_what_is_said():
    world, n = World(frames=6, camera=0.5), 5
    scenes = world.sample(n, seed=7, split="test")
    measured = flow.fields(scenes.clip, **FLOW)
    seen = {sees: Disturbed(sees=sees).seen(world, n, 7, "test") for sees in ("clips", "flow", "truth")}
    seen |= {f"less {how}": Disturbed(sees=f"less {how}").seen(world, n, 7, "test") for how in ("mean", "median")}
    wanted = {
        "clips": scenes.clip,
        "flow": flow.film(scenes.clip, measured),
        "less mean": flow.film(scenes.clip, measured - measured.mean((3, 4), keepdim=True)),
        "less median": flow.film(scenes.clip, flow.less_camera(measured, "median")),
        "truth": flow.film(scenes.clip, scenes.flow),
    }
    for sees, (films, label) in seen.items():
        assert torch.equal(films, wanted[sees]), sees
        assert torch.equal(label, heading(World(frames=6).sample(n, seed=7, split="test"))), sees
    assert len({films.float().mean().item() for films, _ in seen.values()}) == 5
    refused(lambda: Disturbed(sees="less camera"), "'less camera'", "less median", "Try:")
    refused(lambda: AtSpeed(sees="none"), "'none'", "less median", "Try:")
    refused(lambda: Registered(sees="clip"), "'clip'", "films", "clips")
    with pytest.raises(ValueError, match="'noise'"):
        Disturbed(sees="noise").seen(world, n, 7, "test")


@pytest.mark.parametrize("sees", ["clips", "less median"])
def test_it_learns_from_clean_films_and_is_asked_about_each_disturbance(sees):
    task, model = Disturbed(tests=7, sees=sees), Says(1, 4)
    found = task.measure(model, 2, "validation")
    worlds = [task.world] + [replace(task.world, **{field: v}) for field, some in DISTURBANCES.values() for v in some]
    names = ["clean"] + [f"{name} {value:g}" for name, (_, some) in DISTURBANCES.items() for value in some]
    assert tuple(names) == task.columns == tuple(found)
    assert len(model.seen) == len(worlds) == 10
    for name, clips, world in zip(names, model.seen, worlds, strict=True):
        assert torch.equal((255 * clips).round().byte(), task.seen(world, 7, 2, "validation")[0]), name
    assert torch.equal(task.fresh(2, "validation")[0], task.seen(task.world, 7, 2, "validation")[0])
    truth = task.fresh(2, "validation")[1]
    assert [each.value for each in found.values()] == pytest.approx([share(truth == 1)] * 10)  # labels stay
    assert torch.equal(task.training(2, 4)[0], task.seen(task.world, 4, 2, "train")[0])


def test_disturbances_disturb_more_and_more_what_they_name():
    clean = World(frames=6, noise=0.0, background=0.0).sample(6, seed=0)
    still = ~clean.mask[:, :, 0].any(1)
    for name, (field, levels) in DISTURBANCES.items():
        assert list(levels) == sorted(levels)
        assert levels[0] > getattr(World(frames=6), field)
        spread = []
        for level in levels:
            world = World(frames=6, background=0.0 if field != "camera" else 0.16, **{"noise": 0.0} | {field: level})
            change = world.sample(6, seed=0).clip.float().diff(dim=1).abs().mean(2)
            spread.append(
                change[:, :, 0, 0].mean()
                if field != "camera"
                else world.sample(6, seed=0).flow[..., 0, 0].norm(dim=2).mean()
            )
        assert spread[0] < spread[1] < spread[2], name
    assert still.any()


def test_a_motion_net_may_stand_in_front(monkeypatch):
    taught = []

    def learned(world, seed):
        taught.append((world, seed))
        return nets[seed]

    nets = {seed: models.MotionNet() for seed in (1, 2)}
    monkeypatch.setattr(tasks_two_stream, "learned_flow", learned)
    task = Disturbed()
    plain = task.build(models.TemporalStream, 1)
    assert isinstance(plain, models.TemporalStream)
    frozen = task.build(models.TemporalStream, 1, motion="learned", frozen=True)
    tuned = task.build(models.TemporalStream, 1, motion="learned")
    other = task.build(models.TemporalStream, 2, motion="learned", frozen=True)
    random = [task.build(models.TemporalStream, 1, motion="random") for _ in range(2)]
    assert taught == [(task.world, 1), (task.world, 1), (task.world, 2)]
    for net, requires in ((frozen, False), (tuned, True), (random[0], True)):
        assert isinstance(net, models.HiddenTwoStream)
        assert all(p.requires_grad == requires for p in net.motion.parameters())
        assert all(p.requires_grad for p in net.stream.parameters())
        for name, value in plain.state_dict().items():  # the same first weights, whatever stands in front
            assert torch.equal(net.stream.state_dict()[name], value)
    weights = lambda net: torch.cat([p.detach().flatten() for p in net.motion.parameters()])  # noqa: E731
    assert torch.equal(weights(frozen), weights(tuned))
    assert not torch.equal(weights(frozen), weights(other))
    assert torch.equal(weights(random[0]), weights(random[1]))
    assert not torch.equal(weights(random[0]), weights(frozen))
    before = [value.clone() for value in nets[1].parameters()]  # what was learned once is nobody's to change
    clips, labels = task.training(0, 4)
    fit(tuned, clips, labels, steps=2, batch=4, progress=False, device="cpu")
    assert all(torch.equal(a, b) for a, b in zip(before, nets[1].parameters(), strict=True))
    assert not torch.equal(weights(tuned), weights(frozen))
    assert all(p.requires_grad for p in nets[1].parameters())
    refused(lambda: task.build(models.TemporalStream, 0, motion="Learned"), "'Learned'", '"learned" or "random"')


# Learning flow --------------------------------------------------------------------------------------------------------


class Knows(nn.Module):
    """Says the true flow of the clips of a world, in the order in which they are shown; or a wrong one."""

    def __init__(self, scenes, wrong=lambda flow: flow):
        super().__init__()
        self.scenes, self.wrong, self.at = scenes, wrong, 0

    def forward(self, clip):
        rows = slice(self.at, self.at + len(clip))
        assert torch.equal((255 * clip).round().byte(), self.scenes.clip[rows])
        self.at += len(clip)
        return self.wrong(self.scenes.flow[rows])


def test_who_knows_the_flow_makes_no_error():
    task = LearnFlow(tests=66)  # more than are asked at once
    scenes = task.world.sample(66, seed=1, split="validation")
    found = {name: each.value for name, each in task.measure(Knows(scenes), 1, "validation").items()}
    assert tuple(found) == task.columns
    assert found["MotionNet"] == found["MotionNet, all"] == 0
    speed = scenes.flow.norm(dim=2).mul(scenes.mask[:, :-1, 0]).sum((1, 2, 3)) / scenes.mask[:, :-1, 0].sum((1, 2, 3))
    assert found["at rest"] == pytest.approx(speed.mean().item(), rel=1e-4)
    assert 1 < found["at rest"] < 2
    for name in ("Lucas–Kanade", "Horn–Schunck"):
        assert 0.05 < found[name] < 0.6  # they measure, and do not know
    assert found["Lucas–Kanade"] != found["Horn–Schunck"]


def test_errors_are_distances_on_the_object_and_everywhere():
    task = LearnFlow(tests=8)
    scenes = lambda: task.world.sample(8, seed=2, split="validation")  # noqa: E731
    step = torch.tensor([0.3, -0.4])[:, None, None]
    measure = lambda wrong: task.measure(Knows(scenes(), wrong), 2, "validation")  # noqa: E731
    off = measure(lambda flow: flow + step)
    assert off["MotionNet"].value == pytest.approx(0.5, rel=1e-4)
    assert off["MotionNet, all"].value == pytest.approx(0.5, rel=1e-4)
    rest = measure(torch.zeros_like)
    assert rest["MotionNet"].value == pytest.approx(rest["at rest"].value)
    assert rest["MotionNet, all"].value < 0.2 * rest["MotionNet"].value  # most of a picture is at rest
    outside = torch.zeros_like(scenes().flow) + 5 * ~scenes().mask[:, :-1]
    elsewhere = measure(lambda flow: flow + outside)
    assert elsewhere["MotionNet"].value == pytest.approx(0, abs=1e-6)
    assert elsewhere["MotionNet, all"].value > 4
    assert (off["Lucas–Kanade"], off["Horn–Schunck"]) == (rest["Lucas–Kanade"], rest["Horn–Schunck"])


def test_a_distance_is_a_mean_over_the_mask_of_where_flow_begins():
    said, truth = torch.zeros(1, 2, 2, 3, 3), torch.zeros(1, 2, 2, 3, 3)
    mask = torch.zeros(1, 3, 1, 3, 3, dtype=torch.bool)
    mask[0, 0, 0, 0, :2] = mask[0, 1, 0, 2, 2] = mask[0, 2] = True
    said[0, 0, :, 0, 0] = torch.tensor([3.0, 4.0])
    said[0, 1, 0, 2, 2] = 1
    said[0, :, :, 1, 1] = 9  # not asked
    close(tasks_two_stream.distance(said, truth, mask), torch.tensor([(5 + 0 + 1) / 3]))


def test_flow_is_learned_from_frames_and_weights_alone():
    task = LearnFlow(smooth=0.7, structure=0.2)
    clips, labels = task.training(0, 4)
    assert clips.shape == (4, 6, 3, 32, 32)
    assert labels.tolist() == [0, 0, 0, 0]
    said, clip = torch.randn(4, 5, 2, 32, 32), clips.float() / 255
    wanted = motion_net.unsupervised_loss(said, clip, smooth=0.7, structure=0.2)
    close(task.loss(said, clip, None), wanted)
    close(task.loss(said, clip, labels), wanted)
    close(LearnFlow().loss(said, clip, labels), motion_net.unsupervised_loss(said, clip))
    nets = [task.build(models.MotionNet, seed) for seed in (0, 0, 1)]
    same = [torch.equal(nets[0].flow.weight, net.flow.weight) for net in nets[1:]]
    assert same == [True, False]
    fit(nets[0], clips, labels, loss=task.loss, steps=2, batch=4, augment=task.augment, progress=False, device="cpu")
    assert not torch.equal(nets[0].flow.weight, nets[1].flow.weight)


def test_a_motion_net_is_taught_once_for_each_seed(monkeypatch):
    taught = []

    def teach(net, clips, labels, **how):
        taught.append((net, len(clips), how))

    monkeypatch.setattr(tasks_two_stream, "fit", teach)
    monkeypatch.setattr(LearnFlow, "training", lambda self, seed: (torch.zeros(3 + seed), None))
    tasks_two_stream.learned_flow.cache_clear()
    world = World(frames=6)
    one, again, other = (tasks_two_stream.learned_flow(world, seed) for seed in (0, 0, 1))
    tasks_two_stream.learned_flow.cache_clear()
    assert one is again is taught[0][0]
    assert other is taught[1][0]
    assert [n for _, n, _ in taught] == [3, 4]
    for seed, (_, _, how) in enumerate(taught):
        assert {key: how[key] for key in ("steps", "batch", "lr", "seed")} == tasks_two_stream.MOTION | {"seed": seed}
        assert how["loss"].__self__ == LearnFlow(world=world)
    row = ALL["learned_flow"]
    assert {"steps": row.steps, "batch": row.batch, "lr": row.lr} == tasks_two_stream.MOTION


# What is asked for the figure -----------------------------------------------------------------------------------------

SMALL, SHOWN, TESTS = World(frames=6), 2, 5


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIDLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        torch.manual_seed(0)
        streams = {"RGB": models.SpatialStream(16), "flow": models.TemporalStream(16)}
        gated = models.TwoStream(16, fuse="gated").train()
        found = asked(streams, SMALL, gated, SHOWN, TESTS, seed=3)
        assert gated.training, "a network stays in its mode"
        return streams, gated.eval(), found


def test_what_is_shown_are_the_clips_of_each_level(answers):
    _, _, (found, truth, classes) = answers
    kinds = {"noise": "noise", "camera": "camera", "flicker": "flicker"}
    assert [each.name for each in found] == ["sensor noise σ", "camera, px per frame", "flicker of the light, ±"]
    for field, each in zip(kinds, found, strict=True):
        assert each.values == [getattr(SMALL, field), *DISTURBANCES[field][1]]
        assert each.clips.shape == (4, SHOWN, 6, 3, 32, 32)
        assert each.flow.shape == (4, SHOWN, 5, 2, 32, 32)
        for level, value in enumerate(each.values):
            clips = replace(SMALL, **{field: value}).sample(TESTS, seed=3, split="test").clip[:SHOWN]
            assert torch.equal(each.clips[level], clips)
            assert torch.equal(each.flow[level], flow.fields(clips, cache=False, **FLOW))
    label = SMALL.sample(TESTS, seed=3, split="test").label
    assert torch.equal(truth, (4 * label["colour"] + label["motion"])[:SHOWN])
    for colour, motion in itertools.product(range(4), range(4)):
        assert classes[4 * colour + motion] == f"{SMALL.colours[colour]} {SMALL.motions[motion]}"
    assert len(classes) == 16


def test_the_scores_are_what_the_streams_answer(answers):
    streams, gated, (found, truth, classes) = answers
    nets = streams | {"gated": gated}
    label = SMALL.sample(TESTS, seed=3, split="test").label
    right = 4 * label["colour"] + label["motion"]
    for field, each in zip(DISTURBANCES, found, strict=True):
        assert list(each.scores) == list(each.accuracy) == ["RGB", "flow", "mean", "gated"]
        for level, value in enumerate(each.values):
            clips = replace(SMALL, **{field: value}).sample(TESTS, seed=3, split="test").clip
            films = flow.film(clips, flow.fields(clips, cache=False, **FLOW))
            p = {name: predict(net, films) for name, net in nets.items()}
            p["mean"] = (p["RGB"] + p["flow"]) / 2
            for name, scores in p.items():
                close(each.scores[name][level], scores[:SHOWN], rtol=1e-5, atol=1e-7)
                assert each.accuracy[name][level] == pytest.approx(share(scores.argmax(1) == right))
            x_s, x_t = gated.maps(films[:SHOWN].float() / 255)
            close(each.gate[level], gated.fuse.gate(x_s, x_t).mean(1).detach(), rtol=1e-5, atol=1e-6)


def test_the_figure_takes_it(answers):
    _, _, (found, truth, classes) = answers
    drawn = TwoStreams(found, truth, classes, "What noise does")
    assert [each.values for each in drawn.levels] == [each.values for each in found]
    assert drawn.names == ["RGB", "flow", "mean", "gated"]


def test_without_gates_there_are_none(monkeypatch):
    monkeypatch.setattr(two_streams_asked, "DISTURBANCES", {"noise": DISTURBANCES["noise"]})
    streams = {"flow": models.TemporalStream(16)}
    found, _, _ = asked(streams, SMALL, None, 1, 2, seed=0)
    assert all(each.gate is None for each in found)
    assert all(list(each.scores) == ["flow", "mean"] for each in found)
    for other in (models.TwoStream(16), models.TwoStream(16, at="scores")):
        refused(lambda other=other: asked(streams, SMALL, other, 1, 2, 0), "gated", "gates", 'fuse="gated"')
