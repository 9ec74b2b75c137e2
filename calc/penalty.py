"""Penalties on the weights: what they add to the loss, and to the gradient of a weight.

S_2   sum of the squares of a layer's weights, id squares1, e.g. 0.14
S_1   sum of their sizes |w|, id sizes1, e.g. 0.6
Ω     the penalty, id penalty:  (l2/2) Σ S_2 + l1 Σ S_1 over the layers; biases are not penalised
E     the whole loss, E_data + Ω; E_data, id E_data, is that of the samples

The derivative of |w| at w = 0 is 0: there both directions are uphill.
"""

from collections.abc import Iterator, Sequence

from calc.expr import Call, Cases, Expr, Frac, Name, Neg, Num, Pow, Prod, sum_of
from calc.number import Exact

PENALTY = Name("penalty")
DATA = Name("E", None, ("data",))  # the samples' part of the loss
SQUARES, SIZES = "squares", "sizes"
ZERO, ONE, TWO = Num.of(0), Num.of(1), Num.of(2)


def formulas(l1: Exact, l2: Exact, layers: Sequence[Sequence[Name]]) -> Iterator[tuple[Name, Expr]]:
    """The sums of each layer's weights that are needed, then the penalty."""
    sums: dict[str, list[Name]] = {SQUARES: [], SIZES: []}
    for number, weights in enumerate(layers, 1):
        for kind, factor in ((SQUARES, l2), (SIZES, l1)):
            if factor.value != 0:
                name = Name(kind, number)
                sums[kind].append(name)
                yield name, sum_of([Pow(w, 2) if kind == SQUARES else Call("abs", (w,)) for w in weights])
    parts: list[Expr] = []
    if sums[SQUARES]:
        parts.append(Prod((Frac(Num(l2.shown), TWO), sum_of(sums[SQUARES])), "·"))
    if sums[SIZES]:
        parts.append(Prod((Num(l1.shown), sum_of(sums[SIZES])), "·"))
    yield PENALTY, sum_of(parts)


def derivative(l1: Exact, l2: Exact, w: Name) -> Expr:
    """∂Ω/∂w = l2 w + l1 sgn(w), with sgn(0) = 0."""
    parts: list[Expr] = []
    if l2.value != 0:
        parts.append(Prod((Num(l2.shown), w), "·"))
    if l1.value != 0:
        # sgn, not the sign of a loss, whose value at 0 is a convention of the problem
        sign = Cases(Call("sgn", (w,)), on=w, above=ONE, at=ZERO, below=Neg(ONE))
        parts.append(Prod((Num(l1.shown), sign), "·"))
    return sum_of(parts)
