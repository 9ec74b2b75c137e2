"""Circuit → Graph, and the pass over it: forward, backward in order of visit, update, forward again.

df/dv       the gradient of the last quantity f by v: the sum over all u that v enters of df/du · du/dv
df/dv|u     the part of it that comes through u; through f itself that is the local derivative of f
dL/dv       the same where the gradient dL/df = upstream arrives at f from beyond
"""

from collections.abc import Iterator, Mapping, Sequence

from calc.circuit import Circuit, nodes_of
from calc.differentiate import differentiate
from calc.expr import Expr, Frac, Name, Neg, Num, Partial, Pow, Prod, Quantity, Sum, quantities, rename
from calc.graph import LEARNING_RATE, Graph, Node
from calc.problem import Problem
from calc.updates import change_of

Line = tuple[Quantity, str, Expr]  # result, kind, formula


def build_circuit(problem: Circuit) -> Graph:
    """Every node with its local derivatives by what hangs on the values that are differentiated by."""
    table = problem.graph
    wrt = tuple(map(Name, problem.wrt))
    moving = set(wrt)
    nodes: list[Node] = []
    for name, expr in nodes_of(problem):
        by = [part for part in quantities(expr) if isinstance(part, Name) and part in moving]
        slopes = [(v, _shortened(differentiate(expr, v, problem.conventions.at_kink), expr, name)) for v in by]
        nodes.append(Node(name, expr, tuple(slopes)))
        if by:
            moving.add(name)
    given = {id: number.value for id, number in table.values.items()}
    typed = {id: number.shown for id, number in table.values.items()}
    if table.learning_rate is not None:
        given[LEARNING_RATE.id], typed[LEARNING_RATE.id] = table.learning_rate.value, table.learning_rate.shown
    order = tuple((name,) for name in (*wrt, *(node.name for node in nodes if node.name in moving)))
    return Graph(
        tuple(nodes),
        given,
        typed,
        parameters=(wrt,),
        trained=frozenset(wrt) if table.learning_rate is not None else frozenset(),
        order=order,
        samples=(None,),
        loss=nodes[-1].name,
        shortcuts={},
        ahead={},
        penalties={},
        rates={},
        upstream=None if table.upstream.value == 1 else Num(table.upstream.shown),
    )


def _shortened(slope: Expr, formula: Expr, name: Name) -> Expr:
    """A derivative with the node's own name where its formula stands in it: q (1 − q) for σ(x) (1 − σ(x))."""
    if isinstance(formula, Quantity | Num):
        return slope
    return _replaced(slope, formula, name)


def _replaced(expr: Expr, old: Expr, new: Name) -> Expr:
    if expr == old:
        return new
    match expr:
        case Sum(terms):
            return Sum(tuple(_replaced(term, old, new) for term in terms))
        case Prod(factors, sign):
            return Prod(tuple(_replaced(factor, old, new) for factor in factors), sign)
        case Neg(arg):
            return Neg(_replaced(arg, old, new))
        case Frac(num, den):
            return Frac(_replaced(num, old, new), _replaced(den, old, new))
        case Pow(base, exponent):
            return Pow(_replaced(base, old, new), exponent)
    return expr


# --- the pass over it ----------------------------------------------------------------------------------------------


def edges_of(graph: Graph) -> Iterator[tuple[Name, Name]]:
    """Every edge in order of visit, the last node first: from u to the v that enters it."""
    for node in reversed(graph.nodes):
        for v, _ in node.locals:
            yield node.name, v


def local_of(graph: Graph, u: Name, v: Name) -> Partial:
    """du/dv; of the last quantity df/dv|f, since df/dv is its gradient."""
    return Partial(u, v, via=u) if u == graph.loss else Partial(u, v)


def path_of(graph: Graph, u: Name, v: Name, entered: Mapping[Name, Sequence[Name]]) -> Partial:
    """What arrives at v through u; where v enters nothing else that is its gradient.

    Args:
        entered: the ``consumers`` of the graph.
    """
    alone = len(entered.get(v, ())) == 1
    return Partial(graph.top, v) if alone else Partial(graph.top, v, via=u)


def consumers(graph: Graph) -> dict[Name, list[Name]]:
    """By quantity every node that it enters, in order of visit."""
    found: dict[Name, list[Name]] = {}
    for u, v in edges_of(graph):
        found.setdefault(v, []).append(u)
    return found


def steps_of_circuit(problem: Problem, graph: Graph) -> Iterator[Line]:
    """Result, kind and formula of every line: forward, backward in order of visit, update, forward again."""
    for node in graph.nodes:
        yield node.name, "node", node.expr
    yield from _backward(graph)
    for v in graph.parameters[0]:
        if v in graph.trained:
            gradient = Partial(graph.top, v)
            for result, expr in problem.rules_of_change.update.steps(v, gradient, LEARNING_RATE, 1):
                yield result, "change" if result == change_of(v) else "state", expr
            yield v.after_update(), "update", Sum((v, change_of(v)))
    if graph.trained:
        moved = {*graph.trained, *(node.name for node in graph.nodes)}

        def new(quantity: Quantity) -> Quantity:
            return quantity.after_update() if isinstance(quantity, Name) and quantity in moved else quantity

        for node in graph.nodes:
            yield node.name.after_update(), "node", rename(node.expr, new)


def _backward(graph: Graph) -> Iterator[Line]:
    """local × upstream → downstream for every edge, their sum where a quantity enters several nodes."""
    entered = consumers(graph)
    arrives = graph.upstream or Num.of(1)
    yield Partial(graph.top, graph.loss), "adjoint", arrives
    for v in graph.parameters[0]:
        if v not in entered:
            yield Partial(graph.top, v), "gradient", Num.of(0)
    for node in reversed(graph.nodes):
        u = node.name
        if u not in entered and u != graph.loss and node.locals:
            yield Partial(graph.top, u), "adjoint", Num.of(0)  # nothing that leads to the last quantity
        for v, slope in node.locals:
            local, path = local_of(graph, u, v), path_of(graph, u, v, entered)
            yield local, "local", slope
            kind = "gradient" if v in graph.parameters[0] else "adjoint"
            if path != local:
                yield path, kind if path == Partial(graph.top, v) else "path", Prod((Partial(graph.top, u), local), "·")
            if len(entered[v]) > 1 and u == entered[v][-1]:
                paths = tuple(path_of(graph, w, v, entered) for w in entered[v])
                yield Partial(graph.top, v), kind, Sum(paths)
