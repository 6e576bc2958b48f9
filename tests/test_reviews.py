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
    found, here = review(part), NAMES.index(part)
    assert 6 <= len(found) <= 10
    assert len(set(found)) == len(found)
    gaps = [here - NAMES.index(card.part) for card in found]
    assert gaps == sorted(gaps)
    own = gaps.count(0)
    assert [card for card in cards() if card.part == part] == found[:own]
    assert own >= 4
    assert gaps[own:] == [gap for gap in (1, 1, 2, 3, 4, 5) if gap <= here]


def test_a_card_that_comes_back_waits_longer_each_time():
    for k, part in enumerate(NAMES):
        own = [card for card in cards() if card.part == part]
        met = [[j - k for j, later in enumerate(NAMES) if card in review(later)] for card in own]
        left = len(NAMES) - 1 - k
        whole = [[0, 1, 3], [0, 1, 4], [0, 2, 5]] + [[0]] * (len(own) - 3)
        assert met == [[gap for gap in gaps if gap <= left] for gaps in whole]
        for gaps in whole[:3]:
            assert gaps[2] - gaps[1] > gaps[1] - gaps[0]


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
    assert "10 questions to answer in your head, 5 of them from earlier parts." in widget.alt
    assert all(card.asks in widget.alt for card in widget.cards)
    assert not any(card.answer in widget.alt for card in widget.cards)
    assert len(re.findall("</?script", Review("11", title="</script><!--").html())) == 2
    assert widget.live().known == [[]] * 10
