"""Optimisers: every state variable is a worked step, and the numbers are those of the published formulas."""

import json
import random
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from conftest import Sweep
from proofreader import exact, proofread, round_as_printed
from referee import (
    OPTIMIZERS,
    gradients_by_autograd,
    random_training,
    read_shown,
    recompute,
    round_as_the_page_says,
    slopes_by_side,
)

import calc
from calc.updates import UPDATES, Update

Record = Callable[[str, object], None]

WEIGHTS = [[[0.5, -0.2], [0.3, 0.8]], [[0.7, -0.4]]]
BIASES = [[0.1, 0.0], [0.2]]


def problem(optimizer: dict[str, Any], weights: Any = WEIGHTS, biases: Any = BIASES, **tables: Any) -> calc.Problem:
    layers = [
        {"activation": activation, "weights": w, "biases": b}
        for activation, w, b in zip(("tanh", "sigmoid"), weights, biases, strict=True)
    ]
    samples = [{"inputs": [1, -0.5], "targets": [0]}]
    common = {"learning_rate": 0.1, "loss": "half_squared_error", "optimizer": optimizer}
    return calc.Problem(layers=layers, samples=samples, **(common | tables))


def gradients(weights: list[np.ndarray], biases: list[np.ndarray]) -> list[np.ndarray]:
    """By hand, in NumPy: dE/dW1, dE/db1, dE/dW2, dE/db2."""
    x = np.array([1, -0.5])
    h = np.tanh(weights[0] @ x + biases[0])
    y = 1 / (1 + np.exp(-(weights[1] @ h + biases[1])))
    delta2 = (y - 0) * y * (1 - y)
    delta1 = (1 - h**2) * (weights[1].T @ delta2)
    return [np.outer(delta1, x), delta1, np.outer(delta2, h), delta2]


def published(name: str, w: Any, g: Any, state: dict[str, Any], t: int) -> Any:
    """One update as the papers write it, with the defaults of each; ``state`` is changed in place."""
    rate = 0.1
    zero = np.zeros_like(w)
    match name:
        case "sgd":
            return w - rate * g
        case "momentum" | "nesterov":  # g is taken at w, or at w + 0.9 v
            state["v"] = 0.9 * state.get("v", zero) - rate * g
            return w + state["v"]
        case "adagrad":
            state["s"] = state.get("s", zero) + g**2
            return w - rate * g / (np.sqrt(state["s"]) + 1e-8)
        case "rmsprop":
            state["s"] = 0.9 * state.get("s", zero) + 0.1 * g**2
            return w - rate * g / (np.sqrt(state["s"]) + 1e-8)
        case "adam" | "adamw":
            state["m"] = 0.9 * state.get("m", zero) + 0.1 * g
            state["v"] = 0.999 * state.get("v", zero) + 0.001 * g**2
            step = rate * (state["m"] / (1 - 0.9**t)) / (np.sqrt(state["v"] / (1 - 0.999**t)) + 1e-8)
            return w - step - (rate * 0.01 * w if name == "adamw" else 0)
    raise AssertionError(name)


def read(solution: calc.Solution, prefix: str, shape: list[np.ndarray], mark: str) -> list[np.ndarray]:
    """w1_1_1', … as arrays: weights and biases alternately, as ``gradients`` has them."""
    arrays = []
    for n, (kind, array) in enumerate(zip("wbwb", shape, strict=True)):
        entry = np.empty_like(array)
        for index in np.ndindex(array.shape):
            at = "_".join(str(i + 1) for i in index)
            entry[index] = float(solution[f"{prefix}{kind}{n // 2 + 1}_{at}{mark}"].value)
        arrays.append(entry)
    return arrays


@pytest.mark.parametrize("update", UPDATES, ids=lambda update: update.name)
def test_twenty_updates_are_those_of_the_published_formulas(update: type[Update]) -> None:
    numbers = [np.array(a, float) for pair in zip(WEIGHTS, BIASES, strict=True) for a in pair]
    states: list[dict[str, Any]] = [{} for _ in numbers]
    optimizer: dict[str, Any] = {"name": update.name}
    weights, biases = WEIGHTS, BIASES
    for step in range(20):
        solution = calc.solve(problem(optimizer, weights, biases))
        worked = read(solution, "", numbers, "'")
        at = numbers
        if update.name == "nesterov":
            at = [w + 0.9 * state.get("v", 0) for w, state in zip(numbers, states, strict=True)]
        slopes = gradients([at[0], at[2]], [at[1], at[3]])
        pairs = zip(numbers, slopes, states, strict=True)
        numbers = [published(update.name, w, g, state, step + 1) for w, g, state in pairs]
        for own, other in zip(worked, numbers, strict=True):
            np.testing.assert_allclose(own, other, rtol=1e-9, atol=1e-12)
        weights, biases = [worked[0].tolist(), worked[2].tolist()], [worked[1].tolist(), worked[3].tolist()]
        carried = {}
        for letter in update.state:
            arrays = read(solution, f"{letter}.", numbers, "'")
            carried |= {letter: [arrays[0].tolist(), arrays[2].tolist()]}
            carried |= {f"{letter}_biases": [arrays[1].tolist(), arrays[3].tolist()]}
        optimizer = {"name": update.name, "step": step + 1, "state": carried}


@pytest.mark.parametrize("update", UPDATES, ids=lambda update: update.name)
@pytest.mark.parametrize("carry", ["full", "rounded"])
@pytest.mark.parametrize("format", ["markdown", "latex"])
def test_every_line_of_an_update_comes_out_on_a_calculator(update: type[Update], carry: str, format: str) -> None:
    page = calc.solve(problem({"name": update.name, "step": 2}, rounding={"carry": carry})).render(format)
    report = proofread(page, {"decimals": 4, "carry": carry})
    assert not report.faults
    assert report.checked > 40


def test_every_state_variable_is_a_step_with_its_operands() -> None:
    steps = calc.solve(problem({"name": "adam"})).trace.steps
    for id in ("m.w2_1_1'", "v.w2_1_1'", "mhat.w2_1_1", "vhat.w2_1_1", "Dw2_1_1", "m.b1_2'", "vhat.b1_2"):
        assert steps[id].uses


FAULTS = {
    "an unknown optimiser": ({"name": "adm"}, 'Did you mean "adam"?'),
    "an unknown parameter": ({"name": "adam", "beta": 0.9}, 'adam has no parameter "beta"'),
    "a state it does not keep": ({"name": "momentum", "state": {"m": [[[0]]]}}, '"m" is not known. Known: v, v_biases'),
    "a state of the wrong shape": ({"name": "momentum", "state": {"v": [[[0]], [[0]]]}}, "the shape of the weights"),
    "text in a state": ({"name": "momentum", "state": {"v": [[["x"]]]}}, "not a number"),
    "a negative count": ({"name": "adam", "step": -1}, "step: -1 found"),
    "a number for the table": (3, "a table needed"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_wrong_optimizer_table_is_told(case: str) -> None:
    optimizer, message = FAULTS[case]
    with pytest.raises(calc.ProblemError, match="optimizer") as caught:
        problem(optimizer)
    assert message in str(caught.value)


# --- at random: optimisers, penalties, masks and learning rates together -----------------------------------------


def trainings(kind: str, count: int, **rounding: Any) -> Iterator[dict[str, Any]]:
    """Random problems that train in some way, one optimiser after the other."""
    for number in range(count):
        source = random.Random(f"{kind} {number}")
        problem = random_training(source, list(OPTIMIZERS)[number % len(OPTIMIZERS)])
        problem["solution"] |= {"show": source.choice(["all", "auto"])}
        problem["rounding"] = problem["rounding"] | rounding
        try:
            calc.solve(calc.Problem(**problem)).render("json")
        except calc.UnsupportedError:
            continue  # a random network may run off to where ln or a page has no number
        yield problem


def test_the_referee_knows_every_optimiser() -> None:
    assert {update.name for update in UPDATES} == set(OPTIMIZERS)


def test_every_printed_digit_of_a_training_step_is_that_of_a_recomputation(
    sweep: Sweep, record_property: Record
) -> None:
    compared, wrong = 0, []
    for problem in trainings("digits", sweep.count(seconds=28, ci=90, full=700), carry="full"):
        values = json.loads(calc.solve(calc.Problem(**problem)).render("json"))["iterations"][0]["values"]
        expected = recompute(problem)
        after = {id for id in values if "'" in id and id.startswith("E")}  # the parts of E', which is compared
        assert {id for id in values if not id.startswith("learning_rate")} - after == set(expected) - after
        for id, noisy in expected.items():
            compared += 1
            value = without_noise(noisy)
            if not is_right(id, values[id], value, problem):
                wrong.append((id, values[id], value, problem))
    record_property("Digits of training steps", f"{compared} values compared, {len(wrong)} differ")
    assert not wrong, wrong[:3]


def without_noise(value: Any) -> Fraction:
    """The last of the referee's hundred digits are noise; without them a tie is a tie."""
    return round_as_printed(exact(value), {"significant": 85}) if value else Fraction(0)


TYPED = re.compile(r"[xt]_\d+(@\d+)?|([mvs]\.)?(w\d+_\d+_\d+|b\d+_\d+)|D?b\d+_\d+'?")  # b' where biases are constants


def is_right(id: str, entry: dict[str, Any], value: Fraction, problem: dict[str, Any]) -> bool:
    claimed = Fraction(entry["value"])
    if abs(claimed - value) > abs(value) / 10 ** (48 if entry["exact"] else 19):
        return False
    typed = TYPED.fullmatch(id) and "×" not in entry["shown"]
    if typed and abs(Fraction(entry["shown"]) - value) <= abs(value) / 10**48:
        return True
    return read_shown(entry["shown"]) == round_as_the_page_says(value, problem["rounding"])


@pytest.mark.parametrize("carry", ["full", "rounded"])
def test_every_line_of_a_training_step_comes_out_on_a_calculator(
    carry: str, sweep: Sweep, record_property: Record
) -> None:
    checked, faults, loose = 0, [], []
    for problem in trainings("lines", sweep.count(seconds=14, ci=50, full=350), carry=carry):
        solution = calc.solve(calc.Problem(**problem))
        for format in ("markdown", "latex"):
            at_zero = Fraction(problem["conventions"]["relu_at_zero"])
            report = proofread(solution.render(format), problem["rounding"], at_zero, slopes_by_side(problem))
            checked += report.checked
            faults += [(problem, fault) for fault in report.faults]
            loose += [(problem, line) for line in report.loose]
    record_property(f"Lines of training steps, {carry} carried", f"{checked} lines checked, {len(faults)} faults")
    assert not faults, (len(faults), faults[:3])
    assert not loose, (len(loose), loose[:3])


def test_gradients_with_penalties_and_masks_are_those_of_automatic_differentiation(
    sweep: Sweep, record_property: Record
) -> None:
    gradients = 0
    for number in range(sweep.count(seconds=40, ci=200, full=800)):
        problem = random_training(random.Random(f"autograd {number}"))
        problem["conventions"]["update_order"] = "simultaneous"
        problem["rounding"] = {"significant": 12}
        solution, expected = calc.solve(calc.Problem(**problem)), gradients_by_autograd(problem)
        size = max(abs(value) for value in expected.values())
        for id, value in expected.items():
            gradients += 1
            assert float(solution[id].value) == pytest.approx(value, rel=1e-9, abs=1e-13 * max(1, size)), (id, problem)
    record_property("Gradients with penalties and masks, against HIPS autograd", f"{gradients} compared, 0 differ")


@pytest.mark.parametrize("optimizer", ["adagrad", "rmsprop", "adam", "adamw"])
def test_a_gradient_that_cancels_over_the_samples_has_a_root_of_its_square(optimizer: str) -> None:
    layers = [{"activation": "sigmoid", "weights": [[0.3]], "biases": [0.2]}]
    samples = [{"inputs": [1], "targets": [target]} for target in (1, 0)]
    tables = {"learning_rate": 0.5, "loss": "absolute_error", "optimizer": {"name": optimizer}}
    solution = calc.solve(calc.Problem(layers=layers, samples=samples, **tables))
    assert solution["dE/dw1_1_1"].shown == "0"
    assert solution["Dw1_1_1"].shown == ("-0.0015" if optimizer == "adamw" else "0")
