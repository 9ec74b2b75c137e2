"""Checking a hand calculation: verdicts, reports, and that honest work is never called wrong."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from conftest import Sweep
from flint import arb, fmpq
from referee import random_problem, random_training, round_as_the_page_says

import calc
from calc.answers import sheet_of
from calc.document import Prose
from calc.expr import Call, Name, Sum, evaluate
from calc.judge import FINE, Verdict, judge
from calc.key import Key, named
from calc.number import Number, Undecided, Undefined, decided
from calc.training import carried
from calc.written import span

Record = Callable[[str, object], None]
EXAMPLES = Path(__file__).parent.parent / "examples"
XOR = """
learning_rate = 0.3
loss = "half_squared_error"
[[layers]]
activation = "sigmoid"
weights = [[0.1, -0.2], [0.4, 0.3]]
biases = [1, 1]
[[layers]]
activation = "sigmoid"
weights = [[0.5, -0.6]]
biases = [1]
[[samples]]
inputs = [1, 0]
targets = [1]
"""


def load(text: str, tmp_path: Path) -> calc.Problem:
    path = tmp_path / "problem.toml"
    path.write_text(text)
    return calc.load(path)


def verdicts(report: calc.Report) -> dict[str, str]:
    return {one["id"]: one["verdict"] for one in json.loads(report.render("json"))["answers"]}


# --- one verdict after the other -------------------------------------------------------------------------------------
# By hand: z1_1 = 1.1, z1_2 = 1.4, a1_1 = 0.7502601…, a1_2 = 0.8021838…, z2_1 = 0.8938197…, a2_1 = 0.7096641…,
# dE/da2_1 = -0.2903358…, da2_1/dz2_1 = 0.2060409…, dE/dz2_1 = -0.0598210…, dE/dw2_1_1 = -0.0448813…


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"a1_1": "0.7503"}, {"a1_1": "right"}),
        ({"a1_1": "0.75"}, {"a1_1": "right"}),
        ({"a1_1": "75 %"}, {"a1_1": "right"}),
        ({"a1_1": "7,50·10^-1"}, {"a1_1": "right"}),
        ({"a1_1": "0.7504"}, {"a1_1": "last-digit"}),
        ({"a1_1": "0.7505"}, {"a1_1": "wrong"}),
        ({"a1_1": "1"}, {"a1_1": "right"}),
        ({"a1_1": "1", "a1_2": "0.8022"}, {"a1_1": "wrong", "a1_2": "right"}),
        ({"dE/dw2_1_1": "0"}, {"dE/dw2_1_1": "wrong"}),
        ({"a1_1": "?"}, {"a1_1": "not-attempted"}),
        ({"z1_1": "11/10"}, {"z1_1": "right"}),
        # the decimal point one place off leaves as many digits: 0.7503, 0.8938
        ({"a1_1": "7.503"}, {"a1_1": "known-mistake"}),
        ({"a1_1": "0.07503", "z2_1": "8.938"}, {"a1_1": "known-mistake", "z2_1": "known-mistake"}),
        # the same wrong number twice: neither line is taken for a copy of the other
        ({"z1_1": "0.7", "z1_2": "0.7"}, {"z1_1": "wrong", "z1_2": "wrong"}),
        ({"z1_1": "10/9"}, {"z1_1": "wrong"}),
        # 0.5 × 0.75 − 0.6 × 0.80 + 1 = 0.895
        (
            {"a1_1": "0.75", "a1_2": "0.80", "z2_1": "0.895"},
            {"a1_1": "right", "a1_2": "right", "z2_1": "rounded-early"},
        ),
        # 0.5 × 0.76 − 0.6 × 0.8022 + 1 = 0.8987, σ(0.8987) = 0.7107
        (
            {"a1_1": "0.7641", "a1_2": "0.8022", "z2_1": "0.9007", "a2_1": "0.7111"},
            {"a1_1": "wrong", "a1_2": "right", "z2_1": "follows", "a2_1": "follows"},
        ),
        # what was not written is recomputed from what was: a2_1 from a1_1 through z2_1
        ({"a1_1": "0.7641", "a2_1": "0.7111"}, {"a1_1": "wrong", "a2_1": "follows"}),
        # (a - t) left out of the product: 0.2060 × 0.7503
        ({"dE/dw2_1_1": "0.1546"}, {"dE/dw2_1_1": "known-mistake"}),
        ({"dE/dw2_1_1": "0.0449"}, {"dE/dw2_1_1": "known-mistake"}),
        ({"dE/dw2_1_1": "-0.0494"}, {"dE/dw2_1_1": "known-mistake"}),
    ],
)
def test_a_number_is_judged_by_its_own_step(answers: dict[str, str], expected: dict[str, str], tmp_path: Path) -> None:
    assert verdicts(calc.check(load(XOR, tmp_path), answers)) == expected


def test_a_delta_that_is_wrong_carries_on_although_the_page_multiplies_out_the_chain(tmp_path: Path) -> None:
    """-0.0898 for dE/dz2_1; -0.0898 × 0.7503 = -0.0674, -0.0898 × 0.5 × 0.1874 = -0.0084"""
    answers = {"dE/dz2_1": "-0.0898", "dE/dw2_1_1": "-0.0674", "dE/dz1_1": "-0.0084"}
    report = calc.check(load(XOR, tmp_path), answers)
    assert verdicts(report) == {"dE/dz2_1": "wrong", "dE/dw2_1_1": "follows", "dE/dz1_1": "follows"}
    assert [one["from"] for one in json.loads(report.render("json"))["answers"]] == [[], ["dE/dz2_1"], ["dE/dz2_1"]]


def test_a_mistake_on_a_wrong_number_names_both(tmp_path: Path) -> None:
    """a2_1 = 0.8097 is wrong; then (1 − 0.8097) · 0.8097 (1 − 0.8097) with the sign of t − a"""
    answers = {"a2_1": "0.8097", "dE/da2_1": "0.1903"}
    report = calc.check(load(XOR, tmp_path), answers)
    (first, second) = json.loads(report.render("json"))["answers"]
    assert first["verdict"] == "wrong"
    assert second["verdict"] == "known-mistake-follows"
    assert second["from"] == ["a2_1"]
    assert second["mistake"]


def test_a_key_of_zero_and_a_key_of_a_ten_millionth_are_judged_like_others(tmp_path: Path) -> None:
    zero = XOR.replace("weights = [[0.5, -0.6]]", "weights = [[0.5, 0]]").replace("inputs = [1, 0]", "inputs = [0, 0]")
    assert verdicts(calc.check(load(zero, tmp_path), {"dE/dw1_1_1": "0", "dE/dw1_2_1": "0.0000"})) == {
        "dE/dw1_1_1": "right",
        "dE/dw1_2_1": "right",
    }
    assert verdicts(calc.check(load(zero, tmp_path), {"dE/dw1_1_1": "0.0112"})) == {"dE/dw1_1_1": "wrong"}
    small = XOR.replace("weights = [[0.5, -0.6]]", 'weights = [["1e-6", -0.6]]')
    key = calc.solve(load(small, tmp_path))["dE/dw1_1_1"]
    assert key.shown == "-1.635×10⁻⁸"
    for answer, verdict in (("-1.6e-8", "right"), ("-1.635e-8", "right")):
        assert verdicts(calc.check(load(small, tmp_path), {"dE/dw1_1_1": answer})) == {"dE/dw1_1_1": verdict}
    assert verdicts(calc.check(load(small, tmp_path), {"dE/dw1_1_1": "-3.3e-8"})) == {"dE/dw1_1_1": "wrong"}


def test_a_carried_zero_or_one_is_flagged(tmp_path: Path) -> None:
    report = calc.check(load(XOR, tmp_path), {"da2_1/dz2_1": "0.00000", "dE/dz2_1": "0.0000", "dE/dw2_1_1": "0.0000"})
    last = json.loads(report.render("json"))["answers"][-1]
    assert last["verdict"] == "follows"
    assert last["trivial"]
    assert "hardly anything" in report.render("text")


def test_what_has_no_value_over_the_numbers_before_it_cannot_be_judged(tmp_path: Path) -> None:
    """ln(1 − a) of an output above 1"""
    problem = load(
        XOR.replace("half_squared_error", "binary_cross_entropy").replace("targets = [1]", "targets = [0]"), tmp_path
    )
    report = calc.check(problem, {"a2_1": "1.2", "E": "0.8"})
    one = json.loads(report.render("json"))["answers"][1]
    assert (one["id"], one["verdict"]) == ("E", "cannot-judge")
    assert "logarithm" in one["reason"]


def test_a_later_update_is_judged_by_the_numbers_that_the_earlier_one_left(tmp_path: Path) -> None:
    problem = load(XOR + "\n[training]\nepochs = 2\n", tmp_path)
    key = calc.solve(problem)
    right = {"w2_1_1'": key["w2_1_1'"].shown, "z2_1#2": key.iterations[1]["z2_1"].shown}
    assert set(verdicts(calc.check(problem, right)).values()) == {"right"}
    wrong = right | {"w2_1_1'": "0.7135"}  # 0.2 too much: 0.2 × 0.7511 more in z2_1
    later = float(Fraction(key.iterations[1]["z2_1"].text)) + 0.2 * float(Fraction(key.iterations[1]["a1_1"].text))
    assert verdicts(calc.check(problem, wrong | {"z2_1#2": f"{later:.4f}"}))["z2_1#2"] == "follows"
    assert verdicts(calc.check(problem, wrong))["z2_1#2"] == "right"


def test_a_circuit_is_judged_too() -> None:
    problem = calc.load(EXAMPLES / "circuit.toml")
    report = calc.check(problem, {"q": "4", "df/dq": "-4", "df/dz": "4", "df/dx": "-4"})
    assert verdicts(report) == {"q": "wrong", "df/dq": "right", "df/dz": "follows", "df/dx": "right"}
    assert report.first_wrong == "q"


def test_a_wrong_number_that_leads_beyond_anything_that_is_written_is_judged_like_others() -> None:
    """exp(-exp(60)) has more than 10^25 zeros behind the point"""
    formulas = ["q = x * y", "g = exp(q)", "f = exp(-g)"]
    problem = calc.Problem(graph={"formulas": formulas, "values": {"x": 0.5, "y": 2}, "nodes": "formulas"})
    report = calc.check(problem, {"q": "60.1234", "df/dx": "-0.3587"})
    assert verdicts(report) == {"q": "wrong", "df/dx": "right"}


def test_over_a_case_that_is_left_open_a_line_has_the_numbers_of_all_cases() -> None:
    """|p| + |q| + |r| + |s|, p within 0.1 of 0: from 0 + 0.9 + 1.9 + 2.9 to 0.1 + 1.1 + 2.1 + 3.1"""
    names = [Name(letter) for letter in "pqrs"]
    values = {name.id: arb(middle, 0.1) for middle, name in enumerate(names)}
    found = span(Sum(tuple(Call("abs", (name,)) for name in names)), values, names).value
    assert found is not None
    assert found.contains(fmpq(57, 10))
    assert found.contains(fmpq(64, 10))
    assert not found.contains(7)


def test_the_other_convention_is_said_first(tmp_path: Path) -> None:
    constant = load(XOR + "\n[conventions]\nupdate_biases = false\n", tmp_path)
    own = load(XOR, tmp_path)
    sheet = {id: calc.solve(constant)[id].shown for id in ("b1_1'", "b2_1'", "a1_1'", "a2_1'", "E'")}
    assert calc.check(constant, sheet).fine
    report = calc.check(own, sheet)
    assert not report.fine
    assert json.loads(report.render("json"))["setting"] == {"conventions.update_biases": False}
    first = report.document.sections[0].blocks[0]
    assert isinstance(first, Prose)
    assert first.sentences[0].key == "report.setting"
    assert "Every answer is right if the biases are constant" in report.render("text")


# --- honest work -----------------------------------------------------------------------------------------------------


class Hand:
    """Somebody who rounds every number: to some decimals or significant digits, for each step anew or always alike."""

    def __init__(self, source: random.Random) -> None:
        self.source, self.mixed = source, source.random() < 0.3
        self.kind, self.digits = source.choice(["decimals", "significant"]), source.choice([3, 4, 5, 6])
        self.naive = source.random() < 0.3  # writes 0.0000 for 0.00003
        self.carries = source.random() < 0.7  # the rounded number, not the one in the calculator

    def writes(self, value: Fraction) -> tuple[str, Fraction]:
        """What is written for a number, and which number that is."""
        digits = self.source.choice([3, 4, 5, 6]) if self.mixed else self.digits
        if self.kind == "decimals" and abs(value) < Fraction(1, 10**digits) and self.naive:
            written = Fraction(round(value * 10**digits), 10**digits)
        else:
            written = round_as_the_page_says(value, {self.kind: digits})
        if written == 0:
            return "0." + "0" * digits, written
        places = digits
        if self.kind == "significant" or abs(written) < Fraction(1, 10**digits):
            size, exponent = abs(written), 0
            while size >= 10:
                size, exponent = size / 10, exponent + 1
            while size < 1:
                size, exponent = size * 10, exponent - 1
            count = max(2, digits) if self.kind == "decimals" else digits
            return f"{'-' * (written < 0)}{_decimal(size, count - 1)}e{exponent}", written
        text = _decimal(abs(written), places)
        if self.source.random() < 0.1:
            text = text.rstrip("0").rstrip(".") if Fraction(text.rstrip("0").rstrip(".") or 0) == value else text
        return f"{'-' * (written < 0)}{text}", written


def _decimal(size: Fraction, places: int) -> str:
    """A number with so many places, cut where it has no more."""
    digits = str(int(size * 10**places)).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits


def sheets(key: Key, tables: Mapping[str, Any], source: random.Random) -> Iterator[dict[str, str]]:
    """Sheets of one problem, whole and in part; nothing where somebody rounds into a dead end such as ln 0."""
    for _ in range(3):
        hand = Hand(source)
        answers: dict[str, str] = {}
        left: dict[str, Number] = {}
        try:
            for number, one in enumerate(key.iterations):
                values = {id: key.full[number][id] for id in one.trace.given} | left
                for id, step in one.trace.steps.items():
                    value = decided(lambda: exact_of(evaluate(step.expr, values)))  # noqa: B023
                    answers[named(id, number)], written = hand.writes(value)
                    rounded = fmpq(written.numerator, written.denominator)
                    values[id] = rounded if hand.carries else key.full[number][id]
                if number + 1 < len(key.iterations):
                    left = {old: values[new] for old, new in carried(one.problem, one.trace.graph)}
        except (Undefined, Undecided):
            continue
        if source.random() < 0.5 and not (hand.mixed or hand.naive):  # what they left out nobody could tell
            share = source.choice([0.2, 0.6, 0.9])
            answers = {id: text for id, text in answers.items() if source.random() < share} or answers
        yield answers


def exact_of(value: Number) -> Fraction:
    """A number, or one so near that no rounding tells them apart."""
    if isinstance(value, fmpq):
        return Fraction(int(value.p), int(value.q))
    mantissa, exponent = value.mid().man_exp()
    if abs(int(exponent)) > 2_000:
        raise Undecided("nobody writes such a number down")
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def test_honest_work_is_never_called_wrong(sweep: Sweep, record_property: Record) -> None:
    wanted = sweep.count(seconds=40, ci=300, full=5000)
    judged, count, faults, number = Counter[Verdict](), 0, [], 0
    while count < wanted:
        number += 1
        source = random.Random(f"honest {number}")
        tables = random_training(source) if source.random() < 0.3 else random_problem(source)
        try:
            key = Key(calc.Problem(**tables))
        except calc.CalcError:
            continue
        for answers in sheets(key, tables, source):
            count += 1
            marked = judge(key, sheet_of(answers, key.problem, key.quantities))
            judged.update(one.verdict for one in marked.judged)
            right = (*FINE, Verdict.CANNOT_JUDGE)
            faults += [(number, one.answer.id, one.verdict) for one in marked.judged if one.verdict not in right]
    said = f"{sum(judged.values())} numbers, {len(faults)} called wrong, {judged[Verdict.CANNOT_JUDGE]} not judged"
    record_property("Honest sheets", f"{count} sheets, {said}")
    assert not faults, faults[:5]


def test_the_first_wrong_line_may_be_a_given_number_or_a_constant_bias(tmp_path: Path) -> None:
    problem = load(XOR + "[conventions]\nupdate_biases = false\n", tmp_path)
    page = calc.check(problem, {"w1_1_1": "0.7", "z1_1": "1.1"}).render("text")
    assert "the answer is 0.7, the key has 0.1.\n" in page  # and nothing of how it is worked
    assert calc.check(problem, {"Db1_1": "0.5", "z1_1": "1.7"}).first_wrong == "z1_1"  # the change comes later
    assert calc.check(problem, {"Db1_1": "0.5", "b1_1'": "1.5", "z1_1'": "1.6"}).first_wrong == "Db1_1"


def test_a_blank_sheet_earns_no_marks(tmp_path: Path) -> None:
    page = calc.check(load(XOR, tmp_path), {"z1_1": "?"}, marks=True).render("text")
    assert "Nothing has been answered. Marks: 0 of 2" in page


def test_a_number_with_a_power_of_ten_has_the_digits_that_it_shows() -> None:
    problem = calc.load(EXAMPLES / "circuit.toml")  # f = -12
    found = [verdicts(calc.check(problem, {"f": typed}))["f"] for typed in ("-1e1", "-2e1", "-10")]
    assert found == ["right", "wrong", "wrong"]
