"""Four ways to connect an image network over time, and two resolutions for the price of half of one.

A. Karpathy, G. Toderici, S. Shetty, T. Leung, R. Sukthankar, L. Fei-Fei, *Large-scale video classification with
convolutional neural networks* (CVPR 2014), sections 3.1 and 3.2. The image network, on frames of 170×170 pixels, is

    C(96, 11, 3)-N-P-C(256, 5, 1)-N-P-C(384, 3, 1)-C(384, 3, 1)-C(256, 3, 1)-P-FC(4096)-FC(4096)-softmax over 487

with C(d, f, s) for d filters of f×f pixels at stride s, P for pools of 2×2 and N for local response normalisation. Each
kind makes a clip into what that network can take, and this is all that distinguishes them:

    "single"   any T     b t c h w -> (b t) c h w    every frame by itself; probabilities are averaged
    "late"     T = 16    b t c h w -> (b t) c h w    two frames, 15 apart, which first meet in FC(4096)
    "early"    T = 10    b t c h w -> b (t c) h w    filters of the first layer are 11×11×3×10
    "slow"     T = 10    b t c h w -> b c t h w      filters of extent 4, 2, 2 at stride 2: 10 → 4 → 2 → 1 frames

The paper leaves open, and this module chooses:

- Zeros around every layer, f // 2 of them, and pools that drop the odd row. With this, 170 pixels with three pools
  and 89 with two both end in the 7×7×256 of section 3.2: 57, 28, 14, 7 and 30, 15, 7.
- ReLU after every layer; dropout of one half after each FC(4096); no groups: as "ungrouped" AlexNet.
- The context stream sees means of 2×2 pixels. The fovea begins 44 pixels from the edge, as 178 − 89 is odd. Each stream
  has weights of its own.
"""

from __future__ import annotations

from collections import OrderedDict

from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, cat, nn

from ..backbone import log_mean
from .alexnet import normalisation
from .parts import fully_connected, one_of, positive, takes

CLASSES = 487  # of Sports-1M
FULL, HALF = 170, 89  # pixels, height and width, of the frames one tower sees
WHOLE = 2 * HALF  # 178, of the frames that fovea and context are cut from
FRAMES = {"single": None, "late": 16, "early": 10, "slow": 10}  # T
APART = 15  # frames between the two of late fusion
LAYERS = ((96, 11, 3), (256, 5, 1), (384, 3, 1), (384, 3, 1), (256, 3, 1))  # C(d, f, s)
OVER_TIME = ((4, 2), (2, 2), (2, 2), (1, 1), (1, 1))  # slow fusion: extent and stride in frames, no zeros added
LAST_MAP = 256 * 7 * 7  # what a tower leaves


def tower(channels: int, last_pool: bool, over_time: tuple[tuple[int, int], ...] | None = None) -> nn.Sequential:
    """The five convolutions: of pictures, or with `over_time` of clips, filters extended by (frames, stride)."""
    layers = OrderedDict[str, nn.Module]()
    for n, (d, f, s) in enumerate(LAYERS, start=1):
        if over_time is None:
            layers[f"conv{n}"] = nn.Conv2d(channels, d, f, s, padding=f // 2)
        else:
            extent, stride = over_time[n - 1]
            size, step, zeros = (extent, f, f), (stride, s, s), (0, f // 2, f // 2)
            layers[f"conv{n}"] = nn.Conv3d(channels, d, size, step, padding=zeros)
        layers[f"relu{n}"] = nn.ReLU()
        if n <= 2:
            layers[f"norm{n}"] = normalisation(beta=0.5)
        if n <= 2 or (n == 5 and last_pool):
            layers[f"pool{n}"] = nn.MaxPool2d(2) if over_time is None else nn.MaxPool3d((1, 2, 2))
        channels = d
    return nn.Sequential(layers)


class SingleFrame(nn.Module):
    """Every frame by itself: a clip gives T looks, of one map each."""

    maps = 1

    def __init__(self, last_pool: bool = True) -> None:
        super().__init__()
        self.tower = tower(3, last_pool)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b looks features"]:
        frames = rearrange(clip, "b t c h w -> (b t) c h w")
        return rearrange(self.tower(frames), "(b t) c h w -> b t (c h w)", t=clip.shape[1])


class LateFusion(nn.Module):
    """The first frame and the one 15 later, through one tower: one look, of two maps side by side."""

    maps = 2

    def __init__(self, last_pool: bool = True) -> None:
        super().__init__()
        self.tower = tower(3, last_pool)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b looks features"]:
        two = rearrange(clip[:, ::APART], "b t c h w -> (b t) c h w", t=2)
        return rearrange(self.tower(two), "(b t) c h w -> b 1 (t c h w)", t=2)


class EarlyFusion(nn.Module):
    """All frames as channels of one picture, fused by the first layer: one look, of one map."""

    maps = 1

    def __init__(self, last_pool: bool = True) -> None:
        super().__init__()
        self.tower = tower(3 * FRAMES["early"], last_pool)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b looks features"]:
        picture = rearrange(clip, "b t c h w -> b (t c) h w")
        return rearrange(self.tower(picture), "b c h w -> b 1 (c h w)")


class SlowFusion(nn.Module):
    """Filters that move over time too, fused layer by layer: one look, of the one map that is left in time."""

    maps = 1

    def __init__(self, last_pool: bool = True) -> None:
        super().__init__()
        self.tower = tower(3, last_pool, OVER_TIME)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b looks features"]:
        volume = rearrange(clip, "b t c h w -> b c t h w")
        return rearrange(self.tower(volume), "b c 1 h w -> b 1 (c h w)")


class AverageProbability(nn.Module):
    """From the logits of several looks to the logarithm of their mean probabilities, which are logits again."""

    def forward(self, logits: Float[Tensor, "b looks classes"]) -> Float[Tensor, "b classes"]:
        return log_mean(logits)


class Multiresolution(nn.Module):
    """Two streams: the whole frame at half its resolution, and its centre at full. Half the pixels in all.

    >>> 2 * HALF**2 / WHOLE**2
    0.5
    """

    def __init__(self, context: nn.Module, fovea: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.context, self.fovea, self.classifier = context, fovea, classifier

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        small = reduce(clip, "b t c (h h2) (w w2) -> b t c h w", "mean", h2=2, w2=2)
        edge = (WHOLE - HALF) // 2
        centre = clip[..., edge : edge + HALF, edge : edge + HALF]
        return self.classifier(cat([self.context(small), self.fovea(centre)], dim=-1))


STREAMS = {"single": SingleFrame, "late": LateFusion, "early": EarlyFusion, "slow": SlowFusion}


def karpathy(kind: str = "slow", *, multiresolution: bool = False, classes: int = CLASSES) -> nn.Module:
    """A network of Karpathy et al. (2014): clips `b t 3 170 170`, or `b t 3 178 178`, to logits `b classes`.

    Args:
        kind: "single", "late", "early" or "slow"; they take any T, 16, 10 and 10 frames.
        multiresolution: fovea and context, 89×89 each, from frames of 178×178; the last pool is left out.
        classes: logits; Sports-1M has 487.

    Raises:
        ValueError: no such kind, or no classes.

    >>> import torch
    >>> with torch.device("meta"):
    ...     karpathy("slow").stream.tower.conv1(torch.rand(1, 3, 10, 170, 170)).shape
    torch.Size([1, 96, 4, 57, 57])
    """
    stream = one_of(kind, STREAMS)
    positive(classes=classes)
    classifier = fully_connected(LAST_MAP * stream.maps * (2 if multiresolution else 1), classes)
    classifier.append(AverageProbability())
    if multiresolution:
        model = Multiresolution(stream(last_pool=False), stream(last_pool=False), classifier)
    else:
        model = nn.Sequential(OrderedDict(stream=stream(), classifier=classifier))
    return takes(model, frames=FRAMES[kind], size=WHOLE if multiresolution else FULL)
