"""Large networks: the time per parameter does not grow with their number."""

import random
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from time import perf_counter

from conftest import Sweep

import calc

Record = Callable[[str, object], None]


def network(*widths: int) -> calc.Problem:
    """One sample through a fully connected network of random numbers of two decimals, biases in each layer."""
    source = random.Random(str(widths))

    def numbers(count: int) -> list[str]:
        return [f"{source.uniform(-0.5, 0.5):.2f}" for _ in range(count)]

    layers = [
        {"activation": "sigmoid", "weights": [numbers(entering) for _ in range(width)], "biases": numbers(width)}
        for entering, width in pairwise(widths)
    ]
    samples = [{"inputs": numbers(widths[0]), "targets": ["1", *["0"] * (widths[-1] - 1)]}]
    return calc.Problem(learning_rate="0.1", loss="half_squared_error", layers=layers, samples=samples)


def test_the_time_per_parameter_does_not_grow_with_the_network(sweep: Sweep, record_property: Record) -> None:
    small, large = network(64, 30, 10), network(784, 30, 10)

    def seconds_per_parameter(problem: calc.Problem, parameters: int) -> float:
        started = perf_counter()
        assert "## Answers" in calc.solve(problem).render("markdown")
        return (perf_counter() - started) / parameters

    seconds_per_parameter(small, 1)  # warm
    pairs = [  # alternating, so that both meet the same load
        (seconds_per_parameter(small, 2260), seconds_per_parameter(large, 23860))
        for _ in range(sweep.count(seconds=1, ci=3, full=7))
    ]
    ours, theirs = (median(times) for times in zip(*pairs, strict=True))
    figures = f"{1000 * theirs:.3f} ms per parameter of 784-30-10, {theirs / ours:.2f} times that of 64-30-10"
    record_property("Speed, large networks", figures)
    assert theirs <= (1.5 if sweep.size == "full" else 3) * ours
