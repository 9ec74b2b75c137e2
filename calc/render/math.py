"""Expressions as formulas: where brackets stand and what stands between factors, once for all formats.

A printer per format says how a fraction, a power, a subscript look. Brackets follow the levels below; a negative
number as an operand is always bracketed, as a teacher writes it.
"""

from abc import ABC, abstractmethod
from itertools import pairwise
from typing import ClassVar

from calc.expr import (
    Call,
    Cases,
    Derivative,
    Expr,
    Frac,
    Matrix,
    Name,
    Neg,
    Num,
    Partial,
    Pow,
    Prod,
    Quantity,
    Shape,
    Sum,
    Transposed,
)
from calc.notation import Notation
from calc.number import Shown
from calc.symbol import GREEK, Symbol

# how tightly an expression holds together; an operand that holds less than its place needs is bracketed
ANY, TERM, FACTOR, BASE = 0, 1, 2, 3


RELATION = 2.6  # the width of " = "
PLUS = 2.4
GAPS = {"×": 2.4, "by": 2.4, "·": 1.6, "": 0.5, "∘": 2.4, "⊘": 2.4, "/": 1.6}  # between factors
COLUMN_GAP = 2.0  # between the columns of a matrix
BRACKETS = 1.6

Measured = tuple[str, float]


def arguments(call: Call) -> tuple[Expr, ...]:
    """The arguments of a function; of max(max(x, y), z) all three."""
    first, *rest = call.args
    if call.function in ("max", "min") and isinstance(first, Call) and first.function == call.function:
        return (*arguments(first), *rest)
    return call.args


class Printer(ABC):
    """Writes expressions in one format, and estimates their printed widths, in widths of a digit."""

    functions: ClassVar[dict[str, str]]  # how functions are written that are not written by their name
    times: ClassVar[dict[str, str]]  # what stands between factors: "" side by side, "·", "×"
    differentials: ClassVar[dict[str, str]] = {"d": "d ", "∂": "∂ "}
    minus: ClassVar[str] = "-"
    semicolon: ClassVar[str] = "; "
    longest_row: ClassVar[int] = 850  # characters: some hosts refuse formulas above 1000, and their frame counts too
    applied: ClassVar[str] = ""  # what stands between a function and the matrix it is taken of
    fraction_level: ClassVar[int] = FACTOR  # a fraction with a bar holds together in a product
    over_level: ClassVar[int] = ANY  # what stands over and under a bar needs no brackets
    under_level: ClassVar[int] = ANY

    def __init__(self, notation: Notation) -> None:
        self.notation = notation
        self._names: dict[str, Measured] = {}
        self._formulas: dict[tuple[int, int], tuple[Expr, Measured]] = {}

    def write(self, expr: Expr, needs: int = ANY) -> str:
        """The formula, bracketed if it holds together less than ``needs``."""
        return self.measure(expr, needs)[0]

    def measure(self, expr: Expr, needs: int = ANY) -> Measured:
        """The formula, and its width without the brackets."""
        if isinstance(expr, Num):
            shown = expr.shown
            text, width = self.number(shown), float(len(shown.digits))
            if shown.negative:
                width += 2
            if shown.denominator is not None:
                width = max(width, len(shown.denominator))
            elif shown.exponent is not None:
                width += 5 + 0.8 * len(str(shown.exponent))
            return (self.brackets(text) if needs and needs > self._number_level(shown) else text), width
        if isinstance(expr, Quantity):
            found = self._names.get(expr.id)
            if found is None:
                found = self._names[expr.id] = self._quantity(expr)
            return found
        if isinstance(expr, Sum | Prod):
            key = (id(expr), needs)  # a formula stands in several lines; it is kept, so its id is not used again
            formula = self._formulas.get(key)
            if formula is None:
                text, width = self._join(expr)
                bracketed = needs > (ANY if isinstance(expr, Sum) else FACTOR)
                formula = self._formulas[key] = expr, (self.brackets(text) if bracketed else text, width)
            return formula[1]
        text, width, holds = self._compound(expr)
        return (self.brackets(text) if needs > holds else text), width

    def seen(self, text: str, estimate: float) -> float:
        """The width of what is written, where a format knows it better than by estimate."""
        return estimate

    def _compound(self, expr: Expr) -> tuple[str, float, int]:
        """A formula of one operation, its width, and how tightly it holds together."""
        match expr:
            case Neg(arg):
                text, width = self.measure(arg, self.fraction_level if isinstance(arg, Frac) else FACTOR)
                return f"{self.minus}{text}", width + 1.5, ANY
            case Frac(num, den):
                (over, wide), (under, wider) = self.measure(num, self.over_level), self.measure(den, self.under_level)
                return self.ratio(over, under), max(wide, wider) + 1, self.fraction_level
            case Pow(base, exponent):
                text, width = self.measure(base, BASE)
                if isinstance(base, Quantity) and self._raised(base):
                    text = self.brackets(text)
                above, wide = (str(exponent), 1.0) if isinstance(exponent, int) else self.measure(exponent)
                return self.power(text, above), width + 1.5 + wide, FACTOR
            case Call("loss", (arg,)):
                text, width = self.measure(arg)
                return self.write(self.notation.loss) + self.brackets(text), width + 6, BASE
            case Call("exp", (arg,)):
                text, width = self.measure(arg)
                return self.exponential(text), 0.75 * width + 1.5, FACTOR
            case Call("sqrt", (arg,)):
                text, width = self.measure(arg)
                return self.root(text), width + 3, BASE
            case Call("abs", (arg,)):
                text, width = self.measure(arg)
                return self.size(text), width + 2, BASE
            case Call("sum", (index, arg)):
                text, width = self.measure(arg, FACTOR)
                return f"{self.sum_over(self.write(index))} {text}", width + 4, ANY
            case Derivative(by, of, d):
                sign = self.differentials[d]
                (under, wider), (text, width) = self.measure(by), self.measure(of)
                if isinstance(of, Quantity):
                    return self.ratio(sign + text, sign + under), max(width, wider) + 2, self.fraction_level
                operator = self.ratio(sign.strip(), sign + under)
                return operator + self.brackets(text), wider + 2 + BRACKETS + width, FACTOR
            case Call(function, ()):
                return self.function(function), 2.0, BASE
            case Call(function, (Matrix() as of,)):  # its own brackets serve
                text, width = self.measure(of)
                return self._function(function) + self.applied + text, self._call_width(function) + width, BASE
            case Call(function, args):
                args = arguments(expr)
                parts = [self.measure(arg) for arg in args]
                text = self._function(function) + self.brackets(self._apart().join([text for text, _ in parts]))
                return text, self._call_width(function) + sum([width + 1 for _, width in parts]), BASE
            case Cases():
                return *self.measure(expr.head), BASE
            case Matrix(rows):
                cells = [[self.measure(entry) for entry in row] for row in rows]
                bare = [[2.0 if isinstance(e, Num) and e.shown.negative else 0.0 for e in row] for row in rows]
                widths = [[w - b for (_, w), b in zip(*both, strict=True)] for both in zip(cells, bare, strict=True)]
                columns = [max(column) for column in zip(*widths, strict=True)]
                width = sum(columns) + COLUMN_GAP * len(columns) + 2
                return self.matrix([[text for text, _ in row] for row in cells]), width, BASE
            case Transposed(arg):
                text, width = self.measure(arg, BASE)
                return self.transpose(self.brackets(text) if self._has_exponent(arg) else text), width + 2.5, BASE
            case Shape(height, columns):
                return f"({height} {self.times['×']} {columns})", 6.0 + len(f"{height}{columns}"), BASE
        raise TypeError(expr)

    def _apart(self) -> str:
        """What stands between the arguments of a function: where 0,3 is a number, max(0, 3) could be one too."""
        return ", " if self.notation.decimal == "." else self.semicolon

    def _function(self, name: str) -> str:
        """A function's name; of several formulas of the author's that of one, f_2 or f_2'."""
        bare = name.rstrip("'")
        if bare.startswith("f_"):
            return self.symbol(Symbol("f", bare[2:], primes=len(name) - len(bare)))
        return self.function(name)

    def _call_width(self, function: str) -> float:
        """Of a function's name and its brackets."""
        return 5.0 if function.rstrip("'") in self.functions else max(5.0, 1.0 * len(function))

    def pieces(self, expr: Expr) -> list[tuple[str, Expr, int]]:
        """What a long formula may be broken into: terms with their + or −, factors with their sign.

        Returns:
            What stands before each piece, the piece, and how tightly it must hold together there.
        """
        match expr:
            case Sum(terms):
                parts: list[tuple[str, Expr, int]] = []
                for i, term in enumerate(terms):
                    if isinstance(term, Neg):
                        parts.append((f" {self.minus} " if i else self.minus, term.arg, FACTOR))
                    else:
                        parts.append((" + " if i else "", term, TERM))
                return parts
            case Prod(factors, sign):
                before = ["", *(self._between(a, b, sign) for a, b in pairwise(factors))]
                # a ⊘ (b ∘ c) is not a ⊘ b ∘ c, and a / (b · c) not a / b · c
                levels = [FACTOR, *[BASE if sign in ("⊘", "/") else FACTOR] * (len(factors) - 1)]
                return list(zip(before, factors, levels, strict=True))
            case Neg(Prod() as product):
                (_, first, level), *rest = self.pieces(product)
                return [(self.minus, first, level), *rest]
        return [("", expr, ANY)]

    def _join(self, expr: Sum | Prod) -> Measured:
        text, gap = "", PLUS if isinstance(expr, Sum) else GAPS[expr.sign]
        whole = -gap
        for before, part, level in self.pieces(expr):
            piece, width = self.measure(part, level)
            text += before + piece
            whole += width + gap
            if before.strip() == self.minus:
                whole += 1.5
            elif level == FACTOR and isinstance(part, Sum | Neg):
                whole += BRACKETS
        return text, whole

    def _between(self, before: Expr, after: Expr, sign: str) -> str:
        if sign == "by":  # a shape, whatever stands between numbers
            return f" {self.times['×']} "
        if sign == "×":
            return f" {self.times[self.notation.multiply]} "
        if sign:
            return f" {self.times[sign]} "
        return self.times[""] if isinstance(before, Quantity) and isinstance(after, Quantity) else " "

    def _number_level(self, shown: Shown) -> int:
        if shown.negative:
            return ANY
        if shown.exponent is not None:
            return TERM
        return self.fraction_level if shown.denominator is not None else BASE

    def _has_exponent(self, arg: Expr) -> bool:
        """Whether something stands above a matrix already, so that its transpose needs brackets."""
        if isinstance(arg, Partial):
            own = self.notation.own_symbol(arg)
            return own is None or bool(own.sup or own.sample is not None)
        return isinstance(arg, Quantity) and self._raised(arg)

    def _raised(self, base: Quantity) -> bool:
        """Whether something stands above the base already, so that a power needs brackets."""
        if not isinstance(base, Name):
            return True
        symbol = self.notation.symbol(base)
        return bool(symbol.sup or symbol.primes or symbol.sample is not None)

    def _spell(self, symbol: Symbol) -> Measured:
        below = 0.75 * len(symbol.sub)
        above = 0.75 * len(symbol.sup) + symbol.primes + (2.5 if symbol.sample is not None else 0)
        base = 1.2 if symbol.base in GREEK else sum(1.8 if c in "mwMW" else 1.2 for c in symbol.base)
        return self.symbol(symbol), base + max(above, below) + (1.5 if symbol.delta else 0)

    def _quantity(self, quantity: Quantity) -> Measured:
        """A symbol; or ∂of/∂by, with the path or the sample at a bar."""
        if isinstance(quantity, Name):
            return self._spell(self.notation.symbol(quantity))
        assert isinstance(quantity, Partial), quantity
        own = self.notation.own_symbol(quantity)
        if own is not None:
            return self._spell(own)
        partial = quantity
        if not partial.by.index and self.notation.matrices:  # of whole layers
            slope = self.notation.slope_of(partial)
            if slope is not None:
                return self.measure(Call(slope, (partial.by,)))
            if self.notation.nabla and partial.by.kind in "wb":
                (of, wide), (by, wider) = self.measure(partial.of), self.measure(partial.by)
                return self.nabla(of, by), 2 + wide + 0.75 * wider
        (of, wide), (by, wider) = self.measure(partial.of), self.measure(partial.by)
        at, bar = "", 0.0
        if partial.via is not None:
            at, bar = self.measure(partial.via)
        elif (
            self.notation.marked
            and partial.sample is not None
            and partial.of.sample is None
            and partial.by.sample is None
        ):
            at = f"[{partial.sample}]"
        return self.derivative(of, by, at), 1.5 + max(wide, wider) + bar

    def number(self, shown: Shown) -> str:
        """Printed digits."""
        digits = shown.digits.replace("-", "")
        if "." in digits and self.notation.decimal == ",":
            digits = self.with_comma(*digits.split("."))
        digits = (self.minus if shown.negative else "") + digits
        if shown.denominator is not None:
            sign, size = (self.minus, shown.digits[1:]) if shown.negative else ("", shown.digits)
            return sign + self.ratio(size, shown.denominator)
        if shown.exponent is not None:
            return f"{digits} {self.times[self.notation.multiply]} {self.power('10', str(shown.exponent))}"
        return digits

    def with_comma(self, whole: str, places: str) -> str:
        """A number with a decimal comma."""
        return f"{whole},{places}"

    @abstractmethod
    def ratio(self, num: str, den: str) -> str: ...
    @abstractmethod
    def power(self, base: str, exponent: str) -> str: ...
    @abstractmethod
    def exponential(self, exponent: str) -> str: ...
    @abstractmethod
    def brackets(self, inner: str) -> str: ...
    @abstractmethod
    def function(self, name: str) -> str: ...
    @abstractmethod
    def root(self, of: str) -> str: ...
    @abstractmethod
    def size(self, of: str) -> str: ...
    @abstractmethod
    def sum_over(self, index: str) -> str: ...
    @abstractmethod
    def symbol(self, symbol: Symbol) -> str: ...
    @abstractmethod
    def derivative(self, of: str, by: str, at: str) -> str: ...
    @abstractmethod
    def nabla(self, of: str, by: str) -> str: ...
    @abstractmethod
    def matrix(self, rows: list[list[str]]) -> str: ...
    @abstractmethod
    def transpose(self, base: str) -> str: ...
