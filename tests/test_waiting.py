"""What a model costs in time: the longest chain of operations that wait for each other, and seconds."""

import time

import pytest
import torch
from torch import nn

from vidlab import ShapeError, models, waiting
from vidlab.anatomy import longest_chain, seconds


def test_a_chain_is_as_long_as_its_longest_path():
    x = torch.rand(3, requires_grad=True)
    assert longest_chain(lambda x: x.tanh(), x) == 1
    assert longest_chain(lambda x: x.tanh().tanh().tanh(), x) == 3
    assert longest_chain(lambda x: x.tanh() + x.tanh().tanh().sin(), x) == 4  # the sum waits for the longer one
    assert longest_chain(lambda x: sum(x.tanh() for _ in range(8)), x) == 9  # one sum after the other
    assert longest_chain(lambda x: torch.stack([x.tanh() for _ in range(8)]).sum(0), x) == 3


def test_shared_work_is_followed_once():
    """Fifty doublings have 2^50 paths."""

    def doubled(x):
        for _ in range(50):
            x = x + x
        return x

    assert longest_chain(doubled, torch.rand(3, requires_grad=True)) == 50


def test_only_recurrence_waits_longer_for_longer_clips():
    cell, slide, attention = models.ConvLSTM(4, 4, kernel=1), nn.Conv1d(4, 4, 3), models.attention.SelfAttention(4, 2)
    lengths = (8, 16, 32)
    chain = lambda model, x: [longest_chain(model, x(T)) for T in lengths]  # noqa: E731
    steps = chain(lambda x: cell(x)[0], lambda T: torch.rand(1, T, 4, 1, 1))
    assert steps[2] - steps[1] == 2 * (steps[1] - steps[0]) > 0
    assert len(set(chain(slide, lambda T: torch.rand(1, 4, T)))) == 1
    assert len(set(chain(attention, lambda T: torch.rand(1, T, 4)))) == 1


def test_an_answer_that_depends_on_nothing_is_refused():
    with pytest.raises(ShapeError, match="without a gradient"):
        longest_chain(lambda x: x + 1, torch.rand(2))


def test_seconds_are_the_median_after_one_round_to_warm_up(monkeypatch):
    ticks = iter([0, 100, 0, 1, 0, 9, 0, 2, 0, 3, 0, 50])
    monkeypatch.setattr(waiting, "time", type("Clock", (), {"process_time": staticmethod(lambda: next(ticks))}))
    calls = []
    assert seconds(lambda x: calls.append(torch.is_grad_enabled()) or x, torch.rand(2)) == 3
    assert calls == [False] * 6
    with pytest.raises(ShapeError, match="rounds = 0"):
        seconds(torch.sin, torch.rand(2), rounds=0)


def test_seconds_of_the_cpu_do_not_count_sleep():
    assert seconds(lambda x: time.sleep(0.02) or x, torch.rand(2), rounds=1) < 0.015
