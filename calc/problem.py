"""The problem as its author wrote it: read, validated, every fault reported at once.

x    inputs of a sample, (n_in,)         e.g. inputs = [1, 0]
t    targets of a sample, (n_out,)       e.g. targets = [1]
w    weights of a layer, (n_out, n_in)   one row per unit: the weights into it, in input order
b    biases of a layer, (n_out,)         or None

Numbers are exact: 0.1 is one tenth and prints as it was typed.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Annotated, Any, Literal, Self, get_args

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
    ACTIVATION,
    LOSS,
    Factor,
    Half,
    Keep,
    MaskEntry,
    Number,
    Optimizer,
    OptimizerTable,
    Rate,
    Rates,
    Show,
    kind_of,
    read_symbol,
    unknown,
)
from calc.number import Exact, Shown
from calc.number import Rounding as RoundingRule
from calc.ops.activations import ACTIVATIONS, Activation
from calc.ops.losses import Loss
from calc.schedule import Schedule, batches, read_schedule, size_of, training_faults, write_schedule
from calc.symbol import Symbol


class Table(BaseModel):
    """A table of the file: its entries are checked, unknown ones are faults, nothing is changed once read."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, defer_build=True)


class Layer(Table):
    """A fully connected layer: weights (n_out, n_in), biases (n_out,) or None.

    mask (n_out,) of 0 and 1 multiplies its activations, keep divides them: dropout with a given mask.
    """

    model_config = ConfigDict(json_schema_extra={"dependentRequired": {"keep": ["mask"]}})

    activation: Annotated[Activation, *ACTIVATION]
    weights: Annotated[tuple[Annotated[tuple[Number, ...], Field(min_length=1)], ...], Field(min_length=1)]
    biases: tuple[Number, ...] | None = None
    mask: tuple[MaskEntry, ...] | None = None
    keep: Keep | None = None


class LearningRates(Table):
    """The learning rates of a layer: a number, or an array shaped as the parameter."""

    weights: Rates
    biases: Rates | None = None  # as the weights where these have one number


class Penalty(Table):
    """What large weights cost: (l2/2) Σ w² + l1 Σ |w|, added to the loss."""

    l1: Factor = Field(default=0, validate_default=True)
    l2: Factor = Field(default=0, validate_default=True)

    @property
    def active(self) -> bool:
        """Whether anything is added."""
        return self.l1.value != 0 or self.l2.value != 0


class Sample(Table):
    """One sample: inputs (n_in,), targets (n_out,)."""

    inputs: Annotated[tuple[Number, ...], Field(min_length=1)]
    targets: Annotated[tuple[Number, ...], Field(min_length=1)]


_SCHEDULE_SCHEMA = {
    "anyOf": [
        {"enum": ["batch", "online"]},
        {
            "type": "object",
            "properties": {"batch_size": {"type": "integer", "minimum": 1}},
            "required": ["batch_size"],
            "additionalProperties": False,
        },
    ]
}


class Training(Table):
    """How often and in which order the samples are visited, and by which rule the parameters change.

    ``rule``: "gradient"; for a single layer also "perceptron" (Rosenblatt 1958) or "delta" (Widrow & Hoff 1960).
    """

    epochs: Annotated[StrictInt, Field(ge=1)] = 1
    schedule: Annotated[
        Schedule,
        PlainValidator(read_schedule),
        PlainSerializer(write_schedule),
        WithJsonSchema(_SCHEDULE_SCHEMA),
    ] = "batch"
    order: Annotated[tuple[StrictInt, ...], Field(min_length=1)] | None = None
    rule: Literal["gradient", "perceptron", "delta"] = "gradient"


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
    derivations: bool = False
    detail: Literal["exam", "full", "brief"] = "exam"
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


def _rule_conflicts(problem: "Network") -> Iterator[Fault]:
    """What the perceptron rule and the delta rule have no place for."""
    rule = problem.training.rule
    if rule == "gradient":
        return
    if problem.solution.derivations:
        yield Fault("solution.derivations", f"found; the {rule} rule takes no derivatives. Leave it out")
    if problem.solution.detail == "full":
        yield Fault("solution.detail", f'"full" found; the {rule} rule takes no derivatives. Use "exam" or "brief"')
    if problem.learning_rates is not None:
        yield Fault("learning_rates", f"found; the {rule} rule has one rate. Use learning_rate")
    if problem.penalty.active:
        yield Fault("penalty", f"found; the {rule} rule has no penalty. Leave it out")
    if problem.layers[0].mask is not None:
        yield Fault("layers[0].mask", f"found; the {rule} rule has no mask. Leave it out")


def _matrix_conflicts(problem: "Network") -> Iterator[Fault]:
    """What is not written in matrices."""
    if problem.solution.method == "matrix" and problem.training.rule != "gradient":
        remedy = 'is not written in matrices. Use solution.method = "chain" or "delta"'
        yield Fault("training.rule", f"the {problem.training.rule} rule {remedy}")


def _what_is_required(schema: dict[str, Any]) -> None:
    """One learning rate or several; a loss, but for the perceptron rule and the delta rule."""
    schema["oneOf"] = [{"required": ["learning_rate"]}, {"required": ["learning_rates"]}]
    ruled = {"properties": {"rule": {"enum": ["perceptron", "delta"]}}, "required": ["rule"]}
    schema["required"] = [key for key in schema["required"] if key != "loss"]
    schema["anyOf"] = [{"required": ["loss"]}, {"properties": {"training": ruled}, "required": ["training"]}]


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
        kind = cls if cls is not Problem else Network
        if cls is Problem and "graph" in tables:
            from calc.circuit import Circuit  # brings the parser of formulas along, which a network does not need

            kind = Circuit
        return super().__new__(kind)

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


class Network(Problem):
    """A network with concrete numbers and what is to be done with it.

    Raises:
        ProblemError: with every fault found.
    """

    model_config = ConfigDict(json_schema_extra=_what_is_required)

    learning_rate: Rate = None
    learning_rates: Annotated[tuple[LearningRates, ...], Field(min_length=1)] | None = None
    loss: Annotated[Loss, *LOSS]
    reduction: Literal["mean", "sum"] = "mean"
    optimizer: OptimizerTable = Optimizer()
    penalty: Penalty = Penalty.model_construct(l1=Exact.read("0"), l2=Exact.read("0"))
    training: Training = Training.model_construct()
    layers: Annotated[tuple[Layer, ...], Field(min_length=1)]
    samples: Annotated[tuple[Sample, ...], Field(min_length=1)]

    @staticmethod
    def _completed(tables: Any) -> Any:
        return _by_rule(tables)

    @staticmethod
    def _in_tables(tables: Mapping[str, Any], found: Iterable[Fault]) -> Iterator[Fault]:
        yield from _rate_faults(tables)
        yield from Problem._in_tables(tables, found)
        yield from _size_faults(tables)
        yield from training_faults(tables)

    def _conflicts(self) -> Iterator[Fault]:
        yield from _symbol_faults(self)
        yield from _target_faults(self)
        yield from _state_faults(self)
        yield from _rule_conflicts(self)
        yield from _matrix_conflicts(self)

    @property
    def rule(self) -> str:
        return self.training.rule

    @property
    def epochs(self) -> int:
        return self.training.epochs

    @property
    def rules_of_change(self) -> Optimizer:
        return self.optimizer

    def after(self, updates: int) -> Self:
        if not updates:
            return self
        return self.model_copy(update={"optimizer": replace(self.optimizer, step=self.optimizer.step + updates)})

    @property
    def widths(self) -> tuple[int, ...]:
        """Inputs, then the units of each layer, e.g. (2, 2, 1)."""
        return (len(self.samples[0].inputs), *(len(layer.weights) for layer in self.layers))

    @property
    def updates(self) -> list[tuple[int, ...]]:
        return batches(self.training.schedule, self.training.order or range(1, len(self.samples) + 1))

    @property
    def marked(self) -> bool:
        return size_of(self.training.schedule, len(self.samples)) > 1

    @property
    def minus(self) -> bool:
        """Whether deltas are worked, and are −∂E/∂z."""
        deltas = self.training.rule == "gradient" and self.solution.method != "chain"
        return deltas and self.conventions.delta_sign == "-dE/dz"


def _by_rule(tables: Any) -> Any:
    """The defaults that hang on the rule: half squared errors, added up over a batch (Mitchell 1997, section 4.4)."""
    training = tables.get("training")
    if isinstance(training, Mapping) and training.get("rule") in ("perceptron", "delta"):
        return {"loss": "half_squared_error", "reduction": "sum"} | tables
    return tables


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
    location, value, context = found["loc"], found["input"], found.get("ctx", {})
    where = _path(location)
    match found["type"]:
        case "value_error":
            what = str(context["error"])
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


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _entries(value: Any) -> list[Any]:
    """A list's entries; none where something else stands."""
    return value if isinstance(value, list) else []


def _size_faults(tables: Mapping[str, Any]) -> Iterator[Fault]:
    """Where rows, biases, inputs and targets do not fit together; only lengths matter, so other faults do not."""
    layers, samples = _entries(tables.get("layers")), _entries(tables.get("samples"))
    entering: int | None = None  # numbers that enter the layer: inputs, then units of the layer before
    origin = ""
    for s, sample in enumerate(samples):
        inputs = _entries(sample.get("inputs")) if isinstance(sample, Mapping) else []
        if inputs and entering is None:
            entering, origin = len(inputs), f"samples[{s}].inputs has"
        elif inputs and len(inputs) != entering:
            found = _count(len(inputs), "number")
            what = (
                f"{found} found, {entering} needed ({origin} {entering}). Give every sample the same number of inputs"
            )
            yield Fault(f"samples[{s}].inputs", what)
    for number, layer in enumerate(layers):
        rows = [_entries(row) for row in _entries(layer.get("weights"))] if isinstance(layer, Mapping) else []
        if not rows or not all(rows):
            entering = None
            continue
        where = f"layers[{number}]"
        lengths = {len(row) for row in rows}
        if len(lengths) > 1:
            listed = ", ".join(str(len(row)) for row in rows[:12])
            what = f"rows of different lengths found ({listed}), equal lengths needed. "
            what += "Give every unit one weight per input"
            yield Fault(f"{where}.weights", what)
        elif entering is not None and lengths != {entering}:
            width = lengths.pop()
            columns = _count(abs(entering - width), "column")
            change = f"Add {columns} to each row" if width < entering else f"Remove {columns} from each row"
            what = (
                f"{_count(len(rows), 'row')} of {_count(width, 'number')} found, {_count(len(rows), 'row')} of "
                f"{entering} needed ({origin} {entering}). {change}"
            )
            yield Fault(f"{where}.weights", what)
        biases = layer.get("biases")
        if isinstance(biases, list) and len(biases) != len(rows):
            what = f"{_count(len(biases), 'number')} found, {len(rows)} needed (one per row of weights). "
            yield Fault(f"{where}.biases", what + "Give every unit one bias, or leave biases out")
        yield from _mask_faults(number, layer, len(rows))
        entering, origin = len(rows), f"the units of layer {number + 1} number"
    for s, sample in enumerate(samples):
        targets = _entries(sample.get("targets")) if isinstance(sample, Mapping) else []
        if layers and targets and entering is not None and len(targets) != entering:
            what = f"{_count(len(targets), 'number')} found, {entering} needed (one per unit of the last layer). "
            yield Fault(f"samples[{s}].targets", what + "Give every output one target")


def _rate_faults(tables: Mapping[str, Any]) -> Iterator[Fault]:
    """Neither or both of learning_rate and learning_rates, and rates that do not fit the layers."""
    own = tables.get("learning_rates") is not None
    if "learning_rate" not in tables and not own:
        what = 'missing. Add "learning_rate" here, or one table [[learning_rates]] per layer'
        yield Fault("learning_rate", what)
    elif "learning_rate" in tables and own:
        yield Fault("learning_rate", "found beside learning_rates, one of them needed. Remove one")
    rates, layers = _entries(tables.get("learning_rates")), _entries(tables.get("layers"))
    if rates and layers and len(rates) != len(layers):
        what = f"{_count(len(rates), 'table')} found, {len(layers)} needed (one per layer). "
        yield Fault("learning_rates", what + "Give every layer one table [[learning_rates]]")
        return
    conventions = tables.get("conventions")
    constant = isinstance(conventions, Mapping) and conventions.get("update_biases") is False
    for number, (rate, layer) in enumerate(zip(rates, layers, strict=False)):
        if not isinstance(rate, Mapping) or not isinstance(layer, Mapping):
            continue
        for key in ("weights", "biases"):
            array, needed = rate.get(key), _entries(layer.get(key))
            if isinstance(array, list) and _shape(array) != _shape(needed):
                what = f"{_size(array)} found, one number or {_size(needed)} needed. Give it the shape of the {key}"
                yield Fault(f"learning_rates[{number}].{key}", f"{what} of layer {number + 1}")
        lacks = isinstance(rate.get("weights"), list) and "biases" not in rate
        if lacks and _entries(layer.get("biases")) and not constant:
            what = "missing: the weights have a rate each, and the biases of this layer are updated. "
            yield Fault(f"learning_rates[{number}].biases", what + 'Add "biases" here, a number or one per unit')


def _mask_faults(number: int, layer: Mapping[str, Any], units: int) -> Iterator[Fault]:
    """A mask of another length than the layer, a share kept of nothing, and units that hang together."""
    mask = layer.get("mask")
    where = f"layers[{number}].mask"
    if mask is None:
        if layer.get("keep") is not None:
            yield Fault(f"layers[{number}].keep", "found without a mask. Add mask = [1, 0, …], or remove keep")
        return
    if isinstance(mask, list) and len(mask) != units:
        what = f"{_count(len(mask), 'number')} found, {units} needed (one per row of weights). "
        yield Fault(where, what + "Give every unit a 1, or a 0 where it is masked")
    activation = layer.get("activation")
    name = activation.get("name") if isinstance(activation, Mapping) else activation
    if any(op.unit is not Activation.unit for op in ACTIVATIONS if name in (op.name, *op.aliases)):
        what = f"found with {name}, whose units hang together: a masked unit would still take its share. "
        yield Fault(where, what + "Remove the mask, or give the layer another activation")


def _target_faults(problem: Network) -> Iterator[Fault]:
    """Targets that the loss does not take."""
    for s, sample in enumerate(problem.samples):
        for j, t in enumerate(sample.targets):
            if not problem.loss.takes(t.value):
                what = f"{t} found, {problem.loss.targets} needed for {problem.loss.name}. Change it, or the loss"
                yield Fault(f"samples[{s}].targets[{j}]", what)


def _state_faults(problem: Network) -> Iterator[Fault]:
    """Optimiser states that do not have the shape of the parameters."""
    for key, arrays in problem.optimizer.state.items():
        what = "biases" if key.endswith("_biases") else "weights"
        where, layers = f"optimizer.state.{key}", len(problem.layers)
        if not isinstance(arrays, tuple) or len(arrays) != layers:
            found = _count(len(arrays), "array") if isinstance(arrays, tuple) else "a number"
            fault = f"{found} found, {layers} needed (one per layer). Give each the shape of the {what} of its layer"
            yield Fault(where, fault)
            continue
        for number, (array, layer) in enumerate(zip(arrays, problem.layers, strict=True)):
            needed = (layer.biases or ()) if what == "biases" else layer.weights
            if _shape(array) != _shape(needed):
                fault = f"{_size(array)} found, {_size(needed)} needed. Give it the shape of the {what}"
                yield Fault(f"{where}[{number}]", f"{fault} of layer {number + 1}")


def _shape(array: Any) -> Any:
    return [_shape(entry) for entry in array] if isinstance(array, list | tuple) else None


def _size(array: Any) -> str:
    """How large an array is, for a person: 2 rows of 3 numbers."""
    if not isinstance(array, list | tuple):
        return "a number"
    lengths = {len(row) if isinstance(row, list | tuple) else None for row in array}
    if lengths <= {None}:
        return _count(len(array), "number")
    width = lengths.pop() if len(lengths) == 1 else None
    rows = _count(len(array), "row")
    return f"{rows} of different lengths" if width is None else f"{rows} of {_count(width, 'number')}"


def _symbol_faults(problem: Network) -> Iterator[Fault]:
    """Keys of [notation.symbols] that name no quantity of this network."""
    for key in problem.notation.symbols:
        if not is_id(key, problem):
            yield Fault(
                f'notation.symbols."{short(key)}"',
                "is no quantity of this network. Name one by its id, e.g. w1_1_1, b1_1, z1_1, a1_1, x_1, t_1 or E",
            )


_BASE = re.compile(
    r"(x|t|E|e)_([1-9][0-9]*)|(D?[wb]|[za])([1-9][0-9]*)_([1-9][0-9]*)(?:_([1-9][0-9]*))?('?)|(?:E|E_data|penalty)'?"
    r"|learning_rate"
)


def is_id(text: str, problem: Network) -> bool:
    """Whether ``text`` is the id of a quantity of this network (a sample's mark @s left out)."""
    if len(text) > 100:
        return False
    partial = re.fullmatch(r"d([^/|]+)/d([^/|]+)(?:\|([^/|]+))?", text)
    return all(_is_base(part, problem) for part in (partial.groups() if partial else (text,)) if part is not None)


def _is_base(text: str, problem: Network) -> bool:
    match = _BASE.fullmatch(text)
    if not match:
        return False
    widths = problem.widths
    vector, i, kind, layer, to, source, _ = match.groups()
    if vector == "e" and problem.training.rule == "gradient":
        return False
    if vector:
        return int(i) <= (widths[0] if vector == "x" else widths[-1])
    if not kind:
        return problem.penalty.active or not text.startswith(("E_data", "penalty"))
    number = int(layer)
    if number >= len(widths) or int(to) > widths[number]:
        return False
    if kind.endswith("w"):
        return source is not None and int(source) <= widths[number - 1]
    return source is None and (not kind.endswith("b") or problem.layers[number - 1].biases is not None)
