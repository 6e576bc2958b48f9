"""Exercises of lesson 05, single frame: an image network looks at every frame, and its probabilities are averaged."""

from collections.abc import Callable

import torch
from einops import einsum, rearrange, repeat
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import one_hot

from . import single_frame_fovea, single_frame_pooling
from .draws import chance, film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted

Images = Float[Tensor, "n c h w"]


class ImageNetwork(nn.Module):
    """A stand-in for a trained image network `n c h w` → `n classes`: how alike each image and one wave per class are.

    It tells every axis from every other. It takes any size and any number of channels, which no trained network does:
    what was folded wrongly gets an answer, too, and is recognised by it.
    """

    def __init__(self, waves: Float[Tensor, "classes 4"]) -> None:
        super().__init__()
        self.waves = waves  # frequency along channels, rows and columns, and phase

    def forward(self, images: Tensor) -> Float[Tensor, "n classes"]:  # any tensor, so that the words below are its own
        if images.ndim != 4:
            raise ValueError(
                f"an image network takes n c h w, four axes; this has {images.ndim}: {tuple(images.shape)}"
            )
        c, y, x, phase = rearrange(self.waves.to(images), "classes four -> four classes 1 1 1")
        channels, rows, columns = (torch.arange(size).to(images) for size in images.shape[1:])
        wave = torch.cos(c * channels[:, None, None] + y * rows[:, None] + x * columns + phase)
        alike = einsum(images - 0.5, wave, "n c h w, classes c h w -> n classes")
        return 3 * torch.tanh(5 * alike / wave[0].numel() ** 0.5)  # not linear: a mean of frames is another question

    def __repr__(self) -> str:
        return f"ImageNetwork(classes={len(self.waves)})"


def each_frame(
    clip: Float[Tensor, "b t c h w"], network: Callable[[Images], Float[Tensor, "n classes"]]
) -> Float[Tensor, "b t classes"]:
    images = rearrange(clip, "b t c h w -> (b t) c h w")  # to the network a frame is one more image of the batch
    return rearrange(network(images), "(b t) classes -> b t classes", b=len(clip))  # unfolded as it was folded


def _draw_clips(generator: torch.Generator) -> list[tuple]:
    b, t, h, w, classes = film_sizes(generator, 5)
    waves = torch.rand(classes, 4, generator=generator, dtype=torch.float64)
    waves = waves * torch.tensor([1.5, 1.0, 1.0, 6.0]) + torch.tensor([0.5, 0.2, 0.2, 0.0])
    clip = torch.rand(b, t, 3, h, w, generator=generator, dtype=torch.float64)
    return [(clip, ImageNetwork(waves))]


def _folded(clip: Tensor, network: Callable, pattern: str) -> Tensor:
    """The answers to images that are folded by the pattern."""
    return network(rearrange(clip, f"b t c h w -> {pattern}"))


def average_probabilities(logits: Float[Tensor, "b t classes"]) -> Float[Tensor, "b classes"]:
    probabilities = logits.softmax(dim=2)  # each frame makes up its mind: its classes sum to 1
    return probabilities.mean(dim=1)  # the mean of distributions is a distribution


def _draw_logits(generator: torch.Generator) -> list[tuple]:
    """Frames that are sure and frames that are not; in the second case logits that no float can be the exponential of.

    Adding one number to all logits of a frame changes nothing.
    """
    b, t, classes = film_sizes(generator)
    sure = 1 + 3 * torch.rand(b, t, 1, generator=generator, dtype=torch.float64)
    logits = sure * torch.randn(b, t, classes, generator=generator, dtype=torch.float64)
    return [(logits,), (logits.flip(0) + chance(generator, 800, 900),)]


EXERCISES = (
    Exercise(
        name="frames.each_frame",
        task="Give an image network's answers (b t classes) to each frame of clips (b t c h w); it takes (b c h w).",
        reference=each_frame,
        draw=_draw_clips,
        wanted=Wanted(axes="b t classes", dtype="same"),
        hints=(
            "A network for images does not care which clip an image is from: let all frames be one large batch.",
            "Two rearrangements, one before the network and one after it; the second undoes what the first did.",
        ),
        mistakes=(
            Mistake(
                "clips are mixed: folded with the clips outside and the frames inside, unfolded the other way round",
                lambda x, f: rearrange(_folded(x, f, "(b t) c h w"), "(t b) k -> b t k", b=len(x)),
            ),
            Mistake(
                "clips are mixed: folded with the frames outside and the clips inside, unfolded the other way round",
                lambda x, f: rearrange(_folded(x, f, "(t b) c h w"), "(b t) k -> b t k", b=len(x)),
            ),
            Mistake(
                "the answers are still folded: one long list of frames; which clip is each from?",
                lambda x, f: _folded(x, f, "(b t) c h w"),
            ),
            Mistake(
                "the answers are still folded, and frame 0 of all clips comes first: which clip is each from?",
                lambda x, f: _folded(x, f, "(t b) c h w"),
            ),
            Mistake(
                "time and classes have changed places: each frame's answers belong side by side, at the end",
                lambda x, f: each_frame(x, f).transpose(1, 2),
            ),
            Mistake(
                "time comes before the batch: the first axis counts clips",
                lambda x, f: each_frame(x, f).transpose(0, 1),
            ),
            Mistake("only the first frame of each clip is looked at", lambda x, f: f(x[:, 0])),
            Mistake(
                "all frames get the answers of the first one",
                lambda x, f: repeat(f(x[:, 0]), "b k -> b t k", t=x.shape[1]),
            ),
            Mistake("only the last frame of each clip is looked at", lambda x, f: f(x[:, -1])),
            Mistake(
                "the answers are averaged over the frames; that comes later: each frame's are wanted",
                lambda x, f: each_frame(x, f).mean(1),
            ),
            Mistake(
                "the frames are averaged before the network sees them: it looks at one blurred image a clip",
                lambda x, f: f(x.mean(1)),
            ),
            Mistake(
                "time is stacked as channels: a network for images has weights for the colours of one frame only",
                lambda x, f: _folded(x, f, "b (t c) h w"),
            ),
            Mistake(
                "time is stacked as channels, colour by colour: a network for images looks at one frame at a time",
                lambda x, f: _folded(x, f, "b (c t) h w"),
            ),
            Mistake(
                "the frames are laid below each other, one tall image a clip",
                lambda x, f: _folded(x, f, "b c (t h) w"),
            ),
            Mistake(
                "the frames are laid side by side, one wide image a clip", lambda x, f: _folded(x, f, "b c h (t w)")
            ),
            Mistake(
                "height and width have changed places: the network sees frames that lie on their side",
                lambda x, f: each_frame(x.mT, f),
            ),
            Mistake(
                "colours are handed over last; the network wants them right after the batch",
                lambda x, f: each_frame(rearrange(x, "b t c h w -> b t h w c"), f),
            ),
            Mistake(
                "axes are cut anew, not moved: each image is patched together from several frames",
                lambda x, f: f(x.transpose(1, 2).reshape(-1, *x.shape[2:])).reshape(*x.shape[:2], -1),
            ),
            Mistake(
                "a softmax is taken; the network's answers are wanted as they are",
                lambda x, f: each_frame(x, f).softmax(-1),
            ),
            Mistake(
                "only the best class of each frame is kept; the answers for all are wanted",
                lambda x, f: each_frame(x, f).argmax(-1),
            ),
            Mistake("the frames' answers come last frame first", lambda x, f: each_frame(x, f).flip(1)),
        ),
    ),
    Exercise(
        name="frames.average_probabilities",
        task="From each frame's scores (logits, b t classes) make the probabilities (b classes) of its clip.",
        reference=average_probabilities,
        draw=_draw_logits,
        wanted=Wanted(axes="b classes", dtype="same", low=0, high=1),
        hints=(
            "First every frame distributes one vote over the classes; only then are frames counted.",
            "Two steps along two different axes; which of them is left in the answer?",
        ),
        mistakes=(
            Mistake(
                "scores are averaged, and the softmax comes after: one very sure frame outvotes the others",
                lambda s: s.mean(1).softmax(-1),
            ),
            Mistake(
                "scores are added, and the softmax comes after: that multiplies the frames' probabilities",
                lambda s: s.sum(1).softmax(-1),
            ),
            Mistake("the softmax runs over the frames: a class's frames compete", lambda s: s.softmax(1).mean(1)),
            Mistake(
                "the softmax runs over the frames, and what it gives is added: that is 1 everywhere",
                lambda s: s.softmax(1).sum(1),
            ),
            Mistake(
                "the softmax runs over the batch: clips that have nothing to do with each other compete",
                lambda s: s.softmax(0).mean(1),
            ),
            Mistake(
                "one softmax runs over all frames and classes of a clip: a loud frame drowns the others",
                lambda s: s.flatten(1).softmax(1).reshape(s.shape).sum(1),
            ),
            Mistake(
                "the probabilities are added: a clip's sum to the number of its frames",
                lambda s: s.softmax(-1).sum(1),
            ),
            Mistake("those are mean scores: the softmax is missing", lambda s: s.mean(1)),
            Mistake("it takes the frames' maximum, class by class: a mean sums to 1", lambda s: s.softmax(-1).amax(1)),
            Mistake(
                "it takes the highest score of each class first, and the softmax of those",
                lambda s: s.amax(1).softmax(-1),
            ),
            Mistake("it takes the median of the frames; the mean sums to 1", lambda s: s.softmax(-1).median(1).values),
            Mistake(
                "that is the logarithm; the probabilities themselves are wanted",
                lambda s: average_probabilities(s).log(),
            ),
            Mistake(
                "those are mean log-probabilities: no logarithm is wanted, nor its mean",
                lambda s: s.log_softmax(-1).mean(1),
            ),
            Mistake(
                "that is the geometric mean, which a single doubtful frame pulls down, and does not sum to 1",
                lambda s: s.log_softmax(-1).mean(1).exp(),
            ),
            Mistake("the probabilities of all frames are multiplied", lambda s: s.softmax(-1).prod(1)),
            Mistake("the frames are not averaged yet", lambda s: s.softmax(-1)),
            Mistake("the mean runs over the clips of the batch, not over frames", lambda s: s.softmax(-1).mean(0)),
            Mistake("the mean runs over the classes: all that is left is equal", lambda s: s.softmax(-1).mean(2)),
            Mistake("only the first frame is asked", lambda s: s[:, 0].softmax(-1)),
            Mistake("a second softmax flattens the probabilities", lambda s: s.softmax(-1).mean(1).softmax(-1)),
            Mistake(
                "each frame casts one whole vote; let it split its vote as its probabilities say",
                lambda s: one_hot(s.argmax(-1), s.shape[-1]).double().mean(1),
            ),
            Mistake("a sigmoid judges each class alone; classes exclude each other", lambda s: s.sigmoid().mean(1)),
        ),
    ),
    *single_frame_fovea.EXERCISES,
    *single_frame_pooling.EXERCISES,
)
