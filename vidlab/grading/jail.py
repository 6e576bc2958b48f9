"""The jail: a bubblewrap sandbox with a warm process in it, and a session of its own for each submission.

Inside there is no network, no file but Python's own (read only), nothing of yours; a /tmp and a /dev/shm of 64 MB each
that vanish with the session. A session is limited in seconds, in memory and in processes, watched from outside all the
time, and ended by killing the first of its processes, which ends them all. With `Limits(jailed=False)` there is no
sandbox: only the limits, and processes of their own.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import vidlab

from ..errors import VidlabError
from . import messages

SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/etc/localtime",
)
COVERED = ("/usr/local/share",)  # nbgrader keeps here what all students hand in
PROCESSES = 64
WATCH = 0.1  # seconds between two looks at what it uses
PATIENCE = 5
WANTED = "bubblewrap that may make user namespaces, and a kernel that can filter system calls"
SLACK = 60.0  # seconds a check may compute by itself, beside what it waits for


class JailError(VidlabError, RuntimeError):
    """There is no jail on this machine, or it broke."""


class Ended(VidlabError, RuntimeError):
    """A session is over: `what` says why, in words for the student."""


@dataclass(frozen=True)
class Limits:
    """seconds: of computing in one cell or call; by the clock it may take PATIENCE times as long, as on a busy machine.
    total: of the whole notebook, by the clock. memory: MB of all its processes. jailed: False runs it as you, with all
    your rights."""

    seconds: float = 60.0
    total: int = 600
    memory: int = 2048
    jailed: bool = True


class Jail:
    """A warm jail. Use it as a context, and `session` for each submission.

    masked: modules of vidlab that are not in it, because writing them is the homework.

    Raises:
        JailError: no Linux, no bubblewrap, or it does not work here.
    """

    def __init__(self, masked: tuple[str, ...] = (), limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        if sys.platform != "linux":
            raise JailError(f"grading needs Linux; this is {sys.platform}", wanted="a Linux machine, or a virtual one")
        walls = _command(masked) if self.limits.jailed else []
        self.scratch = contextlib.nullcontext(_scratch()) if walls else tempfile.TemporaryDirectory(prefix="vidlab-")
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            inmate = [sys.executable, "-m", f"{__package__}.inmate", str(theirs.fileno())]
            self.process = subprocess.Popen(
                [*walls, *inmate, *(("jailed",) if walls else ("unsafe", *masked))],
                pass_fds=[theirs.fileno()],
                env=_environment(self.scratch.__enter__()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )

    @contextlib.contextmanager
    def session(self, until: float = math.inf) -> Iterator[Session]:
        """A fresh copy of the warm process, gone without a trace when the block is left.

        until: when all must be over, by `time.monotonic()`.

        Raises:
            JailError: the jail does not answer.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                # What torch has mapped already counts; so the limit of one process is larger than that of all in use.
                words = f"memory={self.limits.memory + 6144} seconds={self.limits.total}"
                socket.send_fds(self.control, [words.encode()], [theirs.fileno()])
                self.control.settimeout(120)
                born, handles, _, _ = socket.recv_fds(self.control, 16, 1)
            if not born or not handles:
                raise EOFError
        except (OSError, EOFError) as error:
            ours.close()
            raise JailError(
                f"the jail does not start: {self._complaint()}",
                wanted=WANTED,
                mend="sysctl kernel.unprivileged_userns_clone=1, or another machine; see docs/grading.md",
            ) from error
        session = Session(ours, handles[0], self.limits, until)
        try:
            yield session
        finally:
            session.end()
            if not self.limits.jailed:
                shutil.rmtree(os.path.join(self.scratch.name, str(session.number)), ignore_errors=True)

    def close(self) -> None:
        self.control.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stderr.close()
        self.scratch.__exit__(None, None, None)

    def _complaint(self) -> str:
        self.process.kill()
        return self.process.stderr.read(2000).decode(errors="replace").strip() or "it says nothing"

    def __enter__(self) -> Jail:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Session:
    """One submission's process in the jail. `ask` it; after `Ended` nothing more can be asked: `ended` says why."""

    def __init__(self, line: socket.socket, handle: int, limits: Limits, until: float = math.inf) -> None:
        self.line, self.handle, self.limits, self.until = line, handle, limits, until
        self.number = _number(handle)
        self.ended = self.too_much = ""
        self.spent = self.before = 0.0  # seconds of computing, until now and until the last question
        self.over = threading.Event()
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()

    def ask(self, message: dict, raw: bytes = b"") -> tuple[dict, bytes]:
        """Send a message, and wait for the answer.

        Raises:
            Ended: too slow, too much memory, gone, or an answer that is none. The session is over then.
        """
        if self.ended:
            raise Ended(self.ended)
        began, self.before = time.monotonic(), self.spent
        seconds = min(PATIENCE * self.limits.seconds, self.until - began)
        try:
            if seconds <= 0:
                raise TimeoutError
            messages.send(self.line, message, raw, timeout=seconds)
            return messages.receive(self.line, max(began + seconds - time.monotonic(), WATCH))
        except TimeoutError:
            reason = f"it was stopped after {seconds:g} seconds"
            if seconds < PATIENCE * self.limits.seconds:
                reason = f"the {self.limits.total} seconds for the whole notebook were used up"
        except (EOFError, ConnectionError):
            reason = "its process ended: it left by itself, crashed, or used too much memory or processor time"
        except messages.WireError as error:
            reason = f"what it answered cannot be read ({error.what})"
        raise self.broken(self.too_much or reason)

    def broken(self, reason: str) -> Ended:
        """End it, for a reason: to be raised."""
        self.end()
        self.ended = reason
        return Ended(reason)

    def end(self) -> None:
        """Kill it and all that it started, and wait until all are gone: the next one must not meet them."""
        if self.handle < 0:
            return
        self.ended = self.ended or "its process had ended before"
        self.over.set()
        self.watcher.join()
        self._kill()
        select.select([self.handle], [], [], 10)
        os.close(self.handle)
        self.handle = -1
        self.line.close()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)
        if not self.limits.jailed and self.number > 0:  # no process numbers of its own, whose end ends them all
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.number, signal.SIGKILL)

    def _watch(self) -> None:
        """Look at it until it is over: a process can eat memory also while nothing is asked, or while it answers."""
        while not self.over.wait(WATCH):
            self.too_much = self._excess()
            if self.too_much:
                return self._kill()

    def _excess(self) -> str:
        """What it has too much of. Memory shared between its processes counts for each of them."""
        kilobytes = ticks = 0
        processes = [self.number] if self.number else []
        for number in processes:  # grows while it is walked
            with contextlib.suppress(OSError, ValueError, IndexError):
                for line in Path(f"/proc/{number}/status").read_text().splitlines():
                    if line.startswith(("RssAnon:", "RssShmem:")):
                        kilobytes += int(line.split()[1])
                fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
                ticks += sum(map(int, fields[11:15]))  # its own, and of the children that ended
                for task in os.listdir(f"/proc/{number}/task"):
                    processes += map(int, Path(f"/proc/{number}/task/{task}/children").read_text().split())
            if len(processes) > PROCESSES:
                return f"it started more than {PROCESSES} processes"
        self.spent = max(self.spent, ticks / os.sysconf("SC_CLK_TCK"))
        if self.spent - self.before > self.limits.seconds:
            return f"it was stopped after {self.limits.seconds:g} seconds"
        return f"it used more than {self.limits.memory} MB of memory" if kilobytes > self.limits.memory << 10 else ""


def _number(handle: int) -> int:
    """The process number behind a handle, as this side counts."""
    for line in Path(f"/proc/self/fdinfo/{handle}").read_text().splitlines():
        if line.startswith("Pid:"):
            return max(int(line.split()[1]), 0)
    return 0


def _environment(scratch: str) -> dict[str, str]:
    """What a process in the jail knows of outside: nothing."""
    quiet = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "agg"}
    quiet["PYTHONPATH"] = str(Path(vidlab.__file__).parents[1])  # there is nothing else in it, inside
    quiet |= {"HOME": scratch, "TMPDIR": scratch, "LANG": "C.UTF-8", "VIDLAB_NO_PROGRESS": "1"}
    return {"PATH": "/usr/bin:/bin", **quiet}


def _command(masked: tuple[str, ...]) -> list[str]:
    """bubblewrap, with what can be seen inside."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise JailError("there is no bubblewrap here", wanted="grading in a jail", mend="apt install bubblewrap")
    package = Path(vidlab.__file__).parent
    places, command = [], [bwrap]
    command += "--unshare-user --unshare-pid --unshare-net --unshare-ipc --unshare-uts --unshare-cgroup-try".split()
    command += "--uid 1000 --gid 1000 --hostname jail --die-with-parent --new-session --cap-add CAP_SYS_ADMIN".split()
    command += ["--perms", "0755", "--tmpfs", "/"]
    for place in dict.fromkeys(_places()):
        if any(place.is_relative_to(other) for other in places if not other.is_symlink()):
            continue
        if place.is_symlink():
            command += ["--symlink", os.readlink(place), str(place)]
        else:
            for parent in reversed(place.parents[:-1]):
                command += ["--perms", "0755", "--dir", str(parent)]
            command += ["--ro-bind", str(place), str(place)]
        places.append(place)
    for place in COVERED:
        if os.path.isdir(place):
            command += _cover(Path(place))
    for module in masked:
        hidden = package.joinpath(*module.removeprefix("vidlab.").split("."))
        if hidden.is_dir():
            command += _cover(hidden)
        elif not hidden.with_suffix(".py").is_file():
            raise JailError(f"there is no {module} to be masked", wanted="a module or package of vidlab")
        else:
            command += ["--ro-bind", "/dev/null", f"{hidden}.py"]
            compiled = hidden.parent / "__pycache__"  # holds it, too, now or later
            with contextlib.suppress(OSError):
                compiled.mkdir(exist_ok=True)
            command += _cover(compiled) if compiled.is_dir() else []
    command += ["--dev", "/dev", "--remount-ro", "/dev", "--tmpfs", "/proc", "--remount-ro", "/proc"]
    scratch = _scratch()
    return [*command, "--perms", "0777", "--tmpfs", scratch, "--remount-ro", "/", "--chdir", scratch]


def _places() -> list[Path]:
    """What can be seen inside: the system's programs and libraries, Python, vidlab."""
    seen = [Path(place) for place in SYSTEM if os.path.exists(place)]
    python = Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parents[1]
    return [*seen, *python, Path(vidlab.__file__).parent]


def _scratch() -> str:
    """The folder that each session has for itself: /tmp, unless Python or vidlab lies below it."""
    return "/scratch" if any(place.is_relative_to("/tmp") for place in _places()) else "/tmp"


def _cover(place: Path) -> list[str]:
    """An empty folder over this one; read only, or one student could leave something there for the next."""
    return ["--perms", "0755", "--tmpfs", str(place), "--remount-ro", str(place)]
