"""Exercises of lesson 02, change: temporal difference, median background, foreground."""

import torch
from jaxtyping import Bool, Float, Float32, Shaped, UInt8
from torch import Tensor

from .draws import chance, film_sizes, random_bytes
from .frame import Exercise, Mistake
from .mismatch import Wanted


def temporal_difference(frames: UInt8[Tensor, "t c h w"]) -> Float32[Tensor, "s c h w"]:
    clip = frames.float() / 255  # floats first: 10 − 30 is 236 in bytes
    return clip[1:] - clip[:-1]  # later minus earlier; T frames have T − 1 differences


def _draw_bytes(generator: torch.Generator) -> list[tuple]:
    t, h, w = film_sizes(generator)
    return [(random_bytes((t, 3, h, w), generator),)]


def median_background(clip: Shaped[Tensor, "t c h w"]) -> Shaped[Tensor, "c h w"]:
    return clip.median(dim=0).values  # at each pixel and channel, the value in the middle of its whole life


def _draw_film(generator: torch.Generator) -> list[tuple]:
    t, h, w = film_sizes(generator, odd=True)  # an odd number of frames: there is one middle value
    return [(torch.rand(t, 3, h, w, generator=generator, dtype=torch.float64),)]


def foreground(clip: Float[Tensor, "t c h w"], background: Float[Tensor, "c h w"], k: float) -> Bool[Tensor, "t h w"]:
    residual = (clip - background).abs().amax(dim=1)  # t h w: the channel that differs most decides
    mad = (residual - residual.median()).abs().median()  # spread that a few moving pixels cannot raise
    return residual > k * 1.4826 * mad  # 1.4826 · MAD is σ when the noise is Gaussian


def _draw_scene(generator: torch.Generator) -> list[tuple]:
    """Background, noise whose level changes over time, and a block that moves."""
    t, h, w = film_sizes(generator, odd=True)  # odd sizes: each median is one value, no mean of two
    background = 0.3 + 0.4 * torch.rand(3, h, w, generator=generator, dtype=torch.float64)
    noise = torch.randn(t, 3, h, w, generator=generator, dtype=torch.float64)
    clip = background + noise * torch.linspace(0.01, 0.04, t, dtype=torch.float64)[:, None, None, None]
    for frame in range(t):  # brighter here, darker there, from hardly to clearly: each threshold gives another mask
        block = clip[frame, :, frame % (h - 1) : frame % (h - 1) + 2, :3]
        block += 1.6 * torch.rand(block.shape, generator=generator, dtype=torch.float64) - 0.8
    return [(clip, background, chance(generator, 2.0, 3.5))]


def _residual(clip: Tensor, background: Tensor) -> Tensor:
    return (clip - background).abs().amax(1)


def _mad(values: Tensor) -> Tensor:
    return (values - values.median()).abs().median()


def _mad_per_frame(residual: Tensor) -> Tensor:
    flat = residual.flatten(1)
    return (flat - flat.median(1, keepdim=True).values).abs().median(1).values[:, None, None]


def _mad_per_pixel(residual: Tensor) -> Tensor:
    return (residual - residual.median(0).values).abs().median(0).values


EXERCISES = (
    Exercise(
        name="space_time.temporal_difference",
        task="Give the difference of neighbouring frames, later minus earlier, from bytes, as float32 from −1 to 1.",
        reference=temporal_difference,
        draw=_draw_bytes,
        wanted=Wanted(axes="t c h w", dtype=torch.float32, low=-1, high=1, tolerance=1e-6),
        hints=(
            "Bytes cannot be negative. What must happen before the subtraction?",
            "Make floats from 0 to 1, then take all frames but the first, and all but the last: they are neighbours.",
        ),
        mistakes=(
            Mistake(
                "the bytes wrap around: below 0 they go on at 255. Make floats before you subtract",
                lambda frames: (frames[1:] - frames[:-1]).float() / 255,
            ),
            Mistake(
                "the bytes wrap around, and the values still run up to 255",
                lambda frames: (frames[1:] - frames[:-1]).float(),
            ),
            Mistake(
                "the sign is the other way round: what becomes brighter should be positive",
                lambda frames: -temporal_difference(frames),
            ),
            Mistake(
                "the values run from −255 to 255: bring them into the range −1 to 1",
                lambda frames: frames[1:].float() - frames[:-1].float(),
            ),
            Mistake(
                "the sign is lost: brighter and darker look alike",
                lambda frames: temporal_difference(frames).abs(),
            ),
            Mistake(
                "the frames are two apart; neighbours are wanted",
                lambda frames: (frames[2:].float() - frames[:-2].float()) / 255,
            ),
            Mistake(
                "each frame is compared with frame 0, not with the one before it",
                lambda frames: (frames[1:].float() - frames[:1].float()) / 255,
            ),
            Mistake(
                "the first frame is compared with the last, as if the film were a loop",
                lambda frames: (frames.float() - frames.float().roll(1, 0)) / 255,
            ),
            Mistake(
                "a difference is invented for the first frame, which has none before it: T frames, T − 1 differences",
                lambda frames: torch.cat([torch.zeros_like(frames[:1]).float(), temporal_difference(frames)]),
            ),
            Mistake(
                "that is the difference of neighbouring columns, I_x; neighbours in time are wanted",
                lambda frames: (frames[..., 1:].float() - frames[..., :-1].float()) / 255,
            ),
            Mistake(
                "that is the difference of neighbouring rows, I_y; neighbours in time are wanted",
                lambda frames: (frames[:, :, 1:].float() - frames[:, :, :-1].float()) / 255,
            ),
        ),
    ),
    Exercise(
        name="space_time.median_background",
        task="Make the background (c h w) of a clip (t c h w): the temporal median at every pixel.",
        reference=median_background,
        draw=_draw_film,
        wanted=Wanted(axes="c h w", dtype="same", tolerance=1e-6),
        hints=(
            "One reduction over one axis, the one that the background does not have.",
            "A tensor's median along an axis comes with its indices; you want the values.",
        ),
        mistakes=(
            Mistake("that is the mean: whoever walks by leaves a faint ghost in it", lambda clip: clip.mean(0)),
            Mistake("that is the darkest value of each pixel", lambda clip: clip.amin(0)),
            Mistake("that is the brightest value of each pixel", lambda clip: clip.amax(0)),
            Mistake(
                "that is half-way between the darkest and the brightest value: one outlier decides it",
                lambda clip: (clip.amin(0) + clip.amax(0)) / 2,
            ),
            Mistake("that is the frame in the middle of the film; sort the values first", lambda c: c[len(c) // 2]),
            Mistake("that is the first frame, with whoever is in it", lambda clip: clip[0]),
            Mistake("that is the last frame, with whoever is in it", lambda clip: clip[-1]),
            Mistake("those are the indices of the medians, not their values", lambda clip: clip.median(0).indices),
            Mistake("it is one number for the whole film; every pixel has its own", lambda clip: clip.median()),
            Mistake("the median runs over the channels, not over time", lambda clip: clip.median(1).values),
            Mistake("the median runs over the rows, not over time", lambda clip: clip.median(2).values),
            Mistake("the median runs over the columns, not over time", lambda clip: clip.median(3).values),
            Mistake("an axis of length 1 is left where time was", lambda clip: clip.median(0, keepdim=True).values),
            Mistake(
                "it takes the neighbour of the middle value, one too low: which index is the middle of 0 … T−1?",
                lambda clip: clip.sort(0).values[len(clip) // 2 - 1],
            ),
            Mistake(
                "it takes the neighbour of the middle value, one too high: which index is the middle of 0 … T−1?",
                lambda clip: clip.sort(0).values[len(clip) // 2 + 1],
            ),
        ),
    ),
    Exercise(
        name="space_time.foreground",
        task="Mark the foreground (bool, t h w): largest |I − B| over the channels above k · 1.4826 · MAD of these.",
        reference=foreground,
        draw=_draw_scene,
        wanted=Wanted(axes="t h w", dtype=torch.bool, tolerance=0.0),
        hints=(
            "Absolute difference first, then the maximum over the channels; then one spread for the whole clip.",
            "MAD: subtract the median of the differences, take absolute values, take the median again.",
        ),
        mistakes=(
            Mistake(
                "nothing is ever foreground: is the threshold k itself, and the noise of the clip not measured?",
                lambda clip, background, k: _residual(clip, background) > k,
            ),
            Mistake(
                "the factor 1.4826, which turns a MAD into a σ, is missing",
                lambda clip, background, k: _residual(clip, background) > k * _mad(_residual(clip, background)),
            ),
            Mistake(
                "the spread is a standard deviation: the moving object itself raises it. Use the MAD",
                lambda clip, background, k: _residual(clip, background) > k * _residual(clip, background).std(),
            ),
            Mistake(
                "the spread is a standard deviation, and multiplied by 1.4826, which belongs to a MAD. Use the MAD",
                lambda clip, background, k: (
                    _residual(clip, background) > k * 1.4826 * _residual(clip, background).std()
                ),
            ),
            Mistake(
                "each pixel gets a spread of its own; one for the whole clip is wanted",
                lambda clip, background, k: (
                    _residual(clip, background) > k * 1.4826 * _mad_per_pixel(_residual(clip, background))
                ),
            ),
            Mistake(
                "the spread is the median of the differences; their median must be subtracted before the second median",
                lambda clip, background, k: (
                    _residual(clip, background) > k * 1.4826 * _residual(clip, background).median()
                ),
            ),
            Mistake(
                "it uses the mean absolute deviation: MAD is a median here, twice",
                lambda clip, background, k: (
                    _residual(clip, background)
                    > k * 1.4826 * (_residual(clip, background) - _residual(clip, background).mean()).abs().mean()
                ),
            ),
            Mistake(
                "what is darker than the background is missed: the sign of the difference is kept",
                lambda clip, background, k: (
                    (clip - background).amax(1) > k * 1.4826 * _mad((clip - background).amax(1))
                ),
            ),
            Mistake(
                "what is darker than the background is missed: the absolute value stands in the spread, not in the "
                "comparison",
                lambda clip, background, k: (
                    (clip - background).amax(1) > k * 1.4826 * _mad(_residual(clip, background))
                ),
            ),
            Mistake(
                "it averages or adds the channels; the one that differs most decides",
                lambda clip, background, k: (
                    (clip - background).abs().mean(1) > k * 1.4826 * _mad((clip - background).abs().mean(1))
                ),
            ),
            Mistake(
                "all channels must differ; one that does is enough",
                lambda clip, background, k: (
                    (clip - background).abs().amin(1) > k * 1.4826 * _mad((clip - background).abs().amin(1))
                ),
            ),
            Mistake(
                "there is still a decision for each channel: join them, one mask for each frame",
                lambda clip, background, k: (clip - background).abs() > k * 1.4826 * _mad((clip - background).abs()),
            ),
            Mistake(
                "each frame gets a spread of its own; one for the whole clip is wanted",
                lambda clip, background, k: (
                    _residual(clip, background) > k * 1.4826 * _mad_per_frame(_residual(clip, background))
                ),
            ),
            Mistake(
                "the spread is that of all channels with their sign; take it of the differences you compare",
                lambda clip, background, k: _residual(clip, background) > k * 1.4826 * _mad(clip - background),
            ),
            Mistake(
                "the median is subtracted from the differences you compare too; it belongs in the spread only",
                lambda clip, background, k: (
                    _residual(clip, background) - _residual(clip, background).median()
                    > k * 1.4826 * _mad(_residual(clip, background))
                ),
            ),
            Mistake(
                "it marks the background: the comparison is the wrong way round",
                lambda clip, background, k: ~foreground(clip, background, k),
            ),
            Mistake(
                "an axis of length 1 is left where the channels were",
                lambda clip, background, k: foreground(clip, background, k)[:, None],
            ),
        ),
    ),
)
