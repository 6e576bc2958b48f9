"""How did they count? The parameters in two published tables, against the networks they describe.

C. Feichtenhofer, A. Pinz, A. Zisserman, *Convolutional two-stream network fusion for video action recognition* (CVPR
2016), tables 1 and 2, print millions of parameters with two decimals. Built from the text (`two_stream_vgg_m`), the
networks have the printed number of layers, all thirteen, and not one of them the printed number of parameters. A
`Convention` is a way to count in which a figure may have arisen; `reproduce` tries all of them on every row.

    flow_twice   the first layer of both towers has 20 channels; the spatial one's has 3
    no_biases    weights only
    half_fusion  a fusing layer of d filters has d inputs; over a concatenation it has 2d
    one_tower    the temporal tower alone (tried where no layers follow the fusion: bilinear)
    truncated    digits after the second are cut off, not rounded

What comes of it. Every figure that is reproduced needs `flow_twice`, or leaves the spatial tower out. No convention
reproduces all, and none more than five of the thirteen: 97.31 is truncated, or without biases, while 181.42 is rounded
and with them; one and the same network, conv at ReLU5, is 97.58 in table 1 and 97.57 in table 2; its fusing layer has
512 inputs there, and 1024 at ReLU4. ReLU2, ReLU3 and ReLU3+ReLU5+FC6 are reproduced by none. ReLU2 and ReLU3 differ by
conv3, to the digit: their fusing layers were counted as the same 0.48 million, though one joins 256 maps and the other
512.

A hit is no proof: for a row with one fusing layer, sixteen conventions print ten figures within 0.36 million, where
there are 37. Chance hits one time in four.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import product

import torch
from torch import nn

from ... import data
from .vgg_m import MOMENTS, TwoStreamVGGM

CLASSES = 101  # of UCF101
ROWS = {  # of the two tables: how and where the towers are fused
    ("table 1", "Sum Softmax (SZ14)"): ("sum", "softmax"),
    ("table 1", "Sum Softmax (ours)"): ("sum", "softmax"),
    ("table 1", "Max ReLU5"): ("max", "relu5"),
    ("table 1", "Concat ReLU5"): ("concat", "relu5"),
    ("table 1", "Bilinear ReLU5"): ("bilinear", "relu5"),
    ("table 1", "Sum ReLU5"): ("sum", "relu5"),
    ("table 1", "Conv ReLU5"): ("conv", "relu5"),
    ("table 2", "ReLU2"): ("conv", "relu2"),
    ("table 2", "ReLU3"): ("conv", "relu3"),
    ("table 2", "ReLU4"): ("conv", "relu4"),
    ("table 2", "ReLU5"): ("conv", "relu5"),
    ("table 2", "ReLU5+FC8"): ("conv", "relu5+fc8"),
    ("table 2", "ReLU3+ReLU5+FC6"): ("conv", "relu3+relu5+fc6"),
}
TABLES = {"table 1": "feichtenhofer2016_T1", "table 2": "feichtenhofer2016_T2"}
WORDS = {
    "flow_twice": "both towers with 20 channels",
    "no_biases": "no biases",
    "half_fusion": "fusing layer with d inputs, not 2d",
    "one_tower": "temporal tower alone",
    "truncated": "truncated",
}


@dataclass(frozen=True)
class Convention:
    """A way to count and to print; by default the plain one, everything and rounded. `str` says it in words."""

    flow_twice: bool = False
    no_biases: bool = False
    half_fusion: bool = False
    one_tower: bool = False
    truncated: bool = False

    def __str__(self) -> str:
        return "; ".join(word for name, word in WORDS.items() if getattr(self, name)) or "plain"

    @property
    def departures(self) -> int:
        """In how many ways it differs from the plain one."""
        return sum(getattr(self, field.name) for field in fields(self))

    def printed(self, parameters: int) -> str:
        """Millions with two decimals, halves rounded up.

        >>> Convention().printed(97_316_389), Convention(truncated=True).printed(97_316_389)
        ('97.32', '97.31')
        """
        hundredths = (parameters + (0 if self.truncated else 5_000)) // 10_000
        return f"{hundredths // 100}.{hundredths % 100:02}"


PLAIN = Convention()


@dataclass(frozen=True)
class Row:
    """One row of the tables, and what was found.

    Attributes:
        table, row: where it stands.
        layers, our_layers: layers with weights, as printed and as built.
        published: millions of parameters, as printed.
        ours: parameters of the network as built; of the bilinear one, without its classifier, as the paper has it.
        conventions: all that print the published figure, those with the fewest departures from plain counting first.
    """

    table: str
    row: str
    layers: int
    our_layers: int
    published: str
    ours: int
    conventions: tuple[Convention, ...]

    @property
    def convention(self) -> Convention | None:
        """The first of them, or None."""
        return self.conventions[0] if self.conventions else None

    def __str__(self) -> str:
        found = [str(c) for c in self.conventions if c.departures == self.conventions[0].departures]
        return f"{self.table}  {self.row:<18}  {self.published:>6}  {self.ours:>11,}  {' | '.join(found) or 'none'}"


def network(how: str, at: str, convention: Convention = PLAIN) -> TwoStreamVGGM:
    """The network, on the meta device, with the first layers that a convention supposes."""
    flow = 2 * MOMENTS
    with torch.device("meta"):
        return TwoStreamVGGM(how, at, CLASSES, (flow if convention.flow_twice else 3, flow))


def count(model: TwoStreamVGGM, how: str, convention: Convention = PLAIN) -> int:
    """The parameters of a network that a convention counts.

    >>> count(network("sum", "relu5"), "sum")
    97236421
    """
    total = 0
    for name, numbers in model.named_parameters():
        part, kind = name.split(".")[0], name.split(".")[-1]
        left_out = (part == "head" and how == "bilinear") or (part != "temporal" and convention.one_tower)
        if left_out or (kind == "bias" and convention.no_biases):
            continue
        halved = part == "fusions" and kind == "weight" and convention.half_fusion
        total += numbers.numel() // (2 if halved else 1)
    return total


def layers(model: TwoStreamVGGM, how: str) -> int:
    """How many layers have weights, both towers and fusing layers; a bilinear network's classifier not counted."""
    counted = (nn.Conv2d, nn.Linear)
    classifier = sum(isinstance(layer, counted) for layer in model.head.modules()) if how == "bilinear" else 0
    return sum(isinstance(layer, counted) for layer in model.modules()) - classifier


def conventions(how: str) -> list[Convention]:
    """All that are tried on a network: sixteen, and thirty-two where the temporal tower may stand alone."""
    one_tower = (False, True) if how == "bilinear" else (False,)
    either = (False, True)
    tried = [Convention(*choice) for choice in product(either, either, either, one_tower, either)]
    return sorted(tried, key=lambda convention: convention.departures)


def reproduce() -> list[Row]:
    """Every row of tables 1 and 2, and the conventions that reproduce its parameters to the printed digit.

    Everything is counted in networks built on the meta device; it takes two seconds.

    >>> rows = reproduce()
    >>> print(rows[0])
    table 1  Sum Softmax (SZ14)  181.42  181,335,594  both towers with 20 channels
    >>> [row.row for row in rows if row.convention is None]
    ['ReLU2', 'ReLU3', 'ReLU3+ReLU5+FC6']
    """
    rows = []
    for (table, name), (how, at) in ROWS.items():
        _, printed_layers, millions = data.published(TABLES[table])["rows"][name]
        built = {twice: network(how, at, Convention(flow_twice=twice)) for twice in (False, True)}
        published = f"{millions:.2f}"
        hits = [c for c in conventions(how) if c.printed(count(built[c.flow_twice], how, c)) == published]
        plain = built[False]
        rows.append(
            Row(table, name, printed_layers, layers(plain, how), published, count(plain, how), tuple(hits)),
        )
    return rows
