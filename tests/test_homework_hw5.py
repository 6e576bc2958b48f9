"""Homework 5: two streams. What it is tried with, and that the number to beat is the one that it states."""

from of_homework import Homework, given

CHECKS = {
    "path": ["path-check"],
    "witnesses": ["witnesses-check"],
    "sums": ["sums-check"],
    "red": ["red-check"],
    "light": ["light-check"],
    "noise": ["noise-check"],
    "beat": ["beat-check", "beat-camera-check"],
}


def path(
    place="at = at + seen[-1]",
    read="grid_sample(field[None], at.movedim(0, -1)[None] * scale - 1, padding_mode='border', align_corners=True)[0]",
    out="torch.cat(seen)",
):
    """at: where the points are, (x, y)."""
    return f"""def along(flow):
    from torch.nn.functional import grid_sample
    l, _, h, w = flow.shape
    start = at = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(h), indexing="xy")).float()
    scale, seen = torch.tensor([2 / (w - 1), 2 / (h - 1)]), []
    for k, field in enumerate(flow):
        seen.append({read})
        {place}
    return {out}
"""


def witnesses(body):
    return f"def together(logits, prior):\n    {body}\n"


BAYES = "z = logits.log_softmax(2); "


def sums(
    s="table.sum(1).amax(1).sum() / n", t="table.sum(0).amax(1).sum() / n", both="table.amax(2).sum() / n", sum=""
):
    return f"""def knows(table):
    n = table.sum()
    return tuple(float(x) for x in ({s}, {t}, {both}))
def added(table):
    from itertools import permutations
    n = table.sum().item()
    {sum or COLUMNS}
"""


COLUMNS = """best = 0  # the same with columns in a row: transposed
    gain = (table[..., 1] - table[..., 0]).tolist()
    for order in permutations(range(table.shape[1])):
        total = 0
        for row in gain:
            run = most = 0
            for t in order:
                run += row[t]
                most = max(most, run)
            total += most
        best = max(best, total)
    return (best + table[..., 0].sum().item()) / n"""
BY_SHARE = """order = (table.sum(1)[:, 1] / table.sum((1, 2))).argsort(descending=True)
    gain = (table[..., 1] - table[..., 0])[order].cumsum(0).amax(0).clamp(min=0)
    return (table[..., 0].sum() + gain.sum()).item() / n"""
BELIEFS = """a = (table.sum(1)[:, 1] + 1e-9) / (table.sum((1, 2)) + 2e-9)
    b = (table.sum(0)[:, 1] + 1e-9) / (table.sum((0, 2)) + 2e-9)
    says = {} > 0
    return torch.where(says, table[..., 1], table[..., 0]).sum().item() / n"""
TRAINED = """from torch.nn.functional import softplus
    f, g = torch.zeros(len(table), 1).requires_grad_(), torch.zeros(table.shape[1]).requires_grad_()
    learn = torch.optim.Adam([f, g], 0.1)
    for _ in range(150):
        z = f + g
        (softplus(z) * table[..., 0] + softplus(-z) * table[..., 1]).sum().backward()
        learn.step()
        learn.zero_grad()
    return torch.where(f + g > 0, table[..., 1], table[..., 0]).sum().item() / n"""


def red(weight="torch.cat([torch.ones(4, 1), torch.zeros(4, 1), torch.eye(4)], 1)", bias="-1.4 * torch.ones(4)"):
    return f"def red_weights():\n    return {weight}, {bias}\n"


def light(body):
    return f"def unlike(first, second):\n    {body}\n"


CENTRED = "a, b = first - first.mean(), second - second.mean(); "
LOCAL = """m = lambda x: torch.nn.functional.avg_pool2d(x[None, None], 7, 1)[0, 0]
    a, b, c = m(first), m(second), m(first * second)
    v, w, c = m(first**2) - a * a, m(second**2) - b * b, c - a * b
"""


def noise(formula, fraction="math.floor"):
    return f"""def noise_cost(u, v, sigma):
    a, b = u - {fraction}(u), v - {fraction}(v)
    return {formula}
"""


def beat(camera="flow @ planes.pinverse() @ planes", weight="(r - b).clamp(min=0)", says="(u < 0) * 2", back=""):
    """By hand: nothing is learned."""
    return f"""class RedOne:
    def __init__(self, pictures, flow, labels):
        pass
    def __call__(self, pictures, flow):
        r, _, b = pictures.float().flatten(2).unbind(1)
        flow = flow.flatten(2)
        y, x = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 32), indexing="ij")
        planes = torch.stack([torch.ones(32, 32), x, y]).flatten(1)
        weight = {weight}
        u, v = ((flow - {camera}) * weight[:, None]).sum(2).unbind(1)
        found = torch.where(u.abs() > v.abs(), {says}, 1 + (v < 0) * 2)
        return {back or "found"}
"""


TRAINS = """class RedOne:
    def __init__(self, pictures, flow, labels):
        torch.manual_seed(1)
        self.net = models.TwoStream(4, moments=1)
        fit(self.net, self.films(pictures, flow), labels, steps=150, augment=roll, progress=False)
    def __call__(self, pictures, flow):
        return predict(self.net, self.films(pictures, flow)).argmax(1)
    def films(self, pictures, flow):
        y, x = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 32), indexing="ij")
        planes = torch.stack([torch.ones(32, 32), x, y]).flatten(1)
        left = flow.flatten(2) - flow.flatten(2) @ planes.pinverse() @ planes
        return torch.cat([pictures / 255, (0.5 + left.view_as(flow) / 8).clamp(0, 1)], 1)[:, None]
"""

RIGHT = [
    {
        "path": path(),
        "witnesses": witnesses(
            "z = logits.double().log_softmax(2) - prior.double().log()\n"
            "    return (z.sum(0) + prior.double().log()).softmax(1).float()"
        ),
        "sums": sums(),
        "red": red("10 * torch.cat([torch.ones(4, 1), -torch.ones(4, 1), torch.eye(4)], 1)", "torch.full((4,), -16.0)"),
        "light": light(
            "signs = lambda p: torch.cat([p.diff(dim=k).flatten().sign() for k in (0, 1)])\n"
            "    return (signs(first) - signs(second)).abs().mean().item()"
        ),
        "noise": noise("sigma * sigma * (1 + (1 - 2 * a + 2 * a * a) * (1 - 2 * b + 2 * b * b))"),
        "beat": beat(),
    },
    {  # as learners write it, too: loops, helpers, other libraries
        "path": """def along(flow):
    import numpy as np
    d = flow.numpy()
    l, _, h, w = d.shape
    out = np.zeros((2 * l, h, w), np.float32)
    for y in range(h):
        for x in range(w):
            px, py = float(x), float(y)
            for k in range(l):
                cx, cy = min(max(px, 0), w - 1), min(max(py, 0), h - 1)
                i, j = min(int(cy), h - 2), min(int(cx), w - 2)
                a, b = cy - i, cx - j
                near = d[k, :, i : i + 2, j : j + 2]
                u, v = (near * [[(1 - a) * (1 - b), (1 - a) * b], [a * (1 - b), a * b]]).sum((1, 2))
                out[2 * k, y, x], out[2 * k + 1, y, x] = u, v
                px, py = px + u, py + v
    return torch.from_numpy(out)
""",
        "witnesses": """def together(logits, prior):
    total = torch.log(prior)
    for z in logits:
        p = z - torch.logsumexp(z, dim=1, keepdim=True)
        total = total + p - torch.log(prior)
    return torch.exp(total - torch.logsumexp(total, 1, keepdim=True))
""",
        "sums": """def knows(table):
    import numpy as np
    t = table.numpy()
    n = int(t.sum())
    s = sum(max(row.sum(0)) for row in t) / n
    f = sum(max(t[:, k].sum(0)) for k in range(t.shape[1])) / n
    return float(s), float(f), float(t.max(2).sum() / n)
def added(table):
    from itertools import product
    t = table.tolist()
    best = 0
    for f in product(range(len(t)), repeat=len(t)):
        total = 0
        for k in range(len(t[0])):
            total += max(
                sum(row[k][int(f[i] > cut)] for i, row in enumerate(t)) for cut in range(-1, len(t))
            )
        best = max(best, total)
    return best / sum(c for row in t for pair in row for c in pair)
""",
        "red": """def red_weights():
    weight = torch.zeros(4, 6)
    for k in range(4):
        weight[k, 0] = 1.0
        weight[k, 2 + k] = 1.0
    return weight, torch.tensor([-1.7, -1.25, -1.3, -1.6])
""".replace("-1.7, -1.25, -1.3, -1.6", "-1.3, -1.3, -1.3, -1.3"),
        "light": """def unlike(first, second):
    import numpy as np
    a, b = first.numpy(), second.numpy()
    h, w = a.shape
    different = total = 0
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            if (dy, dx) > (0, 0):
                one, two = (p[2 : h - 2, 2 : w - 2] < p[2 + dy : h - 2 + dy, 2 + dx : w - 2 + dx] for p in (a, b))
                different, total = different + np.sum(one != two), total + one.size
    return float(different / total)
""",
        "noise": """def noise_cost(u, v, sigma):
    u, v = u % 1.0, v % 1.0
    weights = [(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v]
    return sigma**2 + sum((w * sigma) ** 2 for w in weights)
""",
        "beat": TRAINS,
    },
]

WRONG = {  # of each question: an answer, and words of the hint
    "path": [
        ("def along(flow):\n    return flow.flatten(0, 1)\n", "follow the point"),
        (path(out="torch.stack(seen, 1).flatten(0, 1)"), "so is the stack"),
        (path("at = start + seen[-1]"), "not all that the point"),
        (path("at = start + flow[: k + 1].sum(0)"), "not where it was"),
        (path("at = at + seen[-1].flip(0)"), "along a row"),
        (path("at = at - seen[-1]"), "with the flow"),
        (path(read=path.__defaults__[1].replace("at.movedim", "at.round().movedim")), "do not round"),
        (path(read=path.__defaults__[1].replace("'border'", "'zeros'")), "so is the stack"),
        (
            path("at = (at + seen[-1]).clamp(min=0).minimum(torch.tensor([w - 1.0, h - 1])[:, None, None])"),
            "not held there",
        ),
        (path(out="torch.cat(seen[1:] + [seen[0]])"), "the first pair"),
        (path(read=path.__defaults__[1].replace("=True", "=False")), "check a place"),
        (path(out="torch.stack(seen)"), "six channels"),
        (path("at = at + (seen[-1] + field) / 2"), "check a place"),
    ],
    "witnesses": [
        (witnesses("return logits.softmax(2).mean(0)"), "that is their mean"),
        (witnesses("return logits.mean(0).softmax(1)"), "averaged logits"),
        (witnesses("return logits.sum(0).softmax(1)"), "surer than the prior"),
        (witnesses(BAYES + "return (z.sum(0) - prior.log()).softmax(1)"), "how often"),
        (witnesses(BAYES + "return (z.sum(0) - len(z) * prior.log()).softmax(1)"), "how often"),
        (witnesses(BAYES + "return (z.sum(0) + prior.log()).softmax(1)"), "how often"),
        (witnesses(BAYES + "return z.sum(0).exp()"), "half, half"),
        (witnesses(BAYES + "return (z.sum(0) - (len(z) - 1) * prior.log()).softmax(0)"), "half, half"),
        (
            witnesses("p = logits.softmax(2).prod(0) / prior ** (len(logits) - 1); return p / p.sum(1, keepdim=True)"),
            "0 / 0",
        ),
        (
            witnesses("p = logits.exp().prod(0) / prior ** (len(logits) - 1); return p / p.sum(1, keepdim=True)"),
            "large logits",
        ),
        (witnesses("return logits[0].softmax(1)"), "Bayes"),
        (
            witnesses(
                "p = (logits.softmax(2) + 1e-6).log(); return (p.sum(0) - (len(p) - 1) * prior.log()).softmax(1)"
            ),
            "tiny",
        ),
    ],
    "sums": [
        (sums(s=sums.__defaults__[1], t=sums.__defaults__[0]), "14 of 20"),
        (sums(s="(table.sum(1).amax(1) / table.sum((1, 2))).mean()"), "14 of 20"),
        (sums(both="table.amax((0, 1)).sum() / n"), "14 of 20"),
        (sums(both="torch.maximum(table.sum(1).amax(1).sum(), table.sum(0).amax(1).sum()) / n"), "each pair"),
        (sums(sum="return table.amax(2).sum().item() / n"), "any answers it likes"),
        (sums(sum="return max(table.sum(k).amax(1).sum().item() for k in (0, 1)) / n"), "the better one of the two"),
        (sums(sum=BELIEFS.format("a[:, None] + b - 1")), "not only what"),
        (sums(sum=BELIEFS.format("a.logit()[:, None] + b.logit()")), "not only what"),
        (sums(sum=BY_SHARE), "another order"),
        (sums(sum=TRAINED), "any numbers"),
        (sums(sum="return 0.75"), "leave one"),
        (sums(sum="return (table.sum(1).amax(1).sum() / n)"), "a float is wanted"),
    ],
    "red": [
        (red(bias="torch.zeros(4)"), "blue thing outvotes"),
        (red(bias="-1.0 * torch.ones(4)"), "a little redness"),
        (red(bias="-1.15 * torch.ones(4)"), "a large red wall"),
        (red(bias="-2.0 * torch.ones(4)"), "the last score wins"),
        (red(bias="-1.9 * torch.ones(4)"), "nothing but one red thing"),
        (red("torch.cat([torch.zeros(4, 2), torch.eye(4)], 1)", "-0.5 * torch.ones(4)"), "blue thing outvotes"),
        (red("torch.cat([torch.ones(4, 1), -torch.ones(4, 1), torch.eye(4)], 1)", "torch.zeros(4)"), "neither red nor"),
        (red("torch.cat([torch.ones(4, 1), torch.zeros(4, 1), torch.eye(4).flip(0)], 1)"), "the last score"),
        (red("torch.cat([torch.ones(4, 1), torch.zeros(4, 1), torch.eye(4)[[1, 2, 0, 3]]], 1)"), "which map is which"),
        (red("torch.cat([torch.ones(4, 1), torch.zeros(4, 1), torch.eye(4)], 1).T"), "a row for each direction"),
        (red(bias="torch.full((4,), float('nan'))"), "the last score"),
    ],
    "light": [
        (light("return (first - second).square().mean().item()"), "less contrast"),
        (light(CENTRED + "return (1 - (a * b).sum() / (a.norm() * b.norm())).item()"), "that bends"),
        (light(LOCAL + "    return (1 - c / (v * w).sqrt().clamp(min=1e-9)).mean().item()"), "that bends"),
        (
            light(
                LOCAL
                + "    alike = (2 * a * b + 1e-4) * (2 * c + 9e-4) / (a * a + b * b + 1e-4)\n"
                + "    return (1 - alike / (v + w + 9e-4)).mean().item()"
            ),
            "less contrast",
        ),
        (
            light(
                "rank = lambda p: p.flatten().argsort().argsort().float()\n"
                "    return (rank(first) - rank(second)).abs().mean().item()"
            ),
            "a shadow costs more",
        ),
        (
            light("return ((first > first.median()) != (second > second.median())).float().mean().item()"),
            "a shadow costs",
        ),
        (light("return ((first > first.mean()) != (second > second.mean())).float().mean().item()"), "that bends"),
        (light("return 0.0"), "unlike another one"),
        (light("return float(not torch.equal(first, second))"), "a curve over one of two equal"),
        (light("return (first.diff(dim=1) - second.diff(dim=1)).abs().mean().item()"), "less contrast"),
        (
            light(
                "turn = lambda p: torch.atan2(*torch.gradient(p))\n"
                "    return (1 - torch.cos(turn(first) - turn(second))).mean().item()"
            ),
            "that bends",
        ),
        (light("return (first.diff(dim=1).sign() - second.diff(dim=1).sign()).abs().mean()"), "a float is wanted"),
    ],
    "noise": [
        (noise("2 * sigma**2"), "has less noise"),
        (noise("sigma**2 * ((1 - a) ** 2 + a**2) * ((1 - b) ** 2 + b**2)"), "the first frame"),
        (noise("sigma**2 * (1 + (1 - a) ** 2 + a**2)"), "how many pixels"),
        (noise("sigma**2 * (1 + ((1 - a) ** 2 + a**2 + (1 - b) ** 2 + b**2) / 2)"), "each of four pixels"),
        (noise("sigma**2 * (1 + ((1 - a) ** 2 + a**2) * ((1 - b) ** 2 + b**2))", "int"), "negative ones"),
        (noise("sigma**2 * (1 + ((1 - a) ** 2 + a**2) * ((1 - b) ** 2 + b**2))", "0 * "), "only the fraction"),
        (noise("sigma * (1 + ((1 - a) ** 2 + a**2) * ((1 - b) ** 2 + b**2))"), "as sigma"),
        (noise("sigma**2 * (1 + (((1 - a) ** 2 + a**2) * ((1 - b) ** 2 + b**2)) ** 0.5)"), "deviations"),
        (
            noise("0.0 if u == v == 0 else sigma**2 * (1 + ((1 - a) ** 2 + a**2) * ((1 - b) ** 2 + b**2))"),
            "whole shifts",
        ),
        (noise("sigma**2 * (1 - a) * (1 - b)"), "the first frame"),
    ],
    "beat": [
        (
            "class RedOne:\n"
            "    def __init__(self, *films):\n        self.net = Averaged(*films)\n"
            "    def __call__(self, *films):\n        return self.net(*films)\n",
            "an average could",
            "not yet",
        ),
        (beat(camera="0"), "an average could", "not yet"),
        (beat(camera="flow.mean(2, keepdim=True)"), "", "not yet"),
        (beat(weight="torch.ones_like(r)"), "an average could", "not yet"),
        (beat(weight="(r - b).abs()"), "an average could", "not yet"),
        (beat(says="(u > 0) * 2"), "an average could", "not yet"),
        (beat(back="found.float()"), "int64", "int64"),
        (beat(back="torch.nn.functional.one_hot(found, 4)"), "one label", "one label"),
    ],
}


class TestHw5(Homework):
    name, points, manual = "hw5_two_stream", 30, 5
    masked = ("vidlab.checks",)
    checks, right, wrong = CHECKS, RIGHT, WRONG
    printed, costly = ("measured", "predicted", "cheapest"), ("beat",)

    def test_the_number_to_beat_is_the_one_that_is_stated(self, homework):
        there = given(homework)
        shares = [there["score"](there["Averaged"], there["torch"].Generator().manual_seed(k)) for k in range(2)]
        assert abs(sum(shares) / 2 - 0.30) < 0.07  # the first of ten
