"""FusionExplorer: two towers meet at a layer of your choice, by an operator of your choice; and what that gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property

from PIL import Image

from ..errors import ShapeError
from ..models.two_stream import SITES
from ..results import Table
from .frame import Widget
from .fusion_explorer_cases import MEAN, Case, Key, checked, key_of, measured, with_accuracies
from .fusion_explorer_plan import COLUMNS, SLOTS, beside, drawing, in_words
from .fusion_explorer_poster import fusion_explorer_poster
from .fusion_explorer_words import CURVED, EQUATIONS, GROUPS, LINEAR, meaning, missing, percent, span, told


class FusionExplorer(Widget):
    """Where and how two streams are fused: the network, its cost, and the accuracy of all layers and operators.

    Above, both towers with the shape of each map, the operator at its layer, and the layers that are left. Two objects
    are sketched in the maps: places with a colour, places with a direction, and where both meet. Below, over the same
    columns, the accuracy of every case: circles for linear operators, diamonds for the others.

    Args:
        cases: (layer, operator) -> Case: layers and operators of `vidlab.models.two_stream`; for scores the operator is
            "mean". What is missing is said to be missing, and why.
        title: printed under the figure.
        lines: accuracies from 0 to 1 to compare with, by name, such as {"chance": 0.25}. At most three.
        at, how: the layer and the operator that are chosen at first.

    Raises:
        ShapeError: cases, lines or a first choice that do not fit.
    """

    script = "fusion_explorer.js"

    def __init__(
        self,
        cases: Mapping[Key, Case],
        *,
        title: str | None = None,
        lines: Mapping[str, float] | None = None,
        at: str | None = None,
        how: str | None = None,
    ) -> None:
        self.cases, self.title = checked(cases), title or ""
        self.lines = _checked_lines(lines or {})
        self.sites = [site for site in SITES if any(key[0] == site for key in self.cases)]
        found = {key[1] for key in self.cases}
        self.operators = [each for each in (*LINEAR, *CURVED) if each in found]
        self.at = _chosen("at", at, self.sites, "mix")
        self.how = _chosen("how", how, self.operators, "sum") if self.operators else MEAN
        self.alt = self._alt()

    @classmethod
    def of(cls, table: Table | None = None, *, classes: int = 4, moments: int = 5, size: int = 32, **options):
        """Every `TwoStream` that can be built, measured on the meta device, with the accuracies of a kept table.

        Args:
            table: `vidlab.results.table("registered")`: its rows "mix, sum" … and "scores", its first column.
            classes, moments: of the models. size: height and width of the films in pixels.
            options: as for `FusionExplorer`: title, lines, at, how.

        Raises:
            ShapeError: a table without such rows or of other networks, or what `FusionExplorer` refuses.
        """
        if min(classes, moments) < 1 or size < 16:
            came = f"classes={classes}, moments={moments}, size={size}"
            raise ShapeError(came, wanted="at least one class, one moment and 16 pixels", mend="size=32")
        cases = measured(classes, moments, size)
        return cls(with_accuracies(cases, table) if table is not None else cases, **options)

    def state(self) -> dict:
        operators = [*self.operators, *([MEAN] if ("scores", MEAN) in self.cases else [])]
        heights, ticks = beside(list(self.lines.values()))
        return {
            "sites": self.sites,
            "columns": {site: COLUMNS[site] for site in SITES},
            "groups": [[name, [how for how in self.operators if how in those]] for name, those in GROUPS.items()],
            "equations": {how: EQUATIONS[how] for how in operators},
            "views": {f"{at} {how}": self._view(at, how) for at, how in self.views()},
            "dots": [
                [at, how, COLUMNS[at] + SLOTS.get(how, 0), *case.accuracy, percent(case.accuracy[0])]
                for (at, how), case in self.cases.items()
                if case.accuracy is not None
            ],
            "lines": [[name, value, percent(value)] for name, value in self.lines.items()],
            "beside": [[round(to - value, 4) for to, value in zip(heights, self.lines.values(), strict=True)], ticks],
            "most": [max(each) for each in zip(*map(_costs, self.cases.values()), strict=True)],
            "caption": self.title,
            "at": self.at,
            "how": self.how,
        }

    def views(self) -> list[Key]:
        """All that can be chosen, whether there is a case or not."""
        return list(dict.fromkeys(key_of(at, how) for at in self.sites for how in self.operators or [MEAN]))

    def said(self, at: str, how: str) -> tuple[str, str]:
        """What a choice means, and what it reaches."""
        key = key_of(at, how)
        if key not in self.cases:
            return missing(*key), ""
        return meaning(*key, self.cases[key]), told(*key, self.cases)

    @cached_property
    def _poster(self) -> Image.Image:
        return fusion_explorer_poster(self)

    def poster_image(self) -> Image.Image:
        """The first choice: network, sentence and accuracies."""
        return self._poster

    def _view(self, at: str, how: str) -> dict:
        case = self.cases.get((at, how))
        nodes, wires = drawing(at, how, self.cases)
        return {
            "nodes": [asdict(node) for node in nodes],
            "wires": wires,
            "said": self.said(at, how),
            "words": in_words(at, how, case) if case else missing(at, how),
            "costs": _costs(case) if case else None,
            "reaches": _reaches(case),
        }

    def _alt(self) -> str:
        """The first choice with its shapes and costs, and the accuracies of each layer."""
        key = key_of(self.at, self.how)
        said = [
            f"{self.title or 'Fusion of two streams'}: {len(self.cases)} networks. Chosen: {key[1]} after {key[0]}. "
        ]
        if key in self.cases:
            case = self.cases[key]
            said.append(
                f"{in_words(*key, case)} {case.parameters:,} parameters, {case.multiply_adds:,} multiply–adds. "
            )
        said.append(" ".join(filter(None, self.said(*key))))
        layers = []
        for site in self.sites:
            found = {key[1]: each.accuracy[0] for key, each in self.cases.items() if key[0] == site and each.accuracy}
            if len(found) == 1:
                layers.append(f"{site} {percent(*found.values())}")
            elif found:
                low, high = min(found, key=found.get), max(found, key=found.get)
                layers.append(f"{site} {span(found[low], found[high])}, from {low} to {high}")
        said.append(f" Accuracy by layer: {'; '.join(layers)}." if layers else "")
        lines = ", ".join(f"{name} {percent(value)}" for name, value in self.lines.items())
        said.append(f" Lines: {lines}." if lines else "")
        return "".join(said)


def _costs(case: Case) -> tuple[int, int]:
    return case.parameters, case.multiply_adds


def _reaches(case: Case | None) -> tuple[str, str]:
    """The accuracy, and that of the seeds."""
    mean, low, high = (case and case.accuracy) or (None, 0, 0)
    return "–" if mean is None else percent(mean), f"seeds {span(low, high)}" if low < high else ""


def _chosen(name: str, value: str | None, known: list[str], usual: str) -> str:
    if value is None:
        return usual if usual in known else known[0]
    if value not in known:
        raise ShapeError(f"{name} = {value!r}", wanted=f"one of {', '.join(known)}")
    return value


def _checked_lines(lines: Mapping[str, float]) -> dict[str, float]:
    """Lines from the lowest to the highest."""
    if not isinstance(lines, Mapping) or len(lines) > 3:
        came = f"{len(lines)} lines" if isinstance(lines, Mapping) else f"lines is a {type(lines).__name__}"
        raise ShapeError(came, wanted="a dict name: accuracy, of at most three", mend='{"chance": 0.25}')
    for name, value in lines.items():
        if not 0 <= value <= 1:
            raise ShapeError(f"the line {name!r} lies at {value}", wanted="from 0 to 1", mend=f"{value / 100:g}")
    return dict(sorted(lines.items(), key=lambda line: line[1]))
