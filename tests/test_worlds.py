"""Worlds: the answers they give are exact, and what no frame may tell, none does."""

import math

import pytest
import torch

from vidlab import ShapeError, worlds
from vidlab.motions import pixel_grid, send

SIZE, FRAMES = 48, 6
CENTRE = ((SIZE - 1) / 2, (SIZE - 1) / 2)
MOTIONS = {
    "translation": worlds.translation(1.3, -0.7, FRAMES),
    "rotation": worlds.rotation(3.0, FRAMES, CENTRE),
    "zoom": worlds.zoom(1.04, FRAMES, CENTRE),
    "shake": worlds.shake(1.5, FRAMES, seed=2),
    "all": worlds.shake(0.5, FRAMES, seed=2)
    @ worlds.translation(0.4, 0.2, FRAMES)
    @ worlds.rotation(2.0, FRAMES, CENTRE)
    @ worlds.zoom(0.98, FRAMES, CENTRE),
}


@pytest.mark.parametrize("name", MOTIONS)
def test_brightness_is_constant_along_the_exact_flow(name):
    """I(x + u, y + v, t + 1) = I(x, y, t), the next frame in closed form where the flow points: within 1e-5."""
    motion = MOTIONS[name]
    world = worlds.moving_texture(motion, size=SIZE, seed=5)
    pattern, (x, y) = worlds.texture(5, size=SIZE), pixel_grid(SIZE)
    for t in range(FRAMES - 1):
        there = x + world.flow[0, t, 0], y + world.flow[0, t, 1]
        source = send(torch.linalg.inv(motion[t + 1 : t + 2]), *there)
        assert (pattern(*source)[0] - world.clip[0, t]).abs().max() < 1e-5


@pytest.mark.parametrize("name", MOTIONS)
def test_warping_on_pixels_costs_only_the_interpolation(name):
    """Bilinear warping by the exact flow, in the interior: mean error below 0.01 (waves of 6 pixels and more)."""
    world = worlds.moving_texture(MOTIONS[name], size=SIZE, seed=5)
    x, y = (axis.float() for axis in pixel_grid(SIZE))
    grid = torch.stack([x + world.flow[0, :, 0], y + world.flow[0, :, 1]], dim=-1) / (SIZE - 1) * 2 - 1
    back = torch.nn.functional.grid_sample(world.clip[0, 1:], grid, align_corners=True)
    inside = (grid.abs() < 1).all(-1)[:, None]
    assert ((back - world.clip[0, :-1]).abs() * inside).sum() / (3 * inside.sum()) < 0.01


def test_flow_of_rotation_and_zoom_in_closed_form():
    x, y = (axis - CENTRE[0] for axis in pixel_grid(SIZE))
    turn = math.radians(3.0)
    flow = worlds.flow_of(MOTIONS["rotation"], SIZE)
    assert torch.allclose(flow[2, 0].double(), x * (math.cos(turn) - 1) - y * math.sin(turn), atol=1e-5)
    assert torch.allclose(flow[2, 1].double(), x * math.sin(turn) + y * (math.cos(turn) - 1), atol=1e-5)
    grow = worlds.flow_of(MOTIONS["zoom"], SIZE)
    assert torch.allclose(grow[3].double(), 0.04 * torch.stack([x, y]), atol=1e-5)


@pytest.mark.parametrize("shape", ["disk", "square"])
def test_mask_has_the_area_of_the_object(shape):
    """Within 2.5 % of the area on average over sub-pixel places, for a radius of 10 pixels."""
    world = worlds.moving_object((0.37, 0.21), frames=12, size=64, shape=shape, radius=10.0, seed=1)
    area = {"disk": math.pi * 100, "square": 400}[shape]
    assert (world.mask.sum((2, 3, 4)) / area - 1).abs().max() < 0.055
    assert abs(world.mask.float().sum((2, 3, 4)).mean() / area - 1) < 0.025


def test_object_and_background_have_their_own_flow():
    camera = worlds.translation(-1.0, 0.5, 8)
    world = worlds.moving_object((2.0, 1.0), frames=8, size=64, seed=1, camera=camera)
    mask = world.mask[0, :-1, 0]
    flow = world.flow[0].movedim(1, -1)
    assert torch.allclose(flow[mask], torch.tensor([1.0, 1.5]).expand_as(flow[mask]))
    assert torch.allclose(flow[~mask], torch.tensor([-1.0, 0.5]).expand_as(flow[~mask]))


def drifting(seed=0, n=64, **more):
    keys = {"frames": 8, "size": 24, "directions": 4, "speed": 1.0, "colours": 4} | more
    return worlds.drifting_textures(n, generator=torch.Generator().manual_seed(seed), **keys)


def test_drift_is_a_roll():
    """At 1 pixel a frame each frame is the one before, rolled: right, down, left, up."""
    world = drifting()
    rolls = [(0, 1), (1, 0), (0, -1), (-1, 0)]
    for clip, k in zip(world.clip, world.label["direction"], strict=True):
        for t in range(7):
            assert torch.allclose(torch.roll(clip[t], rolls[k], dims=(-2, -1)), clip[t + 1], atol=1e-4)
    u, v = world.flow[0, 0, :, 0, 0].tolist()
    angle = math.pi / 2 * world.label["direction"][0].item()
    assert (u, v) == pytest.approx((math.cos(angle), math.sin(angle)), abs=1e-6)


def test_a_clip_backwards_is_a_clip_of_the_opposite_direction():
    """The same waves, the phase of the last frame, the opposite velocity: equal, so both have one distribution."""
    generator = torch.Generator().manual_seed(0)
    cycles = torch.randint(1, 5, (5, 12, 2), generator=generator).float()
    phase = 6.28 * torch.rand(5, 12, generator=generator)
    velocity = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.7, 0.7], [-1.0, 0.3], [0.5, -1.5]])
    clip = worlds._drift(cycles, phase, velocity, 8, 24)
    shift = (2 * math.pi / 24 * cycles * velocity[:, None]).sum(-1) * 7
    assert torch.allclose(clip.flip(1), worlds._drift(cycles, phase - shift, -velocity, 8, 24), atol=1e-4)


def test_a_frame_tells_nothing_of_the_direction():
    """Mean, spread and correlations of frame 3 agree between directions within sampling error (5 standard errors)."""
    world = drifting(n=2048, colours=1)
    frames, direction = world.clip[:, 3, 0], world.label["direction"]
    dx, dy = frames.diff(dim=-1)[:, :-1], frames.diff(dim=-2)[..., :-1]
    for value in (frames.mean((1, 2)), frames.std((1, 2)), (dx * dy).mean((1, 2)), dx.pow(3).mean((1, 2))):
        for k in range(4):
            group = value[direction == k]
            assert (group.mean() - value.mean()).abs() < 5 * group.std() / len(group) ** 0.5 + 1e-7


def test_tints_have_one_brightness():
    world = drifting(n=256, speed=0.0)
    luma = (world.clip * torch.tensor([0.299, 0.587, 0.114]).reshape(3, 1, 1)).sum(2).mean((1, 2, 3))
    by_tint = torch.stack([luma[world.label["colour"] == k].mean() for k in range(4)])
    assert by_tint.max() - by_tint.min() < 0.01
    chroma = world.clip.mean((1, 3, 4))
    centres = torch.stack([chroma[world.label["colour"] == k].mean(0) for k in range(4)])
    assert torch.cdist(centres, centres)[~torch.eye(4, dtype=torch.bool)].min() > 0.1


def test_the_same_seed_gives_the_same_world():
    assert torch.equal(drifting(3).clip, drifting(3).clip)
    assert not torch.equal(drifting(3).clip, drifting(4).clip)
    pair = [worlds.moving_object((1.0, 0.0), frames=4, size=32, seed=7).clip for _ in range(2)]
    assert torch.equal(*pair)


def test_noise_and_flicker_are_as_stated():
    clip = torch.full((2, 200, 3, 8, 8), 0.5)
    noisy = worlds.add_noise(clip, 0.1, generator=torch.Generator().manual_seed(0))
    assert abs((noisy - clip).std() - 0.1) < 0.002
    shown, gain = worlds.add_flicker(clip, 0.2, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(shown, clip * gain[..., None, None, None])
    assert 0.8 <= gain.min() < 0.83
    assert 1.17 < gain.max() <= 1.2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"shape": "star"}, "disk"),
        ({"background": "sea"}, "plain"),
        ({"camera": worlds.translation(1, 0, 3)}, "as many as the clip has"),
    ],
)
def test_wrong_arguments_are_named(arguments, words):
    with pytest.raises(ShapeError, match=words):
        worlds.moving_object((1.0, 0.0), frames=4, size=32, **arguments)
