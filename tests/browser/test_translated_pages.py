"""Figures in another language: every word that they can show, in Chinese, with a sign for each letter."""

import pytest
import torch

from vidlab import figures, models, translate, worlds
from vidlab.translate.play import MOVE


@pytest.fixture(scope="module")
def shown():
    """The figures of lesson 06, of networks that learned nothing: (words of the language, figures)."""
    translate.language("zh_CN")
    test = worlds.World().sample(4, split="test")
    generator = torch.Generator().manual_seed(0)
    films = torch.randn(2, 4, 8, 3, 3, 3, generator=generator)
    networks = {"single frame": models.SingleFrame(4), "early fusion": models.EarlyFusion(4, frames=8)}
    truth = test.label["motion"]
    yield (
        translate.load("zh_CN"),
        figures.FusionMap("early", frames=10),
        figures.TimeBattery.of(networks, test.clip, classes=worlds.World().motions, truth=truth),
        figures.Filters(films, steps=[0, 300]),
    )
    translate.language(None)


@pytest.mark.parametrize("dark", [False, True])
def test_no_english_is_left_on_a_figure_whatever_is_moved(shown, open_widgets, dark):
    words, *widgets = shown
    page = open_widgets(*widgets, dark=dark)
    assert page.locator(".vidlab[lang=zh-CN]").count() == len(widgets)
    for k, _ in enumerate(widgets):
        figure = page.locator(".vidlab[data-ready]").nth(k)
        said = figure.evaluate(MOVE) if not dark else figure.evaluate("(el) => Object.fromEntries(el.said)")
        left = {text: now for text, now in said.items() if words.unsaid(now)}
        assert said
        assert not left
        wide = figure.evaluate("(el) => el.scrollWidth - el.clientWidth")
        assert wide <= 1, "words run out of the figure"


def test_english_figures_know_nothing_of_it(open_widgets):
    translate.language(None)
    page = open_widgets(figures.FusionMap("early", frames=4))
    assert page.locator(".vidlab").evaluate("(el) => el.said === undefined && el.lang === ''")
