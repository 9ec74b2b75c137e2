"""The values of a problem file: how each kind is read, written back and described in the JSON Schema.

Numbers are exact: 0.1 is one tenth and prints as it was typed.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

from pydantic import (
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)

from calc.errors import short
from calc.number import MOST_DIGITS, Exact
from calc.ops.activations import ACTIVATIONS, THRESHOLDS, Activation
from calc.ops.losses import LOSSES, Loss
from calc.symbol import Symbol
from calc.updates import UPDATES, Sgd, Update

MOST_UPDATES = 100_000  # already done, of an optimiser that is continued


def kind_of(value: Any) -> str:
    """What was found, for a person: 'the text "x"', 'a list', 'true'."""
    match value:
        case bool():
            return str(value).lower()
        case None:
            return "nothing"
        case str():
            return f'the text "{short(value, 40)}"' if value else "an empty text"
        case Mapping():
            return "a table"
        case list() | tuple():
            return f"a list of {len(value)}" if value else "an empty list"
        case int() if value.bit_length() > 200:
            return "a huge number"
        case _:
            return str(value)[:40]


def unknown(name: str, known: Iterable[str], listed: Iterable[str]) -> str:
    import difflib  # only where something is wrong

    close = difflib.get_close_matches(name[:60], list(known), n=1)
    hint = f' Did you mean "{close[0]}"?' if close else ""
    return f'"{short(name)}" is not known.{hint} Known: {", ".join(listed)}'


class Typed:
    """A number of a file, kept as the text that was typed."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _read_number(value: Any) -> Exact:
    match value:
        case Exact():
            return value
        case bool():
            raise ValueError(f"{str(value).lower()} found, a number needed. Write 1 or 0")
        case int():
            if value.bit_length() > 4 * MOST_DIGITS:
                raise ValueError(f"a number of more than {MOST_DIGITS} digits found. Give at most {MOST_DIGITS} digits")
            return Exact.read(str(value))
        case float():
            return Exact.read(float.__repr__(value))
        case Typed():
            return Exact.read(value.text)
        case str():
            return Exact.read(value)
        case Decimal() | Fraction():
            return Exact.read(str(value))
        case _:
            raise ValueError(f"{kind_of(value)} found, a number needed")


def _read_half(value: Any) -> Exact:
    number = _read_number(value)
    if number.value * 2 not in (0, 1, 2):
        raise ValueError(f'{number} found, 0, "1/2" or 1 needed')
    return number


def _write_number(number: Exact) -> int | float | str:
    """As JSON has it; a string where a JSON number would lose digits, were it only a trailing zero as in "0.20"."""
    text = str(number)
    if re.fullmatch(r"-?[0-9]{1,15}", text):
        return int(text)
    if "/" not in text and float.__repr__(float(text)) == text:
        return float(text)
    return text


NUMBER_SCHEMA = {
    "anyOf": [
        {"type": "number"},
        {"type": "string", "pattern": r"^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$|^[+-]?[0-9]+\s*/\s*[0-9]+$"},
    ],
    "description": 'a number, or a fraction in quotes such as "1/3"',
}
Number = Annotated[Exact, PlainValidator(_read_number), PlainSerializer(_write_number), WithJsonSchema(NUMBER_SCHEMA)]


def _read_mask(value: Any) -> Exact:
    number = _read_number(value)
    if number.value not in (0, 1):
        raise ValueError(f"{number} found, 0 (masked) or 1 needed")
    return number


def _read_keep(value: Any) -> Exact:
    number = _read_number(value)
    if not 0 < number.value <= 1:
        raise ValueError(f"{number} found, the share that is kept needed, above 0 and at most 1")
    return number


def _read_factor(value: Any) -> Exact:
    number = _read_number(value)
    if number.value < 0:
        raise ValueError(f"{number} found, 0 or a positive number needed")
    return number


def _read_rates(value: Any) -> Any:
    """One learning rate, or an array of them; every entry that is none is told."""
    if not isinstance(value, list | tuple):
        return _read_number(value)
    read, wrong = [], []
    for i, entry in enumerate(value):
        try:
            read.append(_read_rates(entry))
        except ValueError as error:
            wrong.append(f"[{i}]{'' if str(error).startswith('[') else ': '}{error}")
    if wrong:
        raise ValueError("; ".join(wrong[:8]))
    return tuple(read)


def _write_arrays(value: Any) -> Any:
    return [_write_arrays(entry) for entry in value] if isinstance(value, tuple) else _write_number(value)


# left out, not null, where every layer has rates of its own
Rate = Annotated[
    Exact | None,
    PlainValidator(_read_number),
    PlainSerializer(lambda rate: rate if rate is None else _write_number(rate)),
    WithJsonSchema(NUMBER_SCHEMA),
]
Half = Annotated[
    Exact,
    PlainValidator(_read_half),
    PlainSerializer(_write_number),
    WithJsonSchema({"enum": [0, 0.5, 1, "1/2"], "description": "the derivative taken at the kink"}),
]

MaskEntry = Annotated[
    Exact,
    PlainValidator(_read_mask),
    PlainSerializer(_write_number),
    WithJsonSchema({"enum": [0, 1], "description": "0: the unit is masked"}),
]
Keep = Annotated[
    Exact,
    PlainValidator(_read_keep),
    PlainSerializer(_write_number),
    WithJsonSchema(NUMBER_SCHEMA | {"description": "the share that is kept, above 0 and at most 1"}),
]
Factor = Annotated[
    Exact,
    PlainValidator(_read_factor),
    PlainSerializer(_write_number),
    WithJsonSchema(NUMBER_SCHEMA | {"description": "0 or positive"}),
]
_RATES_SCHEMA: dict[str, Any] = {
    "anyOf": [NUMBER_SCHEMA, {"type": "array", "minItems": 1}],
    "description": "one learning rate, or an array of them shaped as the parameter",
}
Rates = Annotated[
    Exact | tuple[Any, ...], PlainValidator(_read_rates), PlainSerializer(_write_arrays), WithJsonSchema(_RATES_SCHEMA)
]


def _operation(operations: Iterable[type[Any]], what: str, base: type[Any], example: str = "") -> Any:
    """A validated field type: a name, a second name or a table { name = … } to an instance of one of ``operations``.

    Args:
        base: the class of all of them.
        example: a formula, where { formula = … } may stand instead.
    """
    known = {name: op for op in operations for name in (op.name, *op.aliases)}
    names = sorted(op.name for op in operations)

    def read(value: Any) -> Any:
        if isinstance(value, base):
            return value
        if example and isinstance(value, Mapping) and "formula" in value:
            return _read_formula(value, base, example)
        name, parameters = (value, {}) if isinstance(value, str) else (None, value)
        if isinstance(value, Mapping):
            parameters = dict(value)
            name = parameters.pop("name", None)
        if not isinstance(name, str):
            raise ValueError(f"{kind_of(value)} found, the name of {what} needed. Known: {', '.join(names)}")
        if name not in known:
            raise ValueError(unknown(name, known, names))
        operation = known[name]
        fields = {field.name: _read_number(getattr(operation, field.name)) for field in dataclasses.fields(operation)}
        for key, number in parameters.items():
            if key not in fields:
                listed = f"Known: {', '.join(fields)}" if fields else "Remove it"
                raise ValueError(f'{name} has no parameter "{short(str(key), 40)}". {listed}')
            try:
                fields[key] = _read_number(number)
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None
        return operation(**fields)

    def write(operation: Any) -> Any:
        if getattr(operation, "own", False):
            return {"formula": operation.text}
        fields = {field.name: _write_number(getattr(operation, field.name)) for field in dataclasses.fields(operation)}
        return {"name": operation.name, **fields} if fields else operation.name

    schema = {"anyOf": [{"enum": list(known)}, *_tables(operations), *([_FORMULA_SCHEMA] if example else [])]}
    return PlainValidator(read), PlainSerializer(write), WithJsonSchema(schema)


_FORMULA_SCHEMA = {
    "type": "object",
    "properties": {"formula": {"type": "string", "minLength": 1}},
    "required": ["formula"],
    "additionalProperties": False,
}


def _read_formula(table: Mapping[str, Any], base: type[Any], example: str) -> Any:
    """An activation or a loss of the author's own."""
    from calc.ops.custom import CUSTOM  # where one is given

    others = [str(key) for key in table if key != "formula"]
    if others:
        raise ValueError(f'"{short(others[0], 40)}" found beside formula, formula alone needed. Remove one of them')
    text = table["formula"]
    if not isinstance(text, str):
        raise ValueError(f'formula: {kind_of(text)} found, a formula in quotes needed, e.g. "{example}"')
    return CUSTOM[base](text)


def _tables(operations: Iterable[type[Any]]) -> list[dict[str, Any]]:
    """The schema of { name = …, parameters }, one for all operations of the same parameters."""
    names: dict[tuple[str, ...], list[str]] = {}
    for operation in operations:
        fields = tuple(field.name for field in dataclasses.fields(operation))
        names.setdefault(fields, []).extend((operation.name, *operation.aliases))
    return [
        {
            "type": "object",
            "properties": {"name": {"enum": named}, **dict.fromkeys(fields, NUMBER_SCHEMA)},
            "required": ["name"],
            "additionalProperties": False,
        }
        for fields, named in names.items()
    ]


ACTIVATION = _operation((*ACTIVATIONS, *THRESHOLDS), "an activation", Activation, "z / (1 + abs(z))")
LOSS = _operation(LOSSES, "a loss", Loss, "(t - a)**4 / 4")
_read_update = _operation(UPDATES, "an optimiser", Update)


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """How parameters change: the rule, the updates already done, and the state they left.

    ``state["m"]`` holds one array per layer, shaped as its weights; ``state["m_biases"]`` as its biases; else zero.
    """

    update: Update = Sgd()
    step: int = 0
    state: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict)

    def start(self, letter: str, kind: str, layer: int, index: Sequence[int]) -> Exact:
        """The state of one parameter before this update; ``layer`` and ``index`` count from 1."""
        arrays = self.state.get(letter if kind == "w" else f"{letter}_biases")
        if arrays is None:
            return Exact.read("0")
        entry: Any = arrays[layer - 1]
        for i in index:
            entry = entry[i - 1]
        number: Exact = entry
        return number


def _read_optimizer(value: Any) -> Optimizer:
    if isinstance(value, Optimizer):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f'{kind_of(value)} found, a table needed, e.g. name = "momentum"')
    table = dict(value)
    step, state = table.pop("step", 0), table.pop("state", {})
    table.setdefault("name", "sgd")
    update = _read_update[0].func(table)
    if not isinstance(step, int) or isinstance(step, bool) or not 0 <= step <= MOST_UPDATES:
        raise ValueError(f"step: {kind_of(step)} found, the number of updates already done needed, 0 to {MOST_UPDATES}")
    known = [key for letter in update.state for key in (letter, f"{letter}_biases")]
    if not isinstance(state, Mapping):
        raise ValueError(f"state: {kind_of(state)} found, a table needed, e.g. state.v = [[[0.1, 0], [0, 0]]]")
    for key in state:
        if key not in known:
            listed = f"Known: {', '.join(known)}" if known else f"{update.name} keeps no state. Remove it"
            raise ValueError(f'state: "{short(str(key), 40)}" is not known. {listed}')
    return Optimizer(update, step, {key: _read_arrays(key, arrays) for key, arrays in state.items()})


def _read_arrays(key: str, value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_read_arrays(key, entry) for entry in value)
    try:
        return _read_number(value)
    except ValueError as error:
        raise ValueError(f"state.{key}: {error}") from None


def _write_optimizer(optimizer: Optimizer) -> Any:
    rule = _read_update[1].func(optimizer.update)
    table = dict(rule) if isinstance(rule, dict) else {"name": rule}
    state = {key: _write_arrays(arrays) for key, arrays in optimizer.state.items()}
    return table | {"step": optimizer.step} | ({"state": state} if state else {})


def _optimizer_schema() -> dict[str, Any]:
    arrays: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "array"}}
    more = {"step": {"type": "integer", "minimum": 0}, "state": arrays}
    return {"anyOf": [table | {"properties": table["properties"] | more} for table in _tables(UPDATES)]}


OptimizerTable = Annotated[
    Optimizer,
    PlainValidator(_read_optimizer),
    PlainSerializer(_write_optimizer),
    WithJsonSchema(_optimizer_schema()),
]


def read_symbol(value: Any) -> Symbol:
    if isinstance(value, Symbol):
        return value
    if not isinstance(value, str):
        raise ValueError(f'{kind_of(value)} found, a symbol in quotes needed, e.g. "w_5"')
    return Symbol.parse(value)


def _read_show(value: Any) -> str | tuple[str, ...]:
    if value in ("all", "auto"):
        return str(value)
    names = value.split(",") if isinstance(value, str) else value
    if (
        not isinstance(names, Sequence)
        or not names
        or not all(isinstance(name, str) and name.strip() for name in names)
    ):
        raise ValueError(f'{kind_of(value)} found, "all", "auto" or a list of parameters needed, e.g. ["w5", "w1"]')
    return tuple(" ".join(name.split()) for name in names)


_NAME_SCHEMA = {"type": "string", "minLength": 1}
_SHOW_SCHEMA = {"anyOf": [_NAME_SCHEMA, {"type": "array", "items": _NAME_SCHEMA, "minItems": 1}]}
Show = Annotated[
    str | tuple[str, ...],
    PlainValidator(_read_show),
    PlainSerializer(lambda show: show if isinstance(show, str) else list(show)),
    WithJsonSchema(_SHOW_SCHEMA),
]
