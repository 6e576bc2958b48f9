"""The figures of lesson 05 as its slides show them, with networks that were never trained: made in a second."""

import torch

from vidlab import figures, models, worlds
from vidlab.anatomy import uses_time


def live_of_05() -> dict[str, list[str]]:
    """What `vidlab.live.pages` gives for lesson 05: {cell id: HTML of each output}, figures of the same form."""
    torch.manual_seed(0)
    large = worlds.World(size=96, speed=(3.0, 6.0), noise=0.01).sample(6, seed=5)
    play = figures.ClipPlayer({f"clip {i}": clip for i, clip in enumerate(large.clip)}, fps=6, columns=6)

    event = worlds.World(frames=16, onset=(0, 13), duration=1, visible="event")
    later = event.sample(6, split="test")
    finder = models.PooledFusion(4, pool="attention").eval()
    with torch.no_grad():
        scores = finder.scores(finder.vectors(later.clip.float() / 255))
    names = [event.colours[k] for k in later.label["colour"]]
    weights = figures.FrameWeights(later.clip, 40 * scores, names=names, title="Two frames count")

    world = worlds.World()
    test = world.sample(6, split="test")
    trio = {
        "single frame": models.SingleFrame(classes=4).eval(),
        "max pool": models.PooledFusion(4, pool="max").eval(),
        "late, maps": models.LateFusion(4, frames=8, maps=True).eval(),
    }
    battery = figures.TimeBattery.of(trio, test.clip, classes=world.motions, truth=test.label["motion"])
    report = uses_time(trio["single frame"], test.clip, test.label["motion"])
    tables = {"battery": [report._repr_html_()]}
    return tables | {"play": [play.html()], "weights-show": [weights.html()], "battery-show": [battery.html()]}
