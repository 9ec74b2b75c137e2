"""What every format has: a printer for formulas, an escape for text, a template, and the page they go on."""

import re
import unicodedata
from abc import ABC, abstractmethod
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from calc.notation import Notation
from calc.render.math import Printer

_SHIPPED = Path(__file__).parent.parent / "templates"
TEMPLATES = _SHIPPED if _SHIPPED.is_dir() else Path(__file__).parent.parent.parent / "templates"  # a checkout

LONGEST_WORD = 32  # characters after which a word may be broken


class Options(NamedTuple):
    """What a format may be asked for: a Markdown host's dialect; LaTeX without a preamble, or for a document class."""

    dialect: str | None = None
    fragment: bool = False
    document_class: str | None = None


class Drawing(NamedTuple):
    """A picture in SVG or TikZ, how large it is in points, and what it shows, as plain text."""

    source: str
    width: float
    height: float
    alternative: str


class Format(ABC):
    """One text format. To add one: a class in a module of its own, a template, and its entry in FORMATS."""

    name: ClassVar[str]
    suffix: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[Options] = Options()  # those under which this format is chosen among those of its name
    template: ClassVar[str]
    printer: ClassVar[type[Printer]]
    page: ClassVar[float]  # the width of a line, in digits
    relations: ClassVar[dict[str, str]]
    small_page: ClassVar[float | None] = None  # the same in the small letters in which long tables are set on paper
    speaks: ClassVar[bool] = False  # whether every formula carries the words in which it is read aloud
    crowded: ClassVar["type[Format] | None"] = None  # writes what is within sentences and tables of pages in excess
    hosted: ClassVar[bool] = False  # whether hosts set it, some of which refuse long formulas
    most_rows: ClassVar[int | None] = None  # of a table, where tables cannot break across pages
    pictures: ClassVar[Literal["", "svg", "tikz"]] = ""  # how pictures reach ``figure``; "": there are none

    def formulas(self, notation: Notation) -> Printer:
        """A printer that spells quantities by ``notation``."""
        return self.printer(notation)

    unbroken: ClassVar[str] = "\u00a0"  # a space at which no line ends

    def said(self, text: str) -> str:
        """Our own words, escaped; with the spaces that French has before : and ;, which no line may break."""
        return self.unbroken.join([self.text(part) if part else "" for part in text.split("\u00a0")])

    @abstractmethod
    def text(self, text: str) -> str:
        """Any text, escaped: the author's title as well as our own words."""

    @abstractmethod
    def label(self, text: str) -> str:
        """Words within a block of formulas."""

    @abstractmethod
    def inline(self, formula: str) -> str:
        """A formula within a sentence or a table."""

    def spoken(self, formula: str, words: str) -> str:
        """The same with the words in which it is read aloud, where a format has a place for them."""
        return self.inline(formula)

    def row(self, formula: str, words: str) -> str:
        """A formula in a row of a derivation, with the words in which it is read aloud."""
        return formula

    def reference(self, number: int, said: str) -> str:
        """What is said of an earlier line's number."""
        return self.text(said)

    def figure(self, drawing: Drawing) -> str:
        """A picture on the page."""
        return drawing.source

    def excess(self, page: str) -> str:
        """What a finished page has more than its host shows; empty where it shows all of it."""
        return ""


def visible(text: str) -> str:
    """Text on one line; control characters and those that change the direction of reading as [U+202E]."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text
    shown = [
        c if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") else _code(c)
        for c in re.sub(r"\s+", " ", text)
    ]
    return "".join(shown)


def printable(text: str, glyphs: frozenset[int]) -> str:
    """Text on one line; what the fonts do not have as [U+1F642]; a zero-width space in words too long for a line."""
    return split_words("".join(c if ord(c) in glyphs else _code(c) for c in visible(text)))


def _code(character: str) -> str:
    return f"[U+{ord(character):04X}]"


def split_words(text: str) -> str:
    """A zero-width space in words too long for a line."""
    if all(len(word) <= LONGEST_WORD for word in text.split(" ")):
        return text
    words = [
        "\u200b".join(word[i : i + LONGEST_WORD] for i in range(0, len(word), LONGEST_WORD)) for word in text.split(" ")
    ]
    return " ".join(words)


@cache
def covered(name: str) -> frozenset[int]:
    """The characters that the fonts of a format have, from templates/glyphs."""
    glyphs: set[int] = set()
    for line in (TEMPLATES / "glyphs" / f"{name}.txt").read_text("utf-8").splitlines():
        for part in line.split() if not line.startswith("#") else ():
            first, _, last = part.partition("-")
            glyphs.update(range(int(first, 16), int(last or first, 16) + 1))
    return frozenset(glyphs)
