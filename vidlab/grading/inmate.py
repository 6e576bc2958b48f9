"""Inside the jail: a warm process that has imported torch, and makes a copy of itself for each submission.

The copy gets process numbers, a /tmp, and message queues of its own, gives up its rights, and then runs what it is
told. It is the student's from there on: nothing that it says is believed. Started by `jail`; only for Linux. Without a
jail it only makes the copies, and limits them.
"""

from __future__ import annotations

import ast
import contextlib
import ctypes
import inspect
import io
import os
import random
import resource
import socket
import sys
import traceback
import types
from typing import Any

import numpy as np
import torch

from . import calls, messages, wire

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID = 0x00020000, 0x08000000, 0x20000000
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
MS_NOSUID, MS_NODEV = 2, 4
SHOWN = 20_000  # characters of what a cell prints
LISTED = 1_000  # values of an iterator
libc = ctypes.CDLL(None, use_errno=True)


def main(control: socket.socket, jailed: bool) -> None:
    """Keep one copy ready; for each message "memory=… seconds=…" with a file descriptor, hand over its handle."""
    torch.set_num_threads(1)
    _same_chance()  # what these import and set up when they are first called, no copy has to do again
    while True:
        helper = os.fork()
        if helper == 0:
            status = 1
            try:
                status = 0 if _handed_over(control, jailed) else 1
            finally:
                os._exit(status)
        if os.waitpid(helper, 0)[1]:
            return


def _handed_over(control: socket.socket, jailed: bool) -> bool:
    """Make a copy, ahead of time, and give it to who asks next; False if nobody ever will.

    The copy is the first process of a new set of process numbers; when it is killed, so is all that it started.
    """
    if jailed:
        _call(libc.unshare, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child == 0:
        ours.close()
        control.close()
        _wait_and_serve(theirs, jailed)
        return False
    theirs.close()
    if ours.recv(16) != b"ready":
        return False
    message, descriptors, _, _ = socket.recv_fds(control, 1024, 1)
    if not message or os.waitpid(child, os.WNOHANG) != (0, 0):
        return False
    socket.send_fds(ours, [message], descriptors)
    socket.send_fds(control, [b"born"], [os.pidfd_open(child)])
    return True


def _wait_and_serve(door: socket.socket, jailed: bool) -> None:
    """Set up all that needs no order, wait for one, and be the student's from then on."""
    if jailed:
        for place in (os.environb[b"TMPDIR"], b"/dev/shm"):
            _call(libc.mount, b"none", place, b"tmpfs", MS_NOSUID | MS_NODEV, b"size=64m,nr_inodes=4k,mode=0777")
    else:
        os.setsid()
        os.environ["HOME"] = os.environ["TMPDIR"] = os.path.join(os.environ["TMPDIR"], str(os.getpid()))
        os.mkdir(os.environ["TMPDIR"])
    os.chdir(os.environ["TMPDIR"])
    os.closerange(3, door.fileno())
    os.closerange(door.fileno() + 1, 4096)
    limits = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 64 << 20), (resource.RLIMIT_NOFILE, 64)]
    limits.append((resource.RLIMIT_MSGQUEUE, 0))
    if jailed:  # elsewhere all processes of this user would count
        limits.append((resource.RLIMIT_NPROC, 64))
    for what, most in limits:
        resource.setrlimit(what, (most, most))
    if jailed:
        _give_up_rights()
    _same_chance()
    door.send(b"ready")
    message, descriptors, _, _ = socket.recv_fds(door, 1024, 1)
    if not message:
        return
    door.close()
    nothing = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1, 2):  # or a full pipe would stop those who come later
        os.dup2(nothing, descriptor)
    os.close(nothing)
    ordered = {name: int(value) for name, value in (pair.split("=") for pair in message.decode().split())}
    for what, most in ((resource.RLIMIT_CPU, ordered["seconds"]), (resource.RLIMIT_AS, ordered["memory"] << 20)):
        resource.setrlimit(what, (most, most))
    Inmate(socket.socket(fileno=descriptors[0])).serve()


def _same_chance() -> None:
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002, what students use
    torch.manual_seed(0)


def _give_up_rights() -> None:
    """No capabilities, none to be gained (version 3 of the kernel's header: two words each).

    A user namespace of its own, in which it is nobody: it can make no other, and its keyrings end with it.
    """
    _call(libc.unshare, CLONE_NEWUSER)
    libc.syscall(calls.number("keyctl"), 1, None)  # a new session keyring, where there are any
    _call(libc.prctl, 38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    _call(libc.prctl, 47, 4, 0, 0, 0)  # PR_CAP_AMBIENT, clear all
    _call(libc.capset, (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
    _call(libc.prctl, 4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
    calls.refuse()


def _call(function: Any, *arguments: Any) -> None:
    if function(*arguments):
        raise OSError(ctypes.get_errno(), f"{function.__name__}: {os.strerror(ctypes.get_errno())}")


class Inmate:
    """Runs cells, calls what they define, and answers. `kept` are the objects that the other side has a handle of."""

    def __init__(self, line: socket.socket) -> None:
        self.line, self.kept = line, []
        module = types.ModuleType("__main__")  # so that classes find the module that they name
        sys.modules["__main__"] = module
        self.names = module.__dict__

    def serve(self) -> None:
        jobs = {"run": self.run, "call": self.call, "get": self.get}
        while True:
            message, raw = messages.receive(self.line)
            try:
                answer, raw = jobs[message["do"]](message, raw)
            except BaseException as error:
                answer, raw = {"error": said(error)}, b""
            messages.send(self.line, answer, raw)

    def run(self, message: dict, raw: bytes) -> tuple[dict, bytes]:
        """A cell; what it prints is kept, as far as it is not too much."""
        printed, name = Capped(), f"<{message['cell']}>"
        error = None
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            try:
                exec(compile(plain(message["source"]), name, "exec"), self.names)
            except BaseException as problem:
                error = said(problem, name)
        return {"printed": messages.words(printed.text), "error": error}, b""

    def call(self, message: dict, raw: bytes) -> tuple[dict, bytes]:
        """A function, method or network."""
        target = self.target(message)
        arguments, named = wire.read(message["arguments"], raw, self.held), wire.read(message["named"], raw, self.held)
        with contextlib.redirect_stdout(Capped()), contextlib.redirect_stderr(Capped()):
            value = target(*arguments, **named)
            if isinstance(value, (types.GeneratorType, map, filter, zip)):
                value = [each for _, each in zip(range(LISTED), value, strict=False)]
        answer = wire.Packed(value, self.keep)
        return {"value": answer.json}, answer.raw

    def get(self, message: dict, raw: bytes) -> tuple[dict, bytes]:
        answer = wire.Packed(self.target(message), self.keep)
        return {"value": answer.json}, answer.raw

    def target(self, message: dict) -> Any:
        start = self.names[message["name"]] if "name" in message else self.kept[message["number"]]
        for name in message.get("path", []):
            start = getattr(start, name)
        return start

    def held(self, number: int, name: str) -> Any:
        return self.kept[number]

    def keep(self, value: Any) -> int:
        self.kept.append(value)
        return len(self.kept) - 1


class Capped(io.TextIOBase):
    """Keeps the first characters that are printed, and forgets the others."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        if len(self.text) < SHOWN:
            self.text += text[: SHOWN - len(self.text)]
        return len(text)


def plain(source: str) -> str:
    """A cell without what only IPython understands: lines that begin with % or !."""
    try:
        ast.parse(source)
        return source
    except SyntaxError:
        lines = source.split("\n")
        if lines[0].startswith("%%"):
            return ""
        return "\n".join(
            line[: len(line) - len(line.lstrip())] + "pass" if line.lstrip().startswith(("%", "!")) else line
            for line in lines
        )


def said(error: BaseException, cell: str = "") -> dict:
    """An exception in plain words: its type, what it says, and the line of the cell."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == cell] if cell else []
    line = frames[-1].lineno if frames else getattr(error, "lineno", None)
    kind = type(error).__name__ if inspect.getmodule(type(error)) is not None else "Exception"
    try:
        words = str(error)[:500]
    except BaseException:
        words = ""
    words = messages.words(words)
    return {"type": messages.words(kind)[:80], "says": words, "line": line if isinstance(line, int) else None}


if __name__ == "__main__":
    sys.modules |= dict.fromkeys(sys.argv[3:])  # masked: whoever imports one finds none
    main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2] == "jailed")
