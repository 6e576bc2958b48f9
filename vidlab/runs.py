"""One run: a model of one line of a table, trained with one seed, measured, and written down.

A run is finished when its file lies in `build/results/`, written beside its place and renamed. It counts as long as its
recipe is the same, and as long as its *probe*, the loss of the first steps on a few clips, comes out as it did.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os
import platform
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

import vidlab

from . import checkpoints
from .history import History
from .models.backbone import log_mean
from .models.published.counting import multiply_adds, parameters
from .recipes import Experiment, Row
from .results import FILE
from .training import fit

FOLDER = FILE.parents[1] / "build" / "results"
PROBE = {"steps": 3, "batch": 16}
PROBE_CLIPS = 64
PROBE_TOLERANCE = 2e-4  # a share: more than machines differ by


@dataclasses.dataclass(frozen=True)
class Run:
    """One line of a table, with one seed."""

    experiment: Experiment
    row: Row
    seed: int
    split: str = "test"
    folder: Path = FOLDER

    def __str__(self) -> str:
        return f"{self.experiment.name}: {self.row.name}, seed {self.seed}"

    @property
    def file(self) -> Path:
        name = re.sub(r"\W+", "-", self.row.name).strip("-").lower()
        return self.folder / self.split / self.experiment.name / f"{name}-{self.seed}.json"

    @property
    def weights(self) -> Path:
        return self.file.with_suffix(".pt")


class Ensemble(nn.Module):
    """The mean of several models' probabilities, as logits."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        return log_mean(torch.stack([member(clip) for member in self.members], dim=1))


def budget(experiment: Experiment, row: Row) -> dict[str, Any]:
    return {"steps": row.steps or experiment.steps, "batch": experiment.batch, "lr": row.lr or experiment.lr}


def recipe(experiment: Experiment, row: Row) -> str:
    """All that decides a run but its seed and the code, in words: fields that have their usual value are left out."""
    if row.members:
        named = {each.name: each for each in experiment.rows}
        return "mean of " + "; ".join(recipe(experiment, named[name]) for name in row.members)
    task = row.task or experiment.task
    return f"{row.model.__name__}({row.options}) {said(task)} {budget(experiment, row)}"


def said(thing: Any) -> str:
    if not dataclasses.is_dataclass(thing):
        return repr(thing)
    told = [field.name for field in dataclasses.fields(thing) if getattr(thing, field.name) != field.default]
    return f"{type(thing).__name__}({', '.join(f'{name}={said(getattr(thing, name))}' for name in told)})"


def fingerprint(experiment: Experiment, row: Row) -> str:
    return hashlib.sha256(recipe(experiment, row).encode()).hexdigest()[:16]


def build(experiment: Experiment, row: Row, seed: int) -> nn.Module:
    """The model with the first weights of its seed."""
    return (row.task or experiment.task).build(row.model, seed, **row.options)


def train(
    experiment: Experiment, row: Row, seed: int, n: int | None = None, **changed: Any
) -> tuple[nn.Module, History]:
    """The trained model and its history; on one thread, the same for the same seed."""
    task, model = row.task or experiment.task, build(experiment, row, seed)
    how = budget(experiment, row) | {"augment": task.augment, "loss": task.loss} | changed
    history = fit(model, *task.training(seed, n), seed=seed, progress=False, device="cpu", **how)
    if history.stopped != "steps":
        raise KeyboardInterrupt
    return model, history


def probe(experiment: Experiment, row: Row) -> list[float]:
    """The losses of the first steps on a few clips: they change whenever world, model or training does."""
    return [] if row.members else train(experiment, row, seed=0, n=PROBE_CLIPS, **PROBE)[1].losses


def agree(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two probes are the same but for what machines differ in."""
    close = (abs(a - b) <= PROBE_TOLERANCE * abs(b) for a, b in zip(one, other, strict=False))
    return len(one) == len(other) and all(close)


def carry_out(run: Run) -> Path:
    """Train, measure, and write what came out: the weights first, and then the file that says that all is done."""
    experiment, row, began = run.experiment, run.row, time.process_time()
    task = row.task or experiment.task
    if row.members:
        model, cost = average(run), {"steps": 0, "cpu_seconds": 0.0}
    else:
        model, history = train(experiment, row, run.seed)
        checkpoints.save(run.weights, {"model": model.state_dict(), "settings": {"recipe": recipe(experiment, row)}})
        cost = {"steps": history.steps, "cpu_seconds": round(history.cpu_seconds, 1)}
    clips = task.training(run.seed)[0]  # drawn already, but for an average
    scores = task.measure(model, run.seed, run.split)
    found = {
        "fingerprint": fingerprint(experiment, row),
        "values": {name: [round(number, 4) for number in score] for name, score in scores.items()},
        **cost,
        "clips": len(clips),
        "parameters": parameters(model),
        "multiply_adds": multiply_adds(model, (1, *clips.shape[1:])),
        "probe": [float(f"{loss:.5g}") for loss in probe(experiment, row)],
        "all_cpu_seconds": round(time.process_time() - began, 1),  # with drawing clips and asking
        "date": datetime.date.today().isoformat(),
        "versions": f"Python {platform.python_version()}, torch {torch.__version__}, vidlab {vidlab.__version__}",
    }
    write(run.file, found)
    return run.file


def average(run: Run) -> Ensemble:
    """The trained members of a line that is an average, from their files."""
    members = []
    for row in run.experiment.rows:
        if row.name in run.row.members:
            members.append(build(run.experiment, row, run.seed))
            weights = dataclasses.replace(run, row=row).weights
            kept = checkpoints.load(weights, {"recipe": recipe(run.experiment, row)})
            members[-1].load_state_dict(kept["model"])
    return Ensemble(members).eval()


def write(path: Path, content: dict) -> None:
    """A JSON file that is whole at any time: written beside its place, and renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=1, ensure_ascii=False)
    text = re.sub(
        r"\[[^][{}]*\]", lambda found: re.sub(r"\s*\n\s*", " ", found[0]).replace("[ ", "[").replace(" ]", "]"), text
    )
    part = path.with_name(path.name + ".part")
    with open(part, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def finished(run: Run) -> dict | None:
    """What a run found, if its file is there, whole, and of the same recipe."""
    if not run.file.exists():
        return None
    try:
        found = json.loads(run.file.read_text(encoding="utf-8"))
        if found["fingerprint"] != fingerprint(run.experiment, run.row):
            print(f"{run}: made by another recipe, to be run again", file=sys.stderr)
            return None
        columns, needed = (run.row.task or run.experiment.task).columns, ("steps", "cpu_seconds", "probe", "versions")
        if tuple(found["values"]) == columns and all(name in found for name in needed):
            return found
        reason = "something is missing"
    except (ValueError, KeyError, TypeError) as error:
        reason = repr(error)
    print(f"{run}: {run.file} is damaged ({reason}), to be run again", file=sys.stderr)
    return None
