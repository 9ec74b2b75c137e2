"""How much room a text takes in a picture: estimated, on the safe side of the fonts that may set it."""

from calc.document import Label, Line, Node, Text, Words
from calc.expr import Call, Frac, Name, Neg, Num, Partial, Pow
from calc.notation import Notation
from calc.number import Shown

SIZE = 8.0  # points of the letters
HEIGHT = 9.5  # of a line of digits
SCRIPTS = 13.0  # of a line with sub- and superscripts
WORD = 0.55  # widths are in sizes of the letters: of a letter or a digit
SCRIPT = 0.44  # of one above or below the line
SIGN = 0.8  # of − = ≈ ×
GAP = 0.3  # of a space, a point, a bracket

Box = tuple[float, float, float, float]  # left, top, right, bottom


def width_of(text: Text, notation: Notation) -> float:
    """The width of a number, a symbol, a derivative or an equation of them, in points."""
    return SIZE * _width(text, notation)


def _width(text: Text, notation: Notation) -> float:
    match text:
        case Num(shown):
            return _number(shown)
        case Name():
            symbol = notation.symbol(text)
            mark = f"[{symbol.sample}]" if symbol.sample is not None else ""
            above = SCRIPT * len(symbol.sup + mark) + GAP * symbol.primes
            letters = sum(0.98 if c in "mwMW" else 0.78 if c.isupper() else WORD for c in symbol.base)
            base = WORD if len(symbol.base) > 1 and symbol.base.isascii() and not letters else letters
            return base + max(above, SCRIPT * len(symbol.sub)) + SIGN * symbol.delta
        case Partial(of=of, by=by):
            return 2 * WORD + GAP + _width(of, notation) + _width(by, notation)
        case Line(left, sides):
            return _width(left, notation) + sum(SIGN + 2 * GAP + _width(side, notation) for _, side in sides)
        case Neg(arg):
            return SIGN + _width(arg, notation)
        case Frac(num, den):
            return 2 * GAP + _width(num, notation) + _width(den, notation)
        case Pow(base, exponent):
            raised = SCRIPT * len(str(exponent)) if isinstance(exponent, int) else _width(exponent, notation)
            return _width(base, notation) + raised
        case Call(function, ()):
            return WORD * (len(function) if function != "sigmoid" else 1)
        case Words():  # as long as most; those of the wording files have room of their own
            return WORD * len(text.default or "hidden layer 1")
    raise TypeError(text)


def _number(shown: Shown) -> float:
    width = sum(GAP if c == "." else SIGN if c == "-" else WORD for c in shown.digits)
    if shown.denominator is not None:
        width += 2 * GAP + WORD * len(shown.denominator)
    if shown.exponent is not None:
        width += SIGN + 2 * GAP + 2 * WORD + SCRIPT * len(str(shown.exponent)) + 0.3
    return width


def height_of(text: Text) -> float:
    """The height of a line: digits alone, or symbols with something above and below."""
    return HEIGHT if isinstance(text, Num) and text.shown.exponent is None else SCRIPTS


def box_of(shape: Label | Node) -> Box:
    """The room that a label or a node takes."""
    (x, y), width, height = shape.at, shape.width, shape.height
    anchor = shape.anchor if isinstance(shape, Label) else "middle"
    left = {"start": x, "middle": x - width / 2, "end": x - width}[anchor]
    return left, y - height / 2, left + width, y + height / 2


def overlap(a: Box, b: Box) -> bool:
    """Whether two boxes have more than their borders in common."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
