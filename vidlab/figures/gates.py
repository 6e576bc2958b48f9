"""Gates: what a ConvLSTM or a ConvGRU writes, keeps and shows at each place of its state, beside the clip it sees."""

from __future__ import annotations

import base64
from functools import cached_property

import matplotlib
import numpy as np
import torch
from PIL import Image
from torch import nn

from ..errors import ShapeError, expect_clip
from ..models.conv_recurrent import Stack
from .frame import Widget, caption, inside
from .gate_maps import ALL_BYTES, FILM_BYTES, FINEST, KINDS, MEAN, SIGNED, checked, chosen, gates_of, packed
from .gates_poster import gates_poster
from .pair import signed
from .sprite import make_sprite

COLOURS = {"gate": "cividis", "signed": "PuOr"}


class Gates(Widget):
    """A clip beside the gates, the candidate and the memory of a ConvLSTM or a ConvGRU, and their course at one place.

    Above: the frame and each quantity's map at this moment. Below: the same quantities over time at the chosen place,
    gates from 0 to 1, and on a scale of their own the candidate and what is remembered.

    Args:
        clip: `t c h w`, uint8 or float in [0, 1], at most 32 frames; or a `vidlab.clips.Clip`.
        gates: name -> `t d h2 w2`, as one layer gives them with `return_gates=True`: i, f, o, candidate, c and h of
            Shi et al. 2015, or z, r, candidate and h of Ballas et al. 2016. Sides of at most 32.
        channels: which of the d to show, at most 8; by default those whose h varies most over time and place, the
            most active first. One more choice is the mean over all d: of gates, and of |c̃|, |c| and |h|.
        fps: frames per second.
        title: printed under the figure.
        t: frame to begin with.
        place: (row, column) of the maps to begin with; by default where c (or h, in a ConvGRU) changes most from frame
            to frame, in the first channel.

    Raises:
        ShapeError: no clip, gates of another kind, length or size, gates outside [0, 1] or not finite, and channels, a
            frame or a place that do not exist.
    """

    script = "gates.js"

    def __init__(self, clip, gates, *, channels=None, fps: float = 4, title: str = "", t: int = 0, place=None):
        self.sprite = make_sprite(clip, fps=fps, budget=FILM_BYTES)
        count, high, wide = self.sprite.source
        self.kind, values = checked(gates, count, (high, wide))
        self.words = KINDS[self.kind]
        self.names, self.title = list(values), title
        self.memory = "c" if "c" in values else "h"  # what is carried from frame to frame
        self.all = values["h"].shape[1]
        self.asked = chosen(channels, values["h"])
        self.holds = self._equation_holds(values)
        self.maps = packed(values, self.asked, ALL_BYTES - len(self.sprite.sheet) - len(self.sprite.base or b""))
        self.channels = self.maps.channels
        self.channel = self.channels[0]
        first = {name: values[name][:, self.channel] for name in self.names}
        self.t = inside("t", t, count, 0)
        self.place = self._place(place, first[self.memory])
        self.alt = self._alt(first)

    @classmethod
    def of(cls, model: nn.Module, clip, *, layer: int = 0, **how):
        """Runs a copy of the model once, in evaluation mode and without gradients, and shows one of its layers.

        Args:
            model: `NextFrame` or `ConvRecurrent`. clip: `t c h w`, uint8 or float in [0, 1].
            layer: of `model.over_time`, 0 sees the frames. how: as for `Gates`: channels, fps, title …

        Raises:
            ShapeError: another model, a layer that it does not have, a clip that it refuses, or what `Gates` refuses.
        """
        if not isinstance(getattr(model, "over_time", None), Stack):
            wanted = "NextFrame or ConvRecurrent, whose over_time is a ConvLSTM or a ConvGRU"
            raise ShapeError(f"model is a {type(model).__name__}", wanted=wanted, mend="Gates(clip, gates) for others")
        frames = getattr(clip, "frames", clip)
        expect_clip(frames)
        if frames.ndim != 4:
            raise ShapeError(f"clip has shape {tuple(frames.shape)}", wanted="one clip, t c h w", mend="clip[0]")
        inside("layer", layer, len(model.over_time.layers), 0)
        weight = next(model.parameters())
        batch = frames[None].to(weight.device, weight.dtype) / (255 if frames.dtype == torch.uint8 else 1)
        return cls(clip, gates_of(model, batch, layer), **how)

    def state(self) -> dict:
        said = self.sprite.reductions
        if len(self.channels) < len(self.asked):
            said.append(f"{len(self.channels)} of {len(self.asked)} channels")
        if self.maps.steps < FINEST:
            said.append(f"values in {self.maps.steps} steps")
        return {
            "sprite": self.sprite.state(),
            "sheet": self.maps.sheet.state(),
            "shape": list(self.maps.codes.shape[3:]),
            "steps": self.maps.steps,
            "ends": self.maps.ends.tolist(),
            "quantities": [
                {"name": name, "sign": sign, "words": words, "signed": name in SIGNED}
                for name, (sign, words) in self.words.items()
            ],
            "colours": {kind: base64.b64encode(self.colours[kind].tobytes()).decode() for kind in COLOURS},
            "memory": self.memory,
            "holds": self.holds,
            "channels": self.channels,
            "all": self.all,
            "caption": caption(self.title, said),
            "t": self.t,
            "channel": self.channel,
            "place": list(self.place),
        }

    def values(self, name: str, channel: int | str) -> np.ndarray:
        """A quantity as the page has it, `t h2 w2`; channel: one of those shown, or "mean"."""
        n, k = self.names.index(name), [*self.channels, MEAN].index(channel)
        low, high = self.maps.ends[n, k]
        return low + self.maps.codes[n, :, k] * ((high - low) / self.maps.steps)

    def picture(self, name: str, channel: int | str, *, stretched: bool = False) -> np.ndarray:
        """Its maps in colour, bytes `t h2 w2 3`: gates from 0 to 1 or, stretched, over their own range."""
        low, high = self.maps.ends[self.names.index(name), [*self.channels, MEAN].index(channel)]
        if name not in SIGNED and not stretched:
            low, high = 0.0, 1.0
        share = (self.values(name, channel) - low) / max(high - low, 1e-12)
        tones = self.colours["signed" if name in SIGNED else "gate"]
        return tones[np.floor(share * 254 + 0.5).astype(int).clip(0, 254)]

    @cached_property
    def colours(self) -> dict[str, np.ndarray]:
        """255 colours of each map, bytes `255 3`: of a signed quantity the one in the middle is 0."""
        shares = np.linspace(0, 1, 255)
        return {k: matplotlib.colormaps[name](shares, bytes=True)[:, :3] for k, name in COLOURS.items()}

    @cached_property
    def _poster(self) -> Image.Image:
        return gates_poster(self)

    def poster_image(self) -> Image.Image:
        """The first view: frame, maps and lines."""
        return self._poster

    def _equation_holds(self, values: dict[str, np.ndarray]) -> bool:
        """Whether the memory is what was kept of it and what was written, from the second frame on."""
        memory, candidate = values[self.memory], values["candidate"]
        kept, written = (values["f"], values["i"]) if self.memory == "c" else (1 - values["z"], values["z"])
        apart = memory[1:] - kept[1:] * memory[:-1] - written[1:] * candidate[1:]
        return bool(np.abs(apart).max(initial=0.0) <= 1e-3 * np.abs(memory).max())

    def _place(self, place, memory: np.ndarray) -> tuple[int, int]:
        h, w = memory.shape[1:]
        if place is None:
            place = _peak(np.abs(np.diff(memory, axis=0)).sum(0) if len(memory) > 1 else np.abs(memory[0]))
        if not isinstance(place, tuple | list) or len(place) != 2:
            raise ShapeError(f"place = {place!r}", wanted="(row, column) of the maps")
        if not all(0 <= at < size for at, size in zip(place, (h, w), strict=True)):
            raise ShapeError(f"place = {tuple(place)}", wanted=f"0 ≤ row < {h} and 0 ≤ column < {w}")
        return int(place[0]), int(place[1])

    def _alt(self, first: dict[str, np.ndarray]) -> str:
        """Where and when the gates of the first channel are open or shut, and where memory goes."""
        count, high, wide = self.sprite.source
        h, w = self.maps.codes.shape[3:]
        row, column = self.place
        told = ", ".join(f"{self.words[name][1]} {signed(maps[self.t, row, column])}" for name, maps in first.items())
        said = [
            f"{self.title or f'Gates of a {self.kind}'}: {count} frames of {wide}×{high} pixels beside {h}×{w} maps of "
            f"{', '.join(words for _, words in self.words.values())}, {len(self.channels)} of {self.all} channels",
            f"Frame {self.t}, place row {row} column {column}, channel {self.channel}: {told}",
        ]
        ways = {"f": "lowest", "i": "highest"} if self.memory == "c" else {"r": "lowest", "z": "highest"}
        for name, way in ways.items():
            maps = first[name]
            t, y, x = _peak(-maps if way == "lowest" else maps)
            said.append(
                f"In this channel the {self.words[name][1]} is {way}, {maps[t, y, x]:.2f}, in frame {t} at row {y} "
                f"column {x}; its mean is {maps.mean():.2f}"
            )
        size = np.abs(first[self.memory])
        before, after = _peak(size[0]), _peak(size[-1])
        where = [f"row {y} column {x} in frame {t}" for t, (y, x) in ((0, before), (count - 1, after))]
        moved = f"goes from {where[0]} to {where[1]}" if count > 1 else f"is at {where[0]}"
        said.append(f"The largest {self.words[self.memory][1]}, without its sign, {moved}")
        return ". ".join(said) + "."


def _peak(values: np.ndarray) -> tuple[int, ...]:
    return tuple(int(at) for at in np.unravel_index(values.argmax(), values.shape))
