"""What is kept of an executed notebook, so that running it again changes no byte.

Kept: sources, cell ids, tags, text outputs, pictures. Dropped: timings, counters, versions, random widget ids, and the
live `text/html` of a figure, beside which there are always a picture and its description.
"""

from __future__ import annotations

import base64
import math
import os
import re
import struct
from pathlib import Path

import nbformat
from nbformat import NotebookNode

NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
CELL_METADATA = ("tags", "slideshow", "minutes", "nbgrader")
PLACEHOLDER = "**Time.** Not measured yet: `make course` measures it."
EXERCISE_MINUTES = re.compile(r"^#+ Exercise.*?\([^)]*?(\d+) minutes?\)", flags=re.M)
PIXEL_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"sRGB", b"pHYs", b"IDAT", b"IEND"}


def tidy_metadata(metadata: dict) -> dict:
    """The keys of a cell's metadata that somebody wrote on purpose."""
    return {key: metadata[key] for key in CELL_METADATA if metadata.get(key)}


def plain_png(png: bytes) -> bytes:
    """A PNG without its text and time chunks, where drawing libraries leave their version and the date."""
    kept, at = [png[:8]], 8
    while at + 8 <= len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        if kind in PIXEL_CHUNKS:
            kept.append(png[at : at + 12 + size])
        at += 12 + size
    return b"".join(kept)


def _join_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Pieces of one stream arrive split at random: put together what follows one another."""
    joined: list[NotebookNode] = []
    for output in outputs:
        if output.output_type == "stream" and joined and joined[-1].get("name") == output.name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    for output in joined:
        if output.output_type == "stream":  # a carriage return overwrites its line
            output.text = re.sub(r"^.*\r(?!\n)", "", output.text.replace("\r\n", "\n"), flags=re.M)
    return joined


def _is_only_live(output: NotebookNode) -> bool:
    """A control without a picture, such as a progress bar: dead once the kernel has gone."""
    data = output.get("data", {})
    return "application/vnd.jupyter.widget-view+json" in data and "image/png" not in data


def _tidy_data(output: NotebookNode) -> None:
    data = output.data
    plain = "".join(data.get("text/plain", ""))
    described = plain and not re.fullmatch(r"<.*>", plain, flags=re.S)
    if "image/png" in data or described:  # the picture and the words stay, the live page goes
        data.pop("text/html", None)
    for live in ("application/vnd.jupyter.widget-view+json", "application/javascript"):
        data.pop(live, None)
    if "image/png" in data:
        png = plain_png(base64.b64decode("".join(data["image/png"])))
        data["image/png"] = base64.b64encode(png).decode("ascii")
    output.metadata = {kind: value for kind, value in output.metadata.items() if kind in data and value}


def normalise(nb: NotebookNode) -> NotebookNode:
    """Tidy a notebook in place and return it; doing it twice changes nothing more."""
    nb.nbformat, nb.nbformat_minor = 4, 5
    measured = nb.metadata.get("vidlab")
    nb.metadata = nbformat.from_dict(NOTEBOOK_METADATA)
    if measured:
        nb.metadata["vidlab"] = measured
    count = 0
    for cell in nb.cells:
        cell.metadata = nbformat.from_dict(tidy_metadata(cell.metadata))
        cell.source = cell.source.rstrip()
        cell.pop("attachments", None) if not cell.get("attachments") else None
        if cell.cell_type != "code":
            continue
        if cell.execution_count is not None:
            count += 1
            cell.execution_count = count
        cell.outputs = [output for output in _join_streams(cell.outputs) if not _is_only_live(output)]
        for output in cell.outputs:
            if "data" in output:
                _tidy_data(output)
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
    return nb


def prose(markdown: str) -> str:
    """The running text of a markdown cell: no tables, folded hints, code, formulas, tags or link targets."""
    text = re.sub(r"<details.*?</details>", " ", markdown, flags=re.S)
    text = re.sub(r"^(```|~~~).*?^\1", " ", text, flags=re.S | re.M)
    text = re.sub(r"^\s*\|.*$", " ", text, flags=re.M)
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$|`[^`\n]+`", " ", text, flags=re.S)
    text = re.sub(r"\]\([^)\s]*\)", "]", text)
    return re.sub(r"<[^>]+>", " ", text)


def words(markdown: str) -> int:
    """How many words of running text: pieces between blanks that hold a letter or a digit.

    >>> words("**Predict.** Is $x = 3$ the `answer`, or [is it not](elsewhere.ipynb)?")
    7
    """
    return sum(any(sign.isalnum() for sign in piece) for piece in prose(markdown).split())


def reading_minutes(nb: NotebookNode) -> int:
    """Minutes for the reader, in steps of five: 150 words or 15 lines of code a minute, and what exercises ask for.

    A label cell with `minutes` in its metadata overrules the estimate.
    """
    minutes = 0.0
    for cell in nb.cells:
        if cell.id == "label" and cell.metadata.get("minutes"):
            return int(cell.metadata["minutes"])
        if cell.cell_type == "markdown":
            minutes += words(cell.source) / 150
            minutes += sum(int(asked) for asked in EXERCISE_MINUTES.findall(cell.source))
        else:
            minutes += len(cell.source.splitlines()) / 15
    return 5 * math.ceil(minutes / 5)


def label(nb: NotebookNode) -> str:
    """The text of the label cell, from the notebook's own measurement."""
    measured = nb.metadata.get("vidlab")
    if not measured:
        return PLACEHOLDER
    seconds, megabytes = measured["seconds"], measured["peak_mb"]
    return (
        f"**Time.** About {reading_minutes(nb)} minutes for you. The machine computes for {seconds} s in all and needs "
        f"{megabytes} MB of memory (measured on 2 CPU cores, no GPU)."
    )


def write(nb: NotebookNode, path: Path) -> bool:
    """Write a normalised notebook, whole or not at all; False if the file already held exactly this."""
    for cell in nb.cells:
        if cell.id == "label" and cell.cell_type == "markdown":
            cell.source = label(nb)
    text = nbformat.writes(normalise(nb)).rstrip("\n") + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8", newline="\n")
    os.replace(part, path)
    return True
