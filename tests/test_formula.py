"""Formulas are data: whatever is typed there is an expression or a message with a caret, at once, and nothing runs.

HOSTILE    what is no formula, with a word of what is said of it and where the caret stands (None: anywhere)
GOOD       what is one; SymPy reads the same text in its own way and must come to the same numbers
"""

import json
import string
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import mpmath
import pytest
import sympy
from conftest import Sweep
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import calc
from calc.expr import Call, Expr, Frac, Name, Neg, Num, Pow, Prod, Sum, evaluate
from calc.formula import DEEPEST, LONGEST, MOST_OPERANDS, READ, FormulaError, parse, parse_assignment
from calc.number import precision

NAMES = ("x", "y", "z")
MEMORY, SECONDS = 500 * 2**20, 2.0

Row = tuple[str, str, int | None]


def rows(what: str, *formulas: str, at: int | None = None) -> list[Row]:
    return [(formula, what, at) for formula in formulas]


def at(what: str, **places: Any) -> list[Row]:
    return [(formula, what, place) for formula, place in places.items()]


CODE = [  # each would leave a trace in OWNED, were it run
    "OWNED.append(1)", "(lambda: OWNED.append(1))()", "[OWNED.append(1) for x in (1,)]", "{OWNED.append(1)}",
    "__import__('builtins').OWNED.append(1)", "exec('OWNED.append(1)')", "eval('OWNED.append(1)')",
    "f'{OWNED.append(1)}'", "(OWNED := [1])", "x.__class__.__base__.__subclasses__()", "max(*OWNED.append(1))",
    "max(**OWNED.append(1))", "max(x, key=OWNED.append)", "OWNED[0]", "x if OWNED.append(1) else y",
    "OWNED.append(1) or x", "not OWNED.append(1)", "OWNED.append(1) < x", "await OWNED.append(1)",
    "yield OWNED.append(1)", "yield x", "print(x)", "open('/etc/passwd')", "input()", "breakpoint()", "globals()",
    "__builtins__", "__name__", "getattr(x, 'y')", "x.y", "x.real", "(1).real", "1 .real", "exp.x", "exp(x).y",
    "import os", "del x", "raise x", "pass", "return x", "class x: pass", "def f(): pass", "assert x", "global x",
    "lambda: x", "lambda x: x", "x if y else z", "[x]", "[x for x in y]", "{x}", "{x: y}", "{**x}", "{x for x in y}",
    "(x for x in y)", "max(x for x in y)", "x[0]", "x[y]", "x[0:1]", "x[...]", "...", "'x'", '"x"', "b'x'", "r'x'",
    "'''x'''", "f'{x}'", "u'x'", "`x`", "x; y", "x: y", "x -> y", "x := y", "@x", "x @ y", "x % y", "x & y", "x | y",
    "~x", "x << y", "x >> y", "x ~ y", "!x", "x!", "x != y", "x < y", "x > y", "x <= y", "x == y", "x <> y", "x is y",
    "x in y", "x and y", "x or y", "not x", "x = y", "f(x) = x", "x += y", "x ** = y", "$x", "x?", "x # y", "# x",
    "\\x", "x \\\n y", "x, y", "x,", ",x", "(x, y)", "(x,)", "()", "*x", "**x", "max(*x)", "max(**x)", "exp(x=2)",
]  # fmt: skip

LOOK_ALIKE = [
    "\U0001d465 + 1", "ｘ + 1", "х + 1", "x＋1", "x（1）", "x − 1", "x × y", "x · y", "x ÷ y", "x² + 1", "√x", "π", "∞",
    "½",
    "x₁", "ﬁ", "σ(x)", "é", "x\u0301", "\u202ex", "x\u200by", "\ufeffx", "x\u00a0+ y", "x\u2028+ y", "x\x0b+ y",
    "x\x0c",
    "x\x00", "\x00", "x\x1b[31m", "x\x07", "x\x7f", "\ud800", "x\udfff + 1", "😀", "x + 😀", "漢字", "١ + 1", "x–y",
]  # fmt: skip

NO_NUMBER = [
    "1_000", "0x10", "0b1", "0o7", "1j", "1e", "1e+", "1.", ".5", "1.2.3", "1..2", "1e999", "1e-999", "1e101",
    "True", "None",
    "False", "nan", "inf", "NaN", "Infinity", "1e9999999999", "9" * 61, "0." + "1" * 61, "1" * 1900, "1L", "1f", "0xfg",
    "1/0x", "1,000", "1 000", "١",
]  # fmt: skip

TOO_MUCH = [
    "9**9**9**9", "9**9**9", "2**1000", "2**-1000", "x**9999999999", "x**101", "x**-101", "x**1e50", "x**(9**9)",
    "x**(2**7)",
    "(2**100)**100", "((9**99)**99)**99", "2**2**2**2**2**2", "10**100*x + (10**99)**2", "x**exp(100)", "x**(1/0)",
    "(0-1)**(1/2)", "0**-1", "0**(0-1/2)", "x**sqrt(0-1)", "x**log(0)", "x**max(pi - pi, 0)",
    "(" * 100_000 + "x" + ")" * 100_000, "(" * 31 + "x" + ")" * 31, "(" * 990 + "x" + ")" * 990, "(" * 2000, ")" * 2000,
    "-" * 100_000 + "x", "-" * 1999 + "x", "+-" * 900 + "x", "- " * 900 + "x", "x" * (LONGEST + 1), "x" * LONGEST,
    "x + " * 2_500_000 + "x", "1" * 10**7, "x**" * 600 + "x", "x/" * 900 + "x", "x/" * 40 + "x", "x+" * 900 + "x",
    "x*" * 900 + "x", "x-" * 900 + "x", "exp(" * 400 + "x" + ")" * 400, "max(" * 300 + "x" + ",x)" * 300,
    "max(" + "x," * 60 + "x)", "max(" + "x," * 900 + "x)", "sigmoid(" * 31 + "x" + ")" * 31,
    "1/(1+" * 31 + "x" + ")" * 31,
    "x**-" * 200 + "x", "-x**" * 200 + "x", " " * 10**6, "\n" * 3000, "x" + " " * 2000,
]  # fmt: skip

SLIPS: list[Row] = [
    *rows("nothing found", "", " ", "\n", at=0),
    *at("Write **", **{"x ^ 2": 2, "x^2": 1, "(x + y)^2": 7}),
    *at("Write * for a product", **{
        "2x": 1, "x y": 2, "2(x+1)": 1, "(x)(y)": 3, "(x)y": 3, "x(y)": 1, "2 3": 2, "x 2": 2, "2exp(x)": 1,
        "x exp(y)": 2,
        "exp(x) y": 7, "pi x": 3, "x*y z": 4, "1.2.3": 3, "x\ny": 2,
    }),
    *at('without its ")"', **{"(x": 0, "x * (y + (z": 9, "exp(x": 3, "exp(x + (y)": 3, "((x)": 0, "(": 0}),
    *at('without its "("', **{"x)": 1, ")": 0, "(x))": 3, "x) + (y": 1, ")x(": 0}),
    *at("is missing here", **{
        "x +": 3, "x * / y": 4, "* x": 0, "x *** y": 4, "(x + )": 5, "max(, x)": 4, "-": 1, "x ** * y": 5, "+ * x": 2,
    }),
    *at("Write / to divide", **{"x // y": 2, "x//y": 1}),
    *at("is not known", **{"u": 0, "x + foo": 4, "x + lambda": 4, "e**x": 0, "X": 0, "exp(w)": 4, "if": 0,
    "x*(y+q)": 5}),
    *at("Did you mean", **{"sine(x)": 0, "x + xx": 4, "sigmiod(x)": 0, "x + sqr(y)": 4}),
    *at("is no function", **{"f(x)": 0, "1 + tan(x)": 4, "x + y + sum(x, y)": 8}),
    *at("Write sin(…)", **{"sin": 0, "sin x": 4, "x + sin": 4, "sin 2": 4, "sin + 1": 0}),
    *at("needed. Write", **{"exp()": 0, "exp(x, y)": 0, "max()": 0, "max(x)": 0, "1 + sqrt(x, y)": 4, "min(x)": 0}),
    *at("a comma found", **{"x, y": 3, "(x, y)": 4, "1 + (x, y)": 8}),
    *at("formula needed in brackets", **{"()": 0, "x + ()": 4}),
    *at("a formula alone", **{"f = x": 2, "x == y": 2, "exp(x=2)": 5}),
    *at("Write (", **{"[x]": 0, "{x}": 0, "x + [y]": 4}),
    *at("exponent", **{"9**9**9**9": 6, "x**101": 3, "x + y**(2**7)": 8, "x**-101": 3}),
    *at("out of range", **{"1e999": 0, "x + 1e-999": 4}),
    *at("operations within each other", **{"(" * 31 + "x" + ")" * 31: 30, "-" * 31 + "x": 30}),
    *at("numbers and names", **{"x+" * MOST_OPERANDS + "x": 2 * MOST_OPERANDS}),
    *at("characters found", **{"x" * (LONGEST + 1): 0, "x + " * 3_000_000: 0}),
    *at("U+0000", **{"x\x00": 1}),
    *at("U+D800", **{"x + \ud800": 4}),
    *at("U+1F600", **{"x + \U0001f600": 4}),
]  # fmt: skip
HOSTILE = [*SLIPS, *rows("", *CODE, *LOOK_ALIKE, *NO_NUMBER, *TOO_MUCH)]


GOOD = [
    "x", "-x", "+x", "--x", "- -x + +y", "1", "0.1", "1e-3", "12.50", "007", "x + y", "x - y", "x - y - z",
    "x - (y - z)",
    "x + y + z", "(x + y) + z", "x + (y + z)", "x*y*z", "x*(y*z)", "x/y/z", "x/(y/z)", "x*y/z", "x/y*z", "x/(y*z)",
    "x**2", "x**y", "x**y**z", "(x**y)**z", "-x**2", "(-x)**2", "x**-2", "x**-y", "2**x", "2**-x", "x**0", "x**1",
    "x**(1/2)",
    "x**0.5", "x**2*y", "x*y**2", "(x*y)**2", "-x*y", "x*-y", "x/-y", "-(x*y)", "x - -y", "1/(1+exp(-z))", "(x + y)*z",
    "x*y + x", "z / (1 + abs(z))", "(x - y)**4 / 4", "exp(-z**2/2)", "log(1 + exp(z))", "ln(x*y)", "sqrt(x**2 + y**2)",
    "abs(x - y)", "sin(x)*cos(y)", "tanh(z)", "sigmoid(2*x) - 1", "relu(x - 1)", "max(x, y)", "max(x, y, z)",
    "min(x, y, z)",
    "max(0, 1 - x*y)", "erf(z/sqrt(2))", "pi*x**2", "2*pi*x", "exp(exp(-x))", "x*(y + z*(x + y*(z + 1)))", " x+y ",
    "x\n+\ty",
    "(((x)))", "((x)+(y))", "x+y*z**x/y-z", "100**50", "x**100", "x**-100", "1/3*x",
    "max(x, max(y, z)) + min(min(x, y), z)",
]  # fmt: skip

LOCAL: dict[str, Any] = {
    "abs": sympy.Abs, "max": sympy.Max, "min": sympy.Min, "ln": sympy.log, "relu": lambda u: sympy.Max(0, u),
    "sigmoid": lambda u: 1 / (1 + sympy.exp(-u)),
}  # fmt: skip
POINTS = [
    dict(zip(NAMES, point, strict=True)) for point in (("1/3", "7/5", "2"), ("9/4", "1/7", "3/2"), ("5", "3", "1/9"))
]


@pytest.mark.parametrize(("formula", "what", "place"), HOSTILE, ids=lambda part: ascii(part)[:40])
def test_what_is_no_formula_is_told_so_with_a_caret_and_nothing_runs(
    formula: str, what: str, place: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned: list[int] = []
    monkeypatch.setattr("builtins.OWNED", owned, raising=False)
    with pytest.raises(FormulaError) as error:
        parse(formula, NAMES)
    message, piece, caret = str(error.value).split("\n")
    assert what in message
    assert not owned
    assert message.isprintable()
    assert piece.isprintable()
    assert max(len(message), len(piece), len(caret)) < 300
    assert caret.strip() == "^"
    if place is not None:
        typed = formula.ljust(place + 1)[place]
        assert len(caret) - 5 == place - max(0, place - 30)
        assert piece.ljust(len(caret))[len(caret) - 1] == (
            " " if typed.isspace() else typed if typed.isprintable() and typed.isascii() else "?"
        )


def test_there_are_as_many_hostile_formulas_as_promised() -> None:
    assert len({formula for formula, _, _ in HOSTILE}) >= 200


LIMITED = """
import json, resource, sys, time
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
from calc.formula import FormulaError, parse
slowest = 0
for formula in json.load(sys.stdin):
    start = time.process_time()
    try:
        parse(formula, ("x", "y", "z"))
        raise SystemExit(f"{formula[:80]!r} was read")
    except FormulaError:
        slowest = max(slowest, time.process_time() - start)
print(slowest)
"""


def test_no_formula_takes_long_or_much(record_property: Callable[[str, object], None]) -> None:
    formulas = json.dumps([formula for formula, _, _ in HOSTILE])
    run = [sys.executable, "-c", LIMITED, str(MEMORY)]
    done = subprocess.run(run, input=formulas, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    seconds = float(done.stdout)
    assert seconds < SECONDS
    record_property("hostile formulas", f"{len(HOSTILE)} within {MEMORY >> 20} MB, the slowest in {seconds:.3f} s")


@pytest.mark.parametrize("formula", GOOD)
def test_a_formula_means_what_sympy_reads_in_it(formula: str) -> None:
    from sympy.parsing.sympy_parser import parse_expr, rationalize, standard_transformations

    symbols = {name: sympy.Symbol(name, positive=True) for name in NAMES}
    plain = " ".join(formula.split()).replace("007", "7")
    theirs = parse_expr(plain, {**symbols, **LOCAL}, (*standard_transformations, rationalize))
    for point in POINTS:
        with precision(300):
            ours = evaluate(
                parse(formula, NAMES), {name: calc.number.Exact.read(text).value for name, text in point.items()}
            )
            digits = sympy.N(theirs.subs({symbols[name]: sympy.Rational(text) for name, text in point.items()}), 60)
            with mpmath.workdps(50):
                mine = mpmath.mpf(str(calc.number.arb(ours).mid().str(60, radius=False)))
                assert mpmath.almosteq(mine, mpmath.mpf(str(digits)), mpmath.mpf(10) ** -45, mpmath.mpf(10) ** -45)


def test_numbers_are_those_that_were_typed() -> None:
    def typed(formula: str) -> str:
        number = parse(formula, ())
        assert isinstance(number, Num)
        return f"{number.shown} {number.shown.value}"

    assert [typed(text) for text in ("0.1", "0.10", "1e-3", "25", "0.30000000000000000000000001")] == [
        "0.1 1/10", "0.10 1/10", "1×10⁻³ 1/1000", "25 25",
        "0.30000000000000000000000001 30000000000000000000000001/1" + "0" * 26,
    ]  # fmt: skip


def test_an_assignment_is_a_name_and_a_formula() -> None:
    read = parse_assignment(" f = x * y", NAMES)
    assert (read.name, read.expr) == ("f", parse("x*y", NAMES))
    for line, what, place in (
        ("x * y", 'no "="', 0), ("2f = x", '"2f" found', 0), (" exp = x", '"exp" found', 1), ("f(x) = x", '"f(x)"', 0),
        ("= x", '"" found', 0), ("f = x + (y", 'without its ")"', 8), ("f = = x", '"=" found', 4), ("f =",
        "nothing", 3),
        ("f = x +", "missing", 7), ("lambda = x ++", "missing", 13),
    ):  # fmt: skip
        with pytest.raises(FormulaError) as error:
            parse_assignment(line, NAMES)
        assert what in str(error.value)
        assert str(error.value).split("\n")[-1] == "    " + " " * place + "^"


def test_names_are_whatever_letters_the_author_uses() -> None:
    assert parse("lambda + if", ("lambda", "if")) == Sum((Name("lambda"), Name("if")))
    assert parse("pi", ("pi",)) == Name("pi")
    assert parse("pi", ()) == Call("pi", ())


# Round trip ------------------------------------------------------------------------------------------------


def written(expr: Expr) -> str:
    """A formula as somebody could type it, every operand in brackets."""
    match expr:
        case Name():
            return expr.id
        case Num(shown):
            return shown.digits
        case Neg(arg):
            return f"-({written(arg)})"
        case Sum(terms):
            first, *rest = terms
            signed = [f" - ({written(t.arg)})" if isinstance(t, Neg) else f" + ({written(t)})" for t in rest]
            return f"({written(first)})" + "".join(signed)
        case Prod(factors):
            return " * ".join(f"({written(factor)})" for factor in factors)
        case Frac(num, den):
            return f"({written(num)}) / ({written(den)})"
        case Pow(base, exponent):
            return f"({written(base)}) ** ({exponent if isinstance(exponent, int) else written(exponent)})"
        case Call("pi", ()):
            return "pi"
        case Call(function, args):
            return f"{function}({', '.join(map(written, args))})"
    raise TypeError(expr)


ATOMS = st.sampled_from([*map(Name, NAMES), *(parse(text, ()) for text in ("0", "1", "2", "0.5", "3.20"))])


def grown(part: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    several = st.lists(part, min_size=2, max_size=4).map(tuple)
    one = [name for name, count in READ.items() if count == 1 and name != "log"]
    return st.one_of(
        several.map(Sum),
        several.map(lambda factors: product_of(factors)),
        part.map(Neg),
        st.builds(Frac, part, part),
        st.builds(Pow, part, st.one_of(st.integers(1, 5), part.filter(lambda e: "<" in repr(e)))),
        st.builds(lambda f, arg: Call(f, (arg,)), st.sampled_from(one), part),
        st.builds(lambda f, a, b: Call(f, (a, b)), st.sampled_from(["max", "min"]), part, part),
    )


def product_of(factors: tuple[Expr, ...]) -> Expr:
    return calc.formula.product(*factors)


@given(expr=st.recursive(ATOMS, grown, max_leaves=20))
def test_a_formula_written_down_and_read_again_is_the_same(expr: Expr) -> None:
    told = ""
    try:
        assert parse(written(expr), NAMES) == expr
    except FormulaError as error:  # of constants without a value, and of what is too deep
        told = str(error)
    assert not told or any(what in told for what in REFUSED)


REFUSED = ("a power beyond", "a power of", "division by 0", "exponent", "logarithm", "square root", f"than {DEEPEST} ")


# Fuzz ------------------------------------------------------------------------------------------------------

PIECES = [
    *string.printable, *READ, *NAMES, "**", "//", "1e", "0x", "e5", "lambda", ":=", "__", "max(", "x.", "\x00",
    "\ud800", "é", "²", "−",
    "😀", "x", "(", ")", "+", "-", "*", "/", "2", "0.1", " ", ",",
]  # fmt: skip


def test_whatever_is_typed_is_a_formula_or_a_message(sweep: Sweep) -> None:
    @settings(max_examples=sweep.count(400, 4000, 40_000), suppress_health_check=list(HealthCheck))
    @given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=40).map("".join)))
    def fuzz(text: str) -> None:
        try:
            parse(text, NAMES)
        except FormulaError:
            return
        assert text.isascii()

    fuzz()


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("-2*x", "-(2*x)"),
        ("-x*y/2", "-((x*y)/2)"),
        ("-1/(1+exp(-x))", "-(1/(1+exp(-x)))"),
        ("x-2*y", "x-(2*y)"),
        ("x+-2*y", "x-(2*y)"),
        ("exp(-2*x*y)", "exp(-(2*x*y))"),
        ("-x**2*y", "-(x**2*y)"),
        ("--2*x", "-(-(2*x))"),
    ],
)
def test_the_minus_of_a_first_factor_stands_in_front_of_the_product(text: str, same: str) -> None:
    assert parse(text, ["x", "y"]) == parse(same, ["x", "y"])


def test_a_first_factor_in_brackets_stays_as_it_was_typed() -> None:
    assert parse("(-2)*x", ["x"]) == Prod((Neg(Num.of(2)), Name("x")))
