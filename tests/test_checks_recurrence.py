"""Lesson 09's exercises: right answers written differently, wrong ones, behaviour, and what the course uses.

`test_checks.py` judges RIGHT and WRONG together with those of the other lessons.
"""

import math
import pickle

import pytest
import torch
from einops import rearrange, reduce
from torch import nn
from torch.nn import functional

from vidlab.checks import check, exercises
from vidlab.models.conv_recurrent import ConvLSTM, GRULayer
from vidlab.models.forecast import NextFrame
from vidlab.models.recurrent import LSTMCell

ALL = exercises("recurrence")
CALLED = {  # the functions of the lesson, where they have another name than their exercise
    "recurrence.lstm": "lstm_step",
    "recurrence.parameters": "conv_lstm_parameters",
    "recurrence.gru": "gru_step",
    "recurrence.error": "rollout_error",
}
SQUARE = {"recurrence.gru": 2}  # this argument holds matrices from states to states, which are square


def _generator(seed):
    return torch.Generator().manual_seed(seed)


# Right answers, each written differently from the reference


def _lstm_by_hand(gates, c):
    i, f, o = (1 / (1 + torch.exp(-one)) for one in gates[:-1])
    new = 2 / (1 + torch.exp(-2 * gates[-1])) - 1
    kept = torch.addcmul(f * c, i, new)
    return o * torch.tanh(kept), kept


def _lstm_of_torch(gates, c):
    """A cell without inputs, to which the gates are biases: rows of the batch one by one."""
    d = c.shape[1]
    states = []
    for n in range(len(c)):
        cell = nn.LSTMCell(1, d, dtype=c.dtype)
        for parameter in cell.parameters():
            nn.init.zeros_(parameter)
        cell.bias_ih.data = gates[[0, 1, 3, 2], n].flatten()
        states.append(cell(torch.zeros(1, 1, dtype=c.dtype), (torch.zeros_like(c[:1]), c[n : n + 1])))
    return tuple(torch.cat(one) for one in zip(*states, strict=True))


def _parameters_of_torch(c, h, k):
    return sum(p.numel() for p in nn.Conv2d(c + h, 4 * h, k, device="meta").parameters())


def _parameters_gate_by_gate(c, h, k):
    total = 0
    for _ in ("i", "f", "o", "candidate"):
        total += c * h * k * k  # of the input
        total += h * h * k * k  # of the state
        total += h
    return total


def _gru_loop(x, h, U):
    """Row by row, with matrices that stand before their vectors."""
    rows = []
    for words, state in zip(x.unflatten(1, (3, -1)), h, strict=True):
        z = torch.sigmoid(words[0] + U[0] @ state)
        r = torch.sigmoid(words[1] + U[1] @ state)
        new = torch.tanh(words[2] + U[2] @ (r * state))
        rows.append(torch.lerp(state, new, z))
    return torch.stack(rows)


def _gru_einsum(x, h, U):
    d = h.shape[1]
    gates = x[:, : 2 * d] + torch.einsum("bd,ged->bge", h, U[:2]).flatten(1)
    z, r = gates.sigmoid().split(d, 1)
    new = (x[:, 2 * d :] + torch.einsum("bd,ed->be", r * h, U[2])).tanh()
    return h + z * (new - h)


def _rollout_one_loop(step, clip, seen, frames):
    said, state, answers = None, None, []
    for i in range(seen + frames - 1):
        said, state = step(clip[:, i] if i < seen else said, state)
        if i >= seen - 1:
            answers.append(said)
    return torch.stack(answers, 1)


def _rollout_film(step, clip, seen, frames):
    """The clip is cut before anything can be seen that should not, and read anew for every frame."""
    film = clip[:, :seen].clone()
    for _ in range(frames):
        state = None
        for frame in film.unbind(1):
            said, state = step(frame, state)
        film = torch.cat([film, said[:, None]], 1)
    return film[:, -frames:]


def _rollout_recursive(step, clip, seen, frames, state=None):
    said, state = step(clip[:, 0], state)
    if seen > 1:
        return _rollout_recursive(step, clip[:, 1:], seen - 1, frames, state)
    if frames == 1:
        return said[:, None]
    return torch.cat([said[:, None], _rollout_recursive(step, said[:, None], 1, frames - 1, state)], 1)


RIGHT = {
    "recurrence.lstm": [
        _lstm_by_hand,
        _lstm_of_torch,
        lambda gates, c: (lambda s, kept: [s[2] * torch.tanh(kept), kept])(
            gates.sigmoid(), torch.sigmoid(gates[1]) * c + torch.sigmoid(gates[0]) * torch.tanh(gates[3])
        ),
    ],
    "recurrence.parameters": [
        _parameters_of_torch,
        _parameters_gate_by_gate,
        lambda c, h, k: sum(p.numel() for p in ConvLSTM(c, h, kernel=k).parameters()),
    ],
    "recurrence.gru": [_gru_loop, _gru_einsum],
    "recurrence.rollout": [_rollout_one_loop, _rollout_film, _rollout_recursive],
    "recurrence.error": [
        lambda said, truth: torch.stack([functional.mse_loss(said[:, i], truth[:, i]) for i in range(said.shape[1])]),
        lambda said, truth: (said - truth).square().mean((0, 2, 3, 4)),
        lambda said, truth: torch.einsum("bnchw,bnchw->n", said - truth, said - truth) / said[:, 0].numel(),
    ],
}


# Wrong answers, written independently of the recognisers' own functions, with words that must be in the message


def _lstm(gates, c, kept=None, shown=None, order=(0, 1, 2, 3), gate=torch.sigmoid, new=torch.tanh):
    """As a learner would write it, with one thing wrong."""
    a_i, a_f, a_o, a_c = (gates[n] for n in order)
    i, f, o, candidate = gate(a_i), gate(a_f), gate(a_o), new(a_c)
    cell = f * c + i * candidate if kept is None else kept(i, f, o, candidate, c)
    return o * cell.tanh() if shown is None else shown(i, f, o, candidate, c, cell), cell


def _lstm_in_place(gates, c):
    i, f, o = gates[:3].sigmoid()
    c *= f
    c += i * gates[3].tanh()
    return o * c.tanh(), c


def _gates_in_place(gates, c):
    gates[:3].sigmoid_()
    gates[3].tanh_()
    kept = gates[1] * c + gates[0] * gates[3]
    return gates[2] * kept.tanh(), kept


def _gru(
    x, h, U, mix=None, seen=lambda r, h, u: torch.einsum("ed,bd->be", u, r * h), gate=torch.sigmoid, new=torch.tanh
):
    d = h.shape[1]
    z = gate(x[:, :d] + torch.einsum("ed,bd->be", U[0], h))
    r = gate(x[:, d : 2 * d] + torch.einsum("ed,bd->be", U[1], h))
    candidate = new(x[:, 2 * d :] + seen(r, h, U[2]))
    return h - z * h + z * candidate if mix is None else mix(z, r, candidate)


def _gru_of_torch(x, h, U):
    """torch.nn.GRUCell, whose order is r, z, candidate."""
    d = h.shape[1]
    cell = nn.GRUCell(3 * d, d, bias=False, dtype=h.dtype)
    order = [1, 0, 2]
    cell.weight_ih.data = torch.eye(3 * d, dtype=h.dtype).unflatten(0, (3, d))[order].flatten(0, 1)
    cell.weight_hh.data = U[order].flatten(0, 1)
    return cell(x, h)


def _gru_in_place(x, h, U):
    new = _gru(x, h, U)
    h.copy_(new)
    return new


def _reordered(x, *order):
    return torch.cat([x.tensor_split(3, 1)[n] for n in order], 1)


def _muted(x, third):
    return (x.unflatten(1, (3, -1)) * (torch.arange(3) != third)[:, None]).flatten(1)


def _roll(step, clip, seen, frames, feed=None, forget=(), start=0, keep=None, late=0):
    """As a learner would write it, with one thing wrong.

    feed: what is fed after reading, from (step, what was said); forget: steps before which the state is dropped;
    start: the first frame read; keep: the step whose state is kept from then on; late: answers that are left out.
    """
    said, state, answers = None, None, []
    for i in range(start, seen + frames - 1 + late):
        if i in forget:
            state = None
        frame = clip[:, i] if i < seen else said if feed is None else feed(i, said)
        said, new = step(frame, state)
        state = state if keep is not None and i >= keep else new
        answers.append(said)
    return torch.stack(answers[len(answers) - frames :], 1)


def _everything(step, clip, seen, frames):
    """All that is said, while reading, too."""
    answers, frame, state = [], clip[:, 0], None
    for i in range(seen + frames - 1):
        frame, state = step(clip[:, i] if i < seen else frame, state)
        answers.append(frame)
    return torch.stack(answers, 1)


def _reads_and_overwrites(step, clip, seen, frames):
    """What is said is written into the clip."""
    state = None
    for i in range(seen + frames - 1):
        said, state = step(clip[:, i], state)
        if i >= seen - 1:
            clip[:, i + 1] = said
    return clip[:, seen : seen + frames]


def _sliding_window(step, clip, seen, frames):
    film = [clip[:, i] for i in range(seen)]
    while len(film) < seen + frames:
        state = None
        for frame in film[-seen:]:
            said, state = step(frame, state)
        film.append(said)
    return torch.stack(film[-frames:], 1)


def _gru_resets_all(x, h, U):
    d = h.shape[1]
    r = (x[:, d : 2 * d] + h @ U[1].T).sigmoid()
    return _gru(x, h, U, new=lambda a: (r * a).tanh(), seen=lambda _, h, u: h @ u.T)


def _gru_updates_first(x, h, U):
    d = h.shape[1]
    z = (x[:, :d] + h @ U[0].T).sigmoid()
    r = (x[:, d : 2 * d] + (z * h) @ U[1].T).sigmoid()
    return _gru(x, h, U, seen=lambda _, h, u: (r * h) @ u.T)


def _teacher(step, clip, seen, frames):
    """The published bug: the loop runs over true frames, and what is said goes into a list only."""
    state, answers = None, []
    for frame in clip[:, : seen + frames - 1].unbind(1):
        said, state = step(frame, state)
        answers.append(said)
    return torch.stack(answers[seen - 1 :], 1)


def _steps(said, truth, how):
    """One number a step, computed by `how` from its differences "b c h w"."""
    return torch.stack([how(one) for one in (said - truth).unbind(1)])


def _mse(said, truth):
    return _steps(said, truth, lambda d: (d * d).mean())


def _error_in_place(said, truth):
    said -= truth
    return said.square().mean((0, 2, 3, 4))


WRONG = {
    "recurrence.lstm": [
        (lambda g, c: _lstm(g, c, order=(1, 0, 2, 3)), "input and forget gate"),
        (lambda g, c: _lstm(g, c, order=(2, 1, 0, 3)), "input and output gate"),
        (lambda g, c: _lstm(g, c, order=(0, 2, 1, 3)), "forget and output gate"),
        (lambda g, c: _lstm(g, c, order=(0, 1, 3, 2)), "torch's order"),
        (lambda g, c: _lstm(g.flip(0), c), "read from its end"),
        (lambda g, c: _lstm(g.roll(-1, 0), c), "candidate came first"),
        (lambda g, c: _lstm(g, c, gate=torch.tanh), "gates go through tanh"),
        (lambda g, c: _lstm(g, c, gate=lambda a: a), "gates are taken as they are"),
        (lambda g, c: _lstm(g, c, gate=lambda a: a.clip(0, 1)), "cut off at 0 and 1"),
        (lambda g, c: _lstm(g, c, gate=lambda a: (a / 6 + 0.5).clamp(0, 1)), "hard sigmoid"),
        (lambda g, c: _lstm(torch.cat([g[:3].exp() / g[:3].exp().sum(0), g[3:]]), c, gate=lambda a: a), "softmax"),
        (lambda g, c: _lstm(g, c, new=torch.sigmoid), "candidate goes through a sigmoid"),
        (lambda g, c: _lstm(g, c, new=lambda a: a), "candidate is written as it is"),
        (lambda g, c: _lstm(g, c, new=lambda a: a.clamp(min=0)), "rectified"),
        (lambda g, c: _lstm(g, c, shown=lambda i, f, o, n, old, cell: o * cell), "h shows the cell as it is"),
        (
            lambda g, c: _lstm(g, c, shown=lambda i, f, o, n, old, cell: o / (1 + (-cell).exp())),
            "cell through a sigmoid",
        ),
        (lambda g, c: _lstm(g, c, shown=lambda i, f, o, n, old, cell: o * old.tanh()), "shows the old cell"),
        (lambda g, c: _lstm(g, c, shown=lambda i, f, o, n, old, cell: o * n), "shows the candidate"),
        (lambda g, c: _lstm(g, c, shown=lambda i, f, o, n, old, cell: cell.tanh()), "not gated"),
        (lambda g, c: _lstm(g, c, shown=lambda i, f, o, n, old, cell: i * cell.tanh()), "through the input gate"),
        (lambda g, c: _lstm(g, c, shown=lambda i, f, o, n, old, cell: f * cell.tanh()), "through the forget gate"),
        (lambda g, c: _lstm(g, c, shown=lambda i, f, o, n, old, cell: (o * cell).tanh()), "after the gate"),
        (lambda g, c: _lstm(g, c, shown=lambda i, f, o, n, old, cell: o), "output gate itself"),
        (lambda g, c: tuple(reversed(_lstm(g, c))), "h and c have changed"),
        (lambda g, c: (_lstm(g, c)[0], _lstm(g, c)[0]), "state is returned twice"),
        (lambda g, c: (_lstm(g, c)[1], _lstm(g, c)[1]), "cell is returned twice"),
        (lambda g, c: (_lstm(g, c)[0], c), "old cell is returned"),
        (lambda g, c: _lstm(g, c, kept=lambda i, f, o, n, old: (f * old + i * n).tanh()), "squashed after the sum"),
        (lambda g, c: (_lstm(g, c)[0], torch.tanh(_lstm(g, c)[1])), "carried on squashed"),
        (lambda g, c: _lstm(g, c, kept=lambda i, f, o, n, old: old - f * old + i * n), "forget gate is closed"),
        (lambda g, c: _lstm(g, c, kept=lambda i, f, o, n, old: old + i * (n - old)), "forget gate has no say"),
        (lambda g, c: _lstm(g, c, kept=lambda i, f, o, n, old: n + f * (old - n)), "is not kept"),
        (lambda g, c: _lstm(g, c, kept=lambda i, f, o, n, old: old + i * n), "as in 1997"),
        (lambda g, c: _lstm(g, c, kept=lambda i, f, o, n, old: f * old + n), "all of the candidate"),
        (lambda g, c: _lstm(g, 0 * c), "old cell has no part"),
        (lambda g, c: _lstm(g, c, kept=lambda i, f, o, n, old: f * old), "nothing is written"),
        (lambda g, c: _lstm(g, c, kept=lambda i, f, o, n, old: f * old + f * i * n), "forgotten at once"),
        (lambda g, c: _lstm(g, c, kept=lambda i, f, o, n, old: (f * old) * (i * n)), "are multiplied"),
        (lambda g, c: _lstm(g, c, kept=lambda i, f, o, n, old: 0.5 * f * old + 0.5 * i * n), "mean of kept"),
        (lambda g, c: _lstm(g, c, kept=lambda i, f, o, n, old: f * old - i * n), "taken away"),
        (lambda g, c: _lstm(torch.stack([g[0], g[1] + 1, g[2], g[3]]), c), "1 is added"),
        # and others that are not known
        (lambda g, c: _lstm(g, c)[0], "it returns one Tensor"),
        (lambda g, c: (*_lstm(g, c), c), "it returns 3 things"),
        (lambda g, c: (_lstm(g, c)[0].mT, _lstm(g, c)[1]), "h: its axes come in the order d b"),
        (lambda g, c: (_lstm(g, c)[0], _lstm(g, c)[1].float()), "c: its values are of type torch.float32"),
        (lambda g, c: (_lstm(g, c)[0][0], _lstm(g, c)[1]), "h: it has 1 axes"),
        (lambda g, c: (-_lstm(g, c)[0], _lstm(g, c)[1]), "h: every value has the opposite sign"),
        (lambda g, c: (_lstm(g, c)[0], 2 * _lstm(g, c)[1]), "c: every value is off by one and the same"),
        (lambda g, c: _lstm(g + 1, c), "h: .*% of the values"),
        (lambda g, c: _lstm(g.roll(1, 1), c), "h: .*% of the values"),
        (lambda g, c: _lstm(g.flip(2), c), "h: .*% of the values"),
        (lambda g, c: _lstm(g, c, shown=lambda i, f, o, n, old, cell: o * cell.tanh() + old), "h: .*% of the values"),
        (lambda g, c: _lstm(g, c.clamp(-1, 1)), "% of the values"),
        (lambda g, c: _lstm(g.chunk(4, dim=1), c), "stopped at line"),
        (lambda g, c: nn.LSTMCell(1, 2)(g, c), "stopped at line"),
        (_lstm_in_place, "changes its input: “c”"),
        (_gates_in_place, "changes its input: “gates”"),
    ],
    "recurrence.parameters": [
        (lambda c, h, k: sum(h * ((c + h) * k * k + 1) for _ in "ifo"), "for three gates"),
        (lambda c, h, k: h * (c + h) * k * k + h, "that is one gate"),
        (lambda c, h, k: 2 * h * (c + h) * k * k + 2 * h, "two gates"),
        (lambda c, h, k: 5 * h * (c + h) * k * k + 5 * h, "five times"),
        (lambda c, h, k: 2 * _parameters_of_torch(c, h, k), "eight times"),
        (lambda c, h, k: sum(p.numel() for p in ConvLSTM(c, h, kernel=k, peepholes=True).parameters()), "peepholes"),
        (lambda c, h, k: nn.Conv2d(c + h, 4 * h, k, bias=False, device="meta").weight.numel(), "biases are missing"),
        (lambda c, h, k: 4 * h * (c * k * k + 1) + 4 * h * (h * k * k + 1), "two biases"),
        (lambda c, h, k: 4 * (h * (c + h) * k * k + 1), "a single bias"),
        (lambda c, h, k: 4 * h * (c + h) * k * k + h, "only one gate has biases"),
        (lambda c, h, k: 3 * h * ((c + h) * k * k + 1) + h * (c + h) * k * k, "only the three gates have biases"),
        (lambda c, h, k: 1 + 4 * h * (c + h) * k * k, "one bias for all"),
        (lambda c, h, k: 4 * h * (c + h + 1) * k * k, "every weight of a kernel"),
        (lambda c, h, k: 4 * h * (c + h) * k * k + 4 * h * (c + h), "each kernel has a bias"),
        (lambda c, h, k: 4 * h * (c + h) * k + 4 * h, "k is not squared"),
        (lambda c, h, k: 4 * h * ((c + h) * (k + k) + 1), "k is doubled"),
        (lambda c, h, k: nn.Conv3d(c + h, 4 * h, k, device="meta").weight.numel() + 4 * h, "k is cubed"),
        (lambda c, h, k: sum(p.numel() for p in LSTMCell(c, h).parameters()), "a plain LSTM"),
        (lambda c, h, k: _parameters_of_torch(c, h, 3), "3 × 3, whatever"),
        (lambda c, h, k: 4 * h * c * h * k * k + 4 * h, "c and h are multiplied"),
        (lambda c, h, k: _parameters_of_torch(c, h, k) - 4 * h * h * k * k, "state is not seen"),
        (lambda c, h, k: _parameters_of_torch(c, h, k) - 4 * h * c * k * k, "input is not seen"),
        (
            lambda c, h, k: sum(p.numel() for p in ConvLSTM(c, h, kernel=k, state_kernel=1).parameters()),
            "state is seen by",
        ),
        (
            lambda c, h, k: sum(p.numel() for p in ConvLSTM(c, h, kernel=1, state_kernel=k).parameters()),
            "input is seen by",
        ),
        (lambda c, h, k: _parameters_of_torch(h, h, k), "as wide as the state"),
        (lambda c, h, k: 4 * h * ((c + c) * k * k + 1), "as wide as the input"),
        (lambda c, h, k: _parameters_of_torch(h, c, k), "h maps, not c$"),
        (lambda c, h, k: nn.Conv2d(c + h, 4 * (c + h), k).weight.numel() + 4 * (c + h), "h maps, not c .+ h"),
        (lambda c, h, k: 4 + 4 * (c + h) * k * k, "a single map"),
        (lambda c, h, k: 4 * h * ((c + h + h) * k * k + 1), "counted twice"),
        (lambda c, h, k: _parameters_of_torch(c, h, k) - h * (c + h) * (k * k - 1), "candidate is counted with"),
        (lambda c, h, k: _parameters_of_torch(c, h, k) + h * c + c, "a readout"),
        (lambda c, h, k: 4 * h * ((c + h) * (c + h) * k * k + 1), "squared together"),
        # and others that are not known
        (lambda c, h, k: _parameters_of_torch(c, h, k) + 1, "too large"),
        (lambda c, h, k: _parameters_of_torch(c, h, k) - 1, "too small"),
        (lambda c, h, k: _parameters_of_torch(c, h, k) / 1, "whole number (int)"),
        (lambda c, h, k: (4 * h, (c + h) * k * k + 1), "tuple of 2"),
        (lambda c, h, k: _parameters_of_torch(c, h, k) if h > c else 0, "right for some inputs"),
        (lambda c, h, k: sum(p.numel() for p in nn.LSTM(c, h).parameters()), "too small"),
        (lambda c, h, k: nn.ConvLSTM(c, h, k), "stopped at line"),
        (lambda c, h: 4 * h * (c + h), "cannot be called"),
    ],
    "recurrence.gru": [
        (lambda x, h, U: _gru(x, h, U, lambda z, r, n: n + z * (h - n)), "the old is kept: so torch"),
        (
            lambda x, h, U: _gru(x, h, U, seen=lambda r, h, u: r * torch.einsum("ed,bd->be", u, h)),
            "r comes after U: so",
        ),
        (_gru_of_torch, "that is torch's GRU"),
        (lambda x, h, U: _gru(x, h, U, seen=lambda r, h, u: torch.einsum("ed,bd->be", u, h)), "r has no say"),
        (
            lambda x, h, U: _gru(x, h, U, seen=lambda r, h, u: torch.einsum("ed,bd->be", u, h - r * h)),
            "where it is open",
        ),
        (lambda x, h, U: _gru(x, h, U, seen=lambda r, h, u: r * torch.einsum("ed,bd->be", u, r * h)), "r acts twice"),
        (lambda x, h, U: _gru(x, h, U, seen=lambda r, h, u: torch.einsum("ed,bd->be", u, r + h)), "r is added"),
        (_gru_resets_all, "silences the input"),
        (lambda x, h, U: _gru(x, h, U, lambda z, r, n: r * h - z * r * h + z * n), "kept as well"),
        (lambda x, h, U: _gru(_reordered(x, 0, 0, 2), h, U[[0, 0, 2]]), "z has taken the place"),
        (lambda x, h, U: _gru(x, h, U, lambda z, r, n: h + r * (n - h)), "r has taken the place"),
        (lambda x, h, U: _gru(_reordered(x, 1, 0, 2), h, U[[1, 0, 2]]), "z and r have changed"),
        (lambda x, h, U: _gru(_reordered(x, 1, 0, 2), h, U), "torch has r first"),
        (lambda x, h, U: _gru(x, h, U[[1, 0, 2]]), "matrices for z and r"),
        (lambda x, h, U: _gru(_reordered(x, 2, 1, 0), h, U), "input's parts are read from the end"),
        (lambda x, h, U: _gru(x, h, U[[2, 1, 0]]), "^U's matrices are read from the end"),
        (lambda x, h, U: _gru(_reordered(x, 2, 1, 0), h, U[[2, 1, 0]]), "both read from the end"),
        (lambda x, h, U: _gru(torch.cat([x[:, n::3] for n in range(3)], 1), h, U), "took turns"),
        (lambda x, h, U: _gru(x, h, U[:1].expand_as(U)), "first matrix"),
        (lambda x, h, U: _gru(x, h, U[2:].expand_as(U)), "last matrix"),
        (lambda x, h, U: _gru(x, h, U.transpose(1, 2)), "matrices are transposed: their"),
        (lambda x, h, U: _gru(x, h, U, seen=lambda r, h, u: (r * h) @ u), "for the candidate is transposed"),
        (lambda x, h, U: _gru(x, h, torch.cat([U[:2].mT, U[2:]])), "for the gates are transposed"),
        (lambda x, h, U: _gru(x, h, U, new=torch.sigmoid), "candidate goes through a sigmoid"),
        (lambda x, h, U: _gru(x, h, U, new=lambda a: a), "not squashed"),
        (lambda x, h, U: _gru(x, h, U, new=lambda a: a.clamp(min=0)), "rectified"),
        (lambda x, h, U: _gru(x, h, U, gate=torch.tanh), "gates go through tanh"),
        (lambda x, h, U: _gru(x, h, U, gate=lambda a: a), "gates are taken as they are"),
        (lambda x, h, U: _gru(x, h, U, gate=lambda a: (a / 6 + 0.5).clamp(0, 1)), "hard sigmoid"),
        (lambda x, h, U: _gru(x, h, U, lambda z, r, n: h + z * n), "nothing is written over"),
        (lambda x, h, U: _gru(x, h, U, lambda z, r, n: h - z * h + n), "all of the candidate is added"),
        (lambda x, h, U: _gru(x, h, U, lambda z, r, n: z * (h + n)), "same share"),
        (lambda x, h, U: _gru(x, h, U, lambda z, r, n: z * n), "old state is lost"),
        (lambda x, h, U: _gru(x, h, U, lambda z, r, n: h - z * h), "nothing new"),
        (lambda x, h, U: _gru(x, h, U, lambda z, r, n: n), "that is the candidate"),
        (lambda x, h, U: _gru(x, h, U, lambda z, r, n: 0.5 * h + 0.5 * n), "mean of old and new"),
        (lambda x, h, U: _gru(x, h, U, lambda z, r, n: z), "the gate itself"),
        (lambda x, h, U: h, "old state is returned"),
        (lambda x, h, U: _gru(_muted(x, 2), h, U), "no say in the candidate"),
        (lambda x, h, U: _gru(_muted(x, 0), h, U), "no say in z"),
        (lambda x, h, U: _gru(_muted(x, 1), h, U), "no say in r"),
        (lambda x, h, U: _gru(torch.zeros_like(x), h, U), "no say at all"),
        (lambda x, h, U: _gru(x, h, torch.zeros_like(U)), "U is not used"),
        (_gru_updates_first, "that z has changed"),
        (lambda x, h, U: torch.tanh(_gru(x, h, U)), "squashed once more"),
        # and others that are not known
        (lambda x, h, U: _gru(x, h, U).mT, "order d b"),
        (lambda x, h, U: _gru(x, h, U)[:, None], "it has 3 axes"),
        (lambda x, h, U: _gru(x, h, U)[:-1], "along b there is one entry too few"),
        (lambda x, h, U: (_gru(x, h, U), h), "tuple of 2"),
        (lambda x, h, U: _gru(x, h, U).float(), "torch.float32"),
        (lambda x, h, U: -_gru(x, h, U), "opposite sign"),
        (lambda x, h, U: 2 * _gru(x, h, U), "same factor"),
        (lambda x, h, U: _gru(x, h, U).flip(0), "% of the values"),
        (lambda x, h, U: _gru(x, h, U.abs()), "% of the values"),
        (lambda x, h, U: _gru(x.roll(1, 1), h, U), "% of the values"),
        (lambda x, h, U: _gru(x, 0 * h, U), "% of the values|nothing|no part|lost"),
        (lambda x, h, U: U[0] @ h, "stopped at line"),
        (lambda x, h, U: nn.GRUCell(x.shape[1], h.shape[1])(x, h), "stopped at line"),
        (_gru_in_place, "changes its input: “h”"),
    ],
    "recurrence.rollout": [
        (lambda f, x, s, n: _roll(f, x, s, n, lambda i, said: x[:, i]), "at every step it is fed"),
        (_teacher, "at every step it is fed"),
        (lambda f, x, s, n: _roll(f, x, s, n, lambda i, said: x[:, i] if i == s else said), "peeks once"),
        (lambda f, x, s, n: _roll(f, x, s, n, lambda i, said: said if (i - s) % 2 else x[:, i]), "every second step"),
        (lambda f, x, s, n: _roll(f, x, s, n, lambda i, said: 0.5 * said + 0.5 * x[:, i]), "half the truth"),
        (lambda f, x, s, n: _roll(f, x, s + 1, n), "one frame too many"),
        (lambda f, x, s, n: _roll(f, x, s - 1, n), "one frame too few"),
        (lambda f, x, s, n: _roll(f, x, x.size(1), n), "reads the whole clip"),
        (lambda f, x, s, n: x[:, s:][:, :n], "that is the truth"),
        (lambda f, x, s, n: _roll(f, x, 1, n), "with the first frame alone"),
        (lambda f, x, s, n: _roll(f, x, s, n, start=s - 1), "with the last frame that is seen"),
        (lambda f, x, s, n: _everything(f, x, 1, s + n - 1)[:, -n:], "already while it reads"),
        (lambda f, x, s, n: _everything(f, x, s, n)[:, :n], "answers begin too early"),
        (_everything, "is answered, too"),
        (lambda f, x, s, n: torch.cat((x[:, :s], _roll(f, x, s, n)), 1), "stand before the answers"),
        (lambda f, x, s, n: torch.cat((x[:, s - 1, None], _roll(f, x, s, n - 1)), 1), "known, and not"),
        (lambda f, x, s, n: _roll(f, x, s, n, late=1), "first answer is left out"),
        (lambda f, x, s, n: _roll(f, x[:, [*range(s), s - 1]], s + 1, n), "fed twice"),
        (lambda f, x, s, n: _roll(f, x, s, n, lambda i, said: x[:, s - 1]), "again and again"),
        (lambda f, x, s, n: _roll(f, x, s, n, lambda i, said: torch.zeros_like(said)), "black frames"),
        (lambda f, x, s, n: _roll(f, x, s, n, forget=range(99)), "dropped at every step: it"),
        (lambda f, x, s, n: _roll(f, x, s, n, forget=[s]), "when the reading ends: that"),
        (lambda f, x, s, n: _roll(f, x, s, n, forget=range(s, 99)), "every step after the reading"),
        (lambda f, x, s, n: _roll(f, x, s, n, keep=s), "stands still"),
        (_sliding_window, "begins anew"),
        (lambda f, x, s, n: torch.cat([_roll(f, x, s, 1)] * n, 1), "first answer is repeated"),
        (lambda f, x, s, n: x[:, [s - 1] * n], "last frame seen is repeated"),
        (lambda f, x, s, n: _roll(f, x[:, list(range(s))[::-1]], s, n), "last one first$"),
        (lambda f, x, s, n: _roll(f, x[:, x.size(1) - s :], s, n), "last frames of the clip"),
        (lambda f, x, s, n: _roll(f, x, s, n).flip(1), "answers come last one first"),
        (lambda f, x, s, n: _roll(f, x, s, n)[:, n - 1], "only the last answer"),
        (lambda f, x, s, n: rearrange(_roll(f, x, s, n), "b t c h w -> t b c h w"), "time comes first"),
        (lambda f, x, s, n: rearrange(_roll(f, x, s, n), "b t c h w -> b c t h w"), "colours come before time"),
        (lambda f, x, s, n: torch.cat(_roll(f, x, s, n).unbind(1)), "along the first axis"),
        (lambda f, x, s, n: _roll(f, x, s, n + 1), "one answer too many"),
        (lambda f, x, s, n: _roll(f, x, s, n)[:, : n - 1], "one answer too few"),
        # and others that are not known
        (lambda f, x, s, n: _roll(f, x, s, n)[:, 1:], "along t there is one entry too few"),
        (lambda f, x, s, n: _roll(f, x, s, n)[:, :2], "wrong length along t"),
        (lambda f, x, s, n: 2 * _roll(f, x, s, n), "range is 0 to 1"),
        (lambda f, x, s, n: _roll(f, x, s, n) / 2, "same factor"),
        (lambda f, x, s, n: _roll(f, x, s, n).float(), "torch.float32"),
        (lambda f, x, s, n: _roll(f, x, s, n).mT, "order b t c w h"),
        (lambda f, x, s, n: _roll(f, x, s, n).round(), "% of the values"),
        (lambda f, x, s, n: _roll(f, x, s, n, lambda i, said: said.round()), "% of the values"),
        (lambda f, x, s, n: _roll(f, x, s, n, lambda i, said: said.flip(-1)), "% of the values"),
        (lambda f, x, s, n: _roll(f, x, s, n, forget=[1]), "% of the values"),
        (lambda f, x, s, n: _roll(f, x, s, n, forget=[s + 1]), "% of the values"),
        (lambda f, x, s, n: _roll(f, x.flip(0), s, n), "% of the values"),
        (lambda f, x, s, n: list(_roll(f, x, s, n).unbind(1)), "list of"),
        (lambda f, x, s, n: f(x[:, 0], None), "tuple of 2"),
        (lambda f, x, s, n: f(x[:, :s], None)[0], "stopped at line"),
        (lambda f, x, s, n: f(f(x[:, 0], None), None), "stopped at line"),
        (_reads_and_overwrites, "changes its input: “clip”"),
    ],
    "recurrence.error": [
        (lambda a, y: functional.mse_loss(a, y), "one number for all"),
        (lambda a, y: _steps(a, y, lambda d: (d * d).sum()), "^squares are added up"),
        (lambda a, y: _steps(a, y, lambda d: (d * d).sum((2, 3)).mean()), "averaged over colours and clips"),
        (lambda a, y: _steps(a, y, lambda d: (d * d).sum() / len(a)), "some papers"),
        (lambda a, y: _steps(a, y, lambda d: (d * d).sum(0).mean()), "clips are added up"),
        (lambda a, y: _steps(a, y, lambda d: (d * d).sum(1).mean()), "colours are added up"),
        (lambda a, y: _mse(a, y) ** 0.5, "the root is taken: squares"),
        (lambda a, y: _steps(a, y, lambda d: (d * d).mean((1, 2, 3)).sqrt().mean()), "root is taken of each clip"),
        (lambda a, y: _steps(a, y, torch.linalg.vector_norm), "one long vector"),
        (lambda a, y: _steps(a, y, lambda d: d.abs().mean()), "absolute values"),
        (lambda a, y: _steps(a, y, torch.mean), "with their signs"),
        (lambda a, y: _steps(a, y, lambda d: d.mean().square()), "^differences are averaged before"),
        (lambda a, y: _steps(a, y, lambda d: d.mean((1, 2, 3)).square().mean()), "over each picture before"),
        (lambda a, y: _steps(a, y, lambda d: d.mean(0).square().mean()), "over clips before"),
        (lambda a, y: _steps(a, y, lambda d: d.mean(1).square().mean()), "error in colour"),
        (lambda a, y: (a.square() - y.square()).abs().mean((0, 2, 3, 4)), "squares of both"),
        (lambda a, y: (a - y).square().flatten(2).mean(2), "clips are kept apart"),
        (lambda a, y: (a - y).square().flatten(1).mean(1), "clips are left"),
        (lambda a, y: (a - y).square().mean((0, 3, 4)), "colours are kept"),
        (lambda a, y: (a - y).square().mean((0, 1, 3, 4)), "and colours are left"),
        (lambda a, y: (a - y).square().mean((0, 1, 2)), "picture is left"),
        (lambda a, y: (a - y).square().mean((0, 2)), "picture is kept"),
        (lambda a, y: _mse(a, y)[None, :, None, None, None], "still there"),
        (lambda a, y: _steps(a, y, lambda d: d.abs().max() ** 2), "largest square"),
        (lambda a, y: _steps(a, y, lambda d: d.abs().min() ** 2), "smallest square"),
        (lambda a, y: _steps(a, y, lambda d: d.square().median()), "median"),
        (lambda a, y: _steps(a, y, lambda d: (d - d.mean()).square().mean()), "variance of the differences"),
        (lambda a, y: _mse(a, y) * 0.5, "half of the square"),
        (lambda a, y: torch.cumsum(_mse(a, y), 0), "added up from step"),
        (lambda a, y: torch.stack([_mse(a, y)[: i + 1].mean() for i in range(a.size(1))]), "mean of all up to it"),
        (lambda a, y: _mse(a, y) / _mse(a, y)[:1], "that of the first step"),
        (lambda a, y: _mse(a, y) / y.square().mean((0, 2, 3, 4)), "truth's own mean square"),
        (lambda a, y: _mse(a, y) / (y - y.mean()).square().mean(), "truth's variance"),
        (lambda a, y: 10 * torch.log10(1 / _mse(a, y)), "decibels"),
        (lambda a, y: 255**2 * _mse(a, y), "0 … 255"),
        (lambda a, y: _mse(a.flip(1), y.flip(1)), "last step comes first"),
        (lambda a, y: _mse(a[:, 1:], y[:, :-1]), "one step late"),
        (lambda a, y: _mse(a[:, :-1], y[:, 1:]), "one step early"),
        (lambda a, y: (a[0] - y[0]).square().mean((1, 2, 3)), "only the first clip"),
        (lambda a, y: (a[:, :, 0] - y[:, :, 0]).square().mean((0, 2, 3)), "only the first colour"),
        (lambda a, y: _mse(a, y[:, :1].expand_as(y)), "first true frame"),
        (lambda a, y: functional.mse_loss(a[:, -1], y[:, -1]), "error of the last step"),
        # and others that are not known
        (lambda a, y: _mse(a, y)[1:], "one entry too few"),
        (lambda a, y: functional.pad(_mse(a, y), (1, 0)), "one entry too many"),
        (lambda a, y: -_mse(a, y), "opposite sign"),
        (lambda a, y: 3 * _mse(a, y), "same factor"),
        (lambda a, y: _mse(a, y).float(), "torch.float32"),
        (lambda a, y: _mse(a, y).tolist(), "list of"),
        (lambda a, y: _mse(a, y).numpy(), "NumPy"),
        (lambda a, y: _mse(a, y) ** 2, "% of the values"),
        (lambda a, y: _mse(a.roll(1, 0), y), "% of the values"),
        (lambda a, y: _steps(a, y, lambda d: (d**4).mean()), "% of the values"),
        (lambda a, y: _steps(a, y, lambda d: d.var(1).mean()), "% of the values"),
        (lambda a, y: functional.mse_loss(a, y, reduction="none").mean(1), "it has 4 axes"),
        (lambda a, y: reduce((a - y) ** 2, "b n -> n", "mean"), "stopped at line"),
        (_error_in_place, "changes its input: “said”"),
    ],
}


# How the answers behave


@pytest.fixture(params=range(3))
def seed(request):
    return request.param


def _cases(name, seed):
    exercise = ALL[f"recurrence.{name}"]
    return [(case, exercise.reference(*case)) for case in exercise.draw(_generator(seed))]


def test_with_gates_wide_open_or_shut_an_lstm_copies_keeps_and_hides():
    step = ALL["recurrence.lstm"].reference
    c, new = torch.tensor([[-3.0, 0.5, 2.0]]), torch.tensor([[1.0, -1.0, 0.3]])
    wide = torch.full_like(c, 50.0)
    h, kept = step(torch.stack([-wide, wide, wide, new]), c)
    assert torch.allclose(kept, c)
    assert torch.allclose(h, c.tanh())
    h, written = step(torch.stack([wide, -wide, -wide, new]), c)
    assert torch.allclose(written, new.tanh())
    assert h.abs().max() < 1e-6


def test_cells_are_drawn_that_a_squashed_cell_could_not_be(seed):
    for (gates, c), (h, new) in _cases("lstm", seed):
        assert gates.shape == (4, *c.shape)
        assert c.abs().max() > 1.5
        assert new.abs().max() > 1
        assert h.abs().max() < 1


def test_layers_with_more_and_with_fewer_channels_in_than_in_the_state(seed):
    (first, _), (second, _) = _cases("parameters", seed)
    assert first[0] < first[1]
    assert second[0] > second[1]
    assert all(k % 2 and k > 1 for _, _, k in (first, second))


def test_where_z_is_shut_the_old_is_kept_and_where_r_is_shut_the_candidate_sees_the_input_only(seed):
    step = ALL["recurrence.gru"].reference
    for (x, h, U), _ in _cases("gru", seed):
        d = h.shape[1]
        shut = torch.full_like(h, -200.0)
        assert torch.allclose(step(torch.cat([shut, x[:, d:]], 1), h, U), h)
        alone = step(torch.cat([-shut, shut, x[:, 2 * d :]], 1), h, U)
        assert torch.allclose(alone, x[:, 2 * d :].tanh())
        assert torch.allclose(_gru_of_torch(torch.cat([shut, x[:, d:]], 1), h, U).tanh(), _candidate(x, h, U).tanh())


def _candidate(x, h, U):
    """What torch's GRU writes where its z is shut."""
    d = h.shape[1]
    r = (x[:, d : 2 * d] + h @ U[1].T).sigmoid()
    return (x[:, 2 * d :] + r * (h @ U[2].T)).tanh()


def test_a_rollout_never_looks_at_a_frame_after_those_seen(seed):
    for (step, clip, seen, frames), answer in _cases("rollout", seed):
        assert clip.shape[1] > seen + frames  # there is something to peek at
        assert len({*clip.shape}) == len({*answer.shape}) == 5
        blind = clip.clone()
        blind[:, seen:] = torch.nan
        assert torch.equal(ALL["recurrence.rollout"].reference(step, blind, seen, frames), answer)
        assert _teacher(step, blind, seen, frames)[:, 1:].isnan().all()  # the published bug does


def test_every_frame_seen_and_every_word_said_matters_to_the_last_answer(seed):
    for (step, clip, seen, frames), answer in _cases("rollout", seed):
        assert 0 <= answer.min() < answer.max() <= 1
        for i in range(seen):
            other = clip.clone()
            other[:, i] = 0.5
            there = ALL["recurrence.rollout"].reference(step, other, seen, frames)
            assert (there[:, -1] - answer[:, -1]).abs().max() > 1e-4
        assert answer.diff(dim=1).abs().amax((0, 2, 3, 4)).min() > 1e-2


def test_the_network_has_no_memory_of_its_own_and_is_described_in_a_word(seed):
    for (step, clip, _, _), _ in _cases("rollout", seed):
        first, state = step(clip[:, 0])
        again, same = step(clip[:, 0], None)
        assert torch.equal(first, again)
        assert torch.equal(state, same)
        assert torch.equal(step(clip[:, 1], state)[0], step(clip[:, 1], state)[0])
        assert not torch.equal(step(clip[:, 1], state)[0], step(clip[:, 1])[0])
        assert torch.equal(pickle.loads(pickle.dumps(step))(clip[:, 0])[0], first)
    message = check("recurrence.rollout", lambda step, clip: clip, seed=0).message
    assert "step=Step(channels=3), clip of shape (2, " in message


def test_fewer_frames_are_foretold_than_seen_and_more():
    asked = {(seen, frames) for n in range(20) for (_, _, seen, frames), _ in _cases("rollout", n)}
    assert asked == {(3, 5), (6, 4)}


def test_errors_grow_and_no_two_clips_have_the_same(seed):
    for (said, truth), error in _cases("error", seed):
        assert error.shape == (said.shape[1],)
        assert (error.diff() > 0).all()
        each = (said - truth).square().mean((1, 2, 3, 4))
        assert each.unique().numel() == len(said)
        assert 0 <= said.min() < said.max() <= 1


def test_half_a_grey_level_off_is_a_quarter_whatever_the_size():
    for shape in ((2, 4, 3, 5, 6), (1, 4, 1, 2, 2)):
        truth = torch.rand(shape, generator=_generator(0))
        assert torch.allclose(ALL["recurrence.error"].reference(truth + 0.5, truth), torch.full((4,), 0.25))


# What the course uses gives the same answers


def test_the_lstm_cell_of_the_course_is_that_of_the_exercise(seed):
    torch.manual_seed(seed)
    cell = LSTMCell(5, 7).double()
    x, h, c = (torch.randn(3, n, generator=_generator(seed), dtype=torch.float64) for n in (5, 7, 7))
    gates = torch.stack([x @ W.T + h @ U.T + b for W, U, b in zip(cell.W, cell.U, cell.b, strict=True)])
    for mine, theirs in zip(ALL["recurrence.lstm"].reference(gates, c), cell(x, (h, c)), strict=True):
        assert torch.allclose(mine, theirs)


def test_the_conv_lstm_of_the_course_has_as_many_parameters_as_the_exercise_counts(seed):
    for (c, h, k), mine in _cases("parameters", seed):
        assert sum(p.numel() for p in ConvLSTM(c, h, kernel=k).parameters()) == mine
        three = sum(math.prod(p.shape) for p in ConvLSTM(c, h, kernel=k, peepholes=True).parameters())
        assert three == mine + 3 * h


def test_on_maps_of_one_pixel_a_conv_gru_of_the_course_is_the_exercise(seed):
    for (x, h, U), mine in _cases("gru", seed):
        d = h.shape[1]
        layer = GRULayer(3 * d, d, 1, 1, bias=False).double()
        layer.input.weight.data = torch.eye(3 * d, dtype=torch.float64)[..., None, None]
        layer.state.weight.data = U[:2].flatten(0, 1)[..., None, None]
        layer.reset_state.weight.data = U[2, ..., None, None]
        with torch.no_grad():
            theirs, _, _ = layer(x[:, None, :, None, None], (h[..., None, None],))
        assert torch.allclose(theirs[:, 0, :, 0, 0], mine)


def test_the_forecaster_of_the_course_rolls_out_as_the_exercise(seed):
    torch.manual_seed(seed)
    model = NextFrame(hidden=4, kernel=3)
    nn.init.normal_(model.frames.predict.weight, std=0.3)
    clip = torch.rand(2, 9, 3, 8, 12, generator=_generator(seed))

    def step(frame, state):
        answer, state = model.listen(frame[:, None], state)
        return answer[:, 0], state

    with torch.no_grad():
        mine = _rollout_one_loop(step, clip, 4, 3)
        assert torch.allclose(model.rollout(clip[:, :4], 3), mine, atol=1e-5)
        assert not torch.allclose(_teacher(step, clip, 4, 3), mine, atol=1e-3)
