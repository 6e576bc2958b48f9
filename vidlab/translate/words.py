"""A catalogue: words as the code writes them, and what they are in another language.

An entry is a whole text, or a form with places, "{0} of {1} examples". A text that no entry fits is cut at its joints
(": ", "; ", ", " …), and its parts are looked up. `speak.js` does the same on a page, in functions of the same names.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path

from ..catalogue import REGISTRY
from ..errors import DataError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = REGISTRY.with_name("translations")
PLACE = re.compile(r"\{(\d+)\}")
WORD = re.compile(r"[A-Za-z]{2,}")  # what may need a translation; a single letter is a sign, as in T × H × W
BETWEEN = re.compile(r"\n| · |; |\. |: |, |  # ")  # the joints at which a text is cut
SOFT = re.compile(r"(?<=[\d%→×)]) (?=[a-z])|(?<=[a-z]) (?=\d)")  # or between a number and a word
BARE = re.compile(r"([^\w({\[]*)(.*?)([^\w)}\]]*)", re.DOTALL)  # signs around a text, such as the dot of "● down"
SHORT = 4  # letters: a form with fewer of them, such as "{0} of {1}", takes numbers only
CODE = re.compile(
    r"^ *(?:def \w+\(|return\b|from [\w.]+ import |import \w|@\w|[\w.]+(?:, [\w.]+)* [-+*/]?= |\"\"\")", re.MULTILINE
)
MANY = 16  # joints: a longer text is cut into sentences first


class Words:
    """What is shown for each text: `say("left")` gives "向左". What is not known comes back as it was.

    Args:
        pairs: text or form -> what it is in the language.
        about: what `language.toml` says: joints, words that stay, fonts.
    """

    def __init__(self, pairs: dict[str, str], about: dict | None = None) -> None:
        self.about = about or {}
        self.joints = self.about.get("joints", {})
        self.pairs = {squeeze(text): said for text, said in pairs.items() if said}
        self._part = lru_cache(100_000)(self._part)

    @cached_property
    def forms(self) -> list[tuple[str, str, re.Pattern, str, bool]]:
        """(text, said, pattern, longest fixed part, takes numbers only), those with more fixed letters first.

        A form in the other language is there, too: in "图 0：up" the last word is still to be said.
        """
        made = {}
        for text, said in self.pairs.items():
            for form in (text, squeeze(said)):
                fixed = PLACE.split(form)[::2]
                if len(fixed) > 1 and any(re.search(r"[^\W\d_]", part) for part in fixed):
                    made.setdefault(form, (text, said, pattern(form), max(fixed, key=len), fixed))
        rows = sorted(made.values(), key=lambda row: -sum(map(len, row[4])))
        return [(*row[:4], weight("".join(row[4])) < SHORT) for row in rows]

    def say(self, text: str) -> str:
        """The text in the language, with the blanks around it that it had."""
        core = text.strip()
        if not WORD.search(core):
            return text
        start = text.index(core)
        return text[:start] + self._part(core) + text[start + len(core) :]

    def _part(self, core: str) -> str:
        flat = squeeze(core)
        if flat in self.pairs:
            return self.pairs[flat]
        if CODE.search(core):
            return "\n".join(map(self._line, core.split("\n")))
        best, least = core, len(WORD.findall(core))
        for said in self._ways(core, flat):
            left = len(WORD.findall(said))
            if left < least:
                best, least = said, left
            if left == 0:
                break
        return best

    def _line(self, line: str) -> str:
        """A line of a text in which there is code: of code, only what stands behind `#`."""
        code, sign, comment = line.partition("# ")
        if sign and (CODE.match(code) or not code.strip()):
            return code + sign + self.say(comment)
        return line if CODE.match(line) else self.say(line)

    def _ways(self, core: str, flat: str) -> Iterator[str]:
        """What could be said: by a form, without the signs around, in two parts. The best leaves the fewest words."""
        for text, said, looks, fixed, numbers in self.forms:
            if fixed not in flat or not looks.fullmatch(flat):
                continue
            for found in (looks.fullmatch(flat), longest(looks).fullmatch(flat)):
                if numbers and any(WORD.search(group) for group in found.groups()):
                    continue
                filled = [self.say(group) for group in found.groups()]
                order = PLACE.findall(text) if looks.pattern == pattern(text).pattern else PLACE.findall(squeeze(said))
                yield fill(said, dict(zip(order, filled, strict=True)))
        front, inside, end = BARE.fullmatch(core).groups()
        if front or end:
            yield self.joints.get(front, front) + self.say(inside) + self.joints.get(f"{end} ", end)
        joints = list(BETWEEN.finditer(core)) or list(SOFT.finditer(core))
        if len(joints) > MANY:
            joints = [joint for joint in joints if joint[0] in ("\n", ". ")][:MANY]
        for joint in joints:
            before, after = self.say(core[: joint.start()]), self.say(core[joint.end() :])
            yield before + self.joints.get(joint[0], joint[0]) + after

    def exactly(self, text: str) -> str:
        """A whole text, which is not cut; with the blanks around it that it had."""
        core = text.strip()
        start = text.index(core)
        return text[:start] + self.pairs.get(squeeze(core), core) + text[start + len(core) :]

    def unsaid(self, text: str) -> list[str]:
        """The words of a shown text that are not in the language, but for those that stay: names, signs, code."""
        keep = self.about.get("keep", [])
        stay = re.compile("|".join([r"\w*[_./=()\[\]{}]\w[\w.=()\[\]{}]*", *(rf"\b{word}\b" for word in keep)]))
        return WORD.findall(stay.sub(" ", re.sub(r"`[^`]*`|\$[^$]*\$|https?://\S+", " ", text)))


def weight(fixed: str) -> int:
    """Letters of the fixed parts of a form; a sign of a script that writes whole words in one counts as a word."""
    return sum(SHORT if ord(sign) > 0x2E7F else 1 for sign in fixed if sign.isalpha())


def fill(form: str, places: dict[str, str]) -> str:
    """The form with something in its places."""
    return PLACE.sub(lambda place: places[place[1]], form)


def squeeze(text: str) -> str:
    """Blanks and line breaks as single blanks: a wrapped text is the same text."""
    return re.sub(r"\s+", " ", text).strip()


@lru_cache(10_000)
def pattern(form: str) -> re.Pattern:
    """What fits a form: anything in its places, but after a letter only an ending, as in "frame{1}"."""
    parts = PLACE.split(squeeze(form))
    places = ["([a-z]{0,2})" if re.search("[A-Za-z]$", before) else "(.*?)" for before in parts[::2]]
    return re.compile("".join(places[k // 2] if k % 2 else re.escape(part) for k, part in enumerate(parts)), re.DOTALL)


@lru_cache(10_000)
def longest(looks: re.Pattern) -> re.Pattern:
    """The same with as much as can be in each place: "(10, 6) (division by zero)" can be parted in two ways."""
    return re.compile(looks.pattern.replace("(.*?)", "(.*)"), re.DOTALL)


def files(name: str) -> list[Path]:
    """The PO files of a language.

    Raises:
        DataError: there is no such language.
    """
    found = sorted((FOLDER / name).glob("*.po"))
    if not found:
        known = ", ".join(folder.name for folder in sorted(FOLDER.iterdir()) if folder.is_dir())
        raise DataError(f"the course is not translated into {name!r}", wanted=f"one of {known}, or docs/translating.md")
    return found


def read(path: Path):
    """A PO file as babel's catalogue."""
    from babel.messages.pofile import read_po

    with path.open("rb") as file:
        catalog = read_po(file, locale=path.parent.name)
    for entry in catalog:  # the earlier text of a fuzzy entry, which babel writes and does not read
        earlier = " ".join(line.lstrip("| ") for line in entry.user_comments if line.startswith("|"))
        entry.user_comments = [line for line in entry.user_comments if not line.startswith("|")]
        if earlier:
            entry.previous_id = ["".join(map(json.loads, re.findall(r'"(?:\\.|[^"\\])*"', earlier)))]
    return catalog


def pairs_of(path: Path) -> dict[str, str]:
    """What a PO file says, without what is fuzzy: that is shown in English until somebody has looked at it."""
    return {entry.id: entry.string for entry in read(path) if entry.id and entry.string and not entry.fuzzy}


def load(name: str) -> Words:
    """The catalogue of a language: the words of the package and of all its lessons."""
    pairs = {}
    for path in files(name):
        pairs |= pairs_of(path)
    return Words(pairs, about(name))


def about(name: str) -> dict:
    """What `language.toml` says of a language."""
    return tomllib.loads((FOLDER / name / "language.toml").read_text(encoding="utf-8"))
