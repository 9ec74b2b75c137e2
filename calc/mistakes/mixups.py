"""Mistakes in which one quantity is taken for another: of another unit, input or sample, before f for behind it.

w_ji    weight to unit j from unit i      x@s    input of sample s
"""

from collections.abc import Callable, Iterator
from itertools import combinations

from calc.expr import Expr, Name, Partial, Prod
from calc.mistakes.work import (
    FEW,
    NetworkMistake,
    Work,
    activation_of,
    exchanged,
    is_weight,
    others,
    product,
    received,
    renamed,
    terms_of,
    without_ones,
)
from calc.steps import Step

MOST_EXCHANGED = 4  # inputs that are exchanged with each other


def with_inputs(step: Step, work: Work, new: Callable[[Name], Expr]) -> Iterator[Expr]:
    """A weight's dz/dw, gradient or change with something else for the input that it is proportional to."""

    def other(part: Expr) -> Expr:
        return new(part) if isinstance(part, Name) and part.kind in ("x", "a") else part

    w, result = work.parameter_of(step), step.result
    if w is not None and w.kind == "w":
        yield work.gradient(step, w, lambda z, local: product(work.delta(z), other(local)))
    elif step.kind == "local" and isinstance(result, Partial) and is_weight(result.by):
        yield other(step.expr)
    elif isinstance(result, Name) and step.kind in ("term", "change"):
        yield without_ones(renamed(step.expr, other))  # Δw = η δ x, Δw = η e x


class WrongInput(NetworkMistake):
    """z = w_1 a_2 + w_2 a_1 + b;  dE/dw_1 = delta · a_2"""

    name = "wrong-input"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        if step.kind == "pre-activation":
            inputs = [term.factors[1] for term in terms_of(step.expr) if isinstance(term, Prod)]
            names = [part for part in inputs if isinstance(part, Name)]
            for one, other in combinations(names[:MOST_EXCHANGED], 2):
                yield exchanged(step.expr, {one: other, other: one})
            return
        for distance in (1, -1, 2, -2):

            def moved(name: Name, distance: int = distance) -> Name:
                (i,) = name.index
                assert isinstance(i, int)
                return Name(name.kind, name.layer, (i + distance,), name.sample)

            yield from with_inputs(step, work, moved)


class WrongUnit(NetworkMistake):
    """The number of another unit, or of another unit's weight or bias: a_2 for a_1"""

    name = "wrong-unit"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        result = step.result
        if work.network is None or step.kind not in OF_UNITS:
            return
        if step.kind == "local" and not (isinstance(result, Partial) and result == work.slope(result.by)):
            return
        by = result if isinstance(result, Name) else result.by if isinstance(result, Partial) else None
        if by is None or not by.index or (isinstance(result, Partial) and result.via is not None):
            return
        for j in others(by.index[0], work.network.widths[-1 if by.layer is None else by.layer]):

            def of_unit(name: Name, j: int = j) -> Name:
                return Name(name.kind, name.layer, (j, *name.index[1:]), name.sample, name.updated)

            if isinstance(result, Name):
                yield of_unit(result)
            elif isinstance(result, Partial):
                of = of_unit(result.of) if step.kind == "local" else result.of
                yield Partial(of, of_unit(by), sample=result.sample)


OF_UNITS = ("pre-activation", "activation", "loss-part", "local", "adjoint", "delta", "gradient", "term", "error")


class WrongSample(NetworkMistake):
    """The inputs or the targets of another sample"""

    name = "wrong-sample"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        s = step.result.sample if isinstance(step.result, Name | Partial) else None
        for other in [one for one in work.samples if one != s][:FEW] if s is not None else ():

            def of_other(name: Name, other: int = other) -> Name:
                return name.at(other)

            if step.kind in ("local", "term"):
                yield from with_inputs(step, work, of_other)
            else:
                given = [part for part in step.uses if isinstance(part, Name) and part.kind in ("x", "t")]
                yield exchanged(step.expr, {name: of_other(name) for name in given})


class ForgotActivation(NetworkMistake):
    """z where a belongs: a = z;  z² = Σ w z¹ + b;  t − z;  delta · z"""

    name = "forgot-activation"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def before(name: Name) -> Name:
            return Name("z", name.layer, name.index, name.sample, name.updated) if name.kind == "a" else name

        result = step.result
        of_outputs = step.kind == "adjoint" and isinstance(result, Partial) and result.by.kind == "a"
        if step.kind == "activation" and isinstance(result, Name):
            yield before(result)
        elif of_outputs or step.kind in ("pre-activation", "loss-part", "sample-loss", "loss", "error"):
            yield renamed(step.expr, before)
        else:
            yield from with_inputs(step, work, before)


class OutputForSum(NetworkMistake):
    """e = t − a where the delta rule compares the target with z"""

    name = "output-for-sum"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        if step.kind == "error":
            yield renamed(step.expr, lambda name: activation_of(name) if name.kind == "z" else name)


class OutputForInput(NetworkMistake):
    """dE/dw = delta · a with the unit's own a, not the input that w weights"""

    name = "output-for-input"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        w, result = work.parameter_of(step), step.result
        if w is not None and w.kind == "w":
            yield work.gradient(step, w, lambda z, local: product(work.delta(z), activation_of(z)))
        elif step.kind == "local" and isinstance(result, Partial) and is_weight(result.by):
            yield activation_of(result.of)


class TransposedWeights(NetworkMistake):
    """w_ij where w_ji belongs: in z, in what a hidden unit receives, in a gradient"""

    name = "transposed-weights"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def transposed(name: Name) -> Name:
            return Name(name.kind, name.layer, name.index[::-1], None, name.updated) if is_weight(name) else name

        w, result = work.parameter_of(step), step.result
        if step.kind == "pre-activation":
            yield renamed(step.expr, transposed)
        elif step.kind == "local" and isinstance(step.expr, Name):
            yield transposed(step.expr)
        elif w is not None and isinstance(result, Partial):
            yield Partial(result.of, transposed(w), sample=result.sample)
        elif (found := received(step, work)) is not None:
            yield found.sum([product(transposed(weight), work.delta(z)) for z, weight in found.paths])


MIXUPS = (
    WrongInput(),
    WrongUnit(),
    WrongSample(),
    ForgotActivation(),
    OutputForSum(),
    OutputForInput(),
    TransposedWeights(),
)
