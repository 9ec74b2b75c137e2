"""Plain text in Unicode, for a terminal."""

from calc.expr import Expr
from calc.render.format import Format, visible
from calc.render.math import ANY, BASE, FACTOR, TERM, Measured, Printer
from calc.symbol import GREEK, Symbol

_SUP = str.maketrans("0123456789()+-−=n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾⁺⁻⁻⁼ⁿ")
_SUB = str.maketrans("0123456789()+-−=", "₀₁₂₃₄₅₆₇₈₉₍₎₊₋₋₌")


class TextPrinter(Printer):
    """Unicode, for a terminal."""

    times = {"": " ", "·": "·", "×": "×", "∘": "∘", "⊘": "⊘", "/": "/"}
    differentials = {"d": "d", "∂": "∂"}
    minus = "−"
    fraction_level = TERM
    over_level, under_level = FACTOR, BASE
    functions = {"f": "f", "sigmoid": "σ", "pi": "π", "relu": "ReLU", "leaky_relu": "LReLU", "elu": "ELU",
                 "silu": "SiLU", "gelu": "GELU"}  # fmt: skip

    def measure(self, expr: Expr, needs: int = ANY) -> Measured:
        text, width = super().measure(expr, needs)
        return text, self.seen(text, width)

    def seen(self, text: str, estimate: float) -> float:
        """As many characters as stand side by side; those of a matrix stand in several rows."""
        return float(len(text) if OPEN not in text else max(map(len, stacked(text))))

    def ratio(self, num: str, den: str) -> str:
        return f"{num}/{den}"

    def power(self, base: str, exponent: str) -> str:
        plain = exponent.lstrip("-−").isdigit()
        return base + exponent.translate(_SUP) if plain else f"{base}^({exponent})"

    def exponential(self, exponent: str) -> str:
        return f"e^{exponent}" if exponent.replace(".", "").replace(",", "").isalnum() else f"e^({exponent})"

    def brackets(self, inner: str) -> str:
        return f"({inner})"

    def function(self, name: str) -> str:
        bare = name.rstrip("'")
        return self.functions.get(bare, bare) + "′" * (len(name) - len(bare))

    def root(self, of: str) -> str:
        return f"√({of})"

    def size(self, of: str) -> str:
        return f"|{of}|"

    def sum_over(self, index: str) -> str:
        return f"Σ_{index}"

    def symbol(self, symbol: Symbol) -> str:
        base = GREEK.get(symbol.base, symbol.base)
        if symbol.hat:
            base += "\u0302"
        if symbol.tilde:
            base += "\u0303"
        mark = f"[{symbol.sample}]" if symbol.sample is not None else ""
        raised = all(c in "0123456789()" for c in symbol.sup)
        sup = symbol.sup.translate(_SUP) if raised else f"^{symbol.sup}"
        sub = symbol.sub.translate(_SUB) if all(c in "0123456789," for c in symbol.sub) else f"_{symbol.sub}"
        return ("Δ" if symbol.delta else "") + base + sup + sub + "′" * symbol.primes + mark

    def derivative(self, of: str, by: str, at: str) -> str:
        return f"∂{of}/∂{by}" + (f"|{at}" if at else "")

    def nabla(self, of: str, by: str) -> str:
        return f"∇_{by} {of}"

    def matrix(self, rows: list[list[str]]) -> str:
        widths = [max([len(row[j]) for row in rows]) for j in range(len(rows[0]))]
        lines = ["  ".join([cell.rjust(width) for cell, width in zip(row, widths, strict=True)]) for row in rows]
        return OPEN + ROW.join(lines) + CLOSE

    def transpose(self, base: str) -> str:
        return f"{base}ᵀ"


OPEN, ROW, CLOSE = "\ue000", "\ue001", "\ue002"  # a matrix within a row of text, until the row is set
_SIDES = {1: ("[", "]"), "first": ("⎡", "⎤"), "middle": ("⎢", "⎥"), "last": ("⎣", "⎦")}


def stacked(row: str) -> list[str]:
    """A row with its matrices in brackets as high as they are; what stands beside them at half height."""
    pieces: list[list[str]] = []
    for before in row.split(CLOSE):
        text, opened, inner = before.partition(OPEN)
        pieces.append([text])
        if opened:
            lines = inner.split(ROW)
            last = len(lines) - 1
            sides = [_SIDES["first" if i == 0 else "last" if i == last else "middle"] for i in range(len(lines))]
            sides = sides if last else [_SIDES[1]]
            pieces.append([left + line + right for line, (left, right) in zip(lines, sides, strict=True)])
    height = max([len(piece) for piece in pieces])
    middle = (height - 1) // 2
    out = [""] * height
    for piece in pieces:
        top, width = middle - (len(piece) - 1) // 2, len(piece[0])
        for i in range(height):
            out[i] += piece[i - top] if 0 <= i - top < len(piece) else " " * width
    return [line.rstrip() for line in out]


class Text(Format):
    """Aligned columns, nothing but characters."""

    name, suffix, aliases = "txt", ".txt", ("text",)
    template = "txt/document.txt"
    printer = TextPrinter
    page = 88.0
    relations = {"=": "=", "≈": "≈", "→": "→", "indent": "   "}

    def text(self, text: str) -> str:
        """Any text on one line, without what could steer a terminal."""
        return visible(text)

    def label(self, text: str) -> str:
        return text

    def inline(self, formula: str) -> str:
        return formula
