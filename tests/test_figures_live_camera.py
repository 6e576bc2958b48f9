"""LiveCamera without a browser: its views are the package's own, what it carries and says, and what it refuses."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vidlab import background, figures, flow, spacetime
from vidlab.errors import DataError, ShapeError
from vidlab.figures import LiveCamera, live_camera, live_views
from vidlab.worlds import moving_object

FOLDER = Path(figures.__file__).parent
SCRIPTS = ("live_camera.js", "live_source.js", "live_views.js")


def noise(t=8, h=18, w=26, seed=0):
    return torch.randint(0, 256, (t, 3, h, w), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def passing(frames=30, size=32):
    """A square that crosses a plain ground: bytes `t c h w`, and where it is."""
    world = moving_object((1.0, 0.0), frames=frames, size=size, shape="square", background="plain", seed=3)
    return (255 * world.clip[0]).round().byte(), world.mask[0]


def test_the_views_are_the_packages_own():
    clip = noise(140)
    for end, window in [(1, 120), (2, 15), (37, 30), (140, 120), (140, 60)]:
        seen = clip[:end]
        views = live_views.live_views(seen, y=5, k=3, floor=0.03, window=window)
        np.testing.assert_array_equal(views.slice, spacetime.xt_slice(seen[-120:], 5))
        np.testing.assert_array_equal(views.background, np.sort(seen[-window:], 0)[(min(end, window) - 1) // 2])
        before = seen[-2:][0]
        change = (seen[-1].double() - before.double()).mean(0)
        np.testing.assert_allclose(views.difference / 3, change)
        first, second = (frame.double().mean(0)[None, None] / 255 for frame in (before, seen[-1]))
        I_x, I_y, I_t = flow.derivatives(first, second)
        square = I_x**2 + I_y**2
        for part, slope in zip(views.flow, (I_x, I_y), strict=True):
            wanted = torch.where(square > 0.03**2, -I_t * slope / square, 0.0)[0, 0]
            np.testing.assert_allclose(part, wanted, atol=1e-12)


def test_the_foreground_is_what_moves():
    clip, mask = passing()
    views = live_views.live_views(clip, y=16)
    around = torch.nn.functional.max_pool2d(mask[-1:].float(), 3, stride=1, padding=1)[0, 0] > 0  # half-covered pixels
    assert views.foreground[mask[-1, 0]].all()
    assert not views.foreground[~around].any()
    same = background.foreground(clip[-1:].double() / 255, views.background.double() / 255)[0, 0]
    np.testing.assert_array_equal(views.foreground, same)


def test_what_stays_half_of_the_window_becomes_background():
    ground, guest = torch.full((1, 3, 4, 4), 50, dtype=torch.uint8), torch.full((1, 3, 4, 4), 200, dtype=torch.uint8)
    for stay, kept in [(7, 50), (8, 200)]:
        clip = torch.cat([ground.expand(30, -1, -1, -1), guest.expand(stay, -1, -1, -1)])
        views = live_views.live_views(clip, y=0, window=15)
        assert (views.background == kept).all()


@pytest.mark.parametrize("clip", [noise().float() / 255, noise()[:, :1], noise()[:0], noise()[0]])
@pytest.mark.usefixtures("as_learners_run_it")
def test_views_of_what_is_no_clip(clip):
    with pytest.raises(ShapeError):
        live_views.live_views(clip, y=0)


def test_what_the_widget_gives():
    widget = LiveCamera(noise(), title="Noise")
    bundle = widget._repr_mimebundle_()
    assert bundle == LiveCamera(noise(), title="Noise")._repr_mimebundle_()
    assert widget.html() != LiveCamera(noise(), title="Another").html()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert bundle["text/plain"] == widget.alt
    assert widget.alt.startswith("Noise: what a camera sees")
    assert "Nothing leaves this page and nothing is recorded" in bundle["text/html"]
    wicked = LiveCamera(noise(), title="</script><script>alert(1)</script><!--").html()
    assert len(re.findall("</?script", wicked)) == 2
    assert "<!--" not in wicked


def test_the_words_are_those_of_the_data():
    clip, mask = passing()
    widget = LiveCamera(clip, t=25, k=4, window=15)
    ground = clip[11:26].median(0).values.double() / 255
    seen = background.foreground(clip[25:26].double() / 255, ground, k=4)
    assert seen[0][mask[25]].double().mean() > 0.9  # some texels have the colour of the ground
    share = f"{seen.double().mean():.0%}"
    assert f" {share} differ from the background, the median of the last 15 frames, by more than 4 robust" in widget.alt
    assert "At frame 25 of the clip" in widget.alt
    still = LiveCamera(clip[:1].expand(9, -1, -1, -1)).alt
    assert " 100% of the pixels stay as they are over 5 frames; 0% of the pixels differ" in still
    assert still.endswith("0% have a normal flow.")


def test_the_poster_shows_the_views():
    clip, _ = passing()
    widget = LiveCamera(clip, t=25)
    assert list(widget.pictures()) == [
        "picture", f"x–t slice of row {widget.y}", "difference", "background", "foreground", "normal flow, rim 2 px",
    ]  # fmt: skip
    pictures = list(widget.pictures().values())
    np.testing.assert_array_equal(pictures[0], clip[25].permute(1, 2, 0))
    np.testing.assert_array_equal(pictures[1], clip[:26, :, widget.y].permute(0, 2, 1))
    np.testing.assert_array_equal(pictures[3], clip[:26].median(0).values.permute(1, 2, 0))
    poster = widget.poster_image()
    wide, high = 284, 284
    for k, picture in enumerate(pictures):
        left, top = 12 + k % 3 * (wide + 12), 12 + 24 + k // 3 * (12 + 24 + high)
        shown = np.asarray(poster.crop((left, top, left + wide, top + high))).astype(float)
        large = np.asarray(Image.fromarray(picture).resize((wide, high), Image.Resampling.NEAREST))
        assert np.abs(shown - large).mean() < (4 if k == 0 else 1e-9)  # the first has the line of row y


def test_the_clip_is_sent_as_it_is():
    clip = noise(5)
    state = LiveCamera(clip).state()["sprite"]
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(state["sheet"].split(",")[1]))).convert("RGB"))
    np.testing.assert_array_equal(sheet[:18, :26], clip[0].permute(1, 2, 0))


def test_the_walker_fits_the_page():
    widget = LiveCamera()
    assert len(widget.html().encode()) <= 500_000
    assert len(widget.poster()) <= 150_000
    assert (widget.width, widget.height) == (160, 90)
    assert widget.state()["name"] == "the walker clip"


@pytest.mark.parametrize(("h", "w"), [(480, 640), (640, 360), (200, 1000)])
def test_any_clip_is_made_small_enough(h, w):
    widget = LiveCamera(noise(6, h, w))
    assert widget.width * widget.height <= 1.03 * live_camera.MOST_PIXELS
    assert len(widget.html().encode()) <= 500_000


def test_no_walker_no_figure(monkeypatch):
    def none(**how):
        raise DataError("no network")

    monkeypatch.setattr(live_camera.data, "walker", none)
    with pytest.raises(DataError, match="no network"):
        LiveCamera()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"k": 0}, "a whole number from 1 to 20"),
        ({"k": 2.5}, "a whole number from 1 to 20"),
        ({"floor": 0.04}, "one of 0.005, 0.01, 0.02, 0.03, 0.05, 0.1"),
        ({"window": 121}, "one of 15, 30, 60, 120"),
        ({"y": 18}, "0 ≤ y < 18"),
        ({"t": 8}, "0 ≤ t < 8"),
    ],
)
@pytest.mark.usefixtures("as_learners_run_it")
def test_numbers_that_the_controls_do_not_have(wrong, said):
    with pytest.raises(ShapeError, match=re.escape(said)):
        LiveCamera(noise(), **wrong)


def test_python_and_javascript_agree():
    views, camera = ((FOLDER / name).read_text() for name in ("live_views.js", "live_camera.js"))
    assert f"GAIN = {live_camera.GAIN};" in views
    assert f"DIM = {live_camera.DIM};" in views
    assert f"last: {live_camera.MOST_K - 1}," in camera
    assert max(live_camera.WINDOWS) == live_views.HISTORY <= 255  # the page counts in bytes
    stretches = re.findall(r"\[\[(\d+), (\d+), (\d+)\], (\d+)\]", views)
    assert [tuple(map(int, each)) for each in stretches] == [(*colour, n) for colour, n in flow.colour.STRETCHES]


def test_nothing_in_the_scripts_sends_or_keeps():
    """What a page has for sending and for keeping; that none of it is called, the browser test looks at."""
    code = "\n".join(re.sub(r"//.*", "", (FOLDER / name).read_text()) for name in (*SCRIPTS, "kit.js"))
    for word in (
        "fetch", "XMLHttpRequest", "WebSocket", "EventSource", "sendBeacon", "RTCPeerConnection", "MediaRecorder",
        "localStorage", "sessionStorage", "indexedDB", "caches", "cookie", "toBlob", "toDataURL", "convertToBlob",
        "showSaveFilePicker", "createObjectURL", "import(", "postMessage", "BroadcastChannel",
    ):  # fmt: skip
        assert word not in code, word
    assert "audio: false" in code


def test_live_values_are_traits():
    live = LiveCamera(noise()).live()
    live.y, live.k = 5, 9
    assert (live.get_state()["y"], live.get_state()["k"]) == (5, 9)
