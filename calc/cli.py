"""The command line. Results go to standard output, messages to the other.

Exit status: 0 done, 1 the answers contain mistakes (check), 2 the input is wrong, 3 our own verification failed.
"""

import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

from calc import __version__
from calc.errors import CalcError, Fault, ProblemError, VerificationError

if TYPE_CHECKING:
    from calc.page import Page
    from calc.render import Options

Command = Callable[..., None]


def main() -> NoReturn:
    """Run the command line; wrong input is a message and a status, never a traceback."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for them reads every installed package
    gc.disable()  # one short-lived command: nothing is left over that is worth a search
    app(prog_name="calc")
    raise SystemExit(0)


@contextmanager
def _reporting(source: str = "") -> Iterator[None]:
    """Errors as messages and exit statuses; those of a problem under the name of its file."""
    try:
        yield
    except VerificationError as error:
        print(error, file=sys.stderr)
        raise SystemExit(3) from None
    except ProblemError as error:
        named = ProblemError(source, error.faults) if source and error.source == "problem" else error
        print(_printable(str(named)), file=sys.stderr)
        raise SystemExit(2) from None
    except CalcError as error:
        print(_printable(str(error)), file=sys.stderr)
        raise SystemExit(2) from None


def _emit(content: bytes) -> None:
    """Write to standard output; a reader that has seen enough, e.g. head, is no fault."""
    if sys.stdout is None:
        raise ProblemError("standard output", [Fault("", "closed. Name a file with -o")])
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered goes nowhere
        if not isinstance(error, BrokenPipeError):
            raise ProblemError("standard output", [Fault("", f"cannot be written ({error.strerror})")]) from None


def _printable(message: str) -> str:
    """A message that quotes a file may not steer the terminal."""
    from calc.render.format import visible

    # word by word, so that what stands below another line stays there
    return "\n".join(" ".join(visible(word) for word in line.split(" ")) for line in message.split("\n"))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="calc %(version)s", help="Print the version and exit.")
def app() -> None:
    """Step-by-step worked examples of back-propagation, every printed digit proven."""


class Target(NamedTuple):
    """Where a page is written, in which format, and what that format was asked for."""

    output: str | None
    to: str | None
    dialect: str | None
    fragment: bool
    document_class: str | None
    paper: str | None
    standard: str | None
    engine: str | None

    @property
    def format(self) -> str:
        """As asked for, else by the file's suffix, else Markdown."""
        from calc.page import format_of

        return self.to or (format_of(self.output) if self.output else "md")

    @property
    def options(self) -> "Options":
        """Those of a text format."""
        from calc.render import Options

        return Options(self.dialect, self.fragment, self.document_class)

    @property
    def printing(self) -> dict[str, str]:
        """Those of a PDF that were given."""
        from calc.page import given

        return given(paper=self.paper, standard=self.standard, engine=self.engine)


_LANGUAGE = click.option("--language", metavar="L", help="What the sentences are written in: en, de, fr or es.")
_TEMPLATES = click.option(
    "--templates", metavar="DIR", type=click.Path(path_type=Path), help="A folder searched before calc's own."
)
_WRITTEN = (
    click.option("-o", "--output", metavar="OUT", help="Write a file; its suffix decides the format."),
    click.option("--to", metavar="FORMAT", help="md, tex, typ, pdf, html, json or txt; see: calc formats."),
    click.option("--dialect", metavar="HOST", help="Markdown for github, gitlab, pandoc, jupyter or plain."),
    click.option("--fragment", is_flag=True, help="LaTeX for \\input: no preamble, only amsmath, no pictures."),
    click.option("--class", "document_class", metavar="article|exam", help="LaTeX for the article or the exam class."),
    _TEMPLATES,
    click.option("--paper", metavar="a4|us-letter", help="The paper of a PDF."),
    click.option(
        "--standard",
        metavar="ua-1|a-2a|none",
        help="PDF/UA-1 for screen readers (the default), PDF/A-2a for archives, or none.",
    ),
    click.option(
        "--engine",
        metavar="typst|latex",
        help="What typesets a PDF: the built-in Typst, or LaTeX where it is installed.",
    ),
)


def _written(command: Command) -> Command:
    """The options of every command that writes a page, given to it as one ``target``."""

    @wraps(command)
    def gathered(**options: Any) -> None:
        target = Target(**{field: options.pop(field) for field in Target._fields})
        command(target=target, **options)

    for option in reversed(_WRITTEN):
        gathered = option(gathered)
    return gathered


@app.command()
@click.argument("problem", metavar="PROBLEM")
@click.option("--method", metavar="M", help="How the backward pass is written: chain, delta or matrix.")
@click.option("--decimals", type=int, metavar="N", help="Decimals of results, 0 to 30.")
@click.option("--significant", type=int, metavar="N", help="Significant digits of results, 1 to 30.")
@click.option("--carry", metavar="full|rounded", help="Carry full precision or the rounded results.")
@click.option("--notation", metavar="PROFILE", help="The course's spelling: standard, net-out, from-to, vw, ih-ho …")
@click.option("--show", metavar="all|auto|w5,w1", help="What is worked in full: all, auto, or these parameters.")
@click.option("--detail", metavar="D", help="exam: a model answer; full: every derivative derived; brief: results.")
@_LANGUAGE
@click.option("--marks", is_flag=True, help="A marking scheme beside the steps: method, accuracy, follow-through.")
@_written
def solve(
    problem: str,
    method: str | None,
    decimals: int | None,
    significant: int | None,
    carry: str | None,
    notation: str | None,
    show: str | None,
    detail: str | None,
    language: str | None,
    marks: bool,
    templates: Path | None,
    target: Target,
) -> None:
    """Work PROBLEM, a TOML or JSON file (- reads standard input): forward pass, backward pass, update, check."""
    from calc.file import load
    from calc.solution import solve as work

    settings = {
        ("solution", "method"): method,
        ("rounding", "decimals"): decimals,
        ("rounding", "significant"): significant,
        ("rounding", "carry"): carry,
        ("notation", "profile"): notation,
        ("solution", "show"): show,
        ("solution", "detail"): detail,
        ("solution", "language"): language,
        ("solution", "marks"): marks or None,
    }
    with _reporting("standard input" if problem == "-" else problem):
        faults = _faults_of(target)
        if decimals is not None and significant is not None:
            faults.append(Fault("--decimals, --significant", "both found, one needed. Drop one"))
        with _together(faults):  # before the work, so that a slip is told at once
            loaded = load(problem, {key: value for key, value in settings.items() if value is not None})
        _write(work(loaded, templates), target)


@app.command()
@click.argument("problem", metavar="PROBLEM")
@click.argument("answers", metavar="ANSWERS")
@click.option("--marks", is_flag=True, help="Award the marks of a marking scheme: method, accuracy, follow-through.")
@_LANGUAGE
@_written
def check(
    problem: str, answers: str, marks: bool, language: str | None, templates: Path | None, target: Target
) -> None:
    """Judge the numbers of ANSWERS (.toml, .csv, .md or .json): the first wrong line, and what follows from it.

    Exit status 1 where an answer is wrong or follows from a wrong one. On a terminal the page is a coloured table.
    """
    from calc.file import load
    from calc.report import check as work

    with _reporting("standard input" if problem == "-" else problem):
        on_terminal = not (target.output or target.to or target.dialect) and sys.stdout and sys.stdout.isatty()
        with _together(_faults_of(target)):  # before the work, so that a slip is told at once
            loaded = load(problem, {("solution", "language"): language} if language is not None else {})
            report = work(loaded, answers, marks, templates)
        if on_terminal:
            from calc.terminal import show

            show(report)
        else:
            _write(report, target)
        if not report.fine:
            raise SystemExit(1)


class TakingFormula(click.Command):
    """A command whose argument may begin with a minus: -log(a) is a formula, no row of options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options = [one for one in self.get_params(ctx) if isinstance(one, click.Option)]
        known = {name for one in options for name in one.opts}
        taking = {name for one in options if not one.is_flag for name in one.opts}
        attached = tuple(name for name in taking if not name.startswith("--"))  # as in -osigmoid.pdf
        if "--" not in args:
            for i, arg in enumerate(args):
                of_option = i > 0 and args[i - 1] in taking
                is_option = arg in known or arg.startswith(attached) or (arg[:2] == "--" and arg[2:3].isalpha())
                if arg[:1] == "-" and not of_option and not is_option:
                    args = [*args[:i], *args[i + 1 :], "--", arg]
                    break
        return super().parse_args(ctx, args)


@app.command(cls=TakingFormula)
@click.argument("formula", metavar="FORMULA")
@click.option("--wrt", metavar="NAME", help="The name to differentiate by; else the only one, z, a or x.")
@click.option("--language", metavar="L", default="en", help="What the rules are named in: en, de, fr or es.")
@_written
def derive(formula: str, wrt: str | None, language: str, templates: Path | None, target: Target) -> None:
    """Work the derivative of FORMULA line by line, each line with its rule.

    FORMULA is infix, e.g. "1/(1+exp(-z))"; or the name of an activation or a loss, e.g. sigmoid, softmax,
    binary_cross_entropy; or one of each, e.g. "sigmoid + binary_cross_entropy": the loss by the activation's z.
    """
    from calc.derived import derive as work

    with _reporting():
        with _together(_faults_of(target)):
            derivation = work(formula, wrt, templates, language)
        _write(derivation, target)


@app.command()
@click.argument("problem", metavar="PROBLEM")
@_written
def conventions(problem: str, templates: Path | None, target: Target) -> None:
    """The settings under which the final answers of PROBLEM differ, with the answers: the defensible keys."""
    from calc.explain_conventions import conventions as work
    from calc.file import load

    with _reporting("standard input" if problem == "-" else problem):
        with _together(_faults_of(target)):
            page = work(load(problem), templates)
        _write(page, target)


@contextmanager
def _together(faults: Sequence[Fault]) -> Iterator[None]:
    """What is wrong with the command line is told with what is wrong in the problem, if anything is."""
    try:
        yield
    except ProblemError as error:
        raise ProblemError(error.source, [*faults, *error.faults]) from None
    if faults:
        raise ProblemError("command line", faults)


def _faults_by(check: Callable[[str], object], value: str) -> list[Fault]:
    """What a check finds wrong with a value."""
    try:
        check(value)
    except ProblemError as error:
        return [Fault(fault.where or error.source, fault.what) for fault in error.faults]
    return []


def _faults_of(target: Target) -> list[Fault]:
    """All that is wrong with where and how a page is to be written, by the names of the options."""
    from calc.page import faults_of, format_of

    faults = _faults_by(format_of, target.output) if target.output and not target.to else []
    format = None if faults else target.format
    found = faults_of(format, target.options, target.printing)
    faults += [Fault("--to" if one.where == "format" else f"--{one.where}", one.what) for one in found]
    if format == "pdf" and not target.output and sys.stdout and sys.stdout.isatty():
        faults.append(Fault("--to pdf", "a PDF is not written to a terminal. Add -o FILE.pdf"))
    return faults


def _write(page: "Page", target: Target) -> None:
    """Write a page into a file, or to standard output."""
    from calc.page import write_whole

    if target.format == "pdf":
        content = page.pdf(**target.printing)
    else:
        content = page.render(target.format, **target.options._asdict()).encode()
    if target.output:
        write_whole(target.output, content)
    else:
        _emit(content)


@app.command()
@click.argument("problem", metavar="PROBLEM")
@click.argument("name", metavar="network|graph|loss|surface")
@click.option("-o", "--output", metavar="FILE", required=True, help="The file: .svg, .pdf, .png or .tex (TikZ).")
@click.option("--notation", metavar="PROFILE", help="The course's spelling: standard, net-out, from-to, vw, ih-ho …")
@_LANGUAGE
@_TEMPLATES
def figure(
    problem: str, name: str, output: str, notation: str | None, language: str | None, templates: Path | None
) -> None:
    """Draw PROBLEM: its network, its computational graph, its loss over the updates, its error surface."""
    from calc.figures import known
    from calc.file import load
    from calc.illustration import suffix_of
    from calc.solution import solve as work

    settings = {("notation", "profile"): notation, ("solution", "language"): language}
    with _reporting("standard input" if problem == "-" else problem):
        with _together([*_faults_by(known, name), *_faults_by(suffix_of, output)]):  # before the work
            loaded = load(problem, {key: value for key, value in settings.items() if value is not None})
        work(loaded, templates).figure(name).save(output)


@app.command()
@click.argument("problem", metavar="PROBLEM")
@_written
def blank(problem: str, templates: Path | None, target: Target) -> None:
    """The quantities of PROBLEM to fill in: an answer file, or a worksheet to print.

    --to md (the default), csv, toml or json gives an answer file; pdf, html, tex, typ or txt a worksheet.
    """
    from calc.blank import FORMS
    from calc.blank import blank as form_of
    from calc.file import load
    from calc.page import FORMAT_NAMES, write_whole

    with _reporting("standard input" if problem == "-" else problem):
        format = target.to or (Path(target.output).suffix.lower().removeprefix(".") if target.output else "md")
        format = "md" if format == "markdown" else format
        if format not in FORMS:
            if format not in FORMAT_NAMES:
                known = ", ".join(dict.fromkeys((*FORMS, *FORMAT_NAMES)))
                raise ProblemError("output", [Fault("format", f'"{format[:40]}" is not known. Known: {known}')])
            with _together(_faults_of(target)):  # before the work, so that a slip is told at once
                loaded = load(problem)
            _write(form_of(loaded, templates).worksheet, target)
            return
        given = [option for option, value in target._asdict().items() if value and option not in ("output", "to")]
        what = f"found with the format {format}, an answer file. Drop it, or ask for a worksheet"
        with _together([Fault(f"--{option.removeprefix('document_')}", what) for option in given]):
            loaded = load(problem)
        content = form_of(loaded, templates).text(format).encode()
        if target.output:
            write_whole(target.output, content)
        else:
            _emit(content)


@app.command()
@click.argument("name", metavar="[NAME]", required=False)
@click.option("-o", "--output", metavar="FILE", help="Write it to a file.")
def new(name: str | None, output: str | None) -> None:
    """A commented starter problem; without NAME they are listed."""
    from calc.page import write_whole
    from calc.render.format import TEMPLATES

    starters = {path.stem: path for path in sorted((TEMPLATES / "starters").glob("*.toml"))}
    with _reporting():
        if name is None:
            firsts = {stem: path.read_text("utf-8").splitlines()[0] for stem, path in starters.items()}
            _emit("".join(f"{stem:14} {first.removeprefix('# ')}\n" for stem, first in firsts.items()).encode())
            return
        if name not in starters:
            fault = Fault("", f'"{" ".join(name.split())[:40]}" is no starter. Known: {", ".join(starters)}')
            raise ProblemError("new", [fault])
        content = starters[name].read_bytes()
        if not output:
            _emit(content)
        elif os.path.lexists(output):
            raise ProblemError(output, [Fault("", "exists already. Name another file")])
        else:
            write_whole(output, content)


@app.command("schema")
def print_schema() -> None:
    """The JSON Schema of the problem file."""
    import json

    from calc.file import schema

    with _reporting():
        _emit((json.dumps(schema(), indent=1) + "\n").encode())


@app.command()
def formats() -> None:
    """What --to takes."""
    from calc.render import FORMATS

    rows = [(format.name, ", ".join((*format.aliases, format.suffix)), format.__doc__ or "") for format in FORMATS]
    rows.append(("json", ".json", "Every value and step for other programs."))
    rows.append(("pdf", ".pdf", "A page for print, typeset without TeX."))
    with _reporting():
        _emit("".join(f"{name:5} {names:18} {what.splitlines()[0]}\n" for name, names, what in rows).encode())
