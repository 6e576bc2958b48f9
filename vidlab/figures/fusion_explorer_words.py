"""What FusionExplorer says of a layer and an operator: signs, equations, and what the choice means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .fusion_explorer_cases import MEAN, Case, Key, Shape

LINEAR = ("sum", "concat", "conv", "conv3")  # of both maps together: Fuse(x_s, x_t) = A x_s + B x_t + b
CURVED = ("max", "product", "gated", "bilinear")
SIGNS = {
    "sum": "+", "max": "max", "product": "⊙", "concat": "[ ]", "conv": "1×1", "conv3": "3×3", "gated": "G",
    "bilinear": "⊗", MEAN: "½+½",
}  # fmt: skip
EQUATIONS = {
    "sum": ("F = F_s + F_t", ""),
    "max": ("F = max(F_s, F_t)", ""),
    "product": ("F = F_s ⊙ F_t", ""),
    "concat": ("F = [F_s, F_t]", ""),
    "conv": ("F = W ∗ [F_s, F_t] + b", "W of 1×1, at first [I I]: the sum"),
    "conv3": ("F = W ∗ [F_s, F_t] + b", "W of 3×3, at first [I I] in its middle: the sum"),
    "gated": ("F = G ⊙ F_s + (1 − G) ⊙ F_t", "G = σ(W ∗ [F_s, F_t] + b)"),
    "bilinear": ("F = Σ F_s F_tᵀ", "the sum is over all places"),
    MEAN: ("p = ½ p_s + ½ p_t", "p: probabilities of the classes"),
}
NOUNS = {
    "sum": "a sum", "max": "a maximum", "product": "a product", "concat": "a concatenation", "conv": "a convolution",
    "conv3": "a convolution", "gated": "a gate", "bilinear": "a bilinear map",
}  # fmt: skip


def dims(shape: Shape) -> str:
    return "×".join(map(str, shape))


def percent(share: float) -> str:
    return f"{100 * share:.0f}\u202f%"


def span(low: float, high: float) -> str:
    """From the lowest to the highest share, in percent."""
    low, high = f"{100 * low:.0f}", f"{100 * high:.0f}"
    return f"{low}\u202f%" if low == high else f"{low}–{high}\u202f%"


def listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def pairs(at: str, how: str) -> bool:
    """Whether what is left after the mean over space can say what belongs to what.

    Both have to meet at the same place, and something that is not linear has to join them before the mean.
    """
    return at.startswith("block") or (at == "mix" and how not in LINEAR)


def missing(at: str, how: str) -> str:
    """Why there is no such case."""
    if how == "bilinear" and at in ("block1", "block2"):
        later = "block2 and block3" if at == "block1" else "block3"
        return f"No bilinear fusion after {at}: it sums over all places, and {later} would find none left."
    return f"No case of {how} after {at} was given."


def meaning(at: str, how: str, case: Case) -> str:
    """What this choice can and cannot know, from its layers and shapes."""
    shape, later = case.spatial[-1][1], [name for name, _ in case.above]
    if at == "scores":
        return (
            "Two answers are averaged, and neither stream has seen what the other has: it cannot know which goes where."
        )
    if at == "vector":
        before = dims(case.spatial[-2][1][1:])
        end = ", and 8 of the 9 places of its kernel see nothing but padding" if how == "conv3" else ""
        return (
            f"The mean over {before} places comes first: one vector says what is there, the other how things move. "
            f"What was where is left only as far as features carry it, whatever the operator{end}."
        )
    places = dims(shape[1:])
    if how == "bilinear":
        return (
            f"All {shape[0]}×{shape[0]} pairs of a feature of the picture and one of the flow are formed place by place "
            f"and summed over {places} places: no place is left, but which goes where is in the pairs."
        )
    if at == "mix":
        comes = f"After mix comes nothing but a mean over {places} places and a linear map"
        if how not in LINEAR:
            joins = "is not linear and joins what and how at each place, before the places are lost"
            return f"{comes}; but {NOUNS[how]} {joins}: it can know which goes where."
        is_sum = "is a sum of scores" if how == "sum" else "is linear too, and the answer a sum of two scores"
        return f"{comes}: {NOUNS[how]} there {is_sum}, so it cannot know which goes where."
    layers = listed(name for name in later if name not in ("vector", "scores"))
    brings = "joins what and how at each place" if how not in LINEAR else "brings what and how to the same place"
    verb = "come after it" if " and " in layers else "comes after it"
    then = f"and {layers}, not linear, {verb}"
    return f"At {places} places {NOUNS[how]} {brings}, {then}: it can know which goes where."


def told(at: str, how: str, cases: Mapping[Key, Case]) -> str:
    """The accuracy of this choice, beside that of the other operators and of the other layers."""
    accuracy = {key: case.accuracy for key, case in cases.items() if case.accuracy is not None}
    if (at, how) not in accuracy:
        return "Its accuracy has not been measured." if accuracy else ""
    mean, low, high = accuracy[at, how]
    words = [f"It reaches {percent(mean)}" + (f" (seeds: {span(low, high)})" if low < high else "")]
    here = [each[0] for key, each in accuracy.items() if key[0] == at]
    along = [each[0] for key, each in accuracy.items() if key[1] == how]
    if len(here) > 1:
        words.append(f"the {len(here)} operators after {at} reach {span(min(here), max(here))}")
    if len(along) > 1:
        words.append(f"{how} after {len(along)} different layers {span(min(along), max(along))}")
    return "; ".join(words) + "."
