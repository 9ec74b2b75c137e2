"""Markdown with $…$ and $$…$$ formulas, as most hosts read it."""

import re
from typing import ClassVar

from calc.render.format import Format, visible
from calc.render.latex import Latex, LatexPrinter
from calc.render.math import Printer

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#$|~&^@=!+-]|:(?=\S)|(?<=www)\.|^\d+(?=[.)])", re.IGNORECASE)


class Markdown(Format):
    """Formulas in LaTeX between dollar signs, tables with pipes."""

    name, suffix, aliases = "md", ".md", ("markdown",)
    template = "md/document.md"
    printer: ClassVar[type[Printer]] = LatexPrinter
    page = 96.0
    relations = {"=": "=", "≈": r"\approx", "→": r"\to", "indent": r"\quad"}
    hosted = True
    opening, closing = "$$", "$$"  # of a block of formulas

    def text(self, text: str) -> str:
        """Any text as it is read: characters that could be markup as entities, which no host takes for markup."""
        shown = visible(text)
        if not _SPECIAL.search(shown):
            return shown
        return _SPECIAL.sub(lambda match: "".join(_entity(c, shown, match.start()) for c in match[0]), shown)

    def label(self, text: str) -> str:
        return Latex().label(text)  # as LaTeX is read between dollar signs

    def inline(self, formula: str) -> str:
        return f"${unpiped(formula)}$"

    def rule(self, width: float) -> str:
        """What stands under the head of a column of this width, in digits."""
        return "---"


def unpiped(formula: str) -> str:
    """Without the sign that ends the cell of a table, wherever it stands."""
    return re.sub(r"\|(?=[A-Za-z])", r"\\vert ", formula).replace("|", r"\vert")


def _entity(character: str, text: str, at: int) -> str:
    """A hyphen or a plus within a line is no markup and stays."""
    if character in "-+=!" and at > 0 and text[at - 1 : at + 2].count(character) < 2 and text[at + 1 : at + 2] != "[":
        return character
    return f"&#{ord(character)};"
