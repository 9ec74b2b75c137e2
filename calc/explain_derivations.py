"""The appendix of a solution: the derivative of each activation and of the loss in use, worked line by line."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from calc.derivation import Letters, Working, of_formula
from calc.derivation_ops import of_activation, of_both, of_loss
from calc.derived import fitting, sections, zero_at_kinks
from calc.document import Prose, Section, Words, prose
from calc.expr import Derivative, Name, Prod, Sum
from calc.graph import Graph
from calc.network import Network
from calc.notation import Notation
from calc.number import Shown

ANY = "any."  # the prefix of quantities of any unit, which calc.notation spells by the course


def appendix(problem: Network, graph: Graph) -> Iterator[Section]:
    """A section for each, once; the loss by z where loss and activation cancel."""
    letters = Letters(ANY)
    yield Section(Words("derive.appendix"), (_letters_said(letters),))
    yield from sections(list(_workings(problem, graph, letters)), level=2)


def local_derivatives(problem: Network, graph: Graph) -> Iterator[Section]:
    """The same before the backward pass, and the derivatives of a weighted sum."""
    letters = Letters(ANY)
    yield Section(Words("derive.locals"), (_letters_said(letters),), level=2)
    yield from sections([*_workings(problem, graph, letters), _of_weighted_sum(letters.z())], level=2)


def _letters_said(letters: Letters) -> Prose:
    names = {"z": letters.z(), "a": letters.a(), "t": letters.t(), "e": letters.e()}
    return prose("derive.appendix_letters", **names)


def _of_weighted_sum(z: Name) -> Working:
    """dz/dw = x and dz/dx = w of z = w x + the other terms."""
    w, x, r = (Name(f"{ANY}{letter}") for letter in "wxr")
    term = Prod((w, x))
    by_w, by_x = (of_formula(Sum((term, r)), by, z, zero_at_kinks, lambda side: True) for by in (w, x))
    said = Words("derive.weighted", {"z": z, "term": term, "r": r, "w": w, "x": x})
    return _together([replace(by_w, given=(*by_w.given, said)), replace(by_x, given=(*by_x.given, said))])[0]


def of_nodes(graph: Graph, notation: Notation, at_kink: Callable[[str], Shown]) -> Iterator[Section]:
    """Of a graph without layers: every node by each of its operands."""
    workings: list[Working] = []
    for node in graph.nodes:
        lefts = [(v, Derivative(v, node.name, "∂")) for v, _ in node.locals]
        workings += _together([of_formula(node.expr, v, node.name, at_kink, fitting(d, notation)) for v, d in lefts])
    yield Section(Words("derive.locals"), ())
    yield from sections(workings, level=2)


def _workings(problem: Network, graph: Graph, letters: Letters) -> Iterator[Working]:
    def at_kink(convention: str) -> Shown:
        return problem.conventions.at_kink(convention)

    outputs = len(problem.layers[-1].weights)
    yield of_loss(problem.loss, letters, at_kink, outputs)
    used = dict.fromkeys(layer.activation for layer in reversed(problem.layers))
    for activation in used:
        yield of_activation(activation, letters, at_kink)
    if graph.shortcuts:
        yield of_both(problem.layers[-1].activation, problem.loss, letters, at_kink, outputs)


def _together(workings: Sequence[Working]) -> list[Working]:
    """The derivatives of one formula by several names under one heading, where all are written with the same parts."""
    if not workings or any(working.given != workings[0].given for working in workings):
        return list(workings)
    chains = tuple(chain for working in workings for chain in working.chains)
    after: list[Words] = []
    for working in workings:
        after += [words for words in working.after if words not in after]
    return [replace(workings[0], chains=chains, after=tuple(after))]
