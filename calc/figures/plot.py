"""Axes, curves and contour lines.

Grids are evaluated in plain floats and traced by marching squares: a contour picture takes some thousand evaluations
of a small graph, less time than NumPy or Matplotlib take to be imported, and needs neither of them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, isfinite, log10

from flint import fmpq

from calc.document import Label, Path, Point, Shape, Text
from calc.errors import UnsupportedError
from calc.expr import Num
from calc.figures.room import HEIGHT, SCRIPTS, Box, overlap, width_of
from calc.notation import Notation
from calc.number import Number, Shown

TICKS = 6  # about so many on an axis
LEVELS = 9  # contour lines
GRID = 40  # cells of the grid in each direction


@dataclass(frozen=True)
class Axes:
    """A frame on paper, and what stands at its left and lower border: ranges of x and y."""

    frame: Box
    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> Point:
        """Where a point of the plane stands on paper."""
        left, top, right, bottom = self.frame
        return (
            left + (right - left) * (x - self.x[0]) / (self.x[1] - self.x[0]),
            bottom - (bottom - top) * (y - self.y[0]) / (self.y[1] - self.y[0]),
        )

    def shapes(self, notation: Notation, across: Text, up: Text, whole: bool = False) -> Iterator[Shape]:
        """The frame with ticks, their numbers and the names of the axes.

        Args:
            whole: only whole numbers stand at the lower border.
        """
        left, top, right, bottom = self.frame
        corners = ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
        yield Path(corners, ink="faint")
        for value, text in ticks(*self.x, whole):
            x, _ = self.at(value, self.y[0])
            yield Path(((x, bottom), (x, bottom + 3)), ink="faint")
            yield Label((x, bottom + 9), text, width_of(text, notation), HEIGHT)
        for value, text in ticks(*self.y):
            _, y = self.at(self.x[0], value)
            yield Path(((left - 3, y), (left, y)), ink="faint")
            yield Label((left - 5, y), text, width_of(text, notation), HEIGHT, anchor="end")
        yield Label(((left + right) / 2, bottom + 22), across, width_of(across, notation), SCRIPTS)
        yield Label((left, top - 9), up, width_of(up, notation), SCRIPTS)


def ticks(low: float, high: float, whole: bool = False) -> Iterator[tuple[float, Num]]:
    """Round numbers from ``low`` to ``high``: steps of 1, 2 or 5 times a power of ten, as they are printed."""
    step, places = _step((high - low) / TICKS)
    if whole and step < 1:
        step, places = 1.0, 0
    large = max(abs(low), abs(high))
    exponent = floor(log10(large)) if large else 0
    for k in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1):
        yield k * step, shown(k * step, places, exponent)


def _step(rough: float) -> tuple[float, int]:
    """A round step, at least about ``rough``, and how many decimals it has."""
    power = floor(log10(rough))
    factor = next(f for f in (1, 2, 5, 10) if f * 10.0**power >= rough * 0.999)
    if factor == 10:
        factor, power = 1, power + 1
    return factor * 10.0**power, max(0, -power)


def shown(value: float, places: int, exponent: int = 0) -> Num:
    """A number at an axis; a very large or small one with a power of ten."""
    if -4 <= exponent < 6 and places <= 9:
        text = f"{value:.{places}f}"
        return Num(Shown("0" if float(text) == 0 else text, exact=False))
    digits = f"{value / 10.0**exponent:.{max(0, places + exponent)}f}"
    if float(digits) == 0:
        return Num(Shown("0", exact=False))
    return Num(Shown(digits, exponent or None, exact=False))


# --- contour lines ---------------------------------------------------------------------------------------------------


Grid = list[list[float]]


def grid_of(value: Callable[[float, float], float], x: tuple[float, float], y: tuple[float, float]) -> Grid:
    """The values on a regular grid, row by row from the lowest y; nan where there is none."""
    xs = [x[0] + (x[1] - x[0]) * i / GRID for i in range(GRID + 1)]
    ys = [y[0] + (y[1] - y[0]) * j / GRID for j in range(GRID + 1)]
    return [[value(a, b) for a in xs] for b in ys]


def levels(grid: Grid) -> list[float]:
    """Heights of contour lines: of even distance on a slope; in a bowl closer together near its lowest point, so that
    its rings have even distance.
    """
    finite = sorted(v for row in grid for v in row if isfinite(v))
    if not finite or finite[0] == finite[-1]:
        return []
    low, high = finite[0], finite[len(finite) * 97 // 100]
    if high <= low:
        high = finite[-1]
    size = floor(log10(high - low)) - 1  # two digits of the range tell them apart
    inner = [v for row in grid[1:-1] for v in row[1:-1] if isfinite(v)]
    power = 2 if inner and min(inner) == finite[0] else 1
    found = [round(low + (high - low) * (k / LEVELS) ** power, -size) for k in range(1, LEVELS)]
    return sorted({level for level in found if finite[0] < level < finite[-1]})


def contours(grid: Grid, level: float) -> list[list[Point]]:
    """The lines at one height, in cells of the grid: marching squares, straight within a cell."""
    pieces: dict[Point, list[Point]] = {}

    def cut(a: tuple[int, int], b: tuple[int, int]) -> Point:
        u, v = grid[a[1]][a[0]], grid[b[1]][b[0]]
        t = (level - u) / (v - u)
        return round(a[0] + t * (b[0] - a[0]), 6), round(a[1] + t * (b[1] - a[1]), 6)

    for j in range(len(grid) - 1):
        for i in range(len(grid[0]) - 1):
            corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
            heights = [grid[b][a] for a, b in corners]
            if (heights[0] < level) == (heights[1] < level) == (heights[2] < level) == (heights[3] < level):
                continue  # most cells: the line does not pass here
            if not all(map(isfinite, heights)):
                continue
            ends = [
                cut(min(a, b), max(a, b))
                for (a, u), (b, v) in pairwise([*zip(corners, heights, strict=True), (corners[0], heights[0])])
                if (u < level) != (v < level)
            ]
            if len(ends) == 4 and (sum(heights) / 4 < level) == (heights[0] < level):  # a saddle: joined the other way
                ends = [ends[1], ends[2], ends[3], ends[0]]
            for a, b in zip(ends[::2], ends[1::2], strict=True):
                if a != b:
                    pieces.setdefault(a, []).append(b)
                    pieces.setdefault(b, []).append(a)
    return _joined(pieces)


def _joined(pieces: dict[Point, list[Point]]) -> list[list[Point]]:
    """Pieces end to end; open lines are begun at their ends."""
    lines: list[list[Point]] = []
    for start in sorted(pieces, key=lambda point: (len(pieces[point]) != 1, point)):
        while pieces[start]:
            line = [start]
            while pieces[line[-1]]:
                here = line[-1]
                there = pieces[here].pop()
                pieces[there].remove(here)
                line.append(there)
            lines.append(line)
    return lines


def contour_shapes(grid: Grid, axes: Axes, notation: Notation, taken: Sequence[Box]) -> Iterator[Shape]:
    """Contour lines with their heights, where these stand over nothing else."""
    left, top, right, bottom = axes.frame
    occupied = list(taken)
    labels: list[Label] = []
    all_levels = levels(grid)
    for level, text in zip(all_levels, _heights(all_levels), strict=True):
        lines = [
            [(left + (right - left) * x / GRID, bottom - (bottom - top) * y / GRID) for x, y in line]
            for line in contours(grid, level)
        ]
        for line in lines:
            yield Path(tuple(line), ink="faint")
        width = width_of(text, notation) + 2
        for line in sorted(lines, key=len, reverse=True)[:1]:
            middle = len(line) // 2
            for x, y in sorted(line[::2], key=lambda point: abs(line.index(point) - middle)):
                box = x - width / 2, y - HEIGHT / 2, x + width / 2, y + HEIGHT / 2
                inside = box[0] > left and box[2] < right and box[1] > top and box[3] < bottom
                if inside and not any(overlap(box, other) for other in occupied):
                    occupied.append(box)
                    labels.append(Label((x, y), text, width, HEIGHT, ink="faint", ground=True))
                    break
    yield from labels


def _heights(found: Sequence[float]) -> list[Num]:
    """The heights as printed, all with the decimals that tell neighbours apart."""
    if not found:
        return []
    gap = min((b - a for a, b in pairwise(found)), default=abs(found[0]) or 1.0)
    large = max(abs(level) for level in found) or 1.0
    return [shown(level, max(0, -floor(log10(gap))), floor(log10(large))) for level in found]


def bounds(values: Sequence[float]) -> tuple[float, float]:
    """The range of an axis: all values, with a little room, from 0 where they come near it."""
    low, high = min(values), max(values)
    if low == high:
        pad = abs(low) * 0.1 or 1.0
        return low - pad, high + pad
    pad = 0.06 * (high - low)
    base = 0.0 if 0 <= low < 0.6 * high else low - pad
    return base, high + pad


def real(number: Number) -> float:
    """A value as a float.

    Raises:
        UnsupportedError: it is too large for one.
    """
    try:
        return int(number.p) / int(number.q) if isinstance(number, fmpq) else float(number)
    except OverflowError:
        raise UnsupportedError("a number beyond 10^308 cannot be drawn. Scale the inputs or the weights") from None
