"""The decimal comma: every number of every format has it, every line still comes out, JSON keeps the point."""

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
from proofreader import proofread
from referee import random_problem, random_training, slopes_by_side
from test_pages import compile_latex, words_outside

import calc

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.toml"))
COMMA_ONLY = {("notation", "decimal"): ","}
COMMA = COMMA_ONLY | {("notation", "multiply"): "·"}
POINT = re.compile(r"(?<![\w.#{-])\d+\.\d")  # 0.5, but not the 1.25 of a preamble's {1.25} or #0.8em


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_line_of_an_example_comes_out_with_decimal_commas(path: Path) -> None:
    problem, point = calc.load(path, COMMA), calc.solve(calc.load(path))
    solution = calc.solve(problem)
    slopes = circuit_referee.slopes_by_side if "[graph]" in path.read_text("utf-8") else slopes_by_side
    tables = problem.model_dump(mode="json", exclude_none=True)
    for format in ("markdown", "latex"):
        page, with_point = solution.render(format), point.render(format)
        report = proofread(page, tables["rounding"], by_side=slopes(tables))
        assert not report.faults, report.faults[:3]
        assert report.checked == proofread(with_point, tables["rounding"], by_side=slopes(tables)).checked
        body = page.partition(r"\begin{document}")[2] or page
        assert not POINT.findall(_without_places(body.replace(problem.title, "")))
        assert r"\times 10" not in page
    assert [r.text for r in map(solution.__getitem__, solution)] == [r.text for r in map(point.__getitem__, point)]


def _without_places(page: str) -> str:
    """Of pictures what is read, not where it stands."""
    picture = re.compile(r"\\begin\{tikzpicture\}.*?\\end\{tikzpicture\}", re.DOTALL)
    return picture.sub(lambda found: "\n".join(re.findall(r"\) \{(.*)\};$", found[0], re.MULTILINE)), page)


@pytest.mark.parametrize("path", EXAMPLES[::4], ids=lambda path: path.stem)
def test_json_keeps_the_point(path: Path) -> None:
    comma, point = (json.loads(calc.solve(calc.load(path, keys)).render("json")) for keys in (COMMA_ONLY, {}))
    assert comma["problem"].pop("notation") | {"decimal": "."} == point["problem"].pop("notation")
    assert comma == point


KINDS: dict[str, Callable[[random.Random], dict[str, Any]]] = {
    "network": random_problem,
    "training": random_training,
    "graph": random_graph,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_line_of_a_random_problem_comes_out_with_decimal_commas(
    kind: str, sweep: Sweep, record_property: Callable[[str, object], None]
) -> None:
    checked = 0
    for number in range(sweep.count(seconds=6, ci=40, full=200)):
        tables = KINDS[kind](random.Random(f"comma {number}"))
        tables["notation"] = tables.get("notation", {}) | {"decimal": ","}
        slopes = circuit_referee.slopes_by_side if kind == "graph" else slopes_by_side
        try:
            solution = calc.solve(calc.Problem(**tables))
        except (calc.UnsupportedError, calc.ProblemError):  # a random graph may have no value
            continue
        for format in ("markdown", "latex"):
            page = solution.render(format)
            report = proofread(page, tables.get("rounding", {}), by_side=slopes(tables))
            # of a tie the first operand and the second have different shares, which one H(0) cannot say
            faults = [fault for fault in report.faults if "H(0) is not known" not in fault]
            assert not faults, faults[:3]
            checked += report.checked
    record_property(f"Lines with decimal commas, {kind}", f"{checked} lines checked, 0 faults")


def two_arguments(**notation: str) -> calc.Solution:
    graph = {"formulas": ["f = max(x, y) * x"], "values": {"x": 0.3, "y": "0.50"}}
    return calc.solve(calc.Problem(graph=graph, notation=notation))


def test_arguments_are_parted_by_semicolons_and_indices_keep_their_commas() -> None:
    comma, point = two_arguments(decimal=","), two_arguments()
    assert r"\max(0{,}3; 0{,}50) = 0{,}5" in comma.render("latex")
    assert r'max("0,3"\; "0,50") = "0,5"' in comma.render("typst")
    assert "max(0,3; 0,50) = 0,5" in comma.render("text")
    assert "max(0.3, 0.50) = 0.5" in point.render("text")
    layers = [{"activation": "sigmoid", "weights": [[0.5]]}]
    notation = {"decimal": ",", "symbols": {"w1_1_1": "w_{1,2}"}}
    samples = [{"inputs": [0.25], "targets": [1]}]
    problem = calc.Problem(learning_rate=0.5, loss="squared_error", layers=layers, samples=samples, notation=notation)
    page = calc.solve(problem).render("latex")
    assert r"w_{1,2}\,x_1 = 0{,}5 \times 0{,}25" in page


def test_formulas_of_browsers_and_of_hosts_have_decimal_commas() -> None:
    solution = two_arguments(decimal=",")
    page = solution.render("html")
    assert "<mn>0,3</mn><mo>;</mo><mn>0,50</mn>" in page
    assert not re.search(r"<mn>[^<]*\.|<mn>\d+</mn><mo>,</mo>", page)
    assert "| $`x`$ | 0,3 | 0,5 |" in solution.render("markdown", dialect="github")
    assert "| `x` | 0,3 | 0,5 |" in solution.render("markdown", dialect="plain")


def test_pictures_have_decimal_commas() -> None:
    picture = two_arguments(decimal=",").figure("graph")
    assert "x = 0,3 and y = 0,50" in picture.alternative
    assert ">0,3<" in picture.svg
    assert r"{$0{,}3$}" in picture.tikz
    assert not POINT.findall(picture.alternative)


def test_a_list_of_numbers_has_semicolons_and_a_list_of_names_commas(tmp_path: Path) -> None:
    path = next(path for path in EXAMPLES if path.stem == "xor-online")
    page = calc.solve(calc.load(path, COMMA | {("solution", "show"): "all"})).render("text")
    lists = re.findall(r"The sample is (.*?)\.\s", page)
    assert lists
    assert all("; " in one or " and " in one for one in lists), lists
    assert not any(", " in one for one in lists), lists


@pytest.mark.parametrize("stem", ["softmax", "matrix-form", "max-gate"])
def test_pages_with_decimal_commas_compile_and_stay_within_their_margins(stem: str, tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    path = next(path for path in EXAMPLES if path.stem == stem)
    solution = calc.solve(calc.load(path, COMMA))
    log = compile_latex(solution.render("latex"), tmp_path)
    assert "Overfull \\hbox" not in log
    solution.save(tmp_path / "typst.pdf")
    assert not words_outside(tmp_path / "typst.pdf")
