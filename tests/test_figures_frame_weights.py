"""FrameWeights without a browser: softmax, its temperature, the pooled frame, what is said and what is refused."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from vidlab import figures
from vidlab.errors import ShapeError
from vidlab.figures import FrameWeights, frame_weights

FOLDER = Path(figures.__file__).parent


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def example(n=3, t=6, c=3, h=9, w=12):
    return random(n, t, c, h, w), 4 * random(n, t, seed=1) - 2


@pytest.mark.parametrize("tau", [0.1, 0.7, 1.0, 10.0])
def test_weights_are_a_softmax(tau):
    clips, scores = example()
    widget = FrameWeights(clips, scores, temperature=tau)
    for k in range(3):
        alpha = torch.softmax(scores[k].double() / tau, 0)
        np.testing.assert_allclose(widget.weights(k), alpha, rtol=1e-9)
        entropy = torch.distributions.Categorical(alpha).entropy()
        assert widget.effective(k) == pytest.approx(entropy.exp().item(), rel=1e-5)
        frames = (clips[k] * 255).round()
        pooled = torch.einsum("t,tchw->hwc", alpha, frames.double())
        np.testing.assert_allclose(widget.pooled(k), pooled, atol=1e-9)


def test_the_ends_are_the_largest_and_the_average():
    clips, _ = example()
    scores = torch.tensor([[0.0, 3.0, 1.0, -2.0, 2.0, 0.5]] * 3)
    widget = FrameWeights(clips, scores)
    frames = (clips[0] * 255).round().permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(widget.pooled(0, 1e-3), frames[1], atol=1e-6)
    np.testing.assert_allclose(widget.pooled(0, 1e6), frames.mean(0), atol=1e-3)
    assert widget.effective(0, 1e-3) == pytest.approx(1)
    assert widget.effective(0, 1e6) == pytest.approx(6)
    taus = np.geomspace(0.1, 10, 9)
    assert (np.diff([widget.effective(0, tau) for tau in taus]) > 0).all()


def test_huge_scores_do_not_overflow():
    clips, scores = example()
    widget = FrameWeights(clips, 1e4 * scores, temperature=0.1)
    assert widget.weights(1).max() == pytest.approx(1)
    assert np.isfinite(widget.pooled(1)).all()


def test_pooling_is_blind_to_order():
    clips, scores = example()
    widget = FrameWeights(clips, scores)
    order = [3, 0, 5, 1, 4, 2]
    np.testing.assert_allclose(widget.pooled(0, order=order), widget.pooled(0), atol=1e-9)
    moved = np.tensordot(widget.weights(0), widget.clips[0][order].astype(float), axes=1)
    assert np.abs(moved - widget.pooled(0)).max() > 5  # bars that stay behind would give another picture


def test_the_page_has_what_python_has():
    clips, scores = example()
    widget = FrameWeights(clips, scores, names=["a", "b", "c"], temperature=0.5, title="Clips", fps=7)
    state = widget.state()
    np.testing.assert_allclose(state["scores"], scores.double(), rtol=1e-12)
    assert state["sprite"]["count"] == 18
    assert (state["sprite"]["fps"], state["temperature"], state["frames"]) == (7, 0.5, 6)
    assert state["order"] == [0, 1, 2, 3, 4, 5]
    assert state["t"] == widget.weights(0).argmax()
    np.testing.assert_array_equal(widget.clips, (clips * 255).round().byte().permute(0, 1, 3, 4, 2).numpy())
    script = (FOLDER / "frame_weights.js").read_text()
    for name in ("COLDEST", "HOTTEST"):
        assert float(re.search(rf"{name} = ([\d.]+);", script)[1]) == getattr(frame_weights, name)


def test_bytes_and_grey_frames():
    clips, scores = example()
    bytes_ = (clips * 255).round().byte()
    assert FrameWeights(bytes_, scores).html() == FrameWeights(bytes_ / 255, scores.double()).html()
    grey = FrameWeights(clips[:, :, :1], scores)
    assert (grey.clips == grey.clips[..., :1]).all()


@pytest.mark.parametrize("shape", [(2, 16, 3, 240, 320), (40, 16, 3, 24, 24), (60, 32, 1, 64, 64)])
def test_any_clips_fit_the_page(shape):
    widget = FrameWeights(random(*shape), random(*shape[:2]))
    assert len(widget.html().encode()) <= 500_000
    said, kept = widget.state()["caption"], len(widget.names)
    assert kept == min(shape[0], 240 // shape[1])
    assert (f"{kept} of {shape[0]} examples" in said) == (kept < shape[0])
    h, w = widget.clips.shape[2:4]
    assert h * w <= frame_weights.MOST_PIXELS
    assert (f"{w}×{h} of {shape[-1]}×{shape[-2]} pixels" in said) == ((h, w) != shape[-2:])
    assert widget.clips.shape[:2] == (kept, shape[1])
    assert widget.sprite.step == 1


def test_what_a_widget_gives():
    clips, scores = example()
    widget = FrameWeights(clips, scores, title="Clips")
    bundle = widget._repr_mimebundle_()
    assert bundle == FrameWeights(clips, scores, title="Clips")._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert "http" not in bundle["text/html"].replace("http://www.w3.org/2000/svg", "")
    wicked = FrameWeights(clips, scores, title="</script><!--", names=3 * ["<script>"]).html()
    assert len(re.findall("</?script", wicked)) == 2
    live = widget.live()
    live.temperature, live.order = 3.0, [5, 4, 3, 2, 1, 0]
    assert (live.get_state()["temperature"], live.get_state()["order"][0]) == (3.0, 5)


def test_the_alternative_text_is_computed():
    clips, scores = example()
    widget = FrameWeights(clips, scores, names=["run", "b", "c"], temperature=0.5)
    alpha = widget.weights(0)
    text = widget.alt
    assert "run, the first of 3 examples, 6 frames of 12×9 pixels" in text
    assert f"At temperature 0.5 frame {alpha.argmax()} weighs most, {alpha.max():.2f}" in text
    assert f"frame {alpha.argmin()} least, {alpha.min():.2f}" in text
    assert f"{widget.effective(0):.1f} effective frames; {widget.effective(0, 0.1):.1f} at temperature 0.1" in text
    assert "examples" not in FrameWeights(clips[:1], scores[:1]).alt
    assert FrameWeights(random(1, 32, 3, 8, 8), random(1, 32)).poster().startswith(b"\x89PNG")


def test_what_does_not_fit_is_refused():
    clips, scores = example()
    with pytest.raises(ShapeError, match=r"clips\[None\]"):
        FrameWeights(clips[0], scores[0])
    with pytest.raises(ShapeError, match="n c t h w"):
        FrameWeights(clips.transpose(1, 2), scores)
    with pytest.raises(ShapeError, match="2 to 32"):
        FrameWeights(random(1, 33, 3, 4, 4), random(1, 33))
    with pytest.raises(ShapeError, match="2 to 32"):
        FrameWeights(clips[:, :1], scores[:, :1])
    with pytest.raises(ShapeError, match="squeeze"):
        FrameWeights(clips, scores[..., None])
    with pytest.raises(ShapeError, match=r"n t = \(3, 6\)"):
        FrameWeights(clips, scores[:, 1:])
    with pytest.raises(ShapeError, match="before the softmax"):
        FrameWeights(clips, scores.log())
    with pytest.raises(ShapeError, match="255"):
        FrameWeights(clips * 255, scores)
    with pytest.raises(ShapeError, match="255"):
        FrameWeights(255 * random(1, 4, 3, 200, 200), random(1, 4))
    with pytest.raises(ShapeError, match="one an example"):
        FrameWeights(clips, scores, names=["a"])
    for tau in (0, 0.05, 11, -1, float("nan")):
        with pytest.raises(ShapeError, match="temperature"):
            FrameWeights(clips, scores, temperature=tau)
    with pytest.raises(ShapeError, match="fps"):
        FrameWeights(clips, scores, fps=0)
