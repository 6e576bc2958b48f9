"""The jail: a bubblewrap sandbox with a warm process in it, and a session of its own for each submission.

Inside there is no network, no file but Python's own (read only), nothing of yours; a /tmp of 64 MB that vanishes with
the session. A session is limited in seconds, in memory and in processes, watched from outside, and ended by killing
the first of its processes, which ends them all.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import vidlab

from ..errors import VidlabError
from . import wire

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
PROCESSES = 64
WATCH = 0.1  # seconds between two looks at the memory


class JailError(VidlabError, RuntimeError):
    """There is no jail on this machine, or it broke."""


class Ended(VidlabError, RuntimeError):
    """A session is over: `what` says why, in words for the student."""


@dataclass(frozen=True)
class Limits:
    """seconds: of one cell or call, by the clock. total: CPU-seconds of a session. memory: MB of all its processes."""

    seconds: float = 60.0
    total: int = 600
    memory: int = 2048


class Jail:
    """A warm jail. Use it as a context, and `session` for each submission.

    masked: modules of vidlab that are not in it, because writing them is the homework.

    Raises:
        JailError: no Linux, no bubblewrap, or it does not work here.
    """

    def __init__(self, masked: tuple[str, ...] = (), limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [*_command(masked), sys.executable, "-m", f"{__package__}.inmate", str(theirs.fileno())]
            self.process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """A fresh copy of the warm process, gone without a trace when the block is left.

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
                wanted="bubblewrap that may make user namespaces",
                mend="sysctl kernel.unprivileged_userns_clone=1, or another machine; see docs/grading.md",
            ) from error
        session = Session(ours, handles[0], self.limits)
        try:
            yield session
        finally:
            session.end()

    def close(self) -> None:
        self.control.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stderr.close()

    def _complaint(self) -> str:
        self.process.kill()
        return self.process.stderr.read(2000).decode(errors="replace").strip() or "it says nothing"

    def __enter__(self) -> Jail:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Session:
    """One submission's process in the jail. `ask` it; after `Ended` nothing more can be asked."""

    def __init__(self, line: socket.socket, handle: int, limits: Limits) -> None:
        self.line, self.handle, self.limits = line, handle, limits
        self.number = _number(handle)

    def ask(self, message: dict, raw: bytes = b"", seconds: float | None = None) -> tuple[dict, bytes]:
        """Send a message, and wait for the answer, watching the memory.

        Raises:
            Ended: too slow, too much memory, gone, or an answer that is none. The session is over then.
        """
        if self.handle < 0:
            raise Ended("its process had ended before")
        seconds = seconds or self.limits.seconds
        end = time.monotonic() + seconds
        try:
            wire.send(self.line, message, raw, timeout=seconds)
            while True:
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                self.line.settimeout(min(WATCH, left))
                with contextlib.suppress(TimeoutError):
                    if not self.line.recv(1, socket.MSG_PEEK):
                        raise EOFError
                    return wire.receive(self.line, max(left, WATCH))
                self._watch()
        except TimeoutError:
            reason = f"it was stopped after {seconds:g} seconds"
        except (EOFError, ConnectionError):
            reason = "its process ended: it left by itself, crashed, or used too much memory or processor time"
        except wire.WireError as error:
            reason = f"what it answered cannot be read ({error.what})"
        except _TooMuch as error:
            reason = str(error)
        raise self.broken(reason)

    def broken(self, reason: str) -> Ended:
        """End it, for a reason: to be raised."""
        self.end()
        return Ended(reason)

    def end(self) -> None:
        """Kill it and all that it started."""
        if self.handle >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.handle, signal.SIGKILL)
            os.close(self.handle)
            self.handle = -1
            self.line.close()

    def _watch(self) -> None:
        pages, processes = 0, [self.number] if self.number else []
        for number in processes:  # grows while it is walked
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = Path(f"/proc/{number}/statm").read_text().split()
                pages += int(fields[1]) - int(fields[2]) if len(processes) > 1 else int(fields[1])
                for task in os.listdir(f"/proc/{number}/task"):
                    processes += map(int, Path(f"/proc/{number}/task/{task}/children").read_text().split())
            if len(processes) > PROCESSES:
                raise _TooMuch(f"it started more than {PROCESSES} processes")
        if pages * os.sysconf("SC_PAGE_SIZE") > self.limits.memory << 20:
            raise _TooMuch(f"it used more than {self.limits.memory} MB of memory")


class _TooMuch(Exception):
    pass


def _number(handle: int) -> int:
    """The process number behind a handle, as this side counts."""
    for line in Path(f"/proc/self/fdinfo/{handle}").read_text().splitlines():
        if line.startswith("Pid:"):
            return max(int(line.split()[1]), 0)
    return 0


def _environment() -> dict[str, str]:
    """What a process in the jail knows of outside: nothing."""
    quiet = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "agg"}
    return {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "VIDLAB_NO_PROGRESS": "1", **quiet}


def _command(masked: tuple[str, ...]) -> list[str]:
    """bubblewrap, with what can be seen inside."""
    bwrap = shutil.which("bwrap")
    if sys.platform != "linux" or bwrap is None:
        raise JailError(
            "there is no bubblewrap here"
            if sys.platform == "linux"
            else f"the jail needs Linux; this is {sys.platform}",
            wanted="grading in a jail",
            mend="apt install bubblewrap (or a Linux machine)",
        )
    package = Path(vidlab.__file__).parent
    seen = [Path(place) for place in SYSTEM if os.path.exists(place)]
    seen += [Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parents[1], package]
    places, command = [], [bwrap]
    command += "--unshare-user --unshare-pid --unshare-net --unshare-ipc --unshare-uts --unshare-cgroup-try".split()
    command += "--uid 1000 --gid 1000 --hostname jail --die-with-parent --new-session --cap-add CAP_SYS_ADMIN".split()
    command += ["--perms", "0755", "--tmpfs", "/"]
    for place in dict.fromkeys(seen):
        if any(place.is_relative_to(other) for other in places if not other.is_symlink()):
            continue
        if place.is_symlink():
            command += ["--symlink", os.readlink(place), str(place)]
        else:
            for parent in reversed(place.parents[:-1]):
                command += ["--perms", "0755", "--dir", str(parent)]
            command += ["--ro-bind", str(place), str(place)]
        places.append(place)
    for module in masked:
        hidden = package.joinpath(*module.removeprefix("vidlab.").split("."))
        command += ["--tmpfs", str(hidden)] if hidden.is_dir() else ["--ro-bind", "/dev/null", f"{hidden}.py"]
    command += ["--dev", "/dev", "--remount-ro", "/dev", "--tmpfs", "/proc", "--remount-ro", "/proc"]
    return [*command, "--perms", "0777", "--tmpfs", "/tmp", "--remount-ro", "/", "--chdir", "/tmp"]
