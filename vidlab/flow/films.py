"""Flow as the input of a network: every field of a clip, computed once, and stored like a picture.

K. Simonyan, A. Zisserman, *Two-stream convolutional networks for action recognition in videos* (NIPS 2014), section 3:
L consecutive fields are stacked, u and v each a channel; flow is computed beforehand, rescaled to [0, 255] and stored
as a picture; the mean of each field is subtracted, which takes away a part of the camera's motion.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from uuid import uuid4

import torch
from einops import rearrange
from jaxtyping import Float, Shaped, UInt8
from torch import Tensor
from tqdm.auto import tqdm

from .. import checkpoints
from ..catalogue import cache as cache_folder
from ..errors import ShapeError, VidlabError, expect_clip
from .horn_schunck import horn_schunck, horn_schunck_1981
from .lucas_kanade import lucas_kanade

METHODS = {"lucas_kanade": lucas_kanade, "horn_schunck": horn_schunck, "horn_schunck_1981": horn_schunck_1981}
REACH = 4.0  # pixels per frame: what a stored flow can say, up and down, left and right
CHUNK = 32  # clips whose flow is computed at once
LIMIT = 1 << 30  # bytes of flow that are kept on disk: the oldest go first

Fields = Float[Tensor, "n l 2 h w"]


def fields(
    clips: Shaped[Tensor, "n t c h w"],
    method: str = "lucas_kanade",
    *,
    cache: bool = True,
    progress: bool = False,
    **settings: float | bool | str | tuple[int, ...] | None,
) -> Fields:
    """The flow from each frame to the next, T − 1 fields a clip, in pixels per frame, kept to 1/1000 of their size.

    No gradient goes back to the clips. A file that cannot be read or written is worth a warning, never an error.

    Args:
        clips: uint8, or floats in [0, 1]; at least two frames.
        method: "lucas_kanade", "horn_schunck" or "horn_schunck_1981", with the settings of that function.
        cache: keep them on disk, in the user's cache folder, by what is in the clips, the settings and the code; the
            same clips are not computed again. The least lately used go when there is more than a gigabyte.
        progress: show a bar.

    Raises:
        ShapeError: no clips, or clips of one frame.
        ValueError: another method, or a setting that the method refuses.

    >>> still = torch.rand(1, 1, 3, 16, 16).expand(2, 3, 3, 16, 16)
    >>> fields(still, cache=False).shape
    torch.Size([2, 2, 2, 16, 16])
    """
    expect_clip(clips, "clips")
    if clips.ndim != 5 or clips.shape[1] < 2 or 0 in clips.shape:
        mend = "clips[None] for one clip" if clips.ndim == 4 else ""
        raise ShapeError(f"clips of shape {tuple(clips.shape)}", wanted="n t c h w of two frames or more", mend=mend)
    if method not in METHODS:
        raise ValueError(f"method = {method!r}. Wanted: one of {', '.join(map(repr, METHODS))}.")
    path = None
    if cache:
        made_by = {
            "method": method,
            "settings": repr(sorted(settings.items())),
            "code": code(),
            "clips": content(clips),
        }
        path = cache_folder() / "flow" / f"{hashlib.sha256(repr(made_by).encode()).hexdigest()[:32]}.pt"
        if (kept := recall(path, made_by)) is not None:
            return kept.float().to(clips.device)
    parts = tqdm(clips.split(CHUNK), desc=f"flow by {method}", leave=False, delay=1, disable=not progress)
    found = torch.cat([between(part, method, **settings) for part in parts])
    if path is not None:
        keep(path, {"flow": found.cpu(), "content": content(found), "settings": made_by})
    return found.float()


@torch.no_grad()
def between(clips: Shaped[Tensor, "n t c h w"], method: str, **settings: float | bool | str | tuple | None) -> Tensor:
    """The same for a few clips, in half precision."""
    films = clips.float() / 255 if clips.dtype == torch.uint8 else clips.float()
    first, second = (rearrange(each, "n l c h w -> (n l) c h w") for each in (films[:, :-1], films[:, 1:]))
    return rearrange(METHODS[method](first, second, **settings), "(n l) d h w -> n l d h w", n=len(clips)).half()


def less_camera(flow: Fields, how: str = "mean") -> Fields:
    """Each field without what all of its pixels have in common: the mean of u and of v over space, or their median.

    A camera that shifts adds the same to every pixel. The mean takes away a part of what moves, too; the median does
    not, as long as less than half of the pixels move. how="none" leaves all as it is.

    Raises:
        ShapeError: no flow `n l 2 h w`.
        ValueError: another way.
    """
    expect_fields(flow)
    if how not in ("none", "mean", "median"):
        raise ValueError(f'how = {how!r}. Wanted: "none", "mean" or "median".')
    if how == "none":
        return flow
    if how == "mean":
        return flow - flow.mean((-2, -1), keepdim=True)
    return flow - flow.flatten(-2).median(-1).values[..., None, None]


def as_picture(flow: Fields, reach: float = REACH) -> UInt8[Tensor, "n l 2 h w"]:
    """Flow as it is stored: −reach … reach become 0 … 255, what lies beyond is cut off, and rest is 128.

    Raises:
        ShapeError: no flow `n l 2 h w`.
        ValueError: a reach that is not above 0.
    """
    expect_fields(flow)
    if not reach > 0:
        raise ValueError(f"reach = {reach}. Wanted: pixels per frame, above 0.")
    return (255 * (0.5 + flow / (2 * reach)).clamp(0, 1) + 0.5).byte()


def film(clips: UInt8[Tensor, "n t 3 h w"], flow: Fields, reach: float = REACH) -> UInt8[Tensor, "n l 5 h w"]:
    """A film with flow: at each moment red, green, blue, and where it goes from there, as a picture. L = T − 1.

    Raises:
        ShapeError: clips that are not uint8 `n t 3 h w`, or flow that does not fit them.
    """
    expect_clip(clips, "clips")
    if clips.ndim != 5 or clips.shape[2] != 3:
        mend = "clips[None] for one clip" if clips.ndim == 4 else "clips.expand(-1, -1, 3, -1, -1)"
        raise ShapeError(f"clips of shape {tuple(clips.shape)}", wanted="n t 3 h w", mend=mend)
    stored = as_picture(flow, reach)
    if clips.dtype != torch.uint8:
        mend = "(255 * clips).round().byte()"
        raise ShapeError(f"clips are {clips.dtype}", wanted="uint8, as they are stored", mend=mend)
    n, t, _, h, w = clips.shape
    if stored.shape != (n, t - 1, 2, h, w):
        raise ShapeError(
            f"flow of shape {tuple(flow.shape)}", wanted=f"{(n, t - 1, 2, h, w)}, one field less than frames"
        )
    return torch.cat([clips[:, :-1], stored], dim=2)


def expect_fields(flow: Tensor) -> None:
    """Refuse what is no flow `n l 2 h w`."""
    if not isinstance(flow, Tensor) or flow.ndim != 5 or flow.shape[2] != 2 or not flow.is_floating_point():
        came = f"flow of shape {tuple(flow.shape)}, {flow.dtype}" if hasattr(flow, "shape") else f"flow = {flow!r:.40}"
        raise ShapeError(came, wanted="floats n l 2 h w, in pixels per frame", mend="flow[None] for one clip")


def content(tensor: Tensor) -> str:
    """All that is in clips, or in flow, as a hash."""
    pixels = tensor.detach().cpu().contiguous()
    return f"{pixels.dtype} {tuple(pixels.shape)} {hashlib.sha256(pixels.view(torch.uint8).numpy()).hexdigest()}"


@lru_cache(maxsize=1)
def code() -> str:
    """Of the files that compute flow, a hash: who changes them gets new fields."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def recall(path: Path, made_by: dict[str, str]) -> Tensor | None:
    """What is kept under this name; None if there is nothing, or nothing that can be read."""
    try:
        if not path.exists():
            return None
        state = checkpoints.load(path, made_by)
        kept = state["flow"]
        if content(kept) != state["content"]:
            raise VidlabError(f"{path} is damaged: this is not the flow that was written")
    except (VidlabError, OSError, KeyError) as error:
        if not isinstance(error.__cause__, FileNotFoundError):  # else another process has let it go just now
            warnings.warn(f"flow is computed again: {getattr(error, 'what', error)}", stacklevel=3)
        return None
    with suppress(OSError):  # a folder where one may only read
        os.utime(path)  # used just now
    return kept


def keep(path: Path, state: dict) -> None:
    """Write it if that is possible, and let the least lately used go if there is too much."""
    try:
        mine = path.with_name(f"{path.stem}-{uuid4().hex}.pt")  # another process may be writing the same
        checkpoints.save(mine, state)
        os.replace(mine, path)
    except OSError as error:
        warnings.warn(f"flow could not be kept ({error}); it will be computed again next time", stacklevel=3)
        return
    with suppress(OSError):  # what another process has just let go, or what may not go
        files = sorted(path.parent.glob("*.pt*"), key=lambda file: file.stat().st_mtime, reverse=True)
        total = 0
        for file in files:
            total += file.stat().st_size
            if total > LIMIT and file != path:
                file.unlink()
