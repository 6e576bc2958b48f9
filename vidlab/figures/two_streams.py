"""TwoStreams: what a spatial and a temporal network answer, what their mean makes of it, and how noise changes that."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Int64
from matplotlib.colors import LinearSegmentedColormap
from PIL import Image
from torch import Tensor, nn

from ..flow import colorize
from ..models import TwoStream
from ..torus import World
from .frame import Widget, caption, inside
from .sprite import make_sprite
from .two_streams_asked import asked
from .two_streams_data import Disturbance, checked, checked_truth
from .two_streams_packed import fields, films, reach_of
from .two_streams_poster import two_streams_poster
from .two_streams_words import curve_head, halves, percent, table, told

GATE = LinearSegmentedColormap.from_list("gate", ["#b84a00", "#f4f1ec", "#0072b2"])  # the motion … the picture
ENDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)  # of the bars


class TwoStreams(Widget):
    """A clip beside its flow, the scores of each stream as bars, and their course as a disturbance grows.

    Where scores are the mean of two others, as of late fusion by averaging (Simonyan and Zisserman 2014), each bar is
    made of the two halves. Classes that are all pairs of words, "red right", "red left" …, stand in a table: what knows
    only one of the words fills a row or a column. All bars, of all levels and clips, have one scale; so has the flow.

    Args:
        disturbances: one or several, of the same clips and with scores of the same names. Levels and clips of all
            together at most 96; clips of at most 16 frames.
        truth: the right class of each clip.
        classes: the name of each class, 2 to 24.
        title: printed under the figure.
        reach: the length of flow, in pixels per frame, with a full colour; by default nearly the longest.
        fps: frames per second.
        disturbance, level, clip, frame: numbers of what is shown at first, from 0.

    Raises:
        ShapeError: what does not fit together or on a page, or a first view that does not exist.
    """

    script = "two_streams.js"

    def __init__(
        self,
        disturbances: Disturbance | Sequence[Disturbance],
        truth: Int64[Tensor | np.ndarray, " n"],
        classes: Sequence[str],
        title: str | None = None,
        reach: float | None = None,
        *,
        fps: float = 4,
        disturbance: int = 0,
        level: int = 0,
        clip: int = 0,
        frame: int = 0,
    ) -> None:
        self.classes, self.title = [str(name) for name in classes], title or ""
        self.levels, self.names = checked(disturbances, self.classes)
        self.n, self.t, *self.size = self.levels[0].clips.shape[1:5]
        self.truth = checked_truth(truth, self.n, len(self.classes))
        self.moments = self.levels[0].flow.shape[2]
        self.means = halves(np.concatenate([one.p.reshape(-1, *one.p.shape[2:]) for one in self.levels]))
        most = max(float(one.p.max()) for one in self.levels)
        self.end = next(end for end in ENDS if most <= end + 1e-9)
        self.reach = reach_of(self.levels, reach)
        self.views = [self._for_page(k) for k in range(len(self.levels))]
        words = len(json.dumps(self.views, ensure_ascii=False).encode())
        self.films, self.fields = films(self.levels, fps, words), fields(self.levels, self.reach, words)
        self.disturbance = inside("disturbance", disturbance, len(self.levels), 0)
        self.level = inside("level", level, len(self.levels[self.disturbance].values), 0)
        self.clip, self.frame = inside("clip", clip, self.n, 0), inside("frame", frame, self.t, 0)
        self.alt = self._alt()

    @classmethod
    def of(
        cls,
        streams: Mapping[str, nn.Module],
        world: World,
        *,
        gated: TwoStream | None = None,
        shown: int = 3,
        tests: int = 200,
        seed: int = 0,
        **words: str | float | int | None,
    ) -> TwoStreams:
        """Ask trained streams for colour and direction, in more and more disturbed clips of a world.

        Args:
            streams: name → what takes films with flow; the mean of their probabilities is added as "mean".
            world: as it was learned from; of one object.
            gated: a `TwoStream` with fuse="gated", whose gate is shown, and its answer as "gated".
            shown, tests: how many clips are on the page, and behind the curves. seed: which.
            words: title, reach, fps and what is shown at first.
        """
        disturbances, truth, classes = asked(streams, world, gated, shown, tests, seed)
        return cls(disturbances, truth, classes, **words)

    def state(self) -> dict:
        said, (h, w) = [] if self.films.lossless else ["lossy compression of the frames"], self.fields.codes.shape[1:3]
        said += [] if (h, w) == tuple(self.size) else [f"flow of {w}×{h} pixels"]
        return {
            "films": self.films.state(),
            "fields": self.fields.sheet.state(),
            "tones": make_sprite(rearrange(torch.from_numpy(self.tones), "v u c -> 1 c v u"), budget=10**9).state(),
            "half": self.fields.half,
            "rim": round(self.reach / self.fields.step),
            "reach": self.reach,
            "counts": [self.n, self.t, self.moments],
            "disturbances": self.views,
            "names": self.names,
            "means": [list(self.means[k]) if k in self.means else None for k in range(len(self.names))],
            "classes": self.classes,
            "table": table(self.classes),
            "truth": self.truth,
            "end": self.end,
            "gateTones": base64.b64encode(self.gate_tones.tobytes()).decode(),
            "caption": caption(self.title, said),
            "disturbance": self.disturbance,
            "level": self.level,
            "clip": self.clip,
            "frame": self.frame,
        }

    def film(self, disturbance: int, level: int, clip: int) -> np.ndarray:
        """The frames as the page has them, bytes `t h w 3`."""
        start = self.view(disturbance, level, clip) * self.t
        return self.films.frames[start : start + self.t]

    def flow(self, disturbance: int, level: int, clip: int) -> np.ndarray:
        """The fields as the page has them, `l h w 2`, in pixels per frame."""
        start = self.view(disturbance, level, clip) * self.moments
        return self.fields.codes[start : start + self.moments] * self.fields.step

    def coloured(self, disturbance: int, level: int, clip: int) -> np.ndarray:
        """The fields in colour, bytes `l h w 3`."""
        u, v = np.moveaxis(np.rint(self.flow(disturbance, level, clip) / self.fields.step).astype(int), -1, 0)
        return self.tones[v + self.fields.half, u + self.fields.half]

    def view(self, disturbance: int, level: int, clip: int) -> int:
        """Which row of the sheets that is."""
        before = sum(len(one.values) for one in self.levels[:disturbance])
        return (before + level) * self.n + clip

    def told(self, disturbance: int, level: int, clip: int) -> str:
        """The sentence below the bars."""
        return "".join(words for _, words in self._told(disturbance, level, clip))

    @cached_property
    def tones(self) -> np.ndarray:
        """The colour of every flow that there is on the page, bytes `v u 3`: the wheel, and what lies around it."""
        axis = torch.arange(-self.fields.half, self.fields.half + 1) * self.fields.step
        v, u = torch.meshgrid(axis, axis, indexing="ij")
        colours = colorize(torch.stack([u, v])[None], largest=self.reach)[0]
        return (colours.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()

    @cached_property
    def gate_tones(self) -> np.ndarray:
        """256 colours of a gate from 0 to 1, bytes `256 3`."""
        return GATE(np.arange(256) / 255, bytes=True)[:, :3]

    def gate_codes(self, disturbance: int) -> np.ndarray:
        """Its gates from 0 to 255, bytes `v n h2 w2`."""
        return np.rint(255 * self.levels[disturbance].gate).astype(np.uint8)

    @cached_property
    def _poster(self) -> Image.Image:
        return two_streams_poster(self)

    def poster_image(self) -> Image.Image:
        """The first view: frame, flow, bars, and how the accuracy falls."""
        return self._poster

    def _told(self, disturbance: int, level: int, clip: int) -> list[tuple[int | None, str]]:
        p = self.levels[disturbance].p[level, clip]
        return told(self.names, self.classes, self.truth[clip], p, self.means)

    def _for_page(self, k: int) -> dict:
        one = self.levels[k]
        v, n = range(len(one.values)), range(self.n)
        lengths = np.hypot(one.flow[..., 0], one.flow[..., 1]).mean((2, 3, 4))
        gate = None
        if one.gate is not None:
            codes = base64.b64encode(self.gate_codes(k).tobytes()).decode()
            gate = {"shape": list(one.gate.shape[2:]), "codes": codes, "mean": one.gate.mean((2, 3)).round(3).tolist()}
        return {
            "name": one.name,
            "values": [f"{value:g}" for value in one.values],
            "first": self.view(k, 0, 0),
            "p": one.p.round(4).tolist(),
            "top": one.p.argmax(-1).tolist(),
            "told": [[self._told(k, level, clip) for clip in n] for level in v],
            "lengths": lengths.round(2).tolist(),
            "gate": gate,
            "head": curve_head(one.tests, len(self.classes)),
            "accuracy": one.accuracy and [one.accuracy.get(name) for name in self.names],
        }

    def _alt(self) -> str:
        """What is shown, what each says of the first view, and what the disturbances do to the flow and the answers."""
        (h, w), d, level, clip = self.size, self.disturbance, self.level, self.clip
        one = self.levels[d]
        many = f"{self.n} clips" if self.n > 1 else "a clip"
        said = [
            f"{self.title or 'Two streams'}: {many} of {self.t} frames of {w}×{h} pixels, {self.moments} flow fields, "
            f"and the scores of {', '.join(self.names)} for {len(self.classes)} classes",
            f"Clip {clip + 1}, {one.name} {one.values[level]:g}: {self.told(d, level, clip).removesuffix('.')}",
        ]
        if one.gate is not None:
            mean = one.gate[level, clip].mean()
            said.append(f"The gate, a mean over features, is {mean:.2f} over all places, from 0, motion, to 1, picture")
        for each in self.levels:
            length = np.hypot(each.flow[..., 0], each.flow[..., 1]).mean((1, 2, 3, 4))
            ends = f"from {each.values[0]:g} to {each.values[-1]:g}"
            words = f"{each.name} {ends}: the flow's mean length goes from {length[0]:.2f} to {length[-1]:.2f} pixels"
            for name, line in (each.accuracy or {}).items():
                words += f", the accuracy of {name} from {100 * line[0]:.0f} to {100 * line[-1]:.0f} %"
            if each.accuracy:
                words += f" ({curve_head(each.tests, len(self.classes))}; chance {percent(1 / len(self.classes))})"
            said.append(words)
        return ". ".join(said) + "."
