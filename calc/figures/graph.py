"""The computational graph: every operation a node, above each edge the value that goes forward, below it the gradient
that comes back.

What enters a node enters it at places of its own, one row each, and an edge runs along its row; so no label stands over
another. A quantity that is used several times is drawn where it is met first, and goes to the other places from there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from calc.circuit import Circuit
from calc.document import Dot, Figure, Ink, Label, Line, Node, Path, Picture, Point, Shape, Text, Words
from calc.errors import Fault, ProblemError
from calc.expr import Call, Expr, Frac, Name, Neg, Num, Partial, Pow, Prod, Quantity, Sum, quantities
from calc.figures.room import height_of, width_of
from calc.graph import Graph
from calc.notation import notation_of
from calc.problem import Problem
from calc.steps import consumers_of
from calc.trace import Trace

MOST = 48  # nodes that are drawn
ROWS = 64  # values that enter them, each in a row of its own
CIRCLE = 22.0
ENTRY, FAN = 13.0, 4.5  # the pieces before a node, and behind one that goes to several others
MARGIN = 3.0


def graph(problem: Problem, trace: Trace) -> Figure:
    """The graph of one sample's forward and backward pass.

    Raises:
        ProblemError: it is too large to be drawn, or it has several samples.
    """
    reason = too_large(trace)
    if reason is not None:
        raise ProblemError("problem", [reason])
    drawing = _Drawing(problem, trace)
    forward = [_equation(trace, name) for name in drawing.values]
    backward = [_equation(trace, slope) for slope in drawing.gradients]
    nodes: list[Words | Line] = [Line(node.name, (("=", node.expr),)) for node in trace.graph.nodes]
    sentences = [
        Words("figure.graph", {"nodes": tuple(nodes)}),
        Words("figure.forward", {"values": tuple(forward)}),
        Words("figure.backward", {"gradients": tuple(backward)}),
    ]
    return Figure("graph", tuple(sentences), partial(_Drawing.picture, drawing))


def too_large(trace: Trace) -> Fault | None:
    """Why a graph cannot be drawn; None where it can."""
    graph = trace.graph
    if len(graph.samples) > 1:
        what = f"{len(graph.samples)} samples in one update found, the graph of one can be drawn. Give one sample"
        return Fault("graph", what)
    rows = sum(max(1, len(operands(node.expr))) for node in graph.nodes)
    if len(graph.nodes) > MOST or rows > ROWS:
        counts = f"{len(graph.nodes)} nodes with {rows} operands found, at most {MOST} with {ROWS} can be drawn"
        remedy = 'Draw the network instead, or give fewer formulas (graph.nodes = "formulas" makes one node of each)'
        return Fault("graph", f"{counts}. {remedy}")
    return None


def operands(expr: Expr) -> tuple[Name, ...]:
    """The quantities that enter a node."""
    return tuple(part for part in quantities(expr) if isinstance(part, Name))


def _equation(trace: Trace, quantity: Quantity) -> Line:
    number = trace.show(quantity.id)
    return Line(quantity, (("=" if number.exact else "≈", Num(number)),))


@dataclass
class _Place:
    """Where a quantity enters a node: in which row, and whether it is drawn from there or comes from elsewhere."""

    name: Name
    row: float
    first: bool


@dataclass
class _Tree:
    """Rows and columns of all nodes, the last quantity at the right."""

    nodes: Mapping[Name, Expr]
    columns: dict[Name, int] = field(default_factory=dict)
    rows: dict[Name, float] = field(default_factory=dict)
    places: dict[Name, list[_Place]] = field(default_factory=dict)
    count: int = 0

    def place(self, name: Name) -> float:
        """Put a node and what enters it; its row is the middle of theirs."""
        entering = operands(self.nodes[name]) if name in self.nodes else ()
        self.rows[name] = 0.0  # met
        found: list[_Place] = []
        for operand in entering:
            first = operand not in self.rows
            found.append(_Place(operand, self.place(operand) if first else self._next(), first))
        self.places[name] = found
        row = sum(place.row for place in found) / len(found) if found else self._next()
        self.rows[name] = row
        return row

    def _next(self) -> float:
        self.count += 1
        return self.count - 1.0


class _Drawing:
    def __init__(self, problem: Problem, trace: Trace) -> None:
        self.trace, self.notation = trace, notation_of(problem)
        graph = trace.graph
        self.signs = isinstance(problem, Circuit) and problem.graph.nodes == "operations"
        self.graph: Graph = graph
        self.exprs = {node.name: node.expr for node in graph.nodes}
        self.entered = consumers_of(graph)
        used = {name for expr in self.exprs.values() for name in operands(expr)}
        self.tree = _Tree(self.exprs)
        self.tree.place(graph.loss)
        for node in reversed(graph.nodes) if isinstance(problem, Circuit) else ():
            if node.name not in used and node.name not in self.tree.rows:  # nothing that leads to the last quantity
                self.tree.place(node.name)
        self.values = list(self.tree.rows)
        self.gradients = [Partial(graph.top, v) for v in self.values if Partial(graph.top, v).id in trace.values]

    # --- what is written ---------------------------------------------------------------------------------------------

    def _number(self, id: str) -> Num | None:
        """A value or a gradient as printed; None where it has none, as the gradient by an input of a network."""
        return Num(self.trace.show(id)) if id in self.trace.values else None

    def _passed(self, u: Name, v: Name) -> Num | None:
        """What comes back from u to v: a term of the gradient by v, or all of it where v goes nowhere else."""
        through = Partial(self.graph.top, v, via=u)
        if len(self.entered.get(v, ())) == 1:
            through = Partial(self.graph.top, v)
        return self._number(through.id)

    def _lines(self, name: Name) -> tuple[Text, ...]:
        if self.signs and name in self.exprs:
            return (sign_of(self.exprs[name]),)
        return (name,)

    # --- where it stands, and what is drawn --------------------------------------------------------------------------

    def picture(self) -> Picture:
        tree = self.tree
        totals = {v for v in tree.rows if len(self.entered.get(v, ())) > 1}
        pitch = 44.0 if self.signs and totals else 34.0
        top = MARGIN + CIRCLE / 2 + (11 if self.signs else 0)
        depth: dict[Name, int] = {}
        for node in self.graph.nodes:
            depth[node.name] = 1 + max((depth.get(v, 0) for v in operands(node.expr)), default=0)
        users = [(v, node.name) for node in self.graph.nodes for v in operands(node.expr)]
        for v in tree.rows:
            if v not in self.exprs:
                depth[v] = min(depth[u] for w, u in users if w == v) - 1
        xs, zones, fans = self._columns(depth)
        ys = {name: top + pitch * row for name, row in tree.rows.items()}
        shapes: list[Shape] = []
        names = {name: f"n{k}" for k, name in enumerate(tree.rows)}
        nodes: list[Shape] = []
        for name in tree.rows:
            at = xs[depth[name]], ys[name]
            nodes.append(Node(names[name], at, 2 * self._half(name), CIRCLE, self._lines(name)))
            if self.signs and name in self.exprs:
                above = at[0] + 3, at[1] - CIRCLE / 2 - 6.5  # to the right, since edges come in from the left
                nodes.append(Label(above, name, width_of(name, self.notation), 11.0, anchor="start"))
            total = self._number(Partial(self.graph.top, name).id)
            if name in totals and total is not None:
                nodes.append(self._label((at[0], at[1] + CIRCLE / 2 + 6), total, "gradient"))
            for place in tree.places[name]:
                y = top + pitch * place.row
                source = (xs[depth[place.name]], ys[place.name])
                fan = None if place.first else fans[place.name]
                shapes += self._edge(source, at, y, names[place.name], names[name], fan, self._half(name))
                middle = zones[depth[name]]
                value, gradient = self._number(place.name.id), self._passed(name, place.name)
                if value is not None:
                    nodes.append(self._label((middle, y - 6), value, "value"))
                if gradient is not None:
                    nodes.append(self._label((middle, y + 6.5), gradient, "gradient"))
        last = self.graph.loss
        x, y = xs[depth[last]], ys[last]
        numbers = [self._number(last.id), self._number(Partial(self.graph.top, last).id)]
        room = max(width_of(number, self.notation) for number in numbers if number is not None) + 8
        end = x + self._half(last) + room + 8
        shapes.append(Path(((x, y), (end, y)), start=names[last], arrow=True))
        inks: tuple[Ink, Ink] = ("value", "gradient")
        for number, shift, ink in zip(numbers, (-6.0, 6.5), inks, strict=True):
            if number is not None:
                nodes.append(self._label((end - 8 - room / 2, y + shift), number, ink))
        bottom = top + pitch * (tree.count - 1) + CIRCLE / 2 + 18
        width = max(end, 190.0) + MARGIN
        legend = [
            Label((MARGIN, bottom), Words("figure.values"), 92.0, 11.0, anchor="start", ink="value"),
            Label((MARGIN + 98, bottom), Words("figure.gradients"), 92.0, 11.0, anchor="start", ink="gradient"),
        ]
        return Picture(width, bottom + 8, (*shapes, *nodes, *legend))

    def _half(self, name: Name) -> float:
        return max(CIRCLE, *(width_of(text, self.notation) + 8 for text in self._lines(name))) / 2

    def _columns(self, depth: Mapping[Name, int]) -> tuple[dict[int, float], dict[int, float], dict[Name, float]]:
        """The middle of each column, that of the labels before it, and where the further edges of a node branch off."""
        room: dict[int, float] = {}
        for name, places in self.tree.places.items():
            for place in places:
                for number in (self._number(place.name.id), self._passed(name, place.name)):
                    if number is not None:
                        room[depth[name]] = max(room.get(depth[name], 0.0), width_of(number, self.notation) + 6)
        halves: dict[int, float] = {}
        for name in self.tree.rows:
            total = self._number(Partial(self.graph.top, name).id)
            beside = width_of(total, self.notation) / 2 if total and len(self.entered.get(name, ())) > 1 else 0.0
            halves[depth[name]] = max(halves.get(depth[name], 0.0), self._half(name), beside)
        several = {place.name: None for places in self.tree.places.values() for place in places if not place.first}
        xs: dict[int, float] = {}
        zones: dict[int, float] = {}
        fans: dict[Name, float] = {}
        x = MARGIN
        for column in range(min(halves), max(halves) + 1):
            if column in room:
                zones[column] = x + room[column] / 2
                x += room[column] + ENTRY
            xs[column] = x + halves.get(column, 0.0)
            x = xs[column] + halves.get(column, 0.0) + 3
            for name in several:
                if depth[name] == column:  # each has a line of its own
                    x += FAN
                    fans[name] = x - 2
        return xs, zones, fans

    def _edge(
        self, source: Point, to: Point, y: float, start: str, end: str, fan: float | None, half: float
    ) -> Iterator[Shape]:
        """Along its row; from a node met before out to the fan, and up or down to the row first."""
        points = [source]
        if fan is not None:
            yield Dot((fan, source[1]), 1.3)
            points = [(fan, source[1]), (fan, y)]
        if y != to[1]:
            points.append((to[0] - half - ENTRY, y))
        yield Path((*points, to), start if fan is None else "", end, arrow=True)

    def _label(self, at: Point, text: Text, ink: Ink) -> Label:
        return Label(at, text, width_of(text, self.notation), min(height_of(text), 11.0), ink=ink)


def sign_of(expr: Expr) -> Text:
    """What an operation does, as it stands in its node: +, × 2, exp, 1/u."""
    u = Name("u")
    match expr:
        case Sum((_, Neg(Num(shown)))):
            return _sign(f"− {shown}")
        case Sum((_, Neg())):
            return _sign("−")
        case Sum((_, Num(shown)) | (Num(shown), _)) if not shown.negative:
            return _sign(f"+ {shown}")
        case Sum():
            return _sign("+")
        case Prod((_, Num(shown)) | (Num(shown), _)) if not shown.negative:
            return _sign(f"× {shown}")
        case Prod():
            return _sign("×")
        case Neg():
            return Neg(u)
        case Frac(Num() as number, _):
            return Frac(number, u)
        case Frac(_, Num(shown)) if not shown.negative:
            return _sign(f"/ {shown}")
        case Frac():
            return _sign("/")
        case Pow(_, int(exponent)):
            return Pow(u, exponent)
        case Pow():
            return Pow(u, Name("v"))
        case Call(function, _):
            return Call(function, ())
    return _sign("=")


def _sign(text: str) -> Words:
    """The same in every language."""
    return Words(f"sign.{text}", default=text)
