"""Filters without a browser: what a filter looks for, the numbers on the page, what is said and what is refused."""

import base64
import json
import math
import re
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch
from einops import rearrange
from torch import nn

from vidlab import figures
from vidlab.errors import ShapeError
from vidlab.figures import Filters, filter_motion, filters_poster

FOLDER = Path(figures.__file__).parent


def gabor(velocity=1.0, angle=0.0, *, t=8, k=7, wavelength=5.0, phase=0.3, channels=1, flicker=False):
    """A wave under a bell, `t c k k`, that drifts along `angle` (right towards down), or comes and goes."""
    times, side = (torch.arange(n) - (n - 1) / 2 for n in (t, k))
    times, y, x = torch.meshgrid(times, side, side, indexing="ij")
    across, turn = x * math.cos(angle) + y * math.sin(angle), 2 * math.pi / wavelength
    bell = torch.exp(-(x**2 + y**2) / (2 * (k / 4) ** 2) - times**2 / (2 * (t / 4) ** 2))
    wave = torch.cos(turn * (across - velocity * times) + phase)
    if flicker:
        wave = torch.cos(turn * across + phase) * torch.cos(turn * velocity * times + 0.4)
    return (bell * wave)[:, None].repeat(1, channels, 1, 1)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def trained(s=4, o=6, t=5, c=3, k=5):
    """Snapshots `s o t c k k` of random filters that turn into drifting ones."""
    final = torch.stack([gabor(1.0, 2 * math.pi * i / o, t=t, k=k, channels=c) for i in range(o)])
    return 0.1 * random(o, t, c, k, k) + torch.linspace(0, 1, s).view(-1, 1, 1, 1, 1, 1) * final


def on_page(state: dict) -> np.ndarray:
    """The weights as the page reads them, `s o t c h w`."""
    data = np.frombuffer(base64.b64decode(state["codes"]), "<i2" if state["bits"] == 16 else "i1")
    return data.reshape(state["shape"]) * np.reshape(state["units"], (1, -1, 1, 1, 1, 1))


# --- what a filter looks for ---


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("velocity", "t", "k"), [(0.5, 8, 7), (1.0, 4, 7), (1.0, 8, 7), (1.5, 10, 9), (0.5, 16, 11)])
@pytest.mark.parametrize("eighth", range(8))
def test_a_drifting_gabor_moves(velocity, t, k, eighth, channels):
    angle = eighth * math.pi / 4
    found = filter_motion(gabor(velocity, angle, t=t, k=k, channels=channels))
    assert found.kind == "moving"
    assert found.index > 0.6
    assert found.direction == pytest.approx((math.cos(angle), math.sin(angle)), abs=0.05)
    assert found.speed == pytest.approx(velocity, rel=0.25)
    assert found.separable < 0.8
    where = [
        "to the right",
        "right and down",
        "down",
        "left and down",
        "to the left",
        "left and up",
        "up",
        "right and up",
    ]
    assert f"prefers motion {where[eighth]}, about {found.speed:.1f} px/frame" in found.words


@pytest.mark.parametrize("phase", [0.0, 0.7, math.pi / 2])
def test_a_flickering_gabor_is_separable(phase):
    found = filter_motion(gabor(1.0, 0.7, phase=phase, flicker=True))
    assert found.kind == "flicker"
    assert found.separable == pytest.approx(1, abs=1e-6)
    assert found.index == pytest.approx(0, abs=1e-6)
    assert (found.direction, found.speed) == (None, None)
    assert "no preferred direction" in found.words


def test_a_still_picture_is_static():
    found = filter_motion(random(3, 5, 5).expand(6, 3, 5, 5))
    assert found.kind == "static"
    assert found.static == pytest.approx(1)
    assert found.index == pytest.approx(0, abs=1e-6)


def test_the_shares_are_their_definitions():
    film = random(5, 3, 4, 6).double()
    found = filter_motion(film)
    matrix = rearrange(film, "t c h w -> t (c h w)").numpy()
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    best = s[0] * np.outer(u[:, 0], v[0])
    assert found.separable == pytest.approx(1 - ((matrix - best) ** 2).sum() / (matrix**2).sum())
    still = np.repeat(matrix.mean(0, keepdims=True), 5, axis=0)
    assert found.static == pytest.approx((still**2).sum() / (matrix**2).sum())


def test_mirrored_and_reversed_films_move_the_other_way():
    film = gabor(1.0, 0.0) + 0.2 * random(8, 1, 7, 7)
    ahead = filter_motion(film)
    assert ahead.direction[0] > 0.9
    for other in (film.flip(0), film.flip(-1)):
        back = filter_motion(other)
        assert back.index == pytest.approx(ahead.index)
        assert back.direction[0] == pytest.approx(-ahead.direction[0])
    turned = filter_motion(film.transpose(-1, -2))
    assert turned.direction == pytest.approx(ahead.direction[::-1])
    assert turned.speed == pytest.approx(ahead.speed)
    louder = filter_motion(-1e-6 * film)
    assert (louder.index, louder.kind) == (pytest.approx(ahead.index), "moving")


@pytest.mark.parametrize(("t", "c", "k"), [(4, 1, 3), (4, 3, 5), (8, 1, 5), (10, 3, 7)])
def test_random_weights_have_no_direction(t, c, k):
    found = [filter_motion(film) for film in random(150, t, c, k, k, seed=t)]
    assert sum(each.kind == "moving" for each in found) <= 1
    assert sum(each.kind == "mixed" for each in found) >= 148


def test_no_speed_where_it_cannot_be_told():
    slow = filter_motion(gabor(0.15, t=8, k=7))  # less than a wavelength in all of the film
    assert slow.speed is None
    noisy = filter_motion(gabor(1.0) + 0.25 * random(8, 1, 7, 7))
    assert noisy.kind == "moving"
    assert noisy.direction[0] > 0.9
    assert "speed unclear" in noisy.words


def test_counterphase_has_no_direction():
    both = filter_motion(gabor(1.0) + gabor(-1.0) + gabor(1.0, math.pi / 2) + gabor(-1.0, math.pi / 2))
    assert both.direction is None
    assert both.index < 0.1


def test_an_empty_filter_is_called_so():
    assert filter_motion(torch.zeros(3, 1, 3, 3)).kind == "empty"
    weights = trained()
    weights[0, 2] = 0
    weights[:, 3] = 0
    widget = Filters(weights)
    assert np.isnan(widget.changes[:, 2]).all()
    assert widget.state()["numbers"][-1][2][-1] is None
    assert "NaN" not in json.dumps(widget.state())
    assert "nan" not in widget.alt
    assert (widget.picture(3) == 128).all()
    assert not widget.energies(3).any()


# --- what is on the page ---


def test_weights_travel_to_the_stated_precision():
    weights = trained()
    fine = Filters(weights)
    assert fine.state()["bits"] == 16
    sent, largest = on_page(fine.state()), weights.abs().amax((0, 2, 3, 4, 5)).numpy().reshape(1, -1, 1, 1, 1, 1)
    np.testing.assert_allclose(sent, fine.weights, atol=1e-12)
    assert (np.abs(sent - weights.numpy()) <= 0.5001 * largest / 32767).all()
    assert "rounded" not in fine.state()["caption"]

    weights = random(10, 16, 10, 3, 7, 7)
    coarse = Filters(weights, title="A layer")
    state = coarse.state()
    assert state["bits"] == 8
    assert len(state["steps"]) == 10
    assert "weights rounded to 1/127 of each filter’s largest" in state["caption"]
    largest = weights.abs().amax((0, 2, 3, 4, 5)).numpy().reshape(1, -1, 1, 1, 1, 1)
    assert (np.abs(on_page(state) - weights.numpy()) <= 0.5001 * largest / 127).all()


@pytest.mark.parametrize("shape", [(12, 32, 10, 3, 7, 7), (30, 8, 4, 3, 3, 3), (2, 32, 16, 3, 11, 11)])
def test_any_layer_fits_the_page(shape):
    widget = Filters(random(*shape), steps=range(5, 5 + 10 * shape[0], 10))
    assert len(widget.html().encode()) <= 500_000
    kept = len(widget.steps)
    assert (f"{kept} of {shape[0]} snapshots" in widget.state()["caption"]) == (kept < shape[0])
    assert widget.steps[-1] == 5 + 10 * (shape[0] - 1)
    assert kept == 1 or widget.steps[0] == 5


def test_fewer_snapshots_are_still_the_right_ones():
    weights = random(12, 32, 10, 3, 7, 7)
    widget = Filters(weights, steps=range(0, 120, 10))
    assert 2 < len(widget.steps) < 12
    for s, step in enumerate(widget.steps):
        np.testing.assert_allclose(widget.weights[s], weights[step // 10], atol=0.05)
        change = (weights[step // 10, 3] - weights[0, 3]).norm() / weights[0, 3].norm()
        assert widget.changes[s, 3] == pytest.approx(change.item())


def test_a_layer_that_cannot_fit_says_so():
    with pytest.raises(ShapeError, match=r"weights\[:16\]"):
        Filters(random(64, 16, 3, 11, 11))


def test_the_numbers_are_those_of_the_filters():
    weights = trained()
    widget = Filters(weights, steps=[0, 10, 50, 300])
    state = widget.state()
    for s in range(4):
        for o in range(6):
            exact = filter_motion(weights[s, o])
            change = (weights[s, o] - weights[0, o]).norm() / weights[0, o].norm()
            said = [exact.separable, exact.static, exact.index, change.item()]
            assert state["numbers"][s][o] == pytest.approx(said, abs=6e-5)
            assert state["phrases"][state["words"][s][o]] == exact.words
            squares = weights[s, o].square().sum((1, 2, 3))
            np.testing.assert_allclose(widget.energies(o, s), squares / squares.sum(), atol=1e-4)
    assert state["filter"] == max(range(6), key=lambda o: state["numbers"][-1][o][2])
    assert widget.motions[-1][0].kind == "moving"
    assert widget.motions[0][0].kind == "mixed"


def test_pictures_lie_around_grey():
    weights = trained(s=2)
    weights[:, 1] *= 10
    widget = Filters(weights)
    own, common = widget.picture(2), widget.picture(2, common=True)
    film = widget.weights[-1, 2]
    frame_, c, y, x = np.unravel_index(np.abs(film).argmax(), film.shape)
    assert own[frame_, y, x, c] == (255 if film[frame_, c, y, x] > 0 else 0)
    assert own.shape == (5, 5, 5, 3)
    assert np.abs(common.astype(int) - 128).max() < 30
    assert np.sign(own.astype(int) - 127.5)[0, 0, 0].tolist() == np.sign(film[0, :, 0, 0]).tolist()
    grey = Filters(trained(c=1)).picture(0)
    assert (grey == grey[..., :1]).all()


def test_the_grey_view_is_what_a_grey_video_meets():
    """red + green + blue, on one scale for all: a filter that only tells colours apart is nearly flat."""
    weights = trained(s=2)
    weights[:, 1] *= 3
    weights[:, 2] = torch.tensor([1.0, -1.0, 0.0]).view(3, 1, 1) * weights[:, 2, :, :1]
    widget = Filters(weights, grey=True)
    video, layer = random(1, 5, 9, 9), torch.from_numpy(widget.weights[-1]).float()
    volume = video.expand(3, -1, -1, -1)[None]
    met = nn.functional.conv3d(volume, rearrange(layer, "o t c h w -> o c t h w"))
    grey = torch.from_numpy(widget.shown()[-1]).float()
    assert grey.shape == (6, 5, 1, 5, 5)
    torch.testing.assert_close(
        nn.functional.conv3d(video[None], rearrange(grey, "o t c h w -> o c t h w")), met, rtol=1e-4, atol=1e-4
    )
    films = np.stack([widget.picture(k) for k in range(6)])
    assert (films == films[..., :1]).all()
    sums = widget.weights.sum(3)  # s o t h w
    assert np.abs(films[..., 0] - (127.5 + 127.5 * sums[-1] / np.abs(sums).max())).max() <= 0.5001
    assert (films[2] == 128).all()
    assert np.ptp(films[1]) > 2 * np.ptp(films[0])
    own = widget.picture(0, common=False).astype(int)
    assert np.abs(own - 127.5).max() == 127.5
    np.testing.assert_array_equal(Filters(weights).picture(0, grey=True, common=True), films[0])
    colour = Filters(weights).picture(2)
    assert (colour != colour[..., :1]).any()
    np.testing.assert_array_equal(widget.picture(2, grey=False, common=False), colour)


def test_the_view_is_in_the_state_and_a_trait():
    looks = lambda widget: tuple(widget.state()[key] for key in ("grey", "common"))  # noqa: E731
    assert looks(Filters(trained())) == (False, False)
    assert looks(Filters(trained(), grey=True)) == (True, True)
    assert looks(Filters(trained(c=1), grey=False)) == (True, True)  # there is no other
    numbers = [Filters(trained(), grey=grey).state()["numbers"] for grey in (False, True)]
    assert numbers[0] == numbers[1]
    live = Filters(trained()).live()
    live.grey = True
    assert live.get_state()["grey"] is True


def test_the_poster_follows_the_view():
    for t in (3, 5):  # side by side, and as films
        views = [Filters(random(6, t, 3, 5, 5), grey=grey) for grey in (False, True)]
        posters = [np.asarray(view.poster_image()).astype(int) for view in views]
        tinted = [(np.ptp(each, axis=2) > 60).sum() for each in posters]
        assert tinted[0] > 5 * tinted[1] > 0  # a frame around the chosen filter is left
    weights = torch.full((2, 3, 3, 3, 3), 0.1)
    weights[1] = -0.25
    assert filters_poster.scale_words(Filters(weights, grey=True)) == (
        "red + green + blue: white is +0.75, grey 0, black −0.75"
    )
    assert filters_poster.scale_words(Filters(weights[:, :, :1])) == "white is +0.25, grey 0, black −0.25"
    assert filters_poster.scale_words(Filters(weights)) == "grey is 0, each filter on its own scale"
    few = np.asarray(Filters(weights, grey=True).poster_image())
    assert few.shape[0] < 620
    for level, y in ((178.5, 90), (0, 230)):  # 0.1 and −0.25 of 0.25
        starts = np.diff((np.abs(few[y, :410, 0] - level) < 1).astype(int)) == 1
        assert starts.sum() == 3, "three frames side by side"


@pytest.mark.parametrize(
    ("filters", "shown", "columns"), [(8, 1, 4), (6, 1, 3), (7, 1, 3), (32, 1, 8), (1, 1, 1), (8, 3, 2), (16, 3, 3)]
)
def test_filters_stand_in_about_a_square(filters, shown, columns):
    assert filters_poster.columns_for(filters, shown) == columns


def test_early_fusion_and_conv3d_weights():
    conv = torch.nn.Conv2d(4 * 3, 6, 5)
    early = Filters(rearrange(conv.weight, "o (t c) h w -> o t c h w", t=4))
    np.testing.assert_allclose(early.weights[0, 2, 1, 0], conv.weight[2, 3].detach(), atol=1e-5)
    slow = Filters(rearrange(torch.nn.Conv3d(3, 6, (4, 5, 3)).weight, "o c t h w -> o t c h w"))
    assert slow.state()["shape"] == [1, 6, 4, 3, 5, 3]


def test_what_a_widget_gives():
    widget = Filters(trained(), title="First layer")
    bundle = widget._repr_mimebundle_()
    assert bundle == Filters(trained(), title="First layer")._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert "http" not in bundle["text/html"].replace("http://www.w3.org/2000/svg", "")
    wicked = Filters(trained(), title="</script><script>alert(1)</script><!--", names=6 * ["</script>"]).html()
    assert len(re.findall("</?script", wicked)) == 2
    live = widget.live()
    live.filter, live.snapshot = 3, 1
    assert (live.get_state()["filter"], live.get_state()["snapshot"]) == (3, 1)


def test_python_and_javascript_agree_on_what_few_frames_are():
    script = (FOLDER / "filters.js").read_text()
    assert int(re.search(r"^const FEW = (\d+);", script, re.MULTILINE)[1]) == filters_poster.FEW


def test_the_alternative_text_is_computed():
    widget = Filters(trained(), steps=[0, 10, 50, 300], title="First layer")
    text = widget.alt
    assert text.startswith("First layer: 6 filters of 5 frames, 5×5 weights in 3 channels each, as films: 6 moving.")
    best = widget.motions[-1][widget.filter]
    assert f"filter {widget.filter} is {best.words}; direction index {best.index:.2f}, {best.separable:.0%}" in text
    assert f"From step 0 to step 300 the filters changed by {widget.changes[-1].mean():.0%}" in text
    flat = Filters(torch.ones(2, 3, 1, 3, 3), names=["a", "b"]).alt
    assert "in 1 channel each, as films: 2 static. a is static" in flat
    assert "changed" not in flat
    assert text.endswith(" Shown in colour.")
    assert Filters(trained(), grey=True).alt.endswith(" Shown in grey: the sum of red, green and blue.")
    assert flat.endswith(" Shown in grey.")


def test_what_does_not_fit_is_refused():
    weights = trained()
    with pytest.raises(ShapeError, match=r"o \(t c\) h w"):
        Filters(torch.zeros(8, 12, 5, 5))
    with pytest.raises(ShapeError, match="o c t h w"):
        Filters(torch.zeros(8, 3, 4, 5, 5))
    with pytest.raises(ShapeError, match="no film"):
        Filters(torch.zeros(8, 1, 3, 5, 5))
    with pytest.raises(ShapeError, match="floats"):
        Filters(torch.zeros(8, 4, 3, 5, 5, dtype=torch.int64))
    with pytest.raises(ShapeError, match="not finite"):
        Filters(torch.full((8, 4, 3, 5, 5), torch.nan))
    for steps in ([0, 1, 2], [0, 1, 1, 2], [3, 2, 1, 0]):
        with pytest.raises(ShapeError, match="4 rising numbers"):
            Filters(weights, steps=steps)
    with pytest.raises(ShapeError, match="6, one a filter"):
        Filters(weights, names=["a"])
    for fps in (0, -1, math.inf):
        with pytest.raises(ShapeError, match="fps"):
            Filters(weights, fps=fps)
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        with pytest.raises(ShapeError, match=r"weights\[k\]"):
            filter_motion(weights[0])
        with pytest.raises(ShapeError, match="t ≥ 2"):
            filter_motion(torch.ones(1, 3, 5, 5))
        with pytest.raises(ShapeError, match="not finite"):
            filter_motion(torch.full((4, 3, 5, 5), torch.inf))
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
