"""From the attention of every layer to one picture: how much of each token reached the end.

S. Abnar, W. Zuidema, *Quantifying attention flow in transformers* (ACL 2020), section 3. It tells where information may
have come from, not why the answer is what it is: values and MLPs are left out.
"""

import torch
from einops import einsum, rearrange, reduce
from jaxtyping import Float
from torch import Tensor

from ..errors import ShapeError

ORDER = {"time": "(q g)", "space": "(g q)"}  # all tubelets, moment by moment, of group g and place q in it


def rollout(maps: Float[Tensor, "b layer head q q"]) -> Float[Tensor, "b q q"]:
    """How much of each input token (column) is in each output token (row), if all heads count alike; rows sum to 1.

    What leaves a layer is half what it attended to and half itself, by the shortcut: Π_l (mean_h A_lh + I) / 2, with
    the last layer to the left.

    >>> rollout(torch.full((1, 2, 1, 2, 2), 0.5)).tolist()
    [[[0.625, 0.375], [0.375, 0.625]]]
    """
    passed = itself = torch.eye(maps.shape[-1], dtype=maps.dtype, device=maps.device)
    for layer in reduce(maps, "b layer head q k -> layer b q k", "mean"):
        passed = (layer + itself) / 2 @ passed
    return passed.expand(len(maps), -1, -1)


def among_all(maps: Float[Tensor, "b layer g head q q"], axis: str) -> Float[Tensor, "b layer m m"]:
    """Attention inside g groups, each with a class token in front, as one matrix over all tubelets.

    axis: "time" if a group holds the moments of one place, "space" if it holds the places of one moment. Between
    groups stand zeros; the class token's row is the mean over the groups.

    Raises:
        ShapeError: another axis.
    """
    if axis not in ORDER:
        raise ShapeError(f"axis={axis!r}", wanted='"time" or "space"')
    rows, columns = ORDER[axis], ORDER[axis].replace("g", "g2").replace("q", "k")
    maps = reduce(maps, "b l g head q k -> b l g q k", "mean")
    alone = torch.eye(maps.shape[2], dtype=maps.dtype, device=maps.device)
    boxes = einsum(maps[..., 1:, 1:], alone, "b l g q k, g g2 -> b l g q g2 k")
    boxes = rearrange(boxes, f"b l g q g2 k -> b l {rows} {columns}")
    to_class = rearrange(maps[..., 1:, 0], f"b l g q -> b l {rows} 1")
    of_class = rearrange(maps[..., 0, 1:] / len(alone), f"b l g q -> b l 1 {rows}")
    corner = reduce(maps[..., :1, :1], "b l g q k -> b l q k", "mean")
    return torch.cat([torch.cat([corner, of_class], dim=-1), torch.cat([to_class, boxes], dim=-1)], dim=-2)
