"""Activations and losses of the author's own: formulas, differentiated rule by rule.

z       pre-activation of a unit        activation = { formula = "z / (1 + abs(z))" }
t, a    target and activation of an     loss = { formula = "(t - a)**4 / 4" }, summed over the outputs
        output unit
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import ClassVar

from calc.algebra import ZERO, nowhere_defined
from calc.differentiate import differentiate
from calc.expr import AtKink, Expr, Name, Quantity, children, quantities, rename
from calc.formula import parse
from calc.number import Shown
from calc.ops.activations import Activation
from calc.ops.losses import Loss

Z, T, A = Name("z"), Name("t"), Name("a")
LONGEST_DERIVATIVE = 500  # numbers, names and operations of a derivative that is written in one line


class _Formula:
    """A formula over some names, and its derivative by the last of them.

    Raises:
        ValueError: it is no formula, has no value anywhere, does not change with that name, or has a derivative too
            long for a page.
    """

    text: str
    over: ClassVar[tuple[Name, ...]]

    def __post_init__(self) -> None:
        by = self.over[-1]
        what = f"one that depends on {by.id} needed, or nothing is learned. Write it over {by.id}"
        if by not in quantities(self.expr):
            raise ValueError(f'the formula "{self.text.strip()[:40]}" without {by.id} found, {what}')
        why = nowhere_defined(self.expr)
        if why is not None:
            found = f'the formula "{self.text.strip()[:40]}" found'
            raise ValueError(f"{found}: {why}, whatever {by.id} is. Change the formula")
        slope = self.slope(lambda _: Shown("1", denominator="2"))
        if slope == ZERO:
            raise ValueError(f'the formula "{self.text.strip()[:40]}" found, whose derivative is 0 everywhere, {what}')
        if _size(slope) > LONGEST_DERIVATIVE:
            what = f"a derivative of more than {LONGEST_DERIVATIVE} parts found, one that fits a page needed"
            raise ValueError(f"{what}. Use a shorter formula")

    @cached_property
    def expr(self) -> Expr:
        """The formula as it was written."""
        return parse(self.text, [name.id for name in self.over])

    def slope(self, at_kink: AtKink) -> Expr:
        """Its derivative by the last name."""
        return _derivative(self.expr, self.over[-1], at_kink("kinks"), at_kink("relu_at_zero"))

    @cached_property
    def kinks(self) -> tuple[str, ...]:
        """The conventions that its derivative hangs on."""
        asked: dict[str, None] = {}

        def note(convention: str) -> Shown:
            asked[convention] = None
            return Shown("0")

        differentiate(self.expr, self.over[-1], note)
        return tuple(asked)

    def of(self, expr: Expr, *operands: Expr) -> Expr:
        """The same over other quantities."""
        by_id = {name.id: operand for name, operand in zip(self.over, operands, strict=True)}

        def new(quantity: Quantity) -> Expr:
            return by_id[quantity.id]

        return rename(expr, new)


@cache
def _derivative(expr: Expr, by: Name, kinks: Shown, relu_at_zero: Shown) -> Expr:
    return differentiate(expr, by, lambda convention: relu_at_zero if convention == "relu_at_zero" else kinks)


def _size(expr: Expr) -> int:
    return 1 + sum(_size(part) for part in children(expr))


@dataclass(frozen=True)
class CustomActivation(_Formula, Activation):
    """a = f(z) as its author wrote it"""

    text: str

    name = "formula"
    own = True
    over = (Z,)

    def formula(self, z: Expr) -> Expr:
        return self.of(self.expr, z)

    def derivative(self, z: Expr, a: Expr, at_kink: AtKink) -> Expr:
        return self.of(self.slope(at_kink), z)


@dataclass(frozen=True)
class CustomLoss(_Formula, Loss):
    """E = Σ E_j with E_j over t and a as its author wrote it"""

    text: str

    name = "formula"
    own = True
    over = (T, A)

    def part(self, a: Expr, t: Expr, n: int) -> Expr:
        return self.of(self.expr, t, a)

    def derivative(self, a: Expr, t: Expr, n: int, at_kink: AtKink) -> Expr:
        return self.of(self.slope(at_kink), t, a)


CUSTOM: dict[type[Activation] | type[Loss], type[CustomActivation] | type[CustomLoss]] = {
    Activation: CustomActivation,
    Loss: CustomLoss,
}
