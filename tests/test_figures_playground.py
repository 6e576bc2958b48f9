"""Playground without a browser: what it sends, what it says, what it refuses; and the task that its networks learn."""

import base64
import json
import re

import numpy as np
import pytest
import torch
from of_playground import FAMILIES, random_network, random_playground
from torch import nn

from vidlab import models
from vidlab.errors import ShapeError
from vidlab.evaluation import as_floats, predict
from vidlab.figures import Playground
from vidlab.figures.playground_networks import program_of
from vidlab.tasks_playground import PLAYERS, TRIALS, Event, measure_players
from vidlab.torus import World
from vidlab.training import fit, roll


def test_the_bundle_is_live_still_and_words():
    widget = random_playground(title="Who sees it?", trial="reversed")
    bundle = widget._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert bundle["text/plain"] == widget.alt
    assert 'data-vidlab="' in bundle["text/html"]
    assert "http" not in re.sub(r"http://www.w3.org/2000/svg", "", bundle["text/html"])
    state = widget.state()
    assert state == random_playground(title="Who sees it?", trial="reversed").state()
    assert state != random_playground(title="Who sees it?", trial="reversed", seed=1).state()


def test_values_are_traits():
    live = random_playground("early").live()
    assert live.trial == "as it was"
    assert "export default { render }" in live._esm
    assert ".playground" in live._css


def test_the_words_are_those_of_the_networks():
    widget = random_playground(trial="delayed")
    scene = widget._scene
    late = torch.cat([scene.clip[:, 4:], scene.clip[:, :4]], dim=1)
    for name in widget.names:
        p = predict(random_network(name), late)[0]
        answer = f"{name}: {Event().names[int(p.argmax())]} with probability {p.max():.2f}"
        assert answer in widget.alt
    for words in ("Playground", "32×32 pixels", "8 frames that 3 trained networks see", "delayed"):
        assert words in widget.alt
    assert len({random_playground(trial=trial).alt for trial in TRIALS}) == 5


def test_the_poster_shows_the_window_of_its_trial():
    posters = [np.asarray(random_playground(trial=trial).poster_image()) for trial in ("as it was", "delayed")]
    assert posters[0].shape == posters[1].shape
    assert (posters[0] != posters[1]).mean() > 0.005
    assert posters[0].std() > 20  # something is drawn


@pytest.mark.parametrize("name", FAMILIES)
def test_all_weights_travel(name):
    """Each number is one of the network's, or made of them: a normalisation goes into the convolution before it."""
    model = random_network(name)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.train()
    program = program_of(model, 8, 32)
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert len(program.weights()) == program.length
    trained = sum(p.numel() for p in model.parameters())
    assert 0.75 * trained < program.length < 1.25 * trained + 600
    assert program.shape == (1, 1, 1, 5)
    frames_alone = name in FAMILIES and any(each["op"] == "conv" for each in program.ops[: program.split])
    assert frames_alone == (name not in ("early", "slow", "3D", "3D, even", "(2+1)D", "joint", "factorised"))


def test_what_is_sent_is_what_it_says():
    accuracy = {name: dict.fromkeys(TRIALS, 0.25) for name in ("average", "early", "joint")}
    widget = random_playground(accuracy=accuracy, title="</script>")
    state = widget.state()
    numbers = np.frombuffer(base64.b64decode(state["weights"]), "<f4")
    assert len(numbers) == state["networks"][-1]["program"]["end"]
    early = next(each for each in state["networks"] if each["name"] == "early")
    model = random_network("early")
    assert early["parameters"] == sum(p.numel() for p in model.parameters())
    assert early["macs"] == 589_952 + 32  # those of four classes (data/results.json), and a fifth
    op = early["program"]["ops"][-1]
    start = early["program"]["start"] + op["w"]
    assert np.array_equal(numbers[start : start + 160], model.classify.weight.detach().numpy().ravel())
    assert early["accuracy"]["frozen"] == 0.25
    assert random_playground().state()["networks"][0]["accuracy"] is None
    assert state["classes"] == ["right", "down", "left", "up", "at rest"]
    assert list(state["trials"]) == list(TRIALS)
    json.dumps(state)


def test_the_six_fit_the_page():
    torch.manual_seed(0)
    widget = Playground({row.name: row.model(5, **row.options) for row in PLAYERS}, title="Six")
    assert len(widget.html().encode()) <= 500_000
    assert len(widget.names) == 6


def test_a_page_filled_to_the_brim_is_small_enough():
    torch.manual_seed(0)
    for hidden in range(90, 20, -1):
        nets = {str(k): models.LateFusion(5, frames=8, hidden=hidden + 70) for k in range(2)}
        try:
            widget = Playground(nets)
        except ShapeError:
            continue
        assert len(widget.html().encode()) <= 500_000
        return
    raise AssertionError("nothing fits")


class Ours(nn.Module):
    def __init__(self):
        super().__init__()
        self.classify = nn.Linear(3, 5)

    def forward(self, clip):
        return self.classify(clip.mean((1, 3, 4)))


class Louder(models.EarlyFusion):
    def forward(self, clip):
        return 2 * super().forward(clip)


def more(model: nn.Module) -> nn.Module:
    model.extra = nn.Parameter(torch.zeros(3))
    return model


def around(model: nn.Module) -> nn.Module:
    model.backbone.blocks[2][0].padding_mode = "circular"
    return model


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (Ours, "mine: the model is a Ours, which a page cannot run"),
        (lambda: Louder(5, frames=8), "the model is a Louder"),
        (lambda: models.NonLocalNet(5), "the layer 'blocks.3' is a NonLocal"),
        (lambda: models.VideoViT(5, kind="divided", dim=12), "'divided.layers.0' is a DividedLayer"),
        (lambda: more(models.SingleFrame(5)), "'extra' is not used"),
        (lambda: around(models.SingleFrame(5)), "'backbone.blocks.2.0' is a Conv2d"),
        (lambda: models.EarlyFusion(5, frames=12), "a EarlyFusion for 12 frames"),
        (lambda: models.VideoViT(5, size=64, dim=12, kind="joint"), "64 × 64"),
        (lambda: models.LateFusion(5, frames=8, maps=True, size=64, hidden=2), "maps of 4 × 4"),
        (lambda: models.Conv3DNet(5, channels=1), r"over a volume of 8 × 32 × 32 × 3"),
        (lambda: models.SingleFrame(4), "a network of 4 classes"),
        (lambda: models.LateFusion(5, frames=8, maps=True, hidden=64), r"networks of \d+ KB"),
    ],
)
def test_a_network_that_the_page_cannot_run(make, says, as_learners_run_it):
    with pytest.raises(ShapeError, match=says):
        Playground({"mine": make()})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"trial": "upside down"}, "trial = 'upside down'"),
        ({"task": Event(world=World(onset=(0, 1), duration=3, visible="event", camera=1.0))}, "a stage that is"),
        ({"task": Event(world=World())}, "a stage that is"),
        ({"accuracy": {"early": {"as it was": 1.0}}}, "accuracy of 'early', reversed: None"),
        ({"accuracy": {"early": dict.fromkeys(TRIALS, 1.5)}}, "accuracy of 'early', as it was: 1.5"),
    ],
)
def test_what_else_it_refuses(options, says, as_learners_run_it):
    with pytest.raises(ShapeError, match=says):
        random_playground("early", **options)
    for wrong in ({}, [random_network("early")], {str(k): random_network("early") for k in range(7)}):
        with pytest.raises(ShapeError):
            Playground(wrong)


# the task -------------------------------------------------------------------------------------------------------------


def test_the_trials_do_what_they_say():
    task = Event(tests=60)
    clips, truth = task.fresh(0, "validation")
    chance = torch.Generator().manual_seed(0)
    spoiled = {trial: task.spoil(clips, trial, chance) for trial in TRIALS}
    assert torch.equal(spoiled["as it was"], clips)
    assert torch.equal(spoiled["reversed"][:, :4], clips[:, :4].flip(1))
    assert torch.equal(spoiled["delayed"][:, 4:], clips[:, :4])
    assert torch.equal(spoiled["frozen"][:, :4], clips[:, 2:3].expand(-1, 4, -1, -1, -1))
    assert (spoiled["shuffled"][:, :4] != clips[:, :4]).flatten(1).any(1).all()
    for trial in ("as it was", "reversed", "shuffled", "delayed"):  # the same frames in another order
        kept = spoiled[trial].double().mean((2, 3, 4)).sort(1).values
        assert torch.equal(kept, clips.double().mean((2, 3, 4)).sort(1).values)
    with pytest.raises(ShapeError, match="'slower'"):
        task.spoil(clips, "slower", chance)
    assert task.answer(torch.tensor([0, 1, 2, 3, 4]), "reversed").tolist() == [2, 3, 0, 1, 4]
    assert task.answer(truth, "frozen").unique().tolist() == [4]
    assert torch.equal(task.answer(truth, "delayed"), truth)


def test_what_is_learned_from_is_balanced_and_moves():
    task = Event()
    clips, labels = task.training(3, 300)
    counts = labels.bincount(minlength=5)
    assert counts[4] == 60
    assert counts.min() > 35
    step = (as_floats(clips[:, 2]) - as_floats(clips[:, 3])).abs().mean((1, 2, 3))  # there in both, whatever the onset
    assert step[labels < 4].mean() > 1.15 * step[labels == 4].mean()
    assert not torch.equal(task.training(4, 300)[0], clips)
    again = task.training(3, 300)
    assert torch.equal(again[0], clips)
    assert torch.equal(again[1], labels)


def test_blind_to_order_to_the_last_digit():
    task = Event(tests=20)
    clips, _ = task.fresh(0, "validation")
    chance = torch.Generator().manual_seed(0)
    for name, blind in {"average": True, "single": True, "early": False, "3D": False}.items():
        net = random_network(name)
        for trial in ("reversed", "shuffled", "delayed"):
            moved = (predict(net, task.spoil(clips, trial, chance)) - predict(net, clips)).abs().max()
            assert (moved < 1e-6) == blind


def test_early_fusion_loses_what_comes_later():
    """A network of a second, with the task that the six learn: enough to see that the measurement tells."""
    task = Event(tests=200)
    clips, labels = task.training(0, 1500)
    net = task.build(models.EarlyFusion, 0, frames=8)
    fit(net, clips, labels, steps=200, seed=0, augment=roll, progress=False, device="cpu")
    found = measure_players({"early": net}, task, split="validation")["early"]
    assert found["as it was"] > 0.85
    assert found["reversed"] > 0.8
    assert found["delayed"] < 0.6
