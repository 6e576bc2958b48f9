"""Lesson 07's exercises: right answers written differently, wrong ones, behaviour, and what the course uses.

`test_checks.py` judges RIGHT and WRONG together with those of the other lessons.
"""

import math
import pickle
from functools import reduce
from itertools import accumulate, product
from operator import mul

import pytest
import torch
from einops import rearrange
from torch import nn
from torch.nn import functional

from vidlab import models
from vidlab.checks import check, exercises
from vidlab.models import published
from vidlab.models.published.karpathy import FRAMES, OVER_TIME
from vidlab.receptive_field import receptive_field

ALL = exercises("slow")


def _generator(seed):
    return torch.Generator().manual_seed(seed)


# Right answers, each written differently from the reference


def _conv_loop(clip, weight):
    """Add up shifted copies of the clip, one for each place in the kernel."""
    t, h, w = (n - k + 1 for n, k in zip(clip.shape[2:], weight.shape[2:], strict=True))
    total = clip.new_zeros(len(clip), len(weight), t, h, w)
    for i, y, x in product(*map(range, weight.shape[2:])):
        total += torch.einsum("bcthw,oc->bothw", clip[:, :, i : i + t, y : y + h, x : x + w], weight[:, :, i, y, x])
    return total


def _conv_moments(clip, weight):
    """For each moment the sum of 2D convolutions, one for each frame of the window."""
    moments = []
    for first in range(clip.shape[2] - weight.shape[2] + 1):
        pairs = zip(clip[:, :, first:].unbind(2), weight.unbind(2), strict=False)
        moments.append(sum(functional.conv2d(frame, flat) for frame, flat in pairs))
    return torch.stack(moments, 2)


def _conv_windows_first(clip, weight):
    """Early fusion in each window of time: its frames are channels of one picture."""
    kt = weight.shape[2]
    films = rearrange(clip.unfold(2, kt, 1), "b c t h w kt -> (b t) (c kt) h w")
    flat = functional.conv2d(films, weight.flatten(1, 2))
    return rearrange(flat, "(b t) o h w -> b o t h w", b=len(clip))


def _kernel_loop(weight, frames):
    colours = weight.shape[1] // frames
    kernel = weight.new_empty(len(weight), colours, frames, *weight.shape[2:])
    for i in range(frames):
        for c in range(colours):
            kernel[:, c, i] = weight[:, i * colours + c]
    return kernel


def _sees_backwards(extents, strides):
    frames = 1
    for extent, stride in zip(extents[::-1], strides[::-1], strict=True):
        frames = (frames - 1) * stride + extent
    return frames


def _sees_by_sets(extents, strides):
    """Follow one output down to the clip, frame by frame."""
    seen = {0}
    while extents:
        *extents, extent = extents
        *strides, stride = strides
        seen = {unit * stride + i for unit in seen for i in range(extent)}
    return len(seen)


def _sees_by_products(extents, strides):
    apart = [1] + [math.prod(strides[: i + 1]) for i in range(len(strides) - 1)]
    return sum((k - 1) * j for k, j in zip(extents, apart, strict=True)) + 1


def _gap_by_frames(layer, clip, by):
    """Frame i of the shifted clip's answer against frame i − by of the clip's; negative numbers count from the end."""
    t = clip.shape[2]
    later = layer(torch.stack([clip[:, :, i - by] for i in range(t)], 2))
    return max((later[:, :, i] - layer(clip)[:, :, i - by]).abs().max().item() for i in range(t))


def _gap_undone(layer, clip, by):
    """Shift the answer back instead."""
    t = clip.shape[2]
    shifted = torch.cat([clip[:, :, t - by :], clip[:, :, : t - by]], 2)
    return torch.dist(layer(shifted).roll(-by, 2), layer(clip), p=float("inf"))


def _macs_of_torch(channels_in, channels_out, kernel, size):
    layer = nn.Conv3d(channels_in, channels_out, kernel, device="meta")
    return published.multiply_adds(layer, (1, channels_in, *size))


def _macs_by_shapes(channels_in, channels_out, kernel, size):
    layer = nn.Conv3d(channels_in, channels_out, kernel, bias=False, device="meta")
    answer = layer(torch.empty(1, channels_in, *size, device="meta"))
    return answer[0, 0].numel() * layer.weight.numel()


def _most_that_fit(i, o, t, d):
    """As many channels as there are weights for."""
    m = 0
    while (m + 1) * (d * d * i + t * o) <= t * d * d * i * o:
        m += 1
    return m


RIGHT = {
    "slow.conv3d": [
        _conv_loop,
        _conv_moments,
        _conv_windows_first,
        lambda clip, weight: functional.conv3d(clip, weight),
    ],
    "slow.as_3d": [
        _kernel_loop,
        lambda weight, frames: weight.unflatten(1, (frames, -1)).transpose(1, 2),
        lambda weight, frames: torch.stack(weight.chunk(frames, dim=1), dim=2),
        lambda weight, frames: (
            torch.stack([weight[:, c :: weight.shape[1] // frames] for c in range(3)], 1)
            if weight.shape[1] == 3 * frames
            else torch.stack([weight[:, ::2], weight[:, 1::2]], 1)
        ),
    ],
    "slow.sees": [
        _sees_backwards,
        _sees_by_sets,
        _sees_by_products,
        lambda extents, strides: (
            1 + sum((k - 1) * j for k, j in zip(extents, accumulate([1] + strides[:-1], mul), strict=True))
        ),
    ],
    "slow.shift_gap": [
        _gap_by_frames,
        _gap_undone,
        lambda layer, clip, by: float(
            torch.max(torch.abs(torch.roll(layer(clip), by, 2) - layer(torch.roll(clip, by, -3))))
        ),
    ],
    "slow.multiply_adds": [
        _macs_of_torch,
        _macs_by_shapes,
        lambda i, o, kernel, size: i * o * reduce(mul, [k * (n + 1 - k) for k, n in zip(kernel, size, strict=True)]),
    ],
    "slow.middle_channels": [
        _most_that_fit,
        lambda i, o, t, d: models.middle_channels(i, o, extent=t, side=d),
        lambda i, o, t, d: int(t * d * d * i * o / (d * d * i + t * o)),
        lambda i, o, t, d: math.floor(1 / (1 / (t * o) + 1 / (d * d * i)) + 1e-9),
    ],
}


# Wrong answers, written independently of the recognisers' own functions, with words that must be in the message


def _conv(clip, weight, **more):
    return functional.conv3d(clip, weight, **more)


def _conv_in_place(clip, weight):
    clip -= clip.mean()
    return _conv(clip, weight)


def _kernel_turned(clip, weight):
    """A loop over moments that takes the kernel from its end."""
    turned = torch.stack(weight.unbind(2)[::-1], 2)
    return _conv_moments(clip, turned)


def _framewise(clip, weight):
    """One 2D convolution for each frame and each of the kernel's frames, all added up."""
    frames = [sum(functional.conv2d(frame, flat) for flat in weight.unbind(2)) for frame in clip.unbind(2)]
    return torch.stack(frames, 2)


def _kernel_by_colours(weight, frames):
    return torch.stack(weight.chunk(weight.shape[1] // frames, dim=1), dim=1)


def _only_frame(weight, frames, frame):
    kernel = _kernel_loop(weight, frames)
    return kernel * (torch.arange(frames) == frame)[:, None, None]


def _sees_from(start, less=1, own=False, forward=False):
    """Layer by layer; `own` stride first, whole extents with less=0."""

    def answer(extents, strides):
        frames, apart = start, 1
        for extent, stride in zip(extents, strides, strict=True):
            apart *= stride if own else 1
            frames += (extent - less) * apart
            apart *= 1 if own else stride
        return frames

    return answer


def _popped(extents, strides):
    frames = 1
    while extents:
        frames = (frames - 1) * strides.pop() + extents.pop()
    return frames


def _padded_list(extents, strides):
    strides.insert(0, 1)
    return _sees_from(1)(extents, strides[1:])


def _shift(clip, by, axis=2):
    """Circular, by hand."""
    n = clip.shape[axis]
    return clip.index_select(axis, (torch.arange(n) - by) % n)


def _differences(layer, clip, by):
    return layer(_shift(clip, by)) - _shift(layer(clip), by)


def _zeros_in(clip, by):
    return functional.pad(clip, (0, 0, 0, 0, by, 0))[:, :, : clip.shape[2]]


def _first_in(clip, by):
    return clip[:, :, (torch.arange(clip.shape[2]) - by).clamp(min=0)]


def _in_place_roll(layer, clip, by):
    answer = _shift(layer(clip), by)
    clip.copy_(_shift(clip, by))
    return (layer(clip) - answer).abs().max()


def _macs(i, o, kernel, size, **more):
    layer = nn.Conv3d(i, o, kernel, bias=False, device="meta", **more)
    return layer(torch.empty(1, i, *size, device="meta"))[0, 0].numel() * layer.weight.numel()


WRONG = {
    "slow.conv3d": [
        (_kernel_turned, "turned over in time: its first"),
        (lambda x, w: _conv(x, w.rot90(2, (3, 4))), "turned over in space, top"),
        (lambda x, w: _conv(x.flip(2, 3, 4), w).flip(2, 3, 4), "as in mathematics"),
        (lambda x, w: _conv(x.flip(3), w).flip(3), "stands on its head"),
        (lambda x, w: _conv(x.flip(4), w).flip(4), "columns are turned over"),
        (lambda x, w: _conv(x.flip(1), w), "colours come in the reverse"),
        (lambda x, w: torch.stack(_conv(x, w.flip(2)).unbind(2)[::-1], 2).flip(2), "turned over in time: its first"),
        (lambda x, w: _kernel_turned(x, w).flip(2), "clip runs backwards|last moment first"),
        (lambda x, w: _conv(x[:, :, : w.shape[2]], w).squeeze(2), "the axis is gone"),
        (lambda x, w: _conv(x[:, :, : w.shape[2]], w), "first moment is answered.?$"),
        (lambda x, w: _conv(x, w)[:, :, :: w.shape[2]], "in time the windows lie end to end"),
        (lambda x, w: _conv(x, w, stride=w.shape[2:]), "along all three axes: the kernel jumps"),
        (lambda x, w: _conv(x, w)[:, :, ::2], "every second moment"),
        (lambda x, w: _conv(x, w)[:, :, ::2, ::2, ::2], "every second place"),
        (lambda x, w: _conv(x.mT, w).mT, "height and width of the kernel"),
        (lambda x, w: _conv(x.permute(0, 1, 3, 2, 4), w).permute(0, 1, 3, 2, 4), "time and height of the kernel"),
        (lambda x, w: _conv(x, w.permute(0, 1, 4, 2, 3)), "read as height, width, time"),
        (lambda x, w: w.shape[1] * _conv(x, w) / w[0].numel(), "each window is averaged, where"),
        (lambda x, w: _conv(x, w / math.prod(w.shape[1:])), "and the colours, too"),
        (lambda x, w: _conv(x / x.shape[1], w), "colours are averaged"),
        (
            lambda x, w: torch.einsum("bctyxijk,ocijk->boijk", _all_windows(x, w), w),
            "summed over places",
        ),
        (lambda x, w: _conv(x, w).permute(0, 2, 1, 3, 4), "time comes before the output"),
        (lambda x, w: torch.stack(_conv(x, w).unbind(0), 1), "channels come before the batch"),
        (lambda x, w: _conv(x, w).permute(0, 2, 3, 4, 1), "channels come last"),
        (lambda x, w: _conv(x, w).permute(0, 1, 2, 4, 3), "height and width of the answer"),
        (lambda x, w: _same_along(x, w, 2), "time stays as long"),
        (lambda x, w: _same_along(_same_along(x, w, 3, True), w, 4), "pictures stay as large"),
        (lambda x, w: _conv(x, w, padding=(w.shape[2] // 2, 0, 0)), "half a kernel of zeros stands at both"),
        (lambda x, w: _conv(x, w, padding=[k // 2 for k in w.shape[2:]]), "zeros stands on all six"),
        (lambda x, w: _conv(functional.pad(x, (1,) * 6), w), "one zero stands"),
        (lambda x, w: _conv(x, w, padding=(w.shape[2] - 1, 0, 0))[:, :, : x.shape[2]], "sees the future"),
        (
            lambda x, w: _conv(x[:, :, [i % x.shape[2] for i in range(x.shape[2] + w.shape[2] - 1)]], w),
            "time is no circle",
        ),
        (lambda x, w: _conv(x, w, padding=[k - 1 for k in w.shape[2:]]), "stick out of it"),
        (
            lambda x, w: _conv(x, w.flip(2, 3, 4), padding=[k - 1 for k in w.shape[2:]]),
            "transposed convolution",
        ),
        (lambda x, w: _conv(x, w)[:, :, :-1, :-1, :-1], "last window is left out"),
        (lambda x, w: _conv(x, w)[:, :, : x.shape[2] - w.shape[2]], "last moment is left out"),
        (lambda x, w: _conv(x, w[:, :1].expand_as(w)), "weights of the first one"),
        (lambda x, w: torch.einsum("bctyxijk,odijk->botyx", _all_windows(x, w), w), "sum of their weights"),
        (lambda x, w: _conv(x[:, :1], w[:, :1]), "only the first colour"),
        (lambda x, w: torch.einsum("bctyxijk,ocijk->boctyx", _all_windows(x, w), w), "not added up"),
        (lambda x, w: torch.einsum("bctyxijk,ocijk->btyx", _all_windows(x, w), w), "output channels are added up"),
        (lambda x, w: _conv(x, w)[:, :1], "only the first output"),
        (lambda x, w: _conv(x[0], w), "the batch is lost"),
        (lambda x, w: torch.einsum("bctyxijk,ocijk->boyx", _all_windows(x, w), w), "at all moments are added"),
        (_framewise, "every frame is seen alone"),
        (lambda x, w: _conv(x, w[:, :, :1]), "kernel's first frame"),
        (lambda x, w: _conv(x, w).clamp(min=0), "set to zero"),
        # and others that are not known
        (lambda x, w: _conv(x, w)[:, :, 1:], "along t there is one entry too few"),
        (lambda x, w: _conv(x, w[:, :, -1:]), "wrong length along t|along t there"),
        (lambda x, w: _conv(x, w, dilation=(2, 1, 1)), "stopped at line"),
        (lambda x, w: _conv(x, w, dilation=(1, 2, 1)), "wrong length along h|along h there"),
        (lambda x, w: _conv(x, w).squeeze(), "right for some inputs"),
        (lambda x, w: _conv(x, w)[:, :, : -w.shape[2] + 1], "wrong length along t|one entry too few|right for"),
        (lambda x, w: _conv_moments(x[:, :, :-1], w), "stopped at line"),
        (lambda x, w: _conv(x, w) + _conv(x, w).flip(2), "% of the values|right for|same factor"),
        (lambda x, w: _conv(x, w.flip(0)), "% of the values"),
        (lambda x, w: _conv(x.roll(1, 2), w), "% of the values"),
        (lambda x, w: _conv(x, w.roll(1, 2)), "% of the values"),
        (lambda x, w: _conv(x, w.roll(1, 1)), "% of the values"),
        (lambda x, w: _conv(x, w.roll(1, 0)), "% of the values"),
        (lambda x, w: _conv(x, w, bias=torch.full((len(w),), 0.001, dtype=w.dtype)), "% of the values"),
        (lambda x, w: _conv(x, w).abs(), "% of the values"),
        (lambda x, w: _conv(x, w).tanh(), "% of the values"),
        (lambda x, w: _conv(x - x.mean(), w), "% of the values"),
        (lambda x, w: _conv(x, w) * 2, "same factor"),
        (lambda x, w: -_conv(x, w), "opposite sign"),
        (lambda x, w: _conv(x, w).float(), "torch.float32"),
        (lambda x, w: _conv(x.float(), w.float()), "torch.float32|% of the values"),
        (lambda x, w: _conv(x, w).mean((3, 4)), "it has 3 axes"),
        (lambda x, w: _conv(x, w).tolist(), "list of"),
        (lambda x, w: _conv(x.transpose(1, 2), w), "stopped at line"),
        (lambda x, w: nn.Conv3d(w.shape[1], len(w), tuple(w.shape[2:])).double()(x), "% of the values"),
        (lambda x, w: functional.avg_pool3d(x, tuple(w.shape[2:]), 1), "wrong length along o|one entry too|%"),
        (_conv_in_place, "changes its input"),
    ],
    "slow.as_3d": [
        (_kernel_by_colours, "as if all reds came first, then"),
        (lambda x, t: x.unflatten(1, (t, -1)), "so a film is shown"),
        (lambda x, t: _kernel_by_colours(x, t).transpose(1, 2), "and the channels are cut as if"),
        (lambda x, t: torch.stack(x.chunk(t, dim=1)[::-1], dim=2), "runs backwards"),
        (lambda x, t: _kernel_loop(x.rot90(2, (2, 3)), t), "turned over in space"),
        (lambda x, t: torch.stack(x.flip(2, 3).chunk(t, dim=1)[::-1], dim=2), "in time and space"),
        (lambda x, t: _kernel_loop(x.flip(1), t).flip(2), "the colours come in the reverse"),
        (lambda x, t: _kernel_loop(x.flip(1), t), "colours and frames come in the reverse"),
        (lambda x, t: x.unsqueeze(2), "one frame long"),
        (lambda x, t: x.unsqueeze(1), "taken for moments"),
        (lambda x, t: x, "nothing has changed"),
        (lambda x, t: _kernel_loop(x.mT, t), "height and width of the kernels"),
        (lambda x, t: _kernel_loop(x, t).permute(0, 1, 3, 4, 2), "time comes last"),
        (lambda x, t: torch.stack(x.chunk(t, dim=1)), "time comes first"),
        (lambda x, t: _kernel_loop(x, t).transpose(0, 1), "transposed convolution"),
        (lambda x, t: torch.cat(x.chunk(t, dim=1), dim=-1), "one wide kernel"),
        (lambda x, t: torch.cat(x.chunk(t, dim=1), dim=-2), "one tall kernel"),
        (lambda x, t: x.permute(0, 2, 3, 1).contiguous().view(_kernel_loop(x, t).shape), "torn apart"),
        (lambda x, t: sum(x.chunk(t, dim=1))[:, :, None] / t, "frames are averaged"),
        (lambda x, t: sum(x.chunk(t, dim=1))[:, :, None], "frames are added up"),
        (lambda x, t: _kernel_loop(x / t, t), "divided by the number of frames"),
        (lambda x, t: torch.stack([x[:, : x.shape[1] // t]] * t, 2), "repeated at all times"),
        (lambda x, t: torch.stack([x] * t, 2), "repeated T times in time; its"),
        (lambda x, t: torch.stack([x / t] * t, 2), "and divided by T"),
        (lambda x, t: _only_frame(x, t, 0), "only the first frame"),
        (lambda x, t: _only_frame(x, t, t // 2), "only the frame in the middle"),
        (lambda x, t: torch.cat([0 * x[:, : x.shape[1] // t, None], _kernel_loop(x, t)], 2), "along t there is one"),
        (lambda x, t: functional.pad(_kernel_loop(x, t), (0, 0, 0, 0, 1, 1)), "so that it fits once"),
        (lambda x, t: _kernel_loop(x[:1], t), "only the first kernel"),
        (lambda x, t: _kernel_loop(x, t).sum(1) * t / x.shape[1], "become grey"),
        (lambda x, t: -_kernel_loop(x, t), "opposite sign"),
        (lambda x, t: _kernel_loop(x, t) * 2, "same factor"),
        (lambda x, t: _kernel_loop(x, t).float(), "torch.float32"),
        (lambda x, t: _kernel_loop(x, t).roll(1, 2), "% of the values"),
        (lambda x, t: _kernel_loop(x.roll(1, 1), t), "% of the values"),
        (lambda x, t: _kernel_loop(x, t)[:, :, 1:], "along t there is one entry too few"),
        (lambda x, t: _kernel_loop(x, t) * torch.linspace(0.9, 1.1, t)[:, None, None], "% of the values"),
        (lambda x, t: _kernel_loop(x.flip(0), t), "% of the values"),
        (lambda x, t: _only_frame(x, t, -1 % t), "% of the values"),
        (lambda x, t: _kernel_loop(x, t).softmax(2), "% of the values"),
        (lambda x, t: x.reshape(len(x), 3, t, *x.shape[2:]), "as if all reds|stopped at line"),
        (lambda x, t: rearrange(x, "o (t c) k k -> o c t k k", t=t), "stopped at line"),
        (lambda x, t: _kernel_loop(x.mul_(1 / t), t), "changes its input"),
    ],
    "slow.sees": [
        (lambda k, s: sum(k) - len(k) + 1, "strides have no part"),
        (lambda k, s: sum(k), "extents are added up"),
        (lambda k, s: reduce(mul, k), "extents are multiplied: w"),
        (lambda k, s: sorted(k)[-1], "only the largest extent"),
        (lambda k, s: k[0], "only the first layer is counted"),
        (lambda k, s: k[-1], "only the last layer is counted"),
        (_sees_from(1, own=True), "own stride counts for it already"),
        (lambda k, s: _sees_backwards(k[::-1], s[::-1]), "as if the last layer came first"),
        (lambda k, s: 1 + sum((a - 1) * b for a, b in zip(k, s, strict=True)), "and no other: it is those"),
        (
            lambda k, s: k[0] + sum((a - 1) * b for a, b in zip(k[1:], s, strict=False)),
            "only the stride right before",
        ),
        (lambda k, s: (sum(k) - len(k)) * reduce(mul, s) + 1, "all strides count for every layer"),
        (
            lambda k, s: k[0] + sum((a - 1) * b for a, b in zip(k[1:], accumulate(s), strict=False)),
            "steps within steps",
        ),
        (_sees_from(0), "one frame too few"),
        (_sees_from(2), "one frame too many"),
        (_sees_from(0, less=0), "adds its whole extent: one"),
        (_sees_from(1, less=0), "one frame more is counted"),
        (lambda k, s: _sees_from(1)(k[::-1], s), "the extents come in the reverse"),
        (lambda k, s: _sees_from(1)(k, s[::-1]), "the strides come in the reverse"),
        (lambda k, s: reduce(lambda r, ks: r * ks[1] + ks[0], list(zip(k, s, strict=True))[::-1], 1), "takes all fram"),
        (lambda k, s: _sees_from(1)(k, [2] * len(k)), "taken for 2"),
        (lambda k, s: reduce(mul, s), "how far apart neighbours"),
        (lambda k, s: reduce(mul, s[:-1], k[-1]), "the last extent is multiplied"),
        (lambda k, s: reduce(mul, k + s), "all of them"),
        (lambda k, s: _sees_from(1)(k[:-1], s[:-1]), "last layer is left out"),
        (lambda k, s: _sees_from(1)(k[1:], s[1:]), "first layer is left out"),
        (lambda k, s: int(_sees_from(1)(k, s) / 2), "half of it"),
        (lambda k, s: _sees_backwards(k + [2], s + [1]), "two neighbouring outputs"),
        # and others that are not known
        (lambda k, s: float(_sees_from(1)(k, s)), "whole number (int)"),
        (lambda k, s: {(4, 2, 2): 10}.get(tuple(k), 10), "too small|too large|right for some"),
        (lambda k, s: list(accumulate(k)), "list of"),
        (lambda k, s: _sees_from(1)(k[:3], s[:3]), "right for some"),
        (lambda k, s: k[0] + (k[1] - 1) * s[0] + (k[2] - 1) * s[0] * s[1], "stopped at line"),
        (lambda k, s: _sees_from(1)(k, [min(stride, 2) for stride in s]), "too small|right for some"),
        (lambda k, s: _sees_from(1)([max(extent, 2) for extent in k], s), "too large|right for some"),
        (lambda k, s: 2 * _sees_from(1)(k, s) - 1, "too large"),
        (lambda k, s: _sees_from(1)(k, [s[0]] * len(k)), "right for some|too"),
        (lambda k, s: _sees_from(1)(k, s) * s[-1], "too large|right for some"),
        (lambda k, s: sum(a * b for a, b in zip(k, s, strict=True)), "too|right for some"),
        (lambda k, s: 10, "too|right for some"),
        (_popped, "changes its input: “extents”"),
        (_padded_list, "changes its input: “strides”"),
    ],
    "slow.shift_gap": [
        (lambda f, x, by: (f(_shift(x, by, 1)) - _shift(f(x), by, 1)).abs().max(), "it is channels that are rolled"),
        (lambda f, x, by: (f(_shift(x, by)) - _shift(f(x), by, 1)).abs().max(), "but the answer along its"),
        (lambda f, x, by: (f(_shift(x, by, 1)) - _shift(f(x), by)).abs().max(), "but the answer in time"),
        (lambda f, x, by: (f(_shift(x, by, 0)) - _shift(f(x), by, 0)).abs().max(), "change places in the batch"),
        (lambda f, x, by: (f(_shift(x, by, 3)) - _shift(f(x), by, 3)).abs().max(), "rows are rolled"),
        (lambda f, x, by: (f(_shift(x, by, 4)) - _shift(f(x), by, 4)).abs().max(), "columns are rolled"),
        (lambda f, x, by: (f(torch.roll(x, by)) - torch.roll(f(x), by)).abs().max(), "without an axis"),
        (lambda f, x, by: (f(_shift(x, by)) - f(x)).abs().max(), "the answer is not shifted"),
        (lambda f, x, by: (_shift(f(x), by) - f(x)).abs().max(), "the clip is not shifted"),
        (lambda f, x, by: (f(_shift(x, by)) - _shift(f(x), -by)).abs().max(), "to later, its answer to earlier"),
        (lambda f, x, by: (f(_shift(x, -by)) - _shift(f(x), by)).abs().max(), "to earlier, its answer to later"),
        (lambda f, x, by: _differences(f, x, -by).abs().max(), "both are shifted to earlier"),
        (lambda f, x, by: _differences(f, x, 1).abs().max(), "by a single frame"),
        (lambda f, x, by: (f(x.flip(2)).flip(2) - f(x)).abs().max(), "played backwards"),
        (lambda f, x, by: max(_differences(f, x, by).flatten().tolist()), "negative does not count"),
        (lambda f, x, by: (-_differences(f, x, by)).max(), "the smaller one"),
        (lambda f, x, by: min(_differences(f, x, by).flatten().tolist()), "most negative"),
        (lambda f, x, by: functional.l1_loss(f(_shift(x, by)), _shift(f(x), by)), "would nearly vanish"),
        (lambda f, x, by: _differences(f, x, by).sum() / f(x).numel(), "and cancel"),
        (lambda f, x, by: torch.linalg.vector_norm(_differences(f, x, by), 1), "added up"),
        (lambda f, x, by: functional.mse_loss(f(_shift(x, by)), _shift(f(x), by)), "mean of the squares"),
        (lambda f, x, by: functional.mse_loss(f(_shift(x, by)), _shift(f(x), by)) ** 0.5, "root of the mean square"),
        (lambda f, x, by: torch.dist(f(_shift(x, by)), _shift(f(x), by)), "one long vector"),
        (lambda f, x, by: _differences(f, x, by).abs().max() ** 2, "is squared"),
        (lambda f, x, by: _differences(f, x, by).abs().amin().item(), "smallest difference"),
        (lambda f, x, by: _differences(f, x, by).abs().flatten().median(), "the median"),
        (lambda f, x, by: _differences(f, x, by).flatten().std(), "standard deviation"),
        (lambda f, x, by: abs(f(_shift(x, by)).max().item() - f(x).max().item()), "largest answers are compared"),
        (lambda f, x, by: (f(_shift(x, by)).abs() - _shift(f(x).abs(), by)).abs().max(), "goes unnoticed"),
        (lambda f, x, by: _differences(f, x, by).abs().max() / f(x).abs().max(), "divided by the largest"),
        (lambda f, x, by: float(not torch.allclose(f(_shift(x, by)), _shift(f(x), by))), "yes or no"),
        (lambda f, x, by: (f(_zeros_in(x, by)) - _zeros_in(f(x), by)).abs().max(), "and zeros come in"),
        (lambda f, x, by: (f(_first_in(x, by)) - _first_in(f(x), by)).abs().max(), "first frame is repeated"),
        (lambda f, x, by: (f(_shift(x, by))[:, :, by:] - f(x)[:, :, :-by]).abs().max(), "beginning are left out"),
        (lambda f, x, by: (f(_shift(x, by))[:, :, :by] - f(x)[:, :, -by:]).abs().max(), "only the frames that come in"),
        (lambda f, x, by: _differences(f, x, by)[:, :, 0].abs().max(), "only the first frame"),
        (lambda f, x, by: _differences(f, x, by)[:, :, -1].abs().max(), "only the last frame"),
        (lambda f, x, by: _differences(f, x[:1], by).abs().max(), "only the first clip"),
        (lambda f, x, by: _differences(f, x, by)[:, :1].abs().max(), "only the first channel"),
        (lambda f, x, by: (_shift(x, by) - x).abs().max(), "the layer is not asked"),
        (lambda f, x, by: f(_shift(x, by) - x).abs().max(), "difference of two clips"),
        # and others that are not known
        (lambda f, x, by: 0.0, "change places in the batch"),
        (lambda f, x, by: 1e-3 + _differences(f, x, by).abs().max(), "too large"),
        (lambda f, x, by: _differences(f, x, by).abs().max() / 2, "too small|right for some"),
        (lambda f, x, by: _differences(f, x, 2).abs().max(), "right for some"),
        (lambda f, x, by: _differences(f, x, by + 1).abs().max(), "too|right for some"),
        (lambda f, x, by: _differences(f, _shift(x, by), by).abs().amax((0, 1, 3, 4)).mean(), "too|right for some"),
        (lambda f, x, by: _differences(f, x, by)[:, :, 1:-1].abs().max(), "right for some"),
        (lambda f, x, by: _differences(f, x, by).mean((3, 4)).abs().max(), "too small|right for some"),
        (
            lambda f, x, by: _differences(f, x, by).abs().max() - _differences(f, x, by).abs().min(),
            "too|right for some",
        ),
        (lambda f, x, by: f(_shift(x, by)).abs().max() + f(x).abs().max(), "too large|right for some"),
        (lambda f, x, by: _differences(f, x, by).abs().amax((1, 2, 3, 4)), "tensor of shape"),
        (lambda f, x, by: _differences(f, x, by).abs().max(2), "2; one number|returns a "),
        (lambda f, x, by: _differences(f, x.transpose(1, 2), by).abs().max(), "stopped at line"),
        (_in_place_roll, "changes its input"),
    ],
    "slow.multiply_adds": [
        (lambda i, o, k, n: 2 * _macs(i, o, k, n), "counted apart: a"),
        (
            lambda i, o, k, n: 2 * _macs(i, o, k, n) - _macs(1, o, 1, [a - b + 1 for a, b in zip(n, k, strict=True)]),
            "less: a",
        ),
        (
            lambda i, o, k, n: _macs(i, o, k, n) - o * math.prod(a - b + 1 for a, b in zip(n, k, strict=True)),
            "first produ",
        ),
        (lambda i, o, k, n: i * o * math.prod(k + n), "at every frame, row and column"),
        (lambda i, o, k, n: _macs(i, o, k, [a - 1 for a in n]), "one too short"),
        (lambda i, o, k, n: _macs(i, o, k, [a + 1 for a in n]), "one too long"),
        (lambda i, o, k, n: _macs(i, o, k, n, padding=tuple(a - 1 for a in k)), "stick out of it"),
        (lambda i, o, k, n: _macs(i, o, k, (n[0] + k[0] - 1, *n[1:])), "as many frames as the clip"),
        (lambda i, o, k, n: _macs(i, o, k, (n[0], n[1] + k[1] - 1, n[2] + k[2] - 1)), "as large as the clip's"),
        (lambda i, o, k, n: _macs(i, o, k, n, stride=k), "end to end: with|overlap"),
        (lambda i, o, k, n: _macs(i, o, k, n, stride=(k[0], 1, 1)), "in time the windows|overlap"),
        (lambda i, o, k, n: _macs(i, o, k, (k[0], *n[1:])), "a single moment"),
        (lambda i, o, k, n: _macs(i, o, (1, *k[1:]), (n[0] - k[0] + 1, *n[1:])), "extent in time is forgotten"),
        (lambda i, o, k, n: _macs(i, o, k, n) / k[1] / k[2], "only the kernel's extent in time|whole number"),
        (lambda i, o, k, n: _macs(i, o, k, n) * k[0] ** 2 // (k[1] * k[2]), "taken for a cube"),
        (lambda i, o, k, n: _macs(i, o, k, n) * sum(k) // math.prod(k), "extents are added"),
        (lambda i, o, k, n: _macs(i, o, (k[2], k[0], k[1]), n), "as height, width, time"),
        (lambda i, o, k, n: _macs(i, o, tuple(reversed(k)), n), "last one first"),
        (lambda i, o, k, n: _macs(i, o, k, n) // i, "input channels are forgotten"),
        (lambda i, o, k, n: _macs(i, 1, k, n), "output channels are forgotten"),
        (lambda i, o, k, n: _macs(1, 1, k, n), "both numbers of channels"),
        (lambda i, o, k, n: _macs(i, 1, k, n) + _macs(1, o, k, n), "channels are added"),
        (lambda i, o, k, n: _macs(3, o, k, n), "taken to be three"),
        (
            lambda i, o, k, n: _macs(i, o, k, n) + o * math.prod(a - b + 1 for a, b in zip(n, k, strict=True)),
            "each place",
        ),
        (lambda i, o, k, n: _macs(i, o, k, n) + o, "bias is counted for each"),
        (lambda i, o, k, n: nn.Conv3d(i, o, k, bias=False, device="meta").weight.numel(), "those are the weights"),
        (
            lambda i, o, k, n: nn.Conv3d(i, o, k, device="meta")(torch.empty(i, *n, device="meta")).numel(),
            "numbers of t",
        ),
        (lambda i, o, k, n: _macs(i, o, (1, *k[1:]), n), "a kernel of one frame"),
        (
            lambda i, o, k, n: _macs(i, o, k, n) // k[0] + _macs(i, o, k, n) // (k[1] * k[2]),
            "taken apart: a convolution",
        ),
        # and others that are not known
        (lambda i, o, k, n: float(_macs(i, o, k, n)), "whole number (int)"),
        (lambda i, o, k, n: _macs(i, o, k, n, stride=2), "too small"),
        (lambda i, o, k, n: _macs(i, o, k, n, padding=tuple(a // 2 for a in k)), "too large"),
        (lambda i, o, k, n: _macs(i, o, k, n, dilation=(2, 1, 1)), "stopped at line|too small|right for some"),
        (lambda i, o, k, n: _macs(o, o, k, n), "too|right for some"),
        (lambda i, o, k, n: _macs(i, i, k, n), "too|right for some"),
        (lambda i, o, k, n: _macs(i, o, k, n) // 10**6, "too small"),
        (lambda i, o, k, n: _macs(i, o, k, (n[1], n[2], n[0])), "as height, width, time"),
        (lambda i, o, k, n: _macs(i, o, k, (n[0], n[1], n[1])), "too|right for some"),
        (lambda i, o, k, n: _macs(i, o, (k[0], k[1], k[1]), n), "too|right for some"),
        (lambda i, o, k, n: _macs(i * k[0], o, (1, *k[1:]), n), "as many frames as the clip"),
        (lambda i, o, k, n: (_macs(i, o, k, n), o), "tuple of 2"),
        (lambda i, o, k, n: _macs(i, o, k, n + (1,)), "stopped at line"),
    ],
    "slow.middle_channels": [
        (lambda i, o, t, d: -(-t * d * d * i * o // (d * d * i + t * o)), "rounded up"),
        (lambda i, o, t, d: int(t * d * d * i * o / (d * d * i + t * o) + 0.5), "to the nearest number"),
        (lambda i, o, t, d: t * d * d * i * o / (d * d * i + t * o), "it is not rounded"),
        (lambda i, o, t, d: _most_that_fit(i, o, t, d) + 1, "one is added"),
        (lambda i, o, t, d: _most_that_fit(i, o, t, d) - 1, "one channel too few"),
        (lambda i, o, t, d: models.middle_channels(i, o, extent=d, side=t), "t and d have changed places.?$"),
        (lambda i, o, t, d: t * d * d * i * o // (t * t * i + d * o), "places where the cost"),
        (lambda i, o, t, d: t * d * i * o // (d * i + t * o), "not squared: a kernel"),
        (lambda i, o, t, d: t * d * i * o // (d * d * i + t * o), "not squared where the 3D"),
        (lambda i, o, t, d: t * d * d * i * o // (d * i + t * o), "not squared where the cost"),
        (lambda i, o, t, d: t * d * 2 * i * o // (d * 2 * i + t * o), "doubled in place"),
        (lambda i, o, t, d: d * d * i * o // (d * d * i + t * o), "without its extent in time"),
        (lambda i, o, t, d: t * i * o // (d * d * i + t * o), "3D layer is counted without its rows"),
        (lambda i, o, t, d: d * d * d * i * o // (d * d * i + t * o), "a cube of side d"),
        (lambda i, o, t, d: t * d * d * i * o // (d * d * o + t * i), "input and output channels have"),
        (lambda i, o, t, d: t * d * d * i * o // (d * d * i + o), "over time is counted without"),
        (lambda i, o, t, d: t * d * d * i * o // (i + t * o), "over space is counted without"),
        (lambda i, o, t, d: t * o, "spent on space"),
        (lambda i, o, t, d: d * d * i, "spent on time"),
        (lambda i, o, t, d: t * d * d * o // (d * d + t), "with the input channels"),
        (lambda i, o, t, d: t * d * d * i // (d * d + t), "with the output channels"),
        (lambda i, o, t, d: t * d * d * i * o // (d * d + t) // (i + o), "with all channels"),
        (lambda i, o, t, d: nn.Conv3d(i, o, (t, d, d), bias=False, device="meta").weight.numel(), "weights of the 3D"),
        (lambda i, o, t, d: d * d * i + t * o, "what one channel costs"),
        (lambda i, o, t, d: i * o // (d * d * i + t * o) * t * d * d, "rounded down too early"),
        (lambda i, o, t, d: o, "as many as come out"),
        (lambda i, o, t, d: i, "as many as come in"),
        (lambda i, o, t, d: (i + o) // 2, "the mean of what comes in"),
        # and others that are not known
        (lambda i, o, t, d: float(_most_that_fit(i, o, t, d)), "whole number (int)"),
        (lambda i, o, t, d: 144, "too|right for some"),
        (lambda i, o, t, d: 3 * 9 * i * o // (9 * i + 3 * o), "right for some|too"),
        (lambda i, o, t, d: _most_that_fit(i, o, t, d) // 8 * 8, "too small|right for some"),
        (lambda i, o, t, d: t * d * d * i * o // (d * d * i) + t * d * d * i * o // (t * o), "what one channel costs"),
        (lambda i, o, t, d: t * d * d * i * o // (d * d * i * o + t * o), "too small"),
        (lambda i, o, t, d: t * d * d * i * o // d * d * i + t * o, "too large"),
        (lambda i, o, t, d: t * d * d * i * o // (d * d + t), "too large"),
        (lambda i, o, t, d: (t * d * d * i * o - 1) // (d * d * i + t * o), "right for some|biases"),
        (lambda i, o, t, d: max(t * o, d * d * i) // 2, "too|right for some"),
        (lambda i, o, t, d: _most_that_fit(i, o, t, d) // 2, "too small"),
        (lambda i, o, t, d: _most_that_fit(i, i, t, d), "with the output channels"),
        (lambda i, o, t, d: t * d**3 * i * o // (d**3 * i + t * o), "too large"),
        (lambda i, o, t, d: t**2 * d**2 * i * o // (d**2 * i + t**2 * o), "too|right for some"),
        (lambda i, o, t, d: int((i * o) ** 0.5), "too|right for some"),
        (lambda i, o, t, d: [i, o], "list of 2"),
        (lambda i, o, t: i, "cannot be called with channels_in="),
    ],
}


def _all_windows(clip, weight):
    """b c t h w kt kh kw."""
    for axis in (2, 3, 4):
        clip = clip.unfold(axis, weight.shape[axis], 1)
    return clip


def _same_along(clip, weight, axis, only_pad=False):
    k = weight.shape[axis]
    ends = [0, 0] * 3
    ends[2 * (4 - axis) : 2 * (4 - axis) + 2] = (k - 1) // 2, k // 2
    padded = functional.pad(clip, ends)
    return padded if only_pad else _conv(padded, weight)


# How the answers behave


@pytest.fixture(params=range(3))
def seed(request):
    return request.param


def _case(name, seed, number=0):
    arguments = ALL[f"slow.{name}"].draw(_generator(seed))[number]
    return arguments, ALL[f"slow.{name}"].reference(*arguments)


def test_kernels_of_an_even_and_of_an_odd_number_of_frames_and_one_of_all_are_among_the_cases(seed):
    cases = ALL["slow.conv3d"].draw(_generator(seed))
    assert [weight.shape[2] % 2 for _, weight in cases] == [0, 1, 0]
    for number, (clip, weight) in enumerate(cases):
        answer = functional.conv3d(clip, weight)
        assert len(set(answer.shape)) == 5
        assert (answer.shape[2] == 1) == (number == 2)
        assert min(clip.shape[2:]) >= max(weight.shape[2:])  # whatever is confused, the kernel fits


def test_a_stack_of_frames_and_a_kernel_as_long_as_the_clip_give_the_same(seed):
    for number in range(2):
        (weight, frames), kernel = _case("as_3d", seed, number)
        channels = weight.shape[1] // frames
        clip = torch.rand(2, frames, channels, 20, 20, generator=_generator(seed), dtype=torch.float64)
        flat = functional.conv2d(rearrange(clip, "b t c h w -> b (t c) h w"), weight)
        deep = ALL["slow.conv3d"].reference(rearrange(clip, "b t c h w -> b c t h w"), kernel)
        assert deep.shape[2] == 1
        assert torch.allclose(deep[:, :, 0], flat)


def test_one_output_depends_on_as_many_frames_as_the_exercise_counts(seed):
    for number in range(3):
        (extents, strides), frames = _case("sees", seed, number)
        assert all(stride <= extent for extent, stride in zip(extents, strides, strict=True))  # none is left out
        for less in (0, 1):  # of one frame less the last layer can make nothing
            clip = torch.ones(1, 1, frames - less, dtype=torch.float64, requires_grad=True)
            answer = clip
            for extent, stride in zip(extents, strides, strict=True):
                if answer.shape[2] < extent:
                    assert less
                    break
                answer = functional.conv1d(answer, torch.ones(1, 1, extent, dtype=torch.float64), stride=stride)
            else:
                assert not less
                assert answer.shape[2] == 1


def test_a_layer_on_a_circle_has_no_gap_and_others_have(seed):
    cases = ALL["slow.shift_gap"].draw(_generator(seed))
    gaps = {}
    for layer, clip, by in cases:
        assert 0 < by < clip.shape[2]
        assert 2 * by != clip.shape[2]
        gap = ALL["slow.shift_gap"].reference
        gaps.setdefault(layer.ends, []).append(gap(layer, clip, by))
        assert gap(layer, clip, by) == gap(lambda x, layer=layer: -layer(x), clip, by)
        assert layer(clip).shape[2] == clip.shape[2]
        assert torch.equal(pickle.loads(pickle.dumps(layer))(clip), layer(clip))
    assert max(gaps["circle"]) < 1e-12
    assert min(gaps["zeros"] + gaps["clock"]) > 0.1


def test_the_layers_stay_as_they_are_and_are_described_in_a_word():
    message = check("slow.shift_gap", lambda layer, clip: 0.0, seed=0).message
    assert "layer=Sliding('circle')" in message
    layer, clip, _ = ALL["slow.shift_gap"].draw(_generator(0))[0]
    before = clip.clone(), layer.weight.clone()
    layer(clip)
    assert torch.equal(before[0], clip)
    assert torch.equal(before[1], layer.weight)


def test_what_is_left_over_is_little_much_and_nothing(seed):
    left = [
        t * d * d * i * o % (d * d * i + t * o) / (d * d * i + t * o)
        for i, o, t, d in ALL["slow.middle_channels"].draw(_generator(seed))
    ]
    assert 0 < left[0] < 0.5 < left[1] < 1
    assert left[2] == 0


def test_no_more_weights_than_in_the_3d_layer_and_one_channel_more_would_be_too_many(seed):
    for number in range(3):
        (i, o, t, d), m = _case("middle_channels", seed, number)
        assert m * (d * d * i + t * o) <= t * d * d * i * o < (m + 1) * (d * d * i + t * o)


def test_a_list_that_is_changed_is_named_whatever_was_put_into_it():
    for junk in (None, "text", 7, [1], torch.zeros(2)):
        message = check("slow.sees", lambda k, s, junk=junk: k.append(junk) or _sees_backwards(k[:-1], s)).message
        assert message == "it changes its input: “extents” is not the same after the call; work on a new tensor"


# What the course uses gives the same answers


def test_a_3d_convolution_of_torch_is_that_of_the_exercise(seed):
    for number in range(2):
        (clip, weight), mine = _case("conv3d", seed, number)
        layer = nn.Conv3d(weight.shape[1], len(weight), weight.shape[2:], bias=False, dtype=torch.float64)
        layer.weight.data = weight
        assert torch.allclose(layer(clip), mine)


def test_the_first_layer_of_early_fusion_is_a_3d_kernel(seed):
    torch.manual_seed(seed)
    model = models.EarlyFusion(4, frames=5)
    kernel = ALL["slow.as_3d"].reference(model.backbone.blocks[1][0].weight, 5)
    assert torch.equal(rearrange(kernel, "o c t kh kw -> o t c kh kw"), model.filters())


def test_slow_fusion_sees_four_six_and_ten_frames():
    extents, strides = map(list, zip(*OVER_TIME, strict=True))
    sees = ALL["slow.sees"].reference
    assert [sees(extents[:n], strides[:n]) for n in (1, 2, 3, 5)] == [4, 6, 10, 10]
    assert sees(extents, strides) == FRAMES["slow"]
    assert sees([4, 2, 2], [2, 2, 1]) == 10
    model = models.SlowFusion(4, frames=10, extents=((4, 2), (2, 2), (2, 1)), widths=(4, 4, 4))
    fields = [receptive_field(model, (10, 3, 32, 32), f"blocks.{n}").size[0] for n in (1, 2, 3)]
    assert fields == [4, 6, 10]


def test_the_counter_of_the_course_counts_as_the_exercise(seed):
    for number in range(2):
        (i, o, kernel, size), mine = _case("multiply_adds", seed, number)
        assert published.multiply_adds(nn.Conv3d(i, o, kernel), (1, i, *size)) == mine


def test_the_middle_of_2plus1d_is_that_of_the_exercise(seed):
    assert ALL["slow.middle_channels"].reference(64, 64, 3, 3) == 144
    for number in range(3):
        (i, o, t, d), mine = _case("middle_channels", seed, number)
        assert models.middle_channels(i, o, extent=t, side=d) == mine


def test_zeros_at_the_ends_are_the_gap_of_the_courses_3d_network(seed):
    torch.manual_seed(seed)
    convolution = models.Conv3DNet(4).blocks[1][0].double()
    clip = torch.rand(2, 3, 9, 16, 16, generator=_generator(seed), dtype=torch.float64)
    with torch.no_grad():
        assert ALL["slow.shift_gap"].reference(convolution, clip, 2) > 1e-3
        convolution.padding_mode = "circular"
        convolution._reversed_padding_repeated_twice = [1, 1] * 3
        assert ALL["slow.shift_gap"].reference(convolution, clip, 2) < 1e-12
