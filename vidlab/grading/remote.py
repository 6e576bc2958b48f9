"""Stand-ins for what a student defined: calls go into the jail, and plain numbers come back.

A check cell does not notice: `running_median(clip)` looks the same whether `running_median` is a function in the
learner's own notebook or a `Remote`. Its answer is a tensor of the grader's own, never an object of the student's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from ..errors import VidlabError
from . import messages, wire
from .jail import Session

BUILTIN = {  # the names of exceptions that may be told; another name could carry what it was given
    *("ArithmeticError", "AssertionError", "AttributeError", "EOFError", "FileNotFoundError", "FloatingPointError"),
    *("ImportError", "IndexError", "KeyError", "MemoryError", "ModuleNotFoundError", "NameError", "OSError"),
    *("NotImplementedError", "OverflowError", "PermissionError", "RecursionError", "RuntimeError", "StopIteration"),
    *("SyntaxError", "TabError", "IndentationError", "TypeError", "UnboundLocalError", "ValueError"),
    *("ZeroDivisionError", "LinAlgError", "ShapeError", "EinopsError", "KeyboardInterrupt", "SystemExit"),
}

TENSORS = frozenset(dir(torch.Tensor)) - frozenset(dir(torch.nn.Module))  # a network has `.to`, no tensor's `.shape`


class StudentError(VidlabError, RuntimeError):
    """The student's code raised: `kind` is the exception's name, `says` what it says, `name` what was called."""

    def __init__(self, name: str, kind: str, says: str) -> None:
        self.name, self.kind, self.says = name, kind if kind in BUILTIN else "an exception of its own", says
        super().__init__(f"`{name}` raised {self.kind}")


class Remote:
    """A function, class, network or object in the jail: call it, take public attributes of it."""

    __slots__ = ("_session", "_start", "_path", "_kind")

    def __init__(self, session: Session, start: dict, path: tuple[str, ...] = (), kind: str = "function") -> None:
        for name, value in zip(self.__slots__, (session, start, path, kind), strict=True):
            object.__setattr__(self, name, value)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Send copies, get a copy. What the function changes in place stays in the jail: a check may compute the truth
        from its inputs afterwards, and must not find them changed.

        Raises:
            StudentError: it raised. Ended: it did not come back.
        """
        packed = wire.Packed([list(arguments), named], self._own)
        message = {"do": "call", **self._address(), "arguments": packed.json["l"][0], "named": packed.json["l"][1]}
        return self._answer(message, packed.raw, makes=self._kind == "class")

    def __getattr__(self, name: str) -> Any:
        """A method as something to call; anything else as its value."""
        if name.startswith("_"):
            raise AttributeError(name)
        if self._kind == "value" and name in TENSORS:
            raise StudentError(repr(self), "TypeError", f"it is an object that has a `{name}`, no tensor")
        there = Remote(self._session, self._start, (*self._path, name))
        value = there._answer({"do": "get", **there._address()}, b"")
        return there if isinstance(value, Remote) else value

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name} cannot be set from outside")

    def __iter__(self) -> Iterator:
        raise TypeError(f"`{self}` is a {self._kind}: nothing to iterate over")

    def __repr__(self) -> str:
        return ".".join([self._start.get("name", "an object"), *self._path])  # not its class: the student names that

    def _address(self) -> dict:
        return {**self._start, "path": list(self._path)}

    def _own(self, value: Any) -> int | None:
        """Only what came out of this very session may go back in."""
        same = type(value) is Remote and value._session is self._session and "number" in value._start
        return value._start["number"] if same and not value._path else None

    def _answer(self, message: dict, raw: bytes, makes: bool = True) -> Any:
        """makes: may the answer be an object that stays in the jail? Only a class may make one: a function that returns
        an object instead of a tensor could have it look like anything."""
        answer, raw = self._session.ask(message, raw)
        error = answer.get("error")
        if error is not None or "value" not in answer:
            error = error if isinstance(error, dict) else {}
            kind, says = (messages.words(error.get(key)) for key in ("type", "says"))
            raise StudentError(repr(self), kind, says[:300])

        def held(number: int, kind: str) -> Remote:
            if not makes:
                raise StudentError(
                    repr(self), "TypeError", f"it returns an object of class {kind}, no tensor or number"
                )
            return Remote(self._session, {"number": number}, (), kind)

        try:
            return wire.read(answer["value"], raw, held)
        except messages.WireError as error:
            raise self._session.broken(f"what it answered cannot be read: {error.what}") from error


def names(session: Session, wanted: dict[str, str]) -> dict[str, Any]:
    """What the student's code calls by these names now: a stand-in, or a plain value. Who is missing is left out.

    wanted: name → "class", "function" or "value", as the instructor's solution defines it.
    """
    found = {}
    for name, kind in wanted.items():
        remote = Remote(session, {"name": name}, (), kind)
        with contextlib.suppress(StudentError):
            value = remote._answer({"do": "get", **remote._address()}, b"")
            found[name] = remote if isinstance(value, Remote) else value
    return found
