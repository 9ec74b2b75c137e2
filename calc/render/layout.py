"""Lines into rows that fit the page: broken before a relation, then before a + or ×. Widths in digits' widths."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from calc.document import Cell, Line, Table, Words
from calc.expr import Expr, Frac, Neg, Num, Prod, Sum
from calc.render.math import BRACKETS, PLUS, RELATION, Printer

GAP = 2.4  # between columns
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
        if isinstance(side, Frac):  # a bar cannot be broken
            if printer.measure(side.den)[1] + 1 > room:  # nor what stands under it: softmax of many units
                side = Prod((side.num, side.den), "/")
            else:
                sign_of_den = "×" if isinstance(side.den, Prod) and side.den.sign else ""
                side = Prod((Frac(Num.of(1), side.den), side.num), sign_of_den)
        row, used = sign + " ", RELATION
        for before, text, piece in _pieces(side, printer, room - 2 * RELATION):
            if used > RELATION and (used + piece > room or len(row) + len(text) > printer.longest_row):
                broken.append(row.rstrip())
                row, used, before = relations["indent"], 2 * RELATION, f" {before.strip()} "
            row, used = row + before + text, used + piece
    return [*broken, row.rstrip()]


def widest(expr: Expr, printer: Printer, room: float) -> float:
    """The widest piece of a side that no row can break."""
    return max(width for _, _, width in _pieces(expr, printer, room))


def _pieces(expr: Expr, printer: Printer, room: float) -> list[tuple[str, str, float]]:
    """What stands before a piece, the piece and their width; pieces too wide for a row are broken in turn."""
    found: list[tuple[str, str, float]] = []
    for before, part, level in printer.pieces(expr):
        text, width = printer.measure(part, level)
        bracketed = isinstance(part, Sum | Neg | Prod) and level > 0 and text != printer.write(part)
        width += PLUS * bool(before) + BRACKETS * bracketed
        long = width > room or len(text) > printer.longest_row
        inner = _pieces(part, printer, room) if long and part is not expr else []
        if len(inner) < 2:
            found.append((before, text, width))
            continue
        if bracketed:
            (first_sign, first, first_width), (last_sign, last, last_width) = inner[0], inner[-1]
            inner[0], inner[-1] = ("", f"({first_sign}{first}", first_width), (last_sign, f"{last})", last_width)
        sign, first, first_width = inner[0]
        found += [(before + sign, first, first_width), *inner[1:]]
    return found


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
