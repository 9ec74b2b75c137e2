"""The matrix method: one line per layer, every printed entry re-computed, the same gradients as the other methods."""

import json
import random
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from conftest import Sweep, needs
from proofreader import proofread
from referee import (
    ACTIVATIONS,
    COUPLED,
    LOSSES,
    OPTIMIZERS,
    PROFILES,
    name_of,
    random_problem,
    random_training,
    slopes_by_side,
)
from test_pages import check_pages

import calc
from calc.matrix import MatrixWriter
from calc.trace import run

ROOT = Path(__file__).parent.parent
HOUSES = ROOT / "examples" / "house-prices.toml"
FOUR = {"decimals": 4}
Record = Callable[[str, object], None]


def matrix_problem(seed: object, **solution: Any) -> dict[str, Any]:
    """A network at random; two of three times with an optimiser, a penalty, masks and rates of their own."""
    source = random.Random(f"matrix {seed}")
    problem = source.choice([random_problem, random_training, random_training])(source)
    problem["conventions"] |= {"delta_sign": source.choice(["dE/dz", "-dE/dz"])}
    return problem | {"notation": {"profile": source.choice(PROFILES)}, "solution": {"method": "matrix", **solution}}


def tables_of(problem: dict[str, Any]) -> set[str]:
    """What of a problem a method may work in its own way: optimiser, penalties, masks, the sign of a delta."""
    found = {problem.get("optimizer", {}).get("name", "sgd"), problem["conventions"]["delta_sign"]}
    found |= {key for key, number in problem.get("penalty", {}).items() if number}
    return found | {key for layer in problem["layers"] for key in ("mask", "keep") if key in layer}


ALL_TABLES = {*OPTIMIZERS, "dE/dz", "-dE/dz", "l1", "l2", "mask", "keep"}


def two_two_two(**tables: Any) -> calc.Problem:
    """A network with shapes that tell rows from columns."""
    layers = [
        {"activation": "sigmoid", "weights": [[0.1, -0.2], [0.4, 0.3], [0.5, 0.25]], "biases": [1, 0, -1]},
        {"activation": "tanh", "weights": [[0.5, -0.6, 0.2]], "biases": [0.5]},
    ]
    samples = [{"inputs": [1, 0.5], "targets": [1]}]
    given = {"learning_rate": 0.3, "loss": "half_squared_error", "layers": layers, "samples": samples}
    return calc.Problem(**given | {"solution": {"method": "matrix"}} | tables)


# Every printed entry -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("carry", ["full", "rounded"])
def test_every_entry_of_every_matrix_line_comes_out(carry: str, sweep: Sweep, record_property: Record) -> None:
    checked, told, faults = 0, set(), []
    for seed in range(sweep.count(seconds=40, ci=100, full=300)):
        problem = matrix_problem(f"{carry} {seed}")
        problem["rounding"] = problem["rounding"] | {"carry": carry}
        told |= tables_of(problem)
        try:
            solution = calc.solve(calc.Problem(**problem))
        except calc.UnsupportedError:
            continue  # ln 0 of an output that rounding has made 0 or 1
        for format in ("markdown", "latex"):
            report = proofread(solution.render(format), problem["rounding"], by_side=slopes_by_side(problem))
            checked += report.checked
            faults += report.faults
    record_property(f"Lines of the matrix method, {carry} carried", f"{checked} checked, {len(faults)} wrong")
    assert checked > 100
    assert told == ALL_TABLES
    assert not faults, faults[:3]


def test_what_is_carried_by_rounding_is_printed_in_a_numbered_line() -> None:
    problem = calc.load(HOUSES, {("rounding", "carry"): "rounded"})
    solution = calc.solve(problem)
    steps = json.loads(solution.render("json"))["iterations"][0]["steps"]
    last = max(int(number) for number in re.findall(r"\\text\{\((\d+)\)\}", solution.render()))
    printed = {step["result"] for step in steps if step["number"] <= last}
    in_tables = r"E@\d|E'@\d"  # the error of each sample
    carried = {use for step in steps if step["number"] <= last for use in step["uses"]} - set(solution.trace.given)
    assert all(id in printed or re.match(in_tables, id) for id in carried), carried - printed


# A reader of matrices catches what is wrong --------------------------------------------------------------------------


def spoiled(old: str, new: str, format: str = "markdown") -> list[str]:
    page = calc.solve(two_two_two()).render(format)
    assert not proofread(page, FOUR).faults
    assert old in page, page
    return proofread(page.replace(old, new, 1), FOUR).faults


def line_of(page: str, left: str) -> str:
    """The first matrix that a line about ``left`` ends with."""
    found = re.search(rf"{re.escape(left)} &.*?\\approx (\\begin{{pmatrix}}.*?\\end{{pmatrix}})", page, re.DOTALL)
    assert found, page
    return found[1]


@pytest.mark.parametrize("format", ["markdown", "latex"])
def test_a_wrong_entry_is_caught(format: str) -> None:
    result = line_of(calc.solve(two_two_two()).render(format), "a^{(1)}")
    digit = re.search(r"0\.\d\d\d(\d)", result)
    assert digit
    wrong = result[: digit.start(1)] + str((int(digit[1]) + 1) % 10) + result[digit.end(1) :]
    assert spoiled(result, wrong, format)


@pytest.mark.parametrize("format", ["markdown", "latex"])
def test_a_transposed_matrix_is_caught(format: str) -> None:
    result = line_of(calc.solve(two_two_two()).render(format), "a^{(1)}")
    assert spoiled(result, result.replace(r"\\", "&"), format)
    weights, transposed = r"0.1 & -0.2 \\ 0.4 & 0.3 \\ 0.5 & 0.25", r"0.1 & 0.4 & 0.5 \\ -0.2 & 0.3 & 0.25"
    assert spoiled(rf"{weights} \end{{pmatrix}} \begin", rf"{transposed} \end{{pmatrix}} \begin", format)
    assert spoiled(r"\end{pmatrix}^{\mathsf{T}}", r"\end{pmatrix}", format)


def test_a_wrong_shape_is_caught() -> None:
    shapes = r"Shapes: $(3 \times 2) (2 \times 1) + (3 \times 1) \to 3 \times 1$."
    assert spoiled(shapes, shapes.replace(r"(3 \times 2)", r"(2 \times 3)"))
    assert spoiled(shapes, shapes.replace(r"\to 3", r"\to 2"))
    assert spoiled(shapes, r"Shapes: $(5 \times 2) (2 \times 1) + (5 \times 1) \to 5 \times 1$.")  # fits, but not above
    assert spoiled(shapes, shapes.replace("+", r"\circ").replace(r"\to 3", r"\to 2"))


# One trace, three ways to write it -----------------------------------------------------------------------------------


def test_the_three_methods_print_the_same_gradients(sweep: Sweep, record_property: Record) -> None:
    compared, tried, told = 0, set(), set()
    for seed in range(count := sweep.count(seconds=40, ci=80, full=250)):
        problem = matrix_problem(f"methods {seed}")
        problem["rounding"] = problem["rounding"] | {"carry": "full"}
        told |= tables_of(problem)
        tried |= {name_of(problem["loss"]), *(name_of(layer["activation"]) for layer in problem["layers"])}
        shown = []
        for method in ("chain", "delta", "matrix"):
            solution = calc.solve(calc.Problem(**problem | {"solution": {"method": method}}))
            shown.append({id: solution[id].shown for id in solution if not id.startswith("delta")})  # −dE/dz
        assert shown[0] == shown[1] == shown[2]
        compared += sum(id.startswith("dE/d") for id in shown[0])
    assert tried == {*LOSSES, *ACTIVATIONS, *COUPLED}
    assert told == ALL_TABLES
    record_property("Gradients by three methods", f"{compared} of {count} networks printed alike")


def test_every_profile_writes_the_same_numbers() -> None:
    values = []
    for profile in PROFILES:
        solution = calc.solve(calc.load(HOUSES, {("notation", "profile"): profile}))
        values.append({id: solution[id].shown for id in solution})
        assert not proofread(solution.render(), FOUR).faults
    assert all(one == values[0] for one in values)


LAYOUTS = {
    "standard": (r"Z^{(1)} &= W^{(1)}\,X + b^{(1)}", r"&= \delta^{(2)} (A^{(1)})^{\mathsf{T}}"),
    "net-out": (r"\mathrm{net}_h &= W_h\,I + b_h", r"&= \delta_o \mathrm{out}_h^{\mathsf{T}}"),
    "from-to": (
        r"\mathrm{net}^{(1)} &= (W^{(1)})^{\mathsf{T}} X + \theta^{(1)}",
        r"&= O^{(1)} (\delta^{(2)})^{\mathsf{T}}",
    ),
    "vw": (r"Z^{(2)} &= V\,H + b^{(2)}", r"\frac{\partial E}{\partial V} &= \delta^{(2)} H^{\mathsf{T}}"),
    "ih-ho": (r"Z_2 &= W_{ho}^{\mathsf{T}} h_1 + b_{ho}", r"\delta_1 &= W_{ho}\,\delta_2 \circ \sigma'(Z_1)"),
    "delta-nabla": (
        r"Z^{(2)} &= W^{(1)}\,A^{(1)} + b^{(1)}",
        r"\nabla_{W^{(2)}} J &= \delta^{(3)} (A^{(2)})^{\mathsf{T}}",
    ),
    "x-layer": (r"X_1 = \sigma(W_1\,X_0 + b_1)", r"\delta_1 &= W_2^{\mathsf{T}} \delta_2 \circ \sigma'(Z_1)"),
}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_writes_products_in_its_own_layout(profile: str) -> None:
    page = calc.solve(calc.load(HOUSES, {("notation", "profile"): profile})).render()
    for wanted in LAYOUTS[profile]:
        assert wanted in page, wanted


def test_stored_transposed_the_first_row_of_weights_belongs_to_the_first_input() -> None:
    page = calc.solve(calc.load(HOUSES)).render()
    assert r"W_{ih} &= \begin{pmatrix} 0.2 & -0.5 & 0.3 & 0.1 & -0.2 \\ -0.3 &" in page
    assert r"| $W_{ih}$ | $4 \times 5$ | $\frac{\partial E}{\partial W_{ih}}$ | $4 \times 5$ |" in page


def test_a_matrix_holds_the_entries_that_its_name_says() -> None:
    problem = calc.load(HOUSES, {("notation", "profile"): "standard"})
    trace = run(problem)
    writer = MatrixWriter(problem, trace, trace)
    ids = [
        [[entry.id for entry in row] for row in writer.entries(name)] for name in (calc_name("w", 2), calc_name("x"))
    ]
    assert ids[0] == [["w2_1_1", "w2_1_2", "w2_1_3", "w2_1_4", "w2_1_5"]]
    assert ids[1][1] == ["x_2@1", "x_2@2", "x_2@3", "x_2@4", "x_2@5"]


def calc_name(kind: str, layer: int | None = None) -> Any:
    from calc.expr import Name

    return Name(kind, layer)


# What a method has to work with --------------------------------------------------------------------------------------


def test_softmax_is_worked_by_its_jacobian_and_by_the_short_cut() -> None:
    layers = [{"activation": "softmax", "weights": [[0.1, -0.2], [0.4, 0.3], [0.2, 0.2]]}]
    samples = [{"inputs": [1, 0.5], "targets": [1, 0, 0]}, {"inputs": [0, 2], "targets": [0, 1, 0]}]
    pages = {}
    for loss in ("squared_error", "cross_entropy"):
        pages[loss] = calc.solve(two_two_two(layers=layers, samples=samples, loss=loss)).render()
        assert not proofread(pages[loss], FOUR).faults
    assert r"\operatorname{diag}" in pages["squared_error"]
    assert r"(3 \times 3) (3 \times 1) \to 3 \times 1" in pages["squared_error"]
    assert r"\delta^{(1)} &= \tfrac{1}{2} \cdot (A^{(1)} - T)" in pages["cross_entropy"]
    assert r"\operatorname{diag}" not in pages["cross_entropy"]


def test_weights_updated_on_the_way_are_those_of_the_products() -> None:
    page = calc.solve(two_two_two(conventions={"update_order": "sequential"})).render()
    assert r"(W^{(2)\prime})^{\mathsf{T}} \delta^{(2)}" in page
    assert not proofread(page, FOUR).faults


@pytest.mark.parametrize("optimizer", ["momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"])
def test_an_optimiser_works_whole_matrices(optimizer: str) -> None:
    solution = calc.solve(two_two_two(optimizer={"name": optimizer}))
    for format in ("markdown", "latex"):
        report = proofread(solution.render(format), FOUR)
        assert not report.faults, report.faults[:2]
    assert r"\Delta W^{(1)} &=" in solution.render()


LARGER = {"penalty": {"l1": "0.01", "l2": "0.1"}, "conventions": {"delta_sign": "-dE/dz"}}
SAID = {
    "a penalty is a term of the gradient": (
        LARGER,
        r"&= -\delta^{(2)} (a^{(1)})^{\mathsf{T}} + 0.1 \cdot W^{(2)} + 0.01 \cdot \operatorname{sgn}(W^{(2)})",
        r"Shapes: $(3 \times 1) (1 \times 2) + (3 \times 2) + (3 \times 2) \to 3 \times 2$.",
        r"\Delta W^{(1)} &= -\eta \cdot \frac{\partial E}{\partial W^{(1)}}",
        r"\Delta b^{(1)} &= \eta\,\delta^{(1)}",
    ),
    "the derivative of the penalty is told": (
        LARGER,
        r"the penalty, $\frac{\partial \Omega}{\partial W^{(1)}} = 0.1 \cdot W^{(1)} + 0.01 \cdot \operatorname{sgn}",
    ),
    "a parameter is looked ahead to": (
        {"optimizer": {"name": "nesterov", "beta": "0.5", "state": {"v": [[[1, 0], [0, 1], [1, 1]], [[1, 0, 2]]]}}},
        r"\tilde{W}^{(2)} &= W^{(2)} + 0.5 \cdot v^{(2)}_W = \begin{pmatrix} 0.5 & -0.6 & 0.2 \end{pmatrix} + "
        r"0.5 \times \begin{pmatrix} 1 & 0 & 2 \end{pmatrix} = \begin{pmatrix} 1 & -0.6 & 1.2 \end{pmatrix}",
        r"z^{(1)} &= \tilde{W}^{(1)}\,x + \tilde{b}^{(1)}",
        r"(\tilde{W}^{(2)})^{\mathsf{T}} \delta^{(2)} \circ \sigma'(z^{(1)})",
        r"z^{(1)\prime} &= \begin{pmatrix}",
    ),
}


@pytest.mark.parametrize("case", SAID)
def test_penalties_and_the_look_ahead_are_written_in_matrices(case: str) -> None:
    tables, *wanted = SAID[case]
    page = calc.solve(two_two_two(**tables)).render()
    for line in wanted:
        assert line in page, line
    assert not proofread(page, FOUR).faults


@pytest.mark.parametrize("keep", [None, "0.5"])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_a_mask_is_a_column_before_what_it_multiplies(activation: str, keep: str | None) -> None:
    mask = {"mask": [1, 0, 1]} | ({"keep": keep} if keep else {})
    layers = [two_two_two().model_dump(mode="json", exclude_none=True)["layers"][i] for i in (0, 1)]
    layers[0] |= {"activation": activation, **mask}
    samples = [{"inputs": [1, 0.5], "targets": [1]}, {"inputs": [0.3, -2], "targets": [0]}]
    page = calc.solve(two_two_two(layers=layers, samples=samples)).render()
    scale = r"\frac{1}{0.5} \cdot " if keep else ""
    assert r"r^{(1)} &= \begin{pmatrix} 1 \\ 0 \\ 1 \end{pmatrix}" in page
    assert rf"A^{{(1)}} &= {scale}r^{{(1)}} \circ" in page
    assert r"\delta^{(2)} \circ \frac{\partial A^{(1)}}{\partial Z^{(1)}}" in page  # not f′(Z), which knows no mask
    assert "$a^{(1)}_2$ is masked" in page
    by_side = {"lrelu": (Fraction("0.01"), Fraction(0), Fraction(1))}
    report = proofread(page, FOUR, by_side=by_side)
    assert not report.faults


def test_rates_of_two_layers_have_two_names() -> None:
    rates = [{"weights": [[0.1, 0.2]] * 3, "biases": 0.1}, {"weights": [[0.3, 0.1, 0.2]], "biases": 0.2}]
    problem = two_two_two().model_dump(mode="json", exclude_none=True)
    del problem["learning_rate"]
    page = calc.solve(calc.Problem(**problem | {"learning_rates": rates})).render()
    assert r"\eta^{(1)}_W &=" in page
    assert r"\eta^{(2)}_W &=" in page


def test_ids_and_steps_are_those_of_every_method() -> None:
    ids = []
    for method in ("chain", "delta", "matrix"):
        solution = calc.solve(calc.load(HOUSES, {("solution", "method"): method}))
        ids.append(set(json.loads(solution.render("json"))["iterations"][0]["values"]))
    assert ids[0] == ids[1] == ids[2]


def test_text_sets_matrices_in_high_brackets() -> None:
    page = calc.solve(two_two_two()).render("text")
    assert "⎡0.1  −0.2⎤" in page
    assert "⎢0.4   0.3⎥" in page
    assert "⎣0.5  0.25⎦" in page


# Nothing runs off the page -------------------------------------------------------------------------------------------


def pixels(samples: int) -> dict[str, Any]:
    source = random.Random(5)
    shape = (16, 6, 6, 2)
    layers = [
        {
            "activation": activation,
            "weights": [[round(source.uniform(-1, 1), 2) for _ in range(before)] for _ in range(units)],
            "biases": [round(source.uniform(-1, 1), 2) for _ in range(units)],
        }
        for before, units, activation in zip(shape, shape[1:], ("relu", "relu", "softmax"), strict=False)
    ]
    batch = [{"inputs": [source.randint(0, 1) for _ in range(16)], "targets": [1, 0]} for _ in range(samples)]
    return {"learning_rate": 0.1, "loss": "mse", "layers": layers, "samples": batch, "solution": {"method": "matrix"}}


@pytest.mark.parametrize("decimals", [4, 6, 10])
def test_matrices_stay_within_the_margins(decimals: int, tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    check_pages(calc.load(HOUSES, {("rounding", "decimals"): decimals}), tmp_path)
    for profile in ("standard", "ih-ho"):
        tables = {"rounding": {"decimals": decimals}, "notation": {"profile": profile}}
        check_pages(calc.Problem(**pixels(4) | tables), tmp_path)


def test_every_profile_compiles_and_stays_within_the_margins(tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    for profile in PROFILES:
        check_pages(calc.load(HOUSES, {("notation", "profile"): profile}), tmp_path)


def test_random_matrices_stay_within_the_margins(sweep: Sweep, tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    for seed in range(sweep.count(seconds=4, ci=25, full=100)):
        check_pages(calc.Problem(**matrix_problem(f"pages {seed}")), tmp_path)


def test_no_block_of_formulas_is_longer_than_hosts_take(sweep: Sweep) -> None:
    problems = [pixels(4), pixels(9), pixels(4) | {"notation": {"profile": "ih-ho"}}]
    problems += [matrix_problem(f"blocks {seed}") for seed in range(sweep.count(seconds=10, ci=50, full=100))]
    for problem in problems:
        try:
            page = calc.solve(calc.Problem(**problem)).render()
        except calc.UnsupportedError:
            continue  # a random network may run off to where a page has no number
        assert all(len(block) <= 1000 for block in page.split("$$")[1::2])


def test_a_matrix_too_large_for_a_line_becomes_a_table_or_stands_under_answers() -> None:
    page = calc.solve(calc.Problem(**pixels(4))).render()
    lead = "$W^{(1)}$, row by row; too large for a line, it stands there by its name:"
    assert f"{lead}\n\n| $W^{{(1)}}$ | $1$ | $2$ |" in page
    assert "stand under Answers" in page
    assert not proofread(page, FOUR).faults


def test_of_a_large_network_one_layer_is_updated_line_by_line() -> None:
    pages = {}
    for show in ("auto", "all"):
        solution = {"method": "matrix", "show": show}
        pages[show] = calc.solve(calc.Problem(**pixels(4) | {"solution": solution})).render()
    assert re.findall(r"^\\Delta (\S+) &=", pages["auto"], re.MULTILINE) == ["W^{(3)}", "b^{(3)}"]
    assert len(re.findall(r"^\\Delta (\S+) &=", pages["all"], re.MULTILINE)) == 6
    assert "The other parameters change in the same way; all new values stand under Answers." in pages["auto"]
    assert "gives these predictions and this error" in pages["auto"]
    assert r"Z^{(1)\prime} &=" in pages["all"]


def test_a_16_6_6_2_network_with_four_images_is_at_most_twelve_pages(tmp_path: Path) -> None:
    needs("pdfinfo")
    calc.solve(calc.Problem(**pixels(4))).save(tmp_path / "pixels.pdf")
    told = subprocess.run(["pdfinfo", tmp_path / "pixels.pdf"], capture_output=True, text=True, check=True).stdout
    assert int(re.findall(r"Pages:\s+(\d+)", told)[0]) <= 12


def test_the_method_is_taken_from_the_command_line(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from calc.cli import app

    problem = str(ROOT / "examples" / "xor.toml")
    done = CliRunner().invoke(app, ["solve", problem, "--method", "matrix"])
    assert done.exit_code == 0
    assert r"\begin{pmatrix}" in done.output


# What a page says of itself ------------------------------------------------------------------------------------------


def numbered(page: str) -> list[str]:
    return re.findall(r"^(\S.*?) && \\text\{\(\d+\)\}", page, re.MULTILINE)


@pytest.mark.parametrize("seed", [None, *range(12)])
def test_no_numbered_line_is_printed_twice(seed: int | None) -> None:
    problem = two_two_two() if seed is None else calc.Problem(**matrix_problem(f"twice {seed}"))
    lines = Counter(line for line in numbered(calc.solve(problem).render()) if not line.startswith("&"))
    assert not {line for line, count in lines.items() if count > 1}


@pytest.mark.parametrize("format", ["markdown", "latex", "typst", "text"])
@pytest.mark.parametrize("name", ["houses", "pixels"])
def test_what_is_said_to_stand_under_answers_stands_there(name: str, format: str) -> None:
    page = calc.solve(calc.load(HOUSES) if name == "houses" else calc.Problem(**pixels(4))).render(format)
    told = [page[: m.start()][-500:] for m in re.finditer("stand under Answers", page)]
    if any(re.search(r"(Δ|\\Delta|Delta) ?W", before) for before in told):
        assert "change" in page.split("Answers")[-1], "no change stands under Answers"


def test_a_gradient_of_zero_does_not_hold_a_parameter_that_momentum_moves() -> None:
    layer = {"activation": "identity", "weights": [[1]]}
    optimizer = {"name": "momentum", "state": {"v": [[[0.5]]]}}
    tables = {"learning_rate": 0.1, "loss": "squared_error", "optimizer": optimizer, "solution": {"method": "matrix"}}
    solution = calc.solve(calc.Problem(layers=[layer], samples=[{"inputs": [1], "targets": [1]}], **tables))
    assert solution["dE/dw1_1_1"].shown == "0"
    assert solution["w1_1_1'"].shown == "1.45"
    assert "moves only by what the state has kept" in solution.render("text")
