"""The models of the course: the family of each, what it can and cannot see, and the lesson that proves it."""

from __future__ import annotations

from typing import NamedTuple

FRAMES, EARLY, SLOW = "05_single_frame_and_late_fusion", "06_early_fusion", "07_slow_fusion_and_3d_convolution"
MEMORY, LOOKING = "09_recurrent_and_convolutional_recurrent", "10_attention_and_video_transformers"
STREAMS, FUSED = "11_two_stream_networks", "12_convolutional_fusion"


class Known(NamedTuple):
    """What the course knows of a model: as in `ModelRow`."""

    family: str
    says: str
    link: str


def _known(family: str, lesson: str, says: str) -> Known:
    return Known(family, says, f"{lesson}.ipynb")


_ONE_VECTOR = (
    "carries a memory of one vector from frame to frame: knows the order of far events; where things are in a "
)
_ONE_VECTOR += "frame was averaged away, and motion with it."
_MAPS = "Carries a memory of maps from frame to frame: sees motion and the order of far events, one step after another."
_AVERAGE = (
    "Averages the probabilities of {} models, trained apart: it asks all of them, and costs what they cost together."
)

MODELS = {
    "histograms": _known(
        "appearance only", FRAMES, "Counts hues and edge directions: forgets where they are, and when."
    ),
    "single frame": _known(
        "appearance only",
        FRAMES,
        "Answers for each frame alone and averages the answers: sees what is there, no motion.",
    ),
    "late, average": _known(
        "order-blind pooling", FRAMES, "Averages the frames' features: sees what was there, not in which order."
    ),
    "late, max": _known(
        "order-blind pooling",
        FRAMES,
        "Keeps the strongest of each feature over the frames: may see along which line it moves, never which way.",
    ),
    "late, attention": _known(
        "order-blind pooling",
        FRAMES,
        "Weighs the frames by what they show: says which of them count, and is blind to their order.",
    ),
    "late, vectors": _known(
        "fused frames",
        FRAMES,
        "Joins a vector of each frame, in order; in them all places are averaged, and motion is lost with the places.",
    ),
    "late, maps": _known(
        "fused frames",
        FRAMES,
        "Joins the frames' last maps, with weights for each moment and place: sees motion, at that price.",
    ),
    "early": _known(
        "fused frames",
        EARLY,
        "Mixes all frames in its first layer: cheap, and sees motion; events later than it learned from escape it.",
    ),
    "early, learned at any frame": _known(
        "fused frames", EARLY, "Early fusion that has learned from events at every moment: only those does it see."
    ),
    "slow": _known(
        "fused frames",
        SLOW,
        "Merges a few frames at a time, layer by layer: sees motion; events much later than it learned from escape it.",
    ),
    "3D": _known(
        "convolution over time",
        SLOW,
        "Slides kernels over time: sees motion, whenever it happens; not the order of events beyond their reach.",
    ),
    "(2+1)D": _known(
        "convolution over time",
        SLOW,
        "Space, then time: sees motion, whenever it happens; not the order of events beyond their reach.",
    ),
    **{
        name: _known("recurrence", MEMORY, _ONE_VECTOR[0].upper() + _ONE_VECTOR[1:])
        for name in ("RNN", "LSTM", "GRU", "CNN + LSTM", "CNN + GRU")
    },
    "ConvLSTM": _known("recurrence", MEMORY, _MAPS),
    "ConvGRU": _known("recurrence", MEMORY, _MAPS),
    "attention over frames": _known(
        "attention",
        LOOKING,
        "The frames' vectors ask each other: all moments at once, their order only where positions are learned.",
    ),
    "attention over frames, with positions": _known(
        "attention", LOOKING, "The frames' vectors ask each other, and learned positions tell them their order."
    ),
    "transformer": _known(
        "attention",
        LOOKING,
        "Blocks of pixels from all moments ask each other: what is near in space or time it has to learn itself.",
    ),
    "picture": _known("two streams", STREAMS, "The stream that sees one frame: knows what is there, not how it moves."),
    "flow": _known("two streams", STREAMS, "The stream that sees flow only: knows how things move, not their colour."),
    "two streams, averaged": _known(
        "two streams",
        STREAMS,
        "Averages what picture and flow say: knows what is there and how it moves, not which of two moves which way.",
    ),
    "two streams, fused": _known(
        "two streams",
        FUSED,
        "Joins the maps of picture and flow place by place: can tell which of two moves which way.",
    ),
    "single + early + late + slow": _known("average of models", SLOW, _AVERAGE.format("four")),
    "early + slow": _known("average of models", SLOW, _AVERAGE.format("two")),
    "early + late": _known("average of models", SLOW, _AVERAGE.format("two")),
    "slow + 3D": _known("average of models", SLOW, _AVERAGE.format("two")),
}
