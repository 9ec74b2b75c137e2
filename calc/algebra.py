"""Algebra as on paper: rewritings with a name each, which change the writing of a formula and not its value.

u, v    parts of the formula

``simplify`` does them all in silence; ``rewriting`` does one, which is then a line of a derivation. What stands within
functions is the author's and stays as it was typed.

To add one: write a function and put it into REWRITINGS.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from flint import fmpq

from calc.expr import (
    Call,
    Cases,
    Derivative,
    Expr,
    Frac,
    Neg,
    Num,
    Pow,
    Prod,
    Quantity,
    Sum,
    children,
    evaluate,
    negated,
    quantities,
    sum_of,
)
from calc.formula import product
from calc.number import Shown, Undecided, Undefined, decided

ZERO, ONE, TWO = Num.of(0), Num.of(1), Num.of(2)

MOST_TERMS = 12  # of a product that is multiplied out
MOST_NODES = 300  # of a formula that is simplified further than signs, numbers and fractions
MOST_WORKED = 10_000  # of a formula that is simplified at all
MOST_SHORTENED = 60  # of a sum that is tried whether it gets shorter multiplied out or as one fraction
MOST_LINES = 60  # rewritings of one formula
MOST_DIGITS = 12  # of a power of a number that is worked out


def parts(expr: Expr) -> tuple[Expr, ...]:
    """What an operation is done with; nothing for names, numbers, functions and what is not yet differentiated."""
    match expr:
        case Sum(inner) | Prod(inner):
            return inner
        case Neg(arg):
            return (arg,)
        case Frac(num, den):
            return num, den
        case Pow(base, exponent):
            return (base,) if isinstance(exponent, int) else (base, exponent)
    return ()


def rebuilt(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The same operation with its parts changed."""
    match expr:
        case Sum(terms):
            return Sum(tuple([change(term) for term in terms]))
        case Prod(factors, sign):
            return Prod(tuple([change(factor) for factor in factors]), sign)
        case Neg(arg):
            return Neg(change(arg))
        case Frac(num, den):
            return Frac(change(num), change(den))
        case Pow(base, exponent):
            return Pow(change(base), exponent if isinstance(exponent, int) else change(exponent))
    return expr


def everywhere(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """A change of one operation done at all of them, the inner ones first."""
    return change(rebuilt(expr, lambda part: everywhere(part, change)))


def _innermost(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """A change of one operation done wherever it applies, though not once more to what comes out of it."""
    inner = rebuilt(expr, lambda part: _innermost(part, change))
    return change(expr) if inner == expr else inner


def size(expr: Expr) -> int:
    """How much there is to write: names, numbers, functions and what they are taken of, exponents."""
    match expr:
        case Call(_, args):
            return 1 + sum(map(size, args))
        case Derivative(_, of):
            return 1 + size(of)
        case Cases(head):
            return size(head)
        case Pow(base, int()):
            return 1 + size(base)
    return sum(map(size, inner)) if (inner := parts(expr)) else 1


def plain(expr: Expr) -> Expr:
    """Without terms 0, factors 1 and needless brackets."""
    return everywhere(expr, _plain)


def _plain(expr: Expr) -> Expr:
    match expr:
        case Sum(terms):
            flat = [inner for term in terms for inner in (term.terms if isinstance(term, Sum) else (term,))]
            kept = [term for term in flat if term != ZERO]
            return sum_of(kept) if kept else ZERO
        case Neg(arg) if arg == ZERO:
            return ZERO
        case Prod(factors, sign):
            inner = [part for factor in factors for part in (factor.factors if isinstance(factor, Prod) else (factor,))]
            if ZERO in inner:
                return ZERO
            kept = [factor for factor in inner if factor != ONE]
            return _product(kept, sign if kept == list(factors) else "")
        case Frac(num, den) if num == ZERO or den == ONE:
            return num
        case Pow(base, 1):
            return base
        case Pow(base, _) if base == ONE:
            return ONE
    return expr


def _product(factors: Sequence[Expr], sign: str = "") -> Expr:
    if len(factors) < 2:
        return factors[0] if factors else ONE
    return Prod(tuple(factors), sign) if sign else product(*factors)


def factors_of(expr: Expr) -> tuple[Expr, ...]:
    """The factors of a product; any other formula is one factor."""
    return expr.factors if isinstance(expr, Prod) else (expr,)


# --- numbers ---------------------------------------------------------------------------------------------------------


def number_of(expr: Expr) -> fmpq | None:
    """The number that an expression without names or functions is, written as a number; None for others."""
    match expr:
        case Num(shown):
            return shown.value
        case Neg(arg):
            inner = number_of(arg)
            return None if inner is None else -inner
        case Frac(Num(over), Num(under)) if under.value != 0:
            return over.value / under.value
    return None


def number(value: fmpq, decimal: bool = False) -> Expr:
    """A number as a formula: 3, 1/2, −2; 0.5 where a ``decimal`` is asked for and ends."""
    if value < 0:
        return Neg(number(-value, decimal))
    if value.q == 1:
        return Num(Shown(str(value.p)))
    if decimal:
        for places in range(1, MOST_DIGITS):
            if (10**places * value).q == 1:
                digits = str((10**places * value).p).rjust(places + 1, "0")
                return Num(Shown(f"{digits[:-places]}.{digits[-places:]}"))
    return Frac(Num(Shown(str(value.p))), Num(Shown(str(value.q))))


def _is_decimal(expr: Expr) -> bool:
    match expr:
        case Num(shown):
            return "." in shown.digits
        case Neg(arg):
            return _is_decimal(arg)
        case Frac(num, den):
            return _is_decimal(num) or _is_decimal(den)
    return False


def _numbers(expr: Expr) -> Expr:
    """2 · x · 3 -> 6 x;  0.5 x / 2 -> 0.25 x;  2³ -> 8"""
    match expr:
        case Prod(factors):
            values = [value for value in map(number_of, factors) if value is not None]
            if len(values) < 2:
                return expr
            coefficient = fmpq(1)
            for value in values:
                coefficient *= value
            decimal = any(_is_decimal(factor) for factor in factors if number_of(factor) is not None)
            rest = [factor for factor in factors if number_of(factor) is None]
            return _plain(_product([number(coefficient, decimal), *rest]))
        case Frac(num, den) if number_of(expr) is None or number_of(expr) != 0:
            (over, above), (under, below) = _coefficient(num), _coefficient(den)
            if under == 0 or over == 0:
                return expr
            value = over / under
            if under == 1 and over.q == 1:
                return expr
            if _is_decimal(above[0]) or _is_decimal(below[0]):
                written = number(value, decimal=True)
                if isinstance(written, Num):
                    return _plain(Frac(_product([written, *above[1:]]), _product(below[1:])))
                return expr
            if over.q == under.q == 1:  # nothing, or what cancels
                return expr
            return _reduced(value, above, below)
        case Pow(Num(shown), int(exponent)) if len(shown.digits) * exponent <= MOST_DIGITS:
            return number(shown.value**exponent, "." in shown.digits)
    return expr


def _divisor(expr: Expr) -> Expr:
    """2 x / 4 -> x / 2"""
    match expr:
        case Frac(num, den) if number_of(expr) is None or number_of(expr) != 0:
            (over, above), (under, below) = _coefficient(num), _coefficient(den)
            if under == 0 or over == 0 or not over.q == under.q == 1:
                return expr
            value = over / under
            return expr if (over, under) == (fmpq(value.p), fmpq(value.q)) else _reduced(value, above, below)
    return expr


def _reduced(value: fmpq, above: Sequence[Expr], below: Sequence[Expr]) -> Expr:
    """``above`` / ``below`` with a fraction in lowest terms for the numbers in front of them."""
    top = _plain(_product([number(fmpq(value.p)), *above[1:]]))
    return _plain(Frac(top, _plain(_product([number(fmpq(value.q)), *below[1:]]))))


def _number_first(expr: Expr) -> Expr:
    """u · 2 -> 2 u"""
    match expr:
        case Prod((first, *rest)) if number_of(first) is None and any(number_of(one) is not None for one in rest):
            return _order(expr)
    return expr


def _coefficient(expr: Expr) -> tuple[fmpq, list[Expr]]:
    """The number in front, and the factors with it first: 1 where none stands there."""
    first, *rest = factors_of(expr)
    value = number_of(first)
    return (fmpq(1), [ONE, first, *rest]) if value is None else (value, [first, *rest])


# --- signs -----------------------------------------------------------------------------------------------------------


def _signs(expr: Expr) -> Expr:
    """u (−v) -> −u v;  −(t − a) -> a − t;  u − (v − w) -> u − v + w"""
    match expr:
        case Neg(Neg(arg)):
            return arg
        case Prod(factors, sign) if any(isinstance(factor, Neg) for factor in factors):
            bare = [factor.arg if isinstance(factor, Neg) else factor for factor in factors]
            odd = sum(isinstance(factor, Neg) for factor in factors) % 2
            result = _plain(_product(bare, sign))
            return _signs(Neg(result)) if odd else result
        case Frac(num, den) if isinstance(num, Neg) or isinstance(den, Neg):
            result = Frac(num.arg if isinstance(num, Neg) else num, den.arg if isinstance(den, Neg) else den)
            return result if isinstance(num, Neg) and isinstance(den, Neg) else _signs(Neg(result))
        case Sum(terms) if any(isinstance(term, Neg) and isinstance(term.arg, Sum | Neg) for term in terms):
            flat: list[Expr] = []
            for term in terms:
                match term:
                    case Neg(Sum(inner)):
                        flat += [one.arg if isinstance(one, Neg) else Neg(one) for one in inner]
                    case Neg(Neg(arg)):
                        flat.append(arg)
                    case _:
                        flat.append(term)
            return Sum(tuple(flat))
        case Pow(Neg(base), int(exponent)):
            return Pow(base, exponent) if exponent % 2 == 0 else Neg(Pow(base, exponent))
        case Neg(arg) if _turns(arg):
            return negated(arg)
        case Neg(Sum(terms)) if isinstance(terms[0], Neg):
            return Sum(tuple([term.arg if isinstance(term, Neg) else Neg(term) for term in terms]))
    return expr


def _turns(expr: Expr) -> bool:
    """Whether a minus vanishes in it: in t − a, which becomes a − t; in 1 − a it would read worse."""
    match expr:
        case Sum((first, Neg())):
            return not isinstance(first, Num)
        case Frac(num):
            return _turns(num)
        case Prod(factors):
            return any(map(_turns, factors)) and not any(
                isinstance(factor, Sum) and not _turns(factor) for factor in factors
            )
    return False


def _sgn(expr: Expr) -> Expr:
    """u sgn(u) -> |u|"""
    match expr:
        case Prod(factors):
            for i, factor in enumerate(factors):
                if isinstance(factor, Cases) and factor.head.function == "sgn" and factor.on in factors:
                    rest = list(factors)
                    rest[i] = Call("abs", (factor.on,))
                    rest.remove(factor.on)
                    return _product(rest)
    return expr


def _order(expr: Expr) -> Expr:
    """−u + v -> v − u;  e^u x -> x e^u"""
    match expr:
        case Prod(factors):
            found = sorted(factors, key=_place)
            return expr if found == list(factors) else _product(found)
        case Sum((Neg(), *_) as terms):
            return Sum(tuple(sorted(terms, key=lambda term: isinstance(term, Neg))))
    return expr


def _place(factor: Expr) -> int:
    """Numbers stand first, then π, then names and their powers, then all else."""
    if number_of(factor) is not None:
        return 0
    base = factor.base if isinstance(factor, Pow) else factor
    return 1 if isinstance(base, Call) and not base.args else 2 if isinstance(base, Quantity) else 3


# --- fractions and powers --------------------------------------------------------------------------------------------


def joined(expr: Expr) -> Expr:
    """u · (v / w) -> u v / w;  (u / v) / w -> u / (v w);  (u / v)² -> u² / v²"""
    match expr:
        case Pow(Frac(num, den), int(exponent)):
            return Frac(Pow(num, exponent), Pow(den, exponent))
        case Prod(factors) if any(isinstance(factor, Frac) and number_of(factor) is None for factor in factors):
            return _quotient(factors, ())
        case Frac(num, den) if number_of(expr) is None or not isinstance(num, Num) or not isinstance(den, Num):
            over, under = factors_of(num), factors_of(den)
            if any(isinstance(factor, Frac) for factor in (*over, *under)):
                return _quotient(over, under)
    return expr


def _quotient(over: Sequence[Expr], under: Sequence[Expr]) -> Expr:
    """The product of ``over`` divided by that of ``under``, fractions among them split."""
    tops: list[Expr] = []
    bottoms: list[Expr] = []
    for factors, own, other in ((over, tops, bottoms), (under, bottoms, tops)):
        for factor in factors:
            if isinstance(factor, Frac):
                own += factors_of(factor.num)
                other += factors_of(factor.den)
            else:
                own.append(factor)
    return _plain(Frac(_plain(_product(tops)), _plain(_product(bottoms))))


def _power_of(factor: Expr) -> tuple[Expr, fmpq]:
    """A factor as base and exponent; a root and a power with a name above are bases."""
    if isinstance(factor, Pow):
        exponent = fmpq(factor.exponent) if isinstance(factor.exponent, int) else number_of(factor.exponent)
        if exponent is not None:
            return factor.base, exponent
    return factor, fmpq(1)


def raised(base: Expr, exponent: int | Expr | fmpq) -> Expr:
    """uⁿ, plainly u or 1 where n says so."""
    if isinstance(exponent, Sum | Prod | Call | Cases | Pow):
        return Pow(base, exponent)
    if isinstance(exponent, int | fmpq):
        value = fmpq(exponent)
    else:
        found = number_of(exponent)
        if found is None:
            return Pow(base, exponent)
        value = found
    if value == 0:
        return ONE
    if value == 1:
        return base
    if isinstance(base, Pow) and isinstance(base.exponent, int) and value.q == 1:  # (u²)^½ is |u|
        return raised(base.base, base.exponent * value)
    if value == 2 and isinstance(base, Call) and base.function == "sqrt":
        return base.args[0]
    if value.q == 1 and value > 0:
        return Pow(base, int(value.p))
    decimal = not isinstance(exponent, int | fmpq) and _is_decimal(exponent)
    return Pow(base, number(value, decimal))


def collected(expr: Expr) -> Expr:
    """u · u² -> u³;  (u²)³ -> u⁶"""
    match expr:
        case Prod(factors, sign):
            counts: dict[Expr, fmpq] = {}
            names = [factor for factor in factors if number_of(factor) is None]
            for base, exponent in map(_power_of, names):
                counts[base] = counts.get(base, fmpq(0)) + exponent
            if len(counts) == len(names):
                return expr
            numbers = [factor for factor in factors if number_of(factor) is not None]
            powers = [raised(base, count) for base, count in counts.items()]
            return _plain(_product([*numbers, *powers], "" if len(counts) < 2 else sign))
        case Pow(Pow(base, int(inner)), int(outer)):
            return Pow(base, inner * outer)
        case Pow(Call("sqrt", (arg,)), 2):
            return arg
    return expr


def _exponents(expr: Expr) -> Expr:
    """e^u e^(−u) -> 1;  e^u e^(2 u) -> e^(3 u)"""

    def pair(first: Expr, second: Expr) -> Expr | None:
        match first, second:
            case Call("exp", (u,)), Call("exp", (v,)):
                above = simplify(Sum((u, v)), _PLAIN_REWRITINGS)
                if size(above) <= min(size(u), size(v)):
                    return ONE if above == ZERO else Call("exp", (above,))
        return None

    return _in_pairs(expr, pair)


def _roots(expr: Expr) -> Expr:
    """√2 √π -> √(2 π)"""

    def pair(first: Expr, second: Expr) -> Expr | None:
        match first, second:
            case Call("sqrt", (u,)), Call("sqrt", (v,)) if not quantities(u) and not quantities(v):
                return Call("sqrt", (simplify(Prod((u, v)), _PLAIN_REWRITINGS),))
        return None

    return _in_pairs(expr, pair)


def _in_pairs(expr: Expr, pair: Callable[[Expr, Expr], Expr | None]) -> Expr:
    """The first two factors that make one, as one."""
    match expr:
        case Prod(factors):
            for i, second in enumerate(factors):
                for j, first in enumerate(factors[:i]):
                    both = pair(first, second)
                    if both is not None:
                        return _plain(_product([*factors[:j], both, *factors[j + 1 : i], *factors[i + 1 :]]))
    return expr


def _cancel(expr: Expr) -> Expr:
    """u v / (u w) -> v / w"""
    match expr:
        case Frac(num, den):
            over = [_power_of(factor) for factor in factors_of(num)]
            under = dict(map(_power_of, factors_of(den)))
            kept: list[Expr] = []
            changed = False
            for base, exponent in over:
                common = min(exponent, under.get(base, fmpq(0)))
                if common > 0 and number_of(base) is None:
                    under[base] -= common
                    exponent -= common
                    changed = True
                kept.append(raised(base, exponent))
            if changed:
                below = _product([raised(base, exponent) for base, exponent in under.items() if exponent != 0])
                return _plain(Frac(_plain(_product(kept)), _plain(below)))
    return expr


# --- sums ------------------------------------------------------------------------------------------------------------


def _like(term: Expr) -> tuple[fmpq, bool, object, Expr]:
    """A term as its number, whether that is a decimal, what makes it like another, and the term without the number."""
    value = number_of(term)
    if value is not None:
        return value, _is_decimal(term), None, ONE
    if isinstance(term, Neg):
        inner, decimal, key, core = _like(term.arg)
        return -inner, decimal, key, core
    over, under = (term.num, term.den) if isinstance(term, Frac) else (term, ONE)
    (above, tops), (below, bottoms) = _coefficient(over), _coefficient(under)
    if below == 0:
        return fmpq(1), False, term, term
    key = frozenset(Counter(tops[1:]).items()), frozenset(Counter(bottoms[1:]).items())
    core = _plain(Frac(_plain(_product(tops[1:])), _plain(_product(bottoms[1:]))))
    return above / below, _is_decimal(tops[0]), key, core


def _terms(expr: Expr) -> Expr:
    """u + 2 u -> 3 u;  1 + 2 -> 3;  u − u -> 0"""
    match expr:
        case Sum(terms):
            found: dict[object, tuple[fmpq, bool, Expr, Expr]] = {}
            for term in terms:
                value, decimal, key, core = _like(term)
                before = found.get(key)
                if before is None:
                    found[key] = value, decimal, core, term
                else:
                    found[key] = before[0] + value, before[1] or decimal, core, ZERO
            if len(found) == len(terms):
                return expr
            kept = [
                term if term != ZERO else _with_number(value, decimal, core)
                for value, decimal, core, term in found.values()
            ]
            return _plain(sum_of(kept))
    return expr


def _with_number(value: fmpq, decimal: bool, core: Expr) -> Expr:
    if value < 0:
        return _plain(Neg(_with_number(-value, decimal, core)))
    shown = number(value, decimal)
    if isinstance(core, Frac):
        return _quotient((shown, *factors_of(core.num)), factors_of(core.den))
    return _plain(_product([shown, *factors_of(core)]))


def _expand(expr: Expr) -> Expr:
    """u (v + w) − u w -> u v + u w − u w, where terms cancel then"""
    match expr:
        case Sum(terms) if size(expr) <= MOST_SHORTENED:
            out = _multiplied_out(terms)
            if out is not None and size(simplify(out, _PLAIN_REWRITINGS)) < size(expr):
                return out
    return expr


def _multiplied_out(terms: Sequence[Expr]) -> Expr | None:
    flat = [inner for term in terms for inner in _distributed(term)]
    return Sum(tuple(flat)) if len(terms) < len(flat) <= MOST_TERMS else None


def _distributed(term: Expr) -> Iterator[Expr]:
    """The terms of a product of sums."""
    if isinstance(term, Neg):
        for inner in _distributed(term.arg):
            yield inner.arg if isinstance(inner, Neg) else Neg(inner)
        return
    rows: list[tuple[bool, list[Expr]]] = [(False, [])]
    for factor in factors_of(term):
        addends: tuple[Expr, ...] = (factor,)
        if isinstance(factor, Sum):
            addends = factor.terms
        elif isinstance(factor, Pow) and factor.exponent == 2 and isinstance(factor.base, Sum):
            yield from _distributed(_product([f for f in factors_of(term) if f is not factor] + [factor.base] * 2))
            return
        if len(rows) * len(addends) > MOST_TERMS:
            yield term
            return
        rows = [
            (minus != isinstance(addend, Neg), [*row, addend.arg if isinstance(addend, Neg) else addend])
            for minus, row in rows
            for addend in addends
        ]
    for minus, row in rows:
        piece = _plain(_product([part for factor in row for part in factors_of(factor)]))
        yield Neg(piece) if minus else piece


def _common(expr: Expr) -> Expr:
    """u / v + w / x -> (u x + w v) / (v x), where it comes out shorter"""
    match expr:
        case Sum(terms) if len(terms) <= MOST_TERMS and size(expr) <= MOST_SHORTENED:
            bare = [(isinstance(term, Neg), term.arg if isinstance(term, Neg) else term) for term in terms]
            if not any(isinstance(term, Frac) and number_of(term) is None for _, term in bare):
                return expr
            bases: dict[Expr, fmpq] = {}
            for _, term in bare:
                if isinstance(term, Frac):
                    for base, exponent in map(_power_of, factors_of(term.den)):
                        bases[base] = max(bases.get(base, fmpq(0)), exponent)
            tops: list[Expr] = []
            for minus, term in bare:
                own = dict(map(_power_of, factors_of(term.den))) if isinstance(term, Frac) else {}
                rest = [raised(base, exponent - own.get(base, fmpq(0))) for base, exponent in bases.items()]
                top = _plain(_product([*factors_of(term.num if isinstance(term, Frac) else term), *rest]))
                tops.append(Neg(top) if minus else top)
            below = _plain(_product([raised(base, exponent) for base, exponent in bases.items()]))
            whole = Frac(Sum(tuple(tops)), below)
            if size(simplify(whole, _WITHIN_FRACTIONS)) < size(expr):
                return whole
    return expr


def _factor_out(expr: Expr) -> Expr:
    """(u v + u w) / u² -> u (v + w) / u²;  v e^u + e^u -> e^u (v + 1)"""
    match expr:
        case Frac(Sum() as num, den):
            below = dict(map(_power_of, factors_of(den)))
            return Frac(_taken_out(num, lambda base: base in below), den)
        case Sum():
            return _taken_out(expr, lambda base: isinstance(base, Call) and base.function == "exp")
    return expr


def _taken_out(whole: Sum, wanted: Callable[[Expr], bool]) -> Expr:
    bare = [(isinstance(term, Neg), term.arg if isinstance(term, Neg) else term) for term in whole.terms]
    found = [dict(map(_power_of, factors_of(term))) for _, term in bare]
    shared = {
        base: min(one.get(base, fmpq(0)) for one in found)
        for base in found[0]
        if number_of(base) is None and wanted(base)
    }
    shared = {base: count for base, count in shared.items() if count > 0}
    if not shared:
        return whole
    rest: list[Expr] = []
    for minus, term in bare:
        left = [
            raised(base, exponent - shared.get(base, fmpq(0))) for base, exponent in map(_power_of, factors_of(term))
        ]
        inner = _plain(_product(left))
        rest.append(Neg(inner) if minus else inner)
    outside = [raised(base, count) for base, count in shared.items()]
    return _plain(_product([*outside, Sum(tuple(rest))]))


Rewriting = tuple[str, Callable[[Expr], Expr]]  # its name in the wording, and what it does at one place

_FEW: tuple[Rewriting, ...] = (
    ("signs", _signs),
    ("fraction", joined),
    ("numbers", _numbers),
    ("order", _number_first),
    ("cancel", _divisor),
)
_PLAIN_REWRITINGS: tuple[Rewriting, ...] = (
    ("signs", _signs),
    ("sgn", _sgn),
    ("fraction", joined),
    ("numbers", _numbers),
    ("order", _number_first),
    ("cancel", _divisor),
    ("powers", collected),
    ("exponents", _exponents),
    ("roots", _roots),
    ("cancel", _cancel),
    ("terms", _terms),
    ("order", _order),
)
_WITHIN_FRACTIONS = (*_PLAIN_REWRITINGS, ("expand", _expand))
REWRITINGS: tuple[Rewriting, ...] = (*_WITHIN_FRACTIONS, ("common", _common), ("factor_out", _factor_out))


def rewriting(expr: Expr, known: Sequence[Rewriting] = REWRITINGS) -> tuple[str, Expr] | None:
    """The first rewriting that changes something, done wherever it applies: its name and the formula; None at the end.

    A formula too long to be shown as a whole is not searched for what would cancel.
    """
    whole = size(expr)
    if whole > MOST_NODES:
        known = _FEW if whole < MOST_WORKED else ()
    for name, change in known:
        # fractions within fractions are one level a line; signs are all collected at once
        changed = plain((_innermost if change is joined else everywhere)(expr, change))
        if changed != expr:
            return name, changed
    return None


def simplify(expr: Expr, known: Sequence[Rewriting] = REWRITINGS) -> Expr:
    """All rewritings, one after the other, until none changes anything."""
    expr = plain(expr)
    for _ in range(MOST_LINES):
        found = rewriting(expr, known)
        if found is None:
            break
        expr = found[1]
    return expr


def nowhere_defined(expr: Expr) -> str | None:
    """Why a formula has no value whatever its names stand for, as 1/0, ln(z − z); None where it may have one."""
    for part in children(expr):
        why = nowhere_defined(part)
        if why is not None:
            return why
    if size(expr) > MOST_SHORTENED:
        return None
    match expr:
        case Frac(_, den):
            bare: Expr = Frac(ONE, simplify(den))
        case Call(function, args):
            bare = Call(function, tuple(map(simplify, args)))
        case Pow(base, exponent) if not isinstance(exponent, int):
            bare = Pow(simplify(base), simplify(exponent))
        case _:
            return None
    if quantities(bare):
        return None
    try:
        decided(lambda: evaluate(bare, {}))
    except Undefined as why:
        return str(why)
    except Undecided:  # it has a value, which is not needed here
        return None
    return None
