"""The course in another language: its words are kept apart from its code, in files that translators know.

`data/translations/LANGUAGE/` holds one PO file for each lesson, one for the words of the package (`vidlab.po`), a
glossary, and `language.toml`: fonts, punctuation, words that stay. A translated lesson is built from the English one:

    python -m vidlab.translate extract zh_CN 06     what is to be translated -> the PO files
    python -m vidlab.translate build zh_CN 06       PO files -> notebooks/zh_CN/06_early_fusion.ipynb

Its first cell calls `language("zh_CN")`. From then on each word that is drawn, printed or displayed passes through the
catalogue (`hooks`): text is translated where it is shown, so that no module of the course knows of languages.
docs/translating.md leads through it.
"""

from __future__ import annotations

from .words import FOLDER, Words, load

__all__ = ["FOLDER", "Words", "language", "load"]


def language(name: str | None) -> None:
    """Show what this kernel draws, prints and displays in a language, such as "zh_CN"; None: in English again.

    What is not translated is shown in English. Where no font has the signs of the language, pictures stay English, and
    a message says what to install.

    Raises:
        DataError: there is no folder for this language.
    """
    from . import hooks
    from .fonts import find

    hooks.remove()
    if name is None:
        return
    words = load(name)
    found = find(words.about)
    if found is None:
        print(words.about["no_font"])
    hooks.install(words, found)
