"""Two loops that the robust methods live on: the linear solver, and a median of nine."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from .derivatives import Map
from .motion_tensor import Flow, MotionTensor

Links = tuple[Float[Tensor, "b 1 h w-1"], Float[Tensor, "b 1 h-1 w"]]  # to the right, and down
RADIUS = 0.995  # of the Jacobi iteration: how little its slowest wave is damped in one step
NETWORK = (  # pairs to be ordered so that the middle of nine values comes to rest at place 4 (J. L. Smith 1996)
    *((1, 2), (4, 5), (7, 8), (0, 1), (3, 4), (6, 7), (1, 2), (4, 5), (7, 8), (0, 3)),
    *((5, 8), (4, 7), (3, 6), (1, 4), (2, 5), (4, 7), (4, 2), (6, 4), (4, 2)),
)


def relax(tensor: MotionTensor, flow: Flow, links: Links, steps: int) -> Flow:
    """Towards the minimum of Σ (constraint)² + Σ links · (difference of neighbours)².

    At the minimum, each pixel solves two equations whose right-hand sides hold its neighbours:

        (J_xx + d) u + J_xy v = Σ l_j u_j − J_xt        d = Σ l_j, over the four neighbours j
        J_xy u + (J_yy + d) v = Σ l_j v_j − J_yt

    Solving them everywhere at once, with the neighbours as they were, is a block Jacobi step. Its slow waves are
    hurried by Chebyshev's weights: u_{k+1} = u_{k−1} + ω_{k+1} (step(u_k) − u_{k−1}), ω_{k+1} = 1 / (1 − ρ² ω_k / 4)
    (G. Golub, R. Varga, *Numerische Mathematik* 3, 1961).

    Args:
        tensor: of the flow itself, not of an increment.
        flow: where to begin.
        links: how strongly neighbours are tied, to the right and down.
        steps: 20 do about the work of 100 without the weights.
    """
    right, below = links
    ties = pad(right, (0, 1)) + pad(right, (1, 0)) + pad(below, (0, 0, 0, 1)) + pad(below, (0, 0, 1, 0))
    ties = ties.clamp(min=1e-12)  # an image of a single pixel has no neighbours
    a, d = tensor.xx + ties, tensor.yy + ties
    determinant = a * d - tensor.xy**2
    p, q, r = d / determinant, -tensor.xy / determinant, a / determinant  # the inverse, a symmetric 2×2 matrix
    rest_u, rest_v = -p * tensor.xt - q * tensor.yt, -q * tensor.xt - r * tensor.yt
    u, v = before_u, before_v = flow[:, :1], flow[:, 1:]
    omega = 1.0
    for step in range(steps):
        near_u, near_v = neighbours(u, right, below), neighbours(v, right, below)
        new_u = torch.addcmul(rest_u, p, near_u).addcmul_(q, near_v)
        new_v = torch.addcmul(rest_v, r, near_v).addcmul_(q, near_u)
        if step:
            omega = 1 / (1 - RADIUS**2 * omega / (2 if step == 1 else 4))
            new_u, new_v = new_u.lerp_(before_u, 1 - omega), new_v.lerp_(before_v, 1 - omega)
        before_u, before_v, u, v = u, v, new_u, new_v
    return torch.cat([u, v], dim=1)


def neighbours(field: Map, right: Tensor, below: Tensor) -> Map:
    """Σ l_j u_j over the four neighbours. Shifted sums: on a CPU about nine times as fast as `conv2d`."""
    total = torch.zeros_like(field)
    total[..., :-1].addcmul_(right, field[..., 1:])
    total[..., 1:].addcmul_(right, field[..., :-1])
    total[..., :-1, :].addcmul_(below, field[..., 1:, :])
    total[..., 1:, :].addcmul_(below, field[..., :-1, :])
    return total


def median(image: Float[Tensor, "b c h w"], apart: int = 2, strip: int = 64) -> Float[Tensor, "b c h w"]:
    """The median of nine pixels, `apart` from each other, by nineteen exchanges instead of sorting.

    The border is repeated. Done in strips of rows that fit into a CPU's cache.
    """
    h, w = image.shape[-2:]
    wide = pad(image, (apart,) * 4, mode="replicate")
    strips, shifts = [], (0, apart, 2 * apart)
    for top in range(0, h, strip):
        bottom = min(top + strip, h)
        nine = [wide[..., top + y : bottom + y, x : x + w] for y in shifts for x in shifts]
        for i, j in NETWORK:
            nine[i], nine[j] = torch.minimum(nine[i], nine[j]), torch.maximum(nine[i], nine[j])
        strips.append(nine[4])
    return torch.cat(strips, dim=-2)
