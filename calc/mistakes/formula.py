"""Mistakes in any formula, and those of a graph of one's own formulas: gates, local derivatives, sums over paths.

u, v    parts of a formula      q    what it gives      local × upstream → downstream
"""

from collections.abc import Iterable, Iterator

from calc.expr import Call, Cases, Expr, Frac, Neg, Num, Partial, Pow, Prod, Sum, sum_of
from calc.mistakes.work import ONE, Mistake, Work, anywhere, everywhere, product, without_one
from calc.steps import Step

FORMULAS = ("node", "activation", "loss-part", "sample-loss", "loss", "penalty")
MOST_SIGNS = 6  # terms of a sum whose sign may be the wrong one


class ForgotSquare(Mistake):
    """u for u²"""

    name = "forgot-square"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def bare(part: Expr) -> Expr:
            return part.base if isinstance(part, Pow) and part.exponent == 2 else part

        if step.kind in (*FORMULAS, "local", "state"):
            yield everywhere(step.expr, bare)


class ForgotAbs(Mistake):
    """u for |u|"""

    name = "forgot-absolute-value"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def bare(part: Expr) -> Expr:
            return part.args[0] if isinstance(part, Call) and part.function == "abs" else part

        if step.kind in FORMULAS:
            yield everywhere(step.expr, bare)


class CommonLogarithm(Mistake):
    """log₁₀ u for ln u"""

    name = "common-logarithm"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def common(part: Expr) -> Expr:
            return Frac(part, Call("ln", (Num.of(10),))) if isinstance(part, Call) and part.function == "ln" else part

        if step.kind in (*FORMULAS, "local"):
            yield everywhere(step.expr, common)


class Degrees(Mistake):
    """sin and cos of a number of degrees"""

    name = "degrees"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def turned(part: Expr) -> Expr:
            if isinstance(part, Call) and part.function in ("sin", "cos"):
                return Call(part.function, (Frac(Prod((part.args[0], Call("pi", ()))), Num.of(180)),))
            return part

        if step.kind in (*FORMULAS, "local"):
            yield everywhere(step.expr, turned)


class ExponentSign(Mistake):
    """e^u for e^(−u): σ(−z) for σ(z)"""

    name = "exponent-sign"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def turned(part: Expr) -> Expr:
            if isinstance(part, Call) and part.function in ("exp", "sigmoid"):
                (arg,) = part.args
                return Call(part.function, (arg.arg if isinstance(arg, Neg) else Neg(arg),))
            return part

        if step.kind in ("node", "activation"):
            yield everywhere(step.expr, turned)


class LostBrackets(Mistake):
    """1 / 1 + e^(−z) for 1 / (1 + e^(−z)), as typed into a calculator"""

    name = "lost-brackets"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def lost(part: Expr) -> Expr:
            match part:
                case Call("sigmoid", (z,)):
                    return Sum((ONE, Call("exp", (Neg(z),))))
                case Frac(num, Sum((first, *rest))):
                    return Sum((Frac(num, first), *rest))
                case Prod((num, Sum((first, *rest)))) if not isinstance(num, Frac):
                    return Sum((Prod((num, first)), *rest))
            return part

        if step.kind in ("node", "activation", "local"):
            yield everywhere(step.expr, lost)


class SignInSum(Mistake):
    """u − v for u + v: the sign of one term"""

    name = "sign-in-sum"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def turned(part: Expr) -> Iterable[Expr]:
            terms = part.terms if isinstance(part, Sum) else ()
            differs = any(isinstance(term, Neg) for term in terms)
            for i, term in enumerate(terms[:MOST_SIGNS]):
                if not differs:
                    yield Sum((*terms[:i], Neg(term), *terms[i + 1 :]))
                elif isinstance(term, Neg):  # of a − t the sign of t, of 1 − a that of a
                    yield Sum((*terms[:i], term.arg, *terms[i + 1 :]))

        if step.kind in ("pre-activation", "loss-part", "sample-loss"):
            yield from anywhere(step.expr, turned)
        elif step.kind in ("node", "local", "adjoint", "gradient") and work.problem.rule == "gradient":
            yield from turned(step.expr)
            if isinstance(step.expr, Prod):
                yield from anywhere(step.expr, turned)


class WrongCase(Mistake):
    """The other side of a case distinction: 0 for 1 in ReLU′, the smaller for the larger"""

    name = "wrong-case"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def other(part: Expr) -> Expr:
            match part:
                case Cases(head, on, above, at, below):
                    return Cases(head, on, below, at, above)
                case Call("max" as function, args) | Call("min" as function, args):
                    return Call("min" if function == "max" else "max", args)
            return part

        if step.kind in ("node", "activation", "local"):
            yield everywhere(step.expr, other)


class ForgotMinus(Mistake):
    """1/u² for −1/u², t ln a for −t ln a, t/a for −t/a"""

    name = "forgot-minus"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        if step.kind in ("local", "loss-part", "sample-loss", "loss", "adjoint", "node"):
            match step.expr:
                case Neg(arg):
                    yield arg
                case Frac(Neg(num), den):
                    yield Frac(num, den)


class InvertedFraction(Mistake):
    """v / u for u / v"""

    name = "inverted-fraction"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def inverted(part: Expr) -> Iterable[Expr]:
            if isinstance(part, Frac):
                yield Frac(part.den, part.num)

        if step.kind in ("node", "local"):
            yield from inverted(step.expr)
            if isinstance(step.expr, Neg):
                yield from map(Neg, inverted(step.expr.arg))


class CircuitMistake(Mistake):
    """A mal-rule of a graph of one's own formulas."""

    def changed(self, step: Step, work: Work) -> Iterator[Expr]:
        if work.network is None:
            yield from super().changed(step, work)


class ProductForSum(CircuitMistake):
    """u v for u + v, u + v for u v: a gate taken for another, paths multiplied, upstream added"""

    name = "sum-and-product"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        match step.expr:
            case Sum(terms):
                yield product(*terms)
            case Prod(factors):
                yield sum_of(factors)


class LeftOutFactor(CircuitMistake):
    """u for u v: a factor of a gate or of a derivative"""

    name = "left-out-factor"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        if step.kind in ("node", "local") and isinstance(step.expr, Prod):
            yield from (product(*some) for some in without_one(step.expr.factors))


class LeftOutBranch(CircuitMistake):
    """Σ over the paths without one of them, a gate u + v without one of its terms"""

    name = "left-out-branch"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        if isinstance(step.expr, Sum):
            yield from map(sum_of, without_one(step.expr.terms))


class OnlyLocal(CircuitMistake):
    """The local derivative alone: without what arrives from upstream"""

    name = "only-local"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        match step.expr:
            case Prod((Partial(), local)):
                yield local
            case Num() if step.kind == "adjoint" and work.graph.upstream is not None:
                yield ONE


class OnlyUpstream(CircuitMistake):
    """What arrives from upstream alone: without the local derivative"""

    name = "only-upstream"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        match step.expr:
            case Prod((Partial() as upstream, _)):
                yield upstream


class ExchangedFactor(CircuitMistake):
    """d(u v)/dv = v: the factor itself, not the other one"""

    name = "exchanged-factor"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        result = step.result
        if step.kind == "local" and isinstance(result, Partial) and isinstance(work.nodes[result.of].expr, Prod):
            yield result.by


class NotDerived(CircuitMistake):
    """dq/dv = q: the gate itself, not its derivative;  2 u² for 2 u: the power not lowered"""

    name = "not-derived"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        result = step.result
        if step.kind == "local" and isinstance(result, Partial):
            formula = work.nodes[result.of].expr
            if not isinstance(formula, Sum | Prod):
                yield result.of
            if isinstance(formula, Pow) and isinstance(formula.exponent, int):
                yield Prod((Num.of(formula.exponent), formula))


FORMULA = (
    ForgotSquare(),
    ForgotAbs(),
    CommonLogarithm(),
    Degrees(),
    ExponentSign(),
    LostBrackets(),
    SignInSum(),
    WrongCase(),
    ForgotMinus(),
    InvertedFraction(),
    ProductForSum(),
    LeftOutFactor(),
    LeftOutBranch(),
    OnlyLocal(),
    OnlyUpstream(),
    ExchangedFactor(),
    NotDerived(),
)
