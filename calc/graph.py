"""Problem → Graph: every quantity in order of computation, each with its formula and local derivatives.

x_i@s   z1_j@s   a1_j@s   …   E_j@s   E@s   E      with one sample there is no @s
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flint import fmpq

from calc.expr import Expr, Frac, Name, Num, Prod, Sum
from calc.number import Exact, Number, Shown
from calc.ops import affine
from calc.problem import Problem
from calc.updates import state_of

LEARNING_RATE = Name("learning_rate")


@dataclass(slots=True)
class Node:
    """A computed quantity: its formula, and its local derivative by each quantity it is differentiated by.

    ``slope`` is a loss part's derivative by its output; the chain rule goes from the whole loss to the output at once.
    """

    name: Name
    expr: Expr
    locals: tuple[tuple[Name, Expr], ...] = ()
    slope: tuple[Name, Expr] | None = None


@dataclass(frozen=True)
class Graph:
    """Nodes in order of computation; the loss is the last.

    given         values and printed forms of what the author wrote: x, t, w, b, the learning rate
    parameters    what is differentiated by, per layer: each unit's weights, then its bias
    trained       the parameters that the update changes
    order         every quantity that has a gradient, in groups in order of computation: per layer its parameters,
                  pre-activations and activations
    """

    nodes: tuple[Node, ...]
    given: Mapping[str, Number]
    typed: Mapping[str, Shown]
    parameters: tuple[tuple[Name, ...], ...]
    trained: frozenset[Name]
    order: tuple[tuple[Name, ...], ...]
    samples: tuple[int | None, ...]
    loss: Name
    shortcuts: Mapping[Name, tuple[Expr, ...]]  # dE/dz where it cancels: the steps of the cancellation, result last

    @property
    def depth(self) -> int:
        """How many layers there are."""
        return len(self.parameters)


def build(problem: Problem, visited: Sequence[int] | None = None) -> Graph:
    """Spell the network out as scalar nodes.

    Args:
        visited: the samples that the update sees, numbered from 1; all of them where nothing is said.
    """
    numbers = visited or range(1, len(problem.samples) + 1)
    samples: tuple[int | None, ...] = tuple(numbers) if len(problem.samples) > 1 else (None,)
    chosen = [problem.samples[s - 1] for s in numbers]
    typed: dict[str, Shown] = {LEARNING_RATE.id: problem.learning_rate.shown}
    given: dict[str, Number] = {LEARNING_RATE.id: problem.learning_rate.value}

    def give(name: Name, number: Exact) -> Name:
        typed[name.id], given[name.id] = number.shown, number.value
        return name

    nodes: list[Node] = []
    order: list[tuple[Name, ...]] = []
    parameters: list[tuple[Name, ...]] = []
    leaving: dict[int | None, tuple[Name, ...]] = {
        s: tuple(give(Name("x", None, (i,), s), x) for i, x in enumerate(sample.inputs, 1))
        for s, sample in zip(samples, chosen, strict=True)
    }
    trained: set[Name] = set()
    for l, layer in enumerate(problem.layers, 1):
        rows = [
            tuple(give(Name("w", l, (j, i)), w) for i, w in enumerate(row, 1)) for j, row in enumerate(layer.weights, 1)
        ]
        biases = [give(Name("b", l, (j,)), b) for j, b in enumerate(layer.biases or (), 1)]
        of_unit = [(*row, *biases[j : j + 1]) for j, row in enumerate(rows)]
        parameters.append(tuple(name for unit in of_unit for name in unit))
        trained.update(name for name in parameters[-1] if name.kind == "w" or problem.conventions.update_biases)
        zs_of_layer: list[Name] = []
        as_of_layer: list[Name] = []
        for s in samples:
            entering = leaving[s]
            zs = [Name("z", l, (j,), s) for j in range(1, len(rows) + 1)]
            as_ = [Name("a", l, (j,), s) for j in range(1, len(rows) + 1)]
            for j, (row, z) in enumerate(zip(rows, zs, strict=True)):
                bias = biases[j] if biases else None
                derivatives = affine.derivatives(row, entering, bias)
                if l == 1:
                    derivatives = [(by, d) for by, d in derivatives if by.kind != "x"]  # inputs are constants
                nodes.append(Node(z, affine.pre_activation(row, entering, bias), tuple(derivatives)))
            f = layer.activation
            at_kink = problem.conventions.at_kink(f.kink)
            for j, a in enumerate(as_):
                formula, by_z = f.unit(zs, as_, j, at_kink)
                nodes.append(Node(a, formula, tuple(by_z)))
            zs_of_layer += zs
            as_of_layer += as_
            leaving[s] = tuple(as_)
        order += [parameters[-1], tuple(zs_of_layer), tuple(as_of_layer)]
        for w in parameters[-1]:
            for letter in problem.optimizer.update.state if w in trained else ():
                index = [i for i in w.index if isinstance(i, int)]
                give(state_of(letter, w), problem.optimizer.start(letter, w.kind, l, index))

    targets = {
        s: tuple(give(Name("t", None, (j,), s), t) for j, t in enumerate(sample.targets, 1))
        for s, sample in zip(samples, chosen, strict=True)
    }
    nodes += _loss_nodes(problem, samples, leaving, targets)
    return Graph(
        tuple(nodes),
        given,
        typed,
        tuple(parameters),
        frozenset(trained),
        tuple(order),
        samples,
        nodes[-1].name,
        _shortcuts(problem, samples, leaving, targets),
    )


def _shortcuts(
    problem: Problem,
    samples: tuple[int | None, ...],
    outputs: Mapping[int | None, tuple[Name, ...]],
    targets: Mapping[int | None, tuple[Name, ...]],
) -> dict[Name, tuple[Expr, ...]]:
    """dE/dz of the output units where loss and activation cancel."""
    found: dict[Name, tuple[Expr, ...]] = {}
    average = problem.reduction == "mean" and len(samples) > 1
    share = Frac(Num.of(1), Num.of(len(samples)))
    for s in samples:
        sample = problem.samples[(s or 1) - 1]
        if problem.loss.needs_unit_sum and sum((t.value for t in sample.targets), fmpq(0)) != 1:
            continue
        for j, a in enumerate(outputs[s]):
            steps = problem.loss.shortcut(problem.layers[-1].activation, outputs[s], targets[s], j)
            if steps:
                found[Name("z", a.layer, a.index, s)] = tuple(Prod((share, e), "·") if average else e for e in steps)
    return found


def _loss_nodes(
    problem: Problem,
    samples: tuple[int | None, ...],
    outputs: Mapping[int | None, tuple[Name, ...]],
    targets: Mapping[int | None, tuple[Name, ...]],
) -> list[Node]:
    """E_j per output, E@s per sample, and E of the whole batch, differentiated by the outputs directly."""
    n = len(outputs[samples[0]])
    at_kink = problem.conventions.at_kink("kinks" if problem.loss.has_kink else None)
    average = problem.reduction == "mean" and len(samples) > 1
    share = Frac(Num.of(1), Num.of(len(samples)))
    nodes: list[Node] = []
    derivatives: list[tuple[Name, Expr]] = []
    whole: list[Name] = []
    for s in samples:
        pairs = list(zip(outputs[s], targets[s], strict=True))
        parts = [problem.loss.part(a, t, n) for a, t in pairs]
        slopes = [problem.loss.derivative(a, t, n, at_kink) for a, t in pairs]
        names = [Name("E", None, (j,), s) for j in range(1, n + 1)]
        for name, part, slope, (a, _) in zip(names, parts, slopes, pairs, strict=True):
            nodes.append(Node(name, part, slope=(a, slope)))
        # the loss of one output is written out; several are added up
        slope_of_one = (pairs[0][0], slopes[0]) if n == 1 else None
        of_sample = Node(Name("E", sample=s), parts[0] if n == 1 else Sum(tuple(names)), slope=slope_of_one)
        nodes.append(of_sample)
        whole.append(of_sample.name)
        for (a, _), slope in zip(pairs, slopes, strict=True):
            derivatives.append((a, Prod((share, slope), "·") if average else slope))
    if samples == (None,):
        last = nodes.pop()
        return [*nodes, Node(last.name, last.expr, tuple(derivatives), last.slope)]
    total = Sum(tuple(whole)) if len(whole) > 1 else whole[0]
    return [*nodes, Node(Name("E"), Prod((share, total)) if average else total, tuple(derivatives))]
