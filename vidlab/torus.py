"""The one data set of the course: actors on a stage that wraps around, with every answer known.

On the torus, what leaves at the right comes back at the left, and places are uniform. So **a single frame has the same
distribution whatever the direction**, and a clip played backwards is a clip of the opposite direction: a model of
single frames is at chance, and one that ignores the order of frames can know the axis, but not the sign. (Size alone
does not wrap around: what grows is small at first, so one frame tells, if you know its place in the clip.) On a bounded
stage an actor stays in the frame, and where it starts betrays where it will go.
"""

import math
import zlib
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from .actors import COLOURS, GROWTH, MOTIONS, REACH, SHAPES, Actors
from .errors import ShapeError
from .scenes import WAVES, Scenes


@dataclass(frozen=True)
class World:
    """A recipe for clips. `World(frames=12, onset=(0, 2), visible="event")` changes what it names and keeps the rest.

    frames, size: length, and height = width in pixels.
    colours, shapes, motions: what is drawn from, uniformly; labels count along these lists.
    speed: lowest and highest, in pixels per frame (a growing actor: 4 % a frame for each). radius: likewise, in pixels.
    onset, duration: the event. Its first frame, drawn between two (both included), and how long it lasts; by default
    from frame 0 to the end.
    visible: "always" (still before and after the event), or only in the "event" (frames onset … onset + duration).
    objects: 1 or 2, the second in front. They may meet: if they were kept apart, where they are would betray where they
    go. `differ` names what two must not share, `share` what they must.
    camera: pixels per frame in a random direction, shared by everything. background: its contrast, 0 for plain.
    noise: standard deviation. flicker: each frame's brightness is multiplied by 1 ± this.
    stage: "torus", or "bounded", where the whole path stays in the frame.

    Raises:
        ShapeError: a name that does not exist, a range the wrong way round, or an actor too large for its stage.

    >>> World(frames=8).sample(4, seed=0).clip.shape
    torch.Size([4, 8, 3, 32, 32])
    """

    frames: int = 8
    size: int = 32
    colours: tuple[str, ...] = COLOURS
    shapes: tuple[str, ...] = SHAPES
    motions: tuple[str, ...] = MOTIONS[:4]
    speed: tuple[float, float] = (1.0, 2.0)
    radius: tuple[float, float] | None = None
    onset: tuple[int, int] = (0, 0)
    duration: int | None = None
    visible: str = "always"
    objects: int = 1
    differ: tuple[str, ...] = ()
    share: tuple[str, ...] = ()
    camera: float = 0.0
    background: float = 0.16
    noise: float = 0.03
    flicker: float = 0.0
    stage: str = "torus"

    def __post_init__(self) -> None:
        _expect_sense(self)

    @property
    def event(self) -> int:
        """How many frames the event lasts."""
        return self.frames - 1 if self.duration is None else self.duration

    @property
    def radii(self) -> tuple[float, float]:
        """Least and largest radius, in pixels."""
        return (0.14 * self.size, 0.17 * self.size) if self.radius is None else self.radius

    def sample(self, n: int, *, seed: int = 0, split: str = "train", device: torch.device | str = "cpu") -> "Scenes":
        """n clips. The same seed and split give the same clips; other splits share none with them.

        The actors and backgrounds of the first m of n clips are those of m clips, on every device; the noise is drawn
        on the device and depends on it.

        Raises:
            ShapeError: n below 1.
        """
        if n < 1:
            raise ShapeError(f"n={n}", wanted="at least 1 clip")
        chance = torch.Generator().manual_seed(_mix(split, seed))
        actors = self._cast(torch.rand(n, self.objects, 10, generator=chance))
        waves = torch.rand(n, 1 + 3 * WAVES, generator=torch.Generator().manual_seed(_mix(split, seed, "stage")))
        actors = Actors(**{name: value.to(device) for name, value in vars(actors).items()})
        grain = torch.Generator(device).manual_seed(_mix(split, seed, "noise"))
        return Scenes(self, actors, waves.to(device), grain)

    def _cast(self, chance: Float[Tensor, "b o 10"]) -> Actors:
        """Actors from uniform random numbers."""
        among = {"colour": (self.colours, COLOURS), "shape": (self.shapes, SHAPES), "motion": (self.motions, MOTIONS)}
        drawn = {}
        for k, (name, (allowed, all_there_are)) in enumerate(among.items()):
            pick = (chance[..., k] * len(allowed)).long()
            if name in self.share:
                pick[:, 1:] = pick[:, :1]
            if name in self.differ:  # the second: one of the others, uniformly
                pick[:, 1:] = (pick[:, :1] + 1 + (chance[:, 1:, k] * (len(allowed) - 1)).long()) % len(allowed)
            drawn[name] = torch.tensor([all_there_are.index(each) for each in allowed])[pick]
        between = lambda k, low, high: low + (high - low) * chance[..., k]  # noqa: E731
        first, last = self.onset
        actors = Actors(
            **drawn,
            speed=between(3, *self.speed),
            onset=first + (chance[..., 4] * (last - first + 1)).long(),
            duration=torch.full(chance.shape[:2], self.event),
            x=self.size * chance[..., 5],
            y=self.size * chance[..., 6],
            angle=2 * math.pi * chance[..., 7],
            radius=between(8, *self.radii),
            stripes=2 * math.pi * chance[..., 9],
        )
        return _inside(actors, self.size) if self.stage == "bounded" else actors


def _inside(actors: Actors, size: int) -> Actors:
    """The same, placed so that the whole path stays in the frame: uniform among the starts that allow it.

    Pixel centres go from 0 to size - 1, and an actor's soft edge reaches half a pixel beyond its own.
    """
    reach = torch.tensor(REACH)[actors.shape] * actors.radius * (actors.growth().abs() * actors.duration / 2).exp()
    path = actors.velocity() * actors.duration[..., None]
    places = {}
    for axis, name in enumerate("xy"):
        low = reach - path[..., axis].clamp_max(0)
        high = size - 1 - reach - path[..., axis].clamp_min(0)
        places[name] = low + getattr(actors, name) / size * (high - low)
    return Actors(**{**vars(actors), **places})


def _mix(*parts: object) -> int:
    """A seed from a split's name and a number."""
    return zlib.crc32(repr(parts).encode())


def _expect_sense(world: World) -> None:
    """Refuse a recipe that cannot be followed."""

    def expect(fine: bool, what: str, wanted: str, mend: str = "") -> None:
        if not fine:
            raise ShapeError(what, wanted=wanted, mend=mend)

    for name, known in {"colours": COLOURS, "shapes": SHAPES, "motions": MOTIONS}.items():
        given = getattr(world, name)
        fine = isinstance(given, tuple) and given and set(given) <= set(known) and len(set(given)) == len(given)
        expect(bool(fine), f"{name}={given!r}", f"a tuple of some of {known}, each once", f'{name}=("{known[0]}",)')
    for name, known in {"visible": ("always", "event"), "stage": ("torus", "bounded"), "objects": (1, 2)}.items():
        given = getattr(world, name)
        expect(given in known, f"{name}={given!r}", " or ".join(map(repr, known)))
    numbers = {"frames": 1, "size": 12, "camera": 0, "background": 0, "noise": 0, "flicker": 0}
    for name, least in numbers.items():
        expect(getattr(world, name) >= least, f"{name}={getattr(world, name)}", f"at least {least}")
    for name, given in {"speed": world.speed, "radius": world.radii, "onset": world.onset}.items():
        pair = f"{name}={given!r}", "(lowest, highest), not below 0"
        expect(isinstance(given, tuple) and len(given) == 2, *pair, f"{name}=({given!r}, {given!r})")
        expect(0 <= given[0] <= given[1], *pair)
    expect(world.radii[0] > 0, f"radius={world.radii}", "above 0")
    late = f"onset={world.onset}, duration={world.event} in {world.frames} frames"
    fine = world.onset[1] < world.frames and 0 <= world.event < world.frames
    expect(fine, late, f"onset and duration from 0 to {world.frames - 1}")
    farthest = world.speed[1] * world.event
    needs = [2 * max(REACH[SHAPES.index(each)] for each in world.shapes) * world.radii[1]]  # px, for every actor's path
    if not set(MOTIONS[6:]).isdisjoint(world.motions):
        needs.append(needs[0] * math.exp(GROWTH * farthest / 2))
    if world.stage == "bounded" and not set(MOTIONS[:4]).isdisjoint(world.motions):
        needs.append(needs[0] + farthest)
    small = f"actors that may need {max(needs):.1f} px, on a {world.stage} stage of {world.size} px"
    fits = max(needs) <= world.size - (world.stage == "bounded")
    expect(fits, small, "room for every path", "a larger size, fewer frames, a lower speed, or a smaller radius")
    for name in (*world.differ, *world.share):
        fine = name in ("colour", "shape", "motion") and world.objects == 2
        given = f"differ={world.differ!r}, share={world.share!r}, objects={world.objects}"
        expect(fine, given, "a tuple of colour, shape or motion, of two objects", 'objects=2, differ=("motion",)')
        both = name in world.differ and (name in world.share or len(getattr(world, f"{name}s")) == 1)
        expect(not both, f"two objects that differ in {name}", f"several {name}s, and no share={world.share}")
    fixed = world.stage == "torus" or not world.camera
    expect(fixed, f"camera={world.camera} on a bounded stage", "a camera that stands still", 'stage="torus"')
