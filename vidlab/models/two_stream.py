"""Two streams: one network sees a picture and knows *what* is there, one sees flow and knows *how it moves*.

K. Simonyan, A. Zisserman, *Two-stream convolutional networks for action recognition in videos* (NIPS 2014); where and
how to fuse them: C. Feichtenhofer, A. Pinz, A. Zisserman, *Convolutional two-stream network fusion for video action
recognition* (CVPR 2016).

They take films with flow (`flow.film`), `b t 5 h w`: red, green, blue and the flow (u, v) as a picture, at t moments.
"""

from __future__ import annotations

import torch
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import ShapeError
from .backbone import WIDTHS, Normalise, block2d, log_mean
from .fusion import OPERATORS, by_name

SITES = ("block1", "block2", "block3", "mix", "vector", "scores")  # where streams can be fused, from early to late
Film = Float[Tensor, "b t 5 h w"]
Logits = Float[Tensor, "b classes"]


def picture(film: Film) -> Float[Tensor, "b 3 h w"]:
    """What the spatial stream sees: the picture of the middle moment."""
    return film[:, film.shape[1] // 2, :3]


def flow_stack(film: Film) -> Float[Tensor, "b d h w"]:
    """What the temporal stream sees: u and v of all moments, 2 T channels."""
    return rearrange(film[:, :, 3:], "b t d h w -> b (t d) h w")


def tower(channels: int, widths: tuple[int, ...] = WIDTHS, hidden: int = 64, border: str = "circular") -> nn.Sequential:
    """The layers of one stream, by the names of the places where it can be fused: three blocks, and a 1×1 convolution.

    The last one, `mix`, is the hidden layer of a classifier, at each place. border: "circular", as the stage of the
    course's world closes; or "zeros", by which both streams can tell where they are, even after a mean over space.
    """
    if channels < 1:
        raise ShapeError(f"a stream of {channels} channels", wanted="1 moment or more: flow has two", mend="moments=5")
    pairs = zip((channels, *widths), widths)  # noqa: B905, one channel number starts each pair
    blocks = [block2d(*pair, border) for pair in pairs]
    blocks[0].insert(0, Normalise())
    return nn.Sequential(*blocks, mix(widths[-1], hidden))


def mix(channels: int, hidden: int) -> nn.Sequential:
    """A hidden layer at each place: 1×1 convolution, batch normalisation, ReLU."""
    return nn.Sequential(nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU())


class Stream(nn.Module):
    """One stream alone: its layers, the mean over space, and a linear classifier."""

    def __init__(self, classes: int, channels: int, *, hidden: int = 64) -> None:
        super().__init__()
        self.layers = tower(channels, hidden=hidden)
        self.classify = nn.Linear(hidden, classes)

    def answer(self, image: Float[Tensor, "b c h w"]) -> Logits:
        return self.classify(reduce(self.layers(image), "b d h w -> b d", "mean"))


class SpatialStream(Stream):
    """x_s: the picture of the middle moment. It cannot know of motion.

    Raises:
        ShapeError: in `forward`, no film with flow.
    """

    def __init__(self, classes: int, *, moments: int = 5, hidden: int = 64) -> None:
        super().__init__(classes, 3, hidden=hidden)

    def forward(self, film: Film) -> Logits:
        expect_film(film)
        return self.answer(picture(film))


class TemporalStream(Stream):
    """x_t: the flow of all moments, stacked as channels. It cannot know of colour.

    moments: L, fixed, as the first layer has weights for each field.

    Raises:
        ShapeError: in `forward`, no film with flow, or another number of moments.
    """

    def __init__(self, classes: int, *, moments: int = 5, hidden: int = 64) -> None:
        super().__init__(classes, 2 * moments, hidden=hidden)
        self.moments = moments

    def forward(self, film: Film) -> Logits:
        expect_film(film, self.moments)
        return self.answer(flow_stack(film))


class TwoStream(nn.Module):
    """Both streams, fused after a named layer: z = g(h(Fuse(x_s, x_t))), h the layers that are left.

    fuse: "sum", "max", "product", "concat", "conv", "conv3", "gated" or "bilinear" (see `vidlab.models.fusion`).
    at: "block1", "block2", "block3" or "mix": maps, which agree place by place. "vector": after the mean over space, as
    a mix of vectors that follows can no longer say what was where. "scores": the mean of the two answers.
    border: what stands around the maps, "circular" or "zeros".
    towers: 1, or 2: the temporal stream is also kept to its own answer, and the answer is the mean of both.

    Raises:
        ShapeError: no such layer, operator or border; bilinear before the last layers, which need places; in `forward`,
            no film with flow, or another number of moments.
    """

    def __init__(
        self,
        classes: int,
        *,
        moments: int = 5,
        fuse: str = "conv",
        at: str = "block3",
        towers: int = 1,
        hidden: int = 64,
        border: str = "circular",
    ) -> None:
        super().__init__()
        if at not in SITES or towers not in (1, 2):
            raise ShapeError(f"at={at!r}, towers={towers}", wanted=f"one of {', '.join(SITES)}; 1 or 2 towers")
        if fuse not in OPERATORS:  # even at "scores", where it is not used
            by_name(fuse, 1)
        if border not in ("zeros", "circular"):
            raise ShapeError(f"border={border!r}", wanted='"zeros" or "circular"', mend='border="circular"')
        if fuse == "bilinear" and at in SITES[:2]:
            raise ShapeError(
                f'fuse="bilinear" at {at}', wanted="a later layer: nothing of its places is left", mend='at="block3"'
            )
        self.moments, self.at = moments, at
        spatial, temporal = (tower(c, hidden=hidden, border=border) for c in (3, 2 * moments))
        self.depth = min(SITES.index(at) + 1, len(spatial))  # layers before the fusion
        self.spatial, self.temporal = spatial[: self.depth], temporal[: self.depth]
        self.fuse = self.above = self.rest = None
        if at != "scores":
            width = (*WIDTHS, hidden, hidden)[SITES.index(at)]
            self.fuse = by_name(fuse, width, border=border)
            self.above = self.layers_above(spatial, hidden, border)
        self.classify = nn.Linear(self.fuse.dim if at == "mix" else hidden, classes)
        if at == "scores" or towers == 2:
            self.rest = temporal[self.depth :]
            self.classify_motion = nn.Linear(hidden, classes)

    def layers_above(self, spatial: nn.Sequential, hidden: int, border: str) -> nn.Sequential:
        """What is left of the spatial stream, its first layer made anew where fusion changed the number of channels."""
        if self.at == "mix":
            return nn.Sequential()
        if self.at == "vector" or len(spatial) == self.depth + 1:
            return nn.Sequential(mix(self.fuse.dim, hidden))
        return nn.Sequential(block2d(self.fuse.dim, WIDTHS[self.depth], border), *spatial[self.depth + 1 :])

    def forward(self, film: Film) -> Logits:
        expect_film(film, self.moments)
        x_s, x_t = self.maps(film)
        if self.at == "scores":
            return log_mean(torch.stack([self.classify(vector(x_s)), self.classify_motion(vector(x_t))], dim=1))
        fused = self.above(self.fuse(x_s, x_t))
        z = self.classify(vector(fused))
        if self.rest is None:
            return z
        return log_mean(torch.stack([z, self.classify_motion(vector(self.rest(x_t)))], dim=1))

    def maps(self, film: Film) -> tuple[Float[Tensor, "b d h2 w2"], Float[Tensor, "b d h2 w2"]]:
        """x_s and x_t, as they meet; behind the mean over space they are maps of one place."""
        x_s, x_t = self.spatial(picture(film)), self.temporal(flow_stack(film))
        if self.at == "vector":
            x_s, x_t = (reduce(x, "b d h w -> b d 1 1", "mean") for x in (x_s, x_t))
        return x_s, x_t


def vector(maps: Float[Tensor, "b d h w"]) -> Float[Tensor, "b d"]:
    """The mean over space."""
    return reduce(maps, "b d h w -> b d", "mean")


def expect_film(film: Tensor, moments: int | None = None) -> None:
    """Refuse what is no batch of films with flow, floats in [0, 1].

    Raises:
        ShapeError: says what came and how to mend it.
    """
    shape = tuple(getattr(film, "shape", ()))
    if len(shape) != 5 or shape[2] != 5 or 0 in shape:
        mend = "vidlab.flow.film(clips, vidlab.flow.fields(clips))"
        raise ShapeError(
            f"a film of shape {shape}", wanted="b t 5 h w: a picture and its flow at each moment", mend=mend
        )
    if not film.is_floating_point():
        raise ShapeError(f"film is {film.dtype}", wanted="floats in [0, 1]", mend="film.float() / 255")
    if moments is not None and shape[1] != moments:
        raise ShapeError(
            f"a film of {shape[1]} moments",
            wanted=f"{moments} moments, for which this model was built",
            mend=f"moments={shape[1]} when it is built: one less than there are frames",
        )
