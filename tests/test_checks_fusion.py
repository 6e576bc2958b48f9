"""Lesson 12's exercises: right answers written differently, wrong ones, behaviour, and what the course uses.

`test_checks.py` judges RIGHT and WRONG together with those of the other lessons.
"""

import math
from collections import Counter
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from vidlab.checks import check, exercises
from vidlab.models.fusion import by_name as fusion

ALL = exercises("fusion")


def _generator(seed):
    return torch.Generator().manual_seed(seed)


# Right answers, each written differently from the reference


def _gated_map_by_map(spatial, temporal, gate):
    s, t, g = (one.numpy() for one in (spatial, temporal, gate))
    answer = np.empty(s.shape)
    for index in np.ndindex(*s.shape[:2]):
        share = 1 / (1 + np.exp(-np.clip(g[index], -700, 700)))
        answer[index] = share * s[index] + (1 - share) * t[index]
    return torch.from_numpy(answer)


def _gated_by_two_logits(spatial, temporal, gate):
    """A sigmoid is a softmax of two numbers, one of which is 0."""
    shares = torch.stack([gate, torch.zeros_like(gate)]).softmax(0)
    return (shares * torch.stack([spatial, temporal])).sum(0)


def _bilinear_place_by_place(spatial, temporal):
    total = 0
    for y, x in product(range(spatial.shape[2]), range(spatial.shape[3])):
        total = total + torch.stack(
            [torch.outer(s, t).flatten() for s, t in zip(spatial[:, :, y, x], temporal[:, :, y, x], strict=True)]
        )
    return total


def _bilinear_pair_by_pair(spatial, temporal):
    pairs = product(range(spatial.shape[1]), range(temporal.shape[1]))
    return torch.stack([(spatial[:, d] * temporal[:, e]).sum((1, 2)) for d, e in pairs], 1)


def _as_sum_loop(d):
    kernel = torch.zeros(d, 2 * d, 1, 1)
    for i in range(d):
        kernel[i, i] = kernel[i, d + i] = 1.0
    return kernel


def _as_sum_by_dirac(d):
    kernel = nn.Conv2d(d, d, 1).weight
    return torch.cat([nn.init.dirac_(kernel)] * 2, 1)


def _as_sum_by_numbers(d):
    out, into = torch.meshgrid(torch.arange(d), torch.arange(2 * d), indexing="ij")
    return (into % d == out).double().reshape(d, 2 * d, 1, 1)


def _ceiling_by_counters(motions):
    clips = motions.tolist()
    return sum(Counter(clip).most_common(1)[0][1] / len(clip) for clip in clips) / len(clips)


def _ceiling_by_trying(motions):
    """Every object is once the first; every direction is once the guess; the best guess of each clip is kept."""
    right = [
        max(sum(object == guess for object in clip) / len(clip) for guess in range(100)) for clip in motions.tolist()
    ]
    return np.mean(right)


def _parameters_layer_by_layer(spatial, temporal, layer):
    total = 0
    for number, (one, other) in enumerate(zip(spatial, temporal, strict=True), start=1):
        total += one + other if number <= layer else one
    return total


RIGHT = {
    "fusion.gated": [
        _gated_map_by_map,
        _gated_by_two_logits,
        lambda s, t, g: torch.lerp(t, s, torch.sigmoid(g)),
        lambda s, t, g: torch.sigmoid(g) * s + torch.sigmoid(-g) * t,
        lambda s, t, g: t + (s - t) / (1 + torch.exp(-g)),
    ],
    "fusion.bilinear": [
        _bilinear_place_by_place,
        _bilinear_pair_by_pair,
        lambda s, t: torch.bmm(s.flatten(2), t.flatten(2).transpose(1, 2)).flatten(1),
        lambda s, t: (s[:, :, None] * t[:, None]).sum((-1, -2)).reshape(len(s), -1),
    ],
    "fusion.as_sum": [
        _as_sum_loop,
        _as_sum_by_dirac,
        _as_sum_by_numbers,
        lambda d: torch.eye(d).repeat(1, 2)[..., None, None],
    ],
    "fusion.ceiling": [
        _ceiling_by_counters,
        _ceiling_by_trying,
        lambda motions: functional.one_hot(motions).sum(1).max(1).values.float().mean() / motions.size(1),
        lambda motions: (motions == motions.mode(1, keepdim=True).values).float().mean(),
    ],
    "fusion.parameters": [
        _parameters_layer_by_layer,
        lambda spatial, temporal, layer: sum(spatial[:layer] + temporal[:layer] + spatial[layer:]),
        lambda spatial, temporal, layer: sum(spatial) + sum(temporal) - sum(temporal[layer:]),
        lambda spatial, temporal, layer: torch.tensor(spatial + temporal[:layer]).sum(),
    ],
}


# Wrong answers, written independently of the recognisers' own functions, with words that must be in the message


def _mix(s, t, share):
    return t + share * (s - t)


def _sigmoid(g):
    return 1 / (1 + torch.exp(-g))


def _gated_in_place(s, t, g):
    g.sigmoid_()
    return g * s + (1 - g) * t


def _maps_in_place(s, t, g):
    s *= torch.sigmoid(g)
    s += torch.sigmoid(-g) * t
    return s


def _rows(s, t):
    """b d n and b e n, n places."""
    return s.flatten(2), t.flatten(2)


def _outer(s, t):
    return torch.einsum("bdn,ben->bde", *_rows(s, t)).flatten(1)


def _of_vectors(s, t):
    """From b d and b e, one vector a clip."""
    return torch.einsum("bd,be->bde", s, t).flatten(1)


def _all_products(s, t):
    return s.unsqueeze(2) * t.unsqueeze(1)


def _normalised(x, dim=1):
    return functional.normalize(x, dim=dim)


def _signed_root(x):
    return torch.copysign(x.abs() ** 0.5, x)


def _bilinear_in_place(s, t):
    s.relu_()
    return _outer(s, t)


def _matrix(d, entry):
    """The kernel from entry(out, in)."""
    return torch.tensor([[float(entry(o, i)) for i in range(2 * d)] for o in range(d)])[:, :, None, None]


def _i_i(d):
    return _matrix(d, lambda o, i: o == i or o + d == i)


def _per_clip(motions, how):
    """The mean over clips of a number computed from a list of directions."""
    return sum(how(clip) for clip in motions.tolist()) / len(motions)


def _highest(clip):
    return max(Counter(clip).values())


def _first_of_the_commonest(clip):
    counts = Counter(clip)
    return min(way for way in counts if counts[way] == max(counts.values()))


def _longest_run(clip):
    longest = run = 1
    for before, after in zip(clip, clip[1:], strict=False):
        run = run + 1 if before == after else 1
        longest = max(longest, run)
    return longest


def _winners(clip):
    return [way for way, count in Counter(clip).items() if count == _highest(clip)]


def _second(clip):
    return sorted([0, *Counter(clip).values()])[-2]


def _bits(clip):
    return -sum(count / len(clip) * math.log(count / len(clip)) for count in Counter(clip).values())


def _median_way(clip):
    return sorted(clip)[(len(clip) - 1) // 2]


def _ceiling_in_place(motions):
    motions.copy_(motions.sort(1).values)
    return _ceiling_by_counters(motions)


def _parameters_in_place(s, t, n):
    s.extend(t[:n])
    return sum(s)


def _walk(s, t, n, before, behind):
    """Layer by layer: what is counted up to the sum, and what behind it."""
    return sum((before if i < n else behind)(one, other) for i, (one, other) in enumerate(zip(s, t, strict=True)))


WRONG = {
    "fusion.gated": [
        (lambda s, t, g: _mix(t, s, _sigmoid(g)), "maps have changed places: an open"),
        (lambda s, t, g: _mix(s, t, _sigmoid(-g)), "maps have changed places: an open"),
        (lambda s, t, g: _mix(s, t, g), "taken as it is"),
        (lambda s, t, g: _mix(s, t, g.tanh()), "tanh: a share"),
        (lambda s, t, g: _mix(s, t, g.clamp(min=0)), "larger than 1"),
        (lambda s, t, g: _mix(s, t, g.clip(0, 1)), "cut off at 0 and 1"),
        (lambda s, t, g: _mix(s, t, (g / 6 + 0.5).clip(0, 1)), "hard sigmoid"),
        (lambda s, t, g: torch.where(g > 0, s, t), "either open or shut"),
        (lambda s, t, g: torch.where(_sigmoid(g) >= 0.5, s, t), "either open or shut"),
        (lambda s, t, g: _mix(s, t, _sigmoid(_sigmoid(g))), "taken twice"),
        (lambda s, t, g: _mix(s, t, torch.softmax(g, 1)), "over the maps"),
        (lambda s, t, g: _mix(s, t, torch.softmax(g, 0)), "over the batch"),
        (lambda s, t, g: _mix(s, t, g.flatten(2).softmax(-1).view_as(g)), "over all places"),
        (lambda s, t, g: _sigmoid(g) * s + _sigmoid(1 - g) * t, "before the sigmoid: it is known"),
        (lambda s, t, g: _sigmoid(g) * s + t - g * t, "raw number, not from"),
        (lambda s, t, g: g * s + t - _sigmoid(g) * t, "spatial map is weighted by the raw"),
        (lambda s, t, g: _sigmoid(g) * s + t, "temporal map is not gated"),
        (lambda s, t, g: s + t - _sigmoid(g) * t, "spatial map is not gated: where"),
        (lambda s, t, g: torch.addcmul(s, _sigmoid(g), t), "spatial map is not gated, and"),
        (lambda s, t, g: _sigmoid(g) * (s + t), "where it is shut, nothing"),
        (lambda s, t, g: (s + t) / (1 + torch.exp(g)), "where it is open, nothing"),
        (lambda s, t, g: _mix(s, 0 * t, _sigmoid(g)), "gated spatial one"),
        (lambda s, t, g: _mix(0 * s, t, _sigmoid(g)), "gated temporal one"),
        (lambda s, t, g: _sigmoid(g) * s - (1 - _sigmoid(g)) * t, "taken away, not added"),
        (lambda s, t, g: _sigmoid(g) * (1 - _sigmoid(g)) * s * t, "gated maps are multiplied"),
        (lambda s, t, g: torch.stack([_sigmoid(g) * s, _sigmoid(-g) * t]).amax(0), "larger number is taken"),
        (lambda s, t, g: torch.cat((_sigmoid(g) * s, _sigmoid(-g) * t), dim=1), "one after the other"),
        (lambda s, t, g: _sigmoid(g) ** 2 * s + _sigmoid(-g) ** 2 * t, "squared"),
        (lambda s, t, g: 0.5 * _mix(s, t, _sigmoid(g)), "halved"),
        (lambda s, t, g: torch.stack([_sigmoid(g) * s, _sigmoid(-g) * t]).mean(0), "halved"),
        (lambda s, t, g: torch.sigmoid(g * s + (1 - g) * t), "it is the gate that should"),
        (lambda s, t, g: torch.sigmoid(_mix(s, t, _sigmoid(g))), "mixture goes through a sigmoid"),
        (lambda s, t, g: _mix(s, t, _sigmoid(g)).clamp(min=0), "rectified: it should come back"),
        (lambda s, t, g: _mix(s.tanh(), t.tanh(), _sigmoid(g)), "tanh first"),
        (lambda s, t, g: _mix(s, t, _sigmoid(s)), "made of the spatial map"),
        (lambda s, t, g: _mix(s, t, _sigmoid(t)), "made of the temporal map"),
        (lambda s, t, g: s + _mix(s, t, _sigmoid(g)), "way round"),
        (lambda s, t, g: torch.stack([s, t]).sum(0), "that is the sum"),
        (lambda s, t, g: torch.stack([s, t]).mean(0), "that is the mean"),
        (lambda s, t, g: torch.stack([s, t]).amax(0), "that is the larger"),
        (lambda s, t, g: torch.stack([s, t]).prod(0), "that is the product"),
        (lambda s, t, g: _sigmoid(g) * s + _sigmoid(-g) * s, "spatial map comes back as"),
        (lambda s, t, g: _sigmoid(g) * t + _sigmoid(-g) * t, "temporal map comes back as"),
        (lambda s, t, g: _sigmoid(g), "what does it let in"),
        (lambda s, t, g: _mix(s, t, _sigmoid(functional.adaptive_avg_pool2d(g, 1))), "one gate for all places"),
        (lambda s, t, g: _mix(s, t, _sigmoid(g.mean(1, keepdim=True))), "one gate for all maps"),
        (lambda s, t, g: _mix(s, t, _sigmoid(g.mean((1, 2, 3)))[:, None, None, None]), "each clip has one gate"),
        (lambda s, t, g: _mix(s, t, _sigmoid(g.mean(0))), "gates of all clips are averaged"),
        (lambda s, t, g: _mix(s, t, _sigmoid(g[:, [0]])), "first map's gate"),
        (lambda s, t, g: _mix(s, t, _sigmoid(g[0])), "first clip's gates"),
        (lambda s, t, g: _mix(s, t, _sigmoid(g)).flatten(2).mean(2), "averaged over the places"),
        (lambda s, t, g: torch.einsum("bdhw->bhw", _mix(s, t, _sigmoid(g))), "added up into one"),
        # and others that are not known
        (lambda s, t, g: _mix(s, t, torch.exp(g) / (1 + torch.exp(g))), "NaN or infinity"),
        (lambda s, t, g: _mix(s, t, torch.exp(g) / torch.exp(g).sum()), "% of the values"),
        (lambda s, t, g: 2 * _mix(s, t, _sigmoid(g)), "same factor"),
        (lambda s, t, g: -_mix(s, t, _sigmoid(g)), "opposite sign"),
        (lambda s, t, g: _mix(s, t, _sigmoid(g)).mT, "order b d w h"),
        (lambda s, t, g: _mix(s, t, _sigmoid(g)).movedim(1, -1), "order b h w d"),
        (lambda s, t, g: _mix(s, t, _sigmoid(g))[0], "it has 3 axes"),
        (lambda s, t, g: _mix(s, t, _sigmoid(g))[:, 1:], "along d there is one entry too few"),
        (lambda s, t, g: _mix(s, t, _sigmoid(g)).float(), "torch.float32"),
        (lambda s, t, g: (_sigmoid(g) * s, _sigmoid(-g) * t), "tuple of 2"),
        (lambda s, t, g: _mix(s, t, _sigmoid(g)).numpy(), "NumPy"),
        (lambda s, t, g: _mix(s, t, _sigmoid(g.round())), "% of the values"),
        (lambda s, t, g: _mix(s, t, _sigmoid(g.flip(-1))), "% of the values"),
        (lambda s, t, g: _mix(s, t, _sigmoid(g / 2)), "% of the values"),
        (lambda s, t, g: _mix(s, t, _sigmoid(g.mT)), "stopped at line"),
        (lambda s, t, g: _mix(s, t, torch.sigmoid(g.shape)), "stopped at line"),
        (_gated_in_place, "changes its input: “gate”"),
        (_maps_in_place, "changes its input: “spatial”"),
    ],
    "fusion.bilinear": [
        (lambda s, t: _all_products(s, t).mean((3, 4)).flatten(1), "places are averaged: their"),
        (lambda s, t: _outer(s, t) / t.size(2), "number of rows"),
        (lambda s, t: _all_products(s, t).mean(4).sum(3).flatten(1), "number of columns"),
        (lambda s, t: _outer(s, t) / math.sqrt(s[0, 0].numel()), "root of the number of places"),
        (lambda s, t: torch.einsum("bdn,ben->bed", *_rows(s, t)).flatten(1), "places in the pairs"),
        (lambda s, t: _of_vectors(s.sum((2, 3)), t.sum((2, 3))), "summed over the places before"),
        (lambda s, t: _of_vectors(s.mean((2, 3)), t.mean((2, 3))), "averaged over the places before"),
        (lambda s, t: _of_vectors(s.amax((2, 3)), t.amax((2, 3))), "largest number is taken before"),
        (lambda s, t: torch.einsum("bdh,beh->bde", s.sum(3), t.sum(3)).flatten(1), "each row is summed"),
        (lambda s, t: torch.einsum("bdw,bew->bde", s.sum(2), t.sum(2)).flatten(1), "each column is summed"),
        (lambda s, t: torch.einsum("bdhx,behy->bde", s, t).flatten(1), "each row is summed"),
        (lambda s, t: torch.einsum("bdhw,bexy->bde", s, t).flatten(1), "summed over the places before"),
        (lambda s, t: _all_products(s, t).flatten(3).max(3).values.flatten(1), "largest product"),
        (
            lambda s, t: (s.reshape(len(s), -1, s.size(1)).transpose(1, 2) @ t.reshape(len(t), -1, t.size(1))).flatten(
                1
            ),
            "both maps are reshaped",
        ),
        (lambda s, t: (s.view(len(s), -1, s.size(1)).mT @ t.flatten(2).mT).flatten(1), "^the spatial map is reshaped"),
        (lambda s, t: (s.flatten(2) @ t.view(len(t), -1, t.size(1))).flatten(1), "^the temporal map is reshaped"),
        (lambda s, t: _outer(s, t.transpose(2, 3).contiguous()), "rows of one"),
        (lambda s, t: _outer(s.flip((2, 3)), t), "read from its end"),
        (lambda s, t: s.flatten(2) @ t.flatten(2).mT, "not flattened"),
        (lambda s, t: (s.flatten(2) @ t.flatten(2).mT).flatten(), "batch is flattened"),
        (lambda s, t: torch.einsum("bdhw,behw->de", s, t).reshape(1, -1), "clips are added up as well: each"),
        (lambda s, t: torch.einsum("bdhw,behw->de", s, t).flatten(), "clips are added up as well as places"),
        (lambda s, t: _outer(s, t).mean(0), "clips are averaged"),
        (lambda s, t: _all_products(s, t).reshape(len(s), -1, *s.shape[2:]), "places are still there: the"),
        (lambda s, t: _all_products(*_rows(s, t)).reshape(len(s), -1, s[0, 0].numel()), "in one axis"),
        (lambda s, t: _all_products(s, t).reshape(len(s), -1), "nothing is summed"),
        (lambda s, t: torch.einsum("bdhw,behw->bdew", s, t).flatten(1, 2), "columns are still there"),
        (lambda s, t: torch.einsum("bdhw,behw->bdeh", s, t).flatten(1, 2), "rows are still there"),
        (lambda s, t: _outer(s, t)[:, :, None, None], "summed axes are still there"),
        (lambda s, t: torch.einsum("bdn,ben->bde", s.flatten(2), s.flatten(2)).flatten(1), "spatial map is multiplied"),
        (lambda s, t: (t.flatten(2) @ t.flatten(2).mT).flatten(1), "temporal map is multiplied"),
        (lambda s, t: (lambda x: (x @ x.mT).flatten(1))(torch.cat(_rows(s, t), 1)), "only pairs across"),
        (lambda s, t: (s.unsqueeze(2) + t.unsqueeze(1)).flatten(3).sum(3).flatten(1), "two are added"),
        (lambda s, t: s.unsqueeze(2).maximum(t.unsqueeze(1)).flatten(3).sum(3).flatten(1), "larger is taken"),
        (lambda s, t: torch.cat([s.sum((2, 3)), t.sum((2, 3))], 1), "two sums stand"),
        (lambda s, t: torch.cat([s.mean((2, 3)), t.mean((2, 3))], 1), "two means stand"),
        (lambda s, t: _outer(s - s.mean((2, 3), keepdim=True), t), "covariance times"),
        (lambda s, t: _outer(s, t - t.mean((2, 3), keepdim=True)) / s[0, 0].numel(), "that is covariance$"),
        (lambda s, t: _outer(_normalised(s), _normalised(t)), "vectors of each place"),
        (lambda s, t: _outer(*(_normalised(x, 2) for x in _rows(s, t))), "each map is brought"),
        (lambda s, t: _signed_root(_outer(s, t)), "^signed roots are drawn, as"),
        (lambda s, t: _normalised(_outer(s, t)), "each clip's row is brought"),
        (lambda s, t: _normalised(_signed_root(_outer(s, t))), "^signed roots are drawn, and"),
        (lambda s, t: _outer(s.clamp(min=0), t.clamp(min=0)), "both maps are rectified"),
        (lambda s, t: _outer(s, t).clamp(min=0), "sums are rectified"),
        (lambda s, t: _outer(s, t).square().sqrt(), "lost their signs"),
        (lambda s, t: _outer(s, t).softmax(1), "softmax"),
        (lambda s, t: _of_vectors(s[:, :, 0, 0], t[:, :, 0, 0]), "first place"),
        (lambda s, t: _of_vectors(s[:, :, -1, -1], t[:, :, -1, -1]), "last place"),
        (lambda s, t: _of_vectors(*(x[:, :, x.size(2) // 2, x.size(3) // 2] for x in (s, t))), "in the middle"),
        (lambda s, t: _outer(s, t)[:1], "only the first clip"),
        (lambda s, t: torch.einsum("bdhw,ehw->bde", s, t[0]).flatten(1), "of the first one"),
        # and others that are not known
        (lambda s, t: -_outer(s, t), "opposite sign"),
        (lambda s, t: _outer(s, t) / 10, "same factor"),
        (lambda s, t: _outer(s, t).T, "order (d·e) b"),
        (lambda s, t: _outer(s, t)[:, 1:], "along (d·e) there is one entry too few"),
        (lambda s, t: functional.pad(_outer(s, t), (0, 1)), "one entry too many"),
        (lambda s, t: s.sum((1, 2, 3)), "it has 1 axes"),
        (lambda s, t: _outer(s, t).float(), "torch.float32"),
        (lambda s, t: _outer(s, t).numpy(), "NumPy"),
        (lambda s, t: _outer(s, t).tolist(), "list of"),
        (lambda s, t: _outer(s.transpose(2, 3).contiguous(), t), "% of the values"),
        (lambda s, t: _outer(s, t.roll(1, -1)), "% of the values"),
        (lambda s, t: _outer(s, t.roll(1, 0)), "% of the values"),
        (lambda s, t: _outer(s, t) ** 2, "% of the values"),
        (lambda s, t: _outer(s[..., 1:], t[..., 1:]), "% of the values"),
        (lambda s, t: (s * t).sum((2, 3)), "stopped at line"),
        (lambda s, t: s @ t.mT, "stopped at line"),
        (_bilinear_in_place, "changes its input: “spatial”"),
    ],
    "fusion.as_sum": [
        (lambda d: _matrix(d, lambda o, i: 0.5 * (i % d == o)), "half their sum"),
        (lambda d: _i_i(d) / math.sqrt(2), "divided by √2"),
        (lambda d: functional.normalize(_i_i(d), dim=1), "divided by √2"),
        (lambda d: _i_i(d) + _i_i(d), "twice the sum"),
        (lambda d: _i_i(d) / d, "divided by the number of maps"),
        (lambda d: nn.init.dirac_(torch.empty(d, 2 * d, 1, 1)), "temporal stream has no part"),
        (lambda d: _matrix(d, lambda o, i: i == o + d), "spatial stream has no part"),
        (lambda d: _matrix(d, lambda o, i: (i == o) - (i == o + d)), "temporal maps are taken away"),
        (lambda d: _matrix(d, lambda o, i: (i == o + d) - (i == o)), "spatial maps are taken away"),
        (lambda d: nn.init.ones_(nn.Conv2d(2 * d, d, 1).weight), "is the sum of all"),
        (lambda d: torch.full((d, 2 * d, 1, 1), 1 / (2 * d)), "is the mean of all"),
        (lambda d: torch.full((d, 2 * d, 1, 1), 0.5).softmax(1), "is the mean of all"),
        (lambda d: torch.full((d, 2 * d, 1, 1), 1 / d), "mean of each stream's maps"),
        (lambda d: nn.init.zeros_(nn.Conv2d(2 * d, d, 1).weight), "all is zero"),
        (lambda d: _matrix(d, lambda o, i: i // 2 == o), "alternate, map by map"),
        (lambda d: torch.stack([torch.eye(d)] * 2, 2).reshape(d, 2 * d, 1, 1), "alternate, map by map"),
        (lambda d: torch.stack([torch.eye(d)] * 2).view(d, 2 * d, 1, 1), "one above the other"),
        (lambda d: torch.eye(d).repeat(2, 1)[:, :, None, None], "in and out have changed"),
        (lambda d: torch.eye(d).repeat(1, 2), "no rows and columns"),
        (lambda d: torch.eye(d).repeat(1, 2)[None, None], "kernel come first"),
        (lambda d: torch.eye(d).repeat(2, 1)[None, None], "another library's"),
        (lambda d: torch.eye(d).repeat(1, 2)[:, None, None], "between out and in"),
        (lambda d: torch.eye(d).repeat(1, 2)[:, :, None], "for sequences"),
        (lambda d: torch.eye(d).repeat(1, 2)[:, :, None, None, None], "for clips"),
        (lambda d: nn.init.dirac_(torch.empty(2 * d, 2 * d, 1, 1)), "nothing is added"),
        (lambda d: torch.eye(d).repeat(2, 2)[:, :, None, None], "comes out twice"),
        (lambda d: nn.init.dirac_(torch.empty(d, d, 1, 1)), "only d maps come in"),
        (lambda d: nn.init.ones_(nn.Conv2d(2 * d, d, 1, groups=d).weight), "need groups"),
        (lambda d: nn.init.ones_(nn.Conv2d(2 * d, 1, 1).weight), "a single map"),
        (lambda d: nn.init.ones_(nn.Conv2d(2, 1, 1).weight), "one map in each stream"),
        (lambda d: functional.pad(_i_i(d), (1, 1, 1, 1)), "nine times"),
        (lambda d: functional.pad(_i_i(d), (0, 2, 0, 2)), "in a corner"),
        (lambda d: _i_i(d).expand(-1, -1, 3, 3), "adds up all neighbours"),
        (lambda d: _i_i(d).expand(-1, -1, 3, 3) / 9, "averages all neighbours"),
        (lambda d: _matrix(d, lambda o, i: i == o or i == 2 * d - 1 - o), "temporal maps come in last"),
        (lambda d: _matrix(d, lambda o, i: i == d - 1 - o or i == d + o), "spatial maps come in last"),
        (lambda d: _matrix(d, lambda o, i: i % d == d - 1 - o), "comes out last map first"),
        (lambda d: _matrix(d, lambda o, i: i == o or i == d + (o + 1) % d), "temporal map after it"),
        (lambda d: _matrix(d, lambda o, i: i == o or i == d + (o - 1) % d), "temporal map before it"),
        (lambda d: _matrix(d, lambda o, i: i in (o, o + 1)), "next to it"),
        (lambda d: _matrix(d, lambda o, i: i % d == (o - 1) % d), "too late"),
        (lambda d: _matrix(d, lambda o, i: i % d == (o + 1) % d), "too early"),
        (lambda d: _matrix(d, lambda o, i: i in (o, d)), "first temporal map is added"),
        (lambda d: _matrix(d, lambda o, i: i in (0, d)), "two first ones"),
        (lambda d: _matrix(d, lambda o, i: o == 0 and i in (0, d)), "only the first map goes"),
        (lambda d: _matrix(d, lambda o, i: o == 0), "into the first map"),
        (lambda d: _matrix(d, lambda o, i: o < d - 1 and i % d == o), "last map is left out"),
        (lambda d: _matrix(d, lambda o, i: o and i % d == o), "first map is left out"),
        (lambda d: torch.softmax(torch.eye(d).repeat(1, 2), 1)[..., None, None], "softmax"),
        # and others that are not known
        (lambda d: -_i_i(d), "opposite sign"),
        (lambda d: 5 * _i_i(d), "same factor"),
        (lambda d: _i_i(d)[1:], "along out there is one entry too few"),
        (lambda d: _i_i(d)[:, 1:], "along in there is one entry too few"),
        (lambda d: torch.eye(d, 3 * d)[:, :, None, None], "wrong length along in"),
        (lambda d: _i_i(d).long(), "torch.int64"),
        (lambda d: _i_i(d) > 0, "torch.bool"),
        (lambda d: _i_i(d).numpy(), "NumPy"),
        (lambda d: (_i_i(d), torch.zeros(d)), "tuple of 2"),
        (lambda d: nn.Conv2d(2 * d, d, 1), "returns a Conv2d"),
        (lambda d: torch.tril(torch.ones(d, 2 * d))[:, :, None, None], "% of the values"),
        (lambda d: _i_i(d).index_fill(1, torch.tensor([0]), 2.0), "% of the values"),
        (lambda d: _i_i(d) + 1e-3, "% of the values"),
        (lambda d: torch.eye(d) + torch.eye(d, 2 * d), "stopped at line"),
    ],
    "fusion.ceiling": [
        (lambda m: _per_clip(m, lambda c: c[0] == _first_of_the_commonest(c)), "luck"),
        (lambda m: _per_clip(m, lambda c: sum(n * n for n in Counter(c).values()) / len(c) ** 2), "chance that it has"),
        (lambda m: _per_clip(m, lambda c: 1 / len(set(c))), "equally likely"),
        (lambda m: _per_clip(m, lambda c: np.mean(list(Counter(c).values())) / len(c)), "equally likely"),
        (lambda m: 1 / len(m.unique()), "among all directions"),
        (lambda m: torch.tensor(1.0) / m.size(1), "chance among the objects"),
        (lambda m: (m == m.flatten().mode().values).float().mean(), "said for all clips"),
        (lambda m: (m == m[:, :1]).all(1).double().mean(), "all go the same way count: is"),
        (lambda m: _per_clip(m, lambda c: _highest(c) // len(c)), "all go the same way count: is"),
        (lambda m: _per_clip(m, lambda c: len(set(c)) < len(c)), "at least two"),
        (lambda m: _per_clip(m, lambda c: 2 * _highest(c) > len(c)), "more than half"),
        (lambda m: _per_clip(m, lambda c: 2 * _highest(c) >= len(c)), "at least half"),
        (lambda m: _per_clip(m, _highest), "number of objects: which"),
        (
            lambda m: functional.one_hot(m).sum(1).double().amax(1).mean() / len(m.unique()),
            "number of directions: which",
        ),
        (lambda m: _per_clip(m, lambda c: _highest(c) / len(set(c))), "directions in the clip: which"),
        (lambda m: _per_clip(m, lambda c: (_highest(c) - 1) / (len(c) - 1)), "one object is left out everywhere"),
        (lambda m: _per_clip(m, lambda c: (_highest(c) - 1) / len(c)), "one object too few"),
        (lambda m: _per_clip(m, lambda c: _highest(c) / (len(c) - 1)), "number of the others"),
        (lambda m: _per_clip(m, lambda c: min(Counter(c).values()) / len(c)), "rarest"),
        (lambda m: _per_clip(m, lambda c: _second(c) / len(c)), "second commonest"),
        (lambda m: sorted(_highest(c) / len(c) for c in m.tolist())[(len(m) - 1) // 2], "median over the clips"),
        (lambda m: max(_highest(c) / len(c) for c in m.tolist()), "easiest"),
        (lambda m: min(_highest(c) / len(c) for c in m.tolist()), "hardest"),
        (lambda m: _highest(m[0].tolist()) / m.size(1), "first clip only"),
        (lambda m: sum(_highest(c) / len(c) for c in m.tolist()), "added up"),
        (lambda m: 100 * _ceiling_by_counters(m), "percent"),
        (lambda m: 1 - _ceiling_by_counters(m), "how often it is wrong"),
        (lambda m: _ceiling_by_counters(m.T), "clips and objects"),
        (lambda m: (m == m.mode(0).values).double().mean(), "clips and objects"),
        (lambda m: m.mode(1).values.float().mean(), "directions, averaged"),
        (lambda m: _per_clip(m, lambda c: c.count(max(c)) / len(c)), "largest number"),
        (lambda m: _per_clip(m, lambda c: c.count(min(c)) / len(c)), "smallest number"),
        (lambda m: _per_clip(m, lambda c: c.count(_median_way(c)) / len(c)), "no order"),
        (lambda m: _per_clip(m, lambda c: c.count(c[0]) / len(c)), "how many go as the first"),
        (lambda m: _per_clip(m, lambda c: c[1:].count(c[0]) / (len(c) - 1)), "how many of the others"),
        (
            lambda m: _per_clip(
                m, lambda c: sum(c[i] == c[j] for i in range(len(c)) for j in range(i)) / math.comb(len(c), 2)
            ),
            "two objects of a clip",
        ),
        (lambda m: _per_clip(m, lambda c: (_highest(c) / len(c)) ** 2), "right once, not twice"),
        (lambda m: _per_clip(m, lambda c: _longest_run(c) / len(c)), "only neighbours"),
        (lambda m: _per_clip(m, lambda c: (len(c) - len(set(c)) + 1) / len(c)), "two by two"),
        (lambda m: _per_clip(m, lambda c: len(set(c)) / len(c)), "for each object"),
        (lambda m: _per_clip(m, lambda c: (len(_winners(c)) == 1) * _highest(c) / len(c)), "gives up"),
        (lambda m: _per_clip(m, lambda c: _highest(c) / len(c) / len(_winners(c))), "shared out"),
        (lambda m: _per_clip(m, lambda c: _highest(c) / len(c) * len(_winners(c))), "all of them are said"),
        (lambda m: _per_clip(m, lambda c: max(map(c.count, range(4))) / len(c)), "0 to 3"),
        (lambda m: _per_clip(m, lambda c: max(map(c.count, range(1, 9))) / len(c)), "direction 0"),
        (lambda m: _per_clip(m, _bits), "entropy"),
        # and others that are not known
        (lambda m: _ceiling_by_counters(m) / 2, "too small"),
        (lambda m: _ceiling_by_counters(m) + 1e-3, "too large"),
        (lambda m: 1, "too large"),
        (lambda m: 0.25, "too small"),
        (lambda m: _ceiling_by_counters(m[1:]), "the number is too"),
        (lambda m: _ceiling_by_counters(m[:, 1:]), "too large"),
        (lambda m: round(_ceiling_by_counters(m), 1), "the number is too"),
        (lambda m: torch.tensor([_highest(c) / len(c) for c in m.tolist()]), "returns a tensor of shape"),
        (lambda m: [_highest(c) / len(c) for c in m.tolist()], "list of"),
        (lambda m: m.mode(1), "mode of 2"),
        (lambda m: m.mean(), "stopped at line"),
        (lambda m: m.bincount().max() / m.numel(), "stopped at line"),
        (_ceiling_in_place, "changes its input: “motions”"),
    ],
    "fusion.parameters": [
        (lambda s, t, n: sum(s + t), "to their end"),
        (lambda s, t, n: sum(s), "spatial tower only"),
        (lambda s, t, n: sum(t), "temporal tower only"),
        (lambda s, t, n: _walk(s, t, n, lambda a, b: a + b, lambda a, b: b), "temporal tower goes on: it"),
        (lambda s, t, n: _walk(s, t, n - 1, lambda a, b: a + b, lambda a, b: a), "one layer too early"),
        (lambda s, t, n: _walk(s, t, n + 1, lambda a, b: a + b, lambda a, b: a), "one layer too far"),
        (lambda s, t, n: _walk(s, t, n, lambda a, b: a + b, lambda a, b: 0), "nothing is counted after"),
        (lambda s, t, n: _walk(s, t, n, lambda a, b: a, lambda a, b: a + b), "where it has ended"),
        (lambda s, t, n: sum(s[:n] + t[n:]), "first the spatial"),
        (lambda s, t, n: sum(t[:n] + s[n:]), "the temporal tower, then"),
        (lambda s, t, n: sum(s[n:] + t[n:]), "none before it"),
        (lambda s, t, n: sum(s[:n]), "spatial tower before the sum$"),
        (lambda s, t, n: sum(s[n:]), "spatial tower after the sum$"),
        (lambda s, t, n: sum(t[:n]), "what it adds"),
        (lambda s, t, n: sum(t[n:]), "saves"),
        (lambda s, t, n: sum(s[n:] + t), "before the sum is left out$"),
        (lambda s, t, n: _walk(s, t, n, lambda a, b: 2 * a, lambda a, b: a), "the spatial tower's numbers"),
        (
            lambda s, t, n: _walk(s, t, n, lambda a, b: 2 * b, lambda a, b: b),
            "temporal tower's numbers are taken every",
        ),
        (lambda s, t, n: _walk(s, t, n, lambda a, b: 2 * b, lambda a, b: a), "^up to the sum the temporal"),
        (lambda s, t, n: 2 * sum(s), "spatial tower twice"),
        (lambda s, t, n: _walk(s, t, n, lambda a, b: a + b, lambda a, b: 2 * a), "layers after the sum count twice"),
        (lambda s, t, n: sum(s + t[:n] + s[n:][:1]), "first layer after the sum counts twice"),
        (lambda s, t, n: sum(s[:n]) + sum(t[:n]) + sum(s), "part of the whole"),
        (lambda s, t, n: sum(s + t[:n] + t[:n]), "temporal tower up to the sum is counted twice"),
        (lambda s, t, n: sum(s[:n] + t[:n]) // 2 + sum(s[n:]), "half of each"),
        (lambda s, t, n: _walk(s, t, n, max, lambda a, b: a), "larger of each two"),
        (lambda s, t, n: _walk(s, t, n, lambda a, b: a * b, lambda a, b: a), "multiplied"),
        (lambda s, t, n: int(sum(s + t) / 2), "half of both"),
        (lambda s, t, n: sum(s[: n - 1] + t[: n - 1] + s[n:]), "left out of both"),
        (lambda s, t, n: sum(s[: n - 1] + t[:n] + s[n:]), "left out of the spatial"),
        (lambda s, t, n: sum(s[:n] + t[:n] + s[n - 1 :]), "counted twice in the spatial"),
        (lambda s, t, n: sum(s[:n] + t[:n] + s[n + 1 :]), "first layer after the sum is left"),
        (lambda s, t, n: sum([*s, t[n - 1]]), "only the layer before"),
        (lambda s, t, n: s[n - 1] + t[n - 1], "only the layers right"),
        (lambda s, t, n: sum(s + t[n - 1 :]), "begins where"),
        (lambda s, t, n: sum(s + t[len(t) - n :]), "from its end"),
        (lambda s, t, n: sum(s + t[1:n]), "temporal tower's first"),
        (lambda s, t, n: sum(s[1:] + t[:n]), "spatial tower's first"),
        (lambda s, t, n: sum(s[:-1] + t[:n]), "spatial tower's last"),
        (lambda s, t, n: sum(s[1:] + t[1:n]), "first layers of both"),
        (lambda s, t, n: sum(s + t[:n]) + 1, "1 is added"),
        (lambda s, t, n: sum(s + t[:n]) + 2, "2 are added"),
        (lambda s, t, n: sum(s + t[:n]) + n, "number of the layer"),
        (lambda s, t, n: len(s + t[:n]), "layers are counted, not"),
        (lambda s, t, n: sum(s) - sum(t[:n]), "taken away"),
        # and others that are not known
        (lambda s, t, n: 3 * sum(s + t[:n]), "too large"),
        (lambda s, t, n: sum(s + t[:n]) - 1, "too small"),
        (lambda s, t, n: sum(s + t[: n + 2]), "it is right for some inputs"),
        (lambda s, t, n: sum(s + t[:2]), "it is right for some inputs"),
        (lambda s, t, n: sum(s + t[:-1]), "the number is too"),
        (lambda s, t, n: float(sum(s + t[:n])), "a whole number (int) is wanted"),
        (lambda s, t, n: sum(s + t[:n]) / 1e6, "the number is too small|whole number"),
        (lambda s, t, n: s + t[:n], "list of"),
        (lambda s, t, n: (sum(s), sum(t[:n])), "tuple of 2"),
        (lambda s, t, n: torch.tensor([sum(s), sum(t[:n])]), "tensor of shape"),
        (lambda s, t, n: sum(s) + sum(t[:n]) + s[n], "stopped at line"),
        (lambda s, t, n: sum(s) + t[:n], "stopped at line"),
        (lambda s, t, n: s.sum() + t[:n].sum(), "stopped at line"),
        (_parameters_in_place, "changes its input: “spatial”"),
    ],
}


# How the answers behave


@pytest.fixture(params=range(3))
def seed(request):
    return request.param


def _cases(name, seed):
    exercise = ALL[f"fusion.{name}"]
    return [(case, exercise.reference(*case)) for case in exercise.draw(_generator(seed))]


def test_an_open_gate_shows_the_picture_a_shut_one_the_motion_and_half_of_each_is_the_mean(seed):
    gated = ALL["fusion.gated"].reference
    for (s, t, g), mixed in _cases("gated", seed):
        wide = torch.full_like(g, 800.0)
        assert torch.equal(gated(s, t, wide), s)
        assert torch.equal(gated(s, t, -wide), t)
        assert torch.allclose(gated(s, t, 0 * g), (s + t) / 2)
        assert (mixed <= torch.maximum(s, t) + 1e-12).all()
        assert (mixed >= torch.minimum(s, t) - 1e-12).all()


def test_gates_are_drawn_that_stand_between_and_such_as_no_exponential_can_hold():
    for number in range(20):
        soft, hard = (gate for (_, _, gate), _ in _cases("gated", number))
        assert 0.2 < soft.sigmoid().sub(0.5).abs().mean() < 0.35
        assert soft.abs().max() < 10
        assert hard.exp().isinf().any()


def test_a_learner_whose_sigmoid_overflows_is_told_of_infinity_not_of_a_wrong_formula():
    message = check("fusion.gated", lambda s, t, g: t + (s - t) * g.exp() / (1 + g.exp()), seed=0).message
    assert "right for some inputs but not for others" in message
    assert "NaN" in message


def test_streams_with_more_and_with_fewer_maps_than_the_other(seed):
    (first, _), (second, _) = _cases("bilinear", seed)
    assert first[0].shape[1] > first[1].shape[1]
    assert second[0].shape[1] < second[1].shape[1]
    for (s, t), pairs in _cases("bilinear", seed):
        assert len({*s.shape, t.shape[1]}) == 5
        assert pairs.shape == (len(s), s.shape[1] * t.shape[1])


def test_bilinear_pooling_sees_who_meets_whom_and_not_where(seed):
    bilinear = ALL["fusion.bilinear"].reference
    for (s, t), pairs in _cases("bilinear", seed):
        order = torch.randperm(s.shape[2] * s.shape[3], generator=_generator(seed))
        moved = [x.flatten(2)[..., order].view_as(x) for x in (s, t)]
        assert torch.allclose(bilinear(*moved), pairs)
        assert not torch.allclose(bilinear(moved[0], t), pairs)


def test_the_kernel_gives_the_sum_and_nothing_else(seed):
    for (d,), kernel in _cases("as_sum", seed):
        s, t = torch.randn(2, 2, d, 5, 7, generator=_generator(seed))
        assert torch.equal(functional.conv2d(torch.cat([s, t], 1), kernel), s + t)
        assert kernel.sum() == kernel.count_nonzero() == 2 * d


def test_an_even_number_of_maps_is_drawn_and_an_odd_one():
    drawn = [[case[0] for case, _ in _cases("as_sum", number)] for number in range(20)]
    assert all(even % 2 == 0 and odd % 2 == 1 and min(even, odd) > 4 for even, odd in drawn)


def test_the_ceiling_of_two_objects_that_never_go_the_same_way_is_a_half_and_of_a_crowd_is_one():
    ceiling = ALL["fusion.ceiling"].reference
    assert ceiling(torch.tensor([[0, 1], [2, 3], [3, 0]])) == 0.5
    assert ceiling(torch.tensor([[2, 2, 2], [0, 0, 0]])) == 1
    assert ceiling(torch.tensor([[2, 2, 1], [0, 0, 0]])) == pytest.approx(5 / 6)
    assert ceiling(torch.tensor([[1, 1, 0, 0], [3, 2, 1, 0]])) == pytest.approx(3 / 8)


def test_the_ceiling_is_what_the_best_guess_reaches_when_any_object_may_be_the_first(seed):
    """A guess that knows the counts is played against objects in every order that matters: each is first in turn."""
    for (motions,), best in _cases("ceiling", seed):
        guess = motions.mode(1).values
        played = [(motions[:, first] == guess).double().mean() for first in range(motions.shape[1])]
        assert sum(played) / len(played) == pytest.approx(best)
        for other in (motions[:, 0], motions.amax(1), motions.median(1).values):
            assert (motions == other[:, None]).double().mean() < best


def test_clips_are_drawn_with_two_objects_with_ties_and_with_directions_beyond_3():
    for number in range(20):
        two, few, many = (case[0] for case, _ in _cases("ceiling", number))
        assert two.shape[1] == 2
        assert few.shape[1] > 2
        assert many.max() == 6
        for motions in (two, few, many):
            assert motions.dtype == torch.int64
            assert motions.min() == 0
            assert 1 / motions.shape[1] < _ceiling_by_counters(motions) < 1
            assert any(len(_winners(clip)) > 1 for clip in motions.tolist())


def test_directions_may_be_called_by_any_other_numbers(seed):
    for (motions,), best in _cases("ceiling", seed):
        names = torch.randperm(50, generator=_generator(seed))
        assert ALL["fusion.ceiling"].reference(names[motions] - 20) == pytest.approx(best)


def test_fused_behind_the_last_layer_both_towers_are_whole_and_each_layer_earlier_is_cheaper(seed):
    parameters = ALL["fusion.parameters"].reference
    for (s, t, n), _ in _cases("parameters", seed):
        assert parameters(s, t, len(s)) == sum(s) + sum(t)
        assert parameters(s, t, n) - parameters(s, t, n - 1) == t[n - 1]


def test_towers_are_fused_behind_the_first_layer_the_last_and_between():
    for number in range(20):
        cases = [case for case, _ in _cases("parameters", number)]
        assert all(len(s) == len(t) and len({*s, *t}) == 2 * len(s) for s, t, _ in cases)
        assert [n for _, _, n in cases][1:3] == [2, 1]
        assert 2 < cases[0][2] < len(cases[0][0])
        assert cases[3][2] == len(cases[3][0])


# What the course uses gives the same answers


def test_the_gates_of_the_course_are_those_of_the_exercise(seed):
    for (s, t, _), _ in _cases("gated", seed):
        torch.manual_seed(seed)
        layer = fusion("gated", s.shape[1]).double()
        with torch.no_grad():
            gate = functional.conv2d(torch.cat([s, t], 1), layer.weigh.weight, layer.weigh.bias)
            assert torch.allclose(layer(s, t), ALL["fusion.gated"].reference(s, t, gate))


def test_bilinear_fusion_of_the_course_is_that_of_the_exercise(seed):
    for (s, t), _ in _cases("bilinear", seed):
        d = min(s.shape[1], t.shape[1])
        theirs = fusion("bilinear", d)(s[:, :d], t[:, :d])
        assert torch.allclose(theirs.flatten(1), ALL["fusion.bilinear"].reference(s[:, :d], t[:, :d]))


def test_the_convolution_of_the_course_begins_with_the_kernel_of_the_exercise(seed):
    for (d,), kernel in _cases("as_sum", seed):
        layer = fusion("conv", d)
        assert torch.equal(layer.weigh.weight, kernel)
        assert not layer.weigh.bias.any()
        assert torch.equal(fusion("conv3", d).weigh.weight[:, :, 1:2, 1:2], kernel)
