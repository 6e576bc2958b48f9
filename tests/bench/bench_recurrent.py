"""ConvLSTM against the usual design: `python tests/bench/bench_recurrent.py [--device cuda] [--rounds 7]`.

The usual design makes one convolution over input and state together in each step; ours does the input's for many frames
at once, outside of the loop. Same weights, same answers. Forward and backward at 8 × 16 × 32 × 32 × 32 (b t c h w), 32
hidden channels, 3 × 3. On a CPU the CPU time of one thread; both take turns, and medians are compared. "Clips": the
maps are data and need no gradient; "features": they come from layers that learn.
"""

import argparse
import statistics
import sys
import time

import torch
from torch import Tensor, nn

import vidlab  # noqa: F401
from vidlab.models import ConvLSTM

SHAPE, HIDDEN, KERNEL = (8, 16, 32, 32, 32), 32, 3


class OneConvolutionAStep(nn.Module):
    """The four gates from one convolution over the concatenation, frame after frame."""

    def __init__(self, channels: int, hidden: int, kernel: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.conv = nn.Conv2d(channels + hidden, 4 * hidden, kernel, padding=kernel // 2)

    def forward(self, maps: Tensor) -> Tensor:
        h = c = maps.new_zeros(len(maps), self.hidden, *maps.shape[3:])
        shown = []
        for t in range(maps.shape[1]):
            gates = self.conv(torch.cat([maps[:, t], h], dim=1))
            i, f, o, candidate = torch.split(gates, self.hidden, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(candidate)
            h = torch.sigmoid(o) * torch.tanh(c)
            shown.append(h)
        return torch.stack(shown, dim=1)


def clock(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time()


def seconds(model, maps: Tensor, learns: bool) -> float:
    maps = maps.clone().requires_grad_(learns)
    started = clock(maps.device)
    model(maps).square().mean().backward()
    return clock(maps.device) - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    device = torch.device(given.device)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    usual, stack = OneConvolutionAStep(SHAPE[2], HIDDEN, KERNEL), ConvLSTM(SHAPE[2], HIDDEN, kernel=KERNEL)
    layer = stack.layers[0]
    with torch.no_grad():
        layer.input.weight.copy_(usual.conv.weight[:, : SHAPE[2]])
        layer.state.weight.copy_(usual.conv.weight[:, SHAPE[2] :])
        layer.state.bias.copy_(usual.conv.bias)
    maps = torch.rand(SHAPE, generator=torch.Generator().manual_seed(0)).to(device)
    models = {"ours": lambda x: stack.to(device)(x)[0], "usual": usual.to(device)}
    apart = (models["ours"](maps) - models["usual"](maps)).abs().max().item()
    print(f"ConvLSTM, {'×'.join(map(str, SHAPE))}, forward and backward; answers differ by {apart:.1e} at most")
    for what, learns in (("clips", False), ("features", True)):
        times = {name: [] for name in models}
        for _ in range(given.rounds + 1):  # the first warms up
            for name, model in models.items():
                times[name].append(seconds(model, maps, learns))
        ratio = statistics.median(a / b for a, b in zip(times["usual"][1:], times["ours"][1:], strict=True))
        ours, theirs = (statistics.median(values[1:]) for values in times.values())
        print(f"{what:9} ours {1e3 * ours:6.0f} ms   usual {1e3 * theirs:6.0f} ms   {ratio:.2f} times as fast")
    return 0


if __name__ == "__main__":
    sys.exit(main())
