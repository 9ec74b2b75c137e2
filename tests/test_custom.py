"""Activations and losses given as formulas are worked as the built-in ones: same numbers, lines, words and checks."""

import json
import re
import time
from fractions import Fraction
from itertools import product
from typing import Any

import jsonschema
import mpmath
import pytest
from conftest import Sweep
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from proofreader import proofread
from referee import PROFILES

import calc
import calc.file
from calc.differentiate import AtKink
from calc.expr import Name, Num
from calc.formula import READ
from calc.number import Shown
from calc.ops.custom import CustomActivation, CustomLoss

ACTIVATIONS = [
    "z / (1 + abs(z))", "max(z, 0.1*z)", "z**3", "sin(z)", "cos(2*z) + z", "exp(-z**2)", "log(1 + exp(z))",
    "sqrt(1 + z**2)",
    "z", "-z", "2*z - 1", "1/(1 + exp(-z))", "relu(z - 0.1)*z", "min(max(z, -1), 1)", "2**z", "abs(z - 0.25)", "erf(z)",
    "tanh(z)", "sigmoid(z)**2", "(z**2 + 1)**(1/3)", "z**2/(1 + z**2)", "pi*z", "(z**2 + 2)**-2", "(1 + z**2)**(z/4)",
]  # fmt: skip
LOSSES = [
    "(t - a)**4 / 4", "abs(t - a)", "log(1 + exp(-t*a))", "max(0, 1 - t*a)", "(t - a)**2/2", "sqrt((t - a)**2 + 1)",
    "sin(t - a)**2", "a**2*t - 3*a", "min(abs(t - a), 1)*(abs(t - a) - min(abs(t - a), 1)/2)",
]  # fmt: skip


def tables(activation: Any, loss: Any = "half_squared_error", **more: Any) -> dict[str, Any]:
    """A 2-2-2 network with two samples."""
    hidden = {"activation": activation, "weights": [["0.5", "-0.3"], ["0.8", "0.2"]], "biases": ["0.1", "-0.1"]}
    outputs = {"activation": "sigmoid", "weights": [["1.2", "-0.7"], ["0.3", "0.4"]]}
    samples = [{"inputs": ["0.5", -1], "targets": ["0.7", "0.2"]}, {"inputs": [1, "0.25"], "targets": ["0.1", "0.5"]}]
    return {"learning_rate": "0.5", "loss": loss, "layers": [hidden, outputs], "samples": samples} | more


def own(formula: str) -> dict[str, str]:
    return {"formula": formula}


def faults(**problem: Any) -> str:
    with pytest.raises(calc.ProblemError) as error:
        calc.Problem(**problem)
    return str(error.value)


# The same numbers ------------------------------------------------------------------------------------------

BUILT_IN = {
    "identity": ["z", "1*z", "z + 0"], "sigmoid": ["1/(1 + exp(-z))", "sigmoid(z)", "exp(z)/(1 + exp(z))"],
    "bipolar_sigmoid": ["2*sigmoid(z) - 1", "tanh(z/2)"], "tanh": ["tanh(z)", "(exp(z) - exp(-z))/(exp(z) + exp(-z))"],
    "relu": ["relu(z)", "max(z, 0)", "(z + abs(z))/2"], "leaky_relu": ["max(z, 0.01*z)"],
    "elu": ["max(z, 0) + min(0, exp(z) - 1)", "relu(z) + exp(-relu(-z)) - 1"], "softplus": ["log(1 + exp(z))"],
    "silu": ["z*sigmoid(z)", "z/(1 + exp(-z))"], "gelu": ["z*(1 + erf(z/sqrt(2)))/2"],
}  # fmt: skip
BUILT_IN_LOSSES = {
    "half_squared_error": ["(t - a)**2/2", "0.5*(a - t)**2"], "squared_error": ["(t - a)**2"],
    "mean_squared_error": ["(t - a)**2/2"], "absolute_error": ["abs(t - a)", "max(t - a, a - t)", "sqrt((t - a)**2)"],
    "binary_cross_entropy": ["-(t*log(a) + (1 - t)*log(1 - a))"], "cross_entropy": ["-t*ln(a)"],
    "hinge": ["max(0, 1 - t*a)", "relu(1 - t*a)"], "huber": [LOSSES[-1]],
}  # fmt: skip
PAIRS = [("activation", name, formula) for name, formulas in BUILT_IN.items() for formula in formulas]
PAIRS += [("loss", name, formula) for name, formulas in BUILT_IN_LOSSES.items() for formula in formulas]


def numbers(problem: dict[str, Any]) -> dict[str, Any]:
    values = json.loads(calc.solve(calc.Problem(**problem)).render("json"))["iterations"][0]["values"]
    with mpmath.workdps(40):
        parts = {id: entry["value"].split("/") for id, entry in values.items()}
        return {id: mpmath.mpf(over) / mpmath.mpf(under[0] if under else 1) for id, (over, *under) in parts.items()}


def test_every_built_in_but_softmax_is_written_as_a_formula() -> None:
    assert set(BUILT_IN) == {f.name for f in calc.ops.ACTIVATIONS} - {"softmax"}
    assert set(BUILT_IN_LOSSES) == {loss.name for loss in calc.ops.LOSSES}


@pytest.mark.parametrize(("kind", "name", "formula"), PAIRS)
def test_a_formula_of_a_built_in_gives_its_numbers(kind: str, name: str, formula: str) -> None:
    given, built = (tables(f) if kind == "activation" else tables("tanh", f) for f in (own(formula), name))
    if name == "hinge":
        for problem in (given, built):
            for sample in problem["samples"]:
                sample["targets"] = [1, -1]
    ours, theirs = numbers(given), numbers(built)
    assert set(ours) == set(theirs)
    assert all(mpmath.almosteq(ours[id], theirs[id], mpmath.mpf(10) ** -17, mpmath.mpf(10) ** -17) for id in ours)


# The same lines --------------------------------------------------------------------------------------------


def test_every_line_of_a_formula_comes_out_on_a_calculator(sweep: Sweep, record_property: Any) -> None:
    lines = pages = 0
    cases = list(product(ACTIVATIONS, ("chain", "delta", "matrix"), ("full", "rounded")))
    for i, (formula, method, carry) in enumerate(cases[:: sweep.count(8, 1, 1)]):
        problem = tables(own(formula), own(LOSSES[i % len(LOSSES)]), notation={"profile": PROFILES[i % len(PROFILES)]})
        problem["layers"][1]["activation"] = own(ACTIVATIONS[(7 * i + 3) % len(ACTIVATIONS)])
        problem |= {"solution": {"method": method}, "rounding": {"carry": carry}}
        if i % 4 == 1 and method != "matrix":
            problem["layers"][0] |= {"mask": [1, 0], "keep": "0.5"}
        solution = calc.solve(calc.Problem(**problem))
        for format in ("markdown", "latex"):
            report = proofread(solution.render(format), {"decimals": 4, "ties": "half-up"})
            assert not report.faults, (formula, method, carry, report.faults[0])
            lines += report.checked
        assert solution.render("typst")
        assert solution.render("text")
        pages += 1
    record_property("Pages with formulas of one's own", f"{pages}, {lines} lines re-computed, 0 wrong")


def test_formulas_are_named_in_given_with_their_derivatives() -> None:
    problem = tables(own("z / (1 + abs(z))"), own("(t - a)**4 / 4"))
    page = calc.solve(calc.Problem(**problem)).render()
    assert r"2 hidden units ($f(z) = \frac{z}{1 + \left\vert z\right\vert}$)" in page
    assert r"Its activation is $f(z) = \frac{z}{1 + \left\vert z\right\vert}$." in page
    assert "The derivative of the activation is $f'(z) = " in page
    bent = calc.solve(calc.Problem(**tables(own("z + abs(z) / 2"), own("(t - a)**4 / 4")))).render()
    assert (
        r"$\operatorname{sgn}(z)$ is 1 where $z$ is positive, −1 where it is negative, and taken as $0$ at 0." in bent
    )
    assert re.search(r"with \$E.* = \\frac\{\(t.*_j - a.*_j\)\^4\}\{4\}\$ for output", page)


def test_several_formulas_are_told_apart() -> None:
    problem = tables(own("z**3"), solution={"method": "matrix"})
    problem["layers"] = [problem["layers"][0], problem["layers"][1] | {"activation": own("sin(z)")}]
    solution = calc.solve(calc.Problem(**problem))
    assert "$f_1(z) = z^3$" in solution.render()
    assert r"$f_2(z) = \sin(z)$" in solution.render()
    assert "f₂′(z) = cos(z)" in solution.render("text")
    problem["layers"][1]["activation"] = own("z**3")
    assert "$f(z) = z^3$" in calc.solve(calc.Problem(**problem)).render()


# Kinks and flat places -------------------------------------------------------------------------------------


def one_unit(formula: str, z: str, loss: Any = "half_squared_error", **conventions: Any) -> calc.Solution:
    """A single unit whose sum is z."""
    layer = {"activation": own(formula) if formula else "identity", "weights": [[z]], "biases": [0]}
    problem = {"learning_rate": 1, "loss": loss, "layers": [layer], "samples": [{"inputs": [1], "targets": [2]}]}
    return calc.solve(calc.Problem(**problem, conventions=conventions))


@pytest.mark.parametrize(
    ("formula", "z", "conventions", "slope"),
    [
        ("abs(z)", "0", {}, "0"), ("abs(z)", "0", {"kinks": 1}, "1"),
        ("abs(z - 0.25)", "0.25", {"kinks": "1/2"}, "1/2"),
        ("relu(z)", "0", {"relu_at_zero": "1/2", "kinks": 1}, "1/2"),
        ("relu(z) + abs(z)", "0", {"relu_at_zero": 1}, "1"),
        ("max(z, 0)", "0", {"kinks": 1}, "1"), ("max(z, 0)", "0", {}, "0"), ("max(0, z)", "0", {"kinks": "1/2"}, "1/2"),
        ("max(z, 3*z)", "0", {"kinks": "1/2"}, "2"), ("min(z, 3*z)", "0", {"kinks": 1}, "1"),
        ("min(z, 3*z)", "0", {}, "3"),
        ("z*abs(z - 1)", "1", {"kinks": 1}, "1"), ("sqrt(1 + abs(z))", "0", {"kinks": 1}, "1/2"),
    ],
)  # fmt: skip
def test_at_a_kink_the_convention_decides_and_words_say_so(formula: str, z: str, conventions: Any, slope: str) -> None:
    solution = one_unit(formula, z, **conventions)
    assert str(solution["da1_1/dz1_1"].value) == slope
    page = solution.render()
    assert "stands exactly at the kink; the derivative there is" in page
    assert re.search(r"is 1 where \$z\$ is positive", page)
    relu, kinks = (Fraction(conventions.get(key, 0)) for key in ("relu_at_zero", "kinks"))
    by_side = {"sgn": (Fraction(-1), kinks, Fraction(1))}
    assert not proofread(page, {"decimals": 4, "ties": "half-up"}, relu, by_side).faults


def test_a_kink_of_a_loss_is_settled_by_convention() -> None:
    solution = one_unit("", "2", own("abs(t - a)"), kinks=1)
    assert str(solution["dE/da1_1"].value) == "-1"
    assert "sgn" in solution.render()


def test_a_unit_that_passes_no_gradient_is_told() -> None:
    assert "passes no gradient on: the derivative of its activation is 0 there" in one_unit("z**2", "0").render()
    assert "passes no gradient on" in one_unit("min(z, 1)", "3").render()
    assert "passes no gradient on" not in one_unit("z**2", "0.1").render()


@pytest.mark.parametrize("formula", ACTIVATIONS)
def test_a_wrong_derivative_of_a_formula_is_caught(formula: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = CustomActivation.slope

    def wrong(self: CustomActivation, at_kink: AtKink) -> Any:
        return calc.expr.Sum((right(self, at_kink), Num(Shown("0.0000000001"))))

    monkeypatch.setattr(CustomActivation, "slope", wrong)
    with pytest.raises(calc.VerificationError):
        calc.solve(calc.Problem(**tables(own(formula))))


# Wrong input -----------------------------------------------------------------------------------------------

WRONG = [
    (own("z +"), "layers[0].activation: a number, a name or a bracket is missing here"),
    (own(""), "layers[0].activation: nothing found"), (own("1"), "without z found"), (own("pi/2"), "without z found"),
    (own("1/(z-z)"), '"1/(z-z)" found: division by 0'), (own("z+log(0)"), "the logarithm of a number that is not"),
    (own("z - z"), "whose derivative is 0 everywhere"), (own("0*z"), "whose derivative is 0 everywhere"),
    (own("x"), '"x" is not known'), (own("a*(1 - a)"), '"a" is not known'), (own("z^2"), "Write **"),
    ({"formula": 1}, "formula: 1 found, a formula in quotes needed"), ({"formula": None}, "formula: nothing found"),
    ({"formula": ["z"]}, "a list of 1 found"), ({"formula": "z", "name": "tanh"}, '"name" found beside formula'),
    ({"formula": "z", "alpha": 1}, '"alpha" found beside formula'),
    ({"formulas": "z"}, "the name of an activation needed"),
    (own("*".join(f"(z + {i})" for i in range(60))), "a derivative of more than"),
    (own("z" * 3000), "characters found"),
]  # fmt: skip


@pytest.mark.parametrize(("activation", "what"), WRONG)
def test_what_is_no_activation_is_told(activation: Any, what: str) -> None:
    assert what in faults(**tables(activation))


@pytest.mark.parametrize("loss", ["t", "1", "t**2 - 3", "a - a", "z", "a + y", "(t - a", "t - a)"])
def test_what_is_no_loss_is_told(loss: str) -> None:
    assert "\n  loss: " in faults(**tables("tanh", own(loss)))


def test_all_faults_are_told_at_once_and_carets_stay_below_their_place() -> None:
    problem = tables(own("1 + 2z"), own("(t - a)^2"), learning_rate="much")
    problem["layers"][1]["activation"] = own("sgn(z)")
    assert faults(**problem).split("\n") == [
        "problem: 4 problems",
        "  learning_rate: 'much' is not a number. Write 0.5, -2, 1e-3 or a fraction in quotes, \"1/3\"",
        '  loss: "^" found, a sign of formulas needed. Write **',
        "    (t - a)^2",
        "           ^",
        '  layers[0].activation: "2" and "z" found side by side, an operator needed between them. '
        "Write * for a product",
        "    1 + 2z",
        "         ^",
        '  layers[1].activation: "sgn" is no function. Did you mean "sin"? Known: '
        "exp, log, ln, sqrt, abs, sin, cos, tanh, sigmoid, relu, max, min, erf",
        "    sgn(z)",
        "    ^",
    ]


@pytest.mark.parametrize(
    ("formula", "z", "what"),
    [
        ("log(z)", "0", "a1_1: the logarithm"), ("log(z)", "-1", "a1_1: the logarithm"),
        ("1/z", "0", "a1_1: division by 0"),
        ("sqrt(z)", "-1", "a1_1: the square root"), ("sqrt(z)", "0", "da1_1/dz1_1: a root of 0 in a1_1"),
        ("z**-1", "0", "a1_1: division by 0"),
        ("z**0.5", "-1", "a1_1: a power of a negative"), ("z**z", "0", "da1_1/dz1_1: the logarithm"),
        ("exp(exp(exp(z)))", "9", "a1_1 "), ("z/(1 - z)", "1", "a1_1: division by 0"), ("z**(3/2)", "0", ": "),
    ],
)  # fmt: skip
def test_where_a_formula_has_no_value_the_quantity_is_named(formula: str, z: str, what: str) -> None:
    with pytest.raises(calc.UnsupportedError) as error:
        one_unit(formula, z)
    assert what in str(error.value)


def test_a_loss_without_a_value_is_named() -> None:
    with pytest.raises(calc.UnsupportedError, match="E_1: the logarithm"):
        one_unit("", "0", own("log(a) + t"))


# Files -----------------------------------------------------------------------------------------------------


def test_a_problem_with_formulas_is_written_and_read_again() -> None:
    problem = calc.Problem(**tables(own("z / (1 + abs(z))"), own("(t - a)**4 / 4")))
    table = problem.model_dump(mode="json", exclude_none=True)
    assert table["loss"] == own("(t - a)**4 / 4")
    assert calc.Problem(**table) == problem
    assert calc.Problem(**tables(own("z / (2 + abs(z))"), own("(t - a)**4 / 4"))) != problem
    jsonschema.Draft202012Validator(calc.file.schema()).validate(table)
    table["loss"]["name"] = "huber"
    assert not jsonschema.Draft202012Validator(calc.file.schema()).is_valid(table)


def test_formulas_of_the_same_text_are_the_same() -> None:
    assert CustomActivation("z**2") == CustomActivation("z**2") != CustomActivation("z**3")
    assert CustomLoss("(t-a)**2") == CustomLoss("(t-a)**2") != CustomLoss("a")
    assert CustomActivation("z**2").formula(Name("u")) == CustomActivation("z ** 2").formula(Name("u"))


@pytest.mark.parametrize("schedule", ["online", {"batch_size": 1}])
def test_a_training_and_the_delta_rule_take_formulas(schedule: Any) -> None:
    page = calc.solve(calc.Problem(**tables(own("z**3"), training={"epochs": 2, "schedule": schedule}))).render()
    assert "f'(z) = 3 z^2" in page
    layer = {"activation": own("z / (1 + abs(z))"), "weights": [["0.5", "-0.3"]], "biases": ["0.1"]}
    samples = [{"inputs": ["0.5", -1], "targets": ["0.7"]}]
    single = {"learning_rate": 1, "layers": [layer], "samples": samples, "training": {"rule": "delta"}}
    page = calc.solve(calc.Problem(**single)).render()
    assert not proofread(page, {"decimals": 4, "ties": "half-up"}).faults
    single |= {"training": {"rule": "perceptron"}, "loss": own("(t - a)**2")}
    assert '"formula" found, "step" or "sign" needed for the perceptron rule' in faults(**single)
    assert 'loss: "formula" found; the perceptron rule goes with half_squared_error alone' in faults(**single)


def test_a_loss_too_steep_for_any_small_step_is_no_wrong_derivative() -> None:
    layers = [
        {"activation": own("(z**z)**(abs(z)/2)"), "weights": [["-1"]], "biases": ["0.1"]},
        {"activation": "identity", "weights": [[0]]},
    ]
    problem = {"learning_rate": 1, "loss": own("min(a, t)"), "layers": layers, "rounding": {"significant": 5}}
    with pytest.raises(calc.UnsupportedError, match="E: so steep"):
        calc.solve(calc.Problem(**problem, samples=[{"inputs": [-100], "targets": [100]}]))


# Fuzz ------------------------------------------------------------------------------------------------------

WORDS = ["0", "1", "2", "3", "0.1", "7", "100", "1e-9", "1e100", "pi"]
EXPONENTS = ["2", "3", "100", "-100", "0.5", "-1", "(1/3)", "-2"]
ONE = [name for name, count in READ.items() if count == 1]


def written_over(*names: str) -> st.SearchStrategy[str]:
    """Formulas as somebody types them, deep powers and huge values among them."""
    atoms = st.one_of(st.sampled_from(names), st.sampled_from([*names, *WORDS]))

    def grow(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.builds("({} {} {})".format, part, st.sampled_from("+-*/"), part),
            st.builds("({})**{}".format, part, st.one_of(st.sampled_from(EXPONENTS), part.map("({})".format))),
            st.builds("-{}".format, part),
            st.builds("{}({})".format, st.sampled_from(ONE), part),
            st.builds("{}({}, {})".format, st.sampled_from(["max", "min"]), part, part),
        )

    return st.recursive(atoms, grow, max_leaves=12)


NUMBERS = st.sampled_from(["0", "1", "-1", "0.5", "-0.3", "2", "1e-20", "1e20", "100", "1e-90", "1e90"])


def test_every_formula_ends_in_a_page_or_a_message_in_time(sweep: Sweep) -> None:
    slowest, told = 0.0, list[str]()

    @settings(max_examples=sweep.count(40, 300, 3000), suppress_health_check=list(HealthCheck))
    @given(
        written_over("z"), st.one_of(st.just("(t - a)**2"), written_over("t", "a")),
        st.lists(NUMBERS, min_size=6, max_size=6),
        st.sampled_from(["chain", "delta", "matrix"]), st.sampled_from(["full", "rounded"]),
    )  # fmt: skip
    def fuzz(activation: str, loss: str, numbers: list[str], method: str, carry: str) -> None:
        nonlocal slowest
        w, v, b, c, x, t = numbers
        layers = [{"activation": own(activation), "weights": [[w]], "biases": [b]}, {"activation": "sigmoid"}]
        layers[1] |= {"weights": [[v]], "biases": [c]}
        problem = {"learning_rate": "0.5", "loss": own(loss), "layers": layers, "rounding": {"carry": carry}}
        problem |= {"samples": [{"inputs": [x], "targets": [t]}], "solution": {"method": method}}
        start = time.process_time()
        try:
            calc.solve(calc.Problem(**problem)).render()
        except (calc.ProblemError, calc.UnsupportedError) as error:
            told.append(str(error))
        slowest = max(slowest, time.process_time() - start)

    fuzz()
    assert all(told)
    assert slowest < 2
