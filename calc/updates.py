"""How a parameter changes: new state and change as expressions of the gradient.

w    a parameter, e.g. w^(2)_11
g    its gradient dE/dw
η    learning rate
m, v, s    state kept from update to update, 0 at first; m', v', s' the new one
w̃    where nesterov takes the gradient, id ahead.w2_1_1; as w + βv it has the same derivatives as w

To add one: write a class with its steps and put it into UPDATES.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from calc.expr import Call, Expr, Frac, Name, Neg, Num, Pow, Prod, Quantity, Sum
from calc.number import Exact

ONE = Num.of(1)


def change_of(parameter: Name) -> Name:
    """Dw of w."""
    return Name(f"D{parameter.kind}", parameter.layer, parameter.index)


def state_of(letter: str, parameter: Name) -> Name:
    """v.w of w."""
    return Name(f"{letter}.{parameter.kind}", parameter.layer, parameter.index)


def ahead_of(parameter: Name) -> Name:
    """ahead.w of w: where the gradient is taken by an optimiser that looks ahead."""
    return state_of("ahead", parameter)


@dataclass(frozen=True)
class Update(ABC):
    """One optimiser; an instance carries its parameters as fields."""

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    state: ClassVar[tuple[str, ...]] = ()  # the letters of what it keeps

    @abstractmethod
    def steps(self, w: Name, g: Quantity, rate: Expr, count: int) -> Iterator[tuple[Quantity, Expr]]:
        """What is computed for one parameter, in order; the last is its change Dw.

        Args:
            count: which update it is, counted from 1.
        """

    def look_ahead(self, w: Name) -> Expr | None:
        """Where the forward and the backward pass take the parameter; None where they take it as it is."""
        return None

    def _field(self, name: str) -> Num:
        number: Exact = getattr(self, name)
        return Num(number.shown)


def _average(beta: Num, old: Name, new: Expr) -> Expr:
    """β old + (1 − β) new"""
    return Sum((Prod((beta, old)), Prod((Sum((ONE, Neg(beta))), new))))


class Sgd(Update):
    """w′ = w − η g"""

    name = "sgd"
    aliases = ("gradient_descent",)

    def steps(self, w: Name, g: Quantity, rate: Expr, count: int) -> Iterator[tuple[Quantity, Expr]]:
        yield change_of(w), Neg(Prod((rate, g), "·"))


@dataclass(frozen=True)
class Momentum(Update):
    """v′ = β v − η g,  w′ = w + v′   (Polyak 1964; as in Sutskever et al. 2013)"""

    name = "momentum"
    state = ("v",)
    beta: Exact = Exact.read("0.9")

    def steps(self, w: Name, g: Quantity, rate: Expr, count: int) -> Iterator[tuple[Quantity, Expr]]:
        v = state_of("v", w)
        yield v.after_update(), Sum((Prod((self._field("beta"), v), "·"), Neg(Prod((rate, g), "·"))))
        yield change_of(w), v.after_update()


@dataclass(frozen=True)
class Nesterov(Momentum):
    """w̃ = w + β v,  v′ = β v − η g with g taken at w̃,  w′ = w + v′   (Nesterov 1983; as in Sutskever et al. 2013)"""

    name = "nesterov"
    aliases = ("nag",)

    def look_ahead(self, w: Name) -> Expr:
        return Sum((w, Prod((self._field("beta"), state_of("v", w)), "·")))


@dataclass(frozen=True)
class Adagrad(Update):
    """s′ = s + g²,  w′ = w − η g / (√s′ + ε)   (Duchi, Hazan & Singer 2011)"""

    name = "adagrad"
    state = ("s",)
    epsilon: Exact = Exact.read("1e-8")

    def steps(self, w: Name, g: Quantity, rate: Expr, count: int) -> Iterator[tuple[Quantity, Expr]]:
        s = state_of("s", w)
        yield s.after_update(), Sum((s, Pow(g, 2)))
        yield change_of(w), _scaled(rate, g, s.after_update(), self._field("epsilon"))


@dataclass(frozen=True)
class Rmsprop(Update):
    """s′ = β s + (1 − β) g²,  w′ = w − η g / (√s′ + ε)   (Tieleman & Hinton 2012)"""

    name = "rmsprop"
    state = ("s",)
    beta: Exact = Exact.read("0.9")
    epsilon: Exact = Exact.read("1e-8")

    def steps(self, w: Name, g: Quantity, rate: Expr, count: int) -> Iterator[tuple[Quantity, Expr]]:
        s = state_of("s", w)
        yield s.after_update(), _average(self._field("beta"), s, Pow(g, 2))
        yield change_of(w), _scaled(rate, g, s.after_update(), self._field("epsilon"))


def _scaled(rate: Expr, g: Quantity, s: Name, epsilon: Num) -> Expr:
    """−η g / (√s + ε)"""
    return Neg(Prod((rate, Frac(g, Sum((Call("sqrt", (s,)), epsilon)))), "·"))


@dataclass(frozen=True)
class Adam(Update):
    """m′ = β₁ m + (1 − β₁) g,  v′ = β₂ v + (1 − β₂) g²,  m̂ = m′ / (1 − β₁ᵗ),  v̂ = v′ / (1 − β₂ᵗ),
    w′ = w − η m̂ / (√v̂ + ε)   (Kingma & Ba 2015)"""

    name = "adam"
    state = ("m", "v")
    beta1: Exact = Exact.read("0.9")
    beta2: Exact = Exact.read("0.999")
    epsilon: Exact = Exact.read("1e-8")

    def steps(self, w: Name, g: Quantity, rate: Expr, count: int) -> Iterator[tuple[Quantity, Expr]]:
        m, v, m_hat, v_hat = (state_of(letter, w) for letter in ("m", "v", "mhat", "vhat"))
        beta1, beta2 = self._field("beta1"), self._field("beta2")
        yield m.after_update(), _average(beta1, m, g)
        yield v.after_update(), _average(beta2, v, Pow(g, 2))
        yield m_hat, Frac(m.after_update(), Sum((ONE, Neg(_power(beta1, count)))))
        yield v_hat, Frac(v.after_update(), Sum((ONE, Neg(_power(beta2, count)))))
        yield change_of(w), self.change(w, m_hat, v_hat, rate)

    def change(self, w: Name, m_hat: Name, v_hat: Name, rate: Expr) -> Expr:
        """−η m̂ / (√v̂ + ε)"""
        return _scaled(rate, m_hat, v_hat, self._field("epsilon"))


@dataclass(frozen=True)
class AdamW(Adam):
    """adam, then − η λ w: decoupled weight decay   (Loshchilov & Hutter 2019)"""

    name = "adamw"
    weight_decay: Exact = Exact.read("0.01")

    def change(self, w: Name, m_hat: Name, v_hat: Name, rate: Expr) -> Expr:
        decay = Prod((rate, self._field("weight_decay"), w), "·")
        return Sum((super().change(w, m_hat, v_hat, rate), Neg(decay)))


def _power(base: Num, exponent: int) -> Expr:
    return base if exponent == 1 else Pow(base, exponent)


UPDATES: tuple[type[Update], ...] = (Sgd, Momentum, Nesterov, Adagrad, Rmsprop, Adam, AdamW)


def letters(updates: Sequence[type[Update]] = UPDATES) -> set[str]:
    """Every letter that some optimiser keeps."""
    return {letter for update in updates for letter in update.state}
