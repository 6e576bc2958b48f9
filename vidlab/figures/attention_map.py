"""AttentionMap: a patch of a clip and where it looks, over all moments, layer by layer, before and after training."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import cached_property

import numpy as np
from PIL import Image
from torch import Tensor, nn

from ..errors import ShapeError
from .attention_looks import looks_of
from .attention_packed import LETTERS, ROLLOUT, Packed, checked_clips, checked_looks, checked_rollout, fitted, letters
from .attention_poster import COLOURS, attention_poster
from .frame import Widget, caption
from .sprite import MAX_FRAMES, make_sprite

SHEET_BYTES = 30_000  # of all frames, and what the weights leave over


class AttentionMap(Widget):
    """Choose a patch, and see on the frames how much of its weight it gives to each patch, in each layer and head.

    The models ("states", such as before and after training) stand beside each other on one colour scale. A key to which
    all weights are 0, in every state, example and head, counts as out of reach of its query and is hatched.

    Weights travel as bytes, c = 255 √(w / largest of the row), and come back as w = c² / Σ c²: to about half a percent
    of the largest of their row. If they do not fit on the page, examples are left out, and then 2 × 2 patches are taken
    as one (the sum over keys, the mean over queries); the caption says so.

    Args:
        clips: n examples `n t c h w`, uint8 or float in [0, 1]; t is a multiple of the grid's moments.
        looks: name of a state -> name of a layer -> weights `n head q k`, whose rows sum to 1 (or are empty). q = k:
            T·H·W patches, moment by moment and row by row, or T if the tokens of this layer are whole moments; one
            more in all layers if a class token stands first. All states have the same layers.
        grid: (T, H, W), the patches in time, height and width.
        rollout: name of a state -> attention rollout `n q k`, drawn beside the attention.
        notes: name of a layer, or "rollout" -> a remark to show with it.
        names: a name for each example; by default "example 0", "example 1" …
        fps: frames per second.
        title: printed under the figure.
        query: (t, y, x) of the patch to begin with, or "class"; by default the one that chooses most sharply in the
            first layer of the last state.

    Raises:
        ShapeError: clips, weights, names or a query that do not fit each other; weights that are no weights; more than
            fits on the page even if patches are taken as one.
    """

    script = "attention_map.js"

    def __init__(
        self, clips, looks, grid, *, rollout=None, notes=None, names=None, fps: float = 4, title: str = "", query=None
    ):
        clips, self.grid = checked_clips(clips, grid)
        self.lead, layers = checked_looks(looks, len(clips), self.grid)
        self.states, self.layers = [str(name) for name in looks], list(layers)
        layers |= {} if rollout is None else {ROLLOUT: checked_rollout(rollout, list(looks), layers, self.grid)}
        total, self.title = len(clips), title
        names = [f"example {k}" for k in range(total)] if names is None else [str(name) for name in names]
        if len(names) != total:
            raise ShapeError(f"{len(names)} names", wanted=f"{total}, one an example")
        layers, self.factor, kept = fitted(layers, self.grid, self.lead)
        t, h, w = self.grid
        kept = min(kept, MAX_FRAMES // t)
        self.grid = (t, h // self.factor, w // self.factor)
        self.names, self.total, self.source = names[:kept], total, clips.shape
        self.packed = {name: Packed(each[:, :kept]) for name, each in layers.items()}
        self.notes = {name: " ".join([self._who(name), (notes or {}).get(name, "")]).strip() for name in layers}
        self.fps = float(fps)
        each = clips.shape[1] // t  # frames of a moment
        budget = SHEET_BYTES + (LETTERS - kept * letters(layers)) * 3 // 4
        self.sprite = make_sprite(clips[:kept, ::each].flatten(0, 1), fps=fps, budget=budget)
        self.patch, sharpest = self._sharpest()
        self.query = sharpest if query is None else self._checked_query(query)
        self.alt = self._alt()

    @classmethod
    def of(cls, models: nn.Module | Mapping[str, nn.Module], clips: Tensor, **how) -> AttentionMap:
        """What each model looks at: one VideoViT, TemporalAttention or NonLocalNet, or several alike, by their names.

        clips: `n t c h w`, float in [0, 1] or uint8. how: as for `AttentionMap`: names, title, query …

        Raises:
            ShapeError: other models, models with different layers, clips they refuse, or as `AttentionMap`.
        """
        models = models if isinstance(models, Mapping) else {type(models).__name__: models}
        clips, _ = checked_clips(clips, (1, 1, 1))
        seen = {str(name): looks_of(model, clips) for name, model in models.items()}
        if len({each.grid for each in seen.values()}) != 1:
            grids = ", ".join(f"{name}: {each.grid}" for name, each in seen.items())
            raise ShapeError(f"patches {grids or 'of no model'}", wanted="models with the same patches")
        first = next(iter(seen.values()))
        rolled = None if first.rollout is None else {name: each.rollout for name, each in seen.items()}
        notes = first.notes | how.pop("notes", {})
        return cls(clips, {k: v.layers for k, v in seen.items()}, first.grid, rollout=rolled, notes=notes, **how)

    def state(self) -> dict:
        said = [] if len(self.names) == self.total else [f"{len(self.names)} of {self.total} examples"]
        said += [] if self.factor == 1 else [f"{self.factor}×{self.factor} patches taken as one"]
        layers = [
            {"name": name, "note": self.notes[name], "moments": self.moments(name), **packed.state()}
            for name, packed in self.packed.items()
        ]
        return {
            "sprite": self.sprite.state(),
            "grid": list(self.grid),
            "lead": self.lead,
            "frames": self.source[1] // self.grid[0],
            "seconds": self.source[1] / self.grid[0] / self.fps,
            "states": self.states,
            "layers": [each for each in layers if each["name"] != ROLLOUT],
            "rollout": next((each for each in layers if each["name"] == ROLLOUT), None),
            "names": self.names,
            "colours": base64.b64encode(COLOURS.tobytes()).decode(),
            "caption": caption(self.title, said + self.sprite.reductions),
            "example": 0,
            "layer": self.layers[0],
            "head": 0,
            "query": self.query if isinstance(self.query, str) else list(self.query),
            "patch": list(self.patch),
            "overlay": True,
        }

    def weights(self, state: str, layer: str, example: int = 0, head: int = 0) -> np.ndarray:
        """`q k` as the page has them; head 0 is the mean of all, then come head 1, head 2 …; layer may be "rollout"."""
        heads = self.packed[layer].weights(self.states.index(state), example)
        return heads.mean(0) if head == 0 else heads[head - 1]

    def token(self, layer: str, query=None) -> int:
        """Which row of a layer's weights belongs to a patch (t, y, x), or to "class"; by default to the first query."""
        query = self.query if query is None else query
        if query == "class":
            return 0
        t, y, x = query
        return self.lead + (t if self.moments(layer) else int(np.ravel_multi_index((t, y, x), self.grid)))

    def over_patches(self, row: np.ndarray) -> np.ndarray:
        """A row of weights as `t h w`; `t 1 1` if its tokens are moments. The class token is left out."""
        row = row[self.lead :]
        return row.reshape(self.grid if row.size == np.prod(self.grid) else (self.grid[0], 1, 1))

    def top(self, layer: str, example: int = 0, head: int = 0, query=None) -> float:
        """The end of the colour scale: the largest weight in any state, of a rollout but for the query itself."""
        q = self.token(layer, query)
        rows = np.stack([self.weights(state, layer, example, head)[q] for state in self.states])
        others = np.delete(rows, q, axis=1) if layer == ROLLOUT else rows
        return float(others.max(initial=0)) or float(rows.max()) or 1.0

    @cached_property
    def _poster(self) -> Image.Image:
        return attention_poster(self)

    def poster_image(self) -> Image.Image:
        """The clip, and where the query looks in its first layer and in the rollout, in each state."""
        return self._poster

    def moments(self, layer: str) -> bool:
        """Whether the tokens of a layer are whole moments, where patches are smaller."""
        t, h, w = self.grid
        return h * w > 1 and self.packed[layer].reach.shape[0] == self.lead + t

    def _who(self, layer: str) -> str:
        """Whom a patch can see, if not all."""
        t, h, w = self.grid
        if self.moments(layer):
            return "The tokens of this layer are whole moments."
        if layer == ROLLOUT:
            return "The colours of the rollout leave out the query itself, where shortcuts keep much."
        reach = self.packed[layer].reach[self.lead :, self.lead :]
        if reach.all() or h * w == 1:
            return ""
        pairs = np.argwhere(reach.reshape(t, h * w, t, h * w))
        if (pairs[:, 0] == pairs[:, 2]).all():
            return "A patch sees only its own moment here; what it cannot see is hatched."
        if (pairs[:, 1] == pairs[:, 3]).all():
            return "A patch sees only its own place here, in every moment; what it cannot see is hatched."
        return "What a patch cannot see here is hatched."

    def _sharpest(self):
        """Which patch, and which query, gives the largest weight in the first layer of the last state."""
        most = self.weights(self.states[-1], self.layers[0]).max(1)
        of_patches = self.over_patches(most)
        patch = tuple(int(k) for k in np.unravel_index(of_patches.argmax(), of_patches.shape))
        return patch, "class" if self.lead and most[0] >= of_patches.max() else patch

    def _checked_query(self, query):
        t, h, w = self.grid
        if isinstance(query, str):
            if query != "class" or not self.lead:
                wanted = '(t, y, x) or "class"' if self.lead else "(t, y, x): these weights have no class token"
                raise ShapeError(f"query = {query!r}", wanted=wanted)
            return query
        query = tuple(query)
        if len(query) != 3 or not all(0 <= k < side for k, side in zip(query, self.grid, strict=True)):
            raise ShapeError(f"query = {query}", wanted=f"(t, y, x), each from 0 and below {self.grid}")
        return tuple(int(k) for k in query)

    def subject(self, layer: str) -> str:
        """The query to begin with, in words."""
        if self.query == "class":
            return "the class token"
        t, y, x = self.query
        return f"moment t {t}" if self.moments(layer) else self.place(t, y, x)

    def place(self, t, y, x) -> str:
        return f"moment t {t}" if self.grid[1:] == (1, 1) else f"patch t {t}, row {y}, column {x}"

    def told(self, state: str, layer: str) -> str:
        """What the query does with its weight at first, in words."""
        q = self.token(layer)
        row = self.weights(state, layer)[q]
        if not row.any():
            return "looks nowhere"
        others = np.where(np.arange(len(row)) == q, -1, row) if layer == ROLLOUT else row
        most = int(others.argmax())
        if most < self.lead:
            target = "the class token"
        elif most == q:
            target = "itself"
        else:
            t, y, x = np.unravel_index(most - self.lead, self.over_patches(row).shape)
            target = f"moment t {t}" if self.moments(layer) else self.place(t, y, x)
        shares = self.over_patches(row).sum((1, 2))
        words = f"{row[most]:.2g} at most, to {target}"
        if self.query == "class":
            return f"{words}; of the moments t {shares.argmax()} gets most, {shares.max():.0%}"
        return f"{words}; {shares[self.query[0]]:.0%} stays in its own moment"

    def _alt(self) -> str:
        t, h, w = self.grid
        layer = self.layers[0]
        several = f", the first of {len(self.names)} examples" if len(self.names) > 1 else ""
        of = f" of {len(self.layers)} layers" if len(self.layers) > 1 else ""
        heads = "" if self.packed[layer].heads == 1 else f", mean of {self.packed[layer].heads} heads"
        said = [
            f"{self.title or 'Attention'}: {self.names[0]}{several}, {t} moments of {w}×{h} patches, and where "
            f"{self.subject(layer)} looks, in {layer}{of}{heads}"
        ]
        said += [f"{state}: {self.told(state, layer)}" for state in self.states]
        if ROLLOUT in self.packed:
            said += [f"attention rollout, {state}: {self.told(state, ROLLOUT)}" for state in self.states]
        return ". ".join(said) + "."
