"""Report: sheets of answers judged, as a page, as text in any format, as a file, as JSON.

calc.check(problem, {"z1_1": "0.3775"}).first_wrong, calc.check(problem, "class.csv", marks=True).save("class.pdf")
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from calc.answers import Sheet, read_answers, sheet_of
from calc.document import Document
from calc.errors import CalcError
from calc.judge import Judged, Marked, is_fine, judge
from calc.key import Key, placed
from calc.notation import notation_of
from calc.page import Page
from calc.problem import Problem
from calc.settings import Setting, settings
from calc.written import interval, meets

MANY = 2  # answers that another setting has to put right before it is told


class Report(Page):
    """Judged sheets.

    ``sheets`` has each with its judged answers; ``first_wrong`` is the id of the first wrong line of a single sheet;
    ``fine`` tells whether nothing is wrong anywhere; ``render("text")`` the page as text.
    """

    def __init__(self, key: Key, sheets: Sequence[Sheet], marks: bool = False, templates: Path | None = None) -> None:
        """
        Args:
            marks: award the marks of a marking scheme.
        """
        self.key, self.templates, self.language = key, templates, key.problem.solution.language
        self.marks = marks
        self.notation = notation_of(key.problem)
        self.sheets: tuple[Marked, ...] = tuple(judge(key, sheet) for sheet in sheets)

    @property
    def fine(self) -> bool:
        """Whether every answer is right, right but for rounding, or not attempted."""
        return all(one.fine for one in self.sheets)

    @property
    def first_wrong(self) -> str | None:
        """The id of the first wrong line, in the order of the steps, of the first sheet that has one."""
        return next((one.first_wrong.answer.id for one in self.sheets if one.first_wrong is not None), None)

    @cached_property
    def settings(self) -> tuple[Setting | None, ...]:
        """For each sheet with wrong answers the setting under which all of it is right, where there is one."""
        found: list[Setting | None] = []
        for one in self.sheets:
            wrong = sum(not judged.fine for judged in one.judged)
            found.append(self._setting_of(one.sheet) if wrong >= MANY else None)
        return tuple(found)

    @cached_property
    def _other_keys(self) -> list[tuple[Setting, Key]]:
        keys = []
        for setting in settings(self.key.problem):
            try:
                keys.append((setting, Key(setting.problem)))
            except CalcError:  # it has no answers under this one
                continue
        return keys

    def _setting_of(self, sheet: Sheet) -> Setting | None:
        for setting, key in self._other_keys:
            if all(a.id in key.ids for a in sheet.answers) and is_fine(key, sheet):
                return setting
        return None

    def setting_of(self, judged: Judged) -> Setting | None:
        """The setting under which a wrong number is the right one."""
        return next((setting for setting, key in self._other_keys if _is_right(judged, key)), None)

    @cached_property
    def document(self) -> Document:
        """The page, in no particular format."""
        from calc.award import award
        from calc.explain_report import Reporter

        awards = [award(self.key, one) for one in self.sheets] if self.marks else None
        return Reporter(self.key, self.sheets, self.settings, awards, self.setting_of).document()

    def _as_json(self) -> dict[str, Any]:
        head: dict[str, Any] = {"format": "calc-report", "version": 1}
        if len(self.sheets) == 1:
            named = {"student": self.sheets[0].sheet.student} if self.sheets[0].sheet.student else {}
            return head | named | self._sheet_as_json(0)
        students = [{"student": one.sheet.student} | self._sheet_as_json(i) for i, one in enumerate(self.sheets)]
        return head | {"students": students}

    def _sheet_as_json(self, number: int) -> dict[str, Any]:
        one, setting = self.sheets[number], self.settings[number]
        found: dict[str, Any] = {
            "first_wrong": None if one.first_wrong is None else one.first_wrong.answer.id,
            "answers": [_as_json(judged) for judged in one.judged],
        }
        if setting is not None:
            found["setting"] = dict(setting.changes)
        if self.marks:
            from calc.award import award

            marks = award(self.key, one)
            found["marks"] = {"earned": marks.earned.all, "possible": marks.possible.all, "answers": dict(marks.told)}
        return found


def _is_right(judged: Judged, key: Key) -> bool:
    """Whether an answer is the key of another setting, to the digits given."""
    id, number = placed(judged.answer.id)
    written = judged.answer.written
    return written is not None and judged.answer.id in key.ids and meets(interval(written), key.full[number][id])


def _as_json(judged: Judged) -> dict[str, Any]:
    written = judged.answer.written
    found: dict[str, Any] = {
        "id": judged.answer.id,
        "given": None if written is None else written.text,
        "key": str(judged.key),
        "verdict": str(judged.verdict),
        "mistake": " or ".join(known.name for known in judged.mistakes) or None,
        "from": list(judged.sources),
    }
    if judged.trivial:
        found["trivial"] = list(judged.trivial)
    if judged.reason:
        found["reason"] = judged.reason
    return found


def check(
    problem: Problem,
    answers: Mapping[str, object] | str | Path,
    marks: bool = False,
    templates: str | Path | None = None,
) -> Report:
    """Judge answers, each by the step's own expression.

    Args:
        answers: numbers by id or printed name, or the path of an answer file, which may hold a class.
        marks: award the marks of a marking scheme.
    Raises:
        ProblemError: an answer is no number, or of no quantity of the problem; lists every fault.
        UnsupportedError: a quantity is undefined or unprintable at the problem's numbers.
    """
    key = Key(problem)
    if isinstance(answers, Mapping):
        sheets: Sequence[Sheet] = (sheet_of(answers, problem, key.quantities),)
    else:
        sheets = read_answers(answers, problem, key.quantities)
    return Report(key, sheets, marks, Path(templates) if templates is not None else None)
