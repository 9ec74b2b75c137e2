"""Computational graphs: known answers, random ones against a referee, every line and edge re-computed, wrong input."""

import json
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from circuit_referee import (
    Beyond,
    Undefined,
    gradients_by_autograd,
    nodes_of,
    random_graph,
    recompute,
    slopes_by_side,
)
from conftest import Sweep
from hypothesis import given, settings
from hypothesis import strategies as st
from proofreader import evaluate, exact, proofread, round_as_printed, tokenize
from referee import LOSSES, name_of, random_problem, read_number, read_shown, round_as_the_page_says

import calc

ROOT = Path(__file__).parent.parent
SYSTEM_6 = ROOT / "examples" / "gradient-of-a-function.toml"
Record = Callable[[str, object], None]


def solve(formulas: list[str], values: Mapping[str, Any], **keys: Any) -> calc.Solution:
    """A graph; what is no key of [graph] is a table of the file."""
    tables = {key: keys.pop(key) for key in ("rounding", "conventions", "solution", "notation") if key in keys}
    return calc.solve(calc.Problem(graph={"formulas": formulas, "values": values, **keys}, **tables))


def shown(solution: calc.Solution) -> dict[str, str]:
    return {id: solution[id].shown for id in solution}


# Known answers -------------------------------------------------------------------------------------------------

# Stanford CS231n, Backpropagation, Intuitions: https://cs231n.github.io/optimization-2/
ANCHORS = {
    "f = (x + y) z": (
        {"formulas": ["q = x + y", "f = q * z"], "values": {"x": -2, "y": 5, "z": -4}},
        {"q": "3", "f": "-12", "df/df": "1", "df/dq|f": "-4", "df/dz|f": "3", "df/dq": "-4", "dq/dx": "1",
         "dq/dy": "1", "df/dx": "-4", "df/dy": "-4", "df/dz": "3"},
    ),
    "a sigmoid neuron, every edge": (
        {"formulas": ["f = 1 / (1 + exp(-(w0*x0 + w1*x1 + w2)))"],
         "values": {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3}},
        {"n1": "-2", "n2": "6", "n3": "4", "n4": "1", "n5": "-1", "n6": "0.37", "n7": "1.37", "f": "0.73",
         "df/df": "1", "df/dn7": "-0.53", "df/dn6": "-0.53", "df/dn5": "-0.20", "df/dn4": "0.20", "df/dn3": "0.20",
         "df/dn1": "0.20", "df/dn2": "0.20", "df/dw0": "-0.20", "df/dx0": "0.39", "df/dw1": "-0.39",
         "df/dx1": "-0.59", "df/dw2": "0.20"},
    ),
    "the sigmoid as one gate": (
        {"formulas": ["dot = w0*x0 + w1*x1 + w2", "f = sigmoid(dot)"],
         "values": {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3}},
        {"dot": "1", "f": "0.73", "df/ddot": "0.20", "df/dw0": "-0.20", "df/dx0": "0.39"},
    ),
    "a max gate": (
        {"formulas": ["f = 2 * (x*y + max(z, w))"], "values": {"x": 3, "y": -4, "z": 2, "w": -1}},
        {"n1": "-12", "n2": "2", "n3": "-10", "f": "-20", "df/dn3": "2", "df/dn1": "2", "df/dn2": "2",
         "dn2/dz": "1", "dn2/dw": "0", "df/dx": "-8", "df/dy": "6", "df/dz": "2", "df/dw": "0"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ANCHORS)
def test_a_published_graph_has_its_published_numbers(name: str) -> None:
    graph, expected = ANCHORS[name]
    found = shown(solve(**graph, rounding={"decimals": 2}))
    assert {id: found[id] for id in expected} == expected


def test_the_neuron_of_the_course_gives_its_four_digits() -> None:
    found = shown(solve(**ANCHORS["a sigmoid neuron, every edge"][0]))
    assert (found["f"], found["df/dw0"], found["df/dx0"]) == ("0.7311", "-0.1966", "0.3932")


def test_a_shared_variable_has_a_local_derivative_and_a_gradient() -> None:
    found = shown(solve(["f = x*y + x"], {"x": 3, "y": 2}))
    assert {id: value for id, value in found.items() if id.endswith(("x|f", "x|n1", "dx"))} == {
        "df/dx|f": "1", "dn1/dx": "2", "df/dx|n1": "2", "df/dx": "3",
    }  # fmt: skip
    assert (found["df/dy"], found["f"]) == ("3", "9")
    whole = shown(solve(["f = x*y + x"], {"x": 3, "y": 2}, nodes="formulas"))
    assert (whole["df/dx|f"], whole["df/dx"]) == ("3", "3")


def test_repeated_operands_are_combined() -> None:
    found = shown(solve(["q = x*x", "f = q + 1"], {"x": 3}))
    assert (found["dq/dx"], found["df/dx"]) == ("6", "6")


def test_an_upstream_gradient_multiplies_every_gradient_and_no_local_derivative() -> None:
    found = shown(solve(["q = x + y", "f = q * z"], {"x": -2, "y": 5, "z": -4}, upstream=0.5))
    gradients = {"dL/df": "0.5", "dL/dq": "-2", "dL/dx": "-2", "dL/dy": "-2", "dL/dz": "1.5"}
    assert {id: value for id, value in found.items() if id.startswith("dL")} == gradients
    assert (found["df/dq|f"], found["df/dz|f"], found["dq/dx"]) == ("-4", "3", "1")


def test_only_what_is_asked_for_is_differentiated() -> None:
    solution = solve(["q = x + y", "f = q * z"], {"x": -2, "y": 5, "z": -4}, wrt=["z"])
    assert {id for id in solution if "/" in id} == {"df/df", "df/dz|f", "df/dz"}
    assert "the other values are constants" in solution.render()


def test_inner_nodes_skip_the_names_in_use() -> None:
    solution = solve(["n3 = n2 * (a + 1)", "f = exp(n3 - 2) * n3"], {"n2": 2, "a": 1})
    assert [id for id in solution if re.fullmatch(r"n\d+|f", id)] == ["n2", "n1", "n3", "n4", "n5", "f"]


def test_three_steps_down_a_function() -> None:
    solution = calc.solve(calc.load(SYSTEM_6))
    path = [(one["x"].shown, one["y"].shown, one["f"].shown) for one in solution.iterations]
    assert path == [("1", "1.5", "3.25"), ("0.8", "1.2", "2.08"), ("0.64", "0.96", "1.3312")]
    last = solution.iterations[-1]
    assert (last["x'"].shown, last["y'"].shown, last["f'"].shown) == ("0.512", "0.768", "0.8520")
    assert "| end | $0.512$ | $0.768$ |" in solution.render()


def test_json_has_the_values_and_steps_of_every_iteration() -> None:
    solution = solve(["q = x*x", "f = q + y"], {"x": 3, "y": 1}, learning_rate=0.1, iterations=2)
    found = json.loads(solution.render("json"))
    assert (found["format"], found["version"]) == ("calc-solution", 1)
    assert [one["index"] for one in found["iterations"]] == [1, 2]
    first, second = (one["values"] for one in found["iterations"])
    assert set(first) == set(second)
    assert first["x'"]["value"] == second["x"]["value"] == "2.4"
    assert first["df/dx"] == {"value": "6", "shown": "6", "exact": True, "latex": r"\frac{\partial f}{\partial x}"}
    steps = {step["result"]: step for step in found["iterations"][0]["steps"]}
    assert steps["dq/dx"]["uses"] == ["x"]
    assert steps["df/dx"]["formula"]["text"] == "∂f/∂q · ∂q/∂x"
    assert set(steps) == set(first) - {"x", "y", "learning_rate"}


def test_a_problem_survives_being_dumped_and_read_again() -> None:
    problem = calc.load(SYSTEM_6)
    again = calc.Problem(**problem.model_dump(mode="json", exclude_none=True))
    assert again == problem
    assert calc.solve(again).render() == calc.solve(problem).render()
    assert "x**2 + y**2" in str(problem)  # repr is short, for a notebook that stores it


# Random graphs -------------------------------------------------------------------------------------------------


def graphs(kind: str, count: int, **rounding: Any) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]] | None]]:
    """Random problems and what the referee makes of them: None where something is undefined."""
    for number in range(count):
        problem = random_graph(random.Random(f"{kind} {number}"), rounding=dict(rounding))
        try:
            yield problem, recompute(problem)
        except Undefined:
            yield problem, None
        except Beyond:
            continue


def solved(problem: dict[str, Any]) -> calc.Solution | None:
    """None where a quantity is undefined, and calc says so; the page is written once."""
    try:
        solution = calc.solve(calc.Problem(**problem))
        solution.render("json")
    except calc.UnsupportedError as error:
        if "so close to these numbers" in str(error):  # the border of what is defined, e.g. x**1.5 at 0
            raise Beyond from None
        return None
    except calc.ProblemError:
        return None
    return solution


def test_every_printed_digit_is_that_of_a_referee(sweep: Sweep, record_property: Record) -> None:
    counts, wrong = Counter[str](), []
    for problem, expected in graphs("digits", sweep.count(seconds=60, ci=400, full=3200), carry="full"):
        try:
            solution = solved(problem)
        except Beyond:
            counts["at the border of what is defined, and told so"] += 1
            continue
        assert (solution is None) == (expected is None), problem
        if solution is None or expected is None:
            counts["undefined, and told so"] += 1
            continue
        counts["graphs"] += 1
        for one, entry in zip(expected, json.loads(solution.render("json"))["iterations"], strict=True):
            assert set(one) == set(entry["values"]), problem
            for id, value in one.items():
                counts["values"] += 1
                if not is_right(id, entry["values"][id], value, problem):
                    wrong.append((problem, id, entry["values"][id], value))
    record_property("Graphs, full precision", f"{dict(counts)}, {len(wrong)} wrong")
    assert not wrong, wrong[0]


def is_right(id: str, entry: dict[str, Any], noisy: Any, problem: dict[str, Any]) -> bool:
    value = noisy if isinstance(noisy, Fraction) else round_as_the_page_says(exact(noisy), {"significant": 60})
    if abs(Fraction(entry["value"]) - value) > abs(value) / 10**19:
        return False
    typed = id in problem["graph"]["values"] or id == "learning_rate"
    return typed or read_shown(entry["shown"]) == round_as_the_page_says(value, problem["rounding"])


@pytest.mark.parametrize("carry", ["full", "rounded"])
def test_every_line_and_every_edge_comes_out_on_a_calculator(carry: str, sweep: Sweep, record_property: Record) -> None:
    counts, faults = Counter[str](), []
    for problem, _ in graphs(f"lines {carry}", sweep.count(seconds=40, ci=200, full=1500), carry=carry):
        try:
            solution = solved(problem)
        except Beyond:
            continue
        if solution is None:
            continue
        counts["graphs"] += 1
        for format in ("markdown", "latex"):
            report = proofread(solution.render(format), problem["rounding"], by_side=slopes_by_side(problem))
            counts["lines"] += report.checked
            counts["told not to come out"] += len(report.excused)
            faults += [(problem, fault) for fault in (*report.faults, *report.loose)]
        page = solution.render()
        edges = list(edge_faults(page, problem["rounding"], counts))
        faults += [(problem, fault) for fault in edges if not re.search("Lines? .*: the exact result", page)]
    record_property(f"Graphs, {carry} carried", f"{dict(counts)}, {len(faults)} faults")
    assert not faults, (len(faults), faults[0])


def tables_of(page: str) -> Iterator[list[list[str]]]:
    """The tables of edges, cell by cell; one that continues another repeats its head."""
    for found in re.findall(r"^\| node \| to \|.*\n\|[ |-]*\n((?:\|.*\n)+)", page, re.MULTILINE):
        yield [[cell.strip().strip("$") for cell in row.strip("|").split("|")] for row in found.splitlines()]


def edge_faults(page: str, rounding: dict[str, Any], counts: Counter[str] | None = None) -> Iterator[str]:
    """Rows whose local derivative times what arrives is not what is passed on, and sums that are not theirs."""
    passed: dict[str, list[Fraction]] = {}
    for row in (row for table in tables_of(page) for row in table):
        if len(row) < 5:  # a table taken apart into columns that fit the page
            continue
        local, arrives, on, *sums = (exact(evaluate(tokenize(cell))) if cell else None for cell in row[2:])
        if counts is not None:
            counts["edges"] += 1
        if on not in {rounded(local * arrives, rounding, extra) for extra in range(31)}:
            yield f"{row}: {local} × {arrives} is not {on}"
        passed.setdefault(row[1], []).append(on)
        if sums and sums[0] is not None:
            parts = passed.pop(row[1])
            if sums[0] != round_as_printed(sum(parts), rounding):
                yield f"{row}: {parts} add up to something else"


def rounded(value: Fraction, rounding: dict[str, Any], extra: int) -> Fraction:
    """As the page rounds, with so many guard digits."""
    ties = {"ties": rounding.get("ties", "half-up")}
    if "significant" in rounding:
        return round_as_printed(value, {"significant": rounding["significant"] + extra} | ties)
    decimals = rounding.get("decimals", 4)
    if abs(value) < Fraction(10) ** -decimals:
        return round_as_printed(value, {"significant": max(2, decimals) + extra} | ties)
    return round_as_printed(value, {"decimals": decimals + extra} | ties)


def test_a_wrong_digit_in_a_table_of_edges_is_caught() -> None:
    page = solve(["f = x*y + sin(x)"], {"x": 1, "y": 0.3}).render()
    assert not list(edge_faults(page, {"decimals": 4}))
    tables = [row for table in tables_of(page) for row in table]
    assert len(tables) == 5
    for row in tables:
        for cell in row[2:]:
            digit = re.search(r"\d(?=\D*$)", cell)
            if digit and row[2:].count(cell) == 1:
                planted = cell[: digit.start()] + str((int(digit[0]) + 3) % 10) + cell[digit.end() :]
                line = " | ".join(f"${part}$" if part else "" for part in row)
                assert line in page
                wrong = page.replace(line, line.replace(f"${cell}$", f"${planted}$"))
                assert list(edge_faults(wrong, {"decimals": 4})), (row, planted)


def test_gradients_are_those_of_automatic_differentiation(sweep: Sweep, record_property: Record) -> None:
    counts = Counter[str]()
    for problem, expected in graphs("autograd", sweep.count(seconds=60, ci=400, full=3600), carry="full"):
        problem["conventions"] = {"kinks": "1/2", "relu_at_zero": "1/2"}  # as autograd shares a tie
        problem["graph"].pop("learning_rate", None)
        problem["graph"].pop("iterations", None)
        try:
            solution, graph = solved(problem), problem["graph"]
        except Beyond:
            continue
        if solution is None or expected is None or "stands exactly at a kink" in solution.render():
            continue
        top = "L" if read_number(graph.get("upstream", 1)) != 1 else nodes_of(graph)[-1][0]
        for x, value in gradients_by_autograd(problem).items():
            counts["gradients"] += 1
            assert float(solution[f"d{top}/d{x}"].value) == pytest.approx(value, rel=1e-9, abs=1e-12), (problem, x)
        counts["graphs"] += 1
    record_property("Graphs, against HIPS autograd", f"{dict(counts)}, relative 1e-9, 0 differ")


# Networks as graphs --------------------------------------------------------------------------------------------

UNITS = {
    "identity": "{z}", "sigmoid": "sigmoid({z})", "bipolar_sigmoid": "2*sigmoid({z}) - 1", "tanh": "tanh({z})",
    "relu": "relu({z})", "leaky_relu": "max({z}, 0) + {alpha}*min({z}, 0)", "softplus": "log(1 + exp({z}))",
    "elu": "max({z}, 0) + {alpha}*(exp(min({z}, 0)) - 1)", "silu": "{z}*sigmoid({z})",
    "gelu": "{z}*(1 + erf({z}/sqrt(2)))/2",
}  # fmt: skip
PARTS = {
    "half_squared_error": "({t} - {a})**2/2", "squared_error": "({t} - {a})**2",
    "mean_squared_error": "({t} - {a})**2/{n}", "absolute_error": "abs({a} - {t})",
    "binary_cross_entropy": "-({t}*log({a}) + (1 - {t})*log(1 - {a}))", "cross_entropy": "-{t}*log({a})",
    "hinge": "max(0, 1 - {t}*{a})",
    "huber": "min(abs({a} - {t}), {delta})*(abs({a} - {t}) - min(abs({a} - {t}), {delta})/2)",
}  # fmt: skip


def options_of(operation: Any) -> dict[str, str]:
    own = operation if isinstance(operation, dict) else {}
    default = "1" if name_of(operation) == "elu" else "0.01"
    return {"alpha": str(own.get("alpha", default)), "delta": str(own.get("delta", "1"))}


def as_graph(network: dict[str, Any]) -> dict[str, Any]:
    """A network of one sample as a graph of formulas, every id a name."""
    (sample,) = network["samples"]
    values = {f"x_{i}": x for i, x in enumerate(sample["inputs"], 1)}
    values |= {f"t_{j}": t for j, t in enumerate(sample["targets"], 1)}
    formulas, wrt, before = [], list[str](), list(values)[: len(sample["inputs"])]
    for number, layer in enumerate(network["layers"], 1):
        name, options = name_of(layer["activation"]), options_of(layer["activation"])
        zs = [f"z{number}_{j}" for j in range(1, len(layer["weights"]) + 1)]
        for j, (z, row) in enumerate(zip(zs, layer["weights"], strict=True), 1):
            terms = []
            for i, (w, x) in enumerate(zip(row, before, strict=True), 1):
                values[f"w{number}_{j}_{i}"] = w
                wrt.append(f"w{number}_{j}_{i}")
                terms.append(f"w{number}_{j}_{i}*{x}")
            if "biases" in layer:
                values[f"b{number}_{j}"] = layer["biases"][j - 1]
                wrt += [f"b{number}_{j}"] if network["conventions"]["update_biases"] else []
                terms.append(f"b{number}_{j}")
            formulas.append(f"{z} = {' + '.join(terms)}")
        powers = " + ".join(f"exp({z})" for z in zs)
        before = [z.replace("z", "a") for z in zs]
        for z, a in zip(zs, before, strict=True):
            unit = f"exp({z})/({powers})" if name == "softmax" else UNITS[name].format(z=z, **options)
            formulas.append(f"{a} = {unit}")
    part, n = PARTS[name_of(network["loss"])], len(before)
    parts = [part.format(a=a, t=f"t_{j}", n=n, **options_of(network["loss"])) for j, a in enumerate(before, 1)]
    names = [f"E_{j}" for j in range(1, n + 1)]
    formulas += [f"{name} = {part}" for name, part in zip(names, parts, strict=True)] if n > 1 else []
    formulas.append(f"E = {' + '.join(names) if n > 1 else parts[0]}")
    graph = {"formulas": formulas, "values": values, "nodes": "formulas", "wrt": wrt}
    graph["learning_rate"] = network["learning_rate"]
    conventions = {key: network["conventions"][key] for key in ("relu_at_zero", "kinks")}
    return {"graph": graph, "rounding": network["rounding"], "conventions": conventions}


def number_of(text: str) -> Fraction:
    return Fraction(text) if "/" in text else read_shown(text)


def test_a_network_written_as_a_graph_prints_the_same_numbers(sweep: Sweep, record_property: Record) -> None:
    counts, losses, units = Counter[str](), Counter[str](), Counter[str]()
    for number in range(sweep.count(seconds=24, ci=60, full=150)):
        source = random.Random(f"rewritten {number}")
        loss = list(LOSSES)[number % len(LOSSES)]
        network = random_problem(source, loss=loss)
        network |= {"samples": network["samples"][:1], "notation": {}, "solution": {}}
        network["conventions"] = network["conventions"] | {"update_order": "simultaneous"}
        network["rounding"] = network["rounding"] | {"carry": "full"}
        try:
            theirs = calc.solve(calc.Problem(**network))
            expected = json.loads(theirs.render("json"))["iterations"][0]["values"]
            ours = calc.solve(calc.Problem(**as_graph(network)))
        except calc.UnsupportedError:
            counts["undefined"] += 1
            continue
        found = json.loads(ours.render("json"))["iterations"][0]["values"]
        bent = any(name_of(layer["activation"]) in ("leaky_relu", "elu") for layer in network["layers"])
        if bent and "exactly at the kink" in theirs.render("text"):
            continue  # the slope of max(z, αz) is shared out, that of leaky ReLU is said
        for id in set(expected) & set(found):
            one, other = (Fraction(entry[id]["value"]) for entry in (expected, found))
            assert abs(one - other) <= abs(one) / 10**18, (id, network)
            first, second = (entry[id] for entry in (expected, found))
            same = number_of(first["shown"]) == number_of(second["shown"])  # 1 and 1.0000 where only one knows it exact
            assert same, (id, network)
            assert first["exact"] != second["exact"] or first["shown"] == second["shown"], (id, network)
            counts["values"] += 1
        gradients = {id for id in expected if re.match(r"dE/d[wb]|D[wb]|[waz]\d|b\d.*'|E", id)}
        gradients -= {"E_1", "E_1'"} if len(network["layers"][-1]["weights"]) == 1 else set()  # that is E
        constant = {id for id in gradients if "b" in id and not network["conventions"]["update_biases"]}
        assert gradients - constant <= set(found), gradients - constant - set(found)
        counts["networks"] += 1
        losses[loss] += 1
        units += Counter(name_of(layer["activation"]) for layer in network["layers"])
    record_property("Networks as graphs", f"{dict(counts)}, {len(losses)} losses, {len(units)} activations, 0 differ")


# Laws ----------------------------------------------------------------------------------------------------------

LINES = ["a = x*y", "b = sin(x) + y", "c = exp(y/4)*x", "d = max(x, y)", "e = y*y - x"]


@given(st.permutations(LINES), st.integers(-5, 5), st.integers(-5, 5))
def test_the_order_of_independent_formulas_changes_no_value(lines: list[str], x: int, y: int) -> None:
    last = "f = a*b + c*d - e"
    first, second = (solve([*order, last], {"x": x, "y": y}, nodes="formulas") for order in (LINES, lines))
    assert shown(first) == shown(second)


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_splitting_formulas_into_operations_changes_no_gradient(seed: int) -> None:
    problem = random_graph(random.Random(f"split {seed}"), rounding={"carry": "full"})
    found: list[dict[str, str]] = []
    for nodes in ("operations", "formulas"):
        problem["graph"]["nodes"] = nodes
        try:
            solution = solved(problem)
        except Beyond:
            return
        if solution is None:  # an inner node may be undefined where the whole is not differentiated, or unprintable
            return
        values = problem["graph"]["values"]
        found.append({id: solution[id].shown for id in solution if id.rpartition("/d")[2] in values and "|" not in id})
    top = "L" if read_number(problem["graph"].get("upstream", 1)) != 1 else nodes_of(problem["graph"])[-1][0]
    gradients = [{id: value for id, value in one.items() if id.startswith(f"d{top}/d")} for one in found]
    assert gradients[0] == gradients[1]


# Ties, kinks, constants ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "kinks", "by_x", "by_y"),
    [
        ("max(x, y)", 0, "0", "1"), ("max(x, y)", "1/2", "0.5", "0.5"), ("max(x, y)", 1, "1", "0"),
        ("min(x, y)", 0, "0", "1"), ("min(x, y)", "1/2", "0.5", "0.5"), ("min(x, y)", 1, "1", "0"),
        ("max(x, 2) + y", 0, "0", "1"), ("max(2, x) + y", 0, "0", "1"), ("min(2, x) + y", 1, "1", "1"),
        ("abs(x - y)", 0, "0", "0"), ("abs(x - y)", "1/2", "0.5", "-0.5"), ("abs(x - y)", 1, "1", "-1"),
        ("max(x, x) + y", 0, "1", "1"), ("max(x, y, 2)", 1, "1", "0"), ("max(x, y, 3)", 1, "0", "0"),
    ],
)  # fmt: skip
def test_a_tie_is_shared_out_as_the_convention_says(formula: str, kinks: Any, by_x: str, by_y: str) -> None:
    for nodes in ("operations", "formulas"):
        solution = solve([f"f = {formula}"], {"x": 2, "y": 2}, conventions={"kinks": kinks}, nodes=nodes)
        assert (solution["df/dx"].shown, solution["df/dy"].shown) == (by_x, by_y)
        page = solution.render()
        assert "stands exactly at a kink" in page or formula in ("max(x, x) + y", "max(x, y, 3)")


@pytest.mark.parametrize("value", [0, "1/2", 1])
def test_relu_at_zero_has_a_convention_of_its_own(value: Any) -> None:
    solution = solve(["f = relu(x) + abs(y)"], {"x": 0, "y": 0}, conventions={"relu_at_zero": value, "kinks": 1})
    assert (solution["df/dx"].value, solution["df/dy"].value) == (read_number(value), 1)


def test_constants_and_dead_ends_have_gradient_zero_and_are_said() -> None:
    constant = solve(["f = 3"], {"x": 1})
    assert shown(constant) == {"x": "1", "f": "3", "df/df": "1", "df/dx": "0"}
    apart = solve(["f = 2*x"], {"x": 1, "y": 2})
    assert "$y$ does not enter $f$, so its gradient is 0." in apart.render()
    dead = solve(["q = x*y", "r = q*q", "f = x + 1"], {"x": 1, "y": 2})
    assert (dead["df/dr"].shown, dead["df/dq"].shown, dead["df/dx"].shown) == ("0", "0", "1")
    for solution in (constant, apart, dead):
        for format in ("markdown", "latex", "typst", "text", "json"):
            assert solution.render(format)


# Wrong input ---------------------------------------------------------------------------------------------------

F, V = ["f = x * y"], {"x": 1, "y": 2}
NO_NAME = "is no name. Use a letter, then letters, digits and _; no function's name"
BESIDE = "found beside [graph], which has no layers. Remove it"
WRONG: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown name": ({"formulas": ["f = x * yy"]}, ['graph.formulas[0]: "yy" is not known. Did you mean "y"?']),
    "assigned twice": ({"formulas": ["f = x", "f = y"]}, ["graph.formulas[1]: f is assigned before."]),
    "value assigned": ({"formulas": ["x = 2*y"]}, ["graph.formulas[0]: x is a value. Give the quantity another name"]),
    "later name": ({"formulas": ["f = g", "g = x"]}, ['graph.formulas[0]: "g" is assigned later. Move its']),
    "itself": ({"formulas": ["f = f + x"]}, ['graph.formulas[0]: "f" is not known.']),
    "no assignment": ({"formulas": ["x + y"]}, ['graph.formulas[0]: no "=" found, an assignment needed.']),
    "wrt unknown": ({"wrt": ["x", "z"]}, ['graph.wrt[1]: "z" is not known. Known: x, y']),
    "wrt twice": ({"wrt": ["x", "x"]}, ["graph.wrt[1]: x stands twice. Remove it"]),
    "wrt empty": ({"wrt": []}, ["graph.wrt: empty. Add at least one entry"]),
    "no rate": ({"iterations": 3}, ["graph.iterations: several iterations found without a learning rate. Add "]),
    "no iterations": ({"iterations": 0}, ["graph.iterations: 0 found, at least 1 needed"]),
    "1001 iterations": ({"iterations": 1001, "learning_rate": 1}, ["graph.iterations: 1001 found, at most 1000"]),
    "empty formulas": ({"formulas": []}, ["graph.formulas: empty. Add at least one entry"]),
    "empty values": ({"values": {}}, ["graph.values: empty. Add at least one entry"]),
    "no values": ({"values": None}, ["graph.values: nothing found, a table"]),
    "nodes": ({"nodes": "operation"}, ['graph.nodes: "operation" is not known. Did you mean "operations"?']),
    "unknown key": ({"value": {}}, ['graph.value: "value" is not known. Did you mean "values"?']),
    "a text for a value": ({"values": {"x": "one", "y": 1}}, ["graph.values.x: "]),
    "L beyond": ({"formulas": ["f = L"], "values": {"L": 1}, "upstream": 2}, ["graph: L stands for what lies beyond"]),
    "a change": ({"values": {"x": 1, "y": 1, "Dx": 1}, "learning_rate": 1}, ["graph: Dx is the name of a learning"]),
    "the rate": ({"values": {"x": 1, "y": 1, "learning_rate": 1}}, ["graph: learning_rate is the name of a learning"]),
    "printed alike": ({"values": {"w1": 1, "w_1": 2}, "formulas": ["f = w1 * w_1"]}, ["graph: w1 and w_1 are both"]),
    "801 formulas": ({"formulas": [f"f{i} = x" for i in range(801)]}, ["graph.formulas: 801 formulas found"]),
    "1200 nodes": ({"formulas": [f"f{i} = x*y + 1" for i in range(600)]}, ["graph.formulas: 1200 nodes found"]),
    "too much work": ({"formulas": [f"f{i} = x" for i in range(100)], "learning_rate": 1, "iterations": 201},
                      ["graph.iterations: 201 iterations of 100 nodes found, at most 200"]),
    "eta": ({"formulas": ["f = eta"], "values": {"eta": 2}, "learning_rate": 1}, ["eta is printed eta, as the learn"]),
    "epsilon": ({"formulas": ["f = epsilon"], "values": {"epsilon": 2}}, ["epsilon is printed epsilon, as the small"]),
    "a function assigned": ({"formulas": ["exp = x"]}, ['graph.formulas[0]: "exp" found before the =, a function.']),
    "wrt computed": ({"formulas": ["q = x", "f = q"], "wrt": ["q"]}, ["graph.wrt[0]: q is computed, a value needed. "]),
    "long name": ({"values": {"x": 1, "y": 1, "q" * 21: 1}}, [f"graph.values.{'q' * 21}: a name of 21 characters"]),
    **{f"name {name}": ({"values": {"x": 1, "y": 2, name: 3}}, [f"graph.values.{name}: ", NO_NAME])
       for name in ("x'", "2x", "exp", "a b", "é", "_x", "x-y")},
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_graph_is_told_in_words(case: str) -> None:
    table, expected = WRONG[case]
    with pytest.raises(calc.ProblemError) as error:
        calc.Problem(graph={"formulas": F, "values": V} | table)
    assert len(error.value.faults) == 1, str(error.value)
    for words in expected:
        assert words in str(error.value)


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"learning_rate": 0.1}, "learning_rate: found beside [graph]. Move it into the table [graph]"),
        ({"layers": []}, 'layers: "layers" found beside [graph]. A graph has no layers: remove one of the two'),
        ({"loss": "mse"}, 'loss: "loss" found beside [graph].'),
        ({"solution": {"method": "delta"}}, f"solution.method: {BESIDE}"),
        ({"solution": {"derivations": True}}, "solution.derivations: found beside [graph], whose lines are its"),
        ({"notation": {"profile": "vw"}}, f"notation.profile: {BESIDE}"),
        ({"conventions": {"delta_sign": "-dE/dz"}}, f"conventions.delta_sign: {BESIDE}"),
        ({"conventions": {"update_order": "sequential"}}, f"conventions.update_order: {BESIDE}"),
        ({"conventions": {"update_biases": False}}, f"conventions.update_biases: {BESIDE}"),
        ({"notation": {"symbols": {"q": "p"}}}, 'notation.symbols."q": is no quantity of this graph. Name one by its'),
        ({"notation": {"symbols": {"x": "y"}}}, "graph: x and y are both printed y."),
    ],
)
def test_what_speaks_of_layers_is_told_beside_a_graph(tables: dict[str, Any], expected: str) -> None:
    with pytest.raises(calc.ProblemError, match=re.escape(expected)):
        calc.Problem(graph={"formulas": F, "values": V}, **tables)


def test_all_faults_are_told_at_once() -> None:
    formulas = ["f = x * yy", "f = x", "x = y", "g = h"]
    with pytest.raises(calc.ProblemError) as error:
        calc.Problem(graph={"formulas": formulas, "values": V | {"2x": 1}, "wrt": ["q", "y", "y"], "iterations": 2})
    assert len(error.value.faults) == 8


def test_show_names_values_and_others_are_told() -> None:
    page = solve(["f = x*y + x"], V, solution={"show": ["y"]}).render()
    assert r"\frac{\partial n_1}{\partial y} &=" in page
    assert r"\frac{\partial n_1}{\partial x} &=" not in page
    with pytest.raises(calc.ProblemError, match='"q" is no parameter'):
        solve(["q = x*y", "f = q"], V, solution={"show": ["q"]})


def test_a_large_graph_is_worked_in_part() -> None:
    long = ["q0 = x", *(f"q{i} = q{i - 1} * y + x" for i in range(1, 45))]
    page = solve(long, {"x": 1, "y": 0.5, "z": 1, "u": 2}).render()
    assert len(page) < len(solve(long, {"x": 1, "y": 0.5, "z": 1, "u": 2}, solution={"show": "all"}).render())


@pytest.mark.parametrize("option", [("--method", "delta"), ("--notation", "vw")])
def test_an_option_of_networks_is_told_on_the_command_line(option: tuple[str, str]) -> None:
    command = [sys.executable, "-m", "calc", "solve", str(SYSTEM_6), *option]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert BESIDE in done.stderr


@pytest.mark.parametrize(
    ("formula", "x", "expected"),
    [
        ("log(x)", 0, "f: the logarithm of a number that is not positive"), ("log(x)", -1, "f: the logarithm"),
        ("1/x", 0, "f: division by 0"), ("sqrt(x)", -1, "f: the square root of a negative number"),
        ("x**-1", 0, "f: division by 0"), ("x**(1/3)", -8, "f: a power of a negative number"),
        ("sqrt(x)", 0, "df/dx|f: a root of 0 in f"), ("x**0.5", 0, "df/dx|f: a power of 0"),
        ("0**x", 0, "df/dx|f: the logarithm"), ("x**1.5", 0, "f: a power of a negative number"),
        ("exp(exp(exp(100*x)))", 1, "n2 has more than 40 digits before the point"),
    ],
)  # fmt: skip
def test_where_nothing_is_defined_the_quantity_is_named(formula: str, x: Any, expected: str) -> None:
    with pytest.raises(calc.UnsupportedError, match=re.escape(expected)):
        solve([f"f = {formula}"], {"x": x})


@pytest.mark.parametrize("x", [3, "1.1", "1/3", -2, 1, 0])
@pytest.mark.parametrize("rounding", [{}, {"significant": 4}, {"carry": "rounded"}, {"significant": 9}])
def test_values_that_explode_end_at_once(x: Any, rounding: dict[str, Any]) -> None:
    start = time.perf_counter()
    graphs = [
        ["q0 = x*x", *(f"q{i} = q{i - 1}*q{i - 1}" for i in range(1, 60))],
        ["f = ((x**100)**100)**100"], ["f = exp(exp(exp(x*x*100)))"], ["f = 2**(2**(x*x*10))"],
    ]  # fmt: skip
    told = [refusal(formulas, x, rounding) for formulas in graphs]
    assert all(re.match(r"\w+ (has|is)|d?\w+[/|\w]*:? ", text) for text in told if text)
    assert time.perf_counter() - start < 2 * len(graphs)


def refusal(formulas: list[str], x: Any, rounding: dict[str, Any]) -> str:
    """What is said where there is no page; empty where there is one."""
    try:
        solve(formulas, {"x": x}, rounding=rounding).render()
    except calc.UnsupportedError as error:
        return str(error)
    return ""


def test_a_network_loads_nothing_of_graphs() -> None:
    code = "import sys, calc; calc.solve(calc.load(sys.argv[1])).render(); "
    code += "print([name for name in sys.modules if 'circuit' in name or name == 'calc.formula'])"
    command = [sys.executable, "-c", code, str(ROOT / "examples" / "xor.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# What a second reader found ------------------------------------------------------------------------------------


@pytest.mark.parametrize("nodes", ["operations", "formulas"])
@pytest.mark.parametrize(("formula", "gradient"), [
    ("f = x*sqrt(abs(sin(pi)))", "0"), ("f = x*sqrt(sin(pi))", "0"), ("f = sqrt(abs(sin(pi)))", "0"),
    ("f = sqrt(abs(sin(pi))) + x", "1"),
])  # fmt: skip
def test_a_root_of_0_that_stands_still_is_a_constant(formula: str, gradient: str, nodes: str) -> None:
    assert solve([formula], {"x": 1}, nodes=nodes)["df/dx"].shown == gradient


@pytest.mark.parametrize("nodes", ["operations", "formulas"])
@pytest.mark.parametrize("formula", ["f = sqrt(abs(sin(pi*x)))", "f = sqrt(sin(pi*x))", "f = sqrt(x - 1)"])
def test_a_root_of_0_that_moves_has_no_derivative_and_is_named(formula: str, nodes: str) -> None:
    with pytest.raises(calc.UnsupportedError, match=r"a root of 0 in f.*Change the numbers"):
        solve([formula], {"x": 1}, nodes=nodes)


def test_what_does_not_change_where_a_gradient_is_0_is_what_the_gradient_is_of() -> None:
    assert "does not change $L$ in first order" in solve(["f = x*x"], {"x": 1}, upstream=0).render()
    tied = solve(["f = max(x, y)"], {"x": 2, "y": 2}).render()
    assert "first order" not in tied
    assert "The gradient by $x$ is 0 with the values that convention sets at kinks" in tied


def test_faults_of_formulas_options_and_names_are_told_together() -> None:
    graph = {"formulas": ["f=x*y", "g=log(f)+zz"], "values": V, "wrt": ["x", "k"]}
    with pytest.raises(calc.ProblemError) as error:
        calc.Problem(graph=graph, solution={"show": ["q"], "method": "delta"}, notation={"symbols": {"q": "p"}})
    places = {fault.where for fault in error.value.faults}
    assert places == {"graph.formulas[1]", "graph.wrt[1]", "solution.show", "solution.method", 'notation.symbols."q"'}


@pytest.mark.parametrize(("graph", "expected"), [
    ({"formulas": ["f = 1 + log(x - y)"], "values": {"x": 2, "y": 3}}, "n2 = ln(x − y): the logarithm"),
    ({"formulas": ["f = x**y"], "values": {"x": 0, "y": 2}}, "or leave y out of graph.wrt"),
    ({"formulas": ["f = sqrt(x - 1)"], "values": {"x": 5}, "learning_rate": 100}, "or lower the learning rate"),
    ({"formulas": ["f = x**3"], "values": {"x": 5}, "learning_rate": 9, "iterations": 90}, "the descent runs off"),
])  # fmt: skip
def test_what_went_wrong_is_named_as_its_author_knows_it(graph: dict[str, Any], expected: str) -> None:
    with pytest.raises(calc.UnsupportedError, match=re.escape(expected)):
        calc.solve(calc.Problem(graph=graph, rounding={"significant": 4}))


def test_a_large_graph_is_solved_in_time_that_grows_with_its_size() -> None:
    start = time.perf_counter()
    solve(["q0 = x*x", *(f"q{i} = q{i - 1} + x" for i in range(1, 790))], {"x": 0.5}).render()
    assert time.perf_counter() - start < 3


def test_every_tie_of_a_max_of_three_is_told_once_and_the_max_is_printed_as_typed() -> None:
    page = solve(["f = max(x, y, z)"], {"x": 2, "y": 2, "z": 2}, nodes="formulas").render("text")
    told = [line for line in page.splitlines() if "stands exactly at a kink" in line]
    heads = [re.sub(r".*kink: (.*) is .*", r"\1", line) for line in told]
    assert heads == ["H(max(x, y) − z)", "H(x − y)", "H(y − x)", "H(z − max(x, y))"]
    assert "f = max(x, y, z)" in page


def test_a_max_of_the_same_twice_is_that() -> None:
    solution = solve(["f = max(x, x) + min(x, x)"], {"x": 2}, nodes="formulas", conventions={"kinks": 0.5})
    assert solution["df/dx"].shown == "2"
    assert "H(0)" not in solution.render("text")


def test_what_h_is_at_a_tie_is_told_once_for_max_and_min() -> None:
    page = " ".join(solve(["f = max(x, y) + min(x, y)"], {"x": 2, "y": 1}).render("text").split())
    assert page.count("At a tie of") == 1
    assert "it is taken as 0 for the first operand and as 1 for the second" in page


@pytest.mark.parametrize(("formulas", "x", "said"), [
    (["f = x*x"], 0, "No difference quotient is shown: the gradients worked here are 0."),
    (["f = max(x, 1 - x)"], "1/2", "No difference quotient is shown: for the gradients worked here no small step"),
    (["q = x*x", "f = x"], 2, "Nothing on the way to f is computed from q, so the gradient that arrives there is 0."),
    (["f = 1.5**2*x"], 1, "n₁ = 1.5² = 2.25"),
])  # fmt: skip
def test_a_page_says_what_is_so_and_no_more(formulas: list[str], x: Any, said: str) -> None:
    page = " ".join(solve(formulas, {"x": x}).render("text").split())
    assert said in page
    assert "weights" not in page


def test_a_graph_without_edges_has_no_table_of_them() -> None:
    assert "All edges" not in solve(["f = 3"], {"x": 1}).render("text")


def test_the_sections_of_a_step_stand_below_its_heading() -> None:
    page = solve(["f = x*x"], {"x": 1}, learning_rate=0.1, iterations=2).render()
    heads = re.findall(r"^#+ .*", page, re.MULTILINE)
    assert heads[1:4] == ["## Given", "## Step 1", "### Forward pass"]
    assert [head for head in heads if head.startswith("## ")] == [
        "## Given",
        "## Step 1",
        "## All updates",
        "## Answers",
    ]


def test_a_kink_closer_than_any_step_is_told_and_no_bug() -> None:
    formulas = ["q1 = min(((y - x))**((z + (1/3))), (log(z) * (pi * y)))", "f = min(((z)**3 + z), x) + q1"]
    graph = {"formulas": formulas, "values": {"x": "-0.3", "y": "0", "z": "1e20"}, "nodes": "formulas"}
    with pytest.raises(calc.UnsupportedError, match="f: so close to a kink"):
        calc.solve(calc.Problem(graph=graph))
