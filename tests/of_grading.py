"""A small assignment to grade in tests: two answers that are checked, one that a person reads."""

from __future__ import annotations

import copy
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

MEDIAN = '''def median(clip):
    """t c h w -> c h w"""
    ### BEGIN SOLUTION
    return clip.median(0).values
    ### END SOLUTION
'''
MEDIAN_CHECK = """clip = torch.rand(5, 3, 4, 4, generator=torch.Generator().manual_seed(0))
assert median(clip).shape == (3, 4, 4), "the time axis should be gone"
### BEGIN HIDDEN TESTS
for t in (3, 7):
    clip = torch.rand(t, 3, 6, 5, generator=rng)
    assert torch.allclose(median(clip), clip.median(0).values), "is it the median over time, for any number of frames?"
### END HIDDEN TESTS
"""
NET = """class Net(nn.Module):
    ### BEGIN SOLUTION
    def __init__(self, classes):
        super().__init__()
        self.classify = nn.Linear(3, classes)

    def forward(self, clip):
        return self.classify(clip.mean((1, 3, 4)))
    ### END SOLUTION
"""
NET_CHECK = """net = Net(classes=4)
assert net(torch.rand(2, 5, 3, 8, 8)).shape == (2, 4), "logits b classes"
### BEGIN HIDDEN TESTS
assert sum(p.numel() for p in net.parameters()) == 16, "count the parameters"
x = torch.rand(2, 5, 3, 8, 8, generator=rng)
assert torch.allclose(net(x), net(x.flip(1)), atol=1e-6), "the order of frames should not matter"
### END HIDDEN TESTS
"""


def cell(source, name, *, grade=False, solution=False, points=None, text=False):
    about = {"schema_version": 3, "grade_id": name, "grade": grade, "solution": solution, "task": False}
    about["locked"] = not solution
    if points is not None:
        about["points"] = points
    return (new_markdown_cell if text else new_code_cell)(source, metadata={"nbgrader": about})


def source_notebook(**about):
    """The instructor's notebook: 3 + 2 points by checks, 5 by a person."""
    book = new_notebook(
        cells=[
            cell("import torch\nfrom torch import nn", "setup"),
            cell(MEDIAN, "median", solution=True),
            cell(MEDIAN_CHECK, "median-check", grade=True, points=3),
            cell(NET, "net", solution=True),
            cell(NET_CHECK, "net-check", grade=True, points=2),
            cell("Explain why.", "explain", grade=True, solution=True, points=5, text=True),
        ]
    )
    book.metadata["vidlab"] = {"masked": ["vidlab.flow", "vidlab.checks"], "seconds": 3, "memory": 1500, **about}
    return book


def handed_in(answers=(), added=()):
    """A student's copy: answers by the ids of their cells, and code that was added in front of the first answer."""
    book = copy.deepcopy(source_notebook())
    for each in book.cells:
        each.source = dict(answers).get(each.metadata.nbgrader.grade_id, each.source)
    book.cells[1:1] = [new_code_cell(source) for source in added]
    return book


def written(book, path: Path) -> Path:
    nbformat.write(book, path)
    return path
