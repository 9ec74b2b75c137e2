"""Steps as lines of a page: numbered in the order of writing, cited by their number, put into tables."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from calc.document import (
    Block,
    Derivation,
    Line,
    Reference,
    Words,
    prose,
)
from calc.expr import (
    FUNCTIONS,
    Call,
    Expr,
    Frac,
    Name,
    Neg,
    Num,
    Partial,
    Prod,
    Quantity,
    Sum,
    evaluate,
    parts,
    substitute,
)
from calc.notation import find_parameters
from calc.number import Shown, decided
from calc.problem import Problem
from calc.steps import Step
from calc.trace import Trace
from calc.updates import ahead_of
from calc.verify import difference_quotient

T = TypeVar("T")
P = TypeVar("P", bound=Problem)

EPSILON = Name("epsilon")  # the step of a difference quotient
COLUMNS = 6  # numbers beside one another in a table
SMALL = 24  # parameters that "auto" still works in full
UNIT = 2  # parameters of a layer's first unit that "auto" works in full where there are more


def step_line(trace: Trace, step: Step, number: int | None = None, symbolic: bool = True) -> tuple[Line, bool]:
    """result = formula = substituted ≈ value, sides that would repeat their neighbour left out.

    Returns:
        The line, and whether it comes out when re-computed from its printed digits.
    """
    shown = trace.show(step.result.id)
    result = ("=" if shown.exact else "≈", Num(shown))
    match step.expr:
        case Num() | Neg(Num()):
            return Line(step.result, (("=", step.expr),), number), True
        case Quantity():
            return Line(step.result, (("=", step.expr), result), number), True
    printed, faithful = trace.operands(step)
    values = {id: operand.value for id, operand in printed.items()}
    if shown.exact and decided(lambda: evaluate(step.expr, values)) != shown.value:
        result = ("≈", Num(shown))  # exact as it is, it does not follow exactly from rounded operands
    substituted = substitute(step.expr, printed)
    defined = any(isinstance(part, Call) and FUNCTIONS[part.function].definition for part in parts(step.expr))
    named = bool(step.uses) or defined or _repeats(substituted, shown)  # else both sides are the same numbers
    sides: list[tuple[str, Expr]] = [("=", step.expr)] if symbolic and named else []
    if not _repeats(substituted, shown):
        sides.append(("=", substituted))
    return Line(step.result, (*sides, result), number), faithful


def _repeats(substituted: Expr, result: Shown) -> bool:
    """Whether a line with its numbers is its result already, a number or minus one."""
    match substituted:
        case Num(shown):
            return shown.value == result.value
        case Neg(Num(shown)):
            return not shown.negative and -shown.value == result.value
    return False


class Lines(Generic[P]):
    """Numbers the lines in the order in which they are written, and remembers which step stands where."""

    def __init__(self, problem: P, trace: Trace, exact: Trace, count: int = 0) -> None:
        self.problem, self.trace, self.exact, self.graph = problem, trace, exact, trace.graph
        self.numbers: dict[str, int] = {}
        self.count = count  # the last number given
        self.brief = problem.solution.detail == "brief"  # results, and of each gradient the line that leads to it
        self.derived = problem.solution.detail == "full" and not count  # of several updates the first derives
        self.samples = self.graph.samples
        self.marked = problem.marked  # whether samples are told apart on the page
        self.only = None if self.marked else self.samples[0]
        self.parameters = [name for layer in self.graph.parameters for name in layer]
        show = problem.solution.show
        small = len(self.parameters) <= SMALL
        self.full = show == "all" or (small and show == "auto")
        self.full_forward = show == "all" or small
        self.full_samples = self.samples if show == "all" else self.samples[:1]
        if isinstance(show, tuple):
            self.worked = set(find_parameters(problem, self.parameters, show))
        elif self.full:
            self.worked = set(self.parameters) & set(self.graph.trained)
        else:
            self.worked = {name for layer in self.graph.parameters for name in self._first_unit(layer)}
        self.zero_said = False
        self.cancelled = False  # whether the cancellation of loss and activation has been derived
        self.tabled: set[str] = set()  # what stands in a table and need not be derived again
        self.remarks: dict[str, list[int]] = {}

    def _first_unit(self, layer: Sequence[Name]) -> list[Name]:
        unit = [name for name in layer if name.index[0] == 1 and name in self.graph.trained]
        return unit if len(unit) <= UNIT else [*unit[: UNIT - 1], unit[-1]]

    # --- lines -------------------------------------------------------------------------------------------------------

    def _next(self) -> int:
        self.count += 1
        return self.count

    def _line(self, id: str, symbolic: bool = True) -> Line:
        self.numbers[id] = number = self._next()
        line, faithful = step_line(self.trace, self.trace.steps[id], number, symbolic)
        shown = self.trace.show(id)
        if not faithful:
            # the tie of an exact value such as 1/3 + 1/6 is met by no digits of 1/3
            self.remarks.setdefault("tie" if self.trace.exact(id) else "saturated", []).append(number)
        if shown.digits == "0" and not shown.exact:
            self.remarks.setdefault("nothing", []).append(number)
        return line

    def _known(self, factor: Quantity) -> bool:
        return factor.id in self.numbers or factor.id in self.tabled

    def _derivation(self, lines: Iterable[Line]) -> Iterator[Block]:
        """The lines, and what has to be said of them."""
        lines = tuple(lines)
        if lines:
            yield Derivation(lines)
        for remark, numbers in self.remarks.items():
            yield prose(
                f"forward.{remark}_{plural(len(numbers))}", lines=tuple(Reference(number) for number in numbers)
            )
        self.remarks = {}

    def _num(self, id: str) -> Num:
        return shown(self.trace, id)

    def _operand(self, printed: Mapping[str, Shown], quantity: Quantity) -> Num:
        """A value with the digits that another line needs of it."""
        return Num(printed[quantity.id], (self.trace, quantity.id))

    # --- said on every kind of page ------------------------------------------------------------------------------

    def _rounding_words(self) -> Iterator[Words]:
        """How results are rounded and carried, and what the relations before a number mean."""
        rounding = self.trace.rounding
        ties = Words(f"given.{rounding.ties.replace('-', '_')}")
        if rounding.decimals is not None:
            count = {"count": rounding.decimals, "digits": max(2, rounding.decimals)}
            yield Words("given.decimals_one" if rounding.decimals == 1 else "given.decimals", {**count, "ties": ties})
        else:
            one = "_one" if rounding.significant == 1 else ""
            yield Words(f"given.significant{one}", {"count": rounding.significant or 0, "ties": ties})
        yield Words(f"given.carry_{rounding.carry}")
        yield Words("given.relation")

    def _numeric(self, candidates: Sequence[Name]) -> Iterator[Block]:
        """The gradient of one of these parameters by a difference quotient, at the digits the line needs."""
        why: set[str] = set()
        for w in candidates[:8]:
            gradient = Partial(self.graph.top, w)
            found = None if self.exact.is_zero(gradient.id) else difference_quotient(self.exact, w)
            differs = self.exact.show(gradient.id).value != self.trace.show(gradient.id).value
            if found is None or (differs and self.trace.rounding.carry == "full"):  # a gradient by convention
                zero = self.exact.is_zero(gradient.id)
                why.add("_updated" if found is not None or differs else "_zero" if zero else "_kink")
                continue
            h, above, below, result = found
            at = ahead_of(w) if ahead_of(w) in self.graph.ahead else w
            shifted = (Call("loss", (Sum((at, EPSILON)),)), Neg(Call("loss", (Sum((at, Neg(EPSILON))),))))
            quotient: Expr = Frac(Sum(shifted), Prod((Num.of(2), EPSILON)))
            numbers: Expr = Frac(Sum((Num(above), Neg(Num(below)))), Prod((Num.of(2), Num(h)), "×"))
            if self.graph.upstream is not None:
                arrives = Partial(self.graph.top, self.graph.loss)
                quotient, numbers = Prod((arrives, quotient), "·"), Prod((self.graph.upstream, numbers), "×")
            exact = above.exact and below.exact and evaluate(numbers, {}) == result.value
            sides = (("≈", quotient), ("=", numbers), ("=" if exact else "≈", Num(result)))
            yield prose("check.numeric", h=Line(EPSILON, (("=", Num(h)),)))
            yield Derivation((Line(gradient, sides, self._next()),))
            known = self.trace.show(gradient.id)
            value = Line(gradient, (("=" if known.exact else "≈", Num(known)),))
            if result.value == self.trace.show(gradient.id).value:
                yield prose("check.agrees", gradient=value)
            else:
                yield prose("check.nearly", gradient=value)
            return
        yield prose(f"check.no_numeric{why.pop() if len(why) == 1 else '_updated' if '_updated' in why else ''}")


# --- small change ----------------------------------------------------------------------------------------------------


def shown(trace: Trace, id: str) -> Num:
    """A value as printed."""
    return Num(trace.show(id), (trace, id))


def plural(count: int) -> str:
    return "one" if count == 1 else "many"


def integer(value: int) -> Num:
    return Num.of(value)


def in_sample(quantity: Quantity, s: int | str | None) -> Quantity:
    """The same quantity of another sample."""
    if isinstance(quantity, Name):
        return quantity.at(s)
    assert isinstance(quantity, Partial)
    of, by = quantity.of, quantity.by
    return Partial(of if of.sample is None else of.at(s), by.at(s))


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def by_unit(layer: Sequence[Name]) -> Iterator[Sequence[Name]]:
    """The parameters into one unit after another."""
    start = 0
    for end in range(1, len(layer) + 1):
        if end == len(layer) or layer[end].index[0] != layer[start].index[0]:
            yield layer[start:end]
            start = end


def general_of(quantity: Quantity, number: int) -> Quantity:
    """A quantity for any unit j of a layer: ∂a_1/∂z_1 -> ∂a_j/∂z_j."""

    def general(name: Name) -> Name:
        of_unit = name.layer == number and name.kind in ("z", "a", "delta")
        return Name(name.kind, name.layer, ("j",), name.sample) if of_unit else name

    if isinstance(quantity, Name):
        return general(quantity)
    assert isinstance(quantity, Partial)
    return Partial(general(quantity.of), general(quantity.by))
