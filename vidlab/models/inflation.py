"""Inflation: a network of single images becomes one of clips, as each of its k×k filters is given an extent in time.

J. Carreira, A. Zisserman, *Quo vadis, action recognition? A new model and the Kinetics dataset* (CVPR 2017, I3D),
section 2.4: copy a filter k_t times along time and divide by k_t. To a boring video, the same still at every moment, it
then answers what it answered to the still, Σ_τ (w / k_t) * x = w * x, and so does every layer above.

    "mean"     w[τ] = w / k_t for every τ                I3D's: at first an average over neighbouring frames
    "centre"   w[τ] = w for the frame itself, else 0     ViViT's (Arnab et al. 2021, 3.4): at first frame by frame

Only filters grow. Every other layer looks at one moment at a time, and to it frames are what images were:
`b c t h w -> (b t) c h w`. BatchNorm then has the statistics of BatchNorm3d, a pool has extent 1 in time, Flatten and
Linear answer at every moment, with the weights that they had. So whatever a forward does to images it may go on doing:
residual sums, concatenation, `torch.flatten(x, 1)`, attention within a frame. Strides in time are 1. I3D also pools
over time, in later layers; here no moment is lost, so that each can be compared with the still.
"""

from __future__ import annotations

import copy
import inspect
from functools import partial
from typing import Any

import torch
from einops import rearrange, reduce, repeat
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import conv3d, pad
from torch.utils._pytree import tree_map_only

from ..errors import ShapeError
from .backbone import expect_frames
from .inflatable import filters_of


class InflatedConv3d(nn.Conv3d):
    """What a Conv2d of an inflated network has become: moment t sees frames t - (k_t - 1) // 2 to t + k_t // 2.

    Inside of the network it takes images `(b t) c h w`, alone a volume `b c t h w`, and answers alike, as many moments
    as came. edges: what stands before the first frame and after the last, "zeros" or that frame again ("replicate").
    """

    edges = "zeros"
    clips: tuple[int, int] | None = None  # (b, t) of the images, while the network is at work

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        if x.ndim == 5:
            return self.over_time(x)
        if self.clips is None:
            mend = "a volume b c t h w, or the network that inflate returned"
            raise ShapeError(f"an inflated filter alone is given {tuple(x.shape)}", wanted="clips", mend=mend)
        if len(x) != self.clips[0] * self.clips[1]:
            came = "an inflated filter is given {} images, of {} clips of {} frames".format(len(x), *self.clips)
            mend = "a net2d whose forward moves nothing into or out of the batch axis"
            raise ShapeError(came, wanted="one image for each frame", mend=mend)
        volume = rearrange(x, "(b t) c h w -> b c t h w", b=self.clips[0])
        return rearrange(self.over_time(volume), "b c t h w -> (b t) c h w")

    def over_time(self, volume: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b d t i j"]:
        """Padded in time, and in space as the image network did it; then convolved."""
        before, after = self.beyond
        if self.edges == "zeros":
            volume = pad(volume, (0, 0, 0, 0, before, after))
        else:
            volume = torch.cat([volume[:, :, :1]] * before + [volume] + [volume[:, :, -1:]] * after, dim=2)
        border = self.padding
        if self.padding_mode != "zeros" or isinstance(border, str):
            mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
            volume, border = pad(volume, (*self._reversed_padding_repeated_twice, 0, 0), mode=mode), 0
        return conv3d(volume, self.weight, self.bias, self.stride, border, self.dilation, self.groups)

    @property
    def beyond(self) -> tuple[int, int]:
        """How many frames it reaches back, and forward."""
        return (self.kernel_size[0] - 1) // 2, self.kernel_size[0] // 2

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, in time {self.edges} {self.beyond}"


def inflate_filters(weight: Float[Tensor, "o c h w"], k_t: int = 3, mode: str = "mean") -> Float[Tensor, "o c t h w"]:
    """Filters as small films of k_t frames, which add up to the filters. The centre of an even k_t is k_t / 2 - 1.

    Raises:
        ShapeError: k_t below 1, or no such mode.

    >>> inflate_filters(torch.ones(1, 1, 1, 1), 4, "centre").flatten()
    tensor([0., 1., 0., 0.])
    """
    _expect(k_t=k_t, mode=mode)
    if mode == "mean":
        return repeat(weight / k_t, "o c h w -> o c t h w", t=k_t).clone()
    films = repeat(torch.zeros_like(weight), "o c h w -> o c t h w", t=k_t).clone()
    films[:, :, (k_t - 1) // 2] = weight
    return films


def inflate(
    net2d: nn.Module,
    k_t: int = 3,
    *,
    mode: str = "mean",
    padding: str = "zeros",
    pointwise: int = 1,
    takes: str | None = None,
) -> nn.Module:
    """A copy of an image network that takes volumes `b c t h w` and answers at every moment.

    Feature maps come out as `b d t h w`, vectors and logits as `b t d`. Names of parameters and all settings, running
    statistics, hooks and training flags are kept: the state dict has the same keys, and filters `o c h w` in it have
    become `o c k_t h w`. With "replicate" every moment of a boring video is answered as the still was. With "zeros" and
    "mean" those near its ends are not, half a receptive field at either end: to them it is not boring.

    Args:
        net2d: any network that answers to each image for itself; it stays as it is. Its nn.Conv2d layers are inflated;
            what its forward computes without a layer stays as it was, frame by frame.
        k_t: extent in time of each filter of more than one pixel.
        mode: "mean" or "centre"; see the head of this module.
        padding: in time, "zeros" or "replicate".
        pointwise: extent of 1×1 filters. By default 1: they mix the channels of one place and have no extent to pass
            on. In I3D too n×n becomes n×n×n, and 1×1 stays 1×1×1.
        takes: "images", or "clips" if net2d takes images as clips of one frame, `b 1 c h w`, like the models of this
            course. By default what the type of its forward says.

    Raises:
        ShapeError: k_t or pointwise below 1, no such mode, padding or takes; when used, no volume of floats.
        VidlabError: a layer that cannot be inflated, by its name, or nothing that could.

    >>> net2d = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    >>> net = inflate(net2d)
    >>> net[0].weight.shape, net(torch.rand(2, 3, 5, 16, 16)).shape
    (torch.Size([8, 3, 3, 3, 3]), torch.Size([2, 5, 4]))
    """
    _expect(k_t=k_t, mode=mode, padding=padding, pointwise=pointwise, takes=takes)
    filters_of(net2d)  # refuses what cannot be inflated before anything is copied
    net, done = copy.deepcopy(net2d), {}
    for conv in filters_of(net):
        extent, old = _extent(conv, k_t, pointwise), conv.weight
        if old not in done:  # filters may be shared
            done[old] = nn.Parameter(inflate_filters(old.detach(), extent, mode), requires_grad=old.requires_grad)
        conv.__class__, conv.weight, conv.edges = InflatedConv3d, done[old], padding
        conv.kernel_size, conv.stride = (extent, *conv.kernel_size), (1, *conv.stride)
        conv.dilation, conv.output_padding = (1, *conv.dilation), (0, *conv.output_padding)
        conv.padding = conv.padding if isinstance(conv.padding, str) else (0, *conv.padding)
    takes = takes or ("clips" if _typed_for_clips(net2d) else "images")
    net.register_forward_pre_hook(partial(_fold, takes=takes), prepend=True, with_kwargs=True)
    net.register_forward_hook(_unfold, always_call=True)
    return net


def inflated_parameters(net2d: nn.Module, k_t: int = 3, *, pointwise: int = 1) -> int:
    """How many parameters `inflate` will make of it: k_t - 1 more copies of every filter, and nothing else.

    Raises:
        ShapeError, VidlabError: as `inflate`.

    >>> inflated_parameters(nn.Conv2d(3, 8, 3)) == 3 * 8 * 3 * 3 * 3 + 8
    True
    """
    _expect(k_t=k_t, pointwise=pointwise)
    filters = {conv.weight: _extent(conv, k_t, pointwise) for conv in filters_of(net2d)}
    copies = sum((extent - 1) * weight.numel() for weight, extent in filters.items())
    return sum(parameter.numel() for parameter in net2d.parameters()) + copies


class Inflated(nn.Module):
    """An inflated classifier as a model of the course: the mean of its logits over all moments, as in I3D.

    net: what `inflate` made of an image classifier.

    Raises:
        ShapeError: in `forward`, no batch of float clips, or a network that answers with feature maps.

    >>> from .single_frame import SingleFrame
    >>> Inflated(inflate(SingleFrame(classes=4)))(torch.rand(2, 8, 3, 32, 32)).shape
    torch.Size([2, 4])
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        expect_frames(clip)
        logits = self.net(rearrange(clip, "b t c h w -> b c t h w"))
        if logits.ndim != 3:
            mend = "inflate(nn.Sequential(net2d, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(d, classes)))"
            raise ShapeError(f"the network answers {tuple(logits.shape)}", wanted="logits b t classes", mend=mend)
        return reduce(logits, "b t classes -> b classes", "mean")


def _fold(net: nn.Module, args: tuple[Any, ...], named: dict[str, Any], *, takes: str) -> tuple[Any, Any]:
    """Before the forward of an inflated network: frames become images, and its filters are told of how many clips."""
    volume = args[0] if args else None
    if not isinstance(volume, Tensor) or volume.ndim != 5 or not volume.is_floating_point() or 0 in volume.shape:
        came = f"{tuple(volume.shape)}, {volume.dtype}" if isinstance(volume, Tensor) else type(volume).__name__
        mend = 'rearrange(clip, "b t c h w -> b c t h w"), as Inflated(net) does'
        raise ShapeError(f"an inflated network is given {came}", wanted="a volume b c t h w of floats", mend=mend)
    for layer in _inflated(net):
        layer.clips = (volume.shape[0], volume.shape[2])
    images = rearrange(volume, "b c t h w -> (b t) c h w")
    return (images[:, None] if takes == "clips" else images, *args[1:]), named


def _unfold(net: nn.Module, args: tuple[Any, ...], answer: Any) -> Any:
    """After it, even if it failed: images become moments again."""
    clips = _inflated(net)[0].clips
    for layer in _inflated(net):
        layer.clips = None

    def moments(x: Tensor) -> Tensor:
        if x.ndim == 0 or len(x) != clips[0] * clips[1]:
            came = f"the network answers {tuple(x.shape)} to {clips[0] * clips[1]} images"
            raise ShapeError(came, wanted="one answer to each image", mend="a net2d that keeps the batch axis first")
        return rearrange(x, "(b t) c h w -> b c t h w" if x.ndim == 4 else "(b t) ... -> b t ...", b=clips[0])

    return tree_map_only(Tensor, moments, answer)


def _inflated(net: nn.Module) -> list[InflatedConv3d]:
    return [layer for layer in net.modules() if isinstance(layer, InflatedConv3d)]


def _extent(conv: nn.Conv2d, k_t: int, pointwise: int) -> int:
    return k_t if max(conv.kernel_size) > 1 else pointwise


def _typed_for_clips(net: nn.Module) -> bool:
    """Whether the first argument of its forward is annotated `b t c h w`, as in this course."""
    arguments = inspect.signature(net.forward).parameters.values()
    return any("b t c h w" in str(argument.annotation) for argument in [*arguments][:1])


def _expect(**given: Any) -> None:
    """Refuse what is no extent, mode, padding or kind of input."""
    known = {"mode": ("mean", "centre"), "padding": ("zeros", "replicate"), "takes": ("images", "clips", None)}
    for name, value in given.items():
        if name in known and value not in known[name]:
            raise ShapeError(f"{name} = {value!r}", wanted=" or ".join(map(repr, known[name])))
        if name not in known and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            raise ShapeError(f"{name} = {value!r}", wanted="a whole number of frames, at least 1", mend=f"{name}=3")
