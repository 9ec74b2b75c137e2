"""Lines into rows that fit the page: broken before a relation, then before a + or ×. Widths in digits' widths."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from calc.document import Cell, Line, Table, Words
from calc.expr import Call, Cases, Expr, Frac, Neg, Num, Pow, Prod, Sum
from calc.render.math import BRACKETS, PLUS, RELATION, Printer, arguments

GAP = 2.4  # between columns
SHORT_DEN = 8  # of a quotient that is written as 1 over it, times what stands above
LONG = 24  # rows of a table that is set small


class Row(NamedTuple):
    """One printed row: the left side in the first row of a line, the relation and pieces, the number in the last.

    A note stands at the end of the last row of its side.
    """

    left: str
    right: str
    number: int | None = None
    note: Words | None = None


def rows(lines: Sequence[Line], printer: Printer, page: float, relations: dict[str, str]) -> list[Row]:
    """Lay the lines of one derivation out over ``page`` digits' widths, their left sides in one column."""
    lefts = [printer.measure(line.left) for line in lines]
    room = page - max([width for _, width in lefts])
    laid: list[Row] = []
    for line, (text, _) in zip(lines, lefts, strict=True):
        if line.notes:
            for side, note in zip(line.sides, line.notes, strict=True):
                broken = _break(Line(line.left, (side,)), printer, room, relations)
                for i, right in enumerate(broken):
                    first, last = side is line.sides[0] and i == 0, i == len(broken) - 1
                    laid.append(Row(text if first else "", right, None, note if last else None))
            continue
        broken = _break(line, printer, room, relations)
        for i, right in enumerate(broken):
            laid.append(Row(text if i == 0 else "", right, line.number if i == len(broken) - 1 else None))
    return laid


def _break(line: Line, printer: Printer, room: float, relations: dict[str, str]) -> list[str]:
    """The right-hand sides as rows; a row that goes on within a side begins with an indent."""
    broken: list[str] = []
    row, used = "", 0.0
    for relation, side in line.sides:
        text, width = printer.measure(side)
        width += RELATION
        sign = relations[relation]
        if row and (used + width > room or len(row) + len(text) > printer.longest_row):
            broken.append(row)
            row, used = "", 0.0
        if width <= room and len(text) <= printer.longest_row:
            row, used = f"{row} {sign} {text}" if row else f"{sign} {text}", used + width
            continue
        row, used = sign + " ", RELATION
        pieces = _pieces(side, printer, room - 2 * RELATION, opening=True)
        if len(pieces) == 1:  # one operation: a quotient, a function
            pieces = _opened(side, printer, room - 2 * RELATION, False) or pieces
        for before, text, piece in pieces:
            if used > RELATION and (used + piece > room or len(row) + len(text) > printer.longest_row):
                broken.append(row.rstrip())
                gap = printer.times[""].strip()
                if before and before.strip() in ("", gap) and not printer.notation.matrices:  # side by side no more
                    before = printer.times["·"]
                row, used, before = relations["indent"], 2 * RELATION, f" {before.strip()} "
            row, used = row + before + text, used + piece
    return [*broken, row.rstrip()]


def widest(expr: Expr, printer: Printer, room: float) -> float:
    """The widest piece of a side that no row can break."""
    return max(width for _, _, width in _pieces(expr, printer, room))


Piece = tuple[str, str, float]  # what stands before it, the piece, the width of both


def _pieces(expr: Expr, printer: Printer, room: float, opening: bool = False) -> list[Piece]:
    """Terms or factors; such that are too wide for a row are broken in turn.

    Args:
        opening: quotients, powers and functions as well, which are written in a row for that.
    """
    found: list[Piece] = []
    for before, part, level in printer.pieces(expr):
        text, width = printer.measure(part, level)
        bracketed = isinstance(part, Sum | Neg | Prod) and level > 0 and text != printer.write(part)
        width += PLUS * bool(before) + BRACKETS * bracketed
        long = width > room or len(text) > printer.longest_row
        inner = _pieces(part, printer, room, opening) if long and part is not expr else []
        if len(inner) < 2 and long and part is not expr and opening:
            alone = isinstance(expr, Sum | Neg) and not isinstance(part, Sum | Neg)  # −a / b needs no brackets
            inner, bracketed = _opened(part, printer, room, level > 0 and not alone), False
        if len(inner) < 2:
            found.append((before, text, width))
            continue
        if bracketed:
            inner = _within("(", inner, ")")
        sign, first, first_width = inner[0]
        found += [(before + sign, first, first_width), *inner[1:]]
    return found


def _opened(expr: Expr, printer: Printer, room: float, bracketed: bool) -> list[Piece]:
    """One operation that is too wide for a row, in pieces; none where it cannot be broken."""
    if printer.notation.matrices and not isinstance(expr, Frac | Neg):
        return []  # entry by entry, a root and a power are no (…)^n of a matrix
    power = printer.power
    inner = room - 1  # a bracket is closed at the end
    match expr:
        case Frac(num, den) if printer.measure(den)[1] <= SHORT_DEN:
            sign = "×" if isinstance(den, Prod) and den.sign else ""
            found = _pieces(Prod((Frac(Num.of(1), den), num), sign), printer, room, opening=True)
            return _within("(", found, ")") if bracketed else found
        case Frac(num, den):  # neither a bar can be broken nor what stands under it
            found = _pieces(Prod((num, den), "/"), printer, room, opening=True)
            return _within("(", found, ")") if bracketed else found
        case Neg(arg):
            found = _pieces(arg, printer, room, opening=True)
            if isinstance(arg, Sum):
                found = _within("(", found, ")")
            elif len(found) < 2:
                found = _opened(arg, printer, room, False)
            return _within(f"({printer.minus}" if bracketed else printer.minus, found, ")" if bracketed else "")
        case Pow(base, exponent):
            above = str(exponent) if isinstance(exponent, int) else printer.write(exponent)
            return _within("(", _all(base, printer, inner), power(")", above))
        case Cases():
            return _opened(expr.head, printer, room, bracketed)
        case Call("sqrt", (arg,)):
            return _within("(", _all(arg, printer, inner), power(")", printer.write(Frac(Num.of(1), Num.of(2)))))
        case Call("abs", (arg,)):
            return _within("|", _all(arg, printer, inner), "|")
        case Call(function, (_, *_)) if function not in ("sum", "loss"):
            first, *rest = arguments(expr)
            found = [
                ("", f"{printer.function(function)}{printer.applied}(", float(len(function)) + 1),
                *_all(first, printer, inner),
            ]
            for arg in rest:  # a row may end after a comma
                found[-1] = (found[-1][0], found[-1][1] + ", ", found[-1][2] + 1)
                found += _all(arg, printer, inner)
            return _within("", found, ")")
    return []


def _all(expr: Expr, printer: Printer, room: float) -> list[Piece]:
    """An argument in pieces, in one where it is not too wide."""
    text, width = printer.measure(expr)
    if width <= room and len(text) <= printer.longest_row:
        return [("", text, width)]
    found = _pieces(expr, printer, room, opening=True)
    return found if len(found) > 1 else _opened(expr, printer, room, False) or found


def _within(left: str, pieces: list[Piece], right: str) -> list[Piece]:
    """Pieces with something before the first and after the last."""
    if not pieces:
        return []
    before, text, width = pieces[0]
    pieces = [("", left + before + text, width + len(left)), *pieces[1:]]
    before, text, width = pieces[-1]
    return [*pieces[:-1], (before, text + right, width + 1)]


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
