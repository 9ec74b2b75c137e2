"""What templates ask for: everything of a document as finished strings of a format."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from functools import cache, cached_property, reduce
from itertools import pairwise
from typing import Any, NamedTuple

from calc.document import Argument, Cell, Derivation, Document, Figure, Line, Reference, Section, Spaces, Table, Words
from calc.expr import Expr, Num
from calc.marks import Mark
from calc.notation import Notation
from calc.render.fit import height
from calc.render.format import Drawing, Format
from calc.render.latex import Latex
from calc.render.layout import GAP, LONG, Row, cut, fold, rows, split
from calc.render.math import RELATION
from calc.render.speech import Speech
from calc.render.text import Text, stacked

SHORT = 14  # rows that stay on one page
KEPT = 4  # rows of one line that are not parted between pages
HIGH = 20  # rows of matrices that need not
SUMMARIES = ("section.answers", "section.training", "section.predictions")  # nothing is asked there
MARKED = 12  # characters of the frame of a row's marks
NOTED = 100  # characters of a note and the frame of its row
MOST_CHARACTERS = 1000  # of one block of formulas; some hosts refuse longer ones
PICTURE = (465.0, 560.0)  # points: the largest picture on a page, which larger ones are scaled down to


@cache  # as many as the wording files have
def _sentence(format: Format, said: str) -> list[str]:
    """A sentence in pieces: words, escaped, and between them the names of its places."""
    pieces = said.replace("}", "{").split("{")
    return [piece if i % 2 or not piece else format.said(piece) for i, piece in enumerate(pieces)]


class View:
    """What a template may ask for: everything as finished strings of its format."""

    def __init__(
        self,
        format: Format,
        notation: Notation,
        said: Mapping[str, str],
        placed: Sequence[Mapping[str, int]],
    ) -> None:
        self.format, self.said, self.placed = format, said, placed
        self.language = said["page.language"]
        self.printer = format.formulas(notation)
        self.speech = Speech(notation, said) if format.speaks else None
        self.within, self.within_printer = format, self.printer  # of formulas in sentences and tables
        self._escaped: dict[str, str] = {}
        self.margin = 0.0  # digits' widths of a line that its marks take
        self._marks: dict[int, str] = {}  # what a line earns, by its number

    def write_within(self, format: Format) -> None:
        """From now on formulas in sentences and tables are written in another format."""
        self.within, self.within_printer = format, format.formulas(self.printer.notation)

    def keep_margin(self, document: Document) -> None:
        """Make room at the right for what the lines of the document earn."""
        lines = [line for s in document.sections for b in s.blocks if isinstance(b, Derivation) for line in b.lines]
        for line in lines:
            if line.number is not None and line.marks:
                self._marks[line.number] = self._plain(earned(line.marks))
        if self._marks or any(isinstance(b, Table) and b.marks for s in document.sections for b in s.blocks):
            self.margin = 1.5 + max([5, *map(len, self._marks.values())])

    def marks(self, number: int | None) -> str:
        """What the line of this number earns, e.g. M1 A1ft, as plain text; empty where it earns nothing."""
        return self._marks.get(number, "") if number is not None else ""

    def _plain(self, words: Words) -> str:
        """Words with nothing but counts and words in their places, in no format's writing."""
        args = {place: self._plain(arg) if isinstance(arg, Words) else arg for place, arg in words.args.items()}
        return self.said[words.key].format(**args)

    def text(self, text: str) -> str:
        """Any text, escaped; the pieces of our own sentences recur, so each is escaped once."""
        if text not in self._escaped:
            self._escaped[text] = self.format.text(text)
        return self._escaped[text]

    def title(self, document: Document) -> str:
        """The author's title; where it is blank, words in its place: a PDF for screen readers has to have one."""
        return document.title if document.title.strip() else self.said["page.untitled"]

    def words(self, words: Words) -> str:
        """A sentence with its formulas."""
        sentence = _sentence(self.format, self._said(words))
        if len(sentence) == 1:
            return sentence[0]
        return "".join([self.argument(words.args[part]) if i % 2 else part for i, part in enumerate(sentence)])

    def _said(self, words: Words) -> str:
        return self.said[words.key] if words.default is None else self.said.get(words.key, words.default)

    def argument(self, argument: Any) -> str:
        """What stands in a place of a sentence."""
        match argument:
            case Words():
                return self.words(argument)
            case int() | str():
                return self.text(str(argument))
            case Reference(number):
                return self.format.reference(number, self.said["list.line"].replace("{number}", str(number)))
            case tuple():
                # where 0,3 is a number, "0,3, 0,5 and 1" is no list that anybody can read
                numbers = self.printer.notation.decimal == "," and any(isinstance(one, Line | Num) for one in argument)
                return self._list([self.argument(one) for one in argument], "semicolon" if numbers else "comma")
            case Line(left, sides):
                relations, write = self.within.relations, self.within_printer.write
                right = "".join(f" {relations[sign]} {write(side)}" for sign, side in sides)
                return self._spoken(write(left) + right, argument)
        return self._spoken(self.within_printer.write(argument), argument)

    def _spoken(self, formula: str, of: Expr | Line) -> str:
        """A formula within a sentence or a table, with the words in which it is read aloud."""
        if self.speech is None:
            return self.within.inline(formula)
        return self.format.spoken(formula, self.speech.line(of) if isinstance(of, Line) else self.speech.write(of))

    def _list(self, parts: list[str], sign: str) -> str:
        if len(parts) < 2:
            return "".join(parts)
        return (
            self.format.said(self.said[f"list.{sign}"]).join(parts[:-1]) + self.text(self.said["list.and"]) + parts[-1]
        )

    def say(self, key: str, **args: Argument) -> str:
        """A sentence of the page itself, such as a label."""
        return self.words(Words(key, args))

    def prose(self, sentences: Iterable[Words]) -> str:
        """A paragraph."""
        return self.text(" ").join(self.words(one) for one in sentences)

    def tables(self, table: Table) -> list["Grid"]:
        """The table, or several of fewer columns where it is wider than the page."""
        small = self.format.small_page
        table = beside(table)
        if len(table.rows) <= LONG or small is None:
            parts = split(table, self.format.page, self._cell_width)
            if self.format.most_rows is not None:
                parts = [piece for part in parts for piece in cut(part, self.format.most_rows)]
            if len(parts) == 1 or small is None or len(split(table, small, self._cell_width)) > 1:
                return [self._grid(part, False) for part in parts]
            return [self._grid(table, True)]  # in small letters it fits as a whole
        parts = split(table, small, self._cell_width)
        return [self._grid(fold(part, small, self._cell_width), True) for part in parts]

    def _grid(self, table: Table, long: bool) -> "Grid":
        head, *rows = [
            ["" if cell is None else self.argument(cell) for cell in row] for row in (table.head, *table.rows)
        ]
        return Grid(head, rows, max(len(table.head), *map(len, rows), 0), len(rows) <= SHORT, long, table)

    @cached_property
    def _naming(self) -> "View":
        """The same with words for every formula."""
        view = copy(self)
        view.speech = Speech(self.printer.notation, self.said)
        return view

    def header(self, cell: Cell) -> str:
        """A cell that names its row or its column, its formulas with the words in which they are read aloud."""
        return "" if cell is None else self._naming.argument(cell)

    def widths(self, grid: "Grid") -> list[float]:
        """How wide each column of a table becomes."""
        rows = [grid.table.head, *grid.table.rows]
        return [max(self._cell_width(row[i]) for row in rows if i < len(row)) for i in range(grid.width)]

    def _argument_width(self, argument: Any) -> float:
        if isinstance(argument, tuple):  # in a row: a, b and c
            return sum(map(self._argument_width, argument)) + 4.5 * (len(argument) - 1)
        if isinstance(argument, int | str | Reference):
            return 4.0 if isinstance(argument, Reference) else 0.9 * len(str(argument))
        return self._cell_width(argument)

    def _cell_width(self, cell: Cell) -> float:
        match cell:
            case None:
                return 0.0
            case Words():
                said = self._said(cell)
                for place in cell.args:
                    said = said.replace(f"{{{place}}}", "")
                return 0.9 * len(said) + sum(map(self._argument_width, cell.args.values()))
            case Line(left, sides):
                return self._width(left) + sum(self._width(side) + RELATION for _, side in sides)
            case Num(shown):
                return self._width(cell) - 1.5 * shown.negative  # no brackets here
        return self._width(cell)

    def _width(self, expr: Expr) -> float:
        return self.printer.measure(expr)[1]

    def blocks(self, derivation: Derivation) -> list[list[Row]]:
        """Rows of a derivation, in blocks that no host refuses for their length."""
        notes = [self._cell_width(note) for line in derivation.lines for note in line.notes if note]
        room = self.format.page - self.margin - (max(notes) + GAP if notes else 0)
        laid = rows(derivation.lines, self.printer, room, self.format.relations, self.speech, self.format.row)
        if not self.format.hosted:  # a compiler or a browser takes any length
            return [laid]
        lines: list[list[Row]] = []
        for row in laid:
            if row.left or not lines:
                lines.append([])
            lines[-1].append(row)
        blocks: list[list[Row]] = [[]]
        used = 0
        for line in lines:
            whole = self._characters(line) <= MOST_CHARACTERS  # only what is too long for a block of its own is torn
            for part in [line] if whole else [[row] for row in line]:
                size = self._characters(part)
                if blocks[-1] and used + size > MOST_CHARACTERS:
                    blocks.append([])
                    used = 0
                blocks[-1] += part
                used += size
        return blocks

    def _characters(self, rows: list[Row]) -> int:
        """How long a block of rows becomes, its frame included."""
        frame = sum([30 if row.note is None else NOTED for row in rows])
        marks = sum([MARKED + len(self.marks(row.number)) for row in rows]) if self.margin else 0
        return sum([len(row.left) + len(row.right) for row in rows]) + frame + marks

    def kept(self, derivation: Derivation, rows: list[Row]) -> list[bool]:
        """Which rows stay on a page with the next one: those of a line, and at either end none stands alone."""
        starts = [i for i, row in enumerate(rows) if i == 0 or row.left or rows[i - 1].note] + [len(rows)]
        kept = [False] * len(rows)
        for start, end in pairwise(starts):
            if end - start <= KEPT and not self.tall(derivation):
                kept[start : end - 1] = [True] * (end - start - 1)
        if not self.printer.notation.matrices and len(rows) > 1:  # a row of those is high enough to stand alone
            kept[0] = True
            kept[-2] = True
        return kept

    def parts(self, document: Document) -> list["Part"]:
        """An exam: what is asked, without the section that says what is given."""
        parts: list[Part] = []
        before: list[Section] = []
        for group in _groups([one for one in document.sections if one.heading.key != "section.given"]):
            head = group[0]
            lines = sum(map(_lines_of, group))
            points = sum(map(_marks_of, group)) if self.margin else lines
            if parts and head.heading.key in SUMMARIES:
                parts[-1] = parts[-1].with_answers(group, points if self.margin else 0)
            elif lines:
                key = head.heading.key.replace("section.", "exam.")
                asked = head.heading if key not in self.said else Words(key, head.heading.args)
                parts.append(Part(self.words(asked), points, before, group))
                before = []
            else:
                before += group
        return parts

    def note(self, words: Words) -> str:
        """A sentence within a block of formulas."""
        sentence = self._said(words).replace("}", "{").split("{")
        pieces = [
            self._bare(words.args[part]) if i % 2 else self.format.label(part)
            for i, part in enumerate(sentence)
            if part
        ]
        return "".join(pieces)

    def _bare(self, argument: Any) -> str:
        """What stands in a place of a note."""
        match argument:
            case Words():
                return self.note(argument)
            case Line(left, sides):
                relations = self.format.relations
                right = "".join(f" {relations[sign]} {self.printer.write(side)}" for sign, side in sides)
                return self.printer.write(left) + right
        return self.printer.write(argument)

    def figure(self, figure: Figure) -> str:
        """A picture, drawn only where the format shows any."""
        if not self.format.pictures:
            return ""
        return self.format.figure(draw(figure, self.format.pictures, self.printer.notation, self.said))

    def tall(self, derivation: Derivation) -> bool:
        """Whether matrices make a derivation so high that it has to be broken across pages."""
        return self.printer.notation.matrices and height(derivation) > HIGH

    def lines(self, derivation: Derivation) -> list[str]:
        """A derivation in columns of characters, its numbers at the right edge."""
        laid = [row for block in self.blocks(derivation) for row in block]
        column = max(len(row.left) for row in laid)
        page = int(self.format.page - self.margin) + 8
        notes = max((len(self.note(row.note)) for row in laid if row.note is not None), default=0)
        out: list[str] = []
        high = False
        for row in laid:
            texts = stacked(f"  {row.left.rjust(column)} {row.right}")
            if row.note is not None:
                note = self.note(row.note)
                if len(texts[-1]) > page - notes - 2:  # no room beside it
                    texts.append("")
                texts[-1] = f"{texts[-1].ljust(page - notes - 2)}  {note}"
            if row.number is not None:
                middle = (len(texts) - 1) // 2
                number = f"({row.number})".ljust(4)
                texts[middle] = f"{texts[middle].ljust(page - 6)}  {number}  {self.marks(row.number)}".rstrip()
            apart = out and out[-1] and (len(texts) > 1 or high)  # high brackets do not touch
            out += [*([""] if apart else []), *texts]
            high = len(texts) > 1
        return out


class Part(NamedTuple):
    """A part of an exam: what is asked, and the sections that answer it; ``before`` is said ahead of it."""

    task: str
    points: int
    before: list[Section]
    sections: list[Section]

    def with_answers(self, sections: list[Section], points: int) -> "Part":
        """The same with sections at its end, and so many points more."""
        return self._replace(points=self.points + points, sections=[*self.sections, *sections])


TASKS = ("section.forward", "section.error", "section.backward", "section.update", "section.check")


def _groups(sections: Sequence[Section]) -> list[list[Section]]:
    """Each section of level 1, and each pass below a step of a descent, with those below it."""
    groups: list[list[Section]] = []
    for section in sections:
        if section.level == 1 or section.heading.key in TASKS:
            groups.append([])
        groups[-1].append(section)
    return groups


def _lines_of(section: Section) -> int:
    """How many lines a student writes: numbered ones, those by a rule of differentiation, rows of tables, spaces."""
    count = 0
    for block in section.blocks:
        if isinstance(block, Derivation):
            count += sum([len(line.notes) or line.number is not None for line in block.lines])
        elif isinstance(block, Table):
            count += len(block.rows)
        elif isinstance(block, Spaces) and block.room:
            count += len(block.labels)
    return count


def _marks_of(section: Section) -> int:
    """How many marks its lines and the rows of its tables earn."""
    lines = [line for block in section.blocks if isinstance(block, Derivation) for line in block.lines]
    rows = [row for block in section.blocks if isinstance(block, Table) for row in block.marks]
    return sum(len(line.marks) for line in lines) + sum(map(len, rows))


def earned(marks: Sequence[Mark]) -> Words:
    """Marks in letters, those of a kind together: M1 A1ft of a line, M6 A2 A4ft of a row."""
    kinds = Counter(map(_kind, marks))
    words = [Words(f"marks.{kind}", {"count": kinds[kind]}) for kind in KINDS if kind in kinds]
    return reduce(lambda first, second: Words("marks.both", {"first": first, "second": second}), words)


KINDS = ("method", "accuracy", "following")


def _kind(mark: Mark) -> str:
    return "method" if mark.kind == "M" else "following" if mark.follow_through else "accuracy"


def beside(table: Table) -> Table:
    """A table with what its rows earn as its last column."""
    if not table.marks:
        return table
    width = max(len(table.head), *map(len, table.rows))
    head = (*table.head, *[None] * (width - len(table.head)), Words("table.marks")) if table.head else ()
    rows = [
        (*row, *[None] * (width - len(row)), earned(marks) if marks else None)
        for row, marks in zip(table.rows, table.marks, strict=True)
    ]
    return Table(head, tuple(rows))


class Grid(NamedTuple):
    """A table as finished strings; ``short``: it need not break across pages; ``long``: it is set small.

    ``table`` is what it was made of.
    """

    head: list[str]
    rows: list[list[str]]
    width: int
    short: bool
    long: bool
    table: Table

    def columns(self) -> list[str]:
        """The table in columns of characters, a rule under its head."""
        grid = [row for row in (self.head, *self.rows) if row]
        widths = [max(len(row[i]) for row in grid if i < len(row)) for i in range(self.width)]
        lines = ["  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=False)).rstrip() for row in grid]
        return [lines[0], "  " + "  ".join("─" * w for w in widths), *lines[1:]] if self.head else lines


def draw(
    figure: Figure, kind: str, notation: Notation, said: Mapping[str, str], title: str = "", whole: bool = False
) -> Drawing:
    """Draw a figure.

    Args:
        kind: "svg" or "tikz".
        title: what stands before its own title, e.g. the problem's.
        whole: as large as it is, not as a page has room for it, and on paper of its own.
    """
    picture = figure.draw()
    alternative = View(Text(), notation, said, ()).prose(figure.alternative)
    width, height = PICTURE
    scale = 1.0 if whole else min(1.0, width / picture.width, height / picture.height)
    size = scale * picture.width, scale * picture.height, alternative
    if kind == "tikz":
        from calc.render.tikz import tikz  # each is loaded where it is asked for

        return Drawing(tikz(picture, View(Latex(), notation, said, ()).argument, scale), *size)
    from calc.render.svg import Svg, svg

    named = said[f"figure.title_{figure.name}"]
    heading = f"{title}: {named}" if title.strip() else named
    return Drawing(svg(picture, View(Svg(), notation, said, ()).argument, heading, alternative, scale, whole), *size)
