"""Films for the tests of `vidlab.datasets`, made here: small, real, and of which one can tell what they show."""

from fractions import Fraction

import av
import numpy as np

from vidlab.datasets import Row, Rows


def film(path, *, frames=16, size=(48, 64), codec="libx264", seed=0, bframes=2, gop=12, moving=4, pix_fmt="yuv420p"):
    """A texture of this seed, over which a bright square moves by `moving` pixels a frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dice = np.random.default_rng(seed)
    coarse = dice.integers(30, 170, (size[0] // 8, size[1] // 8, 3), dtype=np.uint8)
    ground = coarse.repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(25))
        stream.height, stream.width, stream.pix_fmt = *size, pix_fmt
        stream.gop_size = gop
        stream.codec_context.thread_count = 1
        if codec == "libx264":
            stream.options = {"bf": str(bframes), "crf": "18", "preset": "ultrafast", "sc_threshold": "0"}
        elif bframes and codec == "mpeg4":
            stream.options = {"bf": str(bframes)}
        for i in range(frames):
            image, left = ground.copy(), (i * moving) % (size[1] - 8)
            image[16:28, left : left + 8] = 240
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def rows_of(*paths, labels=None, sources=None):
    """Rows of these files; by default all of one class, and each its own source."""
    labels, sources = labels or ["a"] * len(paths), sources or [path.name for path in paths]
    return Rows(Row(*each) for each in zip(paths, labels, sources, strict=True))


def made_up(sizes):
    """Rows without files: {(label, source): videos}."""
    from pathlib import Path

    return Rows(
        Row(Path(f"{label}-{source}-{i}.mp4"), label, source) for (label, source), n in sizes.items() for i in range(n)
    )
