"""What goes between the grader and the jail: everything arrives as it was sent, and nothing malformed is believed."""

from __future__ import annotations

import copy
import json
import math
import random
import socket
import threading

import numpy as np
import pytest
import torch

from vidlab.grading import wire
from vidlab.grading.messages import LENGTHS, RAW, TEXT, WireError, receive, send, words
from vidlab.grading.wire import VALUES, Packed, read


def there_and_back(value, **about):
    packed = Packed(value, **about)
    return read(json.loads(json.dumps(packed.json)), packed.raw)


def same(a, b) -> bool:
    """Of one type, one shape, and one value, NaN included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and bool(torch.equal(a.isnan(), b.isnan())) and _close(a, b)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(map(same, a.values(), b.values()))
    return a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b))


def _close(a, b) -> bool:
    return bool(torch.equal(a[~a.isnan()], b[~b.isnan()]))


PLAIN = [None, True, False, 0, -1, (1 << 63) - 1, 1.5, -0.0, math.inf, math.nan, "", "Wörter 🎞", "\0", '"\\']
NESTED = [[], (), {}, [1, (2, [3])], {"a": [1], 2: {"b": None}, True: 3}, [[]] * 5, [None, (), [()], {"": ()}]]


@pytest.mark.parametrize("value", [*PLAIN, *NESTED], ids=repr)
def test_plain_values_arrive(value):
    assert same(there_and_back(value), value)


@pytest.mark.parametrize("name", wire.DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4), (1,) * 8], ids=str)
def test_tensors_of_every_kind_and_shape_arrive(name, shape):
    tensor = (torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 9 - 2).to(wire.DTYPES[name])
    back = there_and_back([tensor, 1, tensor])
    assert same(back, [tensor, 1, tensor])
    assert not back[0].numel() or back[0].data_ptr() != back[2].data_ptr()


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i1", "i8", "u1", "?", "c8", "c16"])
@pytest.mark.parametrize("shape", [(), (0,), (2, 3)], ids=str)
def test_arrays_arrive(kind, shape):
    array = np.asarray(np.arange(math.prod(shape)).reshape(shape) - 1).astype(kind)
    assert same(there_and_back(array), array)
    assert same(there_and_back(array[..., ::-1] if shape else array), array[..., ::-1] if shape else array)


def test_views_parameters_and_numbers_of_numpy_arrive_as_what_they_mean():
    film = torch.rand(4, 3, 8, 8)
    assert same(there_and_back(film[::2].transpose(1, 3)), film[::2].transpose(1, 3))
    assert same(there_and_back(film.to(torch.complex64).conj()), film.to(torch.complex64).conj().resolve_conj())
    assert same(there_and_back(torch.nn.Parameter(film)), film)
    assert there_and_back(film.shape) == (4, 3, 8, 8)
    assert same(there_and_back([np.float32(0.5), np.int8(3), np.bool_(True)]), [0.5, 3, True])


def test_what_arrives_can_be_written_to_and_changes_nothing_else():
    sent = torch.zeros(3)
    back = there_and_back(sent)
    back += 1
    assert sent.tolist() == [0, 0, 0]


def loop():
    value = []
    value.append(value)
    return value


UNSENDABLE = {
    "a set": {1},
    "bytes": b"x",
    "a complex number": 1j,
    "too large a number": 1 << 63,
    "half a pair": "\ud800",
    "an object": object(),
    "itself": loop(),
    "too many": [0] * VALUES,
    "sparse": torch.eye(3).to_sparse(),
    "objects": np.array([None]),
    "long doubles": [np.longdouble(1)],
    "larger than may be": torch.zeros(1, dtype=torch.uint8).expand(RAW + 1),
}


@pytest.mark.parametrize("name", UNSENDABLE)
def test_what_cannot_travel_is_refused(name):
    with pytest.raises(WireError):
        Packed(UNSENDABLE[name])


def test_what_stays_gets_a_number():
    kept = []
    packed = Packed([1, kept], lambda value: None)
    assert packed.json == {"l": [1, {"l": []}]}
    packed = Packed({"net": object()}, lambda value: 7)
    assert read(packed.json, b"", lambda number, name: (number, name)) == {"net": (7, "object")}
    with pytest.raises(WireError):
        read(packed.json, b"")


def tensor(*node):
    return {"x": list(node)}


FLOAT = ("float32", [2])
MALFORMED = {
    "two kinds": {"l": [], "t": []},
    "no kind": {},
    "an unknown kind": {"q": []},
    "a list without its name": [1],
    "a list that is none": {"l": 3},
    "a list that is a word": {"l": "abc"},
    "too deep": json.loads('{"l": [' * 40 + "]}" * 40),
    "too many": {"l": [0] * VALUES},
    "a large number": 1 << 63,
    "half a pair": "\ud800",
    "half a pair as a key": {"d": [["\udfff", 1]]},
    "a list as a key": {"d": [[{"l": []}, 1]]},
    "a float as a key": {"d": [[1.5, 1]]},
    "a large number as a key": {"d": [[1 << 64, 1]]},
    "a pair of three": {"d": [[1, 2, 3]]},
    "a pair that is a word": {"d": ["ab"]},
    "a handle that nobody wanted": {"h": [0, "Tensor"]},
    "no shape": tensor(0, "float32"),
    "an offset that is a bool": tensor(True, *FLOAT),
    "an offset that is a float": tensor(0.0, *FLOAT),
    "a negative offset": tensor(-8, *FLOAT),
    "an offset at the end": tensor(9, *FLOAT),
    "an offset far behind": tensor(1 << 70, "float32", [0]),
    "a negative size": tensor(0, "float32", [-1, -2]),
    "a size that is a bool": tensor(0, "float32", [True]),
    "a size that is a word": tensor(0, "float32", ["2"]),
    "more than came": tensor(0, "float32", [5]),
    "much more than came": tensor(0, "float32", [RAW] * 8),
    "empty but for its axes": tensor(0, "float32", [0, RAW, 2]),
    "empty and overflowing": tensor(0, "float32", [0, RAW, RAW, RAW, RAW]),
    "too many axes": tensor(0, "float32", [1] * 9),
    "an unknown dtype": tensor(0, "qint8", [2]),
    "a dtype that is no word": tensor(0, ["float32"], [2]),
    "an attribute of torch": tensor(0, "__name__", [2]),
    "NumPy has none of these": {"n": [0, "bfloat16", [2]]},
    "numbers of another tensor": {"l": [tensor(0, *FLOAT), tensor(0, *FLOAT)]},
    "half the numbers of another": {"l": [tensor(0, *FLOAT), tensor(4, *FLOAT)]},
    "numbers before another": {"l": [tensor(8, *FLOAT), tensor(0, *FLOAT)]},
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_refused(name):
    with pytest.raises(WireError) as caught:
        read(MALFORMED[name], bytes(16))
    assert str(caught.value).isascii()


def test_bools_are_zero_or_one():
    for length in (3, 5000):
        back = read(tensor(0, "bool", [length]), bytes([2, 255, 0]) + bytes(length))
        assert back.view(torch.uint8)[:3].tolist() == [1, 1, 0]


def test_noise_gives_a_value_or_a_wire_error():
    """Valid messages with random changes: nothing but a WireError, and nothing larger than what came."""
    noise = random.Random(0)
    odd = [
        None,
        True,
        -1,
        1 << 40,
        1 << 70,
        0.5,
        "x",
        "float32",
        "bool",
        [],
        [0],
        {},
        {"l": []},
        {"x": [0, "int8", [1]]},
    ]

    def parts(node, found):
        for key, each in node.items() if isinstance(node, dict) else enumerate(node):
            found.append((node, key))
            if isinstance(each, (dict, list)):
                parts(each, found)
        return found

    refused = 0
    for _ in range(500):
        packed = Packed([1, (torch.rand(3, 2), "w"), {"k": np.arange(4), 2: [torch.ones(2, dtype=torch.bool)]}])
        node = packed.json
        for _ in range(noise.randint(1, 3)):
            where, key = noise.choice(parts(node, []))
            where[key] = copy.deepcopy(noise.choice(odd))
        raw = packed.raw[: noise.choice([0, 10, 1000])]
        try:
            back = read(node, raw)
        except WireError:
            refused += 1
        else:
            assert _bytes(back) <= len(raw)
    assert 200 < refused < 499


def _bytes(value) -> int:
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return value.nbytes
    if isinstance(value, dict):
        value = list(value.values())
    return sum(map(_bytes, value)) if isinstance(value, (list, tuple)) else 0


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_message_arrives(ends):
    raw = bytes(range(256)) * 20_000
    sender = threading.Thread(target=send, args=(ends[0], {"do": "call", "é": [1, None]}, raw, 5.0))
    sender.start()
    assert receive(ends[1], 5.0) == ({"do": "call", "é": [1, None]}, raw)
    sender.join()


WRONG = {
    "too much text": LENGTHS.pack(TEXT + 1, 0),
    "too many numbers": LENGTHS.pack(2, RAW + 1),
    "as much as can be said": b"\xff" * 8,
    "no JSON": LENGTHS.pack(1, 0) + b"{",
    "no UTF-8": LENGTHS.pack(2, 0) + b"\xff\xff",
    "a list": LENGTHS.pack(2, 0) + b"[]",
    "nothing": LENGTHS.pack(0, 0),
    "deep": LENGTHS.pack(200_000, 0) + b"[" * 200_000,
    "many digits": LENGTHS.pack(100_000, 0) + b"9" * 100_000,
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_message_is_refused(ends, name):
    ends[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    ends[0].sendall(WRONG[name])
    with pytest.raises(WireError):
        receive(ends[1], 1.0)


def test_who_leaves_or_is_late(ends):
    ends[0].sendall(LENGTHS.pack(10, 0) + b"{")
    with pytest.raises(TimeoutError):
        receive(ends[1], 0.05)
    ends[0].sendall(LENGTHS.pack(10, 0))
    ends[0].close()
    with pytest.raises(EOFError):
        receive(ends[1], 1.0)


def test_a_byte_now_and_then_does_not_stop_the_clock(ends):
    over = threading.Event()

    def drip():
        ends[0].sendall(LENGTHS.pack(1000, 0))
        while not over.wait(0.02):
            ends[0].sendall(b" ")

    sender = threading.Thread(target=drip)
    sender.start()
    try:
        with pytest.raises(TimeoutError):
            receive(ends[1], 0.3)
    finally:
        over.set()
        sender.join()


def test_who_does_not_read_does_not_hold_the_sender(ends):
    with pytest.raises(TimeoutError):
        send(ends[0], {}, bytes(8 << 20), 0.1)


def test_words():
    assert words("né\ud800!") == "né?!"
    assert words(None) == words(b"x") == words(["x"]) == ""
