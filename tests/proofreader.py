r"""Reads a rendered page as a sceptical reader with a calculator would. Shares no code with `calc`.

page   the Markdown or LaTeX text of a worked solution
claim  one formula line, a left-hand side and everything it is said to equal, e.g.
       z_1 &= w_1 x_1 + b_1 = (-0.3) \times 2 + 1 = 0.4 && \text{(1)}
side   what stands between two relation signs; symbolic (skipped) if a variable name is in it, else numeric
value  what a numeric side comes to: a Fraction as long as the operations allow it, else an mpf of 250 digits

Nothing is skipped silently: a numeric side that cannot be read is a fault, and a line in which nothing could
be compared is listed in `Report.unchecked`.

A matrix too large for its line is read from the table that stands in for it (`stand_ins`), and put into the line.
"""

import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from mpmath import mp
from mpmath.libmp import to_rational
from stand_ins import Answer, Rows, StandIn, answers, stand_ins

MP = mp.clone()  # a context of our own: nobody else's precision matters here
MP.dps = 250  # what 1 + erf(-30) leaves of its digits is still read
Value = Any  # Fraction or MP.mpf; that class is made at run time, so types cannot name it
Rounding = dict[str, Any]  # the problem file's table: decimals or significant, and ties
Sides = dict[str, tuple[Fraction, Fraction, Fraction]]  # a slope below, at and above 0, by the function's name


class Unreadable(Exception):
    """A numeric side that means nothing to a calculator; the message says what is wrong with it."""


@dataclass(frozen=True)
class Claim:
    """One formula line: sides[0] relations[0] sides[1] relations[1] …"""

    number: str | None  # "13" for && \text{(13)} or \tag{13}
    row: str  # the line as it stands in the page, rows joined, without & and number
    sides: list[str]
    relations: list[str]  # one fewer than sides: "=", "\\approx", "<", …
    end: int = 0  # where in the page the display ends in which it ends

    def __str__(self) -> str:
        return f"({self.number}) {self.row}" if self.number else self.row


@dataclass
class Report:
    """What proofreading found; a page is right when `faults` is empty."""

    checked: int = 0  # lines with at least two numeric sides
    values: list[tuple[str, Fraction]] = field(default_factory=list)  # (left-hand side, printed result)
    faults: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)  # "=" where the digits shown only round to what follows
    excused: list[str] = field(default_factory=list)  # lines of which the page says that they cannot be re-computed
    unchecked: list[str] = field(default_factory=list)  # lines with fewer than two numeric sides


TOLD = re.compile(
    r"Lines? (\(.*?): (?:the unit is saturated|the exact results? (?:is|are)|every entry is rounded by itself)"
)


def proofread(
    page: str, rounding: Rounding, relu_at_zero: Fraction = Fraction(0), by_side: Sides | None = None
) -> Report:
    """Evaluate every numeric side of every formula line and compare neighbours as the page rounds.

    Args:
        page: Markdown or LaTeX.
        rounding: `{"decimals": 4}` or `{"significant": 4}`, with `"ties": "half-up" | "half-even"`; carry
            does not matter, since every printed line must re-compute under both policies.
        relu_at_zero: what ReLU'(0) is on this page.
        by_side: what sign(z), LReLU'(z), ELU'(z) and max'(0, z) are on this page for z below, at and above 0, e.g.
            {"lrelu": (Fraction("0.01"), Fraction(0), Fraction(1))}; only what differs from BY_SIDE.
    """
    report = Report()
    by_side = BY_SIDE | {"relu": (Fraction(0), Fraction(relu_at_zero), Fraction(1))} | (by_side or {})
    proofread_text(page, report)
    own = own_functions(page)
    claims = list(with_stand_ins(page, read_lines(page), report))
    for claim in claims:
        proofread_line(claim, rounding, by_side, report, own)
    proofread_shapes(page, claims, report)
    told = {n for said in TOLD.findall(page) for n in re.findall(r"\((\d+)\)", said)}
    report.excused = [fault for fault in report.faults if (n := re.match(r"\((\d+)\)", fault)) and n[1] in told]
    report.faults = [fault for fault in report.faults if fault not in report.excused]
    return report  # a checker of tables goes beside these two: proofread_table(table, rounding, report)


# Reading the page ------------------------------------------------------------------------------------------

DISPLAY = re.compile(
    r"(?<!\\)\$\$(?P<dollars>.*?)(?<!\\)\$\$"
    r"|```math\n(?P<fence>.*?)```"
    r"|\\begin\{(?P<name>(?:align|gather|equation|multline)\*?)\}(?P<body>.*?)\\end\{(?P=name)\}"
    r"|(?<!\\)\\\[(?P<bracket>.*?)(?<!\\)\\\]",
    re.DOTALL,
)
OPENING = re.compile(r"(?<!\\)\$\$|```math|\\begin\{(?:align|gather|equation|multline)|(?<!\\)\\\[")
WRAPPING = re.compile(
    r"\\(?:begin|end)\{(?:aligned|split|gathered)\}|\\(?:short)?intertext\{[^{}]*\}"
    r"|\\(?:notag|nonumber)\b|\\label\{[^{}]*\}"
)
NUMBERED = re.compile(r"\\tag\*?\{\(?([\w.]+)\)?\}|(?:\\q?quad|&|\s)*\\text\{\(([\w.]*\d[\w.]*)\)\}\s*$")
REMARK = re.compile(r"&\s*&\s*\\text\{[^{}]*\}\s*$")
RULE = re.compile(r"&\s*&.*$", re.DOTALL)  # by which an unnumbered row of a derivation follows: words and formulas
NEW_ROW = re.compile(r"^\*?\s*(?:\[-?[\d.]+\s*[a-z]+\])?")  # what may follow \\: *, [4pt]

EQUALITIES = {"=", r"\approx", r"\leftarrow", r"\gets", r"\equiv"}
ORDERS = {"<": operator.lt, r"\lt": operator.lt, ">": operator.gt, r"\gt": operator.gt}
ORDERS |= {r"\le": operator.le, r"\leq": operator.le, r"\ge": operator.ge, r"\geq": operator.ge}
ORDERS |= {r"\ne": operator.ne, r"\neq": operator.ne}
RELATIONS = EQUALITIES | set(ORDERS)

TOKEN = re.compile(
    r"(?P<number>[0-9]+(?:(?:\.|\{,\})[0-9]+)?)"
    r"|\\(?:operatorname\*?|mathrm|mathit|mathbf|mathsf|boldsymbol|text|begin|end)\s*\{[^{}]*\}"
    r"|\\[A-Za-z]+|\\.|\S",
    re.DOTALL,
)
SPACING = {"&", "~", "\\ ", "\\\n", r"\,", r"\;", r"\:", r"\!", r"\quad", r"\qquad"}
SPACING |= {r"\displaystyle", r"\left", r"\right"}
SPACING |= {rf"\{size}{side}" for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r")}


def read_lines(page: str) -> list[Claim]:
    """Every formula line of the page's displays, in order.

    A row that begins with & continues the unnumbered row before it, at the start of a display the last row of
    the display before; after a numbered row it begins a line of its own about the same left-hand side.
    """
    claims: list[Claim] = []
    begun: list[str] = []  # rows of a line that the display before has left without a number
    for end, body in displays(page):
        subject = ""
        for first, (rows, number) in enumerate(lines_of(body)):
            if begun and first == 0 and rows[0].startswith("&"):
                rows, subject = begun + rows, ""
                claims.pop()
            claims.append(replace(claim_of(rows, number, subject), end=end))
            subject = claims[-1].sides[0]
            begun = [] if number else rows
    return claims


def displays(page: str) -> Iterator[tuple[int, str]]:
    """Where each display ends, and what is in it."""
    for found in DISPLAY.finditer(page):
        body = WRAPPING.sub(" ", found["dollars"] or found["fence"] or found["body"] or found["bracket"] or "")
        yield found.end(), MATRIX.sub(matrix_as_tokens, body)


MATRIX = re.compile(
    r"\\begin\{(?P<name>[pb]matrix)\}(?P<cells>.*?)\\end\{(?P=name)\}"
    r"|\\left\(\\begin\{array\}\{[lcr]+\}(?P<array>.*?)\\end\{array\}\\right\)",
    re.DOTALL,
)
NEXT_CELL, NEXT_ROW = r"\nextcell", r"\nextrow"  # marks that no row of a display is taken for


def matrix_as_tokens(found: re.Match[str]) -> str:
    """A matrix whose & and \\\\ cannot be taken for those of the display."""
    cells = (found["cells"] or found["array"]).replace(r"\\", f" {NEXT_ROW} ").replace("&", f" {NEXT_CELL} ")
    return rf"\begin{{pmatrix}}{cells}\end{{pmatrix}}"


def lines_of(body: str) -> Iterator[tuple[list[str], str | None]]:
    """The rows of each line with its number; a new left-hand side ends an unnumbered line."""
    rows: list[str] = []
    for text, number in numbered_rows(body):
        if rows and text and not text.startswith("&"):
            yield rows, None
            rows = []
        rows += [text] if text else []
        if rows and number:
            yield rows, number
            rows = []
    if rows:
        yield rows, None


def numbered_rows(body: str) -> Iterator[tuple[str, str | None]]:
    """The rows of a display and their numbers; the rows of a matrix in it are not rows of the display."""
    for piece in split(body, {r"\\"}, {"{", r"\begin"}, {"}", r"\end"})[0]:
        row = NEW_ROW.sub("", piece)
        number = NUMBERED.search(row)
        text = NUMBERED.sub(" ", row).strip()
        while REMARK.search(text):
            text = REMARK.sub("", text).strip()
        text = text if number else RULE.sub("", text).strip()
        yield text.removeprefix("{}").lstrip(), (number[1] or number[2]) if number else None


def claim_of(rows: list[str], number: str | None, subject: str) -> Claim:
    row = re.sub(r"\s+", " ", re.sub(r"(?<!\\)&", " ", " ".join(rows))).strip()
    if rows[0].startswith("&") and (tokens := tokenize(row)) and tokens[0] in RELATIONS:
        row = f"{subject} {row}"
    # a bracket without its partner must not swallow the relation signs that follow it
    opening, closing = ("([{", ")]}") if brackets_match(row) else ("{", "}")
    sides, relations = split(row, RELATIONS, {*opening, r"\begin"}, {*closing, r"\end"})
    return Claim(number, row, [side.strip() for side in sides], relations)


Tokens = set[str]


def split(text: str, separators: Tokens, opening: Tokens, closing: Tokens) -> tuple[list[str], list[str]]:
    """The pieces of a text between separators that stand outside all brackets, and these separators."""
    pieces, signs, start, depth = [], [], 0, 0
    for found in TOKEN.finditer(text):
        token = found[0].partition("{")[0] or "{"  # \begin of \begin{cases}
        if token in opening:
            depth += 1
        elif token in closing:
            depth = max(0, depth - 1)
        elif depth == 0 and token in separators:
            pieces.append(text[start : found.start()])
            signs.append(token)
            start = found.end()
    return [*pieces, text[start:]], signs


def tokenize(text: str) -> list[str]:
    return [token[0] for token in TOKEN.finditer(text) if token[0] not in SPACING]


# Matrices in tables ----------------------------------------------------------------------------------------

Symbol = tuple[str, ...]  # the tokens of a printed name
NO_STATE = re.compile(r"[Tt]he state is 0(?: before the first update|, as none is given)\.")


def with_stand_ins(page: str, claims: list[Claim], report: Report) -> Iterator[Claim]:
    """The lines of a page, with the matrices that stand in tables where the line has only their names.

    A name is that of a matrix given in a table, of a result printed before, or of an operand for this line; it is
    put in where the line has no numbers to be compared otherwise.
    """
    try:
        found, answered = list(stand_ins(page)), answers(page)
    except (ValueError, LookupError) as reason:
        report.faults.append(f"a table that stands in for a matrix cannot be read: {reason!r}")
        found, answered = [], []
    named = {tuple(tokenize(one.name)): matrix_text(one.rows) for one in found if one.kind == "given"}
    for one in found:
        if one.kind == "worked":
            yield from (claim_of([cell], one.line, one.name) for row in one.rows for cell in row)
            results = [[re.split(r"\\approx|=", cell)[-1].strip() for cell in row] for row in one.rows]
            named[tuple(tokenize(one.name))] = matrix_text(results)
    for one in found if NO_STATE.search(page) else ():  # v of a line before that of v', as where one looks ahead
        before = without_prime(one.name)
        if one.kind in {"result", "answers"} and re.match(r"[vms][_^]", before):
            named.setdefault(tuple(tokenize(before)), nothing_like(matrix_text(one.rows)))
    ends = [*(claim.end for claim in claims), len(page)]
    for claim, next_end in zip(claims, ends[1:], strict=True):
        after = [one for one in found if one.kind in {"result", "answers"} and claim.end <= one.position < next_end]
        if after and claim.relations:
            claim = with_result(claim, after[0], answered, report)
        if after and NO_STATE.search(page) and is_number(claim.sides[-1]):  # v of a line about v'
            named.setdefault(tuple(tokenize(without_prime(claim.sides[0]))), nothing_like(claim.sides[-1]))
        operands = [one for one in found if one.kind == "operand" and one.line == claim.number]
        own = {tuple(tokenize(one.name)): matrix_text(one.rows) for one in operands}
        claim = with_operands(claim, named | own) if found else claim
        if after and sum(not is_symbolic(tokenize(side)) for side in claim.sides) < 2:
            report.faults.append(f"{claim}: the table of its result cannot be compared with anything")
        yield claim
        if re.fullmatch(r"\\begin\{pmatrix\}((?!\\begin).)*\\end\{pmatrix\}", claim.sides[-1]):  # a matrix by itself
            named[tuple(tokenize(claim.sides[0]))] = claim.sides[-1]


def matrix_text(rows: Rows) -> str:
    cells = f" {NEXT_ROW} ".join(f" {NEXT_CELL} ".join(row) for row in rows)
    return rf"\begin{{pmatrix}} {cells} \end{{pmatrix}}"


def without_prime(name: str) -> str:
    return re.sub(r"\\prime|'", "", name).replace("^{}", "")


def nothing_like(matrix: str) -> str:
    """A matrix of zeros of the same shape."""
    height, width = evaluate(tokenize(matrix)).shape
    return matrix_text([["0"] * width] * height)


def with_result(claim: Claim, table: StandIn, answered: list[Answer], report: Report) -> Claim:
    """The line with the table after it as its last side."""
    rows = table.rows if table.kind == "result" else under_answers(claim.sides[0], answered)
    if not rows or (table.kind == "result" and tokenize(table.name) != tokenize(claim.sides[0])):
        report.faults.append(f"{claim}: its result is said to stand in a table, and does not")
        return claim
    return replace(claim, sides=[*claim.sides, matrix_text(rows)], relations=[*claim.relations, r"\approx"])


def under_answers(name: str, answered: list[Answer]) -> Rows:
    """The gradient, the change ΔW or the new value W' of that name; nothing where there is none."""
    symbol = tokenize(name)
    old = tokenize(without_prime(name))
    for one in answered:
        own = tokenize(one.name)
        if symbol == tokenize(one.gradient):
            return one.columns["gradient"]
        if symbol == [r"\Delta", *own]:
            return one.columns["change"]
        if symbol != own and old == own:
            return one.columns["new value"]
    return []


def with_operands(claim: Claim, named: dict[Symbol, str]) -> Claim:
    """The line with numbers for the names in its last formula, where it has not two sides of numbers already."""
    if sum(not is_symbolic(tokenize(side)) for side in claim.sides) >= 2:
        return claim
    formulas = [index for index, side in enumerate(claim.sides) if index and is_symbolic(tokenize(side))]
    for index in formulas[-1:]:
        put_in = substituted(tokenize(claim.sides[index]), named)
        if not is_symbolic(put_in):
            sides = [*claim.sides[:index], " ".join(put_in), *claim.sides[index + 1 :]]
            return replace(claim, sides=sides)
    return claim


def substituted(tokens: list[str], named: dict[Symbol, str]) -> list[str]:
    """The tokens with the matrices of known names, the longest name first: W' before W; not the a of a unit's a_1."""
    longest = sorted(named, key=len, reverse=True)
    found: list[str] = []
    while tokens:
        fitting = (name for name in longest if tuple(tokens[: len(name)]) == name)
        name = next((name for name in fitting if not names_more(tokens[len(name) :])), None)
        found += tokenize(named[name]) if name else tokens[:1]
        tokens = tokens[len(name or " ") :]
    return found


def names_more(after: list[str]) -> bool:
    """Whether an index or a mark [s] goes on with a name; a transpose does not."""
    return after[:1] == ["_"] or (after[:1] == ["^"] and not TRANSPOSE & set(after[1:3]))


# What no page may contain ----------------------------------------------------------------------------------

NOT_A_NUMBER = re.compile(r"(?<![A-Za-z\\])(?:nan|inf)(?![A-Za-z])", re.IGNORECASE)
MINUS = "[-\N{MINUS SIGN}]"
MINUS_ZERO = re.compile(
    rf"(?<![\w.)\]}}]){MINUS}0(?:[.,]|\{{,\}})0+(?!\w)"  # -0.0000
    # -0; but e^{-0} and -0 \times … are how a formula with a minus of its own is substituted
    rf"|(?<![\w.)\]}}])(?<!\^\{{){MINUS}0(?!\w|[.,]\d|\{{,\}}|\s*(?:\\(?:times|cdot|ln|log|left)\b|\(|\^))"
)
SIGNS_AFTER = {"+", "-", r"\times", r"\cdot", "/", r"\div", r"\circ", r"\odot"}
BRACKET = re.compile(
    r"\\(?P<side>left|right)(?![A-Za-z])\s*(?P<delimiter>\\[A-Za-z]+|\\.|.)|\\[A-Za-z]+|\\.|(?P<plain>[()\[\]{}])"
)
PARTNER = {"(": ")", "[": "]", "{": "}"}


def proofread_text(page: str, report: Report) -> None:
    """nan, inf and -0.0000 anywhere in the page, and displays that do not end."""
    for pattern, fault in ((NOT_A_NUMBER, "not a number"), (MINUS_ZERO, "minus zero")):
        for found in pattern.finditer(page):
            report.faults.append(f"{fault}: {found[0]!r} in: {line_around(page, found.start())}")
    for found in OPENING.finditer(rest := DISPLAY.sub(" ", page)):
        report.faults.append(f"a display that does not end: {line_around(rest, found.start())}")


def line_around(page: str, position: int) -> str:
    return page[page.rfind("\n", 0, position) + 1 :].split("\n", 1)[0].strip()


def writing_faults(row: str) -> Iterator[str]:
    """What is wrong with a line before anything is evaluated, symbolic sides included."""
    for before, operation, sign in triples(tokenize(row)):
        if operation in SIGNS_AFTER and sign in {"+", "-"} and before not in {"^", "_"}:
            yield f"a sign follows an operation sign without a bracket: '{operation} {sign}'"
    if found := re.search(r"\d[eE][-+]?\d|\b(?:None|True|False)\b", row):
        yield f"computer notation: {found[0]!r}"


def triples(tokens: list[str]) -> Iterator[tuple[str, str, str]]:
    return zip(["", *tokens], tokens, tokens[1:], strict=False)


def brackets_match(text: str) -> bool:
    r"""True if every ( [ { and \left has its partner; \left and \right take any delimiter, e.g. \right|."""
    expected = []
    for found in BRACKET.finditer(text):
        delimiter = found["delimiter"] or found["plain"]
        if found["side"] == "left" or (found["plain"] and delimiter in PARTNER):
            expected.append((found["side"] and "right", PARTNER.get(delimiter)))
        elif delimiter:
            side, partner = expected.pop() if expected else ("nothing", None)
            if side != found["side"] or (partner not in {None, delimiter} and delimiter in PARTNER.values()):
                return False
    return not expected


# Checking one line -----------------------------------------------------------------------------------------


Own = dict[str, list[str]]  # what a page says of its f(z), f'(z), f_2(z), …: the tokens of the formula
OWN = re.compile(r"\$(f'?(?:_(?:\d|\{\d+\}))?)\(z\) = (.+?)\$(?=[.,)]|\s|$)")


def own_functions(page: str) -> Own:
    return {found[1].replace("{", "").replace("}", ""): tokenize(found[2]) for found in OWN.finditer(page)}


def own_name(tokens: list[str], start: int, own: Own) -> str:
    """The function of the page's own that begins at a token, e.g. f'_2 of f ' _ 2 (; empty where none does."""
    found = re.match(r"f'?(?:_(?:[0-9]+|\{[0-9]+\}))?(?=[(\[]|\\begin)", "".join(tokens[start : start + 7]))
    name = found[0].replace("{", "").replace("}", "") if found else ""
    return name if name in own else ""


def proofread_line(claim: Claim, rounding: Rounding, by_side: Sides, report: Report, own: Own) -> None:
    report.faults += [f"{claim}: {fault}" for fault in writing_faults(claim.row)]
    if not brackets_match(claim.row):
        report.faults.append(f"{claim}: brackets do not match")
        return

    values: dict[int, Value] = {}  # by the index of the side
    for index, side in enumerate(claim.sides):
        if not is_symbolic(tokens := tokenize(side), own):
            try:
                values[index] = exact(evaluate(tokens, by_side, own))
            except Unreadable as reason:
                report.faults.append(f"{claim}: cannot read '{side}': {reason}")

    compared = 0
    for left, right in pairwise(values):
        signs = set(claim.relations[left:right])
        if signs <= EQUALITIES:
            compared += 1
            ends = right == run(right, values, claim.relations)[-1]
            compare(claim, left, right, values, ends and is_number(claim.sides[right]), rounding, report)
        elif len(signs) == 1 and not ORDERS[sign := signs.pop()](values[left], values[right]):
            report.faults.append(f"{claim}: {show(values[left])} {sign} {show(values[right])} is not true")
    if compared:
        report.checked += 1
    else:
        report.unchecked.append(str(claim))

    last = run(0, range(len(claim.sides)), claim.relations)[-1]
    if last in values and last > 0 and is_number(claim.sides[last]):
        report.values += [(claim.sides[0], entry) for entry in entries(values[last])]


def run(start: int, indices: Iterable[int], relations: list[str]) -> list[int]:
    """The sides from `start` on that are said to be equal to it."""
    return [index for index in indices if index >= start and set(relations[start:index]) <= EQUALITIES]


def compare(
    claim: Claim,
    left: int,
    right: int,
    values: dict[int, Value],
    is_result: bool,
    rounding: Rounding,
    report: Report,
) -> None:
    """Rounded as the page says, the left side is the printed result, or what another expression rounds to."""
    if isinstance(values[left], Grid) or isinstance(values[right], Grid):
        compare_grids(claim, left, right, values, is_result, rounding, report)
        return
    comes_to = round_as_printed(values[left], rounding)
    claimed = values[right] if is_result else round_as_printed(values[right], rounding)
    says = f"'{claim.sides[left]}' comes to {show(values[left])}"
    if not says_as_much(values[left], comes_to, claimed):
        other = "the page says" if is_result else f"but '{claim.sides[right]}' to"
        report.faults.append(f"{claim}: {says}, rounded {show(comes_to)}; {other} {show(claimed)}")
    elif r"\approx" not in claim.relations[left:right] and values[left] != values[right]:
        report.loose.append(f"{claim}: {says}, not exactly {show(values[right])}")


NOTHING_ON_A_PAGE = Fraction(10) ** -1000  # what is smaller may be printed as 0


def says_as_much(value: Fraction, comes_to: Fraction, claimed: Fraction) -> bool:
    """Whether the page's number is what the value rounds to, or 0 for next to nothing."""
    return comes_to == claimed or (not claimed and abs(value) < NOTHING_ON_A_PAGE)


def compare_grids(
    claim: Claim,
    left: int,
    right: int,
    values: dict[int, Value],
    is_result: bool,
    rounding: Rounding,
    report: Report,
) -> None:
    """As ``compare``, entry by entry, of two matrices of one shape."""
    shapes = [values[side].shape if isinstance(values[side], Grid) else "a number" for side in (left, right)]
    if shapes[0] != shapes[1]:
        report.faults.append(f"{claim}: {shapes[0]} and {shapes[1]} are said to be equal")
        return
    loose = 0
    for position, (one, other) in enumerate(zip(entries(values[left]), entries(values[right]), strict=True)):
        comes_to, claimed = round_as_printed(one, rounding), other if is_result else round_as_printed(other, rounding)
        if not says_as_much(one, comes_to, claimed):
            place = divmod(position, shapes[0][1])
            says = f"entry {place[0] + 1},{place[1] + 1} comes to {show(one)}, rounded {show(comes_to)}"
            report.faults.append(f"{claim}: {says}; the page says {show(claimed)}")
        loose += one != other
    if r"\approx" not in claim.relations[left:right] and loose:
        report.loose.append(f"{claim}: {loose} entries are not exactly what follows")


SHAPES = re.compile(r"^Shapes: \$(.*?) \\to (\d+) \\times (\d+)\$\.$", re.MULTILINE)
SHAPE = re.compile(r"\((\d+) \\times (\d+)\)")


def proofread_shapes(page: str, claims: list[Claim], report: Report) -> None:
    """(5×3) (3×1) ∘ (5×1) → 5×1 fits together, and is the shape of the result printed above it."""
    for found in SHAPES.finditer(page):
        said = (int(found[2]), int(found[3]))
        try:
            whole: tuple[int, int] | None = None
            for term in found[1].split("+"):
                parts = [[(int(a), int(b)) for a, b in SHAPE.findall(part)] for part in term.split(r"\circ")]
                for part in parts:
                    if any(one[1] != two[0] for one, two in pairwise(part)):
                        raise Unreadable("the factors do not fit")
                comes_to = {(part[0][0], part[-1][1]) for part in parts}
                if len(comes_to) > 1:
                    raise Unreadable("the factors of \\circ differ")
                shape = comes_to.pop()
                if whole is not None and shape not in {whole, (whole[0], 1)}:
                    raise Unreadable("the terms differ")
                whole = whole or shape
            if whole != said:
                raise Unreadable(f"{whole} comes out")
            printed = [claim.sides[-1] for claim in claims if claim.end <= found.start()][-1]
            if is_number(printed) and r"\begin" in printed and evaluate(tokenize(printed)).shape != said:
                raise Unreadable("the matrix above has another shape")
        except Unreadable as reason:
            report.faults.append(f"{found[0]}: {reason}")


def show(value: Fraction) -> str:
    return str(MP.nstr(real(value), 34))  # more than any page prints


def is_number(side: str) -> bool:
    r"""True for a printed number and nothing else: 0.2060, (-0.3), -4.20 \times 10^{-5}."""
    number = r"-?\d+(?:(?:\.|\{,\})\d+)?(?:\\(?:times|cdot)10\^(?:\{-?\d+\}|\d))?"
    matrix = rf"\\begin\{{pmatrix\}}{number}(?:(?:\\nextcell|\\nextrow){number})*\\end\{{pmatrix\}}"
    return re.fullmatch(rf"{number}|\({number}\)|{matrix}", "".join(tokenize(side))) is not None


# Rounding as on paper --------------------------------------------------------------------------------------


def round_as_printed(value: Fraction, rounding: Rounding) -> Fraction:
    """decimals = d: d decimals, below 10**-d max(2, d) significant digits; significant = s: s of them."""
    if value == 0:
        return value
    if "significant" in rounding:
        place = magnitude(value) - rounding["significant"] + 1
    else:
        decimals = rounding.get("decimals", 4)
        is_small = abs(value) < Fraction(10) ** -decimals
        place = magnitude(value) - max(2, decimals) + 1 if is_small else -decimals
    return nearest(value, Fraction(10) ** place, rounding.get("ties", "half-up"))


def magnitude(value: Fraction) -> int:
    """The n with 10**n <= |value| < 10**(n+1), e.g. 0.05 -> -2."""
    size = abs(value)
    bits = size.numerator.bit_length() - size.denominator.bit_length()
    n = math.floor(bits * math.log10(2)) + 1  # never too small, at most 2 too large
    while size < Fraction(10) ** n:
        n -= 1
    return n


def nearest(value: Fraction, unit: Fraction, ties: str) -> Fraction:
    match ties:
        case "half-up":  # away from zero
            return unit * ((abs(value) / unit + Fraction(1, 2)) // 1) * (1 if value > 0 else -1)
        case "half-even":
            return unit * round(value / unit)
    raise ValueError(f"ties = {ties!r}: expected 'half-up' or 'half-even'")


def exact(value: Value) -> Value:
    """The value as a Fraction; of an mpf the ten last of its digits are noise and are rounded away."""
    if isinstance(value, Grid):
        return Grid([[exact(entry) for entry in row] for row in value.rows])
    if isinstance(value, Fraction):
        return value
    return round_as_printed(Fraction(*to_rational(value._mpf_)), {"significant": MP.dps - 10})


# Evaluating one side ---------------------------------------------------------------------------------------

GREEK = (  # pi is a number
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi "
    "psi omega varepsilon vartheta varrho varsigma varphi Gamma Delta Theta Lambda Xi Sigma Upsilon Phi Psi "
    "Omega"
)
VARIABLE = re.compile(
    r"[A-Za-z]|\\(?:mathrm|mathit|mathbf|mathsf|boldsymbol)\s*\{.*\}"
    rf"|\\(?:{GREEK.replace(' ', '|')}|partial|nabla|ell)"
)
FRACTIONS = {r"\frac", r"\tfrac", r"\dfrac"}
CLOSING = {"(": ")", "[": "]", r"\{": r"\}"}
ABSOLUTE = {"|": "|", r"\lvert": r"\rvert", r"\vert": r"\vert"}
EULER = {"e", r"\mathrm{e}"}
NEEDS_NO_SIGN = {*CLOSING, *FRACTIONS, *EULER, r"\lvert", r"\pi", r"\sqrt", r"\begin{pmatrix}"}  # to be multiplied by
TRANSPOSE = {"T", r"\mathrm{T}", r"\mathsf{T}"}


def is_symbolic(tokens: list[str], own: Own = {}) -> bool:
    """True if a variable name is in it. No names: the e of e^{…}, functions, and the T of a transpose.

    The e of e^{[1]}_1 is one: the error of sample 1.
    """
    if any(tokens[i] in EULER and tokens[i + 1 : i + 4] == ["^", "{", "["] for i in range(len(tokens))):
        return True
    padded = ["", "", *tokens, ""]
    for i, (*before, token, after) in enumerate(zip(padded, padded[1:], tokens, padded[3:], strict=False)):
        if own_name(tokens, i, own):
            continue
        is_euler = token in EULER and after == "^"
        is_function = function_name(token) and after in {*CLOSING, "'", "^", r"\begin{pmatrix}"}
        is_transpose = token in TRANSPOSE and "^" in (before[1], before[0] if before[1] == "{" else "")
        if VARIABLE.fullmatch(token) and not (is_euler or is_function or is_transpose):
            return True
    return False


def function_name(token: str) -> str | None:
    found = re.fullmatch(r"\\(?:(?:operatorname\*?|mathrm)\s*\{(\w+)\}|([a-z]+))", token)
    name = (found[1] or found[2]).lower() if found else None
    return name if name in FUNCTIONS or name in OF_MATRICES else None


@dataclass
class Grid:
    """A printed matrix."""

    rows: list[list[Value]]

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows), len(self.rows[0])

    def each(self, operation: Callable[[Value], Value]) -> "Grid":
        return Grid([[operation(entry) for entry in row] for row in self.rows])

    def __neg__(self) -> "Grid":
        return self.each(operator.neg)


def entries(value: Value) -> list[Value]:
    return [entry for row in value.rows for entry in row] if isinstance(value, Grid) else [value]


def entry_by_entry(operation: Callable[[Value, Value], Value], a: Value, b: Value, stretch: bool = False) -> Value:
    """Of two matrices of one shape, or of a matrix and a number; ``stretch``: a column counts for every column."""
    if not isinstance(a, Grid) and not isinstance(b, Grid):
        return operation(a, b)
    if not isinstance(a, Grid):
        return b.each(lambda entry: operation(a, entry))
    if not isinstance(b, Grid):
        return a.each(lambda entry: operation(entry, b))
    b = widened(b, a) if stretch else b
    if a.shape != b.shape:
        raise Unreadable(f"matrices of shapes {a.shape} and {b.shape} entry by entry")
    pairs = zip(a.rows, b.rows, strict=True)
    return Grid([[operation(x, y) for x, y in zip(*rows, strict=True)] for rows in pairs])


def widened(column: Value, beside: Value) -> Value:
    """A column, counted for every column of the matrix beside it: biases in a sum, a mask before what it multiplies."""
    if not isinstance(column, Grid) or not isinstance(beside, Grid) or column.shape != (beside.shape[0], 1):
        return column
    return Grid([row * beside.shape[1] for row in column.rows])


def each(operation: Callable[[Value], Value], value: Value) -> Value:
    return value.each(operation) if isinstance(value, Grid) else operation(value)


def times(a: Value, b: Value) -> Value:
    """Side by side: the product of matrices, or of numbers."""
    if not isinstance(a, Grid) or not isinstance(b, Grid):
        return entry_by_entry(multiplied, a, b)
    if a.shape[1] != b.shape[0]:
        raise Unreadable(f"a product of matrices of shapes {a.shape} and {b.shape}")
    columns = [list(column) for column in zip(*b.rows, strict=True)]
    return Grid([[total(multiplied(x, y) for x, y in zip(row, c, strict=True)) for c in columns] for row in a.rows])


def multiplied(a: Value, b: Value) -> Value:
    return apply(operator.mul, a, b)


def total(values: Iterable[Value]) -> Value:
    whole: Value = Fraction(0)
    for value in values:
        whole = apply(operator.add, whole, value)
    return whole


def softmax(z: Grid) -> Grid:
    """Of each column."""
    powers = [[exp(entry) for entry in column] for column in zip(*z.rows, strict=True)]
    columns = [[divide(power, total(column)) for power in column] for column in powers]
    return Grid([list(row) for row in zip(*columns, strict=True)])


def diagonal(column: Grid) -> Grid:
    size = range(len(column.rows))
    return Grid([[column.rows[i][0] if i == j else Fraction(0) for j in size] for i in size])


OF_MATRICES: dict[str, Callable[[Grid], Grid]] = {
    "softmax": softmax,
    "rowsum": lambda grid: Grid([[total(row)] for row in grid.rows]),
    "diag": diagonal,
}


def real(value: Value) -> Value:
    return MP.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value


def apply(operation: Callable[..., Value], *values: Value) -> Value:
    """Exact if all operands are."""
    if not all(isinstance(value, Fraction) for value in values):
        values = tuple(real(value) for value in values)
    return operation(*values)


HUGE = 10_000  # exponents above it are no longer worked out exactly


def divide(a: Value, b: Value) -> Value:
    if b == 0:
        raise Unreadable("division by zero")
    return apply(operator.truediv, a, b)


def power(base: Value, exponent: Value) -> Value:
    if base == 0 and exponent < 0:
        raise Unreadable("division by zero")
    is_whole = isinstance(exponent, Fraction) and exponent.denominator == 1 and abs(exponent) < HUGE
    if isinstance(base, Fraction) and is_whole:
        return base ** int(exponent)
    return finite(MP.power(real(base), real(exponent)))


def root(value: Value) -> Value:
    found = finite(MP.sqrt(real(value)))
    return rational if isinstance(value, Fraction) and (rational := exact(found)) ** 2 == value else found


def finite(value: object) -> Value:
    if not isinstance(value, MP.mpf) or not MP.isfinite(value):
        raise Unreadable("its value is no real number")
    if value and not -10_000 * HUGE < MP.mag(value) < 10 * HUGE:
        raise Unreadable("its value is beyond any page")
    return value


def known_at(function: Callable[..., Value], known: dict[Value, int]) -> Callable[[Value], Value]:
    """The function, exact where its value is rational, e.g. exp at 0."""

    def evaluated(value: Value) -> Value:
        if isinstance(value, Fraction) and value in known:
            return Fraction(known[value])
        return finite(function(real(value)))

    return evaluated


NOTHING, ONE = Fraction(0), Fraction(1)
# at a kink by convention; below 0 a page works ELU' out
BY_SIDE: Sides = {
    "sign": (-ONE, NOTHING, ONE),
    "sgn": (-ONE, NOTHING, ONE),
    "step": (NOTHING, ONE, ONE),
    "relu": (NOTHING, NOTHING, ONE),
    "lrelu": (Fraction("0.01"), NOTHING, ONE),
    "elu": (ONE, ONE, ONE),  # the first its alpha
    "max": (NOTHING, NOTHING, ONE),
}


def on_its_side(sides: tuple[Fraction, Fraction, Fraction], value: Value) -> Fraction:
    return sides[(value > 0) - (value < 0) + 1]


def unknown(name: str) -> Value:
    raise Unreadable(f"{name} is not known")


def faded(z: Value) -> Value:
    """e^z, or nothing where the 1 that stands beside it is all that is left, e.g. 1 + e^{-150000}."""
    return MP.exp(z) if z > -5 * HUGE else MP.mpf(0)


def normal(z: Value) -> Value:
    """(1 + erf(z/√2)) / 2, with erfc, which keeps its digits where z is very negative."""
    if z < 0 and z * z > 10 * HUGE:
        return MP.mpf(0)  # as far as any page goes, like ``faded``
    return MP.erfc(-z / MP.sqrt(2)) / 2


exp, tanh, ln = known_at(faded, {0: 1}), known_at(MP.tanh, {0: 0}), known_at(MP.log, {1: 0})
FUNCTIONS: dict[str, Callable[..., Value]] = {
    "exp": exp,
    "ln": ln,
    "log": ln,  # natural, as everywhere in the field
    "tanh": tanh,
    "sinh": known_at(MP.sinh, {0: 0}),
    "cosh": known_at(MP.cosh, {0: 1}),
    "sin": known_at(MP.sin, {0: 0}),
    "cos": known_at(MP.cos, {0: 1}),
    "erf": known_at(MP.erf, {0: 0}),
    # below 0 as e^z / (1 + e^z): no power is beyond any page
    "sigma": lambda z: divide(ONE if z >= 0 else exp(z), apply(operator.add, ONE, exp(-abs(z)))),
    "relu": lambda z: max(z, Fraction(0), key=exact),
    "lrelu": lambda z: unknown("LReLU"),  # hang on their alpha
    "elu": lambda z: unknown("ELU"),
    # ln(1 + e^z) as max(z, 0) + ln(1 + e^(-|z|)): no power is beyond any page
    "softplus": lambda z: apply(operator.add, max(z, Fraction(0), key=exact), MP.log1p(real(exp(-abs(z))))),
    "silu": lambda z: multiplied(z, FUNCTIONS["sigma"](z)),
    "gelu": lambda z: multiplied(z, normal(real(z))),
    "bipolarsigmoid": lambda z: apply(lambda s: 2 * s - 1, FUNCTIONS["sigma"](z)),
    "sign": lambda z: on_its_side(BY_SIDE["sign"], z),  # where no convention for 0 is known
    "sgn": lambda z: on_its_side(BY_SIDE["sgn"], z),
    "step": lambda z: on_its_side(BY_SIDE["step"], z),
    "h": lambda z: on_its_side(BY_SIDE["step"], z) if z else unknown("H(0)"),
    "max": lambda *values: max(values, key=exact),
    "min": lambda *values: min(values, key=exact),
}


def evaluate(tokens: list[str], by_side: Sides = BY_SIDE, own: Own = {}) -> Value:
    """What a numeric side comes to.

    Raises:
        Unreadable: it is not a formula of numbers, or has no value.
    """
    reader = Reader(tokens, by_side, own)
    value = reader.sum()
    if reader.next():
        raise Unreadable(f"{reader.next()!r} was not expected")
    if isinstance(value, MP.mpf) and abs(value) < MP.mpf(10) ** -200 and MP.dps < FARTHEST:
        with MP.workdps(FARTHEST):  # what 1 + erf(-50) leaves stands far behind the point
            return evaluate(tokens, by_side, own)
    return value


FARTHEST = 5000


class Reader:
    r"""Recursive descent, evaluating as it reads.

    sum      = [-] product {(+ | -) product}
    product  = power {[\times | \cdot | /] power}   without a sign only before NEEDS_NO_SIGN or a call
    power    = atom [^ exponent]
    atom     = number | (sum) | {sum} | |sum| | \frac{sum}{sum} | \sqrt{sum} | e^exponent | \pi | call
    call     = function ['] [^ exponent] (sum {(, | ;) sum})   or before a bare atom, e.g. \ln 0.5
    exponent = digit | {sum}
    """

    def __init__(self, tokens: list[str], by_side: Sides, own: Own = {}, z: Value = None):
        self.tokens, self.position, self.by_side, self.own, self.z = tokens, 0, by_side, own, z

    def next(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self, *expected: str) -> str:
        token = self.next()
        if not token or (expected and token not in expected):
            raise Unreadable(f"{token or 'the end'!r} found, {' or '.join(expected) or 'a number'} expected")
        self.position += 1
        return token

    def accept(self, *tokens: str) -> str:
        return self.take() if self.next() in tokens and self.next() else ""

    def sum(self) -> Value:
        value = -self.product() if self.accept("-") else self.product()
        while token := self.accept("+", "-"):
            operation = operator.add if token == "+" else operator.sub
            value = entry_by_entry(lambda a, b, f=operation: apply(f, a, b), value, self.product(), stretch=True)
        return value

    def product(self) -> Value:
        value = self.side_by_side()
        while True:
            if self.accept(r"\times", r"\cdot", r"\circ"):
                after = self.side_by_side()
                value = entry_by_entry(multiplied, widened(value, after), after)
            elif self.accept("/", r"\div", r"\oslash"):
                value = entry_by_entry(divide, value, self.side_by_side())
            else:
                return value

    def side_by_side(self) -> Value:
        value = self.power()
        while self.next() in NEEDS_NO_SIGN or function_name(self.next()) or (self.next() == "z" and self.z is not None):
            value = times(value, self.power())
        return value

    def power(self) -> Value:
        if self.accept("-"):  # \times -0.3: reported by writing_faults, read all the same
            return -self.power()
        value = self.atom()
        if not self.accept("^"):
            return value
        if isinstance(value, Grid):
            return self.transposed(value)
        return power(value, self.exponent())

    def transposed(self, value: Grid) -> Grid:
        self.take("{")
        self.take(*TRANSPOSE)
        self.take("}")
        return Grid([list(row) for row in zip(*value.rows, strict=True)])

    def matrix(self) -> Grid:
        rows: list[list[Value]] = [[]]
        token = ""
        while token != r"\end{pmatrix}":
            rows[-1].append(self.sum())
            token = self.take(NEXT_CELL, NEXT_ROW, r"\end{pmatrix}")
            rows += [[]] if token == NEXT_ROW else []
        if len({len(row) for row in rows}) > 1:
            raise Unreadable("a matrix with rows of different lengths")
        return Grid(rows)

    def exponent(self) -> Value:
        token = self.take()
        if token == "{":
            value = self.sum()
            self.take("}")
        elif re.fullmatch(r"[0-9]", token):
            value = Fraction(token)
        elif token == "z" and self.z is not None:
            value = self.z
        else:
            raise Unreadable(f"the exponent {token!r} needs braces")
        return value

    def atom(self) -> Value:
        if name := own_name(self.tokens, self.position, self.own):
            return self.of_own(name)
        token = self.take()
        if token == "z" and self.z is not None:
            return self.z
        if token[0] in "0123456789":
            return Fraction(token.replace("{,}", "."))
        if token in CLOSING or token == "{":
            return self.until(CLOSING.get(token, "}"))
        if token == r"\begin{pmatrix}":
            return self.matrix()
        if token in ABSOLUTE:
            return each(abs, self.until(ABSOLUTE[token]))
        if token in FRACTIONS:
            return entry_by_entry(divide, self.group(), self.group())
        if token == r"\sqrt":
            return each(root, self.group())
        if token in EULER:
            self.take("^")
            return exp(self.exponent())
        if token == r"\pi":
            return +MP.pi
        if name := function_name(token):
            return self.call(name)
        raise Unreadable(f"{token!r} is not known")

    def of_own(self, name: str) -> Value:
        """A function whose formula the page says, of a number or of every entry of a matrix."""
        while self.next() not in {*CLOSING, r"\begin{pmatrix}"}:
            self.take()
        return each(lambda z: Reader(self.own[name], self.by_side, self.own, z).sum(), self.atom())

    def until(self, closing: str) -> Value:
        value = self.sum()
        self.take(closing)
        return value

    def group(self) -> Value:
        self.take("{")
        return self.until("}")

    def call(self, name: str) -> Value:
        primed = self.accept("'")
        exponent = self.exponent() if self.accept("^") else Fraction(1)
        if opening := self.accept(*CLOSING):
            arguments = [self.sum()]
            while self.accept(",", ";"):
                arguments.append(self.sum())
            self.take(CLOSING[opening])
        else:  # \ln 0.5
            arguments = [self.atom()]
            if self.next() == "^":
                raise Unreadable("a power of an argument without brackets")
        if len(arguments) > 1 and name not in {"max", "min"}:
            raise Unreadable(f"{name} of {len(arguments)} numbers")
        if isinstance(last := arguments[-1], Grid):
            if name in OF_MATRICES and not primed:
                return OF_MATRICES[name](last)
            if name in {"lrelu", "elu"} and not primed:  # of a number they are worked, never printed
                return last.each(lambda z: self.bent(name, z))
            return last.each(lambda entry: self.value(name, primed, [*arguments[:-1], entry], exponent))
        return self.value(name, primed, arguments, exponent)

    def bent(self, name: str, z: Value) -> Value:
        """LReLU(z) or ELU(z) with the alpha of this page."""
        bend = z if name == "lrelu" else apply(operator.sub, exp(z), ONE)
        return z if z >= 0 else multiplied(self.by_side[name][0], bend)

    def value(self, name: str, primed: str, arguments: list[Value], exponent: Value) -> Value:
        if name in {"sign", "sgn"} and not primed:
            return power(on_its_side(self.by_side[name], *arguments), exponent)
        return power(self.slope(name, arguments) if primed else FUNCTIONS[name](*arguments), exponent)

    def slope(self, name: str, arguments: list[Value]) -> Value:
        """f'(z) of the functions that are written so on a page; max'(0, z) is that of max by z."""
        *others, z = arguments
        match name:
            case "tanh":
                return apply(lambda a: 1 - a * a, tanh(z))
            case "gelu":
                x = real(z)
                return normal(x) + x * MP.exp(-x * x / 2) / MP.sqrt(2 * MP.pi)
            case "sigma":
                return apply(lambda a: a * (1 - a), FUNCTIONS["sigma"](z))
            case "elu" if z < 0:
                raise Unreadable("ELU' below 0 hangs on its alpha")
            case "relu" | "lrelu" | "elu" | "max" if others == [Fraction(0)] * (name == "max"):
                return on_its_side(self.by_side[name], z)
        raise Unreadable(f"{name}' is not known")
