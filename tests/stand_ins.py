r"""Tables that stand in for matrices too large for their line, as text. Shares no code with `calc`.

A page says of such a matrix where its entries are:
    $W^{(1)}$, row by row; too large for a line, it stands there by its name:      a table, of what is given
    The result is too large for this line. Row by row:                              a table, of the line above
    The result is too large for this line; its entries stand under Answers.         of the line above
    Line 42 needs these digits of $W^{(1)\prime}$:                                  a table, for that line only
    Line 9: $\sigma'(Z)$ is too large for a line, and each entry is worked by itself. Row by row:
                                                                                    a table, each cell a line
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

Rows = list[list[str]]  # cells as printed, without their $
MARKDOWN_TABLE = r"(?:^\|.*\n)+"
LATEX_TABLE = r"^\\begin\{(?:tabular|longtable)\}.*\n(?:(?!\\end\{(?:tabular|longtable)\}).*\n)*\\end\{.*\n"
TABLE = re.compile(f"{MARKDOWN_TABLE}|{LATEX_TABLE}", re.MULTILINE)
BETWEEN = r"(?:\s|\\par|\\nopagebreak|\\smallskip|\{?\\footnotesize.*\n|^\}$)*"
SAID = re.compile(
    r"^\$(?P<given>.*?)\$, row by row; too large for a line, it stands there by its name:"
    r"|^Line (?P<line>\d+) needs these digits of \$(?P<operand>.*?)\$:"
    r"|^Line (?P<number>\d+): \$(?P<worked>.*?)\$ is too large for a line, and each entry is worked by itself\. "
    r"Row by row:"
    r"|^The result is too large for this line\. (?P<result>Row by row:)"
    r"|^The result is too large for this line; (?P<answers>its entries stand under Answers\.)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class StandIn:
    """A matrix in a table: of what is given, an operand of a numbered line, or the result of the line before it."""

    position: int  # in the page, of the words that lead to it
    kind: str  # "given", "operand", "worked", "result" or "answers"
    name: str  # as printed; of a result under Answers nothing
    line: str  # the number of the line that an operand belongs to, or that the table is
    rows: Rows  # of a result under Answers none


def stand_ins(page: str) -> Iterator[StandIn]:
    """Every table that stands in for a matrix, in order.

    Raises:
        ValueError: no table follows the words, or its rows and columns are not numbered through.
    """
    for said in SAID.finditer(page):
        kind = said.lastgroup or ""
        if kind == "answers":
            yield StandIn(said.start(), kind, "", "", [])
            continue
        label, rows = matrix_of(list(parts_of(list(tables_after(page, said.end())))))
        name = said["given"] or said["operand"] or said["worked"] or label
        if label != name:
            raise ValueError(f"{said[0]!r} leads to a table of {label!r}")
        yield StandIn(said.start(), kind, name, said["line"] or said["number"] or "", rows)


def parts_of(tables: list[Rows]) -> Iterator[Rows]:
    """The first tables that go on with one another: columns numbered, the same in the corner."""
    return takewhile(lambda table: table[0][0] == tables[0][0][0] and all(map(str.isdecimal, table[0][1:])), tables)


def tables_after(page: str, position: int) -> Iterator[Rows]:
    """The tables that follow one another from a place on, nothing between them."""
    gap = re.compile(BETWEEN, re.MULTILINE)
    while found := gap.match(page, position):
        if not (table := TABLE.match(page, found.end())):
            return
        yield cells_of(table[0])
        position = table.end()


def cells_of(table: str) -> Rows:
    """The rows of a table, the first its head; rows that stand beside one another one below the other."""
    rows: Rows = []
    for line in table.splitlines():
        if line.startswith("|") and not line.startswith("| ---"):
            rows.append([cell.strip() for cell in line.removeprefix("|").removesuffix("|").split(" | ")])
        elif not line.startswith(("|", r"\begin", r"\end")) and r"\\" in line:
            rows.append([cell.strip() for cell in line.rpartition(r"\\")[0].split(" & ")])
    rows = [[cell.removeprefix("$").removesuffix("$") for cell in row] for row in rows]
    if rows[0][-1] == "marks":  # what a row earns is none of its numbers
        rows = [row[:-1] for row in rows]
    head, *body = rows
    if "" not in head[1:]:
        return rows
    width = head.index("", 1)
    starts = range(0, len(head), width + 1)
    return [head[:width], *(row[i : i + width] for row in body for i in starts if any(row[i : i + width]))]


def matrix_of(tables: list[Rows]) -> tuple[str, Rows]:
    """The name in the corner and the entries of a matrix, its columns numbered in the head, its rows in front.

    A column that lies on its side has its name in front.
    """
    entries: dict[tuple[int, int], str] = {}
    label = ""
    for head, *body in tables:
        on_its_side = not head[0]
        label = body[0][0] if on_its_side else head[0]
        for row in body:
            for column, cell in zip(head[1:], row[1:], strict=True):
                entries[(int(column), 1) if on_its_side else (int(row[0]), int(column))] = cell
    if not entries:
        raise ValueError("a table was expected")
    height, width = (max(place[i] for place in entries) for i in (0, 1))
    return label, [[entries[i, j] for j in range(1, width + 1)] for i in range(1, height + 1)]


# Under Answers -------------------------------------------------------------------------------------------------------

COLUMNS = (["old value", "gradient", "change", "new value"], ["gradient", "change", "new value"])
TRANSPOSED = "with a row per unit that they come from"


@dataclass(frozen=True)
class Answer:
    """A matrix of parameters under Answers: its printed name, that of its gradient, and its columns as matrices."""

    name: str
    gradient: str
    columns: dict[str, Rows]


def answers(page: str) -> list[Answer]:
    """The matrices of parameters, put together from a page's table of answers by the shapes that the page states."""
    shapes = next((table for table in tables_of(page) if table[0] == ["parameter", "shape", "gradient", "shape"]), [])
    table = next(
        (table for table in tables_of(page) if table[0][:1] == ["parameter"] and table[0][1:] in COLUMNS), [[]]
    )
    rows = {bias: [row for row in table[1:] if is_bias(row[0]) == bias] for bias in (False, True)}
    found: list[Answer] = []
    for name, shape, gradient, _ in shapes[1:]:
        height, width = (int(size) for size in shape.split(r" \times "))
        bias = is_bias(name)
        own, rows[bias] = rows[bias][: height * width], rows[bias][height * width :]
        columns: dict[str, Rows] = {}
        for place, column in enumerate(table[0][1:], 1):
            cells = [row[place] for row in own]
            if TRANSPOSED in page and not bias:  # unit by unit a row of the table; in the matrix a column each
                columns[column] = [cells[i::height] for i in range(height)]
            else:
                columns[column] = [cells[i * width : (i + 1) * width] for i in range(height)]
        found.append(Answer(name, gradient, columns))
    return found


def tables_of(page: str) -> Iterator[Rows]:
    for found in TABLE.finditer(page):
        yield cells_of(found[0])


def is_bias(name: str) -> bool:
    return name.startswith(("b", r"\theta"))
