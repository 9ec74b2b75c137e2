"""Printed pages: both papers, every standard, formulas that are read aloud, and LaTeX as the other engine."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import needs
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader
from test_expr import PROBLEM, WRITTEN, num, times
from test_pages import words_outside

import calc
from calc.document import Line
from calc.expr import Call, Derivative, Expr, Frac, Matrix, Name, Neg, Partial, Pow, Prod, Shape, Sum, Transposed
from calc.notation import notation_of
from calc.pdf import PAPERS, Print, typeset
from calc.render import wording
from calc.render.layout import rows
from calc.render.speech import Speech
from calc.render.typst import Typst

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
XOR = ROOT / "examples" / "xor.toml"
SIZES = {"a4": (595, 842), "us-letter": (612, 792)}
SMALL: dict[str, Any] = {
    "learning_rate": 0.5,
    "loss": "squared_error",
    "layers": [{"activation": "sigmoid", "weights": [["0.5"]], "biases": ["-1/3"]}],
    "samples": [{"inputs": [1], "targets": [1]}],
}


def read(pdf: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(pdf))


def elements(node: Any) -> Iterator[Any]:
    """The structure elements of a tagged PDF, each before what it contains."""
    node = node.get_object()
    if isinstance(node, list):
        for kid in node:
            yield from elements(kid)
    elif isinstance(node, dict) and "/S" in node:
        yield node
        if "/K" in node:
            yield from elements(node["/K"])


def tags(pdf: PdfReader) -> list[Any]:
    return list(elements(pdf.trailer["/Root"]["/StructTreeRoot"]["/K"]))


# --- standards ---------------------------------------------------------------------------------------------------


def test_a_pdf_is_tagged_and_every_formula_on_it_is_read_aloud() -> None:
    solution = calc.solve(calc.load(XOR))
    pdf = read(solution.pdf())
    root = pdf.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] is True or root["/MarkInfo"]["/Marked"].value
    assert root["/Lang"] == "en"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert pdf.metadata is not None
    assert pdf.metadata.title == solution.document.title
    assert b"<pdfuaid:part>1</pdfuaid:part>" in root["/Metadata"].get_data()
    found = tags(pdf)
    formulas = [tag for tag in found if tag["/S"] == "/Formula"]
    assert len(formulas) == solution.render("typst").count("math.equation(alt:")
    assert all(tag["/Alt"].strip() for tag in formulas)
    kinds = [tag["/S"] for tag in found]
    assert kinds.count("/H1") == solution.render().count("\n## ")
    assert kinds.count("/Title") == 1
    assert {"/P", "/Table", "/TH", "/L", "/LI"} <= set(kinds)


def test_no_equation_of_any_example_goes_without_words() -> None:
    for path in EXAMPLES:
        source = calc.solve(calc.load(path)).render("typst").partition("#align(center")[2]
        spoken = re.findall(
            r'#math\.equation\(alt: "((?:[^"\\]|\\.)*)", (?:math\.display\()?\$.*?\$(?:\.body\))?\);', source
        )
        assert spoken
        assert all(re.fullmatch("[A-Za-z0-9][A-Za-z0-9 ,;:]*", words) for words in spoken), path
        assert source.count("math.equation") == len(spoken)
        assert source.count("$") == 2 * len(spoken)


def test_a_picture_on_the_page_and_alone_says_what_it_shows() -> None:
    solution = calc.solve(calc.load(XOR))
    figure = solution.figure("network")
    for page in (solution.pdf(), figure.typeset("pdf")):
        said = next(tag["/Alt"] for tag in tags(read(page)) if tag["/S"] == "/Figure")
        assert said.startswith("A fully connected network: 2 inputs, 2 hidden units ")


@pytest.mark.parametrize("name", ["network", "graph", "surface"])
def test_a_picture_of_a_problem_without_title_has_one(name: str) -> None:
    figure = calc.solve(calc.Problem(title=" ", **SMALL)).figure(name)
    metadata = read(figure.typeset("pdf")).metadata
    assert metadata is not None
    assert metadata.title == wording(None)[f"figure.title_{name}"]
    assert figure.typeset("png").startswith(b"\x89PNG")


def test_lines_break_alike_on_both_papers() -> None:
    solution = calc.solve(calc.load(XOR))
    (a4, letter) = (
        "".join(page.extract_text() for page in read(solution.pdf(paper=paper)).pages[:1]) for paper in PAPERS
    )
    shared = min(len(a4), len(letter)) // 2  # a page of A4 is higher
    assert a4[:shared] == letter[:shared]


def test_pages_bear_the_title_and_their_number() -> None:
    title = "A title on every page"
    pages = read(calc.solve(calc.load(XOR).model_copy(update={"title": title})).pdf()).pages
    assert len(pages) > 2
    for number, page in enumerate(pages, 1):
        text = page.extract_text().strip()
        assert title in text
        assert re.search(rf"(^|\n){number}($|\n)", text)


def test_a_heading_stands_with_what_follows_it(tmp_path: Path) -> None:
    headings = [line.lstrip("# ") for line in calc.solve(calc.load(XOR)).render().splitlines() if line.startswith("##")]
    for paper in PAPERS:
        for page in read(calc.solve(calc.load(XOR)).pdf(paper=paper)).pages:
            lines = [line.strip() for line in page.extract_text().splitlines() if line.strip()]
            assert lines[-1].isdigit()
            assert lines[-2] not in headings


def test_the_rows_of_a_line_are_not_parted_between_pages() -> None:
    source = calc.solve(calc.load(ROOT / "examples" / "pixel-digits.toml"))
    for paper in PAPERS:
        for page in read(source.pdf(paper=paper)).pages[1:]:
            first = page.extract_text().splitlines()[1].strip()  # below the head
            assert first[0] not in "=≈+−×", (paper, first)


# --- whatever a text holds ---------------------------------------------------------------------------------------

TITLES = ["", " ", "\n", "\x00", "\x07\x1b", "🙂" * 100, "反向传播", "שלום עולם", "مرحبا", "\u202eabc", "\ufeff",
          "a" * 5000, "word " * 1000, "#set page()", "\\", '"', "]", "$x$", "*/ //", "\u0301", "\U0010ffff",
          "\u2028", "\ue000", "\ufffc", "﷽" * 40]  # fmt: skip


@pytest.mark.parametrize("title", TITLES, ids=ascii)
def test_no_title_makes_a_page_fail(title: str) -> None:
    solution = calc.solve(calc.Problem(title=title, **SMALL))
    for standard in ("ua-1", "a-2a"):
        metadata = read(solution.pdf(standard=standard)).metadata
        assert metadata is not None
        assert metadata.title
        assert title.strip() or metadata.title == "Worked solution"


@given(title=st.text(st.characters()))
def test_no_character_makes_a_page_fail(title: str) -> None:
    start = calc.solve(calc.Problem(title=title, **SMALL)).render("typst").partition("#heading")[0]
    assert typeset(start).startswith(b"%PDF")


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("A short one", "A short one"),
        (
            "one word after the other " * 9,
            "one word after the other " * 4 + "one word …",
        ),
        ("x" * 300, "\u200b".join(["x" * 32] * 3) + "\u200b" + "x" * 11 + " …"),
    ],
)
def test_the_head_of_a_page_has_room_for_the_beginning_of_a_title(title: str, shown: str) -> None:
    assert shown in Typst().running(title)


# --- spoken formulas ---------------------------------------------------------------------------------------------

SPEECH = Speech(notation_of(PROBLEM), wording(None))
X, Y, T, E = Name("x", None, (1,)), Name("x", None, (2,)), Name("t", None, (1,)), Name("E")
A, Z, W = Name("a", 2, (1,)), Name("z", 2, (1,)), Name("w", 1, (2, 1))
RATE, ONE = Name("learning_rate"), num("1")
PATHS = Sum(tuple(Partial(E, Name("a", 1, (1,)), Name("z", 2, (j,))) for j in (1, 2)))

SPOKEN: list[tuple[Expr | Line, str]] = [
    (num("-0.29"), "minus zero point two nine"),
    (num("16"), "16"),
    (num("-12.05"), "minus twelve point zero five"),
    (num("4.20e-5"), "four point two zero times ten to the power minus five"),
    (num("1/2"), "one half"),
    (num("-1/3"), "minus one over three"),
    (Sum((ONE, num("-2"))), "one plus negative two"),
    (times(num("-0.3"), num("2")), "negative zero point three times two"),
    (times(num("1/3"), num("2")), "open parenthesis one over three close parenthesis times two"),
    (Sum((T, Neg(X))), "t one minus x one"),
    (W, "w two one of layer one"),
    (Name("w", 1, (2, 1), updated=True), "w prime two one of layer one"),
    (Name("Dw", 1, (2, 1)), "delta w two one of layer one"),
    (RATE, "eta"),
    (Partial(E, W), "partial E by partial w two one of layer one"),
    (
        Prod((Partial(E, A), Partial(A, Z)), "·"),
        "partial E by partial a one of layer two times partial a one of layer two by partial z one of layer two",
    ),
    (
        PATHS,
        "partial E by partial a one of layer one through z one of layer two plus "
        "partial E by partial a one of layer one through z two of layer two",
    ),
    (
        Prod((A, Sum((ONE, Neg(A))))),
        "a one of layer two times open parenthesis one minus a one of layer two close parenthesis",
    ),
    (Pow(X, 2), "x one squared"),
    (Pow(A, 2), "a one of layer two, squared"),
    (Pow(X, 5), "x one to the power five"),
    (Pow(Sum((T, Neg(X))), 2), "open parenthesis t one minus x one close parenthesis squared"),
    (Pow(X, Sum((Y, ONE))), "x one to the power x two plus one, end of power"),
    (Frac(X, Y), "x one over x two"),
    (Neg(Frac(X, Y)), "minus x one over x two"),
    (times(Frac(X, Y), num("2")), "open parenthesis x one over x two close parenthesis times two"),
    (
        Frac(ONE, Sum((ONE, Call("exp", (Neg(X),))))),
        "the fraction with numerator one and denominator one plus e to the power minus x one, end of fraction",
    ),
    (Call("sigmoid", (X,)), "sigma of x one"),
    (Call("sigmoid'", (X,)), "sigma prime of x one"),
    (Call("tanh", (num("-1.1"),)), "hyperbolic tangent of minus one point one"),
    (Call("max", (num("0"), num("-0.3"))), "maximum of zero and minus zero point three"),
    (Call("sqrt", (Sum((X, ONE)),)), "the square root of open parenthesis x one plus one close parenthesis"),
    (Call("abs", (X,)), "the absolute value of x one"),
    (Pow(Call("abs", (X,)), 2), "the absolute value of x one, squared"),
    (Call("pi", ()), "pi"),
    (Derivative(X, T), "d t one by d x one"),
    (Derivative(X, Sum((X, T)), "∂"), "the partial derivative by x one of open parenthesis x one plus t one close "
     "parenthesis"),
    (Transposed(Name("w", 2)), "W of layer two transposed"),
    (Prod((Name("z", 1), Name("a", 1)), "∘"), "z of layer one times, entry by entry, a of layer one"),
    (Shape(2, 3), "two by three"),
    (
        Matrix(((num("0.1"), num("-0.2")), (num("0.4"), num("0.3")))),
        "the two by two matrix: row one: zero point one, minus zero point two; row two: zero point four, zero point "
        "three; end of matrix",
    ),
    (Matrix(((num("1"),), (num("0"),))), "the column one, zero, end of column"),
    (
        Line(Partial(E, W), (("=", times(num("-0.2461"), num("0.1855"))), ("≈", num("-0.05")))),
        "partial E by partial w two one of layer one equals negative zero point two four six one times zero point one "
        "eight five five, is approximately minus zero point zero five",
    ),
    (
        Line(Name("Dw", 1, (2, 1)), (("=", Neg(Prod((RATE, Partial(E, W)), "·"))),)),
        "delta w two one of layer one equals minus eta times partial E by partial w two one of layer one",
    ),
]  # fmt: skip


def aloud(expr: Expr | Line) -> str:
    words = SPEECH.line(expr) if isinstance(expr, Line) else SPEECH.write(expr)
    found = re.search(r'alt: "(.*)", \$', Typst().spoken("x", words))
    assert found is not None
    return found[1]


@pytest.mark.parametrize(("expr", "spoken"), SPOKEN, ids=lambda value: value[:40] if isinstance(value, str) else "")
def test_a_formula_is_read_as_a_lecturer_reads_it(expr: Expr | Line, spoken: str) -> None:
    assert aloud(expr) == spoken


def test_different_formulas_are_read_differently() -> None:
    formulas = [expr for expr, *_ in WRITTEN]
    heard = {aloud(expr) for expr in formulas}
    # 4.20 × 10⁻⁵ in and without brackets is the same number
    assert len(heard) == len(set(formulas))


def test_a_weight_with_a_symbol_of_the_course_is_read_by_it() -> None:
    symbols = {"w1_1_1": "w_5", "z1_1": "net_{h1}", "b1_1": "theta^{ab}"}
    problem = calc.Problem(**SMALL, notation={"symbols": symbols})
    speech = Speech(notation_of(problem), wording(None))
    assert speech.write(Partial(E, Name("w", 1, (1, 1)))) == "partial E by partial w five"
    assert speech.write(Name("z", 1, (1,))) == "net h one"
    assert speech.write(Name("b", 1, (1,))) == "theta superscript a b"


def test_a_line_that_is_broken_is_read_row_by_row() -> None:
    problem = calc.load(ROOT / "examples" / "pixel-digits.toml")
    source = calc.solve(problem).render("typst")
    goes_on = re.findall(r'alt: "([^"]*)", math\.display\(\$quad', source)
    assert goes_on
    assert all(re.match("(plus|minus|times) ", words) for words in goes_on)


LONG = Sum(tuple(Name("x", None, (j,)) for j in range(1, 10)))
PLUS = "x one plus x two plus x three plus x four plus x five plus x six plus x seven plus x eight plus x nine"
IN_BRACKETS = f"open parenthesis {PLUS} close parenthesis"
HALF = "to the power one half end of power"

OPENED: list[tuple[Expr, str]] = [
    (LONG, PLUS),
    (Neg(LONG), f"minus {IN_BRACKETS}"),
    (Frac(LONG, Y), f"open parenthesis one over x two close parenthesis times {IN_BRACKETS}"),
    (Frac(ONE, LONG), f"one divided by {IN_BRACKETS}"),
    (Neg(Frac(LONG, LONG)), f"minus {IN_BRACKETS} divided by {IN_BRACKETS}"),
    (Pow(LONG, 2), f"{IN_BRACKETS} squared"),
    (Pow(LONG, X), f"{IN_BRACKETS} to the power x one"),
    (Call("sqrt", (LONG,)), f"{IN_BRACKETS} {HALF}"),
    (Call("abs", (LONG,)), f"the absolute value of {IN_BRACKETS}"),
    (Call("tanh", (LONG,)), f"hyperbolic tangent of {IN_BRACKETS}"),
    (Call("max", (LONG, X)), f"maximum of open parenthesis {PLUS} and x one close parenthesis"),
    (
        Call("max", (Call("max", (LONG, X)), Y)),
        f"maximum of open parenthesis {PLUS} x one and x two close parenthesis",
    ),
    (Sum((T, Neg(Call("abs", (LONG,))))), f"t one minus the absolute value of {IN_BRACKETS}"),
    (times(Call("sqrt", (LONG,)), T), f"{IN_BRACKETS} {HALF} times t one"),
]


@pytest.mark.parametrize(("expr", "spoken"), OPENED, ids=lambda value: value[:40] if isinstance(value, str) else "")
def test_an_operation_that_goes_on_over_several_rows_is_read_as_it_is_written_there(expr: Expr, spoken: str) -> None:
    typst = Typst()
    printer = typst.formulas(notation_of(PROBLEM))
    laid = rows([Line(E, (("=", expr),))], printer, 22.0, typst.relations, SPEECH, typst.row)
    heard = [words for row in laid for words in re.findall(r'alt: "([^"]*)"', row.right)]
    assert len(heard) > 2
    assert " ".join(heard).replace(",", "") == f"equals {spoken}"  # the end of a row is a pause of its own
    typeset("#set document(title: [x])\n" + "\n".join(row.right for row in laid))


# --- options -----------------------------------------------------------------------------------------------------


def command(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    run = [sys.executable, "-m", "calc", *arguments]
    return subprocess.run(run, capture_output=True, check=False, env=os.environ | environment, cwd=ROOT)


REFUSED = {
    "--paper a5": '--paper: "a5" is not known. Known: a4, us-letter',
    "--standard ua": '--standard: "ua" is not known. Known: ua-1, a-2a, none',
    "--engine word": '--engine: "word" is not known. Known: typst, latex',
    "--engine latex --standard ua-1": '--standard: "ua-1" found, which LaTeX cannot write: it tags no page.',
    "--to md --paper a4": "--paper: found with the format md, of a PDF only. Drop it, or ask for a PDF",
    "--to tex --engine latex": "--engine: found with the format tex, of a PDF only. Drop it, or ask for a PDF",
}


@pytest.mark.parametrize("options", REFUSED)
def test_an_option_that_does_not_fit_is_told(options: str) -> None:
    done = command("solve", str(XOR), *(("--to", "pdf") if "--to" not in options else ()), *options.split())
    assert (done.returncode, done.stdout) == (2, b"")
    assert REFUSED[options] in done.stderr.decode()


def test_latex_that_is_not_installed_is_told() -> None:
    done = command("solve", str(XOR), "--to", "pdf", "--engine", "latex", PATH="/nowhere")
    assert (done.returncode, done.stdout) == (2, b"")
    assert "--engine: latexmk or pdflatex is not installed" in done.stderr.decode()


def test_the_same_options_serve_in_python(tmp_path: Path) -> None:
    solution = calc.solve(calc.Problem(**SMALL))
    solution.save(tmp_path / "page.pdf", paper="us-letter", standard="a-2a")
    assert (tmp_path / "page.pdf").read_bytes() == solution.pdf(paper="us-letter", standard="a-2a")
    with pytest.raises(calc.ProblemError, match="paper: found with the format md"):
        solution.save(tmp_path / "page.md", paper="a4")
    with pytest.raises(calc.ProblemError, match='standard: "x" is not known'):
        Print(standard="x")
    assert not (tmp_path / "page.md").exists()


def test_a_derivation_is_printed_with_the_same_options(tmp_path: Path) -> None:
    done = command("derive", "sigmoid", "-o", str(tmp_path / "d.pdf"), "--paper", "us-letter", "--standard", "a-2a")
    assert done.returncode == 0, done.stderr
    assert round(read((tmp_path / "d.pdf").read_bytes()).pages[0].mediabox[2]) == 612


def test_a_template_whose_equations_have_no_words_is_told(tmp_path: Path) -> None:
    (tmp_path / "typ").mkdir()
    template = '<% extends "default/typ/document.typ" %><% block title %>$x$<% endblock %>'
    (tmp_path / "typ" / "document.typ").write_text(template)
    solution = calc.solve(calc.Problem(**SMALL), templates=tmp_path)
    with pytest.raises(calc.CalcError, match=r"missing alt text.*ask for the standard none"):
        solution.pdf()
    assert solution.pdf(standard="none")


# --- LaTeX -------------------------------------------------------------------------------------------------------


def test_latex_typesets_the_page_on_both_papers_and_the_same_every_time(tmp_path: Path) -> None:
    needs("latexmk", "pdflatex", "pdftotext")
    solution = calc.solve(calc.load(XOR))
    for paper in PAPERS:
        solution.save(tmp_path / "page.pdf", paper=paper, engine="latex")
        pdf = (tmp_path / "page.pdf").read_bytes()
        assert not words_outside(tmp_path / "page.pdf")
        assert tuple(map(round, read(pdf).pages[0].mediabox[2:])) == SIZES[paper]
        assert pdf == solution.pdf(paper=paper, engine="latex")


@pytest.mark.parametrize("source", [r"\input{/etc/passwd}", r"\input{../secret.tex}", r"\immediate\write18{touch RAN}"])
def test_latex_reads_no_file_and_runs_no_program(source: str, tmp_path: Path) -> None:
    needs("latexmk", "pdflatex")
    (tmp_path / "tex").mkdir()
    source = source.replace("RAN", str(tmp_path / "ran")) + r"\input{/dev/null}"  # fails at last
    page = rf"\documentclass{{article}}\begin{{document}}{source}\end{{document}}"
    (tmp_path / "tex" / "document.tex").write_text(page)
    solution = calc.solve(calc.Problem(**SMALL), templates=tmp_path)
    with pytest.raises(calc.CalcError, match="the page could not be typeset: ! "):
        solution.pdf(engine="latex")
    assert not (tmp_path / "ran").exists()


def test_a_latex_template_whose_paper_cannot_be_set_is_told(tmp_path: Path) -> None:
    needs("latexmk", "pdflatex")
    (tmp_path / "tex").mkdir()
    page = r"\documentclass{article}\begin{document}x\end{document}"
    (tmp_path / "tex" / "document.tex").write_text(page)
    solution = calc.solve(calc.Problem(**SMALL), templates=tmp_path)
    assert solution.pdf(engine="latex").startswith(b"%PDF")
    with pytest.raises(calc.ProblemError, match="your LaTeX template sets no paper"):
        solution.pdf(paper="us-letter", engine="latex")
