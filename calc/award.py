"""The marks that a judged sheet earns of the marking scheme."""

from collections.abc import Mapping
from dataclasses import dataclass

from calc.explain_marks import schemes_of
from calc.judge import Marked, Verdict
from calc.key import Key, placed
from calc.marks import Mark, Total, total_of

EARNING = (Verdict.RIGHT, Verdict.ROUNDED_EARLY, Verdict.LAST_DIGIT, Verdict.FOLLOWS)


@dataclass(frozen=True, slots=True)
class Award:
    """The marks of a sheet: earned and possible, and in words for each answer, e.g. "M1 A0"."""

    earned: Total
    possible: Total
    told: Mapping[str, str]


def award(key: Key, marked: Marked) -> Award:
    """The marks of the marking scheme for what was right, or follows from what was wrong.

    A slip of the pen loses the accuracy, a mistake of any other kind the method as well.
    """
    schemes = schemes_of(key.iterations)
    earned: list[Mark] = []
    possible: list[Mark] = []
    told: dict[str, str] = {}
    for judged in marked.judged:
        id, number = placed(judged.answer.id)
        marks = schemes[number][id]
        slipped = bool(judged.mistakes) and all(known.expr is None for known in judged.mistakes)
        got = [mark for mark in marks if judged.verdict in EARNING or (slipped and mark.kind == "M")]
        possible += marks
        earned += got
        told[judged.answer.id] = " ".join(str(mark) if mark in got else f"{mark.kind}0" for mark in marks)
    return Award(total_of(earned), total_of(possible), told)
