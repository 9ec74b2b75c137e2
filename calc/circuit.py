"""Computational graphs without layers: formulas and values, every operation or every formula a node.

f = (x + y) z     n1 = x + y,  f = n1 z      nodes = "operations"
                  f = (x + y) z              nodes = "formulas"
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import Field, StrictInt, StrictStr

from calc.errors import Fault, short
from calc.expr import Call, Expr, Frac, Name, Neg, Num, Partial, Pow, Prod, Quantity, Sum, rename
from calc.fields import Number, Rate, unknown
from calc.formula import LONGEST, Assignment, FormulaError, is_name, parse_assignment
from calc.graph import BEYOND, LEARNING_RATE
from calc.lines import EPSILON
from calc.notation import Spelling
from calc.problem import Conventions, NotationOptions, Problem, SolutionOptions, Table
from calc.symbol import Symbol
from calc.updates import change_of

MOST_NODES = 800
MOST_ITERATIONS = 1000
MOST_WORKED = 20_000  # nodes times iterations
LONGEST_NAME = 20  # characters that still fit a column of a table


class GraphTable(Table):
    """Formulas, one assignment each, the last quantity the one that is differentiated, and the values they begin with.

    upstream: the gradient that arrives at the last quantity; wrt: what it is differentiated by, all values by default.
    """

    formulas: Annotated[tuple[StrictStr, ...], Field(min_length=1)]
    values: Annotated[Mapping[str, Number], Field(min_length=1)]
    nodes: Literal["operations", "formulas"] = "operations"
    upstream: Number = Field(default=1, validate_default=True)
    wrt: Annotated[tuple[StrictStr, ...], Field(min_length=1)] | None = None
    learning_rate: Rate = None
    iterations: Annotated[StrictInt, Field(ge=1, le=MOST_ITERATIONS)] = 1


class Circuit(Problem):
    """A computational graph with concrete numbers.

    Raises:
        ProblemError: with every fault found.
    """

    graph: GraphTable

    @staticmethod
    def _in_tables(tables: Mapping[str, Any], found: Iterable[Fault]) -> Iterator[Fault]:
        yield from Problem._in_tables(tables, found)
        graph = tables["graph"]
        if isinstance(graph, Mapping):
            yield from _graph_faults(graph)
            names = _names_in(graph)
            notation = tables.get("notation")
            symbols = notation.get("symbols") if isinstance(notation, Mapping) else None
            if isinstance(symbols, Mapping):  # inner nodes are known once the formulas are read
                yield from _symbol_faults((key for key in symbols if not re.search(r"\bd?n[0-9]+\b", key)), names)
            values = graph.get("values")
            if isinstance(values, Mapping):
                yield from _show_faults(tables, [name for name in values if isinstance(name, str)])
        yield from _option_faults(tables)

    def _conflicts(self) -> Iterator[Fault]:
        yield from _id_faults(self)

    @property
    def epochs(self) -> int:
        return self.graph.iterations

    @property
    def wrt(self) -> tuple[str, ...]:
        """What the last quantity is differentiated by."""
        return self.graph.wrt or tuple(self.graph.values)


# --- faults, in words ------------------------------------------------------------------------------------------------


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _names_in(graph: Mapping[str, Any]) -> list[str]:
    """What has a name in the file, whether its formula can be read or not."""
    values, formulas = graph.get("values"), graph.get("formulas")
    names = [name for name in values if isinstance(name, str)] if isinstance(values, Mapping) else []
    texts = [text for text in _listed(formulas) if isinstance(text, str)]
    return list(dict.fromkeys([*names, *(text[:LONGEST].partition("=")[0].strip() for text in texts)]))


def _graph_faults(graph: Mapping[str, Any]) -> Iterator[Fault]:
    """Names and formulas that do not fit together."""
    values, formulas, wrt = graph.get("values"), graph.get("formulas"), graph.get("wrt")
    known = [name for name in values if isinstance(name, str)] if isinstance(values, Mapping) else []
    for name in known:
        if not is_name(name):
            what = f'"{short(name)}" is no name. Use a letter, then letters, digits and _; no function\'s name'
            yield Fault(f"graph.values.{short(name)}", what)
        elif len(name) > LONGEST_NAME:
            what = f"a name of {len(name)} characters found, at most {LONGEST_NAME} needed. Use a shorter one"
            yield Fault(f"graph.values.{short(name)}", what)
    names = dict.fromkeys(name for name in known if is_name(name))
    lefts = [text[:LONGEST].partition("=")[0].strip() if isinstance(text, str) else "" for text in _listed(formulas)]
    if len(lefts) > MOST_NODES:  # told before each of them is read
        yield Fault("graph.formulas", f"{len(lefts)} formulas found, at most {MOST_NODES} can be worked. Give fewer")
        return
    for number, text in enumerate(_listed(formulas) if known else ()):
        if not isinstance(text, str):
            continue
        where = f"graph.formulas[{number}]"
        try:
            name = parse_assignment(text, names, later=lefts[number + 1 :]).name
        except FormulaError as error:
            yield Fault(where, str(error))
            name = text.partition("=")[0].strip()  # so that later formulas may use it
            if not is_name(name):
                continue
        if name in names:
            what = "a value" if name in known else "assigned before"
            yield Fault(where, f"{name} is {what}. Give the quantity another name")
        elif len(name) > LONGEST_NAME:
            what = f"a name of {len(name)} characters found, at most {LONGEST_NAME} needed. Use a shorter one"
            yield Fault(where, what)
        names[name] = None
    asked = [name if isinstance(name, str) else "" for name in wrt] if isinstance(wrt, list) else []
    for number, name in enumerate(asked):
        if name and name not in known:
            computed = f"{name} is computed, a value needed. Known: {', '.join(known[:12])}"
            what = computed if name in lefts else unknown(name, known, known[:12])
            yield Fault(f"graph.wrt[{number}]", what)
        elif name and name in asked[:number]:
            yield Fault(f"graph.wrt[{number}]", f"{name} stands twice. Remove it")
    iterations = graph.get("iterations")
    if isinstance(iterations, int) and iterations > 1 and "learning_rate" not in graph:
        what = "several iterations found without a learning rate. Add graph.learning_rate, or remove iterations"
        yield Fault("graph.iterations", what)


NO_LAYERS = "found beside [graph], which has no layers. Remove it"
NO_APPENDIX = "found beside [graph], whose lines are its derivatives. Remove it; calc derive works one line by line"


def _option_faults(tables: Mapping[str, Any]) -> Iterator[Fault]:
    """Options that speak of layers."""
    for table, model, options in (
        ("conventions", Conventions, ("update_biases", "update_order", "delta_sign")),
        ("notation", NotationOptions, ("profile",)),
        ("solution", SolutionOptions, ("method", "derivations")),
    ):
        given = tables.get(table)
        if not isinstance(given, Mapping):
            continue
        for option in options:
            value, usual = given.get(option), model.model_fields[option].default
            if isinstance(value, type(usual)) and value != usual:
                yield Fault(f"{table}.{option}", NO_APPENDIX if option == "derivations" else NO_LAYERS)


def _symbol_faults(symbols: Iterable[str], names: Collection[str]) -> Iterator[Fault]:
    """Keys of [notation.symbols] that name no quantity of this graph."""
    for key in symbols:
        if any(part not in names for part in re.split("/d|[|]", key.removeprefix("d") if "/d" in key else key)):
            what = "is no quantity of this graph. Name one by its id: " + ", ".join(list(names)[:12])
            yield Fault(f'notation.symbols."{short(key)}"', what)


def _show_faults(tables: Mapping[str, Any], values: Sequence[str]) -> Iterator[Fault]:
    """Names of solution.show that are no value, neither by id nor as printed."""
    solution, notation = tables.get("solution"), tables.get("notation")
    show = solution.get("show") if isinstance(solution, Mapping) else None
    symbols = notation.get("symbols") if isinstance(notation, Mapping) else None
    printed = [symbol for symbol in symbols.values() if isinstance(symbol, str)] if isinstance(symbols, Mapping) else []
    plain = str.maketrans("", "", "_^{}")
    fitting = {text.translate(plain) for text in (*values, *printed)}
    for text in show if isinstance(show, list) else ():
        if isinstance(text, str) and text.translate(plain) not in fitting:
            what = f'"{short(text)}" is no parameter of this problem. Known: {", ".join(values[:12])}, or as printed'
            yield Fault("solution.show", what)


def _id_faults(problem: Circuit) -> Iterator[Fault]:
    """Names that stand for something else, that print alike, or that [notation.symbols] does not know."""
    assignments = assignments_of(problem)
    nodes = nodes_of(problem)
    names = [*problem.graph.values, *(name.id for name, _ in nodes)]
    if len(nodes) > MOST_NODES:
        yield Fault("graph.formulas", f"{len(nodes)} nodes found, at most {MOST_NODES} can be worked. Give fewer")
        return
    if len(nodes) * problem.graph.iterations > MOST_WORKED:
        most = max(1, MOST_WORKED // len(nodes))
        what = f"{problem.graph.iterations} iterations of {len(nodes)} nodes found, at most {most} needed"
        yield Fault("graph.iterations", f"{what} for so many nodes. Give fewer")
    if problem.graph.upstream.value != 1 and BEYOND.id in names:
        yield Fault("graph", f"{BEYOND.id} stands for what lies beyond {assignments[-1].name}. Rename your {BEYOND.id}")
    reserved = [LEARNING_RATE.id]
    if problem.graph.learning_rate is not None:
        reserved += [change_of(Name(name)).id for name in problem.wrt]
    for name in names:
        if name in reserved:
            yield Fault("graph", f"{name} is the name of a learning rate or a change. Rename yours")
    if BEYOND.id in names and problem.graph.upstream.value != 1:
        return
    spelled: dict[Symbol, str] = {}
    notation = CircuitNotation(problem)
    for name in names:
        symbol = notation.symbol(Name(name))
        if symbol in spelled:
            what = f"{spelled[symbol]} and {name} are both printed {symbol}. Rename one, or give it a symbol of its own"
            yield Fault("graph", what)
        spelled.setdefault(symbol, name)
    taken = {EPSILON: "the small step of the check"}
    if problem.graph.learning_rate is not None:
        taken |= {LEARNING_RATE: "the learning rate"}
    for own, what in taken.items():
        symbol = notation.symbol(own)
        if symbol in spelled:
            remedy = f"Rename {spelled[symbol]}, or give it a symbol of its own"
            yield Fault("graph", f"{spelled[symbol]} is printed {symbol}, as {what} is. {remedy}")
    yield from _symbol_faults(problem.notation.symbols, names)


# --- formulas into nodes ---------------------------------------------------------------------------------------------


def assignments_of(problem: Circuit) -> list[Assignment]:
    """The formulas, in the order of the file."""
    return _assignments(problem.graph.formulas, tuple(problem.graph.values))


@lru_cache(maxsize=4)  # asked for by everything that works on a problem
def _assignments(formulas: tuple[str, ...], values: tuple[str, ...]) -> list[Assignment]:
    names, found = dict.fromkeys(values), list[Assignment]()
    for text in formulas:
        found.append(parse_assignment(text, names))
        names[found[-1].name] = None
    return found


def nodes_of(problem: Circuit) -> list[tuple[Name, Expr]]:
    """Name and formula of every node, in order of evaluation."""
    assignments = assignments_of(problem)
    if problem.graph.nodes == "formulas":
        return [(Name(line.name), line.expr) for line in assignments]
    splitter = _Splitter({*problem.graph.values, *(line.name for line in assignments)})
    for line in assignments:
        splitter.nodes.append((Name(line.name), splitter.operation(line.expr)))
    return splitter.nodes


class _Splitter:
    """Every operation a node of its own: inner ones are n1, n2, … skipping the names in use."""

    def __init__(self, used: set[str]) -> None:
        self.nodes: list[tuple[Name, Expr]] = []
        self.used, self.count = used, 0

    def operand(self, expr: Expr) -> Expr:
        """A name or a number, after a new node where it is an operation."""
        match expr:
            case Quantity() | Num() | Neg(Num()) | Call(_, ()):
                return expr
        formula = self.operation(expr)
        self.count += 1
        while f"n{self.count}" in self.used:
            self.count += 1
        name = Name(f"n{self.count}")
        self.nodes.append((name, formula))
        return name

    def operation(self, expr: Expr) -> Expr:
        """One operation over names and numbers."""
        match expr:
            case Sum((*first, last)) if len(first) > 1:  # from the left, two at a time
                return self.operation(Sum((Sum(tuple(first)), last)))
            case Sum((left, Neg(right))):
                return Sum((self.operand(left), Neg(self.operand(right))))
            case Sum((left, right)):
                return Sum((self.operand(left), self.operand(right)))
            case Prod((*first, last), sign) if len(first) > 1:
                return self.operation(Prod((Prod(tuple(first), sign), last), sign))
            case Prod(factors, sign):
                return Prod(tuple(self.operand(factor) for factor in factors), sign)
            case Neg(arg):
                return Neg(self.operand(arg))
            case Frac(num, den):
                return Frac(self.operand(num), self.operand(den))
            case Pow(base, exponent):
                below = self.operand(base)
                return Pow(below, exponent if isinstance(exponent, int) else self.operand(exponent))
            case Call(function, args):
                return Call(function, tuple(self.operand(arg) for arg in args))
        return expr


def described(problem: Problem, steps: Mapping[str, Any], quantity: Quantity) -> str:
    """The id of a quantity; of nodes that the file does not name with their formulas: n2 = ln(x − y)."""
    from calc.render.text import TextPrinter  # only where something is wrong

    assert isinstance(problem, Circuit)
    named = {*problem.graph.values, *(line.name for line in assignments_of(problem))}

    def inner(part: Quantity) -> bool:
        return isinstance(part, Name) and part.kind not in named and part.id in steps and steps[part.id].kind == "node"

    def spelled_out(part: Quantity) -> Expr:
        return rename(steps[part.id].expr, spelled_out) if inner(part) else part

    def formula(name: Quantity) -> str:
        printer = TextPrinter(CircuitNotation(problem))
        return f"{name.id} = {short(printer.write(spelled_out(name)), 100)}"

    if isinstance(quantity, Partial):
        parts = [formula(name) for name in (quantity.of, quantity.by) if inner(name)]
        return f"{quantity.id} ({', '.join(parts)})" if parts else quantity.id
    return formula(quantity) if inner(quantity) else quantity.id


# --- how it is spelled -----------------------------------------------------------------------------------------------


class CircuitNotation(Spelling):
    """The file's own names as symbols, those of changes and of updated values made from them."""

    def __init__(self, problem: Circuit) -> None:
        super().__init__(problem.notation)
        self.loss = Name(assignments_of(problem)[-1].name)
        self.changed = set(map(Name, problem.wrt)) if problem.graph.learning_rate is not None else set()

    def _symbol(self, name: Name) -> Symbol:
        own = self.own.get(name.id)
        if own is not None:
            return own
        if name == LEARNING_RATE:
            return Symbol("eta")
        if name.updated:
            bare = self.symbol(Name(name.kind))
            return Symbol(bare.base, bare.sub, bare.sup, primes=1)
        if name.kind.startswith("D") and Name(name.kind[1:]) in self.changed:
            return replace(self.symbol(Name(name.kind[1:])), delta=True)
        return super()._symbol(name)
