"""Activation functions a = f(z) of one unit.

z    pre-activation, any real number
a    activation, e.g. a^(1)_1 = 0.7503

To add one: write a class with its formula and textbook derivative and put it into ACTIVATIONS.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from calc.errors import UnsupportedError
from calc.expr import AtKink, Call, Cases, Expr, Frac, Name, Neg, Num, Pow, Prod, Sum
from calc.number import Exact

ONE, TWO, HALF = Num.of(1), Num.of(2), Frac(Num.of(1), Num.of(2))


@dataclass(frozen=True)
class Activation(ABC):
    """One activation function; an instance carries its parameters as fields."""

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()

    saturates: ClassVar[bool] = False  # far from 0 its slope vanishes, on both sides

    own: ClassVar[bool] = False  # a formula of the author's: it has no name but f

    @property
    def kinks(self) -> tuple[str, ...]:
        """The conventions that settle its derivative at kinks."""
        return ()

    @abstractmethod
    def formula(self, z: Expr) -> Expr:
        """f(z)."""

    @abstractmethod
    def derivative(self, z: Expr, a: Expr, at_kink: AtKink) -> Expr:
        """f′(z) as a textbook writes it, with the output ``a`` where that is shorter.

        Args:
            at_kink: the derivative at a kink by the name of the convention that settles it.
        """

    def unit(
        self, zs: Sequence[Name], as_: Sequence[Name], j: int, at_kink: AtKink
    ) -> tuple[Expr, list[tuple[Name, Expr]]]:
        """Formula of unit j (from 0) of a layer, and its derivatives by the pre-activations it depends on."""
        return self.formula(zs[j]), [(zs[j], self.derivative(zs[j], as_[j], at_kink))]


class Identity(Activation):
    """a = z,  a′ = 1"""

    name = "identity"
    aliases = ("linear", "none")

    def formula(self, z: Expr) -> Expr:
        return z

    def derivative(self, z: Expr, a: Expr, at_kink: AtKink) -> Expr:
        return ONE


class Sigmoid(Activation):
    """a = σ(z) = 1 / (1 + e^(−z)),  a′ = a (1 − a)"""

    name = "sigmoid"
    aliases = ("logistic",)
    saturates = True

    def formula(self, z: Expr) -> Expr:
        return Call("sigmoid", (z,))

    def derivative(self, z: Expr, a: Expr, at_kink: AtKink) -> Expr:
        return Prod((a, Sum((ONE, Neg(a)))))  # a, not z: σ′ is written with the output, as on paper


class BipolarSigmoid(Activation):
    """a = 2 σ(z) − 1,  a′ = ½ (1 + a)(1 − a)"""

    name = "bipolar_sigmoid"
    saturates = True

    def formula(self, z: Expr) -> Expr:
        return Sum((Prod((TWO, Call("sigmoid", (z,)))), Neg(ONE)))

    def derivative(self, z: Expr, a: Expr, at_kink: AtKink) -> Expr:
        return Prod((HALF, Sum((ONE, a)), Sum((ONE, Neg(a)))))


class Tanh(Activation):
    """a = tanh z,  a′ = 1 − a²"""

    name = "tanh"
    saturates = True

    def formula(self, z: Expr) -> Expr:
        return Call("tanh", (z,))

    def derivative(self, z: Expr, a: Expr, at_kink: AtKink) -> Expr:
        return Sum((ONE, Neg(Pow(a, 2))))


class Relu(Activation):
    """a = max(0, z),  a′ = 1 for z > 0, 0 for z < 0, and by convention 0, 1/2 or 1 at z = 0"""

    name = "relu"

    @property
    def kinks(self) -> tuple[str, ...]:
        return ("relu_at_zero",)

    def formula(self, z: Expr) -> Expr:
        return Call("relu", (z,))

    def derivative(self, z: Expr, a: Expr, at_kink: AtKink) -> Expr:
        return Cases(Call("relu'", (z,)), on=z, above=ONE, at=Num(at_kink("relu_at_zero")), below=Num.of(0))


@dataclass(frozen=True)
class LeakyRelu(Activation):
    """a = z for z > 0, else α z;  a′ = 1 for z > 0, α for z < 0, and by convention at z = 0"""

    name = "leaky_relu"
    alpha: Exact = Exact.read("0.01")

    @property
    def kinks(self) -> tuple[str, ...]:
        return ("kinks",)

    def formula(self, z: Expr) -> Expr:
        leak = Prod((Num(self.alpha.shown), z))
        return Cases(Call("leaky_relu", (z,)), on=z, above=z, at=z, below=leak)

    def derivative(self, z: Expr, a: Expr, at_kink: AtKink) -> Expr:
        return Cases(Call("leaky_relu'", (z,)), on=z, above=ONE, at=Num(at_kink("kinks")), below=Num(self.alpha.shown))


@dataclass(frozen=True)
class Elu(Activation):
    """a = z for z > 0, else α (e^z − 1);  a′ = 1 for z > 0, else a + α; where α ≠ 1, by convention at z = 0"""

    name = "elu"
    alpha: Exact = Exact.read("1")

    @property
    def kinks(self) -> tuple[str, ...]:
        return () if self.alpha.value == 1 else ("kinks",)  # with α = 1 both sides meet

    def formula(self, z: Expr) -> Expr:
        curve = Sum((Call("exp", (z,)), Neg(ONE)))
        bend = curve if self.alpha.value == 1 else Prod((Num(self.alpha.shown), curve))
        return Cases(Call("elu", (z,)), on=z, above=z, at=z, below=bend)

    def derivative(self, z: Expr, a: Expr, at_kink: AtKink) -> Expr:
        at = Num(at_kink("kinks")) if self.kinks else ONE
        return Cases(Call("elu'", (z,)), on=z, above=ONE, at=at, below=Sum((a, Num(self.alpha.shown))))


class Softplus(Activation):
    """a = ln(1 + e^z),  a′ = σ(z)"""

    name = "softplus"

    def formula(self, z: Expr) -> Expr:
        return Call("ln", (Sum((ONE, Call("exp", (z,)))),))

    def derivative(self, z: Expr, a: Expr, at_kink: AtKink) -> Expr:
        return Call("sigmoid", (z,))


class Silu(Activation):
    """a = z σ(z),  a′ = a + σ(z)(1 − a)"""

    name = "silu"
    aliases = ("swish",)

    def formula(self, z: Expr) -> Expr:
        return Prod((z, Call("sigmoid", (z,))))

    def derivative(self, z: Expr, a: Expr, at_kink: AtKink) -> Expr:
        return Sum((a, Prod((Call("sigmoid", (z,)), Sum((ONE, Neg(a)))))))


class Gelu(Activation):
    """a = z (1 + erf(z/√2)) / 2,  a′ = (1 + erf(z/√2)) / 2 + z e^(−z²/2) / √(2π)   (Hendrycks & Gimpel 2016)"""

    name = "gelu"

    def formula(self, z: Expr) -> Expr:
        return Prod((z, self._normal(z)))

    def derivative(self, z: Expr, a: Expr, at_kink: AtKink) -> Expr:
        bell = Call("exp", (Neg(Frac(Pow(z, 2), TWO)),))
        return Sum((self._normal(z), Frac(Prod((z, bell)), Call("sqrt", (Prod((TWO, Call("pi", ()))),)))))

    @staticmethod
    def _normal(z: Expr) -> Expr:
        """Φ(z), the distribution function of the normal distribution."""
        return Prod((HALF, Sum((ONE, Call("erf", (Frac(z, Call("sqrt", (TWO,))),))))))


class Softmax(Activation):
    """a_j = e^(z_j) / Σ_k e^(z_k),  ∂a_j/∂z_j = a_j (1 − a_j),  ∂a_j/∂z_k = −a_j a_k"""

    name = "softmax"

    def formula(self, z: Expr) -> Expr:
        return ONE  # of a single unit

    def derivative(self, z: Expr, a: Expr, at_kink: AtKink) -> Expr:
        return Num.of(0)

    def unit(
        self, zs: Sequence[Name], as_: Sequence[Name], j: int, at_kink: AtKink
    ) -> tuple[Expr, list[tuple[Name, Expr]]]:
        if len(zs) == 1:
            return super().unit(zs, as_, j, at_kink)
        formula = Frac(Call("exp", (zs[j],)), Sum(tuple(Call("exp", (z,)) for z in zs)))
        derivatives: list[tuple[Name, Expr]] = []
        for k, z in enumerate(zs):
            same = Prod((as_[j], Sum((ONE, Neg(as_[j])))))
            derivatives.append((z, same if k == j else Neg(Prod((as_[j], as_[k])))))
        return formula, derivatives


ACTIVATIONS: tuple[type[Activation], ...] = (
    Identity,
    Sigmoid,
    BipolarSigmoid,
    Tanh,
    Relu,
    LeakyRelu,
    Elu,
    Softplus,
    Silu,
    Gelu,
    Softmax,
)


class Threshold(Activation):
    """An activation without a derivative: no gradient passes it, only the perceptron rule or the delta rule."""

    def derivative(self, z: Expr, a: Expr, at_kink: AtKink) -> Expr:
        raise UnsupportedError(f"{self.name} has no derivative")

    def unit(
        self, zs: Sequence[Name], as_: Sequence[Name], j: int, at_kink: AtKink
    ) -> tuple[Expr, list[tuple[Name, Expr]]]:
        return self.formula(zs[j]), []


class Step(Threshold):
    """a = 1 for z ≥ 0, else 0"""

    name = "step"
    aliases = ("heaviside", "threshold")

    def formula(self, z: Expr) -> Expr:
        return Cases(Call("step", (z,)), on=z, above=ONE, at=ONE, below=Num.of(0))


class Sign(Threshold):
    """a = 1 for z > 0, 0 for z = 0, −1 for z < 0"""

    name = "sign"
    aliases = ("sgn",)

    def formula(self, z: Expr) -> Expr:
        return Cases(Call("sign", (z,)), on=z, above=ONE, at=Num.of(0), below=Num.of(-1))


THRESHOLDS: tuple[type[Threshold], ...] = (Step, Sign)
