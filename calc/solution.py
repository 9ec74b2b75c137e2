"""Solution: the verified trace with its document, as text in any format, as a file, as values by id."""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flint import fmpq

from calc.document import Document
from calc.errors import CalcError, Fault, ProblemError, short
from calc.explain import explain
from calc.expr import Expr, Name
from calc.fields import unknown
from calc.lines import step_line
from calc.notation import Notation, find_parameters, notation_of
from calc.problem import Network, Problem
from calc.render import FORMATS, VARIANTS, Format, Options, render, wording
from calc.trace import Step, Trace
from calc.training import Iteration, train
from calc.updates import change_of

if TYPE_CHECKING:
    from calc.illustration import Illustration

# a page, for each update the number of each step's line by the step's id, and the last number given
Explained = tuple[Document, list[dict[str, int]], int]


@dataclass(frozen=True)
class Result:
    """One quantity: ``value`` exact or to 20 digits, ``text`` the same as JSON has it, ``shown`` as printed."""

    id: str
    value: Fraction
    text: str
    shown: str
    exact: bool


class Values(Mapping[str, Result]):
    """The quantities of one update by id: ``solution.iterations[2]["w1_1_1'"]`` is a Result of the third update."""

    def __init__(self, iteration: Iteration[Any]) -> None:
        self.index, self.epoch, self.samples = iteration.index, iteration.epoch, iteration.samples
        self.trace = iteration.trace

    def __getitem__(self, id: str) -> Result:
        if id not in self.trace.values:
            raise KeyError(f"{id!r} is no quantity of this solution")
        text, number = self.trace.text(id), self.trace.values[id]
        # not from the text where it is exact: that may have more digits than Python reads
        value = Fraction(int(number.p), int(number.q)) if isinstance(number, fmpq) else Fraction(text)
        return Result(id, value, text, str(self.trace.show(id)), self.trace.exact(id))

    def __iter__(self) -> Iterator[str]:
        return iter(self.trace.values)

    def __len__(self) -> int:
        return len(self.trace.values)


class Page(ABC):
    """Something that is shown on a page: as text in any format, as a PDF, as a file, in a notebook."""

    notation: Notation
    templates: Path | None = None  # a folder searched before calc's own
    language = "en"  # of the wording

    @property
    def placed(self) -> Sequence[Mapping[str, int]]:
        """For each update the number of each quantity's line, by its id; nothing where lines have no numbers."""
        return ()

    @property
    @abstractmethod
    def document(self) -> Document:
        """The page with its pictures, in no particular format."""

    @property
    def bare(self) -> Document:
        """The page without pictures."""
        return self.document

    @abstractmethod
    def _as_json(self) -> dict[str, Any]: ...

    def render(
        self,
        format: str = "markdown",
        *,
        dialect: str | None = None,
        fragment: bool = False,
        document_class: str | None = None,
    ) -> str:
        """The page as text: markdown, latex, typst, html, text, json, or their suffixes.

        Args:
            dialect: the host that reads the Markdown: github, gitlab, pandoc, jupyter, plain.
            fragment: LaTeX without a preamble, for \\input.
            document_class: of the LaTeX: article or exam.
        Raises:
            ProblemError: no such text format, an option that is none of it, or a wrong template of the user's.
            UnsupportedError: the page has more formulas than the host of the dialect shows.
        """
        options = Options(dialect, fragment, document_class)
        check_options(format, options)
        if format == "pdf":
            raise ProblemError("format", [Fault("pdf", 'is not text. Use save("page.pdf") or pdf()')])
        if format == "json":
            return json.dumps(self._as_json(), indent=1) + "\n"
        chosen = find_format(format, options)
        document = self.document if chosen.pictures else self.bare
        try:
            return render(document, chosen, self.notation, self.templates, self.language, self.placed)
        except CalcError:
            raise
        except Exception as error:
            if self.templates is None:
                raise
            raise ProblemError("templates", [_template_fault(error, self.templates)]) from error

    def pdf(self, paper: str = "a4", standard: str | None = None, engine: str = "typst") -> bytes:
        """The page as a PDF, the same bytes at every run.

        Args:
            paper: "a4" or "us-letter".
            standard: "ua-1", "a-2a" or "none"; by default ua-1 of Typst, none of LaTeX.
            engine: "typst" or "latex".
        Raises:
            ProblemError: something else is asked for, or LaTeX is not installed.
            CalcError: a template of the user's cannot be typeset.
        """
        from calc.pdf import Print, typeset, typeset_latex  # the compiler is loaded where a PDF is asked for

        printing = Print(paper, standard, engine)
        if engine == "latex":
            return typeset_latex(self.render("latex"), printing)
        return typeset(self.render("typst"), printing)

    def save(
        self,
        path: str | Path,
        format: str | None = None,
        *,
        dialect: str | None = None,
        fragment: bool = False,
        document_class: str | None = None,
        paper: str | None = None,
        standard: str | None = None,
        engine: str | None = None,
    ) -> None:
        """Write a file, whole or not at all; its suffix decides the format. Options are those of ``render`` or ``pdf``.

        Raises:
            ProblemError: no such format, an option that is none of it, or the file cannot be written.
        """
        name = format or format_of(path)
        printing = printing_of(name, paper, standard, engine)
        if name == "pdf":
            check_options(name, Options(dialect, fragment, document_class))
            write_whole(path, self.pdf(**printing))
        else:
            page = self.render(name, dialect=dialect, fragment=fragment, document_class=document_class)
            write_whole(path, page.encode())

    def _repr_markdown_(self) -> str:
        return self.render("markdown", dialect="jupyter")

    def _repr_latex_(self) -> str:
        return self.render("latex")


class Solution(Page):
    """A worked and verified problem.

    ``solution["dE/dw2_1_1"]`` is a Result of the first update, ``solution.iterations[-1]["w2_1_1'"]`` one of the last;
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
        self._worked = tuple(iterations)
        self.iterations = tuple(Values(iteration) for iteration in iterations)
        self.trace = iterations[0].trace
        self.notation = notation_of(problem)

    @cached_property
    def _explained(self) -> Explained:
        return self._explain()

    @cached_property
    def document(self) -> Document:
        from calc.figures import illustrated  # only where a format shows pictures

        return illustrated(self.bare, self.problem, self._worked)

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

        figure = figure_of(name, self.problem, self._worked)
        return Illustration(figure, self.notation, wording(self.templates, self.language), self.problem.title)

    @property
    def placed(self) -> Sequence[Mapping[str, int]]:
        return self._explained[1]

    def __getitem__(self, id: str) -> Result:
        return self.iterations[0][id]

    def __iter__(self) -> Iterator[str]:
        return iter(self.iterations[0])

    def _as_json(self) -> dict[str, Any]:
        notation = notation_of(self.problem, marked=True)
        notation.decimal = "."  # other programs read one sign
        latex, text = (format().formulas(notation) for format in (find_format("tex"), find_format("txt")))
        _, placed, after = self._explained
        entries = []
        for values, on_page in zip(self.iterations, placed, strict=True):
            trace, numbers, steps = values.trace, dict(on_page), []
            for id, step in trace.steps.items():
                if id not in numbers:  # steps that stand in a table are numbered on
                    numbers[id] = after = after + 1
                steps.append(self._step_as_json(trace, step, numbers[id], latex.write, text.write))
            entries.append({"index": values.index, "values": self._values_as_json(trace, latex.write), "steps": steps})
        return {
            "format": "calc-solution",
            "version": 1,
            "title": self.problem.title,
            "problem": self.problem.model_dump(mode="json", exclude_none=True),
            "iterations": entries,
        }

    def _values_as_json(self, trace: Trace, latex: Any) -> dict[str, Any]:
        known = {quantity.id: quantity for step in trace.steps.values() for quantity in (step.result, *step.uses)}
        for w in (name for layer in trace.graph.parameters for name in layer):  # constants stand in no step
            known |= {name.id: name for name in (w, change_of(w), w.after_update())}
        if isinstance(self.problem, Network):  # a loss of the author's may not ask for a target
            outputs = range(1, self.problem.widths[-1] + 1)
            unused = [Name("t", None, (j,), s) for s in trace.graph.samples for j in outputs]
        else:  # nor a graph for a value
            unused = [Name(id) for id in trace.graph.given]
        known |= {name.id: name for name in unused}
        return {
            id: {
                "value": trace.text(id),
                "shown": str(trace.show(id)),
                "exact": trace.exact(id),
                "latex": latex(known[id]),
            }
            for id in trace.values
        }

    def _step_as_json(self, trace: Trace, step: Step, number: int, latex: Any, text: Any) -> dict[str, Any]:
        line, _ = step_line(trace, step)
        formula = line.sides[0][1]
        substituted = line.sides[1][1] if len(line.sides) > 2 else line.sides[-1][1]

        def both(expr: Expr) -> dict[str, str]:
            return {"latex": latex(expr), "text": text(expr)}

        return {
            "number": number,
            "result": step.result.id,
            "kind": step.kind,
            "formula": both(formula),
            "substituted": both(substituted),
            "uses": [quantity.id for quantity in step.uses],
            "value": trace.text(step.result.id),
            "shown": str(trace.show(step.result.id)),
        }


def _template_fault(error: Exception, folder: Path) -> Fault:
    """What Python says of a user's template, e.g. md/document.md, line 3: division by zero."""
    import traceback  # only where something is wrong

    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(folder)]
    where = f"{ours[-1].filename}, line {ours[-1].lineno}" if ours else str(folder)
    return Fault(where, f"{type(error).__name__}: {error}. Mend the template or the wording")


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

        return explain_circuit(iterations)
    if len(iterations) > 1 or problem.rule != "gradient":
        from calc.explain_training import explain_training

        document, placed, count = explain_training(problem, iterations)
    else:
        document, numbers, count = explain(problem, first.trace, first.exact)
        placed = [numbers]
    if problem.solution.derivations and problem.solution.detail != "full":  # there they stand before their use
        from calc.explain_derivations import appendix

        document = Document(document.title, (*document.sections, *appendix(problem, first.trace.graph)))
    return document, placed, count


FORMAT_NAMES = (*(name for format in FORMATS for name in (format.name, *format.aliases)), "json", "pdf")


def find_format(name: str, options: Options = Format.options) -> type[Format]:
    """The text format of a name, md or markdown alike, as the options ask for it.

    Raises:
        ProblemError: there is none.
    """
    for format in FORMATS:
        if name in (format.name, *format.aliases):
            asked = options._replace(document_class=None) if options.document_class == "article" else options
            return next((v for v in VARIANTS if v.name == format.name and v.options == asked), format)
    fault = Fault("format", f'"{name[:40]}" is not known. Known: {", ".join(FORMAT_NAMES)}')
    raise ProblemError("output", [fault])


def printing_of(format: str, paper: str | None, standard: str | None, engine: str | None) -> dict[str, str]:
    """The options of a PDF that were given.

    Raises:
        ProblemError: the format is not PDF, or it cannot be printed so.
    """
    given = {"paper": paper, "standard": standard, "engine": engine}
    printing = {option: value for option, value in given.items() if value is not None}
    if format == "pdf":
        from calc.pdf import Print

        Print(**printing)
    elif printing:
        what = f"found with the format {short(format, 40)}, of a PDF only. Drop it, or ask for a PDF"
        raise ProblemError("output", [Fault(option, what) for option in printing])
    return printing


def check_options(name: str, options: Options) -> None:
    """Every option must be known and one of the format's.

    Raises:
        ProblemError: lists those that are not.
    """
    own = name if name in ("json", "pdf") else find_format(name).name
    classes = ["article", *dict.fromkeys(v.options.document_class for v in VARIANTS if v.options.document_class)]
    dialects = [v.options.dialect for v in VARIANTS if v.options.dialect]
    faults: list[Fault] = []
    for where, asked, known, format in (
        ("dialect", options.dialect, dialects, "md"),
        ("fragment", options.fragment or None, [True], "tex"),
        ("class", options.document_class, classes, "tex"),
    ):
        if asked is not None and asked not in known:
            faults.append(Fault(where, unknown(str(asked), map(str, known), map(str, known))))
        elif asked is not None and own != format:
            faults.append(
                Fault(where, f"found with the format {own}, but only {format} has it. Ask for {format}, or drop it")
            )
    if faults:
        raise ProblemError("output", faults)


def format_of(path: str | Path) -> str:
    """The format that a file's suffix stands for.

    Raises:
        ProblemError: none.
    """
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix in ("json", "pdf"):
        return suffix
    if suffix not in FORMAT_NAMES:
        known = ", ".join(f".{name}" for name in (*(format.name for format in FORMATS), "json", "pdf"))
        raise ProblemError(str(path), [Fault("", f'"{suffix}" is no format. Use one of {known}, or name it with --to')])
    return find_format(suffix).name


def write_whole(path: str | Path, content: bytes) -> None:
    """Write beside the file and rename, so that it appears whole or not at all.

    Raises:
        ProblemError: it cannot be written.
    """
    import tempfile  # brings half of the standard library's archive formats along

    try:
        target = Path(os.path.realpath(path))  # a link stays a link
        if target.is_dir():
            raise IsADirectoryError(21, "a directory")
        if target.exists() and not target.is_file():  # a device or a pipe
            target.write_bytes(content)
            return
        handle, beside = tempfile.mkstemp(dir=target.parent, prefix=".calc-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(beside, 0o666 & ~_umask())
            os.replace(beside, target)
        except BaseException:
            os.unlink(beside)
            raise
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ProblemError(
            str(path), [Fault("", f"cannot be written ({why}). Check the folder and its permissions")]
        ) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
