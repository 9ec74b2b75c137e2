"""Matrices too large for their line: the tables that stand in for them are read, and wrong entries in them caught."""

import random
import re
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from conftest import Sweep
from proofreader import proofread
from referee import PROFILES, random_training, slopes_by_side
from stand_ins import SAID, answers, cells_of, matrix_of, stand_ins, tables_after
from test_matrix import Record, pixels

import calc

FOUR = {"decimals": 4}
FORMATS = ("markdown", "latex")


def large_problem(seed: object) -> dict[str, Any]:
    """A network with matrices that fit no line, with optimiser, penalty, masks and rates as they come."""
    source = random.Random(f"large {seed}")
    shape = [source.randint(8, 20), source.randint(2, 18), source.randint(1, 3)]
    count = source.choice([1, 2, 8])

    def numbers(size: int) -> list[Any]:
        return [source.randint(-100, 100) / 100 for _ in range(size)]

    layers: list[dict[str, Any]] = []
    for before, units in pairwise(shape):
        activation = source.choice(["sigmoid", "tanh", "relu", "leaky_relu", "identity", "gelu", "elu"])
        layer = {"activation": activation, "weights": [numbers(before) for _ in range(units)]}
        layers.append(layer | ({"biases": numbers(units)} if source.random() < 0.8 else {}))
    samples = [{"inputs": numbers(shape[0]), "targets": numbers(shape[-1])} for _ in range(count)]
    problem = random_training(source, layers=layers, samples=samples, loss="half_squared_error")
    problem["conventions"] |= {"delta_sign": source.choice(["dE/dz", "-dE/dz"])}
    solution = {"method": "matrix", "show": source.choice(["auto", "all"])}
    return problem | {"notation": {"profile": source.choice(PROFILES)}, "solution": solution}


@pytest.mark.parametrize("carry", ["full", "rounded"])
def test_every_line_with_a_matrix_in_a_table_comes_out(carry: str, sweep: Sweep, record_property: Record) -> None:
    checked, kinds, faults = 0, Counter[str](), list[str]()
    for seed in range(sweep.count(seconds=14, ci=40, full=150)):
        problem = large_problem(f"{carry} {seed}")
        problem["rounding"] = problem["rounding"] | {"carry": carry}
        solution = calc.solve(calc.Problem(**problem))
        for format in FORMATS:
            page = solution.render(format)
            report = proofread(page, problem["rounding"], by_side=slopes_by_side(problem))
            kinds.update(one.kind for one in stand_ins(page))
            checked += report.checked
            faults += report.faults
    found = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    figures = f"{checked} checked, {len(faults)} wrong; tables: {found}"
    record_property(f"Lines of pages with matrices in tables, {carry} carried", figures)
    assert set(kinds) >= {"given", "result", "answers"}
    assert ("operand" in kinds) == (carry == "full")
    assert not faults, faults[:3]


def page_of(format: str) -> str:
    """Four images of grey pixels, none of them black: every entry of every matrix counts."""
    source = random.Random(8)
    problem = pixels(4)
    layers = [layer | {"activation": "sigmoid"} for layer in problem["layers"]]
    samples = [sample | {"inputs": [source.randint(1, 9) / 10 for _ in range(16)]} for sample in problem["samples"]]
    changed = {"layers": layers, "samples": samples, "optimizer": {"name": "momentum"}, "learning_rate": 9}
    changed["solution"] = {"method": "matrix", "show": "all"}
    return calc.solve(calc.Problem(**problem | changed)).render(format)


@pytest.mark.parametrize("format", FORMATS)
def test_every_numbered_line_of_a_large_network_is_compared(format: str) -> None:
    report = proofread(page_of(format), FOUR)
    assert not report.faults
    assert not [line for line in report.unchecked if line.startswith("(")]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", ["given", "operand", "result", "answers"])
def test_a_wrong_entry_in_a_table_is_caught(kind: str, format: str) -> None:
    page = page_of(format)
    places = [said.end() for said in SAID.finditer(page) if said.lastgroup == kind]
    assert places
    if kind == "answers":  # a row of the table at the end: its gradient, change and new value are too large for lines
        places = [re.search(r"^.*w\^\{\(1\)\}_\{6,16\}.*\n", page[page.rindex("Answers") :], re.MULTILINE)]
        places = [page.rindex("Answers") + row.start() for row in places if row]
    for place in places:
        numbers = list(re.compile(r"(?<=[$-])\d\.\d+(?=\$)").finditer(page, place))
        for number in numbers[1:4] if kind == "answers" else numbers[:3]:  # there the old value comes first
            first = "1" if number[0][0] == "9" else str(int(number[0][0]) + 1)
            wrong = page[: number.start()] + first + page[number.start() + 1 :]
            assert proofread(wrong, FOUR).faults, (kind, number[0])


@pytest.mark.parametrize("format", FORMATS)
def test_a_last_digit_of_a_result_in_a_table_is_caught(format: str) -> None:
    page = page_of(format)
    for said in SAID.finditer(page):
        if said.lastgroup == "result":
            number = re.compile(r"(?<=[$-])\d\.\d{3}(\d)(?=\$)").search(page, said.end())
            assert number
            wrong = page[: number.start(1)] + str((int(number[1]) + 1) % 10) + page[number.end(1) :]
            assert proofread(wrong, FOUR).faults


def test_a_table_that_is_missing_or_another_is_a_fault() -> None:
    page = page_of("markdown")
    words = "The result is too large for this line. Row by row:"
    assert words in page
    for wrong in (
        page.replace(f"{words}\n\n|", f"{words}\n\nand then\n\n|", 1),
        page.replace("with a row per unit that they lead to", "with a row per unit that they come from"),
        re.sub(rf"({re.escape(words)}\n\n\| )\$v", r"\1$m", page),
    ):
        assert wrong != page
        assert proofread(wrong, FOUR).faults


def test_tables_are_read_in_both_formats_folded_or_split_or_on_their_side() -> None:
    markdown = "\n\n| $W$ | $1$ | $2$ |\n| --- | --- | --- |\n| $1$ | $0.5$ | $-1$ |\n"
    markdown += "\n| $W$ | $3$ |\n| --- | --- |\n| $1$ | $2$ |\n\nmore\n"
    assert matrix_of(list(tables_after(markdown, 0))) == ("W", [["0.5", "-1", "2"]])
    sideways = "|  | $1$ | $2$ |\n| --- | --- | --- |\n| $b$ | $0.5$ | $-1$ |\n"
    assert matrix_of([cells_of(sideways)]) == ("b", [["0.5"], ["-1"]])
    rows = r"$W$ & $1$ &  & $W$ & $1$ \\ \midrule" + "\n" + r"$1$ & $0.5$ &  & $2$ & $-1$ \\" + "\n"
    rows += r"$3$ & $7$ &  &  &  \\" + "\n"
    latex = "\\begin{tabular}{@{}lllll@{}}\n\\toprule\n" + rows + "\\bottomrule\n\\end{tabular}\n"
    assert matrix_of([cells_of(latex)]) == ("W", [["0.5"], ["-1"], ["7"]])
    with pytest.raises(ValueError, match="a table was expected"):
        matrix_of(list(tables_after("\n\nno table\n", 0)))


@pytest.mark.parametrize("profile", ["standard", "ih-ho", "net-out", "from-to"])
def test_answers_are_put_together_in_the_layout_of_the_page(profile: str) -> None:
    solution = calc.solve(calc.Problem(**pixels(1) | {"notation": {"profile": profile}}))
    first, bias, *_ = answers(solution.render())
    into_third = [solution[f"dE/dw1_3_{i}"].shown for i in range(1, 17)]
    gradient = first.columns["gradient"]
    printed = [row[2] for row in gradient] if profile in ("ih-ho", "from-to") else gradient[2]
    assert len(printed) == 16
    for cell, shown in zip(printed, into_third, strict=True):
        assert re.sub(r" \\times 10\^\{(.*)\}", r"e\1", cell) == re.sub("×10.*", "", shown) or "×" in shown
    assert [row[0] for row in bias.columns["change"]] == [solution[f"Db1_{j}"].shown for j in range(1, 7)]
