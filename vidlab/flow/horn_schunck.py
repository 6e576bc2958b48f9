"""Horn & Schunck: the smoothest flow that agrees with the optical-flow constraint.

    E(u, v) = ∬ (I_x u + I_y v + I_t)² + λ ∬ (‖∇u‖² + ‖∇v‖²)

`horn_schunck_1981` is the published iteration, for motion of about a pixel. `horn_schunck` is what became of it: coarse
to fine, warping the second frame back by what is known, and with `robust=True` penalties that let motion break at the
outline of an object, with a median after each warp, as D. Sun, S. Roth, M. Black, *Secrets of optical flow estimation
and their principles* (CVPR 2010), found decisive.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from .derivatives import Map, cube_derivatives
from .lucas_kanade import blur
from .motion_tensor import Flow, MotionTensor, linearised
from .relaxation import Links, median, relax
from .warping import expect_flow, expect_images, pyramid, resize_flow

PRESMOOTHING = [0.107, 0.786, 0.107]  # a Gaussian of half a pixel
NEARBY = [1 / 5] * 5  # a window of 5×5 pixels that vouch for each other
FLOOR = 0.01  # brightness per pixel: gradients below are taken for noise
BREAK = 0.01  # pixels per pixel: differences of flow above it count by their size, no longer by their square
DOUBT = 0.1  # pixels: the same for the distance from a constraint line


def neighbour_mean(flow: Flow) -> Flow:
    """ū: the mean of the eight neighbours, 1/6 for the four beside a pixel and 1/12 for the four at its corners."""
    p = pad(flow, (1, 1, 1, 1), mode="replicate")
    beside = p[..., 1:-1, :-2] + p[..., 1:-1, 2:] + p[..., :-2, 1:-1] + p[..., 2:, 1:-1]
    corners = p[..., :-2, :-2] + p[..., :-2, 2:] + p[..., 2:, :-2] + p[..., 2:, 2:]
    return beside / 6 + corners / 12


def energy(flow: Flow, I_x: Map, I_y: Map, I_t: Map, smoothness: float) -> Float[Tensor, " b"]:
    """E(u, v) on the pixel grid: the squared constraint, plus λ times the squared differences of neighbours.

    With weights 1/2 beside and 1/4 at the corners, the squared differences add up to the integral of ‖∇u‖² for every
    linear u. Written out they are 3 Σ u (u − ū).
    """
    residual = I_x * flow[:, :1] + I_y * flow[:, 1:] + I_t
    roughness = 3 * flow * (flow - neighbour_mean(flow))
    return residual.square().sum((1, 2, 3)) + smoothness * roughness.sum((1, 2, 3))


def horn_schunck_1981(
    first: Float[Tensor, "b c h w"],
    second: Float[Tensor, "b c h w"],
    *,
    smoothness: float = 0.001,
    iterations: int = 100,
    start: Flow | None = None,
) -> Flow:
    """The published iteration, for motion of about a pixel; colours are averaged.

    Setting the derivatives of E by u and v to zero (Euler–Lagrange, with ∇²u ≈ 3 (ū − u)) and solving for them gives

        u = ū − I_x (I_x ū + I_y v̄ + I_t) / (3λ + I_x² + I_y²),    v likewise with I_y,

    Horn and Schunck's (1981) section 12, whose α² is 3λ. The energy falls at every step.

    Args:
        smoothness: λ, in (brightness per pixel)².
        iterations: steps; each carries information one pixel further.
        start: where to begin; by default at rest.

    Raises:
        ShapeError: not two float images of one shape, or no flow for them.
        ValueError: λ not above 0.
    """
    expect_images(first=first, second=second)
    I_x, I_y, I_t = cube_derivatives(first.mean(1, keepdim=True), second.mean(1, keepdim=True))
    flow = torch.zeros_like(I_x).repeat(1, 2, 1, 1) if start is None else start
    expect_flow(flow, like=first, name="start")
    if not smoothness > 0:
        raise ValueError(f"smoothness = {smoothness}. Wanted: above 0, as λ = 0 leaves u and v undetermined.")
    gradient = torch.cat([I_x, I_y], dim=1)
    for _ in range(iterations):
        mean = neighbour_mean(flow)
        residual = (gradient * mean).sum(1, keepdim=True) + I_t
        flow = mean - gradient * residual / (3 * smoothness + gradient.square().sum(1, keepdim=True))
    return flow


def horn_schunck(
    first: Float[Tensor, "b c h w"],
    second: Float[Tensor, "b c h w"],
    *,
    smoothness: float | None = None,
    robust: bool = False,
    warps: tuple[int, ...] | None = None,
    iterations: int = 20,
) -> Flow:
    """Dense flow between two frames, coarse to fine.

    Args:
        smoothness: λ, in units of squared pixels, as constraints are measured by their distance from (u, v); by
            default 2, and 8 with `robust`.
        robust: penalties that grow like |x| instead of x², smoothness that gives way at edges of the image, and a
            median after each warp.
        warps: how often each level warps the second frame back and starts again from there: the finest, the next, …;
            the last number goes for all coarser levels. By default (2, 3, 4), and (2, 4, 5) with `robust`.
        iterations: steps of the linear solver after each warp.

    Raises:
        ShapeError: not two float images of one shape.
        ValueError: a number that is not above 0.
    """
    expect_images(first=first, second=second)
    smoothness = (8.0 if robust else 2.0) if smoothness is None else smoothness
    warps = ((2, 4, 5) if robust else (2, 3, 4)) if warps is None else warps
    if not smoothness > 0 or min(warps, default=0) < 1 or iterations < 1:
        raise ValueError(f"smoothness = {smoothness}, warps = {warps}, iterations = {iterations}. Wanted: all above 0.")
    levels = list(zip(pyramid(first), pyramid(second), strict=True))
    flow = torch.zeros_like(levels[0][0][:, :1]).repeat(1, 2, 1, 1)
    for coarseness, (one, two) in reversed(list(enumerate(reversed(levels)))):
        flow = resize_flow(flow, one.shape[-2:])
        one, two = smoothed(one), smoothed(two)
        for _ in range(warps[min(coarseness, len(warps) - 1)]):
            tensor = linearised(one, two, flow, floor=FLOOR, tolerance=DOUBT if robust else None)
            if not robust:
                tensor = MotionTensor(*(blur(product, NEARBY) for product in tensor))
            links = breakable_links(flow, one, smoothness) if robust else even_links(one, smoothness)
            flow = relax(about(tensor, flow), flow, links, iterations)
            flow = median(flow) if robust else flow
    return flow


def about(tensor: MotionTensor, flow: Flow) -> MotionTensor:
    """From the increment of a flow to the flow itself: I_x (u − u₀) + I_y (v − v₀) + I_t = 0."""
    u, v = flow[:, :1], flow[:, 1:]
    xt = tensor.xt - tensor.xx * u - tensor.xy * v
    yt = tensor.yt - tensor.xy * u - tensor.yy * v
    return tensor._replace(xt=xt, yt=yt)


def smoothed(image: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Without the noise of single pixels; the border is repeated."""
    return blur(pad(image, (1, 1, 1, 1), mode="replicate"), PRESMOOTHING)[..., 1:-1, 1:-1]


def even_links(image: Float[Tensor, "b c h w"], smoothness: float) -> Links:
    """How strongly each pixel is tied to its neighbour at the right and below: everywhere alike, one number for all."""
    one = torch.full_like(image[:, :1, :1, :1], smoothness)
    return one.expand_as(image[:, :1, :, 1:]), one.expand_as(image[:, :1, 1:])


def breakable_links(flow: Flow, image: Float[Tensor, "b c h w"], smoothness: float) -> Links:
    """Links that loosen where flow differs already (Charbonnier's penalty) and where the image has an edge."""
    links = []
    for axis in (-1, -2):
        edge = image.diff(dim=axis).abs().mean(1, keepdim=True)
        jump = flow.diff(dim=axis).square().sum(1, keepdim=True)
        links.append(torch.exp(-8 * edge) * (smoothness * BREAK) / torch.sqrt(jump + BREAK**2))
    return tuple(links)
