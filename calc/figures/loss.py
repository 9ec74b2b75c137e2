"""The error over the updates, or the last quantity of a graph over the iterations."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from calc.document import Dot, Figure, Line, Path, Picture, Shape, Text, Words
from calc.expr import Name, Num
from calc.figures.plot import Axes, bounds, real
from calc.network import Network
from calc.notation import notation_of
from calc.number import Shown
from calc.problem import Problem
from calc.trace import Trace
from calc.training import Iteration, predict

WIDTH, HEIGHT = 260.0, 150.0
MOST_DOTS = 40  # points that are marked one by one


def loss(problem: Problem, iterations: Sequence[Iteration[Any]]) -> Figure:
    """The loss before the first update and after each: of all samples, where an update sees some, after each epoch."""
    traces = [one.trace for one in iterations]
    told, by_epoch = _losses(problem, iterations)
    quantity = traces[0].graph.loss
    first, last = told[0], told[-1]
    key = "falls" if last.value < first.value else "rises" if last.value > first.value else "stays"
    count = len(told) - 1
    across = "figure.epoch" if by_epoch else "figure.update"
    steps = Words(f"{across}s_{'one' if count == 1 else 'many'}", {"count": count})
    sentences = [
        Words(f"figure.loss_{key}", {"loss": quantity, "steps": steps, "first": Num(first), "last": Num(last)}),
        Words("figure.points", {"values": tuple(_equation(k, value) for k, value in enumerate(told))}),
    ]
    chosen = tuple(sentences if len(told) <= MOST_DOTS else sentences[:1])
    return Figure("loss", chosen, partial(_draw, problem, quantity, Words(across), told))


def _equation(k: int, value: Shown) -> Line:
    return Line(Num.of(k), (("→", Num(value)),))


def _losses(problem: Problem, iterations: Sequence[Iteration[Any]]) -> tuple[list[Shown], bool]:
    """The numbers, and whether there is one for each epoch instead of each update."""
    traces: list[Trace] = [one.trace for one in iterations]
    if isinstance(problem, Network) and len(problem.updates) > 1:
        ended = [predict(problem, traces[: one.index]) for one in iterations if one.last]
        return [trace.show("E") for trace in (predict(problem, []), *ended)], True
    quantity = traces[0].graph.loss
    return [*(trace.show(quantity.id) for trace in traces), traces[-1].show(quantity.after_update().id)], False


def _draw(problem: Problem, quantity: Name, across: Text, told: Sequence[Shown]) -> Picture:
    notation = notation_of(problem)
    values = [real(value.value) for value in told]
    axes = Axes((42.0, 20.0, 42.0 + WIDTH, 20.0 + HEIGHT), (0.0, float(len(values) - 1)), bounds(values))
    points = [axes.at(float(k), value) for k, value in enumerate(values)]
    shapes: list[Shape] = [*axes.shapes(notation, across, quantity, whole=True), Path(tuple(points))]
    if len(points) <= MOST_DOTS:
        shapes += [Dot(at, 1.8) for at in points]
    return Picture(WIDTH + 56, HEIGHT + 52, tuple(shapes))
