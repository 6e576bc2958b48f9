"""What two trained streams answer as a world gets noisier, its camera faster, its light less steady: for TwoStreams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from einops import rearrange
from torch import Tensor, nn

from ..errors import ShapeError
from ..evaluation import as_floats, joint, predict
from ..flow import fields, film
from ..models import TwoStream
from ..models.fusion import Gated
from ..tasks_two_stream import DISTURBANCES, FLOW
from ..time_use import evaluating
from ..torus import World
from .two_streams_data import Disturbance

NAMED = {"noise": "sensor noise σ", "camera": "camera, px per frame", "flicker": "flicker of the light, ±"}


def asked(
    streams: Mapping[str, nn.Module], world: World, gated: TwoStream | None, shown: int, tests: int, seed: int
) -> tuple[list[Disturbance], Tensor, list[str]]:
    """The disturbances, the right classes of the clips that are shown, and the names of the classes.

    Classes are a colour and a direction; the mean of all streams' probabilities is added as "mean".

    Raises:
        ShapeError: `gated` has no gates.
    """
    if gated is not None and not isinstance(gated.fuse, Gated):
        raise ShapeError(f"gated fuses by {type(gated.fuse).__name__}", wanted="gates", mend='fuse="gated"')
    kinds = {"colour": len(world.colours), "motion": len(world.motions)}
    found = []
    for field, levels in DISTURBANCES.values():
        worlds = [replace(world, **{field: value}) for value in (getattr(world, field), *levels)]
        looks = [_look(streams, each, gated, shown, tests, seed, kinds) for each in worlds]
        clips, flows, scores, gates, right, truth = zip(*looks, strict=True)
        found.append(
            Disturbance(
                NAMED[field],
                [getattr(each, field) for each in worlds],
                torch.stack(clips),
                torch.stack(flows),
                {name: torch.stack([each[name] for each in scores]) for name in scores[0]},
                None if gated is None else torch.stack(gates),
                {name: [each[name] for each in right] for name in right[0]},
                tests,
            )
        )
    return found, truth[0], [f"{colour} {motion}" for colour in world.colours for motion in world.motions]


def _look(streams, world: World, gated: TwoStream | None, shown: int, tests: int, seed: int, kinds: dict[str, int]):
    """At one level: what is shown of the first clips, and how many of all are answered rightly."""
    scenes = world.sample(tests, seed=seed, split="test")
    flows = fields(scenes.clip, **FLOW)
    films, truth = film(scenes.clip, flows), joint(scenes.label, kinds)
    scores = {name: predict(net, films) for name, net in streams.items()}
    scores["mean"] = torch.stack(list(scores.values())).mean(0)
    gate = None
    if gated is not None:
        scores["gated"] = predict(gated, films)
        with evaluating(gated), torch.no_grad():
            maps = gated.maps(as_floats(films[:shown]))
            gate = rearrange(gated.fuse.gate(*maps), "b d h w -> b h w d").mean(-1)
    right = {name: (p.argmax(1) == truth).float().mean().item() for name, p in scores.items()}
    return scenes.clip[:shown], flows[:shown], {n: p[:shown] for n, p in scores.items()}, gate, right, truth[:shown]
