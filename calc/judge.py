"""Checking a hand calculation: what each number of a sheet is, judged by the step's own expression.

v    a number that somebody wrote; it stands for the interval of ± half a unit of its last place, e.g. 0.38 ± 0.005;
     a whole number, or a 0, as if it had the places that the sheet's other numbers have: 1 is no 1.3, 0 no 0.04;
     where there are none, a 0 as if it had those of calc's own page
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

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from flint import fmpq

from calc.answers import Answer, Sheet, Written
from calc.expr import Expr, Quantity, evaluate
from calc.key import Key, named, placed
from calc.mistakes import Work, changes
from calc.number import Number, Shown, Undecided, Undefined, precision
from calc.steps import Step
from calc.training import carried
from calc.written import (
    MOST_DECIMALS,
    Precision,
    Span,
    ball,
    habit,
    interval,
    is_one_beside,
    is_whole,
    meets,
    middle,
    slips_giving,
    span,
    widened,
    with_places,
)

BITS = 160  # of the intervals: far more than anybody writes digits


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
MISTAKEN = (Verdict.FOLLOWS, Verdict.KNOWN_MISTAKE, Verdict.KNOWN_MISTAKE_FOLLOWS, Verdict.WRONG)
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
        pairs = [(one, key.full[number][id]) for number, all in enumerate(self.written) for id, one in all.items()]
        rounded = [one for one, value in pairs if not one.exact and one.value != value]
        told = [one for one in rounded if not is_whole(one)]
        self.habit = habit(told, key.precision)
        for of_update in self.written:
            for id, one in of_update.items():
                if told or one.value == 0:  # else whole numbers are all there is
                    of_update[id] = with_places(one, self.habit.fewest)
        self._worlds: dict[str, list[_World]] = {}
        self.verdicts: dict[tuple[int, str], Verdict] = {}

    def worlds(self, method: str) -> list[_World]:
        """Every update as the sheet has it, written one way."""
        if method not in self._worlds:
            done: list[_World] = []
            for number, work in enumerate(self.key.ways(method)):
                trace = self.key.traces[number]
                given = {id: self.key.full[number][id] for id in trace.given if id not in work.steps}
                values, middles = dict(given), {id: middle(value) for id, value in given.items()}
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
            values[id] = widened(found.value, self.habit.fewest, isinstance(step.expr, Quantity))
            exact = span(step.expr, middles, step.uses).value
            middles[id] = middle(found.value if exact is None else exact)
        return _World(work, values, middles, spans)

    def _meant(self, written: Written, key: Number) -> Number:
        """What later lines are worked from: a number that is short because it is exact is not a coarse one."""
        units = [unit for one in self.habit.most if (unit := one.unit(written.value)) is not None]
        if written.value != key or not units:
            return interval(written)
        return ball(written.value, min(written.half, max(units) / 2))

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
        if self._has_a_last_digit(written, right[-1]) and any(is_one_beside(written, value) for value in right):
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
        slips = tuple(slips_giving(full[id], written))
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
            own = world.spans[id].value
            for name in () if own is None else slips_giving(middle(own), written):
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


def _gives(changed: Expr, values: Mapping[str, Number], written: Written) -> bool:
    """Whether a changed expression comes to the number that was written."""
    try:
        value = evaluate(changed, values)
    except (Undecided, Undefined, KeyError):
        return False
    return meets(interval(written), value)
