"""Matrices that do not fit a format's page: their names stay in the line, their entries go into tables.

The page decides, so this is done per format: what is one line on a wide page is a line and a table on a narrow one.
"""

from collections.abc import Iterator
from dataclasses import replace

from calc.document import Block, Cell, Derivation, Document, Line, Prose, Section, Table, Words
from calc.expr import Call, Expr, Frac, Matrix, Name, Neg, Num, Partial, Pow, Prod, Quantity, Sum, Transposed
from calc.marks import Mark
from calc.render.math import RELATION, Printer

MOST_ROWS = 16  # of a matrix in a line; a higher one is a table
NAMED = 50  # characters beside a matrix in its row
SIGN, BRACKET, FUNCTION, TRANSPOSE = 3.0, 3.0, 6.0, 3.0  # widths of what stands beside a matrix


def fit(document: Document, printer: Printer, page: float) -> Document:
    """The document with every matrix that is too large for a line of ``page`` digits' widths as a table."""
    sections = [
        Section(section.heading, tuple(_blocks(section.blocks, printer, page)), section.level)
        for section in document.sections
    ]
    return Document(document.title, tuple(sections))


def height(derivation: Derivation) -> int:
    """How many rows of matrices a derivation has at most, one below the other."""
    return sum(_rows(side) for line in derivation.lines for _, side in line.sides)


def _rows(expr: Expr) -> int:
    match expr:
        case Matrix(rows):
            return len(rows)
        case Sum(parts) | Prod(parts) | Call(_, parts):
            return sum(_rows(part) for part in parts)
        case Neg(arg) | Transposed(arg) | Pow(arg, _):
            return _rows(arg)
        case Frac(num, den):
            return _rows(num) + _rows(den)
    return 0


def _blocks(blocks: tuple[Block, ...], printer: Printer, page: float) -> Iterator[Block]:
    for block in blocks:
        if not isinstance(block, Derivation) or any(line.notes for line in block.lines):  # these have no matrices
            yield block
            continue
        left = max(printer.measure(line.left)[1] for line in block.lines)
        room = page - left - 2 * RELATION  # a row that goes on is indented
        lines: list[Line] = []
        for line in block.lines:
            kept, tables = _line(line, printer, room)
            lines += [kept] if kept else []
            if tables:
                if lines:
                    yield Derivation(tuple(lines))
                    lines = []
                yield from tables
        if lines:
            yield Derivation(tuple(lines))


def _line(line: Line, printer: Printer, room: float) -> tuple[Line | None, list[Block]]:
    """The line as it fits, None where nothing of it is left, and the tables that follow it."""
    large: list[Matrix] = []
    sides: list[tuple[str, Expr]] = []
    tables: list[Block] = []
    relation, result = line.sides[-1]
    for sign, side in line.sides[:-1]:
        fitting = _named(side, printer, room, large)
        if fitting is not None and (not sides or sides[-1][1] != fitting):  # nothing but names: said already
            sides.append((sign, fitting))
    fits = not isinstance(result, Matrix) or _fits(result, printer, room)
    if not sides and not fits and line.number is not None:  # worked entry by entry
        words = Words("matrix.worked", {"line": line.number, "matrix": line.left})
        table = _worked(line)
        return None, [Prose((words,)), replace(table, marks=_by_row(line.marks, len(table.rows)))]
    for matrix in large:
        if matrix.guarded and matrix.name is not None:
            words = Words("matrix.operand", {"line": line.number or 0, "matrix": matrix.name})
            tables.append(Prose((words,)))
            tables.append(_table(matrix, matrix.name))
    if not isinstance(result, Matrix) or fits:
        sides.append((relation, result))
    elif line.number is None:
        tables += [Prose((Words("matrix.given", {"matrix": line.left}),)), _table(result, line.left)]
    elif result.name is not None and _is_answer(result.name):
        tables.append(Prose((Words("matrix.answers"),)))
    else:
        tables += [Prose((Words("matrix.result"),)), _table(result, line.left)]
    return replace(line, sides=tuple(sides)) if sides else None, tables


def _fits(matrix: Matrix, printer: Printer, room: float) -> bool:
    if len(matrix.rows) > MOST_ROWS or len(matrix.rows[0]) > room / 3:
        return False
    text, width = printer.measure(matrix)
    return width <= room and len(text) <= printer.longest_row - NAMED


def _is_answer(name: Quantity) -> bool:
    """Whether the entries of a matrix stand under Answers: gradients, changes and new parameters."""
    if isinstance(name, Partial):
        return name.of.kind == "E" and name.by.kind in "wb" and name.sample is None
    return isinstance(name, Name) and (name.kind in ("Dw", "Db") or (name.kind in "wb" and name.updated))


def _named(expr: Expr, printer: Printer, room: float, large: list[Matrix]) -> Expr | None:
    """The side with names for matrices that are too large; None where one of them has no name."""
    match expr:
        case Matrix():
            if _fits(expr, printer, room):
                return expr
            large.append(expr)
            return expr.name
        case Sum(parts) | Prod(parts) | Call(_, parts):
            beside = SIGN + BRACKET if isinstance(expr, Sum) else SIGN
            if isinstance(expr, Call):
                beside = max(FUNCTION, 1.1 * len(expr.function))
            named = [_named(part, printer, room - beside, large) for part in parts]
            inner = tuple(part for part in named if part is not None)
            if len(inner) < len(parts):
                return None
            if isinstance(expr, Sum):
                return Sum(inner)
            return Prod(inner, expr.sign) if isinstance(expr, Prod) else Call(expr.function, inner)
        case Neg(arg) | Transposed(arg):
            inside = _named(arg, printer, room - TRANSPOSE, large)
            return None if inside is None else type(expr)(inside)
        case Pow(base, exponent):
            inside = _named(base, printer, room - SIGN, large)
            return None if inside is None else Pow(inside, exponent)
        case Frac(num, den):
            over, under = _named(num, printer, room, large), _named(den, printer, room, large)
            return None if over is None or under is None else Frac(over, under)
    return expr


def _by_row(marks: tuple[Mark, ...], rows: int) -> tuple[tuple[Mark, ...], ...]:
    """What the entries of a matrix earn, row by row, that for the method in the first; all there where rows differ."""
    if not marks:
        return ()
    method = marks[:1] if marks[0].kind == "M" else ()
    size, rest = divmod(len(marks) - len(method), rows)
    if rest:
        return (marks, *[()] * (rows - 1))
    first, *others = (marks[len(method) + i * size : len(method) + (i + 1) * size] for i in range(rows))
    return ((*method, *first), *others)


def _worked(line: Line) -> Table:
    """Each entry of a line as a line of its own, in a table."""
    (_, worked), (relation, result) = line.sides[0], line.sides[-1]
    assert isinstance(worked, Matrix)
    assert isinstance(result, Matrix)
    cells = tuple(
        tuple(number if one == number else Line(one, ((relation, number),)) for one, number in zip(*rows, strict=True))
        for rows in zip(worked.rows, result.rows, strict=True)
    )
    rows = tuple((Num.of(i), *row) for i, row in enumerate(cells, 1))
    return Table((line.left, *_numbers(len(cells[0]))), rows)


def _table(matrix: Matrix, label: Expr) -> Table:
    """Rows and columns numbered; a long column lies on its side."""
    if len(matrix.rows[0]) == 1 and len(matrix.rows) > 1:
        entries = tuple(row[0] for row in matrix.rows)
        return Table((None, *_numbers(len(entries))), ((label, *entries),))
    rows = tuple((Num.of(i), *row) for i, row in enumerate(matrix.rows, 1))
    return Table((label, *_numbers(len(matrix.rows[0]))), rows)


def _numbers(count: int) -> tuple[Cell, ...]:
    return tuple(Num.of(i) for i in range(1, count + 1))
