"""The problem as its author wrote it, whatever its kind: read, validated, every fault reported at once.

Numbers are exact: 0.1 is one tenth and prints as it was typed.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    WithJsonSchema,
)

from calc.errors import Fault, ProblemError, short
from calc.fields import (
    Half,
    Optimizer,
    Show,
    kind_of,
    read_symbol,
    unknown,
)
from calc.number import Exact, Shown
from calc.number import Rounding as RoundingRule
from calc.symbol import Symbol

if TYPE_CHECKING:
    from calc.summary import Summary


class Table(BaseModel):
    """A table of the file: its entries are checked, unknown ones are faults, nothing is changed once read."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, defer_build=True)


class Conventions(Table):
    """Everything that changes a number; all of it is printed in the solution."""

    update_biases: StrictBool = True
    update_order: Literal["simultaneous", "sequential"] = "simultaneous"
    delta_sign: Literal["dE/dz", "-dE/dz"] = "dE/dz"
    relu_at_zero: Half = Field(default=0, validate_default=True)
    kinks: Half = Field(default=0, validate_default=True)

    def at_kink(self, convention: str) -> Shown:
        """The derivative taken at a kink that ``relu_at_zero`` or ``kinks`` settles."""
        return self.relu_at_zero.shown if convention == "relu_at_zero" else self.kinks.shown


class Rounding(Table):
    """How results are printed and carried; never both decimals and significant."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["decimals", "significant"]}})

    decimals: Annotated[StrictInt, Field(ge=0, le=30)] | None = None
    significant: Annotated[StrictInt, Field(ge=1, le=30)] | None = None
    carry: Literal["full", "rounded"] = "full"
    ties: Literal["half-up", "half-even"] = "half-up"

    @property
    def rule(self) -> RoundingRule:
        """The rule in force; 4 decimals where nothing is said."""
        decimals = 4 if self.decimals is None and self.significant is None else self.decimals
        return RoundingRule(decimals, self.significant, self.carry, self.ties)


class SolutionOptions(Table):
    """What of the derivation is written out, and in which way."""

    method: Literal["chain", "delta", "matrix"] = "chain"
    show: Show = "auto"
    derivations: StrictBool = False
    detail: Literal["exam", "full", "brief"] = "exam"
    marks: StrictBool = False
    language: Literal["en", "de", "fr", "es"] = "en"


class NotationOptions(Table):
    """Spelling only: switching it changes no number."""

    profile: Literal["standard", "net-out", "from-to", "vw", "ih-ho", "delta-nabla", "x-layer"] = "standard"
    decimal: Literal[".", ","] = "."
    multiply: Literal["×", "·"] = "×"
    symbols: Mapping[
        str,
        Annotated[Symbol, PlainValidator(read_symbol), WithJsonSchema({"type": "string"}), PlainSerializer(str)],
    ] = {}


class Figures(Table):
    """The pictures that are asked for beside the usual ones: ``surface``, the loss over the plane of two parameters."""

    surface: tuple[StrictStr, StrictStr] | None = None


class Problem(Table):
    """What is to be worked: a Network, or a Circuit where there is a table [graph]; ``Problem(**tables)`` makes either.

    Raises:
        ProblemError: with every fault found.
    """

    title: str = "Back-propagation, step by step"
    # constructed, not validated: that would build a validator for each at every start
    conventions: Conventions = Conventions.model_construct(relu_at_zero=Exact.read("0"), kinks=Exact.read("0"))
    rounding: Rounding = Rounding.model_construct()
    solution: SolutionOptions = SolutionOptions.model_construct()
    notation: NotationOptions = NotationOptions.model_construct()
    figures: Figures | None = None

    def __new__(cls, /, **tables: Any) -> "Problem":
        if cls is not Problem:
            return super().__new__(cls)
        if "graph" in tables:
            from calc.circuit import Circuit  # brings the parser of formulas along, which a network does not need

            return super().__new__(Circuit)
        from calc.network import Network  # each kind stands on this module

        return super().__new__(Network)

    def __init__(self, /, **tables: Any) -> None:
        found: Iterable[Fault] = ()
        try:
            tables = self._completed(_plain(tables))
            super().__init__(**tables)
        except _TooDeep:
            raise ProblemError("problem", [TOO_DEEP]) from None
        except ValidationError as error:
            found = _faults(error, type(self))
        faults = list(islice(self._in_tables(tables, found), MOST_FAULTS + 1)) or list(self._conflicts())
        if faults:
            faults[MOST_FAULTS:] = [Fault("", "and more. Mend these first")] if len(faults) > MOST_FAULTS else []
            raise ProblemError("problem", faults)

    @staticmethod
    def _completed(tables: Any) -> Any:
        """The tables with the defaults that hang on other entries."""
        return tables

    @staticmethod
    def _in_tables(tables: Mapping[str, Any], found: Iterable[Fault]) -> Iterator[Fault]:
        """What can be told of the tables as they were typed, beside what was ``found`` in single entries."""
        rounding = tables.get("rounding")
        if isinstance(rounding, Mapping) and None not in (rounding.get("decimals"), rounding.get("significant")):
            yield Fault("rounding", "decimals and significant found, one of them needed. Remove one")
        yield from found

    def _conflicts(self) -> Iterator[Fault]:
        """What does not go together, of entries that are right by themselves."""
        yield from ()

    def _repr_markdown_(self) -> str:
        return self._summary._repr_markdown_()

    @property
    def _summary(self) -> "Summary":
        """What is given, as a notebook shows it."""
        from calc.summary import Summary  # it stands on what works a problem

        return Summary(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.title!r}>"  # print(problem) shows all of it

    @property
    def rule(self) -> str:
        """By which rule parameters change: gradient, perceptron or delta."""
        return "gradient"

    @property
    def epochs(self) -> int:
        """How often all samples are visited."""
        return 1

    @property
    def rules_of_change(self) -> Optimizer:
        """How a parameter changes with its gradient."""
        return Optimizer()

    def after(self, updates: int) -> Self:
        """The same with so many more updates counted as done."""
        return self

    @property
    def updates(self) -> list[tuple[int, ...]]:
        """The samples of each update of one epoch, numbered from 1, in the order of visiting."""
        return [(1,)]

    @property
    def marked(self) -> bool:
        """Whether an update sees several samples, so that a quantity needs a mark to tell whose it is."""
        return False


class _TooDeep(Exception):
    """Tables or lists within each other beyond MOST_LEVELS."""


def _plain(value: Any, level: int = 0) -> Any:
    """Arrays of other libraries and tuples as lists, halves of characters as U+FFFD, models as tables."""
    if level > MOST_LEVELS:
        raise _TooDeep
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, str):
        return value if value.isascii() else re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(entry, level + 1) for key, entry in value.items()}
    return [_plain(entry, level + 1) for entry in value] if isinstance(value, list | tuple) else value


# --- faults, in words --------------------------------------------------------------------------------------------

MOST_FAULTS = 50  # listed at once
MOST_LEVELS = 8  # of tables and lists within each other; a problem needs four
TOO_DEEP = Fault("", "brackets nested too deeply. Weights are lists of lists of numbers")


def _path(location: Sequence[str | int]) -> str:
    """layers[1].weights[0][2], counted from 0."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{short(part)}" if path else short(part)
    return path


def _table_at(location: Sequence[str | int], problem: type[Problem]) -> type[BaseModel] | None:
    """The model of the table at a location, None where there is none."""
    table: type[BaseModel] = problem
    for part in location:
        if isinstance(part, str):
            field = table.model_fields.get(part)
            inner = [t for t in _types(field.annotation) if issubclass(t, BaseModel)] if field else []
            if not inner:
                return None
            table = inner[0]
    return table


def _types(annotation: Any) -> list[type]:
    """All classes within an annotation: tuple[Layer, ...] holds Layer."""
    inner = [t for argument in get_args(annotation) for t in _types(argument)]
    return inner or ([annotation] if isinstance(annotation, type) else [])


def _faults(error: ValidationError, problem: type[Problem]) -> Iterator[Fault]:
    """Pydantic's errors without those that only follow from others: a list is not empty because its entries are bad."""
    for found in error.errors(include_url=False):
        if not (found["type"] == "too_short" and found["input"]):
            yield _fault(found, problem)


def _fault(found: Any, problem: type[Problem]) -> Fault:
    """One of pydantic's errors as where, what was found, what was expected, what to do."""
    from calc.network import Network  # see Problem.__new__

    location, value, context = found["loc"], found["input"], found.get("ctx", {})
    where = _path(location)
    match found["type"]:
        case "value_error":
            what = str(context["error"])
        case "missing" if isinstance(location[-1], int):  # of a list of a fixed length
            what = "missing. Add one more entry to the list"
        case "missing":
            what = f'missing. Add "{location[-1]}" here'
        case "extra_forbidden":
            table, key = _table_at(location[:-1], problem), str(location[-1])
            shared = [key for key in Problem.model_fields if table is problem and key != "title"]
            listed = [key for key in (table.model_fields if table else ()) if key not in shared] + shared
            if len(location) == 1 and key == "learning_rate" and problem is not Network:
                what = "found beside [graph]. Move it into the table [graph]"
            elif len(location) == 1 and key in Network.model_fields:
                what = f'"{key}" found beside [graph]. A graph has no layers: remove one of the two'
            elif key in problem.model_fields:
                what = f'"{key}" does not belong here. Move it to the top, above the first table in brackets [ ]'
            else:
                what = unknown(key, listed, listed)
        case "literal_error":
            listed = re.findall(r"'([^']*)'", context["expected"])
            what = (
                unknown(value, listed, listed)
                if isinstance(value, str)
                else (f"{kind_of(value)} found, one of {', '.join(listed)} needed")
            )
        case "too_short":
            what = f"empty. Add at least one {'number' if where.endswith((']', '.inputs', '.targets')) else 'entry'}"
        case "too_long":
            what = f"{kind_of(value)} found, {context['max_length']} entries needed"
        case "tuple_type" | "list_type":
            what = f"{kind_of(value)} found, a list in brackets [ ] needed"
        case "model_type" | "model_attributes_type" | "dict_type" | "mapping_type":
            what = f"{kind_of(value)} found, a table of named entries needed"
        case "string_type":
            what = f"{kind_of(value)} found, a text in quotes needed"
        case "bool_type":
            what = f"{kind_of(value)} found, true or false needed"
        case "int_type":
            what = f"{kind_of(value)} found, a whole number needed"
        case "greater_than_equal":
            what = f"{kind_of(value)} found, at least {context['ge']} needed"
        case "less_than_equal":
            what = f"{kind_of(value)} found, at most {context['le']} needed"
        case _:
            what = f"{kind_of(value)} found. {found['msg']}"
    return Fault(where, what)
