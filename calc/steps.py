"""Forward pass, backward pass, update: every quantity as a step with its expression and its value.

z        pre-activation, e.g. z^(1)_2 = 0.3925
a        activation, e.g. a^(1)_2 = 0.5969
E        loss of the whole batch
delta    −dE/dz where the conventions give it that sign
dE/dv    gradient: the sum over all consumers u of v of dE/du · du/dv
Dw, w'   the change, −η dE/dw or the optimiser's, and the updated parameter w + Dw

The steps are symbolic and in an order in which each uses only what came before; calc.trace evaluates them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from calc import rules
from calc.expr import (
    Expr,
    Name,
    Neg,
    Num,
    Partial,
    Prod,
    Quantity,
    Sum,
    negated,
    quantities,
    rename,
    sum_of,
)
from calc.fields import Optimizer
from calc.graph import Graph, build, delta_of
from calc.network import Network
from calc.penalty import DATA, PENALTY, SIZES, SQUARES
from calc.problem import Problem
from calc.updates import change_of


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
