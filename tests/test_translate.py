"""The course in another language: the catalogue, what is translated in text and code, the hooks, lesson 06 whole."""

import ast
import html
import re
import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from matplotlib.text import Text
from PIL import Image, ImageDraw

from vidlab import figures, results, translate
from vidlab.checks import check, hint, solution
from vidlab.doctor import install_line
from vidlab.figures.picture import font
from vidlab.fingerprint import fingerprint
from vidlab.translate import blocks, code, extract, fonts, hooks, lesson, sources, words
from vidlab.translate.__main__ import main, status

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
LANGUAGES = sorted(folder.name for folder in translate.FOLDER.iterdir() if folder.is_dir())
TRANSLATED = [(name, stem) for name in LANGUAGES for stem in lesson.translated(name)]
FILES = [path for name in LANGUAGES for path in words.files(name)]
MOST = 0.05  # of a lesson's texts may wait for their translator; until then they are shown in English


def cells(path, kind):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


@pytest.fixture
def chinese():
    """This process speaks Chinese; afterwards English again."""
    if fonts.find(words.about("zh_CN")) is None:
        pytest.skip(f"no Chinese font here; {install_line('fonts-noto-cjk')}")
    translate.language("zh_CN")
    yield translate.load("zh_CN")
    translate.language(None)


# The catalogue


def say(pairs, text, **about):
    return words.Words(pairs, about).say(text)


def test_a_text_is_found_whole_by_its_form_or_in_parts():
    pairs = {"left": "左", "{0} of {1} examples": "{1} 例中的 {0} 例", "moved": "移动", "no": "不"}
    assert say(pairs, "  left\n") == "  左\n"
    assert say(pairs, "3 of 12 examples") == "12 例中的 3 例"
    assert say(pairs, "● left") == "● 左"
    assert say(pairs, "moved: left", joints={": ": "："}) == "移动：左"
    assert say(pairs, "3 of 12\n   examples") == "12 例中的 3 例"  # wrapped
    assert say(pairs, "unknown words") == "unknown words"
    assert say({"{0} frame{1}": "{0} 帧"}, "8 frames") == "8 帧"
    assert "no change" in say(
        {"{0} frame{1}": "{0} 帧"}, "single frame: no change"
    )  # an ending is all that is left out
    assert say({"of {0}": "{0} 的"}, "of all the words") == "of all the words"  # a short form takes numbers only


def test_what_stands_in_a_place_is_said_too_also_in_a_form_that_is_already_translated():
    pairs = {"picture {0}: moves {1}": "图 {0}：向{1}", "up": "上"}
    assert say(pairs, "picture 3: moves up") == "图 3：向上"
    assert say(pairs, "图 3：向up") == "图 3：向上"


def test_the_form_with_more_words_wins():
    pairs = {"{0} frames of {1}": "甲{0}{1}", "{0} frames of {1} pixels": "乙{0}{1}"}
    assert say(pairs, "8 frames of 32×32 pixels") == "乙832×32"


def test_words_that_stay_are_no_leftovers():
    known = words.Words({}, {"keep": ["AlexNet"]})
    assert known.unsaid("AlexNet 的 `conv1.weight` 与 k_t = 3") == []
    assert known.unsaid("AlexNet 的 weights") == ["weights"]


def test_an_unknown_language_is_refused():
    with pytest.raises(translate.words.DataError, match="zh_CN"):
        translate.language("xx_XX")


# Text and code


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem[:2])
def test_every_lesson_can_be_taken_apart_and_put_together(path):
    for cell in cells(path, "markdown"):
        assert blocks.rebuild(blocks.blocks(cell.source), str) == cell.source, cell.id
    for cell in cells(path, "code"):
        new = code.rebuild(cell.source, lambda text: f"“{text}”")
        assert code.skeleton(new) == code.skeleton(cell.source), cell.id


def test_the_skeleton_of_code_notices_another_name_or_number_or_key():
    source = 'print("a word", x["a key"], 3)  # why'
    same = code.rebuild(source, lambda text: "字")
    assert same == 'print("字", x["a key"], 3)  # 字'
    for wrong in (same.replace("x[", "y["), same.replace("3", "4"), same.replace("a key", "键")):
        assert code.skeleton(wrong) != code.skeleton(source)


def test_places_may_change_their_order_and_keep_their_code():
    source = "print(f\"{a['k']:.2f} of {n:,} frames\")"
    said = code.rebuild(source, lambda text: {"{0} of {1} frames": "{1} 帧中的 {0}"}[text])
    assert said == "print(f\"{n:,} 帧中的 {a['k']:.2f}\")"
    ast.parse(said)


def test_blocks_leave_code_formulas_tables_and_tags_outside():
    text = "## Title\n\n- one\n- two `x`\n\n```py\ncode words\n```\n\n$$a \\text{word}$$\n\n| head | 3 |\n|---|---|\n"
    text += "| cell | $x$ |\n\n<details><summary>Hint 1</summary>Look.</details>"
    found = [piece.text for piece in blocks.blocks(text) if not isinstance(piece, str)]
    assert found == ["Title", "one", "two `x`", "head", "cell", "Hint 1", "Look."]


def test_strings_of_scripts_are_found_also_inside_of_others():
    script = "f(`a ${x ? `b ${y}` : 'c'} d`, \"e\\u202ff\"); // 'g'\nconst re = /['\"]/g; /* \"h\" */ k('i')"
    assert list(sources.script_forms(script)) == ["b {0}", "c", "a {0} d", "e\u202ff", "i"]


# PO files


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_translations_keep_code_formulas_links_and_places(path):
    wrong = []
    for text, said in words.pairs_of(path).items():
        endings = "".join(re.findall(r"(?<=[A-Za-z])\{\d+\}", text))  # as in "frame{1}": may be left out
        before, after = blocks.fixed_parts(text), blocks.fixed_parts(f"{said} {endings}")
        wrong += [f"{kind}: {text!r} → {said!r}" for kind in before if before[kind] != after[kind]]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_terms_are_translated_as_the_glossary_says(path):
    terms = tomllib.loads((path.parent / "glossary.toml").read_text(encoding="utf-8"))["terms"]
    wrong = []
    for text, said in words.pairs_of(path).items():
        prose = re.sub(r"\w+\[.*?\]", "", blocks.CODE.sub("", blocks.LINK.sub("]", text)))
        for term, chosen in terms.items():
            if re.search(rf"(?<![\w-]){term}(?![\w-])", prose) and not any(word in said for word in chosen):
                wrong.append(f"{term}, which is {' or '.join(chosen)}: {text!r} → {said!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("name", "stem"), TRANSLATED)
def test_the_translation_belongs_to_the_lesson_as_it_is_now(name, stem, tmp_path, monkeypatch):
    """Every text of the lesson is in its PO file, and the notebook is what `build` makes of both."""
    entries = {words.squeeze(entry.id) for entry in words.read(translate.FOLDER / name / f"{stem}.po") if entry.id}
    nb = nbformat.read(ROOT / "notebooks" / f"{stem}.ipynb", as_version=4)
    missing = [f"{cell}: {text}" for text, cell, _ in lesson.texts(nb) if words.squeeze(text) not in entries]
    mend = f"python -m vidlab.translate update {name}, then build {name} {stem[:2]}"
    assert not missing, f"not in {stem}.po; {mend}\n" + "\n".join(missing)
    made = nbformat.read(lesson.target(name, stem), as_version=4)
    built = lesson.build(nb, name, stem, made)
    for now, then in zip(built.cells, made.cells, strict=True):
        assert (now.id, now.source, now.metadata) == (then.id, then.source, then.metadata), f"{mend} ({now.id})"
    assert made.metadata.vidlab.fingerprint == fingerprint(made), f"stale: build {name} {stem[:2]} --run"


@pytest.mark.parametrize(("name", "stem"), TRANSLATED)
def test_few_texts_are_still_in_english(name, stem):
    left = [line for line in status(name) if line.startswith((stem, "vidlab"))]
    for line in left:
        warnings.warn(line, stacklevel=1)
    total = sum(bool(entry.id) for path in words.files(name) for entry in words.read(path))
    assert len(left) <= MOST * total, "\n".join(left)


@pytest.mark.parametrize(("name", "stem"), TRANSLATED)
def test_only_words_differ_from_the_english_lesson(name, stem):
    before = nbformat.read(ROOT / "notebooks" / f"{stem}.ipynb", as_version=4).cells
    after = [cell for cell in nbformat.read(lesson.target(name, stem), as_version=4).cells if cell.id != "language"]
    for old, new in zip(before, after, strict=True):
        assert (old.id, old.cell_type, old.metadata) == (new.id, new.cell_type, new.metadata)
        if old.cell_type == "code":
            assert code.skeleton(old.source) == code.skeleton(new.source), old.id
        for link in blocks.LINK.findall(new.source) if new.cell_type == "markdown" else ():
            assert link.startswith("http") or (lesson.target(name, stem).parent / link.partition("#")[0]).exists(), link


@pytest.mark.parametrize(("name", "stem"), TRANSLATED)
def test_no_english_is_left_in_what_the_lesson_showed(name, stem):
    known, left = translate.load(name), []
    waiting = {words.squeeze(re.split(": (?:untranslated|fuzzy): ", line)[1]) for line in status(name)}
    for cell in cells(lesson.target(name, stem), "code"):
        for output in cell.outputs:
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            left += [f"{cell.id}: {line}" for line in text.split("\n") if known.unsaid(line) and line not in waiting]
    assert not left, "\n".join(left)


# The hooks


def test_pictures_are_in_the_language_with_a_sign_for_every_letter(chinese):
    figure, axis = plt.subplots(figsize=(3, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of a sign that no font has
        title = axis.set_title("late fusion")
        figures.show(figure, alt="")
    assert title.get_text() == chinese.pairs["late fusion"] != "late fusion"


def test_bold_words_in_a_font_that_has_no_bold_bring_no_message(chinese, caplog):
    figure, axis = plt.subplots(figsize=(3, 1))
    axis.set_title("late fusion", fontweight="bold", fontsize=7.77)  # a size of its own: found fonts are remembered
    figures.show(figure, alt="")
    assert not caplog.records


def test_pillow_draws_and_measures_in_the_language(chinese):
    def drawn(text):
        image = Image.new("L", (200, 30))
        ImageDraw.Draw(image).text((2, 2), text, 255, font(15))
        return image.tobytes()

    blank = drawn("\uffff\uffff\uffff\uffff")  # boxes
    assert drawn("late fusion") == drawn(chinese.pairs["late fusion"]) not in (blank, drawn(""))
    assert font(15).getlength("late fusion") == font(15).getlength(chinese.pairs["late fusion"])


def test_print_and_tables_are_in_the_language(chinese, capsys):
    print("early fusion", "late fusion", sep=" | ")
    assert capsys.readouterr().out == f"{chinese.pairs['early fusion']} | {chinese.pairs['late fusion']}\n"
    table = results.table("direction", "single frame", "early")
    lines = repr(table).split("\n")
    assert not [line for line in lines if chinese.unsaid(line)]
    assert hooks.width(lines[2]) == hooks.width(lines[3])  # columns of signs two letters wide end together
    assert "单帧" in table._repr_html_()


def test_what_an_exercise_says_is_in_the_language(chinese, home):
    hints = [hint("early.as_films") for _ in range(2)]  # the solution comes after the last hint
    answer = solution("early.as_films")
    lines = repr(answer).split("\n")
    code = [line for line in lines if re.match(r"def |    return ", line)]
    shown = hooks.plain(chinese, repr(answer)), html.unescape(hooks.page(chinese, answer._repr_html_()))
    assert len(code) == 2
    for text in shown:
        assert all(line in text for line in code), "code is not translated"
        assert not chinese.unsaid(re.sub(r"<[^>]*>|k[hw]", "", "".join(text.split(line)[0] for line in code[:1])))
        assert "    # 各帧" in text
    said = [
        *hints,
        check("early.stack", lambda clip: clip.mean(1)),
        check("early.stack", lambda clip: clip.numpy()),
        check("early.stack", lambda clip: clip[:, :1, :2].flatten(1, 2)),
        check("early.stack", lambda clip: 1 / 0),
        check("early.first_layer_weights", lambda k, frames, channels_out, channels=3: k * frames * channels_out * 3.5),
    ]
    for each in said:
        text = hooks.plain(chinese, repr(each)) + hooks.page(chinese, each._repr_html_())
        text = re.sub(r"<[^>]*>|&\w+;|“[^”]*”|\(ZeroDivisionError.*?\)", " ", text)
        assert not chinese.unsaid(
            re.sub(r"clip|float|division by zero|ZeroDivisionError|early|channels|ndarray|return.*", "", text)
        ), text
        assert re.search("[\u4e00-\u9fff]", text)


def test_afterwards_all_is_as_before():
    before = print, Text.set_text, ImageDraw.ImageDraw.text, list(plt.rcParams["font.family"])
    translate.language("zh_CN")
    assert print is not before[0]
    translate.language(None)
    assert (print, Text.set_text, ImageDraw.ImageDraw.text, list(plt.rcParams["font.family"])) == before


def test_without_a_font_pictures_stay_english_and_a_message_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(fonts, "find", lambda about: None)
    translate.language("zh_CN")
    try:
        assert "fonts-noto-cjk" in capsys.readouterr().out
        assert plt.subplots()[1].set_title("late fusion").get_text() == "late fusion"
    finally:
        translate.language(None)
        plt.close("all")


def test_a_font_that_no_system_has_is_not_found():
    assert fonts.find({"fonts": ["No Such Family"]}) is None


# Extraction


def test_what_is_shown_is_traced_to_how_the_code_wrote_it():
    known = dict.fromkeys(["frame {0}", "left", "moves {0} by {1} px", "Play"], "x.py")
    used, unknown = extract.trace(["frame 3", "moves left by 2 px", "Play", "somebody else’s words"], known, {})
    assert list(used) == ["frame {0}", "moves {0} by {1} px", "left", "Play"]
    assert unknown == ["somebody else’s words"]


def test_a_changed_text_becomes_fuzzy_and_a_vanished_one_obsolete(tmp_path):
    path = tmp_path / "zh_CN" / "x.po"
    extract.update(path, [("The frames of a clip stand in a row", "a", ""), ("It is gone soon", "b", "")])
    catalog = words.read(path)
    for entry in catalog:
        entry.string = "译文" if entry.id else entry.string
    extract.save(catalog, path)
    extract.update(
        path, [("The frames of a clip stand in one row", "a", ""), ("Something quite new, at last", "c", "")]
    )
    catalog = words.read(path)
    changed = catalog["The frames of a clip stand in one row"]
    assert changed.fuzzy
    assert changed.string == "译文"
    assert catalog["Something quite new, at last"].string == ""
    assert "It is gone soon" in catalog.obsolete
    assert words.pairs_of(path) == {}  # what is fuzzy is shown in English
    again = path.read_bytes()
    extract.update(
        path, [("The frames of a clip stand in one row", "a", ""), ("Something quite new, at last", "c", "")]
    )
    assert path.read_bytes() == again


def test_the_command_names_what_is_left(capsys):
    assert main(["status", "zh_CN"]) == int(bool(status("zh_CN")))
    capsys.readouterr()


def test_english_is_not_touched_by_any_of_this():
    """No module that a lesson imports imports the translation."""
    code_cells = [cell.source for path in LESSONS for cell in cells(path, "code")]
    names = set().union(*(sources.imports(ast.parse(source)) for source in code_cells))
    found = sources.reached({name for name in names if name.split(".")[0] == "vidlab"})
    assert len(found) > 50
    assert not [name for name in found if name.startswith("vidlab.translate")]
