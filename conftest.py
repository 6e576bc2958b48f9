"""For pytest, wherever it starts: how lessons are run again and how their saved outputs are compared."""

import os

# Kernels started by nbval inherit these; one thread each, because several run at once.
os.environ["VIDLAB_NO_PROGRESS"] = "1"  # tests are nobody's progress
os.environ["TQDM_DISABLE"] = "1"  # as in `make course`: a progress bar never looks the same twice
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")

# Of a figure the repository keeps the picture and its description, not the live page; and the bytes of a picture depend
# on the versions of the libraries that drew it. What is compared is the text.
NOT_COMPARED = ("text/html", "image/png", "application/vnd.jupyter.widget-view+json", "application/javascript")


def pytest_configure(config):
    """Lessons run in this environment's Python, whatever kernel their metadata names."""
    if getattr(config.option, "nbval", False) and not config.option.nbval_kernel_name:
        config.option.nbval_current_env = True


def pytest_collectstart(collector):
    if getattr(collector, "skip_compare", None):  # nbval's collector of a notebook
        collector.skip_compare += NOT_COMPARED
