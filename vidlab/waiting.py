"""What a model costs in time: seconds, and how many of its operations must wait for each other.

More processors share work, but never shorten the chain of operations of which each needs the one before (R. Brent,
*The parallel evaluation of general arithmetic expressions*, 1974).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from .errors import ShapeError


def longest_chain(model: Callable[[Tensor], Tensor], x: Float[Tensor, "..."]) -> int:
    """How many operations come one after the other until the model answers x, along autograd's graph.

    What counts is a node of the graph: one for each operation of torch, large or small; a fused kernel is one. So how
    it grows says more than how long it is.

    Raises:
        ShapeError: an answer without a graph, as of a model without parameters to train.

    >>> longest_chain(torch.nn.Sequential(*3 * [torch.nn.Tanh()]), torch.rand(2, requires_grad=True))
    3
    """
    answer = model(x)
    if answer.grad_fn is None:
        raise ShapeError("an answer without a gradient", wanted="one that depends on something to train")
    depth, stack = {}, [answer.grad_fn]  # of what is given: 0
    while stack:
        operation = stack.pop()
        needs = [before for before, _ in operation.next_functions if before is not None]
        if all(before in depth for before in needs):
            depth[operation] = max((depth[before] + 1 for before in needs), default=0)
        else:  # once more, after those that it needs
            stack += [operation, *(before for before in needs if before not in depth)]
    return depth[answer.grad_fn]


@torch.no_grad()
def seconds(model: Callable[[Tensor], Tensor], x: Float[Tensor, "..."], rounds: int = 5) -> float:
    """The median time of an answer, after one to warm up: of all the CPU's threads, or, on a GPU, by the clock.

    The model stays in the mode that it is in.

    Raises:
        ShapeError: rounds below 1.
    """
    if rounds < 1:
        raise ShapeError(f"rounds = {rounds}", wanted="at least 1")
    clock, taken = time.process_time if x.device.type == "cpu" else time.perf_counter, []
    for _ in range(rounds + 1):
        began = clock()
        model(x).sum().item()  # which waits until a GPU is done
        taken.append(clock() - began)
    return statistics.median(taken[1:])
