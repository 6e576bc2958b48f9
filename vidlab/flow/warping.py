"""Moving pictures about by a flow: warp, resize, pyramid.

A flow is `b 2 h w`: (u to the right, v down), in pixels per frame, of what the first frame shows at that pixel.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate, pad

from ..errors import ShapeError


def warp(
    image: Float[Tensor, "b c h w"], flow: Float[Tensor, "b 2 h w"], mode: str = "bicubic"
) -> Float[Tensor, "b c h w"]:
    """Fetch for each pixel what lies at the end of its flow: W(x, y) = image(x + u, y + v).

    With the true flow, the second frame warped *back* like this is the first one, except where something is hidden.
    Outside of the image, its border is repeated; `inside` tells where that happened.

    Args:
        image: float, usually the second frame.
        flow: in pixels.
        mode: "bicubic" (Catmull and Rom's), "bilinear" or "nearest".

    Raises:
        ShapeError: another shape, or integers.
        ValueError: another mode.

    >>> step = torch.arange(5.0).expand(1, 1, 3, 5)
    >>> warp(step, torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1).expand(1, 2, 3, 5), mode="bilinear")[0, 0, 0]
    tensor([1., 2., 3., 4., 4.])
    """
    expect_images(bounded=False, image=image)
    expect_flow(flow, like=image)
    if mode not in ("bicubic", "bilinear", "nearest"):
        raise ValueError(f'mode = {mode!r}. Wanted: "bicubic", "bilinear" or "nearest".')
    h, w = image.shape[-2:]
    x = flow[:, 0] + torch.arange(w, dtype=flow.dtype, device=flow.device)
    y = flow[:, 1] + torch.arange(h, dtype=flow.dtype, device=flow.device)[:, None]
    if mode == "bicubic":
        return catmull_rom(image, x, y)
    # grid_sample counts from -1 (left edge of the first pixel) to 1 (right edge of the last)
    grid = torch.stack([(2 * x + 1) / w - 1, (2 * y + 1) / h - 1], dim=-1)
    return grid_sample(image, grid.to(image), mode=mode, padding_mode="border", align_corners=False)


def catmull_rom(
    image: Float[Tensor, "b c h w"], x: Float[Tensor, "b H W"], y: Float[Tensor, "b H W"]
) -> Float[Tensor, "b c H W"]:
    """The image between its pixels, by the cubic that is exact for parabolas; outside, its border is repeated.

    R. Keys, *Cubic convolution interpolation* (IEEE Trans. ASSP 29, 1981), with his a = −1/2. PyTorch's own bicubic has
    a = −3/4: a ramp comes out up to 0.05 pixels from where it should be, which a flow of 0.01 pixels cannot bear.
    """
    b, c, h, w = image.shape
    x, y = x.clamp(0, w - 1), y.clamp(0, h - 1)
    left, top = x.detach().floor(), y.detach().floor()
    across, down = cubic_weights(x - left), cubic_weights(y - top)
    pixels = pad(image, (1, 2, 1, 2), mode="replicate").flatten(2)
    corner = (top * (w + 3) + left).long().flatten(1)[:, None].expand(-1, c, -1)

    def pixel(i: int, j: int) -> Tensor:
        return pixels[..., j * (w + 3) + i :].gather(2, corner).view(b, c, *x.shape[1:])

    value = torch.zeros_like(pixel(0, 0))
    for j in range(4):
        row = across[0] * pixel(0, j)
        for i in range(1, 4):
            row = torch.addcmul(row, across[i], pixel(i, j))
        value = torch.addcmul(value, down[j], row)
    return value


def cubic_weights(t: Tensor) -> tuple[Tensor, ...]:
    """Of the four pixels at −1, 0, 1 and 2, for a place t between 0 and 1; with an axis for the channels.

    A straight line, 1 − t and t, and what bends it.
    """
    t = t[:, None]
    s = 1 - t
    bend = t * s / 2
    return -bend * s, torch.addcmul(s, bend, 2 - 3 * t), torch.addcmul(t, bend, 3 * t - 1), -bend * t


def inside(flow: Float[Tensor, "b 2 h w"]) -> Bool[Tensor, "b 1 h w"]:
    """Where the flow ends inside of the frame, up to the outer edge of its pixels.

    Raises:
        ShapeError: no flow.
    """
    expect_flow(flow)
    h, w = flow.shape[-2:]
    x = flow[:, :1] + torch.arange(w, device=flow.device)
    y = flow[:, 1:] + torch.arange(h, device=flow.device)[:, None]
    return (x > -0.5) & (x < w - 0.5) & (y > -0.5) & (y < h - 0.5)


def resize(image: Float[Tensor, "b c h w"], size: tuple[int, int]) -> Float[Tensor, "b c H W"]:
    """Smaller or larger, bilinear, each new pixel averaging over all that it covers."""
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    return interpolate(image, size=size, mode="bilinear", align_corners=False, antialias=True)


def resize_flow(flow: Float[Tensor, "b 2 h w"], size: tuple[int, int]) -> Float[Tensor, "b 2 H W"]:
    """A flow for the same frames at another size: its *values* shrink and grow with the picture.

    A point that moves 8 pixels moves 4 in a picture of half the width; forgetting this is the commonest mistake with
    flow.

    Raises:
        ShapeError: no flow.

    >>> resize_flow(torch.full((1, 2, 4, 8), 6.0), (4, 4))[0, :, 0, 0]
    tensor([3., 6.])
    """
    expect_flow(flow)
    (h, w), (new_h, new_w) = flow.shape[-2:], size
    return resize(flow, size) * torch.tensor([new_w / w, new_h / h]).to(flow).reshape(1, 2, 1, 1)


def pyramid(
    image: Float[Tensor, "b c h w"], levels: int | None = None, smallest: int = 16
) -> list[Float[Tensor, "b c _h _w"]]:
    """The image and its halves, coarsest first: as many as `levels`, or down to a short side of `smallest` pixels."""
    images = [image]
    while len(images) < levels if levels else min(images[-1].shape[-2:]) >= 2 * smallest:
        h, w = images[-1].shape[-2:]
        images.append(resize(images[-1], ((h + 1) // 2, (w + 1) // 2)))
    return images[::-1]


def expect_images(*, bounded: bool = True, **images: Tensor) -> None:
    """Refuse what are no float images `b c h w` of one shape; `bounded`: nor those whose values are not near [0, 1].

    Raises:
        ShapeError: not a tensor, another number of axes, integers, or shapes that differ.
    """
    first = next(iter(images.values()))
    for name, image in images.items():
        if not isinstance(image, Tensor):
            raise ShapeError(f"{name} is a {type(image).__name__}", wanted="a tensor b c h w", mend="clip.float()")
        if image.ndim != 4 or not image.numel():
            raise ShapeError(
                f"{name} has shape {tuple(image.shape)}", wanted="b c h w, none of them 0", mend="frame[None] for one"
            )
        if not image.is_floating_point():
            raise ShapeError(f"{name} is {image.dtype}", wanted="floats in [0, 1]", mend=f"{name}.float() / 255")
        low, high = (float(value) for value in image.detach().aminmax()) if bounded else (0.0, 1.0)
        if not (low > -9 and high < 9):  # also false for NaN
            raise ShapeError(
                f"{name} with values from {low:.3g} to {high:.3g}",
                wanted="finite floats in [0, 1]",
                mend="torch.nan_to_num(image)" if low != low else f"{name} / 255",
            )
        if image.shape != first.shape:
            raise ShapeError(
                f"{name} has shape {tuple(image.shape)}, the first image {tuple(first.shape)}", wanted="the same shape"
            )
        if image.device != first.device or image.dtype != first.dtype:
            raise ShapeError(
                f"{name} is {image.dtype} on {image.device}, the first image {first.dtype} on {first.device}",
                wanted="one dtype and device",
                mend=f"{name}.to(the first image)",
            )


def expect_flow(flow: Tensor, like: Tensor | None = None, name: str = "flow") -> None:
    """Refuse what is no flow `b 2 h w`, or none for the image `like`.

    Raises:
        ShapeError: not a float tensor, another shape or size.
    """
    shape = tuple(getattr(flow, "shape", ()))
    if len(shape) != 4 or shape[1] != 2 or 0 in shape:
        mend = 'rearrange(flow, "b h w d -> b d h w")' if len(shape) == 4 and shape[-1] == 2 else "flow[None] for one"
        raise ShapeError(f"{name} has shape {shape}", wanted="b 2 h w", mend=mend)
    if not flow.is_floating_point():
        raise ShapeError(f"{name} is {flow.dtype}", wanted="floats, in pixels", mend=f"{name}.float()")
    if like is not None and (shape[0], *shape[2:]) != (like.shape[0], *like.shape[2:]):
        raise ShapeError(
            f"{name} of shape {shape} for images of shape {tuple(like.shape)}",
            wanted="the same b, h and w",
            mend="resize_flow(flow, image.shape[-2:])",
        )
