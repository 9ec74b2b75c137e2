"""The appendix of a solution: the derivative of each activation and of the loss in use, worked line by line."""

from collections.abc import Iterator

from calc.derivation import Letters, Working, of_activation, of_both, of_loss
from calc.derived import sections
from calc.document import Section, Words, prose
from calc.graph import Graph
from calc.number import Shown
from calc.problem import Network

ANY = "any."  # the prefix of quantities of any unit, which calc.notation spells by the course


def appendix(problem: Network, graph: Graph) -> Iterator[Section]:
    """A section for each, once; the loss by z where loss and activation cancel."""
    letters = Letters(ANY)
    key = "derive.appendix_letters"
    names = {"z": letters.z(), "a": letters.a(), "t": letters.t(), "e": letters.e()}
    yield Section(Words("derive.appendix"), (prose(key, **names),))
    yield from sections(list(_workings(problem, graph, letters)), level=2)


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
