"""Lesson 15's exercises: right answers written differently, wrong ones, behaviour, and what the course uses.

`test_checks.py` judges RIGHT and WRONG together with those of the other lessons.
"""

import hashlib
import os
import random
import subprocess
import sys
from collections import Counter, defaultdict

import numpy as np
import pytest
import torch
from torch.nn import functional

from vidlab.checks import check, exercises, videos_split

ALL = exercises("videos")


def _generator(seed):
    return torch.Generator().manual_seed(seed)


# Right answers, each written differently from the reference


def _fill(sources, share, order):
    """Sources in this order, the last one never, until the test side is large enough."""
    counts, test = Counter(sources), set()
    for name in order[:-1]:
        test.add(name)
        if sum(counts[one] for one in test) >= share * len(sources):
            break
    return torch.tensor([source in test for source in sources])


def _split_shuffle(sources, share, seed):
    names = list(dict.fromkeys(sources))  # in the order in which they come
    random.Random(seed).shuffle(names)
    return _fill(sources, share, names)


def _split_numpy(sources, share, seed):
    names, which, counts = np.unique(np.array(sources), return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    clips = np.cumsum(counts[order])
    number = np.clip(np.searchsorted(clips, share * len(sources)), 1, len(names) - 1)  # as many as stay below, or one
    return torch.from_numpy(np.isin(which, order[:number]))


def _split_by_digest(sources, share, seed):
    """A digest of each name stands for a die: the same on all machines, whatever films are added."""
    return _fill(
        sources, share, sorted(set(sources), key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest())
    )


def _split_by_dice_of_texts(sources, share, seed):
    """Python's dice take a text for a seed, and give the same numbers whenever it starts."""
    return _fill(
        sources, share, sorted(set(sources), key=lambda name: (random.Random(name).random() + seed * 0.618034) % 1)
    )


def _split_best_of_many(sources, share, seed):
    """Many splits are drawn, and the one is taken that comes nearest to the share."""
    dice, names = random.Random(seed), sorted(set(sources))
    counts, best, off = Counter(sources), None, float("inf")
    for _ in range(9):
        test = dice.sample(names, dice.randint(1, len(names) - 1))
        miss = abs(sum(counts[name] for name in test) - share * len(sources))
        if miss < off:
            best, off = test, miss
    order = best if off <= max(counts.values()) else None
    return torch.tensor([source in set(order) for source in sources]) if order else _split_shuffle(sources, share, seed)


def _split_from_training(sources, share, seed):
    """Training is filled first; what is left, and one at least, is for testing."""
    names = sorted(set(sources))
    torch.manual_seed(seed)
    return ~_fill(sources, 1 - share, [names[i] for i in torch.randperm(len(names))])


def _hash_of_numbers(sources, share, seed):
    """`hash` of numbers is the same whenever Python starts."""
    names = sorted(set(sources))
    random.Random(hash((seed, len(names)))).shuffle(names)
    return _fill(sources, share, names)


def _answer_loop(probabilities, video):
    clips = defaultdict(list)
    for one, number in zip(probabilities, video.tolist(), strict=True):
        clips[number].append(one)
    return torch.stack([sum(clips[number]) / len(clips[number]) for number in sorted(clips)])


def _answer_index_add(probabilities, video):
    v = video.max() + 1
    sums = probabilities.new_zeros(v, probabilities.size(1)).index_add_(0, video, probabilities)
    return sums / torch.bincount(video).unsqueeze(1)


def _answer_reduce(probabilities, video):
    index = video[:, None].expand_as(probabilities)
    start = probabilities.new_zeros(int(video.max()) + 1, probabilities.size(1))
    return start.scatter_reduce(0, index, probabilities, "mean", include_self=False)


def _weights_loop(labels, k):
    counts = Counter(labels.tolist())
    return torch.tensor([len(labels) / (k * counts[c]) if counts[c] else 0.0 for c in range(k)])


def _weights_where_counted(labels, k):
    weights = torch.zeros(k, dtype=torch.float64)
    names, counts = labels.unique(return_counts=True)
    weights[names] = len(labels) / k / counts.double()
    return weights


def _weights_mended(labels, k):
    counts = functional.one_hot(labels, k).sum(0)
    return (len(labels) / (k * counts)).nan_to_num(posinf=0.0)


RIGHT = {
    "videos.by_source": [
        _split_shuffle,
        _split_numpy,
        _split_by_digest,
        _split_by_dice_of_texts,
        _split_best_of_many,
        _split_from_training,
        _hash_of_numbers,
    ],
    "videos.answer": [
        _answer_loop,
        _answer_index_add,
        _answer_reduce,
        lambda p, video: torch.stack([p[video == number].mean(0) for number in range(video.max() + 1)]),
        lambda p, video: torch.stack([p[video == number].mean(0) for number in video.unique()]),
    ],
    "videos.weights": [
        _weights_loop,
        _weights_where_counted,
        _weights_mended,
        lambda y, k: (y.bincount(minlength=k) > 0) * len(y) / (k * y.bincount(minlength=k).clamp(min=1)),
    ],
}


# Wrong answers, written independently of the recognisers' own functions, with words that must be in the message


def _names(sources, seed):
    names = sorted(set(sources))
    random.Random(seed).shuffle(names)
    return names


def _clips_at_random(sources, share, seed):
    return torch.rand(len(sources), generator=_generator(seed)) < share


def _nearly(sources, share, seed):
    """All is right but for one clip."""
    split = _split_shuffle(sources, share, seed)
    split[0] = ~split[0]
    return split


def _stop_before(sources, share, seed):
    counts, test, clips = Counter(sources), set(), 0
    for name in _names(sources, seed):
        if clips + counts[name] <= share * len(sources):
            test.add(name)
            clips += counts[name]
    return torch.tensor([source in test for source in sources])


def _until_enough(sources, share, seed):
    counts, test = Counter(sources), []
    names = _names(sources, seed)
    while sum(counts[name] for name in test) < share * len(sources):
        test.append(names.pop())
    return torch.tensor([source in test for source in sources])


def _group_shuffle(sources, share, seed):
    """As a well-known library has it: a share of the groups, rounded up."""
    names = _names(sources, seed)
    return torch.tensor(
        [source in names[: max(1, min(len(names) - 1, int(np.ceil(share * len(names)))))] for source in sources]
    )


def _buckets(sources, share, seed):
    """A digest of each name between 0 and 1, and whoever is below the share is for testing."""
    digests = [int(hashlib.md5(f"{seed}{source}".encode()).hexdigest(), 16) / 16**32 for source in sources]
    return torch.tensor(digests) < share


def _unseeded(sources, share, seed):
    return _fill(sources, share, random.sample(sorted(set(sources)), len(set(sources))))


def _counted_up(state):
    """Every call goes on where the one before it stopped."""

    def split(sources, share, seed):
        state[0] += 1
        return _fill(sources, share, _names(sources, state[0]))

    return split


def _hash_f_string(sources, share, seed):
    return _fill(sources, share, sorted(set(sources), key=lambda name: hash(f"{seed} {name}")))


def _hash_pair(sources, share, seed):
    return _fill(sources, share, sorted(dict.fromkeys(sources), key=lambda name: hash((name, seed))))


def _hash_seed(sources, share, seed):
    names = sorted(set(sources))
    random.Random(hash(names[0]) + seed).shuffle(names)
    return _fill(sources, share, names)


def _hash_elsewhere(name):
    return hash(name)


def _hash_in_a_helper(sources, share, seed):
    names = sorted(set(sources), key=_hash_elsewhere)
    random.Random(seed).shuffle(names)
    return _fill(sources, share, names)


def _set_order(sources, share, seed):
    names = list(set(sources))
    random.Random(seed).shuffle(names)
    return _fill(sources, share, names)


def _set_of_comprehension(sources, share, seed):
    names = [*{source for source in sources}]  # noqa: C416  as people write it
    return _fill(sources, share, [names[i] for i in torch.randperm(len(names), generator=_generator(seed))])


def _sorted_in_place(sources, share, seed):
    sources.sort()
    return _split_shuffle(sources, share, seed)


def _per_source(sources, share, seed):
    names = sorted(set(sources))
    return _split_shuffle(sources, share, seed)[[sources.index(name) for name in names]]


def _each_video(p, video, what):
    return torch.stack([what(p[torch.where(video == number)[0]]) for number in range(int(video.max()) + 1)])


def _per_clip(p, video):
    return torch.stack([p[video == number].mean(0) for number in video])


def _overwritten(p, video):
    result = p.new_zeros(int(video.max()) + 1, p.size(1))
    for one, number in zip(p, video, strict=True):
        result[number] = one
    return result


def _running(p, video):
    """The mean of the last clip and of what was before."""
    result = {}
    for one, number in zip(p, video.tolist(), strict=True):
        result[number] = (result[number] + one) / 2 if number in result else one
    return torch.stack([result[number] for number in sorted(result)])


def _hot(p):
    return (p == p.max(-1, keepdim=True).values).to(p.dtype)


def _unit(p):
    return functional.normalize(p, p=1, dim=1)


def _answer_in_place(p, video):
    p *= 1 / torch.bincount(video)[video][:, None]
    return p.new_zeros(int(video.max()) + 1, p.size(1)).index_add(0, video, p)


def _counts(y, k):
    return functional.one_hot(y, k).sum(0).double()


def _safe(y, k, what, empty=0.0):
    return torch.tensor([what(n.item()) if n else empty for n in _counts(y, k)], dtype=torch.float64)


def _sorted_labels(y, k):
    y.copy_(y.sort().values)
    return _weights_loop(y, k)


WRONG = {
    "videos.by_source": [
        (_clips_at_random, "on both sides"),
        (_nearly, "on both sides"),
        (lambda s, share, seed: torch.arange(len(s)) < share * len(s) - 9, "on both sides"),
        (lambda s, share, seed: torch.arange(len(s)) < round(share * len(s)), "first clips of the list"),
        (lambda s, share, seed: torch.arange(len(s)) >= len(s) - round(share * len(s)), "last clips of the list"),
        (lambda s, share, seed: torch.tensor([i % round(1 / share) == 0 for i in range(len(s))]), "regular steps"),
        (_stop_before, "no clip is left to test on"),
        (_until_enough, "no clip is left to train on"),
        (lambda s, share, seed: ~_split_shuffle(s, share, seed), "stands for training"),
        (lambda s, share, seed: _split_shuffle(s, 1 - share, seed), "stands for training"),
        (_group_shuffle, "share of the sources"),
        (_buckets, "further from the share"),
        (lambda s, share, seed: _split_shuffle(s, 0.2, seed), "further from the share"),
        (lambda s, share, seed: _split_shuffle(s, share / 3, seed), "further from the share"),
        (_unseeded, "nobody could repeat"),
        (_counted_up([0]), "nobody could repeat"),
        (_hash_f_string, "`hash`"),
        (_hash_pair, "`hash`"),
        (_hash_seed, "`hash`"),
        (_hash_in_a_helper, "when Python starts anew"),
        (_set_order, "a `set`"),
        (_set_of_comprehension, "a `set`"),
        (lambda s, share, seed: _split_shuffle(s, share, 0), "seed has no say"),
        (lambda s, share, seed: _split_shuffle(s, share, seed // 10**6), "seed has no say"),
        (lambda s, share, seed: _fill(s, share, sorted(set(s))), "order of their names"),
        (lambda s, share, seed: _fill(s, share, sorted(set(s))[::-1]), "from the end of their names"),
        (lambda s, share, seed: _fill(s, share, list(dict.fromkeys(s))), "come in the list"),
        (
            lambda s, share, seed: _fill(s, share, sorted(sorted(set(s)), key=lambda name: -s.count(name))),
            "most clips are taken",
        ),
        (lambda s, share, seed: _fill(s, share, [name for name, _ in Counter(s).most_common()]), "seed has no say"),
        (
            lambda s, share, seed: _fill(s, share, sorted(sorted(set(s)), key=lambda name: s.count(name))),
            "fewest clips are taken",
        ),
        (lambda s, share, seed: torch.tensor([one == _names(s, seed)[0] for one in s]), "further from the share"),
        (lambda s, share, seed: torch.ones(len(s), dtype=torch.bool), "all clips are for"),
        (lambda s, share, seed: torch.zeros(len(s), dtype=torch.bool), "no clip is for testing"),
        # and others that are judged by their form
        (lambda s, share, seed: _split_shuffle(s, share, seed).float(), "torch.float32"),
        (lambda s, share, seed: _split_shuffle(s, share, seed).tolist(), "list of"),
        (lambda s, share, seed: _split_shuffle(s, share, seed).numpy(), "NumPy"),
        (lambda s, share, seed: _split_shuffle(s, share, seed)[None], "2 axes"),
        (lambda s, share, seed: _split_shuffle(s, share, seed)[:-1], "one entry too few"),
        (lambda s, share, seed: _split_shuffle(s, share, seed).nonzero()[:, 0], "wrong length along n"),
        (_per_source, "wrong length along n"),
        (lambda s, share, seed: set(_names(s, seed)[:2]), "returns a set"),
        (lambda s, share, seed: s[: share * len(s)], "stopped at line"),
        (_sorted_in_place, "changes its input: “sources”"),
    ],
    "videos.answer": [
        (lambda p, video: _each_video(p, video, lambda clips: clips.sum(0)), "added up"),
        (lambda p, video: _answer_index_add(p, video) * torch.bincount(video)[:, None] / len(p), "number of all clips"),
        (
            lambda p, video: (
                _answer_index_add(p, video) * torch.bincount(video)[:, None] / (len(p) / len(video.unique()))
            ),
            "mean number of clips",
        ),
        (lambda p, video: _each_video(p, video, lambda clips: clips.sum(0)) / len(video.unique()), "number of videos"),
        (lambda p, video: _each_video(p, video, lambda clips: clips.sum(0) / clips.size(1)), "number of classes"),
        (lambda p, video: _each_video(p, video, lambda clips: clips.sum(0) / (len(clips) + 1)), "one clip too many"),
        (lambda p, video: torch.stack([one.mean(0) for one in p.chunk(len(video.unique()))]), "one block after"),
        (
            lambda p, video: torch.stack([p[i :: len(video.unique())].mean(0) for i in range(len(video.unique()))]),
            "by turns",
        ),
        (lambda p, video: _answer_loop(p, video.sort().values), "as if they were sorted"),
        (
            lambda p, video: torch.stack(
                [one.mean(0) for one in p.split(video.unique_consecutive(return_counts=True)[1].tolist())]
            ),
            "only neighbours",
        ),
        (
            lambda p, video: torch.stack([p[video == number].mean(0) for number in dict.fromkeys(video.tolist())]),
            "order of their first",
        ),
        (lambda p, video: _answer_loop(p, video.max() - video), "in reverse"),
        (
            lambda p, video: _each_video(p, video, lambda clips: clips.max(0).values),
            "largest one of each class is taken$",
        ),
        (lambda p, video: _each_video(p, video, lambda clips: clips.min(0).values), "smallest"),
        (lambda p, video: _unit(_each_video(p, video, lambda clips: clips.max(0).values)), "and brought to a sum"),
        (lambda p, video: _each_video(p, video, lambda clips: max(clips, key=lambda one: one.max())), "surest clip"),
        (lambda p, video: _each_video(p, video, lambda clips: clips.sort(0).values[(len(clips) - 1) // 2]), "a median"),
        (lambda p, video: _each_video(p, video, lambda clips: torch.quantile(clips, 0.5, 0)), "between two"),
        (lambda p, video: _answer_loop(_hot(p), video), "has one vote"),
        (lambda p, video: _hot(_answer_loop(p, video)), "the mean itself"),
        (lambda p, video: _answer_loop(p, video).argmax(-1), "number of the best"),
        (lambda p, video: _answer_loop(p, video).max(-1), "pick one"),
        (lambda p, video: _each_video(p, video, lambda clips: clips[0]), "only the first clip"),
        (_overwritten, "only the last clip"),
        (lambda p, video: _each_video(p, video, lambda clips: torch.prod(clips, 0)), "are multiplied$"),
        (
            lambda p, video: torch.softmax(_each_video(p, video, lambda clips: clips.log().sum(0)), 1),
            "one clip can veto",
        ),
        (lambda p, video: torch.exp(_answer_loop(torch.log(p), video)), "geometric mean$"),
        (lambda p, video: torch.softmax(_answer_loop(torch.log(p), video), 1), "geometric mean, brought"),
        (lambda p, video: torch.softmax(_each_video(p, video, lambda clips: clips.sum(0)), 1), "of the sums"),
        (lambda p, video: torch.softmax(_answer_loop(p, video), 1), "of the means"),
        (_per_clip, "still has a row"),
        (lambda p, video: p, "nothing has been averaged"),
        (lambda p, video: p[torch.sort(video, stable=True).indices], "sorted by video, and"),
        (lambda p, video: torch.index_select(p, 0, video), "clips to pick"),
        (lambda p, video: p.mean(0), "all clips are averaged"),
        (lambda p, video: p.mean(0).expand(int(video.max()) + 1, -1), "the mean of all clips"),
        (lambda p, video: _answer_loop(p, video).mean(-1), "over the classes as well"),
        (lambda p, video: _answer_loop(p, video).T, "changed places"),
        (lambda p, video: torch.stack([p[video == number].mean(0) for number in range(video.max())]), "last video is"),
        (lambda p, video: torch.stack([p[video == i].mean(0) for i in range(1, video.max() + 1)]), "video 0 is"),
        (lambda p, video: torch.unique(video, return_counts=True)[1], "how many clips each"),
        # and others that are not known
        (_running, "% of the values"),
        (lambda p, video: _answer_loop(p, video).float(), "torch.float32"),
        (lambda p, video: _answer_loop(p, video).numpy(), "NumPy"),
        (lambda p, video: list(_answer_loop(p, video)), "list of"),
        (lambda p, video: 0.5 * _answer_loop(p, video), "same factor"),
        (lambda p, video: 2 * _answer_loop(p, video), "range is 0 to 1|same factor"),
        (lambda p, video: _answer_loop(p, video).roll(1, 0), "% of the values"),
        (lambda p, video: _answer_loop(p, video)[:, 1:], "along classes there is one entry too few"),
        (lambda p, video: _answer_loop(p, video)[None], "3 axes"),
        (lambda p, video: _each_video(p, video + 1, lambda clips: clips.mean(0)), "NaN|axes|too many"),
        (lambda p, video: torch.stack([p[video[number]] for number in len(video)]), "stopped at line"),
        (_answer_in_place, "changes its input: “probabilities”"),
    ],
    "videos.weights": [
        (lambda y, k: len(y) / (k * _counts(y, k)), "infinite weight"),
        (lambda y, k: _safe(y, k, lambda n: len(y) / (k * n), len(y) / k), "as if it had one"),
        (lambda y, k: _safe(y, k, lambda n: len(y) / (k * n), 1.0), "weighs 1: it should"),
        (lambda y, k: _weights_loop(y, int(y.max()) + 1), "taken from the labels"),
        (lambda y, k: (lambda n: (len(y) / (k * n)).where(n > 0, 0))(torch.bincount(y)), "counts stop"),
        (
            lambda y, k: len(y) / (k * _counts(y, k)[_counts(y, k) > 0]),
            "only classes that have clips have a weight: every",
        ),
        (
            lambda y, k: (lambda n: len(y) / (len(n) * n))(y.unique(return_counts=True)[1]),
            "only classes that have clips have a weight, and",
        ),
        (lambda y, k: _safe(y, k, lambda n: len(y) / (len(set(y.tolist())) * n)), "are counted in k"),
        (lambda y, k: _safe(y, k, lambda n: 1 / n), "not scaled"),
        (lambda y, k: _safe(y, k, lambda n: len(y) / n), "k is missing"),
        (lambda y, k: _safe(y, k, lambda n: 1 / (k * n)), "n is missing"),
        (
            lambda y, k: _safe(y, k, lambda n: len(y) / k * n) * 0 + _safe(y, k, lambda n: k * len(y) / n),
            "k multiplies",
        ),
        (lambda y, k: _safe(y, k, lambda n: k / (len(y) * n)), "n and k have"),
        (lambda y, k: functional.one_hot(y, k).double().mean(0), "share of each class"),
        (lambda y, k: functional.one_hot(y, k).double().mean(0) * k, "inverse of the weights"),
        (lambda y, k: torch.bincount(y, minlength=k), "how many clips"),
        (lambda y, k: 1 - functional.one_hot(y, k).double().mean(0), "1 less the share: a class"),
        (lambda y, k: _safe(y, k, lambda n: 1 - n / len(y)), "1 less the share, and"),
        (lambda y, k: _safe(y, k, lambda n: (len(y) / (k * n)) ** 0.5), "balances halfway"),
        (lambda y, k: _safe(y, k, lambda n: n**-0.5), "root is taken of the inverse"),
        (lambda y, k: _safe(y, k, lambda n: (len(y) / (k * n)) ** 2), "squared"),
        (lambda y, k: functional.normalize(_safe(y, k, lambda n: 1 / n), p=1, dim=0), "a sum of 1"),
        (lambda y, k: k * functional.normalize(_safe(y, k, lambda n: 1 / n), p=1, dim=0), "a sum of k"),
        (lambda y, k: _safe(y, k, lambda n: y.bincount().max().item() / n), "commonest class weighs 1"),
        (lambda y, k: functional.normalize(_safe(y, k, lambda n: 1 / n), p=torch.inf, dim=0), "rarest class weighs 1"),
        (lambda y, k: _safe(y, k, lambda n: y.unique(return_counts=True)[1].median().item() / n), "median frequency"),
        (lambda y, k: (len(y) + k) / (k * (_counts(y, k) + 1)), "one clip more: then"),
        (lambda y, k: len(y) / (k * (_counts(y, k) + 1)), "one clip more where"),
        (lambda y, k: _safe(y, k, lambda n: 0.01 / (1 - 0.99**n)), "β = 0.99)"),
        (lambda y, k: _safe(y, k, lambda n: len(y) // (k * n)), "drops it"),
        (lambda y, k: _weights_loop(y, k).double().round(), "rounded"),
        (lambda y, k: _weights_loop(y, k)[y], "for every clip"),
        (lambda y, k: torch.ones(k), "all classes weigh 1"),
        (lambda y, k: torch.sort(_weights_loop(y, k), descending=True).values, "rarest comes first"),
        (lambda y, k: torch.sort(_weights_loop(y, k)).values, "are sorted"),
        # and others that are not known
        (lambda y, k: _weights_loop(y, k).tolist(), "list of"),
        (lambda y, k: _weights_loop(y, k).numpy(), "NumPy"),
        (lambda y, k: _weights_loop(y, k).long(), "% of the values|floats are wanted|drops it"),
        (lambda y, k: 2 * _weights_loop(y, k), "same factor"),
        (lambda y, k: -_weights_loop(y, k), "opposite sign"),
        (lambda y, k: _weights_loop(y, k).flip(0), "% of the values"),
        (lambda y, k: _weights_loop(y, k)[None], "2 axes"),
        (lambda y, k: _weights_loop(y, k + 1), "one entry too many"),
        (lambda y, k: len(y) / (k * y.count(0)), "stopped at line"),
        (_sorted_labels, "changes its input: “labels”"),
    ],
}


# Behaviour


@pytest.fixture(params=range(5))
def seed(request):
    return request.param


def _cases(name, seed):
    exercise = ALL[f"videos.{name}"]
    for case in exercise.draw(_generator(seed)):
        yield case, exercise.reference(*case)


def test_no_source_is_torn_and_the_test_side_has_its_share(seed):
    for (sources, share, number), split in _cases("by_source", seed):
        counts = Counter(sources)
        test = {source for source, one in zip(sources, split.tolist(), strict=True) if one}
        assert split.sum() == sum(counts[source] for source in test)
        assert abs(split.sum().item() - share * len(sources)) <= max(counts.values())
        assert 0 < split.sum() < len(sources)
        assert torch.equal(ALL["videos.by_source"].reference(sources[::-1], share, number), split.flip(0))


def test_sources_are_unequal_many_and_few_and_scattered(seed):
    cases = [case for case, _ in _cases("by_source", seed)]
    assert sorted(len(set(sources)) for sources, *_ in cases) == [2] * 4 + [3] + [120] * 3
    for sources, share, _ in cases:
        if len(set(sources)) == 3:
            assert share * len(sources) < min(Counter(sources).values())
            continue
        assert len(set(Counter(sources).values())) == 2
        runs = 1 + sum(a != b for a, b in zip(sources[:-1], sources[1:], strict=True))
        assert runs > len(set(sources)) or len(sources) < 14
    assert len({(tuple(sources), number) for sources, _, number in cases}) == len(cases)


STARTS = """
from vidlab.checks.videos import EXERCISES
case = [f"film_{i % 40}" for i in range(90)], 0.3, 7
for split in (EXERCISES[0].reference, next(m.gives for m in EXERCISES[0].mistakes if "`set`" in m.says)):
    print("".join(str(int(one)) for one in split(*case)))
"""


def test_another_start_of_python_gives_the_same_split_and_no_set_does():
    runs = []
    for start in ("1", "2"):
        command = [sys.executable, "-c", STARTS]
        runs.append(subprocess.Popen(command, env=os.environ | {"PYTHONHASHSEED": start}, stdout=subprocess.PIPE))
    (one, torn), (two, other) = (run.communicate(timeout=120)[0].split() for run in runs)
    assert one == two
    assert set(one.decode()) == {"0", "1"}
    assert torn != other  # as the check says, without starting Python anew


def test_texts_of_another_start_are_the_same_texts_with_another_hash():
    text = videos_split._Text("film_1")
    assert text == "film_1"
    assert {text: 1} == {videos_split._Text("film_1"): 1}
    assert hash(text) != hash("film_1")
    assert (text.upper(), sorted([text, "a"]), f"{text}!") == ("FILM_1", ["a", "film_1"], "film_1!")


NOTEBOOK = """
def hash(text):
    return int(hashlib.md5(text.encode()).hexdigest(), 16)

def by_source(sources, share, seed):
    return fill(sources, share, sorted(set(sources), key=lambda name: hash(f"{name}/{seed}")))
"""


def test_a_notebook_that_has_a_hash_of_its_own_keeps_it():
    names = {"hashlib": hashlib, "fill": _fill}
    exec(NOTEBOOK, names)
    assert check("videos.by_source", names["by_source"], seed=0)
    del names["hash"]  # now it is Python's
    assert "`hash`" in check("videos.by_source", names["by_source"], seed=0).message


def test_a_long_list_is_told_by_its_length():
    message = check("videos.by_source", lambda sources, share, seed: sources + share, seed=0).message
    assert "sources of 360 entries, share=0." in message


def test_videos_have_one_clip_or_many_in_any_order(seed):
    unequal, equal = [case for case, _ in _cases("answer", seed)]
    for p, video in (unequal, equal):
        counts = video.bincount()
        assert counts.min() >= 1
        assert len(p) % len(counts) == 0  # blocks of equal size would fit
        assert (video.diff() < 0).any()
        assert len({len(p), p.shape[1], len(counts)}) == 3
    assert len(unequal[1].bincount().unique()) > 1
    assert len(equal[1].bincount().unique()) == 1


def test_a_videos_answer_sums_to_one_and_does_not_ask_in_which_order_clips_come(seed):
    answer = ALL["videos.answer"].reference
    for (p, video), mean in _cases("answer", seed):
        assert torch.allclose(mean.sum(1), torch.ones(len(mean), dtype=mean.dtype))
        order = torch.randperm(len(p), generator=_generator(seed))
        assert torch.allclose(answer(p[order], video[order]), mean)
        assert torch.allclose(answer(p.repeat(3, 1), video.repeat(3)), mean)


def test_every_class_has_the_same_say_in_the_loss(seed):
    """The balanced cross entropy is the mean over classes of each class's own mean."""
    for (labels, k), weights in _cases("weights", seed):
        logits = torch.randn(len(labels), k, generator=_generator(seed))
        each = functional.cross_entropy(logits, labels, reduction="none")
        by_class = torch.stack([each[labels == c].mean() for c in labels.unique()]).mean()
        assert torch.allclose(functional.cross_entropy(logits, labels, weight=weights), by_class)
        mass = weights * labels.bincount(minlength=k)
        assert torch.allclose(mass[mass > 0], torch.tensor(len(labels) / k))


def test_some_classes_are_empty_the_last_one_too(seed):
    (full, k), (labels, classes) = [case for case, _ in _cases("weights", seed)]
    assert full.bincount(minlength=k).min() > 0
    assert len(full.bincount().unique()) > 1
    counts = labels.bincount(minlength=classes)
    assert (counts == 0).sum() == 2
    assert counts[-1] == 0
