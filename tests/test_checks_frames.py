"""Lesson 05's exercises: right answers written differently, wrong ones, answers in two parts, and what the course uses.

`test_checks.py` judges RIGHT and WRONG together with those of the other lessons.
"""

import pickle

import pytest
import torch
from einops import einsum, rearrange
from torch import nn
from torch.nn import functional

from vidlab import models
from vidlab.checks import check, exercises
from vidlab.checks.mismatch import Wanted, differs, explain, read
from vidlab.models import backbone, multiresolution

ALL = exercises("frames")


def _generator(seed):
    return torch.Generator().manual_seed(seed)


# Right answers, each written differently from the reference


def _loop_over_everything(clip, network):
    return torch.stack([torch.stack([network(frame[None])[0] for frame in frames]) for frames in clip])


def _probabilities_by_hand(logits):
    e = torch.exp(logits - logits.amax(2, keepdim=True))
    return (e / e.sum(2, keepdim=True)).sum(1) / logits.shape[1]


def _fovea_by_tiles(images):
    """Sixteen tiles, of which the four in the middle are kept; the mean by two steps."""
    tiles = rearrange(images, "b c (i h) (j w) -> b c i h j w", i=4, j=4)[:, :, 1:3, :, 1:3]
    rows = (images[..., ::2, :] + images[..., 1::2, :]) / 2
    return rearrange(tiles, "b c i h j w -> b c (i h) (j w)"), (rows[..., ::2] + rows[..., 1::2]) / 2


def _weights_of_layers(frames, features, hidden, classes):
    layers = nn.Linear(frames * features, hidden, bias=False), nn.Linear(hidden, classes, bias=False)
    return sum(p.numel() for layer in layers for p in layer.parameters())


def _attention_loop(features, w):
    pooled, weights = torch.zeros_like(features[:, 0]), torch.zeros_like(features[..., 0])
    for i, clip in enumerate(features):
        e = torch.tensor([torch.dot(w, x).item() for x in clip], dtype=clip.dtype).exp()
        weights[i] = e / e.sum()
        for alpha, x in zip(weights[i], clip, strict=True):
            pooled[i] += alpha * x
    return pooled, weights


def _attention_of_torch(features, w):
    """w is the query of scaled dot-product attention, without its scale; the identity as values gives the weights."""
    query = w.expand(len(features), 1, -1)
    eye = torch.eye(features.shape[1], dtype=w.dtype).expand(len(features), -1, -1)
    both = [functional.scaled_dot_product_attention(query, features, v, scale=1.0) for v in (features, eye)]
    return [one.squeeze(1) for one in both]  # a list will do


RIGHT = {
    "frames.each_frame": [
        _loop_over_everything,
        lambda clip, network: torch.stack([network(clip[:, i]) for i in range(clip.shape[1])], dim=1),
        lambda clip, network: torch.stack([network(frames) for frames in clip]),
        lambda clip, network: network(clip.flatten(0, 1)).unflatten(0, clip.shape[:2]),
        lambda clip, network: torch.vmap(network, in_dims=1, out_dims=1)(clip),
        lambda clip, network: rearrange(
            network(rearrange(clip, "b t c h w -> (t b) c h w")), "(t b) k -> b t k", t=clip.shape[1]
        ),
    ],
    "frames.average_probabilities": [
        _probabilities_by_hand,
        lambda logits: torch.stack([torch.softmax(frame, -1) for frame in logits.unbind(1)]).mean(0),
        lambda logits: (logits.log_softmax(-1).logsumexp(1)).exp() / logits.shape[1],
    ],
    "frames.fovea_and_context": [
        _fovea_by_tiles,
        lambda images: (
            torch.cat(torch.cat(images.chunk(4, -1)[1:3], -1).chunk(4, -2)[1:3], -2),
            functional.avg_pool2d(images, 2),
        ),
        lambda images: [
            functional.pad(images, (-(images.shape[3] // 4),) * 2 + (-(images.shape[2] // 4),) * 2),
            functional.interpolate(images, scale_factor=0.5, mode="bilinear", align_corners=False),
        ],
    ],
    "frames.late_fusion_weights": [
        _weights_of_layers,
        lambda frames, features, hidden, classes: hidden * (frames * features + classes),
        lambda frames, features, hidden, classes: torch.tensor([[frames * features, classes]]).sum() * hidden,
    ],
    "frames.attention_pool": [
        _attention_loop,
        _attention_of_torch,
        lambda x, w: (lambda a: (torch.bmm(a[:, None], x)[:, 0], a))(torch.softmax((x * w).sum(-1), dim=-1)),
    ],
}


# Wrong answers, written independently of the recognisers' own functions, with words that must be in the message


def _reshaped(clip, network):
    b, t, c, h, w = clip.shape
    return network(clip.permute(0, 2, 1, 3, 4).reshape(b * t, c, h, w)).view(b, t, -1)


def _in_place(clip, network):
    clip -= clip.mean()
    return torch.stack([network(frames) for frames in clip])


def _naive_softmax(logits):
    e = logits.exp()
    return (e / e.sum(2, keepdim=True)).mean(1)


def _cut(images, top, left, height, width):
    return images[:, :, top : top + height, left : left + width]


def _middle(images):
    return _fovea_by_tiles(images)[0]


def _attend(x, weights):
    return einsum(weights, x, "b t, b t d -> b d"), weights


WRONG = {
    "frames.each_frame": [
        (
            lambda x, f: rearrange(f(x.flatten(0, 1)), "(t b) k -> b t k", t=x.shape[1]),
            "clips outside and the frames inside, unfolded",
        ),
        (
            lambda x, f: f(torch.cat(list(x.transpose(0, 1)))).view(*x.shape[:2], -1),
            "frames outside and the clips inside, unfolded",
        ),
        (lambda x, f: f(x.flatten(0, 1)), "one long list of frames"),
        (lambda x, f: f(torch.cat([x[:, i] for i in range(x.shape[1])])), "frame 0 of all clips"),
        (lambda x, f: torch.stack([f(x[:, i]) for i in range(x.shape[1])]), "before the batch"),
        (lambda x, f: torch.stack([f(x[:, i]) for i in range(x.shape[1])], dim=-1), "time and classes"),
        (lambda x, f: f(x.select(1, 0)), "only the first frame"),
        (lambda x, f: f(x.select(1, 0))[:, None].expand(-1, x.shape[1], -1), "answers of the first one"),
        (lambda x, f: f(x[:, x.shape[1] - 1]), "only the last frame"),
        (lambda x, f: sum(f(x[:, i]) for i in range(x.shape[1])) / x.shape[1], "answers are averaged"),
        (lambda x, f: f(x.sum(1) / x.shape[1]), "blurred image"),
        (lambda x, f: f(x.flatten(1, 2)), "stacked as channels: "),
        (lambda x, f: f(x.transpose(1, 2).flatten(1, 2)), "colour by colour"),
        (lambda x, f: f(torch.cat(list(x.unbind(1)), dim=-2)), "tall image"),
        (lambda x, f: f(torch.cat(list(x.unbind(1)), dim=-1)), "wide image"),
        (lambda x, f: torch.stack([f(one) for one in x.transpose(-1, -2)]), "on their side"),
        (lambda x, f: torch.stack([f(one) for one in x.movedim(2, -1)]), "handed over last"),
        (_reshaped, "cut anew"),
        (lambda x, f: torch.stack([torch.softmax(f(one), 1) for one in x]), "softmax is taken"),
        (lambda x, f: torch.stack([f(one).max(1).indices for one in x]), "best class"),
        (lambda x, f: torch.stack([f(one.flip(0)) for one in x]), "last frame first"),
        (lambda x, f: f(x), "takes n c h w, four axes; this has 5"),
        (lambda x, f: f(x[0, 0]), "four axes; this has 3"),
        (lambda x, f: torch.stack([f(one[None])[0] for one in x.flatten(0, 1)]).tolist(), "list"),
        (lambda x, f: torch.stack([f(one) for one in x])[:, 1:], "along t there is one entry too few"),
        (lambda x, f: torch.stack([f(one) for one in x.float()]), "torch.float32"),
        (lambda x, f: torch.stack([f(one.flip(1)) for one in x]), "% of the values"),
        (_in_place, "changes its input"),
        (lambda x: x, "cannot be called with clip of shape"),
    ],
    "frames.average_probabilities": [
        (lambda s: torch.softmax(torch.mean(s, dim=1), dim=1), "scores are averaged"),
        (lambda s: torch.softmax(s.sum(dim=-2), dim=-1), "scores are added"),
        (lambda s: torch.softmax(s, dim=-2).mean(dim=-2), "class's frames compete"),
        (lambda s: torch.softmax(s, dim=0).mean(dim=1), "nothing to do with each other"),
        (lambda s: torch.softmax(s, dim=2).sum(dim=1), "number of its frames"),
        (lambda s: s.sum(1) / s.shape[1], "softmax is missing"),
        (lambda s: torch.softmax(s, dim=2).max(dim=1).values, "maximum, class by class"),
        (lambda s: torch.log(_probabilities_by_hand(s)), "that is the logarithm"),
        (lambda s: torch.softmax(s, -1).log().mean(1), "mean log-probabilities"),
        (lambda s: torch.softmax(s, dim=2), "not averaged yet"),
        (lambda s: torch.softmax(s, dim=2).mean(dim=0), "clips of the batch"),
        (lambda s: torch.softmax(s, dim=2).mean(dim=2), "left is equal"),
        (lambda s: torch.softmax(s[:, 0], dim=1), "first frame"),
        (lambda s: 1 / (1 + torch.exp(-s)).mean(1), "% of the values"),
        (lambda s: torch.sigmoid(s).mean(1), "classes exclude each other"),
        (lambda s: torch.softmax(s, dim=2).max(dim=1), "pick one"),
        (_naive_softmax, "right for some inputs but not for others.*NaN"),
        (lambda s: _probabilities_by_hand(s).T, "order classes b"),
        (lambda s: _probabilities_by_hand(s).float(), "torch.float32"),
        (lambda s: _probabilities_by_hand(s) / 2, "same factor"),
    ],
    "frames.fovea_and_context": [
        (lambda x: _fovea_by_tiles(x)[::-1], "exchanged: the fovea comes first"),
        (lambda x: (_cut(x, 0, 0, x.shape[2] // 2, x.shape[3] // 2), functional.avg_pool2d(x, 2)), "upper left"),
        (
            lambda x: (
                _cut(x, x.shape[2] // 4 + 1, x.shape[3] // 4 + 1, x.shape[2] // 2, x.shape[3] // 2),
                functional.avg_pool2d(x, 2),
            ),
            "one pixel too far down and to the right",
        ),
        (
            lambda x: (
                _cut(x, x.shape[2] // 4, x.shape[3] // 4 - 1, x.shape[2] // 2, x.shape[3] // 2),
                functional.avg_pool2d(x, 2),
            ),
            "fovea: shape and type are right",
        ),
        (
            lambda x: (
                _cut(x, x.shape[2] // 2, x.shape[3] // 2, x.shape[2] // 2, x.shape[3] // 2),
                functional.avg_pool2d(x, 2),
            ),
            "starts in the middle",
        ),
        (
            lambda x: (
                _cut(x, x.shape[2] * 3 // 8, x.shape[3] * 3 // 8, x.shape[2] // 4, x.shape[3] // 4),
                functional.avg_pool2d(x, 2),
            ),
            "too small, a quarter",
        ),
        (lambda x: (functional.avg_pool2d(_middle(x), 2), functional.avg_pool2d(x, 2)), "keeps every pixel"),
        (lambda x: (_middle(x), functional.interpolate(x, scale_factor=0.5)), "drops the others: fine patterns"),
        (lambda x: (_middle(x), functional.avg_pool2d(x, 2, divisor_override=1)), "adds four pixels; "),
        (lambda x: (_middle(x), functional.adaptive_max_pool2d(x, [n // 2 for n in x.shape[2:]])), "largest of four"),
        (lambda x: (_middle(x), sum(_quarters(x)) / 4), "four quarters"),
        (lambda x: (_middle(x), x), "as large as the image"),
        (lambda x: (_middle(x), functional.avg_pool2d(_middle(x), 2)), "made of the fovea"),
        (lambda x: (_middle(x), _middle(x)), "only the middle"),
        (lambda x: [one.transpose(2, 3) for one in _fovea_by_tiles(x)], "both lie on their side"),
        (lambda x: [one.movedim(1, -1) for one in _fovea_by_tiles(x)], "colours come last"),
        (lambda x: (_middle(x), functional.avg_pool2d(x, 2) / 3), "context: every value is off by one"),
        (lambda x: (_middle(x), functional.avg_pool2d(x, 2) * 1.9), "context: its values run from"),
        (lambda x: (_middle(x), functional.avg_pool2d(x, 2)[0]), "context: it has 3 axes"),
        (lambda x: (_middle(x).transpose(0, 1), functional.avg_pool2d(x, 2)), "fovea: its axes come in the order c b"),
        (lambda x: (_middle(x), functional.avg_pool2d(x, 2).numpy()), "context: it returns a NumPy array"),
        (lambda x: (None, functional.avg_pool2d(x, 2)), "fovea: it returns nothing"),
        (lambda x: torch.stack(_fovea_by_tiles(x)), "returns one Tensor; 2 tensors, (fovea, context), are wanted"),
        (lambda x: (*_fovea_by_tiles(x), x), "returns 3 things"),
        (lambda x: {"fovea": _middle(x), "context": x}, "returns one dict"),
    ],
    "frames.late_fusion_weights": [
        (lambda T, D, hidden, classes: hidden * (D + classes), "T has no part"),
        (
            lambda T, D, hidden, classes: sum(
                p.numel() for p in nn.Sequential(nn.Linear(T * D, hidden), nn.Linear(hidden, classes)).parameters()
            ),
            "those of both layers",
        ),
        (lambda T, D, hidden, classes: nn.Linear(T * D, hidden, bias=False).weight.numel(), "classifier is forgotten"),
        (lambda T, D, hidden, classes: T * D * classes, "no hidden layer"),
        (lambda T, D, hidden, classes: T * D * (hidden + classes) + hidden * classes, "with the classes, too"),
        (lambda T, D, hidden, classes: T * hidden * (D + classes), "one of its own"),
        (lambda T, D, hidden, classes: (T + D) * hidden + hidden * classes, "T and D are added"),
        (lambda T, D, hidden, classes: T * D * hidden * classes, "all four sizes are multiplied"),
        (lambda T, D, hidden, classes: T + D + hidden + classes, "all four sizes are added"),
        (lambda T, D, hidden, classes: T * D + hidden + classes, "units are counted"),
        (lambda T, D, hidden, classes: (T * D + classes) * hidden / 1, "whole number (int)"),
        (lambda T, D, hidden, classes: (T * D + 3 * classes) * hidden, "too large"),
        (lambda T, D, hidden, classes: [T * D * hidden, hidden * classes], "list of 2"),
        (lambda T, D, hidden, classes: 20_000, "too large|too small"),
    ],
    "frames.attention_pool": [
        (lambda x, w: tuple(reversed(_attention_loop(x, w))), "pooled and weights are exchanged"),
        (lambda x, w: _attend(x, torch.softmax(x @ w, dim=0)), "over the batch"),
        (
            lambda x, w: (lambda a: ((a * x).sum(1), a))(torch.softmax(x * w, dim=2)),
            "over the features",
        ),
        (lambda x, w: _attend(x, einsum(x, w, "b t d, d -> b t")), "there is no softmax"),
        (lambda x, w: (_attention_loop(x, w)[0], x @ w), "come the scores"),
        (
            lambda x, w: _attend(x, ((x @ w) == (x @ w).max(1, keepdim=True).values).double()),
            "hard choice",
        ),
        (lambda x, w: _attend(x, torch.softmax(0 * (x @ w), dim=1)), "w has no say"),
        (lambda x, w: _attend(x, 1 / (1 + torch.exp(-(x @ w)))), "judges each frame alone"),
        (lambda x, w: _attend(x, torch.exp(x @ w)), "not divided by their sum"),
        (lambda x, w: (x.sum(1) / x.shape[1], _attention_loop(x, w)[1]), "pooled by their mean"),
        (lambda x, w: ((_attention_loop(x, w)[1][..., None] * x).mean(1), _attention_loop(x, w)[1]), "need no 1/T"),
        (lambda x, w: _attend(x, torch.softmax(x @ w / w.numel() ** 0.5, dim=-1)), "divided by √d"),
        (
            lambda x, w: (lambda a: ((a * x).sum(1), a))(torch.softmax(x @ w[:, None], dim=1)),
            "axis of length 1",
        ),
        (lambda x, w: _attend(x, torch.softmax(-(x @ w), dim=1)), "wrong sign"),
        (lambda x, w: _attend(x, nn.Softmin(dim=1)(x @ w)), "wrong sign"),
        (lambda x, w: _attend(x, torch.softmax(2 * (x @ w), dim=1)), "pooled: shape and type are right, but"),
        (lambda x, w: (_attention_loop(x, w)[0], 3 * _attention_loop(x, w)[1]), "weights: every value is off by one"),
        (
            lambda x, w: (_attention_loop(x, w)[0], _attention_loop(x, w)[1].T),
            "weights: its axes come in the order t b",
        ),
        (lambda x, w: (_attention_loop(x, w)[0].float(), _attention_loop(x, w)[1]), "pooled: .*torch.float32"),
        (lambda x, w: _attention_loop(x, w)[0], "returns one Tensor; 2 tensors, (pooled, weights)"),
        (lambda x, w: _attend(x, torch.softmax(x * w, dim=1)), "stopped at line"),
    ],
}


def _quarters(images):
    return [q for half in images.chunk(2, -1) for q in half.chunk(2, -2)]


# Answers in two parts


TWO = Wanted(parts=(("first", "h w"), ("second", "n")), dtype=torch.float64)


def test_an_answer_in_two_parts_is_read_and_compared_part_by_part():
    a, b = torch.rand(2, 3, dtype=torch.float64), torch.rand(5, dtype=torch.float64)
    value, complaint = read([a, b], TWO)
    assert complaint == ""
    assert not differs(value, (a, b))
    for changed in ((a + 1, b), (a, b + 1), (a.T, b), (a, b[1:])):
        assert differs(value, changed, 1e-6)
        message = explain(changed, value, changed, (a, b), (), TWO)
        assert message.startswith("first: " if changed[0] is not a else "second: ")
    assert explain(value, value, (a, b), (a, b), (), TWO) == ""
    assert read((a, None), TWO)[1].startswith("second: it returns nothing")
    assert "2 tensors, (first, second), are wanted" in read(a, TWO)[1]
    assert "returns 1 things" in read((a,), TWO)[1]


# The stand-in for a network


def _network(seed=0):
    return ALL["frames.each_frame"].draw(_generator(seed))[0][1]


def test_the_network_tells_every_axis_from_every_other_and_images_from_their_neighbours():
    network, images = _network(), torch.rand(4, 3, 6, 6, generator=_generator(1), dtype=torch.float64)
    answers = network(images)
    assert torch.allclose(network(images[1:2]), answers[1:2])  # whatever else is in the batch
    for changed in (images.mT, images.flip(1), images.flip(2), images.flip(3), images.roll(1, 3), images * 0.9):
        assert (network(changed) - answers).abs().amax(1).min() > 0.01
    halfway = network(images[:1] / 2 + images[1:2] / 2)
    assert (halfway - (answers[:1] + answers[1:2]) / 2).abs().max() > 0.01  # not linear


def test_the_network_is_refused_what_is_no_batch_of_images_and_is_described_in_a_few_words():
    network = _network()
    for shape in ((3, 6, 6), (2, 4, 3, 6, 6)):
        with pytest.raises(ValueError, match=f"four axes; this has {len(shape)}"):
            network(torch.rand(shape))
    clip = ALL["frames.each_frame"].draw(_generator(0))[0][0]
    message = check("frames.each_frame", lambda clip, network: network(clip), seed=0).message
    assert f"clip of shape {tuple(clip.shape)}, network=ImageNetwork(classes={len(network.waves)})" in message
    again = pickle.loads(pickle.dumps(network))  # a check may one day call another process
    assert torch.equal(again(clip[0]), network(clip[0]))


# What the course uses gives the same answers


@pytest.fixture(params=range(3))
def seed(request):
    return request.param


def _case(name, seed):
    arguments = ALL[f"frames.{name}"].draw(_generator(seed))[0]
    return arguments, ALL[f"frames.{name}"].reference(*arguments)


def test_the_models_average_probabilities_as_the_exercise_does(seed):
    (logits,), mine = _case("average_probabilities", seed)
    assert torch.allclose(backbone.log_mean(logits).exp(), mine, rtol=1e-6)


def test_the_single_frame_model_is_the_first_two_exercises_one_after_the_other(seed):
    torch.manual_seed(seed)
    model = models.SingleFrame(classes=4).eval()
    clip = torch.rand(2, 5, 3, 16, 24, generator=_generator(seed))
    answers = ALL["frames.each_frame"].reference(clip, model.image_logits)
    probabilities = ALL["frames.average_probabilities"].reference(answers)
    assert torch.allclose(probabilities, model(clip).softmax(-1), atol=1e-5)


def test_the_streams_see_what_the_exercise_cuts(seed):
    (images,), (fovea, context) = _case("fovea_and_context", seed)
    assert torch.equal(multiresolution.fovea(images), fovea)
    assert torch.allclose(multiresolution.context(images), context)


def test_late_fusion_has_as_many_weights_as_the_exercise_counts(seed):
    (frames, _, hidden, classes), _ = _case("late_fusion_weights", seed)
    model = models.LateFusion(classes, frames=frames, hidden=hidden)
    mine = ALL["frames.late_fusion_weights"].reference(frames, model.backbone.dim, hidden, classes)
    assert mine == model.connect.weight.numel() + model.classify.weight.numel()


def test_attention_pooling_is_that_of_the_exercise(seed):
    (features, w), (pooled, weights) = _case("attention_pool", seed)
    model = models.PooledFusion(4, pool="attention", widths=(8, len(w))).double()
    model.score.weight.data = w[None]
    theirs = model.weights(features)
    assert torch.allclose(theirs, weights)
    assert torch.allclose(einsum(theirs, features, "b t, b t d -> b d"), pooled)
