"""Rules for a single layer that need no chain rule: the error of a unit changes the weights into it.

e    error of output j, t − a; t − z by the delta rule for a unit with a threshold
Δw   change, η e x; of a bias η e

Perceptron rule   Δw = η (t − a) x          a = step(z) or sign(z)   (Rosenblatt 1958)
Delta rule        Δw = η (t − z) x          on the linear output z   (ADALINE, Widrow & Hoff 1960)
                  Δw = η (t − a) f′(z) x    where f has a derivative: gradient descent on ½ (t − a)²
                                            (McClelland & Rumelhart 1988, chapter 5; Mitchell 1997, chapter 4)

Over the samples of one update the changes are added up, or averaged where the file says reduction = "mean".
"""

from collections.abc import Iterator

from calc.expr import Expr, Frac, Name, Neg, Num, Partial, Prod, Quantity, Sum
from calc.graph import LEARNING_RATE, Graph
from calc.network import Network
from calc.ops import Threshold
from calc.updates import change_of


def error_of(j: int, s: int | None) -> Name:
    """e_j of one sample."""
    return Name("e", None, (j,), s)


def compares_sums(problem: Network) -> bool:
    """Whether the target is compared with the sum z, not with the output a: the delta rule for threshold units."""
    return problem.training.rule == "delta" and isinstance(problem.layers[-1].activation, Threshold)


def steps(problem: Network, graph: Graph) -> Iterator[tuple[Quantity, str, Expr]]:
    """Result, kind and formula of every line from the errors to the updated parameters.

    Kinds: error, local, term (one sample's part of a change), change, update.
    """
    nodes = {node.name: node for node in graph.nodes}
    width = len(problem.layers[0].weights)
    compared = "z" if compares_sums(problem) else "a"
    for s in graph.samples:
        for j in range(1, width + 1):
            t, output = Name("t", None, (j,), s), Name(compared, 1, (j,), s)
            yield error_of(j, s), "error", Sum((t, Neg(output)))
            for by, local in nodes[Name("a", 1, (j,), s)].locals:
                yield Partial(Name("a", 1, (j,), s), by), "local", local
    average = problem.reduction == "mean" and len(graph.samples) > 1
    for w in graph.parameters[0]:
        if w not in graph.trained:
            continue
        terms: list[Quantity] = []
        for s in graph.samples:
            change = Prod(tuple(_factors(problem, w, s)), "·")
            if len(graph.samples) == 1:
                yield change_of(w), "change", change
            else:
                terms.append(Name(f"D{w.kind}", w.layer, w.index, s))
                yield terms[-1], "term", change
        if terms:
            total = Sum(tuple(terms))
            yield change_of(w), "change", Prod((Frac(Num.of(1), Num.of(len(terms))), total)) if average else total
        yield w.after_update(), "update", Sum((w, change_of(w)))


def _factors(problem: Network, w: Name, s: int | None) -> Iterator[Expr]:
    """η e, f′ where there is one other than 1, and the input that w weights."""
    j = w.index[0]
    assert isinstance(j, int)
    yield LEARNING_RATE
    yield error_of(j, s)
    activation = problem.layers[0].activation
    if not isinstance(activation, Threshold) and activation.name != "identity":
        yield Partial(Name("a", 1, (j,), s), Name("z", 1, (j,), s))
    if w.kind == "w":
        yield Name("x", None, w.index[1:], s)
