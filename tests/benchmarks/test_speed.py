"""Fast enough to be used without thinking: measured against SymPy on the same machine in the same minute.

The figures promised are those of --sweep=full on a machine with nothing else to do; otherwise only a gross slowdown
fails, since a busy machine favours neither side reliably. Every run reports its own at the end.
"""

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import sympy
from conftest import Sweep, needs
from sympy.core.cache import clear_cache

import calc
from calc.answers import sheet_of
from calc.judge import judge
from calc.key import Key

ROOT = Path(__file__).parent.parent.parent
Record = Callable[[str, object], None]


def seconds(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


def test_a_whole_process_takes_at_most_four_fifths_of_importing_sympy(sweep: Sweep, record_property: Record) -> None:
    # both with their bytecode at hand, as pip leaves it at an install
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}

    def run(*arguments: str) -> float:
        command = [sys.executable, *arguments]
        return seconds(lambda: subprocess.run(command, cwd=ROOT, env=kept, check=True, capture_output=True))

    run("-m", "calc", "solve", "examples/xor.toml")
    pairs = [  # alternating, so that both meet the same load
        (run("-m", "calc", "solve", "examples/xor.toml"), run("-c", "import sympy"))
        for _ in range(sweep.count(seconds=5, ci=10, full=30))
    ]
    own, other = (median(times) for times in zip(*pairs, strict=True))
    record_property("Speed, whole process", f"{own:.3f} s against {other:.3f} s of import sympy: {own / other:.2f}")
    assert own <= (0.8 if sweep.size == "full" else 1.2) * other


def test_a_pdf_takes_at_most_twice_the_time_of_its_markdown_as_a_whole_process(
    sweep: Sweep, record_property: Record
) -> None:
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}

    def run(format: str) -> float:
        command = [sys.executable, "-m", "calc", "solve", "examples/xor.toml", "--to", format]
        return seconds(lambda: subprocess.run(command, cwd=ROOT, env=kept, check=True, capture_output=True))

    run("pdf")
    pairs = [(run("pdf"), run("md")) for _ in range(sweep.count(seconds=5, ci=10, full=30))]
    pdf, markdown = (median(times) for times in zip(*pairs, strict=True))
    figures = f"{pdf:.3f} s against {markdown:.3f} s of its Markdown: {pdf / markdown:.2f}"
    record_property("Speed, tagged PDF", figures)
    assert pdf <= (2 if sweep.size == "full" else 3) * markdown


def test_a_pdf_is_faster_than_pdflatex_on_the_same_page(sweep: Sweep, record_property: Record, tmp_path: Path) -> None:
    needs("pdflatex")
    solution = calc.solve(calc.load(ROOT / "examples" / "xor.toml"))
    (tmp_path / "page.tex").write_text(solution.render("latex"), "utf-8")
    command = ["pdflatex", "-no-shell-escape", "-interaction=batchmode", "page.tex"]

    def run_pdflatex() -> float:
        return seconds(lambda: subprocess.run(command, cwd=tmp_path, check=True, capture_output=True))

    run_pdflatex()
    solution.pdf()
    pairs = [(seconds(solution.pdf), run_pdflatex()) for _ in range(sweep.count(seconds=5, ci=10, full=30))]
    own, other = (median(times) for times in zip(*pairs, strict=True))
    record_property("Speed, typesetting", f"{own:.3f} s against {other:.3f} s of pdfLaTeX: {own / other:.2f}")
    assert own <= (1 if sweep.size == "full" else 1.5) * other


def gradients_in_sympy() -> list[str]:
    """∂E/∂w of the 2-2-2 network for its eight weights, as LaTeX: what calc is there to spare people."""
    w, x, t, b = sympy.symbols("w1:9"), sympy.symbols("x1:3"), sympy.symbols("t1:3"), sympy.symbols("b1:3")
    h = [1 / (1 + sympy.exp(-(w[k] * x[0] + w[k + 1] * x[1] + b[0]))) for k in (0, 2)]
    o = [1 / (1 + sympy.exp(-(w[k] * h[0] + w[k + 1] * h[1] + b[1]))) for k in (4, 6)]
    loss = sum((t[j] - o[j]) ** 2 / 2 for j in range(2))
    return [str(sympy.latex(sympy.diff(loss, weight))) for weight in w]


def test_a_solution_is_twenty_times_faster_than_differentiating_the_loss_in_sympy(
    sweep: Sweep, record_property: Record
) -> None:
    problem = calc.load(ROOT / "examples" / "two-outputs.toml")
    assert calc.solve(problem).render("markdown").count(r"\partial") > 100  # warm
    assert len(gradients_in_sympy()) == 8

    def own_warm() -> float:
        gc.collect()
        return median(seconds(lambda: calc.solve(problem).render("markdown")) for _ in range(5))

    def sympy_fresh() -> float:
        clear_cache()  # what SymPy keeps of the last run no first user has
        gc.collect()
        return seconds(gradients_in_sympy)

    pairs = [(own_warm(), sympy_fresh()) for _ in range(sweep.count(seconds=4, ci=6, full=15))]
    own, other = (median(times) for times in zip(*pairs, strict=True))
    figures = f"{1000 * own:.1f} ms against {1000 * other:.0f} ms: {other / own:.0f} times faster"
    record_property("Speed, 2-2-2 network", figures)
    assert other >= (20 if sweep.size == "full" else 6) * own


def test_a_sheet_is_checked_faster_than_its_problem_is_solved_and_printed(
    sweep: Sweep, record_property: Record
) -> None:
    """Of the 2-2-2 network, all its lines, every tenth of them wrong; a class of 200 in 5 s is 25 ms a sheet."""
    problem = calc.load(ROOT / "examples" / "two-outputs.toml")
    solution = calc.solve(problem)
    right = {id: solution[id].text for id in solution}
    wrong = {id: f"{float(solution[id].value) * 1.3 + 0.01:.6f}" for id in list(right)[::10]}
    key = Key(problem)
    sheet = sheet_of(right | wrong, problem, key.quantities)

    def whole() -> None:
        calc.check(problem, right | wrong).render("json")

    def page() -> None:
        calc.solve(problem).render("latex")

    whole()
    page()
    pairs = [(seconds(lambda: judge(key, sheet)), seconds(whole), seconds(page)) for _ in range(sweep.count(5, 10, 30))]
    of_class, alone, printed = (median(times) for times in zip(*pairs, strict=True))
    figures = f"{1000 * alone:.0f} ms alone, {1000 * of_class:.0f} ms in a class; the page {1000 * printed:.0f} ms"
    record_property("Speed, checking a 2-2-2 sheet", figures)
    assert of_class <= (1.5 if sweep.size == "full" else 3) * printed
    assert alone <= (6 if sweep.size == "full" else 12) * printed
