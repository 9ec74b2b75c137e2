"""Iterations → Document: training over several updates.

The first update is worked in full, as if it were the only one; a small network trained online gets a table per later
sample; then every update is a row of one table, with the loss after each, and every sample's prediction before and
after the whole training. With show = "all" every update is worked in full under a heading of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from calc.document import Block, Cell, Document, Line, Prose, Section, Table, Words
from calc.explain import Writer, writer_for
from calc.explain_rules import RuleWriter
from calc.expr import Name, Neg, Num, Partial, Prod, evaluate, quantities
from calc.graph import LEARNING_RATE, delta_of
from calc.lines import SMALL, shown
from calc.network import Network
from calc.number import GUARD_DIGITS, Shown
from calc.trace import Trace
from calc.training import Iteration, predict
from calc.updates import change_of

MOST_TABLES = 12  # updates that get a table each, besides the first
MOST_BESIDE = 12  # parameters that stand in one row per update


def explain_training(
    problem: Network, iterations: Sequence[Iteration[Network]]
) -> tuple[Document, list[dict[str, int]], int]:
    """Write the worked solution of several updates, or of a rule for a single layer.

    Returns:
        The document, for each update the number of each step's line by the step's id, and the last number given.
    Raises:
        ProblemError: ``show`` names something that is no parameter.
    """
    kind = writer_for(problem) if problem.training.rule == "gradient" else RuleWriter
    numbers: list[dict[str, int]] = [{} for _ in iterations]
    first = kind(problem, iterations[0].trace, iterations[0].exact)
    sections = [*_given(first, iterations)]
    worked = list(iterations) if problem.solution.show == "all" else [iterations[0]]
    changing = first.first_change(iterations) if isinstance(first, RuleWriter) and len(worked) < len(iterations) else []
    worked += changing
    count = first.count
    for one in worked:
        writer = first if one.index == 1 else kind(one.problem, one.trace, one.exact, count)
        if len(iterations) > 1:
            start = (Words("rule.first_change"),) if one in changing else _start(one).sentences
            sections.append(Section(heading(one), (Prose((*_sample(one), *start)),)))
        steps = [*writer.forward(), *writer.error(), *writer.backward(), *writer.update(), *writer.check()]
        sections += [replace(step, level=step.level + 1) for step in steps] if len(iterations) > 1 else steps
        numbers[one.index - 1], count = writer.numbers, writer.count
    if isinstance(first, RuleWriter):
        sections += first.epochs(iterations)
    else:
        tables = len(worked) < len(iterations) and _has_tables(problem, iterations)
        if tables:
            sections += [_pattern(one) for one in iterations[1:]]
        sections += _overview(problem, iterations, beside=not tables)
    sections += _predictions(problem, iterations)
    sections += _answers(iterations) if len(iterations) > 1 or isinstance(first, RuleWriter) else first.answers()
    return Document(problem.title, tuple(sections)), numbers, count


def heading(one: Iteration[Network]) -> Words:
    """Update 2: epoch 1, samples 3 and 4."""
    key = "training.update_one" if len(one.samples) == 1 else "training.update_many"
    if one.trace.graph.samples == (None,):
        key = "training.update_bare"
    return Words(key, {"index": one.index, "epoch": one.epoch, "samples": _numbers(one.samples)})


def _numbers(samples: Sequence[int]) -> tuple[Words, ...]:
    return tuple(Words("training.number", {"number": s}) for s in samples)


def _start(one: Iteration[Network]) -> Prose:
    key = "training.starts" if one.index == 1 else "training.goes_on"
    return Prose((Words(key, {"before": one.index - 1}),))


def _given(writer: Writer, iterations: Sequence[Iteration[Network]]) -> Iterator[Section]:
    """Given, and how the training runs."""
    problem = writer.problem
    for section in writer.given():
        blocks = list(section.blocks)
        if len(iterations) > 1:
            ahead = [Words("training.ahead")] if writer.graph.ahead else []
            blocks.append(Prose((*schedule(problem), *ahead)))
            if problem.rounding.carry == "full":
                blocks += _rounded_tables(iterations)
            elif problem.minus:
                blocks.append(Prose((Words("training.tables_minus"),)))
        yield Section(section.heading, tuple(blocks), section.level)


def _rounded_tables(iterations: Sequence[Iteration[Network]]) -> Iterator[Block]:
    """That neighbours in a table need not follow from one another's digits, where something is rounded."""
    if iterations[0].problem.training.rule == "gradient":
        yield Prose((Words("training.tables"),))
        return
    for one in iterations:
        graph = one.trace.graph
        if not all(one.trace.show(w.after_update().id).exact for w in graph.parameters[0] if w in graph.trained):
            yield Prose((Words("training.tables_of_rule"),))
            return


def schedule(problem: Network) -> Iterator[Words]:
    """In which order the samples are visited, and when the parameters change."""
    training, per_epoch = problem.training, problem.updates
    epochs = {"count": training.epochs}
    yield Words("training.epochs_one" if training.epochs == 1 else "training.epochs_many", epochs)
    if len(problem.samples) > 1:
        if len(per_epoch) == 1:
            yield Words("training.batch")
        elif problem.marked:
            yield Words("training.minibatches", {"size": len(per_epoch[0])})
            if len(per_epoch[-1]) < len(per_epoch[0]):
                yield Words(
                    f"training.smaller_{'one' if len(per_epoch[-1]) == 1 else 'many'}", {"size": len(per_epoch[-1])}
                )
        else:
            yield Words("training.online")
    if len(per_epoch) > 1:
        order = [s for visited in per_epoch for s in visited]
        if order != sorted(order):
            yield Words("training.order", {"samples": _numbers(order)})
        if training.rule == "gradient":
            yield Words("training.error_of_update" if problem.marked else "training.error_of_sample")


def _sample(one: Iteration[Network]) -> Iterator[Words]:
    """What goes in, where an update sees one sample of several."""
    trace, problem, s = one.trace, one.problem, one.trace.graph.samples[0]
    if s is None or problem.marked or problem.widths[0] + problem.widths[-1] > MOST_BESIDE:
        return
    inputs = [Name("x", None, (i,), s) for i in range(1, problem.widths[0] + 1)]
    targets = [Name("t", None, (j,), s) for j in range(1, problem.widths[-1] + 1)]
    yield Words("training.sample", {"data": tuple(equation(trace, name) for name in (*inputs, *targets))})


# --- a table per sample ----------------------------------------------------------------------------------------------


def _has_tables(problem: Network, iterations: Sequence[Iteration[Network]]) -> bool:
    parameters = sum(len(layer) for layer in iterations[0].trace.graph.parameters)
    return not problem.marked and len(iterations) <= MOST_TABLES + 1 and parameters <= SMALL


def _pattern(one: Iteration[Network]) -> Section:
    """One online update: what goes in, the sums, outputs and deltas, and how each parameter changes."""
    trace, problem, s = one.trace, one.problem, one.trace.graph.samples[0]
    rows: list[tuple[Cell, ...]] = []
    for number, width in enumerate(problem.widths[1:], 1):
        for j in range(1, width + 1):
            z, a = Name("z", number, (j,), s), Name("a", number, (j,), s)
            row: list[Cell] = []
            for quantity in (z, a, delta_of(z) if problem.minus else Partial(trace.graph.loss, z)):
                row += [quantity, shown(trace, quantity.id)]
            rows.append(tuple(row))
    error = equation(trace, trace.graph.loss), equation(trace, Name("E", updated=True))
    blocks: list[Block] = [
        Prose((*_sample(one), *_start(one).sentences)),
        Table((), tuple(rows)),
        parameter_table(trace),
        Prose((Words("training.error", {"before": error[0], "after": error[1]}),)),
    ]
    return Section(heading(one), tuple(blocks))


def parameter_table(trace: Trace) -> Table:
    """Each trained parameter: old value, gradient, change, new value, each row re-computable from its digits."""
    trained = [w for layer in trace.graph.parameters for w in layer if w in trace.graph.trained]
    keys = ("parameter", "old", "gradient", "change", "new")
    rows: list[tuple[Cell, ...]] = []
    for w in trained:
        sources = [(trace, id) for id in (w.id, f"dE/d{w.id}", change_of(w).id, w.after_update().id)]
        rows.append((w, *map(Num, _row(trace, w), sources)))
    return Table(tuple(Words(f"table.{key}") for key in keys), tuple(rows))


def _row(trace: Trace, w: Name) -> tuple[Shown, Shown, Shown, Shown]:
    """Old value, gradient, change and new value with as many digits as the row needs to come out.

    The new value is the old one and the change; the change is the gradient times the learning rate, where the
    optimiser has no state between them.
    """
    gradient, change, new = f"dE/d{w.id}", change_of(w).id, trace.show(w.after_update().id)
    rounding, step = trace.rounding, trace.steps[change]
    guard = GUARD_DIGITS if rounding.carry == "full" else 0
    for extra in range(guard + 1):
        old, changed = trace.show(w.id, extra), trace.show(change, extra)
        if rounding.show(old.value + changed.value).value == new.value:
            break
    else:  # a tie that no digits reach
        extra, old, changed = 0, trace.show(w.id), trace.show(change)
    expr = step.expr
    if step.uses[0] == LEARNING_RATE and any(isinstance(use, Name) and use.kind == "delta" for use in step.uses):
        # η δ x; beside it stands the gradient
        expr = Neg(Prod((LEARNING_RATE, Partial(trace.graph.loss, w))))
    direct = {quantity.id for quantity in quantities(expr)} <= {gradient, LEARNING_RATE.id}
    for more in range(extra, guard + 1) if direct else ():
        found = trace.show(gradient, more)
        values = {gradient: found.value, LEARNING_RATE.id: trace.given[LEARNING_RATE.id]}
        if rounding.show(evaluate(expr, values), extra).value == changed.value:
            return old, found, changed, new
    return old, trace.show(gradient), changed, new


# --- all updates -----------------------------------------------------------------------------------------------------


def _overview(problem: Network, iterations: Sequence[Iteration[Network]], beside: bool) -> Iterator[Section]:
    """A row per update: epoch, samples, the loss before and after, and ``beside`` it the parameters where they fit."""
    if len(iterations) == 1:
        return
    graph = iterations[0].trace.graph
    trained = [w for layer in graph.parameters for w in layer if w in graph.trained]
    parameters = trained if beside and len(trained) <= MOST_BESIDE else []
    told, start = len(problem.updates) > 1, iterations[0].trace
    loss = start.graph.loss
    keys = ["update", "epoch", "samples"] if told else ["update"]
    head: list[Cell] = [*(Words(f"table.{key}") for key in keys), loss, loss.after_update()]
    head += [w.after_update() for w in parameters]
    rows: list[tuple[Cell, ...]] = []
    if parameters:
        begin: list[Cell] = [Words("table.start"), *[None] * (len(keys) + 1), *(shown(start, w.id) for w in parameters)]
        rows.append(tuple(begin))
    for one in iterations:
        at: list[Cell] = [Num.of(one.index)]
        if told:
            at += [Num.of(one.epoch), Words("training.samples", {"samples": _numbers(one.samples)})]
        ids = ("E", "E'", *(w.after_update().id for w in parameters))
        rows.append((*at, *(shown(one.trace, id) for id in ids)))
    key = "overview" if parameters else "overview_tables" if not beside else "overview_losses"
    words = Words(f"training.{key}", {"before": loss, "after": loss.after_update()})
    blocks: list[Block] = [Prose((words,)), Table(tuple(head), tuple(rows))]
    if told:
        blocks += epoch_losses(problem, iterations)
    yield Section(Words("section.training"), tuple(blocks))


def epoch_losses(problem: Network, iterations: Sequence[Iteration[Network]]) -> Iterator[Block]:
    """The loss over all samples before the training and after each epoch."""
    traces = [one.trace for one in iterations]
    rows: list[tuple[Cell, ...]] = [(Words("table.start"), shown(predict(problem, []), "E"))]
    for one in iterations:
        if one.last:
            rows.append((Num.of(one.epoch), shown(predict(problem, traces[: one.index]), "E")))
    yield Prose((Words("training.epoch_losses"),))
    yield Table((Words("table.epoch"), Words("table.whole_error")), tuple(rows))


def _predictions(problem: Network, iterations: Sequence[Iteration[Network]]) -> Iterator[Section]:
    """Every sample's outputs and the loss over all samples, before and after the whole training."""
    if len(iterations) == 1 and len(problem.updates) == 1:
        return  # told by the check of the only update
    before, after = predict(problem, []), predict(problem, [one.trace for one in iterations])
    depth, rows = len(problem.layers), list[tuple[Cell, ...]]()
    several = before.graph.samples != (None,)
    for s in before.graph.samples:
        for j in range(1, problem.widths[-1] + 1):
            a, t = Name("a", depth, (j,), s), Name("t", None, (j,), s)
            label: list[Cell] = [Num.of(s or 1)] if several else []
            cells: list[Cell] = [Name("a", depth, (j,)), shown(before, t.id), shown(before, a.id), shown(after, a.id)]
            rows.append((*label, *cells))
    keys = [*(["sample"] if several else []), "quantity", "target", "before", "after"]
    blocks: list[Block] = [
        Prose((Words("training.predictions"),)),
        Table(tuple(Words(f"table.{key}") for key in keys), tuple(rows)),
    ]
    if problem.training.rule != "perceptron":
        numbers = before.show("E"), after.show("E")
        sides = numbers[1].value - numbers[0].value
        key = "falls" if sides < 0 else "rises" if sides > 0 else "same"
        blocks.append(Prose((Words(f"training.{key}", {"before": Num(numbers[0]), "after": Num(numbers[1])}),)))
    yield Section(Words("section.predictions"), tuple(blocks))


def _answers(iterations: Sequence[Iteration[Network]]) -> Iterator[Section]:
    """The parameters before and after the whole training."""
    first, last = iterations[0].trace, iterations[-1].trace
    rows: list[tuple[Cell, ...]] = []
    for w in (w for layer in first.graph.parameters for w in layer if w in first.graph.trained):
        rows.append((w, shown(first, w.id), shown(last, w.after_update().id)))
    head = tuple(Words(f"table.{key}") for key in ("parameter", "at_start", "at_end"))
    yield Section(Words("section.answers"), (Prose((Words("training.final"),)), Table(head, tuple(rows))))


def equation(trace: Trace, name: Name) -> Line:
    """z ≈ 0.3925"""
    number = trace.show(name.id)
    return Line(name, (("=" if number.exact else "≈", Num(number)),))
