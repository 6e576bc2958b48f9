"""An answer that is a table: `print` shows it as text, a notebook as html, and both say the same.

A subclass holds the numbers and says in `_page()` how they are to be read; how they are laid out is decided here, once.
"""

from __future__ import annotations

import html


class Page:
    """A table as text and as html that say the same; without colours of its own, so that both themes are readable.

    Its `_page()` gives title, heads of the columns, rows (the first cell names the row) and notes.
    """

    words = 1  # so many columns hold words, aligned at the left

    def __repr__(self) -> str:
        title, head, rows, notes = self._page()
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        sides = ["<"] * self.words + [">"] * (len(head) - self.words)
        form = "  ".join(f"{{:{side}{width}}}" for side, width in zip(sides, widths, strict=True))
        return "\n".join([title, "", *(form.format(*row).rstrip() for row in (head, *rows)), "", *notes])

    def _repr_html_(self) -> str:
        title, head, rows, notes = self._page()
        lines = []
        for r, row in enumerate((head, *rows)):
            cells = []
            for c, cell in enumerate(row):
                tag = 'th scope="col"' if r == 0 else 'th scope="row"' if c == 0 else "td"
                style = f"text-align:{'left' if c < self.words else 'right'}"
                cells.append(f'<{tag} style="{style}">{html.escape(cell)}</{tag[:2]}>')
            lines.append(f"<tr>{''.join(cells)}</tr>")
        caption = f'<caption style="text-align:left"><b>{html.escape(title)}</b></caption>'
        below = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
        return f"<table>{caption}<thead>{lines[0]}</thead><tbody>{''.join(lines[1:])}</tbody></table>{below}"
