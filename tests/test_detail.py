"""[solution] detail: brief, exam and full pages of the same numbers, every line of which comes out."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import circuit_referee
import pytest
from circuit_referee import random_graph
from conftest import Sweep, needs
from proofreader import proofread, read_lines
from referee import random_problem, random_training, slopes_by_side
from test_pages import compile_latex, words_outside

import calc

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
DETAILS = ("brief", "exam", "full")


def pages(tables: dict[str, Any]) -> dict[str, calc.Solution]:
    """A problem in each detail; a rule without derivatives has no full one."""
    own, ruled = tables.get("solution", {}), "rule" in tables.get("training", {})
    details = DETAILS[:2] if ruled else DETAILS
    own = {key: value for key, value in own.items() if key != "derivations"}
    return {one: calc.solve(calc.Problem(**tables | {"solution": own | {"detail": one}})) for one in details}


def check_details(tables: dict[str, Any]) -> dict[str, int]:
    """Every line of every page comes out, and the values are the same. How many lines were checked."""
    slopes = circuit_referee.slopes_by_side if "graph" in tables else slopes_by_side
    found: dict[str, int] = {}
    solutions = pages(tables)
    wanted = values_of(solutions["exam"])
    for detail, solution in solutions.items():
        assert values_of(solution) == wanted, detail
        for format in ("markdown", "latex"):
            report = proofread(solution.render(format), tables.get("rounding", {}), by_side=slopes(tables))
            # of a tie the first operand and the second have different shares, which one H(0) cannot say
            faults = [fault for fault in report.faults if "H(0) is not known" not in fault]
            assert not faults, (detail, faults[:3])
            found[detail] = found.get(detail, 0) + report.checked
        solution.render("typst")
        solution.render("text")
    return found


def values_of(solution: calc.Solution) -> Any:
    """All values of the JSON output, and its steps but for the numbers of their lines."""
    iterations = json.loads(solution.render("json"))["iterations"]
    for one in iterations:
        for step in one["steps"]:
            del step["number"]
    return iterations


KINDS: dict[str, Callable[[random.Random], dict[str, Any]]] = {
    "chain": lambda source: with_method(random_problem(source), "chain"),
    "delta": lambda source: with_method(random_problem(source), "delta"),
    "matrix": lambda source: with_method(random_problem(source), "matrix"),
    "training": random_training,
    "graph": random_graph,
}


def with_method(tables: dict[str, Any], method: str) -> dict[str, Any]:
    return tables | {"solution": tables.get("solution", {}) | {"method": method}}


@pytest.mark.parametrize("kind", KINDS)
def test_random_pages_of_every_detail_have_the_same_values_and_no_wrong_line(
    kind: str, sweep: Sweep, record_property: Callable[[str, object], None]
) -> None:
    checked: dict[str, int] = {}
    for number in range(sweep.count(seconds=4, ci=40, full=200)):
        try:
            found = check_details(KINDS[kind](random.Random(f"detail {kind} {number}")))
        except (calc.UnsupportedError, calc.ProblemError):  # a random graph may have no value
            continue
        checked = {detail: checked.get(detail, 0) + count for detail, count in found.items()}
    record_property(f"Lines by detail, {kind}", f"{checked}, 0 faults")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_shorter_in_brief_and_longer_in_full(path: Path) -> None:
    tables = calc.load(path).model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    solutions = pages(tables)
    length = {detail: len(solution.render()) for detail, solution in solutions.items()}
    assert length["brief"] < length["exam"]
    assert "full" not in length or length["exam"] < length["full"]


def page(stem: str, detail: str, **more: str) -> str:
    keys = {("solution", "detail"): detail} | {("solution", key): value for key, value in more.items()}
    return calc.solve(calc.load(ROOT / "examples" / f"{stem}.toml", keys)).render()


@pytest.mark.parametrize("method", ["chain", "delta"])
def test_a_brief_page_has_one_line_for_each_gradient(method: str) -> None:
    backward = page("two-outputs", "brief", method=method).partition("## Backward pass")[2].partition("## Update")[0]
    lefts = [claim.sides[0] for claim in read_lines(backward)]
    assert len(lefts) == len(set(lefts))
    gradients = [left for left in lefts if re.search(r"\\partial w", left)]
    assert len(gradients) == 8


def test_a_full_page_derives_before_it_uses() -> None:
    full = page("xor", "full")
    assert full.index("### The local derivatives") < full.index("so the chain rule gives")
    assert "quotient rule" in full or "reciprocal rule" in full
    circuit = page("circuit", "full")
    assert circuit.index("derivative of a multiple") < circuit.index("## Backward pass")


def test_a_training_derives_once() -> None:
    full = page("momentum", "full", show="all")
    assert full.count("The local derivatives") == 1


def test_a_rule_without_derivatives_has_no_full_page() -> None:
    with pytest.raises(calc.ProblemError, match=r"solution\.detail: .full. found; the perceptron rule takes"):
        page("perceptron", "full")


SHOWN = [("xor", "full"), ("softmax", "full"), ("circuit", "full"), ("house-prices", "brief"), ("relu-batch", "brief")]


@pytest.mark.parametrize(("stem", "detail"), SHOWN)
def test_pages_of_other_details_compile_and_stay_within_their_margins(stem: str, detail: str, tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    problem = calc.load(ROOT / "examples" / f"{stem}.toml", {("solution", "detail"): detail})
    solution = calc.solve(problem)
    log = compile_latex(solution.render("latex"), tmp_path)
    assert "Overfull \\hbox" not in log, re.findall(r"Overfull \\hbox.*", log)
    assert not words_outside(tmp_path / "page.pdf")
    solution.save(tmp_path / "typst.pdf")
    assert not words_outside(tmp_path / "typst.pdf")
