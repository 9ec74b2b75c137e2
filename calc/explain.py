"""Trace → Document: which steps stand on the page, in what order, in which detail.

Given · Forward pass · Error · Backward pass · Update · Check · Answers, in the manner of a model exam answer.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from calc.document import (
    Argument,
    Block,
    Cell,
    Derivation,
    Document,
    Line,
    Listing,
    Prose,
    Reference,
    Section,
    Table,
    Words,
)
from calc.expr import (
    FUNCTIONS,
    Call,
    Cases,
    Expr,
    Frac,
    Name,
    Neg,
    Num,
    Partial,
    Prod,
    Quantity,
    Sum,
    evaluate,
    substitute,
)
from calc.graph import LEARNING_RATE
from calc.notation import Notation, find_parameters
from calc.number import Shown
from calc.problem import Problem
from calc.trace import Step, Trace
from calc.updates import change_of
from calc.verify import difference_quotient

SMALL = 24  # parameters that "auto" still works in full
UNIT = 5  # parameters of a layer's first unit that "auto" works in full where there are more
T = TypeVar("T")

COLUMNS = 6  # numbers beside one another in a table
EPSILON = Name("epsilon")


def explain(
    problem: Problem, trace: Trace, exact: Trace, way: "type[Writer] | None" = None
) -> tuple[Document, dict[str, int], int]:
    """Write the worked solution.

    Args:
        trace: what is shown.
        exact: the same with full precision and simultaneous updates, as the check has verified it.
        way: who writes it; by default unit by unit.
    Returns:
        The document, the number of each step's line in it by the step's id, and the last number given.
    Raises:
        ProblemError: ``show`` names something that is no parameter.
    """
    writer = (way or Writer)(problem, trace, exact)
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


def step_line(trace: Trace, step: Step, number: int | None = None, symbolic: bool = True) -> tuple[Line, bool]:
    """result = formula = substituted ≈ value, sides that would repeat their neighbour left out.

    Returns:
        The line, and whether it comes out when re-computed from its printed digits.
    """
    shown = trace.show(step.result.id)
    result = ("=" if shown.exact else "≈", Num(shown))
    match step.expr:
        case Num():
            return Line(step.result, (("=", step.expr),), number), True
        case Quantity():
            return Line(step.result, (("=", step.expr), result), number), True
    printed, faithful = trace.operands(step)
    if shown.exact and evaluate(step.expr, {id: operand.value for id, operand in printed.items()}) != shown.value:
        result = ("≈", Num(shown))  # exact as it is, it does not follow exactly from rounded operands
    sides: list[tuple[str, Expr]] = [("=", step.expr)] if symbolic else []
    substituted = substitute(step.expr, printed)
    if not (isinstance(substituted, Num) and substituted.shown.value == shown.value):
        sides.append(("=", substituted))
    return Line(step.result, (*sides, result), number), faithful


class Writer:
    """Numbers the lines in the order in which they are written, and remembers which step stands where."""

    def __init__(self, problem: Problem, trace: Trace, exact: Trace) -> None:
        self.problem, self.trace, self.exact, self.graph = problem, trace, exact, trace.graph
        self.numbers: dict[str, int] = {}
        self.count = 0
        self.samples = self.graph.samples
        self.parameters = [name for layer in self.graph.parameters for name in layer]
        show = problem.solution.show
        small = len(self.parameters) <= SMALL
        self.full = show == "all" or (small and show == "auto")
        self.full_forward = show == "all" or small
        self.full_samples = self.samples if show == "all" else self.samples[:1]
        if isinstance(show, tuple):
            self.worked = set(find_parameters(problem, self.parameters, show))
        elif self.full:
            self.worked = set(self.parameters) & set(self.graph.trained)
        else:
            self.worked = {name for layer in self.graph.parameters for name in self._first_unit(layer)}
        self.zero_said = False
        self.cancelled = False  # whether the cancellation of loss and activation has been derived
        self.tabled: set[str] = set()  # what stands in a table and need not be derived again
        self.remarks: dict[str, list[int]] = {}

    def _first_unit(self, layer: Sequence[Name]) -> list[Name]:
        unit = [name for name in layer if name.index[0] == 1 and name in self.graph.trained]
        return unit if len(unit) <= UNIT else [*unit[: UNIT - 1], unit[-1]]

    # --- lines -------------------------------------------------------------------------------------------------------

    def _next(self) -> int:
        self.count += 1
        return self.count

    def _line(self, id: str, symbolic: bool = True) -> Line:
        self.numbers[id] = number = self._next()
        line, faithful = step_line(self.trace, self.trace.steps[id], number, symbolic)
        shown = self.trace.show(id)
        if not faithful:
            # the tie of an exact value such as 1/3 + 1/6 is met by no digits of 1/3
            self.remarks.setdefault("tie" if self.trace.exact(id) else "saturated", []).append(number)
        if shown.digits == "0" and not shown.exact:
            self.remarks.setdefault("nothing", []).append(number)
        return line

    def _known(self, factor: Quantity) -> bool:
        return factor.id in self.numbers or factor.id in self.tabled

    def _derivation(self, lines: Iterable[Line]) -> Iterator[Block]:
        """The lines, and what has to be said of them."""
        lines = tuple(lines)
        if lines:
            yield Derivation(lines)
        for remark, numbers in self.remarks.items():
            yield _prose(
                f"forward.{remark}_{_plural(len(numbers))}", lines=tuple(Reference(number) for number in numbers)
            )
        self.remarks = {}

    def _num(self, id: str) -> Num:
        return Num(self.trace.show(id))

    # --- Given -------------------------------------------------------------------------------------------------------

    def given(self) -> Iterator[Section]:
        problem = self.problem
        widths = problem.widths
        layers: list[Words] = []
        for number, (layer, width) in enumerate(zip(problem.layers, widths[1:], strict=True), 1):
            role = "outputs" if number == len(problem.layers) else "hidden"
            activation = Words(f"activation.{layer.activation.name}")
            layers.append(Words(f"given.{role}_{_plural(width)}", {"count": width, "activation": activation}))
        inputs = Words(f"given.inputs_{_plural(widths[0])}", {"count": widths[0]})
        blocks: list[Block] = [_prose("given.network", inputs=inputs, layers=tuple(layers))]
        blocks += self._numbers_given()
        blocks.append(_prose("given.conventions"))
        blocks.append(Listing(tuple(self._conventions())))
        yield Section(Words("section.given"), tuple(blocks))

    def _numbers_given(self) -> Iterator[Block]:
        """Samples and parameters."""
        yield _prose(f"given.data_{_plural(len(self.samples))}", count=len(self.samples))
        yield from self._data()
        bare = not any(layer.biases for layer in self.problem.layers)
        yield _prose("given.parameters_no_bias" if bare else "given.parameters")
        yield from [self._parameter_table(layer) for layer in self.graph.parameters]

    def _data(self) -> Iterator[Block]:
        inputs, outputs = self.problem.widths[0], self.problem.widths[-1]
        bare = [Name("x", None, (i,)) for i in range(1, inputs + 1)]
        bare += [Name("t", None, (j,)) for j in range(1, outputs + 1)]
        for part in _chunks(bare, 2 * COLUMNS - 2):
            head: tuple[Cell, ...] = tuple(part) if self.samples[0] is None else (Words("table.sample"), *part)
            rows: list[tuple[Cell, ...]] = []
            for s in self.samples:
                cells = [self._num(_at(name, s).id) for name in part]
                rows.append(tuple(cells) if s is None else (_integer(s), *cells))
            yield Table(head, tuple(rows))

    def _parameter_table(self, layer: Sequence[Name]) -> Table:
        notation = Notation(self.problem)
        widest = max(6 + 0.75 * len(notation.symbol(w).plain()) + len(str(self.trace.show(w.id))) for w in layer)
        columns = max(1, min(COLUMNS, int(72 / widest)))
        rows: list[tuple[Cell, ...]] = []
        unit = 0
        for names in _by_unit(layer):
            for part in _chunks(names, columns):
                z = Name("z", part[0].layer, part[0].index[:1])
                cells = [Line(name, (("=", self._num(name.id)),)) for name in part]
                first = z if part[0].index[0] != unit else None
                unit = int(part[0].index[0])
                rows.append((first, *cells, *[None] * (columns - len(cells))))
        used = max(sum(cell is not None for cell in row[1:]) for row in rows)
        return Table((), tuple(row[: used + 1] for row in rows))

    def _conventions(self) -> Iterator[Words]:
        problem, steps = self.problem, self.trace.steps
        first = self.samples[0]
        n = problem.widths[-1]
        e = Name("E", sample=first)
        part = problem.loss.part(Name("a", len(problem.layers), ("j",), first), Name("t", None, ("j",), first), n)
        if n == 1:
            yield Words("given.loss_one", {"loss": Line(e, (("=", steps[e.id].expr),))})
        else:
            j = "j"
            yield Words(
                "given.loss_many",
                {
                    "total": Line(e, (("=", steps[e.id].expr),)),
                    "part": Line(Name("E", None, (j,), first), (("=", part),)),
                    "j": Name("j"),
                },
            )
        if isinstance(part, Cases):
            args = {"function": part.head, "above": part.above, "below": part.below, "on": part.on}
            yield Words("given.cases", args)
        if first is not None:
            total = Line(self.graph.loss, (("=", steps["E"].expr),))
            yield Words("given.samples", {"example": Name("x", None, (1,), 1), "input": Name("x", None, (1,))})
            yield Words(f"given.{problem.reduction}", {"count": len(self.samples), "total": total})
        rate = Line(LEARNING_RATE, (("=", self._num(LEARNING_RATE.id)),))
        optimizer = problem.optimizer
        w = next(name for name in self.parameters if name in self.graph.trained)
        rule = [
            Line(q, (("=", e),))
            for q, e in optimizer.update.steps(w, Partial(self.graph.loss, w), LEARNING_RATE, optimizer.step + 1)
        ]
        name = Words(f"optimizer.{optimizer.update.name}")
        yield Words("given.rate", {"optimizer": name, "rate": rate, "parameter": w, "rule": tuple(rule)})
        if optimizer.update.state:
            yield Words("given.state" if optimizer.state else "given.no_state", {"count": optimizer.step})
        conventions = problem.conventions
        if any(layer.biases for layer in problem.layers):
            yield Words("given.update_biases" if conventions.update_biases else "given.constant_biases")
        if len(problem.layers) > 1:
            yield Words(f"given.{conventions.update_order}")
        kinks = {layer.activation.kink for layer in problem.layers} | ({"kinks"} if problem.loss.has_kink else set())
        for key in ("relu_at_zero", "kinks"):
            if key in kinks:
                yield Words(f"given.{key}", {"value": Num(conventions.at_kink(key))})
        rounding = self.trace.rounding
        ties = Words(f"given.{rounding.ties.replace('-', '_')}")
        if rounding.decimals is not None:
            count = {"count": rounding.decimals, "digits": max(2, rounding.decimals)}
            yield Words("given.decimals_one" if rounding.decimals == 1 else "given.decimals", {**count, "ties": ties})
        else:
            one = "_one" if rounding.significant == 1 else ""
            yield Words(f"given.significant{one}", {"count": rounding.significant or 0, "ties": ties})
        yield Words(f"given.carry_{rounding.carry}")
        yield Words("given.relation")

    # --- Forward pass and error --------------------------------------------------------------------------------------

    def forward(self) -> Iterator[Section]:
        yield Section(Words("section.forward"), ())
        for number, layer in enumerate(self.problem.layers, 1):
            width = len(layer.weights)
            sums = Words("forward.sums" if layer.biases else "forward.sums_no_bias")
            blocks: list[Block] = [Prose((sums, self._applies(number)))]
            for s in self.full_samples:
                units = range(1, width + 1 if self.full_forward else 2)
                if s is not None:
                    blocks.append(_prose("forward.sample", sample=s))
                elif not self.full_forward and width > 1:
                    blocks.append(_prose("forward.first"))
                ids = [Name(kind, number, (j,), s).id for j in units for kind in "za"]
                blocks += self._derivation(self._line(id) for id in ids)
                if len(units) < width:
                    blocks.append(_prose("forward.rest"))
                    names = [Name(kind, number, (j,)) for j in range(2, width + 1) for kind in "za"]
                    blocks += self._values(names, s)
            if len(self.full_samples) < len(self.samples):
                blocks.append(_prose("forward.others"))
                names = [Name(kind, number, (j,)) for j in range(1, width + 1) for kind in "za"]
                blocks += self._by_sample(names, self.samples[len(self.full_samples) :])
            blocks += self._idle(number)
            yield Section(self._layer_words(number), tuple(blocks), level=2)

    def _layer_words(self, number: int) -> Words:
        depth = len(self.problem.layers)
        if number == depth:
            return Words("section.output_layer")
        return Words("section.only_hidden_layer") if depth == 2 else Words("section.hidden_layer", {"layer": number})

    def _applies(self, number: int) -> Words:
        z, layer = Name("z"), self.problem.layers[number - 1]
        zs, as_ = ([Name(kind, number, (j,)) for j in range(1, len(layer.weights) + 1)] for kind in "za")
        formula, by_z = layer.activation.unit(zs, as_, 0, Shown("0"))
        if len(by_z) > 1:  # the units of the layer hang together
            return Words("forward.applies", {"function": Line(as_[0], (("=", formula),))})
        formula = layer.activation.formula(z)
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

    def _values(self, names: Sequence[Name], s: int | None) -> Iterator[Block]:
        """Pairs of pre-activation and activation, one unit a row."""
        rows = tuple(
            (z, self._num(_at(z, s).id), a, self._num(_at(a, s).id))
            for z, a in zip(names[::2], names[1::2], strict=True)
        )
        yield Table((), rows)

    def _by_sample(self, names: Sequence[Name], samples: Sequence[int | None]) -> Iterator[Block]:
        """One quantity a row, one sample a column."""
        for part in _chunks(samples, COLUMNS):
            head: tuple[Cell, ...] = (Words("table.sample"), *(_integer(s or 1) for s in part))
            rows: list[tuple[Cell, ...]] = []
            for name in names:
                rows.append((_at(name, "s"), *(self._num(_at(name, s).id) for s in part)))
            yield Table(head, tuple(rows))

    def _idle(self, number: int) -> Iterator[Block]:
        """Units that pass nothing on or stand at a kink, said in words."""
        layer = self.problem.layers[number - 1]
        if layer.activation.kink is None:
            return
        idle, tied = [], []
        for s in self.samples:
            for j in range(1, len(layer.weights) + 1):
                a, z = Name("a", number, (j,), s), Name("z", number, (j,), s)
                if self.trace.is_zero(z.id):
                    tied.append(z)
                elif self.trace.is_zero(Partial(a, z).id):
                    idle.append(a)
        if idle:
            yield _prose(f"forward.idle_{_plural(len(idle))}", units=tuple(idle))
        if tied:
            at_zero = Num(self.problem.conventions.at_kink(layer.activation.kink))
            yield _prose(f"forward.tied_{_plural(len(tied))}", sums=tuple(tied), value=at_zero)

    def error(self) -> Iterator[Section]:
        blocks: list[Block] = []
        n = self.problem.widths[-1]
        parts = [Name("E", None, (j,)) for j in range(1, n + 1)] if n > 1 else []
        of_sample = [] if self.samples[0] is None else [Name("E")]
        if parts:
            blocks.append(_prose("error.outputs"))
        for s in self.full_samples:
            blocks += self._derivation(self._line(_at(name, s).id) for name in (*parts, *of_sample))
        if len(self.full_samples) < len(self.samples):
            blocks.append(_prose("error.samples"))
            blocks += self._by_sample([*parts, *of_sample], self.samples[len(self.full_samples) :])
        if parts or of_sample:
            blocks.append(_prose("error.total"))
        blocks += self._derivation([self._line("E")])
        yield Section(Words("section.error"), tuple(blocks))

    # --- Backward pass -----------------------------------------------------------------------------------------------

    def backward(self) -> Iterator[Section]:
        deltas = self.problem.solution.method != "chain"
        yield Section(Words("section.backward"), tuple(self._delta_rules()) if deltas else ())
        shown = self.graph.trained | self.worked
        for number in range(len(self.problem.layers), 0, -1):
            layer = [name for name in self.graph.parameters[number - 1] if name in shown]
            worked = [name for name in layer if name in self.worked]
            rest = [name for name in layer if name not in self.worked]
            blocks: list[Block] = []
            for s in self.full_samples:
                if s is not None and worked:
                    blocks.append(_prose("forward.sample", sample=s))
                if deltas:
                    blocks += self._work_deltas(number, worked, s)
                else:
                    for parameter in worked:
                        blocks += self._work(parameter, s)
            if self.samples[0] is not None:
                blocks += self._sample_terms(layer)
            elif rest:
                blocks += self._rest(number, rest, bool(worked))
            if not self.zero_said and any(self.trace.is_zero(f"dE/d{name.id}") for name in layer):
                self.zero_said = True
                blocks.append(_prose("backward.zero"))
            if self.problem.conventions.update_order == "sequential":
                changes = list(self._changes(layer))
                blocks += [_prose("backward.updated_first"), *changes] if changes else []
            yield Section(self._layer_words(number), tuple(blocks), level=2)

    def _delta_rules(self) -> Iterator[Block]:
        """What a delta is, and how gradients follow from it."""
        depth = len(self.problem.layers)
        delta = Partial(self.graph.loss, Name("z", depth, ("j",)))
        yield _prose("backward.deltas", delta=delta, loss=self.graph.loss, sum=Name("z", depth, ("j",)))

    def _work_deltas(self, number: int, worked: Sequence[Name], s: int | None) -> Iterator[Block]:
        """Per unit its delta, then the gradients that are delta times input."""
        width = len(self.problem.layers[number - 1].weights)
        needed = range(1, width + 1) if self.full else sorted({name.index[0] for name in worked})
        for j in needed:
            delta = Partial(self.graph.loss, Name("z", number, (j,), s))
            if delta.by in self.graph.shortcuts:
                yield from self._cancel(delta)
            lines = [] if self._known(delta) else [self._line(delta.id)]
            gradients = [Partial(self.graph.loss, name, sample=s) for name in worked if name.index[0] == j]
            lines += [self._line(gradient.id) for gradient in gradients]
            yield from self._derivation(lines)
        others = [j for j in range(1, width + 1) if j not in needed]
        if others:
            deltas = [Partial(self.graph.loss, Name("z", number, (j,), s)) for j in others]
            self.tabled.update(delta.id for delta in deltas)
            yield _prose("backward.other_deltas")
            yield Table((), tuple((delta, self._num(delta.id)) for delta in deltas))

    def _chain(self, parameter: Name, s: int | None) -> tuple[Partial, tuple[Quantity, ...]]:
        """The gradient of one sample and its factors."""
        gradient = Partial(self.graph.loss, parameter, sample=s)
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
        names = {"loss": self.graph.loss, "parameter": parameter}
        cited = {"factors": tuple(known), "lines": self._cite(known)}
        if known and len(new) == 1:
            yield _prose("backward.likewise", **names, **cited)
        else:
            path = tuple(f.of for f in reversed(factors[1:]) if isinstance(f, Partial))
            key = "backward.chain" if s is None else "backward.chain_sample"
            key += "_known" if known else ""
            yield _prose(key, **names, path=path, **(cited if known else {}))
        closed = Line(gradient, (("=", Prod(factors, "·")), ("=", self._closed(factors))), self._next())
        lines = [closed, *(self._line(factor.id) for factor in new), self._line(gradient.id, symbolic=False)]
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
        raw = chains[0] if len(chains) == 1 else Sum(tuple(chains))
        sides: list[tuple[str, Expr]] = [("=", raw), ("=", closed[0] if len(closed) == 1 else Sum(tuple(closed)))]
        sides += [("=", step) for step in self.graph.shortcuts[adjoint.by]]
        key = "backward.cancels" if len(pairs) == 1 else "backward.cancels_sum"
        yield _prose(key, activations=tuple(Name("a", p.of.layer, p.of.index, p.of.sample) for _, p in pairs))
        yield Derivation((Line(adjoint, tuple(sides), self._next()),))
        yield _prose("backward.cancelled")

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
        yield _prose("backward.feeds", unit=adjoint.by, users=users, loss=self.graph.loss, **count)
        chains = Sum(tuple(Prod(factors, "·") for factors in paths.values()))
        closed = Sum(tuple(self._closed(factors) for factors in paths.values()))
        lines = [Line(adjoint, (("=", chains), ("=", closed)), self._next())]
        for term in terms:
            lines += [self._line(f.id) for f in paths[term.id] if not self._known(f)]
            lines.append(self._line(term.id))
        lines.append(self._line(adjoint.id))
        yield from self._derivation(lines)

    def _rest(self, number: int, rest: Sequence[Name], some_worked: bool) -> Iterator[Block]:
        """The other parameters of a layer as a table: factors and their product in one row."""
        units = list(dict.fromkeys(name.index[0] for name in rest))
        sums = [self._chain(next(n for n in rest if n.index[0] == j), None)[1][0] for j in units]
        sums = [a for a in sums if not self._known(a) and self._is_sum(a)]  # deltas have a table of their own
        yield _prose("backward.rest" if some_worked else "backward.rest_all")
        if sums:
            yield from self._paths([a.id for a in sums])
        rows: list[tuple[Cell, ...]] = []
        width = max(len(self._chain(name, None)[1]) for name in rest)  # a bias has no input beside its delta
        for name in rest:
            gradient, factors = self._chain(name, None)
            printed, _ = self.trace.operands(self.trace.steps[gradient.id])
            self.tabled.update(printed)
            cells = [Num(printed[f.id]) for f in factors]
            rows.append((name, *cells, *[None] * (width - len(cells)), self._num(gradient.id)))
        _, factors = self._chain(rest[0], None)
        head: list[Cell] = [Words("table.parameter"), *(_general(f, number) for f in factors[:-1])]
        yield Table((*head, Words("table.input"), Words("table.gradient")), tuple(rows))

    def _paths(self, adjoints: Sequence[str]) -> Iterator[Block]:
        """∂E/∂a of several units: one path's contribution a column, then their sum."""
        terms = {id: [t for t in self.trace.steps[id].uses if isinstance(t, Partial)] for id in adjoints}
        printed = {id: self.trace.operands(self.trace.steps[id])[0] for id in adjoints}
        width = len(next(iter(terms.values())))
        for part in _chunks(range(width), COLUMNS):
            last = part[-1] == width - 1
            via = [terms[adjoints[0]][k].via for k in part]
            head: tuple[Cell, ...] = (None, *via, Words("table.sum")) if last else (None, *via)
            rows: list[tuple[Cell, ...]] = []
            for id in adjoints:
                cells = [Num(printed[id][terms[id][k].id]) for k in part]
                rows.append((self.trace.steps[id].result, *cells, *([self._num(id)] if last else [])))
            yield Table(head, tuple(rows))

    def _factors(self, number: int, samples: Sequence[int | None]) -> Iterator[Block]:
        """dE/da and da/dz of a layer's units, one sample a column."""
        units = range(1, len(self.problem.layers[number - 1].weights) + 1)
        for part in _chunks(samples, COLUMNS):
            rows: list[tuple[Cell, ...]] = []
            for j in units:
                for of, by in (
                    (self.graph.loss, Name("a", number, (j,))),
                    (Name("a", number, (j,)), Name("z", number, (j,))),
                ):
                    partials = [Partial(of if of.kind == "E" else _at(of, s), _at(by, s)) for s in (*part, "s")]
                    rows.append((partials[-1], *(self._num(partial.id) for partial in partials[:-1])))
            yield Table((Words("table.sample"), *(_integer(s or 1) for s in part)), tuple(rows))

    def _sample_terms(self, layer: Sequence[Name]) -> Iterator[Block]:
        """A row per parameter: its samples' terms and their sum."""
        others = self.samples[len(self.full_samples) :]
        if others:
            yield _prose("backward.factors")
            yield from self._factors(layer[0].layer or 0, others)
        yield _prose("backward.samples")
        rows_of = {name: self.trace.operands(self.trace.steps[f"dE/d{name.id}"])[0] for name in layer}
        for part in _chunks(self.samples, COLUMNS):
            last = part[-1] == self.samples[-1]
            head: tuple[Cell, ...] = (
                Words("table.sample"),
                *(_integer(s or 1) for s in part),
                *([Words("table.sum")] if last else []),
            )
            rows: list[tuple[Cell, ...]] = []
            for name in layer:
                gradient = Partial(self.graph.loss, name)
                cells = [Num(rows_of[name][Partial(self.graph.loss, name, sample=s).id]) for s in part]
                rows.append((gradient, *cells, *([self._num(gradient.id)] if last else [])))
            yield Table(head, tuple(rows))

    # --- Update, check, answers --------------------------------------------------------------------------------------

    def _changes(self, parameters: Iterable[Name]) -> Iterator[Block]:
        changed = [w for w in parameters if w in self.worked and w in self.graph.trained]
        for part in _chunks(changed, 3):  # what leads to a new value stays together with it
            lines = []
            for w in part:
                ids = [result.id for result, _ in self.problem.optimizer.update.steps(w, w, LEARNING_RATE, 1)]
                lines += [self._line(id) for id in (*ids, w.after_update().id)]
            yield from self._derivation(lines)

    def update(self) -> Iterator[Section]:
        if self.problem.conventions.update_order == "sequential":
            blocks: list[Block] = [_prose("update.done")]
        else:
            plain = self.problem.optimizer.update.name == "sgd"
            words = _prose("update.changes", rate=LEARNING_RATE) if plain else _prose("update.by_rule")
            blocks = [words, *self._changes(self.parameters)]
        if not self.worked >= self.graph.trained:
            blocks.append(_prose("update.rest"))
        yield Section(Words("section.update"), tuple(blocks))

    def check(self) -> Iterator[Section]:
        depth = len(self.problem.layers)
        blocks: list[Block] = list(self._forward_again())
        blocks.append(_prose("check.before_after" if blocks else "check.again"))
        rows: list[tuple[Cell, ...]] = []
        for s in self.samples:
            for j in range(1, self.problem.widths[-1] + 1):
                a, t = Name("a", depth, (j,), s), Name("t", None, (j,), s)
                rows.append((a, self._num(t.id), self._num(a.id), self._num(a.after_update().id)))
        rows.append((self.graph.loss, None, self._num("E"), self._num("E'")))
        head = [Words(f"table.{key}") for key in ("quantity", "target", "before", "after")]
        blocks.append(Table(tuple(head), tuple(rows)))
        before, after = self.trace.show("E"), self.trace.show("E'")
        key = "falls" if after.value < before.value else "rises" if after.value > before.value else "same"
        blocks.append(_prose(f"check.{key}", before=Num(before), after=Num(after)))
        blocks += self._numeric()
        yield Section(Words("section.check"), tuple(blocks))

    def _forward_again(self) -> Iterator[Block]:
        """The new forward pass, of a small network and one sample."""
        if self.full_forward and self.samples[0] is None:
            yield _prose("check.forward")
            ids = [
                Name(kind, number, (j,), None, True).id
                for number, layer in enumerate(self.problem.layers, 1)
                for j in range(1, len(layer.weights) + 1)
                for kind in "za"
            ]
            yield from self._derivation([self._line(id, symbolic=False) for id in (*ids, *self._losses_after(), "E'")])

    def _losses_after(self) -> list[str]:
        """The outputs' parts of the new error, where it has several."""
        n = self.problem.widths[-1]
        return [f"E_{j}'" for j in range(1, n + 1)] if n > 1 else []

    def _numeric(self) -> Iterator[Block]:
        """The gradient of one worked parameter by a difference quotient, at the digits the line needs."""
        candidates = sorted(self.worked, key=lambda w: (-(w.layer or 0), w.index[0], w.kind == "b", w.index[-1]))
        for w in candidates[:8]:
            gradient = Partial(self.graph.loss, w)
            found = None if self.exact.is_zero(gradient.id) else difference_quotient(self.exact, w)
            differs = self.exact.show(gradient.id).value != self.trace.show(gradient.id).value
            if found is None or (differs and self.trace.rounding.carry == "full"):  # a gradient by convention
                continue
            h, above, below, result = found
            shifted = (Call("loss", (Sum((w, EPSILON)),)), Neg(Call("loss", (Sum((w, Neg(EPSILON))),))))
            quotient = Frac(Sum(shifted), Prod((Num.of(2), EPSILON)))
            numbers = Frac(Sum((Num(above), Neg(Num(below)))), Prod((Num.of(2), Num(h)), "×"))
            sides = (("≈", quotient), ("=", numbers), ("≈", Num(result)))
            yield _prose("check.numeric", h=Line(EPSILON, (("=", Num(h)),)))
            yield Derivation((Line(gradient, sides, self._next()),))
            known = self.trace.show(gradient.id)
            value = Line(gradient, (("=" if known.exact else "≈", Num(known)),))
            if result.value == self.trace.show(gradient.id).value:
                yield _prose("check.agrees", gradient=value)
            else:
                yield _prose("check.nearly", gradient=value)
            return
        yield _prose("check.no_numeric")

    def answers(self) -> Iterator[Section]:
        heads = [Words(f"table.{key}") for key in ("parameter", "old", "gradient", "change", "new")]
        rows: list[tuple[Cell, ...]] = []
        for w in self.parameters:
            if w in self.graph.trained:
                ids = (w.id, f"dE/d{w.id}", change_of(w).id, w.after_update().id)
                rows.append((w, *(self._num(id) for id in ids)))
        yield Section(Words("section.answers"), (Table(tuple(heads), tuple(rows)),))


# --- small change ----------------------------------------------------------------------------------------------------


def _by(step: Step, name: Name) -> bool:
    return isinstance(step.result, Partial) and step.result.by == name


def _prose(key: str, **args: Argument) -> Prose:
    return Prose((Words(key, args),))


def _plural(count: int) -> str:
    return "one" if count == 1 else "many"


def _integer(value: int) -> Num:
    return Num.of(value)


def _at(name: Name, s: int | str | None) -> Name:
    return Name(name.kind, name.layer, name.index, s, name.updated)


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _by_unit(layer: Sequence[Name]) -> Iterator[Sequence[Name]]:
    """The parameters into one unit after another."""
    start = 0
    for end in range(1, len(layer) + 1):
        if end == len(layer) or layer[end].index[0] != layer[start].index[0]:
            yield layer[start:end]
            start = end


def _general(factor: Quantity, number: int) -> Quantity:
    """A factor for any unit j of a layer: ∂a_1/∂z_1 -> ∂a_j/∂z_j."""
    assert isinstance(factor, Partial)

    def general(name: Name) -> Name:
        return Name(name.kind, name.layer, ("j",), name.sample) if name.layer == number and name.kind in "za" else name

    return Partial(general(factor.of), general(factor.by))
