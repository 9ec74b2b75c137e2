"""The referee of the rendered pages is itself tested on pages written by hand, right and wrong."""

import decimal
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proofreader import (
    BY_SIDE,
    Unreadable,
    evaluate,
    exact,
    is_number,
    is_symbolic,
    magnitude,
    nearest,
    proofread,
    read_lines,
    round_as_printed,
    tokenize,
)

FOUR = {"decimals": 4}

LINES = r"""
z^{(1)}_1 &= w^{(1)}_{11} x_1 + w^{(1)}_{12} x_2 + b^{(1)}_1 \\
 &= 0.2 \times 1 + (-0.3) \times 0 + 1 = 1.2 #1
a^{(1)}_1 &= \sigma(z^{(1)}_1) = \frac{1}{1 + e^{-1.2}} \approx 0.7685 #2
a^{(1)}_2 &= \tanh(z^{(1)}_2) = \tanh(-1.1) \approx -0.8005 #3
a^{(1)}_3 &= \max(0, z^{(1)}_3) = \max(0, 0.35) = 0.35 > 0 #4
z^{(2)}_1 &= \mathrm{net} = 0.5 \times 0.7685 + (-0.6) \times (-0.8005) \\
 & \quad + \left(-0.25\right) \times 0.35 + 1 \\
 & \quad + 0.5 \approx 2.2771 #5
\frac{\partial E}{\partial w^{(2)}_{11}} &= \frac{\partial E}{\partial a^{(2)}_1}
 \cdot \frac{\partial a^{(2)}_1}{\partial w^{(2)}_{11}} #6
 &= (-0.2903) \times 0.2060 \times 0.7503 \approx -0.0449 #7
E &= \tfrac{1}{2}\left(1 - 0.7097\right)^2 = \tfrac{1}{2} (0.2903)^{2} \approx 0.0421 #8
\frac{\partial a_3}{\partial z_3} &= \operatorname{ReLU}'(0.35) = 1 #9
\Delta w &= -\eta \frac{\partial E}{\partial w} = -0.3 \times (-4.20 \times 10^{-5}) = 1.26 \times 10^{-5} #10
a^{(2)}_2 &= \frac{1}{1 + e^{-(-1.1)}} \approx 0.2497 #11
a^{(2)}_3 &= a^{(1)}_1 \approx 0.7685
"""


def markdown(lines: str) -> str:
    rows = re.sub(r" #(\w+)\n", r" && \\text{(\1)} \\\\\n", lines.strip() + "\n")
    return f"## Forward pass\n\nIn words, with $z = 3$.\n\n$$\n\\begin{{aligned}}\n{rows}\\end{{aligned}}\n$$\n"


def latex(lines: str) -> str:
    rows = re.sub(r" #(\w+)\n", r" \\tag{\1} \\\\\n", lines.strip() + "\n")
    begin = "\\documentclass{article}\n\\begin{document}\n\\section{Forward pass}\n"
    return f"{begin}\\begin{{align*}}\n{rows}\\end{{align*}}\n\\end{{document}}\n"


FORMATS = pytest.mark.parametrize("page", [markdown, latex])

# The two formats once more as they are rendered, so that the two functions above are not believed blindly.
MARKDOWN = r"""
$$
\begin{aligned}
z^{(1)}_1 &= w^{(1)}_{11} x_1 + b^{(1)}_1 \\
 &= 0.2 \times 1 + 1 = 1.2 && \text{(1)} \\
a^{(1)}_1 &= \frac{1}{1 + e^{-1.2}} \approx 0.7685 && \text{(2)}
\end{aligned}
$$
"""
LATEX = r"""
\begin{align*}
z^{(1)}_1 &= w^{(1)}_{11} x_1 + b^{(1)}_1 \\
 &= 0.2 \times 1 + 1 = 1.2 \tag{1} \\
a^{(1)}_1 &= \frac{1}{1 + e^{-1.2}} \approx 0.7685 \tag{2}
\end{align*}
"""


@pytest.mark.parametrize("page", [MARKDOWN, LATEX])
def test_lines_are_read_from_both_formats(page):
    first, second = read_lines(page)
    assert (first.number, second.number) == ("1", "2")
    assert first.sides == ["z^{(1)}_1", "w^{(1)}_{11} x_1 + b^{(1)}_1", r"0.2 \times 1 + 1", "1.2"]
    assert first.relations == ["=", "=", "="]
    assert second.sides == ["a^{(1)}_1", r"\frac{1}{1 + e^{-1.2}}", "0.7685"]
    assert second.relations == ["=", r"\approx"]
    report = proofread(page, FOUR)
    assert (report.checked, report.faults, report.loose, report.unchecked) == (2, [], [], [])
    assert report.values == [("z^{(1)}_1", Fraction("1.2")), ("a^{(1)}_1", Fraction("0.7685"))]


@FORMATS
def test_a_right_page_has_no_faults(page):
    report = proofread(page(LINES), FOUR)
    assert (report.faults, report.loose) == ([], [])
    assert report.checked == 10
    assert [line[:4] for line in report.unchecked] == ["(6) ", "a^{("]  # symbols only; one number only
    assert len(report.values) == 11


@FORMATS
def test_a_long_side_is_read_through_its_breaks(page):
    line = next(line for line in read_lines(page(LINES)) if line.number == "5")
    assert line.sides[2].count(r"\times") == 3
    assert line.sides[2].endswith("+ 0.5")


@FORMATS
def test_a_row_after_a_number_speaks_of_the_same_quantity(page):
    line = next(line for line in read_lines(page(LINES)) if line.number == "7")
    assert line.sides[0] == r"\frac{\partial E}{\partial w^{(2)}_{11}}"


RESULTS = re.finditer(r"(?:=|\\approx) -?(\d[\d.]*)(?= #| >| \\times 10.{5} #)", LINES)
DIGITS = [place for found in RESULTS for place in range(*found.span(1)) if LINES[place].isdigit()]


@FORMATS
@pytest.mark.parametrize("position", DIGITS)
def test_every_wrong_digit_in_a_result_is_caught(page, position):
    for digit in set("0123456789") - {LINES[position]}:
        wrong = LINES[:position] + digit + LINES[position + 1 :]
        assert len(proofread(page(wrong), FOUR).faults) == 1


@FORMATS
@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ("0.5 \\times 0.7685", "0.5 \\times 0.7658", "(5)"),  # two digits swapped in an operand
        ("1 - 0.7097", "1 + 0.7097", "(8)"),  # a swapped sign
        ("(-0.2903) \\times", "0.2903 \\times", "(7)"),
        ("-0.3 \\times (-4.20", "-0.3 \\times (4.20", "(10)"),
        ("10^{-5} #10", "10^{-4} #10", "(10)"),
        ("\\frac{1}{1 + e^{-1.2}}", "\\frac{1}{1 + e^{1.2}}", "(2)"),
        ("(0.2903)^{2}", "(0.2093)^{2}", "(8)"),  # a middle side
        ("\\tanh(-1.1)", "\\tanh(1.1)", "(3)"),
        ("> 0 #4", "< 0 #4", "is not true"),
        ("+ (-0.3) \\times 0", "+ -0.3 \\times 0", "'+ -'"),
        ("(-0.6) \\times (-0.8005)", "(-0.6) \\times -0.8005", r"'\times -'"),
        ("e^{-(-1.1)}", "e^{--1.1}", "'- -'"),
        ("+ (-0.3)", "+ -0.3)", "brackets do not match"),
        ("\\left(1 - 0.7097\\right)", "\\left(1 - 0.7097)", "brackets do not match"),
        ("\\left(-0.25\\right)", "\\left(-0.25\\right]", "brackets do not match"),
        ("\\max(0, 0.35)", "\\max(0, 0.35", "brackets do not match"),
        ("\\sigma(z^{(1)}_1)", "\\sigma(z^{(1)}_1", "brackets do not match"),  # symbolic
        ("w^{(1)}_{11} x_1 +", "w^{(1)}_{11} x_1 + -", "'+ -'"),
        ("1 - 0.7097", "1 0.7097", "'0.7097' found"),
        ("1 - 0.7097", "1 - 7.097e-1", "computer notation"),
        ("= 1.2 #1", "= None #1", "computer notation"),
        ("= 1.2 #1", "= nan #1", "not a number"),
        ("= 1.2 #1", "= -\\mathrm{inf} #1", "not a number"),
        ("= 1 #9", "= -0.0000 #9", "minus zero"),
        ("= 1 #9", "= -0 #9", "minus zero"),
        ("\\tanh(-1.1)", "\\operatorname{foo}(-1.1)", "cannot read"),
        ("\\tanh(-1.1)", "\\frac{1}{1 - 1}", "division by zero"),
        ("\\tanh(-1.1)", "\\ln(-1.1)", "no real number"),
        ("\\tanh(-1.1)", "", "cannot read ''"),
    ],
)
def test_a_planted_fault_is_caught(page, right, wrong, fault):
    assert LINES.count(right) == 1
    faults = proofread(page(LINES.replace(right, wrong)), FOUR).faults
    assert any(fault in found for found in faults)


@pytest.mark.parametrize("page", [MARKDOWN.replace("\n$$\n\n", ""), LATEX.replace(r"\end{align*}", "")])
def test_a_display_that_does_not_end_is_a_fault(page):
    page = page.rstrip().removesuffix("$$")
    assert "does not end" in proofread(page, FOUR).faults[0]


def test_a_fault_says_which_line_what_it_claims_and_what_it_comes_to():
    (fault,) = proofread("$$ y = 0.5 \\times 0.3 = 0.25 && \\text{(4)} $$", FOUR).faults
    assert fault == r"(4) y = 0.5 \times 0.3 = 0.25: '0.5 \times 0.3' comes to 0.15, rounded 0.15; the page says 0.25"


def test_equals_before_a_rounded_number_is_noted_as_loose():
    page = r"$$ y = 0.33333 \times 1 {} $$"
    assert proofread(page.format("= 0.3333"), FOUR).faults == []
    assert len(proofread(page.format("= 0.3333"), FOUR).loose) == 1
    assert proofread(page.format(r"\approx 0.3333"), FOUR).loose == []
    assert proofread(r"$$ y = e^{-1} = 0.3679 $$", FOUR).loose
    assert not proofread(r"$$ y = e^{0} = 1 $$", FOUR).loose


def test_a_result_with_more_digits_than_the_page_prints_is_a_fault():
    assert proofread(r"$$ y = 0.33333 \times 1 = 0.33333 $$", FOUR).faults
    assert not proofread(r"$$ y = 0.33333 \times 1 = 0.33333 \approx 0.3333 $$", FOUR).faults  # not the result


def test_an_assignment_arrow_is_neither_a_bracket_nor_skipped():
    assert not proofread(r"$$ w \leftarrow w - \eta g = 0.5 - 0.3 \times 0.1 = 0.47 $$", FOUR).faults
    assert proofread(r"$$ w \leftarrow 0.5 - 0.3 \times 0.1 \leftarrow 0.48 $$", FOUR).faults


def test_sides_are_compared_across_a_symbolic_one():
    assert proofread(r"$$ y = 0.2 \times 3 = w x = 0.7 $$", FOUR).faults


def test_the_slope_of_relu_at_zero_is_what_the_page_says():
    page = r"$$ s = \operatorname{ReLU}'(0) = 0.5 $$"
    assert proofread(page, FOUR).faults
    assert not proofread(page, FOUR, relu_at_zero=Fraction(1, 2)).faults


@pytest.mark.parametrize(
    ("line", "slopes"),
    [
        (r"\operatorname{LReLU}'(-0.3) = 0.1", {"lrelu": (Fraction("0.1"), Fraction(0), Fraction(1))}),
        (r"\operatorname{LReLU}'(-0.3) = 0.01", {}),
        (r"\operatorname{LReLU}'(0) = 0.5", {"lrelu": (Fraction("0.01"), Fraction(1, 2), Fraction(1))}),
        (r"\operatorname{ELU}'(0.3) = 1", {}),
        (r"\operatorname{sign}(0.5 - 0.5) = 1", {"sign": (Fraction(-1), Fraction(1), Fraction(1))}),
        (r"0.2 \times \operatorname{sign}(-3) = -0.2", {}),
        (r"-(1 \times \operatorname{max}'(0, 1 - 1 \times 1)) = -1", {"max": (Fraction(0), Fraction(1), Fraction(1))}),
        (r"\left|0.2 - 1\right| = 0.8", {}),
    ],
)
def test_what_a_function_does_on_either_side_of_a_kink_is_what_the_page_says(line, slopes):
    page = markdown(rf"y &= f(z) = {line} #1")
    report = proofread(page, FOUR, by_side=slopes)
    assert (report.checked, report.faults) == (1, [])
    wrong = {name: tuple(slope + 2 for slope in sides) for name, sides in BY_SIDE.items()}
    assert len(proofread(page, FOUR, by_side=wrong).faults) == ("left" not in line)


def test_what_is_worked_out_on_a_page_is_not_guessed():
    for line in (
        r"\operatorname{ELU}'(-0.3) = 1",
        r"\operatorname{LReLU}(0.3) = 0.3",
        r"\operatorname{max}'(1, 2) = 1",
    ):
        assert len(proofread(markdown(f"y &= f(z) = {line} #1"), FOUR).faults) == 1


def test_minus_zero_is_caught_in_tables_and_prose_but_a_substituted_zero_is_not():
    assert proofread("| w | -0.0000 |", FOUR).faults
    assert proofread("The gradient is \N{MINUS SIGN}0.00.", FOUR).faults
    assert not proofread(r"$$ a = \frac{1}{1 + e^{-0}} = 0.5 $$ | -0.0001 | 1 - 0 | - 0 is a bullet", FOUR).faults
    assert not proofread(r"$$ E = -0 \times \ln(0.3) - 1 \times \ln 1 = 0 $$", FOUR).faults


def test_words_that_contain_nan_or_inf_are_words():
    assert not proofread(r"Finance, $\infty$, information, $\inf$, banana", FOUR).faults
    assert proofread("the loss is NaN", FOUR).faults


def test_cases_row_spacing_remarks_fences_and_brackets_do_not_disturb():
    page = r"""
```math
f(z) = \begin{cases} z & z > 0 \\ 0 & \text{else} \end{cases}
```
\[ y = 0.1 + 0.2 = 0.3 \qquad \text{(5a)} \]
\begin{align}
y &= 1 + 1 = 2 && \text{by definition} \\[4pt]
{} &= 3 - 1 && \text{again} && \text{(6)} \\*
\end{align}
"""
    report = proofread(page, FOUR)
    assert (report.faults, report.checked, len(report.unchecked)) == ([], 2, 1)
    assert [line.number for line in read_lines(page)] == [None, "5a", "6"]


def value(side: str) -> Fraction:
    return exact(evaluate(tokenize(side)))


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        ("0.2060", "0.206"),
        ("0{,}25", "1/4"),
        ("-0.3 ^2", "-0.09"),
        ("(-0.3)^2", "0.09"),
        (r"\left(-0.3\right)^{2}", "0.09"),
        (r"4.20 \times 10^{-5}", "0.000042"),
        (r"-4.2 \cdot 10^3", "-4200"),
        (r"1 - 2 - 3 \times 2 + 4", "-3"),
        (r"\frac{1 + 2}{4} \cdot 2 / 3", "1/2"),
        (r"\tfrac{1}{2}(1 - 0.7)^2", "0.045"),
        (r"2 \left[ 0.5 (1 - 0.5) - 1 \right] (-3)", "4.5"),
        (r"2 \dfrac{1}{2} \tfrac{1}{4}", "1/4"),
        (r"\max(0, -0.35) + \min\left\{1, 2\right\} + \max(-1, -2)", "0"),
        (r"\max\left(0, 0.35\right)", "0.35"),
        (r"\operatorname{ReLU}'(0.35) + \mathrm{ReLU}'(-1) + \operatorname{ReLU}(2)", "3"),
        (r"\lvert", None),
        (r"|0.3 - 1| + \left|-1\right| + 2 \lvert -0.5 \rvert", "2.7"),
        (r"\sqrt{0.25} \times \sqrt{2}^2", "1"),
        (r"e^{0} + e^0 + \mathrm{e}^{0} + \exp(0) + \ln 1", "4"),
        (r"\tanh(0) + \sigma(0) + \tanh'(0) + \sigma'(0)", "1.75"),
        (r"2^{-2} + 4^{1/2}", "2.25"),
        (r"\operatorname{sign}(-3)", "-1"),
        (r"\tanh^2(0) + 0.5 \, e^{0}", "0.5"),
        (r"1 \quad + \quad 2", "3"),
        (r"\times 2", None),
        (r"+ 2", None),
        (r"2 +", None),
        (r"2 3", None),
        (r"(2) 3", None),
        (r"2^10", None),
        (r"2^-1", None),
        (r"2^{3}^{2}", None),
        (r"\frac12", None),
        (r"0.5.", None),
        (r"1, 2", None),
        (r"(1, 2)", None),
        (r"\tanh(1, 2)", None),
        (r"\ln 2^2", None),
        (r"\sin'(0)", None),
        (r"0^{-1}", None),
        (r"\sqrt{-1}", None),
        (r"\ln(0)", None),
        (r"(-8)^{0.5}", None),
        (r"\begin{pmatrix} 1 & 2 \end{pmatrix}", None),
        (r"\text{why}", None),
        (r"5 * 3", None),
        ("\N{SUPERSCRIPT TWO}", None),
        (r"e^{10^{20}}", None),
        (r"10^{-99999999999}", None),
    ],
)
def test_numeric_sides_come_to_what_a_calculator_says(side, expected):
    if expected is None:
        with pytest.raises(Unreadable):
            value(side)
    else:
        assert value(side) == Fraction(expected)


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        (r"\frac{1}{1 + e^{-1.2}}", "0.76852478349901764"),
        (r"\sigma(1.2)", "0.76852478349901764"),
        (r"e^{-(-1.1)}", "3.0041660239464334"),
        (r"\tanh(0.5)", "0.46211715726000975"),
        (r"1 - \tanh^{2}(0.5)", "0.78644773296592741"),
        (r"\tanh'(0.5)", "0.78644773296592741"),
        (r"-\ln(0.7)", "0.35667494393873238"),
        (r"\ln(1 + e^{-80})", "0.00000000000000000000000000000000001804851387845415"),
        (r"\frac{1}{\sqrt{2\pi}} e^{-\frac{0.5^2}{2}}", "0.35206532676429948"),
        (r"0.5 (1 + \operatorname{erf}(0.5))", "0.76024993890652326"),
    ],
)
def test_functions_are_evaluated_to_many_digits(side, expected):
    assert round_as_printed(value(side), {"significant": 16}) == round_as_printed(
        Fraction(expected), {"significant": 16}
    )


SYMBOLIC = [
    "z",
    "w_1 x_1",
    "e",
    "e_1",
    r"-\eta",
    r"\partial",
    r"\sigma",
    r"\sigma(z)",
    r"W^T x",
    r"\mathbf{x}",
]
SYMBOLIC += [r"\mathrm{net}", r"\mathrm{net}_{1}", r"0.5 \times z"]
NUMERIC = [
    "",
    "0.5",
    r"e^{-1}",
    r"\mathrm{e}^{-1}",
    r"\pi",
    r"\sigma(0.3)",
    r"\operatorname{foo}(1)",
    r"\foo",
]
NUMERIC += [r"\begin{pmatrix} 1 & 2 \end{pmatrix}^T", "(1)^T", "(2)^{T}", r"\text{a}"]
PRINTED = [
    "0.2060",
    "-0.3",
    "(-0.3)",
    r"\left(-0.3\right)",
    r"-4.20 \times 10^{-5}",
    r"2 \cdot 10^3",
    "0{,}5",
]
NOT_PRINTED = ["", "1 + 2", r"2 \times 3", r"\frac{1}{2}", "0.5.", "(1", "z", r"\tanh(1)", r"2 \times 10"]


@pytest.mark.parametrize(("side", "symbolic"), [(s, True) for s in SYMBOLIC] + [(s, False) for s in NUMERIC])
def test_a_side_is_symbolic_only_if_it_names_a_variable(side, symbolic):
    assert is_symbolic(tokenize(side)) == symbolic


@pytest.mark.parametrize(("side", "printed"), [(s, True) for s in PRINTED] + [(s, False) for s in NOT_PRINTED])
def test_a_printed_number_is_told_from_an_expression(side, printed):
    assert is_number(side) == printed


@pytest.mark.parametrize(
    ("typed", "rounding", "printed"),
    [
        ("0.70965", {}, "0.7097"),
        ("0.70965", {"decimals": 4, "ties": "half-even"}, "0.7096"),
        ("0.70975", {"decimals": 4, "ties": "half-even"}, "0.7098"),
        ("-0.70965", {"decimals": 4, "ties": "half-up"}, "-0.7097"),
        ("0", {"decimals": 4}, "0"),
        ("0.0001", {"decimals": 4}, "0.0001"),
        ("0.00012345", {"decimals": 4}, "0.0001"),
        ("0.0000123456", {"decimals": 4}, "0.00001235"),
        ("-0.0000123456", {"decimals": 4}, "-0.00001235"),
        ("0.000099999", {"decimals": 4}, "0.0001"),
        ("0.00123456", {"decimals": 2}, "0.0012"),
        ("0.0123456", {"decimals": 1}, "0.012"),
        ("0.456", {"decimals": 0}, "0.46"),
        ("1.5", {"decimals": 0}, "2"),
        ("2.5", {"decimals": 0, "ties": "half-even"}, "2"),
        ("1234.5678", {"significant": 3}, "1230"),
        ("0.00012345", {"significant": 3}, "0.000123"),
        ("99.96", {"significant": 3}, "100"),
        ("-12.5", {"significant": 2}, "-13"),
        ("-12.5", {"significant": 2, "ties": "half-even"}, "-12"),
        ("1/3", {"significant": 30}, "0." + 30 * "3"),
        ("2/3", {"decimals": 30}, "0." + 29 * "6" + "7"),
        ("1000", {"significant": 1}, "1000"),
        ("1/1024", {"significant": 2}, "0.00098"),
    ],
)
def test_the_rounding_rule(typed, rounding, printed):
    assert round_as_printed(Fraction(typed), rounding) == Fraction(printed)


@pytest.mark.parametrize("exponent", [-20000, -330, -3, -2, -1, 0, 1, 2, 3, 5000])
def test_magnitude_is_right_at_every_power_of_ten(exponent):
    power, hair = Fraction(10) ** exponent, Fraction(999, 1000)
    assert (magnitude(power), magnitude(-power * hair)) == (exponent, exponent - 1)


def test_an_unknown_tie_rule_is_an_error():
    with pytest.raises(ValueError, match="half-up"):
        nearest(Fraction(1), Fraction(1), "half-down")


@given(st.decimals(-1000, 1000, allow_nan=False, places=6), st.integers(0, 5))
def test_rounding_agrees_with_the_decimal_module(typed, decimals):
    for ties, rule in (("half-up", decimal.ROUND_HALF_UP), ("half-even", decimal.ROUND_HALF_EVEN)):
        if abs(typed) >= decimal.Decimal(10) ** -decimals:
            expected = typed.quantize(decimal.Decimal(10) ** -decimals, rounding=rule)
        else:
            expected = decimal.Context(prec=max(2, decimals), rounding=rule).plus(typed)
        assert round_as_printed(Fraction(typed), {"decimals": decimals, "ties": ties}) == Fraction(expected)
