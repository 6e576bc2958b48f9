"""LiveCamera in a real browser: its views are Python's; a camera that comes, moves, is refused, busy or missing."""

import functools
import http.server
import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hands import PACK, canvas_pixels, eventually, expect_accessible, floats, live, set_to, slider, unpacked

from vidlab import data
from vidlab.background import robust_sigma
from vidlab.doctor import chromium
from vidlab.figures import LiveCamera, live_camera
from vidlab.figures.live_views import live_views
from vidlab.flow import colorize, wheel_image

ARGS = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update"]
TIMEOUT = 30_000  # milliseconds; far more than is needed
FAKE = "--use-fake-device-for-media-stream"
YES = "--use-fake-ui-for-media-stream"  # whoever asks is given the camera
ELSEWHERE = "--host-resolver-rules=MAP elsewhere.test 127.0.0.1"  # a machine in the network, as it seems
WIDE, HIGH, PERIOD, STEP = 256, 192, 64, 4  # of the film: pixels, of its waves, and their way from frame to frame

# What a page could do with a picture but look at it; and all streams that it was given.
WITNESS = """() => {
  window.done = [];
  window.streams = [];
  const watch = (owner, name) => {
    const real = owner?.[name];
    if (!real) return;
    owner[name] = function (...all) {
      done.push(name);
      return new.target ? new real(...all) : real.apply(this, all);
    };
  };
  const senders = ["fetch", "XMLHttpRequest", "WebSocket", "EventSource", "RTCPeerConnection", "MediaRecorder"];
  for (const name of senders) watch(window, name);
  watch(Navigator.prototype, "sendBeacon");
  watch(Storage.prototype, "setItem");
  watch(IDBFactory.prototype, "open");
  watch(HTMLCanvasElement.prototype, "toBlob");
  watch(HTMLCanvasElement.prototype, "toDataURL");
  watch(OffscreenCanvas.prototype, "convertToBlob");
  const media = navigator.mediaDevices;
  if (!media) return;
  const real = media.getUserMedia.bind(media);
  media.getUserMedia = async (wanted) => {
    window.wanted = wanted;
    if (window.refuse) throw new DOMException("", window.refuse);
    if (window.late) await new Promise((go) => setTimeout(go, 300));
    const stream = await real(wanted);
    streams.push(stream);
    return stream;
  };
}"""


def noise(t=8, h=48, w=64, seed=0):
    return torch.randint(0, 256, (t, 3, h, w), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def smooth(t=40, h=24, w=32, seed=0):
    """Noise with slopes that a derivative can follow."""
    clip = torch.nn.functional.avg_pool2d(noise(t, h + 4, w + 4, seed).float(), 5, stride=1)
    return (3 * (clip - 128) + 128).clamp(0, 255).byte()


@pytest.fixture(scope="session")
def film(tmp_path_factory):
    """A Y4M film for Chromium's camera: upright waves go to the right, STEP pixels a frame; the lower left is dark."""
    file = tmp_path_factory.mktemp("film") / "waves.y4m"
    with file.open("wb") as out:
        out.write(f"YUV4MPEG2 W{WIDE} H{HIGH} F15:1 Ip A1:1 C420jpeg\n".encode())
        for t in range(PERIOD // STEP):
            wave = np.sin(2 * np.pi * (np.arange(WIDE) - STEP * t) / PERIOD)
            luma = np.rint(128 + 90 * wave).astype(np.uint8)[None].repeat(HIGH, 0)
            luma[-HIGH // 4 :, : WIDE // 2] = 40
            out.write(b"FRAME\n" + luma.tobytes() + bytes([128]) * (WIDE * HIGH // 2))
    return file


@pytest.fixture(scope="session")
def launch(browser):
    """launch(flag, …) -> a Chromium with these flags; the same flags give the same one."""
    opened = {}

    def launch(*flags: str):
        if flags not in opened:
            opened[flags] = browser.browser_type.launch(
                executable_path=chromium(), args=[*ARGS, *flags], timeout=TIMEOUT
            )
        return opened[flags]

    yield launch
    for each in opened.values():
        each.close()


@pytest.fixture
def serve(tmp_path) -> Iterator:
    """serve(widget) -> the port at which its page is to be had."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def serve(widget) -> int:
        head = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>live</title></head>'
        body = f'<body><main><h1>Live</h1>{widget.html()}</main><div style="height: 3000px"></div></body></html>'
        (tmp_path / "page.html").write_text(head + body, encoding="utf-8")
        return server.server_port

    yield serve
    server.shutdown()
    server.server_close()


@pytest.fixture
def visit(launch, serve, tmp_path):
    """visit(widget, flag, …) -> its page in a Chromium with these flags. No page may send or keep anything."""
    contexts, errors, requests, pages = [], [], [], []

    def visit(widget, *flags: str, host: str | None = "localhost", motion: str = "no-preference"):
        port = serve(widget)
        context = launch(*flags).new_context(viewport={"width": 1280, "height": 900}, reduced_motion=motion)
        contexts.append(context)
        page = context.new_page()
        pages.append(page)
        page.set_default_timeout(TIMEOUT)
        page.add_init_script(f"({WITNESS})()")
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"http://{host}:{port}/page.html" if host else (tmp_path / "page.html").as_uri())
        page.wait_for_selector("[data-ready]")
        requests[:] = [url for url in requests if not url.startswith("data:")]
        return page

    yield visit
    sent = [url for url in requests if not url.endswith(("/page.html", "/favicon.ico"))]
    assert [page.evaluate("done") for page in pages] == [[] for _ in pages]
    for context in contexts:
        assert context.cookies() == []
        context.close()
    assert sent == []
    assert errors == []


def expect(claim: bool):
    assert claim


def press(page, name: str):
    page.get_by_role("button", name=name, exact=True).click()


def says(page, words: str):
    page.get_by_role("status").get_by_text(words).wait_for()


def start(page):
    press(page, "Start the camera")
    says(page, "The camera is on.")


def held(page) -> int:
    return live(page).evaluate("(el) => el.views.held()")


def states(page) -> list[str]:
    """What has become of every camera that the page was given."""
    return page.evaluate("streams.flatMap((stream) => stream.getTracks().map((track) => track.readyState))")


def picture(page, name: str) -> np.ndarray:
    rgba = canvas_pixels(page.locator(f".tile.{name} .view canvas"))
    assert (rgba[..., 3] == 255).all() or name == "slice"  # the slice of a young camera has empty rows
    return rgba[..., :3]


def expect_views(page, clip: torch.Tensor, largest: float = live_camera.LARGEST, **numbers):
    """All that the page shows is what Python computes from the clip `t 3 h w`."""
    wanted = live_views(clip, **numbers)
    h, w = clip.shape[-2:]
    last = clip[-1].permute(1, 2, 0).numpy()
    el = live(page)
    np.testing.assert_array_equal(picture(page, "picture"), last)
    rows = wanted.slice.shape[1]
    slice_ = picture(page, "slice")
    np.testing.assert_array_equal(slice_[len(slice_) - rows :], wanted.slice.permute(1, 2, 0))
    np.testing.assert_array_equal(floats(el, "el.views.change").reshape(h, w), wanted.difference)
    np.testing.assert_array_equal(picture(page, "background"), wanted.background.permute(1, 2, 0))
    seen = floats(el, "el.views.seen").reshape(h, w)
    apart = clip[-1].double() - wanted.background.double()
    limit = numbers.get("k", 6) * max(robust_sigma(apart).item(), 0.5)
    sure = (apart.abs().amax(0) - limit).abs() > 1e-6  # floats round either way where a difference is the limit itself
    np.testing.assert_array_equal(seen[sure], wanted.foreground[sure])
    assert sure.double().mean() > 0.9
    u, v = (floats(el, f"el.views.{part}").reshape(h, w) for part in "uv")
    np.testing.assert_allclose(np.stack([u, v]), wanted.flow, atol=1e-9)

    grey = (127.5 + 2 / 3 * wanted.difference.numpy()).clip(0, 255)
    assert np.abs(picture(page, "difference") - grey[..., None]).max() <= 0.5
    dim = 0.25 * last.mean(-1, keepdims=True)
    assert np.abs(picture(page, "foreground") - np.where(seen[..., None] == 1, last, dim)).max() <= 0.51
    # of the page's own numbers: the colour jumps where −1e-17 becomes 1e-17
    colours = 255 * colorize(torch.from_numpy(np.stack([u, v]))[None], largest)[0].permute(1, 2, 0).numpy()
    assert np.abs(picture(page, "flow") - colours).max() <= 0.51
    return wanted


# --- the views ---


@pytest.mark.parametrize("t", [0, 1, 125])
def test_the_views_are_those_of_python(open_widgets, t):
    clip = smooth(140, 14, 18)  # small enough to be sent without loss
    page = open_widgets(LiveCamera(clip, t=t, y=7), reduced_motion="reduce")
    wanted = expect_views(page, clip[: t + 1], y=7)
    assert (wanted.flow.norm(dim=0) > 0).float().mean() > (0.5 if t else -1)  # there is much to compare


def test_the_numbers_are_the_readers(open_widgets):
    clip = smooth(1) // 2 + noise(40, 24, 32) // 32  # a still picture with a little noise,
    clip[39, :, 5:12, 8:20] = 255  # and something new
    page = open_widgets(LiveCamera(clip, t=39, y=7), reduced_motion="reduce")
    set_to(page, "row y", 12)
    set_to(page, "threshold k", 1)
    set_to(page, "gradient above", 4)
    page.get_by_role("combobox", name="median of the last").select_option("15")
    wanted = expect_views(page, clip, y=12, k=2, floor=0.05, window=15)
    before = live_views(clip, y=7)
    assert 0 < before.foreground.sum() < wanted.foreground.sum()
    assert 0 < (wanted.flow != 0).sum() < (before.flow != 0).sum()
    page.get_by_role("combobox", name="median of the last").select_option("60")
    box = page.locator(".tile.picture .view").bounding_box()
    page.mouse.click(box["x"] + 9, box["y"] + 3.5 / 24 * box["height"])
    expect_views(page, clip, y=3, k=2, floor=0.05, window=60)


def test_the_walker_as_the_page_has_it(open_widgets):
    widget = LiveCamera(data.walker(size=90, frames=range(60, 100)))
    page = open_widgets(widget, reduced_motion="reduce")
    count = min(widget.t + 1, 120)
    size = [widget.height, widget.width]
    frames = f"frames.map((t) => [...{size}, pack(el.views.frameAt(t))])"
    numbers = list(range(widget.t + 1 - count, widget.t + 1))
    sent = unpacked(live(page).evaluate(f"(el, frames) => {{ {PACK} return {frames}; }}", numbers))
    clip = np.stack(sent)[..., :3]
    assert np.abs(clip.astype(int) - widget.sprite.frames[widget.t + 1 - count : widget.t + 1]).mean() < 4  # lossy
    expect_views(page, torch.from_numpy(clip).permute(0, 3, 1, 2), y=widget.y)


def test_the_key_is_the_wheel(open_widgets):
    page = open_widgets(LiveCamera(noise()), reduced_motion="reduce")
    shown = canvas_pixels(page.locator("canvas.wheel"))
    inside = shown[..., 3] == 255
    wheel = 255 * wheel_image(64).permute(1, 2, 0).numpy()
    assert inside.mean() == pytest.approx(np.pi / 4, abs=0.02)
    assert np.abs(shown[..., :3] - wheel)[inside].max() <= 0.51


# --- the clip ---


def test_the_clip_plays_and_can_be_paused(open_widgets):
    page = open_widgets(LiveCamera(smooth(5), t=2))
    el = live(page)
    cut = el.evaluate("""async (el) => {
      const turns = [];
      for (let last = el.clipAt(); turns.length < 12; await new Promise(requestAnimationFrame)) {
        if (el.clipAt() === last) continue;
        last = el.clipAt();
        turns.push([last, el.views.change.some((d) => d !== 0)]);
      }
      return turns;
    }""")
    assert [t for t, _ in cut] == [(cut[0][0] + k) % 5 for k in range(12)]  # every frame, in its turn
    assert all(changes == (t != 0) for t, changes in cut)  # but not from the last to the first
    page.get_by_text("frames/s").wait_for()
    press(page, "Pause")
    says(page, "It stands still")
    t = el.evaluate("(el) => el.clipAt()")
    page.wait_for_timeout(300)
    assert el.evaluate("(el) => el.clipAt()") == t
    slider(page, "row y").focus()
    page.keyboard.press(" ")
    page.get_by_role("button", name="Pause").wait_for()


def test_calm_readers_get_a_still_picture(open_widgets):
    page = open_widgets(LiveCamera(smooth(9), t=4), reduced_motion="reduce")
    page.wait_for_timeout(300)
    assert held(page) == 5
    press(page, "Play")
    eventually(page, lambda: expect(held(page) > 5))


def test_out_of_sight_it_rests(open_widgets):
    page = open_widgets(LiveCamera(smooth(9)))
    page.evaluate("document.querySelector('.vidlab').style.marginTop = '5000px'")
    page.wait_for_timeout(200)
    before = held(page)
    page.wait_for_timeout(300)
    assert held(page) == before
    page.evaluate("document.querySelector('.vidlab').style.marginTop = ''")
    page.wait_for_function("(n) => document.querySelector('[data-ready]').views.held() > n", arg=before)


# --- the camera ---


@pytest.mark.parametrize("host", ["localhost", None], ids=["localhost", "file"])
def test_a_camera_comes_and_goes(visit, host):
    clip = noise(20)
    page = visit(LiveCamera(clip, t=10, y=4), FAKE, YES, host=host)
    assert page.evaluate("streams.length") == 0  # nobody asks before the button
    says(page, "The camera is off.")
    start(page)
    assert page.evaluate("wanted").items() >= {"audio": False}.items()
    assert states(page) == ["live"]
    page.wait_for_function("document.querySelector('[data-ready]').views.held() > 5")
    assert np.abs(picture(page, "picture").astype(int) - clip[10].permute(1, 2, 0).numpy()).mean() > 20
    assert len(np.unique(picture(page, "picture").reshape(-1, 3), axis=0)) > 20  # and it is a picture
    page.locator(".rate", has_text="frames/s").wait_for()
    press(page, "Pause")
    page.wait_for_timeout(100)
    before = held(page)
    page.wait_for_timeout(300)
    assert held(page) == before
    press(page, "Play")
    page.wait_for_function("(n) => document.querySelector('[data-ready]').views.held() > n", arg=before)

    page.evaluate("matchMedia = () => ({ matches: true })")  # from here on a calm reader: the clip stands still
    press(page, "Stop the camera")
    says(page, "The camera is off.")
    assert states(page) == ["ended"]
    expect_views(page, clip[:11], y=4)  # of the camera nothing is left
    assert (picture(page, "slice")[: 120 - 11] == 0).all()
    held_now = live(page).evaluate("(el) => el.views.frameAt(11).some((byte) => byte !== 0)")
    assert not held_now
    start(page)
    assert states(page) == ["ended", "live"]


def median_motion(page, frames: int = 12) -> tuple[float, float]:
    """The normal flow that most pixels with a strong gradient have, as the camera runs."""
    found = live(page).evaluate(
        """async (el, frames) => {
          const middle = (all) => all.sort((a, b) => a - b)[all.length >> 1];
          const found = [];
          for (let n = el.views.held(); found.length < frames; await new Promise(requestAnimationFrame)) {
            if (el.views.held() === n) continue;
            n = el.views.held();
            const strong = [...el.views.u.keys()].filter((i) => el.views.u[i] !== 0);
            if (n > 3) found.push([el.views.u, el.views.v].map((part) => middle(strong.map((i) => part[i]))));
          }
          return [0, 1].map((c) => middle(found.map((each) => each[c])));
        }""",
        frames,
    )
    return tuple(found)


def test_the_flow_of_a_known_film(visit, film):
    page = visit(LiveCamera(noise()), FAKE, YES, f"--use-file-for-fake-video-capture={film}")
    page.get_by_role("checkbox", name="mirror the camera").uncheck()
    start(page)
    u, v = median_motion(page)
    assert u == pytest.approx(STEP * 64 / WIDE, rel=0.1)  # to the right
    assert abs(v) < 0.05
    page.get_by_role("checkbox", name="mirror the camera").check()
    u, v = median_motion(page)
    assert u == pytest.approx(-STEP * 64 / WIDE, rel=0.1)  # in the mirror, as in the picture, to the left
    assert abs(v) < 0.05


def test_the_mirror_is_a_mirror(visit, film):
    """What lies at the left comes to lie at the right, and nothing else changes."""
    page = visit(LiveCamera(noise()), FAKE, YES, f"--use-file-for-fake-video-capture={film}")
    start(page)
    press(page, "Pause")
    twice = "(el) => [true, false].map((way) => [...el.camera().frame(way)].filter((_, i) => i % 4 === 0))"

    def is_mirrored():
        one, other = (np.reshape(frame, (48, 64)) for frame in live(page).evaluate(twice))
        assert np.abs(one - other).max() > 50
        assert np.abs(one - other[:, ::-1]).max() <= 2

    eventually(page, is_mirrored, seconds=10)  # now and then the camera's next frame comes between the two


# --- no camera ---


def expect_trouble(page, what: str, mend: str):
    press(page, "Start the camera")
    says(page, what)
    says(page, mend)
    assert page.locator(".status").get_attribute("data-state") == "trouble"
    page.get_by_role("button", name="Start the camera").wait_for()
    n = held(page)
    page.wait_for_function("(n) => document.querySelector('[data-ready]').views.held() !== n", arg=n)  # never empty


def test_a_camera_that_is_refused(visit):
    page = visit(LiveCamera(noise()), FAKE, ELSEWHERE)  # a browser without a face refuses by itself
    expect_trouble(page, "The camera was refused.", "Allow it behind the symbol")
    expect_accessible(page)


def test_no_camera(visit):
    page = visit(LiveCamera(noise()), YES)
    expect_trouble(page, "No camera was found.", "Plug one in")


def test_an_address_that_is_not_safe(visit):
    page = visit(LiveCamera(noise()), FAKE, ELSEWHERE, host="elsewhere.test")
    assert page.evaluate("navigator.mediaDevices === undefined")
    port = page.evaluate("location.port")
    expect_trouble(page, "This address may not use a camera.", f"open http://localhost:{port} instead of")


def test_a_saved_page_that_is_refused(visit):
    page = visit(LiveCamera(noise()), FAKE, ELSEWHERE, host=None)
    expect_trouble(page, "The camera was refused.", "run “python -m http.server” and open http://localhost:8000")


def test_a_page_inside_another_that_keeps_cameras_out(visit):
    """As the output of a notebook in VS Code: nobody is asked."""
    page = visit(LiveCamera(noise()), FAKE, YES)
    page.evaluate(
        """(srcdoc) => {
          const frame = { sandbox: "allow-scripts", srcdoc, width: 900, title: "inner" };
          document.querySelector("main").append(Object.assign(document.createElement("iframe"), frame));
        }""",
        LiveCamera(noise()).html(),
    )
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Start the camera").click()
    frame.get_by_role("status").get_by_text("open it in a browser window of its own").wait_for()


def test_what_else_a_browser_may_answer(visit):
    page = visit(LiveCamera(noise()), FAKE, YES)
    for name, what, mend in [
        ("NotReadableError", "does not answer", "another program has it"),
        ("AbortError", "does not answer", "another program has it"),
        ("OverconstrainedError", "No camera was found.", "Plug one in"),
        ("SecurityError", "The camera was refused.", "privacy settings"),
        ("QuotaExceededError", "The camera did not start.", "The browser says: QuotaExceededError."),
    ]:
        page.evaluate("(name) => (window.refuse = name)", name)
        expect_trouble(page, what, mend)
    page.evaluate("window.refuse = null")
    start(page)  # mended: it starts


def test_an_answer_that_comes_too_late(visit):
    page = visit(LiveCamera(noise()), FAKE, YES)
    page.evaluate("window.late = true")
    press(page, "Start the camera")
    says(page, "Your browser asks")
    press(page, "Stop the camera")
    says(page, "The camera is off.")
    eventually(page, lambda: expect(states(page) == ["ended"]))
    assert live(page).evaluate("(el) => el.camera() === null")


@pytest.mark.parametrize("how", ["scrolled", "hidden", "removed", "unplugged"])
def test_a_camera_that_nobody_sees_is_switched_off(visit, monkeypatch, how):
    monkeypatch.setattr(live_camera, "PATIENCE", 1)
    page = visit(LiveCamera(noise()), FAKE, YES)
    start(page)
    page.evaluate(
        {
            "scrolled": "scrollTo(0, 2500)",
            "hidden": "Object.defineProperty(document, 'hidden', { value: true })",
            "removed": "document.querySelector('.vidlab').remove()",
            "unplugged": "streams[0].getTracks()[0].dispatchEvent(new Event('ended'))",
        }[how]
    )
    eventually(page, lambda: expect(states(page) == ["ended"]), seconds=10)
    if how != "removed":
        says(page, "The camera has gone." if how == "unplugged" else "Nobody saw this figure for 1 seconds.")


def test_a_camera_that_sends_nothing_is_switched_off(visit, monkeypatch):
    monkeypatch.setattr(live_camera, "SILENCE", 1)
    page = visit(LiveCamera(noise()), FAKE, YES)
    page.evaluate("() => { HTMLVideoElement.prototype.requestVideoFrameCallback = () => 0; }")
    press(page, "Start the camera")
    says(page, "The camera sends no pictures.")
    assert states(page) == ["ended"]


# --- what it looks like ---


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (800, True), (400, False), (400, True)])
def test_accessible(open_widgets, dark, width):
    page = open_widgets(LiveCamera(smooth(9), title="Live"), dark=dark, viewport={"width": width, "height": 900})
    expect_accessible(page)
    assert page.get_by_role("button", name="Start the camera").get_attribute("aria-describedby")
    page.get_by_text("Nothing leaves this page and nothing is recorded").wait_for()
