"""The capstone's experiments: thirteen models, five kinds of label, one budget."""

from __future__ import annotations

from dataclasses import replace

from . import models
from .recipes import Experiment, Row
from .tasks_all import Colour, Direction, Event, First, Kind, RedOne

EXTENTS = {  # (frames seen at once, stride) of slow fusion's layers: as many frames as there are come to one moment
    8: ((4, 2), (2, 1), (2, 1)),
    12: ((4, 2), (2, 1), (4, 1)),
    16: ((4, 2), (3, 2), (3, 1)),
}
LONGER = {"steps": 400, "lr": 1e-3}  # a transformer learns more slowly


def rows(kind: Kind) -> tuple[Row, ...]:
    """Every architecture, for clips of this kind."""
    t, films = kind.world.frames, replace(kind, sees="films")
    moments = {"moments": t - 1}
    return (
        Row("single frame", models.SingleFrame),
        Row("late, average", models.PooledFusion, {"pool": "average"}),
        Row("late, maps", models.LateFusion, {"frames": t, "maps": True}),
        Row("early", models.EarlyFusion, {"frames": t}),
        Row("slow", models.SlowFusion, {"frames": t, "extents": EXTENTS[t]}),
        Row("3D", models.Conv3DNet),
        Row("(2+1)D", models.Factorised),
        Row("CNN + GRU", models.Recurrent, {"cell": "gru"}),
        Row("ConvGRU", models.ConvRecurrent, {"cell": "gru"}),
        Row("attention over frames", models.TemporalAttention, {"frames": t}),
        Row("transformer", models.VideoViT, {"kind": "joint", "frames": t}, **LONGER),
        Row("picture", models.SpatialStream, moments, task=films),
        Row("flow", models.TemporalStream, moments, task=films),
        Row("two streams, averaged", task=films, members=("picture", "flow")),
        Row("two streams, fused", models.TwoStream, moments, task=films),
        Row("single + early + late + slow", members=("single frame", "early", "late, maps", "slow")),
        Row("early + slow", members=("early", "slow")),
        Row("slow + 3D", members=("slow", "3D")),
    )


def experiment(name: str, title: str, kind: Kind, *notes: str) -> Experiment:
    return Experiment(
        f"all_{name}",
        title,
        kind,
        rows(kind),
        steps=300,
        notes=(*notes, "The transformer has 400 steps at a lower rate. Computing flow is not counted."),
        tuned="Nothing was tuned for this table: one budget for all, and the transformer's of lesson 10.",
    )


ALL = (
    experiment("colour", "All models: what colour is it?", Colour(), "Chance is 25."),
    experiment(
        "direction",
        "All models: which way does it go?",
        Direction(),
        "Chance is 25. Learned with a camera at rest; then it moves half a pixel per frame, or noise is 0.1 (0.03).",
    ),
    experiment(
        "event",
        "All models: which way does it go, while it is there?",
        Event(),
        "Chance is 25. Learned where the event begins at frame 0 to 2 of twelve; later: at 5 to 7.",
    ),
    experiment(
        "order", "All models: which comes first?", First(), "Chance is 50. Events are five frames apart or more."
    ),
    experiment(
        "red",
        "All models: where does the red one go?",
        RedOne(),
        "Chance is 25. Who knows which two ways there are, but not which is whose: 50.",
    ),
)
