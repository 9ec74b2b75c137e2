"""LaTeX for courses: fragments compile where only amsmath is loaded, exam questions hide their answers."""

import random
import re
import subprocess
from pathlib import Path

import circuit_referee
import pytest
from click.testing import CliRunner
from conftest import Sweep, needs
from proofreader import proofread
from referee import random_problem, slopes_by_side
from test_pages import compile_latex

import calc
from calc.cli import app

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
XOR = str(ROOT / "examples" / "xor.toml")
EXAM = (
    r"\documentclass{exam}\usepackage{amsmath}PRINT\begin{document}\begin{questions}INPUT\end{questions}\end{document}"
)
COURSES = {  # with nothing but what the class brings along, and amsmath
    "article": r"\documentclass{article}\usepackage{amsmath}\begin{document}INPUT\end{document}",
    "report": r"\documentclass{report}\usepackage{amsmath}\begin{document}\chapter{One}INPUT Then.\end{document}",
    "beamer": r"\documentclass{beamer}\usepackage{amsmath}\begin{document}"
    r"\begin{frame}[allowframebreaks]\footnotesize INPUT\end{frame}\end{document}",
    "exam": EXAM.replace("PRINT", r"\printanswers"),
}


def compile_in(course: str, fragment: str, folder: Path) -> str:
    """The log of a course's document that reads a fragment."""
    (folder / "page.aux").unlink(missing_ok=True)  # another class's
    (folder / "fragment.tex").write_text(fragment, "utf-8")
    return compile_latex(course.replace("INPUT", "\n\\input{fragment}\n"), folder)


def text_of(folder: Path) -> str:
    done = subprocess.run(["pdftotext", "-layout", "page.pdf", "-"], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode()


def test_random_fragments_and_exams_compile(sweep: Sweep, tmp_path: Path) -> None:
    needs("pdflatex")
    for seed in range(sweep.count(seconds=3, ci=20, full=100)):
        problem = random_problem(random.Random(f"courses {seed}"))
        problem["solution"] |= {"show": ("all", "auto")[seed % 2]}
        solution = calc.solve(calc.Problem(**problem))
        exam = tmp_path / "exam"
        exam.mkdir(exist_ok=True)
        for log in (
            compile_in(COURSES["article"], solution.render("latex", fragment=True), tmp_path),
            compile_latex(solution.render("latex", document_class="exam"), exam),
        ):
            assert "Overfull \\hbox" not in log, (seed, re.findall(r"Overfull \\hbox.*", log))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_line_of_a_fragment_and_of_an_exam_comes_out_on_a_calculator(path: Path) -> None:
    problem = calc.load(path)
    if getattr(problem.solution, "method", None) == "matrix":
        pytest.skip("the proofreader reads matrices from tables of whole columns; narrow pages divide them")
    rounding = problem.rounding.model_dump(exclude_none=True)
    if problem.rounding.significant is None:
        rounding.setdefault("decimals", 4)
    tables = problem.model_dump(mode="json", exclude_none=True)
    by_side = circuit_referee.slopes_by_side(tables) if "graph" in tables else slopes_by_side(tables)
    solution = calc.solve(problem)
    whole = proofread(solution.render("latex"), rounding, by_side=by_side)
    for options in ({"fragment": True}, {"document_class": "exam"}):
        report = proofread(solution.render("latex", **options), rounding, by_side=by_side)
        assert not report.faults
        assert report.checked >= whole.checked > 5  # narrower tables repeat their first column


def test_a_question_stands_in_an_exam_of_somebody_else(tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    solution = calc.solve(calc.load(XOR))
    question = solution.render("latex", fragment=True, document_class="exam")
    compile_in(COURSES["exam"], question, tmp_path)
    assert text_of(tmp_path).count("Solution:") == 5
    compile_in(EXAM.replace("PRINT", ""), question, tmp_path)
    assert "Solution" not in text_of(tmp_path)
    whole = solution.render("latex", document_class="exam")
    parts = r"\\begin\{parts\}.*\\end\{parts\}"
    assert re.findall(parts, question, re.DOTALL) == re.findall(parts, whole, re.DOTALL)


def test_a_part_has_a_point_for_each_line_that_a_student_writes() -> None:
    page = calc.solve(calc.load(XOR)).render("latex", document_class="exam")
    parts = re.findall(r"\\part\[(\d+)\](.*?)\\end\{solution\}", page, re.DOTALL)
    assert [int(points) for points, _ in parts[:4]] == [part.count(r"\tag{") for _, part in parts[:4]]
    assert re.findall(r"\\part\[(\d+)\] (.*)", page) == [
        ("6", "Forward pass: compute every sum and every activation."),
        ("1", "Compute the error."),
        ("24", "Backward pass: compute the gradients."),
        ("12", "Update the parameters."),
        ("10", "Check the result with the updated parameters."),
    ]


def test_each_update_of_a_training_is_told_ahead_of_its_parts() -> None:
    problem = calc.load(ROOT / "examples" / "xor-online.toml")
    page = calc.solve(problem).render("latex", document_class="exam")
    first = page.index(r"\uplevel{\textbf{Update 1: epoch 1, sample 1}")
    assert first < page.index(r"\part[")
    assert page.rindex(r"\begin{solution}") < page.index("All updates")


def test_letters_that_the_oldest_encoding_lacks_compile_with_amsmath_alone(tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    problem = calc.load(XOR).model_copy(update={"title": 'Zażółć „gęślą" «jaźń» — Übung ≈ Đ & 50 % _x_'})
    log = compile_in(COURSES["article"], calc.solve(problem).render("latex", fragment=True), tmp_path)
    assert "Missing character" not in log
    assert "50 %" in text_of(tmp_path)


def test_a_course_sets_the_headings_of_a_fragment_in_its_own_way(tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    course = COURSES["article"].replace(
        r"\begin{document}", r"\newcommand{\calcsection}[1]{\section{#1}}\begin{document}"
    )
    compile_in(course, calc.solve(calc.load(XOR)).render("latex", fragment=True), tmp_path)
    assert re.search(r"\s2 +Forward pass\n", text_of(tmp_path))


def test_long_blocks_and_long_tables_of_a_fragment_break_across_pages(tmp_path: Path) -> None:
    needs("pdflatex")
    solution = calc.solve(calc.load(ROOT / "examples" / "pixel-digits.toml"))
    log = compile_in(COURSES["article"], solution.render("latex", fragment=True), tmp_path)
    assert "Overfull \\vbox" not in log
    assert "Float too large" not in log


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (["--fragment"], {"fragment": True}),
        (["--class", "exam"], {"document_class": "exam"}),
        (["--class", "exam", "--fragment"], {"document_class": "exam", "fragment": True}),
        (["--class", "article"], {"document_class": "article"}),
        (["--class", "article", "--fragment"], {"fragment": True}),
    ],
    ids=str,
)
def test_each_is_asked_for_by_the_command_line_and_in_python(
    options: list[str], asked: dict[str, object], tmp_path: Path
) -> None:
    done = CliRunner().invoke(app, ["solve", XOR, "--to", "tex", *options])
    assert (done.exit_code, done.stderr) == (0, "")
    solution = calc.solve(calc.load(XOR))
    assert done.stdout == solution.render("tex", **asked)
    solution.save(tmp_path / "page.tex", **asked)
    assert (tmp_path / "page.tex").read_text("utf-8") == done.stdout
    assert (done.stdout == solution.render("tex")) is (options == ["--class", "article"])
