"""Does this model use time? Spoil the time of clips, ask the model again, and watch what becomes of its answer.

Reversing and shuffling keep every frame and change only the order. Freezing and subsampling keep the order and leave
frames out. Rolling and shifting move everything to a later moment.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isnan, nan

import torch
from jaxtyping import Int, Shaped
from torch import Tensor, nn

from .errors import ShapeError, VidlabError, expect_clip
from .page import Page

Clips = Shaped[Tensor, "b t c h w"]


def reverse(clips: Clips) -> Clips:
    """The last frame first. Like all trials it raises ShapeError for what is no batch of two or more frames."""
    return _expect_time(clips).flip(1)


def shuffle(clips: Clips, generator: torch.Generator) -> Clips:
    """The frames of each clip in a random order: not the given one, nor (from three frames on) its reverse."""
    t = _expect_time(clips).shape[1]
    refused, orders = [list(range(t)), list(range(t))[::-1]][: 2 if t > 2 else 1], []
    while len(orders) < len(clips):
        order = torch.randperm(t, generator=generator, device=generator.device).tolist()
        orders += [] if order in refused else [order]
    return torch.stack([clip[order] for clip, order in zip(clips, orders, strict=True)])


def freeze(clips: Clips, frame: int | None = None) -> Clips:
    """One frame, by default the middle one (T // 2), for the whole time: what a photograph knows."""
    t = _expect_time(clips).shape[1]
    frame = t // 2 if frame is None else frame
    if not 0 <= frame < t:
        raise ShapeError(f"frame = {frame}", wanted=f"0 to {t - 1}", mend="frame=None: the middle")
    return clips[:, torch.full((t,), frame)]


def subsample(clips: Clips, every: int = 2) -> Clips:
    """Every second frame, shown twice, so that there are as many as before: 0 0 2 2 4 4 …"""
    if every < 1:
        raise ShapeError(f"every = {every}", wanted="1 or more", mend="every=2")
    return clips[:, torch.arange(_expect_time(clips).shape[1]) // every * every]


def shift(clips: Clips, by: int = 1) -> Clips:
    """Everything `by` frames later (earlier, if negative); the frame at the edge is repeated, the rest falls out."""
    t = _expect_time(clips).shape[1]
    return clips[:, (torch.arange(t) - by).clamp(0, t - 1)]


def roll(clips: Clips, by: int = 1) -> Clips:
    """Everything `by` frames later; what falls out at the end comes in at the start."""
    return _expect_time(clips).roll(by, dims=1)


TRIALS: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "reverse": lambda clips, generator: reverse(clips),
    "shuffle": shuffle,
    "freeze": lambda clips, generator: freeze(clips),
    "subsample": lambda clips, generator: subsample(clips),
    "shift": lambda clips, generator: shift(clips),
    "roll": lambda clips, generator: roll(clips),
}


@dataclass(frozen=True)
class Trial:
    """What one trial did to the answers, over all clips."""

    name: str
    exact: bool  # no logit moved by more than the tolerance, though the trial changed a clip
    max_change: float  # the largest |Δ logit|
    relative_change: float  # root mean square of Δ, over that of the logits' spread between clips; nan without spread
    flips: float  # share of clips with another decision
    total_variation: float  # mean of ½ Σ |Δ probability|, 0 to 1
    changed: float  # share of clips that the trial changed at all
    accuracy: float | None  # under the trial


@dataclass(frozen=True, repr=False)
class TimeUse(Page):
    """The answer of `uses_time`: `report["shuffle"].exact`, and so on for each trial; prints as a table."""

    words = 2
    model: str
    clips: tuple[int, ...]  # their shape
    trials: dict[str, Trial]
    tolerance: float  # in logits
    accuracy: float | None  # on the clips as they were

    def __getitem__(self, name: str) -> Trial:
        return self.trials[name]

    def _page(self) -> tuple[str, list[str], list[list[str]], list[str]]:
        head = ["trial", "answer", "largest Δ logit", "Δ / spread", "decisions flipped", "total variation", "accuracy"]
        rows = [["as it was", *"–" * 5, "–" if self.accuracy is None else f"{self.accuracy:.0%}"]]
        for t in self.trials.values():
            answer = "not tested: clips unchanged" if not t.changed else "the same" if t.exact else "changes"
            spread = "–" if isnan(t.relative_change) else f"{t.relative_change:.2g}"
            numbers = f"{t.max_change:.2g}", spread, f"{t.flips:.0%}", f"{t.total_variation:.3f}"
            rows.append([t.name, answer, *numbers, "–" if t.accuracy is None else f"{t.accuracy:.0%}"])
        notes = [
            f"Clips: {self.clips[0]}, of {self.clips[1]} frames. Same: no logit moved by over {self.tolerance:.1e}."
        ]
        return f"Does {self.model} use time?", head, rows, notes


def uses_time(
    model: nn.Module,
    clips: Clips,
    labels: Int[Tensor, "b"] | None = None,
    *,
    seed: int = 0,
    generator: torch.Generator | None = None,
    trials: dict[str, Callable[[Tensor, torch.Generator], Tensor]] | None = None,
    precise: bool = True,
    tolerance: float | None = None,
    batch_size: int = 16,
) -> TimeUse:
    """Reverse, shuffle, freeze, subsample, shift and roll the clips, and compare the logits with those before.

    The model is asked in eval mode and without gradients; it keeps its weights and its training flags.

    Args:
        model: takes `b t c h w` floats in [0, 1], returns logits `b classes`.
        clips: uint8, or floats in [0, 1]. labels: with them, the accuracy under each trial is measured too.
        seed, generator: of the shuffle. trials: other ones, `(clips, generator) -> clips`; by default `TRIALS`.
        precise: ask a float64 copy, where sums in another order agree to 1e-15; if not, the model itself: faster.
        tolerance: what counts as no change, as a share of the largest |logit| (or of 1); 1e-9, or 1e-5 if not precise.

    Raises:
        ShapeError: no batch of clips of several frames, other labels, or a model that refuses them.
    """
    _expect_time(clips)
    tolerance = (1e-9 if precise else 1e-5) if tolerance is None else tolerance
    if labels is not None and tuple(labels.shape) != (len(clips),):
        raise ShapeError(f"labels of shape {tuple(labels.shape)}", wanted=f"one for each of {len(clips)} clips")
    generator = torch.Generator().manual_seed(seed) if generator is None else generator
    weight = next((p for p in model.parameters() if p.is_floating_point()), torch.zeros(0, device=clips.device))
    where, dtype, scale = weight.device, weight.dtype, 255 if clips.dtype == torch.uint8 else 1
    if precise:
        where, dtype = torch.device("cpu") if where.type == "mps" else where, torch.float64  # MPS has no float64
        model = copy.deepcopy(model).to(where, dtype)

    def answers(spoiled: Tensor) -> Tensor:
        batches = (batch.to(where).to(dtype) / scale for batch in spoiled.split(batch_size))
        return torch.cat([_logits(model, batch) for batch in batches]).cpu().double()

    def accuracy(logits: Tensor) -> float | None:
        return None if labels is None else (logits.argmax(1) == labels.cpu()).double().mean().item()

    with evaluating(model), torch.no_grad():
        before = answers(clips)
        tolerance = tolerance * max(1.0, before.abs().max().item())
        spread = (before - before.mean(0)).norm()
        results = {}
        for name, spoil in (TRIALS if trials is None else trials).items():
            spoiled = spoil(clips, generator)
            after = answers(spoiled)
            moved = after - before
            largest, changed = moved.abs().max().item(), (spoiled != clips).flatten(1).any(1).double().mean().item()
            results[name] = Trial(
                name,
                exact=changed > 0 and largest <= tolerance,
                max_change=largest,
                relative_change=(moved.norm() / spread).item() if spread > 0 else nan,
                flips=(after.argmax(1) != before.argmax(1)).double().mean().item(),
                total_variation=(after.softmax(1) - before.softmax(1)).abs().sum(1).mean().item() / 2,
                changed=changed,
                accuracy=accuracy(after),
            )
    return TimeUse(type(model).__name__, tuple(clips.shape), results, tolerance, accuracy(before))


def ask(model: nn.Module, clips: Tensor) -> object:
    """The model's answer; where it stumbles over the clips, a ShapeError that names their shape."""
    try:
        return model(clips)
    except VidlabError:
        raise
    except (RuntimeError, ValueError, IndexError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        what = f"{type(model).__name__} cannot take clips of shape {tuple(clips.shape)}, {clips.dtype} ({first})"
        raise ShapeError(what, wanted="clips b t c h w, as long and large as the model was built for") from error


@contextmanager
def evaluating(model: nn.Module) -> Iterator[nn.Module]:
    """The model in eval mode; afterwards each of its modules has the training flag that it had."""
    flags = [(module, module.training) for module in model.modules()]
    try:
        yield model.eval()
    finally:
        for module, flag in flags:
            module.training = flag


def _logits(model: nn.Module, clips: Tensor) -> Tensor:
    logits = ask(model, clips)
    came = f"shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else f"a {type(logits).__name__}"
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(clips):
        raise ShapeError(f"{type(model).__name__} returned {came}", wanted=f"logits {len(clips)} × classes")
    return logits


def _expect_time(clips: Tensor) -> Tensor:
    expect_clip(clips, "clips")
    if clips.ndim != 5 or len(clips) == 0 or clips.shape[1] < 2:
        mend = "clips[None]" if clips.ndim == 4 else "a longer cut of the video: one frame has no order"
        raise ShapeError(f"clips has shape {tuple(clips.shape)}", wanted="b t c h w with t of 2 or more", mend=mend)
    return clips
