"""Exercises of lesson 10, attention and video transformers: who asks whom, who knows when it is, and what it costs."""

import torch
from einops import einsum
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from . import attention_comparisons, attention_mass, attention_non_local, attention_positions, attention_tubelets
from .draws import film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted


def attend(
    query: Float[Tensor, "b q d"], key: Float[Tensor, "b k d"], value: Float[Tensor, "b k e"]
) -> Float[Tensor, "b q e"]:
    scores = einsum(query, key, "b q d, b k d -> b q k") / query.shape[-1] ** 0.5
    weights = scores.softmax(dim=-1)  # the keys share out the attention of each query
    return einsum(weights, value, "b q k, b k e -> b q e")


def _draw_tokens(generator: torch.Generator) -> list[tuple]:
    """Several queries; and a single one with scores in the thousands, of which no float can hold the exponential."""
    cases = []
    for one, factor in ((False, 1.5), (True, 3000.0)):
        b, q, k, d, e = film_sizes(generator, 5)
        shapes = (b, 1 if one else q, d), (b, k, d), (b, k, e)
        query, *others = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)
        cases.append((factor * query, *others))
    return cases


def _scores(query: Tensor, key: Tensor, by: float | None = None) -> Tensor:
    """The products, divided by another number, by default the right one."""
    return query @ key.mT / (query.shape[-1] ** 0.5 if by is None else by)


def _taken(scores: Tensor, value: Tensor, axis: int = -1) -> Tensor:
    return scores.softmax(axis) @ value


def _unit(tokens: Tensor) -> Tensor:
    return functional.normalize(tokens, dim=-1)


def _hard(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The value of the best key."""
    best = _scores(query, key).argmax(-1)
    return torch.stack([values[index] for values, index in zip(value, best, strict=True)])


def _causal(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Query i sees keys 0 to i."""
    scores = _scores(query, key)
    return _taken(scores.masked_fill(torch.ones_like(scores).triu(1).bool(), -torch.inf), value)


def _all_pairs(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """One softmax over all pairs of a clip."""
    scores = _scores(query, key)
    return scores.flatten(1).softmax(-1).reshape(scores.shape) @ value


EXERCISES = (
    Exercise(
        name="attention.attend",
        task="Let each query (b q d) take a mean of the values (b k e), weighted by how well its keys (b k d) fit.",
        reference=attend,
        draw=_draw_tokens,
        wanted=Wanted(axes="b q e", dtype="same"),
        hints=(
            "First a score for each pair of a query and a key, b q k: which axis is summed over?",
            "Which axis of b q k must sum to 1, so that each query gets a mean of values? Scale before, not after.",
        ),
        mistakes=(
            Mistake(
                "the softmax runs over the queries: they compete for each key, and no query's weights sum to 1",
                lambda q, k, v: _taken(_scores(q, k), v, -2),
            ),
            Mistake(
                "the softmax runs over the batch: clips compete that have nothing to do with each other",
                lambda q, k, v: _taken(_scores(q, k), v, 0),
            ),
            Mistake("the softmax runs over all pairs of a clip: each query should have weights of its own", _all_pairs),
            Mistake(
                "the scores are not scaled: the more dimensions, the larger they are, and one key takes all",
                lambda q, k, v: _taken(_scores(q, k, 1), v),
            ),
            Mistake(
                "the scores are divided by the number of dimensions itself: their spread grows more slowly than that",
                lambda q, k, v: _taken(_scores(q, k, q.shape[-1]), v),
            ),
            Mistake(
                "the scores are multiplied where they should be divided",
                lambda q, k, v: _taken(_scores(q, k, q.shape[-1] ** -0.5), v),
            ),
            Mistake(
                "the scores are scaled by the size of the values, which have no part in them",
                lambda q, k, v: _taken(_scores(q, k, v.shape[-1] ** 0.5), v),
            ),
            Mistake(
                "the scores are scaled by the number of keys: what is summed over in a score is something else",
                lambda q, k, v: _taken(_scores(q, k, k.shape[1] ** 0.5), v),
            ),
            Mistake(
                "the scores are scaled by the number of queries: what is summed over in a score is something else",
                lambda q, k, v: _taken(_scores(q, k, q.shape[1] ** 0.5), v),
            ),
            Mistake(
                "the scores are divided by the number of keys, and it is no root either",
                lambda q, k, v: _taken(_scores(q, k, k.shape[1]), v),
            ),
            Mistake(
                "the scores are scaled by the size of the batch",
                lambda q, k, v: _taken(_scores(q, k, len(q) ** 0.5), v),
            ),
            Mistake(
                "the root is drawn twice: is the scale on the queries and on the keys, or on their product?",
                lambda q, k, v: _taken(_scores(q, k, q.shape[-1] ** 0.25), v),
            ),
            Mistake(
                "it is scaled after the softmax: then the weights no longer sum to 1, and are as sharp as before",
                lambda q, k, v: _taken(_scores(q, k, 1), v) / q.shape[-1] ** 0.5,
            ),
            Mistake(
                "it is scaled before the softmax and once more after it",
                lambda q, k, v: _taken(_scores(q, k), v) / q.shape[-1] ** 0.5,
            ),
            Mistake(
                "queries and keys are brought to length 1: that is cosine similarity, and long vectors lose their say",
                lambda q, k, v: _taken(_unit(q) @ _unit(k).mT, v),
            ),
            Mistake(
                "queries and keys are brought to length 1, and then scaled: their lengths should count",
                lambda q, k, v: _taken(_scores(_unit(q), _unit(k)), v),
            ),
            Mistake(
                "it compares by distance; here the scores are products",
                lambda q, k, v: _taken(-(torch.cdist(q, k) ** 2) / q.shape[-1] ** 0.5, v),
            ),
            Mistake(
                "the sign of the scores is lost: a key that points the other way is no good fit",
                lambda q, k, v: _taken(_scores(q, k).abs(), v),
            ),
            Mistake("the key that fits worst gets the largest weight", lambda q, k, v: _taken(-_scores(q, k), v)),
            Mistake(
                "the softmax is missing: raw scores may be negative, and do not sum to 1",
                lambda q, k, v: _scores(q, k) @ v,
            ),
            Mistake(
                "neither softmax nor scale: raw products are no weights",
                lambda q, k, v: _scores(q, k, 1) @ v,
            ),
            Mistake(
                "the scores are divided by their sum: some are negative, and the sum may be next to nothing",
                lambda q, k, v: _scores(q, k) / _scores(q, k).sum(-1, keepdim=True) @ v,
            ),
            Mistake(
                "each weight comes from a sigmoid, for itself: the keys should share out what there is",
                lambda q, k, v: _scores(q, k).sigmoid() @ v,
            ),
            Mistake(
                "those are the logarithms of the weights: they are all negative",
                lambda q, k, v: _scores(q, k).log_softmax(-1) @ v,
            ),
            Mistake(
                "the softmax is taken twice: the second one makes all weights nearly equal",
                lambda q, k, v: _taken(_scores(q, k).softmax(-1), v),
            ),
            Mistake(
                "the values come in before the softmax, which then runs over their dimensions",
                lambda q, k, v: (_scores(q, k) @ v).softmax(-1),
            ),
            Mistake(
                "the values come in before the softmax, which then runs over the queries",
                lambda q, k, v: (_scores(q, k) @ v).softmax(-2),
            ),
            Mistake(
                "a softmax is taken of the values as well: they should come back as they are",
                lambda q, k, v: _taken(_scores(q, k), v.softmax(-1)),
            ),
            Mistake(
                "only the key that fits best has a say: all should, more or less",
                _hard,
            ),
            Mistake(
                "every key has the same say: queries make no difference",
                lambda q, k, v: v.mean(1, keepdim=True).expand(-1, q.shape[1], -1),
            ),
            Mistake(
                "the weighted values are averaged once more: the weights sum to 1 already",
                lambda q, k, v: attend(q, k, v) / k.shape[1],
            ),
            Mistake("a mean of the keys comes back; they were only asked", lambda q, k, v: attend(q, k, k)),
            Mistake(
                "those are the weights: what do they weigh?",
                lambda q, k, v: _scores(q, k).softmax(-1),
            ),
            Mistake("those are the scores: the softmax is to come, and the values", lambda q, k, v: _scores(q, k)),
            Mistake("queries and dimensions of the answer have changed places", lambda q, k, v: attend(q, k, v).mT),
            Mistake("a query sees only the keys up to its own number: here it may see all", _causal),
            Mistake(
                "the answers to all queries are averaged: each has its own", lambda q, k, v: attend(q, k, v).mean(1)
            ),
            Mistake("only the first query is answered, and its axis is gone", lambda q, k, v: attend(q, k, v)[:, 0]),
            Mistake("only the first clip is left: the batch is lost", lambda q, k, v: attend(q, k, v)[0]),
            Mistake(
                "all clips are compared with the keys of the first one",
                lambda q, k, v: attend(q, k[:1].expand_as(k), v),
            ),
            Mistake(
                "the keys of all clips are added up before they are compared",
                lambda q, k, v: attend(q, k.sum(0, keepdim=True).expand_as(k), v),
            ),
        ),
    ),
    *attention_non_local.EXERCISES,
    *attention_positions.EXERCISES,
    *attention_tubelets.EXERCISES,
    *attention_comparisons.EXERCISES,
    *attention_mass.EXERCISES,
)
