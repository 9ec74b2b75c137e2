"""Answer files as tables of text: which quantity is named where, and what each student answered, not yet read.

.toml, .json   id = number, of one student
.csv, .tsv     a column of ids and one for each student
.md            the same as a table, as ``calc blank`` writes it; other text around it is ignored

Files are untrusted: they are read as data, bounded in size, never executed.
"""

import csv
import html
import io
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from calc.errors import Fault, ProblemError, short
from calc.file import parse, text_of
from calc.problem import MOST_FAULTS

# the heads of columns that name the quantity; the first that is there is read, the others say the same again
NAMING = ("id", "quantity", "name")
ANSWER = "answer"  # the head of the column of a form that names nobody
FORM = "calc blank PROBLEM --to csv"  # writes a file to start with


class Row(NamedTuple):
    """One quantity as it is named, with what each student answered; ``where`` as in "line 4"."""

    where: str
    name: str
    cells: Sequence[object]


class Table(NamedTuple):
    """What an answer file holds; a student is "" where the file names nobody."""

    source: str
    students: tuple[str, ...]
    rows: Sequence[Row]


def read_table(path: Path | str) -> Table:
    """Read an answer file by its suffix; ``-`` reads TOML from standard input.

    Raises:
        ProblemError: it cannot be read, is no such file, or holds no answers; every fault is listed.
    """
    source = "standard input" if str(path) == "-" else str(path)
    suffix = ".toml" if str(path) == "-" else Path(path).suffix.lower()
    if suffix not in _READERS:
        fault = Fault("", f'"{suffix}" is no suffix of an answer file. Use one of {", ".join(_READERS)}')
        raise ProblemError(source, [fault])
    text = text_of(path, source, "an answer", FORM)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ProblemError(source, [Fault(f"line {line}", "U+0000 found. Save the file as text in UTF-8")])
    table = _READERS[suffix](text, source)
    if not table.rows:
        fault = Fault("", f"no answer found. Write one for each quantity, or start with: {FORM}")
        raise ProblemError(source, [fault])
    return table


# --- TOML and JSON ---------------------------------------------------------------------------------------------------


def _tables(text: str, source: str) -> Table:
    """id = number, of one student."""
    is_json = source.endswith(".json") or text.lstrip()[0] == "{"
    try:
        tables = parse(text, source)
    except ProblemError as error:
        slips = [] if is_json else _most(_slips(text))
        raise ProblemError(source, slips or error.faults) from None
    lines = {} if is_json else _lines(text)
    rows: list[Row] = []
    faults: list[Fault] = []
    for name, value in tables.items():
        where = f"line {lines[name]}" if name in lines else ""
        if isinstance(value, Mapping):
            path, inner = [name], value
            while isinstance(inner, Mapping) and inner:
                key, inner = next(iter(inner.items()))
                path.append(key)
            what = f'a table found, id = number needed. An id with a dot needs quotes: "{short(".".join(path))}" = 0.5'
            faults.append(Fault(where or short(name), what))
        rows.append(Row(where, name, (value,)))
    if faults:
        raise ProblemError(source, _most(faults))
    return Table(source, ("",), rows)


_KEY = re.compile(r"""[ \t]*+("(?:[^"\\]|\\.)*+"|'[^']*+'|[^"'=#\s\[][^"=]*+)[ \t]*+=""")
_BARE = re.compile(r"[A-Za-z0-9_.-]+")
_VALUE = re.compile(r"""(?:"[^"\\]*"|'[^']*'|[+-]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)[ \t]*(?:\#.*)?""")


def _entries(text: str) -> Iterator[tuple[int, str, str, str]]:
    """The lines of a TOML file that say something: number, key and value as typed, and all of it."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            key = _KEY.match(line)
            yield number, key[1].rstrip() if key else "", line[key.end() :].strip() if key else "", line


def _lines(text: str) -> dict[str, int]:
    """In which line of a TOML file each key stands."""
    found: dict[str, int] = {}
    for number, key, _, line in _entries(text):
        if key:
            found.setdefault(_unquoted(key), number)
            if key[0] not in "\"'":
                found.setdefault(key.partition(".")[0].strip(), number)
        else:
            found.setdefault(line.strip().strip("[]").partition(".")[0], number)
    return found


def _slips(text: str) -> Iterator[Fault]:
    """What in the lines of a file is no TOML: ids and answers that need quotes."""
    for number, key, value, line in _entries(text):
        where, answer = f"line {number}", short(value.partition("#")[0])
        name = short(_unquoted(key))
        quoted = short(key) if _BARE.fullmatch(key) or _unquoted(key) != key else f'"{name}"'
        if not key:
            if not line.lstrip().startswith("["):
                yield Fault(where, f'"{short(line)}" found, id = number needed. Mend it there')
        elif _VALUE.fullmatch(value) or _is_toml(value):
            if quoted != short(key):
                yield Fault(where, f"{name} needs quotes. Write {quoted} = {answer}")
        elif answer:
            yield Fault(where, f'{answer} found, a number or a text in quotes needed. Write {quoted} = "{answer}"')
        else:
            yield Fault(where, f'nothing found, a number needed. Write {quoted} = "" where nothing is answered')


def _unquoted(key: str) -> str:
    return key[1:-1] if key[:1] in ("'", '"') else key


def _is_toml(value: str) -> bool:
    try:
        tomllib.loads(f"answer = {value[:100]}")
    except (ValueError, RecursionError):
        return False
    return True


def _most(faults: Iterator[Fault] | Sequence[Fault]) -> list[Fault]:
    """As many faults as are listed at once."""
    listed = [fault for fault, _ in zip(faults, range(MOST_FAULTS + 1), strict=False)]
    return listed if len(listed) <= MOST_FAULTS else [*listed[:-1], Fault("", "and more. Mend these first")]


# --- tables with a column for each student ---------------------------------------------------------------------------


class _Columns:
    """The columns of a table by their heads; what is wrong with it is added to ``faults``."""

    def __init__(self, where: str, heads: Sequence[str], faults: list[Fault]) -> None:
        self.faults, self.width = faults, len(heads)
        names = [" ".join(head.split()) for head in heads]
        keys = [name.casefold() for name in names]
        naming = [key for key in NAMING if key in keys]
        self.naming = keys.index(naming[0]) if naming else 0
        self.own = [i for i, key in enumerate(keys) if key and key not in NAMING]
        self.unnamed = [i for i, key in enumerate(keys) if not key]
        self.students = tuple(names[i] for i in self.own)
        if not naming:
            listed = ", ".join(f'"{short(name, 20)}"' for name in names[:6])
            faults.append(Fault(where, f"the heads {listed} found, one for the ids needed. Head their column id"))
        elif not self.own:
            what = "no column of answers found. Add one for each student, headed by the name"
            faults.append(Fault(where, what))
        twice = {key for key, count in Counter(keys).items() if key and count > 1}
        for name in {name.casefold(): name for name in names if name.casefold() in twice}.values():
            faults.append(Fault(where, f'the head "{short(name)}" stands twice. Head each column differently'))
        if len(self.own) == 1 and keys[self.own[0]] == ANSWER:
            self.students = ("",)

    def row(self, where: str, cells: Sequence[str], delimiter: str) -> Row | None:
        """One row of the table; None where it is wrong."""
        told = f"{len(cells)} cells found, {self.width} needed"
        if len(cells) < self.width:
            self.faults.append(Fault(where, f"{told}. Add the empty ones"))
        elif any(cell.strip() for cell in cells[self.width :]):
            self.faults.append(Fault(where, f"{told}. Put a cell that has a {_SPELLED[delimiter]} in it in quotes"))
        elif any(cells[i].strip() for i in self.unnamed):
            self.faults.append(
                Fault(where, "an answer in a column without a head found. Write the student's name there")
            )
        else:
            return Row(where, cells[self.naming], [cells[i] for i in self.own])
        return None


_SPELLED = {",": "comma", ";": "semicolon", "\t": "tabulator", "|": "bar"}


def _csv(text: str, source: str) -> Table:
    """A head, then a row for each quantity; parted by comma, semicolon or tabulator, whichever the head has most."""
    head = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=re.sub('"[^"]*"', "", head).count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: _Columns | None = None
    faults: list[Fault] = []
    rows: list[Row | None] = []
    try:
        for number, cells in enumerate(reader, 1):
            where = f"row {number}"
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = _Columns(where, cells, faults)
                if faults:
                    break
            elif len(faults) <= MOST_FAULTS:
                rows.append(columns.row(where, cells, delimiter))
    except csv.Error as error:
        faults.append(Fault(f"line {reader.line_num}", f"not CSV: {error}. Mend the quotes there"))
    if faults:
        raise ProblemError(source, _most(faults))
    return Table(source, columns.students if columns else (), [row for row in rows if row])


def _markdown(text: str, source: str) -> Table:
    """The tables with a column of ids; several, e.g. one in each section, are one after the other."""
    faults: list[Fault] = []
    students: tuple[str, ...] | None = None
    rows: list[Row | None] = []
    columns: _Columns | None = None
    before: list[str] = []  # the cells of the line above
    for number, line in enumerate(text.split("\n"), 1):
        cells = _cells(line.strip())
        if not cells:
            columns = None
        elif all(re.fullmatch(":?-+:?", cell) for cell in cells):
            if {cell.casefold() for cell in before} & set(NAMING):
                columns = _Columns(f"line {number - 1}", before, faults)
                if students is not None and columns.students != students:
                    what = "other heads found than in the table before. Head the columns alike"
                    faults.append(Fault(f"line {number - 1}", what))
                students = columns.students
        elif columns is not None and any(cells) and len(faults) <= MOST_FAULTS:
            rows.append(columns.row(f"line {number}", cells, "|"))
        before = cells
    if students is None:
        faults = [Fault("", "no table with a column of ids found. Start with: calc blank PROBLEM --to md")]
    if faults:
        raise ProblemError(source, _most(faults))
    return Table(source, students or (), [row for row in rows if row])


def _cells(line: str) -> list[str]:
    """The cells of a line of a Markdown table, without escapes, ticks and dollar signs; nothing of other lines."""
    if not line.startswith("|"):
        return []
    inner = line[1:-1] if line.endswith("|") and not line.endswith("\\|") and len(line) > 1 else line[1:]
    return [_unescaped(part).strip().strip("`$").strip() for part in re.split(r"(?<!\\)\|", inner)]


def _unescaped(cell: str) -> str:
    return html.unescape(re.sub(r"\\([|_*^#])", r"\1", cell)) if "\\" in cell or "&" in cell else cell


_READERS: dict[str, Callable[[str, str], Table]] = {
    ".toml": _tables,
    ".json": _tables,
    ".csv": _csv,
    ".tsv": _csv,
    ".md": _markdown,
}
