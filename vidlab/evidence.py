"""What each model can and cannot see, each cell of the matrix with a link to the cell of the lesson that proves it.

`data/claims.toml` names the claims and their lessons; the cells that prove them carry the tag `claim:ID`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from .catalogue import REGISTRY
from .errors import DataError
from .results import Table

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CLAIMS = REGISTRY.with_name("claims.toml")
NOTEBOOKS = REGISTRY.parents[1] / "notebooks"
SEES, BLIND = 0.9, 0.08  # every seed is right more often than this; no seed is so much above chance

PROVED = {  # model → question → claim, and its cell if it has several; the rest is shown by the capstone's table itself
    "single frame": {
        "colour": "SF-1",
        "direction": "SF-2",
        "camera moves": "SF-2",
        "event, later": "SF-2",
        "order": "REC-6 order",
        "red one": "CF-2",
    },
    "late, average": {"colour": "TP-1", "direction": "TP-1 pools-trained", "order": "REC-6 order", "red one": "LF-4"},
    "late, maps": {"colour": "LF-5", "direction": "LF-4"},
    "early": {"direction": "EF-3", "event, later": "EF-4 onset-claim"},
    "slow": {"direction": "3D-9 ours", "event, later": "3D-3 onset-claim"},
    "3D": {"direction": "VID-6", "event, later": "3D-3 onset-claim", "order": "REC-1"},
    "(2+1)D": {"direction": "3D-8 factorised-train", "event, later": "3D-3 onset-claim"},
    "CNN + GRU": {"direction": "REC-8 memory", "order": "REC-6 order"},
    "ConvGRU": {"direction": "REC-8 memory", "order": "REC-6 order"},
    "attention over frames": {"order": "ATT-3 order"},
    "transformer": {"direction": "ATT-5 looking"},
    "picture": {"colour": "TS-1", "direction": "TS-1", "red one": "CF-2"},
    "flow": {"colour": "TS-1", "direction": "TS-1", "camera moves": "TS-2 truth-and-camera", "red one": "CF-2"},
    "two streams, averaged": {
        "colour": "TS-1",
        "direction": "TS-1",
        "camera moves": "TS-2 truth-and-camera",
        "red one": "CF-2",
    },
    "two streams, fused": {"camera moves": "TS-2 truth-and-camera", "red one": "CF-2 fuse-maps"},
}


@dataclass(frozen=True)
class Advice:
    """A line of the guide: what to ask of a task, which model to take if the answer is yes, and the claim behind it.

    sees, blind: on the table's column `question`, a model that is right in every seed, and one that is not.
    """

    ask: str
    take: str
    claim: str
    question: str = ""
    sees: str = ""
    blind: str = ""


GUIDE = (
    Advice("Does one frame tell?", "A single frame, averaged. Stop here.", "SF-1", "colour", "single frame"),
    Advice("Does change within a few frames?", "Early or slow fusion.", "EF-3", "direction", "slow", "single frame"),
    Advice("At any moment?", "3D convolution, pooled over time.", "3D-3 onset-claim", "event, later", "3D", "early"),
    Advice(
        "Two events, far apart?",
        "Early or slow fusion, if the clip is short and always as long; else recurrence, or attention with positions.",
        "REC-6 order",
        "order",
        "slow",
        "late, average",
    ),
    Advice(
        "Where does *this* one go, among others?",
        "What mixes frames as *maps*: early, slow, 3D. Two streams? Fuse their maps, never their scores.",
        "CF-2 fuse-maps",
        "red one",
        "early",
        "two streams, averaged",
    ),
    Advice(
        "Does the camera move?",
        "(2+1)D or ConvGRU; with flow, subtract the camera's motion.",
        "TS-2 subtracted",
        "camera moves",
        "(2+1)D",
        "flow",
    ),
    Advice("Few videos?", "Inflate a network of stills.", "INF-3"),
)


@cache
def claims() -> dict[str, dict[str, str]]:
    """Claim → what it `says`, and the `lesson` that proves it.

    Raises:
        DataError: `data/claims.toml` cannot be read.
    """
    try:
        return tomllib.loads(CLAIMS.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{CLAIMS.name} cannot be read: {error}", mend="git checkout data/claims.toml") from error


@cache
def address(claim: str, cell: str = "") -> str:
    """A cell that proves a claim, by default the first, as a link from a lesson beside it:
    "06_early_fusion.ipynb#cell-id=by-hand".

    Raises:
        DataError: no such claim, or no (or not this) cell of its lesson has its tag.
    """
    if claim not in claims():
        raise DataError(f"there is no claim {claim!r}", wanted=f"one of {', '.join(claims())}")
    file = f"{claims()[claim]['lesson']}.ipynb"
    try:
        cells = json.loads((NOTEBOOKS / file).read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{file} cannot be read: {error}", mend=f"git checkout notebooks/{file}") from error
    tagged = [each["id"] for each in cells if f"claim:{claim}" in each["metadata"].get("tags", [])]
    if not tagged or cell not in ("", *tagged):
        raise DataError(f"{file}: {cell or 'no cell'} has the tag claim:{claim}", wanted=" or ".join(tagged))
    return f"{file}#cell-id={cell or tagged[0]}"


def link(claim: str, words: str = "", cell: str = "") -> str:
    """The same in Markdown; by default the claim's own name is shown."""
    return f"[{words or claim}]({address(claim, cell)})"


def guide() -> str:
    """Markdown: the decision guide, each line with a link to its proof."""
    lines = ["| ask | if so, take | proof |", "|:--|:--|:--|"]
    for each in GUIDE:
        claim, *cell = each.claim.split()
        lines.append(f"| {each.ask} | {each.take} | {link(claim, '', *cell)} |")
    return "\n".join(lines)


def mark(shares: list[float], chance: float) -> str:
    """● sees: every seed above 0.9. ○ cannot: no seed more than 0.08 above chance. ◐ in part."""
    return "●" if min(shares) > SEES else "○" if max(shares) < chance + BLIND else "◐"


def matrix(asked: Mapping[str, tuple[Table, str, float]]) -> str:
    """Markdown: a line a model, a column a question; the mean of the seeds in percent, linked where a lesson proves it.

    Args:
        asked: question → the kept table, its column, and the share that a guess reaches.

    Raises:
        DataError: tables with other models, or a question without a table.
    """
    if not asked:
        raise DataError("no questions", wanted='{"colour": (results.table("all_colour"), "colour", 0.25), …}')
    models = list(next(iter(asked.values()))[0].rows)
    lines = ["| | " + " | ".join(asked) + " |", "|:--|" + ":-:|" * len(asked)]
    for model in models:
        cells = []
        for question, (table, column, chance) in asked.items():
            row = table[model]
            said = f"{mark(row.values[column], chance)} {100 * row.mean[column]:.0f}"
            claim = PROVED.get(model, {}).get(question)
            cells.append(link(claim.split()[0], said, *claim.split()[1:]) if claim else said)
        lines.append(f"| {model} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
