"""Clips of a world with invented answers of a spatial and a temporal stream, for the tests of TwoStreams."""

import torch

from vidlab.figures import Disturbance, TwoStreams
from vidlab.worlds import World

COLOURS, MOTIONS = ("red", "blue", "green", "yellow"), ("right", "down", "left", "up")
SIXTEEN = [f"{colour} {motion}" for colour in COLOURS for motion in MOTIONS]
KINDS = {
    "sensor noise σ": ("noise", (0.0, 0.05, 0.1, 0.15, 0.25, 0.4)),
    "camera, px/frame": ("camera", (0.0, 0.3, 0.6, 1.0, 1.5, 2.0)),
    "flicker ±": ("flicker", (0.0, 0.1, 0.2, 0.3, 0.4, 0.6)),
}


def chance(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def sure(right, share, k=4, seed=0):
    """Probabilities `n k` that give the right one `share`, and the others the rest, unevenly."""
    p = 0.5 + chance(len(right), k, seed=seed)
    p[torch.arange(len(right)), right] = 0
    p = p / p.sum(-1, keepdim=True) * (1 - share)
    p[torch.arange(len(right)), right] = share
    return p


def disturbance(name="sensor noise σ", *, v=6, n=4, t=6, directions=False, gate=4, accuracy=True, seed=3, flow=None):
    """What becomes of n clips: (disturbance, true classes). The temporal stream suffers more, as flow does.

    directions: four classes, the directions, of which a picture knows nothing. flow: a function of clips `n t c h w`.
    """
    kind, values = KINDS[name]
    clips, flows, rgb, motion = [], [], [], []
    for k in range(v):
        world = World(**{"frames": t, "noise": 0.02, kind: values[k]})
        scenes = world.sample(n, seed=seed)
        colour, way = scenes.label["colour"], scenes.label["motion"]
        clips.append(scenes.clip)
        noise = values[k] if kind == "noise" else 0.02
        measured = scenes.flow + 3 * noise * torch.randn(scenes.flow.shape, generator=torch.Generator().manual_seed(k))
        flows.append(measured if flow is None else flow(scenes.clip))
        fall = 1 - k / max(1, v - 1)
        of_colour, of_way = sure(colour, 0.6 + 0.37 * fall, seed=1), sure(way, 0.2 + 0.75 * fall, seed=2)
        flat = lambda s: 0.23 + 0.08 * chance(n, 4, seed=s)  # noqa: E731
        level = [each / each.sum(-1, keepdim=True) for each in (flat(5 + k), flat(50 + k))]
        if directions:
            rgb.append(level[0])
            motion.append(of_way)
        else:
            rgb.append((of_colour[:, :, None] * level[0][:, None]).flatten(1))
            motion.append((level[1][:, :, None] * of_way[:, None]).flatten(1))
    scores = {"RGB": torch.stack(rgb), "flow": torch.stack(motion)}
    scores["fused"] = (scores["RGB"] + scores["flow"]) / 2
    lines = {"RGB": [0.25 - 0.01 * k for k in range(v)], "flow": [0.25 - 0.03 * k for k in range(v)]}
    lines["fused"] = [0.99 - 0.13 * k for k in range(v)]
    maps = None
    if gate:
        way = torch.linspace(0, 1, v)[:, None, None, None]
        maps = 0.6 * way + 0.4 * chance(v, n, gate, gate, seed=9)  # the more noise, the more it believes the picture
    truth = scenes.label["motion"] + (0 if directions else 4 * scenes.label["colour"])
    made = Disturbance(
        name, list(values[:v]), torch.stack(clips), torch.stack(flows), scores, maps, lines if accuracy else None
    )
    return made, truth


def example(*names, directions=False, title="Two streams", reach=None, **options):
    """A TwoStreams of these disturbances; by default of one."""
    view = {key: options.pop(key) for key in ("disturbance", "level", "clip", "frame", "fps") if key in options}
    made = [disturbance(name, directions=directions, **options) for name in names or ("sensor noise σ",)]
    classes = list(MOTIONS) if directions else SIXTEEN
    return TwoStreams([each for each, _ in made], made[0][1], classes, title, reach, **view)
