"""Listings: folders, tables and four official forms; what is amiss is counted and told, and the others are listed."""

import json
import os
import sys
from pathlib import Path

import pytest

from vidlab import DataError
from vidlab.datasets import Row, Rows, folders, hmdb51, kinetics, something, table, ucf101
from vidlab.datasets.official import hmdb_film


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def told(rows, words):
    """The names under the one trouble whose kind holds these words."""
    (found,) = [names for kind, names in rows.troubles.items() if words in kind]
    return found


# --- folders -------------------------------------------------------------------------------------------------------


def test_a_folder_of_class_folders(tmp_path):
    touch(tmp_path, "run/a.mp4", "run/deep/b.MKV", "walk/c.avi", "walk/notes.txt", "loose.mp4", "walk/.hidden.mp4")
    rows = folders(tmp_path)
    assert rows.classes == ("run", "walk")
    assert [(row.path.name, row.label, row.source, row.split) for row in rows] == [
        ("a.mp4", "run", "run/a.mp4", ""),
        ("b.MKV", "run", "run/deep/b.MKV", ""),
        ("c.avi", "walk", "walk/c.avi", ""),
    ]
    assert rows.labels.tolist() == [0, 0, 1]
    assert told(rows, "no videos by their ending") == ["notes.txt"]
    assert told(rows, "outside of a class folder") == ["loose.mp4"]
    assert "3 videos, 2 classes, 3 sources" in repr(rows)
    assert "loose.mp4" in repr(rows)


def test_train_and_test_folders_are_the_official_split(tmp_path):
    touch(tmp_path, "Train/run/a.mp4", "Train/walk/b.mp4", "val/run/c.mp4", "test/walk/d.mp4")
    rows = folders(tmp_path)
    assert {(row.label, row.split) for row in rows} == {
        ("run", "train"), ("walk", "train"), ("run", "validation"), ("walk", "test")
    }  # fmt: skip
    assert folders(touch(tmp_path / "x", "train/a.mp4", "run/b.mp4")).classes == ("run", "train")  # then it is a class


@pytest.mark.parametrize(
    "source", [r"(film\d+)_", lambda path: path.name.split("_")[0] if "_" in path.name else "", r"film\d+(?=_)"]
)
def test_the_source_is_told_by_a_function_or_an_expression(tmp_path, source):
    touch(tmp_path, "run/film1_a.mp4", "walk/film1_b.mp4", "walk/film2_a.mp4", "walk/other.mp4")
    rows = folders(tmp_path, source=source)
    assert [row.source for row in rows] == ["film1", "film1", "film2", "walk/other.mp4"]
    assert told(rows, "`source` says nothing") == ["other.mp4"]


def test_a_folder_that_cannot_be_used(tmp_path):
    with pytest.raises(DataError, match="there is no folder"):
        folders(tmp_path / "none")
    with pytest.raises(DataError, match=r"no video that is here.*a\.txt"):
        folders(touch(tmp_path, "run/a.txt"))
    with pytest.raises(DataError, match="no regular expression"):
        folders(touch(tmp_path, "run/a.mp4"), source="(")


def test_a_file_that_is_there_twice_by_a_link_counts_once(tmp_path):
    touch(tmp_path, "run/a.mp4", "run/b.mp4", "walk/c.mp4")
    os.symlink(tmp_path / "run" / "a.mp4", tmp_path / "run" / "z.mp4")
    os.symlink(tmp_path / "run" / "b.mp4", tmp_path / "walk" / "d.mp4")
    os.symlink(tmp_path, tmp_path / "walk" / "round")  # a folder in itself
    rows = folders(tmp_path)
    assert sorted(row.path.name for row in rows) == ["a.mp4", "b.mp4", "c.mp4"]
    assert told(rows, "another label") == ["d.mp4"]
    assert rows.troubles["rows twice"] == ["z.mp4"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_names_in_any_script_and_names_that_are_none(tmp_path):
    touch(tmp_path, "läufer/ünïcode – 影片.mp4", "läufer/a b'c.mp4", "gehen/Ж.mp4")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/gehen/bad\xff.mp4")).write_bytes(b"x")
    rows = folders(tmp_path)
    assert rows.classes == ("gehen", "läufer")
    assert len(rows) == 3
    assert len(told(rows, "unreadable names")) == 1
    repr(rows).encode()


# --- tables --------------------------------------------------------------------------------------------------------


def test_a_table_with_all_columns(tmp_path):
    touch(tmp_path, "v/a.mp4", "v/b.mp4")
    text = (
        "path,label,split,source,start,stop\nv/a.mp4,run,Train,f1,0,1.5\nv/a.mp4,walk,val,f1,2,\nv\\b.mp4,run,,f2,,\n"
    )
    (tmp_path / "t.csv").write_text("\ufeff" + text, encoding="utf-8")
    rows = table(tmp_path / "t.csv")
    assert [(r.path.name, r.label, r.source, r.split, r.start, r.stop) for r in rows] == [
        ("a.mp4", "run", "f1", "train", 0.0, 1.5),
        ("a.mp4", "walk", "f1", "validation", 2.0, None),
        ("b.mp4", "run", "f2", "", None, None),
    ]


@pytest.mark.parametrize("divider", [",", ";", "\t"])
def test_a_table_counts_what_is_amiss(tmp_path, divider):
    touch(tmp_path, "a.mp4", "b.mp4")
    lines = [
        "Path,Label,start,stop", "a.mp4,run,,", "a.mp4,run,,", "a.mp4,walk,,", "b.mp4,,,", "gone.mp4,run,,",
        "b.mp4,run,x,", "b.mp4,run,3,2", "b.mp4,run,nan,", "b.mp4,run,-1,", "", "b.mp4,walk",
    ]  # fmt: skip
    (tmp_path / "t.csv").write_text("\n".join(lines).replace(",", divider))
    rows = table(tmp_path / "t.csv")
    assert [(row.path.name, row.label) for row in rows] == [("a.mp4", "run"), ("b.mp4", "walk")]
    assert rows.troubles["rows twice"] == ["a.mp4"]
    assert told(rows, "another label") == ["a.mp4"]
    assert told(rows, "without path or label") == ["line 5"]
    assert told(rows, "missing files") == ["gone.mp4"]
    assert told(rows, "no seconds") == ["line 7", "line 9", "line 10"]
    assert told(rows, "stop before they start") == ["line 8"]


def test_accents_are_found_however_they_are_composed(tmp_path):
    touch(tmp_path, "u\u0308ber.mp4")
    (tmp_path / "t.csv").write_text("path,label\n\u00fcber.mp4,run\n", encoding="utf-8")
    assert len(table(tmp_path / "t.csv")) == 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"path,class\na.mp4,run\n", "no column label"),
        (b"", "no column path, label"),
        (b"path,label\n\xff\xfe\n", "cannot be read as a table"),
        (b"path,label\n", "no video that is here"),
        (None, "there is no .*a folder of class folders"),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path, data, says):
    if data is not None:
        (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(DataError, match=says):
        table(tmp_path / "t.csv")


def test_rows_keep_their_classes_when_they_are_divided():
    rows = Rows([Row(Path("a"), "x", "1"), Row(Path("b"), "y", "2")])
    assert rows[1:].labels.tolist() == [1]
    assert rows.where(lambda row: row.label == "y").classes == ("x", "y")
    with pytest.raises(DataError, match="none of the classes"):
        Rows([Row(Path("a"), "x", "1")], ["y"])


# --- official lists ------------------------------------------------------------------------------------------------


def ucf(root):
    """As unpacked: the folder is HandstandPushups, its files say HandStandPushups."""
    touch(
        root / "UCF-101",
        *(f"ApplyEyeMakeup/v_ApplyEyeMakeup_g{g:02d}_c{c:02d}.avi" for g in (1, 8, 9) for c in (1, 2)),
        *(f"HandstandPushups/v_HandStandPushups_g{g:02d}_c01.avi" for g in (1, 8, 9)),
    )
    lists = root / "ucfTrainTestlist"
    lists.mkdir()
    (lists / "classInd.txt").write_text("1 ApplyEyeMakeup\r\n2 HandstandPushups\r\n3 YoYo\r\n")
    (lists / "trainlist01.txt").write_text(
        "".join(f"ApplyEyeMakeup/v_ApplyEyeMakeup_g{g:02d}_c{c:02d}.avi 1\r\n" for g in (8, 9) for c in (1, 2, 3))
        + "HandstandPushups/v_HandStandPushups_g08_c01.avi 2\r\nHandstandPushups/v_HandstandPushups_g09_c01.avi 2\r\n"
    )
    (lists / "testlist01.txt").write_text(
        "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi\r\nApplyEyeMakeup/v_ApplyEyeMakeup_g01_c02.avi\r\n"
        "HandstandPushups/v_HandStandPushups_g01_c01.avi\r\nnonsense\r\n"
    )
    return root / "UCF-101", lists


def test_ucf101(tmp_path):
    rows = ucf101(*ucf(tmp_path))
    assert rows.classes == ("ApplyEyeMakeup", "HandstandPushups", "YoYo")
    assert [row.split for row in rows].count("train") == 6
    assert [row.split for row in rows].count("test") == 3
    assert {row.source for row in rows if row.split == "test"} == {"ApplyEyeMakeup g01", "HandstandPushups g01"}
    assert told(rows, "missing files") == ["v_ApplyEyeMakeup_g08_c03.avi", "v_ApplyEyeMakeup_g09_c03.avi"]
    assert told(rows, "another form") == ["nonsense"]
    assert told(rows, "without a video") == ["YoYo"]
    with pytest.raises(DataError, match=r"trainlist03\.txt cannot be read"):
        ucf101(tmp_path / "UCF-101", tmp_path / "ucfTrainTestlist", split=3)


def test_hmdb51(tmp_path):
    names = {
        "April_09_brush_hair_u_nm_np1_ba_goo_0.avi": "1", "April_09_brush_hair_u_nm_np1_ba_goo_1.avi": "1",
        "#437_How_To_[x]!_brush_hair_h_cm_np2_fr_med_10.avi": "2", "Other_brush_hair_f_nm_np1_le_bad_0.avi": "0",
    }  # fmt: skip
    touch(tmp_path / "v" / "brush_hair", *names)
    touch(tmp_path / "v" / "eat", "April_09_eat_u_nm_np1_ba_goo_0.avi")
    lists = tmp_path / "splits"
    lists.mkdir()
    (lists / "brush_hair_test_split1.txt").write_text("".join(f"{name} {tag} \n" for name, tag in names.items()))
    (lists / "eat_test_split1.txt").write_text(
        "April_09_eat_u_nm_np1_ba_goo_0.avi 1 \ngone_eat_u_nm_np1_ba_goo_0.avi 2\n"
    )
    rows = hmdb51(tmp_path / "v", lists)
    assert [(row.label, row.source, row.split) for row in rows] == [
        ("brush_hair", "April_09", "train"), ("brush_hair", "April_09", "train"),
        ("brush_hair", "#437_How_To_[x]!", "test"), ("eat", "April_09", "train"),
    ]  # fmt: skip
    assert told(rows, "missing files") == ["gone_eat_u_nm_np1_ba_goo_0.avi"]
    with pytest.raises(DataError, match=r"no file CLASS_test_split2\.txt"):
        hmdb51(tmp_path / "v", lists, split=2)


@pytest.mark.parametrize(
    ("stem", "label", "film"),
    [
        ("Crash_eat_h_cm_np1_fr_med_11", "eat", "Crash"),
        ("20060723sfjffbartsinger_wave_f_cm_np1_ba_med_0", "wave", "20060723sfjffbartsinger"),
        ("(Rad)Schlag_die_Bank!_cartwheel_f_cm_np1_le_med_0", "cartwheel", "(Rad)Schlag_die_Bank!"),
        ("smoking_smoke_smoke_h_nm_np1_fr_med_0", "smoke", "smoking_smoke"),
        ("name_of_another_form_3", "run", "name_of_another_form"),
    ],
)
def test_the_film_in_a_name_of_hmdb51(stem, label, film):
    assert hmdb_film(stem, label) == film


def test_kinetics(tmp_path):
    touch(tmp_path / "v", "air drumming/-3B32lodo2M_000059_000069.mp4", "x/_dbcJuKJQNs_000040_000050.mkv", "long.mp4")
    (tmp_path / "train.csv").write_text(
        'label,youtube_id,time_start,time_end,split,is_cc\n"air drumming",-3B32lodo2M,59,69,train,0\n'
        "abseiling,gone,1,11,train,0\nabseiling,odd,x,2,train,0\n"
    )
    (tmp_path / "val.csv").write_text(
        "label,youtube_id,time_start,time_end,split\nabseiling,_dbcJuKJQNs,40,50,validate\nabseiling,long,3,13,validate\n"
    )
    rows = kinetics(tmp_path / "v", [tmp_path / "train.csv", tmp_path / "val.csv"])
    assert [(row.label, row.source, row.split, row.start, row.stop) for row in rows] == [
        ("air drumming", "-3B32lodo2M", "train", None, None),
        ("abseiling", "_dbcJuKJQNs", "validation", None, None),
        ("abseiling", "long", "validation", 3.0, 13.0),  # not cut yet
    ]
    assert told(rows, "missing files") == ["gone_000001_000011.mp4"]
    assert told(rows, "another form") == ["train.csv, line 4"]
    (tmp_path / "test.csv").write_text("youtube_id,time_start,time_end,split\nlong,3,13,test\n")
    with pytest.raises(DataError, match="no column label"):
        kinetics(tmp_path / "v", tmp_path / "test.csv")


@pytest.mark.parametrize("before", ["", "something-something-v2-"])
def test_something_something(tmp_path, before):
    touch(tmp_path / "v", "78687.webm", "42326.webm", "1.webm")
    labels = {"Holding something next to something": "1", "Approaching something with your camera": "0", "Empty": "2"}
    entry = {"id": "78687", "label": "holding potato", "template": "Holding [something] next to [something]"}
    train = [entry, {"id": "5", "template": "Empty"}, {"id": "1", "template": "Unknown [part]"}]
    validation = [{"id": 42326, "template": "Approaching [something] with your camera"}]
    for name, what in (("labels", labels), ("train", train), ("validation", validation)):
        (tmp_path / f"{before}{name}.json").write_text(json.dumps(what))
    rows = something(tmp_path / "v", tmp_path)
    assert rows.classes == ("Approaching something with your camera", "Holding something next to something", "Empty")
    assert [(row.path.name, row.split) for row in rows] == [("78687.webm", "train"), ("42326.webm", "validation")]
    assert rows.labels.tolist() == [1, 0]
    assert told(rows, "missing files") == ["5.webm"]
    assert told(rows, "known template") == ["1"]
    (tmp_path / f"{before}train.json").write_text("{}")
    with pytest.raises(DataError, match="holds a dict"):
        something(tmp_path / "v", tmp_path)
