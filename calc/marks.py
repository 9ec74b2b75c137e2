"""The marking scheme: which marks a step of the solution earns.

M1     method: the right formula with the right quantities in it
A1     accuracy: the right number, worked from numbers that are given
A1ft   accuracy that follows through: the right number for the student's own earlier results

As in the mark schemes of A levels and of the International Baccalaureate. A step earns M1 and A1 or A1ft wherever it
stands; what is merely copied, a number or a quantity that is there already, earns nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from calc.expr import Expr, Name, Neg, Num, Quantity

if TYPE_CHECKING:
    from calc.trace import Step


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark: for the method, or for accuracy; ``follow_through``: judged on the student's own earlier numbers."""

    kind: Literal["M", "A"]
    follow_through: bool = False

    def __str__(self) -> str:
        return f"{self.kind}1{'ft' if self.follow_through else ''}"


METHOD, ACCURACY, FOLLOW = Mark("M"), Mark("A"), Mark("A", follow_through=True)


class Scheme:
    """The marks of every step of one update, by the id of its result: ``scheme["dE/dw2_1_1"] == (METHOD, FOLLOW)``."""

    def __init__(self, steps: Mapping[str, "Step"], carried: Collection[str] = ()) -> None:
        """
        Args:
            steps: the update's steps by id, each after those that it uses.
            carried: ids of parameters and states that an earlier update has left, results like those of steps.
        """
        self._steps, self._results = steps, set(carried)  # what has been worked, and not only copied down
        for id, step in steps.items():
            if not _is_copy(step.expr) or any(use.id in self._results for use in step.uses):
                self._results.add(id)

    def __getitem__(self, id: str) -> tuple[Mark, ...]:
        """M1 A1 or M1 A1ft; nothing for a copy, and nothing for what is given."""
        step = self._steps.get(id)
        if step is None or _is_copy(step.expr):
            return ()
        return METHOD, FOLLOW if any(use.id in self._results for use in step.uses) else ACCURACY


def _is_copy(expr: Expr) -> bool:
    """Whether nothing is to be worked: a number, a quantity, or minus a delta where that is how delta is defined."""
    match expr:
        case Num() | Quantity() | Neg(Num()) | Neg(Name(kind="delta", layer=int())):
            return True
    return False


@dataclass(frozen=True, slots=True)
class Total:
    """How many marks there are of each kind; ``following`` of those for accuracy follow through."""

    method: int
    accuracy: int
    following: int

    @property
    def all(self) -> int:
        return self.method + self.accuracy


def total_of(marks: Iterable[Mark]) -> Total:
    """Marks counted by their kinds."""
    marks = tuple(marks)
    kinds = [mark.kind for mark in marks]
    return Total(kinds.count("M"), kinds.count("A"), sum(mark.follow_through for mark in marks))
