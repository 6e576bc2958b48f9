"""Exercises of lesson 09, recurrence: what a cell keeps from step to step, and what becomes of its own word."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from . import recurrence_error, recurrence_gru, recurrence_parameters, recurrence_rollout
from .draws import film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted

Batch = Float[Tensor, "b d"]
Pair = tuple[Tensor, Tensor]


def lstm_step(gates: Float[Tensor, "4 b d"], c: Batch) -> tuple[Batch, Batch]:
    i, f, o = gates[:3].sigmoid()  # between 0 and 1: how far each gate is open
    candidate = gates[3].tanh()  # what could be written, with either sign
    c = f * c + i * candidate  # some of the old is kept, some of the new is written
    h = o * c.tanh()  # the state shows some of the new cell
    return h, c


def _draw_steps(generator: torch.Generator) -> list[tuple]:
    """Gates of any opening, and cells below −1 and above 1, as sums may become; twice."""
    cases = []
    for _ in range(2):
        b, d = film_sizes(generator, 2)
        gates = 2 * torch.randn(4, b, d, generator=generator, dtype=torch.float64)
        cases.append((gates, 2 * torch.randn(b, d, generator=generator, dtype=torch.float64)))
    return cases


def _opened(gates: Tensor, order: str = "ifoc", gate: Callable = torch.sigmoid, new: Callable = torch.tanh) -> list:
    """i, f, o and the candidate, read in another order or opened by other functions."""
    i, f, o, candidate = (gates[order.index(name)] for name in "ifoc")
    return [gate(i), gate(f), gate(o), new(candidate)]


def _step(gates: Tensor, c: Tensor, show: Callable = torch.tanh, **other: Callable | str) -> Pair:
    i, f, o, candidate = _opened(gates, **other)
    c = f * c + i * candidate
    return o * show(c), c


def _cell(gates: Tensor, cell: Callable) -> Pair:
    """The new cell is another function of i, f, o and the candidate."""
    i, f, o, candidate = _opened(gates)
    c = cell(i, f, o, candidate)
    return o * c.tanh(), c


def _state(gates: Tensor, c: Tensor, state: Callable) -> Pair:
    """The cell is right; the state is another function of i, f, o, the candidate and the new cell."""
    _, c = _step(gates, c)
    return state(*_opened(gates), c), c


def _more_kept(gates: Tensor) -> Tensor:
    return gates + torch.tensor([0.0, 1, 0, 0], dtype=gates.dtype)[:, None, None]


EXERCISES = (
    Exercise(
        name="recurrence.lstm",
        task="One step of an LSTM: (h, c), each b d, from gates (4 b d: i, f, o, candidate, not yet squashed), old c.",
        reference=lstm_step,
        draw=_draw_steps,
        wanted=Wanted(dtype="same", parts=(("h", "b d"), ("c", "b d"))),
        hints=(
            "First squash: three of the four are gates, open from 0 to 1; the fourth may have either sign.",
            "The new c is a sum of what is kept of the old and what is written; h looks at the new c through a gate.",
        ),
        mistakes=(
            Mistake(
                "input and forget gate have changed places: the old is written, the new is kept",
                lambda g, c: _step(g, c, order="fioc"),
            ),
            Mistake("input and output gate have changed places", lambda g, c: _step(g, c, order="ofic")),
            Mistake("forget and output gate have changed places", lambda g, c: _step(g, c, order="iofc")),
            Mistake(
                "output gate and candidate have changed places: that is torch's order, and another one here",
                lambda g, c: _step(g, c, order="ifco"),
            ),
            Mistake("`gates` is read from its end: the candidate comes last", lambda g, c: _step(g, c, order="cofi")),
            Mistake("`gates` is read as if the candidate came first", lambda g, c: _step(g, c, order="cifo")),
            Mistake(
                "the gates go through tanh: below 0 a gate would turn signs", lambda g, c: _step(g, c, gate=torch.tanh)
            ),
            Mistake(
                "the gates are taken as they are: they open from 0 to 1", lambda g, c: _step(g, c, gate=torch.clone)
            ),
            Mistake(
                "the gates are cut off at 0 and 1: a gate that is closed so can learn nothing",
                lambda g, c: _step(g, c, gate=lambda a: a.clamp(0, 1)),
            ),
            Mistake(
                "the gates are a hard sigmoid, of straight pieces",
                lambda g, c: _step(g, c, gate=functional.hardsigmoid),
            ),
            Mistake(
                "the three gates compete by a softmax: each should open for itself",
                lambda g, c: _step(torch.cat([g[:3].softmax(0), g[3:]]), c, gate=torch.clone),
            ),
            Mistake(
                "the candidate goes through a sigmoid: only positive numbers would ever be written",
                lambda g, c: _step(g, c, new=torch.sigmoid),
            ),
            Mistake(
                "the candidate is written as it is: without bounds",
                lambda g, c: _step(g, c, new=torch.clone),
            ),
            Mistake(
                "the candidate is rectified: only positive numbers would ever be written",
                lambda g, c: _step(g, c, new=torch.relu),
            ),
            Mistake(
                "h shows the cell as it is: a cell is a sum and may have grown large",
                lambda g, c: _step(g, c, show=torch.clone),
            ),
            Mistake(
                "h shows the cell through a sigmoid: it should have either sign",
                lambda g, c: _step(g, c, show=torch.sigmoid),
            ),
            Mistake("h shows the old cell", lambda g, c: _state(g, c, lambda i, f, o, n, _: o * c.tanh())),
            Mistake("h shows the candidate, not the cell", lambda g, c: _state(g, c, lambda i, f, o, n, _: o * n)),
            Mistake(
                "h is not gated: how much of the cell is shown?", lambda g, c: _state(g, c, lambda *a: a[4].tanh())
            ),
            Mistake(
                "h is shown through the input gate", lambda g, c: _state(g, c, lambda i, f, o, n, new: i * new.tanh())
            ),
            Mistake(
                "h is shown through the forget gate", lambda g, c: _state(g, c, lambda i, f, o, n, new: f * new.tanh())
            ),
            Mistake(
                "h is squashed after the gate, not before it",
                lambda g, c: _state(g, c, lambda i, f, o, n, new: (o * new).tanh()),
            ),
            Mistake("h is the output gate itself", lambda g, c: _state(g, c, lambda i, f, o, n, new: o)),
            Mistake("h and c have changed places: the state comes first", lambda g, c: _step(g, c)[::-1]),
            Mistake("the state is returned twice; the cell must be carried on, too", lambda g, c: 2 * _step(g, c)[:1]),
            Mistake("the cell is returned twice; the state is what it shows", lambda g, c: 2 * _step(g, c)[1:]),
            Mistake("the old cell is returned: it forgets what it has just written", lambda g, c: (_step(g, c)[0], c)),
            Mistake(
                "the cell is squashed after the sum: then it could not add up, nor gradients reach far back",
                lambda g, c: _cell(g, lambda i, f, o, n: (f * c + i * n).tanh()),
            ),
            Mistake(
                "the cell is carried on squashed; only what h shows of it should be",
                lambda g, c: (_step(g, c)[0], _step(g, c)[1].tanh()),
            ),
            Mistake(
                "the old is kept where the forget gate is closed: open means keep",
                lambda g, c: _cell(g, lambda i, f, o, n: (1 - f) * c + i * n),
            ),
            Mistake(
                "as much is kept as is not written, and the forget gate has no say",
                lambda g, c: _cell(g, lambda i, f, o, n: (1 - i) * c + i * n),
            ),
            Mistake(
                "as much is written as is not kept, and the input gate has no say",
                lambda g, c: _cell(g, lambda i, f, o, n: f * c + (1 - f) * n),
            ),
            Mistake(
                "nothing is ever forgotten: the old cell is kept whole, as in 1997",
                lambda g, c: _cell(g, lambda i, f, o, n: c + i * n),
            ),
            Mistake(
                "all of the candidate is written: the input gate has no say",
                lambda g, c: _cell(g, lambda i, f, o, n: f * c + n),
            ),
            Mistake("the old cell has no part in the new one", lambda g, c: _cell(g, lambda i, f, o, n: i * n)),
            Mistake("nothing is written: the candidate has no part", lambda g, c: _cell(g, lambda i, f, o, n: f * c)),
            Mistake(
                "what is written is forgotten at once: the gate should act on the old cell only",
                lambda g, c: _cell(g, lambda i, f, o, n: f * (c + i * n)),
            ),
            Mistake(
                "old and new are multiplied: the cell is a sum", lambda g, c: _cell(g, lambda i, f, o, n: f * c * i * n)
            ),
            Mistake(
                "the mean of kept and written: their sum is wanted",
                lambda g, c: _cell(g, lambda i, f, o, n: (f * c + i * n) / 2),
            ),
            Mistake("the new is taken away, not added", lambda g, c: _cell(g, lambda i, f, o, n: f * c - i * n)),
            Mistake(
                "1 is added to the forget gate before σ: some libraries begin so, but here all is in `gates`",
                lambda g, c: _step(_more_kept(g), c),
            ),
        ),
    ),
    *recurrence_parameters.EXERCISES,
    *recurrence_gru.EXERCISES,
    *recurrence_rollout.EXERCISES,
    *recurrence_error.EXERCISES,
)
