"""What every homework is tried with: right answers get the points, wrong ones lose theirs and are told why.

A test file of one homework says `class TestHw1(Homework)` and gives it what differs. Wrong answers of different
questions are handed in together, because each question stands for itself.
"""

import re
from pathlib import Path

import nbformat
import pytest

from vidlab.grading import assignment, examine, intake

FOLDER = Path(__file__).parents[1] / "notebooks" / "homework"


class Homework:
    """What holds for all of them.

    name: of the notebook. points: all there are. manual: points that a person gives. masked: must be switched off.
    checks: answer cell → its checks. right: {answer cell: code} for each of several good submissions.
    wrong: answer cell → (code, words of the hint of each of its checks; "" where the points are still earned).
    printed: words that the solutions print in a plain kernel. costly: answers that take long; once their wrong ones
    are through, they are left out while those of the others are tried.
    """

    name: str
    points: float
    manual: float
    masked: tuple[str, ...]
    checks: dict[str, list[str]]
    right: list[dict[str, str]]
    wrong: dict[str, list[tuple[str, ...]]]
    printed: tuple[str, ...] = ()
    costly: tuple[str, ...] = ()

    def pytest_generate_tests(self, metafunc):
        if "answers" in metafunc.fixturenames:
            metafunc.parametrize("answers", self.right, ids=map(str, range(len(self.right))))
        if "number" in metafunc.fixturenames:
            metafunc.parametrize("number", range(max(map(len, self.wrong.values()))))

    @pytest.fixture(scope="class")
    @classmethod
    def path(cls):
        return FOLDER / f"{cls.name}.ipynb"

    @pytest.fixture(scope="class")
    @classmethod
    def homework(cls, path):
        return assignment.load(path)

    @pytest.fixture(scope="class")
    @classmethod
    def examiner(cls, homework):
        with examine.Examiner(homework, b"a secret of the class") as found:
            yield found

    @pytest.fixture
    def handed_in(self, homework, path, tmp_path):
        def make(answers):
            book = nbformat.read(path, as_version=4)
            for cell in book.cells:
                cell.source = answers.get(cell.metadata.nbgrader.grade_id, cell.source)
            nbformat.write(book, tmp_path / "handed_in.ipynb")
            return intake.take(tmp_path / "handed_in.ipynb", homework)

        return make

    def test_it_can_be_handed_out(self, homework, path):
        assert homework.points == self.points
        assert sum(cell.points for cell in homework.questions if cell.kind == "manual") == self.manual
        assert 6 <= len(homework.questions) <= 13
        assert set(self.checks) == {cell.id for cell in homework.cells if cell.kind == "answer"}
        assert sum(self.checks.values(), []) == [cell.id for cell in homework.questions if cell.kind == "check"]
        assert set(self.masked) <= set(homework.masked)
        words = path.read_text(encoding="utf-8")
        assert not re.search(r'"outputs": \[\s*[^\]\s]', words)
        assert f"Worth {self.points} points" in words.replace("\\n", " ").replace('",\n    "', "").replace("**", "")

    def test_every_check_has_a_part_to_see_and_one_that_draws(self, homework):
        for cell in homework.questions:
            if cell.kind == "check":
                assert "assert" in cell.public
                assert "rng" in cell.hidden
                assert "rng" not in cell.public

    def test_an_instructor_can_run_it_as_it_is_in_a_plain_kernel(self, homework, capsys):
        there = {"__name__": "__main__"}
        for cell in homework.cells:
            if cell.code:
                exec(cell.source, there)  # checks with their hidden parts
        out = capsys.readouterr().out
        assert [words for words in self.printed if words not in out] == []

    def test_stubs_are_not_tried_yet_in_a_plain_kernel(self, homework):
        there, raised = {"__name__": "__main__"}, 0
        for cell in homework.cells:
            if cell.kind in ("given", "answer"):
                exec(stubs(homework).get(cell.id, cell.source), there)
            elif cell.kind == "check":
                with pytest.raises(NotImplementedError):
                    exec(cell.public, there)
                raised += 1
        assert raised == sum(map(len, self.checks.values()))

    @pytest.mark.linux
    def test_the_instructors_own_answers_get_all_points(self, homework, examiner, path):
        grade = examiner.grade(intake.take(path, homework))
        assert [mark for mark in grade.marks if mark.state not in ("right", "manual")] == []
        assert grade.points == self.points - self.manual
        assert not any(cell["error"] for cell in grade.cells.values())

    @pytest.mark.linux
    def test_other_right_answers_get_all_points(self, examiner, handed_in, answers):
        grade = examiner.grade(handed_in(answers))
        assert [mark for mark in grade.marks if mark.state not in ("right", "manual")] == []

    @pytest.mark.linux
    def test_stubs_are_not_tried_yet(self, homework, examiner, handed_in):
        grade = examiner.grade(handed_in(stubs(homework)))
        asked = sum(self.checks.values(), [])
        checks = [mark for mark in grade.marks if mark.id in asked]
        assert [(mark.state, mark.reason) for mark in checks] == [("open", "not tried yet")] * len(asked)

    @pytest.mark.linux
    def test_wrong_answers_lose_their_points_and_are_told_why(self, homework, examiner, handed_in, number):
        """The number-th wrong answer of every question; one that has no more is answered right, or not if costly."""
        manual = {cell.id for cell in homework.questions if cell.kind == "manual"}
        answers, hints = dict.fromkeys(manual, ""), {}  # a table may take long, too
        for question, wrong in self.wrong.items():
            if number < len(wrong):
                answers[question], *words = wrong[number]
                hints |= dict(zip(self.checks[question], words, strict=True))
            elif question in self.costly:
                answers[question] = stubs(homework)[question]
                hints |= dict.fromkeys(self.checks[question], "not tried yet")
        grade = examiner.grade(handed_in(answers))
        complaints = []
        for mark in grade.marks:
            hint = hints.get(mark.id, "")
            if mark.id in manual:
                continue
            if (mark.points > 0) == bool(hint) or hint not in mark.reason:
                complaints.append(f"{mark.id}: {mark.points:g} points, {mark.reason!r}; wanted: {hint!r}")
        assert not complaints, "\n".join(complaints)


def stubs(homework):
    """Every answer cell as students get it."""

    def stub(match):
        return re.match(r"[ \t]*", match[0])[0] + "raise NotImplementedError\n"

    theirs = [cell for cell in homework.cells if cell.kind in ("answer", "manual")]
    return {cell.id: assignment.SOLUTION.sub(stub, cell.source) for cell in theirs}


def given(homework):
    """The names that the given cells define."""
    there = {"__name__": "__main__"}
    for cell in homework.cells:
        if cell.kind == "given":
            exec(cell.source, there)
    return there
