"""Exact rationals and certified balls, and rounding as on paper.

v    a value: an exact rational (flint ``fmpq``), or a ball (``arb``) guaranteed to contain the true real
s    what is printed of it, e.g. 0.70970 -> "0.7097"; only digits that the ball decides
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from flint import arb, ctx, fmpq, fmpz

from calc.errors import CalcError

Number = fmpq | arb
T = TypeVar("T")

START_BITS = 288  # 86 digits: decides nearly every printed digit at the first try, and serves the check
LAST_BITS = 4096  # beyond this a tie is taken for a tie, a ball of radius < 10^-1000 around 0 for 0
GUARD_DIGITS = 30  # the most extra digits an operand is printed with
LONGEST_INTEGER = 40  # digits before the point that still fit a line
LARGEST_SIZE = 10**6  # bits before or behind the point of a number that is worked on when it has been rounded
LONGEST_TEXT = 100  # digits of an exact decimal that is written without a power of ten for other programs


class Undecided(CalcError):
    """The ball is too wide to decide a digit or a sign; evaluate again at a higher precision."""


class Undefined(CalcError):
    """The operation has no value here, e.g. a division by 0 or ln 0."""


class Unprintable(CalcError):
    """The value has no printable form: not finite, or too many digits."""


class precision:
    """Evaluate balls with ``bits`` bits inside the ``with`` block."""

    __slots__ = ("before", "bits")

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def __enter__(self) -> None:
        self.before = ctx.prec
        ctx.prec = self.bits

    def __exit__(self, *_: object) -> None:
        ctx.prec = self.before


class Shown:
    """A number as it stands on paper: ``digits``, or ``digits`` × 10^``exponent``, or ``digits`` / ``denominator``.

    digits are ASCII, e.g. "-0.2903", the mantissa where there is an exponent; not ``exact``: rounded.
    """

    __slots__ = ("_value", "denominator", "digits", "exact", "exponent", "negative")

    def __init__(
        self, digits: str, exponent: int | None = None, denominator: str | None = None, exact: bool = True
    ) -> None:
        self.digits, self.exponent, self.denominator, self.exact = digits, exponent, denominator, exact
        self.negative = digits[0] == "-"
        self._value: fmpq | None = None

    @property
    def value(self) -> fmpq:
        """The number that the printed digits denote."""
        if self._value is None:
            self._value = self._read()
        return self._value

    def _read(self) -> fmpq:
        whole, _, places = self.digits.partition(".")
        value = fmpq(int(whole + places), 10 ** len(places))
        if self.exponent is not None:
            value *= fmpq(10) ** self.exponent
        return value / int(self.denominator) if self.denominator is not None else value

    def _key(self) -> tuple[str, int | None, str | None, bool]:
        return self.digits, self.exponent, self.denominator, self.exact

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shown) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        digits, exponent, denominator, exact = self._key()
        return f"Shown({digits=}, {exponent=}, {denominator=}, {exact=})"

    def __str__(self) -> str:
        """One decimal, ``m×10ⁿ`` or ``p/q``."""
        if self.denominator is not None:
            return f"{self.digits}/{self.denominator}"
        if self.exponent is None:
            return self.digits
        return f"{self.digits}×10{str(self.exponent).translate(_SUPERSCRIPTS)}"


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

_TYPED = re.compile(r"([+-]?)\s*([0-9]+)(\.[0-9]+)?(?:[eE]([+-]?[0-9]+))?(?:\s*/\s*([0-9]+))?")

MOST_DIGITS = 60  # of a number in a file
LARGEST_EXPONENT = 100  # its power of ten, up or down


@dataclass(frozen=True)
class Exact:
    """A number as somebody typed it: its exact value and its printed form, which keeps trailing zeros."""

    shown: Shown
    value: fmpq

    @classmethod
    def read(cls, text: str) -> "Exact":
        """Read an integer, a decimal, a decimal with exponent, or a fraction.

        e.g. 0.20 -> 1/5 printed "0.20"; 1e-3 -> 1/1000 printed 1×10⁻³; 1/3 -> 1/3.

        Raises:
            ValueError: not such a number, or longer than a page can hold; the message says which.
        """
        if len(text) > 4 * MOST_DIGITS:  # before any work whose time grows with the length
            raise ValueError(f"a number of {len(text)} characters found, at most {MOST_DIGITS} digits can be printed")
        match = _TYPED.fullmatch(text.strip().replace("_", ""))
        if not match or (match[5] and (match[3] or match[4])):
            raise ValueError(f'{text!r} is not a number. Write 0.5, -2, 1e-3 or a fraction in quotes, "1/3"')
        sign, whole, places, power, below = match.groups()
        if len(whole) + len(places or "") > MOST_DIGITS or len(below or "") > MOST_DIGITS:
            raise ValueError(f"a number of more than {MOST_DIGITS} digits found. Give at most {MOST_DIGITS} digits")
        if power and abs(int(power[:9])) > LARGEST_EXPONENT:
            raise ValueError(
                f"{text} is out of range. Numbers from 1e-{LARGEST_EXPONENT} to 1e{LARGEST_EXPONENT} can be printed"
            )
        if below and int(below) == 0:
            raise ValueError(f"{text} divides by 0. Give a denominator other than 0")
        digits = (whole.lstrip("0") or "0") + (places or "")
        minus = "-" if sign == "-" and digits.strip("0.") else ""  # never -0.0
        shown = Shown(minus + digits, int(power) if power and int(power) else None, below)
        return cls(shown, shown.value)

    def __str__(self) -> str:
        """As it could be typed again."""
        if self.shown.denominator is not None:
            return f"{self.shown.digits}/{self.shown.denominator}"
        return self.shown.digits + (f"e{self.shown.exponent}" if self.shown.exponent is not None else "")


@dataclass(frozen=True)
class Rounding:
    """How results are printed, and carried where ``carry`` is "rounded".

    ``decimals`` d (0 to 30): d decimals; a non-zero value below 10^-d as m×10ⁿ with max(2, d) significant digits.
    ``significant`` s (1 to 30): plain for 10⁻⁴ ≤ |v| < 10ˢ, else m×10ⁿ.
    An exact value that fits prints exactly.
    """

    decimals: int | None = 4
    significant: int | None = None
    carry: str = "full"
    ties: str = "half-up"

    def show(self, value: Number, extra: int = 0) -> Shown:
        """Print ``value`` with ``extra`` guard digits beyond the page's rule.

        Raises:
            Undecided: the ball does not decide the digits.
            Unprintable: not finite, or more digits before the point than a line holds.
        """
        negative = value < 0
        size = -value if negative else value
        if self.decimals is not None and _ten(-self.decimals) <= size < _MANY:  # nearly every number, decided at once
            digits, exponent, exact = self._plain(size, self.decimals + extra, 0)
            return Shown("-" + digits if negative else digits, exponent, exact=exact)
        if isinstance(value, arb) and not value.is_finite():
            raise Unprintable("is not a finite number")
        if value == 0 or is_nothing(value):
            return Shown("0", exact=isinstance(value, fmpq))
        is_negative(value)  # or not decided
        if self.decimals is not None:
            least, most, places = -self.decimals, None, self.decimals + extra
            count = max(2, self.decimals)
        else:
            assert self.significant is not None
            least, most, places = -4, self.significant, None
            count = self.significant
        try:
            if _less(size, _ten(least)) or (most is not None and not _less(size, _ten(most))):
                digits, exponent, exact = self._scientific(size, count + extra)
            else:
                digits, exponent, exact = self._plain(size, places, count + extra)
        except Undecided:
            if ctx.prec >= LAST_BITS and size < _ten(-1000):  # its first digits are known, but not those wanted
                return Shown("0", exact=False)
            raise
        return Shown("-" + digits if negative else digits, exponent, exact=exact)

    def _plain(self, size: Number, places: int | None, digits: int) -> tuple[str, None, bool]:
        """Plain notation with ``places`` decimals; None: as many as ``digits`` significant digits need."""
        if size >= _MANY:
            raise Unprintable(
                f"has more than {LONGEST_INTEGER} digits before the point. "
                "Scale the inputs, or set rounding.significant instead of rounding.decimals"
            )
        counted = places is None
        if places is None:
            places = digits - 1 - _decimal_exponent(size)
        scaled, exact = self._integer(size, places)
        text = str(int(scaled))
        if counted and places > 0 and len(text) > digits:  # 0.99996 came up to 1.0000: 1.000
            text, places = text[:-1], places - 1
        if places > 0:
            text = text.rjust(places + 1, "0")
            text = f"{text[:-places]}.{text[-places:]}"
            if exact:
                text = text.rstrip("0").rstrip(".")
        return text, None, exact

    def _scientific(self, size: Number, digits: int) -> tuple[str, int | None, bool]:
        """m×10ⁿ with ``digits`` significant digits."""
        exponent = _decimal_exponent(size)
        scaled, exact = self._integer(size, digits - 1 - exponent)
        text = str(int(scaled))
        if len(text) > digits:  # 9.9996 came up to 10.00
            text, exponent = text[:-1], exponent + 1
        if exact:
            text = text.rstrip("0")
        mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
        return mantissa, exponent or None, exact

    def _integer(self, size: Number, places: int) -> tuple[fmpz, bool]:
        """``size`` · 10^``places`` as a whole number, and whether it is one."""
        if isinstance(size, fmpq):
            scaled = size * _ten(places)
            if scaled.q == 1:
                return scaled.p, True
            doubled = scaled * 2
            below = scaled.floor()
            if doubled.q == 1 and self.ties == "half-even":
                return below + below % 2, False
            return (scaled + _HALF).floor(), False
        raised = size * _ten_ball(places) + _HALF_BALL
        whole = raised.floor().unique_fmpz()
        if whole is None or (self.ties == "half-even" and raised.contains(whole)):  # a tie may be its lower end
            if ctx.prec < LAST_BITS:
                raise Undecided
            return self._integer(_nearest_tie(size, places), places)[0], False
        return whole, False


def _nearest_tie(size: arb, places: int) -> fmpq:
    """The tie on which a ball still sits at the last precision: it is taken for exactly that."""
    doubled = (size * _ten_ball(places) * 2 + fmpq(1, 2)).floor().unique_fmpz()
    if doubled is None:
        raise Undecided
    return fmpq(doubled, 2) * _ten(-places)


@lru_cache(maxsize=256)
def _ten(exponent: int) -> fmpq:
    return fmpq(10) ** exponent


_MANY = _ten(LONGEST_INTEGER)
_HALF, _HALF_BALL = fmpq(1, 2), arb(0.5)


def _ten_ball(exponent: int) -> Number:
    return _ten(exponent) if abs(exponent) < 5000 else arb(10) ** exponent


def _less(size: Number, bound: fmpq) -> bool:
    """size < bound, for positive numbers; at the last precision a ball on the bound counts as the bound."""
    if size < bound:
        return True
    if size >= bound or ctx.prec >= LAST_BITS:
        return False
    raise Undecided


def _decimal_exponent(size: Number) -> int:
    """e with 10^e ≤ size < 10^(e+1); the lower one where a ball holds a power of ten, so that no digit is lost."""
    if isinstance(size, fmpq):
        bits = int(size.p).bit_length() - int(size.q).bit_length()
    else:
        mantissa, power = size.mid().man_exp()
        bits = int(mantissa).bit_length() + int(power)
    if abs(bits) > LARGEST_SIZE:
        raise Unprintable("is too large or too small to be printed. Scale the inputs or the weights")
    exponent = bits * 30103 // 100000 - 1
    while size >= _ten_ball(exponent + 1):
        exponent += 1
    return exponent


def is_negative(value: Number) -> bool:
    """Whether ``value`` < 0.

    Raises:
        Undecided: the ball contains 0.
    """
    return sign(value) < 0


def decided(attempt: Callable[[], T]) -> T:
    """What ``attempt`` gives at the first precision that decides it.

    Raises:
        Undecided: not even the last one does.
    """
    bits = START_BITS
    while True:
        try:
            with precision(bits):
                return attempt()
        except Undecided:
            if bits >= LAST_BITS:
                raise Undecided(
                    f"a number is not decided at {LAST_BITS} bits. Change the numbers that lead there"
                ) from None
            bits *= 2


def sign(value: Number) -> int:
    """-1, 0 or 1.

    Raises:
        Undecided: a ball contains 0 besides other numbers.
    """
    if value > 0:
        return 1
    if value < 0:
        return -1
    if value == 0 or is_nothing(value):
        return 0
    raise Undecided


def is_nothing(value: Number) -> bool:
    """Whether a ball around 0 counts as 0: at the last precision, of radius below 10^-1000.

    The ball itself is carried on, so that nothing is proven of the digits of what it is added to.
    """
    return isinstance(value, arb) and ctx.prec >= LAST_BITS and value.contains(0) and bool(abs(value) < _ten(-1000))


def decimal_text(value: Number) -> str:
    """``value`` for other programs: a terminating decimal or p/q where exact, else 20 correct significant digits.

    Raises:
        Undecided: the ball does not decide 20 digits.
    """
    if isinstance(value, arb):
        return _shortest(Rounding(decimals=None, significant=20).show(value))
    below = int(value.q)
    twos = (below & -below).bit_length() - 1
    fives = round(math.log(below >> twos, 5))
    if below != 2**twos * 5**fives:
        return f"{value.p}/{value.q}"
    places, minus = max(twos, fives), "-" if value < 0 else ""
    text = str(abs((value * _ten(places)).p))  # of an fmpz, which may have more than Python's 4300 digits
    if max(len(text), places) > LONGEST_TEXT:
        return f"{minus}{text.rstrip('0')}e{len(text) - len(text.rstrip('0')) - places}"
    text = text.rjust(places + 1, "0")
    return minus + (f"{text[:-places]}.{text[-places:]}" if places else text)


def _shortest(shown: Shown) -> str:
    return shown.digits + (f"e{shown.exponent}" if shown.exponent is not None else "")
