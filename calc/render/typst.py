"""Typst: the source of the PDF, and a format of its own."""

from calc.render.format import Format, covered, split_words, visible
from calc.render.math import Printer
from calc.symbol import GREEK, Symbol


class TypstPrinter(Printer):
    """Typst's own formulas."""

    times = {"": " thin ", "·": "dot.op", "×": "times"}
    functions = {"f": "f", "sigmoid": "sigma", "tanh": "tanh", "max": "max", "ln": "ln", "pi": "pi", "relu": '"ReLU"',
                 "leaky_relu": '"LReLU"', "elu": '"ELU"'}  # fmt: skip

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
        return self.functions.get(bare, f'"{bare}"') + name[len(bare) :]

    def root(self, of: str) -> str:
        return f"sqrt({of})"

    def size(self, of: str) -> str:
        return f"abs({of})"

    def symbol(self, symbol: Symbol) -> str:
        single = len(symbol.base) == 1
        base = symbol.base if single else GREEK.get(symbol.base) or f'"{symbol.base}"'
        if symbol.hat:
            base = f"hat({base})"
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


class Typst(Format):
    """The source of the PDF."""

    # text goes in as string literals, so that no character of it can be markup

    name, suffix, aliases = "typ", ".typ", ("typst",)
    template = "typ/document.typ"
    printer = TypstPrinter
    page = 80.0
    relations = {"=": "=", "≈": "approx", "indent": "quad"}

    def text(self, text: str) -> str:
        """Any text as a Typst string in code mode; what no font has as [U+1F642]."""
        glyphs = covered("typ")
        shown = "".join(
            c if ord(c) in glyphs or c == "\u200b" else f"[U+{ord(c):04X}]" for c in split_words(visible(text))
        )
        return '#"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '";'

    def inline(self, formula: str) -> str:
        return f"${formula}$"
