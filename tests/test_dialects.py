"""Markdown as each host reads it: every formula is found and set without an error, and every dialect says the same."""

import json
import random
import re
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import Sweep
from node import run_script
from referee import LOSSES, OPTIMIZERS, random_problem, random_training

import calc
from calc.cli import app
from calc.render.dialects import DIALECTS, GitHub
from calc.render.latex import MATH
from calc.render.markdown import Markdown

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
XOR = str(ROOT / "examples" / "xor.toml")
NAMES = [dialect.options.dialect for dialect in DIALECTS]
RENDERED = [None, "github", "gitlab", "jupyter", "plain"]  # pandoc is a program of its own
MATHS = re.compile(r"\$\$.*?\$\$|\$[^$]+\$|```math\n.*?```", re.DOTALL)


def page_of(name: str, solution: calc.Solution, dialect: str | None) -> dict[str, str]:
    return {"name": name, "dialect": dialect or "none", "page": solution.render(dialect=dialect)}


def read_by_hosts(pages: list[dict[str, str]], folder: Path) -> list[dict[str, Any]]:
    (folder / "pages.json").write_text(json.dumps(pages))
    reports: list[dict[str, Any]] = run_script("render.mjs", folder / "pages.json")
    assert len(reports) == len(pages)
    return reports


@pytest.fixture(scope="module")
def solved() -> Callable[[Path], calc.Solution]:
    known: dict[Path, calc.Solution] = {}

    def solve(path: Path) -> calc.Solution:
        if path not in known:
            known[path] = calc.solve(calc.load(path))
        return known[path]

    return solve


# --- renderers ---------------------------------------------------------------------------------------------------


def test_random_pages_render_without_an_error_in_every_dialect(sweep: Sweep, tmp_path: Path) -> None:
    pages: list[dict[str, str]] = []
    losses = [{"loss": loss} for loss in LOSSES]
    for number in range(sweep.count(seconds=6, ci=60, full=400)):
        source = random.Random(f"dialects {number}")
        problem = random_problem(source, **losses[number % len(losses)])
        if number % 3 == 2:
            problem = random_training(source, list(OPTIMIZERS)[number % len(OPTIMIZERS)])
        problem["solution"] |= {"show": ("all", "auto")[number % 2]}
        solution = calc.solve(calc.Problem(**problem))
        for dialect in RENDERED:
            with suppress(calc.UnsupportedError):  # a page of more than the host shows
                pages.append(page_of(str(number), solution, dialect))
    assert len(pages) > len(RENDERED) * 0.8 * sweep.count(seconds=6, ci=60, full=400)
    assert [fault for report in read_by_hosts(pages, tmp_path) for fault in report["faults"]] == []


def test_the_renderers_find_what_is_wrong(tmp_path: Path) -> None:
    wrong = {
        "none": ["$a_{1$", "$$\n\\frac{1}\n$$", "| $a$ |\n| --- |\n| $x$ | $y$ |", "costs $ 5", "$x$ *is* $y$"],
        "github": ["$`\\operatorname{f}`$", "`\\alpha`", "$x$", "$`a_{`$", "```math\n\\undefined\n```", "<b>x</b>"],
        "gitlab": ["$`\\unknown`$", "```math\n" + "x+" * 501 + "x\n```", "```latex\nx\n```"],
        "jupyter": ["$\\unknown$", "`$x$`"],
        "plain": ["$x$", "a \\cdot b", "*a* b", "```math\nx\n```"],
    }
    for dialect, pages in wrong.items():
        for report in read_by_hosts([{"name": page, "dialect": dialect, "page": page} for page in pages], tmp_path):
            assert report["faults"], (dialect, report["name"])


def pandoc(page: str, *options: str) -> bytes:
    command = ["pandoc", "--from", "markdown", *options]
    done = subprocess.run(command, input=page.encode(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


# --- the same in every dialect ---------------------------------------------------------------------------------------


def as_common(page: str) -> str:
    """A page of any dialect with formulas, as the one without a dialect has it."""
    page = re.sub(r"^```math\n(.*?)^```$", r"$$\n\1$$", page, flags=re.MULTILINE | re.DOTALL)
    page = re.sub(r"\$`(.*?)`\$", r"$\1$", page).replace(r"\mathrm{", r"\operatorname{")
    for sign, command in MATH.items():
        page = page.replace(f"${command}$", sign)
    page = re.sub(r"(?<=\| )−?[0-9.]+(?= \|)", lambda number: f"${number[0].replace('−', '-')}$", page)
    return re.sub(r" :?-{3,} (?=\|)", " --- ", page)


@pytest.mark.parametrize("dialect", ["github", "gitlab", "pandoc", "jupyter"])
def test_dialects_with_formulas_say_the_same(dialect: str, solved: Callable[[Path], calc.Solution]) -> None:
    for path in EXAMPLES:
        solution = solved(path)
        page = as_common(solution.render(dialect=dialect))
        common = as_common(solution.render())
        if dialect == "github" and path.stem == "pixel-digits":  # its tables are as in the plain dialect
            page, common = ("".join(re.findall(r"\$\$.*?\$\$", text, re.DOTALL)) for text in (page, common))
        differing = [pair for pair in zip(page.splitlines(), common.splitlines(), strict=True) if pair[0] != pair[1]]
        # numbers within a sentence
        assert all(re.sub(r"[$−-]", "", a) == re.sub(r"[$−-]", "", b) for a, b in differing), differing[:2]


def test_the_plain_dialect_has_the_lines_of_the_text_format_and_nothing_to_be_rendered(
    solved: Callable[[Path], calc.Solution],
) -> None:
    for path in EXAMPLES:
        page, text = solved(path).render(dialect="plain"), solved(path).render("text")
        fences = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        assert fences
        assert all(fence.rstrip("\n") in text for fence in fences)
        assert not re.search(r"[$\\\ue000-\ue002]", page)


def test_no_block_is_longer_than_gitlab_and_gitea_set(solved: Callable[[Path], calc.Solution], sweep: Sweep) -> None:
    solutions = [solved(path) for path in EXAMPLES]
    for seed in range(sweep.count(seconds=10, ci=100, full=500)):
        problem = random_problem(random.Random(f"long {seed}"))
        problem["rounding"] = {"decimals": 30} if seed % 2 else {"significant": 12}
        solutions.append(calc.solve(calc.Problem(**problem)))
    for solution in solutions:
        for dialect in (None, "gitlab"):
            blocks = re.findall(
                r"^(?:\$\$|```math)\n(.*?)^(?:\$\$|```)$", solution.render(dialect=dialect), re.M | re.S
            )
            assert blocks
            assert max(map(len, blocks)) <= 1000


def test_a_formula_in_a_table_does_not_end_its_cell() -> None:
    for format in (Markdown, *DIALECTS):
        assert "|" not in format().inline(r"\left|x\right|")


# --- what hosts count ------------------------------------------------------------------------------------------------


def grid(units: int, samples: int) -> calc.Problem:
    """A network whose page has many formulas."""
    weights = [[f"0.{(7 * i + 3 * j) % 9 + 1}" for i in range(units)] for j in range(units)]
    return calc.Problem(
        learning_rate=0.1,
        loss="mse",
        layers=[{"activation": "tanh", "weights": weights}, {"activation": "identity", "weights": weights[:1]}],
        samples=[{"inputs": [1] * units, "targets": [s]} for s in range(samples)],
        solution={"show": "all"},
    )


def test_a_crowded_page_writes_its_tables_as_text_and_its_lines_as_formulas() -> None:
    solution = calc.solve(calc.load(ROOT / "examples" / "pixel-digits.toml"))
    page = solution.render(dialect="github")
    assert "`w⁽²⁾₁,₁`" in page
    assert "$`" not in page
    assert "```math" in page
    assert GitHub().excess(page) == ""
    assert "$`w^{(2)}_{1,1}`$" in solution.render(dialect="gitlab")  # which counts otherwise


def test_a_page_with_more_than_a_host_shows_is_refused_with_what_to_do() -> None:
    solution = calc.solve(grid(6, 6))
    with pytest.raises(calc.UnsupportedError, match=r"formulas and braces in them, and GitHub shows 2000 of a page\. "):
        solution.render(dialect="github")
    assert "```text" in solution.render(dialect="plain")


# --- asking for it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", NAMES)
def test_a_dialect_is_asked_for_by_the_command_line_and_in_python(dialect: str, tmp_path: Path) -> None:
    solution = calc.solve(calc.load(XOR))
    page = solution.render("markdown", dialect=dialect)
    assert page != solution.render("markdown")
    done = CliRunner().invoke(app, ["solve", XOR, "--dialect", dialect])
    assert (done.exit_code, done.stdout, done.stderr) == (0, page, "")
    solution.save(tmp_path / "page.md", dialect=dialect)
    assert (tmp_path / "page.md").read_text("utf-8") == page


WRONG = {
    ("--dialect", "githb"): [
        '--dialect: "githb" is not known. Did you mean "github"? Known: github, gitlab, pandoc, jupyter, plain'
    ],
    ("--dialect", "github", "--to", "tex"): [
        "--dialect: found with the format tex, but only md has it. Ask for md, or drop it"
    ],
    ("--dialect", "plain", "--to", "json"): [
        "--dialect: found with the format json, but only md has it. Ask for md, or drop it"
    ],
    ("--dialect", "plain", "-o", "x.pdf"): [
        "--dialect: found with the format pdf, but only md has it. Ask for md, or drop it"
    ],
    ("--fragment",): ["--fragment: found with the format md, but only tex has it. Ask for tex, or drop it"],
    ("--class", "exam", "-o", "x.pdf", "--dialect", "x"): [
        '--dialect: "x" is not known. Known: github, gitlab, pandoc, jupyter, plain',
        "--class: found with the format pdf, but only tex has it. Ask for tex, or drop it",
    ],
    ("--class", "exams", "--to", "tex"): ['--class: "exams" is not known. Did you mean "exam"? Known: article, exam'],
}


@pytest.mark.parametrize("options", WRONG, ids=" ".join)
def test_a_wrong_option_is_told_before_the_work(
    options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["solve", XOR, *options])
    assert list(tmp_path.iterdir()) == []
    assert (done.exit_code, done.stdout) == (2, "")
    faults = WRONG[options]
    count = f"{len(faults)} problem{'s' if len(faults) > 1 else ''}"
    assert done.stderr.splitlines() == [f"command line: {count}", *(f"  {fault}" for fault in faults)]


def test_python_tells_of_wrong_options_as_well(tmp_path: Path) -> None:
    solution = calc.solve(calc.load(XOR))
    for wrong in ({"format": "latex", "dialect": "github"}, {"format": "json", "fragment": True}, {"dialect": "x"}):
        with pytest.raises(calc.ProblemError, match=r"dialect|fragment"):
            solution.render(**wrong)
    with pytest.raises(calc.ProblemError, match="class"):
        solution.save(tmp_path / "page.pdf", document_class="exam")
    assert list(tmp_path.iterdir()) == []


def test_a_notebook_reads_the_dialect_of_notebooks() -> None:
    solution = calc.solve(calc.load(XOR))
    assert solution._repr_markdown_() == solution.render(dialect="jupyter")
    assert "| :--- |" in solution._repr_markdown_()
