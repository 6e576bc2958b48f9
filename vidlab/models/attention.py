"""Attention: every token asks all others, be they the frames of a clip or all places of its feature maps.

A query is compared with every key, and what comes back is the mean of the values, weighted by a softmax of the
products: Vaswani et al. 2017, *Attention is all you need*, equation 1. Permute the tokens, and the answers are permuted
alike: attention knows no order but what is written into the tokens.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from einops import einsum, rearrange, reduce
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from ..errors import ShapeError
from .backbone import WIDTHS, Backbone, expect_frames
from .slow_fusion import Conv3DNet


def attend(
    query: Float[Tensor, "*b q d"],
    key: Float[Tensor, "*b k d"],
    value: Float[Tensor, "*b k e"],
    mask: Bool[Tensor, "*m q k"] | None = None,
    *,
    scale: float | None = None,
) -> Float[Tensor, "*b q e"]:
    """softmax(Q Kᵀ / √d) V, by the fused kernel, which never writes the weights down.

    mask: true where a query may see a key. scale: instead of 1/√d.

    Raises:
        ShapeError: queries, keys, values and mask that do not fit, or a query that may see no key.
    """
    _expect_fit(query, key, value, mask)
    return scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scale)


def attention_weights(
    query: Float[Tensor, "*b q d"],
    key: Float[Tensor, "*b k d"],
    mask: Bool[Tensor, "*m q k"] | None = None,
    *,
    scale: float | None = None,
) -> Float[Tensor, "*b q k"]:
    """The weights themselves, softmax over the keys of Q Kᵀ / √d: `attend` is their product with the values.

    Raises:
        ShapeError: as `attend`.
    """
    _expect_fit(query, key, key, mask)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = scale * einsum(query, key, "... q d, ... k d -> ... q k")
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(dim=-1)


class SelfAttention(nn.Module):
    """Queries, keys and values of the same tokens, in several heads: each has dim / heads of the dimensions.

    Raises:
        ShapeError: dim / heads is no whole number.
    """

    def __init__(self, dim: int, heads: int = 4) -> None:
        super().__init__()
        if heads < 1 or dim % heads:
            fits = max(n for n in range(1, max(heads, 1) + 1) if dim % n == 0)
            raise ShapeError(f"{heads} heads for {dim} dimensions", wanted="heads of equal size", mend=f"heads={fits}")
        self.heads = heads
        self.project = nn.Linear(dim, 3 * dim)
        self.merge = nn.Linear(dim, dim)

    def forward(self, tokens: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        return self.merge(rearrange(attend(*self.split(tokens)), "b head n d -> b n (head d)"))

    def split(self, tokens: Float[Tensor, "b n d"]) -> Float[Tensor, "three b head n dim"]:
        """Query, key and value of every token, head by head."""
        return rearrange(self.project(tokens), "b n (three head d) -> three b head n d", three=3, head=self.heads)

    def weights(self, tokens: Float[Tensor, "b n d"]) -> Float[Tensor, "b head n n"]:
        """How much each token (row) takes from each (column): rows sum to 1."""
        return attention_weights(*self.split(tokens)[:2])


def mlp(dim: int) -> nn.Sequential:
    """What each token does by itself: four times as wide, and back."""
    return nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))


class Layer(nn.Module):
    """Tokens ask each other, then each thinks for itself: x + attention(norm(x)), then x + MLP(norm(x)).

    Norms before, not after (pre-norm; Dosovitskiy et al. 2021, *An image is worth 16×16 words*, equations 2 and 3).
    """

    def __init__(self, dim: int, heads: int = 4) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(dim, eps=1e-6) for _ in range(2))
        self.attention = SelfAttention(dim, heads)
        self.mlp = mlp(dim)

    def forward(self, tokens: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        tokens = tokens + self.attention(self.norms[0](tokens))
        return tokens + self.mlp(self.norms[1](tokens))


def position_rows(n: int, dim: int, learned: bool = True) -> nn.Parameter | nn.Buffer:
    """A vector for each of n positions, to be added to the tokens there; zeros if they are not to be learned."""
    return nn.Parameter(0.02 * torch.randn(n, dim)) if learned else nn.Buffer(torch.zeros(n, dim), persistent=False)


class TemporalAttention(nn.Module):
    """The frames' vectors ask each other, then they are averaged.

    positions: add to each vector the learned row of its moment. Without, it is blind to the order of the frames.
    frames: T, for which there are positions; without positions clips may have any number.

    Raises:
        ShapeError: in `forward`, another number of frames, or no batch of float clips.
    """

    def __init__(
        self,
        classes: int,
        *,
        positions: bool = True,
        frames: int = 8,
        heads: int = 4,
        channels: int = 3,
        widths: tuple[int, ...] = WIDTHS,
    ) -> None:
        super().__init__()
        self.frames = frames if positions else None
        self.backbone = Backbone(channels, widths)
        self.positions = position_rows(frames, self.backbone.dim) if positions else None
        self.layer = Layer(self.backbone.dim, heads)
        self.classify = nn.Linear(self.backbone.dim, classes)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        return self.classify(reduce(self.layer(self.vectors(clip)), "b t d -> b d", "mean"))

    def vectors(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b t d"]:
        """The feature vector of each frame, with its position: what `layer` is given."""
        expect_frames(clip, self.frames)
        vectors = self.backbone.vector(rearrange(clip, "b t c h w -> (b t) c h w"))
        vectors = rearrange(vectors, "(b t) d -> b t d", b=len(clip))
        return vectors if self.positions is None else vectors + self.positions

    def weights(self, vectors: Float[Tensor, "b t d"]) -> Float[Tensor, "b head t t"]:
        """How much each frame (row) takes from each (column): `weights(vectors(clip))`."""
        return self.layer.attention.weights(self.layer.norms[0](vectors))


class NonLocal(nn.Module):
    """z_i = x_i + W y_i with y_i = Σ_j softmax_j(θ(x_i)ᵀ φ(x_j)) g(x_j), over all places and moments i, j.

    The embedded Gaussian of Wang et al. 2018, *Non-local neural networks*, equations 1, 3 and 6, is self-attention with
    one head. θ, φ, g have half the channels; all have biases; after W stands a BatchNorm whose scale starts at zero, so
    that at insertion nothing changes (section 4.1). 2 C² + 9 C / 2 parameters: 526,592 for 512 channels.

    scaled: divide θᵀφ by √(C/2). The paper's equation does not; the authors' code does, by default. A product of C/2
    terms of unit variance has a deviation of √(C/2), and after a softmax of such scores one place has nearly all the
    weight, and no gradient reaches the others.

    Raises:
        ShapeError: an odd number of channels.
    """

    def __init__(self, channels: int, *, scaled: bool = True) -> None:
        super().__init__()
        if channels < 2 or channels % 2:
            raise ShapeError(f"{channels} channels", wanted="an even number: θ, φ and g have half of them")
        self.query, self.key, self.value = (nn.Linear(channels, channels // 2) for _ in range(3))  # θ, φ, g
        self.back = nn.Linear(channels // 2, channels)  # W
        self.norm = nn.BatchNorm3d(channels)
        nn.init.zeros_(self.norm.weight)
        self.scale = None if scaled else 1.0

    def forward(self, volume: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c t h w"]:
        tokens = rearrange(volume, "b c t h w -> b 1 (t h w) c")
        found = attend(self.query(tokens), self.key(tokens), self.value(tokens), scale=self.scale)
        _, _, t, h, w = volume.shape
        return volume + self.norm(rearrange(self.back(found), "b 1 (t h w) c -> b c t h w", t=t, h=h, w=w))

    def weights(self, volume: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b 1 n n"]:
        """How much each of the n = t h w places (row) takes from each (column)."""
        tokens = rearrange(volume, "b c t h w -> b 1 (t h w) c")
        return attention_weights(self.query(tokens), self.key(tokens), scale=self.scale)


class PlaceByPlace(nn.Module):
    """The control of `NonLocal`: nearly as many weights, nobody to ask. Two 1×1×1 convolutions, the same shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alone = nn.Sequential(nn.Conv3d(channels, channels, 1), nn.ReLU(), nn.Conv3d(channels, channels, 1))
        self.norm = nn.BatchNorm3d(channels)
        nn.init.zeros_(self.norm.weight)

    def forward(self, volume: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c t h w"]:
        return volume + self.norm(self.alone(volume))


class NonLocalNet(Conv3DNet):
    """`Conv3DNet` with a non-local block after each of the named stages, 1 to 3; before training, the same function.

    A block compares (t h w)² pairs: after stage 1 sixteen times as many as after stage 2.

    Raises:
        ShapeError: no such stage, or one named twice.
    """

    def __init__(
        self,
        classes: int,
        *,
        stages: tuple[int, ...] = (2,),
        scaled: bool = True,
        extent: int = 3,
        channels: int = 3,
        widths: tuple[int, ...] = WIDTHS,
    ) -> None:
        super().__init__(classes, extent=extent, channels=channels, widths=widths)
        if not set(stages) <= set(range(1, len(widths) + 1)) or len(set(stages)) < len(stages):
            raise ShapeError(f"stages={stages}", wanted=f"some of 1 to {len(widths)}, each once", mend="stages=(2,)")
        for stage in sorted(stages, reverse=True):  # from behind, so that places in front stay
            self.blocks.insert(stage + 1, NonLocal(widths[stage - 1], scaled=scaled))


@contextmanager
def recorded(model: nn.Module) -> Iterator[dict[str, Float[Tensor, "b head q k"]]]:
    """While it lasts, what every attention of a model looked at in its last pass: its weights, by the module's name."""
    kept: dict[str, Tensor] = {}
    modules = [(name, module) for name, module in model.named_modules() if isinstance(module, SelfAttention | NonLocal)]

    def keep(name: str):
        return lambda module, inputs: kept.update({name: module.weights(*inputs)})

    hooks = [module.register_forward_pre_hook(keep(name)) for name, module in modules]
    try:
        yield kept
    finally:
        for hook in hooks:
            hook.remove()


def _expect_fit(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> None:
    same = query.shape[:-2] == key.shape[:-2] == value.shape[:-2]
    if not same or query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        came = f"query {tuple(query.shape)}, key {tuple(key.shape)}, value {tuple(value.shape)}"
        raise ShapeError(came, wanted="… q d, … k d and … k e")
    if mask is None:
        return
    if mask.dtype != torch.bool or mask.shape[-2:] != (query.shape[-2], key.shape[-2]):
        came = f"a mask of {mask.dtype}, {tuple(mask.shape)}"
        raise ShapeError(came, wanted=f"torch.bool, … {query.shape[-2]} {key.shape[-2]}: true where a query may look")
    if not mask.any(dim=-1).all():
        raise ShapeError("a mask that hides all keys from a query", wanted="at least one key for each")
