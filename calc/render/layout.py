"""Lines into rows that fit the page: broken before a relation, then before a + or ×. Widths in digits' widths."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from calc.document import Cell, Line, Table
from calc.expr import Call, Cases, Expr, Frac, Name, Neg, Num, Partial, Pow, Prod, Quantity, Sum
from calc.notation import Notation
from calc.render.math import Printer
from calc.symbol import GREEK

RELATION = 2.6  # the width of " = "
GAP = 2.4  # between columns


@dataclass(frozen=True)
class Row:
    """One printed row: the left side in the first row of a line, the relation and pieces, the number in the last."""

    left: str
    right: str
    number: int | None = None


class Ruler:
    """Estimates printed widths, symbols as the notation spells them."""

    def __init__(self, notation: Notation) -> None:
        self.notation = notation
        self._names: dict[str, float] = {}

    def width(self, expr: Expr) -> float:
        """Width in digits, brackets estimated generously."""
        match expr:
            case Name():
                if expr.id not in self._names:
                    self._names[expr.id] = self._name(expr)
                return self._names[expr.id]
            case Partial(of=of, by=by, via=via):
                return 1.5 + max(self.width(of), self.width(by)) + (self.width(via) if via else 0)
            case Num(shown):
                below = len(shown.denominator or "")
                return max(len(shown.digits), below) + (5 if shown.exponent is not None else 0) + 2 * shown.negative
            case Sum(terms):
                return sum(self.width(term) + 2.4 for term in terms) - 2.4
            case Prod(factors, sign):
                gap = {"×": 2.4, "·": 1.6, "": 0.5}[sign]
                return sum(self.width(f) + gap + 1.6 * isinstance(f, Sum) for f in factors) - gap
            case Neg(arg):
                return self.width(arg) + 1.5
            case Frac(num, den):
                return max(self.width(num), self.width(den)) + 1
            case Pow(base, _):
                return self.width(base) + 2.5
            case Call(_, args):
                return 5 + sum(self.width(arg) + 1 for arg in args)
            case Cases():
                return self.width(expr.head)
            case Quantity():
                return 3.0
        raise TypeError(expr)

    def _name(self, name: Name) -> float:
        symbol = self.notation.symbol(name)
        below = 0.75 * len(symbol.sub)
        above = 0.75 * len(symbol.sup) + symbol.primes + (2.5 if symbol.sample is not None else 0)
        base = 1.2 if symbol.base in GREEK else sum(1.8 if c in "mwMW" else 1.2 for c in symbol.base)
        return base + max(above, below) + (1.5 if symbol.delta else 0)


def rows(lines: Sequence[Line], printer: Printer, ruler: Ruler, page: float, relations: dict[str, str]) -> list[Row]:
    """Lay the lines of one derivation out over ``page`` digits' widths, their left sides in one column."""
    column = max(ruler.width(line.left) for line in lines)
    room = page - column
    laid: list[Row] = []
    for line in lines:
        broken = _break(line, printer, ruler, room, relations)
        for i, right in enumerate(broken):
            left = printer.write(line.left) if i == 0 else ""
            laid.append(Row(left, right, line.number if i == len(broken) - 1 else None))
    return laid


def _break(line: Line, printer: Printer, ruler: Ruler, room: float, relations: dict[str, str]) -> list[str]:
    """The right-hand sides as rows; a row that goes on within a side begins with an indent."""
    broken: list[str] = []
    row, used = "", 0.0
    for relation, side in line.sides:
        width = RELATION + ruler.width(side)
        sign = relations[relation]
        if row and used + width > room:
            broken.append(row)
            row, used = "", 0.0
        if width <= room:
            row, used = f"{row} {sign} {printer.write(side)}".strip(), used + width
            continue
        if isinstance(side, Frac):  # a bar cannot be broken
            side = Prod(
                (Frac(Num.of(1), side.den), side.num), "×" if isinstance(side.den, Prod) and side.den.sign else ""
            )
        row, used = sign + " ", RELATION
        for before, text, piece in _pieces(side, printer, ruler, room - 2 * RELATION):
            if used > RELATION and used + piece > room:
                broken.append(row.rstrip())
                row, used, before = relations["indent"], 2 * RELATION, f" {before.strip()} "
            row, used = row + before + text, used + piece
    return [*broken, row.rstrip()]


def _pieces(expr: Expr, printer: Printer, ruler: Ruler, room: float) -> list[tuple[str, str, float]]:
    """What stands before a piece, the piece and their width; pieces too wide for a row are broken in turn."""
    found: list[tuple[str, str, float]] = []
    for before, part, level in printer.pieces(expr):
        bracketed = isinstance(part, Sum | Neg) and level > 0
        width = ruler.width(part) + (2.4 if before else 0) + 1.6 * bracketed
        inner = _pieces(part, printer, ruler, room) if width > room and part is not expr else []
        if len(inner) < 2:
            found.append((before, printer.write(part, level), width))
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
    if sum(widths) <= page or columns < 3:
        return [table]
    groups: list[list[int]] = [[]]
    for i in range(1, columns):
        if groups[-1] and widths[0] + sum(widths[k] for k in groups[-1]) + widths[i] > page:
            groups.append([])
        groups[-1].append(i)

    def pick(row: tuple[Cell, ...], group: list[int]) -> tuple[Cell, ...]:
        return tuple(row[i] for i in (0, *group) if i < len(row))

    return [Table(pick(table.head, group), tuple(pick(row, group) for row in table.rows)) for group in groups]
