"""Losses of one sample: E = Σ_j E_j over the n outputs.

a    activation of an output unit
t    its target
n    number of outputs

To add one: write a class with one output's part and its derivative and put it into LOSSES.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from calc.expr import Expr, Frac, Neg, Num, Pow, Prod, Sum


class Loss(ABC):
    """One loss; an instance carries its parameters."""

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))

    @abstractmethod
    def part(self, a: Expr, t: Expr, n: int) -> Expr:
        """E_j, the part of one output in the loss of one sample."""

    @abstractmethod
    def derivative(self, a: Expr, t: Expr, n: int) -> Expr:
        """∂E_j/∂a as a textbook writes it."""


def _squared(a: Expr, t: Expr) -> Expr:
    return Pow(Sum((t, Neg(a))), 2)


class HalfSquaredError(Loss):
    """E = ½ Σ (t − a)²,  ∂E/∂a = a − t"""

    name = "half_squared_error"
    aliases = ("half_sse", "half_mse")

    def part(self, a: Expr, t: Expr, n: int) -> Expr:
        return Prod((Frac(Num.of(1), Num.of(2)), _squared(a, t)))

    def derivative(self, a: Expr, t: Expr, n: int) -> Expr:
        return Sum((a, Neg(t)))


class SquaredError(Loss):
    """E = Σ (t − a)²,  ∂E/∂a = 2 (a − t)"""

    name = "squared_error"
    aliases = ("sse",)

    def part(self, a: Expr, t: Expr, n: int) -> Expr:
        return _squared(a, t)

    def derivative(self, a: Expr, t: Expr, n: int) -> Expr:
        return Prod((Num.of(2), Sum((a, Neg(t)))))


class MeanSquaredError(Loss):
    """E = (1/n) Σ (t − a)²,  ∂E/∂a = (2/n) (a − t)"""

    name = "mean_squared_error"
    aliases = ("mse",)

    def part(self, a: Expr, t: Expr, n: int) -> Expr:
        return _squared(a, t) if n == 1 else Prod((Frac(Num.of(1), Num.of(n)), _squared(a, t)))

    def derivative(self, a: Expr, t: Expr, n: int) -> Expr:
        factor = Num.of(2) if n == 1 else Frac(Num.of(2), Num.of(n))
        return Prod((factor, Sum((a, Neg(t)))))


LOSSES: tuple[type[Loss], ...] = (HalfSquaredError, SquaredError, MeanSquaredError)
