"""Lesson 10's exercises: right answers written differently, wrong ones, behaviour, and what the course uses.

`test_checks.py` judges RIGHT and WRONG together with those of the other lessons.
"""

import math
from itertools import product

import numpy as np
import pytest
import torch
from einops import rearrange
from torch import nn
from torch.nn import functional

from vidlab import models
from vidlab.checks import check, exercises
from vidlab.models import attention, video_vit

ALL = exercises("attention")
CALLED = {"attention.positions": "add_positions", "attention.mass": "gain"}  # stubs not called as their exercise


def _generator(seed):
    return torch.Generator().manual_seed(seed)


# Right answers, each written differently from the reference


def _attend_loop(query, key, value):
    answer = query.new_zeros(len(query), query.shape[1], value.shape[2])
    for b, i in product(range(len(query)), range(query.shape[1])):
        scores = torch.stack([query[b, i] @ one for one in key[b]]) / math.sqrt(query.shape[2])
        shares = (scores - scores.max()).exp()
        for share, one in zip(shares / shares.sum(), value[b], strict=True):
            answer[b, i] += share * one
    return answer


def _attend_by_logarithms(query, key, value):
    scores = torch.bmm(query, key.transpose(1, 2)).div(key.size(2) ** 0.5)
    return torch.bmm((scores - scores.logsumexp(2, keepdim=True)).exp(), value)


def _channels_first(volume, theta, phi, g, back):
    """Without turning tokens round: b d n."""
    x = volume.flatten(2)
    weights = torch.softmax(torch.matmul((theta @ x).transpose(1, 2), phi @ x) / theta.size(0) ** 0.5, dim=2)
    return volume + (back @ torch.bmm(g @ x, weights.transpose(1, 2))).view_as(volume)


def _by_convolutions(volume, theta, phi, g, back):
    """1 × 1 × 1 convolutions, as it is published."""
    query, key, value = (functional.conv3d(volume, w[:, :, None, None, None]).flatten(2).mT for w in (theta, phi, g))
    found = functional.scaled_dot_product_attention(query, key, value).mT.unflatten(2, volume.shape[2:])
    return volume + functional.conv3d(found, back[:, :, None, None, None])


def _place_by_place(volume, theta, phi, g, back):
    result = volume.clone()
    for t, h, w in product(*map(range, volume.shape[2:])):
        asks = volume[:, :, t, h, w] @ theta.T
        scores = torch.einsum("bd,dc,bcthw->bthw", asks, phi, volume) / len(phi) ** 0.5
        shares = scores.flatten(1).softmax(1).view_as(scores)
        result[:, :, t, h, w] += torch.einsum("cd,de,bethw,bthw->bc", back, g, volume, shares)
    return result


def _positions_loop(tokens, place, moment):
    answer = tokens.clone()
    for t, n in product(range(tokens.shape[1]), range(tokens.shape[2])):
        answer[:, t, n] += place[n] + moment[t]
    return answer


def _positions_in_a_row(tokens, place, moment):
    rows = place.repeat(len(moment), 1) + moment.repeat_interleave(len(place), 0)
    return (tokens.flatten(1, 2) + rows).view_as(tokens)


def _cut_by_convolution(clip, size):
    """A Conv3d whose stride is its kernel, and each of whose filters finds one number."""
    k = clip.shape[2] * math.prod(size)
    kernel = torch.eye(k, dtype=clip.dtype).reshape(k, clip.shape[2], *size)
    return functional.conv3d(clip.transpose(1, 2), kernel, stride=size).flatten(2).transpose(1, 2)


def _cut_loop(clip, size):
    dt, dh, dw = size
    starts = product(*(range(0, clip.shape[axis], step) for axis, step in zip((1, 3, 4), size, strict=True)))
    boxes = [clip[:, t : t + dt, :, y : y + dh, x : x + dw].transpose(1, 2).flatten(1) for t, y, x in starts]
    return torch.stack(boxes, 1)


def _cut_by_unfold(clip, size):
    for axis, extent in zip((1, 3, 4), size, strict=True):
        clip = clip.unfold(axis, extent, extent)
    return clip.movedim(2, 4).flatten(4).flatten(1, 3)


def _count_sets(moments, places):
    """Of one tubelet, the first."""
    everyone = {"class"} | set(product(range(moments), range(places)))
    over_time = [who for who in everyone if who == "class" or who[1] == 0]
    over_space = [who for who in everyone if who == "class" or who[0] == 0]
    return len(everyone), len(over_time + over_space)


def _gain_loop(look, mask):
    answers = []
    for shares, objects in zip(look.tolist(), mask.tolist(), strict=True):
        shares, objects = np.ravel(shares), np.ravel(objects)
        answers.append(sum(a * m for a, m in zip(shares, objects, strict=True)) / (sum(objects) / len(objects)))
    return torch.tensor(answers, dtype=torch.float64)


RIGHT = {
    "attention.attend": [
        _attend_loop,
        _attend_by_logarithms,
        lambda q, k, v: functional.scaled_dot_product_attention(q, k, v),
        lambda q, k, v: torch.softmax((q / q.shape[-1] ** 0.25) @ (k / k.shape[-1] ** 0.25).mT, 2) @ v,
    ],
    "attention.non_local": [_channels_first, _by_convolutions, _place_by_place],
    "attention.positions": [
        _positions_loop,
        _positions_in_a_row,
        lambda tokens, place, moment: tokens + (place[None] + moment[:, None]),
        lambda tokens, place, moment: torch.stack(
            [x + place + m for x, m in zip(tokens.unbind(1), moment, strict=True)], 1
        ),
    ],
    "attention.tubelets": [_cut_by_convolution, _cut_loop, _cut_by_unfold],
    "attention.comparisons": [
        _count_sets,
        lambda moments, places: tuple(
            video_vit.comparisons(kind, moments=moments, places=places) for kind in ("joint", "divided")
        ),
        lambda moments, places: [1 + places * moments, moments + places + 2],
    ],
    "attention.mass": [
        _gain_loop,
        lambda look, mask: (look * mask).flatten(1).sum(1) * look[0].numel() / mask.flatten(1).sum(1),
        lambda look, mask: (look * mask / mask.mean(dim=(1, 2, 3), keepdim=True)).sum(dim=(1, 2, 3)),
        lambda look, mask: torch.stack([a.flatten() @ m.flatten() / m.mean() for a, m in zip(look, mask, strict=True)]),
    ],
}


# Wrong answers, written independently of the recognisers' own functions, with words that must be in the message


def _sdpa(query, key, value, scale=None, **more):
    return functional.scaled_dot_product_attention(query, key, value, scale=scale, **more)


def _by_hand(scores):
    """A softmax over the last axis that does not take the largest score off."""
    return scores.exp() / scores.exp().sum(-1, keepdim=True)


def _dots(query, key):
    return torch.einsum("bqd,bkd->bqk", query, key) / math.sqrt(query.shape[2])


def _stacked(function, *given):
    """Clip by clip."""
    return torch.stack([function(*one) for one in zip(*given, strict=True)])


def _in_place_attend(query, key, value):
    query /= query.shape[-1] ** 0.5
    return (query @ key.mT).softmax(-1) @ value


def _block(x, theta, phi, g, back, *, softmax=lambda scores: scores.softmax(2), scale=None, order="thw", home=None):
    """x + …, from tokens in another order, with another softmax or scale."""
    axes = dict(zip("thw", x.shape[2:], strict=True))
    y = rearrange(x, f"b c t h w -> b c ({' '.join(order)})")
    scores = torch.einsum("dc,bcn,de,bem->bnm", theta, y, phi, y) / (len(theta) ** 0.5 if scale is None else scale)
    y = torch.einsum("cd,de,bem,bnm->bcn", back, g, y, softmax(scores))
    return x + rearrange(y, f"b c ({' '.join(home or order)}) -> b c t h w", **axes)


def _within(axes):
    """Only tokens that agree in these axes see each other, by a mask."""

    def answer(x, *weights):
        same = torch.ones((), dtype=torch.bool)
        for axis in axes:
            index = torch.arange(x.shape["thw".index(axis) + 2])
            index = index.reshape([-1 if a == axis else 1 for a in "thw"]).expand(x.shape[2:]).flatten()
            same = same & (index[:, None] == index)
        return _block(x, *weights, softmax=lambda scores: scores.masked_fill(~same, -math.inf).softmax(2))

    return answer


def _among_clips(x, theta, phi, g, back):
    y = rearrange(x, "b c t h w -> 1 (b t h w) c")
    y = _sdpa(y @ theta.T, y @ phi.T, y @ g.T) @ back.T
    return x + rearrange(y, "1 (b t h w) c -> b c t h w", **dict(zip("bthw", (len(x), *x.shape[2:]), strict=True)))


def _first_keys(x, theta, phi, g, back):
    y, first = rearrange(x, "b c t h w -> b (t h w) c"), rearrange(x[:, :, 0], "b c h w -> b (h w) c")
    return x + rearrange(_sdpa(y @ theta.T, first @ phi.T, first @ g.T) @ back.T, "b n c -> b c n").view(x.shape)


def _viewed(x, theta, phi, g, back, *, go, come):
    """`view` on the way in (go), or on the way back (come)."""
    b, c = x.shape[:2]
    y = x.contiguous().view(b, -1, c) if go else rearrange(x, "b c t h w -> b (t h w) c")
    y = _sdpa(y @ theta.T, y @ phi.T, y @ g.T) @ back.T
    return x + (y.contiguous().view(x.shape) if come else y.permute(0, 2, 1).reshape(x.shape))


def _units(x, theta, phi, g, back):
    y = rearrange(x, "b c t h w -> b (t h w) c")
    a, b = y @ theta.T, y @ phi.T
    cosines = torch.cosine_similarity(a[:, :, None], b[:, None], dim=3)
    return x + rearrange(cosines.softmax(2) @ y @ g.T @ back.T, "b n c -> b c n").view(x.shape)


def _in_place_block(x, theta, phi, g, back):
    x += _by_convolutions(x, theta, phi, g, back) - x
    return x


def _rows_of(table, n, *, interleaved):
    return table.repeat_interleave(n, 0) if interleaved else table.repeat(n, 1)


def _told(tokens, place, moment):
    return _row_by_row(tokens, place, moment, places_stay=False, moments_stay=True)


def _row_by_row(tokens, place, moment, *, places_stay, moments_stay):
    """All tokens in one row, and tables repeated whole or row by row."""
    t, n = tokens.shape[1:3]
    rows = _rows_of(place, t, interleaved=places_stay) + _rows_of(moment, n, interleaved=moments_stay)
    return (tokens.flatten(1, 2) + rows).view(tokens.shape)


def _clip_by_clip(tokens, place, moment):
    """Frames of all clips in one row, and each moment as often as there are clips, one after the other."""
    return (tokens.flatten(0, 1) + place + moment.repeat_interleave(len(tokens), 0)[:, None]).view(tokens.shape)


def _into_first(tokens, place, moment, *, where, what="both"):
    answer = _told(tokens, place * (what != "moment"), moment * (what != "place"))
    kept = tokens.clone()
    kept[where] = answer[where]
    return kept + {"both": 0, "moment": place, "place": moment[:, None]}[what]


def _into_tokens(tokens, place, moment):
    tokens += place
    return tokens + moment[:, None]


def _einops(pattern, **more):
    whole = "b (t dt) c (h dh) (w dw) ->"
    return lambda clip, size: rearrange(clip, f"{whole} {pattern}", dt=size[0], dh=size[1], dw=size[2])


def _box_axes(clip, size):
    """Rows with their inner axes apart: b n c dt dh dw."""
    return _cut_loop(clip, size).unflatten(2, (clip.shape[2], *size))


def _frame_of(clip, size, i):
    return _box_axes(clip, size)[:, :, :, i].flatten(2)


def _slid(clip, size, steps):
    k = clip.shape[2] * math.prod(size)
    kernel = torch.eye(k, dtype=clip.dtype).reshape(k, clip.shape[2], *size)
    return functional.conv3d(clip.transpose(1, 2), kernel, stride=steps).flatten(2).mT


def _apart(clip, size, *, time, space):
    """Boxes of numbers that lie apart."""
    t, h, w = (clip.shape[axis] // n for axis, n in zip((1, 3, 4), size, strict=True))
    boxes = []
    for i, y, x in product(range(t), range(h), range(w)):
        frames = clip[:, i::t] if time else clip[:, i * size[0] : (i + 1) * size[0]]
        boxes.append(
            frames[..., y::h, x::w]
            if space
            else frames[..., y * size[1] : (y + 1) * size[1], x * size[2] : (x + 1) * size[2]]
        )
    return torch.stack([box.transpose(1, 2).flatten(1) for box in boxes], 1)


def _total(values):
    return torch.einsum("bthw->b", values)


def _area(mask):
    return torch.einsum("bthw->b", mask) / mask[0].numel()


def _ratio(look, mask):
    return _total(look * mask) / _area(mask)


def _per_moment(look, mask, *, renormalised=False):
    shares = torch.einsum("bthw,bthw->bt", look, mask)
    areas = torch.einsum("bthw->bt", mask) / mask[0, 0].numel()
    return shares / areas / (torch.einsum("bthw->bt", look) if renormalised else 1)


def _normal(values):
    """From the smallest, 0, to the largest, 1."""
    flat = values.flatten(1)
    flat = (flat - flat.min(1, keepdim=True).values) / (
        flat.max(1, keepdim=True).values - flat.min(1, keepdim=True).values
    )
    return flat.view(values.shape)


def _pearson(look, mask):
    a, b = ((x.flatten(1) - x.flatten(1).mean(1, keepdim=True)) for x in (look, mask))
    return (a * b).sum(1) / (a.square().sum(1) * b.square().sum(1)).sqrt()


def _hit(look, mask):
    return torch.stack([m.flatten()[a.flatten().argmax()] for a, m in zip(look, mask, strict=True)])


def _in_place_gain(look, mask):
    look *= mask
    return look.sum((1, 2, 3)) / mask.mean((1, 2, 3))


WRONG = {
    "attention.attend": [
        (lambda q, k, v: torch.softmax(_dots(q, k), dim=1) @ v, "over the queries"),
        (lambda q, k, v: nn.Softmax(dim=0)(_dots(q, k)) @ v, "over the batch"),
        (lambda q, k, v: _stacked(lambda s, x: (s - s.logsumexp((0, 1))).exp() @ x, _dots(q, k), v), "all pairs of a"),
        (lambda q, k, v: _sdpa(q, k, v, 1.0), "not scaled: the more"),
        (lambda q, k, v: _sdpa(q / q.shape[2] ** 0.5, k, v), "number of dimensions itself"),
        (lambda q, k, v: _sdpa(q, k * q.shape[2], v), "multiplied where"),
        (lambda q, k, v: _sdpa(q, k, v, v.shape[2] ** -0.5), "size of the values"),
        (lambda q, k, v: _sdpa(q, k, v, k.shape[1] ** -0.5), "scaled by the number of keys"),
        (lambda q, k, v: _sdpa(q, k, v, q.shape[1] ** -0.5), "scaled by the number of queries"),
        (lambda q, k, v: _sdpa(q, k, v, 1 / k.shape[1]), "it is no root either"),
        (lambda q, k, v: _sdpa(q, k, v, q.shape[0] ** -0.5), "size of the batch"),
        (lambda q, k, v: _sdpa(q, k, v, q.shape[2] ** -0.25), "root is drawn twice"),
        (lambda q, k, v: _sdpa(q, k, v / q.shape[2] ** 0.5, 1.0), "scaled after the softmax: then"),
        (lambda q, k, v: _sdpa(q, k, v / q.shape[2] ** 0.5), "once more after it"),
        (
            lambda q, k, v: torch.cosine_similarity(q[:, :, None], k[:, None], dim=3).softmax(2) @ v,
            "have no|lose their say",
        ),
        (lambda q, k, v: _sdpa(q / q.norm(dim=2, keepdim=True), k / k.norm(dim=2, keepdim=True), v), "and then scaled"),
        (
            lambda q, k, v: (-(q[:, :, None] - k[:, None]).square().sum(3) / q.shape[2] ** 0.5).softmax(2) @ v,
            "by distance",
        ),
        (lambda q, k, v: _dots(q, k).abs().softmax(2) @ v, "sign of the scores"),
        (lambda q, k, v: _sdpa(-q, k, v), "fits worst"),
        (lambda q, k, v: _dots(q, k) @ v, "the softmax is missing"),
        (lambda q, k, v: q @ (k.mT @ v), "neither softmax nor scale"),
        (lambda q, k, v: functional.normalize(_dots(q, k), p=1, dim=2) @ v, "% of the values"),
        (lambda q, k, v: _dots(q, k) @ v / _dots(q, k).sum(2, keepdim=True), "divided by their sum"),
        (lambda q, k, v: 1 / (1 + torch.exp(-_dots(q, k))) @ v, "sigmoid"),
        (lambda q, k, v: (_dots(q, k) - _dots(q, k).logsumexp(2, keepdim=True)) @ v, "logarithms"),
        (lambda q, k, v: functional.softmax(functional.softmax(_dots(q, k), 2), 2) @ v, "taken twice"),
        (lambda q, k, v: functional.softmax(_dots(q, k) @ v, 2), "over their dimensions"),
        (lambda q, k, v: functional.softmax(_dots(q, k) @ v, 1), "then runs over the queries"),
        (lambda q, k, v: _sdpa(q, k, functional.softmax(v, 2)), "of the values as well"),
        (
            lambda q, k, v: functional.one_hot(_dots(q, k).argmax(2), k.shape[1]).to(v) @ v,
            "only the key that fits best",
        ),
        (lambda q, k, v: _sdpa(0 * q, k, v), "every key has the same"),
        (lambda q, k, v: (_dots(q, k).softmax(2)[..., None] * v[:, None]).mean(2), "averaged once more"),
        (lambda q, k, v: _sdpa(q, k, k), "mean of the keys"),
        (lambda q, k, v: torch.softmax(_dots(q, k), -1), "those are the weights"),
        (lambda q, k, v: _dots(q, k), "those are the scores"),
        (lambda q, k, v: torch.einsum("bqk,bke->beq", _dots(q, k).softmax(2), v), "have changed places"),
        (lambda q, k, v: _sdpa(q, k, v, is_causal=True), "up to its own number"),
        (lambda q, k, v: _sdpa(q, k, v).sum(1) / q.shape[1], "all queries are averaged"),
        (lambda q, k, v: _sdpa(q[:, :1], k, v).squeeze(1), "its axis is gone"),
        (lambda q, k, v: _sdpa(q[0], k[0], v[0]), "the batch is lost"),
        (lambda q, k, v: torch.softmax(q @ k[0].T / q.shape[2] ** 0.5, 2) @ v, "keys of the first one"),
        (lambda q, k, v: torch.einsum("bqd,ckd->bqk", q, k).div(q.shape[2] ** 0.5).softmax(2) @ v, "keys of all clips"),
        # and others that are not known
        (lambda q, k, v: _by_hand(_dots(q, k)) @ v, "NaN"),
        (lambda q, k, v: _sdpa(q, k, v).squeeze(), "right for some inputs but not for others"),
        (lambda q, k, v: _sdpa(q, k, v)[:, :, :-1], "along e there is one entry too few"),
        (lambda q, k, v: _sdpa(q, k, v)[:, None], "4 axes"),
        (lambda q, k, v: _sdpa(q, k, v) * 2, "same factor"),
        (lambda q, k, v: -_sdpa(q, k, v), "opposite sign"),
        (lambda q, k, v: _sdpa(q, k, v).float(), "torch.float32"),
        (lambda q, k, v: _sdpa(q, k, v.flip(1)), "% of the values"),
        (lambda q, k, v: _sdpa(q.flip(0), k, v), "% of the values"),
        (lambda q, k, v: _sdpa(q, k, v, dropout_p=0.5), "% of the values"),
        (lambda q, k, v: _sdpa(q, k, v, 0.1), "% of the values"),
        (lambda q, k, v: _sdpa(q.transpose(0, 1), k, v), "stopped at line"),
        (lambda q, k, v: (_dots(q, k).softmax(2).mT) @ v, "stopped at line"),
        (lambda q, k, v: _sdpa(q, k, v).numpy(), "NumPy"),
        (lambda q, k, v: (_sdpa(q, k, v), _dots(q, k)), "tuple of 2"),
        (lambda q, k: q, "cannot be called with query of shape"),
        (_in_place_attend, "changes its input"),
    ],
    "attention.non_local": [
        (lambda x, *w: _by_convolutions(x, *w) - x, "shortcut is missing"),
        (lambda x, *w: x + _by_convolutions(x, *w), "added twice"),
        (lambda x, theta, phi, g, back: _by_convolutions(x, theta, phi, g, -back), "subtracted from"),
        (lambda x, *w: x * (_by_convolutions(x, *w) - x), "multiplied with"),
        (lambda x, *w: _by_convolutions(x, *w) - 2 * x, "what comes in is subtracted"),
        (lambda x, *w: _by_convolutions(x, *w) / 2, "sum and shortcut"),
        (lambda x, *w: x, "nothing has changed"),
        (
            lambda x, *w: _by_convolutions(x, *w) - x + torch.einsum("bcthw,dc,od->bothw", x, w[2], w[3]),
            "values themselves are added",
        ),
        (lambda x, *w: _by_convolutions(x, *w).clamp(min=0), "set to zero"),
        (lambda *given: _block(*given, softmax=lambda s: s.softmax(1)), "over those who ask: it should"),
        (lambda *given: _block(*given, softmax=lambda s: (s - s.logsumexp((1, 2), True)).exp()), "over all pairs"),
        (lambda *given: _block(*given, softmax=lambda s: s.softmax(0)), "over the batch"),
        (lambda *given: _block(*given, softmax=lambda s: s.softmax(2).mT), "wrong way round"),
        (
            lambda x, theta, phi, g, back: _block(x, phi, theta, g, back, softmax=lambda s: s.softmax(1)),
            "wrong way round",
        ),
        (lambda *given: _block(*given, softmax=lambda s: s), "raw scores are no"),
        (lambda *given: _block(*given, softmax=lambda s: s, scale=given[0][0, 0].numel()), "divided by the number of"),
        (lambda *given: _block(*given, softmax=lambda s: torch.full_like(s, 1 / s.shape[1])), "same say"),
        (lambda *given: _block(*given, softmax=lambda s: (-s).softmax(2)), "fits worst"),
        (lambda *given: _block(*given, softmax=lambda s: s.softmax(2).softmax(2)), "taken twice"),
        (
            lambda *given: _block(*given, softmax=lambda s: (s - torch.eye(s.shape[1]) * 1e6).softmax(2)),
            "look at itself",
        ),
        (_within("t"), "same frame see"),
        (_within("hw"), "only itself, at all moments"),
        (_within("h"), "same row"),
        (_among_clips, "all clips see each other"),
        (_first_keys, "first moment only"),
        (lambda *given: _block(*given, scale=1), "scores are not scaled"),
        (lambda *given: _block(*given, scale=len(given[1])), "by d itself"),
        (lambda *given: _block(*given, scale=given[0].shape[1] ** 0.5), "channels that come in"),
        (lambda *given: _block(*given, scale=given[0][0, 0].numel() ** 0.5), "scaled by the number of places"),
        (
            lambda x, theta, phi, g, back: _block(x, theta, phi, g / len(g) ** 0.5, back, scale=1),
            "scaled after the softmax",
        ),
        (_units, "cosine"),
        (lambda *given: _viewed(*given, go=True, come=True), "on the way in and back"),
        (lambda *given: _viewed(*given, go=True, come=False), "cut anew on the way in: "),
        (lambda *given: _viewed(*given, go=False, come=True), "cut anew on the way back"),
        (lambda *given: _block(*given, home="twh"), "come back by columns"),
        (lambda *given: _block(*given, home="hwt"), "come back place by place"),
        (lambda x, theta, phi, g, back: _by_convolutions(x, phi, theta, g, back), "θ and φ have"),
        (lambda x, theta, phi, g, back: _by_convolutions(x, theta, theta, g, back), "φ is not used"),
        (lambda x, theta, phi, g, back: _by_convolutions(x, phi, phi, g, back), "θ is not used"),
        (lambda x, theta, phi, g, back: _by_convolutions(x, theta, phi, phi, back), "φ(x) comes back"),
        (lambda x, theta, phi, g, back: _by_convolutions(x, theta, phi, theta, back), "θ(x) comes back"),
        (lambda x, theta, phi, g, back: _by_convolutions(x, theta, phi, g, g.mT), "W is not used"),
        (lambda *given: _by_convolutions(*given).flatten(2).mT, "still tokens"),
        (lambda *given: _by_convolutions(*given).movedim(1, -1), "channels come last"),
        (lambda *given: torch.stack(_by_convolutions(*given).unbind(2), 1), "time comes before"),
        (lambda x, *w: _by_convolutions(x[:1], *w).squeeze(0), "the batch is lost"),
        # and others that are not known
        (lambda x, theta, phi, g, back: _block(x, theta, phi, g, 2 * back), "% of the values"),
        (lambda *given: _block(*given, home="htw"), "right for some inputs but not for others"),
        (lambda *given: _block(*given, home="wht"), "% of the values"),
        (lambda x, *w: _by_convolutions(x, *w).mT, "order b c t w h|right for some"),
        (lambda x, *w: _by_convolutions(x, *w).mean(2), "4 axes"),
        (lambda x, *w: _by_convolutions(x, *w).mean(2, keepdim=True), "right for some inputs but not for others"),
        (lambda x, *w: _by_convolutions(x, *w)[:, :, :-1], "along t there is one entry too few"),
        (lambda x, *w: _by_convolutions(x, *w) * 2, "same factor"),
        (lambda x, *w: -_by_convolutions(x, *w), "opposite sign"),
        (lambda x, *w: _by_convolutions(x, *w).float(), "torch.float32"),
        (lambda x, *w: functional.layer_norm(_by_convolutions(x, *w), x.shape[2:]), "% of the values"),
        (lambda x, *w: _by_convolutions(x.flip(2), *w), "% of the values|right for some"),
        (lambda x, theta, phi, g, back: x + x @ theta.T, "stopped at line"),
        (lambda x, theta, phi, g, back: _by_convolutions(x, theta, phi, g, back.T), "stopped at line"),
        (lambda x, theta, phi, g: x, "cannot be called with volume of shape"),
        (_in_place_block, "changes its input"),
    ],
    "attention.positions": [
        (lambda x, p, m: x + p + m[:1, None], "published code"),
        (lambda x, p, m: torch.stack([one + p + m[0] for one in x.unbind(1)], 1), "published code"),
        (lambda x, p, m: _told(x, p, m[-1:].expand_as(m)), "moment of the last one"),
        (lambda x, p, m: _told(x, p, m.mean(0, keepdim=True).expand_as(m)), "mean of all moments"),
        (lambda x, p, m: _told(x, p, m.sum(0, keepdim=True).expand_as(m)), "sum of all moments"),
        (lambda x, p, m: _told(x, p[:1].expand_as(p), m), "the place of the first"),
        (lambda x, p, m: _told(x, p[-1:].expand_as(p), m), "the place of the last"),
        (lambda x, p, m: _told(x, p.mean(0, keepdim=True).expand_as(p), m), "mean of all places"),
        (lambda x, p, m: _told(x, p.sum(0, keepdim=True).expand_as(p), m), "sum of all places"),
        (lambda x, p, m: x + (p[0] + m[0]), "all that is used"),
        (lambda x, p, m: _told(x, p, 0 * m), "moments are forgotten"),
        (lambda x, p, m: _told(x, 0 * p, m), "places are forgotten"),
        (lambda x, p, m: x, "as they were"),
        (lambda x, p, m: _told(x, p, m.mean(1, keepdim=True).expand_as(m)), "of the moments only one number"),
        (lambda x, p, m: _told(x, p.mean(1, keepdim=True).expand_as(p), m), "of the places only one number"),
        (
            lambda *given: _into_first(*given, where=np.s_[:, :1], what="moment"),
            "only the first frame is told its moment",
        ),
        (
            lambda *given: _into_first(*given, where=np.s_[:, :1], what="place"),
            "only the first frame is told its places",
        ),
        (lambda *given: _into_first(*given, where=np.s_[:, :1]), "only the first frame gets"),
        (lambda *given: _into_first(*given, where=np.s_[:, :, :1], what="moment"), "of each frame is told"),
        (lambda *given: _into_first(*given, where=np.s_[:, :, :1]), "of each frame gets"),
        (lambda *given: _into_first(*given, where=np.s_[:1]), "only the first clip gets"),
        (lambda *given: _row_by_row(*given, places_stay=False, moments_stay=False), "moments change from one token"),
        (lambda *given: _row_by_row(*given, places_stay=True, moments_stay=True), "stays for several"),
        (lambda *given: _row_by_row(*given, places_stay=True, moments_stay=False), "as if they were moments"),
        (_clip_by_clip, "to one clip after another"),
        (lambda x, p, m: _told(x.flip(1), p, m).flip(1), "moments run backwards"),
        (lambda x, p, m: _told(x.flip(2), p, m).flip(2), "places run backwards"),
        (lambda x, p, m: _told(x, p, torch.cat([m[1:], m[:1]])), "moment of the next"),
        (lambda x, p, m: _told(x, p, torch.cat([m[-1:], m[:-1]])), "moment of the one before"),
        (lambda x, p, m: _told(x, torch.cat([p[1:], p[:1]]), m), "place of the next"),
        (lambda x, p, m: _told(x, torch.cat([p[-1:], p[:-1]]), m), "place of the one before"),
        (lambda x, p, m: _told(x + p, p, m), "places are added twice"),
        (lambda x, p, m: _told(x, p, m + m), "moments are added twice"),
        (lambda x, p, m: _told(_told(x, p, m), p, m), "both are added twice"),
        (lambda x, p, m: x + _told(x, p, m), "tokens are added twice"),
        (lambda x, p, m: _told(x, p / 2, m / 2), "place and moment are averaged"),
        (lambda x, p, m: _told(x, p, m) / 3, "token, place and moment"),
        (lambda x, p, m: _told(x, -p, -m), "positions are subtracted"),
        (lambda x, p, m: _told(x, p, -m), "the moment is subtracted"),
        (lambda x, p, m: x + torch.einsum("nd,td->tnd", p, m), "with each other"),
        (lambda x, p, m: torch.einsum("btnd,nd,td->btnd", x, p, m), "multiplied with both"),
        (lambda x, p, m: torch.einsum("btnd,nd->btnd", x, p) + torch.einsum("btnd,td->btnd", x, m), "the sum of both"),
        (lambda x, p, m: torch.einsum("btnd,nd->btnd", x, p) + m[:, None], "multiplied with its place"),
        (lambda x, p, m: torch.einsum("btnd,td->btnd", x + p, m), "multiplied with its moment"),
        (lambda x, p, m: _told(torch.zeros_like(x), p, m), "positions alone"),
        (lambda x, p, m: _told(torch.zeros_like(x), p, m)[0], "with them the batch"),
        (
            lambda x, p, m: torch.cat([x, _told(0 * x, p, 0 * m), _told(0 * x, 0 * p, m)], 3),
            "place and moment stand after",
        ),
        (lambda x, p, m: torch.cat([x + p, _told(0 * x, 0 * p, m)], 3), "the moment stands after"),
        (lambda x, p, m: torch.cat([x + m[:, None], _told(0 * x, p, 0 * m)], 3), "the place stands after"),
        (lambda x, p, m: _told(x * math.sqrt(p.shape[1]), p, m), "transformer for texts"),
        (lambda x, p, m: nn.LayerNorm(p.shape[1]).double()(_told(x, p, m)), "inside the layers"),
        (lambda x, p, m: _told(x, p, m).flatten(1, 2), "moments should keep"),
        (lambda x, p, m: _told(x, p, m).flatten(0, 1), "frames have become clips"),
        (lambda x, p, m: _told(x, p, m).transpose(1, 2), "places come before moments"),
        (lambda x, p, m: _told(x[:1], p, m)[0], "the batch is lost"),
        # and others that are not known
        (lambda x, p, m: x + p + m, "stopped at line"),
        (lambda x, p, m: x + m + p[:, None], "stopped at line"),
        (lambda x, p, m: x + p[:, None] + m, "stopped at line"),
        (lambda x, p, m: torch.cat([x, p, m]), "stopped at line"),
        (lambda x, p, m: _told(x, p, m) * 2, "same factor"),
        (lambda x, p, m: -_told(x, p, m), "opposite sign"),
        (lambda x, p, m: _told(x, p, m).float(), "torch.float32"),
        (lambda x, p, m: _told(x, p, m.roll(2, 0)), "% of the values"),
        (lambda x, p, m: _told(x, p, m.cumsum(0)), "% of the values"),
        (lambda x, p, m: _told(x, p, m.sin()), "% of the values"),
        (lambda x, p, m: _told(x, p, m)[:, :, 1:], "along n there is one entry too few"),
        (lambda x, p, m: _told(x, p, m).mean(1), "3 axes"),
        (lambda x, p: x + p, "cannot be called with tokens of shape"),
        (_into_tokens, "changes its input"),
    ],
    "attention.tubelets": [
        (lambda x, s: x.contiguous().view(_cut_loop(x, s).shape), "one long row of numbers"),
        (lambda x, s: _box_axes(x, s).transpose(2, 3).flatten(2), "so a film is shown"),
        (lambda x, s: _box_axes(x, s).movedim(2, 5).flatten(2), "colours come last inside"),
        (lambda x, s: _box_axes(x, s).movedim(3, 5).flatten(2), "time comes last inside"),
        (lambda x, s: _box_axes(x, s).permute(0, 1, 4, 5, 3, 2).flatten(2), "time and colours come last"),
        (lambda x, s: _box_axes(x, s).permute(0, 1, 4, 5, 2, 3).flatten(2), "colours and time come last"),
        (lambda x, s: _box_axes(x, s).mT.flatten(2), "columns come before rows inside"),
        (lambda x, s: _box_axes(x, s).permute(0, 1, 2, 5, 4, 3).flatten(2), "reverse order, but colours"),
        (lambda x, s: _box_axes(x, s).permute(0, 1, 5, 4, 3, 2).flatten(2), "axes come in the reverse order.?$"),
        (_einops("b (t w h) (c dt dh dw)"), "of a column come before"),
        (lambda x, s: _cut_loop(x.mT, (s[0], s[2], s[1])), "among the boxes and inside"),
        (_einops("b (h w t) (c dt dh dw)"), "one place come first"),
        (_einops("b (w h t) (c dt dh dw)"), "columns, rows, time"),
        (_einops("b (h t w) (c dt dh dw)"), "rows, time, columns"),
        (lambda x, s: _apart(x, s, time=True, space=True), "numbers of a box lie far"),
        (lambda x, s: _apart(x, s, time=True, space=False), "frames of a box lie far"),
        (lambda x, s: _apart(x, s, time=False, space=True), "pixels of a box lie far"),
        (lambda x, s: _frame_of(x, s, 0), "only the first frame of each box"),
        (lambda x, s: _cut_loop(x[:, :: s[0]], (1, *s[1:])), "only the first frame of each box"),
        (lambda x, s: _frame_of(x, s, -1), "only the last frame"),
        (lambda x, s: _frame_of(x, s, s[0] // 2), "only the frame in the middle|first frame|last frame"),
        (lambda x, s: _box_axes(x, s).mean(3).flatten(2), "frames of a box are averaged"),
        (lambda x, s: _box_axes(x, s).sum(3).flatten(2), "frames of a box are added"),
        (lambda x, s: _box_axes(x, s).mean((4, 5)).flatten(2), "pixels of a box are averaged"),
        (
            lambda x, s: functional.avg_pool3d(x.transpose(1, 2), s).flatten(2).mT,
            "its colour is left",
        ),
        (lambda x, s: _cut_loop(x.mean(2, keepdim=True), s), "boxes are grey"),
        (lambda x, s: _cut_loop(x, s).mean(2, keepdim=True), "its mean"),
        (lambda x, s: functional.max_pool3d(x.transpose(1, 2), s).flatten(2).mT, "largest values"),
        (lambda x, s: _slid(x, s, (1, 1, 1)), "every place and moment"),
        (lambda x, s: _slid(x, s, (1, s[1], s[2])), "overlap in time"),
        (lambda x, s: _slid(x, s, (s[0], 1, 1)), "overlap in space"),
        (lambda x, s: _cut_loop(x, (1, *s[1:])), "each frame is cut by itself"),
        (lambda x, s: _cut_loop(x, (x.shape[1], *s[1:])), "through the whole clip"),
        (lambda x, s: _cut_loop(x, (s[0], *x.shape[3:])), "not cut in space"),
        (_einops("b (t h w c) (dt dh dw)"), "boxes of its own: a box"),
        (lambda x, s: torch.cat([_cut_loop(x[:, :, i : i + 1], s) for i in range(x.shape[2])], 1), "one colour after"),
        (lambda x, s: _cut_loop(x, s).mT, "the boxes the columns"),
        (lambda x, s: _cut_loop(x, s).unflatten(1, (x.shape[1] // s[0], -1)), "moments keep an axis"),
        (_einops("b t h w (c dt dh dw)"), "still stand in their grid"),
        (_box_axes, "boxes are still boxes"),
        (_einops("b t h w c dt dh dw"), "not put together again"),
        (lambda x, s: _cut_loop(x, s).flatten(0, 1), "all clips stand in one list"),
        (lambda x, s: _cut_loop(x[:1], s).squeeze(0), "the batch is lost"),
        (lambda x, s: _cut_loop(x, s).transpose(0, 1), "boxes come before the batch"),
        (lambda x, s: _box_axes(x, s).flip(3).flatten(2), "time runs backwards"),
        (lambda x, s: _cut_loop(x.flip(1, 3, 4), s).flip(1), "turned over: a Conv3d"),
        (lambda x, s: _cut_loop(x.flip(2), s), "colours come in the reverse"),
        (lambda x, s: torch.stack(_cut_loop(x, s).unbind(1)[::-1], 1), "last box comes first"),
        (lambda x, s: _cut_loop(x, s)[:, :-1], "last box is left out"),
        (lambda x, s: (_cut_loop(x, s).mT - _cut_loop(x, s).mean(2)[:, None]).mT, "mean of each box is subtracted"),
        # and others that are not known
        (lambda x, s: functional.pad(_cut_loop(x, s), (0, 0, 1, 0)), "along n there is one entry too many"),
        (lambda x, s: _cut_loop(x, s)[:, :, 1:], "along k there is one entry too few"),
        (lambda x, s: _cut_loop(x, (s[0], s[2], s[1])), "stopped at line|wrong length|% of|along"),
        (lambda x, s: _cut_loop(x.transpose(1, 2), s), "stopped at line|wrong length"),
        (lambda x, s: x.reshape(len(x), -1, math.prod(s)), "wrong length|one entry|right for"),
        (lambda x, s: _cut_loop(x, s).float(), "torch.float32"),
        (lambda x, s: _cut_loop(x, s) * 2, "the range is 0 to 1"),
        (lambda x, s: _cut_loop(x, s) / 2, "same factor"),
        (lambda x, s: _cut_loop(x, s) - 0.5, "the range is 0 to 1"),
        (lambda x, s: _cut_loop(x, s).roll(1, 1), "% of the values"),
        (lambda x, s: _cut_loop(x, s).roll(1, 2), "% of the values"),
        (lambda x, s: list(_cut_loop(x, s).unbind(1)), "list of"),
        (lambda x, s: _cut_loop(x, (2, 8, 8)), "stopped at line|wrong length|along|largest"),
        (lambda x: x, "cannot be called with clip of shape"),
        (lambda x, s: x.copy_(x.flip(1)).new_zeros(_cut_loop(x, s).shape), "changes its input"),
    ],
    "attention.comparisons": [
        (lambda t, n: (n * t, n + t), "left out both times"),
        (lambda t, n: (len(list(product(range(t), range(n)))) - 1, (t - 1) + (n - 1)), "neither the class token nor"),
        (lambda t, n: (n * t, sum([t, 1, n, 1])), "joint: the class token, or the tubelet itself, is left out.?$"),
        (lambda t, n: (n * t - 1, sum([t, 1, n, 1])), "as well.?$"),
        (lambda t, n: (1 + n * t, n + t), "class tokens are left out.?$"),
        (
            lambda t, n: (1 + n * t, len({("class",)} | {(i, 0) for i in range(t)} | {(0, i) for i in range(n)}) + 1),
            "only once.?$",
        ),
        (lambda t, n: (n * t, 1 + t + n), "is left out; divided"),
        (lambda t, n: (1 + n * t, sum([t, n, 3])), "one token too many is counted.?$"),
        (lambda t, n: (2 + n * t, sum([t, n, 2])), "all tubelets share it"),
        (lambda t, n: (t + t * n, sum([t, n, 2])), "each moment has a class token"),
        (lambda t, n: (n + t * n, sum([t, n, 2])), "each place has a class token"),
        (lambda t, n: (t * n + t + n + 1, sum([t, n, 2])), "before they are multiplied"),
        (lambda t, n: (t * n + 1, t * n + t + n + 1), "the two rounds are multiplied"),
        (lambda t, n: (t * n + 1, math.prod([t, n]) + 2), "no less than joint"),
        (lambda t, n: (math.prod([t, n]) + 1,) * 2, "divided counts as many"),
        (lambda t, n: (sum([t, n, 1]), sum([t, n, 2])), "moments and places are added"),
        (lambda t, n: [sum([t, n, 2])] * 2, "joint counts as many"),
        (lambda t, n: _count_sets(t, n)[::-1], "have changed places.?$"),
        (lambda t, n: (n + t, n * t), "and class tokens are left out"),
        (
            lambda t, n: (_count_sets(t, n)[0], video_vit.comparisons("factorised", moments=t, places=n)),
            "only the round over space",
        ),
        (
            lambda t, n: (_count_sets(t, n)[0], video_vit.comparisons("factorised", moments=n, places=t)),
            "only the round over time",
        ),
        (lambda t, n: (_count_sets(t, n)[0], sorted([t, n])[1] + 1), "only the longer round"),
        (
            lambda t, n: tuple(f * c for f, c in zip((t * n + 1, t * n), _count_sets(t, n), strict=True)),
            "those are all pairs: it",
        ),
        (lambda t, n: tuple(t * n * c for c in _count_sets(t, n)), "pairs of all tubelets: it"),
        (lambda t, n: (t * n * t * n, n * t * t + t * n * n), "pairs of all tubelets, without"),
        (lambda t, n: (_count_sets(t, n)[0] ** 2, t + n + 2), "joint: those are all pairs"),
        (lambda t, n: (_count_sets(t, n)[0] ** 2, t * t + n * n + 2 * (t + n + 1)), "both numbers are squares: those"),
        (lambda t, n: (t * t * n * n, t * t + n * n), "squares, without"),
        (lambda t, n: (_count_sets(t, n)[0], t * t + n * n + 2 * (t + n + 1)), "all rows of them"),
        (lambda t, n: (t * n + 1, sum([t + 1] + [n + 1] * t)), "over space is counted for every moment"),
        (lambda t, n: (t * n + 1, sum([n + 1] + [t + 1] * n)), "over time is counted for every place"),
        (lambda t, n: (t * n + 1, sum([n + 1] * t + [t + 1] * n)), "for all places and moments"),
        (lambda t, n: (t * n + 1, int(np.mean([t + 1, n + 1]))), "two rounds are averaged"),
        (lambda t, n: (t * n + 1, sum(_count_sets(t, n)) - 1), "all tubelets and the rounds"),
        # and others that are not known
        (lambda t, n: (t * n + 1.0, t + n + 2), "joint: it returns a float"),
        (lambda t, n: (t * n + 1, (t + n + 2) / 1), "divided: it returns a float"),
        (lambda t, n: (t * n + 3, t + n + 2), "joint: the number is too large"),
        (lambda t, n: (t * n - 2, t + n + 2), "joint: the number is too small"),
        (lambda t, n: (t * n + 1, t + n + 7), "divided: the number is too large"),
        (lambda t, n: (t * n + 1, t + n - 7), "divided: the number is too small"),
        (lambda t, n: (1569, 206), "too large"),
        (lambda t, n: (t * n + 1, 2 * n + 2), "divided: the number is too|right for some"),
        (lambda t, n: (n * n + 1, t + n + 2), "joint: the number is too|right for some"),
        (lambda t, n: (t * n + 1, abs(t - n) + 2), "divided: the number is too small"),
        (lambda t, n: t * n + 1, "it returns one int"),
        (lambda t, n: (t * n + 1, t + n + 2, n + 1), "it returns 3 things"),
        (lambda t, n: {"joint": t * n + 1, "divided": t + n + 2}, "it returns one dict"),
        (lambda t, n: (str(t * n + 1), t + n + 2), "joint: it returns a str"),
        (lambda t: (t, t), "cannot be called with moments="),
    ],
    "attention.mass": [
        (lambda look, mask: _total(look * mask), "a large one gets much"),
        (lambda look, mask: (look * mask).mean((1, 2, 3)) / _area(mask), "both added up, or both averaged"),
        (lambda look, mask: _total(look * mask) / _total(mask), "both added up, or both averaged"),
        (lambda look, mask: (look * mask).flatten(1).mean(1), "mean of the products"),
        (lambda look, mask: _area(mask), "that is the area: the"),
        (lambda look, mask: 1 / _ratio(look, mask), "area over the attention"),
        (lambda look, mask: _total((look - 1 / look[0].numel()) * mask), "the area is subtracted"),
        (lambda look, mask: _total(look * mask * mask.mean((1, 2, 3), True)), "are multiplied"),
        (lambda look, mask: (_total(look * mask) - _area(mask)) / _area(mask), "1 is subtracted"),
        (lambda look, mask: 100 * _total(look * mask) / _area(mask), "in percent"),
        (lambda look, mask: torch.log(_total(look * mask)) - torch.log(_area(mask)), "that is its logarithm"),
        (lambda look, mask: torch.log2(_ratio(look, mask)), "binary logarithm"),
        (lambda look, mask: (1 - _total(look * mask)) / (1 - _area(mask)), "mask is turned over"),
        (lambda look, mask: _total(look * mask) / (1 - _total(look * mask)), "attention on the background"),
        (
            lambda look, mask: _ratio(look, mask) * (1 - _area(mask)) / (1 - _total(look * mask)),
            "object and background are compared",
        ),
        (lambda look, mask: _total(look * mask / mask.mean()), "one number for all clips"),
        (
            lambda look, mask: (look * mask).sum() / len(look) / mask.mean(),
            "clips have become one number|are averaged: one",
        ),
        (lambda look, mask: _ratio(look, mask).sum() / len(look), "the clips are averaged|have become one"),
        (lambda look, mask: (look * mask).sum() / mask.mean(), "divided by one area|have become"),
        (lambda look, mask: _ratio(look, mask.ceil()), "in part counts as all object"),
        (
            lambda look, mask: torch.stack([a[m > 0].mean() / a.mean() for a, m in zip(look, mask, strict=True)]),
            "in part counts as",
        ),
        (lambda look, mask: _ratio(look, mask.round()), "as all object or none"),
        (
            lambda look, mask: torch.stack([a[m > 0.5].mean() / a.mean() for a, m in zip(look, mask, strict=True)]),
            "or none: at",
        ),
        (lambda look, mask: _ratio(look, mask.floor()), "nothing but object"),
        (lambda look, mask: _total(look * mask.round()) / _area(mask), "all or none in the attention"),
        (lambda look, mask: _total(look * mask.ceil()) / _area(mask), "all attention of a tubelet"),
        (lambda look, mask: _total(look * mask) / _area(mask.round()), "but all or none in the area"),
        (lambda look, mask: _total(look * mask) / _area(mask.ceil()), "counts a tubelet as a whole"),
        (lambda look, mask: _total(look * mask) / _area(mask[:, :1]), "that of the first moment"),
        (lambda look, mask: _total(look * mask) / _area(mask[:, -1:]), "that of the last moment"),
        (lambda look, mask: _ratio(look, mask) / mask.shape[1], "divided by the tubelets of one"),
        (lambda look, mask: _total(look * mask) / mask.mean(3).mean(2).max(1).values, "largest area"),
        (lambda look, mask: _per_moment(look, mask).sum(1) / mask.shape[1], "own area, and the moments are averaged"),
        (lambda look, mask: _per_moment(look, mask).sum(1), "own area, and the moments are added"),
        (lambda look, mask: _ratio(look / look.sum((2, 3), True) / look.shape[1], mask), "sum to 1 in each moment"),
        (lambda look, mask: _per_moment(look, mask, renormalised=True).mean(1), "its own gain, and they"),
        (
            lambda look, mask: _ratio(look.mean(1, True).expand_as(look), mask.mean(1, True).expand_as(mask)),
            "averaged away before",
        ),
        (lambda look, mask: _ratio(look[:, :1], mask[:, :1]), "only the first moment"),
        (lambda look, mask: _ratio(look[:, -1:], mask[:, -1:]), "only the last moment"),
        (_per_moment, "single moments"),
        (lambda look, mask: (look * mask).flatten(1).max(1).values / _area(mask), "stands for all of them"),
        (lambda look, mask: (look * mask).flatten(1).max(1).values, "that is the largest share"),
        (_hit, "looked at most: all"),
        (lambda look, mask: _hit(look, mask) / _area(mask), "looked at most, over"),
        (_pearson, "correlation"),
        (lambda look, mask: _ratio(_normal(look), mask), "spread from 0 to 1"),
        (lambda look, mask: _ratio(look / look.amax((1, 2, 3), True), mask), "by its largest share"),
        (lambda look, mask: _ratio(look.exp() / look.exp().sum((1, 2, 3), True), mask), "a softmax is taken"),
        (lambda look, mask: _ratio(look.square(), mask), "squared"),
        (lambda look, mask: _ratio(look, mask)[:, None, None, None], "length 1 are left"),
        (lambda look, mask: _ratio(look, mask)[0], "the batch is lost"),
        # and others that are not known
        (lambda look, mask: _ratio(look, mask).squeeze(), "right for some inputs but not for others"),
        (lambda look, mask: _ratio(look, mask)[:, None], "2 axes"),
        (lambda look, mask: _ratio(look, mask) * 2, "same factor"),
        (lambda look, mask: -_ratio(look, mask), "opposite sign"),
        (lambda look, mask: _ratio(look, mask).float(), "torch.float32"),
        (lambda look, mask: _ratio(look.float(), mask.float()), "torch.float32|% of the values"),
        (lambda look, mask: _ratio(mask, look), "same factor|% of the values"),
        (lambda look, mask: _ratio(look.flip(1), mask), "% of the values"),
        (lambda look, mask: _ratio(look, mask) + 0.01, "% of the values"),
        (lambda look, mask: _ratio(look.mT, mask), "stopped at line"),
        (lambda look, mask: torch.ones(len(look), dtype=look.dtype), "% of the values"),
        (lambda look, mask: _ratio(look, 0 * mask), "NaN"),
        (lambda look, mask: _ratio(look, mask).tolist(), "list of"),
        (lambda look, mask: _ratio(look, mask).sum().item(), "returns a float"),
        (lambda look, mask, area: look, "cannot be called with look of shape"),
        (_in_place_gain, "changes its input"),
    ],
}


# How the answers behave


@pytest.fixture(params=range(3))
def seed(request):
    return request.param


def _case(name, seed, number=0):
    arguments = ALL[f"attention.{name}"].draw(_generator(seed))[number]
    return arguments, ALL[f"attention.{name}"].reference(*arguments)


def _shuffled(size, seed):
    """An order that is not the one it was."""
    order = torch.randperm(size, generator=_generator(seed))
    return order if order[0] else order.roll(1)


def test_sizes_that_could_be_taken_for_each_other_differ(seed):
    for query, key, value in ALL["attention.attend"].draw(_generator(seed)):
        assert len({*query.shape, *key.shape, *value.shape}) == 5
    for volume, theta, _, _, back in ALL["attention.non_local"].draw(_generator(seed)):
        assert len({*volume.shape, len(theta)}) == 6
        assert theta.shape == back.T.shape
    for clip, size in ALL["attention.tubelets"].draw(_generator(seed)):
        grid = [clip.shape[axis] / extent for axis, extent in zip((1, 3, 4), size, strict=True)]
        assert all(n.is_integer() for n in grid)
        assert len(set(grid)) == len(set(size)) == 3
    assert len({t > n for t, n in ALL["attention.comparisons"].draw(_generator(seed))}) == 2
    assert len({len(p) > len(m) for _, p, m in ALL["attention.positions"].draw(_generator(seed))}) == 2


def test_attention_knows_no_order_of_keys_and_keeps_that_of_queries(seed):
    for number in range(2):
        (query, key, value), answer = _case("attend", seed, number)
        keys, queries = _shuffled(key.shape[1], seed), _shuffled(query.shape[1], seed) if not number else [0]
        attend = ALL["attention.attend"].reference
        assert torch.allclose(attend(query, key[:, keys], value[:, keys]), answer)
        assert torch.allclose(attend(query[:, queries], key, value), answer[:, queries])
        assert torch.allclose(attend(query, key, torch.ones_like(value)), torch.ones_like(answer))


def test_of_some_scores_no_float_can_hold_the_exponential():
    scores = [_dots(*_case("attend", seed, 1)[0][:2]) for seed in range(8)]
    assert all(not one.exp().isfinite().all() or (one.exp().sum(2) == 0).any() for one in scores)
    assert all(one.softmax(2).isfinite().all() for one in scores)


def test_a_non_local_block_has_no_order_and_starts_as_it_is(seed):
    for number in range(2):
        (volume, theta, phi, g, back), answer = _case("non_local", seed, number)
        block = ALL["attention.non_local"].reference
        assert torch.equal(block(volume, theta, phi, g, 0 * back), volume)
        order = _shuffled(volume.shape[3], seed)
        assert torch.allclose(block(volume[:, :, :, order], theta, phi, g, back), answer[:, :, :, order])
        assert (answer - volume).abs().max() > 0.1


def test_what_is_far_away_in_space_and_time_reaches_every_place(seed):
    (volume, *weights), answer = _case("non_local", seed)
    block, changed = ALL["attention.non_local"].reference, volume.clone()
    changed[:, :, -1, -1, -1] += 1
    assert ((block(changed, *weights) - answer).abs().amax((0, 1)) > 1e-9).all()


def test_with_positions_no_two_tokens_stay_alike(seed):
    for number in range(2):
        (tokens, place, moment), _ = _case("positions", seed, number)
        alike = torch.ones_like(tokens)
        rows = ALL["attention.positions"].reference(alike, place, moment).flatten(1, 2)
        assert all(len(clip.unique(dim=0)) == len(clip) for clip in rows)
        assert torch.equal(rows[0], rows[-1])


def test_tubelets_hold_every_number_once(seed):
    for number in range(3):
        (clip, size), rows = _case("tubelets", seed, number)
        assert torch.equal(rows.flatten(1).sort(1).values, clip.flatten(1).sort(1).values)
        assert rows.shape[2] == clip.shape[2] * math.prod(size)
        first = clip[:, : size[0], :, : size[1], : size[2]]
        assert torch.equal(rows[:, 0].sort(1).values, first.flatten(1).sort(1).values)


def test_a_blind_look_gains_nothing_and_a_look_at_the_object_alone_all_there_is(seed):
    for number in range(2):
        (look, mask), _ = _case("mass", seed, number)
        gain = ALL["attention.mass"].reference
        assert torch.allclose(look.sum((1, 2, 3)), torch.ones(len(look), dtype=look.dtype))
        assert torch.allclose(gain(torch.full_like(look, 1 / look[0].numel()), mask), torch.ones(len(look)).double())
        whole = (mask == mask.amax((1, 2, 3), keepdim=True)).to(mask)
        focused = whole / whole.sum((1, 2, 3), keepdim=True)
        assert torch.allclose(gain(focused, whole), 1 / whole.mean((1, 2, 3)))
        assert mask.sum((2, 3)).min() > 0  # the object is never out of sight
        assert ((mask > 0) & (mask < 1)).any()


def test_a_single_clip_and_a_single_query_are_among_the_cases(seed):
    assert len(_case("mass", seed, 1)[1]) == 1
    assert _case("attend", seed, 1)[1].shape[1] == 1
    assert _case("non_local", seed, 1)[1].shape[2] == 1


# What the course uses gives the same answers


def test_the_attention_of_the_course_is_that_of_the_exercise(seed):
    for number in range(2):
        (query, key, value), mine = _case("attend", seed, number)
        assert torch.allclose(attention.attend(query, key, value), mine)
        assert torch.allclose(attention.attention_weights(query, key) @ value, mine)


def test_the_non_local_block_of_the_course_is_that_of_the_exercise_with_biases_and_a_norm(seed):
    generator = _generator(seed)
    block = models.NonLocal(6).double()
    weights = []
    for layer in (block.query, block.key, block.value, block.back):
        nn.init.zeros_(layer.bias)
        layer.weight.data = torch.randn(layer.weight.shape, generator=generator, dtype=torch.float64)
        weights.append(layer.weight.data)
    block.norm = nn.Identity()
    volume = torch.randn(2, 6, 3, 4, 5, generator=generator, dtype=torch.float64)
    assert torch.allclose(block(volume), ALL["attention.non_local"].reference(volume, *weights))


def test_the_transformer_of_the_course_tells_its_tokens_where_and_when_they_are(seed):
    torch.manual_seed(seed)
    model = models.VideoViT(4, kind="joint", frames=6, size=24, tubelet=(2, 8, 8), dim=16)
    clip = torch.rand(2, 6, 3, 24, 24, generator=_generator(seed))
    given = []
    model.joint.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    with torch.no_grad():
        model(clip)
        tokens = model.tokens(clip) - model.place
        mine = ALL["attention.positions"].reference(tokens, model.place, model.moment)
    assert torch.allclose(given[0], rearrange(mine, "b t n d -> b (t n) d"), atol=1e-6)


def test_the_tubelets_of_the_course_are_those_of_the_exercise_and_those_of_a_conv3d(seed):
    torch.manual_seed(seed)
    for number in range(3):
        (clip, size), rows = _case("tubelets", seed, number)
        layer = video_vit.Tubelets(7, size, clip.shape[2]).double()
        assert torch.allclose(layer(clip).flatten(1, 2), layer.project(rows))
        kernel = rearrange(layer.filters(), "d t c h w -> d c t h w")
        strided = functional.conv3d(clip.transpose(1, 2), kernel, layer.project.bias, stride=size)
        assert torch.allclose(rearrange(strided, "b d t h w -> b (t h w) d"), layer.project(rows))


def test_the_rows_of_attention_are_as_long_as_the_exercise_counts():
    clip = torch.rand(1, 6, 3, 24, 24, generator=_generator(0))
    joint, divided = ALL["attention.comparisons"].reference(3, 9)
    maps = {
        kind: models.VideoViT(4, kind=kind, frames=6, size=24, dim=16).attention(clip) for kind in ("joint", "divided")
    }
    assert maps["joint"]["joint"].shape[-1] == joint == 28
    assert maps["divided"]["time"].shape[-1] + maps["divided"]["space"].shape[-1] == divided == 14
    assert ALL["attention.comparisons"].reference(8, 196) == (1569, 206)


def test_a_look_of_the_course_can_be_weighed(seed):
    torch.manual_seed(seed)
    model = models.VideoViT(4, kind="divided", frames=6, size=24, dim=16).eval()
    look = model.look(torch.rand(2, 6, 3, 24, 24, generator=_generator(seed)))
    gain = ALL["attention.mass"].reference(look, torch.ones_like(look))
    assert torch.allclose(gain, torch.ones(2), atol=1e-5)


def test_what_was_asked_is_described_in_a_few_words():
    message = check("attention.tubelets", lambda clip: clip, seed=0).message
    assert "clip of shape (" in message
    assert "size=(" in message
