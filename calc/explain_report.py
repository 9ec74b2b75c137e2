"""Judged sheets → Document: what was answered beside the key, and the first wrong line worked.

one sheet    a summary, the first wrong line with what went wrong there, a table of all answers
a class      a table of the students, a table of the quantities, then each student's first wrong line
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from calc.answers import Written
from calc.award import Award
from calc.document import Block, Cell, Derivation, Document, Line, Listing, Prose, Section, Table, Words, prose
from calc.expr import Num, Quantity
from calc.judge import FINE, Judged, Marked, Verdict
from calc.key import Key, placed
from calc.lines import step_line
from calc.marks import Total
from calc.number import Shown
from calc.settings import Setting

LONGEST_PLAIN = 12  # digits of a number that is written without a power of ten


class Reporter:
    """Writes the page of one sheet or of a class."""

    def __init__(
        self,
        key: Key,
        marked: Sequence[Marked],
        settings: Sequence[Setting | None],
        awards: Sequence[Award] | None,
        setting_of: Callable[[Judged], Setting | None],
    ) -> None:
        """
        Args:
            settings: for each sheet the setting of the problem under which everything is right, if there is one.
            awards: for each sheet the marks that its answers earn; None: marks are not asked for.
            setting_of: the setting under which one wrong number is the right one.
        """
        self.setting_of = setting_of
        self.key, self.marked, self.settings = key, marked, settings
        self.awards = [None] * len(marked) if awards is None else list(awards)
        self.marks = awards is not None
        self.several = len(key.traces) > 1  # updates

    def document(self) -> Document:
        title = self.key.problem.title
        if len(self.marked) == 1:
            return Document(title, tuple(self._sheet(self.marked[0], self.settings[0], self.awards[0])))
        return Document(title, tuple(self._class()))

    # --- one sheet ---------------------------------------------------------------------------------------------------

    def _sheet(self, one: Marked, setting: Setting | None, award: Award | None) -> Iterator[Section]:
        blocks: list[Block] = [Prose(tuple(self._summary(one, setting, award)))]
        heading = Words("report.of", {"student": one.sheet.student}) if one.sheet.student else Words("report.checked")
        yield Section(heading, tuple(blocks))
        if one.first_wrong is not None:
            yield Section(Words("report.first"), tuple(self._worked(one.first_wrong)))
        yield Section(Words("section.answers"), tuple(self._answers(one, award)))

    def _summary(self, one: Marked, setting: Setting | None, award: Award | None) -> Iterator[Words]:
        if setting is not None:
            yield Words("report.setting", {"setting": setting.words})
        counts = Counter(judged.verdict for judged in one.judged)
        attempted = len(one.judged) - counts[Verdict.NOT_ATTEMPTED]
        right = sum(counts[verdict] for verdict in FINE) - counts[Verdict.NOT_ATTEMPTED]
        if not attempted:
            yield Words("report.nothing")
        elif right == attempted:
            yield Words("report.all_one" if attempted == 1 else "report.all_many", {"count": attempted})
        elif not right:
            yield Words("report.none_one" if attempted == 1 else "report.none_many", {"count": attempted})
        else:
            yield Words("report.some_one" if right == 1 else "report.some_many", {"right": right, "count": attempted})
        for verdict in (Verdict.ROUNDED_EARLY, Verdict.LAST_DIGIT, Verdict.FOLLOWS, Verdict.CANNOT_JUDGE):
            yield from self._counted(f"report.count_{_key(verdict)}", counts[verdict])
        if attempted:
            yield from self._counted("report.count_not_attempted", counts[Verdict.NOT_ATTEMPTED])
        trivial = tuple(dict.fromkeys(id for judged in one.judged for id in judged.trivial))
        if trivial:
            yield Words("report.trivial", {"quantities": tuple(map(self._named, trivial))})
        if award is not None:
            places = {"earned": award.earned.all, "possible": award.possible.all}
            yield Words("report.marks", places | _kinds(award.earned))

    def _counted(self, key: str, count: int) -> Iterator[Words]:
        if count:
            yield Words(f"{key}_one" if count == 1 else f"{key}_many", {"count": count})

    def _worked(self, judged: Judged) -> Iterator[Block]:
        """The step beside the student's number, and what went wrong."""
        id, number = placed(judged.answer.id)
        written = judged.answer.written
        assert written is not None
        quantity = self._named(judged.answer.id)
        given = Num(shown(written))
        told = Words("report.first_is", {"quantity": quantity, "given": given, "key": Num(judged.key)})
        trace = self.key.traces[number]
        step = trace.steps.get(id)
        if step is None:  # it is given, or constant
            yield Prose((told,))
        else:
            line, _ = step_line(trace, step)
            yield Prose((told, Words("report.worked_so")))
            yield Derivation((line,))
        said = list(self._mistakes(judged))
        if judged.sources:
            sources = tuple(map(self._named, judged.sources))
            said.insert(0, Words("report.on_wrong", {"quantities": sources}))
        setting = self.setting_of(judged)
        if setting is not None:
            said.append(Words("report.under", {"setting": setting.words}))
        if not said:
            said = [Words("report.unknown")]
        yield Prose(tuple(said))
        for known in judged.mistakes:
            if known.expr is not None and step is not None:
                yield Derivation((Line(step.result, (("=", known.expr), ("≈", given))),))

    def _mistakes(self, judged: Judged) -> Iterator[Words]:
        """What went wrong, with a hint; everything that leads to the number where that is not one thing only."""
        if len(judged.mistakes) > 1:
            yield Words("report.ways")
        for known in judged.mistakes:
            yield Words(f"mistake.{known.name}.what")
            yield Words(f"mistake.{known.name}.hint")

    def _answers(self, one: Marked, award: Award | None) -> Iterator[Block]:
        """A table of all answers, of each update by itself where there are several."""
        heads = ["quantity", "answer", "key", "verdict"] + ["marks"] * (award is not None)
        for number in range(len(self.key.traces)):
            rows = [self._row(judged, award) for judged in one.judged if placed(judged.answer.id)[1] == number]
            if rows:
                if self.several:
                    yield Prose((Words("report.update", {"number": number + 1}),))
                yield Table(tuple(Words(f"report.head_{head}") for head in heads), tuple(rows))
        others = [judged for judged in one.judged if judged.mistakes and judged is not one.first_wrong]
        if others:
            yield prose("report.what")
        for judged in others:
            quantity = self._named(judged.answer.id)
            yield Prose((Words("report.item", {"quantity": quantity}), *self._mistakes(judged)))

    def _row(self, judged: Judged, award: Award | None) -> tuple[Cell, ...]:
        id, number = placed(judged.answer.id)
        written = judged.answer.written
        given = None if written is None else Num(shown(written))
        cells: list[Cell] = [self.key.quantities[number][id], given, Num(judged.key), self._verdict(judged)]
        if award is not None:
            cells.append(Words("report.text", {"text": award.told[judged.answer.id]}))
        return tuple(cells)

    def _verdict(self, judged: Judged) -> Words:
        sources = tuple(map(self._named, judged.sources))
        return Words(f"report.{_key(judged.verdict)}", {"sources": sources} if sources else {})

    def _named(self, answer_id: str) -> Quantity | Words:
        id, number = placed(answer_id)
        quantity = self.key.quantities[number][id]
        return Words("report.in_update", {"quantity": quantity, "number": number + 1}) if self.several else quantity

    # --- a class -----------------------------------------------------------------------------------------------------

    def _class(self) -> Iterator[Section]:
        rows: list[tuple[Cell, ...]] = []
        heads = ["student", "right", "follows", "wrong", "blank", "first"] + ["marks"] * self.marks
        for one, award in zip(self.marked, self.awards, strict=True):
            name = Words("report.text", {"text": one.sheet.student})
            first = None if one.first_wrong is None else self._named(one.first_wrong.answer.id)
            cells: list[Cell] = [name, *_tally(one.judged), first]
            if award is not None:
                cells.append(Words("report.of_marks", {"earned": award.earned.all, "possible": award.possible.all}))
            rows.append(tuple(cells))
        students = Words("report.students", {"count": len(self.marked)})
        yield Section(students, (Table(tuple(Words(f"report.head_{head}") for head in heads), tuple(rows)),))
        yield Section(Words("report.steps"), tuple(self._steps()))
        for one, setting, award in zip(self.marked, self.settings, self.awards, strict=True):
            if one.first_wrong is not None or setting is not None:
                heading = Words("report.of", {"student": one.sheet.student})
                blocks: list[Block] = [Prose(tuple(self._summary(one, setting, award)))]
                if one.first_wrong is not None:
                    blocks += self._worked(one.first_wrong)
                yield Section(heading, tuple(blocks))

    def _steps(self) -> Iterator[Block]:
        """For each quantity how the class did, and the mistakes that more than one made there."""
        heads = ("quantity", "key", "right", "follows", "wrong", "blank")
        of_quantity: dict[str, list[Judged]] = {}
        for one in self.marked:
            for judged in one.judged:
                of_quantity.setdefault(judged.answer.id, []).append(judged)
        rows: list[tuple[Cell, ...]] = []
        often: list[Words] = []
        for id, all_judged in of_quantity.items():
            quantity = self._named(id)
            rows.append((quantity, Num(all_judged[0].key), *_tally(all_judged)))
            counts = Counter(known.name for judged in all_judged for known in judged.mistakes)
            for name, count in counts.most_common():
                if count > 1:
                    what = Words(f"mistake.{name}.what")
                    often.append(Words("report.times", {"quantity": quantity, "count": count, "mistake": what}))
        yield Table(tuple(Words(f"report.head_{head}") for head in heads), tuple(rows))
        if often:
            yield prose("report.often")
            yield Listing(tuple(often))


def _tally(judged: Sequence[Judged]) -> tuple[Words, ...]:
    """How many are right, follow, are wrong, and are not attempted."""
    counts = Counter(one.verdict for one in judged)
    blank, follows = counts[Verdict.NOT_ATTEMPTED], counts[Verdict.FOLLOWS]
    right = sum(counts[verdict] for verdict in FINE) - blank
    wrong = len(judged) - right - blank - follows
    return tuple(Words("report.number", {"count": count}) for count in (right, follows, wrong, blank))


def _kinds(total: Total) -> dict[str, int]:
    return {"method": total.method, "accuracy": total.accuracy, "following": total.following}


def _key(name: str) -> str:
    """A name as the wording files have it."""
    return name.replace("-", "_")


def shown(written: Written) -> Shown:
    """A number as it was written, in calc's own spelling: 1.20×10⁻⁴ for 1,2·10^-4 with decimal comma."""
    if written.exact:
        below = written.value.q
        return Shown(str(written.value.p), denominator=str(below) if below != 1 else None)
    minus = "-" if written.value < 0 else ""
    whole = abs(written.value) / (2 * written.half)  # in units of the last place
    digits = str(whole.p)
    places = written.decimals
    if 0 <= places < LONGEST_PLAIN and len(digits) <= LONGEST_PLAIN:
        digits = digits.rjust(places + 1, "0")
        return Shown(minus + (f"{digits[:-places]}.{digits[-places:]}" if places else digits))
    exponent = len(digits) - 1 - places
    return Shown(minus + digits[0] + (f".{digits[1:]}" if len(digits) > 1 else ""), exponent or None)
