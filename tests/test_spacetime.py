"""Cuts, filters, motion energy, median and foreground: against loops, closed forms and known masks."""

import inspect
import subprocess
import sys

import numpy as np
import pytest
import torch

from vidlab import ShapeError, spacetime, worlds


def clip(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def untyped(function):
    """The function as learners have it, without the tests' checks of its types: our own errors come first."""
    return inspect.unwrap(function)


@pytest.mark.parametrize("lead", [(), (2,), (2, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
def test_slices_are_indexing(lead, dtype):
    video = (clip(*lead, 5, 3, 7, 9) * 255).to(dtype)
    xt, yt = spacetime.xt_slice(video, 4), spacetime.yt_slice(video, 6)
    assert xt.shape == (*lead, 3, 5, 9)
    assert yt.shape == (*lead, 3, 7, 5)
    for t in range(5):
        assert torch.equal(xt[..., t, :], video[..., t, :, 4, :])
        assert torch.equal(yt[..., t], video[..., t, :, :, 6])
    assert xt.data_ptr() >= video.data_ptr()
    assert xt.untyped_storage().data_ptr() == video.untyped_storage().data_ptr()  # a view


def test_oblique_slice_along_an_axis_is_that_slice():
    video = clip(2, 5, 3, 7, 9)
    assert torch.allclose(spacetime.oblique_slice(video, (0, 4), (8, 4)), spacetime.xt_slice(video, 4), atol=1e-5)
    down = spacetime.oblique_slice(video, (6, 0), (6, 6))
    assert torch.allclose(down.transpose(-1, -2), spacetime.yt_slice(video, 6), atol=1e-5)


def test_oblique_slice_is_exact_on_a_plane():
    """Bilinear interpolation reproduces any linear picture: x + 10 y on a diagonal."""
    y, x = torch.meshgrid(torch.arange(7.0), torch.arange(9.0), indexing="ij")
    line = spacetime.oblique_slice((x + 10 * y)[None, None], (1.0, 0.5), (7.0, 5.5), samples=13)
    along = torch.linspace(0, 1, 13)
    assert torch.allclose(line[0, 0], 1 + 6 * along + 10 * (0.5 + 5 * along), atol=1e-4)


@pytest.mark.parametrize("padding", ["replicate", "zeros", "circular", "valid"])
def test_temporal_filter_is_the_sum_it_says(padding):
    video, kernel = clip(2, 9, 3, 4, 5), torch.tensor([0.1, -0.4, 0.7, 0.2, 0.05])
    modes = {"replicate": "edge", "zeros": "constant", "circular": "wrap"}
    stuff = video.numpy()
    if padding != "valid":
        stuff = np.pad(stuff, ((0, 0), (2, 2), (0, 0), (0, 0), (0, 0)), mode=modes[padding])
    frames = stuff.shape[1] - 4
    expected = np.stack([sum(kernel[k].item() * stuff[:, t + k] for k in range(5)) for t in range(frames)], axis=1)
    out = spacetime.temporal_filter(video, kernel, padding)
    assert out.shape == expected.shape
    np.testing.assert_allclose(out.numpy(), expected, atol=1e-6)
    single = spacetime.temporal_filter(video[1], kernel, padding)
    assert torch.allclose(single, out[1], atol=1e-6)


def test_temporal_filter_has_derivatives_with_respect_to_clip_and_weights():
    video, kernel = clip(5, 1, 2, 2).double().requires_grad_(), torch.randn(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(untyped(spacetime.temporal_filter), (video, kernel))


def test_kernels_answer_as_they_promise():
    ramp, flat = torch.arange(25.0).reshape(25, 1, 1, 1), torch.ones(25, 1, 1, 1)
    for sigma in (0.7, 1.0, 2.0):
        slope = spacetime.temporal_filter(ramp, spacetime.derivative(sigma), "valid")
        assert torch.allclose(slope, torch.ones_like(slope), atol=1e-4)  # rising by one a frame: +1
        assert spacetime.temporal_filter(flat, spacetime.derivative(sigma), "valid").abs().max() < 1e-6
        assert abs(spacetime.gaussian(sigma).sum() - 1) < 1e-6
    assert torch.allclose(spacetime.box(5), torch.full((5,), 0.2))


def test_gabor_pair_is_in_quadrature():
    """The energy of a sine does not depend on its phase: less than 0.2 % spread over eight phases."""
    even, odd = spacetime.gabor_pair(0.125, sigma=6.0)
    t = torch.arange(len(even)) - len(even) // 2
    phases = torch.arange(8) * torch.pi / 4
    energy = torch.stack(
        [sum((k * torch.cos(2 * torch.pi * 0.125 * t + p)).sum() ** 2 for k in (even, odd)) for p in phases]
    )
    assert energy.std() / energy.mean() < 0.002
    assert abs(even.sum()) < 1e-6
    assert abs(odd.sum()) < 1e-6


def test_oriented_filter_is_separable_sums():
    """Adelson & Bergen's figure 10: the slanted wave is a sum of products of waves in x and in t."""
    fx, ft, sigma = 0.125, 0.0625, 6.0
    even, odd = spacetime.spacetime_gabor(fx, ft, sigma, sigma)
    r = even.shape[0] // 2
    t, x = torch.meshgrid(*[torch.arange(-r, r + 1.0)] * 2, indexing="ij")
    bell = torch.exp(-(x**2 + t**2) / (2 * sigma**2))
    angle = 2 * torch.pi * (fx * x - ft * t)
    assert torch.allclose(even / even.norm(), bell * angle.cos() / (bell * angle.cos()).norm(), atol=1e-3)
    assert torch.allclose(odd / odd.norm(), bell * angle.sin() / (bell * angle.sin()).norm(), atol=1e-3)


@pytest.mark.parametrize("preferred", [-2.0, -1.0, -0.25, 0.0, 0.5, 1.0, 1.5])
def test_energy_peaks_at_the_preferred_velocity(preferred):
    """A drifting sine: the largest answer is 1 (±1 %), within 0.125 px/frame of the preferred velocity."""
    t, x = torch.arange(64.0)[:, None], torch.arange(64.0)
    speeds = torch.linspace(-3, 3, 97)
    waves = torch.sin(2 * torch.pi * (x - speeds[:, None, None] * t) / 8.0)
    energy = spacetime.motion_energy(waves, spacetime.velocity_gabor(preferred, 8.0))[:, 20:44, 20:44].mean((1, 2))
    assert abs(speeds[energy.argmax()] - preferred) <= 0.125
    assert abs(energy.max() - 1) < 0.01


@pytest.mark.parametrize("velocity", [-1.5, -0.5, 0.5, 1.5])
def test_opponent_energy_has_the_sign_of_the_velocity(velocity):
    world = worlds.moving_texture(worlds.translation(velocity, 0.0, 32), size=48, seed=3)
    cut = spacetime.xt_slice(world.clip[0], 20).mean(0)
    opponent = spacetime.opponent_energy(cut - cut.mean(), velocity=1.0)
    assert opponent.mean() * velocity > 0


@pytest.mark.parametrize("t", [1, 2, 7, 8])
@pytest.mark.parametrize("lead", [(), (2,)])
def test_median_equals_numpys_lower_one(t, lead):
    video = clip(*lead, t, 3, 6, 5)
    expected = np.sort(video.numpy(), axis=-4).take((t - 1) // 2, axis=-4)
    np.testing.assert_array_equal(spacetime.temporal_median(video).numpy(), expected)
    octets = (video * 255).byte()
    expected = np.sort(octets.numpy(), axis=-4).take((t - 1) // 2, axis=-4)
    np.testing.assert_array_equal(spacetime.temporal_median(octets).numpy(), expected)
    if not lead:
        np.testing.assert_array_equal(spacetime.temporal_median(list(octets)).numpy(), expected)


FILM = """
import resource, sys, torch
from vidlab.spacetime import temporal_median
class Film:
    def __iter__(self):
        for t in range({frames}):
            yield torch.full((3, 120, 160), t % 251, dtype=torch.uint8)
assert temporal_median(Film()).unique().numel() == 1
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_median_of_a_stream_needs_the_memory_of_a_few_frames():
    """Ten times the frames, 26 MB more in all: the peak grows by less than 5 MB."""
    peak = {n: int(subprocess.check_output([sys.executable, "-c", FILM.format(frames=n)])) for n in (50, 500)}
    assert (peak[500] - peak[50]) * (1 if sys.platform == "darwin" else 1024) < 5e6


class Tap:
    """Gives its frames the first time one asks, and none afterwards."""

    def __init__(self, frames):
        self.frames = iter(frames)

    def __iter__(self):
        return (frame for frame in self.frames)


def test_a_stream_that_runs_once_is_refused():
    with pytest.raises(ShapeError, match="only once"):
        spacetime.temporal_median(Tap(torch.zeros(3, 3, 4, 4, dtype=torch.uint8)))
    with pytest.raises(ShapeError, match="only once"):
        spacetime.temporal_median(frame for frame in torch.zeros(3, 3, 4, 4, dtype=torch.uint8))
    with pytest.raises(ShapeError, match="no frames"):
        spacetime.temporal_median([])
    with pytest.raises(ShapeError, match="all of one shape"):
        spacetime.temporal_median([torch.zeros(3, 4, size, dtype=torch.uint8) for size in (5, 6)])
    with pytest.raises(ShapeError, match="float32"):
        spacetime.temporal_median([torch.zeros(3, 4, 5)])
    with pytest.raises(ShapeError, match="from_numpy"):
        untyped(spacetime.temporal_median)([np.zeros((3, 4, 5), dtype=np.uint8)])


def test_robust_sigma_is_the_standard_deviation_of_normal_noise():
    noise = 0.3 * torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    assert abs(spacetime.robust_sigma(noise) - 0.3) < 0.01
    noise[:8000] += 100  # 40 % outliers
    assert spacetime.robust_sigma(noise) < 1.0
    rows = spacetime.robust_sigma(torch.stack([noise[8000:], 2 * noise[8000:]]), dim=1)
    assert rows.shape == (2, 1)
    assert torch.allclose(rows[1], 2 * rows[0])


def iou(mask, truth):
    return ((mask & truth).sum() / (mask | truth).sum()).item()


def test_foreground_finds_the_known_mask():
    """IoU with the exact mask: clean above 0.9; under ±20 % flicker, fixed below 0.6, gain undone above 0.9."""
    world = worlds.moving_object((1.5, 0.5), frames=32, size=64, seed=4)
    background, truth = spacetime.temporal_median(world.clip[0]), world.mask[0]
    assert iou(spacetime.foreground(world.clip[0], background), truth) > 0.9
    fixed = {"k": 1, "sigma": 0.12}  # fine while the clip is clean
    assert iou(spacetime.foreground(world.clip[0], background, **fixed), truth) > 0.9
    flicker, _ = worlds.add_flicker(world.clip[0], 0.2, generator=torch.Generator().manual_seed(0))
    assert iou(spacetime.foreground(flicker, background, **fixed), truth) < 0.6
    assert iou(spacetime.foreground(flicker, background, compensate_gain=True), truth) > 0.9
    night = torch.zeros_like(background)  # nothing is lit, so no gain can be told: none is assumed
    dark = spacetime.foreground(world.clip[0], night, sigma=0.01, compensate_gain=True)
    assert torch.equal(dark, spacetime.foreground(world.clip[0], night, sigma=0.01))
    batch = spacetime.foreground(torch.stack([world.clip[0], flicker]), torch.stack([background] * 2))
    assert torch.equal(batch[0], spacetime.foreground(world.clip[0], background))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: spacetime.xt_slice(clip(4, 3, 6, 8), 6), "0 to 5"),
        (lambda: spacetime.yt_slice(clip(4, 3, 6, 8), -1), "0 to 7"),
        (lambda: spacetime.xt_slice(clip(4, 6, 8, 3), 1), "h w c"),
        (lambda: spacetime.xt_slice(clip(3, 4, 6, 8), 1), "channels"),
        (lambda: spacetime.temporal_filter(clip(4, 3, 6, 8), torch.ones(4)), "odd number"),
        (lambda: spacetime.temporal_filter(clip(4, 3, 6, 8).byte(), torch.ones(3)), "wrap around"),
        (lambda: spacetime.temporal_filter(clip(2, 3, 6, 8), torch.ones(3), "valid"), "as long as the kernel"),
        (lambda: spacetime.temporal_filter(clip(4, 3, 6, 8), torch.ones(3), "mirror"), "replicate"),
        (lambda: spacetime.velocity_gabor(5.0, 8.0), "half a wavelength"),
        (lambda: spacetime.spacetime_gabor(-0.1, 0.1, 3, 3), "positive"),
        (lambda: spacetime.gaussian(-1.0), "positive width"),
        (lambda: spacetime.gaussian(0.0, k=5), "positive width"),
        (lambda: spacetime.derivative(1.0, k=1), "no slope"),
        (lambda: spacetime.velocity_gabor(1.0, 1.5), "half a wavelength"),
        (lambda: untyped(spacetime.motion_energy)(torch.ones(9, 9).byte(), spacetime.velocity_gabor(1.0)), "floats"),
        (lambda: untyped(spacetime.robust_sigma)(torch.ones(9).byte()), "wrap around"),
        (lambda: spacetime.oblique_slice(clip(4, 3, 6, 8), (0, 0), (7, 5), samples=0), "at least one"),
        (lambda: spacetime.box(4), "odd"),
        (lambda: spacetime.gabor_pair(0.7, 3), "aliases"),
        (lambda: spacetime.foreground(clip(4, 3, 6, 8), clip(3, 8, 6)), "c h w"),
        (lambda: spacetime.oblique_slice(clip(4, 3, 6, 8), (0, 0), (8, 5)), "inside the frame"),
        (lambda: spacetime.oblique_slice(clip(4, 3, 6, 8).byte(), (0, 0), (7, 5)), "floats"),
    ],
)
def test_errors_name_the_mend(call, words):
    with pytest.raises(Exception, match=words) as caught:  # noqa: PT011
        call()
    assert "Wanted" in str(caught.value)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_the_same_on_a_gpu():
    video = clip(2, 16, 3, 24, 32)
    for function in (
        lambda v: spacetime.temporal_filter(v, spacetime.derivative(1.0)),
        spacetime.temporal_median,
        lambda v: spacetime.xt_slice(v, 5),
        lambda v: spacetime.oblique_slice(v, (0, 0), (31, 23)),
        lambda v: spacetime.foreground(v, spacetime.temporal_median(v)).float(),
    ):
        assert torch.allclose(function(video.cuda()).cpu(), function(video), atol=1e-4)
