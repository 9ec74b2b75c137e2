"""Lines into rows that fit the page: broken before a relation, then before a + or ×. Widths in digits' widths."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from calc.document import Cell, Line, Table, Words
from calc.expr import Call, Cases, Expr, Frac, Neg, Num, Pow, Prod, Sum, quantities
from calc.render.math import BRACKETS, PLUS, RELATION, Printer, arguments
from calc.render.speech import Speech

GAP = 2.4  # between columns
SHORT_DEN = 8  # of a quotient that is written as 1 over it, times what stands above
LONG = 24  # rows of a table that is set small
_OPERAND = "\0"  # stands for it where its words are not yet known


class Row(NamedTuple):
    """One printed row: the left side in the first row of a line, the relation and pieces, the number in the last.

    A note stands at the end of the last row of its side.
    """

    left: str
    right: str
    number: int | None = None
    note: Words | None = None


def _as_written(formula: str, spoken: str) -> str:
    return formula


def rows(
    lines: Sequence[Line],
    printer: Printer,
    page: float,
    relations: dict[str, str],
    speech: Speech | None = None,
    equation: Callable[[str, str], str] = _as_written,
) -> list[Row]:
    """Lay the lines of one derivation out over ``page`` digits' widths, their left sides in one column.

    Args:
        equation: what stands in a row, of its formula and the words in which ``speech`` reads it.
    """
    lefts = [printer.measure(line.left) for line in lines]
    room = page - max([width for _, width in lefts])
    laid: list[Row] = []
    for line, (text, _) in zip(lines, lefts, strict=True):
        left = equation(text, speech.write(line.left) if speech else "")
        if line.notes:
            for side, note in zip(line.sides, line.notes, strict=True):
                broken = _break(Line(line.left, (side,)), printer, room, relations, speech)
                for i, right in enumerate(broken):
                    first, last = side is line.sides[0] and i == 0, i == len(broken) - 1
                    number = line.number if last and side is line.sides[-1] else None
                    laid.append(Row(left if first else "", equation(*right), number, note if last else None))
            continue
        broken = _break(line, printer, room, relations, speech)
        for i, right in enumerate(broken):
            laid.append(Row(left if i == 0 else "", equation(*right), line.number if i == len(broken) - 1 else None))
    return laid


def _break(
    line: Line, printer: Printer, room: float, relations: dict[str, str], speech: Speech | None
) -> list[tuple[str, str]]:
    """The right-hand sides as rows, each with its words; a row that goes on within a side begins with an indent."""
    broken: list[tuple[str, str]] = []
    row, spoken, used = "", "", 0.0
    for relation, side in line.sides:
        text, width = printer.measure(side)
        width += RELATION
        sign, said = relations[relation], speech.relation(relation) if speech else ""
        if row and (used + width > room or len(row) + len(text) > printer.longest_row):
            broken.append((row, spoken))
            row, spoken, used = "", "", 0.0
        if width <= room and len(text) <= printer.longest_row:
            row, used = f"{row} {sign} {text}" if row else f"{sign} {text}", used + width
            spoken += f", {said} {speech.write(side)}" if speech else ""
            continue
        row, spoken, used = sign + " ", said, RELATION
        pieces = _pieces(side, printer, room - 2 * RELATION, speech, opening=True)
        if len(pieces) == 1:  # one operation: a quotient, a function
            pieces = _opened(side, printer, room - 2 * RELATION, speech, False) or pieces
        for before, text, estimate, words in pieces:
            piece = printer.seen(before + text, estimate)
            if used > RELATION and (used + piece > room or len(row) + len(text) > printer.longest_row):
                broken.append((row.rstrip(), spoken))
                gap = printer.times[""].strip()
                if before and before.strip() in ("", gap) and not printer.notation.matrices:  # side by side no more
                    before = printer.times["·"]
                row, spoken, used, before = relations["indent"], "", 2 * RELATION, f" {before.strip()} "
            row, spoken, used = row + before + text, f"{spoken} {words}", used + piece
    return [*broken, (row.rstrip(), spoken)]


def widest(expr: Expr, printer: Printer, room: float) -> float:
    """The widest piece of a side that no row can break."""
    return max(width for _, _, width, _ in _pieces(expr, printer, room, None))


Piece = tuple[str, str, float, str]  # what stands before it, the piece, the width of both, both in words


def _pieces(expr: Expr, printer: Printer, room: float, speech: Speech | None, opening: bool = False) -> list[Piece]:
    """Terms or factors; such that are too wide for a row are broken in turn.

    Args:
        opening: quotients, powers and functions as well, which are written in a row for that.
    """
    found: list[Piece] = []
    aloud = [said for said, _, _ in speech.pieces(expr)] if speech else None
    for i, (before, part, level) in enumerate(printer.pieces(expr)):
        text, width = printer.measure(part, level)
        bracketed = isinstance(part, Sum | Neg | Prod) and level > 0 and text != printer.write(part)
        width += PLUS * bool(before) + BRACKETS * bracketed
        long = width > room or len(text) > printer.longest_row
        said = aloud[i] if aloud else ""
        inner = _pieces(part, printer, room, speech, opening) if long and part is not expr else []
        if len(inner) < 2 and long and part is not expr and opening:
            alone = isinstance(expr, Sum | Neg) and not isinstance(part, Sum | Neg)  # −a / b needs no brackets
            inner, bracketed = _opened(part, printer, room, speech, level > 0 and not alone), False
        if len(inner) < 2:
            found.append((before, text, width, said + speech.write(part, level) if speech else ""))
            continue
        if bracketed:
            inner = _bracketed(inner, speech)
        sign, first, first_width, words = inner[0]
        found += [(before + sign, first, first_width, said + words), *inner[1:]]
    return found


def _opened(expr: Expr, printer: Printer, room: float, speech: Speech | None, bracketed: bool) -> list[Piece]:
    """One operation that is too wide for a row, in pieces; none where it cannot be broken."""
    if printer.notation.matrices and not isinstance(expr, Frac | Neg):
        return []  # entry by entry, a root and a power are no (…)^n of a matrix
    inner = room - 1  # a bracket is closed at the end
    match expr:
        case Frac(num, den) if printer.measure(den)[1] <= SHORT_DEN:
            first = num.factors[0] if isinstance(num, Prod) else num
            # between numbers a cross, before a number a point, which would else be read as part of the fraction
            sign = "×" if not quantities(expr) else "·" if isinstance(first, Num) else ""
            found = _pieces(Prod((Frac(Num.of(1), den), num), sign), printer, room, speech, opening=True)
            return _bracketed(found, speech) if bracketed else found
        case Frac(num, den):  # neither a bar can be broken nor what stands under it
            found = _pieces(Prod((num, den), "/"), printer, room, speech, opening=True)
            return _bracketed(found, speech) if bracketed else found
        case Neg(arg):
            found = _pieces(arg, printer, room, speech, opening=True)
            if isinstance(arg, Sum):
                found = _bracketed(found, speech)
            elif len(found) < 2:
                found = _opened(arg, printer, room, speech, False)
            found = _within(printer.minus, found, "", _around(speech, Speech.negated))
            return _bracketed(found, speech) if bracketed else found
        case Pow(base, exponent):
            above = str(exponent) if isinstance(exponent, int) else printer.write(exponent)
            words = _around(speech, lambda speech, said: speech.raised(speech.brackets(said), exponent))
            return _within("(", _all(base, printer, inner, speech), printer.power(")", above), words)
        case Cases():
            return _opened(expr.head, printer, room, speech, bracketed)
        case Call("sqrt", (arg,)):
            return _opened(Pow(arg, Frac(Num.of(1), Num.of(2))), printer, room, speech, bracketed)
        case Call("abs", (arg,)):
            words = _around(speech, lambda speech, said: speech.size(speech.brackets(said)))
            return _within("|", _all(arg, printer, inner, speech), "|", words)
        case Call(function, (_, *_)) if function not in ("sum", "loss"):
            before, after = _around(speech, lambda speech, said: speech.of(function, speech.brackets(said)))
            args = arguments(expr)
            commas = speech.commas(len(args)) if speech else [""] * len(args)
            found = [("", f"{printer.function(function)}{printer.applied}(", float(len(function)) + 1, before)]
            for i, arg in enumerate(args):  # a row may end after a comma
                if i:
                    found[-1] = (found[-1][0], found[-1][1] + ", ", found[-1][2] + 1, found[-1][3])
                found += _within("", _all(arg, printer, inner, speech), "", (commas[i], ""))
            return _within("", found, ")", ("", after))
    return []


def _all(expr: Expr, printer: Printer, room: float, speech: Speech | None) -> list[Piece]:
    """An argument in pieces, in one where it is not too wide."""
    text, width = printer.measure(expr)
    if width <= room and len(text) <= printer.longest_row:
        return [("", text, width, speech.write(expr) if speech else "")]
    found = _pieces(expr, printer, room, speech, opening=True)
    return found if len(found) > 1 else _opened(expr, printer, room, speech, False) or found


def _bracketed(pieces: list[Piece], speech: Speech | None) -> list[Piece]:
    return _within("(", pieces, ")", _around(speech, Speech.brackets))


def _around(speech: Speech | None, say: Callable[[Speech, str], str]) -> tuple[str, str]:
    """What is said before and after an operand that goes on over several rows."""
    before, _, after = say(speech, _OPERAND).partition(_OPERAND) if speech else ("", "", "")
    return before, after


def _within(left: str, pieces: list[Piece], right: str, words: tuple[str, str]) -> list[Piece]:
    """Pieces with something before the first and after the last, in the formula and in words."""
    if not pieces:
        return []
    before, text, width, said = pieces[0]
    pieces = [("", left + before + text, width + len(left), words[0] + said), *pieces[1:]]
    before, text, width, said = pieces[-1]
    return [*pieces[:-1], (before, text + right, width + len(right[:1]), said + words[1])]


def split(table: Table, page: float, width: Callable[[Cell], float]) -> list[Table]:
    """A table as tables that fit the page side by side, the first column repeated in each."""
    grid = [table.head, *table.rows] if table.head else list(table.rows)
    columns = max(len(row) for row in grid)
    widths = [max(width(row[i]) + GAP for row in grid if i < len(row)) for i in range(columns)]
    if not table.head or sum(widths) - GAP <= page or columns < 3:
        return [table]
    for parts in range(2, columns):  # as few tables as fit, of about equally many columns
        size = -(-(columns - 1) // parts)
        groups = [range(start, min(start + size, columns)) for start in range(1, columns, size)]
        if all(widths[0] + sum(widths[i] for i in group) <= page for group in groups):
            break

    def pick(row: tuple[Cell, ...], group: Sequence[int]) -> tuple[Cell, ...]:
        return tuple(row[i] for i in (0, *group) if i < len(row))

    return [Table(pick(table.head, group), tuple(pick(row, group) for row in table.rows)) for group in groups]


def cut(table: Table, most: int) -> list[Table]:
    """A table as tables of about equally many rows, at most so many, the head repeated in each."""
    size = -(-len(table.rows) // -(-len(table.rows) // most))
    return [Table(table.head, table.rows[start : start + size]) for start in range(0, len(table.rows), size)]


def fold(table: Table, page: float, width: Callable[[Cell], float]) -> Table:
    """A long narrow table with two or three of its rows beside one another, to be read line by line."""
    if not table.head:
        return table
    grid = [table.head, *table.rows]
    widths = [max(width(row[i]) + GAP for row in grid) for i in range(len(table.head))]
    beside = min(3, int((page + GAP) / (sum(widths) + GAP)))
    if beside < 2:
        return table
    rows: list[tuple[Cell, ...]] = []
    for start in range(0, len(table.rows), beside):
        row: tuple[Cell, ...] = ()
        for part in table.rows[start : start + beside]:
            row = (*row, None, *part) if row else part
        rows.append(row)
    head = table.head
    for _ in range(beside - 1):
        head = (*head, None, *table.head)
    return Table(head, tuple(row + (None,) * (len(head) - len(row)) for row in rows))
