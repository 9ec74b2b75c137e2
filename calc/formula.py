"""Formulas as somebody typed them into expressions: read as data, by a white list, never executed.

f = x * y + exp(-z) / 2      Assignment("f", Sum((Prod((x, y)), Frac(Call("exp", (Neg(z),)), 2))))

Infix + - * / ** ( ), numbers, names, and the functions of READ; pi is the constant where no quantity bears that name.
Python's own grammar reads its structure, out of a copy in which every name is x… and every number 1…; nothing of it is
run. Names and numbers are read from the text itself, so that 0.1 is one tenth.
"""

import ast
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from flint import fmpq

from calc.errors import short
from calc.expr import Call, Expr, Frac, Name, Neg, Num, Pow, Prod, Sum, evaluate, quantities
from calc.number import START_BITS, Exact, Number, Undecided, Undefined, precision

LONGEST = 2000  # characters of a formula
MOST_OPERANDS = 200  # numbers and names in it
DEEPEST = 30  # operations within each other
LARGEST_EXPONENT = 100  # of a constant exponent, and of 10 in a constant power: 10^-100 to 10^100

READ = {  # how many arguments each takes at least; max and min take more
    "exp": 1, "log": 1, "ln": 1, "sqrt": 1, "abs": 1, "sin": 1, "cos": 1, "tanh": 1, "sigmoid": 1, "relu": 1,
    "max": 2, "min": 2, "erf": 1,
}  # fmt: skip
_CALLED = {"log": "ln"}

_INSTEAD = {"^": "**", "−": "-", "×": "*", "·": "*", "÷": "/", "[": "(", "{": "(", "]": ")", "}": ")", "²": "**2"}

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    rf"|(?P<name>{_NAME.pattern})|(?P<sign>//|\*\*|[-+*/(),])"
)
_CLOSING = re.compile(r" *\)")


class FormulaError(ValueError):
    """What is wrong with a formula, below it a caret at the place."""

    def __init__(self, text: str, at: int, what: str) -> None:
        """
        Args:
            at: the character it is about, from 0.
        """
        start = max(0, at - 30)
        piece = "".join(" " if c.isspace() else c if _is_narrow(c) else "?" for c in text[start : start + 60])
        super().__init__(f"{what}\n    {piece}\n    {' ' * (at - start)}^")


def _is_narrow(character: str) -> bool:
    """Whether it takes one column, so that the caret stands below its place."""
    return (
        character.isprintable()
        and unicodedata.east_asian_width(character) not in "WF"
        and (not unicodedata.combining(character))
    )


@dataclass(frozen=True)
class Assignment:
    """name = expr, as one line of a graph."""

    name: str
    expr: Expr


def parse(text: str, names: Collection[str]) -> Expr:
    """Read a formula over ``names``.

    Raises:
        FormulaError: it is none, or too long, too deep or over other names.
    """
    return _Reader(text, 0, names).read()


def parse_assignment(text: str, names: Collection[str], later: Collection[str] = ()) -> Assignment:
    """Read one line ``name = formula`` over ``names``.

    Args:
        later: names that further lines assign, to be told of.
    Raises:
        FormulaError: see ``parse``; or no name stands before the equals sign.
    """
    _bounded(text)
    left, equals, _ = text.partition("=")
    if not equals:
        raise FormulaError(text, 0, 'no "=" found, an assignment needed. Write f = …')
    name = left.strip()
    at = len(left) - len(left.lstrip())
    if name in READ:
        raise FormulaError(text, at, f'"{name}" found before the =, a function. Give the quantity another name')
    if not is_name(name):
        raise FormulaError(text, at, f'"{_shown(name)}" found before the =, one name of letters, digits and _ needed')
    return Assignment(name, _Reader(text, len(left) + 1, names, later).read())


def is_name(text: str) -> bool:
    """Whether a quantity may be called so: a letter, then letters, digits and _; no name of a function."""
    return bool(_NAME.fullmatch(text)) and text not in READ


def _shown(text: str) -> str:
    """A piece of a formula in a message: on one line, cut, what cannot be printed by its code."""
    return "".join(c if c.isprintable() else f"U+{ord(c):04X}" for c in short(text))


def _bounded(text: str) -> None:
    """Told before any work whose time grows with the length."""
    if len(text) > LONGEST:
        what = f"{len(text)} characters found, at most {LONGEST} can be read. Use several formulas"
        raise FormulaError(text, 0, what)


class _Reader:
    """Python's syntax tree of one formula into an expression."""

    def __init__(self, text: str, start: int, names: Collection[str], later: Collection[str] = ()) -> None:
        _bounded(text)
        self.text, self.start, self.names, self.later = text, start, names, later

    def read(self) -> Expr:
        # brackets around it, so that Python's grammar takes spaces before it
        self.source = f"({self.structure()})"
        try:
            tree = ast.parse(self.source, mode="eval")
        except SyntaxError as error:
            at = min(max(self.start + (error.offset or 1) - 2, self.start), len(self.text))
            raise FormulaError(self.text, at, "a number, a name or a bracket is missing here. Add it") from None
        return self.expr(tree.body, 0)

    def structure(self) -> str:
        """The formula with x… for every name and 1… for every number, each as long as it was.

        Raises:
            FormulaError: a character that no formula has, two operands side by side, a bracket without its partner, or
                more than fits a page.
        """
        copy: list[str] = []
        opened: list[int] = []  # where the brackets stand that are not closed yet
        operands = signs = powers = 0
        before, last = "", ""  # the token before this one, and what it is
        at = self.start
        while at < len(self.text):
            match = _TOKEN.match(self.text, at)
            if match is None:
                raise FormulaError(self.text, at, _unfit(self.text[at]))
            kind, token = str(match.lastgroup), match[0]
            copy.append({"space": " ", "number": "1", "name": "x"}[kind] * len(token) if kind != "sign" else token)
            if kind != "space":
                if (last in ("number", "name") or before == ")") and (kind != "sign" or token == "("):
                    self.side_by_side(at, before, token)
                operands += kind != "sign"
                signs = signs + 1 if token in ("+", "-") and last in ("", "sign") and before != ")" else 0
                powers += token == "**"
                if token == "//":
                    raise FormulaError(self.text, at, '"//" found, an operator of formulas needed. Write / to divide')
                if token == "(":
                    opened.append(at)
                if token == ")" and not opened:
                    raise FormulaError(self.text, at, '")" found without its "(". Remove it, or add "("')
                if token == ")":
                    opened.pop()
                if operands > MOST_OPERANDS:
                    what = f"more than {MOST_OPERANDS} numbers and names found. Use several shorter formulas"
                    raise FormulaError(self.text, at, what)
                if max(len(opened), signs, powers) > DEEPEST:
                    raise FormulaError(self.text, at, _TOO_DEEP)
                before, last = token, kind
            at = match.end()
        if opened:
            raise FormulaError(self.text, opened[-1], '"(" found without its ")". Add ")", or remove it')
        if not before:
            raise FormulaError(self.text, self.start, "nothing found, a formula needed. Write one, e.g. x * y + 1")
        return "".join(copy)

    def side_by_side(self, at: int, before: str, token: str) -> None:
        """Two operands without an operator between them, unless they are a function and its bracket."""
        if token == "(" and is_name(before) and before not in self.names:
            return  # what is called is no function: told there
        if before in READ:
            if token != "(":
                raise FormulaError(self.text, at, f'"{_shown(token)}" found, "(" needed. Write {before}(…)')
            return
        for name, where in ((before, self.text.rindex(before, 0, at)), (token, at)):
            if is_name(name) and name not in (*self.names, "pi") and not before[0].isdigit():
                raise FormulaError(self.text, where, self.unknown(name, list(self.names)[:12], "is not known"))
        what = f'"{_shown(before)}" and "{_shown(token)}" found side by side, an operator needed between them. '
        raise FormulaError(self.text, at, what + "Write * for a product")

    def written(self, node: ast.expr) -> str:
        """A node as it was typed."""
        end = node.end_col_offset or node.col_offset
        return self.text[self.start + node.col_offset - 1 : self.start + end - 1]

    def error(self, node: ast.expr, what: str) -> FormulaError:
        return FormulaError(self.text, self.start + node.col_offset - 1, what)

    def expr(self, node: ast.expr, depth: int) -> Expr:
        """A sum, a product or a quotient is read along its left side, so that long ones are not deep."""
        spine: list[tuple[ast.BinOp, int]] = []
        while isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Pow):
            spine.append((node, depth))
            depth += not self.goes_on(node)
            node = node.left
        result = self.operand(node, depth)
        for above, level in reversed(spine):
            result = self.operation(above, result, self.expr(above.right, level + 1))
        return result

    def goes_on(self, node: ast.BinOp) -> bool:
        """Whether the left side of a sum is a sum of the same line, that of a product a product."""
        if not isinstance(node.left, ast.BinOp) or self.bracketed(node.left):
            return False
        kinds = ((ast.Add, ast.Sub), (ast.Mult,))
        return any(isinstance(node.op, kind) and isinstance(node.left.op, kind) for kind in kinds)

    def operand(self, node: ast.expr, depth: int) -> Expr:
        if depth > DEEPEST:
            raise self.error(node, _TOO_DEEP)
        match node:
            case ast.BinOp(left, ast.Pow(), right):
                return self.power(node, self.expr(left, depth + 1), right, depth + 1)
            case ast.UnaryOp(ast.USub(), arg):
                return Neg(self.expr(arg, depth + 1))
            case ast.UnaryOp(ast.UAdd(), arg):
                return self.expr(arg, depth + 1)
            case ast.Constant():
                return self.number(node)
            case ast.Name():
                return self.name(node, self.written(node))
            case ast.Call(ast.Name() as function, args, []):
                return self.call(node, self.written(function), args, depth)
            case ast.Tuple([]):
                raise self.error(node, '"()" found, a formula needed in brackets. Write one, or remove them')
            case ast.Tuple([_, second, *_]):
                raise self.error(
                    second, "a comma found before this, one formula needed. Commas part arguments: max(x, y)"
                )
        raise self.error(node, "found what no formula has. Use + - * / ** ( ), numbers, names and functions")

    def operation(self, node: ast.BinOp, left: Expr, right: Expr) -> Expr:
        if isinstance(node.op, ast.Mult | ast.Div) and isinstance(left, Neg) and not self.bracketed(node.left):
            # −2 x is −(2 x), as on paper
            return Neg(self.operation(node, left.arg, right))
        match node.op:
            case ast.Div():
                return Frac(left, right)
            case ast.Mult():
                return (
                    product(*left.factors, right)
                    if isinstance(left, Prod) and self.goes_on(node)
                    else (product(left, right))
                )
        term = right if isinstance(node.op, ast.Add) else Neg(right)
        return Sum((*left.terms, term) if isinstance(left, Sum) and self.goes_on(node) else (left, term))

    def bracketed(self, node: ast.expr) -> bool:
        """Whether the author put brackets around it, which the syntax tree leaves out."""
        return bool(_CLOSING.match(self.source, node.end_col_offset or 0))

    def power(self, node: ast.expr, base: Expr, above: ast.expr, depth: int) -> Expr:
        exponent = self.expr(above, depth)
        if not quantities(exponent):
            value = self.constant(above, exponent)
            if not -LARGEST_EXPONENT <= value <= LARGEST_EXPONENT:
                what = f'exponent "{_shown(self.written(above))}" found, one from -{LARGEST_EXPONENT} to '
                raise self.error(above, what + f"{LARGEST_EXPONENT} needed. Use a smaller one")
            if isinstance(exponent, Num) and exponent.shown.value.q == 1 and exponent.shown.value > 0:
                return self.bounded(node, Pow(base, int(exponent.shown.value.p)))
        return self.bounded(node, Pow(base, exponent))

    def bounded(self, node: ast.expr, power: Pow) -> Pow:
        """A power of numbers has a value that a page can hold."""
        if not quantities(power):
            value, most = self.constant(node, power), fmpq(10) ** LARGEST_EXPONENT
            if not any(least <= value <= largest for least, largest in ((-most, -1 / most), (0, 0), (1 / most, most))):
                what = f"a power beyond 1e-{LARGEST_EXPONENT} to 1e{LARGEST_EXPONENT} found. Use smaller numbers"
                raise self.error(node, what)
        return power

    def constant(self, node: ast.expr, expr: Expr) -> Number:
        """The value of a formula without names."""
        try:
            with precision(START_BITS):
                return evaluate(expr, {})
        except (Undefined, Undecided) as error:
            why = str(error) or "its value is not decided"
            raise self.error(node, f'"{_shown(self.written(node))}" found: {why}. Change the numbers') from None

    def number(self, node: ast.Constant) -> Num:
        try:
            return Num(Exact.read(self.written(node)).shown)
        except ValueError as error:
            raise self.error(node, str(error)) from None

    def name(self, node: ast.Name, id: str) -> Expr:
        if id in self.names:
            return Name(id)
        if id == "pi":
            return Call("pi", ())
        if id in READ:
            raise self.error(node, f"{id} is a function. Write {id}(…)")
        raise self.error(node, self.unknown(id, list(self.names)[:12], "is not known"))

    def call(self, node: ast.Call, id: str, args: list[ast.expr], depth: int) -> Expr:
        if id not in READ:
            raise self.error(node, self.unknown(id, READ, "is no function"))
        needed = READ[id]
        if len(args) < needed or (needed == 1 and len(args) > 1):
            found = f"{id} of {len(args)} argument{'' if len(args) == 1 else 's'} found"
            example = f"{id}(…)" if needed == 1 else f"{id}(…, …)"
            raise self.error(node, f"{found}, of {needed}{' or more' if needed > 1 else ''} needed. Write {example}")
        read = [self.expr(arg, depth + len(args)) for arg in args]
        function, result = _CALLED.get(id, id), read[0]
        if needed == 1:
            return Call(function, (result,))
        for other in read[1:]:
            result = Call(function, (result, other))
        return result

    def unknown(self, id: str, known: Collection[str], what: str) -> str:
        import difflib  # only where something is wrong

        if id in self.later:
            return f'"{_shown(id)}" is assigned later. Move its formula up, before this one'
        close = difflib.get_close_matches(id[:60], [*self.names, *READ], n=1)
        hint = " Write exp(…)." if id == "e" else f' Did you mean "{close[0]}"?' if close else ""
        return f'"{_shown(id)}" {what}.{hint} Known: {", ".join(known)}'


_TOO_DEEP = f"more than {DEEPEST} operations within each other found. Use several shorter formulas"


def _unfit(character: str) -> str:
    """What is said of a character that no formula has."""
    shown = f'"{character}"' if _is_narrow(character) and character.isprintable() else f"U+{ord(character):04X}"
    if character == "=":
        return '"=" found, a formula alone needed. Remove the name and the sign before it'
    if character in _INSTEAD:
        return f"{shown} found, a sign of formulas needed. Write {_INSTEAD[character]}"
    return f"{shown} found, which no formula has. Use + - * / ** ( ), numbers, names of plain letters and functions"


def product(*factors: Expr) -> Expr:
    """x y side by side; with a point where the eye would run them together: x · 2, net · out."""
    apart = any(
        isinstance(factor, Num)
        or (isinstance(factor, Name) and len(factor.kind.split("_")[0].removeprefix("any.").rstrip("0123456789")) > 1)
        for factor in factors[1:]
    )
    return Prod(factors, "·" if apart else "")
