"""Slips: not of an expression but of writing a number down.

0.4627 → 0.4672   digits exchanged      0.4627 → −0.4627   the sign
0.4627 → 0.0463   the decimal point     5.31 × 10⁻³ → 5.31
"""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from flint import fmpq

from calc.number import Shown


class Slip(ABC):
    """A way of writing down a right number wrongly.

    To add one: write a class and put it into SLIPS, and what is said of it into templates/wording.
    """

    name: ClassVar[str]

    @abstractmethod
    def numbers(self, right: Shown) -> Iterator[fmpq]:
        """What may have been written for a number that prints as ``right``."""


class WrongSign(Slip):
    """−v for v"""

    name = "wrong-sign"

    def numbers(self, right: Shown) -> Iterator[fmpq]:
        if right.value != 0:
            yield -right.value


class ExchangedDigits(Slip):
    """0.4672 for 0.4627: two digits side by side"""

    name = "exchanged-digits"

    def numbers(self, right: Shown) -> Iterator[fmpq]:
        digits = right.digits
        places = [i for i, digit in enumerate(digits) if digit.isdigit()]
        for i, j in itertools.pairwise(places):
            if digits[i] != digits[j]:
                swapped = digits[:i] + digits[j] + digits[i + 1 : j] + digits[i] + digits[j + 1 :]
                yield Shown(swapped, right.exponent, right.denominator).value


class DecimalPoint(Slip):
    """4.627 or 0.04627 for 0.4627: the decimal point, or a power of ten, one place off or left out"""

    name = "decimal-point"

    def numbers(self, right: Shown) -> Iterator[fmpq]:
        if right.value == 0 or right.denominator is not None:
            return
        yield right.value * 10
        yield right.value / 10
        if right.exponent is not None:
            yield Shown(right.digits).value


SLIPS: tuple[Slip, ...] = (WrongSign(), ExchangedDigits(), DecimalPoint())
