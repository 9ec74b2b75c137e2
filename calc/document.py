"""Document > Section > Block: what is on the page and in which order. It knows no format and no language.

Words are keys of the wording files with their arguments; formulas are expressions. Nothing of it is changed once made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from calc.expr import Expr


@dataclass(slots=True)
class Line:
    """left = side = … ≈ result (number). Each side with the relation before it, "=" or "≈".

    ``notes``, one for each side where there are any: each side is a row of its own, and at its end stands why.
    """

    left: Expr
    sides: tuple[tuple[str, Expr], ...]
    number: int | None = None
    notes: tuple["Words | None", ...] = ()


@dataclass(slots=True)
class Reference:
    """The number of an earlier line, as in "from (10)"."""

    number: int


@dataclass(slots=True)
class Words:
    """A sentence or a word of the wording file by its key, with what stands in its places.

    ``default`` is said where no wording has the key: the name of an operation that somebody added.

    An argument is an expression or a line (set as a formula), a Reference, other Words, a number, or a tuple of
    such (a list with "and").
    """

    key: str
    args: Mapping[str, "Argument"] = field(default_factory=dict)
    default: str | None = None


Argument = Expr | Line | Reference | Words | int | tuple["Expr | Line | Reference | Words", ...]


@dataclass(slots=True)
class Prose:
    """A paragraph: sentences one after the other."""

    kind: ClassVar = "prose"
    sentences: tuple[Words, ...]


def prose(key: str, **args: Argument) -> Prose:
    """A paragraph of one sentence."""
    return Prose((Words(key, args),))


@dataclass(slots=True)
class Listing:
    """Items one below the other."""

    kind: ClassVar = "listing"
    items: tuple[Words, ...]


@dataclass(slots=True)
class Derivation:
    """Numbered lines, aligned at their first relation."""

    kind: ClassVar = "derivation"
    lines: tuple[Line, ...]


Cell = Expr | Line | Words | None


@dataclass(slots=True)
class Table:
    """Rows of cells; a cell is a formula, words or empty. ``head`` is empty where the cells speak for themselves."""

    kind: ClassVar = "table"
    head: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]


Block = Prose | Listing | Derivation | Table


@dataclass(slots=True)
class Section:
    """A heading and what stands under it; level 1 or 2."""

    heading: Words
    blocks: tuple[Block, ...]
    level: int = 1


@dataclass(slots=True)
class Document:
    """A page: the author's title as typed, and sections."""

    title: str
    sections: tuple[Section, ...]
