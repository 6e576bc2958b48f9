"""What the tests of models share."""

import pytest
import torch

from vidlab.errors import ShapeError


def rand(*shape, seed=0, dtype=torch.float64):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def close(a, b, **how):
    torch.testing.assert_close(a, b, **{"rtol": 1e-9, "atol": 1e-11} | how)


def refused(call, *words):
    """A ShapeError with all of these words, among them what was wanted."""
    with pytest.raises(ShapeError) as caught:
        call()
    assert "Wanted:" in str(caught.value)
    for word in words:
        assert word in str(caught.value)
