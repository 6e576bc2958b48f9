"""Exercises of lesson 06, early fusion: frames are channels of one picture, and what that costs the first layer."""

import torch
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor

from . import early_fusion_difference, early_fusion_filters, early_fusion_time
from .draws import film_sizes, integer
from .frame import Exercise, Mistake
from .mismatch import Wanted


def stack(clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b t*c h w"]:
    # Inside a bracket the last axis runs fastest: the colours of frame 0, then those of frame 1, and so on.
    return rearrange(clip, "b t c h w -> b (t c) h w")


def _draw_clips(generator: torch.Generator) -> list[tuple]:
    """A film in colour, and one of two or four channels: 3 is nowhere to be taken for granted."""
    cases = []
    for channels in (3, 2 + 2 * integer(generator, 0, 2)):
        b, t, h, w = film_sizes(generator, 4)
        cases.append((torch.rand(b, t, channels, h, w, generator=generator, dtype=torch.float64),))
    return cases


def first_layer_weights(k: int, frames: int, channels_out: int, channels: int = 3) -> int:
    channels_in = frames * channels  # every frame brings its colours
    return k * k * channels_in * channels_out  # each output channel has a k × k kernel for each input channel


def _draw_layers(generator: torch.Generator) -> list[tuple]:
    """Kernels of odd size; frames with colours, and others. No two of the numbers are equal."""
    cases = []
    for channels in (3, 1, 2 + 2 * integer(generator, 0, 2)):
        k, frames = film_sizes(generator, 2, odd=True)
        cases.append((k, frames + integer(generator, 0, 2), integer(generator, 16, 97), channels))
    return cases


EXERCISES = (
    Exercise(
        name="early.stack",
        task="Make one picture of each clip (b t c h w): its frames, one after the other, are channels. Four axes.",
        reference=stack,
        draw=_draw_clips,
        wanted=Wanted(axes="b channels h w", dtype="same", low=0, high=1),
        hints=(
            "Two axes become one, and all the others stay where they are. Which two?",
            "Inside a bracket of einops the last name runs fastest. Are colours or frames to run fastest?",
        ),
        mistakes=(
            Mistake(
                "all reds come first, then all greens: each frame's colours should stay side by side",
                lambda x: rearrange(x, "b t c h w -> b (c t) h w"),
            ),
            Mistake(
                "time is folded into the batch: each frame is a picture of its own, as in late fusion",
                lambda x: rearrange(x, "b t c h w -> (b t) c h w"),
            ),
            Mistake(
                "time is folded into the batch, and frame 0 of all clips comes first; it belongs to the channels",
                lambda x: rearrange(x, "b t c h w -> (t b) c h w"),
            ),
            Mistake("the frames are averaged: what moved is a blur, and its order is lost", lambda x: x.mean(1)),
            Mistake("the frames are added up; each should keep channels of its own", lambda x: x.sum(1)),
            Mistake(
                "the frames are laid below each other, one tall picture; they should lie on top of each other",
                lambda x: rearrange(x, "b t c h w -> b c (t h) w"),
            ),
            Mistake(
                "the frames are laid side by side, one wide picture; they should lie on top of each other",
                lambda x: rearrange(x, "b t c h w -> b c h (t w)"),
            ),
            Mistake(
                "height and width have changed places: the pictures lie on their side",
                lambda x: rearrange(x, "b t c h w -> b (t c) w h"),
            ),
            Mistake("the last frame comes first", lambda x: stack(x.flip(1))),
            Mistake("within each frame the colours come in the reverse order", lambda x: stack(x.flip(2))),
            Mistake("all channels come in the reverse order, time and colours alike", lambda x: stack(x).flip(1)),
            Mistake("only the first clip is left: the batch is lost", lambda x: stack(x)[0]),
            Mistake(
                "the batch is folded into the channels, too: the clips are no longer apart",
                lambda x: rearrange(x, "b t c h w -> (b t c) h w"),
            ),
            Mistake(
                "the channels come before the batch: the first axis counts clips",
                lambda x: rearrange(x, "b t c h w -> (t c) b h w"),
            ),
            Mistake(
                "the channels come last; a convolution wants them right after the batch",
                lambda x: rearrange(x, "b t c h w -> b h w (t c)"),
            ),
            Mistake(
                "time and colours are exchanged, but still two axes: a 2D convolution takes pictures of four axes",
                lambda x: rearrange(x, "b t c h w -> b c t h w"),
            ),
            Mistake("nothing is stacked yet: time is still an axis of its own", lambda x: x.clone()),
            Mistake(
                "each clip is one long list of numbers: height and width must stay axes",
                lambda x: rearrange(x, "b t c h w -> b (t c h w)"),
            ),
            Mistake(
                "axes are cut anew, not merged: colours were moved to the end, after the width, and pixels are torn "
                "apart",
                lambda x: x.permute(0, 1, 3, 4, 2).reshape(len(x), -1, *x.shape[3:]),
            ),
            Mistake("only the first frame is left", lambda x: x[:, 0]),
            Mistake("only the last frame is left", lambda x: x[:, -1]),
            Mistake(
                "the frames have become grey: each should bring all of its colours",
                lambda x: reduce(x, "b t c h w -> b t h w", "mean"),
            ),
            Mistake("only one colour of each frame is left", lambda x: x[:, :, 0]),
            Mistake(
                "the frames were subtracted from their successors; they are wanted as they are",
                lambda x: stack(x.diff(dim=1)),
            ),
        ),
    ),
    Exercise(
        name="early.first_layer_weights",
        task="Count the weights, without biases, of the first convolution (k × k) over T stacked frames.",
        reference=first_layer_weights,
        draw=_draw_layers,
        wanted=Wanted(kind="int", tolerance=0.0),
        hints=(
            "How many channels has the picture that this layer sees?",
            "Count one output channel first: a small square for each channel that comes in. Then count all of them.",
        ),
        mistakes=(
            Mistake(
                "T has no part in it: so many weights has a layer that sees a single frame",
                lambda k, t, o, c: k**2 * c * o,
            ),
            Mistake("k is not squared: kernels have a height and a width", lambda k, t, o, c: k * c * t * o),
            Mistake("k has no part in it: so few weights have kernels of 1 × 1", lambda k, t, o, c: c * t * o),
            Mistake("k is doubled where it should be squared", lambda k, t, o, c: 2 * k * c * t * o),
            Mistake(
                "k counts for time, too: that is a cube of k frames; early fusion takes all T",
                lambda k, t, o, c: k**3 * c * o,
            ),
            Mistake(
                "k counts three times, and T as well: a kernel is flat, and there is one for each frame and colour",
                lambda k, t, o, c: k**3 * c * t * o,
            ),
            Mistake("biases are counted, one for each output channel", lambda k, t, o, c: k**2 * c * t * o + o),
            Mistake(
                "biases are counted, and T is forgotten: that is a layer for a single frame",
                lambda k, t, o, c: k**2 * c * o + o,
            ),
            Mistake(
                "biases are counted, one for each output channel and frame", lambda k, t, o, c: (k**2 * c + 1) * t * o
            ),
            Mistake("biases are counted, one for each kernel", lambda k, t, o, c: (k**2 + 1) * c * t * o),
            Mistake("the colours are forgotten: frames are not grey", lambda k, t, o, c: k**2 * t * o),
            Mistake(
                "three colours are taken for granted; `channels` says how many there are",
                lambda k, t, o, c: k**2 * 3 * t * o,
            ),
            Mistake("T and the colours are both forgotten", lambda k, t, o, c: k**2 * o),
            Mistake(
                "T counts twice, as if each frame had output channels of its own: all of time is merged at once",
                lambda k, t, o, c: k**2 * c * t**2 * o,
            ),
            Mistake(
                "the output channels are forgotten: that is one of them",
                lambda k, t, o, c: k**2 * c * t,
            ),
            Mistake(
                "frames and colours are added: each frame brings all of its colours",
                lambda k, t, o, c: k**2 * (c + t) * o,
            ),
            Mistake(
                "input and output channels are added: every one of them is connected with every other",
                lambda k, t, o, c: k**2 * (c * t + o),
            ),
            Mistake(
                "the kernel's pixels and the channels are added: each channel has a kernel of its own",
                lambda k, t, o, c: (k**2 + c * t) * o,
            ),
            Mistake(
                "T is added at the end: it does not cost T weights more, but T times as many",
                lambda k, t, o, c: k**2 * c * o + t,
            ),
            Mistake(
                "the weights of a layer for a single frame are counted, too: there is one first layer",
                lambda k, t, o, c: k**2 * c * o * (t + 1),
            ),
            Mistake(
                "only the additional weights are counted, those of a single frame left out",
                lambda k, t, o, c: k**2 * c * o * (t - 1),
            ),
            Mistake("all sizes are added", lambda k, t, o, c: k + t + o + c),
            Mistake(
                "the scales and shifts of a normalisation are counted, too",
                lambda k, t, o, c: k**2 * c * t * o + 2 * o,
            ),
        ),
    ),
    *early_fusion_filters.EXERCISES,
    *early_fusion_difference.EXERCISES,
    *early_fusion_time.EXERCISES,
)
