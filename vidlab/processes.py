"""What reaches into a training run from outside: the stop button, and the other processes that train the same model."""

from __future__ import annotations

import atexit
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor


@contextmanager
def held_interrupts() -> Iterator[None]:
    """The stop button, Ctrl-C, waits until the block is done: weights, optimiser and history change together."""
    pressed = []
    try:
        before = signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
    except ValueError:  # only the main thread is ever interrupted
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        signal.raise_signal(signal.SIGINT)


def running() -> bool:
    return dist.is_available() and dist.is_initialized()


def join_processes(device: torch.device) -> tuple[int, int, torch.device]:
    """This process's number, how many there are, and its device; under `torchrun`, after meeting the others."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not running():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(dist.destroy_process_group)
    if not running():
        return 0, 1, device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return dist.get_rank(), dist.get_world_size(), device


def start_alike(tensors: Iterable[Tensor]) -> None:
    """Every process gets the first one's values."""
    for tensor in tensors if running() else ():
        dist.broadcast(tensor, src=0)


def average(tensors: Iterable[Tensor]) -> None:
    """Each tensor becomes its mean over the processes, in place."""
    for tensor in tensors if running() else ():
        dist.all_reduce(tensor)
        tensor /= dist.get_world_size()


def agreed(number: float, device: torch.device) -> float:
    """The first process's number, for all of them: clocks differ, and all must stop at the same step."""
    if not running():
        return number
    tensor = torch.tensor(number, device=device, dtype=torch.float64)
    start_alike([tensor])
    return tensor.item()
