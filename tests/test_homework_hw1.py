"""Homework 1: space and time. What it is tried with, and that the number to beat is the one that it states."""

from of_homework import Homework, given

CHECKS = {
    "sizes": ["sizes-check"],
    "sampling": ["sampling-check"],
    "edge": ["edge-check"],
    "derivative": ["derivative-check"],
    "running": ["running-check"],
    "alias": ["alias-check"],
    "stripes": ["stripes-check"],
    "beat": ["beat-check", "beat-half-check"],
}


def sizes(rate="24 * width * height * fps / factor / 1e6", fit="int(gigabytes * 1e9 / (3 * width * height / factor))"):
    return f"""def bit_rate(width, height, fps, factor):
    return {rate}
def frames_that_fit(gigabytes, width, height, factor):
    return {fit}
"""


def sampling(body):
    return f"def frames_at(start, stop, rate, fps, total):\n    {body}\n"


TIMES = "n = math.ceil((stop - start) * rate - 1e-6); t = (start + torch.arange(n).double() / rate) * fps; "


def edge(place, slope="(t * x).sum() / (t * t).sum()"):
    return f"""def edge_speed(cut):
    left, right, columns = cut[:, :1], cut[:, -1:], torch.arange(cut.shape[1])
    x = {place}
    t = torch.arange(len(cut)) - (len(cut) - 1) / 2
    return float({slope})
"""


COVERED = "((cut - right) / (left - right)).sum(1)"


def derivative(
    r="math.ceil(3 * sigma)", w="k * torch.exp(-k * k / (2 * sigma * sigma))", norm="w / (w * k).sum()", after=""
):
    return f"""def temporal_derivative(clip, sigma):
    r = {r}
    k = torch.arange(-r, r + 1).float()
    w = {w}
    w = {norm}
    {after}
    return sum(w[i] * clip[i : len(clip) - 2 * r + i] for i in range(2 * r + 1))
"""


def running(body):
    return f"def median_step(guess, frame, step):\n    {body}\n"


def alias(body):
    return f"def apparent_speed(speed, wavelength, fps):\n    {body}\n"


def stripes(answer, step="torch.angle(z[1:] / z[:-1]).mean()"):
    return f"""def pattern_speed(cut, wavelength):
    x = torch.arange(cut.shape[1])
    z = (cut * torch.exp(2j * math.pi * x / wavelength)).sum(1)
    turn = {step}
    return float({answer})
"""


def beat(scene="grey.quantile(0.8, dim=0)", gain="grey.flatten(1).median(1).values", answer="slope", far=0.18):
    return f"""def object_speed(clip):
    grey = clip.mean(1)
    gain = {gain}
    grey = grey / gain[:, None, None]
    grey = torch.nn.functional.avg_pool2d(grey[:, None], 3, 1, 1, count_include_pad=False)[:, 0]
    ball = ({scene} - grey > {far}).float()
    area = ball.sum((1, 2))
    x = (ball.sum(1) * torch.arange(40.0)).sum(1)[area > 0] / area[area > 0]
    t = torch.arange(20.0)[area > 0]
    t = t - t.mean()
    slope = (t * x).sum() / (t * t).sum()
    return float({answer})
"""


RIGHT = [
    {
        "sizes": sizes("width * height * fps * 3 / 125_000 / factor"),
        "sampling": sampling(
            "n = round(rate * (stop - start) + 0.499999)\n"
            "    return torch.tensor([min(int((start + j / rate) * fps + 1e-6), total - 1) for j in range(n)])"
        ),
        "edge": edge(COVERED),
        "derivative": derivative(),
        "running": running("return torch.minimum(torch.maximum(frame, guess - step), guess + step)"),
        "alias": alias("cycle = wavelength * fps\n    return speed - cycle * round(speed / cycle)"),
        "stripes": stripes("-turn * wavelength / (2 * math.pi)").replace("2j", "-2j"),
        "beat": beat(),
    },
    {  # as learners write it, too: loops, helpers, other libraries
        "sizes": "import numpy as np\n"
        + sizes(
            "8 * (3 * width * height / factor) * fps / 10**6",
            "int(np.floor(gigabytes / (width * height * 3 / factor) * 1e9))",
        ),
        "sampling": sampling(
            "from fractions import Fraction as F\n"
            "    exact = lambda x: F(x).limit_denominator(10_000)\n"
            "    start, stop, found = exact(start), exact(stop), []\n"
            "    while start + F(len(found), rate) < stop:\n"
            "        found.append(min((start + F(len(found), rate)) * fps // 1, total - 1))\n"
            "    return torch.tensor([int(k) for k in found])"
        ),
        "edge": """def edge_speed(cut):
    change = (cut[:, 1:] - cut[:, :-1]).abs()
    place = (change * (torch.arange(change.shape[1]) + 0.5)).sum(1) / change.sum(1)
    return ((place[-1] - place[0]) / (len(cut) - 1)).item()
""",
        "derivative": """def temporal_derivative(clip, sigma):
    r = math.ceil(3 * sigma)
    k = torch.linspace(-r, r, 2 * r + 1)
    w = k * torch.exp(-0.5 * (k / sigma) ** 2)
    w /= (w @ k)
    t, c, h, width = clip.shape
    lives = rearrange(clip, "t c h w -> (c h w) 1 t")
    out = torch.nn.functional.conv1d(lives, w[None, None])
    return rearrange(out, "(c h w) 1 t -> t c h w", c=c, h=h)
""",
        "running": running(
            "d = frame - guess\n    return torch.where(d.abs() <= step, frame, guess + step * d.sign())"
        ),
        "alias": alias(
            "turn = 2 * math.pi * speed / fps / wavelength\n"
            "    return math.atan2(math.sin(turn), math.cos(turn)) * wavelength * fps / (2 * math.pi)"
        ),
        "stripes": """def pattern_speed(cut, wavelength):
    angle = 2 * math.pi * torch.arange(cut.shape[1]) / wavelength
    phase = torch.atan2((cut * angle.sin()).sum(1), (cut * angle.cos()).sum(1))
    turn = phase.diff()
    turn = (turn + math.pi) % (2 * math.pi) - math.pi
    return turn.mean().item() * wavelength / (2 * math.pi)
""",
        "beat": """def object_speed(clip):
    grey = clip.mean(1)
    grey = grey / grey.flatten(1).median(1).values[:, None, None]
    grey = torch.nn.functional.avg_pool2d(grey[:, None], 5, 1, 2, count_include_pad=False)[:, 0]
    grey = grey - grey.mean(0)
    x = (grey[1:, :, 2:] - grey[1:, :, :-2] + grey[:-1, :, 2:] - grey[:-1, :, :-2]) / 4
    t = (grey[1:] - grey[:-1])[:, :, 1:-1]
    return -((x * t).sum() / (x * x).sum()).item()
""",
    },
]

ANGLE = "turn * wavelength / (2 * math.pi)"
WRONG = {  # of each question: an answer, and words of the hint
    "sizes": [
        (sizes("3 * width * height * fps / factor / 1e6"), "counts bits"),
        (sizes("8 * width * height * fps / factor / 1e6"), "more than one number"),
        (sizes("24 * width * height * fps / factor / 2**20"), "in tens, or in twos"),
        (sizes("24 * width * height * fps / factor"), "megabits, not bits"),
        (sizes("24 * (width + height) * fps / factor / 1e6"), "follow the units"),
        (sizes("24 * width * height * fps * factor / 1e6"), "half the bits"),
        (sizes(fit="round(gigabytes * 1e9 * factor / (3 * width * height))"), "cut off counts as none"),
        (sizes(fit="math.ceil(gigabytes * 1e9 * factor / (3 * width * height))"), "cut off counts as none"),
        (sizes(fit="int(gigabytes * 2**30 * factor / (3 * width * height))"), "GB or GiB"),
        (sizes(fit="int(gigabytes * 1e9 / (3 * width * height))"), "are compressed"),
        (sizes(fit="int(gigabytes * 1e9 / factor / (3 * width * height))"), "or fewer"),
        (sizes(fit="int(gigabytes * 1e9 * factor / (24 * width * height))"), "bytes of one frame"),
        (sizes(fit="gigabytes * 1e9 * factor / (3 * width * height)"), "an int is wanted"),
    ],
    "sampling": [
        (sampling(TIMES.replace("rate - 1e-6)", "rate - 1e-6) + 1") + "return t.long()"), "ten in the first second"),
        (sampling(TIMES.replace(" - 1e-6", "") + "return (t + 1e-6).long().clamp(max=total - 1)"), "at stop itself"),
        (sampling(TIMES.replace("ceil", "floor").replace("-6", "-6 + 2e-6") + "return (t + 1e-6).long()"), "how many"),
        (sampling(TIMES + "return t.round().long().clamp(max=total - 1)"), "take the nearest"),
        (sampling(TIMES + "return t.long().clamp(max=total - 1)"), "crumbs at the borders"),
        (sampling(TIMES + "return (t + 1e-6).long()"), "no frame after the last one"),
        (
            sampling(TIMES + "return (t[0] + 1e-6).long() + torch.arange(n) * max(1, int(fps // rate))"),
            "a whole number of frames",
        ),
        (
            sampling(TIMES + "t = (t + 1e-6).long(); return t[t < total]"),
            "after the end of the film count",
        ),
        (sampling(TIMES + "return (t + 1e-6).floor().clamp(max=total - 1)"), "int64"),
    ],
    "edge": [
        (edge(COVERED, "-(t * x).sum() / (t * t).sum()"), "which way"),
        (edge("(cut - cut[:, -1:]).sum(1) / (left - right)[0].abs()"), "which way"),
        (edge("(right - cut).sum(1) / (left - right)[0].abs()"), "must not depend on it"),
        (edge(COVERED, "(t * t).sum() / (t * x).sum().clamp(-1e9, 1e9).add(1e-6)"), "stands still"),
        (edge(COVERED, "1 / s if abs(s := (t * x).sum() / (t * t).sum()) > 0.01 else 0.0"), "frames per pixel"),
        (edge(COVERED, "(x[-1] - x[0]) / len(cut)"), "how many steps"),
        (edge("(cut - right).sum(1) * (left - right).sign()[:, 0]"), "far off"),
        (edge("(((cut - right) / (left - right)) > 0.5).sum(1).float()"), "fraction"),
        (
            "def edge_speed(cut):\n"
            "    x, t = cut.diff(dim=1).unfold(0, 2, 1).mean(-1), cut.diff(dim=0).unfold(1, 2, 1).mean(-1)\n"
            "    return float(-(x * t).sum() / (x * x).sum())\n",
            "too sharp for differences",
        ),
        (edge("(cut[:, 1:] - cut[:, :-1]).abs().argmax(1).float()"), "fraction"),
    ],
    "derivative": [
        (derivative(norm="-w / (w * k).sum()"), "count as plus"),
        (derivative(norm="w"), "answered by 1"),
        (derivative(norm="w / w.abs().sum()"), "answered by 1"),
        (derivative(r="int(3 * sigma)"), "no whole number"),
        (derivative(r="math.ceil(2 * sigma)"), "three of nine"),
        (derivative(w="k"), "another form"),
        (derivative(w="k * torch.exp(-k * k / (2 * sigma))"), "another form"),
        (derivative(w="torch.exp(-k * k / (2 * sigma**2))", norm="w / w.sum()"), "zero is the answer"),
        (derivative(after="clip = clip.flip(0)"), "count as plus"),
        (
            "def temporal_derivative(clip, sigma):\n"
            "    r = math.ceil(3 * sigma)\n"
            "    return ((clip[2:] - clip[:-2]) / 2)[r - 1 : len(clip) - r - 1]\n",
            "another form",
        ),
    ],
    "running": [
        (running("return guess - (frame - guess).clamp(-step, step)"), "go towards the frame"),
        (running("return guess + step * (frame - guess)"), "a whole step"),
        (running("return guess + (frame - guess).clamp(0, step)"), "a whole step"),
        (running("return torch.where((frame - guess).abs() > step, frame, guess)"), "no more than a step"),
        (running("return frame"), "no more than a step"),
        (running("return guess + step * (frame - guess).sign()"), "do not jump over it"),
        (running("return guess + torch.where((d := frame - guess).abs() > step, step * d.sign(), 0)"), "do not jump"),
        (running("return frame - (frame - guess).clamp(-step, step)"), "a whole step"),
        (running("return guess + step * torch.where(frame > guess, 1.0, -1.0)"), "the guess stays"),
        (running("return (guess + (frame - guess).clamp(-step, step)).mean(0)"), "as large as a frame"),
    ],
    "alias": [
        (alias("return speed"), "a shorter shift"),
        (alias("return speed % (wavelength * fps)"), "go backwards"),
        (alias("return (speed / fps + wavelength / 2) % wavelength - wavelength / 2"), "no lie yet"),
        (alias("c = wavelength * fps\n    return abs(speed - c * round(speed / c))"), "which way"),
        (alias("c = wavelength * fps / 2\n    return speed - c * round(speed / c)"), "look the same"),
        (alias("c = wavelength * fps / 2\n    return max(-c, min(c, speed))"), "look the same"),
        (alias("return (speed + wavelength / 2) % wavelength - wavelength / 2"), "no lie yet"),
        (alias("return math.fmod(speed, wavelength * fps)"), "go backwards"),
    ],
    "stripes": [
        (stripes("-" + ANGLE), "the sign"),
        (stripes("turn"), "an angle is no distance"),
        (stripes("turn / (2 * math.pi)"), "not wavelengths"),
        (stripes(ANGLE, "torch.angle(z[1:] / z[:-1]).sum() / len(z)"), "how many steps"),
        (stripes(ANGLE, "torch.angle(z).diff().mean()"), "follow the wave"),
        (stripes(ANGLE, "torch.angle(z[1:] / z[:-1]).abs().mean()"), "the sign"),
        (stripes(ANGLE, "torch.angle(z[-1] / z[0]) / (len(z) - 1)"), "follow the wave"),
        (
            "def pattern_speed(cut, wavelength):\n"
            "    x, t = cut.diff(dim=1).unfold(0, 2, 1).mean(-1), cut.diff(dim=0).unfold(1, 2, 1).mean(-1)\n"
            "    return float(-(x * t).sum() / (x * x).sum())\n",
            "follow the wave",
        ),
        (stripes(ANGLE, "torch.angle(z[1:] / z[:-1]) .clamp(-1.5, 1.5).mean()"), "phase jumps"),
        (stripes("round(float(" + ANGLE + "))"), "follow the wave"),
    ],
    "beat": [
        ("def object_speed(clip):\n    return baseline(clip)\n", "no better than", "not half"),
        ("def object_speed(clip):\n    return 0.0\n", "no better than", "not half"),
        (beat(answer="-slope"), "the other way", "not half"),
        (beat(gain="torch.ones(20)", far=0.1), "no better than", "not half"),
        (beat(answer="slope if slope > -0.8 else float('nan')"), "no number", "not half"),
        (beat("grey.median(0).values", far=0.15), "", "not half"),
        ("def object_speed(clip):\n    return math.copysign(1.0, baseline(clip))\n", "no better than", "not half"),
    ],
}


class TestHw1(Homework):
    name, points, manual = "hw1_space_time", 30, 5
    masked = ("vidlab.spacetime", "vidlab.clips", "vidlab.checks")
    checks, right, wrong = CHECKS, RIGHT, WRONG
    printed, costly = ("true median",), ("beat",)

    def test_the_number_to_beat_is_the_one_that_is_stated(self, homework):
        there = given(homework)
        clips = there["draw"](40, there["torch"].Generator().manual_seed(7))  # the first of the 200
        assert abs(there["mean_error"](clips, there["baseline"]) - 0.20) < 0.06
