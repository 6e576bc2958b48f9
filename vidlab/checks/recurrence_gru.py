"""Exercise of lesson 09, a step of the gated recurrent unit as Ballas et al. write it; torch's differs twice."""

from collections.abc import Callable

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from .draws import integer
from .frame import Exercise, Mistake
from .mismatch import Wanted

Batch = Float[Tensor, "b d"]


def gru_step(x: Float[Tensor, "b d3"], h: Batch, U: Float[Tensor, "3 d d"]) -> Batch:
    x_z, x_r, x_new = x.chunk(3, dim=1)  # what the input says to each of them, b d
    z = (x_z + h @ U[0].T).sigmoid()  # how much of the new is written
    r = (x_r + h @ U[1].T).sigmoid()  # how much of the old the candidate may see
    candidate = (x_new + (r * h) @ U[2].T).tanh()  # r comes before U: what it hides, U never sees
    return (1 - z) * h + z * candidate  # what is not written over is kept


def _draw_steps(generator: torch.Generator) -> list[tuple]:
    """Gates of any opening, states of any size; twice."""
    cases = []
    for b in (4, 6):
        d = (5, 7)[integer(generator, 0, 2)]
        numbers = {"generator": generator, "dtype": torch.float64}
        U = 2 * torch.randn(3, d, d, **numbers) / d**0.5
        cases.append((torch.randn(b, 3 * d, **numbers), torch.randn(b, d, **numbers), U))
    return cases


def _parts(
    x: Tensor,
    h: Tensor,
    U: Tensor,
    *,
    gate: Callable = torch.sigmoid,
    new: Callable = torch.tanh,
    reset: Callable = lambda r, h, u: (r * h) @ u.T,
) -> tuple[Tensor, Tensor, Tensor]:
    """z, r and the candidate; `reset` is what the state says to the candidate."""
    x_z, x_r, x_new = x.chunk(3, dim=1)
    z, r = gate(x_z + h @ U[0].T), gate(x_r + h @ U[1].T)
    return z, r, new(x_new + reset(r, h, U[2]))


def _step(x: Tensor, h: Tensor, U: Tensor, **other: Callable) -> Tensor:
    z, _, candidate = _parts(x, h, U, **other)
    return (1 - z) * h + z * candidate


def _mixed(x: Tensor, h: Tensor, U: Tensor, mix: Callable, **other: Callable) -> Tensor:
    """z, r and candidate are right; what is made of them is not."""
    return mix(*_parts(x, h, U, **other))


def _after(r: Tensor, h: Tensor, u: Tensor) -> Tensor:
    return r * (h @ u.T)


def _thirds(x: Tensor, order: tuple[int, ...]) -> Tensor:
    """What the input says, in another order."""
    return torch.cat([x.chunk(3, dim=1)[i] for i in order], dim=1)


def _reset_input(x: Tensor, h: Tensor, U: Tensor) -> Tensor:
    """r is multiplied with all that the candidate sees."""
    z, r, _ = _parts(x, h, U)
    candidate = (r * (x.chunk(3, dim=1)[2] + h @ U[2].T)).tanh()
    return (1 - z) * h + z * candidate


def _silent(x: Tensor, third: int) -> Tensor:
    """The input says nothing to one of the three."""
    parts = list(x.chunk(3, dim=1))
    parts[third] = torch.zeros_like(parts[third])
    return torch.cat(parts, dim=1)


def _updated_first(x: Tensor, h: Tensor, U: Tensor) -> Tensor:
    """The gate that resets is made from what has been updated already."""
    x_z, x_r, x_new = x.chunk(3, dim=1)
    z = (x_z + h @ U[0].T).sigmoid()
    r = (x_r + (z * h) @ U[1].T).sigmoid()
    return (1 - z) * h + z * (x_new + (r * h) @ U[2].T).tanh()


EXERCISES = (
    Exercise(
        name="recurrence.gru",
        task="One step of a GRU: h (b d) from x (b 3d: what the input says to z, r, candidate), old h and U (3 d d).",
        reference=gru_step,
        draw=_draw_steps,
        wanted=Wanted(axes="b d", dtype="same"),
        hints=(
            "`x.chunk(3, dim=1)`; and for a batch, U[0] applied to h is `h @ U[0].T`.",
            "z decides how much of the *new* is written. r acts on h before U[2] sees it.",
        ),
        mistakes=(
            Mistake(
                "where z is open, the old is kept: so torch has it. Here z says how much of the new is written",
                lambda x, h, U: _mixed(x, h, U, lambda z, r, n: z * h + (1 - z) * n),
            ),
            Mistake(
                "r comes after U: so torch has it. Here it decides what U may see of the state",
                lambda x, h, U: _step(x, h, U, reset=_after),
            ),
            Mistake(
                "that is torch's GRU: there z keeps the old, and r comes after U; here both are the other way",
                lambda x, h, U: _mixed(x, h, U, lambda z, r, n: z * h + (1 - z) * n, reset=_after),
            ),
            Mistake(
                "r has no say: the candidate sees all of the state",
                lambda x, h, U: _step(x, h, U, reset=lambda r, h, u: h @ u.T),
            ),
            Mistake(
                "r resets where it is open: open means that the candidate sees the state",
                lambda x, h, U: _step(x, h, U, reset=lambda r, h, u: ((1 - r) * h) @ u.T),
            ),
            Mistake(
                "r acts twice, before U and after it",
                lambda x, h, U: _step(x, h, U, reset=lambda r, h, u: r * ((r * h) @ u.T)),
            ),
            Mistake(
                "r is added to the state: as a gate it multiplies",
                lambda x, h, U: _step(x, h, U, reset=lambda r, h, u: (r + h) @ u.T),
            ),
            Mistake("r silences the input, too: it should act on the state only", _reset_input),
            Mistake(
                "r acts on the state that is kept as well: it is there for the candidate only",
                lambda x, h, U: _mixed(x, h, U, lambda z, r, n: (1 - z) * r * h + z * n),
            ),
            Mistake(
                "z has taken the place of r before U",
                lambda x, h, U: _step(
                    x, h, U, reset=lambda r, h, u: ((x[:, : h.shape[1]] + h @ U[0].T).sigmoid() * h) @ u.T
                ),
            ),
            Mistake(
                "r has taken the place of z at the end",
                lambda x, h, U: _mixed(x, h, U, lambda z, r, n: (1 - r) * h + r * n),
            ),
            Mistake(
                "z and r have changed places: which comes first?",
                lambda x, h, U: _step(_thirds(x, (1, 0, 2)), h, U[[1, 0, 2]]),
            ),
            Mistake(
                "the input's parts for z and r have changed places: torch has r first",
                lambda x, h, U: _step(_thirds(x, (1, 0, 2)), h, U),
            ),
            Mistake("U's matrices for z and r have changed places", lambda x, h, U: _step(x, h, U[[1, 0, 2]])),
            Mistake("the input's parts are read from the end", lambda x, h, U: _step(_thirds(x, (2, 1, 0)), h, U)),
            Mistake("U's matrices are read from the end", lambda x, h, U: _step(x, h, U.flip(0))),
            Mistake(
                "input and U are both read from the end", lambda x, h, U: _step(_thirds(x, (2, 1, 0)), h, U.flip(0))
            ),
            Mistake(
                "the input is cut as if z, r and candidate took turns: x holds all of z first",
                lambda x, h, U: _step(rearrange(x, "b (d g) -> b (g d)", g=3), h, U),
            ),
            Mistake("all three use U's first matrix", lambda x, h, U: _step(x, h, U[[0, 0, 0]])),
            Mistake("all three use U's last matrix", lambda x, h, U: _step(x, h, U[[2, 2, 2]])),
            Mistake(
                "U's matrices are transposed: their rows should meet the state, as U[0] @ h does for one h",
                lambda x, h, U: _step(x, h, U.mT),
            ),
            Mistake(
                "U's matrix for the candidate is transposed, those of the gates are not",
                lambda x, h, U: _step(x, h, torch.stack([U[0], U[1], U[2].T])),
            ),
            Mistake(
                "U's matrices for the gates are transposed, that of the candidate is not",
                lambda x, h, U: _step(x, h, torch.stack([U[0].T, U[1].T, U[2]])),
            ),
            Mistake(
                "the candidate goes through a sigmoid: a state should have either sign",
                lambda x, h, U: _step(x, h, U, new=torch.sigmoid),
            ),
            Mistake("the candidate is not squashed", lambda x, h, U: _step(x, h, U, new=torch.clone)),
            Mistake(
                "the candidate is rectified: a state should have either sign",
                lambda x, h, U: _step(x, h, U, new=torch.relu),
            ),
            Mistake(
                "the gates go through tanh: they open from 0 to 1", lambda x, h, U: _step(x, h, U, gate=torch.tanh)
            ),
            Mistake(
                "the gates are taken as they are: they open from 0 to 1",
                lambda x, h, U: _step(x, h, U, gate=torch.clone),
            ),
            Mistake(
                "the gates are a hard sigmoid, of straight pieces",
                lambda x, h, U: _step(x, h, U, gate=functional.hardsigmoid),
            ),
            Mistake(
                "nothing is written over: the old is kept whole and the new is added",
                lambda x, h, U: _mixed(x, h, U, lambda z, r, n: h + z * n),
            ),
            Mistake(
                "all of the candidate is added to what is kept",
                lambda x, h, U: _mixed(x, h, U, lambda z, r, n: (1 - z) * h + n),
            ),
            Mistake(
                "the same share of old and new is taken: together the shares should be 1",
                lambda x, h, U: _mixed(x, h, U, lambda z, r, n: z * h + z * n),
            ),
            Mistake(
                "the old state is lost: z keeps some of it", lambda x, h, U: _mixed(x, h, U, lambda z, r, n: z * n)
            ),
            Mistake("nothing new is written", lambda x, h, U: _mixed(x, h, U, lambda z, r, n: (1 - z) * h)),
            Mistake("that is the candidate: z has no say", lambda x, h, U: _mixed(x, h, U, lambda z, r, n: n)),
            Mistake(
                "the mean of old and new: z has no say", lambda x, h, U: _mixed(x, h, U, lambda z, r, n: (h + n) / 2)
            ),
            Mistake("that is z, the gate itself", lambda x, h, U: _mixed(x, h, U, lambda z, r, n: z)),
            Mistake("the old state is returned", lambda x, h, U: h.clone()),
            Mistake("the input has no say in the candidate", lambda x, h, U: _step(_silent(x, 2), h, U)),
            Mistake("the input has no say in z", lambda x, h, U: _step(_silent(x, 0), h, U)),
            Mistake("the input has no say in r", lambda x, h, U: _step(_silent(x, 1), h, U)),
            Mistake("the input has no say at all", lambda x, h, U: _step(0 * x, h, U)),
            Mistake(
                "the state has no say in gates and candidate: U is not used",
                lambda x, h, U: _step(x, h, 0 * U),
            ),
            Mistake("r is made of a state that z has changed: both gates see the old one", _updated_first),
            Mistake(
                "the new state is squashed once more",
                lambda x, h, U: _step(x, h, U).tanh(),
            ),
        ),
    ),
)
