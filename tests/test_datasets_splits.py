"""Splits keep sources apart, or say that they cannot; leaks are found; classes are balanced."""

import random
import shutil

import pytest
import torch
from of_datasets import film, made_up, rows_of
from torch import nn

from vidlab import DataError, ShapeError, datasets, training
from vidlab.datasets import Rows, at_random, balance, by_source, counts, evenly, leaks, scores, splits, wilson
from vidlab.intervals import bootstrap

# --- by source -----------------------------------------------------------------------------------------------------


def drawn(seed):
    """Rows of random sizes: several classes, sources of several classes, one source much larger than the others."""
    dice = random.Random(seed)
    sizes = {}
    for label in "abcde"[: dice.randint(1, 5)]:
        for source in dice.sample(range(40), dice.randint(2, 15)):
            sizes[label, f"s{source}" if seed % 2 else f"{label}{source}"] = dice.choice([1, 1, 2, 5, 20])
    return made_up(sizes)


@pytest.mark.parametrize("seed", range(60))
def test_sources_are_never_on_both_sides_and_classes_always(seed):
    rows, share = drawn(seed), random.Random(seed).choice([0.1, 0.2, 0.5])
    try:
        train, test = by_source(rows, share, seed)
    except DataError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert seed % 2, "where each class has sources of its own there always is a split"
        assert "no split of" in refused or "one source only" in refused
        return
    assert not set(train.sources) & set(test.sources)
    assert sorted(map(repr, [*train, *test])) == sorted(map(repr, rows))
    for side in (train, test):
        assert {row.label for row in side} == set(rows.classes)
        assert side.classes == rows.classes


def test_the_share_is_met_class_by_class_and_the_seed_counts():
    rows = made_up({(label, f"{label}{i}"): 4 for label in "abc" for i in range(25)})
    train, test = by_source(rows, 0.2, seed=3)
    assert counts(test=test)["test"] == dict.fromkeys("abc", 20)
    assert counts(train=train)["train"] == dict.fromkeys("abc", 80)
    assert by_source(rows, 0.2, seed=3)[1].sources == test.sources
    assert by_source(rows, 0.2, seed=4)[1].sources != test.sources


def test_every_source_may_be_asked_about():
    """Large sources too, so that the test side is no choice of the easy ones."""
    rows = made_up({("a", f"s{i}"): 1 + i for i in range(10)} | {("b", f"t{i}"): 1 + i for i in range(10)})
    seen = set().union(*(by_source(rows, 0.3, seed)[1].sources for seed in range(40)))
    assert len(seen) >= 18


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ({("a", "x"): 5, ("b", "y"): 5}, "of 2 classes there is one source only: a, b"),
        ({("a", "x"): 5, ("b", "x"): 5, ("a", "y"): 1}, "of 1 classes there is one source only: b"),
        ({(c, s): 1 for c, two in {"a": "12", "b": "23", "c": "13"}.items() for s in two}, "no split of 3 sources"),
    ],
)
def test_the_impossible_is_refused(sizes, says):
    with pytest.raises(DataError, match=says):
        by_source(made_up(sizes))


def test_a_broken_split_is_noticed(monkeypatch):
    rows = made_up({("a", f"s{i}"): 2 for i in range(4)})
    with pytest.raises(DataError, match="sources on both sides"):
        splits._expect_apart(rows[:3], rows[3:])
    monkeypatch.setattr(Rows, "where", lambda self, _: self)
    with pytest.raises(DataError, match="sources on both sides"):
        by_source(rows)


@pytest.mark.parametrize("share", [0, 1, -0.2, 1.5, float("nan")])
def test_a_share_is_between_0_and_1(share):
    for split in (by_source, at_random):
        with pytest.raises(DataError, match="a share between 0 and 1"):
            split(made_up({("a", "x"): 3, ("a", "y"): 3}), share)


def test_at_random_keeps_the_classes_and_warns():
    rows = made_up({("a", "x"): 10, ("b", "y"): 5, ("b", "z"): 5})
    train, test = at_random(rows, 0.2)
    assert counts(test=test)["test"] == {"a": 2, "b": 2}
    assert set(train.sources) & set(test.sources)
    assert "leaks" in at_random.__doc__
    with pytest.raises(DataError, match="one video only"):
        at_random(made_up({("a", "x"): 1, ("b", "x"): 4}))


def test_official_splits():
    rows = Rows(datasets.Row(row.path, row.label, row.source, split) for row, split in zip(
        made_up({("a", "x"): 4}), ("train", "validation", "test", "train"), strict=True))  # fmt: skip
    assert [len(side) for side in splits.official(rows)] == [2, 1]
    assert splits.official(rows)[1][0].split == "test"
    assert splits.official(rows.where(lambda row: row.split != "test"))[1][0].split == "validation"
    with pytest.raises(DataError, match="names no split"):
        splits.official(made_up({("a", "x"): 4}))


def test_leave_one_source_out():
    rows = made_up({("a", "x"): 2, ("b", "x"): 1, ("a", "y"): 3, ("b", "z"): 1})
    turns = list(datasets.leave_one_source_out(rows))
    assert [source for source, _, _ in turns] == ["x", "y", "z"]
    for source, train, test in turns:
        assert test.sources == (source,)
        assert source not in train.sources
        assert len(train) + len(test) == len(rows)
        assert train.classes == rows.classes
    with pytest.raises(DataError, match="one source"):
        list(datasets.leave_one_source_out(made_up({("a", "x"): 2})))


# --- leaks ---------------------------------------------------------------------------------------------------------


def test_leaks_are_found(tmp_path):
    """The same source, the same bytes under another name, and the same film encoded anew, smaller; and nothing else."""
    a, b, c, d = (film(tmp_path / f"{name}.mp4", seed=i, size=(64, 96)) for i, name in enumerate("abcd"))
    shutil.copy(b, tmp_path / "copy.mp4")
    again = film(tmp_path / "again.webm", seed=2, size=(64, 96), codec="libvpx-vp9")
    train = rows_of(a, b, c, sources=["one", "two", "three"])
    test = rows_of(d, tmp_path / "copy.mp4", again, sources=["one", "four", "five"])
    made = datasets.store(Rows([*train, *test]), tmp_path / "s", workers=1, progress=False)
    found = leaks(train, test, made)
    assert found.sources == ("one",)
    assert [(x.path.name, y.path.name) for x, y in found.files] == [("b.mp4", "copy.mp4")]
    assert [(x.path.name, y.path.name) for x, y, _ in found.clips] == [("c.mp4", "again.webm")]
    assert found
    assert "c.mp4 ≈ again.webm" in repr(found)
    assert not leaks(train[:1], rows_of(d, sources=["other"]), made)
    alone = rows_of(d, sources=["other"])
    assert repr(leaks(train[:1], alone, made)) == "nothing stands on both sides, but each file counts as its own source"
    two = rows_of(a, c, sources=["one", "one"])
    assert repr(leaks(two, alone, made)) == "nothing stands on both sides"
    assert not leaks(train, test).clips  # without the store


def test_black_clips_are_not_alike(tmp_path, monkeypatch):
    """A frame without any structure cannot be told from another one."""
    paths = [film(tmp_path / f"{i}.mp4", seed=i, size=(16, 16)) for i in range(2)]
    rows = rows_of(*paths)
    made = datasets.store(rows, tmp_path / "s", workers=1, progress=False)
    blank = torch.zeros_like(made.tensor())
    monkeypatch.setattr(datasets.Store, "tensor", lambda self: blank)
    assert not leaks(rows[:1], rows[1:], made).clips
    blank[:, :, :, :, :, 4:] = 90  # and with structure they are
    assert leaks(rows[:1], rows[1:], made).clips


# --- balance -------------------------------------------------------------------------------------------------------


def test_counts_print_as_a_table():
    rows = made_up({("run", "x"): 12, ("walking", "y"): 3})
    table = counts(train=rows, test=rows[:2])
    assert repr(table).splitlines() == [
        "           train     test",
        "run           12        2",
        "walking        3        0",
        "videos        15        2",
    ]


def test_weighted_classes_pull_alike():
    """The gradient of a class is as large as if all were equally frequent."""
    labels = torch.tensor([0] * 90 + [1] * 10)
    loss, logits = balance.WeightedLoss(labels), torch.zeros(100, 2, requires_grad=True)
    loss(logits, torch.empty(0), labels).backward()
    pulls = [logits.grad[labels == k].abs().sum() for k in (0, 1)]
    assert pulls[0] == pytest.approx(pulls[1])
    plain = torch.nn.functional.cross_entropy(logits, labels)
    assert loss(logits, torch.empty(0), labels).item() == pytest.approx(plain.item())  # of the same size
    assert balance.weights(torch.tensor([0, 0, 2]), 4).tolist() == pytest.approx([0.375, 0, 0.75, 0])
    with pytest.raises(ShapeError, match="0 labels"):
        balance.weights(torch.tensor([], dtype=torch.int64))
    with pytest.raises(ShapeError, match="classes"):
        balance.weights(torch.tensor([3]), 2)


def test_a_rare_class_is_learned_with_weights_or_by_coming_more_often():
    """One class in twenty, and clips that say little: without balance it is never named."""
    generator = torch.Generator().manual_seed(0)
    labels = (torch.arange(400) % 20 == 0).long()
    clips = (
        torch.randint(0, 156, (400, 2, 1, 4, 4), generator=generator) + 12 * labels[:, None, None, None, None]
    ).byte()

    def named(rows=slice(None), **how):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(32, 2))
        training.fit(model, clips[rows], labels[rows], steps=150, lr=0.02, device="cpu", progress=False, **how)
        return (model(clips.float() / 255).argmax(1)[labels == 1] == 1).float().mean().item()

    assert named() < 0.2
    assert named(loss=balance.WeightedLoss(labels)) > 0.5
    assert named(evenly(labels)) > 0.5


def test_evenly_shows_each_clip_before_any_comes_twice():
    labels = torch.tensor([0] * 7 + [1] * 3 + [2])
    rows = evenly(labels)
    assert labels[rows].bincount().tolist() == [7, 7, 7]
    assert rows.bincount(minlength=11)[:7].tolist() == [1] * 7
    assert set(rows.bincount(minlength=11)[7:10].tolist()) == {2, 3}
    assert not torch.equal(rows, evenly(labels, seed=1))


# --- scores --------------------------------------------------------------------------------------------------------


def test_wilson_as_in_the_literature():
    """R. Newcombe (1998), table 1: 81 of 263, and 0 of 20."""
    assert wilson(81, 263) == pytest.approx((81 / 263, 0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0, 0, 0.1611), abs=1e-4)
    with pytest.raises(ValueError, match="3 of 2"):
        wilson(3, 2)


def test_sources_are_drawn_not_videos():
    """Ten sources of ten equal answers are ten pieces of evidence, not a hundred."""
    right = torch.tensor([1.0, 0.0] * 5).repeat_interleave(10)
    names = [str(i // 10) for i in range(100)]
    wide, narrow = scores.over_sources(right, names), bootstrap(right[:, None])[0]
    assert wide.high - wide.low > 2.5 * (narrow.high - narrow.low)
    assert wide.value == 0.5
    assert scores.over_sources(torch.ones(50), ["a"] * 25 + ["b"] * 25).low < 0.5
    two = scores.over_sources(torch.tensor([1.0, 1.0, 0.0, 1.0]), ["a", "a", "b", "b"])
    assert two.high - two.low > 0.7  # drawing two again would say 50 to 100 %
    single = scores.over_sources(torch.tensor([1.0, 1.0, 0.0]), ["a"] * 3)
    assert single.high - single.low > 0.7


def test_scores_by_class():
    rows = made_up({("a", "x"): 2, ("b", "y"): 2})
    found = scores.scores(torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]]), rows)
    assert {name: each[:2] for name, each in found.classes.items()} == {"a": (1, 2), "b": (2, 2)}
    assert found.all.value == 0.75
    assert found.chance == 0.5
    assert "a        1    2  50.0 %" in repr(found)
    assert found.as_dict()["classes"]["b"]["accuracy"] == 1
