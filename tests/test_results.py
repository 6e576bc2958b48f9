"""`make results` and what it keeps: runs that survive any stop, tables that cannot go stale, and what lessons show."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

from vidlab import DataError, models, results, runner, runs, tasks
from vidlab.evaluation import Estimate, predict
from vidlab.experiments import EXPERIMENTS, Experiment, Row
from vidlab.history import History
from vidlab.runs import Run
from vidlab.torus import World

ROOT = Path(__file__).parents[1]
SMALL = World(frames=4, size=16, shapes=("disk",))
TINY = Experiment(
    "tiny",
    "Which colour? <b>&",
    tasks.Name("colour", world=SMALL, clips=48, tests=40),
    (
        Row("early <i>", models.EarlyFusion, {"frames": 4}),
        Row("3D", models.Conv3DNet, steps=3),
        Row("mean", members=("3D", "early <i>")),
    ),
    steps=4,
    batch=16,
    notes=("x < y",),
)


@pytest.fixture(scope="module")
def done_once(tmp_path_factory):
    """The folder of the tiny experiment after two seeds."""
    folder = tmp_path_factory.mktemp("tiny")
    torch.set_num_threads(1)
    assert runner.main(["--seeds", "2", *places(folder)], [TINY]) == 0
    return folder


def places(folder):
    return "--folder", str(folder / "runs"), "--kept", str(folder / "results.json")


class Work:
    """A folder of one's own for the program; `work()` gives the program's answer and the runs it carried out."""

    def __init__(self, place, monkeypatch):
        self.folder, self.kept, self.place, self.done = place / "runs", place / "results.json", place, []
        carry_out = runs.carry_out
        monkeypatch.setattr(
            runner, "carry_out", lambda run: self.done.append(f"{run.row.name} {run.seed}") or carry_out(run)
        )

    def __call__(self, experiment=TINY, *arguments):
        self.done.clear()
        code = runner.main(["--seeds", "2", *places(self.place), *arguments], [experiment])
        return code, list(self.done)

    def file(self, name, seed):
        return Run(TINY, ROWS[name], seed, folder=self.folder).file


@pytest.fixture
def work(tmp_path, monkeypatch, done_once):
    """Where the tiny experiment is done already, with two seeds."""
    shutil.copytree(done_once, tmp_path / "work")
    return Work(tmp_path / "work", monkeypatch)


@pytest.fixture
def new(tmp_path, monkeypatch):
    """Where nothing is done yet."""
    return Work(tmp_path / "new", monkeypatch)


ROWS = {row.name: row for row in TINY.rows}
ALL = ["early <i> 0", "3D 0", "early <i> 1", "3D 1", "mean 0", "mean 1"]


# The program ----------------------------------------------------------------------------------------------------------


def test_what_is_done_is_not_done_again(new, capsys):
    assert new() == (0, ALL)
    first = new.kept.read_bytes()
    assert "early <i>" in capsys.readouterr().out
    assert new() == (0, [])
    assert new.kept.read_bytes() == first
    assert not list(new.folder.rglob("*.part"))


def test_a_seed_gives_the_same_again_and_another_seed_gives_another(work):
    before = results.table("tiny", path=work.kept)["3D"]
    weights = [torch.load(work.file("3D", seed).with_suffix(".pt"))["model"] for seed in (0, 1)]
    for path in work.folder.rglob("*-0.*"):
        path.unlink()
    assert work()[1] == ["early <i> 0", "3D 0", "mean 0"]
    assert results.table("tiny", path=work.kept)["3D"].estimates == before.estimates
    again = torch.load(work.file("3D", 0).with_suffix(".pt"))["model"]
    assert all(torch.equal(again[name], weights[0][name]) for name in again)
    assert not torch.equal(weights[0]["classify.weight"], weights[1]["classify.weight"])
    draws = [TINY.task.training(seed)[0] for seed in (0, 1)] + [TINY.task.fresh(0, "test")[0]]
    assert not any(torch.equal(draws[a][:40], draws[b][:40]) for a, b in ((0, 1), (0, 2), (1, 2)))


@pytest.mark.parametrize("damage", ["", '{"fingerprint": ', "[1, 2]", "{}", '{"fingerprint": "%s", "values": {}}'])
def test_a_damaged_file_is_named_and_its_run_done_again(work, capsys, damage):
    kept, file = work.kept.read_bytes(), work.file("3D", 1)
    file.write_text(damage.replace("%s", json.loads(file.read_text())["fingerprint"]))
    assert work() == (0, ["3D 1", "mean 1"])  # what is averaged over it, too
    assert re.search(r"tiny: 3D, seed 1: .*3d-1.json is damaged \(.+\), to be run again", capsys.readouterr().err)
    assert work.kept.read_bytes() == kept


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"title": "another", "digits": 0, "notes": ()}, []),
        ({"steps": 5}, ["early <i> 0", "early <i> 1", "mean 0", "mean 1"]),  # 3D has steps of its own
        ({"lr": 1e-3}, ALL),
        ({"task": dataclasses.replace(TINY.task, tests=41)}, ALL),
        ({"task": dataclasses.replace(TINY.task, world=dataclasses.replace(SMALL, noise=0.1))}, ALL),
        ({"rows": (Row("early <i>", models.EarlyFusion, {"frames": 4, "widths": (4, 8)}), *TINY.rows[1:])},
         ["early <i> 0", "early <i> 1", "mean 0", "mean 1"]),
    ],
)  # fmt: skip
def test_another_recipe_is_run_again(work, change, again):
    assert work(dataclasses.replace(TINY, **change)) == (0, again)


def test_other_code_is_run_again(work, monkeypatch, capsys):
    forward = models.Conv3DNet.forward
    monkeypatch.setattr(models.Conv3DNet, "forward", lambda self, clip: forward(self, clip) * 1.05)
    assert work() == (0, ["3D 0", "3D 1", "mean 0", "mean 1"])
    assert "tiny: 3D, seed 0: the code computes other numbers now, to be run again" in capsys.readouterr().err


@pytest.mark.parametrize("how", ["in training", "while writing", "between"])
def test_a_stop_loses_the_run_in_progress_and_nothing_else(new, monkeypatch, capsys, how):
    with monkeypatch.context() as at:
        if how == "in training":  # fit itself returns then, with a model that is not trained
            fit, calls = runs.fit, []

            def stopped(*arguments, **options):
                calls.append(1)
                return fit(*arguments, **options) if len(calls) < 3 else History(0, stopped="interrupted")

            at.setattr(runs, "fit", stopped)
        else:
            replace = os.replace

            def move(source, target):
                if Path(target).name == "3d-0.json":
                    if how == "between":
                        replace(source, target)
                    raise KeyboardInterrupt
                replace(source, target)

            at.setattr(os, "replace", move)
        assert new() == (130, ["early <i> 0", "3D 0"])
    assert "the same command goes on" in capsys.readouterr().err
    assert not new.kept.exists()
    there = {path.name for path in new.folder.rglob("*.json")}
    assert there == {"early-i-0.json"} | ({"3d-0.json"} if how == "between" else set())
    assert new() == (0, ALL[2 if how == "between" else 1 :])
    assert not list(new.folder.rglob("*.part"))


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
def test_ctrl_c_stops_the_workers_too(tmp_path):
    command = [sys.executable, "-m", "vidlab.runner", "--only", "fovea", "--workers", "2"]
    command += ["--folder", str(tmp_path / "runs"), "--kept", str(tmp_path / "results.json")]
    program = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        mine = psutil.Process(program.pid)
        while len(workers := [child for child in mine.children() if "spawn_main" in " ".join(child.cmdline())]) < 2:
            assert time.monotonic() < deadline
            assert program.poll() is None
            time.sleep(0.05)
        time.sleep(0.5)
        program.send_signal(signal.SIGINT)
        said = program.communicate(timeout=20)[1]
    finally:
        program.kill()
    assert program.returncode == 130, said
    assert "stopped; what is finished is kept" in said
    assert "Traceback" not in said
    gone, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive
    assert not list(tmp_path.rglob("*.json"))


def test_two_workers_give_what_one_gives(done_once, tmp_path):
    short = dataclasses.replace(TINY, rows=TINY.rows[:2])
    assert runner.main(["--seeds", "1", "--workers", "2", *places(tmp_path)], [short]) == 0
    made = list(tmp_path.rglob("*-0.json"))
    assert len(made) == 2
    for path in made:
        same = done_once / path.relative_to(tmp_path)
        assert json.loads(path.read_text())["values"] == json.loads(same.read_text())["values"]


def test_fewer_seeds_do_not_replace_more(work, capsys):
    kept = work.kept.read_bytes()
    assert work(TINY, "--seeds", "1") == (0, [])
    assert work.kept.read_bytes() == kept
    assert "has more seeds than these" in capsys.readouterr().err
    assert work(TINY, "--seeds", "3")[1] == ["early <i> 2", "3D 2", "mean 2"]
    assert results.table("tiny", path=work.kept).seeds == [0, 1, 2]


def test_tables_of_others_stay_and_tuning_is_not_kept(work, capsys):
    kept = work.kept.read_bytes()
    assert work(TINY, "--split", "validation") == (0, ALL)
    assert "40 validation clips" in capsys.readouterr().out
    assert work.kept.read_bytes() == kept
    assert work(dataclasses.replace(TINY, name="other"), "--seeds", "1")[0] == 0
    assert results.names(work.kept) == ["tiny", "other"]
    assert results.read(work.kept)["tiny"] == json.loads(kept)["tiny"]


@pytest.mark.parametrize("wrong", [["--only", "directoin"], ["--seeds", "0"], ["--workers", "0"]])
def test_wrong_arguments_are_named(wrong, capsys):
    with pytest.raises(SystemExit) as stop:
        runner.main(wrong)
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert wrong[1] in said
    assert "Wanted:" in said


def test_an_average_is_of_probabilities(work):
    ensemble = runs.average(Run(TINY, ROWS["mean"], 1, folder=work.folder))
    clips = TINY.task.fresh(1, "test")[0]
    members = [
        runs.average(Run(TINY, Row("one", members=(name,)), 1, folder=work.folder)) for name in ROWS["mean"].members
    ]
    mean = sum(predict(member, clips) for member in members) / 2
    assert torch.allclose(predict(ensemble, clips), mean, atol=1e-6)
    assert (predict(members[0], clips) - predict(members[1], clips)).abs().max() > 1e-3


# The tasks ------------------------------------------------------------------------------------------------------------


class Says(torch.nn.Module):
    """Answers every clip with one class."""

    def __init__(self, answer, classes=4):
        super().__init__()
        self.answer, self.classes, self.seen = answer, classes, []

    def forward(self, clip):
        self.seen.append(clip)
        return torch.nn.functional.one_hot(torch.full((len(clip),), self.answer), self.classes).float()


def test_direction_counts_the_opposite_as_right_when_the_film_runs_backwards():
    task = tasks.Direction(tests=60)
    truth = task.fresh(3, "validation")[1]
    share = [(truth == k).float().mean().item() for k in range(4)]
    found = {name: each.value for name, each in task.measure(Says(1), 3, "validation").items()}
    wanted = {"direction": share[1], "axis": share[1] + share[3], "shuffled": share[1], "reversed": share[3]}
    assert found == pytest.approx(wanted)


def test_direction_shows_the_films_as_they_are_then_shuffled_then_backwards():
    task, model = tasks.Direction(tests=60), Says(0)
    task.measure(model, 0, "validation")
    clips, shuffled, backwards = model.seen
    assert torch.equal(backwards, clips.flip(1))
    assert not torch.equal(shuffled, clips)
    assert torch.equal(shuffled.sort(1).values, clips.sort(1).values)


@pytest.mark.parametrize(("seen", "frames"), [("first", [0]), ("last", [7]), ("all", list(range(8)))])
def test_shortcut_shows_one_frame(seen, frames):
    task, model = tasks.Shortcut(clips=8, tests=5, seen=seen), Says(0)
    learned, truth = task.training(0)
    clips, label = tasks.Name("motion", clips=8).training(0)
    assert torch.equal(learned, clips[:, frames])
    assert torch.equal(truth, label)
    assert list(task.measure(model, 0, "validation")) == ["first frame", "last frame", "all frames"]
    first, last, film = model.seen
    assert torch.equal(first, film[:, :1].expand_as(film))
    assert torch.equal(last, film[:, -1:].expand_as(film))
    assert not torch.equal(first, film)


def test_centred_puts_the_object_near_the_middle():
    task = tasks.Centred(clips=40, tests=40)
    for clips, label, there in [(*task.training(1), True), (*task.fresh(1, "train"), False)]:
        image = clips[:, 0].float()
        coloured = (image.amax(1) - image.amin(1)).flatten(1).topk(20).indices  # the object is the colourful part
        y, x = coloured.div(64, rounding_mode="floor").float().mean(1), (coloured % 64).float().mean(1)
        near = ((x - 32).abs() < 12) & ((y - 32).abs() < 12)
        assert near.all() == there
        assert torch.equal(label, tasks.Name("shape", world=task.world, clips=40).fresh(1, "train")[1][:40])


def test_onset_asks_for_each_moment_apart(monkeypatch):
    asked = []
    monkeypatch.setattr(
        tasks,
        "evaluate",
        lambda model, clips, truth: asked.append(clips) or SimpleNamespace(hit1=Estimate(0.5, 0.4, 0.6)),
    )
    task = tasks.Onset(tests=6)
    assert list(task.measure(Says(0), 0, "validation")) == [f"at {onset}" for onset in range(8)]
    for onset, clips in enumerate(asked):
        moving = clips.float().diff(dim=1).abs().amax((2, 3, 4)) > 75  # from appearing to disappearing
        assert [t for t in range(11) if moving[:, t].all()] == [t for t in range(onset - 1, onset + 5) if 0 <= t < 11]


def test_videos_are_cut_at_random_to_learn_and_evenly_to_ask():
    task, model = tasks.Videos(clips=3, tests=2), Says(0, 24)
    clips, labels = task.training(5)
    videos, of_video = task.videos(3, 5, "train")
    assert torch.equal(labels, of_video.repeat_interleave(4))
    assert clips.shape == (12, 8, 3, 32, 32)
    for clip, video in zip(clips, videos.repeat_interleave(4, 0), strict=True):
        assert any(torch.equal(clip, video[start : start + 8]) for start in range(25))
    task.measure(model, 5, "validation")
    shown = (255 * model.seen[0]).round().byte()
    asked = task.videos(2, 5, "validation")[0]
    assert torch.equal(shown, torch.cat([video.unfold(0, 8, 4).movedim(-1, 1) for video in asked]))


def test_videos_are_of_opposites_in_pairs():
    """What the ceiling of 1/2 rests on: played backwards, an event from these onsets is one of these onsets."""
    world = tasks.Videos().world
    first, last = world.onset
    assert (first, last) == tuple(sorted(world.frames - 1 - (onset + world.event) for onset in world.onset))


# What is kept ---------------------------------------------------------------------------------------------------------

LINES = [(each, row) for each in EXPERIMENTS for row in each.rows]


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda each: each.name)
def test_the_kept_table_is_of_these_recipes(experiment):
    kept = results.read()[experiment.name]
    again = f"make results RESULTS_ARGS='--only {experiment.name}'"
    assert list(kept["rows"]) == [row.name for row in experiment.rows], again
    assert kept["seeds"] == [0, 1, 2]
    assert kept["split"] == "test"
    for row in experiment.rows:
        line, task = kept["rows"][row.name], row.task or experiment.task
        assert line["fingerprint"] == runs.fingerprint(experiment, row), f"{row.name}: {again}"
        assert list(line["values"]) == kept["columns"] == list(task.columns)
        assert all(len(seeds) == 3 for seeds in line["values"].values())
    for name in ("title", "digits"):
        assert kept[name] == getattr(experiment, name), again
    assert kept["notes"] == list(experiment.notes), again


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda each: each.name)
def test_the_kept_numbers_are_of_this_code(experiment):
    kept = results.read()[experiment.name]["rows"]
    for row in experiment.rows:
        probe = runs.probe(experiment, row)
        mend = f"{experiment.name}: {row.name}. make results RESULTS_ARGS='--only {experiment.name}'"
        known = kept[row.name]["probe"]
        assert probe == pytest.approx(known, rel=1e-2), mend  # processors differ by 0.2 % after three steps


def test_what_is_declared_can_be_run():
    assert list(results.read()) == [each.name for each in EXPERIMENTS]
    files = [Run(each, row, 0).file for each, row in LINES]
    assert len(set(files)) == len(files)
    for experiment, row in LINES:
        names = [each.name for each in experiment.rows if not each.members]
        assert set(row.members) <= set(names)
        assert (row.model is None) == bool(row.members)


def test_3d_and_2_plus_1_d_have_as_many_weights():
    rows = results.table("matched").rows
    assert abs(rows["(2+1)D"].parameters / rows["3D"].parameters - 1) < 0.01


def test_the_kept_tables_say_what_the_lessons_say():
    direction, onset, clips = (results.table(name) for name in ("direction", "onset", "clips"))
    for name in ("histograms", "single frame", "late, average", "late, max", "late, attention"):
        assert direction[name].mean["direction"] <= 0.5
        assert direction[name].values["shuffled"] == direction[name].values["direction"]  # blind to order
    for name in ("early", "slow", "3D", "(2+1)D"):
        assert min(direction[name].spread[column][0] for column in ("direction", "reversed")) >= 0.97
        assert direction[name].spread["shuffled"][1] < 0.6
    assert onset["early"].spread["at 7"][1] <= 0.4
    assert min(low for low, _ in onset["3D"].spread.values()) >= 0.98
    for name, row in clips.rows.items():  # several clips of a video help whoever sees motion, and nobody else
        gain = row.mean["video Hit@1"] - row.mean["clip Hit@1"]
        blind = name in ("histograms", "single frame", "fovea and context", "fovea", "context")
        assert abs(gain) < 0.02 if blind else gain > 0.08, name


# What lessons show ----------------------------------------------------------------------------------------------------


def made(**changed):
    """A small table as the file keeps it."""
    line = {"fingerprint": "0", "probe": [], "steps": 30, "clips": 64, "parameters": 1234, "multiply_adds": 5_000_000}
    line |= {
        "cpu_seconds": [1.0, 2.0],
        "values": {"hit": [[0.5, 0.4, 0.62], [0.7, 0.6, 0.8]], "far": [[0.25, 0.2, 0.3]] * 2},
    }
    kept = {
        "title": "A <b>title</b> & more",
        "columns": ["hit", "far"],
        "digits": 1,
        "notes": ["x < y"],
        "split": "test",
    }
    kept |= {"seeds": [0, 1], "tests": 40, "tuned_on": "Nothing.", "made": "2030-01-02", "versions": ["torch 9"]}
    return kept | {"rows": {"early <i>": line, "late": line | {"steps": 0, "cpu_seconds": [0.0, 0.0]}}} | changed


@pytest.fixture
def file(tmp_path):
    (tmp_path / "results.json").write_text(json.dumps({"one": made()}))
    return tmp_path / "results.json"


def test_a_table_tells_its_numbers(file):
    table = results.table("one", path=file)
    row = table["early <i>"]
    assert row.values == {"hit": [0.5, 0.7], "far": [0.25, 0.25]}
    assert row.mean == pytest.approx({"hit": 0.6, "far": 0.25})
    assert row.spread == {"hit": (0.5, 0.7), "far": (0.25, 0.25)}
    assert row.estimates["hit"][1] == Estimate(0.7, 0.6, 0.8)
    assert (row.steps, row.clips, row.parameters, row.multiply_adds) == (30, 64, 1234, 5_000_000)
    assert row.cpu_seconds == [1.0, 2.0]
    assert table.seeds == [0, 1]
    assert table.columns == ("hit", "far")


def test_text_and_html_say_the_same_and_names_are_escaped(file):
    table = results.table("one", path=file)
    text, page = repr(table), table._repr_html_()
    lines = text.splitlines()
    assert lines[0] == "A <b>title</b> & more"
    assert re.split(r"\s{2,}", lines[2]) == ["model", "hit", "far", "weights", "multiply–adds", "steps", "CPU s"]
    wanted = ["early <i>", "60.0 (50.0–70.0)", "25.0", "1,234", "5.00 M", "30", "2"]
    assert re.split(r"\s{2,}", lines[3]) == wanted
    assert re.split(r"\s{2,}", lines[4])[-2:] == ["–", "–"]
    assert "A &lt;b&gt;title&lt;/b&gt; &amp; more" in page
    assert "<i>" not in page
    assert "x &lt; y" in page
    assert "seeds 0, 1" in text
    assert "11.0" in text  # half of the widest interval, 0.4 to 0.62
    for said in ("2030-01-02", "torch 9", "40 test clips", "60.0 (50.0–70.0)", "weights, batches and clips"):
        assert said in text
        assert said in page


def test_a_live_run_stands_beside_the_table(file):
    table = results.table("one", live={"late": Estimate(0.123, 0.1, 0.2), "early <i>": 0.5}, path=file)
    rows = [re.split(r"\s{2,}", line) for line in repr(table).splitlines()[2:5]]
    assert [row[1] for row in rows] == ["hit, your run", "50.0", "12.3"]
    some = results.table("one", live={"late": 0.5}, path=file)
    assert re.split(r"\s{2,}", repr(some).splitlines()[3])[1] == "–"
    with pytest.raises(DataError, match=r"one has no row 'lat'. Wanted: 'early <i>' or 'late'. Try: 'late'."):
        results.table("one", live={"lat": 0.5}, path=file)


def test_unknown_names_and_damaged_files_are_named(file):
    with pytest.raises(DataError, match="no table of results is called 'onee'. Wanted: 'one'. Try: 'one'."):
        results.table("onee", path=file)
    with pytest.raises(DataError, match="no row 'earl'"):
        results.table("one", path=file)["earl"]
    file.write_text("{")
    with pytest.raises(DataError, match="results.json is damaged .* Try: delete it; make results"):
        results.table("one", path=file)
    file.unlink()
    with pytest.raises(DataError, match="there is no results.json"):
        results.names(file)


def test_one_seed_is_called_one_seed(file):
    line = made()["rows"]["late"]
    one = line | {"values": {name: seeds[:1] for name, seeds in line["values"].items()}}
    file.write_text(json.dumps({"one": made(seeds=[0], rows={"late": one})}))
    said = repr(results.table("one", path=file))
    assert "seed 0 only" in said
    assert "mean" not in said
