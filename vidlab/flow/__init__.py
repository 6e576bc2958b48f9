"""Optical flow: where every pixel goes from one frame to the next.

A flow is `b 2 h w`: (u to the right, v down), in pixels per frame, of what the first frame shows at that pixel. Images
are floats in [0, 1], `b c h w`. Everything is batched, differentiable and runs on the device of its input.
"""

from .colour import colorize, colour_wheel, wheel_image
from .derivatives import (
    constraint_residual,
    cube_derivatives,
    derivatives,
    eigenvalues,
    normal_flow,
    spatial_derivatives,
)
from .files import read_flow, write_flow
from .films import as_picture, fields, film, less_camera
from .horn_schunck import energy, horn_schunck, horn_schunck_1981, neighbour_mean
from .lucas_kanade import blur, least_squares, lucas_kanade, window_weights
from .measure import angular_error, consistency_error, endpoint_error, known, mean_endpoint_error, occluded
from .motion_tensor import MotionTensor, channels, features, motion_tensor
from .relaxation import median
from .shi_tomasi import corners
from .tracking import Tracks, track
from .warping import inside, pyramid, resize, resize_flow, warp

__all__ = [
    "MotionTensor", "blur", "constraint_residual", "cube_derivatives", "derivatives", "eigenvalues", "energy",
    "channels", "features", "horn_schunck", "horn_schunck_1981", "inside", "least_squares", "lucas_kanade", "median",
    "motion_tensor", "neighbour_mean", "normal_flow", "pyramid", "resize", "resize_flow", "spatial_derivatives",
    "warp", "window_weights", "Tracks", "corners", "track",
    "as_picture", "fields", "film", "less_camera",
    "angular_error", "colorize", "colour_wheel", "consistency_error", "endpoint_error", "known", "mean_endpoint_error",
    "occluded", "read_flow", "wheel_image", "write_flow",
]  # fmt: skip
