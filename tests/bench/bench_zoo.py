"""Every model of the course on a graphics card: `python tests/bench/bench_zoo.py [--device cuda] [--rounds 7]`.

A line for each model: milliseconds of a training step (forward, backward, AdamW) on one CPU thread and on the device,
and how many times faster the device becomes by half precision, by channels-last memory, by torch.compile, and by all
three. A step is that of `vidlab.fit`, on clips that are already there. All ways of a model take turns, and medians are
compared. Each is also trained by `fit` for three steps, as a learner would, and must stay finite; and the first loss on
the device must be that on the CPU.

Without CUDA only the CPU's column is measured; `--device cpu` tries the other ways there, too (slowly).
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from inspect import signature

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from vidlab.datasets import zoo
from vidlab.errors import VidlabError
from vidlab.training import fit

CLASSES = 10
WAYS = {  # name → half precision, channels last, compiled
    "plain": (False, False, False),
    "half": (True, False, False),
    "last": (False, True, False),
    "compile": (False, False, True),
    "all": (True, True, True),
}


def made(name: str, frames: int, size: int, batch: int) -> tuple[Callable[[], nn.Module], Tensor]:
    """What builds a model anew, and clips as it sees them: streams see films, a picture and its flow (b t 5 h w)."""
    dice = torch.Generator().manual_seed(0)
    try:
        zoo.build(name, CLASSES, frames=frames, size=size)
    except VidlabError:
        if name not in zoo.names():
            raise

        def films() -> nn.Module:
            torch.manual_seed(0)
            streams = zoo.names()[name]
            return streams(CLASSES, **({"moments": frames - 1} if "moments" in signature(streams).parameters else {}))

        return films, torch.rand(batch, frames - 1, 5, size, size, generator=dice)
    clips = torch.rand(batch, frames, 3, size, size, generator=dice)
    return lambda: zoo.build(name, CLASSES, frames=frames, size=size), clips


def channels_last(model: nn.Module) -> nn.Module:
    """The weights of convolutions with the channel as the fastest axis, as tensor cores want them."""
    for part in model.modules():
        if isinstance(part, nn.Conv2d):
            part.to(memory_format=torch.channels_last)
        elif isinstance(part, nn.Conv3d):
            part.to(memory_format=torch.channels_last_3d)
    return model


def stepper(model: nn.Module, clips: Tensor, labels: Tensor, half: bool, last: bool, compiled: bool) -> Callable:
    """A function that takes one training step and gives its loss."""
    model = channels_last(model) if last else model
    net, kind = torch.compile(model) if compiled else model, clips.device.type
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def step() -> Tensor:
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast(kind, torch.bfloat16, enabled=half):
            loss = cross_entropy(net(clips), labels)
        loss.backward()
        optimiser.step()
        return loss.detach()

    return step


def milliseconds(step: Callable, device: torch.device, repeat: int) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    began = clock()
    for _ in range(repeat):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return 1000 * (clock() - began) / repeat


def in_turns(steps: dict[str, Callable], device: torch.device, rounds: int, repeat: int) -> dict[str, float]:
    """Medians over the rounds, in each of which every way has its turn."""
    for step in steps.values():
        for _ in range(3):  # what is compiled, tuned or allocated once does not count
            step()
    times = [{way: milliseconds(step, device, repeat) for way, step in steps.items()} for _ in range(rounds)]
    return {way: statistics.median(each[way] for each in times) for way in steps}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--repeat", type=int, default=10, help="steps in a round, on the device")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--only", nargs="+", metavar="MODEL", default=sorted(zoo.names()))
    args = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device(args.device) if args.device else None
    labels = torch.arange(args.batch) % CLASSES
    name = torch.cuda.get_device_name(device) if device is not None and device.type == "cuda" else device or "no CUDA"
    print(f"{args.batch} clips of {args.frames} frames of {args.size}×{args.size}; {name}, torch {torch.__version__}")
    print(f"{'ms of a training step':<22}{'CPU, 1 thread':>14}{'device':>9}{'CPU ÷ it':>10}", end="")
    print("".join(f"{way:>10}" for way in list(WAYS)[1:]) if device is not None else "")
    for model_name in args.only:
        build, clips = made(model_name, args.frames, args.size, args.batch)
        on_cpu = stepper(build(), clips, labels, *WAYS["plain"])
        first = on_cpu()
        slow = in_turns({"plain": on_cpu}, torch.device("cpu"), min(args.rounds, 3), 1)["plain"]
        print(f"{model_name:<22}{slow:>14.1f}", end="", flush=True)
        if device is not None:
            there = clips.to(device), labels.to(device)
            steps = {way: stepper(build().to(device), *there, *how) for way, how in WAYS.items()}
            found = stepper(build().to(device), *there, *WAYS["plain"])()
            assert abs(found.item() - first.item()) < 1e-2 * abs(first.item()), (found, first)  # TF32, other sums
            times = in_turns(steps, device, args.rounds, args.repeat)
            print(f"{times['plain']:>9.2f}{slow / times['plain']:>10.0f}", end="")
            print("".join(f"{times['plain'] / times[way]:>10.2f}" for way in list(WAYS)[1:]), end="", flush=True)
            for amp in (False, True):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # amp is left out on a CPU
                    history = fit(build(), clips, labels, steps=3, batch=8, amp=amp, progress=False, device=device)
                assert history.stopped == "steps"
        print(flush=True)


if __name__ == "__main__":
    main()
