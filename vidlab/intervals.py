"""How far to trust a measured share: the bootstrap interval of a mean, and where a guesser's accuracy lies.

B. Efron, R. Tibshirani, *An introduction to the bootstrap* (1993), chapter 13, the percentile interval; C. Clopper,
E. Pearson, *The use of confidence or fiducial limits illustrated in the case of the binomial* (Biometrika 26, 1934).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

RESAMPLES = 2000


class Estimate(NamedTuple):
    """A share from 0 to 1, and the interval in which the truth is believed to lie."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} % ({100 * self.low:.1f} to {100 * self.high:.1f})"


def bootstrap(right: Float[Tensor, "v s"], *, level: float = 0.95, seed: int = 0) -> list[Estimate]:
    """The mean of each of s columns, with the interval in which it lies when the v rows are drawn again and again.

    Where all rows are 1, or all 0, drawing again shows no spread, though the truth may well be less extreme: there the
    exact bound of Clopper & Pearson (1934) stands in.

    Raises:
        ValueError: no rows, or no level.
    """
    if len(right) == 0 or not 0 < level < 1:
        raise ValueError(f"{len(right)} rows, level = {level}. Wanted: rows, and 0 < level < 1.")
    generator, n = torch.Generator().manual_seed(seed), len(right)
    right, tail = right.double(), (1 - level) / 2
    some = 100  # resamples at a time: memory for 100 test sets
    drawn = [right[torch.randint(n, (some, n), generator=generator)].mean(1) for _ in range(RESAMPLES // some)]
    low, high = torch.cat(drawn).quantile(right.new_tensor([tail, 1 - tail]), dim=0)
    low = torch.where((right == 1).all(0), tail ** (1 / n), low)
    high = torch.where((right == 0).all(0), 1 - tail ** (1 / n), high)
    return [Estimate(*numbers) for numbers in torch.stack([right.mean(0), low, high], dim=1).tolist()]


def chance_interval(n: int, p: float, level: float = 0.95) -> tuple[float, float]:
    """Where the accuracy of a guesser lies who is right with probability p, n times independently.

    The exact binomial: less than (1 - level) / 2 of all guessers lie below it, and as few above.

    Raises:
        ValueError: no trial, or a probability that is none.

    >>> chance_interval(100, 0.25)
    (0.17, 0.34)
    """
    if n < 1 or not 0 <= p <= 1 or not 0 < level < 1:
        raise ValueError(f"n = {n}, p = {p}, level = {level}. Wanted: n above 0, 0 ≤ p ≤ 1 and 0 < level < 1.")
    k = torch.arange(n + 1, dtype=torch.float64)
    ways = math.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
    chance = (ways + torch.xlogy(k, k.new_tensor(p)) + torch.special.xlog1py(n - k, k.new_tensor(-p))).exp()
    tail = (1 - level) / 2
    low = (chance.cumsum(0) < tail).sum().item()  # so many counts lie in the lower tail
    high = n - (chance.flip(0).cumsum(0) < tail).sum().item()
    return low / n, high / n
