"""ConvLSTM and ConvGRU: recurrence whose matrix products are convolutions, and whose state is a map, h × w × d.

So each place remembers, and memory can move: by k // 2 pixels a frame, with k × k kernels on the state (in a ConvGRU
by twice that, as r sees the state before U does).

- ConvLSTM: X. Shi, Z. Chen, H. Wang, D.-Y. Yeung, W.-k. Wong, W.-c. Woo, *Convolutional LSTM network: a machine
  learning approach for precipitation nowcasting* (NIPS 2015), equation 3.
- ConvGRU: N. Ballas, L. Yao, C. Pal, A. Courville, *Delving deeper into convolutional networks for learning video
  representations* (ICLR 2016), GRU-RCN, section 3.1.

Both work layer by layer. What a layer's input says to its gates waits for no state, so those convolutions are done for
many frames at once, outside of the loop over time; in the loop is only what needs the state. All gates that see the
same maps are one convolution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import ShapeError

AT_ONCE = 2**22  # numbers that one convolution over many frames makes: more of them are slower, as no cache holds them

Maps = Float[Tensor, "b t c h w"]
State = tuple[Float[Tensor, "b _ h w"], ...]  # of one layer: (h, c) of a ConvLSTM, (h,) of a ConvGRU
Gates = dict[str, Float[Tensor, "b t _ h w"]]


def convolution(channels: int, outputs: int, kernel: int, bias: bool = True) -> nn.Conv2d:
    """k × k, with zeros around the maps, which keep their size."""
    if kernel < 1 or kernel % 2 == 0:
        raise ShapeError(f"a kernel of {kernel} × {kernel}", wanted="an odd size, so that maps keep theirs", mend="3")
    return nn.Conv2d(channels, outputs, kernel, padding=kernel // 2, bias=bias)


class Layer(nn.Module):
    """What the layers of both kinds share: a `step` from frame to frame, which says `names`, h as the last of them.

    carried: how many of them go on to the next step, the last ones.
    """

    names: tuple[str, ...]
    carried: int
    hidden: int
    input: nn.Conv2d | None

    def forward(
        self, maps: Maps, state: State | None = None, *, return_gates: bool = False
    ) -> tuple[Float[Tensor, "b t d h w"], State, Gates]:
        """h at every frame, the state after the last one, and the gates by name (none unless asked for)."""
        state, moments = self.start(maps, state), []
        for x in self.drives(maps):
            seen = self.step(x, *state)
            state = seen[: -self.carried - 1 : -1]  # (h, c) of what ends in c, h
            moments.append(seen if return_gates else seen[-1:])
        films = [torch.stack(film, dim=1) for film in zip(*moments, strict=True)]
        return films[-1], state, dict(zip(self.names, films, strict=True)) if return_gates else {}

    def drives(self, maps: Maps) -> Iterator[Tensor | float]:
        """W ∗ x_t of all gates, frame by frame, computed for many frames at once; 0 where there is no input."""
        if self.input is None:
            yield from [0.0] * maps.shape[1]
            return
        frames = rearrange(maps, "b t c h w -> t b c h w")
        for part in frames.split(max(1, AT_ONCE // (frames[0, :, 0].numel() * self.input.out_channels))):
            gates = self.input(rearrange(part, "t b c h w -> (t b) c h w"))
            yield from rearrange(gates, "(t b) d h w -> t b d h w", b=len(maps))

    def start(self, maps: Maps, state: State | None) -> State:
        """The state given, or zeros.

        Raises:
            ShapeError: maps of other channels, or a state of another shape.
        """
        b, _, c, h, w = maps.shape
        channels = 0 if self.input is None else self.input.in_channels
        if c != channels:
            raise ShapeError(f"maps of {c} channels", wanted=f"{channels}", mend=f"channels={c} when it is built")
        wanted = self.carried * ((b, self.hidden, h, w),)
        if state is None:
            return tuple(maps.new_zeros(shape) for shape in wanted)
        if tuple(tuple(each.shape) for each in state) != wanted:
            came, names = [tuple(each.shape) for each in state], self.names[: -self.carried - 1 : -1]
            raise ShapeError(
                f"a state {came}", wanted=f"{' and '.join(names)} of shape {wanted[0]}", mend="None: zeros"
            )
        return tuple(state)


class LSTMLayer(Layer):
    """Equation 3 of Shi et al., in 4h ((c + h) k² + 1) parameters; ∗ is convolution, V are the peepholes.

        i  = σ(W_i ∗ x_t + U_i ∗ h_{t-1} + V_i ⊙ c_{t-1} + b_i)
        f  = σ(W_f ∗ x_t + U_f ∗ h_{t-1} + V_f ⊙ c_{t-1} + b_f)
        c̃  = tanh(W_c ∗ x_t + U_c ∗ h_{t-1} + b_c)
        c_t = f ⊙ c_{t-1} + i ⊙ c̃
        o  = σ(W_o ∗ x_t + U_o ∗ h_{t-1} + V_o ⊙ c_t + b_o)
        h_t = o ⊙ tanh(c_t)

    Weights stand in the order i, f, o, c̃. Peepholes are one number a channel, 3h in all, as in the published counts.
    """

    names, carried = ("i", "f", "o", "candidate", "c", "h"), 2

    def __init__(
        self, channels: int, hidden: int, kernel: int = 3, state_kernel: int = 3, *, peepholes: bool = False
    ) -> None:
        super().__init__()
        self.hidden = hidden
        self.input = convolution(channels, 4 * hidden, kernel, bias=False) if channels else None
        self.state = convolution(hidden, 4 * hidden, state_kernel)
        self.peepholes = nn.Parameter(torch.zeros(3, hidden, 1, 1)) if peepholes else None

    def step(self, x: Tensor | float, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        gates, candidate = (self.state(h) + x).split([3 * self.hidden, self.hidden], dim=1)
        candidate = candidate.tanh()
        if self.peepholes is None:
            i, f, o = gates.sigmoid().chunk(3, dim=1)
            c = f * c + i * candidate
        else:
            a_i, a_f, a_o = gates.chunk(3, dim=1)
            v_i, v_f, v_o = self.peepholes
            i, f = (a_i + v_i * c).sigmoid(), (a_f + v_f * c).sigmoid()
            c = f * c + i * candidate
            o = (a_o + v_o * c).sigmoid()
        return i, f, o, candidate, c, o * c.tanh()


class GRULayer(Layer):
    """GRU-RCN, Ballas et al., equations 5 to 8: 3h (c + h) k² parameters, and 3h biases, which the paper leaves out.

        z  = σ(W_z ∗ x_t + U_z ∗ h_{t-1})           update gate
        r  = σ(W_r ∗ x_t + U_r ∗ h_{t-1})           reset gate
        h̃  = tanh(W ∗ x_t + U ∗ (r ⊙ h_{t-1}))
        h_t = (1 - z) ⊙ h_{t-1} + z ⊙ h̃

    torch.nn.GRU differs twice: there z keeps the *old* state, and r comes after U: r ⊙ (U h_{t-1} + b).
    """

    names, carried = ("z", "r", "candidate", "h"), 1

    def __init__(
        self, channels: int, hidden: int, kernel: int = 3, state_kernel: int = 3, *, bias: bool = True
    ) -> None:
        super().__init__()
        self.hidden = hidden
        self.input = convolution(channels, 3 * hidden, kernel, bias=False) if channels else None
        self.state = convolution(hidden, 2 * hidden, state_kernel, bias)
        self.reset_state = convolution(hidden, hidden, state_kernel, bias)

    def step(self, x: Tensor | float, h: Tensor) -> tuple[Tensor, ...]:
        x_gates, x_candidate = (x, x) if self.input is None else x.split([2 * self.hidden, self.hidden], dim=1)
        z, r = (self.state(h) + x_gates).sigmoid().chunk(2, dim=1)
        candidate = (self.reset_state(r * h) + x_candidate).tanh()
        return z, r, candidate, (1 - z) * h + z * candidate


class Stack(nn.Module):
    """Layers of one kind, each fed with the states of the one below. Use `ConvLSTM` or `ConvGRU`."""

    def __init__(
        self,
        layer: Callable[..., Layer],
        channels: int,
        hidden: int | tuple[int, ...],
        kernel: int,
        of_state: int | None,
    ) -> None:
        super().__init__()
        widths = (hidden,) if isinstance(hidden, int) else tuple(hidden)
        if not widths or min(widths) < 1 or channels < 0:
            raise ShapeError(f"channels={channels}, hidden={hidden}", wanted="one width above 0 for each layer")
        pairs = zip((channels, *widths), widths)  # noqa: B905, one channel number starts each pair
        self.layers = nn.ModuleList(layer(*pair, kernel, of_state or kernel) for pair in pairs)

    def forward(
        self, maps: Maps, states: list[State] | None = None, *, return_gates: bool = False
    ) -> tuple[Float[Tensor, "b t d h w"], list[State]] | tuple[Float[Tensor, "b t d h w"], list[State], list[Gates]]:
        """h of the last layer at every frame, and each layer's state after the last frame.

        Args:
            maps: floats; `b t 0 h w` for layers without input, which only live on.
            states: where to begin, such as what was returned for the frames before; by default zeros.
            return_gates: also, for each layer, its gates and states by name: tensors `b t d h w`.

        Raises:
            ShapeError: maps of other channels than it was built for, no frames, or states of other shapes.
        """
        if maps.ndim != 5 or 0 in (*maps.shape[:2], *maps.shape[3:]):
            raise ShapeError(
                f"maps of shape {tuple(maps.shape)}", wanted="b t c h w, with at least one frame and pixel"
            )
        states = [None] * len(self.layers) if states is None else states
        if len(states) != len(self.layers):
            raise ShapeError(f"states of {len(states)} layers", wanted=f"{len(self.layers)}, one a layer")
        after, gates = [], []
        for layer, state in zip(self.layers, states, strict=True):
            maps, state, looks = layer(maps, state, return_gates=return_gates)
            after.append(state)
            gates.append(looks)
        return (maps, after, gates) if return_gates else (maps, after)


class ConvLSTM(Stack):
    """Layers of `LSTMLayer`: maps `b t c h w` → (h `b t d h w`, a state (h, c) for each layer).

    hidden: d, or one width for each layer. kernel: of the input; state_kernel: of the state, by default the same.
    """

    def __init__(
        self,
        channels: int,
        hidden: int | tuple[int, ...] = 32,
        *,
        kernel: int = 3,
        state_kernel: int | None = None,
        peepholes: bool = False,
    ) -> None:
        super().__init__(partial(LSTMLayer, peepholes=peepholes), channels, hidden, kernel, state_kernel)


class ConvGRU(Stack):
    """Layers of `GRULayer`: maps `b t c h w` → (h `b t d h w`, a state (h,) for each layer).

    hidden, kernel, state_kernel: as of `ConvLSTM`. bias: False as the paper writes it.
    """

    def __init__(
        self,
        channels: int,
        hidden: int | tuple[int, ...] = 32,
        *,
        kernel: int = 3,
        state_kernel: int | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__(partial(GRULayer, bias=bias), channels, hidden, kernel, state_kernel)


CELLS = {"lstm": ConvLSTM, "gru": ConvGRU}
