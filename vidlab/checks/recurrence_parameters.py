"""Exercise of lesson 09, what a ConvLSTM costs: parameters, which the size of its maps has no part in."""

import torch

from .draws import integer
from .frame import Exercise, Mistake
from .mismatch import Wanted


def conv_lstm_parameters(c: int, h: int, k: int) -> int:
    each = (c + h) * k**2 + 1  # one map of one gate: k × k weights on every map of input and state, and a bias
    return 4 * h * each  # three gates and the candidate, h maps each


def _draw_layers(generator: torch.Generator) -> list[tuple]:
    """More channels in the state than in the input, and fewer."""
    cases = []
    for more in (True, False):
        few, many = integer(generator, 6, 30), integer(generator, 33, 97)
        k = (3, 5, 7)[integer(generator, 0, 3)]
        cases.append((few, many, k) if more else (many, few, k))
    return cases


EXERCISES = (
    Exercise(
        name="recurrence.parameters",
        task="Count a ConvLSTM's parameters: c maps in, h in the state, k × k kernels on both, a bias, no peepholes.",
        reference=conv_lstm_parameters,
        draw=_draw_layers,
        wanted=Wanted(kind="int", tolerance=0.0),
        hints=(
            "Count one map of one gate first: what does it look at, with how many weights?",
            "How many maps has a gate, and how many things like gates are there? The candidate has weights, too.",
        ),
        mistakes=(
            Mistake(
                "three times, for three gates: the candidate has weights, too",
                lambda c, h, k: 3 * h * ((c + h) * k**2 + 1),
            ),
            Mistake("that is one gate", lambda c, h, k: h * ((c + h) * k**2 + 1)),
            Mistake("that is two gates", lambda c, h, k: 2 * h * ((c + h) * k**2 + 1)),
            Mistake("five times: state and cell are no gates", lambda c, h, k: 5 * h * ((c + h) * k**2 + 1)),
            Mistake("eight times: input and state share each gate", lambda c, h, k: 8 * h * ((c + h) * k**2 + 1)),
            Mistake(
                "peepholes are counted, one number a channel: here there are none",
                lambda c, h, k: 4 * h * ((c + h) * k**2 + 1) + 3 * h,
            ),
            Mistake("the biases are missing", lambda c, h, k: 4 * h * (c + h) * k**2),
            Mistake(
                "two biases are counted, as in torch's LSTM: their sum counts, and one is enough",
                lambda c, h, k: 4 * h * ((c + h) * k**2 + 2),
            ),
            Mistake(
                "each gate has a single bias: every one of its maps has its own",
                lambda c, h, k: 4 * h * (c + h) * k**2 + 4,
            ),
            Mistake("only one gate has biases", lambda c, h, k: 4 * h * (c + h) * k**2 + h),
            Mistake(
                "only the three gates have biases: the candidate, too", lambda c, h, k: 4 * h * (c + h) * k**2 + 3 * h
            ),
            Mistake("there is one bias for all", lambda c, h, k: 4 * h * (c + h) * k**2 + 1),
            Mistake(
                "every weight of a kernel has a bias of its own: it is added to the sum, once",
                lambda c, h, k: 4 * h * (c + h + 1) * k**2,
            ),
            Mistake(
                "each kernel has a bias: it belongs to the map that comes out, whatever goes in",
                lambda c, h, k: 4 * h * (c + h) * (k**2 + 1),
            ),
            Mistake("k is not squared: a kernel has rows and columns", lambda c, h, k: 4 * h * ((c + h) * k + 1)),
            Mistake("k is doubled in place of squared", lambda c, h, k: 4 * h * ((c + h) * 2 * k + 1)),
            Mistake("k is cubed: a ConvLSTM has no extent in time", lambda c, h, k: 4 * h * ((c + h) * k**3 + 1)),
            Mistake("the kernel is forgotten: that is a plain LSTM", lambda c, h, k: 4 * h * (c + h + 1)),
            Mistake("the kernel is 3 × 3, whatever k is", lambda c, h, k: 4 * h * ((c + h) * 9 + 1)),
            Mistake(
                "c and h are multiplied: each gate sees c maps and h maps, side by side",
                lambda c, h, k: 4 * h * (c * h * k**2 + 1),
            ),
            Mistake("the state is not seen: that has no memory", lambda c, h, k: 4 * h * (c * k**2 + 1)),
            Mistake("the input is not seen", lambda c, h, k: 4 * h * (h * k**2 + 1)),
            Mistake("the state is seen by 1 × 1 kernels", lambda c, h, k: 4 * h * (c * k**2 + h + 1)),
            Mistake("the input is seen by 1 × 1 kernels", lambda c, h, k: 4 * h * (c + h * k**2 + 1)),
            Mistake("the input is taken to be as wide as the state", lambda c, h, k: 4 * h * (2 * h * k**2 + 1)),
            Mistake("the state is taken to be as wide as the input", lambda c, h, k: 4 * h * (2 * c * k**2 + 1)),
            Mistake("a gate has h maps, not c", lambda c, h, k: 4 * c * ((c + h) * k**2 + 1)),
            Mistake("a gate has h maps, not c + h", lambda c, h, k: 4 * (c + h) * ((c + h) * k**2 + 1)),
            Mistake("a gate is a single map: it has h of them", lambda c, h, k: 4 * ((c + h) * k**2 + 1)),
            Mistake(
                "the state is counted twice, for h and for c: the gates do not look at the cell",
                lambda c, h, k: 4 * h * ((c + 2 * h) * k**2 + 1),
            ),
            Mistake(
                "the candidate is counted with a 1 × 1 kernel",
                lambda c, h, k: 3 * h * ((c + h) * k**2 + 1) + h * (c + h + 1),
            ),
            Mistake(
                "a readout, 1 × 1 from the state to the input's channels, is counted: that is another layer",
                lambda c, h, k: 4 * h * ((c + h) * k**2 + 1) + c * (h + 1),
            ),
            Mistake(
                "k is squared together with the channels: (c + h) k is no area",
                lambda c, h, k: 4 * h * (((c + h) * k) ** 2 + 1),
            ),
        ),
    ),
)
