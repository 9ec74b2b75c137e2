"""Document > Section > Block: what is on the page and in which order. It knows no format and no language.

Words are keys of the wording files with their arguments; formulas are expressions. Nothing of it is changed once made.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from calc.expr import Expr
from calc.marks import Mark


@dataclass(slots=True)
class Line:
    """left = side = … ≈ result (number). Each side with the relation before it, "=" or "≈".

    ``notes``, one for each side where there are any: each side is a row of its own, and at its end stands why.
    ``marks``: what it earns in the marking scheme.
    """

    left: Expr
    sides: tuple[tuple[str, Expr], ...]
    number: int | None = None
    notes: tuple["Words | None", ...] = ()
    marks: tuple[Mark, ...] = field(default=(), repr=False)


@dataclass(slots=True)
class Reference:
    """The number of an earlier line, as in "from (10)"."""

    number: int


@dataclass(slots=True)
class Words:
    """A sentence or a word of the wording file by its key, with what stands in its places.

    ``default`` is said where no wording has the key: the name of an operation that somebody added.

    An argument is an expression or a line (set as a formula), a Reference, other Words, a number, a text that somebody
    typed, or a tuple of such (a list with "and").
    """

    key: str
    args: Mapping[str, "Argument"] = field(default_factory=dict)
    default: str | None = None


Argument = Expr | Line | Reference | Words | int | str | tuple["Expr | Line | Reference | Words | str", ...]


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
    """Rows of cells; a cell is a formula, words or empty. ``head`` is empty where the cells speak for themselves.

    ``marks``: what each row earns in the marking scheme; empty where none does.
    """

    kind: ClassVar = "table"
    head: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    marks: tuple[tuple[Mark, ...], ...] = field(default=(), repr=False)


Point = tuple[float, float]  # in points of print, y downwards
Text = Expr | Line | Words
Ink = Literal["black", "faint", "value", "gradient"]  # a value is set upright, a gradient in italics, whatever the ink


@dataclass(slots=True)
class Node:
    """A circle, or a pill where it is wider than high, with one or two lines of text in it."""

    name: str  # letters and digits
    at: Point
    width: float
    height: float
    lines: tuple[Text, ...] = ()
    dashed: bool = False


@dataclass(slots=True)
class Path:
    """Straight pieces from point to point; ``start`` and ``end`` are the names of nodes at whose borders it ends."""

    points: tuple[Point, ...]
    start: str = ""
    end: str = ""
    arrow: bool = False
    dashed: bool = False
    ink: Ink = "black"
    thick: bool = False


@dataclass(slots=True)
class Dot:
    """A filled circle."""

    at: Point
    radius: float = 1.2
    ink: Ink = "black"


@dataclass(slots=True)
class Label:
    """A text whose middle, left or right end stands at a point, at half its height.

    width, height: the room that is kept for it; ``ground``: paper lies under it, over what was drawn before.
    """

    at: Point
    text: Text
    width: float
    height: float
    anchor: Literal["start", "middle", "end"] = "middle"
    ink: Ink = "black"
    ground: bool = False


Shape = Node | Path | Dot | Label


@dataclass(slots=True)
class Picture:
    """Shapes in one coordinate system from (0, 0) to (width, height), the later ones over the earlier ones."""

    width: float
    height: float
    shapes: tuple[Shape, ...]


@dataclass(slots=True)
class Figure:
    """A picture with what it shows in words; it is drawn where a format shows pictures."""

    kind: ClassVar = "figure"
    name: str
    alternative: tuple[Words, ...]
    draw: Callable[[], Picture] = field(repr=False, compare=False)


@dataclass(slots=True)
class Spaces:
    """Ruled spaces to write in, each behind its label: one below the other, each with ``room`` for working
    and a box for the result; without room side by side, as for a name.
    """

    kind: ClassVar = "spaces"
    labels: tuple[Text, ...]
    room: int = 0


Block = Prose | Listing | Derivation | Table | Figure | Spaces


@dataclass(slots=True)
class Section:
    """A heading and what stands under it; level 1, 2 or 3."""

    heading: Words
    blocks: tuple[Block, ...]
    level: int = 1


@dataclass(slots=True)
class Document:
    """A page: the author's title as typed, and sections."""

    title: str
    sections: tuple[Section, ...]
