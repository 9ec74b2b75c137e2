"""Derivatives of formulas, written as on paper: no factor 1, no term 0, like terms together, a minus in front.

u, v    parts of the formula, u′ and v′ their derivatives
H       1 where its argument is above 0, 0 where it is below; at 0 by convention

To add a function: put its derivative into SLOPES, its evaluation into calc.expr.FUNCTIONS.
"""

from collections.abc import Callable, Sequence

from flint import fmpq

from calc.expr import (
    FUNCTIONS,
    Call,
    Cases,
    Expr,
    Frac,
    Name,
    Neg,
    Num,
    Pow,
    Prod,
    Quantity,
    Sum,
    negated,
    quantities,
    sum_of,
)
from calc.number import Shown

ZERO, ONE, TWO = Num.of(0), Num.of(1), Num.of(2)
AtKink = Callable[[str], Shown]  # the derivative at a kink by the name of its convention: kinks, relu_at_zero


def differentiate(expr: Expr, by: Name, at_kink: AtKink) -> Expr:
    """∂expr/∂by, every other name held constant.

    Args:
        at_kink: what the conventions say of abs and of ties of max and min ("kinks") and of relu ("relu_at_zero").
    """
    if by not in quantities(expr):
        return ZERO
    match expr:
        case Quantity():
            return ONE
        case Sum(terms):
            return add([differentiate(term, by, at_kink) for term in terms])
        case Neg(arg):
            return negative(differentiate(arg, by, at_kink))
        case Prod(factors):
            return add(
                [
                    multiply([*factors[:i], differentiate(factor, by, at_kink), *factors[i + 1 :]])
                    for i, factor in enumerate(factors)
                ]
            )
        case Frac(num, den):
            return _of_quotient(num, den, by, at_kink)
        case Pow(base, exponent):
            return _of_power(expr, base, exponent, by, at_kink)
        case Call(function, args):
            slopes = SLOPES[function](args, at_kink)
            inner = [differentiate(arg, by, at_kink) for arg in args]
            return add([multiply([slope, within]) for slope, within in zip(slopes, inner, strict=True)])
    raise TypeError(f"{expr!r} is no formula that is differentiated")


def _of_quotient(num: Expr, den: Expr, by: Name, at_kink: AtKink) -> Expr:
    """(u / v)′ = (u′ v − u v′) / v²; u′ / v and −u v′ / v² where the other is constant"""
    over, under = differentiate(num, by, at_kink), differentiate(den, by, at_kink)
    if under == ZERO:
        return divide(over, den)
    if over == ZERO:
        return negative(divide(multiply([num, under]), raised(den, 2)))
    return divide(add([multiply([over, den]), negative(multiply([num, under]))]), raised(den, 2))


def _of_power(expr: Pow, base: Expr, exponent: int | Expr, by: Name, at_kink: AtKink) -> Expr:
    """(uⁿ)′ = n uⁿ⁻¹ u′;  (aᵛ)′ = aᵛ ln a v′;  (uᵛ)′ = uᵛ (v′ ln u + v u′ / u)"""
    inner = differentiate(base, by, at_kink)
    if isinstance(exponent, int):
        return multiply([Num.of(exponent), raised(base, exponent - 1), inner])
    growth = differentiate(exponent, by, at_kink)
    if growth == ZERO:
        less = number_of(exponent)
        lower = add([exponent, negative(ONE)]) if less is None else number(less - 1)
        return multiply([exponent, raised(base, lower), inner])
    log = Call("ln", (base,))
    if inner == ZERO:
        return multiply([expr, log, growth])
    return multiply([expr, add([multiply([growth, log]), divide(multiply([exponent, inner]), base)])])


def _sgn(u: Expr, at_kink: AtKink) -> Expr:
    return Cases(Call("sgn", (u,)), on=u, above=ONE, at=Num(at_kink("kinks")), below=negative(ONE))


def above(u: Expr, at: Shown) -> Expr:
    """H(u), with ``at`` where u = 0."""
    return Cases(Call("H", (u,)), on=u, above=ONE, at=Num(at), below=ZERO)


def _of_larger(first: Expr, second: Expr, at_kink: AtKink) -> list[Expr]:
    """By the one that max picks; of a tie the first has the share of the convention, the second the rest of 1.

    Beside a number it is the other operand that has the share, whichever comes first: max(0, u) as max(u, 0).
    """
    return _of_picked(first, second, (difference(first, second), difference(second, first)), at_kink)


def _of_smaller(first: Expr, second: Expr, at_kink: AtKink) -> list[Expr]:
    """As ``_of_larger``, by the one that min picks."""
    return _of_picked(first, second, (difference(second, first), difference(first, second)), at_kink)


def _of_picked(first: Expr, second: Expr, ahead: tuple[Expr, Expr], at_kink: AtKink) -> list[Expr]:
    """H(ahead) of each operand, ``ahead`` how far it is from the other one's being picked."""
    if number_of(first) is not None:
        if number_of(second) is not None:
            return [ZERO, ZERO]
        return _of_picked(second, first, ahead[::-1], at_kink)[::-1]
    share = at_kink("kinks")
    rest = number(1 - share.value)
    assert isinstance(rest, Num | Frac)
    shown = rest.shown if isinstance(rest, Num) else Shown("1", denominator="2")
    return [above(ahead[0], share), above(ahead[1], shown)]


def difference(first: Expr, second: Expr) -> Expr:
    """u − v; u where v is 0."""
    return first if second == ZERO else Sum((first, negative(second)))


# the derivative by each argument
SLOPES: dict[str, Callable[[Sequence[Expr], AtKink], list[Expr]]] = {
    "exp": lambda args, _: [Call("exp", (args[0],))],
    "ln": lambda args, _: [divide(ONE, args[0])],
    "sqrt": lambda args, _: [divide(ONE, Prod((TWO, Call("sqrt", (args[0],)))))],
    "sin": lambda args, _: [Call("cos", (args[0],))],
    "cos": lambda args, _: [Neg(Call("sin", (args[0],)))],
    "tanh": lambda args, _: [Sum((ONE, Neg(Pow(Call("tanh", (args[0],)), 2))))],
    "sigmoid": lambda args, _: [Prod((Call("sigmoid", (args[0],)), Sum((ONE, Neg(Call("sigmoid", (args[0],)))))))],
    "erf": lambda args, _: [
        Prod((divide(TWO, Call("sqrt", (Call("pi", ()),))), Call("exp", (negative(raised(args[0], 2)),))))
    ],
    "abs": lambda args, at_kink: [_sgn(args[0], at_kink)],
    "relu": lambda args, at_kink: [
        Cases(Call("relu'", (args[0],)), on=args[0], above=ONE, at=Num(at_kink("relu_at_zero")), below=ZERO)
    ],
    "max": lambda args, at_kink: _of_larger(args[0], args[1], at_kink),
    "min": lambda args, at_kink: _of_smaller(args[0], args[1], at_kink),
    "pi": lambda args, _: [],
}
assert set(SLOPES) == set(FUNCTIONS) - {"loss"}


# --- writing it as on paper ------------------------------------------------------------------------------------------


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


def number(value: fmpq) -> Expr:
    """A number as a formula: 3, 1/2 or 0.5, −2; decimals stay decimals where they are short."""
    if value < 0:
        return Neg(number(-value))
    if value.q == 1:
        return Num(Shown(str(value.p)))
    return Frac(Num(Shown(str(value.p))), Num(Shown(str(value.q))))


def negative(expr: Expr) -> Expr:
    """−u"""
    return expr if expr == ZERO else negated(expr)


def raised(base: Expr, exponent: int | Expr) -> Expr:
    """uⁿ, plainly u or 1 where n says so."""
    value = fmpq(exponent) if isinstance(exponent, int) else number_of(exponent)
    if value == 0:
        return ONE
    if value == 1:
        return base
    if value is not None and value.q == 1 and value > 0:
        exponent = int(value.p)
    if isinstance(base, Pow) and isinstance(base.exponent, int) and isinstance(exponent, int):
        return Pow(base.base, base.exponent * exponent)
    return Pow(base, exponent)


def divide(num: Expr, den: Expr) -> Expr:
    """u / v with a minus in front, 0 and 1 left out."""
    if num == ZERO or den == ONE:
        return num
    if isinstance(num, Neg):
        return negative(divide(num.arg, den))
    return Frac(num, den)


def multiply(factors: Sequence[Expr]) -> Expr:
    """The product: minus in front, then its number, then the rest; equal factors as a power."""
    coefficient, rest = fmpq(1), list[Expr]()
    for factor in _flat(factors):
        value = number_of(factor)
        if value is None:
            rest.append(factor)
        else:
            coefficient *= value
    if coefficient == 0:
        return ZERO
    bases: dict[Expr, int] = {}
    for factor in rest:
        base, power = (factor.base, factor.exponent) if isinstance(factor, Pow) else (factor, 1)
        if isinstance(power, int):
            bases[base] = bases.get(base, 0) + power
        else:
            bases[factor] = bases.get(factor, 0) + 1
    rest = [raised(base, power) for base, power in bases.items()]
    if rest and len(rest) == 1 and isinstance(rest[0], Frac) and rest[0].num == ONE:
        size = divide(number(abs(coefficient)), rest[0].den)  # 2 · 1/x is 2/x
    else:
        kept = rest if abs(coefficient) == 1 and rest else [number(abs(coefficient)), *rest]
        size = kept[0] if len(kept) == 1 else Prod(tuple(kept))
    return Neg(size) if coefficient < 0 else size


def _flat(factors: Sequence[Expr]) -> list[Expr]:
    """The factors of products within products; a minus becomes a factor −1."""
    flat: list[Expr] = []
    for factor in factors:
        match factor:
            case Neg(arg):
                flat += [Neg(ONE), *_flat([arg])]
            case Prod(inner):
                flat += _flat(inner)
            case _:
                flat.append(factor)
    return flat


def add(terms: Sequence[Expr]) -> Expr:
    """The sum: like terms together, 0 left out, a positive term first where there is one."""
    counts: dict[Expr, fmpq] = {}
    for term in _terms(terms):
        value = number_of(term)
        parts = _flat([term])
        numbers = [n for n in map(number_of, parts) if n is not None]
        core = ONE if value is not None else multiply([part for part in parts if number_of(part) is None])
        size = fmpq(1)
        for n in numbers:
            size *= n
        counts[core] = counts.get(core, fmpq(0)) + (size if value is None else value)
    kept = [multiply([number(count), core]) for core, count in counts.items() if count != 0]
    kept.sort(key=lambda term: isinstance(term, Neg))
    return sum_of(kept) if kept else ZERO


def _terms(terms: Sequence[Expr]) -> list[Expr]:
    """The terms of sums within sums."""
    return [inner for term in terms for inner in (_terms(term.terms) if isinstance(term, Sum) else [term])]
