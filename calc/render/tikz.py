"""TikZ: pictures for LaTeX, to be edited: nodes by name, edges between them, styles at the top."""

from collections.abc import Callable

from calc.document import Dot, Ink, Label, Node, Path, Picture, Point, Text
from calc.figures.room import SIZE
from calc.render.svg import INKS

_ANCHOR = {"start": "right", "middle": "", "end": "left"}  # TikZ says on which side of the point the text stands


def tikz(picture: Picture, write: Callable[[Text], str], scale: float = 1.0) -> str:
    """The picture as a tikzpicture; it needs the package tikz and its library shapes.misc.

    Args:
        write: a text of the picture as LaTeX writes it.
    """
    lines = [
        r"\begin{tikzpicture}[x=1pt, y=-1pt, "
        + rf"font=\fontsize{{{_n(SIZE)}}}{{{_n(SIZE * 1.2)}}}\selectfont, line width=0.5pt, >=latex,",
        *([f"  scale={_n(scale)}, transform shape,"] if scale != 1 else []),
        r"  unit/.style={draw, fill=white, align=center, inner sep=0pt}, pill/.style={unit, rounded rectangle},",
        r"  text label/.style={inner sep=0pt}, on paper/.style={text label, fill=white, inner sep=0.7pt}]",
    ]
    used = {shape.ink for shape in picture.shapes if not isinstance(shape, Node)}
    lines += [rf"\definecolor{{ink-{ink}}}{{HTML}}{{{_html(ink)}}}" for ink in INKS if ink in used and ink != "black"]
    drawn = sorted(picture.shapes, key=lambda shape: 0 if isinstance(shape, Node) else 1)  # edges need their nodes
    for shape in drawn:
        match shape:
            case Node():
                dashed = ", dashed" if shape.dashed else ""
                inside = r" \\ ".join(write(text) for text in shape.lines)
                kind = f"unit, circle, minimum size={_n(shape.height)}pt"
                if shape.width > shape.height:
                    kind = f"pill, minimum width={_n(shape.width)}pt, minimum height={_n(shape.height)}pt"
                lines.append(rf"\node[{kind}{dashed}] ({shape.name}) at {_at(shape.at)} {{{inside}}};")
            case Path():
                lines.append(_path(shape))
            case Dot(at, radius, ink):
                lines.append(rf"\fill[{_color(ink)}] {_at(at)} circle[radius={_n(radius)}pt];")
            case Label():
                options = ["on paper" if shape.ground else "text label", _ANCHOR[shape.anchor], _color(shape.ink)]
                written = write(shape.text)
                if shape.ink == "gradient" and written[:1] == "$":  # digits in italics
                    written = rf"$\mathit{{{written[1:-1]}}}$"
                chosen = ", ".join(option for option in options if option)
                lines.append(rf"\node[{chosen}] at {_at(shape.at)} {{{written}}};")
    return "\n".join([*lines, r"\end{tikzpicture}", ""])


def _path(path: Path) -> str:
    points = [_at(point) for point in path.points]
    points[0] = f"({path.start})" if path.start else points[0]
    points[-1] = f"({path.end})" if path.end else points[-1]
    options = ["->"] * path.arrow + ["dashed"] * path.dashed + ["line width=1.2pt"] * path.thick
    chosen = ", ".join(option for option in (*options, _color(path.ink)) if option)
    return rf"\draw{f'[{chosen}]' if chosen else ''} {' -- '.join(points)};"


def _html(ink: Ink) -> str:
    code = INKS[ink].removeprefix("#")
    return (code if len(code) == 6 else "".join(2 * c for c in code)).upper()


def _color(ink: Ink) -> str:
    return "" if ink == "black" else f"ink-{ink}"


def _at(point: Point) -> str:
    return f"({_n(point[0])}, {_n(point[1])})"


def _n(value: float) -> str:
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
