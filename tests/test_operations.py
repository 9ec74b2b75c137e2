"""Activations, losses, their short-cuts and their kinks: derivatives proven, digits and lines recomputed.

What these tests try is drawn from ACTIVATIONS and LOSSES of `calc`, so a new operation is tested unasked.
"""

import json
import random
import re
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import product
from typing import Any

import mpmath
import pytest
import referee
import sympy
from conftest import Sweep
from proofreader import proofread
from referee import OUTPUTS, PROFILES, name_of, random_problem, read_number, read_shown, recompute, slopes_by_side

import calc
from calc.expr import Name, to_sympy
from calc.number import Exact, Shown
from calc.ops import ACTIVATIONS, LOSSES, Activation, Loss

Record = Callable[[str, object], None]
Table = dict[str, Any]

# Derivatives, by SymPy -----------------------------------------------------------------------------------------

Z, A, T = Name("z"), Name("a"), Name("t")


def half(_: str) -> Shown:
    """The convention that gives every kink the slope 1/2."""
    return Shown("1", denominator="2")


WITH_PARAMETERS = [operation(Exact.read("1/3")) for operation in (*ACTIVATIONS, *LOSSES) if operation.__match_args__]


def by_name(operation: Activation | Loss) -> str:
    return f"{operation.name} of a third" if operation in WITH_PARAMETERS else operation.name


def instances(kind: type[Any], operations: tuple[type[Any], ...]) -> list[Any]:
    """Each with its defaults, and with another parameter where it has one."""
    return [operation() for operation in operations] + [op for op in WITH_PARAMETERS if isinstance(op, kind)]


@pytest.mark.parametrize("activation", instances(Activation, ACTIVATIONS), ids=by_name)
@pytest.mark.parametrize("side", ["positive", "negative"])
def test_sympy_proves_the_derivative_of_an_activation(activation: Activation, side: str) -> None:
    z = sympy.Symbol("z", **{side: True})
    a = to_sympy(activation.formula(Z), {"z": z})
    textbook = to_sympy(activation.derivative(Z, A, half), {"z": z, "a": a})
    assert sympy.simplify((sympy.diff(a, z) - textbook).rewrite(sympy.exp)) == 0


P, ANY = sympy.Symbol("p", positive=True), sympy.Symbol("t", real=True)
REGIONS: dict[str, list[tuple[Any, Any]]] = {  # (t, a), together every place but the kinks
    "absolute_error": [(ANY, ANY + P), (ANY, ANY - P)],
    "hinge": [(t, t * margin) for t in (1, -1) for margin in (1 + P, 1 - P)],
    "huber": [(ANY, ANY + side * d) for side in (1, -1) for d in (2 + P, sympy.Rational(1, 7))],
}


@pytest.mark.parametrize("loss", instances(Loss, LOSSES), ids=by_name)
@pytest.mark.parametrize("n", [1, 3])
def test_sympy_proves_the_derivative_of_a_loss(loss: Loss, n: int) -> None:
    a, t = sympy.symbols("a t", real=True)
    slope = sympy.diff(to_sympy(loss.part(A, T, n), {"a": a, "t": t}), a)
    textbook = to_sympy(loss.derivative(A, T, n, half), {"a": a, "t": t})
    for target, output in REGIONS.get(loss.name, [(ANY, P / (1 + P))]):
        assert sympy.simplify((slope - textbook).subs({a: output}).subs({t: target})) == 0


def units(count: int) -> tuple[list[Name], list[Name], list[Name], dict[str, Any]]:
    """z, a and t of a layer, and SymPy's symbol for each."""
    zs, as_ = ([Name(kind, 1, (j,)) for j in range(1, count + 1)] for kind in "za")
    ts = [Name("t", None, (j,)) for j in range(1, count + 1)]
    return zs, as_, ts, {name.id: sympy.Symbol(name.id, real=True) for name in (*zs, *as_, *ts)}


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("activation", instances(Activation, ACTIVATIONS), ids=by_name)
def test_sympy_proves_each_derivative_of_a_unit_in_its_layer(activation: Activation, count: int) -> None:
    zs, as_, _, symbols = units(count)
    if activation.kinks:
        symbols |= {z.id: sympy.Symbol(z.id, negative=True) for z in zs}
    of_layer = [activation.unit(zs, as_, j, half) for j in range(count)]
    outputs = [to_sympy(formula, symbols) for formula, _ in of_layer]
    in_z = symbols | {a.id: output for a, output in zip(as_, outputs, strict=True)}
    for output, (_, derivatives) in zip(outputs, of_layer, strict=True):
        by_z = dict(derivatives)
        for z in zs:
            textbook = to_sympy(by_z[z], in_z) if z in by_z else sympy.Integer(0)
            assert sympy.simplify((sympy.diff(output, symbols[z.id]) - textbook).rewrite(sympy.exp)) == 0


def cancelling() -> Iterator[tuple[Loss, Activation]]:
    _, as_, ts, _ = units(2)
    for loss, activation in product(instances(Loss, LOSSES), instances(Activation, ACTIVATIONS)):
        if loss.shortcut(activation, as_, ts, 0):
            yield loss, activation


def test_the_losses_that_cancel_are_the_two_that_exams_expect() -> None:
    pairs = {(loss.name, activation.name) for loss, activation in cancelling()}
    assert pairs == {("binary_cross_entropy", "sigmoid"), ("cross_entropy", "softmax")}


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize(("loss", "activation"), list(cancelling()), ids=by_name)
def test_every_step_of_a_cancellation_equals_the_raw_chain(loss: Loss, activation: Activation, count: int) -> None:
    zs, as_, ts, symbols = units(count)
    rest = sum(symbols[t.id] for t in ts[:-1])
    unit_sum = {symbols[ts[-1].id]: 1 - rest} if loss.needs_unit_sum else {}
    for j, z in enumerate(zs):
        chain = sympy.Integer(0)
        for k, (a, t) in enumerate(zip(as_, ts, strict=True)):
            local = dict(activation.unit(zs, as_, k, half)[1]).get(z)
            if local is not None:
                chain += to_sympy(loss.derivative(a, t, count, half), symbols) * to_sympy(local, symbols)
        steps = [to_sympy(step, symbols) for step in loss.shortcut(activation, as_, ts, j)]
        assert all(sympy.simplify((chain - step).subs(unit_sum)) == 0 for step in steps)
        assert steps[-1] == symbols[as_[j].id] - symbols[ts[j].id]


# Digits and lines ----------------------------------------------------------------------------------------------


def sensible() -> list[tuple[str, str]]:
    """Activation of the outputs and loss; logarithms are taken of σ and softmax only."""
    pairs = product([op.name for op in ACTIVATIONS], [op.name for op in LOSSES])
    return [(f, loss) for f, loss in pairs if "entropy" not in loss or f in OUTPUTS[loss]]


def network(activation: str, loss: str, source: random.Random) -> Table:
    """2-2-2 with the activation in both layers, 2-2-3 for softmax, whose hidden units are softmax too."""
    drawn = random_problem(source, loss=loss)
    count = 3 if activation == "softmax" else 2
    layers = [
        {"activation": activation, "weights": [[cents(source), cents(source)] for _ in range(units)],
         "biases": [cents(source) for _ in range(units)]}
        for units in (2, count)
    ]  # fmt: skip
    targets = [source.choice([1, -1]) if loss == "hinge" else source.choice([0, 1, 0.3]) for _ in range(count)]
    if loss == "cross_entropy":
        targets = [0] * (count - 1) + [1]
    samples = [{"inputs": [cents(source), cents(source)], "targets": targets}]
    return drawn | {"layers": layers, "samples": samples, "solution": {"method": "chain", "show": "all"}}


def cents(source: random.Random) -> float:
    return source.choice([-1, 1]) * source.randint(5, 150) / 100


WAYS = [("chain", "full"), ("delta", "rounded"), ("delta", "full"), ("chain", "rounded")]


@pytest.mark.parametrize(("activation", "loss"), sensible())
def test_every_digit_and_line_of_an_operation_is_right(
    activation: str, loss: str, sweep: Sweep, record_property: Record
) -> None:
    source = random.Random(f"{activation} {loss}")
    values = lines = 0
    for method, carry in WAYS[: sweep.count(seconds=2, ci=4, full=4)]:
        for _ in range(sweep.count(seconds=1, ci=1, full=5)):
            problem = network(activation, loss, source)
            problem["solution"] |= {"method": method}
            problem["rounding"] |= {"carry": carry}
            solution = calc.solve(calc.Problem(**problem))
            values += compare_digits(solution, problem) if carry == "full" else 0
            lines += compare_lines(solution, problem)
    record_property(f"Operations, {loss}", f"{values} values and {lines} lines of {activation}, 0 wrong")


def test_random_networks_of_all_operations_have_right_digits_and_lines(sweep: Sweep, record_property: Record) -> None:
    values = lines = 0
    for problem, solution in solved("operations", count := sweep.count(seconds=15, ci=130, full=1000)):
        values += compare_digits(solution, problem) if problem["rounding"]["carry"] == "full" else 0
        lines += compare_lines(solution, problem)
    record_property("Operations, random networks", f"{values} values and {lines} lines of {count} networks, 0 wrong")


def solved(kind: str, count: int, **fixed: Any) -> Iterator[tuple[Table, calc.Solution]]:
    """Random problems with their solutions; now and then a unit takes off, or is rounded to 1, which is told."""
    lost = 0
    for number in range(count):
        source = random.Random(f"{kind} {number}")
        problem = random_problem(source, **fixed)
        problem["solution"] |= {"show": source.choice(["all", "auto"])}
        try:
            yield problem, calc.solve(calc.Problem(**problem))
        except calc.UnsupportedError as error:
            if not re.search(r"is too large or too small|set rounding\.carry", str(error)):
                raise
            lost += 1
    assert lost <= count / 50


def compare_digits(solution: calc.Solution, problem: Table, digits: int = 100) -> int:
    """Every id of the referee, as shown and as value; how many there were."""
    entries = json.loads(solution.render("json"))["iterations"][0]["values"]
    expected = recompute(problem, digits)
    assert set(expected) <= set(entries)
    constant = r"|b\d+_\d+'" if not problem.get("conventions", {}).get("update_biases", True) else ""
    typed = re.compile(rf"[xt]_\d+(@\d+)?|w\d+_\d+_\d+|b\d+_\d+{constant}")
    for id, value in expected.items():
        entry, where = entries[id], (id, entries[id], mpmath.nstr(value, 25))
        assert near(Fraction(entry["value"]), value), where
        if typed.fullmatch(id):
            assert Fraction(entry["shown"]) == read_number(entry["shown"]), where
        else:
            shown = read_shown(entry["shown"])
            assert shown == rounded(value, shown, problem["rounding"], digits), where
    return len(expected)


def near(claimed: Fraction, value: Any) -> bool:
    """To 17 digits; below 10^-1000 nothing is told from 0."""
    with mpmath.workdps(400):
        gap = abs(mpmath.mpf(claimed.numerator) / claimed.denominator - value)
        return bool(gap <= abs(value) * mpmath.mpf(10) ** -17) or (claimed == 0 and abs(value) < mpmath.mpf(10) ** -999)


def rounded(value: Any, shown: Fraction, rounding: Table, digits: int) -> Fraction:
    """As the page says; a value that is a tie to all its digits is one, though binary does not hold it exactly."""
    if abs(value) < mpmath.mpf(10) ** -999:  # nothing, or digits that were compared already and take seconds here
        return shown
    with mpmath.workdps(4 * digits):
        sides = [value * (1 + side * mpmath.mpf(10) ** (20 - 2 * digits)) for side in (-1, 1)]
    low, high = (referee.round_as_the_page_says(side, rounding) for side in sides)
    return low if low == high else referee.round_as_the_page_says((low + high) / 2, rounding)


def compare_lines(solution: calc.Solution, problem: Table) -> int:
    """Every line of both pages, but for those of which the page itself says that no digits carry them."""
    pages = {format: solution.render(format) for format in ("markdown", "latex")}
    told = set(re.findall(r"\d+", " ".join(re.findall(r"Line (.*?): .*cannot be re-computed", pages["markdown"]))))
    checked = 0
    for page in pages.values():
        report = proofread(page, problem["rounding"], by_side=slopes_by_side(problem))
        faults = [fault for fault in report.faults if not ((n := re.match(r"\((\d+)\)", fault)) and n[1] in told)]
        assert not faults, faults[:2]
        checked += report.checked
    assert checked > 10 * len(told)
    return checked


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("count", [4, 6])
def test_a_long_cancellation_is_broken_without_losing_a_bracket(profile: str, count: int) -> None:
    layers = [{"activation": "softmax", "weights": [[0.1 * j] for j in range(count)]}]
    samples = [{"inputs": [x], "targets": [1] + [0] * (count - 1)} for x in (1, 2)]
    problem = {"learning_rate": 1, "loss": "cross_entropy", "layers": layers, "samples": samples}
    problem |= {"notation": {"profile": profile}, "rounding": {"decimals": 4}}
    compare_lines(calc.solve(calc.Problem(**problem)), problem)


# Agreement between ways ----------------------------------------------------------------------------------------


def test_gradients_are_those_of_automatic_differentiation(sweep: Sweep, record_property: Record) -> None:
    compared = 0
    for number in range(count := sweep.count(seconds=60, ci=300, full=1000)):
        problem = random_problem(
            random.Random(f"autograd {number}"),
            conventions={"update_order": "simultaneous", "relu_at_zero": "1/2", "kinks": [0, "1/2", 1][number % 3]},
        )
        problem["rounding"] |= {"carry": "full"}
        solution, expected = calc.solve(calc.Problem(**problem)), referee.gradients_by_autograd(problem)
        size = max(abs(value) for value in expected.values())
        # in float64 what a saturated output lacks to 1 has few digits, and the entropies take its logarithm
        relative = 1e-6 if "entropy" in name_of(problem["loss"]) else 1e-9
        for id, value in expected.items():
            own = solution.trace.text(id)
            assert float(Fraction(own)) == pytest.approx(value, rel=relative, abs=1e-13 * max(1, size)), (number, id)
        compared += len(expected)
    record_property("Operations, autograd", f"{compared} gradients of {count} networks, 0 differ")


def test_chain_and_delta_print_the_same_gradients_where_full_precision_is_carried(
    sweep: Sweep, record_property: Record
) -> None:
    compared = 0
    for number in range(count := sweep.count(seconds=40, ci=200, full=500)):
        problem = random_problem(random.Random(f"methods {number}"))
        problem["rounding"] |= {"carry": "full"}
        chain, delta = (
            calc.solve(calc.Problem(**problem | {"solution": {"method": method}})) for method in ("chain", "delta")
        )
        assert set(chain) == set(delta)
        for id in chain:
            if re.fullmatch(r"dE/d[wb]\d+_\d+(_\d+)?|dE/dz.*", id):
                assert chain[id].shown == delta[id].shown
                compared += 1
    record_property("Operations, chain and delta", f"{compared} gradients of {count} networks, 0 differ")


@pytest.mark.parametrize("method", ["chain", "delta", "matrix"])
def test_switching_the_profile_changes_no_number(method: str, sweep: Sweep, record_property: Record) -> None:
    compared = 0
    for number in range(count := sweep.count(seconds=3, ci=15, full=40)):
        problem = random_problem(random.Random(f"profiles {method} {number}"))
        problem["solution"] = {"method": method, "show": "all"}
        seen = set()
        for profile in PROFILES:
            solution = calc.solve(calc.Problem(**problem | {"notation": {"profile": profile}}))
            work = json.loads(solution.render("json"))["iterations"][0]
            values = [(id, entry["value"], entry["shown"]) for id, entry in work["values"].items()]
            steps = [(step["number"], step["result"], step["shown"], tuple(step["uses"])) for step in work["steps"]]
            seen.add((tuple(values), tuple(steps)))
        assert len(seen) == 1, number
        compared += len(values)
    record_property("Operations, profiles", f"{compared} values of {count} networks, {method}, 0 change")


# Numerically hard inputs ---------------------------------------------------------------------------------------

HARD = ["50", "-50", "800", "-800", "1000"]
TARGETS = [[0, 1], [1, 0], [1, -1]]


@pytest.mark.parametrize("activation", [op.name for op in ACTIVATIONS])
@pytest.mark.parametrize("loss", [op.name for op in LOSSES])
def test_hard_inputs_give_right_digits_or_a_clear_error(activation: str, loss: str, sweep: Sweep) -> None:
    fitting = {"hinge": TARGETS[2:], "binary_cross_entropy": TARGETS[:2], "cross_entropy": TARGETS[:2]}
    cases = list(product(HARD, fitting.get(loss, TARGETS), WAYS))
    random.Random(f"{activation} {loss}").shuffle(cases)
    for z, targets, (method, carry) in cases[: sweep.count(seconds=3, ci=20, full=len(cases))]:
        problem = {
            "learning_rate": 0.5,
            "loss": loss,
            "layers": [{"activation": activation, "weights": [[z], [0.5]]}],
            "samples": [{"inputs": [1], "targets": targets}],
            "rounding": {"significant": 5, "carry": carry, "ties": "half-up"},
            "solution": {"method": method},
        }
        start = time.perf_counter()
        try:
            page = calc.solve(calc.Problem(**problem)).render("markdown")
        except (calc.UnsupportedError, calc.ProblemError) as error:
            if not re.match(r"(d?E|a1_|z1_)\S*:? .*\. (Change|Scale) ", str(error)):
                raise
            continue
        finally:
            assert time.perf_counter() - start < 2, (z, targets, method, carry)
        assert not re.search(r"(?<![a-z\\])(nan|inf)(?![a-z])", page, re.IGNORECASE)
        nothing = activation == "gelu" and z == "-800"  # 10^-138970, on which side of 0 nobody is told (design 3)
        if carry == "full" and not (nothing and loss == "absolute_error"):
            digits = 300 if activation == "gelu" else 700  # erfc is slow beyond
            compare_digits(calc.solve(calc.Problem(**problem)), problem, digits)


def outputs(activation: Any, loss: str, weights: list[Any], targets: list[Any], **tables: Any) -> calc.Solution:
    """One layer of one input, which is 1: the pre-activations are the weights."""
    layers = [{"activation": activation, "weights": [[w] for w in weights]}]
    samples = [{"inputs": [1], "targets": targets}]
    return calc.solve(calc.Problem(learning_rate=1, loss=loss, layers=layers, samples=samples, **tables))


def test_softmax_of_a_thousand_is_right() -> None:
    solution = outputs("softmax", "cross_entropy", [1000, 1001, 0], [0, 1, 0])
    assert [solution[f"a1_{j}"].shown for j in (1, 2)] == ["0.2689", "0.7311"]
    assert solution["a1_3"].shown == "1.365×10⁻⁴³⁵"  # e^-1001 / (1 + e^-1)
    assert [solution[f"dE/dz1_{j}"].shown for j in (1, 2, 3)] == ["0.2689", "-0.2689", "1.365×10⁻⁴³⁵"]
    assert outputs("softmax", "half_squared_error", [7], [0])["a1_1"].exact


@pytest.mark.parametrize(("activation", "loss"), [("sigmoid", "binary_cross_entropy"), ("softmax", "cross_entropy")])
@pytest.mark.parametrize("z", [50, -50])
def test_a_saturated_output_keeps_its_digits_where_the_loss_cancels(activation: str, loss: str, z: int) -> None:
    weights, targets = ([z], [1]) if activation == "sigmoid" else ([z, 0], [1, 0])
    solution = outputs(activation, loss, weights, targets)
    # a - 1 = -1 / (1 + e^z), the loss is ln(1 + e^-z)
    assert solution["dE/dz1_1"].shown == ("-1.929×10⁻²²" if z > 0 else "-1.0000")
    assert solution["E"].shown == ("1.929×10⁻²²" if z > 0 else "50.0000")


@pytest.mark.parametrize(
    ("activation", "loss", "weight", "target", "message"),
    [
        ("relu", "cross_entropy", -1, 1, "E_1: the logarithm of a number that is not positive"),
        ("relu", "cross_entropy", -1, 0, "E_1: the logarithm of a number that is not positive"),
        ("identity", "binary_cross_entropy", 1, 1, "E_1: the logarithm of a number that is not positive"),
        ("identity", "binary_cross_entropy", 1, 0, "E_1: the logarithm of a number that is not positive"),
        ("identity", "binary_cross_entropy", 2, 1, "E_1: the logarithm of a number that is not positive"),
    ],
)
def test_the_logarithm_of_nothing_is_an_error_that_names_the_quantity(
    activation: str, loss: str, weight: int, target: int, message: str
) -> None:
    with pytest.raises(calc.UnsupportedError, match=re.escape(message)):
        outputs(activation, loss, [weight], [target])


def test_an_output_that_rounding_has_made_1_is_told_with_a_way_out() -> None:
    with pytest.raises(calc.UnsupportedError, match=r'ln|logarithm.*rounding\.carry = "full"'):
        outputs("sigmoid", "binary_cross_entropy", [12], [0], rounding={"carry": "rounded"})
    assert outputs("sigmoid", "binary_cross_entropy", [12], [0])["dE/dz1_1"].shown == "1.0000"


# Parameters and kinks ------------------------------------------------------------------------------------------


def test_parameters_are_used_and_written_back() -> None:
    problem = calc.Problem(
        learning_rate=1,
        loss={"name": "huber", "delta": "1/2"},
        layers=[
            {"activation": {"name": "leaky_relu", "alpha": 0.1}, "weights": [[-2]]},
            {"activation": {"name": "elu", "alpha": "2"}, "weights": [[1]]},
        ],
        samples=[{"inputs": [1], "targets": [1]}],
    )
    solution = calc.solve(problem)
    assert (solution["a1_1"].text, solution["da1_1/dz1_1"].text) == ("-0.2", "0.1")
    assert solution["a2_1"].shown == "-0.3625"  # 2 (e^-0.2 - 1)
    assert solution["dE/da2_1"].text == "-0.5"
    assert calc.Problem(**problem.model_dump(mode="json", exclude_none=True)) == problem


@pytest.mark.parametrize(
    ("key", "operation", "message"),
    [
        ("activation", {"name": "leaky_relu", "beta": 1}, 'leaky_relu has no parameter "beta". Known: alpha'),
        ("activation", {"name": "sigmoid", "alpha": 1}, 'sigmoid has no parameter "alpha". Remove it'),
        ("activation", {"name": "elu", "alpha": "two"}, "alpha: 'two' is not a number"),
        ("activation", {"name": "elu", "alpha": True}, "alpha: true found, a number needed"),
        ("activation", {"alpha": 1}, "a table found, the name of an activation needed"),
        ("activation", {"name": "leaky_rel"}, 'Did you mean "leaky_relu"?'),
        ("loss", {"name": "huber", "alpha": 1}, 'huber has no parameter "alpha". Known: delta'),
        ("loss", {"name": "huber", "delta": 0}, "delta: 0 found, a number above 0 needed"),
        ("loss", {"name": "huber", "delta": -1}, "delta: -1 found, a number above 0 needed"),
    ],
)
def test_wrong_parameters_are_told(key: str, operation: Table, message: str) -> None:
    given: Table = {"activation": "tanh", "loss": "mse"} | {key: operation}
    layers = [{"activation": given["activation"], "weights": [[1]]}]
    with pytest.raises(calc.ProblemError, match=re.escape(message)) as caught:
        calc.Problem(learning_rate=1, loss=given["loss"], layers=layers, samples=[{"inputs": [1], "targets": [1]}])
    assert len(caught.value.faults) == 1


KINKS = [(0, Fraction(0)), ("1/2", Fraction(1, 2)), (1, Fraction(1))]


@pytest.mark.parametrize(("kinks", "slope"), KINKS)
@pytest.mark.parametrize(
    ("activation", "loss", "target", "id", "expected"),
    [
        ("identity", "absolute_error", "0.3", "dE/da1_1", lambda slope: slope),
        ("identity", "hinge", 1, "dE/da1_1", lambda slope: -slope),
        ("identity", "hinge", -1, "dE/da1_1", lambda slope: slope),
        ({"name": "leaky_relu", "alpha": 0.1}, "squared_error", 1, "da1_1/dz1_1", lambda slope: slope),
        ({"name": "elu", "alpha": 2}, "squared_error", 1, "da1_1/dz1_1", lambda slope: slope),
        ("elu", "squared_error", 1, "da1_1/dz1_1", lambda slope: Fraction(1)),  # no kink
        ("relu", "squared_error", 1, "da1_1/dz1_1", lambda slope: 1 - slope),  # a convention of its own
        ("identity", "huber", "1.3", "dE/da1_1", lambda slope: Fraction(-1)),  # |d| = δ is no kink
    ],
)
def test_a_kink_is_settled_by_its_convention(
    activation: Any, loss: str, target: Any, id: str, expected: Any, kinks: Any, slope: Fraction
) -> None:
    is_output_set = activation == "identity"
    weight = {"absolute_error": "0.3", "hinge": target, "huber": "0.3"}[loss] if is_output_set else 0
    bias = str(read_number(weight) - Fraction("0.21"))
    problem = {
        "learning_rate": "0.5",
        "loss": loss,
        # 0.7 · 0.3 − 0.21 and the like are exactly 0 only where numbers are exact
        "layers": [{"activation": activation, "weights": [["0.7"]], "biases": [bias]}],
        "samples": [{"inputs": ["0.3"], "targets": [target]}],
        "conventions": {"kinks": kinks, "relu_at_zero": str(1 - slope)},
        "rounding": {"decimals": 4, "ties": "half-up"},
        "solution": {"show": "all"},
    }  # fmt: skip
    for method in ("chain", "delta"):
        problem["solution"] = {"method": method, "show": "all"}
        solution = calc.solve(calc.Problem(**problem))
        assert solution[id].value == expected(slope)
        compare_digits(solution, problem)
        compare_lines(solution, problem)
        told = "has a kink" in solution.render("markdown")
        assert told == (loss in {"absolute_error", "hinge"} or (isinstance(activation, dict)))


@pytest.mark.parametrize("kinks", [2, -1, 0.3, True, "x"])
def test_other_slopes_at_a_kink_are_told(kinks: Any) -> None:
    with pytest.raises(calc.ProblemError, match=r"conventions\.kinks: "):
        outputs("leaky_relu", "mse", [0], [1], conventions={"kinks": kinks})


def test_a_unit_at_the_kink_is_mentioned_only_where_there_is_one() -> None:
    kinked, smooth = (outputs({"name": "elu", "alpha": alpha}, "mse", [0], [1]).render("markdown") for alpha in (2, 1))
    assert "by convention" in kinked or "is taken as" in kinked
    assert "is taken as" not in smooth
    assert "1 (e" not in smooth


@pytest.mark.parametrize(("activation", "loss", "z", "said"), [
    ("sigmoid", "half_squared_error", "4", False), ("sigmoid", "half_squared_error", "-5", True),
    ("tanh", "half_squared_error", "3", True), ("tanh", "half_squared_error", "1", False),
    ("sigmoid", "binary_cross_entropy", "5", False),  # there the slope cancels
])  # fmt: skip
def test_a_saturated_unit_is_told(activation: str, loss: str, z: str, said: bool) -> None:
    page = outputs(activation, loss, [z], [1]).render()
    assert ("is saturated: the slope of its activation is below $0.01$ there" in page) is said


def test_a_unit_that_is_0_in_every_sample_is_called_dead() -> None:
    layers = [{"activation": "relu", "weights": [[-1], [1]]}, {"activation": "identity", "weights": [[1, 1]]}]
    samples = [{"inputs": [x], "targets": [1]} for x in (1, 2)]
    problem = {"learning_rate": 1, "loss": "squared_error", "layers": layers}
    assert "$a^{(1)}_1$ is 0 in every sample" in calc.solve(calc.Problem(**problem, samples=samples)).render()
    assert "in every sample" not in calc.solve(calc.Problem(**problem, samples=samples[:1])).render()
