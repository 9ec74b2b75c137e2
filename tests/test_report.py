"""The report of a check: its formats, its JSON, a class, the command line."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_check import XOR, load

import calc
from calc.blank import blank
from calc.render import FORMATS

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
XOR_FILE, CLASS, AUDIT = EXAMPLES / "xor.toml", EXAMPLES / "class.csv", EXAMPLES / "audit.csv"
HOSTILE = ["<script>alert(1)</script>", '#import "x"', "\\input{/etc/passwd}", "$x$ | *y* _z_ `w`", "= a", "אבג"]


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "calc", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_the_json_is_what_other_programs_were_promised(tmp_path: Path) -> None:
    answers = {"z1_1": "1.1", "dE/da2_1": "0.2903", "dE/dz2_1": "0.0598", "E": "?"}
    found = json.loads(calc.check(load(XOR, tmp_path), answers).render("json"))
    assert found == {
        "format": "calc-report",
        "version": 1,
        "first_wrong": "dE/da2_1",
        "answers": [
            {"id": "z1_1", "given": "1.1", "key": "1.1", "verdict": "right", "mistake": None, "from": []},
            {
                "id": "dE/da2_1",
                "given": "0.2903",
                "key": "-0.2903",
                "verdict": "known-mistake",
                "mistake": "error-sign or wrong-sign",
                "from": [],
            },
            {
                "id": "dE/dz2_1",
                "given": "0.0598",
                "key": "-0.0598",
                "verdict": "follows",
                "mistake": None,
                "from": ["dE/da2_1"],
            },
            {"id": "E", "given": None, "key": "0.0421", "verdict": "not-attempted", "mistake": None, "from": []},
        ],
    }


def test_answers_keep_their_order_and_the_first_wrong_line_is_the_first_of_the_steps(tmp_path: Path) -> None:
    report = calc.check(load(XOR, tmp_path), {"dE/dw2_1_1": "0.5", "a1_2": "0.9123", "z1_1": "1.1"})
    found = json.loads(report.render("json"))
    assert [one["id"] for one in found["answers"]] == ["dE/dw2_1_1", "a1_2", "z1_1"]
    assert found["first_wrong"] == report.first_wrong == "a1_2"


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
@pytest.mark.parametrize("answers", [CLASS, AUDIT], ids=["class", "audit"])
def test_a_report_is_written_in_every_format_and_language(answers: Path, language: str) -> None:
    source = XOR_FILE if answers == CLASS else EXAMPLES / "two-outputs.toml"
    problem = calc.file.load(source, {("solution", "language"): language})
    report = calc.check(problem, answers, marks=True)
    for format in FORMATS:
        assert len(report.render(format.name)) > 1000
    assert report.pdf().startswith(b"%PDF")
    assert report.render("markdown", dialect="github")


def test_only_a_solution_can_be_turned_into_a_worksheet_in_the_browser() -> None:
    problem = calc.load(XOR_FILE)
    pages = {"solution": calc.solve(problem), "report": calc.check(problem, CLASS), "form": blank(problem).worksheet}
    assert [name for name, page in pages.items() if 'id="hide"' in page.render("html")] == ["solution"]


def test_names_of_students_are_text_in_every_format(tmp_path: Path) -> None:
    rows = [["id", *HOSTILE], ["z1_1", *["1.2"] * len(HOSTILE)], ["a1_1", *["0.9"] * len(HOSTILE)]]
    sheet = tmp_path / "class.csv"
    sheet.write_text("\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows), "utf-8")
    report = calc.check(load(XOR, tmp_path), sheet)
    assert [one.sheet.student for one in report.sheets] == HOSTILE
    assert "<script>alert(1)" not in report.render("html")
    assert "\\input{/etc" not in report.render("latex")
    assert report.pdf().startswith(b"%PDF")


def test_marks_are_lost_where_a_line_is_wrong_and_kept_where_it_follows(tmp_path: Path) -> None:
    answers = {"a1_1": "0.8503", "z2_1": "0.9438", "a2_1": "0.7199", "dE/da2_1": "0.2801"}
    found = json.loads(calc.check(load(XOR, tmp_path), answers, marks=True).render("json"))
    assert [one["verdict"] for one in found["answers"]] == ["wrong", "follows", "follows", "known-mistake-follows"]
    assert found["marks"] == {
        "earned": 4,
        "possible": 8,
        "answers": {"a1_1": "M0 A0", "z2_1": "M1 A1ft", "a2_1": "M1 A1ft", "dE/da2_1": "M0 A0"},
    }


def test_a_class_has_a_table_of_students_and_one_of_lines() -> None:
    report = calc.check(calc.load(XOR_FILE), CLASS)
    first, second, *others = report.document.sections
    assert (first.heading.key, second.heading.key) == ("report.students", "report.steps")
    assert len(others) == 2  # of those with a wrong line
    students = json.loads(report.render("json"))["students"]
    assert [(one["student"], one["first_wrong"]) for one in students] == [
        ("Ada", None),
        ("Boris", "dE/da2_1"),
        ("Chen", "z1_1"),
    ]


def test_the_published_example_has_one_wrong_number_of_another_convention() -> None:
    """M. Mazur, A step by step backpropagation example (2015): its last error follows from updated weights only."""
    report = calc.check(calc.load(EXAMPLES / "two-outputs.toml"), AUDIT)
    assert report.first_wrong == "E'"
    assert counted(report) == {"right": 25, "rounded-early": 1, "wrong": 1}
    assert "already updated weights" in " ".join(report.render("text").split())


def counted(report: calc.Report) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in report.sheets[0].judged:
        found[one.verdict] = found.get(one.verdict, 0) + 1
    return found


# --- the command line ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ("z1_1 = 1.2", 0),
        ("z1_1 = 1.2\na1_1 = '?'", 0),
        ("a1_1 = 0.7686", 0),
        ("a1_1 = 0.8", 0),
        ("a1_1 = 0.95", 1),
        ("a1_1 = 0.9000\nz2_1 = 1.2377", 1),
        ("a1_1 = 'x'", 2),
        ("a9_1 = 1", 2),
        ("", 2),
    ],
)
def test_the_exit_status_tells_whether_something_is_wrong(answers: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "answers.toml").write_text(answers)
    done = run("check", str(XOR_FILE), str(tmp_path / "answers.toml"))
    assert done.returncode == status, done.stdout + done.stderr
    assert bool(done.stderr) == (status == 2)
    assert "Traceback" not in done.stderr


def test_wrong_options_and_wrong_answers_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "answers.toml").write_text("zz = 3\nE = 'abc'\n")
    done = run("check", str(XOR_FILE), str(tmp_path / "answers.toml"), "--dialect", "gh", "--paper", "a9")
    assert done.returncode == 2
    assert re.findall(r"^  (--\w+|line \d)", done.stderr, re.MULTILINE) == ["--dialect", "--paper", "line 1", "line 2"]


def test_a_report_is_written_to_a_file_of_its_suffix(tmp_path: Path) -> None:
    done = run("check", str(XOR_FILE), str(CLASS), "--marks", "-o", str(tmp_path / "class.html"))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    assert "<!DOCTYPE html>" in (tmp_path / "class.html").read_text("utf-8")


def test_on_a_terminal_the_report_is_a_coloured_table() -> None:
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "calc", "check", str(XOR_FILE), str(CLASS)]
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "120"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(command, cwd=ROOT, stdout=slave, env=environment) as process:
        os.close(slave)
        shown = b""
        try:
            while part := os.read(master, 65536):
                shown += part
        except OSError:  # the other end is closed
            pass
        assert process.wait() == 1
    os.close(master)
    text = shown.decode()
    assert "\x1b[" in text
    assert "Boris" in text
    assert "∂E/∂y₁ = y₁ − t₁ = 0.7539 − 1 ≈ −0.2461" in text


def test_answers_are_read_from_standard_input() -> None:
    command = [sys.executable, "-m", "calc", "check", str(XOR_FILE), "-", "--to", "json"]
    done = subprocess.run(command, input="z1_1 = 1.2\n", capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0
    assert json.loads(done.stdout)["answers"][0]["verdict"] == "right"
