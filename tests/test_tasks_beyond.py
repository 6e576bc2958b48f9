"""The tasks behind the tables of lessons 08 to 10: what is learned, what is asked, and that nothing gives it away."""

import pytest
import torch
from einops import rearrange
from of_models import Says
from torch import nn

from vidlab import ShapeError, models, tasks_attention, tasks_beyond
from vidlab.evaluation import predict
from vidlab.experiments import EXPERIMENTS
from vidlab.models.forecast import next_frame_error
from vidlab.receptive_field import receptive_field
from vidlab.tasks import films
from vidlab.torus import World
from vidlab.training import fit

ALL = {experiment.name: experiment for experiment in EXPERIMENTS}


def test_some_clips_of_a_world_are_those_clips():
    world = World(noise=0.0)
    scenes, rows = world.sample(9, seed=4), torch.tensor([7, 0, 3])
    some = scenes.only(rows)
    assert len(some) == 3
    assert torch.equal(some.clip, scenes.clip[rows])
    assert torch.equal(some.mask, scenes.mask[rows])
    for name, label in scenes.label.items():
        assert torch.equal(some.label[name], label[rows])


def test_some_clips_leave_the_others_grain_alone():
    noisy = World().sample(4, seed=4)
    noisy.only(torch.tensor([1])).clip  # noqa: B018, rendering draws numbers
    assert torch.equal(noisy.clip, World().sample(4, seed=4).clip)


# Few clips ------------------------------------------------------------------------------------------------------------


def test_few_has_sixteen_classes_and_measures_each_kind():
    task = tasks_beyond.Few(clips=8, tests=60)
    truth = task.fresh(3, "validation")[1]
    found = {name: each.value for name, each in task.measure(Says(6, 16), 3, "validation").items()}
    share = lambda right: right.float().mean().item()  # noqa: E731
    assert found == pytest.approx(
        {"both": share(truth == 6), "colour": share(truth // 4 == 1), "direction": share(truth % 4 == 2)}
    )


@pytest.mark.parametrize(
    ("start", "stills"), [("scratch", "own"), ("mean", "own"), ("centre", "none"), ("mean", "fresh")]
)
def test_few_begins_as_it_says(start, stills, monkeypatch):
    """Inflated filters add up to those of the image network; from scratch they are a 3D network's own."""
    asked = []

    def taught(world, clips, stills, seed):
        asked.append(stills)
        torch.manual_seed(99)
        return models.SingleFrame(4).backbone.state_dict()

    monkeypatch.setattr(tasks_beyond, "taught_by_stills", taught)
    net = tasks_beyond.Few(start=start, stills=stills).build(models.Inflated, 0)
    filters = next(layer for layer in net.modules() if isinstance(layer, nn.Conv3d)).weight.detach()
    torch.manual_seed(99)
    pretrained = models.SingleFrame(4).backbone.blocks[1][0].weight
    torch.manual_seed(0)
    random = models.SingleFrame(16).backbone.blocks[1][0].weight
    if start == "scratch":
        assert not asked
        assert filters.std(dim=2).min() > 0
    else:
        assert asked == ([] if stills == "none" else [stills])
        torch.testing.assert_close(filters.sum(2), random if stills == "none" else pretrained)
        assert filters[:, :, 0].any() == (start == "mean")
    assert predict(net, torch.rand(2, 8, 3, 32, 32)).shape == (2, 16)


def test_own_stills_are_the_frames_of_the_same_clips(monkeypatch):
    seen = []
    monkeypatch.setattr(tasks_beyond, "fit", lambda net, clips, labels, **how: seen.append((clips, labels)))
    task = tasks_beyond.Few(clips=6)
    tasks_beyond.taught_by_stills.cache_clear()
    for stills in ("own", "fresh"):
        tasks_beyond.taught_by_stills(task.world, 6, stills, 2)
    tasks_beyond.taught_by_stills.cache_clear()
    clips, labels = task.training(2)
    (own, colours), (fresh, _) = seen
    assert torch.equal(own, rearrange(clips, "b t c h w -> (b t) 1 c h w"))
    assert torch.equal(colours, (labels // 4).repeat_interleave(8))
    assert fresh.shape == (4096, 1, 3, 32, 32)


# Far events -----------------------------------------------------------------------------------------------------------


def seen_moments(clips):
    """The frames in which something colourful is, and which colour is the stronger one there: red or blue."""
    colour = clips.float()
    there = (colour.amax(2) - colour.amin(2)).flatten(2).amax(2) > 70  # b t
    redness = (colour[:, :, 0] - colour[:, :, 2]).flatten(2)
    return there, redness.gather(2, redness.abs().argmax(2, keepdim=True))[..., 0]


def test_events_are_far_from_each_other_and_from_the_ends():
    clips, first = tasks_beyond.Order().events(200, 0, "validation")
    there, redness = seen_moments(clips)
    assert (there.sum(1) == 2).all()
    frames = there.nonzero()[:, 1].reshape(200, 2)
    assert frames.diff(dim=1).min() == 5
    assert frames.min() == 4
    assert frames.max() == 11
    assert torch.equal(first, (redness.gather(1, frames[:, :1])[:, 0] < 0).long())
    assert 0.4 < first.float().mean() < 0.6


def test_order_backwards_has_the_other_answer():
    task, model = tasks_beyond.Order(tests=30), Says(0, 2)
    found = task.measure(model, 1, "validation")
    assert found["order"].value + found["reversed"].value == pytest.approx(1)
    assert torch.equal(model.seen[1], model.seen[0].flip(1))


def test_the_3d_networks_of_the_table_see_what_their_names_say():
    """Neither both events nor an event and the zeros around the clip, but for those that are meant to."""
    seen = {}
    for row in ALL["order"].rows:
        if row.model is models.Conv3DNet:
            net = models.Conv3DNet(2, **row.options)
            seen[row.name] = receptive_field(net, (32, 3, 64, 64), "blocks").size[0]
    assert seen == {"3D, sees 5 frames": 5, "3D, sees 5 frames, events to the edge": 5, "3D, sees 13 frames": 13}
    task = ALL["order"].task
    assert seen["3D, sees 5 frames"] <= task.gap
    assert task.world.onset == (5 - 1, task.world.frames - 5)


# Frames to come -------------------------------------------------------------------------------------------------------


class Copies(nn.Module):
    """Foretells that nothing will change."""

    def forward(self, clip):
        return clip

    def rollout(self, clip, frames):
        return clip[:, -1:].expand(-1, frames, -1, -1, -1)


class Knows(Copies):
    """Has seen the future."""

    def __init__(self, clips):
        super().__init__()
        self.clips = clips

    def forward(self, clip):
        return torch.cat([clip[:, 1:], clip[:, -1:]], dim=1)

    def rollout(self, clip, frames):
        return self.clips[:, clip.shape[1] : clip.shape[1] + frames]


def test_copying_is_the_measure_and_knowing_is_perfect():
    task = tasks_beyond.Foretell(tests=20)
    columns = ("next frame", "2 ahead", "4 ahead", "8 ahead")
    assert task.columns == columns
    assert {name: each.value for name, each in task.measure(Copies(), 0, "validation").items()} == pytest.approx(
        dict.fromkeys(columns, 1.0)
    )
    future = films(task.world, 20, 0, "validation")[0].float() / 255
    assert {name: each.value for name, each in task.measure(Knows(future), 0, "validation").items()} == pytest.approx(
        dict.fromkeys(columns, 0.0)
    )


def test_the_loss_compares_an_answer_with_the_frame_after():
    clip = torch.rand(2, 5, 3, 8, 8)
    assert next_frame_error(Knows(clip)(clip), clip) == 0
    torch.testing.assert_close(next_frame_error(clip, clip), clip.diff(dim=1).square().mean())


def test_forecasters_are_built_without_classes_and_learn():
    task = tasks_beyond.Foretell(clips=16, world=World(frames=6, size=16, noise=0.0), seen=4)
    net = task.build(models.NextFrame, 0, patch=4, hidden=4, kernel=3)
    history = fit(net, *task.training(0), loss=task.loss, steps=8, batch=8, lr=1e-2, progress=False, device="cpu")
    assert history.losses[-1] < history.losses[0]


# Far pairs, and where one looks ---------------------------------------------------------------------------------------


def test_pairs_are_far_and_balanced_and_say_whether_colours_agree():
    world = World(frames=2, size=48, radius=(3.0, 3.6), background=0.0, noise=0.0)
    clips, same = tasks_attention.far_pairs(world, 23.0, 40, 0, "validation")
    assert clips.shape == (40, 2, 3, 48, 48)
    assert same.sum() == 20
    for clip, one in zip(clips[:, 0].float(), same.tolist(), strict=True):
        colourful = (clip.amax(0) - clip.amin(0)) > 60
        y, x = colourful.nonzero().T
        apart = lambda a: (a[:, None] - a).abs().minimum(48 - (a[:, None] - a).abs())  # noqa: E731
        far = torch.hypot(apart(y).float(), apart(x).float())
        near_first = far[0] < 10
        assert far[0][~near_first].min() > 12  # two heaps, with nothing between
        mean = [clip[:, y[group], x[group]].mean(1) for group in (near_first, ~near_first)]
        hues = [colour - colour.mean() for colour in mean]
        assert ((hues[0] - hues[1]).norm() < 30) == bool(one)


@pytest.mark.parametrize(
    ("options", "more"),
    [
        ({}, 0),
        ({"after": 2}, models.NonLocal(16)),
        ({"after": 3, "alone": True}, 2 * 32 * 33 + 64),
        ({"hidden": 7}, None),
    ],
)
def test_a_block_inserted_changes_nothing_at_first(options, more, monkeypatch):
    torch.manual_seed(5)
    named = models.Conv3DNet(4)
    monkeypatch.setattr(tasks_attention, "taught_to_name", lambda model, world, seed: named.state_dict())
    net = tasks_attention.Pairs().build(models.Conv3DNet, 0, **options).eval()
    count = lambda model: sum(p.numel() for p in model.parameters())  # noqa: E731
    clip = torch.rand(2, 2, 3, 48, 48)
    volume = rearrange(clip, "b t c h w -> b c t h w")
    torch.testing.assert_close(net.blocks(volume), named.eval().blocks(volume))
    assert predict(net, clip).shape == (2, 2)
    if more is not None:
        more = more if isinstance(more, int) else count(more)
        assert count(net.blocks) == count(named.blocks) + more


class Looks(nn.Module):
    """Looks at what it is told to, in the end and in its last layer."""

    def __init__(self, shares, last):
        super().__init__()
        self.shares, self.last, self.tubelets, self.grid, self.at = (
            shares,
            last,
            models.VideoViT(4).tubelets,
            (4, 4, 4),
            0,
        )

    def forward(self, clip):
        return torch.zeros(len(clip), 4)

    def look(self, clip):
        self.at += len(clip)
        return self.shares[self.at - len(clip) : self.at]

    def attention(self, clip):
        rows = self.last[self.at - len(clip) : self.at].flatten(2)
        maps = torch.zeros(len(clip), 2, 4, 3, 17, 17)  # b layer t head q k
        maps[:, 1, :, :, 0, 1:] = rows[:, :, None]
        maps[:, 1, :, :, 0, 0] = 0.5  # of the class token itself
        return {"space": maps, "time": torch.zeros(len(clip), 1, 3, 5, 5)}


def test_looking_compares_attention_with_area():
    task = tasks_attention.Looking(tests=70)
    blind = torch.full((70, 4, 4, 4), 1 / 64)
    mask = task.world.sample(70, seed=0, split="validation").mask[:, :, 0].float()
    covered = rearrange(mask, "b (t dt) (h dh) (w dw) -> b t h w (dt dh dw)", dt=2, dh=8, dw=8).mean(-1)
    there = (covered == covered.amax((1, 2, 3), keepdim=True)).float()
    there /= there.sum((1, 2, 3), keepdim=True)
    wanted = (covered.amax((1, 2, 3)) / covered.mean((1, 2, 3))).mean().item()
    assert wanted > 4
    for rollout, last in ((blind, there), (there, blind)):
        found = {name: each.value for name, each in task.measure(Looks(rollout, last), 0, "validation").items()}
        numbers = {"rollout": 1 if rollout is blind else wanted, "last layer": 1 if last is blind else wanted}
        assert {name: found[name] for name in numbers} == pytest.approx(numbers, rel=1e-5)


@pytest.mark.parametrize("kind", ["joint", "divided", "factorised"])
def test_the_last_look_is_what_the_class_token_takes(kind):
    torch.manual_seed(0)
    model, clip = models.VideoViT(4, kind=kind).eval(), torch.rand(2, 8, 3, 32, 32)
    look = tasks_attention.last_look(model, clip)
    assert look.shape == (2, 4, 4, 4)
    torch.testing.assert_close(look.sum((1, 2, 3)), torch.ones(2))
    maps = model.attention(clip)
    if kind == "joint":
        row = maps["joint"][1, 1, :, 0, 1:].mean(0)
    else:
        row = torch.cat([maps["space"][1, 1, t, :, 0, 1:].mean(0) for t in range(4)])
    torch.testing.assert_close(look[1].flatten(), row / row.sum())


def test_every_recipe_says_all_that_decides_its_run():
    """Two lines of one table are never the same recipe."""
    from vidlab.runs import recipe

    for experiment in EXPERIMENTS:
        recipes = [recipe(experiment, row) for row in experiment.rows]
        assert len(set(recipes)) == len(recipes), experiment.name


def test_too_few_far_events_or_pairs_are_said():
    with pytest.raises(ShapeError, match="0 of 40 clips with events 12 frames apart"):
        tasks_beyond.far_events(tasks_beyond.Order().world, 12, 2, 0, "validation")
    with pytest.raises(ShapeError, match="pixels apart"):
        tasks_attention.far_pairs(tasks_attention.Pairs().world, 60.0, 2, 0, "validation")
    with pytest.raises(ShapeError, match="an even number"):
        tasks_attention.far_pairs(tasks_attention.Pairs().world, 23.0, 3, 0, "validation")
    with pytest.raises(ShapeError, match="start='zeros'"):
        tasks_beyond.Few(start="zeros").build(models.Inflated, 0)
