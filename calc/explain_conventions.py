"""Conventions: the final answers of a problem under every setting that changes them, as a page: the defensible keys.

A        the setting that the problem file has
B, C, …  the settings under which a printed answer differs, those of equal answers under one letter
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path
from typing import Any

from flint import fmpq

from calc.document import Block, Cell, Document, Listing, Section, Table, Words, prose
from calc.errors import UnsupportedError
from calc.expr import Name, Num, Partial, Quantity
from calc.lines import COLUMNS, chunks
from calc.network import Network
from calc.notation import Notation, notation_of
from calc.number import START_BITS, Shown, precision
from calc.page import Page
from calc.problem import Problem
from calc.settings import Change, Refused, candidates, own
from calc.trace import Trace
from calc.training import train

MOST_IN_PROSE = 8  # answers that are named in a sentence, not counted


@dataclass(frozen=True)
class Answered:
    """The final answers under one setting: the trace of its last update."""

    changes: tuple[Change, ...]
    words: Words
    trace: Trace

    def shown(self, quantity: Quantity) -> Shown:
        """An answer as printed."""
        return self.trace.show(quantity.id)

    def prints_as(self, other: "Answered", quantities: Sequence[Quantity]) -> bool:
        """Whether all these answers are printed alike."""
        return all(self.shown(one).value == other.shown(one).value for one in quantities)

    def equals(self, other: "Answered", quantities: Sequence[Quantity]) -> bool:
        """Whether they are alike as far as they were computed, some eighty digits."""
        with precision(START_BITS):
            gaps = [self.trace.values[one.id] - other.trace.values[one.id] for one in quantities]
            return all(gap == 0 if isinstance(gap, fmpq) else bool(gap.contains(0)) for gap in gaps)


class Conventions(Page):
    """The final answers of a problem under its own setting and under every other that it allows.

    ``answered`` has them, the problem's own first, ``refused`` the settings under which there are none;
    ``render("latex")`` gives the page as text, ``save("keys.pdf")`` writes a file.
    """

    def __init__(self, problem: Problem, templates: Path | None = None) -> None:
        self.problem, self.templates, self.language = problem, templates, problem.solution.language
        self.notation: Notation = notation_of(problem)
        self.updates = train(problem)
        self.answered = [Answered((), Words("setting.own"), self.updates[-1].trace)]
        self.refused: list[Refused] = []
        for one in candidates(problem):
            if isinstance(one, Refused):
                self.refused.append(one)
                continue
            try:
                self.answered.append(Answered(one.changes, one.words, train(one.problem)[-1].trace))
            except UnsupportedError as error:
                self.refused.append(Refused(one.changes, one.words, str(error)))

    @cached_property
    def answers(self) -> tuple[Quantity, ...]:
        """The final answers: the updated parameters and the loss before and after the last update; of a graph the
        gradients, and the updated values where there is a learning rate.
        """
        graph = self.answered[0].trace.graph
        trained = frozenset[Name]().union(*(one.trace.graph.trained for one in self.answered))
        parameters = [w for layer in graph.parameters for w in layer]
        updated = [w.after_update() for w in parameters if w in trained]
        if self.problem.rule == "perceptron":  # which descends on no loss
            return tuple(updated)
        if isinstance(self.problem, Network):
            return (*updated, graph.loss, graph.loss.after_update())
        after = (graph.loss, graph.loss.after_update()) if trained else (graph.loss,)
        return (*(Partial(graph.top, v) for v in parameters), *updated, *after)

    @cached_property
    def groups(self) -> list[list[Answered]]:
        """Settings whose answers are printed alike, the problem's own first."""
        found: list[list[Answered]] = []
        for one in self.answered:
            group = next((group for group in found if group[0].prints_as(one, self.answers)), None)
            if group is None:
                found.append([one])
            else:
                group.append(one)
        return found

    @cached_property
    def document(self) -> Document:
        """The page, in no particular format."""
        return Document(self.problem.title, (Section(Words("setting.heading"), tuple(self._blocks())),))

    def _blocks(self) -> Iterator[Block]:
        own_group, *others = self.groups
        same, nearly = _parted(own_group, self.answers)
        if len(self.answered) + len(self.refused) == 1:
            yield prose("setting.nothing")
            return
        yield prose("setting.intro" if others else "setting.same_or_none" if self.refused else "setting.all_same")
        if others:
            yield from self._table(others)
        if len(same) > 1:
            yield prose("setting.no_difference", settings=_either(same[1:]))
        if nearly:
            yield prose("setting.nearly", settings=_either(nearly))
        for one in self.refused:
            reason = Words(f"reason.{one.words.key}", default=one.reason)
            yield prose("setting.refused", setting=one.words, reason=reason)

    def _table(self, others: Sequence[Sequence[Answered]]) -> Iterator[Block]:
        """Which letter stands for what, and the answers that differ, one setting a column."""
        items = [Words("setting.item_own", {"letter": _letter(0), "settings": tuple(own(self.problem))})]
        for number, group in enumerate(others, 1):
            same, nearly = _parted(group, self.answers)
            args = {"letter": _letter(number), "settings": _either(same)}
            if nearly:
                items.append(Words("setting.item_nearly", {**args, "others": _either(nearly)}))
            else:
                items.append(Words("setting.item", args))
        yield Listing(tuple(items))
        firsts = [group[0] for group in self.groups]
        differ = [q for q in self.answers if any(not firsts[0].prints_as(one, (q,)) for one in firsts)]
        yield prose("setting.last" if len(self.updates) > 1 else "setting.table")
        tables = -(-len(others) // COLUMNS)  # each with the problem's own setting, and about as many others
        for part in chunks(range(1, len(firsts)), -(-len(others) // tables)):
            head: tuple[Cell, ...] = (Words("table.quantity"), *(_letter(number) for number in (0, *part)))
            rows = [(self._called(q, differ), *(Num(firsts[k].shown(q)) for k in (0, *part))) for q in differ]
            yield Table(head, tuple(rows))
        alike = [q for q in self.answers if q not in differ]
        for key, told in (
            ("rest", [q for q in alike if all(one.equals(firsts[0], (q,)) for one in self.answered)]),
            ("rest_nearly", [q for q in alike if not all(one.equals(firsts[0], (q,)) for one in self.answered)]),
        ):
            if len(told) > MOST_IN_PROSE:
                yield prose(f"setting.{key}_counted", count=len(told))
            elif told:
                yield prose(f"setting.{key}", answers=tuple(self._called(q, alike) for q in told))

    def _called(self, quantity: Quantity, among: Sequence[Quantity]) -> Quantity | Words:
        """A quantity; with its id where another prints alike, as a bias that serves two units."""
        if not isinstance(quantity, Name):
            return quantity
        symbol = self.notation.symbol(quantity)
        alike = [one for one in among if isinstance(one, Name) and self.notation.symbol(one) == symbol]
        if len(alike) < 2:
            return quantity
        return Words("setting.called", {"quantity": quantity, "id": Words(f"id.{quantity.id}", default=quantity.id)})

    def _as_json(self) -> dict[str, Any]:
        entries: list[dict[str, Any]] = [
            {"changes": dict(one.changes), "answers": {q.id: str(one.shown(q)) for q in self.answers}}
            for one in self.answered
        ]
        entries += [{"changes": dict(one.changes), "answers": {}, "reason": one.reason} for one in self.refused]
        return {"format": "calc-conventions", "version": 1, "title": self.problem.title, "settings": entries}


def conventions(problem: Problem, templates: str | Path | None = None) -> Conventions:
    """Work a problem under every setting that may change its answers, and verify each.

    Raises:
        UnsupportedError: a quantity is undefined or unprintable under the problem's own setting.
        VerificationError: an independent check failed; nothing may be printed.
    """
    return Conventions(problem, Path(templates) if templates is not None else None)


def _parted(group: Sequence[Answered], answers: Sequence[Quantity]) -> tuple[list[Answered], list[Answered]]:
    """Those of a group that equal the first, and those that only print alike."""
    same = [one for one in group if one.equals(group[0], answers)]
    return same, [one for one in group if one not in same]


def _either(settings: Sequence[Answered]) -> Words:
    """if …, or if …"""
    words = [one.words for one in settings]
    return reduce(lambda first, second: Words("setting.or", {"first": first, "second": second}), words)


def _letter(number: int) -> Words:
    letter = chr(ord("A") + number)
    return Words(f"letter.{letter}", default=letter)
