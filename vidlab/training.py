"""Training: one loop for every model of the course, on one core, on a GPU, in several processes.

All chance of step k, its clips, augmentation and dropout, follows from the seed and from k. So a run that was broken
off has no generator to restore: it goes on at step k as if it had never stopped.
"""

from __future__ import annotations

import math
import os
import time
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

import vidlab

from . import checkpoints
from .errors import ShapeError, VidlabError
from .evaluation import as_floats, evaluate, predict
from .history import History, curve
from .processes import agreed, average, held_interrupts, join_processes, start_alike

__all__ = ["History", "evaluate", "fit", "one_cycle", "roll"]

SAVE_EVERY = 5.0  # seconds between checkpoints
VALIDATIONS = 10  # in a run, after one before it
BAR = "{desc} {percentage:3.0f} % {bar} {remaining} left{postfix}"


def fit(
    model: nn.Module,
    clips: Shaped[Tensor, "n t c h w"],
    labels: Int64[Tensor, " n"] | None = None,
    *,
    loss: Callable[[Tensor, Tensor, Tensor | None], Tensor] | None = None,
    steps: int = 300,
    batch: int = 32,
    lr: float = 4e-3,
    weight_decay: float = 0.01,
    seed: int = 0,
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    seconds: float | None = None,
    checkpoint: str | Path | None = None,
    validation: tuple[Tensor, Tensor] | None = None,
    watch: str | None = None,
    frames: int = 20,
    amp: bool = False,
    compile: bool = False,
    progress: bool = True,
    device: torch.device | str | None = None,
) -> History:
    """Train a model in place with AdamW and a one-cycle learning rate, and leave it in evaluation mode.

    On one thread of a CPU, equal arguments and equal first weights give the same result, bit for bit. The stop button
    leaves the weights of the last finished step. Started by `torchrun`, each process takes its share of every batch and
    gradients are averaged: as in one process, but for rounding, dropout, and BatchNorm, which sees the share only.

    Args:
        clips: uint8, or floats in [0, 1]. They stay where they are and batches travel: a memory-mapped file will do.
        labels: classes, int64 from 0; they may be left out with a loss of one's own.
        loss: (the model's answer, clips, labels) -> one number to be made small, a mean over the clips; by default the
            cross entropy of logits and labels. With another one, answers may be anything.
        steps, batch: how often the weights change, by how many clips; an epoch's incomplete last batch is left out.
        lr: the highest learning rate, reached after 30 % of the run.
        augment: (clips, generator) -> clips with the same labels, such as `roll`.
        seconds: wall time after which training stops. The learning rate follows steps or time, whichever is further on,
            and so it has come down by then. Such a run depends on the machine's speed.
        checkpoint: a file written every few seconds and at the end. With it, the same call goes on where the last one
            stopped, and has nothing to do after the end.
        validation: clips and labels; their accuracy is measured before, and ten times on the way.
        watch: name of a parameter whose values are kept `frames` times, evenly over the run.
        amp: half precision, on CUDA only. compile: by torch.compile, which takes its time first.
        device: by default the fastest.

    Raises:
        ShapeError: clips, labels and the model's logits do not fit each other; a loss that is not one number.
        ValueError: a number not above 0, a batch that processes cannot share evenly, an unknown parameter to watch, or
            validation without labels.
        VidlabError: loss or gradient no longer finite, or a checkpoint that is damaged or of another run.
    """
    rank, world, device = join_processes(torch.device(device or vidlab.device()))
    classes = expect_data(clips, labels, loss is None)
    steps, batch, seed = int(steps), min(int(batch), len(clips)), int(seed)  # plain numbers, as a checkpoint wants them
    lr, weight_decay, seconds = float(lr), float(weight_decay), float(math.inf if seconds is None else seconds)
    if not all(number > 0 for number in (steps, batch, lr, seconds, frames)) or batch % world:
        given = f"steps = {steps}, batch = {batch}, lr = {lr}, seconds = {seconds}, frames = {frames}"
        raise ValueError(f"{given}. Wanted: all above 0, and a batch that {world} processes can share evenly.")
    if watch is not None and watch not in dict(model.named_parameters()):
        names = ", ".join(name for name, _ in model.named_parameters())
        raise ValueError(f"watch = {watch!r} is no parameter of this model. Wanted: one of {names}.")
    if labels is None and validation is not None:
        raise ValueError("validation counts right answers. Wanted: labels, or no validation.")
    if amp and device.type != "cuda":
        warnings.warn(f"amp is left out: it only gains on CUDA, and this is {device.type}", stacklevel=2)
        amp = False
    half = torch.float16 if amp and not torch.cuda.is_bf16_supported(including_emulation=False) else torch.bfloat16

    other_dice = [] if device.type == "cpu" else [torch.get_device_module(device)]
    history, buffers, path = History(seed), [], None if checkpoint is None else Path(checkpoint)

    def save() -> None:
        if path is not None and rank == 0:
            state = {name: part.state_dict() for name, part in parts.items()}
            checkpoints.save(path, state | {"settings": settings, "history": vars(history)})

    hidden = not progress or rank > 0 or bool(os.environ.get("TQDM_DISABLE"))  # tqdm's notebook bar does not look
    bar = tqdm(total=1.0, desc="training", bar_format=BAR, leave=False, delay=1, disable=hidden)
    try:
        with held_interrupts():  # getting ready may take seconds
            model.to(device)
            net = torch.compile(model) if compile else model
            optimiser = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
            scaler = torch.amp.GradScaler(device.type, enabled=amp and half == torch.float16)
            parts = {"model": model, "optimiser": optimiser, "scaler": scaler}
            if path is not None:
                settings = dict(steps=steps, batch=batch, lr=lr, weight_decay=weight_decay, seed=seed, seconds=seconds)
                settings |= dict(amp=amp, compile=compile, watch=watch, frames=frames)
                settings |= dict(validation=validation is not None)
                settings |= checkpoints.fingerprint(model, clips, labels, augment=augment, loss=loss)
            if path is not None and path.exists():
                state = checkpoints.load(path, settings)
                history = History(**state["history"] | {"stopped": ""})
                for name, part in parts.items():
                    part.load_state_dict(state[name])
            start_alike(model.state_dict().values())
            model.train()
            buffers = [buffer.clone() for buffer in model.buffers()]  # BatchNorm's change before the weights do
            began, cpu_began = time.monotonic() - history.seconds, time.process_time() - history.cpu_seconds
            due = time.monotonic() + SAVE_EVERY
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            while not history.stopped:
                step, done = history.steps, max(history.steps / steps, history.seconds / seconds)
                if watch is not None and done * (frames - 1) >= len(history.frames):
                    history.frames.append((step, model.get_parameter(watch).detach().cpu().clone()))
                if validation is not None and done * VALIDATIONS >= len(history.validation):
                    right = predict(model, validation[0]).argmax(1) == validation[1].cpu()
                    history.validation.append((step, right.float().mean().item()))
                if bar.update(min(done, 1.0) - bar.n):  # it was drawn anew
                    bar.set_postfix_str(f"step {step}, {curve(history.losses)}", refresh=False)
                if done >= 1:
                    history.stopped = "steps" if step >= steps else "time"
                    break

                for dice in (torch.default_generator, *other_dice):
                    dice.manual_seed(number_for(seed, step, "dropout", rank))
                rows = rows_of(step, len(clips), batch, seed)
                x, y = as_floats(clips[rows].to(device)), None if labels is None else labels[rows].to(device)
                if augment is not None:
                    x = augment(x, torch.Generator().manual_seed(number_for(seed, step, "augment")))
                x, y = x[rank::world], None if y is None else y[rank::world]
                optimiser.zero_grad()
                with torch.autocast(device.type, dtype=half, enabled=amp):
                    answer = net(x)
                    cost = cross_entropy_of(answer, y, classes) if loss is None else expect_number(loss(answer, x, y))
                scaler.scale(cost).backward()
                cost, gradients = cost.detach(), [p.grad for p in model.parameters() if p.grad is not None]
                average([cost, *gradients])
                expect_finite(cost, gradients if not scaler.is_enabled() else [], step, lr)  # a scaler skips the others
                for group in optimiser.param_groups:
                    group["lr"] = lr * one_cycle(done)
                elapsed = agreed(time.monotonic() - began, device)
                with held_interrupts():
                    scaler.step(optimiser)
                    scaler.update()
                    buffers = [buffer.clone() for buffer in model.buffers()]
                    history.losses.append(cost.item())
                    history.seconds = elapsed
                    history.cpu_seconds = time.process_time() - cpu_began
                    if time.monotonic() > due:
                        save()
                        due = time.monotonic() + SAVE_EVERY
    except BaseException as reason:
        with torch.no_grad():
            for buffer, kept in zip(model.buffers(), buffers, strict=False):
                buffer.copy_(kept)
        if not isinstance(reason, KeyboardInterrupt):
            raise
        history.stopped = "interrupted"
    finally:
        bar.close()
        model.eval()
    save()
    return history


def one_cycle(done: float) -> float:
    """The learning rate as a share of its peak, after a share `done` of the run: half a cosine up, half a cosine down.

    L. Smith, N. Topin, *Super-convergence* (2017), with the shape and the numbers of torch's OneCycleLR.
    """
    low, high, way = (1 / 25, 1.0, done / 0.3) if done < 0.3 else (1.0, 4e-6, (done - 0.3) / 0.7)
    return high + (low - high) * (1 + math.cos(math.pi * way)) / 2


def rows_of(step: int, n: int, batch: int, seed: int) -> Int64[Tensor, " batch"]:
    """Which of n clips a step sees: each epoch is shuffled anew, and nothing comes twice in it."""
    epoch, place = divmod(step, n // batch)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(number_for(seed, epoch, "epoch")))
    return order[place * batch : (place + 1) * batch]


def number_for(*what: object) -> int:
    """A seed that looks random and is the same wherever `what` is the same."""
    return zlib.crc32(repr(what).encode())


def roll(clips: Float[Tensor, "n t c h w"], generator: torch.Generator) -> Float[Tensor, "n t c h w"]:
    """Shift each clip as a whole, cyclically, by chance: on a torus, another clip with the same label."""
    h, w = clips.shape[-2:]
    down, right = (torch.randint(size, (len(clips),), generator=generator).tolist() for size in (h, w))
    return torch.stack([clip.roll(shift, (-2, -1)) for clip, *shift in zip(clips, down, right, strict=True)])


def expect_data(clips: Tensor, labels: Tensor | None, needed: bool) -> int:
    """How many classes the labels need at least; needed: whether there must be some."""
    if clips.ndim != 5 or 0 in clips.shape or (needed if labels is None else labels.shape != clips.shape[:1]):
        came = f"clips {tuple(clips.shape)} with {'no labels' if labels is None else f'labels {tuple(labels.shape)}'}"
        raise ShapeError(came, wanted="n t c h w with n labels, and nothing of it 0")
    if labels is not None and (labels.dtype != torch.int64 or labels.min() < 0):
        raise ShapeError(
            f"labels are {labels.dtype}, from {labels.min()}", wanted="int64, from 0", mend="labels.long()"
        )
    if as_floats(clips[:8]).abs().max() > 2:
        raise ShapeError(f"clips reach {clips[:8].max()}", wanted="floats in [0, 1]", mend="clips / 255")
    return 0 if labels is None else int(labels.max()) + 1


def cross_entropy_of(logits: Tensor, labels: Tensor, classes: int) -> Tensor:
    """The cross entropy, of logits that there are enough of."""
    if logits.ndim != 2 or len(logits) != len(labels) or logits.shape[1] < classes:
        came = f"the model answers {len(labels)} clips with shape {tuple(logits.shape)}"
        wanted = f"logits {len(labels)} × {classes}, or more classes: labels go up to {classes - 1}"
        raise ShapeError(came, wanted=wanted)
    return cross_entropy(logits, labels)


def expect_number(cost: Tensor) -> Tensor:
    if not isinstance(cost, Tensor) or cost.numel() != 1 or not cost.requires_grad:
        came = f"shape {tuple(cost.shape)}, {cost.dtype}" if isinstance(cost, Tensor) else type(cost).__name__
        mend = ".mean() of what the model answers"
        raise ShapeError(f"a loss of {came}", wanted="one number with a gradient", mend=mend)
    return cost.reshape(())


def expect_finite(loss: Tensor, gradients: list[Tensor], step: int, lr: float) -> None:
    size = nn.utils.get_total_norm(gradients)
    if not (loss + size.to(loss.device)).isfinite():
        came = f"step {step}: loss {loss:.3g}, gradient of length {size:.3g}; the model keeps its last finite weights"
        raise VidlabError(came, wanted="finite numbers", mend=f"lr={lr / 10:g}, and a look for NaN in the clips")
