"""The independent check of every solve: the loss is differentiated numerically, without the chain rule.

Along a random direction d over all parameters p,  (E(p + hd) − E(p − hd)) / 2h  at 80 digits with h = 10⁻²⁵ must
equal  Σ d ∂E/∂p  to 10⁻²⁰ relative. Two forward passes, whatever the size of the network.
"""

import random
from collections.abc import Mapping
from dataclasses import replace

from flint import arb, fmpq

from calc.errors import UnsupportedError, VerificationError
from calc.expr import Cases, Expr, Name, Partial, at_kink, bounded, children, evaluate
from calc.graph import LEARNING_RATE, Graph, build
from calc.network import Network
from calc.number import LAST_BITS, START_BITS, Number, Shown, Undecided, Undefined, Unprintable, precision, sign
from calc.ops.activations import Identity
from calc.problem import Problem
from calc.rules import compares_sums
from calc.trace import Trace
from calc.updates import change_of

DIGITS, STEP = 80, 25  # working digits, and h = 10^-STEP; both doubled for gradients too small for them
AGREEMENT = 20  # relative agreement 10^-AGREEMENT
DOUBLINGS = 5
NOTHING = 1000  # below 10^-NOTHING both sides are 0, as everywhere in calc


def verify(problem: Problem, trace: Trace) -> Trace:
    """Compare the gradients of the full, simultaneous trace with a directional derivative of the loss.

    Returns:
        The trace that was checked: ``trace`` itself, or its full, simultaneous counterpart.
    Raises:
        VerificationError: they disagree, so nothing may be printed.
        UnsupportedError: a value cannot be printed, or the loss has none beside these numbers.
    """
    rule, graph = problem.rule, trace.graph
    if isinstance(problem, Network) and rule == "perceptron":
        return verify_perceptron(problem, trace)
    if isinstance(problem, Network) and compares_sums(problem):
        # the delta rule of a threshold unit is gradient descent on ½ (t − z)²
        linear = problem.layers[0].model_copy(update={"activation": Identity()})
        graph = build(problem.model_copy(update={"layers": (linear,)}), [s or 1 for s in graph.samples])
    if trace.rounding.carry != "full" or problem.conventions.update_order != "simultaneous":
        trace = Trace(
            problem, trace.graph, replace(trace.rounding, carry="full"), sequential=False, carried=trace.carried
        )
    source = random.Random(0)
    sizes = {w: fmpq(source.randint(1, 999), 1000) for layer in graph.parameters for w in layer}  # none left out
    if rule == "delta":
        sizes = {w: size for w, size in sizes.items() if w in graph.trained}
    direction = {w: source.choice((-1, 1)) * size for w, size in sizes.items()}
    steep = crossed = False
    for doubling in range(DOUBLINGS + 1):  # on for a kink within ±h, and where the gradient is 0 but not E(p ± hd)
        digits, h = DIGITS << doubling, fmpq(10) ** -(STEP << doubling)
        bits = digits * 10 // 3 + 16
        values, decided = trace.at(bits)
        with precision(decided):  # at which the trace knew on which side of a kink each unit stands
            held = kinks(graph, values)
        here = {id: values[id] for id in graph.given}  # as carried on from an earlier update
        with precision(bits):
            chain: Number = fmpq(0)
            for w, d in direction.items():
                gradient = values[Partial(graph.top, w).id] if rule == "gradient" else -values[change_of(w).id]
                chain = chain + d * gradient
            try:
                beside = [
                    values_at(graph, here | {w.id: values[w.id] + side * h * d for w, d in direction.items()}, held)
                    for side in (1, -1)
                ]
            except Undecided:  # a kink so close that its side is not decided
                continue
            except Undefined as error:
                why = f"{error}, so close to these numbers that its derivative has no meaning. Change the numbers"
                raise UnsupportedError(f"{graph.loss.id}: {why}") from None
            above, below = (there[graph.loss.id] for there in beside)
            numeric = (above - below) / (2 * h)
            if graph.upstream is not None:
                numeric = graph.upstream.shown.value * numeric
            if rule == "delta":  # which states the change, −η times the gradient
                numeric = values[LEARNING_RATE.id] * numeric
            gap = abs(arb(numeric - chain))
            if gap <= abs(arb(chain)) * arb(10) ** -AGREEMENT or gap < arb(10) ** -NOTHING:
                return trace
            steep = bool(abs(arb(chain * h)) > 1)
            crossed = any(crosses(graph, values, there) for there in beside)
    for id in trace.steps:
        trace.show(id)  # names a value beyond any page, whose ball is too wide to be checked
    if steep:  # the smallest step is a large one
        why = "so steep that no small step shows its derivative. Scale the inputs or the weights"
        raise UnsupportedError(f"{graph.loss.id}: {why}")
    if crossed:  # even by the smallest step
        why = "so close to a kink that no small step shows its derivative. Change the numbers"
        raise UnsupportedError(f"{graph.loss.id}: {why}")
    raise VerificationError(
        f"the gradients fail the independent check: the chain rule gives {arb(chain).str(20)} along a random "
        "direction, two forward passes another number. This is a bug of calc: please report it with the problem file"
    )


def verify_perceptron(problem: Network, trace: Trace) -> Trace:
    """Compare the changes of the perceptron rule with a derivative along a random direction.

    They are η times the gradient of Σ e z, the errors e = t − a held as they are, which are computed again here. So
    sums of products at two points tell a wrong change, and no derivative of a threshold is asked for.

    Returns, Raises: as ``verify``.
    """
    if trace.rounding.carry != "full":
        trace = Trace(problem, trace.graph, replace(trace.rounding, carry="full"), False, carried=trace.carried)
    graph, source, h = trace.graph, random.Random(0), fmpq(10) ** -STEP
    trained = [w for w in graph.parameters[0] if w in graph.trained]
    direction = {w: source.choice((-1, 1)) * fmpq(source.randint(1, 999), 1000) for w in trained}
    bits = DIGITS * 10 // 3 + 16
    values, decided = trace.at(bits)
    here = {w: values[w.id] for w in graph.parameters[0]}
    with precision(max(bits, decided)):
        above, below = (here | {w: here[w] + side * h * d for w, d in direction.items()} for side in (1, -1))
        numeric: Number = fmpq(0)
        for z, e in _errors(problem, trace, values).items():
            numeric = numeric + e * (_sum_at(graph, above, z) - _sum_at(graph, below, z)) / (2 * h)
        share = fmpq(1, len(graph.samples)) if problem.reduction == "mean" else fmpq(1)
        numeric = values[LEARNING_RATE.id] * share * numeric
        change: Number = fmpq(0)
        for w, d in direction.items():
            change = change + d * values[change_of(w).id]
        if abs(arb(numeric - change)) <= abs(arb(change)) * arb(10) ** -AGREEMENT:
            return trace
    raise VerificationError(
        f"the changes fail the independent check: the perceptron rule gives {arb(change).str(20)} along a random "
        "direction, the sums at two points another number. This is a bug of calc: please report it with the file"
    )


def _errors(problem: Network, trace: Trace, values: Mapping[str, Number]) -> dict[Name, Number]:
    """t − a by sum z, the outputs read off the signs of the sums.

    Raises:
        VerificationError: the trace has another error.
    """
    found: dict[Name, Number] = {}
    for step in trace.steps.values():
        z = step.result
        if step.kind == "pre-activation" and isinstance(z, Name) and not z.updated:
            side = sign(_sum_at(trace.graph, {w: values[w.id] for w in trace.graph.parameters[0]}, z))
            a = side if problem.layers[0].activation.name == "sign" else int(side >= 0)
            t, e = Name("t", None, z.index, z.sample), Name("e", None, z.index, z.sample)
            found[z] = trace.graph.given[t.id] - a
            if found[z] != values[e.id]:
                raise VerificationError(f"{e.id} fails the independent check: {values[e.id]} instead of {found[z]}")
    return found


def _sum_at(graph: Graph, parameters: Mapping[Name, Number], z: Name) -> Number:
    """Σ w x + b of one unit, without its formula."""
    total: Number = fmpq(0)
    for w, value in parameters.items():
        if w.index[0] == z.index[0]:
            total = total + (value * graph.given[Name("x", None, w.index[1:], z.sample).id] if w.kind == "w" else value)
    return total


# a value, and by what it moves: from where, and how
Held = tuple[Number, list[tuple[Name, Number, Number]]]


def kinks(graph: Graph, values: Mapping[str, Number]) -> dict[Name, Held]:
    """The nodes that stand exactly at a kink, to be held there."""
    held: dict[Name, Held] = {}
    in_parts = any(node.slope for node in graph.nodes)
    for node in graph.nodes:
        # the whole loss of a network is a sum of parts, and it is the parts that are held
        slopes = (node.slope,) if node.slope else () if node.name == graph.loss and in_parts else node.locals
        if any(at_kink(slope, values) for _, slope in slopes):
            moves = [(by, values[by.id], evaluate(slope, values)) for by, slope in slopes]
            held[node.name] = values[node.name.id], moves
    return held


def crosses(graph: Graph, here: Mapping[str, Number], there: Mapping[str, Number]) -> bool:
    """Whether a case distinction of some derivative falls otherwise ``there`` than ``here``, where it is not at 0."""

    def turns(expr: Expr) -> bool:
        if isinstance(expr, Cases):
            try:
                side = sign(evaluate(expr.on, here))
                if side and side != sign(evaluate(expr.on, there)):
                    return True
            except Undecided:
                return True
        return any(map(turns, children(expr)))

    return any(turns(slope) for node in graph.nodes for _, slope in (*node.locals, *filter(None, [node.slope])))


def loss_at(graph: Graph, given: Mapping[str, Number], held: Mapping[Name, Held] = {}) -> Number:
    """E of given inputs, targets, parameters and states, at the precision in force."""
    return values_at(graph, given, held)[graph.loss.id]


def values_at(graph: Graph, given: Mapping[str, Number], held: Mapping[Name, Held]) -> dict[str, Number]:
    """The value of every node: a forward pass and nothing else."""
    values = dict(given)
    for node in graph.nodes:
        if node.name in held:
            value, moves = held[node.name]
            for by, there, slope in moves:
                value = value + slope * (values[by.id] - there)
            values[node.name.id] = value
        else:
            values[node.name.id] = bounded(evaluate(node.expr, values))
    return values


def difference_quotient(trace: Trace, w: Name) -> tuple[Shown, Shown, Shown, Shown] | None:
    """(E(w + h) − E(w − h)) / 2h, with an h = 10^-3, 10^-4, … small enough to give the gradient's printed digits.

    Args:
        trace: full precision and simultaneous updates.
        w: the parameter.
    Returns:
        h, E(w + h), E(w − h) and the quotient as printed, with as many digits as the line needs to come out;
        None where no h does, as at a kink.
    """
    bits = START_BITS
    while bits <= LAST_BITS // 4:
        try:
            return _quotient(trace, w, bits)
        except Undecided:
            bits *= 2
    return None


def _quotient(trace: Trace, w: Name, bits: int) -> tuple[Shown, Shown, Shown, Shown] | None:
    rounding, gradient = trace.rounding, trace.show(Partial(trace.graph.top, w).id).value
    values, _ = trace.at(bits)
    here = {id: values[id] for id in trace.graph.given}
    value = here[w.id]
    share = fmpq(1) if trace.graph.upstream is None else trace.graph.upstream.shown.value
    with precision(bits):
        digits = rounding.decimals if rounding.decimals is not None else rounding.significant or 0
        for power in range(max(3, digits // 2 + 1), 40):  # the error falls with h²
            h = fmpq(10) ** -power
            try:
                above, below = (loss_at(trace.graph, here | {w.id: value + side * h}) for side in (1, -1))
            except Undefined:  # so far away the last quantity has no value
                continue
            try:
                result = rounding.show(share * (above - below) / (2 * h))
                if result.value != gradient:
                    continue
                for extra in range(100):
                    up, down = rounding.show(above, extra), rounding.show(below, extra)
                    if rounding.show(share * (up.value - down.value) / (2 * h)).value == gradient:
                        step = Shown("1", -power) if power > 5 else Shown("0." + "0" * (power - 1) + "1")
                        return step, up, down, result
                return None  # a smaller h needs still more digits
            except Unprintable:
                return None
    return None
