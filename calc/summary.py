"""Problem → Document: what was read, in short, before anything is worked; a notebook shows a problem so."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from calc.document import Block, Document, Listing, Prose, Section, Table, Words, prose
from calc.explain_training import schedule
from calc.given import GivenWriter
from calc.lines import plural
from calc.network import Network
from calc.notation import notation_of
from calc.page import Page
from calc.problem import Problem
from calc.steps import forward, graph_of
from calc.trace import Trace

MOST_ROWS, MOST_COLUMNS = 12, 20  # of a table
MOST_TABLES = 4  # below one another
KEPT = (  # the conventions that say what is computed, not how it is written
    *("given.loss", "given.mean", "given.sum", "given.rate", "given.penalty", "given.mask"),
    *("rule.", "circuit.rate", "circuit.upstream"),
)


class Unworked(Trace):
    """The lines of an update before any is worked: what is given can be shown, nothing has a value besides."""

    def _evaluate(self) -> None:
        self.values = dict(self.given)


class Summary(Page):
    """What a problem gives, as a page of one section: its kind and shape, data, parameters, loss and rule of change."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.language, self.notation = problem, problem.solution.language, notation_of(problem)

    @cached_property
    def document(self) -> Document:
        (given,) = _given(self.problem)
        blocks = tuple(_short(given.blocks))
        if isinstance(self.problem, Network):
            shape = "-".join(map(str, self.problem.widths))  # digits, the same in every language
            first, *rest = blocks
            assert isinstance(first, Prose)
            shaped = Prose((*first.sentences, Words("summary.shape", {"shape": Words(shape, default=shape)})))
            several = len(self.problem.updates) * self.problem.epochs > 1
            blocks = (shaped, *rest, *([Prose(tuple(schedule(self.problem)))] if several else []))
        return Document(self.problem.title, (Section(given.heading, blocks),))

    def _as_json(self) -> dict[str, Any]:
        return self.problem.model_dump(mode="json", exclude_none=True)


def _given(problem: Problem) -> Sequence[Section]:
    """The section Given as it stands on a page that is worked unit by unit."""
    graph, rounding = graph_of(problem, problem.updates[0]), problem.rounding.rule
    if isinstance(problem, Network) and problem.rule == "gradient":
        steps = {step.result.id: step for step in forward(graph)}  # in a large network the others take seconds
        trace = Unworked(problem, graph, rounding, False, steps)
        return list(GivenWriter(problem, trace, trace).given())
    trace = Unworked(problem, graph, rounding, False)
    if isinstance(problem, Network):
        from calc.explain_rules import RuleWriter  # each kind is loaded where it is asked for

        return list(RuleWriter(problem, trace, trace).given())
    from calc.circuit import Circuit
    from calc.explain_circuit import CircuitWriter

    assert isinstance(problem, Circuit)
    return list(CircuitWriter(problem, trace, trace).given())


def _short(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks of the section without conventions and rounding, and without what makes tables long."""
    tables = 0  # below one another so far
    for block in blocks:
        if tables > MOST_TABLES and not isinstance(block, Table):
            yield _more("tables", tables - MOST_TABLES)
        tables = tables + 1 if isinstance(block, Table) else 0
        match block:
            case Prose((Words("given.conventions"),)):
                pass
            case Listing(items):
                kept = tuple(item for item in items if item.key.startswith(KEPT))
                if kept:
                    yield Listing(kept)
            case Table(head, rows) if tables <= MOST_TABLES:
                yield Table(head[:MOST_COLUMNS], tuple(row[:MOST_COLUMNS] for row in rows[:MOST_ROWS]))
                width = max(len(head), *map(len, rows))
                for what, more in ("rows", len(rows) - MOST_ROWS), ("columns", width - MOST_COLUMNS):
                    if more > 0:
                        yield _more(what, more)
            case Table():
                pass
            case _:
                yield block


def _more(what: str, count: int) -> Prose:
    return prose(f"summary.{what}_{plural(count)}", count=count)
