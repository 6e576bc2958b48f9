"""TimeBattery without a browser: what it makes of clips and answers, what it says, and what it refuses."""

import base64
import io
import re
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from vidlab import figures
from vidlab.errors import ShapeError
from vidlab.figures import TimeBattery, answers
from vidlab.worlds import drifting_textures

FOLDER = Path(figures.__file__).parent
CLASSES = ["right", "down", "left", "up"]
TRIALS = ["as it was", "reversed", "shuffled", "frozen", "thinned", "rolled"]


class Pooled(nn.Module):
    """Looks at each frame alone and takes the mean: cannot see the order."""

    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(3, 6, 5, stride=3)
        self.drop = nn.Dropout(0.5)
        self.classify = nn.Linear(6, 4)
        for k, weight in enumerate(self.parameters()):
            nn.init.normal_(weight, generator=torch.Generator().manual_seed(k))

    def forward(self, clip):
        each = [self.features(clip[:, t]).relu().mean((2, 3)) for t in range(clip.shape[1])]
        return self.classify(self.drop(torch.stack(each, 1).mean(1)))


class Differences(nn.Module):
    """Which way, by one pixel, does a frame have to be moved to be the next one?"""

    def forward(self, clip):
        now, then = clip[:, :-1], clip[:, 1:]
        misses = [
            (now.roll((dy, dx), (-2, -1)) - then).square().mean((1, 2, 3, 4))
            for dx, dy in ((1, 0), (0, 1), (-1, 0), (0, -1))
        ]
        return -300 * torch.stack(misses, 1)


def battery(n=6, **options):
    world = drifting_textures(n, frames=8, size=32, generator=torch.Generator().manual_seed(0))
    models = {"pooled": Pooled(), "differences": Differences()}
    truth = world.label["direction"]
    return TimeBattery.of(models, world.clip, **{"classes": CLASSES, "truth": truth, "title": "Drift"} | options)


def noise(n=2, t=4, h=12, w=10, seed=0):
    return torch.rand(n, t, 3, h, w, generator=torch.Generator().manual_seed(seed))


def by_hand(rows, **options):
    """Two trials of one clip; `rows` of each model are [p as it was, p now]."""
    clip = noise(1)
    p = {name: {"plain": np.array([before]), "odd": np.array([now])} for name, (before, now) in rows.items()}
    classes = [f"c{k}" for k in range(len(next(iter(rows.values()))[0]))]
    return TimeBattery({"plain": clip, "odd": clip.flip(1)}, p, **{"classes": classes} | options)


def frames_sent(state: dict) -> np.ndarray:
    """The frames on the sheet, `k h w 3`."""
    sprite = state["sprite"]
    data = base64.b64decode(sprite["sheet"].split(",")[1])
    grid = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    (high, wide), (h, w) = sprite["cell"], (sprite["height"], sprite["width"])
    cells = [divmod(k, sprite["columns"]) for k in range(sprite["count"])]
    return np.stack([grid[r * high : r * high + h, c * wide : c * wide + w] for r, c in cells])


# --- what a widget is ---


def test_what_the_widget_gives():
    widget = battery()
    bundle = widget._repr_mimebundle_()
    assert bundle == battery()._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert bundle["text/plain"] == widget.alt
    assert "http" not in bundle["text/html"].replace("http://www.w3.org/2000/svg", "")
    assert len(bundle["text/html"].encode()) <= 200_000
    wicked = by_hand({"</script><script>alert(1)</script><!--": ([1, 0], [0, 1])}).html()
    assert len(re.findall("</?script", wicked)) == 2
    assert "<!--" not in wicked


def test_the_style_knows_every_kind_of_answer():
    for kind in ("first", "same", "kept", "changed"):
        assert f'[data-kind="{kind}"]' in (FOLDER / "time_battery.css").read_text()


def test_live_values_are_traits():
    live = battery(t=3, example=2, trial="frozen").live()
    assert (live.t, live.example, live.trial) == (3, 2, "frozen")
    live.trial = "rolled"
    assert live.get_state()["trial"] == "rolled"


def test_twelve_noisy_clips_of_six_models_fit_the_page():
    clips = noise(12, 8, 32, 32)
    generator = torch.Generator().manual_seed(1)
    trials = {name: clips for name in TRIALS}
    p = {f"m{m}": {name: torch.rand(12, 16, generator=generator).softmax(-1) for name in trials} for m in range(6)}
    widget = TimeBattery(trials, p, classes=[f"a long class name {k}" for k in range(16)], truth=[15] * 12)
    assert len(widget.html().encode()) <= 500_000


# --- trials and their frames ---


def test_of_makes_the_trials():
    widget = battery()
    assert widget.trials == TRIALS
    orders = {name: [int(k) for k in widget.numbers(i, 3)] for i, name in enumerate(TRIALS)}
    shuffled = orders.pop("shuffled")
    assert orders == {
        "as it was": [0, 1, 2, 3, 4, 5, 6, 7],
        "reversed": [7, 6, 5, 4, 3, 2, 1, 0],
        "frozen": [4] * 8,
        "thinned": [0, 0, 2, 2, 4, 4, 6, 6],
        "rolled": [7, 0, 1, 2, 3, 4, 5, 6],
    }
    assert sorted(shuffled) == list(range(8))
    assert shuffled not in orders.values()
    assert battery(seed=1).numbers(2, 3) != widget.numbers(2, 3) == battery(seed=0).numbers(2, 3)


def test_the_page_can_show_every_frame_of_every_trial():
    clip = noise(2)
    odd = clip.flip(1).clone()
    odd[1, 2] = noise(1, 1, seed=5)[0, 0]  # a frame that the original does not have
    one = [[1.0, 0.0]] * 2
    widget = TimeBattery({"plain": clip, "odd": odd}, {"m": {"plain": one, "odd": one}}, classes=["a", "b"])
    assert widget.numbers(1, 0) == ["3", "2", "1", "0"]
    assert widget.numbers(1, 1) == ["3", "2", "*", "0"]
    state = widget.state()
    frames = frames_sent(state)
    for k, clips in enumerate((clip, odd)):
        for i in range(2):
            expected = (clips[i] * 255).round().byte().permute(0, 2, 3, 1)
            np.testing.assert_array_equal(frames[state["examples"][i]["order"][k]], expected)


def test_equal_frames_keep_their_places():
    still = noise(1, 1).expand(1, 4, 3, 12, 10)
    one = {"m": {"plain": [[1.0]], "odd": [[1.0]]}}
    assert TimeBattery({"plain": still, "odd": still}, one, classes=["a"]).numbers(1, 0) == ["0", "1", "2", "3"]


def test_trials_can_be_chosen():
    widget = battery(trials=["frozen", "reversed"])
    assert widget.trials == ["as it was", "frozen", "reversed"]
    assert widget.trial == "frozen"
    assert widget.answers.p.shape == (2, 3, 6, 4)
    assert widget.numbers(2, 0) == list("76543210")


# --- answers ---


def test_models_are_asked_as_they_are_used_and_left_alone():
    clips = (noise(5, 4, 12, 12) * 255).byte()
    model = Pooled().train()
    model.features.eval()
    widget = TimeBattery.of({"pooled": model}, clips, classes=CLASSES)
    assert (model.training, model.drop.training, model.features.training) == (True, True, False)
    assert next(model.parameters()).dtype == torch.float32
    with torch.no_grad():
        expected = model.eval()(clips.flip(1).float() / 255).softmax(-1)
    np.testing.assert_allclose(widget.answers.p[0, 1], expected, atol=1e-5)
    assert all(weight.grad is None for weight in model.parameters())


def test_who_uses_time():
    a = battery().answers
    pooled, differences = 0, 1
    same = {name: a.same[pooled, k].all() for k, name in enumerate(TRIALS)}
    assert {name for name in TRIALS if same[name]} == {"as it was", "reversed", "shuffled", "rolled"}
    truth = np.asarray(a.truth)
    np.testing.assert_array_equal(a.decided[differences, 0], truth)
    np.testing.assert_array_equal(a.decided[differences, 1], (truth + 2) % 4)  # backwards is the opposite direction
    assert a.changed[differences, 1].all()
    assert not a.changed[differences, 5].any()


def test_verdicts_come_from_the_numbers():
    p = {
        "still": ([0.6, 0.3, 0.1], [0.6 + 5e-7, 0.3 - 5e-7, 0.1]),
        "barely": ([0.6, 0.3, 0.1], [0.6 + 4e-6, 0.3 - 4e-6, 0.1]),
        "moves": ([0.6, 0.3, 0.1], [0.48, 0.35, 0.17]),
        "turns": ([0.6, 0.3, 0.1], [0.3, 0.6, 0.1]),
        "tie": ([0.5, 0.5, 0.0], [0.5 - 1e-7, 0.5 + 1e-7, 0.0]),
    }
    a = by_hand(p).answers
    assert [a.verdict(m, 1, 0) for m in range(5)] == [
        ("same", "no change (≤ 1e-6)"),
        ("kept", "decision kept, moved by less than 0.01 (total variation)"),
        ("kept", "decision kept, moved by 0.12 (total variation)"),
        ("changed", "decision changed: c0 → c1"),
        ("same", "no change (≤ 1e-6)"),
    ]
    assert a.verdict(3, 0, 0) == ("first", "decision: c0")
    state = by_hand(p, truth=[0]).state()
    assert state["flips"] == [[0, 0], [0, 0], [0, 0], [0, 1], [0, 0]]
    assert [same for _, same in state["same"]] == [True, False, False, False, True]
    assert state["right"] == [1, 1, 1, 1, 1]
    assert by_hand(p, truth=[1]).state()["right"] == [0] * 5
    assert by_hand(p).state()["right"] is None


def test_the_summary_counts_over_all_examples():
    widget = battery()
    state, a = widget.state(), widget.answers
    for m in range(2):
        for k in range(6):
            kinds = [example["verdicts"][m][k][0] for example in state["examples"]]
            assert state["flips"][m][k] == kinds.count("changed")
            assert state["same"][m][k] == (set(kinds) <= {"same", "first"})
    assert state["right"] == [int((a.decided[m, 0] == a.truth).sum()) for m in range(2)]


def test_all_probabilities_are_sent():
    widget = battery()
    sent = np.array([example["p"] for example in widget.state()["examples"]])  # n models trials classes
    np.testing.assert_allclose(sent.transpose(1, 2, 0, 3), widget.answers.p, atol=0.51e-4)
    assert [example["true"] for example in widget.state()["examples"]] == widget.answers.truth.tolist()
    assert widget.state()["examples"][0]["names"] == CLASSES


def test_of_many_classes_the_top_ones_and_the_true_one_are_shown():
    before, now = np.full(12, 0.01), np.full(12, 0.01)
    before[[9, 2, 3, 5]] = 0.5, 0.2, 0.12, 0.1
    now[[7, 2, 3, 5]] = 0.5, 0.2, 0.12, 0.1
    widget = by_hand({"m": (before, now)}, truth=[11])
    example = widget.state()["examples"][0]
    assert example["names"] == ["c2", "c3", "c5", "c7", "c9", "c11", "6 others"]
    assert example["true"] == 5
    assert example["top"] == [[4, 3]]  # decided: c9, then c7
    np.testing.assert_allclose(example["p"][0][1], [0.2, 0.12, 0.1, 0.5, 0.01, 0.01, 0.06], atol=1e-4)
    assert by_hand({"m": (before, now)}).state()["examples"][0]["names"][-1] == "7 others"
    eight = by_hand({"m": ([1 / 8] * 8, [1 / 8] * 8)}).state()["examples"][0]
    assert eight["names"] == [f"c{k}" for k in range(8)]


def test_a_class_that_is_decided_for_has_a_bar():
    often, rare = np.full(12, 0.0), np.full(12, 0.09)
    often[[0, 1, 2, 3, 4]] = 0.2
    rare[10] = 0.15
    widget = by_hand({"a": (often, often), "b": (often, often), "c": (often, rare / rare.sum())})
    assert "c10" in widget.state()["examples"][0]["names"]


# --- words and pictures ---


def test_the_alternative_text_is_computed():
    widget = battery()
    for part in [
        "Drift: 6 clips of 8 frames of 32×32 pixels, as it was and reversed, shuffled, frozen, thinned, rolled",
        "the answers of 2 models",
        f"Example 1, true class {CLASSES[widget.answers.truth[0]]}, reversed (frames 7 6 5 4 3 2 1 0): ",
        "pooled: no change (≤ 1e-6); differences: decision changed: ",
        "pooled, all examples: exactly unchanged reversed, shuffled, rolled; decisions that change: ",
        "differences, all examples: decisions that change: 100% reversed, ",
    ]:
        assert part in widget.alt
    assert "true class" not in battery(truth=None).alt
    assert "exactly unchanged odd." in by_hand({"m": ([1, 0], [1, 0])}).alt


@pytest.mark.parametrize("models", [1, 2, 3, 4, 6])
def test_the_poster_shows_frames_and_bars(models):
    def poster(now):
        p = {f"m{k}": ([0.9, 0.1], now) for k in range(models)}
        return np.asarray(by_hand(p, truth=[0]).poster_image()).astype(int)

    changed, same = poster([0.1, 0.9]), poster([0.9, 0.1])
    assert changed.shape == same.shape
    orange = np.abs(changed - [0xB8, 0x4A, 0x00]).max(-1) < 3
    assert orange.sum() > 400 * models
    assert not (np.abs(same - [0xB8, 0x4A, 0x00]).max(-1) < 3).any()
    films = changed[: round(110 * 2 * (0.55 + 8.4 / 4 * 12 / 10))]  # above the bars: two rows of four coloured frames
    assert (np.ptp(films, axis=-1) > 30).mean() > 0.6
    assert (films == same[: len(films)]).all()
    assert (poster([0.2, 0.8]) != changed).any()  # the same words, other bars


# --- what it refuses ---


def refused(match, clips=None, p=None, **options):
    clip = noise()
    clips = {"plain": clip, "odd": clip} if clips is None else clips
    p = {"m": {"plain": [[0.5, 0.5]] * 2, "odd": [[0.5, 0.5]] * 2}} if p is None else p
    with pytest.raises(ShapeError, match=match):
        TimeBattery(clips, p, **{"classes": ["a", "b"]} | options)


def test_what_does_not_fit_is_refused():
    clip = noise()
    half = [[0.5, 0.5]] * 2
    refused("clips is a Tensor", clips=clip)
    refused("at least one other trial", clips={"plain": clip})
    refused("no clips for 'even'", trials=["even"])
    refused("each once", trials=["odd", "odd"])
    refused(r"clips\['odd'\] has shape \(2, 3, 3, 12, 10\)", clips={"plain": clip, "odd": clip[:, 1:]})
    refused("n t c h w", clips={"plain": clip[0], "odd": clip[0]})
    refused("n t c h w", clips={"plain": clip[:0], "odd": clip[:0]})
    refused(
        "fewer examples",
        clips={"plain": noise(61, 4, 2, 2), "odd": noise(61, 4, 2, 2)},
        p={"m": dict.fromkeys(("plain", "odd"), [[1, 0]] * 61)},
    )
    refused("no probabilities of 'm' for 'odd'", p={"m": {"plain": half}})
    refused("1 to 6 models", p={})
    refused("1 to 6 models", p={k: {"plain": half, "odd": half} for k in "abcdefg"})
    refused(r"shape \(1, 2\)", p={"m": {"plain": half, "odd": half[:1]}})
    refused(r"shape \(2, 2\).*\(2, 3\)", classes=["a", "b", "c"])
    refused("softmax", p={"m": {"plain": half, "odd": [[2.0, 3.0]] * 2}})
    refused("softmax", p={"m": {"plain": half, "odd": [[2.0, -1.0]] * 2}})
    refused("softmax", p={"m": {"plain": half, "odd": [[float("nan"), 1.0]] * 2}})
    for truth in ([0], [0, 2], [0, -1], [0.0, 1.0]):
        refused("integers from 0 to 1", truth=truth)
    refused("inside the clip", t=4)
    refused("0 ≤ example < 2", example=2)
    refused("one of plain, odd", trial="even")


def test_models_and_clips_that_do_not_fit_are_refused():
    clips = noise(2, 4, 12, 12)
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        with pytest.raises(ShapeError, match="not empty"):
            TimeBattery.of({}, clips, classes=CLASSES)
        with pytest.raises(ShapeError, match="name: module"):
            TimeBattery.of([Pooled()], clips, classes=CLASSES)
        with pytest.raises(ShapeError, match=r"\(2, 1, 3, 12, 12\).*one frame"):
            TimeBattery.of({"m": Pooled()}, clips[:, :1], classes=CLASSES)
        with pytest.raises(ShapeError, match="clips has shape"):
            TimeBattery.of({"m": Pooled()}, clips[0], classes=CLASSES)
        with pytest.raises(ShapeError, match="Linear cannot take"):
            TimeBattery.of({"m": nn.Linear(3, 4)}, clips, classes=CLASSES)
        with pytest.raises(ShapeError, match="Identity returned"):
            TimeBattery.of({"m": nn.Identity()}, clips, classes=CLASSES)
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
    assert answers.SAME == 1e-6  # as the words say
