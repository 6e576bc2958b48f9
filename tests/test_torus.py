"""The course's world: every answer is exact, and what one frame, or the set of frames, must not tell, they do not."""

import dataclasses
import itertools
import math

import pytest
import torch

from vidlab import ShapeError
from vidlab.actors import GROWTH, MOTIONS, REACH, SHAPES, outside, skin
from vidlab.scenes import CHUNK, WAVES
from vidlab.torus import _mix
from vidlab.worlds import Scenes, World

LUMA = torch.tensor([0.299, 0.587, 0.114]).reshape(3, 1, 1)
OPPOSITE = torch.tensor([2, 3, 0, 1, 5, 4, 7, 6])  # of each motion
LARGE = {"size": 96, "radius": (14.0, 16.0), "noise": 0.0}  # interpolation costs less than a grey level


def again(scenes, waves=None, **actors):
    """The same scenes with other waves, or with some fields of their actors changed."""
    waves = scenes.waves if waves is None else waves
    return Scenes(scenes.world, dataclasses.replace(scenes.actors, **actors), waves, torch.Generator().manual_seed(0))


def everywhere(scenes, field, value):
    """The same scenes with one field of every actor set to one value."""
    return again(scenes, **{field: torch.full_like(getattr(scenes.actors, field), value)})


def improbable(table):
    """By how many standard deviations Pearson's chi-square of a table exceeds that of independent rows and columns.

    A table of one row is tested for uniformity. Normal approximation: Wilson & Hilferty 1931, PNAS 17, 684.
    """
    table = table.double()
    rows, columns = table.shape
    margin = table.sum(0, keepdim=True) if rows > 1 else table.sum() / columns
    expected = table.sum(1, keepdim=True) * margin / table.sum()
    chi = ((table - expected) ** 2 / expected).sum()
    freedom = (rows - 1 or 1) * (columns - 1)
    return (((chi / freedom) ** (1 / 3) - 1 + 2 / (9 * freedom)) / math.sqrt(2 / (9 * freedom))).item()


def count(*places):
    """How often each combination of classes occurs."""
    shape = [int(each.max()) + 1 for each in places]
    cells = torch.zeros_like(places[0])
    for each, n in zip(places, shape, strict=True):
        cells = cells * n + each
    return torch.bincount(cells, minlength=math.prod(shape)).reshape(shape)


def bins(value, low, high, n=4):
    """Continuous values as n classes; all of them must lie within [low, high], and no class may be empty."""
    assert low - 1e-3 <= value.min()
    assert value.max() <= high + 1e-3
    places = ((value - low) / (high - low) * n).long().clamp(0, n - 1)
    assert len(places.unique()) == n
    return places


def eroded(mask, by):
    """`n h w` without a rim of some pixels, on the torus."""
    ring = torch.nn.functional.pad(mask[:, None].float(), 4 * (by,), mode="circular")
    return -torch.nn.functional.max_pool2d(-ring, 2 * by + 1, 1)[:, 0] > 0.5


def look_up(picture, flow):
    """`n h w` pictures at p + flow, bilinear, on the torus."""
    size = picture.shape[-1]
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    grid = (flow + torch.stack([x, y])).remainder(size).movedim(1, -1) * 2 / size - 1
    round_about = torch.nn.functional.pad(picture[:, None], (0, 1, 0, 1), mode="circular")
    return torch.nn.functional.grid_sample(round_about, grid, align_corners=True)[:, 0]


MOVES = {
    "walk": {"speed": (0.6, 2.7)},
    "walk, camera": {"speed": (0.6, 2.7), "camera": 1.4},
    "turn": {"motions": MOTIONS[4:6], "speed": (0.5, 2.0)},
    "grow": {"motions": MOTIONS[6:], "speed": (0.5, 2.0)},
    "an event, camera": {"motions": MOTIONS, "onset": (1, 3), "duration": 3, "camera": 1.4},
    "an event only": {"motions": MOTIONS, "onset": (1, 3), "duration": 3, "visible": "event"},
    "two, camera": {"motions": MOTIONS, "objects": 2, "camera": 0.9},
}


@pytest.mark.parametrize("name", MOVES)
def test_the_flow_says_where_every_pixel_goes(name):
    """Frame t+1 at p + flow is frame t, within 3 grey levels; on the whole the flow is right within 2 %, and 1 degree.

    In the interior of each actor, and in the background that stays in sight. By how much it would have to be changed,
    along itself and across, is fitted to the gradients of frame t (Lucas & Kanade 1981, Proc. IJCAI, 674).
    """
    scenes = World(frames=6, **LARGE, **MOVES[name]).sample(16, seed=4)
    luma = (scenes.clip.float() / 255 * LUMA).sum(2)
    now, then, flow = luma[:, :-1].flatten(0, 1), luma[:, 1:].flatten(0, 1), scenes.flow.flatten(0, 1)
    change = look_up(then, flow) - now
    dx, dy = ((now.roll(-1, axis) - now.roll(1, axis)) / 2 for axis in (-1, -2))
    terms = torch.stack([dx * flow[:, 0] + dy * flow[:, 1], dy * flow[:, 0] - dx * flow[:, 1]], dim=-1)
    parts = torch.cat([~scenes.mask.any(2, keepdim=True), scenes.mask], dim=2)
    for part in range(parts.shape[2]):  # the background, then each actor
        inside, inside_then = (eroded(each.flatten(0, 1), 3) for each in (parts[:, :-1, part], parts[:, 1:, part]))
        region = inside & (look_up(inside_then.float(), flow) > 0.99)
        assert region.sum() > 10_000
        assert change[region].abs().max() < 3 / 255
        if part or scenes.world.camera:
            assert torch.linalg.lstsq(terms[region], change[region][:, None]).solution.abs().max() < 0.02


def test_flow_in_numbers():
    """Walking: the velocity, exactly; turning: a rotation; growing: 4 % a frame for each px/frame; else the camera."""
    scenes = World(frames=5, motions=MOTIONS, onset=(1, 1), duration=2, noise=0.0).sample(64, seed=1)
    mask, flow, actors = scenes.mask[:, :, 0], scenes.flow.movedim(2, -1), scenes.actors
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    assert set(scenes.label["motion"].tolist()) == set(range(8))
    for i, motion in enumerate(scenes.label["motion"].tolist()):
        assert not flow[i, [0, 3]].any()  # before and after the event
        assert not flow[i][~mask[i, :-1]].any()
        speed = actors.speed[i, 0]
        away = torch.stack([(axis - scenes.position[i, 2, 0, k] + 16) % 32 - 16 for k, axis in enumerate((x, y))], -1)
        away = away[mask[i, 2]]
        if motion < 4:
            wanted = torch.tensor([(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)])[motion] * speed
            assert torch.equal(flow[i, 2][mask[i, 2]], wanted.expand_as(away))
            continue
        if motion < 6:
            turn = speed / actors.radius[i, 0] * (1 if motion == 4 else -1)
            spin = torch.tensor([[turn.cos(), -turn.sin()], [turn.sin(), turn.cos()]])  # clockwise where y points down
            wanted = away @ spin.T - away
        else:
            wanted = away * (torch.exp(GROWTH * speed * (1 if motion == 6 else -1)) - 1)
        assert torch.allclose(flow[i, 2][mask[i, 2]], wanted, atol=1e-5)
    panned = World(camera=1.3).sample(8, seed=2)
    free = panned.flow.movedim(2, -1)[~panned.mask[:, :-1, 0]]
    assert torch.allclose(free.norm(dim=-1), torch.tensor(1.3))
    assert not torch.allclose(free, free[0])  # each clip has its own direction


def test_at_whole_pixels_everything_rolls():
    """2 px a frame: byte for byte, the next frame and the next mask are this one rolled."""
    scenes = World(speed=(2.0, 2.0), background=0.0, noise=0.0).sample(16, seed=3)
    scenes = again(scenes, x=(8 * scenes.actors.x).round() / 8, y=(8 * scenes.actors.y).round() / 8)  # no rounding
    for i, motion in enumerate(scenes.label["motion"].tolist()):
        shift = ((0, 2), (2, 0), (0, -2), (-2, 0))[motion]
        for film in (scenes.clip[i], scenes.mask[i]):
            assert torch.equal(film[:-1].roll(shift, (-2, -1)), film[1:])
        assert scenes.mask[i].any()


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_itself(shape):
    """Area π r² (1 % on average, 6 % each), the mean of the squared distance from the centre, and the reach."""
    scenes = World(frames=4, size=64, shapes=(shape,), radius=(12.0, 12.0), noise=0.0).sample(64, seed=5)
    area = scenes.mask.sum((-1, -2)) / (math.pi * 144)
    assert abs(area.mean() - 1) < 0.01
    assert (area - 1).abs().max() < 0.06
    line = torch.linspace(-2, 2, 800)
    x, y = torch.meshgrid(line, line, indexing="xy")
    inside = outside(torch.tensor([SHAPES.index(shape)]), x[None], y[None])[0] < 0
    squared = (x.square() + y.square())[inside]
    long, half = 1.153, 0.415
    cross = (8 * long * half * (long**2 + half**2) - 8 * half**4) / 3 / math.pi
    spread = {"disk": 0.5, "square": math.pi / 6, "triangle": math.pi / math.sqrt(27), "cross": cross}[shape]
    assert squared.mean().item() == pytest.approx(spread, rel=0.005)
    assert inside.sum().item() * (4 / 799) ** 2 == pytest.approx(math.pi, rel=0.003)
    assert squared.max().sqrt().item() == pytest.approx(REACH[SHAPES.index(shape)], rel=0.005)
    assert x[inside].mean().abs() < 0.005  # the origin is the centroid
    assert y[inside].mean().abs() < 0.005


@pytest.mark.parametrize("objects", [1, 2])
def test_positions_are_the_centres_of_the_masks(objects):
    """The centroid of the pixels, each at its image nearest to the stated centre: within 0.05 px on average.

    A square along the axes may be off by half a pixel, but to either side alike.
    """
    world = World(motions=MOTIONS, camera=0.7, objects=objects, onset=(0, 4), duration=3, size=64)
    scenes = world.sample(96, seed=6)
    assert scenes.position.min() >= 0
    assert scenes.position.max() <= 64
    front = scenes.mask[:, :, -1].float()
    for axis in (0, 1):
        away = (torch.arange(64) - scenes.position[:, :, -1, axis, None] + 32) % 64 - 32
        error = (front.sum(-2 + axis) * away).sum(-1) / front.sum((-1, -2))
        assert error.abs().max() < 0.5
        assert error.abs().mean() < 0.05
        assert error.mean().abs() < 0.01


def test_labels_count_along_the_lists_of_the_world():
    """Colour, shape and motion are read off the pixels and masks, without the renderer's help."""
    colours, shapes, motions = ("yellow", "red", "blue", "green"), ("cross", "triangle"), ("up", "shrink", "left")
    world = World(frames=4, size=64, colours=colours, shapes=shapes, motions=motions, radius=(12.0, 12.0), noise=0.0)
    scenes = world.sample(64, seed=7)
    assert set(scenes.label) == {"colour", "shape", "motion", "onset"}
    assert all(value.shape == (64,) and value.dtype == torch.int64 for value in scenes.label.values())
    for i in range(len(scenes)):
        colour, shape, motion = (scenes.label[name][i] for name in ("colour", "shape", "motion"))
        mask = scenes.mask[i, :, 0]
        r, g, b = (scenes.clip[i].movedim(1, 0)[:, mask].float().mean(1) / 255).tolist()
        hues = {"red": r - (g + b) / 2, "blue": b - (r + g) / 2, "green": g - (r + b) / 2, "yellow": (r + g) / 2 - b}
        assert max(hues, key=hues.get) == colours[colour]
        full = mask.roll((32 - scenes.position[i, 0, 0]).round().int().flip(0).tolist(), (-2, -1))[0]
        dy, dx = (full.nonzero() - full.nonzero().float().mean(0)).T
        spread = (dx.square() + dy.square()).mean() / 144 / mask[0].sum() * (math.pi * 144)
        assert (spread > 0.593) == (shapes[shape] == "triangle")
        moved = (scenes.position[i, 1, 0] - scenes.position[i, 0, 0] + 32) % 64 - 32
        area = mask.sum((-1, -2))
        seen = "shrink" if area[0] > 1.05 * area[-1] else "left" if moved[0] < -0.9 else "up" if moved[1] < -0.9 else ""
        assert seen == motions[motion]
    assert World(objects=2).sample(5).label["onset"].shape == (5, 2)


def test_turning_is_clockwise_on_the_screen_at_the_speed_of_the_rim():
    """The third harmonic of a triangle turns three times as fast as it does."""
    world = World(size=64, shapes=("triangle",), motions=("anticlockwise", "clockwise"), radius=(14.0, 14.0), noise=0.0)
    scenes = world.sample(16, seed=8)
    scenes = everywhere(everywhere(scenes, "x", 32.0), "y", 32.0)
    y, x = torch.meshgrid(torch.arange(-32.0, 32), torch.arange(-32.0, 32), indexing="ij")
    phase = (scenes.mask[:, :, 0] * torch.complex(x, y) ** 3).sum((-1, -2)).angle()
    step = torch.remainder(phase.diff(dim=1) + math.pi, 2 * math.pi) - math.pi
    wanted = scenes.actors.speed[:, 0] / 14 * (2 * scenes.label["motion"] - 1)
    assert torch.allclose(step.mean(1) / 3, wanted, atol=0.005)


def test_growth_is_of_size_and_symmetric_about_half_time():
    scenes = World(size=64, motions=("grow", "shrink"), radius=(9.0, 10.0), noise=0.0).sample(64, seed=9)
    area = scenes.mask[:, :, 0].sum((-1, -2))
    sign = 1 - 2 * scenes.label["motion"]
    wanted = 2 * 7 * GROWTH * scenes.actors.speed[:, 0] * sign
    assert ((area[:, -1] / area[:, 0]).log() - wanted).abs().mean() < 0.02
    middle = (area[:, 0] * area[:, -1]).sqrt() / (math.pi * scenes.actors.radius[:, 0] ** 2)
    assert abs(middle.mean() - 1) < 0.01


@pytest.mark.parametrize("visible", ["always", "event"])
def test_the_event_begins_and_ends_when_the_label_says(visible):
    world = World(frames=9, onset=(1, 4), duration=3, visible=visible, motions=MOTIONS, noise=0.0)
    scenes = world.sample(96, seed=10)
    assert set(scenes.label["onset"].tolist()) == {1, 2, 3, 4}
    shown = scenes.mask[:, :, 0].flatten(2).any(2)
    assert torch.equal(shown, scenes.visible[..., 0])
    changes = (scenes.clip[:, 1:] != scenes.clip[:, :-1]).flatten(2).any(2)
    for i, onset in enumerate(scenes.label["onset"].tolist()):
        seen = torch.arange(9)[shown[i]]
        assert seen.tolist() == list(range(onset, onset + 4) if visible == "event" else range(9))
        first, last = (onset - 1, onset + 3) if visible == "event" else (onset, onset + 2)  # appears … vanishes
        assert changes[i].tolist() == [first <= t <= last for t in range(8)]
    late = World(frames=6, onset=(2, 2), motions=("right",), speed=(1.0, 1.0), visible="event").sample(3)
    path = (late.position[:, :, 0, 0] - late.position[:, :1, 0, 0]) % 32
    assert torch.allclose(path, torch.tensor([0.0, 0, 0, 1, 2, 3]).expand(3, 6), atol=1e-4)  # to the end, no farther


@pytest.mark.parametrize("stage", ["torus", "torus, camera", "bounded"])
def test_a_clip_backwards_is_a_clip_of_the_opposite_motion(stage):
    """Where it ended, as it was turned, moving the other way: the reversed clip within a grey level."""
    stage, _, camera = stage.partition(", ")
    keys = {"stage": stage, "camera": 0.8 if camera else 0.0, "motions": MOTIONS, "noise": 0.0, "objects": 2}
    scenes = World(frames=7, onset=(0, 2), duration=3, **keys).sample(32, seed=11)
    waves, world, actors = scenes.waves.clone(), scenes.world, scenes.actors
    _, angle, _ = actors.pose(7)
    numbers = waves[:, 1:].reshape(-1, 3, WAVES)
    cycles = (13 * numbers[:, :2]).floor() - 6
    cycles[:, 0] += (cycles == 0).all(1)
    heading = torch.stack([(2 * math.pi * waves[:, 0]).cos(), (2 * math.pi * waves[:, 0]).sin()], 1)
    slip = 6 * world.camera / 32 * (cycles * heading[..., None]).sum(1)
    waves[:, 1 + 2 * WAVES :] = (numbers[:, 2] - slip) % 1
    waves[:, 0] = (waves[:, 0] + 0.5) % 1
    x, y = scenes.position[:, -1].unbind(-1)
    onset = 6 - actors.onset - actors.duration
    back = again(scenes, waves, x=x, y=y, angle=angle[:, -1], onset=onset, motion=OPPOSITE[actors.motion])
    assert (back.clip.int() - scenes.clip.flip(1).int()).abs().max() <= 1
    assert (back.mask != scenes.mask.flip(1)).float().mean() < 1e-4
    assert (back.clip.int() - scenes.clip.int()).abs().max() > 50  # and time does matter


def test_places_are_uniform_in_every_frame_whatever_the_motion():
    """Chi-square of 8 × 8 bins for each motion, in frames 0, 3 and 7: below 4.5 standard deviations.

    So the reversed clips above come as often as clips of the opposite motion do.
    """
    scenes = World(motions=MOTIONS[:6], camera=0.5).sample(24_000, seed=12)
    for t in (0, 3, 7):
        x, y = (bins(scenes.position[:, t, 0, axis], 0, 32, 8) for axis in (0, 1))
        for motion in range(6):
            chosen = scenes.label["motion"] == motion
            assert improbable(count(x[chosen] * 8 + y[chosen])[None]) < 4.5


@pytest.mark.parametrize("share", [(), ("motion",)])
def test_where_two_objects_are_does_not_tell_where_they_go(share):
    """The place of one as seen from the other is uniform in every frame, for every pair of motions."""
    scenes = World(objects=2, share=share).sample(24_000, seed=13)
    motion = scenes.label["motion"][:, 0] * 4 + scenes.label["motion"][:, 1]
    for t in (0, 3, 7):
        apart = (scenes.position[:, t, 1] - scenes.position[:, t, 0]) % 32
        x, y = (bins(apart[:, axis], 0, 32, 4) for axis in (0, 1))
        for pair in motion.unique():
            assert improbable(count((4 * x + y)[motion == pair])[None]) < 4.5


def moments(frames):
    """What a model of single frames might measure, `b n`: moments of colours and gradients, and where colour is."""
    grey, red, blue = frames.mean(1), frames[:, 0] - frames[:, 1], frames[:, 2] - frames[:, 1]
    dx, dy = (grey.roll(-1, axis) - grey for axis in (-1, -2))
    maps = [grey, grey**2, grey**3, red, blue, red * blue, dx**2, dy**2, dx * dy, dx**3, dy**3, dx**2 * dy, red * dx]
    size = frames.shape[-1]
    wave = torch.arange(size) * (2 * math.pi / size)
    maps += [(red.abs() + blue.abs()) * each for each in (wave.cos(), wave.sin(), wave.cos()[:, None])]
    return torch.stack([each.mean((-1, -2)) for each in maps], dim=1)


@pytest.mark.parametrize("more", [{}, {"camera": 1.0}, {"objects": 2, "onset": (0, 2), "visible": "event"}])
def test_a_single_frame_does_not_tell_the_direction(more):
    """16 moments of frames 0, 2 and 4: each direction's mean within 4.5 standard errors of the mean of all."""
    scenes = World(frames=5, size=16, **more).sample(2400, seed=14)
    direction = scenes.label["motion"].reshape(2400, -1)[:, 0]
    for t in (0, 2, 4):
        value = moments(scenes.clip[:, t].float() / 255)
        for k in range(4):
            group = value[direction == k]
            allowed = 4.5 * group.std(0) * (0.75 / len(group)) ** 0.5  # a quarter is in both
            assert ((group.mean(0) - value.mean(0)).abs() < allowed).all()


def test_those_moments_do_see_what_a_frame_tells():
    """The same yardstick finds growth in the first frame, and the direction in the first frame of a bounded stage."""
    for more in ({"motions": ("grow", "shrink")}, {"motions": ("right", "left"), "stage": "bounded"}):
        scenes = World(frames=5, size=16, radius=(2.0, 2.2), **more).sample(1200, seed=15)
        value = moments(scenes.clip[:, 0].float() / 255)
        one, other = (value[scenes.label["motion"] == k] for k in (0, 1))
        assert ((one.mean(0) - other.mean(0)).abs() / one.std(0) * len(one) ** 0.5).max() > 10


def test_the_four_colours_have_one_brightness():
    """Recolour every actor: the luma of no pixel changes (by more than rounding), and the colours lie far apart."""
    scenes = World(noise=0.0, motions=MOTIONS, objects=2).sample(24, seed=16)
    films = [everywhere(scenes, "colour", k).clip.float() / 255 for k in range(4)]
    luma = torch.stack([(film * LUMA).sum(2) for film in films])
    assert (luma - luma[0]).abs().max() < 1.01 / 255
    assert (luma.mean((1, 2, 3, 4)) - luma.mean()).abs().max() < 0.02 / 255
    for one, other in itertools.combinations(films, 2):
        distance = (one - other).norm(dim=2)[scenes.mask.any(2)]
        assert distance.mean() > 0.3  # with the dark outline
    place = torch.linspace(-1.5, 1.5, 61)
    colour, light = skin(torch.arange(4), place.expand(4, 61), place.expand(4, 61), torch.zeros(4))
    shown = colour[:, :, None] + light[:, None]
    assert 0 <= shown.min()  # no channel is cut off, which would change the brightness
    assert shown.max() <= 1


def test_two_objects_differ_and_share():
    """Each pair that is allowed comes equally often, no other comes, and each object alone is uniform."""
    world = World(objects=2, motions=MOTIONS, differ=("motion", "colour"), share=("shape",), shapes=SHAPES[:3])
    label = world.sample(20_000, seed=17).label
    for name in ("motion", "colour"):
        table = count(*label[name].T)
        assert not table.diagonal().any()
        assert improbable(table[~torch.eye(len(table), dtype=torch.bool)][None]) < 4.5
        assert max(improbable(table.sum(axis)[None]) for axis in (0, 1)) < 4.5
    assert torch.equal(label["shape"][:, 0], label["shape"][:, 1])
    assert improbable(count(label["shape"][:, 0])[None]) < 4.5
    assert improbable(count(*label["colour"].T)) > 40  # what dependence looks like
    free = World(objects=2).sample(20_000, seed=17).label
    assert max(improbable(count(*free[name].T)) for name in ("colour", "shape", "motion")) < 4.5


def test_the_second_object_is_in_front():
    keys = {"frames": 2, "size": 64, "shapes": ("disk",), "speed": (0.0, 0.0), "noise": 0.0, "background": 0.0}
    scenes = World(objects=2, **keys).sample(4)
    together = {name: getattr(scenes.actors, name)[:, :1].expand(-1, 2).clone() for name in ("x", "y")}
    small = torch.tensor([[10.0, 5.0]] * 4)
    scenes = again(scenes, **together, radius=small, colour=torch.tensor([[0, 1]] * 4))
    behind, front = scenes.mask.unbind(2)
    assert not (behind & front).any()
    assert (front.sum((-1, -2)) * 2.5 < behind.sum((-1, -2))).all()
    red, _, blue = scenes.clip.int().unbind(2)
    assert ((blue - red)[eroded(front.flatten(0, 1), 1).reshape(front.shape)] > 50).all()
    assert ((red - blue)[eroded(behind.flatten(0, 1), 1).reshape(behind.shape)] > 50).all()


@pytest.mark.parametrize("frames", [8, 5])
def test_on_a_bounded_stage_nobody_leaves(frames):
    """Whatever is not plain background lies round its actor without wrapping; by default no draw fails."""
    world = World(frames=frames, motions=MOTIONS, stage="bounded", background=0.0, noise=0.0, shapes=SHAPES)
    plenty = world.sample(20_000, seed=18)
    place, _, size = plenty.actors.pose(frames)
    reach = (torch.tensor(REACH)[plenty.actors.shape] * plenty.actors.radius)[:, None] * size
    assert (place - reach[..., None]).min() > -1e-3
    assert (place + reach[..., None]).max() < 31 + 1e-3
    scenes = world.sample(400, seed=18)
    shown = (scenes.clip != scenes.clip[:, :, :, :1, :1]).any(2)
    assert not scenes.mask[..., 0, 0].any()  # the corner is plain
    for axis, name in enumerate("xy"):
        pixel = torch.arange(32)[None] if name == "x" else torch.arange(32)[:, None]
        distance = (pixel - scenes.position[:, :, 0, axis, None, None]).abs()
        assert (distance * shown).max() < reach.max() + 1.01


def test_on_a_bounded_stage_starts_are_uniform_and_betray_the_direction():
    world = World(shapes=("disk",), radius=(4.0, 4.0), speed=(1.0, 1.0), stage="bounded", noise=0.0)
    scenes = world.sample(16_000, seed=19)
    start, motion = scenes.position[:, 0, 0], scenes.label["motion"]
    for k, ((low_x, high_x), (low_y, high_y)) in enumerate(
        [((4, 20), (4, 27)), ((4, 27), (4, 20)), ((11, 27), (4, 27)), ((4, 27), (11, 27))]
    ):
        x, y = start[motion == k].T
        table = count(bins(x, low_x, high_x, 8), bins(y, low_y, high_y, 8))
        assert improbable(table.reshape(1, -1)) < 4.5
    goes_right, goes_left = start[motion == 0, 0], start[motion == 2, 0]
    found = ((goes_right < 15.5).float().mean() + (goes_left > 15.5).float().mean()) / 2
    assert found == pytest.approx(11.5 / 16, abs=0.03)  # chance is 1/2


def test_the_same_seed_and_split_give_the_same_bytes():
    world = World(frames=3, size=16, flicker=0.1, camera=0.5, objects=2)
    clip = world.sample(5, seed=3).clip
    assert torch.equal(clip, world.sample(5, seed=3).clip)
    others = [world.sample(5, seed=seed, split=split) for seed, split in ((4, "train"), (3, "val"), (3, "test"))]
    for other in others:
        assert not torch.equal(clip[:, 0], other.clip[:, 0])
        assert not torch.isin(other.actors.x, world.sample(5, seed=3).actors.x).any()
        assert not torch.isin(other.waves, world.sample(5, seed=3).waves).any()
    state = torch.random.get_rng_state()
    scenes = world.sample(5, seed=3)
    _ = scenes.flow, scenes.clip  # in another order, and without the global generator
    assert torch.equal(scenes.clip, clip)
    assert torch.equal(state, torch.random.get_rng_state())


def test_no_two_splits_or_seeds_or_purposes_share_a_generator():
    parts = itertools.product(("train", "val", "test"), range(3000), ("", "stage", "noise"))
    seeds = [_mix(split, seed, *([purpose] if purpose else [])) for split, seed, purpose in parts]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize("objects", [1, 2])
def test_more_clips_begin_with_the_same_clips(objects):
    world = World(frames=2, size=16, noise=0.0, objects=objects, camera=0.5)
    many = world.sample(CHUNK + 9, seed=20)
    for m in (1, 3, CHUNK, CHUNK + 1):
        few = world.sample(m, seed=20)
        for name, value in vars(few.actors).items():
            assert torch.equal(value, getattr(many.actors, name)[:m])
        assert torch.equal(few.waves, many.waves[:m])
        assert (few.clip.int() - many.clip[:m].int()).abs().max() <= 1
        assert len(few) == m


def test_noise_and_flicker_are_as_stated():
    plain, noisy, unsteady = (
        World(frames=6, **more).sample(200, seed=21).clip.float() / 255
        for more in ({"noise": 0.0}, {"noise": 0.05}, {"noise": 0.0, "flicker": 0.2})
    )
    grain = (noisy - plain)[:, :, 1]
    assert abs(grain.std() - 0.05) < 0.0006
    assert grain.mean().abs() < 0.0003
    assert abs((grain[:, :-1] * grain[:, 1:]).mean()) < 0.05**2 / 50  # each frame its own
    gain = unsteady.mean((2, 3, 4)) / plain.mean((2, 3, 4))
    assert improbable(count(bins(gain, 0.8, 1.2, 8).flatten())[None]) < 4.5
    assert torch.corrcoef(torch.stack([gain[:, 0], gain[:, 1]]))[0, 1].abs() < 0.3
    flat = World(background=0.0, noise=0.0).sample(2, seed=21)
    assert (flat.clip.float() / 255)[~flat.mask.any(2)[:, :, None].expand_as(flat.clip)].median() == 107 / 255


def test_all_factors_are_uniform_and_independent():
    """Ten factors of each of two objects, all 190 pairs of the twenty: chi-square below 4.5 standard deviations."""
    world = World(frames=9, objects=2, motions=MOTIONS, onset=(1, 5), duration=3)
    scenes = world.sample(20_000, seed=22)
    actors = scenes.actors
    places = {name: getattr(actors, name) for name in ("colour", "shape", "motion")}
    assert all(torch.equal(places[name], scenes.label[name]) for name in places)
    places["onset"] = actors.onset - 1
    ranges = {"speed": (1, 2), "x": (0, 32), "y": (0, 32), "radius": world.radii}
    ranges |= {"angle": (0, 2 * math.pi), "stripes": (0, 2 * math.pi)}
    places |= {name: bins(getattr(actors, name), *ends) for name, ends in ranges.items()}
    every = {f"{name} {o}": value[:, o] for name, value in places.items() for o in (0, 1)}
    assert {name: int(value.max()) + 1 for name, value in places.items() if name in ("onset", "motion")} == {
        "onset": 5,
        "motion": 8,
    }
    for name, value in every.items():
        assert improbable(count(value)[None]) < 4.5, name
    for (one, a), (other, b) in itertools.combinations(every.items(), 2):
        assert improbable(count(a, b)) < 4.5, (one, other)
    assert improbable(count(bins(scenes.waves[:, 0], 0, 1), every["motion 0"])) < 4.5  # the camera


@pytest.mark.parametrize(("size", "frames", "objects"), [(12, 1, 1), (17, 2, 2), (24, 5, 2), (48, 16, 1)])
def test_shapes_of_everything_at_other_sizes(size, frames, objects):
    scenes = World(size=size, frames=frames, objects=objects, camera=0.4).sample(3, seed=23)
    assert scenes.clip.shape == (3, frames, 3, size, size)
    assert scenes.clip.dtype == torch.uint8
    assert scenes.mask.shape == (3, frames, objects, size, size)
    assert scenes.flow.shape == (3, frames - 1, 2, size, size)
    assert scenes.position.shape == (3, frames, objects, 2)
    assert scenes.visible.shape == (3, frames, objects)
    assert scenes.clip.float().std() > 10
    share = scenes.mask[:, :, -1].float().mean() / (math.pi * 0.155**2)  # an actor takes the same part of the frame
    assert 0.75 < share < 1.25


@pytest.mark.usefixtures("as_learners_run_it")
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"colours": ("pink",)}, "colours=.'pink',.*'red', 'blue', 'green', 'yellow'.*Try: colours=.\"red\",."),
        ({"shapes": "disk"}, "shapes='disk'.*a tuple"),
        ({"shapes": ()}, "shapes=.*a tuple"),
        ({"motions": ("left", "left")}, "each once"),
        ({"motions": ["left"]}, "a tuple"),
        ({"visible": "never"}, "visible='never'.*'always' or 'event'"),
        ({"stage": "sphere"}, "'torus' or 'bounded'"),
        ({"objects": 3}, "objects=3.*1 or 2"),
        ({"frames": 0}, "frames=0.*at least 1"),
        ({"size": 8}, "size=8.*at least 12"),
        ({"camera": -1.0}, "camera=-1.0.*at least 0"),
        ({"background": -0.1}, "background=-0.1"),
        ({"noise": math.nan}, "noise=nan"),
        ({"flicker": -0.1}, "flicker=-0.1"),
        ({"speed": 1.5}, r"speed=1.5.*\(lowest, highest\).*Try: speed=\(1.5, 1.5\)"),
        ({"speed": (2.0, 1.0)}, r"speed=\(2.0, 1.0\).*\(lowest, highest\), not below 0"),
        ({"radius": (-1.0, 1.0)}, "radius=.*not below 0"),
        ({"radius": (0.0, 1.0)}, "radius=.*above 0"),
        ({"radius": 5.0}, r"Try: radius=\(5.0, 5.0\)"),
        ({"onset": 2}, r"Try: onset=\(2, 2\)"),
        ({"onset": (0, 8)}, "in 8 frames.*from 0 to 7"),
        ({"duration": 8}, "duration=8 in 8 frames.*from 0 to 7"),
        ({"duration": -1}, "duration=-1.*from 0 to 7"),
        ({"radius": (5.0, 11.0)}, "need 34.2 px, on a torus stage of 32 px.*a smaller radius"),
        ({"motions": ("grow",), "frames": 30}, "px, on a torus stage of 32.*fewer frames"),
        ({"stage": "bounded", "frames": 9}, "px, on a bounded stage of 32.*a larger size"),
        ({"stage": "bounded", "camera": 1.0}, 'camera=1.0 on a bounded stage.*Try: stage="torus"'),
        ({"differ": ("motion",)}, "objects=1.*two objects.*Try: objects=2"),
        ({"objects": 2, "differ": "motion"}, "differ='motion'.*a tuple"),
        ({"objects": 2, "share": ("size",)}, "share=.'size',.*colour, shape or motion"),
        ({"objects": 2, "differ": ("colour",), "share": ("colour",)}, "differ in colour.*no share"),
        ({"objects": 2, "differ": ("shape",), "shapes": ("disk",)}, "differ in shape.*several shapes"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_refused(wrong, words):
    with pytest.raises(ShapeError, match=words):
        World(**wrong)


def test_no_clips_are_refused():
    with pytest.raises(ShapeError, match="n=0.*at least 1"):
        World().sample(0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_the_same_world_on_a_gpu():
    """The same actors, backgrounds and answers; only the noise is drawn there."""
    for more in ({}, {"objects": 2, "camera": 0.7, "differ": ("motion",)}, {"stage": "bounded"}):
        world = World(frames=7, motions=MOTIONS, onset=(0, 2), duration=4, noise=0.0, **more)
        here, there = (world.sample(CHUNK + 5, seed=24, device=device) for device in ("cpu", "cuda"))
        assert there.clip.is_cuda
        assert (here.clip.int() - there.clip.cpu().int()).abs().max() <= 1
        assert (here.mask != there.mask.cpu()).float().mean() < 1e-4
        assert ((here.flow - there.flow.cpu()).abs().amax(2) > 1e-4).float().mean() < 1e-4
        assert torch.equal(here.visible, there.visible.cpu())
        assert all(torch.equal(value, there.label[name].cpu()) for name, value in here.label.items())
        apart = (here.position - there.position.cpu() + 16) % 32 - 16
        assert apart.abs().max() < 1e-3
    noisy = [World(noise=0.05, flicker=0.1).sample(9, seed=25, device="cuda").clip for _ in range(2)]
    assert torch.equal(*noisy)
