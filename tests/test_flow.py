"""Optical flow: derivatives, constraint, Lucas–Kanade, Horn–Schunck — against closed forms, limits and symmetries."""

import pytest
import torch

from vidlab import ShapeError, flow, worlds
from vidlab.flow.horn_schunck import even_links
from vidlab.flow.relaxation import relax

ESTIMATORS = {
    "lucas_kanade": flow.lucas_kanade,
    "horn_schunck": flow.horn_schunck,
    "robust": lambda a, b, **how: flow.horn_schunck(a, b, robust=True, **how),
    "1981": lambda a, b, **how: flow.horn_schunck_1981(a, b, **how),
}
COARSE_TO_FINE = [name for name in ESTIMATORS if name != "1981"]


def pair(motion, size=64, seed=3, dtype=torch.float32):
    """Two frames `1 1 h w` of a texture, and the exact flow `1 2 h w`."""
    world = worlds.moving_texture(motion, size=size, seed=seed)
    grey = world.clip[0].mean(1, keepdim=True).to(dtype)
    return grey[:1], grey[1:2], world.flow[0, :1].to(dtype)


def shifted(u, v, **how):
    return pair(worlds.translation(u, v, frames=2), **how)


def random_maps(*shape, seed=0):
    return torch.randn(3, 1, 1, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# --- derivatives and the constraint --------------------------------------------------------------------------------


def test_the_cube_gives_the_slopes_of_a_linear_film():
    y, x = torch.meshgrid(torch.arange(5.0), torch.arange(7.0), indexing="ij")
    first = (0.1 * x - 0.03 * y)[None, None]
    I_x, I_y, I_t = flow.cube_derivatives(first, first + 0.02)
    for got, wanted in ((I_x, 0.1), (I_y, -0.03), (I_t, 0.02)):
        assert got.shape == first.shape
        torch.testing.assert_close(got[..., :-1, :-1], torch.full((1, 1, 4, 6), wanted))


def test_the_cube_is_the_mean_of_four_differences():
    """One cube by hand, from the formulas of section 7 of the paper."""
    first, second = torch.rand(2, 1, 1, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    E = torch.stack([first[0, 0], second[0, 0]], dim=-1)  # row i, column j, frame k
    I_x, I_y, I_t = (d[0, 0, 0, 0] for d in flow.cube_derivatives(first, second))
    assert torch.isclose(I_x, (E[:, 1] - E[:, 0]).mean())
    assert torch.isclose(I_y, (E[1] - E[0]).mean())
    assert torch.isclose(I_t, (E[..., 1] - E[..., 0]).mean())


def test_the_five_point_stencil_is_exact_up_to_degree_four():
    x = torch.linspace(-1, 1, 21, dtype=torch.float64).expand(1, 1, 21, 21)
    for degree in (1, 2, 3, 4):
        I_x, I_y = flow.spatial_derivatives(x**degree)
        torch.testing.assert_close(I_x[..., 2:-2] * 10, degree * x[..., 2:-2] ** (degree - 1))
        assert not I_y.any()
        assert torch.equal(flow.spatial_derivatives((x**degree).mT)[1], I_x.mT)
    assert not torch.allclose(flow.spatial_derivatives(x**5)[0][..., 2:-2] * 10, 5 * x[..., 2:-2] ** 4)


def test_the_constraint_holds_for_the_true_motion_only():
    first, second, truth = shifted(0.3, -0.2)
    parts = flow.derivatives(first, second)
    right = flow.constraint_residual(*parts, truth).abs().mean()
    for wrong in (-truth, truth.flip(1), truth * torch.tensor([1.0, -1.0]).reshape(1, 2, 1, 1), 0 * truth):
        assert flow.constraint_residual(*parts, wrong).abs().mean() > 8 * right


def test_normal_flow_is_the_part_along_the_gradient():
    first, second, truth = shifted(0.3, -0.2, dtype=torch.float64)
    I_x, I_y, I_t = flow.derivatives(first, second)
    normal = flow.normal_flow(I_x, I_y, I_t)
    gradient = torch.cat([I_x, I_y], dim=1)
    strong = gradient.norm(dim=1, keepdim=True) > 0.02
    known = (truth * gradient).sum(1, keepdim=True) / gradient.square().sum(1, keepdim=True) * gradient
    assert (normal - known).norm(dim=1, keepdim=True)[strong].mean() < 0.01
    assert flow.constraint_residual(I_x, I_y, I_t, normal)[strong].abs().max() < 1e-12
    assert not flow.normal_flow(0 * I_x, 0 * I_y, I_t).any()  # where nothing is known: zero, not NaN


def test_eigenvalues_of_a_symmetric_matrix():
    xx, xy, yy = random_maps(6, 7)
    low, high = flow.eigenvalues(xx, xy, yy)
    matrix = torch.stack([torch.stack([xx, xy], -1), torch.stack([xy, yy], -1)], -2)
    torch.testing.assert_close(torch.stack([low, high], -1), torch.linalg.eigvalsh(matrix))


# --- warping -------------------------------------------------------------------------------------------------------


def test_warping_the_second_frame_back_gives_the_first():
    for mode, limit in (("bicubic", 1e-3), ("bilinear", 4e-3)):
        first, second, truth = pair(worlds.rotation(3.0, frames=2, centre=(31.5, 31.5)))
        seen = flow.inside(truth)
        assert (flow.warp(second, truth, mode) - first).abs()[seen].mean() < limit
        assert (flow.warp(second, -truth, mode) - first).abs()[seen].mean() > 8 * limit


def test_the_cubic_is_exact_for_parabolas():
    """PyTorch's own bicubic is not even exact for a ramp."""
    x = torch.linspace(0, 1, 24, dtype=torch.float64).expand(1, 1, 24, 24)
    step = torch.zeros(1, 2, 24, 24, dtype=torch.float64)
    step[:, 0], step[:, 1] = 0.27, -0.4
    for picture in (lambda x: x, lambda x: x * x):
        warped = flow.warp(picture(x), step)[..., 2:-3]
        torch.testing.assert_close(warped, picture(x + 0.27 / 23)[..., 2:-3])
        torch.testing.assert_close(flow.warp(picture(x).mT, step.flip(1).mT).mT[..., 2:-3], warped)


def test_warping_fetches_from_the_end_of_the_flow():
    image = torch.arange(30.0).reshape(1, 1, 5, 6) / 30
    step = torch.zeros(1, 2, 5, 6)
    step[:, 0] = 1
    assert torch.equal(flow.warp(image, step, "nearest")[..., :-1], image[..., 1:])
    assert torch.equal(flow.warp(image, step.flip(1), "nearest")[..., :-1, :], image[..., 1:, :])
    assert flow.inside(step).sum() == 25
    assert not flow.inside(step)[..., -1].any()


def test_a_resized_flow_is_rescaled():
    first, second, truth = shifted(4.0, -2.0)
    half = flow.resize_flow(truth, (32, 16))
    assert half.shape == (1, 2, 32, 16)
    torch.testing.assert_close(half[0, :, 5, 5], torch.tensor([1.0, -1.0]))
    small = [flow.resize(frame, (32, 32)) for frame in (first, second)]
    right = (flow.warp(small[1], flow.resize_flow(truth, (32, 32))) - small[0])[..., 4:-4, 4:-4].abs().mean()
    forgotten = (flow.warp(small[1], flow.resize(truth, (32, 32))) - small[0])[..., 4:-4, 4:-4].abs().mean()
    assert forgotten > 20 * right


def test_a_pyramid_ends_above_its_smallest_side():
    sizes = [tuple(level.shape[-2:]) for level in flow.pyramid(torch.zeros(1, 1, 97, 64))]
    assert sizes == [(25, 16), (49, 32), (97, 64)]
    assert len(flow.pyramid(torch.zeros(1, 1, 97, 64), levels=1)) == 1


# --- Lucas and Kanade ----------------------------------------------------------------------------------------------


def test_one_step_is_least_squares_over_the_window():
    I_x, I_y, I_t = random_maps(9, 11)
    tensor = flow.motion_tensor(I_x, I_y, I_t)
    summed = flow.MotionTensor(*(flow.blur(product, flow.window_weights(2, "box")) for product in tensor))
    got = flow.least_squares(summed)[0]
    for y, x in ((4, 5), (2, 8), (0, 0), (8, 10)):  # at the border the window is smaller
        part = (..., slice(max(0, y - 2), y + 3), slice(max(0, x - 2), x + 3))
        rows = torch.stack([I_x[part].flatten(), I_y[part].flatten()], dim=1)
        closed_form = torch.linalg.lstsq(rows, -I_t[part].flatten()[:, None]).solution[:, 0]
        torch.testing.assert_close(got[:, y, x], closed_form)


def test_the_window_sums_as_convolution_does():
    image = random_maps(12, 15)[0]
    for window in ("gaussian", "box"):
        weights = torch.tensor(flow.window_weights(3, window), dtype=torch.float64)
        assert weights.sum() == pytest.approx(1)
        kernel = weights[:, None] * weights
        expected = torch.nn.functional.conv2d(image, kernel[None, None], padding=3)
        torch.testing.assert_close(flow.blur(image, weights.tolist()), expected)


# --- Horn and Schunck ----------------------------------------------------------------------------------------------


def iterated(first, second, smoothness, steps):
    found = None
    for _ in range(steps):
        found = flow.horn_schunck_1981(first, second, smoothness=smoothness, iterations=1, start=found)
        yield found


def test_the_energy_falls_at_every_step():
    first, second, _ = shifted(0.6, 0.3, dtype=torch.float64)
    parts = flow.cube_derivatives(first, second)
    energies = [flow.energy(found, *parts, 0.001) for found in iterated(first, second, 0.001, 200)]
    assert all(later < earlier for earlier, later in zip(energies, energies[1:], strict=False))


def test_the_fixed_point_satisfies_euler_and_lagrange():
    first, second, _ = shifted(0.6, 0.3, size=32, dtype=torch.float64)
    lam = 0.001
    found = flow.horn_schunck_1981(first, second, smoothness=lam, iterations=5000)
    I_x, I_y, I_t = flow.cube_derivatives(first, second)
    laplacian = 3 * (flow.neighbour_mean(found) - found)
    residual = flow.constraint_residual(I_x, I_y, I_t, found)
    equations = torch.cat([I_x, I_y], 1) * residual - lam * laplacian
    assert equations.abs().max() < 1e-5 * (torch.cat([I_x, I_y], 1) * I_t).abs().max()
    wanted = found.clone().requires_grad_()  # and they are the gradient of the energy
    (gradient,) = torch.autograd.grad(flow.energy(wanted, I_x, I_y, I_t, lam).sum(), wanted)
    torch.testing.assert_close(gradient, 2 * equations, atol=1e-9, rtol=1e-4)


def test_the_roughness_is_the_squared_gradient():
    """For linear u and v, away from the border, λ's term is exactly ‖∇u‖² + ‖∇v‖²."""
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    linear = torch.stack([0.3 * x - 0.2 * y, 0.1 * y])[None].double()
    nothing = torch.zeros(1, 1, 32, 32, dtype=torch.float64)
    total = flow.energy(linear, nothing, nothing, nothing, 1.0).item()
    assert total == pytest.approx((0.09 + 0.04 + 0.01) * 32 * 31, rel=0.02)


def test_no_smoothness_leaves_the_constraint_and_much_leaves_one_motion():
    first, second, truth = shifted(0.4, -0.3, size=32, dtype=torch.float64)
    I_x, I_y, I_t = flow.cube_derivatives(first, second)
    loose = flow.horn_schunck_1981(first, second, smoothness=1e-9, iterations=3000)
    left = flow.constraint_residual(I_x, I_y, I_t, loose).abs()
    assert left[I_x.square() + I_y.square() > 1e-4].max() < 1e-3 * I_t.abs().max()  # the last pixel has no gradient
    stiff = flow.horn_schunck_1981(first, second, smoothness=100.0, iterations=3000)
    assert stiff.std((-1, -2)).max() < 1e-3
    rows = torch.stack([I_x.flatten(), I_y.flatten()], 1)
    one_motion = torch.linalg.lstsq(rows, -I_t.flatten()[:, None]).solution[:, 0]
    start = one_motion.reshape(1, 2, 1, 1).expand_as(stiff)  # the slowest wave would take a million steps
    settled = flow.horn_schunck_1981(first, second, smoothness=100.0, iterations=300, start=start)
    torch.testing.assert_close(settled.mean((0, 2, 3)), one_motion, rtol=1e-3, atol=1e-4)
    assert (settled - truth).abs().mean() < 0.02


def test_brighter_images_need_more_smoothness():
    """Twice the contrast and four times λ: the very same equations."""
    first, second, _ = shifted(0.5, 0.2, dtype=torch.float64)
    once = flow.horn_schunck_1981(first, second, smoothness=0.002)
    torch.testing.assert_close(flow.horn_schunck_1981(2 * first, 2 * second, smoothness=0.008), once)


def test_chebyshev_does_in_20_steps_the_work_of_100():
    """Where it is needed: what is known at the border of a flat region has to spread into it."""
    known = torch.ones(1, 1, 40, 40, dtype=torch.float64)
    known[..., 1:-1, 1:-1] = 0
    tensor = flow.MotionTensor(known, 0 * known, known, -known, known)  # at the border u = 1 and v = −1
    rest, links = torch.zeros(1, 2, 40, 40, dtype=torch.float64), even_links(known, 1.0)
    wrong = (relax(tensor, rest, links, 20) - torch.tensor([1.0, -1.0]).reshape(1, 2, 1, 1)).abs().mean()
    plain = rest
    for _ in range(100):
        plain = relax(tensor, plain, links, 1)  # a single step has no weight
    assert wrong < (plain - torch.tensor([1.0, -1.0]).reshape(1, 2, 1, 1)).abs().mean()
    settled = relax(tensor, rest, links, 1500)
    torch.testing.assert_close(settled, rest + torch.tensor([1.0, -1.0]).reshape(1, 2, 1, 1))


def test_the_median_of_nine():
    image = torch.rand(2, 2, 70, 33, generator=torch.Generator().manual_seed(2))
    p = torch.nn.functional.pad(image, (2, 2, 2, 2), mode="replicate")
    nine = torch.stack([p[..., y : y + 70, x : x + 33] for y in (0, 2, 4) for x in (0, 2, 4)])
    assert torch.equal(flow.median(image), nine.median(0).values)
    assert torch.equal(flow.median(image, strip=7), nine.median(0).values)


# --- all estimators ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COARSE_TO_FINE)
@pytest.mark.parametrize("step", [(0.25, 0.0), (0.0, 0.6), (-1.3, 0.7), (4.0, -3.0)])
def test_translations_to_a_hundredth_of_a_pixel(name, step):
    first, second, truth = shifted(*step, size=96)
    found = ESTIMATORS[name](first, second)
    inner = (..., slice(12, -12), slice(12, -12))
    assert (found - truth)[inner].norm(dim=1).mean() < 0.01


@pytest.mark.parametrize("name", COARSE_TO_FINE)
def test_large_motion_needs_the_pyramid(name):
    first, second, truth = pair(worlds.rotation(6.0, frames=2, centre=(47.5, 47.5)), size=96)
    assert truth.norm(dim=1).max() > 6
    seen = flow.inside(truth)[:, 0]
    assert (ESTIMATORS[name](first, second) - truth).norm(dim=1)[seen].mean() < 0.05


def test_without_a_pyramid_large_motion_is_lost():
    first, second, truth = shifted(6.0, 0.0, size=96)
    assert (flow.lucas_kanade(first, second, levels=1) - truth).norm(dim=1).mean() > 10 * (
        flow.lucas_kanade(first, second) - truth
    ).norm(dim=1).mean()


@pytest.mark.parametrize("name", ESTIMATORS)
def test_u_is_to_the_right_and_v_is_down(name):
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")

    def blob(cx, cy):
        return torch.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 60)[None, None]

    for step in ((0.5, 0.0), (0.0, 0.5), (-0.5, 0.0), (0.0, -0.5)):
        found = ESTIMATORS[name](blob(24, 24), blob(24 + step[0], 24 + step[1]))
        u, v = found[0, :, 20:28, 20:28].mean((1, 2)).tolist()
        assert (u, v) == pytest.approx(step, abs=0.1)


@pytest.mark.parametrize("name", COARSE_TO_FINE)
def test_mirrors_and_transposition(name):
    """The flow of mirrored frames is the mirrored flow, with the sign of that component changed."""
    estimate = ESTIMATORS[name]
    first, second, _ = shifted(1.2, -0.6, size=61, dtype=torch.float64)
    first, second = first[..., :50, :], second[..., :50, :]
    found = estimate(first, second)
    for axis, sign in ((-1, (-1.0, 1.0)), (-2, (1.0, -1.0))):
        mirrored = estimate(first.flip(axis), second.flip(axis)).flip(axis)
        torch.testing.assert_close(mirrored * torch.tensor(sign).reshape(1, 2, 1, 1), found, atol=1e-6, rtol=0)
    torch.testing.assert_close(estimate(first.mT, second.mT).mT.flip(1), found, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", COARSE_TO_FINE)
def test_a_picture_twice_as_large_moves_twice_as_far(name):
    first, second, _ = shifted(1.2, -0.6, size=64)
    found = ESTIMATORS[name](first, second)
    large = ESTIMATORS[name](*(flow.resize(frame, (128, 128)) for frame in (first, second)))
    inner = (..., slice(8, -8), slice(8, -8))
    assert (flow.resize_flow(large, (64, 64)) - found)[inner].norm(dim=1).mean() < 0.03


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_batch_is_its_parts(name):
    one, two = shifted(0.7, 0.2), shifted(-0.4, 0.5, seed=9)
    both = ESTIMATORS[name](torch.cat([one[0], two[0]]), torch.cat([one[1], two[1]]))
    for k, (first, second, _) in enumerate((one, two)):
        torch.testing.assert_close(both[k : k + 1], ESTIMATORS[name](first, second))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_what_says_nothing_moves_nothing(name):
    grey = torch.full((1, 1, 40, 30), 0.5)
    assert not ESTIMATORS[name](grey, grey).any()
    still, _, _ = shifted(1.0, 0.0)
    assert ESTIMATORS[name](still, still).abs().max() < 1e-6


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (2, 3), (17, 40)])
def test_any_size(name, size):
    generator = torch.Generator().manual_seed(0)
    first, second = torch.rand(2, 1, 1, *size, generator=generator)
    found = ESTIMATORS[name](first, second)
    assert found.shape == (1, 2, *size)
    assert found.isfinite().all()


@pytest.mark.parametrize("name", COARSE_TO_FINE)
def test_colours_are_further_constraints(name):
    """Two colours, each with stripes in one direction: neither alone shows the motion, together they do."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")

    def stripes(u, v):
        red, green = (0.5 + 0.3 * torch.sin(0.4 * place) for place in (x - u, y - v))
        return torch.stack([red, green, 0 * red + 0.5])[None]

    found = ESTIMATORS[name](stripes(0, 0), stripes(0.8, -0.5))
    assert found[0, :, 16:48, 16:48].mean((1, 2)).tolist() == pytest.approx([0.8, -0.5], abs=0.02)
    red = ESTIMATORS[name](stripes(0, 0)[:, :1], stripes(0.8, -0.5)[:, :1])
    assert red[0, 1].abs().mean() < 0.25


def test_robust_flow_keeps_the_outline_of_an_object():
    world = worlds.moving_object(velocity=(2.0, 0.0), frames=2, size=96, seed=4)
    first, second = (world.clip[:, t].mean(1, keepdim=True) for t in (0, 1))
    truth = world.flow[:, 0]
    errors = {k: (ESTIMATORS[k](first, second) - truth).norm(dim=1).mean() for k in ("robust", "horn_schunck")}
    assert errors["robust"] < 0.6 * errors["horn_schunck"]
    assert errors["robust"] < 0.1


@pytest.mark.parametrize("name", ESTIMATORS)
def test_gradients(name):
    first, second, _ = shifted(0.3, -0.2, size=7, dtype=torch.float64)
    noise = 0.05 * torch.rand(2, 1, 1, 7, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    first, second = (first + noise[0]).requires_grad_(), (second + noise[1]).requires_grad_()
    how = {"1981": {"iterations": 3}, "lucas_kanade": {"radius": 2, "warps": 2}}
    how = how.get(name, {"warps": (2,), "iterations": 3})
    assert torch.autograd.gradcheck(lambda a, b: ESTIMATORS[name](a, b, **how), (first, second), atol=1e-4)


@pytest.mark.usefixtures("as_learners_run_it")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_bad_input(name):
    good = torch.rand(1, 1, 20, 20)
    for first, second, says in (
        (good, good[..., :-1], "the same shape"),
        (good[0], good[0], "b c h w"),
        ((255 * good).byte(), (255 * good).byte(), "/ 255"),
        (255 * good, 255 * good, "/ 255"),
        (good.index_fill(-1, torch.tensor([3]), float("nan")), good, "nan"),
        (good, good.double(), "one dtype"),
        (good.numpy(), good, "ndarray"),
        (good[:0], good[:0], "none of them 0"),
    ):
        with pytest.raises(ShapeError, match=says):
            ESTIMATORS[name](first, second)
    key = {"lucas_kanade": "damping"}.get(name, "smoothness")
    with pytest.raises(ValueError, match="above 0"):
        ESTIMATORS[name](good, good, **{key: 0.0})


@pytest.mark.usefixtures("as_learners_run_it")
def test_bad_flows():
    image = torch.rand(1, 1, 20, 30)
    for given, says in (
        (torch.zeros(1, 20, 30, 2), "b h w d -> b d h w"),
        (torch.zeros(2, 20, 30), "b 2 h w"),
        (torch.zeros(1, 2, 20, 31), "resize_flow"),
        (torch.zeros(1, 2, 20, 30, dtype=torch.int64), "floats"),
    ):
        with pytest.raises(ShapeError, match=says):
            flow.warp(image, given)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_same_on_a_gpu(name):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    first, second, _ = shifted(1.2, -0.6)
    there = ESTIMATORS[name](first.cuda(), second.cuda())
    torch.testing.assert_close(there.cpu(), ESTIMATORS[name](first, second), atol=1e-3, rtol=0)
