"""The perceptron rule and the delta rule on the page: e = t − a, Δw = η e x, and an epoch table.

The first update is worked line by line; then every epoch is a table with a row per sample, as on paper:
x1, x2, t, z, a, e, the changes, and the parameters after them.
"""

from collections.abc import Iterable, Iterator, Sequence

from calc.document import Block, Cell, Line, Prose, Section, Table, Words
from calc.explain import Writer
from calc.expr import Cases, Expr, Name, Num, Partial, Quantity
from calc.graph import LEARNING_RATE
from calc.lines import shown
from calc.network import Network
from calc.ops import Threshold
from calc.rules import compares_sums, error_of
from calc.trace import Trace
from calc.training import Iteration, predict
from calc.updates import change_of

_OF_GRADIENTS = {
    "given.loss_one", "given.loss_many", "given.cases", "given.samples", "given.mean", "given.sum", "given.rate",
    "given.state", "given.no_state", "given.relu_at_zero", "given.kinks",
}  # fmt: skip


class RuleWriter(Writer):
    """The page of a rule: errors for a loss, the rule for a chain of derivatives."""

    def _conventions(self) -> Iterator[Words]:
        problem = self.problem
        activation = problem.layers[0].activation
        rule = problem.training.rule
        key = f"rule.{rule}"
        if rule == "delta":
            key = "rule.adaline" if isinstance(activation, Threshold) else "rule.delta"
        w = next(name for name in self.parameters if name.kind == "w" or name in self.graph.trained)
        steps = self.trace.steps
        first = self.samples[0]
        change = steps.get(Name(f"D{w.kind}", w.layer, w.index, first if len(self.samples) > 1 else None).id)
        error = error_of(1, first)
        rate = Line(LEARNING_RATE, (("=", self._num(LEARNING_RATE.id)),))
        lines = [Line(error, (("=", steps[error.id].expr),))]
        if change is not None:
            lines.append(Line(change.result, (("=", change.expr),)))
        yield Words(key, {"rate": rate, "rule": tuple(lines)})
        if isinstance(activation, Threshold):
            z = Name("z")
            yield Words(f"rule.{activation.name}", {"function": activation.formula(z), "z": z})
        if len(self.samples) > 1:
            yield Words(f"rule.{problem.reduction}")
        yield from (words for words in super()._conventions() if words.key not in _OF_GRADIENTS)

    def _applies(self, number: int) -> Words:
        activation = self.problem.layers[number - 1].activation
        if isinstance(activation, Threshold):
            formula = activation.formula(Name("z"))
            assert isinstance(formula, Cases)
            return Words("forward.applies", {"function": formula.head})
        return super()._applies(number)

    def error(self) -> Iterator[Section]:
        """e = t − a of every output."""
        key = "rule.errors_adaline" if self._compares_sums() else "rule.errors"
        blocks: list[Block] = [Prose((Words(key),))]
        width = self.problem.widths[-1]
        for s in self.full_samples:
            blocks += self._derivation([self._line(error_of(j, s).id) for j in range(1, width + 1)])
        if len(self.full_samples) < len(self.samples):
            blocks.append(Prose((Words("error.samples"),)))
            others = self.samples[len(self.full_samples) :]
            blocks += self._by_sample([error_of(j, None) for j in range(1, width + 1)], others)
        yield Section(Words("section.error"), tuple(blocks))

    def _compares_sums(self) -> bool:
        return compares_sums(self.problem)

    def backward(self) -> Iterator[Section]:
        """No derivative is passed back: the rule itself is the next section."""
        return iter(())

    def update(self) -> Iterator[Section]:
        """The rule's lines for every worked parameter: its change, sample by sample, and its new value."""
        blocks: list[Block] = []
        steps, full = self.trace.steps, self.full_samples
        slopes = [
            step.result
            for step in steps.values()
            if step.kind == "local" and isinstance(step.result, Partial) and step.result.sample in full
        ]
        if slopes and self.problem.layers[0].activation.name != "identity":
            blocks.append(Prose((Words("rule.slopes"),)))
            blocks += self._derivation([self._line(slope.id) for slope in slopes])
        blocks.append(Prose((Words("rule.changes"),)))
        if len(full) < len(self.samples):
            blocks.append(Prose((Words("rule.other_terms"),)))
        for w in (w for w in self.parameters if w in self.worked and w in self.graph.trained):
            terms = [u for u in steps[change_of(w).id].uses if isinstance(u, Name) and u.kind.startswith("D")]
            lines = [self._line(term.id) for term in terms if term.sample in full]
            blocks += self._derivation([*lines, self._line(change_of(w).id), self._line(w.after_update().id)])
        if not self.worked >= self.graph.trained:
            blocks.append(Prose((Words("update.rest"),)))
        yield Section(Words("section.update"), tuple(blocks))

    def check(self) -> Iterator[Section]:
        """The outputs once more, with the new parameters; there is no gradient to be checked."""
        width = self.problem.widths[-1]
        blocks: list[Block] = [Prose((Words("rule.check"),))]
        for s in self.full_samples:
            ids = [Name(kind, 1, (j,), s, True).id for j in range(1, width + 1) for kind in "za"]
            blocks += self._derivation([self._line(id, symbolic=False) for id in ids])
        rows: list[tuple[Cell, ...]] = []
        for s in self.samples:
            for j in range(1, width + 1):
                a, t = Name("a", 1, (j,), s), Name("t", None, (j,), s)
                rows.append((a, self._num(t.id), self._num(a.id), self._num(a.after_update().id)))
        head = tuple(Words(f"table.{key}") for key in ("quantity", "target", "before", "after"))
        blocks += [Prose((Words("rule.before_after"),)), Table(head, tuple(rows))]
        blocks.append(Prose((Words(f"rule.no_gradient_{'perceptron' if self._held() else 'delta'}"),)))
        yield Section(Words("section.check"), tuple(blocks))

    def _held(self) -> bool:
        return self.problem.training.rule == "perceptron"

    def first_change(self, iterations: Sequence[Iteration[Network]]) -> list[Iteration[Network]]:
        """The first update in which something changes, to be worked as well where the very first changes nothing."""
        for one in iterations:
            if not all(one.trace.is_zero(id) for id in self._changes_of(one.trace)):
                return [one] if one.index > 1 else []
        return []

    # --- epoch tables ------------------------------------------------------------------------------------------------

    def epochs(self, iterations: Sequence[Iteration[Network]]) -> Iterator[Section]:
        """A table per epoch and output unit; after an epoch without a change all later ones are the same."""
        last = iterations[-1].epoch
        for epoch in range(1, last + 1):
            updates = [one for one in iterations if one.epoch == epoch]
            blocks: list[Block] = []
            for j in range(1, self.problem.widths[-1] + 1):
                blocks.append(self._epoch_table(updates, j))
            sentences = [*self._tally(updates, iterations)]
            changes = (self._changes_of(one.trace) for one in updates)
            still = all(one.trace.is_zero(id) for one, ids in zip(updates, changes, strict=True) for id in ids)
            if still and self._held():
                right = sentences[0].key == "rule.wrong_none"
                sentences.append(Words("rule.converged" if right else "rule.stuck"))
                if epoch < last:
                    sentences.append(Words("rule.same_after", {"last": last}))
            blocks.append(Prose(tuple(sentences)))
            yield Section(Words("section.epoch", {"epoch": epoch}), tuple(blocks))
            if still and self._held():
                return

    def _changes_of(self, trace: Trace) -> Iterable[str]:
        return [change_of(w).id for w in self.parameters if w in self.graph.trained]

    def _epoch_table(self, updates: Sequence[Iteration[Network]], j: int) -> Table:
        """A row per sample; where an update sees several, a row with the whole change and the new parameters."""
        inputs = [Name("x", None, (i,)) for i in range(1, self.problem.widths[0] + 1)]
        t, z, a, e = Name("t", None, (j,)), Name("z", 1, (j,)), Name("a", 1, (j,)), error_of(j, None)
        slope = Partial(a, z)
        activation = self.problem.layers[0].activation
        plain = activation.name == "identity"  # a is z, and its derivative 1
        columns: list[Quantity] = [*inputs, t, z, *([] if plain else [a]), e]
        columns += [] if plain or isinstance(activation, Threshold) else [slope]
        unit = [w for w in self.parameters if w.index[0] == j and w in self.graph.trained]
        head: list[Cell] = [*([Words("table.sample")] if len(self.problem.samples) > 1 else []), *columns]
        head += [*(change_of(w) for w in unit), *(w.after_update() for w in unit)]
        start: list[Cell] = [None] * (len(head) - len(unit))
        start[0] = Words("table.start")
        rows: list[tuple[Cell, ...]] = [(*start, *(_num(updates[0].trace, w) for w in unit))]
        for one in updates:
            several = len(one.samples) > 1
            for s in one.trace.graph.samples:
                row: list[Cell] = [Num.of(s)] if s is not None else []
                row += [_num(one.trace, _at(q, s)) for q in columns]
                row += [_num(one.trace, _at(change_of(w), s if several else None)) for w in unit]
                row += [None if several else _num(one.trace, w.after_update()) for w in unit]
                rows.append(tuple(row))
            if several:
                whole: list[Cell] = [None] * (len(head) - 2 * len(unit))
                whole[0] = Words(f"table.{'sum' if self.problem.reduction == 'sum' else 'mean'}")
                whole += [_num(one.trace, change_of(w)) for w in unit]
                rows.append((*whole, *(_num(one.trace, w.after_update()) for w in unit)))
        return Table(tuple(head), tuple(rows))

    def _tally(
        self, updates: Sequence[Iteration[Network]], iterations: Sequence[Iteration[Network]]
    ) -> Iterator[Words]:
        """How many samples came out wrong in this epoch; where outputs are no classes, the loss after it."""
        problem = self.problem
        if isinstance(problem.layers[0].activation, Threshold):
            wrong = 0
            for one in updates:
                for s in one.trace.graph.samples:
                    wrong += not self._right(one.trace, s)
            key = "rule.wrong_none" if not wrong else "rule.wrong_one" if wrong == 1 else "rule.wrong_many"
            yield Words(key, {"count": wrong, "all": len(problem.samples)})
            return
        after = predict(problem, [one.trace for one in iterations[: updates[-1].index]])
        number = after.show("E")
        loss = Line(Name("E"), (("=" if number.exact else "≈", Num(number)),))
        yield Words("rule.loss", {"loss": loss})

    def _right(self, trace: Trace, s: int | None) -> bool:
        """Whether every output of a sample is its target."""
        units = range(1, self.problem.widths[-1] + 1)
        names = [(Name("a", 1, (j,), s), Name("t", None, (j,), s)) for j in units]
        return all(trace.values[a.id] == trace.values[t.id] for a, t in names)


def _num(trace: Trace, quantity: Quantity) -> Expr:
    return shown(trace, quantity.id)


def _at(quantity: Quantity, s: int | None) -> Quantity:
    """The quantity of one sample."""
    if isinstance(quantity, Partial):
        return Partial(quantity.of, quantity.by, sample=s)
    assert isinstance(quantity, Name)
    return quantity.at(s)
