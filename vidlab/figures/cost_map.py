"""CostMap: accuracy against cost for many models, with the Pareto front and the line of chance."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
from PIL import Image

from ..errors import ShapeError
from .cost_map_data import FAMILIES, ModelRow, checked_costs, checked_questions, checked_rows, numbers
from .cost_map_poster import SHAPES, cost_map_poster
from .cost_map_scale import cost_words, domain, percent, ticks
from .cost_map_tables import rows_of
from .frame import Widget


class CostMap(Widget):
    """Models as points: up is accuracy, to the right is cost, on a logarithmic scale. Question and cost are chosen.

    A point is the mean over seeds, its bar reaches from the lowest to the highest seed. The step line is the Pareto
    front: models than which no other is as good for less, or better for as little. What is not known is not drawn,
    and named.

    Args:
        rows: 1 to 24 models, each a `ModelRow` or a dict of what it has.
        questions: question -> chance, the share of who guesses. At most 12.
        costs: cost -> the words of its axis, or names of costs; by default all that the rows have. At most 6.
        title: printed under the figure.
        question, cost: what is shown at first; by default the first of each.
        chosen: the model whose panel is open at first; by default the best of the front.
        front: whether the front is drawn at first.

    Raises:
        ShapeError: rows, questions or costs that do not fit each other, or a first view that does not exist.
    """

    script = "cost_map.js"

    def __init__(
        self,
        rows: Sequence[ModelRow | Mapping],
        questions: Mapping[str, float],
        *,
        costs: Mapping[str, str] | Sequence[str] | None = None,
        title: str = "",
        question: str | None = None,
        cost: str | None = None,
        chosen: str | None = None,
        front: bool = True,
    ) -> None:
        self.rows = checked_rows(rows)
        self.questions = checked_questions(questions, self.rows)
        self.costs = checked_costs(costs, self.rows)
        self.title, self.front = title, bool(front)
        self.names = [row.name for row in self.rows]
        self.numbers = numbers(self.rows, list(self.questions), list(self.costs))
        self.question = _one_of("question", question, list(self.questions))
        self.cost = _one_of("cost", cost, list(self.costs))
        best = self.numbers.front(*self.first)
        self.chosen = _one_of("chosen", chosen, self.names, best[-1] if best else 0)
        for c, name in enumerate(self.costs):
            if not np.isfinite(self.numbers.cost[:, c]).any():
                raise ShapeError(f"no model has the cost {name!r} for these questions", wanted="one at least")
        self.alt = self._alt()

    @classmethod
    def of(
        cls,
        tables: Mapping[str, tuple],
        ms: Mapping[str, float | Mapping[str, float]] | None = None,
        *,
        models: Iterable[str] | None = None,
        about: Mapping[str, tuple[str, str, str]] | None = None,
        **options,
    ) -> CostMap:
        """The map of tables of results.

        Args:
            tables: question -> (`results.table(...)`, its column, chance), such as
                {"camera moves": (results.table("all_direction"), "camera moves", 0.25)}.
            ms: model -> milliseconds for one clip, as you measured them; or model -> question -> milliseconds.
            models: which lines of the tables; by default all.
            about: model -> (family, sentence, link), for models that the course does not know, or instead.
            options: as for `CostMap`: costs, title, question …

        Multiply–adds, weights and CPU-seconds are those of the question's own table. An average of models that were
        trained already has no CPU-seconds of its own.

        Raises:
            ShapeError: a column or a model that is in no table, or a model of which nothing is known.
        """
        rows = rows_of(tables, ms or {}, models, about or {})
        return cls(rows, {q: chance for q, (_, _, chance) in tables.items()}, **options)

    @property
    def first(self) -> tuple[int, int]:
        """Numbers of the question and the cost that are shown at first."""
        return list(self.questions).index(self.question), list(self.costs).index(self.cost)

    def share(self, q: int, k: int) -> str:
        """The accuracy of a model in words: "95.7 % (87.0–100.0)"."""
        mean, low, high = (each[q, k] for each in (self.numbers.mean, self.numbers.low, self.numbers.high))
        if np.isnan(mean):
            return "not asked"
        return f"{percent(mean)}\u00a0%" + ("" if low == high else f" ({percent(low)}–{percent(high)})")

    def told(self, q: int, c: int) -> list[str]:
        """Two sentences: who is on the front, and who is not drawn."""
        share, cost = self.numbers.mean[q], list(self.costs)[c]
        front = [f"{self.names[k]} {percent(share[k])}\u00a0%" for k in self.numbers.front(q, c)]
        drawn = self.numbers.drawn(q, c)
        asked = [k for k in range(len(self.rows)) if k not in drawn and np.isfinite(share[k])]
        unasked = [k for k in range(len(self.rows)) if np.isnan(share[k])]
        groups = {f"{cost} not known": asked, "not asked this": unasked}
        left = [
            f"Not drawn ({why}): {'; '.join(self.names[k] for k in group)}." for why, group in groups.items() if group
        ]
        said = f"On the front, from cheap to dear: {'; '.join(front)}." if front else "No model has both."
        return [said, " ".join(left)]

    def state(self) -> dict:
        found, questions, costs, models = self.numbers, list(self.questions), list(self.costs), range(len(self.rows))
        q_all, c_all = range(len(questions)), range(len(costs))
        scales = [domain(found.cost[:, c][np.isfinite(found.cost[:, c])].tolist()) for c in c_all]
        return {
            "names": self.names,
            "families": list(FAMILIES),
            "shapes": [[[round(x, 3), round(y, 3)] for x, y in SHAPES[family]] for family in FAMILIES],
            "family": [FAMILIES.index(row.family) for row in self.rows],
            "says": [row.says for row in self.rows],
            "links": [[row.link, _lesson(row.link)] for row in self.rows],
            "questions": questions,
            "chance": list(self.questions.values()),
            "costs": costs,
            "words": list(self.costs.values()),
            "scales": [{"low": low, "high": high, "ticks": ticks(low, high)} for low, high in scales],
            "share": [[_known(found, q, k) for k in models] for q in q_all],
            "shareWords": [[self.share(q, k) for k in models] for q in q_all],
            "seeds": [_seeds(found.seeds[q]) for q in q_all],
            "spend": [[[_number(found.cost[q, c, k]) for k in models] for c in c_all] for q in q_all],
            "spendWords": [[[cost_words(found.cost[q, c, k]) for k in models] for c in c_all] for q in q_all],
            "order": [[found.drawn(q, c) for c in c_all] for q in q_all],
            "fronts": [[found.front(q, c) for c in c_all] for q in q_all],
            "told": [[self.told(q, c) for c in c_all] for q in q_all],
            "caption": self.title,
            "question": self.question,
            "cost": self.cost,
            "chosen": self.chosen,
            "front": self.front,
        }

    def html(self) -> str:
        """The live figure, with its links as a list until the script takes them.

        They stand in the HTML itself because JupyterLab makes links open notebooks when it renders an output.
        """
        links = "".join(
            f"<li>{html.escape(row.name)}: {_anchor(k, row.link)}</li>" for k, row in enumerate(self.rows) if row.link
        )
        poster, rest = super().html().split("</div>\n<style>", 1)
        return f"{poster}<ul>{links}</ul></div>\n<style>{rest}" if links else f"{poster}</div>\n<style>{rest}"

    @cached_property
    def _poster(self) -> Image.Image:
        return cost_map_poster(self)

    def poster_image(self) -> Image.Image:
        """The first view: points, bars, names, front and chance."""
        return self._poster

    def _alt(self) -> str:
        """What is shown, every point of the first view, and who is best at each question."""
        q, c = self.first
        found, drawn = self.numbers, self.numbers.drawn(q, c)
        points = [f"{self.names[k]} {self.share(q, k)} at {cost_words(found.cost[q, c, k])}" for k in drawn]
        best = []
        for i, (question, chance) in enumerate(self.questions.items()):
            top = int(np.nanargmax(found.mean[i]))
            best.append(f"{question}: {percent(found.mean[i, top])} % (chance {100 * chance:g} %)")
        said = [
            f"{self.title.rstrip('.') or 'Accuracy against cost'}: {len(self.rows)} models, "
            f"{len(self.questions)} questions ({'; '.join(self.questions)}) and {len(self.costs)} costs "
            f"({'; '.join(self.costs)})",
            f"{self.question[:1].upper()}{self.question[1:]}, against {self.costs[self.cost]}, from cheap to dear: "
            f"{'; '.join(points)}",
            " ".join(self.told(q, c)).strip(" ."),
            f"The best mean of each question: {'; '.join(best)}",
        ]
        return ". ".join(said) + "."


def _one_of(what: str, value: str | None, known: list[str], default: int = 0) -> str:
    if value is None:
        return known[default]
    if value not in known:
        raise ShapeError(f"{what} = {value!r}", wanted=" or ".join(map(repr, known)))
    return value


def _known(found, q: int, k: int) -> list[float] | None:
    """Mean, lowest and highest share."""
    mean = found.mean[q, k]
    return None if np.isnan(mean) else [round(float(each[q, k]), 5) for each in (found.mean, found.low, found.high)]


def _number(cost: float) -> float | None:
    return None if np.isnan(cost) else float(f"{cost:.6g}")


def _seeds(counts: np.ndarray) -> str:
    """How many seeds the means are of."""
    some = sorted({int(count) for count in counts if count})
    return "1 seed" if some == [1] else f"{some[0]} seeds" if len(some) == 1 else f"{some[0]}–{some[-1]} seeds"


def _anchor(k: int, link: str) -> str:
    href, words = html.escape(link), html.escape(_lesson(link))
    return f'<a data-model="{k}" href="{href}" target="_blank" rel="noopener">{words}</a>'


def _lesson(link: str) -> str:
    """06_early_fusion.ipynb -> "lesson 06, early fusion"."""
    found = re.match(r"(\d\d)_(\w+)\.ipynb", link)
    return f"lesson {found[1]}, {found[2].replace('_', ' ')}" if found else link
