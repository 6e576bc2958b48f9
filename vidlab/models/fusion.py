"""How two streams become one: operators on two maps that agree place by place.

At a place, F_s says *what* is there and F_t *how it moves*, each with d numbers.

    sum          F_s + F_t                       product     F_s ⊙ F_t
    max          max(F_s, F_t)                   gated       G ⊙ F_s + (1 − G) ⊙ F_t,  G = σ(W ∗ [F_s, F_t] + b)
    concat       [F_s, F_t], 2d channels         bilinear    Σ over places of F_s F_tᵀ, d² numbers and no place
    conv, conv3  W ∗ [F_s, F_t] + b with kernels of 1×1 or 3×3; at first W = [I I], and so it is the sum

C. Feichtenhofer, A. Pinz, A. Zisserman, *Convolutional two-stream network fusion for video action recognition* (CVPR
2016), section 3.1: sum, max, concatenation, convolution, bilinear. Product and gates came from elsewhere.
"""

from __future__ import annotations

import torch
from einops import einsum, rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pad

from ..errors import ShapeError

Maps = Float[Tensor, "b d *places"]


class Fusion(nn.Module):
    """Two maps of equal shape to one. dim: its channels.

    dims: how many axes places have, 2, or 3 with time. border: what stands around the maps, "zeros" or "circular"; it
    matters to kernels of more than one place.
    """

    def __init__(self, channels: int, dims: int = 2, border: str = "zeros") -> None:
        super().__init__()
        self.dim = channels

    def forward(self, spatial: Maps, temporal: Maps) -> Tensor:
        if spatial.shape != temporal.shape:
            raise ShapeError(
                f"maps of {tuple(spatial.shape)} and {tuple(temporal.shape)}",
                wanted="one shape: fusion brings together what lies at the same place",
                mend="the same layer of both streams",
            )
        return self.fuse(spatial, temporal)

    def fuse(self, spatial: Maps, temporal: Maps) -> Tensor:
        raise NotImplementedError


class Sum(Fusion):
    def fuse(self, spatial: Maps, temporal: Maps) -> Maps:
        return spatial + temporal


class Max(Fusion):
    def fuse(self, spatial: Maps, temporal: Maps) -> Maps:
        return torch.maximum(spatial, temporal)


class Product(Fusion):
    def fuse(self, spatial: Maps, temporal: Maps) -> Maps:
        return spatial * temporal


class Concat(Fusion):
    """Both, one behind the other: what follows may weigh them."""

    def __init__(self, channels: int, dims: int = 2, border: str = "zeros") -> None:
        super().__init__(channels, dims)
        self.dim = 2 * channels

    def fuse(self, spatial: Maps, temporal: Maps) -> Float[Tensor, "b d2 *places"]:
        return torch.cat([spatial, temporal], dim=1)


class Conv(Fusion):
    """A convolution over the concatenation, which begins as the sum: in the middle of its kernels is [I I]."""

    kernel = 1

    def __init__(self, channels: int, dims: int = 2, border: str = "zeros") -> None:
        super().__init__(channels, dims)
        self.border = {"zeros": "constant", "circular": "circular"}[border]
        make = {2: nn.Conv2d, 3: nn.Conv3d}[dims]
        in_time = (self.kernel // 2, 0, 0)  # zero moments stand before the first and after the last
        self.weigh = make(2 * channels, channels, self.kernel, padding=in_time[3 - dims :])
        with torch.no_grad():
            self.weigh.weight.zero_()
            middle = (slice(None), slice(None), *[self.kernel // 2] * dims)
            self.weigh.weight[middle] = torch.cat([torch.eye(channels)] * 2, dim=1)
            self.weigh.bias.zero_()

    def fuse(self, spatial: Maps, temporal: Maps) -> Maps:
        both, edge = torch.cat([spatial, temporal], dim=1), self.kernel // 2
        around = (edge,) * 4 + (0, 0) * (both.ndim - 4)  # left, right, above, below
        return self.weigh(pad(both, around, self.border))


class Conv3(Conv):
    """The same with kernels of 3×3: what and where may be a place apart."""

    kernel = 3


class Gated(Fusion):
    """At each place, and for each feature, a gate decides whom to believe. It begins half open."""

    def __init__(self, channels: int, dims: int = 2, border: str = "zeros") -> None:
        super().__init__(channels, dims)
        make = {2: nn.Conv2d, 3: nn.Conv3d}[dims]
        self.weigh = make(2 * channels, channels, 1)
        nn.init.zeros_(self.weigh.bias)

    def gate(self, spatial: Maps, temporal: Maps) -> Maps:
        """G, between 0 (believe the motion) and 1 (believe the picture)."""
        return self.weigh(torch.cat([spatial, temporal], dim=1)).sigmoid()

    def fuse(self, spatial: Maps, temporal: Maps) -> Maps:
        gate = self.gate(spatial, temporal)
        return gate * spatial + (1 - gate) * temporal


class Bilinear(Fusion):
    """Which feature of the one meets which of the other, summed over all places: X_s X_tᵀ. No place is left.

    T.-Y. Lin, A. RoyChowdhury, S. Maji, *Bilinear CNN models for fine-grained visual recognition* (ICCV 2015).
    """

    def __init__(self, channels: int, dims: int = 2, border: str = "zeros") -> None:
        super().__init__(channels, dims)
        self.dim = channels**2

    def fuse(self, spatial: Maps, temporal: Maps) -> Float[Tensor, "b d2 1 1"]:
        pairs = einsum(spatial.flatten(2), temporal.flatten(2), "b d p, b e p -> b d e")
        return rearrange(pairs, "b d e -> b (d e) 1 1")


OPERATORS = {
    "sum": Sum,
    "max": Max,
    "product": Product,
    "concat": Concat,
    "conv": Conv,
    "conv3": Conv3,
    "gated": Gated,
    "bilinear": Bilinear,
}


def by_name(how: str, channels: int, dims: int = 2, border: str = "zeros") -> Fusion:
    """An operator by its name.

    Raises:
        ShapeError: no such operator, or no such border.

    >>> by_name("conv", channels=4)(torch.ones(1, 4, 2, 2), torch.ones(1, 4, 2, 2))[0, 0]
    tensor([[2., 2.],
            [2., 2.]], grad_fn=<SelectBackward0>)
    """
    if how not in OPERATORS:
        raise ShapeError(f"fuse={how!r}", wanted=", ".join(map(repr, OPERATORS)), mend='fuse="conv"')
    if border not in ("zeros", "circular"):
        raise ShapeError(f"border={border!r}", wanted='"zeros" or "circular"', mend='border="circular"')
    return OPERATORS[how](channels, dims, border)
