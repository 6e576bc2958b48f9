"""Exercise checks are themselves tested by mutation: right answers pass however written, wrong ones are told apart."""

import json
import math
import multiprocessing
import os
import pickle
import re
import stat

import numpy as np
import pytest
import test_checks_attention
import test_checks_capstone
import test_checks_early
import test_checks_frames
import test_checks_fusion
import test_checks_hidden
import test_checks_inflation
import test_checks_recurrence
import test_checks_slow
import test_checks_two_stream
import test_checks_videos
import torch
from einops import rearrange

from vidlab import checks, flow
from vidlab.checks import check, exercises, hint, progress, record, solution
from vidlab.checks.frame import LESSONS

ALL = exercises()
SEEDS = range(5)


# Right answers, each written differently from the reference


def _decoder_loop(frames):
    return torch.stack([torch.stack([frame[..., c] for c in range(3)]) for frame in frames]).to(torch.float32).div(255)


def _frame_loop(seconds, fps, total):
    frame = 0
    while frame < total - 1 and (frame + 1) <= seconds * fps:
        frame += 1
    return frame


def _starts_list(total, length, stride, n):
    last = total - 1 - (length - 1) * stride
    return [round(i * last / (n - 1)) for i in range(n)]


def _starts_numpy(total, length, stride, n):
    frames = np.arange(0, length * stride, stride)
    return torch.from_numpy(np.rint(np.linspace(0, total - 1 - frames[-1], n)).astype(np.int64))


def _softmax_by_hand(logits):
    e = torch.exp(logits - logits.max(1, keepdim=True).values)
    return (e / e.sum(1, keepdim=True)).sum(0) / len(logits)


def _yt_loop(clip, x):
    return torch.stack([frame[:, :, x] for frame in clip], dim=-1)


def _difference_loop(frames):
    small = frames.to(torch.int16)
    return torch.stack([(after - before) / 255 for before, after in zip(small[:-1], small[1:], strict=True)])


def _central_velocity(cut):
    i_t, i_x = torch.gradient(cut)
    return -(i_x * i_t).sum() / (i_x**2).sum()


def _lstsq_velocity(cut):
    top, bottom = cut[:-1], cut[1:]
    mean, step = (top + bottom) / 2, bottom - top
    i_x, i_t = (mean[:, 1:] - mean[:, :-1]).flatten(), (step[:, 1:] + step[:, :-1]).flatten() / 2
    return torch.linalg.lstsq(i_x[:, None], -i_t[:, None]).solution.item()


def _foreground_loop(clip, background, k):
    worst = torch.stack([(frame - background).abs().max(dim=0).values for frame in clip])
    sigma = 1.4826 * torch.quantile((worst - torch.quantile(worst.flatten(), 0.5)).abs().flatten(), 0.5)
    return torch.gt(worst, k * sigma)


def _cube_loop(first, second):
    h, w = first.shape
    result = torch.empty(h - 1, w - 1, dtype=first.dtype)
    for y in range(h - 1):
        for x in range(w - 1):
            result[y, x] = second[y : y + 2, x : x + 2].mean() - first[y : y + 2, x : x + 2].mean()
    return result


def _normal_by_unit_vector(I_x, I_y, I_t, floor):
    gradient = torch.stack([I_x, I_y])
    length = gradient.norm(dim=0)
    flow = -I_t / length * (gradient / length)
    return flow.masked_fill(length <= floor, 0)


def _normal_by_pseudoinverse(I_x, I_y, I_t, floor):
    line = torch.stack([I_x, I_y], dim=-1)[..., None, :]  # h w 1 2: one equation, two unknowns
    return (torch.linalg.pinv(line, atol=floor) @ -I_t[..., None, None])[..., 0].movedim(-1, 0)


def _warp_loop(second, flow):
    h, w = second.shape
    result = torch.zeros_like(second)
    for y in range(h):
        for x in range(w):
            u, v = flow[:, y, x].tolist()
            result[y, x] = second[min(max(y + v, 0), h - 1), min(max(x + u, 0), w - 1)]
    return result


def _warp_padded(second, flow):
    h, w = second.shape
    wide = torch.nn.functional.pad(second[None, None], (20, 20, 20, 20), mode="replicate").flatten()
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    return wide[(y + 20 + flow[1]) * (w + 40) + x + 20 + flow[0]]


def _lucas_kanade_solve(xx, xy, yy, xt, yt):
    matrix = torch.stack([torch.stack([xx, xy], -1), torch.stack([xy, yy], -1)], -2)
    return -torch.linalg.solve(matrix, torch.stack([xt, yt], -1)).permute(2, 0, 1)


def _lucas_kanade_elimination(xx, xy, yy, xt, yt):
    v = (xt * xy / xx - yt) / (yy - xy * xy / xx)
    return torch.stack([-(xt + xy * v) / xx, v])


def _horn_schunck_loop(I_x, I_y, I_t, mean, smoothness):
    """Every pixel minimises 3λ |(u, v) − mean|² plus the square of its constraint."""
    result = torch.empty_like(mean)
    for y in range(I_x.shape[0]):
        for x in range(I_x.shape[1]):
            g = torch.stack([I_x[y, x], I_y[y, x]])
            matrix = 3 * smoothness * torch.eye(2, dtype=g.dtype) + torch.outer(g, g)
            result[:, y, x] = torch.linalg.solve(matrix, 3 * smoothness * mean[:, y, x] - g * I_t[y, x])
    return result


def _in_place_rescale(flow, old, new):
    result = flow.clone()
    for axis, side in ((0, 1), (1, 0)):
        result[axis] *= new[side] / old[side]
    return result


RIGHT = {
    "start.decoder_to_tensor": [
        lambda f: f.permute(0, 3, 1, 2) / 255,
        lambda f: f.movedim(-1, 1).to(torch.float32).mul(1 / 255),
        _decoder_loop,
    ],
    "start.play_backwards": [
        lambda c: c[torch.arange(len(c) - 1, -1, -1)],
        lambda c: torch.stack(list(c)[::-1]),
        lambda c: torch.from_numpy(c.numpy()[::-1].copy()),
    ],
    "start.frame_at": [
        lambda seconds, fps, total: min(int(seconds * fps), total - 1),
        lambda s, f, n: torch.clamp(torch.floor(torch.tensor(s * f, dtype=torch.float64)), max=n - 1).long(),
        _frame_loop,
    ],
    "tensor.raw_bytes": [
        lambda width, height, fps, seconds: int(fps * seconds) * height * width * 3,
        lambda width, height, fps, seconds: int(seconds * fps // 1) * (width * 3) * height,
        lambda width, height, fps, seconds: np.int64(np.floor(fps * seconds)) * width * height * 3,
    ],
    "tensor.channels_first": [
        lambda x: x.transpose(1, 2),
        lambda x: torch.stack(list(x.unbind(2)), dim=1),
        lambda x: torch.einsum("btchw->bcthw", x).contiguous(),
    ],
    "tensor.even_starts": [_starts_list, _starts_numpy],
    "tensor.average_clips": [
        _softmax_by_hand,
        lambda logits: torch.stack([torch.softmax(clip, 0) for clip in logits]).mean(0),
        lambda logits: logits.float().softmax(-1).mean(-2),
    ],
    "space_time.yt_slice": [
        lambda clip, x: rearrange(clip, "t c h w -> w c h t")[x],
        lambda clip, x: clip.select(-1, x).movedim(0, -1),
        _yt_loop,
    ],
    "space_time.velocity": [_central_velocity, _lstsq_velocity],
    "space_time.temporal_difference": [
        lambda f: torch.diff(f.float() / 255, dim=0),
        lambda f: (f[1:].float() - f[:-1].float()) / 255,
        _difference_loop,
    ],
    "space_time.median_background": [
        lambda c: c.sort(0).values[len(c) // 2],
        lambda c: torch.quantile(c, 0.5, dim=0),
        lambda c: torch.from_numpy(np.median(c.numpy(), axis=0)),
    ],
    "space_time.foreground": [
        _foreground_loop,
        lambda clip, background, k: (
            lambda r: r / (1.4826 * (r - r.flatten().sort().values[r.numel() // 2]).abs().median()) > k
        )((clip - background).pow(2).sqrt().max(1)[0]),
    ],
    "constraint.smaller_eigenvalue": [
        lambda xx, xy, yy: torch.linalg.eigvalsh(torch.stack([xx, xy, xy, yy], -1).unflatten(-1, (2, 2)))[..., 0],
        lambda xx, xy, yy: (xx + yy - ((xx - yy) ** 2 + 4 * xy**2).sqrt()) / 2,
        lambda xx, xy, yy: (lambda m: m - (m * m - xx * yy + xy * xy).clamp(min=0).sqrt())((xx + yy) / 2),
    ],
    "constraint.warp_back": [
        _warp_loop,
        _warp_padded,
        lambda second, flow: torch.from_numpy(
            second.numpy()[
                np.clip(np.arange(second.shape[0])[:, None] + flow[1].numpy(), 0, second.shape[0] - 1),
                np.clip(np.arange(second.shape[1]) + flow[0].numpy(), 0, second.shape[1] - 1),
            ]
        ),
    ],
    "constraint.temporal_derivative": [
        _cube_loop,
        lambda a, b: torch.nn.functional.avg_pool2d((b - a)[None], 2, stride=1)[0],
        lambda a, b: 0.25 * sum((b - a)[y : y - 1 or None, x : x - 1 or None] for y in (0, 1) for x in (0, 1)),
    ],
    "constraint.residual": [
        lambda I_x, I_y, I_t, flow: (torch.stack([I_x, I_y]) * flow).sum(0) + I_t,
        lambda I_x, I_y, I_t, flow: torch.einsum("dhw,dhw->hw", flow, torch.stack([I_x, I_y])).add(I_t),
        lambda I_x, I_y, I_t, flow: I_t - (-I_x * flow[0] - I_y * flow[1]),
    ],
    "constraint.normal_flow": [_normal_by_unit_vector, _normal_by_pseudoinverse],
    "estimation.resize_flow_values": [
        lambda flow, old, new: flow * torch.tensor([new[1] / old[1], new[0] / old[0]]).reshape(2, 1, 1),
        lambda flow, old, new: flow * torch.tensor(new[::-1]).reshape(2, 1, 1) / torch.tensor(old[::-1])[:, None, None],
        _in_place_rescale,
    ],
    "estimation.endpoint_error": [
        lambda flow, truth, valid: (flow - truth).norm(dim=0)[valid].mean(),
        lambda f, g, m: float((torch.hypot(f[0] - g[0], f[1] - g[1]) * m).sum() / m.sum()),
        lambda f, g, m: np.mean([math.dist(a, b) for a, b in zip(f[:, m].T.tolist(), g[:, m].T.tolist(), strict=True)]),
    ],
    "estimation.lucas_kanade_step": [_lucas_kanade_solve, _lucas_kanade_elimination],
    "estimation.horn_schunck_step": [
        _horn_schunck_loop,
        lambda I_x, I_y, I_t, mean, k: (
            mean
            - torch.stack([I_x, I_y]) * ((torch.stack([I_x, I_y]) * mean).sum(0) + I_t) / (3 * k + I_x * I_x + I_y**2)
        ),
        lambda I_x, I_y, I_t, mean, k: torch.stack(
            [
                ((3 * k + I_y**2) * mean[0] - I_x * I_y * mean[1] - I_x * I_t) / (3 * k + I_x**2 + I_y**2),
                ((3 * k + I_x**2) * mean[1] - I_x * I_y * mean[0] - I_y * I_t) / (3 * k + I_x**2 + I_y**2),
            ]
        ),
    ],
    "estimation.why_it_fails": [
        lambda small, large, floor: torch.where(small > floor, 2, torch.where(large > floor, 1, 0)),
        lambda small, large, floor: (torch.stack([small, large]) > floor).sum(0),
        lambda small, large, floor: torch.ones_like(small).long() + (small > floor).long() - (large <= floor).long(),
    ],
    **test_checks_frames.RIGHT,
    **test_checks_early.RIGHT,
    **test_checks_slow.RIGHT,
    **test_checks_inflation.RIGHT,
    **test_checks_recurrence.RIGHT,
    **test_checks_attention.RIGHT,
    **test_checks_fusion.RIGHT,
    **test_checks_two_stream.RIGHT,
    **test_checks_hidden.RIGHT,
    **test_checks_capstone.RIGHT,
    **test_checks_videos.RIGHT,
}


CALLED = {**test_checks_inflation.CALLED, **test_checks_recurrence.CALLED, **test_checks_attention.CALLED}
SQUARE = {**test_checks_recurrence.SQUARE}


@pytest.mark.parametrize("name", ALL)
def test_right_answers_pass_however_they_are_written(name):
    assert len(RIGHT[name]) >= 2
    for answer in (ALL[name].reference, *RIGHT[name]):
        for seed in SEEDS:
            result = check(name, answer, seed=seed)
            assert result, result.message
            assert result.status == "solved"


# Wrong answers: every mistake that is known, and others that are described by type, shape, dtype, range or place


@pytest.mark.parametrize("name", ALL)
def test_every_known_mistake_is_rejected_with_its_own_message(name):
    mistakes = ALL[name].mistakes
    assert len(mistakes) >= 5
    assert len({mistake.says for mistake in mistakes}) == len(mistakes)
    for mistake in mistakes:
        for seed in SEEDS:
            assert check(name, mistake.gives, seed=seed).message == mistake.says


def _in_place_difference(frames):
    frames[1:] -= frames[:-1].clone()
    return frames[1:].float() / 255


def _learners_softmax(logits):
    e = torch.exp(logits)
    return (e / e.sum(1, keepdim=True)).mean(0)


def _frame_by_division(seconds, fps, total):
    return min(round(seconds / (1 / fps)), total - 1)


def _swap_uv(cut):
    i_x, i_t = torch.gradient(cut)
    return -(i_x * i_t).sum() / (i_x * i_x).sum()


def _roll_warp(second, flow):
    h, w = second.shape
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    return second[(y + flow[1]).remainder(h), (x + flow[0]).remainder(w)]


def _unclamped_warp(second, flow):
    h, w = second.shape
    return second[torch.arange(h)[:, None] + flow[1], torch.arange(w)[None] + flow[0]]


def _dim_warp(second, flow):
    """Grid of normalised coordinates, as grid_sample wants it, with zeros outside."""
    h, w = second.shape
    x, y = flow[0] + torch.arange(w), flow[1] + torch.arange(h)[:, None]
    grid = torch.stack([(2 * x + 1) / w - 1, (2 * y + 1) / h - 1], -1).double()[None]
    return torch.nn.functional.grid_sample(second[None, None], grid, mode="nearest", align_corners=False)[0, 0]


def _scattered(second, flow):
    result = torch.zeros_like(second)
    for y, x in np.ndindex(*second.shape):
        u, v = flow[:, y, x].tolist()
        result[min(max(y + v, 0), len(second) - 1), min(max(x + u, 0), second.shape[1] - 1)] = second[y, x]
    return result


def _gauss_seidel(I_x, I_y, I_t, mean, k):
    u, v = mean[0], mean[1]
    u = u - I_x * (I_x * u + I_y * v + I_t) / (3 * k + I_x**2 + I_y**2)
    v = v - I_y * (I_x * u + I_y * v + I_t) / (3 * k + I_x**2 + I_y**2)
    return torch.stack([u, v])


def _mean_in_place(I_x, I_y, I_t, mean, k):
    mean -= torch.stack([I_x, I_y]) * ((torch.stack([I_x, I_y]) * mean).sum(0) + I_t) / (3 * k + I_x**2 + I_y**2)
    return mean


def _solved_without_minus(xx, xy, yy, xt, yt):
    return -_lucas_kanade_solve(xx, xy, yy, xt, yt)


# Written independently of the recognisers' own functions: (wrong function, words that must be in the message).
WRONG = {
    "start.decoder_to_tensor": [
        (lambda f: f.float().transpose(1, 3).div(255), "on their side"),
        (lambda f: f.view(f.shape[0], 3, f.shape[1], f.shape[2]) / 255, "do not move axes"),
        (lambda f: rearrange(f, "t h w c -> t c h w").to(torch.float32), "up to 255"),
        (lambda f: rearrange(f, "t h w c -> t c h w"), "up to 255"),
        (lambda f: rearrange(f // 255, "t h w c -> t c h w").float(), "drop the fraction"),
        (lambda f: rearrange(f, "t h w c -> t c h w").double() / 255, "torch.float64"),
        (lambda f: rearrange(f, "t h w c -> t c h w") / 256.0, "exactly 1"),
        (lambda f: (rearrange(f, "t h w c -> t c h w") / 255).numpy(), "NumPy"),
        (lambda f: rearrange(f, "t h w c -> c t h w") / 255, "time comes first"),
        (lambda f: rearrange(f, "t h w c -> t c h w") / 25.5, "range is 0 to 1"),
        (lambda f: rearrange(f, "t h w c -> (t c) h w") / 255, "3 axes"),
        (lambda f: rearrange(f, "t h w c -> t c h w").float().div(255).clamp(min=0.1), "% of the values"),
    ],
    "start.play_backwards": [
        (lambda c: torch.flip(c, dims=[-1]), "mirror"),
        (lambda c: torch.flip(c, dims=[-2]), "on their head"),
        (lambda c: torch.flip(c, dims=[1]), "colours"),
        (lambda c: c.clone(), "as it went in"),
        (lambda c: c[torch.arange(len(c) - 2, -1, -1)], "last frame of the clip is lost"),
        (lambda c: c[torch.arange(len(c) - 1, 0, -1)], "frame 0 of the clip is lost"),
        (lambda c: c[::-1], "stopped at line"),
        (lambda c: list(c)[::-1], "list"),
        (lambda c: c.float().flip(0), "torch.float32"),
        (lambda c: c.copy_(c.flip(0)), "changes its input"),
        (lambda c: c.flip(0).transpose(2, 3), "t c w h"),
    ],
    "start.frame_at": [
        (lambda s, f, n: min(int(s * f + 0.5), n - 1), "half a frame too early"),
        (_frame_by_division, "half a frame too early"),
        (lambda s, f, n: int(s * f), "do not exist"),
        (lambda s, f, n: min(int(s * f), n), "`total`"),
        (lambda s, f, n: min(1 + int(s * f), n), "from 1"),
        (lambda s, f, n: int(s * f) % n, "starts again"),
        (lambda s, f, n: min(-int(-s * f // 1), n - 1), "rounds up"),
        (lambda s, f, n: min(s * f // 1, n - 1.0), "whole number (int)"),
        (lambda s, f, n: torch.arange(n)[int(s * f)], "stopped at line"),
        (lambda s, f, n: min(int(s * 25), n - 1), "right for some inputs"),
    ],
    "tensor.raw_bytes": [
        (lambda w, h, f, s: w * h * int(f * s), "three colours"),
        (lambda w, h, f, s: int(w * h * 3 * f * s), "in part"),
        (lambda w, h, f, s: w * h * 3 * f * s, "fraction"),
        (lambda w, h, f, s: w * h * 3 * round(f * s), "nearest"),
        (lambda w, h, f, s: w * h * 3 * 8 * int(f * s), "eight"),
        (lambda w, h, f, s: w * h * 3 * int(f) * int(s), "right for some inputs"),
        (lambda w, h, f, s: str(w * h * 3 * int(f * s)), "str"),
        (lambda w, h, f, s: float(w * h * 3 * int(f * s)), "whole number (int)"),
        (lambda w, h, f, s: (w + h) * 3 * int(f * s), "too small"),
        (lambda w, h, f: w * h * 3, "cannot be called"),
    ],
    "tensor.channels_first": [
        (lambda x: x.reshape(x.shape[0], x.shape[2], x.shape[1], x.shape[3], x.shape[4]), "cut anew"),
        (lambda x: x, "as it went in"),
        (lambda x: rearrange(x, "b t c h w -> b c h w t"), "time has gone to the end"),
        (lambda x: rearrange(x, "b t c h w -> b c t w h"), "as well"),
        (lambda x: rearrange(x, "b t c h w -> (b t) c h w"), "2-D networks"),
        (lambda x: rearrange(x, "b t c h w -> b (t c) h w"), "early fusion"),
        (lambda x: rearrange(x, "b t c h w -> c b t h w"), "before the batch"),
        (lambda x: rearrange(x, "b t c h w -> b h c t w"), "order b h c t w"),
        (lambda x: rearrange(x, "b t c h w -> b c t h w")[:, :, 1:], "along t there is one entry too few"),
        (lambda x: rearrange(x, "b t c h w -> b c t h w").float(), "torch.float32"),
    ],
    "tensor.even_starts": [
        (lambda n, k, s, m: np.linspace(0, n - k * s, m).round().astype(int), "fewer gaps"),
        (lambda n, k, s, m: np.linspace(0, n - k, m).round().astype(int), "stride is forgotten"),
        (lambda n, k, s, m: np.linspace(0, n - 1 - (k - 1) * s, m).astype(int), "rounded down"),
        (lambda n, k, s, m: np.linspace(0, n - 1, m).round().astype(int), "whole film"),
        (lambda n, k, s, m: np.linspace(0, n - 1 - (k - 1) * s, m), "fractions"),
        (lambda n, k, s, m: np.linspace(0, n - 1 - (k - 1) * s, m, endpoint=False).round().astype(int), "left out"),
        (lambda n, k, s, m: [round(i * (n - 1 - (k - 1) * s) / (m - 2)) for i in range(m)], "ZeroDivisionError"),
        (lambda n, k, s, m: _starts_list(n, k, s, m)[:-1] + [], "axes|entry too few"),
        (lambda n, k, s, m: "0", "str"),
    ],
    "tensor.average_clips": [
        (lambda x: torch.softmax(x.mean(dim=0), dim=-1), "averages the scores"),
        (lambda x: torch.softmax(x, dim=0).mean(dim=0), "compete"),
        (lambda x: torch.softmax(x, dim=-1).mean(dim=-1), "one number per clip"),
        (lambda x: torch.softmax(x, dim=-1).sum(dim=0), "do not sum to 1"),
        (lambda x: x.sum(0) / len(x), "softmax is missing"),
        (lambda x: torch.softmax(x, dim=-1).max(dim=0).values, "maximum"),
        (lambda x: torch.softmax(x, dim=-1).max(dim=0), "pick one"),
        (_learners_softmax, "NaN"),
        (lambda x: torch.softmax(x, dim=-1).median(dim=0).values, "% of the values"),
    ],
    "space_time.yt_slice": [
        (lambda clip, x: rearrange(clip[:, :, x, :], "t c w -> c w t"), "x–t slice of a row"),
        (lambda clip, x: rearrange(clip[:, :, x, :], "t c w -> c t w"), "running down"),
        (lambda clip, x: rearrange(clip[..., x], "t c h -> c t h"), "time runs down"),
        (lambda clip, x: clip[:, :, :, x], "still t c h"),
        (lambda clip, x: rearrange(clip[..., x + 1], "t c h -> c h t"), "too far to the right"),
        (lambda clip, x: rearrange(clip.flip(0)[..., x], "t c h -> c h t"), "runs to the left"),
        (lambda clip, x: rearrange(clip.flip(-1)[..., x], "t c h -> c h t"), "right edge"),
        (lambda clip, x: clip[..., x].reshape(clip.shape[1], clip.shape[2], clip.shape[0]), "do not move axes"),
        (lambda clip, x: rearrange(clip[..., x : x + 1], "t c h w -> c h t w"), "4 axes"),
        (lambda clip, x: rearrange(clip[..., x], "t c h -> h t c"), "order h t c"),
        (lambda clip, x: rearrange(clip[..., x], "t c h -> c h t").mul_(2), "changes its input"),
        (lambda clip, x: rearrange(clip[..., x], "t c h -> c h t") * 2, "same factor"),
        (lambda clip, x: rearrange(clip[..., 4], "t c h -> c h t"), "largest difference|right for some|right edge|far"),
    ],
    "space_time.velocity": [
        (lambda cut: -_lstsq_velocity(cut), "direction is wrong"),
        (_swap_uv, "frames per pixel"),
        (lambda cut: abs(_lstsq_velocity(cut)), "without the direction"),
        (lambda cut: 2 * _central_velocity(cut), "twice"),
        (lambda cut: 0.5 * _central_velocity(cut), "half"),
        (lambda cut: torch.gradient(cut)[0], "one number"),
        (lambda cut: 0.8, "right for some inputs|too"),
        (
            lambda cut: -(cut.diff(dim=1)[:-1] * cut.diff(dim=0)[:, :-1]).sum() / (cut.diff(dim=1)[:-1] ** 2).sum(),
            "not centred",
        ),
        (lambda cut: float("nan"), "NaN"),
    ],
    "space_time.temporal_difference": [
        (lambda f: torch.diff(f, dim=0).float() / 255, "wrap around"),
        (lambda f: (f[:-1].float() - f[1:].float()) / 255, "other way round"),
        (lambda f: torch.diff(f.float(), dim=0), "−255 to 255"),
        (lambda f: torch.diff(f.double() / 255, dim=0), "torch.float64"),
        (lambda f: torch.diff(f.float() / 255, dim=0).abs(), "sign is lost"),
        (lambda f: (f[2:].float() - f[:-2].float()) / 255, "two apart"),
        (lambda f: f.float() / 255 - (f.float() / 255).roll(1, 0), "loop"),
        (lambda f: torch.diff(f.float() / 255, dim=-1), "I_x"),
        (_in_place_difference, "changes its input"),
        (lambda f: torch.diff(f.float() / 255, dim=0, prepend=f[:1].float() / 255), "invented"),
    ],
    "space_time.median_background": [
        (lambda c: torch.mean(c, dim=0), "mean"),
        (lambda c: c.median(dim=0), "pick one"),
        (lambda c: c.median(dim=0)[1], "indices"),
        (lambda c: c.median(), "whole film"),
        (lambda c: c.min(dim=0).values, "darkest"),
        (lambda c: c.max(dim=0).values, "brightest"),
        (lambda c: c[len(c) // 2], "middle of the film"),
        (lambda c: c.sort(dim=0).values[(len(c) - 2) // 2], "one too low|% of the values"),
        (lambda c: c.median(dim=0, keepdim=True).values, "axis of length 1"),
        (lambda c: c.quantile(0.1, dim=0), "% of the values"),
        (lambda c: c.median(dim=0).values.float(), "torch.float32"),
        (lambda c: c.sort(dim=0, out=(c, torch.empty(0, dtype=torch.long))).values[len(c) // 2], "input|stopped"),
    ],
    "space_time.foreground": [
        (lambda i, b, k: (i - b).abs().amax(1) > k, "nothing is ever foreground"),
        (lambda i, b, k: (lambda r: r > k * (r - r.median()).abs().median())((i - b).abs().amax(1)), "1.4826"),
        (lambda i, b, k: (lambda r: r > k * r.std())((i - b).abs().amax(1)), "standard deviation"),
        (lambda i, b, k: (lambda r: r > k * 1.4826 * r.median())((i - b).abs().amax(1)), "must be subtracted"),
        (
            lambda i, b, k: (lambda r: r > k * 1.4826 * (r - r.median()).abs().median())((i - b).amax(1)),
            "sign of the difference is kept",
        ),
        (
            lambda i, b, k: (lambda r: r > k * 1.4826 * (r - r.median()).abs().median())((i - b).abs().mean(1)),
            "averages",
        ),
        (
            lambda i, b, k: (lambda r: r > k * 1.4826 * (r - r.median()).abs().median())((i - b).abs()),
            "for each channel",
        ),
        (lambda i, b, k: _foreground_loop(i, b, k).float(), "torch.float32"),
        (lambda i, b, k: ~_foreground_loop(i, b, k), "wrong way round"),
        (lambda i, b, k: _foreground_loop(i, b, k).movedim(0, -1), "h w t"),
        (lambda i, b, k: _foreground_loop(i, b, k / 3), "missed|should not be"),
        (lambda i, b, k: _foreground_loop(i, b, k).nonzero(), "2 axes"),
    ],
    "constraint.smaller_eigenvalue": [
        (lambda a, b, c: torch.linalg.eigvalsh(torch.stack([a, b, b, c], -1).unflatten(-1, (2, 2))).amax(-1), "larger"),
        (lambda a, b, c: torch.linalg.eigvalsh(torch.stack([a, b, b, c], -1).unflatten(-1, (2, 2))), "last axis"),
        (
            lambda a, b, c: torch.linalg.det(torch.stack([a, b, b, c], -1).unflatten(-1, (2, 2))),
            "determinant, the prod",
        ),
        (lambda a, b, c: a.add(c), "trace, the sum"),
        (lambda a, b, c: a * c - b**2 - 0.04 * (a + c).square(), "Harris and Stephens (k = 0.04)"),
        (lambda a, b, c: a * c - b**2 - 0.06 * (a + c).square(), "Harris and Stephens (k = 0.06)"),
        (lambda a, b, c: (a * c - b**2) / (a + c + 1e-12), "determinant by the trace"),
        (lambda a, b, c: (a * c - b**2) / (a + c), "NaN"),
        (lambda a, b, c: torch.stack([a, c]).amin(0), "xy has no effect"),
        (lambda a, b, c: a + c - torch.sqrt((a - c) ** 2 + 4 * b**2), "twice"),
        (lambda a, b, c: (a + c - torch.sqrt((a - c) ** 2 + b**2)) / 2, "xy counts in full"),
        (lambda a, b, c: (a + c) / 2 - torch.sqrt((a - c) ** 2 + b**2), "too long"),
        (lambda a, b, c: (a + c) / 2 - (((a - c) / 2) ** 2 + b**2), "root is missing"),
        (lambda a, b, c: (a + c - torch.sqrt((a - c) ** 2 + 4 * b)) / 2, "NaN"),
        (lambda a, b, c: torch.sqrt((a - c) ** 2 + 4 * b**2), "difference of the two"),
        (lambda a, b, c: ((a + c - torch.sqrt((a - c) ** 2 + 4 * b**2)) / 2).float(), "torch.float32"),
        (lambda a, b, c: ((a + c - torch.sqrt((a - c) ** 2 + 4 * b**2)) / 2).T, "order w h"),
        (lambda a, b, c: ((a + c - torch.sqrt((a - c) ** 2 + 4 * b**2)) / 2).amin(), "0 axes"),
    ],
    "constraint.warp_back": [
        (lambda s, f: _warp_loop(s, -f), "direction is reversed: a pixel"),
        (lambda s, f: _warp_loop(s, f[[1, 0]]), "u moves across"),
        (lambda s, f: _warp_padded(s, -f[[1, 0]]), "exchanged, and the direction"),
        (_roll_warp, "comes back at the other"),
        (_unclamped_warp, "stopped at line"),
        (_dim_warp, "gets zero"),
        (_scattered, "leaves holes"),
        (lambda s, f: _warp_loop(s, torch.stack([f[0], 0 * f[1]])), "v has no effect"),
        (lambda s, f: _warp_loop(s, torch.stack([0 * f[0], f[1]])), "u has no effect"),
        (lambda s, f: _warp_loop(s, torch.stack([f[0], -f[1]])), "sign of v"),
        (lambda s, f: _warp_loop(s, torch.stack([-f[0], f[1]])), "sign of u"),
        (lambda s, f: s * 1, "as it went in"),
        (lambda s, f: _warp_loop(s, 2 * f), "% of the values"),
        (lambda s, f: _warp_loop(s, f).numpy(), "NumPy"),
        (lambda s, f: _warp_loop(s, f)[1:-1, 1:-1], "wrong length along h, w"),
        (lambda s, f: s.copy_(_warp_loop(s, f)), "changes its input"),
        (lambda s, f: _warp_loop(s, f.clamp(-3, 3)), "% of the values|right for some inputs"),
    ],
    "constraint.temporal_derivative": [
        (lambda a, b: _cube_loop(b, a), "other way round"),
        (lambda a, b: 4 * _cube_loop(a, b), "added; their mean"),
        (lambda a, b: _cube_loop(a, b) + _cube_loop(a, b), "halved"),
        (lambda a, b: b.sub(a), "one difference a pixel"),
        (lambda a, b: b[:-1, :-1] - a[:-1, :-1], "at one corner"),
        (lambda a, b: (b[:, 1:] + b[:, :-1] - a[:, 1:] - a[:, :-1]) / 2, "not those above each other"),
        (lambda a, b: (b[1:] + b[:-1] - a[1:] - a[:-1]) / 2, "not those in a row"),
        (lambda a, b: b[1:, 1:] - a[:-1, :-1], "different pixels"),
        (lambda a, b: torch.abs(_cube_loop(a, b)), "sign is lost"),
        (lambda a, b: _cube_loop(-a, b) / 2, "frames are added"),
        (lambda a, b: torch.nn.functional.avg_pool2d((a + b).diff(dim=1)[None], (2, 1), 1)[0] / 2, "I_x of"),
        (lambda a, b: torch.nn.functional.avg_pool2d((a + b).diff(dim=0)[None], (1, 2), 1)[0] / 2, "I_y of"),
        (lambda a, b: torch.nn.functional.avg_pool2d((b - a)[None], 2)[0], "wrong length"),
        (lambda a, b: _cube_loop(a, b).T, "order w h"),
        (lambda a, b: _cube_loop(a, b)[None], "3 axes"),
        (lambda a, b: _cube_loop(a, b).mean(), "0 axes"),
        (lambda a, b: torch.nn.functional.avg_pool2d((b - a)[None], 3, stride=1, padding=1)[0, 1:, 1:], "% of the val"),
        (lambda a, b: torch.nn.functional.avg_pool2d(b.sub_(a)[None], 2, stride=1)[0], "changes its input"),
    ],
    "constraint.residual": [
        (lambda x, y, t, f: (torch.stack([y, x]) * f).sum(0) + t, "u and v are exchanged"),
        (lambda x, y, t, f: (torch.stack([x, y]) * f).sum(0) - t, "sign of I_t"),
        (lambda x, y, t, f: (torch.stack([x, y]) * f).sum(0), "I_t is forgotten"),
        (lambda x, y, t, f: -(torch.stack([x, y]) * f).sum(0) + t, "subtracted from I_t"),
        (lambda x, y, t, f: -(torch.stack([x, y]) * f).sum(0) - t, "opposite sign"),
        (lambda x, y, t, f: (torch.stack([x, -y]) * f).sum(0) + t, "sign of v"),
        (lambda x, y, t, f: (torch.stack([-x, y]) * f).sum(0) + t, "sign of u"),
        (lambda x, y, t, f: ((torch.stack([x, y]) * f).sum(0) + t).square(), "squared"),
        (lambda x, y, t, f: torch.abs((torch.stack([x, y]) * f).sum(0) + t), "sign is lost"),
        (lambda x, y, t, f: torch.stack([x, y]) * f + t, "one sum"),
        (lambda x, y, t, f: x * f[0] + t, "vertical part"),
        (lambda x, y, t, f: (torch.stack([x, y]) * f).sum(0, keepdim=True) + t, "length 1"),
        (lambda x, y, t, f: x * f[:1] + y * f[1:] + t, "length 1"),
        (lambda x, y, t, f: (x + y) * (f[0] + f[1]) + t, "% of the values"),
        (lambda x, y, t, f: (x * f[0] + y * f[1] + t).sum(), "0 axes"),
        (lambda x, y, t, f: t.add_(x * f[0] + y * f[1]), "changes its input"),
    ],
    "constraint.normal_flow": [
        (lambda x, y, t, k: _normal_by_pseudoinverse(x, y, -t, k), "direction is reversed"),
        (lambda x, y, t, k: _normal_by_pseudoinverse(x, y, t, k) * (x**2 + y**2) ** 0.5, "square is forgotten: "),
        (lambda x, y, t, k: _normal_by_pseudoinverse(x, y, -t, k) * (x**2 + y**2) ** 0.5, "and so is the minus"),
        (lambda x, y, t, k: _normal_by_pseudoinverse(x, y, t, k) * (x**2 + y**2), "steeper edge would seem faster"),
        (lambda x, y, t, k: _normal_by_pseudoinverse(x, y, t, k)[[1, 0]], "u and v are exchanged"),
        (lambda x, y, t, k: _normal_by_unit_vector(x, y, t, 0.0), "floor has no effect"),
        (lambda x, y, t, k: torch.stack([-t * x, -t * y]) / (x**2 + y**2 + 1e-9), "floor has no effect"),
        (lambda x, y, t, k: torch.stack([-t * x, -t * y]) / (x**2 + y**2 + k**2), "square of the floor is added"),
        (lambda x, y, t, k: _normal_by_unit_vector(x, y, t, k**0.5), r"compared with \|∇I\|²"),
        (lambda x, y, t, k: torch.stack([-t * x, -t * y]) / (x**2 + y**2).clamp(k**2), "not zero there"),
        (lambda x, y, t, k: _normal_by_unit_vector(x, y, t, k).norm(dim=0), "2 axes"),
        (lambda x, y, t, k: _normal_by_unit_vector(x, y, t, k).movedim(0, -1), "order h w uv"),
        (lambda x, y, t, k: list(_normal_by_unit_vector(x, y, t, k)), "list of 2"),
        (lambda x, y, t, k: tuple(_normal_by_unit_vector(x, y, t, k)), "tuple of 2"),
        (lambda x, y, t, k: _normal_by_unit_vector(x, y, t, k).float(), "torch.float32"),
        (lambda x, y, t, k: _normal_by_unit_vector(x, y, t, 3 * k), "% of the values"),
        (lambda x, y, t, k: _normal_by_unit_vector(x, y, t, k) / 2, "same factor"),
        (lambda x, y, t, k: -t / torch.stack([x, y]), "NaN"),
    ],
    "estimation.resize_flow_values": [
        (lambda f, o, n: f, "as it went in"),
        (lambda f, o, n: torch.stack([f[0] * n[0] / o[0], f[1] * n[1] / o[1]]), "each other's factor"),
        (lambda f, o, n: _in_place_rescale(f, n, o), "larger pictures have larger"),
        (lambda f, o, n: torch.stack([f[0] * o[0] / n[0], f[1] * o[1] / n[1]]), "upside down, and"),
        (lambda f, o, n: f * (n[1] / o[1]), "width's factor serves"),
        (lambda f, o, n: f * (n[0] / o[0]), "height's factor serves"),
        (lambda f, o, n: torch.cat([f[:1] * n[1] / o[1], f[1:]]), "only u"),
        (lambda f, o, n: torch.cat([f[:1], f[1:] * n[0] / o[0]]), "only v"),
        (lambda f, o, n: f * math.sqrt(n[0] / o[0] * n[1] / o[1]), "one mean factor"),
        (lambda f, o, n: f * (math.prod(n) / math.prod(o)), "area"),
        (lambda f, o, n: torch.stack([f[0] * (n[1] // o[1]), f[1] * (n[0] // o[0])]), "lose their fraction"),
        (lambda f, o, n: f * torch.tensor([n[1] / o[1], n[0] / o[0]]), "stopped at line"),
        (lambda f, o, n: torch.nn.functional.interpolate(_in_place_rescale(f, o, n)[None], o)[0], "wrong length"),
        (lambda f, o, n: f.mul_(n[0] / o[0]), "changes its input"),
        (lambda f, o, n: f * 2, "same factor|% of the values|right for some"),
        (lambda f, o, n: (f[0] * n[1] / o[1], f[1] * n[0] / o[0]), "tuple of 2"),
    ],
    "estimation.endpoint_error": [
        (lambda f, g, m: torch.nn.functional.l1_loss(f[:, m], g[:, m]), "averages"),
        (lambda f, g, m: 2 * torch.nn.functional.l1_loss(f[:, m], g[:, m]), "adds"),
        (lambda f, g, m: torch.nn.functional.mse_loss(f[:, m], g[:, m]), "as a loss"),
        (lambda f, g, m: ((f - g) ** 2).sum(0)[m].mean(), "root is missing"),
        (lambda f, g, m: ((f - g) ** 2).sum(0)[m].mean() ** 0.5, "RMS"),
        (lambda f, g, m: (f - g).norm(dim=0)[m].mean().square(), "mean is squared"),
        (lambda f, g, m: (f - g).norm(dim=0).mean().item(), "unknown are counted"),
        (lambda f, g, m: (f * m - g * m).norm(dim=0).mean(), "count as perfect"),
        (lambda f, g, m: (f - g).norm(dim=0)[m.logical_not()].mean(), "wrong way round"),
        (lambda f, g, m: (f - g).norm(dim=0)[m].sum(), "not averaged"),
        (lambda f, g, m: torch.dist(f[:, m], g[:, m]), "one vector"),
        (lambda f, g, m: (f.norm(dim=0) - g.norm(dim=0)).abs()[m].mean(), "lengths of arrows: "),
        (lambda f, g, m: (f[:, m].mean(1) - g[:, m].mean(1)).norm(), "opposite errors cancel"),
        (lambda f, g, m: (f - g).norm(dim=0)[m], "one number"),
        (lambda f, g, m: (f - g).norm(dim=0) * m, "one number"),
        (lambda f, g, m: (f - g).norm(dim=1)[m].mean(), "stopped at line"),
        (lambda f, g, m: -(f - g).norm(dim=0)[m].mean(), "too small|opposite sign"),
    ],
    "estimation.lucas_kanade_step": [
        (_solved_without_minus, "right-hand side has a minus"),
        (lambda *s: _lucas_kanade_solve(*s)[[1, 0]], "u and v are exchanged"),
        (lambda a, b, c, p, q: _lucas_kanade_solve(a, b, c, p, q) * (a * c - b**2), "determinant is forgotten"),
        (lambda a, b, c, p, q: _lucas_kanade_elimination(c, b, a, p, q), "not swapped"),
        (lambda a, b, c, p, q: _lucas_kanade_elimination(a, -b, c, p, q), "not negated"),
        (lambda a, b, c, p, q: _lucas_kanade_elimination(a, b, c, q, p), "right-hand sides are exchanged"),
        (lambda a, b, c, p, q: torch.stack([-p / a, -q / c]), "one by one"),
        (lambda a, b, c, p, q: -torch.stack([a * p + b * q, b * p + c * q]), "by its inverse"),
        (lambda a, b, c, p, q: _lucas_kanade_elimination(a, b, c, p, -q), "that of u"),
        (lambda a, b, c, p, q: torch.stack([c * p - b * q, a * q - b * p]) / (b**2 - a * c - 1), "% of the values"),
        (lambda *s: _lucas_kanade_solve(*s).movedim(0, -1), "order h w uv"),
        (lambda *s: _lucas_kanade_solve(*s)[0], "2 axes"),
        (lambda *s: _lucas_kanade_solve(*s).float(), "torch.float32"),
        (lambda a, b, c, p, q: torch.stack([c * p - b * q, a * q - b * p]) / 0, "NaN"),
        (lambda a, b, c, p: a, "cannot be called"),
    ],
    "estimation.horn_schunck_step": [
        (lambda x, y, t, m, k: _horn_schunck_loop(x, y, t, m, k / 3), "stands alone"),
        (
            lambda x, y, t, m, k: (
                m
                - torch.linalg.pinv(torch.stack([x, y], -1)[..., None])[..., 0, :].movedim(-1, 0)
                * (x * m[0] + y * m[1] + t)
            ),
            "λ is forgotten",
        ),
        (lambda x, y, t, m, k: _horn_schunck_loop(x, y, t, m, k**2 / 3), "of the paper is; "),
        (lambda x, y, t, m, k: 2 * m - _horn_schunck_loop(x, y, t, m, k), "wrong way"),
        (lambda x, y, t, m, k: m + _horn_schunck_loop(x, y, t, m, k), "% of the values"),
        (lambda x, y, t, m, k: _horn_schunck_loop(x, y, 0 * t, m, k), "I_t is forgotten"),
        (lambda x, y, t, m, k: _horn_schunck_loop(x, y, -t, m, k), "sign of I_t"),
        (lambda x, y, t, m, k: _horn_schunck_loop(x, y, t, 0 * m, k), "correction only|% of the values"),
        (lambda x, y, t, m, k: _horn_schunck_loop(x, y, t, 0 * m, k) + m, "I_t only"),
        (lambda x, y, t, m, k: _horn_schunck_loop(x, y, t, m, k) - m, "correction only"),
        (lambda x, y, t, m, k: _horn_schunck_loop(x, y, t, m, k)[[1, 0]], "exchanged in the result"),
        (
            lambda x, y, t, m, k: torch.stack(
                [
                    m[0] - x * (x * m[0] + t) / (3 * k + x**2 + y**2),
                    m[1] - y * (y * m[1] + t) / (3 * k + x**2 + y**2),
                ]
            ),
            "residual of its own",
        ),
        (
            lambda x, y, t, m, k: m - torch.stack([x, y]) * (x * m[0] + y * m[1] + t) / (3 * k + x**2 + y**2) ** 0.5,
            "% of the values",
        ),
        (_gauss_seidel, "new u"),
        (_mean_in_place, "changes its input"),
        (lambda x, y, t, m, k: _horn_schunck_loop(x, y, t, m, k).movedim(0, -1), "order h w uv"),
        (lambda x, y, t, m, k: _horn_schunck_loop(x, y, t, m, k)[None], "4 axes"),
        (lambda x, y, t, m, k: _horn_schunck_loop(x, y, t, m, 0.1), "% of the values"),
    ],
    "estimation.why_it_fails": [
        (lambda a, b, k: (a > k) + (b > k), r"no say. (True"),
        (lambda a, b, k: torch.where(b > k, 1, torch.where(a > k, 2, 0)), "corners are called edges"),
        (lambda a, b, k: torch.where(a > k, 0, torch.where(b > k, 1, 2)), "corners and flat places"),
        (lambda a, b, k: torch.where(a > k, 1, torch.where(b > k, 2, 0)), "corners and edges"),
        (lambda a, b, k: torch.where(a > k, 2, torch.where(b > k, 0, 1)), "edges and flat places"),
        (lambda a, b, k: torch.ge(a, k).long() + torch.ge(b, k).long(), "exactly at the floor"),
        (lambda a, b, k: torch.where(a > k, 3, torch.where(b > k, 2, 1)), "starts at 1"),
        (lambda a, b, k: torch.where(a > k, 2.0, torch.where(b > k, 1.0, 0.0)), "torch.float32"),
        (lambda a, b, k: torch.stack([a > k, b > k]).sum(0).to(torch.uint8), "torch.uint8"),
        (lambda a, b, k: (a > k) & (b > k), "edges are called flat, and"),
        (lambda a, b, k: (a > k).long() * 2, "called flat: the larger"),
        (lambda a, b, k: torch.stack([a > k, b > k]).long(), "3 axes"),
        (lambda a, b, k: torch.stack([a > k, b > k]).sum(), "0 axes"),
        (lambda a, b, k: torch.stack([a > k, b > k]).sum(0).T, "order w h"),
        (lambda a, b, k: torch.stack([a > 2 * k, b > k]).sum(0), "% of the values"),
        (lambda a, b, k: 1 if a > k else 0, "stopped at line"),
    ],
    **test_checks_frames.WRONG,
    **test_checks_early.WRONG,
    **test_checks_slow.WRONG,
    **test_checks_inflation.WRONG,
    **test_checks_recurrence.WRONG,
    **test_checks_attention.WRONG,
    **test_checks_fusion.WRONG,
    **test_checks_two_stream.WRONG,
    **test_checks_hidden.WRONG,
    **test_checks_capstone.WRONG,
    **test_checks_videos.WRONG,
}


@pytest.mark.parametrize("name", ALL)
def test_wrong_answers_are_rejected_and_told_apart(name):
    messages = []
    for wrong, words in WRONG[name]:
        for seed in SEEDS:
            result = check(name, wrong, seed=seed)
            assert result.status == "wrong", f"passed: {words}"
            said = re.sub("function, “.*”", "function", result.message)  # the line it quotes may hold the words, too
            assert re.search(words.replace("(", r"\(").replace(")", r"\)"), said), (words, result.message)
        messages.append(re.sub(r"\d+", "0", result.message))
    assert len(set(messages)) >= 5


def test_no_message_hands_out_the_answer():
    for exercise in ALL.values():
        body = [line.split("#")[0].strip() for line in exercise.solution.splitlines()[1:]]
        said = [m.says for m in exercise.mistakes] + [*exercise.hints, exercise.task]
        assert not [line for line in body if len(line) > 8 and any(line in text for text in said)]


@pytest.mark.parametrize("name", ALL)
def test_a_stub_is_not_tried_yet_and_counts_for_nothing(name, home):
    def stub(*arguments):
        raise NotImplementedError

    def stub_with_words(*arguments):
        raise NotImplementedError("your turn")

    for function in (stub, stub_with_words):
        result = check(name, function)
        assert repr(result) == f"○ {name}: not tried yet"
        assert not result
    assert not home.exists()


def _one(value):
    """A batch of one: "h w" becomes "1 1 h w", "2 h w" becomes "1 2 h w"; numbers stay."""
    return value[(None,) * (4 - value.ndim)] if isinstance(value, torch.Tensor) else value


# What the course uses, called with the inputs of the exercise.
LIBRARY = {
    "constraint.temporal_derivative": lambda a, b: flow.cube_derivatives(a, b)[2][0, 0, :-1, :-1],
    "constraint.residual": lambda *maps: flow.constraint_residual(*maps)[0, 0],
    "constraint.normal_flow": lambda *maps: flow.normal_flow(*maps)[0],
    "constraint.smaller_eigenvalue": lambda *maps: flow.eigenvalues(*maps)[0][0, 0],
    "constraint.warp_back": lambda second, jump: flow.warp(second, jump.double(), mode="nearest")[0, 0],
    "estimation.lucas_kanade_step": lambda *maps: flow.least_squares(flow.MotionTensor(*maps))[0],
    "estimation.resize_flow_values": lambda field, old, new: flow.resize_flow(
        field[..., :1, :1].expand(1, 2, *old), new
    )[0],
    "estimation.endpoint_error": lambda a, b, valid: flow.mean_endpoint_error(a, b, valid),
}


@pytest.mark.parametrize("name", LIBRARY)
def test_the_course_would_solve_its_own_exercises(name):
    for case in ALL[name].draw(_generator(7)):
        if name == "estimation.resize_flow_values":  # resampled, a constant field stays itself
            case = (case[0][:, :1, :1].expand_as(case[0]), *case[1:])
        theirs = torch.as_tensor(LIBRARY[name](*map(_one, case))).double()
        assert torch.allclose(theirs, torch.as_tensor(ALL[name].reference(*case)).double())


def test_a_step_of_the_exercise_is_a_step_of_horn_and_schunck():
    first, second = torch.rand(2, 1, 1, 9, 7, generator=_generator(0), dtype=torch.float64)
    start = torch.randn(1, 2, 9, 7, generator=_generator(1), dtype=torch.float64)
    maps = [one[0, 0] for one in flow.cube_derivatives(first, second)]
    mine = ALL["estimation.horn_schunck_step"].reference(*maps, flow.neighbour_mean(start)[0], 0.05)
    theirs = flow.horn_schunck_1981(first, second, smoothness=0.05, iterations=1, start=start)[0]
    assert torch.allclose(mine, theirs)


def test_what_torch_has_not_implemented_is_no_stub():
    def answer(clip):
        return torch.empty(3, device="meta").cpu()

    assert "stopped at line 2 of the function, “return torch.empty(" in check("start.play_backwards", answer).message


@pytest.mark.parametrize("name", ALL)
def test_odd_objects_become_words_not_exceptions(name):
    odd = [None, ..., "text", {}, [], [[1], [1, 2]], object(), torch.empty(0), torch.zeros((), dtype=torch.complex64)]
    odd += [torch.tensor(float("nan")), float("inf"), np.array(["a"]), torch.eye(3).to_sparse(), lambda: 0, True]
    odd += [torch.empty(2, device="meta"), torch.zeros(1, requires_grad=True), -1, 2**70, np.float32(1)]
    for thing in odd:
        result = check(name, lambda *arguments, thing=thing: thing, seed=0)
        assert result.status == "wrong", thing
        assert len(result.message) > 10
    for not_a_function in (3, None, "yt_slice", torch.zeros(2)):
        assert "function itself" in check(name, not_a_function).message


def test_interrupting_is_always_possible():
    def interrupted(*arguments):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("start.play_backwards", interrupted)


def test_the_line_of_the_error_is_the_learners():
    def answer(clip, x):
        column = clip[..., x]
        return column.permute(0, 1, 2, 3)

    message = check("space_time.yt_slice", answer).message
    assert "line 3 of the function, “return column.permute(0, 1, 2, 3)”" in message
    assert "\n" not in message


def test_inputs_are_fresh_and_all_axes_differ():
    for exercise in ALL.values():
        first, second = (exercise.draw(torch.Generator().manual_seed(seed)) for seed in (0, 1))
        assert repr(first) != repr(second)
        for case in first + second:
            for number, value in enumerate(case):
                if isinstance(value, torch.Tensor):
                    assert len(set(value.shape)) == value.ndim - (SQUARE.get(exercise.name) == number)
                elif callable(value):  # a network, in few words
                    assert len(repr(value)) < 60
                    assert repr(pickle.loads(pickle.dumps(value))) == repr(value)
                else:  # plain numbers and texts: a check may one day call another process
                    parts = value if type(value) in (tuple, list) else [value]
                    parts = [part for one in parts for part in (one if type(one) is tuple else [one])]  # a shape
                    assert all(type(part) in (int, float, str) for part in parts)


def test_an_answer_that_is_right_for_one_seed_only_is_caught():
    known = {tuple(case[0].shape): case[0].flip(0) for case in ALL["start.play_backwards"].draw(_generator(0))}
    message = check("start.play_backwards", lambda clip: known.get(tuple(clip.shape), clip), seed=0).message
    assert "right for some inputs" in message or "as it went in" in message


def _generator(seed):
    return torch.Generator().manual_seed(seed)


# Hints, solutions, progress


def test_hints_come_one_after_the_other_and_the_solution_after_a_hint(home):
    name = "space_time.yt_slice"
    one, two = ALL[name].hints
    assert repr(solution(name)) == f"Hint 1 of 2: {one} (Ask once more for the solution.)"
    asked = solution(name)
    assert "def yt_slice(clip" in repr(asked)
    assert "# " in repr(asked)
    assert "<pre>" in asked._repr_html_()
    assert repr(hint(name)) == f"Hint 2 of 2: {two}"
    assert repr(hint(name)) == f"Hint 2 of 2: {two}"

    other = "tensor.raw_bytes"
    hint(other), hint(other)
    assert "def raw_bytes" in repr(solution(other))  # no hint is left to offer


def test_who_has_solved_it_sees_the_solution_at_once(home):
    check("start.frame_at", ALL["start.frame_at"].reference)
    assert "def frame_at" in repr(solution("start.frame_at"))


def test_an_unknown_name_is_an_answer_too(home):
    for function in (lambda name: check(name, abs), hint, solution):
        assert "did you mean “space_time.velocity”" in repr(function("space_time.velocty"))
        assert "no such exercise" in repr(function("zzz"))
    assert not home.exists()


def test_progress_is_kept_in_one_private_file(home):
    check("start.frame_at", lambda s, f, n: 0)
    hint("start.frame_at")
    check("start.frame_at", ALL["start.frame_at"].reference)
    saved = json.loads((home / "progress.json").read_text(encoding="utf-8"))
    entry = saved["exercises"]["start.frame_at"]
    assert saved["version"] == 1
    assert (entry["attempts"], entry["hints"]) == (2, 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", entry["solved"])
    if os.name == "posix":
        assert stat.S_IMODE((home / "progress.json").stat().st_mode) == 0o600

    check("start.frame_at", lambda s, f, n: 0)  # once solved, it stays solved
    again = json.loads((home / "progress.json").read_text(encoding="utf-8"))["exercises"]["start.frame_at"]
    assert (again["solved"], again["attempts"]) == (entry["solved"], 3)

    page = progress()
    assert "00 Start here: 1 of 3" in repr(page)
    assert "✔ start.frame_at" in repr(page)
    assert "3 attempts, 1 hint, solved" in repr(page)
    assert re.findall(r"<th scope=col", page._repr_html_())
    assert page._repr_html_().count("<tr>") == len(ALL) + len(LESSONS)
    assert [path.name for path in home.iterdir()] == ["progress.json"]  # nothing half-written is left


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b'{"version": 1}',
        b'{"exercises": []}',
        b'{"exercises": {"a": 1}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_record_is_set_aside_and_a_new_one_begun(home, rubbish):
    home.mkdir()
    (home / "progress.json").write_bytes(rubbish)
    assert "0 of 3" in repr(progress())
    check("start.frame_at", ALL["start.frame_at"].reference)
    assert "start.frame_at" in json.loads((home / "progress.json").read_text(encoding="utf-8"))["exercises"]
    assert (home / "progress.json.bak").read_bytes() == rubbish


def test_wrong_types_inside_a_record_do_no_harm(home):
    home.mkdir()
    entry = {"attempts": "many", "hints": -3, "solved": 7, "asked": "yes"}
    (home / "progress.json").write_text(json.dumps({"exercises": {"start.frame_at": entry, "gone.long_ago": {}}}))
    assert "○ start.frame_at" in repr(progress())
    assert "Hint 1 of 2" in repr(hint("start.frame_at"))


def test_a_home_that_cannot_be_written_stops_nothing(tmp_path, monkeypatch, home):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("VIDLAB_HOME", str(tmp_path / "file" / "below"))
    assert check("start.frame_at", ALL["start.frame_at"].reference)
    assert "1 of 3" in repr(progress())  # remembered until the notebook closes


def test_nothing_is_kept_when_asked_not_to(home, monkeypatch):
    monkeypatch.setenv("VIDLAB_NO_PROGRESS", "1")
    check("start.frame_at", ALL["start.frame_at"].reference)
    hint("tensor.raw_bytes")
    assert not home.exists()
    assert str(home) not in repr(progress())


def _solve(name):
    return bool(check(name, exercises()[name].reference))


def test_two_kernels_at_once_never_leave_half_a_file(home):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert all(pool.map(_solve, ["start.frame_at", "start.play_backwards"] * 10))
    saved = json.loads((home / "progress.json").read_text(encoding="utf-8"))["exercises"]
    assert set(saved) <= {"start.frame_at", "start.play_backwards"}
    assert not (home / "progress.json.bak").exists()


def test_results_are_readable_in_both_themes():
    for function in (ALL["start.frame_at"].reference, lambda s, f, n: 0, lambda s, f, n: "<script>"):
        page = check("start.frame_at", function)._repr_html_()
        assert "<script>" not in page
        style = page.split('style="')[1].split('"')[0]
        assert not re.search(r"(^|;)\s*(color|background)", style)  # both are the page's own


def test_every_exercise_is_complete():
    assert list(ALL) == [name for lesson in LESSONS for name in exercises(lesson)]
    for name, exercise in ALL.items():
        assert re.fullmatch(rf"{exercise.lesson}\.\w+", name)
        assert exercise.reference.__name__ == CALLED.get(name, name.split(".")[1])
        assert exercise.task.endswith(".")
        assert len(exercise.hints) == 2
        assert "#" in exercise.solution  # commented
        assert math.isfinite(exercise.wanted.tolerance)
    assert set(checks.__all__) >= {"check", "hint", "solution", "progress"}
    assert record.location() is None  # tests are nobody's progress
