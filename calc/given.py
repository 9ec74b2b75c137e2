"""What is given: data, parameters, conventions and rounding, the first section of every page."""

from collections.abc import Iterator, Sequence

from calc.document import (
    Argument,
    Block,
    Cell,
    Derivation,
    Line,
    Listing,
    Prose,
    Section,
    Table,
    Words,
    prose,
)
from calc.expr import (
    Call,
    Cases,
    Expr,
    Name,
    Neg,
    Num,
    Partial,
    Sum,
    children,
)
from calc.graph import delta_of
from calc.lines import COLUMNS, Lines, by_unit, chunks, integer, plural
from calc.network import Network
from calc.notation import function_of, notation_of
from calc.ops import Activation, Loss
from calc.penalty import PENALTY, SIZES, SQUARES
from calc.updates import ahead_of, change_of, state_of


class GivenWriter(Lines[Network]):
    """Writes the section Given."""

    def given(self) -> Iterator[Section]:
        problem = self.problem
        blocks: list[Block] = [Prose((described(problem),))]
        blocks += self._numbers_given()
        blocks += self._rates_and_state()
        blocks.append(prose("given.conventions"))
        blocks.append(Listing(tuple(self._conventions())))
        if problem.optimizer.update.state:
            parameter, rule = self._rule()
            blocks += [prose("given.rule", parameter=parameter), Derivation(tuple(rule))]
        yield Section(Words("section.given"), tuple(blocks))

    def _numbers_given(self) -> Iterator[Block]:
        """Samples and parameters."""
        samples = len(self.problem.samples)
        yield prose(f"given.data_{plural(samples)}", count=samples)
        yield from self._data()
        bare = not any(layer.biases for layer in self.problem.layers)
        yield prose("given.parameters_no_bias" if bare else "given.parameters")
        biases = sum(name.kind == "b" for name in self.parameters)
        for parameters in self.graph.parameters:
            yield self._parameter_table(parameters)
        if not self.full_forward:
            count = {"weights": len(self.parameters) - biases, "biases": biases, "count": len(self.parameters)}
            yield prose("given.count" if biases else "given.count_no_bias", **count)

    def _rates_and_state(self) -> Iterator[Block]:
        """Learning rates where they differ, and the state where one is given."""
        trained = [[w for w in layer if w in self.graph.trained] for layer in self.graph.parameters]
        if self.graph.rates:
            yield prose("given.rates_table")
            rates = [list(dict.fromkeys(self.graph.rate(w) for w in layer)) for layer in trained]
            shared = [rate for layer in rates for rate in layer if not rate.index]
            lines = [Line(rate, (("=", self._num(rate.id)),)) for rate in shared]
            if lines:
                yield Table((), tuple((*part, *[None] * (-len(lines) % 4)) for part in chunks(lines, 4)))
            yield from (self._parameter_table(own) for own in ([r for r in layer if r.index] for layer in rates) if own)
        for letter in self.problem.optimizer.update.state if self.problem.optimizer.state else ():
            yield prose("given.state_table", state=Name(letter))
            yield from (self._parameter_table([state_of(letter, w) for w in layer]) for layer in trained if layer)

    def _data(self) -> Iterator[Block]:
        inputs, outputs = self.problem.widths[0], self.problem.widths[-1]
        bare = [Name("x", None, (i,)) for i in range(1, inputs + 1)]
        bare += [Name("t", None, (j,)) for j in range(1, outputs + 1)]
        numbers = [Num(n.shown) for sample in self.problem.samples for n in (*sample.inputs, *sample.targets)]
        data = list(chunks(numbers, len(bare)))
        for part in chunks(range(len(bare)), 2 * COLUMNS - 2):
            names = [bare[i] for i in part]
            head: tuple[Cell, ...] = tuple(names) if len(data) == 1 else (Words("table.sample"), *names)
            rows: list[tuple[Cell, ...]] = []
            for s, row in enumerate(data, 1):
                cells = [row[i] for i in part]
                rows.append(tuple(cells) if len(data) == 1 else (integer(s), *cells))
            yield Table(head, tuple(rows))

    def _parameter_table(self, layer: Sequence[Name]) -> Table:
        """w = 0.2 and so on, a row per unit; for units of many weights the numbers alone, w_j1, w_j2, … as heads."""
        units = list(by_unit(layer))
        if len(units[0]) <= COLUMNS or len(units) == 1 or len({len(unit) for unit in units}) > 1:
            return self._equations(layer)
        heads = [Name(name.kind, name.layer, ("j", *name.index[1:])) for name in units[0]]
        rows = [(integer(int(unit[0].index[0])), *(self._num(name.id) for name in unit)) for unit in units]
        return Table((Name("j"), *heads), tuple(rows))

    def _equations(self, layer: Sequence[Name]) -> Table:
        notation = notation_of(self.problem)
        widest = max(6 + 0.75 * len(notation.symbol(w).plain()) + len(str(self.trace.show(w.id))) for w in layer)
        columns = max(1, min(COLUMNS, int(72 / widest)))
        rows: list[tuple[Cell, ...]] = []
        unit = 0
        for names in by_unit(layer):
            for part in chunks(names, columns):
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
        e = self.graph.data if first is None else Name("E", sample=first)
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
        if self.marked:
            total = Line(self.graph.data, (("=", steps[self.graph.data.id].expr),))
            yield Words("given.samples", {"example": Name("x", None, (1,), 1), "input": Name("x", None, (1,))})
            yield Words(f"given.{problem.reduction}", {"count": len(self.samples), "total": total})
        yield from self._penalty_words()
        yield from self._mask_words()
        w, rule = self._rule()
        optimizer, rate = problem.optimizer, self.graph.rate(w)
        named: dict[str, Argument] = {"optimizer": Words(f"optimizer.{optimizer.update.name}")}
        if not self.graph.rates:
            named["rate"] = Line(rate, (("=", self._num(rate.id)),))
        wording = "given.rates" if self.graph.rates else "given.rate"
        if optimizer.update.state:  # a rule of several lines stands below the list
            yield Words(f"{wording}_below", named)
        else:
            yield Words(wording, named | {"parameter": w, "rule": tuple(rule)})
        there = optimizer.update.look_ahead(w)
        if there is not None:
            yield Words("given.ahead", {"ahead": ahead_of(w), "parameter": w})
        if optimizer.update.state:
            key = "given.state" if optimizer.state else "given.no_state"
            done = plural(optimizer.step) if optimizer.step else "first"
            yield Words(f"{key}_{done}", {"count": optimizer.step})
        conventions = problem.conventions
        if any(layer.biases for layer in problem.layers):
            yield Words("given.update_biases" if conventions.update_biases else "given.constant_biases")
        if problem.minus:
            z = Name("z", len(problem.layers), ("j",))
            minus = Line(delta_of(z), (("=", Neg(Partial(self.graph.loss, z))),))
            yield Words("given.minus", {"delta": minus})
        if len(problem.layers) > 1:
            looked = "_ahead" if there is not None and conventions.update_order == "simultaneous" else ""
            yield Words(f"given.{conventions.update_order}{looked}")
        yield from self._own_words()
        operations: list[Activation | Loss] = [*(layer.activation for layer in problem.layers), problem.loss]
        kinks = {key for operation in operations if not operation.own for key in operation.kinks}
        for key in ("relu_at_zero", "kinks"):
            if key in kinks:
                yield Words(f"given.{key}", {"value": Num(conventions.at_kink(key))})
        yield from self._rounding_words()

    def _rule(self) -> tuple[Name, list[Line]]:
        """A parameter, and how the optimiser changes it."""
        optimizer = self.problem.optimizer
        w = next(name for name in self.parameters if name in self.graph.trained)
        steps = optimizer.update.steps(w, Partial(self.graph.loss, w), self.graph.rate(w), optimizer.step + 1)
        rule = [Line(result, (("=", expr),)) for result, expr in steps]
        if optimizer.update.state:
            rule.append(Line(w.after_update(), (("=", Sum((w, change_of(w)))),)))
        there = optimizer.update.look_ahead(w)
        return w, rule if there is None else [Line(ahead_of(w), (("=", there),)), *rule]

    def _own_words(self) -> Iterator[Words]:
        """The derivatives of the author's own formulas, and the functions that differ by the side of a kink."""
        problem, z = self.problem, Name("z")
        at_kink = problem.conventions.at_kink
        slopes: dict[Activation, Expr] = {}
        for layer in problem.layers:
            if layer.activation.own:
                slopes[layer.activation] = layer.activation.derivative(z, Name("a"), at_kink)
        for f, slope in slopes.items():
            derivative = Call(f"{function_of(f, problem.layers)}'", (z,))
            yield Words("given.slope", {"slope": Line(derivative, (("=", slope),))})
        own = [*slopes.values()]
        if problem.loss.own:
            own.append(problem.loss.derivative(Name("a"), Name("t"), 1, at_kink))
        for function in sorted({case.head.function for slope in own for case in _cases(slope)}):
            key = function.rstrip("'").lower()
            value = Num(at_kink("relu_at_zero" if key == "relu" else "kinks"))
            yield Words(f"given.sided_{key}", {"function": Call(function, (z,)), "on": z, "value": value})

    def _penalty_words(self) -> Iterator[Words]:
        """What is added to the error of the samples, and what its sums are."""
        if not self.graph.penalties:
            return
        steps = self.trace.steps
        whole, penalty = (Line(name, (("=", steps[name.id].expr),)) for name in (self.graph.loss, PENALTY))
        yield Words("given.penalty", {"whole": whole, "penalty": penalty})
        for kind in (SQUARES, SIZES):
            sums = [Name(kind, number) for number in range(1, self.graph.depth + 1)]
            if sums[0].id in steps:
                yield Words(f"given.{kind}_{plural(len(sums))}", {"sums": tuple(sums)})
        if Name(SIZES, 1).id in steps:
            w = next(iter(self.graph.penalties))
            yield Words("given.sign", {"size": Call("abs", (w,)), "sign": Call("sgn", (w,)), "weight": w})

    def _mask_words(self) -> Iterator[Words]:
        for number, layer in enumerate(self.problem.layers, 1):
            if layer.mask is not None:
                factors = tuple(Num(factor.shown) for factor in layer.mask)
                args: dict[str, Argument] = {"layer": number, "mask": factors}
                if layer.keep is None:
                    yield Words(f"given.mask_{plural(len(factors))}", args)
                else:
                    yield Words(f"given.mask_keep_{plural(len(factors))}", args | {"keep": Num(layer.keep.shown)})


def _cases(expr: Expr) -> Iterator[Cases]:
    """The case distinctions in a formula."""
    if isinstance(expr, Cases):
        yield expr
    for part in children(expr):
        yield from _cases(part)


def described(problem: Network) -> Words:
    """A fully connected network with so many inputs, hidden and output units, each layer with its activation."""
    widths = problem.widths
    layers: list[Words] = []
    for number, (layer, width) in enumerate(zip(problem.layers, widths[1:], strict=True), 1):
        role = "outputs" if number == len(problem.layers) else "hidden"
        activation = _named(layer.activation, problem)
        layers.append(Words(f"given.{role}_{plural(width)}", {"count": width, "activation": activation}))
    inputs = Words(f"given.inputs_{plural(widths[0])}", {"count": widths[0]})
    return Words("given.network", {"units": (inputs, *layers)})


def _named(activation: Activation, problem: Network) -> Words:
    """An activation in words; a formula of the author's as f(z) = …"""
    if not activation.own:
        return Words(f"activation.{activation.name}", default=activation.name.replace("_", " "))
    function = Call(function_of(activation, problem.layers), (Name("z"),))
    return Words("activation.own", {"function": Line(function, (("=", activation.formula(Name("z"))),))})
