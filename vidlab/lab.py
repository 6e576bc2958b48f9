"""Opening the course in JupyterLab: `vidlab lab`, which `make lab` ends with.

Settings that must hold whatever the user's own Jupyter configuration says are given as arguments to the server inside
this process: that way they win, and the token does not appear in the list of processes.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from .errors import VidlabError

ROOT = Path(__file__).resolve().parents[1]
FIRST = "notebooks/00_start_here.ipynb"


def has_display() -> bool:
    """Whether a browser window could appear here: a desktop session, and not a container or a remote shell."""
    if sys.platform in ("darwin", "win32"):
        return "SSH_CONNECTION" not in os.environ
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def arguments(token: str, port: int, browser: bool) -> list[str]:
    """The server's arguments: this machine only, one random token, no password, the repository as its root."""
    chosen = {
        "ServerApp.root_dir": ROOT,
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.open_browser": browser,
        "ServerApp.allow_root": hasattr(os, "geteuid") and os.geteuid() == 0,  # root in a container: it has to be said
        "ServerApp.allow_remote_access": False,
        "LabApp.default_url": f"/lab/tree/{FIRST}",
        "IdentityProvider.token": token,
        "PasswordIdentityProvider.hashed_password": "",
        "PasswordIdentityProvider.password_required": False,
        "Application.log_level": "ERROR",
    }
    return [f"--{key}={value}" for key, value in chosen.items()]


def without_news(handler, page: dict) -> dict:
    """JupyterLab's page without its question about news: it would lie over the first cells, and use the network."""
    disabled = [*page.get("disabledExtensions", ()), "@jupyterlab/apputils-extension:announcements"]
    return page | {"disabledExtensions": disabled}


def serve(port: int = 8888, browser: bool | None = None) -> None:
    """Start JupyterLab at the first notebook, print its address, and stay until it is stopped.

    Args:
        port: the port to listen on; the next free one if it is taken.
        browser: open a browser window; by default where there is a display.

    Raises:
        VidlabError: the lessons are not beside the package.
    """
    from jupyterlab.labapp import LabApp

    if not (ROOT / FIRST).is_file():
        raise VidlabError(f"there is no {FIRST} in {ROOT}", mend="run this from a clone of the repository (make lab)")
    # JupyterLab's own terminals then know the commands of this environment, `vidlab` among them.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    token = secrets.token_hex(24)
    browser = has_display() if browser is None else browser
    server = LabApp.initialize_server(arguments(token, port, browser))
    server.web_app.settings["page_config_hook"] = without_news
    address = f"http://127.0.0.1:{server.port}/lab/tree/{FIRST}?token={token}"
    print(f"\nThe course is open at\n\n    {address}\n", flush=True)
    print("Your browser opens it." if browser else "Paste that address into a browser on this machine.", end=" ")
    print("Ctrl-C twice stops it.\n", flush=True)
    server.start()
