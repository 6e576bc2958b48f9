"""Filters along time, and filters slanted in space–time that prefer a velocity.

Adelson & Bergen (1985), *Spatiotemporal energy models for the perception of motion*, J. Opt. Soc. Am. A 2, 284–299.
"""

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn.functional import conv1d, conv2d, pad

from .errors import ShapeError, expect_clip

Pair = tuple[Float[Tensor, "kt kx"], Float[Tensor, "kt kx"]]
PADDINGS = {"replicate": "replicate", "zeros": "constant", "circular": "circular", "valid": None}


def box(k: int) -> Float[Tensor, "k"]:
    """The mean of k frames, k odd."""
    return torch.ones_like(_taps(k)) / k


def gaussian(sigma: float, k: int | None = None) -> Float[Tensor, "k"]:
    """A bell of standard deviation `sigma` frames; its weights sum to 1. By default it reaches to ±3 sigma."""
    bell = _bell(_taps(k, sigma), sigma)
    return bell / bell.sum()


def derivative(sigma: float, k: int | None = None) -> Float[Tensor, "k"]:
    """Smoothed derivative: answers 1 to a signal that rises by 1 a frame, and 0 to a constant one."""
    t = _taps(k, sigma)
    if len(t) < 3:
        raise ShapeError("k = 1", wanted="3 weights or more: one frame has no slope", mend="k=3")
    slope = t * _bell(t, sigma)
    return slope / (slope * t).sum()


def gabor_pair(frequency: float, sigma: float, k: int | None = None) -> tuple[Float[Tensor, "k"], Float[Tensor, "k"]]:
    """A cosine and a sine under the same bell: a *quadrature pair*, each a quarter of a wave from the other.

    Args:
        frequency: cycles per frame (or per pixel), from 0 to 0.5.
        sigma: width of the bell, in frames.
        k: number of taps, odd; by default the bell reaches to ±3 sigma.

    Returns:
        even, odd: both answer 0 to a constant signal. At frequency 0 there is no wave left: (bell, zeros).
    """
    even, odd = _waves(frequency, sigma, k)
    bell = gaussian(sigma, len(even))
    return (even - bell * even.sum() if frequency else even), odd


def temporal_filter(
    clip: Shaped[Tensor, "*b t c h w"], kernel: Float[Tensor, "k"], padding: str = "replicate"
) -> Float[Tensor, "*b t2 c h w"]:
    r"""At each pixel, a weighted sum of its neighbours in time, $O(t) = \sum_k w_k\,I(t + k)$, k from the middle.

    This is the correlation that networks call convolution: the last weight belongs to the latest frame.

    Args:
        clip: `*b t c h w`, float.
        kernel: an odd number of weights.
        padding: beyond the ends, "replicate" the first and last frame, "zeros", "circular", or "valid": give only
            the t - k + 1 frames that need no padding.

    Raises:
        ShapeError: no float clip, an even kernel, an unknown padding, or a clip shorter than a valid filter.

    >>> ramp = torch.arange(9.0).reshape(9, 1, 1, 1)
    >>> temporal_filter(ramp, derivative(1.0), padding="valid").flatten().round(decimals=3)
    tensor([1., 1., 1.])
    """
    expect_clip(clip)
    if not clip.is_floating_point():
        raise ShapeError(f"clip is {clip.dtype}", wanted="floats: bytes wrap around below 0", mend="clip.float() / 255")
    if kernel.ndim != 1 or len(kernel) % 2 == 0:
        raise ShapeError(
            f"kernel of shape {tuple(kernel.shape)}", wanted="an odd number of weights, so that one is in the middle"
        )
    if padding not in PADDINGS:
        raise ShapeError(f"padding {padding!r}", wanted=" or ".join(PADDINGS))
    *batch, t, c, h, w = clip.shape
    reach = len(kernel) // 2
    if (padding == "valid" and t < len(kernel)) or (padding == "circular" and t < reach):
        raise ShapeError(
            f"{t} frames, {len(kernel)} weights", wanted="a clip as long as the kernel", mend='padding="replicate"'
        )
    lives = clip.movedim(-4, -1).reshape(-1, 1, t)  # every pixel's life, one a row
    if PADDINGS[padding]:
        lives = pad(lives, (reach, reach), mode=PADDINGS[padding])
    out = conv1d(lives, kernel.to(clip)[None, None])
    return out.reshape(*batch, c, h, w, -1).movedim(-1, -4)


def spacetime_gabor(fx: float, ft: float, sigma_x: float, sigma_t: float, k: int | None = None) -> Pair:
    """A quadrature pair slanted in the x–t plane, which prefers the velocity ft / fx (positive: to the right).

    Built as Adelson & Bergen do (their figure 10), from filters of x alone times filters of t alone:
    cos(a - b) = cos a cos b + sin a sin b and sin(a - b) = sin a cos b - cos a sin b, with a = 2π fx x and b = 2π ft t.

    Args:
        fx: cycles per pixel, above 0. ft: cycles per frame; its sign is the direction.
        sigma_x, sigma_t: width of the bell, in pixels and in frames.
        k: number of taps along both, odd; by default the bell reaches to ±3 sigma.

    Returns:
        even, odd: filters `kt kx`, normalised to an energy of 1 for a sine wave of amplitude 1 at (fx, ft).

    Raises:
        ShapeError: fx not above 0, a frequency above 0.5, an even k, or a width that is not positive.
    """
    if fx <= 0:
        raise ShapeError(f"fx = {fx}", wanted="a positive spatial frequency", mend="put the sign of the motion into ft")
    even_x, odd_x = gabor_pair(fx, sigma_x, k)  # no answer to a constant along x, so none at all to an even wall
    even_t, odd_t = _waves(ft, sigma_t, k)
    even = torch.outer(even_t, even_x) + torch.outer(odd_t, odd_x)
    odd = torch.outer(even_t, odd_x) - torch.outer(odd_t, even_x)
    return 2 * even, 2 * odd  # a bell of area 1 keeps half of a wave's amplitude


def velocity_gabor(velocity: float, wavelength: float = 8.0, sigma: float | None = None) -> Pair:
    """The pair of `spacetime_gabor` for a velocity in pixels per frame and a wavelength in pixels.

    Raises:
        ShapeError: a velocity of half a wavelength a frame or more: the pattern would alias.
    """
    sigma = wavelength / 2 if sigma is None else sigma
    if abs(velocity) >= wavelength / 2:
        raise ShapeError(
            f"velocity {velocity} for wavelength {wavelength}",
            wanted="less than half a wavelength a frame",
            mend="a longer wavelength",
        )
    return spacetime_gabor(1 / wavelength, velocity / wavelength, sigma, sigma)


def motion_energy(cut: Float[Tensor, "*b t x"], pair: Pair) -> Float[Tensor, "*b t x"]:
    """Even answer squared plus odd answer squared: how much motion of the pair's velocity, whatever its phase.

    Args:
        cut: grey x–t slices `*b t x`, float (`xt_slice(clip, y).mean(-3)`).
        pair: from `velocity_gabor` or `spacetime_gabor`. Beyond the edges the slice continues with its last values.

    Raises:
        ShapeError: no float slice.
    """
    if cut.ndim < 2 or not cut.is_floating_point():
        raise ShapeError(
            f"a slice of {cut.dtype} and shape {tuple(cut.shape)}",
            wanted="floats, t x",
            mend="xt_slice(clip, y=…).mean(-3)",
        )
    return sum(_answer(cut, kernel) ** 2 for kernel in pair)


def opponent_energy(cut: Float[Tensor, "*b t x"], velocity: float, wavelength: float = 8.0) -> Float[Tensor, "*b t x"]:
    """Energy for `velocity` minus energy for its opposite: for a positive velocity, above 0 where things move right."""
    right, left = (motion_energy(cut, velocity_gabor(u, wavelength)) for u in (velocity, -velocity))
    return right - left


def _answer(cut: Tensor, kernel: Tensor) -> Tensor:
    kt, kx = kernel.shape
    plane = pad(cut.reshape(-1, 1, *cut.shape[-2:]), (kx // 2, kx // 2, kt // 2, kt // 2), mode="replicate")
    return conv2d(plane, kernel.to(cut)[None, None]).reshape(cut.shape)


def _waves(frequency: float, sigma: float, k: int | None = None) -> tuple[Tensor, Tensor]:
    """Cosine and sine under a bell of area 1."""
    if abs(frequency) > 0.5:
        raise ShapeError(
            f"frequency = {frequency}", wanted="at most 0.5 cycles a sample", mend="a longer wave: above 0.5 it aliases"
        )
    t = _taps(k, sigma)
    bell = gaussian(sigma, len(t))
    return bell * torch.cos(2 * math.pi * frequency * t), bell * torch.sin(2 * math.pi * frequency * t)


def _taps(k: int | None, sigma: float = 1.0) -> Float[Tensor, "k"]:
    """... -2, -1, 0, 1, 2 ...: where the weights stand; by default as far as ±3 sigma."""
    if sigma <= 0:
        raise ShapeError(f"sigma = {sigma}", wanted="a positive width, in frames", mend="sigma=1.0")
    k = 2 * math.ceil(3 * sigma) + 1 if k is None else k
    if k < 1 or k % 2 == 0:
        raise ShapeError(
            f"k = {k}", wanted="an odd number of weights, so that one is in the middle", mend=f"k={max(1, k + 1)}"
        )
    return torch.arange(k, dtype=torch.float32) - k // 2


def _bell(t: Tensor, sigma: float) -> Tensor:
    return torch.exp(-(t**2) / (2 * sigma**2))
