"""Scores of videos against toys counted by hand; intervals against the exact binomial and against simulation."""

import inspect
import math
import re

import pytest
import torch
from torch import nn

from vidlab import ShapeError, VidlabError
from vidlab.evaluation import Estimate, bootstrap, chance_interval, evaluate, joint, predict, split_joint

KINDS = {"colour": 2, "direction": 2}


class Told(nn.Module):
    """A model whose clips are the probabilities it answers with."""

    def __init__(self):
        super().__init__()
        self.seen, self.grad = [], []

    def forward(self, clip):
        self.seen.append(len(clip))
        self.grad.append(torch.is_grad_enabled())
        return clip[:, 0, 0, 0].clamp_min(1e-9).log()


def told(*videos):
    """Lists of probabilities -> clips `v 1 1 1 classes` or `v k 1 1 1 classes`."""
    return torch.tensor(videos).unsqueeze(-2).unsqueeze(-2).unsqueeze(-2)


# --- counting ------------------------------------------------------------------------------------------------------


def test_a_toy_counted_by_hand():
    videos = told(
        [[0.6, 0.3, 0.1], [0.1, 0.8, 0.1]],  # mean (0.35, 0.55, 0.1): says 1, the truth is 1, one clip of two right
        [[0.7, 0.2, 0.1], [0.4, 0.3, 0.3]],  # says 0, right with both clips
        [[0.5, 0.1, 0.4], [0.5, 0.1, 0.4]],  # says 0, the truth is 2
        [[0.2, 0.7, 0.1], [0.3, 0.4, 0.3]],  # says 1, the truth is 0
    )
    report = evaluate(Told(), videos, torch.tensor([1, 0, 2, 0]))
    assert report.clip_hit1.value == pytest.approx(3 / 8)
    assert report.hit1.value == pytest.approx(2 / 4)
    assert report.hit5 is None  # among three classes, five guesses always hit
    assert report.kinds == report.marginal == {}
    assert report.confusion.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    torch.testing.assert_close(report.probabilities[0], torch.tensor([0.35, 0.55, 0.1]))


def test_probabilities_are_averaged_not_logits():
    """One clip that is certain of 1 outweighs two others in logits, and does not in probabilities."""
    clips = [[0.001, 0.999], [0.8, 0.2], [0.8, 0.2]]
    assert torch.tensor(clips).log().mean(0).argmax() == 1
    report = evaluate(Told(), told(clips), torch.tensor([0]))
    assert report.hit1.value == 1
    assert report.clip_hit1.value == pytest.approx(2 / 3)


def test_hit_at_five():
    falling = [0.3, 0.25, 0.2, 0.12, 0.08, 0.05]
    report = evaluate(Told(), told(*[falling] * 4), torch.tensor([0, 4, 5, 3]))
    assert (report.hit1.value, report.hit5.value) == (0.25, 0.75)
    assert evaluate(Told(), told([0.3, 0.3, 0.2, 0.1, 0.1]), torch.tensor([4])).hit5 is None


def test_one_kind_may_be_right_and_the_other_wrong():
    sure = torch.eye(4) * 0.9 + 0.02
    report = evaluate(Told(), told(*sure[[0, 1, 2, 3]].tolist()), torch.tensor([0, 0, 0, 3]), kinds=KINDS)
    assert report.kinds["colour"].value == 0.75  # 2 is colour 1
    assert report.kinds["direction"].value == 0.75  # 1 is direction 1
    assert report.hit1.value == 0.5
    assert list(report.kinds) == list(report.marginal) == ["colour", "direction"]


def test_the_marginal_may_choose_another_colour_than_the_decision():
    torn = [0.4, 0.0, 0.3, 0.3]  # class 0 is the likeliest, yet colour 1 has 0.6
    for colour, decision, marginal in ((0, 1.0, 0.0), (1, 0.0, 1.0)):
        report = evaluate(Told(), told(torn), torch.tensor([2 * colour]), kinds=KINDS)
        assert report.kinds["colour"].value == decision
        assert report.marginal["colour"].value == marginal
        assert report.marginal["direction"].value == 1  # 0.7 against 0.3


def test_marginals_of_three_kinds_are_sums_over_the_others():
    kinds = {"a": 2, "b": 3, "c": 4}
    p = torch.rand(30, 24, generator=torch.Generator().manual_seed(0))
    p /= p.sum(1, keepdim=True)
    labels = torch.randint(24, (30,), generator=torch.Generator().manual_seed(1))
    report = evaluate(Told(), told(*p.tolist()), labels, kinds=kinds)
    cube, truth = p.reshape(30, 2, 3, 4), split_joint(labels, kinds)
    for kind, others in (("a", (2, 3)), ("b", (1, 3)), ("c", (1, 2))):
        expected = (cube.sum(others).argmax(1) == truth[kind]).float().mean().item()
        assert report.marginal[kind].value == pytest.approx(expected)


def test_one_clip_a_video_needs_no_axis_of_its_own():
    p = torch.rand(9, 6, generator=torch.Generator().manual_seed(0)).tolist()
    labels = torch.arange(9) % 6
    one, axis = evaluate(Told(), told(*p), labels), evaluate(Told(), told(*[[row] for row in p]), labels)
    assert repr(one) == repr(axis)
    assert one.clip_hit1 == one.hit1


def test_joint_puts_the_first_kind_in_front_and_split_takes_it_apart():
    kinds = {"colour": 3, "direction": 4}
    labels = {"direction": torch.arange(12) % 4, "colour": torch.arange(12) // 4, "speed": torch.zeros(12)}
    number = joint({kind: labels[kind] for kind in ("direction", "colour")}, kinds)
    assert number.tolist() == list(range(12))
    parts = split_joint(number, kinds)
    assert list(parts) == ["colour", "direction"]
    assert all(torch.equal(parts[kind], labels[kind]) for kind in kinds)


# --- the model is asked as it should be, and left as it was --------------------------------------------------------


def test_the_model_is_in_evaluation_mode_without_gradients_and_gets_its_modes_back():
    model = nn.Sequential(Told(), nn.Dropout(0.5), nn.BatchNorm1d(3))
    model.train()
    model[2].eval()  # frozen on purpose
    statistics = model[2].running_mean.clone()
    report = evaluate(model, told(*[[0.6, 0.3, 0.1]] * 5), torch.zeros(5).long(), batch=2)
    assert [m.training for m in model.modules()] == [True, True, True, False]
    assert model[0].grad == [False] * 3
    assert model[0].seen == [2, 2, 1]
    assert report.probabilities.unique(dim=0).shape == (1, 3)  # no dropout
    assert torch.equal(model[2].running_mean, statistics)

    class Broken(nn.Linear):
        def forward(self, clip):
            raise RuntimeError("broken")

    broken = Broken(1, 1).train()
    with pytest.raises(RuntimeError, match="broken"):
        predict(broken, told([0.5, 0.5]))
    assert broken.training


def test_bytes_and_floats_give_the_same():
    stored = torch.randint(256, (7, 2, 1, 1, 1, 6), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    labels = torch.arange(7) % 6
    a, b = evaluate(Told(), stored, labels), evaluate(Told(), stored.float() / 255, labels, batch=3)
    torch.testing.assert_close(a.probabilities, b.probabilities)
    assert repr(a) == repr(b)


# --- intervals -----------------------------------------------------------------------------------------------------


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says():
    right = (torch.rand(60, 400, generator=torch.Generator().manual_seed(0)) < 0.7).float()
    found = bootstrap(right)
    assert [e.value for e in found] == pytest.approx(right.mean(0).tolist())
    covered = sum(e.low <= 0.7 <= e.high for e in found) / len(found)
    assert 0.9 < covered < 0.98  # of 400: ± 0.011 is one standard deviation
    width = sum(e.high - e.low for e in found) / len(found)
    assert width == pytest.approx(2 * 1.96 * math.sqrt(0.7 * 0.3 / 60), rel=0.05)
    narrow = bootstrap(right, level=0.5)
    assert 0.4 < sum(e.low <= 0.7 <= e.high for e in narrow) / len(narrow) < 0.65  # bounds lie on a lattice of 1/60


def test_videos_are_resampled_not_clips():
    """Eight equal clips of a video are one piece of evidence: the interval stays as wide as with one."""
    hit, miss, labels = [0.9, 0.1], [0.1, 0.9], torch.zeros(30).long()
    one = evaluate(Told(), told(*[[hit]] * 20, *[[miss]] * 10), labels)
    eight = evaluate(Told(), told(*[[hit] * 8] * 20, *[[miss] * 8] * 10), labels)
    assert eight.clip_hit1 == one.clip_hit1 == one.hit1
    assert one.hit1.high - one.hit1.low == pytest.approx(2 * 1.96 * math.sqrt(2 / 9 / 30), rel=0.1)


def test_a_perfect_score_is_no_certainty():
    """Clopper–Pearson: 20 of 20 happen with probability 0.025 if the truth is 0.025^(1/20) = 0.832."""
    report = evaluate(Told(), told(*[[0.9, 0.1]] * 20), torch.zeros(20).long())
    assert report.hit1 == pytest.approx((1.0, 0.025 ** (1 / 20), 1.0))
    assert evaluate(Told(), told(*[[0.9, 0.1]] * 20), torch.ones(20).long()).hit1 == pytest.approx(
        (0.0, 0.0, 1 - 0.025 ** (1 / 20))
    )
    assert bootstrap(torch.ones(20, 1), level=0.8)[0].low == pytest.approx(0.1 ** (1 / 20))


def test_the_seed_decides_the_interval_and_nothing_else():
    p = torch.rand(40, 4, generator=torch.Generator().manual_seed(2)).tolist()
    labels = torch.arange(40) % 4
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = evaluate(Told(), told(*p), labels)
    torch.manual_seed(77)
    assert repr(evaluate(Told(), told(*p), labels)) == repr(first)
    torch.manual_seed(5)
    others = [evaluate(Told(), told(*p), labels, seed=seed).hit1 for seed in range(1, 9)]
    assert torch.equal(torch.get_rng_state(), state)
    assert {other.value for other in others} == {first.hit1.value}
    assert len({other[1:] for other in others}) > 1


@pytest.mark.parametrize(("n", "p"), [(1, 0.5), (7, 0.2), (128, 0.25), (384, 0.5), (40, 0.97), (10, 0.0), (10, 1.0)])
@pytest.mark.parametrize("level", [0.95, 0.5])
def test_the_guessers_interval_is_the_narrowest_with_small_tails(n, p, level):
    chance = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    low, high = (round(bound * n) for bound in chance_interval(n, p, level))
    tail = (1 - level) / 2
    assert math.fsum(chance[:low]) < tail <= math.fsum(chance[: low + 1]) + 1e-12
    assert math.fsum(chance[high + 1 :]) < tail <= math.fsum(chance[high:]) + 1e-12


def test_the_guessers_interval_is_exact_for_many_trials():
    low, high = chance_interval(1_000_000, 0.25)
    assert low == pytest.approx(0.25 - 1.96 * math.sqrt(0.25 * 0.75 / 1e6), abs=2e-6)
    assert high == pytest.approx(0.25 + 1.96 * math.sqrt(0.25 * 0.75 / 1e6), abs=2e-6)


# --- what is shown -------------------------------------------------------------------------------------------------


def test_the_report_reads_as_a_table():
    p = torch.rand(30, 3, 12, generator=torch.Generator().manual_seed(0)).tolist()
    report = evaluate(Told(), told(*p), torch.arange(30) % 12, kinds={"<b>": 3, "way": 4}, level=0.9)
    lines = repr(report).splitlines()
    assert lines[0] == "30 videos of 3 clips, 12 classes; 90 % intervals by resampling videos"
    names = ["clip Hit@1", "video Hit@1", "video Hit@5", "<b>, decision", "<b>, marginal", "way, decision"]
    assert [line.split("  ")[0].strip() for line in lines[1:]] == [*names, "way, marginal"]
    assert lines[2].endswith(str(report.hit1))
    assert len({line.index(" %") for line in lines[1:]}) <= 2
    page = report._repr_html_()
    assert page.count("<tr>") == 8
    assert page.count('scope="row"') == 7
    assert "&lt;b&gt;, decision" in page
    assert "<b>" not in page
    assert f"<td>{100 * report.hit1.value:.1f} %</td>" in page
    assert not re.search(r"color|background|#[0-9a-f]{3}", page)  # the theme's own
    assert str(Estimate(0.5, 0.25, 1)) == "50.0 % (25.0 to 100.0)"


# --- what does not fit ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("as_learners_run_it")
@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: evaluate(Told(), torch.rand(3, 1, 1, 4), torch.zeros(3).long()), "v k t c h w"),
        (lambda: evaluate(Told(), told([0.5, 0.5]), torch.zeros(2).long()), r"labels \(2,\)"),
        (lambda: evaluate(Told(), told([0.5, 0.5])[:0], torch.zeros(0).long()), "v above 0"),
        (lambda: evaluate(Told(), told([0.5, 0.5]), torch.tensor([2])), "labels go from 2 to 2. Wanted: 0 to 1"),
        (lambda: evaluate(Told(), told([0.5, 0.5]), torch.tensor([-1])), "-1"),
        (lambda: evaluate(Told(), told([0.5, 0.5]), torch.tensor([0.0])), r"labels.long\(\)"),
        (lambda: evaluate(Told(), told([0.5, 0.5]), torch.tensor([0]), kinds=KINDS), "make 4 classes"),
        (lambda: evaluate(Told(), told([0.5, 0.5]), torch.tensor([0]), kinds={}), "how many values"),
        (lambda: evaluate(Told(), told([0.5, 0.5]), torch.tensor([0]), batch=0), "batch = 0"),
        (lambda: predict(Told(), told([5, 5])), "int64"),
        (lambda: predict(nn.Flatten(0), told([0.5, 0.5])), r"1 × classes"),
        (lambda: joint({"colour": torch.tensor([0])}, KINDS), "'direction'"),
        (lambda: joint({"colour": torch.tensor([2]), "direction": torch.tensor([0])}, KINDS), "colour.*0 to 1"),
        (lambda: split_joint(torch.tensor([4]), KINDS), "0 to 3"),
    ],
)
def test_what_does_not_fit_is_said(call, says):
    with pytest.raises(ShapeError, match=says):
        call()


def test_logits_that_are_no_numbers_are_no_answer():
    with pytest.raises(VidlabError, match="not all finite"):
        evaluate(nn.Sequential(Told(), nn.Threshold(0.0, math.nan)), told([0.5, 0.5]), torch.tensor([0]))


@pytest.mark.parametrize("bad", [{"n": 0, "p": 0.5}, {"n": 3, "p": 1.5}, {"n": 3, "p": 0.5, "level": 1.0}])
def test_no_interval_of_nonsense(bad):
    with pytest.raises(ValueError, match="Wanted"):
        inspect.unwrap(chance_interval)(**bad)
    with pytest.raises(ValueError, match="Wanted"):
        bootstrap(torch.ones(bad["n"], 1), level=bad.get("level", 0.0))
