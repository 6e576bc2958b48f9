"""Errors of a flow, its colours and its files — against values worked out by hand from the publications."""

import math
import os
import struct
import tracemalloc
import zlib

import pytest
import torch

from vidlab import DataError, ShapeError, flow

ERRORS = {
    "endpoint": flow.endpoint_error,
    "angular": flow.angular_error,
    "consistency": lambda found, truth: flow.consistency_error(found, -truth),
}
NAN, INF = math.nan, math.inf


def uniform(u, v, size=(4, 6), dtype=torch.float32):
    return torch.tensor([u, v], dtype=dtype).reshape(1, 2, 1, 1).repeat(1, 1, *size)


def random_flow(b=1, h=9, w=12, seed=0, length=3.0, dtype=torch.float32):
    return length * torch.randn(b, 2, h, w, dtype=dtype, generator=torch.Generator().manual_seed(seed))


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "truth", "endpoint", "angular"),
    [
        ((3, 4), (0, 0), 5, math.degrees(math.atan(5))),
        ((1, 0), (0, 0), 1, 45),
        ((1, 0), (0, 1), math.sqrt(2), 60),
        ((1, 0), (-1, 0), 2, 90),
        ((2, -1), (2, -1), 0, 0),
        ((500, 0), (-500, 0), 1000, 180 - 2 * math.degrees(math.atan(1 / 500))),
    ],
)
def test_errors_by_hand(found, truth, endpoint, angular):
    found, truth = uniform(*map(float, found)), uniform(*map(float, truth))
    torch.testing.assert_close(flow.endpoint_error(found, truth), torch.full((1, 4, 6), float(endpoint)))
    torch.testing.assert_close(flow.angular_error(found, truth), torch.full((1, 4, 6), float(angular)))


def test_the_angle_is_the_one_of_the_scalar_product():
    found, truth = random_flow(2, seed=1, dtype=torch.float64), random_flow(2, seed=2, dtype=torch.float64)
    a, b = (torch.nn.functional.pad(w, (0, 0, 0, 0, 0, 1), value=1.0) for w in (found, truth))
    cosine = torch.nn.functional.cosine_similarity(a, b)
    torch.testing.assert_close(flow.angular_error(found, truth), torch.rad2deg(torch.arccos(cosine)))


@pytest.mark.parametrize("place", [(0.0, 0.0), (3.0, -2.0)])
def test_small_angles_are_not_lost(place):
    """In float32, where an arc cosine gives 0 or 0.02°."""
    step = 2.0**-16
    found = uniform(place[0], place[1] + step)
    u, v = place
    wanted = math.degrees(step * math.sqrt(1 + u * u) / (1 + u * u + v * v))
    assert flow.angular_error(found, uniform(*place))[0, 0, 0].item() == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_error_for_equal_flows_and_some_for_swapped_ones(name, dtype):
    one = uniform(1.5, -0.75, size=(9, 12), dtype=dtype)  # the same everywhere, so that there and back agree, too
    error = ERRORS[name](one, one)
    assert error.dtype == dtype
    assert error.abs().max() < 1e-6
    if name != "consistency":
        large = random_flow(length=300.0, dtype=dtype)
        assert not ERRORS[name](large, large).any()
    for wrong in (one.flip(1), -one, one * torch.tensor([1.0, -1.0]).reshape(1, 2, 1, 1)):
        assert ERRORS[name](one, wrong).min() > 1


@pytest.mark.parametrize("name", ["endpoint", "angular"])
def test_errors_have_no_preferred_side_or_direction(name):
    found, truth = random_flow(seed=1), random_flow(seed=2)
    error = ERRORS[name](found, truth)
    torch.testing.assert_close(ERRORS[name](truth, found), error)
    torch.testing.assert_close(ERRORS[name](found.flip(1), truth.flip(1)), error)
    torch.testing.assert_close(ERRORS[name](found.flip(-1), truth.flip(-1)), error.flip(-1))


def test_a_batch_is_its_parts():
    a, b = random_flow(2, seed=1), 20 * random_flow(2, seed=2)
    a[1] *= 7
    mask = random_flow(2, seed=3)[:, :1] > 0
    for name, function in {
        **ERRORS,
        "mean": flow.mean_endpoint_error,
        "masked": lambda a, b: flow.endpoint_error(a, b, mask[: len(a)]),
        "occluded": flow.occluded,
        "colours": lambda a, b: flow.colorize(a),
    }.items():
        first = function(a[:1], b[:1])
        both = function(a, b)
        torch.testing.assert_close(both[:1], first, equal_nan=True, msg=name)
        if name != "masked":
            torch.testing.assert_close(both[1:], function(a[1:], b[1:]), equal_nan=True, msg=name)


@pytest.mark.parametrize("name", ["endpoint", "angular"])
def test_what_is_unknown_is_nan_and_what_is_not_said_is_infinite(name):
    found, truth = uniform(1.0, 0.0), uniform(0.0, 0.0)
    for x, value in enumerate((NAN, INF, -INF, 1e10, -2e9)):
        truth[0, x % 2, 0, x] = value
    found[0, 1, 1, 0] = NAN
    found[0, 0, 0, 1] = NAN  # both
    valid = torch.ones(1, 1, 4, 6, dtype=torch.bool)
    valid[..., 2, :] = False
    error = ERRORS[name](found, truth, valid)
    assert error[0, 0, :5].isnan().all()
    assert error[0, 2].isnan().all()
    assert error[0, 1, 0] == INF
    assert error.isnan().sum() == 5 + 6
    fine = error[error.isfinite()]
    assert len(fine) == 24 - 5 - 6 - 1
    torch.testing.assert_close(fine, torch.full_like(fine, 1.0 if name == "endpoint" else 45.0))


def test_known():
    w = uniform(1e9, -1e9)
    w[0, 0, 0, 0], w[0, 1, 1, 1], w[0, 0, 2, 2] = NAN, 1.1e9, -INF
    wanted = torch.ones(1, 1, 4, 6, dtype=torch.bool)
    wanted[0, 0, [0, 1, 2], [0, 1, 2]] = False
    assert torch.equal(flow.known(w), wanted)


def test_the_mean_is_over_what_is_known():
    found, truth = uniform(0.0, 0.0).repeat(3, 1, 1, 1), uniform(0.0, 0.0).repeat(3, 1, 1, 1)
    found[0, 0, 0, 0] = 6
    truth[0, 1, 1:] = NAN  # leaves 6 pixels
    found[1, 1, 2, 2] = 12
    truth[2] = NAN
    mean = flow.mean_endpoint_error(found, truth)
    assert mean.shape == (3,)
    assert mean[:2].tolist() == [1.0, 0.5]
    assert mean[2].isnan()
    valid = truth[:, :1] != found[:, 1:]
    assert flow.mean_endpoint_error(found, truth.nan_to_num(), valid)[1] == 12


def test_gradients_are_right_and_survive_equality_and_unknown_truth():
    found = random_flow(h=3, w=4, seed=1, dtype=torch.float64).requires_grad_()
    truth = random_flow(h=3, w=4, seed=2, dtype=torch.float64)
    for function in (flow.endpoint_error, flow.angular_error, flow.mean_endpoint_error):
        assert torch.autograd.gradcheck(lambda w, function=function: function(w, truth), found)
    truth[..., 0], truth[..., 1] = found.detach()[..., 0], NAN
    for function in (flow.endpoint_error, flow.angular_error):
        (gradient,) = torch.autograd.grad(function(found, truth).nanmean(), found)
        assert gradient.isfinite().all()
        assert not gradient[..., :2].any()
        assert gradient[..., 2:].all()


# --- there and back ------------------------------------------------------------------------------------------------


def test_a_zoom_and_its_inverse_come_home():
    """Linear flows, so that reading between pixels is exact; up to 20 pixels long."""
    y, x = torch.meshgrid(torch.arange(41.0) - 20, torch.arange(61.0) - 30, indexing="ij")
    place = torch.stack([x, y])[None].double()
    shrink = -0.6 * place  # ends at 0.4 of the place, where the inverse is 1.5 times what is there
    assert shrink.norm(dim=1).max() > 20
    assert flow.consistency_error(shrink, 1.5 * place).max() < 1e-9
    assert not flow.occluded(shrink, 1.5 * place).any()
    error = flow.consistency_error(shrink, 1.6 * place)  # misses by 0.1 × 0.4 of the place
    torch.testing.assert_close(error, 0.04 * place.norm(dim=1))
    torch.testing.assert_close(
        flow.consistency_error(shrink.float(), 1.5 * place.float()), error.float() * 0, atol=1e-4, rtol=0
    )


def test_the_way_back_is_read_where_the_way_there_ends():
    there, back = uniform(2.0, 1.0), uniform(0.0, 0.0)
    back[0, :, 3, 5] = torch.tensor([-2.0, -1.0])
    error = flow.consistency_error(there, back)
    assert error[0, 2, 3] == pytest.approx(0, abs=1e-5)
    assert error[0, 1, 3] == pytest.approx(math.sqrt(5))
    half = uniform(1.5, 0.0)
    torch.testing.assert_close(
        flow.consistency_error(half, back)[0, 3, 3], (half[0, :, 0, 0] + back[0, :, 3, 5] / 2).norm()
    )


def test_unknown_flow_does_not_come_home():
    there, back = uniform(2.0, 1.0), uniform(-2.0, -1.0)
    there[0, 0, 0, 0] = NAN
    back[0, 1, 2, 4] = 1e10
    error = flow.consistency_error(there, back)
    assert error.isnan().nonzero().tolist() == [[0, 0, 0], [0, 1, 2]]
    assert error.nan_to_num().max() < 1e-5
    hidden = flow.occluded(there, back)[0, 0]
    inside = torch.zeros(4, 6, dtype=torch.bool)
    inside[:3, :4] = True
    inside[0, 0] = inside[1, 2] = False
    assert torch.equal(~hidden, inside)
    there[0, 0, 0, 0] = 1e10  # a number, but none that is meant
    assert flow.consistency_error(there, back)[0, 0, 0].isnan()
    quarter = flow.consistency_error(uniform(0.25, 0.0), back)  # the pixel itself and its neighbour have a part in it
    assert quarter.isnan().nonzero().tolist() == [[0, 2, 3], [0, 2, 4]]


def test_an_object_hides_what_it_moves_over():
    there, back = uniform(0.0, 0.0, size=(8, 40)), uniform(0.0, 0.0, size=(8, 40))
    there[0, 0, :, 10:20], back[0, 0, :, 20:30] = 10.0, -10.0
    hidden = torch.zeros(1, 1, 8, 40, dtype=torch.bool)
    hidden[..., 20:30] = True
    assert torch.equal(flow.occluded(there, back), hidden)
    revealed = flow.occluded(back, there)  # seen from the second frame, the first hides where the object was
    assert torch.equal(revealed, hidden.roll(-10, dims=-1))


@pytest.mark.parametrize(
    ("there", "back", "visible"),
    [
        ((10.0, 0.0), (-8.6, 0.0), True),  # 1.96 < 0.01 (100 + 73.96) + 0.5
        ((10.0, 0.0), (-8.5, 0.0), False),  # 2.25 > 2.2225
        ((0.0, 0.0), (0.0, 0.7), True),  # 0.49 < 0.5049
        ((0.0, 0.0), (0.0, 0.72), False),
    ],
)
def test_the_published_tolerance(there, back, visible):
    there, back = uniform(*there, size=(5, 30)), uniform(*back, size=(5, 30))
    assert flow.occluded(there, back)[0, 0, 2, 5].item() is not visible
    assert flow.occluded(there, back, alpha=0.0, beta=0.0).all()
    assert not flow.occluded(there, back, beta=9.0)[..., :15].any()


# --- colours -------------------------------------------------------------------------------------------------------


def published(u, v):
    """The colour of (u, v) at a scale of 1, as bytes, by the rules of the published program, in plain numbers."""
    wheel = [(255, 255 * i // 15, 0) for i in range(15)] + [(255 - 255 * i // 6, 255, 0) for i in range(6)]
    wheel += [(0, 255, 255 * i // 4) for i in range(4)] + [(0, 255 - 255 * i // 11, 255) for i in range(11)]
    wheel += [(255 * i // 13, 0, 255) for i in range(13)] + [(255, 0, 255 - 255 * i // 6) for i in range(6)]
    radius, place = math.hypot(u, v), (math.atan2(-v, -u) / math.pi + 1) / 2 * 54
    k, part = int(place), place - int(place)
    mixed = [(1 - part) * a + part * b for a, b in zip(wheel[k], wheel[(k + 1) % 55], strict=True)]
    return [255 - radius * (255 - c) if radius <= 1 else 0.75 * c for c in mixed]


def test_the_landmarks_of_the_wheel():
    wheel = flow.colour_wheel() * 255
    assert wheel.shape == (55, 3)
    for index, colour in {
        0: (255, 0, 0), 14: (255, 238, 0), 15: (255, 255, 0), 20: (43, 255, 0), 21: (0, 255, 0), 24: (0, 255, 191),
        25: (0, 255, 255), 35: (0, 24, 255), 36: (0, 0, 255), 48: (235, 0, 255), 49: (255, 0, 255), 54: (255, 0, 43),
    }.items():  # fmt: skip
        assert wheel[index].tolist() == pytest.approx(colour, abs=1e-4)
    assert len(wheel.unique(dim=0)) == 55


@pytest.mark.parametrize(
    ("motion", "colour"),
    [
        ((1.0, 0.0), (255, 0, 0)),  # right: the first
        ((0.0, 1.0), (255, 229.5, 0)),  # down: between the 13th, 221, and the 14th, 238
        ((-1.0, 0.0), (0, 209, 255)),  # left: the 27th
        ((0.0, -1.0), (88, 0, 255)),  # up: between the 40th, 78, and the 41st, 98
        ((0.5, 0.0), (255, 127.5, 127.5)),
        ((0.0, 0.5), (255, 242.25, 127.5)),
        ((0.0, 0.0), (255, 255, 255)),
        ((2.0, 0.0), (191.25, 0, 0)),
        ((0.0, -3.0), (66, 0, 191.25)),
        ((math.sqrt(0.5), math.sqrt(0.5)), (255, 114.75, 0)),  # a quarter of the way from right to left
        ((1.0, -1e-9), (255, 0, 43)),  # the wheel does not close: the 55th beside the first
        ((1.0, -0.0), (255, 0, 0)),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_colours_of_single_motions(motion, colour, dtype):
    got = flow.colorize(uniform(*motion, dtype=dtype), largest=1.0)
    assert got.dtype == dtype
    assert got[0, :, 1, 2].tolist() == pytest.approx([c / 255 for c in colour], abs=1e-5)
    assert torch.equal(got, got[..., :1, :1].expand_as(got))


def test_colours_as_published():
    motion = random_flow(2, 20, 25, length=0.6, dtype=torch.float64)
    got = 255 * flow.colorize(motion, largest=1.0)
    for b, y, x in torch.cartesian_prod(torch.arange(2), torch.arange(20), torch.arange(25)).tolist():
        assert got[b, :, y, x].tolist() == pytest.approx(published(*motion[b, :, y, x].tolist()), abs=1e-3)


def test_the_scale_of_the_colours():
    motion = torch.cat([random_flow(length=2.0, seed=1), random_flow(length=50.0, seed=2)])
    longest = motion.norm(dim=1).amax((1, 2))
    got = flow.colorize(motion)
    for k in range(2):  # each its own
        torch.testing.assert_close(got[k : k + 1], flow.colorize(motion[k : k + 1] / longest[k], largest=1.0))
    assert (got.amin(1) < 1e-5).flatten(1).sum(1).tolist() == [1, 1]  # the longest, and nothing else, has a full colour
    torch.testing.assert_close(flow.colorize(3 * motion), got)
    for k in range(2):  # measured in another way, it may differ in the last digit
        for turn in (0.1, 0.2, 0.3, 0.4, 0.5):
            u, v = motion[k : k + 1].unbind(1)
            turned = torch.stack(
                [u * math.cos(turn) - v * math.sin(turn), u * math.sin(turn) + v * math.cos(turn)], dim=1
            )
            same = flow.colorize(turned, largest=longest[k].item())
            torch.testing.assert_close(same, flow.colorize(turned), atol=1e-5, rtol=0)
    assert (flow.colorize(uniform(0.0, 0.0)) == 1).all()
    assert (flow.colorize(motion, largest=5.0)[1].amax(0) < 0.76).float().mean() > 0.8


def test_unknown_is_black_and_does_not_set_the_scale():
    motion = random_flow()
    motion[0, 0, 0, 0], motion[0, 1, 4, 4], motion[0, 0, 5, 5] = NAN, 1e10, -INF
    got = flow.colorize(motion)
    assert not got[0, :, [0, 4, 5], [0, 4, 5]].any()
    assert got.isfinite().all()
    assert got.min() >= 0
    assert got.max() <= 1
    assert ((got == 0).all(1)).sum() == 3
    torch.testing.assert_close(got[..., 6:, :], flow.colorize(torch.where(flow.known(motion), motion, 0))[..., 6:, :])
    assert not flow.colorize(uniform(NAN, 0.0)).any()


def test_the_legend():
    legend = flow.wheel_image(101)
    assert legend.shape == (3, 101, 101)
    torch.testing.assert_close(legend[:, 50, 50], torch.ones(3))
    for x, y, colour in (
        (100, 50, (255, 0, 0)),
        (50, 100, (255, 229.5, 0)),
        (0, 50, (0, 209, 255)),
        (50, 0, (88, 0, 255)),
    ):
        rim = 255 - 100 / 101 * (255 - torch.tensor(colour))
        torch.testing.assert_close(255 * legend[:, y, x], rim, atol=0.01, rtol=0)
    assert legend[:, 0, 0].max() == pytest.approx(0.75)
    assert flow.wheel_image(1).shape == (3, 1, 1)


# --- files ---------------------------------------------------------------------------------------------------------


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(rows, width, height, depth=16, colour=2, interlaced=0, pieces=1, others=b"", filtered=0):
    """A PNG from its big-endian rows, which claim to be filtered in that way."""
    data = zlib.compress(b"".join(bytes([filtered]) + row for row in rows))
    step = -(-len(data) // pieces)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))
    data = b"".join(chunk(b"IDAT", data[k : k + step]) for k in range(0, len(data), step))
    return b"\x89PNG\r\n\x1a\n" + header + others + data + chunk(b"IEND", b"")


def test_flo_byte_by_byte(tmp_path):
    """Two rows of three pixels; the magic number reads PIEH."""
    values = [1.5, -2.0, 3.0, 0.25, 1e10, 0.0] + [0.0, 1e9, -5.0, 6.0, 7.0, -8.5]
    content = b"PIEH" + struct.pack("<ii", 3, 2) + struct.pack("<12f", *values)
    path = tmp_path / "two.flo"
    path.write_bytes(content)
    got, valid = flow.read_flow(path)
    assert got.dtype == torch.float32
    assert got[0, 0].tolist()[1] == [0.0, -5.0, 7.0]
    assert got[0, 1].tolist()[1] == [1e9, 6.0, -8.5]
    assert got[0, :, 0, 1].tolist() == [3.0, 0.25]
    assert valid.tolist() == [[[[True, True, False], [True, True, True]]]]
    assert got[0, :, 0, 2].isnan().all()
    flow.write_flow(path, got)
    assert path.read_bytes()[:28] == content[:28]
    assert path.read_bytes()[36:] == content[36:]
    assert struct.unpack("<2f", path.read_bytes()[28:36]) == (1e10, 1e10)


def test_kitti_byte_by_byte(tmp_path):
    rows = [(32768, 32768, 1, 32768 + 64, 32768 - 32, 1), (0, 65535, 1, 7, 7, 0), (32769, 32767, 1, 0, 0, 0)]
    path = tmp_path / "kitti.png"
    for extra in ({}, {"pieces": 3}, {"others": chunk(b"tRNS", bytes(6)) + chunk(b"gAMA", b"\0\0\xb1\x8f")}):
        path.write_bytes(png([struct.pack(">6H", *row) for row in rows], 2, 3, **extra) + b"and more")
        got, valid = flow.read_flow(str(path))
        assert got.dtype == torch.float32
        assert got.shape == (1, 2, 3, 2)
        assert valid[0, 0].tolist() == [[True, True], [True, False], [True, False]]
        assert got[0, :, :, 0].tolist() == [[0.0, -512.0, 1 / 64], [0.0, 511.984375, -1 / 64]]
        assert got[0, :, 0, 1].tolist() == [1.0, -0.5]
        assert got[0, :, 1:, 1].isnan().all()


@pytest.mark.parametrize("ending", ["flo", "png", "PNG"])
@pytest.mark.parametrize("size", [(1, 1), (1, 70), (37, 5), (120, 90)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_there_and_back_again(tmp_path, ending, size, dtype):
    given = random_flow(1, *size, length=80.0, dtype=dtype)
    valid = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(1)) < 0.8
    given[..., -1] = NAN
    path = flow.write_flow(tmp_path / f"a.{ending}", given, valid)
    got, known = flow.read_flow(path)
    assert torch.equal(known, valid & flow.known(given))
    assert torch.equal(known, flow.known(got))
    away = (got - given).abs()[known.expand(-1, 2, -1, -1)]
    assert (away <= (1e-4 if ending == "flo" else 1 / 128 + 1e-5)).all()
    if ending == "flo" and dtype == torch.float32:
        assert not away.any()
    again, _ = flow.read_flow(flow.write_flow(tmp_path / f"b.{ending}", got))
    torch.testing.assert_close(again, got, atol=0, rtol=0, equal_nan=True)
    assert sorted(os.listdir(tmp_path)) == [f"a.{ending}", f"b.{ending}"]


def test_nothing_known_can_be_kept(tmp_path):
    for ending in ("flo", "png"):
        _, valid = flow.read_flow(flow.write_flow(tmp_path / f"a.{ending}", uniform(NAN, NAN)))
        assert not valid.any()


def test_kitti_holds_no_more_than_512_pixels(tmp_path):
    path = tmp_path / "far.png"
    for edge in (-512.0, 512 - 1 / 64):
        assert flow.read_flow(flow.write_flow(path, uniform(0.0, edge)))[0][0, 1, 0, 0] == edge
    path.unlink()
    for far in (-512.01, 512.0, 1e8):
        given = uniform(0.0, 0.0)
        given[0, 1, 2, 3] = far
        with pytest.raises(ShapeError, match="KITTI"):
            flow.write_flow(path, given)
        assert not path.exists()
        flow.write_flow(path, given, given[:, 1:] == 0)
        path.unlink()


def test_every_cut_and_every_flipped_bit_of_a_png_is_found(tmp_path):
    path = flow.write_flow(tmp_path / "a.png", random_flow(1, 3, 4))
    whole, (sound, _) = path.read_bytes(), flow.read_flow(path)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError):
            flow.read_flow(path)
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        with pytest.raises(DataError):
            flow.read_flow(path)
    path.write_bytes(whole)
    assert torch.equal(flow.read_flow(path)[0], sound)


def test_flo_files_of_another_length(tmp_path):
    path = flow.write_flow(tmp_path / "a.flo", random_flow(1, 3, 4))
    whole = path.read_bytes()
    for content in [whole[:length] for length in range(len(whole))] + [whole + b"\0", whole + whole]:
        path.write_bytes(content)
        with pytest.raises(DataError, match="cut off|too long|empty|header|begins"):
            flow.read_flow(path)


ROWS = [struct.pack(">6H", *range(6))] * 3
FINE = [struct.pack(">6H", 1, 2, 1, 3, 4, 0)] * 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"no flow at all", "begins with"),
        (b"HEIP" + bytes(20), "begins with"),
        (b"PIEH" + struct.pack("<ii", 0, 4), "claims 0×4"),
        (b"PIEH" + struct.pack("<ii", -3, -2) + bytes(48), "claims -3×-2"),
        (b"PIEH" + struct.pack("<ii", 2**31 - 1, 2**31 - 1) + bytes(48), "claims 2147483647"),
        (b"PIEH" + struct.pack(">ii", 3, 2) + bytes(48), "claims|cut off"),
        (b"PIEH" + struct.pack("<ii", 30000, 2) + bytes(48), "cut off"),
        (png(FINE, 2, 4), "rows"),  # FFmpeg would add a black row
        (png(FINE, 2, 2), "rows"),
        (png(FINE, 2, 3, filtered=9), "rows"),
        (png(FINE, 2**31 - 1, 2**31 - 1), "claims"),
        (png(FINE, 0, 3), "claims"),
        (png([bytes(6)] * 3, 2, 3, depth=8), "8 bits, RGB"),
        (png([bytes(4)] * 3, 2, 3, colour=0), "16 bits, grey"),
        (png([bytes(16)] * 3, 2, 3, colour=6), "alpha"),
        (png(FINE, 2, 3, interlaced=1), "interlaced"),
        (png(ROWS, 2, 3), "picture"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""), "header"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(5)) + chunk(b"IEND", b""), "header"),
        (png(FINE, 2, 3).replace(b"IDAT", b"IDOT"), "IDOT"),
        (png(FINE, 2, 3)[:33] + chunk(b"IDAT", b"hello") + chunk(b"IEND", b""), "damaged"),
        (png(FINE, 2, 3)[:33] + chunk(b"IEND", b""), "rows"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_no_flow_is_refused_in_one_sentence(tmp_path, content, says):
    for name in ("a.flo", "a.png"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=says):
            flow.read_flow(tmp_path / name)


def test_a_small_file_that_unfolds_to_gigabytes_is_refused(tmp_path):
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 3, 16, 2, 0, 0, 0))
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    tracemalloc.start()
    with pytest.raises(DataError, match="rows"):
        flow.read_flow(path)
    assert tracemalloc.get_traced_memory()[1] < 4e6
    tracemalloc.stop()


def test_places_that_hold_no_flow(tmp_path):
    for path in (tmp_path, tmp_path / "none.flo", tmp_path / "a\0b.flo"):
        with pytest.raises(DataError):
            flow.read_flow(path)
    for path in (tmp_path / "none" / "a.flo", tmp_path / "a.tiff", tmp_path / "flow", tmp_path / "a\0b.png"):
        with pytest.raises(DataError):
            flow.write_flow(path, uniform(1.0, 2.0))
    (tmp_path / "folder.flo").mkdir()
    with pytest.raises(DataError):
        flow.write_flow(tmp_path / "folder.flo", uniform(1.0, 2.0))
    assert os.listdir(tmp_path) == ["folder.flo"]


@pytest.mark.parametrize("ending", ["flo", "png"])
def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch, ending):
    path = flow.write_flow(tmp_path / f"a.{ending}", uniform(1.0, 2.0))
    before, seen = path.read_bytes(), []

    def fails(source, target):
        seen.append((source.parent.parent, source.stat().st_size, target))
        raise OSError("no room")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(DataError, match="no room"):
        flow.write_flow(path, uniform(-3.0, 4.0))
    assert seen == [(tmp_path, seen[0][1], path)]
    assert seen[0][1] > 12
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


# --- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("as_learners_run_it")
def test_bad_flows_and_masks(tmp_path):
    good = random_flow()
    for function in (flow.endpoint_error, flow.angular_error, flow.consistency_error, flow.occluded):
        for given, says in (
            (good[..., :-1], "the same shape"),
            (good.repeat(2, 1, 1, 1), "the same shape"),
            (good.movedim(1, -1), "b h w d -> b d h w"),
            (good[0], "b 2 h w"),
            (good.long(), "floats"),
        ):
            with pytest.raises(ShapeError, match=says):
                function(good, given)
            with pytest.raises(ShapeError, match=says):
                function(given, good)
    mask = torch.ones(1, 1, 9, 12, dtype=torch.bool)
    for wrong in (mask[0], mask[..., :-1], mask.float(), mask.expand(1, 2, 9, 12), mask.numpy(), [True]):
        for function in (flow.endpoint_error, flow.angular_error, flow.mean_endpoint_error):
            with pytest.raises(ShapeError, match="valid"):
                function(good, good, wrong)
        with pytest.raises(ShapeError, match="valid"):
            flow.write_flow(tmp_path / "a.flo", good, wrong)
    for how in ({"alpha": -0.1}, {"beta": NAN}):
        with pytest.raises(ShapeError, match="0 or more"):
            flow.occluded(good, good, **how)
    for given in (good[0], good.movedim(1, -1), good.long()):
        for function in (flow.colorize, flow.known, lambda w: flow.write_flow(tmp_path / "a.flo", w)):
            with pytest.raises(ShapeError):
                function(given)
    for largest in (0.0, -1.0, NAN, INF):
        with pytest.raises(ShapeError, match="largest"):
            flow.colorize(good, largest)
    with pytest.raises(ShapeError, match="1 pixel"):
        flow.wheel_image(0)
    with pytest.raises(ShapeError, match="one flow"):
        flow.write_flow(tmp_path / "a.flo", good.repeat(2, 1, 1, 1))
    assert not os.listdir(tmp_path)


@pytest.mark.gpu
def test_the_same_on_a_gpu(tmp_path):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    a, b = random_flow(2, seed=1), random_flow(2, seed=2)
    b[0, 0, 3, 3] = NAN
    for function in (*ERRORS.values(), flow.mean_endpoint_error, lambda a, b: flow.colorize(b)):
        torch.testing.assert_close(function(a.cuda(), b.cuda()).cpu(), function(a, b), equal_nan=True)
    assert torch.equal(flow.occluded(a.cuda(), b.cuda()).cpu(), flow.occluded(a, b))
    assert torch.equal(flow.read_flow(flow.write_flow(tmp_path / "a.flo", a[:1].cuda()))[0], a[:1])
