"""HTML: one file that needs no network and, to be read, no script; formulas in MathML."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from calc.document import Reference, Words
from calc.render.format import Drawing, Format, visible
from calc.render.layout import Row
from calc.render.mathml import ADDRESS, MathMLPrinter, finish, nowhere

PAPER = 10.5  # points of the text on paper
SMALLEST = 16.0  # of a picture that is shrunk as far as its letters, 8 points high, stay legible
LONGEST = 26  # characters of a formula in a sentence that fit a telephone; a longer one is broken, or scrolls

_RELATION = re.compile("(?=<mo>[=≈→]</mo>)")  # before which a line may be broken
_TAG = re.compile("<[^>]*>")


class Html(Format):
    """A page for the browser, with MathML."""

    name, suffix = "html", ".html"
    template = "html/document.html"
    printer = MathMLPrinter
    page = 78.0
    pictures = "svg"
    relations = {"=": "<mo>=</mo>", "≈": "<mo>≈</mo>", "→": "<mo>→</mo>", "indent": '<mspace width="2em"></mspace>'}

    def text(self, text: str) -> str:
        """Any text, safe between tags and in an attribute."""
        return escape(visible(text))

    def label(self, text: str) -> str:
        return f"<mtext>{self.text(text)}</mtext>"

    def inline(self, formula: str) -> str:
        """One formula, or several that the line may be broken between; what cannot be broken scrolls."""
        sides = _RELATION.split(formula)
        if len(_seen(formula)) <= LONGEST:
            kind = "" if any(map(str.isalpha, _seen(formula))) else ' class="value"'
            return f"<math{kind}>{''.join(_marked(sides))}</math>"
        maths = [(f"<math>{side}</math>", len(_seen(side))) for side in _marked(sides)]
        return " ".join(
            f'<span class="wide" tabindex="0">{math}</span>' if length > LONGEST else math for math, length in maths
        )

    def reference(self, number: int, said: str) -> str:
        """A link to the line."""
        return f'<a href="#line-{number}">{self.text(said)}</a>'

    def figure(self, drawing: Drawing) -> str:
        """Within HTML the picture's name space is known; beside the text it is as large as on paper, or smaller."""
        size = f'style="width:{drawing.width / PAPER:.2f}rem;min-width:{drawing.width / SMALLEST:.2f}rem"'
        return drawing.source.replace('xmlns="http://www.w3.org/2000/svg"', size, 1)

    def spoken(self, formula: str, words: str) -> str:
        """A formula that names a row or a column, which is read aloud at its cells and there without its structure.

        Elsewhere a screen reader reads the MathML itself.
        """
        math = f'<math aria-label="{self.text(words)}">{"".join(_marked(_RELATION.split(formula)))}</math>'
        return math if len(_seen(formula)) <= LONGEST else f'<span class="wide" tabindex="0">{math}</span>'

    def lines(self, blocks: Iterable[Sequence[Row]], placed: Sequence[Mapping[str, int]]) -> list["Line"]:
        """The lines of a derivation.

        Args:
            placed: for each update the number of each quantity's line, by its id.
        """
        lines: list[list[Row]] = []
        for row in (row for rows in blocks for row in rows):
            if row.left or not lines:
                lines.append([])
            lines[-1].append(row)
        updates = [places for places in placed if places]
        return [_line(rows, updates) for rows in lines]


class Line(NamedTuple):
    """A line, its right-hand side in rows, each with what is said beside it.

    uses: the lines in which the quantities of its formula are computed.
    """

    left: str
    rows: list[tuple[str, Words | None]]
    number: int | None
    uses: tuple[Reference, ...]


def _line(rows: Sequence[Row], updates: Sequence[Mapping[str, int]]) -> Line:
    """In a numbered line each quantity that is computed in another is a link to it, once."""
    number = rows[-1].number
    begun = 0 if number is None else bisect_right(updates, number, key=lambda places: next(iter(places.values())))
    places = updates[begun - 1] if begun else {}
    uses: list[int] = []

    def address(id: str) -> str | None:
        place = places.get(id)
        if place is None or place == number or place in uses:
            return None
        uses.append(place)
        return f"line-{place}"

    rights: list[tuple[str, Words | None]] = []
    relations = 0  # of this line so far
    for row in rows:
        sides = _RELATION.split(row.right)
        rights.append(("".join(_marked(sides, address, relations)), row.note))
        relations += sum(side.startswith("<mo>") for side in sides)
    return Line(finish(rows[0].left), rights, number, tuple(map(Reference, uses)))


def _marked(sides: Sequence[str], address: Callable[[str], str | None] = nowhere, before: int = 0) -> list[str]:
    """What stands between relations, each result marked: all after the first side, and a side of nothing but numbers.

    Args:
        before: relations that stand in earlier rows of the line.
    """
    marked: list[str] = []
    count = before
    for side in sides:
        count += side.startswith("<mo>")
        text = finish(side, address)
        result = text and count and (count > 1 or ADDRESS not in side)
        kind = "result rounded" if side.startswith("<mo>≈") else "result"
        marked.append(f'<mrow class="{kind}">{text}</mrow>' if result else text)
    return marked


def _seen(formula: str) -> str:
    """Its characters, about as many as are seen."""
    return _TAG.sub("", formula).replace(" ", "")
