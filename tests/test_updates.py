"""Optimisers: every state variable is a worked step, and the numbers are those of the published formulas."""

from typing import Any

import numpy as np
import pytest
from proofreader import proofread

import calc
from calc.updates import UPDATES, Update

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
        case "momentum":
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
        slopes = gradients([numbers[0], numbers[2]], [numbers[1], numbers[3]])
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
        problem(optimizer)  # type: ignore[arg-type]
    assert message in str(caught.value)
