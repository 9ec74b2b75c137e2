"""Training over several updates, the perceptron rule and the delta rule, against programs that share no code."""

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest
from conftest import Sweep
from hypothesis import given, settings
from hypothesis import strategies as st
from proofreader import proofread
from referee import random_problem, read_number, read_shown, recompute, round_as_the_page_says, slopes_by_side

import calc
from calc.ops.activations import Sign

Record = Callable[[str, object], None]

NETWORK: dict[str, Any] = {
    "learning_rate": "0.5",
    "loss": "half_squared_error",
    "layers": [
        {"activation": "sigmoid", "weights": [["0.5", "-0.4"], ["0.3", "0.8"]], "biases": ["0.1", "-0.2"]},
        {"activation": "sigmoid", "weights": [["0.7", "-0.6"]], "biases": ["0.2"]},
    ],
    "samples": [
        {"inputs": [0, 0], "targets": [0]},
        {"inputs": [0, 1], "targets": [1]},
        {"inputs": [1, 0], "targets": [1]},
        {"inputs": [1, 1], "targets": [0]},
    ],
}
PERCEPTRON: dict[str, Any] = {
    "learning_rate": "0.1",
    "layers": [{"activation": "step", "weights": [["0.3", "-0.1"]], "biases": ["-0.2"]}],
    "training": {"rule": "perceptron", "schedule": "online", "epochs": 10},
}
TRUTH = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1]}
PATTERNS = [(0, 0), (0, 1), (1, 0), (1, 1)]


def solve(*tables: dict[str, Any]) -> calc.Solution:
    merged: dict[str, Any] = {}
    for table in tables:
        merged |= table
    return calc.solve(calc.Problem(**merged))


def gate(targets: Sequence[int]) -> dict[str, Any]:
    return {"samples": [{"inputs": list(x), "targets": [t]} for x, t in zip(PATTERNS, targets, strict=True)]}


# --- an independent account of which samples an update sees ----------------------------------------------------------


def rounds(problem: dict[str, Any]) -> Iterator[tuple[int, list[int]]]:
    """Epoch and samples of each update, written without a look at calc's."""
    training, count = problem["training"], len(problem["samples"])
    schedule = training.get("schedule", "batch")
    size = {"batch": count, "online": 1}[schedule] if isinstance(schedule, str) else schedule["batch_size"]
    order = training.get("order") or [n + 1 for n in range(count)]
    for epoch in range(1, training.get("epochs", 1) + 1):
        rest = list(order)
        while rest:
            yield epoch, rest[:size]
            rest = rest[size:]


def random_training(source: random.Random, samples: int) -> dict[str, Any]:
    order = list(range(1, samples + 1))
    source.shuffle(order)
    schedule = source.choice(["batch", "online", "online", {"batch_size": source.randint(1, samples)}])
    return {"epochs": source.randint(1, 3), "schedule": schedule, "order": order}


def trainings(kind: str, count: int, **rounding: Any) -> Iterator[dict[str, Any]]:
    """Random networks of several samples, trained over several updates."""
    number = 0
    while count:
        number += 1
        source = random.Random(f"{kind} {number}")
        problem = random_problem(source)
        if sum(len(row) for layer in problem["layers"] for row in layer["weights"]) > 40 or len(problem["samples"]) < 2:
            continue
        problem["training"] = random_training(source, len(problem["samples"]))
        problem["rounding"] = problem["rounding"] | rounding
        try:
            calc.solve(calc.Problem(**problem)).render("json")
        except calc.UnsupportedError:
            continue  # a random network may run off to where ln or a page has no number
        count -= 1
        yield problem


def one_update(problem: dict[str, Any], visited: list[int], values: Any, digits: int = 60) -> dict[str, Any]:
    """The referee's account of one update from the parameters ``values``, under the ids of the file's samples."""
    layers = [
        {"activation": layer["activation"]}
        | {
            "weights": [
                [text(values[f"w{n}_{j}_{i}"]) for i, _ in enumerate(row, 1)]
                for j, row in enumerate(layer["weights"], 1)
            ]
        }
        | (
            {"biases": [text(values[f"b{n}_{j}"]) for j, _ in enumerate(layer["biases"], 1)]}
            if "biases" in layer
            else {}
        )
        for n, layer in enumerate(problem["layers"], 1)
    ]
    kept = {key: value for key, value in problem.items() if key != "training"}
    found = recompute(kept | {"layers": layers, "samples": [problem["samples"][s - 1] for s in visited]}, digits)
    spelled: dict[str, Any] = {}
    for id, value in found.items():
        stem, _, sample = id.partition("@")
        alone = len(visited) == 1
        own = stem.startswith(("x_", "t_", "z", "a", "E_", "da", "dz", "dE/da", "dE/dz"))
        mark = f"@{visited[int(sample) - 1]}" if sample else f"@{visited[0]}" if alone and own else ""
        spelled[stem + mark] = value
        if (alone and stem.startswith(("dE/dw", "dE/db"))) or (alone and stem == "E"):
            spelled[f"{stem}@{visited[0]}"] = value
    return spelled


def text(value: Any) -> str:
    """A parameter as a number that the referee reads: any of its own values, or a string of the JSON output."""
    return value if isinstance(value, str) else mpmath.nstr(value, 110, min_fixed=-(10**6), max_fixed=10**6)


def first_parameters(problem: dict[str, Any]) -> dict[str, Any]:
    values = {}
    for n, layer in enumerate(problem["layers"], 1):
        for j, row in enumerate(layer["weights"], 1):
            values |= {f"w{n}_{j}_{i}": mpf(w) for i, w in enumerate(row, 1)}
        values |= {f"b{n}_{j}": mpf(b) for j, b in enumerate(layer.get("biases", []), 1)}
    return values


def mpf(number: Any) -> Any:
    exact = read_number(number)
    with mpmath.workdps(120):
        return mpmath.mpf(exact.numerator) / exact.denominator


# --- digits and lines ------------------------------------------------------------------------------------------------


def test_every_printed_digit_of_every_update_is_the_referees(sweep: Sweep, record_property: Record) -> None:
    compared, wrong = 0, []
    for problem in trainings("digits", sweep.count(seconds=12, ci=40, full=300), carry="full"):
        iterations = json.loads(solve(problem).render("json"))["iterations"]
        assert [one["index"] for one in iterations] == list(range(1, len(list(rounds(problem))) + 1))
        state = first_parameters(problem)
        for one, (_, visited) in zip(iterations, rounds(problem), strict=True):
            with mpmath.workdps(120):
                expected = one_update(problem, visited, state)
                assert set(expected) <= set(one["values"])
                for id, value in expected.items():
                    said = one["values"][id]["shown"]
                    if "/" in said:
                        continue  # a fraction as it was typed
                    compared += 1
                    exact = Fraction(*mpmath.libmp.to_rational(value._mpf_))
                    if abs(exact) < Fraction(1, 10**80):  # fewer than 50 digits of it are known here
                        assert abs(read_shown(said)) < Fraction(1, 10**80), (id, said)
                        continue
                    near = abs(exact) * Fraction(1, 10**50)
                    shown = {round_as_the_page_says(v, problem["rounding"]) for v in (exact - near, exact + near)}
                    typed = id.split("@")[0].rstrip("0123456789_") in ("x", "t") or (
                        one["index"] == 1 and id[0] in "wb" and not id.endswith("'")
                    )
                    if id[0] == "b" and not problem["conventions"]["update_biases"]:
                        typed = True  # a constant stays as it was typed
                    if not typed and read_shown(said) not in shown:
                        wrong.append((id, said, mpmath.nstr(value, 25), problem))
                state |= {id: expected[f"{id}'"] for id in state}
    record_property("digits of several updates compared", compared)
    assert compared > 2000
    assert not wrong


def test_where_rounded_numbers_are_carried_each_update_begins_with_the_printed_ones() -> None:
    for problem in trainings("rounded", 8, carry="rounded"):
        iterations = json.loads(solve(problem).render("json"))["iterations"]
        for before, after in pairwise(iterations):
            for id in first_parameters(problem):
                assert after["values"][id]["value"] == before["values"][f"{id}'"]["value"]
                ended = before["values"][f"{id}'"]
                assert "/" in ended["shown"] or read_shown(ended["shown"]) == Fraction(ended["value"])


@pytest.mark.parametrize("carry", ["full", "rounded"])
def test_every_line_of_every_update_comes_out_on_a_calculator(carry: str, sweep: Sweep) -> None:
    checked = 0
    for problem in trainings(f"lines {carry}", sweep.count(seconds=4, ci=20, full=100), carry=carry):
        page = solve(problem, {"solution": problem["solution"] | {"show": "all"}}).render()
        at_zero = Fraction(problem["conventions"]["relu_at_zero"])
        report = proofread(page, problem["rounding"], at_zero, slopes_by_side(problem))
        faults = [fault for fault in report.faults if "cannot be re-computed" not in page]
        assert not faults, (problem, faults[:3])
        checked += report.checked
    assert checked > 300


@pytest.mark.parametrize("schedule", ["online", {"batch_size": 3}, "batch"])
def test_numpy_trains_to_the_same_parameters(schedule: Any) -> None:
    problem = NETWORK | {"training": {"epochs": 20, "schedule": schedule, "order": [3, 1, 4, 2]}}
    w = [np.array(layer["weights"], float) for layer in NETWORK["layers"]]
    b = [np.array(layer["biases"], float) for layer in NETWORK["layers"]]
    x = np.array([s["inputs"] for s in NETWORK["samples"]], float)
    t = np.array([s["targets"] for s in NETWORK["samples"]], float)
    for _, visited in rounds(problem):
        at = [s - 1 for s in visited]
        hidden = 1 / (1 + np.exp(-(x[at] @ w[0].T + b[0])))
        out = 1 / (1 + np.exp(-(hidden @ w[1].T + b[1])))
        delta = (out - t[at]) * out * (1 - out) / len(at)
        below = delta @ w[1] * hidden * (1 - hidden)
        w[1], b[1] = w[1] - 0.5 * delta.T @ hidden, b[1] - 0.5 * delta.sum(0)
        w[0], b[0] = w[0] - 0.5 * below.T @ x[at], b[0] - 0.5 * below.sum(0)
    last = solve(problem).iterations[-1]
    for n in (1, 2):
        for (j, i), value in np.ndenumerate(w[n - 1]):
            assert float(last[f"w{n}_{j + 1}_{i + 1}'"].value) == pytest.approx(value, rel=1e-12)
        for (j,), value in np.ndenumerate(b[n - 1]):
            assert float(last[f"b{n}_{j + 1}'"].value) == pytest.approx(value, rel=1e-12)


# --- laws ------------------------------------------------------------------------------------------------------------


def test_batches_of_all_samples_are_a_batch_and_batches_of_one_are_online() -> None:
    for size, name in ((4, "batch"), (1, "online")):
        one = solve(NETWORK, {"training": {"schedule": {"batch_size": size}, "epochs": 2}})
        other = solve(NETWORK, {"training": {"schedule": name, "epochs": 2}})
        for mine, its in zip(one.iterations, other.iterations, strict=True):
            assert dict(mine) == dict(its)


@settings(max_examples=15)
@given(st.data())
def test_two_epochs_are_one_epoch_and_then_another(data: st.DataObject) -> None:
    """With exact numbers: what one epoch ends with, typed into a file, is what the second begins with."""
    number = st.fractions(min_value=-2, max_value=2, max_denominator=8).map(str)
    layers = [{"activation": data.draw(st.sampled_from(["identity", "relu"])), "weights": [[data.draw(number)] * 2]}]
    samples = [{"inputs": [data.draw(number), data.draw(number)], "targets": [data.draw(number)]} for _ in range(2)]
    problem = NETWORK | {"layers": layers, "samples": samples}
    both = solve(problem, {"training": {"epochs": 2, "schedule": "online"}}).iterations
    first = solve(problem, {"training": {"schedule": "online"}}).iterations[-1]
    ended = [[str(first[f"w1_1_{i}'"].value) for i in (1, 2)]]
    if max(map(len, ended[0])) > 50:
        return  # longer than a number in a file
    second = solve(problem, {"layers": [layers[0] | {"weights": ended}], "training": {"schedule": "online"}}).iterations
    assert {id: r.value for id, r in both[3].items()} == {id: r.value for id, r in second[1].items()}


def test_a_plain_solve_is_the_first_update_of_a_longer_one() -> None:
    alone, longer = solve(NETWORK), solve(NETWORK, {"training": {"epochs": 3}})
    assert dict(longer.iterations[0]) == dict(alone.iterations[0]) == {id: alone[id] for id in alone}
    assert longer["w1_1_1'"] == longer.iterations[0]["w1_1_1'"]
    assert longer.iterations[1]["w1_1_1"].value == longer["w1_1_1'"].value


def test_an_optimizer_goes_on_with_its_state_and_its_count() -> None:
    adam = {"optimizer": {"name": "adam"}, "training": {"epochs": 3}}
    for before, after in pairwise(solve(NETWORK, adam).iterations):
        for letter in "mv":
            assert after[f"{letter}.w2_1_1"].value == before[f"{letter}.w2_1_1'"].value
        m, hat = after["m.w2_1_1'"].value, after["mhat.w2_1_1"].value
        assert float(m / hat) == pytest.approx(1 - 0.9**after.index, rel=1e-15)


def test_a_thousand_updates_are_worked_and_proven_to_the_last_digit() -> None:
    solution = solve(NETWORK, {"training": {"epochs": 250, "schedule": "online"}, "rounding": {"decimals": 12}})
    assert len(solution.iterations) == 1000
    assert "| $1000$ |" in solution.render()
    assert not solution.iterations[-1]["E"].exact


def test_exact_numbers_that_grow_too_long_go_on_as_certified_balls() -> None:
    linear = [layer | {"activation": "identity"} for layer in NETWORK["layers"]]
    solution = solve(NETWORK, {"layers": linear, "training": {"epochs": 30}})
    exact = [one["w1_1_1"].exact for one in solution.iterations]
    assert exact[:3] == [True] * 3
    assert not exact[-1]
    weights = [np.array(layer["weights"], float) for layer in linear]
    biases = [np.array(layer["biases"], float) for layer in linear]
    x, t = (np.array([s[key] for s in NETWORK["samples"]], float) for key in ("inputs", "targets"))
    for _ in range(30):
        hidden = x @ weights[0].T + biases[0]
        delta = (hidden @ weights[1].T + biases[1] - t) / 4
        below = delta @ weights[1]
        weights = [weights[0] - 0.5 * below.T @ x, weights[1] - 0.5 * delta.T @ hidden]
        biases = [biases[0] - 0.5 * below.sum(0), biases[1] - 0.5 * delta.sum(0)]
    assert float(solution.iterations[-1]["w1_1_1'"].value) == pytest.approx(weights[0][0, 0], rel=1e-9)


# --- perceptron rule and delta rule ----------------------------------------------------------------------------------


def by_rule(problem: dict[str, Any]) -> Iterator[dict[str, Fraction]]:
    """The parameters after each update by the perceptron rule or ADALINE, in Fractions and plain loops."""
    layer, rule = problem["layers"][0], problem["training"]["rule"]
    rate, bound = Fraction(problem["learning_rate"]), {"step": (0, 1), "sign": (-1, 1)}[layer["activation"]]
    w = [[Fraction(entry) for entry in row] for row in layer["weights"]]
    b = [Fraction(entry) for entry in layer.get("biases", [0] * len(w))]
    for _, visited in rounds(problem):
        old = [list(row) for row in w], list(b)
        for s in visited:
            sample = problem["samples"][s - 1]
            x = [Fraction(entry) for entry in sample["inputs"]]
            for j, t in enumerate(sample["targets"]):
                z = sum((p * q for p, q in zip(old[0][j], x, strict=True)), old[1][j])
                a = bound[1] if z > 0 else bound[0] if z < 0 else (1 if layer["activation"] == "step" else 0)
                e = t - (z if rule == "delta" else a)
                for i, entry in enumerate(x):
                    w[j][i] += rate * e * entry
                if "biases" in layer:
                    b[j] += rate * e
        yield {f"w1_{j}_{i}'": v for j, row in enumerate(w, 1) for i, v in enumerate(row, 1)} | (
            {f"b1_{j}'": v for j, v in enumerate(b, 1)} if "biases" in layer else {}
        )


@pytest.mark.parametrize("schedule", ["online", "batch", {"batch_size": 3}])
@pytest.mark.parametrize("activation", ["step", "sign"])
@pytest.mark.parametrize("name", TRUTH)
def test_the_perceptron_learns_a_gate(name: str, activation: str, schedule: Any) -> None:
    targets = [2 * t - 1 if activation == "sign" else t for t in TRUTH[name]]
    layers = [PERCEPTRON["layers"][0] | {"activation": activation}]
    training = PERCEPTRON["training"] | {"schedule": schedule, "epochs": 40}
    problem = PERCEPTRON | gate(targets) | {"layers": layers, "training": training}
    solution = solve(problem)
    for one, expected in zip(solution.iterations, by_rule(problem), strict=True):
        assert {id: one[id].value for id in expected} == expected
    last = solution.iterations[-1]
    assert all(last[f"a1_1@{s}"].value == t for s, t in enumerate(targets, 1) if s in last.samples)
    page = solution.render()
    assert "In this epoch all samples come out right. Nothing changes any more: the training has converged." in page
    assert "## Backward pass" not in page


@settings(max_examples=40)
@given(st.data())
def test_the_rules_do_what_fractions_do(data: st.DataObject) -> None:
    number = st.fractions(min_value=-2, max_value=2, max_denominator=10).map(str)
    activation = data.draw(st.sampled_from(["step", "sign"]))
    units, inputs, count = (data.draw(st.integers(1, 3)) for _ in range(3))
    layer = {"activation": activation, "weights": [[data.draw(number) for _ in range(inputs)] for _ in range(units)]}
    if data.draw(st.booleans()):
        layer["biases"] = [data.draw(number) for _ in range(units)]
    reached = st.sampled_from([0, 1] if activation == "step" else [-1, 1])
    samples = [
        {"inputs": [data.draw(number) for _ in range(inputs)], "targets": [data.draw(reached) for _ in range(units)]}
        for _ in range(count)
    ]
    training = random_training(random.Random(data.draw(st.integers())), count)
    rule = {"rule": data.draw(st.sampled_from(["perceptron", "delta"]))}
    problem = {"learning_rate": "1/4", "layers": [layer], "samples": samples, "training": training | rule}
    solution = solve(problem)
    for one, expected in zip(solution.iterations, by_rule(problem), strict=True):
        assert {id: one[id].value for id in expected} == expected
    assert not proofread(solution.render(), {"decimals": 4}).faults


@pytest.mark.parametrize("activation", ["identity", "sigmoid", "tanh", "relu"])
def test_the_delta_rule_is_gradient_descent_on_half_squared_errors(activation: str) -> None:
    single = {"layers": [{"activation": activation, "weights": [["0.3", "-0.1"]], "biases": ["0.2"]}]}
    training = {"epochs": 3, "schedule": {"batch_size": 3}}
    rule = {key: value for key, value in NETWORK.items() if key != "loss"} | single
    delta = solve(rule, {"training": training | {"rule": "delta"}})
    gradient = solve(NETWORK, single, {"training": training, "reduction": "sum"})
    for mine, its in zip(delta.iterations, gradient.iterations, strict=True):
        for id in ("w1_1_1'", "w1_1_2'", "b1_1'", "E", "E'", "Dw1_1_1"):
            assert mine[id] == its[id]


def test_a_mean_over_a_batch_is_asked_for() -> None:
    batch = PERCEPTRON | gate([0, 0, 0, 0]) | {"training": {"rule": "perceptron"}}
    added, averaged = solve(batch), solve(batch, {"reduction": "mean"})
    assert added["Dw1_1_1"].value == 4 * averaged["Dw1_1_1"].value != 0
    assert added["Dw1_1_1"].value == sum(added[f"Dw1_1_1@{s}"].value for s in range(1, 5))


def test_a_dump_solves_to_the_same() -> None:
    problem = calc.Problem(**PERCEPTRON, **gate(TRUTH["AND"]))
    again = calc.Problem(**problem.model_dump(mode="json", exclude_none=True))
    assert again == problem
    assert calc.solve(again).render("json") == calc.solve(problem).render("json")


# --- the page --------------------------------------------------------------------------------------------------------


def test_a_small_network_online_gets_a_table_per_pattern_and_shows_no_marks() -> None:
    page = solve(NETWORK, {"training": {"schedule": "online"}}).render()
    for s in (1, 2, 3, 4):
        assert f"## Update {s}: epoch 1, sample {s}" in page
    assert "[1]" not in page
    assert "&#91;" not in page
    assert page.count("| parameter | old value | gradient | change | new value |") == 3


@pytest.mark.parametrize("carry", ["full", "rounded"])
def test_a_row_of_changes_comes_out_on_a_calculator(carry: str) -> None:
    """old + change = new, and −η gradient = change, from the digits that stand in the row."""
    rounding = {"decimals": 4, "carry": carry}
    problem = NETWORK | {"training": {"schedule": "online", "epochs": 3}, "rounding": rounding}
    rows = 0
    for line in solve(problem).render().split("## Update 2")[1].split("## All updates")[0].splitlines():
        cells = [cell.strip(" $") for cell in line.split("|")[1:-1]]
        if len(cells) != 5 or not cells[0].startswith(("w", "b")):
            continue
        old, gradient, change, new = (Fraction(cell) for cell in cells[1:])
        places = len(cells[3].partition(".")[2])
        assert round_as_the_page_says(old + change, {"decimals": 4}) == new, line
        assert round_as_the_page_says(-gradient / 2, {"decimals": max(4, places)}) == change, line
        rows += 1
    assert rows == 99


def test_with_everything_shown_every_update_has_its_own_lines() -> None:
    page = solve(NETWORK, {"training": {"epochs": 3}, "solution": {"show": "all"}}).render()
    assert page.count("## Forward pass") == page.count("## Backward pass") == page.count("## Update\n") == 3
    numbers = [int(n) for n in re.findall(r"\\text\{\((\d+)\)\}", page)]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("format", ["tex", "typ", "txt", "md", "json"])
@pytest.mark.parametrize("schedule", ["online", "batch", {"batch_size": 3}])
@pytest.mark.parametrize("rule", ["gradient", "perceptron", "delta"])
def test_every_schedule_and_rule_is_written_in_every_format(rule: str, schedule: Any, format: str) -> None:
    problem = NETWORK if rule == "gradient" else PERCEPTRON | gate(TRUTH["OR"])
    assert solve(problem, {"training": {"rule": rule, "schedule": schedule, "epochs": 2}}).render(format)


# --- faults ----------------------------------------------------------------------------------------------------------

STEP = {"layers": [{"activation": "step", "weights": [[1, 1]]}]}
FAULTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no permutation": (
        {"training": {"order": [1, 1, 5]}},
        ["training.order: no such sample: 5; found twice: 1; missing: 2, 3, 4; each of the samples 1 to 4 needed once"],
    ),
    "a batch too large": (
        {"training": {"schedule": {"batch_size": 5}}},
        ["training.schedule: batch_size: 5 found, at most 4 needed, the number of samples"],
    ),
    "an empty batch": ({"training": {"schedule": {"batch_size": 0}}}, ["training.schedule: batch_size: 0 found"]),
    "no such schedule": (
        {"training": {"schedule": "weekly"}},
        ['training.schedule: "weekly" found, "batch", "online"'],
    ),
    "no epoch": ({"training": {"epochs": 0}}, ["training.epochs: 0 found, at least 1 needed"]),
    "too many epochs": (
        {"training": {"epochs": 10**9, "schedule": "online"}},
        ["training.epochs: 1000000000 epochs make 4000000000 updates, at most 1000 updates of 9 parameters"],
    ),
    "no such rule": ({"training": {"rule": "hebb"}}, ['training.rule: "hebb" is not known']),
    "a step by gradients": (
        STEP,
        ['layers[0].activation: "step" has no derivative', 'Set training.rule = "perceptron" or "delta"'],
    ),
    "a sign in a deep network": (
        {"layers": [{"activation": "sign", "weights": [[1, 1]]}, {"activation": "identity", "weights": [[1]]}]},
        ['layers[0].activation: "sign" has no derivative', "For several layers choose another one"],
    ),
    "a deep perceptron": (
        {"training": {"rule": "perceptron"}},
        ['training.rule: "perceptron" found with 2 layers; it is for a single layer'],
    ),
    "a perceptron with a sigmoid": (
        {"training": {"rule": "perceptron"}, "layers": [{"activation": "sigmoid", "weights": [[1, 1]]}]},
        ['layers[0].activation: "sigmoid" found, "step" or "sign" needed for the perceptron rule'],
    ),
    "a perceptron with a loss": (
        STEP | {"training": {"rule": "perceptron"}, "loss": "hinge"},
        ['loss: "hinge" found; the perceptron rule goes with half_squared_error alone. Leave loss out'],
    ),
    "a delta rule with Adam": (
        STEP | {"training": {"rule": "delta"}, "optimizer": {"name": "adam"}},
        ['optimizer.name: "adam" found; the delta rule is an update of its own. Leave optimizer out'],
    ),
    "a target out of reach": (
        STEP | {"training": {"rule": "perceptron"}, "samples": [{"inputs": [1, 1], "targets": ["0.5"]}]},
        ["samples[0].targets[0]: 0.5 found, 0 or 1 needed: nothing else is reached by step"],
    ),
    "a fraction out of reach": (
        {"layers": [{"activation": Sign(), "weights": [[1, 1]]}], "loss": "half_squared_error"}
        | {"training": {"rule": "delta"}, "samples": [{"inputs": [1, 1], "targets": ["-2/2", "1/2"]}]},
        ["samples[0].targets[1]: 1/2 found, -1 or 1 needed: nothing else is reached by sign"],
    ),
    "several at once": (
        STEP | {"training": {"rule": "perceptron", "order": [4, 3, 2], "epochs": -1}, "loss": "mse"},
        ["training.order: missing: 1", "training.epochs: -1 found", "loss: "],
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_does_not_go_together_is_told(case: str) -> None:
    tables, messages = FAULTS[case]
    with pytest.raises(calc.ProblemError) as caught:
        calc.Problem(**(NETWORK | tables))
    for message in messages:
        assert message in str(caught.value)


def test_an_update_that_cannot_be_worked_is_named() -> None:
    wild = [layer | {"activation": "identity"} for layer in NETWORK["layers"]]
    with pytest.raises(calc.UnsupportedError, match=r"update \d+ \(epoch \d+\): "):
        solve(NETWORK, {"layers": wild, "learning_rate": 1000, "training": {"epochs": 200}}).render()


def test_the_table_of_mini_batches_is_not_taken_apart_column_by_column() -> None:
    page = solve(NETWORK, {"training": {"schedule": {"batch_size": 2}, "epochs": 2, "order": [3, 1, 2, 4]}}).render(
        "text"
    )
    assert re.search(r"^  update  epoch  samples  E ", page, re.MULTILINE)


def test_where_the_error_of_a_later_update_is_taken_is_told() -> None:
    tables = {"optimizer": {"name": "nesterov"}, "training": {"epochs": 3}}
    said = "are those at the looked-ahead parameters"
    assert said in " ".join(solve(NETWORK, tables).render("text").split())
    assert said not in " ".join(solve(NETWORK, {"training": {"epochs": 3}}).render("text").split())
