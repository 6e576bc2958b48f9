"""One step of the solver against the floor that memory sets: `python tests/bench/bench_solver.py [--device cuda]`.

A step must at least read u, v, the two fields before them, the inverse (3 maps), the right-hand side (2) and the links
(2), and write u and v: 13 maps. The floor is the time that this device needs to copy as many bytes. Medians of runs
that take turns; on a CPU one thread.
"""

import argparse
import statistics
import sys
import time

import torch

import vidlab  # noqa: F401
from vidlab.flow import MotionTensor
from vidlab.flow.relaxation import relax

MAPS = 13
STEPS, ROUNDS = 50, 15


def clock(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time()


def seconds(work, device: torch.device) -> float:
    started = clock(device)
    work()
    return clock(device) - started


@torch.no_grad()
def measure(height: int, width: int, device: torch.device) -> tuple[float, float]:
    """Seconds of one step, and of its floor."""
    generator = torch.Generator().manual_seed(0)
    maps = [torch.rand(1, 1, height, width, generator=generator).to(device) for _ in range(9)]
    tensor = MotionTensor(maps[0] + 1, maps[1] - 0.5, maps[2] + 1, maps[3] - 0.5, maps[4] - 0.5)
    flow, links = torch.cat(maps[5:7], dim=1), (maps[7][..., 1:].contiguous(), maps[8][..., 1:, :].contiguous())
    source = torch.rand(MAPS * height * width // 2, device=device)  # a copy reads and writes
    target = torch.empty_like(source)

    def copy() -> None:
        for _ in range(STEPS):
            target.copy_(source)

    times = {"few": [], "many": [], "copy": []}
    for _ in range(ROUNDS):
        times["few"].append(seconds(lambda: relax(tensor, flow, links, 1), device))
        times["many"].append(seconds(lambda: relax(tensor, flow, links, 1 + STEPS), device))
        times["copy"].append(seconds(copy, device))
    few, many, copied = (statistics.median(values[2:]) for values in times.values())
    return (many - few) / STEPS, copied / STEPS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(parser.parse_args().device)
    torch.set_num_threads(1)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "one thread of the CPU"
    print(f"one step of the solver, {name}\n{'':14}   step      floor   times the floor   memory at the floor")
    for height, width in ((388, 584), (1080, 1920)) + (((2160, 3840),) if device.type == "cuda" else ()):
        step, floor = measure(height, width, device)
        speed = 4 * MAPS * height * width / floor / 1e9
        print(
            f"{height:6}×{width:<6} {1e6 * step:6.0f} µs {1e6 * floor:7.0f} µs {step / floor:10.1f} {speed:18.1f} GB/s"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
