"""HornSchunck and Tracks without a browser: what they carry, against vidlab.flow and against points made by hand."""

import base64
import io
import math
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from vidlab import figures, flow, worlds
from vidlab.errors import ShapeError
from vidlab.figures import HornSchunck, Tracks, tracks

FOLDER = Path(figures.__file__).parent


def pair(size=24):
    sample = worlds.moving_object((1.0, 0.5), frames=2, size=size, seed=3)
    return sample.clip[0, 0], sample.clip[0, 1], sample.flow[0, 0]


def solver(iterations=20, **how):
    first, second, truth = pair()
    return HornSchunck(first, second, truth=truth, iterations=iterations, **how)


def noise(t=8, h=18, w=26, seed=0):
    return torch.rand(t, 3, h, w, generator=torch.Generator().manual_seed(seed))


def four_points(frames=8):
    """Point 0 goes right, 1 down and dies in frame 5, 2 stands still, 3 is born in frame 3 and goes left and up."""
    t = torch.arange(float(frames))
    still = torch.zeros(frames)
    x = torch.stack([3 + 2 * t, still + 5, still + 20, 24 - t], dim=1)
    y = torch.stack([still + 4, 1.25 + 1.5 * t, still + 12.5, 16 - t], dim=1)
    alive = torch.ones(frames, 4, dtype=torch.bool)
    alive[5:, 1] = False
    alive[:3, 3] = False
    points = torch.stack([x, y], dim=-1)
    points[~alive] = math.nan  # where a point is dead, its place must not matter
    return SimpleNamespace(points=points, alive=alive)


def every_widget(title="Noise"):
    return [solver(title=title), Tracks(noise(), four_points(), title=title)]


@pytest.mark.parametrize("k", range(2))
def test_what_a_widget_gives(k):
    one, two = every_widget()[k], every_widget()[k]
    bundle = one._repr_mimebundle_()
    assert bundle == two._repr_mimebundle_()
    assert every_widget("Another")[k].html() != one.html()
    assert bundle["text/plain"] == one.alt
    assert "Noise" in one.alt
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert "http" not in bundle["text/html"].replace("http://www.w3.org/2000/svg", "")
    bad = every_widget("</script><script>alert(1)</script><!--")[k].html()
    assert len(re.findall("</?script", bad)) == 2
    assert "<!--" not in bad


def test_python_and_javascript_agree_on_tracks():
    script = (FOLDER / "tracks.js").read_text()
    for constant in (f"SPAN = {tracks.SPAN}", f"STILL = {tracks.STILL}", f'GREY = "{tracks.GREY}"'):
        assert f"{constant};" in script


# --- HornSchunck ---


def test_the_numbers_are_those_of_the_solver():
    widget, (first, second, truth) = solver(), pair()
    state = widget.state()
    assert state["stops"] == [0, 1, 2, 4, 8, 16, 20]
    assert state["choices"] == [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
    derivatives = flow.cube_derivatives(first.mean(0)[None, None], second.mean(0)[None, None])
    assert widget.fields.lossless
    for i, smoothness in enumerate(state["choices"]):
        for k, stop in enumerate(state["stops"]):
            exact = flow.horn_schunck_1981(first[None], second[None], smoothness=smoothness, iterations=stop)
            energy = float(flow.energy(exact, *derivatives, smoothness))
            error = float((exact - truth).norm(dim=1).mean())
            assert state["energies"][i][k] == pytest.approx(energy, rel=1e-4)
            assert state["errors"][i][k] == pytest.approx(error, rel=1e-4)
            shown = widget.fields.frames[i * len(state["stops"]) + k] / 255
            colours = flow.colorize(exact, state["largest"])[0].permute(1, 2, 0)
            assert np.abs(shown - colours.numpy()).max() <= 0.51 / 255
    colours = flow.colorize(truth[None], state["largest"])[0].permute(1, 2, 0)
    assert np.abs(widget.fields.frames[-1] / 255 - colours.numpy()).max() <= 0.51 / 255
    np.testing.assert_array_equal(widget.frames.frames[1], (second * 255).round().byte().permute(1, 2, 0))


def test_unknown_truth_does_not_count():
    first, second, truth = pair()
    half = truth.clone()
    half[:, :, :12] = math.nan
    errors = HornSchunck(first, second, truth=half, iterations=4).state()["errors"]
    assert errors[0][0] == pytest.approx(float(truth[:, :, 12:].norm(dim=0).mean()), rel=1e-4)  # at rest
    with pytest.raises(ShapeError, match="unknown at every pixel"):
        HornSchunck(first, second, truth=half * math.nan)
    without = HornSchunck(first, second, iterations=4)
    assert without.state()["errors"] == 5 * [[]]
    assert "endpoint" not in without.alt


def test_any_smoothness_while_python_is_there():
    widget, (first, second, truth) = solver(), pair()
    assert not widget.state()["kernel"]
    live = widget.live()
    assert live.kernel
    live.smoothness = 0.01  # the page has it
    assert live.computed is None
    live.smoothness = 0.037
    assert live.computed["smoothness"] == 0.037
    exact = flow.horn_schunck_1981(first[None], second[None], smoothness=0.037, iterations=20)
    assert live.computed["errors"][-1] == pytest.approx(float((exact - truth).norm(dim=1).mean()), rel=1e-4)
    assert live.computed["fields"]["count"] == len(widget.stops)
    with pytest.raises(ValueError, match="above 0"):
        live.smoothness = -1.0


def test_large_frames_fit_the_page_and_the_caption_says_how():
    first, second = noise(2, 200, 300)
    widget = HornSchunck(first, second, iterations=16, truth=torch.rand(2, 200, 300))
    assert len(widget.html().encode()) <= 500_000
    height, width = widget.fields.frames.shape[1:3]
    assert height * width <= 96 * 96
    assert f"the flow at {width}×{height} of 300×200 pixels" in widget.state()["caption"]
    derivatives = flow.cube_derivatives(first.mean(0)[None, None], second.mean(0)[None, None])
    rest = float(flow.energy(torch.zeros(1, 2, 200, 300), *derivatives, 1.0))
    assert widget.energies[0][0] == pytest.approx(rest, rel=1e-4)  # of the frames as they are


def test_the_words_of_the_solver():
    widget = solver(title="A disk")
    energies, errors = widget.energies[2], widget.errors[2]
    assert "A disk: flow of two frames of 24×24 pixels, λ = 0.001. In 20 iterations" in widget.alt
    assert f"falls to {energies[-1] / energies[0]:.1%}" in widget.alt
    assert f"from {errors[0]:.3f} to {errors[-1]:.3f} pixels" in widget.alt
    mean = flow.horn_schunck_1981(*(image[None] for image in pair()[:2]), iterations=20).mean((0, 2, 3))
    assert f"{mean[0]:.2f} to the right and {mean[1]:.2f} down" in widget.alt


def test_nothing_moves_nothing_breaks():
    still = torch.full((1, 5, 7), 0.5)
    widget = HornSchunck(still, still, truth=torch.zeros(2, 5, 7), iterations=1)
    assert widget.state()["stops"] == [0, 1]
    assert widget.energies == 5 * [[0.0, 0.0]]
    assert len(widget.poster()) > 100


def test_what_the_solver_refuses():
    first, second, truth = pair()
    for bad in ((first, second[:, :-1]), (first[None].repeat(2, 1, 1, 1), second), (first[0], second)):
        with pytest.raises(ShapeError):
            HornSchunck(*bad)
    with pytest.raises(ShapeError):
        HornSchunck(first, second, truth=truth[:, :-1])
    for how in ({"smoothness": 0.0}, {"smoothness": math.nan}, {"iterations": 0}):
        with pytest.raises(ValueError, match="above 0"):
            HornSchunck(first, second, **how)


# --- Tracks ---


def unpacked(state: dict) -> tuple[np.ndarray, np.ndarray]:
    """Points and alive as a page reads them."""
    count, n = state["sprite"]["count"], state["points"]
    moves = np.frombuffer(base64.b64decode(state["moves"]), np.int8).reshape(count - 1, n, 2)
    start = np.array(state["start"]).reshape(1, n, 2)
    bits = np.unpackbits(np.frombuffer(base64.b64decode(state["alive"]), np.uint8), bitorder="little")
    places = np.concatenate([start, start + np.cumsum(moves, axis=0, dtype=int)])
    return places * state["unit"], bits[: count * n].reshape(count, n).astype(bool)


def test_points_arrive_where_they_are():
    given = four_points()
    state = Tracks(noise(), given).state()
    points, alive = unpacked(state)
    np.testing.assert_array_equal(alive, given.alive)
    assert state["unit"] == 1 / 16
    np.testing.assert_array_equal(points[alive], given.points[given.alive])  # all are multiples of 1/16
    np.testing.assert_array_equal(points[5:, 1], np.tile(points[4, 1], (3, 1)))  # the dead stay
    np.testing.assert_array_equal(points[:3, 3], np.tile(points[3, 3], (3, 1)))  # the unborn wait


def test_rounding_does_not_add_up():
    generator = torch.Generator().manual_seed(0)
    points = (torch.randn(100, 9, 2, generator=generator) * 9).cumsum(0)
    state = Tracks(noise(100), SimpleNamespace(points=points, alive=torch.ones(100, 9, dtype=torch.bool))).state()
    assert state["unit"] > 1 / 16  # as some go farther than a byte of sixteenths
    assert np.abs(unpacked(state)[0] - points.numpy()).max() <= state["unit"] / 2 + 1e-9


def test_counts_and_speeds():
    state = Tracks(noise(), four_points()).state()
    assert state["living"] == [3, 3, 3, 4, 4, 3, 3, 3]
    diagonal = math.sqrt(2)
    early, full, late = (2 + 1.5 + 0) / 3, (2 + 1.5 + 0 + diagonal) / 4, (2 + 0 + diagonal) / 3
    assert state["speeds"] == pytest.approx([None, early, early, early, full, late, late, late], abs=1e-4)


def test_velocity_and_colour():
    widget = Tracks(noise(), four_points())
    np.testing.assert_allclose(widget._velocity(4), [[2, 0], [0, 1.5], [0, 0], [-1, -1]])
    np.testing.assert_allclose(widget._velocity(3)[3], [-1, -1])  # newly born: from the frame after
    wheel = widget.directions
    assert wheel[0] == "#ff0000"  # Baker et al.: red is to the right
    for k, (u, v) in {0: (1, 0), 6: (0, 1), 12: (-1, 0), 15: (-1, -1), 18: (0, -1)}.items():
        motion = torch.tensor([float(u), float(v)]).reshape(1, 2, 1, 1)
        rgb = (flow.colorize(motion, math.hypot(u, v)) * 255).round().int().flatten().tolist()
        assert [int(wheel[k][i : i + 2], 16) for i in (1, 3, 5)] == rgb
        assert widget._colour(np.array([u, v], float)) == wheel[k]
    assert widget._colour(np.array([0.01, 0.0])) == tracks.GREY


def test_the_poster_shows_the_points():
    clip = torch.full((8, 3, 18, 26), 0.5)
    poster = Image.open(io.BytesIO(Tracks(clip, four_points(), t=4).poster())).convert("RGB")
    zoom = 640 / 26
    for x, y, name in [(11, 4, "#ff0000"), (20, 12.5, tracks.GREY)]:
        at = round(12 + zoom * (x + 0.5)), round(36 + zoom * (y + 0.5))
        rgb = [int(name[i : i + 2], 16) for i in (1, 3, 5)]
        assert np.abs(np.subtract(poster.getpixel(at), rgb)).max() < 12


def test_long_films_and_many_points_fit_the_page():
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(1, 600, 2, generator=generator) * 60 + torch.arange(500.0)[:, None, None] / 50
    given = SimpleNamespace(points=points, alive=torch.ones(500, 600, dtype=torch.bool))
    widget = Tracks((noise(500, 64, 96) * 255).byte(), given)
    assert len(widget.html().encode()) <= 500_000
    state = widget.state()
    assert state["sprite"]["step"] == 3
    assert f"{state['points']} of 600 points" in state["caption"]
    assert state["found"] == state["living"][0] == 600  # the readout counts all of them
    assert state["speeds"][5] == pytest.approx(math.sqrt(2) / 50, abs=1e-3)
    kept = np.abs(unpacked(state)[0][0][:, None] - points[0].numpy()).max(-1).min(1)
    assert kept.max() <= state["unit"] / 2 + 1e-9
    places = unpacked(state)[0]
    assert np.abs(places[100] - places[0] - 300 / 50).max() <= state["unit"] + 1e-6  # frame 300 of the film
    np.testing.assert_allclose(widget._velocity(100), 1 / 50, atol=state["unit"] / 12 + 1e-9)


def test_the_words_of_the_tracks():
    widget = Tracks(noise(), four_points(), t=6, title="Four")
    words = "Four: 4 points tracked through 8 frames of 26×18 pixels; 3 are alive in the first frame, 3 in frame 6"
    assert words in widget.alt
    moves = 7 * [2.0] + 4 * [1.5] + 7 * [0.0] + 4 * [math.sqrt(2)]
    assert f"mean speed is {np.mean(moves):.2f} pixels" in widget.alt
    assert f"{(14 - 4) / 22:.2f} to the right and {(6 - 4) / 22:.2f} down" in widget.alt


def test_none_and_one_are_enough():
    nothing = SimpleNamespace(points=torch.zeros(8, 0, 2), alive=torch.zeros(8, 0, dtype=torch.bool))
    assert "0 points" in Tracks(noise(), nothing).alt
    assert len(Tracks(noise(), nothing).html()) > 1000
    one = SimpleNamespace(points=torch.ones(1, 1, 2), alive=torch.ones(1, 1, dtype=torch.bool))
    assert Tracks(noise(1), one).state()["speeds"] == [None]


def test_what_tracks_are_refused():
    clip, good = noise(), four_points()
    alive = torch.ones(8, 4, dtype=torch.bool)
    for points, living, words in [
        (good.points, alive, "alive but nowhere"),
        (good.points[:-1], good.alive[:-1], "7 frames"),
        (good.points, good.alive[:, :3], "alive t n"),
        (good.points, good.alive.float(), "bool"),
        (good.points[..., :1], good.alive, "t n 2"),
    ]:
        with pytest.raises(ShapeError, match=words):
            Tracks(clip, SimpleNamespace(points=points, alive=living))
    with pytest.raises(ShapeError, match="points t n 2 and alive t n"):
        Tracks(clip, good.points)
    with pytest.raises(ShapeError, match="tail = -1"):
        Tracks(clip, good, tail=-1)
    with pytest.raises(ShapeError, match="inside the clip"):
        Tracks(clip, good, t=8)
    with pytest.raises(ShapeError, match="clip"):
        Tracks(clip[None], good)


def test_the_tracker_itself_is_welcome():
    clip = worlds.moving_texture(worlds.translation(1.0, 0.5, 6), size=64).clip[0]
    found = flow.track(clip)
    widget = Tracks(clip, found)
    assert widget.found == found.points.shape[1] > 0
    live = widget.live()
    live.t, live.tail = 2, 3
    assert (live.get_state()["t"], live.get_state()["tail"]) == (2, 3)
