"""Document > Section > Block: what is on the page and in which order. It knows no format and no language.

Words are keys of the wording files with their arguments; formulas are expressions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from calc.expr import Expr


@dataclass(frozen=True)
class Line:
    """left = side = … ≈ result (number). Each side with the relation before it, "=" or "≈"."""

    left: Expr
    sides: tuple[tuple[str, Expr], ...]
    number: int | None = None


@dataclass(frozen=True)
class Reference:
    """The numbers of earlier lines, as in "from (10) and (11)"."""

    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Words:
    """A sentence or a word of the wording file by its key, with what stands in its places.

    An argument is an expression or a line (set as a formula), a tuple of expressions (a list with "and"),
    a Reference, other Words, or a number.
    """

    key: str
    args: Mapping[str, "Argument"] = field(default_factory=dict)


Argument = Expr | Line | Reference | Words | tuple["Expr | Words", ...] | int


@dataclass(frozen=True)
class Prose:
    """A paragraph: sentences one after the other."""

    sentences: tuple[Words, ...]


@dataclass(frozen=True)
class Listing:
    """Items one below the other."""

    items: tuple[Words, ...]


@dataclass(frozen=True)
class Derivation:
    """Numbered lines, aligned at their first relation."""

    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Table:
    """Rows of cells; a cell is a formula, words or empty. ``head`` is empty where the cells speak for themselves."""

    head: tuple[Expr | Words | None, ...]
    rows: tuple[tuple[Expr | Line | Words | None, ...], ...]


Block = Prose | Listing | Derivation | Table


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it; level 1 or 2."""

    heading: Words
    blocks: tuple[Block, ...]
    level: int = 1


@dataclass(frozen=True)
class Document:
    """A page: the author's title as typed, and sections."""

    title: str
    sections: tuple[Section, ...]
