"""Expressions as formulas: where brackets stand and what stands between factors, once for all formats.

A printer per format says how a fraction, a power, a subscript look. Brackets follow the levels below; a negative
number as an operand is always bracketed, as a teacher writes it.
"""

from abc import ABC, abstractmethod
from itertools import pairwise
from typing import ClassVar

from calc.expr import Call, Cases, Expr, Frac, Name, Neg, Num, Partial, Pow, Prod, Quantity, Sum
from calc.notation import Notation
from calc.number import Shown
from calc.symbol import Symbol

# how tightly an expression holds together; an operand that holds less than its place needs is bracketed
ANY, TERM, FACTOR, BASE = 0, 1, 2, 3


class Printer(ABC):
    """Writes expressions in one format."""

    times: ClassVar[dict[str, str]]  # what stands between factors: "" side by side, "·", "×"
    minus: ClassVar[str] = "-"
    fraction_level: ClassVar[int] = FACTOR  # a fraction with a bar holds together in a product

    def __init__(self, notation: Notation) -> None:
        self.notation = notation
        self._names: dict[str, str] = {}

    def write(self, expr: Expr, needs: int = ANY) -> str:
        """The formula, bracketed if it holds together less than ``needs``."""
        match expr:
            case Name():
                return self.name(expr)
            case Partial():
                return self.partial(expr)
            case Num(shown):
                return self._bracket(self.number(shown), needs > self._number_level(shown))
            case Sum():
                return self._bracket(self._join(expr), needs > ANY)
            case Prod():
                return self._bracket(self._join(expr), needs > FACTOR)
            case Neg(arg):
                return self._bracket(f"{self.minus}{self.write(arg, FACTOR)}", needs > ANY)
            case Frac(num, den):
                return self._bracket(self.fraction(num, den), needs > self.fraction_level)
            case Pow(base, exponent):
                text = self._bracket(self.write(base, BASE), isinstance(base, Quantity) and self._raised(base))
                return self._bracket(self.power(text, str(exponent)), needs > FACTOR)
            case Call("exp", (arg,)):
                return self._bracket(self.exponential(self.write(arg)), needs > FACTOR)
            case Call("loss", (arg,)):
                return self.name(Name("E")) + self.brackets(self.write(arg))
            case Call("sqrt", (arg,)):
                return self.root(self.write(arg))
            case Call("abs", (arg,)):
                return self.size(self.write(arg))
            case Call(function, ()):
                return self.function(function)
            case Call(function, args):
                return self.function(function) + self.brackets(", ".join(self.write(arg) for arg in args))
            case Cases():
                return self.write(expr.head)
        raise TypeError(expr)

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
                return [(sign, factor, FACTOR) for sign, factor in zip(before, factors, strict=True)]
            case Neg(Prod() as product):
                (_, first, level), *rest = self.pieces(product)
                return [(self.minus, first, level), *rest]
        return [("", expr, ANY)]

    def _join(self, expr: Expr) -> str:
        return "".join(before + self.write(part, level) for before, part, level in self.pieces(expr))

    def _between(self, before: Expr, after: Expr, sign: str) -> str:
        if sign == "×":
            return f" {self.times[self.notation.multiply]} "
        if sign == "·":
            return f" {self.times['·']} "
        return self.times[""] if isinstance(before, Quantity) and isinstance(after, Quantity) else " "

    def _bracket(self, text: str, needed: bool) -> str:
        return self.brackets(text) if needed else text

    def _number_level(self, shown: Shown) -> int:
        if shown.negative:
            return ANY
        if shown.exponent is not None:
            return TERM
        return self.fraction_level if shown.denominator is not None else BASE

    def _raised(self, base: Quantity) -> bool:
        """Whether something stands above the base already, so that a power needs brackets."""
        if not isinstance(base, Name):
            return True
        symbol = self.notation.symbol(base)
        return bool(symbol.sup or symbol.primes or symbol.sample is not None)

    def name(self, name: Name) -> str:
        """The symbol of a quantity."""
        text = self._names.get(name.id)
        if text is None:
            text = self._names[name.id] = self.symbol(self.notation.symbol(name))
        return text

    def partial(self, partial: Partial) -> str:
        """∂of/∂by, with the path or the sample at a bar."""
        own = self.notation.own_symbol(partial)
        if own is not None:
            return self.symbol(own)
        of, by = self.name(partial.of), self.name(partial.by)
        if partial.via is not None:
            return self.derivative(of, by, self.name(partial.via))
        if partial.sample is not None and partial.of.sample is None and partial.by.sample is None:
            return self.derivative(of, by, f"[{partial.sample}]")
        return self.derivative(of, by, "")

    def number(self, shown: Shown) -> str:
        """Printed digits."""
        digits = shown.digits.replace("-", self.minus)
        if shown.denominator is not None:
            sign, size = (self.minus, shown.digits[1:]) if shown.negative else ("", shown.digits)
            return sign + self.ratio(size, shown.denominator)
        if shown.exponent is not None:
            return f"{digits} {self.times[self.notation.multiply]} {self.power('10', str(shown.exponent))}"
        return digits

    def fraction(self, num: Expr, den: Expr) -> str:
        """num over den."""
        return self.ratio(self.write(num), self.write(den))

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
    def symbol(self, symbol: Symbol) -> str: ...
    @abstractmethod
    def derivative(self, of: str, by: str, at: str) -> str: ...
