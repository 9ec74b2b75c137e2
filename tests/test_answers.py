"""Answer files: a number is what was typed, an id is found however it is named, all that is wrong is told at once."""

import io
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

import calc
from calc.answers import Sheet, Written, printed_names, read_answers, read_number, sheet_of
from calc.errors import ProblemError
from calc.expr import Quantity
from calc.file import load
from calc.solution import Solution

pytestmark = pytest.mark.filterwarnings("error")

EXAMPLES = Path(__file__).parent.parent / "examples"


@cache
def worked(name: str, profile: str | None = None) -> tuple[Solution, list[dict[str, Quantity]]]:
    """An example, and by update what may be answered of it."""
    overrides = {("notation", "profile"): profile} if profile else {}
    solution = calc.solve(load(EXAMPLES / f"{name}.toml", overrides))
    return solution, [{id: s.result for id, s in one.trace.steps.items()} for one in solution.iterations]


def read(path: Path | str, name: str = "two-outputs") -> tuple[Sheet, ...]:
    solution, quantities = worked(name)
    return read_answers(path, solution.problem, quantities)


def written(sheet: Sheet) -> dict[str, str | None]:
    return {answer.id: answer.written and answer.written.text for answer in sheet.answers}


def told(path: Path | str, name: str = "two-outputs") -> list[str]:
    """What is said of a wrong file, fault by fault."""
    with pytest.raises(ProblemError) as error:
        read(path, name)
    assert error.value.source == ("standard input" if str(path) == "-" else str(path))
    return [str(fault) for fault in error.value.faults]


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# --- numbers ---------------------------------------------------------------------------------------------------------

NUMBERS = [  # text, value, half a unit of the last place, decimals, significant digits
    ("0.3775", "0.3775", "0.00005", 4, 4),
    ("0.3770", "0.377", "0.00005", 4, 4),
    ("1.20e-4", "0.00012", "0.0000005", 6, 3),
    ("1.2E3", "1200", "50", -2, 2),
    ("3", "3", "0.5", 0, 1),
    ("-0.2903", "-0.2903", "0.00005", 4, 4),
    ("+.5", "0.5", "0.05", 1, 1),
    ("5.", "5", "0.5", 0, 1),
    ("0", "0", "0.5", 0, 1),
    ("0.000", "0", "0.0005", 3, 1),
    ("0.0030", "0.003", "0.00005", 4, 2),
    ("\u22120.2903", "-0.2903", "0.00005", 4, 4),
    ("\u2013 0.2903", "-0.2903", "0.00005", 4, 4),
    ("1,2·10^-4", "0.00012", "0.000005", 5, 2),
    ("1.2×10⁻⁴", "0.00012", "0.000005", 5, 2),
    ("1.2 × 10⁻⁴", "0.00012", "0.000005", 5, 2),
    ("1.2*10**-4", "0.00012", "0.000005", 5, 2),
    ("1.2 x 10^{-4}", "0.00012", "0.000005", 5, 2),
    ("1.2*10^(2)", "120", "5", -1, 2),
    (r"1.2 \times 10^{-4}", "0.00012", "0.000005", 5, 2),
    ("10^-4", "0.0001", "0.00005", 4, 1),
    ("-10⁻⁴", "-0.0001", "0.00005", 4, 1),
    ("12.5 %", "0.125", "0.0005", 3, 3),
    ("12,5%", "0.125", "0.0005", 3, 3),
    ("1 234.5", "1234.5", "0.05", 1, 5),
    ("1\u2009234\u202f567", "1234567", "0.5", 0, 7),
    ("0.123\u2009456\u20097", "0.1234567", "0.00000005", 7, 7),
    ("0,3775", "0.3775", "0.00005", 4, 4),
    ("0,377", "0.377", "0.0005", 3, 3),
]


@pytest.mark.parametrize(("text", "value", "half", "decimals", "significant"), NUMBERS)
def test_a_number_is_what_was_typed(text: str, value: str, half: str, decimals: int, significant: int) -> None:
    number = read_number(f"  {text}\u00a0")
    assert number == Written(text, _exact(value), _exact(half), decimals, significant, False)
    assert number.half * 2 == fmpq(10) ** -decimals


def _exact(text: str) -> fmpq:
    return fmpq(*Decimal(text).as_integer_ratio())


def test_a_fraction_stands_for_itself() -> None:
    for text, value in (("3/8", fmpq(3, 8)), ("\u22123 / 8", fmpq(-3, 8)), ("+10⁄4", fmpq(5, 2)), ("0/7", fmpq(0))):
        number = read_number(text)
        assert (number.value, number.half, number.exact) == (value, 0, True)


def test_a_comma_that_may_part_thousands_is_refused_where_the_point_is_the_sign() -> None:
    with pytest.raises(ValueError, match=r'"1,234" may be 1\.234 or 1234\. Write one of these'):
        read_number("1,234")
    assert read_number("1,234", ",").value == fmpq(1234, 1000)
    assert read_number("1.234", ",").value == fmpq(1234, 1000)


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", "%", ".", "abc", "0.3.7", "1,2,3", "1.2.3,4", "0.37 0.38", "3 4", "1 1/2", "--1", "+-1", "1e", "e5",
     "1e5.5", "·10^-4", "3 10^2", "2^5", "10^", "1*10", "1×2", "0x10", "1_000", "٣", "1e-4 %%", "1/8 %", "1.5/2", "=1",
     "≈1", "nan", "NaN", "inf", "-Infinity", "1\x002", "\x00", "{1}", "__import__('os')", "12 345,6 7", "½"],
)  # fmt: skip
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a number needed, e\\.g\\. 0\\.3775"):
        read_number(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("9" * 10_000, "a text of 10000 characters found, a number needed"),
        ("1/" + "9" * 10_000_000, "a text of 10000002 characters found"),
        ("1e1000000000", "is out of range"),
        ("1e-1000000000", "is out of range. Write a number from 1e-1000 to 1e1000"),
        ("1·10^1001", "is out of range"),
        ("1e" + "9" * 200, "is out of range"),
        ("3/0", '"3/0" divides by 0'),
    ],
)
def test_a_number_too_large_to_work_with_is_refused_at_once(text: str, said: str) -> None:
    start = time.process_time()
    with pytest.raises(ValueError, match=said):
        read_number(text)
    assert time.process_time() - start < 0.1


UP = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@given(
    digits=st.integers(0, 10**12),
    decimals=st.integers(0, 15),
    negative=st.booleans(),
    power=st.integers(-60, 60),
    sign=st.sampled_from(["", "+", " ", "+ "]),
    minus=st.sampled_from("-−–"),
    comma=st.booleans(),
    style=st.sampled_from(["{m}", "{m}e{n}", "{m}E{n:+}", "{m}·10^{n}", "{m} × 10^{{{n}}}", "{m}*10**{n}", "{m}⋅10{up}",
                           "{m} x 10^({n})", "{m} %", "{m}%"]),
)  # fmt: skip
def test_every_way_of_writing_a_decimal_gives_its_value_and_its_last_place(
    digits: int, decimals: int, negative: bool, power: int, sign: str, minus: str, comma: bool, style: str
) -> None:
    text = str(digits).rjust(decimals + 1, "0")
    mantissa = f"{text[:-decimals]}.{text[-decimals:]}" if decimals else text
    mantissa = mantissa.replace(".", ",") if comma else mantissa
    exponent = power if "n" in style or "up" in style else -2 if "%" in style else 0
    typed = (minus if negative else sign) + style.format(m=mantissa, n=power, up=str(power).translate(UP))
    number = read_number(typed, ",")
    unit = fmpq(10) ** (exponent - decimals)
    assert number.value == (-digits if negative else digits) * unit
    assert number.half == unit / 2
    assert (number.decimals, number.exact, number.text) == (decimals - exponent, False, typed.strip())
    assert number.significant == max(1, len(str(digits))) if digits else 1


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    said = ""
    try:
        number: Written | None = read_number(text)
    except ValueError as error:
        number, said = None, str(error)
    assert "\n" not in said if number is None else number.significant >= 1


# --- formats ---------------------------------------------------------------------------------------------------------

ANSWERS = {"z1_1": "0.3775", "dE/da1_1|z2_1": "1,2·10^-4", "w1_1_1'": "3/8", "E": "", "dE/dw2_1_1": "0.3770"}
WRITTEN = {id: text or None for id, text in ANSWERS.items()}


def test_toml_keeps_the_digits_as_they_were_typed(tmp_path: Path) -> None:
    path = file(
        tmp_path,
        "ann.toml",
        """# Ann
z1_1 = 0.3770   # of the first hidden unit
'dE/dz2_1' = -1_0.5e-3
E = "?"
"w1_1_1'" = "12.5 %"
a1_1 = 3
""",
    )
    (sheet,) = read(path)
    assert sheet.student == ""
    expected = {"z1_1": "0.3770", "dE/dz2_1": "-10.5e-3", "E": None, "w1_1_1'": "12.5 %", "a1_1": "3"}
    assert written(sheet) == expected
    assert [answer.where for answer in sheet.answers] == [f"line {n}" for n in range(2, 7)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_parted_by_comma_semicolon_or_tabulator(tmp_path: Path, delimiter: str) -> None:
    def cell(text: str) -> str:
        return f'"{text}"' if delimiter in text else text

    lines = [["id", "quantity", "Ann", "Björn, Dr."], *([id, "as printed", text, "1"] for id, text in ANSWERS.items())]
    text = "\r\n".join(delimiter.join(map(cell, line)) for line in lines)
    ann, other = read(file(tmp_path, "class.csv", "\ufeff" + text + "\r\n\r\n"))
    assert written(ann) == WRITTEN
    assert (ann.student, other.student) == ("Ann", "Björn, Dr.")
    assert set(written(other).values()) == {"1"}
    assert ann.answers[0].where == "row 2, column Ann"


def test_a_column_headed_answer_names_nobody(tmp_path: Path) -> None:
    (sheet,) = read(file(tmp_path, "a.csv", "Quantity,Answer\nz1_1,0.3775\n"))
    assert (sheet.student, written(sheet), sheet.answers[0].where) == ("", {"z1_1": "0.3775"}, "row 2")


def test_of_a_markdown_page_the_tables_with_ids_are_read(tmp_path: Path) -> None:
    path = file(
        tmp_path,
        "ann.md",
        """# An exercise | with a bar

| $x_1$ | $t_1$ |
| --- | --- |
| 1 | 0 |

| id | quantity | answer |
| :-- | --- | --: |
| `z1_1` | $z^{(1)}_1$ | 0.3775 |
| `dE/da1_1\\|z2_1` | $a \\vert b$ | $1,2\\cdot10^{-4}$ |

Some words.

| name | answer |
|---|---|
| `w1_1_1'` | 3/8 |
| E | ? |
| dE/dw2&#95;1&#95;1 |  |
""",
    )
    (sheet,) = read(path)
    assert written(sheet) == {
        "z1_1": "0.3775",
        "dE/da1_1|z2_1": r"1,2\cdot10^{-4}",
        "w1_1_1'": "3/8",
        "E": None,
        "dE/dw2_1_1": None,
    }


def test_json_is_an_object_of_texts_and_numbers(tmp_path: Path) -> None:
    text = '{"z1_1": 0.3770, "E": null, "a1_1": "3/8", "a1_2": 3, "z1_2": ""}'
    (sheet,) = read(file(tmp_path, "ann.json", text))
    assert written(sheet) == {"z1_1": "0.3770", "E": None, "a1_1": "3/8", "a1_2": "3", "z1_2": None}


def test_standard_input_is_toml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"z1_1 = 0.5\n")))
    (sheet,) = read("-")
    assert written(sheet) == {"z1_1": "0.5"}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert told("-") == ["empty. Write an answer, or start with: calc blank PROBLEM --to csv"]


def test_numbers_from_python_are_what_their_repr_says() -> None:
    solution, quantities = worked("two-outputs")
    answers: Mapping[str, Any] = {
        "z1_1": 0.377, "z1_2": 1, "a1_1": Decimal("0.3770"), "a1_2": Fraction(6, 2), "z2_1": None, "z2_2": "1,2·10^-4",
        "a2_1": np.float64(0.1), "a2_2": np.float32(0.7685), "E": 1e-05, "E_1": np.int64(3),
    }  # fmt: skip
    sheet = sheet_of(answers, solution.problem, quantities)
    assert written(sheet) == {
        "z1_1": "0.377", "z1_2": "1", "a1_1": "0.3770", "a1_2": "3/1", "z2_1": None, "z2_2": "1,2·10^-4",
        "a2_1": "0.1", "a2_2": "0.7685", "E": "1e-05", "E_1": "3",
    }  # fmt: skip
    exact = {answer.id: answer.written.exact for answer in sheet.answers if answer.written}
    assert [id for id, one in exact.items() if one] == ["a1_2"]
    bad: dict[str, object] = {"z1_1": True, "z1_2": float("nan"), "a1_1": [1], "a1_2": 1j, "E": 10**5000, "E_1": object}
    with pytest.raises(ProblemError) as error:
        sheet_of(bad, solution.problem, quantities)
    assert len(error.value.faults) == len(bad)
    assert str(error.value.faults[0]).startswith("z1_1: true found, a number needed")
    with pytest.raises(ProblemError, match="no answer found"):
        sheet_of({}, solution.problem, quantities)


# --- which quantity is meant -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["two-outputs", "relu-batch", "adam", "xor-online", "circuit", "sigmoid-neuron"])
@pytest.mark.parametrize("profile", [None, "standard", "net-out", "from-to", "vw", "ih-ho", "delta-nabla", "x-layer"])
def test_every_id_and_every_printed_name_is_found_in_every_profile(name: str, profile: str | None) -> None:
    if profile and name in ("circuit", "sigmoid-neuron"):
        return  # their names are the file's own
    solution, updates = worked(name, profile)
    for update, quantities in enumerate(updates, 1):
        end = f"#{update}" if update > 1 else ""
        sheet = sheet_of({id + end: "1" for id in quantities}, solution.problem, updates)
        assert [answer.id for answer in sheet.answers] == [id + end for id in quantities]
        for id, printed in printed_names(solution.problem, quantities).items():
            try:
                (answer,) = sheet_of({printed + end: "1"}, solution.problem, updates).answers
                found = [answer.id]
            except ProblemError as error:
                found = str(error).partition("is ambiguous: it may be ")[2].partition(". Name")[0].split(", ")
            # an exact id goes before a printed name; the only sample's part may be named as the whole
            assert {id, id + end, id.partition("@")[0] + end} & set(found) or printed in quantities


@pytest.mark.parametrize(
    ("profile", "name", "id"),
    [
        ("standard", "z^(1)_2", "z1_2"),
        ("standard", "z_2^{(1)}", "z1_2"),
        ("standard", "z⁽¹⁾₂", "z1_2"),
        ("standard", "z(1)2", "z1_2"),
        ("standard", "∂E/∂w^(2)_11", "dE/dw2_1_1"),
        ("standard", "∂E / ∂w^(2)_{11}", "dE/dw2_1_1"),
        ("standard", "dE/dw^(2)_11", "dE/dw2_1_1"),
        ("standard", "∂E/∂a⁽¹⁾₁|z⁽²⁾₂", "dE/da1_1|z2_2"),
        ("net-out", "w5'", "w2_1_1'"),
        ("net-out", "w'_5", "w2_1_1'"),
        ("net-out", "w₅′", "w2_1_1'"),
        ("net-out", "w5’", "w2_1_1'"),
        ("net-out", "w2_1_1’", "w2_1_1'"),
        ("net-out", "Δw_5", "Dw2_1_1"),
        ("net-out", "net_{h1}", "z1_1"),
        ("net-out", "neth1", "z1_1"),
        ("net-out", "E_total", "E"),
        ("net-out", "∂E_total/∂w5", "dE/dw2_1_1"),
        ("net-out", "E_total'", "E'"),
        ("vw", "∂E/∂V_11", "dE/dw2_1_1"),
    ],
)
def test_a_quantity_is_found_as_people_type_its_printed_name(profile: str, name: str, id: str) -> None:
    solution, quantities = worked("two-outputs", profile)
    (answer,) = sheet_of({name: 1}, solution.problem, quantities).answers
    assert answer.id == id


def test_deltas_are_found_where_the_page_has_them() -> None:
    solution = calc.solve(load(EXAMPLES / "two-outputs.toml", {("solution", "method"): "delta"}))
    quantities = [{id: step.result for id, step in solution.trace.steps.items()}]
    answers = sheet_of({"δ_o1": 1, "delta_{h2}": 1}, solution.problem, quantities).answers
    assert [answer.id for answer in answers] == ["dE/dz2_1", "dE/dz1_2"]


def test_the_updates_of_a_training_are_told_apart() -> None:
    solution, updates = worked("xor-online")
    first, second = (next(id for id in ids if id.startswith("z1_1@")) for ids in updates[:2])
    sheet = sheet_of({"w1_1_1'": 1, "w1_1_1'#2": 2, "E #3": 3, "E#1": 4}, solution.problem, updates)
    assert [answer.id for answer in sheet.answers] == ["w1_1_1'", "w1_1_1'#2", "E#3", "E"]
    with pytest.raises(ProblemError) as error:
        sheet_of({"E#5": 1, "E#0": 1, second: 1, f"{first}#2": 1, "w1_1_1'##2": 1}, solution.problem, updates)
    faults = [str(fault) for fault in error.value.faults]
    assert faults[0] == '"E#5": update 5 found, 1 to 4 are the updates. Mend what follows the #'
    assert "update 0 found" in faults[1]
    assert faults[2] == (f'"{second}" is no quantity of update 1. Write {second}#2 for that of update 2')
    assert f"Write {first} for that of update 1" in faults[3]
    assert "is not known" in faults[4]


def test_an_ambiguous_printed_name_is_an_error(tmp_path: Path) -> None:
    problem = calc.Problem(
        learning_rate=0.1,
        loss="mse",
        layers=[{"activation": "tanh", "weights": [[1]]}, {"activation": "tanh", "weights": [[1]]}],
        samples=[{"inputs": [1], "targets": [0]}],
        notation={"symbols": {"z1_1": "s_1", "z2_1": "s^1"}},
    )
    quantities = [{id: step.result for id, step in calc.solve(problem).trace.steps.items()}]
    path = file(tmp_path, "a.csv", "name,answer\ns1,0.5\nz1_1,0.5\n")
    with pytest.raises(ProblemError) as error:
        read_answers(path, problem, quantities)
    (fault,) = error.value.faults
    assert str(fault) == 'row 2: "s1" is ambiguous: it may be z1_1, z2_1. Name it by its id'


# --- what is wrong ---------------------------------------------------------------------------------------------------

NONE = "no answer found. Write one for each quantity, or start with: calc blank PROBLEM --to csv"
NUMBER = "a number needed, e.g. 0.3775, -2, 1.2e-4, 1.2·10^-4, 3/8 or 12.5 %"
DEEP = "[" * 60
KNOWN = "Known: z1_1, z1_2, a1_1, a1_2, z2_1, z2_2, …, or as printed"
WRONG: list[tuple[str, str | bytes, list[str]]] = [  # suffix, content, what is said
    (".csv", "", ["empty. Write an answer, or start with: calc blank PROBLEM --to csv"]),
    (".csv", " \r\n\t\n", ["empty. Write an answer, or start with: calc blank PROBLEM --to csv"]),
    (".csv", '"",""\n,\n', [NONE]),
    (".csv", "id,answer\n", [NONE]),
    (".toml", "# none\n", [NONE]),
    (".json", "{}", [NONE]),
    (".json", "[1]", ["no table found, a JSON object { … } needed at the top"]),
    (".md", "words\n", ["no table with a column of ids found. Start with: calc blank PROBLEM --to md"]),
    (".md", "| a | b |\n|---|---|\n| 1 | 2 |\n",
     ["no table with a column of ids found. Start with: calc blank PROBLEM --to md"]),
    (".csv", "id,answer\nz1_1,0.5\nz1_3,0.5\n", [f'row 3: "z1_3" is not known. Did you mean "z1_2"? {KNOWN}']),
    (".csv", "id,Ann,Bo\nz1_1,0.5,zero\nz1_2,nan,0.5\n",
     [f'row 2, column Bo: z1_1: the text "zero" found, {NUMBER}',
      f'row 3, column Ann: z1_2: the text "nan" found, {NUMBER}']),
    (".toml", "z1_1 = inf\nz1_2 = true\na1_1 = [1]\na1_2 = 1979-05-27\n",
     [f'line 1: z1_1: the text "inf" found, {NUMBER}', f"line 2: z1_2: true found, {NUMBER}",
      f"line 3: a1_1: a list of 1 found, {NUMBER}", f"line 4: a1_2: 1979-05-27 found, {NUMBER}"]),
    (".json", '{"z1_1": NaN, "z1_2": {"a": 1}}',
     ["z1_2: a table found, id = number needed. An id with a dot needs quotes: \"z1_2.a\" = 0.5"]),
    (".json", '{"z1_1": 1, "z1_1": 1}', ['the key "z1_1" stands twice in one table. Remove one of them']),
    (".json", '{"z1_1": }', ["line 1, column 10: not JSON: Expecting value. Mend it there"]),
    (".csv", "id,answer\nz1_1,0.5\nneth1,0.5\n", ["row 3: z1_1 stands here and before (row 2). Remove one of the two"]),
    (".toml", 'z1_1 = 1\n"net_h1" = 1\n', ["line 2: z1_1 stands here and before (line 1). Remove one of the two"]),
    (".toml", "z1_1 = 1\nz1_1 = 1\n", ["line 2, column 9: a table or key stands twice. Remove one of them"]),
    (".csv", "id,Ann,ann\nz1_1,1,1\n", ['row 1: the head "ann" stands twice. Head each column differently']),
    (".csv", "id,Id,Ann\nz1_1,1,1\n", ['row 1: the head "Id" stands twice. Head each column differently']),
    (".csv", "a,b\nz1_1,1\n", ['row 1: the heads "a", "b" found, one for the ids needed. Head their column id']),
    (".csv", "z1_1\n", ['row 1: the heads "z1_1" found, one for the ids needed. Head their column id']),
    (".csv", "id,name\nz1_1,1\n", ["row 1: no column of answers found. Add one for each student, headed by the name"]),
    (".csv", "id,answer\nz1_1\nz1_2,0,3775\na1_1,0.5,\n",
     ["row 2: 1 cells found, 2 needed. Add the empty ones",
      "row 3: 3 cells found, 2 needed. Put a cell that has a comma in it in quotes"]),
    (".csv", "id,Ann,\nz1_1,1,2\nz1_2,1,\n",
     ["row 2: an answer in a column without a head found. Write the student's name there"]),
    (".csv", 'id,answer\nz1_1,"0.5\nz1_2,1\n', ["line 3: not CSV: unexpected end of data. Mend the quotes there"]),
    (".csv", 'id,answer\nz1_1,"0.5"5\n', ["line 2: not CSV: ',' expected after '\"'. Mend the quotes there"]),
    (".csv", "id,answer\nz1_1," + "9" * 200_000, ["line 2: not CSV: field larger than field limit (131072). "
                                                  "Mend the quotes there"]),
    (".csv", "id,answer\nz1_1," + "9" * 10_000, [f"row 2: z1_1: a text of 10000 characters found, {NUMBER}"]),
    (".toml", "z1_1 = " + "9" * 10_000, ["line 1: a number of 10000 digits found. Give at most 60 digits"]),
    (".json", '{"z1_1": 1' + "0" * 10_000 + "}", ["line 1: a number of 10001 digits found. Give at most 60 digits"]),
    (".toml", "z1_1 = 1e1000000000\nz1_2 = 3e-1000000000\n",
     ['line 1: z1_1: "1e1000000000" is out of range. Write a number from 1e-1000 to 1e1000',
      'line 2: z1_2: "3e-1000000000" is out of range. Write a number from 1e-1000 to 1e1000']),
    (".csv", "id,answer\nz1_1,3/0\n", ['row 2: z1_1: "3/0" divides by 0. Write a denominator other than 0']),
    (".csv", "id,answer\nz1_1,0.5\0\n", ["line 2: U+0000 found. Save the file as text in UTF-8"]),
    (".toml", "z1_1 = 0.5\0\n", ["line 1: U+0000 found. Save the file as text in UTF-8"]),
    (".csv", "id,answer\nz1_1,0.5\n".encode("utf-16"), ["line 1: not UTF-8 but UTF-16. Save the file as UTF-8"]),
    (".csv", "id,answer\nz1_1,0.5\n".encode("utf-16-le"), ["line 1: U+0000 found. Save the file as text in UTF-8"]),
    (".csv", "id,Jürgen\nz1_1,0.5\n".encode("latin-1"), ["line 1: not UTF-8. Save the file as UTF-8"]),
    (".toml", "dE/dz2_1 = 0.5\nw1_1_1' = 3\nz1_1 = 0,3775\nz1_2 = 3/8\na1_1 =\na1_2 = ?  # not yet\nE 3\nE_1 = 4\n",
     ['line 1: dE/dz2_1 needs quotes. Write "dE/dz2_1" = 0.5',
      'line 2: w1_1_1\' needs quotes. Write "w1_1_1\'" = 3',
      'line 3: 0,3775 found, a number or a text in quotes needed. Write z1_1 = "0,3775"',
      'line 4: 3/8 found, a number or a text in quotes needed. Write z1_2 = "3/8"',
      'line 5: nothing found, a number needed. Write a1_1 = "" where nothing is answered',
      'line 6: ? found, a number or a text in quotes needed. Write a1_2 = "?"',
      'line 7: "E 3" found, id = number needed. Mend it there']),
    (".toml", "z1_1 = 1\nv.w2_1_3 = 0.1\n[ann]\nz1_1 = 1\n",
     ['line 2: a table found, id = number needed. An id with a dot needs quotes: "v.w2_1_3" = 0.5',
      'line 3: a table found, id = number needed. An id with a dot needs quotes: "ann.z1_1" = 0.5']),
    (".toml", "a." * 10_000 + "b = 1\n", ["line 1: a key with 40 dots found. Use tables in brackets [ ]"]),
    (".toml", "z1_1 = " + "[" * 100_000,
     [f'line 1: {DEEP} found, a number or a text in quotes needed. Write z1_1 = "{DEEP}"']),
    (".toml", 'z1_1 = "' + "x" * 2**20, ["more than 1 MB found. Name an answer file"]),
    (".md", "| id | answer |\n|---|---|\n| z1_1 |\n| z1_2 | 1 | 2 |\n| q | 1 |\n",
     ["line 3: 1 cells found, 2 needed. Add the empty ones",
      "line 4: 3 cells found, 2 needed. Put a cell that has a bar in it in quotes"]),
    (".md", "| id | Ann |\n|---|---|\n| z1_1 | 1 |\n\n| id | Bo |\n|---|---|\n| z1_2 | 1 |\n",
     ["line 5: other heads found than in the table before. Head the columns alike"]),
    (".xlsx", "PK", ['".xlsx" is no suffix of an answer file. Use one of .toml, .json, .csv, .tsv, .md']),
    ("", "z1_1 = 1", ['"" is no suffix of an answer file. Use one of .toml, .json, .csv, .tsv, .md']),
]  # fmt: skip


@pytest.mark.parametrize(("suffix", "content", "said"), WRONG, ids=[f"{n}{one[0]}" for n, one in enumerate(WRONG)])
def test_whatever_is_wrong_with_a_file_is_told_at_once(
    tmp_path: Path, suffix: str, content: str | bytes, said: list[str]
) -> None:
    assert told(file(tmp_path, f"ann{suffix}", content)) == said


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    assert told(tmp_path / "none.csv") == ["no such file. Check the path, or start with: calc blank PROBLEM --to csv"]
    (tmp_path / "folder.csv").mkdir()
    assert told(tmp_path / "folder.csv") == ["a directory found, an answer file needed. Name a file in it"]
    assert "cannot be read" in told("a\0b.csv")[0]


LONG = {  # 10^5 lines of each kind, within a megabyte
    "unknown.csv": "id,answer\n" + "z9_9,1\n" * 10**5,
    "known.csv": "id,answer\n" + "z1_1,1\n" * 10**5,
    "text.csv": "id,answer\n" + "z1_1,x\n" * 10**5,
    "ragged.csv": "id,answer\n" + "z1_1\n" * 10**5,
    "blank.csv": "id,answer\nz1_1,1\n" + ",\n" * 10**5,
    "wide.csv": "id," + ",".join(f"S{n}" for n in range(10**5)) + "\nz1_1" + ",1" * 10**5,
    "keys.toml": "\n".join(f"z{n} = 1" for n in range(7 * 10**4)),
    "slips.toml": "z' = 1\n" * 10**5,
    "bad.toml": "z = 1,2\n" * 10**5,
    "spaces.toml": "z" + " " * 10**6,
    "quotes.toml": '"' * 10**6,
    "primes.toml": '"' + "'" * 10**6 + '" = 1',
    "table.md": "| id | answer |\n|---|---|\n" + "|z9_9|1|\n" * 10**5,
    "bars.md": "|" * 10**6,
    "rules.md": "|-|\n" * 10**5,
    "keys.json": json.dumps({f"z{n}": 1 for n in range(6 * 10**4)}),
}


@pytest.mark.parametrize("name", LONG)
def test_a_hundred_thousand_lines_are_read_or_told_within_seconds(tmp_path: Path, name: str) -> None:
    path = file(tmp_path, name, LONG[name])
    worked("pixel-digits")
    start = time.process_time()
    said = ""
    try:
        read(path, "pixel-digits")
    except ProblemError as error:
        said = str(error)
    assert time.process_time() - start < 3
    assert len(said.splitlines()) <= 52
    assert len(said) < 51 * 400


@given(content=st.text(max_size=80) | st.binary(max_size=80), suffix=st.sampled_from([".toml", ".json", ".csv", ".md"]))
def test_any_file_is_read_or_told(content: str | bytes, suffix: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    text = content if isinstance(content, bytes) else f"id,answer\nz1_1,{content}".encode("utf-8", "replace")
    path = file(tmp_path_factory.getbasetemp(), f"any{suffix}", text)
    with suppress(ProblemError):
        read(path)
