"""The referee itself is tested here, without `calc`."""

import copy
import random
import re
from fractions import Fraction
from typing import Any

import mpmath
import pytest
from referee import (
    ACTIVATIONS,
    COUPLED,
    LOSSES,
    METHODS,
    PROFILES,
    gradients_by_autograd,
    name_of,
    random_problem,
    read_number,
    read_shown,
    recompute,
    round_as_the_page_says,
)

SEEDS = range(60)
SIMULTANEOUS = {"update_order": "simultaneous"}


def two_two_two(**conventions: Any) -> dict[str, Any]:
    """The most copied example on the web; its error after the update follows from sequential updates."""
    return {
        "learning_rate": 0.5,
        "loss": "half_squared_error",
        "layers": [
            {"activation": "sigmoid", "weights": [[0.15, "0.20"], [0.25, "0.30"]], "biases": [0.35, 0.35]},
            {"activation": "sigmoid", "weights": [[0.40, 0.45], [0.50, 0.55]], "biases": [0.6, 0.6]},
        ],
        "samples": [{"inputs": [0.05, 0.10], "targets": [0.01, 0.99]}],
        "conventions": {"update_biases": False} | conventions,
    }


def printed(value: Any, decimals: int) -> str:
    return f"{float(round_as_the_page_says(value, {'decimals': decimals})):.{decimals}f}"


def test_the_well_known_example_comes_out_as_published() -> None:
    v = recompute(two_two_two())
    assert printed(v["z1_1"], 4) == "0.3775"
    assert printed(v["a1_1"], 9) == "0.593269992"
    assert printed(v["a2_1"], 8) == "0.75136507"
    assert printed(v["E_1"], 9) == "0.274811083"
    assert printed(v["E"], 9) == "0.298371109"
    assert printed(v["dE/dw2_1_1"], 9) == "0.082167041"
    assert printed(v["dE/da1_1|z2_1"], 9) == "0.055399425"
    assert printed(v["w2_1_1'"], 8) == "0.35891648"
    assert printed(v["w1_1_1'"], 9) == "0.149780716"
    assert v["Db1_1"] == 0
    assert v["b1_1'"] == v["b1_1"]


def test_sequential_updates_give_the_published_error_after_the_update() -> None:
    old, new = recompute(two_two_two()), recompute(two_two_two(update_order="sequential"))
    assert printed(new["E'"], 9) == "0.291027924"
    assert printed(old["E'"], 9) != "0.291027924"
    assert new["dz2_1/da1_1"] == new["w2_1_1'"]
    assert old["dz2_1/da1_1"] == old["w2_1_1"]
    assert new["dE/dw2_1_1"] == old["dE/dw2_1_1"]
    assert new["dE/dw1_1_1"] != old["dE/dw1_1_1"]


@pytest.mark.parametrize("seed", SEEDS)
def test_gradients_agree_with_autograd(seed: int) -> None:
    kinks = dict.fromkeys(["relu_at_zero", "kinks"], [0, "1/2", 1][seed % 3])
    problem = random_problem(random.Random(seed), conventions=SIMULTANEOUS | kinks)
    v, by_autograd = recompute(problem), gradients_by_autograd(problem)
    gradients = {name for name in v if name.startswith(("dE/dw", "dE/db")) and "@" not in name}
    assert set(by_autograd) == gradients
    size = max(abs(value) for value in by_autograd.values())
    for name, value in by_autograd.items():
        assert abs(v[name] - value) <= 1e-12 * max(1, size), name


@pytest.mark.parametrize("seed", SEEDS)
def test_gradients_agree_with_central_differences(seed: int) -> None:
    rng = random.Random(seed)
    problem = random_problem(rng, conventions=SIMULTANEOUS)
    v = recompute(problem)
    while at_a_kink(problem, v):
        problem = random_problem(rng, conventions=SIMULTANEOUS)
        v = recompute(problem)
    h = Fraction(1, 10**20)
    n = rng.randrange(len(problem["layers"]))
    for key, name in [("weights", "w"), ("biases", "b")]:
        for j, row in enumerate(problem["layers"][n].get(key, [])):
            for i in range(len(row)) if key == "weights" else [None]:
                up, down = (recompute(nudged(problem, n, key, j, i, step))["E"] for step in (h, -h))
                gradient = v[f"dE/d{name}{n + 1}_{j + 1}" + ("" if i is None else f"_{i + 1}")]
                with mpmath.workdps(100):
                    assert abs((up - down) / 2 * 10**20 - gradient) <= 1e-30 * max(1, v["E"], abs(gradient))


def at_a_kink(problem: dict[str, Any], v: dict[str, Any]) -> bool:
    """A unit at 0 whose slope may jump there, an output on its target, or a margin of exactly 0."""
    names = [name_of(layer["activation"]) for layer in problem["layers"]]
    bent = tuple(f"z{n}_" for n, name in enumerate(names, 1) if name in {"relu", "leaky_relu", "elu"})
    if any(name.startswith(bent) and "/" not in name and value == 0 for name, value in v.items() if bent):
        return True
    a = {name[1 + len(str(len(names))) :]: v[name] for name in v if re.fullmatch(rf"a{len(names)}_\d+(@\d+)?", name)}
    gaps = {
        "absolute_error": lambda a, t: a - t,
        "hinge": lambda a, t: 1 - t * a,
    }.get(name_of(problem["loss"]), lambda a, t: mpmath.mpf(1))
    return any(abs(gaps(value, v[f"t{name}"])) < 1e-15 for name, value in a.items())


def nudged(original: dict[str, Any], n: int, key: str, j: int, i: int | None, step: Fraction) -> Any:
    problem = copy.deepcopy(original)
    array = problem["layers"][n][key]
    row, at = (array, j) if i is None else (array[j], i)
    row[at] = str(read_number(row[at]) + step)
    return problem


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_samples_paths_and_outputs_add_up_and_factors_multiply(reduction: str) -> None:
    for seed in range(30):
        problem = random_problem(random.Random(seed), reduction=reduction)
        v, samples = recompute(problem), len(problem["samples"])
        ats = [f"@{s}" for s in range(1, samples + 1)] if samples > 1 else [""]
        share = samples if reduction == "mean" else 1

        def same(left: Any, right: Any) -> bool:
            return bool(mpmath.almosteq(left, right, 1e-12, 1e-12))

        assert same(v["E"] * share, sum(v[f"E{at}"] for at in ats))
        for at in ats:
            outputs = [v[f"E_{j}{at}"] for j in range(1, len(problem["samples"][0]["targets"]) + 1)]
            assert same(v[f"E{at}"], sum(outputs))
        for n, layer in enumerate(problem["layers"], 1):
            for j in range(1, len(layer["weights"]) + 1):
                assert same(v[f"dE/dw{n}_{j}_1"], sum(v[f"dE/dw{n}_{j}_1{at}"] for at in ats))
                for at in ats:
                    delta, local = v[f"dE/dz{n}_{j}{at}"], v[f"dz{n}_{j}/dw{n}_{j}_1{at}"]
                    assert same(v[f"dE/dw{n}_{j}_1{at}"], delta * local)
                    assert local == v[f"a{n - 1}_1{at}" if n > 1 else f"x_1{at}"]
                for at in ats if n < len(problem["layers"]) else []:
                    width = len(problem["layers"][n]["weights"])
                    paths = [v[f"dE/da{n}_{j}|z{n + 1}_{k}{at}"] for k in range(1, width + 1)]
                    assert same(v[f"dE/da{n}_{j}{at}"], sum(paths))


def test_one_sample_has_no_at_and_several_have_it_once_at_the_end() -> None:
    for samples in (1, 3):
        v = recompute(two_two_two() | {"samples": two_two_two()["samples"] * samples})
        assert {"E", "E'", "w1_1_2", "dE/dw1_1_2", "Dw1_1_2", "w1_1_2'", "b2_1'"} <= set(v)
        at = "@2" if samples > 1 else ""
        wanted = "x_1 t_1 z1_2 a1_2 E_1 da2_1/dz2_1 dz2_1/da1_2 dz2_1/dw2_1_2 dz2_1/db2_1 dE/da2_1 dE/dz1_2 "
        wanted += "dE/da1_1|z2_1 dE/dw2_1_2 dE/db2_1 E z1_1' a1_1'"
        assert {name + at for name in wanted.split()} <= set(v)
        assert any("@" in name for name in v) == (samples > 1)
        assert ("z1_1" in v) == (samples == 1)


@pytest.mark.parametrize(("convention", "slope"), [(0, 0), ("1/2", 0.5), (1, 1)])
def test_relu_at_exactly_zero_follows_the_convention(convention: Any, slope: float) -> None:
    problem = two_two_two(relu_at_zero=convention)
    # neither 0.1 * 0.2 - 0.02 in float64 nor 0.7 * 0.3 - 0.21 in 100 digits of binary comes out as 0
    weights, biases = [[0.1, 0], [0, 0.7]], [-0.02, -0.21]
    problem["layers"][0] = {"activation": "relu", "weights": weights, "biases": biases}
    problem["samples"] = [{"inputs": [0.2, 0.3], "targets": [0, 1]}]
    v, by_autograd = recompute(problem), gradients_by_autograd(problem)
    for j in (1, 2):
        assert v[f"z1_{j}"] == 0
        assert v[f"da1_{j}/dz1_{j}"] == slope
        assert abs(v[f"dE/dw1_{j}_{j}"] - by_autograd[f"dE/dw1_{j}_{j}"]) < 1e-15


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_slope_is_that_of_its_formula_and_keeps_its_digits_where_a_unit_saturates(name: str) -> None:
    value, slope, _ = ACTIVATIONS[name]
    p = {"relu_at_zero": mpmath.mpf(0), "kinks": mpmath.mpf(0), "alpha": mpmath.mpf(1) / 3}
    with mpmath.workdps(80):
        for z in map(mpmath.mpf, (-20, "-0.7", "0.3", 20)):
            assert mpmath.almosteq(slope(z, p), mpmath.diff(lambda z: value(z, p), z), 1e-25)
    for z in (mpmath.mpf(-400), mpmath.mpf(400)):
        assert slope(z, p) != 0 or (name == "relu" and z < 0)


def test_the_slopes_of_softmax_are_those_of_its_formula_and_add_up_to_nothing() -> None:
    value, slope, _ = COUPLED["softmax"]
    z = [mpmath.mpf(number) for number in ("0.3", "-1.2", "2")]
    with mpmath.workdps(60):
        for j in range(3):
            for k in range(3):
                numeric = mpmath.diff(lambda y, j=j, k=k: value([*z[:k], y, *z[k + 1 :]], j), z[k])
                assert mpmath.almosteq(slope(z, j, k), numeric, 1e-20)
            assert abs(sum(slope(z, j, k) for k in range(3))) < 1e-50
    assert slope([mpmath.mpf(1000), mpmath.mpf(0)], 0, 0) > 0
    assert (value([mpmath.mpf(7)], 0), slope([mpmath.mpf(7)], 0, 0)) == (1, 0)


@pytest.mark.parametrize("name", LOSSES)
def test_the_slope_of_a_loss_is_that_of_its_formula(name: str) -> None:
    value, slope, _ = LOSSES[name]
    p = {"n": mpmath.mpf(3), "kinks": mpmath.mpf(0), "delta": mpmath.mpf(1) / 3}
    with mpmath.workdps(80):
        for a in map(mpmath.mpf, ("0.1", "0.45", "0.9")):
            for t in map(mpmath.mpf, (0, 1, "0.3")):
                numeric = mpmath.diff(lambda x, t=t: value(x, t, p), a)
                assert mpmath.almosteq(slope(a, t, p), numeric, 1e-25)


def test_what_is_not_covered_is_refused() -> None:
    for table in ({"training": {}}, {"penalty": {"l3": 1}}, {"optimizer": {"name": "sgd", "beta": 1}}):
        with pytest.raises(ValueError, match="does not cover"):
            recompute(two_two_two() | table)
    layers = [layer | {"drop": 0.5} for layer in two_two_two()["layers"]]
    with pytest.raises(ValueError, match="drop"):
        recompute(two_two_two() | {"layers": layers})
    with pytest.raises(TypeError):
        read_number(True)


def test_random_problems_are_varied_and_keep_what_is_fixed() -> None:
    problems = [random_problem(random.Random(seed)) for seed in range(400)]
    layers = [layer for problem in problems for layer in problem["layers"]]
    assert {len(problem["layers"]) for problem in problems} == {1, 2, 3, 4}
    assert {len(layer["weights"]) for layer in layers} == {1, 2, 3, 4, 5, 6}
    assert {len(problem["samples"]) for problem in problems} == {1, 2, 3}
    assert {name_of(layer["activation"]) for layer in layers} == set(ACTIVATIONS) | set(COUPLED)
    assert {name_of(problem["loss"]) for problem in problems} == set(LOSSES)
    assert {isinstance(layer["activation"], str) for layer in layers} == {True, False}
    assert {problem["solution"]["method"] for problem in problems} == set(METHODS)
    assert {problem["notation"]["profile"] for problem in problems} == set(PROFILES)
    assert {"biases" in layer for layer in layers} == {True, False}
    weights = [number for layer in layers for row in layer["weights"] for number in row]
    assert {type(number) for number in weights} == {int, float, str}
    assert {(read_number(number) > 0) - (read_number(number) < 0) for number in weights} == {-1, 0, 1}
    samples = [{"inputs": [1, 2, 3], "targets": [0, 1]}]
    for seed in range(20):
        problem = random_problem(random.Random(seed), samples=samples, loss="squared_error")
        assert (problem["samples"], problem["loss"]) == (samples, "squared_error")
        assert recompute(problem)["x_3"] == 3
    assert random_problem(random.Random(5)) == random_problem(random.Random(5))


@pytest.mark.parametrize(
    ("value", "rounding", "shown"),
    [
        ("0.70965", {"decimals": 4}, "0.7097"),
        ("0.70965", {"decimals": 4, "ties": "half-even"}, "0.7096"),
        ("-0.70965", {}, "-0.7097"),
        ("-0.29031", {"decimals": 4}, "-0.2903"),
        ("0.00009996", {"decimals": 4}, "9.996×10⁻⁵"),
        ("0.000099996", {"decimals": 4}, "1.000×10⁻⁴"),
        ("0.0001", {"decimals": 4}, "0.0001"),
        ("0.00012345", {"decimals": 4}, "0.0001"),
        ("0.7449", {"decimals": 0}, "0.74"),
        ("-0.0000000123456", {"decimals": 2}, "-1.2×10⁻⁸"),
        ("1.1", {"decimals": 4}, "1.1"),
        ("0", {"significant": 3}, "0"),
        ("0.99965", {"significant": 3}, "1.00"),
        ("123450", {"significant": 4}, "1.235×10⁵"),
        ("123450", {"significant": 4, "ties": "half-even"}, "1.234×10⁵"),
        ("2/3", {"significant": 2}, "0.67"),
    ],
)
def test_rounding_follows_the_page(value: str, rounding: dict[str, Any], shown: str) -> None:
    assert round_as_the_page_says(Fraction(value), rounding) == read_shown(shown)


def test_rounding_reads_an_mpf_of_any_size() -> None:
    with mpmath.workdps(60):
        assert round_as_the_page_says(mpmath.mpf(2) / 3, {"decimals": 4}) == Fraction("0.6667")
        assert round_as_the_page_says(-mpmath.mpf(2) / 3, {"decimals": 4}) == Fraction("-0.6667")
        assert round_as_the_page_says(mpmath.mpf("1.26e-6000"), {"decimals": 2}) == Fraction(13, 10**6001)
    assert round_as_the_page_says(mpmath.mpf("0.125"), {"decimals": 2}) == Fraction("0.13")


def test_shown_numbers_are_read_strictly() -> None:
    assert read_shown("\N{MINUS SIGN}0.2903") == read_shown("-0.2903") == Fraction(-2903, 10000)
    assert read_shown("9.996×10⁻⁵") == Fraction(9996, 10**8)
    assert read_shown("1.20×10¹²") == 12 * 10**11
    for text in ["", "1/3", "1e5", "0,5", "×10⁵", "1.×10⁵", "0.5 ", "--1", "1×10⁻", "nan"]:
        with pytest.raises(ValueError, match="is not a printed number"):
            read_shown(text)
