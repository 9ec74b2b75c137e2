"""Digits are printed as people round, and only where the enclosure decides them."""

import time
from fractions import Fraction
from typing import Any

import pytest
import referee
from flint import arb, fmpq
from hypothesis import given
from hypothesis import strategies as st

import calc
from calc.number import (
    LAST_BITS,
    START_BITS,
    Exact,
    Number,
    Rounding,
    Shown,
    Undecided,
    Unprintable,
    decimal_text,
    precision,
    settled,
    sign,
)


def fraction(value: fmpq) -> Fraction:
    return Fraction(int(value.p), int(value.q))


def rational(value: Fraction | str) -> fmpq:
    value = Fraction(value)
    return fmpq(value.numerator, value.denominator)


def rule(text: str, **options: str) -> Rounding:
    """'4d' for 4 decimals, '4s' for 4 significant digits."""
    count = int(text[:-1])
    decimals, significant = (count, None) if text.endswith("d") else (None, count)
    return Rounding(decimals, significant, **options)


def as_typed(rounding: Rounding) -> dict[str, Any]:
    """The same rule as the referee reads it."""
    kind = "significant" if rounding.decimals is None else "decimals"
    return {kind: getattr(rounding, kind), "ties": rounding.ties}


ROUNDED = [  # the traps of other programs first
    ("0.25", "1d", "0.3"),
    ("0.95", "1d", "1.0"),
    ("-0.25", "1d", "-0.3"),
    ("419.5675", "3d", "419.568"),
    ("0.996", "2s", "1.0"),
    ("0.99996", "4s", "1.000"),
    ("9999.6", "4s", "10000"),
    ("99.995", "4s", "100.0"),
    ("2.675", "2d", "2.68"),
    ("1.005", "2d", "1.01"),
    ("0.70965", "4d", "0.7097"),
    ("-0.70965", "4d", "-0.7097"),
    ("0.709600001", "4d", "0.7096"),
    ("0.70999", "4d", "0.7100"),  # zeros that rounding leaves stay
    ("0.99999", "4d", "1.0000"),
    ("1/3", "4d", "0.3333"),
    ("200/3", "0d", "67"),
    ("1/3", "0d", "3.3×10⁻¹"),
    ("1/3", "1s", "0.3"),
    ("-2/3", "30s", "-0." + "6" * 29 + "7"),
    ("-0.0000123456", "4d", "-1.235×10⁻⁵"),  # never -0.0000
    ("-0.000044446", "4d", "-4.445×10⁻⁵"),
    ("0.00009996499", "4d", "9.996×10⁻⁵"),
    ("0.000099996", "4d", "1.000×10⁻⁴"),
    ("0.00010004", "4d", "0.0001"),
    ("0.0098765", "1d", "9.9×10⁻³"),
    ("0.00012345", "3s", "0.000123"),
    ("0.000099999", "3s", "1.00×10⁻⁴"),
    ("12345", "4s", "1.235×10⁴"),
    ("99999", "4s", "1.000×10⁵"),
    ("1/7e300", "4d", "1.429×10⁻³⁰¹"),
]
EXACT = [  # an exact value that fits prints exactly
    ("0", "4d", "0"),
    ("1", "4d", "1"),
    ("1.1", "4d", "1.1"),
    ("-0.5", "4d", "-0.5"),
    ("0.0001", "4d", "0.0001"),
    ("-0.00004", "4d", "-4×10⁻⁵"),
    ("0.00009996", "4d", "9.996×10⁻⁵"),
    ("12345", "5s", "12345"),
    ("120000", "4s", "1.2×10⁵"),
    ("100000", "4s", "1×10⁵"),
    ("0.0001", "2s", "0.0001"),
    ("0.00002", "2s", "2×10⁻⁵"),
    ("123456789.5", "1d", "123456789.5"),
]


def read(text: str) -> fmpq:
    number, _, power = text.partition("e")
    return rational(Fraction(number) / 10 ** int(power or 0))


@pytest.mark.parametrize(("value", "rounding", "printed", "exact"),
                         [(*row, False) for row in ROUNDED] + [(*row, True) for row in EXACT])  # fmt: skip
def test_a_number_prints_as_people_round(value: str, rounding: str, printed: str, exact: bool) -> None:
    shown = rule(rounding).show(read(value))
    assert (str(shown), shown.exact) == (printed, exact)
    assert str(rule(rounding).show(-read(value))) == (printed[1:] if shown.negative else "-" * (value != "0") + printed)


@pytest.mark.parametrize(
    ("value", "rounding", "printed"),
    [
        ("0.25", "1d", "0.2"),
        ("0.35", "1d", "0.4"),
        ("0.70965", "4d", "0.7096"),
        ("0.70975", "4d", "0.7098"),
        ("-2.5", "0d", "-2"),
        ("12345", "4s", "1.234×10⁴"),
        ("0.985", "2s", "0.98"),
        ("0.995", "2s", "1.0"),
    ],
)
def test_ties_go_to_the_even_digit_where_that_is_the_rule(value: str, rounding: str, printed: str) -> None:
    assert str(rule(rounding, ties="half-even").show(read(value))) == printed


def test_guard_digits_are_further_digits_of_the_same_number() -> None:
    third = fmpq(1, 3)
    assert [str(rule("4d").show(third, extra)) for extra in (0, 1, 3)] == ["0.3333", "0.33333", "0.3333333"]
    assert str(rule("4s").show(third / 10**9, 2)) == "3.33333×10⁻¹⁰"
    assert str(rule("4d").show(fmpq(1, 8), 1)) == "0.125"


def test_what_no_line_can_hold_is_refused_at_once() -> None:
    started = time.perf_counter()
    for value in (fmpq(10) ** 41, fmpq(10) ** 100_000, arb(10) ** 50, arb("inf"), arb("nan")):
        with pytest.raises(Unprintable):
            rule("4d").show(value)
    assert time.perf_counter() - started < 1
    assert str(rule("4s").show(fmpq(10) ** 100_000)) == "1×10¹⁰⁰⁰⁰⁰"


# Laws ------------------------------------------------------------------------------------------------------

ROUNDINGS = st.builds(
    lambda kind, count, ties: rule(f"{max(count, int(kind == 's'))}{kind}", ties=ties),
    st.sampled_from("ds"), st.integers(0, 12), st.sampled_from(["half-up", "half-even"]),
)  # fmt: skip
FRACTIONS = st.one_of(
    st.fractions(max_denominator=10**9),
    st.builds(lambda m, e: Fraction(m) * Fraction(10) ** e, st.integers(-(10**6), 10**6), st.integers(-12, 6)),
    st.builds(lambda m, e: (m + Fraction(1, 2)) * Fraction(10) ** e, st.integers(-(10**4), 10**4), st.integers(-9, 3)),
)


@given(FRACTIONS, ROUNDINGS)
def test_what_is_shown_is_what_the_referee_rounds(value: Fraction, rounding: Rounding) -> None:
    shown = rounding.show(rational(value))
    assert fraction(shown.value) == referee.round_as_the_page_says(value, as_typed(rounding))
    assert shown.exact == (fraction(shown.value) == value)
    assert referee.read_shown(str(shown)) == fraction(shown.value)
    assert shown.negative == (value < 0)  # no -0, and no false zero
    mantissa = shown.digits.removeprefix("-")
    if rounding.decimals is not None and not shown.exact and shown.exponent is None and abs(value) >= 1:
        assert len(mantissa.partition(".")[2]) == rounding.decimals
    if rounding.significant is not None and not shown.exact and shown.exponent is not None:
        assert len(mantissa.replace(".", "")) == rounding.significant


@given(FRACTIONS, ROUNDINGS)
def test_a_ball_prints_like_its_number_or_not_at_all(value: Fraction, rounding: Rounding) -> None:
    third = rational(value) / 3  # mostly no number of base 2, so that the ball has a radius
    with precision(START_BITS):
        try:
            shown = rounding.show(arb(third))
        except Undecided:
            shown = None
    with precision(LAST_BITS):
        assert str(rounding.show(arb(third))) == str(rounding.show(third)) or rounding.show(third).exact
        assert rounding.show(arb(third)).value == rounding.show(third).value
    if shown is not None:
        assert shown.value == rounding.show(third).value


@given(st.integers(-(10**7), 10**7), st.integers(0, 40), st.integers(0, 1000), st.integers(0, 50), ROUNDINGS)
def test_a_ball_never_decides_a_digit_it_does_not_know(
    middle: int, places: int, radius: int, finer: int, rounding: Rounding
) -> None:
    """Where a ball prints, both its ends print the same digits."""
    centre, reach = Fraction(middle, 2**places), Fraction(radius, 2 ** (places + finer))
    with precision(START_BITS):
        ball = arb(arb(rational(centre)), arb(rational(reach)))
        try:
            shown = rounding.show(ball)
        except Undecided:
            return
        ends = [rounding.show(rational(centre + side * reach)) for side in (-1, 1)]
    assert {shown.value, *(end.value for end in ends)} == {shown.value}


@given(st.fractions(min_value=-100, max_value=100, max_denominator=10**6))
def test_a_value_for_other_programs_is_exact_or_right_to_twenty_digits(value: Fraction) -> None:
    assert Fraction(decimal_text(rational(value))) == value
    with precision(START_BITS):
        ball = arb(rational(value)).exp()
        text = Fraction(decimal_text(ball))
        assert abs(arb(rational(text)) / ball - 1) < arb(10) ** -19


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1.1", "1.1"),
        ("-0.25", "-0.25"),
        ("1/3", "1/3"),
        ("-22/7", "-22/7"),
        ("0", "0"),
        ("1200", "1200"),
        ("1/1024", "0.0009765625"),
    ],
)
def test_an_exact_value_for_other_programs_is_a_decimal_or_a_fraction(value: str, text: str) -> None:
    assert decimal_text(rational(value)) == text


def test_an_exact_value_of_thousands_of_digits_is_written_at_once() -> None:
    started = time.perf_counter()
    assert decimal_text(5 / fmpq(10) ** 20_000) == "5e-20000"
    assert decimal_text(-12 * fmpq(10) ** 20_000) == "-12e20000"
    assert len(decimal_text(fmpq(7) ** 20_000 / 2**20_000)) > 10_000
    assert time.perf_counter() - started < 1


# Ties that no precision decides --------------------------------------------------------------------------------


def one_minus_one(value: str) -> Number:
    """``value``, as a ball around it at any precision: value + σ(1) + σ(−1) − 1."""
    sigmoids = [1 / (1 + arb(z).exp()) for z in (1, -1)]
    return rational(value) + sigmoids[0] + sigmoids[1] - 1


@pytest.mark.parametrize(
    ("value", "rounding", "ties", "printed"),
    [
        ("0.70965", "4d", "half-up", "0.7097"),
        ("0.70965", "4d", "half-even", "0.7096"),
        ("-0.70965", "4d", "half-up", "-0.7097"),
        ("0.0001", "4d", "half-up", "0.0001"),
        ("10000", "4s", "half-up", "1.000×10⁴"),
        ("0.985", "2s", "half-even", "0.98"),
        ("1", "3s", "half-up", "1.00"),
        ("0.1", "2s", "half-up", "0.10"),
    ],
)
def test_a_ball_on_a_tie_ends_with_the_tie_rule(value: str, rounding: str, ties: str, printed: str) -> None:
    started = time.perf_counter()
    for bits in (START_BITS, 2 * START_BITS):
        if value not in ("1", "0.1"):  # either side of a power of ten comes to the same digits
            with precision(bits), pytest.raises(Undecided):
                rule(rounding, ties=ties).show(one_minus_one(value))
    with precision(LAST_BITS):
        shown = rule(rounding, ties=ties).show(one_minus_one(value))
    assert (str(shown), shown.exact) == (printed, False)
    assert time.perf_counter() - started < 1


def test_a_ball_around_zero_is_zero_at_the_last_precision_only() -> None:
    for ask in (rule("4d").show, sign):
        with precision(START_BITS), pytest.raises(Undecided):
            ask(settled(one_minus_one("0")))
        with precision(LAST_BITS), pytest.raises(Undecided):
            ask(settled(arb(0, arb("1e-999"))))  # too wide to be taken for 0
    with precision(LAST_BITS):
        shown = rule("4d").show(settled(one_minus_one("0")))
    assert (str(shown), shown.exact) == ("0", False)


def twin(bias: str, target: Any = 1, **rounding: Any) -> calc.Problem:
    """σ(1) + σ(−1) + bias: exactly 1 + bias, which no precision ever decides."""
    hidden = {"activation": "sigmoid", "weights": [[1], [-1]]}
    output = {"activation": "identity", "weights": [[1, 1]], "biases": [bias]}
    return calc.Problem(learning_rate=0.5, loss="half_squared_error", layers=[hidden, output], rounding=rounding,
                        samples=[{"inputs": [1], "targets": [target]}])  # fmt: skip


@pytest.mark.parametrize("carry", ["full", "rounded"])
@pytest.mark.parametrize(
    ("bias", "ties", "printed"),
    [
        ("-0.87655", "half-up", "0.1235"),
        ("-0.87655", "half-even", "0.1234"),
        ("-0.9999", "half-up", "0.0001"),
        ("-1.99995", "half-up", "-1.0000"),
        ("-1.00005", "half-up", "-5.000×10⁻⁵"),
        ("-1", "half-up", "0"),
        ("0", "half-up", "1.0000"),
    ],
)
def test_a_whole_problem_on_a_tie_ends_within_seconds(bias: str, ties: str, printed: str, carry: str) -> None:
    started = time.perf_counter()
    solution = calc.solve(twin(bias, carry=carry, ties=ties))
    pages = solution.render("markdown"), solution.render("json")
    assert time.perf_counter() - started < 3
    assert referee.read_shown(solution["z2_1"].shown) == referee.read_shown(printed)
    assert solution["z2_1"].shown == printed or carry == "rounded"  # 0.7311 + 0.2689 is exactly 1
    assert solution["z2_1"].shown.replace("×10⁻⁵", r" \times 10^{-5}") in pages[0]


@pytest.mark.parametrize("carry", ["full", "rounded"])
def test_a_zero_that_is_none_exactly_is_said_in_words(carry: str) -> None:
    solution = calc.solve(twin("-1", target=0, carry=carry))
    page = solution.render("markdown")
    assert solution["z2_1"].shown == "0"
    assert solution["E"].shown == "0"
    if carry == "full":  # the rounded activations add up to exactly 1
        assert not solution["z2_1"].exact
        assert r"\approx 0 &&" in page
        assert "0 to within a thousand decimals" in page


# Numbers as typed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "printed", "value"),
    [
        ("0.20", "0.20", "1/5"),
        ("-0.30", "-0.30", "-3/10"),
        ("+0.5", "0.5", "1/2"),
        ("1e-3", "1×10⁻³", "1/1000"),
        ("2.50E4", "2.50×10⁴", "25000"),
        ("1/3", "1/3", "1/3"),
        ("-2 / 6", "-2/6", "-1/3"),
        ("-0.0", "0.0", "0"),
        ("007", "7", "7"),
        ("0e5", "0×10⁵", "0"),
    ],
)
def test_a_number_is_exact_and_prints_as_it_was_typed(typed: str, printed: str, value: str) -> None:
    number = Exact.read(typed)
    assert (str(number.shown), number.value) == (printed, rational(value))
    assert Exact.read(str(number)) == number


@pytest.mark.parametrize("typed", ["", "-", "1.", ".5", "0x10", "1e", "1/0", "0.5/2", "1e3/7", "nan", "inf", "1,5"])
def test_what_is_no_number_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"not a number|divides by 0"):
        Exact.read(typed)


def test_inputs_stand_on_the_page_as_they_were_typed() -> None:
    page = calc.solve(twin("-0.250", target="1/3", decimals=2)).render("markdown")
    assert "-0.250" in page
    assert r"\tfrac{1}{3}" in page
    assert Shown("1", None, "3").value == fmpq(1, 3)
