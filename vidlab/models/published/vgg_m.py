"""VGG-M-2048, and two of them fused: the network in which to ask how and where two streams should meet.

K. Chatfield, K. Simonyan, A. Vedaldi, A. Zisserman, *Return of the devil in the details* (BMVC 2014), "CNN-M" with
2048 features. K. Simonyan, A. Zisserman, *Two-stream convolutional networks for action recognition in videos* (NIPS
2014) showed one such tower a frame and a second one a stack of ten flow fields, and averaged their scores:

    conv1  96   7×7, step 2   ReLU, norm, pool   54×54       fc6  4096   from 6×6×512
    conv2  256  5×5, step 2   ReLU, norm, pool   13×13       fc7  2048
    conv3, 4, 5  512  3×3     ReLU               13×13       fc8  classes
    pool5                                          6×6

With 101 classes that is 90,627,813 parameters for a frame, and 90,707,781 for ten flow fields.

C. Feichtenhofer, A. Pinz, A. Zisserman, *Convolutional two-stream network fusion for video action recognition* (CVPR
2016) let the towers meet while their maps still have places. How (section 3.1; `vidlab.models.fusion`): by "sum",
"max", "concat", "conv" or "bilinear". Where (section 3.2): after "relu2", "relu3", "relu4" or "relu5", and one tower
goes on; at "softmax", where class probabilities are averaged; at several points, "relu5+fc8" or "relu3+relu5+fc6",
where the temporal tower is fused into the spatial one and also goes on by itself, to the last point.

`two_stream_counts` asks how the paper counted the parameters of these networks.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from einops import rearrange
from einops.layers.torch import Rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from ...errors import ShapeError
from ..backbone import log_mean
from ..fusion import by_name
from ..two_stream import expect_film
from .alexnet import normalisation
from .parts import one_of, positive

SIZE = 224  # pixels, height and width
MOMENTS = 10  # flow fields, L
CONVOLUTIONS = ((96, 7, 2, 0), (256, 5, 2, 1), (512, 3, 1, 1), (512, 3, 1, 1), (512, 3, 1, 1))  # d, extent, step, zeros
WIDTHS = {f"relu{n}": d for n, (d, *_) in enumerate(CONVOLUTIONS, start=1)} | {"fc6": 4096, "fc7": 2048}
FUSIONS = dict.fromkeys(("sum", "max", "concat", "conv", "bilinear"))
POINTS = {  # where the towers meet
    "relu2": ("relu2",),
    "relu3": ("relu3",),
    "relu4": ("relu4",),
    "relu5": ("relu5",),
    "softmax": ("softmax",),
    "relu5+fc8": ("relu5", "fc8"),
    "relu3+relu5+fc6": ("relu3", "relu5", "fc6"),
}
LAST = {"fc6": "relu6", "softmax": "fc8"}  # the layer after which a point lies, where it is not called so
NEXT = {"relu2": "conv3", "relu3": "conv4", "relu4": "conv5", "relu5": "fc6", "fc6": "fc7"}


def tower(channels: int, classes: int, doubled: tuple[str, ...] = ()) -> OrderedDict[str, nn.Module]:
    """All layers, from a picture `b channels 224 224` to logits `b classes`; those in `doubled` take twice the maps."""
    layers = OrderedDict[str, nn.Module]()
    inputs = channels
    for n, (d, extent, step, zeros) in enumerate(CONVOLUTIONS, start=1):
        twice = 2 if f"conv{n}" in doubled else 1
        layers |= {f"conv{n}": nn.Conv2d(twice * inputs, d, extent, step, padding=zeros), f"relu{n}": nn.ReLU()}
        if n <= 2:
            layers[f"norm{n}"] = normalisation(beta=0.75)
        if n in (1, 2, 5):
            layers[f"pool{n}"] = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        inputs = d
    layers["flat"] = Rearrange("b d h w -> b (d h w)")
    inputs *= 6 * 6
    for n in (6, 7):
        twice, outputs = 2 if f"fc{n}" in doubled else 1, WIDTHS[f"fc{n}"]
        layers |= {f"fc{n}": nn.Linear(twice * inputs, outputs), f"relu{n}": nn.ReLU(), f"drop{n}": nn.Dropout(0.5)}
        inputs = outputs
    layers["fc8"] = nn.Linear(inputs, classes)
    return layers


def cut(layers: OrderedDict[str, nn.Module], *ends: str) -> list[nn.Sequential]:
    """The layers up to each end, and those that remain after the last, which may be none."""
    names = list(layers)
    marks = [0, *(names.index(end) + 1 for end in ends), len(names)]
    return [nn.Sequential(OrderedDict((name, layers[name]) for name in names[a:b])) for a, b in pairwise(marks)]


class VGGM(nn.Module):
    """Use `vgg_m`, which also checks the clips."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.features, self.classifier = cut(tower(channels, classes), "pool5")

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        picture = rearrange(clip, "b t c h w -> b (t c) h w")
        return self.classifier(self.features(picture))


class OfVectors(nn.Module):
    """A fusion of maps, for two vectors: maps of one place."""

    def __init__(self, join: nn.Module) -> None:
        super().__init__()
        self.join = join

    def forward(self, space: Float[Tensor, "b d"], time: Float[Tensor, "b d"]) -> Float[Tensor, "b n"]:
        maps = (rearrange(vector, "b d -> b d 1 1") for vector in (space, time))
        return rearrange(self.join(*maps), "b d 1 1 -> b d")


class MeanLogits(nn.Module):
    """The average of two fc8."""

    def forward(self, space: Float[Tensor, "b n"], time: Float[Tensor, "b n"]) -> Float[Tensor, "b n"]:
        return (space + time) / 2


class MeanProbability(nn.Module):
    """The average of two softmax scores, as its logarithm, which is logits again."""

    def forward(self, space: Float[Tensor, "b n"], time: Float[Tensor, "b n"]) -> Float[Tensor, "b n"]:
        return log_mean(torch.stack([space, time], dim=1))


class UnitRoots(nn.Module):
    """Bilinear features as the paper classifies them: their roots, scaled to a vector of length 1."""

    def forward(self, products: Float[Tensor, "b d 1 1"]) -> Float[Tensor, "b d"]:
        return normalize((rearrange(products, "b d 1 1 -> b d") + 1e-8).sqrt())  # after ReLU none is negative


def meet(how: str, point: str) -> nn.Module:
    """What joins the two towers at one point."""
    if point in ("fc8", "softmax"):
        return MeanLogits() if point == "fc8" else MeanProbability()
    join = by_name(how, WIDTHS[point])
    return OfVectors(join) if point == "fc6" else join


class TwoStreamVGGM(nn.Module):
    """Use `two_stream_vgg_m`, which also checks the films.

    channels: of the pictures that the spatial and the temporal tower see. What is fused n-th: `spatial[n]` and
    `temporal[n]`, by `fusions[n]`; after the last, `head`.
    """

    def __init__(self, how: str, at: str, classes: int, channels: tuple[int, int]) -> None:
        super().__init__()
        points = POINTS[at]
        ends = [LAST.get(point, point) for point in points]
        doubled = tuple(NEXT[point] for point in points if point in NEXT) if how == "concat" else ()
        *spatial, head = cut(tower(channels[0], classes, doubled), *ends)
        *temporal, _ = cut(tower(channels[1], classes), *ends)
        if how == "bilinear":  # a linear classifier, where the paper has a linear support vector machine
            head = nn.Sequential(UnitRoots(), nn.Linear(WIDTHS[at] ** 2, classes))
        self.spatial, self.temporal, self.head = nn.ModuleList(spatial), nn.ModuleList(temporal), head
        self.fusions = nn.ModuleList(meet(how, point) for point in points)

    def forward(self, film: Float[Tensor, "b t 5 h w"]) -> Float[Tensor, "b classes"]:
        space, time = film[:, film.shape[1] // 2, :3], rearrange(film[:, :, 3:], "b t c h w -> b (t c) h w")
        for see, move, join in zip(self.spatial, self.temporal, self.fusions, strict=True):
            time = move(time)
            space = join(see(space), time)
        return self.head(space)


def vgg_m(*, channels: int = 3, classes: int = 101) -> VGGM:
    """VGG-M-2048: clips `b t c 224 224` with t · c = `channels`, stacked, to logits `b classes`.

    Args:
        channels: of the stack: 3 for one frame, `b 1 3 h w`, 20 for ten flow fields, `b 10 2 h w`.
        classes: logits; UCF101 has 101.

    Raises:
        ValueError: a number below 1.

    >>> with torch.device("meta"):
    ...     vgg_m(channels=20).features.conv1.weight.shape
    torch.Size([96, 20, 7, 7])
    """
    positive(channels=channels, classes=classes)
    return _takes(VGGM(channels, classes), channels=channels)


def two_stream_vgg_m(how: str = "conv", at: str = "relu5", *, moments: int = MOMENTS, classes: int = 101) -> nn.Module:
    """Two towers of VGG-M-2048, and where they meet: films with flow `b t 5 224 224` to logits `b classes`.

    The spatial tower sees the frame of the middle moment, red, green and blue; the temporal one the flow (u, v) of all
    moments, stacked. What the paper leaves open: fc6 is fused after its ReLU, and at fc8 logits are averaged, by no
    weights, which agrees with the number of layers in its table 2. "conv" has no ReLU of its own, as in its equation;
    the authors' code adds one.

    Args:
        how: "sum", "max", "concat", "conv" or "bilinear"; see `vidlab.models.fusion`.
        at: "relu2", "relu3", "relu4", "relu5", "softmax", "relu5+fc8" or "relu3+relu5+fc6".
        moments: t.
        classes: logits; UCF101 has 101.

    Raises:
        ValueError: no such fusion or point, a pair that cannot be built, or a number below 1.

    >>> with torch.device("meta"):
    ...     two_stream_vgg_m("conv", "relu4").fusions[0].weigh.weight.shape
    torch.Size([512, 1024, 1, 1])
    """
    one_of(how, FUSIONS, "how")
    points = one_of(at, POINTS, "at")
    if at == "softmax" and how != "sum":
        raise ValueError(f'how = {how!r} at "softmax". Wanted: "sum": probabilities are averaged there.')
    if how == "bilinear" and len(points) > 1:
        raise ValueError(f'how = "bilinear" at {at!r}. Wanted: "relu2" to "relu5": it leaves no maps to fuse again.')
    positive(moments=moments, classes=classes)
    return _takes(TwoStreamVGGM(how, at, classes, (3, 2 * moments)), moments=moments)


def _takes(model: nn.Module, **wanted: int) -> Any:
    """As `parts.takes`, for stacks of any channels and for films: from now on the network refuses what does not fit."""
    model.register_forward_pre_hook(partial(_look, **wanted), with_kwargs=True)
    return model


def _look(
    model: nn.Module, positional: tuple, named: dict[str, Any], channels: int | None = None, moments: int | None = None
) -> None:
    clip = next(iter([*positional, *named.values()]), None)
    if moments is not None:
        expect_film(clip, moments)
    shape = tuple(getattr(clip, "shape", ()))
    if len(shape) != 5 or not clip.is_floating_point():
        came = f"of shape {shape}, {getattr(clip, 'dtype', type(clip).__name__)}"
        raise ShapeError(
            f"a clip {came}", wanted="b t c h w, floats in [0, 1]", mend="clip[None], or clip.float() / 255"
        )
    _, t, c, h, w = shape
    if channels is not None and t * c != channels:
        wanted = f"{channels}, as the network was built"
        raise ShapeError(f"{t} × {c} channels, {t * c} in all", wanted=wanted, mend=f"vgg_m(channels={t * c})")
    if (h, w) != (SIZE, SIZE):
        wanted = f"{SIZE}×{SIZE}, as fc6 has a weight for every place"
        raise ShapeError(f"frames are {h}×{w} pixels", wanted=wanted, mend=f"cut or resize them to {SIZE}×{SIZE}")
