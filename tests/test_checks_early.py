"""Lesson 06's exercises: right answers written differently, wrong ones, behaviour, and what the course uses.

`test_checks.py` judges RIGHT and WRONG together with those of the other lessons.
"""

import pytest
import torch
from einops import rearrange, repeat
from torch import nn
from torch.nn import functional

from vidlab import models, time_use
from vidlab.checks import check, exercises

ALL = exercises("early")


def _generator(seed):
    return torch.Generator().manual_seed(seed)


# Right answers, each written differently from the reference


def _stack_loop(clip):
    b, t, c, h, w = clip.shape
    picture = clip.new_empty(b, t * c, h, w)
    for i in range(t):
        for j in range(c):
            picture[:, i * c + j] = clip[:, i, j]
    return picture


def _films_loop(weight, frames):
    colours = weight.shape[1] // frames
    return torch.stack([weight[:, i * colours : (i + 1) * colours] for i in range(frames)], dim=1)


def _difference_by_trial(frames, k):
    """Ask what a filter must answer to a clip in which one pixel of one frame is white: that is its weight."""
    weight = torch.empty(frames, k, k, dtype=torch.float64)
    for i in range(frames):
        for y in range(k):
            for x in range(k):
                clip = torch.zeros(frames, k, k, dtype=torch.float64)
                clip[i, y, x] = 1
                weight[i, y, x] = (clip[-1] - clip[0])[(k - 1) // 2, (k - 1) // 2]
    return weight[None]


def _difference_from_differences(frames, k):
    """The frame-to-frame differences, added up; what is in between cancels."""
    steps = torch.zeros(frames - 1, frames)
    steps[range(frames - 1), range(1, frames)] += 1
    steps[range(frames - 1), range(frames - 1)] -= 1
    return functional.pad(steps.sum(0)[None, :, None, None], ((k - 1) // 2,) * 4)


def _shift_loop(clip, by):
    frames = list(clip.unbind(1))
    for _ in range(by):
        frames = [frames[0], *frames[:-1]]
    return torch.stack(frames, dim=1)


def _shift_in_place(clip, by):
    later = clip.clone()
    later[:, by:] = clip[:, : clip.shape[1] - by]
    later[:, :by] = clip[:, :1]
    return later


def _shift_padded(clip, by):
    pixels = rearrange(clip, "b t c h w -> b (c h w) t")
    padded = functional.pad(pixels, (by, 0), mode="replicate") if by else pixels
    return rearrange(padded[..., : clip.shape[1]], "b (c h w) t -> b t c h w", c=clip.shape[2], h=clip.shape[3])


RIGHT = {
    "early.stack": [
        _stack_loop,
        lambda clip: clip.flatten(1, 2),
        lambda clip: torch.cat(list(clip.unbind(1)), dim=1),
        lambda clip: clip.reshape(clip.shape[0], -1, clip.shape[3], clip.shape[4]),
    ],
    "early.first_layer_weights": [
        lambda k, frames, channels_out, channels=3: nn.Conv2d(
            channels * frames, channels_out, k, device="meta"
        ).weight.numel(),
        lambda k, frames, channels_out, channels: sum(k * k * channels * channels_out for _ in range(frames)),
        lambda *sizes: torch.tensor(sizes).prod() * sizes[0],
    ],
    "early.as_films": [
        _films_loop,
        lambda weight, frames: weight.unflatten(1, (frames, -1)),
        lambda weight, frames: weight.reshape(len(weight), frames, -1, *weight.shape[2:]),
        lambda weight, frames: torch.stack(weight.chunk(frames, dim=1), dim=1),
    ],
    "early.difference_filter": [
        _difference_by_trial,
        _difference_from_differences,
        lambda frames, k: functional.pad(
            torch.tensor([[-1.0] + [0.0] * (frames - 2) + [1.0]])[..., None, None], (k // 2,) * 4
        ),
    ],
    "early.shift_time": [
        _shift_loop,
        _shift_in_place,
        _shift_padded,
        lambda clip, by: torch.cat([repeat(clip[:, 0], "b c h w -> b t c h w", t=by), clip], 1)[:, : clip.shape[1]],
        lambda clip, by: clip[:, [max(i - by, 0) for i in range(clip.shape[1])]],
    ],
}


# Wrong answers, written independently of the recognisers' own functions, with words that must be in the message


def _torn(clip):
    b, t, c, h, w = clip.shape
    return clip.permute(0, 1, 3, 4, 2).contiguous().view(b, t * c, h, w)


def _dark(clip):
    clip *= 0.5
    return clip.flatten(1, 2)


def _conv(k, channels, out, **more):
    return sum(p.numel() for p in nn.Conv2d(channels, out, k, device="meta", **more).parameters())


def _weights(frames, k, *places):
    """places: (value, frame, row, column); the last three may be slices."""
    weight = torch.zeros(1, frames, k, k)
    for value, frame, row, column in places:
        weight[0, frame, row, column] = value
    return weight


def _two(frames, k, row, column, size=1.0):
    return _weights(frames, k, (size, -1, row, column), (-size, 0, row, column))


def _smeared(clip, by):
    later = clip.clone()
    for i in range(by, clip.shape[1]):
        later[:, i] = later[:, i - by]
    return later


def _overwritten(clip, by):
    clip[:, by:] = clip[:, : clip.shape[1] - by].clone()
    clip[:, :by] = clip[:, :1]
    return clip


def _shift_of(clip, by, axis):
    return _shift_loop(clip.transpose(1, axis), by).transpose(1, axis)


ALL_OF_IT = slice(None)

WRONG = {
    "early.stack": [
        (lambda x: x.transpose(1, 2).flatten(1, 2), "all reds come first"),
        (lambda x: x.flatten(0, 1), "as in late fusion"),
        (lambda x: torch.cat(list(x.unbind(1))), "frame 0 of all clips comes first"),
        (lambda x: x.sum(1) / x.shape[1], "averaged: what moved is a blur"),
        (lambda x: sum(x.unbind(1)), "added up"),
        (lambda x: torch.cat(list(x.unbind(1)), dim=-2), "tall picture"),
        (lambda x: torch.cat(list(x.unbind(1)), dim=-1), "wide picture"),
        (lambda x: x.flatten(1, 2).mT, "lie on their side"),
        (lambda x: torch.cat(list(x.unbind(1))[::-1], dim=1), "last frame comes first"),
        (lambda x: x[:, :, range(x.shape[2] - 1, -1, -1)].flatten(1, 2), "the colours come in the reverse"),
        (lambda x: x.flatten(1, 2).flip(1), "time and colours alike"),
        (lambda x: torch.cat(list(x[0])), "only the first clip"),
        (lambda x: x.flatten(0, 2), "batch is folded into the channels"),
        (lambda x: x.flatten(1, 2).transpose(0, 1), "channels come before the batch"),
        (lambda x: x.flatten(1, 2).permute(0, 2, 3, 1), "channels come last"),
        (lambda x: x.permute(0, 2, 1, 3, 4), "still two axes"),
        (lambda x: x, "nothing is stacked yet"),
        (lambda x: x.flatten(1), "one long list"),
        (_torn, "torn apart"),
        (lambda x: x[:, 0], "only the first frame"),
        (lambda x: x[:, -1], "only the last frame"),
        (lambda x: x.sum(2) / x.shape[2], "have become grey"),
        (lambda x: x[:, 1:].flatten(1, 2) - x[:, :-1].flatten(1, 2), "subtracted from their successors"),
        (lambda x: x.flatten(1, 2)[:, 1:], "along channels there is one entry too few"),
        (lambda x: x.flatten(1, 2).float(), "torch.float32"),
        (lambda x: x.flatten(1, 2).numpy(), "NumPy array"),
        (lambda x: 255 * x.flatten(1, 2), "values run from"),
        (lambda x: x.flatten(1, 2) / 2, "one and the same factor"),
        (lambda x: x.flatten(1, 2).flip(-1), "% of the values"),
        (lambda x: rearrange(x, "b t c h w -> b (t 3) h w"), "stopped at line"),
        (lambda x: x.reshape(len(x), 3 * x.shape[1], *x.shape[3:]), "stopped at line"),
        (_dark, "changes its input"),
    ],
    "early.first_layer_weights": [
        (lambda k, T, o, c: _conv(k, c, o, bias=False), "T has no part"),
        (lambda k, T, o, c: k * T * c * o, "not squared"),
        (lambda k, T, o, c: _conv(1, c * T, o, bias=False), "kernels of 1 × 1"),
        (lambda k, T, o, c: nn.Conv3d(c, o, k, bias=False, device="meta").weight.numel(), "a cube of k frames"),
        (lambda k, T, o, c: nn.Conv3d(c * T, o, k, bias=False, device="meta").weight.numel(), "k counts three times"),
        (lambda k, T, o, c: _conv(k, c * T, o), "one for each output channel.?$"),
        (lambda k, T, o, c: _conv(k, c, o), "biases are counted, and T is forgotten"),
        (lambda k, T, o, c: T * _conv(k, c, o), "one for each output channel and frame"),
        (lambda k, T, o, c: _conv(k, T, o, bias=False), "frames are not grey"),
        (lambda k, T, o, c: _conv(k, 3 * T, o, bias=False), "taken for granted"),
        (lambda k, T, o, c: _conv(k, T * c, T * o, bias=False), "T counts twice"),
        (lambda k, T, o, c: _conv(k, T * c, 1, bias=False), "output channels are forgotten"),
        (lambda k, T, o, c: _conv(k, T + c, o, bias=False), "frames and colours are added"),
        (lambda k, T, o, c: k * k * (T * c + o), "input and output channels are added"),
        (lambda k, T, o, c: T + _conv(k, c, o, bias=False), "T is added at the end"),
        (lambda k, T, o, c: sum((k, T, o, c)), "all sizes are added"),
        (lambda k, T, o, c: float(k * k * T * c * o), "whole number (int)"),
        (lambda k, T, o, c: 7 * k * k * T * c * o, "too large"),
        (lambda k, T, o, c: 34_848, "too large|too small|right for some"),
        (lambda k, T, o, c: [k * k * T * c, o], "list of 2"),
        (lambda k, T, o: k * k * 3 * T * o, "cannot be called with k="),
    ],
    "early.as_films": [
        (lambda x, t: x.unflatten(1, (-1, t)).transpose(1, 2), "as if all reds came first"),
        (lambda x, t: _films_loop(x, t).transpose(1, 2), "time and colours have changed places"),
        (lambda x, t: x.unflatten(1, (-1, t)), "taken for that of the channels"),
        (lambda x, t: torch.stack(x.chunk(t, dim=1)), "time comes before the filters"),
        (lambda x, t: _films_loop(x, t).mT, "height and width of the kernels"),
        (lambda x, t: torch.stack(x.chunk(t, dim=1)[::-1], dim=1), "run backwards"),
        (lambda x, t: _films_loop(x.flip(1), t).flip(1), "colours of each frame come in the reverse"),
        (lambda x, t: _films_loop(x.flip(2).flip(3), t), "turned over"),
        (lambda x, t: sum(x.chunk(t, dim=1)) / t, "frames are averaged"),
        (lambda x, t: functional.avg_pool3d(x, (x.shape[1] // t, 1, 1)), "become grey"),
        (lambda x, t: _films_loop(x, t).movedim(2, -1), "as for a picture to be shown"),
        (lambda x, t: x.reshape(len(x) * t, -1, *x.shape[2:]), "which film is each picture from"),
        (lambda x, t: torch.cat(x.chunk(t, dim=1), dim=-1), "side by side, a strip"),
        (lambda x, t: torch.cat(x.chunk(t, dim=1), dim=-2), "below each other, a strip"),
        (lambda x, t: x.permute(0, 2, 3, 1).contiguous().view(_films_loop(x, t).shape), "kernels are torn apart"),
        (lambda x, t: x.transpose(0, 1).contiguous().view(_films_loop(x, t).shape), "from several filters"),
        (lambda x, t: x, "nothing is cut yet"),
        (lambda x, t: x[0].unflatten(0, (t, -1)), "only the first filter"),
        (lambda x, t: torch.sqrt(_films_loop(x, t) ** 2), "signs are lost"),
        (lambda x, t: torch.stack([(f - f.min()) / (f.max() - f.min()) for f in _films_loop(x, t)]), "for the eye"),
        (lambda x, t: torch.stack([f - f.mean() for f in _films_loop(x, t)]), "mean of each film"),
        (lambda x, t: -_films_loop(x, t), "opposite sign"),
        (lambda x, t: _films_loop(x, t)[1:], "along o there is one entry too few"),
        (lambda x, t: _films_loop(x, t).float(), "torch.float32"),
        (lambda x, t: _films_loop(x, t).roll(1, 1), "% of the values"),
        (lambda x, t: _films_loop(x, t)[..., 0, 0], "it has 3 axes"),
        (lambda x, t: rearrange(x, "o (t c) k k -> o t c k k", t=t), "stopped at line"),
        (lambda x, t: x.chunk(t, dim=1), "tuple"),
    ],
    "early.difference_filter": [
        (lambda t, k: _two(t, k, k // 2, k // 2, -1.0), "sign is turned"),
        (lambda t, k: _weights(t, k, (1.0, (0, -1), k // 2, k // 2)), "two frames are added"),
        (lambda t, k: _two(t, k, 0, 0), "upper left pixel of its window"),
        (lambda t, k: _two(t, k, (k + 1) // 2, (k + 1) // 2), "below and to the right"),
        (lambda t, k: _two(t, k, k // 2 - 1, k // 2 - 1), "above and to the left"),
        (lambda t, k: _weights(t, k, (1.0, -1, -1, -1), (-1.0, 0, 0, 0)), "two different pixels"),
        (lambda t, k: _weights(t, k, (1.0, 1, k // 2, k // 2), (-1.0, 0, k // 2, k // 2)), "first two frames"),
        (lambda t, k: _weights(t, k, (1.0, -1, k // 2, k // 2), (-1.0, -2, k // 2, k // 2)), "last two frames"),
        (lambda t, k: _weights(t, k, (1.0, t // 2, k // 2, k // 2), (-1.0, 0, k // 2, k // 2)), "middle of the clip"),
        (lambda t, k: _two(t, k, ALL_OF_IT, ALL_OF_IT, 1 / (k * k)), "averages over its whole window"),
        (lambda t, k: _two(t, k, ALL_OF_IT, ALL_OF_IT), "adds up its whole window"),
        (lambda t, k: _two(t, k, k // 2, ALL_OF_IT), "a whole row"),
        (lambda t, k: _two(t, k, ALL_OF_IT, k // 2), "a whole column"),
        (
            lambda t, k: _weights(t, k, (-1 / t, ALL_OF_IT, k // 2, k // 2), (1 - 1 / t, -1, k // 2, k // 2)),
            "mean of all frames",
        ),
        (
            lambda t, k: _weights(t, k, (-1 / (t - 1), slice(-1), k // 2, k // 2), (1.0, -1, k // 2, k // 2)),
            "mean of all earlier ones",
        ),
        (
            lambda t, k: _weights(t, k, (-1.0, slice(-1), k // 2, k // 2), (1.0, -1, k // 2, k // 2)),
            "all earlier frames are subtracted",
        ),
        (
            lambda t, k: _weights(t, k, (2 * torch.arange(t) / (t - 1) - 1, ALL_OF_IT, k // 2, k // 2)),
            "rise from frame to frame",
        ),
        (lambda t, k: _weights(t, k, (1.0, -1, k // 2, k // 2)), "only the last frame is seen"),
        (lambda t, k: _weights(t, k, (-1.0, 0, k // 2, k // 2)), "only the first frame is seen"),
        (
            lambda t, k: _weights(t, k, (1.0, -1, k // 2, k // 2 + 1), (-1.0, -1, k // 2, k // 2 - 1)),
            "in the last frame: that is no change",
        ),
        (
            lambda t, k: _weights(t, k, (1.0, ALL_OF_IT, k // 2, k // 2 + 1), (-1.0, ALL_OF_IT, k // 2, k // 2 - 1)),
            "an edge that stands still",
        ),
        (lambda t, k: _weights(t, k, (1.0, -1, -1, -1), (-1.0, -1, 0, 0)), "space, not time"),
        (lambda t, k: _two(t, k, k // 2, k // 2, 0.5), "divided by two"),
        (lambda t, k: _two(t, k, k // 2, k // 2, 1 / (t - 1)), "number of steps"),
        (lambda t, k: _two(t, k, k // 2, k // 2, 3.0), "same factor"),
        (lambda t, k: _weights(t, k), "all weights are 0"),
        (lambda t, k: torch.ones(1, t, k, k), "all weights are 1"),
        (lambda t, k: _two(t, k, k // 2, k // 2).permute(1, 0, 2, 3), "first two axes are exchanged"),
        (lambda t, k: _two(t, k, k // 2, k // 2)[0], "it has 3 axes"),
        (lambda t, k: _two(t, k, k // 2, k // 2)[:, :, None], "it has 5 axes"),
        (lambda t, k: _two(t, k, k // 2, k // 2).long(), "floats are wanted"),
        (lambda t, k: _two(t, k, k // 2, 0), "% of the values"),
        (lambda t, k: _two(t - 1, k, k // 2, k // 2), "along t there is one entry too few"),
        (lambda t, k: nn.Conv2d(t, 1, k, bias=False), "a torch.Tensor is wanted"),
        (lambda t, k: _two(t, k, k / 2, k / 2), "stopped at line"),
    ],
    "early.shift_time": [
        (lambda x, by: _shift_loop(x.flip(1), by).flip(1), "earlier, not later"),
        (lambda x, by: torch.cat([x[:, x.shape[1] - by :], x[:, : x.shape[1] - by]], 1), "time is no circle"),
        (lambda x, by: torch.cat([x[:, by:], x[:, :by]], 1), "comes in again at the end"),
        (
            lambda x, by: functional.pad(x, (0,) * 6 + (by, 0))[:, : x.shape[1]],
            "black; the clip should stand still",
        ),
        (
            lambda x, by: torch.cat([x.new_zeros(len(x), by, *x.shape[2:]), x[:, :-by]], 1),
            "black, and nothing is left where `by` is 0",
        ),
        (lambda x, by: torch.cat([x[:, :1].repeat(1, by, 1, 1, 1), x[:, :-by]], 1), "where `by` is 0 nothing"),
        (lambda x, by: _shift_loop(x, by + 1), "one frame too late"),
        (lambda x, by: _shift_of(x, by, 4), "moved to the right"),
        (lambda x, by: torch.roll(x, by, dims=-1), "rolled to the right"),
        (lambda x, by: _shift_of(x, by, 3), "moved down"),
        (lambda x, by: torch.roll(x, by, dims=-2), "rolled down"),
        (lambda x, by: _shift_of(x, by, 2), "colours are moved on"),
        (lambda x, by: _shift_loop(x.transpose(0, 1), by).transpose(0, 1), "clips are moved on"),
        (lambda x, by: torch.roll(x, by, dims=0), "clips are rolled on"),
        (lambda x, by: x[:, : x.shape[1] - by], "nothing fills the beginning"),
        (lambda x, by: x[:, by:], "makes everything earlier"),
        (lambda x, by: torch.cat([x[:, :1]] * by + [x], 1), "become longer"),
        (lambda x, by: x, "nothing has changed"),
        (lambda x, by: torch.stack(x.unbind(1)[::-1], 1), "run backwards"),
        (lambda x, by: torch.cat([x[:, -1:]] * by + [x[:, : x.shape[1] - by]], 1), "last frame is repeated"),
        (lambda x, by: torch.cat([x[:, [by] * by], x[:, : x.shape[1] - by]], 1), "the number `by`"),
        (lambda x, by: torch.cat([x[:, :1]] * by + [x[:, by:]], 1), "its own time goes on"),
        (lambda x, by: torch.cat([x[:, :by], x[:, : x.shape[1] - by]], 1), "the beginning still moves"),
        (lambda x, by: _smeared(x, by) if by else x, "already overwritten"),
        (lambda x, by: torch.stack([x[:, 0]] * x.shape[1], 1), "only the first frame is left"),
        (lambda x, by: torch.stack([_shift_loop(x[:1], by)[0], *x[1:]]), "first clip only"),
        (lambda x, by: _shift_loop(_shift_loop(x, by), by), "twice as late"),
        (lambda x, by: _shift_loop(x, 2), "right for some inputs but not for others"),
        (lambda x, by: _shift_loop(x, by).transpose(0, 1), "order t b c h w"),
        (lambda x, by: _shift_loop(x, by)[0], "it has 4 axes"),
        (lambda x, by: _shift_loop(x, by).float(), "torch.float32"),
        (lambda x, by: _shift_loop(x, by) / 2, "same factor"),
        (lambda x, by: _shift_loop(x, by).flip(-1), "% of the values"),
        (lambda x, by: torch.cat([x[:, 0].expand(by), x], 1), "stopped at line"),
        (_overwritten, "changes its input"),
    ],
}


# How the answers behave


@pytest.fixture(params=range(3))
def seed(request):
    return request.param


def _case(name, seed, number=0):
    arguments = ALL[f"early.{name}"].draw(_generator(seed))[number]
    return arguments, ALL[f"early.{name}"].reference(*arguments)


def test_the_filter_answers_last_minus_first_at_every_inner_pixel_and_nothing_to_what_stands_still(seed):
    (frames, k), weight = _case("difference_filter", seed)
    clip = torch.rand(4, frames, k + 5, k + 3, generator=_generator(seed))
    inner = (..., slice(k // 2, -(k // 2)), slice(k // 2, -(k // 2)))
    assert torch.allclose(functional.conv2d(clip, weight)[:, 0], (clip[:, -1] - clip[:, 0])[inner], atol=1e-6)
    still = clip[:, :1].expand_as(clip)
    assert functional.conv2d(still, weight).abs().max() == 0
    assert weight.sum() == 0


def test_no_other_weights_behave_like_that(seed):
    """A filter is linear: its answers to enough random clips leave no weight free, and all other weights fail."""
    (frames, k), weight = _case("difference_filter", seed)
    windows = torch.randn(weight.numel() + 20, weight.numel(), generator=_generator(seed), dtype=torch.float64)
    films = rearrange(windows, "n (t y x) -> n t y x", t=frames, y=k)
    answers = (films[:, -1] - films[:, 0])[:, k // 2, k // 2]
    only = torch.linalg.lstsq(windows, answers[:, None]).solution
    assert torch.allclose(only[:, 0], weight.double().flatten(), atol=1e-9)


def test_the_two_frames_of_one_pixel_are_all_that_the_filter_reads(seed):
    (frames, k), weight = _case("difference_filter", seed)
    assert weight.nonzero().tolist() == [[0, 0, k // 2, k // 2], [0, frames - 1, k // 2, k // 2]]


def test_a_stack_taken_apart_as_films_are_is_the_clip_again(seed):
    for number in range(2):
        (clip,), picture = _case("stack", seed, number)
        assert torch.equal(ALL["early.as_films"].reference(picture, clip.shape[1]), clip)


def test_an_answer_that_takes_three_channels_for_granted_fails(seed):
    for wrong in (lambda x: x[:, :, :3].flatten(1, 2), lambda x: x.unflatten(2, (3, -1))[:, :, :, 0].flatten(1, 2)):
        message = check("early.stack", wrong, seed=seed).message
        assert "right for some inputs but not for others" in message or "stopped at line" in message
    message = check("early.as_films", lambda x, t: x.reshape(len(x), -1, 3, *x.shape[2:]), seed=seed).message
    assert "right for some inputs but not for others" in message or "stopped at line" in message


def test_clips_that_are_not_moved_at_all_are_among_the_cases(seed):
    moves = [by for _, by in ALL["early.shift_time"].draw(_generator(seed))]
    assert 0 in moves
    assert max(moves) >= 2
    with_zero = check("early.shift_time", lambda x, by: _shift_loop(x, by) if by else x.flip(1), seed=seed)
    assert "right for some inputs but not for others" in with_zero.message
    assert "by=0" in with_zero.message


# What the course uses gives the same answers


def test_the_early_fusion_model_sees_the_stack_of_the_exercise(seed):
    torch.manual_seed(seed)
    model = models.EarlyFusion(4, frames=5).eval()
    clip = torch.rand(2, 5, 3, 16, 24, generator=_generator(seed))
    with torch.no_grad():
        mine = model.classify(model.backbone.vector(ALL["early.stack"].reference(clip)))
        assert torch.allclose(mine, model(clip))


def test_the_first_layer_has_as_many_weights_as_the_exercise_counts(seed):
    (_, frames, out, channels), _ = _case("first_layer_weights", seed)
    model = models.EarlyFusion(4, frames=frames, channels=channels, widths=(out, 8))
    mine = ALL["early.first_layer_weights"].reference(3, frames, out, channels)
    assert mine == model.filters().numel() == model.backbone.blocks[1][0].weight.numel()
    assert ALL["early.first_layer_weights"].reference(3, frames, out) == 27 * frames * out  # colours by default


def test_the_filters_of_the_model_are_the_films_of_the_exercise(seed):
    torch.manual_seed(seed)
    model = models.EarlyFusion(4, frames=5)
    assert torch.equal(ALL["early.as_films"].reference(model.backbone.blocks[1][0].weight, 5), model.filters())


def test_a_clip_is_shifted_as_the_trials_of_time_shift_it(seed):
    for number in range(3):
        (clip, by), mine = _case("shift_time", seed, number)
        assert torch.equal(time_use.shift(clip, by), mine)
