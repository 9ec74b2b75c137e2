"""Mal-rules: mistakes that people make, each a changed expression with a name.

Worked over the numbers of a sheet, a changed expression gives the number that somebody wrote who made the mistake.
What is said of each stands in templates/wording: mistake.<name>.what and mistake.<name>.hint.

To add one: a class in the module it belongs to, and its entry in the tuple there.
"""

from calc.expr import Expr
from calc.mistakes.backward import BACKWARD
from calc.mistakes.formula import FORMULA
from calc.mistakes.forward import FORWARD
from calc.mistakes.mixups import MIXUPS
from calc.mistakes.slips import SLIPS, Slip
from calc.mistakes.update import UPDATE
from calc.mistakes.work import Mistake, Work
from calc.steps import Step

MISTAKES: tuple[Mistake, ...] = (*BACKWARD, *UPDATE, *FORWARD, *MIXUPS, *FORMULA)

__all__ = ["MISTAKES", "SLIPS", "Mistake", "Slip", "Work", "changes"]


def changes(step: Step, work: Work) -> tuple[tuple[str, Expr], ...]:
    """What a step's expression is taken for by every mistake that can be made there, each with its mistake's name.

    It is found once: a class makes its mistakes at the same steps.
    """
    id = step.result.id
    if id not in work.changes:
        work.changes[id] = tuple((one.name, changed) for one in MISTAKES for changed in one.changed(step, work))
    return work.changes[id]
