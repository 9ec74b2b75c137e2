"""Formulas as somebody typed them into expressions: read as data, by a white list, never executed.

f = x * y + exp(-z) / 2      Assignment("f", Sum((Prod((x, y)), Frac(Call("exp", (Neg(z),)), 2))))

Infix + - * / ** ( ), numbers, names, and the functions of READ; pi is the constant where no quantity bears that name.
Python's own grammar reads it into its syntax tree, nothing of which is run; numbers are read again from the text, so
that 0.1 is one tenth.
"""

import ast
import re
from collections.abc import Collection
from dataclasses import dataclass

from calc.errors import short
from calc.expr import Call, Expr, Frac, Name, Neg, Num, Pow, Prod, Sum
from calc.number import Exact

LONGEST = 2000  # characters of a formula
DEEPEST = 50  # brackets, signs and powers within each other
LARGEST_EXPONENT = 100  # a whole number above a base

READ = {  # how many arguments each takes at least; max and min take more
    "exp": 1, "log": 1, "ln": 1, "sqrt": 1, "abs": 1, "sin": 1, "cos": 1, "tanh": 1, "sigmoid": 1, "relu": 1,
    "max": 2, "min": 2, "erf": 1,
}  # fmt: skip
_CALLED = {"log": "ln"}

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class FormulaError(ValueError):
    """What is wrong with a formula, below it a caret at the place."""

    def __init__(self, text: str, at: int, what: str) -> None:
        """
        Args:
            at: the character it is about, from 0.
        """
        start = max(0, at - 30)
        piece = text[start : start + 60]
        piece = "".join(" " if sign.isspace() or not sign.isprintable() else sign for sign in piece)
        super().__init__(f"{what}\n    {piece}\n    {' ' * (at - start)}^")


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


def parse_assignment(text: str, names: Collection[str]) -> Assignment:
    """Read one line ``name = formula`` over ``names``.

    Raises:
        FormulaError: see ``parse``; or no name stands before the equals sign.
    """
    _bounded(text)
    left, equals, _ = text.partition("=")
    if not equals:
        raise FormulaError(text, 0, 'no "=" found, an assignment needed. Write f = …')
    name = left.strip()
    at = len(left) - len(left.lstrip())
    if not is_name(name):
        raise FormulaError(text, at, f'"{short(name)}" found before the =, one name of letters, digits and _ needed')
    return Assignment(name, _Reader(text, len(left) + 1, names).read())


def is_name(text: str) -> bool:
    """Whether a quantity may be called so: a letter, then letters, digits and _; no name of a function."""
    return bool(_NAME.fullmatch(text)) and text not in READ


def _bounded(text: str) -> None:
    """Told before any work whose time grows with the length."""
    if len(text) > LONGEST:
        raise FormulaError(
            text, 0, f"{len(text)} characters found, at most {LONGEST} can be read. Use several formulas"
        )
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if depth > DEEPEST:
            raise FormulaError(text, at, f"more than {DEEPEST} brackets within each other. Use several formulas")


class _Reader:
    """Python's syntax tree of one formula into an expression."""

    def __init__(self, text: str, start: int, names: Collection[str]) -> None:
        _bounded(text)
        self.text, self.names = text, names
        # brackets around it, so that Python's grammar takes spaces before it and lines within
        self.start, self.source = start, f"({text[start:]}\n)"
        self.bytes = self.source.encode()

    def error(self, node: ast.expr, what: str) -> FormulaError:
        lines = self.bytes.split(b"\n")
        before = sum(len(line) + 1 for line in lines[: node.lineno - 1]) + node.col_offset
        return FormulaError(self.text, self.start + len(self.bytes[:before].decode()) - 1, what)

    def read(self) -> Expr:
        body = self.text[self.start :]
        if not body.strip():
            raise FormulaError(self.text, len(self.text), "nothing found, a formula needed")
        odd = re.search(r"[^A-Za-z0-9_+\-*/().,\s]", body)
        if odd:
            what = f'"{odd[0]}" found, which no formula has. Use + - * / ** ( ), numbers, names and functions'
            raise FormulaError(self.text, self.start + odd.start(), what)
        try:
            tree = ast.parse(self.source, mode="eval")
        except SyntaxError as error:
            lines = self.source.split("\n")
            before = sum(len(line) + 1 for line in lines[: (error.lineno or 1) - 1]) + (error.offset or 1) - 1
            at = min(max(self.start + before - 1, 0), len(self.text))
            raise FormulaError(
                self.text, at, "no formula: an operator, a number or a bracket is missing here"
            ) from None
        except (RecursionError, MemoryError, ValueError):
            raise FormulaError(self.text, self.start, "cannot be read. Use several shorter formulas") from None
        return self.expr(tree.body, 0)

    def expr(self, node: ast.expr, depth: int) -> Expr:
        if depth > 4 * DEEPEST:
            raise self.error(node, "operations nested too deeply. Use several formulas")
        match node:
            case ast.BinOp(left, ast.Pow(), right):
                return self.power(self.expr(left, depth + 1), right, depth + 1)
            case ast.BinOp(left, op, right):
                return self.operation(node, op, self.expr(left, depth + 1), self.expr(right, depth + 1))
            case ast.UnaryOp(ast.USub(), arg):
                return Neg(self.expr(arg, depth + 1))
            case ast.UnaryOp(ast.UAdd(), arg):
                return self.expr(arg, depth + 1)
            case ast.Constant():
                return self.number(node)
            case ast.Name(id):
                return self.name(node, id)
            case ast.Call(ast.Name(id), args, []):
                return self.call(node, id, args, depth + 1)
        raise self.error(node, "found what no formula has. Use + - * / ** ( ), numbers, names and functions")

    def operation(self, node: ast.BinOp, op: ast.operator, left: Expr, right: Expr) -> Expr:
        match op:
            case ast.Add() | ast.Sub():
                term = right if isinstance(op, ast.Add) else Neg(right)
                bracketed = self.bracketed(node.left)
                return Sum((*left.terms, term) if isinstance(left, Sum) and not bracketed else (left, term))
            case ast.Mult():
                bracketed = self.bracketed(node.left)
                return (
                    product(*left.factors, right) if isinstance(left, Prod) and not bracketed else product(left, right)
                )
            case ast.Div():
                return Frac(left, right)
        raise self.error(node, "found an operator that no formula has. Use + - * / **")

    def bracketed(self, node: ast.expr) -> bool:
        """Whether the author put brackets around it, which the syntax tree leaves out."""
        rest = (ast.get_source_segment(self.source, node) or "", node.end_col_offset, node.end_lineno)
        line = self.source.encode().split(b"\n")[(rest[2] or 1) - 1]
        return line[rest[1] or 0 :].lstrip().startswith(b")")

    def power(self, base: Expr, above: ast.expr, depth: int) -> Expr:
        exponent = self.expr(above, depth)
        match exponent:
            case Num(shown) if shown.value.q == 1:
                if shown.value > LARGEST_EXPONENT:
                    raise self.error(above, f"exponent {shown} found, at most {LARGEST_EXPONENT} can be worked")
                return Pow(base, int(shown.value.p)) if shown.value > 0 else Pow(base, exponent)
        return Pow(base, exponent)

    def number(self, node: ast.Constant) -> Num:
        text = ast.get_source_segment(self.source, node) or ""
        try:
            return Num(Exact.read(text).shown)
        except ValueError as error:
            raise self.error(node, str(error)) from None

    def name(self, node: ast.Name, id: str) -> Expr:
        if id in self.names:
            return Name(id)
        if id == "pi":
            return Call("pi", ())
        if id in READ:
            raise self.error(node, f"{id} is a function. Write {id}(…)")
        import difflib  # only where something is wrong

        close = difflib.get_close_matches(id[:60], [*self.names, *READ], n=1)
        hint = f' Did you mean "{close[0]}"?' if close else ""
        known = ", ".join(list(self.names)[:12])
        raise self.error(node, f'"{short(id)}" is not known.{hint} Known: {known}')

    def call(self, node: ast.Call, id: str, args: list[ast.expr], depth: int) -> Expr:
        if id not in READ:
            raise self.error(node, f'"{short(id)}" is no function. Known: {", ".join(READ)}')
        needed = READ[id]
        if len(args) < needed or (needed == 1 and len(args) > 1):
            raise self.error(node, f"{id} of {len(args)} found, of {needed}{' or more' if needed > 1 else ''} needed")
        found = [self.expr(arg, depth) for arg in args]
        function, result = _CALLED.get(id, id), found[0]
        if needed == 1:
            return Call(function, (result,))
        for other in found[1:]:
            result = Call(function, (result, other))
        return result


def product(*factors: Expr) -> Expr:
    """x y side by side; with a point where the eye would run them together: x · 2, net · out."""
    apart = any(
        isinstance(factor, Num)
        or (isinstance(factor, Name) and len(factor.kind.split("_")[0].removeprefix("any.").rstrip("0123456789")) > 1)
        for factor in factors[1:]
    )
    return Prod(factors, "·" if apart else "")
