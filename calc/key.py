"""The key: a problem worked once for every sheet that is judged by it, in every way of writing and rounding."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from calc.errors import UnsupportedError
from calc.expr import Num, Quantity
from calc.mistakes import Work
from calc.network import Network
from calc.number import Number
from calc.problem import Problem
from calc.steps import Step, steps_of
from calc.trace import Trace
from calc.training import following, train
from calc.updates import change_of
from calc.written import Precision

METHODS = ("chain", "delta", "matrix")
UPDATING = ("state", "change", "update")  # kinds of steps


class Key:
    """A problem worked once, and what of it serves every sheet."""

    def __init__(self, problem: Problem) -> None:
        """
        Raises:
            UnsupportedError: a quantity is undefined or unprintable at these numbers.
            VerificationError: the independent check failed.
        """
        self.problem = problem
        self.iterations = train(problem)
        self.traces: tuple[Trace, ...] = tuple(iteration.trace for iteration in self.iterations)
        networks = isinstance(problem, Network) and problem.rule == "gradient"
        own = problem.solution.method
        self.methods = (own, *(m for m in METHODS if m != own)) if networks else (own,)
        self._works: dict[str, tuple[Work, ...]] = {}
        self._rounded: dict[Precision, tuple[Mapping[str, Number], ...] | None] = {}

    @cached_property
    def quantities(self) -> tuple[Mapping[str, Quantity], ...]:
        """For each update what an answer may be of, by id, in the order of the steps; before them what is given."""
        found: list[Mapping[str, Quantity]] = []
        for work in self.ways(self.methods[0]):
            steps = {id: step.result for id, step in work.steps.items()}
            used = {u.id: u for step in work.steps.values() for u in step.uses if u.id not in steps}
            found.append(steps if found else used | steps)
        return tuple(found)

    @property
    def precision(self) -> "Precision":
        """To how many digits the page of the problem is written."""
        rule = self.problem.rounding.rule
        if rule.decimals is not None:
            return Precision("decimals", rule.decimals)
        assert rule.significant is not None
        return Precision("significant", rule.significant)

    @cached_property
    def ids(self) -> frozenset[str]:
        """What answers may be called."""
        return frozenset(named(id, number) for number, of_update in enumerate(self.quantities) for id in of_update)

    def ways(self, method: str) -> tuple[Work, ...]:
        """Every update as one method writes it: a delta follows from other lines than a chain does."""
        if method not in self._works:
            options = self.problem.solution.model_copy(update={"method": method})
            sequential = self.problem.conventions.update_order == "sequential"
            self._works[method] = tuple(
                Work(
                    current := one.problem.model_copy(update={"solution": options}),
                    one.trace.graph,
                    _with_constants(one.trace, dict(steps_of(current, one.trace.graph, sequential))),
                )
                for one in self.iterations
            )
        return self._works[method]

    @cached_property
    def full(self) -> tuple[Mapping[str, Number], ...]:
        """The values of every update with full precision carried."""
        if self.problem.rounding.carry == "full":
            return tuple(trace.values for trace in self.traces)
        return tuple(trace.values for trace in self._again(carry="full"))

    def rounded(self, to: "Precision") -> tuple[Mapping[str, Number], ...] | None:
        """The values with rounded results carried; None where a rounded number leads to one that is undefined."""
        if to not in self._rounded:
            rule = {"decimals": None, "significant": None, "carry": "rounded"} | {to.kind: to.digits}
            try:
                self._rounded[to] = tuple(trace.values for trace in self._again(**rule))
            except UnsupportedError:
                self._rounded[to] = None
        return self._rounded[to]

    def _again(self, **rule: object) -> Sequence[Trace]:
        """Every update once more under another rule of rounding."""
        rounding = self.problem.rounding.model_copy(update=rule)
        sequential = self.problem.conventions.update_order == "sequential"
        done: list[Trace] = []
        for one in self.iterations:
            problem = one.problem.model_copy(update={"rounding": rounding})
            done.append(following(problem, one.trace.graph, done, one.trace.steps, sequential))
        return done


def _with_constants(trace: Trace, steps: Mapping[str, Step]) -> dict[str, Step]:
    """The steps of an update with the lines that no page has, before the first change: a parameter that is not
    trained changes by 0 and stays.
    """
    constant: dict[str, Step] = {}
    for w in (name for layer in trace.graph.parameters for name in layer if name not in trace.graph.trained):
        if w.after_update().id in trace.given:
            constant[change_of(w).id] = Step(change_of(w), "change", Num.of(0))
            constant[w.after_update().id] = Step(w.after_update(), "update", w)
    found: dict[str, Step] = {}
    for id, step in steps.items():
        if constant and (step.kind in UPDATING or any(used.id in constant for used in step.uses)):
            found |= constant
            constant = {}
        found[id] = step
    return found | constant


def placed(answer_id: str) -> tuple[str, int]:
    """The id of a quantity and its update, counted from 0: "w1_1_1#2" is w1_1_1 of the second."""
    id, _, update = answer_id.partition("#")
    return id, int(update) - 1 if update else 0


def named(id: str, number: int) -> str:
    """What an answer is called, the first update's without a number."""
    return id if number == 0 else f"{id}#{number + 1}"
