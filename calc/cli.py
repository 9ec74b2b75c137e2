"""The command line. Results go to standard output, messages to the other.

Exit status: 0 done, 1 the answers contain mistakes (check), 2 the input is wrong, 3 our own verification failed.
"""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

from calc import __version__
from calc.errors import CalcError, Fault, ProblemError, VerificationError

if TYPE_CHECKING:
    from calc.page import Page

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


_TEMPLATES = click.option(
    "--templates", metavar="DIR", type=click.Path(path_type=Path), help="A folder searched before calc's own."
)
_WRITTEN = (
    click.option("-o", "--output", metavar="OUT", help="Write a file; its suffix decides the format."),
    click.option("--to", metavar="FORMAT", help="md, tex, typ, pdf, html, json or txt; see: calc formats."),
    click.option("--dialect", metavar="HOST", help="Markdown for github, gitlab, pandoc, jupyter or plain."),
    click.option("--fragment", is_flag=True, help="LaTeX without a preamble, for \\input; it needs only amsmath."),
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
@click.option("--language", metavar="L", help="What the sentences are written in: en, de, fr or es.")
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
        write = _writer(target)  # before the work, so that a slip is told at once
        if decimals is not None and significant is not None:
            raise ProblemError("command line", [Fault("--decimals, --significant", "both found, one needed. Drop one")])
        overrides = {key: value for key, value in settings.items() if value is not None}
        write(work(load(problem, overrides), templates))


@app.command()
@click.argument("problem", metavar="PROBLEM")
@click.argument("answers", metavar="ANSWERS")
@click.option("--marks", is_flag=True, help="Award the marks of a marking scheme: method, accuracy, follow-through.")
@click.option("--language", metavar="L", help="What the sentences are written in: en, de, fr or es.")
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
        write = _writer(target)  # before the work, so that a slip is told at once
        overrides = {("solution", "language"): language} if language is not None else {}
        report = work(load(problem, overrides), answers, marks, templates)
        if on_terminal:
            from calc.terminal import show

            show(report)
        else:
            write(report)
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
        write = _writer(target)
        write(work(formula, wrt, templates, language))


@app.command()
@click.argument("problem", metavar="PROBLEM")
@_written
def conventions(problem: str, templates: Path | None, target: Target) -> None:
    """The settings under which the final answers of PROBLEM differ, with the answers: the defensible keys."""
    from calc.explain_conventions import conventions as work
    from calc.file import load

    with _reporting("standard input" if problem == "-" else problem):
        write = _writer(target)
        write(work(load(problem), templates))


def _writer(target: Target) -> "Callable[[Page], None]":
    """Writes a page into a file, or to standard output, in the format asked for; by the file's suffix, else Markdown.

    Raises:
        ProblemError: no such format, or an option that is none of it.
    """
    from calc.page import check_options, find_format, format_of, write_whole
    from calc.render import Options

    options = Options(target.dialect, target.fragment, target.document_class)
    format = target.to or (format_of(target.output) if target.output else "md")
    if format not in ("pdf", "json"):
        format = find_format(format).name
    check_options(format, options)
    if format == "pdf" and not target.output and sys.stdout and sys.stdout.isatty():
        raise ProblemError("command line", [Fault("--to pdf", "a PDF is not written to a terminal. Add -o FILE.pdf")])
    printing = _printing(format, target)

    def write(page: "Page") -> None:
        content = page.pdf(**printing) if format == "pdf" else page.render(format, **options._asdict()).encode()
        if target.output:
            write_whole(target.output, content)
        else:
            _emit(content)

    return write


def _printing(format: str, target: Target) -> dict[str, str]:
    """The options of a PDF that were given, told by their names on the command line where they do not fit."""
    from calc.page import printing_of

    try:
        return printing_of(format, target.paper, target.standard, target.engine)
    except ProblemError as error:
        faults = [Fault(f"--{fault.where}", fault.what) for fault in error.faults]
        raise ProblemError("command line", faults) from None


@app.command()
@click.argument("problem", metavar="PROBLEM")
@click.argument("name", metavar="network|graph|loss|surface")
@click.option("-o", "--output", metavar="FILE", required=True, help="The file: .svg, .pdf, .png or .tex (TikZ).")
@click.option("--notation", metavar="PROFILE", help="The course's spelling: standard, net-out, from-to, vw, ih-ho …")
@_TEMPLATES
def figure(problem: str, name: str, output: str, notation: str | None, templates: Path | None) -> None:
    """Draw PROBLEM: its network, its computational graph, its loss over the updates, its error surface."""
    from calc.figures import known
    from calc.file import load
    from calc.illustration import suffix_of
    from calc.solution import solve as work

    with _reporting("standard input" if problem == "-" else problem):
        known(name)  # before the work, so that a slip is told at once
        suffix_of(output)
        overrides = {("notation", "profile"): notation} if notation is not None else {}
        work(load(problem, overrides), templates).figure(name).save(output)


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
