"""The cases of FusionExplorer: two towers, a layer where they meet, an operator, and what becomes of it in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

import torch

from ..errors import ShapeError
from ..models.fusion import OPERATORS
from ..models.published.counting import multiply_adds, parameters
from ..models.two_stream import SITES, TwoStream
from ..results import Row, Table

MEAN = "mean"  # the one operator of scores
INPUTS = ("picture", "flow")
Shape = tuple[int, ...]
Layers = tuple[tuple[str, Shape], ...]
Key = tuple[str, str]  # the layer and the operator


@dataclass(frozen=True)
class Case:
    """Two streams fused after one layer by one operator.

    Shapes are d × h × w, or d alone of a vector.

    spatial, temporal: name and shape of what the towers give, from "picture" and "flow" to the layer of the fusion.
    fused: what the operator gives. above: name and shape of what comes after it, up to "scores".
    multiply_adds: for one clip. accuracy: the mean over the seeds, the lowest and the highest, from 0 to 1.
    """

    spatial: Layers
    temporal: Layers
    fused: Shape
    above: Layers
    parameters: int
    multiply_adds: int
    accuracy: tuple[float, float, float] | None = None


def key_of(at: str, how: str) -> Key:
    """Scores are averaged, whatever the operator."""
    return (at, MEAN) if at == "scores" else (at, how)


@lru_cache(maxsize=4)
def measured(classes: int, moments: int, size: int) -> dict[Key, Case]:
    """Every TwoStream that can be built, on the meta device. No case has an accuracy."""
    found = {}
    for at, how in [*product(SITES[:-1], OPERATORS), ("scores", MEAN)]:
        try:
            with torch.device("meta"):
                model = TwoStream(classes, moments=moments, at=at, **({} if how == MEAN else {"fuse": how}))
        except ShapeError:  # bilinear before layers that need places
            continue
        found[at, how] = _measured(model, (1, moments, 5, size, size))
    return found


def _measured(model: TwoStream, film: Shape) -> Case:
    """The shapes that the parts of a model take and give while its multiply–adds are counted, in the same pass."""
    taken, given = {}, {}

    def watch(name: str) -> None:
        def hook(_, inputs, output):
            taken[name], given[name] = ([tuple(each.shape[1:]) for each in some] for some in (inputs, [output]))

        model.get_submodule(name).register_forward_hook(hook)

    parts = [name for name in ("fuse", "classify", "classify_motion") if getattr(model, name, None) is not None]
    layers = [
        f"{tower}.{k}" for tower in ("spatial", "temporal", "above") for k in range(len(getattr(model, tower) or ()))
    ]
    for name in (*layers, *parts):
        watch(name)
    work = multiply_adds(model, film)  # by a copy, to which the hooks go along
    depth = len(model.spatial)
    towers = []
    for tower, word, classify in zip(("spatial", "temporal"), INPUTS, ("classify", "classify_motion"), strict=True):
        shapes = [(name, *given[f"{tower}.{k}"]) for k, name in enumerate(SITES[:depth])]
        if model.at == "vector":
            shapes.append(("vector", taken["fuse"][0][:1]))
        if model.at == "scores":
            shapes += [("vector", *taken[classify]), ("scores", *given[classify])]
        towers.append(((word, taken[f"{tower}.0"][0]), *shapes))
    if model.at == "scores":
        fused, above = given["classify"][0], ()
    else:
        names = ("mix",) if model.at == "vector" else SITES[depth:4]
        above = [(name, *given[f"above.{k}"]) for k, name in enumerate(names)]
        above += [("vector", *taken["classify"])] if model.at != "vector" else []
        fused, above = given["fuse"][0], (*above, ("scores", *given["classify"]))
    return Case(*towers, fused, tuple(above), parameters(model), work)


def with_accuracies(cases: Mapping[Key, Case], table: Table) -> dict[Key, Case]:
    """The same cases with the accuracies of a kept table, whose rows are called "mix, sum", …, and "scores".

    Raises:
        ShapeError: a table without such rows, or of other networks.
    """
    if not isinstance(table, Table):
        wanted, mend = "a table of results", 'vidlab.results.table("registered")'
        raise ShapeError(f"table is a {type(table).__name__}", wanted=wanted, mend=mend)
    names = {(at, how): at if how == MEAN else f"{at}, {how}" for at, how in cases}
    if not any(name in table.rows for name in names.values()):
        mend = 'vidlab.results.table("registered")'
        raise ShapeError(f'table "{table.name}" has no row of a fusion', wanted='rows "mix, sum", …', mend=mend)
    return {
        key: _with_accuracy(case, table.rows[names[key]], table.columns[0]) if names[key] in table.rows else case
        for key, case in cases.items()
    }


def _with_accuracy(case: Case, row: Row, column: str) -> Case:
    here, there = (case.parameters, case.multiply_adds), (row.parameters, row.multiply_adds)
    if here != there:
        came, wanted = ("{:,} parameters and {:,} multiply–adds".format(*each) for each in (there, here))
        mend = "the classes, moments and size that they were trained with"
        raise ShapeError(f'row "{row.name}" has {came}', wanted=f"{wanted}, as built here", mend=mend)
    return replace(case, accuracy=(row.mean[column], *row.spread[column]))


def checked(cases: Mapping[Key, Case]) -> dict[Key, Case]:
    """The cases, from early to late.

    Raises:
        ShapeError: no cases, or one that is none.
    """
    if not isinstance(cases, Mapping) or not cases:
        came = "an empty dict" if isinstance(cases, Mapping) else f"a {type(cases).__name__}"
        raise ShapeError(f"cases is {came}", wanted="a dict (layer, operator): Case", mend="FusionExplorer.of()")
    known = [*product(SITES[:-1], OPERATORS), ("scores", MEAN)]
    for key, case in cases.items():
        if key not in known:
            wanted = f"one of {', '.join(SITES)} with one of {', '.join(OPERATORS)}; for scores {MEAN!r}"
            raise ShapeError(f"a case {key!r}", wanted=wanted)
        if not isinstance(case, Case):
            raise ShapeError(f"cases[{key}] is a {type(case).__name__}", wanted="a Case")
        _check(key, case)
    return {key: cases[key] for key in known if key in cases}


def _check(key: Key, case: Case) -> None:
    depth = SITES.index(key[0]) + 1
    for word, layers in zip(INPUTS, (case.spatial, case.temporal), strict=True):
        names, wanted = [name for name, _ in layers], [word, *SITES[:depth]]
        if names != wanted:
            raise ShapeError(f"cases[{key}]: a tower of {', '.join(names)}", wanted=", ".join(wanted))
    later = [name for name, _ in case.above]
    fits = later[-1:] == ["scores"] and set(later) <= set(SITES) if key[0] != "scores" else not later
    if not fits:
        wanted = "nothing" if key[0] == "scores" else f'names out of {", ".join(SITES)}, "scores" at the end'
        raise ShapeError(f"cases[{key}]: above are {', '.join(later) or 'no layers'}", wanted=wanted)
    fused = "scores" if key[0] == "scores" else "fused"
    for name, shape in (*case.spatial, *case.temporal, (fused, case.fused), *case.above):
        axes = 1 if name in ("vector", "scores") else 3
        if len(shape) != axes or min(shape) < 1:
            raise ShapeError(f"cases[{key}]: {name} has shape {shape}", wanted="(d,)" if axes == 1 else "(d, h, w)")
    ends = case.spatial[-1][1], case.temporal[-1][1]
    if ends[0] != ends[1]:
        wanted = "one shape: fusion brings together what lies at the same place"
        raise ShapeError(f"cases[{key}]: maps of {ends[0]} and {ends[1]} meet", wanted=wanted)
    if min(case.parameters, case.multiply_adds) < 0:
        came = f"{case.parameters} parameters, {case.multiply_adds} multiply–adds"
        raise ShapeError(f"cases[{key}]: {came}", wanted="counts, not below 0")
    if case.accuracy is not None:
        mean, low, high = case.accuracy
        if not 0 <= low <= mean <= high <= 1:
            mend = "0.5, not 50" if high > 1 else "(mean, lowest, highest)"
            wanted = "(mean, lowest, highest) of the seeds, from 0 to 1"
            raise ShapeError(f"cases[{key}]: accuracy {case.accuracy}", wanted=wanted, mend=mend)
