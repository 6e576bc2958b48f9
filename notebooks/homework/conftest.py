"""For pytest: an instructor's sources are tested by the examiner (tests/), not by nbval."""

collect_ignore_glob = ["*.ipynb"]
