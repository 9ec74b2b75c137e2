"""Solution: the verified trace with its document, as text in any format, as a file, as values by id."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flint import fmpq

from calc.document import Derivation, Document, Line
from calc.explain import explain
from calc.expr import Expr, Name, Num, Quantity
from calc.lines import step_line
from calc.network import Network
from calc.notation import find_parameters, notation_of
from calc.page import Page, find_format
from calc.problem import Problem
from calc.render import show, wording
from calc.render.latex import Latex
from calc.render.markdown import Markdown
from calc.render.math import Printer
from calc.steps import Step
from calc.trace import Trace
from calc.training import Iteration, train
from calc.updates import change_of

if TYPE_CHECKING:
    from calc.illustration import Illustration
    from calc.marks import Scheme

# a page, for each update the number of each step's line by the step's id, and the last number given
Explained = tuple[Document, list[dict[str, int]], int]


@dataclass(frozen=True)
class Result:
    """One quantity: ``value`` exact or to 20 digits, ``text`` the same as JSON has it, ``shown`` as printed.

    ``latex`` says it as a formula, with the course's own symbol; a notebook shows that.
    """

    id: str
    value: Fraction
    text: str
    shown: str
    exact: bool
    latex: str = field(repr=False, compare=False)  # spelling, which changes no number

    def _repr_markdown_(self) -> str:
        return Markdown().inline(self.latex)

    _repr_latex_ = _repr_markdown_  # a formula between dollar signs is both


class WorkedStep:
    """One line of the solution: ``formula`` and ``substituted`` in LaTeX, ``uses`` the ids of its operands, ``result``.

    ``number`` is that of its line on the page, None where it stands in a table. A notebook shows the whole line,
    a row for each side of it.
    """

    def __init__(self, values: "Values", step: Step) -> None:
        self._values, self._step = values, step
        self.id, self.kind, self.uses = step.result.id, step.kind, tuple(quantity.id for quantity in step.uses)

    @property
    def result(self) -> Result:
        return self._values[self.id]

    @cached_property
    def number(self) -> int | None:
        return self._values.solution.placed[self._values.index - 1].get(self.id)

    @cached_property
    def _line(self) -> Line:
        line, _ = step_line(self._values.trace, self._step, self.number)
        return replace(line, notes=(None,) * len(line.sides))  # each side in a row of its own

    @property
    def formula(self) -> str:
        return self._values.latex.write(_symbolic(self._line))

    @property
    def substituted(self) -> str:
        return self._values.latex.write(_substituted(self._line))

    @cached_property
    def _shown(self) -> tuple[str, list[str]]:
        page = self._values.solution
        return show(Derivation((self._line,)), page.notation, page.templates, page.language)

    def _repr_markdown_(self) -> str:
        return self._shown[0]

    _repr_latex_ = _repr_markdown_  # a block between dollar signs is both

    def __repr__(self) -> str:
        return "\n".join(self._shown[1])


def _symbolic(line: Line) -> Expr:
    return line.sides[0][1]


def _substituted(line: Line) -> Expr:
    return line.sides[1][1] if len(line.sides) > 2 else line.sides[-1][1]


class Values(Mapping[str, Result]):
    """The quantities of one update by id: ``solution.iterations[2]["w1_1_1'"]`` is a Result of the third update."""

    def __init__(self, solution: "Solution", iteration: Iteration[Any]) -> None:
        self.index, self.epoch, self.samples = iteration.index, iteration.epoch, iteration.samples
        self.solution, self.trace = solution, iteration.trace

    def __getitem__(self, id: str) -> Result:
        if id not in self.trace.values:
            raise KeyError(f"{id!r} is no quantity of this solution")
        text, number = self.trace.text(id), self.trace.values[id]
        # not from the text where it is exact: that may have more digits than Python reads
        value = Fraction(int(number.p), int(number.q)) if isinstance(number, fmpq) else Fraction(text)
        shown, exact = self.trace.show(id), self.trace.exact(id)
        step, write = self.trace.steps.get(id), self.latex.write
        quantity = self.quantities[id] if step is None else step.result
        latex = f"{write(quantity)} {Latex.relations['=' if shown.exact else '≈']} {write(Num(shown))}"
        return Result(id, value, text, str(shown), exact, latex)

    @cached_property
    def latex(self) -> Printer:
        """How formulas are written, in the course's notation."""
        return Latex().formulas(self.solution.notation)

    def step(self, id: str) -> WorkedStep:
        """The line that computes a quantity.

        Raises:
            KeyError: there is no such quantity, or it is given.
        """
        if id in self.trace.steps:
            return WorkedStep(self, self.trace.steps[id])
        raise KeyError(f"{self[id].id!r} is given, not computed; it has no step")

    @cached_property
    def quantities(self) -> Mapping[str, Quantity]:
        """What has a value, by id."""
        trace, problem = self.trace, self.solution.problem
        known = {quantity.id: quantity for step in trace.steps.values() for quantity in (step.result, *step.uses)}
        for w in (name for layer in trace.graph.parameters for name in layer):  # constants stand in no step
            known |= {name.id: name for name in (w, change_of(w), w.after_update())}
        if isinstance(problem, Network):  # a loss of the author's may not ask for a target
            outputs = range(1, problem.widths[-1] + 1)
            unused = [Name("t", None, (j,), s) for s in trace.graph.samples for j in outputs]
        else:  # nor a graph for a value
            unused = [Name(id) for id in trace.graph.given]
        return known | {name.id: name for name in unused}

    def __iter__(self) -> Iterator[str]:
        return iter(self.trace.values)

    def __len__(self) -> int:
        return len(self.trace.values)


class Solution(Page):
    """A worked and verified problem.

    ``solution["dE/dw2_1_1"]`` is a Result of the first update, ``solution.iterations[-1]["w2_1_1'"]`` one of the last;
    ``solution.step("dE/dw2_1_1")`` is the line that computes it, with its formula and the numbers put in;
    ``render("latex")`` the page as text; ``save("xor.pdf")`` writes a file.
    """

    def __init__(
        self,
        problem: Problem,
        iterations: Sequence[Iteration[Any]],
        explained: Callable[[], Explained],
        templates: Path | None = None,
    ) -> None:
        """
        Args:
            explained: writes the page, where it is asked for.
        """
        self.problem, self.templates, self.language = problem, templates, problem.solution.language
        self._explain = explained
        self.worked = tuple(iterations)
        self.iterations = tuple(Values(self, iteration) for iteration in iterations)
        self.trace = iterations[0].trace
        self.notation = notation_of(problem)

    @cached_property
    def _explained(self) -> Explained:
        return self._explain()

    @cached_property
    def document(self) -> Document:
        from calc.figures import illustrated  # only where a format shows pictures

        return illustrated(self.bare, self.problem, self.worked)

    @property
    def bare(self) -> Document:
        return self._explained[0]

    def figure(self, name: str) -> "Illustration":
        """A picture: "network", "graph", "loss" or "surface"; it shows itself in a notebook, and saves itself.

        Raises:
            ProblemError: there is no such picture of this problem.
        """
        from calc.figures import figure_of
        from calc.illustration import Illustration

        figure = figure_of(name, self.problem, self.worked)
        return Illustration(figure, self.notation, wording(self.templates, self.language), self.problem.title)

    @property
    def placed(self) -> Sequence[Mapping[str, int]]:
        return self._explained[1]

    def __getitem__(self, id: str) -> Result:
        return self.iterations[0][id]

    def __iter__(self) -> Iterator[str]:
        return iter(self.iterations[0])

    def step(self, id: str) -> WorkedStep:
        """The line of the first update that computes a quantity; it shows itself in a notebook.

        Raises:
            KeyError: there is no such quantity, or it is given.
        """
        return self.iterations[0].step(id)

    def _as_json(self) -> dict[str, Any]:
        notation = notation_of(self.problem, marked=True)
        notation.decimal = "."  # other programs read one sign
        latex, text = (format().formulas(notation) for format in (find_format("tex"), find_format("txt")))
        _, placed, after = self._explained
        entries = []
        schemes: Sequence[Scheme | None] = [None] * len(placed)
        if self.problem.solution.marks:
            from calc.explain_marks import schemes_of

            schemes = schemes_of(self.worked)
        for values, on_page, scheme in zip(self.iterations, placed, schemes, strict=True):
            trace, numbers, steps = values.trace, dict(on_page), []
            for id, step in trace.steps.items():
                if id not in numbers:  # steps that stand in a table are numbered on
                    numbers[id] = after = after + 1
                entry = self._step_as_json(trace, step, numbers[id], latex.write, text.write)
                steps.append(entry if scheme is None else entry | {"marks": [str(mark) for mark in scheme[id]]})
            entries.append({"index": values.index, "values": self._values_as_json(values, latex.write), "steps": steps})
        return {
            "format": "calc-solution",
            "version": 1,
            "title": self.problem.title,
            "problem": self.problem.model_dump(mode="json", exclude_none=True),
            "iterations": entries,
        }

    def _values_as_json(self, values: Values, latex: Any) -> dict[str, Any]:
        trace = values.trace
        return {
            id: {
                "value": trace.text(id),
                "shown": str(trace.show(id)),
                "exact": trace.exact(id),
                "latex": latex(values.quantities[id]),
            }
            for id in trace.values
        }

    def _step_as_json(self, trace: Trace, step: Step, number: int, latex: Any, text: Any) -> dict[str, Any]:
        line, _ = step_line(trace, step)

        def both(expr: Expr) -> dict[str, str]:
            return {"latex": latex(expr), "text": text(expr)}

        return {
            "number": number,
            "result": step.result.id,
            "kind": step.kind,
            "formula": both(_symbolic(line)),
            "substituted": both(_substituted(line)),
            "uses": [quantity.id for quantity in step.uses],
            "value": trace.text(step.result.id),
            "shown": str(trace.show(step.result.id)),
        }


def solve(problem: Problem, templates: str | Path | None = None) -> Solution:
    """Work a problem and verify it.

    Raises:
        ProblemError: ``show`` or ``figures.surface`` names something that is no parameter.
        UnsupportedError: a quantity is undefined or unprintable at these numbers.
        VerificationError: the independent check failed; nothing may be printed.
    """
    iterations = train(problem)
    if isinstance(problem.solution.show, tuple):
        parameters = [w for layer in iterations[0].trace.graph.parameters for w in layer]
        find_parameters(problem, parameters, problem.solution.show)
    if problem.figures is not None:
        from calc.figures import plane_of

        plane_of(problem, iterations[0].trace.graph.parameters)
    folder = Path(templates) if templates is not None else None
    return Solution(problem, iterations, partial(_explain, problem, iterations), folder)


def _explain(problem: Problem, iterations: Sequence[Iteration[Any]]) -> Explained:
    """The page of one or several updates of whatever kind of problem."""
    first = iterations[0]
    if not isinstance(problem, Network):
        from calc.explain_circuit import explain_circuit  # each is loaded where it is asked for

        document, placed, count = explain_circuit(iterations)
    elif len(iterations) > 1 or problem.rule != "gradient":
        from calc.explain_training import explain_training

        document, placed, count = explain_training(problem, iterations)
    else:
        document, numbers, count = explain(problem, first.trace, first.exact)
        placed = [numbers]
    if problem.solution.marks:
        from calc.explain_marks import with_marks

        document = with_marks(document, iterations, placed)
    appended = problem.solution.derivations and problem.solution.detail != "full"  # else they stand before their use
    if isinstance(problem, Network) and appended:
        from calc.explain_derivations import appendix

        document = Document(document.title, (*document.sections, *appendix(problem, first.trace.graph)))
    return document, placed, count
