"""Recurrence: each cell is its equations, remembers what it should, and foretells without having seen."""

import math

import pytest
import torch
from of_models import close, rand, refused
from torch import nn
from torch.nn.functional import conv2d

from vidlab import models
from vidlab.anatomy import receptive_field
from vidlab.models import conv_recurrent, forecast
from vidlab.time_use import uses_time
from vidlab.training import fit

T, SIZE, CLASSES = 6, 16, 3
CELLS = {
    "LSTM": (models.ConvLSTM, {}),
    "LSTM with peepholes": (models.ConvLSTM, {"peepholes": True}),
    "GRU": (models.ConvGRU, {}),
    "GRU without biases": (models.ConvGRU, {"bias": False}),
}
CLASSIFIERS = {
    **{f"vectors, {cell}": (models.Recurrent, cell) for cell in ("rnn", "lstm", "gru")},
    **{f"maps, {cell}": (models.ConvRecurrent, cell) for cell in ("lstm", "gru")},
}


def ready(build, *args, seed=0, **options):
    """In float64 and in evaluation mode, with no parameter and no statistic left at zero."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = build(*args, **options).double().eval()
        for parameter in model.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
        for name, buffer in model.named_buffers():
            if buffer.is_floating_point():
                buffer.uniform_(0.5, 1.5) if name.endswith("var") else buffer.uniform_(-0.2, 0.2)
    return model


def layers_of(name, channels=3, hidden=(4, 5), **options):
    kind, more = CELLS[name]
    return ready(kind, channels, hidden, **more, **options)


def classifier(name):
    kind, cell = CLASSIFIERS[name]
    return ready(kind, CLASSES, cell=cell)


def parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


# The cell of vectors --------------------------------------------------------------------------------------------------


def test_the_cell_equals_torchs_with_copied_weights():
    theirs = ready(nn.LSTMCell, 5, 7)
    mine = models.LSTMCell(5, 7).double().copy(theirs)
    state = other = None
    for x in rand(4, 3, 5):
        state, other = mine(x, state), theirs(x, other)
        close(state, other)
    assert parameters(mine) == 4 * 7 * (5 + 7 + 1) == parameters(theirs) - 4 * 7  # torch has a second bias


def test_the_cell_writes_keeps_and_shows_as_its_gates_say():
    """Gates held wide open or shut by their biases, one at a time."""
    cell, shut, wide = models.LSTMCell(2, 3).double(), -1e3, 1e3
    x, (h, c) = rand(2, 2), rand(2, 2, 3, seed=1) - 0.5
    for i, f, o in ((shut, wide, wide), (wide, shut, wide), (wide, wide, shut)):
        nn.init.zeros_(cell.b)
        cell.b.data[:3] = torch.tensor([i, f, o])[:, None]
        candidate = (x @ cell.W[3].T + h @ cell.U[3].T).tanh()
        shown, kept = cell(x, (h, c))
        close(kept, (f > 0) * c + (i > 0) * candidate)
        close(shown, (o > 0) * kept.tanh())


def test_a_cell_of_another_size_is_not_copied():
    refused(lambda: models.LSTMCell(3, 4).copy(nn.LSTMCell(4, 3)), "4 inputs and 3 units", "torch.nn.LSTMCell(3, 4)")
    refused(lambda: models.LSTMCell(3, 4).copy(nn.LSTMCell(3, 4, bias=False)), "bias=False")


# The cells of maps ----------------------------------------------------------------------------------------------------


def one_convolution_a_step(layer, maps):
    """As ConvLSTM implementations are usually written: in each step one convolution over input and state together."""
    weight = torch.cat([layer.input.weight, layer.state.weight], dim=1)
    h = c = maps.new_zeros(len(maps), layer.hidden, *maps.shape[3:])
    shown = []
    for t in range(maps.shape[1]):
        both = conv2d(torch.cat([maps[:, t], h], dim=1), weight, layer.state.bias, padding=weight.shape[-1] // 2)
        i, f, o, candidate = torch.split(both, layer.hidden, dim=1)
        v_i, v_f, v_o = (0, 0, 0) if layer.peepholes is None else layer.peepholes
        i, f = torch.sigmoid(i + v_i * c), torch.sigmoid(f + v_f * c)
        c = f * c + i * torch.tanh(candidate)
        h = torch.sigmoid(o + v_o * c) * torch.tanh(c)
        shown.append(h)
    return torch.stack(shown, dim=1)


def six_convolutions_a_step(layer, maps):
    """The equations of GRU-RCN, each with matrices of its own."""
    d, pad = layer.hidden, layer.input.padding[0]
    w_z, w_r, w_h = layer.input.weight.split(d)
    u_z, u_r = layer.state.weight.split(d)
    b_z, b_r = (None, None) if layer.state.bias is None else layer.state.bias.split(d)
    h, shown = maps.new_zeros(len(maps), d, *maps.shape[3:]), []
    for x in maps.unbind(1):
        z = torch.sigmoid(conv2d(x, w_z, b_z, padding=pad) + conv2d(h, u_z, padding=pad))
        r = torch.sigmoid(conv2d(x, w_r, b_r, padding=pad) + conv2d(h, u_r, padding=pad))
        new = conv2d(r * h, layer.reset_state.weight, layer.reset_state.bias, padding=pad)
        h = (1 - z) * h + z * torch.tanh(conv2d(x, w_h, padding=pad) + new)
        shown.append(h)
    return torch.stack(shown, dim=1)


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("name", CELLS)
def test_layers_equal_an_independent_one_and_so_do_their_gradients(name, kernel):
    stack, maps = layers_of(name, kernel=kernel), rand(2, T, 3, 7, 9)
    reference = one_convolution_a_step if "LSTM" in name else six_convolutions_a_step
    weigh, answers = rand(2, T, 5, 7, 9, seed=1), []
    for run in (lambda x: stack(x)[0], lambda x: reference(stack.layers[1], reference(stack.layers[0], x))):
        stack.zero_grad()
        x = maps.clone().requires_grad_()
        out = run(x)
        (out * weigh).sum().backward()
        answers.append([out.detach(), x.grad, *(p.grad for p in stack.parameters())])
    for mine, theirs in zip(*answers, strict=True):
        assert mine.abs().max() > 1e-3
        close(mine, theirs)


@pytest.mark.parametrize("name", CELLS)
def test_in_float32_they_are_equal_to_a_millionth(name):
    stack = layers_of(name).float()
    reference = one_convolution_a_step if "LSTM" in name else six_convolutions_a_step
    maps = rand(2, T, 3, 8, 8).float()
    theirs = reference(stack.layers[1], reference(stack.layers[0], maps))
    torch.testing.assert_close(stack(maps)[0], theirs, rtol=0, atol=1e-6)


def test_a_kernel_of_one_pixel_is_torchs_lstm_in_every_pixel():
    stack, theirs, maps = ready(models.ConvLSTM, 3, 4, kernel=1), ready(nn.LSTMCell, 3, 4), rand(2, T, 3, 5, 6)
    cell, layer = models.LSTMCell(3, 4).double().copy(theirs), stack.layers[0]
    layer.input.weight.data = cell.W.reshape(16, 3, 1, 1)
    layer.state.weight.data = cell.U.reshape(16, 4, 1, 1)
    layer.state.bias.data = cell.b.reshape(16)
    out, _ = stack(maps)
    for y in range(5):
        for x in range(6):
            state = None
            for t in range(T):
                state = theirs(maps[:, t, :, y, x], state)
                close(out[:, t, :, y, x], state[0])


def test_the_gru_keeps_the_old_state_where_z_is_zero_and_torch_where_z_is_one():
    stack, theirs = models.ConvGRU(2, 3, kernel=1).double(), nn.GRUCell(2, 3).double()
    for parameter in (*stack.parameters(), *theirs.parameters()):
        nn.init.zeros_(parameter)
    h = rand(1, 3, 1, 1)
    for z, mine, torchs in ((-1e3, h, 0 * h), (1e3, 0 * h, h)):
        stack.layers[0].state.bias.data[:3] = z
        theirs.bias_ih.data[3:6] = z  # torch's order is r, z, candidate
        close(stack(torch.zeros(1, 1, 2, 1, 1).double(), [(h,)])[0][:, 0], mine)
        close(theirs(torch.zeros(1, 2).double(), h[..., 0, 0])[..., None, None], torchs)


def test_the_gru_resets_before_the_product_and_torch_after_it():
    """With z and r the same, U (r ⊙ h) against r ⊙ (U h): equal for a diagonal U, and for no other."""
    stack, theirs, h = models.ConvGRU(2, 3, kernel=1).double(), nn.GRUCell(2, 3).double(), rand(1, 3)
    for parameter in (*stack.parameters(), *theirs.parameters()):
        nn.init.zeros_(parameter)
    layer, r = stack.layers[0], torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64)
    layer.state.bias.data[3:], theirs.bias_ih.data[:3] = r, r
    for U, same in ((torch.eye(3), True), (rand(3, 3, seed=1), False)):
        layer.reset_state.weight.data = U.double().reshape(3, 3, 1, 1)
        theirs.weight_hh.data[6:] = U.double()
        mine = stack(torch.zeros(1, 1, 2, 1, 1).double(), [(h[..., None, None],)])[0][:, 0, :, 0, 0]
        close(mine, (h + (U.double() @ (r.sigmoid() * h)[0]).tanh()) / 2)
        assert torch.allclose(mine, theirs(torch.zeros(1, 2).double(), h)) == same


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_parameters_follow_the_formulas(kernel):
    for c, h in ((3, 8), (16, 4)):
        weights = (c + h) * kernel**2
        assert parameters(models.ConvLSTM(c, h, kernel=kernel)) == 4 * h * (weights + 1)
        assert parameters(models.ConvLSTM(c, h, kernel=kernel, peepholes=True)) == 4 * h * (weights + 1) + 3 * h
        assert parameters(models.ConvGRU(c, h, kernel=kernel)) == 3 * h * (weights + 1)
        assert parameters(models.ConvGRU(c, h, kernel=kernel, bias=False)) == 3 * h * weights
    assert parameters(models.ConvLSTM(3, 8, kernel=3, state_kernel=1)) == 4 * 8 * (3 * 9 + 8 + 1)


def test_gru_rcn_on_the_maps_of_vgg16():
    """Ballas et al.: five recurrences on pool2 to pool5 (3 × 3) and fc7 (of 1 × 1 pixel), without biases."""
    channels, hidden, kernels = (128, 256, 512, 512, 4096), (64, 128, 256, 256, 512), (3, 3, 3, 3, 1)
    with torch.device("meta"):
        five = [models.ConvGRU(c, h, kernel=k, bias=False) for c, h, k in zip(channels, hidden, kernels, strict=True)]
    assert sum(map(parameters, five)) == 19_353_600


# State, and what can be looked at -------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 3, 5])
@pytest.mark.parametrize("name", CELLS)
def test_a_clip_in_two_parts_is_the_whole_clip(name, cut):
    stack, maps = layers_of(name), rand(2, T, 3, 6, 6)
    whole, after = stack(maps)
    first, states = stack(maps[:, :cut])
    second, states = stack(maps[:, cut:], states)
    close(torch.cat([first, second], dim=1), whole)
    for mine, theirs in zip(states, after, strict=True):
        close(mine, theirs)
    assert (stack(maps[:, cut:])[0] - second).abs().max() > 1e-3  # from zeros it would be another


@pytest.mark.parametrize("name", CELLS)
def test_frames_done_at_once_or_one_by_one_are_the_same(name, monkeypatch):
    stack, maps = layers_of(name), rand(2, T, 3, 6, 6)
    calls = []
    stack.layers[0].input.register_forward_hook(lambda module, given, out: calls.append(len(out)))
    results = []
    for at_once, wanted in ((2**22, [2 * T]), (1, [2] * T), (4 * 2 * 36 * stack.layers[0].input.out_channels, [8, 4])):
        monkeypatch.setattr(conv_recurrent, "AT_ONCE", at_once)
        calls.clear()
        results.append(stack(maps)[0])
        assert calls == wanted
    close(results[1], results[0])
    close(results[2], results[0])


@pytest.mark.parametrize("name", CELLS)
def test_zeros_are_the_state_where_none_is_given(name):
    stack, maps = layers_of(name), rand(2, T, 3, 6, 6)
    carried = 2 if "LSTM" in name else 1
    zeros = [carried * (torch.zeros(2, d, 6, 6).double(),) for d in (4, 5)]
    close(stack(maps, zeros)[0], stack(maps)[0])


def test_the_lstms_gates_and_states_obey_its_equations():
    stack, maps = layers_of("LSTM with peepholes"), rand(2, T, 3, 6, 6)
    out, states, gates = stack(maps, return_gates=True)
    close(out, stack(maps)[0])
    assert [list(layer) for layer in gates] == 2 * [["i", "f", "o", "candidate", "c", "h"]]
    for layer, (h, c), d in zip(gates, states, (4, 5), strict=True):
        assert all(film.shape == (2, T, d, 6, 6) for film in layer.values())
        close(layer["c"][:, 1:], layer["f"][:, 1:] * layer["c"][:, :-1] + (layer["i"] * layer["candidate"])[:, 1:])
        close(layer["c"][:, 0], (layer["i"] * layer["candidate"])[:, 0])
        close(layer["h"], layer["o"] * layer["c"].tanh())
        close(h, layer["h"][:, -1])
        close(c, layer["c"][:, -1])
        assert all(0 < layer[name].min() and layer[name].max() < 1 for name in "ifo")
    close(gates[1]["h"], out)


def test_the_grus_gates_and_states_obey_its_equations():
    out, states, gates = layers_of("GRU")(rand(2, T, 3, 6, 6), return_gates=True)
    for layer, (h,) in zip(gates, states, strict=True):
        assert list(layer) == ["z", "r", "candidate", "h"]
        z, old = layer["z"][:, 1:], layer["h"][:, :-1]
        close(layer["h"][:, 1:], (1 - z) * old + z * layer["candidate"][:, 1:])
        close(h, layer["h"][:, -1])
        assert 0 < layer["r"].min() < layer["r"].max() < 1
    close(gates[1]["h"], out)


@pytest.mark.parametrize("name", CELLS)
def test_memory_spreads_as_far_as_the_kernel_reaches(name):
    """One pixel of frame 0 is another: how far from it h differs after t frames, and no farther."""
    kind, options = CELLS[name]
    stack, clip = ready(kind, 1, 2, kernel=5, state_kernel=3, **options), rand(1, 3, 1, 17, 17)
    other = clip.clone()
    other[0, 0, 0, 8, 8] += 1
    touched = (stack(other)[0] - stack(clip)[0]).abs().amax((0, 2)) > 0
    a_frame = 1 if "LSTM" in name else 2  # U ∗ (r ⊙ h), where r itself looks one pixel farther
    for t in range(3):
        assert (touched[t].nonzero() - 8).abs().max() == 2 + t * a_frame


@pytest.mark.parametrize("name", CELLS)
def test_layers_without_input_live_from_their_state(name):
    kind, options = CELLS[name]
    alone, state = ready(kind, 0, 4, **options), rand(2, 2, 4, 6, 6)
    h, c = state - 0.5
    given = [(h, c) if "LSTM" in name else (h,)]
    out, _ = alone(torch.zeros(2, 3, 0, 6, 6).double(), given)
    deaf = ready(kind, 1, 4, **options)
    for part in ("state", "reset_state"):
        if hasattr(deaf.layers[0], part):
            getattr(deaf.layers[0], part).load_state_dict(getattr(alone.layers[0], part).state_dict())
    if "peepholes" in name:
        deaf.layers[0].peepholes.data = alone.layers[0].peepholes.data
    close(out, deaf(torch.zeros(2, 3, 1, 6, 6).double(), given)[0])
    assert (out[:, 1] - out[:, 0]).abs().max() > 1e-3


# Models of clips ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_state_sees_every_frame_before_it_and_none_after(name):
    clip = rand(1, 10, 3, SIZE, SIZE).requires_grad_()
    logits, states = classifier(name)(clip, return_states=True)
    for t in (0, 4, 9):
        (gradient,) = torch.autograd.grad(states[0, t].sum(), clip, retain_graph=True)
        assert [bool(gradient[0, s].any()) for s in range(10)] == [s <= t for s in range(10)]
    (gradient,) = torch.autograd.grad(logits.sum(), clip)
    assert gradient.abs().amax((0, 2, 3, 4)).min() > 0


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_what_comes_later_does_not_change_a_state(name):
    model, clip = classifier(name), rand(2, 10, 3, SIZE, SIZE)
    other = torch.cat([clip[:, :6], rand(2, 4, 3, SIZE, SIZE, seed=1)], dim=1)
    _, states = model(clip, return_states=True)
    _, others = model(other, return_states=True)
    close(others[:, :6], states[:, :6], rtol=1e-12, atol=1e-14)
    assert (others[:, 6:] - states[:, 6:]).abs().amax((0, *range(2, states.ndim))).min() > 1e-6


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_receptive_field_is_all_of_the_past(name):
    """The middle one of five states sees three frames; the logits see all five, and all of twelve."""
    model = classifier(name)
    assert receptive_field(model, (12, 3, SIZE, SIZE)).size[0] == 12
    assert receptive_field(model, (12, 3, SIZE, SIZE), "over_time").size[0] == 7
    field = receptive_field(model, (5, 3, SIZE, SIZE), "over_time")
    assert (field.start[0], field.size[0]) == (0, 3)
    assert receptive_field(model, (5, 3, SIZE, SIZE)).size[0] == 5


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_logits_are_those_of_the_last_state_and_each_clip_is_answered_for_itself(name):
    model, clips = classifier(name), rand(3, T, 3, SIZE, SIZE)
    logits, states = model(clips, return_states=True)
    last = states[:, -1].flatten(2).mean(2) if states.ndim == 5 else states[:, -1]
    close(logits, model.classify(last))
    close(logits, torch.cat([model(clip[None]) for clip in clips]))
    assert (logits[0] - logits[1]).abs().max() > 1e-4
    assert model.float()(clips.float()).dtype == torch.float32


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_recurrent_models_use_the_order_of_frames(name):
    report = uses_time(classifier(name), rand(4, T, 3, SIZE, SIZE))
    assert not any(report[trial].exact for trial in ("reverse", "shuffle", "freeze", "roll"))
    assert report["reverse"].relative_change > 0.01


def test_classifiers_have_the_parameters_that_the_formulas_say():
    backbone = parameters(models.SingleFrame(CLASSES).backbone)
    head = 24 * CLASSES + CLASSES
    for cell, gates in (("rnn", 1), ("lstm", 4), ("gru", 3)):
        over_time = gates * 24 * (32 + 24 + 2)
        assert parameters(models.Recurrent(CLASSES, cell=cell, hidden=24)) == backbone + over_time + head
    for cell, gates in (("lstm", 4), ("gru", 3)):
        over_time = gates * 24 * ((32 + 24) * 9 + 1)
        assert parameters(models.ConvRecurrent(CLASSES, cell=cell, hidden=24)) == backbone + over_time + head


def test_vectors_forget_where_and_maps_do_not():
    """Every second frame's maps rolled: the averages over space are the same, and only who averages later can tell."""
    maps = rand(2, T, 32, 4, 4)
    moved = maps.clone()
    moved[:, ::2] = maps[:, ::2].roll((1, 2), (-2, -1))
    vectors, places = models.Recurrent(CLASSES).double().eval(), ready(models.ConvRecurrent, CLASSES)
    last = lambda model, x: model.over_time(x)[0][:, -1]  # noqa: E731
    close(last(vectors, moved.mean((3, 4))), last(vectors, maps.mean((3, 4))))
    assert (last(places, moved) - last(places, maps)).mean((2, 3)).abs().max() > 1e-5


def test_merged_it_sees_all_frames_before_and_motion_of_five():
    torch.manual_seed(0)
    model = models.LocalThenRecurrent(CLASSES).double().eval()
    assert receptive_field(model, (12, 3, SIZE, SIZE)).size[0] == 12
    assert receptive_field(model, (12, 3, SIZE, SIZE), "local").size[0] == 5
    clip = rand(2, 12, 3, SIZE, SIZE)
    states, _ = model.over_time(model.local(clip.transpose(1, 2)).transpose(1, 2))
    close(model(clip), model.classify(states[:, -1].mean((2, 3))))


# Forecasts ------------------------------------------------------------------------------------------------------------


TABLE_1 = {
    "FC-LSTM-2048-2048": (dict(hidden=(2048, 2048), kernel=1, patch=64, readout="last"), 142_667_776),
    "5×5-256": (dict(hidden=(256,), kernel=5), 13_524_496),
    "5×5-128-128": (dict(hidden=(128, 128), kernel=5), 10_042_896),
    "5×5-128-64-64": (dict(hidden=(128, 64, 64), kernel=5), 7_585_296),
    "9×9-1×1-128-128": (dict(hidden=(128, 128), kernel=9, state_kernel=1), 11_550_224),
    "9×9-1×1-128-64-64": (dict(hidden=(128, 64, 64), kernel=9, state_kernel=1), 8_830_480),
}


@pytest.mark.parametrize("name", TABLE_1)
def test_the_networks_of_shis_table_1_have_the_published_parameters(name):
    options, published = TABLE_1[name]
    with torch.device("meta"):
        model = models.EncoderForecaster(**options)
        assert parameters(model) == published
        if "FC" not in name:
            assert model(torch.rand(1, 2, 1, 64, 64), 3).shape == (1, 3, 1, 64, 64)


@pytest.mark.parametrize("readout", ["all", "last"])
@pytest.mark.parametrize("output", ["residual", "sigmoid", "linear"])
def test_the_forecaster_takes_over_the_states_and_hears_nothing(output, readout):
    """Written out: the last state of the encoder begins the forecaster's first layer, and so on backwards."""
    model = ready(
        models.EncoderForecaster, hidden=(3, 4), kernel=3, patch=2, channels=3, output=output, readout=readout
    )
    clip = rand(2, 4, 3, 8, 10)
    seen = (clip - 0.45) / 0.25
    maps = seen.unflatten(4, (5, 2)).unflatten(3, (4, 2)).permute(0, 1, 2, 4, 6, 3, 5).flatten(2, 4)
    _, ((h1, c1), (h2, c2)) = model.encoder(maps)
    top, bottom = model.forecaster.layers
    said = []
    for _ in range(3):
        *_, c2, h2 = top.step(0.0, h2, c2)
        *_, c1, h1 = bottom.step(bottom.input(h2), h1, c1)
        features = torch.cat([h2, h1], dim=1) if readout == "all" else h1
        patches = model.frames.predict(features).unflatten(1, (3, 2, 2)).permute(0, 1, 4, 2, 5, 3)
        said.append(patches.flatten(4, 5).flatten(2, 3))
    said = torch.stack(said, dim=1)
    wanted = {"residual": clip[:, -1:] + said, "sigmoid": said.sigmoid(), "linear": said}[output]
    close(model(clip, 3), wanted)
    close(model(clip, 2), wanted[:, :2])


def test_patches_are_cut_and_put_together_again():
    frames, clip = models.NextFrame(patch=4).frames, rand(2, 3, 3, 8, 12)
    maps = frames.cut(clip)
    assert maps.shape == (2, 3, 48, 2, 3)
    close(maps[1, 2, :, 1, 2], (clip[1, 2, :, 4:, 8:].flatten() - 0.45) / 0.25)
    frames.output, frames.predict = "linear", nn.Identity()
    close(frames.say(0.45 + 0.25 * maps, clip), clip)


def test_the_loss_of_a_forecast_compares_with_the_frame_after():
    clip = rand(2, 5, 3, 4, 4)
    foreseen = torch.cat([clip[:, 1:], rand(2, 1, 3, 4, 4, seed=1)], dim=1)
    assert forecast.next_frame_error(foreseen, clip) == 0
    close(forecast.next_frame_error(clip, clip), clip.diff(dim=1).square().mean())


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_forecast_knows_the_frames_until_now_and_no_later_one(cell):
    model, clip = ready(models.NextFrame, cell=cell, hidden=4, kernel=3), rand(1, 7, 3, 8, 8).requires_grad_()
    answer = model(clip)
    assert answer.shape == clip.shape
    for t in (0, 3, 6):
        (gradient,) = torch.autograd.grad(answer[0, t].sum(), clip, retain_graph=True)
        assert [bool(gradient[0, s].any()) for s in range(7)] == [s <= t for s in range(7)]


@pytest.mark.parametrize("memory", [True, False])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_rollout_takes_its_own_word_for_what_it_sees(cell, memory):
    """The same as asking again and again, with the whole clip so far: seen frames first, then foretold ones."""
    model, clip = ready(models.NextFrame, cell=cell, hidden=(4, 3), kernel=3, memory=memory), rand(2, 3, 3, 8, 8)
    rolled, so_far = model.rollout(clip, 4), clip
    assert rolled.shape == (2, 4, 3, 8, 8)
    for _ in range(4):
        so_far = torch.cat([so_far, model(so_far)[:, -1:]], dim=1)
    close(rolled, so_far[:, 3:])
    close(model.rollout(clip, 1)[:, 0], model(clip)[:, -1])


def test_without_memory_a_forecast_knows_only_the_frame_before():
    model, clip = ready(models.NextFrame, hidden=4, memory=False), rand(1, 5, 3, 8, 8).requires_grad_()
    answer = model(clip)
    for t in range(5):
        (gradient,) = torch.autograd.grad(answer[0, t].sum(), clip, retain_graph=True)
        assert [bool(gradient[0, s].any()) for s in range(5)] == [s == t for s in range(5)]
    alone = torch.cat([model(clip[:, t : t + 1]) for t in range(5)], dim=1)
    close(alone, answer)
    assert parameters(models.NextFrame(memory=False)) == parameters(models.NextFrame())


def test_outputs_begin_where_they_should_and_stay_where_they_must():
    clip = rand(2, 4, 3, 8, 8)
    residual = models.NextFrame(output="residual").double()
    assert torch.equal(residual(clip), clip)  # before training: "nothing changes"
    close(residual.rollout(clip, 3), clip[:, -1:].expand(-1, 3, -1, -1, -1), rtol=0, atol=0)
    residual(clip).square().sum().backward()
    assert residual.frames.predict.weight.grad.abs().max() > 0  # and yet it can learn
    both = {output: ready(models.NextFrame, output=output) for output in ("sigmoid", "linear", "residual")}
    close(both["sigmoid"](clip), both["linear"](clip).sigmoid())
    both["linear"].load_state_dict(both["residual"].state_dict())
    close(both["residual"](clip), clip + both["linear"](clip))


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("as_learners_run_it")
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_what_is_no_batch_of_float_clips(name):
    model, clips = classifier(name).float(), rand(2, T, 3, SIZE, SIZE).float()
    refused(lambda: model((255 * clips).byte()), "torch.uint8", "clip.float() / 255")
    refused(lambda: model(clips[0]), "clip[None]")
    refused(lambda: model(clips[:, :0]), "2 clips of 0 frames")


@pytest.mark.usefixtures("as_learners_run_it")
def test_maps_and_states_that_do_not_fit():
    lstm, gru, maps = layers_of("LSTM"), layers_of("GRU"), rand(2, T, 3, 6, 6)
    _, states = lstm(maps)
    refused(lambda: lstm(maps[:, :, :2]), "maps of 2 channels", "channels=2")
    refused(lambda: lstm(maps[:, :0]), "(2, 0, 3, 6, 6)", "at least one frame")
    refused(lambda: lstm(maps[0]), f"({T}, 3, 6, 6)", "b t c h w")
    refused(lambda: lstm(maps, states[:1]), "1 layers", "2, one a layer")
    refused(lambda: lstm(maps[:1], states), "(2, 4, 6, 6)", "h and c", "(1, 4, 6, 6)")
    refused(lambda: gru(maps, states), "(2, 4, 6, 6)", "h of shape")
    refused(lambda: ready(models.ConvLSTM, 0, 4)(maps), "maps of 3 channels", "0")


@pytest.mark.usefixtures("as_learners_run_it")
def test_what_cannot_be_built():
    refused(lambda: models.Recurrent(3, cell="LSTM"), "'LSTM'", '"rnn", "lstm" or "gru"')
    refused(lambda: models.ConvRecurrent(3, cell="rnn"), "'rnn'", '"lstm" or "gru"')
    refused(lambda: models.ConvLSTM(3, 4, kernel=4), "4 × 4", "odd")
    refused(lambda: models.ConvGRU(3, 4, state_kernel=2), "2 × 2", "odd")
    refused(lambda: models.ConvLSTM(3, ()), "hidden=()", "one width")
    refused(lambda: models.ConvLSTM(3, (4, 0)), "hidden=(4, 0)", "above 0")
    refused(lambda: models.NextFrame(cell="rnn"), "'rnn'", '"lstm" or "gru"')
    refused(lambda: models.NextFrame(output="relu"), "'relu'", "'residual' or 'sigmoid' or 'linear'")
    refused(lambda: models.EncoderForecaster(readout="first"), "'first'", '"all" or "last"')
    clip = rand(1, 2, 3, 8, 9).float()
    refused(lambda: models.NextFrame(patch=2)(clip), "8 × 9", "patch=2")
    refused(lambda: models.NextFrame(patch=1).rollout(clip, 0), "frames=0", "at least 1")
    refused(lambda: models.EncoderForecaster(patch=1, channels=3)(clip, 0), "frames=0", "at least 1")
    refused(lambda: models.NextFrame(patch=1)((255 * clip).byte()), "torch.uint8")


# Training -------------------------------------------------------------------------------------------------------------


def red_and_blue(n, seed):
    """Noise with a red and a blue frame, four frames apart; the label says which came first."""
    chance = torch.Generator().manual_seed(seed)
    clip, first = 0.4 + 0.2 * torch.rand(n, 8, 3, 8, 8, generator=chance), torch.arange(n) % 2
    for k in range(n):
        onset = int(torch.randint(1, 3, (), generator=chance))
        clip[k, onset, 2 * first[k]] += 0.4
        clip[k, onset + 4, 2 - 2 * first[k]] += 0.4
    return clip, first


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_few_steps_teach_which_of_two_far_events_came_first(name):
    kind, cell = CLASSIFIERS[name]
    torch.manual_seed(0)
    model, (clips, first) = kind(2, cell=cell, hidden=16), red_and_blue(64, 0)
    fit(model, clips, first, steps=50, batch=16, lr=0.01, device="cpu", progress=False)
    clips, first = red_and_blue(100, 1)
    with torch.no_grad():
        assert (model(clips).argmax(1) == first).float().mean() > 0.9  # chance is 0.5


def test_a_forecast_with_memory_learns_what_one_without_cannot():
    """A dot that walks right or left: only who saw the frame before knows where it goes."""
    at = torch.arange(6)[None] * torch.tensor([[1], [-1]]) + torch.arange(8)[:, None, None]
    clip = torch.eye(8)[at.flatten(0, 1) % 8][:, :, None, None, :].expand(-1, -1, 1, 2, -1).contiguous()
    errors = {}
    for memory in (True, False):
        torch.manual_seed(0)
        model = models.NextFrame(hidden=8, kernel=3, patch=1, channels=1, memory=memory)
        optimiser = torch.optim.AdamW(model.parameters(), lr=0.03)
        for _ in range(120):
            loss = (model(clip)[:, 1:-1] - clip[:, 2:]).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        errors[memory] = loss.item()
    copy = (clip[:, 1:-1] - clip[:, 2:]).square().mean().item()
    assert math.isclose(copy, 0.25)
    assert errors[True] < 0.3 * errors[False] < 0.3 * copy
