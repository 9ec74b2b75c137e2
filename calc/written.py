"""Numbers as somebody writes them: intervals, and to how many digits a sheet is written.

v    a number on a sheet, e.g. 0.38; it stands for 0.38 ± 0.005, half a unit of its last place
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import reduce

from flint import arb, fmpq

from calc.answers import Written
from calc.expr import Call, Cases, Expr, Name, Neg, Num, Quantity, evaluate
from calc.mistakes import SLIPS
from calc.mistakes.work import everywhere
from calc.number import Number, Rounding, Shown, Undecided, Undefined, Unprintable

MOST_PLACES = 10**4  # before or behind the point of a number that rounding still widens
MOST_DECIMALS = 30  # that a page has


def interval(written: Written) -> Number:
    """All numbers that round to what was written, ends included."""
    return ball(written.value, written.half)


def ball(middle: Number, half: fmpq) -> Number:
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


# --- how a sheet is written ------------------------------------------------------------------------------------------


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


def is_whole(written: Written) -> bool:
    return written.value.q == 1 and written.decimals <= 0


def with_places(written: Written, usual: Iterable[Precision]) -> Written:
    """A whole number or a 0 with the places that it would have had; any other, also 1.2e3, as it is."""
    if written.exact or written.decimals < 0 or not (is_whole(written) or written.value == 0):
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


def middle(value: Number) -> Number:
    return value.mid() if isinstance(value, arb) else value


def widened(value: Number, usual: Iterable[Precision], copy: bool) -> Number:
    """By half a unit of the last place that it would have been written with; a copy only where that rounds it more."""
    units = [unit for one in usual if (unit := one.unit(value)) is not None]
    if isinstance(value, fmpq):
        units = [unit for unit in units if (value / unit).q != 1]
    half = max(units, default=fmpq(0)) / 2
    if copy and isinstance(value, arb) and value.rad() * 2 > arb(half):  # it has been rounded as coarsely before
        return value
    return ball(value, half)


def is_one_beside(written: Written, value: Number) -> bool:
    """Whether a number rounds to one unit above or below what was written."""
    unit = 2 * written.half
    return any(meets(ball(written.value + step, written.half), value) for step in (unit, -unit))


def slips_giving(value: Number, written: Written) -> Iterator[str]:
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
