"""calc conventions: every defensible answer is that of the file with the setting typed in, and none goes untold."""

import json
import random
import tomllib
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import Sweep, needs
from referee import random_problem, random_training, read_number, read_shown, recompute, round_as_the_page_says
from test_pages import compile_latex
from test_sweep import without_noise

import calc
from calc.cli import app
from calc.derived import spoken
from calc.render.text import TextPrinter
from calc.settings import settings

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
FORMATS = ("markdown", "latex", "typst", "html", "text", "json")
ALONE = {"learning_rate": 0.5, "samples": [{"inputs": [1, 2], "targets": [1]}]}
LAYER = {"activation": "sigmoid", "weights": [[0.5, -0.3]]}
HIDDEN = {"activation": "sigmoid", "weights": [[0.5, -0.3], [0.1, 0.2]]}

Record = Callable[[str, object], None]
Tables = dict[str, Any]


def example(name: str) -> calc.Problem:
    return calc.load(ROOT / "examples" / f"{name}.toml")


def typed(path: Path) -> Tables:
    """The file as it was typed, its decimals as texts."""
    return tomllib.loads(path.read_text("utf-8"), parse_float=str)


def under(tables: Tables, changes: Mapping[str, Any]) -> Tables:
    """The file with a setting typed in."""
    changed = dict(tables)
    for key, value in changes.items():
        table, _, entry = key.rpartition(".")
        changed |= {table: changed.get(table, {}) | {entry: value}} if table else {entry: value}
    return changed


def told(problem: calc.Problem) -> list[Tables]:
    """The settings of the JSON output, the problem's own first."""
    page = json.loads(calc.conventions(problem).render("json"))
    assert (page["format"], page["version"]) == ("calc-conventions", 1)
    entries: list[Tables] = page["settings"]
    assert entries[0]["changes"] == {}
    return entries


def text(problem: calc.Problem) -> str:
    return " ".join(calc.conventions(problem).render("text").split())


def changes_of(problem: calc.Problem) -> list[Tables]:
    return [dict(setting.changes) for setting in settings(problem)]


# --- the answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_answer_is_that_of_the_file_with_the_setting_typed_in(path: Path) -> None:
    tables = typed(path)
    for entry in told(calc.load(path)):
        last = calc.solve(calc.Problem(**under(tables, entry["changes"]))).iterations[-1]
        assert entry["answers"] == {id: last[id].shown for id in entry["answers"]}, entry["changes"]


def test_answers_of_random_networks_are_those_of_the_file_with_the_setting_typed_in(
    sweep: Sweep, record_property: Record
) -> None:
    compared = refused = 0
    for number in range(sweep.count(seconds=10, ci=80, full=600)):
        source = random.Random(f"conventions {number}")
        tables = random_training(source) if number % 2 else random_problem(source)
        for entry in told(calc.Problem(**tables)):
            changed = under(tables, entry["changes"])
            if "reason" in entry:
                refused += 1
                with pytest.raises(calc.CalcError) as found:
                    calc.solve(calc.Problem(**changed))
                assert entry["reason"] in str(found.value)
                continue
            solution = calc.solve(calc.Problem(**changed))
            for id, shown in entry["answers"].items():
                assert shown == solution[id].shown, (changed, id)
                compared += 1
    record_property("Conventions, answers compared", f"{compared}, {refused} settings refused")
    assert compared


def test_answers_are_those_of_a_recomputation_that_shares_no_code(sweep: Sweep) -> None:
    for number in range(sweep.count(seconds=8, ci=50, full=300)):
        tables = random_problem(random.Random(f"conventions recomputed {number}"))
        tables["rounding"] |= {"carry": "full"}
        for entry in told(calc.Problem(**tables)):
            changed = under(tables, entry["changes"])
            values = recompute(changed) if entry["answers"] else {}
            for id, shown in entry["answers"].items():
                expected = without_noise(values[id]) if abs(values[id]) > 1e-90 else Fraction(0)
                if id.startswith("b") and not changed["conventions"]["update_biases"]:  # it stands as typed
                    assert abs(read_number(shown.replace("−", "-")) - expected) < Fraction(1, 10**40), (id, shown)
                else:
                    assert read_shown(shown) == round_as_the_page_says(expected, changed["rounding"]), (id, shown)


def test_the_error_published_for_the_most_copied_example_follows_only_with_weights_already_updated() -> None:
    # https://mattmazur.com/2015/03/17/a-step-by-step-backpropagation-example/ : "0.291027924", after its step with the
    # old weights, w1+ = 0.149780716
    entries = told(example("two-outputs"))
    after = {tuple(entry["changes"].items()): entry["answers"]["E'"] for entry in entries}
    sequential = ("conventions.update_order", "sequential")
    assert after[()] == "0.291027774"
    assert [changes for changes, shown in after.items() if shown == "0.291027924"] == [(sequential,)]
    of_w1 = {tuple(entry["changes"].items()): entry["answers"]["w1_1_1'"] for entry in entries}
    assert of_w1[()] == "0.149780716" != of_w1[sequential,]
    assert after[("conventions.update_biases", True),] == "0.280471447"


def test_the_answers_are_those_of_the_page() -> None:
    assert list(told(example("xor"))[0]["answers"]) == [
        *("w1_1_1'", "w1_1_2'", "b1_1'", "w1_2_1'", "w1_2_2'", "b1_2'", "w2_1_1'", "w2_1_2'", "b2_1'", "E", "E'")
    ]
    assert list(told(example("max-gate"))[0]["answers"]) == ["df/dx", "df/dy", "df/dz", "df/dw", "f"]
    assert list(told(example("upstream"))[0]["answers"]) == ["dL/dx", "dL/dy", "f"]
    descent = ["df/dx", "df/dy", "x'", "y'", "f", "f'"]
    assert list(told(example("gradient-of-a-function"))[0]["answers"]) == descent
    assert list(told(example("perceptron"))[0]["answers"]) == ["w1_1_1'", "w1_1_2'", "b1_1'"]  # it has no loss


# --- which settings there are ------------------------------------------------------------------------------------

BIASES, ORDER = "conventions.update_biases", "conventions.update_order"
BOTH = {BIASES: False, ORDER: "sequential"}
TWO = {"inputs": [1, 2], "targets": [0]}
ALLOWED: list[tuple[str, Tables, list[Tables]]] = [
    ("one layer without biases", {"loss": "half_squared_error"}, [{"loss": "squared_error"}]),
    ("a mean of one square", {"loss": "mean_squared_error"}, [{"loss": "half_squared_error"}]),
    ("no factor of squares", {"loss": "absolute_error"}, [{"conventions.kinks": "1/2"}, {"conventions.kinks": 1}]),
    ("no factor of Huber's loss", {"loss": "huber"}, []),
    (
        "two layers with biases",
        {"loss": "huber", "layers": [HIDDEN | {"biases": [1, 1]}, LAYER]},
        [{BIASES: False}, {ORDER: "sequential"}, BOTH],
    ),
    (
        "two samples",
        {"loss": "half_squared_error", "samples": [TWO, TWO]},
        [{"reduction": "sum"}, {"loss": "squared_error"}, {"loss": "squared_error", "reduction": "sum"}],
    ),
    ("two samples online", {"loss": "huber", "samples": [TWO, TWO], "training": {"schedule": "online"}}, []),
    (
        "ReLU",
        {"loss": "huber", "layers": [LAYER | {"activation": "relu"}], "conventions": {"relu_at_zero": 0.5}},
        [{"conventions.relu_at_zero": 0}, {"conventions.relu_at_zero": 1}],
    ),
    (
        "the perceptron rule",
        {"layers": [LAYER | {"activation": "step", "biases": [0]}], "training": {"rule": "perceptron"}},
        [{BIASES: False}],
    ),
    (
        "the delta rule over two samples",
        {"layers": [LAYER | {"activation": "relu"}], "training": {"rule": "delta"}, "samples": [TWO, TWO]},
        [{"reduction": "mean"}, {"conventions.relu_at_zero": "1/2"}, {"conventions.relu_at_zero": 1}],
    ),
    (
        "rounded deltas",
        {"loss": "huber", "rounding": {"carry": "rounded"}, "solution": {"method": "delta"}},
        [{"conventions.delta_sign": "-dE/dz"}],
    ),
    ("rounded chains", {"loss": "huber", "rounding": {"carry": "rounded"}}, []),
]


@pytest.mark.parametrize(("tables", "expected"), [case[1:] for case in ALLOWED], ids=[case[0] for case in ALLOWED])
def test_a_problem_has_the_settings_that_it_allows_and_no_others(tables: Tables, expected: list[Tables]) -> None:
    assert changes_of(calc.Problem(**{"layers": [LAYER], **ALONE, **tables})) == expected


@pytest.mark.parametrize(
    ("formula", "keys"),
    [("x * y", []), ("max(x, y)", ["kinks"]), ("relu(x) + abs(y)", ["relu_at_zero", "kinks"]), ("x + relu(2)", [])],
)
def test_a_graph_has_the_kinks_that_it_is_differentiated_at(formula: str, keys: list[str]) -> None:
    problem = calc.Problem(graph={"formulas": [f"f = {formula}"], "values": {"x": 0, "y": 0}})
    assert list(dict.fromkeys(key for changes in changes_of(problem) for key in changes)) == [
        f"conventions.{key}" for key in keys
    ]


def test_the_sign_of_delta_changes_no_answer_but_where_rounded_numbers_are_carried(sweep: Sweep) -> None:
    changed = 0
    for number in range(sweep.count(seconds=8, ci=40, full=200)):
        tables = random_problem(random.Random(f"sign {number}"), solution={"method": "delta"})
        for carry in ("full", "rounded"):
            carried = under(tables, {"rounding.carry": carry})
            signs = [calc.Problem(**under(carried, {"conventions.delta_sign": sign})) for sign in ("dE/dz", "-dE/dz")]
            answers = [told(problem)[0]["answers"] for problem in signs]
            if carry == "full":
                assert answers[0] == answers[1]
                assert not any("conventions.delta_sign" in changes for changes in changes_of(signs[0]))
            else:
                changed += answers[0] != answers[1]
                assert {"conventions.delta_sign": "-dE/dz"} in changes_of(signs[0])
    assert changed


def named(problem: calc.Problem, loss: str) -> calc.Problem:
    return calc.Problem(**problem.model_dump(mode="json", exclude_none=True) | {"loss": loss})


def test_the_way_back_is_among_the_settings_of_a_setting(sweep: Sweep) -> None:
    for number in range(sweep.count(seconds=20, ci=100, full=500)):
        problem = calc.Problem(**random_training(random.Random(f"back {number}")))
        for setting in settings(problem):
            assert setting.problem != problem
            back = [one.problem for one in settings(setting.problem)]
            # a mean of one square is the square, and only one of the two is told
            assert problem in back or named(problem, "squared_error") in back, setting.changes


# --- what is said ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_setting_is_named_on_the_page(path: Path) -> None:
    problem = calc.load(path)
    page, printer = text(problem), TextPrinter(calc.conventions(problem).notation)
    for setting in settings(problem):
        assert spoken(setting.words, printer) in page


def test_a_setting_without_effect_and_a_problem_without_settings_are_told() -> None:
    page = text(example("max-gate"))
    assert "no printed digit differs. No difference: if the derivative at kinks is 1/2, or if" in page
    assert "No difference: if the squares are averaged over the outputs." in text(example("two-outputs"))
    assert "No convention changes an answer of this problem" in text(example("circuit"))


def test_what_differs_only_beyond_the_digits_printed_is_told() -> None:
    page = text(example("xor"))
    nearly = "The same to the digits printed, though not beyond them"
    assert f"{nearly}: if the gradients of the layers below use the already updated weights." in page
    assert "the same to the digits printed, though not beyond them, if the biases are updated too and if" in page
    assert f"{nearly}: b⁽²⁾₃′." in text(example("pixel-digits"))
    more = calc.Problem(**under(typed(ROOT / "examples" / "xor.toml"), {"rounding.decimals": 8}))
    assert nearly not in text(more)


def test_a_setting_that_cannot_be_worked_is_told_with_its_reason() -> None:
    samples = [{"inputs": [0, 1], "targets": [1]}, {"inputs": [1, 0], "targets": [0]}]
    layer = {"activation": "identity", "weights": [[0.2, 0.7]]}
    tables = {"learning_rate": 0.3, "loss": "binary_cross_entropy", "layers": [layer], "samples": samples}
    own, refused = told(calc.Problem(**tables))
    assert own["answers"]["w1_1_1'"] == "0.0125"
    assert refused == {
        "changes": {"reduction": "sum"},
        "answers": {},
        "reason": "E_1'@1: the logarithm of a number that is not positive. Change the numbers that lead there",
    }
    page = text(calc.Problem(**tables))
    assert "No answers if the samples are added up. The reason: E_1'@1: the logarithm of" in page
    assert "there are none under some" in page
    assert "no printed digit differs" not in page


def test_a_setting_that_the_file_lacks_numbers_for_is_told_with_its_reason() -> None:
    rates = [{"weights": [[0.1, 0.2]]}]
    layer = LAYER | {"biases": [0]}
    tables = {**ALONE, "loss": "huber", "layers": [layer], "conventions": {"update_biases": False}}
    del tables["learning_rate"]
    problem = calc.Problem(**tables, learning_rates=rates)
    assert not settings(problem)
    assert "No answers if the biases are updated too. The reason: learning_rates[0].biases: missing" in text(problem)


def test_a_bias_that_serves_two_units_is_told_apart_by_its_id() -> None:
    page = text(example("two-outputs"))
    assert "b₁′ (b1_1') 0.35 0.345614323" in page
    assert "b₁′ (b1_2') 0.35 0.345022873" in page
    assert "w₁′ 0.149780716" in page


def test_the_setting_of_the_problem_stands_in_every_table() -> None:
    heads = [line for line in calc.conventions(example("relu-batch")).render().splitlines() if "quantity" in line]
    assert heads == ["| quantity | A | B | C | D | E |", "| quantity | A | F | G | H | I |"]


# --- formats -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_renders_in_every_format(path: Path) -> None:
    page = calc.conventions(calc.load(path))
    for format in FORMATS:
        assert page.render(format)
    for dialect in ("github", "gitlab", "pandoc", "jupyter", "plain"):
        assert page.render(dialect=dialect)
    assert page.render("latex", document_class="exam", fragment=True)
    assert page.pdf().startswith(b"%PDF")


def test_the_latex_compiles(tmp_path: Path) -> None:
    needs("pdflatex")
    for name in ("relu-batch", "two-outputs", "pixel-digits"):
        compile_latex(calc.conventions(example(name)).render("latex"), tmp_path)


@pytest.mark.parametrize("language", ["de", "fr", "es"])
def test_every_language_has_the_same_table(language: str) -> None:
    def rows(page: calc.Conventions) -> list[str]:
        return [line for line in page.render().splitlines() if line.startswith("| $")]

    tables = typed(ROOT / "examples" / "relu-batch.toml")
    own = calc.conventions(calc.Problem(**tables, solution={"language": language}))
    english = calc.conventions(calc.Problem(**tables))
    assert rows(own) == rows(english)
    assert "The answers" not in own.render()


def test_the_command_writes_what_the_api_gives(tmp_path: Path) -> None:
    path = ROOT / "examples" / "xor.toml"
    page = calc.conventions(calc.load(path))
    done = CliRunner().invoke(app, ["conventions", str(path)])
    assert (done.exit_code, done.stdout) == (0, page.render())
    done = CliRunner().invoke(app, ["conventions", "-", "--to", "json"], input=path.read_bytes())
    assert (done.exit_code, done.stdout) == (0, page.render("json"))
    done = CliRunner().invoke(app, ["conventions", str(path), "-o", str(tmp_path / "keys.pdf"), "--paper", "us-letter"])
    assert (done.exit_code, (tmp_path / "keys.pdf").read_bytes()) == (0, page.pdf("us-letter"))


@pytest.mark.parametrize(
    ("problem", "options", "message"),
    [
        (b"title = 1", (), "title: 1 found, a text in quotes needed"),
        ((ROOT / "examples" / "xor.toml").read_bytes(), ("--to", "docx"), "docx"),
    ],
)
def test_wrong_input_is_a_message_and_2(problem: bytes, options: tuple[str, ...], message: str) -> None:
    done = CliRunner().invoke(app, ["conventions", "-", *options], input=problem)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
