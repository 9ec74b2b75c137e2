"""Iterations → Document for computational graphs: forward and backward pass node by node, every edge in a table.

Given · Forward pass · Backward pass · Update · Check · All updates · Answers; the update and what follows from it only
where there is a learning rate. The first update is worked in full, with show = "all" every one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from calc.algebra import number
from calc.circuit import Circuit, assignments_of
from calc.circuit_graph import consumers, edges_of, local_of, path_of
from calc.document import Argument, Block, Cell, Derivation, Document, Line, Listing, Section, Table, Words, prose
from calc.expr import Call, Cases, Expr, Name, Num, Partial, parts
from calc.graph import LEARNING_RATE
from calc.lines import COLUMNS, Lines, chunks, plural, shown
from calc.notation import notation_of
from calc.number import GUARD_DIGITS, Shown
from calc.trace import Trace
from calc.training import Iteration
from calc.updates import change_of

SMALL = 40  # nodes of a graph that "auto" still works line by line
FIRST = 2  # values whose gradients "auto" works line by line in a larger one


def explain_circuit(iterations: Sequence[Iteration[Circuit]]) -> tuple[Document, list[dict[str, int]], int]:
    """Write the worked solution of a computational graph.

    Returns:
        The document, for each update the number of each step's line by the step's id, and the last number given.
    Raises:
        ProblemError: ``show`` names something that is no value of the graph.
    """
    first = CircuitWriter(iterations[0].problem, iterations[0].trace, iterations[0].exact)
    problem, numbers = first.problem, list[dict[str, int]]()
    sections, writer = list(first.given()), first
    for one in iterations:
        if one.index == 1 or problem.solution.show == "all":
            if one.index > 1:
                writer = CircuitWriter(one.problem, one.trace, one.exact, writer.count)
            if len(iterations) > 1:
                sections.append(Section(Words("circuit.iteration", {"index": one.index}), ()))
            level = 2 if len(iterations) > 1 else 1  # under the heading of the step
            parts = (*writer.forward(), *writer.backward(), *writer.update(), *writer.check())
            sections += [replace(section, level=level) for section in parts]
            numbers.append(writer.numbers)
        else:
            numbers.append({})
    sections += [*_path(iterations), *_answers(iterations)]
    return Document(problem.title, tuple(sections)), numbers, writer.count


class CircuitWriter(Lines[Circuit]):
    """Writes the page of one update, in the order of the sections."""

    def __init__(self, problem: Circuit, trace: Trace, exact: Trace, count: int = 0) -> None:
        super().__init__(problem, trace, exact, count)
        show = problem.solution.show
        self.full = show == "all" or (show == "auto" and len(self.graph.nodes) <= SMALL)
        if self.full:
            self.worked = set(self.parameters)
        self.followed = set(self.worked)  # the worked values and every node that hangs on them
        for node in self.graph.nodes:
            if any(v in self.followed for v, _ in node.locals):
                self.followed.add(node.name)

    def _first_unit(self, layer: Sequence[Name]) -> list[Name]:
        return list(layer[:FIRST])

    # --- Given -------------------------------------------------------------------------------------------------------

    def given(self) -> Iterator[Section]:
        graph, problem = self.graph, self.problem
        assignments = assignments_of(problem)
        values = [Name(name) for name in problem.graph.values]
        blocks: list[Block] = [prose(f"circuit.formulas_{plural(len(assignments))}", last=graph.loss)]
        blocks.append(Derivation(tuple(Line(Name(a.name), (("=", a.expr),)) for a in assignments)))
        blocks.append(prose(f"circuit.values_{plural(len(values))}"))
        cells = [Line(name, (("=", self._num(name.id)),)) for name in values]
        width = min(COLUMNS, len(cells))
        blocks.append(Table((), tuple((*part, *[None] * (width - len(part))) for part in chunks(cells, width))))
        named = {a.name for a in assignments}
        inner = tuple(node.name for node in graph.nodes if node.name.id not in named)
        if inner and len(inner) <= SMALL:
            blocks.append(prose(f"circuit.operations_{plural(len(inner))}", inner=inner))
        elif problem.graph.nodes == "operations" and not inner:
            blocks.append(prose("circuit.operations_named"))
        elif problem.graph.nodes == "operations":
            blocks.append(prose("circuit.operations_counted", first=inner[0], last=inner[-1], count=len(inner)))
        blocks += [prose("given.conventions"), Listing(tuple(self._conventions()))]
        yield Section(Words("section.given"), tuple(blocks))

    def _conventions(self) -> Iterator[Words]:
        graph, problem = self.graph, self.problem
        wrt = graph.parameters[0]
        constants = len(wrt) < len(problem.graph.values)
        whole = Partial(graph.top, graph.loss)
        if graph.upstream is not None:
            arrives = Line(whole, (("=", graph.upstream),))
            yield Words("circuit.upstream", {"last": graph.loss, "beyond": graph.top, "gradient": arrives})
        if constants:
            yield Words(f"circuit.wrt_{plural(len(wrt))}", {"last": graph.top, "wrt": wrt})
        local = next((local_of(graph, u, v) for u, v in edges_of(graph) if u == graph.loss), None)
        if local is not None:
            yield Words("circuit.bar", {"local": local, "last": graph.loss})
        entered = consumers(graph)
        several = [(u, v) for u, v in edges_of(graph) if path_of(graph, u, v, entered).via not in (None, graph.loss)]
        if several:
            u, v = several[0]
            yield Words("circuit.through", {"part": path_of(graph, u, v, entered), "to": v, "through": u})
        if graph.trained:
            w = wrt[0]
            steps = problem.rules_of_change.update.steps(w, Partial(graph.top, w), LEARNING_RATE, 1)
            rate = Line(LEARNING_RATE, (("=", self._num(LEARNING_RATE.id)),))
            rule = tuple(Line(result, (("=", expr),)) for result, expr in steps)
            yield Words(f"circuit.rate_{plural(len(wrt))}", {"rate": rate, "value": w, "rule": rule})
        yield from self._kink_words()
        yield from self._rounding_words()

    def _kink_words(self) -> Iterator[Words]:
        """What H, sgn and ReLU′ stand for, and what they are where their argument is 0."""
        heads = {case.head.function for node in self.graph.nodes for _, slope in node.locals for case in _cases(slope)}
        picked = {
            call.function for node in self.graph.nodes for call in _calls(node.expr) if call.function in ("max", "min")
        }
        conventions, u = self.problem.conventions, Name("u")
        kinks, at_zero = Num(conventions.at_kink("kinks")), Num(conventions.at_kink("relu_at_zero"))
        if "sgn" in heads:
            yield Words("circuit.sgn", {"size": Call("abs", (u,)), "function": Call("sgn", (u,)), "value": kinks})
        if "H" in heads:
            yield Words("circuit.larger", {"function": Call("H", (u,)), "argument": u})
        if picked:
            share: dict[str, Argument] = {
                "function": Call("H", (u,)),
                "value": kinks,
                "rest": number(1 - kinks.shown.value),
            }
            yield Words(f"circuit.tie_{'both' if len(picked) > 1 else picked.pop()}", share)
        if "relu'" in heads:
            yield Words("circuit.relu", {"function": Call("relu'", (u,)), "argument": u, "value": at_zero})

    # --- Forward and backward pass -----------------------------------------------------------------------------------

    def forward(self) -> Iterator[Section]:
        lined = [node for node in self.graph.nodes if self.full or node.name in self.followed]
        lined = [] if self.brief else lined
        blocks: list[Block] = [] if self.brief else [prose("circuit.forward")]
        for part in chunks(lined, SMALL):
            blocks += self._derivation(self._line(node.name.id) for node in part)
        rest = [node for node in self.graph.nodes if node not in lined]
        if rest:
            blocks.append(prose("circuit.rest" if lined else "circuit.values_of_nodes"))
            head = (Words("circuit.node"), Words("circuit.formula"), Words("circuit.value"))
            blocks.append(Table(head, tuple((node.name, node.expr, self._num(node.name.id)) for node in rest)))
        blocks += self._ties()
        yield Section(Words("section.forward"), tuple(blocks))

    def _ties(self) -> Iterator[Block]:
        """Nodes that stand exactly at a kink."""
        for node in self.graph.nodes:
            cases = dict.fromkeys(case for _, slope in node.locals for case in _cases(slope))
            for case in cases:
                if self.trace.side(case.on) == 0:
                    yield prose("circuit.at_kink", node=node.name, function=case.head, value=case.at)

    def backward(self) -> Iterator[Section]:
        graph = self.graph
        whole = Partial(graph.top, graph.loss)
        yield from self._derivatives()
        blocks: list[Block] = [prose("circuit.backward", first=whole)]
        blocks += self._derivation([self._line(whole.id)])
        entered = consumers(graph)
        if self.brief:
            worked = [v for v in graph.parameters[0] if v in self.worked and v in entered]
            blocks += self._derivation(self._line(Partial(graph.top, v).id) for v in worked)
        for node in () if self.brief else reversed(graph.nodes):
            u, ids = node.name, list[str]()
            if u not in entered and u != graph.loss and node.locals and u in self.followed:
                ids.append(Partial(graph.top, u).id)
            for v, _ in node.locals:
                if v not in self.followed:
                    continue
                ids += [local_of(graph, u, v).id, path_of(graph, u, v, entered).id]
                if len(entered[v]) > 1 and u == entered[v][-1]:
                    ids.append(Partial(graph.top, v).id)
            if ids:
                blocks += self._derivation([self._line(id) for id in dict.fromkeys(ids)])
        blocks += self._zeros()
        blocks += self._edges()
        yield Section(Words("section.backward"), tuple(blocks))

    def _derivatives(self) -> Iterator[Section]:
        """In full detail: the derivative of every node by each of its operands, worked line by line."""
        if self.derived:
            from calc.explain_derivations import of_nodes  # loaded where it is asked for

            yield from of_nodes(self.graph, notation_of(self.problem), self.problem.conventions.at_kink)

    def _zeros(self) -> Iterator[Block]:
        """Values of which the last quantity does not hang, and gradients that are 0."""
        entered, graph = consumers(self.graph), self.graph
        apart = [v for v in graph.parameters[0] if v not in entered]
        if apart:
            yield from self._derivation(self._line(Partial(graph.top, v).id) for v in apart)
            yield prose(f"circuit.apart_{plural(len(apart))}", values=tuple(apart), last=graph.loss)
        zero = [v for v in graph.parameters[0] if v in entered and self.trace.is_zero(Partial(graph.top, v).id)]
        dead = {u for u, _ in edges_of(graph) if u not in entered and u != graph.loss and u in self.followed}
        if dead:
            names = tuple(node.name for node in graph.nodes if node.name in dead)
            yield prose(f"circuit.dead_{plural(len(names))}", nodes=names, last=graph.loss)
        bent = self._bent()
        for key, found in (("zero", [v for v in zero if v not in bent]), ("zero_bent", [v for v in zero if v in bent])):
            if found:
                yield prose(f"circuit.{key}_{plural(len(found))}", values=tuple(found), last=graph.top)

    def _bent(self) -> set[Name]:
        """What leads to a node that stands at a kink: a gradient by it is one by convention."""
        bent: set[Name] = set()
        for u, v in edges_of(self.graph):
            if u in bent or self.trace.at_kink(local_of(self.graph, u, v).id):
                bent.add(v)
        return bent

    def _edges(self) -> Iterator[Block]:
        """Every edge in order of visit: local × upstream → downstream."""
        graph, entered = self.graph, consumers(self.graph)
        if not entered:
            return
        yield prose("circuit.edges")
        rows: list[tuple[Cell, ...]] = []
        several = any(len(paths) > 1 for paths in entered.values())
        sums_of: dict[Name, dict[str, Shown]] = {}
        for u, v in edges_of(graph):
            path, total = path_of(graph, u, v, entered), Partial(graph.top, v)
            if len(entered[v]) > 1 and v not in sums_of:
                sums_of[v] = self.trace.operands(self.trace.steps[total.id])[0]
            passed = sums_of.get(v, {}).get(path.id) or self.trace.show(path.id)  # with the digits that the sum needs
            factors = self._edge_operands(local_of(graph, u, v), Partial(graph.top, u), path, passed)
            last = u == entered[v][-1] and len(entered[v]) > 1
            sums = [self._num(total.id) if last else None] if several else []
            sources = [(self.trace, one.id) for one in (local_of(graph, u, v), Partial(graph.top, u), path)]
            rows.append((u, v, *map(Num, (*factors, passed), sources), *sums))
        head = [Words(f"circuit.{key}") for key in ("node", "to", "local", "arrives", "passes")]
        yield Table((*head, *([Words("table.sum")] if several else [])), tuple(rows))

    def _edge_operands(self, local: Partial, arrives: Partial, path: Partial, passed: Shown) -> list[Shown]:
        """The two factors of a row with the digits that give what it passes on, as it is printed there."""
        shown = [self.trace.show(factor.id) for factor in (local, arrives)]
        if path == local:  # the edge from the last quantity, at which 1 arrives
            return [passed, shown[1]]
        trace, rule = self.trace, self.trace.rounding
        if rule.carry == "full" and not (shown[0].exact and shown[1].exact):
            guard = next(extra for extra in range(GUARD_DIGITS + 1) if trace.show(path.id, extra) == passed)
            for extra in range(GUARD_DIGITS + 1):
                factors = [trace.show(factor.id, extra) for factor in (local, arrives)]
                if rule.show(factors[0].value * factors[1].value, guard).value == passed.value:
                    return factors
        return shown

    # --- Update and check --------------------------------------------------------------------------------------------

    def update(self) -> Iterator[Section]:
        if not self.graph.trained:
            return
        changed = [v for v in self.parameters if v in self.worked]
        blocks: list[Block] = [prose("circuit.changes", rate=LEARNING_RATE)]
        for part in () if self.brief else chunks(changed, 3):
            blocks += self._derivation(self._line(id) for v in part for id in (change_of(v).id, v.after_update().id))
        if self.brief:
            blocks.append(prose("brief.update"))
        elif len(changed) < len(self.parameters):
            blocks.append(prose("circuit.changes_rest"))
        yield Section(Words("section.update"), tuple(blocks))

    def check(self) -> Iterator[Section]:
        blocks: list[Block] = []
        loss = self.graph.loss
        if self.graph.trained:
            if not self.brief:
                blocks.append(prose("circuit.again"))
            after = [node.name.after_update() for node in self.graph.nodes if self.full or node.name == loss]
            if self.full and not self.brief:
                blocks += self._derivation(self._line(name.id, symbolic=False) for name in after)
            before, then = self.trace.show(loss.id), self.trace.show(loss.after_update().id)
            key = "falls" if then.value < before.value else "rises" if then.value > before.value else "same"
            blocks.append(prose(f"circuit.{key}", last=loss, before=Num(before), after=Num(then)))
        blocks += self._numeric([v for v in self.parameters if v in self.worked])
        yield Section(Words("section.check"), tuple(blocks))


def _path(iterations: Sequence[Iteration[Circuit]]) -> Iterator[Section]:
    """Where each update begins: the values, the last quantity and the gradients; and where the last one ends."""
    if len(iterations) == 1:
        return
    graph, values = iterations[0].trace.graph, iterations[0].trace.graph.parameters[0]
    gradients = [Partial(graph.top, v) for v in values]
    blocks: list[Block] = [prose("circuit.path", last=graph.loss)]
    parts = list(chunks(list(zip(values, gradients, strict=True)), COLUMNS // 2))
    for part in parts:
        names = [v for v, _ in part]
        slopes = [slope for _, slope in part]
        head: tuple[Cell, ...] = (Words("circuit.step"), *names, *slopes, graph.loss)
        rows: list[tuple[Cell, ...]] = [
            (Num.of(one.index), *(shown(one.trace, quantity.id) for quantity in (*names, *slopes, graph.loss)))
            for one in iterations
        ]
        last = iterations[-1].trace
        ended = [shown(last, name.after_update().id) for name in (*names, graph.loss)]
        rows.append((Words("circuit.end"), *ended[:-1], *[None] * len(slopes), ended[-1]))
        blocks.append(Table(head, tuple(rows)))
    yield Section(Words("section.training"), tuple(blocks))


def _answers(iterations: Sequence[Iteration[Circuit]]) -> Iterator[Section]:
    """The last quantity and every gradient; where values change, their changes and new values."""
    trace, last = iterations[0].trace, iterations[-1].trace
    graph = trace.graph
    several, trained = len(iterations) > 1, bool(graph.trained)
    keys = ["quantity", "circuit.value"] if not several else ["quantity", "circuit.at_start", "circuit.at_end"]
    keys += [] if several else ["gradient"]
    keys += ["change", "new"] if trained and not several else []
    rows: list[tuple[Cell, ...]] = []
    for v in (*graph.parameters[0], graph.loss):
        new = [shown(last, v.after_update().id)] if trained else []
        gradient = shown(trace, Partial(graph.top, v).id)
        if several:
            rows.append((v, shown(trace, v.id), *new))
        elif v == graph.loss:
            rows.append((v, shown(trace, v.id), gradient, *([None] if trained else []), *new))
        else:
            change = [shown(trace, change_of(v).id)] if trained else []
            rows.append((v, shown(trace, v.id), gradient, *change, *new))
    heads = [Words(key if "." in key else f"table.{key}") for key in keys]
    yield Section(Words("section.answers"), (Table(tuple(heads), tuple(rows)),))


def _cases(expr: Expr) -> list[Cases]:
    return [part for part in parts(expr) if isinstance(part, Cases)]


def _calls(expr: Expr) -> list[Call]:
    return [part for part in parts(expr) if isinstance(part, Call)]
