"""The models of the course, one architecture family a file.

Each takes clips `b t c h w`, floats in [0, 1], and returns logits `b classes`. They share one small backbone, so that
nothing but the fusion of the frames differs; the rearrangement at the head of each `forward` says what the network can
see.
"""

from .early_fusion import EarlyFusion
from .factorised import Factorised, middle_channels
from .histogram import HistogramNet, histograms
from .late_fusion import LateFusion, PooledFusion
from .multiresolution import MultiResolution, context, fovea
from .single_frame import SingleFrame
from .slow_fusion import Conv3DNet, SlowFusion

__all__ = [
    "Conv3DNet",
    "EarlyFusion",
    "Factorised",
    "HistogramNet",
    "LateFusion",
    "MultiResolution",
    "PooledFusion",
    "SingleFrame",
    "SlowFusion",
    "context",
    "fovea",
    "histograms",
    "middle_channels",
]
