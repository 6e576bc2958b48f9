"""ConstraintLine and FlowField without a browser: the numbers they carry, what they say, and what they refuse."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vidlab import figures, flow
from vidlab.errors import ShapeError
from vidlab.figures import ConstraintLine, FlowField, constraint_line, flow_field, pair
from vidlab.worlds import moving_texture, rotation, translation

FOLDER = Path(figures.__file__).parent


def noise(h=18, w=26, seed=0):
    return torch.rand(2, 3, h, w, generator=torch.Generator().manual_seed(seed))


def world(motion=None, size=48, seed=3):
    """first, second `c h w` and the true flow `2 h w`."""
    sample = moving_texture(translation(0.5, -0.3, frames=2) if motion is None else motion, size=size, seed=seed)
    return sample.clip[0, 0], sample.clip[0, 1], sample.flow[0, 0]


def both(title="Noise", h=18, w=26):
    first, second = noise(h, w)
    w_ = torch.ones(2, h, w) * torch.tensor([1.5, -0.5])[:, None, None]
    return [
        ConstraintLine(first, second, truth=w_, aperture=2, title=title),
        FlowField(first, second, w_, truth=2 * w_, title=title),
    ]


def numbers(sheet: dict, maps: int) -> np.ndarray:
    """What a page reads out of a sheet of numbers, `k h w`."""
    data = base64.b64decode(sheet["sheet"].split(",")[1])
    grid = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    (high, wide), (h, w) = sheet["cell"], (sheet["height"], sheet["width"])
    cells = [divmod(k, sheet["columns"]) for k in range(sheet["count"])]
    pictures = np.stack([grid[r * high : r * high + h, c * wide : c * wide + w] for r, c in cells])
    half = sheet["count"] // 2
    codes = (256 * pictures[:half] + pictures[half:]).transpose(0, 3, 1, 2).reshape(-1, h, w)[:maps] + pair.UNKNOWN
    return np.where(codes == pair.UNKNOWN, np.nan, codes * sheet["unit"])


# --- what a widget is ---


@pytest.mark.parametrize("k", range(2))
def test_what_a_widget_gives(k):
    widget = both()[k]
    bundle = widget._repr_mimebundle_()
    assert bundle == both()[k]._repr_mimebundle_()
    assert widget.html() != both("Another")[k].html()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert bundle["text/plain"] == widget.alt
    assert widget.alt.startswith("Noise: ")
    assert "two frames of 26×18 pixels" in widget.alt
    assert "http" not in bundle["text/html"].replace("http://www.w3.org/2000/svg", "")
    wicked = both("</script><script>alert(1)</script><!--")[k].html()
    assert len(re.findall("</?script", wicked)) == 2
    assert "<!--" not in wicked


def test_python_and_javascript_agree():
    script = (FOLDER / "constraint_line.js").read_text()
    for name in ("LARGE", "SOLVABLE", "FLOOR"):
        assert float(re.search(rf"{name} = ([^;]*);", script)[1]) == getattr(constraint_line, name)
    widget = both()[0]
    for small, large, r in [(0, 0, 0), (0, 1, 0), (0, 1, 3), (1, 1, 3)]:
        assert f'"{widget._words(small, large, r)}"' in script
    script = (FOLDER / "flow_field.js").read_text()
    assert f"GAIN = {flow_field.GAIN};" in script
    assert f"COUNTS = {list(flow_field.COUNTS)};" in script
    assert f"STRETCHES = {list(flow_field.STRETCHES)};" in script
    assert f"UNKNOWN = {pair.UNKNOWN};" in (FOLDER / "kit.js").read_text()


def test_live_values_are_traits():
    line, field = (widget.live() for widget in both())
    line.aperture, field.back = 5, 70
    assert line.get_state()["aperture"] == 5
    assert field.get_state()["back"] == 70


@pytest.mark.parametrize("k", range(2))
@pytest.mark.parametrize(("h", "w"), [(240, 320), (900, 300), (720, 1280)])
def test_any_frames_fit_the_page(h, w, k):
    (first, second), truth = noise(h, w), 9 * (noise(h, w, 1)[0, :2] - 0.5)  # noise is the worst to compress
    widget = ConstraintLine(first, second, truth=truth) if k == 0 else FlowField(first, second, truth, truth=-truth)
    assert len(widget.html().encode()) <= 500_000
    said = widget.state()["caption"]
    assert (f"{widget.width}×{widget.height} of {w}×{h} pixels" in said) == (widget.scale > 1)


# --- numbers in pictures ---


def test_numbers_survive_the_picture():
    flow_ = torch.randn(5, 9, 14, generator=torch.Generator().manual_seed(1)).numpy() * 30
    flow_[2, 3, 4] = np.nan
    back = numbers(pair.as_sheet(flow_, 1 / 64), 5)
    assert np.isnan(back[2, 3, 4])
    assert np.isnan(back).sum() == 1
    assert np.nanmax(np.abs(back - flow_)) <= 1 / 128
    extreme = np.array([[[-32767.0, 32767.0, 0.0, -1.0, 255.0, 256.0, -256.0]]])
    np.testing.assert_array_equal(numbers(pair.as_sheet(extreme, 1.0), 1), extreme)


def test_units_are_a_64th_unless_motion_is_huge():
    assert pair.unit_of(np.array([500.0, np.nan])) == 1 / 64
    assert pair.unit_of(np.array([-1000.0])) == pytest.approx(1000 / 32767)


def test_the_page_has_the_derivatives_and_flows_of_python():
    first, second, truth = world()
    line = ConstraintLine(first, second, truth=truth)
    exact = torch.cat(flow.cube_derivatives(first.mean(0)[None, None], second.mean(0)[None, None]), 1)[0]
    sent = numbers(line.state()["slopes"], 3)
    np.testing.assert_allclose(sent, line.slopes, atol=1e-12)
    assert np.abs(sent - exact.numpy()).max() <= 0.51 / 16320
    np.testing.assert_allclose(numbers(line.state()["truth"], 2), truth, atol=0.51 / 64)
    field = FlowField(first, second, 3 * truth, truth=truth)
    np.testing.assert_allclose(numbers(field.state()["flow"], 2), 3 * truth, atol=0.51 / 64)
    np.testing.assert_allclose(numbers(field.state()["truth"], 2), truth, atol=0.51 / 64)


# --- ConstraintLine ---


@pytest.mark.parametrize("r", [1, 4, 12])
def test_the_answer_is_that_of_the_flow_module(r):
    first, second, truth = world(rotation(2.0, frames=2, centre=(23.5, 23.5)))
    line = ConstraintLine(first, second, truth=truth)
    slopes = [torch.from_numpy(each)[None, None] for each in line.slopes]
    weights = flow.window_weights(r, "box")
    I_x, I_y, I_t = slopes
    products = {"xx": I_x * I_x, "xy": I_x * I_y, "yy": I_y * I_y, "xt": I_x * I_t, "yt": I_y * I_t}
    tensor = flow.MotionTensor(**{name: flow.blur(product, weights) for name, product in products.items()})
    small, large = flow.eigenvalues(tensor.xx, tensor.xy, tensor.yy)
    motion, normal = flow.least_squares(tensor), flow.normal_flow(*slopes)
    for x, y in [(r, r), (20, 30), (47 - r, 14)]:
        answer = line.answer(x, y, r)
        assert answer.small == pytest.approx(small[0, 0, y, x].item(), rel=1e-9, abs=1e-15)
        assert answer.large == pytest.approx(large[0, 0, y, x].item(), rel=1e-9)
        assert answer.motion == pytest.approx(motion[0, :, y, x].tolist(), rel=1e-6)
        assert answer.normal == pytest.approx(normal[0, :, y, x].tolist(), rel=1e-9)


def test_the_window_ends_at_the_border():
    first, second, _ = world()
    line = ConstraintLine(first, second)
    for x, y, r in [(0, 0, 6), (47, 3, 8), (24, 46, 12)]:
        rows, columns = slice(max(0, y - r), y + r + 1), slice(max(0, x - r), x + r + 1)
        I_x, I_y, I_t = (each[rows, columns].ravel() for each in line.slopes)
        motion, *_ = np.linalg.lstsq(np.stack([I_x, I_y], 1), -I_t, rcond=None)
        assert line.answer(x, y, r).motion == pytest.approx(tuple(motion), rel=1e-6)


def test_a_wider_aperture_finds_the_true_motion():
    first, second, truth = world()
    line = ConstraintLine(first, second, truth=truth)
    answer = line.answer(24, 24, 12)
    assert answer.motion == pytest.approx((0.5, -0.3), abs=0.03)
    assert answer.words == "two large eigenvalues: the lines meet"
    assert line.answer(24, 24, 0).motion is None
    for x, y in [(10, 12), (30, 7), (24, 40)]:  # the normal flow lies on the line, at right angles to it
        I_x, I_y, I_t = line.slopes[:, y, x]
        u, v = line.answer(x, y, 0).normal
        assert I_x * u + I_y * v + I_t == pytest.approx(0, abs=1e-12)
        assert I_x * v - I_y * u == pytest.approx(0, abs=1e-12)


def test_the_words_know_edges_corners_and_nothing():
    x = torch.arange(40.0).expand(1, 40, 40)
    stripes = lambda shift: 0.5 + 0.4 * torch.sin((x - shift) / 3)  # noqa: E731
    line = ConstraintLine(stripes(0), stripes(0.5))
    assert line.answer(20, 20, 0).words == "one line: any (u, v) on it fits"
    edge = line.answer(20, 20, 5)
    assert "nearly parallel" in edge.words
    assert edge.motion is None
    assert edge.normal == pytest.approx((0.5, 0), abs=0.03)
    grey = torch.full((1, 40, 40), 0.5)
    flat = ConstraintLine(grey, grey + 0.1).answer(20, 20, 5)
    assert "hardly any gradient" in flat.words
    assert (flat.motion, flat.normal) == (None, (0, 0))


def test_smaller_pictures_still_speak_of_the_given_pixels():
    first, second, truth = world(translation(1.5, -1.0, frames=2), size=360, seed=2)
    line = ConstraintLine(first, second, truth=truth, x=200, y=100)
    assert line.scale == pytest.approx(360 / 244, rel=0.01)
    assert line._place() == (int(200.5 / line.scale), int(100.5 / line.scale))
    assert line.answer(122, 122, 12).motion == pytest.approx((1.5, -1.0), abs=0.15)
    assert line.truth[:, 50, 60] == pytest.approx([1.5, -1.0])
    field = FlowField(first, second, truth)
    assert field.scale == pytest.approx(360 / 126, rel=0.01)
    assert field.flow[:, 50, 60] == pytest.approx([1.5, -1.0])
    (_, before), (_, after) = field.difference(0), field.difference(1)
    assert after < 0.2 * before


def test_the_plane_has_room_for_the_motions():
    first, second, truth = world()
    reach = [ConstraintLine(first, second, truth=k * truth).reach for k in (1, 4, 20, 1000)]
    assert reach == [1, 3, 12, 128]
    assert ConstraintLine(first, second).reach >= 0.5


def test_the_place_to_begin_with_tells_something():
    first = torch.full((1, 40, 60), 0.5)
    second = first.clone()
    first[:, 10:16, 40:46] = 1.0
    second[:, 11:17, 40:46] = 1.0
    line = ConstraintLine(first, second)
    assert 36 <= line.x <= 49
    assert 6 <= line.y <= 19
    assert line.answer(line.x, line.y, 0).large > constraint_line.LARGE


def test_the_alternative_text_is_computed():
    first, second, truth = world()
    text = ConstraintLine(first, second, x=24, y=24, aperture=12, truth=truth).alt
    line = ConstraintLine(first, second, x=24, y=24, aperture=12, truth=truth)
    u, v = line.answer(24, 24, 12).motion
    assert f"least squares gives ({u:.2f}, −{-v:.2f})" in text
    assert "the true motion is (0.50, −0.30)" in text
    assert "Aperture of 625 pixels: two large" in text
    assert "Aperture of 1 pixel: one line" in ConstraintLine(first, second).alt
    field = FlowField(first, second, truth, x=3, y=4, truth=truth + 1)
    assert "at pixel (3, 4) (u, v) is (0.50, −0.30), u to the right and v down" in field.alt
    assert "Its length is 0.58 pixels in the mean" in field.alt
    assert f"Mean endpoint error {2**0.5:.3f} pixels." in field.alt
    assert f"{field.difference(1)[1]:.4f} warped back" in field.alt


# --- FlowField ---


def test_warping_back_gives_the_first_frame():
    first = noise(20, 30)[0]
    second = first.roll((2, 3), (1, 2))  # three to the right, two down
    w = torch.tensor([3.0, 2.0])[:, None, None].expand(2, 20, 30)
    field = FlowField(first, second, w)
    np.testing.assert_allclose(field.warped(0), field.frames.frames[1], atol=1e-3)
    np.testing.assert_allclose(field.warped(1)[:18, :27], field.frames.frames[0][:18, :27], atol=1e-3)
    apart, mean = field.difference(1)
    assert np.abs(apart[:18, :27]).max() < 1e-5
    assert mean == pytest.approx(0, abs=1e-5)  # what leaves the frame does not count
    assert field.difference(0)[1] > 0.1
    apart, _ = field.difference(0)
    expected = (second - first).mean(0).numpy()
    np.testing.assert_allclose(apart, expected, atol=1.01 / 255)


def test_unknown_flow_is_left_out():
    first, second, truth = world()
    holed = truth.clone()
    holed[:, 10:20, 10:20] = torch.nan
    holed[0, 0, 0] = torch.inf
    field = FlowField(first, second, holed, truth=holed, x=12, y=12)
    assert np.isnan(field.flow[:, 15, 15]).all()
    assert np.isnan(field.flow[:, 0, 0]).all()
    assert "(u, v) is unknown" in field.alt
    assert np.isfinite(field.warped(1)).all()
    assert field.error == 0
    assert (field.colours[0, :, 15, 15] == 0).all()
    for x, y, u, v in field._arrows():
        assert np.isfinite([x, y, u, v]).all()
        assert not (10 <= x < 20 and 10 <= y < 20)
    nothing = FlowField(first, second, torch.full_like(truth, torch.nan))
    assert nothing.difference(1)[1] == 0
    assert nothing.poster().startswith(b"\x89PNG")
    silent = ConstraintLine(first, second, truth=torch.full_like(truth, torch.nan), aperture=3)
    assert "true motion" not in silent.alt
    assert silent.poster().startswith(b"\x89PNG")


def test_colours_are_those_of_the_flow_module():
    first, second, truth = world(rotation(4.0, frames=2, centre=(23.5, 23.5)))
    field = FlowField(first, second, truth)
    sent = field.colours[0] / 255
    longest = float(truth.norm(dim=0).max())
    assert 0.9 * longest < field.largest <= longest
    exact = flow.colorize(torch.from_numpy(field.flow)[None].float(), field.largest)[0]
    assert (sent - exact).abs().quantile(0.99) < 0.05  # the flow there is rounded
    compared = FlowField(first, second, 2 * truth, truth=truth)
    assert compared.largest == field.largest  # one scale for both, that of the truth


def test_it_begins_where_most_moves():
    first, second = noise(40, 50)
    w = torch.zeros(2, 40, 50)
    w[0, 20:30, 5:15] = -2.0
    w[1, 2, 40] = 9.0  # one stray pixel
    field = FlowField(first, second, w)
    assert 5 <= field.x < 15
    assert 20 <= field.y < 30


def test_one_pixel_is_enough():
    dot = torch.zeros(1, 1, 1)
    for widget in (ConstraintLine(dot, dot, aperture=3), FlowField(dot, dot, torch.zeros(2, 1, 1))):
        assert widget.poster().startswith(b"\x89PNG")
        assert len(widget.html()) > 1000


def test_what_is_given_may_be_bytes_or_a_batch_of_one():
    first, second, truth = world()
    bytes_ = [(image * 255).round().byte() for image in (first, second)]
    one = ConstraintLine(*bytes_, truth=truth)
    two = ConstraintLine(*(image[None] / 255 for image in bytes_), truth=truth[None])
    assert one.html() == two.html()
    assert FlowField(*bytes_, truth).html() == FlowField(*(i[None] / 255 for i in bytes_), truth[None].double()).html()


def test_what_does_not_fit_is_refused():
    first, second = noise()
    w = torch.zeros(2, 18, 26)
    with pytest.raises(ShapeError, match="same shape"):
        ConstraintLine(first, second[:, 1:])
    with pytest.raises(ShapeError, match=r"first\[0\]"):
        ConstraintLine(noise(), second)
    with pytest.raises(ShapeError, match="c = 1 or 3"):
        FlowField(first[:2], second[:2], w)
    with pytest.raises(ShapeError, match="/ 255"):
        FlowField(first * 255, second * 255, w)
    with pytest.raises(ShapeError, match="resize_flow"):
        FlowField(first, second, w[:, 1:])
    with pytest.raises(ShapeError, match="truth"):
        FlowField(first, second, w, truth=w[:1])
    with pytest.raises(ShapeError, match="truth"):
        ConstraintLine(first, second, truth=w[..., 1:])
    for place in ({"x": 26}, {"y": -1}):
        with pytest.raises(ShapeError, match="inside the clip"):
            ConstraintLine(first, second, **place)
        with pytest.raises(ShapeError, match="inside the clip"):
            FlowField(first, second, w, **place)
    for r in (-1, 13):
        with pytest.raises(ShapeError, match="radius from 0 to 12"):
            ConstraintLine(first, second, aperture=r)
