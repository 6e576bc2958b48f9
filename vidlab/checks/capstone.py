"""Exercises of lesson 14, all models on one table: which are worth their cost, and which of two is really better."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from . import capstone_average, capstone_difference
from .draws import film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted

Numbers = Float[Tensor, "n"]


def pareto(costs: Numbers, accuracies: Numbers) -> Bool[Tensor, "n"]:
    # n n: row by row a model, column by column who may beat it
    no_worse = (costs <= costs[:, None]) & (accuracies >= accuracies[:, None])
    better = (costs < costs[:, None]) | (accuracies > accuracies[:, None])  # nobody is better than itself
    return ~(no_worse & better).any(dim=1)


BESIDE = ((0, 0), (0, 0), (0, 1), (1, 0), (2, 2))  # how much dearer and less accurate than a step of the front


def _draw_models(generator: torch.Generator) -> list[tuple]:
    """No two numbers alike; few levels, so that many models cost or know the same; a front of three steps; and of one.

    Dear models tend to be accurate ones. On each step stand two models that are alike, and beside it one that costs the
    same and knows less, one that knows the same and costs more, and one that is worse in both.
    """
    a, b = film_sizes(generator, 2)
    random = torch.rand(2, 2 * a, generator=generator, dtype=torch.float64)
    cases = [(1e6 * (1 + 9 * random[0]), random.mean(0))]
    level, luck = torch.randint(0, 5, (2, 2 * b), generator=generator).double()
    cases.append((1e6 * (1 + level), (level + luck) / 10))
    for steps in ((1, 2, 3), (2,)):
        models = [(10.0 * step + dear, step / 4 - less / 40) for step in steps for dear, less in BESIDE]
        shuffled = torch.randperm(len(models), generator=generator)
        cases.append(tuple(torch.tensor(models, dtype=torch.float64)[shuffled].T.clone()))
    return cases


def _beaten(
    costs: Tensor, accuracies: Tensor, no_worse: str = "<= >=", better: str = "< >", join: str = "or"
) -> Tensor:
    """n n: row by row a model, column by column who beats it, by these comparisons of costs and of accuracies."""
    compare = {"<": torch.lt, "<=": torch.le, ">": torch.gt, ">=": torch.ge}
    pairs = (costs, costs[:, None]), (accuracies, accuracies[:, None])
    weak = [compare[sign](*pair) for sign, pair in zip(no_worse.split(), pairs, strict=True)]
    strict = [compare[sign](*pair) for sign, pair in zip(better.split(), pairs, strict=True)]
    return weak[0] & weak[1] & (strict[0] | strict[1] if join == "or" else strict[0] & strict[1])


def _others(costs: Tensor) -> Tensor:
    """n n: True but for each model beside itself."""
    return ~torch.eye(len(costs), dtype=torch.bool)


def _walk(costs: Tensor, accuracies: Tensor, order: Tensor, *, neighbour: bool = False) -> Tensor:
    """In this order, who knows more than all before it, or than the one just before it."""
    along = accuracies[order]
    best = along if neighbour else along.cummax(0).values
    stays = torch.ones_like(order, dtype=torch.bool)
    stays[1:] = along[1:] > best[:-1]
    return torch.zeros_like(stays).scatter(0, order, stays)


def _by_cost(costs: Tensor, accuracies: Tensor) -> Tensor:
    """The cheapest first; of equal cost the most accurate first; of equal pairs the first that comes."""
    order = accuracies.argsort(descending=True, stable=True)
    return order[costs[order].argsort(stable=True)]


def _best_of_equal(levels: Tensor, numbers: Tensor) -> Tensor:
    """Who has the largest number of all with the same level."""
    same = levels == levels[:, None]
    return numbers == numbers.expand_as(same).masked_fill(~same, -torch.inf).amax(1)


EXERCISES = (
    Exercise(
        name="capstone.pareto",
        task="Say of each model (n) if no other beats it: at most as costly, at least as accurate, and better in one.",
        reference=pareto,
        draw=_draw_models,
        wanted=Wanted(axes="n", dtype=torch.bool, tolerance=0.0),
        hints=(
            "Who beats whom is a table of n × n: `costs[:, None]` beside `costs` compares each with each.",
            "Two conditions: no worse in both, and better in one of the two. Which models does nobody beat?",
        ),
        mistakes=(
            Mistake("True stands for those who are beaten", lambda c, a: ~pareto(c, a)),
            Mistake(
                "those are the numbers of the models on the front: a True or False for each model is wanted",
                lambda c, a: pareto(c, a).nonzero()[:, 0],
            ),
            Mistake(
                "the answers come in the order of cost: they should stand where their models stand",
                lambda c, a: pareto(c, a)[c.argsort(stable=True)],
            ),
            Mistake(
                "the answers come in the order of accuracy: they should stand where their models stand",
                lambda c, a: pareto(c, a)[a.argsort(stable=True)],
            ),
            Mistake("the dear models win: a lower cost is better", lambda c, a: pareto(-c, a)),
            Mistake("the inaccurate models win: a higher accuracy is better", lambda c, a: pareto(c, -a)),
            Mistake(
                "those stay who beat nobody: are both comparisons, the two arguments, or rows and columns exchanged?",
                lambda c, a: pareto(a, c),
            ),
            Mistake(
                "who is worse in only one and equal in the other stays: being better in one of the two is enough",
                lambda c, a: ~_beaten(c, a, "< >", "< >").any(1),
            ),
            Mistake(
                "at the same cost a model that knows less stays", lambda c, a: ~_beaten(c, a, "< >=", "< >").any(1)
            ),
            Mistake(
                "at the same accuracy a model that costs more stays", lambda c, a: ~_beaten(c, a, "<= >", "< >").any(1)
            ),
            Mistake(
                "nobody stays: each is compared with itself as well, and is no worse than itself",
                lambda c, a: ~_beaten(c, a, "<= >=", "<= >=").any(1),
            ),
            Mistake(
                "equal pairs beat each other: neither of them is better",
                lambda c, a: ~(_beaten(c, a, "<= >=", "<= >=") & _others(c)).any(1),
            ),
            Mistake(
                "of equal pairs only the first stays: neither beats the other",
                lambda c, a: _walk(c, a, _by_cost(c, a)),
            ),
            Mistake(
                "of equal pairs only the last stays: neither beats the other",
                lambda c, a: _walk(c.flip(0), a.flip(0), _by_cost(c.flip(0), a.flip(0))).flip(0),
            ),
            Mistake(
                "each is only compared with the one just before it in the order of cost, not with all cheaper ones",
                lambda c, a: _walk(c, a, _by_cost(c, a), neighbour=True),
            ),
            Mistake(
                "it goes wrong where costs are equal: their order in the list should not matter",
                lambda c, a: _walk(c, a, c.argsort(stable=True)),
            ),
            Mistake(
                "who is worse in one of the two is out: a model may cost more if it knows more",
                lambda c, a: ~((c < c[:, None]) | (a > a[:, None])).any(1),
            ),
            Mistake("only the most accurate stay: cost has no say", lambda c, a: a == a.amax()),
            Mistake("only the cheapest stay: accuracy has no say", lambda c, a: c == c.amin()),
            Mistake(
                "only the most accuracy for the money stays: no exchange rate is given",
                lambda c, a: a / c == (a / c).amax(),
            ),
            Mistake("each is only compared with those of the same cost", lambda c, a: _best_of_equal(c, a)),
            Mistake("each is only compared with those of the same accuracy", lambda c, a: _best_of_equal(a, -c)),
            Mistake(
                "each is compared with the mean, not with the other models",
                lambda c, a: (c <= c.mean()) & (a >= a.mean()),
            ),
            Mistake(
                "each is compared with the mean, and one of the two is enough: compare model with model",
                lambda c, a: (c <= c.mean()) | (a >= a.mean()),
            ),
            Mistake("all stay: has anybody been compared?", lambda c, a: torch.ones_like(c, dtype=torch.bool)),
            Mistake(
                "that is the table of who beats whom: one answer for each model is wanted", lambda c, a: _beaten(c, a)
            ),
            Mistake(
                "that is how many others beat each model: a True or False is wanted", lambda c, a: _beaten(c, a).sum(1)
            ),
            Mistake("that is who beats somebody: who is beaten by nobody is wanted", lambda c, a: _beaten(c, a).any(0)),
        ),
    ),
    *capstone_average.EXERCISES,
    *capstone_difference.EXERCISES,
)
