"""The referee: one update of a network, recomputed by other means than `calc`'s and sharing no code with it.

Everything is a scalar and every formula is written out, so that it can be checked against a textbook by eye.

    x, t     input, target                              w[2, 1, 3]   layer 2, to unit 1, from unit 3
    z, a     pre-activation, activation; a[0, i] = x_i  b[2, 1]      bias; absent where a layer has none
    at       "@2" in sample 2 of several, "" when there is only one sample

A new activation or loss is one row of ACTIVATIONS or LOSSES; softmax, whose units hang together, is one of COUPLED.
"""

import math
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

import mpmath

Number = int | float | Decimal | str
Problem = Mapping[str, Any]

# --- operations: formula, its derivative by hand, and the formula once more for autograd ----------


class Activation(NamedTuple):
    value: Callable[..., Any]  # (z, p): a, for one unit; p holds conventions and parameters (alpha, …)
    slope: Callable[..., Any]  # (z, p): da/dz
    numpy: Callable[..., Any]  # (np, z, p): a, for a whole layer


class Coupled(NamedTuple):
    value: Callable[..., Any]  # (z, j): a_j of a layer with the pre-activations z, j from 0
    slope: Callable[..., Any]  # (z, j, k): da_j/dz_k
    numpy: Callable[..., Any]  # (np, z, p): a, for a whole layer


class Loss(NamedTuple):
    value: Callable[..., Any]  # (a, t, p): E_j, for one output; p holds n, how many there are, and parameters
    slope: Callable[..., Any]  # (a, t, p): dE_j/da
    numpy: Callable[..., Any]  # (np, a, t, p): E of one sample


# what pages are made of that have to keep within their margins
TWO_LAYERS: dict[str, Any] = {
    "learning_rate": 0.5,
    "loss": "squared_error",
    "layers": [
        {"activation": "sigmoid", "weights": [[0.123, -0.456], [0.3, "1/7"], [-0.25, 0.5]], "biases": [1, 0, -0.5]},
        {"activation": "tanh", "weights": [[0.5, -0.6, 0.7], [0.1, 0.2, -0.3]]},
    ],
    "samples": [{"inputs": [1, 0.25], "targets": [1, -1]}],
}


def _sigmoid(z: Any) -> Any:
    return 1 / (1 + mpmath.exp(-z))


def _normal(z: Any) -> Any:
    """Φ(z) = (1 + erf(z/√2)) / 2, which keeps its digits where z is very negative."""
    return mpmath.erfc(-z / mpmath.sqrt(2)) / 2


def _bell(z: Any) -> Any:
    return mpmath.exp(-(z**2) / 2) / mpmath.sqrt(2 * mpmath.pi)


def _by_side(x: Any, below: Any, at: Any, above: Any) -> Any:
    return mpmath.mpf(below if x < 0 else above if x > 0 else at)


def _sum(*terms: Any) -> Any:
    """Their sum; one that cancels up to its last ten digits is exactly 0."""
    total = sum(terms, mpmath.mpf(0))
    nothing = mpmath.mpf(10) ** (10 - mpmath.mp.dps) * sum(abs(term) for term in terms)
    return mpmath.mpf(0) if abs(total) <= nothing else total


def _times_ln(t: Any, a: Any) -> Any:
    """t ln a, which is 0 for t = 0 whatever a is."""
    return t * mpmath.log(a) if t else mpmath.mpf(0)


def _joined(np: Any, x: Any, below: Any, slope_at: Any, above: Any) -> Any:
    """below, above: two functions' values that meet at x = 0; in float64 an exact zero, say 0.1 * 0.2 - 0.02,
    comes out as 3e-18."""
    return np.where(abs(x) < 1e-13, slope_at * x, np.where(x > 0, above, below))


def _numpy_erf(np: Any, x: Any) -> Any:
    """erf, of which autograd has none without SciPy."""
    from autograd.extend import defvjp, primitive

    erf = primitive(np.vectorize(math.erf, otypes=[float]))
    defvjp(erf, lambda ans, x: lambda g: g * 2 / math.sqrt(math.pi) * np.exp(-(x**2)))
    return erf(x)


# The slopes use z where a page uses a: a(1 - a) loses its digits where a is close to 1.
ACTIVATIONS = {
    "identity": Activation(lambda z, p: z, lambda z, p: mpmath.mpf(1), lambda np, z, p: z),
    "sigmoid": Activation(
        lambda z, p: _sigmoid(z),
        lambda z, p: _sigmoid(z) * _sigmoid(-z),
        lambda np, z, p: np.exp(-np.logaddexp(0, -z)),
    ),
    "bipolar_sigmoid": Activation(
        lambda z, p: (1 - mpmath.exp(-z)) / (1 + mpmath.exp(-z)),
        lambda z, p: 2 * _sigmoid(z) * _sigmoid(-z),
        lambda np, z, p: np.tanh(z / 2),
    ),
    "tanh": Activation(lambda z, p: mpmath.tanh(z), lambda z, p: mpmath.sech(z) ** 2, lambda np, z, p: np.tanh(z)),
    "relu": Activation(
        lambda z, p: z if z > 0 else mpmath.mpf(0),
        lambda z, p: _by_side(z, 0, p["relu_at_zero"], 1),
        lambda np, z, p: _joined(np, z, 0 * z, p["relu_at_zero"], z),
    ),
    "leaky_relu": Activation(
        lambda z, p: z if z > 0 else p["alpha"] * z,
        lambda z, p: _by_side(z, p["alpha"], p["kinks"], 1),
        lambda np, z, p: _joined(np, z, p["alpha"] * z, p["kinks"], z),
    ),
    "elu": Activation(
        lambda z, p: z if z > 0 else p["alpha"] * mpmath.expm1(z),
        lambda z, p: _by_side(z, p["alpha"] * mpmath.exp(z), 1 if p["alpha"] == 1 else p["kinks"], 1),
        lambda np, z, p: _joined(
            np, z, p["alpha"] * (np.exp(np.where(z < 0, z, 0 * z)) - 1), 1 if p["alpha"] == 1 else p["kinks"], z
        ),
    ),
    "softplus": Activation(
        lambda z, p: mpmath.log1p(mpmath.exp(z)), lambda z, p: _sigmoid(z), lambda np, z, p: np.logaddexp(0, z)
    ),
    "silu": Activation(
        lambda z, p: z / (1 + mpmath.exp(-z)),
        lambda z, p: _sum(_sigmoid(z), z * _sigmoid(z) * _sigmoid(-z)),
        lambda np, z, p: z / (1 + np.exp(-z)),
    ),
    "gelu": Activation(
        lambda z, p: z * _normal(z),
        lambda z, p: _sum(_normal(z), z * _bell(z)),
        lambda np, z, p: z * (1 + _numpy_erf(np, z / math.sqrt(2))) / 2,
    ),
}

COUPLED = {
    # with differences of pre-activations: 1 - a_j would lose its digits where a_j is close to 1
    "softmax": Coupled(
        lambda z, j: 1 / sum(mpmath.exp(_sum(y, -z[j])) for y in z),
        lambda z, j, k: (
            _softmax(z, j) * sum((_softmax(z, i) for i in range(len(z)) if i != j), mpmath.mpf(0))
            if j == k
            else -_softmax(z, j) * _softmax(z, k)
        ),
        lambda np, z, p: np.exp(z - np.max(z)) / np.sum(np.exp(z - np.max(z))),
    ),
}


def _softmax(z: list[Any], j: int) -> Any:
    return COUPLED["softmax"].value(z, j)


LOSSES = {
    "half_squared_error": Loss(
        lambda a, t, p: (t - a) ** 2 / 2, lambda a, t, p: _sum(a, -t), lambda np, a, t, p: np.sum((t - a) ** 2) / 2
    ),
    "squared_error": Loss(
        lambda a, t, p: (t - a) ** 2, lambda a, t, p: 2 * _sum(a, -t), lambda np, a, t, p: np.sum((t - a) ** 2)
    ),
    "mean_squared_error": Loss(
        lambda a, t, p: (t - a) ** 2 / p["n"],
        lambda a, t, p: 2 * _sum(a, -t) / p["n"],
        lambda np, a, t, p: np.mean((t - a) ** 2),
    ),
    "absolute_error": Loss(
        lambda a, t, p: abs(_sum(t, -a)),
        lambda a, t, p: _by_side(_sum(a, -t), -1, p["kinks"], 1),
        lambda np, a, t, p: np.sum(_joined(np, a - t, t - a, p["kinks"], a - t)),
    ),
    "binary_cross_entropy": Loss(
        lambda a, t, p: -_times_ln(t, a) - _times_ln(1 - t, 1 - a),
        lambda a, t, p: -1 / a if t == 1 else 1 / (1 - a) if t == 0 else (1 - t) / (1 - a) - t / a,
        lambda np, a, t, p: -np.sum(t * np.log(a) + (1 - t) * np.log(1 - a)),
    ),
    "cross_entropy": Loss(
        lambda a, t, p: -_times_ln(t, a),
        lambda a, t, p: -t / a,
        lambda np, a, t, p: -np.sum(t * np.log(a)),
    ),
    "hinge": Loss(
        lambda a, t, p: max(mpmath.mpf(0), _sum(1, -t * a)),
        lambda a, t, p: -t * _by_side(_sum(1, -t * a), 0, p["kinks"], 1),
        lambda np, a, t, p: np.sum(_joined(np, 1 - t * a, 0 * a, p["kinks"], 1 - t * a)),
    ),
    "huber": Loss(
        lambda a, t, p: (t - a) ** 2 / 2 if abs(t - a) <= p["delta"] else p["delta"] * (abs(t - a) - p["delta"] / 2),
        lambda a, t, p: max(-p["delta"], min(p["delta"], _sum(a, -t))),
        lambda np, a, t, p: np.sum(
            np.where(abs(t - a) <= p["delta"], (t - a) ** 2 / 2, p["delta"] * (abs(t - a) - p["delta"] / 2))
        ),
    ),
}

DEFAULTS = {"leaky_relu": {"alpha": "0.01"}, "elu": {"alpha": 1}, "huber": {"delta": 1}}

# --- one update, by hand --------------------------------------------------------------------------


def recompute(problem: Problem, digits: int = 50) -> dict[str, Any]:
    """Every quantity of one update under `carry = "full"`: id of design 2.3 -> mpmath.mpf.

    Works at twice `digits`; a sum of which only the last ten of these are left is taken as exactly 0.
    `E'`, `z1_1'` and `a1_1'` (`a1_1'@2`) are the forward pass after the update.
    """
    with mpmath.workdps(2 * digits):
        return _recompute(_read(problem))


def _recompute(net: "_Net") -> dict[str, Any]:
    v: dict[str, Any] = {}
    last, w, b = net.depth, net.w, net.b
    v |= {f"w{n}_{j}_{i}": value for (n, j, i), value in w.items()}
    v |= {f"b{n}_{j}": value for (n, j), value in b.items()}
    v |= {f"x_{i}{at}": value for at, x, _ in net.samples for i, value in enumerate(x, 1)}
    v |= {f"t_{j}{at}": value for at, _, t in net.samples for j, value in enumerate(t, 1)}

    v |= {f"{letter}.{name}": value for letter, of in net.state.items() for name, value in of.items()}
    if net.optimizer == "nesterov":
        v |= {f"ahead.{name}": _sum(v[name], net.options["beta"] * v[f"v.{name}"]) for name in net.trained}
        w = {(n, j, i): v[f"ahead.w{n}_{j}_{i}"] for n, j, i in w}
        b = {(n, j): v[f"ahead.b{n}_{j}"] if net.update_biases else value for (n, j), value in b.items()}

    # forward pass and error
    z, a = {}, {}  # by sample: z["@2"][1, 2] is z1_2@2
    for at, x, t in net.samples:
        z[at], a[at] = _forward(net, w, b, x)
        v |= {f"z{n}_{j}{at}": value for (n, j), value in z[at].items()}
        v |= {f"a{n}_{j}{at}": value for (n, j), value in a[at].items() if n > 0}
        parts = _errors(net, a[at], t)
        v |= {f"E_{j}{at}": value for j, value in enumerate(parts, 1)}
        v[f"E{at}"] = sum(parts)
    v["E"] = net.share * sum(v[f"E{at}"] for at, _, _ in net.samples)
    v |= _penalty(net, w, v["E"], "")

    # backward pass and update, last layer first
    new_w: dict[Any, Any] = {}
    new_b: dict[Any, Any] = {}
    for n in range(last, 0, -1):
        for at, _, t in net.samples:
            for j in net.units(n):
                if n == last:
                    slope = LOSSES[net.loss].slope
                    v[f"dE/da{n}_{j}{at}"] = net.share * slope(a[at][n, j], t[j - 1], net.loss_options)
                else:
                    for k in net.units(n + 1):
                        weight = (new_w if net.sequential else w)[n + 1, k, j]
                        v[f"dz{n + 1}_{k}/da{n}_{j}{at}"] = weight
                        v[f"dE/da{n}_{j}|z{n + 1}_{k}{at}"] = v[f"dE/dz{n + 1}_{k}{at}"] * weight
                    paths = [v[f"dE/da{n}_{j}|z{n + 1}_{k}{at}"] for k in net.units(n + 1)]
                    v[f"dE/da{n}_{j}{at}"] = _sum(*paths)
            v |= _deltas(net, n, at, z[at], v)
            for j in net.units(n):
                for i in net.units(n - 1):
                    v[f"dz{n}_{j}/dw{n}_{j}_{i}{at}"] = a[at][n - 1, i]
                    v[f"dE/dw{n}_{j}_{i}{at}"] = v[f"dE/dz{n}_{j}{at}"] * a[at][n - 1, i]
                if (n, j) in b:
                    v[f"dz{n}_{j}/db{n}_{j}{at}"] = mpmath.mpf(1)
                    v[f"dE/db{n}_{j}{at}"] = v[f"dE/dz{n}_{j}{at}"]
        for j in net.units(n):
            for i in net.units(n - 1):
                terms = [v[f"dE/dw{n}_{j}_{i}{at}"] for at, _, _ in net.samples]
                if net.l1 or net.l2:
                    if len(terms) == 1:
                        v[f"dE_data/dw{n}_{j}_{i}"] = terms[0]
                    terms.append(net.l2 * w[n, j, i] + net.l1 * _by_side(w[n, j, i], -1, 0, 1))
                    v[f"dpenalty/dw{n}_{j}_{i}"] = terms[-1]
                v[f"dE/dw{n}_{j}_{i}"] = _sum(*terms)
                v |= _update(net, f"w{n}_{j}_{i}", v)
                new_w[n, j, i] = v[f"w{n}_{j}_{i}'"]
            if (n, j) in b:
                gradient = _sum(*(v[f"dE/db{n}_{j}{at}"] for at, _, _ in net.samples))
                v[f"dE/db{n}_{j}"] = gradient
                constant = {f"Db{n}_{j}": mpmath.mpf(0), f"b{n}_{j}'": v[f"b{n}_{j}"]}
                v |= _update(net, f"b{n}_{j}", v) if net.update_biases else constant
                new_b[n, j] = v[f"b{n}_{j}'"]

    # forward pass after the update
    total = mpmath.mpf(0)
    for at, x, t in net.samples:
        new_z, new_a = _forward(net, new_w, new_b, x)
        v |= {f"z{n}_{j}'{at}": value for (n, j), value in new_z.items()}
        v |= {f"a{n}_{j}'{at}": value for (n, j), value in new_a.items() if n > 0}
        total += sum(_errors(net, new_a, t))
    v["E'"] = net.share * total
    v |= _penalty(net, new_w, v["E'"], "'")
    return v


def _penalty(net: "_Net", w: Mapping[Any, Any], data: Any, mark: str) -> dict[str, Any]:
    """E = E_data + l2/2 Σ w² + l1 Σ |w|, the sums layer by layer."""
    if not (net.l1 or net.l2):
        return {}
    found = {f"E_data{mark}": data}
    for n in range(1, net.depth + 1):
        of_layer = [value for (layer, _, _), value in w.items() if layer == n]
        found |= {f"squares{n}{mark}": sum(value**2 for value in of_layer)} if net.l2 else {}
        found |= {f"sizes{n}{mark}": sum(abs(value) for value in of_layer)} if net.l1 else {}
    penalty = net.l2 / 2 * sum(value**2 for value in w.values()) + net.l1 * sum(abs(value) for value in w.values())
    return found | {f"penalty{mark}": penalty, f"E{mark}": data + penalty}


def _update(net: "_Net", name: str, v: Mapping[str, Any]) -> dict[str, Any]:
    """New state, change and new value of one parameter, each optimiser as published."""
    p, rate, w, g = net.options, net.rates[name], v[name], v[f"dE/d{name}"]
    old = {letter: v[f"{letter}.{name}"] for letter in net.state}
    new: dict[str, Any] = {}
    match net.optimizer:
        case "sgd":
            change = -rate * g
        case "momentum" | "nesterov":
            new["v"] = change = _sum(p["beta"] * old["v"], -rate * g)
        case "adagrad":
            new["s"] = old["s"] + g**2
            change = -rate * g / (mpmath.sqrt(new["s"]) + p["epsilon"])
        case "rmsprop":
            new["s"] = p["beta"] * old["s"] + (1 - p["beta"]) * g**2
            change = -rate * g / (mpmath.sqrt(new["s"]) + p["epsilon"])
        case "adam" | "adamw":
            new["m"] = _sum(p["beta1"] * old["m"], (1 - p["beta1"]) * g)
            new["v"] = p["beta2"] * old["v"] + (1 - p["beta2"]) * g**2
            mhat, vhat = new["m"] / (1 - p["beta1"] ** net.count), new["v"] / (1 - p["beta2"] ** net.count)
            change = -rate * mhat / (mpmath.sqrt(vhat) + p["epsilon"])
            if net.optimizer == "adamw":
                change = _sum(change, -rate * p["weight_decay"] * w)
        case other:
            raise ValueError(f"the referee does not know the optimiser {other}")
    found = {f"{letter}.{name}'": value for letter, value in new.items()}
    if net.optimizer in {"adam", "adamw"}:
        found |= {f"mhat.{name}": mhat, f"vhat.{name}": vhat}
    return found | {f"D{name}": change, f"{name}'": _sum(w, change)}


def _deltas(net: "_Net", n: int, at: str, z: Any, v: Mapping[str, Any]) -> dict[str, Any]:
    """da_j/dz_k and dE/dz_k of one layer; where its units hang together, dE/dz_k = Σ_j dE/da_j · da_j/dz_k."""
    name, options = net.activations[n - 1]
    found: dict[str, Any] = {}
    if name not in COUPLED:
        for j in net.units(n):
            local = ACTIVATIONS[name].slope(z[n, j], options) * net.masks[n, j]
            found[f"da{n}_{j}/dz{n}_{j}{at}"] = local
            found[f"dE/dz{n}_{j}{at}"] = v[f"dE/da{n}_{j}{at}"] * local
        return found
    zs = [z[n, j] for j in net.units(n)]
    for k in net.units(n):
        paths = []
        for j in net.units(n):
            found[f"da{n}_{j}/dz{n}_{k}{at}"] = local = COUPLED[name].slope(zs, j - 1, k - 1)
            paths.append(v[f"dE/da{n}_{j}{at}"] * local)
            if len(zs) > 1:
                found[f"dE/dz{n}_{k}|a{n}_{j}{at}"] = paths[-1]
        found[f"dE/dz{n}_{k}{at}"] = _sum(*paths)
    return found


def _forward(net: "_Net", w: Any, b: Any, x: list[Any]) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """z_j = Σ w_ji a_i + b_j and a_j = f(z_j), layer by layer."""
    z, a = {}, {(0, i): value for i, value in enumerate(x, 1)}
    for n in range(1, net.depth + 1):
        name, options = net.activations[n - 1]
        for j in net.units(n):
            terms = [w[n, j, i] * a[n - 1, i] for i in net.units(n - 1)] + ([b[n, j]] if (n, j) in b else [])
            z[n, j] = _sum(*terms)
        zs = [z[n, j] for j in net.units(n)]
        for j in net.units(n):
            coupled = name in COUPLED
            a[n, j] = COUPLED[name].value(zs, j - 1) if coupled else ACTIVATIONS[name].value(z[n, j], options)
            a[n, j] *= net.masks[n, j]
    return z, a


def _errors(net: "_Net", a: Any, t: list[Any]) -> list[Any]:
    """E_j of one sample, unscaled."""
    value = LOSSES[net.loss].value
    return [value(a[net.depth, j], t[j - 1], net.loss_options) for j in net.units(net.depth)]


# --- reading the problem --------------------------------------------------------------------------


@dataclass(frozen=True)
class _Net:
    widths: list[int]  # inputs, then units of layers 1, 2, …
    activations: list[tuple[str, dict[str, Any]]]  # name and p, of layers 1, 2, …
    loss: str
    loss_options: dict[str, Any]
    w: dict[tuple[int, int, int], Any]
    b: dict[tuple[int, int], Any]
    samples: list[tuple[str, list[Any], list[Any]]]  # at, x, t
    share: Any  # of each sample in E: 1/N under mean, 1 under sum
    rates: dict[str, Any]  # by the parameter's name
    sequential: bool
    update_biases: bool
    masks: dict[tuple[int, int], Any]  # what multiplies a unit's activation, 1 where there is no mask
    l1: Any
    l2: Any
    optimizer: str
    options: dict[str, Any]  # beta, epsilon, …
    state: dict[str, dict[str, Any]]  # by letter, then by the parameter's name
    count: int  # of this update, from 1

    @property
    def depth(self) -> int:
        return len(self.widths) - 1

    @property
    def trained(self) -> list[str]:
        biases = [f"b{n}_{j}" for n, j in self.b] if self.update_biases else []
        return [f"w{n}_{j}_{i}" for n, j, i in self.w] + biases

    def units(self, n: int) -> range:
        return range(1, self.widths[n] + 1)


COVERED = {
    "problem": {"title", "learning_rate", "loss", "layers", "samples", "reduction", "conventions", "rounding"}
    | {"solution", "notation"}  # these two change no number
    | {"learning_rates", "optimizer", "penalty"},
    "layer": {"activation", "weights", "biases", "mask", "keep"},
    "penalty": {"l1", "l2"},
    "rates": {"weights", "biases"},
    "sample": {"inputs", "targets"},
    "conventions": {"update_biases", "update_order", "delta_sign", "relu_at_zero", "kinks"},
}


def _refuse(kind: str, table: Problem) -> None:
    """A key that is not covered would be ignored, and a wrong referee is worse than none."""
    if unknown := set(table) - COVERED[kind]:
        raise ValueError(f"the referee does not cover these keys of a {kind}: {sorted(unknown)}")


def _read(problem: Problem) -> _Net:
    conventions = problem.get("conventions", {})
    layers, samples = problem["layers"], problem["samples"]
    _refuse("problem", problem)
    penalty, update_biases = problem.get("penalty", {}), conventions.get("update_biases", True)
    _refuse("penalty", penalty)
    for table in problem.get("learning_rates", []):
        _refuse("rates", table)
    _refuse("conventions", conventions)
    for layer in layers:
        _refuse("layer", layer)
    for sample in samples:
        _refuse("sample", sample)
    kinks = {key: _mpf(conventions.get(key, 0)) for key in ("relu_at_zero", "kinks")}
    activations = [_named(layer["activation"]) for layer in layers]
    loss, loss_options = _named(problem["loss"])
    weights = {
        (n, j, i): _mpf(number)
        for n, layer in enumerate(layers, 1)
        for j, row in enumerate(layer["weights"], 1)
        for i, number in enumerate(row, 1)
    }
    biases = {
        (n, j): _mpf(number) for n, layer in enumerate(layers, 1) for j, number in enumerate(layer.get("biases", []), 1)
    }
    reduction, order = problem.get("reduction", "mean"), conventions.get("update_order", "simultaneous")
    optimizer, options, state, count = _optimizer(problem, weights, biases if update_biases else {})
    return _Net(
        widths=[len(layers[0]["weights"][0])] + [len(layer["weights"]) for layer in layers],
        activations=[(name, kinks | options) for name, options in activations],
        loss=loss,
        loss_options=kinks | {"n": mpmath.mpf(len(layers[-1]["weights"]))} | loss_options,
        w=weights,
        b=biases,
        samples=[
            (
                f"@{s}" if len(samples) > 1 else "",
                [_mpf(number) for number in sample["inputs"]],
                [_mpf(number) for number in sample["targets"]],
            )
            for s, sample in enumerate(samples, 1)
        ],
        share={"mean": mpmath.mpf(1) / len(samples), "sum": mpmath.mpf(1)}[reduction],
        rates=_rates(problem, weights, biases),
        sequential={"simultaneous": False, "sequential": True}[order],
        update_biases=update_biases,
        masks={
            (n, j): _mpf(factor) / _mpf(layer.get("keep", 1))
            for n, layer in enumerate(layers, 1)
            for j, factor in enumerate(layer.get("mask") or [1] * len(layer["weights"]), 1)
        },
        l1=_mpf(penalty.get("l1", 0)),
        l2=_mpf(penalty.get("l2", 0)),
        optimizer=optimizer,
        options=options,
        state=state,
        count=count,
    )


def _entry(table: Any, index: tuple[int, ...]) -> Any:
    """One number of nested lists; a single number serves every place."""
    for i in index:
        table = table[i - 1] if isinstance(table, list) else table
    return _mpf(table)


def _rates(problem: Problem, weights: Mapping[Any, Any], biases: Mapping[Any, Any]) -> dict[str, Any]:
    """The learning rate of every parameter; that of a bias left out is its layer's."""
    one = {"weights": problem.get("learning_rate"), "biases": problem.get("learning_rate")}
    tables = problem.get("learning_rates") or [one] * len(problem["layers"])
    found = {f"w{n}_{j}_{i}": _entry(tables[n - 1]["weights"], (j, i)) for n, j, i in weights}
    constant = not problem.get("conventions", {}).get("update_biases", True)
    for n, j in () if constant else biases:
        found[f"b{n}_{j}"] = _entry(tables[n - 1].get("biases", tables[n - 1]["weights"]), (j,))
    return found


# the letters of what an optimiser keeps, and its parameters
OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("", {}),
    "momentum": ("v", {"beta": "0.9"}),
    "nesterov": ("v", {"beta": "0.9"}),
    "adagrad": ("s", {"epsilon": "1e-8"}),
    "rmsprop": ("s", {"beta": "0.9", "epsilon": "1e-8"}),
    "adam": ("mv", {"beta1": "0.9", "beta2": "0.999", "epsilon": "1e-8"}),
    "adamw": ("mv", {"beta1": "0.9", "beta2": "0.999", "epsilon": "1e-8", "weight_decay": "0.01"}),
}


def _optimizer(problem: Problem, weights: Any, biases: Any) -> tuple[str, dict[str, Any], dict[str, Any], int]:
    """Name, parameters, state before the update and its count."""
    table = problem.get("optimizer", {})
    name = table.get("name", "sgd")
    letters, defaults = OPTIMIZERS[name]
    if unknown := set(table) - {"name", "step", "state", *defaults}:
        raise ValueError(f"the referee does not cover these keys of an optimiser: {sorted(unknown)}")
    given, zero = table.get("state", {}), [0] * len(problem["layers"])
    state: dict[str, Any] = {}
    for letter in letters:
        of_weights, of_biases = given.get(letter, zero), given.get(f"{letter}_biases", zero)
        state[letter] = {f"w{n}_{j}_{i}": _entry(of_weights[n - 1], (j, i)) for n, j, i in weights}
        state[letter] |= {f"b{n}_{j}": _entry(of_biases[n - 1], (j,)) for n, j in biases}
    return name, {key: _mpf(table.get(key, value)) for key, value in defaults.items()}, state, table.get("step", 0) + 1


def _named(operation: str | Problem) -> tuple[str, dict[str, Any]]:
    """`"relu"` or `{ name = "leaky_relu", alpha = 0.01 }` -> name and parameters."""
    name = name_of(operation)
    given = {} if isinstance(operation, str) else {key: given for key, given in operation.items() if key != "name"}
    return name, {key: _mpf(number) for key, number in (DEFAULTS.get(name, {}) | given).items()}


def name_of(operation: str | Problem) -> str:
    """`"relu"` or `{ name = "leaky_relu", alpha = 0.01 }` -> name."""
    return operation if isinstance(operation, str) else str(operation["name"])


def _mpf(number: Number) -> Any:
    exact = read_number(number)
    return mpmath.mpf(exact.numerator) / exact.denominator


def read_number(number: Number) -> Fraction:
    """A number as typed, exactly: 0.1 -> 1/10, "0.20" -> 1/5, "1/3", "1e-3" -> 1/1000."""
    if isinstance(number, bool):
        raise TypeError("a truth value is not a number")
    return Fraction(repr(number) if isinstance(number, float) else number)


# --- the same gradients by automatic differentiation ----------------------------------------------


def gradients_by_autograd(problem: Problem) -> dict[str, float]:
    """dE/dw2_1_3 and dE/db2_1 by HIPS autograd, in float64 matrices, simultaneous order."""
    import autograd
    import autograd.numpy as np

    net = _read(problem)  # only for what is not a matrix: names and conventions
    options = [(name, {key: float(value) for key, value in p.items()}) for name, p in net.activations]
    loss_options = {key: float(value) for key, value in net.loss_options.items()}

    def vector(numbers: list[Number]) -> Any:
        return np.array([float(read_number(number)) for number in numbers])

    masks = [
        np.array([float(net.masks[n, j]) for j in range(1, width + 1)]) for n, width in enumerate(net.widths[1:], 1)
    ]
    l1, l2 = float(net.l1), float(net.l2)

    def error(parameters: Any) -> Any:
        total = 0.0
        for sample in problem["samples"]:
            a = vector(sample["inputs"])
            for (w, b), (name, p), mask in zip(parameters, options, masks, strict=True):
                a = (ACTIVATIONS | COUPLED)[name].numpy(np, np.dot(w, a) + b, p) * mask
            total = total + LOSSES[net.loss].numpy(np, a, vector(sample["targets"]), loss_options)
        total = total / (len(problem["samples"]) if problem.get("reduction", "mean") == "mean" else 1)
        for w, _ in parameters if l1 or l2 else ():
            total = total + l2 / 2 * np.sum(w**2) + l1 * np.sum(np.abs(w))
        return total

    parameters = [
        (np.array([vector(row) for row in layer["weights"]]), vector(layer.get("biases") or [0] * n_out))
        for layer, n_out in zip(problem["layers"], net.widths[1:], strict=True)
    ]
    if net.optimizer == "nesterov":  # the gradient is taken at w + βv
        beta, v = float(net.options["beta"]), {name: float(value) for name, value in net.state["v"].items()}
        for n, j, i in net.w:
            parameters[n - 1][0][j - 1, i - 1] += beta * v[f"w{n}_{j}_{i}"]
        for n, j in net.b:
            parameters[n - 1][1][j - 1] += beta * v.get(f"b{n}_{j}", 0)
    gradients = autograd.grad(error)(parameters)
    named = {f"dE/dw{n}_{j}_{i}": float(gradients[n - 1][0][j - 1, i - 1]) for n, j, i in net.w}
    return named | {f"dE/db{n}_{j}": float(gradients[n - 1][1][j - 1]) for n, j in net.b}


# --- problems at random ---------------------------------------------------------------------------


def random_problem(rng: random.Random, **fixed: Any) -> dict[str, Any]:
    """A valid problem: depth 1-4, width 1-6, 1-3 samples (mostly 1). `fixed` replaces top-level keys.

    Layers drawn here fit fixed samples and samples drawn here fit fixed layers.
    """
    widths = [rng.choice([1, 2, 2, 2, 3, 3, 4, 5, 6]) for _ in range(rng.choice([1, 2, 2, 2, 3, 3, 4]) + 1)]
    if "samples" in fixed:
        widths[0], widths[-1] = len(fixed["samples"][0]["inputs"]), len(fixed["samples"][0]["targets"])
    loss = name_of(fixed["loss"]) if "loss" in fixed else rng.choice(_losses_after(fixed.get("layers")))
    tables = {name: rng.choice([name, {"name": name, key: rng.choice(of)}]) for name, (key, of) in PARAMETERS.items()}
    layers = fixed.get("layers") or [
        _random_layer(rng, n_in, n_out, loss if number == len(widths) - 2 else None, tables)
        for number, (n_in, n_out) in enumerate(pairwise(widths))
    ]
    n_in, n_out = len(layers[0]["weights"][0]), len(layers[-1]["weights"])
    problem = {
        "title": "A network at random",
        "learning_rate": rng.choice([0.1, 0.5, 1, 0.05, 0.25, 0.3, "0.50", "1/3", "1e-2"]),
        "loss": tables.get(loss, loss),
        "layers": layers,
        "samples": [
            {"inputs": _random_numbers(rng, n_in), "targets": _random_targets(rng, n_out, loss)}
            for _ in range(rng.choice([1, 1, 1, 1, 2, 3]))
        ],
        "reduction": rng.choice(["mean", "sum"]),
        "conventions": {
            "update_biases": rng.random() < 0.7,
            "update_order": rng.choice(["simultaneous", "simultaneous", "sequential"]),
            "relu_at_zero": rng.choice([0, "1/2", 1]),
            "kinks": rng.choice([0, "1/2", 1]),
        },
        "rounding": {
            rng.choice(["decimals", "significant"]): rng.randint(2, 8),
            "carry": rng.choice(["full", "rounded"]),
            "ties": rng.choice(["half-up", "half-even"]),
        },
        "solution": {"method": rng.choice(METHODS)},
        "notation": {"profile": rng.choice(PROFILES)},
    }
    return problem | fixed


def random_training(rng: random.Random, optimizer: str | None = None, **fixed: Any) -> dict[str, Any]:
    """A random problem with an optimiser, and half of the time each with state, penalty, masks and learning rates."""
    problem = random_problem(rng, **fixed)
    layers = problem["layers"]
    name = optimizer or rng.choice(list(OPTIMIZERS))
    letters, defaults = OPTIMIZERS[name]
    problem["optimizer"] = {"name": name} | {key: rng.choice([value, "0.5"]) for key, value in defaults.items()}
    if rng.random() < 0.5:
        problem["optimizer"]["step"] = rng.choice([0, 1, 3, 7])
        signed = {"m": True, "v": name in {"momentum", "nesterov"}, "s": False}
        state = {letter: _random_state(rng, layers, signed[letter]) for letter in letters}
        arrays = {letter: weights for letter, (weights, _) in state.items()}
        arrays |= {f"{letter}_biases": biases for letter, (_, biases) in state.items()}
        problem["optimizer"] |= {"state": arrays} if arrays else {}
    if rng.random() < 0.5:
        problem["penalty"] = {key: rng.choice([0, 0.1, "0.010", "1/3", 0.02]) for key in ("l1", "l2")}
    if rng.random() < 0.5:
        hidden = layers if "entropy" not in name_of(problem["loss"]) else layers[:-1]  # no logarithm of a masked 0
        problem["layers"] = [_randomly_masked(rng, layer) for layer in hidden] + layers[len(hidden) :]
    if rng.random() < 0.5:
        del problem["learning_rate"]
        problem["learning_rates"] = [_random_rates(rng, layer) for layer in layers]
    return problem


def _random_state(rng: random.Random, layers: list[Any], signed: bool) -> tuple[Any, Any]:
    """Arrays shaped as the weights and as the biases; sums of squares are not negative."""
    numbers: list[Number] = [0, "0.01", 0.2, 1] + ([-0.02, "-0.10", "1/3"] if signed else [])
    weights = [[[rng.choice(numbers) for _ in row] for row in layer["weights"]] for layer in layers]
    return weights, [[rng.choice(numbers) for _ in layer.get("biases", [])] for layer in layers]


def _randomly_masked(rng: random.Random, layer: dict[str, Any]) -> dict[str, Any]:
    """Seldom all of the units; a softmax never."""
    if name_of(layer["activation"]) in COUPLED or rng.random() < 0.3:
        return layer
    mask = [rng.choice([0, 1, 1, 1]) for _ in layer["weights"]]
    return layer | {"mask": mask} | ({"keep": rng.choice([0.5, "0.8", 1, "2/3"])} if rng.random() < 0.5 else {})


def _random_rates(rng: random.Random, layer: dict[str, Any]) -> dict[str, Any]:
    def rate() -> Number:
        return rng.choice([0.1, "0.50", "1/3", 0.02, 1])

    if rng.random() < 0.5:
        return {"weights": rate()} | ({"biases": rate()} if rng.random() < 0.5 else {})
    rates: dict[str, Any] = {"weights": [[rate() for _ in row] for row in layer["weights"]]}
    biases = layer.get("biases", [])
    return rates | {"biases": rate() if rng.random() < 0.5 or not biases else [rate() for _ in biases]}


METHODS = ["chain", "delta"]
PROFILES = ["standard", "net-out", "from-to", "vw", "ih-ho", "delta-nabla", "x-layer"]
# of a problem's operations, half of the time; the same in all layers, so that LReLU' means one thing on a page
PARAMETERS: dict[str, tuple[str, list[Number]]] = {
    "leaky_relu": ("alpha", [0.1, "0.20", "1/3", 2]),
    "elu": ("alpha", [0.5, 2, "1/3"]),
    "huber": ("delta", [0.5, "0.10", 2, "1/3"]),
}
# outputs that go with a loss: the entropies take the logarithms of a and 1 - a
OUTPUTS = {"binary_cross_entropy": ["sigmoid"] * 5 + ["softmax"], "cross_entropy": ["softmax"] * 5 + ["sigmoid"]}
OUTPUTS |= {"hinge": ["identity", "identity", "tanh", "bipolar_sigmoid", "sigmoid"]}


def _losses_after(layers: list[Any] | None) -> list[str]:
    """Losses that go with given layers: the entropies take logarithms of the outputs."""
    last = name_of(layers[-1]["activation"]) if layers else None
    alone = last == "softmax" and layers is not None and len(layers[-1]["weights"]) == 1
    return [loss for loss in LOSSES if not (last and "entropy" in loss and (alone or last not in OUTPUTS[loss]))]


def _random_layer(rng: random.Random, n_in: int, n_out: int, loss: str | None, tables: Any) -> dict[str, Any]:
    """The layer before a loss, or a hidden one for None; softmax seldom where no entropy asks for it."""
    names = OUTPUTS.get(loss or "", list(ACTIVATIONS))
    name = rng.choice([name for name in names if n_out > 1 or name != "softmax"] or ["softmax"])
    if loss not in OUTPUTS and rng.random() < (0.04 if loss is None else 0.12):
        name = "softmax"
    layer: dict[str, Any] = {"activation": tables.get(name, name)}
    layer["weights"] = [_random_numbers(rng, n_in) for _ in range(n_out)]
    return layer | ({"biases": _random_numbers(rng, n_out)} if rng.random() < 0.75 else {})


def _random_targets(rng: random.Random, count: int, loss: str) -> list[Number]:
    """Probabilities for the entropies (classes one-hot, now and then soft or not of sum 1), ±1 for hinge."""
    if loss == "hinge":
        return [rng.choice([1, -1, 1, -1, "1", "-1"]) for _ in range(count)]
    kind = rng.random()
    if loss == "cross_entropy" and kind < 0.7:
        one = rng.randrange(count)
        return [int(j == one) for j in range(count)]
    if loss == "cross_entropy" and kind < 0.85:
        shares = [rng.randint(1, 9) for _ in range(count)]
        return [f"{share}/{sum(shares)}" for share in shares]
    if loss in {"cross_entropy", "binary_cross_entropy"}:
        return [rng.choice([0, 1, 0, 1, 0.1, "0.90", "1/3", 0.25]) for _ in range(count)]
    return _random_numbers(rng, count)


def _random_numbers(rng: random.Random, count: int) -> list[Number]:
    return [_random_number(rng) for _ in range(count)]


SPECIAL: list[Number] = [0, 0, 0.0, "0", 1, -1, "1/3", "-2/3"]


def _random_number(rng: random.Random) -> Number:
    """Of 1 to 3 decimals, as a float or a string, e.g. -0.35, "0.20"; one in eight is a 0, 1, -1 or "1/3"."""
    if rng.random() < 0.125:
        return rng.choice(SPECIAL)
    decimals = rng.randint(1, 3)
    largest = 10**decimals * rng.choice([1, 1, 2])
    typed = f"{Decimal(rng.randint(-largest, largest)).scaleb(-decimals):f}"
    return typed if rng.random() < 0.3 else float(typed)


# --- rounding -------------------------------------------------------------------------------------


def round_as_the_page_says(value: Any, rounding: Problem) -> Fraction:
    """The number that is printed for an mpf or a Fraction (design 3); a tie must be held exactly."""
    exact = value if isinstance(value, Fraction) else Fraction(*mpmath.libmp.to_rational(value._mpf_))
    decimals, size = rounding.get("decimals", 4), abs(exact)
    if size == 0:
        return Fraction(0)
    if "significant" in rounding:
        decimals = rounding["significant"] - 1 - _exponent(size)
    elif size < Fraction(1, 10**decimals):
        decimals = max(2, decimals) - 1 - _exponent(size)
    units, rest = divmod(size * Fraction(10) ** decimals, 1)
    tie_goes_up = {"half-up": True, "half-even": units % 2 == 1}[rounding.get("ties", "half-up")]
    if rest > Fraction(1, 2) or (rest == Fraction(1, 2) and tie_goes_up):
        units += 1
    shown: Fraction = Fraction(10) ** -decimals * units
    return shown if exact > 0 else -shown


def _exponent(size: Fraction) -> int:
    """The n of m×10^n with 1 <= m < 10."""
    bits = size.numerator.bit_length() - size.denominator.bit_length()
    n = bits * 30103 // 100000  # near enough: log10 2 = 0.30103
    while Fraction(10) ** n > size:
        n -= 1
    while Fraction(10) ** (n + 1) <= size:
        n += 1
    return n


SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
MINUS = "\N{MINUS SIGN}"
SHOWN = re.compile(rf"[-{MINUS}]?[0-9]+(\.[0-9]+)?(×10(⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+))?")


def read_shown(text: str) -> Fraction:
    """A printed number: "0.7097", "-0.2903" (either minus), "9.996×10⁻⁵"; anything else is a ValueError."""
    match = SHOWN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a printed number")
    exponent = (match[3] or "⁰").translate(SUPERSCRIPTS)
    mantissa = text.partition("×")[0].replace(MINUS, "-")
    return Fraction(mantissa) * Fraction(10) ** int(exponent)


# --- what a page needs said to be read ------------------------------------------------------------


def slopes_by_side(problem: Problem) -> dict[str, tuple[Fraction, Fraction, Fraction]]:
    """sign(z), ReLU'(z), LReLU'(z), ELU'(z) and max'(0, z) below, at and above 0, as the conventions want them.

    One alpha per kind: a page on which LReLU' means two things cannot be read without its sections.
    """
    conventions = problem.get("conventions", {})
    relu_at_zero, kinks = (read_number(conventions.get(key, 0)) for key in ("relu_at_zero", "kinks"))
    alphas = {name: read_number(parameters["alpha"]) for name, parameters in DEFAULTS.items() if "alpha" in parameters}
    for layer in problem["layers"]:
        if "alpha" in layer["activation"]:
            alphas[layer["activation"]["name"]] = read_number(layer["activation"]["alpha"])
    zero, one = Fraction(0), Fraction(1)
    return {
        "sign": (-one, kinks, one),
        "relu": (zero, relu_at_zero, one),
        "max": (zero, kinks, one),
        "lrelu": (alphas["leaky_relu"], kinks, one),
        "elu": (alphas["elu"], one if alphas["elu"] == 1 else kinks, one),  # below 0: its alpha
    }
