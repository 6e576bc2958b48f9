"""Exercise of lesson 09, the rollout: a network that is fed with its own word, and may not peek at what is to come."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import conv2d

from .draws import integer
from .frame import Exercise, Mistake
from .mismatch import Wanted


class Step(nn.Module):
    """(frame, state) → (what the next frame will be, state): a recurrent network whose memory moves to the right.

    Frames are b c h w, the state is b d h w, or None before the first frame.
    """

    def __init__(self, weight: Float[Tensor, "d c 3 3"]) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, frame: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        new = conv2d(frame - 0.5, self.weight, padding=1)
        if state is not None:
            new = new + state.roll(1, dims=-1)
        new = new.tanh()
        return conv2d(new, self.weight.transpose(0, 1), padding=1).sigmoid(), new

    def __repr__(self) -> str:
        return f"Step(channels={self.weight.shape[1]})"


def rollout(step: Step, clip: Float[Tensor, "b t c h w"], seen: int, frames: int) -> Float[Tensor, "b n c h w"]:
    state = None  # nothing is remembered yet
    for frame in clip[:, :seen].unbind(dim=1):
        said, state = step(frame, state)  # while it reads, only the state is kept, and the last word
    answers = [said]  # that word is about the first frame it has not seen
    while len(answers) < frames:
        said, state = step(said, state)  # from now on what it said is what it sees
        answers.append(said)
    return torch.stack(answers, dim=1)


def _draw_rollouts(generator: torch.Generator) -> list[tuple]:
    """More frames to foretell than are seen, or fewer; the clip goes on to the end of them and further."""
    seen, frames, d = ((3, 5, 4), (6, 4, 2))[integer(generator, 0, 2)]
    t = seen + frames + integer(generator, 2, 5)
    h, w = (torch.randperm(3, generator=generator)[:2] + 6).tolist()
    weight = torch.randn(d, 3, 3, 3, generator=generator, dtype=torch.float64)
    clip = torch.rand(2, t, 3, h, w, generator=generator, dtype=torch.float64)
    return [(Step(weight), clip, seen, frames)]


Feed = Callable[[int, Tensor], Tensor]  # (number of the frame, what was said of it) → what is fed


def _run(step: Step, clip: Tensor, steps: int, feed: Feed, remember: Callable[[int], bool] = lambda i: True) -> Tensor:
    """What is said in each of so many steps; step i is fed with frame i, or with what was said of it."""
    said, state, answers = clip[:, 0], None, []
    for i in range(steps):
        said, new = step(feed(i, said), state)
        state = new if remember(i) else state
        answers.append(said)
    return torch.stack(answers, 1)


def _right(step: Step, clip: Tensor, seen: int, steps: int) -> Tensor:
    """All that is said in so many steps, first while it reads and then by its own word."""
    return _run(step, clip, steps, lambda i, said: clip[:, i] if i < seen else said)


def _peeks(step: Step, clip: Tensor, seen: int, frames: int, when: Callable[[int], bool]) -> Tensor:
    """The last answers of a run that is fed with the truth while it reads, and later at some steps."""
    n = seen + frames - 1
    return _run(step, clip, n, lambda i, said: clip[:, i] if i < seen or when(i - seen) else said)[:, seen - 1 :]


def _last(step: Step, clip: Tensor, seen: int, frames: int, shift: int = 0) -> Tensor:
    """So many answers of the right run, begun earlier or later."""
    return _right(step, clip, seen, seen + frames + shift - 1)[:, seen + shift - 1 :]


def _forgets(step: Step, clip: Tensor, seen: int, frames: int, when: Callable[[int], bool]) -> Tensor:
    """Some steps begin without a state."""
    said, state, answers = clip[:, 0], None, []
    for i in range(seen + frames - 1):
        said, state = step(clip[:, i] if i < seen else said, None if when(i) else state)
        answers.append(said)
    return torch.stack(answers[seen - 1 :], 1)


def _twice(step: Step, clip: Tensor, seen: int, frames: int) -> Tensor:
    """Reads, and then sees the last frame once more."""
    again = torch.cat([clip[:, :seen], clip[:, seen - 1 : seen]], 1)
    return _last(step, again, seen + 1, frames)


def _blended(step: Step, clip: Tensor, seen: int, frames: int, feed: Feed) -> Tensor:
    """After reading, something is made of what was said before it is fed."""
    n = seen + frames - 1
    return _run(step, clip, n, lambda i, said: clip[:, i] if i < seen else feed(i, said))[:, seen - 1 :]


def _window(step: Step, clip: Tensor, seen: int, frames: int) -> Tensor:
    """Each answer is that to the last `seen` frames, begun anew."""
    film = list(clip[:, :seen].unbind(1))
    for _ in range(frames):
        film.append(_right(step, torch.stack(film[-seen:], 1), seen, seen)[:, -1])
    return torch.stack(film[seen:], 1)


EXERCISES = (
    Exercise(
        name="recurrence.rollout",
        task="Let a network read the first `seen` frames of clips (b t c h w) and say the next ones, b frames c h w.",
        reference=rollout,
        draw=_draw_rollouts,
        wanted=Wanted(axes="b t c h w", dtype=torch.float64, low=0, high=1),
        hints=(
            "Two loops: one over frames that are seen, one over frames that are said. The state goes through both.",
            "What the network says at the last frame seen is already the first answer.",
        ),
        mistakes=(
            Mistake(
                "it peeks: at every step it is fed with the true frame. It must live by its own word",
                lambda f, x, s, n: _peeks(f, x, s, n, lambda i: True),
            ),
            Mistake(
                "it peeks once: the first frame that it has to foretell is fed to it afterwards",
                lambda f, x, s, n: _peeks(f, x, s, n, lambda i: i == 0),
            ),
            Mistake("it peeks at every second step", lambda f, x, s, n: _peeks(f, x, s, n, lambda i: i % 2 == 0)),
            Mistake(
                "it peeks: what it is fed with is half its own word and half the truth",
                lambda f, x, s, n: _blended(f, x, s, n, lambda i, said: (said + x[:, i]) / 2),
            ),
            Mistake(
                "it sees one frame too many: the first that it should foretell",
                lambda f, x, s, n: _last(f, x, s + 1, n),
            ),
            Mistake(
                "it sees one frame too few: the first answer is about one that it should have read",
                lambda f, x, s, n: _last(f, x, s - 1, n),
            ),
            Mistake(
                "it reads the whole clip, what it should foretell as well",
                lambda f, x, s, n: _last(f, x, x.shape[1], n),
            ),
            Mistake("that is the truth: the network is not asked", lambda f, x, s, n: x[:, s : s + n].clone()),
            Mistake(
                "it begins with the first frame alone: of those that are given, all should be read",
                lambda f, x, s, n: _last(f, x, 1, n),
            ),
            Mistake(
                "it begins with the last frame that is seen: the ones before should be read first",
                lambda f, x, s, n: _last(f, x[:, s - 1 :], 1, n),
            ),
            Mistake(
                "already while it reads, it is fed with its own word: only the first frame was true",
                lambda f, x, s, n: _right(f, x, 1, s + n - 1)[:, s - 1 :],
            ),
            Mistake(
                "the answers begin too early, with what it said of the frames that it was still to read",
                lambda f, x, s, n: _right(f, x, s, s + n)[:, :n],
            ),
            Mistake(
                "what it said while reading is answered, too: only frames after those seen are wanted",
                lambda f, x, s, n: _right(f, x, s, s + n - 1),
            ),
            Mistake(
                "the frames that were seen stand before the answers",
                lambda f, x, s, n: torch.cat([x[:, :s], _last(f, x, s, n)], 1),
            ),
            Mistake(
                "the first answer is the last frame seen: it is known, and not to be foretold",
                lambda f, x, s, n: torch.cat([x[:, s - 1 : s], _last(f, x, s, n - 1)], 1),
            ),
            Mistake(
                "the first answer is left out: what it says at the last frame seen counts already",
                lambda f, x, s, n: _last(f, x, s, n, 1),
            ),
            Mistake("the last frame seen is fed twice", _twice),
            Mistake(
                "it is fed with the last frame seen again and again, not with its own word",
                lambda f, x, s, n: _blended(f, x, s, n, lambda i, said: x[:, s - 1]),
            ),
            Mistake(
                "it is fed with black frames once it has read: what it said should come in",
                lambda f, x, s, n: _blended(f, x, s, n, lambda i, said: 0 * said),
            ),
            Mistake(
                "the state is dropped at every step: it never remembers more than one frame",
                lambda f, x, s, n: _forgets(f, x, s, n, lambda i: True),
            ),
            Mistake(
                "the state is dropped when the reading ends: that was what it is for",
                lambda f, x, s, n: _forgets(f, x, s, n, lambda i: i == s),
            ),
            Mistake(
                "the state is dropped at every step after the reading",
                lambda f, x, s, n: _forgets(f, x, s, n, lambda i: i >= s),
            ),
            Mistake(
                "the state stands still when the reading ends: each step should hand on a new one",
                lambda f, x, s, n: _run(f, x, s + n - 1, lambda i, a: x[:, i] if i < s else a, lambda i: i < s)[
                    :, s - 1 :
                ],
            ),
            Mistake(
                "each answer begins anew from the last frames alone, as many as were seen: the state knows more",
                _window,
            ),
            Mistake(
                "the first answer is repeated: it should go on",
                lambda f, x, s, n: _last(f, x, s, 1).expand(-1, n, -1, -1, -1),
            ),
            Mistake(
                "the last frame seen is repeated: the network is not asked",
                lambda f, x, s, n: x[:, s - 1 : s].expand(-1, n, -1, -1, -1),
            ),
            Mistake("the frames are read last one first", lambda f, x, s, n: _last(f, x[:, :s].flip(1), s, n)),
            Mistake(
                "it reads the last frames of the clip, as if nothing came after: the first ones are seen",
                lambda f, x, s, n: _last(f, x[:, -s:], s, n),
            ),
            Mistake("the answers come last one first", lambda f, x, s, n: _last(f, x, s, n).flip(1)),
            Mistake("only the last answer is left", lambda f, x, s, n: _last(f, x, s, n)[:, -1]),
            Mistake("time comes first; clips are b t c h w", lambda f, x, s, n: _last(f, x, s, n).transpose(0, 1)),
            Mistake(
                "colours come before time; clips are b t c h w", lambda f, x, s, n: _last(f, x, s, n).transpose(1, 2)
            ),
            Mistake(
                "the answers lie one after the other along the first axis: time is an axis of its own",
                lambda f, x, s, n: _last(f, x, s, n).transpose(0, 1).flatten(0, 1),
            ),
            Mistake("there is one answer too many", lambda f, x, s, n: _last(f, x, s, n + 1)),
            Mistake("there is one answer too few", lambda f, x, s, n: _last(f, x, s, n - 1)),
        ),
    ),
)
