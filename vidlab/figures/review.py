"""Review: cards to recall at the end of a part, first the question, then the answer, then the learner's own verdict."""

from __future__ import annotations

from PIL import Image

from .. import course_map, reviews
from .cards import Card, poster
from .frame import Widget


class Review(Widget):
    """The cards of a part of the course, its own and some of earlier parts, one at a time.

    The learner answers in the head, turns the card, and says "I knew it" or "Not yet"; what was not known comes again
    after all the others, until everything was. Verdicts live in the page alone, so that it works without a kernel and
    nothing can be lost; with `live()` they also stand in the trait `known`, a list for each card.

    Args:
        part: the name of a part or its beginning, "optical flow", or a lesson of it, "04".
        title: printed under the figure.

    Raises:
        DataError: there is no such part.
    """

    script = "review.js"

    def __init__(self, part: str, title: str = "") -> None:
        self.part, self.title = reviews.part_named(part), title
        self.cards = reviews.review(self.part)
        earlier = sum(card.part != self.part for card in self.cards)
        asked = " ".join(f"{k}. {card.asks}" for k, card in enumerate(self.cards, start=1))
        self.alt = (
            f"{title or 'Review'} of the part {self.part}: {len(self.cards)} questions to answer in your head, "
            f"{earlier} of them from earlier parts. {asked}"
        )

    def state(self) -> dict:
        course = course_map.lessons()
        shown = [
            {
                "asks": card.asks,
                "answer": card.answer,
                "lesson": f"{card.lesson} · {course[card.lesson].title}",
                "earlier": card.part != self.part,
            }
            for card in self.cards
        ]
        last = self.part == list(course_map.PARTS)[-1]
        return {"part": self.part, "last": last, "cards": shown, "known": [[] for _ in shown], "caption": self.title}

    def poster_image(self) -> Image.Image:
        lines = [f"•  {card.asks.replace('`', '')}" for card in self.cards]
        note = (
            "Answer in your head. Where scripts may run, in JupyterLab or in an exported page, each card can be turned."
        )
        return poster(Card(f"Review: {self.part}", "What do you remember?", lines), note)
