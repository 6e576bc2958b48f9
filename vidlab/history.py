"""The record of a training run: what it lost, what it took, why it stopped."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass
class History:
    """What happened in a run.

    losses: of each step's batch, before the step. validation: (steps taken, accuracy). frames: (steps
    taken, values of the watched parameter). seconds: wall time. cpu_seconds: of all threads of this process.
    stopped: "steps", "time" or "interrupted".
    """

    seed: int
    losses: list[float] = field(default_factory=list)
    validation: list[tuple[int, float]] = field(default_factory=list)
    frames: list[tuple[int, Tensor]] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    stopped: str = ""

    @property
    def steps(self) -> int:
        return len(self.losses)

    @property
    def watched_steps(self) -> list[int]:
        return [step for step, _ in self.frames]

    @property
    def watched(self) -> Float[Tensor, "s ..."]:
        return torch.stack([values for _, values in self.frames]) if self.frames else torch.empty(0)

    def __repr__(self) -> str:
        return f"{self.steps} steps in {self.seconds:.1f} s, {curve(self.losses)}, stopped: {self.stopped or 'no'}"


def curve(losses: list[float], width: int = 16) -> str:
    """The last losses' mean, and all of them as a line of blocks from 0 to the highest: "loss 0.41 █▆▅▃▂▂▁▁"."""
    if not losses:
        return "loss –"
    spans = [(len(losses) * i // width, len(losses) * (i + 1) // width) for i in range(width)]
    means = [sum(losses[a:b]) / (b - a) for a, b in spans if b > a]
    blocks = "".join("▁▂▃▄▅▆▇█"[int(7.99 * mean / max(*means, 1e-9))] for mean in means)
    return f"loss {means[-1]:.3g} {blocks}"
