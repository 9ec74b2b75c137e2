"""A report on a terminal: its tables in colours, the rest as plain text."""

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text as Coloured

from calc.document import Cell, Document, Prose, Section, Table, Words
from calc.render import render, wording
from calc.render.text import Text
from calc.render.view import View
from calc.report import Report

RIGHT, FOLLOWS, WRONG, BLANK = "green", "yellow", "bold red", "dim"
ROWS = {  # by what is said in them
    "report.right": RIGHT,
    "report.rounded_early": RIGHT,
    "report.last_digit": RIGHT,
    "report.follows": FOLLOWS,
    "report.known_mistake": WRONG,
    "report.known_mistake_follows": WRONG,
    "report.wrong": WRONG,
    "report.not_attempted": BLANK,
    "report.cannot_judge": FOLLOWS,
}
COLUMNS = {  # by their heads, where a row counts several verdicts
    "report.head_right": RIGHT,
    "report.head_follows": FOLLOWS,
    "report.head_wrong": WRONG,
    "report.head_first": WRONG,
    "report.head_blank": BLANK,
}


def show(report: Report) -> None:
    """Print a report on the terminal."""
    console = Console(highlight=False)
    said = wording(report.templates, report.language)
    view = View(Text(), report.notation, said, ())
    for section in report.document.sections:
        console.print(Coloured(view.words(section.heading), style="bold"))
        for block in section.blocks:
            if isinstance(block, Table):
                console.print(_grid(block, view))
            elif isinstance(block, Prose):  # in lines as wide as the terminal
                console.print(Coloured(view.prose(block.sentences) + "\n"))
            else:
                bare = Document("", (Section(section.heading, (block,)),))
                text = render(bare, Text, report.notation, report.templates, report.language)
                console.print(Coloured(_below_heading(text) + "\n"))


def _grid(table: Table, view: View) -> Grid:
    grid = Grid()
    for head in table.head:
        grid.add_column(_said(head, view), style=COLUMNS.get(_key(head), ""))
    for row in table.rows:
        style = next((ROWS[_key(cell)] for cell in row if _key(cell) in ROWS), "")
        grid.add_row(*(_said(cell, view) for cell in row), style=style)
    return grid


def _said(cell: Cell, view: View) -> Coloured:
    """As plain text: brackets in it are no marks of colours."""
    return Coloured("" if cell is None else view.argument(cell))


def _key(cell: Cell) -> str:
    return cell.key if isinstance(cell, Words) else ""


def _below_heading(page: str) -> str:
    """A page of one section without the rules and headings above its block."""
    lines = page.strip("\n").split("\n")
    rules = [i for i, line in enumerate(lines) if line and set(line) <= {"=", "-"}]
    return "\n".join(lines[rules[-1] + 1 :]).strip("\n")
