"""TwoStreams without a browser: what is given is what is shown, in numbers, colours and words; what is refused."""

import dataclasses
import json
import re

import numpy as np
import pytest
import torch
from matplotlib.text import Text
from of_two_streams import KINDS, MOTIONS, SIXTEEN, chance, disturbance, example

from vidlab.errors import ShapeError
from vidlab.figures import Disturbance, TwoStreams, two_streams_asked
from vidlab.figures.two_streams_poster import two_streams_figure
from vidlab.figures.two_streams_words import halves, table
from vidlab.flow import colorize
from vidlab.models import TemporalStream
from vidlab.worlds import World


def small(v=2, n=2, t=3, moments=None, size=(8, 8), classes=4, names=("RGB", "flow", "fused"), seed=0, **parts):
    """A disturbance of noise, quickly made; scores by chance, and "fused" the mean of the others."""
    h, w = size
    logits = {name: 6 * chance(v, n, classes, seed=seed + k) for k, name in enumerate(names)}
    scores = {name: each.softmax(-1) for name, each in logits.items()}
    if "fused" in scores:
        scores["fused"] = (scores[names[0]] + scores[names[1]]) / 2
    made = {
        "name": "noise",
        "values": [0.1 * k for k in range(v)],
        "clips": (255 * chance(v, n, t, 3, h, w, seed=seed)).byte(),
        "flow": 4 * chance(v, n, t - 1 if moments is None else moments, 2, h, w, seed=seed + 1) - 2,
        "scores": scores,
    }
    return Disturbance(**made | parts)


def widget(*disturbances, classes=MOTIONS, truth=(1, 2), **options):
    return TwoStreams(list(disturbances) or small(), torch.tensor(truth), list(classes), **options)


def test_the_sheets_hold_every_view():
    ones = [small(v=3, seed=1), small(v=2, seed=7, name="camera")]
    made = widget(*ones, reach=3.0)
    assert made.films.lossless
    for d, one in enumerate(ones):
        for level in range(len(one.values)):
            for clip in range(2):
                film = one.clips[level, clip].permute(0, 2, 3, 1).numpy()
                np.testing.assert_array_equal(made.film(d, level, clip), film)
                flow = one.flow[level, clip].permute(0, 2, 3, 1).numpy()
                np.testing.assert_allclose(made.flow(d, level, clip), flow, atol=3.0 / 64 / 2 + 1e-6)
    state = made.state()
    assert [each["first"] for each in state["disturbances"]] == [0, 6]
    assert [each["values"] for each in state["disturbances"]] == [["0", "0.1", "0.2"], ["0", "0.1"]]
    assert (state["films"]["count"], state["fields"]["count"]) == (10 * 3, 10 * 2)
    assert (state["half"], state["rim"], state["reach"]) == (80, 64, 3.0)
    # the bytes of the page: u is red and v is green, rest in the middle
    codes = np.rint(made.flow(1, 1, 0)[1] / made.fields.step).astype(int)
    np.testing.assert_array_equal(made.fields.sheet.frames[made.view(1, 1, 0) * 2 + 1][..., :2], codes + 80)


def test_sides_that_are_no_multiple_of_a_block():
    one = small(size=(10, 13))
    made = widget(one)
    np.testing.assert_array_equal(made.film(0, 1, 1), one.clips[1, 1].permute(0, 2, 3, 1))
    assert made.coloured(0, 1, 1).shape == (2, 10, 13, 3)
    assert made.state()["films"]["cell"] == [16, 16]


def test_the_flow_is_in_the_colours_of_its_wheel():
    one = small(size=(16, 16))
    made = widget(one, reach=1.5)
    exact = colorize(torch.from_numpy(made.flow(0, 1, 0)).permute(0, 3, 1, 2), largest=1.5).permute(0, 2, 3, 1) * 255
    np.testing.assert_array_equal(made.coloured(0, 1, 0), exact.round().byte())
    assert made.tones.shape == (161, 161, 3)
    assert made.tones[80, 80].tolist() == [255, 255, 255]
    assert made.tones[80, 80 + 64].tolist() == [255, 0, 0], "to the right: red"


def test_what_is_longer_than_can_be_said_keeps_its_direction():
    flow = torch.zeros(1, 1, 2, 2, 8, 8)
    flow[:, :, :, 0], flow[:, :, :, 1] = 30, -40
    made = widget(small(v=1, n=1, t=3, flow=flow), truth=[0], reach=2.0)
    np.testing.assert_allclose(made.flow(0, 0, 0)[0, 0, 0], [1.5, -2.0], atol=0.02)
    bright, dark = made.tones[80, 80 + 60].astype(int), made.coloured(0, 0, 0)[0, 0, 0]
    assert dark.max() <= 0.76 * bright.max(), "darker, as beyond the scale"


def test_one_scale_for_the_flow():
    assert widget(small(flow=torch.full((2, 2, 2, 2, 8, 8), 3.0))).reach == pytest.approx(4.2)
    flow = torch.full((2, 2, 2, 2, 8, 8), 3.0)
    flow[1] = 30
    assert widget(small(flow=flow)).reach == pytest.approx(2 * 4.24, abs=0.05), "at most twice that of the first level"
    flow[1] = 4.0
    assert widget(small(flow=flow)).reach == pytest.approx(5.7), "nearly the longest"
    assert widget(reach=7).reach == 7


def test_one_scale_for_the_bars():
    for most, end in ((0.28, 0.3), (0.5, 0.5), (0.61, 0.8), (0.999, 1.0)):
        p = torch.full((2, 2, 4), (1 - most) / 3)
        p[1, 1, 2] = most
        p[0], p[1, 0] = 0.25, 0.25
        assert widget(small(scores={"a": p})).state()["end"] == end


def test_means_are_found_out():
    p = chance(5, 3, 4).softmax(-1).numpy()
    assert halves(p) == {}
    p[:, 2] = (p[:, 0] + p[:, 1]) / 2
    assert halves(p) == {2: (0, 1)}
    assert halves(p[:, [2, 0, 1]]) == {0: (1, 2)}
    p[3, 2] = p[3, 0]
    assert halves(p) == {}, "in all views, or it is no mean"
    same = np.repeat(p[:, :1], 3, axis=1)
    assert halves(same) == {}, "of equal scores nothing can be said"
    assert widget().state()["means"] == [None, None, [0, 1]]
    assert widget(small(names=("RGB", "flow"))).state()["means"] == [None, None]
    four = np.stack([p[:, 0], p[:, 1], (p[:, 0] + p[:, 1]) / 2, p[::-1, 0]], axis=1)
    assert halves(four) == {2: (0, 1)}


def test_pairs_of_words_make_a_table():
    assert table(SIXTEEN) == (["red", "blue", "green", "yellow"], list(MOTIONS))
    assert table(["a x", "b x", "a y", "b y"]) == (["a", "b"], ["x", "y"])
    for names in (list(MOTIONS), SIXTEEN[:15], ["a x", "a y"], ["a x", "b y"], ["a x 1", "a y", "b x", "b y"]):
        assert table(names) is None


def spread(**shares):
    """Probabilities of the sixteen classes: given ones by name (with _ for a space), the rest for all others alike."""
    given = {name.replace("_", " "): share for name, share in shares.items()}
    rest = (1 - sum(given.values())) / (16 - len(given))
    return torch.tensor([given.get(name, rest) for name in SIXTEEN])


def test_the_sentence_says_who_knows_what():
    rgb = spread(red_right=0.23, red_down=0.25, red_left=0.24, red_up=0.24)
    flow = spread(red_right=0.22, blue_right=0.24, green_right=0.23, yellow_right=0.27)
    scores = {"RGB": rgb, "flow": flow, "fused": (rgb + flow) / 2}
    scores = {name: p.expand(1, 1, 16) for name, p in scores.items()}
    made = widget(small(v=1, n=1, scores=scores), classes=SIXTEEN, truth=[0])
    said = made.told(0, 0, 0).replace("\u202f", " ")
    assert said.startswith("The right class is red right. ")
    assert "RGB finds “red” (96 %), but not “right” (24 %), and answers red down: wrong; " in said
    assert "flow finds “right” (96 %), but not “red” (23 %), and answers yellow right: wrong; " in said
    assert said.endswith("fused gives red right ½ · 23 % + ½ · 22 % ≈ 22 %, more than yellow right, 14 %: right.")
    assert made.told(0, 0, 0) in made.alt + "."
    wrong = widget(small(v=1, n=1, scores=scores), classes=SIXTEEN, truth=[5]).told(0, 0, 0).replace("\u202f", " ")
    assert "RGB finds neither “blue” (1 %) nor “down” (26 %) and answers red down: wrong" in wrong
    assert re.search(r"fused gives blue down ½ · 0 % \+ ½ · 0 % ≈ 0 %, less than red right, 22 %: wrong\.$", wrong)
    both = {"one": spread(red_right=0.9).expand(1, 1, 16)}
    sure = widget(small(v=1, n=1, scores=both), classes=SIXTEEN, truth=[0]).told(0, 0, 0).replace("\u202f", " ")
    assert sure.endswith("one finds “red” (92 %) and “right” (92 %) and answers red right: right.")


def test_the_sentence_for_other_classes():
    p = {"RGB": torch.tensor([0.2, 0.5, 0.2, 0.1]), "flow": torch.tensor([0.6, 0.1, 0.2, 0.1])}
    p["fused"] = (p["RGB"] + p["flow"]) / 2
    scores = {name: each.expand(1, 1, 4) for name, each in p.items()}
    said = widget(small(v=1, n=1, scores=scores), truth=[0]).told(0, 0, 0).replace("\u202f", " ")
    assert "RGB gives right 20 % and answers down: wrong; flow gives right 60 % and answers right: right; " in said
    assert said.endswith("fused gives right ½ · 20 % + ½ · 60 % ≈ 40 %, more than down, 30 %: right.")


def test_the_alternative_text_is_computed():
    one, truth = disturbance(v=3, n=2)
    made = TwoStreams(one, truth, SIXTEEN, "Two eyes", level=2, clip=1)
    assert made.alt.startswith(
        "Two eyes: 2 clips of 6 frames of 32×32 pixels, 5 flow fields, and the scores of RGB, flow"
    )
    assert f"Clip 2, sensor noise σ 0.1: The right class is {SIXTEEN[truth[1]]}. RGB finds" in made.alt
    assert f"The gate, a mean over features, is {one.gate[2, 1].mean():.2f} over all places" in made.alt
    first, last = (one.flow[k].norm(dim=2).mean() for k in (0, 2))
    assert f"σ from 0 to 0.1: the flow's mean length goes from {first:.2f} to {last:.2f} pixels" in made.alt
    assert "the accuracy of fused from 99 to 73 %" in made.alt
    bare = widget()
    assert "gate" not in bare.alt
    assert "accuracy" not in bare.alt


def test_the_page_has_what_python_has():
    made = example(*list(KINDS)[:2], v=3, n=2, gate=8, disturbance=1, level=2, clip=1, frame=4, fps=7)
    state = json.loads(json.dumps(made.state()))
    assert [state[key] for key in ("disturbance", "level", "clip", "frame")] == [1, 2, 1, 4]
    assert (state["counts"], state["films"]["fps"], state["truth"]) == ([2, 6, 5], 7, made.truth)
    assert state["table"] == [["red", "blue", "green", "yellow"], list(MOTIONS)]
    one, exact = state["disturbances"][1], made.levels[1]
    np.testing.assert_allclose(one["p"], exact.p, atol=5e-5)
    assert one["top"] == exact.p.argmax(-1).tolist()
    assert "".join(words for _, words in one["told"][2][1]) == made.told(1, 2, 1)
    assert one["lengths"][2][1] == pytest.approx(np.hypot(*np.moveaxis(exact.flow[2, 1], -1, 0)).mean(), abs=0.006)
    assert one["gate"]["shape"] == [8, 8]
    assert one["gate"]["mean"][2][1] == pytest.approx(exact.gate[2, 1].mean(), abs=1e-3)
    assert one["accuracy"][2] == pytest.approx([0.99, 0.86, 0.73])
    np.testing.assert_allclose(made.gate_codes(1) / 255, exact.gate, atol=0.002)
    assert made.gate_tones[0].tolist() == [0xB8, 0x4A, 0x00], "0: the motion's colour"
    assert made.gate_tones[255].tolist() == [0x00, 0x72, 0xB2], "1: the picture's"
    live = made.live()
    live.level, live.clip, live.frame, live.disturbance = 1, 0, 2, 0
    assert [live.get_state()[name] for name in ("level", "clip", "frame", "disturbance")] == [1, 0, 2, 0]


def test_accuracy_of_some_of_the_scores_is_enough():
    state = widget(small(accuracy={"fused": [1.0, 0.5]})).state()["disturbances"][0]
    assert state["accuracy"] == [None, None, [1.0, 0.5]]
    assert widget().state()["disturbances"][0]["accuracy"] is None


def test_arrays_of_numpy_and_other_floats_do_as_well():
    one = small()
    other = dataclasses.replace(
        one,
        values=tuple(one.values),
        clips=one.clips.numpy(),
        flow=one.flow.double().numpy(),
        scores={name: p.numpy() for name, p in one.scores.items()},
    )
    assert widget(one).html() == widget(other).html()


def test_what_a_widget_gives():
    make = lambda title="Opened": widget(small(gate=chance(2, 2, 4, 4)), title=title)  # noqa: E731
    bundle = make()._repr_mimebundle_()
    assert bundle == make()._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert "http" not in bundle["text/html"].replace("http://www.w3.org/2000/svg", "")
    assert len(re.findall("</?script", make("</script><!--").html())) == 2


@pytest.mark.parametrize("names", [("one",), ("a", "b"), ("RGB", "flow", "fused", "gated", "e")])
def test_a_poster_of_any_number_of_scores(names):
    for classes in (MOTIONS, ["a x", "a y", "b x", "b y"]):
        image = widget(small(names=names, accuracy={names[0]: [1, 0]}), classes=classes).poster_image()
        assert image.size == (980, 580)
        assert len(np.unique(image.convert("L"))) > 20


def expect_legible(figure):
    """No words lie on others, none is cut, and each is large enough. Returns all of them."""
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    boxes = [text.get_window_extent() for text in texts]
    for k, (text, box) in enumerate(zip(texts, boxes, strict=True)):
        assert text.get_fontsize() >= 7.5
        assert min(box.x0, box.y0, figure.bbox.x1 - box.x1, figure.bbox.y1 - box.y1) >= 0, text
        for other, near in zip(texts[:k], boxes[:k], strict=True):
            apart = box.x0 >= near.x1 or near.x0 >= box.x1 or box.y0 >= near.y1 - 1.5 or near.y0 >= box.y1 - 1.5
            assert apart, (text.get_text(), other.get_text())
    return [text.get_text() for text in texts]


WORDY = [f"{what} {way}" for what in ("turquoise", "vermilion") for way in ("downwards", "upwards")]
LONG = ["opening something", "closing something", "taking one of many similar things", "nothing"]


@pytest.mark.parametrize("names", [("one",), ("RGB", "flow", "fused"), ("picture", "flow", "fused", "gated", "e")])
def test_words_of_the_poster_lie_apart(names):
    gate, lines = chance(2, 2, 4, 4), {name: [1.0, 0.06 + 0.01 * k] for k, name in enumerate(names)}
    for classes, n in ((WORDY, 4), (LONG, 4), (SIXTEEN, 16), ([f"class {k}" for k in range(24)], 24)):
        for parts in ({}, {"gate": gate}, {"gate": gate, "accuracy": lines, "tests": 200}, {"accuracy": lines}):
            made = widget(small(names=names, classes=n, **parts), classes=classes)
            words = expect_legible(two_streams_figure(made))
            p, truth = made.levels[0].p[0, 0], made.truth[0]
            for each in p:
                answer = f"{'✓' if each.argmax() == truth else '✗'} {classes[each.argmax()]}"
                assert any(answer.startswith(one.removesuffix("…")) for one in words if one[0] in "✓✗")
                assert f"{100 * each.max():.0f}\u202f%" in words
            assert ("gate G" in words) == ("mean over features" in words) == ("gate" in parts)
            assert (f"chance {100 / n:.0f}\u202f%" in words) == ("accuracy" in parts)
            head = f"accuracy on {'200' if 'tests' in parts else 'test'} clips, {n} classes"
            assert (head in words) == ("accuracy" in parts)
            if parts.get("tests"):
                assert f"all places: {gate[0, 0].mean():.2f}" in words


def test_how_many_clips_the_accuracy_is_of(monkeypatch):
    head = lambda made: made.state()["disturbances"][0]["head"]  # noqa: E731
    assert head(widget(small(accuracy={"fused": [1, 0]}))) == "accuracy on test clips, 4 classes"
    made = widget(small(accuracy={"fused": [1, 0]}, tests=80))
    assert head(made) == "accuracy on 80 clips, 4 classes"
    assert "fused from 100 to 0 % (accuracy on 80 clips, 4 classes; chance 25\u202f%)" in made.alt
    monkeypatch.setattr(two_streams_asked, "DISTURBANCES", {"noise": ("noise", ())})
    of = TwoStreams.of({"flow": TemporalStream(16)}, World(frames=6), shown=1, tests=3)
    assert head(of) == "accuracy on 3 clips, 16 classes"
    assert all((3 * share) == pytest.approx(round(3 * share)) for (share,) in of.levels[0].accuracy.values())


def test_the_largest_use_fits_the_page():
    made = example(*KINDS, gate=8)
    assert len(made.html().encode()) <= 500_000
    assert made.state()["caption"].startswith("Two streams. Shown with lossy compression of the frames")
    film, seen = made.levels[0].clips[0, 1].astype(float), made.film(0, 0, 1)
    assert np.abs(film - seen).mean() < 8, "of 255"
    noise = [small(6, 4, 6, size=(32, 32), classes=16, seed=k, name=f"noise {k}") for k in range(3)]
    most = widget(*noise, classes=SIXTEEN, truth=(0, 1, 2, 3))
    assert len(most.html().encode()) <= 500_000
    assert most.flow(2, 5, 3).shape == (5, 16, 16, 2)
    assert most.state()["caption"] == "Shown with lossy compression of the frames, flow of 16×16 pixels."
    flow = noise[2].flow[5, 3].double().unfold(-2, 2, 2).unfold(-2, 2, 2).mean((-1, -2)).permute(0, 2, 3, 1)
    np.testing.assert_allclose(most.flow(2, 5, 3), flow, atol=0.51 * most.fields.step)


def test_what_does_not_fit_is_refused(as_learners_run_it):
    one = small()

    def refused(words, *disturbances, **options):
        with pytest.raises(ShapeError, match=words) as error:
            widget(*disturbances, **options)
        assert error.value.wanted

    swap = lambda **parts: dataclasses.replace(one, **parts)  # noqa: E731
    refused(r"\(255 \* clips\)", swap(clips=one.clips / 255))
    refused(r"clips\[:, None\]", swap(clips=one.clips[:, 0]))
    refused("v n t h w c -> v n t c h w", swap(clips=one.clips.movedim(3, -1)))
    refused("2 numbers, one for each level", swap(values=[1]))
    refused("2 numbers, one for each level", swap(values=[1, float("nan")]))
    refused("at most 16", small(t=17))
    refused("l = 3 or 2", swap(flow=one.flow[:, :, :1]))
    refused("l = 3 or 2", swap(flow=one.flow[:, 0]))
    refused("l = 3 or 2", swap(flow=one.flow.long()))
    refused(r"\(2, 2, 2, 2, 8, 8\), as the clips are", swap(flow=one.flow[..., :7]))
    refused(r"\(u, v\) at the fourth axis", swap(flow=one.flow.movedim(3, -1)))
    refused("not finite", swap(flow=one.flow / 0))
    refused("a dict of 1 to 5 names", swap(scores={}))
    refused("a dict of 1 to 5 names", swap(scores=one.scores["RGB"]))
    refused(r"scores\['RGB'\] .* \(2, 2, 4\): levels, clips, classes", swap(scores={"RGB": one.scores["RGB"][..., :3]}))
    refused("softmax", swap(scores={"RGB": 2 * one.scores["RGB"]}))
    refused("softmax", swap(scores={"RGB": one.scores["RGB"] * torch.nan}))
    refused("at most one place a pixel", swap(gate=chance(2, 2, 9, 4)))
    refused(r"gate\.mean\(2\)", swap(gate=chance(2, 2, 5, 4, 4)))
    refused(r"\(2, 2\) h2 w2", swap(gate=chance(1, 2, 4, 4)))
    refused("sigmoid", swap(gate=4 * chance(2, 2, 4, 4)))
    refused("some of", swap(accuracy={"other": [1, 1]}))
    refused("2 numbers from 0 to 1", swap(accuracy={"RGB": [1]}))
    refused("not per cent", swap(accuracy={"RGB": [99, 80]}))
    refused("a Disturbance, or a list", {"noise": one})
    refused("a name of its own", one, one)
    refused("the same clips, frames and names", one, small(t=4, name="camera"))
    refused("the same clips, frames and names", one, small(names=("RGB",), name="camera"))
    refused("the same clips, frames and names", one, small(moments=3, name="camera"))
    for tests in (0, -3, 2.5, "200"):
        refused("how many clips", swap(tests=tests))
    refused("at most 96", small(v=49))
    refused("2 to 24 different", classes=["a", "a", "b", "c"])
    refused("2 to 24 different", classes=["a"])
    for truth in ((1,), (0, 4), (-1, 0), (0.5, 1.0)):
        refused("2 integers from 0 to 3", truth=truth)
    for reach in (0, -1, float("inf")):
        refused("above 0", reach=reach)
    refused("disturbance = 1", disturbance=1)
    refused("level = 2", level=2)
    refused("clip = 2", clip=2)
    refused("frame = 3", frame=3)
    refused("pixels a side", small(v=48, size=(400, 8), t=2))
