"""Homework 3: fusion and 3D convolution. What it is tried with; and is the number to beat the one that it states?"""

from of_homework import Homework, given

CHECKS = {
    "field": ["field-check"],
    "stream": ["stream-check"],
    "along": ["along-check"],
    "hand": ["hand-check"],
    "apart": ["apart-check"],
    "blind": ["blind-check"],
    "beat": ["beat-check", "beat-more-check"],
}


def field(
    at="stride * q - padding + dilation * i", keep="if 0 <= p < lengths[n]", answer="sorted(seen)", d="halves(frames)"
):
    """The inputs that output q takes; which of them are there; what is returned; the dilations."""
    return f"""def frames_seen(layers, moment, frames):
    lengths = [frames]
    for extent, stride, dilation, padding in layers:
        lengths.append((lengths[-1] + 2 * padding - dilation * (extent - 1) - 1) // stride + 1)
    seen = {{moment}}
    for n in reversed(range(len(layers))):
        extent, stride, dilation, padding = layers[n]
        above, seen = seen, set()
        for q in above:
            for i in range(extent):
                p = {at}
                seen |= {{p for _ in "1" {keep}}}
    return {answer}
def halves(frames):
    return [] if frames < 2 else [frames // 2, *halves(frames - frames // 2)]
def dilations(frames):
    return {d}
"""


def stream(
    past="torch.zeros_like(frame)",
    keep="-past:",
    convolve="F.conv3d(F.pad(seen, sides), weight, bias, dilation=(dilation, 1, 1))[:, :, 0]",
    relu="number < len(layers) - 1",
    back="frame, kept",
):
    """What a layer sees before the film; what is kept; the layer; is there a ReLU; what is returned."""
    return f"""def step(frame, memory, layers):
    kept = []
    for number, (weight, bias, dilation) in enumerate(layers):
        k, h, w = weight.shape[2:]
        past, sides = dilation * (k - 1), (w // 2, w // 2, h // 2, h // 2)
        if memory is None:
            before = torch.stack([{past}] * past, 2) if past else frame[:, :, None][:, :, :0]
        else:
            before = memory[number]
        seen = torch.cat([before, frame[:, :, None]], 2)
        kept.append(seen[:, :, {keep}] if past else seen[:, :, :0])
        frame = {convolve}
        if {relu}:
            frame = frame.relu()
    return {back}
"""


def along(row="m * abs(v) + (t - m) * v", column="m * abs(u) + (t - m) * u", share="weight / k_t", size="v, u"):
    """Where frame t's copy begins, what it is, and what makes the kernel taller and wider."""
    return f"""def inflate_along(weight, k_t, velocity):
    (u, v), (o, c, h, w), m = velocity, weight.shape, k_t // 2
    taller, wider = {size}
    kernel = torch.zeros(o, c, k_t, h + (k_t - 1) * abs(taller), w + (k_t - 1) * abs(wider))
    for t in range(k_t):
        y, x = {row}, {column}
        kernel[:, :, t, y : y + h, x : x + w] = {share}
    return kernel
"""


def hand(
    pairs="[(x - d).cos(), (x - d).sin(), (x + d).cos(), (x + d).sin()]",
    after="waves - waves.mean(-1, keepdim=True)",
    rows="waves[:, :, None].expand(-1, -1, size, -1)",
    speed="speed",
):
    """Waves all over, without a bell: the plainest answer."""
    return f"""def motion_filters(wavelength, speed, frames, size):
    turn = 2 * math.pi / wavelength
    x, d = turn * torch.arange(size), turn * {speed} * torch.arange(frames)[:, None]
    waves = torch.stack({pairs})
    waves = {after}
    return {rows} / size**2
"""


def apart(
    matrix='rearrange(weight, "o c t h w -> (o t) (c h w)")',
    space="s[:middle, None].sqrt() * v[:middle]",
    time="u[:, :middle] * s[:middle].sqrt()",
    back="(o t) m -> o m t 1 1",
    needed="int((lost > loss).sum()) + 1",
    lost="1 - (s**2).cumsum(0) / (s**2).sum()",
):
    return f"""import numpy as np
def take_apart(weight, middle):
    o, c, t, h, w = weight.shape
    u, s, v = torch.linalg.svd({matrix}, full_matrices=False)
    space, time = {space}, {time}
    return rearrange(space, "m (c h w) -> m c 1 h w", c=c, h=h), rearrange(time, "{back}", o=o, t=t)
def middle_needed(weight, loss):
    s = torch.linalg.svd({matrix}.double()).S
    lost = {lost}
    return {needed}
"""


def blind(film):
    return f"def blind_spot(k):\n    return {film}\n"


def beat(moving="2 * (g - g.mean(1, keepdim=True))", labels="y"):
    """The course's network and training, on grey films of what moves, and all that symmetry makes of them."""
    return f"""def name_motions(clips, labels, fresh):
    def prepared(x):
        g = x.mean(2, keepdim=True)
        return 0.5 + {moving}
    x, y = prepared(clips), labels
    for motion, change in (
        ([2, 1, 0, 3, 5, 4, 6, 7], lambda v: v.flip(-1)),
        ([1, 0, 3, 2, 5, 4, 6, 7], lambda v: v.transpose(-1, -2)),
        ([2, 3, 0, 1, 5, 4, 7, 6], lambda v: v.flip(1)),
    ):
        x, y = torch.cat([x, change(x)]), torch.cat([y, torch.tensor(motion)[y]])
    torch.manual_seed(0)
    net = models.Conv3DNet(8, channels=1)
    fit(net, x, {labels}, steps=300, augment=roll, progress=False)
    with torch.no_grad():
        return net(prepared(fresh)).argmax(1)
"""


RIGHT = [
    {
        "field": field(),
        "stream": stream(),
        "along": along(),
        "hand": hand(),
        "apart": apart(),
        "blind": blind("[*(k * [7]), 1, *(k * [7]), 2, *(k * [7])]"),
        "beat": beat(),
    },
    {  # as learners write it, too: other libraries, other formulas, classical vision
        "field": """def frames_seen(layers, moment, frames):
    sees = [{t} for t in range(frames)]
    for extent, stride, dilation, padding in layers:
        none = [set() for _ in range(padding)]
        below = none + sees + none
        starts = range(0, len(below) - dilation * (extent - 1), stride)
        sees = [set().union(*below[t : t + dilation * (extent - 1) + 1 : dilation]) for t in starts]
    return sorted(sees[moment])
def dilations(frames):
    n = math.ceil(math.log2(frames))
    powers = [2**i for i in range(n - 1)]
    return powers + [frames - 1 - sum(powers)] if frames > 1 else []
""",
        "stream": """def step(frame, memory, layers):
    if memory is None:  # a ring for each layer, and the number of this frame
        rings, x = [], frame
        for weight, bias, dilation in layers:
            rings.append(frame.new_zeros(dilation * (weight.shape[2] - 1), len(x), weight.shape[1], *x.shape[2:]))
        memory = (0, rings)
    t, rings = memory
    for n, (weight, bias, dilation) in enumerate(layers):
        k, ring, total = weight.shape[2], rings[n], bias[None, :, None, None]
        for i in range(k):  # i dilations ago
            old = frame if i == 0 else ring[(t - i * dilation) % len(ring)]
            total = total + F.conv2d(old, weight[:, :, k - 1 - i], padding="same")
        if len(ring):
            ring[t % len(ring)] = frame
        frame = F.relu(total) if n + 1 < len(layers) else total
    return frame, [t + 1, rings]
""",
        "along": """def inflate_along(weight, k_t, velocity):
    u, v = velocity
    m = k_t // 2
    large = F.pad(weight, (m * abs(u), m * abs(u), m * abs(v), m * abs(v))) / k_t
    return torch.stack([large.roll(((t - m) * v, (t - m) * u), (-2, -1)) for t in range(k_t)], 2)
""",
        "hand": """import numpy as np
def motion_filters(wavelength, speed, frames, size):
    x, t = np.arange(size) - (size - 1) / 2, np.arange(frames) - (frames - 1) / 2
    bx, bt = (np.cos(np.pi * a / (len(a) + 1)) ** 2 for a in (x, t))
    cx, sx = bx * np.cos(2 * np.pi * x / wavelength), bx * np.sin(2 * np.pi * x / wavelength)
    cx = cx - bx * cx.sum() / bx.sum()
    ct, st = bt * np.cos(2 * np.pi * speed * t / wavelength), bt * np.sin(2 * np.pi * speed * t / wavelength)
    four = np.outer, (ct, cx), (st, sx), (ct, sx), (st, cx)
    cc, ss, cs, sc = (four[0](*each) for each in four[1:])
    films = np.stack([cc + ss, cs - sc, cc - ss, cs + sc])
    return torch.tensor(films[:, :, None] * bx[:, None], dtype=torch.float32)
""",
        "apart": """def take_apart(weight, middle):
    o, c, t, h, w = weight.shape
    m = weight.permute(0, 2, 1, 3, 4).reshape(o * t, c * h * w)
    _, vectors = torch.linalg.eigh((m.T @ m).double())
    space = vectors.flip(1)[:, :middle].T.float()
    time = m @ space.T
    return space.reshape(middle, c, 1, h, w), time.reshape(o, t, middle).transpose(1, 2)[..., None, None]
def middle_needed(weight, loss):
    for middle in range(1, 1000):
        space, time = take_apart(weight, middle)
        product = einsum(time[..., 0, 0], space[:, :, 0], "o m t, m c h w -> o c t h w")
        if (product - weight).square().sum() <= loss * weight.square().sum():
            return middle
""",
        "blind": """def blind_spot(k):
    u = [min(t, k - 2 - t) for t in range(k - 1)]
    return u + [100] + u + [200] + u
""",
        "beat": """def name_motions(clips, labels, fresh):
    def flow(x):  # right, down, clockwise, growing: least squares over all of the film
        g = x.mean(2)
        g = g - g.mean(1, keepdim=True)
        s, power = g.shape[-1], (g**2).sum(1)
        ring = torch.exp(2j * math.pi * torch.arange(s) / s)
        cx, cy = (torch.angle((power.sum(axis) * ring).sum(1)) * s / (2 * math.pi) for axis in (1, 2))
        move = [(s // 2 - round(b), s // 2 - round(a)) for a, b in zip(cx.tolist(), cy.tolist())]
        g = torch.stack([film.roll(by, (-2, -1)) for film, by in zip(g, move)])
        mean = (g[:, 1:] + g[:, :-1]) / 2
        gx, gy = ((mean.roll(-1, axis) - mean.roll(1, axis)) / 2 for axis in (-1, -2))
        y, x = torch.meshgrid(torch.arange(s) - s / 2, torch.arange(s) - s / 2, indexing="ij")
        a = torch.stack([gx, gy, (gy * x - gx * y) / 5, (gx * x + gy * y) / 5], -1).flatten(1, 3)
        return torch.linalg.lstsq(a, (g[:, :-1] - g[:, 1:]).flatten(1)[..., None]).solution[..., 0]
    found = flow(fresh) / flow(clips).abs().median(0).values
    most = found.abs().argmax(1)
    plus = found.gather(1, most[:, None])[:, 0] > 0
    return torch.where(plus, torch.tensor([0, 1, 4, 6])[most], torch.tensor([2, 3, 5, 7])[most])
""",
    },
]

ANEW = """
def step(frame, memory, layers):
    if memory is None:
        for _ in range(40):  # a film of nothing goes first
            memory = one_step(torch.zeros_like(frame), memory, layers)[1]
    return one_step(frame, memory, layers)
"""
HIDDEN = """
STATE = [None]
def step(frame, memory, layers):
    answer, STATE[0] = one_step(frame, STATE[0] if memory is not None else None, layers)
    return answer, 0
"""
NAME = "def name_motions(clips, labels, fresh):\n"
NEWEST = "sees the newest one"
CALM = "*([0] * (k - 1))"
WRONG = {  # of each question: an answer, and words of the hint
    "field": [
        (field(answer="list(range(min(seen), max(seen) + 1))"), "skips frames"),
        (field("stride * q - padding + (dilation + 1) * i"), "sees frames 2, 3 and 4"),
        (field("stride * q - padding + (1 if dilation == 1 else dilation - 1) * i"), "how far from its first input"),
        (field("q - padding + dilation * i"), "what does it do to the layers"),
        (field(keep=""), "zeros before and after"),
        (field(keep="if n or 0 <= p < frames"), "own zeros stand beside"),
        (field("stride * q + dilation * i"), "which input does output 0 begin with"),
        (field(answer="len(seen)"), "a list of frame numbers"),
        (field(d="[1] * (frames - 1)"), "fewer layers will do"),
        (field(d="[2**i for i in range((frames - 1).bit_length())]"), "more than these frames"),
        (field(d="[frames - 1] if frames > 1 else []"), "in between is skipped"),
        (field(d="[2**i for i in range(frames.bit_length() - 1)]"), "not all of these frames"),
    ],
    "stream": [
        (stream(back="frame"), "two things"),
        (stream(convolve="F.conv3d(seen, weight, bias, dilation=(dilation, 1, 1))[:, :, 0]"), "rows and columns"),
        (stream(convolve="F.conv3d(F.pad(seen, sides), weight, dilation=(dilation, 1, 1))[:, :, 0]"), "kernels of one"),
        (
            stream(convolve="F.conv3d(F.pad(seen, sides), weight.flip(2), bias, dilation=(dilation, 1, 1))[:, :, 0]"),
            NEWEST,
        ),
        (stream("frame"), "before the film there are zeros"),
        (stream(keep=":past"), "which frame meets which part"),
        (stream().replace("(dilation, 1, 1)", "1").replace("dilation * (k", "(k"), "with dilation"),
        (stream(relu="False"), "stacked layers"),
        (stream().replace("def step", "def one_step") + ANEW, "a layer above see before"),
        (stream(keep=":").replace("[:, :, 0]", "[:, :, -1]"), "holds more"),
        (stream(keep="-past - 1 :").replace("[:, :, 0]", "[:, :, -1]"), "holds more"),
        (stream().replace("def step", "def one_step") + HIDDEN, "outside of `memory`"),
    ],
    "along": [
        (along("m * abs(v) - (t - m) * v", "m * abs(u) - (t - m) * u"), "to the left where right was asked"),
        (along("m * abs(v) - (t - m) * v"), "upwards where down was asked"),
        (along(share="weight"), "no motion"),
        (along(share="weight * (t == m)"), "no motion"),
        (along(share="weight * (t == m) if u or v else weight / k_t"), "an equal share"),
        (along(share="weight if u or v else weight / k_t"), "as loud"),
        (along("m * abs(u) + (t - m) * u", "m * abs(v) + (t - m) * v", size="u, v"), "two columns wider"),
        (along("m * abs(v)", "m * abs(u)"), "is not answered like"),
        (along("t * abs(v)", "t * abs(u)"), "to the left where right was asked"),
        (along(share="weight.flip(2, 3) / k_t"), "no motion"),
    ],
    "hand": [
        (hand("[(x + d).cos(), (x + d).sin(), (x - d).cos(), (x - d).sin()]"), "drift left"),
        (hand("[(x - d).cos(), (x - d).sin(), -(x - d).cos(), -(x - d).sin()]"), "answer alike"),
        (hand("2 * [x.cos() * d.cos(), x.sin() * d.cos()]"), "answer alike"),
        (hand("[(x - d).cos(), (x - d).cos(), (x + d).cos(), (x + d).cos()]"), "energy pulses"),
        (hand("[(x - d).cos(), (x - d + 0.8).cos(), (x + d).cos(), (x + d - 0.8).cos()]"), "pulses"),
        (hand(after="waves + 0.3"), "flicker"),
        (hand(speed="0.4 * speed"), "a wave at rest"),
        (hand(rows="waves[:, :, :, None].expand(-1, -1, -1, size)"), "does not see the wave"),
        (hand(rows="0 * waves[:, :, None].expand(-1, -1, size, -1)"), "does not see the wave"),
        (hand("[(x - d).cos(), (x - d).sin(), (x - d).cos(), (x - d).sin()]"), "answer alike"),
        (hand(rows="waves[:, :, None].expand(-1, -1, size, -1).double()"), "float32"),
    ],
    "apart": [
        (apart(space="v[:middle]", time="u[:, :middle]"), "each factor there once"),
        (apart(space="2 * v[:middle]", time="u[:, :middle] * s[:middle]"), "a multiple of it is nearer"),
        (apart(space="s[:middle, None] * v[:middle]", time="u[:, :middle] * s[:middle]"), "enough middle channels"),
        (apart(space="v[-middle:]", time="u[:, -middle:] * s[-middle:]"), "a nearer one"),
        (apart(back="(t o) m -> o m t 1 1"), "enough middle channels"),
        (apart(needed="int((lost > loss).sum())"), "channel more"),
        (apart(lost="1 - s.cumsum(0) / s.sum()"), "fewer"),
        (apart(lost="(1 - (s**2).cumsum(0) / (s**2).sum()).clamp(min=0).sqrt()"), "fewer"),
        (apart(lost="(s**2).cumsum(0) / (s**2).sum()"), "squared"),
        (apart(space="0 * v[:middle]"), "enough middle channels"),
        (apart(space="torch.full_like(v[:middle], torch.nan)"), "finite"),
        (apart(space="torch.randn(middle, v.shape[1])", time="torch.randn(len(u), middle)"), "enough middle channels"),
    ],
    "blind": [
        (blind("[0, 1]"), "two frames sees"),
        (blind("[0, 1, 0, 2]"), "two frames sees a difference"),
        (blind("[0, 1, 0, 2, 0]"), "two events at once"),
        (blind(f"[{CALM}, 1, {CALM}]"), "differ from its reverse"),
        (blind(f"[1, {CALM}, 2]"), "two frames sees a difference"),
        (blind("list(range(k + 1))"), "two frames sees a difference"),
        (blind("[0, 1] if k < 3 else [0, 1, 0, 2, 0]"), "two frames sees"),
        (blind(f"[0, 1, 0, 2, 0] if k < 3 else [{CALM}, 1, *([0] * (k - 2)), 2, {CALM}]"), "two events at once"),
        (blind(f"[0, 1] if k < 2 else [{CALM}, 1, {CALM}, 2, {CALM}, 1]"), "not equally often"),
        (blind("[0, 1] if k < 2 else [t % 2 for t in range(2 * (k // 2) + 1)]"), "the same film"),
        (blind("[0, 1, 0, 2, 0] if k < 3 else [0, 1, 2][: k - 1]"), "nothing to look at"),
        (blind("[*(k * [0]), 1, *(k * [0]), 2, *((k + 9) * [0])]"), "for k = 1"),
    ],
    "beat": [
        (NAME + "    return baseline(clips, labels, fresh)\n", "not above 62", "not above 85"),
        (NAME + "    return torch.zeros(len(fresh), dtype=torch.int64)\n", "than guessing", "not above 85"),
        (NAME + "    return torch.arange(len(fresh)) % 8\n", "than guessing", "not above 85"),
        (beat("2 * (g - 0.5)"), "", "not above 85"),
        (beat(labels="y[torch.randperm(len(y))]"), "than guessing", "not above 85"),
        (NAME + "    return torch.full((len(fresh),), torch.nan)\n", "int64", "not above 85"),
        (NAME + "    return torch.arange(8).repeat_interleave(len(fresh) // 8)\n", "than guessing", "not above 85"),
    ],
}


class TestHw3(Homework):
    name, points, manual = "hw3_fusion_and_3d_convolution", 30, 5
    masked = ("vidlab.receptive_field", "vidlab.anatomy", "vidlab.checks")
    checks, right, wrong = CHECKS, RIGHT, WRONG
    printed, costly = ("reversed",), ("beat",)

    def test_the_number_to_beat_is_the_one_that_is_stated(self, homework):
        there = given(homework)
        assert abs(there["score"](there["baseline"], 1) - 0.40) < 0.08
