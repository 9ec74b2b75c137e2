"""The independent check of every solve: the loss is differentiated numerically, without the chain rule.

Along a random direction d over all parameters p,  (E(p + hd) − E(p − hd)) / 2h  at 80 digits with h = 10⁻²⁵ must
equal  Σ d ∂E/∂p  to 10⁻²⁰ relative. Two forward passes, whatever the size of the network.
"""

import random
from collections.abc import Mapping
from dataclasses import replace

from flint import arb, fmpq

from calc.errors import VerificationError
from calc.expr import Cases, Expr, Frac, Name, Neg, Num, Prod, Sum, evaluate
from calc.graph import Graph
from calc.number import LAST_BITS, Number, Shown, Undecided, Unprintable, precision, sign
from calc.problem import Problem
from calc.trace import Trace

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
    """
    graph = trace.graph
    if trace.rounding.carry != "full" or problem.conventions.update_order != "simultaneous":
        trace = Trace(problem, graph, replace(trace.rounding, carry="full"), sequential=False)
    source = random.Random(0)
    sizes = {w: fmpq(source.randint(1, 999), 1000) for layer in graph.parameters for w in layer}  # none left out
    direction = {w: source.choice((-1, 1)) * size for w, size in sizes.items()}
    for doubling in range(DOUBLINGS + 1):  # on for a kink within ±h, and where the gradient is 0 but not E(p ± hd)
        digits, h = DIGITS << doubling, fmpq(10) ** -(STEP << doubling)
        bits = digits * 10 // 3 + 16
        values, decided = trace.at(bits)
        with precision(decided):  # at which the trace knew on which side of a kink each unit stands
            held = kinks(graph, values)
        with precision(bits):
            chain: Number = fmpq(0)
            for w, d in direction.items():
                chain = chain + d * values[f"dE/d{w.id}"]
            try:
                above, below = (
                    loss_at(graph, {w: values[w.id] + side * h * d for w, d in direction.items()}, held)
                    for side in (1, -1)
                )
            except Undecided:  # a kink so close that its side is not decided
                continue
            numeric = (above - below) / (2 * h)
            gap = abs(arb(numeric - chain))
            if gap <= abs(arb(chain)) * arb(10) ** -AGREEMENT or gap < arb(10) ** -NOTHING:
                return trace
    raise VerificationError(
        f"the gradients fail the independent check: the chain rule gives {arb(chain).str(20)} along a random "
        "direction, two forward passes another number. This is a bug of calc: please report it with the problem file"
    )


def kinks(graph: Graph, values: Mapping[str, Number]) -> dict[Name, tuple[Number, Name, Number, Number]]:
    """The nodes that stand exactly at a kink, to be held there: their value, by what they move, from where, how."""
    held = {}
    for node in graph.nodes:
        # the whole loss is a sum of parts, and it is the parts that are held
        slopes = (node.slope,) if node.slope else () if node.name == graph.loss else node.locals
        for by, slope in slopes:
            if _at_kink(slope, values):
                held[node.name] = (values[node.name.id], by, values[by.id], evaluate(slope, values))
    return held


def _at_kink(expr: Expr, values: Mapping[str, Number]) -> bool:
    match expr:
        case Cases(_, on, above, _, below):
            side = sign(evaluate(on, values))
            return side == 0 or _at_kink(above if side > 0 else below, values)
        case Sum(parts) | Prod(parts):
            return any(_at_kink(part, values) for part in parts)
        case Neg(arg) | Frac(arg, Num()):  # divided by the share that a mask keeps
            return _at_kink(arg, values)
    return False


def loss_at(
    graph: Graph, parameters: Mapping[Name, Number], held: Mapping[Name, tuple[Number, Name, Number, Number]] = {}
) -> Number:
    """E with some parameters replaced: a forward pass and nothing else, at the precision in force."""
    values: dict[str, Number] = dict(graph.given)
    values |= {name.id: value for name, value in parameters.items()}
    for node in graph.nodes:
        at_kink = held.get(node.name)
        if at_kink is not None:
            value, by, there, slope = at_kink
            values[node.name.id] = value + slope * (values[by.id] - there)
        else:
            values[node.name.id] = evaluate(node.expr, values)
    return values[graph.loss.id]


def difference_quotient(trace: Trace, w: Name) -> tuple[Shown, Shown, Shown, Shown] | None:
    """(E(w + h) − E(w − h)) / 2h, with an h = 10^-3, 10^-4, … small enough to give the gradient's printed digits.

    Args:
        trace: full precision and simultaneous updates.
        w: the parameter.
    Returns:
        h, E(w + h), E(w − h) and the quotient as printed, with as many digits as the line needs to come out;
        None where no h does, as at a kink.
    """
    rounding, gradient = trace.rounding, trace.show(f"dE/d{w.id}").value
    value = trace.graph.given[w.id]
    with precision(LAST_BITS // 4):
        digits = rounding.decimals if rounding.decimals is not None else rounding.significant or 0
        for power in range(max(3, digits // 2 + 1), 40):  # the error falls with h²
            h = fmpq(10) ** -power
            try:
                above, below = (loss_at(trace.graph, {w: value + side * h}) for side in (1, -1))
                result = rounding.show((above - below) / (2 * h))
                if result.value != gradient:
                    continue
                for extra in range(100):
                    up, down = rounding.show(above, extra), rounding.show(below, extra)
                    if rounding.show((up.value - down.value) / (2 * h)).value == gradient:
                        step = Shown("1", -power) if power > 5 else Shown("0." + "0" * (power - 1) + "1")
                        return step, up, down, result
                return None  # a smaller h needs still more digits
            except (Undecided, Unprintable):
                return None
    return None
