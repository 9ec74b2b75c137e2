"""The marking scheme: which marks a step of the solution earns.

M1     method: the right formula with the right quantities in it
A1     accuracy: the right number, worked from numbers that are given
A1ft   accuracy that follows through: the right number for the student's own earlier results

As in the mark schemes of A levels and of the International Baccalaureate. A step earns the same wherever it stands:
A1 or A1ft, and M1 where its method is new. The same formula for another sample, in a later update or in the new forward
pass is no new method, nor is another entry of a matrix that is worked as a whole. What is merely copied, a number or a
quantity that is there already, earns nothing.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from calc.expr import Expr, Name, Neg, Num, Partial, Quantity

if TYPE_CHECKING:
    from calc.trace import Trace


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark: for the method, or for accuracy; ``follow_through``: judged on the student's own earlier numbers."""

    kind: Literal["M", "A"]
    follow_through: bool = False

    def __str__(self) -> str:
        return f"{self.kind}1{'ft' if self.follow_through else ''}"


METHOD, ACCURACY, FOLLOW = Mark("M"), Mark("A"), Mark("A", follow_through=True)


Method = tuple[object, ...]  # what a formula is one of: the sum of a unit, whatever the sample


class Scheme:
    """The marks of every step of one update, by the id of its result: ``scheme["dE/dw2_1_1"] == (METHOD, FOLLOW)``."""

    def __init__(self, trace: "Trace", before: "Scheme | None" = None, carried: Collection[str] = ()) -> None:
        """
        Args:
            trace: the update.
            before: the scheme of the update before, whose methods earn nothing once more.
            carried: ids of parameters and states that an earlier update has left, results like those of steps.
        """
        self._steps, self._results = trace.steps, set(carried)  # what has been worked, and not only copied down
        self._methods: dict[Method, str] = {}  # the id of the step that a method is credited with
        self._before: frozenset[Method] = before.methods if before else frozenset()
        matrices = trace.problem.solution.method == "matrix"
        order: dict[int | str | None, int] = {sample: i for i, sample in enumerate(trace.graph.samples)}
        rank: dict[Method, int] = {}
        self._method_of: dict[str, Method] = {}
        for id, step in trace.steps.items():
            copied = _is_copy(step.expr)
            if not copied or any(use.id in self._results for use in step.uses):
                self._results.add(id)
            if not copied:
                method, sample = _method_of(step.result, matrices)
                self._method_of[id] = method
                place = order.get(sample, 0)
                if method not in rank or place < rank[method]:  # the first sample is the one that is worked in full
                    rank[method], self._methods[method] = place, id

    @property
    def methods(self) -> frozenset[Method]:
        """Every method that is credited up to here."""
        return self._before | self._methods.keys()

    def __getitem__(self, id: str) -> tuple[Mark, ...]:
        """M1 where the method is new, and A1 or A1ft; nothing for a copy, and nothing for what is given."""
        method = self._method_of.get(id)
        if method is None:
            return ()
        follows = any(use.id in self._results for use in self._steps[id].uses)
        new = method not in self._before and self._methods[method] == id
        return (*((METHOD,) if new else ()), FOLLOW if follows else ACCURACY)


def _is_copy(expr: Expr) -> bool:
    """Whether nothing is to be worked: a number, a quantity, or minus a delta where that is how delta is defined."""
    match expr:
        case Num() | Quantity() | Neg(Num()) | Neg(Name(kind="delta", layer=int())):
            return True
    return False


def _method_of(result: Quantity, matrices: bool) -> tuple[Method, int | str | None]:
    """The method of a step, the same in every sample and in a new forward pass, and the sample that it is about.

    Args:
        matrices: the entries of a matrix are worked at once.
    """
    assert isinstance(result, Name | Partial), result
    names = [result] if isinstance(result, Name) else [name for name in (result.of, result.by, result.via) if name]
    sample = result.sample
    parts = ((name.kind, name.layer, () if matrices and name.layer else name.index) for name in names)
    return (sample is None, *parts), sample


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
