"""Exercise of lesson 10, the non-local block: every place of a feature volume asks every other, at all moments."""

from collections.abc import Callable

import torch
from einops import einsum, rearrange
from jaxtyping import Float
from torch import Tensor

from .draws import integer
from .frame import Exercise, Mistake
from .mismatch import Wanted


def non_local(
    volume: Float[Tensor, "b c t h w"],
    theta: Float[Tensor, "d c"],
    phi: Float[Tensor, "d c"],
    g: Float[Tensor, "d c"],
    back: Float[Tensor, "c d"],
) -> Float[Tensor, "b c t h w"]:
    _, _, t, h, w = volume.shape
    tokens = rearrange(volume, "b c t h w -> b (t h w) c")  # what can see each other: all places at all moments
    query, key, value = tokens @ theta.T, tokens @ phi.T, tokens @ g.T
    scores = einsum(query, key, "b i d, b j d -> b i j") / len(theta) ** 0.5
    found = scores.softmax(dim=-1) @ value @ back.T
    return volume + rearrange(found, "b (t h w) c -> b c t h w", t=t, h=h, w=w)  # the shortcut


def _draw_volumes(generator: torch.Generator) -> list[tuple]:
    """Volumes of several moments and of a single one; all sizes differ."""
    cases = []
    for several in (True, False):
        t, h, w = (torch.randperm(3, generator=generator) + 3).tolist()
        c, d = (torch.randperm(4, generator=generator) + 6).tolist()[:2]
        shapes = (2, c, t if several else 1, h, w), (d, c), (d, c), (d, c), (c, d)
        volume, *weights = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)
        factors = (1.5, 1.5, 2.0, 2.0 + 0.1 * integer(generator, 0, 5))
        scaled = (factor * weight / weight.shape[1] ** 0.5 for factor, weight in zip(factors, weights, strict=True))
        cases.append((volume, *scaled))
    return cases


def _weights(scores: Tensor) -> Tensor:
    return scores.softmax(-1)


def _changed(
    weigh: Callable[[Tensor], Tensor] = _weights,
    pattern: str = "b (t h w) c",
    end: str | None = None,
    by: Callable[[Tensor, Tensor], float] = lambda x, theta: len(theta) ** 0.5,
    join: Callable[[Tensor, Tensor], Tensor] = torch.add,
) -> Callable[..., Tensor]:
    """The block with something else: weights from scores, an order of tokens (and at the end), a scale, a shortcut."""

    def block(x: Tensor, theta: Tensor, phi: Tensor, g: Tensor, back: Tensor) -> Tensor:
        sizes = dict(zip("bcthw", x.shape, strict=True))
        tokens = rearrange(x, f"b c t h w -> {pattern}")
        scores = (tokens @ theta.T) @ (tokens @ phi.T).mT / by(x, theta)
        found = weigh(scores) @ (tokens @ g.T) @ back.T
        sizes = {name: sizes[name] for name in "bthw"}
        return join(x, rearrange(found, f"{end or pattern} -> b c t h w", **sizes))

    return block


_found = _changed(join=lambda x, found: found)  # without the shortcut


def _torn(torn_in: bool, torn_out: bool) -> Callable[..., Tensor]:
    """Axes are cut anew where they should be moved: on the way in, on the way out, or both."""

    def block(x: Tensor, theta: Tensor, phi: Tensor, g: Tensor, back: Tensor) -> Tensor:
        b, c, *sizes = x.shape
        tokens = x.reshape(b, -1, c) if torn_in else x.flatten(2).mT
        found = _weights((tokens @ theta.T) @ (tokens @ phi.T).mT / len(theta) ** 0.5) @ (tokens @ g.T) @ back.T
        return x + (found.reshape(x.shape) if torn_out else found.mT.reshape(b, c, *sizes))

    return block


def _of_first_moment(x: Tensor, theta: Tensor, phi: Tensor, g: Tensor, back: Tensor) -> Tensor:
    tokens, first = x.flatten(2).mT, x[:, :, 0].flatten(2).mT
    found = _weights((tokens @ theta.T) @ (first @ phi.T).mT / len(theta) ** 0.5) @ (first @ g.T) @ back.T
    return x + found.mT.reshape(x.shape)


def _lengthless(x: Tensor, theta: Tensor, phi: Tensor, g: Tensor, back: Tensor) -> Tensor:
    tokens = x.flatten(2).mT
    query, key = (torch.nn.functional.normalize(tokens @ weight.T, dim=-1) for weight in (theta, phi))
    return x + (_weights(query @ key.mT) @ (tokens @ g.T) @ back.T).mT.reshape(x.shape)


def _values_kept(x: Tensor, theta: Tensor, phi: Tensor, g: Tensor, back: Tensor) -> Tensor:
    """The values are added to what was found, before the way back."""
    return _found(x, theta, phi, g, back) + einsum(x, back @ g, "b c t h w, o c -> b o t h w")


def _not_oneself(scores: Tensor) -> Tensor:
    return _weights(scores.masked_fill(torch.eye(scores.shape[-1], dtype=torch.bool), -1e9))


EXERCISES = (
    Exercise(
        name="attention.non_local",
        task="Add to x (b c t h w) W softmax(θ(x)ᵀ φ(x) / √d) g(x): all places at all moments ask each other.",
        reference=non_local,
        draw=_draw_volumes,
        wanted=Wanted(axes="b c t h w", dtype="same"),
        hints=(
            "Make tokens of the volume: which axes become the list, and which one is the vector?",
            "θ, φ and g are matrices (d c): a token times the transposed one. At the end go back the way you came.",
        ),
        mistakes=(
            Mistake("the shortcut is missing: the block should add to what comes in", _found),
            Mistake("what comes in is added twice", _changed(join=lambda x, found: 2 * x + found)),
            Mistake("it is subtracted from what comes in", _changed(join=torch.sub)),
            Mistake("it is multiplied with what comes in", _changed(join=torch.mul)),
            Mistake("what comes in is subtracted", _changed(join=lambda x, found: found - x)),
            Mistake("sum and shortcut are averaged", _changed(join=lambda x, found: (x + found) / 2)),
            Mistake("nothing has changed: what was found is not added", lambda x, theta, phi, g, back: x.clone()),
            Mistake("the values themselves are added, where the volume should be", _values_kept),
            Mistake("negative sums are set to zero", _changed(join=lambda x, found: (x + found).relu())),
            Mistake(
                "the softmax runs over those who ask: it should run over those who are asked",
                _changed(lambda scores: scores.softmax(-2)),
            ),
            Mistake(
                "the softmax runs over all pairs: each place should have weights of its own",
                _changed(lambda scores: scores.flatten(1).softmax(-1).reshape(scores.shape)),
            ),
            Mistake(
                "the weights are applied the wrong way round: it is summed over those who ask",
                _changed(lambda scores: _weights(scores).mT),
            ),
            Mistake("the softmax runs over the batch", _changed(lambda scores: scores.softmax(0))),
            Mistake("the softmax is missing: raw scores are no weights", _changed(lambda scores: scores)),
            Mistake(
                "the scores are divided by the number of places: the paper has such a block, too, without a softmax",
                _changed(lambda scores: scores / scores.shape[-1], by=lambda x, theta: 1),
            ),
            Mistake("every place has the same say", _changed(lambda scores: torch.softmax(0 * scores, -1))),
            Mistake("the place that fits worst gets the largest weight", _changed(lambda scores: _weights(-scores))),
            Mistake("the softmax is taken twice", _changed(lambda scores: _weights(_weights(scores)))),
            Mistake("no place may look at itself: here it may", _changed(_not_oneself)),
            Mistake(
                "only places of the same frame see each other: nothing comes from other moments",
                _changed(pattern="(b t) (h w) c"),
            ),
            Mistake(
                "a place sees only itself, at all moments: nothing comes from elsewhere",
                _changed(pattern="(b h w) t c"),
            ),
            Mistake("only places of the same row see each other", _changed(pattern="(b h) (t w) c")),
            Mistake(
                "all clips see each other: those of a batch have nothing in common", _changed(pattern="(b t h w) c")
            ),
            Mistake("all places see the first moment only", _of_first_moment),
            Mistake("the scores are not scaled", _changed(by=lambda x, theta: 1)),
            Mistake(
                "the scores are divided by d itself: their spread grows more slowly than that",
                _changed(by=lambda x, theta: len(theta)),
            ),
            Mistake(
                "the scores are scaled by the number of channels that come in: the products are of shorter vectors",
                _changed(by=lambda x, theta: theta.shape[1] ** 0.5),
            ),
            Mistake(
                "the scores are scaled by the number of places",
                _changed(by=lambda x, theta: x[0, 0].numel() ** 0.5),
            ),
            Mistake(
                "it is scaled after the softmax",
                lambda x, theta, phi, g, back: _changed(by=lambda *_: 1)(x, theta, phi, g, back / len(theta) ** 0.5),
            ),
            Mistake("θ(x) and φ(x) are brought to length 1: that is cosine similarity", _lengthless),
            Mistake(
                "axes are cut anew where they should be moved, on the way in and back: a token holds several places",
                _torn(True, True),
            ),
            Mistake(
                "axes are cut anew on the way in: a token holds several places of one channel, where all channels of "
                "one place are wanted",
                _torn(True, False),
            ),
            Mistake("axes are cut anew on the way back: channels and places are mixed up", _torn(False, True)),
            Mistake(
                "the tokens go in by rows and come back by columns",
                _changed(end="b (t w h) c"),
            ),
            Mistake(
                "the tokens go in moment by moment and come back place by place",
                _changed(end="b (h w t) c"),
            ),
            Mistake(
                "θ and φ have changed places: whoever asks is seen through θ",
                lambda x, theta, phi, g, back: non_local(x, phi, theta, g, back),
            ),
            Mistake(
                "those who are asked are seen through θ as well: φ is not used",
                lambda x, theta, phi, g, back: non_local(x, theta, theta, g, back),
            ),
            Mistake(
                "those who ask are seen through φ as well: θ is not used",
                lambda x, theta, phi, g, back: non_local(x, phi, phi, g, back),
            ),
            Mistake(
                "φ(x) comes back: g is not used", lambda x, theta, phi, g, back: non_local(x, theta, phi, phi, back)
            ),
            Mistake(
                "θ(x) comes back: g is not used", lambda x, theta, phi, g, back: non_local(x, theta, phi, theta, back)
            ),
            Mistake(
                "g leads to d dimensions and its own transpose back: W is not used",
                lambda x, theta, phi, g, back: non_local(x, theta, phi, g, g.T),
            ),
            Mistake(
                "those are still tokens, b n c: the next layer wants a volume",
                lambda *given: rearrange(non_local(*given), "b c t h w -> b (t h w) c"),
            ),
            Mistake("channels come last", lambda *given: rearrange(non_local(*given), "b c t h w -> b t h w c")),
            Mistake("time comes before the channels", lambda *given: non_local(*given).transpose(1, 2)),
            Mistake("only the first clip is left: the batch is lost", lambda *given: non_local(*given)[0]),
        ),
    ),
)
