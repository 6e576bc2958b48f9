"""Lesson 11's exercises: right answers written differently, wrong ones, behaviour, and what the course uses.

`test_checks.py` judges RIGHT and WRONG together with those of the other lessons.
"""

import numpy as np
import pytest
import torch
from einops import rearrange
from torch.nn import functional

from vidlab.checks import check, exercises
from vidlab.evaluation import joint
from vidlab.flow import as_picture, less_camera
from vidlab.models.backbone import log_mean
from vidlab.models.two_stream import flow_stack

ALL = exercises("two_stream")


def _generator(seed):
    return torch.Generator().manual_seed(seed)


# Right answers, each written differently from the reference


def _stack_loop(flow):
    channels = []
    for moment in range(flow.size(1)):
        channels += [flow[:, moment, 0], flow[:, moment, 1]]
    return torch.stack(channels, 1)


def _stack_by_strides(flow):
    b, moments, _, h, w = flow.shape
    channels = flow.new_empty(b, 2 * moments, h, w)
    channels[:, 0::2], channels[:, 1::2] = flow[:, :, 0], flow[:, :, 1]
    return channels


def _camera_loop(flow):
    still = torch.empty_like(flow)
    for clip, moment, direction in np.ndindex(*flow.shape[:3]):
        field = flow[clip, moment, direction]
        still[clip, moment, direction] = field - field.sum() / field.numel()
    return still


def _camera_by_norm(flow):
    """Each direction of each field is a group of its own; its spread is put back."""
    fields = flow.flatten(1, 2)
    spread = fields.var((2, 3), keepdim=True, correction=0)
    return (functional.group_norm(fields, fields.size(1), eps=0) * spread.sqrt()).view_as(flow)


def _picture_numpy(flow, reach):
    return torch.from_numpy(np.rint(np.interp(flow.numpy(), [-reach, reach], [0, 255])).astype(np.uint8))


def _picture_in_single_precision(flow, reach):
    """As the course has it: its flow is float32."""
    return flow.float().clamp(-reach, reach).add(reach).mul(255 / (2 * reach)).add(0.5).to(torch.uint8)


def _picture_by_thresholds(flow, reach):
    """How many of the 255 borders between bytes are not above it?"""
    borders = (torch.arange(255, dtype=torch.float64) - 127) * (2 * reach / 255)
    return torch.bucketize(flow, borders, right=True).to(torch.uint8)


def _softmax_by_hand(logits):
    e = (logits - logits.max(1, keepdim=True).values).exp()
    return e / e.sum(1, keepdim=True)


def _average_by_logarithms(spatial, temporal):
    both = torch.stack([spatial.log_softmax(-1), temporal.log_softmax(-1)])
    return (both.logsumexp(0) - np.log(2)).exp()


def _kinds_loop(probabilities, colours):
    motions = probabilities.shape[1] // colours
    p_colour = probabilities.new_zeros(len(probabilities), colours)
    p_motion = probabilities.new_zeros(len(probabilities), motions)
    for number in range(colours * motions):
        p_colour[:, number // motions] += probabilities[:, number]
        p_motion[:, number % motions] += probabilities[:, number]
    return p_colour, p_motion


def _kinds_by_blocks(probabilities, colours):
    blocks = probabilities.chunk(colours, dim=1)
    return [torch.stack([block.sum(1) for block in blocks], 1), sum(blocks)]


def _kinds_by_matrices(probabilities, colours):
    motions = probabilities.shape[1] // colours
    eye = [torch.eye(n, dtype=probabilities.dtype) for n in (colours, motions)]
    ones = [torch.ones(n, 1, dtype=probabilities.dtype) for n in (colours, motions)]
    return probabilities @ torch.kron(eye[0], ones[1]), probabilities @ torch.kron(ones[0], eye[1])


RIGHT = {
    "two_stream.stack": [
        _stack_loop,
        _stack_by_strides,
        lambda flow: flow.flatten(1, 2),
        lambda flow: torch.cat(flow.unbind(1), dim=1),
    ],
    "two_stream.less_camera": [
        _camera_loop,
        _camera_by_norm,
        lambda flow: flow - flow.mean((-2, -1), keepdim=True),
        lambda flow: flow - functional.adaptive_avg_pool2d(flow.flatten(0, 1), 1).reshape(*flow.shape[:3], 1, 1),
    ],
    "two_stream.as_picture": [
        _picture_numpy,
        _picture_in_single_precision,
        _picture_by_thresholds,
        lambda flow, reach: (127.5 * (flow / reach + 1)).round().clamp(0, 255).byte(),
        lambda flow, reach: ((flow + reach) * (255 / (2 * reach))).add(0.5).clamp(0, 255).to(torch.uint8),
    ],
    "two_stream.average": [
        lambda s, t: 0.5 * _softmax_by_hand(s) + 0.5 * _softmax_by_hand(t),
        lambda s, t: torch.stack([s, t]).softmax(-1).mean(0),
        _average_by_logarithms,
    ],
    "two_stream.kinds": [
        _kinds_loop,
        _kinds_by_blocks,
        _kinds_by_matrices,
        lambda p, colours: (p.view(len(p), colours, -1).sum(-1), p.view(len(p), colours, -1).sum(-2)),
    ],
}


# Wrong answers, written independently of the recognisers' own functions, with words that must be in the message


def _channels(flow, order):
    """As a learner would write it: channels picked by (moment, direction), in another order."""
    return torch.stack([flow[:, moment, direction] for moment, direction in order], 1)


def _pairs(flow, moments=None):
    return [(n, d) for n in (range(flow.size(1)) if moments is None else moments) for d in (0, 1)]


def _polar(flow):
    u, v = flow.unbind(2)
    return torch.stack([torch.hypot(u, v), torch.atan2(v, u)], 2).flatten(1, 2)


def _stack_in_place(flow):
    flow[:, 1:] += flow[:, :-1].clone()
    return flow.flatten(1, 2)


def _still(flow, camera):
    """Each field loses what `camera` makes of it, h w, alone."""
    lost = [camera(field) * torch.ones_like(field) for field in flow.flatten(0, 2)]
    return flow - torch.stack(lost).reshape(flow.shape)


def _frame(field):
    return torch.cat([field[0], field[-1], field[1:-1, 0], field[1:-1, -1]])


def _blur(field):
    one = torch.ones(1, 1, 3, 3, dtype=field.dtype)
    sums, counts = (functional.conv2d(x[None, None], one, padding=1)[0, 0] for x in (field, torch.ones_like(field)))
    return sums / counts


def _mean(flow, *axes):
    return torch.mean(flow, axes, keepdim=True)


def _camera_in_place(flow):
    flow -= flow.mean((3, 4), keepdim=True)
    return flow


def _picture(flow, reach, before=lambda x: x, after=lambda x: x, half=0.5, most=255):
    """As a learner would write it, with one thing wrong."""
    grey = after(before(flow) / (2 * reach) + half)
    return torch.round(grey.clamp(0, 1) * most).to(torch.uint8)


def _begins_anew(levels):
    return torch.remainder(levels, 256).to(torch.uint8)


def _levels(flow, reach):
    return 127.5 * flow / reach + 127.5


def _picture_in_place(flow, reach):
    flow.div_(2 * reach).add_(0.5).clamp_(0, 1)
    return (255 * flow).round().to(torch.uint8)


def _stretch(flow, per):
    """From smallest to largest of all that share these leading axes."""
    rows = flow.flatten(per) if per else flow.flatten()[None]
    low, high = rows.min(-1, keepdim=True).values, rows.max(-1, keepdim=True).values
    return (255 * (rows - low) / (high - low)).round().byte().reshape(flow.shape)


def _mix(s, t, a=0.5, b=0.5, p=None):
    p = _softmax_by_hand if p is None else p
    return a * p(s) + b * p(t)


def _first(logits):
    """By name: softmax over the batch."""
    return _softmax_by_hand(logits.T).T


def _unsure(s, t):
    p, q = _softmax_by_hand(s), _softmax_by_hand(t)
    a, b = (torch.exp(-torch.special.entr(x).sum(1, keepdim=True)) for x in (p, q))
    return (a * p + b * q) / (a + b)


def _surest(s, t):
    rows = [p if p.max() > q.max() else q for p, q in zip(_softmax_by_hand(s), _softmax_by_hand(t), strict=True)]
    return torch.stack(rows)


def _both_as_one(s, t):
    p = _softmax_by_hand(torch.cat([s, t], 1))
    return p[:, : s.size(1)] + p[:, s.size(1) :]


def _votes(s, t):
    count = torch.zeros_like(s)
    for row, first, second in zip(count, s.argmax(1), t.argmax(1), strict=True):
        row[first] += 0.5
        row[second] += 0.5
    return count


def _in_place_softmax(s, t):
    for logits in (s, t):
        logits -= logits.amax(1, keepdim=True)
        logits.exp_()
        logits /= logits.sum(1, keepdim=True)
    return (s + t) / 2


def _kinds(p, colours):
    """All is right; fast, for what comes after."""
    table = p.view(len(p), colours, -1)
    return torch.einsum("bcm->bc", table), torch.einsum("bcm->bm", table)


def _tables(p, colours, row=lambda a: a.sum(-1), column=None, axes="b (c m) -> b c m"):
    """As a learner would write it: `row` makes one number of each row, `column` of each column, along the last axis."""
    table = rearrange(p, axes, c=colours)
    return row(table), (row if column is None else column)(table.mT)


def _sum(a):
    return a.sum(-1)


def _mean_last(a):
    return a.mean(-1)


def _max_last(a):
    return a.max(-1).values


def _then(p, colours, after):
    return tuple(after(one) for one in _kinds(p, colours))


def _unit(p):
    return functional.normalize(p, p=1, dim=1)


def _hot(p):
    return (p == p.amax(1, keepdim=True)).to(p.dtype)


def _given_the_best(p, colours):
    motions = p.shape[1] // colours
    pairs = []
    for one in p:
        c, m = divmod(int(one.argmax()), motions)
        column, row = one[m::motions], one[c * motions : (c + 1) * motions]
        pairs.append((column / column.sum(), row / row.sum()))
    return tuple(torch.stack(part) for part in zip(*pairs, strict=True))


def _kinds_in_place(p, colours):
    p /= p.sum(1, keepdim=True) * 2
    return _kinds(2 * p, colours)


WRONG = {
    "two_stream.stack": [
        (lambda x: torch.cat([x[:, :, 0], x[:, :, 1]], 1), "all u come first"),
        (lambda x: _channels(x, [(n, d) for n in range(x.size(1)) for d in (1, 0)]), "v stands before u"),
        (lambda x: _channels(x, _pairs(x, reversed(range(x.size(1))))), "last moment comes first"),
        (lambda x: _channels(x, _pairs(x)[::-1]), "read from the end"),
        (lambda x: torch.cat([x[:, :, 1], x[:, :, 0]], 1), "all v come first"),
        (lambda x: x, "come back as they went in"),
        (lambda x: x.transpose(1, 2), "a 3D network"),
        (lambda x: torch.stack([x], 1), "beside the old ones"),
        (lambda x: x.flatten(0, 1), "into the batch: then each"),
        (lambda x: torch.cat(x.unbind(1)), "before the clips: each"),
        (lambda x: x.reshape(-1, *x.shape[3:]), "all one axis"),
        (lambda x: x.flatten(1, 2).transpose(0, 1), "before the batch"),
        (lambda x: x.flatten(1, 2).movedim(1, -1), "channels come last"),
        (lambda x: x.flatten(1, 2).mT, "rows and columns have changed places"),
        (lambda x: torch.cat(x.unbind(1), 2), "below each other"),
        (lambda x: torch.cat(x.unbind(1), 3), "side by side"),
        (lambda x: torch.cat(x.unbind(2), 2), "merged with rows, not"),
        (lambda x: x.flatten(3), "rows and columns are merged, and"),
        (lambda x: x.flatten(1, 3), "rows have been merged"),
        (lambda x: x.flatten(1, 2).flatten(2), "rows and columns have been merged"),
        (lambda x: x.reshape(len(x), -1), "one long vector"),
        (lambda x: torch.stack(x.unbind(1)).reshape(len(x), -1, *x.shape[3:]), "clips and moments are mixed"),
        (lambda x: torch.stack(x.unbind(2)).reshape(len(x), -1, *x.shape[3:]), "clips and directions are mixed"),
        (
            lambda x: torch.stack(x.flatten(1, 2).unbind(1), -1).reshape(len(x), -1, *x.shape[3:]),
            "channels and pixels are mixed",
        ),
        (lambda x: x.mT.reshape(len(x), -1, *x.shape[3:]), "rows and columns have been cut"),
        (lambda x: x[:, :, 0], "only u is left"),
        (lambda x: x[:, :, 1], "only v is left"),
        (lambda x: x[:, :, 0].repeat_interleave(2, 1), "u stands in the place"),
        (lambda x: x[:, :, 1].repeat_interleave(2, 1), "v stands in the place"),
        (lambda x: x.square().sum(2).sqrt(), "only speeds"),
        (lambda x: x[:, :, 0] + x[:, :, 1], "u and v are added up"),
        (lambda x: (x[:, :, 0] + x[:, :, 1]) / 2, "u and v are averaged"),
        (lambda x: sum(x.unbind(1)), "the fields are added up: that"),
        (lambda x: x.mean(1), "the fields are averaged"),
        (lambda x: x[:, 0], "only the first field"),
        (lambda x: x[:, x.size(1) - 1], "only the last field"),
        (lambda x: x[:, (x.size(1) - 1) // 2], "field in the middle"),
        (lambda x: torch.cat(x.unbind(1)[1:], 1), "first field is missing"),
        (lambda x: torch.cat(x.unbind(1)[:-1], 1), "last field is missing"),
        (lambda x: torch.cat(list(x[0])), "batch is lost"),
        (lambda x: x.flatten(1, 2).roll(2, 1), "come to the front"),
        (lambda x: torch.cat([x[:, 1:], x[:, :1]], 1).flatten(1, 2), "gone to the end"),
        (lambda x: _channels(torch.cumsum(x, 1), _pairs(x)), "from moment to moment"),
        (lambda x: torch.stack([x[:, :, 0], -x[:, :, 1]], 2).flatten(1, 2), "v points upwards"),
        (lambda x: torch.stack([-x[:, :, 0], x[:, :, 1]], 2).flatten(1, 2), "u points the other"),
        (lambda x: -_stack_loop(x), "both directions are reversed"),
        (lambda x: _stack_loop(x.abs()), "signs are lost"),
        (_polar, "speed and angle"),
        (lambda x: _camera_loop(x).flatten(1, 2), "a mean has been subtracted"),
        (lambda x: _stack_loop(x) / x.abs().max(), "scaled by the largest"),
        # and others that are not known
        (lambda x: x.flatten(1, 2).float(), "torch.float32"),
        (lambda x: x.flatten(1, 2).flip(-1), "% of the values"),
        (lambda x: x.flatten(1, 2).roll(1, 1), "% of the values"),
        (lambda x: x.flatten(1, 2).roll(1, 0), "% of the values"),
        (lambda x: x.flatten(1, 2).round(), "% of the values"),
        (lambda x: 2 * x.flatten(1, 2), "same factor"),
        (lambda x: x.flatten(1, 2)[:, 1:], "along c there is one entry too few"),
        (lambda x: functional.pad(x.flatten(1, 2), (0, 0, 0, 0, 0, 1)), "along c there is one entry too many"),
        (lambda x: x.flatten(1, 2)[..., :-1], "along w"),
        (lambda x: x.flatten(1, 2).permute(0, 2, 1, 3), "order b h c w"),
        (lambda x: list(x.flatten(1, 2)), "list of"),
        (lambda x: x.flatten(1, 2).numpy(), "NumPy"),
        (lambda x: x.transpose(1, 2).view(len(x), -1, *x.shape[3:]), "stopped at line"),
        (lambda x: rearrange(x, "b l h w -> b l h w"), "stopped at line"),
        (_stack_in_place, "changes its input: “flow”"),
    ],
    "two_stream.less_camera": [
        (lambda x: x, "come back as they went in"),
        (lambda x: x - _mean(x, 2, 3, 4), "u and v together"),
        (lambda x: x - _mean(x, 1, 3, 4), "one mean for all moments"),
        (lambda x: x - _mean(x, 0, 3, 4), "one mean for all clips: each"),
        (lambda x: x - _mean(x, 0, 1, 3, 4), "for all clips and moments"),
        (lambda x: torch.stack([clip - clip.mean() for clip in x]), "for a whole clip"),
        (lambda x: x - x.sum() / x.numel(), "everything there is"),
        (lambda x: x - _mean(x, 1), "its mean over time"),
        (lambda x: x - (x[:, :, :1] + x[:, :, 1:]) / 2, "the mean of u and v is taken"),
        (lambda x: x - _mean(x, 0), "the mean over clips"),
        (lambda x: _still(x, lambda field: field.mean(0)), "each column loses"),
        (lambda x: _still(x, lambda field: field.mean(1, keepdim=True)), "each row loses"),
        (lambda x: x + _mean(x, 3, 4), "once more"),
        (lambda x: -_camera_loop(x), "all signs are turned"),
        (lambda x: _camera_loop(x) - _mean(x, 3, 4), "taken away twice"),
        (lambda x: _still(x, lambda field: field.mean() / 2), "only half"),
        (lambda x: torch.stack([_camera_loop(x)[:, :, 0], x[:, :, 1]], 2), "only u has"),
        (lambda x: torch.stack([x[:, :, 0], _camera_loop(x)[:, :, 1]], 2), "only v has"),
        (lambda x: x - _mean(x, 3, 4)[:, :, [1, 0]], "and v that of u"),
        (lambda x: x - _mean(x[:, :, :1], 3, 4), "^v loses the mean of u"),
        (lambda x: x - _mean(x[:, :, 1:], 3, 4), "^u loses the mean of v$"),
        (lambda x: x - _mean(x[:, :1], 3, 4), "mean of the first one"),
        (lambda x: x - _mean(x[:, -1:], 3, 4), "mean of the last one"),
        (lambda x: x - _mean(x[0], 2, 3), "means of the first one"),
        (lambda x: x - torch.cat([_mean(x[:, -1:], 3, 4), _mean(x[:, :-1], 3, 4)], 1), "the one before it"),
        (lambda x: x - _mean(torch.cat([x[:, 1:], x[:, :1]], 1), 3, 4), "the one after it"),
        (lambda x: x - x.flatten(3).quantile(0.5, 3)[..., None, None], "median"),
        (lambda x: _still(x, torch.sum), "sum over space"),
        (lambda x: _still(x, torch.max), "largest value"),
        (lambda x: _still(x, torch.min), "smallest value"),
        (lambda x: _still(x, lambda field: (field.min() + field.max()) / 2), "halfway"),
        (lambda x: _still(x, lambda field: field.abs().mean()), "absolute values"),
        (lambda x: x - _mean(torch.hypot(x[:, :, :1], x[:, :, 1:]), 3, 4), "mean speed"),
        (lambda x: _still(x, lambda field: field[0, 0]), "first pixel"),
        (lambda x: _still(x, lambda field: field[len(field) // 2, field.shape[1] // 2]), "pixel in the middle"),
        (lambda x: _still(x, lambda field: _frame(field).mean()), "mean of the border"),
        (lambda x: _still(x, _blur), "those around it"),
        (lambda x: _still(x, lambda field: field.mean().round()), "whole pixels"),
        (lambda x: _still(x, lambda field: field.sum() / (field.numel() - 1)), "one too few"),
        (lambda x: x / _mean(x, 3, 4), "divided by the mean"),
        (lambda x: _camera_loop(x) / torch.std(x, (3, 4), keepdim=True), "^divided by the spread as well: fast"),
        (
            lambda x: functional.instance_norm(x.flatten(1, 2), eps=0).view_as(x),
            "spread as well (over n",
        ),
        (lambda x: _camera_loop(x).abs(), "left and right look"),
        (lambda x: _camera_loop(x).relu(), "cut off at 0"),
        (lambda x: _camera_loop(x).square().sum(2).sqrt(), "only speeds"),
        (lambda x: x.flatten(3).mean(3), "itself, b l 2"),
        (lambda x: _mean(x, 3, 4), "itself: what is left"),
        (lambda x: x - _camera_loop(x), "motion, at every place"),
        (lambda x: x[:, 1:] - x[:, :-1], "change from field to field"),
        # and others that are not known
        (lambda x: x - x.mean(), "everything there is"),
        (lambda x: _camera_loop(x).float(), "torch.float32"),
        (lambda x: 2 * _camera_loop(x), "same factor"),
        (lambda x: _camera_loop(x)[:, 1:], "along l there is one entry too few"),
        (lambda x: _camera_loop(x).transpose(1, 2), "order b d l h w"),
        (lambda x: _camera_loop(x).mT, "order b l d w h"),
        (lambda x: _camera_loop(x).flatten(1, 2), "it has 4 axes"),
        (lambda x: _camera_loop(x).flip(2), "% of the values"),
        (lambda x: _camera_loop(x).roll(1, 1), "% of the values"),
        (lambda x: _still(x, lambda field: field.mean() + 0.01), "% of the values"),
        (lambda x: _still(x, lambda field: field[field > 0].mean()), "% of the values|NaN"),
        (lambda x: _still(x, lambda field: field[1:, 1:].mean()), "% of the values"),
        (lambda x: _camera_loop(x).clamp(-1, 1), "% of the values"),
        (lambda x: x - x.mean((3, 4)), "stopped at line"),
        (lambda x: x - x.median((3, 4)), "stopped at line"),
        (lambda x: (_camera_loop(x), x.mean((3, 4))), "tuple of 2"),
        (lambda x: _camera_loop(x).numpy(), "NumPy"),
        (_camera_in_place, "changes its input: “flow”"),
    ],
    "two_stream.as_picture": [
        (lambda x, r: (x / (2 * r)).add(0.5).clamp(0, 1).mul(255).byte(), "fraction is dropped"),
        (lambda x, r: torch.ceil(_levels(x, r).clamp(0, 255)).byte(), "rounded up, whatever"),
        (lambda x, r: 255 - _picture_by_thresholds(-x, r), "a half is rounded down"),
        (lambda x, r: _begins_anew(_levels(x, r).round()), "nothing is cut off: what"),
        (lambda x, r: torch.from_numpy(_levels(x, r).long().numpy().astype(np.uint8)), "fractions are dropped: what"),
        (lambda x, r: _begins_anew(_levels(x, r).relu().round()), "only the fast ones below"),
        (lambda x, r: _begins_anew(_levels(x, r).clamp(max=255).round()), "only the fast ones above"),
        (lambda x, r: _levels(x, r).clamp(0, 1).round().byte(), "when it is bytes already"),
        (lambda x, r: _picture(x, r, before=lambda a: a.clamp(0, 1)), "flow itself is cut off at 0 and 1"),
        (lambda x, r: _picture(x, r, before=lambda a: a.clip(-1, 1)), "cut off at −1 and 1 px"),
        (lambda x, r: _picture(x * (x.abs() <= r), r), "stored as rest"),
        (lambda x, r: _picture(x, r) * (x.abs() <= r), "stored as 0"),
        (lambda x, r: torch.where(x.abs() > r, 255, _picture(x, r)).byte(), "stored as 255"),
        (lambda x, r: _picture(x, r, half=0), "rest is 0, and half"),
        (lambda x, r: _picture(2 * x, r, half=0), "rest is 0, and all"),
        (lambda x, r: _picture(x, r / 2), "half the reach"),
        (lambda x, r: _picture(x, 2 * r), "twice the reach"),
        (lambda x, r: _picture(x, 1), "it divides the flow"),
        (lambda x, r: _picture(x, 0.5), "taken as it is"),
        (lambda x, r: _picture(x, 4.0), "whatever is said"),
        (lambda x, r: (255 * (0.5 + 2 * r * x).clamp(0, 1)).round().byte(), "flow is multiplied by the reach"),
        (lambda x, r: (255 * (0.5 + x / 2 * r).clamp(0, 1)).round().byte(), "without brackets"),
        (lambda x, r: (255 * ((0.5 + x) / (2 * r)).clamp(0, 1)).round().byte(), "half is divided as well"),
        (lambda x, r: (255 * ((1 + x) / (2 * r)).clamp(0, 1)).round().byte(), "1 px is added"),
        (lambda x, r: _picture(x, r, half=1), "rest is white"),
        (lambda x, r: _picture(x, r * r), "reach is squared"),
        (lambda x, r: _picture(-x, r), "left and right, up and down"),
        (lambda x, r: _picture(x[:, :, [1, 0]], r), "u and v have changed"),
        (lambda x, r: torch.stack([_picture(x[:, :, 0], r), _picture(-x[:, :, 1], r)], 2), "v points upwards"),
        (lambda x, r: _picture(x, r, before=torch.abs), "^signs are lost: left"),
        (lambda x, r: _picture(2 * x.abs(), r, half=0), "signs are lost, and rest"),
        (lambda x, r: _picture(2 * torch.hypot(x[:, :, 0], x[:, :, 1]), r, half=0), "speeds are stored"),
        (lambda x, r: _picture(x, r, most=254), "on either side of 127"),
        (lambda x, r: (128 + (127 * x / r).clamp(-127, 127)).round().byte(), "on either side of 128"),
        (lambda x, r: (256 * _levels(x, r) / 255).clamp(0, 255).round().byte(), "one more than the largest"),
        (lambda x, r: (256 * _levels(x, r) / 255).clamp(0, 255).byte(), "steps of equal width"),
        (lambda x, r: _begins_anew((256 * _levels(x, r) / 255).clamp(0, 256).round()), "the byte 0"),
        (lambda x, r: (_levels(x, r) - 127.5).round().clamp(-128, 128).to(torch.int16), "would have a sign"),
        (lambda x, r: _picture(x, r, most=1), "0 and 1 only"),
        (lambda x, r: (x >= r).byte(), "nearly all become 0"),
        (lambda x, r: 255 * torch.round((0.5 + x / (2 * r)).clamp(0, 1)).byte(), "rounded before"),
        (lambda x, r: (x / (2 * r) + 0.5).clamp(0, 1), "those are greys"),
        (lambda x, r: _picture(x, r, before=torch.round), "to whole pixels"),
        (lambda x, r: _stretch(x, 2), "each field is stretched"),
        (lambda x, r: _stretch(x, 3), "u and v of each field"),
        (lambda x, r: _stretch(x, 0), "all is stretched"),
        (lambda x, r: _picture(x, x.abs().max().item()), "largest speed of all"),
        (lambda x, r: (255 / (1 + torch.exp(-x / r))).round().byte(), "a sigmoid"),
        (lambda x, r: _picture(torch.tanh(x / r) * r, r), "a tanh"),
        # and others that are not known
        (lambda x, r: _picture(x, r).float(), "torch.float32"),
        (lambda x, r: _picture(x, r).long(), "torch.int64"),
        (lambda x, r: _picture(x, r).mT, "order b l d w h"),
        (lambda x, r: _picture(x, r)[:, :-1], "along l there is one entry too few"),
        (lambda x, r: _picture(x, r).flatten(1, 2), "it has 4 axes"),
        (lambda x, r: _picture(x, r) + 1, "% of the values"),
        (lambda x, r: 255 - _picture(x, r), "% of the values"),
        (lambda x, r: _picture(x, r).clamp(1, 254), "% of the values"),
        (lambda x, r: _picture(x, 1.01 * r), "% of the values"),
        (lambda x, r: _picture(x - x.mean((3, 4), keepdim=True), r), "% of the values"),
        (lambda x, r: _picture(x, r) // 2 * 2, "% of the values"),
        (lambda x, r: _picture(x, r) if r < 4 else 0 * _picture(x, r), "right for some inputs"),
        (lambda x, r: _picture(x, r).numpy(), "NumPy"),
        (lambda x: _picture(x, 4), "cannot be called"),
        (lambda x, r: x.clamp(0, 1).mul(255).unit8(), "stopped at line"),
        (_picture_in_place, "changes its input: “flow”"),
    ],
    "two_stream.average": [
        (lambda s, t: _softmax_by_hand((s + t) / 2), "logits are averaged before"),
        (lambda s, t: _softmax_by_hand(s + t), "logits are added before"),
        (lambda s, t: torch.stack([s, t]).mean(0), "averaged, and there is no"),
        (lambda s, t: torch.stack([s, t]).sum(0), "added, and there is no"),
        (lambda s, t: _mix(s, t, 1, 1), "sum is not halved"),
        (lambda s, t: _mix(s, t, 1, 0.5), "only one stream is halved"),
        (lambda s, t: _mix(s, t, 0.5, 1), "only the spatial stream is halved"),
        (lambda s, t: _mix(s, t, 1, 0), "only the spatial stream is heard"),
        (lambda s, t: _mix(s, t, 0, 1), "only the temporal stream is heard"),
        (lambda s, t: (_softmax_by_hand(s) + 2 * _softmax_by_hand(t)) / 3, "temporal stream has twice"),
        (lambda s, t: _mix(s, t, 2 / 3, 1 / 3), "spatial stream has twice"),
        (lambda s, t: (_softmax_by_hand(s) + 1.5 * _softmax_by_hand(t)) / 2.5, "1.5 times"),
        (lambda s, t: _mix(s, t, 1, -1), "taken away"),
        (lambda s, t: _mix(s, t, p=_first), "the softmax runs over the batch"),
        (lambda s, t: _mix(s, t, p=lambda a: (a - a.logsumexp((0, 1))).exp()), "all clips and classes"),
        (lambda s, t: 0.5 * _first(s) + 0.5 * _softmax_by_hand(t), "spatial softmax runs"),
        (lambda s, t: 0.5 * _softmax_by_hand(s) + 0.5 * _first(t), "temporal softmax runs"),
        (_both_as_one, "classes of both streams"),
        (lambda s, t: torch.sigmoid(s - t), "compete in a softmax"),
        (lambda s, t: _softmax_by_hand(_mix(s, t)), "of the mean once more"),
        (lambda s, t: _softmax_by_hand(_mix(s, t, 1, 1)), "of the sum once more"),
        (lambda s, t: _mix(s, t, p=lambda a: _softmax_by_hand(_softmax_by_hand(a))), "twice in each"),
        (lambda s, t: 0.5 * s + 0.5 * _softmax_by_hand(t), "spatial logits are averaged as"),
        (lambda s, t: 0.5 * _softmax_by_hand(s) + 0.5 * t, "temporal logits are averaged as"),
        (lambda s, t: _mix(0.5 * s, 0.5 * t), "less sure"),
        (lambda s, t: _mix(0.5 * s, 0.5 * t, 1, 1), "and then added: halve"),
        (lambda s, t: _mix(-s, -t), "worst class wins"),
        (lambda s, t: _mix(s, t, p=lambda a: 1 / (1 + (-a).exp())), "a sigmoid of its own"),
        (lambda s, t: _mix(s, t, p=lambda a: a - a.logsumexp(1, keepdim=True)), "logarithms of probabilities"),
        (lambda s, t: torch.log(_mix(s, t)), "logarithm of the mean"),
        (lambda s, t: torch.prod(torch.stack([s, t]).softmax(2), 0), "multiplied, and do not"),
        (lambda s, t: torch.prod(torch.stack([s, t]).softmax(2), 0) ** 0.5, "geometric mean"),
        (lambda s, t: torch.stack([s, t]).softmax(2).max(0).values, "together they exceed"),
        (lambda s, t: torch.stack([s, t]).softmax(2).min(0).values, "smaller one of each"),
        (lambda s, t: _unit(torch.stack([s, t]).softmax(2).amax(0)), "brought to a sum of 1"),
        (_surest, "only the surer"),
        (_unsure, "who is less sure"),
        (lambda s, t: _mix(s, t, p=lambda a: a / a.sum(1)[:, None]), "divided by their sum"),
        (
            lambda s, t: _mix(s, t, p=lambda a: torch.softmax((a - a.mean(1)[:, None]) / a.std(1)[:, None], 1)),
            "standardised",
        ),
        (lambda s, t: _mix(s, t, p=lambda a: a / a.norm(dim=1, keepdim=True)), "support vector"),
        (_votes, "has one vote"),
        (lambda s, t: _hot(_mix(s, t)), "all others 0"),
        (lambda s, t: _mix(s, t).max(1).indices, "number of the best"),
        (lambda s, t: _mix(s, t).max(1).values, "of the best class only"),
        (lambda s, t: torch.cat([s.softmax(1), t.softmax(1)], -1), "side by side"),
        (lambda s, t: torch.stack([s, t]).softmax(2), "one after the other"),
        (lambda s, t: torch.cat([s, t]).softmax(1).mean(0), "over the clips"),
        (lambda s, t: torch.cat([s, t], 1).softmax(1).mean(1) * 2, "over the classes"),
        (lambda s, t: _mix(s, t).T, "changed places"),
        (lambda s, t: 0.5 * s.softmax(1) + 0.5 * t[[-1, *range(len(t) - 1)]].softmax(1), "another clip"),
        # and others that are not known
        (lambda s, t: _mix(s, t, p=lambda a: a.exp() / a.exp().sum(1, keepdim=True)), "some inputs.*NaN"),
        (lambda s, t: 3 * _mix(s, t), "range is 0 to 1"),
        (lambda s, t: -_mix(s, t), "range is 0 to 1"),
        (lambda s, t: _mix(s, t) / 2, "same factor"),
        (lambda s, t: _mix(s, t, 0.45, 0.55), "% of the values"),
        (lambda s, t: _mix(2 * s, 2 * t), "% of the values"),
        (lambda s, t: _mix(s, t).roll(1, 1), "% of the values"),
        (lambda s, t: _mix(s, t, p=lambda a: _unit(a.relu())), "% of the values|NaN"),
        (lambda s, t: _mix(s, t).float(), "torch.float32"),
        (lambda s, t: _mix(s, t)[1:], "along b there is one entry too few"),
        (lambda s, t: _mix(s, t)[:, :-1], "along c there is one entry too few"),
        (lambda s, t: _mix(s, t)[None], "it has 3 axes"),
        (lambda s, t: (s.softmax(1), t.softmax(1)), "tuple of 2"),
        (lambda s, t: _mix(s, t).tolist(), "list of"),
        (lambda s, t: functional.softmax([s, t], 1), "stopped at line"),
        (lambda s, t: (s @ t).softmax(1), "stopped at line"),
        (_in_place_softmax, "changes its input: “spatial_logits”"),
    ],
    "two_stream.kinds": [
        (lambda p, n: _tables(p, n, axes="b (m c) -> b c m"), "read the wrong way: with"),
        (lambda p, n: _kinds_by_blocks(p, n)[::-1], "the two have changed places"),
        (lambda p, n: _kinds(p, p.shape[1] // n), "taken for the number of motions"),
        (
            lambda p, n: (_kinds(p, n)[0], torch.stack([b.sum(1) for b in p.split(n, 1)], 1)),
            "as if it came first",
        ),
        (
            lambda p, n: (torch.stack([p[:, i::n].sum(1) for i in range(n)], 1), _kinds(p, n)[1]),
            "as if it came last",
        ),
        (lambda p, n: _tables(p, n, _mean_last), "the entries are averaged"),
        (lambda p, n: _tables(p, n, _mean_last, _sum), "colours are averaged"),
        (lambda p, n: _tables(p, n, _sum, _mean_last), "motions are averaged"),
        (lambda p, n: _tables(p, n, _max_last), "largest entry counts: what"),
        (lambda p, n: tuple(map(_unit, _tables(p, n, _max_last))), "largest entry counts, and"),
        (lambda p, n: _tables(p, n, lambda a: a.min(-1).values), "smallest entry"),
        (lambda p, n: _tables(p, n, lambda a: a.median(-1).values), "median"),
        (lambda p, n: _tables(p, n, lambda a: a.log().sum(-1).exp()), "entries are multiplied"),
        (lambda p, n: _tables(p, n, lambda a: (a * a).sum(-1)), "squared before"),
        (lambda p, n: _tables(p, n, lambda a: (a * a).sum(-1) ** 0.5), "lengths of rows"),
        (lambda p, n: _tables(p, n, lambda a: (a**0.5).sum(-1)), "roots of entries"),
        (lambda p, n: _tables(p, n, lambda a: a.std(-1)), "spreads of rows"),
        (lambda p, n: _then(p, n, _softmax_by_hand), "softmax is taken of the sums"),
        (lambda p, n: _kinds(_softmax_by_hand(p), n), "softmax is taken first"),
        (lambda p, n: tuple(map(_softmax_by_hand, _tables(p, n, _mean_last))), "softmax is taken of the means"),
        (lambda p, n: _tables(p.log(), n), "logarithms are added"),
        (lambda p, n: _tables(p, n, lambda a: a.sum(-1).log()), "logarithms of the sums"),
        (lambda p, n: _tables(p, n, lambda a: 1 - a.sum(-1)), "how improbable"),
        (
            lambda p, n: tuple(map(_unit, _tables(p, n, lambda a: a.log().mean(-1).exp()))),
            "a geometric mean",
        ),
        (lambda p, n: _tables(p, n, lambda a: a[..., 0]), "only the first motion"),
        (lambda p, n: _tables(p, n, lambda a: a[..., -1]), "only the last motion"),
        (lambda p, n: tuple(map(_unit, _tables(p, n, lambda a: a[..., 0]))), "given the first motion"),
        (_given_the_best, "given the likeliest motion"),
        (lambda p, n: _kinds(_hot(p), n), "kinds of the best class: the"),
        (lambda p, n: _tables(_hot(p), n, axes="b (m c) -> b c m"), "best class, and the table"),
        (lambda p, n: _then(p, n, _hot), "the best of each kind"),
        (lambda p, n: _then(p, n, lambda a: a.max(1).indices), "numbers of the best"),
        (lambda p, n: p.split([n, p.shape[1] // n, p.shape[1] - n - p.shape[1] // n], 1)[:2], "is both at once"),
        (
            lambda p, n: (_unit(p[:, :n]), _unit(p[:, n : n + p.shape[1] // n])),
            "the next for motions, and brought",
        ),
        (lambda p, n: (p.view(len(p), n, -1), p.view(len(p), n, -1)), "table itself"),
        (lambda p, n: (_kinds(p, n)[0][:, :, None], _kinds(p, n)[1][:, None]), "still there"),
        (lambda p, n: (_kinds(p, n)[0], _kinds(p, n)[0]), "colour is returned twice"),
        (lambda p, n: (_kinds(p, n)[1], _kinds(p, n)[1]), "motion is returned twice"),
        (lambda p, n: [one[0] for one in _kinds(p.sum(0, keepdim=True), n)], "clips are summed out"),
        (lambda p, n: [one[0] for one in _kinds(p.mean(0, keepdim=True), n)], "clips are averaged"),
        (lambda p, n: [one[0] for one in _kinds(p, n)], "only the first clip"),
        (lambda p, n: _then(p, n, torch.t), "clips and kinds"),
        (lambda p, n: _then(p, n, lambda a: _unit(a.T).T), "over the batch"),
        (lambda p, n: _then(p, n, lambda a: a / a.max(1).values[:, None]), "largest is made 1"),
        (lambda p, n: _kinds(p / 2, n), "sums are halved"),
        (lambda p, n: _then(p, n, lambda a: torch.cumsum(a, 1)), "from entry to entry"),
        (lambda p, n: _kinds(p.flip(1), n), "come first"),
        # and others that are not known
        (lambda p, n: _kinds(p, n)[0], "it returns one Tensor"),
        (lambda p, n: (*_kinds(p, n), p), "it returns 3 things"),
        (lambda p, n: _kinds(3 * p, n), "range is 0 to 1|same factor"),
        (lambda p, n: _kinds(p / 3, n), "p_colour: every value is off by one and the same"),
        (lambda p, n: (_kinds(p, n)[0], _kinds(p, n)[1] / 4), "p_motion: every value is off by"),
        (lambda p, n: (_kinds(p, n)[0].T, _kinds(p, n)[1]), "p_colour: its axes come in the order"),
        (lambda p, n: (_kinds(p, n)[0], _kinds(p, n)[1].float()), "p_motion: its values are of type"),
        (lambda p, n: (_kinds(p, n)[0], _kinds(p, n)[1].numpy()), "p_motion: it returns a NumPy"),
        (lambda p, n: (_kinds(p, n)[0], _kinds(p, n)[1][:, 1:]), "p_motion: along motion"),
        (lambda p, n: (_kinds(p, n)[0], p), "p_motion: its shape"),
        (lambda p, n: (_kinds(p, n)[0].roll(1, 1), _kinds(p, n)[1]), "p_colour: .*% of the values"),
        (lambda p, n: (_kinds(p, n)[0], _kinds(p, n)[1].roll(1, 1)), "p_motion: .*% of the values"),
        (lambda p, n: _kinds(p.roll(1, 0), n), "p_colour: .*% of the values"),
        (lambda p, n: _kinds(p.sqrt(), n), "roots of entries"),
        (lambda p, n: _kinds(p, n) if n * n < p.shape[1] else _kinds(p, n)[::-1], "right for some inputs"),
        (lambda p, n: (p.view(n, -1).sum(1), p.view(n, -1).sum(0)), "it has 1 axes"),
        (lambda p, n: p.unflatten(1, (n + 1, -1)).sum(2), "stopped at line|returns one Tensor"),
        (lambda p, n: rearrange(p, "b (c m) -> b c m").sum(2), "stopped at line"),
        (lambda p: p.sum(1), "cannot be called"),
        (_kinds_in_place, "changes its input: “probabilities”"),
    ],
}


# How the answers behave


@pytest.fixture(params=range(3))
def seed(request):
    return request.param


def _cases(name, seed):
    exercise = ALL[f"two_stream.{name}"]
    return [(case, exercise.reference(*case)) for case in exercise.draw(_generator(seed))]


def test_ten_fields_make_twenty_channels_and_a_channel_is_found_by_its_number():
    moments = torch.arange(10.0)[:, None].expand(10, 2)
    flow = (moments + torch.tensor([0.1, 0.2]))[None, ..., None, None].expand(1, 10, 2, 3, 4)
    channels = ALL["two_stream.stack"].reference(flow)
    assert channels.shape == (1, 20, 3, 4)
    assert torch.allclose(channels[0, :4, 0, 0], torch.tensor([0.1, 0.2, 1.1, 1.2]))
    assert torch.allclose(channels[0, -1], torch.tensor(9.2))


def test_stacked_sizes_all_differ(seed):
    for (flow,), channels in _cases("stack", seed):
        assert channels.shape[1] == 2 * flow.shape[1]
        assert len(set(channels.shape)) == 4


def test_a_pan_leaves_no_trace_and_the_flow_that_is_left_has_no_mean(seed):
    freed = ALL["two_stream.less_camera"].reference
    for (flow,), still in _cases("less_camera", seed):
        assert still.mean((3, 4)).abs().max() < 1e-12
        pan = torch.randn(flow.shape[:3], generator=_generator(seed), dtype=flow.dtype)[..., None, None]
        assert torch.allclose(freed(flow + 10 * pan), still)
        assert torch.allclose(freed(still), still)


def test_cameras_differ_between_clips_moments_and_directions(seed):
    for (flow,), _ in _cases("less_camera", seed):
        camera = flow.mean((3, 4))
        for axis in range(3):
            assert (camera - camera.mean(axis, keepdim=True)).abs().amax() > 1
        assert (flow.flatten(3).median(3).values - camera).abs().min() > 0.01  # a median is told from a mean


def test_rest_is_128_the_reach_the_last_byte_and_most_bytes_are_used(seed):
    stored, used = ALL["two_stream.as_picture"].reference, set()
    for (flow, reach), picture in _cases("as_picture", seed):
        assert picture.dtype == torch.uint8
        assert (picture[flow == 0] == 128).all()
        assert (flow == 0).double().mean() > 0.05
        assert (flow > reach).any()
        assert (flow < -reach).any()
        used.update(picture.unique().tolist())
        ends = torch.tensor([-9 * reach, -reach, 0, reach, 9 * reach]).reshape(1, 1, 1, 1, 5).expand(1, 1, 2, 1, 5)
        assert stored(ends, reach)[0, 0, 0, 0].tolist() == [0, 0, 128, 255, 255]
    assert len(used) > 200


def test_no_number_but_rest_is_so_near_a_half_that_floats_decide(seed):
    for (flow, reach), picture in _cases("as_picture", seed):
        level = _levels(flow, reach)
        assert ((level - level.floor() - 0.5).abs()[flow != 0] > 0.05).all()
        assert (_levels(torch.zeros(()), reach) == 127.5).all()
        for calculated in ((flow + reach) * (255 / (2 * reach)), 255 * ((flow + reach) / (2 * reach))):
            assert torch.equal((calculated.clamp(0, 255) + 0.5).floor().byte(), picture)
            assert torch.equal((calculated.float().clamp(0, 255) + 0.5).floor().byte(), picture)


def test_what_is_stored_comes_back_to_half_a_step(seed):
    for (flow, reach), picture in _cases("as_picture", seed):
        back = (picture.double() / 255 - 0.5) * 2 * reach
        assert (back - flow.clamp(-reach, reach)).abs().max() <= reach / 255 + 1e-12


def test_two_streams_sum_to_one_and_a_constant_on_all_logits_changes_nothing(seed):
    average = ALL["two_stream.average"].reference
    for (spatial, temporal), fused in _cases("average", seed):
        assert torch.allclose(fused.sum(1), torch.ones(len(fused), dtype=fused.dtype))
        assert torch.allclose(average(spatial + 5, temporal - 7), fused)
        assert torch.allclose(average(temporal, spatial), fused)
        assert (fused > 0).all()


def test_one_stream_knows_the_colour_and_one_the_direction_and_together_they_know_the_class():
    sure, colours, motions = 20.0, 4, 4
    red, left = torch.zeros(1, colours, motions), torch.zeros(1, colours, motions)
    red[:, 1], left[:, :, 2] = sure, sure
    fused = ALL["two_stream.average"].reference(red.flatten(1), left.flatten(1))
    assert fused.argmax().item() == 1 * motions + 2
    assert torch.allclose(fused.max(), torch.tensor(0.25), atol=1e-3)  # both say ¼, and all others hear of one at most
    p_colour, p_motion = ALL["two_stream.kinds"].reference(red.flatten(1).softmax(1), colours)
    assert p_colour[0, 1] > 0.99
    assert torch.allclose(p_motion, torch.tensor(0.25))


def test_both_kinds_sum_to_one_and_depend_on_each_other(seed):
    sizes = set()
    for (p, colours), (p_colour, p_motion) in _cases("kinds", seed):
        motions = p.shape[1] // colours
        sizes.add(colours < motions)
        assert p_colour.shape == (len(p), colours)
        assert p_motion.shape == (len(p), motions)
        assert len({len(p), colours, motions, p.shape[1]}) == 4
        for one in (p_colour, p_motion):
            assert torch.allclose(one.sum(1), torch.ones(len(p), dtype=p.dtype))
        outer = (p_colour[:, :, None] * p_motion[:, None]).flatten(1)
        assert (outer - p).abs().max() > 0.01
    assert sizes == {True, False}


def test_marginals_of_independent_kinds_are_those_kinds():
    colour, motion = (torch.rand(2, n, generator=_generator(n)).softmax(1) for n in (3, 5))
    joint = torch.einsum("bc,bm->bcm", colour, motion).flatten(1)
    p_colour, p_motion = ALL["two_stream.kinds"].reference(joint, 3)
    assert torch.allclose(p_colour, colour)
    assert torch.allclose(p_motion, motion)


def test_the_reach_is_told_with_the_shape_when_an_answer_stops():
    message = check("two_stream.as_picture", lambda flow: flow, seed=0).message
    assert "flow of shape (" in message
    assert "reach=" in message


# What the course uses gives the same answers


def test_flow_of_the_course_is_freed_of_the_camera_and_stored_as_in_the_exercises(seed):
    for (flow,), still in _cases("less_camera", seed):
        assert torch.allclose(less_camera(flow), still)
        assert not torch.allclose(less_camera(flow, "median"), still)
    for (flow, reach), picture in _cases("as_picture", seed):
        assert torch.equal(as_picture(flow, reach), picture)


def test_the_temporal_stream_of_the_course_sees_the_stack_of_the_exercise(seed):
    for (flow,), channels in _cases("stack", seed):
        colours = torch.rand_like(flow[:, :, :1]).expand(-1, -1, 3, -1, -1)
        assert torch.equal(flow_stack(torch.cat([colours, flow], 2)), channels)


def test_scores_of_the_course_are_averaged_as_in_the_exercise(seed):
    for (spatial, temporal), fused in _cases("average", seed):
        assert torch.allclose(log_mean(torch.stack([spatial, temporal], 1)).softmax(1), fused)


def test_joint_classes_of_the_course_come_apart_as_in_the_exercise():
    colour, motion = torch.tensor([0, 2, 1, 2]), torch.tensor([4, 0, 3, 1])
    classes = joint({"colour": colour, "motion": motion}, {"colour": 3, "motion": 5})
    p_colour, p_motion = ALL["two_stream.kinds"].reference(functional.one_hot(classes, 15).float(), 3)
    assert torch.equal(p_colour, functional.one_hot(colour, 3).float())
    assert torch.equal(p_motion, functional.one_hot(motion, 5).float())
