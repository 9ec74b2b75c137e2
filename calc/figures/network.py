"""The network: units as circles in columns, an edge for every weight, the numbers beside them.

A layer of more than MOST units is drawn by its first units and its last, dots between them, and without the numbers of
its weights, which could not be complete. Where the numbers of a pair of layers find no room, the columns are moved
apart until they do.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from math import inf

from calc.document import Dot, Figure, Ink, Label, Line, Node, Path, Picture, Point, Shape, Text, Words
from calc.expr import Name, Num
from calc.figures.room import Box, box_of, height_of, overlap, width_of
from calc.given import described
from calc.network import Network
from calc.notation import Notation, notation_of
from calc.trace import Trace

MOST, FIRST = 8, 3  # units of a layer that are all drawn; of a larger one the first so many and the last
DEEP = 7  # columns that are all drawn; of a deeper network the first four and the last two
NAMED = 6  # weights between two layers that bear their symbols beside their numbers
RADIUS = 16.5
MARGIN = 3.0
HEADING = 62.0  # the width of what is said under a column
TRIES = 40  # candidates for the place of a weight along its edge


def network(problem: Network, trace: Trace, worked: bool) -> Figure:
    """The network with its weights, biases, inputs and targets.

    Args:
        worked: with the activations too, where there is one sample.
    """
    alone = len(problem.samples) == 1
    sentences = [described(problem), Words("figure.network")]
    if elided(problem.widths):
        sentences.append(Words("figure.elided"))
    values: list[Line] = []
    for layer in trace.graph.parameters:
        values += [_equation(trace, name) for name in layer]
    if alone:
        values += [_equation(trace, Name("x", None, (i,))) for i in range(1, problem.widths[0] + 1)]
        values += [_equation(trace, Name("t", None, (j,))) for j in range(1, problem.widths[-1] + 1)]
        for number, width in enumerate(problem.widths[1:], 1):
            values += [_equation(trace, Name("a", number, (j,))) for j in range(1, width + 1) if worked]
    if len(values) <= 60:
        sentences.append(Words("figure.numbers", {"numbers": tuple(values)}))
    return Figure("network", tuple(sentences), partial(_draw, problem, trace, worked and alone, alone))


def _equation(trace: Trace, name: Name) -> Line:
    number = trace.show(name.id)
    return Line(name, (("=" if number.exact else "≈", Num(number)),))


def elided(widths: tuple[int, ...]) -> bool:
    """Whether dots stand for some of the units or layers."""
    return max(widths) > MOST or len(widths) > DEEP


@dataclass
class _Column:
    """A layer as drawn: the numbers of its units, None for the dots between them, and where they stand."""

    layer: int
    units: list[int | None]
    x: float = 0.0
    ys: tuple[float, ...] = ()
    width: float = 2 * RADIUS
    above: float = 0.0  # half the width of what stands above its units

    @property
    def whole(self) -> bool:
        return None not in self.units

    def places(self) -> Iterator[tuple[int, Point]]:
        """The units drawn, and their middles."""
        for unit, y in zip(self.units, self.ys, strict=True):
            if unit is not None:
                yield unit, (self.x, y)


def _draw(problem: Network, trace: Trace, worked: bool, given: bool) -> Picture:
    return _Drawing(problem, trace, worked, given).picture()


class _Drawing:
    """Places columns, then the labels of the weights between them; apart from each other, or from further apart."""

    def __init__(self, problem: Network, trace: Trace, worked: bool, given: bool) -> None:
        self.problem, self.trace, self.worked, self.given = problem, trace, worked, given
        self.notation: Notation = notation_of(problem)
        widths = problem.widths
        drawn: list[int | None] = list(range(len(widths)))
        if len(widths) > DEEP:
            drawn = [0, 1, 2, 3, None, len(widths) - 2, len(widths) - 1]
        self.columns = [None if layer is None else _Column(layer, _units(widths[layer])) for layer in drawn]
        kept = [column for column in self.columns if column is not None]
        between = [widths[l] * widths[l - 1] for l in range(1, len(widths))]
        self.named = max(between) <= NAMED
        for column in kept:
            texts = [text for unit in column.units if unit is not None for text in self._inside(column.layer, unit)]
            column.width = max(2 * RADIUS, *(width_of(text, self.notation) + 9 for text in texts))
            column.above = max(width_of(text, self.notation) / 2 for text in self._biases(column.layer) or texts)
        self.first, self.last = kept[0], kept[-1]

    # --- what is written ---------------------------------------------------------------------------------------------

    def _parameter(self, name: Name) -> Text:
        """w = 0.2 where there are few, else the number alone."""
        number = Num(self.trace.show(name.id))
        return Line(name, (("=", number),)) if self.named else number

    def _inside(self, layer: int, unit: int) -> tuple[Text, ...]:
        name = Name("x", None, (unit,)) if layer == 0 else Name("a", layer, (unit,))
        known = self.given if layer == 0 else self.worked
        return (name, Num(self.trace.show(name.id))) if known else (name,)

    def _biases(self, layer: int) -> list[Text]:
        if layer == 0 or not self.problem.layers[layer - 1].biases:
            return []
        return [self._parameter(Name("b", layer, (j,))) for j in range(1, self.problem.widths[layer] + 1)]

    def _target(self, unit: int) -> Text:
        name = Name("t", None, (unit,))
        return Line(name, (("=", Num(self.trace.show(name.id))),)) if self.given else name

    # --- where it stands ---------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        weights: list[Label] | None = None
        spread = 0
        while weights is None:
            self._place(1 + 0.16 * spread, 1 + 0.04 * spread)
            weights = self._weights()
            spread += 1
        shapes: list[Shape] = [*self._edges(), *weights, *self._nodes()]
        targets = [self._target(unit) for unit, _ in self.last.places()]
        room = max(HEADING / 2, *(width_of(text, self.notation) for text in targets))
        border = self.last.x + self.last.width / 2
        left = max(border + 18, self.last.x + HEADING / 2 + 6)
        for text, (_, (_, y)) in zip(targets, self.last.places(), strict=True):
            shapes.append(Path(((border, y), (left - 3, y)), dashed=True, ink="faint"))
            shapes.append(Label((left, y), text, width_of(text, self.notation), height_of(text), anchor="start"))
        bottom = self.height + 11
        for column in filter(None, self.columns):
            heading = self._heading(column.layer)
            shapes.append(Label((column.x, bottom), heading, HEADING, 11.0, ink="faint"))
        shapes.append(Label((left, bottom), Words("figure.targets"), HEADING / 2, 11.0, anchor="start", ink="faint"))
        return Picture(left + room + MARGIN, bottom + 8, tuple(shapes))

    def _heading(self, layer: int) -> Words:
        if layer == 0:
            return Words("figure.inputs")
        if layer == len(self.problem.layers):
            return Words("section.output_layer")
        if len(self.problem.layers) == 2:
            return Words("section.only_hidden_layer")
        return Words("section.hidden_layer", {"layer": layer})

    def _place(self, wider: float, higher: float) -> None:
        """Columns from left to right, each unit with room for its bias above it."""
        kept = [column for column in self.columns if column is not None]
        biased = any(layer.biases for layer in self.problem.layers)
        pitch = (2 * RADIUS + (18 if biased else 8)) * higher
        slots = max(len(column.units) for column in kept)
        top = MARGIN + RADIUS + (18 if biased else 0)
        self.height = top + pitch * (slots - 1) + RADIUS + 4
        x, before = MARGIN, 0  # units of the column before
        for column in self.columns:
            if column is None:
                x, before = x + 56, 0
                continue
            own = pitch * min(1.6, (slots / len(column.units)) ** 0.5)
            start = (top + self.height - RADIUS - 4 - own * (len(column.units) - 1)) / 2
            column.ys = tuple(start + own * i for i in range(len(column.units)))
            half = max(column.width / 2, column.above)
            crossed = min(before, len(column.units)) > 1  # then there is room for a number on either side of a crossing
            sides = 2.2 if crossed else 1.0
            gap = max(60.0, 24.0 + sides * self._widest(column)) * wider if before else 0.0
            column.x = x + gap + (half if column.layer else max(half, HEADING / 2))
            x, before = column.x + half, len(column.units)

    def _widest(self, column: _Column) -> float:
        rows = self.problem.layers[column.layer - 1].weights
        names = [Name("w", column.layer, (j, i)) for j in range(1, len(rows) + 1) for i in range(1, len(rows[0]) + 1)]
        return max(width_of(self._parameter(name), self.notation) for name in names[: MOST * MOST])

    def _pairs(self) -> Iterator[tuple[_Column, _Column]]:
        for before, column in zip(self.columns, self.columns[1:], strict=False):
            if before is not None and column is not None:
                yield before, column

    # --- what is drawn -----------------------------------------------------------------------------------------------

    def _edges(self) -> Iterator[Path]:
        for before, column in self._pairs():
            ink: Ink = "faint" if len(before.units) * len(column.units) > NAMED else "black"
            for i, a in before.places():
                for j, b in column.places():
                    yield Path((a, b), _name(before.layer, i), _name(column.layer, j), ink=ink)

    def _nodes(self) -> Iterator[Shape]:
        for k, column in enumerate(self.columns):
            if column is None:
                left, right = self.columns[k - 1], self.columns[k + 1]
                assert left is not None
                assert right is not None
                middle = (left.x + right.x) / 2
                yield from (Dot((middle + 8 * step, self.height / 2), 1.6) for step in (-1, 0, 1))
                continue
            mask = self.problem.layers[column.layer - 1].mask if column.layer else None
            for unit, at in column.places():
                masked = mask is not None and mask[unit - 1].value == 0
                lines = self._inside(column.layer, unit)
                yield Node(_name(column.layer, unit), at, column.width, 2 * RADIUS, lines, masked)
                yield from self._bias(column.layer, unit, at)
            if not column.whole:
                y = column.ys[column.units.index(None)]
                yield from (Dot((column.x, y + 7 * step), 1.6) for step in (-1, 0, 1))

    def _bias(self, layer: int, unit: int, at: Point) -> Iterator[Shape]:
        biases = self._biases(layer)
        if biases:
            text, top = biases[unit - 1], at[1] - RADIUS
            height = height_of(text) - 2
            yield Path(((at[0], top - 6), (at[0], top)), arrow=True)
            yield Label((at[0], top - 6 - height / 2), text, width_of(text, self.notation), height, ground=True)

    def _weights(self) -> list[Label] | None:
        """The labels of all weights, none over another; None where they find no room."""
        placed: list[Label] = []
        for before, column in self._pairs():
            if before.whole and column.whole:
                found = self._between(before, column)
                if found is None:
                    return None
                placed += found
        return placed

    def _between(self, before: _Column, column: _Column) -> list[Label] | None:
        """Each weight on its edge: near its source, where the fewest other edges pass and no other label stands."""
        left = before.x + max(before.width / 2, before.above) + 2
        right = column.x - max(column.width / 2, column.above) - 2
        edges = [(i, a, j, b) for i, a in before.places() for j, b in column.places()]
        boxes: list[Box] = []
        labels: list[Label] = []
        for i, a, j, b in edges:
            text = self._parameter(Name("w", column.layer, (j, i)))
            width, height = width_of(text, self.notation) + 2, height_of(text)
            room = right - left - width
            if room < 0:
                return None
            best: tuple[float, Label] | None = None
            slope = (b[1] - a[1]) / (b[0] - a[0])
            others = [(p[1] - a[1], (q[1] - p[1]) / (q[0] - p[0])) for h, p, k, q in edges if (h, k) != (i, j)]
            crossed = [_crossing(y, m - slope, height / 2 + abs(m) * width / 2) for y, m in others]
            begins, ends = sorted(begin for begin, _ in crossed), sorted(end for _, end in crossed)
            for step in range(TRIES + 1):
                x = left + width / 2 + room * step / TRIES
                across = bisect_left(begins, x - a[0]) - bisect_right(ends, x - a[0])
                cost = across + 1.5 * step / TRIES
                if best is not None and cost >= best[0]:
                    continue
                label = Label((x, a[1] + slope * (x - a[0])), text, width, height, ground=True)
                box = box_of(label)
                if not any(overlap(box, other) for other in boxes):
                    best = cost, label
            if best is None:
                return None
            labels.append(best[1])
            boxes.append(box_of(best[1]))
        return labels


def _crossing(above: float, slope: float, reach: float) -> tuple[float, float]:
    """From where to where a line passes within ``reach`` of another, which it begins ``above`` and leaves by ``slope``.

    Where it does nowhere, the end is the beginning.
    """
    if slope == 0:
        return (-inf, inf) if abs(above) < reach else (inf, inf)
    return -above / slope - reach / abs(slope), -above / slope + reach / abs(slope)


def _name(layer: int, unit: int) -> str:
    return f"u{layer}n{unit}"


def _units(width: int) -> list[int | None]:
    return list(range(1, width + 1)) if width <= MOST else [*range(1, FIRST + 1), None, width]
