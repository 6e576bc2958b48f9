"""The figures of the course: widgets to touch and stills that say in words what they show.

Importing this module sets matplotlib's defaults to the style of the course; `matplotlib.rcdefaults()` undoes it.
"""

from .attention_map import AttentionMap
from .clip_player import ClipPlayer
from .constraint_line import ConstraintLine
from .cost_map import CostMap
from .cost_map_data import ModelRow
from .filter_motion import filter_motion
from .filters import Filters
from .flow_field import FlowField
from .frame_weights import FrameWeights
from .fusion_explorer import FusionExplorer
from .fusion_map import FusionMap
from .gates import Gates
from .horn_schunck import HornSchunck
from .live_camera import LiveCamera
from .picture import PALETTE, Picture, filmstrip, grid, show, style
from .playground import Playground
from .space_time_cube import SpaceTimeCube
from .temporal_filter import TemporalFilter
from .time_battery import TimeBattery
from .tracks import Tracks
from .two_streams import Disturbance, TwoStreams

style()

__all__ = [
    "PALETTE", "AttentionMap", "ClipPlayer", "ConstraintLine", "CostMap", "Disturbance", "Filters", "FlowField",
    "FrameWeights", "FusionExplorer", "FusionMap", "Gates", "HornSchunck", "LiveCamera", "ModelRow", "Picture",
    "Playground", "SpaceTimeCube", "TemporalFilter", "TimeBattery", "Tracks", "TwoStreams", "filmstrip",
    "filter_motion", "grid", "show", "style",
]  # fmt: skip
