"""What goes between the grader and the jail, as bytes: JSON, and raw bytes with it (what they mean is `wire`'s).

A message is two lengths (four bytes each, big-endian), that many bytes of JSON, and that many raw bytes. Who reads
believes nothing: lengths are bounded, and so is the time.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

from ..errors import VidlabError

TEXT, RAW = 1 << 20, 1 << 26  # bytes of each part
LENGTHS = struct.Struct("!II")


class WireError(VidlabError, ValueError):
    """What came is no message."""


def words(value: Any) -> str:
    """What the other side says, as text that can be written; anything else as nothing."""
    return value.encode(errors="replace").decode() if type(value) is str else ""


def send(line: socket.socket, message: dict, raw: bytes = b"", timeout: float | None = None) -> None:
    """Write one message; who does not read it in time gets no more."""
    text = json.dumps(message).encode()
    line.settimeout(timeout)
    line.sendall(LENGTHS.pack(len(text), len(raw)) + text)
    if raw:
        line.sendall(raw)


def receive(line: socket.socket, timeout: float | None = None) -> tuple[dict, bytes]:
    """Read one message, all of it until `timeout` seconds from now.

    Raises:
        TimeoutError: it did not come in time.
        EOFError: the other side is gone.
        WireError: what came is no message, or too long.
    """
    end = None if timeout is None else time.monotonic() + timeout
    text_length, raw_length = LENGTHS.unpack(_exactly(line, LENGTHS.size, end))
    if text_length > TEXT or raw_length > RAW:
        raise WireError("a message that is too long", wanted=f"at most {TEXT + RAW:,} bytes")
    text, raw = _exactly(line, text_length, end), _exactly(line, raw_length, end)
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WireError("a message that is no JSON") from error
    if type(message) is not dict:
        raise WireError("a message of another form")
    return message, raw


def _exactly(line: socket.socket, length: int, end: float | None) -> bytes:
    data, got = bytearray(length), 0
    view = memoryview(data)
    while got < length:
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError("no whole message in time")
        line.settimeout(left)
        more = line.recv_into(view[got:])
        if not more:
            raise EOFError("the other side is gone")
        got += more
    return bytes(data)
