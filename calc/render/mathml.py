"""MathML Core: formulas as browsers and screen readers read them.

The printer writes elements only where a formula is more than a row; signs, digits and brackets stay loose beside them,
as "<mi>E</mi> = 0.5", until ``finish`` puts each into an element of its own. Until then a quantity has its id for its
address: <mrow href="#z1_1">.
"""

import re
from collections.abc import Callable
from html import escape

from calc.expr import Expr, Quantity
from calc.number import Shown
from calc.render.math import Measured, Printer
from calc.symbol import GREEK, Symbol

APPLY, TIMES = "\u2061", "\u2062"  # "of" and "times", said by a screen reader and not seen
ADDRESS = ' href="#'

_UNIT = re.compile(r"<mi>[^<]*</mi>|<mn>[^<]*</mn>")
_DIGITS = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_LINKS = re.compile(f'{ADDRESS}[^"]*"')
_TOKENS = re.compile(
    r"(?P<kept><(?P<leaf>mi|mn|mo|mtext)\b[^>]*>[^<]*</(?P=leaf)>)"
    rf'|<mrow{ADDRESS}(?P<address>[^"]*)">|(?P<tag><[^>]*>)'
    rf"|(?P<number>{_DIGITS.pattern})|(?P<letter>[^\W\d_])|(?P<space>\s+)|(?P<minus>[-−])(?P<apart>\s?)|(?P<sign>.)"
)


class MathMLPrinter(Printer):
    """MathML Core, loose text between its elements."""

    times = {"": TIMES, "·": "·", "×": "×", "∘": "∘", "⊘": "⊘", "/": "/"}
    minus = "−"
    differentials = {"d": "<mi>d</mi>", "∂": "<mi>∂</mi>"}
    longest_row = 1_000_000  # of no concern: these are not the characters that are seen
    functions = {"f": "f", "sigmoid": "σ", "pi": "π", "relu": "ReLU", "leaky_relu": "LReLU", "elu": "ELU",
                 "silu": "SiLU", "gelu": "GELU"}  # fmt: skip

    def with_comma(self, whole: str, places: str) -> str:
        return f"<mn>{whole},{places}</mn>"  # loose, a comma would be a sign of its own

    def ratio(self, num: str, den: str) -> str:
        text = f"<mfrac>{_one(num)}{_one(den)}</mfrac>"
        return f'<mstyle displaystyle="false">{text}</mstyle>' if num.isdigit() and den.isdigit() else text

    def power(self, base: str, exponent: str) -> str:
        return f"<msup>{_one(base)}{_one(exponent)}</msup>"

    def exponential(self, exponent: str) -> str:
        return self.power("<mi>e</mi>", exponent)

    def brackets(self, inner: str) -> str:
        high = "<mfrac" in inner or "<mtable" in inner
        return f"<mrow><mo>(</mo>{inner}<mo>)</mo></mrow>" if high else f"<mrow>({inner})</mrow>"

    def function(self, name: str) -> str:
        bare = name.rstrip("'")
        text = f"<mi>{escape(self.functions.get(bare, bare))}</mi>"
        if bare != name:
            text = self.power(text, f"<mo>{'′' * (len(name) - len(bare))}</mo>")
        return text if name == "pi" else f"{text}<mo>{APPLY}</mo>"

    def root(self, of: str) -> str:
        return f"<msqrt>{of}</msqrt>"

    def size(self, of: str) -> str:
        return f"<mrow><mo>|</mo>{_row(of)}<mo>|</mo></mrow>"

    def sum_over(self, index: str) -> str:
        return f"<munder><mo>∑</mo>{_one(index)}</munder>"

    def symbol(self, symbol: Symbol) -> str:
        base = f"<mi>{GREEK.get(symbol.base, symbol.base)}</mi>"
        for accent in "^" * symbol.hat + "~" * symbol.tilde:
            base = f'<mover accent="true">{base}<mo stretchy="false">{accent}</mo></mover>'
        mark = f"<mtext>[{symbol.sample}]</mtext>" if symbol.sample is not None else ""
        primes = f"<mo>{'′' * symbol.primes}</mo>" if symbol.primes else ""
        above = _script(symbol.sup) + primes + mark
        below = _script(symbol.sub)
        if above and below:
            base = f"<msubsup>{base}{_one(below)}{_one(above)}</msubsup>"
        elif above or below:
            base = f"<msup>{base}{_one(above)}</msup>" if above else f"<msub>{base}{_one(below)}</msub>"
        return f'<mi mathvariant="normal">Δ</mi>{base}' if symbol.delta else base

    def derivative(self, of: str, by: str, at: str) -> str:
        text = self.ratio(f"<mi>∂</mi>{of}", f"<mi>∂</mi>{by}")
        return f'<msub><mrow>{text}<mo stretchy="true">|</mo></mrow>{_one(at)}</msub>' if at else text

    def nabla(self, of: str, by: str) -> str:
        return f'<msub><mi mathvariant="normal">∇</mi>{_one(by)}</msub>{of}'

    def matrix(self, rows: list[list[str]]) -> str:
        body = "".join(["<mtr>" + "".join([f"<mtd>{cell}</mtd>" for cell in row]) + "</mtr>" for row in rows])
        return self.brackets(f"<mtable>{body}</mtable>")

    def transpose(self, base: str) -> str:
        return self.power(base, '<mi mathvariant="normal">T</mi>')

    def number(self, shown: Shown) -> str:
        """Printed digits, the sign of a fraction and its bar together."""
        text = super().number(shown)
        return _row(text) if shown.negative and shown.denominator is not None else text

    def _between(self, before: Expr, after: Expr, sign: str) -> str:
        return super()._between(before, after, sign) if sign else TIMES

    def _quantity(self, quantity: Quantity) -> Measured:
        text, width = super()._quantity(quantity)
        return f'<mrow{ADDRESS}{escape(quantity.id)}">{_LINKS.sub("", text)}</mrow>', width


def _row(text: str) -> str:
    return f"<mrow>{text}</mrow>"


def _one(text: str) -> str:
    """A formula as one element, whatever it consists of."""
    if _DIGITS.fullmatch(text):
        return f"<mn>{text}</mn>"
    return text if _UNIT.fullmatch(text) else _row(text)


def _script(text: str) -> str:
    """Numbers and words upright, single letters as variables, as in LaTeX."""
    if text.isdigit():
        return f"<mn>{text}</mn>"
    if not any(map(str.isalpha, text)):
        return f"<mtext>{text.replace(chr(39), '′')}</mtext>" if text else ""
    if text.isalpha() and len(text) > 2:
        return f"<mi>{text}</mi>"
    return "".join(f"<mi>{c}</mi>" if c.isalpha() else f"<mtext>{'′' if c == chr(39) else c}</mtext>" for c in text)


def nowhere(id: str) -> None:
    """The address of a quantity where nothing is linked."""


def finish(formula: str, address: Callable[[str], str | None] = nowhere) -> str:
    """A formula with all its text in elements.

    Args:
        address: where a quantity was computed, by its id: the id of that place on the page, or None.
    """

    def element(match: re.Match[str]) -> str:
        if match["kept"] or match["tag"]:
            return match[0]
        if match["address"] is not None:
            place = address(match["address"])
            return f'<mrow{ADDRESS}{place}">' if place else "<mrow>"
        if match["number"]:
            return f"<mn>{match[0]}</mn>"
        if match["letter"]:
            return f"<mi>{match[0]}</mi>"
        if match["space"]:
            return ""
        if match["minus"]:  # the place of a sign says not always whether it subtracts
            return f'<mo form="{"infix" if match["apart"] else "prefix"}">−</mo>'
        sign = match["sign"]
        if sign in "()[]|":  # on their own; those around something high are elements already
            return f'<mo stretchy="false">{sign}</mo>'
        return f'<mo form="infix">{sign}</mo>' if sign == "+" else f"<mo>{sign}</mo>"

    return _TOKENS.sub(element, formula)
