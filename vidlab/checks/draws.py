"""Random inputs for exercises: sizes that are all different, so that no two axes can be confused unnoticed."""

import torch
from torch import Tensor


def integer(generator: torch.Generator, low: int, high: int) -> int:
    """A whole number from low to high − 1."""
    return int(torch.randint(low, high, (), generator=generator))


def chance(generator: torch.Generator, low: float = 0.0, high: float = 1.0) -> float:
    """A number between low and high."""
    return low + (high - low) * torch.rand((), generator=generator, dtype=torch.float64).item()


def film_sizes(generator: torch.Generator, count: int = 3, *, odd: bool = False) -> list[int]:
    """Different sizes from 5 to 13; never 3, which is the number of channels. `odd` ones have a middle value."""
    choice = torch.arange(5, 14, 2) if odd else torch.arange(5, 14)
    return choice[torch.randperm(len(choice), generator=generator)][:count].tolist()


def random_bytes(shape: tuple[int, ...], generator: torch.Generator, *, high: int = 256) -> Tensor:
    """uint8 values from 0 to high − 1."""
    return torch.randint(0, high, shape, generator=generator, dtype=torch.uint8)
