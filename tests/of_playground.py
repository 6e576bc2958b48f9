"""What both tests of the playground share: a network of each family with weights of chance, and small figures."""

import torch
from torch import nn

from vidlab import models
from vidlab.figures import Playground

FAMILIES = {
    "single": lambda: models.SingleFrame(5),
    "average": lambda: models.PooledFusion(5),
    "max": lambda: models.PooledFusion(5, pool="max"),
    "attention": lambda: models.PooledFusion(5, pool="attention"),
    "vectors": lambda: models.LateFusion(5, frames=8, hidden=10),
    "maps": lambda: models.LateFusion(5, frames=8, hidden=6, maps=True),
    "early": lambda: models.EarlyFusion(5, frames=8),
    "slow": lambda: models.SlowFusion(5, widths=(8, 12, 10)),
    "3D": lambda: models.Conv3DNet(5, widths=(8, 12, 10)),
    "3D, even": lambda: models.Conv3DNet(5, extent=4, widths=(6, 7, 9)),
    "(2+1)D": lambda: models.Factorised(5, widths=(8, 12, 10)),
    "RNN": lambda: models.Recurrent(5, cell="rnn", hidden=9),
    "LSTM": lambda: models.Recurrent(5, hidden=6, layers=2),
    "GRU": lambda: models.Recurrent(5, cell="gru", hidden=7),
    "ConvLSTM": lambda: models.ConvRecurrent(5, hidden=(5, 6)),
    "ConvGRU": lambda: models.ConvRecurrent(5, cell="gru", hidden=8),
    "frames' attention": lambda: models.TemporalAttention(5, widths=(8, 12, 16)),
    "no positions": lambda: models.TemporalAttention(5, positions=False, widths=(8, 12, 16)),
    "joint": lambda: models.VideoViT(5, kind="joint", dim=12, heads=3),
    "factorised": lambda: models.VideoViT(5, dim=12, heads=2, later=2),
}


def random_network(name: str) -> nn.Module:
    """With statistics and scales of chance too: a normalisation that does nothing would hide its mistakes."""
    torch.manual_seed(len(name))
    model = FAMILIES[name]()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d | nn.LayerNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 1.5 * module.in_features**-0.5)
    for name_, parameter in model.named_parameters():
        if "peepholes" in name_ or "positions" in name_ or "place" in name_ or "moment" in name_:
            nn.init.normal_(parameter, 0, 0.5)
    return model.eval()


def random_playground(*names: str, **options) -> Playground:
    names = names or ("average", "early", "joint")
    return Playground({name: random_network(name) for name in names}, **options)
