"""A class's JupyterHub with the configuration of docs/classroom: a student logs in, follows a link, has the course."""

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "docs" / "classroom" / "jupyterhub_config.py"
LESSON = "00_start_here.ipynb"

pytestmark = pytest.mark.linux


def free_ports(count):
    with ExitStack() as still_open:
        sockets = [still_open.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@pytest.fixture
def repository(tmp_path):
    """A git repository with a lesson, as an instructor has one."""
    place = tmp_path / "vidlab"
    (place / "notebooks").mkdir(parents=True)
    (place / "notebooks" / LESSON).write_bytes((ROOT / "notebooks" / LESSON).read_bytes())
    for words in ("init -q -b main", "add .", "-c user.name=a -c user.email=a@example.org commit -q -m lesson"):
        subprocess.run(["git", *words.split()], cwd=place, check=True)
    return f"file://{place}"


@pytest.fixture
def hub(tmp_path):
    """The hub, with the configuration as it is but for accounts: made up here, all with the password "p"."""
    front, inside, api = free_ports(3)
    scripts = str(Path(sys.executable).parent)
    env = os.environ | {"PATH": f"{scripts}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    instead = {
        "JupyterHub.bind_url": f"http://127.0.0.1:{front}",
        "JupyterHub.hub_port": inside,
        "ConfigurableHTTPProxy.api_url": f"http://127.0.0.1:{api}",
        "JupyterHub.authenticator_class": "dummy",
        "DummyAuthenticator.password": "p",
        "JupyterHub.spawner_class": "simple",
        "SimpleLocalProcessSpawner.home_dir_template": f"{tmp_path}/homes/{{username}}",
        "Spawner.args": "--allow-root",
    }
    command = [f"{scripts}/jupyterhub", "-f", CONFIG, *(f"--{name}={value}" for name, value in instead.items())]
    log = tmp_path / "log"
    with log.open("w") as file:
        program = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=file, stderr=file)
    try:
        yield f"http://127.0.0.1:{front}", log
    finally:
        program.terminate()
        program.wait(60)


def until(ask, log, seconds=180):
    """Ask until there is an answer; the hub's log if there never is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            answer = ask()
        except requests.ConnectionError:
            answer = None
        if answer is not None:
            return answer
        time.sleep(0.5)
    raise AssertionError(log.read_text()[-4000:])


def test_a_student_follows_a_link(hub, repository, tmp_path):
    address, log = hub
    student = requests.Session()

    def asked():
        answer = student.get(f"{address}/hub/login", timeout=20)
        return answer if answer.ok else None  # 404 as long as only the proxy is there

    until(asked, log)
    form = {"username": "ana", "password": "wrong", "_xsrf": student.cookies["_xsrf"]}
    assert student.post(f"{address}/hub/login", data=form, timeout=20).status_code == 403
    form["password"] = "p"
    student.post(f"{address}/hub/login", data=form, timeout=20, allow_redirects=False).raise_for_status()
    query = {"repo": repository, "branch": "main", "urlpath": f"lab/tree/vidlab/notebooks/{LESSON}"}
    link = f"{address}/hub/user-redirect/git-pull?{urlencode(query)}"

    def arrived():
        answer = student.get(link, timeout=60)
        return answer if answer.url.startswith(f"{address}/user/ana/git-pull") and answer.ok else None

    page = until(arrived, log)
    assert "git-pull" in page.url
    pull = {"repo": repository, "branch": "main", "targetpath": "vidlab"}  # what that page's script asks for
    told = student.get(f"{address}/user/ana/git-pull/api?{urlencode(pull)}", timeout=60).text
    assert '"phase": "finished"' in told, told
    mine = tmp_path / "homes" / "ana" / "vidlab" / "notebooks" / LESSON
    assert mine.read_bytes() == (ROOT / "notebooks" / LESSON).read_bytes()
    lab = student.get(f"{address}/user/ana/lab/tree/vidlab/notebooks/{LESSON}", timeout=60)
    assert lab.ok
    assert "JupyterLab" in lab.text
    stranger = requests.get(f"{address}/user/ana/lab", timeout=60)
    assert "/hub/login" in stranger.url
