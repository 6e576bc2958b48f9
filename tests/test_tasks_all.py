"""The capstone's five questions: the right labels, the same clips for all, and other worlds only where it says so."""

import pytest
import torch

from vidlab import experiments_all, tasks_all
from vidlab.errors import ShapeError
from vidlab.models import two_stream
from vidlab.tasks_all import Colour, Direction, Event, First, RedOne

KINDS = (Colour(), Direction(), Event(), First(), RedOne())


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where fields are kept, for this test alone."""
    monkeypatch.setenv("VIDLAB_CACHE", str(tmp_path))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)
def test_two_streams_see_the_same_clips_with_their_flow(kind):
    clips, labels = kind.seen(kind.world, 6, 0, "train")
    films, same = type(kind)(sees="films").seen(kind.world, 6, 0, "train")
    assert torch.equal(labels, same)
    assert films.shape[1] == clips.shape[1] - 1
    assert torch.equal(films[:, :, :3], clips[:, :-1])
    two_stream.expect_film(films.float() / 255, kind.world.frames - 1)


def test_the_red_one_is_the_one_that_is_asked_for():
    kind = RedOne()
    scenes = kind.world.sample(40, seed=3, split="test")
    _, where = kind.drawn(kind.world, 40, 3, "test")
    red = kind.world.colours.index("red")
    for k in range(40):
        actor = scenes.label["colour"][k].tolist().index(red)
        assert where[k] == scenes.label["motion"][k, actor]


def test_what_nobody_was_trained_for_is_another_world():
    assert Direction().asked["direction"] == Direction().world
    assert Direction().asked["camera moves"].camera == 0.5
    assert Direction().asked["noise"].noise == 0.1
    assert Event().asked["event"].onset == (0, 2)
    assert Event().asked["event, later"].onset == (5, 7)
    assert all(set(kind.columns) == set(kind.asked) for kind in KINDS)


def test_something_else_cannot_be_seen():
    with pytest.raises(ShapeError, match='"clips" or "films"'):
        Colour(sees="sounds")


def test_every_table_has_the_same_models():
    names = [[row.name for row in each.rows] for each in experiments_all.ALL]
    assert all(each == names[0] for each in names)
    assert tasks_all.First().classes == 2
