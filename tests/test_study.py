"""What a lone learner has: the course as its lessons tell it, the index of exercises, the page of progress."""

import json
import re

import pytest

from vidlab import cli, course_map, exercises, progress, study
from vidlab.checks import check, hint, record
from vidlab.checks import exercises as checked
from vidlab.checks.frame import LESSONS
from vidlab.course_map import PARTS, lessons
from vidlab.errors import DataError

COURSE = lessons()


def solve(kept, *numbers, count=None):
    """Note the exercises of these lessons as solved, or the first of them."""
    for number in numbers:
        for asked in COURSE[number].exercises[:count]:
            kept[asked.name] = {"attempts": 1, "solved": "2026-01-01T00:00:00+00:00"}
    return kept


def keep(home, kept):
    home.mkdir(exist_ok=True)
    (home / "progress.json").write_text(json.dumps({"version": 1, "exercises": kept}), encoding="utf-8")


# --- the course, as its lessons tell it ---


def test_every_exercise_that_is_checked_is_found_in_its_lesson():
    found = [asked for lesson in COURSE.values() for asked in lesson.exercises]
    assert sorted(asked.name for asked in found) == sorted(checked())
    for asked in found:
        assert LESSONS[asked.name.split(".")[0]].startswith(asked.lesson)
        assert asked.hints == len(checked()[asked.name].hints)
        assert asked.minutes > 0
        assert asked.section
    for lesson in COURSE.values():
        assert [asked.number for asked in lesson.exercises] == list(range(1, len(lesson.exercises) + 1))
        assert 10 <= lesson.minutes <= 150
        assert lesson.minutes > sum(asked.minutes for asked in lesson.exercises)


def test_parts_hold_every_lesson_once_and_end_where_a_homework_does():
    assert [number for numbers in PARTS.values() for number in numbers] == list(COURSE)
    homework = sorted(path.stem[4:] for path in (course_map.NOTEBOOKS / "homework").glob("hw*.ipynb"))
    assert len(homework) == len(PARTS) - 1  # the last part has none


def test_needs_are_read_from_before_you_start():
    assert COURSE["00"].needs == ()
    assert COURSE["04"].needs == ("03",)
    assert COURSE["14"].needs == tuple(f"{k:02d}" for k in range(5, 14))  # "05 to 13"
    for lesson in COURSE.values():
        assert all(number < lesson.number for number in lesson.needs)


def test_a_lesson_that_changes_is_read_again(tmp_path):
    path = tmp_path / "00_x.ipynb"
    cells = [{"id": "title", "cell_type": "markdown", "source": "# 00 · One", "metadata": {}}]
    path.write_text(json.dumps({"cells": cells}))
    assert lessons(tmp_path)["00"].title == "One"
    cells[0]["source"] = ["# 00 ·", " Another"]
    path.write_text(json.dumps({"cells": cells}) + " ")
    assert lessons(tmp_path)["00"].title == "Another"
    path.write_text('{"cells": [')
    with pytest.raises(DataError, match="00_x.ipynb is no notebook"):
        lessons(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match="no lesson lies in"):
        lessons(tmp_path)


# --- the index ---


def test_levels_and_topics_narrow_the_index(home):
    everything = exercises.find()
    assert len(everything) == len(checked())
    assert sum(len(exercises.find(level)) for level in course_map.LEVELS) == len(everything)
    assert {a.level for a in exercises.find("easy")} == {"easy"}
    flow = {a.lesson for a in exercises.find(topic="Flow")}
    assert {"03", "04", "11", "13"} <= flow
    assert "09" not in flow
    assert {a.number for a in exercises.find(topic="lucas")} == {3}
    assert exercises.find("medium", "flow") == [a for a in exercises.find(topic="flow") if a.level == "medium"]
    with pytest.raises(DataError):
        exercises.find(topic="low")  # the beginning of a word, not its end


def test_an_unknown_level_or_topic_is_named(home, capsys):
    with pytest.raises(DataError, match="easy, medium, hard"):
        exercises.find(level="trivial")
    with pytest.raises(DataError, match="no exercise is about 'sound'"):
        exercises.find(topic="sound")
    assert cli.main(["exercises", "--topic", "("]) == 1
    assert "no exercise is about '('" in capsys.readouterr().err


def test_easy_ones_come_first_within_a_part(home):
    order = [
        (list(PARTS).index(a.part), course_map.LEVELS.index(a.level), a.lesson, a.number) for a in exercises.find()
    ]
    assert order == sorted(order)


def test_the_index_knows_what_is_solved(home):
    check("start.frame_at", checked()["start.frame_at"].reference)
    check("start.play_backwards", lambda clip: clip)
    hint("start.decoder_to_tensor")
    said = repr(study.exercises(topic="start here"))
    assert re.search(r"start\.frame_at .*✔ solved, 1 try ", said)
    assert re.search(r"start\.play_backwards .*✘ not yet, 1 try ", said)
    assert re.search(r"start\.decoder_to_tensor .*○ open, 1 hint ", said)
    assert said.endswith("3 exercises, 10 minutes in all; 2 not solved yet.")
    assert [a.name for a in exercises.find(topic="start here", unsolved=True)] == [
        "start.decoder_to_tensor",
        "start.play_backwards",
    ]
    html = study.exercises(topic="start here")._repr_html_()
    assert html.count('<th scope="row"') == 3


def test_markdown_for_the_docs(home):
    text = exercises.markdown("nb/")
    assert len(re.findall(r"\]\(nb/\d\d_\w+\.ipynb\)", text)) == len(checked())
    counts = re.search(r"\| all \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|", text)
    assert sum(map(int, counts.groups()[:3])) == len(checked())
    for file in re.findall(r"\(nb/(\S+)\)", text):
        assert (course_map.NOTEBOOKS / file).is_file()
    solve_one = {"start.frame_at": {"solved": "x"}}
    keep(home, solve_one)
    assert exercises.markdown("nb/") == text  # nothing of the learner


def test_the_commands(home, capsys):
    assert cli.main(["exercises", "--level", "hard"]) == 0
    assert "A non-local block" in capsys.readouterr().out
    assert cli.main(["exercises", "--markdown"]) == 0
    assert capsys.readouterr().out == exercises.markdown()
    assert cli.main(["progress"]) == 0
    assert "0 of 74" in capsys.readouterr().out.replace(str(len(checked())), "74")


# --- what is next ---


@pytest.mark.parametrize(
    ("kept", "lesson", "exercise", "says"),
    [
        ({}, "00", None, "Everything starts here"),
        (solve({}, "00", count=1), "00", 2, "1 of its 3 exercises are solved, and the next one is 2 · Backwards"),
        ({"start.decoder_to_tensor": {"hints": 1}}, "00", 1, "0 of its 3"),
        (solve({}, "00"), "01", None, "Lesson 00 is done, and this one comes next in the order of the course."),
        (solve({}, "04"), "05", None, "It builds on 01. Nothing of 01 is solved here: look there first, unless the"),
        (solve(solve({}, "10"), "09", count=1), "11", None, "It builds on 04, 05 and 06. Nothing of 04, 05 and 06"),
        (solve({}, *[f"{k:02d}" for k in range(16) if k != 8]), "08", None, "the first lesson that you left open"),
        (solve({}, *COURSE), None, None, "lesson 15, section 7"),
    ],
)  # fmt: skip
def test_what_is_next_and_why(kept, lesson, exercise, says):
    step = progress.next_step(COURSE, kept)
    assert (step.lesson.number if step.lesson else None) == lesson
    assert (step.exercise.number if step.exercise else None) == exercise
    assert says in step.why


def test_following_the_advice_ends_with_everything_solved():
    """From nothing and from any lesson: what is next is never done already, and after 74 steps all is."""
    for start in COURSE:
        kept = solve({}, start, count=1)
        for _ in range(len(checked())):
            step = progress.next_step(COURSE, kept)
            if step.lesson is None:
                break
            asked = step.exercise or next(a for a in step.lesson.exercises if "solved" not in kept.get(a.name, {}))
            assert "solved" not in kept.get(asked.name, {})
            kept[asked.name] = {"attempts": 1, "solved": "now"}
        assert progress.next_step(COURSE, kept).lesson is None


def test_minutes_left_fall_to_nothing():
    lesson = COURSE["07"]
    kept = {}
    found = [progress.minutes_left(lesson, kept)]
    assert found == [lesson.minutes]
    for asked in lesson.exercises:
        kept[asked.name] = {"attempts": 1, "solved": "now"}
        found.append(progress.minutes_left(lesson, kept))
    assert found == sorted(found, reverse=True)
    assert found[1] == sum(asked.minutes for asked in lesson.exercises[1:])
    assert found[-1] == 0


# --- the page ---


def test_with_no_progress_at_all(home):
    page = study.progress()
    total = sum(lesson.minutes for lesson in COURSE.values())
    assert f"0 of {len(checked())} exercises solved · tries: 0 · hints: 0 · {progress.hours(total)} left" in repr(page)
    assert "damaged" not in repr(page)
    assert not home.exists()  # a look writes nothing


def test_with_everything_solved(home):
    keep(home, solve({}, *COURSE))
    text = repr(study.progress())
    assert f"{len(checked())} of {len(checked())} exercises solved" in text
    assert "· done" in text
    assert "left" not in text.replace("What is left", "")
    assert "open" not in re.findall(r"<details[^>]*>", study.progress().html())[0]


def test_text_and_html_say_the_same(home):
    keep(home, solve(solve({}, "00", "01"), "02", count=2))
    page = study.progress()
    for html in (page.html(), page._repr_html_()):
        plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
        assert page.total in plain
        assert page.step.why in plain
        for part, _, done, asked, minutes in page.parts():
            assert f"{part} · {done} of {asked} solved · {progress.left(minutes)}" in plain
            assert f"{part}: {done} of {asked} solved, {progress.left(minutes)}" in repr(page)
        assert html.count('<th scope="row"') == len(checked())
        assert html.count("<details open>") == 1
        assert "<script" not in html
        assert "http" not in html
    links = re.findall(r'href="([^"]+)"', page._repr_html_())
    assert len(links) == len(COURSE) + 1
    assert not re.findall("href", page.html())  # a notebook does not open from a file


def test_the_page_is_written_whole_or_not_at_all(home, tmp_path, capsys):
    target = tmp_path / "out.html"
    assert cli.main(["progress", "--html", str(target)]) == 0
    assert target.read_text(encoding="utf-8") == study.progress().html()
    assert cli.main(["progress", "--html", str(tmp_path / "none" / "out.html")]) == 1
    assert "cannot be written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["out.html"]


# --- a damaged record ---


def test_what_is_whole_in_a_damaged_record_counts_on(home):
    kept = solve(solve({}, "00"), "01", count=2)
    keep(home, kept)
    whole = (home / "progress.json").read_text()
    (home / "progress.json").write_text(whole[:-30])  # the last entry is cut in two
    damaged = (home / "progress.json").read_bytes()
    page = study.progress()
    assert f"4 of {len(checked())} exercises solved" in repr(page)
    assert repr(page).count("damaged") == 1
    assert "set aside as progress.json.bak, beside progress.json: nothing was deleted" in repr(page)
    assert 'role="alert"' in page.html()
    assert (home / "progress.json.bak").read_bytes() == damaged
    record._memory.clear()  # another day
    assert f"4 of {len(checked())} exercises solved" in repr(study.progress())


def test_a_second_damage_does_not_overwrite_the_first(home):
    home.mkdir()
    for k in range(3):
        (home / "progress.json").write_text(f"rubbish {k}")
        record.load()
    assert [(home / f"progress.json.bak{k}").read_text() for k in ("", 1, 2)] == [f"rubbish {k}" for k in range(3)]
    assert "progress.json.bak, progress.json.bak1 and progress.json.bak2" in repr(study.progress())


def test_where_nothing_is_kept_the_page_says_so(home, monkeypatch):
    monkeypatch.setenv("VIDLAB_NO_PROGRESS", "1")
    assert repr(study.progress()).endswith("\nNothing is kept: VIDLAB_NO_PROGRESS is set.")


def test_the_file_of_the_record_is_all_that_leaves_the_page(home):
    assert str(home.parent) in repr(study.progress()) or "~" in repr(study.progress())
    assert set(study.__all__) <= set(vars(study))
