"""Lesson 08's exercises: right answers written differently, wrong ones, behaviour, and what the course uses.

`test_checks.py` judges RIGHT and WRONG together with those of the other lessons.
"""

import math

import pytest
import torch
from einops import rearrange, reduce, repeat
from torch import nn
from torch.nn import functional

from vidlab import models
from vidlab.checks import check, exercises
from vidlab.models.inflation import InflatedConv3d, inflate, inflate_filters, inflated_parameters

ALL = exercises("inflate")
CALLED = {  # the functions of the lesson, where they have another name than their exercise
    "inflate.mean": "inflate_mean",
    "inflate.centre": "inflate_centre",
    "inflate.parameters": "inflated_size",
    "inflate.layer": "transplant",
}


def _generator(seed):
    return torch.Generator().manual_seed(seed)


# Right answers, each written differently from the reference


def _mean_loop(weight, k_t):
    film = weight.new_empty(*weight.shape[:2], k_t, *weight.shape[2:])
    for frame in range(k_t):
        film[:, :, frame] = weight / k_t
    return film


def _centre_padded(weight, k_t):
    side = (k_t - 1) // 2
    return functional.pad(weight[:, :, None], (0, 0, 0, 0, side, side))


def _centre_stacked(weight, k_t):
    frames = [torch.zeros_like(weight)] * (k_t // 2)
    return torch.stack([*frames, weight, *frames], dim=2)


def _size_of_layers(shapes, k_t):
    """Make the tensors themselves."""
    numbers = 0
    for shape in shapes:
        tensor = torch.empty(shape, device="meta")
        if tensor.ndim == 4 and shape[-2:] != (1, 1):
            tensor = tensor.unsqueeze(2).expand(-1, -1, k_t, -1, -1)
        numbers += tensor.numel()
    return numbers


def _size_by_copies(shapes, k_t):
    """The 2D network, and k_t − 1 more copies of each filter that grows."""
    once = sum(map(math.prod, shapes))
    filters = [shape for shape in shapes if len(shape) == 4 and shape[2] * shape[3] > 1]
    return once + (k_t - 1) * sum(map(math.prod, filters))


def _layer_moments(weight, bias, clip, k_t):
    """The 2D layer sees every frame; of its answers, each moment has the mean of those around."""
    t, e = clip.shape[1], k_t // 2
    padding = [side // 2 for side in weight.shape[2:]]
    frames = [functional.conv2d(frame, weight, bias, padding=padding) for frame in clip.unbind(1)]
    moments = [[frames[min(max(j, 0), t - 1)] for j in range(i - e, i + e + 1)] for i in range(t)]
    return torch.stack([sum(near) / k_t for near in moments], 1)


def _layer_padded(weight, bias, clip, k_t):
    volume = functional.pad(clip.transpose(1, 2), (0, 0, 0, 0, k_t // 2, k_t // 2), mode="replicate")
    film = torch.stack([weight] * k_t, 2) / k_t
    answer = functional.conv3d(volume, film, padding=(0, *[side // 2 for side in weight.shape[2:]]))
    return (answer + bias[:, None, None, None]).transpose(1, 2)


def _layer_frames_first(weight, bias, clip, k_t):
    """Frames may be averaged before they are seen."""
    e, t = k_t // 2, clip.shape[1]
    index = (torch.arange(t)[:, None] + torch.arange(-e, e + 1)).clamp(0, t - 1)
    smooth = clip[:, index].mean(2)
    flat = functional.conv2d(smooth.flatten(0, 1), weight, bias, padding=tuple(s // 2 for s in weight.shape[2:]))
    return flat.unflatten(0, (-1, t))


RIGHT = {
    "inflate.mean": [
        _mean_loop,
        lambda weight, k_t: torch.stack([weight / k_t] * k_t, dim=2),
        lambda weight, k_t: weight.unsqueeze(2).repeat(1, 1, k_t, 1, 1) / k_t,
        lambda weight, k_t: torch.einsum("ochw,t->octhw", weight, torch.full((k_t,), 1 / k_t, dtype=weight.dtype)),
    ],
    "inflate.centre": [
        _centre_padded,
        _centre_stacked,
        lambda weight, k_t: torch.einsum("ochw,t->octhw", weight, torch.eye(k_t, dtype=weight.dtype)[k_t // 2]),
    ],
    "inflate.boring": [
        lambda stills, frames: torch.stack([stills] * frames, dim=1),
        lambda stills, frames: stills[:, None].expand(-1, frames, -1, -1, -1),
        lambda stills, frames: stills.repeat_interleave(frames, dim=0).unflatten(0, (-1, frames)),
    ],
    "inflate.parameters": [_size_of_layers, _size_by_copies],
    "inflate.layer": [_layer_moments, _layer_padded, _layer_frames_first],
}


# Wrong answers, written independently of the recognisers' own functions, with words that must be in the message


def _weighted(weight, shares):
    return torch.stack([share * weight for share in shares], 2)


def _spot(k_t, frame, value=1.0):
    return [value if i == frame % k_t else 0.0 for i in range(k_t)]


def _in_place_mean(weight, k_t):
    weight /= k_t
    return torch.stack([weight] * k_t, 2)


def _in_place_middle(weight, k_t):
    film = torch.stack([weight] * k_t, 2)
    weight.zero_()
    return film


def _film(stills, frames):
    return torch.stack([stills] * frames, 1)


def _frame_by_frame(stills, frames, change):
    return torch.stack([change(stills, i) for i in range(frames)], 1)


def _black_out(stills, frames):
    clip = _film(stills, frames)
    stills *= 0
    return clip


def _count(shapes, k_t, grows=lambda s: len(s) == 4 and s[2:] != (1, 1), counts=lambda s: True):
    total = 0
    for shape in shapes:
        if counts(shape):
            total += math.prod((*shape, k_t) if grows(shape) else shape)
    return total


def _popped(shapes, k_t):
    total = 0
    while shapes:
        shape = shapes.pop()
        total += math.prod(shape) * (k_t if len(shape) == 4 and max(shape[2:]) > 1 else 1)
    return total


def _torch_3d(weight, bias, clip, k_t, *, scale=None, time="replicate", space="constant", move=True):
    """As a learner would write it, with one thing wrong."""
    e, (kh, kw) = k_t // 2, weight.shape[2:]
    x = clip.transpose(1, 2)
    if time is not None:
        x = functional.pad(x, (0, 0, 0, 0, e, e), mode=time)
    if space is not None:
        flat = functional.pad(x.transpose(1, 2).flatten(0, 1), (kw // 2, kw // 2, kh // 2, kh // 2), mode=space)
        x = flat.unflatten(0, (len(clip), -1)).transpose(1, 2)
    film = torch.stack([weight * (1 / k_t if scale is None else scale)] * k_t, 2)
    y = functional.conv3d(x, film, bias)
    return y.transpose(1, 2) if move else y


def _one_side(weight, bias, clip, k_t, side):
    """As if the filter were square."""
    volume = functional.pad(clip.transpose(1, 2), (side // 2,) * 4 + (0, 0))
    return _torch_3d(weight, bias, volume.transpose(1, 2), k_t, space=None)


def _flat_layer(weight, bias, clip):
    padding = [side // 2 for side in weight.shape[2:]]
    return torch.stack([functional.conv2d(frame, weight, bias, padding=padding) for frame in clip.unbind(1)], 1)


def _longer(clip, frames):
    return torch.stack([clip[:, i] for i in frames], 1)


def _sliding(answers, k_t):
    n = answers.shape[1] - k_t + 1
    return sum(answers[:, i : i + n] for i in range(k_t)) / k_t


def _layer_in_place(weight, bias, clip, k_t):
    bias *= 1 / k_t
    return _torch_3d(weight, k_t * bias, clip, k_t)


def _mirrored(t, e):
    return [*range(e, 0, -1), *range(t), *range(t - 2, t - 2 - e, -1)]


def _around(t, e):
    return [(i - e) % t for i in range(t + 2 * e)]


def _mean_of_those_there(w, b, x, k):
    """Zeros in time, and the answer divided by how many frames are there, as count_include_pad=False does."""
    flat = _flat_layer(w, b, x).movedim(1, -1)
    pooled = functional.avg_pool1d(flat.flatten(0, -2), k, 1, k // 2, count_include_pad=False)
    return pooled.reshape(flat.shape).movedim(-1, 1)


WRONG = {
    "inflate.mean": [
        (lambda w, k: torch.stack([w] * k, 2), "k_t times as much as it did"),
        (lambda w, k: torch.stack([w] * k, 2) / math.sqrt(k), "variance of noise"),
        (lambda w, k: torch.stack([w / k] * k, 2) / k, "twice: to a still"),
        (lambda w, k: torch.stack([w] * k, 2) * k**-3, "three times, once"),
        (lambda w, k: torch.stack([w * k] * k, 2), "should become smaller"),
        (lambda w, k: torch.stack([w] * k, 2) / (k - 1), "one too few"),
        (lambda w, k: torch.stack([w] * k, 2) / (k + 1), "one too many"),
        (lambda w, k: torch.stack([w] * k, 2) / 3, "divided by 3"),
        (lambda w, k: torch.stack([w] * k, 2) / 2, "divided by 2"),
        (lambda w, k: torch.stack([w] * k, 2) / w.size(1), "number of input channels"),
        (lambda w, k: torch.stack([w] * k, 2) / (w.size(2) * w.size(3)), "by the filter's pixels"),
        (lambda w, k: torch.stack([w] * k, 2) / (k * w.size(2) * w.size(3)), "pixels and frames"),
        (lambda w, k: torch.stack([torch.floor(w / k)] * k, 2), "drops the fraction"),
        (lambda w, k: torch.stack([w / k] * k, 1), "before the input channels"),
        (lambda w, k: torch.stack([w / k] * k), "time comes first"),
        (lambda w, k: torch.stack([w / k] * k, -1), "time comes last"),
        (lambda w, k: torch.stack([w / k] * k, 3), "between rows and columns"),
        (lambda w, k: torch.cat([w / k] * k, 1), "frame by frame: time"),
        (lambda w, k: (w / k).repeat_interleave(k, 1), "channel by channel: time"),
        (lambda w, k: torch.cat([w / k] * k), "more filters"),
        (lambda w, k: (w / k).repeat(1, k, 1, 1).reshape(len(w), w.size(1), k, *w.shape[2:]), "mixed up"),
        (lambda w, k: _weighted(w, _spot(k, k // 2)), "zeros around it"),
        (lambda w, k: _weighted(w, _spot(k, 0)), "only the first frame"),
        (lambda w, k: _weighted(w, _spot(k, -1)), "only the last frame"),
        (lambda w, k: _weighted(w, _spot(k, k // 2, 1 / k)), "these are divided"),
        (lambda w, k: w.unsqueeze(2), "one frame long$"),
        (lambda w, k: w.unsqueeze(2) / k, "one frame long, and"),
        (
            lambda w, k: (
                _weighted(w, [min(i, k - 1 - i) + 1 for i in range(k)]) / sum(min(i, k - 1 - i) + 1 for i in range(k))
            ),
            "counts more than the ends",
        ),
        (lambda w, k: _weighted(w / k, [(-1) ** i for i in range(k)]), "filter for change"),
        (lambda w, k: _weighted(w, range(1, k + 1)), "as its factor"),
        (lambda w, k: torch.stack([w / reduce(w, "o c h w -> o 1 1 1", "sum") / k] * k, 2), "add up to 1"),
        (lambda w, k: torch.stack([torch.flipud(w.movedim(2, 0)).movedim(0, 2) / k] * k, 2), "on their head"),
        (lambda w, k: torch.stack([w.transpose(2, 3) / k] * k, 2), "rows and columns have"),
        (lambda w, k: torch.stack([w.transpose(0, 1) / k] * k, 2), "input and output"),
        (lambda w, k: repeat(w.mean(1) / k, "o h w -> o c t h w", c=w.size(1), t=k), "grey"),
        (lambda w, k: repeat(w.mean((2, 3)) / k, "o c -> o c t h w", t=k, h=w.size(2), w=w.size(3)), "flat"),
        (lambda w, k: torch.stack([w[:1] / k] * k, 2), "only the first filter"),
        # and others that are not known
        (lambda w, k: torch.stack([w / k] * (k - 1), 2), "one entry too few"),
        (lambda w, k: torch.stack([w / k] * (k + 1), 2), "one entry too many"),
        (lambda w, k: torch.stack([w / k] * k, 2).float(), "torch.float32"),
        (lambda w, k: -torch.stack([w / k] * k, 2), "opposite sign"),
        (lambda w, k: torch.stack([w / k] * k, 2) * 1.01, "same factor"),
        (lambda w, k: torch.stack([w / k] * k, 2).softmax(2), "% of the values"),
        (lambda w, k: torch.stack([w / k + i for i in range(k)], 2), "% of the values"),
        (lambda w, k: torch.stack([w.flip(0) / k] * k, 2), "% of the values"),
        (lambda w, k: [w / k] * k, "list of"),
        (lambda w, k: repeat(w / k, "o c h w -> o c k h w"), "stopped at line"),
        (lambda w, k: nn.Conv3d(w.size(1), len(w), (k, *w.shape[2:])).weight.double(), "% of the values"),
        (_in_place_mean, "changes its input"),
    ],
    "inflate.centre": [
        (lambda w, k: _weighted(w, _spot(k, 0)), "the first frame$"),
        (lambda w, k: _weighted(w, _spot(k, -1)), "the last frame$"),
        (lambda w, k: _weighted(w, _spot(k, (k + 1) // 2)), "one frame after"),
        (lambda w, k: _weighted(w, _spot(k, (k - 2) // 2)), "one frame before the middle"),
        (lambda w, k: _weighted(w, _spot(k, 1)), "in frame 1"),
        (lambda w, k: _weighted(w, _spot(k, 2)), "in frame 2"),
        (lambda w, k: _weighted(w, _spot(k, -2)), "last frame but one"),
        (lambda w, k: _centre_padded(w, k) / k, "divided by k_t: only"),
        (lambda w, k: _centre_padded(w, k) * k, "multiplied by k_t"),
        (lambda w, k: _centre_padded(w, k) / math.sqrt(k), "square root"),
        (lambda w, k: torch.stack([w] * k, 2), "every frame has the filter"),
        (lambda w, k: torch.stack([w / k] * k, 2), "that is the mean"),
        (lambda w, k: torch.stack([w] * k, 2) - _centre_padded(w, k), "the middle is zero"),
        (lambda w, k: _weighted(w, [float(abs(i - k // 2) < 2) for i in range(k)]), "three frames have"),
        (lambda w, k: _weighted(w / 3, [float(abs(i - k // 2) < 2) for i in range(k)]), "three frames share"),
        (lambda w, k: _weighted(w, [float(i <= k // 2) for i in range(k)]), "up to the middle"),
        (lambda w, k: _weighted(w, [float(i >= k // 2) for i in range(k)]), "from the middle on"),
        (lambda w, k: _weighted(w, [float(i in (0, k - 1)) for i in range(k)]), "first and the last"),
        (lambda w, k: 2 * _centre_padded(w, k) - torch.stack([w] * k, 2), "opposite sign: then"),
        (
            lambda w, k: _weighted(w, [{0: 1.0, 1: -0.5}.get(abs(i - k // 2), 0.0) for i in range(k)]),
            "neighbours' mean",
        ),
        (lambda w, k: w.new_zeros(*w.shape[:2], k, *w.shape[2:]), "all is zero"),
        (lambda w, k: _centre_padded(torch.ones_like(w), k), "holds ones"),
        (lambda w, k: functional.pad(w[:, :, None], (0, 0, 0, 0, k // 2, k // 2), value=1.0), "stand ones"),
        (lambda w, k: w.unsqueeze(2), "one frame long"),
        (lambda w, k: functional.pad(w[:, :, None], (0, 0, 0, 0, 1, 1)), "three frames long"),
        (lambda w, k: functional.pad(w[:, :, None], (0, 0, 0, 0, k, k)), "k_t after it"),
        (lambda w, k: _centre_padded(w, k).transpose(1, 2), "before the input channels"),
        (lambda w, k: _centre_padded(w, k).movedim(2, 0), "time comes first"),
        (lambda w, k: _centre_padded(w, k).movedim(2, -1), "time comes last"),
        (lambda w, k: _centre_padded(w, k).transpose(2, 3), "between rows and columns"),
        (lambda w, k: _centre_padded(w, k).transpose(1, 2).flatten(1, 2), "stacked as channels"),
        (lambda w, k: _centre_padded(w, k).transpose(0, 1), "input and output"),
        (lambda w, k: _centre_padded(w.transpose(2, 3), k), "rows and columns of the filter"),
        (lambda w, k: _centre_padded(w.flip(-2), k), "on its head"),
        (
            lambda w, k: functional.pad(
                w[:, :, None, w.size(2) // 2, None, w.size(3) // 2, None],
                (
                    w.size(3) // 2,
                    w.size(3) - w.size(3) // 2 - 1,
                    w.size(2) // 2,
                    w.size(2) - w.size(2) // 2 - 1,
                    k // 2,
                    k // 2,
                ),
            ),
            "not in space",
        ),
        (
            lambda w, k: torch.stack([w * (torch.arange(w.size(1)) == w.size(1) // 2)[:, None, None]] * k, 2),
            "channel in the middle",
        ),
        (lambda w, k: _centre_padded(w[:1], k), "only the first filter"),
        # and others that are not known
        (lambda w, k: _centre_padded(w, k + 2)[:, :, 1:], "one entry too many"),
        (lambda w, k: _centre_padded(w, k)[:, :, 1:], "one entry too few"),
        (lambda w, k: -_centre_padded(w, k), "opposite sign"),
        (lambda w, k: _centre_padded(w, k) * 2, "same factor"),
        (lambda w, k: _centre_padded(w, k).float(), "torch.float32"),
        (lambda w, k: _centre_padded(w, k) + 0.01, "% of the values"),
        (lambda w, k: _centre_padded(w.flip(1), k), "% of the values"),
        (lambda w, k: _centre_padded(w.abs(), k), "% of the values"),
        (lambda w, k: _centre_padded(w, k).roll(1, 3), "% of the values"),
        (lambda w, k: _centre_padded(w, k)[None], "it has 6 axes"),
        (lambda w, k: torch.zeros(*w.shape[:2], k, *w.shape[2:])[:, :, k // 2].copy_(w), "it has 4 axes"),
        (lambda w, k: torch.zeros(k, dtype=w.dtype).index_fill(0, k // 2, w), "stopped at line"),
        (_in_place_middle, "changes its input"),
    ],
    "inflate.boring": [
        (lambda x, t: torch.stack([x] * t, 2), "3D layers want it"),
        (lambda x, t: torch.stack([x] * t), "time comes first"),
        (lambda x, t: torch.stack([x] * t, -1), "time comes last"),
        (lambda x, t: torch.stack([x] * t, 3), "between rows and columns"),
        (lambda x, t: x.repeat(t, 1, 1, 1).reshape(len(x), t, *x.shape[1:]), "stills are mixed"),
        (lambda x, t: x.repeat_interleave(t, 1).unflatten(1, (t, -1)), "colours are mixed"),
        (lambda x, t: x.repeat_interleave(t, 2).unflatten(2, (t, -1)).transpose(1, 2), "rows are mixed"),
        (lambda x, t: x.repeat_interleave(t, 0), "all moments of a still"),
        (lambda x, t: x.repeat(t, 1, 1, 1), "all stills of a moment"),
        (lambda x, t: x.repeat(1, t, 1, 1), "as early fusion"),
        (lambda x, t: x.repeat(1, 1, 1, t), "side by side"),
        (lambda x, t: x.repeat(1, 1, t, 1), "below each other"),
        (lambda x, t: functional.pad(x[:, None], (0, 0) * 3 + (0, t - 1)), "only the first moment"),
        (lambda x, t: functional.pad(x[:, None], (0, 0) * 3 + (t - 1, 0)), "only the last moment"),
        (lambda x, t: functional.pad(x[:, None], (0, 0) * 3 + (t // 2, t - 1 - t // 2)), "moment in the middle"),
        (lambda x, t: _film(x, t) / t, "divided by the number"),
        (lambda x, t: x.unsqueeze(1), "one frame long"),
        (lambda x, t: x, "nothing has changed"),
        (lambda x, t: x.unsqueeze(0), "frames of one video"),
        (lambda x, t: _film(x, t - 1), "too short"),
        (lambda x, t: torch.cat([x[:, None], _film(x, t)], 1), "too long"),
        (lambda x, t: _frame_by_frame(x, t, lambda x, i: x * i / (t - 1)), "fades in"),
        (lambda x, t: _frame_by_frame(x, t, lambda x, i: x * (t - 1 - i) / (t - 1)), "fades out"),
        (lambda x, t: _film(x, t).cumsum(1), "grows brighter"),
        (lambda x, t: _frame_by_frame(x, t, lambda x, i: x * (1 - i % 2)), "flickers"),
        (lambda x, t: _frame_by_frame(x, t, lambda x, i: x.flip(-1) if i % 2 else x), "mirrored"),
        (lambda x, t: _frame_by_frame(x, t, lambda x, i: 1 - x if i % 2 else x), "negative"),
        (lambda x, t: _frame_by_frame(x, t, lambda x, i: x.roll(i, -1)), "moves to the right"),
        (lambda x, t: _frame_by_frame(x, t, lambda x, i: x.roll(i, -2)), "moves down"),
        (lambda x, t: _frame_by_frame(x, t, lambda x, i: x.roll(i, 1)), "colours move on"),
        (lambda x, t: _frame_by_frame(x, t, lambda x, i: x[(torch.arange(len(x)) + i) % len(x)]), "each should keep"),
        (lambda x, t: _film(torch.stack([x[0]] * len(x)), t), "first still"),
        (lambda x, t: _film(torch.stack([x.mean(0)] * len(x)), t), "mean of all stills"),
        (lambda x, t: _film(x[0:1], t), "only the first video"),
        (lambda x, t: _film(x, t).flip(0), "videos come in the reverse"),
        (lambda x, t: _film(x, t).flip(2), "colours come in the reverse"),
        (lambda x, t: _film(x, t).transpose(-1, -2), "height and width"),
        (lambda x, t: _film(torch.stack([x.mean(1)] * x.size(1), 1), t), "grey"),
        # and others that are not known
        (lambda x, t: _film(x, t + 2), "wrong length along t"),
        (lambda x, t: _film(x, t) * 2, "range is 0 to 1"),
        (lambda x, t: _film(x, t) * 0.5, "same factor"),
        (lambda x, t: _film(x, t).float(), "torch.float32"),
        (lambda x, t: (255 * _film(x, t)).byte(), "torch.uint8"),
        (lambda x, t: _film(x, t)[..., 1:], "along w there is one entry too few"),
        (lambda x, t: _film(x, t).mean(2), "it has 4 axes"),
        (lambda x, t: _frame_by_frame(x, t, lambda x, i: x.roll(-i, -1)), "% of the values"),
        (lambda x, t: _film(x.roll(1, 0), t), "% of the values"),
        (lambda x, t: _film(x, t).flip(3), "% of the values"),
        (lambda x, t: [x] * t, "list of"),
        (lambda x, t: x.expand(-1, t, -1, -1, -1), "stopped at line"),
        (_black_out, "changes its input"),
    ],
    "inflate.parameters": [
        (lambda s, k: k * sum(map(math.prod, s)), "everything has become"),
        (lambda s, k: _count(s, k, lambda x: len(x) == 4), "1 × 1 filters have grown: by"),
        (lambda s, k: _count(s, k, lambda x: len(x) == 1 or x[2:] not in ((), (1, 1))), "biases and norms have grown"),
        (
            lambda s, k: _count(s, k, lambda x: len(x) == 2 or len(x) == 4 and x[2:] != (1, 1)),
            "linear layers have grown",
        ),
        (lambda s, k: _count(s, k, lambda x: len(x) != 1), "linear layers and 1 × 1"),
        (lambda s, k: _count(s, k, lambda x: len(x) in (1, 4)), "1 × 1 filters and biases"),
        (lambda s, k: _count(s, k, lambda x: x[2:] != (1, 1)), "linear layers and biases"),
        (lambda s, k: _count(s, k, lambda x: x[2:] in ((), (1, 1))), "other way round"),
        (lambda s, k: _count(s, k, lambda x: x[2:] == (1, 1)), "others have not"),
        (lambda s, k: sum(map(math.prod, s)), "that is the 2D network"),
        (lambda s, k: _count(s, k * k * k), "k_t³"),
        (lambda s, k: _count(s, k * k), "k_t²"),
        (lambda s, k: _count(s, 1 << k), r"2\^k_t"),
        (lambda s, k: _count(s, 3), "three times as large, whatever"),
        (lambda s, k: sum(math.prod(x) * (x[2] if x[2:] not in ((), (1, 1)) else 1) for x in s), "as they are high"),
        (lambda s, k: _count(s, k - 1), "one frame too few"),
        (lambda s, k: _count(s, k) + _count(s, 1, counts=lambda x: x[2:] not in ((), (1, 1))), "one frame too many"),
        (lambda s, k: _count(s, 1) + k * sum(x[2:] not in ((), (1, 1)) for x in s), "k_t is added to each filter"),
        (
            lambda s, k: sum(math.prod(x) + (k * x[0] if x[2:] not in ((), (1, 1)) else 0) for x in s),
            "added for each kernel",
        ),
        (lambda s, k: _count(s, k) - _count(s, 1), "what inflation adds"),
        (lambda s, k: _count(s, k, counts=lambda x: x[2:] not in ((), (1, 1))), "only what has grown"),
        (lambda s, k: _count(s, k, counts=lambda x: x[2:] in ((), (1, 1))), "only what stays"),
        (lambda s, k: _count(s, k, counts=lambda x: len(x) >= 2), "biases and norms are left"),
        (lambda s, k: _count(s, k, counts=lambda x: len(x) in (1, 4)), "^linear layers are left"),
        (lambda s, k: _count(s, k, counts=lambda x: x[2:]), "layers, biases and norms are left"),
        (lambda s, k: _count(s, k, counts=lambda x: x[2:] != (1, 1)), "1 × 1 filters are left"),
        (lambda s, k: _count(s, k, lambda x: len(x) == 4 and x[2] > 1 and x[3] > 1), "of one row or of one column"),
        (lambda s, k: _count(s, k, lambda x: len(x) == 4 and x[-1] != 1), "one pixel wide"),
        (lambda s, k: _count(s, k, lambda x: len(x) == 4 and x[-2] != 1), "one pixel high"),
        (lambda s, k: _count(s, k, lambda x: x[2:] not in ((), (1, 1)) and x[1] != 1), "a filter of one channel"),
        (lambda s, k: _count(s, k, lambda x: len(x) == 4 and min(x) > 1), "wherever a 1 stands"),
        (lambda s, k: _count(s, 1) + (k - 1) * math.prod(s[0]), "only the first filter"),
        (
            lambda s, k: sum(sum(x) * (k if x[2:] not in ((), (1, 1)) else 1) for x in s),
            "numbers of each shape are added",
        ),
        (
            lambda s, k: _count(s, 1) + sum(k * x[0] * x[1] for x in s if x[2:] not in ((), (1, 1))),
            "and k_t are added up",
        ),
        (lambda s, k: len(list(s)), "shapes are counted"),
        (lambda s, k: sum(len(x) + (x[2:] not in ((), (1, 1))) for x in s), "axes of the inflated"),
        # and others that are not known
        (lambda s, k: _count(s, k) + 1, "too large"),
        (lambda s, k: _count(s, k) - 1, "too small"),
        (lambda s, k: _count(s[:-1], k), "too small"),
        (lambda s, k: _count(s[1:], k), "too small"),
        (lambda s, k: _count(s, k) / 1, "whole number (int)"),
        (lambda s, k: _count(s, k, lambda x: x[2:] == (3, 3)), "too small|right for some"),
        (lambda s, k: [math.prod(x) for x in s], "list of"),
        (lambda s, k: sum(x.numel() for x in s), "stopped at line"),
        (lambda s, k: sum(x[0] * x[1] * x[2] * x[3] for x in s), "stopped at line"),
        (_popped, "changes its input"),
    ],
    "inflate.layer": [
        (lambda w, b, x, k: _torch_3d(w, b, x, k, time="constant"), "zeros stand before the first"),
        (
            lambda w, b, x, k: functional.conv3d(
                x.transpose(1, 2),
                torch.stack([w / k] * k, 2),
                b,
                padding=(k // 2, w.size(2) // 2, w.size(3) // 2),
            ).transpose(1, 2),
            "zeros stand before the first",
        ),
        (lambda w, b, x, k: _sliding(_flat_layer(w, b, _longer(x, _around(x.size(1), k // 2))), k), "no circle"),
        (
            lambda w, b, x, k: _sliding(_flat_layer(w, b, _longer(x, _mirrored(x.size(1), k // 2))), k),
            "mirrored at its ends; it",
        ),
        (
            lambda w, b, x, k: _sliding(
                _flat_layer(w, b, torch.cat([x[:, : k // 2].flip(1), x, x[:, -(k // 2) :].flip(1)], 1)), k
            ),
            "edge frames included",
        ),
        (lambda w, b, x, k: _torch_3d(w, b, x, k, time=None), "nothing stands beyond"),
        (
            lambda w, b, x, k: _sliding(_flat_layer(w, b, _longer(x, [0] * (k - 1) + [*range(x.size(1))])), k),
            "ahead as back",
        ),
        (
            lambda w, b, x, k: _sliding(_flat_layer(w, b, _longer(x, [*range(x.size(1))] + [-1] * (k - 1))), k),
            "back as ahead",
        ),
        (
            lambda w, b, x, k: _sliding(
                _flat_layer(w, b, _longer(x, [0] * (k - 1) + [*range(x.size(1))] + [-1] * (k - 1))), k
            ),
            "twice as many",
        ),
        (
            lambda w, b, x, k: _sliding(_flat_layer(w, b, _longer(x, [0, *range(x.size(1)), -1])), k),
            "one frame is added",
        ),
        (
            lambda w, b, x, k: _sliding(
                _flat_layer(w, b, _longer(x, [-1] * (k // 2) + [*range(x.size(1))] + [0] * (k // 2))), k
            ),
            "last frame stands before",
        ),
        (
            lambda w, b, x, k: _sliding(
                _flat_layer(w, b, torch.cat([*[x.mean(1, True)] * (k // 2), x, *[x.mean(1, True)] * (k // 2)], 1)), k
            ),
            "mean of the clip stands",
        ),
        (_mean_of_those_there, "over fewer frames"),
        (
            lambda w, b, x, k: torch.cat(
                [
                    _flat_layer(w, b, x[:, : k // 2]),
                    _torch_3d(w, b, x, k, time=None),
                    _flat_layer(w, b, x[:, x.size(1) - k // 2 :]),
                ],
                1,
            ),
            "answered alone",
        ),
        (
            lambda w, b, x, k: functional.pad(_torch_3d(w, b, x, k, time=None), (0,) * 6 + (k // 2, k // 2)),
            "the answer is zero",
        ),
        (
            lambda w, b, x, k: functional.pad(
                _torch_3d(w, b, x, k, time=None, move=False), (0,) * 4 + (k // 2, k // 2), mode="replicate"
            ).transpose(1, 2),
            "repeat what is seen",
        ),
        (lambda w, b, x, k: _torch_3d(w, b * k, x, k), "bias counts k_t times: the"),
        (lambda w, b, x, k: _torch_3d(w, b / k, x, k), "bias is divided"),
        (lambda w, b, x, k: _torch_3d(w, None, x, k), "bias is missing"),
        (lambda w, b, x, k: _torch_3d(w, -b, x, k), "% of the values"),
        (lambda w, b, x, k: _torch_3d(w, b, x, k, scale=1.0), "k_t times as much"),
        (lambda w, b, x, k: k * _torch_3d(w, b, x, k), "all answers are added up"),
        (lambda w, b, x, k: _torch_3d(w, b, x, k, scale=k**-0.5), "square root"),
        (lambda w, b, x, k: _torch_3d(w, b, x, k, scale=k**-2), "% of the values"),
        (lambda w, b, x, k: _flat_layer(w, b, x), "frame by frame"),
        (lambda w, b, x, k: _torch_3d(_centre_stacked(w, k).sum(2), b, x, 1), "frame by frame"),
        (
            lambda w, b, x, k: torch.stack([_flat_layer(w, b, x.mean(1, True))[:, 0]] * x.size(1), 1),
            "mean over the whole clip",
        ),
        (lambda w, b, x, k: _torch_3d(w, b, x, k, space=None), "pictures have become smaller"),
        (lambda w, b, x, k: _one_side(w, b, x, k, w.shape[-1]), "above and below stand"),
        (lambda w, b, x, k: _one_side(w, b, x, k, w.shape[-2]), "left and right stand"),
        (lambda w, b, x, k: _torch_3d(w, b, x, k, space="replicate"), "borders of the pictures are repeated"),
        (lambda w, b, x, k: _torch_3d(w, b, x, k, space="reflect"), "pictures are mirrored"),
        (lambda w, b, x, k: _torch_3d(w, b, x, k, space="circular"), "opposite border"),
        (lambda w, b, x, k: _torch_3d(w, b, x, k, move=False), "b o t h w: in this course"),
        (lambda w, b, x, k: _torch_3d(w, b, x, k).transpose(0, 1), "clips and moments have"),
        (lambda w, b, x, k: rearrange(_torch_3d(w, b, x, k), "b t o h w -> (b t) o h w"), "still share"),
        (
            lambda w, b, x, k: _torch_3d(w, b, x, k, move=False).reshape(_torch_3d(w, b, x, k).shape),
            "not moved",
        ),
        (lambda w, b, x, k: _torch_3d(w.rot90(2, (2, 3)), b, x, k), "turned over"),
        (lambda w, b, x, k: _torch_3d(w, b, x.flip(2), k), "colours come in the reverse"),
        (lambda w, b, x, k: _torch_3d(w, b, x, k).flip(1), "clip runs backwards"),
        (lambda w, b, x, k: _torch_3d(w, b, x, k).clamp(min=0), "set to zero"),
        (lambda w, b, x, k: _torch_3d(w, b, x, k)[:1], "only the first clip"),
        # and others that are not known
        (lambda w, b, x, k: _torch_3d(w, b, x, k)[:, 1:], "one entry too few"),
        (lambda w, b, x, k: _torch_3d(w, b, x, k).float(), "torch.float32"),
        (lambda w, b, x, k: -_torch_3d(w, b, x, k), "opposite sign"),
        (lambda w, b, x, k: 2 * _torch_3d(w, b, x, k), "same factor"),
        (lambda w, b, x, k: _torch_3d(w, b.flip(0), x, k), "% of the values"),
        (lambda w, b, x, k: _torch_3d(w.flip(2), b, x, k), "% of the values"),
        (lambda w, b, x, k: _torch_3d(w, b, x, k).roll(1, 1), "% of the values"),
        (lambda w, b, x, k: _torch_3d(w, b, x, 3), "right for some inputs"),
        (lambda w, b, x, k: _torch_3d(w.mT, b, x, k), "% of the values"),
        (lambda w, b, x, k: _torch_3d(w, b, x, k).sum(2), "it has 4 axes"),
        (lambda w, b, x, k: functional.conv3d(x, torch.stack([w / k] * k, 2), b), "stopped at line"),
        (lambda w, b, x, k: nn.Conv3d(x.size(2), len(w), 3)(x.transpose(1, 2)), "stopped at line"),
        (_layer_in_place, "changes its input"),
    ],
}


# How the answers behave


@pytest.fixture(params=range(3))
def seed(request):
    return request.param


def _cases(name, seed):
    exercise = ALL[f"inflate.{name}"]
    return [(case, exercise.reference(*case)) for case in exercise.draw(_generator(seed))]


def test_an_even_and_an_odd_number_of_frames_are_asked_for_the_mean(seed):
    cases = _cases("mean", seed)
    assert [k_t % 2 for (_, k_t), _ in cases] == [0, 1]
    assert all(len({*film.shape}) == 5 for _, film in cases)


def test_copies_add_up_to_the_filter_and_with_a_square_root_they_would_not(seed):
    for (weight, k_t), film in _cases("mean", seed):
        assert torch.allclose(film.sum(2), weight)
        assert (film.sum(2) * k_t**0.5 - weight).abs().max() > 0.1


@pytest.mark.parametrize("name", ["mean", "centre"])
def test_inflated_filters_answer_to_a_boring_video_as_to_the_still(name, seed):
    boring = ALL["inflate.boring"].reference
    for (weight, k_t), film in _cases(name, seed):
        stills = torch.rand(2, weight.shape[1], 12, 13, generator=_generator(seed), dtype=torch.float64)
        volume = rearrange(boring(stills, k_t), "b t c h w -> b c t h w")
        answer = functional.conv3d(volume, film)
        assert answer.shape[2] == 1
        assert torch.allclose(answer[:, :, 0], functional.conv2d(stills, weight))


def test_there_is_a_middle(seed):
    extents = [k_t for (_, k_t), _ in _cases("centre", seed)]
    assert all(k_t % 2 for k_t in extents)
    assert extents[0] > extents[1] == 3  # in three frames, more than one wrong place is the middle


def test_a_boring_video_does_not_change_and_moments_are_no_other_size(seed):
    for (stills, frames), clip in _cases("boring", seed):
        assert clip.shape == (len(stills), frames, *stills.shape[1:])
        assert not clip.diff(dim=1).any()
        assert frames not in stills.shape


def test_networks_hold_all_that_may_be_mistaken(seed):
    (plain, k_t), (fancy, other) = (case for case, _ in _cases("parameters", seed))
    for shapes in (plain, fancy):
        assert {len(shape) for shape in shapes} == {1, 2, 4}
        assert any(shape[2:] == (1, 1) for shape in shapes)
        assert len(f"{shapes}") < 160  # they are printed where an answer stops
    filters = [shape for shape in fancy if len(shape) == 4]
    assert {shape[2:] for shape in filters} >= {(1, 1), (3, 3), (1, 7), (5, 1)}
    assert any(shape[1] == 1 and shape[2] > 1 for shape in filters)
    assert k_t != plain[0][2]
    assert other in (3, 5)


def test_a_boring_clip_gets_the_2d_layers_answer_at_every_moment(seed):
    for (weight, bias, clip, k_t), _ in _cases("layer", seed):
        still = clip[:, 0]
        answer = ALL["inflate.layer"].reference(weight, bias, ALL["inflate.boring"].reference(still, 7), k_t)
        flat = functional.conv2d(still, weight, bias, padding=tuple(side // 2 for side in weight.shape[2:]))
        assert torch.allclose(answer, flat[:, None].expand_as(answer))
        zeros = _torch_3d(weight, bias, ALL["inflate.boring"].reference(still, 7), k_t, time="constant")
        wrong = (zeros - flat[:, None]).abs().amax((0, 2, 3, 4)) > 1e-6
        e = k_t // 2
        assert wrong.tolist() == [True] * e + [False] * (7 - 2 * e) + [True] * e


def test_sizes_of_layer_and_answer_cannot_be_confused(seed):
    cases = _cases("layer", seed)
    assert [k_t for (*_, k_t), _ in cases] == [5, 3]
    for (weight, _, clip, k_t), answer in cases:
        assert len({*answer.shape}) == len({*clip.shape}) == 5
        assert answer.shape[1] == clip.shape[1] > k_t
        assert weight.shape[2] != weight.shape[3]


def test_a_list_of_shapes_that_is_changed_is_named():
    for junk in ((3,), None, "text"):
        message = check("inflate.parameters", lambda s, k, junk=junk: s.append(junk) or 0).message
        assert message == "it changes its input: “shapes” is not the same after the call; work on a new tensor"


# What the course uses gives the same answers


@pytest.mark.parametrize("name", ["mean", "centre"])
def test_the_course_inflates_filters_as_the_exercise_does(name, seed):
    for (weight, k_t), film in _cases(name, seed):
        assert torch.allclose(inflate_filters(weight.float(), k_t, name).double(), film, atol=1e-6)


@pytest.mark.parametrize("k_t", [2, 3, 5])
def test_the_course_counts_as_the_exercise_does(k_t):
    torch.manual_seed(0)
    branch = nn.Sequential(nn.Conv2d(8, 8, (1, 7), padding=(0, 3)), nn.Conv2d(8, 8, 3, groups=8, padding=1))
    head = nn.Sequential(nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    own = nn.Sequential(nn.Conv2d(3, 8, 1), branch, head)
    for net2d in (own, models.SingleFrame(4)):
        mine = ALL["inflate.parameters"].reference([tuple(p.shape) for p in net2d.parameters()], k_t)
        assert mine == inflated_parameters(net2d, k_t)
        assert mine == sum(p.numel() for p in inflate(net2d, k_t).parameters())


def test_an_inflated_layer_of_the_course_is_that_of_the_exercise(seed):
    for (weight, bias, clip, k_t), answer in _cases("layer", seed):
        o, c, *sides = weight.shape
        conv = nn.Conv2d(c, o, tuple(sides), padding=tuple(side // 2 for side in sides), dtype=torch.float64)
        conv.weight.data, conv.bias.data = weight, bias
        net = inflate(conv, k_t, padding="replicate")
        assert isinstance(net, InflatedConv3d)
        with torch.no_grad():
            theirs = net(rearrange(clip, "b t c h w -> b c t h w"))
        assert torch.allclose(rearrange(theirs, "b o t h w -> b t o h w"), answer)
