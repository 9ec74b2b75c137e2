"""Derivatives of formulas: one table of rules, for a derivation line by line as for a derivative in one go.

u, v    parts of the formula, u′ and v′ their derivatives
H       1 where its argument is above 0, 0 where it is below; at 0 by convention

``rule`` does one step and says which; ``differentiate`` does them all and simplifies (calc.algebra) what comes out.

To add a function: put its derivative into SLOPES, its evaluation into calc.expr.FUNCTIONS.
"""

from collections.abc import Callable, Collection, Sequence

from calc.algebra import ONE, TWO, ZERO, collected, everywhere, joined, number, number_of, plain, raised, simplify
from calc.errors import UnsupportedError
from calc.expr import (
    FUNCTIONS,
    AtKink,
    Call,
    Cases,
    Derivative,
    Expr,
    Frac,
    Name,
    Neg,
    Num,
    Pow,
    Prod,
    Quantity,
    Sum,
    quantities,
)
from calc.number import Shown


def differentiate(expr: Expr, by: Name, at_kink: AtKink) -> Expr:
    """∂expr/∂by, every other name held constant, written as on paper.

    Args:
        at_kink: what the conventions say of abs and of ties of max and min ("kinks") and of relu ("relu_at_zero").
    Raises:
        UnsupportedError: powers of powers of powers … that are too many to be worked.
    """
    try:
        return simplify(_worked(Derivative(by, expr), at_kink))
    except RecursionError:
        raise UnsupportedError("a formula is nested too deeply to be differentiated. Use several formulas") from None


def _worked(pending: Derivative, at_kink: AtKink) -> Expr:
    def work(part: Expr) -> Expr:
        return _worked(part, at_kink) if isinstance(part, Derivative) else part

    return everywhere(rule(pending, at_kink)[1], work)


def rule(pending: Derivative, at_kink: AtKink, parts: Collection[Name] = ()) -> tuple[str, Expr]:
    """One rule applied to d/dz(u): its name and what it leads to, with d/dz of smaller parts still to be worked.

    Args:
        parts: names of parts of a formula, which depend on z as well; du/dz of one of them stays.
    Raises:
        TypeError: a matrix, a case distinction: no formula that is differentiated.
    """
    by, expr = pending.by, pending.of

    def of(part: Expr) -> Derivative:
        return Derivative(by, part, pending.sign)

    def constant(part: Expr) -> bool:
        return not any(quantity == by or quantity in parts for quantity in quantities(part))

    if constant(expr):
        return "constant", ZERO
    match expr:
        case Quantity():
            return ("variable", ONE) if expr == by else ("part", pending)
        case Sum(terms):
            return "sum", Sum(tuple([Neg(of(term.arg)) if isinstance(term, Neg) else of(term) for term in terms]))
        case Neg(Neg(arg)):
            while isinstance(arg, Neg) and isinstance(arg.arg, Neg):
                arg = arg.arg.arg
            return "signs", of(arg)
        case Neg(Prod() | Frac() as arg) if (below := rule(of(arg), at_kink, parts))[0] == "linear":
            return "linear", Neg(below[1])
        case Neg(arg):
            return ("linear", Neg(ONE)) if arg == by else ("factor", Neg(of(arg)))
        case Prod(factors, sign):
            fixed = [factor for factor in factors if constant(factor)]
            moving = [factor for factor in factors if not constant(factor)]
            if fixed:
                rest = moving[0] if len(moving) == 1 else Prod(tuple(moving), sign)
                return ("linear", plain(Prod(tuple(fixed)))) if rest == by else ("factor", _prod(*fixed, of(rest)))
            power = collected(expr)
            if power != expr:
                return "powers", of(power)
            return "product", Sum(
                tuple([_prod(*factors[:i], of(factor), *factors[i + 1 :]) for i, factor in enumerate(factors)])
            )
        case Frac(Frac() | Prod((Frac(), *_))):  # x / y / z
            return "fraction", of(everywhere(expr, joined))
        case Frac(num, den):
            if constant(den):
                return ("linear", Frac(ONE, den)) if num == by else ("factor", Frac(of(num), den))
            if constant(num):
                return "reciprocal", Neg(Frac(_prod(num, of(den)), raised(den, 2)))
            return "quotient", Frac(Sum((_prod(of(num), den), Neg(_prod(num, of(den))))), raised(den, 2))
        case Pow(base, exponent):
            return _power(expr, base, exponent, by, of, constant)
        case Call("max" | "min" as function, args):
            slopes = SLOPES[function](args, at_kink)
            return function, Sum(tuple([_prod(slope, of(arg)) for slope, arg in zip(slopes, args, strict=True)]))
        case Call(function, (arg,)):
            (slope,) = SLOPES[function]((arg,), at_kink)
            return (f"of.{function}", slope) if arg == by else (f"chain.{function}", _prod(slope, of(arg)))
    raise TypeError(f"{expr!r} is no formula that is differentiated")


def _prod(*factors: Expr) -> Expr:
    return plain(Prod(factors)) if ONE in factors else Prod(factors)


def _power(
    expr: Pow,
    base: Expr,
    exponent: int | Expr,
    by: Name,
    of: Callable[[Expr], Derivative],
    constant: Callable[[Expr], bool],
) -> tuple[str, Expr]:
    """(uⁿ)′ = n uⁿ⁻¹ u′;  (cᵛ)′ = cᵛ ln c v′;  (uᵛ)′ = uᵛ (v ln u)′, since uᵛ = exp(v ln u)"""
    if isinstance(exponent, int) or constant(exponent):
        above = Num.of(exponent) if isinstance(exponent, int) else exponent
        value = number_of(above)
        decimal = isinstance(above, Num) and "." in above.shown.digits
        lower = Sum((above, Neg(ONE))) if value is None else number(value - 1, decimal)
        outer = (above, raised(base, lower))
        return ("power", _prod(*outer)) if base == by else ("chain.power", _prod(*outer, of(base)))
    log = Call("ln", (base,))
    if not constant(base):
        return "exponential", _prod(expr, of(_prod(exponent, log)))
    return ("of.base", _prod(expr, log)) if exponent == by else ("chain.base", _prod(expr, log, of(exponent)))


def _sgn(u: Expr, at_kink: AtKink) -> Expr:
    return Cases(Call("sgn", (u,)), on=u, above=ONE, at=Num(at_kink("kinks")), below=Neg(ONE))


def above(u: Expr, at: Shown) -> Expr:
    """H(u), with ``at`` where u = 0; the number it is where u is a number, as in max(z, z)."""
    always = number_of(u)
    if always is not None:
        return Num(at) if always == 0 else ONE if always > 0 else ZERO
    return Cases(Call("H", (u,)), on=u, above=ONE, at=Num(at), below=ZERO)


def _of_larger(first: Expr, second: Expr, at_kink: AtKink) -> list[Expr]:
    """By the one that max picks; of a tie the first has the share of the convention, the second the rest of 1.

    Beside a number it is the other operand that has the share, whichever comes first: max(0, u) as max(u, 0).
    """
    return _of_picked(first, second, (_difference(first, second), _difference(second, first)), at_kink)


def _of_smaller(first: Expr, second: Expr, at_kink: AtKink) -> list[Expr]:
    """As ``_of_larger``, by the one that min picks."""
    return _of_picked(first, second, (_difference(second, first), _difference(first, second)), at_kink)


def _of_picked(first: Expr, second: Expr, ahead: tuple[Expr, Expr], at_kink: AtKink) -> list[Expr]:
    """H(ahead) of each operand, ``ahead`` how far it is from the other one's being picked; of max(u, u) = u just 1."""
    if first == second:
        return [ONE, ZERO]
    if number_of(first) is not None:
        if number_of(second) is not None:
            return [ZERO, ZERO]
        return _of_picked(second, first, ahead[::-1], at_kink)[::-1]
    share = at_kink("kinks")
    rest = number(1 - share.value)
    assert isinstance(rest, Num | Frac)
    shown = rest.shown if isinstance(rest, Num) else Shown("1", denominator="2")
    return [above(ahead[0], share), above(ahead[1], shown)]


def _difference(first: Expr, second: Expr) -> Expr:
    """u − v; u where v is 0."""
    return simplify(Sum((first, Neg(second))))


# the derivative by each argument
SLOPES: dict[str, Callable[[Sequence[Expr], AtKink], list[Expr]]] = {
    "exp": lambda args, _: [Call("exp", (args[0],))],
    "ln": lambda args, _: [Frac(ONE, args[0])],
    "sqrt": lambda args, _: [Frac(ONE, Prod((TWO, Call("sqrt", (args[0],)))))],
    "sin": lambda args, _: [Call("cos", (args[0],))],
    "cos": lambda args, _: [Neg(Call("sin", (args[0],)))],
    "tanh": lambda args, _: [Sum((ONE, Neg(Pow(Call("tanh", (args[0],)), 2))))],
    "sigmoid": lambda args, _: [Prod((Call("sigmoid", (args[0],)), Sum((ONE, Neg(Call("sigmoid", (args[0],)))))))],
    "erf": lambda args, _: [
        Prod((Frac(TWO, Call("sqrt", (Call("pi", ()),))), Call("exp", (simplify(Neg(raised(args[0], 2))),))))
    ],
    "abs": lambda args, at_kink: [_sgn(args[0], at_kink)],
    "relu": lambda args, at_kink: [
        Cases(Call("relu'", (args[0],)), on=args[0], above=ONE, at=Num(at_kink("relu_at_zero")), below=ZERO)
    ],
    "max": lambda args, at_kink: _of_larger(args[0], args[1], at_kink),
    "min": lambda args, at_kink: _of_smaller(args[0], args[1], at_kink),
    "pi": lambda args, _: [],
}
assert set(SLOPES) == set(FUNCTIONS) - {"loss", "sum"}
