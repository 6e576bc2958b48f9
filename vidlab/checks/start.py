"""Exercises of lesson 00: from the decoder to the tensor, playing backwards, which frame is on the screen."""

import math

import torch
from einops import rearrange
from jaxtyping import Float32, Shaped, UInt8
from torch import Tensor

from .draws import chance, film_sizes, integer, random_bytes
from .frame import Exercise, Mistake
from .mismatch import Wanted


def decoder_to_tensor(frames: UInt8[Tensor, "t h w c"]) -> Float32[Tensor, "t c h w"]:
    clip = rearrange(frames, "t h w c -> t c h w")  # name the axes: no counting, no mistake
    return clip.float() / 255  # float first: bytes cannot hold a half; 255 is the brightest


def _draw_decoder(generator: torch.Generator) -> list[tuple]:
    t, h, w = film_sizes(generator)
    return [(random_bytes((t, h, w, 3), generator, high=200),)]  # a dark film: its brightest value is not 255


def play_backwards(clip: Shaped[Tensor, "t c h w"]) -> Shaped[Tensor, "t c h w"]:
    return clip.flip(0)  # axis 0 is time; clip[::-1] is not allowed in torch


def _draw_backwards(generator: torch.Generator) -> list[tuple]:
    t, h, w = film_sizes(generator)
    return [
        (torch.rand(t, 3, h, w, generator=generator, dtype=torch.float64),),
        (random_bytes((t + 1, 3, h, w), generator),),
    ]


def frame_at(seconds: float, fps: float, total: int) -> int:
    index = math.floor(seconds * fps)  # frame k is shown from k/fps until (k+1)/fps: round down
    return min(index, total - 1)  # after the end the last frame stays; its index is total − 1


def _draw_times(generator: torch.Generator) -> list[tuple]:
    cases = []
    for part in (chance(generator, 0.1, 0.4), chance(generator, 0.6, 0.9)):  # early and late within a frame
        fps, total = (12.0, 24.0, 25.0, 29.97, 30.0)[integer(generator, 0, 5)], integer(generator, 40, 90)
        cases.append(((integer(generator, 5, 30) + part) / fps, fps, total))
    fps, total = (8.0, 16.0, 32.0)[integer(generator, 0, 3)], integer(generator, 40, 90)
    cases.append((integer(generator, 1, 30) / fps, fps, total))  # the very moment a frame appears (exact in binary)
    cases.append((0.0, fps, total))
    cases.append(((total + integer(generator, 1, 50) + 0.3) / fps, fps, total))  # after the end
    cases.append((total / fps, fps, total))  # at the end
    return cases


def _as_float(clip: Tensor) -> Tensor:
    return clip.float() / 255


EXERCISES = (
    Exercise(
        name="start.decoder_to_tensor",
        task="Turn a decoder's bytes (t h w c) into a float32 clip (t c h w) with values from 0 to 1.",
        reference=decoder_to_tensor,
        draw=_draw_decoder,
        wanted=Wanted(axes="t c h w", dtype=torch.float32, low=0, high=1, tolerance=1e-6),
        hints=(
            "Two things change, the order of the axes and the range; do them one after the other.",
            "einops can move the axes: write the order that comes, an arrow, the order that is wanted. Then make "
            "floats, and only then divide by the largest value a byte can have.",
        ),
        mistakes=(
            Mistake(
                "rows and columns have changed places: the pictures lie on their side (t c w h)",
                lambda frames: _as_float(frames.permute(0, 3, 2, 1)),
            ),
            Mistake(
                "the shape is right, the picture is scrambled: reshape and view cut the same row of numbers anew, "
                "they do not move axes",
                lambda frames: _as_float(frames.reshape(len(frames), -1, *frames.shape[1:3])),
            ),
            Mistake(
                "the values still run up to 255: bring them into the range 0 to 1",
                lambda frames: frames.permute(0, 3, 1, 2).float(),
            ),
            Mistake(
                "white does not become exactly 1: how many steps are there from the darkest byte to the brightest?",
                lambda frames: frames.permute(0, 3, 1, 2).float() / 256,
            ),
            Mistake(
                "every pixel has become 0: the division was done in whole numbers, which drop the fraction",
                lambda frames: frames.permute(0, 3, 1, 2).float() * 0,
            ),
            Mistake(
                "each clip is divided by its own brightest value: a dark film would come out bright. Divide by what a "
                "byte can hold",
                lambda frames: frames.permute(0, 3, 1, 2).float() / frames.max(),
            ),
            Mistake(
                "the values are spread around zero (−1 to 1), as some networks like them; here 0 is black, 1 is white",
                lambda frames: frames.permute(0, 3, 1, 2).float() / 127.5 - 1,
            ),
            Mistake(
                "red and blue have changed places: channels stay in the order red, green, blue",
                lambda frames: _as_float(frames.permute(0, 3, 1, 2).flip(1)),
            ),
            Mistake("the range is right, but the channels still come last (t h w c)", _as_float),
            Mistake(
                "time and channels have changed places (c t h w): time comes first",
                lambda frames: _as_float(frames.permute(3, 0, 1, 2)),
            ),
        ),
    ),
    Exercise(
        name="start.play_backwards",
        task="Return the clip (t c h w) played backwards.",
        reference=play_backwards,
        draw=_draw_backwards,
        wanted=Wanted(axes="t c h w", dtype="same", tolerance=0.0),
        hints=(
            "Which of the four axes is time? Turn that one round and leave the others alone.",
            "torch has no slices with a negative step, but a tensor has a method that turns round the axes you name.",
        ),
        mistakes=(
            Mistake("the clip comes back as it went in", lambda clip: clip),
            Mistake(
                "left and right are exchanged: that is a mirror, and time still runs forwards", lambda c: c.flip(3)
            ),
            Mistake("the pictures stand on their head, and time still runs forwards", lambda clip: clip.flip(2)),
            Mistake("the colours run backwards (blue, green, red), not the time", lambda clip: clip.flip(1)),
            Mistake("every axis is turned round; turn time only", lambda clip: clip.flip(0, 1, 2, 3)),
            Mistake("time runs backwards, but the pictures are turned as well", lambda clip: clip.flip(0, 2, 3)),
            Mistake("time runs backwards, but left and right are exchanged too", lambda clip: clip.flip(0, 3)),
            Mistake("it begins one frame too early: the last frame of the clip is lost", lambda c: c[:-1].flip(0)),
            Mistake("it ends one frame too early: frame 0 of the clip is lost", lambda clip: clip[1:].flip(0)),
            Mistake(
                "it is turned by one frame round the circle, and still runs forwards", lambda clip: clip.roll(1, 0)
            ),
            Mistake(
                "it runs backwards, but frame 0 comes first: the rest follows it from the end",
                lambda clip: clip.flip(0).roll(1, 0),
            ),
        ),
    ),
    Exercise(
        name="start.frame_at",
        task="Give the index of the frame on screen after some seconds; after the end the last frame stays.",
        reference=frame_at,
        draw=_draw_times,
        wanted=Wanted(kind="int", tolerance=0.0),
        hints=(
            "Seconds times frames a second is a number of frames, with a fraction. What is on screen meanwhile?",
            "A frame stays until the next one is due, so the fraction is cut off. Then look at times past the end: "
            "what is the largest index a film of `total` frames has?",
        ),
        mistakes=(
            Mistake(
                "it rounds to the nearest frame, so each frame appears half a frame too early",
                lambda seconds, fps, total: min(round(seconds * fps), total - 1),
            ),
            Mistake(
                "it rounds up: each frame would appear one frame too early",
                lambda seconds, fps, total: min(math.ceil(seconds * fps), total - 1),
            ),
            Mistake(
                "after the end it gives frames that do not exist: the last frame stays on screen",
                lambda seconds, fps, total: math.floor(seconds * fps),
            ),
            Mistake(
                "after the end it gives frame number `total`, which does not exist: counting starts at 0",
                lambda seconds, fps, total: min(math.floor(seconds * fps), total),
            ),
            Mistake(
                "it counts the frames from 1; the first frame has index 0",
                lambda seconds, fps, total: min(math.floor(seconds * fps) + 1, total),
            ),
            Mistake(
                "it starts again after the end, as a loop does; here the last frame stays",
                lambda seconds, fps, total: math.floor(seconds * fps) % total,
            ),
            Mistake(
                "it cuts off the fraction of the seconds before it multiplies, so it jumps from second to second",
                lambda seconds, fps, total: min(math.floor(math.floor(seconds) * fps), total - 1),
            ),
            Mistake(
                "it divides by the frame rate: at a higher rate, more frames have gone by, not fewer",
                lambda seconds, fps, total: min(math.floor(seconds / fps), total - 1),
            ),
            Mistake(
                "it gives fractions of a frame: there is no frame 12.7",
                lambda seconds, fps, total: min(seconds * fps, total - 1),
            ),
        ),
    ),
)
