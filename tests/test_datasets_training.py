"""From a folder to a trained model: in a notebook, by one command, in two processes; and the leak, shown."""

import json
import os
import re
import socket
import subprocess
import sys
import time

import pytest
import torch
from of_datasets import film

from vidlab import DataError, VidlabError, cli, datasets, models, training
from vidlab.datasets import videos, zoo

STILL, FAST = 0, 7  # pixels a frame: the two classes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes, motion and none, of ten sources each: a source has its own ground, by which it can be known."""
    root = tmp_path_factory.mktemp("folder")
    for source in range(10):
        for label, moving in (("still", STILL), ("fast", FAST)):
            for take in range(2):
                film(
                    root / label / f"film{source}_{take}.mp4",
                    seed=source,
                    moving=moving,
                    frames=9 + take,
                    size=(32, 32),
                )
    return root


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def opened(folder, place, **how):
    return datasets.open(folder, folder=place, source=r"film\d+", workers=2, progress=False, **{"size": 32} | how)


def test_one_cell(folder, cache):
    found = datasets.open(folder, frames=8, size=32, source=r"film\d+", progress=False)
    train, test = found.split()
    model = models.SlowFusion(len(found.classes))
    history = training.fit(model, *train, steps=60, device="cpu", progress=False)
    report = training.evaluate(model, *test)
    assert history.stopped == "steps"
    assert train.clips.dtype == torch.uint8
    assert report.hit1.value > 0.8
    assert not set(train.rows.sources) & set(test.rows.sources)
    assert "40 videos, 2 classes, 10 sources" in repr(found)
    assert "each 1 clip of 8 frames of 32×32" in repr(test)
    assert [place.name for place in (cache / "videos").iterdir()][0].startswith("folder")
    assert (
        datasets.open(folder, frames=8, size=32, source=r"film\d+", progress=False).store.folder == found.store.folder
    )


def test_several_clips_of_a_video_are_averaged(folder, tmp_path):
    found = opened(folder, tmp_path, frames=3, clips_per_video=4)
    train, test = found.split(test=0.3)
    clips, labels = train
    assert clips.shape == (len(train.rows) * 4, 3, 3, 32, 32)
    assert labels.tolist() == train.rows.labels.repeat_interleave(4).tolist()
    asked, truth = test
    assert asked.shape == (len(test.rows), 4, 3, 3, 32, 32)
    assert truth.tolist() == test.rows.labels.tolist()
    report = training.evaluate(models.Conv3DNet(2), asked, truth)
    assert report.clips == 4
    assert len(report.probabilities) == len(test.rows)


def test_clips_belong_to_their_rows_however_they_are_divided(folder, tmp_path, monkeypatch):
    found = opened(folder, tmp_path / "s")
    whole = found.store.tensor()
    train, test = found.split("random")
    for part in (train, test):
        assert all(torch.equal(part.videos[i], whole[found.store.slot(row)]) for i, row in enumerate(part.rows))
    front = found.part(found.rows[:7])
    assert front.videos.untyped_storage().nbytes() == whole.untyped_storage().nbytes()  # a view: nothing was read
    monkeypatch.setattr(videos, "SHARE", 0.0)  # no memory: it goes to disk
    on_disk = found.part(train.rows)
    assert torch.equal(on_disk.videos, train.videos)
    assert not list((tmp_path / "s").glob("part-*")) or os.name != "posix"
    with pytest.raises(DataError, match="1 not in the store"):
        found.part(datasets.Rows([datasets.Row(folder / "x.mp4", "fast", "x")], found.classes))
    with pytest.raises(DataError, match="source, official or random"):
        found.split("by film")


def test_what_cannot_be_used_is_left_out_and_told(folder, tmp_path):
    for name in ("fast", "still"):
        (tmp_path / "v" / name).mkdir(parents=True)
        for path in sorted((folder / name).iterdir())[:4]:
            os.link(path, tmp_path / "v" / name / path.name)
    (tmp_path / "v" / "fast" / "film9_0.mp4").write_bytes(b"nonsense")
    found = opened(tmp_path / "v", tmp_path / "s")
    assert len(found.rows) == 8
    assert list(found.skipped) == ["film9_0.mp4"]
    assert "film9_0.mp4: film9_0.mp4 is no video" in repr(found)
    assert found.counts()["skipped"] == {"fast": 1, "still": 0}
    with pytest.raises(DataError, match="none of 1 videos can be used"):
        opened(datasets.Rows([found.listed[4]]), tmp_path / "t")


def test_the_leak_shown(tmp_path):
    """Each source has its own ground, and its label says nothing that could be seen elsewhere: two takes of one source
    are told by heart, and of a new source nothing can be known.
    """
    for source in range(24):
        for take in range(3):
            film(
                tmp_path / "v" / "ab"[source % 2] / f"film{source}_{take}.mp4",
                seed=source,
                size=(32, 32),
                moving=take,
                frames=4,
            )
    found = opened(tmp_path / "v", tmp_path / "s", frames=2)
    accuracy = {}
    for how in ("random", "source"):
        train, test = found.split(how, test=0.33)
        torch.manual_seed(0)
        model = models.Conv3DNet(2, extent=1, widths=(16, 32, 32))
        training.fit(model, *train, steps=150, batch=16, lr=0.01, device="cpu", progress=False)
        accuracy[how] = training.evaluate(model, *test).hit1.value
        assert bool(found.leaks(train, test).sources) == (how == "random")
    assert accuracy["random"] > 0.85
    assert accuracy["source"] < accuracy["random"] - 0.25


# --- models by name ------------------------------------------------------------------------------------------------


def test_models_by_name():
    known = zoo.names()
    assert known["slow_fusion"] is models.SlowFusion
    assert {"single_frame", "conv3d_net", "early_fusion", "video_vit", "non_local_net"} <= set(known)
    with pytest.raises(VidlabError, match=r"no model is called 'slowfusion'.*slow_fusion"):
        zoo.build("slowfusion", 3, frames=8, size=32)
    with pytest.raises(VidlabError, match=r"slow_fusion does not take 12 frames of 32×32.*Try: --frames 8"):
        zoo.build("slow_fusion", 3, frames=12, size=32)


def test_a_model_takes_its_clips_or_says_why_not():
    """Each model of the course is built, or refused in one sentence that names it."""
    fitting, refused = [], {}
    for name in zoo.names():
        try:
            model = zoo.build(name, 3, frames=8, size=32)
        except VidlabError as error:
            refused[name] = str(error)
        else:
            fitting.append(name)
            assert model(torch.rand(1, 8, 3, 32, 32)).shape == (1, 3)
    assert len(fitting) >= 12
    for name, said in refused.items():
        assert said.startswith(f"{name} does not take 8 frames of 32×32 pixels")


# --- the command ---------------------------------------------------------------------------------------------------


def command(folder, tmp_path, *more, out="out"):
    how = [
        "--size",
        "32",
        "--steps",
        "40",
        "--source",
        r"film\d+",
        "--store",
        tmp_path / "store",
        "--out",
        tmp_path / out,
    ]
    return list(map(str, ["train", folder, *how, *more]))


def test_the_command(folder, tmp_path, capsys):
    assert cli.main(command(folder, tmp_path)) == 0
    said = capsys.readouterr().out
    assert "40 videos, 2 classes, 10 sources" in said
    assert re.search(r"fast +16 +4\n", said)
    assert "8 to learn from, 2 to be asked about" in said
    assert re.search(r"slow_fusion: \d+ weights, 40 steps of 32 clips on", said)
    assert re.search(r"\nfast +\d +4  \d+\.\d % \(", said)
    assert re.search(r"\nall +\d +8  \d+\.\d % \(", said)
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["train"] == {"videos": 32, "sources": 8}
    assert result["scores"]["classes"]["fast"]["videos"] == 4
    assert len(result["losses"]) == 40
    model, classes = datasets.load(tmp_path / "out")
    assert classes == ["fast", "still"]
    found = opened(folder, tmp_path / "store")
    _, test = found.split()
    assert training.evaluate(model, *test).hit1.value == result["scores"]["all"]["accuracy"]
    with pytest.raises(DataError, match="there is no"):
        datasets.load(tmp_path)
    row = test.rows[0]
    shares = datasets.classify(tmp_path / "out", row.path)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    known = training.evaluate(model, *test).probabilities[0]
    assert [shares[name] for name in classes] == pytest.approx(known.tolist(), abs=1e-5)
    with pytest.raises(VidlabError, match="no video"):
        datasets.classify(tmp_path / "out", tmp_path / "out" / "result.json")


def test_the_command_goes_on_and_does_not_begin_anew(folder, tmp_path, capsys):
    assert cli.main(command(folder, tmp_path)) == 0
    first = json.loads((tmp_path / "out" / "result.json").read_text())
    capsys.readouterr()
    assert cli.main(command(folder, tmp_path)) == 0  # nothing is left to do
    again = json.loads((tmp_path / "out" / "result.json").read_text())
    assert (again["losses"], again["seconds"]) == (first["losses"], first["seconds"])
    assert cli.main(command(folder, tmp_path, "--seed", "1")) == 1
    assert "belongs to a run with" in capsys.readouterr().err


def test_the_command_after_a_kill(folder, tmp_path, capsys):
    """Killed while it trains, the same command ends with the weights of an undisturbed run."""
    assert cli.main(command(folder, tmp_path, "--steps", "150", out="one")) == 0
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    program = (
        "import torch; torch.set_num_threads(1); from vidlab import training, cli; training.SAVE_EVERY = 0.1;"
        "import sys; sys.exit(cli.main(sys.argv[1:]))"
    )
    words = command(folder, tmp_path, "--steps", "150", out="other")
    running = subprocess.Popen([sys.executable, "-c", program, *words], env=env, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (tmp_path / "other" / "checkpoint.pt").exists():
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    running.kill()
    running.wait()
    assert not (tmp_path / "other" / "result.json").exists()
    assert cli.main(words) == 0
    one, other = (json.loads((tmp_path / name / "result.json").read_text()) for name in ("one", "other"))
    assert one["losses"] == other["losses"]
    first, second = (datasets.load(tmp_path / name)[0].state_dict() for name in ("one", "other"))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--model", "nothing"], "no model is called 'nothing'"),
        (["--frames", "12"], "slow_fusion does not take 12 frames"),
        (["--test", "1.5"], "a share between 0 and 1"),
        (["--split", "official"], "the listing names no split"),
        (["--lr", "0"], "--lr 0.0"),
        (["--lists", "ucf101"], "without its files"),
        (["--source", "(film|x)"], "one source only"),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence_before_anything_is_cut(folder, tmp_path, capsys, more, says):
    assert cli.main(command(folder, tmp_path, *more)) == 1
    said = capsys.readouterr()
    assert says in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "store").exists()


def test_help_is_quick():
    """It lists the command, and imports no torch."""
    program = (
        "import sys; from vidlab import cli\n"
        "try: cli.main(sys.argv[1:])\n"
        "except SystemExit: print('torch' in sys.modules)"
    )
    for words in (["--help"], ["train", "--help"]):
        said = subprocess.run(
            [sys.executable, "-c", program, *words], capture_output=True, text=True, check=True
        ).stdout
        assert said.strip().endswith("False")
        assert "train" in said


def test_two_processes_train_one_model(folder, tmp_path, capsys):
    """By torchrun: the first process alone cuts and prints, and both train."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(port)]
    env = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    words = command(folder, tmp_path, "--model", "single_frame", "--steps", "20")
    said = subprocess.run([*start, "-m", "vidlab.cli", *words], capture_output=True, text=True, env=env, timeout=200)
    assert said.returncode == 0, said.stderr[-2000:]
    assert said.stdout.count("40 videos, 2 classes") == 1
    assert said.stdout.count("all: as if 2 trials") == 1
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["processes"] == 2
    assert len(result["losses"]) == 20
    crcs = (tmp_path / "store" / "journal.jsonl").read_bytes().count(b'"crc"')
    assert crcs == 40  # each video was cut once
