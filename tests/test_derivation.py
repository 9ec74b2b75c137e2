"""Every line of a derivation equals the one before it, by SymPy, and the last is the derivative in a textbook's form.

Smooth functions: the difference of two lines is 0 by simplification, a proof; what SymPy cannot simplify, and functions
with kinks, vanish to 50 digits at rational points. Both are counted; a line that does neither is an unproven one.
"""

import json
import random
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sympy
from conftest import Sweep, needs
from test_pages import compile_latex, words_outside

import calc
from calc.algebra import MOST_LINES, everywhere, plain, size
from calc.derivation import Chain, Working
from calc.derived import derive, zero_at_kinks
from calc.differentiate import differentiate
from calc.expr import Call, Cases, Derivative, Expr, Name, Neg, Num, Prod, Sum, evaluate, quantities, rename, to_sympy
from calc.formula import READ, parse
from calc.number import Shown
from calc.ops import ACTIVATIONS, LOSSES, Activation, Loss
from calc.render import wording


def table(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SMOOTH = table("""
1/(1+exp(-z))  tanh(z)  2*sigmoid(z)-1  ln(1+exp(z))  z*sigmoid(z)  z*(1+erf(z/sqrt(2)))/2  z  3  7*z-4  z**2
z**10  z**(-2)  1/z  1/z**3  sqrt(z)  1/sqrt(z)  z**0.5  z**z  2**z  z**n  (1+z)**n  x**z  exp(z)  exp(-z**2)
exp(2*z)*exp(-z)  exp(3*z+1)  ln(z)  ln(z)/z  ln(z)/z**2  z*ln(z)-z  ln(sqrt(1+z))  ln(ln(z+3))  sin(z)  cos(z)
sin(z)*cos(z)  sin(z)/z  sin(z)**2+cos(z)**2  sin(cos(z))  tanh(z)**2  tanh(3*z)/z  erf(z)  erf(z/sqrt(2))
sigmoid(2*z)  sigmoid(z)**2  (z+1)/(z-1)  z/(1+z)  z**2/(1+z)  (z**2+1)**3  (z+1)*(z+2)*(z+3)  z*exp(z)*sin(z)
exp(z)/z  z**2*exp(z)  (exp(z)-exp(-z))/(exp(z)+exp(-z))  z/sqrt(1+z**2)  sqrt(1+z**2)  sqrt(z*x)  x*y*z
x**2*z+sin(x*z)  (x*z+y)**2  0.5*(t-a)**2  -(t*ln(a)+(1-t)*ln(1-a))  -t*ln(a)  (t-a)**4/4  ln(1+exp(-t*a))
0.1*z*3  z/10+x/5  z*z*z  2/(3/z)  1/(1+1/z)  exp(-(z-m)**2/(2*s**2))  z-(x-z)  pi*z**2  (z**2)**3
exp(z)*exp(z)  z*x/(z*y)  1/(1+exp(-(w*z+b)))
exp(z)/(1+exp(z))  (1/(1+exp(-(w*z+b)))-t)**2  exp(-z)/(1-exp(-z))
""")
KINKED = table("""
abs(z)  abs(z-2)  z*abs(z)  z/(1+abs(z))  relu(z)  relu(3*z-1)  max(z,x)  min(z,x)*z  max(0,1-t*a)  max(0,z)**2
abs(sin(z))  max(z,z**2)*exp(z)  min(1,max(0,z/2))  sqrt(abs(z)+1)
""")  # z*abs(z): at points off the kinks only; there is no derivative at them
POINTS = [(3, 7), (5, 3), (9, 11)]  # of the first name; the others are shifted from it


def wrt_of(text: str) -> str | None:
    return "z" if text == "3" else None


def convert(expr: Expr, working: Working, positive: bool = True) -> Any:
    """As SymPy's, names that the derivation introduced replaced by what they stand for."""
    symbols: dict[str, Any] = {}
    inside = {name.id: stands for name, stands in working.names.items()}

    def known(part: Expr) -> None:
        for quantity in quantities(part):
            if quantity.id in symbols:
                continue
            if quantity.id in inside:
                known(inside[quantity.id])
                symbols[quantity.id] = to_sympy(inside[quantity.id], symbols)
            else:
                symbols[quantity.id] = sympy.Symbol(quantity.id, real=True, positive=positive)

    known(expr)
    for pending in derivatives(expr):
        known(pending.by)
        known(pending.of)
    return to_sympy(expr, symbols)


def derivatives(expr: Expr) -> Iterator[Derivative]:
    found: list[Derivative] = []

    def note(part: Expr) -> Expr:
        if isinstance(part, Derivative):
            found.append(part)
        return part

    everywhere(expr, note)
    return iter(found)


def vanishes(gap: Any) -> bool:
    """By simplification, the cheap ones first."""
    if gap == 0:
        return True
    for simplify in (
        sympy.expand,
        lambda g: sympy.cancel(sympy.together(sympy.expand(g))),
        lambda g: sympy.cancel(sympy.together(sympy.expand(g.rewrite(sympy.exp), power_exp=False))),
        sympy.simplify,
        lambda g: sympy.simplify(sympy.expand_log(sympy.powsimp(sympy.expand(g)), force=True)),
    ):
        gap = simplify(gap)
        if gap == 0:
            return True
    return False


def vanishes_at_points(gap: Any) -> bool:
    names = sorted(gap.free_symbols, key=str)
    for over, under in POINTS:
        at = {name: sympy.Rational(over, under) + sympy.Rational(k, 13) for k, name in enumerate(names)}
        value = sympy.N(gap.subs(at).doit(), 60)
        if not (value.is_number and abs(value) < sympy.Float(10) ** -50):
            return False
    return True


def prove(before: Any, after: Any, smooth: bool) -> str:
    """How two lines are equal: "symbolic", "points", or "" where they are not."""
    gap = before - after
    if smooth and vanishes(gap):
        return "symbolic"
    return "points" if vanishes_at_points(gap) else ""


def check_chain(chain: Chain, working: Working, smooth: bool) -> list[str]:
    sides = [convert(side.expr, working) for side in chain.sides]
    proofs = [prove(before, after, smooth) for before, after in pairwise(sides)]
    wrong = [side for side, proof in zip(chain.sides[1:], proofs, strict=True) if not proof]
    assert not wrong, wrong
    return proofs


@pytest.mark.parametrize("text", [*SMOOTH, *KINKED])
def test_sympy_proves_every_line_and_the_last_is_the_derivative(text: str, record_property: Any) -> None:
    smooth = text in SMOOTH
    names = ["z", "a", "x", "y", "t", "n", "w", "b", "m", "s"]
    formula = parse(text, names)
    if text == "3":
        with pytest.raises(calc.ProblemError, match="no name found"):
            derive(text)
        return
    (working,) = derive(text).workings
    by = working.chains[-1].sides[0].expr
    assert isinstance(by, Derivative)
    if len(working.chains) == 2 and working.chains[0].where:  # relu(z): one branch is z, the other 0
        assert [chain.result for chain in working.chains] == [Num.of(1), Num.of(0)]
        return
    for chain in working.chains:
        how = check_chain(chain, working, smooth)
        assert not smooth or set(how) <= {"symbolic"}, text
    last, symbol = convert(working.result, working), sympy.Symbol(by.by.id, real=True, positive=True)
    whole = convert(formula, working)
    assert prove(sympy.diff(whole, symbol), last, smooth)


def test_the_table_has_at_least_sixty_functions() -> None:
    assert len(set(SMOOTH)) >= 60
    assert len(set(SMOOTH)) == len(SMOOTH)


TEXTBOOK = {
    "1/(1+exp(-z))": "da/dz = a (1 − a)",
    "sigmoid": "da/dz = a (1 − a)",
    "tanh": "da/dz = 1 − a²",
    "tanh(z)": "da/dz = 1 − a²",
    "(exp(z)-exp(-z))/(exp(z)+exp(-z))": "da/dz = 1 − a²",
    "binary_cross_entropy": "∂E/∂a = (a − t)/(a (1 − a))",
    "-(t*ln(a)+(1-t)*ln(1-a))": "∂f/∂a = (a − t)/(a (1 − a))",
    "sigmoid + binary_cross_entropy": "∂E/∂z = a − t",
    "bce + logistic": "∂E/∂z = a − t",
    "softmax + cross_entropy": "∂E/∂z_j = p_j − t_j",
    "cross_entropy": "∂E/∂a = −t/a",
    "half_squared_error": "∂E/∂a = a − t",
    "mean_squared_error": "∂E/∂a = (2/n) (a − t)",
    "softplus": "da/dz = σ(z)",
    "silu": "da/dz = a + σ(z) (1 − a)",
    "2*sigmoid(z)-1": "da/dz = (1/2) (1 + a) (1 − a)",
    "z/(1+abs(z))": "df/dz = 1/((1 + |z|)²)",
    "exp(-z**2/2)": "df/dz = −z e^(−z²/2)",
    "z**z": "df/dz = z^(z) (ln(z) + 1)",
    "sqrt(1+z**2)": "df/dz = z/√(1 + z²)",
    "z**3": "df/dz = 3 z²",
    "1/z**2": "df/dz = −2/(z³)",
    "ln(z)/z**2": "df/dz = (1 − 2 ln(z))/(z³)",
    "2*ln(z**2)": "df/dz = 4/z",
    "0.01*z": "df/dz = 0.01",
    "exp(-2*z)": "df/dz = −2 e^(−2 z)",
    "-1/(1+exp(-z))": "df/dz = −e^(−z)/((1 + e^(−z))²)",
    "exp(z)/(1+exp(z))": "df/dz = e^z/((1 + e^z)²)",
    "(1/(1+exp(-(w*z+b)))-t)**2": ("∂f/∂z = 2 w (1/(1 + e^(−(w z + b))) − t) e^(−(w z + b))/((1 + e^(−(w z + b)))²)"),
}


@pytest.mark.parametrize("text", TEXTBOOK)
def test_the_last_line_is_the_form_of_the_textbook(text: str) -> None:
    assert derive(text).lines[-1].text == TEXTBOOK[text]


def test_softmax_is_worked_for_both_cases_and_ends_in_one_formula() -> None:
    solved = derive("softmax")
    assert [line.text for line in solved.lines if line.text.endswith(("p_i (1 − p_i)", "−p_i p_j"))] == [
        "∂p_i/∂z_i = p_i (1 − p_i)",
        "∂p_i/∂z_j = −p_i p_j",
    ]
    assert r"\frac{\partial p_i}{\partial z_j} = p_i (\delta_{ij} - p_j)" in solved.render("latex")
    assert "∂p_i/∂z_j = p_i (δ_ij − p_j)" in " ".join(solved.render("text").split())


def instance(expr: Expr, i: int, j: int, units: int = 4) -> Expr:
    """A formula for any unit as that of units i and j of four, sums written out."""

    def named(k: int | None) -> Any:
        letters = {"i": i, "j": j, "k": k}

        def new(quantity: Any) -> Expr:
            if quantity.kind == "delta":
                return Num.of(int(letters[quantity.index[0]] == letters[quantity.index[1]]))
            return Name(quantity.kind, None, tuple(letters[index] for index in quantity.index))

        return new

    def written_out(part: Expr) -> Expr:
        if isinstance(part, Call) and part.function == "sum":
            (index, term) = part.args
            assert isinstance(index, Name)
            own = {"i": i, "j": j} | {}
            terms = []
            for number in range(1, units + 1):
                letter = own | {index.kind: number, "k": number if index.kind == "k" else None}
                terms.append(instance_of(term, letter))
            return Sum(tuple(terms))
        if isinstance(part, Derivative):
            return Derivative(part.by, everywhere(part.of, written_out), part.sign)
        return part

    def instance_of(term: Expr, letter: dict[str, Any]) -> Expr:
        def new(quantity: Any) -> Expr:
            if quantity.kind == "delta":
                return Num.of(int(letter[quantity.index[0]] == letter[quantity.index[1]]))
            return Name(quantity.kind, None, tuple(letter[index] for index in quantity.index))

        return rename(term, new)

    return rename(
        everywhere(expr, written_out), lambda quantity: quantity if numbered(quantity) else named(None)(quantity)
    )


def numbered(quantity: Any) -> bool:
    return bool(quantity.index) and all(isinstance(index, int) for index in quantity.index)


@pytest.mark.parametrize(("i", "j"), [(1, 1), (1, 2), (3, 2)])
def test_sympy_proves_every_line_of_softmax(i: int, j: int) -> None:
    """For four units, written out; the case i = j where it says so."""
    (working,) = derive("softmax").workings
    z = {f"z_{k}": sympy.Symbol(f"z_{k}", real=True) for k in range(1, 5)}
    total = sum(sympy.exp(one) for one in z.values())
    symbols = z | {"S": total} | {f"p_{k}": sympy.exp(z[f"z_{k}"]) / total for k in range(1, 5)}
    of_sum, same, other = working.chains
    for chain, holds in ((of_sum, True), (same, i == j), (other, i != j)):
        if holds:
            sides = [to_sympy(instance(side.expr, i, j), symbols) for side in chain.sides]
            assert all(vanishes(before - after) for before, after in pairwise(sides))
    whole = to_sympy(instance(working.result, i, j), symbols)
    assert vanishes(whole - sympy.diff(symbols[f"p_{i}"], z[f"z_{j}"]))


def test_sympy_proves_every_line_of_softmax_with_cross_entropy() -> None:
    working = derive("softmax + cross_entropy").workings[-1]
    t = {f"t_{k}": sympy.Symbol(f"t_{k}", real=True) for k in range(1, 4)}
    t["t_4"] = 1 - sum(t.values())  # the targets add up to 1
    p = {f"p_{k}": sympy.Symbol(f"p_{k}", positive=True) for k in range(1, 5)}
    (chain,) = working.chains
    sides = [to_sympy(instance(side.expr, 0, 2), t | p) for side in chain.sides[1:]]
    assert all(vanishes(before - after) for before, after in pairwise(sides))


def branches(expr: Expr) -> list[Expr]:
    """The values of a formula with one case distinction, above and below it."""

    def chosen(above: bool) -> Expr:
        def choose(part: Expr) -> Expr:
            return (part.above if above else part.below) if isinstance(part, Cases) else part

        return plain(everywhere(expr, choose))

    return [chosen(True), chosen(False)]


@pytest.mark.parametrize("activation", [op for op in ACTIVATIONS if op.name != "softmax"], ids=lambda op: op.name)
def test_an_activation_ends_in_the_form_that_its_operation_states(activation: type[Activation]) -> None:
    (working,) = derive(activation.name).workings
    stated = activation().derivative(Name("z"), Name("a"), lambda _: Shown("0"))
    if len(working.chains) == 2 and working.chains[0].where:
        assert [chain.result for chain in working.chains] == branches(stated)
    else:
        assert working.chains[-1].result == working.result == stated
    for chain in working.chains:
        if chain.where is None:
            assert set(check_chain(chain, working, smooth=True)) <= {"symbolic"}
        elif activation.name == "elu":  # a is e^z − 1 on this side only
            names = {Name("a"): parse("exp(z) - 1", ["z"])}
            check_chain(chain, Working(working.heading, (), (), working.result, (), names), smooth=True)
        else:
            check_chain(chain, Working(working.heading, (), (), working.result), smooth=True)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda op: op.name)
def test_a_loss_ends_in_the_form_that_its_operation_states(loss: type[Loss]) -> None:
    (working,) = derive(loss.name).workings
    a, t = Name("a"), Name("t")
    stated = loss().derivative(a, t, 3, lambda _: Shown("0"))
    if loss.name == "mean_squared_error":
        stated = everywhere(stated, lambda part: Name("n") if part == Num.of(3) else part)
    if loss.name == "absolute_error":
        assert [chain.result for chain in working.chains] == [Neg(Num.of(1)), Num.of(1)]  # of t − a > 0: sign(a − t)
    elif working.chains[0].where:
        inner = working.result if isinstance(stated, Cases) else stated
        assert [chain.result for chain in working.chains] == branches(inner)
    else:
        assert working.chains[-1].result == working.result == stated
    for chain in working.chains:
        check_chain(chain, Working(working.heading, (), (), working.result), smooth=chain.where is None)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda op: op.name)
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda op: op.name)
def test_every_loss_of_every_activation_is_worked(activation: type[Activation], loss: type[Loss]) -> None:
    solved = derive(f"{activation.name} + {loss.name}")
    outer, inner, both = solved.workings
    assert solved.render()
    if activation.name == "softmax":
        return
    first = Prod((outer.result, inner.result), "·")
    (chain,) = both.chains
    assert chain.sides[1].expr == first
    sides = [convert(side.expr, Working(both.heading, (), (), both.result)) for side in chain.sides[1:]]
    assert all(prove(before, after, smooth=False) for before, after in pairwise(sides))


DIFFERENTIAL = {"constant", "variable", "linear", "sum", "factor", "product", "quotient", "reciprocal", "power",
                "exponential", "of", "chain", "max", "min"}  # fmt: skip


@pytest.mark.parametrize("text", [*SMOOTH[:7], *SMOOTH[8:], *KINKED])
def test_each_line_applies_the_one_rule_it_names(text: str) -> None:
    """A rule of differentiation works one derivative that the line before has; algebra has none left to work."""
    for working in derive(text).workings:
        for chain in working.chains:
            parts = set(working.names)
            for before, side in zip(chain.sides, chain.sides[1:], strict=False):
                assert side.rule is not None
                table, name = side.rule.key.split(".")
                assert table == "because"
                old, new = list(derivatives(before.expr)), list(derivatives(side.expr))
                if name in DIFFERENTIAL:
                    gone = {one for one in old if one not in new}
                    assert len(gone) == 1 or name in ("constant", "variable", "linear"), (text, side)
                    grown = len(new) - len(old)
                    if name in ("constant", "variable", "linear", "of"):
                        assert grown < 0
                    elif name in ("factor", "chain", "reciprocal", "exponential"):
                        assert grown == 0
                    elif name in ("sum", "product", "quotient", "max", "min"):
                        assert grown > 0
                else:
                    pending = [one for one in new if one.of not in parts]
                    assert not pending or name in ("powers", "fraction", "signs"), (text, side)


TIED = {  # every H of the result with what it is taken as where its argument is 0
    "max(z,1-z)": (("H(2 z − 1)", "0"), ("H(1 − 2 z)", "1")),
    "min(z,z**2)": (("H(z² − z)", "0"), ("H(z − z²)", "1")),
    "max(z,x)+max(z,y)": (("H(z − x)", "0"), ("H(z − y)", "0")),
    "max(x,y,z)": (("H(z − max(x, y))", "1"),),
    "max(exp(z),1)": (("H(e^z − 1)", "0"),),
    "max(z,z)": (),
    "max(z,z+1)": (),
}


@pytest.mark.parametrize("text", TIED)
def test_every_step_function_of_a_result_is_explained_with_its_share_of_a_tie(text: str) -> None:
    said = " ".join(derive(text, "z").render("txt").split()).partition("So ")[2]
    assert said.count("it is taken as") == len(TIED[text])
    for head, at in TIED[text]:
        assert f"{head} is 1 where" in said
        assert f"it is taken as {at}." in said.partition(f"{head} is 1 where")[2].partition(" is 1 where")[0]


@pytest.mark.parametrize(("text", "z"), [("max(z,1-z)", "0.5"), ("min(z,z**2)", "1"), ("max(z,z)", "2")])
def test_at_a_tie_a_derivation_says_what_a_solution_works_with(text: str, z: str) -> None:
    problem = calc.Problem(graph={"formulas": [f"f = {text}"], "values": {"z": z}, "nodes": "formulas"})
    last, values = derive(text).workings[0].result, {"z": Shown(z).value}
    assert evaluate(last, values) == calc.solve(problem).trace.values["df/dz"]


def test_every_rule_has_a_name() -> None:
    said = wording(None)
    for text in (*SMOOTH[:7], *SMOOTH[8:], *KINKED):
        assert all(line.rule for line in derive(text).lines if line.rule is not None)
    from calc.algebra import REWRITINGS
    from calc.differentiate import SLOPES

    assert all(f"because.{name}" in said for name, _ in REWRITINGS)
    assert all(f"function.{name}" in said for name in {*SLOPES, "power", "base"} - {"pi", "max", "min"})


@pytest.mark.parametrize("text", [*SMOOTH[:7], *SMOOTH[8:], *KINKED])
def test_the_derivative_in_one_go_is_what_the_rules_simplify_to(text: str) -> None:
    names = ["z", "a", "x", "y", "t", "n", "w", "b", "m", "s"]
    formula = parse(text, names)
    by = Name(next(name for name in ("z", "a", "x") if name in {q.id for q in quantities(formula)}))
    from calc.derivation import of_formula

    working = of_formula(formula, by, Name("f"), zero_at_kinks, lambda _: True)
    if not working.names:
        assert differentiate(formula, by, zero_at_kinks) == working.result


def random_formula(source: random.Random, depth: int) -> str:
    if depth == 0 or source.random() < 0.15:
        return source.choice(["z", "z", "z", "x", "2", "0.5", "3"])
    inner = [random_formula(source, depth - 1) for _ in range(2)]
    match source.randrange(8):
        case 0:
            return f"({inner[0]} + {inner[1]})"
        case 1:
            return f"({inner[0]} - {inner[1]})"
        case 2:
            return f"{inner[0]} * {inner[1]}"
        case 3:
            return f"({inner[0]}) / (({inner[1]})**2 + 1)"
        case 4:
            return f"({inner[0]})**{source.choice(['2', '3', '(-1)'])}"
        case 5:
            return f"-({inner[0]})"
    function = source.choice(sorted(READ))
    if READ[function] == 2:
        return f"{function}({inner[0]}, {inner[1]})"
    within = f"({inner[0]})**2 + 1" if function in ("log", "ln", "sqrt") else inner[0]
    return f"{function}({within})"


def test_random_formulas_of_all_functions_are_worked_without_a_wrong_line(sweep: Sweep, record_property: Any) -> None:
    """Lines at rational points; an overflow or a point where a formula has no value proves nothing and is counted."""
    source, proven, skipped = random.Random(4), 0, 0
    for _ in range(sweep.count(seconds=40, ci=300, full=3000)):
        text = f"z*0 + {random_formula(source, 3)}"
        (working,) = derive(text, "z").workings
        z = sympy.Symbol("z", real=True, positive=True)
        whole = convert(parse(text, ["z", "x"]), working)
        at = {z: sympy.Rational(3, 7), sympy.Symbol("x", real=True, positive=True): sympy.Rational(11, 5)}
        for chain in working.chains:
            values = [sympy.N(convert(side.expr, working).subs(at).doit(), 60) for side in chain.sides]
            if not all(value.is_finite and value.is_real for value in values):
                skipped += 1
                continue
            scale = max(1, *(abs(value) for value in values))
            assert all(abs(value - values[0]) < scale * sympy.Float(10) ** -40 for value in values), text
            proven += len(values) - 1
        last = sympy.N((sympy.diff(whole, z) - convert(working.result, working)).subs(at).doit(), 60)
        assert not last.is_finite or abs(last) < sympy.Float(10) ** -25 * max(1, abs(sympy.N(whole.subs(at), 30))), text
    record_property("lines of random derivations proven at points", proven)
    record_property("random derivations without a value at the point", skipped)
    assert skipped < proven


@pytest.mark.parametrize("text", ["((z)**2)**0.5", "(z**4)**(1/4)"])
def test_a_root_of_a_square_keeps_its_sign(text: str) -> None:
    solution = calc.solve(calc.Problem(graph={"formulas": [f"f = {text}"], "values": {"z": -2}, "nodes": "formulas"}))
    assert solution["df/dz"].value == -1


LONG = {
    "a long sum": "+".join(f"z**{k}/{k}" for k in range(1, 30)),
    "a long product": "*".join(f"(z+{k})" for k in range(1, 90)),
    "a product of sines": "*".join(f"sin({k}*z)" for k in range(1, 25)),
    "one factor many times": "*".join(["z"] * 180),
    "deeply nested": "tanh(" * 29 + "z" + ")" * 29,
    "nested fractions": "1/(1+" * 14 + "z" + ")" * 14,
    "a tower": "**".join(["z"] * 28),
    "many minus signs": "-" * 29 + "z",
    "quotients of quotients": "/".join(f"(z+{k})" for k in range(1, 25)),
    "a sum of products": "+".join(f"x*y*z*sin(z*{k})" for k in range(1, 30)),
}


@pytest.mark.parametrize("case", LONG)
def test_whatever_the_parser_takes_is_worked_at_once(case: str) -> None:
    started = time.perf_counter()
    solved = derive(LONG[case], "z")
    assert solved.lines
    assert solved.render()
    assert time.perf_counter() - started < 20  # on a busy machine; one to four seconds on a quiet one
    formula = parse(LONG[case], ["x", "y", "z"])
    started = time.perf_counter()
    assert size(differentiate(formula, Name("z"), zero_at_kinks))
    assert time.perf_counter() - started < 20


def check_page(text: str, folder: Path) -> None:
    solved = derive(text, "z" if "z" in text else None)
    log = compile_latex(solved.render("latex"), folder)
    assert "Overfull \\hbox" not in log, text
    assert not words_outside(folder / "page.pdf"), text
    solved.save(folder / "typst.pdf")
    assert not words_outside(folder / "typst.pdf"), text


NAMED = [*(op.name for op in ACTIVATIONS), *(op.name for op in LOSSES), "sigmoid + binary_cross_entropy",
         "softmax + cross_entropy"]  # fmt: skip


@pytest.mark.parametrize("text", NAMED)
def test_no_line_of_an_operation_is_wider_than_the_page(text: str, tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    solved = derive(text)
    log = compile_latex(solved.render("latex"), tmp_path)
    assert "Overfull \\hbox" not in log
    assert not words_outside(tmp_path / "page.pdf")
    solved.save(tmp_path / "typst.pdf")
    assert not words_outside(tmp_path / "typst.pdf")
    assert all(len(line) <= 96 for line in solved.render("text").splitlines())
    assert all(len(block) <= 1000 for block in solved.render("markdown").split("$$")[1::2])


@pytest.mark.parametrize("case", LONG)
def test_no_line_of_a_long_formula_is_wider_than_the_page(case: str, tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    check_page(LONG[case], tmp_path)


def test_no_line_of_a_random_formula_is_wider_than_the_page(sweep: Sweep, tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    source = random.Random(11)
    for _ in range(sweep.count(seconds=4, ci=40, full=300)):
        check_page(f"z*x + {random_formula(source, 5)}", tmp_path)


def test_the_algebra_comes_to_an_end() -> None:
    source = random.Random(5)
    for _ in range(60):
        formula = parse(f"z*x + {random_formula(source, 4)}", ["x", "z"])
        from calc.derivation import chain

        worked = chain(Name("f"), Derivative(Name("z"), formula), zero_at_kinks)
        algebra = [side for side in worked.sides if not any(derivatives(side.expr))]
        assert len(algebra) <= MOST_LINES
        assert worked.result == differentiate(formula, Name("z"), zero_at_kinks)


WRONG = {
    "two candidates": (("p*q",), "2 names found: p, q"),
    "no name": (("3",), "no name found"),
    "not in it": (("z**2", "--wrt", "y"), '"y" is no name of the formula'),
    "no formula": (("1+*z",), "      ^"),
    "no function": (("foo(z)",), '"foo" is no function'),
    "no derivative": (("step",), "step has no derivative"),
    "a name of a loss by z": (("hinge", "--wrt", "z"), '"z" found, a needed'),
    "a long name": (("abcdefghijklm**2",), "names of at most 10 characters"),
    "division by 0": (("1/0*z",), '"1/0*z" found: division by 0'),
    "a difference that is 0": (("z/(1-1)",), "division by 0"),
    "a difference of names that is 0": (("1+1/(z-z)",), "division by 0"),
    "a logarithm of 0": (("log(0)*z",), "the logarithm of a number that is not positive"),
    "a logarithm of a negative number": (("log(-1)+z",), "the logarithm of a number that is not positive"),
    "a root of a negative number": (("sqrt(-1)*z",), "the square root of a negative number"),
    "within a function": (("exp(z*sqrt(1-2))",), "the square root of a negative number"),
    "a power of 0": (("z+(z-z)**(1-2)",), "division by 0"),
    "e for exp": (("e**z",), "Write exp(…)"),
    "e beside a name that is asked for": (("e*z", "--wrt", "z"), '"e" is not known'),
    "a slip in an activation": (("Sigmoyd",), 'Did you mean "sigmoid"?'),
    "a capital": (("Tanh",), 'Did you mean "tanh"?'),
    "a slip in a loss": (("sigmoid + binary_crossentropy",), 'Did you mean "binary_cross_entropy"?'),
    "two slips": (("sofmax + crossentropy",), "formula: 2 problems"),
    "an option that is none": (("z**2", "--wtr", "z"), "No such option"),
    "no format": (("z**2", "--to", "doc"), '"doc" is not known'),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_told(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    from calc.cli import app

    arguments, message = WRONG[case]
    with pytest.raises(SystemExit) as stopped:
        app(["derive", *arguments])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "slope"),
    [
        (("-log(a)", "--to", "txt"), "−1/a."),
        (("--to", "txt", "-(a+1)", "--wrt", "a"), "−1."),
        (("-h*a", "--to", "txt"), "−h."),
        (("-2*z",), "-2$"),
        (("--2*z",), "2$"),
        (("-t*z", "--wrt=t", "--to=txt"), "−z."),
        (("--to=txt", "--", "-log(a)"), "−1/a."),
    ],
)
def test_a_formula_may_begin_with_a_minus(
    arguments: tuple[str, ...], slope: str, capfd: pytest.CaptureFixture[str]
) -> None:
    from calc.cli import app

    with pytest.raises(SystemExit) as stopped:
        app(["derive", *arguments])
    assert stopped.value.code == 0
    assert f"= {slope}" in capfd.readouterr().out


def test_a_name_like_no_operation_is_a_variable() -> None:
    assert derive("zeta").lines[-1].text.endswith("= 1")


ENDS = {  # the last lines with their rules
    "sqrt(z**2+1)": [("write as one fraction", "2 z/(2 √(z² + 1))"), ("cancel", "z/√(z² + 1)")],
    "pi*z**2": [("power rule", "π · 2 · z"), ("change the order", "2 π z")],
    "sin(z)**2": [("derivative of sin", "2 sin(z) cos(z)")],
    "0.5*z**2/2": [("power rule", "0.5 · 2 · z/2"), ("multiply the numbers", "z/2")],
    "min(z,z**2)": [("power rule", "H(z² − z) + H(z − z²) · 2 · z"), ("change the order", "H(z² − z) + 2 z H(z − z²)")],
    "1/(1/(1/z))": [("cancel", "−1/(z²)")],
}  # fmt: skip


@pytest.mark.parametrize("text", ENDS)
def test_the_last_lines_are_named_after_what_they_do(text: str) -> None:
    found = [(line.rule, line.text.partition(" = ")[2]) for line in derive(text).lines]
    assert found[-len(ENDS[text]) :] == ENDS[text]


def test_fractions_within_fractions_are_undone_one_level_a_line() -> None:
    rules = [line.rule for line in derive("1/(1/(1/(1/(1+z))))").lines]
    assert rules.count("write as one fraction") == 4


def test_json_has_each_line_with_its_rule() -> None:
    found = json.loads(derive("exp(3*z+1)").render("json"))
    assert (found["format"], found["version"]) == ("calc-derivation", 1)
    assert [(line["rule"], line["text"]) for line in found["lines"]] == [
        (None, "df/dz = d/dz(e^(3 z + 1))"),
        ("chain rule, exp", "df/dz = e^(3 z + 1) d/dz(3 z + 1)"),
        ("sum rule", "df/dz = e^(3 z + 1) (d/dz(3 z) + d/dz(1))"),
        ("derivative of a multiple", "df/dz = e^(3 z + 1) (3 + d/dz(1))"),
        ("derivative of a constant", "df/dz = e^(3 z + 1) · 3"),
        ("change the order", "df/dz = 3 e^(3 z + 1)"),
    ]


def test_a_notebook_shows_it_and_files_are_written(tmp_path: Path) -> None:
    solved = calc.derive("1/(1+exp(-z))", wrt="z")
    assert solved._repr_markdown_() == solved.render("markdown")
    for suffix in ("md", "tex", "typ", "txt", "json", "pdf"):
        solved.save(tmp_path / f"page.{suffix}")
        assert (tmp_path / f"page.{suffix}").stat().st_size > 500


PROFILES = ("standard", "net-out", "from-to", "vw", "ih-ho", "delta-nabla", "x-layer")


def small(**settings: Any) -> dict[str, Any]:
    layers = [{"activation": name, "weights": [[0.4, -0.3]] if k == 0 else [[0.5]]} for k, name in
              enumerate(("tanh", "sigmoid", "tanh", "sigmoid"))]  # fmt: skip
    samples = [{"inputs": [1, 2], "targets": [1]}]
    return {"learning_rate": 0.1, "loss": "bce", "layers": layers, "samples": samples} | settings


@pytest.mark.parametrize("profile", PROFILES)
def test_the_appendix_derives_each_operation_once_in_the_letters_of_the_course(profile: str) -> None:
    problem = calc.Problem(**small(solution={"derivations": True}, notation={"profile": profile}))
    page = calc.solve(problem).render("markdown")
    headings = [line for line in page.split("## Appendix")[1].splitlines() if line.startswith("### ")]
    assert headings == [
        "### Derivative of binary cross-entropy",
        "### Derivative of sigmoid",
        "### Derivative of tanh",
        "### Derivative of sigmoid with binary cross-entropy",
    ]
    assert "any" not in page.split("## Appendix")[1].replace("any unit", "")


def test_without_being_asked_for_there_is_no_appendix() -> None:
    assert "Appendix" not in calc.solve(calc.Problem(**small())).render("markdown")


def test_the_perceptron_rule_has_no_derivatives_to_derive() -> None:
    layer = {"activation": "step", "weights": [[0.5, 0.5]], "biases": [0]}
    with pytest.raises(calc.ProblemError, match="takes no derivatives"):
        calc.Problem(
            **small(
                layers=[layer],
                loss="half_squared_error",
                training={"rule": "perceptron"},
                solution={"derivations": True},
            )
        )
