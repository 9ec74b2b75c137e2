"""Mistakes of the forward pass: sums, activations, the loss and its penalty.

z = Σ w a + b      a = f(z), times mask / keep      E = Σ E_j, the mean or the sum over samples, + penalty
"""

from collections.abc import Iterator
from functools import partial

from calc.expr import Call, Expr, Frac, Name, Neg, Num, Partial, Pow, Prod, Sum, quantities, sum_of
from calc.mistakes.work import (
    HALF,
    ONE,
    TWO,
    ZERO,
    NetworkMistake,
    Work,
    everywhere,
    exchanged,
    product,
    terms_of,
    without_one,
)
from calc.number import Shown
from calc.ops import Activation
from calc.ops.activations import Relu, Sigmoid, Softmax, Tanh
from calc.ops.losses import BinaryCrossEntropy, CrossEntropy, HalfSquaredError, MeanSquaredError, SquaredError
from calc.penalty import DATA, PENALTY
from calc.steps import Step

# those that courses have, mistaken for each other
COMMON: tuple[type[Activation], ...] = (Sigmoid, Tanh, Relu)
OF_SAMPLE = ("loss-part", "sample-loss")
MOST_LEFT_OUT = 4  # samples, one of which is left out


def kept(work: Work, a: Name, f: Expr) -> Expr:
    """f(z) or f′(z) with the mask and the share that is kept: m f / keep."""
    layer = work.layer(a)
    if layer.mask is None:
        return f
    j = a.index[0]
    assert isinstance(j, int)
    masked = product(Num(layer.mask[j - 1].shown), f)
    return masked if layer.keep is None else Frac(masked, Num(layer.keep.shown))


def units_of(step: Step, work: Work) -> Name | None:
    """The a that a step works."""
    return step.result if step.kind == "activation" and isinstance(step.result, Name) else None


class ForgotBias(NetworkMistake):
    """z = Σ w a"""

    name = "forgot-bias"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        terms = terms_of(step.expr)
        if step.kind == "pre-activation" and isinstance(terms[-1], Name):
            yield sum_of(terms[:-1])


class SubtractedBias(NetworkMistake):
    """z = Σ w a − b, as where a threshold is taken away"""

    name = "subtracted-bias"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        terms = terms_of(step.expr)
        if step.kind == "pre-activation" and isinstance(terms[-1], Name):
            yield Sum((*terms[:-1], Neg(terms[-1])))


class LeftOutInput(NetworkMistake):
    """z without one of the products w a"""

    name = "left-out-input"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        if step.kind == "pre-activation":
            terms = terms_of(step.expr)
            products = [term for term in terms if isinstance(term, Prod)]
            for some in without_one(products):
                yield sum_of((*some, *terms[len(products) :]))


class WrongActivation(NetworkMistake):
    """a = g(z) with another function of COMMON"""

    name = "wrong-activation"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        a = units_of(step, work)
        if a is not None:
            z = Name("z", a.layer, a.index, a.sample, a.updated)
            for other in COMMON:
                if type(work.layer(a).activation) is not other:
                    yield kept(work, a, other().formula(z))


class NotNormalised(NetworkMistake):
    """softmax: a = e^z"""

    name = "softmax-not-normalised"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        if isinstance(step.expr, Frac) and is_softmax(step, work):
            yield step.expr.num


class SumOneShort(NetworkMistake):
    """softmax: a = e^z / Σ e^z with one of the terms of the sum left out"""

    name = "softmax-sum-one-short"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        if isinstance(step.expr, Frac) and is_softmax(step, work):
            for some in without_one(terms_of(step.expr.den)):
                yield Frac(step.expr.num, sum_of(some))


class SumOfExponents(NetworkMistake):
    """softmax: a = e^z / Σ z;  a = z / Σ z"""

    name = "softmax-without-exp"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        if isinstance(step.expr, Frac) and is_softmax(step, work):
            bare = everywhere(step.expr, lambda part: part.args[0] if isinstance(part, Call) else part)
            assert isinstance(bare, Frac)
            yield bare
            yield Frac(step.expr.num, bare.den)


def is_softmax(step: Step, work: Work) -> bool:
    """Whether a step works a unit of a softmax."""
    a = units_of(step, work)
    return a is not None and isinstance(work.layer(a).activation, Softmax)


# --- the loss --------------------------------------------------------------------------------------------------------


def scaled(step: Step, work: Work, factor: Expr) -> Iterator[Expr]:
    """A step of the backward pass times a factor, the penalty's term left as it is."""
    w = work.parameter_of(step)
    if w is not None and step.kind in ("gradient", "term"):
        yield work.gradient(step, w, lambda z, local: product(factor, work.delta(z), local))
    elif step.kind in ("adjoint", "delta", "path"):
        yield product(factor, step.expr)


def of_outputs(step: Step, work: Work) -> bool:
    """Whether a step of the backward pass belongs to the output layer."""
    result = step.result
    by = result.by if isinstance(result, Partial) else result
    return isinstance(by, Name) and by.layer is not None and work.is_output(by)


def scaled_loss(step: Step, work: Work, factor: Expr) -> Iterator[Expr]:
    """The loss of an output, of a sample or of all, and its derivatives up to the output layer, times a factor."""
    if step.kind in (*OF_SAMPLE, "data-loss") or (step.kind == "loss" and not work.graph.penalties):
        yield product(factor, step.expr)
    elif of_outputs(step, work):
        yield from scaled(step, work, factor)


class ForgotHalf(NetworkMistake):
    """E_j = (t − a)² for ½ (t − a)²;  dE/da = 2 (a − t) for a − t"""

    name = "forgot-half"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        if work.network is not None and isinstance(work.network.loss, HalfSquaredError):
            yield from scaled_loss(step, work, TWO)


class ForgotTwo(NetworkMistake):
    """dE/da = a − t for 2 (a − t);  E_j = ½ (t − a)² for (t − a)²"""

    name = "forgot-two"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        if work.network is not None and isinstance(work.network.loss, SquaredError | MeanSquaredError):
            yield from scaled_loss(step, work, HALF)


class SummedForAveraged(NetworkMistake):
    """A sum where a mean is asked for: over the samples, or over the outputs of mean_squared_error"""

    name = "summed-for-averaged"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        assert work.network is not None
        if work.network.reduction == "mean":
            yield from over_samples(step, work, Num.of(len(work.samples)))
        if isinstance(work.network.loss, MeanSquaredError):
            yield from scaled_loss(step, work, Num.of(work.network.widths[-1]))


class AveragedForSummed(NetworkMistake):
    """A mean where a sum is asked for: over the samples, or over the outputs"""

    name = "averaged-for-summed"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        assert work.network is not None
        if work.network.reduction == "sum":
            yield from over_samples(step, work, Frac(ONE, Num.of(len(work.samples))) if work.samples else ONE)
        if not isinstance(work.network.loss, MeanSquaredError) and step.kind != "loss-part":
            yield from scaled_loss(step, work, Frac(ONE, Num.of(work.network.widths[-1])))


def over_samples(step: Step, work: Work, factor: Expr) -> Iterator[Expr]:
    """What the samples are summed up or averaged in, times a factor; a change by a rule is such a step too."""
    if not work.samples:
        return
    summed = ("data-loss",) if work.graph.penalties else ("loss",)
    if step.kind in (summed if work.problem.rule == "gradient" else (*summed, "change")):
        yield product(factor, step.expr)
    else:
        yield from scaled(step, work, factor)


class LeftOutSample(NetworkMistake):
    """A sum over the samples without one of them"""

    name = "left-out-sample"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        for s in work.samples[:MOST_LEFT_OUT]:
            w = work.parameter_of(step)
            if w is not None and step.kind == "gradient":

                def term(z: Name, local: Expr, s: int = s) -> Expr:
                    return ZERO if z.sample == s else product(work.delta(z), local)

                yield work.gradient(step, w, term)
            elif step.kind in ("data-loss", "loss", "change"):
                yield everywhere(step.expr, partial(_without, s))


def _without(s: int, part: Expr) -> Expr:
    """A sum without the terms of a sample."""
    if not isinstance(part, Sum):
        return part
    of_others = [
        term for term in part.terms if not any(isinstance(one, Name) and one.sample == s for one in quantities(term))
    ]
    return sum_of(of_others or [ZERO])


class LeftOutTerm(NetworkMistake):
    """The loss without one output's part, or an entropy without one of its two logarithms"""

    name = "left-out-term"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        if step.kind not in (*OF_SAMPLE, "loss") or (step.kind == "loss" and (work.samples or work.graph.penalties)):
            return
        match step.expr:
            case Sum(terms):
                yield from map(sum_of, without_one(terms))
            case Neg(Sum(terms)):
                yield from (Neg(sum_of(some)) for some in without_one(terms))


class SquaredSeparately(NetworkMistake):
    """t² − a² for (t − a)²"""

    name = "squared-separately"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def apart(part: Expr) -> Expr:
            match part:
                case Pow(Sum((t, Neg(a))), 2):
                    return Sum((Pow(t, 2), Neg(Pow(a, 2))))
            return part

        if step.kind in (*OF_SAMPLE, "loss"):
            yield everywhere(step.expr, apart)


class ExchangedTarget(NetworkMistake):
    """a and t exchanged in the loss: −a ln t"""

    name = "exchanged-target"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        pair = output_and_target(step)
        if pair is not None:
            a, t = pair
            yield exchanged(step.expr, {a: t, t: a})


class WrongLoss(NetworkMistake):
    """½ (t − a)² and a − t where the loss is an entropy, and not taken after its derivative has cancelled"""

    name = "wrong-loss"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        assert work.network is not None
        if not isinstance(work.network.loss, BinaryCrossEntropy | CrossEntropy):
            return
        pair, result = output_and_target(step), step.result
        if pair is not None:
            yield HalfSquaredError().part(*pair, 1)
        elif (
            step.kind == "adjoint" and isinstance(result, Partial) and result.by.kind == "a" and of_outputs(step, work)
        ):
            t = Name("t", None, result.by.index, result.by.sample)
            error = Sum((result.by, Neg(t)))
            yield error if work.share == ONE else product(work.share, error)


def output_and_target(step: Step) -> tuple[Name, Name] | None:
    """a and t of a step that works the loss of one output."""
    if step.kind not in (*OF_SAMPLE, "loss"):
        return None
    a, t = ([part for part in step.uses if isinstance(part, Name) and part.kind == kind] for kind in "at")
    return (a[0], t[0]) if len(a) == len(t) == 1 else None


# --- the penalty -----------------------------------------------------------------------------------------------------


class ForgotPenalty(NetworkMistake):
    """E, or dE/dw, of the samples alone"""

    name = "forgot-penalty"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        w = work.parameter_of(step)
        if step.kind == "loss" and work.graph.penalties and isinstance(step.result, Name):
            yield DATA.after_update() if step.result.updated else DATA
        elif w is not None and step.kind == "gradient" and w in work.graph.penalties:
            yield work.gradient(step, w, lambda z, local: product(work.delta(z), local), ZERO)


class PenaltyFactor(NetworkMistake):
    """λ w worked as 2 λ w or w, (λ/2) Σ w² as λ Σ w² or Σ w²"""

    name = "penalty-factor"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        assert work.network is not None
        l2, l1 = work.network.penalty.l2.shown, work.network.penalty.l1.shown
        w, result = work.parameter_of(step), step.result
        for new in (product(TWO, Num(l2)), ONE):
            if isinstance(result, Name) and result.kind == PENALTY.kind:
                yield _with_number(step.expr, l2, new)
            elif isinstance(result, Partial) and result.of == PENALTY:
                yield _with_number(step.expr, l2, new)
                yield _with_number(step.expr, l1, new)
            elif w is not None and step.kind == "gradient" and w in work.graph.penalties:
                penalty = _with_number(work.graph.penalties[w], l2, new)
                yield work.gradient(step, w, lambda z, local: product(work.delta(z), local), penalty)


def _with_number(expr: Expr, old: Shown, new: Expr) -> Expr:
    return everywhere(expr, lambda part: new if isinstance(part, Num) and part.shown == old else part)


class PenalisedBiases(NetworkMistake):
    """λ b in the gradient of a bias, b² among the squares"""

    name = "penalised-biases"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        assert work.network is not None
        w, result, l2 = work.parameter_of(step), step.result, Num(work.network.penalty.l2.shown)
        if l2.shown.value == 0:
            return
        if w is not None and w.kind == "b" and step.kind == "gradient":
            yield Sum((*terms_of(step.expr), product(l2, w)))
        elif isinstance(result, Name) and result.kind == "squares":
            assert result.layer is not None
            biases = [b for b in work.graph.parameters[result.layer - 1] if b.kind == "b"]
            squares = [Pow(b.after_update() if result.updated else b, 2) for b in biases]
            yield Sum((*terms_of(step.expr), *squares))


FORWARD = (
    ForgotBias(),
    SubtractedBias(),
    LeftOutInput(),
    WrongActivation(),
    NotNormalised(),
    SumOneShort(),
    SumOfExponents(),
    ForgotHalf(),
    ForgotTwo(),
    SummedForAveraged(),
    AveragedForSummed(),
    LeftOutSample(),
    LeftOutTerm(),
    SquaredSeparately(),
    ExchangedTarget(),
    WrongLoss(),
    ForgotPenalty(),
    PenaltyFactor(),
    PenalisedBiases(),
)
