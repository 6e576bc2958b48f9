"""The site as the tests see it: built once from the saved lessons, two of them with live figures on a made-up clip."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import nbformat
from filelock import FileLock

ROOT = Path(__file__).parents[1]
TOOLS = ROOT / "docs" / "site"
WORK = ROOT / "build" / "test-site"
sys.path.insert(0, str(TOOLS))


def _live(folder: Path) -> None:
    """Lessons 02 and 06 as if they had been run: real widgets, small data, in the cells that hold them."""
    from vidlab import figures, live, worlds

    clip = worlds.World(size=48).sample(1, seed=1).clip[0]
    made = {
        "02_space_time_slices": ("cube", figures.SpaceTimeCube(clip, t=4)),
        "06_early_fusion": ("map", figures.FusionMap("early", frames=10)),
    }
    for name, (cell_id, widget) in made.items():
        path = ROOT / "notebooks" / f"{name}.ipynb"
        if live.kept(path, folder):
            continue
        nb = nbformat.read(path, as_version=4)
        bundle = widget._repr_mimebundle_()
        bundle["image/png"] = base64.b64encode(bundle["image/png"]).decode()
        (cell,) = (each for each in nb.cells if each.id == cell_id)
        cell.outputs = [nbformat.v4.new_output("execute_result", bundle, execution_count=1)]
        live.keep(nb, folder / f"{name}.ipynb")


@cache
def site() -> Path:
    """The folder of the built pages. What did not change since the last time is not built again."""
    WORK.mkdir(parents=True, exist_ok=True)
    with FileLock(WORK / "lock"):
        _live(WORK / "live")
        command = [sys.executable, str(TOOLS / "make_site.py"), "--saved", "--out", str(WORK / "out")]
        command += ["--work", str(WORK / "source"), "--live", str(WORK / "live")]
        environment = {key: value for key, value in os.environ.items() if key != "VIDLAB_REPOSITORY"}
        environment["PYTHONPATH"] = str(ROOT)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "2 live figures" in done.stdout
    return WORK / "out"


def pages() -> list[str]:
    """Every page that is read, as a path inside the site."""
    found = [page.relative_to(site()).as_posix() for page in sorted(site().rglob("*.html"))]
    return [page for page in found if not page.startswith("_")]
