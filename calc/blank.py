"""Forms to fill in: the quantities of a problem by id, blank; as an answer file, or as a worksheet to print.

toml, csv, md, json   an answer file, which ``calc.answers`` reads back as not attempted
pdf, html, tex, …     a worksheet: what is given, then each quantity with room for working and a space for its number
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from calc.answer_files import ANSWER, NAMING
from calc.answers import printed_names
from calc.document import Block, Document, Prose, Section, Spaces, Words, prose
from calc.expr import Name, Quantity
from calc.network import Network
from calc.page import Page
from calc.problem import Problem
from calc.render import wording
from calc.render.markdown import Markdown
from calc.render.text import Text
from calc.render.view import View
from calc.solution import Solution, solve
from calc.steps import Step
from calc.training import Iteration

# the section of a page that works a kind of step; what stands in none of them is of the forward pass
SECTIONS = {
    "section.error": ("loss-part", "sample-loss", "data-loss", "penalty", "loss"),
    "section.backward": ("local", "path", "adjoint", "delta", "term", "gradient", "error"),
    "section.update": ("state", "change", "update"),
}


def asked(solution: Solution) -> list[list[Step]]:
    """What a form asks for, for each update, in the order of the steps: what the page works in a line of its own.

    Of several samples that is worked for one of them and tabled for the others, so it is asked for each; a quantity
    that is only another name for the one before, as ∂E/∂w of the only sample's term, is asked once. Of an update that
    the page has in tables only, the loss before and after and the updated parameters are asked, as they stand there.
    What is given, and what a page has in tables beside the lines that lead there, is not asked: it may be answered
    all the same.
    """
    worked = {_stem(id) for placed in solution.placed for id in placed}
    steps: list[list[Step]] = []
    for one, placed in zip(solution.worked, solution.placed, strict=True):
        loss, kept, numbers = one.trace.graph.loss, list[Step](), set[int]()
        losses = (loss, loss.after_update()) if loss.id in worked else ()
        for step in one.trace.steps.values():
            number, stem = placed.get(step.result.id), _stem(step.result.id)
            if number is None:
                if placed:
                    wanted = step.result in losses or (solution.problem.marked and stem in worked)
                else:
                    wanted = step.result in losses or (step.kind == "update" and stem in worked)
            else:  # of one sample alone, E = E@1 is no line but another name for it
                wanted = number not in numbers or not isinstance(step.expr, Quantity) or solution.problem.marked
                numbers.add(number)
            if wanted:
                kept.append(step)
        steps.append(kept)
    return steps


def _stem(id: str) -> str:
    return id.partition("@")[0]


class Form:
    """The blank form of a problem: ``text("csv")`` is an answer file, ``worksheet`` a page to print."""

    def __init__(self, solution: Solution) -> None:
        self.solution, self.problem, self.notation = solution, solution.problem, solution.notation
        self.said = wording(solution.templates, solution.language)
        self.steps = asked(solution)
        self.worksheet = Worksheet(self)

    def text(self, format: str) -> str:
        """An answer file; ``format`` is one of FORMS."""
        return FORMS[format](self)

    def sections(self) -> Iterator[tuple[Words, Sequence[tuple[Words, Sequence[Step]]]]]:
        """For each update its heading, and its steps by the sections that work them, each with its heading."""
        for one, steps in zip(self.solution.worked, self.steps, strict=True):
            yield _heading(one), [(Words(key), [*own]) for key, own in groupby(steps, _section)]

    def rows(self) -> Iterator[tuple[str, str, Quantity]]:
        """Each quantity that is asked: its id as an answer file has it, its printed name, and itself."""
        for update, steps in enumerate(self.steps, 1):
            end = f"#{update}" if update > 1 else ""
            names = printed_names(self.problem, {step.result.id: step.result for step in steps})
            yield from ((step.result.id + end, names[step.result.id], step.result) for step in steps)


def blank(problem: Problem, templates: str | Path | None = None) -> Form:
    """The blank form of a problem, whatever ``detail`` its page would have.

    Raises:
        CalcError: as ``solve``; what has no solution has no form.
    """
    usual = problem.solution.model_copy(update={"detail": "exam"})
    return Form(solve(problem.model_copy(update={"solution": usual}), templates))


def _heading(one: Iteration[Any]) -> Words:
    if isinstance(one.problem, Network):
        from calc.explain_training import heading  # only where there are several updates, or this

        return heading(one)
    return Words("circuit.iteration", {"index": one.index})


def _section(step: Step) -> str:
    found = [key for key, kinds in SECTIONS.items() if step.kind in kinds]
    again = isinstance(step.result, Name) and step.result.updated and step.kind not in SECTIONS["section.update"]
    return "section.check" if again else found[0] if found else "section.forward"


# --- answer files ----------------------------------------------------------------------------------------------------


def _toml(form: Form) -> str:
    """id = "" with the printed name as a comment, under the headings of the page."""
    view = View(Text(), form.notation, form.said, ())
    rows, several = form.rows(), len(form.steps) > 1
    lines = [f"# {view.text(form.problem.title)}", f"# {form.said['blank.between_quotes']}"]
    for update, sections in form.sections():
        if several:
            lines += ["", f"# {view.words(update)}"]
        for heading, steps in sections:
            lines += ["", f"# {view.words(heading)}"]
            own = [(f'{_key(id)} = ""', name) for _, (id, name, _) in zip(steps, rows, strict=False)]
            width = max(len(entry) for entry, _ in own)
            lines += [f"{entry.ljust(width)}  # {name}" for entry, name in own]
    return "\n".join(lines) + "\n"


def _key(id: str) -> str:
    return id if re.fullmatch("[A-Za-z0-9_-]+", id) else f'"{id}"'


def _csv(form: Form) -> str:
    """A row for each quantity, for a spreadsheet: cells parted by semicolons where the decimal sign is the comma."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";" if form.problem.notation.decimal == "," else ",", lineterminator="\n")
    writer.writerow([*NAMING[:2], ANSWER])
    writer.writerows([id, name, ""] for id, name, _ in form.rows())
    return "\ufeff" + out.getvalue()  # by which a spreadsheet knows that it is UTF-8


def _markdown(form: Form) -> str:
    """One table, its ids as they are typed."""
    markdown = Markdown()
    printer = markdown.formulas(form.notation)
    lines = [f"# {markdown.text(form.problem.title)}", "", f"| {NAMING[0]} | {NAMING[1]} | {ANSWER} |", "|---|---|---|"]
    for id, _, quantity in form.rows():
        typed = id.replace("|", "\\|")
        lines.append(f"| `{typed}` | {markdown.inline(printer.write(quantity))} |  |")
    return "\n".join(lines) + "\n"


def _json(form: Form) -> str:
    return json.dumps({id: "" for id, _, _ in form.rows()}, indent=1) + "\n"


FORMS: Mapping[str, Callable[[Form], str]] = {"toml": _toml, "csv": _csv, "md": _markdown, "json": _json}


# --- the worksheet ---------------------------------------------------------------------------------------------------


class Worksheet(Page):
    """What is given, as on the page of the solution, then each quantity with its name and room to work it."""

    def __init__(self, form: Form) -> None:
        solution = form.solution
        self.form, self.notation, self.templates = form, solution.notation, solution.templates
        self.language = solution.language

    @property
    def document(self) -> Document:
        return Document(self.form.problem.title, (*self._given(), *self._spaces()))

    def _given(self) -> Iterator[Section]:
        """As it stands on the page of the solution, but for what is said of tables that are not here."""
        name: Block = Spaces((Words("blank.name"), Words("blank.date")))
        for section in self.form.solution.document.sections:
            if section.heading.key == "section.given":
                blocks = [block for block in map(_without_tables, section.blocks) if block is not None]
                yield Section(section.heading, (name, *blocks, prose("blank.task")), section.level)

    def _spaces(self) -> Iterator[Section]:
        several = len(self.form.steps) > 1
        for update, sections in self.form.sections():
            if several:
                yield Section(update, ())
            for heading, steps in sections:
                spaces = Spaces(tuple(step.result for step in steps), room=1)
                yield Section(heading, (spaces,), level=2 if several else 1)

    def _as_json(self) -> dict[str, Any]:
        return {id: "" for id, _, _ in self.form.rows()}


def _without_tables(block: Block) -> Block | None:
    if not isinstance(block, Prose):
        return block
    kept = tuple(words for words in block.sentences if not words.key.startswith("training.tables"))
    return Prose(kept) if kept else None
