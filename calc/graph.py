"""Problem → Graph: every quantity in order of computation, each with its formula and local derivatives.

x_i@s   z1_j@s   a1_j@s   …   E_j@s   E@s   E      with one sample there is no @s

ahead.w1_j_i                the parameter that is looked ahead to; the network is then worked with it (nesterov)
squares1   sizes1           sums over a layer's weights, penalty their weighted sum, E = E_data + penalty
learning_rate               of all parameters; where they differ learning_rate1 (a layer), learning_rate.w1 and
                            learning_rate.b1 (its weights, its biases), learning_rate.w1_j_i (one parameter)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flint import fmpq

from calc.expr import AtKink, Expr, Frac, Name, Num, Prod, Sum, sum_of
from calc.network import Layer, Network
from calc.number import Exact, Number, Shown
from calc.ops import Activation, affine
from calc.penalty import DATA, derivative, formulas
from calc.updates import ahead_of, state_of

LEARNING_RATE = Name("learning_rate")
BEYOND = Name("L")  # what a graph is a part of


def delta_of(z: Name) -> Name:
    """−dE/dz, a quantity of its own where delta has that sign; of all sums of a layer all its deltas."""
    return Name("delta", z.layer, z.index, z.sample)


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
    ahead         the looked-ahead parameters and what they stand for
    penalties     what the penalty adds to a weight's gradient
    rates         the learning rates of parameters that have one of their own
    upstream      the gradient that arrives at the last node from beyond it; None: that by itself, 1
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
    ahead: Mapping[Name, Name]
    penalties: Mapping[Name, Expr]
    rates: Mapping[Name, Name]
    upstream: Num | None = None

    @property
    def top(self) -> Name:
        """What the gradients are of: the loss, or something beyond it whose gradient arrives there."""
        return self.loss if self.upstream is None else BEYOND

    @property
    def depth(self) -> int:
        """How many layers there are."""
        return len(self.parameters)

    @property
    def data(self) -> Name:
        """The samples' part of the loss; the whole of it where there is no penalty."""
        return DATA if self.penalties else self.loss

    def rate(self, parameter: Name) -> Name:
        """The learning rate of a parameter."""
        return self.rates.get(parameter, LEARNING_RATE)


def build(problem: Network, visited: Sequence[int] | None = None) -> Graph:
    """Spell the network out as scalar nodes.

    Args:
        visited: the samples that the update sees, numbered from 1; all of them where nothing is said.
    """
    numbers = visited or range(1, len(problem.samples) + 1)
    samples: tuple[int | None, ...] = tuple(numbers) if len(problem.samples) > 1 else (None,)
    chosen = [problem.samples[s - 1] for s in numbers]
    typed: dict[str, Shown] = {}
    given: dict[str, Number] = {}

    def give(name: Name, number: Exact) -> Name:
        typed[name.id], given[name.id] = number.shown, number.value
        return name

    if problem.learning_rate is not None:
        give(LEARNING_RATE, problem.learning_rate)
    rates: dict[Name, Name] = {}
    ahead: dict[Name, Name] = {}
    penalties: dict[Name, Expr] = {}
    weights: list[tuple[Name, ...]] = []  # of each layer, as the network is worked with them
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
        for w in parameters[-1] if problem.learning_rates is not None else ():
            if w in trained:
                rates[w] = give(*_rate(problem, w))
        worked = {w: ahead_of(w) for w in parameters[-1] if w in trained and problem.optimizer.update.look_ahead(w)}
        for w, there in worked.items():
            nodes.append(Node(there, problem.optimizer.update.look_ahead(w) or w))
            ahead[there] = w
        inner = [tuple(worked.get(w, w) for w in row) for row in rows]
        weights.append(tuple(w for row in inner for w in row))
        if problem.penalty.active:
            for row in rows:
                for w in row:
                    penalties[w] = derivative(problem.penalty.l1, problem.penalty.l2, worked.get(w, w))
        zs_of_layer: list[Name] = []
        as_of_layer: list[Name] = []
        for s in samples:
            entering = leaving[s]
            zs = [Name("z", l, (j,), s) for j in range(1, len(rows) + 1)]
            as_ = [Name("a", l, (j,), s) for j in range(1, len(rows) + 1)]
            for j, (row, z) in enumerate(zip(inner, zs, strict=True)):
                bias = worked.get(biases[j], biases[j]) if biases else None
                derivatives = affine.derivatives(row, entering, bias)
                if worked:  # w + βv changes as w does
                    derivatives = [(ahead.get(by, by), d) for by, d in derivatives]
                if l == 1:
                    derivatives = [(by, d) for by, d in derivatives if by.kind != "x"]  # inputs are constants
                nodes.append(Node(z, affine.pre_activation(row, entering, bias), tuple(derivatives)))
            f = layer.activation
            at_kink = problem.conventions.at_kink
            for j, a in enumerate(as_):
                if layer.mask is None:
                    formula, by_z = f.unit(zs, as_, j, at_kink)
                else:
                    formula, by_z = _masked(f, layer, j, zs[j], a, at_kink)
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
    if problem.penalty.active:
        whole = nodes.pop()
        nodes.append(Node(DATA, whole.expr, slope=whole.slope))
        nodes += [Node(name, expr) for name, expr in formulas(problem.penalty.l1, problem.penalty.l2, weights)]
        nodes.append(Node(whole.name, Sum((DATA, nodes[-1].name)), whole.locals))
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
        ahead,
        penalties,
        rates,
    )


def _rate(problem: Network, w: Name) -> tuple[Name, Exact]:
    """The learning rate of a parameter where every layer has its own, named by what shares it."""
    assert problem.learning_rates is not None
    rates = problem.learning_rates[(w.layer or 1) - 1]
    of_kind = rates.weights if w.kind == "w" or rates.biases is None else rates.biases
    if isinstance(of_kind, Exact):
        alone = rates.biases is None or rates.biases == rates.weights
        return Name("learning_rate" if alone else f"learning_rate.{w.kind}", w.layer), of_kind
    entry: Any = of_kind
    for i in w.index:
        entry = entry[int(i) - 1]
    return state_of("learning_rate", w), entry


def _masked(
    f: Activation, layer: Layer, j: int, z: Name, a: Name, at_kink: AtKink
) -> tuple[Expr, list[tuple[Name, Expr]]]:
    """a = m f(z) / keep of unit j (from 0) and its derivative, in which keep · a stands for f(z)."""
    assert layer.mask is not None
    factor = Num(layer.mask[j].shown)
    formula: Expr = Prod((factor, f.formula(z)), "·")
    if layer.keep is not None:
        formula = Frac(formula, Num(layer.keep.shown))
    if layer.mask[j].value == 0:
        return formula, [(z, Num.of(0))]
    if layer.keep is None:
        return formula, [(z, f.derivative(z, a, at_kink))]
    keep = Num(layer.keep.shown)
    return formula, [(z, Frac(f.derivative(z, Prod((keep, a)), at_kink), keep))]


def _shortcuts(
    problem: Network,
    samples: tuple[int | None, ...],
    outputs: Mapping[int | None, tuple[Name, ...]],
    targets: Mapping[int | None, tuple[Name, ...]],
) -> dict[Name, tuple[Expr, ...]]:
    """dE/dz of the output units where loss and activation cancel."""
    found: dict[Name, tuple[Expr, ...]] = {}
    if problem.layers[-1].mask is not None:
        return found  # a mask's factor stands between the two
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
    problem: Network,
    samples: tuple[int | None, ...],
    outputs: Mapping[int | None, tuple[Name, ...]],
    targets: Mapping[int | None, tuple[Name, ...]],
) -> list[Node]:
    """E_j per output, E@s per sample, and E of the whole batch, differentiated by the outputs directly."""
    n = len(outputs[samples[0]])
    at_kink = problem.conventions.at_kink
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
    total = sum_of(whole)
    return [*nodes, Node(Name("E"), Prod((share, total)) if average else total, tuple(derivatives))]
