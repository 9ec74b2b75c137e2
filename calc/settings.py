"""Settings under which the answers of a problem differ: conventions, reduction and the factor of squared errors.

[setting.changes for setting in settings(problem)]
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from calc.document import Words
from calc.errors import ProblemError
from calc.expr import Num
from calc.network import Network
from calc.number import Exact, Shown
from calc.ops import Activation, Loss
from calc.problem import Problem
from calc.steps import graph_of

AT_KINKS = (0, "1/2", 1)
SQUARED = ("half_squared_error", "squared_error", "mean_squared_error")  # losses that differ by a factor
Change = tuple[str, bool | int | str]  # a key of the problem file with what stands there instead: ("reduction", "sum")


@dataclass(frozen=True)
class Setting:
    """A problem under another setting than its own.

    changes    what its file would say instead, e.g. (("conventions.update_biases", False),)
    problem    the problem of that file
    words      what is said of it, e.g. "if the biases are constant"
    """

    changes: tuple[Change, ...]
    problem: Problem
    words: Words


@dataclass(frozen=True)
class Refused:
    """A setting under which the problem has no answers, and why."""

    changes: tuple[Change, ...]
    words: Words
    reason: str


def settings(problem: Problem) -> tuple[Setting, ...]:
    """Every other setting that a problem allows and that may change a number of it.

    One change at a time, and two at a time where they are known together: the constant biases and already updated
    weights of the most copied worked example (M. Mazur, 2015), and the factors of squares and of samples, which are
    one factor of the error: a mean of both is the usual one of programs, half a sum the usual one of books.
    """
    return tuple(one for one in candidates(problem) if isinstance(one, Setting))


def candidates(problem: Problem) -> Iterator[Setting | Refused]:
    """The same with those that the file of the problem does not allow, as it says nothing of what they need."""
    tables = problem.model_dump(mode="json", exclude_none=True)
    found: dict[str, list[Change]] = {}
    for key, values in _others(problem):
        for value in values:
            one = _under(tables, ((key, value),))
            if isinstance(one, Setting):
                found.setdefault(key, []).append((key, value))
            yield one
    for first, second in (("conventions.update_biases", "conventions.update_order"), ("loss", "reduction")):
        for pair in product(found.get(first, ()), found.get(second, ())):
            yield _under(tables, pair)


def own(problem: Problem) -> Iterator[Words]:
    """What is said of the setting that a problem has, of all that ``candidates`` changes."""
    tables = problem.model_dump(mode="json")
    for key, _ in _others(problem):
        table, _, entry = key.rpartition(".")
        yield _said((key, (tables[table] if table else tables)[entry]))


def _others(problem: Problem) -> Iterator[tuple[str, tuple[bool | int | str, ...]]]:
    """The keys of the file that may change a number, each with what may stand there instead."""
    conventions = problem.conventions
    if isinstance(problem, Network):
        rule, deltas = problem.rule, problem.solution.method != "chain"
        if any(layer.biases for layer in problem.layers):
            yield "conventions.update_biases", (not conventions.update_biases,)
        if len(problem.layers) > 1:
            orders = ("simultaneous", "sequential")
            yield "conventions.update_order", tuple(one for one in orders if one != conventions.update_order)
        # a number of an answer hangs on the sign where the gradient, or else the delta, is rounded on the way
        if rule == "gradient" and deltas and problem.rounding.carry == "rounded":
            yield "conventions.delta_sign", tuple(s for s in ("dE/dz", "-dE/dz") if s != conventions.delta_sign)
        if problem.marked:
            yield "reduction", tuple(one for one in ("mean", "sum") if one != problem.reduction)
        if rule == "gradient" and problem.loss.name in SQUARED:
            # of one output the mean of the squares is their sum, and one of the two says all
            own_name, names = problem.loss.name, SQUARED if problem.widths[-1] > 1 else SQUARED[:2]
            yield "loss", tuple(name for name in names if name != (own_name if own_name in names else names[-1]))
    for key in _kinks(problem):
        there = conventions.at_kink(key).value
        yield f"conventions.{key}", tuple(at for at in AT_KINKS if Exact.read(str(at)).value != there)


def _kinks(problem: Problem) -> list[str]:
    """The conventions that a derivative of the problem hangs on."""
    if isinstance(problem, Network):
        operations: list[Activation | Loss] = [layer.activation for layer in problem.layers]
        operations += [problem.loss] if problem.rule == "gradient" else []
        used = {key for operation in operations if problem.rule != "perceptron" for key in operation.kinks}
    else:
        used = _kinks_of_nodes(problem)
    return [key for key in ("relu_at_zero", "kinks") if key in used]


def _kinks_of_nodes(problem: Problem) -> set[str]:
    from calc.differentiate import differentiate  # a network does not need it

    asked: set[str] = set()

    def note(convention: str) -> Shown:
        asked.add(convention)
        return Shown("0")

    for node in graph_of(problem).nodes:
        for v, _ in node.locals:
            differentiate(node.expr, v, note)
    return asked


def _under(tables: Mapping[str, Any], changes: tuple[Change, ...]) -> Setting | Refused:
    """The problem of a file that says something else in these places."""
    changed = dict(tables)
    for key, value in changes:
        table, _, entry = key.rpartition(".")
        changed |= {table: changed[table] | {entry: value}} if table else {entry: value}
    first, *others = map(_said, changes)
    words = Words("setting.both", {"first": first, "second": others[0]}) if others else first
    try:
        return Setting(changes, Problem(**changed), words)
    except ProblemError as error:
        return Refused(changes, words, " ".join(str(fault) for fault in error.faults))


def _said(change: Change) -> Words:
    """if the biases are constant"""
    match change:
        case ("conventions.update_biases", updated):
            return Words("setting.updated_biases" if updated else "setting.constant_biases")
        case ("conventions.delta_sign", sign):
            return Words("setting.minus" if sign == "-dE/dz" else "setting.plus")
        case ("conventions.relu_at_zero" | "conventions.kinks" as key, value):
            number = Num(Exact.read(str(value)).shown)
            return Words(
                "setting.at_zero" if key == "conventions.relu_at_zero" else "setting.at_kinks", {"value": number}
            )
        case (_, name):
            return Words(f"setting.{name}")
