"""The review in a real browser: turn a card, judge oneself, see again what was not known; mouse, keys, both themes."""

import pytest
from hands import expect_accessible

from vidlab.figures.review import Review


def asked(page) -> str:
    return page.locator(".asks").text_content()


def plain(words: str) -> str:
    return words.replace("`", "")


def turn(page, verdict: str):
    page.get_by_role("button", name="Show the answer").click()
    page.get_by_role("button", name=verdict).click()


def test_what_was_not_known_comes_again_after_the_others(open_widgets):
    widget = Review("optical flow")
    page = open_widgets(widget)
    seen = []
    for k in range(len(widget.cards)):
        seen.append(asked(page))
        earlier = widget.cards[k].part != widget.part
        assert page.locator(".where").first.text_content() == f"From {'an earlier' if earlier else 'this'} part"
        turn(page, "Not yet" if k in (1, 6) else "I knew it")
    for k in (1, 6):
        assert asked(page) == plain(widget.cards[k].asks)
        assert page.locator(".where").first.text_content().startswith("Once more. ")
        turn(page, "I knew it" if k == 6 else "Not yet")
    assert asked(page) == plain(widget.cards[1].asks)  # a third time
    turn(page, "I knew it")
    assert seen == [plain(card.asks) for card in widget.cards]
    assert asked(page) == "You knew 6 of 8 at first."
    missed = sorted({widget.cards[k].lesson for k in (1, 6)})
    assert [item[:2] for item in page.locator("li").all_text_contents()] == missed
    assert "Some of these cards come back in later reviews." in page.locator("figure").text_content()
    page.get_by_role("button", name="Begin again").click()
    assert asked(page) == seen[0]
    assert page.locator("progress").evaluate("(bar) => bar.value") == 0


def test_the_answer_is_not_there_before_it_is_asked_for(open_widgets):
    widget = Review("15")
    page = open_widgets(widget)
    assert page.get_by_text("Answer in your head, then turn the card.").is_visible()
    for card in widget.cards:
        assert plain(card.answer) not in page.locator("figure").text_content()
        page.get_by_role("button", name="Show the answer").click()
        assert page.get_by_role("status").text_content().startswith(plain(card.answer))
        page.get_by_role("button", name="I knew it").click()
    assert asked(page) == "You knew 10 of 10 at first."
    assert page.get_by_text("Answer in your head, then turn the card.").is_hidden()
    assert "later reviews" not in page.locator("figure").text_content()  # there is none after the last part
    assert page.locator("li").count() == 0


def test_by_keys_alone(open_widgets):
    page = open_widgets(Review("00"))
    focused = "document.activeElement.textContent"
    assert page.evaluate("document.activeElement === document.body"), "a figure takes no focus by itself"
    for _ in range(6):
        words = asked(page)
        page.keyboard.press("Tab")
        assert page.evaluate(focused) == "Show the answer"
        page.keyboard.press("Enter")
        assert page.evaluate(focused) == "I knew it"
        page.keyboard.press("Space")
        assert page.evaluate(focused) == asked(page) != words
    assert asked(page) == "You knew 6 of 6 at first."


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_accessible(open_widgets, dark):
    page = open_widgets(Review("Two streams", title="The last but one"), dark=dark)
    expect_accessible(page)
    page.get_by_role("button", name="Show the answer").click()
    expect_accessible(page)
    page.set_viewport_size({"width": 400, "height": 900})
    expect_accessible(page)
    page.get_by_role("button", name="Not yet").click()
    for _ in range(10):
        turn(page, "I knew it")
    assert asked(page) == "You knew 9 of 10 at first."
    expect_accessible(page)


def test_two_reviews_on_a_page_do_not_mix(open_widgets):
    page = open_widgets(Review("03"), Review("03"))
    first, second = page.locator(".review").all()
    first.get_by_role("button").click()
    assert second.locator(".answer").count() == 0
    assert first.locator(".answer").count() == 1
