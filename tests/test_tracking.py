"""Tracking: corners lie where corners are, and tracks follow the exact path, and end where there is none to follow."""

import inspect
import math

import pytest
import torch

from vidlab import ShapeError, data, worlds
from vidlab.flow import corners, track
from vidlab.motions import send
from vidlab.textures import texture

SIZE, FRAMES = 96, 5
CENTRE = ((SIZE - 1) / 2, (SIZE - 1) / 2)
NOISE = torch.rand(3, 40, 48, generator=torch.Generator().manual_seed(0))


def checkers(x0, y0, size=(40, 60)):
    """Four quarters of a board that meet at (x0, y0), with soft edges: one corner, exactly there."""
    y, x = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in size), indexing="ij")
    return (0.5 + 0.4 * torch.tanh(x - x0) * torch.tanh(y - y0))[None]


def steps(motion, points):
    """Where each place of a track would be one frame later: t-1 n 2."""
    maps = motion[1:] @ torch.linalg.inv(motion[:-1])
    there = [send(m[None], *p.double()[:, None].unbind(-1)) for m, p in zip(maps, points[:-1], strict=True)]
    return torch.stack([torch.stack([x.flatten(), y.flatten()], dim=-1) for x, y in there])


def world(motion, seed=5):
    return worlds.moving_texture(motion, size=SIZE, seed=seed).clip[0]


# ---- corners


@pytest.mark.parametrize(("x", "y"), [(20.0, 15.0), (20.3, 15.0), (31.0, 18.6), (30.7, 20.25)])
def test_a_corner_is_found_where_it_is_between_the_pixels(x, y):
    found = corners(checkers(x, y), radius=4)
    assert (found[0] - torch.tensor([x, y])).abs().max() < 0.05


def test_corners_score_high_and_keep_their_distance():
    """Checked against a plain loop: no pixel nearer than `apart` has a larger smaller eigenvalue."""
    image, radius, apart = texture(3, size=64).moved(torch.eye(3)[None].double(), 80)[0], 5, 6
    found = corners(image, radius=radius, apart=apart)
    assert len(found) > 10
    gap = (found[:, None] - found[None]).abs().amax(-1) + 1e9 * torch.eye(len(found))
    assert gap.min() >= apart
    bell = torch.exp(-2 * (torch.arange(-radius, radius + 1) / radius) ** 2).double()
    bell = bell[:, None] * bell / bell.sum() ** 2
    right, down = (torch.gradient(image, dim=axis)[0] for axis in (2, 1))

    def score(x, y):
        gx, gy = (g[:, y - radius : y + radius + 1, x - radius : x + radius + 1].flatten(1) for g in (right, down))
        w = bell.flatten()
        matrix = torch.stack([gx, gy])
        return torch.linalg.eigvalsh(torch.einsum("icp,kcp,p->ik", matrix, matrix, w))[0]

    scores = []
    for x, y in found.round().long().tolist():
        scores.append(score(x, y))
        ring = [(x + round(apart * math.cos(a)), y + round(apart * math.sin(a))) for a in range(6)]
        ring = [(i, j) for i, j in ring if radius <= min(i, j) and max(i, j) < 80 - radius]
        assert all(scores[-1] > score(i, j) for i, j in ring)
    scores = torch.stack(scores)
    assert (scores[1:] < 1.1 * scores[:-1]).all()  # best first; the derivatives here are plainer ones
    assert scores[-1] > 0.005 * scores[0]


def test_a_window_lies_inside_of_the_image():
    for radius in (3, 8):
        found = corners(NOISE, radius=radius, apart=1)
        assert len(found) >= 4
        assert found.min() >= radius
        assert (found <= torch.tensor([48 - 1 - radius, 40 - 1 - radius])).all()


def test_count_and_quality_cut_from_the_end():
    """Two blobs, one of half the contrast: its squared derivatives are a quarter."""
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(60.0), indexing="ij")
    strong, weak = (torch.exp(-((x - x0) ** 2 + (y - 20) ** 2) / 8) for x0 in (15, 45))
    image = (0.2 + 0.4 * weak + 0.8 * strong)[None]
    places = torch.tensor([[15.0, 20.0], [45.0, 20.0]])
    assert torch.allclose(corners(image, quality=0.24), places, atol=1e-3)
    assert torch.allclose(corners(image, quality=0.26), places[:1], atol=1e-3)
    assert torch.allclose(corners(image, 1), places[:1], atol=1e-3)


def test_edges_flat_walls_and_tiny_pictures_have_no_corners():
    ramp = torch.linspace(0, 1, 60).expand(1, 40, 60)
    stairs = (torch.arange(60) // 9 % 2).float().expand(1, 40, 60)
    flat = torch.full((3, 40, 60), 0.3)
    for image in (ramp, stairs, ramp.mT.contiguous(), flat, flat + 1e-3 * torch.rand(40, 60), torch.rand(1, 9, 60)):
        assert corners(image, radius=4).shape == (0, 2)


@pytest.mark.parametrize("apart", [1, 2, 3, 5])
def test_no_two_corners_are_too_close(apart):
    noise = torch.rand(1, 160, 160, generator=torch.Generator().manual_seed(1))
    found = corners(noise, 2000, radius=1, apart=apart, quality=0.0)
    assert len(found) > 100
    assert ((found[:, None] - found[None]).abs().amax(-1) + 999 * torch.eye(len(found))).min() >= apart


def test_of_equal_peaks_side_by_side_one_is_taken():
    """A board of whole squares: its scores are equal in pairs and fours."""
    y, x = torch.meshgrid(torch.arange(48), torch.arange(48), indexing="ij")
    found = corners(((x // 8 + y // 8) % 2).float()[None], radius=2, apart=3)
    assert len(found) == 25
    assert ((found[:, None] - found[None]).abs().amax(-1) + 99 * torch.eye(25)).min() >= 3


# ---- tracks

MOTIONS = {
    "translation": (worlds.translation(1.3, -0.7, FRAMES), 0.02),
    "rotation": (worlds.rotation(1.0, FRAMES, CENTRE), 0.05),
    "zoom": (worlds.zoom(1.02, FRAMES, CENTRE), 0.05),
    "shake": (worlds.shake(1.5, FRAMES, seed=2), 0.02),
    "jump": (worlds.translation(-8.4, 3.3, 3), 0.02),
}


@pytest.mark.parametrize("name", MOTIONS)
def test_tracks_follow_the_exact_path(name):
    """Mean error of a step in pixels, of all points alive, and most are; a window that turns cannot do better."""
    motion, bound = MOTIONS[name]
    tracks = track(world(motion))
    alive = tracks.alive[1:]
    assert tracks.alive[0].all()
    assert tracks.alive.shape[1] >= 12
    assert alive[-1].float().mean() > 0.6
    error = (tracks.points[1:] - steps(motion, tracks.points)).norm(dim=-1)
    assert error[alive].mean() < bound
    assert error[alive].max() < 5 * bound


def test_errors_of_translation_do_not_add_up():
    motion = worlds.translation(1.3, -0.7, 12)
    tracks = track(world(motion))
    path = (tracks.points - tracks.points[0] - motion[:, None, :2, 2])[tracks.alive]
    assert path.norm(dim=-1).max() < 0.05


def test_without_a_pyramid_a_jump_is_lost():
    motion = worlds.translation(-14.4, 6.3, 2)

    def right(levels):
        moved = track(world(motion), radius=6, levels=levels).points.diff(dim=0)[0]
        return ((moved - motion[1, :2, 2]).norm(dim=1) < 0.1).float().mean()

    assert right(1) < 0.2
    assert right(3) > 0.5


def test_points_between_pixels_and_on_the_very_border_are_followed():
    """Into the picture: half of each window lies outside of it."""
    motion = worlds.translation(1.2, 0.9, 6)
    points = torch.tensor([[0.0, 0.0], [0.0, 40.3], [37.7, 0.0], [10.5, 77.25]])
    tracks = track(world(motion), points)
    assert tracks.alive.all()
    assert (tracks.points - points - motion[:, None, :2, 2]).norm(dim=-1).max() < 0.1


def test_odd_sizes_and_one_channel():
    """Halves of odd sizes are no exact halves; each level has its own scale."""
    motion = worlds.translation(-5.5, 3.5, 3)
    clip = worlds.moving_texture(motion, size=107, seed=3).clip[0].mean(1, keepdim=True)[..., :75, :]
    tracks = track(clip, torch.tensor([[90.0, 20.0], [60.0, 40.0], [30.0, 30.0]]))
    assert tracks.alive.all()
    assert (tracks.points - tracks.points[0] - motion[:, None, :2, 2]).abs().max() < 0.05


def test_tracks_on_an_object_move_with_it_and_those_behind_it_do_not():
    scene = worlds.moving_object((1.5, 0.5), frames=8, size=96, seed=2, radius=20.0)
    y, x = torch.meshgrid(torch.arange(12.0, 90, 6), torch.arange(12.0, 90, 6), indexing="ij")
    points = torch.stack([x.flatten(), y.flatten()], dim=1)
    tracks = track(scene.clip[0], points, radius=6)
    cover = scene.mask[0, :, 0].float()
    near = torch.nn.functional.max_pool2d(cover.amax(0)[None], 15, 1, 7)[0]  # ever close to the object
    core = -torch.nn.functional.max_pool2d(-cover[:1], 15, 1, 7)[0]
    at = points.long()
    on, off = core[at[:, 1], at[:, 0]] > 0, near[at[:, 1], at[:, 0]] == 0
    assert on.sum() >= 5
    assert off.sum() >= 20
    moved = tracks.points[-1] - points
    living = tracks.alive[-1]
    assert living[on].float().mean() > 0.8
    assert living[off].float().mean() > 0.8
    assert (moved[on & living] - torch.tensor([10.5, 3.5])).abs().max() < 0.3
    assert moved[off & living].abs().max() < 0.02


def test_on_the_real_film_she_walks_to_the_left_and_the_rest_stays():
    """24 frames of the walker, about 1.7 pixels each; some of her corners are lost to what is behind her."""
    clip = data.walker(size=180, frames=range(60, 84)).float()
    tracks = track(clip)
    start, moved = tracks.points[0], tracks.points[-1] - tracks.points[0]
    on_her = ((start - torch.tensor([253.0, 138.0])).abs() < torch.tensor([22.0, 40.0])).all(1)
    living = tracks.alive[-1]
    assert living.float().mean() > 0.8
    assert (moved[on_her & living, 0] < -15).sum() >= 3
    assert (moved[~on_her & living].norm(dim=1) < 1).float().mean() > 0.9


def test_who_leaves_the_frame_is_dead_and_stays_where_it_was_last_seen():
    motion = worlds.translation(3.0, 0.0, 10)
    points = torch.tensor([[85.0, 30.0], [30.0, 50.0]])
    tracks = track(world(motion), points)
    assert tracks.life.tolist() == [4, 10]  # 85, 88, 91, 94, and 97 is outside of 96 pixels
    assert (tracks.points[3:, 0] == tracks.points[3, 0]).all()
    assert abs(tracks.points[3, 0, 0] - 94) < 0.1


def test_what_is_gone_for_a_moment_is_not_revived():
    """The scene is replaced by another for one frame: forward and backward disagree, and dead is dead."""
    clip = world(worlds.translation(0.5, 0.0, 6)).clone()
    clip[3] = world(worlds.translation(0.0, 0.0, 1), seed=9)[0]
    tracks = track(clip)
    assert tracks.alive[:3].all()
    assert tracks.alive[3].float().mean() < 0.2
    assert not (tracks.alive[1:] & ~tracks.alive[:-1]).any()
    held = ~tracks.alive[3]
    assert (tracks.points[3:, held] == tracks.points[2, held]).all()


def test_the_tolerance_is_of_the_way_there_and_back():
    clip = worlds.add_noise(world(worlds.translation(1.3, -0.7, 4)), 0.05, generator=torch.Generator().manual_seed(0))
    alive = [track(clip, tolerance=tolerance).alive[-1].float().mean() for tolerance in (0.03, 0.3, 3.0)]
    assert alive[0] < alive[1] - 0.2
    assert alive[1] <= alive[2]
    assert alive[2] > 0.9


def test_a_window_that_tells_nothing_kills_its_point():
    """A wall, and an edge, along which nobody knows the motion."""
    clip = torch.full((3, 1, 64, 64), 0.4)
    clip[..., 40:] = 0.8
    clip[..., :12] += 1e-3 * torch.rand(64, 12, generator=torch.Generator().manual_seed(0))  # less than any camera's
    tracks = track(clip, torch.tensor([[25.0, 30.0], [40.0, 30.0], [4.0, 20.0]]), radius=5)
    assert tracks.life.tolist() == [1, 1, 1]
    assert torch.equal(tracks.points[2], tracks.points[0])


def test_a_mark_that_fades_is_lost():
    """A round blob gives no direction to look for it when it is gone: forward it stays, and only going back tells."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    blob = 0.5 + 0.4 * torch.exp(-((x - 32) ** 2 + (y - 32) ** 2) / 20)
    clip = torch.stack([blob, blob, torch.full_like(blob, 0.5)])[:, None]
    assert track(clip, torch.tensor([[32.0, 32.0]])).life.tolist() == [2]


def test_no_corner_means_no_tracks():
    for clip in (torch.full((4, 3, 40, 40), 0.5), torch.rand(4, 1, 7, 5)):
        tracks = track(clip)
        assert tracks.points.shape == (4, 0, 2)
        assert tracks.alive.shape == (4, 0)
        assert tracks.life.shape == (0,)


def test_each_point_goes_its_own_way_whoever_else_is_tracked():
    clip = world(MOTIONS["shake"][0])
    points = corners(clip[0])
    whole, part = track(clip, points), track(clip, points[::3])
    assert torch.allclose(whole.points[:, ::3], part.points, atol=1e-4)
    assert torch.equal(whole.alive[:, ::3], part.alive)


def test_double_precision_agrees_and_two_runs_are_equal():
    clip = world(MOTIONS["zoom"][0])
    points = corners(clip[0])
    once, again, fine = track(clip, points), track(clip, points), track(clip.double(), points)
    assert torch.equal(once.points, again.points)
    assert torch.equal(once.alive, again.alive)
    assert fine.points.dtype == torch.float64
    assert (once.points - fine.points)[once.alive & fine.alive].abs().max() < 0.01


def test_a_track_keeps_no_graph():
    clip = world(MOTIONS["shake"][0]).requires_grad_()
    assert not track(clip).points.requires_grad


CLIP, POINT = NOISE.expand(3, 3, 40, 48), torch.tensor([[20.0, 20.0]])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda f, g: f(CLIP[:1], POINT), "one frame.*two or more"),
        (lambda f, g: f((255 * CLIP).byte(), POINT), "uint8.*clip.float\\(\\) / 255"),
        (lambda f, g: f(255 * CLIP, POINT), "/ 255"),
        (lambda f, g: f(CLIP.half(), POINT), "float16.*clip.float"),
        (lambda f, g: f(CLIP[None], POINT), "t c h w.*clip\\[0\\]"),
        (lambda f, g: f(CLIP.movedim(1, -1), POINT), "h w c"),
        (lambda f, g: f(CLIP.tolist(), POINT), "is a list"),
        (lambda f, g: f(CLIP * torch.nan, POINT), "nan"),
        (lambda f, g: f(CLIP, POINT * torch.nan), "1 of 1 points outside"),
        (lambda f, g: f(CLIP, torch.tensor([[10.0, 10.0], [30.0, 45.0]])), "1 of 2.*30.*45.*y from 0 to 39.*flip"),
        (lambda f, g: f(CLIP, torch.tensor([[-0.1, 10.0]])), "outside of the frame"),
        (lambda f, g: f(CLIP, POINT[0]), "n 2"),
        (lambda f, g: f(CLIP, POINT.numpy()), "in a ndarray.*n 2"),
        (lambda f, g: f(CLIP, POINT, radius=0), "radius = 0"),
        (lambda f, g: f(CLIP, POINT, levels=0), "levels = 0"),
        (lambda f, g: f(CLIP, POINT, iterations=0), "iterations = 0"),
        (lambda f, g: f(CLIP, POINT, tolerance=math.nan), "tolerance = nan"),
        (lambda f, g: g(CLIP), "one image c h w.*clip\\[0\\]"),
        (lambda f, g: g((255 * NOISE).byte()), "floats"),
        (lambda f, g: g(NOISE * torch.inf), "finite"),
        (lambda f, g: g(NOISE, 0), "count = 0"),
        (lambda f, g: g(NOISE, quality=1.0), "quality = 1"),
        (lambda f, g: g(NOISE, apart=0), "apart = 0"),
    ],
)
def test_wrong_arguments_are_named(call, words):
    with pytest.raises(ShapeError, match=words):
        call(inspect.unwrap(track), inspect.unwrap(corners))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_the_same_tracks_on_a_gpu():
    clip = world(MOTIONS["shake"][0])
    here, there = track(clip), track(clip.cuda())
    assert there.points.is_cuda
    assert torch.equal(there.points, track(clip.cuda()).points)
    assert (here.points - there.points.cpu())[here.alive & there.alive.cpu()].abs().max() < 0.01
