"""SVG: pictures for the PDF and for browsers; text stays text, every run of it placed by the one before.

Classes beside the attributes let a page of its own style change the inks: ink-value, ink-gradient, ink-faint, paper.
"""

import re
from collections.abc import Callable
from html import escape
from math import hypot
from typing import ClassVar

from calc.document import Dot, Ink, Label, Node, Path, Picture, Point, Text
from calc.figures.room import SIZE
from calc.render.format import Format, visible
from calc.render.text import TextPrinter
from calc.symbol import GREEK, Symbol

UP, DOWN, END, SLANT, PLAIN = "\ue010", "\ue011", "\ue012", "\ue013", "\ue014"  # between the runs of a formula
_MARKS = re.compile(f"([{UP}{DOWN}{END}{SLANT}{PLAIN}])")

FONTS = "'Libertinus Serif','Linux Libertine',STIXTwoText,'Times New Roman',Times,serif"
SCRIPT = 0.72  # the size of what stands above or below the line
RAISE, LOWER = 0.36, 0.2  # and how far, in sizes of the letters
BASELINE = 0.32  # below the middle of a line
STEP = 1.25  # between two lines of a node, in sizes of the letters
ARROW = 4.5
INKS: dict[Ink, str] = {"black": "#000", "faint": "#555", "value": "#11631f", "gradient": "#a4161a"}


class SvgPrinter(TextPrinter):
    """Formulas in one line, their scripts between marks."""

    def power(self, base: str, exponent: str) -> str:
        return f"{base}{UP}{exponent.replace('-', '−')}{END}"

    def exponential(self, exponent: str) -> str:
        return f"{SLANT}e{PLAIN}{UP}{exponent}{END}"

    def symbol(self, symbol: Symbol) -> str:
        base = GREEK.get(symbol.base, symbol.base)
        accent = "\u0302" * symbol.hat + "\u0303" * symbol.tilde
        word = len(base) > 1
        mark = f"[{symbol.sample}]" if symbol.sample is not None else ""
        sup = symbol.sup.replace("'", "′") + "′" * symbol.primes + mark
        sub = symbol.sub.replace("'", "′")
        text = base + accent if word else f"{SLANT}{base}{accent}{PLAIN}"
        scripts = sorted(((DOWN, sub), (UP, sup)), key=lambda script: _estimate(script[1]))  # the wider goes last
        return ("Δ" * symbol.delta) + text + "".join(f"{sign}{script}{END}" for sign, script in scripts if script)


class Svg(Format):
    """What a picture's texts are written in; not a format for pages."""

    printer = SvgPrinter
    relations: ClassVar[dict[str, str]] = {"=": "=", "≈": "≈", "→": "→"}

    def text(self, text: str) -> str:
        return visible(text)

    def label(self, text: str) -> str:
        return self.text(text)

    def inline(self, formula: str) -> str:
        return formula


def svg(
    picture: Picture,
    write: Callable[[Text], str],
    title: str,
    alternative: str,
    scale: float = 1.0,
    ground: bool = False,
) -> str:
    """The picture as one SVG element that needs nothing else.

    Args:
        write: a text of the picture as ``Svg`` writes it.
        title: what it is called; alternative: what it shows. Both are plain text.
        ground: paper lies under all of it, for pages that may be dark.
    """
    nodes = {shape.name: shape for shape in picture.shapes if isinstance(shape, Node)}
    parts = []
    for shape in picture.shapes:
        match shape:
            case Path():
                parts.append(_path(shape, nodes))
            case Dot((x, y), radius, ink):
                parts.append(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}"{_ink(ink, "fill")}/>')
            case Node():
                parts.append(_node(shape, write))
            case Label():
                parts.append(_label(shape, write(shape.text)))
    width, height = _n(picture.width), _n(picture.height)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{_n(picture.width * scale)}pt" '
            f'height="{_n(picture.height * scale)}pt" viewBox="0 0 {width} {height}" '
            f'font-family="{FONTS}" font-size="{_n(SIZE)}">',
            f"<title>{escape(visible(title))}</title>",
            f"<desc>{escape(visible(alternative))}</desc>",
            *([f'<rect width="{width}" height="{height}" fill="#fff" class="paper"/>'] if ground else []),
            *parts,
            "</svg>",
            "",
        ]
    )


def _n(value: float) -> str:
    """A length to a hundredth of a point, the same on every platform."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _ink(ink: Ink, attribute: str) -> str:
    return f' {attribute}="{INKS[ink]}" class="ink-{ink}"'


def _path(path: Path, nodes: dict[str, Node]) -> str:
    points = list(path.points)
    if path.start:
        points[0] = _border(nodes[path.start], points[1])
    if path.end:
        points[-1] = _border(nodes[path.end], points[-2])
    head = ""
    if path.arrow:
        (x0, y0), (x, y) = points[-2], points[-1]
        length = hypot(x - x0, y - y0) or 1.0
        dx, dy = (x - x0) / length, (y - y0) / length
        back = x - ARROW * dx, y - ARROW * dy
        sides = [(back[0] - s * 0.4 * ARROW * dy, back[1] + s * 0.4 * ARROW * dx) for s in (1, -1)]
        corners = " ".join(f"{_n(a)},{_n(b)}" for a, b in ((x, y), *sides))
        head = f'<polygon points="{corners}"{_ink(path.ink, "fill")}/>'
        points[-1] = (x - 0.8 * ARROW * dx, y - 0.8 * ARROW * dy)
    line = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
    width, dash = (1.4 if path.thick else 0.6), (' stroke-dasharray="3 2"' if path.dashed else "")
    ink = _ink(path.ink, "stroke")
    return f'<polyline points="{line}" fill="none" stroke-width="{width}" stroke-linejoin="round"{dash}{ink}/>{head}'


def _border(node: Node, towards: Point) -> Point:
    """Where the straight line from the middle of a node towards a point leaves it."""
    (x, y), radius = node.at, node.height / 2
    dx, dy = towards[0] - x, towards[1] - y
    straight = node.width / 2 - radius  # a pill: two half circles this far from the middle
    length = hypot(dx, dy) or 1.0
    dx, dy = dx / length, dy / length
    if straight and abs(dy) * straight >= abs(dx) * radius:
        return x + dx * radius / abs(dy), y + dy * radius / abs(dy)
    reach = straight * abs(dx)
    t = reach + (reach**2 - straight**2 + radius**2) ** 0.5
    return x + t * dx, y + t * dy


def _node(node: Node, write: Callable[[Text], str]) -> str:
    (x, y), dash = node.at, ' stroke-dasharray="3 2"' if node.dashed else ""
    shape = (
        f'<rect x="{_n(x - node.width / 2)}" y="{_n(y - node.height / 2)}" width="{_n(node.width)}" '
        f'height="{_n(node.height)}" rx="{_n(node.height / 2)}" fill="#fff" class="paper" stroke="#000" '
        f'stroke-width="0.8"{dash}/>'
    )
    top = y + SIZE * (BASELINE - STEP * (len(node.lines) - 1) / 2)
    lines = [_text(write(text), x, top + i * STEP * SIZE, "middle", "black")[0] for i, text in enumerate(node.lines)]
    return shape + "".join(lines)


def _label(label: Label, text: str) -> str:
    (x, y), ground = label.at, ""
    written, width = _text(text, x, y + SIZE * BASELINE, label.anchor, label.ink)
    if label.ground:
        width = min(label.width, width + 3)  # a little room beside what is written, not all that is kept for it
        left = {"start": x, "middle": x - width / 2, "end": x - width}[label.anchor]
        ground = (
            f'<rect x="{_n(left)}" y="{_n(y - label.height / 2)}" width="{_n(width)}" '
            f'height="{_n(label.height)}" fill="#fff" class="paper"/>'
        )
    return ground + written


def _text(marked: str, x: float, y: float, anchor: str, ink: Ink) -> tuple[str, float]:
    """Runs one after the other, each moved from where the one before ended, and about how wide they are."""
    parts: list[str] = []
    whole, moved = 0.0, False  # the width so far; whether a run was moved back, which not every reader counts
    pen = 0.0  # how far the run before was raised
    shifts, slanted = [0.0], False
    ended: tuple[float, float] | None = None  # the script that ended just before: how far it was raised, its width
    for piece in _MARKS.split(marked):
        size = SIZE * SCRIPT ** (len(shifts) - 1)
        if piece in (UP, DOWN):
            shifts.append(shifts[-1] + size * (RAISE if piece == UP else -LOWER))
        elif piece == END:
            shifts.pop()
        elif piece in (SLANT, PLAIN):
            slanted = piece == SLANT
        elif piece:
            moves = f' dy="{_n(pen - shifts[-1])}"' if pen != shifts[-1] else ""
            if len(shifts) > 1 and ended is not None and ended[0] * shifts[-1] < 0:  # over or under the other script
                moves, moved, whole = f' dx="{_n(-ended[1])}"' + moves, True, whole - ended[1]
            small = f' font-size="{_n(size)}"' if len(shifts) > 1 else ""
            italic = ' font-style="italic"' if slanted and ink != "gradient" else ""
            run = escape(piece)
            parts.append(f"<tspan{moves}{small}{italic}>{run}</tspan>" if moves or small or italic else run)
            whole += _estimate(piece) * size
            pen, ended = shifts[-1], (shifts[-1], _estimate(piece) * size) if len(shifts) > 1 else None
    if moved:
        x, anchor = x - {"start": 0.0, "middle": whole / 2, "end": whole}[anchor], "start"
    style = ' font-style="italic"' if ink == "gradient" else ""
    place = f'x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}" xml:space="preserve"'
    return f"<text {place}{style}{_ink(ink, 'fill')}>{''.join(parts)}</text>", whole


def _estimate(text: str) -> float:
    """The width of a run in sizes of its letters, as Libertinus and Times set it."""
    return sum(0.26 if c in ",.'′ijlt" else 0.32 if c in "()[]- /" else 0.48 for c in text)
