"""Pictures of a worked problem as shapes and texts; they know no format.

FIGURES names them; ``figure_of`` makes one that is asked for, ``illustrated`` puts those of a page where they belong.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from calc.document import Block, Document, Figure, Section, prose
from calc.errors import Fault, ProblemError
from calc.expr import Name
from calc.network import Network
from calc.notation import find_parameters
from calc.problem import Problem
from calc.training import Iteration

FIGURES = ("network", "graph", "loss", "surface")


def figure_of(name: str, problem: Problem, iterations: Sequence[Iteration[Any]]) -> Figure:
    """One of FIGURES.

    Raises:
        ProblemError: there is no such picture of this problem; it says why.
    """
    known(name)
    first = iterations[0].trace
    if name == "network":
        from calc.figures.network import network  # each is loaded where it is asked for

        if not isinstance(problem, Network):
            raise _none(name, 'a computational graph found, which has no layers. Use "graph"')
        return network(problem, first, worked=True)
    if name == "graph":
        from calc.figures.graph import graph

        return graph(problem, first)
    if name == "loss":
        from calc.figures.loss import loss

        if len(iterations) == 1:
            where = "training.epochs" if isinstance(problem, Network) else "graph.learning_rate and graph.iterations"
            raise _none(name, f"1 update found, which makes no curve. Set {where} for several")
        return loss(problem, iterations)
    from calc.figures.surface import surface

    chosen = plane_of(problem, first.graph.parameters)
    if chosen is None:
        ids = [w.id for layer in first.graph.parameters for w in layer]
        what = f"{len(ids)} parameter{'s' if len(ids) != 1 else ''} found, a plane has two"
        remedy = "Use a problem with two"
        if len(ids) > 2:
            remedy = f'Choose two: [figures] surface = ["{ids[0]}", "{ids[1]}"]'
        raise _none(name, f"{what}. {remedy}")
    return surface(problem, iterations, chosen)


def known(name: str) -> None:
    """
    Raises:
        ProblemError: the name is none of FIGURES.
    """
    if name not in FIGURES:
        raise ProblemError("figure", [Fault("", f'"{name[:40]}" is no picture. Known: {", ".join(FIGURES)}')])


def _none(name: str, what: str) -> ProblemError:
    return ProblemError("problem", [Fault(name, what)])


def plane_of(problem: Problem, parameters: Sequence[Sequence[Name]]) -> list[Name] | None:
    """The two parameters of the surface: those that are chosen, or all where there are two.

    Raises:
        ProblemError: what is chosen is no parameter, or one twice.
    """
    every = [w for layer in parameters for w in layer]
    wanted = problem.figures.surface if problem.figures is not None else None
    if wanted is None:
        return every if len(every) == 2 else None
    chosen = find_parameters(problem, every, wanted, "figures.surface")
    if chosen[0] == chosen[1]:
        raise ProblemError("problem", [Fault("figures.surface", f"{chosen[0].id} stands twice. Name two parameters")])
    return chosen


def illustrated(document: Document, problem: Problem, iterations: Sequence[Iteration[Any]]) -> Document:
    """The page with its pictures: what is given, the graph at its backward pass, the descent beside all updates."""
    pictures = dict(_of_page(problem, iterations))
    headings = [section.heading.key for section in document.sections]
    sections: list[Section] = []
    for section in document.sections:
        key = section.heading.key
        figures = pictures.pop(key, [])
        if section is document.sections[-1]:  # a page without the section that a picture belongs to
            figures += [block for key, left in pictures.items() if key not in headings for block in left]
        after = {"section.given": 1, "section.backward": 0}.get(key, len(section.blocks))
        blocks: tuple[Block, ...] = (*section.blocks[:after], *figures, *section.blocks[after:])
        sections.append(Section(section.heading, blocks, section.level) if figures else section)
    return Document(document.title, tuple(sections))


def _of_page(problem: Problem, iterations: Sequence[Iteration[Any]]) -> Iterator[tuple[str, list[Block]]]:
    """The pictures of a page, and what leads to them, by the section that they stand in, the first of that heading."""
    first = iterations[0].trace
    several = len(iterations) > 1
    descent: list[Block] = []
    if several and problem.rule != "perceptron":  # which lowers no error that it would be the gradient of
        descent += [prose("figure.see_loss", loss=first.graph.loss), figure_of("loss", problem, iterations)]
    chosen = plane_of(problem, first.graph.parameters)
    if chosen is not None and (problem.figures is not None or first.graph.trained):
        see = prose("figure.see_surface", loss=first.graph.loss, across=chosen[0], up=chosen[1])
        descent += [see, figure_of("surface", problem, iterations)]
    if isinstance(problem, Network):
        from calc.figures.network import elided, network

        if not elided(problem.widths):  # a picture of dots adds nothing to the sentence that it illustrates
            yield "section.given", [network(problem, first, worked=False)]
    else:
        from calc.figures.graph import graph, too_large

        if too_large(first) is None:
            yield "section.backward", [prose("figure.see_graph"), graph(problem, first)]
    yield "section.training" if several else "section.check", descent
