"""For the unit tests: every shape in a signature is checked at run time, and torch computes on one thread."""

from jaxtyping import config, install_import_hook

install_import_hook("vidlab", "typecheck.checked")  # before anything imports vidlab

import pytest  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture
def as_learners_run_it():
    """Without the type checker of these tests, whose errors would come before vidlab's own."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A learner's home of one's own, where progress is kept."""
    from vidlab.checks import record

    monkeypatch.setenv("VIDLAB_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("VIDLAB_NO_PROGRESS", raising=False)
    monkeypatch.setattr(record, "_memory", {})
    return tmp_path / "home"
