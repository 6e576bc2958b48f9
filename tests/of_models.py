"""What the tests of models share."""

import pytest
import torch
from torch import nn

from vidlab.errors import ShapeError
from vidlab.models.fusion import Fusion


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


class Says(nn.Module):
    """Answers every clip with one class."""

    def __init__(self, answer, classes):
        super().__init__()
        self.answer, self.classes, self.seen = answer, classes, []

    def forward(self, clip):
        self.seen.append(clip)
        return nn.functional.one_hot(torch.full((len(clip),), self.answer), self.classes).float()


def ready(build, seed=0, dtype=torch.float64):
    """A model as after some training, in evaluation mode: every BatchNorm statistic, and every fusion, has a say."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = build().to(dtype).eval()
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                for tensor, low, high in (
                    (module.running_mean, -0.2, 0.2), (module.running_var, 0.5, 1.5),
                    (module.weight.data, 0.5, 1.5), (module.bias.data, -0.3, 0.3),
                ):  # fmt: skip
                    tensor.uniform_(low, high)
            if isinstance(module, Fusion):
                for parameter in module.parameters():
                    parameter.data.add_(0.3 * torch.randn_like(parameter))
        return model
