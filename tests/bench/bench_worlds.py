"""How fast worlds are made and volumes filtered, on two threads, and how exact they are. Prints; asserts nothing."""

import time
from operator import attrgetter

import torch

from vidlab import spacetime, worlds


def best(function, times: int = 5) -> float:
    """Seconds of the fastest of several runs."""
    function()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    torch.set_num_threads(2)
    chance = torch.Generator().manual_seed(0)
    keys = {"frames": 8, "size": 32, "colours": 4, "generator": chance}
    print(f"drifting_textures, 8 × 32 × 32: {256 / best(lambda: worlds.drifting_textures(256, **keys)):,.0f} clips/s")
    world = worlds.World()
    film = best(lambda: world.sample(256).clip)
    answers = best(lambda: attrgetter("clip", "mask", "flow")(world.sample(256)))
    print(f"World(), 8 × 32 × 32: {256 / film:,.0f} clips/s; with flow and masks {256 / answers:,.0f} clips/s")
    pan = worlds.translation(1.3, -0.7, 32)
    print(f"moving_texture, 32 × 64 × 64: {1e3 * best(lambda: worlds.moving_texture(pan, size=64)):.0f} ms")
    ball = {"velocity": (1.5, 0.5), "frames": 32, "size": 64}
    print(f"moving_object, 32 × 64 × 64: {1e3 * best(lambda: worlds.moving_object(**ball)):.0f} ms")
    clip = torch.rand(120, 3, 248, 442, generator=chance)
    octets = (255 * clip).byte()
    kernel = spacetime.gaussian(2.0)
    print("120 frames of 248 × 442:")
    for name, function in {
        "temporal_median, bytes": lambda: spacetime.temporal_median(octets),
        "temporal_median, floats": lambda: spacetime.temporal_median(clip),
        f"temporal_filter, {len(kernel)} weights": lambda: spacetime.temporal_filter(clip, kernel),
        "foreground": lambda: spacetime.foreground(clip, clip[0]),
    }.items():
        print(f"  {name}: {1e3 * best(function, 2):.0f} ms")


if __name__ == "__main__":
    main()
