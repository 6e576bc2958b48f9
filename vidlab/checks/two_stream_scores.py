"""Exercise of lesson 11, two voices and one verdict: the probabilities of both streams are averaged."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from .draws import chance, film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted

Scores = Float[Tensor, "b c"]


def average(spatial_logits: Scores, temporal_logits: Scores) -> Scores:
    spatial, temporal = spatial_logits.softmax(dim=1), temporal_logits.softmax(dim=1)  # first each for itself
    return (spatial + temporal) / 2  # both have the same say; it sums to 1 again


def _draw_logits(generator: torch.Generator) -> list[tuple]:
    """Streams of unequal confidence; then logits around 1000 and −1000, of which no float holds the exponential."""
    cases = []
    for level in (0.0, 1000.0):
        b, c = film_sizes(generator, 2)
        spatial, temporal = torch.randn(2, b, c, generator=generator, dtype=torch.float64)
        up, down = (level * chance(generator, 0.9, 1.1) for _ in "st")
        cases.append((3 * spatial + up, 1.5 * temporal - down))
    return cases


def _p(logits: Tensor, axis: int = 1) -> Tensor:
    return logits.softmax(axis)


def _weighted(s: Tensor, t: Tensor, share: float) -> Tensor:
    """The first stream has this share."""
    return share * _p(s) + (1 - share) * _p(t)


def _both(s: Tensor, t: Tensor, what: Callable[[Tensor], Tensor]) -> Tensor:
    """The mean of what becomes of each stream's logits."""
    return (what(s) + what(t)) / 2


def _winner(scores: Tensor) -> Tensor:
    """1 for the best class, 0 for all others."""
    return functional.one_hot(scores.argmax(1), scores.shape[1]).to(scores.dtype)


def _surer(s: Tensor, t: Tensor) -> Tensor:
    """All the probabilities of the stream whose best one is larger."""
    s, t = _p(s), _p(t)
    return torch.where(s.amax(1, keepdim=True) > t.amax(1, keepdim=True), s, t)


def _by_entropy(s: Tensor, t: Tensor) -> Tensor:
    """Who is unsure has the smaller say."""
    p = torch.stack((_p(s), _p(t)))
    say = (p * p.log()).sum(2, keepdim=True).exp()
    return (say * p).sum(0) / say.sum(0)


def _shared(s: Tensor, t: Tensor) -> Tensor:
    """One softmax over the classes of both streams."""
    halves = _p(torch.cat((s, t), 1)).chunk(2, 1)
    return halves[0] + halves[1]


def _to_one(numbers: Tensor) -> Tensor:
    return numbers / numbers.sum(1, keepdim=True)


def _standard(logits: Tensor) -> Tensor:
    return (logits - logits.mean(1, keepdim=True)) / logits.std(1, keepdim=True)


EXERCISES = (
    Exercise(
        name="two_stream.average",
        task="Fuse two streams late: from the logits (b c) of each, give the mean of their probabilities (b c).",
        reference=average,
        draw=_draw_logits,
        wanted=Wanted(axes="b c", dtype="same", low=0.0, high=1.0),
        hints=(
            "Logits of two networks have no common scale, probabilities have. Which axis must sum to 1?",
            "torch has `softmax`, which large logits do not harm. Take it of each stream, and average what comes out.",
        ),
        mistakes=(
            Mistake(
                "logits are averaged before the softmax: the stream with larger logits shouts down the other",
                lambda s, t: _p((s + t) / 2),
            ),
            Mistake(
                "logits are added before the softmax: that multiplies probabilities, and one stream can veto",
                lambda s, t: _p(s + t),
            ),
            Mistake("logits are averaged, and there is no softmax", lambda s, t: (s + t) / 2),
            Mistake("logits are added, and there is no softmax", lambda s, t: s + t),
            Mistake("the sum is not halved: all classes together have 2", lambda s, t: _p(s) + _p(t)),
            Mistake("only one stream is halved: where are the brackets?", lambda s, t: _p(s) + _p(t) / 2),
            Mistake("only the spatial stream is halved", lambda s, t: _p(s) / 2 + _p(t)),
            Mistake("only the spatial stream is heard", lambda s, t: _p(s)),
            Mistake("only the temporal stream is heard", lambda s, t: _p(t)),
            Mistake(
                "the temporal stream has twice the say: here both have the same", lambda s, t: _weighted(s, t, 1 / 3)
            ),
            Mistake(
                "the spatial stream has twice the say: here both have the same", lambda s, t: _weighted(s, t, 2 / 3)
            ),
            Mistake(
                "the temporal stream has 1.5 times the say, as in some later networks: here both have the same",
                lambda s, t: _weighted(s, t, 0.4),
            ),
            Mistake("the temporal stream is taken away from the spatial one", lambda s, t: _p(s) - _p(t)),
            Mistake(
                "the softmax runs over the batch: clips compete that have nothing to do with each other",
                lambda s, t: _both(s, t, lambda a: _p(a, 0)),
            ),
            Mistake(
                "one softmax for all clips and classes: each clip should sum to 1",
                lambda s, t: _both(s, t, lambda a: _p(a.flatten(), 0).reshape(a.shape)),
            ),
            Mistake("the spatial softmax runs over the batch", lambda s, t: (_p(s, 0) + _p(t)) / 2),
            Mistake("the temporal softmax runs over the batch", lambda s, t: (_p(s) + _p(t, 0)) / 2),
            Mistake(
                "one softmax over the classes of both streams: the one with larger logits takes nearly all", _shared
            ),
            Mistake(
                "the streams compete in a softmax for each class: the classes should compete in each stream",
                lambda s, t: _p(torch.stack((s, t)), 0)[0],
            ),
            Mistake("a softmax is taken of the mean once more", lambda s, t: _p(average(s, t))),
            Mistake("a softmax is taken of the sum once more: both sum to 1 already", lambda s, t: _p(_p(s) + _p(t))),
            Mistake(
                "the softmax is taken twice in each stream: the second makes all nearly equal",
                lambda s, t: _both(s, t, lambda a: _p(_p(a))),
            ),
            Mistake(
                "the spatial logits are averaged as they are: the softmax is missing", lambda s, t: (s + _p(t)) / 2
            ),
            Mistake(
                "the temporal logits are averaged as they are: the softmax is missing", lambda s, t: (_p(s) + t) / 2
            ),
            Mistake(
                "logits are halved before the softmax: that makes each stream less sure",
                lambda s, t: _both(s, t, lambda a: _p(a / 2)),
            ),
            Mistake(
                "logits are halved before the softmax, and then added: halve what comes out",
                lambda s, t: _p(s / 2) + _p(t / 2),
            ),
            Mistake("signs of logits are turned: the worst class wins", lambda s, t: _both(s, t, lambda a: _p(-a))),
            Mistake(
                "each class has a sigmoid of its own: the classes should share out what there is",
                lambda s, t: _both(s, t, torch.sigmoid),
            ),
            Mistake("logarithms of probabilities are averaged", lambda s, t: _both(s, t, lambda a: a.log_softmax(1))),
            Mistake("that is the logarithm of the mean", lambda s, t: average(s, t).log()),
            Mistake("probabilities are multiplied, and do not sum to 1", lambda s, t: _p(s) * _p(t)),
            Mistake("that is the geometric mean, and it does not sum to 1", lambda s, t: (_p(s) * _p(t)).sqrt()),
            Mistake("the larger one of each class is taken: together they exceed 1", lambda s, t: _p(s).maximum(_p(t))),
            Mistake("the smaller one of each class is taken", lambda s, t: _p(s).minimum(_p(t))),
            Mistake(
                "the larger one of each class is taken, and brought to a sum of 1",
                lambda s, t: _to_one(_p(s).maximum(_p(t))),
            ),
            Mistake("in each clip only the surer stream is heard: here both are", _surer),
            Mistake("who is less sure has a smaller say: here both have the same", _by_entropy),
            Mistake("logits are divided by their sum: some may be negative", lambda s, t: _both(s, t, _to_one)),
            Mistake(
                "logits are standardised before the softmax: how sure a stream is has gone",
                lambda s, t: _both(s, t, lambda a: _p(_standard(a))),
            ),
            Mistake(
                "logits are brought to length 1: that was done for a support vector machine",
                lambda s, t: _both(s, t, functional.normalize),
            ),
            Mistake(
                "each stream has one vote, for its best class: probabilities say more",
                lambda s, t: _both(s, t, _winner),
            ),
            Mistake(
                "the best class has 1 and all others 0: the mean itself is wanted", lambda s, t: _winner(average(s, t))
            ),
            Mistake(
                "that is the number of the best class: its probabilities are wanted",
                lambda s, t: average(s, t).argmax(1),
            ),
            Mistake("that is the probability of the best class only", lambda s, t: average(s, t).amax(1)),
            Mistake("the streams stand side by side: their mean is wanted", lambda s, t: torch.cat((_p(s), _p(t)), 1)),
            Mistake("the streams stand one after the other: average them", lambda s, t: torch.stack((_p(s), _p(t)))),
            Mistake("it is averaged over the clips as well", lambda s, t: average(s, t).mean(0)),
            Mistake("it is averaged over the classes, and so the same for all", lambda s, t: average(s, t).mean(1)),
            Mistake("clips and classes have changed places", lambda s, t: average(s, t).mT),
            Mistake("each stream is asked about another clip", lambda s, t: (_p(s) + _p(t).roll(1, 0)) / 2),
        ),
    ),
)
