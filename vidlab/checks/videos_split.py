"""What can be wrong with a split by source. Many are right: what is judged is not which one it is, but what it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

Split = Callable[[list[str], float, int], Any]

TORN = "clips of one source are on both sides: the model would be asked about films that it has seen"
NO_TEST = "no clip is left to test on, where the first source is larger than the share: take one all the same"
NO_TRAINING = "no clip is left to train on, where there are few sources: one should always be left"
INVERSE = "True stands for training: it should stand for testing"
OF_SOURCES = "that is a share of the sources: sources have unequally many clips, and a share of the clips is wanted"
OFF = "the number of test clips is further from the share than the largest source has clips"
NO_SEED = "asked twice with the same seed, it gives two splits: nobody could repeat your result"
NO_LASTING_HASH = "it would be another split when Python starts anew: there `hash` gives the same text another number"
NO_LASTING_SET = "it would be another split when Python starts anew: there a `set` of the same texts has another order"
SAME = "another seed gives the same split: the seed has no say"
FEW = 9  # of so few sources two seeds may well give the same split


class _Text(str):
    """A text as another start of Python has it: equal to what it is here, and with another hash."""

    __slots__ = ()

    def __hash__(self) -> int:
        return hash(("another start", str(self.encode())))


def _hash_elsewhere(value: object) -> int:
    """`hash` as another start of Python has it: other numbers for texts, the same for numbers."""
    parts = value if isinstance(value, tuple) else (value,)
    has_text = any(isinstance(part, (str, bytes)) for part in parts)
    return hash(("another start", value)) if has_text else hash(value)


def _elsewhere(function: Split) -> Split:
    """The function as another start of Python would run it, as far as it calls `hash` itself."""
    if not isinstance(function, FunctionType) or "hash" in function.__globals__:
        return function
    names = {**function.__globals__, "hash": _hash_elsewhere}
    there = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    there.__kwdefaults__ = function.__kwdefaults__
    return there


def _gives(function: Split, sources: list[str], share: float, seed: int, split: Tensor) -> bool:
    """Whether it gives this split."""
    try:
        again = torch.as_tensor(function(list(sources), share, seed))
    except Exception:  # it did not fail before: that is another answer, too
        return False
    return again.shape == split.shape and torch.equal(again.bool(), split)


def _off(sources: list[str], share: float, split: Tensor) -> bool:
    """Whether the clips of the test side are further from the share than the largest source is large."""
    return abs(split.sum().item() - share * len(sources)) > max(Counter(sources).values())


def _number(sources: list[str], split: Tensor) -> int:
    """How many sources are on the test side."""
    return len({source for source, test in zip(sources, split.tolist(), strict=True) if test})


def fault(function: Split, pairs: list[tuple[tuple, Tensor]]) -> str:
    """What is wrong with a function that gave these splits, or an empty string."""
    for (sources, _, _), split in pairs:
        if len(set(zip(sources, split.tolist(), strict=True))) > len(set(sources)):
            return TORN
    if any(_off(sources, share, split) for (sources, share, _), split in pairs):
        if not any(_off(sources, share, ~split) for (sources, share, _), split in pairs):
            return INVERSE
        counts = [(share * len(set(sources)), _number(sources, split)) for (sources, share, _), split in pairs]
        return OF_SOURCES if all(abs(wanted - number) <= 1 for wanted, number in counts) else OFF
    if not all(split.any() for _, split in pairs):
        return NO_TEST
    if any(split.all() for _, split in pairs):
        return NO_TRAINING
    return _unsteady(function, pairs) or _unmoved(pairs)


def _unsteady(function: Split, pairs: list[tuple[tuple, Tensor]]) -> str:
    """What is wrong where the same is asked once more, here and in another start of Python."""
    pairs = list({tuple(case[0]): (case, split) for case, split in pairs if len(set(case[0])) > FEW}.values())
    for (sources, share, seed), split in pairs:
        if not _gives(function, sources, share, seed, split):
            return NO_SEED
    for (sources, share, seed), split in pairs:
        if not _gives(_elsewhere(function), sources, share, seed, split):
            return NO_LASTING_HASH
        if not _gives(function, [_Text(source) for source in sources], share, seed, split):
            return NO_LASTING_SET
    return ""


def _unmoved(pairs: list[tuple[tuple, Tensor]]) -> str:
    """What is wrong where the seed changes and nothing else."""
    splits: dict[tuple, list[list[bool]]] = {}
    for (sources, share, _), split in pairs:
        if len(set(sources)) > FEW:
            splits.setdefault((*sources, share), []).append(split.tolist())
    alike = (a == b for same in splits.values() for i, a in enumerate(same) for b in same[:i])
    return SAME if any(alike) else ""
