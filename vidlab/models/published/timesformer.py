"""TimeSformer-B: a picture transformer that sees eight frames, in three ways to compare their patches.

G. Bertasius, H. Wang, L. Torresani, *Is space-time attention all you need for video understanding?* (ICML 2021).
Patches of 16×16 pixels of one frame (not of two, as in ViViT), 12 layers of 12 heads on vectors of 768, 400 classes:

    space     each frame by itself, and the frames' vectors averaged        86,106,256
    joint     every patch with all patches of all frames                    86,112,400    + 8 · 768 moments
    divided   in each layer first the same place, then the same frame      121,566,352    + 12 · 2,954,496

    patches     (16·16·3 + 1) · 768        590,592        class token             768
    places      (196 + 1) · 768            151,296        LayerNorm             1,536
    12 layers   12 · 7,087,872          85,054,464        classifier          307,600    these are "space"

A divided layer has, besides, a LayerNorm (1,536), attention over time (2,362,368), and one more linear layer after it
(590,592), which no equation of the paper has and the released code does. It is that code whose counts these are. There
the class token takes no part in attention over time, so that a patch is compared with 8 + 197 tokens; the paper counts
N + F + 2 = 206. In attention over space the class token is shown to every frame, and its answers are averaged.
"""

from __future__ import annotations

import torch
from einops import rearrange, reduce, repeat
from jaxtyping import Float
from torch import Tensor, nn

from ..attention import Layer, SelfAttention, position_rows
from ..video_vit import Tubelets, tubelets_in
from .parts import one_of, positive, takes

FRAMES = 8
SIZE = 224  # pixels, height and width
PATCH = (1, 16, 16)
DIM, DEPTH, HEADS = 768, 12, 12  # of ViT-B


class DividedLayer(Layer):
    """Time, then space, then the MLP. With the last linear layer over time at zero, a picture transformer's layer."""

    def __init__(self, frames: int) -> None:
        super().__init__(DIM, HEADS)
        self.frames = frames
        self.time_norm, self.time = nn.LayerNorm(DIM, eps=1e-6), SelfAttention(DIM, HEADS)
        self.time_linear = nn.Linear(DIM, DIM)

    def forward(self, tokens: Float[Tensor, "b m d"]) -> Float[Tensor, "b m d"]:
        b, t, first = len(tokens), self.frames, tokens[:, :1]
        patches = rearrange(tokens[:, 1:], "b (t n) d -> (b n) t d", t=t)
        patches = patches + self.time_linear(self.time(self.time_norm(patches)))
        patches = rearrange(patches, "(b n) t d -> (b t) n d", b=b)
        each = torch.cat([repeat(first, "b 1 d -> (b t) 1 d", t=t), patches], dim=1)
        answers = self.attention(self.norms[0](each))
        first = first + reduce(answers[:, :1], "(b t) 1 d -> b 1 d", "mean", b=b)
        patches = rearrange(patches + answers[:, 1:], "(b t) n d -> b (t n) d", b=b)
        tokens = torch.cat([first, patches], dim=1)
        return tokens + self.mlp(self.norms[1](tokens))


class TimeSformer(nn.Module):
    """Use `timesformer`, which also checks the clips."""

    def __init__(self, kind: str, classes: int, frames: int) -> None:
        super().__init__()
        _, h, w = tubelets_in(frames, SIZE, PATCH)
        self.kind = kind
        self.patches = Tubelets(DIM, PATCH)
        self.token = nn.Parameter(torch.zeros(DIM))
        self.places = position_rows(1 + h * w, DIM)
        self.moments = None if kind == "space" else nn.Parameter(torch.zeros(frames, DIM))
        layers = (DividedLayer(frames) if kind == "divided" else Layer(DIM, HEADS) for _ in range(DEPTH))
        self.layers = nn.Sequential(*layers)
        for layer in self.layers[1:] if kind == "divided" else []:  # at first only the first layer looks over time
            nn.init.zeros_(layer.time_linear.weight)
            nn.init.zeros_(layer.time_linear.bias)
        self.norm = nn.LayerNorm(DIM, eps=1e-6)
        self.classify = nn.Linear(DIM, classes)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        tokens = self.patches(clip) + self.places[1:]
        if self.kind == "space":
            tokens = rearrange(tokens, "b t n d -> (b t) n d")
        else:
            tokens = rearrange(tokens + rearrange(self.moments, "t d -> t 1 d"), "b t n d -> b (t n) d")
        first = repeat(self.token + self.places[0], "d -> b 1 d", b=len(tokens))
        vectors = self.layers(torch.cat([first, tokens], dim=1))[:, 0]
        return self.classify(self.norm(reduce(vectors, "(b t) d -> b d", "mean", b=len(clip))))


def timesformer(*, kind: str = "divided", classes: int = 400, frames: int = FRAMES) -> TimeSformer:
    """TimeSformer-B: clips `b 8 3 224 224` to logits `b classes` (400 for Kinetics).

    Args:
        kind: "divided", "joint" or "space".
        classes: logits.
        frames: T, for each of which there is a row of 768; with "space" clips may have any number.

    Raises:
        ValueError: no such kind, or a number below 1.

    >>> with torch.device("meta"):
    ...     timesformer(kind="joint").moments.shape
    torch.Size([8, 768])
    """
    positive(classes=classes, frames=frames)
    one_of(kind, {"divided": 0, "joint": 1, "space": 2})
    return takes(TimeSformer(kind, classes, frames), frames=None if kind == "space" else frames, size=SIZE)
