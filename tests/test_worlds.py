"""Worlds: the answers they give are exact, and what no frame may tell, none does."""

import dataclasses
import inspect
import math

import pytest
import torch

from vidlab import ShapeError, worlds
from vidlab.motions import pixel_grid, send
from vidlab.textures import drifting_waves

SIZE, FRAMES = 48, 6


def untyped(function):
    """The function as learners have it, without the tests' checks of its types: our own errors come first."""
    return inspect.unwrap(function)


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
    """I(x + u, y + v, t + 1) = I(x, y, t), the next frame in closed form where the flow points: within 1e-6."""
    motion = MOTIONS[name]
    world = worlds.moving_texture(motion, size=SIZE, seed=5)
    pattern, (x, y) = worlds.texture(5, size=SIZE), pixel_grid(SIZE)
    for t in range(FRAMES - 1):
        there = x + world.flow[0, t, 0], y + world.flow[0, t, 1]
        source = send(torch.linalg.inv(motion[t + 1 : t + 2]), *there)
        assert (pattern(*source)[0] - world.clip[0, t]).abs().max() < 1e-6


@pytest.mark.parametrize("name", MOTIONS)
def test_warping_on_pixels_costs_only_the_interpolation(name):
    """Bilinear warping by the exact flow, in the interior: 0.005 at most on average (waves of 6 pixels and more)."""
    world = worlds.moving_texture(MOTIONS[name], size=SIZE, seed=5)
    x, y = (axis.float() for axis in pixel_grid(SIZE))
    grid = torch.stack([x + world.flow[0, :, 0], y + world.flow[0, :, 1]], dim=-1) / (SIZE - 1) * 2 - 1
    back = torch.nn.functional.grid_sample(world.clip[0, 1:], grid, align_corners=True)
    inside = (grid.abs() < 1).all(-1)[:, None]
    assert ((back - world.clip[0, :-1]).abs() * inside).sum() / (3 * inside.sum()) < 0.005


def test_interpolation_is_all_that_warping_lacks():
    """With waves four times as long the bilinear error, of second order, falls sixteenfold: by more than 10 here."""
    x, y = pixel_grid(SIZE)
    error = []
    for finest in (6.0, 24.0):
        pattern = worlds.texture(5, size=int(8 * finest), finest=finest)
        clip = pattern.moved(worlds.translation(0.5, 0.5, 2), SIZE)
        grid = torch.stack([x + 0.5, y + 0.5], dim=-1)[None] / (SIZE - 1) * 2 - 1
        back = torch.nn.functional.grid_sample(clip[1:], grid, align_corners=True)[0, :, :-1, :-1]
        error.append((back - clip[0, :, :-1, :-1]).abs().mean())
    assert error[0] / error[1] > 10


@pytest.mark.parametrize("name", MOTIONS)
def test_fast_rendering_is_the_formula(name):
    """A product of two tables equals a cosine for every wave and pixel: within 1e-12, in float64."""
    pattern = worlds.texture(3, size=SIZE)
    asked = pattern(*send(torch.linalg.inv(MOTIONS[name]), *pixel_grid(SIZE)))
    assert (pattern.moved(MOTIONS[name], SIZE) - asked).abs().max() < 1e-12


def test_a_texture_is_smooth_inside_its_range_and_its_colour_changes_no_brightness():
    x, y = pixel_grid(64)
    vivid, grey = (worlds.texture(2, colour=colour)(x, y) for colour in (0.5, 0.0))
    assert 0 < vivid.min()
    assert vivid.max() < 1
    assert torch.allclose(grey[0], grey[1])
    assert vivid.std(0).mean() > 0.03  # colourful, yet:
    luma = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)
    pattern = worlds.texture(2, colour=0.5)
    plain = dataclasses.replace(pattern, amplitude=pattern.amplitude * torch.tensor([[1.0], [0.0], [0.0]]))
    assert torch.allclose(luma @ vivid.flatten(1), luma @ plain(x, y).flatten(1))
    contrast = torch.stack([worlds.texture(s, contrast=0.14)(x, y).mean(0).std() for s in range(8)]).mean()
    assert 0.09 < contrast < 0.15


def test_flow_and_warp_of_an_object_at_whole_pixels_are_exact():
    """Velocity (2, 1): every pixel of body or background is found again at p + flow, unless it is hidden there."""
    camera = worlds.translation(-1, 0, 5)
    world = worlds.moving_object((2, 1), frames=5, size=48, seed=2, camera=camera)
    clip, mask, flow = world.clip[0], world.mask[0, :, 0], world.flow[0].round().long()
    y, x = torch.meshgrid(torch.arange(48), torch.arange(48), indexing="ij")
    for t in range(4):
        nx, ny = x + flow[t, 0], y + flow[t, 1]
        inside = (0 <= nx) & (nx < 48) & (0 <= ny) & (ny < 48)
        nx, ny = nx.clamp(0, 47), ny.clamp(0, 47)
        edge = torch.nn.functional.max_pool2d(mask[t : t + 2].float()[:, None], 5, 1, 2)[:, 0] > 0
        core = -torch.nn.functional.max_pool2d(-mask[t].float()[None, None], 3, 1, 1)[0, 0] > 0
        far = ~edge[0] & ~edge[1][ny, nx]  # background that stays in sight
        assert core.sum() > 100
        for region in (core, far & inside):
            assert (clip[t + 1][:, ny, nx] - clip[t]).abs().amax(0)[region].max() < 1e-5


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
    cycles = torch.randint(1, 5, (5, 2, 12), generator=generator).float()
    phase = 6.28 * torch.rand(5, 12, generator=generator)
    velocity = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.7, 0.7], [-1.0, 0.3], [0.5, -1.5]])
    clip = drifting_waves(cycles, phase, velocity, 8, 24)
    shift = (2 * math.pi / 24 * cycles * velocity[..., None]).sum(1) * 7
    assert torch.allclose(clip.flip(1), drifting_waves(cycles, phase - shift, -velocity, 8, 24), atol=1e-4)


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
    """Exactly: recolour a clip, and no pixel's luma changes."""
    luma = torch.tensor([0.299, 0.587, 0.114]).reshape(3, 1, 1)
    two, four = drifting(colours=2), drifting(colours=4)  # the same chance: the same waves, other tints
    assert not torch.equal(two.clip, four.clip)
    assert torch.allclose((two.clip * luma).sum(2), (four.clip * luma).sum(2), atol=1e-6)
    assert 0 < four.clip.min()
    assert four.clip.max() < 1
    chroma = four.clip.mean((1, 3, 4))
    centres = torch.stack([chroma[four.label["colour"] == k].mean(0) for k in range(4)])
    assert torch.cdist(centres, centres)[~torch.eye(4, dtype=torch.bool)].min() > 0.1


def test_the_same_seed_gives_the_same_world():
    assert torch.equal(drifting(3).clip, drifting(3).clip)
    assert not torch.equal(drifting(3).clip, drifting(4).clip)
    generator = torch.Generator().manual_seed(3)  # and however a batch is split
    parts = [worlds.drifting_textures(n, frames=3, size=16, generator=generator) for n in (1, 7, 24)]
    whole = drifting(3, n=32, frames=3, size=16, colours=1)
    assert torch.allclose(torch.cat([part.clip for part in parts]), whole.clip, atol=1e-5)
    assert torch.equal(torch.cat([part.label["direction"] for part in parts]), whole.label["direction"])
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
    ("call", "words"),
    [
        (lambda: worlds.moving_object((1, 0), frames=4, size=32, shape="star"), "disk"),
        (lambda: worlds.moving_object((1, 0), frames=4, size=32, background="sea"), "plain"),
        (lambda: worlds.moving_object((1, 0), frames=4, size=32, supersample=0), "at least 1"),
        (lambda: worlds.moving_object((1, 0), frames=4, size=32, camera=worlds.translation(1, 0, 3)), "as many as"),
        (lambda: worlds.translation(1, 0, 0), "at least one"),
        (lambda: worlds.zoom(0.0, 4, CENTRE), "above 0"),
        (lambda: worlds.texture(0, finest=1.0), "alias"),
        (lambda: worlds.texture(0, level=1.5), "level"),
        (lambda: drifting(directions=0), "directions=0"),
        (lambda: drifting(frames=0), "frames=0"),
        (lambda: untyped(worlds.moving_texture)(torch.eye(3), size=8), "3 × 3 map a frame"),
        (lambda: untyped(worlds.flow_of)(torch.zeros(4, 2, 3), 8), "3 × 3 map a frame"),
        (lambda: untyped(worlds.add_noise)(torch.zeros(2, 3, 4, 4).byte(), 0.1, generator=torch.Generator()), "floats"),
        (lambda: untyped(worlds.add_flicker)(torch.zeros(2, 4, 4, 3), 0.1, generator=torch.Generator()), "h w c"),
    ],
)
def test_wrong_arguments_are_named(call, words):
    with pytest.raises(ShapeError, match=words):
        call()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_the_same_world_on_a_gpu():
    motion = MOTIONS["all"]
    here, there = (worlds.moving_texture(m, size=SIZE, seed=1) for m in (motion, motion.cuda()))
    assert torch.allclose(here.clip, there.clip.cpu(), atol=1e-5)
    assert torch.allclose(here.flow, there.flow.cpu(), atol=1e-5)
    ball = worlds.moving_object((1, 0.5), frames=FRAMES, size=SIZE, camera=motion.cuda())
    assert torch.allclose(ball.clip.cpu(), worlds.moving_object((1, 0.5), frames=FRAMES, size=SIZE, camera=motion).clip)
    drift = worlds.drifting_textures(4, frames=8, size=24, colours=4, generator=torch.Generator("cuda").manual_seed(0))
    assert drift.clip.is_cuda
    assert (drift.clip.min() > 0) & (drift.clip.max() < 1)
