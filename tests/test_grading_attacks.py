"""Hostile submissions, run through the real jail: no unearned point, nothing read or left outside, always a reason.

Three tables. ATTEMPTS are statements that must fail inside. ANSWERS are wrong answers that want to be taken for right
ones. FORGED are replies that the student's code writes itself, past the code that should. After each comes an honest
submission, and gets all its points. What is odd about the file itself is in test_grading_intake.py.
"""

from __future__ import annotations

import json
import os
import re
import socket
import zlib
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import nbformat
import pytest
import torch
from of_grading import cell, handed_in, source_notebook, written

import vidlab
from vidlab.grading import assignment, examine, intake

pytestmark = pytest.mark.linux
SECRET, TOKEN = b"a secret of these tests", "TOKEN-8c1f"
PACKAGE = Path(vidlab.__file__).parent


def _table(text: str) -> dict[str, str]:
    """What stands below each heading; {WALK} is the code that finds the way out to the wire."""
    parts = [part.partition("\n") for part in text.split("\n## ")[1:]]
    return {name: source.replace("{WALK}", WALK) for name, _, source in parts}


# Statements that must fail. {outside} is a folder with a token in it; {pid} is the grader's.
ATTEMPTS = {
    "read the gradebook": ["open('{outside}/gradebook.db').read()", "open('{outside}/hw/source.ipynb').read()"],
    "list what is outside": [
        "os.listdir('{outside}')",
        "os.listdir('{tests}')",
        "os.listdir('/root/..' + '{outside}')",
    ],
    "read other students": ["open('{outside}/submitted/bob/hw.ipynb').read()", "os.scandir('{outside}/submitted')"],
    "read by file descriptor": ["[os.fstat(k) for k in range(4, 64)]", "os.listdir('/dev/fd')", "os.pread(4, 9, 0)"],
    "read /proc": ["open('/proc/self/environ').read()", "open('/proc/{pid}/maps').read()", "os.listdir('/proc')[0]"],
    "read /sys and /etc": ["os.listdir('/sys')", "open('/etc/passwd').read()", "open('/etc/hostname').read()"],
    "read the environment": ["os.environ['VIDLAB_TEST_SECRET']", "subprocess.check_output(['env']).index(b'SECRET')"],
    "read a masked module": [
        "import vidlab.checks.record",
        "open('{package}/checks/record.py').read()[0]",
        "open('{package}/receptive_field.py').read()[0]",
        "import vidlab.receptive_field; vidlab.receptive_field.__doc__.upper()",
        "import glob; open(glob.glob('{package}/__pycache__/receptive_field*')[0], 'rb').read()",
    ],
    "uncover a masked module": [
        "assert libc.umount2(b'{package}/checks', 2) == 0",
        "assert libc.unshare(0x10000000) == 0",
        "assert libc.setns(os.open('/', 0), 0) == 0",
        "assert libc.mount(b'none', b'/mnt', b'tmpfs', 0, None) == 0",
        "os.chroot('.')",
        "os.setuid(0)",
    ],
    "write outside": [
        "open('{outside}/new', 'w')",
        "open('{package}/new.py', 'w')",
        "open('{package}/checks/new.py', 'w')",
        "open(torch.__file__, 'a')",
        "open('/usr/new', 'w')",
        "open('/new', 'w')",
        "open('/dev/new', 'w')",
        "open('/proc/new', 'w')",
        "open('/usr/local/share/new', 'w')",
        "os.mknod('disk', 0o660 | 0o060000, os.makedev(8, 0))",
    ],
    "delete": [
        "os.remove(torch.__file__)",
        "os.rmdir('{outside}')",
        "os.rename('/usr', '/usr2')",
        "os.chmod('/', 511)",
    ],
    "the network": [
        "socket.create_connection(('127.0.0.1', {port}), 1)",
        "socket.create_connection(('1.1.1.1', 53), 1)",
        "socket.getaddrinfo('example.org', 80)",
        "socket.socket(socket.AF_UNIX).connect('\\0{abstract}')",
        "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "s = socket.socket(); s.bind(('0.0.0.0', 8080)); s.connect(('127.0.0.1', {port}))",
    ],
    "signals": ["os.kill({pid}, 9)", "os.killpg(os.getppid() or 99, 9)", "os.kill(2, 9)", "os.pidfd_open({pid})"],
    "more rights": [
        "os.setuid(0)",
        "os.nice(-5)",
        "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        "open('big', 'wb').write(bytes(100 << 20))",
        "[os.dup(0) for _ in range(100)]",
        "socket.sethostname('x')",
        "assert libc.ptrace(16, {pid}, 0, 0) == 0",
    ],
    "memory that nobody counts": [
        "os.memfd_create('x')",
        "assert libc.shmget(0, 1 << 30, 0o1666) >= 0",
        "open('/dev/shm/big', 'wb').write(bytes(65 << 20))",
        "assert libc.syscall(425, 8, ctypes.create_string_buffer(120)) >= 0  # io_uring",
    ],
    "what the one before left": [
        "open('left').read()",
        "open('{package}/checks/left.py').read()",
        "open('/dev/shm/left').read()",
        "torch.left_behind",
        "assert libc.syscall(249, b'user', b'left', 0, 0) > 0",
        "socket.socket(socket.AF_UNIX).connect('\\0left')",
        "os.kill(7, 0)",
    ],
}
LEAVE = """import ctypes, os, socket, torch, subprocess
for place in ("left", "{package}/checks/left.py", "/dev/shm/left"):
    try:
        open(place, "w").write("hidden")
    except OSError:
        pass
torch.left_behind = True
for keyring in (-3, -4, -5):
    ctypes.CDLL(None).syscall(248, b"user", b"left", b"hidden", 6, keyring)
for k in range(8):
    if os.fork() == 0:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind("\\0left") if k == 0 else None
        while True:
            os.setsid() if os.getsid(0) != os.getpid() else None
            __import__("time").sleep(0.1)
"""
WALK = """import sys, os, gc, struct, time, json, socket
def line():
    frame = sys._getframe()
    while "self" not in frame.f_locals or not hasattr(frame.f_locals["self"], "line"):
        frame = frame.f_back
    return frame.f_locals["self"].line
def reply(text, raw=b"", lengths=None):
    text = text if isinstance(text, bytes) else text.encode()
    line().sendall(struct.pack("!II", *(lengths or (len(text), len(raw)))) + text + raw)
"""

# Answers to the first question that must get nothing for it.
ANSWERS = _table(r"""
## endless loop in a cell
while True: pass

## endless loop in a call
def median(clip):
    while True: pass

## sleeps
def median(clip): __import__('time').sleep(1e6)

## will not be interrupted
def median(clip):
    while True:
        try:
            __import__('time').sleep(9)
        except BaseException: pass

## fork bomb
import os
while True: os.fork()

## fork bomb in a call
import os
def median(clip):
    while True: os.fork()

## one big allocation
import torch
def median(clip): return torch.ones(1 << 40)

## a big allocation that is granted
def median(clip): return len(bytearray(b'x') * (3 << 30))

## many small allocations
def median(clip):
    kept = []
    while True: kept.append(bytearray(b'x' * 100_000))

## allocations in children
import os, time
def median(clip):
    for _ in range(20):
        if os.fork() == 0:
            x = bytearray(b'x') * (200 << 20); time.sleep(9)
    time.sleep(9)

## shared memory with a child
import os, mmap, time
def median(clip):
    os.fork()
    m = mmap.mmap(-1, 3 << 30)
    while m.write(bytes(1 << 20)): pass
    time.sleep(9)

## memory while it answers
{WALK}
import threading
def median(clip):
    line().send(b'\0')
    kept = []
    while True: kept.append(bytearray(b'x') * (1 << 20))

## os._exit
import os; os._exit(0)

## os._exit in a call
import os
def median(clip): os._exit(0)

## sys.exit
import sys; sys.exit(0)

## sys.exit in a call
import sys
def median(clip): sys.exit('bye')

## os.abort
import os
def median(clip): os.abort()

## segmentation fault
import ctypes
def median(clip): ctypes.string_at(8)

## signals to all
import os
def median(clip):
    os.kill(1, 9); os.kill(-1, 9); os.kill(os.getpid(), 11)

## 1 GB on stdout
def median(clip):
    for _ in range(1000): print('x' * 1_000_000)

## 1 GB by descriptor
import os
def median(clip):
    for k in range(2000): os.write(1 + k % 2, b'x' * 500_000)

## nothing
def median(clip): pass

## not a number
def median(clip): return clip.median(0).values * float('nan')

## another dtype
def median(clip): return clip.median(0).values.to(torch.float16)

## NumPy
def median(clip): return clip.median(0).values.numpy()

## patched torch
torch.allclose = torch.equal = lambda *a, **k: True
torch.Tensor.median = torch.Tensor.mean
def median(clip): return clip[0]

## patched builtins
import builtins, json, struct, numpy
builtins.all = builtins.isinstance = lambda *a: True
json.dumps = lambda *a, **k: '{}'
numpy.allclose = lambda *a: True
def median(clip): return clip[0]

## patched wire
import sys
wire, messages = sys.modules['vidlab.grading.wire'], sys.modules['vidlab.grading.messages']
wire.RAW = wire.VALUES = messages.RAW = messages.TEXT = 1 << 40
wire.Packed._of = lambda self, value, depth: True
def median(clip): return clip[0]

## equal to all
class E:
    shape = (3, 4, 4)
    __eq__ = __bool__ = lambda *a: True
def median(clip): return E()

## faked attributes
class F:
    shape, dtype, ndim, device = (3, 4, 4), torch.float32, 3, 'cpu'
    def __getattr__(self, name): return lambda *a, **k: self
    __class__ = torch.Tensor
def median(clip): return F()

## a tensor of its own class
class T(torch.Tensor):
    @classmethod
    def __torch_function__(cls, f, t, a=(), k=None):
        return True if 'close' in f.__name__ else super().__torch_function__(f, t, a, k or {})
def median(clip): return clip[0].as_subclass(T)

## an array of its own class
import numpy as np
class A(np.ndarray):
    def __array_ufunc__(self, *a, **k): return True
def median(clip): return clip[0].numpy().view(A)

## lazy
class L(list):
    def __iter__(self):
        while True: yield self
    shape = (3, 4, 4)
def median(clip): return L()

## words and numbers of its own class
class S(str):
    __eq__ = lambda *a: True
class I(int):
    shape = (3, 4, 4)
def median(clip): return [S('x'), I(3)]

## contains itself
def median(clip):
    x = []; x.append(x); return x

## half of a surrogate pair
def median(clip): return chr(0xd800)

## zeroes its input
def median(clip):
    clip.zero_()
    return clip[0]

## median of a changed input
def median(clip):
    clip[:] = clip[:1].clone()
    return clip[0]

## remembers
import os, torch
def median(clip):
    if os.path.exists('m'): return torch.load('m')
    torch.save(clip[0], 'm'); return clip[0]

## a pickle
import pickle, os
class P:
    def __reduce__(self): return os._exit, (0,)
def median(clip): return pickle.dumps(P())

## wide enough to fill the memory
import torch
n = 0
def median(clip):
    global n; n += 1
    return clip.median(0).values if n == 1 else torch.zeros(1 << 24, 1, 1, 1)

## a name that is a module
import torch as median

## a check of its own
def median(clip): return clip[0]
globals()['rng'] = None
__builtins__.__dict__['AssertionError'] = ValueError

## the message
n = 0
def median(clip):
    global n; n += 1
    if n > 1: raise ValueError(say(clip))
    return clip.median(0).values

## the name of a class
n = 0
def median(clip):
    global n; n += 1
    if n > 1: raise type(say(clip), (KeyError,), {})()
    return clip.median(0).values

## an exception that cannot be told
class E(Exception):
    def __str__(self): raise SystemExit
def median(clip): raise E

## an exception that deletes itself
class M(type):
    __module__ = __name__ = property(lambda self: 1 / 0)
class E(BaseException, metaclass=M): pass
def median(clip): raise E

## magic and shell
%%bash
echo ESCAPED

## IPython
from IPython import get_ipython
get_ipython().system('echo ESCAPED')
get_ipython().input_transformers_cleanup.append(print)

## trace
import sys
sys.settrace(lambda *a: None); sys.setprofile(lambda *a: None)
sys.setrecursionlimit(60)
def median(clip): return median(clip)

## deep recursion
import sys
sys.setrecursionlimit(10**9)
def median(clip): return median(clip)

## finds the sockets
{WALK}
def median(clip):
    for each in gc.get_objects():
        if isinstance(each, socket.socket):
            each.close()
    return clip[0]

## sends a handle of the socket
{WALK}
def median(clip):
    socket.send_fds(line(), [b'x' * 8], [line().fileno()])

## drips
{WALK}
def median(clip):
    line().sendall(struct.pack('!II', 1000, 0))
    while True:
        line().send(b' '); time.sleep(0.2)

## never reads
{WALK}
def median(clip):
    line().shutdown(socket.SHUT_RD)
    return clip[0]
""")
# These spoil what comes after them, and lose those points, too; after all others the second question keeps its points.
SPOILS = {"patched builtins", "patched wire", "patched torch", "a check of its own", "trace", "finds the sockets"}
SPOILS |= {"never reads"}
# Whoever does these is ended because of it, before the time is over.
MEMORY = {"many small allocations", "allocations in children", "shared memory with a child", "memory while it answers"}
# What a forged reply to a call can be: its JSON, its raw bytes, and lengths that lie.
RIGHT = '{"value": {"x": [0, "float32", [3, 4, 4]]}}'
FORGED = {
    "looks right": (RIGHT, bytes(192)),
    "twice": (RIGHT, bytes(192) + b"\0\0\0\x2b\0\0\0\xc0" + RIGHT.encode() + bytes(192)),
    "wrong shape": (RIGHT.replace("3, 4, 4", "3, 4, 5"), bytes(192)),
    "huge shape, no bytes": (RIGHT.replace("3, 4, 4", "0, 67108864, 67108864, 67108864"), b""),
    "many axes": (RIGHT.replace("3, 4, 4", ", ".join("1" * 1000)), bytes(4)),
    "negative size": (RIGHT.replace("3, 4, 4", "-3, -4, 4"), bytes(192)),
    "negative offset": (RIGHT.replace("[0,", "[-96,"), bytes(192)),
    "offset behind the end": (RIGHT.replace("[0,", "[96,"), bytes(192)),
    "overlapping": ('{"value": {"l": [' + '{"x": [0, "uint8", [1000000]]}, ' * 9000 + "0]}}", bytes(1_000_000)),
    "another dtype": (RIGHT.replace("float32", "qint8"), bytes(192)),
    "an object array": (RIGHT.replace('"x"', '"n"').replace("float32", "object"), bytes(384)),
    "bools of 2": (RIGHT.replace("float32", "bool"), b"\2" * 48),
    "a NumPy array of bfloat16": (RIGHT.replace('"x"', '"n"').replace("float32", "bfloat16"), bytes(96)),
    "a handle": ('{"value": {"h": [0, "Tensor"]}}', b""),
    "deep": ('{"value": ' + '{"l": [' * 100_000 + "]}" * 100_000 + "}", b""),
    "a million values": ('{"value": {"l": [' + "0," * 500_000 + "0]}}", b""),
    "NaN": ('{"value": NaN}', b""),
    "Infinity and 1e999": ('{"value": {"t": [Infinity, -Infinity, 1e999]}}', b""),
    "a huge number": ('{"value": ' + "9" * 100_000 + "}", b""),
    "duplicate keys": ('{"value": 1, "value": true, "error": null}', b""),
    "two kinds": ('{"value": {"l": [], "t": []}}', b""),
    "keys that cannot be": ('{"value": {"d": [[{"l": []}, 1]]}}', b""),
    "half of a surrogate pair": ('{"value": "\\ud800"}', b""),
    "no JSON": ("{", b""),
    "no UTF-8": (b"\xff\xfe", b""),
    "not a dict": ("[]", b""),
    "no value": ("{}", b""),
    "an error of another form": ('{"error": {"type": [], "says": {}, "line": 1e9}}', b""),
    "an error that says hidden things": ('{"error": {"type": "<b>x", "says": "\\ud800", "line": 1}}', b""),
}
LIES = {"4 GB are to come": (1 << 20, (1 << 32) - 1), "16 MB of JSON": (1 << 24, 0), "less than came": (3, 1)}
SAY = "def say(x): return ' '.join(f'{v:.6f}' for v in x.flatten()[:40].tolist())"
# Answers to the second question that must get nothing for it.
NETS = _table(r"""
## parameters that lie
class Net(nn.Module):
    def __init__(self, classes): super().__init__()
    def parameters(self): yield torch.zeros(16)
    def forward(self, clip): return clip[:, 0].mean((2, 3))[:, [0, 1, 2, 2]]

## attributes that lie
class Net:
    shape, numel = (2, 4), 16
    def __init__(self, classes): pass
    def __call__(self, clip): return self
    def parameters(self): return [self]

## a class that gives another
def Net(classes): return type('N', (), {'__call__': lambda s, x: s, 'shape': (2, 4)})()

## the name of an object
class Net(nn.Module):
    def __new__(cls, classes):
        return super().__new__(type(SEEN[-1][:70], (cls,), {}))
    def __init__(self, classes):
        super().__init__()
        self.asked = 0
    def forward(self, clip):
        self.asked += 1
        if self.asked > 1: raise KeyError
        return torch.zeros(len(clip), 4)
    def parameters(self):
        return [torch.zeros(16)]

## the message, later
print(SEEN)
def Net(classes): raise ValueError(' '.join(SEEN))
""")


class Outside:
    """What must not be reached, and who listens."""

    def __init__(self, folder: Path) -> None:
        for name in ("gradebook.db", "hw/source.ipynb", "submitted/bob/hw.ipynb"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(TOKEN)
        self.folder, self.before = folder, sorted(folder.rglob("*"))
        self.port = socket.create_server(("127.0.0.1", 0))
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract.bind(f"\0{TOKEN}{os.getpid()}")
        self.abstract.listen()
        self.words = {
            "outside": folder,
            "tests": Path(__file__).parent,
            "package": PACKAGE,
            "pid": os.getpid(),
            "port": self.port.getsockname()[1],
            "abstract": f"{TOKEN}{os.getpid()}",
        }

    def told(self, text: str) -> str:
        for name, value in self.words.items():
            text = text.replace("{" + name + "}", str(value))
        return text


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    return Outside(tmp_path_factory.mktemp("outside"))


@pytest.fixture(scope="module")
def assigned(outside):
    """An examiner of the notebook with these limits; with each, its jail is warm."""
    os.environ["VIDLAB_TEST_SECRET"] = TOKEN
    with ExitStack() as open_ones:

        @cache
        def examiner(seconds):
            masked = ["vidlab.flow", "vidlab.checks", "vidlab.receptive_field"]
            book = source_notebook(seconds=seconds, total=60, memory=1000, masked=masked)
            path = written(book, outside.folder.parent / f"hw_{seconds}.ipynb")
            made = open_ones.enter_context(examine.Examiner(assignment.load(path), SECRET))
            with made.jail.session():
                pass
            return made

        yield examiner
    del os.environ["VIDLAB_TEST_SECRET"]


@pytest.fixture
def examiner(assigned, request):
    """Patient where memory shall be used up: on a slow machine that alone can take some seconds."""
    name = getattr(request.node, "callspec", None) and request.node.callspec.params.get("name")
    return assigned(20 if name in MEMORY else 2)


@pytest.fixture
def grade(examiner, outside):
    """Grade it, see that it harmed nobody, and that the next one gets what it deserves."""

    def graded(answers=(), added=()):
        outcome = examiner.grade(submission(examiner, answers, [outside.told(SAY), *map(outside.told, added)]))
        words = json.dumps(outcome.as_dict())
        words.encode()
        assert outcome.points <= 5
        assert all(mark.reason for mark in outcome.marks)
        assert TOKEN not in words
        assert "ESCAPED" not in words
        reasons = json.dumps([mark.reason for mark in outcome.marks])
        assert not re.search("Traceback|/grading/", words)
        assert "<check>" not in reasons
        assert not hidden(examiner) & set(re.findall(r"\d\.\d{6}", words)), "a hidden input was told"
        assert sorted(outside.folder.rglob("*")) == outside.before
        assert examiner.grade(submission(examiner)).points == 5, "the next one suffers"
        return {mark.id: mark for mark in outcome.marks}, outcome

    return graded


def submission(examiner, answers=(), added=()):
    book = nbformat.writes(handed_in(answers, added))
    return intake.arrange(intake.parsed(book.encode()), examiner.assignment)


def hidden(examiner) -> set[str]:
    """All numbers of all hidden inputs, with six digits."""
    numbers = []
    for question, shapes in (
        ("median-check", [(3, 3, 6, 5), (7, 3, 6, 5)]),
        ("net-check", [(2, 5, 3, 8, 8)]),
    ):
        rng = torch.Generator().manual_seed(examiner._seed(question, SECRET))
        numbers += [x for shape in shapes for x in torch.rand(shape, generator=rng).flatten().tolist()]
    return {f"{number:.6f}" for number in numbers}


@pytest.mark.parametrize("name", ATTEMPTS)
def test_inside_the_jail_this_fails(grade, outside, name):
    lines = ["import ctypes, os, resource, socket, subprocess, torch", "libc = ctypes.CDLL(None, use_errno=True)"]
    for k, statement in enumerate(ATTEMPTS[name]):
        lines += [f"try:\n    {statement}\n    print('ESCAPED', {k})"]
        lines += [f"except Exception as error:\n    print('failed', {k}, type(error).__name__)"]
    before = [] if name != "what the one before left" else [LEAVE]
    if before:
        grade(added=before)
    marks, outcome = grade(added=["\n".join(lines)])
    printed = outcome.cells["setup, added 2"]["printed"]
    assert printed.count("failed") == len(ATTEMPTS[name]), outcome.cells
    assert not re.search("NameError|SyntaxError", printed), "not even tried"
    assert outcome.points == 5, "it was right, for all that"


@pytest.mark.parametrize("name", ANSWERS)
def test_no_unearned_point(grade, name):
    marks, outcome = grade({"median": ANSWERS[name]})
    assert marks["median-check"].points == 0
    assert marks["median-check"].state in ("wrong", "failed")
    assert name not in MEMORY or "MB of memory" in marks["median-check"].reason
    assert name in SPOILS or marks["net-check"].points == 2, outcome


@pytest.mark.parametrize("name", NETS)
def test_no_unearned_point_for_a_network(grade, name):
    seen = "SEEN = []\n"
    spy = f"{seen}def median(clip):\n    SEEN.append(say(clip))\n    return clip.median(0).values"
    marks, _ = grade({"median": spy, "net": NETS[name]})
    assert (marks["median-check"].points, marks["net-check"].points) == (3, 0)


@pytest.mark.parametrize("name", [*FORGED, *LIES])
def test_forged_replies(grade, name):
    text, raw = FORGED.get(name, (RIGHT, bytes(192)))
    text, raw = (zlib.compress(part if isinstance(part, bytes) else part.encode()).hex() for part in (text, raw))
    source = f"""{WALK}
import zlib
from contextlib import ExitStack
from functools import cache
TEXT, RAW = (zlib.decompress(bytes.fromhex(part)) for part in ("{text}", "{raw}"))
def median(clip):
    reply(TEXT, RAW, {LIES.get(name)})
    time.sleep(0.3)
    os._exit(0)
"""
    before = _memory()
    marks, _ = grade({"median": source})
    assert marks["median-check"].points == 0
    assert _memory() - before < 1 << 30, "the grader was made to take memory"


def _memory() -> int:
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) << 10


# Odd, but right: these get all their points.
RIGHT_ANSWERS = _table(r"""
## 1 MB to the descriptors
import os
def median(clip):
    for k in range(20): os.write(1 + k % 2, b"x" * 50_000)
    return clip.median(0).values

## a process of its own
import os
def median(clip):
    child = os.fork()
    if child == 0: os._exit(0)
    os.waitpid(child, 0)
    return clip.median(0).values

## files of its own
import torch
def median(clip):
    torch.save(clip.median(0).values, "m.pt")
    return torch.load("m.pt")

## lines for IPython
%matplotlib inline
!pip install something
import numpy as np
def median(clip):
    return torch.from_numpy(np.median(clip.numpy(), 0)).requires_grad_()

## prints what cannot be written
def median(clip):
    return clip.median(0).values
print("\ud800", chr(0xd800))
raise ValueError(chr(0xd800))

## changes what it was given
def median(clip):
    middle = clip.median(0).values
    clip.zero_()
    return middle
""")


@pytest.mark.parametrize("name", RIGHT_ANSWERS)
def test_what_is_odd_but_right_gets_its_points(grade, name):
    _, outcome = grade({"median": RIGHT_ANSWERS[name]})
    assert outcome.points == 5, outcome


def _asks(examiner, monkeypatch, folder, solution, check, given="import torch", **limits):
    """Another assignment for the same jail: one answer, one check."""
    cells = [cell(given, "setup"), cell(solution, "answer", solution=True), cell(check, "q", grade=True, points=1)]
    book = nbformat.v4.new_notebook(cells=cells, metadata={"vidlab": limits})
    monkeypatch.setattr(examiner, "assignment", assignment.load(written(book, folder / "other.ipynb")))

    def graded(source, added=()):
        steps = [{"type": "code", "source": each, "id": ""} for each in added]
        steps.append({"type": "code", "source": source, "id": "answer"})
        return examiner.grade(intake.arrange(steps, examiner.assignment)).marks[0]

    assert graded(solution).points == 1
    return graded


LIAR = """class Liar:
    shape = (3,)
    def sum(self): return 1
    def min(self): return 0.1
"""


def test_a_value_that_pretends_to_be_a_tensor(examiner, monkeypatch, tmp_path):
    check = "assert weights.shape == (3,) and weights.sum() == 1 and weights.min() > 0, 'three, positive, of sum one'"
    graded = _asks(examiner, monkeypatch, tmp_path, "weights = torch.tensor([0.5, 0.25, 0.25])", check)
    assert graded(f"{LIAR}weights = Liar()").points == 0


def test_an_answer_that_pretends_to_be_a_tensor(examiner, monkeypatch, tmp_path):
    check = "w = f()\nassert w.shape == (3,) and w.sum() == 1 and w.min() > 0, 'three, positive, of sum one'"
    graded = _asks(examiner, monkeypatch, tmp_path, "def f(): return torch.tensor([0.5, 0.25, 0.25])", check)
    assert graded(f"{LIAR}def f(): return Liar()").points == 0


def test_who_ends_does_not_pass_a_check_that_expects_an_error(examiner, monkeypatch, tmp_path):
    check = "try:\n    f(-1)\nexcept Exception:\n    pass\nelse:\n    raise AssertionError('-1 should be refused')"
    graded = _asks(examiner, monkeypatch, tmp_path, "def f(x):\n    if x < 0: raise ValueError", check)
    assert graded("def f(x): return x").reason == "-1 should be refused"
    assert graded("import os\ndef f(x): os._exit(0)").points == 0
    assert graded("def f(x):\n    while True: pass").points == 0


def test_a_hidden_check_says_nothing_but_its_hints(examiner, monkeypatch, tmp_path):
    given = "import torch\ndef alike(a, b): assert torch.equal(a, b), f'{a} is not {b}'"
    check = "x = torch.rand(3)\n### BEGIN HIDDEN TESTS\nx = torch.rand(3, generator=rng)\n{}\n### END HIDDEN TESTS\n"
    for line in ("alike(f(x), 2 * x)", "torch.testing.assert_close(f(x), 2 * x)"):
        graded = _asks(examiner, monkeypatch, tmp_path, "def f(x): return 2 * x", check.format(line), given)
        reason = graded("def f(x): return x").reason
        assert reason
        assert not re.search(r"\d", reason)


def test_inputs_of_a_hidden_check_are_not_those_that_a_public_one_shows(examiner, monkeypatch, tmp_path):
    check = "x = f(torch.rand(3, generator=rng))\n### BEGIN HIDDEN TESTS\n"
    check += "assert not torch.equal(x, torch.rand(3, generator=rng)), 'drawn apart'\n### END HIDDEN TESTS\n"
    assert _asks(examiner, monkeypatch, tmp_path, "def f(x): return x", check)("def f(x): return x").points == 1


def test_a_check_that_a_student_makes_endless_is_stopped(examiner, monkeypatch, tmp_path):
    monkeypatch.setattr(examine, "SLACK", 0.5)
    check = (
        "k, most = 0, count()\nwhile k < most:\n    try:\n        while k < most: k += 1\n    except Exception: pass"
    )
    graded = _asks(examiner, monkeypatch, tmp_path, "def count(): return 3", check, seconds=1)
    mark = graded("def count(): return 1 << 62")
    assert mark.points == 0
    assert "took more than" in mark.reason


def test_all_the_time_of_a_notebook_is_limited(examiner, monkeypatch, tmp_path):
    graded = _asks(examiner, monkeypatch, tmp_path, "def f(): return 1", "assert f() == 1, 'one'", total=4)
    ending = "import os, time\ntime.sleep(1.5); os._exit(0)"
    mark = graded("def f(): return 1", [ending] * 50)
    assert (mark.points, mark.state) == (0, "failed")
    assert "whole notebook" in mark.reason
