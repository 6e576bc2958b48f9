"""Buttons that open a lesson in Colab or Binder, all from one setting: the address of the repository.

It is read from `[project.urls] Repository` of pyproject.toml, or from VIDLAB_REPOSITORY, which counts more.

Binder builds the course from `environment.yml`. Colab opens one notebook and has nothing else of the course: so the
site holds a copy of each lesson with one cell more, the first, which fetches and installs the rest (`first_cell`).
Colab reads notebooks from GitHub only; the copies are found there once the site is published on the branch
VIDLAB_PAGES (`gh-pages`).
"""

from __future__ import annotations

import copy
import html
import os
import re
from pathlib import Path
from urllib.parse import quote

import nbformat
from nbformat import NotebookNode

from vidlab.catalogue import tomllib

PAGES = "gh-pages"
FORM = re.compile(r"https://github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?/?$")
COLABS = "ipykernel ipywidgets jupyterlab nbclient nbconvert nbformat numpy pillow pip psutil requests torch"
FIRST = """\
# In Colab: fetch the course, and of what it needs only what Colab lacks (a minute, once a session).
import os
import re
import subprocess
import sys
import tomllib

if not os.path.exists("../vidlab"):  # this cell has not been run yet
    if not os.path.exists("{folder}"):
        subprocess.run(["git", "clone", "--quiet", "--depth", "1", "{repository}", "{folder}"], check=True)
    with open("{folder}/pyproject.toml", "rb") as file:
        wanted = tomllib.load(file)["project"]["dependencies"]
    # Colab's kernel runs on these, and its torch fits its GPU: if they are exchanged, the next restart fails.
    colabs = "{colabs}".split()
    wanted = [each for each in wanted if re.match(r"[\\w-]+", each)[0] not in colabs]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *wanted], check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "-e", "{folder}"], check=True)
    os.chdir("{folder}/notebooks")
    sys.path.insert(0, os.path.abspath(".."))  # a kernel that runs already does not see what was just installed"""


def repository(root: Path) -> str:
    """The address of the public repository, without a slash at its end; "" if there is none yet.

    Raises:
        ValueError: the address is not one of GitHub, which both services need here.
    """
    urls = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"].get("urls", {})
    address = os.environ.get("VIDLAB_REPOSITORY", urls.get("Repository", ""))
    if address and not FORM.match(address):
        raise ValueError(f"the repository's address is {address!r}; wanted: https://github.com/OWNER/NAME")
    return "https://github.com/{}/{}".format(*FORM.match(address).groups()) if address else ""


def first_cell(repository: str) -> str:
    """What a lesson needs in Colab before its own first cell; twice does no harm."""
    folder = repository.rstrip("/").rsplit("/", 1)[1].removesuffix(".git")
    return FIRST.format(repository=repository, folder=folder, colabs=COLABS)


def for_colab(nb: NotebookNode, repository: str) -> str:
    """The lesson with that cell in front, as JSON."""
    nb = copy.deepcopy(nb)
    nb.cells.insert(0, nbformat.v4.new_code_cell(first_cell(repository), id="colab"))
    nb.metadata.pop("live", None)
    return nbformat.writes(nb)


def buttons(name: str, repository: str) -> str:
    """HTML: the two links of a lesson, or how to run it where no address is known."""
    local = f"<code>make lab</code>, then <code>notebooks/{html.escape(name)}.ipynb</code>"
    if not repository:
        return f'<p class="launch">To run this lesson: {local}.</p>'
    owner = repository.removeprefix("https://github.com/")
    branch = os.environ.get("VIDLAB_PAGES", PAGES)
    colab = f"https://colab.research.google.com/github/{owner}/blob/{quote(branch, safe='')}/colab/{name}.ipynb"
    binder = f"https://mybinder.org/v2/gh/{owner}/HEAD?labpath={quote(f'notebooks/{name}.ipynb', safe='')}"
    links = f'<a class="button" href="{colab}">Open in Colab</a> <a class="button" href="{binder}">Open in Binder</a>'
    return f'<p class="launch">{links} <span>or on your machine: {local}.</span></p>'
