"""Exercises of lesson 05, late fusion: the weights of a concatenation, and attention, which pools without them."""

import torch
from einops import einsum
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from .draws import film_sizes, integer
from .frame import Exercise, Mistake
from .mismatch import Wanted


def late_fusion_weights(frames: int, features: int, hidden: int, classes: int) -> int:
    together = frames * features  # the vectors of all frames, side by side
    return together * hidden + hidden * classes  # one weight for each pair of neighbours in two layers


def _draw_layers(generator: torch.Generator) -> list[tuple]:
    cases = []
    for _ in range(2):
        frames, classes = film_sizes(generator, 2)
        cases.append((frames, integer(generator, 20, 60), integer(generator, 60, 100), classes))
    return cases


def attention_pool(
    features: Float[Tensor, "b t d"], w: Float[Tensor, " d"]
) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b t"]]:
    scores = einsum(features, w, "b t d, d -> b t")  # s_t = wᵀ x_t
    weights = scores.softmax(dim=1)  # α_t: the frames of one clip share a weight of 1
    return einsum(weights, features, "b t, b t d -> b d"), weights


def _draw_features(generator: torch.Generator) -> list[tuple]:
    """Scores of about 1.5, so that several frames have a say, but not the same."""
    b, t, d = film_sizes(generator)
    features = torch.randn(b, t, d, generator=generator, dtype=torch.float64)
    w = torch.randn(d, generator=generator, dtype=torch.float64)
    return [(features, 1.5 * normalize(w, dim=0))]


def _pool(x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Σ_t α_t x_t, and the weights."""
    return (weights[..., None] * x).sum(1), weights


EXERCISES = (
    Exercise(
        name="frames.late_fusion_weights",
        task="Count the weights, without biases: T vectors of D features concatenated, a hidden layer, a classifier.",
        reference=late_fusion_weights,
        draw=_draw_layers,
        wanted=Wanted(kind="int", tolerance=0.0),
        hints=(
            "How many numbers go into the hidden layer? Every one of them is connected with every hidden unit.",
            "There are two layers: count the connections of each.",
        ),
        mistakes=(
            Mistake(
                "T has no part in it: so few weights are enough if the vectors are pooled to one, not concatenated",
                lambda t, d, h, k: d * h + h * k,
            ),
            Mistake("biases are counted, those of both layers", lambda t, d, h, k: t * d * h + h + h * k + k),
            Mistake("the biases of the hidden layer are counted", lambda t, d, h, k: t * d * h + h + h * k),
            Mistake("the biases of the classifier are counted", lambda t, d, h, k: t * d * h + h * k + k),
            Mistake("the classifier is forgotten: that is the hidden layer alone", lambda t, d, h, k: t * d * h),
            Mistake("the hidden layer is forgotten: that is the classifier alone", lambda t, d, h, k: h * k),
            Mistake(
                "there is no hidden layer in it: the features are connected with the classes",
                lambda t, d, h, k: t * d * k,
            ),
            Mistake(
                "the features are connected with the classes, too; only the hidden units are",
                lambda t, d, h, k: t * d * h + h * k + t * d * k,
            ),
            Mistake(
                "T counts in the classifier, too: each frame has one of its own; only the first layer sees T vectors",
                lambda t, d, h, k: t * (d * h + h * k),
            ),
            Mistake(
                "T counts in the classifier, and in the hidden layer it does not: it is the other way round",
                lambda t, d, h, k: d * h + t * h * k,
            ),
            Mistake(
                "the weights of the two layers are multiplied: they are different weights, so add them",
                lambda t, d, h, k: t * d * h * h * k,
            ),
            Mistake(
                "all four sizes are multiplied: two layers, each with its own weights", lambda t, d, h, k: t * d * h * k
            ),
            Mistake(
                "T and D are added: side by side, T vectors are T times as long",
                lambda t, d, h, k: (t + d) * h + h * k,
            ),
            Mistake("units are counted, not the connections between them", lambda t, d, h, k: t * d + h + k),
            Mistake(
                "all four sizes are added: every unit is connected with every unit of the next layer",
                lambda t, d, h, k: t + d + h + k,
            ),
            Mistake(
                "in the hidden layer the sizes are added: each of its units is connected with every feature",
                lambda t, d, h, k: t * d + h + h * k,
            ),
            Mistake(
                "in the classifier the sizes are added: each class is connected with every hidden unit",
                lambda t, d, h, k: t * d * h + h + k,
            ),
            Mistake(
                "there is a second hidden layer in it, as wide as the first",
                lambda t, d, h, k: t * d * h + h * h + h * k,
            ),
        ),
    ),
    Exercise(
        name="frames.attention_pool",
        task="Give (pooled, weights), b d and b t, of features (b t d): a softmax over t of the scores wᵀ x_t.",
        reference=attention_pool,
        draw=_draw_features,
        wanted=Wanted(dtype="same", parts=(("pooled", "b d"), ("weights", "b t"))),
        hints=(
            "One score for each frame of each clip: a product with w that leaves b t. Who competes with whom?",
            "The weights of one clip sum to 1 over its frames; then a weighted sum, in which t disappears.",
        ),
        mistakes=(
            Mistake("pooled and weights are exchanged", lambda x, w: attention_pool(x, w)[::-1]),
            Mistake(
                "the softmax runs over the batch: clips compete, and the weights of one clip do not sum to 1",
                lambda x, w: _pool(x, (x @ w).softmax(0)),
            ),
            Mistake(
                "one softmax runs over all frames of all clips: they compete across clips",
                lambda x, w: _pool(x, (x @ w).flatten().softmax(0).reshape(x.shape[:2])),
            ),
            Mistake(
                "the softmax runs over the features: they compete within a frame, and no frame has one weight",
                lambda x, w: (((x * w).softmax(-1) * x).sum(1), (x * w).softmax(-1)),
            ),
            Mistake(
                "each feature has a softmax over t of its own: first add the products with w to one score a frame",
                lambda x, w: (((x * w).softmax(1) * x).sum(1), (x * w).softmax(1)),
            ),
            Mistake("there is no softmax: scores are used as weights", lambda x, w: _pool(x, x @ w)),
            Mistake(
                "the pooled features are right, but with them come the scores, not the weights",
                lambda x, w: (attention_pool(x, w)[0], x @ w),
            ),
            Mistake(
                "only the frame of the highest score counts: a hard choice, through which no gradient flows",
                lambda x, w: _pool(x, one_hot((x @ w).argmax(1), x.shape[1]).to(x)),
            ),
            Mistake(
                "all frames count alike: w has no say, and that is the average",
                lambda x, w: _pool(x, torch.full_like(x @ w, 1 / x.shape[1])),
            ),
            Mistake(
                "a sigmoid judges each frame alone: the weights of a clip do not sum to 1",
                lambda x, w: _pool(x, (x @ w).sigmoid()),
            ),
            Mistake("the exponentials are not divided by their sum", lambda x, w: _pool(x, (x @ w).exp())),
            Mistake(
                "the scores are divided by their sum, without an exponential: weights may be negative",
                lambda x, w: _pool(x, (x @ w) / (x @ w).sum(1, keepdim=True)),
            ),
            Mistake(
                "those are logarithms of the weights: plain softmax is wanted",
                lambda x, w: _pool(x, (x @ w).log_softmax(1)),
            ),
            Mistake(
                "the weights are right, but the features are pooled by their mean: the weights have no effect",
                lambda x, w: (x.mean(1), attention_pool(x, w)[1]),
            ),
            Mistake(
                "the weights are right, but the features are pooled by their maximum: the weights have no effect",
                lambda x, w: (x.amax(1), attention_pool(x, w)[1]),
            ),
            Mistake(
                "the weights are right, but the weighted features are averaged: weights that sum to 1 need no 1/T",
                lambda x, w: (attention_pool(x, w)[0] / x.shape[1], attention_pool(x, w)[1]),
            ),
            Mistake(
                "the weighted features are not added yet: t is still there",
                lambda x, w: (attention_pool(x, w)[1][..., None] * x, attention_pool(x, w)[1]),
            ),
            Mistake(
                "the weighted features are added over d; frames are what is pooled",
                lambda x, w: ((attention_pool(x, w)[1][..., None] * x).sum(-1), attention_pool(x, w)[1]),
            ),
            Mistake(
                "the weights have an axis of length 1 at the end",
                lambda x, w: (attention_pool(x, w)[0], attention_pool(x, w)[1][..., None]),
            ),
            Mistake(
                "the scores are divided by √d, as in scaled dot-product attention; here w has learned its own scale",
                lambda x, w: attention_pool(x, w / len(w) ** 0.5),
            ),
            Mistake(
                "the scores have the wrong sign: frames count most that fit w least",
                lambda x, w: attention_pool(x, -w),
            ),
            Mistake(
                "the scores are cosines: lengths have a say in wᵀ x_t",
                lambda x, w: _pool(x, (normalize(x, dim=2) @ normalize(w, dim=0)).softmax(1)),
            ),
            Mistake(
                "what is pooled is multiplied by w: w judges frames, and does not change their features",
                lambda x, w: (attention_pool(x, w)[0] * w, attention_pool(x, w)[1]),
            ),
            Mistake(
                "the softmax is taken twice, which evens the weights out",
                lambda x, w: _pool(x, (x @ w).softmax(1).softmax(1)),
            ),
            Mistake(
                "the weights come last frame first",
                lambda x, w: (attention_pool(x, w)[0], attention_pool(x, w)[1].flip(1)),
            ),
        ),
    ),
)
