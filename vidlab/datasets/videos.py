"""One's own videos in two lines: open a folder, and divide it into tensors that `training.fit` and `evaluate` take.

videos = datasets.open("folder", frames=8, size=64)
train, test = videos.split()
training.fit(model, *train)
training.evaluate(model, *test)
"""

from __future__ import annotations

import os
import re
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import torch
from einops import rearrange, repeat
from jaxtyping import Int64, UInt8
from torch import Tensor

from .. import catalogue
from ..errors import DataError
from . import listing, splits
from .balance import Counts, counts
from .leakage import Leaks, leaks
from .rows import Rows
from .storage import LIMIT, Store, store

HOW = {"source": splits.by_source, "random": splits.at_random}
SHARE = 0.5  # of the memory that is free: a part larger than this stays on disk


@dataclass(frozen=True, eq=False, repr=False)
class Part:
    """One side of a split. `*part` is clips and labels: of single clips to learn from, of whole videos to be asked.

    videos: bytes `v k t c h w`, k clips of each video. rows: the v videos. each: "clip" or "video", what `*part` gives.
    """

    rows: Rows
    videos: UInt8[Tensor, "v k t c h w"]
    each: str = "clip"

    def __iter__(self) -> Iterator[Tensor]:
        yield from (self.clips, self.clip_labels) if self.each == "clip" else (self.videos, self.labels)

    @property
    def clips(self) -> UInt8[Tensor, "n t c h w"]:
        """All clips, those of one video one after another: n = v · k."""
        return rearrange(self.videos, "v k t c h w -> (v k) t c h w")

    @property
    def labels(self) -> Int64[Tensor, " v"]:
        """The class of each video."""
        return self.rows.labels

    @property
    def clip_labels(self) -> Int64[Tensor, " n"]:
        """The class of each clip."""
        return repeat(self.labels, "v -> (v k)", k=self.videos.shape[1])

    def __repr__(self) -> str:
        v, k, t, _, h, w = self.videos.shape
        sources = len(self.rows.sources)
        return f"Part({v} videos from {sources} sources, each {k} clip{'s' * (k > 1)} of {t} frames of {h}×{w})"


class Videos:
    """The videos of a listing, cut and stored. rows: those that can be used. skipped: names, and why the others not."""

    def __init__(self, rows: Rows, made: Store) -> None:
        self.listed, self.store = rows, made
        self.rows = rows.where(lambda row: made.slot(row) is not None)
        self.skipped = {row.path.name: made.reason(row) for row in rows if made.slot(row) is None}
        if not len(self.rows):
            some = next(iter(self.skipped.items()))
            raise DataError(f"none of {len(rows)} videos can be used; {some[0]}: {some[1]}", mend="look at the files")

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the class numbers."""
        return self.rows.classes

    def split(self, how: str = "source", *, test: float = 0.2, seed: int = 0) -> tuple[Part, Part]:
        """(train, test).

        Args:
            how: "source", the honest one; "official", as the listing says; "random", which leaks (see `at_random`).
            test: the share to be asked about; not for "official". seed: of the choice.

        Raises:
            DataError: no such split, or it is impossible.
        """
        if how == "official":
            return self.parts(*splits.official(self.rows))
        if how not in HOW:
            raise DataError(f"split {how!r}", wanted="source, official or random")
        return self.parts(*HOW[how](self.rows, test, seed))

    def parts(self, train: Rows, test: Rows) -> tuple[Part, Part]:
        """Two sides that were chosen otherwise, as by `leave_one_source_out(videos.rows)`."""
        return self.part(train), self.part(test, each="video")

    def part(self, rows: Rows, each: str = "clip") -> Part:
        """The clips of some rows. They stay on disk if they lie there in one piece, or would fill the memory.

        Raises:
            DataError: no row, or one that is not in the store.
        """
        slots = [self.store.slot(row) for row in rows]
        if not slots or None in slots:
            raise DataError(f"{len(slots)} rows, {slots.count(None)} not in the store", wanted="rows of videos.rows")
        return Part(rows, gathered(self.store.tensor(), slots, self.store.folder), each)

    def counts(self) -> Counts:
        """How many videos each class has, and how many could not be used."""
        return counts(usable=self.rows, skipped=self.listed.where(lambda row: self.store.slot(row) is None))

    def leaks(self, train: Part | Rows, test: Part | Rows) -> Leaks:
        """What stands on both sides: sources, identical files, clips that look alike."""
        sides = (part.rows if isinstance(part, Part) else part for part in (train, test))
        return leaks(*sides, self.store)

    def __repr__(self) -> str:
        lines = [repr(Rows(self.rows, self.classes, self.listed.troubles))]
        if self.skipped:
            lines.append(f"{len(self.skipped)} skipped:")
            lines += [f"  {name}: {reason}" for name, reason in list(self.skipped.items())[:5]]
            lines += ["  …"] if len(self.skipped) > 5 else []
        return "\n".join(lines)


def open(  # noqa: A001
    what: str | os.PathLike | Rows,
    *,
    frames: int = 8,
    size: int = 64,
    clips_per_video: int = 1,
    stride: int | None = None,
    source: listing.Source = None,
    folder: str | os.PathLike | None = None,
    workers: int | None = None,
    limit: float = LIMIT,
    progress: bool = True,
) -> Videos:
    """List videos, cut their clips (once; the next time they are there), and hand them out as tensors.

    Args:
        what: a folder of class folders, a CSV table, or rows that another listing made.
        frames, size, clips_per_video, stride: which clips, and how small: see `Cut`.
        source: how to tell the source from a path: see `listing.folders`.
        folder: where the clips are kept; by default in the cache of this user, one place for each listing and cut.
        workers, limit: processes, and seconds for a video: see `store`.

    Raises:
        DataError: nothing to list, no room, or no video that can be used.
    """
    rows = listed(what, source)
    how = dict(frames=frames, size=size, clips_per_video=clips_per_video, stride=stride)
    place = Path(folder) if folder is not None else default_folder(rows, how)
    return Videos(rows, store(rows, place, **how, workers=workers, limit=limit, progress=progress))


def listed(what: str | os.PathLike | Rows, source: listing.Source = None) -> Rows:
    """The rows of a folder or a table."""
    if isinstance(what, Rows):
        return what
    return listing.folders(what, source=source) if Path(what).is_dir() else listing.table(what, source=source)


def default_folder(rows: Rows, how: dict) -> Path:
    """Where the clips of these videos are kept: a place in the cache, named after the videos' folder and the cut."""
    root = Path(os.path.commonpath([os.path.abspath(row.path.parent) for row in rows]))
    mark = zlib.crc32(repr((str(root), sorted(how.items()))).encode())
    return catalogue.cache() / "videos" / f"{re.sub(r'[^a-zA-Z0-9]+', '-', root.name) or 'videos'}-{mark:08x}"


def gathered(clips: Tensor, slots: list[int], folder: Path) -> UInt8[Tensor, "v k t c h w"]:
    """The clips of some slots: a view where they lie in one piece, else a copy in memory, or on disk if it is large."""
    if slots == list(range(slots[0], slots[0] + len(slots))):
        return clips[slots[0] : slots[0] + len(slots)]
    each = clips[0].nbytes
    if len(slots) * each <= SHARE * psutil.virtual_memory().available:
        return clips[torch.tensor(slots)]
    with tempfile.NamedTemporaryFile(dir=folder, prefix="part-", delete=os.name == "posix") as file:
        for slot in slots:
            file.write(clips[slot].numpy().tobytes())
        file.flush()  # the mapping keeps the bytes; the name goes with the block
        shape = (len(slots), *clips.shape[1:])
        return torch.from_numpy(np.memmap(file.name, np.uint8, mode="c", shape=shape))
