"""Sphinx's settings for the site: one theme, no network, formulas by KaTeX, terms that explain themselves."""

import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from docutils import nodes
from site_glossary import explained
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.math import wrap_displaymath

SOURCE = Path(os.environ["VIDLAB_SITE_SOURCE"])  # where make_site.py has put the pages

project = "vidlab"
html_title = "Video understanding"
author = "the makers of vidlab"
copyright = "the makers of vidlab: text and figures CC BY 4.0, code MIT"
language = "en"

extensions = ["myst_parser"]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 2
myst_url_schemes = {"http": None, "https": None, "mailto": None, "page": "{{path}}#{{fragment}}"}  # page: already right
highlight_language = "none"
suppress_warnings = ["misc.highlighting_failure"]  # a stub with … in it is no error
html_theme = "furo"
html_static_path = [str(SOURCE / "_static")]
html_css_files = ["katex/katex.css", "site.css"]
html_js_files = ["katex/katex.min.js", "glossary.js", "site.js"]
html_show_search_summary = False  # it would fetch pages, which a browser forbids to a page on a disk
html_copy_source = False
html_use_index = False
html_show_sphinx = False
html_extra_path = [str(SOURCE / "_extra")]
exclude_patterns = ["_extra", "_static"]
html_theme_options = {"navigation_with_keys": False}  # arrow keys belong to the figures
pygments_style = "default"
pygments_dark_style = "github-dark"


class Explain(SphinxPostTransform):
    """In a chapter, the first place of each term becomes a link to its entry in the glossary.

    Only from the lesson that defines it on: before, the same word may mean something else. And not in its last cell,
    where papers are named by their titles.
    """

    default_priority = 900

    def run(self, **options) -> None:
        if not self.env.docname.startswith("lessons/"):
            return
        forms = explained(self.env.docname.removeprefix("lessons/")[:2])
        longest = sorted(map(re.escape, forms), key=len, reverse=True)
        pattern = re.compile(rf"(?<![\w–-])(?:{'|'.join(longest)})(?![\w–-])", re.IGNORECASE)
        done: set[str] = set()
        for node in list(self.document.findall()):
            if isinstance(node, nodes.raw) and 'id="cell-id=after"' in node.astext():
                return
            if isinstance(node, nodes.Text) and self._is_prose(node):
                self._explain(node, pattern, forms, done)

    def _is_prose(self, text: nodes.Text) -> bool:
        inside, node = False, text.parent
        while node is not None:
            if isinstance(
                node, nodes.reference | nodes.literal | nodes.math | nodes.title | nodes.raw | nodes.FixedTextElement
            ):
                return False
            inside |= isinstance(node, nodes.paragraph)
            node = node.parent
        return inside

    def _explain(self, text, pattern, forms, done) -> None:
        said, parts, at = text.astext(), [], 0
        for found in pattern.finditer(said):
            term = forms[found[0].lower()]
            if term.anchor not in done:
                done.add(term.anchor)
                link = nodes.reference("", found[0], refuri=f"../reference/glossary.html#{term.anchor}", internal=True)
                link["classes"].append("term")
                parts += [nodes.Text(said[at : found.start()]), link]
                at = found.end()
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(said[at:])])


def inline_math(self, node) -> None:
    self.body.append(f'<span class="math">{self.encode(node.astext())}</span>')
    raise nodes.SkipNode


def display_math(self, node) -> None:
    said = node.astext()
    several = "\\\\" in said and "\\begin" not in said
    self.body.append(f'<div class="math">{self.encode(wrap_displaymath(said, None, False) if several else said)}</div>')
    raise nodes.SkipNode


def setup(app) -> None:
    app.add_post_transform(Explain)
    app.add_html_math_renderer("katex", (inline_math, None), (display_math, None))


html_math_renderer = "katex"
