"""HTML: one file that needs no network and, to be read, no script; formulas in MathML."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import NamedTuple

from calc.render.format import Format, visible
from calc.render.layout import Row
from calc.render.mathml import ADDRESS, MathMLPrinter, finish, nowhere

LONGEST = 26  # characters of a formula in a sentence that fit a telephone; a longer one is broken, or scrolls

_RELATION = re.compile("(?=<mo>[=≈→]</mo>)")  # before which a line may be broken
_TAG = re.compile("<[^>]*>")


class Html(Format):
    """A page for the browser, with MathML."""

    name, suffix = "html", ".html"
    template = "html/document.html"
    printer = MathMLPrinter
    page = 78.0
    relations = {"=": "<mo>=</mo>", "≈": "<mo>≈</mo>", "→": "<mo>→</mo>", "indent": '<mspace width="2em"></mspace>'}

    def text(self, text: str) -> str:
        """Any text, safe between tags and in an attribute."""
        return escape(visible(text))

    def inline(self, formula: str) -> str:
        """One formula, or several that the line may be broken between; what cannot be broken scrolls."""
        sides = _RELATION.split(formula)
        if len(_seen(formula)) <= LONGEST:
            kind = "" if any(map(str.isalpha, _seen(formula))) else ' class="number"'
            return f"<math{kind}>{''.join(_marked(sides))}</math>"
        maths = [(f"<math>{side}</math>", len(_seen(side))) for side in _marked(sides)]
        return " ".join(
            f'<span class="wide" tabindex="0">{math}</span>' if length > LONGEST else math for math, length in maths
        )

    def reference(self, number: int, said: str) -> str:
        """A link to the line."""
        return f'<a href="#line-{number}">{self.text(said)}</a>'

    def lines(self, blocks: Iterable[Sequence[Row]], placed: Sequence[Mapping[str, int]]) -> list["Line"]:
        """The rows of a derivation.

        Args:
            placed: for each update the number of each quantity's line, by its id.
        """
        laid = [row for rows in blocks for row in rows]
        lines: list[Line] = []
        begun: list[Row] = []
        for row in laid:
            begun.append(row)
            if row.number is not None:
                lines += _line(begun, row.number, placed)
                begun = []
        return lines + list(_line(begun, None, placed))


class Line(NamedTuple):
    """A row of a derivation; ``begins`` is the number of the line that begins in it, ``ends`` of that which ends."""

    left: str
    right: str
    begins: int | None
    ends: int | None


def _line(rows: list[Row], number: int | None, placed: Sequence[Mapping[str, int]]) -> Iterator[Line]:
    """One numbered line, or rows without numbers; in a line each quantity computed elsewhere is a link, once."""
    places: Mapping[str, int] = {}
    if number is not None:
        places = next((places for places in placed if places and number <= max(places.values())), {})
    linked = {number}

    def address(id: str) -> str | None:
        place = places.get(id)
        if place is None or place in linked:
            return None
        linked.add(place)
        return f"line-{place}"

    before = 0  # relations of this line so far
    for i, row in enumerate(rows):
        begins = i == 0 or bool(row.left)
        before = 0 if begins else before
        sides = _RELATION.split(row.right)
        right = "".join(_marked(sides, address, before))
        before += sum(side.startswith("<mo>") for side in sides)
        ends = number if i == len(rows) - 1 else None
        yield Line(finish(row.left), right, number if begins else None, ends)


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
        marked.append(f'<mrow class="result">{text}</mrow>' if result else text)
    return marked


def _seen(formula: str) -> str:
    """Its characters, about as many as are seen."""
    return _TAG.sub("", formula).replace(" ", "")
