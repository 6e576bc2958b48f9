"""A real Chromium, pages that cannot reach any network, and a real JupyterLab."""

import io
import json
import os
import random
import secrets
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from vidlab.doctor import chromium, install_line
from vidlab.figures.frame import Widget

ARGS = "--no-sandbox --disable-quic --disable-background-networking --disable-component-update --disable-sync".split()
TIMEOUT = 90_000  # milliseconds; far more than is needed, because two workers may share one core


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser():
    path = chromium()
    if path is None:
        pytest.skip(f"no Chromium here; {install_line('chromium')}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGS, timeout=TIMEOUT)
        yield browser
        browser.close()


@pytest.fixture
def open_file(browser, tmp_path):
    """open_file(html, **context) -> a page of that file, without a network. Errors on the page fail the test."""
    contexts, errors = [], []

    def open_file(html: str, *, ignore: tuple[str, ...] = (), **options):
        file = tmp_path / f"page{len(contexts)}.html"
        file.write_text(html, encoding="utf-8")
        context = browser.new_context(**{"offline": True, "viewport": {"width": 1280, "height": 900}} | options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(TIMEOUT)
        page.on("pageerror", lambda error: any(word in str(error) for word in ignore) or errors.append(str(error)))
        page.goto(file.as_uri(), wait_until="domcontentloaded")
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert not errors


@pytest.fixture
def open_widgets(open_file, monkeypatch):
    """open_widgets(widget, …) -> a page with these figures on it, once all are live.

    Their posters are of one pixel: a live figure has replaced its poster, and to draw it takes longer than to test it.
    """
    dot = io.BytesIO()
    Image.new("RGB", (1, 1)).save(dot, "WEBP")
    monkeypatch.setattr(Widget, "_small_poster", lambda widget: dot.getvalue())

    def open_widgets(*widgets, dark: bool = False, **options):
        fragments = "\n".join(widget.html() for widget in widgets)
        style = (
            f"<style>body {{ background: {'#111' if dark else '#fff'}; color: {'#eee' if dark else '#111'} }}</style>"
        )
        head = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>figures</title>{style}</head>'
        body = f"<body><main><h1>Figures</h1>{fragments}</main></body></html>"
        page = open_file(head + body, color_scheme="dark" if dark else "light", **options)
        page.wait_for_function(f"document.querySelectorAll('[data-ready]').length === {len(widgets)}")
        return page

    return open_widgets


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """(folder, address) of a JupyterLab of its own: no settings of this machine, no news from the network."""
    root = tmp_path_factory.mktemp("lab")
    settings = root / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    work = root / "work"
    work.mkdir()
    # Below the ports that a system hands out by itself; if this one is taken, the server tries others.
    port = random.randrange(20_000, 30_000)
    token = secrets.token_hex(16)
    folders = {
        "JUPYTER_CONFIG_DIR": root / "config",
        "JUPYTER_RUNTIME_DIR": root / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": root / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": root / "workspaces",
        "IPYTHONDIR": root / "ipython",
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={work}"]
    command += ["--LabApp.expose_app_in_browser=True"]
    with (root / "log").open("w") as log:
        environment = os.environ | {name: str(folder) for name, folder in folders.items()}
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        address = _address(server, root / "runtime", token, root / "log")
        yield work, lambda notebook: f"{address}/lab/tree/{notebook}?token={token}"
    finally:
        server.terminate()
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _address(server: subprocess.Popen, runtime: Path, token: str, log: Path, seconds: float = 180) -> str:
    """Where the server answers: it writes that into a file, and may have taken another port than it was asked to."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            said = json.loads((runtime / f"jpserver-{server.pid}.json").read_text())
            address = f"http://127.0.0.1:{said['port']}"
            urllib.request.urlopen(f"{address}/api/status?token={token}", timeout=20).close()
            return address
        except (OSError, ValueError):  # not there yet, half written, not listening yet
            time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not answer:\n{log.read_text()[-2000:]}")
