"""The referee of computational graphs: every value and derivative from the text of the formulas, by other means.

    v[id]        a Fraction as long as the operations allow it, else an mpf of DIGITS digits
    f, n1, x     a node, an inner node, a value      df/dx, df/dx|q, dq/dx     gradient, one path of it, local
    Dx, x', f'   the change, the updated value, the node after the update

Python's own grammar reads a formula; a node is a piece of its tree. Derivatives within a node are worked forward, value
and slope together (dual numbers), where calc differentiates symbolically; nothing is shared with calc.
"""

import ast
import math
import operator
import random
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from mpmath import mp
from referee import read_number

MP = mp.clone()
MP.dps = DIGITS = 110
Value = Any  # Fraction or MP.mpf
Graph = Mapping[str, Any]  # the table [graph] of a problem file
HALF = Fraction(1, 2)
LARGEST, SMALLEST = 10**30, 10**300  # beyond 10^30, or below 10^-300,  a page has nothing to compare
LONGEST = 5000  # bits of a Fraction


class Undefined(Exception):
    """The formula or a derivative has no value here."""


class Beyond(Exception):
    """A value that no page shows, or none that a referee of so many digits should judge."""


def _real(value: Value) -> Any:
    return MP.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value


def _settled(value: Value) -> Value:
    """A long Fraction as a real; what has no value, or one that no page shows, is refused."""
    if isinstance(value, MP.mpc):
        raise Undefined
    if not isinstance(value, Fraction) and not MP.isfinite(value):
        raise Beyond
    if value and not (abs(value) < LARGEST and abs(value) * SMALLEST > 1):
        raise Beyond
    return _real(value) if isinstance(value, Fraction) and value.denominator.bit_length() > LONGEST else value


def _both(operation: Callable[[Any, Any], Any], a: Value, b: Value) -> Value:
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return _settled(operation(a, b))
    a, b = _real(a), _real(b)
    result = operation(a, b)
    cancels = operation in (operator.add, operator.sub) and abs(result) <= MP.mpf(10) ** (15 - DIGITS) * abs(a)
    return Fraction(0) if cancels else _settled(result)  # exactly, up to the last digits


def _times(a: Value, b: Value) -> Value:
    return Fraction(0) if a == 0 or b == 0 else _both(operator.mul, a, b)


def _divided(a: Value, b: Value) -> Value:
    if b == 0:
        raise Undefined
    return _both(operator.truediv, a, b)


def _plus(a: Value, b: Value) -> Value:
    return _both(operator.add, a, b)


def _of(function: Callable[[Any], Any], at: Mapping[int, int]) -> Callable[[Value], Value]:
    """A function of one number, exact where ``at`` says what it is there."""

    def value(x: Value) -> Value:
        found = Fraction(at[int(x)]) if x in at else function(_real(x))
        return (
            Fraction(0) if abs(found) * 10 ** (DIGITS - 10) < 1 and function == MP.sin else _settled(found)
        )  # sin(pi)

    return value


EXP, LN = _of(MP.exp, {0: 1}), _of(MP.log, {1: 0})
SIN, COS, TANH, ERF = _of(MP.sin, {0: 0}), _of(MP.cos, {0: 1}), _of(MP.tanh, {0: 0}), _of(MP.erf, {0: 0})


def _root(x: Value) -> Value:
    if x < 0:
        raise Undefined
    if isinstance(x, Fraction):
        over, under = math.isqrt(x.numerator), math.isqrt(x.denominator)
        if over * over == x.numerator and under * under == x.denominator:
            return Fraction(over, under)
    return MP.sqrt(_real(x))


def _power(x: Value, y: Value) -> Value:
    if isinstance(y, Fraction) and y.denominator == 1:
        if x == 0 and y < 0:
            raise Undefined
        if isinstance(x, Fraction):
            return _settled(x ** int(y)) if abs(y) <= 100 else _settled(_real(x) ** int(y))
        return _settled(_real(x) ** int(y))
    if x < 0 or (x == 0 and y <= 0):
        raise Undefined
    if x in (0, 1):
        return Fraction(int(x))
    if isinstance(y, Fraction) and y.denominator == 2:
        return _power(_root(x), Fraction(y.numerator))
    return _settled(MP.power(_real(x), _real(y)))


def _by_side(x: Value, below: Value, at: Value, above: Value) -> Value:
    return below if x < 0 else above if x > 0 else at


# the value of each function and its slopes by its arguments; c holds kinks and relu_at_zero
FUNCTIONS: dict[str, tuple[Callable[..., Value], Callable[..., list[Value]]]] = {
    "exp": (EXP, lambda c, x: [EXP(x)]),
    "log": (lambda x: LN(x) if x > 0 else _refused(), lambda c, x: [_divided(Fraction(1), x)]),
    "sqrt": (_root, lambda c, x: [_divided(HALF, _root(x))]),
    "abs": (abs, lambda c, x: [_by_side(x, Fraction(-1), c["kinks"], Fraction(1))]),
    "sin": (SIN, lambda c, x: [COS(x)]),
    "cos": (COS, lambda c, x: [-SIN(x)]),
    "tanh": (TANH, lambda c, x: [_divided(Fraction(1), _power(_cosh(x), Fraction(2)))]),
    "sigmoid": (lambda x: _sigmoid(x), lambda c, x: [_times(_sigmoid(x), _sigmoid(-x))]),
    "relu": (
        lambda x: x if x > 0 else Fraction(0),
        lambda c, x: [_by_side(x, Fraction(0), c["relu_at_zero"], Fraction(1))],
    ),
    "erf": (ERF, lambda c, x: [_times(_divided(Fraction(2), MP.sqrt(MP.pi)), EXP(-_times(x, x)))]),
}
_cosh = _of(MP.cosh, {0: 1})


def _refused() -> Value:
    raise Undefined


def _sigmoid(x: Value) -> Value:
    return _divided(Fraction(1), _plus(Fraction(1), EXP(-x)))


class Dual:
    """A value and its slopes by the names that are differentiated by."""

    def __init__(self, value: Value, slopes: Mapping[str, Value] | None = None) -> None:
        self.value, self.slopes = value, dict(slopes or {})

    def then(self, value: Value, *parts: tuple[Value, "Dual"]) -> "Dual":
        """value, and Σ factor · slopes over its parts."""
        slopes: dict[str, Value] = {}
        for factor, part in parts:
            for name, slope in part.slopes.items():
                try:
                    part_of_it = _times(factor(), slope)
                except Undefined:
                    if slope == 0:  # nothing moves there, or 0 times what is undefined: it hangs on how it is written
                        raise Beyond from None
                    raise
                slopes[name] = _plus(slopes.get(name, Fraction(0)), part_of_it)
        return Dual(value, slopes)


def evaluated(tree: ast.expr, names: Mapping[str, Dual], c: Mapping[str, Value]) -> Dual:
    """The value and slopes of a formula. Factors are worked only where something moves."""
    match tree:
        case ast.Name("pi") if "pi" not in names:
            return Dual(+MP.pi)
        case ast.Name(name):
            return names[name]
        case ast.Constant():
            return Dual(Fraction(ast.unparse(tree)))
        case ast.UnaryOp(ast.USub(), arg):
            x = evaluated(arg, names, c)
            return x.then(-x.value, (lambda: Fraction(-1), x))
        case ast.UnaryOp(ast.UAdd(), arg):
            return evaluated(arg, names, c)
        case ast.BinOp(left, op, right):
            return _binary(op, evaluated(left, names, c), evaluated(right, names, c))
        case ast.Call(ast.Name("max" | "min" as name), args):
            best, *others = (evaluated(arg, names, c) for arg in args)
            numeric, *rest = (not any(isinstance(n, ast.Name) for n in ast.walk(arg)) for arg in args)
            for other, constant in zip(others, rest, strict=True):
                best, numeric = _larger(name, best, other, numeric, constant, c["kinks"]), numeric and constant
            return best
        case ast.Call(ast.Name(name), [arg]):
            value, slopes = FUNCTIONS["log" if name == "ln" else name]
            x = evaluated(arg, names, c)
            return x.then(value(x.value), (lambda: slopes(c, x.value)[0], x))
    raise TypeError(ast.dump(tree))


def _binary(op: ast.operator, x: Dual, y: Dual) -> Dual:
    a, b = x.value, y.value

    def one() -> Value:
        return Fraction(1)

    match op:
        case ast.Add():
            return x.then(_plus(a, b), (one, x), (one, y))
        case ast.Sub():
            return x.then(_both(operator.sub, a, b), (one, x), (lambda: Fraction(-1), y))
        case ast.Mult():
            return x.then(_times(a, b), (lambda: b, x), (lambda: a, y))
        case ast.Div():
            quotient = _divided(a, b)
            return x.then(quotient, (lambda: _divided(Fraction(1), b), x), (lambda: -_divided(quotient, b), y))
    assert isinstance(op, ast.Pow)
    power = _power(a, b)

    def by_base() -> Value:
        return _times(b, _power(a, b - 1)) if b else Fraction(0)

    return x.then(power, (by_base, x), (lambda: _times(power, FUNCTIONS["log"][0](a)), y))


def _larger(name: str, x: Dual, y: Dual, x_is_number: bool, y_is_number: bool, share: Value) -> Dual:
    difference = _both(operator.sub, x.value, y.value)
    side = _by_side(-difference if name == "min" else difference, -1, 0, 1)
    first = {1: Fraction(1), 0: 1 - share if x_is_number and not y_is_number else share, -1: Fraction(0)}[side]
    return x.then(x.value if side > 0 else y.value, (lambda: first, x), (lambda: 1 - first, y))


# --- a whole graph ---------------------------------------------------------------------------------------------------


def nodes_of(graph: Graph) -> list[tuple[str, ast.expr]]:
    """Name and formula of every node, in order of evaluation."""
    lines = [text.split("=", 1) for text in graph["formulas"]]
    trees = [(name.strip(), ast.parse(formula.strip(), mode="eval").body) for name, formula in lines]
    if graph.get("nodes") == "formulas":
        return trees
    used = {*graph["values"], *(name for name, _ in trees)}
    free = (f"n{i}" for i in range(1, 10**6) if f"n{i}" not in used)
    found: list[tuple[str, ast.expr]] = []
    for name, tree in trees:
        found.append((name, _split(tree, found, free)))
    return found


def _split(tree: ast.expr, found: list[tuple[str, ast.expr]], free: Iterator[str]) -> ast.expr:
    """One operation over names and numbers; what is within it goes before, each piece a node."""

    def operand(part: ast.expr) -> ast.expr:
        bare = part.operand if isinstance(part, ast.UnaryOp) else part
        if isinstance(bare, ast.Name | ast.Constant) and (bare is part or isinstance(bare, ast.Constant)):
            return part
        piece = _split(part, found, free)
        found.append((next(free), piece))
        return ast.Name(found[-1][0])

    match tree:
        case ast.BinOp(left, ast.Add(), ast.UnaryOp(ast.USub(), right)):  # printed as a difference, and one
            return ast.BinOp(operand(left), ast.Sub(), operand(right))
        case ast.BinOp(left, op, right):
            return ast.BinOp(operand(left), op, operand(right))
        case ast.UnaryOp(op, arg):
            return ast.UnaryOp(op, operand(arg))
        case ast.Call(ast.Name("max" | "min" as name), [*first, last]) if len(first) > 1:
            return ast.Call(ast.Name(name), [operand(ast.Call(ast.Name(name), first)), operand(last)])
        case ast.Call(function, args):
            return ast.Call(function, [operand(arg) for arg in args])
    return tree


def recompute(problem: Mapping[str, Any]) -> list[dict[str, Value]]:
    """Every quantity of every update, by id.

    Raises:
        Undefined: a quantity has no value.
        Beyond: one has a value that no page shows.
    """
    graph, conventions = problem["graph"], problem.get("conventions", {})
    c = {key: read_number(conventions.get(key, 0)) for key in ("kinks", "relu_at_zero")}
    nodes, wrt = nodes_of(graph), graph.get("wrt") or list(graph["values"])
    values: dict[str, Value] = {name: read_number(number) for name, number in graph["values"].items()}
    rate = read_number(graph["learning_rate"]) if "learning_rate" in graph else None
    updates: list[dict[str, Value]] = []
    for _ in range(graph.get("iterations", 1)):
        v = _one(nodes, values, wrt, read_number(graph.get("upstream", 1)), c)
        if rate is not None:
            top = "L" if read_number(graph.get("upstream", 1)) != 1 else nodes[-1][0]
            v["learning_rate"] = rate
            for x in wrt:
                v[f"D{x}"] = -_times(rate, v[f"d{top}/d{x}"])
                v[f"{x}'"] = _plus(v[x], v[f"D{x}"])
            values = {name: v.get(f"{name}'", value) for name, value in values.items()}
            after = {name: Dual(value) for name, value in values.items()}
            for name, tree in nodes:
                after[name] = evaluated(tree, after, c)
                v[f"{name}'"] = after[name].value
        updates.append(v)
    return updates


def _one(nodes: Any, values: Mapping[str, Value], wrt: list[str], upstream: Value, c: Any) -> dict[str, Value]:
    v, moving, locals_ = dict(values), set(wrt), dict[str, dict[str, Value]]()
    for name, tree in nodes:
        duals = {u: Dual(value, {u: Fraction(1)} if u in moving else {}) for u, value in v.items()}
        found = evaluated(tree, duals, c)
        v[name], locals_[name] = found.value, found.slopes
        moving |= {name} if found.slopes else set()
    f = nodes[-1][0]
    top = f if upstream == 1 else "L"
    arriving: dict[str, Value] = {f: upstream}
    v[f"d{top}/d{f}"] = upstream
    entered: dict[str, list[str]] = {}
    for u, _ in reversed(nodes):
        for w in locals_[u]:
            entered.setdefault(w, []).append(u)
    for u, _ in reversed(nodes):
        arriving.setdefault(u, Fraction(0))
        if locals_[u]:
            v[f"d{top}/d{u}"] = arriving[u]
        for w, slope in locals_[u].items():
            v[f"d{u}/d{w}" + ("|" + u if u == f else "")] = slope
            part = _times(arriving[u], slope)
            v[f"d{top}/d{w}" + (f"|{u}" if len(entered[w]) > 1 else "")] = part
            arriving[w] = _plus(arriving.get(w, Fraction(0)), part)
    return v | {f"d{top}/d{x}": arriving.get(x, Fraction(0)) for x in wrt}


def slopes_by_side(problem: Mapping[str, Any]) -> dict[str, tuple[Fraction, Fraction, Fraction]]:
    """What the proofreader is told of sgn and ReLU' below, at and above 0."""
    kinks, relu = (read_number(problem.get("conventions", {}).get(key, 0)) for key in ("kinks", "relu_at_zero"))
    return {"sgn": (Fraction(-1), kinks, Fraction(1)), "relu": (Fraction(0), relu, Fraction(1))}


def gradients_by_autograd(problem: Mapping[str, Any]) -> dict[str, float]:
    """df/dx or dL/dx by x, from the same text run in float64; max, min, abs and relu as NumPy has them."""
    import autograd.numpy as np
    from autograd import grad
    from referee import _numpy_erf

    graph = problem["graph"]
    functions = {name: getattr(np, name) for name in ("exp", "log", "sqrt", "abs", "sin", "cos", "tanh", "pi")}
    functions |= {"ln": np.log, "erf": lambda x: _numpy_erf(np, x), "relu": lambda x: np.maximum(0.0, x)}
    functions |= {"sigmoid": lambda x: 1 / (1 + np.exp(-x)), "max": _of_all(np.maximum), "min": _of_all(np.minimum)}
    code = compile("\n".join(line.strip() for line in graph["formulas"]), "graph", "exec")
    last = graph["formulas"][-1].partition("=")[0].strip()
    wrt = graph.get("wrt") or list(graph["values"])
    names = list(graph["values"])

    def value(numbers: Any) -> Any:
        space = functions | {name: numbers[i] for i, name in enumerate(names)}
        exec(code, {}, space)  # text that this referee made
        return space[last] + 0.0 * numbers[0]

    at = np.array([float(read_number(number)) for number in graph["values"].values()])
    slopes = dict(zip(names, grad(value)(at), strict=True))
    return {x: float(slopes[x]) * float(read_number(graph.get("upstream", 1))) for x in wrt}


def _of_all(pick: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def picked(first: Any, *others: Any) -> Any:
        for other in others:
            first = pick(first, other)
        return first

    return picked


# --- random graphs ---------------------------------------------------------------------------------------------------

ONE = ("exp", "log", "sqrt", "abs", "sin", "cos", "tanh", "sigmoid", "relu", "erf", "ln")


def random_graph(source: random.Random, **fixed: Any) -> dict[str, Any]:
    """A problem of a few formulas over shared values; it may be undefined at its numbers."""
    names = source.sample(["x", "y", "z", "w1", "w_2", "alpha", "n1", "net", "b"], source.randint(1, 4))
    graph: dict[str, Any] = {"values": {name: random_number(source) for name in names}, "formulas": []}
    known = list(names)
    for i in range(source.randint(1, 4)):
        name = source.choice([f"q{i}", f"h_{i}", f"n{i + 2}"])
        graph["formulas"].append(f"{name} = {random_formula(source, known, source.randint(1, 3))}")
        known.append(name)
    graph["nodes"] = source.choice(["operations", "formulas"])
    if source.random() < 0.3:
        graph["upstream"] = source.choice([0.5, -2, "1/3", 1, 0.25])
    if source.random() < 0.3:
        graph["wrt"] = source.sample(names, source.randint(1, len(names)))
    if source.random() < 0.4:
        graph |= {"learning_rate": source.choice([0.1, 0.01, "1/8"]), "iterations": source.choice([1, 1, 2, 3])}
    rounding: dict[str, Any] = source.choice([{"decimals": 4}, {"decimals": 2}, {"significant": 4}, {"decimals": 7}])
    rounding = rounding | {"ties": source.choice(["half-up", "half-even"])} | fixed.pop("rounding", {})
    conventions = {key: source.choice([0, "1/2", 1]) for key in ("kinks", "relu_at_zero")}
    shown = {"solution": {"show": source.choice(["all", "auto"])}}
    return {"graph": graph, "rounding": rounding, "conventions": conventions} | shown | fixed


def random_number(source: random.Random) -> Any:
    return source.choice([1, 2, -1, -3, 0, 5, 0.5, -0.25, 1.5, "1/3", "-2/7", round(source.uniform(-3, 3), 2)])


def random_formula(source: random.Random, names: list[str], depth: int) -> str:
    """Infix of any of the gates; shared names, numbers and brackets at random."""

    def part() -> str:
        return random_formula(source, names, depth - 1)

    if depth == 0:
        return source.choice(names) if source.random() < 0.8 else source.choice(["2", "0.5", "3", "1", "pi", "-2"])
    match source.randint(0, 9):
        case 0 | 1:
            return f"({part()} {source.choice('+-')} {part()})"
        case 2 | 3:
            return f"({part()}) * ({part()})"
        case 4:
            return source.choice([f"1 / ({part()})", f"({part()}) / ({part()})"])
        case 5:
            power = source.choice(["2", "3", "-1", "0.5", "-2", "1.5", "(1/3)", f"({part()})"])
            return f"({part()})**{power}"
        case 6:
            arguments = ", ".join(part() for _ in range(source.choice([2, 2, 3])))
            return f"{source.choice(['max', 'min'])}({arguments})"
        case 7:
            return f"-({part()})"
    return f"{source.choice(ONE)}({part()})"
