"""Typst: the source of the PDF, and a format of its own."""

import re

from calc.render.format import Drawing, Format, covered, printable
from calc.render.math import Printer
from calc.symbol import GREEK, Symbol


class TypstPrinter(Printer):
    """Typst's own formulas."""

    times = {"": " thin ", "·": "dot.op", "×": "times", "∘": "∘", "⊘": "⊘", "/": "slash"}
    differentials = {"d": "d ", "∂": "partial "}
    semicolon = "\\; "
    applied = " "
    functions = {"f": "f", "sigmoid": "sigma", "tanh": "tanh", "max": "max", "min": "min",
                 "sin": "sin", "cos": "cos", "ln": "ln", "pi": "pi", "relu": '"ReLU"',
                 "leaky_relu": '"LReLU"', "elu": '"ELU"', "silu": '"SiLU"', "gelu": '"GELU"'}  # fmt: skip

    def with_comma(self, whole: str, places: str) -> str:
        return f'"{whole},{places}"'  # a bare comma would part the arguments of frac and mat

    def ratio(self, num: str, den: str) -> str:
        return f"frac({num}, {den})"

    def power(self, base: str, exponent: str) -> str:
        return f"{base}^({exponent})"

    def exponential(self, exponent: str) -> str:
        return f"e^({exponent})"

    def brackets(self, inner: str) -> str:
        return f"({inner})"

    def function(self, name: str) -> str:
        bare = name.rstrip("'")
        sign = None if name == "max'" else self.functions.get(bare)  # a prime would be set above max
        return (sign or f'"{bare}"') + name[len(bare) :]

    def root(self, of: str) -> str:
        return f"sqrt({of})"

    def size(self, of: str) -> str:
        return f"abs({of})"

    def sum_over(self, index: str) -> str:
        return f"sum_({index})"

    def symbol(self, symbol: Symbol) -> str:
        single = len(symbol.base) == 1
        base = symbol.base if single else GREEK.get(symbol.base) or f'"{symbol.base}"'
        if symbol.hat:
            base = f"hat({base})"
        if symbol.tilde:
            base = f"tilde({base})"
        mark = f'"[{symbol.sample}]"' if symbol.sample is not None else ""
        if symbol.sup and mark and not symbol.primes:
            sup = self._script(symbol.sup + mark.strip('"'))  # one string, set without a gap
        else:
            sup = " ".join(part for part in (self._script(symbol.sup), "prime " * symbol.primes, mark) if part)
        sub = self._script(symbol.sub)
        text = base + (f"_({sub})" if sub else "") + (f"^({sup})" if sup else "")
        return f"Delta {text}" if symbol.delta else text

    @staticmethod
    def _script(text: str) -> str:
        if not text:
            return ""
        return text if len(text) == 1 and text.isalnum() else f'"{text.replace(chr(39), "′")}"'

    def derivative(self, of: str, by: str, at: str) -> str:
        text = f"frac(partial {of}, partial {by})"
        return f"lr({text} bar.v)_({at if at[0] != '[' else chr(34) + at + chr(34)})" if at else text

    def nabla(self, of: str, by: str) -> str:
        return f"nabla_({by}) {of}"

    def matrix(self, rows: list[list[str]]) -> str:
        return f"mat(column-gap: #0.8em, row-gap: #0.35em, {'; '.join([', '.join(row) for row in rows])})"

    def transpose(self, base: str) -> str:
        return f"{base}^(upright(T))"


# what every text font has; for the rest all embedded fonts are named, since typst's own search gives up too early
_PLAIN = re.compile("[\\x20-\u024f\u0391-\u03c9\u200b\u2010-\u2027−≈≠≤≥]*")
_FONTS = '("Libertinus Serif", "New Computer Modern", "New Computer Modern Math", "DejaVu Sans Mono")'


RUNNING = 110  # characters of a title at the head of a page


class Typst(Format):
    """The source of the PDF."""

    # text goes in as string literals, so that no character of it can be markup

    name, suffix, aliases = "typ", ".typ", ("typst",)
    template = "typ/document.typ"
    printer = TypstPrinter
    page = 80.0
    small_page = 115.0
    speaks = True
    unbroken = "~"
    pictures = "svg"
    relations = {"=": "=", "≈": "approx", "→": "arrow.r", "indent": "quad"}

    def text(self, text: str) -> str:
        """Any text as a Typst string in code mode; what no font has as [U+1F642]."""
        return _text(printable(text, covered("typ")))

    def running(self, title: str) -> str:
        """A title as it stands at the head of every page: its beginning where it is long."""
        shown = printable(title, covered("typ"))
        return _text(shown if len(shown) <= RUNNING else f"{shown[:RUNNING].rpartition(' ')[0] or shown[:RUNNING]} …")

    def label(self, text: str) -> str:
        return self.text(text)

    def inline(self, formula: str) -> str:
        return f"${formula}$"

    def spoken(self, formula: str, words: str) -> str:
        """An equation in a sentence, which a screen reader says in words."""
        return f"#math.equation(alt: {_literal(_sentence(words))}, ${formula}$);"

    def row(self, formula: str, words: str) -> str:
        """An equation in a row of its own, which a screen reader says in words."""
        return f"#math.equation(alt: {_literal(_sentence(words))}, math.display(${formula}$.body));"

    def figure(self, drawing: Drawing) -> str:
        source, alternative = _literal(drawing.source), _literal(printable(drawing.alternative, covered("typ")))
        return f'#image(bytes({source}), format: "svg", width: {drawing.width:.1f}pt, alt: {alternative})'


def _text(shown: str) -> str:
    return f"#{_literal(shown)};" if _PLAIN.fullmatch(shown) else f"#text(font: {_FONTS}, {_literal(shown)});"


def _literal(text: str) -> str:
    """A string of Typst's."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _sentence(words: str) -> str:
    """One space between words, none before a comma, no comma at either end."""
    return re.sub(r"\s+(?=,)|,(?=,)", "", " ".join(words.split())).strip(",; ")
