"""Homework 4: recurrence and attention. What it is tried with, and that the number to beat is the stated one."""

from of_homework import Homework, given

CHECKS = {
    "gate": ["gate-check"],
    "count": ["count-check"],
    "pieces": ["pieces-check"],
    "glance": ["glance-check"],
    "stream": ["stream-check"],
    "back": ["back-check"],
    "beat": ["beat-check", "beat-most-check"],
}


def gate(life="math.log(2) / decay / fps", same="-math.log(math.expm1(decay * fps / new_fps))"):
    return f"""def half_life(bias, fps):
    decay = math.log1p(math.exp(-bias))
    return {life}
def same_memory(bias, fps, new_fps):
    decay = math.log1p(math.exp(-bias))
    return {same}
"""


NAIVE = """def half_life(bias, fps):
    f = 1 / (1 + math.exp(-bias))
    return math.log(0.5) / math.log(f) / fps
def same_memory(bias, fps, new_fps):
    f = (1 / (1 + math.exp(-bias))) ** (fps / new_fps)
    return math.log(f / (1 - f))
"""


def count(before="", **changed):
    """The weights, one after the other; any of them may be written differently."""
    lines = {
        "see": "W[0] = 60",
        "half": "b[0] = -30",
        "again": "U[0, 0, 1] = -150",
        "keep": "b[1, 0] = 50",
        "forget": "b[1, 1] = -50",
        "show": "b[2] = 50",
        "new": "b[3] = 50",
    } | changed
    body = "\n    ".join([before or "d = 2", "W, U, b = torch.zeros(4, d, 1), torch.zeros(4, d, d), torch.zeros(4, d)"])
    return f"def counter():\n    {body}\n    " + "\n    ".join(lines.values()) + "\n    return W, U, b\n"


def pieces(keep="f.prod(0)", step="gate * new + now", join="first[0] * second[0], second[0] * first[1] + second[1]"):
    return f"""def piece(f, x):
    new = torch.zeros(x.shape[1])
    for gate, now in zip(f, x):
        new = {step}
    return {keep}, new
def join(first, second):
    return {join}
"""


def glance(
    scores="keys @ query / len(query) ** 0.5",
    said="top, weights.sum(), weights @ values",
    joined="top, a * first[1] + b * second[1], a * first[2] + b * second[2]",
    read="seen[2] / seen[1] if seen[1] > 0 else seen[2]",
    top="scores.max() if len(scores) else torch.tensor(-1e9)",
    both="torch.maximum(first[0], second[0])",
):
    return f"""def glance(query, keys, values):
    scores = {scores}
    top = {top}
    weights = torch.exp(scores - top)
    return {said}
def together(first, second):
    top = {both}
    a, b = torch.exp(first[0] - top), torch.exp(second[0] - top)
    return {joined}
def answer(seen):
    return {read}
"""


def stream(
    joined="(torch.cat(pair) for pair in zip(state, (key, value, there)))",
    may="there & (then <= now) & (then > now - window)",
    scale="d**0.5",
    weights="scores.softmax(1).nan_to_num(0.0)",
    values="value.nan_to_num(0.0)",
    old="max(0, len(key) - window + 1)",
    now="torch.arange(t)[:, None] + len(key) - t",
    state="key[old:], value[old:], there[old:]",
    after="",
):
    return f"""def listen(state, query, key, value, there, window):
    t, d = query.shape
    if state is not None:
        key, value, there = {joined}
    now = {now}
    then = torch.arange(len(key))
    may = {may}
    scores = (query @ key.T / {scale}).masked_fill(~may, float("-inf"))
    answers = {weights} @ {values}
    old = {old}
    {after}
    return answers, ({state})
"""


def back(angle="omega * delay", rows="[cos, sin], [-sin, cos]", scale="60", after=""):
    return f"""def look_back(omega, delay):
    angle = {angle}
    cos, sin = torch.diag(angle.cos()), torch.diag(angle.sin())
    M = {scale} * torch.cat([torch.cat(row, dim=1) for row in ({rows})])
    {after}
    return M
"""


def beat(pool="max", stage="films.median(1, keepdim=True).values", steps=150, rate=6e-3, answer="say(self.net, x)"):
    return f"""class Mine(Lesson09):
    def forward(self, x):
        vectors = reduce(self.cnn(rearrange(x, "b t c h w -> (b t) c h w")), "(b t) d h w -> b t d", "{pool}", b=len(x))
        return self.answer(self.memory(vectors)[0][:, -1])
class Answer:
    def __init__(self, films, first):
        torch.manual_seed(1)
        self.net = Mine()
        learn(self.net, self.ready(films), first, steps={steps}, rate={rate})
    def ready(self, films):
        return (films.float() - {stage}) / 64
    def __call__(self, films):
        x = self.ready(films)
        return {answer}
"""


BY_HAND = """class Answer:  # the two frames that differ most from the film's median, and the colour of the first one
    def __init__(self, films, first):
        colours, self.means = self.seen(films), []
        for k in (0, 1):
            self.means.append(colours[first == k].mean(0))
    def seen(self, films):
        rest = films.float() - films.median(dim=1, keepdim=True).values.float()
        rest = functional.avg_pool2d(rest.flatten(0, 1), 3, 1, 1).unflatten(0, films.shape[:2])
        chroma = rest - rest.mean(2, keepdim=True)
        size, where = chroma.square().sum(2).flatten(2).max(2)
        t = size.topk(2).indices.min(1).values
        n = torch.arange(len(films))
        colour = chroma.flatten(3)[n, t, :, where[n, t]]
        return colour / colour.norm(dim=1, keepdim=True)
    def __call__(self, films):
        colours = self.seen(films)
        return (colours @ self.means[1] > colours @ self.means[0]).long()
"""

RIGHT = [
    {
        "gate": """def half_life(bias, fps):
    logf = functional.logsigmoid(torch.tensor(bias, dtype=torch.float64)).item()
    return math.log(0.5) / (logf * fps)
def same_memory(bias, fps, new_fps):
    logf = functional.logsigmoid(torch.tensor(float(bias))) * (fps / new_fps)
    return (logf - torch.log(-torch.expm1(logf))).item()
""",
        "count": count(),
        "pieces": pieces(),
        "glance": glance(),
        "stream": stream(),
        "back": back(),
        "beat": beat(),
    },
    {  # as other learners write it: loops, other forms of the same
        "gate": """import numpy as np
def half_life(bias, fps):
    return float(np.log(2) / np.logaddexp(0, -bias) / fps)
def same_memory(bias, fps, new_fps):
    frames = half_life(bias, fps) * new_fps  # to keep half
    x = math.log(2) / frames
    return float(-x - math.log(-math.expm1(-x)))
""",
        "count": """def counter():  # unit 2 knows the last frame as -1 or 1; units 1 and 3 do nothing
    W, U, b = torch.zeros(4, 4, 1), torch.zeros(4, 4, 4), torch.zeros(4, 4)
    U[0, 0, 2] = -262
    W[0, 0], b[0, 0] = 400, -300
    b[1, 0] = 80
    b[2] = 80
    b[3, 0] = 80
    b[0, 2], b[1, 2] = 80, -80
    W[3, 2], b[3, 2] = 100, -50
    return W.double(), U.double(), b.double()
""",
        "pieces": """def piece(f, x):
    d = x.shape[1]
    keep = torch.stack([f[k:].prod(0) for k in range(len(f) + 1)])  # of what came before frame k
    return keep[0], (keep[1:] * x).sum(0)
def join(first, second):
    (k1, n1), (k2, n2) = first, second
    return [k2 * k1, torch.addcmul(n2, k2, n1)]
""",
        "glance": """def glance(query, keys, values):  # the answer, and the logarithm of its weight
    scores = (keys * query).sum(1) / math.sqrt(query.shape[0])
    if len(scores) == 0:
        return torch.cat([values.new_zeros(values.shape[1]), values.new_tensor([-math.inf])]),
    return torch.cat([scores.softmax(0) @ values, scores.logsumexp(0)[None]]),
def together(first, second):
    (first,), (second,) = first, second
    weights = torch.stack([first[-1], second[-1]])
    if weights.max() == -math.inf:
        return first,
    a, b = weights.softmax(0)
    return torch.cat([a * first[:-1] + b * second[:-1], weights.logsumexp(0)[None]]),
def answer(seen):
    return seen[0][:-1]
""",
        "stream": """def listen(state, query, key, value, there, window):
    rows, old = [], []
    if state is not None:
        old = [(k, v, True if h else False) for k, v, h in zip(*state)]
    for q, k, v, h in zip(query, key, value, there):
        old = (old + [(k, v, bool(h))])[-window:]
        seen = [(k, v) for k, v, h in old if h]
        if not seen:
            rows.append(torch.zeros_like(v))
            continue
        keys, values = (torch.stack(part) for part in zip(*seen))
        rows.append((keys @ q / len(q) ** 0.5).softmax(0) @ values)
    old = old[1:] if len(old) == window else old
    keys = torch.stack([k for k, _, _ in old]) if old else key[:0]
    values = torch.stack([v for _, v, _ in old]) if old else value[:0]
    return torch.stack(rows), [keys, values, torch.tensor([h for *_, h in old], dtype=torch.bool)]
""",
        "back": """def look_back(omega, delay):  # the matrix that takes every clock to the one of `delay` frames ago
    t = torch.arange(400)
    now, then = clock(t, omega), clock(t - delay, omega)
    return 100 * torch.linalg.lstsq(now, then, driver="gelsd").solution.T
""",
        "beat": BY_HAND,
    },
]

WRONG = {  # of each question: an answer, and words of the hint
    "gate": [
        (gate("math.log(2) / decay"), "frames, or seconds"),
        (gate("math.log(2) / decay * fps"), "how many seconds is one frame"),
        (gate("1 / decay / fps"), "a share of 1/e"),
        (gate("math.exp(bias) / fps"), "which power of f"),
        (gate("math.log(2) / math.log1p(math.exp(bias)) / fps"), "the longer it keeps"),
        (gate(same="bias"), "forgets a share a *frame*"),
        (gate(same="bias * new_fps / fps"), "a bias is no time"),
        (gate(same="-math.log(math.expm1(decay * new_fps / fps))"), "the other way round"),
        (gate(same="bias + math.log(new_fps / fps)"), "the same share must be left"),
        (NAIVE, "find -ln f without f"),
        (
            gate().replace(
                "decay = math.log1p(math.exp(-bias))", "decay = -math.log(1 / (1 + math.exp(-bias))) + 1e-30"
            ),
            "find -ln f without f",
        ),
        (
            gate(same="float(torch.logit(torch.sigmoid(torch.tensor(bias)) ** (fps / new_fps)))"),
            "right for small biases only",
        ),
    ],
    "count": [
        (count(again=""), "who stays is counted again"),
        (count(forget="b[1, 1] = 50"), "forget it again"),
        (count(forget=""), "one empty frame"),
        (count(keep="b[1, 0] = 6"), "the count leaks"),
        (count(keep=""), "the count becomes 1, and stays"),
        (count(half="b[0] = -10"), "0.2 is nobody"),
        (count(see="W[0] = 8", half="b[0] = -4", again="U[0, 0, 1] = -20"), "nobody comes in 50 frames"),
        (count(new=""), "the count becomes 1"),
        (count(again="U[0, 1, 0] = -150"), "who stays is counted again"),
        (count("d = 9"), "1 to 8 units"),
        (
            count(
                see="W[0] = 14", half="b[0] = -7", again="U[0, 0, 1] = -40", keep="b[1, 0] = 14", forget="b[1, 1] = -14"
            ),
            "the count leaks",
        ),
    ],
    "pieces": [
        (pieces(join="first[0] * second[0], first[1] + second[1]"), "also forgets what came before"),
        (pieces(join="first[0] * second[0], first[0] * second[1] + first[1]"), "which piece comes first"),
        (pieces(join="first[0] + second[0], second[0] * first[1] + second[1]"), "keep of both pieces"),
        (pieces(join="first[0] * second[0], second[1]"), "let the first one's state in"),
        (pieces(keep="f[-1] if len(f) else torch.ones(x.shape[1])"), "every gate of the piece"),
        (pieces(keep="f.sum(0)"), "how much of an old state"),
        (pieces(step="new + now"), "in which state does an empty memory end"),
        (pieces(step="gate * new + (1 - gate) * now"), "in which state does an empty memory end"),
        (pieces().replace("zip(f, x)", "zip(f.flip(0), x.flip(0))"), "the last frame comes last"),
        (
            pieces()
            .replace("for gate, now in zip(f, x):\n        new = gate * new + now", "for _ in ():\n        pass")
            .replace("f.prod(0), new", "f.prod(0), (x / f.cumprod(0)).sum(0) * f.prod(0)"),
            "nothing can be divided by it",
        ),
        (pieces(keep="f.cumprod(0)[-1]"), "`piece` raised IndexError"),
        (
            pieces(join="first[0] * second[0], (second[0] * first[1] + second[1]).reshape(first[1].shape[-1:])"),
            "`join` raised",
        ),
    ],
    "glance": [
        (
            glance(
                said="scores.softmax(0) @ values, torch.zeros(()), torch.zeros(())",
                read="seen[0]",
                joined="(first[0] + second[0]) / 2, first[1], first[2]",
                both="0",
            ),
            "the mean of two means",
        ),
        (
            glance(
                said="(scores.softmax(0) @ values), torch.tensor(float(len(keys))), torch.zeros(())",
                read="seen[0]",
                joined="(first[0] * (n := first[1]) + second[0] * (m := second[1])) / (n + m), n + m, first[2]",
                both="0",
            ),
            "more frames are not more weight",
        ),
        (glance(scores="keys @ query"), "the scores are q·k / √d"),
        (glance(top="torch.zeros(())"), "no float holds exp(1000)"),
        (glance(joined="top, first[1] + second[1], first[2] + second[2]"), "measured by the same rule"),
        (
            glance(top="scores.max() if len(scores) else torch.zeros(())", read="seen[2] / seen[1].clamp(min=1e-300)"),
            "a piece of no frame",
        ),
        (
            glance(top="scores.max() if len(scores) else torch.tensor(-math.inf)", read="seen[2] / seen[1]"),
            "a piece of no frame",
        ),
        (glance(read="seen[2] / seen[1]"), "who has no frame"),
        (glance(top="scores.max()"), "`glance` raised"),
        (
            glance(
                said="keys @ query / len(query) ** 0.5, values",
                joined="torch.cat([first[0], second[0]]), torch.cat([first[1], second[1]])",
                read="seen[0].softmax(0) @ seen[1]",
                both="0",
            ).replace("torch.exp(first[0] - top), torch.exp(second[0] - top)", "0, 0"),
            "at most e + 2",
        ),
        (glance(joined="first[0], a * first[1] + b * second[1], a * first[2] + b * second[2]"), "not for more of them"),
        (glance(read="torch.zeros(len(seen[2]))"), "already of one piece"),
    ],
    "stream": [
        (stream(may="there & (then > now - window) & (then < now + window)"), "what is still to come"),
        (stream(may="there & (then <= now)"), "out of sight"),
        (stream(may="there & (then <= now) & (then >= now - window)"), "count the frames"),
        (stream(scale="1"), "look at the mask"),
        (stream(values="value"), "how much is 0 × NaN"),
        (stream(weights="scores.softmax(1)"), "a softmax over nothing"),
        (stream(weights="scores.clamp(min=-1e9).softmax(1)"), "answers zeros"),
        (
            stream(weights="(scores.softmax(1).nan_to_num(0.0) * may)", may="(then <= now) & (then > now - window)"),
            "the others share all of it",
        ),
        (stream(old="-(window - 1)"), "[-0:] is not nothing"),
        (stream(old="0"), "the state grows"),
        (stream(now="torch.arange(t)[:, None]"), "who is missing"),
        (stream(joined="key, value, there"), "the past is lost"),
        (
            "PAST = []\n"
            + stream(
                joined="(torch.cat(pair) for pair in zip(PAST[-1], (key, value, there)))",
                after="PAST.append((key[old:], value[old:], there[old:]))",
                state="key[:0],",
            ),
            "two streams are mixed up",
        ),
    ],
    "back": [
        (back(rows="[cos, -sin], [sin, cos]"), "it looks ahead"),
        (back(scale="1"), "not enough weight"),
        (back(scale="4"), "not enough weight"),
        (back(angle="omega * 0"), "everybody looks at herself"),
        (back(angle="omega[:1] * delay * torch.ones(7)"), "by which angle"),
        (back(angle="2 * math.pi * omega * delay"), "by which angle"),
        (back(angle="omega * delay / 2"), "another frame is looked at"),
        (back(rows="[cos, sin], [sin, cos]"), "by which angle"),
        (back(rows="[cos, sin], [-sin, cos]", after="M = torch.eye(96).roll(delay, 1) * 60"), '"2n 2n"'),
        (back(after="i = torch.arange(14).reshape(2, 7).T.reshape(-1); M = M[i][:, i]"), "by which angle"),
        (back(scale="math.inf"), "delay 0"),
        (
            "def look_back(omega, delay):\n    t = torch.arange(96)\n"
            "    M = clock(t - delay, omega).T @ clock(t, omega)\n    return 60 * M / M.abs().max()\n",
            "is M a rotation",
        ),
    ],
    "beat": [
        (beat("mean", "32", 200, 4e-3), "as good as a coin", "not 88"),
        (beat(answer="torch.zeros(len(films), dtype=torch.int64)", steps=1), "as good as a coin", "not 88"),
        (BY_HAND.replace("@ self.means[1] >", "@ self.means[1] <"), "nearly always wrong", "not 88"),
        (BY_HAND.replace(").long()", ").float()"), "int64", ""),
        (BY_HAND.replace("t = size.topk", "t = size[:, :54].topk"), "", "not 88"),
        (BY_HAND.replace("t = size.topk", "t = size[:, :16].topk"), "coin", "not 88"),
        (BY_HAND.replace("indices.min(1).values", "indices[:, 0]"), "as good as a coin", "not 88"),
    ],
}


class TestHw4(Homework):
    name, points, manual = "hw4_recurrence_and_attention", 30, 6
    masked = ("vidlab.models", "vidlab.tasks_beyond", "vidlab.tasks_attention", "vidlab.checks")
    checks, right, wrong = CHECKS, RIGHT, WRONG
    printed, costly = ("quiet frames before",), ("beat",)

    def test_the_number_to_beat_is_the_one_that_is_stated(self, homework):
        there = given(homework)
        shares = {16: [], 96: []}
        for seed in range(3):  # the first of the 20
            draw = there["torch"].Generator().manual_seed(seed)
            colours = there["two_colours"](draw)
            lesson = there["draw"](512, 16, colours, draw)
            there["torch"].manual_seed(0)
            net = there["Lesson09"]()
            there["learn"](net, *lesson)
            for frames, found in shares.items():
                films, first = there["draw"](200, frames, colours, draw)
                found.append((there["say"](net, films) == first).float().mean().item())
        assert min(shares[16]) > 0.95
        assert abs(sum(shares[96]) / 3 - 0.54) < 0.09
