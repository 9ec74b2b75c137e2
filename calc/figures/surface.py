"""The error over a plane of two parameters as contour lines, with the path that the descent takes."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from calc.document import Dot, Figure, Label, Line, Path, Picture, Point, Shape, Words
from calc.errors import UnsupportedError
from calc.expr import FUNCTIONS, Call, Cases, Expr, Frac, Name, Neg, Num, Pow, Prod, Quantity, Sum, quantities
from calc.figures.plot import Axes, contour_shapes, grid_of, real
from calc.figures.room import box_of, width_of
from calc.graph import Graph
from calc.network import Network
from calc.notation import notation_of
from calc.number import Number
from calc.problem import Problem
from calc.steps import graph_of
from calc.trace import Trace
from calc.training import Iteration

SIDE = 230.0
AROUND = 0.25  # the least half of a side, in sizes of the parameters
MOST_ARROWS = 60  # steps that have an arrow each

Floats = Callable[[Mapping[str, float]], float]


def surface(problem: Problem, iterations: Sequence[Iteration[Any]], chosen: Sequence[Name]) -> Figure:
    """Contour lines of the loss over two parameters, the others held where they began, and the path of the updates.

    Raises:
        UnsupportedError: the loss has no number there that can be drawn.
    """
    first = iterations[0].trace
    across, up = chosen
    path = [_point(one.trace.values, across.id, up.id) for one in iterations]
    if across in first.graph.trained or up in first.graph.trained:
        new = [(name.after_update() if name in first.graph.trained else name).id for name in chosen]
        path.append(_point(iterations[-1].trace.values, *new))
    others = any(name not in chosen for layer in first.graph.parameters for name in layer)
    args = {"loss": first.graph.loss, "across": across, "up": up}
    sentences = [Words("figure.surface", args)]
    if others:
        sentences.append(Words("figure.held"))
    begin = tuple(_shown(name.id, name, first) for name in chosen)
    if len(path) > 1:
        last = iterations[-1].trace
        end = tuple(_shown(id, name, last) for id, name in zip(new, chosen, strict=True))
        count = len(path) - 1
        key = "figure.path_one" if count == 1 else "figure.path_many"
        sentences.append(Words(key, {"count": count, "begin": begin, "end": end}))
    else:
        sentences.append(Words("figure.point", {"begin": begin}))
    return Figure("surface", tuple(sentences), partial(_draw, problem, first.graph, (across, up), path))


def _shown(id: str, name: Name, trace: Trace) -> Line:
    number = trace.show(id)
    return Line(name, (("=" if number.exact else "≈", Num(number)),))


def _point(values: Mapping[str, Number], *ids: str) -> Point:
    x, y = (real(values[id]) for id in ids)
    return x, y


# --- the loss as a function of two parameters ------------------------------------------------------------------------


def loss_over(problem: Problem, graph: Graph, chosen: tuple[Name, Name]) -> Callable[[float, float], float]:
    """The loss of all samples in floats, nan where it has no value; what does not hang on the two is worked once."""
    if isinstance(problem, Network):
        graph = graph_of(problem)
    values = {id: real(number) for id, number in graph.given.items()}
    moving = {name.id for name in chosen}
    nodes: list[tuple[str, Floats]] = []
    for node in graph.nodes:
        worked = floats(node.expr)
        if any(part.id in moving for part in quantities(node.expr)):
            moving.add(node.name.id)
            nodes.append((node.name.id, worked))
        else:
            values[node.name.id] = worked(values)
    across, up, last = chosen[0].id, chosen[1].id, graph.loss.id

    def at(x: float, y: float) -> float:
        values[across], values[up] = x, y
        try:
            for id, worked in nodes:
                values[id] = worked(values)
        except (ValueError, ZeroDivisionError, OverflowError):
            return math.nan
        return values[last]

    return at


def _exp(x: float) -> float:
    return math.exp(x) if x < 709 else math.inf


_FLOATS: dict[str, Callable[..., float]] = {
    "exp": _exp, "ln": math.log, "tanh": math.tanh, "erf": math.erf, "sqrt": math.sqrt, "abs": abs, "max": max,
    "min": min, "sin": math.sin, "cos": math.cos, "pi": lambda: math.pi,
}  # fmt: skip


def floats(expr: Expr) -> Floats:
    """A formula as a function of its quantities' values by id.

    Raises (when called):
        ValueError, ZeroDivisionError, OverflowError: it has no value there.
    """
    match expr:
        case Quantity(id=id):
            return lambda values: values[id]
        case Num(shown):
            number = real(shown.value)
            return lambda _: number
        case Neg(arg):
            inner = floats(arg)
            return lambda values: -inner(values)
        case Sum(terms):
            parts = [floats(term) for term in terms]
            return lambda values: math.fsum([part(values) for part in parts])
        case Prod(factors):
            parts = [floats(factor) for factor in factors]
            return lambda values: math.prod([part(values) for part in parts])
        case Frac(num, den):
            over, under = floats(num), floats(den)
            return lambda values: over(values) / under(values)
        case Pow(base, exponent):
            below = floats(base)
            if isinstance(exponent, int):
                return lambda values: below(values) ** exponent
            above = floats(exponent)
            return lambda values: math.pow(below(values), above(values))
        case Cases(_, on, positive, zero, negative):
            side, branches = floats(on), [floats(part) for part in (zero, positive, negative)]
            return lambda values: branches[(s > 0) - (s < 0) if (s := side(values)) else 0](values)
        case Call(function, args):
            definition = FUNCTIONS[function].definition
            if definition is not None:
                return floats(definition(*args))
            work, parts = _FLOATS[function], [floats(arg) for arg in args]
            return lambda values: work(*[part(values) for part in parts])
    raise TypeError(f"{expr!r} is no number")


# --- the picture -----------------------------------------------------------------------------------------------------


def window(path: Sequence[Point]) -> tuple[tuple[float, float], tuple[float, float]]:
    """The part of the plane that is drawn, as wide as high: the path, and as much again in the direction it takes."""
    (x0, y0), (x1, y1) = path[0], path[-1]
    xs = [x for x, _ in path] + [x1 + 1.5 * (x1 - x0)]
    ys = [y for _, y in path] + [y1 + 1.5 * (y1 - y0)]
    least = AROUND * max(1.0, abs(x0), abs(y0)) if len(path) == 1 else 0.0
    half = max(0.6 * (max(xs) - min(xs)), 0.6 * (max(ys) - min(ys)), least) or AROUND
    x, y = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    return (x - half, x + half), (y - half, y + half)


def _draw(problem: Problem, graph: Graph, chosen: tuple[Name, Name], path: Sequence[Point]) -> Picture:
    notation = notation_of(problem)
    across, up = window(path)
    axes = Axes((46.0, 20.0, 46.0 + SIDE, 20.0 + SIDE), across, up)
    grid = grid_of(loss_over(problem, graph, chosen), across, up)
    if not any(map(math.isfinite, (value for row in grid for value in row))):
        raise UnsupportedError(f"{graph.loss.id} has no number around the path that could be drawn")
    points = [axes.at(*point) for point in path]
    begin, end = Words("figure.begin"), Words("figure.end")
    labels = [Label((points[0][0] + 5, points[0][1] - 7), begin, 22.0, 10.0, anchor="start", ground=True)]
    if len(points) > 1:
        labels.append(Label((points[-1][0] - 5, points[-1][1] + 8), end, 18.0, 10.0, anchor="end", ground=True))
    taken = [box_of(label) for label in labels]
    for (x0, y0), (x1, y1) in pairwise([points[0], *points]):  # no number stands over the path
        pieces = 1 + int(math.dist((x0, y0), (x1, y1)) / 5)
        along = [(x0 + (x1 - x0) * k / pieces, y0 + (y1 - y0) * k / pieces) for k in range(pieces + 1)]
        taken += [(x - 4, y - 4, x + 4, y + 4) for x, y in along]
    shapes: list[Shape] = [*contour_shapes(grid, axes, notation, taken), *labels]
    arrows = len(points) <= MOST_ARROWS
    for a, b in pairwise(points):
        shapes.append(Path((a, b), arrow=arrows and math.dist(a, b) > 7, ink="gradient", thick=True))
    shapes += [Dot(at, 2.0, "gradient") for at in (points if arrows else (points[0], points[-1]))]
    shapes += axes.shapes(notation, chosen[0], chosen[1])
    room = max(0.0, width_of(chosen[1], notation) / 2 - 46)
    return Picture(SIDE + 60 + room, SIDE + 52, tuple(shapes))
