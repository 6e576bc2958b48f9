"""Exercises of lesson 01: channels first, the size of a film, evenly spread clips, averaging what they say."""

import math

import torch
from einops import rearrange
from jaxtyping import Float, Int64, Shaped
from torch import Tensor

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


def even_starts(total: int, length: int, stride: int, n: int) -> Int64[Tensor, " n"]:
    span = (length - 1) * stride + 1  # from a clip's first frame to its last; the gaps are one fewer than the frames
    last = total - span  # a clip that starts here ends on the film's last frame
    return torch.linspace(0, last, n, dtype=torch.float64).round().long()  # for n = 1 it is the start, 0


def _draw_spread(generator: torch.Generator) -> list[tuple]:
    cases = []
    while len(cases) < 5:
        length, stride, n = integer(generator, 4, 17), integer(generator, 2, 6), integer(generator, 3, 11)
        last = integer(generator, 20, 200)
        ties = any((2 * i * last) % (2 * (n - 1)) == n - 1 for i in range(n))  # a half may be rounded either way
        if not ties:
            cases.append((last + (length - 1) * stride + 1, length, stride, n))
    cases.append((cases[0][0], cases[0][1], 1, 2))  # every frame, two clips: the two ends
    return [*cases, (*cases[1][:3], 1)]  # one clip alone


def average_clips(logits: Float[Tensor, "n k"]) -> Float[Tensor, " k"]:
    probabilities = logits.softmax(dim=1)  # each clip votes for itself: over its classes
    return probabilities.mean(dim=0)  # then the mean over the clips


def _draw_logits(generator: torch.Generator) -> list[tuple]:
    n, k = film_sizes(generator, 2)
    logits = 3 * torch.randn(n, k, generator=generator, dtype=torch.float64)
    return [(logits,), (logits[1:] + 1000.0,)]  # what is added to all scores of a clip must not matter


def _spread(start: float, last: float, n: int) -> Tensor:
    return torch.linspace(start, last, n, dtype=torch.float64)


EXERCISES = (
    Exercise(
        name="tensor.raw_bytes",
        task="Give the bytes of an uncompressed 8-bit RGB video; a broken last frame counts as none.",
        reference=raw_bytes,
        draw=_draw_films,
        wanted=Wanted(kind="int", tolerance=0.0),
        hints=(
            "First find how many whole frames there are, then the bytes of one frame.",
            "fps times seconds may have a fraction: cut it off before anything else. One pixel takes a byte per colour.",
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
            Mistake("rows and columns have changed places as well (b c t w h)", lambda clip: clip.permute(0, 2, 1, 4, 3)),
            Mistake("time has gone to the end (b c h w t); it belongs after the channels", lambda c: c.movedim(1, -1)),
            Mistake("the channels have gone to the end (b t h w c)", lambda clip: clip.movedim(2, -1)),
            Mistake("batch and time have changed places (t b c h w)", lambda clip: clip.transpose(0, 1)),
            Mistake("the channels have gone before the batch (c b t h w)", lambda clip: clip.movedim(2, 0)),
            Mistake("batch and time have been merged into one axis: that is for 2-D networks", lambda c: c.flatten(0, 1)),
            Mistake("time and channels have been merged into one axis (early fusion)", lambda clip: clip.flatten(1, 2)),
            Mistake(
                "the axes are right, but time runs backwards in it",
                lambda clip: clip.transpose(1, 2).flip(2),
            ),
        ),
    ),
    Exercise(
        name="tensor.even_starts",
        task="Give the first frames of n clips spread evenly: the first starts at 0, the last ends on the last frame.",
        reference=even_starts,
        draw=_draw_spread,
        wanted=Wanted(kind="ints", tolerance=0.0),
        hints=(
            "How many frames lie between a clip's first frame and its last, both counted? Draw four dots, two apart.",
            "You know the first start and the last possible one: spread n numbers evenly between them, both ends included, "
            "and round. Try n = 1 as well.",
        ),
        mistakes=(
            Mistake(
                "the last clip ends too early: length · stride is more than a clip spans. There are fewer gaps than frames",
                lambda total, length, stride, n: _spread(0, total - length * stride, n).round().long(),
            ),
            Mistake(
                "the stride is forgotten in the span of a clip, so the last clips run past the end of the film",
                lambda total, length, stride, n: _spread(0, total - length, n).round().long(),
            ),
            Mistake(
                "the distances are rounded down: round each start to the nearest frame",
                lambda total, length, stride, n: _spread(0, total - (length - 1) * stride - 1, n).floor().long(),
            ),
            Mistake(
                "the starts are spread over the whole film: a clip that starts on the last frame has nothing left to show",
                lambda total, length, stride, n: _spread(0, total - 1, n).round().long(),
            ),
            Mistake(
                "the last start is `total`, a frame that does not exist",
                lambda total, length, stride, n: _spread(0, total, n).round().long(),
            ),
            Mistake(
                "the last clip runs one frame past the end: counting starts at 0",
                lambda total, length, stride, n: _spread(0, total - (length - 1) * stride, n).round().long(),
            ),
            Mistake(
                "the last possible start is left out: n starts have n − 1 distances between them, not n",
                lambda total, length, stride, n: (
                    (torch.arange(n, dtype=torch.float64) * (total - (length - 1) * stride - 1) / n).round().long()
                ),
            ),
            Mistake(
                "the film is cut into n pieces and a clip put into the middle of each; here the first starts at 0",
                lambda total, length, stride, n: (
                    ((torch.arange(n, dtype=torch.float64) + 0.5) * (total - (length - 1) * stride - 1) / n).round().long()
                ),
            ),
            Mistake(
                "the clips follow one another without a gap, from the start; spread them over the whole film",
                lambda total, length, stride, n: torch.arange(n) * ((length - 1) * stride + 1),
            ),
            Mistake(
                "the starts are fractions of a frame: make them whole",
                lambda total, length, stride, n: _spread(0, total - (length - 1) * stride - 1, n),
            ),
            Mistake(
                "the starts come last first",
                lambda total, length, stride, n: even_starts(total, length, stride, n).flip(0),
            ),
        ),
    ),
    Exercise(
        name="tensor.average_clips",
        task="From the scores (logits, n k) of n clips make the probabilities (k) of their video.",
        reference=average_clips,
        draw=_draw_logits,
        wanted=Wanted(axes="k", low=0, high=1, tolerance=1e-6),
        hints=(
            "Each clip first makes up its mind alone; only then is anything averaged.",
            "Two steps, each along one axis: probabilities over the classes, then a mean over the clips.",
        ),
        mistakes=(
            Mistake(
                "it averages the scores and then takes the softmax; average the probabilities of the clips",
                lambda logits: logits.mean(0).softmax(0),
            ),
            Mistake(
                "the softmax runs over the clips, so that they compete; each clip's classes should",
                lambda logits: logits.softmax(0).mean(0),
            ),
            Mistake(
                "the mean runs over the classes: there is one number per clip left, and all are equal",
                lambda logits: logits.softmax(1).mean(1),
            ),
            Mistake(
                "the probabilities are added and do not sum to 1",
                lambda logits: logits.softmax(1).sum(0),
            ),
            Mistake("those are mean scores, not probabilities: the softmax is missing", lambda logits: logits.mean(0)),
            Mistake(
                "the most convinced clip wins each class: that is a maximum, not a mean",
                lambda logits: logits.softmax(1).amax(0),
            ),
            Mistake(
                "each clip casts one whole vote; let it split its vote as its probabilities say",
                lambda logits: torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1]).double().mean(0),
            ),
            Mistake(
                "it takes a sigmoid for each class; the classes exclude each other",
                lambda logits: logits.sigmoid().mean(0),
            ),
            Mistake(
                "those are mean log-probabilities: probabilities are wanted",
                lambda logits: logits.log_softmax(1).mean(0),
            ),
            Mistake(
                "the probabilities of each clip are right, but the clips are not averaged yet",
                lambda logits: logits.softmax(1),
            ),
            Mistake(
                "one softmax runs over all clips and classes together: a loud clip drowns the others",
                lambda logits: logits.flatten().softmax(0).reshape(logits.shape).sum(0),
            ),
        ),
    ),
)
