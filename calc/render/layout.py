"""Lines into rows that fit the page: broken before a relation, then before a + or ×. Widths in digits' widths."""

from collections.abc import Sequence
from dataclasses import dataclass

from calc.document import Line
from calc.expr import Call, Cases, Expr, Frac, Name, Neg, Num, Partial, Pow, Prod, Quantity, Sum
from calc.notation import Notation
from calc.render.math import Printer
from calc.symbol import GREEK

RELATION = 2.6  # the width of " = "


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
        below = 0.7 * len(symbol.sub)
        above = 0.7 * len(symbol.sup) + symbol.primes + (2.5 if symbol.sample is not None else 0)
        base = 1.2 if symbol.base in GREEK else 1.2 * len(symbol.base)
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
        pieces = printer.pieces(side)
        widths = _piece_widths(side, ruler)
        row, used = sign, RELATION
        for (before, text), piece in zip(pieces, widths, strict=True):
            if used > RELATION and used + piece > room:
                broken.append(row)
                row, used = relations["indent"], 2 * RELATION
            row, used = f"{row} {before.strip()} {text}".replace("  ", " "), used + piece
    return [*broken, row]


def _piece_widths(side: Expr, ruler: Ruler) -> list[float]:
    match side:
        case Sum(terms):
            return [ruler.width(term) + 2.4 for term in terms]
        case Prod(factors):
            return [ruler.width(factor) + 2.4 + 1.6 * isinstance(factor, Sum) for factor in factors]
        case Neg(Prod(factors)):
            return [ruler.width(factor) + 3 for factor in factors]
    return [ruler.width(side)]
