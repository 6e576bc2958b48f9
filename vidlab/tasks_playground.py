"""The task of the figure `Playground`: which way did it move, or did it rest? Six architectures learn it in a minute.

An object is there in four of eight frames, from the first or the second on; it moves, or rests, and is gone. No single
frame tells how it moved. Afterwards the four frames are played backwards, shuffled, held still, or four frames later
than ever in training: what an architecture cannot see, it cannot answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from . import models
from .errors import ShapeError
from .evaluation import Estimate, evaluate
from .recipes import Row
from .tasks import Data, Name, films
from .time_use import freeze, reverse, shuffle
from .torus import World
from .training import fit, number_for, roll

EVENTS = World(onset=(0, 1), duration=3, visible="event")
REST = "at rest"
TRIALS = ("as it was", "reversed", "shuffled", "frozen", "delayed")  # the buttons of the figure

BATCH, RATE, STEPS = 32, 4e-3, 300
NARROW = {"widths": (8, 16, 16)}  # so that all six have room on one page
LONG = (4, 8, 8)  # tubelets: one holds a whole event
PLAYERS = (
    Row("single frame", models.SingleFrame, NARROW),
    Row("late fusion, average", models.PooledFusion, NARROW),
    Row("early fusion", models.EarlyFusion, {"frames": 8}),
    Row("3D convolution", models.Conv3DNet, NARROW),
    Row("ConvGRU", models.ConvRecurrent, {"cell": "gru", "hidden": 16} | NARROW, steps=500),
    Row(
        "video transformer",
        models.VideoViT,
        {"kind": "joint", "dim": 24, "depth": 1, "heads": 3, "tubelet": LONG},
        steps=1000,
        lr=5e-3,
    ),
)


@dataclass(frozen=True)
class Event(Name):
    """Name the direction of an event, or say that the object rests: a fifth of the clips, with a speed of 0.

    `measure` asks about events that begin at frame 0, as they were and in each of the other `TRIALS`.
    """

    label: str = "motion"
    world: World = EVENTS
    clips: int = 2000
    tests: int = 500

    @property
    def names(self) -> tuple[str, ...]:
        """What each class is called."""
        return (*self.world.motions, REST)

    @property
    def classes(self) -> int:
        return len(self.names)

    @property
    def columns(self) -> tuple[str, ...]:
        return TRIALS

    @property
    def shown(self) -> int:
        """In how many frames the object is there."""
        return self.world.event + 1

    def events(self, n: int, seed: int, split: str, world: World | None = None) -> Data:
        """As many clips of each direction as at rest, on average, in random order."""
        world = self.world if world is None else world
        resting = n // self.classes
        moving, label, _ = films(world, n - resting, seed, split)
        still, _, _ = films(replace(world, speed=(0.0, 0.0)), resting, seed, f"{split}, at rest")
        labels = torch.cat([label["motion"], torch.full((resting,), self.classes - 1)])
        order = torch.randperm(n, generator=torch.Generator().manual_seed(number_for(seed, split, "events")))
        return torch.cat([moving, still])[order], labels[order]

    def training(self, seed: int, n: int | None = None) -> Data:
        return self.events(n or self.clips, seed, "train")

    def fresh(self, seed: int, split: str) -> Data:
        return self.events(self.tests, seed, split, replace(self.world, onset=(0, 0)))

    def measure(self, model: nn.Module, seed: int, split: str) -> dict[str, Estimate]:
        clips, truth = self.fresh(seed, split)
        found = {}
        for trial in TRIALS:
            chance = torch.Generator().manual_seed(number_for(seed, split, trial))
            found[trial] = evaluate(model, self.spoil(clips, trial, chance), self.answer(truth, trial)).hit1
        return found

    def spoil(self, clips: Tensor, trial: str, chance: torch.Generator) -> Tensor:
        """The clips of events that begin at frame 0, with the frames of the event as the trial wants them.

        Raises:
            ShapeError: no such trial.
        """
        event, rest = clips[:, : self.shown], clips[:, self.shown :]
        spoils: dict[str, Callable[[], Tensor]] = {
            "as it was": lambda: event,
            "reversed": lambda: reverse(event),
            "shuffled": lambda: shuffle(event, chance),
            "frozen": lambda: freeze(event),
        }
        if trial == "delayed":
            return torch.cat([rest, event], dim=1)
        if trial not in spoils:
            raise ShapeError(f"trial {trial!r}", wanted=f"one of {', '.join(TRIALS)}")
        return torch.cat([spoils[trial](), rest], dim=1)

    def answer(self, truth: Tensor, trial: str) -> Tensor:
        """The right class of what is shown in a trial: the opposite direction for a film run backwards, rest where one
        frame is held. Of shuffled frames none is right; what counts there is whether the answer stays the old one."""
        if trial == "frozen":
            return torch.full_like(truth, self.classes - 1)
        return torch.where(truth < 4, (truth + 2) % 4, truth) if trial == "reversed" else truth


def train_players(task: Event | None = None, *, seed: int = 0, progress: bool = True) -> dict[str, nn.Module]:
    """The six networks, each trained on the same clips: about a minute on one core."""
    task = Event() if task is None else task
    clips, labels = task.training(seed)
    trained = {}
    for row in PLAYERS:
        net = task.build(row.model, seed, **row.options)
        how = {"steps": row.steps or STEPS, "lr": row.lr or RATE, "batch": BATCH}
        fit(net, clips, labels, **how, seed=seed, augment=roll, progress=progress, device="cpu")
        trained[row.name] = net
    return trained


def measure_players(
    trained: dict[str, nn.Module], task: Event | None = None, *, seed: int = 0, split: str = "test"
) -> dict[str, dict[str, float]]:
    """name of a network -> trial -> share of right answers on clips that no network has seen."""
    task = Event() if task is None else task
    return {
        name: {trial: found.value for trial, found in task.measure(net, seed, split).items()}
        for name, net in trained.items()
    }
