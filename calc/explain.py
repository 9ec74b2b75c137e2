"""Trace → Document: which steps stand on the page, in what order, in which detail.

Given · Forward pass · Error · Backward pass · Update · Check · Answers, in the manner of a model exam answer.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from flint import fmpq

from calc.document import (
    Block,
    Cell,
    Derivation,
    Document,
    Line,
    Prose,
    Reference,
    Section,
    Table,
    Words,
    prose,
)
from calc.expr import (
    FUNCTIONS,
    Call,
    Cases,
    Expr,
    Frac,
    Name,
    Num,
    Partial,
    Prod,
    Quantity,
    Sum,
    sum_of,
)
from calc.given import GivenWriter
from calc.graph import LEARNING_RATE, delta_of
from calc.lines import COLUMNS, chunks, general_of, in_sample, integer, plural
from calc.network import Network
from calc.notation import function_of
from calc.number import Shown
from calc.penalty import PENALTY, SIZES, SQUARES
from calc.steps import Step
from calc.trace import Trace
from calc.updates import ahead_of, change_of

PATHS = 3  # of a sum over paths that are worked line by line in a network that is not worked in full
SATURATED = fmpq(1, 100)  # a slope below which next to no gradient passes a unit
TOGETHER = 6  # lines of changes without a gap; all that lead to one new value
MOST_IN_PROSE = 8  # units of a layer whose activation is written out in a sentence


def writer_for(problem: Network) -> "type[Writer]":
    """Who writes the page: unit by unit, or a line per layer."""
    if problem.solution.method == "matrix":
        from calc.matrix import MatrixWriter  # where it is asked for

        return MatrixWriter
    return Writer


def explain(problem: Network, trace: Trace, exact: Trace) -> tuple[Document, dict[str, int], int]:
    """Write the worked solution.

    Args:
        trace: what is shown.
        exact: the same with full precision and simultaneous updates, as the check has verified it.
    Returns:
        The document, the number of each step's line in it by the step's id, and the last number given.
    Raises:
        ProblemError: ``show`` names something that is no parameter.
    """
    writer = writer_for(problem)(problem, trace, exact)
    sections = [
        *writer.given(),
        *writer.forward(),
        *writer.error(),
        *writer.backward(),
        *writer.update(),
        *writer.check(),
        *writer.answers(),
    ]
    return Document(problem.title, tuple(sections)), writer.numbers, writer.count


class Writer(GivenWriter):
    """Writes the page unit by unit, in the order of the sections."""

    # --- Forward pass and error --------------------------------------------------------------------------------------

    def forward(self) -> Iterator[Section]:
        yield Section(Words("section.forward"), ())
        if self.graph.ahead:
            yield Section(Words("section.ahead"), tuple(self._look_ahead()), level=2)
        for number, layer in enumerate(self.problem.layers, 1):
            width = len(layer.weights)
            sums = Words("forward.sums" if layer.biases else "forward.sums_no_bias")
            blocks: list[Block] = [Prose((sums, self._applies(number), *self._mask_of(number)))]
            if self.brief:
                names = [Name(kind, number, (j,)) for j in range(1, width + 1) for kind in "za"]
                blocks += self._by_sample(names, self.samples) if self.marked else self._values(names, self.only)
            for s in () if self.brief else self.full_samples:
                units = range(1, width + 1 if self.full_forward else 2)
                if self.marked:
                    blocks.append(prose("forward.sample", sample=s or 1))
                elif not self.full_forward and width > 1:
                    blocks.append(prose("forward.first"))
                ids = [Name(kind, number, (j,), s).id for j in units for kind in "za"]
                blocks += self._derivation(self._line(id) for id in ids)
                if len(units) < width and s is None:
                    blocks.append(prose("forward.rest"))
                    names = [Name(kind, number, (j,)) for j in range(2, width + 1) for kind in "za"]
                    blocks += self._values(names, s)
            if self.brief:
                pass  # all stands in the table
            elif self.samples[0] is not None and not self.full_forward:
                blocks.append(prose("forward.all"))
                pairs = [(s, kind) for s in self.samples for kind in "za"]
                rows = {j: [Name(kind, number, (j,), s) for s, kind in pairs] for j in range(1, width + 1)}
                blocks += self._by_unit(rows, number)
            elif len(self.full_samples) < len(self.samples):
                blocks.append(prose("forward.others"))
                names = [Name(kind, number, (j,)) for j in range(1, width + 1) for kind in "za"]
                blocks += self._by_sample(names, self.samples[len(self.full_samples) :])
            blocks += self._masked(number)
            blocks += self._idle(number)
            yield Section(self._layer_words(number), tuple(blocks), level=2)

    def _look_ahead(self) -> Iterator[Block]:
        """Where the momentum alone would take the parameters: the worked ones as lines, the others in tables."""
        yield prose("forward.ahead")
        lined = [w for w in self.graph.ahead.values() if self.full_forward or w in self.worked]
        yield from self._derivation(self._line(ahead_of(w).id) for w in lined)
        rest = [[ahead_of(w) for w in layer if w not in lined] for layer in self._ahead_layers()]
        if any(rest):
            yield prose("forward.ahead_rest" if lined else "forward.ahead_all")
            yield from (self._parameter_table(names) for names in rest if names)

    def _ahead_layers(self) -> list[list[Name]]:
        looked = set(self.graph.ahead.values())
        return [[w for w in layer if w in looked] for layer in self.graph.parameters]

    def _layer_words(self, number: int) -> Words:
        depth = len(self.problem.layers)
        if number == depth:
            return Words("section.output_layer")
        return Words("section.only_hidden_layer") if depth == 2 else Words("section.hidden_layer", {"layer": number})

    def _zero_key(self) -> str:
        """What a gradient of 0 means for its parameter, by the optimiser."""
        update = self.problem.optimizer.update
        return f"backward.zero{'_decay' if 'weight_decay' in vars(update) else '_state' if update.state else ''}"

    def _applies(self, number: int) -> Words:
        z, layer = Name("z"), self.problem.layers[number - 1]
        zs, as_ = ([Name(kind, number, (j,)) for j in range(1, len(layer.weights) + 1)] for kind in "za")
        formula, by_z = layer.activation.unit(zs, as_, 0, self.problem.conventions.at_kink)
        if len(by_z) > MOST_IN_PROSE and isinstance(formula, Frac):  # too long for a sentence
            return Words("forward.applies_shared", {"unit": as_[0], "power": formula.num, "count": len(by_z)})
        if len(by_z) > 1:  # the units of the layer hang together
            return Words("forward.applies", {"function": Line(as_[0], (("=", formula),))})
        formula = layer.activation.formula(z)
        if layer.activation.own:
            own = Call(function_of(layer.activation, self.problem.layers), (z,))
            return Words("forward.applies", {"function": Line(own, (("=", formula),))})
        match formula:
            case Name():
                return Words("forward.plain")
            case Cases(head, on, above, _, below):
                return Words("forward.applies_cases", {"function": head, "above": above, "below": below, "on": on})
            case Call(function, args):
                definition = FUNCTIONS[function].definition
                sides = (("=", definition(*args)),) if definition else ()
                return Words("forward.applies", {"function": Line(formula, sides)})
        return Words("forward.applies", {"function": Line(Call("f", (z,)), (("=", formula),))})

    def _mask_of(self, number: int) -> Iterator[Words]:
        """That a layer's mask multiplies its activations."""
        layer = self.problem.layers[number - 1]
        if layer.mask is not None and layer.keep is None:
            yield Words("forward.mask")
        elif layer.mask is not None and layer.keep is not None:
            yield Words("forward.mask_keep", {"keep": Num(layer.keep.shown)})

    def _values(self, names: Sequence[Name], s: int | None) -> Iterator[Block]:
        """Pairs of pre-activation and activation, one unit a row."""
        rows = tuple(
            (z, self._num(z.at(s).id), a, self._num(a.at(s).id)) for z, a in zip(names[::2], names[1::2], strict=True)
        )
        yield Table((), rows)

    def _by_sample(self, names: Sequence[Name], samples: Sequence[int | None]) -> Iterator[Block]:
        """One quantity a row, one sample a column."""
        for part in chunks(samples, COLUMNS):
            head: tuple[Cell, ...] = (Words("table.sample"), *(integer(s or 1) for s in part))
            rows: list[tuple[Cell, ...]] = []
            for name in names:
                rows.append((name.at("s"), *(self._num(name.at(s).id) for s in part)))
            yield Table(head, tuple(rows))

    def _by_unit(self, rows: Mapping[int, Sequence[Quantity]], number: int) -> Iterator[Block]:
        """One unit a row, the same quantity of each a column."""
        heads = [general_of(quantity, number) for quantity in next(iter(rows.values()))]
        cells = tuple((integer(j), *(self._num(quantity.id) for quantity in row)) for j, row in rows.items())
        self.tabled.update(quantity.id for row in rows.values() for quantity in row)
        yield Table((Name("j"), *heads), cells)

    def _masked(self, number: int) -> Iterator[Block]:
        """Units that the mask takes out."""
        mask = self.problem.layers[number - 1].mask or ()
        units = tuple(Name("a", number, (j,)) for j, factor in enumerate(mask, 1) if factor.value == 0)
        if units:
            yield prose(f"forward.masked_{plural(len(units))}", units=units)

    def _idle(self, number: int) -> Iterator[Block]:
        """Units that pass nothing on, are saturated or stand at a kink, said in words."""
        layer = self.problem.layers[number - 1]
        own = layer.activation.own
        if not layer.activation.kinks and not layer.activation.saturates and not own:
            return
        idle: list[Name] = []
        tied: list[Name] = []
        flat: list[Name] = []
        for s in self.samples:
            for j in range(1, len(layer.weights) + 1):
                if layer.mask is not None and layer.mask[j - 1].value == 0:
                    continue  # it is the mask that takes it out, whatever its sum
                a, z = Name("a", number, (j,), s), Name("z", number, (j,), s)
                if layer.activation.saturates:
                    slope = self.trace.show(Partial(a, z).id).value
                    if abs(slope) < SATURATED and z not in self.graph.shortcuts:  # there the slope cancels
                        flat.append(a)
                elif self.trace.at_kink(Partial(a, z).id):
                    tied.append(z)
                elif self.trace.is_zero(Partial(a, z).id):
                    idle.append(a)
        if idle:
            key = "forward.level" if own else "forward.idle"
            yield prose(f"{key}_{plural(len(idle))}", units=tuple(idle))
        if idle and not own:
            dead = [j for j in dict.fromkeys(a.index[0] for a in idle) if sum(a.index[0] == j for a in idle) > 1]
            dead = [j for j in dead if sum(a.index[0] == j for a in idle) == len(self.samples)]
            if dead:
                units = tuple(Name("a", number, (j,)) for j in dead)
                yield prose(f"forward.dead_{plural(len(dead))}", units=units)
        if flat:
            yield prose(f"forward.flat_{plural(len(flat))}", units=tuple(flat), bound=Num(Shown("0.01")))
        if tied and own:  # at different kinks the slopes differ
            for z in tied:
                value = self._num(Partial(Name("a", number, z.index, z.sample), z).id)
                yield prose("forward.tied_one", sums=(z,), value=value)
        elif tied:
            (convention,) = layer.activation.kinks
            at_zero = Num(self.problem.conventions.at_kink(convention))
            yield prose(f"forward.tied_{plural(len(tied))}", sums=tuple(tied), value=at_zero)

    def error(self) -> Iterator[Section]:
        blocks: list[Block] = []
        n = self.problem.widths[-1]
        parts = [Name("E", None, (j,)) for j in range(1, n + 1)] if n > 1 else []
        of_sample = [Name("E")] if self.marked else []
        if parts:
            blocks.append(prose("error.outputs"))
        lined = () if self.brief and self.marked else self.full_samples
        for s in lined:
            blocks += self._derivation([self._line(name.at(s).id) for name in (*parts, *of_sample)])
        if len(lined) < len(self.samples):
            blocks.append(prose("error.samples" if lined else "brief.samples"))
            blocks += self._by_sample([*parts, *of_sample], self.samples[len(lined) :])
        if parts or of_sample:
            blocks.append(prose("error.total"))
        data = self.graph.data if self.only is None else Name("E", sample=self.only)
        blocks += self._derivation([self._line(data.id)])
        self.numbers[self.graph.data.id] = self.count
        if self.graph.penalties:
            blocks += self._penalty()
        yield Section(Words("section.error"), tuple(blocks))

    def _penalty(self) -> Iterator[Block]:
        """The sums over the weights, the penalty, and the whole loss."""
        yield prose("error.penalty")
        sums = self._penalty_sums()
        if not self.full_forward:
            yield Table((), tuple((name, self._num(name.id)) for name in sums))
        ids = [name.id for name in sums] if self.full_forward else []
        yield from self._derivation(self._line(id) for id in (*ids, PENALTY.id, self.graph.loss.id))

    def _penalty_sums(self) -> list[Name]:
        layers = range(1, self.graph.depth + 1)
        names = [Name(kind, number) for kind in (SQUARES, SIZES) for number in layers]
        return [name for name in names if name.id in self.trace.steps]

    # --- Backward pass -----------------------------------------------------------------------------------------------

    def backward(self) -> Iterator[Section]:
        deltas = self.problem.solution.method != "chain"
        opening = tuple(self._delta_rules()) if deltas else ()
        yield Section(Words("section.backward"), (*opening, *self._penalty_rule()))
        yield from self._derivatives()
        shown = self.graph.trained | self.worked
        for number in range(len(self.problem.layers), 0, -1):
            layer = [name for name in self.graph.parameters[number - 1] if name in shown]
            worked = [name for name in layer if name in self.worked]
            rest = [name for name in layer if name not in self.worked]
            blocks: list[Block] = []
            for s in () if self.brief and self.marked else self.full_samples:
                if self.marked and s is not None and worked:
                    blocks.append(prose("forward.sample", sample=s))
                if self.brief:
                    blocks += self._key_lines(worked, s)
                elif deltas:
                    blocks += self._work_deltas(number, worked, s)
                else:
                    for parameter in worked:
                        blocks += self._work(parameter, s)
            if self.marked:
                blocks += self._sample_terms(layer)
            elif rest:
                blocks += self._rest(number, rest, bool(worked))
            if self.only is not None:  # the only sample's term is the gradient
                self.numbers |= {
                    f"dE/d{w.id}": self.numbers[f"dE/d{w.id}@{self.only}"]
                    for w in worked
                    if w not in self.graph.penalties
                }
            if not self.zero_said and any(self.trace.is_zero(f"dE/d{name.id}") for name in layer):
                self.zero_said = True
                blocks.append(prose(self._zero_key()))
            if self.problem.conventions.update_order == "sequential":
                changes = [] if self.brief else list(self._changes(layer))
                key = "backward.updated_first" if number > 1 else "backward.updated_last"
                blocks += [prose(key), *changes] if changes else []
            yield Section(self._layer_words(number), tuple(blocks), level=2)

    def _derivatives(self) -> Iterator[Section]:
        """In full detail: every local derivative worked line by line, before it is used."""
        if self.derived:
            from calc.explain_derivations import local_derivatives  # loaded where it is asked for

            yield from local_derivatives(self.problem, self.graph)

    def _key_lines(self, worked: Sequence[Name], s: int | None) -> Iterator[Block]:
        """Of each gradient the product that it is; before it, once, what is summed over paths, or the delta."""
        lines: list[Line] = []
        for parameter in worked:
            gradient, factors = self._chain(parameter, s)
            if gradient.id in self.numbers:
                continue
            if not self._known(factors[0]) and (self.problem.solution.method == "delta" or self._is_sum(factors[0])):
                lines.append(self._line(factors[0].id))
            lines += [self._line(gradient.id), *self._whole(parameter, s)]
        if lines:
            yield prose("brief.gradients")
        yield from self._derivation(lines)

    def _delta_rules(self) -> Iterator[Block]:
        """What a delta is, and how gradients follow from it."""
        z = Name("z", len(self.problem.layers), ("j",))
        key = "backward.minus_deltas" if self.problem.minus else "backward.deltas"
        key += "" if any(name.kind == "b" for name in self.graph.trained) else "_no_bias"
        yield prose(key, delta=self._delta_of(z), loss=self.graph.loss, sum=z)

    def _delta_of(self, z: Name) -> Quantity:
        """The δ of a unit's sum, or of all sums of a layer, with the sign of the conventions."""
        return delta_of(z) if self.problem.minus else Partial(self.graph.loss, z)

    def _penalty_rule(self) -> Iterator[Block]:
        """That the gradient of a weight has two terms."""
        if self.graph.penalties:
            w, term = self._penalised()
            args = {"loss": self.graph.loss, "data": self.graph.data, "penalty": PENALTY}
            yield prose("backward.penalty", term=Line(Partial(PENALTY, w), (("=", term),)), **args)

    def _penalised(self) -> tuple[Name, Expr]:
        """What is penalised, for example, and the penalty's derivative by it."""
        return next(iter(self.graph.penalties.items()))

    def _whole(self, parameter: Name, s: int | None) -> Iterator[Line]:
        """What follows the samples' term of a penalised weight: the penalty's, and their sum."""
        if not self.marked and parameter in self.graph.penalties:
            yield self._line(Partial(PENALTY, parameter).id)
            yield self._line(Partial(self.graph.loss, parameter).id)

    def _work_deltas(self, number: int, worked: Sequence[Name], s: int | None) -> Iterator[Block]:
        """Per unit its delta, then the gradients that are delta times input."""
        width = len(self.problem.layers[number - 1].weights)
        needed = range(1, width + 1) if self.full else sorted({name.index[0] for name in worked})
        for j in needed:
            z = Name("z", number, (j,), s)
            delta = self._delta_of(z)
            if z in self.graph.shortcuts:
                yield from self._cancel(Partial(self.graph.loss, z))
            lines = [] if self._known(delta) else [self._line(delta.id)]
            for name in worked:
                if name.index[0] == j:
                    lines += [self._line(self._chain(name, s)[0].id), *self._whole(name, s)]
            yield from self._derivation(lines)
        others = [j for j in range(1, width + 1) if j not in needed]
        if others and s is None:  # of several samples, all stand in one table
            deltas = [self._delta_of(Name("z", number, (j,), s)) for j in others]
            self.tabled.update(delta.id for delta in deltas)
            yield prose("backward.other_deltas")
            yield Table((), tuple((delta, self._num(delta.id)) for delta in deltas))

    def _chain(self, parameter: Name, s: int | None) -> tuple[Partial, tuple[Quantity, ...]]:
        """The gradient of one sample and its factors."""
        of = self.graph.data if s is None and parameter in self.graph.penalties else self.graph.loss
        gradient = Partial(of, parameter, sample=s)
        return gradient, self.trace.steps[gradient.id].uses

    def _is_sum(self, factor: Quantity) -> bool:
        expr = self.trace.steps[factor.id].expr
        return isinstance(expr, Sum) and isinstance(expr.terms[0], Partial)

    def _closed(self, factors: Iterable[Quantity]) -> Prod:
        """The factors' own formulas; a sum over paths keeps its name."""
        return Prod(tuple(f if self._is_sum(f) else self.trace.steps[f.id].expr for f in factors), "·")

    def _work(self, parameter: Name, s: int | None) -> Iterator[Block]:
        """Name the factors, give the closed line, derive what is new, multiply."""
        gradient, factors = self._chain(parameter, s)
        if gradient.id in self.numbers:
            return
        yield from self._adjoint(factors[0])
        new = [factor for factor in factors if not self._known(factor)]
        known = [factor for factor in factors if self._known(factor)]
        names = {"loss": gradient.of, "parameter": parameter}
        cited = {"factors": tuple(known), "lines": self._cite(known)}
        if known and len(new) == 1:
            yield prose("backward.likewise", **names, **cited)
        else:
            path = tuple(f.of for f in reversed(factors[1:]) if isinstance(f, Partial))
            key = "backward.chain_sample" if self.marked else "backward.chain"
            key += "_known" if known else ""
            yield prose(key, **names, path=path, **(cited if known else {}))
        closed = Line(gradient, (("=", Prod(factors, "·")), ("=", self._closed(factors))), self._next())
        lines = [closed, *(self._line(factor.id) for factor in new), self._line(gradient.id, symbolic=False)]
        lines += self._whole(parameter, s)
        yield from self._derivation(lines)

    def _cite(self, known: Sequence[Quantity]) -> tuple[Reference | Words, ...]:
        """Where known factors stand: (9), (10) and the table."""
        lines: list[Reference | Words] = [Reference(self.numbers[f.id]) for f in known if f.id in self.numbers]
        return (*lines, *([Words("backward.table")] if len(lines) < len(known) else []))

    def _cancel(self, adjoint: Partial) -> Iterator[Block]:
        """Where loss and activation cancel: the factors, what cancels, and the result, derived once."""
        if self.cancelled:
            return
        self.cancelled = True
        locals_ = [step.result for step in self.trace.steps.values() if step.kind == "local" and _by(step, adjoint.by)]
        pairs = [(Partial(self.graph.loss, local.of), local) for local in locals_ if isinstance(local, Partial)]
        chains = [Prod(pair, "·") for pair in pairs]
        closed = [Prod(tuple(self.trace.steps[f.id].expr for f in pair), "·") for pair in pairs]
        sides: list[tuple[str, Expr]] = [("=", sum_of(chains)), ("=", sum_of(closed))]
        sides += [("=", step) for step in self.graph.shortcuts[adjoint.by]]
        key = "backward.cancels" if len(pairs) == 1 else "backward.cancels_sum"
        yield prose(key, activations=tuple(Name("a", p.of.layer, p.of.index, p.of.sample) for _, p in pairs))
        yield Derivation((Line(adjoint, tuple(sides), self._next()),))
        cancelling = dict.fromkeys(z.sample for z in self.graph.shortcuts)
        if len(cancelling) < len(self.samples):
            numbers = tuple(Words("table.of_sample", {"sample": int(s)}) for s in cancelling if s is not None)
            yield prose("backward.cancelled_some", samples=numbers)
        else:
            yield prose("backward.cancelled" if len(self.graph.shortcuts) > 1 else "backward.cancelled_one")

    def _adjoint(self, adjoint: Quantity) -> Iterator[Block]:
        """Where a unit feeds several others: the sum over the paths, each worked."""
        assert isinstance(adjoint, Partial)
        if not self._known(adjoint) and adjoint.by in self.graph.shortcuts:
            yield from self._cancel(adjoint)
            return
        if self._known(adjoint) or not self._is_sum(adjoint):
            return
        steps = self.trace.steps
        terms = [term for term in steps[adjoint.id].uses if isinstance(term, Partial)]
        paths = {term.id: tuple(steps[term.id].uses) for term in terms}
        for factors in paths.values():
            yield from self._adjoint(factors[0])
        users = tuple(term.via for term in terms if term.via)
        count = {"count": len(terms)}
        yield prose("backward.feeds", unit=adjoint.by, users=users, loss=self.graph.loss, **count)
        chains = Sum(tuple(Prod(factors, "·") for factors in paths.values()))
        if not self.full and len(terms) > PATHS:
            yield from self._derivation([Line(adjoint, (("=", chains),), self._next())])
            yield from self._path_table(terms)
            yield from self._derivation([self._line(adjoint.id, symbolic=False)])
            return
        closed = Sum(tuple(self._closed(factors) for factors in paths.values()))
        lines = [Line(adjoint, (("=", chains), ("=", closed)), self._next())]
        for term in terms:
            lines += [self._line(f.id) for f in paths[term.id] if not self._known(f)]
            lines.append(self._line(term.id))
        lines.append(self._line(adjoint.id))
        yield from self._derivation(lines)

    def _path_table(self, terms: Sequence[Partial]) -> Iterator[Block]:
        """Each path's factors and their product in one row."""
        yield prose("backward.paths", count=len(terms))
        rows: list[tuple[Cell, ...]] = []
        for term in terms:
            printed, _ = self.trace.operands(self.trace.steps[term.id])
            self.tabled.update(printed)
            worked = (Num(shown, (self.trace, id)) for id, shown in printed.items())
            rows.append((term.via, *worked, self._num(term.id)))
        factors = self.trace.steps[terms[0].id].uses
        layer = terms[0].via.layer if terms[0].via else None
        head: tuple[Cell, ...] = (
            Words("table.via"),
            *(general_of(f, layer or 0) for f in factors),
            Words("table.product"),
        )
        yield Table(head, tuple(rows))

    def _rest(self, number: int, rest: Sequence[Name], some_worked: bool) -> Iterator[Block]:
        """The other parameters of a layer as a table: factors and their product in one row."""
        units = list(dict.fromkeys(name.index[0] for name in rest))
        sums = [self._chain(next(n for n in rest if n.index[0] == j), self.only)[1][0] for j in units]
        sums = [a for a in sums if not self._known(a) and self._is_sum(a)]  # deltas have a table of their own
        key = "backward.rest" if some_worked else "backward.rest_all"
        key += "_minus" if self.problem.minus else ""
        yield prose(f"{key}_penalty" if self.graph.penalties else key)
        if sums:
            yield from self._paths([a.id for a in sums])
        rows: list[tuple[Cell, ...]] = []
        width = max(len(self._chain(name, self.only)[1]) for name in rest)  # a bias has no input beside its delta
        for name in rest:
            gradient, factors = self._chain(name, self.only)
            printed, _ = self.trace.operands(self.trace.steps[gradient.id])
            self.tabled.update(printed)
            cells: list[Cell] = [self._operand(printed, f) for f in factors]
            cells += [None] * (width - len(cells))
            if name in self.graph.penalties:
                whole = Partial(self.graph.loss, name)
                terms, _ = self.trace.operands(self.trace.steps[whole.id])
                cells += [self._operand(terms, part) for part in (gradient, Partial(PENALTY, name))]
                gradient = whole
            elif self.graph.penalties:
                cells += [None, None]
            rows.append((name, *cells, self._num(gradient.id)))
        _, factors = self._chain(rest[0], self.only)
        head: list[Cell] = [Words("table.parameter"), *(general_of(f, number) for f in factors[:-1])]
        head.append(Words("table.input"))
        product = Words("table.minus_product" if self.problem.minus else "table.product")
        head += [product, Words("table.penalty")] if self.graph.penalties else []
        yield Table((*head, Words("table.gradient")), tuple(rows))

    def _paths(self, adjoints: Sequence[str]) -> Iterator[Block]:
        """∂E/∂a of several units: one path's contribution a column, then their sum."""
        terms = {id: [t for t in self.trace.steps[id].uses if isinstance(t, Partial)] for id in adjoints}
        printed = {id: self.trace.operands(self.trace.steps[id])[0] for id in adjoints}
        width = len(next(iter(terms.values())))
        for part in chunks(range(width), COLUMNS):
            last = part[-1] == width - 1
            via = [terms[adjoints[0]][k].via for k in part]
            head: tuple[Cell, ...] = (None, *via, Words("table.sum")) if last else (None, *via)
            rows: list[tuple[Cell, ...]] = []
            for id in adjoints:
                cells = [self._operand(printed[id], terms[id][k]) for k in part]
                rows.append((self.trace.steps[id].result, *cells, *([self._num(id)] if last else [])))
            yield Table(head, tuple(rows))

    def _factors(self, layer: Sequence[Name], samples: Sequence[int | None]) -> Iterator[Block]:
        """What the gradients of a unit's parameters have in common, per unit, one sample a column."""
        firsts = {name.index[0]: name for name in reversed(layer)}
        common = [f for j in sorted(firsts, key=int) for f in self._chain(firsts[j], samples[0])[1][:-1]]
        new = [f for f in dict.fromkeys(common) if f.id not in self.tabled]
        for part in chunks(samples, COLUMNS):
            rows: list[tuple[Cell, ...]] = []
            for factor in new:
                *there, general = (in_sample(factor, s) for s in (*part, "s"))
                rows.append((general, *(self._num(quantity.id) for quantity in there)))
                self.tabled.update(quantity.id for quantity in there)
            yield Table((Words("table.sample"), *(integer(s or 1) for s in part)), tuple(rows))

    def _unit_factors(self, layer: Sequence[Name]) -> Iterator[Block]:
        """The same in every sample, one unit a row."""
        firsts = {int(name.index[0]): name for name in reversed(layer)}
        rows = {j: [f for s in self.samples for f in self._chain(firsts[j], s)[1][:-1]] for j in sorted(firsts)}
        known = [all(f.id in self.tabled for f in column) for column in zip(*rows.values(), strict=True)]
        rows = {j: [f for f, old in zip(row, known, strict=True) if not old] for j, row in rows.items()}
        if any(rows.values()):
            yield from self._by_unit(rows, layer[0].layer or 0)

    def _sample_terms(self, layer: Sequence[Name]) -> Iterator[Block]:
        """A row per parameter: its samples' terms and their sum."""
        others = self.samples if self.brief else self.samples[len(self.full_samples) :]
        if others and self.full and not self.brief:
            yield prose("backward.factors")
            yield from self._factors(layer, others)
        elif others:
            yield prose("backward.factors_all")
            yield from self._unit_factors(layer)
        penalised = [name for name in layer if name in self.graph.penalties]
        if penalised:
            yield prose("backward.penalty_terms")
            lined = [Partial(PENALTY, name).id for name in penalised if name in self.worked]
            yield from self._derivation(self._line(id) for id in lined)
        yield prose("backward.samples_penalty" if penalised else "backward.samples")
        rows_of = {name: self.trace.operands(self.trace.steps[f"dE/d{name.id}"])[0] for name in layer}
        for part in chunks(self.samples, COLUMNS):
            last = part[-1] == self.samples[-1]
            head: tuple[Cell, ...] = (
                Words("table.parameter"),
                *(Words("table.of_sample", {"sample": s or 1}) for s in part),
                *([Words("table.penalty")] if last and penalised else []),
                *([Words("table.sum")] if last else []),
            )
            rows: list[tuple[Cell, ...]] = []
            for name in layer:
                gradient = Partial(self.graph.loss, name)
                parts = [Partial(self.graph.loss, name, sample=s) for s in part]
                cells: list[Cell] = [self._operand(rows_of[name], one) for one in parts]
                if last and penalised:
                    paid = Partial(PENALTY, name)
                    cells.append(self._operand(rows_of[name], paid) if name in self.graph.penalties else None)
                rows.append((name, *cells, *([self._num(gradient.id)] if last else [])))
            yield Table(head, tuple(rows))

    # --- Update, check, answers --------------------------------------------------------------------------------------

    def _changes(self, parameters: Iterable[Name]) -> Iterator[Block]:
        changed = [w for w in parameters if w in self.worked and w in self.graph.trained]
        if not self.full and self.problem.solution.show == "auto":  # one of each layer is enough to follow
            changed = [next(group) for _, group in groupby(changed, key=lambda w: w.layer)]
        steps = self.problem.optimizer.update.steps
        leads = [[*(one.id for one, _ in steps(w, w, LEARNING_RATE, 1)), w.after_update().id] for w in changed]
        size = max(1, TOGETHER // max(map(len, leads), default=1))
        for part in chunks(leads, size):  # what leads to a new value stays together with it
            yield from self._derivation([self._line(id) for ids in part for id in ids])

    def _change_words(self) -> Prose:
        """How the optimiser changes a parameter."""
        if self.problem.optimizer.update.name != "sgd":
            return prose("update.by_rule")
        if self.graph.rates:
            return prose("update.changes_own")
        along = self.problem.minus and not self.graph.penalties
        if along and (not self.marked or self.problem.solution.method == "matrix"):
            return prose("update.changes_minus", rate=LEARNING_RATE)
        return prose("update.changes", rate=LEARNING_RATE)

    def update(self) -> Iterator[Section]:
        if self.problem.conventions.update_order == "sequential":
            blocks: list[Block] = [prose("update.done")]
        else:
            blocks = [self._change_words(), *(() if self.brief else self._changes(self.parameters))]
        if self.brief:
            blocks.append(prose("brief.update"))
        elif not self.worked >= self.graph.trained:
            blocks.append(prose("update.rest"))
        yield Section(Words("section.update"), tuple(blocks))

    def check(self) -> Iterator[Section]:
        depth = len(self.problem.layers)
        blocks: list[Block] = list(self._forward_again())
        blocks.append(prose("check.before_after" if blocks else "check.again"))
        rows: list[tuple[Cell, ...]] = []
        for s in self.samples:
            for j in range(1, self.problem.widths[-1] + 1):
                a, t = Name("a", depth, (j,), s), Name("t", None, (j,), s)
                rows.append((a, self._num(t.id), self._num(a.id), self._num(a.after_update().id)))
        for name in (*((self.graph.data, PENALTY) if self.graph.penalties else ()), self.graph.loss):
            rows.append((name, None, self._num(name.id), self._num(name.after_update().id)))
        before_update = "ahead" if self.graph.ahead else "before"
        head = [Words(f"table.{key}") for key in ("quantity", "target", before_update, "after")]
        blocks.append(Table(tuple(head), tuple(rows)))
        before, after = self.trace.show("E"), self.trace.show("E'")
        key = "falls" if after.value < before.value else "rises" if after.value > before.value else "same"
        key = f"ahead_{key}" if self.graph.ahead else key
        blocks.append(prose(f"check.{key}", before=Num(before), after=Num(after)))
        candidates = sorted(self.worked, key=lambda w: (-(w.layer or 0), w.index[0], w.kind == "b", w.index[-1]))
        blocks += self._numeric(candidates)
        yield Section(Words("section.check"), tuple(blocks))

    def _forward_again(self) -> Iterator[Block]:
        """The new forward pass, of a small network and one sample."""
        if self.full_forward and not self.marked and not self.brief:
            yield prose("check.forward")
            ids = [
                Name(kind, number, (j,), self.only, True).id
                for number, layer in enumerate(self.problem.layers, 1)
                for j in range(1, len(layer.weights) + 1)
                for kind in "za"
            ]
            lines = [self._line(id, symbolic=False) for id in (*ids, *self._losses_after())]
            self.numbers["E'"] = self.count
            yield from self._derivation(lines)

    def _losses_after(self) -> list[str]:
        """The new error of one sample: the outputs' parts where it has several, the penalty where there is one."""
        width = self.problem.widths[-1]
        parts = [(j,) for j in range(1, width + 1)] if width > 1 else []
        losses = [Name("E", None, index, self.only, True) for index in parts]
        losses.append((self.graph.data if self.only is None else Name("E", sample=self.only)).after_update())
        return [*(name.id for name in losses), *self._penalty_after()]

    def _penalty_after(self) -> list[str]:
        """The new sums over the weights, the penalty and the whole error, where there is a penalty."""
        names = (*self._penalty_sums(), PENALTY, self.graph.loss) if self.graph.penalties else ()
        return [name.after_update().id for name in names]

    def _answered(self) -> tuple[str, ...]:
        """The columns of the answers; of a large network what was asked for."""
        return (
            ("parameter", "old", "gradient", "change", "new") if self.full_forward else ("parameter", "gradient", "new")
        )

    def answers(self) -> Iterator[Section]:
        keys = self._answered()
        heads = [Words(f"table.{key}") for key in keys]
        rows: list[tuple[Cell, ...]] = []
        for w in self.parameters:
            if w in self.graph.trained:
                ids = {"old": w.id, "gradient": f"dE/d{w.id}", "change": change_of(w).id, "new": w.after_update().id}
                rows.append((w, *(self._num(ids[key]) for key in keys[1:])))
        yield Section(Words("section.answers"), (Table(tuple(heads), tuple(rows)),))


def _by(step: Step, name: Name) -> bool:
    return isinstance(step.result, Partial) and step.result.by == name
