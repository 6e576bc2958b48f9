"""The figures of the course: widgets to touch and stills that say in words what they show.

Importing this module sets matplotlib's defaults to the style of the course; `matplotlib.rcdefaults()` undoes it.
"""

from .clip_player import ClipPlayer
from .constraint_line import ConstraintLine
from .flow_field import FlowField
from .horn_schunck import HornSchunck
from .picture import PALETTE, Picture, filmstrip, show, style
from .space_time_cube import SpaceTimeCube
from .temporal_filter import TemporalFilter
from .tracks import Tracks

style()

__all__ = [
    "PALETTE", "ClipPlayer", "ConstraintLine", "FlowField", "HornSchunck", "Picture", "SpaceTimeCube", "TemporalFilter",
    "Tracks", "filmstrip", "show", "style",
]  # fmt: skip
