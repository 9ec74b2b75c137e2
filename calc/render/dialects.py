"""Markdown as one host reads it. A host that differs is a class with what differs, and its entry in DIALECTS."""

import re

from calc.render.format import Options
from calc.render.latex import MATH, LatexPrinter
from calc.render.markdown import Markdown, unpiped
from calc.render.text import Text, TextPrinter

_SIGN = re.compile(f"([{''.join(MATH)}])([0-9]?)")
_NUMBER = re.compile(r"-?\d+(?:(?:\.|\{,\})\d+)?")
_PLAIN_NUMBER = re.compile(r"−*\d+(?:[.,]\d+)?")


class Plain(Markdown):
    """No formulas: Unicode in code, to be read as it is."""

    options = Options(dialect="plain")
    template = "md/plain.md"
    printer = TextPrinter
    page = Text.page
    relations = Text.relations

    def label(self, text: str) -> str:
        return Text().label(text)

    def inline(self, formula: str) -> str:
        # | would end the cell of a table, in code as well
        return formula if _PLAIN_NUMBER.fullmatch(formula) else f"`{formula.replace('|', '∣')}`"


class _Fenced(Markdown):
    """Formulas in code: nothing in them is taken for Markdown. Numbers alone are text, since formulas are counted.

    Where the host still shows fewer than a page has, those in sentences and tables are as in the plain dialect.
    """

    opening, closing = "```math", "```"
    crowded = Plain
    _formula = re.compile(r"^```math\n(.*?)^```$|\$`(.*?)`\$", re.MULTILINE | re.DOTALL)

    def inline(self, formula: str) -> str:
        if _NUMBER.fullmatch(formula):
            return formula.replace("-", "−").replace("{,}", ",")
        return f"$`{unpiped(formula)}`$"

    def formulas_of(self, page: str) -> list[str]:
        """Every formula of a finished page."""
        return [block or inline for block, inline in self._formula.findall(page)]


class _MathrmPrinter(LatexPrinter):
    """Names of functions without \\operatorname."""

    def function(self, name: str) -> str:
        return super().function(name).replace(r"\operatorname", r"\mathrm")


class GitHub(_Fenced):
    """GitHub: MathJax that refuses \\operatorname (github/markup, issue 1688).

    Of a page it shows formulas until their number and that of their opening braces together pass 2000; what follows
    is "Unable to render expression".
    """

    options = Options(dialect="github")
    printer = _MathrmPrinter
    most = 2000

    def excess(self, page: str) -> str:
        used = sum([1 + formula.count("{") for formula in self.formulas_of(page)])
        return _too_many("GitHub", f"{used} formulas and braces in them", self.most) if used > self.most else ""


class GitLab(_Fenced):
    """GitLab: KaTeX; a block of at most 1000 characters, and of a page the first 1000 formulas.

    Older servers show 50 of a page unless their administrator allows more (math_rendering_limits_enabled).
    """

    options = Options(dialect="gitlab")
    most = 1000

    def excess(self, page: str) -> str:
        used = len(self.formulas_of(page))
        return _too_many("GitLab", f"{used} formulas", self.most) if used > self.most else ""


class Pandoc(Markdown):
    """Pandoc: where a row of a table is long, the dashes under its head divide the page among the columns."""

    options = Options(dialect="pandoc")

    def text(self, text: str) -> str:
        """Signs that its LaTeX has no letter for are formulas; a digit after one would not let it end."""
        return _SIGN.sub(
            lambda sign: f"${MATH[sign[1]]}$" + (f"&#{ord(sign[2])};" if sign[2] else ""), super().text(text)
        )

    def rule(self, width: float) -> str:
        return "-" * max(3, round(width))


class Jupyter(Markdown):
    """Notebooks: MathJax; tables stand at the right of their columns unless they say otherwise."""

    options = Options(dialect="jupyter")

    def rule(self, width: float) -> str:
        return ":---"


DIALECTS: tuple[type[Markdown], ...] = (GitHub, GitLab, Pandoc, Jupyter, Plain)


def _too_many(host: str, found: str, most: int) -> str:
    return (
        f"this page has {found}, and {host} shows {most} of a page. "
        "Work less in full with --show, use --dialect plain, or write a PDF"
    )
