"""Lesson 14's exercises: right answers written differently, wrong ones, behaviour, and what the course uses.

`test_checks.py` judges RIGHT and WRONG together with those of the other lessons.
"""

import math

import numpy as np
import pytest
import torch

from vidlab.checks import check, exercises
from vidlab.intervals import bootstrap
from vidlab.models.backbone import log_mean

ALL = exercises("capstone")


def _generator(seed):
    return torch.Generator().manual_seed(seed)


# Right answers, each written differently from the reference


def _front_loop(costs, accuracies):
    stays = []
    for c, a in zip(costs.tolist(), accuracies.tolist(), strict=True):
        others = zip(costs.tolist(), accuracies.tolist(), strict=True)
        stays.append(not any(x <= c and y >= a and (x < c or y > a) for x, y in others))
    return torch.tensor(stays)


def _front_scan(costs, accuracies):
    """From cheap to dear: of each cost the most accurate ones stay, if they know more than all cheaper ones."""
    stays, best = torch.zeros(len(costs), dtype=torch.bool), -math.inf
    for cost in costs.unique():  # sorted
        here = costs == cost
        top = accuracies[here].max()
        if top > best:
            stays |= here & (accuracies == top)
            best = top
    return stays


def _front_by_words(costs, accuracies):
    """Nobody of lower cost knows as much, nobody of the same cost knows more."""
    cheaper = (accuracies[None] >= accuracies[:, None]) & (costs[None] < costs[:, None])
    sharper = (accuracies[None] > accuracies[:, None]) & (costs[None] == costs[:, None])
    return torch.logical_not(cheaper.any(1)) & torch.logical_not(sharper.any(1))


def _front_numpy(costs, accuracies):
    points = np.stack([costs.numpy(), -accuracies.numpy()], 1)
    beaten = [((points <= p).all(1) & (points < p).any(1)).any() for p in points]
    return torch.from_numpy(~np.array(beaten))


def _softmax(logits, axis=-1):
    e = (logits - logits.amax(axis, keepdim=True)).exp()
    return e / e.sum(axis, keepdim=True)


def _average_loop(logits):
    total = torch.zeros_like(logits[0])
    for one in logits:
        total += torch.softmax(one, dim=1)
    return total / len(logits)


def _average_by_logarithms(logits):
    return (torch.logsumexp(logits.log_softmax(-1), 0) - math.log(len(logits))).exp()


def _difference_by_counts(right_a, right_b):
    """Newcombe (1998): from the two numbers of clips where only one is right."""
    n, just_a, just_b = len(right_a), (right_a & ~right_b).sum().item(), (right_b & ~right_a).sum().item()
    d = (just_a - just_b) / n
    return d, 1.96 * math.sqrt((just_a + just_b) / n - d**2) / math.sqrt(n)


def _difference_by_covariance(right_a, right_b):
    covariance = torch.cov(torch.stack([right_a, right_b]).double())
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return right_a.double().mean() - right_b.double().mean(), 1.96 * (variance / len(right_a)).sqrt()


def _difference_student(right_a, right_b):
    """With Student's 97.5 % point, after Cornish and Fisher."""
    d = right_a.numpy().astype(float) - right_b.numpy()
    z, f = 1.959964, len(d) - 1
    return d.mean(), (z + (z**3 + z) / (4 * f)) * d.std(ddof=1) / np.sqrt(len(d))


RIGHT = {
    "capstone.pareto": [_front_loop, _front_scan, _front_by_words, _front_numpy],
    "capstone.average": [
        _average_loop,
        _average_by_logarithms,
        lambda x: _softmax(x).sum(0) / x.size(0),
        lambda x: torch.stack([p.softmax(-1) for p in x]).mean(0),
        lambda x: torch.einsum("mbc->bc", x.softmax(-1)) / len(x),
    ],
    "capstone.difference": [
        _difference_by_counts,
        _difference_by_covariance,
        _difference_student,
        lambda a, b: ((a.float() - b.float()).mean(), 1.96 * (a.float() - b.float()).std(correction=0) / len(a) ** 0.5),
        lambda a, b: [
            (a.int() - b.int()).float().mean().item(),
            1.96 * np.std(a.numpy() * 1 - b.numpy()) / len(a) ** 0.5,
        ],
    ],
}


# Wrong answers, written independently of the recognisers' own functions, with words that must be in the message


def _front(costs, accuracies, beats):
    """As a learner would write it: a loop over pairs, with one thing wrong in `beats`."""
    models = list(zip(costs.tolist(), accuracies.tolist(), strict=True))
    return torch.tensor([not any(beats(*other, *one) for other in models) for one in models])


def _scan(costs, accuracies, key, stays=lambda a, best: a > best):
    """As a learner would write it: from cheap to dear, who knows more than the best so far."""
    mask, best = [False] * len(costs), -math.inf
    for i in sorted(range(len(costs)), key=key):
        if stays(accuracies[i].item(), best):
            mask[i] = True
        best = max(best, accuracies[i].item())
    return torch.tensor(mask)


def _neighbours(costs, accuracies):
    order = sorted(range(len(costs)), key=lambda i: (costs[i].item(), -accuracies[i].item()))
    mask = [False] * len(costs)
    for before, i in zip([None, *order[:-1]], order, strict=True):
        mask[i] = before is None or bool(accuracies[i] > accuracies[before])
    return torch.tensor(mask)


def _front_without_self(costs, accuracies):
    mask = []
    for i in range(len(costs)):
        beaten = (costs <= costs[i]) & (accuracies >= accuracies[i])
        beaten[i] = False
        mask.append(not beaten.any())
    return torch.tensor(mask)


def _sorted_in_place(costs, accuracies):
    costs.copy_(costs.sort().values)
    return _front_scan(costs, accuracies)


def _half(a, b, half):
    return a.double().mean() - b.double().mean(), half


def _sd(numbers):
    return numbers.double().std(correction=0).item()


def _apart(a, b):
    return a.double() - b.double()


def _root(a):
    return len(a) ** 0.5


def _argmax_votes(logits):
    return torch.nn.functional.one_hot(logits.argmax(-1), logits.size(-1)).double()


WRONG = {
    "capstone.pareto": [
        (lambda c, a: ~_front_loop(c, a), "those who are beaten"),
        (lambda c, a: torch.where(_front_loop(c, a))[0], "numbers of the models"),
        (lambda c, a: torch.argwhere(_front_loop(c, a)), "2 axes"),
        (lambda c, a: _front_loop(c, a)[torch.sort(c, stable=True).indices], "order of cost:"),
        (lambda c, a: _front_loop(c, a)[torch.sort(a, stable=True).indices], "order of accuracy"),
        (lambda c, a: _front(c, a, lambda x, y, c, a: x >= c and y >= a and (x > c or y > a)), "dear models win"),
        (lambda c, a: _front(c, a, lambda x, y, c, a: x <= c and y <= a and (x < c or y < a)), "inaccurate models win"),
        (lambda c, a: _front_loop(a, c), "beat nobody"),
        (lambda c, a: _front_loop(-c, -a), "beat nobody"),
        (lambda c, a: _front(c, a, lambda x, y, c, a: x < c and y > a), "worse in only one"),
        (lambda c, a: _front(c, a, lambda x, y, c, a: x < c and y >= a), "same cost a model"),
        (lambda c, a: _front(c, a, lambda x, y, c, a: x <= c and y > a), "same accuracy a model"),
        (lambda c, a: _scan(c, a, lambda i: (c[i].item(), -a[i].item()), lambda a, best: a >= best), "same accuracy a"),
        (lambda c, a: _front(c, a, lambda x, y, c, a: x <= c and y >= a), "nobody stays"),
        (_front_without_self, "equal pairs beat each other"),
        (lambda c, a: _scan(c, a, lambda i: (c[i].item(), -a[i].item())), "only the first"),
        (lambda c, a: _scan(c, a, lambda i: (c[i].item(), -a[i].item(), -i)), "only the last"),
        (_neighbours, "just before it"),
        (lambda c, a: _scan(c, a, lambda i: c[i].item()), "where costs are equal"),
        (lambda c, a: _front(c, a, lambda x, y, c, a: x < c or y > a), "worse in one of the two is out"),
        (lambda c, a: torch.isclose(a, a.max()), "most accurate stay"),
        (lambda c, a: torch.isclose(c, c.min()), "cheapest stay"),
        (lambda c, a: a / c >= (a / c).max(), "for the money"),
        (lambda c, a: _front(c, a, lambda x, y, c, a: x == c and y > a), "of the same cost"),
        (lambda c, a: _front(c, a, lambda x, y, c, a: y == a and x < c), "of the same accuracy"),
        (lambda c, a: c.le(c.mean()) & a.ge(a.mean()), "compared with the mean, not"),
        (lambda c, a: c.le(c.mean()) | a.ge(a.mean()), "compared with the mean, and"),
        (lambda c, a: c == c, "all stay"),
        (lambda c, a: (c <= c[:, None]) & (a >= a[:, None]) & ((c != c[:, None]) | (a != a[:, None])), "table of who"),
        (
            lambda c, a: ((c <= c[:, None]) & (a >= a[:, None]) & ((c != c[:, None]) | (a != a[:, None]))).sum(1),
            "how many others",
        ),
        (
            lambda c, a: ((c <= c[:, None]) & (a >= a[:, None]) & ((c != c[:, None]) | (a != a[:, None]))).any(0),
            "beats somebody",
        ),
        # and others that are not known
        (lambda c, a: _front_loop(c, a).float(), "torch.float32"),
        (lambda c, a: _front_loop(c, a).tolist(), "list of"),
        (lambda c, a: _front_loop(c, a).numpy(), "NumPy"),
        (lambda c, a: _front_loop(c, a)[None], "2 axes"),
        (lambda c, a: _front_loop(c, a)[1:], "one entry too few"),
        (lambda c, a: _front_loop(c, a).roll(1), "True and should not be"),
        (lambda c, a: _front_loop(c.round(decimals=-6), a), "right for some inputs"),
        (lambda c, a: c <= c and a >= a, "stopped at line"),
        (_sorted_in_place, "changes its input: “costs”"),
    ],
    "capstone.average": [
        (lambda x: torch.softmax(torch.mean(x, 0), -1), "averaged before"),
        (lambda x: torch.softmax(torch.sum(x, 0), -1), "added before"),
        (lambda x: _softmax(x.log_softmax(-1).mean(0)), "averaged before"),
        (lambda x: torch.mean(x, 0), "averaged, and there is no"),
        (lambda x: torch.sum(x, 0), "added, and there is no"),
        (lambda x: _softmax(x).sum(0), "added, not averaged"),
        (lambda x: _softmax(x, 0).mean(0), "over the models: they"),
        (lambda x: _softmax(x, 1).mean(0), "over the clips: clips"),
        (
            lambda x: torch.stack([_softmax(one.flatten()).view_as(one) for one in x]).mean(0),
            "all clips and classes of",
        ),
        (
            lambda x: torch.stack([_softmax(x[:, i].flatten()).view(len(x), -1).sum(0) for i in range(x.size(1))]),
            "of all models",
        ),
        (lambda x: _softmax(_average_loop(x)), "of the mean once more"),
        (lambda x: _softmax(_softmax(x).sum(0)), "of the sum once more"),
        (lambda x: _softmax(_softmax(x)).mean(0), "taken twice"),
        (lambda x: _average_loop(-x), "signs of logits"),
        (lambda x: (1 / (1 + torch.exp(-x))).mean(0), "sigmoid"),
        (lambda x: torch.log(_softmax(x).clamp(min=1e-300)).mean(0), "logarithms of"),
        (lambda x: torch.log(_average_loop(x)), "logarithm of the mean"),
        (lambda x: torch.prod(_softmax(x), 0), "multiplied, and do"),
        (lambda x: torch.exp(x.log_softmax(-1).sum(0) / len(x)), "geometric"),
        (lambda x: _softmax(x).max(0).values, "largest one of each class is taken: together"),
        (lambda x: _softmax(x).min(0).values, "smallest"),
        (
            lambda x: torch.nn.functional.normalize(_softmax(x).max(0).values, p=1, dim=1),
            "largest one of each class is taken, and",
        ),
        (lambda x: torch.sort(_softmax(x), 0).values[(len(x) - 1) // 2], "median"),
        (
            lambda x: torch.stack([max(_softmax(x)[:, i], key=lambda p: p.max()) for i in range(x.size(1))]),
            "surest model",
        ),
        (lambda x: _softmax(x[0]), "only the first model"),
        (lambda x: _softmax(x[len(x) - 1]), "only the last model"),
        (lambda x: _average_loop(x[1:]), "first model is left out"),
        (lambda x: _average_loop(x[: len(x) - 1]), "last model is left out"),
        (lambda x: (x / x.sum(-1, True)).mean(0), "divided by their sum"),
        (lambda x: _argmax_votes(x).sum(0) / len(x), "has one vote"),
        (lambda x: _argmax_votes(_argmax_votes(x).sum(0)), "most votes"),
        (lambda x: _argmax_votes(_average_loop(x)), "mean itself"),
        (lambda x: _average_loop(x).argmax(-1), "number of the best"),
        (lambda x: _average_loop(x).max(-1).values, "best class only"),
        (lambda x: _average_loop(x).max(-1), "pick one"),
        (lambda x: _softmax(x), "one after the other"),
        (lambda x: _softmax(x).mean(1), "over the clips, and the models"),
        (lambda x: _softmax(x).mean(-1), "over the classes, and"),
        (lambda x: _softmax(x).mean((0, 1)), "over the clips as well"),
        (lambda x: _average_loop(x).T, "changed places"),
        (lambda x: _softmax(x).sum(0) / x.size(1), "number of clips, not"),
        (lambda x: _softmax(x).sum(0) / x.size(2), "number of classes, not"),
        # and others that are not known
        (lambda x: (x.exp() / x.exp().sum(-1, keepdim=True)).mean(0), "NaN"),
        (lambda x: _average_loop(x).float(), "torch.float32"),
        (lambda x: _average_loop(x).numpy(), "NumPy"),
        (lambda x: _average_loop(x / 2), "% of the values"),
        (lambda x: _average_loop(x).roll(1, 0), "% of the values"),
        (lambda x: 0.9 * _average_loop(x), "same factor"),
        (lambda x: _average_loop(x)[:, 1:], "along classes there is one entry too few"),
        (lambda x: _average_loop(x)[None], "3 axes"),
        (lambda x: x.softmax(3).mean(0), "stopped at line"),
        (lambda x: _softmax(x.sub_(x.amax(2, keepdim=True))).mean(0), "changes its input: “logits”"),
    ],
    "capstone.difference": [
        (lambda a, b: _half(a, b, 1.96 * ((a.double().var() + b.double().var()) / len(a)).sqrt()), "both variances"),
        (
            lambda a, b: _half(
                a, b, 1.96 * sum(r.double().mean() * (~r).double().mean() / len(r) for r in (a, b)) ** 0.5
            ),
            "both variances",
        ),
        (lambda a, b: _half(a, b, 1.96 * (_sd(a) + _sd(b)) / _root(a)), "both half widths"),
        (lambda a, b: _half(a, b, 1.96 * (_sd(a) - _sd(b)) / _root(a)), "one half width is subtracted"),
        (lambda a, b: _half(a, b, 1.96 * _sd(torch.cat([a, b])) / (2 * len(a)) ** 0.5), "of all answers"),
        (lambda a, b: _half(a, b, 1.96 * _sd(a) / _root(a)), "of a alone"),
        (lambda a, b: _half(a, b, 1.96 * _sd(b) / _root(a)), "of b alone"),
        (
            lambda a, b: _half(
                a, b, 1.96 * (_apart(a, b).mean().abs() * (1 - _apart(a, b).mean().abs()) / len(a)) ** 0.5
            ),
            "of a share",
        ),
        (lambda a, b: _half(a, b, 1.96 * _sd(_apart(a, b).abs()) / _root(a)), "keep the sign"),
        (lambda a, b: _half(a, b, 1.96 * _sd(_apart(a, b))), "not divided by the root"),
        (lambda a, b: _half(a, b, _apart(a, b).std(correction=1)), "deviation of single clips"),
        (lambda a, b: _half(a, b, 1.96 * _sd(_apart(a, b)) / len(a)), "divided by n: its root"),
        (lambda a, b: _half(a, b, _sd(_apart(a, b)) / _root(a)), "68 %"),
        (lambda a, b: _half(a, b, 2 * _sd(_apart(a, b)) / _root(a)), "2 standard errors"),
        (lambda a, b: _half(a, b, 1.645 * _sd(_apart(a, b)) / _root(a)), "90 %"),
        (lambda a, b: _half(a, b, 2.576 * _sd(_apart(a, b)) / _root(a)), "99 %"),
        (lambda a, b: _half(a, b, 3 * _sd(_apart(a, b)) / _root(a)), "99.7 %"),
        (lambda a, b: _half(a, b, 3.92 * _sd(_apart(a, b)) / _root(a)), "whole width"),
        (lambda a, b: _half(a, b, 1.96 * _sd(_apart(a, b)) ** 2 / _root(a)), "variance stands"),
        (lambda a, b: _half(a, b, 1.96 * _sd(_apart(a, b)) ** 2 / len(a)), "square of a standard error"),
        (lambda a, b: (abs(_difference_by_counts(a, b)[0]), _difference_by_counts(a, b)[1]), "sign is lost"),
        (lambda a, b: (-_difference_by_counts(a, b)[0], _difference_by_counts(a, b)[1]), "other way round"),
        (lambda a, b: ((a != b).double().mean(), _difference_by_counts(a, b)[1]), "how often they differ: where"),
        (lambda a, b: ((a != b).double().mean(), 1.96 * _sd(a != b) / _root(a)), "how often they differ, and"),
        (lambda a, b: ((a > b).double().mean(), 1.96 * _sd(a > b) / _root(a)), "just a is right"),
        (lambda a, b: [100 * x for x in _difference_by_counts(a, b)], "both numbers are in percent"),
        (
            lambda a, b: (100 * _difference_by_counts(a, b)[0], _difference_by_counts(a, b)[1]),
            "difference is in percent",
        ),
        (lambda a, b: _half(a, b, 100 * _difference_by_counts(a, b)[1]), "half width is in percent"),
        (lambda a, b: ((a.sum() - b.sum()).item(), _difference_by_counts(a, b)[1]), "clips are counted"),
        (lambda a, b: ((a.sum() - b.sum()).item(), 1.96 * _apart(a, b).std() * _root(a)), "numbers are of counts"),
        (lambda a, b: _difference_by_counts(a[a ^ b], b[a ^ b]), "left out"),
        (lambda a, b: (a.double().mean(), b.double().mean()), "two accuracies"),
        (lambda a, b: _difference_by_counts(a, b)[::-1], "changed places"),
        (
            lambda a, b: (lambda d, w: (d - w, d + w))(*_difference_by_counts(a, b)),
            "ends of the interval",
        ),
        (lambda a, b: (a.sum() / b.sum() - 1, _difference_by_counts(a, b)[1]), "divided by the accuracy"),
        (
            lambda a, b: _half(a, b, _apart(a, b).mean() / _apart(a, b).std() * _root(a)),
            "how many standard errors",
        ),
        # and others that are not known
        (lambda a, b: ((a - b).mean(), 0.0), "stopped at line"),
        (lambda a, b: (a.mean() - b.mean(), 0.0), "stopped at line"),
        (lambda a, b: (a.logical_not() ^ b, 0.0), "difference: it returns a tensor of shape"),
        (lambda a, b: _apart(a, b).mean(), "it returns one Tensor; 2 numbers"),
        (lambda a, b: _half(a, b, None), "half width: it returns nothing"),
        (lambda a, b: (*_difference_by_counts(a, b), 0.95), "3 things"),
        (lambda a, b: _half(a, b, 0.02), "half width: the number is too|half width: it is right|right for some"),
        (lambda a, b: _half(a, b, 1.5 * _sd(_apart(a, b)) / _root(a)), "half width: the number is too small"),
        (lambda a, b: _half(a, b, 2.2 * _sd(_apart(a, b)) / _root(a)), "half width: the number is too large"),
        (lambda a, b: _half(a, b, math.nan), "NaN"),
        (lambda a, b: _half(a.logical_and_(~b), b, 0.0), "changes its input: “right_a”"),
    ],
}


# Behaviour


@pytest.fixture(params=range(5))
def seed(request):
    return request.param


def _cases(name, seed):
    exercise = ALL[f"capstone.{name}"]
    for case in exercise.draw(_generator(seed)):
        yield case, exercise.reference(*case)


def test_models_tie_in_every_way_and_the_front_has_steps(seed):
    distinct, coarse, steps, one = [(case, stays) for case, stays in _cases("pareto", seed)]
    for (costs, accuracies), _ in (distinct,):
        assert len(costs.unique()) == len(accuracies.unique()) == len(costs)
    (costs, accuracies), _ = coarse
    assert max(len(costs.unique()), len(accuracies.unique())) < len(costs)
    for ((costs, accuracies), stays), height in ((steps, 3), (one, 1)):
        pairs = list(zip(costs[stays].tolist(), accuracies[stays].tolist(), strict=True))
        assert len(pairs) == 2 * height
        assert len(set(pairs)) == height
        assert stays.sum() < len(stays) / 2


def test_the_front_climbs_and_everybody_else_is_beaten_by_one_on_it(seed):
    for (costs, accuracies), stays in _cases("pareto", seed):
        front = sorted(set(zip(costs[stays].tolist(), accuracies[stays].tolist(), strict=True)))
        assert all(a[0] < b[0] and a[1] < b[1] for a, b in zip(front[:-1], front[1:], strict=True))
        for c, a in zip(costs[~stays].tolist(), accuracies[~stays].tolist(), strict=True):
            assert any(x <= c and y >= a and (x, y) != (c, a) for x, y in front)


def test_neither_the_scale_nor_the_order_of_models_changes_the_front(seed):
    front = ALL["capstone.pareto"].reference
    for (costs, accuracies), stays in _cases("pareto", seed):
        assert torch.equal(front(costs.log(), 100 * accuracies), stays)
        order = torch.randperm(len(costs), generator=_generator(seed))
        assert torch.equal(front(costs[order], accuracies[order]), stays[order])
    assert front(torch.tensor([3.0]), torch.tensor([0.1])).tolist() == [True]


def test_the_mean_of_models_sums_to_one_and_loses_no_more_than_they_do_on_average(seed):
    average = ALL["capstone.average"].reference
    for (logits,), mean in _cases("average", seed):
        assert torch.allclose(mean.sum(1), torch.ones(len(mean), dtype=mean.dtype))
        order = torch.randperm(len(logits), generator=_generator(seed))
        assert torch.allclose(average(logits[order] + 7), mean)
        each = logits.log_softmax(2)
        assert (mean.log() >= each.mean(0) - 1e-9).all()  # its logarithmic loss is at most their mean: Jensen
        assert (mean.log() <= each.amax(0) + 1e-9).all()


def test_the_course_averages_as_the_exercise(seed):
    for (logits,), mean in _cases("average", seed):
        assert torch.allclose(log_mean(logits.transpose(0, 1)).softmax(1), mean)


def test_the_interval_is_that_of_the_bootstrap(seed):
    for (a, b), (d, half) in _cases("difference", seed):
        found = bootstrap((a.double() - b.double())[:, None], seed=seed)[0]
        assert found.value == pytest.approx(d)
        assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.1)


def test_pairing_pays_and_either_standard_deviation_passes(seed):
    better = set()
    for (a, b), (d, half) in _cases("difference", seed):
        unpaired = 1.96 * math.sqrt((a.double().var() + b.double().var()) / len(a))
        assert half < 0.9 * unpaired
        assert abs(half * math.sqrt(1 - 1 / len(a)) - half) < 1e-5
        better.add(d > 0)
    assert better == {True, False}


def test_nineteen_of_twenty_intervals_hold_the_truth():
    """Models that agree often; a is right on 6 of 10 clips, b on 5 of 10: the truth is 0.1."""
    difference, held, rounds = ALL["capstone.difference"].reference, 0, 2000
    luck = torch.rand(rounds, 300, generator=_generator(0))
    swap = torch.rand(rounds, 300, generator=_generator(1)) < 0.2
    other = torch.rand(rounds, 300, generator=_generator(2))
    for easy, mixed, again in zip(luck, swap, other, strict=True):
        d, half = difference(easy < 0.6, torch.where(mixed, again, easy) < 0.5)
        held += abs(d - 0.1) <= half
    assert 0.935 < held / rounds < 0.965


def test_two_models_that_answer_alike_have_no_difference_and_no_doubt():
    right = torch.rand(50, generator=_generator(0)) < 0.7
    assert ALL["capstone.difference"].reference(right, right) == (0.0, 0.0)


def test_subtracting_bools_is_explained_by_torch_at_the_learners_line():
    message = check("capstone.difference", lambda a, b: ((a - b).float().mean(), 0.0), seed=0).message
    assert "stopped at line 1" in message
    assert "bool" in message
