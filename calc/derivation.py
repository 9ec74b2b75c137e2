"""Derivatives worked line by line, one rule a line, the rule named: from the definition to the form of the textbook.

z    what is differentiated by: a pre-activation, or any name of a formula
a    activation, p of a softmax; t its target; E the loss
u, v parts of a long formula, which have lines of their own

The rules are those of calc.differentiate, the algebra that of calc.algebra: what is shown is what is computed with.
SymPy is no part of this: it reorders what it prints, and takes longer to load than all of this to run. It is the
referee in the tests, where every line is proven equal to the one before it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from calc.algebra import REWRITINGS, everywhere, parts, plain, rewriting, size
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
    Pow,
    Prod,
    Quantity,
    Sum,
    quantities,
    rename,
)

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
    return Chain(left, (*sides, *simplified(expr, algebra)), lead, where)


def simplified(expr: Expr, algebra: Sequence[str] | None = None) -> Iterable[Side]:
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
    after = (*conclusion(Derivative(by, f, sign), result), *signs_said(one.result for one in chains))
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
                more += simplified(expr)
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


def signs_said(results: Iterable[Expr]) -> Iterable[Words]:
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
