"""Lessons that are run for their live figures: once, whole, and again when what they show would change."""

import nbformat
import pytest

from vidlab import live
from vidlab.course import CellFailed

SOURCE = """\
import torch

from vidlab import figures

print("first")
print("last")
figures.ClipPlayer({"noise": torch.full((4, 3, 8, 8), 0.5)})"""


@pytest.fixture
def course(tmp_path):
    """A course of one lesson: words, a printout and a figure to touch, and a picture."""
    markdown, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    picture = "import matplotlib.pyplot as plt\n\nfigures.show(plt.figure(figsize=(1, 1)), alt='An empty page.')"
    cells = [markdown("# 77 · Noise", id="title"), code(SOURCE, id="play"), code(picture, id="still")]
    path = tmp_path / "notebooks" / "77_noise.ipynb"
    path.parent.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def change(path, cell: int, old: str, new: str) -> None:
    nb = nbformat.read(path, as_version=4)
    assert old in nb.cells[cell].source
    nb.cells[cell].source = nb.cells[cell].source.replace(old, new)
    nbformat.write(nb, path)


def test_a_lesson_is_run_once_and_kept_whole(course, tmp_path, monkeypatch):
    folder, before = tmp_path / "live", course.read_bytes()
    assert live.kept(course, folder) is None
    found = live.run(course, folder)
    assert course.read_bytes() == before, "the lesson itself was not written"
    printed, figure = found.cells[1].outputs
    assert printed.text == "first\nlast\n"
    assert 'data-vidlab="' in live.page(figure)
    assert {"image/png", "text/plain"} <= set(figure.data)
    # The page of a figure stands at the place of its output, whatever was printed before it.
    assert live.pages(found) == {"play": ["", live.page(figure)]}, "a still picture is as good as it is saved"
    assert live.page(found.cells[2].outputs[0]).startswith("<img")
    nbformat.validate(found)

    monkeypatch.setattr(live, "execute", lambda *_: pytest.fail("run again"))
    again = live.run(course, folder)
    assert [cell.get("outputs") for cell in again.cells] == [cell.get("outputs") for cell in found.cells]
    assert [file.name for file in folder.iterdir()] == [course.name], "nothing half written is left"

    change(course, 0, "Noise", "Noise, in other words")
    assert "other words" in live.kept(course, folder).cells[0].source, "words are those of today, and need no run"
    change(course, 1, "8, 8", "8, 9")
    assert live.kept(course, folder) is None
    assert live.kept(course, tmp_path / "elsewhere") is None


@pytest.fixture
def folder(course, tmp_path):
    """Where that lesson is kept, without having been run: its figure is made up."""
    change(course, 1, SOURCE, "1 + 1")  # which uses no module of the course, whose fingerprint takes a second
    change(course, 2, "figures", "elsewhere")
    nb = nbformat.read(course, as_version=4)
    data = {"text/html": '<div data-vidlab="1">', "image/png": "", "text/plain": "A figure."}
    nb.cells[1].outputs = [nbformat.v4.new_output("execute_result", data, execution_count=1)]
    live.keep(nb, tmp_path / "live" / course.name)
    return tmp_path / "live"


def test_other_code_behind_a_lesson_makes_its_figures_old(course, folder, monkeypatch):
    assert live.kept(course, folder) is not None
    monkeypatch.setattr(live, "_package", lambda: "another file of the package was changed")
    monkeypatch.setattr(live, "fingerprint", lambda nb: "this lesson uses it")
    assert live.kept(course, folder) is None
    monkeypatch.undo()
    assert live.kept(course, folder) is not None


def test_code_that_a_lesson_does_not_use_changes_nothing(course, folder, monkeypatch):
    asked = []
    monkeypatch.setattr(live, "_package", lambda: "another file of the package was changed")
    monkeypatch.setattr(live, "fingerprint", lambda nb, real=live.fingerprint: asked.append(1) or real(nb))
    assert live.kept(course, folder) is not None
    assert live.kept(course, folder) is not None
    assert len(asked) == 1, "what was found is noted: it takes a second for each lesson"


def test_another_script_of_a_figure_makes_all_figures_old(course, folder, monkeypatch, tmp_path):
    package = tmp_path / "package"
    (package / "figures").mkdir(parents=True)
    (package / "figures" / "cube.js").write_text("another")
    monkeypatch.setattr(live, "PACKAGE", package)
    assert live.kept(course, folder) is None


def test_a_lesson_that_fails_is_not_kept(course, tmp_path):
    change(course, 1, SOURCE, "1 / 0")
    with pytest.raises(CellFailed, match="play"):
        live.run(course, tmp_path / "live")
    assert not (tmp_path / "live").exists()
