"""Learning rates of their own, penalties, masks and the look-ahead: what is printed, what is refused."""

from fractions import Fraction
from typing import Any

import jsonschema
import numpy as np
import pytest
from proofreader import proofread
from test_updates import BIASES, WEIGHTS, gradients, published

import calc
import calc.file
from calc import graph
from calc.expr import Expr, Neg
from calc.updates import UPDATES

LAYERS = [
    {"activation": "tanh", "weights": [[0.5, -0.2], [0.3, 0]], "biases": [0.1, 0]},
    {"activation": "sigmoid", "weights": [[0.7, -0.4]], "biases": [0.2]},
]
SAMPLE = {"inputs": [1, -0.5], "targets": [0]}


def tables(**changed: Any) -> dict[str, Any]:
    """A 2-2-1 network with top-level keys replaced; None removes one."""
    whole = {"learning_rate": 0.1, "loss": "half_squared_error", "layers": LAYERS, "samples": [SAMPLE]} | changed
    return {key: value for key, value in whole.items() if value is not None}


def first_layer(**keys: Any) -> list[Any]:
    return [LAYERS[0] | keys, LAYERS[1]]


def value(solution: calc.Solution, id: str) -> Fraction:
    return solution[id].value


def text(page: str) -> str:
    return " ".join(page.split())


# --- what is told ------------------------------------------------------------------------------------------------

RATES = "learning_rates"
FAULTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no rates at all": (
        {"learning_rate": None, RATES: [], "layers": LAYERS},
        [f"{RATES}: empty. Add at least one entry"],
    ),
    "no rate": ({"learning_rate": None}, ["learning_rate: missing. Add … or one table [[learning_rates]] per layer"]),
    "both rates": ({RATES: [{"weights": 1}] * 2}, ["learning_rate: found beside learning_rates, one of them needed"]),
    "too few tables": ({"learning_rate": None, RATES: [{"weights": 1}]}, [f"{RATES}: 1 table found, 2 needed"]),
    "rates of another shape": (
        {"learning_rate": None, RATES: [{"weights": [[1, 2]], "biases": 1}, {"weights": 1, "biases": [1, 2]}]},
        [
            f"{RATES}[0].weights: 1 row of 2 numbers found, one number or 2 rows of 2 numbers needed",
            f"{RATES}[1].biases: 2 numbers found, one number or 1 number needed",
        ],
    ),
    "no rate for biases that are updated": (
        {"learning_rate": None, RATES: [{"weights": [[1, 2], [3, 4]]}, {"weights": 1}]},
        [f"{RATES}[0].biases: missing: the weights have a rate each"],
    ),
    "two rates that are no numbers": (
        {"learning_rate": None, RATES: [{"weights": [[1, "x"], [True, 4]], "biases": 1}, {"weights": 1}]},
        [f"{RATES}[0].weights: [0][1]: 'x' is not a number. … [1][0]: true found, a number needed"],
    ),
    "a mask of another length": ({"layers": first_layer(mask=[1])}, ["layers[0].mask: 1 number found, 2 needed"]),
    "half a mask": ({"layers": first_layer(mask=[1, 0.5])}, ["layers[0].mask[1]: 0.5 found, 0 (masked) or 1 needed"]),
    "keep without a mask": ({"layers": first_layer(keep=0.5)}, ["layers[0].keep: found without a mask. Add mask"]),
    "keeping nothing": ({"layers": first_layer(mask=[1, 0], keep=0)}, ["layers[0].keep: 0 found, the share"]),
    "keeping too much": ({"layers": first_layer(mask=[1, 0], keep="3/2")}, ["layers[0].keep: 3/2 found, the share"]),
    "a masked softmax": (
        {"layers": first_layer(mask=[1, 0], activation="softmax")},
        ["layers[0].mask: found with softmax, whose units hang together"],
    ),
    "a negative penalty": (
        {"penalty": {"l2": -1, "l1": "x"}},
        ["penalty.l1: 'x'", "penalty.l2: -1 found, 0 or"],
    ),
    "a penalty that is none": ({"penalty": {"l3": 1}}, ['penalty.l3: "l3" is not known. … Known: l1, l2']),
    "a symbol for no penalty": ({"notation": {"symbols": {"penalty": "R"}}}, ['notation.symbols."penalty": is no']),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_wrong_table_is_told(case: str) -> None:
    changed, expected = FAULTS[case]
    with pytest.raises(calc.ProblemError) as caught:
        calc.Problem(**tables(**changed))
    told = [str(fault) for fault in caught.value.faults]
    assert len(told) == len(expected), told
    for fault, parts in zip(told, expected, strict=True):
        assert all(part.strip() in fault for part in parts.split("…")), fault


def test_a_problem_survives_being_written_and_read_again() -> None:
    own = [{"weights": [[1, "2.50"], [3, "1/4"]], "biases": 1}, {"weights": "1/3"}]
    changed = {"learning_rate": None, "learning_rates": own, "penalty": {"l1": "0.10"}}
    problem = calc.Problem(**tables(**changed, layers=first_layer(mask=[1, 0], keep="0.50")))
    written = problem.model_dump(mode="json", exclude_none=True)
    assert written["learning_rates"] == own
    assert written["layers"][0]["keep"] == "0.50"
    assert calc.Problem(**written).model_dump(mode="json") == problem.model_dump(mode="json")


def test_the_schema_knows_the_tables() -> None:
    schema = jsonschema.Draft202012Validator(calc.file.schema())
    own = [{"weights": [[1, 2], [3, 4]], "biases": 1}, {"weights": "1/3"}]
    masked = first_layer(mask=[1, 0], keep=0.5)
    schema.validate(tables(learning_rate=None, learning_rates=own, penalty={"l1": 0.1}, layers=masked))
    for case in ("no rate", "both rates", "half a mask", "keep without a mask", "a penalty that is none"):
        assert not schema.is_valid(tables(**FAULTS[case][0])), case


# --- learning rates ----------------------------------------------------------------------------------------------


def test_every_parameter_changes_by_its_own_rate() -> None:
    rates = [{"weights": [[0.1, 0.2], [0.3, 0.4]], "biases": [0.5, 0.6]}, {"weights": 0.7}]
    solution = calc.solve(calc.Problem(**tables(learning_rate=None, learning_rates=rates)))
    own = {
        "w1_1_1": 1,
        "w1_1_2": 2,
        "w1_2_1": 3,
        "w1_2_2": 4,
        "b1_1": 5,
        "b1_2": 6,
        "w2_1_1": 7,
        "w2_1_2": 7,
        "b2_1": 7,
    }
    for name, tenths in own.items():
        change, gradient = value(solution, f"D{name}"), value(solution, f"dE/d{name}")
        assert change == pytest.approx(-Fraction(tenths, 10) * gradient, rel=1e-18)
    assert solution["learning_rate2"].shown == "0.7"
    page = solution.render()
    assert r"$\eta^{(1)}_{12} = 0.2$" in page
    assert r"$\eta^{(2)} = 0.7$" in page
    assert r"\Delta b^{(1)}_2 &= -\eta^{(1)}_{b2} \cdot" in page


def test_rates_of_weights_and_biases_have_names_of_their_own_where_they_differ() -> None:
    rates = [{"weights": 0.1, "biases": 0.2}, {"weights": 0.3, "biases": 0.3}]
    solution = calc.solve(calc.Problem(**tables(learning_rate=None, learning_rates=rates)))
    assert [id for id in solution if id.startswith("learning_rate")] == [
        "learning_rate.w1",
        "learning_rate.b1",
        "learning_rate2",
    ]


def test_three_weight_matrices_with_rates_per_weight_and_no_biases() -> None:
    layers = [
        {"activation": "tanh", "weights": [[0.1, 0.4], [-0.3, 0.2], [0.2, -0.5]]},
        {"activation": "sigmoid", "weights": [[0.3, -0.1, 0.2], [-0.2, 0.4, 0.1]]},
        {"activation": "identity", "weights": [[0.7, -0.4]]},
    ]
    rates = [{"weights": 0.1}, {"weights": [[0.1, 0.2, 0.1], [0.2, 0.1, 0.2]]}, {"weights": 0.05}]
    changed = {"learning_rate": None, "learning_rates": rates, "layers": layers, "notation": {"profile": "x-layer"}}
    page = calc.solve(calc.Problem(**tables(**changed))).render()
    assert r"$\alpha_{2,12} = 0.2$" in page
    assert not proofread(page, {"decimals": 4}).faults


# --- penalties ---------------------------------------------------------------------------------------------------


def test_a_penalty_is_a_part_of_the_error_and_a_term_of_every_weight() -> None:
    solution = calc.solve(calc.Problem(**tables(penalty={"l1": "0.01", "l2": "0.1"})))
    squares, sizes = Fraction(25 + 4 + 9 + 49 + 16, 100), Fraction(5 + 2 + 3 + 7 + 4, 10)
    assert value(solution, "penalty") == squares / 20 + sizes / 100
    assert value(solution, "E") == pytest.approx(value(solution, "E_data") + value(solution, "penalty"), rel=1e-18)
    assert value(solution, "dpenalty/dw1_1_2") == Fraction(-2, 100) - Fraction(1, 100)
    whole, data = value(solution, "dE/dw1_1_2"), value(solution, "dE_data/dw1_1_2")
    assert whole == pytest.approx(data + Fraction(-3, 100), rel=1e-17)
    assert "dpenalty/db1_1" not in list(solution)
    assert value(solution, "E'") > value(solution, "E_data'")


def test_the_derivative_of_a_weight_of_zero_is_zero_whatever_the_other_kinks_are() -> None:
    for kinks in (0, "1/2", 1):
        changed = {"penalty": {"l1": 1}, "conventions": {"kinks": kinks}, "loss": "absolute_error"}
        solution = calc.solve(calc.Problem(**tables(**changed)))
        assert value(solution, "dpenalty/dw1_2_2") == 0
        assert not proofread(solution.render(), {"decimals": 4}).faults


def test_the_penalty_is_not_divided_by_the_number_of_samples() -> None:
    one, many = (calc.solve(calc.Problem(**tables(penalty={"l2": 1}, samples=[SAMPLE] * count))) for count in (1, 3))
    for id in ("penalty", "E", "dE/dw2_1_1", "dpenalty/dw2_1_1"):
        assert value(many, id) == pytest.approx(value(one, id), rel=1e-17), id
    gradient = sum(value(many, f"dE/dw2_1_1@{s}") for s in (1, 2, 3)) + value(many, "dpenalty/dw2_1_1")
    assert value(many, "dE/dw2_1_1") == pytest.approx(gradient, rel=1e-17)


@pytest.mark.parametrize("carry", ["full", "rounded"])
@pytest.mark.parametrize("l1", [0, 0.1])
def test_a_wrong_derivative_of_the_penalty_is_never_printed(
    carry: str, l1: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = graph.derivative

    def wrong(*args: Any) -> Expr:
        return Neg(right(*args))

    monkeypatch.setattr(graph, "derivative", wrong)
    problem = calc.Problem(**tables(penalty={"l1": l1, "l2": 0.1}, rounding={"carry": carry}))
    with pytest.raises(calc.VerificationError):
        calc.solve(problem)


def test_no_penalty_changes_no_page() -> None:
    bare, nought = (calc.solve(calc.Problem(**tables(penalty=penalty))) for penalty in (None, {"l1": 0, "l2": "0.0"}))
    assert bare.render() == nought.render()


# --- masks -------------------------------------------------------------------------------------------------------


def test_a_masked_unit_passes_nothing_on_and_learns_nothing() -> None:
    solution = calc.solve(calc.Problem(**tables(layers=first_layer(mask=[1, 0]))))
    for id in ("a1_2", "da1_2/dz1_2", "dE/dz1_2", "Dw1_2_1", "Db1_2", "dE/dw2_1_2", "a1_2'"):
        assert value(solution, id) == 0, id
    assert value(solution, "z1_2") != 0
    page = text(solution.render())
    assert "$a^{(1)}_2$ is masked: the unit passes nothing on, and its derivative is 0." in page
    assert "the same in every sample and in the new forward pass of the check" in page


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "silu", "gelu"])
def test_what_is_kept_is_divided_and_so_is_its_derivative(activation: str) -> None:
    plain, kept = (
        calc.solve(calc.Problem(**tables(layers=first_layer(activation=activation, **mask))))
        for mask in ({}, {"mask": [1, 1], "keep": "0.4"})
    )
    for id in ("a1_1", "a1_2", "da1_1/dz1_1", "da1_2/dz1_2"):
        assert value(kept, id) == pytest.approx(value(plain, id) * Fraction(5, 2), rel=1e-17), id
    slopes = {"lrelu": (Fraction("0.01"), Fraction(0), Fraction(1))}
    assert not proofread(kept.render(), {"decimals": 4}, by_side=slopes).faults


def test_a_masked_relu_is_not_said_to_be_negative() -> None:
    layer = {"activation": "relu", "mask": [0, 1], "weights": [[1, 1], [1, 1]], "biases": [0, 0]}
    page = calc.solve(calc.Problem(**tables(layers=[layer, LAYERS[1]]))).render()
    assert "is masked" in page
    assert "sum is negative" not in page


def test_a_masked_output_takes_no_short_cut() -> None:
    layers = [LAYERS[0], LAYERS[1] | {"mask": [1], "keep": 1}]
    solution = calc.solve(calc.Problem(**tables(layers=layers, loss="binary_cross_entropy")))
    assert "the derivative of the activation cancels" not in solution.render()
    assert value(solution, "dE/dz2_1") == pytest.approx(value(solution, "a2_1"), rel=1e-17)  # a − t


def test_a_kink_of_a_kept_unit_is_held_by_the_check() -> None:
    layer = {"activation": "relu", "mask": [1, 1], "keep": 0.5, "weights": [[0.5, 1], [1, 1]], "biases": [0, 0]}
    for at_zero in (0, "1/2", 1):
        changed = {"layers": [layer, LAYERS[1]], "conventions": {"relu_at_zero": at_zero}}
        assert value(calc.solve(calc.Problem(**tables(**changed))), "da1_1/dz1_1") == 2 * Fraction(at_zero)


# --- nesterov ----------------------------------------------------------------------------------------------------

STATE = {"v": [[["0.01", 0.02], [0.1, -0.1]], [[0.05, 0]]], "v_biases": [[0, 0.3], [-0.2]]}


def test_nesterov_works_the_passes_at_the_looked_ahead_parameters() -> None:
    solution = calc.solve(calc.Problem(**tables(optimizer={"name": "nesterov", "beta": 0.5, "state": STATE})))
    assert value(solution, "ahead.w1_1_1") == Fraction("0.505")
    assert value(solution, "ahead.b1_2") == Fraction("0.15")
    assert value(solution, "z1_1") == Fraction("0.505") + Fraction("-0.19") * Fraction("-0.5") + Fraction("0.1")
    assert value(solution, "dz2_1/da1_1") == Fraction("0.725")
    moved = value(solution, "w1_1_1") + value(solution, "v.w1_1_1'")  # from w, not from where it looked
    assert value(solution, "w1_1_1'") == pytest.approx(moved, rel=1e-17)
    page = solution.render()
    assert "### Looking ahead" in page
    assert r"\tilde{w}^{(1)}_{11} &= w^{(1)}_{11} + 0.5 \cdot v^{(1)}_{11} = 0.5 + 0.5 \times 0.01 = 0.505" in page
    assert "at the looked-ahead parameters" in page


def test_constant_biases_are_not_looked_ahead_to() -> None:
    changed = {"conventions": {"update_biases": False}, "optimizer": {"name": "nesterov", "state": STATE}}
    solution = calc.solve(calc.Problem(**tables(**changed)))
    assert not [id for id in solution if id.startswith("ahead.b")]
    assert value(solution, "b1_2'") == 0


def test_every_optimiser_is_named_with_its_formula() -> None:
    for update in UPDATES:
        page = calc.solve(calc.Problem(**tables(optimizer={"name": update.name}))).render()
        rule = page.partition("very parameter changes as")[2].partition("## Forward pass")[0].replace("&", "")
        for letter in update.state:
            assert rf"{letter}^{{(1)\prime}}_{{11}} = " in rule
        assert r"\Delta w^{(1)}_{11} = " in rule


def test_pytorch_agrees_where_its_conventions_coincide() -> None:
    torch = pytest.importorskip("torch")
    made = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
        "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1, eps=1e-8),
        "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.1, alpha=0.9, eps=1e-8),
        "adam": lambda p: torch.optim.Adam(p, lr=0.1),
        "adamw": lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.01),
    }  # torch's momentum takes the rate outside of v; it comes to the same as long as the rate stays
    made["momentum"] = lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)
    for name, optimizer in made.items():
        theirs = [torch.tensor(np.array(a, float)) for pair in zip(WEIGHTS, BIASES, strict=True) for a in pair]
        ours, states = [tensor.numpy().copy() for tensor in theirs], [dict[str, Any]() for _ in theirs]
        stepper = optimizer(theirs)
        for step in range(20):
            for tensor, g in zip(
                theirs,
                gradients([theirs[0].numpy(), theirs[2].numpy()], [theirs[1].numpy(), theirs[3].numpy()]),
                strict=True,
            ):
                tensor.grad = torch.tensor(g)
            slopes = gradients([ours[0], ours[2]], [ours[1], ours[3]])
            stepper.step()
            ours = [published(name, w, g, s, step + 1) for w, g, s in zip(ours, slopes, states, strict=True)]
            for own, other in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(own, other.numpy(), rtol=1e-9, atol=1e-12, err_msg=name)
