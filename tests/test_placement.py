"""The placement quiz: good questions, and a rule that leads from every pattern of answers to one lesson."""

import itertools
import re

import pytest

from vidlab import course_map, placement
from vidlab.errors import DataError
from vidlab.figures.placement import Placement, as_text
from vidlab.placement import Verdict, questions, settled, verdict

N = len(questions())
LESSONS = [f"{k:02d}" for k in range(14)]


def knows(*numbers: int) -> list[bool]:
    """The answers of someone who knows these lessons."""
    return [k in numbers for k in range(N)]


# --- the questions ---


def test_each_lesson_is_asked_once_and_in_order():
    assert [question.lesson for question in questions()] == LESSONS
    assert set(LESSONS) < set(course_map.lessons())
    assert placement.LAST in course_map.lessons()


def test_every_option_has_a_reason_of_one_sentence():
    texts = []
    for question in questions():
        assert len(question.options) == 4
        assert sum(option.right for option in question.options) == 1
        assert question.asks.endswith("?")
        for option in question.options:
            assert option.why.endswith(".")
            assert len(re.findall(r"[.?!](?= |$)", option.why)) == 1, option.why
            assert 6 <= len(option.why.split()) <= 40, option.why
            texts += [option.says, option.why]
    assert len(set(texts)) == len(texts)


def test_neither_place_nor_length_betrays_the_answer():
    places = [question.answer for question in questions()]
    assert {places.count(k) for k in range(4)} <= {3, 4}
    longest = [max(range(4), key=lambda k: len(question.options[k].says)) for question in questions()]
    assert sum(a == b for a, b in zip(places, longest, strict=True)) <= N // 2
    assert as_text().count("\n   * ") == N


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[question]\n", "cannot be used"),
        ("", "cannot be used"),
        ('[[question]]\nlesson = "00"\nasks = "?"\n', "cannot be used"),
        (
            '[[question]]\nlesson = "00"\nasks = "?"\noption = [{says = "a", why = "b"}, {says = "c", why = "d"}]',
            "one of",
        ),
        (
            "".join(
                f'[[question]]\nlesson = "{k}"\nasks = "?"\n'
                'option = [{says = "a", why = "b", right = true}, {says = "c", why = "d"}]\n'
                for k in ("02", "01")
            ),
            "order",
        ),
    ],
)
def test_a_file_that_cannot_be_asked_is_refused(tmp_path, text, says):
    (tmp_path / "placement.toml").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=says):
        questions(tmp_path / "placement.toml")


# --- the rule ---


@pytest.mark.parametrize(
    ("right", "start", "look_up"),
    [
        ([True] * N, "14", ()),
        ([False] * N, "00", ()),
        ([], "00", ()),
        (knows(*range(3)), "03", ()),  # has done the first part
        (knows(0, 2, 3, 4), "05", ("01",)),  # a slip, then right, then the end of what is known
        (knows(0, 1, 2, 5, 6, 7, 8), "03", ()),  # networks, and no flow: two misses in a row
        (knows(*range(9), 10, 11, 12, 13), "14", ("09",)),  # everything but recurrence
        (knows(*range(13)), "13", ()),  # of the last two a single miss counts
        (knows(*range(12), 13), "12", ()),
        (knows(*range(11), 12, 13), "14", ("11",)),
        (knows(1, 2, 4, 5, 7, 8, 10, 11, 13), "12", ("00", "03", "06", "09")),  # every third one wrong
        ([k % 2 == 0 for k in range(N)], "01", ()),  # every second one wrong
    ],
)
def test_typical_learners(right, start, look_up):
    assert verdict(right) == Verdict(start, look_up)


def test_the_rule_as_it_is_said_on_every_pattern():
    """Written down a second time, from the sentence: the first miss that two right answers do not follow."""
    seen = set()
    for right in itertools.product((False, True), repeat=N):
        letters = "".join("xR"[well] for well in right)
        found = re.search(r"x(?!RR)", letters)
        k = found.start() if found else N
        slips = tuple(LESSONS[i] for i in range(k) if not right[i])
        assert verdict(right) == Verdict(LESSONS[k] if k < N else "14", slips)
        seen.add(k)
    assert seen == set(range(N + 1))  # every lesson can be where someone starts


def test_the_quiz_stops_only_when_nothing_can_change():
    """Once settled, whatever would have come gives the same start; before, some of it would not."""
    for asked in range(1, N + 1):
        for right in itertools.product((False, True), repeat=asked):
            if asked > 1 and settled(right[:-1]):
                continue  # the quiz is over already
            rest = N - asked
            starts = {verdict([*right, *more]) for more in ([True] * rest, [False] * rest)}
            if settled(right):
                assert len(starts) == 1
            else:
                assert len(starts) == 2
    assert not settled([])


def test_who_knows_nothing_sees_two_questions():
    assert settled([False, False])
    assert not settled([True] * (N - 1))


# --- the widget without a browser ---


def test_what_the_widget_gives():
    widget = Placement()
    bundle = widget._repr_mimebundle_()
    assert bundle == Placement()._repr_mimebundle_()
    assert len(bundle["text/html"]) < 200_000
    assert "http" not in bundle["text/html"].replace("http://www.w3.org/2000/svg", "")
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert bundle["text/plain"] == widget.alt
    assert placement.RULE in widget.alt
    assert questions()[0].asks in widget.alt
    wicked = Placement(title="</script><!--").html()
    assert len(re.findall("</?script", wicked)) == 2
    assert widget.live().chosen == []
