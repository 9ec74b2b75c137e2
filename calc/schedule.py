"""Training over several updates: which samples each update sees, in which order, and what does not go together.

epoch    one visit of every sample
update   one change of all parameters, from the gradients of its samples

batch       one update an epoch, over all samples              e.g. (1, 2, 3)
online      one update per sample                              e.g. (1,) (2,) (3,)
batch_size  one update per so many samples, the last may be smaller    e.g. (1, 2) (3,)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from calc.errors import Fault, short
from calc.ops import ACTIVATIONS, THRESHOLDS

# Each update is proven digit by digit, verified, and is a row of the page and an entry of the JSON output: a thousand
# rows are some twenty pages and minutes of work. Who wants more looks for a curve, not for a worked solution.
MOST_UPDATES = 1000
MOST_CHANGES = 250_000  # of single parameters, over all updates: as much memory and time as a page is worth


@dataclass(frozen=True)
class Minibatches:
    """{ batch_size = 2 }: an update per so many samples."""

    batch_size: int


Schedule = str | Minibatches


def size_of(schedule: Schedule, count: int) -> int:
    """How many of ``count`` samples an update sees; the last update of an epoch may see fewer."""
    return schedule.batch_size if isinstance(schedule, Minibatches) else 1 if schedule == "online" else count


def batches(schedule: Schedule, order: Sequence[int]) -> list[tuple[int, ...]]:
    """The samples of each update of an epoch, numbered as in the file."""
    size = size_of(schedule, len(order))
    return [tuple(order[start : start + size]) for start in range(0, len(order), size)]


def read_schedule(value: Any) -> Schedule:
    """A schedule of a problem file.

    Raises:
        ValueError: it is none; the message says what may stand there.
    """
    if isinstance(value, Minibatches) or (isinstance(value, str) and value in ("batch", "online")):
        return value
    needed = '"batch", "online" or { batch_size = 2 } needed'
    if not isinstance(value, Mapping):
        raise ValueError(f"{_found(value)} found, {needed}")
    size = value.get("batch_size")
    if set(value) != {"batch_size"}:
        raise ValueError(f"a table of {', '.join(_found(key) for key in value) or 'nothing'} found, {needed}")
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise ValueError(f"batch_size: {_found(size)} found, a whole number from 1 to the number of samples needed")
    return Minibatches(size)


def write_schedule(schedule: Schedule) -> Any:
    """As a problem file has it."""
    return {"batch_size": schedule.batch_size} if isinstance(schedule, Minibatches) else schedule


def _found(value: Any) -> str:
    return f'"{short(value, 40)}"' if isinstance(value, str) else str(value)[:40]


# --- faults, from the tables as they were typed, so that all are told at once ----------------------------------------


def training_faults(tables: Mapping[str, Any]) -> Iterator[Fault]:
    """Where order, batches, epochs or rule do not fit the samples, the layers and the activations."""
    table = tables.get("training")
    training: Mapping[str, Any] = table if isinstance(table, Mapping) else {}
    samples, layers = (found if isinstance(found := tables.get(key), list) else [] for key in ("samples", "layers"))
    yield from _order_faults(training, len(samples))
    yield from _work_faults(training, len(samples), layers)
    match training.get("rule", "gradient"):
        case "gradient":
            yield from _underivable(layers)
        case "perceptron" | "delta" as rule:
            yield from _rule_faults(rule, tables, layers, samples)


def _order_faults(training: Mapping[str, Any], count: int) -> Iterator[Fault]:
    order = training.get("order")
    if not isinstance(order, list) or not all(type(s) is int for s in order) or not count:
        return
    wrong = [str(s) for s in dict.fromkeys(order) if not 1 <= s <= count]
    twice = [str(s) for s in dict.fromkeys(order) if order.count(s) > 1][:8]
    missing = [str(s) for s in range(1, count + 1) if s not in order]
    found = []
    if wrong:
        found.append(f"no such sample: {', '.join(wrong[:8])[:60]}")
    if twice:
        found.append(f"found twice: {', '.join(twice)[:60]}")
    if missing:
        found.append(f"missing: {', '.join(missing[:8])}")
    if found:
        needed = f"each of the samples 1 to {count} needed once" if count > 1 else "[1] needed, for the only sample"
        yield Fault("training.order", f"{'; '.join(found)}; {needed}")


def _work_faults(training: Mapping[str, Any], count: int, layers: Sequence[Any]) -> Iterator[Fault]:
    epochs = training.get("epochs", 1)
    try:
        schedule = read_schedule(training.get("schedule", "batch"))
    except ValueError:
        return  # told by the field itself
    size = size_of(schedule, count)
    if count and size > count:
        yield Fault("training.schedule", f"batch_size: {size} found, at most {count} needed, the number of samples")
        size = count
    if type(epochs) is not int or epochs < 1 or not count:
        return
    updates = epochs * -(-count // size)
    parameters = sum(_parameters(layer) for layer in layers)
    most = min(MOST_UPDATES, max(1, MOST_CHANGES // max(1, parameters)))
    if updates > most:
        found = f"{epochs} epochs make {updates} updates" if epochs < 10**12 else "a huge number of epochs found"
        what = f"{found}, at most {most} updates of {parameters} parameters can be worked. "
        yield Fault("training.epochs", what + "Give fewer epochs, or larger batches")


def _parameters(layer: Any) -> int:
    rows = layer.get("weights") if isinstance(layer, Mapping) else None
    biases = layer.get("biases") if isinstance(layer, Mapping) else None
    width = sum(len(row) for row in rows if isinstance(row, list)) if isinstance(rows, list) else 0
    return width + (len(biases) if isinstance(biases, list) else 0)


def _named(table: Any, key: str) -> str | None:
    """The name of an operation: "step", { name = "step" }, or an instance of it."""
    value = table.get(key) if isinstance(table, Mapping) else None
    if isinstance(value, Mapping) and "formula" in value:
        return "formula"  # one of the author's own
    name = value.get("name") if isinstance(value, Mapping) else getattr(value, "name", value)
    return name if isinstance(name, str) else None


_THRESHOLD = {name: op.name for op in THRESHOLDS for name in (op.name, *op.aliases)}
_SMOOTH = {name for op in ACTIVATIONS for name in (op.name, *op.aliases)} | {"formula"}
_TARGETS = {"step": (0, 1), "sign": (-1, 1)}


def _underivable(layers: Sequence[Any]) -> Iterator[Fault]:
    for i, layer in enumerate(layers):
        name = _THRESHOLD.get(_named(layer, "activation") or "")
        if name is not None:
            what = f'"{name}" has no derivative, so no gradient passes it. '
            remedy = 'Set training.rule = "perceptron" or "delta"' if len(layers) == 1 else "For several layers"
            what += f"{remedy}, or choose another activation" if len(layers) == 1 else f"{remedy} choose another one"
            yield Fault(f"layers[{i}].activation", what)


def _rule_faults(
    rule: str, tables: Mapping[str, Any], layers: Sequence[Any], samples: Sequence[Any]
) -> Iterator[Fault]:
    """What does not go with the perceptron rule or the delta rule."""
    if len(layers) > 1:
        what = f'"{rule}" found with {len(layers)} layers; it is for a single layer. Use "gradient"'
        yield Fault("training.rule", what)
        return
    loss = _named(tables, "loss")
    if loss not in (None, "half_squared_error"):
        what = f'"{short(loss, 40)}" found; the {rule} rule goes with half_squared_error alone. Leave loss out'
        yield Fault("loss", what)
    given = tables.get("optimizer", {})
    optimizer = _named({"update": given.update} if hasattr(given, "step") else {"update": given}, "update")
    if optimizer not in (None, "sgd", "gradient_descent"):
        what = f'"{short(optimizer, 40)}" found; the {rule} rule is an update of its own. Leave optimizer out'
        yield Fault("optimizer.name", what)
    name = _named(layers[0], "activation") if layers else None
    if name is None:
        return
    if rule == "perceptron" and name in _SMOOTH:
        what = f'"{name}" found, "step" or "sign" needed for the perceptron rule. Use rule = "delta" or "gradient"'
        yield Fault("layers[0].activation", what)
    if rule == "delta" and name == "softmax":
        what = '"softmax" found; the delta rule needs a function of one unit alone. Use rule = "gradient"'
        yield Fault("layers[0].activation", what)
    if name in _THRESHOLD:
        low, high = _TARGETS[_THRESHOLD[name]]
        for s, sample in enumerate(samples):
            targets = sample.get("targets") if isinstance(sample, Mapping) else None
            for j, target in enumerate(targets if isinstance(targets, list) else []):
                if _is_other(str(target), (low, high)):
                    what = f"{short(str(target), 40)} found, {low} or {high} needed: nothing else is reached by "
                    yield Fault(f"samples[{s}].targets[{j}]", f"{what}{_THRESHOLD[name]}")


def _is_other(text: str, reached: Sequence[int]) -> bool:
    """Whether a typed number is none of those; what is no number is told by the field itself."""
    over, bar, under = text[:200].partition("/")
    try:  # as floats: a fraction of integers would make millions of digits of 1e9999999
        return float(over) not in [value * float(under) if bar else value for value in reached]
    except ValueError:
        return False
