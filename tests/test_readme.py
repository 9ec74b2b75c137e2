"""Every command and snippet of the README runs, on a copy of the checkout."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import calc
import calc.file

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("gallery"))
    return tmp_path


def lines(block: str) -> list[str]:
    return [line.split("  #")[0].strip() for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (command, int("# status 1" in line))
        for block in blocks("sh")[2:]
        for line in block.splitlines()
        for command in lines(line)
    ],
)
def test_each_command_of_the_command_line_section_runs(command: str, status: int, copy: Path) -> None:
    assert command.startswith("calc ")
    run = [sys.executable, "-m", *shlex.split(command)]
    done = subprocess.run(run, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr


def test_the_set_up_commands_are_whole_and_write_what_they_say(copy: Path) -> None:
    ((pdf,), (tests,)) = (lines(block) for block in blocks("sh")[:2])
    set_up, install, solve = pdf.split(" && ")
    assert set_up == "python3 -m venv .venv"
    assert install == ".venv/bin/pip install --quiet ."
    assert tests.startswith(set_up)  # .ci/run runs it as it stands
    subprocess.run([sys.executable, "-m", *solve.removeprefix(".venv/bin/").split()], cwd=copy, check=True)
    assert (copy / "xor.pdf").read_bytes().startswith(b"%PDF")


def test_the_problem_file_shown_is_a_problem(tmp_path: Path) -> None:
    for problem in blocks("toml"):
        if "[[layers]]" in problem or "[graph]" in problem:
            (tmp_path / "problem.toml").write_text(problem)
            assert "## Backward pass" in calc.solve(calc.load(tmp_path / "problem.toml")).render()


def test_the_formulas_shown_are_those_of_the_examples_and_are_read() -> None:
    activation, loss = (block.strip() for block in blocks("toml") if "{ formula" in block)
    for shown, example in ((activation, "custom-activation"), (loss, "custom-loss")):
        assert shown in (ROOT / "examples" / f"{example}.toml").read_text("utf-8")
        assert tomllib.loads(shown)


def test_the_python_snippets_run(copy: Path) -> None:
    for snippet in blocks("python"):
        done = subprocess.run([sys.executable, "-c", snippet], cwd=copy, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert (copy / "xor.pdf").is_file()


def test_the_piece_shown_stands_in_the_example() -> None:
    (piece,) = re.findall(r"^> ```math\n(.*?)^> ```", README, re.MULTILINE | re.DOTALL)
    assert piece.replace("> ", "") in (ROOT / "examples" / "xor.md").read_text("utf-8")


def test_the_derivation_shown_is_what_is_printed() -> None:
    (shown,) = re.findall(r"^```\n(  da/dz.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert shown in calc.derive("sigmoid").render("text")


def test_every_value_that_the_table_names_is_accepted() -> None:
    schema = str(calc.file.schema())
    for row in re.findall(r"^\| `.*", README, re.MULTILINE):
        for key in re.findall(r'"([a-z-]+)"', row):
            assert f"'{key}'" in schema or key in ("auto", "all"), key


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target
