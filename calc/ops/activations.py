"""Activation functions a = f(z) of one unit.

z    pre-activation, any real number
a    activation, e.g. a^(1)_1 = 0.7503

To add one: write a class with its formula and textbook derivative and put it into ACTIVATIONS.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from calc.expr import Call, Cases, Expr, Neg, Num, Pow, Prod, Sum
from calc.number import Shown


class Activation(ABC):
    """One activation function; an instance carries its parameters."""

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))

    @abstractmethod
    def formula(self, z: Expr) -> Expr:
        """f(z)."""

    @abstractmethod
    def derivative(self, z: Expr, a: Expr, at_zero: Shown) -> Expr:
        """f′(z) as a textbook writes it, with the output ``a`` where that is shorter; ``at_zero``: at a kink."""

    has_kink: ClassVar[bool] = False


class Identity(Activation):
    """a = z,  a′ = 1"""

    name = "identity"
    aliases = ("linear", "none")

    def formula(self, z: Expr) -> Expr:
        return z

    def derivative(self, z: Expr, a: Expr, at_zero: Shown) -> Expr:
        return Num.of(1)


class Sigmoid(Activation):
    """a = σ(z) = 1 / (1 + e^(−z)),  a′ = a (1 − a)"""

    name = "sigmoid"
    aliases = ("logistic",)

    def formula(self, z: Expr) -> Expr:
        return Call("sigmoid", (z,))

    def derivative(self, z: Expr, a: Expr, at_zero: Shown) -> Expr:
        return Prod((a, Sum((Num.of(1), Neg(a)))))  # a, not z: σ′ is written with the output, as on paper


class Tanh(Activation):
    """a = tanh z,  a′ = 1 − a²"""

    name = "tanh"

    def formula(self, z: Expr) -> Expr:
        return Call("tanh", (z,))

    def derivative(self, z: Expr, a: Expr, at_zero: Shown) -> Expr:
        return Sum((Num.of(1), Neg(Pow(a, 2))))


class Relu(Activation):
    """a = max(0, z),  a′ = 1 for z > 0, 0 for z < 0, and by convention 0, 1/2 or 1 at z = 0"""

    name = "relu"
    has_kink = True

    def formula(self, z: Expr) -> Expr:
        return Call("relu", (z,))

    def derivative(self, z: Expr, a: Expr, at_zero: Shown) -> Expr:
        return Cases(Call("relu'", (z,)), on=z, above=Num.of(1), at=Num(at_zero), below=Num.of(0))


ACTIVATIONS: tuple[type[Activation], ...] = (Identity, Sigmoid, Tanh, Relu)
