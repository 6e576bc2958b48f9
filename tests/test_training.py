"""Training: what is equal bit for bit, what an interruption leaves, what a file holds, what two processes compute."""

import contextlib
import copy
import io
import os
import pickle
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import tqdm
from torch import nn

from vidlab import ShapeError, VidlabError, checkpoints, training
from vidlab.history import History, curve
from vidlab.training import evaluate, fit, one_cycle, roll, rows_of

CPU = {"device": "cpu"}


class Tiny(nn.Module):
    """Everything that keeps a state of its own: weights, BatchNorm's statistics, dropout's chance."""

    def __init__(self, seed=0, dropout=0.3):
        super().__init__()
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self.first, self.norm, self.last = nn.Linear(32, 6), nn.BatchNorm1d(6), nn.Linear(6, 3)
        self.dropout = nn.Dropout(dropout)

    def forward(self, clip):
        return self.last(self.dropout(self.norm(self.first(clip.flatten(1)).relu())))


class Plain(nn.Sequential):
    """No state but weights."""

    def __init__(self, seed=0):
        torch.manual_seed(seed)
        super().__init__(nn.Flatten(), nn.Linear(32, 6), nn.Tanh(), nn.Linear(6, 3))


def data(n=22, seed=0):
    """Bytes `n 2 1 4 4`, three classes that differ in brightness."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(3, (n,), generator=generator)
    noise = torch.randint(60, (n, 2, 1, 4, 4), generator=generator)
    return (noise + 80 * labels[:, None, None, None, None]).to(torch.uint8), labels


def same(a, b):
    a, b = (m.state_dict() if isinstance(m, nn.Module) else m for m in (a, b))
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def states_of(model, *args, **how):
    """Train, and keep a copy of the model's state before every step: states[k] is that after k steps."""
    states = []

    def note(model, args):
        if model.training:
            states.append(copy.deepcopy(model.state_dict()))

    handle = model.register_forward_pre_hook(note)
    history = fit(model, *args, **how)
    handle.remove()
    return [*states, copy.deepcopy(model.state_dict())], history


@contextlib.contextmanager
def raising(module, error, at):
    """Raises in the middle of step `at`: after BatchNorm has counted, before the weights change."""
    calls = []

    def count(module, args, output):
        if module.training:
            calls.append(1)
            if len(calls) == at + 1:
                raise error

    handle = module.register_forward_hook(count)
    yield
    handle.remove()


# --- the ordinary run ----------------------------------------------------------------------------------------------


def test_it_learns_and_leaves_a_model_to_use():
    model = Tiny()
    history = fit(model, *data(96), steps=120, lr=0.02, validation=data(60, seed=1))
    assert history.stopped == "steps"
    assert history.steps == len(history.losses) == 120
    assert sum(history.losses[-10:]) < 0.5 * sum(history.losses[:10])
    assert not any(module.training for module in model.modules())
    assert history.seconds > 0
    assert history.cpu_seconds > 0
    assert [step for step, _ in history.validation] == list(range(0, 121, 12))
    assert history.validation[-1][1] == pytest.approx(evaluate(model, *data(60, seed=1)).hit1.value)
    assert history.validation[-1][1] > 0.9 > history.validation[0][1]
    assert repr(history).count("\n") == 0
    assert "120 steps" in repr(history)


def test_the_same_seed_gives_the_same_bits_whatever_else_draws_numbers():
    a, b, c = Tiny(), Tiny(), Tiny()
    torch.manual_seed(1)
    first = fit(a, *data(), steps=9, batch=8, augment=roll)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    second = fit(b, *data(), steps=9, batch=8, augment=roll, validation=data(5))  # looking changes nothing
    assert torch.equal(torch.get_rng_state(), before)
    assert first.losses == second.losses
    assert same(a, b)
    assert fit(c, *data(), steps=9, batch=8, augment=roll, seed=1).losses != first.losses
    assert not same(a, c)


def test_bytes_and_floats_train_alike():
    clips, labels = data()
    a, b = Tiny(), Tiny()
    fit(a, clips, labels, steps=5)
    fit(b, clips.float() / 255, labels, steps=5)
    assert same(a, b)


def test_a_loss_of_ones_own_sees_the_answer_the_clips_and_the_labels():
    clips, labels = data()
    seen = []

    def squares(answer, x, y):
        seen.append((tuple(x.shape), x.dtype, y))
        return (answer - x.mean()).square().mean()

    unnamed, named = Tiny(), Tiny()
    one = fit(unnamed, clips, loss=squares, steps=3, batch=8, **CPU)
    assert [each[2] for each in seen] == 3 * [None]
    assert seen[0][:2] == ((8, 2, 1, 4, 4), torch.float32)
    other = fit(named, clips, labels, loss=squares, steps=3, batch=8, **CPU)
    assert one.losses == other.losses
    assert same(unnamed, named)
    torch.testing.assert_close(seen[3][2], labels[rows_of(0, 22, 8, 0)])

    usual, spelled = Tiny(), Tiny()
    fit(usual, clips, labels, steps=3, **CPU)
    fit(spelled, clips, labels, loss=lambda logits, x, y: nn.functional.cross_entropy(logits, y), steps=3, **CPU)
    assert same(usual, spelled)


def test_a_run_without_labels_goes_on_from_its_file(tmp_path):
    def flat(answer, x, y):
        return answer.square().mean()

    whole, parts = Tiny(), Tiny()
    how = {"loss": flat, "steps": 6, "batch": 8, **CPU}
    fit(whole, data()[0], **how)
    with raising(parts.norm, KeyboardInterrupt(), at=4):
        assert fit(parts, data()[0], checkpoint=tmp_path / "run.pt", **how).steps == 4
    fit(parts, data()[0], checkpoint=tmp_path / "run.pt", **how)
    assert same(whole, parts)
    with pytest.raises(VidlabError, match="loss = .*flat"):
        fit(Tiny(), *data(), checkpoint=tmp_path / "run.pt", steps=6, batch=8, **CPU)


def test_the_learning_rate_is_that_of_torchs_one_cycle():
    steps = 1000
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=1, total_steps=steps, cycle_momentum=False)
    for step in range(steps):
        assert one_cycle(step / steps) == pytest.approx(theirs.get_last_lr()[0], abs=0.005)
        optimiser.step()
        if step < steps - 1:
            theirs.step()
    assert one_cycle(0.0) == pytest.approx(1 / 25)
    assert one_cycle(0.3) == pytest.approx(1)
    assert one_cycle(1.0) < 1e-5


def test_the_first_step_is_adamw_with_the_first_learning_rate():
    """By hand: Adam's first step has the length lr / 25 in every weight, and decay takes its share."""
    model = Plain()
    before = copy.deepcopy(model.state_dict())
    fit(model, *data(), steps=100, lr=0.05, weight_decay=0.5, batch=22, **CPU, seconds=1e-9)
    moved = model.state_dict()["3.bias"] - before["3.bias"] * (1 - 0.5 * 0.05 / 25)
    torch.testing.assert_close(moved.abs(), torch.full((3,), 0.05 / 25), rtol=1e-3, atol=0)


def test_an_epoch_is_without_repetition_and_without_an_incomplete_batch():
    epochs = [torch.cat([rows_of(step, 22, 8, seed=0) for step in (2 * e, 2 * e + 1)]).tolist() for e in range(30)]
    assert all(len(set(epoch)) == 16 for epoch in epochs)
    assert set(sum(epochs, [])) == set(range(22))
    assert len({tuple(epoch) for epoch in epochs}) == 30
    seen = []
    fit(Plain(), *data(5), batch=32, steps=2, augment=lambda clips, generator: seen.append(len(clips)) or clips)
    assert seen == [5, 5]  # fewer clips than a batch


def test_clips_keep_their_labels():
    """A clip of one grey value, 40 × its label: what arrives must say which label came with it."""
    labels = torch.arange(22) % 3
    clips = (40 * labels)[:, None, None, None, None].expand(22, 2, 1, 4, 4).to(torch.uint8).contiguous()
    told = []

    class Spy(Plain):
        def forward(self, clip):
            told.append((clip[:, 0, 0, 0, 0] * 255 / 40).round().long())
            return super().forward(clip)

    model, losses = Spy(), []
    history = fit(model, clips, labels, steps=1, lr=1e-30, batch=8)
    rows = rows_of(0, 22, 8, seed=0)
    assert torch.equal(told[0], labels[rows])
    with torch.no_grad():
        losses = nn.functional.cross_entropy(Plain.forward(model, clips[rows] / 255), labels[rows])
    assert history.losses == pytest.approx([losses.item()], rel=1e-5)


def test_roll_shifts_each_clip_as_a_whole_by_another_way():
    clips = torch.rand(40, 3, 2, 5, 7, generator=torch.Generator().manual_seed(0))
    rolled, ways = roll(clips, torch.Generator().manual_seed(1)), set()
    for before, after in zip(clips, rolled, strict=True):
        found = [(y, x) for y in range(5) for x in range(7) if torch.equal(before.roll((y, x), (-2, -1)), after)]
        assert len(found) == 1  # one shift for all frames and channels
        ways.add(found[0])
    assert {y for y, _ in ways} == set(range(5))
    assert {x for _, x in ways} == set(range(7))
    assert torch.equal(rolled, roll(clips, torch.Generator().manual_seed(1)))


def test_every_step_is_augmented_anew():
    drawn = []
    fit(Plain(), *data(), steps=6, augment=lambda clips, g: drawn.append(torch.rand(1, generator=g).item()) or clips)
    assert len(set(drawn)) == 6


def test_a_watched_parameter_from_the_first_weights_to_the_last():
    model = Tiny()
    states, history = states_of(model, *data(), steps=40, batch=8, watch="first.weight", frames=5)
    assert history.watched_steps == [0, 10, 20, 30, 40]
    assert history.watched.shape == (5, 6, 32)
    for step, values in zip(history.watched_steps, history.watched, strict=True):
        assert torch.equal(values, states[step]["first.weight"])
    assert fit(Tiny(), *data(), steps=3, watch="first.weight", frames=20).watched_steps == [0, 1, 2, 3]
    assert len(fit(Tiny(), *data(), steps=3).watched) == 0


# --- it ends early -------------------------------------------------------------------------------------------------


def ticking(monkeypatch, tick):
    """A clock that moves only when it is read."""
    now = [1000.0]

    def monotonic():
        now[0] += tick
        return now[0]

    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=monotonic, process_time=time.process_time))


def test_a_budget_of_time_ends_with_a_low_learning_rate(monkeypatch):
    ticking(monkeypatch, 0.25)
    shares, cycle = [], training.one_cycle
    monkeypatch.setattr(training, "one_cycle", lambda done: shares.append(done) or cycle(done))
    model = Tiny()
    history = fit(model, *data(), steps=10**6, seconds=20, watch="last.bias", frames=6)
    assert history.stopped == "time"
    assert 20 <= history.seconds <= 21  # after the step in which time ran out
    assert 20 < history.steps < 100
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert cycle(max(shares)) < 0.05
    assert len(history.watched) == 6
    assert torch.equal(history.watched[-1], model.last.bias)
    assert not model.training


def test_a_budget_of_time_is_for_all_pieces_together(monkeypatch, tmp_path):
    ticking(monkeypatch, 0.25)
    how = {"steps": 10**6, "seconds": 20, "checkpoint": tmp_path / "run.pt"}
    with raising((model := Tiny()).last, KeyboardInterrupt, at=15):
        half = fit(model, *data(), **how)
    assert half.stopped == "interrupted"
    assert half.seconds > 5
    history = fit(model, *data(), **how)
    assert history.stopped == "time"
    assert 20 <= history.seconds <= 21
    assert 20 < history.steps < 50  # one piece takes about 40


def test_plenty_of_time_changes_nothing():
    a, b = Tiny(), Tiny()
    fit(a, *data(), steps=6)
    assert fit(b, *data(), steps=6, seconds=10_000).stopped == "steps"
    assert same(a, b)


@pytest.mark.parametrize("k", [0, 1, 5])
def test_the_stop_button_leaves_the_last_finished_step(k):
    states, whole = states_of(Tiny(), *data(), steps=8, batch=8)
    model = Tiny()
    with raising(model.last, KeyboardInterrupt, at=k):
        history = fit(model, *data(), steps=8, batch=8)
    assert history.stopped == "interrupted"
    assert history.losses == whole.losses[:k]
    assert same(model, states[k])  # BatchNorm's statistics too, though step k had changed them
    assert not any(module.training for module in model.modules())


def test_a_signal_while_weights_change_waits_until_they_have(monkeypatch):
    states, _ = states_of(Tiny(), *data(), steps=8, batch=8)
    step, calls = torch.optim.AdamW.step, []

    def pressed(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", pressed)
    handler, model = signal.getsignal(signal.SIGINT), Tiny()
    history = fit(model, *data(), steps=8, batch=8)
    assert (history.stopped, history.steps) == ("interrupted", 3)
    assert same(model, states[3])
    assert signal.getsignal(signal.SIGINT) is handler


def test_the_stop_button_before_the_first_step(monkeypatch, tmp_path):
    def pressed(*args, real=torch.optim.AdamW, **kwargs):
        signal.raise_signal(signal.SIGINT)
        return real(*args, **kwargs)

    model, path = Tiny(), tmp_path / "run.pt"
    with monkeypatch.context() as patch:
        patch.setattr(torch.optim, "AdamW", pressed)
        history = fit(model, *data(), steps=5, checkpoint=path)
    assert (history.stopped, history.steps) == ("interrupted", 0)
    assert same(model, Tiny())
    assert not model.training
    assert fit(model, *data(), steps=5, checkpoint=path).losses == fit(Tiny(), *data(), steps=5).losses


def test_it_trains_in_any_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(fit(Tiny(), *data(), steps=2)))
    thread.start()
    thread.join()
    assert found[0].stopped == "steps"


# --- numbers that are none -----------------------------------------------------------------------------------------


def test_a_diverging_run_says_so_and_keeps_finite_weights():
    model = Tiny()
    with pytest.raises(VidlabError, match=r"step \d+: loss (nan|inf).*Try: lr=1e\+29"):
        fit(model, *data(), steps=50, lr=1e30)
    assert all(value.isfinite().all() for value in model.state_dict().values())
    assert not model.training


def test_no_number_in_a_clip_changes_nothing():
    clips, labels = data()
    clips = clips.float() / 255
    clips[3] = torch.nan
    states, _ = states_of(Tiny(), *data(), steps=1)
    model = Tiny()
    with pytest.raises(VidlabError, match="step 0: loss nan"):
        fit(model, clips, labels)
    assert same(model, states[0])


def test_a_gradient_may_be_no_number_while_the_loss_still_is():
    class Edge(Plain):
        def forward(self, clip):
            return super().forward(clip) + (self[3].bias * 0).abs().sqrt()  # 0, and its derivative 0 · ∞

    model = Edge()
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(VidlabError, match=r"step 0: loss \d.*gradient of length nan"):
        fit(model, *data())
    assert same(model, before)


# --- checkpoints ---------------------------------------------------------------------------------------------------

HOW = {"steps": 12, "batch": 8, "lr": 0.01, "augment": roll, "watch": "last.weight", "frames": 4}


def resumed_like(whole, history):
    return (
        history.losses == whole.losses
        and history.validation == whole.validation
        and history.watched_steps == whole.watched_steps
        and torch.equal(history.watched, whole.watched)
        and history.stopped == whole.stopped == "steps"
    )


@pytest.mark.parametrize("k", [0, 1, 7, 11])
def test_a_run_in_two_pieces_is_the_run_in_one(k, tmp_path):
    how = HOW | {"validation": data(30, seed=1), "checkpoint": tmp_path / "new folder" / "run.pt"}
    one, broken, other = Tiny(), Tiny(), Tiny(seed=9)  # first weights do not matter once there is a file
    whole = fit(one, *data(), **how | {"checkpoint": None})
    with raising(broken.last, KeyboardInterrupt, at=k):
        part = fit(broken, *data(), **how)
    assert (part.stopped, part.steps) == ("interrupted", k)
    assert resumed_like(whole, fit(broken, *data(), **how))  # the same model goes on
    assert same(one, broken)
    spent = torch.load(how["checkpoint"])["history"]["seconds"]
    again = fit(other, *data(), **how)  # finished: it is only read
    assert resumed_like(whole, again)
    assert again.seconds == spent
    assert same(one, other)
    assert not other.training


def test_a_crash_costs_the_steps_since_the_last_writing(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "SAVE_EVERY", 0.0)
    how = HOW | {"checkpoint": tmp_path / "run.pt"}
    one, broken = Tiny(), Tiny()
    whole = fit(one, *data(), **how | {"checkpoint": None})
    with pytest.raises(RuntimeError, match="power cut"), raising(broken.last, RuntimeError("power cut"), at=5):
        fit(broken, *data(), **how)
    assert len(torch.load(tmp_path / "run.pt")["history"]["losses"]) == 5
    fresh = Tiny(seed=3)
    assert resumed_like(whole, fit(fresh, *data(), **how))
    assert same(one, fresh)


def test_it_is_written_every_few_seconds_only(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(checkpoints, "save", lambda path, state: written.append(len(state["history"]["losses"])))
    ticking(monkeypatch, 0.5)
    fit(Tiny(), *data(), steps=40, checkpoint=tmp_path / "run.pt")
    assert 4 <= len(written) <= 12  # 40 s by that clock
    assert written[-1] == 40


@pytest.mark.parametrize("where", ["in the middle of the bytes", "before the file takes its name"])
def test_writing_that_is_cut_off_leaves_the_old_file(where, tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    with raising((model := Tiny()).last, KeyboardInterrupt, at=4):
        fit(model, *data(), **HOW, checkpoint=path)
    old = path.read_bytes()

    def half(state, file):
        file.write(old[: len(old) // 2])
        raise SystemExit

    def never(*args):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(*((torch, "save", half) if where.startswith("in") else (os, "replace", never)))
        with pytest.raises(SystemExit):
            fit(model, *data(), **HOW, checkpoint=path)
    assert path.read_bytes() == old
    whole = fit(one := Tiny(), *data(), **HOW)
    assert resumed_like(whole, fit(model, *data(), **HOW, checkpoint=path))
    assert same(one, model)
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_killed_while_it_writes(tmp_path):
    """A process that does nothing but write, 2 MB at a time, is killed outright: what is there is whole."""
    path, found = tmp_path / "run.pt", []
    for wait in (0.05, 0.08, 0.11, 0.13):
        start = len(found) * 10_000
        if (child := os.fork()) == 0:
            with contextlib.suppress(BaseException):
                for count in range(start, start + 10_000):
                    checkpoints.save(path, {"settings": {}, "numbers": torch.full((500_000,), count)})
            os._exit(0)
        end = time.monotonic() + 30
        while not path.exists() and time.monotonic() < end:
            time.sleep(0.001)
        time.sleep(wait)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        numbers = checkpoints.load(path, {})["numbers"]
        assert len(numbers) == 500_000
        assert (numbers == numbers[0]).all()
        found.append(numbers[0].item())
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"lr": 0.02}, "lr = 0.01. Wanted: one with lr = 0.02"),
        ({"steps": 13}, "steps = 12. Wanted: one with steps = 13"),
        ({"seed": 1}, "seed = 0. Wanted: one with seed = 1"),
        ({"augment": None}, "augment = roll"),
        ({"seconds": 9}, "seconds = inf"),
        ({"labels": data()[1].flip(0)}, "labels = "),
        ({"clips": 255 - data()[0]}, "clips = "),
        ({"model": Plain()}, "model = Tiny"),
    ],
)
def test_a_file_of_another_run_is_refused(change, says, tmp_path):
    path, (clips, labels) = tmp_path / "run.pt", data()
    how = HOW | {"watch": None, "checkpoint": path}
    fit(Tiny(), clips, labels, **how)
    old, call = path.read_bytes(), {"model": Tiny(), "clips": clips, "labels": labels} | how | change
    with pytest.raises(VidlabError, match=says) as caught:
        fit(**call)
    assert str(caught.value).count(" = ") == 2  # nothing is named that is the same
    assert path.read_bytes() == old


class Harm:
    def __reduce__(self):
        return (os.mkdir, ("harmed",))


@pytest.mark.parametrize("kind", ["cut", "empty", "text", "weights", "program"])
def test_a_damaged_file_is_named_with_its_mend(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "run.pt"
    fit(Tiny(), *data(), **HOW, checkpoint=path)
    whole = path.read_bytes()
    damaged = {"cut": whole[: len(whole) // 2], "empty": b"", "text": b"hello\n", "program": pickle.dumps(Harm(), 2)}
    path.write_bytes(damaged.get(kind, whole))
    if kind == "weights":
        torch.save(Tiny().state_dict(), path)
    model = Tiny()
    with pytest.raises(VidlabError, match=r"run\.pt is damaged.*delete it"):
        fit(model, *data(), **HOW, checkpoint=path)
    assert same(model, Tiny())
    assert not (tmp_path / "harmed").exists()


def test_numbers_of_numpy_can_be_written_and_read(tmp_path):
    how = HOW | {"lr": np.float64(0.01), "seconds": np.float64(1e4), "checkpoint": tmp_path / "run.pt"}
    fit(Tiny(), *data(), **how)
    assert fit(Tiny(), *data(), **how).steps == 12


def test_a_checksum_sees_order_and_type_and_does_not_read_all_of_a_large_set():
    some = torch.arange(12).reshape(4, 3)
    sums = {checkpoints.checksum(other) for other in (some, some.flip(0), some.int(), some.reshape(3, 4))}
    assert len(sums) == 4
    assert checkpoints.checksum(some.clone()) in sums
    assert checkpoints.checksum(torch.zeros(1).bfloat16().expand(2**12, 2**14)).endswith("(4096, 16384) #59450445")


# --- what is shown -------------------------------------------------------------------------------------------------


def test_the_bar_shows_the_curve_and_goes(monkeypatch):
    shown, bars = [], []

    def bar(**how):
        shown.append(how)
        bars.append(tqdm.tqdm(**how | {"file": page, "delay": 0, "mininterval": 0, "ncols": 100}))
        return bars[-1]

    page = io.StringIO()
    monkeypatch.setattr(training, "tqdm", bar)
    fit(Tiny(), *data(), steps=20)
    fit(Tiny(), *data(), steps=1, progress=False)
    assert page.getvalue() == ""  # TQDM_DISABLE is set for all tests
    monkeypatch.delenv("TQDM_DISABLE")
    fit(Tiny(), *data(), steps=1, progress=False)
    assert page.getvalue() == ""
    fit(Tiny(), *data(), steps=20)
    assert [how["disable"] for how in shown] == [True, True, True, False]
    assert not shown[-1]["leave"]
    assert "step 19, loss" in page.getvalue()
    assert "█" in page.getvalue().split("loss")[-1]
    assert bars[-1].disable  # closed


def test_the_curve_in_blocks():
    assert curve([]) == "loss –"
    assert curve([3.0]) == "loss 3 █"
    assert curve([8, 7, 6, 5, 4, 3, 2, 1], width=8) == "loss 1 █▇▆▅▄▃▂▁"
    assert curve([4.0, 2.0, 1.0, 1.0], width=2) == "loss 1 █▃"
    assert len(curve(list(range(1000)))) == len("loss 968 ") + 16
    assert curve([0.0, 0.0]) == "loss 0 ▁▁"
    assert repr(History(0)) == "0 steps in 0.0 s, loss –, stopped: no"


# --- switches ------------------------------------------------------------------------------------------------------


def test_half_precision_is_left_out_where_it_gains_nothing():
    a, b = Tiny(), Tiny()
    fit(a, *data(), steps=3, **CPU)
    with pytest.warns(UserWarning, match="amp is left out.*cpu"):
        fit(b, *data(), steps=3, amp=True, **CPU)
    assert same(a, b)


def test_compiling_is_asked_for_once(monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "compile", lambda model: asked.append(model) or (lambda clip: model(clip)))
    a, b = Tiny(), Tiny()
    fit(a, *data(), steps=3)
    assert asked == []
    fit(b, *data(), steps=3, compile=True)
    assert asked == [b]
    assert same(a, b)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("brain", [True, False])
def test_half_precision_on_a_gpu_goes_on_from_a_file(brain, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: brain)
    how = HOW | {"amp": True, "checkpoint": tmp_path / "run.pt", "steps": 60}
    one, broken = Tiny(), Tiny()
    whole = fit(one, *data(), **how | {"checkpoint": None})
    with raising(broken.last, KeyboardInterrupt, at=20):
        fit(broken, *data(), **how)
    assert fit(broken, *data(), **how).losses == pytest.approx(whole.losses, rel=1e-2)
    assert whole.losses[-1] < whole.losses[0]
    assert next(one.parameters()).is_cuda


# --- several processes ---------------------------------------------------------------------------------------------

TWO = """
import os, sys, time, torch
from types import SimpleNamespace
sys.path.insert(0, sys.argv[1])
import test_training as t
torch.set_num_threads(1)
rank = int(os.environ["RANK"])
model = t.Plain(seed=rank)  # the first process's weights count
history = t.fit(model, *t.data(), **t.SHARED, checkpoint=f"{sys.argv[2]}/run{rank}.pt")
hasty = SimpleNamespace(monotonic=lambda: (1 + 4 * rank) * time.monotonic(), process_time=time.process_time)
t.training.time = hasty  # the second one's clock runs fast
timed = t.fit(t.Plain(), *t.data(), steps=10**6, batch=8, seconds=0.2, device="cpu")
try:
    t.fit(model, *t.data(), batch=5, device="cpu")
except ValueError as error:
    refused = str(error)
torch.save([model.state_dict(), history.losses, timed.losses, refused], f"{sys.argv[2]}/{rank}.pt")
"""
SHARED = {"steps": 10, "batch": 8, "lr": 0.01, "augment": roll, "device": "cpu"}


def free_port() -> int:
    """One that the system hands to nobody by itself, while the two processes are still starting."""
    for port in random.sample(range(20_000, 30_000), 100):
        with contextlib.suppress(OSError), socket.socket() as free:
            free.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port")


def test_two_processes_compute_what_one_does(tmp_path):
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    if sys.platform == "linux":
        meeting["GLOO_SOCKET_IFNAME"] = "lo"
    here = Path(__file__).parent
    meeting |= {"PYTHONPATH": str(here.parent)}
    command = [sys.executable, "-c", TWO, here, tmp_path]
    both = [
        subprocess.Popen(command, env=os.environ | meeting | {"RANK": rank}, stderr=subprocess.PIPE) for rank in "01"
    ]
    try:
        said = [process.communicate(timeout=200)[1].decode() for process in both]
    finally:
        for process in both:
            process.kill()
    assert [process.returncode for process in both] == [0, 0], "\n".join(said)
    (first, losses, timed, refused), (second, *others) = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert same(first, second)
    assert others == [losses, timed, refused]  # by the first one's clock, both stop at the same step
    assert "2 processes" in refused
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.pt", "1.pt", "run0.pt"]
    alone = Plain()
    assert fit(alone, *data(), **SHARED).losses == pytest.approx(losses, abs=1e-5)
    for name, value in alone.state_dict().items():
        torch.testing.assert_close(first[name], value, atol=1e-5, rtol=0)


# --- what does not fit ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("as_learners_run_it")
@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"clips": data()[0][0]}, ShapeError, "n t c h w"),
        ({"labels": data()[1][:-1]}, ShapeError, r"clips \(22, 2, 1, 4, 4\) with labels \(21,\)"),
        ({"clips": data()[0][:0], "labels": data()[1][:0]}, ShapeError, "nothing of it 0"),
        ({"labels": data()[1].int()}, ShapeError, r"labels.long\(\)"),
        ({"labels": data()[1] - 1}, ShapeError, "from -1"),
        ({"labels": data()[1] + 2}, ShapeError, r"\(22, 3\).*22 × 5.*up to 4"),
        ({"model": nn.Sequential(Plain(), nn.Unflatten(1, (3, 1)))}, ShapeError, r"\(22, 3, 1\)"),
        ({"clips": data()[0].float()}, ShapeError, r"clips / 255"),
        ({"clips": data()[0].long()}, ShapeError, "int64"),
        ({"steps": 0}, ValueError, "steps = 0"),
        ({"batch": 0}, ValueError, "batch = 0"),
        ({"lr": 0.0}, ValueError, "lr = 0"),
        ({"lr": float("nan")}, ValueError, "lr = nan"),
        ({"seconds": 0.0}, ValueError, "seconds = 0"),
        ({"frames": 0}, ValueError, "frames = 0"),
        ({"watch": "conv1"}, ValueError, "'conv1' is no parameter.*first.weight"),
        ({"labels": None}, ShapeError, "with no labels. Wanted: n t c h w with n labels"),
        ({"loss": lambda answer, x, y: answer}, ShapeError, r"a loss of shape \(22, 3\).*one number.*mean"),
        ({"loss": lambda answer, x, y: 0.5}, ShapeError, "a loss of float"),
        ({"loss": lambda answer, x, y: x.mean()}, ShapeError, "with a gradient"),
        (
            {"loss": lambda answer, x, y: answer.mean(), "labels": None, "validation": data()},
            ValueError,
            "Wanted: labels, or no validation",
        ),
    ],
)
def test_what_does_not_fit_is_said_before_anything_changes(change, error, says):
    clips, labels = data()
    call = {"model": Tiny(), "clips": clips, "labels": labels} | change
    before = copy.deepcopy(call["model"].state_dict())
    with pytest.raises(error, match=says):
        fit(**call)
    assert same(call["model"], before)
