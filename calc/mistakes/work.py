"""What a mal-rule looks at, and what it is.

z    pre-activation of a unit        U    dE/da, what arrives at a unit
a    its activation                  f′   da/dz
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

from calc.expr import (
    Call,
    Cases,
    Expr,
    Frac,
    Name,
    Neg,
    Num,
    Partial,
    Pow,
    Prod,
    Sum,
    children,
    quantities,
    rename,
    sum_of,
)
from calc.graph import Graph, Node, delta_of
from calc.network import Layer, Network
from calc.penalty import DATA, PENALTY
from calc.problem import Problem
from calc.steps import Step, consumers_of

ZERO, ONE, TWO, HALF = Num.of(0), Num.of(1), Num.of(2), Frac(Num.of(1), Num.of(2))
FEW = 3  # others that a unit, an input or a sample is mistaken for: the nearest


@dataclass(frozen=True)
class Work:
    """One way of writing one update: what a mal-rule may look at besides the step.

    steps     by id, in order: those of the chain, the delta or the matrix way
    changes   what has been found of them so far: by id the name of each mistake with a changed expression
    """

    problem: Problem
    graph: Graph
    steps: Mapping[str, Step]
    changes: dict[str, tuple[tuple[str, Expr], ...]] = field(default_factory=dict, compare=False)

    @cached_property
    def network(self) -> Network | None:
        """The problem where it has layers."""
        return self.problem if isinstance(self.problem, Network) else None

    @cached_property
    def nodes(self) -> Mapping[Name, Node]:
        """The forward pass by name."""
        return {node.name: node for node in self.graph.nodes}

    @cached_property
    def consumers(self) -> Mapping[Name, Sequence[tuple[Name, Expr]]]:
        """By quantity v every u that is computed from it, with du/dv."""
        return consumers_of(self.graph)

    def knows(self, expr: Expr) -> bool:
        """Whether everything in a formula has a value."""
        return all(quantity.id in self.steps or quantity.id in self.graph.given for quantity in quantities(expr))

    def layer(self, of: Name) -> Layer:
        """The layer that a unit's quantity belongs to."""
        assert self.network is not None
        assert of.layer is not None
        return self.network.layers[of.layer - 1]

    @property
    def sequential(self) -> bool:
        """Whether the deltas of a layer are worked with the updated weights of the one above it."""
        return self.problem.conventions.update_order == "sequential"

    @cached_property
    def samples(self) -> list[int]:
        """The samples of the update where there are several, by their numbers."""
        return [s for s in self.graph.samples if s is not None] if len(self.graph.samples) > 1 else []

    @cached_property
    def share(self) -> Expr:
        """What a sample counts in the loss: 1, or one in so many where it is their mean."""
        mean = self.network is not None and self.network.reduction == "mean" and self.samples
        return Frac(ONE, Num.of(len(self.samples))) if mean else ONE

    # --- the backward pass of a network ------------------------------------------------------------------------------

    def unit_of(self, step: Step) -> Name | None:
        """The z whose delta a step works: dE/dz, or −dE/dz where delta has that sign."""
        result = step.result
        if self.network is None:
            return None
        if isinstance(result, Name):
            return Name("z", result.layer, result.index, result.sample) if step.kind == "delta" else None
        assert isinstance(result, Partial)
        return result.by if result.of == self.graph.loss and result.by.kind == "z" and result.via is None else None

    def parameter_of(self, step: Step) -> Name | None:
        """The w or b whose gradient, or a sample's term of it, a step works."""
        result = step.result
        if self.network is None or not isinstance(result, Partial) or result.of not in (self.graph.loss, DATA):
            return None
        return result.by if result.by.kind in ("w", "b") else None

    def delta(self, z: Name) -> Expr:
        """dE/dz as later lines use it."""
        delta = delta_of(z)
        return Neg(delta) if delta.id in self.steps else Partial(self.graph.loss, z)

    def arriving(self, z: Name) -> Partial:
        """U = dE/da of the unit with the pre-activation z."""
        return Partial(self.graph.loss, activation_of(z))

    def slope(self, z: Name) -> Partial:
        """f′ = da/dz of that unit; of a layer whose units hang together the part that is its own."""
        return Partial(activation_of(z), z)

    def bends(self, z: Name) -> bool:
        """Whether f′ is met on the way to z, and is not just 1."""
        slope = self.steps.get(self.slope(z).id)
        return not self.cancels(z) and slope is not None and slope.expr != ONE

    def cancels(self, z: Name) -> bool:
        """Whether loss and activation cancel at an output unit, so that f′ is not met."""
        return z in self.graph.shortcuts

    def coupled(self, z: Name) -> bool:
        """Whether the units of the layer hang together, so that z enters several of them."""
        return len(self.consumers.get(z, ())) > 1

    def is_output(self, name: Name) -> bool:
        """Whether a quantity is that of an output unit."""
        return name.layer == self.graph.depth

    def above(self, a: Name) -> list[tuple[Name, Name]]:
        """Each z that a hidden unit enters, with the weight that the backward pass takes there."""
        taken = [(z, self.steps[Partial(z, a).id].expr) for z, _ in self.consumers.get(a, ()) if z.kind == "z"]
        return [(z, weight) for z, weight in taken if isinstance(weight, Name)]

    def gradient(self, step: Step, w: Name, term: Callable[[Name, Expr], Expr], penalty: Expr | None = None) -> Expr:
        """dE/dw, or a sample's term of it, with another ``term`` of each z that w enters, given z and dz/dw.

        Args:
            penalty: instead of the penalty's own term, where there is one. A term that is 0 is left out.
        """
        sample = step.result.sample if isinstance(step.result, Partial) else None
        terms = [term(z, local) for z, local in self.consumers[w] if sample is None or z.sample == sample]
        if step.kind == "gradient" and w in self.graph.penalties:
            terms.append(Partial(PENALTY, w) if penalty is None else penalty)
        return sum_of([one for one in terms if one != ZERO] or [ZERO])


def signed(step: Step, expr: Expr) -> Expr:
    """An expression of dE/dz as a step for delta has it."""
    return Neg(expr) if step.kind == "delta" else expr


@dataclass(frozen=True)
class Received:
    """What a hidden unit receives: each z it enters with the weight there, and what is made of the paths' terms."""

    paths: Sequence[tuple[Name, Name]]
    sum: Callable[[Sequence[Expr]], Expr]


def received(step: Step, work: Work) -> Received | None:
    """The paths to a hidden unit that a step works: dE/da, one path's part of it, or dE/dz."""
    z, result = work.unit_of(step), step.result
    if z is not None:
        paths = work.above(activation_of(z))
        if not paths or work.coupled(z):
            return None
        return Received(paths, lambda terms: signed(step, product(work.slope(z), sum_of(terms))))
    if work.network is None or not isinstance(result, Partial) or result.of != work.graph.loss:
        return None
    if result.by.kind != "a" or work.is_output(result.by):
        return None
    paths = [(above, w) for above, w in work.above(result.by) if result.via is None or above == result.via]
    return Received(paths, sum_of)


def activation_of(z: Name) -> Name:
    """a of z."""
    return Name("a", z.layer, z.index, z.sample, z.updated)


def is_weight(quantity: Expr) -> bool:
    """Whether a quantity is a weight, looked ahead to or not."""
    return isinstance(quantity, Name) and quantity.kind in ("w", "ahead.w")


class Mistake(ABC):
    """A mal-rule: what somebody works instead of a step's own expression.

    To add one: write a class with its changed expressions and put it into MISTAKES, and what is said of it into
    templates/wording: mistake.<name>.what and mistake.<name>.hint.
    """

    name: ClassVar[str]

    def changed(self, step: Step, work: Work) -> Iterator[Expr]:
        """What the step's expression is taken for; nothing where the mistake cannot be made.

        A changed expression may hold any other quantity of the update, also one of later lines such as w'. One that
        speaks of a quantity that the problem does not have, such as a weight of a matrix that is not square, is none.
        """
        for expr in self.instead(step, work):
            if expr != step.expr and work.knows(expr) and step.result not in quantities(expr):
                yield expr

    @abstractmethod
    def instead(self, step: Step, work: Work) -> Iterable[Expr]:
        """The changed expressions, over quantities that there may not be."""


class NetworkMistake(Mistake):
    """A mal-rule of layers and units, which a graph of one's own formulas has not."""

    def changed(self, step: Step, work: Work) -> Iterator[Expr]:
        if work.network is not None:
            yield from super().changed(step, work)


# --- expressions changed in places -----------------------------------------------------------------------------------


def anywhere(expr: Expr, change: Callable[[Expr], Iterable[Expr]]) -> Iterator[Expr]:
    """The same formula with one of its parts changed, for every part and every change of it."""
    yield from change(expr)
    inner = children(expr)
    for i, part in enumerate(inner):
        for other in anywhere(part, change):
            yield _of(expr, (*inner[:i], other, *inner[i + 1 :]))


def everywhere(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The same formula with all of its parts changed, the inner ones first."""
    return change(_of(expr, tuple(everywhere(part, change) for part in children(expr))))


def _of(expr: Expr, inner: tuple[Expr, ...]) -> Expr:
    """The same operation done with other parts."""
    match expr:
        case Sum():
            return Sum(inner)
        case Prod(_, sign):
            return Prod(inner, sign)
        case Call(function):
            return Call(function, inner)
        case Neg():
            return Neg(*inner)
        case Frac():
            return Frac(*inner)
        case Pow(_, exponent):
            return Pow(inner[0], exponent if isinstance(exponent, int) else inner[1])
        case Cases(head):
            return Cases(head, *inner)
    return expr


def renamed(expr: Expr, new: Callable[[Name], Expr]) -> Expr:
    """The same formula over other names; derivatives in it stay."""
    return rename(expr, lambda quantity: new(quantity) if isinstance(quantity, Name) else quantity)


def exchanged(expr: Expr, new: Mapping[Name, Expr]) -> Expr:
    """The same formula with other quantities in the place of some."""
    return renamed(expr, lambda name: new.get(name, name))


def terms_of(expr: Expr) -> tuple[Expr, ...]:
    """The terms of a sum; any other formula is one term."""
    return expr.terms if isinstance(expr, Sum) else (expr,)


def factors_of(expr: Expr) -> tuple[Expr, ...]:
    """The factors of a product; any other formula is one factor."""
    return expr.factors if isinstance(expr, Prod) else (expr,)


def without_one(parts: Sequence[Expr]) -> Iterator[tuple[Expr, ...]]:
    """All but one of the parts, for each of them; nothing where there is just one."""
    if len(parts) > 1:
        for i in range(len(parts)):
            yield (*parts[:i], *parts[i + 1 :])


def product(*factors: Expr) -> Expr:
    """The product of one or more factors, a factor 1 left out."""
    kept = [factor for factor in factors if factor != ONE]
    return Prod(tuple(kept)) if len(kept) > 1 else kept[0] if kept else ONE


def without_ones(expr: Expr) -> Expr:
    """The same formula without its factors 1."""
    return everywhere(
        expr, lambda part: product(*part.factors) if isinstance(part, Prod) and ONE in part.factors else part
    )


def others(number: int | str, count: int) -> list[int]:
    """The other numbers from 1 to ``count``, the nearest few."""
    assert isinstance(number, int)
    near = sorted(range(1, count + 1), key=lambda other: (abs(other - number), other))
    return near[1 : FEW + 1]
