"""The expression tree: what a step stores, prints and evaluates.

w x + b             Sum((Prod((w, x)), b))
1 / (1 + e^(-z))    Frac(1, Sum((1, Call("exp", (Neg(z),)))))
∂E/∂w               Partial(E, w)

Nodes are never changed once made; they are not frozen, since that would triple the time to make one.

A tree over names is the symbolic line; ``substitute`` puts printed numbers for its names and makes the
substituted line; ``evaluate`` gives the value. All three come from the one tree, so they cannot drift apart.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from flint import arb, fmpq

from calc.number import Number, Shown, Undefined, decided, is_nothing, sign

if TYPE_CHECKING:
    import sympy


# the derivative at a kink by the name of the convention that settles it: kinks, relu_at_zero
AtKink = Callable[[str], Shown]

_ONE: Number = fmpq(1)


class Quantity:
    """Something with a value of its own: a Name or a Partial. Two are equal where their ids are."""

    __slots__ = ("id",)
    id: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<{self.id}>"


class Name(Quantity):
    """A quantity's identity: kind, layer, indices from 1, sample from 1, and whether it is the updated one.

    w2_1_3   Name("w", 2, (1, 3)): layer 2, to unit 1 from unit 3
    z1_2@3   Name("z", 1, (2,), sample=3)
    b1_2'    Name("b", 1, (2,), updated=True)

    An index or a sample may be a letter where a formula speaks of any, e.g. t_j or E@s.
    """

    __slots__ = ("index", "kind", "layer", "sample", "stem", "updated")
    stem: str  # the id without its sample

    def __init__(
        self,
        kind: str,
        layer: int | None = None,
        index: tuple[int | str, ...] = (),
        sample: int | str | None = None,
        updated: bool = False,
    ) -> None:
        self.kind, self.layer, self.index, self.sample, self.updated = kind, layer, index, sample, updated
        stem = kind if layer is None else f"{kind}{layer}"
        for i in index:
            stem += f"_{i}"
        self.stem = stem + "'" if updated else stem
        self.id = self.stem if sample is None else f"{self.stem}@{sample}"

    def at(self, sample: int | str | None) -> "Name":
        """The same quantity of one sample."""
        return Name(self.kind, self.layer, self.index, sample, self.updated)

    def after_update(self) -> "Name":
        """The same quantity after the update: w' of w."""
        return Name(self.kind, self.layer, self.index, self.sample, True)


class Partial(Quantity):
    """∂of/∂by; along one path only where ``via`` names the quantity it leads through."""

    __slots__ = ("by", "of", "sample", "via")

    def __init__(self, of: Name, by: Name, via: Name | None = None, sample: int | str | None = None) -> None:
        self.of, self.by, self.via = of, by, via
        for s in (of.sample, by.sample, via.sample if via else None):
            sample = s if sample is None else sample
        self.sample = sample
        id = f"d{of.stem}/d{by.stem}"
        if via is not None:
            id += f"|{via.stem}"
        self.id = id if sample is None else f"{id}@{sample}"


node = dataclass(
    slots=True, unsafe_hash=True
)  # never changed, though not frozen: that would triple the time to make one


@dataclass(slots=True, unsafe_hash=True)
class Num:
    """A number as printed.

    ``source``: where it is the value of a quantity, the trace and the quantity's id; two numbers are the same without.
    """

    shown: Shown
    source: "tuple[object, str] | None" = field(default=None, compare=False, repr=False)

    @staticmethod
    @cache
    def of(value: int) -> "Num":
        return Num(Shown(str(value)))


@dataclass(slots=True, unsafe_hash=True)
class Sum:
    """a + b − c; a Neg among the terms prints as subtraction."""

    terms: tuple["Expr", ...]


def sum_of(terms: Sequence["Expr"]) -> "Expr":
    """The sum of one or more terms."""
    return terms[0] if len(terms) == 1 else Sum(tuple(terms))


@dataclass(slots=True, unsafe_hash=True)
class Neg:
    """−a."""

    arg: "Expr"


@dataclass(slots=True, unsafe_hash=True)
class Prod:
    """a b, or with a sign between the factors: "·" between factors of the chain rule, "×" between numbers."""

    factors: tuple["Expr", ...]
    sign: str = ""


@dataclass(slots=True, unsafe_hash=True)
class Frac:
    """num / den."""

    num: "Expr"
    den: "Expr"


@dataclass(slots=True, unsafe_hash=True)
class Pow:
    """base ** exponent, the exponent a positive whole number or a formula."""

    base: "Expr"
    exponent: "int | Expr"


@dataclass(slots=True, unsafe_hash=True)
class Call:
    """A function of FUNCTIONS applied to its arguments."""

    function: str
    args: tuple["Expr", ...]


@dataclass(slots=True, unsafe_hash=True)
class Cases:
    """``head`` is how it is written; its value is ``above``, ``at`` or ``below`` as ``on`` is > 0, = 0 or < 0."""

    head: Call
    on: "Expr"
    above: "Expr"
    at: "Expr"
    below: "Expr"


@dataclass(slots=True, unsafe_hash=True)
class Matrix:
    """Entries as printed, rows of equal length; ``name`` is the quantity without indices that they are the entries of.

    In a symbolic line a matrix is that name, e.g. Name("w", 2); ``guarded``: its numbers have guard digits.
    """

    rows: tuple[tuple["Expr", ...], ...]
    name: Quantity | None = None
    guarded: bool = False


@dataclass(slots=True, unsafe_hash=True)
class Transposed:
    """A matrix with its rows as columns."""

    arg: "Expr"


@dataclass(slots=True, unsafe_hash=True)
class Shape:
    """(rows × columns), what stands under a matrix in a line of shapes."""

    rows: int
    columns: int


@dataclass(slots=True, unsafe_hash=True)
class Derivative:
    """d/dby of ``of``, not yet worked; ``sign`` is "d", or "∂" where there are other names."""

    by: Name
    of: "Expr"
    sign: str = "d"


Expr = Derivative | Quantity | Num | Sum | Neg | Prod | Frac | Pow | Call | Cases | Matrix | Transposed | Shape


@dataclass(frozen=True)
class Function:
    """How a function is evaluated, what it stands for where it is an abbreviation, and SymPy's name for it."""

    evaluate: Callable[..., Number] | None = None
    definition: Callable[..., Expr] | None = None
    sympy: str = ""


def _exp(value: Number) -> Number:
    return fmpq(1) if isinstance(value, fmpq) and value == 0 else arb(value).exp()


def _ln(value: Number) -> Number:
    if sign(value) <= 0:
        raise Undefined("the logarithm of a number that is not positive")
    return fmpq(0) if value == 1 else arb(value).log()


def _tanh(value: Number) -> Number:
    return fmpq(0) if isinstance(value, fmpq) and value == 0 else arb(value).tanh()


def _erf(value: Number) -> Number:
    return fmpq(0) if isinstance(value, fmpq) and value == 0 else arb(value).erf()


def _sqrt(value: Number) -> Number:
    if sign(value) < 0:
        raise Undefined("the square root of a negative number")
    if isinstance(value, fmpq):
        above, below = value.p.isqrt(), value.q.isqrt()
        if above * above == value.p and below * below == value.q:
            return fmpq(above, below)
    if is_nothing(value):  # such as g² of a gradient that cancels: its ball reaches below 0, where arb has no root
        return value  # it counts as 0, and so does its root
    return arb(value).sqrt()


def _abs(value: Number) -> Number:
    return value if sign(value) >= 0 else -value


def _max(first: Number, second: Number) -> Number:
    return first if sign(first - second) > 0 else second


def _min(first: Number, second: Number) -> Number:
    return first if sign(first - second) < 0 else second


def _sin(value: Number) -> Number:
    return fmpq(0) if isinstance(value, fmpq) and value == 0 else arb(value).sin()


def _cos(value: Number) -> Number:
    return fmpq(1) if isinstance(value, fmpq) and value == 0 else arb(value).cos()


SMALL_POWER = 8  # worked factor by factor
MOST_SQUARED = 2**64  # beyond it by logarithm, not by squaring
LARGEST_EXACT = 2**14  # bits of an exact number; beyond them it is a certified ball


def _power(base: Number, exponent: Number) -> Number:
    """base ** exponent over the real numbers: a negative base takes whole exponents only."""
    if isinstance(exponent, fmpq) and exponent.q == 1:
        n = int(exponent.p)
        if n < 0 and sign(base) == 0:
            raise Undefined("division by 0")
        if n == 0:
            return fmpq(1)
        if isinstance(base, fmpq) and (base.p.bit_length() + base.q.bit_length()) * abs(n) <= LARGEST_EXACT:
            return base**n
        if abs(n) < MOST_SQUARED:
            return _whole_power(arb(base), n)
        if sign(base) == 0:
            return fmpq(0)
        size = (arb(n) * abs(arb(base)).log()).exp()
        return -size if n % 2 and sign(base) < 0 else size
    side = sign(base)
    if side < 0:
        raise Undefined("a power of a negative number with an exponent that is not whole")
    if side == 0:
        if sign(exponent) <= 0:
            raise Undefined("a power of 0 with an exponent that is not positive")
        return fmpq(0)
    if base == 1:
        return fmpq(1)
    if isinstance(exponent, fmpq) and exponent.q == 2 and isinstance(base, fmpq) and abs(exponent.p) < 100:
        return _power(_sqrt(base), fmpq(exponent.p))
    return (arb(exponent) * arb(base).log()).exp()


def _whole_power(base: arb, n: int) -> Number:
    if n < 0:
        return 1 / _whole_power(base, -n)
    power: arb | None = None
    while n:  # by squaring, not **, which is nan for a ball around 0
        if n & 1:
            power = base if power is None else power * base
        n >>= 1
        if n:
            base = base * base
    assert power is not None
    return power


def _pi() -> Number:
    return arb.pi()


def sigmoid_definition(z: Expr) -> Expr:
    """1 / (1 + e^(−z))"""
    return Frac(Num.of(1), Sum((Num.of(1), Call("exp", (Neg(z),)))))


def relu_definition(z: Expr) -> Expr:
    """max(0, z)"""
    return Call("max", (Num.of(0), z))


FUNCTIONS: dict[str, Function] = {
    "exp": Function(_exp, sympy="exp"),
    "ln": Function(_ln, sympy="log"),
    "tanh": Function(_tanh, sympy="tanh"),
    "erf": Function(_erf, sympy="erf"),
    "sqrt": Function(_sqrt, sympy="sqrt"),
    "abs": Function(_abs, sympy="Abs"),
    "max": Function(_max, sympy="Max"),
    "min": Function(_min, sympy="Min"),
    "sin": Function(_sin, sympy="sin"),
    "cos": Function(_cos, sympy="cos"),
    "pi": Function(_pi),  # a constant: a function of nothing
    "sigmoid": Function(definition=sigmoid_definition),
    "relu": Function(definition=relu_definition),
    "loss": Function(),  # E(p), the loss as a function of one parameter
    "sum": Function(),  # Σ_k of the second argument, k the first: what a derivation says of any number of units
}


def evaluate(expr: Expr, values: Mapping[str, Number]) -> Number:
    """The value of ``expr`` with ``values[id]`` for each quantity; exact where the operations allow it.

    Raises:
        Undecided: a case distinction or a quotient hangs on a ball that contains 0.
        Undefined: a denominator is 0, or a function has no value there.
    """
    match expr:
        case Quantity():
            return values[expr.id]
        case Num():
            return expr.shown.value
        case Prod():
            product, zero = _ONE, False
            for part in expr.factors:
                factor = values[part.id] if isinstance(part, Quantity) else evaluate(part, values)
                product = factor if product is _ONE else product * factor
                zero = zero or (isinstance(factor, fmpq) and not factor)
            return fmpq(0) if zero else product  # exactly, whatever ball stands beside it
        case Sum():
            total = evaluate(expr.terms[0], values)
            for term in expr.terms[1:]:
                total = total + (values[term.id] if isinstance(term, Quantity) else evaluate(term, values))
            return total
        case Neg():
            return -evaluate(expr.arg, values)
        case Frac():
            below = evaluate(expr.den, values)
            if sign(below) == 0:
                raise Undefined("division by 0")
            return evaluate(expr.num, values) / below
        case Pow():
            power = base = evaluate(expr.base, values)
            if not isinstance(expr.exponent, int):
                return _power(base, evaluate(expr.exponent, values))
            if expr.exponent > SMALL_POWER:
                return _power(base, fmpq(expr.exponent))
            for _ in range(expr.exponent - 1):  # not **, which is nan for a ball around 0
                power = power * base
            return power
        case Call():
            function = FUNCTIONS[expr.function]
            if function.definition is not None:
                return evaluate(function.definition(*expr.args), values)
            assert function.evaluate is not None, expr.function
            return function.evaluate(*(evaluate(arg, values) for arg in expr.args))
        case Cases():
            branch = {1: expr.above, 0: expr.at, -1: expr.below}[sign(evaluate(expr.on, values))]
            return evaluate(branch, values)
    raise TypeError(f"{expr!r} is no number")


def bounded(value: Number) -> Number:
    """The same, as a ball where its exact digits would multiply without end, as in q = p p, r = q q, s = r r …"""
    if isinstance(value, fmpq) and value.p.bit_length() + value.q.bit_length() > LARGEST_EXACT:
        return arb(value)
    return value


def quantities(expr: Expr) -> tuple[Quantity, ...]:
    """The names in ``expr``, each once, in the order of writing; of a matrix those of its entries."""
    found: dict[str, Quantity] = {}
    _collect(expr, found)
    return tuple(found.values())


def _collect(expr: Expr, found: dict[str, Quantity]) -> None:
    match expr:
        case Quantity():
            found.setdefault(expr.id, expr)
        case Sum(parts) | Prod(parts) | Call(_, parts):
            for part in parts:
                if isinstance(part, Quantity):
                    found.setdefault(part.id, part)
                else:
                    _collect(part, found)
        case Neg(arg) | Transposed(arg) | Derivative(_, arg):
            _collect(arg, found)
        case Pow(base, exponent):
            _collect(base, found)
            if not isinstance(exponent, int):
                _collect(exponent, found)
        case Matrix(rows):
            for row in rows:
                for part in row:
                    _collect(part, found)
        case Frac(num, den):
            _collect(num, found)
            _collect(den, found)
        case Cases(_, on, above, at, below):
            for part in (on, above, at, below):
                _collect(part, found)


def children(expr: Expr) -> tuple[Expr, ...]:
    """What an operation is made of; nothing of a quantity, a number or a matrix."""
    match expr:
        case Sum(parts) | Prod(parts) | Call(_, parts):
            return parts
        case Neg(arg) | Transposed(arg):
            return (arg,)
        case Frac(num, den):
            return num, den
        case Pow(base, exponent):
            return (base,) if isinstance(exponent, int) else (base, exponent)
        case Cases(_, on, above, at, below):
            return on, above, at, below
    return ()


def parts(expr: Expr) -> Iterator[Expr]:
    """An expression and everything within it."""
    yield expr
    for part in children(expr):
        yield from parts(part)


def at_kink(expr: Expr, values: Mapping[str, Number]) -> bool:
    """Whether a case distinction in ``expr`` stands exactly between its cases.

    Raises:
        Undecided: see ``evaluate``.
    """
    if isinstance(expr, Cases):
        side = sign(evaluate(expr.on, values))
        return side == 0 or at_kink(expr.above if side > 0 else expr.below, values)
    return any(at_kink(part, values) for part in children(expr))


def rename(expr: Expr, new: Callable[[Quantity], Expr]) -> Expr:
    """The same formula over other names."""
    match expr:
        case Quantity():
            return new(expr)
        case Num():
            return expr
        case Sum(terms):
            return Sum(tuple([rename(term, new) for term in terms]))
        case Neg(arg):
            return Neg(rename(arg, new))
        case Prod(factors, mark):
            return Prod(tuple([rename(factor, new) for factor in factors]), mark)
        case Frac(num, den):
            return Frac(rename(num, new), rename(den, new))
        case Pow(base, exponent):
            return Pow(rename(base, new), exponent if isinstance(exponent, int) else rename(exponent, new))
        case Call(function, args):
            return Call(function, tuple([rename(arg, new) for arg in args]))
        case Cases(head, on, above, at, below):
            new_head = Call(head.function, tuple([rename(arg, new) for arg in head.args]))
            return Cases(new_head, rename(on, new), rename(above, new), rename(at, new), rename(below, new))
        case Transposed(arg):
            return Transposed(rename(arg, new))
        case Derivative(by, of, d):
            renamed = new(by)
            assert isinstance(renamed, Name), "a derivative is by a name"
            return Derivative(renamed, rename(of, new), d)
        case Matrix() | Shape():
            return expr


def negated(expr: Expr) -> Expr:
    """−expr as a person writes it: t − a of a − t, t / a of −t / a."""
    match expr:
        case Neg(arg):
            return arg
        case Sum((a, Neg(b))):
            return Sum((b, Neg(a)))
        case Frac(num, den) if not isinstance(turned := negated(num), Neg):
            return Frac(turned, den)
        case Prod(factors, sign):
            for i, factor in enumerate(factors):
                if not isinstance(turned := negated(factor), Neg):
                    return Prod((*factors[:i], turned, *factors[i + 1 :]), sign)
    return Neg(expr)


def substitute(expr: Expr, printed: Mapping[str, Shown]) -> Expr:
    """Put the printed numbers for the names, × between factors, and definitions for abbreviations."""
    match expr:
        case Quantity():
            return Num(printed[expr.id])
        case Num():
            return expr
        case Sum(terms):
            first, *rest = [substitute(term, printed) for term in terms]
            return Sum((_unsigned(first), *rest))
        case Neg(arg):
            return Neg(_unsigned(substitute(arg, printed)))
        case Prod(factors):
            return Prod(tuple([_unsigned(substitute(factor, printed)) for factor in factors]), "×")
        case Frac(num, den):
            return Frac(_unsigned(substitute(num, printed)), substitute(den, printed))
        case Pow(base, exponent):
            above = exponent if isinstance(exponent, int) else substitute(exponent, printed)
            return Pow(_unsigned(substitute(base, printed)), above)
        case Call(function, args):
            definition = FUNCTIONS[function].definition
            if definition is not None:
                return substitute(definition(*args), printed)
            put = [substitute(arg, printed) for arg in args]
            return Call(function, tuple(put if function == "exp" else map(_unsigned, put)))  # e^(-0), as on paper
        case Cases(head, on, above, at, below):
            values = {id: shown.value for id, shown in printed.items()}
            side = decided(lambda: sign(evaluate(on, values)))
            branch = {1: above, 0: at, -1: below}[side]
            # H(0) does not say whose share of a tie it is: the share stands there
            if quantities(branch) or (side == 0 and head.function == "H"):
                return substitute(branch, printed)  # the case that applies, worked
            args = tuple([substitute(arg, printed) for arg in head.args])
            return Cases(Call(head.function, args), substitute(on, printed), above, at, below)
        case Matrix() | Transposed() | Shape() | Derivative():
            raise TypeError(f"{expr!r} is no number")


def _unsigned(expr: Expr) -> Expr:
    """0 for −0, which is no number."""
    return expr.arg if isinstance(expr, Neg) and isinstance(expr.arg, Num) and expr.arg.shown.value == 0 else expr


def to_sympy(expr: Expr, symbols: Mapping[str, Any]) -> "sympy.Expr":
    """``expr`` as SymPy's, for the referee: ``symbols[id]`` for each quantity."""
    import sympy

    def convert(part: Expr) -> Any:
        match part:
            case Quantity():
                return symbols[part.id]
            case Num(shown):
                return sympy.Rational(int(shown.value.p), int(shown.value.q))
            case Sum(terms):
                return sympy.Add(*map(convert, terms))
            case Neg(arg):
                return -convert(arg)
            case Prod(factors):
                return sympy.Mul(*map(convert, factors))
            case Frac(num, den):
                return convert(num) / convert(den)
            case Pow(base, exponent):
                return convert(base) ** (exponent if isinstance(exponent, int) else convert(exponent))
            case Call(function, args):
                definition = FUNCTIONS[function].definition
                if definition is not None:
                    return convert(definition(*args))
                return getattr(sympy, FUNCTIONS[function].sympy or function)(*map(convert, args)) if args else sympy.pi
            case Derivative(by, of):
                return sympy.diff(convert(of), symbols[by.id])
            case Cases():
                on = convert(part.on)
                return sympy.Piecewise(
                    (convert(part.above), on > 0), (convert(part.below), on < 0), (convert(part.at), True)
                )
        raise TypeError(f"{part!r} is no number")

    return convert(expr)
