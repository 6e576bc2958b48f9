"""How good is a flow? Against the truth where it is known, and against the flow back where it is not.

An error is a map `b h w`, so that one can look where it lies. Where the truth is unknown the map is NaN: average with
`error.nanmean((1, 2))`. Where the truth is known and the estimate is not, it is infinite: silence is no right answer.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..errors import ShapeError
from .warping import expect_flow, inside, warp

UNKNOWN = 1e9  # pixels: the Middlebury data says "unknown" by a component above it

Flow = Float[Tensor, "b 2 h w"]
Mask = Bool[Tensor, "b 1 h w"]
Error = Float[Tensor, "b h w"]


def known(flow: Flow) -> Mask:
    """Where both components are numbers, of at most 1e9 pixels (Baker et al. 2011). NaN is unknown, too.

    Raises:
        ShapeError: no flow.
    """
    expect_flow(flow)
    return (flow.abs() <= UNKNOWN).all(dim=1, keepdim=True)  # false for NaN


def endpoint_error(flow: Flow, truth: Flow, valid: Mask | None = None) -> Error:
    """The distance between where a pixel is said to go and where it goes, in pixels: |w − w*|.

    Otte & Nagel, *Optical flow estimation: advances and comparisons* (ECCV 1994); Baker et al. (IJCV 2011).

    Args:
        flow: the estimate.
        truth: NaN, infinite or above 1e9 where unknown.
        valid: false where the truth does not count, whatever it says.

    Returns:
        NaN where the truth is unknown, infinite where only the estimate is.

    Raises:
        ShapeError: no flows of one size, or another mask.

    >>> endpoint_error(torch.tensor([3.0, 4.0]).reshape(1, 2, 1, 1), torch.zeros(1, 2, 1, 1))
    tensor([[[5.]]])
    """
    flow, truth, blank = _compared(flow, truth, valid)
    return torch.where(blank == 0, (flow - truth).norm(dim=1), blank)


def mean_endpoint_error(flow: Flow, truth: Flow, valid: Mask | None = None) -> Float[Tensor, " b"]:
    """The mean of `endpoint_error` over the pixels whose truth is known, in pixels; NaN where there are none.

    Raises:
        ShapeError: no flows of one size, or another mask.
    """
    return endpoint_error(flow, truth, valid).nanmean((1, 2))


def angular_error(flow: Flow, truth: Flow, valid: Mask | None = None) -> Error:
    """The angle between (u, v, 1) and (u*, v*, 1), in degrees: directions in space–time.

    Barron, Fleet & Beauchemin, *Performance of optical flow techniques* (IJCV 12, 1994). The third component gives a
    direction to a motion of 0, too; it also makes the error of a fast motion look small. The angle comes from sine and
    cosine: an arc cosine alone would lose all angles below about 0.02° in float32.

    Args:
        flow: the estimate.
        truth: NaN, infinite or above 1e9 where unknown.
        valid: false where the truth does not count, whatever it says.

    Returns:
        NaN where the truth is unknown, infinite where only the estimate is.

    Raises:
        ShapeError: no flows of one size, or another mask.
    """
    flow, truth, blank = _compared(flow, truth, valid)
    u, v = truth.unbind(1)
    du, dv = (flow - truth).unbind(1)
    cross = torch.stack([-dv, du, u * dv - v * du], dim=1)  # (u*, v*, 1) × (du, dv, 0): exactly 0 for equal flows
    cosine = (flow * truth).sum(1) + 1
    return torch.where(blank == 0, torch.rad2deg(torch.atan2(cross.norm(dim=1), cosine)), blank)


def consistency_error(forward: Flow, backward: Flow) -> Error:
    """How far from home one ends up by going there and back, in pixels: |w_f(x) + w_b(x + w_f(x))|.

    It needs no truth. Two flows can agree and both be wrong, but where they disagree, one of them is. NaN where a flow
    on the way is unknown; where the way leaves the frame (`inside`), the backward flow of its border stands in.

    Args:
        forward: from the first frame to the second.
        backward: from the second to the first; read between its pixels bilinearly.

    Raises:
        ShapeError: no flows of one size.
    """
    return (forward + _back(forward, backward)).norm(dim=1)


def occluded(forward: Flow, backward: Flow, alpha: float = 0.01, beta: float = 0.5) -> Mask:
    """Which pixels of the first frame the second does not show: those that do not come home, and those that leave.

    N. Sundaram, T. Brox, K. Keutzer, *Dense point trajectories by GPU-accelerated large displacement optical flow*
    (ECCV 2010): a pixel is visible if |w_f + w_b|² < alpha (|w_f|² + |w_b|²) + beta, with w_b where w_f ends. Leaving
    the frame is added here, and unknown flow counts as occluded.

    Args:
        forward, backward: as in `consistency_error`.
        alpha: the part of its own length by which a motion may miss, squared.
        beta: in pixels²; by which even a motion of 0 may miss.

    Raises:
        ShapeError: no flows of one size, or a tolerance below 0.
    """
    if not (alpha >= 0 and beta >= 0):  # also true for NaN
        raise ShapeError(
            f"alpha = {alpha}, beta = {beta}", wanted="tolerances of 0 or more", mend="alpha=0.01, beta=0.5"
        )
    back = _back(forward, backward)
    missed, lengths = ((forward + back) ** 2).sum(1, True), (forward**2 + back**2).sum(1, True)
    return ~(missed < alpha * lengths + beta) | ~inside(forward)


def _back(forward: Flow, backward: Flow) -> Flow:
    """The backward flow at the ends of the forward flow; NaN where either is unknown."""
    _expect_same_size(forward=forward, backward=backward)
    set_out, returns = known(forward), known(backward)
    backward = torch.where(returns, backward, 0).to(forward)
    there = warp(torch.cat([backward, returns.to(forward)], dim=1), torch.where(set_out, forward, 0), "bilinear")
    share = there[:, 2:]  # of known pixels among the four; a rounded place gives a trace of weight to its neighbour
    return torch.where(set_out & (share > 0.999), there[:, :2] / share.clamp(min=0.5), torch.nan)


def _compared(flow: Flow, truth: Flow, valid: Mask | None) -> tuple[Flow, Flow, Error]:
    """Both flows, 0 where there is nothing to compare; and a map of 0, of NaN for no truth, of inf for no estimate."""
    _expect_same_size(flow=flow, truth=truth)
    asked, answered = known(truth), known(flow)
    if valid is not None:
        expect_mask(valid, like=flow)
        asked = asked & valid
    flow, truth = (torch.where(asked & answered, w, 0) for w in (flow, truth))
    blank = torch.where(answered, 0.0, torch.inf).where(asked, torch.nan)
    return flow, truth, blank[:, 0].to(flow)


def expect_mask(valid: Mask, like: Flow) -> None:
    """Refuse what is no mask `b 1 h w` for the flow `like`.

    Raises:
        ShapeError: not a bool tensor, or another shape.
    """
    shape, wanted = tuple(getattr(valid, "shape", ())), (len(like), 1, *like.shape[-2:])
    if getattr(valid, "dtype", None) != torch.bool or shape != wanted:
        raise ShapeError(
            f"valid is {getattr(valid, 'dtype', type(valid).__name__)} of shape {shape}",
            wanted=f"a bool tensor b 1 h w, here {wanted}",
            mend="valid[:, None] adds the axis, valid.bool() the type",
        )


def _expect_same_size(**flows: Tensor) -> None:
    (first_name, first), (name, second) = flows.items()
    expect_flow(first, name=first_name)
    expect_flow(second, name=name)
    if second.shape != first.shape:
        raise ShapeError(
            f"{name} has shape {tuple(second.shape)}, {first_name} {tuple(first.shape)}",
            wanted="the same shape",
            mend="resize_flow, which also rescales the values",
        )
