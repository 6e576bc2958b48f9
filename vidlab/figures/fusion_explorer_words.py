"""What FusionExplorer says of a layer and an operator: signs, equations, and what the choice means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .fusion_explorer_cases import MEAN, Case, Key, Shape

LINEAR = ("sum", "concat", "conv", "conv3")  # of both maps together: Fuse(x_s, x_t) = A x_s + B x_t + b
CURVED = ("max", "product", "gated", "bilinear")
GROUPS = {"linear": LINEAR, "not linear": CURVED}
SIGNS = {
    "sum": "+", "max": "max", "product": "⊙", "concat": "[ ]", "conv": "1×1", "conv3": "3×3", "gated": "G",
    "bilinear": "⊗", MEAN: "½",
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
    return f"{100 * share:.3g}\u202f%"


def span(low: float, high: float) -> str:
    """From the lowest to the highest share, in percent."""
    low, high = f"{100 * low:.3g}", f"{100 * high:.3g}"
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
        seen = "neither stream has seen what the other has"
        return f"Two answers are averaged, and {seen}: their mean cannot know which goes where."
    if at == "vector":
        before = dims(case.spatial[-2][1][1:])
        end = "; a kernel of 3×3 has but that one place to see" if how == "conv3" else ""
        return (
            f"The mean over {before} places comes first: one vector says what is there, the other how things move. "
            f"No operator can then say what was where, unless the features themselves carry their place{end}."
        )
    places = dims(shape[1:])
    if how == "bilinear":
        return (
            f"All {shape[0]}×{shape[0]} pairs of a feature of the picture and one of the flow, formed place by place, "
            f"are summed over {places} places: no place is left, but which goes where is in the pairs."
        )
    if at == "mix":
        comes = f"After mix comes nothing but a mean over {places} places and a linear map"
        if how not in LINEAR:
            joins = "is not linear and joins what and how at each place, before the places are lost"
            return f"{comes}; but {NOUNS[how]} {joins}: the network can know which goes where."
        is_sum = "is a sum of scores" if how == "sum" else "is linear too, and the answer a sum of two scores"
        return f"{comes}: {NOUNS[how]} there {is_sum}, so the network cannot know which goes where."
    layers = [name for name in later if name not in ("vector", "scores")]
    brings = "joins what and how at each place" if how not in LINEAR else "brings what and how to the same place"
    verb = "follow and are" if len(layers) > 1 else "follows and is"
    then = f"{listed(layers)} {verb} not linear"
    return f"At {places} places {NOUNS[how]} {brings}, and {then}: the network can know which goes where."


def told(at: str, how: str, cases: Mapping[Key, Case]) -> str:
    """The accuracy of this choice, beside that of the other operators and of the other layers."""
    accuracy = {key: case.accuracy for key, case in cases.items() if case.accuracy is not None}
    if (at, how) not in accuracy:
        return "Its accuracy has not been measured." if accuracy else ""
    mean, low, high = accuracy[at, how]
    words = [f"It reaches {percent(mean)}" + (f" (seeds: {span(low, high)})" if low < high else "")]
    here = {key[1]: each for key, each in accuracy.items() if key[0] == at}
    along = [each[0] for key, each in accuracy.items() if key[1] == how]
    if len(here) > 1:
        words.append(f"after {at}, {_groups(here)}")
    if len(along) > 1:
        words.append(f"{how} after {len(along)} different layers: {span(min(along), max(along))}")
    return "; ".join(words) + "."


def _groups(here: Mapping[str, tuple[float, float, float]]) -> str:
    """What the operators of a layer reach; linear ones apart, if seeds differ less than the two groups do."""
    groups = [[mean for how, (mean, _, _) in here.items() if (how in LINEAR) == each] for each in (True, False)]
    if all(groups):
        first, second = sorted(groups, key=min)
        if min(second) - max(first) > max(high - low for _, low, high in here.values()):
            linear, others = (span(min(each), max(each)) for each in groups)
            return f"linear operators reach {linear}, the others {others}"
    every = [mean for mean, _, _ in here.values()]
    return f"all {len(every)} operators reach {span(min(every), max(every))}"
