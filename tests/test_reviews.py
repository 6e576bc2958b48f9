"""The reviews: good cards, and the rule by which they come back."""

import re

import pytest

from vidlab import reviews
from vidlab.course_map import PARTS, lessons
from vidlab.errors import DataError
from vidlab.figures.review import Review
from vidlab.reviews import cards, part_named, review

NAMES = list(PARTS)


@pytest.mark.parametrize("part", NAMES)
def test_a_review_mixes_its_part_with_earlier_ones(part):
    found = review(part)
    assert 6 <= len(found) <= 8
    gaps = [NAMES.index(part) - NAMES.index(card.part) for card in found]
    assert gaps == sorted(gaps)
    own = gaps.count(0)
    assert own >= len(found) / 2
    for gap, count in {1: 2, 2: 1, 3: 1}.items():
        assert gaps.count(gap) == (count if NAMES.index(part) >= gap else 0)
    assert own + sum(gap > 0 for gap in gaps) == len(found)


def test_a_card_comes_back_once_and_the_gaps_differ():
    """Of every part that three others follow, four cards come back: after one part, one, two and three."""
    for k, part in enumerate(NAMES[:-3]):
        returns = [j - k for j, later in enumerate(NAMES) for card in review(later) if card.part == part and j > k]
        assert returns == [1, 1, 2, 3]
        again = [card for later in NAMES[k + 1 :] for card in review(later) if card.part == part]
        assert len(set(again)) == 4


def test_every_lesson_has_a_card_and_every_card_an_answer():
    assert {card.lesson for card in cards()} == set(lessons())
    assert len({card.asks for card in cards()}) == len({card.answer for card in cards()}) == len(cards())
    for card in cards():
        assert card.asks.endswith("?")
        assert card.answer.endswith(".")
        assert 4 <= len(card.answer.split()) <= 45
        assert card.asks.count("`") % 2 == 0


def test_parts_by_name_and_by_lesson():
    for part, numbers in PARTS.items():
        assert part_named(part) == part_named(part.upper()) == part_named(numbers[-1]) == part
        assert review(numbers[0]) == review(part)
    for wrong in ("", "sound", "16"):
        with pytest.raises(DataError, match="Space and time; Optical flow"):
            Review(wrong)


CARD = '[[card]]\nlesson = "{}"\nasks = "?"\nanswer = "."\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[card]", "cannot be used"),
        (CARD.format("99"), "cannot be used"),
        (CARD.format("00"), "too few cards for Space and time, Optical flow"),
        ("".join(CARD.format(part[0]) for part in list(PARTS.values())[::-1] for _ in range(4)), "out of order"),
    ],
)
def test_a_file_that_cannot_be_asked_is_refused(tmp_path, text, says):
    (tmp_path / "reviews.toml").write_text(text)
    with pytest.raises(DataError, match=says):
        reviews.cards(tmp_path / "reviews.toml")


def test_what_the_widget_gives():
    widget = Review("two streams", title="Part five")
    bundle = widget._repr_mimebundle_()
    assert bundle == Review("11", title="Part five")._repr_mimebundle_()
    assert len(bundle["text/html"]) < 200_000
    assert "http" not in bundle["text/html"].replace("http://www.w3.org/2000/svg", "")
    assert "8 questions to answer in your head, 4 of them from earlier parts." in widget.alt
    assert all(card.asks in widget.alt for card in widget.cards)
    assert not any(card.answer in widget.alt for card in widget.cards)
    assert len(re.findall("</?script", Review("11", title="</script><!--").html())) == 2
    assert widget.live().known == [[]] * 8
