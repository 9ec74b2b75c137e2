"""Losses of one sample: E = Σ_j E_j over the n outputs.

a    activation of an output unit
t    its target
n    number of outputs

To add one: write a class with one output's part and its derivative and put it into LOSSES.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from flint import fmpq

from calc.expr import AtKink, Call, Cases, Expr, Frac, Neg, Num, Pow, Prod, Sum
from calc.number import Exact, Shown
from calc.ops.activations import Activation, Sigmoid, Softmax

ZERO, ONE, TWO, HALF = Num.of(0), Num.of(1), Num.of(2), Frac(Num.of(1), Num.of(2))


@dataclass(frozen=True)
class Loss(ABC):
    """One loss; an instance carries its parameters as fields."""

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    own: ClassVar[bool] = False  # a formula of the author's

    @property
    def kinks(self) -> tuple[str, ...]:
        """The conventions that settle its derivative at kinks."""
        return ()

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))

    @abstractmethod
    def part(self, a: Expr, t: Expr, n: int) -> Expr:
        """E_j, the part of one output in the loss of one sample."""

    @abstractmethod
    def derivative(self, a: Expr, t: Expr, n: int, at_kink: AtKink) -> Expr:
        """∂E_j/∂a as a textbook writes it."""

    def shortcut(self, activation: Activation, as_: Sequence[Expr], ts: Sequence[Expr], j: int) -> tuple[Expr, ...]:
        """∂E/∂z_j of one sample where the activation's derivative cancels: the steps of the cancellation, result last.

        Empty where nothing cancels. It holds for targets that sum up to 1 where ``needs_unit_sum`` says so.
        """
        return ()

    needs_unit_sum: ClassVar[bool] = False
    targets: ClassVar[str] = "any number"

    def takes(self, t: fmpq) -> bool:
        """Whether ``t`` may be a target: one of ``targets``."""
        return True


def _squared(a: Expr, t: Expr) -> Expr:
    return Pow(Sum((t, Neg(a))), 2)


class HalfSquaredError(Loss):
    """E = ½ Σ (t − a)²,  ∂E/∂a = a − t"""

    name = "half_squared_error"
    aliases = ("half_sse",)

    def part(self, a: Expr, t: Expr, n: int) -> Expr:
        return Prod((HALF, _squared(a, t)))

    def derivative(self, a: Expr, t: Expr, n: int, at_kink: AtKink) -> Expr:
        return Sum((a, Neg(t)))


class SquaredError(Loss):
    """E = Σ (t − a)²,  ∂E/∂a = 2 (a − t)"""

    name = "squared_error"
    aliases = ("sse",)

    def part(self, a: Expr, t: Expr, n: int) -> Expr:
        return _squared(a, t)

    def derivative(self, a: Expr, t: Expr, n: int, at_kink: AtKink) -> Expr:
        return Prod((TWO, Sum((a, Neg(t)))))


class MeanSquaredError(Loss):
    """E = (1/n) Σ (t − a)²,  ∂E/∂a = (2/n) (a − t)"""

    name = "mean_squared_error"
    aliases = ("mse",)

    def part(self, a: Expr, t: Expr, n: int) -> Expr:
        return _squared(a, t) if n == 1 else Prod((Frac(ONE, Num.of(n)), _squared(a, t)))

    def derivative(self, a: Expr, t: Expr, n: int, at_kink: AtKink) -> Expr:
        factor = TWO if n == 1 else Frac(TWO, Num.of(n))
        return Prod((factor, Sum((a, Neg(t)))))


class AbsoluteError(Loss):
    """E = Σ |t − a|,  ∂E/∂a = sign(a − t), by convention where a = t"""

    name = "absolute_error"
    aliases = ("mae", "l1")

    @property
    def kinks(self) -> tuple[str, ...]:
        return ("kinks",)

    def part(self, a: Expr, t: Expr, n: int) -> Expr:
        return Call("abs", (Sum((t, Neg(a))),))

    def derivative(self, a: Expr, t: Expr, n: int, at_kink: AtKink) -> Expr:
        return _sign(Sum((a, Neg(t))), at_kink)


def _sign(of: Expr, at_kink: AtKink) -> Expr:
    return Cases(Call("sign", (of,)), on=of, above=ONE, at=Num(at_kink("kinks")), below=Neg(ONE))


class BinaryCrossEntropy(Loss):
    """E = −Σ [t ln a + (1 − t) ln(1 − a)],  ∂E/∂a = (a − t) / (a (1 − a))"""

    name = "binary_cross_entropy"
    targets = "a number from 0 to 1"
    aliases = ("bce",)

    def takes(self, t: fmpq) -> bool:
        return bool(0 <= t <= 1)

    def part(self, a: Expr, t: Expr, n: int) -> Expr:
        one = Prod((t, Call("ln", (a,))))
        other = Prod((Sum((ONE, Neg(t))), Call("ln", (Sum((ONE, Neg(a))),))))
        return Neg(Sum((one, other)))

    def derivative(self, a: Expr, t: Expr, n: int, at_kink: AtKink) -> Expr:
        return Frac(Sum((a, Neg(t))), Prod((a, Sum((ONE, Neg(a))))))

    def shortcut(self, activation: Activation, as_: Sequence[Expr], ts: Sequence[Expr], j: int) -> tuple[Expr, ...]:
        return (Sum((as_[j], Neg(ts[j]))),) if isinstance(activation, Sigmoid) else ()


class CrossEntropy(Loss):
    """E = −Σ t ln a,  ∂E/∂a = −t / a"""

    name = "cross_entropy"
    targets = "a number from 0 to 1"
    aliases = ("categorical_cross_entropy", "ce")

    def takes(self, t: fmpq) -> bool:
        return bool(0 <= t <= 1)

    def part(self, a: Expr, t: Expr, n: int) -> Expr:
        return Neg(Prod((t, Call("ln", (a,)))))

    def derivative(self, a: Expr, t: Expr, n: int, at_kink: AtKink) -> Expr:
        return Neg(Frac(t, a))

    needs_unit_sum = True

    def shortcut(self, activation: Activation, as_: Sequence[Expr], ts: Sequence[Expr], j: int) -> tuple[Expr, ...]:
        if not isinstance(activation, Softmax) or len(as_) == 1:
            return ()
        own = Neg(Prod((ts[j], Sum((ONE, Neg(as_[j]))))))
        cancelled = Sum(tuple(own if k == j else Prod((t, as_[j])) for k, t in enumerate(ts)))
        collected = Sum((Prod((as_[j], Sum(tuple(ts)))), Neg(ts[j])))
        return cancelled, collected, Sum((as_[j], Neg(ts[j])))


class Hinge(Loss):
    """E = Σ max(0, 1 − t a) with t = ±1,  ∂E/∂a = −t where t a < 1, else 0, by convention where t a = 1"""

    name = "hinge"
    targets = "1 or -1"

    @property
    def kinks(self) -> tuple[str, ...]:
        return ("kinks",)

    def takes(self, t: fmpq) -> bool:
        return bool(abs(t) == 1)

    def part(self, a: Expr, t: Expr, n: int) -> Expr:
        return Call("max", (ZERO, self._margin(a, t)))

    def derivative(self, a: Expr, t: Expr, n: int, at_kink: AtKink) -> Expr:
        margin = self._margin(a, t)
        inside = Cases(Call("max'", (ZERO, margin)), on=margin, above=ONE, at=Num(at_kink("kinks")), below=ZERO)
        return Neg(Prod((t, inside)))

    @staticmethod
    def _margin(a: Expr, t: Expr) -> Expr:
        return Sum((ONE, Neg(Prod((t, a)))))


@dataclass(frozen=True)
class Huber(Loss):
    """E = Σ ½ d² where |d| ≤ δ, else δ (|d| − δ/2), d = t − a;  ∂E/∂a = a − t where |d| ≤ δ, else δ sign(a − t)"""

    name = "huber"
    delta: Exact = Exact.read("1")

    def __post_init__(self) -> None:
        if self.delta.value <= 0:
            raise ValueError(f"delta: {self.delta} found, a number above 0 needed")

    def part(self, a: Expr, t: Expr, n: int) -> Expr:
        delta, size = Num(self.delta.shown), Call("abs", (Sum((t, Neg(a))),))
        near = Prod((HALF, _squared(a, t)))
        far = Prod((delta, Sum((size, Neg(Frac(delta, TWO))))))
        return Cases(Call("huber", (Sum((t, Neg(a))),)), on=Sum((size, Neg(delta))), above=far, at=near, below=near)

    def derivative(self, a: Expr, t: Expr, n: int, at_kink: AtKink) -> Expr:
        delta, d = Num(self.delta.shown), Sum((a, Neg(t)))
        far = Prod((delta, _sign(d, lambda _: Shown("0"))))  # far from a = t, so its kink is never met
        outside = Sum((Call("abs", (d,)), Neg(delta)))
        return Cases(Call("huber'", (d,)), on=outside, above=far, at=d, below=d)


LOSSES: tuple[type[Loss], ...] = (
    HalfSquaredError,
    SquaredError,
    MeanSquaredError,
    AbsoluteError,
    BinaryCrossEntropy,
    CrossEntropy,
    Hinge,
    Huber,
)
