"""Your own videos: list them, divide them honestly, cut them into tensors once, and train any model on them.

    from vidlab import datasets, models, training

    videos = datasets.open("folder", frames=8, size=64)
    train, test = videos.split()
    model = models.SlowFusion(len(videos.classes))
    training.fit(model, *train)
    training.evaluate(model, *test)

`vidlab train folder --out runs/first` does the same from a terminal. Names are loaded when they are asked for: the
processes that cut videos do without torch.
"""

from __future__ import annotations

from importlib import import_module

_PLACES = {
    "rows": ("Row", "Rows"),
    "listing": ("folders", "table"),
    "official": ("hmdb51", "kinetics", "something", "ucf101"),
    "splits": ("at_random", "by_source", "leave_one_source_out"),
    "leakage": ("Leaks", "leaks"),
    "cutting": ("Cut",),
    "storage": ("Store", "store"),
    "videos": ("Part", "Videos", "open"),
    "balance": ("WeightedLoss", "counts", "evenly", "weights"),
    "scores": ("wilson",),
    "command": ("classify", "load"),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}
__all__ = sorted(_MODULES)


def __getattr__(name: str):
    if name in _PLACES:
        return import_module(f".{name}", __name__)
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
