"""Formulas as they are read aloud: what a screen reader says of an equation on a page.

∂E/∂w₅ = −0.29    partial E by partial w five equals minus zero point two nine

Its words come from the wording file, so that it speaks the language of the page. What a listener could group in two
ways is told apart: parentheses are spoken, and a long fraction, power or matrix says where it ends.
"""

import re
from collections.abc import Mapping

from calc.document import Line
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
    Pow,
    Quantity,
    Shape,
    Transposed,
)
from calc.notation import Notation
from calc.number import Shown
from calc.render.math import ANY, BASE, FACTOR, TERM, Measured, Printer, arguments
from calc.symbol import GREEK, Symbol

_RELATIONS = {"=": "equals", "≈": "about", "→": "goes_to"}
_SIGNS = {
    "+": "plus", "-": "minus", "": "times", "·": "times", "×": "times", "∘": "entrywise", "⊘": "divided_entrywise",
    "/": "divided",
}  # fmt: skip
_TOKEN = re.compile(r"[A-Za-z]+|\d+|\S")


class Speech(Printer):
    """Words in the language of ``said``, the wording's sentences by key; those used are in its table ``spoken``."""

    fraction_level = TERM

    def __init__(self, notation: Notation, said: Mapping[str, str]) -> None:
        super().__init__(notation)
        self.said = said
        self.digits = said["spoken.digits"].split()
        self.signs = {sign: f" {said[f'spoken.{key}']} " for sign, key in _SIGNS.items()}
        self.signs["by"] = re.sub(r"\{\w+\}", "", said["spoken.shape"])  # 4 × 5, as of a Shape

    def relation(self, sign: str) -> str:
        """What stands between two sides; nothing before a row that goes on."""
        return self.said[f"spoken.{_RELATIONS[sign]}"] if sign in _RELATIONS else ""

    def line(self, line: Line) -> str:
        """A whole line: left equals side equals side."""
        sides = ", ".join(f"{self.relation(sign)} {self.write(side)}" for sign, side in line.sides)
        return f"{self.write(line.left)} {sides}"

    def _say(self, key: str, **places: str) -> str:
        said = self.said[f"spoken.{key}"]
        for place, words in places.items():
            said = said.replace(f"{{{place}}}", words)
        return said

    # --- numbers -----------------------------------------------------------------------------------------------------

    def measure(self, expr: Expr, needs: int = ANY) -> Measured:
        """As of any printer; a negative operand has a word of its own, since "plus minus" would be ±."""
        if isinstance(expr, Num) and needs and expr.shown.negative:
            said = f"{self.said['spoken.negative']} {self._size(expr.shown)}"
            return (self.brackets(said) if needs > self._number_level(expr.shown) else said), 0.0
        return super().measure(expr, needs)

    def number(self, shown: Shown) -> str:
        said = self._size(shown)
        return self.negated(said) if shown.negative else said

    def _size(self, shown: Shown) -> str:
        """A number without its sign."""
        whole, point, places = shown.digits.lstrip("-").partition(".")
        said = self._whole(whole)
        if point:
            said = f"{said} {self.said['spoken.point']} {' '.join([self.digits[int(digit)] for digit in places])}"
        if shown.denominator is not None:
            said = self.said["spoken.half"] if _is_half(shown) else self.ratio(said, self._whole(shown.denominator))
        elif shown.exponent is not None:
            exponent = self.number(Shown(str(shown.exponent)))
            said = f"{said}{self.signs['×']}{self._say('power', base=self._whole('10'), exponent=exponent)}"
        return said

    def _whole(self, digits: str) -> str:
        """A whole number: in words as far as the wording has them, else in digits, which every reader can say."""
        return self.digits[int(digits)] if len(digits) < 3 and int(digits) < len(self.digits) else digits

    def negated(self, said: str) -> str:
        """Minus what is in words already."""
        return f"{self.said['spoken.minus']} {said}"

    def _number_level(self, shown: Shown) -> int:
        if shown.denominator is not None and not _is_half(shown):
            return TERM
        return FACTOR if shown.negative or shown.exponent is not None else BASE  # "times minus two" needs no brackets

    # --- operations --------------------------------------------------------------------------------------------------

    def pieces(self, expr: Expr) -> list[tuple[str, Expr, int]]:
        """As of any printer, with a word between two pieces."""
        return [
            (self.signs.get(before.strip(), before) if before else "", part, level)
            for before, part, level in super().pieces(expr)
        ]

    def _between(self, before: Expr, after: Expr, sign: str) -> str:
        return self.signs[sign]

    def _compound(self, expr: Expr) -> tuple[str, float, int]:
        text, holds = self._operation(expr)
        return text, 0.0, holds

    def _operation(self, expr: Expr) -> tuple[str, int]:
        """The words of one operation, and how tightly they hold together."""
        match expr:
            case Neg(arg):
                said = self.write(arg, TERM if isinstance(arg, Frac) else FACTOR)
                return self.negated(said), FACTOR if _is_short(arg) else ANY
            case Frac(Num(num), Num(den)) if (str(num), str(den)) == ("1", "2"):
                return self.said["spoken.half"], BASE
            case Frac(num, den):
                if _is_short(num) and _is_short(den):
                    return self.ratio(self.write(num), self.write(den)), TERM
                return self._say("fraction", num=self.write(num), den=self.write(den)), BASE
            case Pow(base, exponent):
                return self._power(base, exponent), FACTOR
            case Call("exp", (arg,)):
                key = "power" if _is_short(arg) else "long_power"
                return self._say(key, base="e", exponent=self.write(arg)), FACTOR
            case Call("loss", (arg,)):
                return self._say("of", function=self.write(self.notation.loss), argument=self._argument(arg)), BASE
            case Call("sqrt", (arg,)):
                return self.root(self._argument(arg)), BASE
            case Call("abs", (arg,)):
                return self.size(self._argument(arg)), BASE
            case Call("sum", (index, arg)):
                return f"{self.sum_over(self.write(index))} {self.write(arg, FACTOR)}", ANY
            case Derivative(by, of, d):
                key = "" if d == "d" else "partial_"
                if isinstance(of, Quantity):
                    return self._say(f"{key}derivative", of=self.write(of), by=self.write(by)), BASE
                return self._say(f"{key}derivative_of", of=self.write(of, BASE), by=self.write(by)), FACTOR
            case Call(function, ()):
                return self.function(function), BASE
            case Call(function, (arg,)):
                return self.of(function, self._argument(arg)), BASE
            case Call(function, args):
                args = arguments(expr)
                several = [comma + self._argument(arg) for comma, arg in zip(self.commas(len(args)), args, strict=True)]
                return self.of(function, "".join(several)), ANY
            case Cases():
                return self.write(expr.head), BASE
            case Matrix(rows):
                return self.matrix([[self.write(entry) for entry in row] for row in rows]), BASE
            case Transposed(arg):
                return self.transpose(self.write(arg, BASE)), BASE
            case Shape(rows, columns):
                return self._say("shape", rows=self._whole(str(rows)), columns=self._whole(str(columns))), BASE
        raise TypeError(expr)

    def _argument(self, arg: Expr) -> str:
        """What a function is taken of: in parentheses, unless it is a number or a name."""
        return self.write(arg, ANY if _is_short(arg) else BASE)

    def _power(self, base: Expr, exponent: int | Expr) -> str:
        said = self.write(base, BASE)
        if isinstance(base, Call | Transposed) or (isinstance(base, Quantity) and self._raised(base)):
            said += ","  # z of layer two, squared: not the layer
        return self.raised(said, exponent)

    def raised(self, base: str, exponent: int | Expr) -> str:
        """A power of what is in words already."""
        if exponent in (2, 3):
            return self._say("squared" if exponent == 2 else "cubed", base=base)
        if isinstance(exponent, int):
            return self.power(base, self._whole(str(exponent)))
        return self._say("power" if _is_short(exponent) else "long_power", base=base, exponent=self.write(exponent))

    def of(self, function: str, argument: str) -> str:
        """A function of what is in words already."""
        return self._say("of", function=self._function(function), argument=argument)

    def commas(self, count: int) -> list[str]:
        """What is said before each of several arguments."""
        return ["", *[self.said["list.comma"]] * (count - 2), self.said["list.and"]][:count]

    def ratio(self, num: str, den: str) -> str:
        return self._say("over", num=num, den=den)

    def power(self, base: str, exponent: str) -> str:
        return self._say("power", base=base, exponent=exponent)

    def exponential(self, exponent: str) -> str:
        return self.power("e", exponent)

    def brackets(self, inner: str) -> str:
        return f"{self.said['spoken.open']} {inner} {self.said['spoken.close']}"

    def function(self, name: str) -> str:
        bare = name.rstrip("'")
        return self.said.get(f"spoken_function.{bare}", bare) + self._primes(len(name) - len(bare))

    def root(self, of: str) -> str:
        return self._say("root", of=of)

    def size(self, of: str) -> str:
        return self._say("size", of=of)

    def sum_over(self, index: str) -> str:
        return self._say("sum_over", index=index)

    def matrix(self, rows: list[list[str]]) -> str:
        height, width = self._whole(str(len(rows))), self._whole(str(len(rows[0])))
        if len(rows) == 1 or len(rows[0]) == 1:
            entries = ", ".join(entry for row in rows for entry in row)
            return self._say("row" if len(rows) == 1 else "column", entries=entries)
        said = [
            self._say("matrix_row", row=self._whole(str(i)), entries=", ".join(row)) for i, row in enumerate(rows, 1)
        ]
        return self._say("matrix", rows=height, columns=width, entries="; ".join(said))

    def transpose(self, base: str) -> str:
        return self._say("transposed", matrix=base)

    # --- quantities --------------------------------------------------------------------------------------------------

    def symbol(self, symbol: Symbol) -> str:
        """z two of layer one; w prime five; Greek letters by their names, indices digit by digit as printed."""
        said = self.said[f"spoken_letter.{symbol.base}"] if symbol.base in GREEK else symbol.base
        if symbol.hat or symbol.tilde:
            said += f" {self.said['spoken.hat' if symbol.hat else 'spoken.tilde']}"
        said += self._primes(symbol.primes)
        if symbol.delta:
            said = self._say("change", of=said)
        if symbol.sub:
            said += f" {self._script(symbol.sub)}"
        if symbol.sup.startswith("("):
            said += f" {self._say('of_layer', layer=self._script(symbol.sup))}"
        elif symbol.sup:
            said += f" {self._say('above', above=self._script(symbol.sup))}"
        return said if symbol.sample is None else f"{said} {self._of_sample(str(symbol.sample))}"

    def _primes(self, count: int) -> str:
        return f" {self.said['spoken.prime']}" * count

    def _of_sample(self, sample: str) -> str:
        return self._say("of_sample", sample=self._script(sample))

    def _script(self, text: str) -> str:
        """An index: 12 is one two, 1,10 is one, 10; h1 is h one; longer words are words."""
        said = []
        for token in _TOKEN.findall(text):
            if token.isdigit():
                said += [self._whole(token)] if "," in text else [self.digits[int(digit)] for digit in token]
            elif token == ",":
                said[-1:] = [f"{said[-1]}," if said else ""]
            elif token == "'":
                said.append(self.said["spoken.prime"])
            elif token.isalpha():
                said += [token] if len(token) > 2 else list(token)
            elif token in "−-":
                said.append(self.said["spoken.minus"])
            elif token == "+":
                said.append(self.said["spoken.plus"])
        return " ".join(said)

    def derivative(self, of: str, by: str, at: str) -> str:
        said = self._say("partial_derivative", of=of, by=by)
        if at.startswith("["):
            return f"{said} {self._of_sample(at.strip('[]'))}"
        return f"{said} {self._say('through', via=at)}" if at else said

    def nabla(self, of: str, by: str) -> str:
        return self._say("gradient", of=of, by=by)


def _is_half(shown: Shown) -> bool:
    return shown.denominator == "2" and shown.digits in ("1", "-1")


def _is_short(expr: Expr) -> bool:
    """Whether it needs no word to say where it ends: a number or a name, with or without minus."""
    match expr:
        case Num(shown):
            return shown.denominator is None and shown.exponent is None
        case Neg(arg):
            return _is_short(arg)
        case Call(_, ()):
            return True
    return isinstance(expr, Name)
