"""Exercise of lesson 10, positions: each token is told where it is, and when."""

import torch
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from .draws import film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted


def add_positions(
    tokens: Float[Tensor, "b t n d"], place: Float[Tensor, "n d"], moment: Float[Tensor, "t d"]
) -> Float[Tensor, "b t n d"]:
    when = rearrange(moment, "t d -> t 1 d")  # a row for each moment, the same at all its places
    return tokens + place + when


def _draw_tokens(generator: torch.Generator) -> list[tuple]:
    """More places than moments, and more moments than places."""
    cases = []
    for many_places in (True, False):
        b, d, *two = film_sizes(generator, 4)
        t, n = sorted(two, reverse=not many_places)
        shapes = (b, t, n, d), (n, d), (t, d)
        cases.append(tuple(torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes))
    return cases


def _when(moment: Tensor) -> Tensor:
    return moment[:, None]


def _only(tokens: Tensor, added: Tensor, axis: int) -> Tensor:
    """`added` where the index on this axis is 0, and nothing elsewhere."""
    first = torch.zeros(tokens.shape[axis], dtype=tokens.dtype)
    first[0] = 1
    return added * first.reshape([-1 if i == axis else 1 for i in range(4)])


def _rows(tokens: Tensor, table: Tensor, whole: str, part: str) -> Tensor:
    """Tokens in one row in the order of `whole`, and the table repeated as if they were in the order of `part`."""
    b, t, n, _ = tokens.shape
    repeated = repeat(table, f"{'t' if len(table) == t else 'n'} d -> ({part}) d", b=b, t=t, n=n)
    return rearrange(repeated, f"({whole}) d -> b t n d", b=b, t=t, n=n)


def _beside(*parts: Tensor) -> Tensor:
    """One after the other along d."""
    return torch.cat(torch.broadcast_tensors(*parts), -1)


def _wide(tokens: Tensor, place: Tensor, moment: Tensor) -> Tensor:
    b, t, n, _ = tokens.shape
    where = repeat(place, "n d -> b t n d", b=b, t=t)
    when = repeat(moment, "t d -> b t n d", b=b, n=n)
    return torch.cat([tokens, where, when], -1)


EXERCISES = (
    Exercise(
        name="attention.positions",
        task="Add to each token (b t n d) the row of its place (n d) and the row of its moment (t d).",
        reference=add_positions,
        draw=_draw_tokens,
        wanted=Wanted(axes="b t n d", dtype="same"),
        hints=(
            "Axes are matched from the last one: (n d) fits b t n d as it is. What would (t d) be taken for?",
            "Give the moments an axis of length 1, so that each row reaches all places of its own moment, no others.",
        ),
        mistakes=(
            Mistake(
                "all frames get the moment of the first one: then the order of the frames cannot be known; published "
                "code has had this bug",
                lambda x, p, m: x + p + m[0],
            ),
            Mistake("all frames get the moment of the last one", lambda x, p, m: x + p + m[-1]),
            Mistake("all frames get the mean of all moments", lambda x, p, m: x + p + m.mean(0)),
            Mistake("all frames get the sum of all moments", lambda x, p, m: x + p + m.sum(0)),
            Mistake("all tokens get the place of the first one", lambda x, p, m: x + p[0] + _when(m)),
            Mistake("all tokens get the place of the last one", lambda x, p, m: x + p[-1] + _when(m)),
            Mistake("all tokens get the mean of all places", lambda x, p, m: x + p.mean(0) + _when(m)),
            Mistake("all tokens get the sum of all places", lambda x, p, m: x + p.sum(0) + _when(m)),
            Mistake("the first place and the first moment are all that is used", lambda x, p, m: x + p[0] + m[0]),
            Mistake("moments are forgotten: shuffle the frames, and nothing changes", lambda x, p, m: x + p),
            Mistake("places are forgotten: shuffle them, and nothing changes", lambda x, p, m: x + _when(m)),
            Mistake("the tokens come back as they were", lambda x, p, m: x.clone()),
            Mistake(
                "of the moments only one number each is added, their mean over d",
                lambda x, p, m: x + p + m.mean(1)[:, None, None],
            ),
            Mistake(
                "of the places only one number each is added, their mean over d",
                lambda x, p, m: x + p.mean(1)[:, None] + _when(m),
            ),
            Mistake(
                "only the first frame is told its moment",
                lambda x, p, m: x + p + _only(x, _when(m), 1),
            ),
            Mistake("only the first frame is told its places", lambda x, p, m: x + _only(x, p, 1) + _when(m)),
            Mistake("only the first frame gets places and moment", lambda x, p, m: x + _only(x, p + _when(m), 1)),
            Mistake(
                "only the first token of each frame is told its moment",
                lambda x, p, m: x + p + _only(x, _when(m), 2),
            ),
            Mistake(
                "only the first token of each frame gets place and moment",
                lambda x, p, m: x + _only(x, p + _when(m), 2),
            ),
            Mistake("only the first clip gets positions", lambda x, p, m: x + _only(x, p + _when(m), 0)),
            Mistake(
                "with all tokens in one row, moments change from one token to the next: they should change from "
                "frame to frame",
                lambda x, p, m: x + p + _rows(x, m, "b t n", "b n t"),
            ),
            Mistake(
                "with all tokens in one row, a place stays for several tokens: it should change from one to the next",
                lambda x, p, m: x + _rows(x, p, "b t n", "b n t") + _when(m),
            ),
            Mistake(
                "with all tokens in one row, places change as if they were moments, and moments as if they were places",
                lambda x, p, m: x + _rows(x, p, "b t n", "b n t") + _rows(x, m, "b t n", "b n t"),
            ),
            Mistake(
                "frames of all clips stand in one row, and a moment goes to one clip after another: it should go to "
                "one frame of each",
                lambda x, p, m: x + p + _rows(x, m, "b t n", "t b n"),
            ),
            Mistake("moments run backwards", lambda x, p, m: x + p + _when(m.flip(0))),
            Mistake("places run backwards", lambda x, p, m: x + p.flip(0) + _when(m)),
            Mistake("each frame gets the moment of the next one", lambda x, p, m: x + p + _when(m.roll(-1, 0))),
            Mistake("each frame gets the moment of the one before", lambda x, p, m: x + p + _when(m.roll(1, 0))),
            Mistake("each token gets the place of the next one", lambda x, p, m: x + p.roll(-1, 0) + _when(m)),
            Mistake("each token gets the place of the one before", lambda x, p, m: x + p.roll(1, 0) + _when(m)),
            Mistake("places are added twice", lambda x, p, m: x + 2 * p + _when(m)),
            Mistake("moments are added twice", lambda x, p, m: x + p + 2 * _when(m)),
            Mistake("both are added twice", lambda x, p, m: x + 2 * (p + _when(m))),
            Mistake("the tokens are added twice", lambda x, p, m: 2 * x + p + _when(m)),
            Mistake("place and moment are averaged; their sum is wanted", lambda x, p, m: x + (p + _when(m)) / 2),
            Mistake("token, place and moment are averaged", lambda x, p, m: (x + p + _when(m)) / 3),
            Mistake("positions are subtracted", lambda x, p, m: x - p - _when(m)),
            Mistake("the moment is subtracted", lambda x, p, m: x + p - _when(m)),
            Mistake("place and moment are multiplied with each other", lambda x, p, m: x + p * _when(m)),
            Mistake("the token is multiplied with both", lambda x, p, m: x * p * _when(m)),
            Mistake("the token is multiplied with the sum of both", lambda x, p, m: x * (p + _when(m))),
            Mistake("the token is multiplied with its place", lambda x, p, m: x * p + _when(m)),
            Mistake(
                "with its place added, the token is multiplied with its moment", lambda x, p, m: (x + p) * _when(m)
            ),
            Mistake("the token itself is missing: positions alone are left", lambda x, p, m: (0 * x) + p + _when(m)),
            Mistake("the tokens are missing, and with them the batch", lambda x, p, m: p + _when(m)),
            Mistake("place and moment stand after the token, which has become longer: add", _wide),
            Mistake(
                "the moment stands after the token, which has become longer: add",
                lambda x, p, m: _beside(x + p, _when(m)),
            ),
            Mistake(
                "the place stands after the token, which has become longer: add",
                lambda x, p, m: _beside(x + _when(m), p),
            ),
            Mistake(
                "tokens are scaled by √d first, as in the transformer for texts; here they are not",
                lambda x, p, m: x * x.shape[-1] ** 0.5 + p + _when(m),
            ),
            Mistake(
                "the sums are normalised: that comes later, inside the layers",
                lambda x, p, m: functional.layer_norm(x + p + _when(m), x.shape[-1:]),
            ),
            Mistake(
                "all tokens of a clip stand in one row: moments should keep an axis of their own",
                lambda *given: rearrange(add_positions(*given), "b t n d -> b (t n) d"),
            ),
            Mistake(
                "frames have become clips: batch and time share one axis",
                lambda *given: rearrange(add_positions(*given), "b t n d -> (b t) n d"),
            ),
            Mistake(
                "places come before moments", lambda *given: rearrange(add_positions(*given), "b t n d -> b n t d")
            ),
            Mistake("only the first clip is left: the batch is lost", lambda *given: add_positions(*given)[0]),
        ),
    ),
)
