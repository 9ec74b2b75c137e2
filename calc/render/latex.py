"""LaTeX: a complete document for pdfLaTeX with amsmath, amssymb, geometry, booktabs, longtable, fontenc, inputenc."""

import re
import unicodedata
from functools import cache
from typing import ClassVar, Literal

from calc.render.format import Format, Options, covered, printable
from calc.render.math import Printer
from calc.symbol import GREEK, Symbol


class LatexPrinter(Printer):
    """amsmath, as Markdown hosts read it too."""

    differentials = {"d": "d ", "∂": r"\partial "}
    times = {"": r"\,", "·": r"\cdot", "×": r"\times", "∘": r"\circ", "⊘": r"\oslash", "/": "/"}
    functions = {
        "f": "f", "sigmoid": r"\sigma", "tanh": r"\tanh", "max": r"\max", "min": r"\min",
        "sin": r"\sin", "cos": r"\cos", "ln": r"\ln", "pi": r"\pi",
        "relu": r"\operatorname{ReLU}", "leaky_relu": r"\operatorname{LReLU}", "elu": r"\operatorname{ELU}",
        "silu": r"\operatorname{SiLU}", "gelu": r"\operatorname{GELU}",
    }  # fmt: skip

    def with_comma(self, whole: str, places: str) -> str:
        return f"{whole}{{,}}{places}"  # a bare comma would be set with a space after it

    def ratio(self, num: str, den: str) -> str:
        short = num.isdigit() and den.isdigit()
        return rf"\tfrac{{{num}}}{{{den}}}" if short else rf"\frac{{{num}}}{{{den}}}"

    def power(self, base: str, exponent: str) -> str:
        return f"{base}^{exponent}" if len(exponent) == 1 else f"{base}^{{{exponent}}}"

    def exponential(self, exponent: str) -> str:
        return f"e^{{{exponent}}}"

    def brackets(self, inner: str) -> str:
        return rf"\left({inner}\right)" if r"\frac" in inner or r"\begin" in inner else f"({inner})"

    def function(self, name: str) -> str:
        bare = name.rstrip("'")
        sign = None if name == "max'" else self.functions.get(bare)  # a prime would be set above \max
        return (sign or rf"\operatorname{{{bare}}}") + name[len(bare) :]

    def root(self, of: str) -> str:
        return rf"\sqrt{{{of}}}"

    def size(self, of: str) -> str:
        return rf"\left|{of}\right|"

    def sum_over(self, index: str) -> str:
        return rf"\sum_{{{index}}}"

    def symbol(self, symbol: Symbol) -> str:
        base = f"\\{symbol.base}" if symbol.base in GREEK else symbol.base
        if len(symbol.base) > 1 and symbol.base not in GREEK:
            base = rf"\mathrm{{{base}}}"
        if symbol.hat:
            base = rf"\hat{{{base}}}"
        if symbol.tilde:
            base = rf"\tilde{{{base}}}" if len(symbol.base) == 1 or symbol.base in GREEK else rf"\widetilde{{{base}}}"
        mark = f"[{symbol.sample}]" if symbol.sample is not None else ""
        sup = self._script(symbol.sup) + r"\prime" * symbol.primes + mark if symbol.sup or mark else "'" * symbol.primes
        if sup and not sup.startswith("'"):
            sup = f"^{sup}" if len(sup) == 1 else f"^{{{sup}}}"
        sub = self._script(symbol.sub)
        if sub:
            sub = f"_{sub}" if len(sub) == 1 else f"_{{{sub}}}"
        text = base + sup + sub
        return rf"\Delta {text}" if symbol.delta else text

    @staticmethod
    def _script(text: str) -> str:
        """Words upright, single letters as variables."""
        text = text.replace("'", r"\prime ")
        return rf"\mathrm{{{text}}}" if len(text) > 2 and text.isalpha() else text

    def derivative(self, of: str, by: str, at: str) -> str:
        text = rf"\frac{{\partial {of}}}{{\partial {by}}}"
        return rf"\left.{text}\right|_{{{at}}}" if at else text

    def nabla(self, of: str, by: str) -> str:
        return rf"\nabla_{{{by}}} {of}"

    def matrix(self, rows: list[list[str]]) -> str:
        body = r" \\ ".join([" & ".join(row) for row in rows])
        if len(rows[0]) <= MOST_COLUMNS:
            return rf"\begin{{pmatrix}} {body} \end{{pmatrix}}"
        return rf"\left(\begin{{array}}{{{'r' * len(rows[0])}}} {body} \end{{array}}\right)"

    def transpose(self, base: str) -> str:
        return rf"{base}^{{\mathsf{{T}}}}"


MOST_COLUMNS = 10  # amsmath's pmatrix has no more unless a counter is set, which a formula in Markdown cannot do
_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}", "'": r"'{}", "-": r"-{}",
    "\u200b": r"\allowbreak{}", "…": r"\dots{}",
}  # fmt: skip
MATH = {sign: f"\\{name}" for name, sign in GREEK.items()} | {
    "≈": r"\approx", "≠": r"\neq", "≤": r"\leq", "≥": r"\geq", "∂": r"\partial", "∑": r"\sum", "√": r"\surd",
    "∞": r"\infty", "−": "-", "∈": r"\in", "⋅": r"\cdot", "∇": r"\nabla", "⇒": r"\Rightarrow", "′": r"'",
    "∘": r"\circ", "⊘": r"\oslash",
}  # fmt: skip
_SPECIAL |= {sign: rf"\ensuremath{{{command}}}" for sign, command in MATH.items()}


_ONLY_T1 = re.compile(r"[«»ÐÞðþĄąĐđĘęĮįŊŋŲųǪǫ˛‚„‹›]|\\textquotedbl\{\}")  # what pdfLaTeX refuses in OT1
_IN_T1 = r"{\ifdefined\UnicodeEncodingName\else\fontencoding{T1}\selectfont\fi ?}"


@cache
def _glyphs() -> frozenset[int]:
    return covered("tex") | frozenset(map(ord, _SPECIAL))


class Latex(Format):
    """A document that compiles as it is."""

    name, suffix, aliases = "tex", ".tex", ("latex",)
    template = "tex/document.tex"
    printer = LatexPrinter
    page = 78.0
    small_page: ClassVar[float | None] = 95.0
    unbroken = "~"
    pictures: ClassVar[Literal["", "svg", "tikz"]] = "tikz"
    relations = {"=": "=", "≈": r"\approx", "→": r"\to", "indent": r"\quad"}

    def text(self, text: str) -> str:
        """Any text as LaTeX prints it; what no font has as [U+1F642]."""
        composed = unicodedata.normalize("NFC", text)  # é has a glyph, e with a combining accent has none
        shown = printable(composed, _glyphs())
        return re.sub(",(?=,)", ",{}", "".join(_SPECIAL.get(c, c) for c in shown))

    def label(self, text: str) -> str:
        return rf"\text{{{self.text(text)}}}"

    def inline(self, formula: str) -> str:
        return f"${formula}$"


class Fragment(Latex):
    """LaTeX for a document of somebody else's, which loads amsmath; as wide as an article in 10 points."""

    options = Options(fragment=True)
    template = "tex/fragment.tex"
    page = 60.0
    small_page = None
    pictures: ClassVar[Literal["", "svg", "tikz"]] = ""  # they take a package
    most_rows = 20

    def text(self, text: str) -> str:
        """Any text; what only the encoding T1 has switches to it, which takes no package."""
        return _ONLY_T1.sub(lambda match: _IN_T1.replace("?", match[0]), super().text(text))


class Exam(Fragment):
    """A document of the exam class: a question, its parts with points, and their solutions."""

    options = Options(document_class="exam")
    template = "tex/exam.tex"
    pictures: ClassVar[Literal["", "svg", "tikz"]] = "tikz"


class ExamFragment(Exam):
    """The question alone, for an exam of somebody else's."""

    options = Options(fragment=True, document_class="exam")
    pictures = ""


LATEX_VARIANTS: tuple[type[Format], ...] = (Fragment, Exam, ExamFragment)
