"""Forms: what the page works is asked, once and in the order of the steps, and a blank form reads as not attempted."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typst
from click.testing import CliRunner
from conftest import needs
from pypdf import PdfReader

import calc
from calc.answers import Sheet, read_answers
from calc.blank import FORMS, Form, blank
from calc.cli import app
from calc.file import load

pytestmark = pytest.mark.filterwarnings("error")

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
XOR = ROOT / "examples" / "xor.toml"


def read(form: Form, path: Path) -> tuple[Sheet, ...]:
    quantities = [{id: s.result for id, s in one.trace.steps.items()} for one in form.solution.iterations]
    return read_answers(path, form.problem, quantities)


def ids(form: Form) -> list[str]:
    return [id for id, _, _ in form.rows()]


def form_of(name: str, **settings: str) -> Form:
    overrides = {("solution", key): value for key, value in settings.items()}
    return blank(load(ROOT / "examples" / f"{name}.toml", overrides))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_form_of_every_example_reads_back_as_not_attempted(path: Path, tmp_path: Path) -> None:
    form = blank(calc.load(path))
    assert ids(form)
    assert len(set(ids(form))) == len(ids(form))
    for format in FORMS:
        written = tmp_path / f"form.{format}"
        written.write_text(form.text(format), "utf-8")
        (sheet,) = read(form, written)
        assert sheet.student == ""
        assert [answer.id for answer in sheet.answers] == ids(form)
        assert all(answer.written is None for answer in sheet.answers)


@pytest.mark.parametrize("format", FORMS)
def test_what_is_filled_in_is_read(format: str, tmp_path: Path) -> None:
    form = form_of("xor")
    text = form.text(format)
    filled = {"z1_1": "1.2", "E": "3/8", "w2_1_1'": "1.2e-4"}
    for id, number in filled.items():
        blanks = {
            "toml": (rf'^("?{re.escape(id)}"? = )"" ', rf'\g<1>"{number}" '),
            "csv": (rf"^({re.escape(id)},.*,)$", rf"\g<1>{number}"),
            "md": (rf"^(\| `{re.escape(id)}` \|.*\|)  \|$", rf"\g<1> {number} |"),
            "json": (rf'^( "{re.escape(id)}": )""', rf'\g<1>"{number}"'),
        }
        text, count = re.subn(*blanks[format], text, flags=re.MULTILINE)
        assert count == 1
    path = tmp_path / f"form.{format}"
    path.write_text(text, "utf-8")
    (sheet,) = read(form, path)
    assert {a.id: a.written.text for a in sheet.answers if a.written} == filled


@pytest.mark.parametrize("method", ["chain", "delta", "matrix"])
def test_what_the_method_works_in_a_line_is_asked_once_and_in_order(method: str) -> None:
    form = form_of("two-outputs", method=method)
    (placed,) = form.solution.placed
    assert set(ids(form)) == set(placed)
    assert [step for step in form.solution.trace.steps if step in placed] == ids(form)
    assert not {"x_1", "w1_1_1", "learning_rate"} & set(ids(form))


def test_detail_changes_no_form() -> None:
    usual = ids(form_of("two-outputs"))
    assert ids(form_of("two-outputs", detail="brief")) == ids(form_of("two-outputs", detail="full")) == usual


def test_every_sample_and_the_sums_over_them_are_asked() -> None:
    asked = set(ids(form_of("relu-batch")))
    for s in (1, 2, 3):
        assert {f"z1_1@{s}", f"a1_1@{s}", f"E@{s}", f"dE/dw1_1_1@{s}"} <= asked
    assert {"E", "dE/dw1_1_1", "w1_1_1'", "E'"} <= asked


def test_of_a_large_network_what_is_worked_in_full_is_asked() -> None:
    asked = set(ids(form_of("pixel-digits", method="chain")))
    assert {"z1_1@1", "z1_1@4", "dE/dw1_1_1", "w1_1_1'"} <= asked
    assert not {"z1_2@1", "dE/dw1_1_2", "w1_1_2'"} & asked
    assert len(asked) < 250


def test_of_later_updates_the_loss_and_the_new_parameters_are_asked() -> None:
    form = form_of("xor-online")
    later = [id for id in ids(form) if id.endswith("#3")]
    assert later[0] == "E#3"
    assert later[-1] == "E'#3"
    assert all("'" in id for id in later[1:])
    assert "dE/dw2_1_1@1" in ids(form)  # not once more as dE/dw2_1_1, which is the same line
    assert "dE/dw2_1_1" not in ids(form)
    every = form_of("xor-online", show="all")
    assert {"z1_1@2#2", "z1_1@3#3", "z1_1@4#4"} <= set(ids(every))


def test_a_form_shows_no_answer() -> None:
    for name in ("xor", "two-outputs", "xor-online", "circuit", "perceptron"):
        form = form_of(name)
        given = {str(n) for n in re.findall(r"\d+\.\d{3,}", (ROOT / "examples" / f"{name}.toml").read_text())}
        for text in (*map(form.text, FORMS), *map(form.worksheet.render, ("html", "latex", "typst", "text"))):
            shown = {form.solution[id.partition("#")[0]].shown.lstrip("-") for id in ids(form) if "#" not in id} - given
            long = {number for number in shown if len(number) > 5 and "×" not in number}
            assert not [number for number in long if number in text]


def test_a_title_of_several_lines_stays_a_comment(tmp_path: Path) -> None:
    problem = calc.load(XOR).model_copy(update={"title": 'a\nz9 = 1 | `b` "\u202e\\'})
    form = blank(problem)
    for format in FORMS:
        path = tmp_path / f"form.{format}"
        path.write_text(form.text(format), "utf-8")
        assert len(read(form, path)[0].answers) == len(ids(form))


def test_where_the_decimal_sign_is_the_comma_cells_are_parted_by_semicolons() -> None:
    problem = load(XOR, {("notation", "decimal"): ","})
    assert blank(problem).text("csv").splitlines()[:2] == ["\ufeffid;quantity;answer", "z1_1;z⁽¹⁾₁;"]


# --- the command line ------------------------------------------------------------------------------------------------


def run(*arguments: str) -> tuple[int, bytes, str]:
    result = CliRunner().invoke(app, ["blank", *arguments])
    return result.exit_code, result.stdout_bytes, result.stderr


def test_the_command_writes_each_form_to_standard_output_or_a_file(tmp_path: Path) -> None:
    form = form_of("xor")
    assert run(str(XOR)) == (0, form.text("md").encode(), "")
    for format in FORMS:
        assert run(str(XOR), "--to", format) == (0, form.text(format).encode(), "")
        out = tmp_path / f"form.{format}"
        assert run(str(XOR), "-o", str(out)) == (0, b"", "")
        assert out.read_bytes() == form.text(format).encode()
    assert run(str(XOR), "--to", "text")[1].decode() == form.worksheet.render("text")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "xlsx"], '"xlsx" is not known. Known: toml, csv, md, json, markdown, tex'),
        (["-o", "form.xlsx"], '"xlsx" is not known'),
        (["--to", "csv", "--paper", "a4"], "paper: found with the format csv, an answer file. Drop it"),
        (["--to", "md", "--class", "exam", "--fragment"], "class: found with the format md"),
        (["--to", "pdf", "--paper", "a5"], "--paper"),
        (["-o", "no/such/folder/form.csv"], "cannot be written"),
    ],
)
def test_a_slip_on_the_command_line_is_told(arguments: list[str], said: str) -> None:
    status, out, message = run(str(XOR), *arguments)
    assert (status, out) == (2, b"")
    assert said in message
    assert "Traceback" not in message


# --- the worksheet ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_the_worksheet_is_printed_with_names_and_spaces_in_every_language(language: str, tmp_path: Path) -> None:
    form = form_of("two-outputs", language=language)
    path = tmp_path / "sheet.pdf"
    form.worksheet.save(path)
    reader = PdfReader(path)
    text = " ".join(page.extract_text() for page in reader.pages)
    assert form.said["blank.name"].split("\u00a0")[0] in text
    assert form.said["blank.date"].split("\u00a0")[0] in text
    assert form.said["section.given"] in text
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert b"<pdfuaid:part>1</pdfuaid:part>" in path.read_bytes()


def test_each_quantity_has_a_space_in_every_format() -> None:
    form = form_of("xor-online")
    count = len(ids(form))
    assert form.worksheet.render("text").count(" = ____") == count
    assert form.worksheet.render("html").count('<span class="box">') == count
    assert form.worksheet.render("latex").count(r"\fbox{") == count
    assert form.worksheet.render("typst").count("  space[") == count
    assert list(json.loads(form.worksheet.render("json"))) == ids(form)


def test_the_picture_of_a_circuit_which_has_the_answers_is_not_on_its_worksheet() -> None:
    assert "<svg" in form_of("circuit").solution.render("html")
    assert "<svg" not in form_of("circuit").worksheet.render("html")
    assert "<svg" in form_of("xor").worksheet.render("html")


@pytest.mark.parametrize("name", ["xor", "relu-batch", "circuit"])
def test_the_worksheet_compiles(name: str, tmp_path: Path) -> None:
    worksheet = form_of(name).worksheet
    assert typst.compile(worksheet.render("typst").encode(), pdf_standards=["ua-1"]).startswith(b"%PDF")
    needs("pdflatex")
    for document_class in (None, "exam"):
        (tmp_path / "sheet.tex").write_text(worksheet.render("latex", document_class=document_class), "utf-8")
        command = [str(shutil.which("pdflatex")), "-interaction=nonstopmode", "-halt-on-error", "sheet.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:]
        assert b"Overfull \\hbox" not in done.stdout
