"""The built site: every link arrives, nothing comes from elsewhere, lists are complete, and the buttons would work."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import nbformat
import of_site
import pytest
import site_chapters
import site_glossary
import site_launch
import site_lists
from make_site import Resolver
from of_site import ROOT, site

from vidlab import evidence
from vidlab.catalogue import tomllib
from vidlab.course import lessons

LESSONS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in lessons(ROOT / "notebooks")}
INITIALS = re.compile(r"\b(?:[A-ZŁ]\.[ -]?){1,4}((?:van |Van |de )?[A-ZŁ][\w’'-]+\b)(?!\.)")
IN_TEXT = re.compile(  # Tran et al. 2015; Horn and Schunck (1981); Feichtenhofer, Pinz and Zisserman, 2016
    r"\b([A-Z][\w’'-]+)(?: and others| et al\.|(?:, [A-Z][\w-]+)*,? (?:and|&) [A-Z][\w-]+),? \(?((?:18|19|20)\d\d)\b"
)
PROGRAMS = {"Scharstein 2007"}


class Page(HTMLParser):
    """What a page links to, asks for, and has as anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links, self.asked, self.ids = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        has = dict(attributes)
        if "id" in has:
            assert has["id"] not in self.ids, f"two of {has['id']}"
            self.ids.add(has["id"])
        if tag == "a" and "href" in has:
            self.links.append(has["href"])
        elif tag == "link" and has.get("rel") not in ("index", "search", "next", "prev", "canonical"):
            self.asked.append(has["href"])
        elif "src" in has or "data-live" in has:
            self.asked += [has[name] for name in ("src", "data-live") if name in has]


@pytest.fixture(scope="module")
def pages():
    return {page: Page((site() / page).read_text(encoding="utf-8")) for page in of_site.pages()}


def source(cell) -> str:
    return "".join(cell["source"])


# Pages and links ------------------------------------------------------------------------------------------------------


def test_every_lesson_is_a_chapter_in_order(pages):
    text = (site() / "lessons" / "06_early_fusion.html").read_text(encoding="utf-8")
    sidebar = text[text.index("sidebar-tree") : text.index("</aside>")]
    found = re.findall(r'href="(?:#|([\w]+)\.html)"', sidebar)
    assert [name or "06_early_fusion" for name in found][: len(LESSONS)] == list(LESSONS)
    assert re.search(r'class="next-page" href="07_\w+\.html"', text)
    assert re.search(r'class="prev-page" href="05_\w+\.html"', text)
    for path in (ROOT / "docs").glob("*.md"):
        assert f"guides/{path.stem}.html" in pages


def test_every_cell_has_an_anchor(pages):
    for name, nb in LESSONS.items():
        wanted = {f"cell-id={cell['id']}" for cell in nb["cells"]}
        assert wanted <= pages[f"lessons/{name}.html"].ids, name


def test_every_link_inside_arrives(pages):
    lost, found = [], 0
    for page, parsed in pages.items():
        for href in parsed.links + parsed.asked:
            if re.match(r"(https?|mailto|data):", href):
                continue
            path, _, fragment = href.partition("#")
            path = path.partition("?")[0]  # a script's or style's fingerprint
            target = os.path.normpath(os.path.join(os.path.dirname(page), unquote(path))) if path else page
            found += 1
            if not (site() / target).is_file():
                lost.append(f"{page}: {href}")
            elif fragment and target in pages and unquote(fragment) not in pages[target].ids:
                lost.append(f"{page}: {href}: no such place")
    assert not lost, "\n".join(lost[:20])
    assert found > 2000


def test_links_of_the_lessons_to_cells_survive(pages):
    """Each in the text or in a saved table, as the decision guide's, is a link to the same cell on the site."""
    count = 0
    for name, nb in LESSONS.items():
        said = "".join(map(source, (cell for cell in nb["cells"] if cell["cell_type"] == "markdown")))
        outputs = [output for cell in nb["cells"] for output in cell.get("outputs", [])]
        said += "".join("".join(output.get("data", {}).get("text/markdown", "")) for output in outputs)
        for lesson, cell in re.findall(r"\((\w+)\.ipynb#cell-id=([\w-]+)\)", said):
            count += 1
            assert f"../lessons/{lesson}.html#cell-id={cell}" in pages[f"lessons/{name}.html"].links
    assert count > 40


def test_nothing_is_asked_of_a_network(pages):
    for page, parsed in pages.items():
        assert not [each for each in parsed.asked if re.match(r"(https?:)?//", each)], page
    styles = [file.read_text(encoding="utf-8") for file in site().rglob("*.css")]
    assert len(styles) >= 4
    for style in styles:
        assert not re.search(r"@import|url\((?!['\"]?(?:data:|#))", re.sub(r"/\*.*?\*/", "", style, flags=re.S))
    scripts = "".join(file.read_text(encoding="utf-8") for file in site().rglob("*.js"))
    assert not re.search(r"(cdn|unpkg|googleapis|gstatic|cloudflare)\.[a-z]", scripts)
    assert "SHOW_SEARCH_SUMMARY: false" in scripts, "a summary would be fetched, which a page on a disk may not"


def test_a_page_is_light():
    """The pictures and figures of a chapter are files beside it, and come when they are near."""
    for page in (site() / "lessons").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert len(text) < 250_000, page.name
        assert "data:image" not in text
        assert all('loading="lazy"' in image for image in re.findall(r'<img alt="[^>]*src="\.\./figures[^>]*>', text))


def test_a_picture_says_what_it_shows():
    texts = [page.read_text(encoding="utf-8") for page in (site() / "lessons").glob("*.html")]
    images = [image for text in texts for image in re.findall(r"<img[^>]*figures/[^>]*>", text, flags=re.S)]
    assert len(images) > 80
    assert all(re.search(r'alt="[^"]{15,}"', image) for image in images)


# Lists ----------------------------------------------------------------------------------------------------------------


def test_every_claim_leads_to_its_proof(pages):
    text = (site() / "reference" / "claims.html").read_text(encoding="utf-8")
    for claim, row in evidence.claims().items():
        href = re.search(rf'<tr id="{re.escape(claim)}"><th scope="row"><a href="([^"]*)">', text)[1]
        assert href == "../lessons/{}.html#{}".format(*evidence.address(claim).split(".ipynb#"))
        lesson = (site() / "lessons" / f"{row['lesson']}.html").read_text(encoding="utf-8")
        cell = lesson[lesson.index(f'id="{href.split("#")[1]}"') :]
        proved = cell[cell.index("This cell proves") :].split("</p>")[0]
        assert f">{claim}</a>" in proved


def test_every_term_stands_in_the_cell_that_defines_it():
    terms = site_glossary.terms()
    assert len(terms) >= 60
    assert len({term.anchor for term in terms}) == len(terms)
    for term in terms:
        (nb,) = (nb for name, nb in LESSONS.items() if name.startswith(term.lesson))
        (cell,) = (cell for cell in nb["cells"] if cell["id"] == term.cell)
        said = source(cell).lower()
        words = [
            word for form in (term.name, *term.forms) for word in re.findall(r"[\w@+]{4,}|\w\+\w|\d+d", form.lower())
        ]
        words.append(term.name.lower())
        assert any(word.rstrip("s") in said for word in words), f"{term.name}: not in {term.lesson} {term.cell}"


def test_terms_are_explained_once_a_chapter_and_not_before_their_lesson():
    marked, terms = 0, {term.anchor: term for term in site_glossary.terms()}
    for page in (site() / "lessons").glob("*.html"):
        text, number = page.read_text(encoding="utf-8"), page.name[:2]
        found = re.findall(r'<a class="term[^"]*" href="\.\./reference/glossary\.html#([^"]+)"', text)
        assert len(found) == len(set(found)), page.name
        assert all(terms[each].lesson <= number and number not in terms[each].elsewhere for each in found)
        after = text[text.index('id="cell-id=after"') :]
        assert 'class="term' not in after, "titles of papers are no prose"
        marked += len(found)
    assert marked > 150


def test_a_word_is_explained_as_its_lesson_means_it():
    assert site_glossary.explained("10")["heads"].name == "head"
    assert "heads" not in site_glossary.explained("15"), "there it is a side of a coin"
    assert "attention" not in site_glossary.explained("09")
    assert site_glossary.explained("10")["attention"].name == "attention"
    lessons = {name[:2] for name in LESSONS}
    for term in site_glossary.terms():
        assert set(term.elsewhere) <= lessons
        text = [source(cell) for name, nb in LESSONS.items() if name[:2] in term.elsewhere for cell in nb["cells"]]
        said = "\n".join(text).lower()
        assert not term.elsewhere or any(form.lower() in said for form in (term.name, *term.forms)), term.name


def authors() -> dict[str, set[int]]:
    """Surname → the years of the papers that it stands on."""
    found: dict[str, set[int]] = {}
    for paper in site_lists.papers().values():
        for name in re.findall(r"[A-ZŁŠČ][\w-]+", paper["authors"]) + ["LRCN"]:
            found.setdefault(name, set()).add(paper["year"])
            found.setdefault(name.rpartition("-")[2], set()).add(paper["year"])
    return found


def prose() -> dict[str, str]:
    """Everything that may cite a paper: the lessons' text, and the package's docstrings and comments."""
    texts = {name: "\n".join(source(cell) for cell in nb["cells"]) for name, nb in LESSONS.items()}
    for file in (ROOT / "vidlab").rglob("*.py"):
        texts[file.relative_to(ROOT).as_posix()] = file.read_text(encoding="utf-8")
    return {name: site_lists.one_line(text.replace("*", "")) for name, text in texts.items()}


def test_every_cited_paper_is_in_the_bibliography():
    known = authors()
    cited = {f"{surname} {year}" for text in prose().values() for surname, year in IN_TEXT.findall(text)} - PROGRAMS
    assert len(cited) > 30
    assert not {each for each in cited if int(each.split()[1]) not in known.get(each.split()[0], ())}


def test_every_author_with_initials_is_in_the_bibliography():
    """As in "K. Simonyan, A. Zisserman", which is how the lessons' last cells and the docstrings cite."""
    known, found, missing = authors(), 0, set()
    for name, nb in LESSONS.items():
        for cell in nb["cells"]:
            if cell["id"] == "after":
                for surname in INITIALS.findall(source(cell)):
                    found += 1
                    if surname not in known:
                        missing.add(f"{name}: {surname}")
    for file in (ROOT / "vidlab").rglob("*.py"):
        for text in re.findall(r'"""(.*?)"""', file.read_text(encoding="utf-8"), flags=re.S):
            for cited in re.findall(
                r"[^.]*?(?:\w\. [A-Z][\w-]+,? )+[^.]{0,10}\*[A-Z][^*]{10,}\*", re.sub(r"\s+", " ", text)
            ):
                for surname in INITIALS.findall(cited):
                    found += 1
                    if surname not in known:
                        missing.add(f"{file.name}: {surname}")
    assert found > 100
    assert not missing


def test_every_title_in_a_docstring_is_in_the_bibliography():
    plain = lambda text: re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()  # noqa: E731
    titles = [plain(paper["title"]) for paper in site_lists.papers().values()]
    found, missing = 0, []
    for file in (ROOT / "vidlab").rglob("*.py"):
        for text in re.findall(r'"""(.*?)"""', file.read_text(encoding="utf-8"), flags=re.S):
            for title in re.findall(r"(?<![\w*])\*([A-Z][^*]{11,}?)\*(?![\w*])", re.sub(r"\s+", " ", text)):
                found += 1
                if not any(known.startswith(plain(title)) for known in titles):
                    missing.append(f"{file.name}: {title}")
    assert found > 40
    journals = {
        "relaxation.py: Numerische Mathematik",
        "reviews.py: Psychological Bulletin",
        "reviews.py: Psychological Science",
    }
    assert set(missing) <= journals


def test_every_paper_is_cited_somewhere():
    texts = prose()
    for key, paper in site_lists.papers().items():
        assert {"authors", "title", "venue", "year"} <= set(paper), key
        assert any(site_lists.cites(paper, text) for text in texts.values()), key


def test_the_notation_can_be_printed(pages):
    assert "../notation.pdf#" in pages["reference/notation.html"].links
    assert (site() / "notation.pdf").read_bytes().startswith(b"%PDF")


# One link, one page ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "leads"),
    [
        ("06_early_fusion.ipynb", "/lessons/06_early_fusion.md"),
        ("../notebooks/06_early_fusion.ipynb", "/lessons/06_early_fusion.md"),
        ("06_early_fusion.ipynb#cell-id=by-hand", "page:../lessons/06_early_fusion.html#cell-id=by-hand"),
        ("grading.md", "/guides/grading.md"),
        ("https://example.org/a", "https://example.org/a"),
        ("classroom/jupyterhub_config.py", None),
        ("../CONTRIBUTING.md", None),
    ],
)
def test_where_a_link_leads(target, leads):
    assert Resolver(["06_early_fusion"], ["grading"], "")(target) == leads


def test_a_file_that_is_no_page_is_shown_in_the_repository():
    resolve = Resolver([], [], "https://github.com/a/b")
    assert resolve("../CONTRIBUTING.md") == "https://github.com/a/b/blob/HEAD/CONTRIBUTING.md"
    said = site_chapters.linked("[x `y`](../LICENSE) and `[no](../LICENSE)`", resolve)
    assert said == "[x `y`](https://github.com/a/b/blob/HEAD/LICENSE) and `[no](../LICENSE)`"
    assert site_chapters.linked("a [b](../LICENSE) c", Resolver([], [], "")) == "a b c"


def test_hints_are_read_as_markdown():
    text = (site() / "lessons" / "07_slow_fusion_and_3d_convolution.html").read_text(encoding="utf-8")
    hint = text[text.index("<summary>Hint 1</summary>") :].split("</details>")[0]
    assert "<code" in hint
    assert "`" not in hint


# Colab and Binder -----------------------------------------------------------------------------------------------------


def test_without_an_address_no_buttons():
    text = (site() / "lessons" / "06_early_fusion.html").read_text(encoding="utf-8")
    assert "colab.research" not in text
    assert "make lab" in text
    assert not (site() / "colab").exists()


def test_one_setting_gives_the_buttons(monkeypatch, tmp_path):
    monkeypatch.delenv("VIDLAB_REPOSITORY", raising=False)
    (tmp_path / "pyproject.toml").write_text('[project]\n[project.urls]\nRepository = "https://github.com/a/b.git"\n')
    assert site_launch.repository(tmp_path) == "https://github.com/a/b"
    monkeypatch.setenv("VIDLAB_REPOSITORY", "https://github.com/c/d/")
    assert site_launch.repository(tmp_path) == "https://github.com/c/d"
    said = site_launch.buttons("06_early_fusion", "https://github.com/c/d")
    assert "https://colab.research.google.com/github/c/d/blob/gh-pages/colab/06_early_fusion.ipynb" in said
    assert "https://mybinder.org/v2/gh/c/d/HEAD?labpath=notebooks%2F06_early_fusion.ipynb" in said
    monkeypatch.setenv("VIDLAB_REPOSITORY", "ftp://elsewhere")
    with pytest.raises(ValueError, match="wanted: https://github.com/OWNER/NAME"):
        site_launch.repository(tmp_path)


DRIVE = """
import json, os, subprocess, sys

asked, real = [], subprocess.run
subprocess.run = lambda command, **options: asked.append(command) if "pip" in command else real(command, **options)
first = open(sys.argv[1]).read()
exec(first)
exec(first)
import vidlab
from vidlab import catalogue

print(json.dumps([vidlab.__file__, catalogue.REGISTRY.exists(), os.getcwd(), asked]))
"""


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Colab has Python 3.12, and the cell reads TOML with it")
def test_the_first_cell_in_colab_brings_the_course(tmp_path):
    """Run where there is nothing, against a repository on the disk; what it asks of pip is noted."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    origin = tmp_path / "origin" / "course"
    tracked = ["git", "ls-files", "vidlab", "data", "pyproject.toml"]
    files = subprocess.run(tracked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in (name for name in files if (ROOT / name).exists()):
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        (origin / name).write_bytes((ROOT / name).read_bytes())
    (origin / "notebooks").mkdir()
    (origin / "notebooks" / "empty").touch()
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], cwd=origin, check=True)
    nb = nbformat.read(ROOT / "notebooks" / "06_early_fusion.ipynb", as_version=4)
    book = nbformat.reads(site_launch.for_colab(nb, origin.as_uri()), as_version=4)
    nbformat.validate(book)
    assert [cell.id for cell in book.cells[1:]] == [cell.id for cell in nb.cells]
    (tmp_path / "first.py").write_text(book.cells[0].source, encoding="utf-8")
    (tmp_path / "empty").mkdir()
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    for _ in range(2):  # in a session, and in the next one on the same machine
        done = subprocess.run(
            [sys.executable, "-c", DRIVE, str(tmp_path / "first.py")],
            cwd=tmp_path / "empty",
            env=clean,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        where, exists, folder, asked = json.loads(done.stdout)
        assert Path(where).is_relative_to(tmp_path / "empty" / "course")
        assert exists
        assert folder.endswith("course/notebooks")
        needs, package = (command[command.index("--quiet") + 1 :] for command in asked)  # once, though run twice
        assert package == ["--no-deps", "-e", "course"]
        names = {re.match(r"[\w-]+", each)[0] for each in needs}
        assert {"av", "einops", "jaxtyping", "anywidget"} <= names
        assert not names & set(site_launch.COLABS.split())


def test_what_is_left_to_colab_is_still_asked_for_elsewhere():
    """A name that is no dependency any more, or is misspelt, would protect nothing."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(site_launch.COLABS.split()) <= {re.match(r"[\w-]+", each)[0] for each in project["dependencies"]}


def test_a_lesson_imports_what_every_learner_has():
    """What Binder and Colab install are the dependencies of the course, without its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = {re.match(r"[\w-]+", each)[0] for each in project["dependencies"]}
    known |= {"vidlab", "IPython", *sys.stdlib_module_names}  # IPython comes with ipykernel
    found = set()
    for nb in LESSONS.values():
        for cell in nb["cells"]:
            if cell["cell_type"] == "code":
                found |= set(re.findall(r"^\s*(?:import|from) (\w+)", source(cell), flags=re.M))
    assert {"torch", "einops", "vidlab"} <= found
    assert found <= known
