"""z = Σ_i w_i a_i + b, the pre-activation of one unit.

w    weights into the unit, one per input, e.g. w^(1)_12 = -0.3
a    activations of the layer before (the inputs x in layer 1)
b    bias; None where the layer has none
"""

from calc.expr import Expr, Name, Num, Prod, sum_of


def pre_activation(weights: tuple[Name, ...], inputs: tuple[Name, ...], bias: Name | None) -> Expr:
    """w_1 a_1 + w_2 a_2 + … + b"""
    terms: list[Expr] = [Prod((w, a)) for w, a in zip(weights, inputs, strict=True)]
    if bias is not None:
        terms.append(bias)
    return sum_of(terms)


def derivatives(weights: tuple[Name, ...], inputs: tuple[Name, ...], bias: Name | None) -> list[tuple[Name, Expr]]:
    """∂z/∂w_i = a_i,  ∂z/∂b = 1,  ∂z/∂a_i = w_i"""
    locals_: list[tuple[Name, Expr]] = [(w, a) for w, a in zip(weights, inputs, strict=True)]
    if bias is not None:
        locals_.append((bias, Num.of(1)))
    return locals_ + [(a, w) for w, a in zip(weights, inputs, strict=True)]
