"""Every example × two languages × every format, host, class and standard, each read as its reader reads it: no failure.

How many combinations there were is summed up at the end of a run. A few of them serve while one works; CI takes all.
"""

import io
import json
import random
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

import pytest
from conftest import Sweep, needs
from node import node_modules, run_script
from pypdf import PdfReader
from referee import TWO_LAYERS
from test_courses import COURSES, text_of
from test_dialects import MATHS, RENDERED, page_of, pandoc, read_by_hosts
from test_pages import compile_latex, words_outside

import calc
from calc.blank import blank
from calc.page import Page
from calc.pdf import PAPERS, STANDARDS, Print, typeset
from calc.render import FORMATS, VARIANTS, wording

FOLDER = Path(__file__).parent.parent / "examples"
EXAMPLES = sorted(FOLDER.glob("*.toml"))
LANGUAGES = {"en": ".", "de": ","}  # with the decimal sign of schools that speak it
SIZES = {"a4": (595, 842), "us-letter": (612, 792)}
FAULTLESS = "combinations of example, language and format, 0 failures"

Record = Callable[[str, object], None]
Chosen = dict[str, calc.Solution]


@cache
def solved(path: Path, language: str) -> calc.Solution:
    settings = {("solution", "language"): language, ("notation", "decimal"): LANGUAGES[language]}
    return calc.solve(calc.load(path, settings))


def chosen(sweep: Sweep, few: int, languages: Iterable[str] = LANGUAGES) -> Chosen:
    """The solutions that are looked at, by a name that is a file's as well: all of them, or a few."""
    pairs = [(path, language) for path in EXAMPLES for language in languages]
    some = random.Random(5).sample(pairs, sweep.count(seconds=few, ci=len(pairs), full=len(pairs)))
    return {f"{path.stem}-{language}": solved(path, language) for path, language in sorted(some)}


def test_no_format_and_no_variant_of_one_is_left_out_here() -> None:
    assert {format.name for format in FORMATS} == {"md", "tex", "typ", "html", "txt"}
    dialects = {variant.options.dialect for variant in VARIANTS if variant.name == "md"}
    assert dialects == {*RENDERED, "pandoc"} - {None}
    classes = [variant.options for variant in VARIANTS if variant.name == "tex"]
    assert [(one.fragment, one.document_class) for one in classes] == [(True, None), (False, "exam"), (True, "exam")]
    assert set(STANDARDS) == {"ua-1", "a-2a", "none"}
    assert set(PAPERS) == set(SIZES)


# --- Markdown --------------------------------------------------------------------------------------------------------


def test_every_host_sets_every_formula_of_every_page(sweep: Sweep, record_property: Record, tmp_path: Path) -> None:
    solutions = chosen(sweep, 10).items()
    reports = read_by_hosts([page_of(name, one, dialect) for name, one in solutions for dialect in RENDERED], tmp_path)
    assert [fault for report in reports for fault in report["faults"]] == []
    assert all((report["formulas"] > 10) is (report["dialect"] != "plain") for report in reports)
    record_property(FAULTLESS, len(reports))
    record_property("formulas set by KaTeX and MathJax", sum(report["formulas"] for report in reports))


def test_pandoc_reads_every_formula_of_every_page_and_sets_it_in_every_format(
    sweep: Sweep, record_property: Record, tmp_path: Path
) -> None:
    needs("pandoc", "pdflatex")
    solutions = chosen(sweep, 4)
    page = "\n\n".join(solution.render(dialect="pandoc") for solution in solutions.values())
    html = pandoc(page, "--to", "html5", "--mathml").decode()  # pandoc warns of what it cannot convert
    assert html.count("<math ") == len(MATHS.findall(page))
    assert not re.findall(r".*[$\\|].*", re.sub("<math .*?</math>|<[^>]*>", "", html, flags=re.DOTALL))
    assert pandoc(page, "--to", "docx", "--output", "-").startswith(b"PK")
    compile_latex(pandoc(page, "--standalone", "--metadata", "title=x", "--to", "latex").decode(), tmp_path)
    record_property(FAULTLESS, len(solutions))


# --- LaTeX -----------------------------------------------------------------------------------------------------------


def compile_together(frame: str, pages: dict[str, str], folder: Path) -> None:
    """One run for many pages: what stands in the body of a document, with INPUT in it, once for each page."""
    start, body, end = re.split(r"(?<=\\begin\{document\})(.*)(?=\\end\{document\})", frame, flags=re.DOTALL)
    for name, page in pages.items():
        (folder / f"{name}.tex").write_text(page, "utf-8")
    inputs = [body.replace("INPUT", f"\n\\input{{{name}}}\n") for name in pages]
    log = compile_latex(start + "\\clearpage\n".join(inputs) + end, folder)
    assert "Overfull \\hbox" not in log, re.findall(r"\(\./\S+\.tex|Overfull \\hbox.*", log)
    assert "Missing character" not in log


def compile_documents(pages: dict[str, str], folder: Path) -> list[Path]:
    """The PDFs of many documents, those of one preamble in one run: only pages with marks define what they need."""
    of_preamble: dict[str, dict[str, str]] = {}
    for name, page in pages.items():
        preamble, body, _ = re.split(r"\\(?:begin|end)\{document\}", page)
        of_preamble.setdefault(preamble, {})[name] = body
    for number, (preamble, bodies) in enumerate(of_preamble.items()):
        (folder / str(number)).mkdir(exist_ok=True)
        compile_together(rf"{preamble}\begin{{document}}INPUT\end{{document}}", bodies, folder / str(number))
    return [folder / str(number) / "page.pdf" for number in range(len(of_preamble))]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_article_compiles_and_stays_within_its_margins(
    language: str, sweep: Sweep, record_property: Record, tmp_path: Path
) -> None:
    needs("pdflatex", "pdftotext")
    pages = {name: solution.render("latex") for name, solution in chosen(sweep, 3, [language]).items()}
    assert not any(words_outside(pdf) for pdf in compile_documents(pages, tmp_path))
    record_property(FAULTLESS, len(pages))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_exam_compiles_with_its_answers_and_without(
    language: str, sweep: Sweep, record_property: Record, tmp_path: Path
) -> None:
    needs("pdflatex", "pdftotext")
    solutions = chosen(sweep, 3, [language])
    pages = {name: one.render("latex", document_class="exam") for name, one in solutions.items()}
    asked = re.findall(r"\\part\[(\d+)\]", "".join(pages.values()))
    [pdf] = compile_documents(pages, tmp_path)
    answers = text_of(pdf.parent)
    compile_documents({name: page.replace(r"\printanswers", "") for name, page in pages.items()}, tmp_path)
    questions = text_of(pdf.parent)
    said = wording(None, language)
    points = rf"\((\d+) (?:{said['exam.point']}|{said['exam.points']})\)"
    assert re.findall(points, answers) == re.findall(points, questions) == asked
    assert answers.count(said["exam.solution"]) == len(asked) > len(pages)
    assert said["exam.solution"] not in questions
    assert not re.search(r"\(\d\d+\)$", questions, re.MULTILINE)  # no numbered line; (1) stands above z as well
    pictured = [name for name, one in solutions.items() if one.document != one.bare]
    assert [name for name, page in pages.items() if r"\begin{tikzpicture}" in page] == pictured
    record_property(FAULTLESS, 2 * len(pages))


@pytest.mark.parametrize("course", COURSES)
def test_every_fragment_compiles_in_every_course(
    course: str, sweep: Sweep, record_property: Record, tmp_path: Path
) -> None:
    needs("pdflatex")
    options = {"fragment": True, "document_class": "exam" if course == "exam" else None}
    pages = {name: solution.render("latex", **options) for name, solution in chosen(sweep, 3).items()}
    foreign = r"\\(documentclass|usepackage|begin\{document\}|toprule|begin\{(longtable|tikzpicture)\})"
    assert not [name for name, page in pages.items() if re.search(foreign, page.split("\n", 1)[1])]
    compile_together(COURSES[course], pages, tmp_path)
    record_property(FAULTLESS, len(pages))


# --- PDF -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("standard", "paper"), [("ua-1", "a4"), ("ua-1", "us-letter"), ("a-2a", "a4")])
def test_every_pdf_meets_its_standard_and_stays_within_its_margins(
    standard: str, paper: str, sweep: Sweep, record_property: Record, tmp_path: Path
) -> None:
    needs("pdftotext")
    solutions = chosen(sweep, 3)
    for name, solution in solutions.items():  # Typst refuses what does not conform
        pdf = typeset(solution.render("typst"), Print(paper, standard))
        (tmp_path / "page.pdf").write_bytes(pdf)
        assert not words_outside(tmp_path / "page.pdf"), name
        page = PdfReader(io.BytesIO(pdf))
        assert page.trailer["/Root"]["/Lang"] == solution.problem.solution.language
        assert {tuple(map(round, one.mediabox[2:])) for one in page.pages} == {SIZES[paper]}
        marks = page.trailer["/Root"]["/Metadata"].get_data()
        assert (b"pdfuaid:part>1<" in marks, b"pdfaid:part>2<" in marks) == (standard == "ua-1", standard == "a-2a")
    record_property(FAULTLESS, len(solutions))


# --- HTML ------------------------------------------------------------------------------------------------------------


def stress() -> dict[str, calc.Problem]:
    """Pages that have what no example has."""
    base = TWO_LAYERS
    symbols = {"w1_1_1": "WWWWWWWWWW_{1234567890}^{abcdefghij}", "E": "MMMMMMMMMM", "w1_2_1": "theta_{a,b}^{c'}"}
    return {
        "symbols": calc.Problem(**base, notation={"symbols": symbols}, title="</title><script>alert(1)</script>" * 5),
        "digits": calc.Problem(**base, rounding={"decimals": 30}, title="Backpropagation" * 40),
        "matrices": calc.Problem(**base, solution={"method": "matrix"}, notation={"profile": "delta-nabla"}),
        "training": calc.Problem(**base, training={"epochs": 2}, solution={"method": "delta", "show": "all"}),
    }


def save_pages(solutions: Mapping[str, Page], folder: Path) -> list[Path]:
    for name, solution in solutions.items():
        solution.save(folder / f"{name}.html")
    return [folder / f"{name}.html" for name in solutions]


def unusual() -> dict[str, Page]:
    """The same, and the pages that are no solution."""
    xor = calc.load(FOLDER / "xor.toml")
    return {
        **{name: calc.solve(problem) for name, problem in stress().items()},
        "class": calc.check(xor, FOLDER / "class.csv", marks=True),
        "worksheet": blank(xor).worksheet,
        "keys": calc.conventions(calc.load(FOLDER / "two-outputs.toml")),
    }


def test_the_validator_finds_nothing_in_any_page(sweep: Sweep, record_property: Record, tmp_path: Path) -> None:
    needs("java")
    solutions = chosen(sweep, 6)
    pages = save_pages({**solutions, **unusual()}, tmp_path)
    validator = node_modules() / "vnu-jar" / "build" / "dist" / "vnu.jar"
    command = ["java", "-jar", str(validator), "--format", "json", *map(str, pages)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert json.loads(done.stderr)["messages"] == []
    record_property(FAULTLESS, len(solutions))


@pytest.mark.parametrize(
    ("language", "views"), [("en", "wide"), ("de", "narrow"), ("", "wide,narrow")], ids=["en", "de", "unusual"]
)
def test_axe_finds_nothing_and_no_page_is_wider_than_a_telephone_or_loads_anything(
    language: str, views: str, sweep: Sweep, record_property: Record, tmp_path: Path
) -> None:
    """An example's pages differ in their words alone, so that axe sees one in the light and the other in the dark."""
    needs("chromium")
    solutions: Mapping[str, Page] = chosen(sweep, 1, [language]) if language else unusual()
    pages = save_pages(solutions, tmp_path)[: sweep.count(seconds=1, ci=len(solutions), full=len(solutions))]
    report = run_script("browser.mjs", "audit", views, *pages)
    assert {page: faults for page, faults in report.items() if faults} == {}
    assert len(report) == len(pages)
    record_property("HTML, pages without a violation of axe", len(report))


# --- text and JSON ---------------------------------------------------------------------------------------------------


def test_every_page_of_characters_is_printable_and_every_language_has_the_same_values(record_property: Record) -> None:
    for path in EXAMPLES:
        iterations = []
        for language in LANGUAGES:
            text = solved(path, language).render("text")
            assert text.replace("\n", "").isprintable()
            assert max(map(len, text.splitlines())) <= 100, path
            found = json.loads(solved(path, language).render("json"))
            assert (found["format"], found["version"]) == ("calc-solution", 1)
            iterations.append([(one["index"], {**one["values"]}) for one in found["iterations"]])
        first, *others = iterations
        assert all(other == first for other in others), path
    record_property(FAULTLESS, 2 * len(EXAMPLES) * len(LANGUAGES))
