"""The figures without a browser: what they carry, what they say, and what they refuse."""

import io
import re
import struct
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from vidlab import figures
from vidlab.errors import ShapeError
from vidlab.figures import ClipPlayer, SpaceTimeCube, TemporalFilter, filmstrip, frame, grid, show, sprite

FOLDER = Path(figures.__file__).parent


def noise(t=8, h=18, w=26, seed=0):
    return torch.rand(t, 3, h, w, generator=torch.Generator().manual_seed(seed))


def every_widget(title="Noise"):
    clip = noise()
    return [SpaceTimeCube(clip, title=title), ClipPlayer({title: clip}), TemporalFilter(clip, title=title)]


def decoded(sheet: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(sheet)).convert("RGB"))


def chunks(png: bytes) -> list[bytes]:
    """The names of a PNG's chunks."""
    names, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        names.append(png[at + 4 : at + 8])
        at += 12 + length
    return names


@pytest.mark.parametrize("k", range(3))
def test_the_same_arguments_give_the_same_bytes(k):
    one, two = every_widget()[k], every_widget()[k]
    assert one._repr_mimebundle_() == two._repr_mimebundle_()
    assert every_widget("Another")[k].html() != one.html()
    key = re.search('data-vidlab="(.*?)"', one.html())[1]
    assert key == re.search('data-vidlab="(.*?)"', two.html())[1]
    assert key != re.search('data-vidlab="(.*?)"', every_widget("Another")[k].html())[1]


@pytest.mark.parametrize("k", range(3))
def test_what_a_widget_gives(k):
    widget = every_widget()[k]
    bundle = widget._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert bundle["text/plain"] == widget.alt
    assert "Noise" in widget.alt
    assert "8 frames of 26×18 pixels" in widget.alt
    assert set(chunks(bundle["image/png"])) <= {b"IHDR", b"PLTE", b"IDAT", b"IEND"}  # no date, no version
    assert "http" not in re.sub(r"http://www.w3.org/2000/svg", "", bundle["text/html"])  # a name, not an address


@pytest.mark.parametrize("k", range(3))
def test_a_title_cannot_close_the_script(k):
    html = every_widget("</script><script>alert(1)</script><!--")[k].html()
    assert len(re.findall("</?script", html)) == 2
    assert "<!--" not in html


WIDGETS = sorted(file.name for file in FOLDER.glob("*.js") if "export default { render }" in file.read_text())


@pytest.mark.parametrize("name", WIDGETS)
def test_the_script_is_whole(name):
    """One module of all files that it needs, each after what it imports from; and nothing is imported for nothing."""
    module, files = frame.module(name), frame.scripts(name)
    assert not re.search(r"^import", module, re.MULTILINE)
    assert module.count("export") == module.count("export default { render }") == 1
    assert "export" not in frame.module(name, exports=False)
    assert (files[0], files[-1]) == ("kit.js", name)
    for k, file in enumerate(files):
        own = (FOLDER / file).read_text()
        imports = re.findall(r'^import \{ (.*) \} from "\./(.*)";$', own, re.MULTILINE)
        assert len(imports) == len(re.findall(r"^import", own, re.MULTILINE))
        for names, source in imports:
            assert source in files[:k]
            there = (FOLDER / source).read_text()
            for each in names.split(", "):
                assert re.search(rf"^export (async )?(function|const) {each}\b", there, re.MULTILINE), (
                    f"{source}: {each}"
                )
                assert len(re.findall(rf"\b{each}\b", own)) > 1, f"{file} imports {each} for nothing"
    defined = re.findall(r"^(?:async )?(?:function|const) (\w+)", module, re.MULTILINE)
    assert len(defined) == len(set(defined)), "two files define one name"


def test_a_widget_styles_nothing_but_itself():
    """Two kinds of widget may stand on one page: what is not the kit's stays under the class of its own figure."""
    for file in FOLDER.glob("*.css"):
        if file.name == "kit.css":
            continue
        root = re.search(r'"figure",\s*\{\s*class: [^"\n]*"([\w-]+)', file.with_suffix(".js").read_text())[1]
        rules = re.sub(r"/\*.*?\*/", "", file.read_text(), flags=re.DOTALL)
        for selectors in re.findall(r"([^{}]+)\{[^{}]*\}", rules):  # the innermost braces, so no @container
            for each in re.split(r",(?![^()]*\))", selectors):
                theme = r"(\[data-jp-theme-light=\"(true|false)\"\] )?"
                assert re.match(rf"{theme}\.vidlab \.{root}(?![\w-])", each.strip()), f"{file.name}: {each.strip()}"


def test_python_and_javascript_agree_on_constants():
    from vidlab.figures import space_time_cube, temporal_filter

    script = (FOLDER / "space_time_cube.js").read_text()
    assert f"TIME_LENGTH = {space_time_cube.TIME_LENGTH};" in script
    assert f"ZERO_SUM = {temporal_filter.ZERO_SUM};" in (FOLDER / "temporal_filter.js").read_text()
    style = (FOLDER / "kit.css").read_text()
    for name, colour in {"t": space_time_cube.OF_T, "x": space_time_cube.OF_X, "y": space_time_cube.OF_Y}.items():
        assert f"--of-{name}: {colour.lower()};" in style


def test_live_values_are_traits():
    live = SpaceTimeCube(noise(), t=3, x=5).live()
    assert (live.t, live.x) == (3, 5)
    live.t = 6
    assert live.get_state()["t"] == 6
    assert "export default { render }" in live._esm
    assert ".vidlab" in live._css


def test_a_small_clip_travels_without_loss():
    clip = (noise(30, 13, 17) * 255).byte()
    made = sprite.make_sprite(clip)
    assert made.lossless
    assert made.reductions == []
    assert made.columns > 1
    sheet = decoded(made.sheet)
    for k, image in enumerate(clip):
        row, column = divmod(k, made.columns)
        cell = sheet[row * 16 : row * 16 + 13, column * 24 : column * 24 + 17]
        np.testing.assert_array_equal(cell, image.permute(1, 2, 0))


@pytest.mark.parametrize(("t", "h", "w"), [(70, 120, 240), (500, 40, 90), (40, 300, 300)])
def test_any_clip_fits_the_page_and_the_caption_says_how(t, h, w):
    cube = SpaceTimeCube((noise(t, h, w) * 255).byte())  # noise is the worst that can be compressed
    page = len(cube.html().encode())
    assert page <= 500_000
    made = cube.sprite
    assert len(made.frames) <= sprite.MAX_FRAMES
    said = cube.state()["caption"]
    assert (f"{len(made.frames)} of {t} frames" in said) == (made.step > 1)
    assert (f"{made.frames.shape[2]}×{made.frames.shape[1]} of {w}×{h} pixels" in said) == (made.scale > 1)
    assert ("lossy" in said) == (not made.lossless)


def test_a_still_background_is_sent_once(monkeypatch):
    monkeypatch.setattr(sprite, "LOSSLESS_PIXELS", 0)
    ground = 128 + 60 * torch.sin(torch.arange(160) / 7) * torch.cos(torch.arange(96) / 5)[:, None]
    clip = ground.byte().repeat(40, 3, 1, 1)
    for k in range(40):
        clip[k, :, 30:60, 3 * k : 3 * k + 24] = 240
    still = sprite.make_sprite(clip)
    assert still.base is not None
    moving = sprite.make_sprite(torch.stack([image.roll(5 * k, -1) for k, image in enumerate(clip)]))
    assert moving.base is None
    assert len(still.sheet) + len(still.base) < 0.3 * len(moving.sheet)


def test_the_difference_curve_can_be_undone():
    base = np.full((1, 511, 3), 0, np.uint8)
    every = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, -1)
    for ground in (0, 90, 255):
        base = np.full_like(every, ground)
        coded = sprite._differences(every[None], base)[0].astype(float) - 128
        back = base + np.rint(255 * coded / (255 - abs(coded)))  # as in kit.js
        assert np.abs(back - every).max() <= 3
        near = np.abs(every.astype(int) - ground) < 40
        assert np.abs(back - every)[near].max() <= 1


WRONG = {
    "a batch": (torch.zeros(2, 8, 3, 4, 4), "clip[0]"),
    "channels last": (torch.zeros(8, 4, 4, 3), "permute(0, 3, 1, 2)"),
    "grey without channel": (torch.zeros(8, 4, 4), "unsqueeze(1)"),
    "no frames": (torch.zeros(0, 3, 4, 4), "at least one frame"),
    "bytes as floats": (torch.full((8, 3, 4, 4), 200.0), "clip / 255"),
    "negative": (torch.full((8, 3, 4, 4), -0.5), "(clip + 1) / 2"),
    "not a number": (torch.full((8, 3, 4, 4), float("nan")), "nan"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_clip_is_refused_with_the_mend(what):
    clip, words = WRONG[what]
    for make in (SpaceTimeCube, TemporalFilter, lambda clip: ClipPlayer({"a": clip}), filmstrip):
        with pytest.raises(ShapeError) as error:
            make(clip)
        assert words in str(error.value)


def test_places_and_kernels_outside_are_refused():
    clip = noise()
    for place in ({"x": 26}, {"y": -1}, {"t": 8}):
        with pytest.raises(ShapeError, match="inside the clip"):
            SpaceTimeCube(clip, **place)
        with pytest.raises(ShapeError, match="inside the clip"):
            TemporalFilter(clip, **place)
    for kernel in (torch.ones(4), torch.ones(3, 3), torch.ones(33), torch.full((3,), float("inf"))):
        with pytest.raises(ShapeError, match="odd number of taps"):
            TemporalFilter(clip, kernel=kernel)
    for clips in ({}, clip, [clip]):
        with pytest.raises(ShapeError, match="dict of title: clip"):
            ClipPlayer(clips)
    with pytest.raises(ShapeError, match="frame of the longest clip"):
        ClipPlayer({"a": clip}, t=8)
    with pytest.raises(ShapeError, match="positive number of frames per second"):
        SpaceTimeCube(clip, fps=0)


def test_one_frame_and_one_pixel_are_enough():
    dot = torch.zeros(1, 1, 1, 1)
    for widget in (SpaceTimeCube(dot), ClipPlayer({"dot": dot}), TemporalFilter(dot)):
        assert widget.poster().startswith(b"\x89PNG")
        assert len(widget.html()) > 1000


def test_the_alternative_text_is_computed():
    still = torch.full((10, 3, 20, 30), 0.5)
    moving = still.clone()
    for k in range(10):
        moving[k, :, :, 3 * k] = 1.0
    assert "100% of the pixels stay" in SpaceTimeCube(still).alt
    assert "97% of the pixels stay" in SpaceTimeCube(moving, y=7).alt  # one of 30 at a time does not
    assert "0% of the pixels change" in ClipPlayer({"a": still}).alt
    assert "7% of the pixels change" in ClipPlayer({"a": moving}).alt  # 2 of 30
    assert "cancel" in TemporalFilter(moving, kernel=torch.tensor([-0.5, 0, 0.5])).alt
    assert "add up to 1.00" in TemporalFilter(moving).alt


def test_cubes_begin_where_most_happens():
    clip = torch.zeros(10, 3, 20, 30)
    clip[::2, :, 4:6, 7] = 1.0
    clip[::2, :, 5, 8] = 1.0
    cube = SpaceTimeCube(clip)
    assert (cube.x, cube.y, cube.t) == (7, 5, 5)


# --- stills ---


def test_a_figure_is_shown_with_its_words_and_closed():
    def draw():
        figure, axes = plt.subplots()
        axes.plot([1, 2, 3])
        return figure

    one, two = draw(), draw()
    shown = show(one, alt='a "line" <up>')
    assert not plt.fignum_exists(one.number)
    bundle = shown._repr_mimebundle_()
    assert bundle["text/plain"] == 'a "line" <up>'
    assert 'alt="a &quot;line&quot; &lt;up&gt;"' in bundle["text/html"]
    assert bundle["image/png"] == show(two, alt="").data
    assert set(chunks(bundle["image/png"])) <= {b"IHDR", b"PLTE", b"IDAT", b"IEND"}


def test_an_image_is_shown_in_its_own_pixels():
    image = (noise(1, 9, 11)[0] * 255).byte()
    shown = Image.open(io.BytesIO(show(image, "noise").data))
    factor = shown.width // 11
    assert shown.size == (11 * factor, 9 * factor)
    np.testing.assert_array_equal(np.asarray(shown)[::factor, ::factor], image.permute(1, 2, 0))
    grey = show(torch.linspace(0, 1, 12).reshape(3, 4), "a ramp")
    assert len(Image.open(io.BytesIO(grey.data)).getcolors()) == 12
    with pytest.raises(ShapeError):
        show(torch.zeros(2, 2, 2, 2), "no image")


def test_a_large_picture_keeps_white_paper():
    picture = Image.fromarray((noise(1, 400, 500)[0].permute(1, 2, 0) * 255).byte().numpy())
    picture.paste("white", (0, 0, 50, 50))
    small = Image.open(io.BytesIO(show(picture, "noise").data)).convert("RGB")
    assert small.getpixel((10, 10)) == (255, 255, 255)


def test_a_film_strip_takes_the_frames_it_says():
    clip = torch.arange(10).reshape(10, 1, 1, 1).expand(10, 3, 8, 8) / 10

    def levels(strip):
        picture = np.asarray(Image.open(io.BytesIO(strip.data)).convert("L")).astype(int)
        row = picture[20]
        return [round(value / 25.5) for value in row[[0, *np.flatnonzero(np.diff(row)) + 1]] if value < 255]

    assert levels(filmstrip(clip, n=4)) == [0, 3, 6, 9]
    strip = filmstrip(clip, times=[0.0, 0.25, 0.9], alt=None)
    assert levels(strip) == [0, 2, 9]  # the frame on screen at that time
    assert strip.alt == "3 frames of 8×8 pixels, at 0.00, 0.20, 0.90 seconds."
    assert filmstrip(clip, title="Grey", alt="my words").alt == "my words"


def test_a_grid_has_a_row_for_each_name_and_a_column_for_each_frame():
    tones = torch.arange(6).mul(40).byte().reshape(2, 3, 1, 1, 1).expand(2, 3, 3, 8, 12)
    picture = grid({"truth": tones[0], "a much longer name": tones[1]}, ["one", "two", "three"], title="Grey")
    assert picture.alt == "Grey: 2 rows (truth; a much longer name), 3 columns: one, two, three."
    image = np.asarray(Image.open(io.BytesIO(picture.data)).convert("RGB"))
    found = [[int(image[y, x, 0]) for x in (image.shape[1] - 80 - 154 * np.arange(3)[::-1])] for y in (100, 210)]
    assert found == [[0, 40, 80], [120, 160, 200]]
    assert grid({"few": tones[0], "fewer": tones[1][:1]}, alt="my words").alt == "my words"
    for rows, columns in (({}, None), ({"a": tones[0], "b": tones[1][..., 1:]}, None), ({"a": tones[0]}, ["one"])):
        with pytest.raises(ShapeError, match="of one size"):
            grid(rows, columns)
