"""Sheets of answers with one planted mistake: a line is wrong by a mal-rule, and what comes later follows from it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from circuit_referee import random_graph
from flint import arb, fmpq
from referee import random_problem, random_training

import calc
from calc.answers import Answer, Sheet, read_number
from calc.expr import Expr, evaluate
from calc.key import Key
from calc.mistakes import Work
from calc.number import Number, Rounding, Shown, Undecided, Undefined, Unprintable, decided

OPTIMIZERS = ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"]
BENT = ["sin(z)", "z * cos(z)", "z**2", "z / (1 + abs(z))", "exp(-z)", "max(z, 0.1 * z)"]
LARGEST = 30
MOST_PLACES = 100  # of a number that is written by hand; what comes after a smaller one stays blank
KINDS = ("network", "optimizer", "rule", "graph", "softmax", "custom", "entropy")


def random_tables(kind: str, source: random.Random, decimals: int) -> dict[str, Any]:
    """A problem of a kind, worked in one of the ways there are."""
    tables: dict[str, Any]
    if kind == "graph":
        tables = random_graph(source)
        tables["graph"].pop("iterations", None)
    elif kind == "optimizer":
        tables = random_training(source, optimizer=source.choice(OPTIMIZERS))
    elif kind == "rule":
        tables = _single_layer(source)
    else:
        fixed = {"entropy": "binary_cross_entropy", "softmax": source.choice(["cross_entropy", "squared_error"])}
        tables = random_problem(source, **({"loss": fixed[kind]} if kind in fixed else {}))
        if kind == "softmax" and len(tables["layers"][-1]["weights"]) > 1:
            tables["layers"][-1]["activation"] = "softmax"
        if kind == "custom":
            tables["layers"][0]["activation"] = {"formula": source.choice(BENT)}
    tables["rounding"] = {"decimals": decimals}
    if "layers" in tables and kind != "rule":
        tables["solution"] = {"method": source.choice(["chain", "delta", "matrix"])}
        tables["conventions"]["delta_sign"] = source.choice(["dE/dz", "-dE/dz"])
    return tables


def _single_layer(source: random.Random) -> dict[str, Any]:
    """For the perceptron rule or the delta rule, with several samples half of the time."""
    rule = source.choice(["perceptron", "delta"])
    name = source.choice(["step", "sign"] if rule == "perceptron" else ["step", "sign", "sigmoid", "tanh", "identity"])
    tables = random_problem(source, loss="squared_error")
    layer = tables["layers"][0] | {"activation": name}
    low = -1 if name == "sign" else 0
    samples = [one | {"targets": [source.choice([low, 1]) for _ in layer["weights"]]} for one in tables["samples"]]
    del tables["loss"]
    return tables | {"layers": [layer], "samples": samples, "training": {"rule": rule}, "solution": {}}


def random_key(kind: str, source: random.Random, decimals: int) -> Key | None:
    """The worked problem; None where it has no value, or one so large that rounding what it is made of shows."""
    try:
        key = Key(calc.Problem(**random_tables(kind, source, decimals)))
    except (calc.UnsupportedError, calc.ProblemError):
        return None
    return key if all(abs(value) < LARGEST for value in key.full[0].values()) else None


@dataclass(frozen=True)
class Planted:
    """A sheet with one wrong line: its id, the right number and the wrong one as printed.

    hidden: the wrong one is also what the line comes to with numbers that were rounded on the way.
    """

    sheet: Sheet
    id: str
    right: Shown
    wrong: Shown
    hidden: bool


class Writer:
    """Somebody who works a problem with so many decimals, and may carry on what is rounded."""

    def __init__(self, key: Key, decimals: int, carry: str) -> None:
        self.key, self.decimals, self.carry = key, decimals, carry
        self.rounding = Rounding(decimals=decimals)
        self.work: Work = key.ways(key.problem.solution.method)[0]
        self.unit = fmpq(1, 10**decimals)
        self.given = {id: value for id, value in key.full[0].items() if id not in self.work.steps}

    def honest(self) -> dict[str, Shown]:
        """Every line as it is written by somebody who makes no mistake."""
        return self._written()

    @cached_property
    def otherwise(self) -> dict[str, Shown]:
        """The same by somebody who carries on otherwise: what is rounded, or everything."""
        return Writer(self.key, self.decimals, "full" if self.carry == "rounded" else "rounded").honest()

    def plant(self, id: str, changed: Expr, honest: Mapping[str, Shown]) -> Planted | None:
        """The sheet on which one line is worked by a changed expression; None where that has no value or changes
        nothing by more than a unit of the last place.
        """
        values: Mapping[str, Number] = self.key.full[0]
        if self.carry == "rounded":
            values = dict(values) | {one: shown.value for one, shown in honest.items()}
        try:
            wrong = self._round(changed, values)
        except (Undefined, Undecided, Unprintable):
            return None
        return self.write(id, wrong, honest)

    def write(self, id: str, wrong: Shown, honest: Mapping[str, Shown]) -> Planted | None:
        """The sheet on which one line is a wrong number; None where that differs by no more than a unit of its last
        place from what it should be.
        """
        wrong = padded(wrong, self.decimals)
        right = [other[id].value for other in (honest, self.otherwise) if id in other]
        if any(abs(wrong.value - one) <= self.unit for one in right) or abs(wrong.value) > LARGEST**2:
            return None
        return Planted(sheet_of(self._written(id, wrong)), id, honest[id], wrong, self._hidden(id, wrong, honest))

    def _hidden(self, id: str, wrong: Shown, honest: Mapping[str, Shown]) -> bool:
        """Whether a line comes to a number, in some way of writing it, over numbers rounded to their last places."""
        written: dict[str, Number] = {}
        for one, shown in honest.items():
            exact = shown.value == self.key.full[0][one]
            written[one] = shown.value if exact else _rounded_to(shown)
        for method in self.key.methods:
            balls = self.given | written
            for one, step in self.key.ways(method)[0].steps.items():
                try:
                    value = evaluate(step.expr, balls)
                except (Undecided, Undefined):
                    return True  # whether it has a value at all hangs on the rounding
                if one == id:
                    break
                balls.setdefault(one, value)
            if arb(value).overlaps(_rounded_to(wrong)):
                return True
        return False

    def _written(self, id: str = "", wrong: Shown | None = None) -> dict[str, Shown]:
        values: dict[str, Number] = dict(self.given)
        written: dict[str, Shown] = {}
        for one, step in self.work.steps.items():
            if one == id and wrong is not None:
                values[one], written[one] = wrong.value, wrong
                continue
            try:
                value = decided(partial(evaluate, step.expr, values))
                written[one] = decided(partial(self.rounding.show, value))
            except (Undefined, Undecided, Unprintable, KeyError):  # what comes after it stays blank
                continue
            if abs(written[one].exponent or 0) > MOST_PLACES:
                del written[one]
                continue
            values[one] = written[one].value if self.carry == "rounded" else value
            if id in written:  # whoever works on a wrong number sees no key that is exact
                written[one] = padded(written[one], self.decimals)
        return written

    def _round(self, expr: Expr, values: Mapping[str, Number]) -> Shown:
        return decided(lambda: self.rounding.show(evaluate(expr, values)))


def sheet_of(written: Mapping[str, Shown]) -> Sheet:
    """The answers as a file would have them."""
    return Sheet("", tuple(Answer(id, read_number(typed(shown)), "here") for id, shown in written.items()))


def typed(shown: Shown) -> str:
    return shown.digits + (f"e{shown.exponent}" if shown.exponent is not None else "")


def _rounded_to(shown: Shown) -> arb:
    """All numbers that are rounded to it."""
    last = fmpq(10) ** ((shown.exponent or 0) - len(shown.digits.partition(".")[2]))
    return arb(arb(shown.value), arb(last / 2))


def padded(shown: Shown, decimals: int) -> Shown:
    """With all its decimals: 0.5000 for 0.5, which would stand for any number that rounds to it."""
    if shown.exponent is not None:
        return shown
    whole, _, places = shown.digits.partition(".")
    return Shown(f"{whole}.{places.ljust(decimals, '0')}")
