"""Placement: a quiz in the page that says with which lesson to start.

Questions and rule are those of `vidlab.placement`; the page has the rule once more (placement.js), and a test compares
the two on every pattern of answers.
"""

from __future__ import annotations

import textwrap

from PIL import Image

from .. import course_map, placement
from .cards import Card, poster
from .frame import Widget


class Placement(Widget):
    """Fourteen questions at most, one for each of lessons 00 to 13; the quiz ends as soon as the start is known.

    Each answer is followed by the reason why every option is right or wrong. Nothing is kept: answers live in the page,
    and with `live()` also in the trait `chosen` (the option of each question, −1 for "I do not know yet").

    Args:
        title: printed under the figure.
    """

    script = "placement.js"

    def __init__(self, title: str = "") -> None:
        self.questions, self.title = placement.questions(), title
        first, last = self.questions[0].lesson, self.questions[-1].lesson
        self.alt = (
            f"{title or 'Placement quiz'}: {len(self.questions)} questions at most, one for each of lessons {first} to "
            f"{last}, with four answers each, and reasons. {placement.RULE} The first one: {self.questions[0].asks}"
        )

    def state(self) -> dict:
        lessons = {number: [lesson.title, lesson.file] for number, lesson in course_map.lessons().items()}
        asked = [
            {
                "lesson": question.lesson,
                "asks": question.asks,
                "options": [{"says": o.says, "why": o.why, "right": o.right} for o in question.options],
            }
            for question in self.questions
        ]
        rule = {"rule": placement.RULE, "last": placement.LAST}
        return {"questions": asked, "lessons": lessons, **rule, "chosen": [], "caption": self.title}

    def poster_image(self) -> Image.Image:
        question = self.questions[0]
        lines = [f"○  {option.says}" for option in question.options]
        return poster(
            Card("Where do I start?", question.asks.replace("`", ""), lines),
            f"Question 1 of at most {len(self.questions)}. The quiz runs where scripts may run: in JupyterLab, or in "
            "an exported page.",
        )


def as_text(width: int = 88) -> str:
    """The quiz and its key on paper: for a reader without a browser, and for whoever reviews the questions."""
    parts = []
    for question in placement.questions():
        options = [f"   {'*' if option.right else ' '} {option.says}: {option.why}" for option in question.options]
        parts.append("\n".join([textwrap.fill(f"{question.lesson}  {question.asks}", width), *options]))
    return "\n\n".join(parts)
