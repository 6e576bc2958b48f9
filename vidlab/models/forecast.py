"""Saying the next frames: what a recurrent network remembers is worth what it can foretell.

A frame that is to be foretold is never an input. `NextFrame` says one frame ahead at every moment, and rolls out by
taking its own word for what it sees; `EncoderForecaster` reads a clip and then speaks without hearing.

What the last layer gives becomes a frame in one of three ways, `output`:

    "residual"   the last frame seen + what is given. The last layer begins at zero, so training starts from "nothing
                 changes", which is hard to beat; it only has to learn what does change. Nothing bounds it to [0, 1].
    "sigmoid"    always within (0, 1): a probability for each pixel, for cross entropy, where frames are black and
                 white (Moving MNIST). Of grey levels it squeezes those near 0 and 1.
    "linear"     what is given; for a squared error when frames are no continuation of each other.
"""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import ShapeError
from .backbone import Normalise, expect_frames
from .conv_recurrent import CELLS, ConvLSTM

OUTPUTS = ("residual", "sigmoid", "linear")
Clip = Float[Tensor, "b t c h w"]
States = list[tuple[Tensor, ...]]  # of each layer: (h, c), or (h,) of a ConvGRU


def next_frame_error(said: Clip, clip: Clip, labels: Tensor | None = None) -> Float[Tensor, ""]:
    """The mean squared error of `NextFrame`'s answer, a loss for `fit`: frame t foretells frame t + 1 of the clip."""
    return (said[:, :-1] - clip[:, 1:]).square().mean()


class Patches(nn.Module):
    """What both forecasters share: frames as maps of p × p patches, c p² channels, and maps as frames again."""

    def __init__(self, patch: int, output: str, features: int, channels: int) -> None:
        super().__init__()
        if output not in OUTPUTS:
            raise ShapeError(f"output={output!r}", wanted=" or ".join(map(repr, OUTPUTS)), mend='output="residual"')
        self.patch, self.output, self.normalise = patch, output, Normalise()
        self.predict = nn.Conv2d(features, channels * patch**2, 1)
        if output == "residual":
            nn.init.zeros_(self.predict.weight)
            nn.init.zeros_(self.predict.bias)

    def cut(self, clip: Clip) -> Float[Tensor, "b t d h2 w2"]:
        """Each patch becomes one place, and its pixels channels, of about zero mean: else training hardly begins."""
        expect_frames(clip)
        h, w = clip.shape[-2:]
        if h % self.patch or w % self.patch:
            wanted, mend = f"sides that are multiples of patch={self.patch}", "patch=1, or a crop"
            raise ShapeError(f"frames of {h} × {w}", wanted=wanted, mend=mend)
        return rearrange(self.normalise(clip), "b t c (h p) (w q) -> b t (c p q) h w", p=self.patch, q=self.patch)

    def say(self, features: Float[Tensor, "b t d h2 w2"], last: Float[Tensor, "b #t c h w"]) -> Clip:
        """Frames from the states that foretell them, and from the last frame seen before each."""
        patches = self.predict(rearrange(features, "b t d h w -> (b t) d h w"))
        p, b = self.patch, len(features)
        said = rearrange(patches, "(b t) (c p q) h w -> b t c (h p) (w q)", b=b, p=p, q=p)
        if self.output == "sigmoid":
            return said.sigmoid()
        return last + said if self.output == "residual" else said


class NextFrame(nn.Module):
    """At every frame t of a clip, from frames 0 … t, what frame t + 1 will be; and further by its own word.

    cell: "lstm" or "gru". hidden: one width for each layer. patch: p × p pixels are one place of the maps.
    memory: False forgets after each frame and knows the last one only: what memory is worth. It has as many weights,
    but those that look at the state see zeros.

    Raises:
        ShapeError: no such cell or output; in use, no batch of float clips, or frames that patches do not divide.
    """

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden: int | tuple[int, ...] = 32,
        kernel: int = 5,
        patch: int = 2,
        channels: int = 3,
        output: str = "residual",
        memory: bool = True,
    ) -> None:
        super().__init__()
        if cell not in CELLS:
            raise ShapeError(f"cell={cell!r}", wanted='"lstm" or "gru"', mend='cell="lstm"')
        self.memory = memory
        self.over_time = CELLS[cell](channels * patch**2, hidden, kernel=kernel)
        self.frames = Patches(patch, output, self.over_time.layers[-1].hidden, channels)

    def forward(self, clip: Clip) -> Clip:
        """Frame t of the answer foretells frame t + 1 of the clip: compare `answer[:, :-1]` with `clip[:, 1:]`."""
        return self.listen(clip)[0]

    def listen(self, clip: Clip, states: States | None = None) -> tuple[Clip, States]:
        """The answer of `forward`, and the states with which to go on where this clip ends."""
        maps = self.frames.cut(clip)
        if not self.memory:
            maps, states = rearrange(maps, "b t c h w -> (b t) 1 c h w"), None
        features, states = self.over_time(maps, states)
        features = rearrange(features, "(b u) t d h w -> b (u t) d h w", b=len(clip))
        return self.frames.say(features, clip), states

    def rollout(self, clip: Clip, frames: int) -> Float[Tensor, "b n c h w"]:
        """The `frames` after the clip. What it says is what it sees next: errors add up, for nobody corrects them."""
        expect_some(frames)
        answer, states = self.listen(clip)
        said = [answer[:, -1:]]
        while len(said) < frames:
            answer, states = self.listen(said[-1], states)
            said.append(answer)
        return torch.cat(said, dim=1)


class EncoderForecaster(nn.Module):
    """Shi et al. 2015, section 3.3: one ConvLSTM reads; another takes over its states and says n frames, unheard.

    The forecaster has no input at all: its first layer begins with the state of the encoder's last one and lives on
    alone, each next layer (the encoder's widths, backwards) sees the one before. A 1 × 1 convolution makes the patches
    of a frame from the states of all its layers, side by side (`readout="all"`), or of the last (`readout="last"`).

    The published counts of table 1 follow, on frames of 64 × 64 with one channel and patch=4 (16 × 16 maps of 16
    channels), with peepholes of one number a channel in every layer, one bias a gate and channel, and a bias in the
    1 × 1 convolution: 7,585,296 for hidden=(128, 64, 64) and kernel=5. FC-LSTM-2048-2048 is the case of one patch,
    patch=64 and kernel=1, read out from its last layer: 142,667,776.

    Raises:
        ShapeError: no such output or readout; in use, no batch of float clips, or frames that patches do not divide.
    """

    def __init__(
        self,
        *,
        hidden: tuple[int, ...] = (128, 64, 64),
        kernel: int = 5,
        state_kernel: int | None = None,
        peepholes: bool = True,
        patch: int = 4,
        channels: int = 1,
        output: str = "sigmoid",
        readout: str = "all",
    ) -> None:
        super().__init__()
        if readout not in ("all", "last"):
            raise ShapeError(f"readout={readout!r}", wanted='"all" or "last"', mend='readout="all"')
        how = {"kernel": kernel, "state_kernel": state_kernel, "peepholes": peepholes}
        self.readout = readout
        self.encoder = ConvLSTM(channels * patch**2, hidden, **how)
        self.forecaster = ConvLSTM(0, hidden[::-1], **how)
        self.frames = Patches(patch, output, sum(hidden) if readout == "all" else hidden[0], channels)

    def forward(self, clip: Clip, frames: int) -> Float[Tensor, "b n c h w"]:
        """The `frames` after the clip."""
        expect_some(frames)
        maps = self.frames.cut(clip)
        _, states = self.encoder(maps)
        maps, features = maps[:, :1, :0].expand(-1, frames, -1, -1, -1), []  # no channels: nothing to hear
        for layer, state in zip(self.forecaster.layers, reversed(states), strict=True):
            maps, _, _ = layer(maps, state)
            features.append(maps)
        return self.frames.say(torch.cat(features, dim=2) if self.readout == "all" else maps, clip[:, -1:])


def expect_some(frames: int) -> None:
    if frames < 1:
        raise ShapeError(f"frames={frames}", wanted="how many frames to foretell, at least 1", mend="frames=1")
