"""Every operation's textbook derivative is the derivative of its formula: by SymPy, and by central differences."""

from typing import Any

import mpmath
import pytest
import referee
import sympy
from flint import arb, fmpq

from calc.expr import Expr, Name, Sum, evaluate, quantities, to_sympy
from calc.number import START_BITS, Shown, precision
from calc.ops import ACTIVATIONS, LOSSES, Activation, Loss, affine

Z, A, T = Name("z"), Name("a"), Name("t")
SLOPES = [Shown("0"), Shown("1", denominator="2"), Shown("1")]  # conventions at a kink
POINTS = [fmpq(n, 7) for n in (-40, -15, -8, -1, 1, 9, 16, 41)]  # off every kink
H = fmpq(10) ** -20


def at(expr: Expr, **values: Any) -> arb:
    return arb(evaluate(expr, values))


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda op: op.name)
def test_sympy_proves_the_derivative_of_an_activation(activation: type[Activation]) -> None:
    f = activation()
    for sign in ("positive", "negative"):  # each side of a kink, together every z but 0
        z = sympy.Symbol("z", **{sign: True})
        a = to_sympy(f.formula(Z), {"z": z})
        textbook = to_sympy(f.derivative(Z, A, SLOPES[1]), {"z": z, "a": a})
        assert sympy.simplify((sympy.diff(a, z) - textbook).rewrite(sympy.exp)) == 0


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda op: op.name)
def test_central_differences_give_the_derivative_of_an_activation(activation: type[Activation]) -> None:
    f = activation()
    with precision(START_BITS):
        for z in POINTS:
            numeric = (at(f.formula(Z), z=z + H) - at(f.formula(Z), z=z - H)) / (2 * H)
            textbook = at(f.derivative(Z, A, SLOPES[0]), z=z, a=at(f.formula(Z), z=z))
            assert abs(numeric - textbook) < arb(10) ** -35


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda op: op.name)
@pytest.mark.parametrize("slope", SLOPES, ids=str)
def test_at_a_kink_the_convention_is_the_derivative(activation: type[Activation], slope: Shown) -> None:
    f = activation()
    zero = {"z": fmpq(0), "a": evaluate(f.formula(Z), {"z": fmpq(0)})}
    value = evaluate(f.derivative(Z, A, slope), zero)
    jumps = [at(f.derivative(Z, A, slope), z=side * H, a=at(f.formula(Z), z=side * H)) for side in (1, -1)]
    assert f.has_kink == (abs(jumps[0] - jumps[1]) > H * 1000)
    assert not f.has_kink or value == slope.value


def agrees(own: arb, other: Any) -> bool:
    return bool(mpmath.almosteq(mpmath.mpf(own.mid().str(40, radius=False)), other, 1e-30))


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda op: op.name)
def test_an_activation_is_what_the_referee_says(activation: type[Activation]) -> None:
    for z in POINTS:
        with precision(START_BITS), mpmath.workdps(40):
            other = referee.ACTIVATIONS[activation.name].value(mpmath.mpf(int(z.p)) / int(z.q), {})
            assert agrees(at(activation().formula(Z), z=z), other)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda op: op.name)
def test_sympy_proves_the_derivative_of_a_loss(loss: type[Loss], n: int) -> None:
    a, t = sympy.symbols("a t", real=True)
    part = to_sympy(loss().part(A, T, n), {"a": a, "t": t})
    assert sympy.simplify(sympy.diff(part, a) - to_sympy(loss().derivative(A, T, n), {"a": a, "t": t})) == 0


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda op: op.name)
def test_central_differences_give_the_derivative_of_a_loss(loss: type[Loss], n: int) -> None:
    t = fmpq(3, 10)
    with precision(START_BITS):
        for a in POINTS:
            above, below = (at(loss().part(A, T, n), a=a + side * H, t=t) for side in (1, -1))
            assert abs((above - below) / (2 * H) - at(loss().derivative(A, T, n), a=a, t=t)) < arb(10) ** -35


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda op: op.name)
def test_a_loss_is_what_the_referee_says(loss: type[Loss], n: int) -> None:
    for a in POINTS:
        with precision(START_BITS), mpmath.workdps(40):
            typed = mpmath.mpf(int(a.p)) / int(a.q), mpmath.mpf(1) / 4
            other = referee.LOSSES[loss.name].value(*typed, {"n": mpmath.mpf(n)})
            assert agrees(at(loss().part(A, T, n), a=a, t=fmpq(1, 4)), other)


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
