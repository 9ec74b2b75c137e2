"""Answers: the numbers that somebody worked by hand, by the ids of the quantities, from a file or from Python.

written   a number as it was typed: 0.3770 is 377/1000 to four decimals, half a unit of its last place 1/20000
sheet     what one student answered; a CSV file or a Markdown table may hold several, a column each
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from flint import fmpq

from calc.answer_files import Row, Table, read_table
from calc.errors import Fault, ProblemError, short
from calc.expr import Quantity
from calc.fields import Typed, kind_of, unknown
from calc.notation import bare, notation_of
from calc.problem import MOST_FAULTS, Problem
from calc.render.text import Text

# --- a number as somebody wrote it -----------------------------------------------------------------------------------

LONGEST = 250  # characters of an answer
LARGEST_POWER = 1000  # of ten, up or down: what lies below counts as 0 everywhere in calc


@dataclass(frozen=True, slots=True)
class Written:
    """A number as somebody wrote it.

    text         as typed
    value        exactly what was typed: 0.3775 = 151/400, 12.5 % = 1/8
    half         half a unit of the last place: 1/20000 of 0.3775, 1/2000 of 12.5 %; 0 of a fraction
    decimals     the unit of the last place is 10^-decimals: 4 of 0.3775, 6 of 1.20e-4, -2 of 1.2e3; 0 of a fraction
    significant  how many significant digits were written, at least 1: 4 of 0.3770, 1 of 0
    exact        whether it is a fraction, which stands for itself and no interval around it
    """

    text: str
    value: fmpq
    half: fmpq
    decimals: int
    significant: int
    exact: bool


_SIGNS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2010": "-", "\u2011": "-", "\ufe63": "-", "\uff0d": "-"})
_RAISED = str.maketrans("⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹", "-+0123456789")
_POWER = re.compile(
    r"""(?:[eE](?P<e>[+-]?[0-9]+)                                   # 1.2e-4
    |\s*(?P<times>\\times|\\cdot|[·⋅∙×*xX])?\s*10(?:                # 1.2·10^-4, 10^-4
        \s*(?:\^|\*\*)\s*(?P<up>[+-]?[0-9]+|\{[+-]?[0-9]+\}|\([+-]?[0-9]+\))|(?P<raised>[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)))?""",
    re.VERBOSE,
)
_DECIMAL = re.compile(r"([0-9]{1,3}(?:\s[0-9]{3})+|[0-9]*)(?:([.,])([0-9]{3}(?:\s[0-9]{3})*\s[0-9]{1,3}|[0-9]*))?")
_FRACTION = re.compile(r"([0-9]+)\s*[/⁄]\s*([0-9]+)")
_PLAIN = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]+))?")
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}")
WANTED = "a number needed, e.g. 0.3775, -2, 1.2e-4, 1.2·10^-4, 3/8 or 12.5 %"


def read_number(text: str, decimal: str = ".") -> Written:
    """Read a number as people write it.

    Point and comma are both decimal signs; 1,234 alone is refused where the ``decimal`` sign of the exercise is the
    point, since it may be a thousand. Groups of three digits may be parted by a space.

    e.g. 0.3770, +.5, −2, 1 234.5, 1.20e-4, 1,2·10^-4, 1.2×10⁻⁴, 1.2*10**-4, 10^-4, 12.5 %, -3/8

    Raises:
        ValueError: no such number, or too long; the message says what was found and what to write.
    """
    if len(text) > LONGEST:  # before any work whose time grows with the length
        raise ValueError(f"a text of {len(text)} characters found, {WANTED}")
    typed = text.strip()
    simple = _PLAIN.fullmatch(typed)  # nearly every one
    if simple:
        sign, whole, places = simple.groups("")
        return _written(typed, sign == "-", whole, places, 0, 0)
    rest = typed.translate(_SIGNS)
    negative = rest.startswith("-")
    rest = rest[rest.startswith(("-", "+")) :].lstrip()
    fraction = _FRACTION.fullmatch(rest)
    if fraction:
        over, under = int(fraction[1]), int(fraction[2])
        if under == 0:
            raise ValueError(f'"{short(typed)}" divides by 0. Write a denominator other than 0')
        value = fmpq(-over if negative else over, under)
        return Written(typed, value, fmpq(0), 0, max(1, len(fraction[1].lstrip("0"))), True)
    percent = rest.endswith("%")
    rest = rest.removesuffix("%").rstrip() if percent else rest
    number = _DECIMAL.match(rest)
    power = _POWER.fullmatch(rest, number.end() if number else 0)
    if number is None or power is None:
        bare_power = _POWER.fullmatch(rest)  # 10^-4, whose 10 is no mantissa
        if bare_power is None or bare_power["e"] or bare_power["times"]:
            raise ValueError(f"{kind_of(typed)} found, {WANTED}")
        digits, sign, places, power = "1", "", "", bare_power
    else:
        digits, sign, places = (part or "" for part in number.groups())
        if not digits and not places:
            raise ValueError(f"{kind_of(typed)} found, {WANTED}")
        if number.end() < len(rest) and not power["e"] and not power["times"]:  # 3 10^2
            raise ValueError(f"{kind_of(typed)} found, {WANTED}")
    if sign == "," and decimal == "." and _THOUSANDS.fullmatch(number[0] if number else ""):
        whole, _, after = rest.partition(",")
        raise ValueError(f'"{short(typed)}" may be {whole}.{after} or {whole}{after}. Write one of these')
    exponent = power["e"] or power["up"] or (power["raised"] or "0").translate(_RAISED)
    exponent = exponent.strip("{}()")
    if len(exponent) > 6 or abs(int(exponent)) > LARGEST_POWER:
        raise ValueError(
            f'"{short(typed)}" is out of range. Write a number from 1e-{LARGEST_POWER} to 1e{LARGEST_POWER}'
        )
    digits, places = re.sub(r"\s", "", digits), re.sub(r"\s", "", places)
    return _written(typed, negative, digits, places, int(exponent), 2 if percent else 0)


def _written(text: str, negative: bool, whole: str, places: str, exponent: int, hundredths: int) -> Written:
    """Digits before and after the sign, times ten to the exponent, in percent where ``hundredths`` is 2."""
    digits = whole + places
    decimals = len(places) - exponent + hundredths
    unit = fmpq(1, 10**decimals) if decimals >= 0 else fmpq(10**-decimals)
    value = int(digits) * unit
    return Written(text, -value if negative else value, unit / 2, decimals, max(1, len(digits.lstrip("0"))), False)


# --- sheets ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What stands for one quantity: its id, with ``#k`` at the end in update k > 1; nothing where it is left blank."""

    id: str
    written: Written | None
    where: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One student's answers in the file's order, each id once; ``student`` is "" where the file names nobody."""

    student: str
    answers: tuple[Answer, ...]


Quantities = Sequence[Mapping[str, Quantity]]


def read_answers(source: Path | str, problem: Problem, quantities: Quantities) -> tuple[Sheet, ...]:
    """Read an answer file; ``-`` reads TOML from standard input.

    Args:
        source: the file; its suffix says what it is.
        problem: in whose notation the quantities may be named.
        quantities: what may be answered, by id: a mapping for each update, in the order of the steps.
    Raises:
        ProblemError: the file cannot be read, or what it says is wrong; every fault is listed.
    """
    table = read_table(source)
    return _sheets(table, problem, quantities)


def sheet_of(answers: Mapping[str, object], problem: Problem, quantities: Quantities) -> Sheet:
    """Answers from Python: numbers by their repr, texts as in a file, None where nothing was answered.

    e.g. {"z1_1": "0.3775", "dE/dw1_1_1": 0.01}

    Raises:
        ProblemError: as ``read_answers``.
    """
    rows = [Row("", str(name), (answer,)) for name, answer in answers.items()]
    if not rows:
        raise ProblemError("answers", [Fault("", "no answer found. Write one for each quantity")])
    (sheet,) = _sheets(Table("answers", ("",), rows), problem, quantities)
    return sheet


def _sheets(table: Table, problem: Problem, quantities: Quantities) -> tuple[Sheet, ...]:
    find, decimal = _Finder(problem, quantities), problem.notation.decimal
    answers: list[list[Answer]] = [[] for _ in table.students]
    first: dict[str, str] = {}  # where each quantity stands
    faults: list[Fault] = []
    for row in table.rows:
        if len(faults) > MOST_FAULTS:
            break
        named = short(row.name)
        try:
            id = find(row.name)
        except ValueError as error:
            faults.append(Fault(row.where, str(error)))
            continue
        if id in first:
            at = f" ({first[id]})" if first[id] else ""
            faults.append(Fault(row.where or named, f"{id} stands here and before{at}. Remove one of the two"))
            continue
        first[id] = row.where or named
        for student, own, cell in zip(table.students, answers, row.cells, strict=True):
            where = ", column ".join(part for part in (row.where or named, short(student)) if part)
            try:
                own.append(Answer(id, _read(cell, decimal), where))
            except ValueError as error:
                faults.append(Fault(where, f"{id}: {error}" if row.where else str(error)))
    if faults:
        faults[MOST_FAULTS:] = [Fault("", "and more. Mend these first")] if len(faults) > MOST_FAULTS else []
        raise ProblemError(table.source, faults)
    return tuple(Sheet(student, tuple(own)) for student, own in zip(table.students, answers, strict=True))


def _read(cell: object, decimal: str) -> Written | None:
    """A cell's number; None where it is left blank."""
    if hasattr(cell, "tolist"):  # a number of NumPy's; as a float it would show digits that one of 32 bits has not
        typed, cell = str(cell), cell.tolist()
        if isinstance(cell, float) and re.fullmatch("-?[0-9].*", typed):
            cell = Decimal(typed)
    match cell:
        case None:
            return None
        case str():
            return None if cell.strip() in ("", "?") else read_number(cell, decimal)
        case Typed():
            return read_number(cell.text.replace("_", ""), ".")
        case bool():
            raise ValueError(f"{str(cell).lower()} found, {WANTED}")
        case int() if cell.bit_length() > 4 * LONGEST:
            raise ValueError(f"a huge number found, {WANTED}")
        case float():
            return read_number(float.__repr__(cell), ".")
        case Fraction():
            return read_number(f"{cell.numerator}/{cell.denominator}")
        case int() | Decimal():
            return read_number(str(cell), ".")
    raise ValueError(f"{kind_of(cell)} found, {WANTED}")


_PRIMES = str.maketrans("′’", "''")  # as a text editor turns them


class _Finder:
    """Which quantity is meant: by id, else by its printed name; ``#k`` at the end says in which update."""

    def __init__(self, problem: Problem, quantities: Quantities) -> None:
        self.problem, self.quantities = problem, quantities
        self._printed: dict[int, dict[str, list[Quantity]]] = {}

    def __call__(self, name: str) -> str:
        """The canonical id.

        Raises:
            ValueError: there is none, or several fit; the message says which.
        """
        text, update = name.strip().translate(_PRIMES), 1
        stem, mark, number = text.rpartition("#")
        if mark and re.fullmatch("[0-9]{1,9}", number):
            text, update = stem.rstrip(), int(number)
            if not 1 <= update <= len(self.quantities):
                last = len(self.quantities)
                told = f"1 to {last} are the updates" if last > 1 else "there is one update"
                raise ValueError(f'"{short(name)}": update {update} found, {told}. Mend what follows the #')
        end = f"#{update}" if update > 1 else ""
        if text in self.quantities[update - 1]:
            return text + end
        fits = self._by_print(update).get(bare(text[:100]), [])
        if len(fits) > 1:
            ids = ", ".join(quantity.id for quantity in fits[:8])
            raise ValueError(f'"{short(name)}" is ambiguous: it may be {ids}. Name it by its id')
        if not fits:
            raise ValueError(self._unknown(text, update))
        return fits[0].id + end

    def _by_print(self, update: int) -> dict[str, list[Quantity]]:
        """The quantities of an update by their printed names; the whole where the only sample's part prints alike."""
        if update not in self._printed:
            names = printed_names(self.problem, self.quantities[update - 1])
            found: dict[str, list[Quantity]] = {}
            for id, name in names.items():
                found.setdefault(bare(name), []).append(self.quantities[update - 1][id])
            for name, fits in found.items():
                stems = {quantity.id.partition("@")[0] for quantity in fits}
                if len(fits) > 1 and len(stems) == 1:
                    found[name] = [one for one in fits if "@" not in one.id] or fits
            self._printed[update] = found
        return self._printed[update]

    def _unknown(self, text: str, update: int) -> str:
        ids = self.quantities[update - 1]
        others = [k for k, known in enumerate(self.quantities, 1) if text in known]
        if others:
            end = f"#{others[0]}" if others[0] > 1 else ""
            return (
                f'"{short(text)}" is no quantity of update {update}. Write {text}{end} for that of update {others[0]}'
            )
        listed = [*list(ids)[:6], *(["…"] if len(ids) > 6 else []), "or as printed"]
        return unknown(text, ids, listed)


def printed_names(problem: Problem, quantities: Mapping[str, Quantity]) -> dict[str, str]:
    """How a page in plain text spells each quantity: z⁽¹⁾₂, ∂E/∂w⁽²⁾₁₁, w₅."""
    printer = Text().formulas(notation_of(problem))
    return {id: printer.write(quantity) for id, quantity in quantities.items()}
