"""Training: one trace per update; the updated parameters and states of one are what the next begins with.

w'   of one update is w of the next, likewise v.w' and v.w
k    which update it is, counted from 1

Where full precision is carried, a trace that needs more digits asks the one before for its values at that precision;
where rounded numbers are carried, the printed number goes on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, TypeVar

from flint import arb, fmpq

from calc.errors import UnsupportedError, VerificationError
from calc.expr import Partial
from calc.graph import LEARNING_RATE, Graph
from calc.network import Network
from calc.number import LARGEST_EXPONENT, Number
from calc.problem import Problem
from calc.steps import Step, forward, graph_of, steps_of
from calc.trace import Trace
from calc.updates import state_of
from calc.verify import verify

P = TypeVar("P", bound=Problem)

# With every update the digits of an exact rational multiply: through two linear layers they triple, so that it would
# have a million of them after a dozen updates. Beyond so many bits a certified ball, at the precision in force, is
# carried instead of it: as sound, and no longer called exact.
LONGEST_RATIONAL = 2048


@dataclass(frozen=True)
class Iteration(Generic[P]):
    """One update.

    index      counted from 1
    epoch      counted from 1
    last       whether it ends its epoch
    problem    the problem with the count of updates done before
    trace      what is shown
    exact      its full, simultaneous counterpart, which has been verified
    """

    index: int
    epoch: int
    last: bool
    problem: P
    trace: Trace
    exact: Trace

    @property
    def samples(self) -> tuple[int, ...]:
        """The samples it sees, numbered as in the file."""
        return tuple(s or 1 for s in self.trace.graph.samples)


def train(problem: P) -> tuple[Iteration[P], ...]:
    """Work all updates, one after another, and verify each.

    Raises:
        UnsupportedError: a quantity is undefined or unprintable at these numbers; the message names the update.
        VerificationError: the independent check of an update failed; nothing may be printed.
    """
    sequential = problem.conventions.update_order == "sequential"
    graphs = {visited: graph_of(problem, visited) for visited in dict.fromkeys(problem.updates)}
    reused: dict[tuple[int, ...], Mapping[str, Step]] = {}
    counts = _counts(problem, graphs[problem.updates[0]])
    done: list[Iteration[P]] = []
    rounds = [(epoch, v) for epoch in range(1, problem.epochs + 1) for v in problem.updates]
    for index, (epoch, visited) in enumerate(rounds, 1):
        current = problem.after(index - 1)
        graph = graphs[visited]
        steps = reused.get(visited)
        if steps is None or counts:
            steps = reused[visited] = steps_of(current, graph, sequential)
        try:
            trace = following(current, graph, [one.trace for one in done], steps, sequential)
            exact = verify(current, trace)
            if index < len(rounds):
                _bounded(trace)
        except (UnsupportedError, VerificationError) as error:
            if len(rounds) == 1:
                raise
            where = f"update {index} (epoch {epoch})" if isinstance(problem, Network) else f"step {index}"
            raise type(error)(f"{where}: {error}") from None
        done.append(Iteration(index, epoch, visited == problem.updates[-1], current, trace, exact))
    return tuple(done)


def _bounded(trace: Trace) -> None:
    """Stop a training that runs off: what the next update begins with must be a number that a file could hold."""
    limit = fmpq(10) ** LARGEST_EXPONENT
    for w in (name for layer in trace.graph.parameters for name in layer if name in trace.graph.trained):
        if not abs(arb(trace.values[w.after_update().id])) < arb(limit):
            what = "training" if isinstance(trace.problem, Network) else "descent"
            raise UnsupportedError(
                f"{w.id} has grown beyond 10^{LARGEST_EXPONENT}: the {what} runs off. Lower the learning rate"
            )


def _counts(problem: Problem, graph: Graph) -> bool:
    """Whether the optimiser's formulas hang on how many updates were done, as Adam's do."""
    w = graph.parameters[0][0]
    first, second = (
        list(problem.rules_of_change.update.steps(w, Partial(graph.loss, w), LEARNING_RATE, count)) for count in (1, 2)
    )
    return first != second


def following(
    problem: Problem, graph: Graph, before: list[Trace], steps: Mapping[str, Step], sequential: bool
) -> Trace:
    """The trace that begins with the parameters and states that the last of ``before`` ended with."""
    rounding = problem.rounding.rule
    if not before:
        return Trace(problem, graph, rounding, sequential, steps=steps)
    pairs = list(carried(problem, before[-1].graph))
    if rounding.carry == "rounded":
        shown = {old: before[-1].show(new) for old, new in pairs}
        given = dict(graph.given) | {id: number.value for id, number in shown.items()}
        graph = replace(graph, given=given, typed=dict(graph.typed) | shown)
        return Trace(problem, graph, rounding, sequential, steps=steps)
    values = partial(_values, tuple(before), tuple(pairs))
    names = {old for old, _ in pairs}
    graph = replace(graph, typed={id: typed for id, typed in graph.typed.items() if id not in names})
    return Trace(problem, graph, rounding, sequential, steps=steps, carried=values)


def carried(problem: Problem, graph: Graph) -> Iterator[tuple[str, str]]:
    """What goes on under which id: w and w', v.w and v.w'."""
    for w in (name for layer in graph.parameters for name in layer if name in graph.trained):
        for name in (w, *(state_of(letter, w) for letter in problem.rules_of_change.update.state)):
            yield name.id, name.after_update().id


def _values(before: tuple[Trace, ...], pairs: tuple[tuple[str, str], ...], bits: int) -> dict[str, Number]:
    """The carried values, evaluated with at least ``bits`` bits, the first update first."""
    for trace in before:  # not one asking the other: that would nest as deeply as there are updates
        values, _ = trace.at(bits)
    return {old: _short(values[new]) for old, new in pairs}


def _short(value: Number) -> Number:
    if isinstance(value, fmpq) and max(value.p.bit_length(), value.q.bit_length()) > LONGEST_RATIONAL:
        return arb(value)
    return value


def predict(problem: Problem, updates: list[Trace]) -> Trace:
    """A forward pass of every sample with the parameters after these updates, or with those of the file."""
    graph = graph_of(problem)
    steps = {step.result.id: step for step in forward(graph)}
    return following(problem, graph, updates, steps, sequential=False)
