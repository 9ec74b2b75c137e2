"""A wrong derivative is never printed, and a right one is never refused."""

import random
import re
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from conftest import Sweep
from proofreader import proofread
from referee import random_problem
from test_trace import network

import calc
import calc.cli
from calc.expr import Expr, Frac, Neg, Num, Prod, Sum
from calc.number import Exact
from calc.ops import ACTIVATIONS, LOSSES, Activation, Loss, affine
from calc.ops.activations import Softmax

XOR = Path(__file__).parent.parent / "examples" / "xor.toml"
SIGMOID = ("sigmoid", [[0.3, -0.2], [0.4, 0.5]], [0.1, 0.2])


def tiny() -> Num:
    """10^-15, which no float would notice."""
    return Num(Exact.read("1e-15").shown)


# What is planted in place of a derivative d. Where d is 0 everywhere the first two would plant nothing.
PLANTED = {
    "of the wrong sign": Neg,
    "wrong in the sixteenth digit": lambda d: Prod((d, Sum((Num.of(1), tiny())))),
    "half as large": lambda d: Frac(d, Num.of(2)),
    "shifted": lambda d: Sum((d, tiny())),
}


def plant(monkeypatch: pytest.MonkeyPatch, operation: type[Any], change: Any) -> None:
    right = operation.derivative
    monkeypatch.setattr(operation, "derivative", lambda *args: change(right(*args)))
    if operation is Softmax:  # its derivatives come by the unit
        units = operation.unit

        def wrong(*args: Any) -> Any:
            formula, derivatives = units(*args)
            return formula, [(by, change(local)) for by, local in derivatives]

        monkeypatch.setattr(operation, "unit", wrong)


def check_that_it_is_refused(problem: calc.Problem) -> None:
    for carry in ("full", "rounded"):
        for order in ("simultaneous", "sequential"):
            tables = problem.model_dump(mode="json", exclude_none=True)
            tables |= {"rounding": {"carry": carry}, "conventions": {"update_order": order}}
            with pytest.raises(calc.VerificationError, match="independent check"):
                calc.solve(calc.Problem(**tables))


@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda op: op.name)
def test_a_wrong_derivative_of_an_activation_is_refused(
    activation: type[Activation], planted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = [(activation.name, [[0.3, -0.2], [0.4, 0.5]], [0.1, 0.2]), ("tanh", [[0.5, 0.6]])]
    problem = network(layers, [1, 0.5], [1])
    calc.solve(problem)
    plant(monkeypatch, activation, PLANTED[planted])
    check_that_it_is_refused(problem)


@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda op: op.name)
def test_a_wrong_derivative_of_a_loss_is_refused(
    loss: type[Loss], planted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    between = loss.name in ("binary_cross_entropy", "cross_entropy")  # outputs between 0 and 1, and nothing cancels
    output = ("softplus", [[0.25, -2], [-3, 1]]) if between else ("identity", [[1, 2], [3, -1]])
    problem = network([SIGMOID, output], [1, 0.5], [0.3, 1] if between else [1, -1], loss=loss.name)
    calc.solve(problem)
    plant(monkeypatch, loss, PLANTED[planted])
    check_that_it_is_refused(problem)


@pytest.mark.parametrize("kind", ["w", "b", "a"])
def test_a_wrong_local_derivative_of_the_pre_activation_is_refused(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = affine.derivatives

    def wrong(*args: Any) -> list[Any]:
        return [(by, Sum((local, tiny())) if by.kind == kind else local) for by, local in right(*args)]

    problem = network([SIGMOID, ("sigmoid", [[1, 2]], [0])], [1, 0.5], [1])
    monkeypatch.setattr(affine, "derivatives", wrong)
    check_that_it_is_refused(problem)


def test_swapped_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The most common slip: ∂z_2/∂a_1 for ∂z_1/∂a_2, the matrix not transposed."""
    right = affine.derivatives

    def wrong(weights: Any, inputs: Any, bias: Any) -> list[tuple[Any, Expr]]:
        return [(by, local.__class__("w", local.layer, local.index[::-1]) if by.kind == "a" else local)
                for by, local in right(weights, inputs, bias)]  # fmt: skip

    monkeypatch.setattr(affine, "derivatives", wrong)
    check_that_it_is_refused(network([SIGMOID, SIGMOID], [1, 0.5], [1, 0]))


def test_nothing_is_printed_and_no_file_written_where_the_check_fails(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    plant(monkeypatch, ACTIVATIONS[1], PLANTED["half as large"])
    for arguments in (["solve", str(XOR)], ["solve", str(XOR), "-o", str(tmp_path / "xor.md")]):
        monkeypatch.setattr("sys.argv", ["calc", *arguments])
        with pytest.raises(SystemExit) as exit:
            calc.cli.main()
        out, err = capfd.readouterr()
        assert (exit.value.code, out, list(tmp_path.iterdir())) == (3, "", [])
        assert "bug of calc" in err


# No false alarm --------------------------------------------------------------------------------------------------

TWINS = ("sigmoid", [[1], [-1]])  # whose sum is exactly 1, undecided at any precision
HARD: dict[str, dict[str, Any]] = {
    "saturated at 1": {"layers": [("sigmoid", [[800]]), ("sigmoid", [[1]])]},
    "saturated at 0": {"layers": [("sigmoid", [[-800]]), ("sigmoid", [[1]])]},
    "a saturated output, wrong": {"layers": [("sigmoid", [[800]])], "targets": [0]},
    "a saturated output, right": {"layers": [("sigmoid", [[800]])]},
    "a saturated output at 0": {"layers": [("sigmoid", [[-800]])]},
    "saturated tanh": {"layers": [("tanh", [[800]]), ("tanh", [[-800]])]},
    "saturated beyond a thousand digits": {"layers": [("tanh", [[5000]]), ("sigmoid", [[5000]])], "targets": [0]},
    "saturated beyond a thousand digits, right": {"layers": [("sigmoid", [[5000]])]},
    "all units dead": {"layers": [("relu", [[-1], [-2]], [-1, 0]), ("relu", [[1, 1]], [-1])]},
    "a dead output": {"layers": [("sigmoid", [[1]]), ("relu", [[-1]])]},
    "at the target": {"layers": [("identity", [[2]]), ("identity", [[3]])], "targets": [6]},
    "at the target by symmetry": {"layers": [("sigmoid", [[0.3]]), ("sigmoid", [[0]])], "targets": ["1/2"]},
    "at the target to within a thousand decimals": {"layers": [TWINS, ("identity", [[1, 1]])]},
    "nothing but zeros": {"layers": [("tanh", [[0]]), ("tanh", [[0]])], "inputs": [0], "targets": [0]},
    "a gradient of 0 by symmetry": {"layers": [("tanh", [[0.5]]), ("tanh", [[0], [0]]), ("tanh", [[1, -1]])]},
    "gradients that cancel over samples": {
        "layers": [("identity", [[1]])],
        "samples": [{"inputs": [1], "targets": [2]}, {"inputs": [1], "targets": [0]}],
    },
    "at a kink": {"layers": [("relu", [[1], [2]], [-1, 1]), ("identity", [[1, 1]])]},
    "at a kink of the output": {"layers": [("sigmoid", [[1]]), ("relu", [[0]])]},
    "at two kinks in a row": {"layers": [("relu", [[1]], [-1]), ("relu", [[3]]), ("sigmoid", [[1]])]},
    "at a kink to within a thousand decimals": {"layers": [TWINS, ("relu", [[1, 1]], [-1]), ("sigmoid", [[1]])]},
    "just above a kink": {"layers": [("relu", [["1e-26"]]), ("identity", [[1]])]},
    "just below a kink": {"layers": [("relu", [["-1e-26"]]), ("identity", [[1]])]},
    "very little above a kink": {"layers": [("relu", [["1e-100"]]), ("identity", [[1]])]},
    "very little below a kink": {"layers": [("relu", [["-1e-100"]]), ("identity", [[1]])]},
    "tiny gradients": {"layers": [("identity", [["1e-100"]])] * 4, "inputs": ["1e-100"]},
    "huge gradients": {"layers": [("identity", [["1e30"]])] * 2, "inputs": ["1e30"], "rounding": {"significant": 4}},
}


@pytest.mark.parametrize("relu_at_zero", [0, "1/2", 1])
@pytest.mark.parametrize("case", HARD)
def test_hard_numbers_raise_no_false_alarm_and_take_no_time(case: str, relu_at_zero: Any) -> None:
    tables = {"layers": [], "inputs": [1], "targets": [1], "conventions": {"relu_at_zero": relu_at_zero}} | HARD[case]
    started = time.perf_counter()
    for order in ("simultaneous", "sequential") if relu_at_zero == 1 else ("simultaneous",):
        for carry in ("full", "rounded"):
            conventions = {"relu_at_zero": relu_at_zero, "update_order": order}
            rounding = {"decimals": 6, "carry": carry} | tables.get("rounding", {})
            if "significant" in rounding:
                del rounding["decimals"]
            problem = network(**(tables | {"conventions": conventions, "rounding": rounding}))
            page = calc.solve(problem).render("markdown")
            faults = proofread(page, rounding, Fraction(relu_at_zero)).faults
            assert not [fault for fault in faults if not fault.startswith(excused(page))]
    assert time.perf_counter() - started < 4


def excused(page: str) -> tuple[str, ...]:
    """The numbers of the lines of which the page says that a saturated unit spoils them, e.g. "(12)"."""
    said = re.findall(r"Lines? ([^:]*): the (?:unit is saturated|exact result is a tie)", page)
    return tuple(number for lines in said for number in re.findall(r"\(\d+\)", lines))


def test_random_networks_raise_no_false_alarm(sweep: Sweep) -> None:
    undefined, count = 0, sweep.count(seconds=40, ci=200, full=2000)
    for seed in range(count):
        try:
            calc.solve(calc.Problem(**random_problem(random.Random(f"verify {seed}"))))
        except calc.UnsupportedError:  # ln 0 of an output that rounding has made 0 or 1
            undefined += 1
    assert undefined <= count // 20
