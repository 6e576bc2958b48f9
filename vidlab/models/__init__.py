"""The models of the course, one architecture family a file.

Each takes clips `b t c h w`, floats in [0, 1], and returns logits `b classes`. They share one small backbone, so that
nothing but the fusion of the frames differs; the rearrangement at the head of each `forward` says what the network can
see.
"""

from .attention import NonLocal, NonLocalNet, TemporalAttention
from .conv_recurrent import ConvGRU, ConvLSTM
from .early_fusion import EarlyFusion
from .factorised import Factorised, middle_channels
from .forecast import EncoderForecaster, NextFrame
from .hidden import DifferenceStream, HiddenTwoStream
from .histogram import HistogramNet, histograms
from .inflation import Inflated, inflate, inflate_filters, inflated_parameters
from .late_fusion import LateFusion, PooledFusion
from .motion_net import MotionNet
from .multiresolution import MultiResolution, context, fovea
from .over_time import TwoStreamOverTime
from .recurrent import ConvRecurrent, LocalThenRecurrent, LSTMCell, Recurrent
from .single_frame import SingleFrame
from .slow_fusion import Conv3DNet, SlowFusion
from .two_stream import SpatialStream, TemporalStream, TwoStream
from .video_vit import VideoViT

__all__ = [
    "Conv3DNet",
    "ConvGRU",
    "ConvLSTM",
    "ConvRecurrent",
    "DifferenceStream",
    "EarlyFusion",
    "EncoderForecaster",
    "Factorised",
    "HiddenTwoStream",
    "HistogramNet",
    "Inflated",
    "LSTMCell",
    "LateFusion",
    "LocalThenRecurrent",
    "MotionNet",
    "MultiResolution",
    "NextFrame",
    "NonLocal",
    "NonLocalNet",
    "PooledFusion",
    "Recurrent",
    "SingleFrame",
    "SlowFusion",
    "SpatialStream",
    "TemporalAttention",
    "TemporalStream",
    "TwoStream",
    "TwoStreamOverTime",
    "VideoViT",
    "context",
    "fovea",
    "histograms",
    "inflate",
    "inflate_filters",
    "inflated_parameters",
    "middle_channels",
]
