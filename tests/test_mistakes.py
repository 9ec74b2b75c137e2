"""Mal-rules: each by itself on a small problem, planted in sheets of random problems, and beside random numbers."""

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from circuit_referee import recompute as recompute_graph
from conftest import Sweep
from flint import arb, fmpq
from planted import KINDS, Writer, padded, random_key, sheet_of
from referee import recompute
from test_wording import LANGUAGES, said

import calc
from calc.answers import read_number
from calc.expr import Expr, evaluate
from calc.judge import Verdict, judge
from calc.key import Key
from calc.mistakes import MISTAKES, SLIPS, changes
from calc.number import Rounding, Shown

NAMES = [one.name for one in (*MISTAKES, *SLIPS)]
HONEST = (Verdict.RIGHT, Verdict.ROUNDED_EARLY, Verdict.LAST_DIGIT)
# where rounding a wrong number may lead out of a logarithm's domain, a line cannot be judged
FOLLOWING = (*HONEST, Verdict.FOLLOWS, Verdict.CANNOT_JUDGE)

# Each rule on a small problem -----------------------------------------------------------------------------------

HIDDEN = {"activation": "sigmoid", "weights": [[0.3, -0.2], [0.1, 0.5]], "biases": [0.4, -0.1]}
OUTPUT = {"activation": "sigmoid", "weights": [[0.7, 0.6], [-0.3, 0.2]], "biases": [0.25, 0.15]}
ONE = {"inputs": [0.5, -0.4], "targets": [0.2, 0.9]}
TWO = {"inputs": [-0.8, 0.3], "targets": [0.7, 0.1]}
NET: dict[str, Any] = {
    "learning_rate": 0.3,
    "loss": "half_squared_error",
    "layers": [HIDDEN, OUTPUT],
    "samples": [ONE],
    "solution": {"method": "delta"},
}
MINUS = NET | {"conventions": {"delta_sign": "-dE/dz"}}
CONSTANT = NET | {"conventions": {"update_biases": False}}
SEQUENTIAL = NET | {"conventions": {"update_order": "sequential"}}
SQUARED, MEAN, ABSOLUTE = (NET | {"loss": loss} for loss in ("squared_error", "mean_squared_error", "absolute_error"))
ENTROPY = NET | {"loss": "binary_cross_entropy"}
BATCH = NET | {"samples": [ONE, TWO]}
SUMMED = BATCH | {"reduction": "sum"}
PENALTY = NET | {"penalty": {"l2": 0.2, "l1": 0.05}}
MASKED = NET | {"layers": [HIDDEN | {"activation": "tanh", "mask": [1, 0], "keep": 0.5}, OUTPUT]}
THREE = {"activation": "softmax", "weights": [[0.7, 0.6], [-0.3, 0.2], [0.1, -0.5]]}
CLASSES = NET | {"loss": "cross_entropy", "layers": [THREE], "samples": [ONE | {"targets": [0, 1, 0]}]}
SOFTMAX = CLASSES | {"loss": "half_squared_error"}
RELU = NET | {"layers": [HIDDEN | {"activation": "relu"}, OUTPUT]}
SINE = NET | {"layers": [HIDDEN | {"activation": {"formula": "sin(z)"}}, OUTPUT]}
STATE = {"m": [[[0.1, 0.2], [0.1, 0.3]], [[0.2, 0.1], [0.4, 0.1]]], "m_biases": [[0.1, 0.1], [0.2, 0.2]]}
STATE |= {"v": STATE["m"], "v_biases": STATE["m_biases"]}
VELOCITY = {"v": STATE["v"], "v_biases": STATE["v_biases"]}
SQUARES = {"s": STATE["v"], "s_biases": STATE["v_biases"]}
MOMENTUM = NET | {"optimizer": {"name": "momentum", "state": VELOCITY}}
NESTEROV = NET | {"optimizer": {"name": "nesterov", "state": VELOCITY}}
ADAGRAD = NET | {"optimizer": {"name": "adagrad", "epsilon": 0.01, "state": SQUARES}}
ADAMW = NET | {"optimizer": {"name": "adamw", "step": 2, "state": STATE}}
SINGLE = {"activation": "step", "weights": [[0.3, -0.2]], "biases": [0.4]}
DELTA = {"learning_rate": 0.3, "training": {"rule": "delta"}, "layers": [SINGLE]}
DELTA |= {"samples": [ONE | {"targets": [0]}]}
SUM = 0.3 * 0.5 + 0.2 * 0.4 + 0.4  # z of its unit, and of the first one of the network
BENT = DELTA | {"layers": [SINGLE | {"activation": "sigmoid"}]}


def graph(*formulas: str, **values: Any) -> dict[str, Any]:
    own = {key: values.pop(key) for key in ("upstream", "learning_rate") if key in values}
    return {"graph": {"formulas": list(formulas), "values": values} | own}


TWICE = graph("p = x * y", "f = p + x", x=3, y=-2)
CHAIN = graph("q = x * y", "f = q ** 3", x=0.5, y=-2, upstream=0.4)
WAVE = graph("f = sin(x)", x=0.7)
RECIPROCAL = graph("q = x + y", "f = 2 / q", x=0.5, y=2)
LARGER = graph("f = max(x, y)", x=0.5, y=2)
LOGARITHM = graph("f = ln(x)", x=0.7)

Values = Mapping[str, float]


def s(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def exps(v: Values) -> float:
    return sum(math.exp(v[f"z1_{j}"]) for j in (1, 2, 3))


def slope(v: Values, unit: str) -> float:
    """a (1 − a)"""
    return v[f"a{unit}"] * (1 - v[f"a{unit}"])


def back(v: Values, i: int) -> tuple[float, float]:
    """w delta of both units above the hidden unit i"""
    return v[f"w2_1_{i}"] * v["dE/dz2_1"], v[f"w2_2_{i}"] * v["dE/dz2_2"]


CASES: list[tuple[str, dict[str, Any], str, Callable[[Values], list[float]]]] = [
    ("error-sign", NET, "dE/da2_1", lambda v: [v["t_1"] - v["a2_1"]]),
    ("error-sign", NET, "dE/dz2_1", lambda v: [(v["t_1"] - v["a2_1"]) * slope(v, "2_1")]),
    ("error-sign", MINUS, "delta2_1", lambda v: [(v["a2_1"] - v["t_1"]) * slope(v, "2_1")]),
    ("error-sign", DELTA, "e_1", lambda v: [SUM]),
    ("forgot-derivative", NET, "dE/dz2_1", lambda v: [v["a2_1"] - v["t_1"]]),
    ("forgot-derivative", NET, "dE/dw2_1_2", lambda v: [(v["a2_1"] - v["t_1"]) * v["a1_2"]]),
    ("forgot-derivative", MINUS, "delta1_1", lambda v: [-sum(back(v, 1))]),
    ("forgot-derivative", BENT, "Dw1_1_1", lambda v: [0.3 * -s(SUM) * 0.5]),
    ("derivative-of-output", NET, "da1_1/dz1_1", lambda v: [s(v["a1_1"]) * (1 - s(v["a1_1"]))]),
    ("derivative-with-sum", NET, "da1_1/dz1_1", lambda v: [v["z1_1"] * (1 - v["z1_1"])]),
    ("wrong-derivative", NET, "da1_1/dz1_1", lambda v: [1 - v["a1_1"] ** 2]),
    ("part-of-derivative", NET, "da1_1/dz1_1", lambda v: [1 - v["a1_1"]]),
    ("function-for-derivative", NET, "dE/dz1_1", lambda v: [sum(back(v, 1)) * v["a1_1"]]),
    ("forgot-mask", MASKED, "a1_2", lambda v: [math.tanh(v["z1_2"]), 2 * math.tanh(v["z1_2"])]),
    ("forgot-keep", MASKED, "a1_1", lambda v: [math.tanh(v["z1_1"]), math.tanh(v["z1_1"]) / 2]),
    ("forgot-keep", MASKED, "da1_1/dz1_1", lambda v: [u := 1 - math.tanh(v["z1_1"]) ** 2, u / 2]),
    ("derivative-after-cancelling", ENTROPY, "dE/dz2_1", lambda v: [(v["a2_1"] - v["t_1"]) * slope(v, "2_1")]),
    ("softmax-by-itself", SOFTMAX, "dE/dz1_2", lambda v: [(v["a1_2"] - 1) * slope(v, "1_2")]),
    ("softmax-by-itself", CLASSES, "dE/dz1_2", lambda v: [v["a1_2"] - 1]),
    ("softmax-wrong-pair", CLASSES, "da1_1/dz1_3", lambda v: [v["a1_1"] * (1 - v["a1_3"])]),
    ("left-out-path", NET, "dE/da1_1", lambda v: list(back(v, 1))),
    ("left-out-path", MINUS, "delta1_2", lambda v: [-term * slope(v, "1_2") for term in back(v, 2)]),
    ("forgot-weight", NET, "dE/da1_1", lambda v: [v["dE/dz2_1"] + v["dE/dz2_2"]]),
    (
        "derivative-above-forgotten",
        NET,
        "dE/dz1_1",
        lambda v: [slope(v, "1_1") * sum(v[f"w2_{j}_1"] * (v[f"a2_{j}"] - v[f"t_{j}"]) for j in (1, 2))],
    ),
    ("updated-weights", NET, "dE/da1_1", lambda v: [sum(v[f"w2_{j}_1'"] * v[f"dE/dz2_{j}"] for j in (1, 2))]),
    ("old-weights", SEQUENTIAL, "dE/da1_1", lambda v: [sum(v[f"w2_{j}_1"] * v[f"dE/dz2_{j}"] for j in (1, 2))]),
    ("old-weights", NET, "z1_1'", lambda v: [v["z1_1"]]),
    ("forgot-upstream", NET, "dE/dz1_1", lambda v: [slope(v, "1_1")]),
    ("forgot-input", NET, "dE/dw1_2_1", lambda v: [v["dE/dz1_2"]]),
    ("forgot-input", DELTA, "Dw1_1_1", lambda v: [0.3 * -SUM]),
    ("wrong-factor", NET, "dE/dw1_2_1", lambda v: [v["dE/dz1_2"] * v["w1_2_1"]]),
    ("wrong-factor", NET, "dE/da1_2", lambda v: [(v["dE/dz2_1"] + v["dE/dz2_2"]) * v["a1_2"]]),
    ("wrong-factor", NET, "dz2_1/db2_1", lambda v: [v["b2_1"]]),
    ("added-gradient", NET, "w1_1_1'", lambda v: [v["w1_1_1"] + 0.3 * v["dE/dw1_1_1"]]),
    ("added-gradient", MOMENTUM, "v.w1_1_1'", lambda v: [0.9 * v["v.w1_1_1"] + 0.3 * v["dE/dw1_1_1"]]),
    ("forgot-rate", NET, "w1_1_1'", lambda v: [v["w1_1_1"] - v["dE/dw1_1_1"]]),
    ("forgot-rate", DELTA, "Dw1_1_1", lambda v: [-SUM * 0.5]),
    ("rate-twice", NET, "Dw1_1_1", lambda v: [-0.09 * v["dE/dw1_1_1"]]),
    ("change-for-value", NET, "Dw1_1_1", lambda v: [v["w1_1_1"] - 0.3 * v["dE/dw1_1_1"]]),
    ("change-for-value", NET, "w1_1_1'", lambda v: [-0.3 * v["dE/dw1_1_1"]]),
    ("bias-not-updated", NET, "b1_1'", lambda v: [v["b1_1"]]),
    ("bias-not-updated", NET, "z1_1'", lambda v: [v["w1_1_1'"] * 0.5 - v["w1_1_2'"] * 0.4 + v["b1_1"]]),
    ("constant-bias-updated", CONSTANT, "z1_1'", lambda v: [v["z1_1'"] - 0.3 * v["dE/db1_1"]]),
    ("constant-bias-updated", CONSTANT, "b1_1'", lambda v: [v["b1_1"] - 0.3 * v["dE/db1_1"]]),
    ("forgot-momentum", MOMENTUM, "v.w1_1_1'", lambda v: [-0.3 * v["dE/dw1_1_1"]]),
    ("averaged-momentum", MOMENTUM, "v.w1_1_1'", lambda v: [0.9 * v["v.w1_1_1"] - 0.03 * v["dE/dw1_1_1"]]),
    (
        "wrong-share",
        ADAMW,
        "m.w1_1_1'",
        lambda v: [0.9 * 0.1 + v["dE/dw1_1_1"], 0.1 * 0.1 + 0.9 * v["dE/dw1_1_1"]],
    ),
    ("forgot-state", ADAMW, "m.w1_1_1'", lambda v: [0.1 * v["dE/dw1_1_1"]]),
    ("forgot-bias-correction", ADAMW, "mhat.w1_1_1", lambda v: [v["m.w1_1_1'"]]),
    (
        "forgot-bias-correction",
        ADAMW,
        "Dw1_1_1",
        lambda v: [-0.3 * v["m.w1_1_1'"] / (math.sqrt(v["v.w1_1_1'"]) + 1e-8) - 0.003 * v["w1_1_1"]],
    ),
    ("wrong-step-count", ADAMW, "mhat.w1_1_1", lambda v: [v["m.w1_1_1'"] / (1 - 0.9**t) for t in (2, 4)]),
    ("forgot-root", ADAGRAD, "Dw1_1_1", lambda v: [-0.3 * v["dE/dw1_1_1"] / (v["s.w1_1_1'"] + 0.01)]),
    ("epsilon-inside-root", ADAGRAD, "Dw1_1_1", lambda v: [-0.3 * v["dE/dw1_1_1"] / math.sqrt(v["s.w1_1_1'"] + 0.01)]),
    ("old-state", ADAGRAD, "Dw1_1_1", lambda v: [-0.3 * v["dE/dw1_1_1"] / (math.sqrt(v["s.w1_1_1"]) + 0.01)]),
    ("forgot-weight-decay", ADAMW, "Dw1_1_1", lambda v: [(u := v["Dw1_1_1"] + 0.003 * 0.3), u - 0.01 * 0.3]),
    ("forgot-look-ahead", NESTEROV, "ahead.w1_1_1", lambda v: [v["w1_1_1"]]),
    ("forgot-bias", NET, "z1_1", lambda v: [0.3 * 0.5 + 0.2 * 0.4]),
    ("subtracted-bias", NET, "z1_1", lambda v: [0.3 * 0.5 + 0.2 * 0.4 - 0.4]),
    ("left-out-input", NET, "z1_1", lambda v: [0.3 * 0.5 + 0.4, 0.2 * 0.4 + 0.4]),
    ("wrong-activation", NET, "a1_1", lambda v: [math.tanh(v["z1_1"]), v["z1_1"]]),
    ("softmax-not-normalised", CLASSES, "a1_1", lambda v: [math.exp(v["z1_1"])]),
    (
        "softmax-sum-one-short",
        CLASSES,
        "a1_1",
        lambda v: [math.exp(v["z1_1"]) / (exps(v) - math.exp(v[f"z1_{k}"])) for k in (1, 2, 3)],
    ),
    (
        "softmax-without-exp",
        CLASSES,
        "a1_1",
        lambda v: [u / (v["z1_1"] + v["z1_2"] + v["z1_3"]) for u in (v["z1_1"], math.exp(v["z1_1"]))],
    ),
    ("forgot-half", NET, "E_1", lambda v: [(v["t_1"] - v["a2_1"]) ** 2]),
    ("forgot-half", NET, "dE/da2_1", lambda v: [2 * (v["a2_1"] - v["t_1"])]),
    ("forgot-two", SQUARED, "dE/da2_1", lambda v: [v["a2_1"] - v["t_1"]]),
    ("summed-for-averaged", BATCH, "E", lambda v: [v["E@1"] + v["E@2"]]),
    ("summed-for-averaged", BATCH, "dE/dw2_1_1", lambda v: [2 * v["dE/dw2_1_1"]]),
    ("summed-for-averaged", MEAN, "dE/da2_1", lambda v: [2 * (v["a2_1"] - v["t_1"])]),
    ("averaged-for-summed", SUMMED, "dE/dw1_1_1", lambda v: [v["dE/dw1_1_1"] / 2]),
    ("averaged-for-summed", NET, "E", lambda v: [(v["E_1"] + v["E_2"]) / 2]),
    ("left-out-sample", SUMMED, "E", lambda v: [v["E@2"], v["E@1"]]),
    ("left-out-sample", BATCH, "dE/db2_1", lambda v: [v["dE/dz2_1@2"], v["dE/dz2_1@1"]]),
    ("left-out-term", NET, "E", lambda v: [v["E_2"], v["E_1"]]),
    (
        "left-out-term",
        ENTROPY,
        "E_1",
        lambda v: [-0.8 * math.log(1 - v["a2_1"]), -0.2 * math.log(v["a2_1"])],
    ),
    ("squared-separately", NET, "E_1", lambda v: [(v["t_1"] ** 2 - v["a2_1"] ** 2) / 2]),
    (
        "exchanged-target",
        ENTROPY,
        "E_1",
        lambda v: [-v["a2_1"] * math.log(0.2) - (1 - v["a2_1"]) * math.log(0.8)],
    ),
    ("wrong-loss", ENTROPY, "dE/da2_1", lambda v: [v["a2_1"] - v["t_1"]]),
    ("forgot-penalty", PENALTY, "E", lambda v: [v["E_data"]]),
    ("forgot-penalty", PENALTY, "dE/dw1_1_1", lambda v: [v["dE/dz1_1"] * v["x_1"]]),
    (
        "penalty-factor",
        PENALTY,
        "dE/dw1_1_2",
        lambda v: [v["dE/dz1_1"] * v["x_2"] + factor * -0.2 - 0.05 for factor in (0.4, 1)],
    ),
    ("penalised-biases", PENALTY, "dE/db1_1", lambda v: [v["dE/dz1_1"] + 0.2 * 0.4]),
    ("penalised-biases", PENALTY, "squares1", lambda v: [v["squares1"] + 0.4**2 + 0.1**2]),
    ("wrong-input", NET, "z1_1", lambda v: [0.3 * -0.4 - 0.2 * 0.5 + 0.4]),
    ("wrong-input", NET, "dE/dw2_1_1", lambda v: [v["dE/dz2_1"] * v["a1_2"]]),
    ("wrong-unit", NET, "a1_1", lambda v: [v["a1_2"]]),
    ("wrong-unit", NET, "dE/dw2_1_2", lambda v: [v["dE/dz2_2"] * v["a1_2"]]),
    ("wrong-sample", BATCH, "z1_1@1", lambda v: [v["z1_1@2"]]),
    ("wrong-sample", BATCH, "E_1@1", lambda v: [(0.7 - v["a2_1@1"]) ** 2 / 2]),
    ("forgot-activation", NET, "a1_1", lambda v: [v["z1_1"]]),
    ("forgot-activation", NET, "z2_1", lambda v: [0.7 * v["z1_1"] + 0.6 * v["z1_2"] + 0.25]),
    ("forgot-activation", NET, "dE/dw2_1_1", lambda v: [v["dE/dz2_1"] * v["z1_1"]]),
    ("output-for-sum", DELTA, "e_1", lambda v: [0 - 1]),
    ("output-for-input", NET, "dE/dw2_1_1", lambda v: [v["dE/dz2_1"] * v["a2_1"]]),
    ("transposed-weights", NET, "z1_1", lambda v: [0.3 * 0.5 - 0.1 * 0.4 + 0.4]),
    ("transposed-weights", NET, "dE/da1_1", lambda v: [0.7 * v["dE/dz2_1"] + 0.6 * v["dE/dz2_2"]]),
    ("transposed-weights", NET, "dE/dw2_1_2", lambda v: [v["dE/dz2_2"] * v["a1_1"]]),
    ("forgot-square", NET, "E_1", lambda v: [(v["t_1"] - v["a2_1"]) / 2]),
    ("forgot-square", ADAGRAD, "s.w1_1_1'", lambda v: [0.1 + v["dE/dw1_1_1"]]),
    ("forgot-absolute-value", ABSOLUTE, "E_1", lambda v: [v["t_1"] - v["a2_1"]]),
    ("common-logarithm", ENTROPY, "E_1", lambda v: [v["E_1"] / math.log(10)]),
    ("common-logarithm", LOGARITHM, "f", lambda v: [math.log10(0.7)]),
    ("degrees", SINE, "a1_1", lambda v: [math.sin(math.radians(SUM))]),
    ("degrees", WAVE, "df/dx|f", lambda v: [math.cos(math.radians(0.7))]),
    ("exponent-sign", NET, "a1_1", lambda v: [s(-v["z1_1"])]),
    ("lost-brackets", NET, "a1_1", lambda v: [1 + math.exp(-v["z1_1"])]),
    ("sign-in-sum", NET, "z1_1", lambda v: [-0.15 + 0.08 + 0.4, 0.15 - 0.08 + 0.4, 0.15 + 0.08 - 0.4]),
    ("sign-in-sum", NET, "da1_1/dz1_1", lambda v: [v["a1_1"] * (1 + v["a1_1"])]),
    ("wrong-case", RELU, "da1_1/dz1_1", lambda v: [0]),
    ("wrong-case", LARGER, "f", lambda v: [0.5]),
    ("forgot-minus", CLASSES, "E_2", lambda v: [math.log(v["a1_2"])]),
    ("forgot-minus", RECIPROCAL, "df/dq|f", lambda v: [2 / 2.5**2]),
    ("inverted-fraction", RECIPROCAL, "f", lambda v: [1.25]),
    ("sum-and-product", TWICE, "p", lambda v: [1]),
    ("sum-and-product", TWICE, "df/dx", lambda v: [-2]),
    ("left-out-factor", CHAIN, "df/dq|f", lambda v: [1, 3]),
    ("left-out-branch", TWICE, "df/dx", lambda v: [-2, 1]),
    ("only-local", CHAIN, "dL/dx", lambda v: [-2]),
    ("only-local", CHAIN, "dL/df", lambda v: [1]),
    ("only-upstream", CHAIN, "dL/dx", lambda v: [0.4 * 3]),
    ("exchanged-factor", CHAIN, "dq/dx", lambda v: [0.5]),
    ("not-derived", CHAIN, "df/dq|f", lambda v: [-1, -3]),
]


def worked(tables: dict[str, Any]) -> dict[str, float]:
    """Every quantity, recomputed by referees that share no code with calc, as far as they reach."""
    if tables in (DELTA, BENT, SINE):  # the case itself has it all
        return {}
    found = recompute_graph(tables)[0] if "graph" in tables else recompute(tables)
    return {id: float(value) for id, value in found.items()}


@pytest.mark.parametrize(("name", "tables", "id", "expected"), CASES, ids=[f"{name} {id}" for name, _, id, _ in CASES])
def test_a_mistake_gives_the_numbers_worked_by_hand(
    name: str, tables: dict[str, Any], id: str, expected: Callable[[Values], list[float]]
) -> None:
    key = Key(calc.Problem(**tables))
    (work,) = key.ways(key.problem.solution.method)
    found = [evaluate(changed, key.full[0]) for one, changed in changes(work.steps[id], work) if one == name]
    assert sorted(float(arb(value)) for value in found) == pytest.approx(sorted(expected(worked(tables))), rel=1e-9)


@pytest.mark.parametrize(
    ("name", "right", "numbers"),
    [
        ("wrong-sign", Shown("0.4627"), ["-0.4627"]),
        ("wrong-sign", Shown("0"), []),
        ("exchanged-digits", Shown("-0.4627"), ["-4.0627", "-0.6427", "-0.4267", "-0.4672"]),
        ("exchanged-digits", Shown("5.31", -3), ["3.51e-3", "5.13e-3"]),
        ("decimal-point", Shown("0.4627"), ["4.627", "0.04627"]),
        ("decimal-point", Shown("5.31", -3), ["5.31e-2", "5.31e-4", "5.31"]),
        ("decimal-point", Shown("0"), []),
    ],
)
def test_a_slip_gives_the_numbers_written_by_hand(name: str, right: Shown, numbers: list[str]) -> None:
    (slip,) = [one for one in SLIPS if one.name == name]
    assert list(slip.numbers(right)) == [read_number(text).value for text in numbers]


def test_every_mistake_has_a_name_of_its_own_and_a_case_worked_by_hand() -> None:
    assert len(NAMES) == len(set(NAMES))
    assert {name for name, *_ in CASES} == {one.name for one in MISTAKES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mistake_is_explained_with_a_hint_in_every_language(language: str) -> None:
    explained = {key.removeprefix("mistake.") for key in said(language) if key.startswith("mistake.")}
    assert explained == {f"{name}.{part}" for name in NAMES for part in ("what", "hint")}


@pytest.mark.parametrize("method", ["chain", "delta", "matrix"])
@pytest.mark.parametrize(
    "tables", [NET, MINUS, ENTROPY, CONSTANT, SEQUENTIAL], ids=["net", "minus", "entropy", "constant", "seq"]
)
def test_few_numbers_are_known_mistakes_at_a_step(tables: dict[str, Any], method: str) -> None:
    key = Key(calc.Problem(**tables | {"solution": {"method": method}}))
    (work,) = key.ways(method)
    for id, step in work.steps.items():
        numbers = {round(float(arb(evaluate(changed, key.full[0]))), 4) for _, changed in changes(step, work)}
        assert len(numbers) <= 25, id


@pytest.mark.parametrize("name", ["forgot-derivative", "error-sign", "forgot-rate", "transposed-weights"])
@pytest.mark.parametrize("method", ["chain", "delta", "matrix"])
def test_the_usual_mistakes_are_known_whatever_the_way_of_writing(name: str, method: str) -> None:
    key = Key(calc.Problem(**NET | {"solution": {"method": method}}))
    (work,) = key.ways(method)
    assert any(one == name for step in work.steps.values() for one, _ in changes(step, work))


# Planted in sheets of random problems -----------------------------------------------------------------------------


def test_a_planted_mistake_is_found_and_named_and_what_follows_is_not_wrong(
    sweep: Sweep, record_property: Callable[[str, object], None]
) -> None:
    wanted = sweep.count(seconds=1, ci=4, full=200)
    most = sweep.count(seconds=12, ci=80, full=7000)  # problems that are tried
    planted, named, alone, hidden = Counter[str](), Counter[str](), 0, 0
    missing = {one.name for one in MISTAKES}
    kinds = list(KINDS)
    for number, (key, decimals, source) in enumerate(random_keys("planted", kinds)):
        if not missing or number == most:
            break
        # what is still missing is one in many of these, and nowhere else
        kinds[:] = {700: ["optimizer", "rule", "graph", "custom"], 3100: ["optimizer", "optimizer", "rule"]}.get(
            number, kinds
        )
        writer = Writer(key, decimals, source.choice(["full", "rounded"]))
        honest = writer.honest()
        places: dict[str, list[tuple[str, Expr]]] = {}
        for id in honest:
            for name, changed in changes(writer.work.steps[id], writer.work):
                places.setdefault(name, []).append((id, changed))
        for name in sorted(missing & places.keys()):
            source.shuffle(places[name])
            tried = (writer.plant(id, changed, honest) for id, changed in places[name][:MOST_TRIED])
            one = next((found for found in tried if found is not None), None)
            if one is None:
                continue
            marked = judge(key, one.sheet)
            told = f"{name} planted in {one.id} of problem {number}: {one.wrong} for {one.right}"
            later = [judged for judged in marked.judged if judged.answer.id != one.id]
            wrong = [judged.answer.id for judged in later if judged.verdict not in FOLLOWING]
            assert not wrong, f"{told}; then {wrong}"
            judged = next(judged for judged in marked.judged if judged.answer.id == one.id)
            if one.hidden or judged.fine:  # a sheet rounded on the way has this number too, without any mistake
                hidden += 1
                continue
            assert marked.first_wrong is not None, told
            assert marked.first_wrong.answer.id == one.id, told
            planted[name] += 1
            names = [known.name for known in marked.first_wrong.mistakes]
            named[name] += name in names
            alone += names == [name]
            if planted[name] == wanted:
                missing.remove(name)
    count, right = planted.total(), named.total()
    assert count > most
    if sweep.size == "full":
        assert not missing
        assert all(named[name] >= 0.98 * planted[name] for name in planted), planted - named
    assert right >= 0.98 * count
    assert hidden <= 0.01 * count
    share = f"{100 * right / count:.2f} % of them named rightly, {100 * alone / count:.0f} % with no other name"
    figures = f"{count} of {len(planted)} mistakes, {count} found, {share}, 0 later lines wrong"
    figures += f"; {hidden} more are within what rounding on the way comes to"
    record_property("Planted mistakes", figures)


MOST_TRIED = 6  # places where a mistake is tried in a problem


def test_a_slip_of_the_pen_is_found_and_named(sweep: Sweep, record_property: Callable[[str, object], None]) -> None:
    planted = named = 0
    for number, (key, decimals, source) in enumerate(random_keys("slips")):
        if number == sweep.count(seconds=3, ci=14, full=200):
            break
        writer = Writer(key, decimals, source.choice(["full", "rounded"]))
        honest = writer.honest()
        for slip in SLIPS:
            id = source.choice(list(honest))
            for wrong in slip.numbers(honest[id]):
                one = writer.write(id, Rounding(decimals=decimals).show(wrong), honest)
                if one is not None:
                    judged = judge(key, one.sheet).first_wrong
                    assert judged is not None, (slip.name, id, number)
                    assert judged.answer.id == id, (slip.name, id, number)
                    planted += 1
                    named += slip.name in [known.name for known in judged.mistakes]
                    break
    assert named >= 0.98 * planted > 0
    record_property("Planted slips of the pen", f"{planted}, all found, {named} named rightly")


def random_keys(name: str, kinds: Sequence[str] = KINDS) -> Iterator[tuple[Key, int, random.Random]]:
    """Worked problems of these kinds in turn, with how many decimals they are answered."""
    for number in range(10**6):
        source = random.Random(f"{name} {number}")
        decimals = source.choice([4, 5, 6])
        key = random_key(kinds[number % len(kinds)], source, decimals)
        if key is not None:
            yield key, decimals, source


# Beside random numbers -------------------------------------------------------------------------------------------


def test_a_random_wrong_number_is_hardly_ever_taken_for_a_known_mistake(
    sweep: Sweep, record_property: Callable[[str, object], None]
) -> None:
    tried = taken = 0
    for number, (key, decimals, source) in enumerate(random_keys("random numbers")):
        if number == sweep.count(seconds=10, ci=50, full=1000):
            break
        written = Writer(key, decimals, "full").honest()
        for id in source.sample(list(written), min(len(written), 20)):
            share, value = fmpq(source.randint(-(10**9), 10**9), 10**9), written[id].value
            if value and source.random() < 0.5:  # of the size of the right one, to as many significant digits
                wrong = Rounding(decimals=None, significant=decimals).show(3 * share * value)
            else:
                wrong = padded(Rounding(decimals=decimals).show(share * max(1, 2 * abs(value))), decimals)
            (judged,) = judge(key, sheet_of({id: wrong})).judged
            if judged.verdict not in HONEST:
                tried += 1
                taken += judged.verdict in (Verdict.KNOWN_MISTAKE, Verdict.KNOWN_MISTAKE_FOLLOWS)
    assert taken < 0.01 * tried
    record_property("Random wrong numbers", f"{tried}, {taken} of them taken for a known mistake")
