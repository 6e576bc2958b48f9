"""Fusion over time: what two streams say at several moments, brought together.

C. Feichtenhofer, A. Pinz, A. Zisserman, *Convolutional two-stream network fusion for video action recognition* (CVPR
2016), section 3.3. At each of several moments both streams give a map; fused, they are `b d k h w`.

    2d      each moment is pooled over space and answers alone; the answers are averaged
    3d      pooled over space and time at once: the strongest response of all moments
    conv3d  a 3×3×3 convolution fuses, over the streams and over neighbouring moments; then pooled like that
"""

from __future__ import annotations

from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from ..errors import ShapeError
from .backbone import WIDTHS, log_mean
from .fusion import by_name
from .two_stream import Film, Logits, expect_film, flow_stack, mix, picture, tower, vector

POOLS = ("2d", "3d", "conv3d")


class TwoStreamOverTime(nn.Module):
    """Two streams at moments that are `stride` apart, each with a picture and the flow of `span` fields around it.

    pool: "2d", "3d" or "conv3d", as above. The fusion is a convolution after the third block, which begins as the sum.

    Raises:
        ShapeError: no such pool, or a span or stride below 1; in `forward`, no film with flow, one shorter than
            `span`, or one of 8 pixels or fewer.
    """

    def __init__(self, classes: int, *, span: int = 3, stride: int = 2, pool: str = "conv3d", hidden: int = 64) -> None:
        super().__init__()
        if pool not in POOLS:
            raise ShapeError(f"pool={pool!r}", wanted=", ".join(map(repr, POOLS)), mend='pool="3d"')
        if span < 1 or stride < 1:
            raise ShapeError(f"span={span}, stride={stride}", wanted="moments, at least 1", mend="span=3, stride=2")
        self.span, self.stride, self.pool = span, stride, pool
        self.spatial, self.temporal = tower(3)[:3], tower(2 * span)[:3]
        width = WIDTHS[-1]
        self.fuse = by_name("conv3" if pool == "conv3d" else "conv", width, dims=3, border="circular")
        self.after = nn.Sequential(nn.BatchNorm3d(width), nn.ReLU())
        self.mix = mix(width, hidden)
        self.classify = nn.Linear(hidden, classes)

    def forward(self, film: Film) -> Logits:
        expect_film(film)
        if min(film.shape[-2:]) <= 8:
            raise ShapeError(
                f"a film of {film.shape[-2]} × {film.shape[-1]} pixels",
                wanted="more than 8 each way: a map of 2 × 2 places is pooled",
                mend="larger frames, for instance 32 × 32",
            )
        return self.pooled(self.fuse(*self.streams(film)))

    def pooled(self, fused: Float[Tensor, "b d k h w"]) -> Logits:
        """From fused maps of k moments to one answer."""
        maps = self.after(fused)
        if self.pool == "2d":
            each = max_pool2d(rearrange(maps, "b d k h w -> (b k) d h w"), 2)
            return log_mean(rearrange(self.answer(each), "(b k) classes -> b k classes", b=len(maps)))
        return self.answer(max_pool2d(reduce(maps, "b d k h w -> b d h w", "max"), 2))

    def answer(self, maps: Float[Tensor, "n d h w"]) -> Float[Tensor, "n classes"]:
        return self.classify(vector(self.mix(maps)))

    def streams(self, film: Film) -> tuple[Float[Tensor, "b d k h2 w2"], Float[Tensor, "b d k h2 w2"]]:
        """x_s and x_t at each moment."""
        if film.shape[1] < self.span:
            raise ShapeError(f"a film of {film.shape[1]} moments", wanted=f"at least {self.span}")
        parts = rearrange(film.unfold(1, self.span, self.stride), "b k c h w t -> (b k) t c h w")
        maps = self.spatial(picture(parts)), self.temporal(flow_stack(parts))
        return tuple(rearrange(x, "(b k) d h w -> b d k h w", b=len(film)) for x in maps)
