"""The trace: published figures, conventions, and steps that hold together by themselves."""

import json
import random
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from conftest import Sweep
from flint import arb, fmpq
from referee import random_problem, read_shown, recompute, round_as_the_page_says

import calc
from calc.expr import evaluate, quantities
from calc.number import precision
from calc.trace import Trace, run

EXAMPLES = Path(__file__).parent.parent / "examples"


def solve(name: str, **overrides: Any) -> calc.Solution:
    """An example, with entries of its tables replaced: solve("xor", rounding={"decimals": 6})."""
    entries = {(table, key): value for table, inner in overrides.items() for key, value in inner.items()}
    return calc.solve(calc.load(EXAMPLES / f"{name}.toml", entries))


def network(layers: list[Any], inputs: list[Any], targets: list[Any], **tables: Any) -> calc.Problem:
    """Layers as (activation, weights) or (activation, weights, biases)."""
    keys = ("activation", "weights", "biases")
    tables = {"learning_rate": 0.5, "loss": "half_squared_error"} | tables
    samples = tables.pop("samples", [{"inputs": inputs, "targets": targets}])
    return calc.Problem(layers=[dict(zip(keys, layer, strict=False)) for layer in layers], samples=samples, **tables)


# Published figures -------------------------------------------------------------------------------------------

# https://mattmazur.com/2015/03/17/a-step-by-step-backpropagation-example/
# Left out: -0.019049119 for dE/da1_1|z2_2, which is -0.0190491183 and was multiplied out of rounded factors there.
MAZUR = """
z1_1 0.3775             a1_1 0.593269992        a1_2 0.596884378        z2_1 1.105905967        a2_1 0.75136507
a2_2 0.772928465        E_1 0.274811083         E_2 0.023560026         E 0.298371109           dE/da2_1 0.74136507
da2_1/dz2_1 0.186815602 dz2_1/dw2_1_1 0.593269992                       dE/dw2_1_1 0.082167041  dE/dz2_1 0.138498562
w2_1_1' 0.35891648      w2_1_2' 0.408666186     w2_2_1' 0.511301270     w2_2_2' 0.561370121
dE/da1_1|z2_1 0.055399425                       dE/da1_1 0.036350306
da1_1/dz1_1 0.241300709 dE/dw1_1_1 0.000438568
w1_1_1' 0.149780716     w1_1_2' 0.19956143      w1_2_1' 0.24975114      w1_2_2' 0.29950229
"""


@pytest.mark.parametrize(("id", "printed"), list(zip(MAZUR.split()[::2], MAZUR.split()[1::2], strict=True)))
def test_the_two_outputs_example_comes_out_as_published(id: str, printed: str) -> None:
    decimals = len(printed.partition(".")[2])
    assert round_as_the_page_says(solve("two-outputs")[id].value, {"decimals": decimals}) == Fraction(printed)
    shown = solve("two-outputs", rounding={"decimals": decimals})[id].shown
    assert shown == (printed if id != "z1_1" else "0.3775")


def test_the_published_loss_after_the_step_follows_from_sequential_updates() -> None:
    after = {
        order: solve("two-outputs", conventions={"update_order": order}) for order in ("sequential", "simultaneous")
    }
    assert after["sequential"]["E'"].shown == "0.291027924"
    assert after["simultaneous"]["E'"].shown != "0.291027924"
    assert after["sequential"]["w2_1_1'"].shown == after["simultaneous"]["w2_1_1'"].shown
    assert after["sequential"]["w1_1_1'"].shown != after["simultaneous"]["w1_1_1'"].shown


def test_the_xor_example_has_the_output_of_the_course() -> None:
    assert solve("xor")["a2_1"].shown == "0.7539"


def test_a_relu_batch_is_exact_by_hand() -> None:
    layers = [("relu", [[0.5, -1], [1, 0.5]], [0, -0.5]), ("identity", [[2, -1]], [0.5])]
    data = [([1, 0], 1), ([0, 1], 0.5), ([2, 1], -1)]
    samples = [{"inputs": x, "targets": [t]} for x, t in data]
    solution = calc.solve(network(layers, [], [], samples=samples, reduction="sum"))
    by_hand = {"z1_1@1": "0.5", "z1_1@2": "-1", "z1_1@3": "0", "a2_1@1": "1", "a2_1@2": "0.5", "a2_1@3": "-1.5"}
    by_hand |= {"E@3": "0.125", "E": "0.125", "dE/dw2_1_2@3": "-1", "dE/dw2_1_2": "-1", "dE/dw1_2_1": "1"}
    assert {id: solution[id].shown for id in by_hand} == by_hand
    assert all(solution[id].exact for id in solution)


# Conventions -------------------------------------------------------------------------------------------------


def test_constant_biases_have_gradients_but_do_not_change() -> None:
    for name in ("two-outputs", "xor"):
        solution = solve(name)
        assert solution["dE/db2_1"].value != 0
        assert (solution["Db2_1"].text, solution["b2_1'"].text) == ("0", solution["b2_1"].text)
    updated = solve("xor", conventions={"update_biases": True})
    assert updated["b2_1'"].value == pytest.approx(updated["b2_1"].value - Fraction(3, 10) * updated["dE/db2_1"].value)


@pytest.mark.parametrize(("convention", "slope"), [(0, "0"), ("1/2", "0.5"), (1, "1")])
@pytest.mark.parametrize("carry", ["full", "rounded"])
def test_relu_at_exactly_zero_follows_the_convention(convention: Any, slope: str, carry: str) -> None:
    layers = [("relu", [[0.1, 0], [2, 1]], [-0.02, 0]), ("identity", [[1, 1]])]  # 0.1 × 0.2 − 0.02 is exactly 0
    rounding = {"carry": carry, "decimals": 6}
    problem = network(layers, [0.2, 1], [1], conventions={"relu_at_zero": convention}, rounding=rounding)
    solution = calc.solve(problem)
    assert solution["z1_1"].value == 0
    assert solution["da1_1/dz1_1"].shown == slope
    assert solution["dE/dw1_1_1"].value == Fraction(slope) * Fraction("0.4") * Fraction("0.2")
    assert solution["da1_2/dz1_2"].shown == "1"


def test_under_mean_every_gradient_has_its_share_under_sum_it_has_all() -> None:
    tables = calc.load(EXAMPLES / "relu-batch.toml").model_dump(mode="json", exclude_none=True)
    whole, share = (calc.solve(calc.Problem(**(tables | {"reduction": kind}))) for kind in ("sum", "mean"))
    assert whole["E"].value == 3 * share["E"].value
    for id in whole:
        if id.startswith("dE/"):
            assert whole[id].value == 3 * share[id].value
    assert whole["E@2"].value == share["E@2"].value


def test_a_sequential_update_goes_from_the_last_layer_down_and_feeds_the_new_weights_back() -> None:
    trace = run(calc.load(EXAMPLES / "xor.toml", {("conventions", "update_order"): "sequential"}))
    order = list(trace.steps)
    assert order.index("w2_1_1'") < order.index("dE/da1_1") < order.index("w1_1_1'")
    assert [use.id for use in trace.steps["dz2_1/da1_1"].uses] == ["w2_1_1'"]
    assert "w2_1_1'" in trace.values
    simultaneous = list(run(calc.load(EXAMPLES / "xor.toml")).steps)
    assert simultaneous.index("dE/dw1_2_2") < simultaneous.index("Dw2_1_1") < simultaneous.index("Dw1_1_1")


def test_constant_biases_stay_as_they_are_in_a_sequential_update() -> None:
    layers = [("sigmoid", [[0.3]], [0.1]), ("sigmoid", [[0.5]], ["1/3"]), ("identity", [[2]], [1])]
    conventions = {"update_order": "sequential", "update_biases": False}
    solution = calc.solve(network(layers, [1], [1], conventions=conventions))
    assert [solution[f"b{n}_1'"].text for n in (1, 2, 3)] == ["0.1", "1/3", "1"]


def test_carried_numbers_are_the_printed_ones() -> None:
    solution = solve("two-outputs", rounding={"decimals": 4, "carry": "rounded"})
    trace = solution.trace
    assert all(solution[id].value == read_shown(solution[id].shown) for id in trace.steps)
    a, da = solution["a2_1"].value, solution["da2_1/dz2_1"].value
    assert da == round_as_the_page_says(a * (1 - a), {"decimals": 4})
    factors = ("dE/da2_1", "da2_1/dz2_1", "dz2_1/dw2_1_1")
    product = solution[factors[0]].value * solution[factors[1]].value * solution[factors[2]].value
    assert solution["dE/dw2_1_1"].value == round_as_the_page_says(product, {"decimals": 4})


# Steps ---------------------------------------------------------------------------------------------------------


def problems(count: int) -> list[calc.Problem]:
    return [calc.Problem(**random_problem(random.Random(seed))) for seed in range(count)]


def overlap(value: fmpq | arb, other: fmpq | arb) -> bool:
    return value == other if isinstance(value, fmpq) and isinstance(other, fmpq) else arb(value).overlaps(arb(other))


def test_every_step_is_worth_what_its_operands_make_of_it(sweep: Sweep) -> None:
    for problem in problems(sweep.count(seconds=25, ci=60, full=300)):
        trace = run(problem)
        known = set(trace.values) - set(trace.steps)
        for id, step in trace.steps.items():
            uses = [use.id for use in step.uses]
            assert sorted(uses) == sorted({quantity.id for quantity in quantities(step.expr)})
            assert known.issuperset(uses), id  # nothing is used before it is derived
            known.add(id)
            with precision(300):
                value = evaluate(step.expr, {use: trace.values[use] for use in uses})
                if trace.rounding.carry == "full":
                    assert overlap(value, trace.values[id]), id
                else:
                    assert trace.rounding.show(value).value == trace.values[id], id


def test_json_tells_the_same_operands() -> None:
    for problem in problems(4):
        solution = calc.solve(problem)
        steps = json.loads(solution.render("json"))["iterations"][0]["steps"]
        assert [step["result"] for step in steps] == list(solution.trace.steps)
        assert [step["uses"] for step in steps] == [[use.id for use in s.uses] for s in solution.trace.steps.values()]
        assert len({step["number"] for step in steps}) == len(steps)


def chain(trace: Trace, id: str) -> list[str]:
    """The factors of a product of the backward pass."""
    return [use.id.partition("@")[0] for use in trace.steps[id].uses]


def test_the_factors_of_every_product_form_a_chain_from_the_loss_to_the_parameter() -> None:
    chains = [problem for problem in problems(40) if problem.solution.method == "chain"]
    assert len(chains) > 10
    for problem in chains:
        trace = run(problem)
        for id, step in trace.steps.items():
            if step.kind in ("term", "path") or (step.kind == "gradient" and "@" not in str(step.uses)):
                links = [re.fullmatch(r"d(.+)/d([^|]+)", factor) for factor in chain(trace, id)]
                ends = [link[i] for link in links if link for i in (1, 2)]
                target = re.fullmatch(r"dE/d([^|@]+).*", id)
                assert ends[0] == "E"
                assert target is not None
                assert ends[-1] == target[1]
                assert ends[1:-1:2] == ends[2::2], id


# Ids -----------------------------------------------------------------------------------------------------------

ONE_SAMPLE = (
    "x_2 t_1 z1_2 a1_2 z2_1 a2_1 E E_1 dE/da2_1 dE/dz2_1 da2_1/dz2_1 dz2_1/da1_2 dz2_1/dw2_1_2 dz2_1/db2_1 "
    "dE/da1_1|z2_1 dE/da1_1 dE/dz1_1 da1_1/dz1_1 dz1_1/dw1_1_2 dz1_1/db1_1 dE/dw2_1_2 dE/db2_1 dE/dw1_1_2 dE/db1_1 "
    "w2_1_2 b2_1 Dw2_1_2 Db2_1 w2_1_2' b2_1' Dw1_1_2 w1_1_2' b1_1' E' z1_1' a1_1' z2_1' a2_1'"
)
OF_THE_BATCH = re.compile(r"E'?|D?[wb]\d.*|dE/d[wb]\d_\d(_\d)?")


@pytest.mark.parametrize("show", ["all", "auto", ["w1_1_1"], ["b2_1"]])
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("update_biases", [True, False])
def test_every_id_is_there_whatever_is_shown(show: Any, samples: int, update_biases: bool) -> None:
    layers = [("tanh", [[0.1, 0.2], [0.3, 0.4]], [0, 1]), ("sigmoid", [[0.5, 0.6], [0.7, 0.8]], [1, 1])]
    data = [{"inputs": [s, 0.5], "targets": [0, 1]} for s in range(samples)]
    conventions = {"update_biases": update_biases}
    problem = network(layers, [], [], samples=data, solution={"show": show}, conventions=conventions)
    values = json.loads(calc.solve(problem).render("json"))["iterations"][0]["values"]
    assert any("@" in id for id in values) == (samples > 1)
    for id in ONE_SAMPLE.split():
        wanted = [id] if samples == 1 or OF_THE_BATCH.fullmatch(id) else [f"{id}@{s}" for s in range(1, samples + 1)]
        assert set(wanted) <= set(values), wanted
    if samples > 1:
        assert {"E@2", "dE/dw1_1_2@2", "dE/db2_1@3"} <= set(values)


def test_every_id_of_the_referee_is_there(sweep: Sweep) -> None:
    for seed in range(sweep.count(seconds=25, ci=60, full=300)):
        problem = random_problem(random.Random(seed))
        assert set(recompute(problem)) <= set(run(calc.Problem(**problem)).values)


def test_switching_the_notation_or_what_is_shown_changes_no_number() -> None:
    for seed in range(3):
        problem = random_problem(random.Random(seed))
        numbers = []
        for profile, show in (("standard", "auto"), ("net-out", "all"), ("vw", ["w1_1_1"]), ("standard", ["w1_1_1"])):
            tables = problem | {"notation": {"profile": profile}, "solution": {"show": show}}
            iteration = json.loads(calc.solve(calc.Problem(**tables)).render("json"))["iterations"][0]
            values = {id: (entry["value"], entry["shown"], entry["exact"]) for id, entry in iteration["values"].items()}
            numbers.append((values, [(step["result"], step["uses"], step["value"]) for step in iteration["steps"]]))
        assert all(other == numbers[0] for other in numbers)


# What cannot be worked -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weight", "rounding", "quantity"),
    [
        ("1e60", {"decimals": 4}, "z1_1"),  # more digits than a line
        ("-1e60", {"significant": 4}, "a1_1"),  # e^(10^60)
        ("-1e9", {"significant": 4}, "a1_1"),
        ("-1e9", {"significant": 4, "carry": "rounded"}, "a1_1"),
        ("1e60", {"decimals": 4, "carry": "rounded"}, "z1_1"),
    ],
)
def test_a_quantity_that_cannot_be_printed_is_named(weight: str, rounding: Any, quantity: str) -> None:
    with pytest.raises(calc.UnsupportedError, match=rf"^{quantity} "):
        calc.solve(network([("sigmoid", [[weight]])], [1], [1], rounding=rounding)).render("markdown")
