"""The marking scheme: every step earns its marks once, wherever and in whatever format it stands."""

import json
import random
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import circuit_referee
import pytest
from conftest import Sweep, needs
from proofreader import proofread, read_lines
from referee import random_problem, random_training, slopes_by_side
from test_courses import COURSES, compile_in
from test_pages import compile_latex, words_outside

import calc
from calc.errors import ProblemError
from calc.explain_marks import marks_on, schemes_of
from calc.marks import ACCURACY, FOLLOW, METHOD, Scheme, total_of

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
METHODS = ("chain", "delta", "matrix")
LETTERS = {
    "en": ("The marking scheme", "method", "accuracy"),
    "de": ("Das Bewertungsschema", "Methode", "Genauigkeit"),
    "fr": ("Le barème", "méthode", "exactitude"),
    "es": ("El esquema de calificación", "método", "precisión"),
}
ONE = {
    "learning_rate": 0.5,
    "loss": "half_squared_error",
    "layers": [{"activation": "sigmoid", "weights": [[0.5, -0.25]], "biases": [1]}],
    "samples": [{"inputs": [1, 2], "targets": [1]}],
}


def marked(tables: dict[str, Any], **solution: Any) -> calc.Solution:
    own = {key: value for key, value in tables.get("solution", {}).items() if key not in solution}
    return calc.solve(calc.Problem(**tables | {"solution": own | {"marks": True} | solution}))


def methods_of(tables: dict[str, Any]) -> tuple[str, ...]:
    by_gradient = "graph" not in tables and tables.get("training", {}).get("rule", "gradient") == "gradient"
    return METHODS if by_gradient else ("chain",)


def _variants() -> Iterator[Any]:
    for path in EXAMPLES:
        tables = tomllib.loads(path.read_text("utf-8"))
        for method in methods_of(tables):
            yield pytest.param(tables, {"method": method} if "graph" not in tables else {}, id=f"{path.stem} {method}")


VARIANTS = list(_variants())
CODE = r"[MA]\d+(?:ft)?(?: [MA]\d+(?:ft)?)*"


def shown_in(page: str) -> dict[str, int]:
    """The marks that are read off a page, by their letters: those of lines and those of the rows of tables."""
    counts = {"M": 0, "A": 0, "ft": 0}
    for code in re.findall(rf"(?:\\text\{{|\| )({CODE})(?:\}}| \|)", page):
        for letter, count, follows in re.findall(r"([MA])(\d+)(ft)?", code):
            counts[letter] += int(count)
            counts["ft"] += int(count) if follows else 0
    return counts


def check_total(solution: calc.Solution) -> None:
    page = solution.render()
    (told,) = re.findall(r"^The marking scheme: (\d+) .*?, (\d+) .*? (\d+) .*?: (\d+) ", page, re.MULTILINE)
    method, accuracy, following, both = map(int, told)
    assert shown_in(page) == {"M": method, "A": accuracy, "ft": following}
    assert method + accuracy == both > 0
    total = total_of(marks_on(solution.document.sections))
    assert (total.method, total.accuracy, total.following, total.all) == (method, accuracy, following, both)
    steps = sum(
        len(step["marks"]) for one in json.loads(solution.render("json"))["iterations"] for step in one["steps"]
    )
    assert both <= steps  # of a page in brief not every step is shown


@pytest.mark.parametrize(("tables", "solution"), VARIANTS)
@pytest.mark.parametrize("detail", ["exam", "brief"])
def test_the_total_is_the_sum_of_the_marks_shown(tables: dict[str, Any], solution: dict[str, str], detail: str) -> None:
    check_total(marked(tables, detail=detail, **solution))


def test_the_total_is_the_sum_of_the_marks_shown_on_random_pages(sweep: Sweep) -> None:
    for seed in range(sweep.count(seconds=12, ci=60, full=400)):
        source = random.Random(f"marks {seed}")
        tables = (random_problem, random_training)[seed % 2](source)
        for show in ("all", "auto"):
            check_total(marked(tables, show=show, detail=("exam", "brief", "full")[seed % 3]))


def test_on_the_page_of_a_small_network_every_mark_of_every_step_is_shown() -> None:
    for method in ("chain", "delta"):
        solution = marked(ONE, method=method)
        page = total_of(marks_on(solution.document.sections))
        on_page = {id for places in solution.placed for id in places}
        (scheme,) = schemes_of(solution.worked)
        assert page == total_of(mark for id in on_page for mark in scheme[id])


@pytest.mark.parametrize(
    ("id", "marks"),
    [
        ("z1_1", (METHOD, ACCURACY)),  # from given numbers only
        ("a1_1", (METHOD, FOLLOW)),
        ("dE/da1_1", (METHOD, FOLLOW)),
        ("dz1_1/dw1_1_1", ()),  # a copy of x_1
        ("dz1_1/db1_1", ()),  # the number 1
        ("dE/dw1_1_1", (METHOD, FOLLOW)),
        ("w1_1_1'", (METHOD, FOLLOW)),
        ("z1_1'", (FOLLOW,)),  # the method of z1_1 once more
        ("w1_1_1", ()),  # given
        ("nothing", ()),
    ],
)
def test_a_step_earns_a_mark_for_its_method_and_one_for_accuracy(id: str, marks: tuple[calc.marks.Mark, ...]) -> None:
    assert Scheme(calc.solve(calc.Problem(**ONE)).trace)[id] == marks


def test_another_sample_another_update_and_another_entry_of_a_matrix_earn_no_second_method() -> None:
    samples = [{"inputs": [1, 2], "targets": [1]}, {"inputs": [2, 0], "targets": [0]}]
    tables = ONE | {"samples": samples, "training": {"epochs": 2}}
    first, second = schemes_of(marked(tables).worked)
    assert [first["z1_1@1"], first["z1_1@2"]] == [(METHOD, ACCURACY), (ACCURACY,)]
    assert second["z1_1@1"] == (FOLLOW,)  # its weights are results
    (whole,) = schemes_of(marked(ONE, method="matrix").worked)
    assert [whole["dE/dw1_1_1"], whole["dE/dw1_1_2"]] == [(METHOD, FOLLOW), (FOLLOW,)]


def test_a_number_that_an_update_begins_and_the_one_before_ended_with_earns_once() -> None:
    page = marked(ONE | {"training": {"epochs": 3}}).render()
    rows = re.findall(r"^\| \$(\d)\$ .*\|(.*)\|$", page.split("## All updates")[1], re.MULTILINE)
    assert [row[1].strip() for row in rows][:3] == ["", "A1ft", "A1ft"]  # E' alone


def test_a_value_that_an_update_leaves_earns_where_the_next_one_begins_with_it() -> None:
    tables = tomllib.loads((ROOT / "examples" / "gradient-of-a-function.toml").read_text("utf-8"))
    rows = re.findall(r"^\| (.*?) \|.*\|(.*)\|$", marked(tables).render().split("## All updates")[1], re.MULTILINE)
    # of the second step x and y stand in lines of the first, and f with its check
    assert [row[1].strip() for row in rows][2:6] == ["", "A2ft", "A5ft", "A3ft"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_without_marks_a_page_is_what_it_was(path: Path) -> None:
    tables = tomllib.loads(path.read_text("utf-8"))
    own = {key: value for key, value in tables.get("solution", {}).items() if key != "marks"}
    plain = calc.solve(calc.Problem(**tables | {"solution": own}))
    off = calc.solve(calc.Problem(**tables | {"solution": own | {"marks": False}}))
    for format in ("md", "tex", "typ", "html", "txt", "json"):
        page = plain.render(format)
        assert page == off.render(format)
        assert not re.search(r"\bM1\b|\bA1(ft)?\b|calcmark|\"marks\": \[", page)


def results_of(page: str) -> list[tuple[str | None, str]]:
    """What each line comes to, wherever its rows are broken."""
    return [(claim.number, re.sub(r"\\quad|\s", "", claim.sides[-1])) for claim in read_lines(page)]


@pytest.mark.parametrize(("tables", "solution"), VARIANTS)
def test_the_lines_are_the_same_with_marks_and_come_out(tables: dict[str, Any], solution: dict[str, str]) -> None:
    own = {key: value for key, value in tables.get("solution", {}).items() if key != "marks"}
    plain = calc.solve(calc.Problem(**tables | {"solution": own | solution})).render()
    page = marked(tables, **solution).render()
    if solution.get("method") != "matrix":  # a matrix may be a table where there is less room
        assert results_of(page) == results_of(plain)
    rounding = {"decimals": 4} | tables.get("rounding", {})
    by_side = circuit_referee.slopes_by_side(tables) if "graph" in tables else slopes_by_side(tables)
    assert not proofread(page, rounding, by_side=by_side).faults


@pytest.mark.parametrize(("tables", "solution"), VARIANTS)
def test_no_block_of_formulas_is_longer_than_hosts_take(tables: dict[str, Any], solution: dict[str, str]) -> None:
    page = marked(tables, **solution).render()
    assert all(len(block) <= 1000 for block in re.findall(r"\$\$\n(.*?)\n\$\$", page, re.DOTALL))


def test_every_dialect_shows_the_same_marks() -> None:
    solution = marked(ONE)
    expected = shown_in(solution.render())
    for dialect in ("github", "gitlab", "pandoc", "jupyter"):
        assert shown_in(solution.render(dialect=dialect)) == expected
    codes = re.findall(rf"\(\d+\) +{CODE}$", solution.render(dialect="plain"), re.MULTILINE)
    assert len(codes) == len(re.findall(rf"\\text\{{{CODE}\}}", solution.render()))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_pages_with_marks_compile_and_stay_within_their_margins(path: Path, sweep: Sweep, tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    tables = tomllib.loads(path.read_text("utf-8"))
    methods = methods_of(tables)
    chosen = methods if sweep.count(seconds=0, ci=1, full=1) else methods[EXAMPLES.index(path) % len(methods) :][:1]
    for method in chosen:
        solution = marked(tables, **({"method": method} if "graph" not in tables else {}))
        log = compile_latex(solution.render("latex"), tmp_path)
        assert "Overfull \\hbox" not in log, re.findall(r"Overfull \\hbox.*", log)
        assert not words_outside(tmp_path / "page.pdf")
        solution.save(tmp_path / "typst.pdf")
        assert not words_outside(tmp_path / "typst.pdf")
        compile_latex(solution.render("latex", document_class="exam"), tmp_path)
        fragment = solution.render("latex", fragment=True)
        compile_in(COURSES["article"], fragment, tmp_path)


@pytest.mark.parametrize(("tables", "solution"), VARIANTS)
def test_the_points_of_an_exam_are_its_marks(tables: dict[str, Any], solution: dict[str, str]) -> None:
    worked = marked(tables, **solution)
    points = re.findall(r"^\\part\[(\d+)\]", worked.render("latex", document_class="exam"), re.MULTILINE)
    assert sum(map(int, points)) == total_of(marks_on(worked.document.sections)).all


def test_every_format_shows_the_marks_beside_the_number_of_the_line() -> None:
    solution = marked(ONE)
    pairs = re.findall(rf"\\text\{{({CODE})\}} && \\text\{{\((\d+)\)\}}", solution.render())
    expected = {number: code for code, number in pairs}
    assert expected
    found = {
        "latex": dict(re.findall(rf"\\calcmark\{{(\d+)\}}\{{({CODE})\}}", solution.render("latex"))),
        "typst": dict(re.findall(rf"\[\((\d+)\)\], \[[^\]]*\], \w+, \[#\"({CODE})\";\]", solution.render("typst"))),
        "html": dict(re.findall(rf">\((\d+)\)</a>\n<span class=\"marks\">({CODE})</span>", solution.render("html"))),
        "text": dict(re.findall(rf"\((\d+)\) +({CODE})$", solution.render("text"), re.MULTILINE)),
    }
    assert found == dict.fromkeys(found, expected)


def test_the_pdf_meets_both_standards() -> None:
    for standard in ("ua-1", "a-2a"):
        assert marked(ONE).pdf(standard=standard).startswith(b"%PDF")


def test_json_has_the_marks_of_every_step_only_where_they_are_asked_for() -> None:
    steps = {step["result"]: step for step in json.loads(marked(ONE).render("json"))["iterations"][0]["steps"]}
    assert steps["z1_1"]["marks"] == ["M1", "A1"]
    assert steps["dE/dw1_1_1"]["marks"] == ["M1", "A1ft"]
    assert steps["dz1_1/db1_1"]["marks"] == []
    plain = json.loads(calc.solve(calc.Problem(**ONE)).render("json"))["iterations"][0]["steps"]
    assert all("marks" not in step for step in plain)
    assert [{key: value for key, value in step.items() if key != "marks"} for step in steps.values()] == plain


@pytest.mark.parametrize("language", LETTERS)
def test_the_scheme_is_explained_and_added_up_in_every_language(language: str) -> None:
    solution = marked(ONE, language=language)
    total, *words = LETTERS[language]
    for format in ("markdown", "latex", "typst", "html", "text"):
        page = solution.render(format)
        assert total in page.replace("~", " ")
        assert all(word in page for word in words)


@pytest.mark.parametrize("profile", ["standard", "net-out", "from-to", "vw", "ih-ho", "delta-nabla", "x-layer"])
def test_a_notation_changes_no_mark(profile: str) -> None:
    one = marked(ONE).document.sections
    assert marks_on(marked(ONE | {"notation": {"profile": profile}}).document.sections) == marks_on(one)


def test_a_derivation_in_the_appendix_earns_nothing() -> None:
    page = marked(ONE, derivations=True).render()
    assert not re.search(CODE, page.split("## Appendix")[1])


def test_marks_are_true_or_false() -> None:
    with pytest.raises(ProblemError, match=r"solution.marks: .*true or false needed"):
        marked(ONE, marks="yes")
