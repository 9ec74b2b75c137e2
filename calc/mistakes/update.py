"""Mistakes of the update: sign, learning rate, state of the optimiser, biases.

Δw = −η g      w′ = w + Δw      v, m, s: what an optimiser keeps
"""

from collections.abc import Callable, Iterator

from calc.expr import Call, Expr, Frac, Name, Neg, Num, Partial, Pow, Prod, Sum, negated, quantities
from calc.mistakes.work import ONE, Mistake, Work, everywhere, exchanged, product, renamed, terms_of, without_ones
from calc.steps import Step
from calc.updates import change_of


def parameter_of(step: Step) -> Name | None:
    """The parameter that a step updates, or whose change it works."""
    result = step.result
    if not isinstance(result, Name) or step.kind not in ("change", "update"):
        return None
    kind = result.kind.removeprefix("D") if step.kind == "change" else result.kind
    return Name(kind, result.layer, result.index)


def with_change(step: Step, work: Work, new: Callable[[Expr], Expr]) -> Iterator[Expr]:
    """A parameter's change with another formula, or its new value with that change."""
    w = parameter_of(step)
    if step.kind in ("change", "term") and isinstance(step.result, Name):
        yield new(step.expr)
    elif w is not None and (change := work.steps.get(change_of(w).id)) is not None:
        yield Sum((w, new(change.expr)))


class AddedGradient(Mistake):
    """w′ = w + η g: uphill;  v′ = β v + η g"""

    name = "added-gradient"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        if step.kind == "state" and isinstance(step.expr, Sum):
            *kept, last = step.expr.terms
            if isinstance(last, Neg):
                yield Sum((*kept, last.arg))
        else:
            yield from with_change(step, work, negated)


class ForgotRate(Mistake):
    """Δw = −g"""

    name = "forgot-rate"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        yield from _with_rate(step, work, lambda rate: ONE)


class RateTwice(Mistake):
    """Δw = −η² g"""

    name = "rate-twice"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        yield from _with_rate(step, work, lambda rate: Prod((rate, rate)))


def _with_rate(step: Step, work: Work, new: Callable[[Name], Expr]) -> Iterator[Expr]:
    """A step with something else for the learning rate."""

    def changed(expr: Expr) -> Expr:
        return without_ones(renamed(expr, lambda name: new(name) if name.kind.startswith("learning_rate") else name))

    if step.kind == "state":
        yield changed(step.expr)
    elif list(with_change(step, work, changed)) != list(with_change(step, work, lambda expr: expr)):
        yield from with_change(step, work, changed)


class ChangeForValue(Mistake):
    """w′ = Δw, or Δw = w′"""

    name = "change-for-value"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        w = parameter_of(step)
        if w is not None and step.kind == "update":
            yield change_of(w)
        elif w is not None:
            yield Sum((w, step.expr))


class BiasKept(Mistake):
    """b′ = b where biases are updated too"""

    name = "bias-not-updated"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def kept(name: Name) -> Name:
            return Name(name.kind, name.layer, name.index) if name.kind == "b" and name.updated else name

        if work.network is None or not work.problem.conventions.update_biases:
            return
        if step.kind == "update" and isinstance(step.result, Name):
            yield kept(step.result)
        elif step.kind == "change" and isinstance(step.result, Name) and step.result.kind == "Db":
            yield Num.of(0)
        elif step.kind == "pre-activation":
            yield renamed(step.expr, kept)


class BiasUpdated(Mistake):
    """b′ = b − η dE/db where biases are constants"""

    name = "constant-bias-updated"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def change(b: Name) -> Expr:
            return Neg(Prod((work.graph.rate(b), Partial(work.graph.loss, b))))

        def updated(name: Name) -> Expr:
            if name.kind != "b" or not name.updated:
                return name
            b = Name("b", name.layer, name.index)
            return Sum((b, change(b)))

        if work.network is None or work.problem.conventions.update_biases:
            return
        b = parameter_of(step)
        if step.kind == "pre-activation":
            yield renamed(step.expr, updated)
        elif b is not None and b.kind == "b":
            yield updated(b.after_update()) if step.kind == "update" else change(b)


# --- optimisers ------------------------------------------------------------------------------------------------------


class ForgotMomentum(Mistake):
    """v′ = −η g: the velocity from before left out"""

    name = "forgot-momentum"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        if step.kind == "state" and isinstance(step.expr, Sum) and _name(work) in ("momentum", "nesterov"):
            yield step.expr.terms[-1]


def _name(work: Work) -> str:
    return work.problem.rules_of_change.update.name


class AveragedMomentum(Mistake):
    """v′ = β v − (1 − β) η g"""

    name = "averaged-momentum"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        match step.expr:
            case Sum((Prod((beta, _)) as old, Neg(moved))) if step.kind == "state":
                yield Sum((old, Neg(Prod((Sum((ONE, Neg(beta))), moved)))))


class ForgotShare(Mistake):
    """m′ = β m + g: without 1 − β;  or m′ = (1 − β) m + β g: the two shares exchanged"""

    name = "wrong-share"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        match step.expr:
            case Sum((Prod((beta, old)), Prod((Sum() as rest, new)))) if step.kind == "state":
                yield Sum((Prod((beta, old)), new))
                yield Sum((Prod((rest, old)), Prod((beta, new))))


class NoOldAverage(Mistake):
    """m′ = (1 − β) g, s′ = g²: what was kept from before left out"""

    name = "forgot-state"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        match step.expr:
            case Sum((Prod((_, Name())), Prod() as new)) if step.kind == "state":
                yield new
            case Sum((Name(), Pow() as new)) if step.kind == "state":
                yield new


class ForgotCorrection(Mistake):
    """m̂ = m′, v̂ = v′: without the division by 1 − βᵗ"""

    name = "forgot-bias-correction"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        if step.kind == "state" and isinstance(step.expr, Frac):
            yield step.expr.num
        elif step.kind == "change":
            hats = [part for part in quantities(step.expr) if isinstance(part, Name) and "hat." in part.kind]
            formulas = {hat: work.steps[hat.id].expr for hat in hats}
            yield exchanged(step.expr, {hat: f.num for hat, f in formulas.items() if isinstance(f, Frac)})


class WrongCount(Mistake):
    """1 − βᵗ with t one off"""

    name = "wrong-step-count"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        match step.expr:
            case Frac(num, Sum((one, Neg(power)))) if step.kind == "state":
                beta, count = (power.base, power.exponent) if isinstance(power, Pow) else (power, 1)
                for other in (count - 1, count + 1) if isinstance(count, int) else ():
                    if other > 0:
                        yield Frac(num, Sum((one, Neg(beta if other == 1 else Pow(beta, other)))))


class ForgotRoot(Mistake):
    """Δw = −η g / (s + ε);  u for √u"""

    name = "forgot-root"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def bare(part: Expr) -> Expr:
            return part.args[0] if isinstance(part, Call) and part.function == "sqrt" else part

        if step.kind in ("change", "node"):
            yield everywhere(step.expr, bare)


class EpsilonInside(Mistake):
    """Δw = −η g / √(s + ε)"""

    name = "epsilon-inside-root"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def inside(part: Expr) -> Expr:
            match part:
                case Sum((Call("sqrt", (s,)), epsilon)):
                    return Call("sqrt", (Sum((s, epsilon)),))
            return part

        if step.kind == "change":
            yield everywhere(step.expr, inside)


class OldState(Mistake):
    """s for s′, v for v′: what was kept from before, not what has just been worked out"""

    name = "old-state"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        def old(name: Name) -> Name:
            kept = "." in name.kind and name.updated
            return Name(name.kind, name.layer, name.index) if kept else name

        if step.kind in ("change", "state"):
            yield renamed(step.expr, old)


class ForgotDecay(Mistake):
    """Δw without η λ w, or with λ w"""

    name = "forgot-weight-decay"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        match step.expr:
            case Sum((first, Neg(Prod((_, *decay))))) if step.kind == "change":
                yield first
                yield Sum((first, Neg(product(*decay))))


class NoLookAhead(Mistake):
    """nesterov: w for w + β v"""

    name = "forgot-look-ahead"

    def instead(self, step: Step, work: Work) -> Iterator[Expr]:
        if step.kind == "ahead":
            yield terms_of(step.expr)[0]
        elif step.kind == "pre-activation":
            yield exchanged(step.expr, dict(work.graph.ahead))


UPDATE = (
    AddedGradient(),
    ForgotRate(),
    RateTwice(),
    ChangeForValue(),
    BiasKept(),
    BiasUpdated(),
    ForgotMomentum(),
    AveragedMomentum(),
    ForgotShare(),
    NoOldAverage(),
    ForgotCorrection(),
    WrongCount(),
    ForgotRoot(),
    EpsilonInside(),
    OldState(),
    ForgotDecay(),
    NoLookAhead(),
)
