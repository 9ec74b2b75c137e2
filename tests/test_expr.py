"""One tree gives the formula, the substituted line and the value; what is printed means what is computed."""

import re
from fractions import Fraction
from typing import Any

import mpmath
import proofreader
import pytest
import sympy
from flint import arb, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

import calc
from calc.expr import (
    FUNCTIONS,
    Call,
    Cases,
    Expr,
    Frac,
    Name,
    Neg,
    Num,
    Partial,
    Pow,
    Prod,
    Sum,
    evaluate,
    negated,
    quantities,
    rename,
    sigmoid_definition,
    substitute,
    to_sympy,
)
from calc.notation import notation_of
from calc.number import Shown, Undecided, Undefined, precision
from calc.page import find_format

LAYER = {"activation": "sigmoid", "weights": [[1, 2], [3, 4]], "biases": [1, 1]}
PROBLEM = calc.Problem(learning_rate=1, loss="mse", layers=[LAYER] * 2, samples=[{"inputs": [1, 1], "targets": [1, 1]}])
LATEX, TEXT, TYPST = (find_format(name)().formulas(notation_of(PROBLEM)).write for name in ("tex", "txt", "typ"))

X, Y = Name("x", None, (1,)), Name("x", None, (2,))
W, A, T, E = Name("w", 1, (2, 1)), Name("a", 2, (1,)), Name("t", None, (1,)), Name("E")
ONE, HALF = Num.of(1), Frac(Num.of(1), Num.of(2))


def num(text: str) -> Num:
    """A number as printed: "-0.3", "4.20e-5", "1/3"."""
    digits, _, power = text.partition("e")
    digits, _, below = digits.partition("/")
    return Num(Shown(digits, int(power) if power else None, below or None))


def times(*factors: Expr) -> Prod:
    return Prod(factors, "×")


WRITTEN: list[tuple[Expr, str, str, str]] = [
    (Prod((W, X)), r"w^{(1)}_{21}\,x_1", "w⁽¹⁾₂₁ x₁", 'w_("21")^("(1)") thin x_(1)'),
    (times(num("-0.3"), num("2")), r"(-0.3) \times 2", "(−0.3) × 2", "(-0.3) times 2"),
    (times(num("2"), num("-0.3")), r"2 \times (-0.3)", "2 × (−0.3)", "2 times (-0.3)"),
    (Sum((num("1"), num("-2"))), "1 + (-2)", "1 + (−2)", "1 + (-2)"),
    (Sum((num("1"), Neg(num("-2")))), "1 - (-2)", "1 − (−2)", "1 - (-2)"),
    (Sum((num("1"), Neg(Sum((X, Y))))), "1 - (x_1 + x_2)", "1 − (x₁ + x₂)", "1 - (x_(1) + x_(2))"),
    (Neg(times(num("0.5"), num("-0.1"))), r"-0.5 \times (-0.1)", "−0.5 × (−0.1)", "-0.5 times (-0.1)"),
    (times(num("2"), Neg(X)), r"2 \times (-x_1)", "2 × (−x₁)", "2 times (-x_(1))"),
    (Prod((A, Sum((ONE, Neg(A))))), "a^{(2)}_1 (1 - a^{(2)}_1)", "a⁽²⁾₁ (1 − a⁽²⁾₁)", None),
    (Pow(num("-0.3"), 2), "(-0.3)^2", "(−0.3)²", "(-0.3)^(2)"),
    (Pow(X, 2), "x_1^2", "x₁²", "x_(1)^(2)"),
    (Pow(Sum((T, Neg(X))), 2), "(t_1 - x_1)^2", "(t₁ − x₁)²", "(t_(1) - x_(1))^(2)"),
    (Pow(num("4e-5"), 2), r"(4 \times 10^{-5})^2", "(4 × 10⁻⁵)²", "(4 times 10^(-5))^(2)"),
    (Pow(num("1/3"), 2), r"(\tfrac{1}{3})^2", "(1/3)²", "(frac(1, 3))^(2)"),
    (times(num("2"), num("-4.20e-5")), r"2 \times (-4.20 \times 10^{-5})", "2 × (−4.20 × 10⁻⁵)", None),
    (times(num("2"), num("4.20e-5")), r"2 \times (4.20 \times 10^{-5})", "2 × (4.20 × 10⁻⁵)", None),
    (Sum((num("2"), num("4.20e-5"))), r"2 + 4.20 \times 10^{-5}", "2 + 4.20 × 10⁻⁵", None),
    (times(num("1/3"), num("2")), r"\tfrac{1}{3} \times 2", "(1/3) × 2", "frac(1, 3) times 2"),
    (times(num("-1/3"), num("2")), r"(-\tfrac{1}{3}) \times 2", "(−1/3) × 2", "(-frac(1, 3)) times 2"),
    (Sum((X, HALF)), r"x_1 + \tfrac{1}{2}", "x₁ + 1/2", "x_(1) + frac(1, 2)"),
    (Frac(Sum((X, Y)), Prod((W, X))), r"\frac{x_1 + x_2}{w^{(1)}_{21}\,x_1}", "(x₁ + x₂)/(w⁽¹⁾₂₁ x₁)", None),
    (Frac(ONE, Frac(ONE, X)), r"\frac{1}{\frac{1}{x_1}}", "1/(1/x₁)", "frac(1, frac(1, x_(1)))"),
    (sigmoid_definition(num("-1.1")), r"\frac{1}{1 + e^{-(-1.1)}}", "1/(1 + e^(−(−1.1)))", None),
    (sigmoid_definition(num("1.1")), r"\frac{1}{1 + e^{-1.1}}", "1/(1 + e^(−1.1))", "frac(1, 1 + e^(-1.1))"),
    (Call("tanh", (num("-1.1"),)), r"\tanh(-1.1)", "tanh(−1.1)", "tanh(-1.1)"),
    (Call("max", (num("0"), num("-0.3"))), r"\max(0, -0.3)", "max(0, −0.3)", "max(0, -0.3)"),
    (Call("tanh", (HALF,)), r"\tanh(\tfrac{1}{2})", "tanh(1/2)", "tanh(frac(1, 2))"),
    (Call("relu", (X,)), r"\operatorname{ReLU}(x_1)", "ReLU(x₁)", '"ReLU"(x_(1))'),
    (Prod((Partial(E, A), Partial(A, X)), "·"), None, "∂E/∂a⁽²⁾₁ · ∂a⁽²⁾₁/∂x₁", None),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "latex", "text", "typst"), WRITTEN)
def test_brackets_appear_where_a_teacher_writes_them(expr: Expr, latex: Any, text: Any, typst: Any) -> None:
    for write, wanted in ((LATEX, latex), (TEXT, text), (TYPST, typst)):
        if wanted is not None:
            assert write(expr) == wanted


# Random trees ------------------------------------------------------------------------------------------------

NAMES = [X, Y, W, A, T]
NUMBERS = st.one_of(
    st.integers(-5, 5).map(Num.of),
    st.sampled_from(["-0.3", "0.2060", "-1.75", "0.5", "4.20e-2", "-3e1", "1/3", "-2/7"]).map(num),
)


def grow(part: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    several = st.lists(part, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        several.map(Sum),
        several.map(times_of),
        part.map(Neg),
        st.builds(Frac, part, part),
        st.builds(Pow, part, st.integers(2, 3)),
        st.builds(lambda a: Call("exp", (Frac(a, Num.of(10)),)), part),
        st.builds(lambda f, a: Call(f, (a,)), st.sampled_from(["tanh", "sigmoid", "relu"]), part),
        st.builds(lambda a, b: Call("max", (a, b)), part, part),
    )


def times_of(factors: tuple[Expr, ...]) -> Prod:
    return Prod(factors, "×")


LEAVES = st.one_of(st.sampled_from(NAMES), NUMBERS)
TREES = grow(grow(st.recursive(LEAVES, grow, max_leaves=4)))
CASES = st.builds(lambda on, a, b, c: Cases(Call("relu'", (on,)), on, a, b, c), TREES, NUMBERS, NUMBERS, NUMBERS)
PRINTED = st.fixed_dictionaries({name.id: NUMBERS.map(lambda number: number.shown) for name in NAMES})


def value_of(expr: Expr, printed: dict[str, Shown]) -> Any:
    """An exact rational or a ball, None where it has no value or is too large to be compared."""
    try:
        with precision(256):
            value = evaluate(expr, {id: shown.value for id, shown in printed.items()})
            return value if abs(arb(value)) < 10**12 and 2 * arb(value).rad() < arb("1e-30") else None
    except (Undefined, Undecided):
        return None


def close(value: Any, other: Any) -> bool:
    """``other``, computed elsewhere to 50 digits, is ``value``."""
    with precision(256), mpmath.workdps(60):
        own = mpmath.mpf(arb(value).mid().str(60, radius=False))
        other = mpmath.mpf(other.numerator) / other.denominator if isinstance(other, Fraction) else mpmath.mpf(other)
        return bool(abs(own - other) <= mpmath.mpf(10) ** -25 * max(1, abs(own)))


@given(TREES | grow(CASES), PRINTED)
def test_a_tree_comes_to_what_sympy_makes_of_it(expr: Expr, printed: dict[str, Shown]) -> None:
    if (value := value_of(expr, printed)) is not None:
        exact = {id: sympy.Rational(int(shown.value.p), int(shown.value.q)) for id, shown in printed.items()}
        other = sympy.N(to_sympy(expr, exact), 50, maxn=400)
        assert close(value, str(other))


@settings(max_examples=300)
@given(TREES, PRINTED)
def test_the_substituted_line_means_the_value_in_latex(expr: Expr, printed: dict[str, Shown]) -> None:
    value = value_of(expr, printed)
    if value is None:
        return
    line = LATEX(substitute(expr, printed))
    assert not list(proofreader.writing_faults(line))
    assert proofreader.brackets_match(line)
    try:
        read = proofreader.evaluate(proofreader.tokenize(line))
    except proofreader.Unreadable as reason:
        if "beyond any page" in str(reason):  # e^71874 within a sigmoid
            return
        raise
    assert close(value, read if isinstance(read, Fraction) else proofreader.MP.nstr(read, 50))


SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−×", "-0123456789-*")
SPELLING = {
    "e": mpmath.e, "tanh": mpmath.tanh, "max": max, "frac": lambda a, b: mpmath.mpf(a) / b, "mpf": mpmath.mpf,
    "relu": lambda z: max(mpmath.mpf(0), z),
}  # fmt: skip


def from_text(line: str) -> str:
    """Unicode text as a Python expression."""
    line = re.sub(r"[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda found: f"**({found[0].translate(SUPERSCRIPTS)})", line)
    return line.translate(SUPERSCRIPTS).replace("^", "**")


def from_typst(line: str) -> str:
    return line.replace("times", "*").replace("^", "**")


@settings(max_examples=300)
@given(TREES, PRINTED)
def test_the_substituted_line_means_the_value_in_text_and_typst(expr: Expr, printed: dict[str, Shown]) -> None:
    value = value_of(expr, printed)
    if value is None:
        return
    for write, read in ((TEXT, from_text), (TYPST, from_typst)):
        line = re.sub(r"(?<![\d.])(\d+(?:\.\d+)?)", r"mpf('\1')", read(write(substitute(expr, printed))))
        line = re.sub(r"\*\*\((-?)mpf\('(\d+)'\)\)", r"**(\1\2)", line)
        with mpmath.workdps(60):
            assert close(value, eval(line, {"__builtins__": {}}, SPELLING)), line


@given(TREES | grow(CASES), PRINTED)
def test_renaming_and_substituting_change_names_only(expr: Expr, printed: dict[str, Shown]) -> None:
    new = rename(expr, lambda quantity: quantity.after_update() if isinstance(quantity, Name) else quantity)
    assert [name.id for name in quantities(new)] == [name.id + "'" for name in quantities(expr)]
    assert rename(expr, lambda quantity: quantity) == expr
    try:
        assert not quantities(substitute(expr, printed))
    except Undefined:  # on which side of a case is not known
        assert value_of(expr, printed) is None
    if (value := value_of(expr, printed)) is not None:
        shifted = {f"{id}'": shown for id, shown in printed.items()}
        assert str(value_of(new, shifted)) == str(value)
        assert str(value_of(substitute(expr, printed), printed)) == str(value)


# Values ------------------------------------------------------------------------------------------------------


def test_values_are_exact_where_the_operations_allow_it() -> None:
    zero, half = {"x_1": fmpq(0)}, fmpq(1, 2)
    assert evaluate(Call("sigmoid", (X,)), zero) == half
    assert isinstance(evaluate(Call("sigmoid", (X,)), zero), fmpq)
    assert isinstance(evaluate(Call("tanh", (X,)), zero), fmpq)
    assert isinstance(evaluate(Call("relu", (X,)), {"x_1": fmpq(-3)}), fmpq)
    assert isinstance(evaluate(Call("sigmoid", (X,)), {"x_1": arb(0)}), arb)  # a zero that is none exactly
    assert evaluate(Prod((X, Y)), {"x_1": arb(3, 1), "x_2": fmpq(0)}) == fmpq(0)
    with pytest.raises(Undefined):
        evaluate(Frac(ONE, X), zero)


def test_a_case_that_a_ball_does_not_decide_is_not_guessed() -> None:
    slope = Cases(Call("relu'", (X,)), X, above=ONE, at=HALF, below=Num.of(0))
    assert [evaluate(slope, {"x_1": fmpq(z)}) for z in (2, 0, -2)] == [fmpq(1), fmpq(1, 2), fmpq(0)]
    for expr in (slope, Call("relu", (X,)), Frac(ONE, X)):
        with pytest.raises(Undecided):
            evaluate(expr, {"x_1": arb(0, 1)})


def test_a_ball_around_zero_has_a_power() -> None:
    assert evaluate(Pow(X, 2), {"x_1": arb(0, 1)}).contains(0)
    assert evaluate(Pow(X, 2), {"x_1": arb(0, 1)}).is_finite()


def test_every_function_has_a_value_or_is_only_the_head_of_another() -> None:
    heads = {name for name, function in FUNCTIONS.items() if function == type(function)()}
    assert heads == {"loss", "sum"}


@pytest.mark.parametrize(
    ("quantity", "id"),
    [
        (Name("w", 2, (1, 3)), "w2_1_3"),
        (Name("z", 1, (2,), sample=3), "z1_2@3"),
        (Name("z", 1, (2,), sample=3).after_update(), "z1_2'@3"),
        (Name("Dw", 2, (1, 3)), "Dw2_1_3"),
        (Partial(E, Name("w", 2, (1, 3))), "dE/dw2_1_3"),
        (Partial(E, Name("w", 2, (1, 3)), sample=2), "dE/dw2_1_3@2"),
        (Partial(E, Name("z", 1, (2,), sample=2)), "dE/dz1_2@2"),
        (Partial(Name("a", 2, (1,), 2), Name("z", 2, (1,), 2)), "da2_1/dz2_1@2"),
        (Partial(E, Name("a", 1, (1,)), via=Name("z", 2, (1,))), "dE/da1_1|z2_1"),
        (Partial(E, Name("a", 1, (1,), 3), via=Name("z", 2, (1,), 3)), "dE/da1_1|z2_1@3"),
    ],
)
def test_ids_are_those_that_other_programs_read(quantity: Any, id: str) -> None:
    assert quantity.id == id


A, B = Name("a"), Name("t")


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (Sum((A, Neg(B))), Sum((B, Neg(A)))),
        (Neg(Frac(B, A)), Frac(B, A)),
        (Frac(Sum((A, Neg(B))), A), Frac(Sum((B, Neg(A))), A)),
        (Prod((Num.of(2), Sum((A, Neg(B))))), Prod((Num.of(2), Sum((B, Neg(A)))))),
        (Prod((A, B)), Neg(Prod((A, B)))),
        (Frac(B, A), Neg(Frac(B, A))),
    ],
)
def test_minus_an_expression_is_written_as_people_do(expr: Expr, expected: Expr) -> None:
    assert negated(expr) == expected
