"""Exercise of lesson 08, an inflated layer at the ends of a clip: what does it see before the first frame?"""

import torch
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import conv2d, conv3d, pad

from .frame import Exercise, Mistake
from .mismatch import Wanted

Filters, Biases, Clips = Float[Tensor, "o c kh kw"], Float[Tensor, "o"], Float[Tensor, "b t c h w"]


def transplant(weight: Filters, bias: Biases, clip: Clips, k_t: int) -> Float[Tensor, "b t o h w"]:
    edge = k_t // 2  # as many frames does the filter reach beyond either end
    before = repeat(clip[:, 0], "b c h w -> b t c h w", t=edge)  # there the clip goes on as it begins …
    after = repeat(clip[:, -1], "b c h w -> b t c h w", t=edge)  # … and as it ends; zeros would be a change
    volume = rearrange(torch.cat([before, clip, after], dim=1), "b t c h w -> b c t h w")
    filters = repeat(weight / k_t, "o c h w -> o c t h w", t=k_t)  # the mean over k_t frames; the bias is added once
    kh, kw = weight.shape[2:]
    answer = conv3d(volume, filters, bias, padding=(0, kh // 2, kw // 2))  # in space with zeros, as the 2D layer
    return rearrange(answer, "b o t h w -> b t o h w")


def _draw_layers(generator: torch.Generator) -> list[tuple]:
    """Five frames and three; filters whose sides are odd, and in both clip and answer all sizes differ."""
    cases = []
    for k_t in (5, 3):
        b, c, o = ((torch.randperm(3, generator=generator) + 1) * 2).tolist()
        t, h, w = (torch.randperm(4, generator=generator)[:3] + 7).tolist()
        sides = ((3, 5), (5, 3))[int(torch.randint(2, (), generator=generator))]
        numbers = {"generator": generator, "dtype": torch.float64}
        weight, bias = torch.randn(o, c, *sides, **numbers), 2 * torch.randn(o, **numbers)
        cases.append((weight, bias, torch.rand(b, t, c, h, w, **numbers), k_t))
    return cases


def _flat(weight: Tensor, bias: Tensor | None, clip: Tensor, edges: str = "constant") -> Tensor:
    """The 2D layer's answers, frame by frame; `edges` is what it sees around the picture."""
    kh, kw = weight.shape[2:]
    frames = pad(clip.flatten(0, 1), (kw // 2, kw // 2, kh // 2, kh // 2), mode=edges)
    return conv2d(frames, weight, bias).unflatten(0, clip.shape[:2])


def _mean(answers: Tensor, k_t: int) -> Tensor:
    """Mean of each k_t answers in a row: convolution and mean may change places."""
    return answers.unfold(1, k_t, 1).mean(-1)


def _ends(clip: Tensor, before: int, after: int) -> Tensor:
    """Longer, by its first and its last frame."""
    frames = torch.arange(-before, clip.shape[1] + after).clamp(0, clip.shape[1] - 1)
    return clip[:, frames]


def _right(weight: Tensor, bias: Tensor | None, clip: Tensor, k_t: int, edges: str = "constant") -> Tensor:
    return _mean(_flat(weight, bias, _ends(clip, k_t // 2, k_t // 2), edges), k_t)


def _framed(weight: Tensor, bias: Tensor, clip: Tensor, k_t: int, zeros: int) -> Tensor:
    """In space with so many zeros on all four sides."""
    frames = _ends(clip, k_t // 2, k_t // 2)
    return _mean(conv2d(frames.flatten(0, 1), weight, bias, padding=zeros).unflatten(0, frames.shape[:2]), k_t)


def _over(weight: Tensor, bias: Tensor, clip: Tensor, k_t: int) -> Tensor:
    """Of a clip that is longer already."""
    return _mean(_flat(weight, bias, clip), k_t)


def _in_time(clip: Tensor, k_t: int, mode: str) -> Tensor:
    """Longer by k_t // 2 frames at both ends: zeros, the other end, or mirrored with or without the end itself."""
    e, t = k_t // 2, clip.shape[1]
    if mode == "zeros":
        return pad(clip, (0, 0) * 3 + (e, e))
    frames = torch.arange(-e, t + e)
    if mode == "circle":
        return clip[:, frames % t]
    twice = 2 * t if mode == "twice" else 2 * t - 2  # after so many frames it is where it was
    frames = frames % twice
    return clip[:, torch.where(frames < t, frames, twice - frames - int(mode == "twice"))]


def _fewer(weight: Tensor, bias: Tensor, clip: Tensor, k_t: int) -> Tensor:
    """At the ends the mean of the frames that there are."""
    answers, e, t = _flat(weight, bias, clip), k_t // 2, clip.shape[1]
    return torch.stack([answers[:, max(i - e, 0) : i + e + 1].mean(1) for i in range(t)], 1)


def _alone_at_the_ends(weight: Tensor, bias: Tensor, clip: Tensor, k_t: int) -> Tensor:
    flat, e = _flat(weight, bias, clip), k_t // 2
    return torch.cat([flat[:, :e], _over(weight, bias, clip, k_t), flat[:, -e:]], 1)


def _zeros_at_the_ends(weight: Tensor, bias: Tensor, clip: Tensor, k_t: int) -> Tensor:
    return _in_time(_over(weight, bias, clip, k_t), k_t, "zeros")


def _ends_exchanged(clip: Tensor, k_t: int) -> Tensor:
    e = k_t // 2
    return torch.cat([clip[:, -1:].expand(-1, e, -1, -1, -1), clip, clip[:, :1].expand(-1, e, -1, -1, -1)], 1)


def _mean_at_the_ends(clip: Tensor, k_t: int) -> Tensor:
    mean = clip.mean(1, keepdim=True).expand(-1, k_t // 2, -1, -1, -1)
    return torch.cat([mean, clip, mean], 1)


EXERCISES = (
    Exercise(
        name="inflate.layer",
        task="Inflate a 2D layer by the mean: its answers (b t o h w) to clips whose ends are repeated.",
        reference=transplant,
        draw=_draw_layers,
        wanted=Wanted(axes="b t o h w", dtype="same"),
        hints=(
            "Make the clip longer first: k_t // 2 times its first frame before it, as often its last one after it.",
            "`conv3d` takes b c t h w, `padding` as (t, h, w), and the bias. In time no padding is left to do.",
        ),
        mistakes=(
            Mistake(
                "zeros stand before the first frame and after the last: there a boring clip is not boring",
                lambda w, b, x, k: _over(w, b, _in_time(x, k, "zeros"), k),
            ),
            Mistake(
                "the end of the clip is joined to its beginning: time is no circle",
                lambda w, b, x, k: _over(w, b, _in_time(x, k, "circle"), k),
            ),
            Mistake(
                "the clip is mirrored at its ends; it is the edge frame that should be repeated",
                lambda w, b, x, k: _over(w, b, _in_time(x, k, "mirror"), k),
            ),
            Mistake(
                "the clip is mirrored at its ends, edge frames included: only these should be repeated",
                lambda w, b, x, k: _over(w, b, _in_time(x, k, "twice"), k),
            ),
            Mistake(
                "nothing stands beyond the ends: some moments get no answer",
                _over,
            ),
            Mistake(
                "all repeated frames stand before the first: each moment should see as far ahead as back",
                lambda w, b, x, k: _over(w, b, _ends(x, k - 1, 0), k),
            ),
            Mistake(
                "all repeated frames stand after the last: each moment should see as far back as ahead",
                lambda w, b, x, k: _over(w, b, _ends(x, 0, k - 1), k),
            ),
            Mistake(
                "k_t − 1 frames are added at either end: that is twice as many as it takes",
                lambda w, b, x, k: _over(w, b, _ends(x, k - 1, k - 1), k),
            ),
            Mistake(
                "one frame is added at either end, whatever k_t is", lambda w, b, x, k: _over(w, b, _ends(x, 1, 1), k)
            ),
            Mistake(
                "the last frame stands before the first, and the first after the last",
                lambda w, b, x, k: _over(w, b, _ends_exchanged(x, k), k),
            ),
            Mistake(
                "the mean of the clip stands beyond its ends",
                lambda w, b, x, k: _over(w, b, _mean_at_the_ends(x, k), k),
            ),
            Mistake(
                "at the ends the mean is taken over fewer frames: the edge frame should count for those missing", _fewer
            ),
            Mistake("near its ends each frame is answered alone", _alone_at_the_ends),
            Mistake("near its ends the answer is zero: these moments should be answered, too", _zeros_at_the_ends),
            Mistake(
                "it is the answers that are repeated at the ends; repeat what is seen",
                lambda w, b, x, k: _ends(_over(w, b, x, k), k // 2, k // 2),
            ),
            Mistake(
                "the bias counts k_t times: the layer has it once, not in every frame",
                lambda w, b, x, k: _right(w, b * k, x, k),
            ),
            Mistake(
                "the bias is divided by k_t: it is added once, not in every frame",
                lambda w, b, x, k: _right(w, b / k, x, k),
            ),
            Mistake("the bias is missing", lambda w, b, x, k: _right(w, None, x, k)),
            Mistake(
                "the copies are as large as the filter: to a boring clip they answer k_t times as much",
                lambda w, b, x, k: _right(w * k, b, x, k),
            ),
            Mistake(
                "the copies are as large as the filter, and the bias counts k_t times: all answers are added up",
                lambda w, b, x, k: _right(w * k, b * k, x, k),
            ),
            Mistake("the copies are divided by the square root of k_t", lambda w, b, x, k: _right(w * k**0.5, b, x, k)),
            Mistake(
                "the filter stands in the middle, zeros around it: that is the 2D layer, frame by frame",
                lambda w, b, x, k: _flat(w, b, x),
            ),
            Mistake(
                "every moment gets the mean over the whole clip",
                lambda w, b, x, k: _flat(w, b, x).mean(1, keepdim=True).expand(-1, x.shape[1], -1, -1, -1),
            ),
            Mistake(
                "the pictures have become smaller: around them zeros should stand",
                lambda w, b, x, k: _framed(w, b, x, k, 0),
            ),
            Mistake(
                "above and below stand as many zeros as its columns want: the filter need not be square",
                lambda w, b, x, k: _framed(w, b, x, k, w.shape[3] // 2),
            ),
            Mistake(
                "left and right stand as many zeros as its rows want: the filter need not be square",
                lambda w, b, x, k: _framed(w, b, x, k, w.shape[2] // 2),
            ),
            Mistake(
                "the borders of the pictures are repeated, too: in space the 2D layer sees zeros",
                lambda w, b, x, k: _right(w, b, x, k, "replicate"),
            ),
            Mistake(
                "the pictures are mirrored at their borders: in space the 2D layer sees zeros",
                lambda w, b, x, k: _right(w, b, x, k, "reflect"),
            ),
            Mistake(
                "the pictures go on at the opposite border: in space the 2D layer sees zeros",
                lambda w, b, x, k: _right(w, b, x, k, "circular"),
            ),
            Mistake(
                "the answers come as b o t h w: in this course time comes before channels",
                lambda w, b, x, k: _right(w, b, x, k).transpose(1, 2),
            ),
            Mistake("clips and moments have changed places", lambda w, b, x, k: _right(w, b, x, k).transpose(0, 1)),
            Mistake("clips and moments still share one axis", lambda w, b, x, k: _right(w, b, x, k).flatten(0, 1)),
            Mistake(
                "axes are cut anew, not moved: the answers b o t h w are read as b t o h w",
                lambda w, b, x, k: (y := _right(w, b, x, k)).transpose(1, 2).reshape(y.shape),
            ),
            Mistake(
                "the filters are turned over, top to bottom and left to right: torch leaves them as they are",
                lambda w, b, x, k: _right(w.flip(2, 3), b, x, k),
            ),
            Mistake("the colours come in the reverse order", lambda w, b, x, k: _right(w.flip(1), b, x, k)),
            Mistake("the clip runs backwards", lambda w, b, x, k: _right(w, b, x.flip(1), k)),
            Mistake(
                "negative answers are set to zero; that comes after the layer",
                lambda w, b, x, k: _right(w, b, x, k).relu(),
            ),
            Mistake("only the first clip is answered", lambda w, b, x, k: _right(w, b, x[:1], k)),
        ),
    ),
)
