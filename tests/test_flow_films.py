"""Flow as the input of a network: what is computed, what is kept and for how long, and how it is stored in a film."""

import os
import subprocess
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from of_models import close, refused

from vidlab import checkpoints, flow, worlds
from vidlab.flow import films
from vidlab.worlds import World

QUICK = {"radius": 3, "warps": 1}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where fields are kept, for this test alone."""
    monkeypatch.setenv("VIDLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "flow"


@pytest.fixture
def asked(monkeypatch):
    """How many pairs of frames each call of an estimator was given."""
    calls = []

    def counted(estimate):
        def call(first, second, **settings):
            calls.append(len(first))
            return estimate(first, second, **settings)

        return call

    for name, estimate in list(films.METHODS.items()):
        monkeypatch.setitem(films.METHODS, name, counted(estimate))
    return calls


def shown(n=2, frames=3, seed=0, size=16):
    return World(frames=frames, size=size).sample(n, seed=seed).clip


@contextmanager
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def some_flow(*shape, seed=0):
    return 6 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# What is computed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "settings"),
    [("lucas_kanade", QUICK), ("horn_schunck", {"warps": (1, 1), "robust": True}), ("horn_schunck_1981", {})],
)
def test_each_field_is_the_estimators_from_one_frame_to_the_next(method, settings, monkeypatch):
    monkeypatch.setattr(films, "CHUNK", 2)  # and none is lost between the parts
    clips = shown(n=5)
    found, floats = flow.fields(clips, method, cache=False, **settings), clips.float() / 255
    assert found.dtype == torch.float32
    assert found.shape == (5, 2, 2, 16, 16)
    for i in range(5):
        for moment in range(2):
            first, second = floats[i, moment][None], floats[i, moment + 1][None]
            exact = getattr(flow, method)(first, second, **settings)[0]
            assert ((found[i, moment] - exact).abs() <= exact.abs() / 1000 + 1e-4).all()
    assert found.abs().mean() > 0.02


def test_a_field_says_where_things_go():
    clip = worlds.moving_texture(worlds.translation(0.75, -0.5, frames=3), size=48).clip
    u, v = flow.fields(clip, cache=False)[..., 8:-8, 8:-8].mean((0, 1, 3, 4)).tolist()
    assert (u, v) == pytest.approx((0.75, -0.5), abs=0.05)


def test_bytes_and_floats_give_the_same_and_no_gradient_goes_back(folder):
    clips = shown()
    floats = (clips.float() / 255).requires_grad_()
    for _ in range(2):  # computed, and then from the disk
        found = flow.fields(floats, **QUICK)
        assert not found.requires_grad
        assert torch.equal(found, flow.fields(clips, cache=False, **QUICK))
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        assert flow.fields(floats.detach().to(dtype), **QUICK).dtype == torch.float32


# What is kept ---------------------------------------------------------------------------------------------------------


def test_the_same_clips_are_not_computed_again(folder, asked):
    clips = shown()
    first = flow.fields(clips, **QUICK)
    kept = list(folder.iterdir())
    assert len(kept) == 1
    others = {
        "again": clips,
        "a copy": clips.clone(),
        "channels last": clips.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3),
        "every second frame of a longer one": torch.stack([clips, 255 - clips], dim=2).flatten(1, 2)[:, ::2],
    }
    with quiet():
        for name, same in others.items():
            assert torch.equal(flow.fields(same, **QUICK), first), name
        assert torch.equal(flow.fields(clips, warps=1, radius=3), first)  # named in another order
    assert asked == [4]
    assert list(folder.iterdir()) == kept


def test_all_that_decides_a_field_decides_its_file(folder, asked, monkeypatch):
    clips = shown(n=2, frames=3)
    one_pixel = clips.clone()
    one_pixel[1, 2, 0, 5, 7] ^= 1
    flow.fields(clips, **QUICK)
    calls = {
        "one pixel": lambda: flow.fields(one_pixel, **QUICK),
        "one setting": lambda: flow.fields(clips, radius=4, warps=1),
        "a setting more": lambda: flow.fields(clips, window="box", **QUICK),
        "no setting": lambda: flow.fields(clips),
        "a method": lambda: flow.fields(clips, "horn_schunck"),
        "another": lambda: flow.fields(clips, "horn_schunck_1981"),
        "a dtype": lambda: flow.fields(clips.float() / 255, **QUICK),
        "the order": lambda: flow.fields(clips.flip(0), **QUICK),
        "how many": lambda: flow.fields(clips[:1], **QUICK),
        "the axes": lambda: flow.fields(clips.transpose(-1, -2), **QUICK),
        "the shape": lambda: flow.fields(clips.reshape(2, 3, 3, 8, 32), **QUICK),
    }
    for n, (name, call) in enumerate(calls.items(), start=1):
        call()
        assert len(asked) == len(list(folder.iterdir())) == n + 1, name
    monkeypatch.setattr(films, "code", lambda: "of tomorrow")
    flow.fields(clips, **QUICK)
    assert len(asked) == len(list(folder.iterdir())) == n + 2, "the code"


def test_the_code_counts_every_file_that_computes_flow(tmp_path, monkeypatch):
    package = Path(films.__file__).parent
    for file in package.glob("*.py"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(films, "__file__", str(tmp_path / "films.py"))
    hashes = {films.code.__wrapped__()}
    for file in sorted(tmp_path.glob("*.py")):
        file.write_bytes(file.read_bytes() + b"#")
        hashes.add(films.code.__wrapped__())
    assert len(hashes) == 1 + len(list(package.glob("*.py"))) > 10
    assert films.code() is films.code()  # read once


def test_without_a_cache_nothing_is_written_and_nothing_is_read(folder, asked):
    clips = shown()
    flow.fields(clips, cache=False, **QUICK)
    assert not folder.exists()
    flow.fields(clips, **QUICK)
    flow.fields(clips, cache=False, **QUICK)
    assert len(asked) == 3


def test_the_folder_is_looked_up_at_every_call(folder, asked, tmp_path, monkeypatch):
    clips = shown()
    flow.fields(clips, **QUICK)
    monkeypatch.setenv("VIDLAB_CACHE", str(tmp_path / "elsewhere"))
    flow.fields(clips, **QUICK)
    assert len(asked) == 2
    assert [file.name for file in folder.iterdir()] == os.listdir(tmp_path / "elsewhere" / "flow")


# What goes wrong ------------------------------------------------------------------------------------------------------


class Mischief:
    """What would make a folder, if anyone unpickled it."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def damages(whole: bytes):
    yield from (whole[: len(whole) * k // 8] for k in range(8))  # cut off
    yield whole[:-1]
    yield whole[:2000] + bytes(b ^ 255 for b in whole[2000:2100]) + whole[2100:]  # a hundred bytes of the numbers
    yield b"no checkpoint at all"


def test_a_damaged_file_is_computed_again_with_a_warning_and_mended(folder, asked):
    clips = shown()
    right = flow.fields(clips, **QUICK)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    for n, damage in enumerate(damages(whole), start=2):
        assert damage != whole
        file.write_bytes(damage)
        with pytest.warns(UserWarning, match="flow is computed again") as caught:
            assert torch.equal(flow.fields(clips, **QUICK), right)
        assert str(file) in str(caught[0].message)
        assert len(caught) == 1
        assert len(asked) == n
        with quiet():
            assert torch.equal(flow.fields(clips, **QUICK), right)
        assert len(asked) == n
        assert list(folder.iterdir()) == [file]


def test_nothing_of_a_file_is_executed(folder, asked, tmp_path):
    clips = shown()
    right = flow.fields(clips, **QUICK)
    (file,) = folder.iterdir()
    kept = torch.load(file, weights_only=True)
    for state in ({**kept, "flow": Mischief(tmp_path / "trace")}, {**kept, "more": Mischief(tmp_path / "trace")}):
        torch.save(state, file)
        with pytest.warns(UserWarning, match="UnpicklingError"):
            assert torch.equal(flow.fields(clips, **QUICK), right)
    assert not (tmp_path / "trace").exists()
    torch.load(file, weights_only=True)
    torch.save(Mischief(tmp_path / "trace"), file)
    torch.load(file, weights_only=False)
    assert (tmp_path / "trace").exists(), "the mischief is real"


def test_a_file_of_other_clips_or_without_flow_is_not_believed(folder, asked):
    clips, other = shown(), shown(seed=1)
    right = flow.fields(clips, **QUICK)
    (file,) = folder.iterdir()
    flow.fields(other, **QUICK)
    (stranger,) = set(folder.iterdir()) - {file}
    made_by = torch.load(file, weights_only=True)["settings"]
    for put in (lambda: file.write_bytes(stranger.read_bytes()), lambda: checkpoints.save(file, {"settings": made_by})):
        put()
        with pytest.warns(UserWarning, match="flow is computed again"):
            assert torch.equal(flow.fields(clips, **QUICK), right)


def a_file_for_a_folder(folder, monkeypatch):
    folder.parent.mkdir(parents=True)
    folder.write_text("")


def a_file_for_the_cache(folder, monkeypatch):
    folder.parent.write_text("")


def a_full_disk(folder, monkeypatch):
    def full(path, state):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "save", full)


def no_way_in(folder, monkeypatch):
    """As where one may not even look: not by a mode of the folder, which would not stop an administrator."""

    def closed(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", closed)
    monkeypatch.setattr(checkpoints, "save", lambda path, state: closed(path))


@pytest.mark.filterwarnings("ignore:flow is computed again")
@pytest.mark.parametrize("trouble", [a_file_for_a_folder, a_file_for_the_cache, a_full_disk, no_way_in])
def test_where_nothing_can_be_kept_there_is_an_answer_and_a_warning(trouble, folder, asked, monkeypatch):
    clips = shown()
    right = flow.fields(clips, cache=False, **QUICK)
    trouble(folder, monkeypatch)
    for _ in range(2):
        with pytest.warns(UserWarning, match="flow could not be kept .*it will be computed again next time"):
            assert torch.equal(flow.fields(clips, **QUICK), right)
    assert len(asked) == 3


def test_where_one_may_only_read_kept_fields_are_read(folder, asked, monkeypatch):
    clips = shown()
    right = flow.fields(clips, **QUICK)

    def denied(*_, **__):
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(os, "utime", denied)
    with quiet():
        assert torch.equal(flow.fields(clips, **QUICK), right)
    assert len(asked) == 1


# When there is too much -----------------------------------------------------------------------------------------------


def fill(folder, seeds):
    """Fields of one clip for each seed, the first the longest unused: seed -> file."""
    made = {}
    for seed in seeds:
        flow.fields(shown(n=1, seed=seed), **QUICK)
        (made[seed],) = set(folder.iterdir()) - set(made.values())
    for age, file in enumerate(reversed(made.values()), start=1):
        os.utime(file, (1e9 - 100 * age,) * 2)
    return made


def test_the_least_lately_used_go_first(folder, asked, monkeypatch):
    made = fill(folder, range(4))
    size = max(file.stat().st_size for file in made.values())
    monkeypatch.setattr(films, "LIMIT", 3 * size)
    flow.fields(shown(n=1, seed=0), **QUICK)  # the oldest, but used just now
    flow.fields(shown(n=1, seed=9), **QUICK)
    left = set(folder.iterdir())
    assert {seed for seed, file in made.items() if file in left} == {0, 3}
    assert len(left) == 3
    asked.clear()
    flow.fields(shown(n=1, seed=3), **QUICK)
    flow.fields(shown(n=1, seed=9), **QUICK)
    assert asked == []


def test_what_was_just_computed_stays_however_large_it_is(folder, monkeypatch):
    made = fill(folder, range(2))
    monkeypatch.setattr(films, "LIMIT", 10)
    flow.fields(shown(n=1, seed=7), **QUICK)
    (left,) = folder.iterdir()
    assert left not in made.values()


def test_what_a_broken_off_run_left_behind_goes_too(folder, monkeypatch):
    fill(folder, [0])
    left_behind = folder / "0123.pt.part"
    left_behind.write_bytes(bytes(10**5))
    os.utime(left_behind, (1e8, 1e8))
    flow.fields(shown(n=1, seed=1), **QUICK)
    assert left_behind.exists()  # there is room
    monkeypatch.setattr(films, "LIMIT", 5 * 10**4)
    flow.fields(shown(n=1, seed=2), **QUICK)
    assert not left_behind.exists()
    assert len(list(folder.iterdir())) == 3


# Two at once ----------------------------------------------------------------------------------------------------------


def test_another_may_write_the_same_in_the_middle_of_writing(folder, asked, monkeypatch):
    """Where one process has written half, a second one writes all of it, renames its file and reads it."""
    clips, sync, read = shown(), os.fsync, []

    def meanwhile(file):
        monkeypatch.setattr(os, "fsync", sync)
        read.extend(flow.fields(clips, **QUICK) for _ in range(2))
        sync(file)

    monkeypatch.setattr(os, "fsync", meanwhile)
    with quiet():
        mine = flow.fields(clips, **QUICK)
        assert len(asked) == 2  # both computed it, and the third call found it
        assert all(torch.equal(mine, each) for each in [*read, flow.fields(clips, **QUICK)])
    assert len(asked) == 2
    assert len(list(folder.iterdir())) == 1


def test_another_may_be_faster_at_throwing_away(folder, asked, monkeypatch):
    made, unlink = fill(folder, range(3)), Path.unlink

    def too_late(path):
        unlink(path)  # by the other one
        unlink(path)

    monkeypatch.setattr(films, "LIMIT", 10)
    monkeypatch.setattr(Path, "unlink", too_late)
    clips = shown(n=1, seed=8)
    with quiet():
        assert torch.equal(flow.fields(clips, **QUICK), flow.fields(clips, **QUICK))
    assert len(asked) == 4
    assert not set(made.values()) <= set(folder.iterdir())


def test_another_may_throw_it_away_in_the_middle_of_reading(folder, asked, monkeypatch):
    clips, load = shown(), checkpoints.load
    right = flow.fields(clips, **QUICK)

    def too_late(path, settings):
        path.unlink()
        return load(path, settings)

    monkeypatch.setattr(checkpoints, "load", too_late)
    with quiet():
        assert torch.equal(flow.fields(clips, **QUICK), right)
    assert len(asked) == 2
    assert len(list(folder.iterdir())) == 1


TWO_AT_ONCE = """
import sys, time, torch
from vidlab import flow
torch.set_num_threads(1)
draw = torch.Generator().manual_seed(0)
print("ready", flush=True)
sys.stdin.readline()
total = 0.0
for _ in range(40):
    clips = torch.rand(1, 2, 3, 24, 24, generator=draw)
    total += float(flow.fields(clips, radius=2, warps=1).double().abs().sum())
print(total)
"""


def test_two_processes_neither_disturb_nor_warn_each_other(folder):
    """They compute, read and write the same files, warnings being errors."""
    command = [sys.executable, "-W", "error::UserWarning", "-c", TWO_AT_ONCE]
    how = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, cwd=Path(__file__).parents[1], **how) for _ in range(2)]
    for each in both:
        assert each.stdout.readline() == "ready\n"
    said = []
    for each in both:
        each.stdin.write("\n")
        each.stdin.flush()
    for each in both:
        out, error = each.communicate(timeout=250)
        assert each.returncode == 0, error
        said.append(float(out))
    assert said[0] == said[1] > 0
    assert len(list(folder.iterdir())) == 40  # and nothing unfinished


# Freed of the camera --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["mean", "median"])
def test_what_all_pixels_share_makes_no_difference(how):
    still, camera = some_flow(2, 3, 2, 9, 11), some_flow(2, 3, 2, 1, 1, seed=1)
    freed = flow.less_camera(still + camera, how)
    close(freed, flow.less_camera(still, how), rtol=1e-4, atol=1e-4)
    shared = {"mean": freed.mean((-2, -1)), "median": freed.flatten(-2).median(-1).values}[how]
    close(shared, torch.zeros(2, 3, 2), atol=1e-5)
    close(freed.diff(dim=-1), still.diff(dim=-1), rtol=1e-4, atol=1e-4)  # nothing else was taken away
    for moment in range(3):  # each field for itself
        close(flow.less_camera(still[:, moment : moment + 1], how)[:, 0], flow.less_camera(still, how)[:, moment])


def test_the_median_leaves_what_moves_alone_and_the_mean_takes_a_part_of_it():
    scenes = World(frames=4, camera=1.0).sample(6, seed=2)
    mask, flows = scenes.mask[:, :-1].expand(-1, -1, 2, -1, -1), scenes.flow
    assert mask.float().mean((2, 3, 4)).max() < 0.5
    own = scenes.actors.velocity()[:, 0, :, None, None]  # without the camera
    median, mean = flow.less_camera(flows, "median"), flow.less_camera(flows, "mean")
    assert median[~mask].abs().max() < 1e-6
    for i in range(6):
        close(median[i] * mask[i], own[i] * mask[i], atol=1e-5)
        share = mask[i, 0, 0].float().mean()
        left = mean[i, 0] * mask[i, 0]
        close(left.sum((1, 2)) / mask[i, 0, 0].sum(), (1 - share) * own[i, :, 0, 0], rtol=1e-3, atol=1e-5)


def test_none_leaves_all_as_it_is():
    given = some_flow(1, 2, 2, 4, 4)
    assert flow.less_camera(given, "none") is given
    assert torch.equal(flow.less_camera(given), flow.less_camera(given, "mean"))


# Stored like a picture ------------------------------------------------------------------------------------------------


def test_flow_becomes_a_byte():
    given = torch.tensor([-9.0, -4.0, -2.0, 0.0, 2.0, 4.0, 9.0]).expand(1, 1, 2, 1, 7)
    assert flow.as_picture(given)[0, 0, 1, 0].tolist() == [0, 0, 64, 128, 191, 255, 255]
    assert flow.as_picture(given, reach=9.0)[0, 0, 0, 0].tolist() == [0, 71, 99, 128, 156, 184, 255]


@pytest.mark.parametrize("reach", [0.5, 4.0, 20.0])
def test_a_byte_is_worth_half_a_step_of_error(reach):
    given = reach * torch.linspace(-1, 1, 5001).expand(1, 1, 2, 1, -1)
    stored = flow.as_picture(given, reach)
    back = (stored.float() / 255 - 0.5) * 2 * reach
    assert (back - given).abs().max() <= reach / 255 * 1.001
    assert (back - given).mean().abs() < reach / 2000  # in the mean none
    assert set(stored.unique().tolist()) == set(range(256))


def test_a_film_is_the_picture_of_a_moment_and_where_it_goes_from_there():
    clips = shown(n=3, frames=5)
    fields = some_flow(3, 4, 2, 16, 16)
    film = flow.film(clips, fields)
    assert film.dtype == torch.uint8
    assert film.shape == (3, 4, 5, 16, 16)
    for moment in range(4):
        assert torch.equal(film[:, moment, :3], clips[:, moment])
        assert torch.equal(film[:, moment, 3:], flow.as_picture(fields[:, moment : moment + 1])[:, 0])
    assert torch.equal(flow.film(clips, fields, reach=8.0)[:, :, 3:], flow.as_picture(fields, 8.0))
    u_moves = flow.film(clips, torch.tensor([2.0, 0.0])[:, None, None].expand(3, 4, 2, 16, 16))
    assert u_moves[0, 0, 3:, 0, 0].tolist() == [191, 128]


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("as_learners_run_it")
def test_what_has_no_flow(folder):
    clips = shown()
    refused(lambda: flow.fields(clips[0]), "(3, 3, 16, 16)", "n t c h w", "clips[None]")
    refused(lambda: flow.fields(clips[:, :1]), "(2, 1, 3, 16, 16)", "two frames")
    refused(lambda: flow.fields(clips[:0]), "(0, 3, 3, 16, 16)")
    refused(lambda: flow.fields(clips.movedim(2, -1)), "(2, 3, 16, 16, 3)", "... h w c -> ... c h w")
    refused(lambda: flow.fields(clips.float()), "[0, 1]", "/ 255")
    refused(lambda: flow.fields(clips.tolist()), "a list", "tensor")
    for call in (
        lambda: flow.fields(clips, "farneback"),
        lambda: flow.fields(clips, method="Lucas_Kanade"),
    ):
        with pytest.raises(ValueError, match="Wanted: one of 'lucas_kanade', 'horn_schunck', 'horn_schunck_1981'"):
            call()
    with pytest.raises(ValueError, match="radius = 0"):
        flow.fields(clips, radius=0)
    assert not folder.exists()


@pytest.mark.usefixtures("as_learners_run_it")
@pytest.mark.parametrize("use", [flow.less_camera, flow.as_picture, lambda fields: flow.film(shown(), fields)])
def test_what_is_no_flow(use):
    fields = some_flow(2, 2, 2, 16, 16)
    refused(lambda: use(fields[0]), "(2, 2, 16, 16)", "n l 2 h w", "flow[None]")
    refused(lambda: use(fields.movedim(2, -1)), "(2, 2, 16, 16, 2)", "n l 2 h w")
    refused(lambda: use(fields.byte()), "torch.uint8", "pixels per frame")
    refused(lambda: use([1.0, 2.0]), "[1.0, 2.0]", "n l 2 h w")


@pytest.mark.usefixtures("as_learners_run_it")
def test_what_makes_no_film():
    clips, fields = shown(), some_flow(2, 2, 2, 16, 16)
    refused(lambda: flow.film(clips.float() / 255, fields), "torch.float32", "uint8", "(255 * clips).round().byte()")
    refused(lambda: flow.film(clips[0], fields), "(3, 3, 16, 16)", "n t 3 h w", "clips[None]")
    refused(lambda: flow.film(clips[:, :, :1], fields), "(2, 3, 1, 16, 16)", "n t 3 h w", "expand")
    for other in (fields[:1], fields[:, :1], fields[..., :8], some_flow(2, 3, 2, 16, 16)):
        refused(lambda other=other: flow.film(clips, other), str(tuple(other.shape)), "(2, 2, 2, 16, 16)", "one field")
    for reach in (0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="above 0"):
            flow.as_picture(fields, reach)
    with pytest.raises(ValueError, match="how = 'most'"):
        flow.less_camera(fields, "most")
