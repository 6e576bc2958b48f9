"""The placement quiz in a real browser: the rule is Python's, by mouse and by keys, in both themes, with no network."""

import itertools

import pytest
from hands import expect_accessible, live

from vidlab.figures.placement import Placement
from vidlab.placement import questions, verdict

N = len(questions())


def answer(page, k: int, option: int | None):
    """Answer question k by mouse, with an option or with "I do not know yet"."""
    group = page.locator("fieldset")
    assert questions()[k].asks.replace("`", "") == group.locator("legend").text_content()
    says = "I do not know yet" if option is None else questions()[k].options[option].says
    page.get_by_label(says, exact=True).check()
    page.get_by_role("button", name="Answer").click()


def go_on(page):
    page.locator(".placement .buttons button").click()


def play(page, right: list[bool]) -> int:
    """Answer until the quiz ends; how many questions it asked."""
    for k, well in enumerate(right):
        key = questions()[k].answer
        answer(page, k, key if well else (key + 1) % 4)
        go_on(page)
        if page.locator(".end").count():
            return k + 1
    raise AssertionError("the quiz did not end")


def test_the_page_judges_every_pattern_as_python_does(open_widgets):
    page = open_widgets(Placement())
    patterns = list(itertools.product((False, True), repeat=N))
    found = live(page).evaluate(
        """(el, n) => Array.from({ length: 2 ** n }, (_, k) => {
          const { start, lookUp } = el.judge(Array.from({ length: n }, (_, i) => Boolean((k >> (n - 1 - i)) & 1)));
          return [start, ...lookUp].join(" ");
        })""",
        N,
    )
    for right, said in zip(patterns, found, strict=True):
        expected = verdict(right)
        assert said == " ".join([expected.start, *expected.look_up])


@pytest.mark.parametrize(
    ("right", "asked"),
    [
        ([True] * N, N),
        ([False] * N, 2),
        ([True, False, True, True, True, False, True, False, *[True] * 6], 8),
        ([*[True] * 13, False], N),
        ([*[True] * 12, False, True], 13),
    ],
)
def test_from_the_first_question_to_the_lesson(open_widgets, right, asked):
    page = open_widgets(Placement())
    assert play(page, right) == asked
    expected = verdict(right)
    said = page.locator(".end").text_content()
    assert f"Start with lesson {expected.start} · " in said
    assert page.locator(".end li").count() == len(expected.look_up)
    assert ("sections 3 and 4 of lesson 00" in said) == (expected.start != "00")
    page.get_by_role("button", name="Begin again").click()
    assert page.locator("legend").text_content() == questions()[0].asks.replace("`", "")
    assert page.locator("input:checked").count() == 0


def test_each_answer_is_followed_by_all_reasons(open_widgets):
    page = open_widgets(Placement())
    assert page.get_by_role("button", name="Answer").is_disabled()
    answer(page, 0, 0)
    assert page.locator(".why").all_text_contents() == [
        {2: "✔ right: ", 0: "✘ not so: "}.get(k, "") + option.why for k, option in enumerate(questions()[0].options)
    ]
    assert page.get_by_role("status").text_content() == "Not so. Lesson 00 · Start here: seeing time teaches this."
    assert page.locator("input:enabled").count() == 0  # what is answered is answered
    go_on(page)
    answer(page, 1, None)
    assert "✘" not in page.locator("fieldset").text_content()
    assert page.locator(".right").count() == 1
    assert page.locator(".placement .buttons button").text_content() == "Where to start"


def test_by_keys_alone(open_widgets):
    page = open_widgets(Placement())
    page.evaluate("() => { window.leaked = []; document.onkeydown = (event) => leaked.push(event.key); }")
    focused = "document.activeElement.value || document.activeElement.textContent"
    assert page.evaluate("document.activeElement === document.body"), "a figure takes no focus by itself"
    for k in (0, 1):
        page.keyboard.press("Tab")
        if k == 0:
            page.keyboard.press("Space")
        else:
            page.keyboard.press("Space")
            page.keyboard.press("ArrowDown")
        assert page.evaluate(focused) == str(k)
        page.keyboard.press("Enter")  # as in any form
        assert page.evaluate(focused) == "Next question"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.tagName") == "LEGEND"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.evaluate(focused) == "0"  # right, by chance
    assert not {"ArrowDown", " "} & set(page.evaluate("leaked"))


def test_python_can_read_the_answers(open_widgets):
    """What `live()` synchronises is given to the model: here, the model of the page."""
    page = open_widgets(Placement())
    answer(page, 0, 2)
    go_on(page)
    answer(page, 1, None)
    assert page.locator("progress").get_attribute("max") == str(N)
    assert page.locator("progress").evaluate("(bar) => bar.value") == 2


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_accessible(open_widgets, dark):
    page = open_widgets(Placement(title="Where to start"), dark=dark)
    expect_accessible(page)
    answer(page, 0, 3)
    expect_accessible(page)
    page.set_viewport_size({"width": 400, "height": 900})
    expect_accessible(page)
    go_on(page)
    answer(page, 1, 3)
    go_on(page)
    assert page.evaluate("document.activeElement.textContent").startswith("Start with lesson 00")
    expect_accessible(page)


def test_two_quizzes_on_a_page_do_not_mix(open_widgets):
    page = open_widgets(Placement(), Placement())
    first, second = page.locator(".placement").all()
    first.get_by_label("236", exact=True).check()
    second.get_by_label("An error", exact=True).check()
    assert first.locator("input:checked").input_value() == "2"
    assert second.locator("input:checked").input_value() == "3"
