"""The command line: solve, new, schema, formats. Text and files to standard output, messages to standard error.

Exit status: 0 done, 2 the input is wrong, 3 our own verification failed.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from calc.errors import CalcError, Fault, ProblemError, VerificationError

app = typer.Typer(
    name="calc",
    help="Step-by-step worked examples of back-propagation, every printed digit proven.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> NoReturn:
    """Run the command line; wrong input is a message and a status, never a traceback."""
    try:
        app()
    except BrokenPipeError:  # the reader, e.g. head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(0)


@contextmanager
def _reporting() -> Iterator[None]:
    try:
        yield
    except VerificationError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(3) from None
    except CalcError as error:
        print(_printable(str(error)), file=sys.stderr)
        raise typer.Exit(2) from None


def _printable(message: str) -> str:
    """A message that quotes a file may not steer the terminal."""
    from calc.render.format import visible

    return "\n".join(line[: len(line) - len(line.lstrip())] + visible(line) for line in message.split("\n"))


def _version(wanted: bool) -> None:
    if wanted:
        from calc import __version__

        print(f"calc {__version__}")
        raise typer.Exit


@app.callback()
def _calc(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@app.command()
def solve(
    problem: Annotated[
        str, typer.Argument(metavar="PROBLEM", help="A problem file, TOML or JSON; - reads standard input.")
    ],
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="OUT", help="Write a file; its suffix decides the format.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="md, tex, typ, pdf, json or txt; see: calc formats.")
    ] = None,
    method: Annotated[str | None, typer.Option(help="How the backward pass is written: chain.")] = None,
    decimals: Annotated[int | None, typer.Option(help="Decimals of results, 0 to 30.")] = None,
    significant: Annotated[int | None, typer.Option(help="Significant digits of results, 1 to 30.")] = None,
    carry: Annotated[str | None, typer.Option(help="Carry full precision or rounded numbers: full, rounded.")] = None,
    notation: Annotated[str | None, typer.Option(help="The course's spelling: standard, net-out, vw.")] = None,
    show: Annotated[
        str | None, typer.Option(help="What is worked in full: all, auto, or parameters such as w5,w1.")
    ] = None,
    templates: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder of templates searched before calc's own.")
    ] = None,
) -> None:
    """Work a problem: forward pass, backward pass, update, check."""
    from calc.file import load
    from calc.solution import find_format, format_of, write_whole
    from calc.solution import solve as work

    settings = {
        ("solution", "method"): method,
        ("rounding", "decimals"): decimals,
        ("rounding", "significant"): significant,
        ("rounding", "carry"): carry,
        ("notation", "profile"): notation,
        ("solution", "show"): show,
    }
    with _reporting():
        format = to or (format_of(output) if output else "md")
        if format not in ("pdf", "json"):
            format = find_format(format).name  # before the work, so that a slip is told at once
        if decimals is not None and significant is not None:
            raise ProblemError("command line", [Fault("--decimals, --significant", "both found, one needed. Drop one")])
        if format == "pdf" and not output and sys.stdout.isatty():
            raise ProblemError(
                "command line", [Fault("--to pdf", "a PDF is not written to a terminal. Add -o FILE.pdf")]
            )
        overrides = {key: value for key, value in settings.items() if value is not None}
        solution = work(load(problem, overrides), templates)
        content = solution.pdf() if format == "pdf" else solution.render(format).encode()
        if output:
            write_whole(output, content)
        else:
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()


@app.command()
def new(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Which starter; without it they are listed.")
    ] = None,
    output: Annotated[str | None, typer.Option("-o", "--output", metavar="FILE", help="Write it to a file.")] = None,
) -> None:
    """A commented starter problem."""
    from calc.render.format import TEMPLATES
    from calc.solution import write_whole

    starters = {path.stem: path for path in sorted((TEMPLATES / "starters").glob("*.toml"))}
    with _reporting():
        if name is None:
            for stem, path in starters.items():
                first = path.read_text("utf-8").splitlines()[0]
                print(f"{stem:14} {first.removeprefix('# ')}")
            return
        if name not in starters:
            fault = Fault("", f'"{name[:40]}" is no starter. Known: {", ".join(starters)}')
            raise ProblemError("new", [fault])
        text = starters[name].read_text("utf-8")
        if output:
            if Path(output).exists():
                raise ProblemError(output, [Fault("", "exists already. Name another file")])
            write_whole(output, text.encode())
        else:
            sys.stdout.write(text)


@app.command()
def schema() -> None:
    """The JSON Schema of the problem file."""
    import json

    from calc.problem import Problem

    print(json.dumps(Problem.model_json_schema() | _DRAFT, indent=1))


_DRAFT: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "calc problem"}


@app.command()
def formats() -> None:
    """What --to takes."""
    from calc.render import FORMATS

    for format in FORMATS:
        print(
            f"{format.name:5} {', '.join((*format.aliases, format.suffix)):18} {(format.__doc__ or '').splitlines()[0]}"
        )
    print(f"{'json':5} {'.json':18} Every value and step for other programs.")
    print(f"{'pdf':5} {'.pdf':18} A page for print, typeset without TeX.")
