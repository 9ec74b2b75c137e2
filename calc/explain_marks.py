"""Document → the same with its marking scheme: beside each line and row what it earns, under Answers the total.

A step earns its marks where it first stands on the page: M1 with the first line about it, be it without numbers as the
line of the chain rule is, A1 or A1ft with its number; in a table, row by row.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from calc.document import Block, Cell, Derivation, Document, Line, Section, Table, prose
from calc.expr import Name, Num, Quantity
from calc.marks import Mark, Scheme, total_of
from calc.training import Iteration, carried


def with_marks(
    document: Document, iterations: Sequence[Iteration[Any]], placed: Sequence[Mapping[str, int]]
) -> Document:
    """The page with what each line and row earns, what the letters mean, and the total.

    Args:
        placed: for each update the number of each quantity's line, by its id.
    """
    marker = _Marker(iterations, placed)
    sections = [replace(section, blocks=tuple(map(marker.block, section.blocks))) for section in document.sections]
    told: list[Section] = []
    for section in sections:
        blocks = list(section.blocks)
        if section.heading.key == "section.given":
            blocks.append(prose("marks.meaning"))
        if section.heading.key == "section.answers":
            blocks.append(total_words(marks_on(sections)))
        told.append(replace(section, blocks=tuple(blocks)))
    return Document(document.title, tuple(told))


def schemes_of(iterations: Sequence[Iteration[Any]]) -> list[Scheme]:
    """What the steps of each update earn; a later one begins with results of the one before."""
    schemes = [Scheme(iterations[0].trace)]
    for one in iterations[1:]:
        left = {old for old, _ in carried(one.problem, one.trace.graph)}
        schemes.append(Scheme(one.trace, schemes[-1], left))
    return schemes


def total_words(marks: Sequence[Mark]) -> Block:
    """Marks counted, in a sentence."""
    total = total_of(marks)
    counts = {"method": total.method, "accuracy": total.accuracy, "following": total.following, "all": total.all}
    return prose("marks.total", **counts)


def marks_on(sections: Sequence[Section]) -> list[Mark]:
    """Every mark that is shown beside a line or a row."""
    found: list[Mark] = []
    for block in (block for section in sections for block in section.blocks):
        if isinstance(block, Derivation):
            found += [mark for line in block.lines for mark in line.marks]
        elif isinstance(block, Table):
            found += [mark for row in block.marks for mark in row]
    return found


class _Marker:
    """Goes through the page once and gives every step of every update its marks, each once."""

    def __init__(self, iterations: Sequence[Iteration[Any]], placed: Sequence[Mapping[str, int]]) -> None:
        self.iterations = iterations
        self.update = 0  # of which the page speaks, counted from 0
        self.updates: dict[object, int] = {one.trace: i for i, one in enumerate(iterations)}
        self.given: set[tuple[int, str, str]] = set()  # an update, an id and the kind of the mark that it has earned
        self.schemes = schemes_of(iterations)
        self.left = dict(carried(iterations[0].problem, iterations[0].trace.graph))  # what of an update goes on as what
        self.lines: dict[int, list[tuple[int, str]]] = {}  # what stands in a line, by its number
        for i, numbers in enumerate(placed):
            for id, number in numbers.items():
                self.lines.setdefault(number, []).append((i, id))

    def block(self, block: Block) -> Block:
        """A block with what it earns."""
        if isinstance(block, Derivation):
            return Derivation(tuple(replace(line, marks=tuple(self._of_line(line))) for line in block.lines))
        if isinstance(block, Table):
            marks = tuple(tuple(self._of_row(row)) for row in block.rows)
            return replace(block, marks=marks if any(marks) else ())
        return block

    def _of_line(self, line: Line) -> Iterator[Mark]:
        if line.number is None:
            return
        for i, id in self.lines.get(line.number, ()):
            self.update = i
            yield from self._earned(i, id)
        if line.number not in self.lines and isinstance(line.left, Quantity):  # its number follows in a later line
            yield from self._earned(self.update, line.left.id, kinds="M")

    def _of_row(self, row: Sequence[Cell]) -> Iterator[Mark]:
        for cell in row:
            if isinstance(cell, Num) and cell.source is not None:
                trace, id = cell.source
                i = self.updates.get(trace)
                if i is not None:  # a prediction after all updates belongs to none of them
                    yield from self._earned(i, id)

    def _earned(self, i: int, id: str, kinds: str = "MA") -> Iterator[Mark]:
        """The marks of a step that it has not earned yet."""
        if i > 0 and id not in self.iterations[i].trace.steps:  # the w of this update is the w' of the one before
            i, id = i - 1, self.left.get(id, id)
        if self._said_before(i, id):
            return
        for mark in self.schemes[i][id]:
            if mark.kind in kinds and (i, id, mark.kind) not in self.given:
                self.given.add((i, id, mark.kind))
                yield mark

    def _said_before(self, i: int, id: str) -> bool:
        """Whether it is a result of the forward pass with which the update before has ended: E of E'."""
        before, now = self.iterations[i - 1], self.iterations[i]
        if i == 0 or before.samples != now.samples or now.trace.graph.ahead or id not in now.trace.steps:
            return False
        result = now.trace.steps[id].result
        if not isinstance(result, Name) or result.updated:
            return False
        return (i - 1, result.after_update().id, "A") in self.given
