"""Mistakes of the backward pass: errors, derivatives, what a unit receives, gradients.

U = dE/da      dE/dz = U f′      dE/da = Σ w dE/dz of the layer above      dE/dw = dE/dz · input
"""

from collections.abc import Callable, Iterator

from calc.expr import Expr, Frac, Name, Neg, Num, Partial, Prod, Sum, negated, rename
from calc.mistakes.forward import kept, of_outputs
from calc.mistakes.mixups import with_inputs
from calc.mistakes.work import (
    ONE,
    NetworkMistake,
    Work,
    activation_of,
    factors_of,
    is_weight,
    product,
    received,
    renamed,
    signed,
    without_one,
    without_ones,
)
from calc.ops import Activation
from calc.ops.activations import Sigmoid, Softmax, Tanh
from calc.steps import Step


class ErrorSign(NetworkMistake):
    """t − a for a − t; where delta = −dE/dz, and in e = t − a, the reverse"""

    name = "error-sign"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        if step.kind == "error" or (step.kind in ("adjoint", "delta") and of_outputs(step, work)):
            yield negated(step.expr)


# --- f′ --------------------------------------------------------------------------------------------------------------


class ForgotDerivative(NetworkMistake):
    """delta = U;  dE/dw = U · input;  Δw = η e · input: without f′"""

    name = "forgot-derivative"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        z, w = work.unit_of(step), work.parameter_of(step)
        if z is not None and work.bends(z):
            yield signed(step, work.arriving(z))
        elif w is not None and work.bends(work.consumers[w][0][0]):
            yield work.gradient(step, w, lambda z, local: product(work.arriving(z), local))
        elif step.kind in ("change", "term") and work.problem.rule != "gradient":
            yield _without_derivatives(step.expr)


def _without_derivatives(expr: Expr) -> Expr:
    return without_ones(rename(expr, lambda quantity: ONE if isinstance(quantity, Partial) else quantity))


def with_slope(step: Step, work: Work, new: Callable[[Name], Expr | None]) -> Iterator[Expr]:
    """A unit's f′ itself, or its delta, with something else for f′, if there is anything."""
    z, result = work.unit_of(step), step.result
    if z is not None:
        if work.bends(z) and not work.coupled(z) and (slope := new(z)) is not None:
            yield signed(step, product(work.arriving(z), slope))
    elif step.kind == "local" and isinstance(result, Partial) and result == work.slope(result.by):
        slope = new(result.by)
        if slope is not None:
            yield slope


class SlopeOfOutput(NetworkMistake):
    """f′(a) for f′(z): σ(a)(1 − σ(a)) for a (1 − a)"""

    name = "derivative-of-output"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def of_output(z: Name) -> Expr:
            f, a = work.layer(z).activation, activation_of(z)
            return kept(work, a, f.derivative(a, f.formula(a), work.problem.conventions.at_kink))

        yield from with_slope(step, work, of_output)


class SlopeOverSum(NetworkMistake):
    """z put for a: z (1 − z) for a (1 − a)"""

    name = "derivative-with-sum"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def over_sum(z: Name) -> Expr:
            return kept(work, z, work.layer(z).activation.derivative(z, z, work.problem.conventions.at_kink))

        yield from with_slope(step, work, over_sum)


class WrongDerivative(NetworkMistake):
    """g′ of another function: 1 − a² for a (1 − a); ReLU′, which is 0 or 1, tells nothing"""

    name = "wrong-derivative"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        for other in (Sigmoid, Tanh):

            def slope(z: Name, g: type[Activation] = other) -> Expr | None:
                if type(work.layer(z).activation) is g:
                    return None
                return kept(work, z, g().derivative(z, activation_of(z), work.problem.conventions.at_kink))

            yield from with_slope(step, work, slope)


class PartOfDerivative(NetworkMistake):
    """A factor of f′ left out: 1 − a for a (1 − a)"""

    name = "part-of-derivative"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        for i in (0, 1):

            def part(z: Name, i: int = i) -> Expr | None:
                a = activation_of(z)
                factors = factors_of(work.layer(z).activation.derivative(z, a, work.problem.conventions.at_kink))
                found = [product(*some) for some in without_one(factors) if some != (a,)]
                return kept(work, z, found[i]) if i < len(found) else None

            yield from with_slope(step, work, part)


class FunctionForDerivative(NetworkMistake):
    """a put for f′"""

    name = "function-for-derivative"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        yield from with_slope(step, work, activation_of)


class ForgotMask(NetworkMistake):
    """a = f(z) / keep or f(z), and f′ likewise: without the mask"""

    name = "forgot-mask"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        yield from _other_share(step, work, lambda f, mask, keep: f)
        yield from _other_share(step, work, lambda f, mask, keep: Frac(f, keep))


class ForgotKeep(NetworkMistake):
    """a = m f(z) or m f(z) keep, and f′ likewise: not divided by the share that is kept"""

    name = "forgot-keep"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        yield from _other_share(step, work, lambda f, mask, keep: product(mask, f))
        yield from _other_share(step, work, lambda f, mask, keep: product(mask, f, keep))


def _other_share(step: Step, work: Work, new: Callable[[Expr, Num, Num], Expr]) -> Iterator[Expr]:
    """An activation, f′ or a delta in a layer with a mask, made otherwise of f(z), the mask and the share kept."""
    a = step.result if step.kind == "activation" else None
    result = step.result.by if isinstance(step.result, Partial) else step.result
    if not isinstance(result, Name) or not result.index or result.layer is None:
        return
    if (layer := work.layer(result)).mask is None:
        return
    j = result.index[0]
    assert isinstance(j, int)
    mask = Num(layer.mask[j - 1].shown)
    keep = ONE if layer.keep is None else Num(layer.keep.shown)
    f = layer.activation
    if isinstance(a, Name):
        z = Name("z", a.layer, a.index, a.sample, a.updated)
        yield new(f.formula(z), mask, keep)
    else:
        at_kink = work.problem.conventions.at_kink
        yield from with_slope(step, work, lambda z: new(f.derivative(z, f.formula(z), at_kink), mask, keep))


class DerivativeAfterCancelling(NetworkMistake):
    """delta = (a − t) f′ where f′ has cancelled: the loss is an entropy"""

    name = "derivative-after-cancelling"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        z = work.unit_of(step)
        if z is not None and work.cancels(z):
            yield product(step.expr, work.slope(z))


class SoftmaxByItself(NetworkMistake):
    """softmax: delta = U a (1 − a), as if the other outputs did not change"""

    name = "softmax-by-itself"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        z = work.unit_of(step)
        if z is not None and work.coupled(z):
            yield signed(step, product(work.arriving(z), work.slope(z)))


class SoftmaxWrongPair(NetworkMistake):
    """softmax: da_j/dz_k = a_j (1 − a_k) for −a_j a_k"""

    name = "softmax-wrong-pair"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        result = step.result
        if step.kind == "local" and isinstance(result, Partial) and result.by.kind == "z" and result.of.kind == "a":
            other = activation_of(result.by)
            if isinstance(work.layer(other).activation, Softmax) and other != result.of:
                yield Prod((result.of, Sum((ONE, Neg(other)))))


# --- what a unit receives --------------------------------------------------------------------------------------------


class LeftOutPath(NetworkMistake):
    """dE/da = Σ w delta without one of the units above"""

    name = "left-out-path"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        found = received(step, work)
        if found is not None:
            terms = [product(weight, work.delta(z)) for z, weight in found.paths]
            yield from map(found.sum, without_one(terms))


class ForgotWeight(NetworkMistake):
    """dE/da = Σ delta"""

    name = "forgot-weight"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        found = received(step, work)
        if found is not None:
            yield found.sum([work.delta(z) for z, _ in found.paths])


class ErrorForDelta(NetworkMistake):
    """dE/da = Σ w U: f′ of the layer above left out"""

    name = "derivative-above-forgotten"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        found = received(step, work)
        if found is not None and work.bends(found.paths[0][0]):
            yield found.sum([product(weight, work.arriving(z)) for z, weight in found.paths])


class UpdatedWeights(NetworkMistake):
    """w′ for w in what a hidden unit receives, where all weights are updated at the end"""

    name = "updated-weights"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        if not work.sequential:
            yield from with_weights(step, work, lambda w: work.graph.ahead.get(w, w).after_update())


class OldWeights(NetworkMistake):
    """w for w′: in what a hidden unit receives, where the layer above has been updated; in the new forward pass"""

    name = "old-weights"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def old(name: Name) -> Name:
            return Name(name.kind, name.layer, name.index) if name.updated and name.kind in ("w", "b") else name

        if step.kind == "pre-activation":
            yield renamed(step.expr, old)
        elif work.sequential:
            yield from with_weights(step, work, old)


def with_weights(step: Step, work: Work, new: Callable[[Name], Expr]) -> Iterator[Expr]:
    """What a hidden unit receives, or dz/da itself, with something else for the weight."""
    found, result = received(step, work), step.result
    if found is not None:
        yield found.sum([product(new(weight), work.delta(z)) for z, weight in found.paths])
    elif step.kind == "local" and isinstance(result, Partial) and result.by.kind == "a" and is_weight(step.expr):
        assert isinstance(step.expr, Name)
        yield new(step.expr)


# --- products --------------------------------------------------------------------------------------------------------


class ForgotUpstream(NetworkMistake):
    """delta = f′;  dE/dw = f′ · input: what arrives from the loss left out"""

    name = "forgot-upstream"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        z, w, found = work.unit_of(step), work.parameter_of(step), received(step, work)
        if z is not None and work.bends(z):
            yield signed(step, work.slope(z))
        elif w is not None and work.bends(work.consumers[w][0][0]):
            yield work.gradient(step, w, lambda z, local: product(work.slope(z), local))
        elif found is not None and z is None:
            yield found.sum([weight for _, weight in found.paths])


class ForgotInput(NetworkMistake):
    """dE/dw = delta;  Δw = η e"""

    name = "forgot-input"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        yield from with_inputs(step, work, lambda _: ONE)


class WrongFactor(NetworkMistake):
    """The other factor: d(w a)/dw = w, dE/dw = delta · w, dE/da = Σ delta · a"""

    name = "wrong-factor"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        w, found, result = work.parameter_of(step), received(step, work), step.result
        if w is not None:
            yield work.gradient(step, w, lambda z, local: product(work.delta(z), w))
        elif found is not None and isinstance(result, Partial) and result.by.kind == "a":
            yield found.sum([product(work.delta(z), result.by) for z, _ in found.paths])
        elif step.kind == "local" and isinstance(result, Partial) and result.of.kind == "z":
            yield result.by


BACKWARD = (
    ErrorSign(),
    ForgotDerivative(),
    SlopeOfOutput(),
    SlopeOverSum(),
    WrongDerivative(),
    PartOfDerivative(),
    FunctionForDerivative(),
    ForgotMask(),
    ForgotKeep(),
    DerivativeAfterCancelling(),
    SoftmaxByItself(),
    SoftmaxWrongPair(),
    LeftOutPath(),
    ForgotWeight(),
    ErrorForDelta(),
    UpdatedWeights(),
    OldWeights(),
    ForgotUpstream(),
    ForgotInput(),
    WrongFactor(),
)
