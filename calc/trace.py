"""Forward pass, backward pass, update: every quantity as a step with its expression and its value.

z        pre-activation, e.g. z^(1)_2 = 0.3925
a        activation, e.g. a^(1)_2 = 0.5969
E        loss of the whole batch
delta    −dE/dz where the conventions give it that sign
dE/dv    gradient: the sum over all consumers u of v of dE/du · du/dv
Dw, w'   the change, −η dE/dw or the optimiser's, and the updated parameter w + Dw

The steps are symbolic and in an order in which each uses only what came before; evaluating them is a separate
thought, done again at a higher precision whenever a printed digit is not decided.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from flint import fmpq

from calc import rules
from calc.errors import UnsupportedError
from calc.expr import (
    Call,
    Expr,
    Name,
    Neg,
    Num,
    Partial,
    Prod,
    Quantity,
    Sum,
    at_kink,
    bounded,
    evaluate,
    negated,
    parts,
    quantities,
    rename,
    sum_of,
)
from calc.fields import Optimizer
from calc.graph import Graph, build, delta_of
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
from calc.penalty import DATA, PENALTY, SIZES, SQUARES
from calc.problem import Problem
from calc.updates import change_of

T = TypeVar("T")

NEAR = "It hangs on whether a number is exactly 0: change the numbers that lead there"


class Step:
    """One line of the derivation: ``result`` = ``expr``.

    kind is one of: ahead, pre-activation, activation, loss-part, sample-loss, data-loss, penalty, loss, local, path,
    adjoint, delta, term, gradient, state, change, update, error.
    """

    __slots__ = ("_uses", "expr", "kind", "result")

    def __init__(self, result: Quantity, kind: str, expr: Expr) -> None:
        self.result, self.kind, self.expr = result, kind, expr
        self._uses: tuple[Quantity, ...] | None = None

    @property
    def uses(self) -> tuple[Quantity, ...]:
        """The operands, each once, in the order of writing."""
        if self._uses is None:
            self._uses = quantities(self.expr)
        return self._uses


def forward(graph: Graph) -> Iterator[Step]:
    """Every node's own formula, in order of computation."""
    kinds = {"z": "pre-activation", "a": "activation", SQUARES: "penalty", SIZES: "penalty", PENALTY.kind: "penalty"}
    for node in graph.nodes:
        kind = "ahead" if node.name in graph.ahead else "data-loss" if node.name == DATA else kinds.get(node.name.kind)
        if kind is None:
            kind = "loss" if node.name == graph.loss else "loss-part" if node.name.index else "sample-loss"
        yield Step(node.name, kind, node.expr)


def backward(
    graph: Graph,
    sequential: bool,
    deltas: bool,
    optimizer: Optimizer,
    matrices: bool = False,
    minus: bool = False,
) -> Iterator[Step]:
    """Differentiate the loss by every quantity, last layer first, indices ascending.

    dE/dv is the sum over all consumers u of v of  dE/du · du/dv  (chain rule; Rumelhart, Hinton & Williams 1986).
    Along a single path the factors are multiplied out: dE/dw = dE/da · da/dz · dz/dw.

    Args:
        graph: nodes in order of computation; the last one yields the loss.
        sequential: update each layer before going on, so that the layer below sees the updated weights.
        deltas: define delta = dE/dz once per unit and use it, instead of multiplying out every chain.
        matrices: deltas as the matrix method has them: from dE/da of the outputs and the derivatives da/dz, both
            lines of their own; a gradient over several samples is one sum of products, delta · input, and of the
            penalty's term.
        minus: delta = −dE/dz, a step of its own that dE/dz and the gradients follow from.
    """
    consumers = consumers_of(graph)
    known = _Adjoints({}, {})
    for group in reversed(graph.order):
        for v in group:
            yield from _differentiate(graph, v, consumers[v], known, sequential, deltas, matrices, minus)
        if sequential and group in graph.parameters:
            yield from update(graph, optimizer, group, minus, matrices)


def consumers_of(graph: Graph) -> dict[Name, list[tuple[Name, Expr]]]:
    """By quantity v every u that is computed from it, with du/dv."""
    consumers: dict[Name, list[tuple[Name, Expr]]] = {}
    for node in graph.nodes:
        for by, local in node.locals:
            consumers.setdefault(by, []).append((node.name, local))
    return consumers


@dataclass
class _Adjoints:
    """What of the backward pass is known so far, by quantity v.

    factors     the chain that dE/dv is the product of
    formulas    dE/da as it stands in the formula of a delta: a − t, or the sum over w δ; −dE/da where δ = −dE/dz
    """

    factors: dict[Name, tuple[Quantity, ...]]
    formulas: dict[Name, Expr]


def _differentiate(
    graph: Graph,
    v: Name,
    consumers: list[tuple[Name, Expr]],
    known: _Adjoints,
    sequential: bool,
    deltas: bool,
    matrices: bool,
    minus: bool,
) -> Iterator[Step]:
    total = Partial(graph.loss, v)
    if consumers[0][0] == graph.loss:
        yield Step(total, "adjoint", consumers[0][1])
        formula: Expr = total if matrices else consumers[0][1]
        known.factors[v], known.formulas[v] = (total,), negated(formula) if minus else formula
        return
    parameter = v.kind in ("w", "b")
    paths: list[tuple[Quantity, ...]] = []
    terms: list[Quantity] = []
    products: list[Expr] = []
    for u, local in consumers:
        du_dv = Partial(u, v)
        if sequential and isinstance(local, Name) and graph.ahead.get(local, local) in graph.trained:
            local = graph.ahead.get(local, local).after_update()
        yield Step(du_dv, "local", local)
        paths.append((*known.factors[u], du_dv))
        terms.append(Partial(graph.loss, v, sample=u.sample) if parameter else Partial(graph.loss, v, via=u))
        if deltas and v.kind == "z":
            before = known.formulas[u]
            if matrices and local != Num.of(1):
                local = du_dv
            products.append(_product(local, before) if v.layer != graph.depth else _product(before, local))
        elif deltas:
            products.append(_product(*known.factors[u], local) if parameter else _product(local, *known.factors[u]))
        else:
            products.append(Prod(paths[-1], "·"))
    signed = [Neg(product) for product in products] if minus else products  # each path's part of dE/dv
    # a sample's term has a line of its own, even where the update sees no other sample
    of_samples = len(paths) > 1 or (parameter and terms[0] != total)
    if of_samples or v.kind == "a":
        for term, product in zip(terms, signed, strict=True):
            yield Step(term, "term" if parameter else "path", product)
    if v in graph.penalties:
        if not of_samples:
            terms = [Partial(DATA, v)]
            yield Step(terms[0], "term", signed[0])
        terms.append(Partial(PENALTY, v))
        yield Step(terms[-1], "term", graph.penalties[v])
        yield Step(total, "gradient", Sum((*signed, graph.penalties[v]) if matrices else tuple(terms)))
        return
    kind = "gradient" if parameter else "adjoint"
    written_out = deltas and (v.kind == "z" or matrices)  # a delta is one line, whatever it sums up
    if minus and v.kind == "z":
        delta = delta_of(v)
        formula = negated(graph.shortcuts[v][-1]) if v in graph.shortcuts else sum_of(products)
        yield Step(delta, "delta", formula)
        yield Step(total, kind, Neg(delta))
        known.factors[v] = (delta,)
        return
    formula = signed[0] if len(paths) == 1 else Sum(tuple(signed if written_out else terms))
    if v in graph.shortcuts:
        formula = graph.shortcuts[v][-1]
    if parameter and of_samples and len(paths) == 1:
        formula = terms[0]
    yield Step(total, kind, formula)
    known.factors[v] = paths[0] if len(paths) == 1 and not deltas and v not in graph.shortcuts else (total,)
    known.formulas[v] = sum_of(products)


def _product(*factors: Expr) -> Expr:
    """The factors side by side, a factor 1 left out and a minus before the first in front of all."""
    if isinstance(factors[0], Neg):
        return Neg(_product(factors[0].arg, *factors[1:]))
    flat = [part for factor in factors for part in (factor.factors if isinstance(factor, Prod) else (factor,))]
    kept = [factor for factor in flat if factor != Num.of(1)]
    return Prod(tuple(kept)) if len(kept) > 1 else kept[0] if kept else Num.of(1)


def update(
    graph: Graph, optimizer: Optimizer, parameters: tuple[Name, ...], minus: bool = False, matrices: bool = False
) -> Iterator[Step]:
    """The optimiser's steps for each trained parameter, its change Dw last, then w' = w + Dw.

    Args:
        minus: delta = −dE/dz, so that Dw = η delta · input by plain descent where the gradient is one such product.
        matrices: a sum of such products over the samples is one of matrices, delta · inputs.
    """
    consumers = consumers_of(graph) if minus and optimizer.update.name == "sgd" else {}
    for w in parameters:
        if w in graph.trained:
            gradient = Partial(graph.loss, w)
            products = [_product(delta_of(z), entering) for z, entering in consumers.get(w, ())]
            if products and w not in graph.penalties and (matrices or len(products) == 1):
                yield Step(change_of(w), "change", _product(graph.rate(w), sum_of(products)))
                yield Step(w.after_update(), "update", Sum((w, change_of(w))))
                continue
            for result, expr in optimizer.update.steps(w, gradient, graph.rate(w), optimizer.step + 1):
                yield Step(result, "change" if result == change_of(w) else "state", expr)
            yield Step(w.after_update(), "update", Sum((w, change_of(w))))


def forward_again(graph: Graph) -> Iterator[Step]:
    """The forward pass with the updated parameters."""

    def new(quantity: Quantity) -> Quantity:
        if not isinstance(quantity, Name) or quantity.kind in ("x", "t"):
            return quantity
        return graph.ahead.get(quantity, quantity).after_update()  # nothing is looked ahead to once it is done

    for step in forward(graph):
        if step.kind != "ahead":
            yield Step(new(step.result), step.kind, rename(step.expr, new))


def graph_of(problem: Problem, visited: Sequence[int] | None = None) -> Graph:
    """Every quantity in order of computation; ``visited``: the samples that the update sees, numbered from 1."""
    if isinstance(problem, Network):
        return build(problem, visited)
    from calc.circuit import Circuit  # brings the parser of formulas along
    from calc.circuit_graph import build_circuit

    assert isinstance(problem, Circuit)
    return build_circuit(problem)


def steps_of(problem: Problem, graph: Graph, sequential: bool) -> Mapping[str, Step]:
    """Every line of one update by the id of its result, in an order in which each uses only what came before."""
    if not isinstance(problem, Network):
        from calc.circuit_graph import steps_of_circuit

        return {result.id: Step(result, kind, expr) for result, kind, expr in steps_of_circuit(problem, graph)}
    if problem.rule != "gradient":
        ruled = [Step(*line) for line in rules.steps(problem, graph)]
        steps = [*forward(graph), *ruled, *forward_again(graph)]
        return {step.result.id: step for step in steps}
    deltas, matrices, minus = problem.solution.method != "chain", problem.solution.method == "matrix", problem.minus
    steps = [*forward(graph), *backward(graph, sequential, deltas, problem.optimizer, matrices, minus)]
    if not sequential:
        for parameters in reversed(graph.parameters):
            steps += update(graph, problem.optimizer, parameters, minus, matrices)
    steps += forward_again(graph)
    return {step.result.id: step for step in steps}


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
