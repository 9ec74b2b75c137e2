"""The steps of one update with their values; again at a higher precision whenever a printed digit is not decided."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from flint import fmpq

from calc.errors import UnsupportedError
from calc.expr import (
    Call,
    Expr,
    Name,
    Num,
    Partial,
    Quantity,
    at_kink,
    bounded,
    evaluate,
    parts,
    quantities,
)
from calc.graph import Graph
from calc.network import Network
from calc.number import (
    GUARD_DIGITS,
    LAST_BITS,
    START_BITS,
    Number,
    Rounding,
    Shown,
    Undecided,
    Undefined,
    Unprintable,
    decided,
    decimal_text,
    precision,
    sign,
)
from calc.problem import Problem
from calc.steps import Step, graph_of, steps_of
from calc.updates import change_of

T = TypeVar("T")

NEAR = "It hangs on whether a number is exactly 0: change the numbers that lead there"


class Trace:
    """The steps of one update and their values, refined as far as printing needs.

    Raises:
        UnsupportedError: a quantity is undefined or has no printable value at these numbers; the message names it.
    """

    def __init__(
        self,
        problem: Problem,
        graph: Graph,
        rounding: Rounding,
        sequential: bool,
        steps: Mapping[str, Step] | None = None,
        carried: Callable[[int], Mapping[str, Number]] | None = None,
    ) -> None:
        """
        Args:
            steps: what is worked, by id, in order; everything where nothing is said.
            carried: parameters and states that go on from an earlier update, evaluated with so many bits.
        """
        self.problem, self.graph, self.rounding, self.carried = problem, graph, rounding, carried
        self.steps = steps_of(problem, graph, sequential) if steps is None else steps
        self.given = dict(graph.given)
        self._typed = dict(graph.typed)
        constant = [name for layer in graph.parameters for name in layer if name not in graph.trained]
        for name in constant if graph.trained else ():  # it keeps its value
            self.given[name.after_update().id] = graph.given[name.id]
            self._typed[name.after_update().id] = graph.typed[name.id]
            self.given[change_of(name).id] = Num.of(0).shown.value
            self._typed[change_of(name).id] = Num.of(0).shown
        self._bits = START_BITS
        self._shown = {(id, 0): typed for id, typed in self._typed.items()}
        self.values: Mapping[str, Number] = {}
        self._refine(self._evaluate)

    def _refine(self, attempt: Callable[[], T], name: str = "") -> T:
        """Attempt at the precision reached so far, and with twice the bits as long as something is undecided."""
        while True:
            try:
                with precision(self._bits):
                    return attempt()
            except Undecided:
                if self._bits >= LAST_BITS:
                    raise UnsupportedError(f"{name or 'a value'} is not decided at {LAST_BITS} bits. {NEAR}") from None
                self._bits *= 2
                if self.rounding.carry == "full":
                    self._refine(self._evaluate)

    def _evaluate(self) -> None:
        if self.carried is not None:
            self.given |= self.carried(self._bits)
        values = dict(self.given)
        for id, step in self.steps.items():
            try:
                if self.rounding.carry == "full":
                    values[id] = bounded(evaluate(step.expr, values))
                else:
                    if isinstance(step.expr, Quantity) and step.expr.id not in self._typed:
                        shown = self._shown[step.expr.id, 0]  # a copy, as it was printed there
                    else:
                        shown = _rounded(self.rounding, step.expr, values)
                    self._shown[id, 0] = shown
                    values[id] = shown.value
            except Undefined as error:
                remedy, why = "Change the numbers that lead there", self._root_at_zero(step, values) or str(error)
                if self.rounding.carry == "rounded":
                    remedy += ', set rounding.carry = "full" or keep more digits'
                raise UnsupportedError(f"{self._told(step)}: {why}. {remedy}{self._spared(step)}") from None
            except Unprintable as error:
                raise UnsupportedError(f"{id} {error}") from None
            except Undecided:
                if self._bits >= LAST_BITS:
                    raise UnsupportedError(f"{id} is not decided at {LAST_BITS} bits. {NEAR}") from None
                raise
        self.values = values

    def _told(self, step: Step) -> str:
        """What a quantity without a value is called."""
        if isinstance(self.problem, Network):
            return step.result.id
        from calc.circuit import described

        return described(self.problem, self.steps, step.result)

    def _spared(self, step: Step) -> str:
        """What else helps: a derivative that nobody needs, a step that is shorter."""
        result, parameters = step.result, self.graph.parameters[0]
        if isinstance(self.problem, Network):
            return ""
        if isinstance(result, Partial) and step.kind == "local" and result.by in parameters and len(parameters) > 1:
            return f", or leave {result.by.id} out of graph.wrt"
        return ", or lower the learning rate" if isinstance(result, Name) and result.updated else ""

    def _root_at_zero(self, step: Step, values: Mapping[str, Number]) -> str:
        """What is said of a derivative that is none because a root of 0 moves; nothing where that is not why."""
        slope = step.result
        if step.kind != "local" or not isinstance(slope, Partial) or slope.of.id not in self.steps:
            return ""
        for part in parts(self.steps[slope.of.id].expr):
            if isinstance(part, Call) and part.function == "sqrt" and slope.by in quantities(part):
                try:
                    zero = sign(evaluate(part, values)) == 0
                except (Undecided, Undefined):
                    continue
                if zero:
                    return f"a root of 0 in {slope.of.id}, which has no derivative there"
        return ""

    def at(self, bits: int) -> tuple[Mapping[str, Number], int]:
        """The values, evaluated with at least ``bits`` bits, and with how many they were."""
        if self._bits < bits:
            self._bits = bits
            self._refine(self._evaluate)
        return self.values, self._bits

    def is_zero(self, id: str) -> bool:
        """Whether a value is 0, exactly or to within a thousand decimals."""
        return self.show(id).value == 0

    def side(self, expr: Expr) -> int:
        """The sign of a formula over the values."""
        return self._refine(lambda: sign(evaluate(expr, self.values)))

    def at_kink(self, id: str) -> bool:
        """Whether the formula of a value stands exactly between two of its cases."""
        return self._refine(lambda: at_kink(self.steps[id].expr, self.values), id)

    def show(self, id: str, extra: int = 0) -> Shown:
        """The printed form of a quantity, with ``extra`` guard digits (none where rounded numbers are carried)."""
        shown = self._shown.get((id, 0))
        if shown is not None and (not extra or self.rounding.carry == "rounded" or id in self._typed):
            return shown
        shown = self._shown.get((id, extra))
        if shown is None:
            try:
                shown = self._refine(lambda: self.rounding.show(self.values[id], extra), id)
            except Unprintable as error:
                raise UnsupportedError(f"{id} {error}") from None
            self._shown[id, extra] = shown
        return shown

    def text(self, id: str) -> str:
        """The value for other programs: exact, or 20 correct significant digits."""
        try:
            return self._refine(lambda: decimal_text(self.values[id]), id)
        except Unprintable as error:
            raise UnsupportedError(f"{id} {error}") from None

    def exact(self, id: str) -> bool:
        """Whether the value is an exact rational; where rounded numbers are carried, whether it came out unrounded."""
        return isinstance(self.values[id], fmpq) and (self.rounding.carry == "full" or self.show(id).exact)

    def operands(self, step: Step) -> tuple[dict[str, Shown], bool]:
        """The operands of a line as printed, with as many digits as the line needs to come out on a calculator.

        Returns:
            The printed operands by id, and whether the line comes out with them (False: even 30 guard digits
            do not carry the value, as where 1 − a is left of a saturated unit).
        """
        return self.operands_of_all([step])

    def operands_of_all(self, steps: Sequence[Step]) -> tuple[dict[str, Shown], bool]:
        """The operands of a line that works several quantities at once, the entries of a matrix: as ``operands``,
        all with the same guard digits, as many as the whole line needs to come out.
        """
        uses = tuple({u.id: u for step in steps for u in step.uses}.values())
        first = {u.id: self.show(u.id) for u in uses}
        if all(isinstance(step.expr, Quantity) for step in steps) or self.rounding.carry == "rounded":
            return first, True
        pending = [step for step in steps if not all(first[u.id].exact for u in step.uses)]
        printed = first
        for extra in range(1, GUARD_DIGITS + 2):
            for step in pending:
                if not self._comes_out(step, printed):
                    break
            else:
                return printed, True
            pending.remove(step)
            pending.insert(0, step)  # the first to be tried again
            if extra <= GUARD_DIGITS:
                printed = {u.id: self.show(u.id, extra) for u in uses}
        return first, False

    def _comes_out(self, step: Step, printed: Mapping[str, Shown]) -> bool:
        """Whether the printed operands give the printed result."""
        if isinstance(step.expr, Quantity):  # a copy beside others that are worked
            return True
        result = self.show(step.result.id)
        try:
            again = _rounded(self.rounding, step.expr, {u.id: printed[u.id].value for u in step.uses})
        except (Undefined, Unprintable, Undecided):
            return False  # with so few digits the line cannot be evaluated at all; more are printed
        return (again.digits, again.exponent) == (result.digits, result.exponent) or again.value == result.value


def _rounded(rounding: Rounding, expr: Expr, values: Mapping[str, Number]) -> Shown:
    """``expr`` over exact numbers, rounded as the page says; digits decided by precision, at last by the tie rule."""
    return decided(lambda: rounding.show(evaluate(expr, values)))


def run(problem: Problem) -> Trace:
    """Work the first update over all samples: a forward pass, a backward pass, an update, a forward pass."""
    return Trace(problem, graph_of(problem), problem.rounding.rule, problem.conventions.update_order == "sequential")
