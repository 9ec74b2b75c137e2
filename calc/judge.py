"""Checking a hand calculation: what each number of a sheet is, judged by the step's own expression.

v    a number that somebody wrote; it stands for the interval of ± half a unit of its last place, e.g. 0.38 ± 0.005;
     a whole number, or a 0, as if it had the places that the sheet's other numbers have: 1 is no 1.3, 0 no 0.04
key  what the step comes to: as the page has it, or with full precision carried
u    a unit of the last place of v, e.g. 0.01

right                  v meets the key
rounded-early          v meets the step's expression over what was written before, none of it wrong; or the key with
                       rounded numbers carried at the precision that v shows
last-digit             v is one unit beside the key
follows                v meets the step's expression over what was written before, some of it wrong
known-mistake          v is what a changed expression gives (calc.mistakes)
known-mistake-follows  the same, over what was written before, some of it wrong
wrong                  none of these
cannot-judge           the step's expression has no value over what was written before
not-attempted          blank

The first that fits decides. What was not written is recomputed from what was, recursively, never from the key; it may
have been rounded on the way as the sheet's other numbers are, and is widened by as much.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property, reduce

from flint import arb, fmpq

from calc.answers import Answer, Sheet, Written
from calc.errors import UnsupportedError
from calc.expr import Call, Cases, Expr, Name, Neg, Num, Quantity, evaluate
from calc.mistakes import SLIPS, Work, changes
from calc.mistakes.work import everywhere
from calc.network import Network
from calc.number import Number, Rounding, Shown, Undecided, Undefined, Unprintable, precision
from calc.problem import Problem
from calc.trace import Step, Trace, steps_of
from calc.training import carried, following, train
from calc.updates import change_of

BITS = 160  # of the intervals: far more than anybody writes digits
METHODS = ("chain", "delta", "matrix")
UPDATING = ("state", "change", "update")  # kinds of steps
MOST_PLACES = 10**4  # before or behind the point of a number that rounding still widens
MOST_DECIMALS = 30  # that a page has


class Verdict(StrEnum):
    """What a number on a sheet is; the first that fits, in this order."""

    RIGHT = "right"
    ROUNDED_EARLY = "rounded-early"
    LAST_DIGIT = "last-digit"
    FOLLOWS = "follows"
    KNOWN_MISTAKE = "known-mistake"
    KNOWN_MISTAKE_FOLLOWS = "known-mistake-follows"
    WRONG = "wrong"
    NOT_ATTEMPTED = "not-attempted"
    CANNOT_JUDGE = "cannot-judge"


FINE = (Verdict.RIGHT, Verdict.ROUNDED_EARLY, Verdict.LAST_DIGIT, Verdict.NOT_ATTEMPTED)
FIRST_WRONG = (Verdict.KNOWN_MISTAKE, Verdict.KNOWN_MISTAKE_FOLLOWS, Verdict.WRONG)


@dataclass(frozen=True, slots=True)
class Known:
    """A known mistake that gives a number: its name, and the changed expression; a slip of the pen has none."""

    name: str
    expr: Expr | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer and what is said of it.

    key         as the page prints it
    mistakes    those that give this number, each once
    sources     ids of the wrong answers that it follows from
    trivial     those of them that are 0 or 1 without the key being so: nothing is left to work out
    reason      why it cannot be judged
    """

    answer: Answer
    key: Shown
    verdict: Verdict
    mistakes: tuple[Known, ...] = ()
    sources: tuple[str, ...] = ()
    trivial: tuple[str, ...] = ()
    reason: str = ""

    @property
    def fine(self) -> bool:
        """Whether there is nothing to mend, not even in consequence."""
        return self.verdict in FINE


@dataclass(frozen=True, slots=True)
class Marked:
    """A judged sheet: ``judged`` in the order of the sheet, ``first_wrong`` in that of the steps."""

    sheet: Sheet
    judged: tuple[Judged, ...]
    first_wrong: Judged | None

    @property
    def fine(self) -> bool:
        """Whether nothing is wrong, not even in consequence."""
        return all(judged.fine for judged in self.judged)


# --- intervals -------------------------------------------------------------------------------------------------------


def interval(written: Written) -> Number:
    """All numbers that round to what was written, ends included."""
    return _ball(written.value, written.half)


def _ball(middle: Number, half: fmpq) -> Number:
    return arb(arb(middle), arb(half)) if half else middle


def meets(one: Number, other: Number) -> bool:
    """Whether two intervals have a number in common."""
    if isinstance(one, fmpq) and isinstance(other, fmpq):
        return bool(one == other)
    return bool(arb(one).overlaps(arb(other)))


@dataclass(frozen=True, slots=True)
class Span:
    """Where an expression lies over intervals; ``hole``: why it has no value at some of their numbers."""

    value: Number | None
    hole: str = ""


def span(expr: Expr, values: Mapping[str, Number], uses: Sequence[Quantity]) -> Span:
    """The interval of an expression over intervals.

    Where a case distinction falls inside, it has the values of all the cases; where a pole does, or a case has no
    value, those at the middles and the ends of the operands.
    """
    for work in (evaluate, _over_cases):
        try:
            value = work(expr, values)
            if isinstance(value, fmpq) or value.is_finite():
                return Span(value)
        except (Undecided, Undefined):
            pass
    whole: arb | None = None
    hole = ""
    for points in _corners(values, uses):
        try:
            value = arb(evaluate(expr, points))
        except Undefined as error:
            hole = str(error)
            continue
        except Undecided:
            hole = hole or "it hangs on digits that were not written"
            continue
        if not value.is_finite():
            hole = hole or "it grows beyond all numbers"
            continue
        whole = value if whole is None else whole.union(value)
    return Span(whole, hole)


def _over_cases(expr: Expr, values: Mapping[str, Number]) -> Number:
    """The interval of an expression, of every case distinction that its operands leave open the hull of its cases."""
    settled: dict[str, Number] = dict(values)

    def settle(part: Expr) -> Expr:
        if not isinstance(part, Call | Cases):
            return part
        try:
            evaluate(part, settled)
        except Undecided:
            cases = [arb(evaluate(case, settled)) for case in _cases(part)]
            if not cases:
                raise
            name = Name(f"case {len(settled)}")
            settled[name.id] = reduce(arb.union, cases)
            return name
        return part

    return evaluate(everywhere(expr, settle), settled)


def _cases(part: Call | Cases) -> tuple[Expr, ...]:
    """What a case distinction may come to."""
    match part:
        case Cases(_, _, above, at, below):
            return above, at, below
        case Call("abs", (arg,)):
            return arg, Neg(arg)
        case Call("max" | "min", args):
            return args
        case Call("relu", (arg,)):
            return arg, Num.of(0)
    return ()


def _corners(values: Mapping[str, Number], uses: Sequence[Quantity]) -> Iterator[dict[str, Number]]:
    """The operands at their middles, all at their lower and all at their upper ends, and each alone at its ends."""
    wide = {u.id: b for u in uses if isinstance(b := values[u.id], arb) and b.rad() > 0}
    middles: dict[str, Number] = {**values, **{id: ball.mid() for id, ball in wide.items()}}
    lower: dict[str, Number] = {id: ball.lower() for id, ball in wide.items()}
    upper: dict[str, Number] = {id: ball.upper() for id, ball in wide.items()}
    yield middles
    for ends in (lower, upper):
        yield middles | ends
        for id, value in ends.items() if len(ends) > 1 else ():
            yield middles | {id: value}


# --- the key ---------------------------------------------------------------------------------------------------------


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


# --- judging ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _World:
    """What a sheet makes of one update, written one way.

    values     what was written, as intervals; what was not, recomputed
    middles    the same without the width
    spans      each step's expression over the values
    """

    work: Work
    values: Mapping[str, Number]
    middles: Mapping[str, Number]
    spans: Mapping[str, Span]


class _Judge:
    """One sheet against the key."""

    def __init__(self, key: Key, sheet: Sheet) -> None:
        self.key = key
        self.written = [dict[str, Written]() for _ in key.traces]
        for answer in sheet.answers:
            id, number = placed(answer.id)
            if answer.written is not None:
                self.written[number][id] = answer.written
        told = [(one, key.full[number][id]) for number, all in enumerate(self.written) for id, one in all.items()]
        rounded = [one for one, value in told if not one.exact and one.value != value]
        self.habit = habit([one for one in rounded if not _is_whole(one)], key.precision)
        self.written = [{id: _placed(one, self.habit.fewest) for id, one in all.items()} for all in self.written]
        self._worlds: dict[str, list[_World]] = {}
        self.verdicts: dict[tuple[int, str], Verdict] = {}

    def worlds(self, method: str) -> list[_World]:
        """Every update as the sheet has it, written one way."""
        if method not in self._worlds:
            done: list[_World] = []
            for number, work in enumerate(self.key.ways(method)):
                trace = self.key.traces[number]
                given = {id: self.key.full[number][id] for id in trace.given if id not in work.steps}
                values, middles = dict(given), {id: _middle(value) for id, value in given.items()}
                if done:
                    for old, new in carried(work.problem, self.key.traces[number - 1].graph):
                        values[old], middles[old] = done[-1].values[new], done[-1].middles[new]
                done.append(self._world(work, values, middles, self.written[number], self.key.full[number]))
            self._worlds[method] = done
        return self._worlds[method]

    def _world(
        self,
        work: Work,
        values: dict[str, Number],
        middles: dict[str, Number],
        written: Mapping[str, Written],
        key: Mapping[str, Number],
    ) -> _World:
        """``values`` and ``middles``: what is given; completed here."""
        values |= {id: self._meant(one, key[id]) for id, one in written.items()}
        middles |= {id: one.value for id, one in written.items()}
        spans: dict[str, Span] = {}
        for id, step in work.steps.items():
            missing = [u.id for u in step.uses if u.id not in values]
            spans[id] = found = span(step.expr, values, step.uses) if not missing else spans[missing[0]]
            if id in written or found.value is None:
                continue
            values[id] = _widened(found.value, self.habit.fewest, isinstance(step.expr, Quantity))
            exact = span(step.expr, middles, step.uses).value
            middles[id] = _middle(found.value if exact is None else exact)
        return _World(work, values, middles, spans)

    def _meant(self, written: Written, key: Number) -> Number:
        """What later lines are worked from: a number that is short because it is exact is not a coarse one."""
        units = [unit for one in self.habit.most if (unit := one.unit(written.value)) is not None]
        if written.value != key or not units:
            return interval(written)
        return _ball(written.value, min(written.half, max(units) / 2))

    def judge(self, answer: Answer) -> Judged:
        """What is said of an answer; those of the steps before it have been judged."""
        id, number = placed(answer.id)
        key = self.key.traces[number].show(id)
        if answer.written is None:
            return Judged(answer, key, Verdict.NOT_ATTEMPTED)
        written = self.written[number][id]
        judged = self._honest(answer, written, id, number, key) or self._mistaken(answer, written, id, number, key)
        self.verdicts[number, id] = judged.verdict
        return judged

    def is_fine(self, answer: Answer) -> bool:
        """Whether there is nothing to mend; nothing before it is wrong."""
        if answer.written is None:
            return True
        id, number = placed(answer.id)
        judged = self._honest(answer, self.written[number][id], id, number, self.key.traces[number].show(id))
        return judged is not None and judged.fine

    def _honest(self, answer: Answer, written: Written, id: str, number: int, key: Shown) -> Judged | None:
        """Right, or right but for rounding, or following from what was wrong before; None: none of these."""
        mine = interval(written)
        right = [self.key.traces[number].values[id]]
        if self.key.problem.rounding.carry == "rounded":
            right.append(self.key.full[number][id])
        if any(meets(mine, value) for value in right):
            return Judged(answer, key, Verdict.RIGHT)
        follows: list[tuple[str, ...]] = []  # for each way of writing in which it follows, the wrong answers before it
        for method in self.key.methods:
            world = self.worlds(method)[number]
            found = world.spans.get(id)
            if found is not None and found.value is not None and meets(mine, found.value):
                follows.append(self._sources(world.work, number, id))
                if not follows[-1]:
                    return Judged(answer, key, Verdict.ROUNDED_EARLY)
        if any(meets(mine, value) for value in self._rounded(written, number, id)):
            return Judged(answer, key, Verdict.ROUNDED_EARLY)
        if self._has_a_last_digit(written, right[-1]) and any(_one_beside(written, value) for value in right):
            return Judged(answer, key, Verdict.LAST_DIGIT)
        if follows:
            sources = min(follows, key=len)
            return Judged(answer, key, Verdict.FOLLOWS, (), sources, self._trivial(sources))
        return None

    def _rounded(self, written: Written, number: int, id: str) -> Iterator[Number]:
        """The key with rounded results carried, at the precision of this number and at the sheet's usual one."""
        shown = {"decimals": written.decimals, "significant": written.significant}
        own = [Precision(one.kind, shown[one.kind]) for one in self.habit.most if shown[one.kind] > one.digits]
        for one in (*self.habit.most, *own):
            if (0 if one.kind == "decimals" else 1) <= one.digits <= MOST_DECIMALS:
                found = self.key.rounded(one)
                if found is not None:
                    yield found[number][id]

    def _has_a_last_digit(self, written: Written, key: Number) -> bool:
        """Whether its last place is one that a slip of rounding reaches: not the only digit of a short number."""
        if written.exact or (written.decimals <= 0 and isinstance(key, fmpq) and key.q == 1):
            return False
        usual = any(one.kind == "decimals" and written.decimals >= one.digits for one in self.habit.most)
        return usual or written.significant >= 2

    def _sources(self, work: Work, number: int, id: str) -> tuple[str, ...]:
        """The nearest answers before a step, through what was not written, that are wrong or follow from wrong ones."""
        found: dict[str, None] = {}
        seen: set[tuple[int, str]] = set()
        pending = [(number, u.id) for u in reversed(work.steps[id].uses)] if id in work.steps else []
        while pending:
            place = pending.pop()
            if place in seen:
                continue
            seen.add(place)
            at, one = place
            if one in self.written[at]:
                if self.verdicts.get(place) in MISTAKEN:
                    found[named(one, at)] = None
                continue
            steps = self.key.ways(work.problem.solution.method)[at].steps
            if one in steps:
                pending += [(at, u.id) for u in reversed(steps[one].uses)]
            elif at > 0:
                before = dict(carried(work.problem, self.key.traces[at - 1].graph))
                if one in before:
                    pending.append((at - 1, before[one]))
        return tuple(found)

    def _trivial(self, sources: Iterable[str]) -> tuple[str, ...]:
        """Those of them that are 0, 1 or −1 where the key is not: with them there is hardly anything left to work."""
        found = []
        for source in sources:
            id, number = placed(source)
            value = self.written[number][id].value
            if abs(value) in (0, 1) and not meets(value, self.key.full[number][id]):
                found.append(source)
        return tuple(found)

    def _mistaken(self, answer: Answer, written: Written, id: str, number: int, key: Shown) -> Judged:
        """The mistakes that give this number, on right numbers or on wrong ones from before; or none that is known."""
        full = self.key.full[number]
        plain: dict[str, Known] = {}
        following: dict[str, Known] = {}
        sources: tuple[str, ...] = ()
        hole = ""
        seen: list[Expr] = []
        slips = tuple(_slips(full[id], written))
        for method in self.key.methods:
            world = self.worlds(method)[number]
            step = world.work.steps.get(id)
            if step is None or step.expr in seen:
                continue
            seen.append(step.expr)
            hole = hole or world.spans[id].hole
            wrong = self._sources(world.work, number, id)
            sources = sources or wrong
            for name, changed in changes(step, world.work):
                if _gives(changed, full, written):
                    plain.setdefault(name, Known(name, changed))
                elif _gives(changed, world.middles, written) and not self._is_wrong_too(changed, step, world, number):
                    (following if wrong else plain).setdefault(name, Known(name, changed))
            middle = world.spans[id].value
            for name in () if middle is None else _slips(_middle(middle), written):
                (following if wrong and name not in slips else plain).setdefault(name, Known(name))
        plain |= {name: Known(name) for name in slips}  # of what is given there is nothing else
        if plain:
            return Judged(answer, key, Verdict.KNOWN_MISTAKE, tuple(plain.values()))
        if following:
            trivial = self._trivial(sources)
            return Judged(answer, key, Verdict.KNOWN_MISTAKE_FOLLOWS, tuple(following.values()), sources, trivial)
        if hole:
            return Judged(answer, key, Verdict.CANNOT_JUDGE, reason=hole)
        return Judged(answer, key, Verdict.WRONG)

    def _is_wrong_too(self, changed: Expr, step: Step, world: _World, number: int) -> bool:
        """Whether it is the wrong number of another line: two zeros side by side are no copies of each other."""
        if not isinstance(changed, Quantity) or changed in step.uses or changed.id not in self.written[number]:
            return False
        if changed.id not in world.spans or self.verdicts.get((number, changed.id)) in FINE:
            return False
        value = world.spans[changed.id].value
        return value is None or not meets(interval(self.written[number][changed.id]), value)


def judge(key: Key, sheet: Sheet) -> Marked:
    """Every answer of a sheet, judged in the order of the steps."""
    judge = _Judge(key, sheet)
    with precision(BITS):
        judged = {answer.id: judge.judge(answer) for answer in _in_order(key, sheet)}
    first = next((one for one in judged.values() if one.verdict in FIRST_WRONG), None)
    return Marked(sheet, tuple(judged[answer.id] for answer in sheet.answers), first)


def is_fine(key: Key, sheet: Sheet) -> bool:
    """Whether nothing of a sheet is wrong; it is looked no further than to the first answer that is."""
    judge = _Judge(key, sheet)
    with precision(BITS):
        return all(judge.is_fine(answer) for answer in _in_order(key, sheet))


def _in_order(key: Key, sheet: Sheet) -> list[Answer]:
    """The answers in the order of the steps."""
    ids = (named(id, number) for number, of_update in enumerate(key.quantities) for id in of_update)
    order = {id: place for place, id in enumerate(ids)}
    return sorted(sheet.answers, key=lambda answer: order[answer.id])


# --- numbers as somebody writes them ---------------------------------------------------------------------------------


def placed(answer_id: str) -> tuple[str, int]:
    """The id of a quantity and its update, counted from 0: "w1_1_1#2" is w1_1_1 of the second."""
    id, _, update = answer_id.partition("#")
    return id, int(update) - 1 if update else 0


def named(id: str, number: int) -> str:
    """What an answer is called, the first update's without a number."""
    return id if number == 0 else f"{id}#{number + 1}"


@dataclass(frozen=True, slots=True)
class Precision:
    """To how many decimals or significant digits a number is written."""

    kind: str  # decimals or significant
    digits: int

    def unit(self, value: Number) -> fmpq | None:
        """A unit of the last place that a number is written with so; None where it is not written out at all.

        To significant digits that is so of a 0, and of a number beyond any that is written down.
        """
        if self.kind == "decimals":
            return fmpq(10) ** -self.digits
        size = abs(arb(value).mid())
        if size == 0:
            return None
        power = float(size.log() / arb(10).log())
        return fmpq(10) ** (math.floor(power) + 1 - self.digits) if abs(power) <= MOST_PLACES else None


@dataclass(frozen=True, slots=True)
class Habit:
    """How a sheet is written, by decimals or by significant digits; by both where that is hardly decided.

    most    the digits that most of its numbers have
    fewest  the fewest that one in sixteen of them has
    """

    most: tuple[Precision, ...]
    fewest: tuple[Precision, ...]


def habit(numbers: Sequence[Written], page: Precision) -> Habit:
    """By which of the two more of the numbers agree; as the page is where there is nothing to tell it by."""
    found: list[tuple[int, Precision, Precision]] = []
    for kind, counts in (
        ("decimals", Counter(one.decimals for one in numbers)),
        ("significant", Counter(one.significant for one in numbers if one.value)),
    ):
        if counts:
            most = max(counts, key=lambda digits: (counts[digits], digits))
            fewest = min(digits for digits, count in counts.items() if 16 * count >= len(numbers) or digits == most)
            found.append((counts[most], Precision(kind, most), Precision(kind, fewest)))
    top = max((count for count, *_ in found), default=0)
    spare = 0 if top == len(numbers) else len(numbers)  # where all agree there is nothing to decide
    found = [one for one in found if 3 * (top - one[0]) <= spare]
    return Habit(tuple(most for _, most, _ in found) or (page,), tuple(fewest for *_, fewest in found) or (page,))


def _is_whole(written: Written) -> bool:
    return written.value.q == 1 and written.decimals <= 0


def _placed(written: Written, usual: Iterable[Precision]) -> Written:
    """A whole number or a 0 with the places that it would have had; any other, also 1.2e3, as it is."""
    if written.exact or written.decimals < 0 or not (_is_whole(written) or written.value == 0):
        return written
    units = [unit for one in usual if (unit := one.unit(written.value)) is not None]
    if not units:
        return replace(written, half=fmpq(0), exact=True)
    unit = min(max(units), 2 * written.half)
    digits = len(str(abs(written.value / unit).floor()))
    return replace(written, half=unit / 2, decimals=max(written.decimals, _places(unit)), significant=digits)


def _places(unit: fmpq) -> int:
    """n of 10^-n."""
    return len(str(unit.q)) - len(str(unit.p))


def _middle(value: Number) -> Number:
    return value.mid() if isinstance(value, arb) else value


def _widened(value: Number, usual: Iterable[Precision], copy: bool) -> Number:
    """By half a unit of the last place that it would have been written with; a copy only where that rounds it more."""
    units = [unit for one in usual if (unit := one.unit(value)) is not None]
    if isinstance(value, fmpq):
        units = [unit for unit in units if (value / unit).q != 1]
    half = max(units, default=fmpq(0)) / 2
    if copy and isinstance(value, arb) and value.rad() * 2 > arb(half):  # it has been rounded as coarsely before
        return value
    return _ball(value, half)


def _one_beside(written: Written, value: Number) -> bool:
    """Whether a number rounds to one unit above or below what was written."""
    unit = 2 * written.half
    return any(meets(_ball(written.value + step, written.half), value) for step in (unit, -unit))


def _slips(value: Number, written: Written) -> Iterator[str]:
    """The slips of the pen that give what was written for a number."""
    shown = list(_printed(value, written))
    yield from (slip.name for slip in SLIPS if any(written.value in slip.numbers(one) for one in shown))


def _printed(value: Number, written: Written) -> Iterator[Shown]:
    """A number as the writer would have written it: with as many decimals, and with as many digits, which remain as
    many where the decimal point is moved; a single digit tells nothing there.
    """
    significant = Rounding(decimals=None, significant=min(written.significant, MOST_DECIMALS))
    in_range = 0 <= written.decimals <= MOST_DECIMALS
    for rounding in (
        *((Rounding(decimals=written.decimals),) if in_range else ()),
        *((significant,) if written.significant > 1 or not in_range else ()),
    ):
        with suppress(Undecided, Unprintable):
            yield rounding.show(value)


def _gives(changed: Expr, values: Mapping[str, Number], written: Written) -> bool:
    """Whether a changed expression comes to the number that was written."""
    try:
        value = evaluate(changed, values)
    except (Undecided, Undefined, KeyError):
        return False
    return meets(interval(written), value)
