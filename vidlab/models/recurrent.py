"""Recurrence: a state is carried from frame to frame, h_t = g(x_t, h_{t-1}), by the same weights at every moment.

So the last state can depend on every frame before it, however long the clip, and no state on a frame after it. The
price: state t waits for state t-1, and time cannot be worked through in parallel.
"""

from __future__ import annotations

import torch
from einops import einsum, rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import ShapeError
from .backbone import WIDTHS, Backbone, Normalise, block3d, expect_frames
from .conv_recurrent import CELLS as OF_MAPS
from .conv_recurrent import ConvGRU

OF_VECTORS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class LSTMCell(nn.Module):
    """One step of long short-term memory, as its equations stand: 4h (c + h + 1) parameters for c inputs, h units.

        i  = σ(W_i x_t + U_i h_{t-1} + b_i)       input gate: how much of the new is written
        f  = σ(W_f x_t + U_f h_{t-1} + b_f)       forget gate: how much of the old is kept
        o  = σ(W_o x_t + U_o h_{t-1} + b_o)       output gate: how much of it is shown
        c̃  = tanh(W_c x_t + U_c h_{t-1} + b_c)    candidate
        c_t = f ⊙ c_{t-1} + i ⊙ c̃                 cell: a sum, along which gradients reach far back
        h_t = o ⊙ tanh(c_t)                       state

    Hochreiter and Schmidhuber 1997, *Long short-term memory*; with the forget gate of Gers et al. 2000. `W`, `U` and
    `b` hold the four of each in the order i, f, o, c. torch keeps i, f, c, o, and two biases where their sum counts.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.empty(4, hidden, inputs))
        self.U = nn.Parameter(torch.empty(4, hidden, hidden))
        self.b = nn.Parameter(torch.empty(4, hidden))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(hidden**-0.5), hidden**-0.5)  # as torch begins

    def forward(
        self, x: Float[Tensor, "b c"], state: tuple[Float[Tensor, "b d"], Float[Tensor, "b d"]] | None = None
    ) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b d"]]:
        """(h_t, c_t) from x_t and (h_{t-1}, c_{t-1}), which are zeros where none are given."""
        h, c = state or 2 * (x.new_zeros(len(x), self.b.shape[1]),)
        new, old = einsum(self.W, x, "g d c, b c -> g b d"), einsum(self.U, h, "g d e, b e -> g b d")
        a_i, a_f, a_o, a_c = new + old + rearrange(self.b, "g d -> g 1 d")
        i, f, o, candidate = a_i.sigmoid(), a_f.sigmoid(), a_o.sigmoid(), a_c.tanh()
        c = f * c + i * candidate
        return o * c.tanh(), c

    @torch.no_grad()
    def copy(self, cell: nn.LSTMCell) -> LSTMCell:
        """Take over the weights of torch's cell: the same function from now on. Returns itself.

        Raises:
            ShapeError: a cell of another size, or without biases.
        """
        h, c = self.W.shape[1:]
        if (cell.input_size, cell.hidden_size) != (c, h) or not cell.bias:
            came = f"a cell of {cell.input_size} inputs and {cell.hidden_size} units, bias={cell.bias}"
            raise ShapeError(came, wanted=f"{c} inputs, {h} units and biases", mend=f"torch.nn.LSTMCell({c}, {h})")
        order = [0, 1, 3, 2]
        for mine, theirs in (
            (self.W, cell.weight_ih), (self.U, cell.weight_hh), (self.b, cell.bias_ih + cell.bias_hh),
        ):  # fmt: skip
            mine.copy_(theirs.unflatten(0, (4, h))[order])
        return self


class Recurrent(nn.Module):
    """CNN and RNN: a feature vector of each frame, a recurrence over the vectors, logits of the last state.

    As in Donahue et al. 2015, *Long-term recurrent convolutional networks* (LRCN). Space is averaged away before time
    comes in, so it knows in which order things came, but not how one moved. `ConvRecurrent` does.

    cell: "rnn" (h_t = tanh(W x_t + U h_{t-1} + b)), "lstm" or "gru", all by torch. hidden: units of the state.

    Raises:
        ShapeError: no such cell; in `forward`, no batch of float clips.
    """

    def __init__(
        self,
        classes: int,
        *,
        cell: str = "lstm",
        hidden: int = 32,
        layers: int = 1,
        channels: int = 3,
        widths: tuple[int, ...] = WIDTHS,
    ) -> None:
        super().__init__()
        if cell not in OF_VECTORS:
            raise ShapeError(f"cell={cell!r}", wanted='"rnn", "lstm" or "gru"', mend='cell="lstm"')
        self.backbone = Backbone(channels, widths)
        self.over_time = OF_VECTORS[cell](self.backbone.dim, hidden, layers, batch_first=True)
        self.classify = nn.Linear(hidden, classes)

    def forward(
        self, clip: Float[Tensor, "b t c h w"], *, return_states: bool = False
    ) -> Float[Tensor, "b classes"] | tuple[Float[Tensor, "b classes"], Float[Tensor, "b t d"]]:
        """Logits; with return_states also the state h_t at every frame, of the last layer."""
        expect_frames(clip)
        frames = rearrange(clip, "b t c h w -> (b t) c h w")
        vectors = rearrange(self.backbone.vector(frames), "(b t) d -> b t d", b=len(clip))
        states, _ = self.over_time(vectors)
        logits = self.classify(states[:, -1])
        return (logits, states) if return_states else logits


class ConvRecurrent(nn.Module):
    """Recurrence inside the CNN: the backbone's maps of each frame, ConvLSTM or ConvGRU over them, and only then an
    average over space of the last state, and logits. So it can know how something moved.

    cell: "lstm" or "gru". hidden: channels of the state, or one width for each layer.

    Raises:
        ShapeError: no such cell; in `forward`, no batch of float clips.
    """

    def __init__(
        self,
        classes: int,
        *,
        cell: str = "lstm",
        hidden: int | tuple[int, ...] = 32,
        kernel: int = 3,
        channels: int = 3,
        widths: tuple[int, ...] = WIDTHS,
    ) -> None:
        super().__init__()
        if cell not in OF_MAPS:
            raise ShapeError(f"cell={cell!r}", wanted='"lstm" or "gru"', mend='cell="lstm"')
        self.backbone = Backbone(channels, widths)
        self.over_time = OF_MAPS[cell](self.backbone.dim, hidden, kernel=kernel)
        self.classify = nn.Linear(self.over_time.layers[-1].hidden, classes)

    def forward(
        self, clip: Float[Tensor, "b t c h w"], *, return_states: bool = False
    ) -> Float[Tensor, "b classes"] | tuple[Float[Tensor, "b classes"], Float[Tensor, "b t d h2 w2"]]:
        """Logits; with return_states also the state h_t at every frame, of the last layer."""
        expect_frames(clip)
        maps = self.backbone(rearrange(clip, "b t c h w -> (b t) c h w"))
        states, _ = self.over_time(rearrange(maps, "(b t) d h w -> b t d h w", b=len(clip)))
        logits = self.classify(reduce(states[:, -1], "b d h w -> b d", "mean"))
        return (logits, states) if return_states else logits


class LocalThenRecurrent(nn.Module):
    """Convolution over time and recurrence merged: 3D convolutions see how things move, a ConvGRU over their maps
    remembers.

    Two stages of 3D convolutions, padded in time, see 5 frames; so a state knows of two frames after its own, and maps
    of a quarter of height and width stay (the others' stay at an eighth). hidden: channels of the state.

    Raises:
        ShapeError: in `forward`, no batch of float clips.
    """

    def __init__(
        self, classes: int, *, hidden: int = 32, channels: int = 3, widths: tuple[int, ...] = WIDTHS[1:]
    ) -> None:
        super().__init__()
        pairs = zip((channels, *widths), widths)  # noqa: B905
        self.local = nn.Sequential(Normalise(), *(block3d(*pair) for pair in pairs))
        self.over_time = ConvGRU(widths[-1], hidden, kernel=3)
        self.classify = nn.Linear(hidden, classes)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        expect_frames(clip)
        volume = self.local(rearrange(clip, "b t c h w -> b c t h w"))
        states, _ = self.over_time(rearrange(volume, "b d t h w -> b t d h w"))
        return self.classify(reduce(states[:, -1], "b d h w -> b d", "mean"))
