"""Leaks: what stands on both sides of a split, so that a model is asked about what it has seen.

Three looks, each finer: the same source; the same file, byte by byte; and clips that look alike, because a video was
uploaded twice, or cut from a film that nobody named.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import torch
from einops import rearrange
from jaxtyping import Bool, Shaped
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from .rows import Row, Rows
from .storage import Store

BITS = 64  # of a frame
ALIKE = 6.5  # of 64 bits, on average: re-encoding changes one or two, another scene about 32
FLAT = 4.0  # grey levels: below, a frame shows nothing that could be compared
PLACES = (0.1, 0.5, 0.9)  # frames that are compared, as a share of the clip


@dataclass(frozen=True)
class Leaks:
    """What stands on both sides. sources: names. files: pairs of rows. clips: pairs of rows, and bits that differ."""

    sources: tuple[str, ...]
    files: tuple[tuple[Row, Row], ...]
    clips: tuple[tuple[Row, Row, float], ...]
    single: bool = False  # each file counts as its own source

    def __bool__(self) -> bool:
        return bool(self.sources or self.files or self.clips)

    def __repr__(self) -> str:
        if not self:
            return "nothing stands on both sides" + ", but each file counts as its own source" * self.single
        lines = [f"{len(self.sources)} sources on both sides: {_few(self.sources)}"] if self.sources else []
        pairs = [f"{a.path.name} = {b.path.name}" for a, b in self.files]
        lines += [f"{len(pairs)} files on both sides, byte by byte: {_few(pairs)}"] if pairs else []
        alike = [f"{a.path.name} ≈ {b.path.name}" for a, b, _ in self.clips]
        lines += [f"{len(alike)} pairs of clips that look alike: {_few(alike)}"] if alike else []
        return "\n".join(lines)


def leaks(train: Rows, test: Rows, store: Store | None = None) -> Leaks:
    """Sources, identical files and clips that look alike, on both sides of a split.

    Files are compared by SHA-256, only those of equal size. Clips are compared by a difference hash of three frames
    (N. Krawetz, *Kind of like that*, 2013): each frame as 8 × 8 signs of the change to the right, of which about one in
    ten may differ. It sees re-encoded, resized and brightened copies; it does not see mirrored or cropped ones.

    Args:
        store: where the clips of both sides lie; without it they are not compared.
    """
    sources = tuple(sorted(set(train.sources) & set(test.sources)))
    files = tuple(_identical(train, test))
    known = {(a.path, b.path) for a, b in files}
    clips = () if store is None else tuple(x for x in _alike(train, test, store) if (x[0].path, x[1].path) not in known)
    single = len({*train.sources, *test.sources}) == len(train) + len(test)
    return Leaks(sources, files, clips, single)


def _identical(train: Rows, test: Rows):
    by_size = defaultdict(lambda: ([], []))
    for side, rows in enumerate((train, test)):
        for row in rows:
            by_size[os.stat(row.path).st_size if row.path.exists() else -1][side].append(row)
    for size, (one, other) in sorted(by_size.items()):
        if one and other and size >= 0:
            sums = defaultdict(list)
            for row in one:
                sums[_sum(row.path)].append(row)
            for row in other:
                for same in sums.get(_sum(row.path), []):
                    if (same.start, same.stop) == (row.start, row.stop):
                        yield same, row


def _sum(path: Path) -> str:
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        for part in iter(lambda: file.read(1 << 20), b""):
            digest.update(part)
    return digest.hexdigest()


def _alike(train: Rows, test: Rows, store: Store):
    sides = [[row for row in rows if store.slot(row) is not None] for rows in (train, test)]
    if not all(sides):
        return
    clips = store.tensor()
    marks = [torch.stack([signs(clips[store.slot(row), 0]) for row in side]) for side in sides]
    flat = [torch.tensor([_is_flat(clips[store.slot(row), 0]) for row in side]) for side in sides]
    ones = rearrange(marks[0], "n f b -> n (f b)").float()
    for place, mark in enumerate(rearrange(marks[1], "n f b -> n (f b)").float()):
        differ = (ones.sum(1) + mark.sum() - 2 * ones @ mark) / len(PLACES)  # bits that differ, of a frame
        for other in ((differ <= ALIKE) & ~flat[0] & ~flat[1][place]).nonzero().flatten().tolist():
            yield sides[0][other], sides[1][place], float(differ[other])


def signs(clip: Shaped[Tensor, "t c h w"]) -> Bool[Tensor, "f bits"]:
    """The difference hash of three frames: whether it becomes brighter to the right, at 8 × 8 places."""
    frames = clip[[round(place * (len(clip) - 1)) for place in PLACES]].float().mean(1, keepdim=True)
    small = adaptive_avg_pool2d(frames, (8, 9))[:, 0]
    return rearrange(small[:, :, 1:] > small[:, :, :-1], "f h w -> f (h w)")


def _is_flat(clip: Tensor) -> bool:
    frames = clip[[round(place * (len(clip) - 1)) for place in PLACES]].float().mean(1, keepdim=True)
    return bool(adaptive_avg_pool2d(frames, (8, 9)).std() < FLAT)


def _few(names) -> str:
    return ", ".join(list(names)[:3]) + (", …" if len(names) > 3 else "")
