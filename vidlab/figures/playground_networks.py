"""Which layers a network of the course is made of, in order: its `forward`, written down for a page (see
playground_program.py). One function a family; what is not here, or changes `forward`, is refused by name."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from .. import models
from ..errors import ShapeError
from ..models.attention import Layer
from ..models.conv_recurrent import GRULayer
from .playground_program import LSTM_ORDER, Program


def program_of(model: nn.Module, frames: int, size: int) -> Program:
    """The program of a network for clips of `frames` frames of size × size pixels.

    Raises:
        ShapeError: an architecture or a layer that the page does not know, or clips that the network does not take.
    """
    kind = type(model)
    for known, write in FAMILIES.items():
        if isinstance(model, known) and kind.forward is known.forward:
            built_for = getattr(model, "frames", None)
            if built_for not in (None, frames):
                raise ShapeError(f"a {kind.__name__} for {built_for} frames", wanted=f"frames={frames}")
            program = Program(model, frames, size)
            write(program, model)
            return program.finish()
    names = ", ".join(each.__name__ for each in FAMILIES)
    raise ShapeError(f"the model is a {kind.__name__}, which a page cannot run", wanted=f"one of {names}")


def _single(program: Program, model: nn.Module) -> None:
    program.blocks(model.backbone.blocks).mean("space").linear(model.classify)
    program.together().add("vote", (1, *program.shape[1:]))


def _pooled(program: Program, model: nn.Module) -> None:
    program.blocks(model.backbone.blocks).mean("space").together()
    if model.pool == "average":
        program.mean("time")
    else:
        how = {} if model.pool == "max" else {"w": program.keep(*program.take(model.score.weight))}
        program.add("max" if model.pool == "max" else "weigh", (1, *program.shape[1:]), **how)
    program.linear(model.classify)


def _late(program: Program, model: nn.Module) -> None:
    program.blocks(model.backbone.blocks)
    if not model.maps:
        program.mean("space")
    program.together()
    t, h, w, d = program.shape
    weight, bias = program.take(model.connect.weight, model.connect.bias)
    if weight.shape[1] != t * h * w * d:
        raise ShapeError(f"maps of {h} × {w}", wanted=f"frames of {model.size} × {model.size}", mend="another size")
    ours = weight.reshape(-1, t, d, h, w).permute(0, 1, 3, 4, 2).flatten(1)  # here channels are innermost
    program.reshape(1, 1, 1, t * h * w * d).matrix(ours, bias, act="relu").linear(model.classify)


def _early(program: Program, model: nn.Module) -> None:
    program.together().blocks(model.backbone.blocks, all_frames=True).mean("space").linear(model.classify)


def _volume(program: Program, model: nn.Module) -> None:
    program.together().blocks(model.blocks).mean("space").mean("time").linear(model.classify)


def _recurrent(program: Program, model: nn.Module) -> None:
    program.blocks(model.backbone.blocks).mean("space").together()
    rnn = model.over_time
    kind = {nn.RNN: "rnn", nn.LSTM: "lstm", nn.GRU: "gru"}[type(rnn)]
    for k in range(rnn.num_layers):
        drive, state, bias, late = program.take(
            *(getattr(rnn, f"{name}_l{k}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        )
        if kind == "lstm":
            drive, state, bias, late = (
                each.unflatten(0, (4, rnn.hidden_size))[list(LSTM_ORDER)].flatten(0, 1)
                for each in (drive, state, bias, late)
            )
        program.matrix(drive, bias).recur(kind, state, late)
    program.add("last", (1, *program.shape[1:])).linear(model.classify)


def _conv_recurrent(program: Program, model: nn.Module) -> None:
    program.blocks(model.backbone.blocks)
    for k, layer in enumerate(model.over_time.layers):
        pad = (0, *layer.input.padding)
        program.convolve(program.filters(program.take(layer.input.weight)[0].unsqueeze(2), pad=pad))
        if k == 0:
            program.together()
        state, *bias = program.take(layer.state.weight, layer.state.bias)
        filters = state.unsqueeze(2), *(bias or [None])
        if isinstance(layer, GRULayer):
            reset, *bias = program.take(layer.reset_state.weight, layer.reset_state.bias)
            program.recur("conv_gru", *filters, reset=(reset.unsqueeze(2), *bias))
        else:
            peepholes = [program.keep(each) for each in program.take(layer.peepholes)]
            program.recur("lstm", *filters, peepholes=peepholes)
    program.add("last", (1, *program.shape[1:])).mean("space").linear(model.classify)


def _temporal_attention(program: Program, model: nn.Module) -> None:
    program.blocks(model.backbone.blocks).mean("space").together()
    t, _, _, d = program.shape
    program.reshape(1, t, 1, d)
    if model.positions is not None:
        program.rows(*program.take(model.positions))
    program.layer(model.layer).mean("space").linear(model.classify)


def _transformer(program: Program, model: nn.Module) -> None:
    if model.kind not in ("joint", "factorised"):
        program.refuse(getattr(model, model.kind).layers[0])
    if program.shape[1] != model.size:
        raise ShapeError(f"a VideoViT for frames of {model.size} × {model.size}", wanted=f"size={program.shape[1]}")
    project, box = model.tubelets.project, model.tubelets.tubelet
    weight, bias = program.take(project.weight, project.bias)
    program.together().add("normalise", program.shape)
    program.convolve(program.filters(weight.reshape(len(weight), -1, *box), bias, stride=box))
    t, h, w, d = program.shape
    place, moment = program.take(model.place, model.moment)
    if model.kind == "joint":
        table = (moment[:, None] + place).flatten(0, 1)
        _encode(program.reshape(1, t * h * w, 1, d), model.joint, table)
    else:
        _encode(program.reshape(t, h * w, 1, d), model.space, place)
        _encode(program.reshape(1, t, 1, d), model.time, moment)
    program.linear(model.classify)


def _encode(program: Program, encoder: nn.Module, table: torch.Tensor) -> None:
    """Layers over tokens, each with its row of the table, and over a class token; what that becomes, normalised."""
    program.rows(table, *program.take(encoder.token))
    for layer in encoder.layers:
        if type(layer) is not Layer:
            program.refuse(layer)
        program.layer(layer)
    g, _, _, d = program.shape
    program.add("first", (g, 1, 1, d)).norm(encoder.norm)


FAMILIES: dict[type[nn.Module], Callable[[Program, nn.Module], None]] = {
    models.SingleFrame: _single,
    models.PooledFusion: _pooled,
    models.LateFusion: _late,
    models.EarlyFusion: _early,
    models.SlowFusion: _volume,
    models.Conv3DNet: _volume,
    models.Factorised: _volume,
    models.Recurrent: _recurrent,
    models.ConvRecurrent: _conv_recurrent,
    models.TemporalAttention: _temporal_attention,
    models.VideoViT: _transformer,
}
