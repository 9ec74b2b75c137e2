"""Derivations of the operations of calc.ops, each ending in the form that a textbook gives its derivative.

To add the end of one: a function that makes its last lines, and its entry in TAILS.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from calc.algebra import ONE, TWO, ZERO, everywhere, plain
from calc.derivation import Chain, Letters, Side, Tail, Working, chain, conclusion, ended, said, simplified
from calc.document import Line, Words
from calc.expr import (
    AtKink,
    Call,
    Cases,
    Derivative,
    Expr,
    Frac,
    Name,
    Neg,
    Num,
    Pow,
    Prod,
    Sum,
    quantities,
    sigmoid_definition,
)
from calc.number import Shown
from calc.ops.activations import Activation
from calc.ops.losses import CrossEntropy, Loss

# --- activations -----------------------------------------------------------------------------------------------------


def of_activation(activation: Activation, letters: Letters, at_kink: AtKink) -> Working:
    """The derivative of an activation, ending in the form that calc.ops states.

    Raises:
        UnsupportedError: it has none.
    """
    if activation.name == "softmax":
        return of_softmax(letters)
    z, a = letters.z(), letters.a()
    written, formula = activation.formula(z), definition(activation, z)
    result = activation.derivative(z, a, at_kink)
    heading = Words("derive.of_activation", {"name": _called(activation)})
    tails = {True: (), False: TAILS[activation.name](activation, z, a) if activation.name in TAILS else ()}
    if isinstance(formula, Cases):
        at = at_kink(activation.kinks[0]) if activation.kinks else None
        return by_cases(heading, a, z, formula, result, at, at_kink, tails, {a: written})
    sides = tuple(("=", side) for side in dict.fromkeys((written, formula)))
    given = (Words("derive.given", {"definition": Line(a, sides)}),)
    left = Derivative(z, a)
    if activation.name == "tanh":
        return _of_tanh(heading, given, z, a, left, at_kink)
    worked = ended(chain(left, Derivative(z, formula), at_kink, algebra=ALGEBRA.get(activation.name)), tails[False])
    return Working(heading, given, (worked,), worked.result, conclusion(left, worked.result), {a: written})


def _called(operation: Activation | Loss) -> Words:
    kind = "activation" if isinstance(operation, Activation) else "loss"
    if operation.own:
        return Words(f"derive.own_{kind}")
    return Words(f"{kind}.{operation.name}", {}, operation.name.replace("_", " "))


def definition(activation: Activation, z: Expr) -> Expr:
    """What an activation stands for, where its formula is but a name."""
    formula = activation.formula(z)
    match formula:
        case Call("sigmoid", _):
            return sigmoid_definition(z)
        case Call("tanh", _):
            up, down = Call("exp", (z,)), Call("exp", (Neg(z),))
            return Frac(Sum((up, Neg(down))), Sum((up, down)))
        case Call("relu", _) as head:
            return Cases(head, on=z, above=z, at=ZERO, below=ZERO)
    return formula


def recognised(formula: Expr, by: Name, known: Iterable[Activation]) -> Activation | None:
    """The activation that a formula is, written by its name or by its definition; None where it is none."""
    for activation in known:
        if activation.name not in ("identity", "softmax") and formula in (
            activation.formula(by),
            definition(activation, by),
        ):
            return activation
    return None


def by_cases(
    heading: Words,
    f: Name,
    by: Name,
    formula: Cases,
    slope: Expr,
    at: Shown | None,
    at_kink: AtKink,
    tails: Mapping[bool, Tail],
    names: Mapping[Name, Expr],
) -> Working:
    """Each side of a case distinction by itself, then what holds where they meet.

    Args:
        slope: the derivative as one formula, in the form that calc.ops states.
        at: its value at the kink by convention; None where both sides agree there.
        tails: what ends the lines of the side where ``formula.on`` is positive, and those of the other.
    """
    sign = "d" if all(quantity == by for quantity in quantities(formula)) else "∂"
    left = Derivative(by, f, sign)
    chains = []
    for positive, branch in ((True, formula.above), (False, formula.below)):
        branch = plain(branch)
        key = "derive.where_positive" if positive else "derive.where_negative"
        lead = (Words(key, {"on": formula.on, "definition": Line(f, (("=", branch),))}),)
        worked = chain(left, Derivative(by, branch, sign), at_kink, lead=lead, where=(formula.on, positive))
        chains.append(ended(worked, tails[positive]))
    above, below = (one.result for one in chains)
    after = [Words("derive.cases", {"slope": left, "on": formula.on, "above": above, "below": below})]
    if at is not None:
        after.append(Words("derive.kink", {"on": formula.on, "slope": left, "value": Num(at)}))
    elif above != below:
        after.append(Words("derive.smooth", {"on": formula.on}))
    given = (Words("derive.by_cases", {"on": formula.on, "definition": Line(f, (("=", formula.head),))}),)
    return Working(heading, given, tuple(chains), slope, tuple(after), names)


def _of_tanh(heading: Words, given: tuple[Words, ...], z: Name, a: Name, left: Derivative, at_kink: AtKink) -> Working:
    """(u / v)′ with u′ = v and v′ = u"""
    u, v = Name("u"), Name("v")
    up, down = Call("exp", (z,)), Call("exp", (Neg(z),))
    difference, total = Sum((up, Neg(down))), Sum((up, down))
    named = Words("derive.parts", {"parts": (Line(u, (("=", difference),)), Line(v, (("=", total),)))})
    chains = []
    for part, whole, slope, own in ((u, difference, v, total), (v, total, u, difference)):
        worked = chain(Derivative(z, part), Derivative(z, whole), at_kink)
        chains.append(ended(worked, [(_written(slope, own), slope)]))
    squares = Pow(u, 2), Pow(v, 2)
    tail: Tail = [
        (said("termwise"), Sum((ONE, Neg(Frac(*squares))))),
        (_written(a, Frac(u, v)), Sum((ONE, Neg(Pow(a, 2))))),
    ]
    main = chain(left, Derivative(z, Frac(u, v)), at_kink, {u: v, v: u}, algebra=("powers",))
    main = ended(main, tail)
    names: dict[Name, Expr] = {u: difference, v: total, a: Call("tanh", (z,))}
    return Working(heading, (*given, named), (*chains, main), main.result, conclusion(left, main.result), names)


def _written(name: Expr, formula: Expr) -> Words:
    return said("write", name=name, formula=formula)


def _replaced(old: Expr, new: Expr) -> Words:
    return said("replace", equation=Line(old, (("=", new),)))


def _end_of_sigmoid(_: Activation, z: Name, a: Name) -> Tail:
    power = Call("exp", (Neg(z),))
    below = Sum((ONE, power))
    output, less = Frac(ONE, below), Sum((below, Neg(ONE)))
    return (
        (said("split"), Prod((output, Frac(power, below)), "·")),
        (_replaced(power, less), Prod((output, Frac(less, below)), "·")),
        (said("termwise"), Prod((output, Sum((ONE, Neg(output)))))),
        (_written(a, output), Prod((a, Sum((ONE, Neg(a)))))),
    )


def _end_of_bipolar_sigmoid(_: Activation, z: Name, a: Name) -> Tail:
    more, less = Sum((ONE, a)), Sum((ONE, Neg(a)))
    half = Frac(more, TWO)
    return (
        (_replaced(Call("sigmoid", (z,)), half), Prod((TWO, half, Sum((ONE, Neg(half)))), "·")),
        (said("cancel"), Prod((more, Sum((ONE, Neg(half)))))),
        (said("common"), Prod((more, Frac(Sum((TWO, Neg(more))), TWO)), "·")),
        (said("signs"), Prod((more, Frac(Sum((TWO, Neg(ONE), Neg(a))), TWO)), "·")),
        (said("terms"), Prod((more, Frac(less, TWO)), "·")),
        (said("front"), Prod((Frac(ONE, TWO), more, less))),
    )


def _end_of_elu(activation: Activation, z: Name, a: Name) -> Tail:
    formula = activation.formula(z)
    assert isinstance(formula, Cases)
    bend, power = plain(formula.below), Call("exp", (z,))
    slope = activation.derivative(z, a, lambda _: Shown("0"))
    assert isinstance(slope, Cases)
    assert isinstance(slope.below, Sum)
    _, alpha = slope.below.terms
    whole = plain(Prod((alpha, power)))
    split = Sum((bend, alpha))
    return ((_replaced(whole, split), split), (_written(a, bend), Sum((a, alpha))))


def _end_of_softplus(_: Activation, z: Name, a: Name) -> Tail:
    up, down = Call("exp", (z,)), Call("exp", (Neg(z),))
    sigmoid = sigmoid_definition(z)
    return (
        (said("divide", factor=up), Frac(ONE, Sum((down, ONE)))),
        (said("order"), sigmoid),
        (_written(Call("sigmoid", (z,)), sigmoid), Call("sigmoid", (z,))),
    )


def _end_of_silu(_: Activation, z: Name, a: Name) -> Tail:
    sigmoid = Call("sigmoid", (z,))
    return (
        (_written(a, Prod((z, sigmoid))), Sum((sigmoid, Prod((a, Sum((ONE, Neg(sigmoid)))))))),
        (said("expand"), Sum((sigmoid, a, Neg(Prod((a, sigmoid)))))),
        (said("factor_out"), Sum((a, Prod((sigmoid, Sum((ONE, Neg(a)))))))),
    )


TAILS: Mapping[str, Callable[[Activation, Name, Name], Tail]] = {
    "sigmoid": _end_of_sigmoid,
    "bipolar_sigmoid": _end_of_bipolar_sigmoid,
    "elu": _end_of_elu,
    "softplus": _end_of_softplus,
    "silu": _end_of_silu,
}
ALGEBRA: Mapping[str, Sequence[str]] = {"bipolar_sigmoid": (), "silu": ()}  # the algebra before the tail; else all


def of_softmax(letters: Letters) -> Working:
    """∂p_i/∂z_j for i = j and for i ≠ j, then as one formula: p_i (δ_ij − p_j)"""
    i, j, k, s = Name("i"), Name("j"), Name("k"), Name("S")
    z_i, z_j, z_k = (letters.z(index) for index in "ijk")
    p_i, p_j = letters.a("i"), letters.a("j")
    up_i, up_j, up_k = (Call("exp", (z,)) for z in (z_i, z_j, z_k))
    total = Call("sum", (k, up_k))
    definition = Line(p_i, (("=", Frac(up_i, total)), ("=", Frac(up_i, s))))
    given = Words("derive.softmax", {"definition": definition, "sum": Line(s, (("=", total),))})

    def sides(first: Expr, *rest: tuple[Words, Expr]) -> tuple[Side, ...]:
        return Side(first), *(Side(expr, words) for words, expr in rest)

    def d(by: Name, of: Expr) -> Derivative:
        return Derivative(by, of, "∂")

    of_sum = Chain(
        d(z_j, s),
        sides(
            d(z_j, total),
            (said("sum"), Call("sum", (k, d(z_j, up_k)))),
            (said("others_constant", index=k, own=j), d(z_j, up_j)),
            (said("of.exp"), up_j),
        ),
    )
    square, whole = Pow(s, 2), Frac(up_i, s)
    same = Chain(
        d(z_i, p_i),
        sides(
            d(z_i, whole),
            (said("quotient"), Frac(Sum((Prod((d(z_i, up_i), s)), Neg(Prod((up_i, d(z_i, s)))))), square)),
            (said("of.exp"), Frac(Sum((Prod((up_i, s)), Neg(Prod((up_i, d(z_i, s)))))), square)),
            (said("insert"), Frac(Sum((Prod((up_i, s)), Neg(Prod((up_i, up_i))))), square)),
            (said("factor_out"), Frac(Prod((up_i, Sum((s, Neg(up_i))))), square)),
            (said("split"), Prod((whole, Frac(Sum((s, Neg(up_i))), s)), "·")),
            (said("termwise"), Prod((whole, Sum((ONE, Neg(whole)))))),
            (_written(p_i, whole), Prod((p_i, Sum((ONE, Neg(p_i)))))),
        ),
        (Words("derive.same", {"i": i, "j": j}),),
    )
    other = Chain(
        d(z_j, p_i),
        sides(
            d(z_j, whole),
            (said("reciprocal"), Neg(Frac(Prod((up_i, d(z_j, s))), square))),
            (said("insert"), Neg(Frac(Prod((up_i, up_j)), square))),
            (said("split"), Neg(Prod((whole, Frac(up_j, s)), "·"))),
            (said("write_both", first=p_i, second=p_j), Neg(Prod((p_i, p_j)))),
        ),
        (Words("derive.different", {"i": i, "j": j}),),
    )
    delta = letters.delta("i", "j")
    result = Prod((p_i, Sum((delta, Neg(p_j)))))
    line = Line(d(z_j, p_i), (("=", result),))
    after = (Words("derive.both", {"delta": delta, "i": i, "j": j, "result": line}),)
    heading = Words("derive.of_activation", {"name": Words("activation.softmax")})
    return Working(heading, (given,), (of_sum, same, other), result, after, {s: total, p_i: whole, p_j: Frac(up_j, s)})


# --- losses ----------------------------------------------------------------------------------------------------------


def of_loss(loss: Loss, letters: Letters, at_kink: AtKink, outputs: int | None = None) -> Working:
    """The derivative of one output's part of a loss, ending in the form that calc.ops states.

    Args:
        outputs: how many output units there are; None: any number n.
    """
    a, t, e = letters.a(), letters.t(), letters.e()
    part, result = _of_outputs(loss, a, t, at_kink, outputs)
    heading = Words("derive.of_loss", {"name": _called(loss)})
    cases: Cases | None = part if isinstance(part, Cases) else None
    match part:
        case Call("abs", (inside,)) as head:
            cases = Cases(head, on=inside, above=inside, at=ZERO, below=Neg(inside))
        case Call("max", (_, margin)) as head:
            cases = Cases(head, on=margin, above=margin, at=ZERO, below=ZERO)
    if cases is not None:
        tails: dict[bool, Tail] = {True: (), False: ()}
        if isinstance(result, Cases) and loss.name == "huber":
            tails[True] = ((said("odd"), plain(result.above)),)
        at = at_kink(loss.kinks[0]) if loss.kinks else None
        return by_cases(heading, e, a, cases, result, at, at_kink, tails, {e: part})
    left = Derivative(a, e, "∂")
    worked = ended(chain(left, Derivative(a, part, "∂"), at_kink), ((said("front"), result),))
    given = (Words("derive.given", {"definition": Line(e, (("=", part),))}),)
    return Working(heading, given, (worked,), worked.result, conclusion(left, worked.result), {e: part})


def _of_outputs(loss: Loss, a: Expr, t: Expr, at_kink: AtKink, outputs: int | None) -> tuple[Expr, Expr]:
    """One output's part of the loss and its derivative; where they hang on how many outputs there are, of n."""
    some, more = 2, 3
    if outputs is not None or loss.part(a, t, some) == loss.part(a, t, more):
        number = outputs or 1
        return loss.part(a, t, number), loss.derivative(a, t, number, at_kink)
    n, found = Name("n"), (loss.part(a, t, more), loss.derivative(a, t, more, at_kink))

    def general(expr: Expr) -> Expr:
        return n if expr == Num.of(more) else expr

    part, slope = (everywhere(expr, general) for expr in found)
    return part, slope


# --- a loss of an activation -----------------------------------------------------------------------------------------


def of_both(
    activation: Activation, loss: Loss, letters: Letters, at_kink: AtKink, outputs: int | None = None
) -> Working:
    """∂E/∂z by the chain rule, from the derivatives of the loss and of the activation."""
    heading = Words("derive.of_both", {"activation": _called(activation), "loss": _called(loss)})
    if activation.name == "softmax":
        return _of_softmax_loss(heading, loss, letters, at_kink, outputs)
    z, a, t, e = letters.z(), letters.a(), letters.t(), letters.e()
    outer = _of_outputs(loss, a, t, at_kink, outputs)[1]
    inner = activation.derivative(z, a, at_kink)
    left = Derivative(z, e, "∂")
    product = Prod((Derivative(a, e, "∂"), Derivative(z, a)), "·")
    inserted = Prod((outer, inner), "·")
    first = Side(product, said("chain_rule")), Side(inserted, said("insert"))
    worked = Chain(left, (*first, *simplified(plain(inserted))))
    names = {e: loss.part(a, t, outputs or 1)}
    return Working(heading, (), (worked,), worked.result, conclusion(left, worked.result), names)


def _of_softmax_loss(heading: Words, loss: Loss, letters: Letters, at_kink: AtKink, outputs: int | None) -> Working:
    """The sum over all outputs, since z_j is part of each; with cross-entropy a_j − t_j is left of it."""
    i, j, e = Name("i"), Name("j"), letters.e()
    z_j, a_i, a_j, t_i, t_j = letters.z("j"), letters.a("i"), letters.a("j"), letters.t("i"), letters.t("j")
    delta = letters.delta("i", "j")
    outer = _of_outputs(loss, a_i, t_i, at_kink, outputs)[1]
    bracket = Sum((delta, Neg(a_j)))
    inserted = Prod((outer, Prod((a_i, bracket))), "·")
    left = Derivative(z_j, e, "∂")
    product = Prod((Derivative(a_i, e, "∂"), Derivative(z_j, a_i, "∂")), "·")

    def over(expr: Expr) -> Expr:
        return Call("sum", (i, expr))

    sides = [Side(over(product), said("chain_rule")), Side(over(inserted), said("insert"))]
    if isinstance(loss, CrossEntropy):
        total = over(t_i)
        sides += [
            Side(over(Neg(Prod((t_i, bracket)))), said("cancel")),
            Side(over(Sum((Neg(Prod((t_i, delta))), Prod((t_i, a_j))))), said("expand")),
            Side(Sum((over(Neg(Prod((t_i, delta)))), Prod((a_j, total)))), said("sums")),
            Side(Sum((Neg(t_j), Prod((a_j, total)))), said("kronecker", delta=delta, i=i, j=j)),
            Side(Sum((Neg(t_j), a_j)), said("unit_sum", sum=Line(total, (("=", ONE),)))),
            Side(Sum((a_j, Neg(t_j))), said("order")),
        ]
    worked = Chain(left, tuple(sides))
    return Working(heading, (), (worked,), worked.result, conclusion(left, worked.result), {})
