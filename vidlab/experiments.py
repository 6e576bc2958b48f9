"""The experiments of the lessons on fusion, over several seeds: what is run. `make results` runs it.

Each table (recipes.py) asks one question of several models, under one budget of steps. runner.py runs them, tasks.py
says what is learned and asked, and results.py shows the answers that the repository keeps in `data/results.json`.
"""

from __future__ import annotations

from . import models
from .experiments_all import ALL
from .experiments_beyond import BEYOND
from .experiments_two_stream import TWO_STREAM
from .recipes import Experiment, Row
from .tasks import Centred, Direction, Name, Onset, Shortcut, Videos
from .torus import World

HISTOGRAMS = Row("histograms", models.HistogramNet)
SINGLE = Row("single frame", models.SingleFrame)
AVERAGE, MAXIMUM, ATTENTION = (
    Row(f"late, {pool}", models.PooledFusion, {"pool": pool}) for pool in ("average", "max", "attention")
)
VECTORS = Row("late, vectors", models.LateFusion, {"frames": 8})
MAPS = Row("late, maps", models.LateFusion, {"frames": 8, "maps": True})
EARLY = Row("early", models.EarlyFusion, {"frames": 8})
SLOW = Row("slow", models.SlowFusion)
FULL = Row("3D", models.Conv3DNet)
SPLIT = Row("(2+1)D", models.Factorised)

COLOUR = Experiment(
    "colour",
    "What colour is it? Every frame tells",
    Name("colour"),
    (HISTOGRAMS, SINGLE, AVERAGE, EARLY, SLOW, FULL, SPLIT),
    steps=100,
)

DIRECTION = Experiment(
    "direction",
    "Which way does it move? No single frame tells",
    Direction(),
    (HISTOGRAMS, SINGLE, AVERAGE, MAXIMUM, ATTENTION, VECTORS, MAPS, EARLY, SLOW, FULL, SPLIT),
    steps=300,
    notes=(
        "axis: right about horizontal or vertical. shuffled: the frames of each clip in another order.",
        "reversed: films run backwards, where the opposite direction is the right answer.",
        "Chance is 25. Who does not know the order of the frames reaches 50 at most: of each pair of opposites, one.",
    ),
)

BOUNDED = World(stage="bounded")
SHORTCUT = Experiment(
    "shortcut",
    "What one frame betrays of the direction: on a bounded stage much, on a torus nothing",
    Shortcut(),
    (
        Row("bounded, learned from first frames", models.SingleFrame, task=Shortcut(world=BOUNDED, seen="first")),
        Row("bounded, learned from last frames", models.SingleFrame, task=Shortcut(world=BOUNDED, seen="last")),
        Row("bounded, learned from all frames", models.SingleFrame, task=Shortcut(world=BOUNDED)),
        Row("bounded, late, vectors", models.LateFusion, {"frames": 8}, task=Shortcut(world=BOUNDED)),
        Row("torus, learned from first frames", models.SingleFrame, task=Shortcut(seen="first")),
        Row("torus, learned from all frames", models.SingleFrame),
        Row("torus, late, vectors", models.LateFusion, {"frames": 8}),
    ),
    steps=300,
    notes=("A single frame is shown for the whole time. Chance is 25.",),
)

FOVEA = Experiment(
    "fovea",
    "The shape of a small object, learned where it stands near the middle",
    Centred(),
    (
        Row("whole frame", models.SingleFrame),
        Row("fovea and context", models.MultiResolution),
        Row("fovea", models.MultiResolution, {"streams": "fovea"}),
        Row("context", models.MultiResolution, {"streams": "context"}),
    ),
    steps=400,
    notes=("Chance is 25. Fovea and context together have half the pixels of the whole frame.",),
)

ANY_TIME = Onset(world=World(frames=12, onset=(0, 7), duration=4, visible="event"))
ONSET = Experiment(
    "onset",
    "The direction of an event, learned where it begins at frame 0, 1 or 2 of twelve",
    Onset(),
    (
        Row("early", models.EarlyFusion, {"frames": 12}),
        Row("slow", models.SlowFusion, {"frames": 12, "extents": ((4, 2), (2, 1), (4, 1))}),
        Row("3D", models.Conv3DNet),
        Row("(2+1)D", models.Factorised),
        Row("early, learned at any frame", models.EarlyFusion, {"frames": 12}, steps=600, task=ANY_TIME),
    ),
    steps=300,
    digits=0,
    notes=("At 3 and later the event begins when it never did in training (of most rows). Chance is 25.",),
    tuned="Steps were chosen on split validation, seed 0; split test was asked once.",
)

FEW = Name("motion", clips=256)
MATCHED = Experiment(
    "matched",
    "3D against (2+1)D with as many weights: direction",
    Name("motion"),
    (
        FULL,
        SPLIT,
        Row("3D, 60 steps", models.Conv3DNet, steps=60),
        Row("(2+1)D, 60 steps", models.Factorised, steps=60),
        Row("3D, 256 clips", models.Conv3DNet, task=FEW),
        Row("(2+1)D, 256 clips", models.Factorised, task=FEW),
    ),
    steps=300,
    notes=(
        "60 steps, 256 clips: a fifth of the training; an eighth of the clips, with all of the steps. Chance is 25.",
    ),
)

CLIPS = Experiment(
    "clips",
    "Sports-1M in miniature: 24 classes, learned and scored by clips of 8 frames from videos of 32",
    Videos(),
    (
        HISTOGRAMS,
        SINGLE,
        Row("fovea and context", models.MultiResolution),
        Row("fovea", models.MultiResolution, {"streams": "fovea"}),
        Row("context", models.MultiResolution, {"streams": "context"}),
        EARLY,
        MAPS,
        SLOW,
        FULL,
        SPLIT,
        Row("single + early + late + slow", members=("single frame", "early", "late, maps", "slow")),
        Row("early + late", members=("early", "late, maps")),
    ),
    steps=600,
    notes=(
        "A class is a colour and one of six motions; some of the clips show no motion. Chance is 4.2 (Hit@5: 20.8).",
        "Who sees one frame: 16.7 at best (Hit@5: 83.3), but for luck. Who averages several, blind to their order: 50.",
        "Averages are of probabilities, of models of the same seed.",
    ),
    tuned="World and steps were chosen among eight on split validation, seed 0; split test was asked once.",
)

EXPERIMENTS = (COLOUR, DIRECTION, SHORTCUT, FOVEA, ONSET, MATCHED, CLIPS, *BEYOND, *TWO_STREAM, *ALL)
