"""Exercise of lesson 15, from clips to videos: a video's answer is the mean over as many clips as it has."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from .draws import film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted


def answer(probabilities: Float[Tensor, "n classes"], video: Int64[Tensor, "n"]) -> Float[Tensor, "v classes"]:
    belongs = functional.one_hot(video).to(probabilities)  # n v: 1 where the clip is of the video
    sums = belongs.T @ probabilities
    return sums / belongs.sum(dim=0)[:, None]  # each by how many clips that video has


def _draw_clips(generator: torch.Generator) -> list[tuple]:
    """Clips of videos in any order: unequally many of each, then equally many. Every video has one or more."""
    cases = []
    for unequal in (True, False):
        v, classes, each = film_sizes(generator, 3)
        counts = torch.full((v,), each)
        if unequal:  # as many clips in all: whoever takes equal numbers is not stopped by a shape
            more = torch.multinomial(torch.rand(v, generator=generator), v * (each - 1), True, generator=generator)
            counts = 1 + more.bincount(minlength=v)
        video = torch.arange(v).repeat_interleave(counts)
        video = video[torch.randperm(len(video), generator=generator)]
        kind = 2 * torch.randn(v, classes, generator=generator, dtype=torch.float64)  # clips of a video resemble it
        noise = 1.5 * torch.randn(len(video), classes, generator=generator, dtype=torch.float64)
        cases.append(((kind[video] + noise).softmax(1), video))
    return cases


def _each(p: Tensor, video: Tensor, what) -> Tensor:
    """What becomes of the clips of each video."""
    return torch.stack([what(p[video == number]) for number in range(int(video.max()) + 1)])


def _counts(video: Tensor) -> Tensor:
    return video.bincount()[:, None]


def _sums(p: Tensor, video: Tensor) -> Tensor:
    return _each(p, video, lambda clips: clips.sum(0))


def _winner(p: Tensor) -> Tensor:
    """1 for the best class, 0 for all others."""
    return functional.one_hot(p.argmax(-1), p.shape[-1]).to(p.dtype)


def _to_one(numbers: Tensor) -> Tensor:
    return numbers / numbers.sum(-1, keepdim=True)


def _videos(video: Tensor) -> int:
    return int(video.max()) + 1


def _first_seen(p: Tensor, video: Tensor) -> Tensor:
    """Videos in the order in which their first clips come."""
    return answer(p, video)[list(dict.fromkeys(video.tolist()))]


def _runs(p: Tensor, video: Tensor) -> Tensor:
    """Neighbouring clips of the same video make a video."""
    return answer(p, video.unique_consecutive(return_inverse=True)[1])


def _in_blocks(p: Tensor, video: Tensor) -> Tensor:
    """Clip after clip, as many for each as the video has: as if they were sorted."""
    return torch.stack([clips.mean(0) for clips in p.split(video.bincount().tolist())])


def _surest(clips: Tensor) -> Tensor:
    return clips[clips.amax(1).argmax()]


EXERCISES = (
    Exercise(
        name="videos.answer",
        task="From the probabilities of clips (n classes) and their videos' numbers (n) give each video's mean.",
        reference=answer,
        draw=_draw_clips,
        wanted=Wanted(axes="v classes", dtype="same", low=0.0, high=1.0, tolerance=1e-8, alike=1e-9),
        hints=(
            "For one video: which clips are of it, and what is their mean? `video == 0` is a mask.",
            "A loop over the numbers 0 to `video.max()` will do; `torch.stack` makes one tensor of the means.",
        ),
        mistakes=(
            Mistake("probabilities are added up: a video of many clips has larger numbers", _sums),
            Mistake(
                "the sums are brought below 1 by the mean number of clips: each video has a number of its own",
                lambda p, video: _sums(p, video) * _videos(video) / len(p),
            ),
            Mistake("it is divided by the number of all clips", lambda p, video: _sums(p, video) / len(p)),
            Mistake("it is divided by the number of videos", lambda p, video: _sums(p, video) / _videos(video)),
            Mistake("it is divided by the number of classes", lambda p, video: _sums(p, video) / p.shape[1]),
            Mistake(
                "it is divided by one clip too many",
                lambda p, video: _sums(p, video) / (_counts(video) + 1),
            ),
            Mistake(
                "every video is given equally many clips, one block after the other: look at `video`",
                lambda p, video: p.view(_videos(video), -1, p.shape[1]).mean(1),
            ),
            Mistake(
                "every video is given equally many clips, by turns: look at `video`",
                lambda p, video: p.view(-1, _videos(video), p.shape[1]).mean(0),
            ),
            Mistake("clips are taken as if they were sorted by video: they come in any order", _in_blocks),
            Mistake("only neighbours are put together: clips of a video need not stand side by side", _runs),
            Mistake("videos come in the order of their first clips: row 0 is wanted for video 0", _first_seen),
            Mistake("videos come in reverse", lambda p, video: answer(p, video).flip(0)),
            Mistake(
                "the largest one of each class is taken", lambda p, video: _each(p, video, lambda clips: clips.amax(0))
            ),
            Mistake(
                "the smallest one of each class is taken", lambda p, video: _each(p, video, lambda clips: clips.amin(0))
            ),
            Mistake(
                "the largest one of each class is taken, and brought to a sum of 1",
                lambda p, video: _to_one(_each(p, video, lambda clips: clips.amax(0))),
            ),
            Mistake("only the surest clip is heard", lambda p, video: _each(p, video, _surest)),
            Mistake(
                "the middle one of each class is taken: that is a median",
                lambda p, video: _each(p, video, lambda clips: clips.median(0).values),
            ),
            Mistake(
                "the middle one of each class is taken, between two their mean: that is a median",
                lambda p, video: _each(p, video, lambda clips: clips.quantile(0.5, dim=0)),
            ),
            Mistake(
                "each clip has one vote, for its best class: probabilities say more",
                lambda p, video: answer(_winner(p), video),
            ),
            Mistake(
                "the class with most votes has 1 and all others 0: probabilities say more than votes",
                lambda p, video: _winner(answer(_winner(p), video)),
            ),
            Mistake(
                "the best class has 1 and all others 0: the mean itself is wanted",
                lambda p, video: _winner(answer(p, video)),
            ),
            Mistake(
                "that is the number of the best class: its probabilities are wanted",
                lambda p, video: answer(p, video).argmax(1),
            ),
            Mistake(
                "only the first clip of each video is heard", lambda p, video: _each(p, video, lambda clips: clips[0])
            ),
            Mistake(
                "only the last clip of each video is heard: has each overwritten the one before?",
                lambda p, video: _each(p, video, lambda clips: clips[-1]),
            ),
            Mistake("probabilities are multiplied", lambda p, video: _each(p, video, lambda clips: clips.prod(0))),
            Mistake(
                "probabilities are multiplied, and brought to a sum of 1: one clip can veto",
                lambda p, video: _to_one(_each(p, video, lambda clips: clips.prod(0))),
            ),
            Mistake(
                "that is the geometric mean", lambda p, video: _each(p, video, lambda clips: clips.log().mean(0).exp())
            ),
            Mistake(
                "that is the geometric mean, brought to a sum of 1",
                lambda p, video: _to_one(_each(p, video, lambda clips: clips.log().mean(0).exp())),
            ),
            Mistake("a softmax is taken of the sums", lambda p, video: _sums(p, video).softmax(1)),
            Mistake(
                "a softmax is taken of the means: they sum to 1 already", lambda p, video: answer(p, video).softmax(1)
            ),
            Mistake(
                "each answer still has a row for every clip: a row for every video is wanted",
                lambda p, video: answer(p, video)[video],
            ),
            Mistake("nothing has been averaged: there is still a row for every clip", lambda p, video: p.clone()),
            Mistake("clips are sorted by video, and not averaged", lambda p, video: p[video.argsort(stable=True)]),
            Mistake("`video` is taken for clips to pick", lambda p, video: p[video]),
            Mistake("all clips are averaged, whatever their video", lambda p, video: p.mean(0)),
            Mistake("every video has the mean of all clips", lambda p, video: p.mean(0).repeat(_videos(video), 1)),
            Mistake("it is averaged over the classes as well", lambda p, video: answer(p, video).mean(1)),
            Mistake("videos and classes have changed places", lambda p, video: answer(p, video).mT),
            Mistake("the last video is missing: numbers run from 0", lambda p, video: answer(p, video)[:-1]),
            Mistake("video 0 is missing: numbers run from 0", lambda p, video: answer(p, video)[1:]),
            Mistake("that is how many clips each video has", lambda p, video: video.bincount()),
        ),
    ),
)
