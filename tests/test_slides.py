"""Slides without a browser: what stands on them, what is said to them, and that the folder is whole."""

import re
from pathlib import Path

import nbformat
import pytest
from of_slides import live_of_05

from vidlab import authoring, live, normalise
from vidlab.course import ROOT, lessons
from vidlab.errors import DataError
from vidlab.fingerprint import fingerprint
from vidlab.slides import __main__ as command
from vidlab.slides import lecture, plan, vendor
from vidlab.slides.export import contents, export, load, render

LESSONS = lessons(ROOT / "notebooks")
LECTURES = sorted(path.stem for path in lecture.FOLDER.glob("*.toml"))


def lesson(number: str):
    return load(lessons(ROOT / "notebooks", number)[0])


# Lectures: what is said


@pytest.mark.parametrize("number", LECTURES)
def test_a_lecture_is_whole(number):
    nb, said = lesson(number), lecture.read(number)
    assert any(cell.metadata.get("slideshow") for cell in nb.cells), "its slides were chosen by hand"
    assert lecture.complaints(said, nb, plan.slides(nb)) == []
    minutes, least, most = (15, 9, 11) if number == "00" else (45, 27, 33)  # 00 goes before another lesson
    assert said.minutes == minutes
    assert least <= said.total(short=True) <= most


def small(*, minutes=45.0, answer="A", note="ask", poll=True, say="Look.", options=("right", "left")):
    """A lesson of one question and one answer, with a lecture to it, spoiled as asked."""
    markdown = nbformat.v4.new_markdown_cell
    cells = [
        markdown("# 77 · Title\n\nThe start.", id="title", metadata={"slideshow": {"slide_type": "slide"}}),
        markdown("## 1 · Left\n\n**Predict:** which?", id="ask", metadata={"slideshow": {"slide_type": "slide"}}),
        markdown("It was left.", id="told", metadata={"slideshow": {"slide_type": "fragment"}}),
        markdown("### Exercise", id="work", metadata={"slideshow": {"slide_type": "skip"}}),
    ]
    question = lecture.Poll("Which way?", list(options), answer, "They say right.", 5) if poll else None
    notes = {
        "title": lecture.Note(say="Welcome.", minutes=20, optional=True),
        note: lecture.Note(say=say, wrong="Right.", minutes=minutes - 25, poll=question),
    }
    return nbformat.v4.new_notebook(cells=cells), lecture.Lecture(45, notes)


SPOILED = {
    "no cell has this id": {"note": "nowhere"},
    "on no slide": {"note": "work"},
    "no poll": {"poll": False},
    "nothing is said": {"say": ""},
    "has no minutes": {"minutes": 25},
    "add up to 49": {"minutes": 49},
    "no letter of its options": {"answer": "C"},
    "two to eight options": {"options": ["left"]},
}


def test_complaints():
    nb, said = small()
    assert lecture.complaints(said, nb, plan.slides(nb)) == []
    assert lecture.complaints(small(minutes=48)[1], nb, plan.slides(nb)) == []
    for words, how in SPOILED.items():
        nb, said = small(**how)
        assert words in "\n".join(lecture.complaints(said, nb, plan.slides(nb))), words


def test_a_misspelt_key_is_named(tmp_path):
    (tmp_path / "77.toml").write_text('minutes = 45\n[cells.title]\nminuets = 1\nsay = "x"\n')
    with pytest.raises(ValueError, match=r"77\.toml, cells\.title: .*minuets"):
        lecture.read("77", tmp_path)
    assert not lecture.read("78", tmp_path)


# The plan: what stands where


def test_slide_metadata_survives_the_way_through_text():
    nb = lesson("05")
    again = authoring.build(authoring.export(nb), nb)
    normalise.normalise(again)
    assert [cell.metadata for cell in again.cells] == [cell.metadata for cell in nb.cells]
    assert plan.slide_types(again)["single-trained"] == "subslide"
    assert [cell.get("outputs") for cell in again.cells] == [cell.get("outputs") for cell in nb.cells]
    for cell in again.cells:
        cell.metadata.pop("slideshow", None)
    assert fingerprint(again) == fingerprint(nb)  # no lesson grows stale by it


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.name[:2])
def test_automatic_slides_show_what_matters(path):
    nb = load(path)
    types = plan.automatic(nb)
    for cell in nb.cells:
        exercise = cell.source.startswith("### Exercise") or re.search(r'\bcheck\("', cell.source)
        if exercise:
            assert types[cell.id] == "skip", cell.id
        elif cell.source.startswith("## ") and cell.id != "after":
            assert types[cell.id] == "slide", cell.id
        elif plan.has_picture(cell):
            assert types[cell.id] != "skip", cell.id
    cells = {cell.id: cell for cell in nb.cells if types[cell.id] != "skip"}
    for asks, tells in zip(cells, list(cells)[1:], strict=False):
        if "**predict" in cells[asks].source.lower():
            assert types[tells] in plan.STARTS, f"{tells} tells what {asks} asks"
    shown = [cell_id for ids in plan.slides(nb) for cell_id in ids]
    assert shown[0] == "title"
    assert len(shown) == len(set(shown)) > len(nb.cells) / 3


def test_notes_and_polls_come_where_they_belong():
    nb, said = small()
    made = plan.deck(nb, said, {})
    kinds = [(cell.id, cell.metadata["slideshow"]["slide_type"]) for cell in made.cells]
    assert kinds == [
        ("title", "slide"),
        ("title-notes", "notes"),
        ("ask", "slide"),
        ("ask-notes", "notes"),
        ("told", "fragment"),
        ("ask-poll", "subslide"),  # after its slide, not within
        ("ask-answer", "notes"),
    ]
    cells = {cell.id: cell.source for cell in made.cells}
    assert "**20 min** · until 40 of 45" in cells["ask-notes"]
    assert "**Usually wrong:** Right." in cells["ask-notes"]
    assert "1. right\n1. left" in cells["ask-poll"]
    assert "They say" not in cells["ask-poll"]
    assert cells["ask-answer"].startswith("**5 min** · until 45 of 45\n\n**Answer: A** · right")
    short = plan.deck(nb, said, {}, short=True)
    assert [cell.id for cell in short.cells][0] == "ask"
    assert nb == small()[0], "the lesson itself is as it was"


def test_of_a_cell_only_what_is_asked_for():
    stream = nbformat.v4.new_output("stream", text="three\n")
    table = nbformat.v4.new_output("execute_result", {"text/plain": "a table"}, execution_count=1)
    cell = nbformat.v4.new_code_cell("a = 1\nb = 2\nc = 3", id="sum", outputs=[stream, table])
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# T", id="title"), cell])

    def shown(html=(), **how):
        said = lecture.Lecture(45, {"sum": lecture.Note(**how)})
        return plan.deck(nb, said, {"sum": list(html)}).cells[-1]

    assert shown().metadata["show"] == "both"
    assert shown(show="code").metadata["show"] == "code"
    assert shown(lines=[2, 3]).source == "b = 2\nc = 3"
    cell.source = "for a in b:\n    if a:\n        c = 3"
    assert shown(lines=[2, 3]).source == "if a:\n    c = 3", "what stands within a block begins at the left"
    assert [output.output_type for output in shown(outputs=[0]).outputs] == ["stream"]
    assert shown(["", "<table>1</table>"]).outputs[1].data["text/html"] == "<table>1</table>"
    assert "text/html" not in nb.cells[1].outputs[1].data


def test_a_number_and_its_percent_sign_stay_on_one_line():
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("Right in 98 % of 5 films.", id="title")])
    poll = lecture.Poll("Is 73.0 % much?", ["84 %", "no"], "A", "", 1)
    text, _, asked, _ = plan.deck(nb, lecture.Lecture(45, {"title": lecture.Note(say="So.", poll=poll)}), {}).cells
    assert "98\N{NO-BREAK SPACE}% of 5 films" in text.source
    assert "73.0\N{NO-BREAK SPACE}%" in asked.source
    assert "84\N{NO-BREAK SPACE}%" in asked.source


# The folder


@pytest.fixture(scope="module")
def stick(tmp_path_factory):
    page = export(lesson("05"), lecture.read("05"), live_of_05(), tmp_path_factory.mktemp("stick") / "05")
    return page.parent


def test_the_folder_is_whole(stick):
    """Everything that the page and its styles load lies beside it; nothing is asked of a network."""
    page = (stick / "index.html").read_text(encoding="utf-8")
    outside = re.sub(r"<a\s[^>]*>", "", page)
    loaded = re.findall(r'(?:src|href)="(?!data:|#)([^"]+)"', outside)
    styles = (stick / "lib" / "deck.css").read_text(encoding="utf-8")
    loaded += [f"lib/{name}" for name in re.findall(r'url\("([^"]+)"\)', styles)]
    assert len(loaded) > 8
    assert [name for name in loaded if not (stick / name).is_file()] == []
    credits = (stick / "lib" / "CREDITS.txt").read_text(encoding="utf-8")
    assert all(word in credits for word in ("MIT", "Apache", "Open Font License"))
    assert len(list((stick / "lib").glob("LICENSE-*"))) == 3
    assert sum(file.stat().st_size for file in stick.rglob("*.*")) < 6e6


def test_the_page_keeps_the_lecturers_secrets(stick):
    page = (stick / "index.html").read_text(encoding="utf-8")
    said = lecture.read("05")
    for_all = re.sub(r"<aside class=\"notes\">.*?</aside>", "", page, flags=re.S)
    assert page.count("<aside") == len(plan.slides(lesson("05"))) + 5
    assert "Usually wrong" in page
    assert not re.search("Usually wrong|Answer:", for_all)
    assert all(note.poll.ask.split("$")[0] in for_all for note in said.notes.values() if note.poll)
    text = "\n".join(cell.source for cell in lesson("05").cells)
    assert "Hands up" not in text, "polls are not in the learner's notebook"


def test_figures_wait_and_pictures_have_words(stick):
    page = (stick / "index.html").read_text(encoding="utf-8")
    assert page.count('<script type="text/x-widget">') == page.count('<div class="vidlab"') == 3
    pictures = re.findall(r"<img[^>]*>", page)
    assert len(pictures) >= 2
    assert all(re.search(r'alt="[^"]{20,}"', picture) for picture in pictures)


def test_without_a_run_figures_are_pictures():
    page = render(plan.deck(lesson("05"), lecture.read("05"), {}))
    assert "vidlab" not in page.split("<body")[1].split("<script")[0]
    assert page.count("data:image/png") == 5


def test_a_link_to_a_lesson_leads_to_its_deck(stick):
    page = (stick / "index.html").read_text(encoding="utf-8")
    assert 'href="../06/index.html"' in page
    assert ".ipynb" not in page


def test_another_wheel_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("VIDLAB_CACHE", str(tmp_path))

    def other(source, version, folder):
        (folder / "other.whl").write_bytes(b"not what was published")
        return folder / "other.whl"

    monkeypatch.setattr(vendor.download, "wheel", other)
    with pytest.raises(DataError, match="SHA-256"):
        vendor.folder(vendor.PARTS[0])
    assert not list(tmp_path.rglob("*.js"))


def test_contents(tmp_path):
    page = contents(tmp_path, [("05", "05 · One <frame>", "45 minutes, with notes and 5 polls")])
    text = page.read_text(encoding="utf-8")
    assert 'href="05/index.html">05 · One &lt;frame&gt;</a> <span>45 minutes' in text


# Live figures


@pytest.fixture
def course(tmp_path):
    """A course of one lesson with one figure to touch."""
    markdown, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    source = "import torch\n\nfrom vidlab import figures\n\nfigures.ClipPlayer({'noise': torch.rand(4, 3, 8, 8)})"
    cells = [markdown("# 77 · Noise", id="title"), code(source, id="play")]
    path = tmp_path / "notebooks" / "77_noise.ipynb"
    path.parent.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


# The command


def test_the_command(course, tmp_path, capsys):
    out = tmp_path / "slides"
    arguments = ["--pictures", "--notebooks", str(course.parent), "--out", str(out)]
    assert command.main([*arguments, "--only", "99"]) == 1
    assert "no lesson named 99" in capsys.readouterr().out
    assert command.main(arguments) == 0
    assert "1 slides, chosen automatically; no notes" in capsys.readouterr().out
    assert (out / "77" / "lib" / "tex-svg.js").is_file()
    assert "77 · Noise" in (out / "index.html").read_text(encoding="utf-8")


def test_a_deck_shows_the_run_that_is_kept(course, tmp_path, monkeypatch):
    run = load(course)
    data = {"text/html": '<div data-vidlab="1"><p>to touch</p></div>', "text/plain": "A figure."}
    printed = nbformat.v4.new_output("stream", text="from this run\n")
    run.cells[1].outputs = [printed, nbformat.v4.new_output("execute_result", data, execution_count=1)]
    live.keep(run, tmp_path / "live" / course.name)
    kept = live.kept
    monkeypatch.setattr(live, "kept", lambda path: kept(path, tmp_path / "live"))
    out = tmp_path / "slides"
    assert command.main(["--pictures", "--notebooks", str(course.parent), "--out", str(out)]) == 0
    page = (out / "77" / "index.html").read_text(encoding="utf-8")
    assert '<div data-vidlab="1"><p>to touch</p></div>' in page
    assert "from this run" in page


def test_a_wrong_lecture_is_not_exported(course, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "read", lambda number: small(note="nowhere")[1])
    arguments = ["--pictures", "--notebooks", str(course.parent), "--out", str(tmp_path / "slides")]
    assert command.main(arguments) == 1
    assert "nowhere: no cell has this id" in capsys.readouterr().out
    assert not (tmp_path / "slides" / "77").exists()


def test_about_names_what_has_notes():
    (path,) = lessons(Path(ROOT / "notebooks"), "05")
    assert command.about(path, short=False) == "45 minutes, with notes and 5 polls"
    assert command.about(path, short=True).endswith("4 polls")


def test_no_figure_makes_sections():
    """reveal.js takes each <section> in a slide for a slide of its own, and hides it."""
    scripts = list((ROOT / "vidlab" / "figures").glob("*.js"))
    assert len(scripts) > 15
    assert [file.name for file in scripts if re.search(r"""h\("section"|<section""", file.read_text("utf-8"))] == []
