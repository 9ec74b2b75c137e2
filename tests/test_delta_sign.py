"""Deltas with the sign of −∂E/∂z: δ = (t − a) f′ and Δw = η δ x, as one family of textbooks writes them."""

import json
import random
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from conftest import Sweep
from proofreader import proofread
from referee import PROFILES, random_problem, slopes_by_side
from test_pages import check_pages

import calc

Record = Callable[[str, object], None]
MINUS = "-dE/dz"


def network(**tables: Any) -> dict[str, Any]:
    """Two inputs, two hidden units, one output; other tables on request."""
    layers = [
        {"activation": "sigmoid", "weights": [[0.1, -0.2], [0.4, 0.3]], "biases": [1, 1]},
        {"activation": "sigmoid", "weights": [[0.5, -0.6]], "biases": [1]},
    ]
    samples = [{"inputs": [1, 0], "targets": [1]}]
    given = {"learning_rate": 0.5, "loss": "half_squared_error", "layers": layers, "samples": samples}
    return given | {"conventions": {"delta_sign": MINUS}, "solution": {"method": "delta"}} | tables


def page(format: str = "text", **tables: Any) -> str:
    return calc.solve(calc.Problem(**network(**tables))).render(format)


def random_network(method: str, carry: str, seed: int) -> dict[str, Any]:
    source = random.Random(f"sign {method} {carry} {seed}")
    problem = random_problem(source)
    problem["rounding"] = problem["rounding"] | {"carry": carry}
    problem["conventions"] = problem.get("conventions", {}) | {"delta_sign": MINUS}
    return problem | {
        "notation": {"profile": source.choice(PROFILES)},
        "solution": {"method": method, "show": source.choice(["all", "auto"])},
    }


def solutions(method: str, carry: str, count: int) -> Iterator[tuple[dict[str, Any], calc.Solution]]:
    """Of random networks, those left out that rounded numbers lead to a logarithm of 0."""
    for seed in range(count):
        problem = random_network(method, carry, seed)
        try:
            solution = calc.solve(calc.Problem(**problem))
        except calc.UnsupportedError:
            assert carry == "rounded", seed
            continue
        yield problem, solution


def with_plus(problem: dict[str, Any]) -> dict[str, Any]:
    return problem | {"conventions": problem["conventions"] | {"delta_sign": "dE/dz"}}


# What is printed -----------------------------------------------------------------------------------------------------


def test_the_classic_form_is_printed() -> None:
    text = " ".join(page(rounding={"carry": "rounded"}).split())
    for line in (
        "δ⁽²⁾₁ = (t₁ − a⁽²⁾₁) a⁽²⁾₁ (1 − a⁽²⁾₁) = (1 − 0.7097) × 0.7097 × (1 − 0.7097) ≈ 0.0598",
        "∂E/∂w⁽²⁾₁₁ = −δ⁽²⁾₁ a⁽¹⁾₁ = −0.0598 × 0.7503 ≈ −0.0449",
        "∂E/∂b⁽²⁾₁ = −δ⁽²⁾₁ = −0.0598 ",
        "δ⁽¹⁾₂ = a⁽¹⁾₂ (1 − a⁽¹⁾₂) w⁽²⁾₁₂ δ⁽²⁾₁ = 0.8022 × (1 − 0.8022) × (−0.6) × 0.0598 ≈ −0.0057",
        "∂E/∂w⁽¹⁾₂₁ = −δ⁽¹⁾₂ x₁ = −(−0.0057) × 1 = 0.0057",
        "Δw⁽²⁾₁₁ = η δ⁽²⁾₁ a⁽¹⁾₁ = 0.5 × 0.0598 × 0.7503 ≈ 0.0224",
        "Δb⁽²⁾₁ = η δ⁽²⁾₁ = 0.5 × 0.0598 = 0.0299",
    ):
        assert line in text, line


def test_matrices_have_the_same_form() -> None:
    text = page(solution={"method": "matrix"}, rounding={"carry": "rounded"})
    for line in (
        "δ⁽²⁾ = −∂E/∂a⁽²⁾ ∘ σ′(z⁽²⁾) = −[−0.2903] ∘ [0.2060] ≈ [0.0598]",
        "δ⁽¹⁾ = (W⁽²⁾)ᵀ δ⁽²⁾ ∘ σ′(z⁽¹⁾) = ",
        "∂E/∂W⁽²⁾ = −δ⁽²⁾ (a⁽¹⁾)ᵀ = ",
        "ΔW⁽²⁾ = η δ⁽²⁾ (a⁽¹⁾)ᵀ = ",
        "Shapes: (1 × 1) ∘ (1 × 1) → 1 × 1.",
    ):
        assert line in text, line


def test_the_sign_is_said_where_there_is_a_delta() -> None:
    said = "δ⁽²⁾_j = −∂E/∂z⁽²⁾_j"
    assert said in page()
    assert said in page(solution={"method": "matrix"})
    chain = {"solution": {"method": "chain"}}
    assert page(**chain) == page(**chain, conventions={})
    assert said not in page(conventions={})


def test_what_cancels_is_derived_with_the_sign_of_the_derivative() -> None:
    text = page(loss="binary_cross_entropy")
    assert "= a⁽²⁾₁ − t₁ " in text
    assert "δ⁽²⁾₁ = t₁ − a⁽²⁾₁ = 1 − 0.7097 ≈ 0.2903" in text


def test_a_symbol_for_the_delta_is_kept() -> None:
    named = {"notation": {"symbols": {"dE/dz2_1": "e_o"}}}
    assert "e_o = (t₁ − a⁽²⁾₁)" in page(**named)


def test_wrong_sign_is_told() -> None:
    with pytest.raises(calc.ProblemError, match="delta_sign"):
        calc.Problem(**network(conventions={"delta_sign": "plus"}))


# What is computed ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("carry", ["full", "rounded"])
@pytest.mark.parametrize("method", ["delta", "matrix"])
def test_every_line_comes_out(method: str, carry: str, sweep: Sweep, record_property: Record) -> None:
    checked, faults = 0, []
    for problem, solution in solutions(method, carry, sweep.count(seconds=15, ci=60, full=300)):
        for format in ("markdown", "latex"):
            report = proofread(solution.render(format), problem["rounding"], by_side=slopes_by_side(problem))
            checked += report.checked
            faults += report.faults
    record_property(f"Lines with −dE/dz, {method}, {carry} carried", f"{checked} checked, {len(faults)} wrong")
    assert checked > 100
    assert not faults, faults[:3]


@pytest.mark.parametrize("method", ["delta", "matrix"])
def test_no_value_changes_with_the_sign(method: str, sweep: Sweep) -> None:
    for seed in range(sweep.count(seconds=10, ci=60, full=200)):
        problem = random_network(method, "full", seed)
        minus, plus = (
            json.loads(calc.solve(calc.Problem(**p)).render("json"))["iterations"][0]["values"]
            for p in (problem, with_plus(problem))
        )
        deltas = set(minus) - set(plus)
        assert deltas
        assert all(id.startswith("delta") for id in deltas)
        for id, value in plus.items():
            assert (minus[id]["value"], minus[id]["shown"]) == (value["value"], value["shown"]), (seed, id)
        for id in deltas:
            derivative = "dE/dz" + id.removeprefix("delta")
            assert minus[id]["shown"].lstrip("-−") == minus[derivative]["shown"].lstrip("-−")


@pytest.mark.parametrize("method", ["delta", "matrix"])
def test_rounded_derivatives_are_exactly_minus_the_deltas(method: str) -> None:
    checked = 0
    for problem, values in solutions(method, "rounded", 12):
        for id in (id for id in values if id.startswith("delta")):
            delta, derivative = (Fraction(values[key].value) for key in (id, "dE/dz" + id.removeprefix("delta")))
            assert derivative == -delta, (problem, id)
            checked += 1
    assert checked > 20


@pytest.mark.parametrize("method", ["delta", "matrix"])
@pytest.mark.parametrize("carry", ["full", "rounded"])
def test_trainings_optimisers_and_penalties_come_out(method: str, carry: str) -> None:
    samples = [{"inputs": [1, 0], "targets": [1]}, {"inputs": [0.5, 1], "targets": [0]}]
    tables: list[dict[str, Any]] = [
        {"training": {"epochs": 2, "schedule": "online"}, "samples": samples},
        {"training": {"epochs": 2}, "samples": samples},
        {"optimizer": {"name": "adam"}, "learning_rate": 0.01},
        {"conventions": {"delta_sign": MINUS, "update_order": "sequential", "update_biases": False}},
        {"training": {"epochs": 2, "schedule": "online"}, "samples": samples, "penalty": {"l2": 0.1}},
        {"penalty": {"l2": 0.1, "l1": 0.01}},
        {"penalty": {"l2": 0.1}, "solution": {"method": method, "show": ["w1_1_1"]}},
        {"optimizer": {"name": "nesterov"}},
    ]
    for table in tables:
        problem = network(**{"solution": {"method": method}, "rounding": {"carry": carry}} | table)
        solution = calc.solve(calc.Problem(**problem))
        other = calc.solve(calc.Problem(**with_plus(problem)))
        if carry == "full":
            updated = [id for id in other if id.endswith("'")]
            assert all(solution[id].shown == other[id].shown for id in updated), table
        report = proofread(solution.render("markdown"), {"decimals": 4})
        assert report.checked
        assert not report.faults, (table, report.faults[:2])
        assert json.loads(solution.render("json"))


@pytest.mark.parametrize("method", ["delta", "matrix"])
def test_rates_for_each_weight_come_out(method: str) -> None:
    rates = [{"weights": [[0.1, 0.2], [0.3, 0.4]], "biases": 0.5}, {"weights": 0.2}]
    problem = network(solution={"method": method}, learning_rates=rates)
    problem.pop("learning_rate")
    solution = calc.solve(calc.Problem(**problem))
    report = proofread(solution.render("markdown"), {"decimals": 4})
    assert report.checked
    assert not report.faults, report.faults[:2]


def test_changes_in_the_table_of_a_later_update_follow_from_the_gradients_beside_them() -> None:
    samples = [{"inputs": [1, 0], "targets": [1]}, {"inputs": [0.5, 1], "targets": [0]}]
    text = page("markdown", samples=samples, training={"epochs": 3, "schedule": "online"}, rounding={"decimals": 3})
    rows = [[cell.strip(" $") for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    starts = [i for i, row in enumerate(rows) if row[0] == "parameter"]
    checked = 0
    for start in starts[:-1]:  # the last stands under Answers
        for _, _, gradient, change, _ in rows[start + 2 : start + 11]:
            places = Decimal(1).scaleb(-len(change.partition(".")[2]))
            if "times" in gradient + change or "." not in change:
                continue
            product = Decimal("-0.5") * Decimal(gradient)
            assert product.quantize(places, ROUND_HALF_UP) == Decimal(change), (gradient, change)
            checked += 1
    assert checked > 10


def test_pages_compile_and_stay_within_their_margins(sweep: Sweep, tmp_path: Path) -> None:
    for seed in range(sweep.count(seconds=2, ci=10, full=40)):
        for method in ("delta", "matrix"):
            check_pages(calc.Problem(**random_network(method, "full", seed)), tmp_path)
