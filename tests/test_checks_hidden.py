"""Lesson 13's exercises: right answers written differently, wrong ones, behaviour, and what the course uses.

`test_checks.py` judges RIGHT and WRONG together with those of the other lessons.
"""

import numpy as np
import pytest
import torch
from einops import rearrange
from torch.nn import functional

from vidlab.checks import check, exercises
from vidlab.models import motion_net
from vidlab.models.hidden import DifferenceStream

ALL = exercises("hidden")


def _generator(seed):
    return torch.Generator().manual_seed(seed)


# Right answers, each written differently from the reference


def _difference_loop(features):
    film = features.unbind(1)
    return torch.cat([after - before for before, after in zip(film[:-1], film[1:], strict=True)], dim=1)


def _difference_of_channels(features):
    """Stacked first: the same feature stands d channels further on one moment later."""
    d = features.shape[2]
    channels = features.flatten(1, 2)
    return channels[:, d:] - channels[:, :-d]


def _difference_by_convolution(features):
    b, t, d, h, w = features.shape
    time_last = rearrange(features, "b t d h w -> (b d h w) 1 t")
    kernel = features.new_tensor([[[-1.0, 1.0]]])
    return rearrange(functional.conv1d(time_last, kernel), "(b d h w) 1 t -> b (t d) h w", b=b, d=d, h=h, w=w)


def _charbonnier_numpy(x, alpha, epsilon):
    return torch.from_numpy(np.exp(2 * alpha * np.log(np.hypot(x.numpy(), epsilon))))


def _charbonnier_loop(x, alpha, epsilon):
    answer = torch.empty_like(x)
    for index in np.ndindex(*x.shape):
        answer[index] = (x[index].item() ** 2 + epsilon**2) ** alpha
    return answer


def _smoothness_loop(flow):
    h, w = flow.shape[2:]
    across = [(flow[:, :, :, i + 1] - flow[:, :, :, i]).abs() for i in range(w - 1)]
    down = [(flow[:, :, i + 1] - flow[:, :, i]).abs() for i in range(h - 1)]
    return sum(across).mean() / (w - 1) + sum(down).mean() / (h - 1)


def _smoothness_by_convolution(flow):
    fields = flow.flatten(0, 1)[:, None]
    kernel = flow.new_tensor([-1.0, 1.0])
    across = functional.conv2d(fields, kernel.reshape(1, 1, 1, 2))
    down = functional.conv2d(fields, kernel.reshape(1, 1, 2, 1))
    return functional.l1_loss(across, 0 * across) + functional.l1_loss(down, 0 * down)


def _ssim_by_numpy(first, second, c1, c2):
    rows = []
    for x, y in zip(first.numpy(), second.numpy(), strict=True):
        (v1, covariance), (_, v2) = np.cov(x, y, bias=True)
        m1, m2 = np.mean(x), np.mean(y)
        rows.append((2 * m1 * m2 + c1) * (2 * covariance + c2) / ((m1 * m1 + m2 * m2 + c1) * (v1 + v2 + c2)))
    return torch.tensor(np.array(rows))


def _ssim_of_three(first, second, c1, c2):
    """Brightness, contrast and structure, as in the paper, with half of c2 for the third."""
    m1, m2 = first.mean(1), second.mean(1)
    s1, s2 = first.std(1, unbiased=False), second.std(1, unbiased=False)
    brightness = (2 * m1 * m2 + c1) / (m1**2 + m2**2 + c1)
    contrast = (2 * s1 * s2 + c2) / (s1**2 + s2**2 + c2)
    structure = (torch.einsum("bp,bp->b", first, second) / first.shape[1] - m1 * m2 + c2 / 2) / (s1 * s2 + c2 / 2)
    return brightness * contrast * structure


def _ssim_of_differences(first, second, c1, c2):
    """1 − (m1 − m2)² / … of the means, and 1 − var(x − y) / … of the patterns."""
    m1, m2 = first.mean(1), second.mean(1)
    v1, v2, apart = (x.var(1, correction=0) for x in (first, second, first - second))
    return (1 - (m1 - m2) ** 2 / (m1**2 + m2**2 + c1)) * (1 - apart / (v1 + v2 + c2))


RIGHT = {
    "hidden.difference": [
        _difference_loop,
        _difference_of_channels,
        _difference_by_convolution,
        lambda x: torch.diff(x, dim=1).flatten(1, 2),
    ],
    "hidden.charbonnier": [
        _charbonnier_numpy,
        _charbonnier_loop,
        lambda x, alpha, epsilon: torch.pow(torch.addcmul(torch.full_like(x, epsilon**2), x, x), alpha),
    ],
    "hidden.smoothness": [
        _smoothness_loop,
        _smoothness_by_convolution,
        lambda f: functional.l1_loss(f[..., 1:], f[..., :-1]) + functional.l1_loss(f[:, :, 1:], f[:, :, :-1]),
        lambda f: torch.diff(f).abs().mean((1, 2, 3)).mean() + f.mT.diff().abs().mean((0, 3)).mean(),
    ],
    "hidden.ssim": [_ssim_by_numpy, _ssim_of_three, _ssim_of_differences],
}


# Wrong answers, written independently of the recognisers' own functions, with words that must be in the message


def _moments(x, to="b (t d) h w"):
    """The changes as a list of moments, put together."""
    return rearrange([x[:, i + 1] - x[:, i] for i in range(x.shape[1] - 1)], f"t b d h w -> {to}")


def _compared(x, with_frame):
    """All frames but this one, minus this one."""
    others = [i for i in range(x.shape[1]) if i != with_frame % x.shape[1]]
    return torch.cat([x[:, i] - x[:, with_frame] for i in others], 1)


def _difference_in_place(features):
    features[:, 1:] -= features[:, :-1].clone()
    return features[:, 1:].flatten(1, 2)


def _charbonnier_in_place(x, alpha, epsilon):
    return x.square_().add(epsilon**2).pow(alpha)


def _huber(x, epsilon):
    size = abs(x)
    return torch.where(size <= epsilon, x * x / 2, epsilon * (size - epsilon / 2))


def _rough(flow, of=torch.abs, mean=torch.mean):
    """As a learner would write it, with one thing wrong."""
    across = flow[:, :, :, 1:] - flow[:, :, :, :-1]
    down = flow[:, :, 1:, :] - flow[:, :, :-1, :]
    return mean(of(across)) + mean(of(down))


def _one(flow, axis):
    return abs(torch.diff(flow, dim=axis)).mean()


def _joined(flow):
    return torch.cat([(flow[..., 1:] - flow[..., :-1]).reshape(-1), (flow[:, :, 1:] - flow[:, :, :-1]).reshape(-1)])


def _cropped(flow):
    """Both differences where both are known."""
    here = flow[:, :, :-1, :-1]
    return flow[:, :, :-1, 1:] - here, flow[:, :, 1:, :-1] - here


def _smoothness_in_place(flow):
    down = abs(flow[:, :, 1:] - flow[:, :, :-1]).mean()
    flow[..., 1:] -= flow[..., :-1].clone()
    return abs(flow[..., 1:]).mean() + down


def _covariance(x, y):
    return torch.stack([torch.cov(torch.stack(pair), correction=0)[0, 1] for pair in zip(x, y, strict=True)])


def _ssim(x, y, c, d, mean=torch.mean, v=None, cov=_covariance, **other):
    """As a learner would write it, with one thing wrong: both brackets above, and both below, are functions, too."""
    m, n = mean(x, dim=1), mean(y, dim=1)
    v, w = (v or (lambda z: z.var(1, unbiased=False)))(x), (v or (lambda z: z.var(1, unbiased=False)))(y)
    above = other.get("means", lambda m, n: 2 * m * n + c)(m, n), other.get("cov2", lambda s, v, w: 2 * s + d)
    below = other.get("squares", lambda m, n: m * m + n * n + c)(m, n), other.get("vars", lambda v, w: v + w + d)
    brackets = above[0], above[1](cov(x, y), v, w), below[0], below[1](v, w)
    return other.get("join", lambda a, b, e, f: (a * b) / (e * f))(*brackets)


def _divided(correction):
    """A covariance, or of one window a variance, divided by p less this; for None it is a sum."""

    def moment(x, y=None):
        y = x if y is None else y
        by = 1 if correction is None else x.shape[1] - correction
        return ((x - x.mean(1, keepdim=True)) * (y - y.mean(1, keepdim=True))).sum(1) / by

    return moment


def _raw(x, y=None):
    return torch.linalg.vecdot(x, x if y is None else y) / x.shape[1]


def _twice(s, v, w):
    return 2 * s


def _ssim_in_place(first, second, c1, c2):
    m1, m2 = first.mean(1), second.mean(1)
    a, b = first.sub_(m1[:, None]), second.sub_(m2[:, None])
    v1, v2, cov = (a * a).mean(1), (b * b).mean(1), (a * b).mean(1)
    return (2 * m1 * m2 + c1) * (2 * cov + c2) / ((m1**2 + m2**2 + c1) * (v1 + v2 + c2))


WRONG = {
    "hidden.difference": [
        (lambda x: (x[:, :-1] - x[:, 1:]).flatten(1, 2), "sign is turned"),
        (lambda x: abs(_moments(x)), "signs are lost"),
        (lambda x: _moments(x) ** 2, "squared"),
        (lambda x: _moments(x).clamp(min=0), "only what grows"),
        (lambda x: 1.0 * (_moments(x) > 0) - 1.0 * (_moments(x) < 0).double(), "only the sign"),
        (lambda x: _moments(x, "b (d t) h w"), "feature stands in front"),
        (lambda x: x.transpose(1, 2).diff(dim=2).flatten(1, 2), "feature stands in front"),
        (lambda x: _moments(x, "b t d h w"), "two axes: a 2D"),
        (lambda x: _moments(x, "b d t h w"), "and have changed places"),
        (lambda x: _moments(x, "(b t) d h w"), "into the batch"),
        (lambda x: _moments(x, "b d (t h) w"), "one tall map"),
        (lambda x: _moments(x, "b d h (t w)"), "one wide map"),
        (lambda x: _moments(x).movedim(1, -1), "channels come last"),
        (lambda x: _moments(x).reshape(len(x), -1), "places are flattened"),
        (lambda x: _compared(x, 0), "compared with the first"),
        (lambda x: -_compared(x, -1), "compared with the last"),
        (lambda x: (x - x.sum(1, keepdim=True) / x.size(1)).flatten(1, 2), "mean of all"),
        (lambda x: x.diff(dim=1).sum(1), "last frame minus the first"),
        (lambda x: x[:, :2].diff(dim=1)[:, 0], "only the first change"),
        (lambda x: x[:, -2:].diff(dim=1).flatten(1, 2), "only the last change"),
        (lambda x: torch.cat([x[:, i + 2] - x[:, i] for i in range(x.size(1) - 2)], 1), "two apart"),
        (lambda x: torch.cat([x[:, i + 1] - x[:, i] for i in range(0, x.size(1) - 1, 2)], 1), "one change only"),
        (lambda x: torch.cat([_moments(x), x[:, 0] - x[:, -1]], 1), "after the last frame"),
        (lambda x: torch.cat([x[:, 0] - x[:, -1], _moments(x)], 1), "before the first frame"),
        (lambda x: torch.diff(x, dim=1, prepend=x[:, :1]).flatten(1, 2), "at the front"),
        (lambda x: torch.diff(x, dim=1, append=x[:, -1:]).flatten(1, 2), "at the end$"),
        (lambda x: torch.cat([x[:, 0], _moments(x)], 1), "first frame itself"),
        (lambda x: x.flatten(1, 2), "those are the features: nothing"),
        (lambda x: torch.cat(x.unbind(1)[1:], 1), "without the first"),
        (lambda x: torch.cat(x.unbind(1)[:-1], 1), "without the last"),
        (lambda x: torch.cat([*x.unbind(1), _moments(x)], 1), "there, too, in front"),
        (lambda x: torch.cat([_moments(x), *x.unbind(1)], 1), "there, too, at the end"),
        (lambda x: x.unfold(1, 2, 1).permute(0, 1, 5, 2, 3, 4).flatten(1, 3), "one after the other: subtract"),
        (lambda x: (x[:, :-1] + x[:, 1:]).flatten(1, 2), "neighbours are added"),
        (lambda x: torch.stack([x[:, :-1], x[:, 1:]]).mean(0).flatten(1, 2), "neighbours are averaged"),
        (lambda x: _moments(x) * 0.5, "halved"),
        (lambda x: _moments(x) / len(x[0, 1:]), "number of changes"),
        (lambda x: (x[:, 1:] / x[:, :-1] - 1).flatten(1, 2), "what was there before"),
        (lambda x: torch.stack(torch.gradient(x, dim=1))[0].flatten(1, 2), "torch.gradient"),
        (lambda x: (x[:, 2:] - 2 * x[:, 1:-1] + x[:, :-2]).flatten(1, 2), "change of the change"),
        (lambda x: (x[:, :, 1:] - x[:, :, :-1]).flatten(1, 2), "compares features"),
        (lambda x: (x[:, :, :, 1:] - x[:, :, :, :-1]).flatten(1, 2), "compares rows"),
        (lambda x: torch.diff(x).flatten(1, 2), "compares columns"),
        (lambda x: x.flatten(1, 2)[:, 1:] - x.flatten(1, 2)[:, :-1], "stacks first"),
        (lambda x: (x[:, -1] - x[:, 0]) / (x.shape[1] - 1), "averaged over time"),
        (lambda x: x.mean(2).diff(dim=1), "averaged over features"),
        (lambda x: functional.adaptive_avg_pool2d(_moments(x), 1).flatten(1), "averaged over places"),
        (lambda x: _moments(x.mean(0, keepdim=True))[0], "averaged over clips"),
        (lambda x: _moments(x, "t b d h w").max(0).values, "the largest is taken"),
        (lambda x: -_moments(x.flip(1)), "last change comes first"),
        (lambda x: _moments(x)[:1], "only the first clip"),
        # and others that are not known
        (lambda x: _moments(x)[:, :-1], "along .t−1.·d there is one entry too few"),
        (lambda x: _moments(x)[:, :, 1:-1, 1:-1], "wrong length along h, w"),
        (lambda x: _moments(x).mT, "order b .t−1.·d w h"),
        (lambda x: _moments(x)[None], "it has 5 axes"),
        (lambda x: 3 * _moments(x), "same factor"),
        (lambda x: _moments(x).float(), "torch.float32"),
        (lambda x: _moments(x).numpy(), "NumPy"),
        (lambda x: list(x.diff(dim=1).unbind(1)), "list of"),
        (lambda x: _moments(x.round()), "% of the values"),
        (lambda x: _moments(x).flip(1), "% of the values"),
        (lambda x: _moments(x).clamp(-1, 1), "% of the values"),
        (lambda x: _moments(x.reshape(x.shape[0], x.shape[2], x.shape[1], *x.shape[3:])), "does not fit"),
        (lambda x: x[1:] - x, "stopped at line"),
        (lambda x, frames: x, "cannot be called"),
        (_difference_in_place, "changes its input: “features”"),
    ],
    "hidden.charbonnier": [
        (lambda x, a, e: torch.pow(x * x + e, a), "ε is not squared"),
        (lambda x, a, e: torch.pow(abs(x) + e * e, a), "x is not squared"),
        (lambda x, a, e: torch.pow(abs(x) + e, a), "neither x nor ε"),
        (lambda x, a, e: torch.pow((x + e).square(), a), "before the square"),
        (lambda x, a, e: abs(x) ** (2 * a), "ε has no part"),
        (lambda x, a, e: abs(x) ** (2 * a) + e * e, "ε² is added after"),
        (lambda x, a, e: torch.add((x * x) ** a, e), "ε is added after"),
        (lambda x, a, e: abs(x) ** (2 * a) + e ** (2 * a), "for itself"),
        (lambda x, a, e: x * x + e ** (2 * a), "where are the brackets"),
        (lambda x, a, e: x * x + e * e, "the power is missing"),
        (lambda x, a, e: (x * x + e * e) * a, "multiplied by α"),
        (lambda x, a, e: torch.pow(x * x + e * e, 1 / a), "the power is 1 / α"),
        (lambda x, a, e: torch.hypot(x, torch.tensor(e).double()) ** (4 * a), "the power is 2 α"),
        (lambda x, a, e: torch.hypot(x, torch.tensor(e).double()) ** a, "half of α"),
        (lambda x, a, e: 1 / (x * x + e * e) ** a, "the power is −α"),
        (lambda x, a, e: (x * x + e * e) / (x * x + e * e) ** a, "the power is 1 − α"),
        (lambda x, a, e: torch.sqrt(x * x + e * e), "a root is drawn"),
        (lambda x, a, e: (x * x + e * e) ** 0.45, "0.45, whatever"),
        (lambda x, a, e: (x * x + 0.001**2) ** a, "0.001, whatever"),
        (lambda x, a, e: motion_net.charbonnier(x), "paper's values"),
        (lambda x, a, e: (x * x + a * a) ** e, "α and ε have changed"),
        (lambda x, a, e: torch.pow(a, x * x + e * e), "α is raised"),
        (lambda x, a, e: (x * x + e * e) ** a - (e * e) ** a, "moved down"),
        (lambda x, a, e: (1 + (x / e) ** 2) ** a, "then α = 0.5"),
        (lambda x, a, e: (1 + (x / e) ** 2) ** a * e * e, "the whole in its square"),
        (lambda x, a, e: (x * x + e * e) ** a * (1 / a), "divided by α"),
        (lambda x, a, e: torch.maximum(abs(x), torch.full_like(x, e)) ** (2 * a), "the larger of the two"),
        (lambda x, a, e: torch.where(abs(x) > e, x * x - e * e, 0.0) ** a, "taken for 0"),
        (lambda x, a, e: abs(e * e - x * x) ** a, "ε² is taken away"),
        (lambda x, a, e: (x * e).abs() ** (2 * a), "two squares are multiplied"),
        (lambda x, a, e: ((x * x) ** 2 + e * e) ** a, "x is squared twice"),
        (lambda x, a, e: (x * x + (e * e) ** 2) ** a, "ε is squared twice"),
        (lambda x, a, e: torch.copysign((x * x + e * e) ** a, x).masked_fill(x == 0, 0), "sign of the error"),
        (lambda x, a, e: 0 - (x * x + e * e) ** a, "every penalty is negative"),
        (lambda x, a, e: (2 * a * x) / (x * x + e * e) ** (1 - a), "slope of the penalty"),
        (lambda x, a, e: (x.clamp(min=0) ** 2 + e * e) ** a, "negative errors cost"),
        (lambda x, a, e: torch.mean((x * x + e * e) ** a), "averaged: give"),
        (lambda x, a, e: torch.sum((x * x + e * e) ** a), "added up: give"),
        (lambda x, a, e: ((x * x + e * e) ** a).mean((1, 2, 3)), "entry of the first axis"),
        (lambda x, a, e: ((x * x + e * e) ** a).sum(1) / x.shape[1], "second axis is averaged"),
        (lambda x, a, e: ((x * x).sum(1) + e * e) ** a, "as for a length"),
        (lambda x, a, e: ((x * x).mean() + e * e) ** a, "averaged before the power"),
        (lambda x, a, e: ((x.reshape(-1) ** 2) + e * e) ** a, "the shape is lost"),
        (lambda x, a, e: torch.log((x * x + e * e) ** a), "logarithm is taken"),
        (lambda x, a, e: torch.log(1 + (x / e) ** 2), "Lorentz"),
        (lambda x, a, e: _huber(x, e), "Huber"),
        (lambda x, a, e: 1 - e * e / (x * x + e * e), "Geman"),
        (lambda x, a, e: (x * x) ** 0.5, "absolute values"),
        (lambda x, a, e: x * x, "those are squares"),
        # and others that are not known
        (lambda x, a, e: (x + e * e) ** a, "NaN"),
        (lambda x, a, e: (2 * x + 2 * e) ** a, "NaN"),
        (lambda x, a, e: x ** (2 * a), "NaN"),
        (lambda x, a, e: 2 * (x * x + e * e) ** a, "same factor"),
        (lambda x, a, e: (x * x + 2 * e * e) ** a, "% of the values"),
        (lambda x, a, e: (x * x + e * e) ** a + 1, "% of the values"),
        (lambda x, a, e: ((x * x + e * e) ** a).clamp(max=1), "% of the values"),
        (lambda x, a, e: (x * x + e * e) ** (a if a < 0.5 else 0.5), "right for some inputs.*% of the values"),
        (lambda x, a, e: ((x * x + e * e) ** a).float(), "torch.float32"),
        (lambda x, a, e: ((x * x + e * e) ** a).numpy(), "NumPy"),
        (lambda x, a, e: ((x * x + e * e) ** a).tolist(), "list of"),
        (lambda x, a, e: ((x * x + e * e) ** a).mT, "order b c w h"),
        (lambda x, a, e: ((x * x + e * e) ** a)[1:], "along b there is one entry too few"),
        (lambda x, a, e: x ^ 2, "stopped at line"),
        (lambda x, a: (x * x) ** a, "cannot be called"),
        (_charbonnier_in_place, "changes its input: “x”"),
    ],
    "hidden.smoothness": [
        (lambda f: _rough(f, mean=torch.sum), "^differences are added up: a"),
        (lambda f: _joined(f).abs().mean(), "one mean for all"),
        (lambda f: (_one(f, 2) + _one(f, 3)) * 0.5, "halved"),
        (lambda f: _rough(f, lambda g: g.abs().sum(1)), "doubled"),
        (lambda f: _rough(f) + _rough(f.flip(2, 3)), "doubled"),
        (lambda f: _one(f, 3), "in a row are compared"),
        (lambda f: _one(f, 2), "in a column are compared"),
        (lambda f: _rough(f, lambda g: g * g), "differences are squared"),
        (lambda f: _rough(f, lambda g: g * g, lambda g: g.mean() ** 0.5), "root is drawn of the mean square"),
        (lambda f: _rough(f, lambda g: g), "keep their signs"),
        (lambda f: _rough(f, lambda g: g, lambda g: abs(g.mean())), "dropped too late"),
        (lambda f: motion_net.smoothness(f), "0.45"),
        (lambda f: _rough(f, lambda g: motion_net.charbonnier(g, 0.5)), "with a root"),
        (lambda f: (_cropped(f)[0] ** 2 + _cropped(f)[1] ** 2).sqrt().mean(), "sides of a right angle"),
        (lambda f: _rough(f, lambda g: (g * g).sum(1).sqrt()), "length of an arrow"),
        (lambda f: _rough(f, lambda g: g[:, 0].abs()), "only u"),
        (lambda f: _rough(f, lambda g: g[:, 1].abs()), "only v"),
        (lambda f: _one(f[:, 0], -1) + _one(f[:, 1], -2), "v down only"),
        (lambda f: (_cropped(f)[0][:, 0] + _cropped(f)[1][:, 1]).abs().mean(), "divergence"),
        (lambda f: (_cropped(f)[1][:, 0] - _cropped(f)[0][:, 1]).abs().mean(), "rotation"),
        (lambda f: sum((f - torch.roll(f, 1, axis)).abs().mean() for axis in (2, 3)), "ring"),
        (
            lambda f: _one(functional.pad(f, (0, 1)), 3) + _one(functional.pad(f, (0, 0, 0, 1)), 2),
            "right and lower border",
        ),
        (
            lambda f: _one(functional.pad(f, (1, 0)), 3) + _one(functional.pad(f, (0, 0, 1, 0)), 2),
            "left and upper border",
        ),
        (lambda f: _one(torch.cat([f, f[..., -1:]], 3), 3) + _one(torch.cat([f, f[:, :, -1:]], 2), 2), "fewer pairs"),
        (lambda f: _cropped(f)[0].abs().mean() + _cropped(f)[1].abs().mean(), "last row and the last column"),
        (lambda f: sum(abs(g).mean() for g in torch.gradient(f, dim=(2, 3))), "torch.gradient"),
        (lambda f: sum(f.unfold(a, 3, 1)[..., [0, 2]].diff().abs().mean() for a in (2, 3)), "two apart"),
        (lambda f: _one(f.diff(dim=3), 3) + _one(f.diff(dim=2), 2), "how differences change"),
        (lambda f: _one(f.diff(dim=2), 3), "difference is taken of the other"),
        (lambda f: (f[:, :, :-1, :-1] - f[:, :, 1:, 1:]).abs().mean(), "diagonal"),
        (lambda f: torch.add(*_cropped(f)).abs().mean(), "before the sign is dropped: they"),
        (lambda f: (f[:, 0] - f[:, 1]).abs().mean(), "u is compared with v"),
        (lambda f: (f[1:] - f[:-1]).abs().mean(), "clips are compared"),
        (lambda f: _rough(torch.hypot(f[:, :1], f[:, 1:])), "lengths of arrows"),
        (lambda f: _rough(abs(f)), "signs of the flow are dropped"),
        (lambda f: torch.stack([_rough(one[None]) for one in f]), "clips are kept apart"),
        (lambda f: torch.stack([_rough(f[:, :1]), _rough(f[:, 1:])]), "u and v are kept apart"),
        (lambda f: abs(_cropped(f)[0]) + abs(_cropped(f)[1]), "map of the roughness"),
        (lambda f: torch.stack([_one(f, 3), _one(f, 2)]), "list of both"),
        (lambda f: _rough(f, mean=torch.sum) / f.shape[0], "added up in each clip"),
        (lambda f: _rough(f, mean=torch.sum) / f.shape[0] / 2, "in each field"),
        (lambda f: _rough(f) / f.size(0), "number of clips"),
        (lambda f: _one(f, 3) - _one(f, 2), "taken away from that across"),
        (lambda f: max(_one(f, 3), _one(f, 2)), "the larger is taken"),
        (lambda f: _rough(f, mean=torch.max), "largest differences"),
        (lambda f: _rough(f, mean=torch.median), "medians"),
        (lambda f: torch.mean(abs(f)), "how fast"),
        (lambda f: (f - f.mean()).square().mean(), "variance of the flow"),
        (lambda f: 0 - _rough(f), "sign is turned"),
        (lambda f: _rough(f[0][None]), "only the first clip"),
        # and others that are not known
        (lambda f: _rough(f) + 0.1, "too large"),
        (lambda f: _rough(f) * 0.9, "too small"),
        (lambda f: _rough(f, lambda g: (g * g + 1e-4).sqrt()), "too large"),
        (lambda f: f.diff(dim=3).abs().mean() + f.diff(dim=1).abs().mean(), "too"),
        (lambda f: _rough(f).item(), "returns a float; a torch.Tensor"),
        (lambda f: (_one(f, 3), _one(f, 2)), "tuple of 2"),
        (lambda f: _rough(f)[None], "wanted: one number"),
        (lambda f: f.diff().abs(), "wanted: one number"),
        (lambda f: _rough(f).float(), "torch.float32"),
        (lambda f: _rough(f).log().log(), "too|NaN"),
        (lambda f: 0.0 * _rough(f) / 0, "NaN"),
        (lambda f: _rough(f) if f.size(2) < f.size(3) else _one(f, 2), "right for some inputs"),
        (lambda f: f.diff(dim=3).abs() + f.diff(dim=2).abs(), "stopped at line"),
        (lambda f: _rough(f[0]), "stopped at line"),
        (_smoothness_in_place, "changes its input: “flow”"),
    ],
    "hidden.ssim": [
        (lambda x, y, c, d: _ssim(x, y, c, d, v=_divided(1), cov=_divided(1)), "variances and covariance are divided"),
        (lambda x, y, c, d: _ssim(x, y, c, d, v=lambda z: z.var(1)), "as `var` does on its own"),
        (lambda x, y, c, d: _ssim(x, y, c, d, v=_divided(None), cov=_divided(None)), "added up over the pixels"),
        (lambda x, y, c, d: _ssim(x, y, c, d, mean=torch.sum), "the means are sums"),
        (lambda x, y, c, d: _ssim(x, y, c, d, v=lambda z: z.std(1, correction=0)), "standard deviations stand"),
        (lambda x, y, c, d: _ssim(x, y, c, d, cov=lambda x, y: (x * y).mean(1)), "mean of products: take"),
        (lambda x, y, c, d: _ssim(x, y, c, d, v=lambda z: (z * z).mean(1)), "means of squares: take"),
        (lambda x, y, c, d: _ssim(x, y, c, d, v=_raw, cov=_raw), "means of products: take"),
        (lambda x, y, c, d: _ssim(x, y, d, c), "c1 and c2 have changed"),
        (lambda x, y, c, d: _ssim(x, y, 0, d), "c1 is left out"),
        (lambda x, y, c, d: _ssim(x, y, c, 0), "c2 is left out"),
        (lambda x, y, c, d: _ssim(x, y, 0, 0), "both constants are left"),
        (
            lambda x, y, c, d: _ssim(x, y, c, d, squares=lambda m, n: m * m + n * n, vars=torch.add),
            "constants stand above",
        ),
        (lambda x, y, c, d: _ssim(x, y, c, d, means=lambda m, n: 2 * m * n, cov2=_twice), "constants stand below"),
        (lambda x, y, c, d: _ssim(x, y, c, d, squares=lambda m, n: m * m + n * n), "c1 stands above"),
        (lambda x, y, c, d: _ssim(x, y, c, d, means=lambda m, n: 2 * m * n), "c1 stands below"),
        (lambda x, y, c, d: _ssim(x, y, c, d, vars=torch.add), "c2 stands above"),
        (lambda x, y, c, d: _ssim(x, y, c, d, cov2=_twice), "c2 stands below"),
        (lambda x, y, c, d: _ssim(x, y, c * c, d * d), "constants are squared"),
        (lambda x, y, c, d: _ssim(x, y, c, d, means=lambda m, n: m * n + c), "product of the means is"),
        (lambda x, y, c, d: _ssim(x, y, c, d, cov2=lambda s, v, w: s + d), "before the covariance is"),
        (
            lambda x, y, c, d: _ssim(x, y, c, d, means=lambda m, n: m * n + c, cov2=lambda s, v, w: s + d),
            "both 2s",
        ),
        (lambda x, y, c, d: _ssim(x, y, c, d, squares=lambda m, n: (m + n) ** 2 + c), "added and then squared"),
        (lambda x, y, c, d: _ssim(x, y, c, d, squares=lambda m, n: m + n + c), "means are not squared"),
        (lambda x, y, c, d: _ssim(x, y, c, d, vars=lambda v, w: v * w + d), "variances are multiplied: they"),
        (lambda x, y, c, d: _ssim(x, y, c, d, vars=lambda v, w: 2 * (v * w) ** 0.5 + d), "contrast has no say"),
        (lambda x, y, c, d: _ssim(x, y, c, d, cov2=lambda s, v, w: 2 * (v * w) ** 0.5 + d), "only contrasts"),
        (lambda x, y, c, d: _ssim(x, y, c, d, cov2=lambda s, v, w: 2 * abs(s) + d), "sign of the covariance"),
        (lambda x, y, c, d: _ssim(x, y, c, d, cov2=lambda s, v, w: d - 2 * s), "covariance has the opposite"),
        (lambda x, y, c, d: _ssim(x, y, c, d, join=lambda a, b, e, f: a / e), "only the means"),
        (lambda x, y, c, d: _ssim(x, y, c, d, join=lambda a, b, e, f: b / f), "only the patterns"),
        (lambda x, y, c, d: _ssim(x, y, c, d, join=lambda a, b, e, f: a / e + b / f), "two parts are added"),
        (lambda x, y, c, d: _ssim(x, y, c, d, join=lambda a, b, e, f: (a / e + b / f) / 2), "two parts are averaged"),
        (lambda x, y, c, d: _ssim(x, y, c, d, join=lambda a, b, e, f: a * b / (e + f)), "two brackets are added"),
        (lambda x, y, c, d: _ssim(x, y, c, d, join=lambda a, b, e, f: a * b / e * f), "multiplies by the other"),
        (lambda x, y, c, d: _ssim(x, y, c, d, join=lambda a, b, e, f: e * f / (a * b)), "above and below"),
        (lambda x, y, c, d: 1 - _ssim(x, y, c, d), "that is the loss"),
        (lambda x, y, c, d: 0.5 - _ssim(x, y, c, d) / 2, "half of 1 minus"),
        (lambda x, y, c, d: _ssim(x, y, c, d).clamp(0, 1), "cut off"),
        (lambda x, y, c, d: _ssim(x, y, c, d).sum() / len(x), "all pairs are averaged"),
        (lambda x, y, c, d: _ssim(x.mT, y.mT, c, d), "run over the pairs"),
        (lambda x, y, c, d: _ssim(x.flatten()[None], y.flatten()[None], c, d).mean(), "one large one"),
        (lambda x, y, c, d: _ssim(x, y, c, d).unsqueeze(1), "one entry long"),
        (lambda x, y, c, d: ((2 * x * y + c) / (x * x + y * y + c)).mean(1), "pixel by pixel"),
        (lambda x, y, c, d: _ssim(x, x, c, d), "with itself"),
        (lambda x, y, c, d: _ssim(x, torch.cat([y[-1:], y[:-1]]), c, d), "another pair"),
        (lambda x, y, c, d: ((x - y) ** 2).mean(1), "mean squared error"),
        (lambda x, y, c, d: 10 * torch.log10(1 / ((x - y) ** 2).mean(1)), "decibels"),
        (lambda x, y, c, d: (x * y).sum(1) / (x.norm(dim=1) * y.norm(dim=1)), "cosine"),
        (
            lambda x, y, c, d: torch.from_numpy(np.array(list(map(np.corrcoef, x, y))))[:, 0, 1],
            "the correlation: means",
        ),
        (lambda x, y, c, d: _ssim(x, y, c / 255**2, d / 255**2), "0 … 255"),
        # and others that are not known
        (lambda x, y, c, d: 3 * _ssim(x, y, c, d), "range is −?-?1 to 1|same factor"),
        (lambda x, y, c, d: 0.9 * _ssim(x, y, c, d), "same factor"),
        (lambda x, y, c, d: -_ssim(x, y, c, d), "opposite sign"),
        (lambda x, y, c, d: _ssim(x, y, c, d) ** 3, "% of the values"),
        (lambda x, y, c, d: _ssim(x, y, 0.01**2, 0.03**2), "% of the values"),
        (lambda x, y, c, d: _ssim(x, y.roll(1, 1), c, d), "% of the values"),
        (lambda x, y, c, d: _ssim(x.sort(1).values, y.sort(1).values, c, d), "% of the values"),
        (lambda x, y, c, d: _ssim(x, y, c, d, mean=lambda z, dim: z.median(dim).values), "% of the values"),
        (lambda x, y, c, d: _ssim(x, y, c, d).flip(0), "% of the values"),
        (lambda x, y, c, d: _ssim(x, y, min(c, d), max(c, d)), "right for some inputs.*% of the values"),
        (lambda x, y, c, d: _ssim(x, y, c, d)[1:], "along b there is one entry too few"),
        (lambda x, y, c, d: _ssim(x, y, c, d)[:, None] * torch.ones_like(x), "it has 2 axes"),
        (lambda x, y, c, d: _ssim(x, y, c, d).float(), "torch.float32"),
        (lambda x, y, c, d: _ssim(x, y, c, d).tolist(), "list of"),
        (lambda x, y, c, d: _ssim(x, y, c, d).sqrt(), "NaN"),
        (lambda x, y, c, d: _ssim(x, y, c, d, v=lambda z: (z - z.mean(1)).mean(1)), "stopped at line"),
        (lambda x, y: x, "cannot be called"),
        (_ssim_in_place, "changes its input: “first”"),
    ],
}


# How the answers behave


@pytest.fixture(params=range(3))
def seed(request):
    return request.param


def _cases(name, seed):
    exercise = ALL[f"hidden.{name}"]
    return [(case, exercise.reference(*case)) for case in exercise.draw(_generator(seed))]


def test_six_frames_make_five_changes_and_a_channel_is_found_by_its_number():
    moments, features = torch.arange(6.0) ** 2, torch.tensor([1.0, 10.0, 100.0])
    film = (moments[:, None] * features)[None, :, :, None, None].expand(1, 6, 3, 2, 4)
    channels = ALL["hidden.difference"].reference(film)
    assert channels.shape == (1, 15, 2, 4)
    assert channels[0, :, 0, 0].tolist() == [1, 10, 100, 3, 30, 300, 5, 50, 500, 7, 70, 700, 9, 90, 900]


def test_what_stands_still_leaves_no_trace_and_all_changes_together_are_last_minus_first(seed):
    sizes = set()
    for (features,), channels in _cases("difference", seed):
        t, d = features.shape[1:3]
        sizes.add(t > d)
        assert len(set(channels.shape)) == 4
        still = torch.randn_like(features[:, :1])
        assert torch.allclose(ALL["hidden.difference"].reference(features + still), channels)
        assert torch.allclose(channels.unflatten(1, (t - 1, d)).sum(1), features[:, -1] - features[:, 0])
    assert sizes == {True, False}


def test_errors_of_all_sizes_are_drawn_some_of_them_none_and_the_power_differs(seed):
    for (x, alpha, epsilon), penalty in _cases("charbonnier", seed):
        size = x.abs()
        for share in (size == 0, size < 0.3 * epsilon, size > 3 * epsilon):
            assert share.double().mean() > 0.03
        assert (x > 0).any()
        assert (x < 0).any()
        assert torch.allclose(penalty[x == 0], torch.tensor(epsilon ** (2 * alpha), dtype=x.dtype))
        assert torch.equal(ALL["hidden.charbonnier"].reference(-x, alpha, epsilon), penalty)
        assert min(abs(alpha - other) for other in (0.45, 0.5, 1, epsilon)) > 0.02
    assert [alpha > 0.5 for (_, alpha, _), _ in _cases("charbonnier", seed)] == [False, True]


def test_with_half_for_a_power_and_a_small_epsilon_it_is_nearly_the_absolute_value_but_smooth():
    penalty = ALL["hidden.charbonnier"].reference
    x = torch.tensor([-2.0, -0.5, 0.0, 1.0], dtype=torch.float64, requires_grad=True)
    assert torch.allclose(penalty(x, 0.5, 1e-6), x.abs(), atol=1e-5)
    (slope,) = torch.autograd.grad(penalty(x, 0.5, 1e-6).sum(), x)
    assert torch.allclose(slope, torch.tensor([-1.0, -1, 0, 1], dtype=x.dtype), atol=1e-5)
    (none,) = torch.autograd.grad((x**2).pow(0.5).sum(), x)
    assert none.isnan().any()  # this is what ε is for


def test_a_large_error_counts_the_less_the_smaller_the_power():
    penalty, x = ALL["hidden.charbonnier"].reference, torch.tensor([1.0, 10.0])
    ratios = [(lambda small, large: large / small)(*penalty(x, alpha, 0.01)).item() for alpha in (1, 0.5, 0.3)]
    assert ratios == pytest.approx([100, 10, 10**0.6], rel=1e-3)


def test_a_constant_flow_is_smooth_and_twice_the_flow_is_twice_as_rough(seed):
    rough = ALL["hidden.smoothness"].reference
    for (flow,), value in _cases("smoothness", seed):
        assert value.shape == ()
        assert torch.allclose(rough(flow + torch.tensor([3.0, -2.0])[:, None, None]), value)
        assert torch.allclose(rough(-2 * flow), 2 * value)
        assert torch.allclose(rough(flow.mT), value)  # across and down count alike
        assert rough(torch.ones_like(flow)) == 0
    rougher = [
        flow.diff(dim=-1).abs().mean() > flow.diff(dim=-2).abs().mean() for (flow,), _ in _cases("smoothness", seed)
    ]
    assert rougher == [True, False]  # so that the larger of the two is no fixed one of them


def test_a_border_costs_its_step_once_and_a_slope_costs_the_same_in_all_sizes():
    rough = ALL["hidden.smoothness"].reference
    border = torch.zeros(1, 2, 4, 6)
    border[:, 0, :, 3:] = 5
    assert rough(border).item() == pytest.approx(5 / 5 / 2)  # of five gaps a row one has it, in u but not in v
    for h, w in ((3, 8), (20, 5)):
        slope = torch.stack(torch.meshgrid(0.5 * torch.arange(h), 0.25 * torch.arange(w), indexing="ij"))
        assert rough(slope[None]).item() == pytest.approx((0.5 + 0.25) / 2)


def test_u_and_v_and_clips_differ_in_roughness(seed):
    for (flow,), _ in _cases("smoothness", seed):
        each = [ALL["hidden.smoothness"].reference(flow[[i]][:, [j, j]]).item() for i in (0, -1) for j in (0, 1)]
        assert len({round(value, 2) for value in each}) == 4


def test_alike_means_one_opposite_is_negative_and_both_are_drawn(seed):
    alike = ALL["hidden.ssim"].reference
    for (first, second, c1, c2), value in _cases("ssim", seed):
        for windows in (first, second):
            assert windows.min() >= 0
            assert windows.max() <= 1
            assert torch.allclose(alike(windows, windows, c1, c2), torch.ones_like(value))
        assert value.min() < -0.1
        assert 0.3 < value.max() < 1
        assert torch.allclose(alike(second, first, c1, c2), value)
        other = torch.randperm(first.shape[1], generator=_generator(seed))
        assert torch.allclose(alike(first[:, other], second[:, other], c1, c2), value)
        assert abs(c1 - c2) > 0.003
    assert [c1 < c2 for (_, _, c1, c2), _ in _cases("ssim", seed)] == [True, False]


def test_flat_windows_are_compared_by_their_means_alone_and_black_ones_are_alike():
    alike = ALL["hidden.ssim"].reference
    grey, white, black = (torch.full((1, 9), value, dtype=torch.float64) for value in (0.5, 1.0, 0.0))
    assert alike(grey, white, 0.01, 0.02).item() == pytest.approx((1 + 0.01) / (1.25 + 0.01))
    assert alike(black, black, 0.01, 0.02).item() == 1
    assert alike(black, black, 0.0, 0.02).isnan()  # this is what c1 is for
    assert alike(grey, white, 0.01, 0.0).isnan()  # and c2


def test_numbers_are_told_with_the_shape_when_an_answer_stops():
    message = check("hidden.charbonnier", lambda x: x, seed=0).message
    assert "x of shape (" in message
    assert "alpha=0." in message
    assert "epsilon=0." in message


# What the course uses gives the same answers


def test_the_second_block_of_a_difference_stream_sees_what_the_exercise_stacks(seed):
    torch.manual_seed(seed)
    model, seen = DifferenceStream(5, frames=4).eval(), []
    model.temporal.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    clip = torch.rand(2, 4, 3, 16, 24, generator=_generator(seed))
    with torch.no_grad():
        model(clip)
        features = model.stem(clip.flatten(0, 1)).unflatten(0, (2, 4))
    assert torch.allclose(seen[0], ALL["hidden.difference"].reference(features), atol=1e-6)


def test_the_penalty_of_the_course_is_that_of_the_exercise(seed):
    for (x, alpha, _), _ in _cases("charbonnier", seed):
        mine = ALL["hidden.charbonnier"].reference(x, alpha, motion_net.EPSILON)
        assert torch.allclose(motion_net.charbonnier(x, alpha), mine)


def test_the_smoothness_of_the_course_is_that_of_the_exercise_but_for_the_penalty(seed, monkeypatch):
    monkeypatch.setattr(motion_net, "charbonnier", torch.abs)
    for (flow,), value in _cases("smoothness", seed):
        assert torch.allclose(motion_net.smoothness(flow), value)


def test_the_similarity_of_the_course_is_that_of_the_exercise_in_each_window(seed):
    first, second = torch.rand(2, 3, 1, 7, 8, generator=_generator(seed), dtype=torch.float64)
    theirs = motion_net.ssim(first, second)
    windows = (rearrange(x.unfold(2, 5, 1).unfold(3, 5, 1), "b 1 h w y x -> (b h w) (y x)") for x in (first, second))
    assert torch.allclose(theirs.flatten(), ALL["hidden.ssim"].reference(*windows, *motion_net.STABLE))
