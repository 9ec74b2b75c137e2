"""What a notebook shows of a problem, a solution, a step, a result, a picture; the example notebook is executed.

To rewrite the outputs of the example after a wanted change: python tests/test_notebook.py
"""

import json
import pickle
import re
import xml.etree.ElementTree as ElementTree
from base64 import b64decode
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import needs
from markdown_it import MarkdownIt
from nbclient import NotebookClient
from proofreader import proofread
from test_dialects import read_by_hosts
from test_figures import NASTY
from test_pages import compile_latex

import calc

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "examples" / "notebook.ipynb"
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
REWRITE = "if this is wanted, rewrite it with: python tests/test_notebook.py"
PAGE = {"text/plain", "text/markdown"}
FORMULA = {*PAGE, "text/latex"}
PICTURE = {"text/plain", "image/svg+xml", "application/pdf"}


def executed() -> Any:
    """The example notebook with the outputs that its cells give now, in the folder it stands in."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = {"metadata": {"path": NOTEBOOK.parent}}
    NotebookClient(notebook, record_timing=False, resources=folder, timeout=120).execute()
    notebook.metadata.language_info = {"name": "python"}  # the version is that of whoever executes it
    return notebook


@cache
def now() -> Any:
    return executed()


def results(notebook: Any) -> dict[str, dict[str, str]]:
    """What each cell shows, by the cell's name."""
    shown: dict[str, dict[str, str]] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            assert output.output_type in ("execute_result", "stream"), output
            shown.setdefault(cell.id, {}).update(output.get("data", {"stream": output.get("text")}))
            if "application/pdf" in shown[cell.id]:  # its bytes are those of a version of Typst
                shown[cell.id]["application/pdf"] = str(b64decode(shown[cell.id]["application/pdf"])[:5])
    return shown


def shown_by(displayed: Any) -> dict[str, str]:
    """What a notebook gets of an object."""
    kinds = {"text/markdown": "_repr_markdown_", "text/latex": "_repr_latex_", "image/svg+xml": "_repr_svg_"}
    found = {mime: getattr(displayed, name)() for mime, name in kinds.items() if hasattr(displayed, name)}
    assert not hasattr(displayed, "_repr_html_")
    return found | {"text/plain": repr(displayed)}


@cache
def solved(path: Path) -> calc.Solution:
    return calc.solve(calc.load(path))


# --- the example -------------------------------------------------------------------------------------------------


def test_every_cell_of_the_example_runs_and_shows_what_is_stored_with_it() -> None:
    stored = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(stored)
    assert results(now()) == results(stored), REWRITE
    assert [cell.get("execution_count") for cell in now().cells] == [
        cell.get("execution_count") for cell in stored.cells
    ], REWRITE


def test_each_cell_of_the_example_shows_its_kind_of_thing() -> None:
    kinds = {name: set(data) for name, data in results(now()).items()}
    assert kinds == {
        "load": PAGE,
        "solve": PICTURE,
        "step": FORMULA,
        "factor": FORMULA,
        "result": FORMULA | {"stream"},
        "rate": {"stream"},
        "new-error": FORMULA,
        "page": PAGE,
    }


def test_the_example_shows_the_numbers_of_the_page() -> None:
    shown, page = results(now()), (ROOT / "examples" / "xor.md").read_text("utf-8")
    step = shown["step"]["text/markdown"]
    assert r"&= (-0.2461) \times 0.1855 \times 0.7685 \\" in step
    assert r"&\approx -0.0351 && \text{(12)}" in step
    assert r"(-0.2461) \times 0.1855 \times 0.7685 \approx -0.0351 && \text{(12)}" in page
    assert shown["result"]["text/markdown"] == r"$\frac{\partial E}{\partial V_{11}} \approx -0.0351$"
    assert shown["result"]["stream"].startswith("-0.0351 -0.0350976401")
    errors = re.findall(r"from ([\d.]+) to ([\d.]+)", shown["rate"]["stream"])
    assert len(errors) == 3
    assert {before for before, _ in errors} == {solved(ROOT / "examples" / "xor.toml")["E"].shown}
    assert "Its shape is 2-2-1." in shown["load"]["text/markdown"]


def test_what_is_stored_hangs_on_no_run_and_no_machine() -> None:
    text = NOTEBOOK.read_text("utf-8")
    assert not re.search(r"0x[0-9a-f]{6}|/tmp/|/home/|site-packages|iopub", text)
    assert len(text) < 100_000


# --- what is shown of any problem --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_problem_shows_what_was_read_and_no_result(path: Path) -> None:
    problem = calc.load(path)
    shown = shown_by(problem)
    assert set(shown) == PAGE
    page = shown["text/markdown"]
    given = solved(path).render(dialect="jupyter").split("\n## ")[1]
    assert page.splitlines()[0] == solved(path).render(dialect="jupyter").splitlines()[0]
    assert len(page) < 6000
    tables = problem.model_dump(mode="json", exclude_none=True)
    if "graph" in tables:
        assert all(solved(path)[name]._repr_markdown_()[1:-1] in page for name in tables["graph"]["values"])
    else:
        widths = [len(tables["samples"][0]["inputs"]), *(len(layer["weights"]) for layer in tables["layers"])]
        assert f"Its shape is {'-'.join(map(str, widths))}." in page
        assert page.count("_1$ | $") >= 1
    relations = {line for line in page.splitlines() if line.startswith("- ")}
    if tables.get("solution", {}).get("method") != "matrix":  # which writes over matrices
        assert relations <= {line for line in given.splitlines() if line.startswith("- ")}
    assert r"\approx" not in page


def test_notebooks_set_every_formula_of_a_problem_a_step_and_a_result(tmp_path: Path) -> None:
    shown: list[Any] = []
    for path in EXAMPLES:
        solution = solved(path)
        steps = map(solution.step, list(solution.trace.steps)[::7])
        shown += [solution.problem, *steps, *(solution[id] for id in list(solution)[::11])]
    pages = [{"name": str(n), "dialect": "jupyter", "page": one._repr_markdown_()} for n, one in enumerate(shown)]
    assert len(pages) > 200
    assert [fault for report in read_by_hosts(pages, tmp_path) for fault in report["faults"]] == []


@pytest.mark.parametrize("language", ["de", "fr", "es"])
def test_a_problem_is_shown_in_its_language(language: str) -> None:
    for path in EXAMPLES[::4]:
        tables = calc.load(path).model_dump(exclude_none=True)
        page = calc.Problem(**tables | {"solution": {"language": language}})._repr_markdown_()
        assert not re.search(r"\b(the|samples?|every|shape|given)\b", "\n".join(page.splitlines()[1:]), re.IGNORECASE)


def test_what_makes_a_problem_long_is_counted_and_not_shown() -> None:
    layers = [{"activation": "sigmoid", "weights": [[0.5] * 300] * 20, "biases": [0] * 20}]
    samples = [{"inputs": [0.1] * 300, "targets": [1] * 20}] * 30
    problem = calc.Problem(learning_rate=0.1, loss="squared_error", layers=layers, samples=samples)
    page = problem._repr_markdown_()
    for counted in ("And 18 more rows.", "And 8 more rows.", "And 282 more columns.", "more tables.", "300-20"):
        assert counted in page
    assert len(page) < 12_000


def test_a_problem_that_cannot_be_worked_shows_itself_all_the_same() -> None:
    problem = calc.Problem(graph={"formulas": ["f = log(x)"], "values": {"x": -1}})
    assert "$x = -1$" in problem._repr_markdown_()
    with pytest.raises(calc.UnsupportedError):
        calc.solve(problem)


def test_texts_of_a_file_do_nothing_in_a_notebook() -> None:
    tables = calc.load(ROOT / "examples" / "xor.toml").model_dump(exclude_none=True)
    problem = calc.Problem(**tables | {"title": NASTY})
    solution = calc.solve(problem)
    for displayed in (problem, solution):
        page = shown_by(displayed)["text/markdown"]
        title = solution.render("markdown", dialect="jupyter")
        assert "<script" not in page
        assert r"\input{x}" not in page
        line = next(line for line in title.splitlines() if "alert" in line)
        assert line in page.splitlines()
    assert "\u202e" not in repr(problem) + repr(solution)


def test_nothing_that_a_notebook_shows_has_a_style_or_a_tag_of_its_own() -> None:
    solution = solved(ROOT / "examples" / "xor.toml")
    for displayed in (solution.problem, solution, solution.step("E"), solution["E"], calc.derive("sigmoid")):
        shown = shown_by(displayed)
        assert PAGE <= set(shown) <= FORMULA
        assert not any(token.type.startswith("html") for token in tokens(shown["text/markdown"]))
    svg = shown_by(solution.figure("network"))["image/svg+xml"]
    assert not re.search(r"<style|<script|href|\bid=|\bon\w+=", svg)


def tokens(page: str) -> list[Any]:
    """What Markdown makes of a page, formulas aside."""
    blocks = MarkdownIt("commonmark").parse(re.sub(r"\$\$.*?\$\$|\$[^$]+\$", "x", page, flags=re.DOTALL))
    return [token for block in blocks for token in (block, *(block.children or ()))]


# --- steps and results -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_step_is_the_line_of_the_page(path: Path) -> None:
    solution = solved(path)
    entry = json.loads(solution.render("json"))["iterations"][-1]
    values = solution.iterations[-1]
    for known in entry["steps"]:
        step = values.step(known["result"])
        assert (step.id, step.kind, list(step.uses)) == (known["result"], known["kind"], known["uses"])
        assert step.number in (known["number"], None)
        assert step.result == values[step.id]
        if not solution.problem.marked and solution.problem.updates == [(1,)]:  # else JSON marks whose they are
            assert (step.formula, step.substituted) == (known["formula"]["latex"], known["substituted"]["latex"])


@pytest.mark.parametrize("name", ["xor", "two-outputs", "adam", "tanh", "sigmoid-neuron", "custom-activation"])
def test_every_step_comes_out_on_a_calculator(name: str) -> None:
    solution = solved(ROOT / "examples" / f"{name}.toml")
    rounding = {"decimals": solution.problem.rounding.rule.decimals}
    ids = list(solution.trace.steps)
    page = "\n".join(solution.step(id)._repr_markdown_() for id in ids)
    report = proofread(page, rounding)
    assert not report.faults
    assert report.checked > len(ids) / 2


def test_a_step_has_a_row_for_each_side_and_the_number_of_its_line() -> None:
    solution = solved(ROOT / "examples" / "xor.toml")
    step = solution.step("z1_1")
    assert step._repr_markdown_().splitlines() == [
        "$$",
        r"\begin{aligned}",
        r"z^{(1)}_1 &= W_{11}\,x_1 + W_{12}\,x_2 + b^{(1)}_1 \\",
        r" &= 0.2 \times 1 + (-0.3) \times 0 + 1 \\",
        r" &= 1.2 && \text{(1)}",
        r"\end{aligned}",
        "$$",
    ]
    assert [line.split("  (")[0].rstrip() for line in repr(step).splitlines()] == [
        "  z⁽¹⁾₁ = W₁₁ x₁ + W₁₂ x₂ + b⁽¹⁾₁",
        "        = 0.2 × 1 + (−0.3) × 0 + 1",
        "        = 1.2",
    ]
    assert solution.step("dE/da1_1").number is None  # it stands within a sum over paths


def test_a_step_of_a_later_update_is_that_update_s() -> None:
    solution = solved(ROOT / "examples" / "gradient-of-a-function.toml")
    first, last = (values.step("df/dx") for values in (solution.iterations[0], solution.iterations[-1]))
    assert first.formula == last.formula
    assert first.result.value != last.result.value
    assert last.result == solution.iterations[-1]["df/dx"]


@pytest.mark.parametrize(("id", "told"), [("zzz", "no quantity"), ("x_1", "given, not computed")])
def test_what_has_no_step_is_told(id: str, told: str) -> None:
    with pytest.raises(KeyError, match=told):
        solved(ROOT / "examples" / "xor.toml").step(id)


def test_a_result_is_a_formula_in_the_notation_of_the_course() -> None:
    solution = solved(ROOT / "examples" / "xor.toml")
    assert solution["x_1"]._repr_markdown_() == "$x_1 = 1$"
    assert solution["a2_1"]._repr_latex_() == r"$y_1 \approx 0.7539$"
    german = calc.solve(calc.load(ROOT / "examples" / "xor.toml", {("notation", "decimal"): ","}))
    assert german["a2_1"]._repr_markdown_() == r"$y_1 \approx 0{,}7539$"
    for path in EXAMPLES:
        assert all(re.search(r" (=|\\approx) ", solved(path)[id].latex) for id in solved(path))
    assert replace(german["a2_1"], latex="") == solution["a2_1"]
    copied = pickle.loads(pickle.dumps(solution["dE/dw1_1_1"]))  # numbers and texts, nothing of the solution
    assert (copied, copied.latex) == (solution["dE/dw1_1_1"], solution["dE/dw1_1_1"].latex)


# --- in a document -----------------------------------------------------------------------------------------------


def test_latex_of_a_notebook_stands_in_a_document_that_has_amsmath(tmp_path: Path) -> None:
    needs("pdflatex")
    solution = solved(ROOT / "examples" / "xor.toml")
    body = "\n\n".join(one._repr_latex_() for one in (solution.step("dE/dw1_1_1"), solution["E"]))
    assert not any(hasattr(one, "_repr_latex_") for one in (solution, solution.problem, calc.derive("sigmoid")))
    preamble = "\\documentclass{article}\\usepackage[T1]{fontenc}\\usepackage{amsmath}"
    compile_latex(f"{preamble}\\begin{{document}}\n{body}\n\\end{{document}}\n", tmp_path)


def test_a_picture_lies_on_paper_of_its_own_for_pages_that_are_dark() -> None:
    solution = solved(ROOT / "examples" / "circuit.toml")
    root = ElementTree.fromstring(solution.figure("graph").svg)
    ground = next(shape for shape in root if shape.tag.endswith("rect"))
    _, _, width, height = root.attrib["viewBox"].split()
    assert (ground.attrib["width"], ground.attrib["height"], ground.attrib["fill"]) == (width, height, "#fff")
    assert [shape.tag.rpartition("}")[2] for shape in root][:3] == ["title", "desc", "rect"]
    assert solution.render("html").count('class="paper"') < solution.figure("graph").svg.count('class="paper"')


if __name__ == "__main__":
    nbformat.write(executed(), NOTEBOOK)
