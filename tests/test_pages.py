"""Every page compiles, stays within its margins, and is the same from run to run."""

import random
import re
import subprocess
from pathlib import Path

import pytest
from circuit_referee import random_graph
from conftest import Sweep, needs
from proofreader import proofread
from referee import ACTIVATIONS, COUPLED, LOSSES, OPTIMIZERS, TWO_LAYERS, name_of, random_problem, random_training

import calc

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
MARGIN = 60  # points; a little less than the 22 mm of the templates


def compile_latex(source: str, folder: Path) -> str:
    """The log of pdfLaTeX without shell escape; what cannot be compiled fails."""
    (folder / "page.tex").write_text(source, "utf-8")
    command = ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    log = (folder / "page.log").read_text("utf-8", errors="replace")
    assert done.returncode == 0, log[-3000:]
    return log


def words_outside(pdf: Path) -> list[str]:
    """Words of a PDF that stand beyond its margins."""
    done = subprocess.run(["pdftotext", "-bbox", str(pdf), "-"], capture_output=True, text=True, check=True)
    width, found = 0.0, []
    for line in done.stdout.splitlines():
        if page := re.search(r'<page width="([\d.]+)"', line):
            width = float(page[1])
        word = re.search(r'xMin="([-\d.]+)".* xMax="([-\d.]+)".*>(.*)</word', line)
        if word and (float(word[1]) < MARGIN or float(word[2]) > width - MARGIN):
            found.append(word[3])
    return found


def check_pages(problem: calc.Problem, folder: Path) -> None:
    solution = calc.solve(problem)
    log = compile_latex(solution.render("latex"), folder)
    assert "Overfull \\hbox" not in log, re.findall(r"Overfull \\hbox.*", log)
    assert not words_outside(folder / "page.pdf")
    solution.save(folder / "typst.pdf")
    assert not words_outside(folder / "typst.pdf")


def test_random_networks_compile_and_stay_within_their_margins(sweep: Sweep, tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    for seed in range(sweep.count(seconds=4, ci=25, full=120)):
        problem = random_problem(random.Random(seed))
        problem["solution"] |= {"show": ("all", "auto")[seed % 2]}
        check_pages(calc.Problem(**problem), tmp_path)


def test_training_steps_of_every_kind_compile_and_stay_within_their_margins(sweep: Sweep, tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    for number in range(sweep.count(seconds=7, ci=28, full=140)):
        problem = random_training(random.Random(f"pages {number}"), list(OPTIMIZERS)[number % len(OPTIMIZERS)])
        problem["solution"] |= {"show": ("all", "auto")[number % 2]}
        check_pages(calc.Problem(**problem), tmp_path)


PAGES = [*((f, None) for f in (*ACTIVATIONS, *COUPLED)), *((None, loss) for loss in LOSSES)]


@pytest.mark.parametrize(("activation", "loss"), PAGES, ids=lambda name: name or "any")
def test_a_page_of_every_operation_compiles_and_stays_within_its_margins(
    activation: str | None, loss: str | None, tmp_path: Path
) -> None:
    needs("pdflatex", "pdftotext")
    source = random.Random(f"{activation} {loss}")
    while True:
        problem = random_problem(source, **({"loss": loss} if loss else {}))
        if activation is None or activation in {name_of(layer["activation"]) for layer in problem["layers"]}:
            break
    problem["solution"] |= {"show": "auto"}
    check_pages(calc.Problem(**problem), tmp_path)


WIDE: dict[str, dict[str, object]] = {
    "thirty decimals": {"rounding": {"decimals": 30}},
    "thirty significant digits": {"rounding": {"significant": 30}},
    "long symbols": {"notation": {"symbols": {"w1_1_1": "WWWWWWWWWW_{1234567890}^{abcdefghij}", "E": "MMMMMMMMMM"}}},
    "many digits typed": {
        "learning_rate": "0." + "123456789" * 6,
        "samples": [{"inputs": ["0." + "9" * 55, "1/3"], "targets": [0]}],
    },
    "a long title": {"title": "Backpropagation" * 40},
    "a title of many words": {"title": "one word after the other " * 40},
    "net-out": {"notation": {"profile": "net-out"}, "rounding": {"decimals": 12}},
}


@pytest.mark.parametrize("case", WIDE)
def test_nothing_runs_off_the_page_however_long_it_is(case: str, tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    problem = TWO_LAYERS
    wide = problem | WIDE[case]
    if case == "many digits typed":
        wide["layers"] = [problem["layers"][0], {"activation": "tanh", "weights": [[0.5, -0.6, 0.7]]}]
    check_pages(calc.Problem(**wide), tmp_path)


def many(count: int, text: str) -> list[str]:
    return [text.format(i=i, j=i - 1) for i in range(1, count + 1)]


GRAPHS: dict[str, dict[str, object]] = {
    "a sum of ninety terms": {
        "formulas": ["f = " + " + ".join(many(90, "x{i}*x{i}"))], "values": {f"x{i}": i for i in range(1, 91)},
        "nodes": "formulas",
    },
    "ninety terms as operations": {
        "formulas": ["f = " + " + ".join(many(90, "x{i}*x{i}"))], "values": {f"x{i}": i for i in range(1, 91)},
    },
    "forty nodes": {"formulas": ["q0 = x", *many(39, "q{i} = q{j}*y + x")], "values": {"x": 1, "y": 0.5}},
    "long names": {
        "formulas": ["averagetemperature_1 = measuredtemperature1 * correctionofsensor_2",
                     "f = exp(-averagetemperature_1) * measuredtemperature1 + correctionofsensor_2"],
        "values": {"measuredtemperature1": 0.5, "correctionofsensor_2": -0.25},
    },
    "deep fractions": {
        "formulas": ["f = 1/(1 + 1/(2 + 1/(x*y + z)))"],
        "values": {"x": 0.123456, "y": -2.345678, "z": 1.5}, "nodes": "formulas",
    },
    "a quotient within a quotient": {
        "formulas": ["f=(a_1*x+a_2*y+a_3*z+b_1)*(a_1*y+a_2*x+a_3*w+b_2)/(sqrt(a_1**2+a_2**2+a_3**2)"
                     "*sqrt(x**2+y**2+z**2+w**2)*exp(-(x-y)**2/2))"],
        "values": dict(zip(["a_1", "a_2", "a_3", "b_1", "b_2", *"xyzw"], many(9, "1.{i}"), strict=True)),
        "nodes": "formulas",
    },
    "functions within each other": {
        "formulas": [f"f = {'sin(' * 29}x{')' * 29}"], "values": {"x": 1}, "nodes": "formulas",
    },
    "a root, a size and a power": {
        "formulas": [f"f = sqrt(abs({' + '.join(many(12, '{i}.5*x**{i}'))}))**3 - abs({'-'.join(many(20, 'x*{i}'))})"
                     f" + exp({'-'.join(many(20, 'x*{i}'))}) + max({'-'.join(many(20, 'x*{i}'))}, x*y/3)"],
        "values": {"x": 0.5, "y": 3}, "nodes": "formulas",
    },
    "fractions with functions in them": {
        "formulas": ["f = 1/(1 + 1/(2 + 1/(3 + 1/(x*y*z + sin(x*y + z)**2/(1 + exp(-x*y*z)/(x**2 + y**2 + z**2))))))"],
        "values": {"x": 0.123456, "y": -2.345678, "z": 1.5}, "nodes": "formulas",
    },
    "fractions eight deep": {
        "formulas": ["f = " + "".join(f"1/({i} + " for i in range(1, 9)) + "x" + ")" * 8],
        "values": {"x": 0.123456}, "nodes": "formulas",
    },
    "max of twenty": {
        "formulas": ["f = max(" + ", ".join(many(20, "x{i}*y")) + ")"],
        "values": {"y": 0.3, **{f"x{i}": i / 20 for i in range(1, 21)}},
    },
    "max of twenty in one formula": {
        "formulas": ["f = max(" + ", ".join(many(20, "x{i}*y")) + ")"],
        "values": {"y": 0.3, **{f"x{i}": i / 20 for i in range(1, 21)}}, "nodes": "formulas",
    },
    "max of eight": {
        "formulas": ["f = max(" + ", ".join(many(8, "x{i}*y")) + ")"],
        "values": {"y": 0.3, **{f"x{i}": i / 8 for i in range(1, 9)}},
    },
    "a path of many values": {
        "formulas": ["f = " + " + ".join(many(12, "x{i}**2*y"))],
        "values": {"y": 1, **{f"x{i}": i for i in range(1, 13)}},
        "nodes": "formulas", "learning_rate": 0.01, "iterations": 3,
    },
}  # fmt: skip


@pytest.mark.parametrize("case", GRAPHS)
@pytest.mark.parametrize("rounding", [{"decimals": 4}, {"decimals": 30}], ids=str)
def test_no_graph_runs_off_the_page(case: str, rounding: dict[str, int], tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    check_pages(calc.Problem(graph=GRAPHS[case], rounding=rounding), tmp_path)


@pytest.mark.parametrize("case", GRAPHS)
def test_a_graph_in_characters_stays_within_100_columns_and_comes_out(case: str) -> None:
    solution = calc.solve(calc.Problem(graph=GRAPHS[case]))
    assert max(map(len, solution.render("text").splitlines())) <= 100
    assert not proofread(solution.render("markdown"), {"decimals": 4}).faults


def test_factors_on_rows_of_their_own_have_a_sign_between_them() -> None:
    page = calc.solve(calc.Problem(graph=GRAPHS["a quotient within a quotient"])).render("markdown")
    begun = [row.removeprefix(r" &\quad").strip() for row in page.splitlines() if row.startswith(r" &\quad")]
    assert begun
    assert all(row.startswith(("+", "-", "/", r"\cdot", r"\times")) for row in begun)


def test_random_graphs_compile_and_stay_within_their_margins(sweep: Sweep, tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    for number in range(sweep.count(seconds=5, ci=25, full=120)):
        try:
            check_pages(calc.Problem(**random_graph(random.Random(f"pages {number}"))), tmp_path)
        except (calc.UnsupportedError, calc.ProblemError):  # undefined at its numbers
            continue


def test_a_large_network_stays_within_its_margins(tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    source = random.Random(7)
    shape = (16, 6, 6, 2)
    layers = [
        {
            "activation": activation,
            "weights": [[round(source.uniform(-1, 1), 2) for _ in range(before)] for _ in range(units)],
            "biases": [round(source.uniform(-1, 1), 2) for _ in range(units)],
        }
        for before, units, activation in zip(shape, shape[1:], ("relu", "tanh", "sigmoid"), strict=False)
    ]
    samples = [{"inputs": [source.randint(0, 1) for _ in range(16)], "targets": [1, 0]} for _ in range(9)]
    for count in (1, 9):
        problem = {"learning_rate": 0.1, "loss": "mse", "layers": layers, "samples": samples[:count]}
        check_pages(calc.Problem(**problem), tmp_path)


def text_of(pdf: Path) -> str:
    """Page after page, each ended by a form feed; spaces and breaks of lines are one space."""
    done = subprocess.run(["pdftotext", str(pdf), "-"], capture_output=True, text=True, check=True)
    return re.sub(r"[^\S\f]+", " ", done.stdout)


DIGITS = {  # a line, or its part that is set in one row, of every kind of step of examples/pixel-digits.toml
    "a pre-activation": "= (−0.2) × 0 + (−0.12) × 1 + (−0.37) × 1",
    "an activation": "= max(0, −0.86) = 0",
    "a softmax": "≈ 0.4853",
    "the error of an output": "× (1 − 0.4853)2 ≈ 0.1325",
    "the error of all samples": "× (0.2650 + 0.2538 + 0.2182 + 0.2961) ≈ 0.2583",
    "an entry of the Jacobian on its diagonal": "= 0.4853 × (1 − 0.4853) ≈ 0.2498",
    "an entry of the Jacobian beside it": "= −0.5147 × 0.4853 ≈ −0.2498",
    "a sum over paths through the Jacobian": "= (−0.03214) + (−0.03214)",
    "a sum over paths": "= 0.0296 + 0.0424 ≈ 0.0720",
    "a sum over paths by a table": "= 0.0216 + 0 + 0.0006 + 0 + (−0.0283) + (−0.0061) ≈ −0.0122",
    "a sample's term of a gradient": "= (−0.0643) × 0.0347 ≈ −0.0022",
    "what a gradient is the sum of": "The gradient of a parameter is the sum of its samples",
    "a gradient as sum over samples": "−0.06429 0.06297 −0.05814 0.06749 0.0080",
    "a change": "= −0.1 × (−0.0074) ≈ 0.0007",
    "a new weight": "= (−0.46) + 0.0007 ≈ −0.4593",
    "the error after the update": "The error falls from 0.2583 to 0.2467",
}


def test_the_pdf_of_a_larger_network_is_short_and_still_shows_every_kind_of_step(tmp_path: Path) -> None:
    needs("pdftotext")
    problem = calc.load(ROOT / "examples" / "pixel-digits.toml")
    assert problem.solution.show == "auto"
    calc.solve(problem).save(tmp_path / "digits.pdf")
    text = text_of(tmp_path / "digits.pdf")
    assert text.count("\f") <= 12
    assert [kind for kind, line in DIGITS.items() if line not in text] == []


def test_a_pdf_is_the_same_from_run_to_run() -> None:
    problem = calc.load(ROOT / "examples" / "xor.toml")
    assert calc.solve(problem).pdf() == calc.solve(problem).pdf()


def test_no_formula_block_is_longer_than_hosts_take() -> None:
    for path in EXAMPLES:
        page = calc.solve(calc.load(path)).render("markdown")
        assert all(len(block) <= 1000 for block in page.split("$$")[1::2])


def test_a_softmax_of_many_units_stays_within_its_margins(tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    layer = {"activation": "softmax", "weights": [[f"{(-1) ** j * j * 0.1 + 0.05:.2f}"] for j in range(20)]}
    samples = [{"inputs": [0.5], "targets": [1, *[0] * 19]}]
    problem = calc.Problem(learning_rate=0.1, loss="cross_entropy", layers=[layer], samples=samples)
    check_pages(problem, tmp_path)
