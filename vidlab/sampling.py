"""Which clips to cut from a long video: anywhere at random for training, evenly spread for testing."""

import torch
from jaxtyping import Int64, Shaped
from torch import Tensor

from .errors import ShapeError


def random_starts(
    total: int, length: int, *, stride: int = 1, n: int = 1, generator: torch.Generator
) -> Int64[Tensor, "n"]:
    """First frames of n training clips, uniformly from all that fit.

    Args:
        total: frames of the video. length: frames of a clip. stride: take every stride-th frame.
        n: how many clips. generator: the only source of chance.

    Raises:
        ShapeError: the clip is longer than the video.

    >>> random_starts(20, 16, n=3, generator=torch.Generator().manual_seed(0)).max() <= 4
    tensor(True)
    """
    return torch.randint(_last_start(total, length, stride) + 1, (n,), generator=generator, device=generator.device)


def even_starts(total: int, length: int, *, stride: int = 1, n: int = 10) -> Int64[Tensor, "n"]:
    """First frames of n test clips, evenly spread: the first begins with the video, the last ends with it.

    A single clip is taken from the middle.

    Raises:
        ShapeError: the clip is longer than the video.

    >>> even_starts(100, 16, n=4)
    tensor([ 0, 28, 56, 84])
    """
    last = _last_start(total, length, stride)
    if n == 1:
        return torch.tensor([last // 2])
    return torch.linspace(0, last, n, dtype=torch.float64).round().long()


def take(
    frames: Shaped[Tensor, "t c h w"], starts: Int64[Tensor, "n"], length: int, *, stride: int = 1
) -> Shaped[Tensor, "n length c h w"]:
    """Cut the clips that begin at `starts` and stack them into a batch.

    Raises:
        ShapeError: a clip begins before the video or ends after it.

    >>> take(torch.zeros(30, 3, 8, 8), torch.tensor([0, 14]), length=8, stride=2).shape
    torch.Size([2, 8, 3, 8, 8])
    """
    last = _last_start(len(frames), length, stride)
    if starts.numel() and not 0 <= starts.min() <= starts.max() <= last:
        raise ShapeError(
            f"clips begin at {starts.tolist()}", wanted=f"0 to {last}", mend="even_starts or random_starts"
        )
    return frames[starts[:, None] + stride * torch.arange(length, device=starts.device)]


def _last_start(total: int, length: int, stride: int) -> int:
    if length < 1 or stride < 1:
        raise ShapeError(f"length {length}, stride {stride}", wanted="1 or more")
    last = total - ((length - 1) * stride + 1)
    if last < 0:
        mend = "a shorter clip, a smaller stride, or a longer video"
        raise ShapeError(
            f"{length} frames, every {stride}, from a video of {total}", wanted=f"{total - last} frames", mend=mend
        )
    return last
