"""vidlab.data: what arrives is what was published, whole or not at all, from a wheel, an address or a folder.

Nothing here uses the network: wheels come from a folder (pip's own option), addresses are served by this machine.
"""

import hashlib
import http.server
import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest

from vidlab import DataError, data, download
from vidlab.catalogue import Entry

CONTENT = random.Random(0).randbytes(3_000_000)
FETCH = [sys.executable, "-m", "vidlab.cli", "data", "fetch"]


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def row(name: str, file: bytes = CONTENT, **fields: object) -> str:
    """One table of a registry."""
    known = {"kind": "https", "source": "", "sha256": sha(file), "bytes": len(file), "content": "noise"}
    known |= {"licence": "CC0", "credit": "nobody", "url": ""} | fields
    return f"[{name}]\n" + "".join(f"{key} = {value!r}\n" for key, value in known.items())


@pytest.fixture
def course(tmp_path, monkeypatch):
    """An empty cache and a registry of one's own: `course(text)` writes it."""
    monkeypatch.setenv("VIDLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("VIDLAB_REGISTRY", str(tmp_path / "registry.toml"))
    return lambda *rows: (tmp_path / "registry.toml").write_text("\n".join(rows), encoding="utf-8")


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT; `cut` ends an answer after so many bytes, `pause` slows it down, `ranges` honours Range.

    With `halt` the line goes dead after so many bytes, until the test sets `resume`.
    """

    daemon_threads = True
    cut: int | None = None
    halt: int | None = None
    pause = 0.0
    ranges = True
    status = 200

    def __init__(self):
        self.asked: list[str | None] = []
        self.resume = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.ranges else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        if server.status != 200:
            self.send_error(server.status)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        body = CONTENT[start:][: server.cut]
        for at in range(0, len(body), 100_000):
            if server.halt is not None and at >= server.halt:
                server.resume.wait(200)
            self.wfile.write(body[at : at + 100_000])
            time.sleep(server.pause)

    def handle(self):
        try:
            super().handle()
        except ConnectionError:  # the other side was killed: that is what is tested
            pass

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as running:
        running.url = f"http://127.0.0.1:{running.server_port}/noise.bin"
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """A package index of one wheel, in a folder; pip is kept from looking anywhere else."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for key in [key for key in os.environ if key.startswith("PIP_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    wheel = folder / "films-1.0-py3-none-any.whl"
    meta = "Metadata-Version: 2.1\nName: films\nVersion: 1.0\nRequires-Python: >=99\nRequires-Dist: absent-package\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("films/one.mp4", CONTENT)
        archive.writestr("films/two.mp4", CONTENT[::-1])
        archive.writestr("films-1.0.dist-info/METADATA", meta)
        archive.writestr("films-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("films-1.0.dist-info/RECORD", "")
    return wheel


def leftovers() -> set[str]:
    """What lies in the cache beside finished files and locks."""
    return {p.name for p in data.cache().iterdir() if p.name.startswith(".") and p.suffix != ".lock"}


# The registry ---------------------------------------------------------------------------------------------------------


def test_registry_is_complete_and_every_row_is_checked():
    rows = data.registry()
    assert list(rows)[0] == "walker"
    assert len([name for name in rows if name.startswith(("balance-", "two-people-"))]) == 8
    assert {"carphone", "bikes", "motorcycle-left", "motorcycle-right", "motorcycle-disparity"} <= rows.keys()
    for entry in rows.values():
        assert entry.licence
        assert entry.credit
        assert entry.note or entry.reuse, f"{entry.name}: say what is known of its terms"
        assert entry.kind != "pip" or len(entry.package_sha256) == 64


def test_credits_are_those_of_the_registry():
    written = (Path(__file__).parents[1] / "data" / "CREDITS.md").read_text(encoding="utf-8")
    assert written == data.credits(), "run: vidlab data credits > data/CREDITS.md"


def test_no_lesson_shows_what_may_not_be_passed_on():
    closed = [name for name, entry in data.registry().items() if not entry.reuse]
    for lesson in (Path(__file__).parents[1] / "notebooks").rglob("*.ipynb"):
        cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
        shown = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code" and cell["outputs"])
        used = [name for name in closed if f'"{name}"' in shown]
        assert not used, f"{lesson.name} keeps pictures of {used}"


def test_walker_is_the_published_file():
    assert data.walker(frames=range(2), size=100).shape == (2, 3, 100, 178)
    assert download.sha256(data.path()) == "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[a", "cannot be read"),
        ("[a]\nkind = 'pip'", "bytes is missing"),
        (row("a", colour="red"), "colour is not a field"),
        (row("a", kind="ftp"), "kind is none of"),
        (row("a", bytes="12"), "bytes is no int"),
        (row("a", sha256="12"), "sha256 is not"),
        (row("A..b").replace("[A..b]", "['A/../b']"), "is no row"),
    ],
)
def test_a_slip_in_the_registry_is_named(course, text, says):
    course(text)
    with pytest.raises(DataError, match=says):
        data.registry()


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(DataError, match="'walker'"):
        data.path("wlaker")


def test_table_fits_120_columns_and_names_everything(course):
    course(row("a-film", content="long " * 40, credit="someone with a very long name " * 4, note="mind this"))
    table = data.table()
    assert max(map(len, table.splitlines()[:-1])) <= 120  # the last line is the cache's path
    for word in ("name", "content", "size", "licence", "credit", "here", "a-film", "3.0 MB", "CC0", "no", "mind this"):
        assert word in table


# From an address ------------------------------------------------------------------------------------------------------


def test_fetch_then_offline(course, server):
    course(row("noise", source=server.url))
    assert not data.is_here("noise")
    path = data.path("noise")
    assert path.read_bytes() == CONTENT
    assert data.is_here("noise")
    server.shutdown()
    server.server_close()
    assert data.path("noise") == path
    assert data.verify() == {"noise": "sound"}
    assert server.asked == [None]
    assert not leftovers()


def test_a_killed_download_leaves_nothing_half_and_goes_on(course, server):
    course(row("noise", source=server.url))
    server.halt = 1_500_000
    child = subprocess.Popen([*FETCH, "noise"], stderr=subprocess.DEVNULL)
    part = data.cache() / f".{data.registry()['noise'].file.name}.part"
    while not (part.exists() and part.stat().st_size > 500_000):
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not data.is_here("noise")
    kept, server.halt = part.stat().st_size, None
    server.resume.set()
    assert 500_000 < kept < len(CONTENT)
    assert data.path("noise").read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={kept}-"]
    assert not leftovers()


def test_a_line_that_breaks_again_and_again(course, server):
    course(row("noise", source=server.url))
    server.cut = 700_000
    assert data.path("noise").read_bytes() == CONTENT
    assert len(server.asked) == 5


def test_a_server_without_ranges_starts_again(course, server):
    course(row("noise", source=server.url))
    data.cache().mkdir()
    part = data.cache() / f".{data.registry()['noise'].file.name}.part"
    part.write_bytes(CONTENT[:1000])
    server.ranges = False
    assert data.path("noise").read_bytes() == CONTENT


@pytest.mark.parametrize("size", [1000, len(CONTENT), len(CONTENT) + 1000])
def test_a_part_of_something_else_is_thrown_away(course, server, size):
    course(row("noise", source=server.url))
    data.cache().mkdir()
    (data.cache() / f".{data.registry()['noise'].file.name}.part").write_bytes(bytes(size))
    assert data.path("noise").read_bytes() == CONTENT


def test_another_file_is_refused_and_not_kept(course, server):
    course(row("noise", bytes(len(CONTENT)), source=server.url))
    with pytest.raises(DataError) as caught:
        data.path("noise")
    assert sha(CONTENT) in str(caught.value)
    assert sha(bytes(len(CONTENT))) in str(caught.value)
    assert "fetch again" in str(caught.value)
    assert not data.is_here("noise")
    assert not leftovers()


def test_a_server_that_sends_too_much_is_stopped(course, server):
    course(row("noise", CONTENT[:1000], source=server.url))
    with pytest.raises(DataError, match="sends more than 1,000 bytes"):
        data.path("noise")
    assert not leftovers()


def test_no_network(course, monkeypatch):
    monkeypatch.setattr(download, "TRIES", 1)
    course(row("noise", source="http://127.0.0.1:9/noise.bin"))
    with pytest.raises(DataError, match="check the network"):
        data.path("noise")


@pytest.mark.parametrize("status", [404, 403])
def test_a_refusal_is_not_asked_twice(course, server, status):
    course(row("noise", source=server.url))
    server.status = status
    with pytest.raises(DataError, match=f"answered {status}"):
        data.path("noise")
    assert len(server.asked) == 1


def test_only_https(course):
    course(row("noise", source="http://example.org/noise.bin"))
    with pytest.raises(DataError, match="not an https address"):
        data.path("noise")


def test_damage_on_disk_is_noticed_and_mended(course, server):
    course(row("noise", source=server.url))
    path = data.path("noise")
    path.write_bytes(bytes(len(CONTENT)))
    assert data.verify() == {"noise": "damaged"}
    assert data.path("noise").read_bytes() == CONTENT


def test_many_processes_at_once(course, server):
    course(row("noise", source=server.url))
    server.pause = 0.01
    children = [subprocess.Popen([*FETCH, "noise"], stdout=-1, stderr=-1, text=True) for _ in range(3)]
    said = [child.communicate(timeout=200)[0].strip() for child in children]
    assert said == [str(data.registry()["noise"].file)] * 3
    assert data.path("noise").read_bytes() == CONTENT
    assert server.asked == [None], "one fetches, the others wait for it"


# No room --------------------------------------------------------------------------------------------------------------


def test_a_cache_that_cannot_be_written(course, tmp_path, monkeypatch):
    course(row("noise", source="https://example.org/noise.bin"))
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VIDLAB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(DataError, match="VIDLAB_CACHE"):
        data.path("noise")


def test_a_full_disk(course, server, tmp_path):
    course(row("noise", source=server.url))
    limit = (1_000_000, 1_000_000)  # bytes a file may have: the system then refuses to write, as a full disk does
    done = subprocess.run(
        [*FETCH, "noise"], capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )  # fmt: skip
    assert done.returncode == 1
    assert "make room" in done.stderr
    assert "Traceback" not in done.stderr
    assert not data.is_here("noise")


# From a wheel ---------------------------------------------------------------------------------------------------------


def film(name: str, file: bytes, wheel: Path, **fields: object) -> str:
    known = {"kind": "pip", "source": "films", "version": "1.0", "member": f"films/{name}.mp4"}
    return row(name, file, **known | {"package_sha256": download.sha256(wheel)} | fields)


def test_a_member_of_a_wheel_and_its_siblings(course, wheels):
    course(film("one", CONTENT, wheels), film("two", CONTENT[::-1], wheels))
    assert data.path("one").read_bytes() == CONTENT
    assert data.is_here("two"), "the wheel was here: what else the registry has from it comes along"
    wheels.unlink()
    assert data.path("two").read_bytes() == CONTENT[::-1]
    assert not leftovers()


def test_what_a_killed_process_left_is_swept_away(course, wheels):
    course(film("one", CONTENT, wheels))
    scratch = data.cache() / ".films-1.0.tmp"
    scratch.mkdir(parents=True)
    (scratch / "films-1.0-py3-none-any.whl").write_bytes(b"half")
    assert data.path("one").read_bytes() == CONTENT
    assert not leftovers()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"version": "2.0"}, "pip could not fetch films 2.0"),
        ({"member": "films/three.mp4"}, "holds no films/three.mp4"),
        ({"package_sha256": "0" * 64}, "sha256"),
        ({"sha256": "0" * 64}, "sha256"),
    ],
)
def test_a_wrong_wheel(course, wheels, fields, says):
    course(film("one", CONTENT, wheels, **fields))
    with pytest.raises(DataError, match=says):
        data.path("one")
    assert not data.is_here("one")
    assert not leftovers()


# From this machine ----------------------------------------------------------------------------------------------------


def test_local_files_are_used_where_they_lie(course, tmp_path):
    (tmp_path / "mine.bin").write_bytes(CONTENT)
    course(row("mine", kind="local", source="mine.bin"))
    assert data.path("mine") == tmp_path / "mine.bin"
    (tmp_path / "mine.bin").write_bytes(bytes(len(CONTENT)))
    with pytest.raises(DataError, match="sha256"):
        data.path("mine")
    (tmp_path / "mine.bin").unlink()
    with pytest.raises(DataError, match="should lie at"):
        data.path("mine")


def test_entry_says_where_its_file_lies(course):
    course(row("noise", source="https://example.org/noise.bin"))
    entry = data.registry()["noise"]
    assert isinstance(entry, Entry)
    assert entry.file.parent == data.cache()
    assert entry.file.name == f"noise-{sha(CONTENT)[:8]}.bin"
