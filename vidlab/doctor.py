"""Is this machine ready for the course? `vidlab doctor`, or `report()` in a notebook.

Every line says what was looked for and what was found; where something is missing, how to mend it. What only the
project's own tests need is reported, but does not make a machine unfit for the lessons.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from .catalogue import home
from .errors import VidlabError

CONSTRAINTS = Path(__file__).resolve().parents[1] / "constraints.txt"
SETUP = "run `make lab` again, or pip install -c constraints.txt -e ."
SOME = 1  # other versions that are named: with what to do they fill a line
MARKS = {"ok": "✔ ok", "missing": "✘ missing", "optional": "– note"}


@dataclass(frozen=True)
class Check:
    """One line of the report. `state` is "ok", "missing" (the lessons need it) or "optional" (they do not)."""

    what: str
    state: str
    found: str
    mend: str = ""

    def __str__(self) -> str:
        text = f"{MARKS[self.state]:<11}{self.what:<11}{self.found}"
        return text + "".join(f"\n{'':<22}{line}" for line in textwrap.wrap(f"→ {self.mend}" if self.mend else "", 96))


@dataclass(frozen=True)
class Report:
    """All checks; printed, one below the other."""

    checks: tuple[Check, ...]

    @property
    def ready(self) -> bool:
        """Whether the lessons can run."""
        return all(check.state != "missing" for check in self.checks)

    def __str__(self) -> str:
        missing = [check.what for check in self.checks if check.state == "missing"]
        end = "Everything the lessons need is here." if self.ready else f"To mend first: {', '.join(missing)}."
        return "\n".join([*map(str, self.checks), "", end])

    __repr__ = __str__


def chromium() -> str | None:
    """The path of a Chromium (or Chrome) that tests can drive; `$CHROMIUM` names one."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    mac = (f"/Applications/{name}.app/Contents/MacOS/{name}" for name in ("Chromium", "Google Chrome"))
    return next((found for name in (*names, *mac) if name and (found := shutil.which(name))), None)


def pins(text: str) -> dict[str, str]:
    """{package: version} of a constraints file, for the Python and the platform that this runs on.

    >>> pins("numpy==2.2.6 ; python_version < '3.4'\\nnumpy==2.4.6 ; python_version >= '3.4'")
    {'numpy': '2.4.6'}
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    rows = [Requirement(line) for row in text.splitlines() if (line := row.split(" #")[0].strip()) and line[0] != "#"]
    return {
        canonicalize_name(row.name): next(iter(row.specifier)).version
        for row in rows
        if row.marker is None or row.marker.evaluate()
    }


def _python() -> Check:
    found = f"{platform.python_version()} on {platform.system()} ({platform.machine()})"
    if sys.version_info >= (3, 15):
        return Check("Python", "optional", found, "tested on 3.10 to 3.14: should it fail, take one of them")
    return Check("Python", "ok", found)


def _packages() -> Check:
    """What vidlab asks for must be installed, and everything installed must have the version that was tested."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name
    from packaging.version import Version

    needed = [Requirement(text) for text in metadata.requires("vidlab") or () if "extra ==" not in text]
    names = {canonicalize_name(need.name) for need in needed if need.marker is None or need.marker.evaluate()}
    found = reversed(list(metadata.distributions()))  # of two, the one that is found first counts
    here = {canonicalize_name(d.metadata["Name"]): d.version for d in found if d.metadata["Name"]}
    if absent := sorted(names - here.keys()):
        return Check("packages", "missing", f"not installed: {', '.join(absent)}", SETUP)
    if not CONSTRAINTS.is_file():
        return Check("packages", "optional", "constraints.txt, which says what was tested, is not beside the package")
    wanted = pins(CONSTRAINTS.read_text(encoding="utf-8"))
    other = [
        f"{name} {here[name]} (tested: {version})"
        for name, version in sorted(wanted.items())
        if name in here and Version(here[name].split("+")[0]) != Version(version)
    ]
    if other:
        more = f" and {len(other) - SOME} more" if len(other) > SOME else ""
        return Check("packages", "optional", f"not the tested versions: {', '.join(other[:SOME])}{more}", SETUP)
    return Check("packages", "ok", f"{len(wanted.keys() & here.keys())} packages, each in the tested version")


def _torch() -> Check:
    import torch

    from . import device

    chosen = device()
    name = torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else chosen.type.upper()
    return Check("torch", "ok", f"{torch.__version__.split('+')[0]}, computing on {name}")


def _video() -> Check:
    import av

    absent = [name for name in ("h264", "vp9", "libx264") if name not in av.codecs_available]
    if absent:
        return Check("video", "missing", f"PyAV {av.__version__} without {', '.join(absent)}", SETUP)
    return Check("video", "ok", f"PyAV {av.__version__} reads H.264 and VP9, writes H.264")


def _processor() -> Check:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Check("processor", "ok", f"{count} core{'s' if count > 1 else ''}")


def _memory() -> Check:
    """What this process may use: the machine's memory, or less where a container limits it."""
    import psutil

    total = psutil.virtual_memory().total
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        limit = Path(file).read_text().strip() if Path(file).is_file() else ""
        total = min(total, int(limit)) if limit.isdigit() else total
    if total < 3e9:
        return Check("memory", "missing", f"{total / 1e9:.0f} GB", "the lessons want 4 GB: close other notebooks")
    return Check("memory", "ok", f"{total / 1e9:.0f} GB")


def _data() -> Iterator[Check]:
    from . import data

    if data.verify()["walker"] == "sound":
        yield Check("walker", "ok", "the default film is here, and sound")
    else:
        yield Check("walker", "missing", "the default film is not here", "with a network: vidlab data fetch walker")
    try:
        data.cache().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data.cache()):
            pass
        yield Check("cache", "ok", f"{home(data.cache())} can be written")
    except OSError as error:
        yield Check("cache", "optional", f"{home(data.cache())} cannot be written: {error.strerror}",
                    "set VIDLAB_CACHE to a folder of yours, to fetch more films")  # fmt: skip


def _for_tests() -> Iterator[Check]:
    for what, found in (("Chromium", chromium()), ("bubblewrap", shutil.which("bwrap"))):
        if what == "bubblewrap" and sys.platform != "linux":
            continue
        mend = f"only `make test` uses it: {install_line(what.lower())}"
        yield Check(what, "ok", "found") if found else Check(what, "optional", "the lessons do without", mend)


def install_line(package: str) -> str:
    """What to type to install a program here."""
    if shutil.which("apt-get"):
        return f"sudo apt-get install {package}"
    return (
        f"brew install --cask {package}" if sys.platform == "darwin" else f"install {package} with your system's tool"
    )


def report() -> Report:
    """Look at everything the course needs. Never raises: a check that itself fails is reported as missing."""
    checks: list[Check] = []
    looks: tuple[Callable, ...] = (_python, _packages, _torch, _video, _processor, _memory, _data, _for_tests)
    for look in looks:
        try:
            found = look()
            checks += [found] if isinstance(found, Check) else found
        except (ImportError, OSError, VidlabError, ValueError, KeyError) as error:
            what = re.sub("_", " ", look.__name__).strip()
            checks.append(Check(what, "missing", f"could not be looked at: {error}", SETUP))
    return Report(tuple(checks))
