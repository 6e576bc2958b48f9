"""Pages that are lists: the glossary, the bibliography, and the claims with their proofs."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

from site_glossary import terms

from vidlab import evidence
from vidlab.catalogue import tomllib

PAPERS = Path(__file__).with_name("bibliography.toml")
NEAR = 90  # a name and its year stand this near to each other where a paper is cited


def raw(page: str) -> str:
    """HTML that goes into the page as it is. The search sees where a word ends by lines, not by tags."""
    return f"{'`' * 10}{{raw}} html\n{page}\n{'`' * 10}"


def proof(claim: str) -> str:
    """The cell that proves a claim, as an address on the site, from a page in another folder."""
    file, cell = evidence.address(claim).split("#")
    return f"../lessons/{file.removesuffix('.ipynb')}.html#{cell}"


def glossary(titles: dict[str, str]) -> str:
    """Markdown: each term, what it means, and where it is defined. `titles`: lesson's name → its title."""
    names = {name[:2]: name for name in titles}
    entries = []
    for term in terms():
        where = f"../lessons/{names[term.lesson]}.html#cell-id={term.cell}"
        link = f'<a href="{where}">{html.escape(titles[names[term.lesson]])}</a>'
        entries.append(
            f'<dt id="{term.anchor}">{html.escape(term.name)}</dt>\n'
            f"<dd>{html.escape(term.says)} <span>{link}</span></dd>\n"
        )
    text = "In a lesson, a dotted word is explained where you point at it, or reach it with the Tab key."
    return f"# Glossary\n\n{len(entries)} terms, in the words of the lesson that defines them. {text}\n\n" + raw(
        f'<dl class="terms">{"".join(entries)}</dl>'
    )


def glossary_script() -> str:
    """The same for the pages' script: anchor → name and meaning. A page of a folder on a disk may fetch no JSON."""
    found = {term.anchor: [term.name, term.says] for term in terms()}
    return f"window.vidlabTerms = {json.dumps(found, ensure_ascii=False)};\n"


def papers() -> dict[str, dict]:
    """All papers, by key, in the order of their years."""
    return dict(sorted(tomllib.loads(PAPERS.read_text(encoding="utf-8")).items(), key=lambda item: item[1]["year"]))


def surname(paper: dict) -> str:
    """The first author's: "L. Van Gool" gives "Van Gool"."""
    return re.sub(r"^(?:[A-ZŁ][\w]?\.[ -]?(?:-[A-Z]\. )?)+", "", paper["authors"].split(",")[0]).removeprefix("AJ ")


def one_line(text: str) -> str:
    """A text without its line breaks, over which `cites` would not see."""
    return " ".join(text.split())


def cites(paper: dict, text: str) -> bool:
    """Whether a text of one line names the paper: first author near its year, its title, or another of its words."""
    if any(word in text for word in (paper["title"].split(":")[0], *paper.get("also", []))):
        return True
    name, year = surname(paper).removeprefix("Yue-Hei "), str(paper["year"])
    if name not in text or year not in text:
        return False
    near = rf"\b{re.escape(name)}\b.{{0,{NEAR}}}?\b{year}\b|\b{year}\b.{{0,{NEAR}}}?\b{re.escape(name)}\b"
    return bool(re.search(near, text))


def bibliography(texts: dict[str, str], titles: dict[str, str], modules: dict[str, str]) -> str:
    """Markdown: every paper, and where it is cited. `texts`: lesson → its text; `modules`: file → its source."""
    found = papers()
    texts = {name: one_line(text) for name, text in texts.items()}
    modules = {name: one_line(text) for name, text in modules.items()}
    said = f"{len(found)} papers, books and reports, by year, with the places that cite them."
    entries = []
    for key, paper in found.items():
        lessons = [name for name, text in texts.items() if cites(paper, text)]
        links = [f'<a href="../lessons/{name}.html">{name[:2]}</a>' for name in lessons]
        files = [f"<code>{html.escape(file)}</code>" for file, text in modules.items() if cites(paper, text)]
        where = ("Lessons " if len(links) > 1 else "Lesson ") * bool(links) + ", ".join(links)
        more = f" and {len(files) - 3} more" * (len(files) > 3)
        where += "; " * bool(links and files) + ", ".join(files[:3]) + more
        entries.append(
            f'<li id="{key}"><span class="authors">{html.escape(paper["authors"])}</span> ({paper["year"]}). '
            f"<cite>{html.escape(paper['title'])}</cite>. {html.escape(paper['venue'])}. "
            f'<span class="cited">{where}</span></li>\n'
        )
    return f"# Bibliography\n\n{said}\n\n" + raw(f'<ul class="papers">{"".join(entries)}</ul>')


def claims(titles: dict[str, str]) -> str:
    """Markdown: every claim, lesson by lesson, with a link to the cell that proves it."""
    found = evidence.claims()
    lines = [
        "# Claims",
        "",
        f"{len(found)} claims. Each is proved by a cell that asserts it and would stop the lesson if it were false; "
        "the link leads there.",
    ]
    for name, title in titles.items():
        mine = {claim: each for claim, each in found.items() if each["lesson"] == name}
        if mine:
            rows = [
                f'<tr id="{claim}"><th scope="row"><a href="{proof(claim)}">{claim}</a></th>\n'
                f"<td>{html.escape(each['says'])}</td></tr>\n"
                for claim, each in mine.items()
            ]
            head = '<thead><tr><th scope="col">claim and proof</th><th scope="col">what it says</th></tr></thead>'
            lines += ["", f"## {title}", "", raw(f'<table class="claims">{head}<tbody>{"".join(rows)}</tbody></table>')]
    return "\n".join(lines) + "\n"
