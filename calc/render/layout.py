"""Lines into rows that fit the page: broken before a relation, then before a + or ×. Widths in digits' widths."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from calc.document import Cell, Line, Table, Words
from calc.expr import Expr, Frac, Neg, Num, Prod, Sum
from calc.render.math import BRACKETS, PLUS, RELATION, Printer
from calc.render.speech import Speech

GAP = 2.4  # between columns
LONG = 24  # rows of a table that is set small
LONGEST_ROW = 850  # characters: some hosts refuse a block of formulas above 1000, and its frame counts too


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
                    laid.append(Row(left if first else "", equation(*right), None, note if last else None))
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
        if row and (used + width > room or len(row) + len(text) > LONGEST_ROW):
            broken.append((row, spoken))
            row, spoken, used = "", "", 0.0
        if width <= room and len(text) <= LONGEST_ROW:
            row, used = f"{row} {sign} {text}" if row else f"{sign} {text}", used + width
            spoken += f", {said} {speech.write(side)}" if speech else ""
            continue
        if isinstance(side, Frac):  # a bar cannot be broken
            if printer.measure(side.den)[1] + 1 > room:  # nor what stands under it: softmax of many units
                side = Prod((side.num, side.den), "/")
            else:
                sign_of_den = "×" if isinstance(side.den, Prod) and side.den.sign else ""
                side = Prod((Frac(Num.of(1), side.den), side.num), sign_of_den)
        row, spoken, used = sign + " ", said, RELATION
        for before, text, piece, words in _pieces(side, printer, room - 2 * RELATION, speech):
            if used > RELATION and (used + piece > room or len(row) + len(text) > LONGEST_ROW):
                broken.append((row.rstrip(), spoken))
                row, spoken, used, before = relations["indent"], "", 2 * RELATION, f" {before.strip()} "
            row, spoken, used = row + before + text, f"{spoken} {words}", used + piece
    return [*broken, (row.rstrip(), spoken)]


def widest(expr: Expr, printer: Printer, room: float) -> float:
    """The widest piece of a side that no row can break."""
    return max(width for _, _, width, _ in _pieces(expr, printer, room, None))


def _pieces(expr: Expr, printer: Printer, room: float, speech: Speech | None) -> list[tuple[str, str, float, str]]:
    """What stands before a piece, the piece, their width and words; pieces too wide for a row are broken in turn."""
    found: list[tuple[str, str, float, str]] = []
    aloud = [said for said, _, _ in speech.pieces(expr)] if speech else None
    for i, (before, part, level) in enumerate(printer.pieces(expr)):
        text, width = printer.measure(part, level)
        bracketed = isinstance(part, Sum | Neg | Prod) and level > 0 and text != printer.write(part)
        width += PLUS * bool(before) + BRACKETS * bracketed
        long = width > room or len(text) > LONGEST_ROW
        said = aloud[i] if aloud else ""
        inner = _pieces(part, printer, room, speech) if long and part is not expr else []
        if len(inner) < 2:
            found.append((before, text, width, said + speech.write(part, level) if speech else ""))
            continue
        if bracketed:
            first_sign, first, first_width, words = inner[0]
            inner[0] = "", f"({first_sign}{first}", first_width, speech.opened(words) if speech else ""
            last_sign, last, last_width, words = inner[-1]
            inner[-1] = last_sign, f"{last})", last_width, speech.closed(words) if speech else ""
        sign, first, first_width, words = inner[0]
        found += [(before + sign, first, first_width, said + words), *inner[1:]]
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
