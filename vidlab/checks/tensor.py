"""Exercises of lesson 01, layout and size: the bytes of a film, channels first."""

import math

import torch
from einops import rearrange
from jaxtyping import Shaped
from torch import Tensor

from . import tensor_clips
from .draws import chance, film_sizes, integer
from .frame import Exercise, Mistake
from .mismatch import Wanted


def raw_bytes(width: int, height: int, fps: float, seconds: float) -> int:
    frames = math.floor(fps * seconds)  # whole frames only
    return 3 * width * height * frames  # red, green and blue take a byte each


def _draw_films(generator: torch.Generator) -> list[tuple]:
    width, height = integer(generator, 300, 2000), integer(generator, 200, 1000)
    seconds = integer(generator, 3, 40)
    return [
        (width, height, (24.0, 25.0, 30.0)[integer(generator, 0, 3)], float(seconds)),
        (width, height, 29.97, float(seconds)),  # 29.97 · s has the fraction 1 − 0.03 s: never whole up to 33 s
        # a fraction of a frame between 0.2 and 0.8, so that no rounding of floats decides
        (height, width, 25.0, (integer(generator, 40, 400) + chance(generator, 0.2, 0.8)) / 25),
    ]


def channels_first(clip: Shaped[Tensor, "b t c h w"]) -> Shaped[Tensor, "b c t h w"]:
    return rearrange(clip, "b t c h w -> b c t h w")  # time and channels change places, nothing else moves


def _draw_batch(generator: torch.Generator) -> list[tuple]:
    b, t, h, w = film_sizes(generator, 4)
    return [(torch.rand(b, t, 3, h, w, generator=generator, dtype=torch.float64),)]


EXERCISES = (
    Exercise(
        name="tensor.raw_bytes",
        task="Give the bytes of an uncompressed 8-bit RGB video; a broken last frame counts as none.",
        reference=raw_bytes,
        draw=_draw_films,
        wanted=Wanted(kind="int", tolerance=0.0),
        hints=(
            "First find how many whole frames there are, then the bytes of one frame.",
            "fps times seconds may have a fraction: cut it off before anything else. A pixel takes a byte per colour.",
        ),
        mistakes=(
            Mistake(
                "each pixel is counted as one byte; it has three colours",
                lambda width, height, fps, seconds: width * height * math.floor(fps * seconds),
            ),
            Mistake(
                "each pixel is counted as four bytes, as with transparency; RGB has three",
                lambda width, height, fps, seconds: 4 * width * height * math.floor(fps * seconds),
            ),
            Mistake(
                "a broken last frame is counted in part: make the number of frames whole before you multiply",
                lambda width, height, fps, seconds: math.floor(3 * width * height * fps * seconds),
            ),
            Mistake(
                "it counts fractions of a frame, and gives a number with a fraction",
                lambda width, height, fps, seconds: 3 * width * height * fps * seconds,
            ),
            Mistake(
                "the number of frames is rounded to the nearest: a broken last frame counts as none",
                lambda width, height, fps, seconds: 3 * width * height * round(fps * seconds),
            ),
            Mistake(
                "the number of frames is rounded up: a broken last frame counts as none",
                lambda width, height, fps, seconds: 3 * width * height * math.ceil(fps * seconds),
            ),
            Mistake(
                "the frame rate loses its fraction before it is multiplied: 29.97 became 29",
                lambda width, height, fps, seconds: 3 * width * height * math.floor(int(fps) * seconds),
            ),
            Mistake(
                "the duration loses its fraction before it is multiplied",
                lambda width, height, fps, seconds: 3 * width * height * math.floor(fps * int(seconds)),
            ),
            Mistake(
                "it gives bits; a byte is eight of them",
                lambda width, height, fps, seconds: 24 * width * height * math.floor(fps * seconds),
            ),
            Mistake(
                "it takes seconds for minutes: the size is sixty times too large",
                lambda width, height, fps, seconds: 180 * width * height * math.floor(fps * seconds),
            ),
            Mistake(
                "the duration has no effect: that is the size of one second",
                lambda width, height, fps, seconds: 3 * width * height * math.floor(fps),
            ),
            Mistake(
                "the frame rate has no effect: that would be one frame a second",
                lambda width, height, fps, seconds: 3 * width * height * math.floor(seconds),
            ),
            Mistake(
                "it gives megabytes; bytes are wanted",
                lambda width, height, fps, seconds: 3 * width * height * math.floor(fps * seconds) / 1e6,
            ),
        ),
    ),
    Exercise(
        name="tensor.channels_first",
        task="Bring a batch of clips from b t c h w into b c t h w.",
        reference=channels_first,
        draw=_draw_batch,
        wanted=Wanted(axes="b c t h w", dtype="same", tolerance=0.0),
        hints=(
            "Compare the two layouts letter by letter: only two axes change places.",
            "With einops the answer is the two layouts with an arrow between them, in quotes.",
        ),
        mistakes=(
            Mistake(
                "the shape is right, the values are scrambled: reshape and view do not move axes, they cut anew",
                lambda clip: clip.reshape(len(clip), 3, -1, *clip.shape[3:]),
            ),
            Mistake("the batch comes back as it went in: b t c h w", lambda clip: clip),
            Mistake(
                "rows and columns have changed places as well (b c t w h)", lambda clip: clip.permute(0, 2, 1, 4, 3)
            ),
            Mistake("time has gone to the end (b c h w t); it belongs after the channels", lambda c: c.movedim(1, -1)),
            Mistake("the channels have gone to the end (b t h w c)", lambda clip: clip.movedim(2, -1)),
            Mistake("batch and time have changed places (t b c h w)", lambda clip: clip.transpose(0, 1)),
            Mistake("the channels have gone before the batch (c b t h w)", lambda clip: clip.movedim(2, 0)),
            Mistake(
                "batch and time have been merged into one axis: that is for 2-D networks", lambda c: c.flatten(0, 1)
            ),
            Mistake("time and channels have been merged into one axis (early fusion)", lambda clip: clip.flatten(1, 2)),
            Mistake(
                "the axes are right, but time runs backwards in it",
                lambda clip: clip.transpose(1, 2).flip(2),
            ),
        ),
    ),
    *tensor_clips.EXERCISES,
)
