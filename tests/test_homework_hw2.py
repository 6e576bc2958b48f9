"""Homework 2: optical flow. What it is tried with, and that the numbers that it states are those that are measured."""

import torch
from of_homework import Homework, given

from vidlab import flow

CHECKS = {
    "half": ["half-check"],
    "light": ["light-check"],
    "align": ["align-check"],
    "contest": ["contest-check"],
    "camera": ["camera-check"],
    "contact": ["contact-check"],
    "beat": ["beat-check", "beat-close-check"],
}


def half(body):
    return f"def motion_of(n):\n    {body}\n"


def light(slopes="second", columns="-sx, -sy, first, torch.ones_like(first)", answer="found", wanted="second"):
    return f"""def motion_and_light(first, second):
    sy, sx = torch.gradient({slopes})
    rows = torch.stack([{columns}], -1).flatten(0, 1)
    found = torch.linalg.lstsq(rows, ({wanted}).flatten()).solution
    return {answer}
"""


REST = "torch.cat([found[:2], found[2:], torch.zeros(1)])"


def align(
    there="x + m[0], y + m[1]", seen="(there[0].abs() < w / 2 - 1) & (there[1].abs() < h / 2 - 1)",
    slopes="first", add="m - step", steps="steps", back="fetch(second, *there)",
):  # fmt: skip
    return f"""def align(first, second, steps):
    h, w = first.shape
    x, y = places(h, w)
    sy, sx = torch.gradient({slopes})
    m = torch.zeros(2)
    for _ in range({steps}):
        there = {there}
        back = {back}
        seen = {seen}
        step = torch.linalg.lstsq(torch.stack([sx, sy], -1)[seen], (back - first)[seen]).solution
        m = {add}
    return m
"""


EVERYWHERE = "torch.ones_like(first).bool()"


def contest(first, second, third):
    return f"""def three_winners(truth):
    speed = truth.norm(dim=0)
    slow, fast = (speed < 1).float(), (speed > 20).float()
    spot = torch.zeros_like(speed)
    spot[0, 0] = 1
    return torch.stack([{first}, {second}, {third}])
"""


ENDS = "truth + 0.3 + 5 * spot"
ANGLES, OUTLIERS = "truth * (1 + 0.4 * fast)", "truth * (1 - 2.5 / speed.clamp(min=0.1))"


def camera(
    keep="off < 4 * off.median()", times=30, answer="fitted.T", moves="> 0.5",
    x="x", y="y", weight="1 / (1 + (off / off.median()) ** 2)",
):  # fmt: skip
    return f"""def camera_motion(flow):
    x, y = places(*flow.shape[1:])
    rows = torch.stack([torch.ones_like(x), {x}, {y}], -1).flatten(0, 1)
    wanted = flow.flatten(1).T
    weight = torch.ones(len(rows), 1)
    for _ in range({times}):
        fitted = torch.linalg.lstsq(weight * rows, weight * wanted).solution
        off = (wanted - rows @ fitted).norm(dim=1, keepdim=True)
        weight = {weight}
    keep = {keep}
    fitted = torch.linalg.lstsq(keep * rows, keep * wanted).solution
    return {answer}
def moving(flow):
    x, y = places(*flow.shape[1:])
    (a, b, c), (d, e, f) = camera_motion(flow)
    return torch.hypot(flow[0] - a - b * x - c * y, flow[1] - d - e * x - f * y) {moves}
"""


def contact(answer):
    return f"""def time_to_contact(flow, fps):
    u_y, u_x = (each.mean() for each in torch.gradient(flow[0]))
    v_y, v_x = (each.mean() for each in torch.gradient(flow[1]))
    s = torch.sqrt((1 + u_x) * (1 + v_y) - u_y * v_x)
    return float({answer})
"""


def slopes(blur=3, light=True, robust=True, answer="time"):
    """The baseline's way, better and better: with less noise, with the light as an unknown, with weights."""
    return f"""def frames_to_contact(clip):
    grey = avg_pool2d(clip.mean(1)[:, None], {blur}, 1)[:, 0]
    x, y = places(*grey.shape[1:])
    rates = []
    for one, two in zip(grey, grey[1:]):
        sy, sx = torch.gradient((one + two) / 2)
        rows = torch.stack([-x * sx - y * sy, {"one" if light else ""}], -1).flatten(0, 1)
        weight = torch.ones(len(rows))
        for _ in range({10 if robust else 1}):
            found = torch.linalg.lstsq(rows * weight[:, None], (two - one).flatten() * weight).solution
            off = ((two - one).flatten() - rows @ found).abs()
            weight = 1 / (1 + (off / off.median()) ** 2).sqrt()
        rates.append(found[0].item())
    rate = sum(rates) / len(rates)
    time = 1 / rate - len(clip) / 2 + 1 if rate > 0 else 100.0
    return {answer}
"""


RIGHT = [
    {
        "half": half(
            "n = n[n.norm(dim=1) > 1e-6]\n"
            "    toward = n / n.norm(dim=1, keepdim=True)\n"
            "    return torch.linalg.lstsq(toward, n.norm(dim=1), driver='gelsd', rcond=1e-4).solution"
        ),
        "light": light("first", answer="torch.cat([found[:2] / found[2], found[2:]])"),
        "align": align(),
        "contest": contest(ENDS, ANGLES, OUTLIERS),
        "camera": """def camera_motion(flow):
    x, y = places(*flow.shape[1:])
    rows = torch.stack([torch.ones_like(x), x, y], -1).flatten(0, 1)
    wanted, most = flow.flatten(1).T, 0
    chance = torch.Generator().manual_seed(0)
    for _ in range(200):
        three = torch.randint(len(rows), (3,), generator=chance)
        if torch.linalg.det(rows[three]).abs() < 50:
            continue
        inside = (wanted - rows @ torch.linalg.solve(rows[three], wanted[three])).norm(dim=1) < 0.5
        if inside.sum() > most:
            most, best = inside.sum(), inside
    return torch.linalg.lstsq(rows[best], wanted[best]).solution.T
def moving(flow):
    a = camera_motion(flow)
    x, y = places(*flow.shape[1:])
    off = flow - a[:, :1, None] - a[:, 1:2, None] * x - a[:, 2:, None] * y
    return off.square().sum(0) > 0.25
""",
        "contact": contact("1 / (s - 1) / fps"),
        "beat": slopes(),
    },
    {  # as learners write it, too: loops, helpers, other libraries
        "half": """def motion_of(n):
    n = [each for each in n.double().tolist() if each[0] or each[1]]
    best, pair = 1e-6, None
    for a in n:
        for b in n:
            sine = (a[0] * b[1] - a[1] * b[0]) / math.hypot(*a) / math.hypot(*b)
            if sine > best:
                best, pair = sine, (a, b)
    if pair is None:
        return torch.tensor(n[0])
    (a, b), (c, d) = pair
    p, q, det = a * a + b * b, c * c + d * d, a * d - b * c
    return torch.tensor([(p * d - b * q) / det, (a * q - c * p) / det])
""",
        "light": """import numpy as np
def motion_and_light(first, second):
    one, two = first.double().numpy(), second.double().numpy()
    gain, offset = two.std() / one.std(), 0.0
    for _ in range(10):  # take the light away, and look again
        plain = (two - offset) / gain
        down, right = np.gradient((one + plain) / 2)
        rows = np.stack([-right.ravel(), -down.ravel(), one.ravel(), np.ones(one.size)], 1)
        u, v, more, rest = np.linalg.lstsq(rows, plain.ravel(), rcond=None)[0]
        offset, gain = offset + gain * rest, gain * more
    return torch.tensor([u, v, gain, offset])
""",
        "align": """import numpy as np
def align(first, second, steps):
    one, two = first.numpy().astype(float), second.numpy().astype(float)
    h, w = one.shape
    u = v = 0.0
    for _ in range(steps):
        rows, wanted = [], []
        X, Y = np.arange(w) + u, np.arange(h) + v
        columns, lines = np.floor(X).astype(int), np.floor(Y).astype(int)
        inx, iny = (columns >= 0) & (columns < w - 1), (lines >= 0) & (lines < h - 1)
        a, b = (X - columns)[inx], (Y - lines)[iny][:, None]
        c, l = columns[inx], lines[iny]
        back = (1 - b) * ((1 - a) * two[l][:, c] + a * two[l][:, c + 1])
        back += b * ((1 - a) * two[l + 1][:, c] + a * two[l + 1][:, c + 1])
        down, right = np.gradient(back)
        change = back - one[iny][:, inx]
        A = np.array([[(right * right).sum(), (right * down).sum()], [(right * down).sum(), (down * down).sum()]])
        du, dv = np.linalg.solve(A, [-(right * change).sum(), -(down * change).sum()])
        u, v = u + du, v + dv
    return torch.tensor([u, v])
""",
        "contest": """def three_winners(truth):
    a, b, c = truth.clone(), truth.clone(), truth.clone()
    speed = (truth[0] ** 2 + truth[1] ** 2) ** 0.5
    a[0] += 0.25
    for y in range(truth.shape[1]):
        for x in range(truth.shape[2]):
            if speed[y, x] > 20:
                b[:, y, x] *= 2
            elif speed[y, x] < 1:
                c[1, y, x] -= 2.5
    a[0, 1, 1] += 4
    return torch.stack((a, b, c))
""",
        "camera": """def fit(flow, keep):
    x, y = places(*flow.shape[1:])
    A = torch.stack([torch.ones_like(x)[keep], x[keep], y[keep]], 1)
    return torch.stack([torch.linalg.pinv(A) @ part[keep] for part in flow])
def residual(flow, a):
    x, y = places(*flow.shape[1:])
    return (flow - torch.stack([row[0] + row[1] * x + row[2] * y for row in a])).norm(dim=0)
def camera_motion(flow):
    keep = torch.ones(flow.shape[1:]).bool()
    for _ in range(40):
        off = residual(flow, fit(flow, keep))
        keep = off <= off.quantile(0.6)
    return fit(flow, residual(flow, fit(flow, keep)) < 0.5)
def moving(flow):
    return residual(flow, camera_motion(flow)) > 0.55
""",
        "contact": """import numpy as np
def time_to_contact(flow, fps):
    h, w = flow.shape[1:]
    y, x = np.mgrid[:h, :w]
    A = np.stack([np.ones(h * w), x.ravel(), y.ravel()], 1)
    slopes = np.linalg.lstsq(A, flow.reshape(2, -1).T.numpy(), rcond=None)[0][1:]
    growth = np.linalg.svd(np.eye(2) + slopes)[1].mean()
    return float(1 / (growth - 1) / fps)
""",
        "beat": """def frames_to_contact(clip):
    grey = avg_pool2d(clip.mean(1)[:, None], 3, 1)[:, 0]
    x, y = places(*grey.shape[1:])
    best, low = None, math.inf
    for k in range(60):
        time, cost = 4 * 20 ** (k / 59), 0.0
        for age in range(1, len(grey)):
            frame = fetch(grey[-1 - age], x / (1 + age / time), y / (1 + age / time))
            cost += (frame / (frame / grey[-1]).median() - grey[-1]).abs().mean().item()
        if cost < low:
            best, low = time, cost
    return best
""",
    },
]

WRONG = {  # of each question: an answer, and words of the hint
    "half": [
        (half("return n.mean(0)"), "mean is too short"),
        (half("return 2 * n.mean(0)"), "shortest motion"),
        (half("return n[0] if (n == n[0]).all() else 2 * n.mean(0)"), "spread evenly"),
        (half("return n[n.norm(dim=1).argmax()]"), "the longest"),
        (half("return torch.linalg.pinv(n, rtol=1e-4) @ n.norm(dim=1)"), "shortest motion"),
        (
            half("return n[0] if (n == n[0]).all() else torch.linalg.pinv(n, rtol=1e-4) @ n.norm(dim=1)"),
            "what is n · m",
        ),
        (
            half(
                "e = n / n.norm(dim=1, keepdim=True)\n"
                "    return n[0] if (n == n[0]).all() else torch.linalg.inv(e.T @ e) @ e.T @ n.norm(dim=1)"
            ),
            "divided by its",
        ),
        (half("w = n.norm(dim=1, keepdim=True); return (w * n).sum(0) / w.sum()"), "join them all"),
        (half("return n.sum(0) if (n != n[0]).any() else n[0]"), "spread evenly"),
        (half("return torch.linalg.solve(n.T @ n, n.T @ n.square().sum(1))"), "raised"),
        (half("a = n.T @ n + 0.1 * torch.eye(2); return torch.linalg.solve(a, n.T @ n.square().sum(1))"), "shortest"),
        (half("return torch.linalg.pinv(n, rtol=1e-4) @ n.square().sum(1) * torch.tensor([1.0, -1.0])"), "shortest"),
        (
            half("z = n[:2]; return torch.linalg.pinv(z, rtol=1e-4) @ z.square().sum(1)"),
            "join them all",
        ),
        (
            half(
                "m = n[n.norm(dim=1) > 0]; return n.mean(0) if (m == m[0]).all() else "
                "torch.linalg.pinv(n, rtol=1e-4) @ n.square().sum(1)"
            ),
            "zeros must not change it",
        ),
    ],
    "light": [
        (light("(first + second) / 2"), "slopes of neither"),
        (light("first"), "a gain too long"),
        (light(answer="torch.cat([found[:2] / found[2], found[2:]])"), "a gain too short"),
        (light(columns="-sx, -sy, first", answer=REST), "gain is off"),
        (light(wanted="second - first"), "nothing has changed"),
        (
            light(
                columns="-sx, -sy, torch.ones_like(first)",
                wanted="second - first",
                answer="torch.cat([found[:2], torch.ones(1), found[2:]])",
            ),
            "gain is off",
        ),
        (light(columns="sx, sy, first, torch.ones_like(first)"), "the wrong sign"),
        (light(columns="-sy, -sx, first, torch.ones_like(first)"), "to the right"),
        (light("second", "-sx, -sy, second, torch.ones_like(first)", wanted="first"), "not of the first"),
        (light(columns="-sx, -sy, first, -torch.ones_like(first)"), "sign of the offset"),
        (light(columns="-sx, -sy, first, first"), "nothing has changed"),
        (light(answer="found + torch.tensor([0.04, 0, 0, 0])"), "nothing has changed"),
        (
            "def motion_and_light(first, second):\n"
            "    gain = second.mean() / first.mean()\n"
            "    sy, sx = torch.gradient(second)\n"
            "    rows = torch.stack([-sx, -sy], -1).flatten(0, 1)\n"
            "    found = torch.linalg.lstsq(rows, (second - gain * first).flatten()).solution\n"
            "    return torch.cat([found, gain[None], torch.zeros(1)])\n",
            "gain is off",
        ),
        ("def motion_and_light(first, second):\n    return torch.tensor([0.0, 0, 1, 0])\n", "gain is off"),
    ],
    "align": [
        (align(add="step"), "short way"),
        (align(add="m + step"), "short way"),
        (align(add="-step"), "walks away"),
        (align(there="x - m[0], y - m[1]"), "walks away"),
        (align(there="x + m[1], y + m[0]"), "walks away"),
        (align(steps="1"), "fetch, then look again"),
        (align(steps="20"), "one step must be one step"),
        (align(there="x, y"), "walks away"),
        (align(seen=EVERYWHERE), "beyond the border"),
        (align(add="(m - step).flip(0)"), "short way"),
        (align(add="(m - step).clamp(-3, 3)"), "no more than one"),
        ("def align(first, second, steps):\n    return torch.tensor([0.2, -0.1])\n", "find no more than one"),
        (align(add="(m - step) / 0"), "short way"),
        (align(add="m - 0.1 * step"), "short way"),
    ],
    "contest": [
        (contest("truth", "truth", "truth"), "each must be off"),
        (contest("truth", ANGLES, OUTLIERS), "each must be off"),
        (contest(ANGLES, ENDS, OUTLIERS), "first does not win"),
        (contest(ENDS, OUTLIERS, ANGLES), "second does not win"),
        (contest("truth + 0.3", ANGLES, OUTLIERS), "third does not win"),
        (contest(ENDS, "truth + 4 * slow", OUTLIERS), "second does not win"),
        (contest(ENDS, "truth * (1 + 0.04 * fast)", OUTLIERS), "does not win"),
        (contest(ENDS, ANGLES, "truth * (1 + 0.1 * fast)"), "second does not win"),
        (contest("truth + 2", ANGLES, "truth + 2.5"), "first does not win"),
        (contest("truth / 0", ANGLES, OUTLIERS), "numbers at every pixel"),
        (contest("truth + 0.3 * fast + 5 * spot", ANGLES, OUTLIERS), "second does not win"),
        ("def three_winners(truth):\n    return truth + torch.randn(3, 2, *truth.shape[1:])\n", "does not win"),
        ("def three_winners(truth):\n    return torch.zeros(3, 2, *truth.shape[1:])\n", "first does not win"),
    ],
    "camera": [
        (camera(weight="weight", keep="weight"), "the block pulls the fit"),
        (camera(weight="1 / (off + 1e-3).sqrt()", keep="weight"), "the block still pulls"),
        (camera(weight="(off < off.quantile(0.99)).float()", keep="weight", times=2), "the block still pulls"),
        (camera(x="y", y="x"), "zooms by 3"),
        (camera(answer="fitted.T.flip(0)"), "zooms by 3"),
        (camera(x="x + (flow.shape[2] - 1) / 2", y="y + (flow.shape[1] - 1) / 2"), "zooms by 3"),
        (camera(answer="fitted"), "two rows"),
        (camera(answer="torch.cat([flow.flatten(1).median(1).values[:, None], torch.zeros(2, 2)], 1)"), "zooms by 3"),
        (camera(answer="torch.tensor([[0, 0.03, 0], [0, 0, 0.03]])"), "the fit itself is off"),
        (camera(answer="fitted.T * torch.tensor([1, -1, -1])"), "zooms by 3"),
        (camera(moves="> 2.0"), "not marked"),
        (camera(moves="> 0.15"), "only follow the camera"),
        (camera(moves="< 0.5"), "the other way round"),
        (camera(moves="* 2"), "true or false"),
    ],
    "contact": [
        (contact("2 / (u_x + v_y) / fps"), "a roll"),
        (contact("1 / (u_x + v_y) / fps"), "counted along x"),
        (contact("1 / u_x / fps"), "a roll"),
        (contact("s / (s - 1) / fps"), "one frame less"),
        (contact("1 / (s - 1)"), "not frames"),
        (contact("fps / (s - 1)"), "by a division"),
        (contact("1 / abs(s - 1) / fps"), "the sign"),
        (contact("2 / (s * s - 1) / fps"), "half a frame"),
        (contact("1 / (1 - s) / fps"), "comes nearer"),
        (contact("1 / (s * s - 1) / fps"), "counted along x"),
        (contact("2 / flow.abs().mean() / fps"), "even without a roll"),
        (contact("1 / ((1 + u_x) ** 2 + u_y ** 2 - 1) / fps"), "counted along x"),
    ],
    "beat": [
        ("def frames_to_contact(clip):\n    return baseline(clip)\n", "not yet half", "not yet below"),
        ("def frames_to_contact(clip):\n    return 17.3\n", "always about the same", "not yet below"),
        (slopes(blur=1, robust=False), "not yet half", "not yet below"),
        (slopes(light=False, blur=1), "not yet half", "not yet below"),
        (slopes(robust=False), "", "not yet below"),
        (slopes(answer="-time"), "already behind", "not yet below"),
        (slopes(answer="time if time < 20 else float('nan')"), "no number", "not yet below"),
        (slopes(answer="time if time < 30 else math.inf"), "no number", "not yet below"),
        (slopes(answer="rate"), "not yet half", "not yet below"),
        (slopes(answer="2 * time"), "not yet half", "not yet below"),
    ],
}


class TestHw2(Homework):
    name, points, manual = "hw2_optical_flow", 30, 5
    masked = ("vidlab.flow", "vidlab.checks")
    checks, right, wrong = CHECKS, RIGHT, WRONG
    printed, costly = ("waves 16, 20 steps",), ("beat",)

    def test_the_number_to_beat_is_the_one_that_is_stated(self, homework):
        there = given(homework)
        clips = there["draw"](200, torch.Generator().manual_seed(7))
        assert abs(there["mean_error"](clips, there["baseline"]) - 0.52) < 0.02
        exec(solution(homework, "beat"), there)
        assert there["mean_error"](clips[:48], there["frames_to_contact"]) < 0.025

    def test_walking_ends_at_the_same_part_of_a_wave_on_both_films(self, homework):
        """What the model answer tells of the table, and of lesson 04's pyramid."""
        there = given(homework)
        exec(solution(homework, "align"), there)
        for wavelength in (8, 16):
            for shift, found in ((0.625 * wavelength, True), (0.75 * wavelength, False)):
                got = there["align"](*there["waves"](shift, 0.0, wavelength), 20)
                assert (torch.dist(got, torch.tensor([shift, 0.0])) < 0.05) == found
        for longest, told in ((1.4, [-5.1, -1.5]), (8.0, [8.0, 0.0])):
            one, two = there["waves"](8.0, 0.0, 8, longest=longest)
            field = flow.lucas_kanade(one[None, None], two[None, None])[0, :, 12:-12, 12:-12]
            assert torch.dist(field.flatten(1).median(1).values, torch.tensor(told)) < 0.1


def solution(homework, name):
    return next(cell.source for cell in homework.cells if cell.id == name)
