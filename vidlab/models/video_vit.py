"""A transformer for video: the clip is cut into small boxes, each becomes a token, and tokens ask each other.

Who may ask whom is one rearrangement. Arnab et al. 2021, *ViViT: a video vision transformer*; Bertasius et al. 2021,
*Is space-time attention all you need for video understanding?* (TimeSformer). With T moments of N places:

    joint        b t n d -> b (t n) d                    every tubelet asks all others (ViViT's model 1)
    factorised   b t n d -> (b t) n d, then b t d        each moment by itself; then the moments' vectors (model 2)
    divided      b (t n) d -> (b n) t d, then (b t) n d  in every layer: the same place, then the same moment
"""

import math

import torch
from einops import rearrange, reduce, repeat
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import ShapeError
from .attention import Layer, SelfAttention, mlp, position_rows, recorded
from .attention_rollout import among_all, rollout
from .backbone import Normalise, expect_frames

MAPS = {  # of the recorded weights of all layers, by the name that stands in the modules' names
    "joint": {"joint": "layer b head q k -> b layer head q k"},
    "factorised": {
        "space": "layer (b t) head q k -> b layer t head q k",
        "time": "layer b head q k -> b layer head q k",
    },
    "divided": {
        "time": "layer (b n) head q k -> b layer n head q k",
        "space": "layer (b t) head q k -> b layer t head q k",
    },
}


class Tubelets(nn.Module):
    """Cut a clip into boxes of t × h × w pixels, and make a token of each: a Conv3d whose stride is its kernel."""

    def __init__(self, dim: int, tubelet: tuple[int, int, int] = (2, 8, 8), channels: int = 3) -> None:
        super().__init__()
        self.tubelet = tubelet
        self.project = nn.Linear(channels * math.prod(tubelet), dim)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b t2 n d"]:
        box = dict(zip(("dt", "dh", "dw"), self.tubelet, strict=True))
        return self.project(rearrange(clip, "b (t dt) c (h dh) (w dw) -> b t (h w) (c dt dh dw)", **box))

    def filters(self) -> Float[Tensor, "d t c h w"]:
        """What each dimension of a token looks for: a small film. With c before t they are the Conv3d's kernels."""
        t, h, w = self.tubelet
        return rearrange(self.project.weight, "d (c t h w) -> d t c h w", t=t, h=h, w=w)


class Encoder(nn.Module):
    """Layers over tokens and one more, the class token, which stands first and gathers the answer."""

    def __init__(self, dim: int, *layers: nn.Module) -> None:
        super().__init__()
        self.token = nn.Parameter(0.02 * torch.randn(dim))
        self.layers = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(dim, eps=1e-6)

    def forward(self, tokens: Float[Tensor, "b n d"]) -> Float[Tensor, "b d"]:
        tokens = torch.cat([repeat(self.token, "d -> b 1 d", b=len(tokens)), tokens], dim=1)
        return self.norm(self.layers(tokens)[:, 0])


class DividedLayer(nn.Module):
    """Attention over time, then over space, then the MLP (Bertasius et al. 2021, section 3.1, with the class token in
    both): N + T + 2 comparisons for each tubelet, where joint attention has N T + 1."""

    def __init__(self, dim: int, heads: int, moments: int) -> None:
        super().__init__()
        self.moments = moments
        self.norms = nn.ModuleList(nn.LayerNorm(dim, eps=1e-6) for _ in range(3))
        self.time, self.space = SelfAttention(dim, heads), SelfAttention(dim, heads)
        self.mlp = mlp(dim)

    def forward(self, tokens: Float[Tensor, "b m d"]) -> Float[Tensor, "b m d"]:
        tokens = tokens + self.within("b (t n) d -> (b n) t d", self.time, self.norms[0](tokens))
        tokens = tokens + self.within("b (t n) d -> (b t) n d", self.space, self.norms[1](tokens))
        return tokens + self.mlp(self.norms[2](tokens))

    def within(self, groups: str, attention: SelfAttention, tokens: Float[Tensor, "b m d"]) -> Float[Tensor, "b m d"]:
        """Attention inside each group. The class token visits every group, and its answers are averaged."""
        b, (together, apart) = len(tokens), groups.split(" -> ")
        boxes = rearrange(tokens[:, 1:], groups, t=self.moments)
        first = repeat(tokens[:, 0], "b d -> (b group) 1 d", group=len(boxes) // b)
        answers = attention(torch.cat([first, boxes], dim=1))
        mean = reduce(answers[:, 0], "(b group) d -> b 1 d", "mean", b=b)
        return torch.cat([mean, rearrange(answers[:, 1:], f"{apart} -> {together}", b=b, t=self.moments)], dim=1)


class VideoViT(nn.Module):
    """A small video transformer.

    kind: "joint", "factorised" or "divided". frames, size: length, and height = width, of the clips it will see.
    tubelet: frames, height and width of the boxes. depth: layers; a factorised encoder has `later` more over time.
    positions: add to each token a learned row of its place and one of its moment; without, it knows neither.

    Raises:
        ShapeError: no such kind, frames or size that the tubelet does not divide, heads that do not divide dim, or no
            layers; in `forward`, clips of other frames or another size.

    >>> VideoViT(4, kind="joint")(torch.rand(2, 8, 3, 32, 32)).shape
    torch.Size([2, 4])
    """

    def __init__(
        self,
        classes: int,
        *,
        kind: str = "factorised",
        frames: int = 8,
        size: int = 32,
        tubelet: tuple[int, int, int] = (2, 8, 8),
        dim: int = 64,
        depth: int = 2,
        later: int = 1,
        heads: int = 4,
        positions: bool = True,
        channels: int = 3,
    ) -> None:
        super().__init__()
        if kind not in MAPS:
            raise ShapeError(f"kind={kind!r}", wanted='"joint", "factorised" or "divided"', mend='kind="joint"')
        if depth < 1 or later < 1:
            raise ShapeError(f"depth={depth}, later={later}", wanted="at least one layer each")
        self.kind, self.frames, self.size = kind, frames, size
        self.grid = tubelets_in(frames, size, tubelet)
        self.normalise, self.tubelets = Normalise(), Tubelets(dim, tubelet, channels)
        self.place = position_rows(self.grid[1] * self.grid[2], dim, positions)
        self.moment = position_rows(self.grid[0], dim, positions)
        if kind == "joint":
            self.joint = Encoder(dim, *(Layer(dim, heads) for _ in range(depth)))
        elif kind == "divided":
            self.divided = Encoder(dim, *(DividedLayer(dim, heads, self.grid[0]) for _ in range(depth)))
        else:
            self.space = Encoder(dim, *(Layer(dim, heads) for _ in range(depth)))
            self.time = Encoder(dim, *(Layer(dim, heads) for _ in range(later)))
        self.classify = nn.Linear(dim, classes)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        tokens = self.tokens(clip)
        if self.kind == "factorised":
            moments = rearrange(self.space(rearrange(tokens, "b t n d -> (b t) n d")), "(b t) d -> b t d", b=len(clip))
            return self.classify(self.time(moments + self.moment))
        encoder = self.joint if self.kind == "joint" else self.divided
        tokens = tokens + rearrange(self.moment, "t d -> t 1 d")
        return self.classify(encoder(rearrange(tokens, "b t n d -> b (t n) d")))

    def tokens(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b moments n d"]:
        """The tubelets' tokens, each with the row of its place."""
        expect_frames(clip, self.frames)
        h, w = clip.shape[-2:]
        if (h, w) != (self.size, self.size):
            wanted = f"{self.size} × {self.size}, for which this model was built"
            raise ShapeError(f"frames of {h} × {w}", wanted=wanted, mend=f"size={h} when it is built, of square frames")
        return self.tubelets(self.normalise(clip)) + self.place

    def attention(self, clip: Float[Tensor, "b t c h w"]) -> dict[str, Float[Tensor, "b layer *group head q k"]]:
        """What every layer and head looked at: softmax weights, whose rows (of one query) sum to 1.

        The class token is query and key 0; then come the tubelets, moment by moment. "joint": b layer head q k.
        Factorised: "space" b layer t head q k, inside each moment, and "time" b layer head q k, between the moments.
        Divided: "space" likewise, and "time" b layer n head q k, at each place.
        """
        with torch.no_grad(), recorded(self) as weights:
            self(clip)
        maps = {}
        for name, pattern in MAPS[self.kind].items():
            layers = torch.stack([each for module, each in weights.items() if name in module.split(".")])
            maps[name] = rearrange(layers, pattern, b=len(clip))
        return maps

    def look(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b moments i j"]:
        """The share of each tubelet in what reaches the class token, by attention rollout; they sum to 1.

        It tells where information may have come from, not why the answer is what it is.
        """
        maps = self.attention(clip)
        if self.kind == "factorised":
            inside = rollout(rearrange(maps["space"], "b layer t head q k -> (b t) layer head q k"))[:, 0, 1:]
            shares = rearrange(inside, "(b t) n -> b t n", b=len(clip)) * rollout(maps["time"])[:, 0, 1:, None]
        elif self.kind == "joint":
            shares = rollout(maps["joint"])[:, 0, 1:]
        else:
            steps = [among_all(maps["time"], "time"), among_all(maps["space"], "space")]
            shares = rollout(rearrange(steps, "step b layer q k -> b (layer step) 1 q k"))[:, 0, 1:]
        shares = shares.reshape(len(clip), *self.grid)
        return shares / reduce(shares, "b t h w -> b 1 1 1", "sum")


def comparisons(kind: str, *, moments: int, places: int) -> int:
    """With how many tokens each tubelet is compared in a layer, itself and class tokens included (of a factorised
    encoder: in a layer over space).

    >>> comparisons("joint", moments=8, places=196), comparisons("divided", moments=8, places=196)
    (1569, 206)
    """
    counts = {"joint": places * moments + 1, "factorised": places + 1, "divided": (moments + 1) + (places + 1)}
    if kind not in counts:
        raise ShapeError(f"kind={kind!r}", wanted='"joint", "factorised" or "divided"', mend='kind="joint"')
    return counts[kind]


def tubelets_in(frames: int, size: int, tubelet: tuple[int, int, int]) -> tuple[int, int, int]:
    """How many tubelets a clip has in time, height and width.

    Raises:
        ShapeError: it is no whole number of them.
    """
    if len(tubelet) != 3 or min(*tubelet, frames, size) < 1:
        raise ShapeError(f"tubelet={tubelet}, frames={frames}, size={size}", wanted="frames, height and width, above 0")
    if frames % tubelet[0] or size % tubelet[1] or size % tubelet[2]:
        came = f"{frames} frames of {size} × {size} cut into tubelets of {' × '.join(map(str, tubelet))}"
        raise ShapeError(came, wanted="nothing left over", mend="frames and a size that the tubelet divides")
    return frames // tubelet[0], size // tubelet[1], size // tubelet[2]
