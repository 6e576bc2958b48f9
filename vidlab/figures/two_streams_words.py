"""What the scores of TwoStreams say: which part of the right class a stream finds, and what their mean makes of it."""

from __future__ import annotations

import numpy as np

SAME = 2e-3  # of a probability: scores that are as near as this to the mean of two others are that mean
Part = tuple[int | None, str]  # whose words they are, by number; and the words


def halves(p: np.ndarray) -> dict[int, tuple[int, int]]:
    """Which scores are the mean of two others: k -> (i, j), for p `… names classes`, wherever that is so everywhere."""
    count, found = p.shape[-2], {}
    for k in range(count):
        others = [i for i in range(count) if i != k and i not in found]
        pairs = [(i, j) for a, i in enumerate(others) for j in others[a + 1 :]]
        for i, j in pairs:
            different = np.abs(p[..., i, :] - p[..., j, :]).max() > SAME
            if different and np.abs(p[..., k, :] - (p[..., i, :] + p[..., j, :]) / 2).max() <= SAME:
                found[k] = i, j
                break
    return found


def table(classes: list[str]) -> tuple[list[str], list[str]] | None:
    """(first words, second words), where the classes are all pairs of them: "red right", "red left" …; or None."""
    pairs = [name.split() for name in classes]
    if any(len(pair) != 2 for pair in pairs):
        return None
    rows, columns = (list(dict.fromkeys(pair[k] for pair in pairs)) for k in (0, 1))
    fits = len(rows) * len(columns) == len(classes) and 2 <= len(columns) <= 6 and 2 <= len(rows) <= 6
    return (rows, columns) if fits else None


def curve_head(tests: int | None, classes: int) -> str:
    """What the curves are of; without a count of clips where none is known."""
    many = "test clips" if tests is None else f"{tests} clip{'s' if tests > 1 else ''}"
    return f"accuracy on {many}, {classes} classes"


def percent(p: float) -> str:
    return f"{100 * p:.0f}\u202f%"  # on one line


def told(names: list[str], classes: list[str], truth: int, p: np.ndarray, means: dict) -> list[Part]:
    """One sentence on the scores p `names classes` of a clip.

    Of classes that are pairs of words it says which word a stream finds: its probability is the sum over all classes
    that have it.
    """
    said: list[Part] = [(None, f"The right class is {classes[truth]}. ")]
    for k, name in enumerate(names):
        words = _mean(k, means[k], classes, truth, p) if k in means else _alone(classes, truth, p[k])
        end = "right" if p[k].argmax() == truth else "wrong"
        said += [(k, name), (None, f" {words}: {end}{'.' if k == len(names) - 1 else '; '}")]
    return said


def _alone(classes: list[str], truth: int, p: np.ndarray) -> str:
    """What one stream finds, and what it answers."""
    answer = classes[p.argmax()]
    pair = table(classes)
    if pair is None:
        return f"gives {classes[truth]} {percent(p[truth])} and answers {answer}"
    finds, misses = [], []
    for k, word in enumerate(classes[truth].split()):
        of = [p[[name.split()[k] == each for name in classes]].sum() for each in pair[k]]
        share = of[pair[k].index(word)]
        clear = share == max(of) and share > max(0.5, 1.5 / len(of))
        (finds if clear else misses).append(f"“{word}” ({percent(share)})")
    if not misses:
        found = f"finds {finds[0]} and {finds[1]}"
    else:
        found = f"finds {finds[0]}, but not {misses[0]}," if finds else f"finds neither {misses[0]} nor {misses[1]}"
    return f"{found} and answers {answer}"


def _mean(k: int, of: tuple[int, int], classes: list[str], truth: int, p: np.ndarray) -> str:
    """How the mean of two streams comes about, beside its strongest rival."""
    others = np.where(np.arange(len(classes)) == truth, -1.0, p[k])
    rival, here = int(others.argmax()), p[k, truth]
    way = "more than" if here > others[rival] else "less than" if here < others[rival] else "as much as"
    sums = " + ".join(f"½ · {percent(p[i, truth])}" for i in of)
    return f"gives {classes[truth]} {sums} ≈ {percent(here)}, {way} {classes[rival]}, {percent(others[rival])}"
