"""Digits, lines and gradients of random networks against referees that share no code with calc.

The counts promised are those of --sweep=full; every run reports its own at the end.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from math import prod
from typing import Any

import mpmath
import pytest
from conftest import Sweep
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from proofreader import evaluate, exact, is_number, is_symbolic, proofread, read_lines, tokenize
from referee import (
    ACTIVATIONS,
    LOSSES,
    gradients_by_autograd,
    random_problem,
    read_number,
    read_shown,
    recompute,
    round_as_the_page_says,
    slopes_by_side,
)

import calc

Record = Callable[[str, object], None]


def problems(kind: str, count: int, **rounding: Any) -> Iterator[dict[str, Any]]:
    """Random problems with entries of their rounding replaced."""
    for number in range(count):
        source = random.Random(f"{kind} {number}")
        problem = elementary(random_problem(source), source)
        problem["solution"] = {"show": source.choice(["all", "auto"])}
        yield problem | {"rounding": problem["rounding"] | rounding}


def elementary(problem: dict[str, Any], source: random.Random) -> dict[str, Any]:
    """The same network with the operations whose steps are worked by hand below; test_operations has all others."""
    layers = [
        layer | {"activation": source.choice(["identity", "sigmoid", "tanh", "relu"])} for layer in problem["layers"]
    ]
    loss = source.choice(["half_squared_error", "squared_error", "mean_squared_error"])
    return problem | {"layers": layers, "loss": loss}


def iteration(solution: calc.Solution) -> Any:
    return json.loads(solution.render("json"))["iterations"][0]


# Digits --------------------------------------------------------------------------------------------------------


def test_every_printed_digit_is_that_of_a_fifty_digit_recomputation(sweep: Sweep, record_property: Record) -> None:
    compared, wrong = 0, []
    for problem in problems("digits", sweep.count(seconds=16, ci=100, full=400), carry="full"):
        values = iteration(calc.solve(calc.Problem(**problem)))["values"]
        expected = recompute(problem)
        expected |= losses_after(expected, problem)
        assert set(values) == {*expected, "learning_rate"}
        for id, noisy in expected.items():
            compared += 1
            value = without_noise(noisy) if abs(noisy) > 1e-90 else Fraction(0)
            if not is_right(id, values[id], value, problem):
                wrong.append((id, values[id], value, problem["rounding"]))
    record_property("Digits, full precision carried", f"{compared} values compared, {len(wrong)} differ")
    assert not wrong, repr(wrong[:1])


def without_noise(value: Any) -> Fraction:
    """The last of some 60 digits rounded away, so that a tie is a tie."""
    return round_as_the_page_says(exact(value), {"significant": 48})


def losses_after(v: dict[str, Any], problem: dict[str, Any]) -> dict[str, Any]:
    """E_1' and E'@2, which the referee only adds up."""
    n, last, found = len(problem["layers"][-1]["weights"]), len(problem["layers"]), {}
    for at in [f"@{s}" for s in range(1, len(problem["samples"]) + 1)] if len(problem["samples"]) > 1 else [""]:
        with mpmath.workdps(100):
            pairs = [(v[f"a{last}_{j}'{at}"], v[f"t_{j}{at}"]) for j in range(1, n + 1)]
            parts = [LOSSES[problem["loss"]].value(a, t, {"n": n}) for a, t in pairs]
            found |= {f"E_{j}'{at}": part for j, part in enumerate(parts, 1)} | ({f"E'{at}": sum(parts)} if at else {})
    return found


def is_right(id: str, entry: dict[str, Any], value: Fraction, problem: dict[str, Any]) -> bool:
    claimed = Fraction(entry["value"])
    if abs(claimed - value) > abs(value) / 10 ** (47 if entry["exact"] else 19):
        return False
    constant = r"|b\d+_\d+'" if not problem["conventions"]["update_biases"] else ""
    if re.fullmatch(rf"[xt]_\d+(@\d+)?|w\d+_\d+_\d+|b\d+_\d+{constant}", id):  # printed as typed
        return abs(Fraction(entry["shown"]) - value) <= abs(value) / 10**47
    return read_shown(entry["shown"]) == round_as_the_page_says(value, problem["rounding"])


def test_every_carried_digit_is_that_of_its_own_operands(sweep: Sweep, record_property: Record) -> None:
    compared, wrong, kinds = 0, [], Counter[str]()
    for problem in problems("carried", sweep.count(seconds=16, ci=100, full=400), carry="rounded"):
        work = iteration(calc.solve(calc.Problem(**problem)))
        v = {id: Fraction(entry["value"]) for id, entry in work["values"].items()}
        for step in work["steps"]:
            compared, kinds[step["kind"]] = compared + 1, kinds[step["kind"]] + 1
            value = round_as_the_page_says(by_hand(step, v, problem), problem["rounding"])
            if not value == read_shown(step["shown"]) == v[step["result"]]:
                wrong.append((step, value, problem["rounding"]))
    record_property("Digits, rounded results carried", f"{compared} values compared, {len(wrong)} differ")
    assert len(kinds) == 12
    assert not wrong, repr(wrong[:1])


def by_hand(step: dict[str, Any], v: dict[str, Fraction], problem: dict[str, Any]) -> Fraction:
    """What a step comes to from the carried values of its operands, by a formula per kind written down here."""
    result, uses = step["result"], step["uses"]
    operands = [v[use] for use in uses]
    n, samples = len(problem["layers"][-1]["weights"]), len(problem["samples"])
    share = Fraction(1, samples if problem["reduction"] == "mean" else 1)
    layer = problem["layers"][int(found[1]) - 1] if (found := re.search(r"[azwb](\d+)_", result)) else {}
    of_output = sorted(uses, key=lambda use: use[0] == "t")  # a, t
    is_of_output = len(uses) == 2 and of_output[1].startswith("t_")
    match step["kind"]:
        case "pre-activation":
            weighted = zip(operands[0:-1:2], operands[1::2], strict=True)
            return sum((w * a for w, a in weighted), operands[-1] if "biases" in layer else Fraction(0))
        case "activation":
            with mpmath.workdps(60):
                z = mpmath.mpf(operands[0].numerator) / operands[0].denominator
                return without_noise(ACTIVATIONS[layer["activation"]].value(z, {}))
        case "loss-part" | "sample-loss" | "loss" if is_of_output:
            return Fraction(LOSSES[problem["loss"]].value(*(v[use] for use in of_output), {"n": n}))
        case "adjoint" if is_of_output:
            with mpmath.workdps(60):
                return share * without_noise(LOSSES[problem["loss"]].slope(*(v[use] for use in of_output), {"n": n}))
        case "loss":
            return sum(operands) * (share if samples > 1 else 1)
        case "local" if layer["activation"] == "relu" and result.startswith("da"):
            at_zero = read_number(problem["conventions"]["relu_at_zero"])
            return at_zero if operands[0] == 0 else Fraction(operands[0] > 0)
        case "local" if result.startswith("da") and operands:  # written with a, as on paper
            (a,) = operands
            return {"sigmoid": a * (1 - a), "tanh": 1 - a * a}[layer["activation"]]
        case "local":
            assert len(uses) == (0 if result.startswith("da") or "/db" in result else 1)
            return prod(operands, start=Fraction(1))
        case "path" | "term":
            return prod(operands)
        case "adjoint" | "gradient" if not all(use.startswith(result.partition("@")[0]) for use in uses):
            return prod(operands)  # the factors of the only path
        case "sample-loss" | "adjoint" | "gradient" | "update":
            return sum(operands, Fraction(0))
        case "change":
            return -prod(operands)
    raise ValueError(step)


# Lines ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("carry", ["full", "rounded"])
def test_every_line_comes_out_on_a_calculator(carry: str, sweep: Sweep, record_property: Record) -> None:
    checked, faults, loose = Counter[str](), [], []
    for problem in problems("lines", sweep.count(seconds=8, ci=60, full=200), carry=carry):
        solution = calc.solve(calc.Problem(**problem))
        entries = iteration(solution)["values"].values()
        shown: dict[str, set[Fraction]] = {}
        for entry in entries:
            shown.setdefault(entry["latex"], set()).add(number(entry["shown"]))
        for format in ("markdown", "latex"):
            page = solution.render(format)
            report = proofread(page, problem["rounding"], by_side=slopes_by_side(problem))
            checked[format] += report.checked
            loose += [(problem["rounding"], line) for line in report.loose]
            faults += [
                (problem["rounding"], fault) for fault in (*report.faults, *misprints(page, shown, problem["rounding"]))
            ]
    for format, lines in checked.items():
        record_property(f"Lines, {carry} carried, {format}", f"{lines} lines checked, {len(faults)} faults")
    assert not faults, faults[:3]
    assert not loose, (len(loose), loose[:3])


def number(text: str) -> Fraction:
    return Fraction(text) if "/" in text else read_shown(text)


def misprints(page: str, shown: dict[str, set[Fraction]], rounding: dict[str, Any]) -> Iterator[str]:
    """Lines whose result is not what the JSON output says of that quantity, or that a calculator cannot check."""
    for claim in read_lines(page):
        numeric = [side for side in claim.sides if not is_symbolic(tokenize(side))]
        if not numeric or r"\epsilon" in claim.row:  # names only; a difference quotient
            continue
        if not is_number(claim.sides[-1]):
            yield f"no number at the end: {claim}"
            continue
        printed = exact(evaluate(tokenize(claim.sides[-1])))
        if printed not in shown.get(claim.sides[0], set()):
            yield f"{printed} is not among {shown.get(claim.sides[0])}: {claim}"
        if len(numeric) == 1:  # a quantity that is another one, e.g. ∂z/∂w = a ≈ 0.7097, or a given number
            for name in claim.sides[1:-1]:
                if printed not in {round_as_the_page_says(value, rounding) for value in shown.get(name, ())}:
                    yield f"{printed} is not what {name} is: {claim}"


# Gradients -----------------------------------------------------------------------------------------------------


def test_gradients_are_those_of_automatic_differentiation(sweep: Sweep, record_property: Record) -> None:
    networks = gradients = 0

    @settings(max_examples=sweep.count(seconds=50, ci=150, full=400), suppress_health_check=list(HealthCheck))
    @given(st.randoms(use_true_random=False), st.sampled_from([0, "1/2", 1]))
    def compare(source: random.Random, relu_at_zero: Any) -> None:
        nonlocal networks, gradients
        conventions = {"update_order": "simultaneous", "relu_at_zero": relu_at_zero}
        problem = elementary(random_problem(source, conventions=conventions, rounding={"significant": 12}), source)
        solution, expected = calc.solve(calc.Problem(**problem)), gradients_by_autograd(problem)
        size = max(abs(value) for value in expected.values())
        for id, value in expected.items():
            assert float(solution[id].value) == pytest.approx(value, rel=1e-9, abs=1e-14 * max(1, size)), id
        networks, gradients = networks + 1, gradients + len(expected)

    compare()
    record_property("Gradients, against HIPS autograd", f"{gradients} of {networks} networks, relative 1e-9, 0 differ")
