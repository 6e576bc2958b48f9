"""Late fusion: a 2D CNN makes a vector of each frame, and only the vectors are brought together.

Concatenated and fully connected, it knows which frame came first; pooled, it is blind to order.
"""

import torch
from einops import einsum, rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import ShapeError
from .backbone import WIDTHS, Backbone, expect_frames


class LateFusion(nn.Module):
    """The feature vectors of all frames side by side, then a fully connected layer: T · D · hidden weights.

    frames: T, fixed, as each frame has its own weights. hidden: width of the layer.
    maps: concatenate whole feature maps instead of their averages over space (`size` is the frames' height = width),
    so that the layer can compare *where* things are in two frames.

    Raises:
        ShapeError: in `forward`, another number of frames, no batch of float clips, or maps of frames of another size.
    """

    def __init__(
        self,
        classes: int,
        *,
        frames: int,
        hidden: int = 64,
        maps: bool = False,
        size: int = 32,
        channels: int = 3,
        widths: tuple[int, ...] = WIDTHS,
    ) -> None:
        super().__init__()
        self.frames, self.maps, self.size = frames, maps, size
        self.backbone = Backbone(channels, widths)
        side = -(-size // 2 ** len(widths))  # of the maps, rounded up
        places = side**2 if maps else 1
        self.connect = nn.Linear(frames * self.backbone.dim * places, hidden)
        self.classify = nn.Linear(hidden, classes)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        expect_frames(clip, self.frames)
        maps = self.backbone(rearrange(clip, "b t c h w -> (b t) c h w"))
        if not self.maps:
            maps = reduce(maps, "bt d h w -> bt d 1 1", "mean")
        vectors = rearrange(maps, "(b t) d h w -> b (t d h w)", t=self.frames)
        if vectors.shape[1] != self.connect.in_features:
            h, w = clip.shape[-2:]
            wanted = f"{self.size} × {self.size}, for which this model was built"
            raise ShapeError(f"frames of {h} × {w}", wanted=wanted, mend=f"size={h} when it is built, of square frames")
        return self.classify(self.connect(vectors).relu())


class PooledFusion(nn.Module):
    """The feature vectors of all frames pooled to one, x = Σ_t α_t x_t or their maximum, then a linear layer.

    pool: "average" (α_t = 1/T), "max" (of each feature), or "attention" (α = softmax over t of s_t = wᵀ x_t). No pool
    knows the order of the frames; attention knows which ones count.

    Raises:
        ShapeError: no such pool; in `forward`, no batch of float clips.
    """

    def __init__(
        self, classes: int, *, pool: str = "average", channels: int = 3, widths: tuple[int, ...] = WIDTHS
    ) -> None:
        super().__init__()
        if pool not in ("average", "max", "attention"):
            raise ShapeError(f"pool={pool!r}", wanted='"average", "max" or "attention"', mend='pool="average"')
        self.pool = pool
        self.backbone = Backbone(channels, widths)
        self.score = nn.Linear(self.backbone.dim, 1, bias=False) if pool == "attention" else None
        self.classify = nn.Linear(self.backbone.dim, classes)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        vectors = self.vectors(clip)
        if self.pool == "max":
            return self.classify(reduce(vectors, "b t d -> b d", "max"))
        return self.classify(einsum(self.weights(vectors), vectors, "b t, b t d -> b d"))

    def vectors(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b t d"]:
        """x_t, the feature vector of each frame."""
        expect_frames(clip)
        vectors = self.backbone.vector(rearrange(clip, "b t c h w -> (b t) c h w"))
        return rearrange(vectors, "(b t) d -> b t d", b=len(clip))

    def scores(self, vectors: Float[Tensor, "b t d"]) -> Float[Tensor, "b t"]:
        """s_t = wᵀ x_t; zeros where the pool is an average."""
        return torch.zeros_like(vectors[..., 0]) if self.score is None else self.score(vectors)[..., 0]

    def weights(self, vectors: Float[Tensor, "b t d"]) -> Float[Tensor, "b t"]:
        """α_t, how much each frame counts; they sum to 1.

        Raises:
            ShapeError: the pool is a maximum, which takes each feature from a frame of its own.
        """
        if self.pool == "max":
            raise ShapeError('weights of pool="max"', wanted='pool="attention" or "average"', mend="x.argmax(dim=1)")
        return self.scores(vectors).softmax(dim=1)
