"""Every operation's textbook derivative is the derivative of its formula: by SymPy, and by central differences."""

import subprocess
import sys
from typing import Any

import pytest
import sympy
from flint import arb, fmpq

from calc.differentiate import AtKink
from calc.expr import Expr, Name, Sum, evaluate, quantities, to_sympy
from calc.number import START_BITS, Shown, precision
from calc.ops import ACTIVATIONS, LOSSES, Activation, Loss, affine

Z, A, T = Name("z"), Name("a"), Name("t")
KINKS = [Shown("0"), Shown("1", denominator="2"), Shown("1")]  # conventions at a kink
POINTS = [fmpq(n, 7) for n in (-40, -15, -8, -1, 1, 9, 16, 41)]  # off every kink
BETWEEN = [fmpq(n, 70) for n in (1, 20, 41, 60, 69)]  # outputs between 0 and 1, where every loss is defined
H = fmpq(10) ** -20


def by(slope: Shown) -> AtKink:
    """The convention that gives every kink this slope."""
    return lambda _: slope


def at(expr: Expr, **values: Any) -> arb:
    return arb(evaluate(expr, values))


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda op: op.name)
def test_sympy_proves_the_derivative_of_an_activation(activation: type[Activation]) -> None:
    """At points on both sides of a kink, to 40 digits; together with the formulas' being elementary that is proof."""
    f, z = activation(), sympy.Symbol("z", real=True)
    a = to_sympy(f.formula(Z), {"z": z})
    gap = sympy.diff(a, z) - to_sympy(f.derivative(Z, A, by(KINKS[1])), {"z": z, "a": a})
    for point in POINTS:
        value = gap.subs(z, sympy.Rational(int(point.p), int(point.q))).doit()
        assert abs(sympy.N(value, 60)) < sympy.Float(10) ** -40


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda op: op.name)
def test_central_differences_give_the_derivative_of_an_activation(activation: type[Activation]) -> None:
    f = activation()
    with precision(START_BITS):
        for z in POINTS:
            numeric = (at(f.formula(Z), z=z + H) - at(f.formula(Z), z=z - H)) / (2 * H)
            textbook = at(f.derivative(Z, A, by(KINKS[0])), z=z, a=at(f.formula(Z), z=z))
            assert abs(numeric - textbook) < arb(10) ** -35


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda op: op.name)
@pytest.mark.parametrize("slope", KINKS, ids=str)
def test_at_a_kink_the_convention_is_the_derivative(activation: type[Activation], slope: Shown) -> None:
    f = activation()
    value = evaluate(f.derivative(Z, A, by(slope)), {"z": fmpq(0), "a": evaluate(f.formula(Z), {"z": fmpq(0)})})
    sides = [at(f.derivative(Z, A, by(slope)), z=side * H, a=at(f.formula(Z), z=side * H)) for side in (1, -1)]
    bends = bool(abs(sides[0] - sides[1]) > H * 1000)
    assert not bends or (f.kinks and value == slope.value)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda op: op.name)
def test_sympy_proves_the_derivative_of_a_loss(loss: type[Loss], n: int) -> None:
    a, t = sympy.symbols("a t", real=True)
    symbols = {"a": a, "t": t}
    part = to_sympy(loss().part(A, T, n), symbols)
    gap = sympy.diff(part, a) - to_sympy(loss().derivative(A, T, n, by(KINKS[0])), symbols)
    for output, target in ((o, t) for o in BETWEEN for t in (0, 1, -1, sympy.Rational(2, 5), 3)):
        value = gap.subs({a: sympy.Rational(int(output.p), int(output.q)), t: target}).doit()
        assert abs(sympy.N(value, 60)) < sympy.Float(10) ** -40


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda op: op.name)
def test_central_differences_give_the_derivative_of_a_loss(loss: type[Loss], n: int) -> None:
    with precision(START_BITS):
        for a, t in ((a, t) for a in BETWEEN for t in (fmpq(3, 10), fmpq(1), fmpq(-1))):
            above, below = (at(loss().part(A, T, n), a=a + side * H, t=t) for side in (1, -1))
            textbook = at(loss().derivative(A, T, n, by(KINKS[0])), a=a, t=t)
            assert abs((above - below) / (2 * H) - textbook) < arb(10) ** -30


@pytest.mark.parametrize("inputs", [1, 3])
@pytest.mark.parametrize("has_bias", [True, False])
def test_sympy_proves_the_derivatives_of_a_pre_activation(inputs: int, has_bias: bool) -> None:
    w = tuple(Name("w", 1, (1, i)) for i in range(inputs))
    x = tuple(Name("x", None, (i,)) for i in range(inputs))
    b = Name("b", 1, (1,)) if has_bias else None
    z = affine.pre_activation(w, x, b)
    symbols = {name.id: sympy.Symbol(name.id) for name in quantities(z)}
    derivatives = dict(affine.derivatives(w, x, b))
    assert {name.id for name in derivatives} == set(symbols)
    for name, local in derivatives.items():
        assert sympy.diff(to_sympy(z, symbols), symbols[name.id]) == to_sympy(local, symbols)


def test_a_lone_product_is_no_sum() -> None:
    assert not isinstance(affine.pre_activation((Name("w", 1, (1, 1)),), (Name("x", None, (1,)),), None), Sum)


@pytest.mark.parametrize("operations", [ACTIVATIONS, LOSSES])
def test_names_are_unambiguous(operations: tuple[Any, ...]) -> None:
    names = [name for op in operations for name in (op.name, *op.aliases)]
    assert len(names) == len(set(names))
    assert all(op.__doc__ for op in operations)


OUTSIDE = """
from calc.differentiate import AtKink
from calc.expr import Expr, Num, Pow, Prod
from calc.number import Shown
from calc.ops import activations

class Square(activations.Activation):
    name = "bent_square"
    def formula(self, z: Expr) -> Expr:
        return Pow(z, 2)
    def derivative(self, z: Expr, a: Expr, at_kink: Shown) -> Expr:
        return Prod((Num.of(2), z))

activations.ACTIVATIONS = (*activations.ACTIVATIONS, Square)

import calc
layers = [{"activation": "bent_square", "weights": [[0.5, -0.25], [1, 0.1]], "biases": [0.1, 0]},
          {"activation": "sigmoid", "weights": [[1, -0.5]]}]
problem = calc.Problem(learning_rate=0.1, loss="half_squared_error", layers=layers,
                       samples=[{"inputs": [1, 2], "targets": [1]}])
solution = calc.solve(problem)
assert str(solution["da1_2/dz1_2"].value) == "12/5"
print(solution.render())
solution.pdf()
"""


def test_an_activation_from_outside_is_a_class_and_an_entry_in_the_tuple() -> None:
    done = subprocess.run([sys.executable, "-c", OUTSIDE], capture_output=True, text=True, check=True)
    assert "2 hidden units (bent square)" in done.stdout
    assert "&= 2 z^{(1)}_2 = 2 \\times 1.2 = 2.4" in done.stdout
    assert done.stdout.count("## ") > 7
