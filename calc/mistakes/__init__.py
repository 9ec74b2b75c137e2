"""Mal-rules: mistakes that people make, each a changed expression with a name.

Worked over the numbers of a sheet, a changed expression gives the number that somebody wrote who made the mistake.
What is said of each stands in templates/wording: mistake.<name>_name, _what and _hint, with _ for -.

To add one: a class in the module it belongs to, and its entry in the tuple there.
"""

from calc.mistakes.backward import BACKWARD
from calc.mistakes.formula import FORMULA
from calc.mistakes.forward import FORWARD
from calc.mistakes.mixups import MIXUPS
from calc.mistakes.slips import SLIPS, Slip
from calc.mistakes.update import UPDATE
from calc.mistakes.work import Mistake, Work

MISTAKES: tuple[Mistake, ...] = (*BACKWARD, *UPDATE, *FORWARD, *MIXUPS, *FORMULA)

__all__ = ["MISTAKES", "SLIPS", "Mistake", "Slip", "Work"]
