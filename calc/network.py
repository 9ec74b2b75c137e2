"""A network as its author wrote it: layers, samples, training, and what of them does not fit together.

x    inputs of a sample, (n_in,)         e.g. inputs = [1, 0]
t    targets of a sample, (n_out,)       e.g. targets = [1]
w    weights of a layer, (n_out, n_in)   one row per unit: the weights into it, in input order
b    biases of a layer, (n_out,)         or None
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    StrictInt,
    WithJsonSchema,
)

from calc.errors import Fault, short
from calc.fields import (
    ACTIVATION,
    LOSS,
    Factor,
    Keep,
    MaskEntry,
    Number,
    Optimizer,
    OptimizerTable,
    Rate,
    Rates,
)
from calc.number import Exact
from calc.ops.activations import ACTIVATIONS, Activation
from calc.ops.losses import Loss
from calc.problem import Problem, Table
from calc.schedule import Schedule, batches, read_schedule, size_of, training_faults, write_schedule


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


# --- faults, in words -----------------------------------------------------------------------------------------------


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
