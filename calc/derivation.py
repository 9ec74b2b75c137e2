"""Derivatives worked line by line, one rule a line, the rule named: from the definition to the form of the textbook.

z    what is differentiated by: a pre-activation, or any name of a formula
a    activation, p of a softmax; t its target; E the loss
u, v parts of a long formula, which have lines of their own

The rules are those of calc.differentiate, the algebra that of calc.algebra: what is shown is what is computed with.
SymPy is no part of this: it reorders what it prints, and takes longer to load than all of this to run. It is the
referee in the tests, where every line is proven equal to the one before it.

To add the end of a derivation that the algebra does not find by itself: a function in TAILS.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from calc.algebra import ONE, REWRITINGS, TWO, ZERO, everywhere, parts, plain, rewriting, size
from calc.differentiate import rule
from calc.document import Argument, Line, Words
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
    Quantity,
    Sum,
    quantities,
    rename,
    sigmoid_definition,
)
from calc.number import Shown
from calc.ops.activations import Activation
from calc.ops.losses import CrossEntropy, Loss

MOST_RULES = 2000  # of one chain of lines; a formula that the parser accepts has fewer
LENGTHS = (30, 18, 11, 7, 4, 3)  # names and numbers of a formula in one piece, tried until every line fits
MOST_PUT_IN = LENGTHS[0]  # names and numbers of a derivative that the parts are put into at the end
SHORT = 4  # names and numbers of a derivative that is put in where it is used


@dataclass(frozen=True)
class Side:
    """One line: a formula, and by which rule it follows from the one before; the first follows from nothing."""

    expr: Expr
    rule: Words | None = None


@dataclass(frozen=True)
class Chain:
    """left = side = side = …; ``lead`` is said before it; ``where``: it holds where that is positive (True) or not."""

    left: Expr
    sides: tuple[Side, ...]
    lead: tuple[Words, ...] = ()
    where: tuple[Expr, bool] | None = None

    @property
    def result(self) -> Expr:
        return self.sides[-1].expr


@dataclass(frozen=True)
class Working:
    """One derivative: what the names stand for, the lines, what they come to."""

    heading: Words
    given: tuple[Words, ...]
    chains: tuple[Chain, ...]
    result: Expr
    after: tuple[Words, ...] = ()
    names: Mapping[Name, Expr] = field(default_factory=dict)  # what each name that was introduced stands for


class Letters:
    """What the quantities of a unit are called; ``prefix`` marks them as those of any unit of a network."""

    def __init__(self, prefix: str = "", output: str = "a") -> None:
        self.prefix, self.output = prefix, output

    def z(self, *index: str) -> Name:
        return Name(f"{self.prefix}z", None, index)

    def a(self, *index: str) -> Name:
        return Name(f"{self.prefix}{self.output}", None, index)

    def t(self, *index: str) -> Name:
        return Name(f"{self.prefix}t", None, index)

    def e(self) -> Name:
        return Name(f"{self.prefix}E")

    def delta(self, *index: str) -> Name:
        """1 where both indices are the same, else 0."""
        return Name(f"{self.prefix}delta", None, index)


def said(name: str, /, **args: Argument) -> Words:
    """The name of a rule: "chain.exp" is the chain rule with the function exp."""
    kind, dot, function = name.partition(".")
    return Words(f"because.{kind}", {"function": Words(f"function.{function}")} if dot else args)


# --- one chain of lines ----------------------------------------------------------------------------------------------

Tail = Sequence[tuple[Words, Expr]]


def chain(
    left: Expr,
    pending: Derivative,
    at_kink: AtKink,
    known: Mapping[Name, Expr] | None = None,
    algebra: Sequence[str] | None = None,
    lead: tuple[Words, ...] = (),
    where: tuple[Expr, bool] | None = None,
) -> Chain:
    """Work ``pending``: the rules of differentiation, then those of algebra.

    Args:
        known: derivatives of the names of parts, worked before; short ones are put in.
        algebra: the rewritings that are used; None: all.
    """
    known = known or {}
    sides = [Side(pending)]
    expr: Expr = pending
    for _ in range(MOST_RULES):
        found = _ruled(expr, at_kink, known)
        if found is None:
            break
        expr = found.expr
        sides.append(found)
    short = {name: slope for name, slope in known.items() if size(slope) <= SHORT}
    inserted = plain(everywhere(expr, lambda part: _inserted(part, short)))
    if inserted != expr:
        expr = inserted
        sides.append(Side(expr, said("insert")))
    return Chain(left, (*sides, *_simplified(expr, algebra)), lead, where)


def _simplified(expr: Expr, algebra: Sequence[str] | None = None) -> Iterable[Side]:
    chosen = REWRITINGS if algebra is None else [one for one in REWRITINGS if one[0] in algebra]
    while (found := rewriting(expr, chosen)) is not None:
        name, expr = found
        yield Side(expr, said(name))


def _ruled(expr: Expr, at_kink: AtKink, known: Mapping[Name, Expr]) -> Side | None:
    """The first pending derivative worked by one rule; what is constant, or the variable, everywhere at once."""
    done: dict[Expr, Expr] = {}
    used = ""
    for pending in _pending(expr):
        if pending.of in known or pending in done:
            continue
        name, result = rule(pending, at_kink, known)
        if not used or (used == name and name in ("constant", "variable", "linear")):
            used = name
            done[pending] = result
    if not used:
        return None
    return Side(plain(everywhere(expr, lambda part: done.get(part, part))), said(used))


def _pending(expr: Expr) -> Iterable[Derivative]:
    """In the order of reading."""
    if isinstance(expr, Derivative):
        yield expr
    for part in parts(expr):
        yield from _pending(part)


def _inserted(part: Expr, known: Mapping[Name, Expr]) -> Expr:
    return known.get(part.of, part) if isinstance(part, Derivative) and isinstance(part.of, Name) else part


def ended(worked: Chain, tail: Tail) -> Chain:
    """The same lines with what else leads to the form of the textbook."""
    if worked.result in [expr for _, expr in tail[-1:]]:
        return worked
    sides = [Side(expr, words) for words, expr in tail]
    return Chain(worked.left, (*worked.sides, *sides), worked.lead, worked.where)


# --- any formula -----------------------------------------------------------------------------------------------------


def of_formula(formula: Expr, by: Name, f: Name, at_kink: AtKink, fits: Callable[[Expr], bool]) -> Working:
    """The derivative of a formula by one of its names.

    Args:
        f: what the formula is called.
        fits: whether a side goes into rows of the page; where one does not, parts of the formula get names.
    """
    for longest in LENGTHS:
        working = _of_formula(formula, by, f, at_kink, longest, fits)
        if working is not None:
            return working
    raise AssertionError("the last length takes everything")


def _of_formula(
    formula: Expr, by: Name, f: Name, at_kink: AtKink, longest: int, fits: Callable[[Expr], bool]
) -> Working | None:
    """The same with parts of at most ``longest`` names and numbers; None where a line does not fit."""
    sign = "d" if all(quantity == by for quantity in quantities(formula)) else "∂"
    names, whole = shortened(formula, longest, [*quantities(formula), f])
    known: dict[Name, Expr] = {}
    chains: list[Chain] = []
    for name, part in names.items():
        if _depends(part, by, known):
            worked = chain(Derivative(by, name, sign), Derivative(by, part, sign), at_kink, known)
            if not _goes(worked, longest, fits):
                return None
            chains.append(worked)
            known[name] = worked.result
    chains.append(chain(Derivative(by, f, sign), Derivative(by, whole, sign), at_kink, known))
    if not _goes(chains[-1], longest, fits):
        return None
    chains[-1] = _put_in(chains[-1], names, known, fits)
    given = [Words("derive.given", {"definition": Line(f, (("=", whole),))})]
    if names:
        lines = tuple(Line(name, (("=", part),)) for name, part in names.items())
        given.append(Words("derive.parts", {"parts": lines}))
    result = chains[-1].result
    after = (*conclusion(Derivative(by, f, sign), result), *_signs_said(one.result for one in chains))
    if any(quantity in names for quantity in quantities(result)):
        after = (*after, Words("derive.as_above"))
    return Working(Words("derive.of", {"name": f}), tuple(given), tuple(chains), result, after, names)


def _put_in(
    worked: Chain, names: Mapping[Name, Expr], known: Mapping[Name, Expr], fits: Callable[[Expr], bool]
) -> Chain:
    """The same lines, then the derivatives of the parts put in, then the parts, as far as the page takes it.

    The derivatives all or none; of the parts what fits.
    """
    sides = list(worked.sides)

    def derived(expr: Expr) -> Expr:
        return everywhere(expr, lambda part: _inserted(part, known))

    def written(expr: Expr) -> Expr:
        return rename(expr, lambda quantity: names.get(quantity, quantity) if isinstance(quantity, Name) else quantity)

    for put in (derived, written):
        while (expr := plain(put(sides[-1].expr))) != sides[-1].expr:
            more = [Side(expr, said("insert"))]
            if size(expr) <= MOST_PUT_IN:
                more += _simplified(expr)
            if not all(size(side.expr) <= MOST_PUT_IN and fits(side.expr) for side in more):
                return worked if put is derived else Chain(worked.left, tuple(sides), worked.lead, worked.where)
            sides += more
    return Chain(worked.left, tuple(sides), worked.lead, worked.where)


def _goes(worked: Chain, longest: int, fits: Callable[[Expr], bool]) -> bool:
    """Whether every line fits; of the shortest parts all do, since a name cannot be made shorter."""
    if longest == LENGTHS[-1]:
        return True
    return all(size(side.expr) <= 5 * longest and fits(side.expr) for side in worked.sides)


def conclusion(left: Expr, result: Expr) -> tuple[Words, ...]:
    """What the lines have come to."""
    return (Words("derive.result", {"result": Line(left, (("=", result),))}),)


def _signs_said(results: Iterable[Expr]) -> Iterable[Words]:
    """What the case distinctions in results mean, each once: of a tie of max one H has a share, another the rest."""
    found: dict[Cases, None] = {}

    def note(part: Expr) -> Expr:
        if isinstance(part, Cases):
            found[part] = None
        return part

    for result in results:
        everywhere(result, note)
    for case in found:
        args = {"head": case.head, "on": case.on, "above": case.above, "below": case.below, "at": case.at}
        yield Words("derive.case", args)


def _depends(expr: Expr, by: Name, known: Mapping[Name, Expr]) -> bool:
    return any(quantity == by or quantity in known for quantity in quantities(expr))


def shortened(formula: Expr, longest: int, taken: Sequence[Quantity]) -> tuple[dict[Name, Expr], Expr]:
    """A formula of at most ``longest`` names and numbers over names of its parts, each no longer than that itself.

    Returns:
        What the names stand for, inner parts first, and the formula.
    """
    found: dict[Expr, Name] = {}
    used = {quantity.id for quantity in taken}

    def name(part: Expr) -> Name:
        if part not in found:
            letters = (Name(letter) for letter in "uvw")
            free = (one for one in letters if one.id not in used)
            number = len(found) + 1
            found[part] = next(free, Name("u", None, (number,)))
            while found[part].id in used:
                number += 1
                found[part] = Name("u", None, (number,))
            used.add(found[part].id)
        return found[part]

    def visit(expr: Expr) -> Expr:
        if size(expr) <= longest:
            return expr
        match expr:
            case Call(function, args):
                inner = tuple(map(visit, args))
                room = max(2, longest // len(inner))
                return Call(function, tuple([name(arg) if size(arg) >= room else arg for arg in inner]))
            case Sum(terms) | Prod(terms):
                short = tuple([visit(term) for term in terms])
                while sum(map(size, short)) > longest and len(short) > 1:
                    short = grouped(expr, short)
                return Sum(short) if isinstance(expr, Sum) else Prod(short, expr.sign)
            case Frac(num, den):
                over, under = visit(num), visit(den)
                if size(over) + size(under) > longest:
                    over, under = (name(part) if size(part) > longest // 2 else part for part in (over, under))
                return Frac(over, under)
            case Pow(base, exponent):
                base = visit(base)
                base = name(base) if size(base) >= longest else base
                if isinstance(exponent, int):
                    return Pow(base, exponent)
                exponent = visit(exponent)
                return Pow(base, name(exponent) if size(base) + size(exponent) > longest else exponent)
            case Neg(arg):
                return Neg(visit(arg))
        return expr

    def grouped(whole: Sum | Prod, inner: tuple[Expr, ...]) -> tuple[Expr, ...]:
        """Neighbours together under a name each, as many as fit."""
        groups: list[list[Expr]] = [[]]
        for part in inner:
            if groups[-1] and sum(map(size, groups[-1])) + size(part) > longest:
                groups.append([])
            groups[-1].append(part)
        if all(len(group) == 1 for group in groups) and all(size(group[0]) == 1 for group in groups):
            half = (len(inner) + 1) // 2
            groups = [list(inner[:half]), list(inner[half:])]
        out: list[Expr] = []
        for group in groups:
            if len(group) == 1:
                (part,) = group
                minus = isinstance(part, Neg) and isinstance(whole, Sum)
                bare = part.arg if isinstance(part, Neg) and minus else part
                named = name(bare) if size(bare) > 1 else bare
                out.append(Neg(named) if minus else named)
            else:
                out.append(name(Sum(tuple(group)) if isinstance(whole, Sum) else Prod(tuple(group), whole.sign)))
        return tuple(out)

    whole = visit(formula)
    return {name: part for part, name in found.items()}, whole


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
    worked = Chain(left, (*first, *_simplified(plain(inserted))))
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
