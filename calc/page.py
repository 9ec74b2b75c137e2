"""A page as text in any format, as a PDF, as a file, in a notebook."""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from calc.document import Document
from calc.errors import CalcError, Fault, ProblemError
from calc.fields import unknown
from calc.notation import Notation
from calc.render import FORMATS, VARIANTS, Format, Options, render


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
        check_options(format, options, {})
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
        options = Options(dialect, fragment, document_class)
        printing = given(paper=paper, standard=standard, engine=engine)
        check_options(name, options, printing)
        page = self.pdf(**printing) if name == "pdf" else self.render(name, **options._asdict()).encode()
        write_whole(path, page)

    # No _repr_html_: notebooks would prefer it, GitHub would drop its style, and JupyterLab would apply that to itself.
    # No _repr_latex_: VS Code would prefer it and print a page of commands; it is a formula that is shown as LaTeX.

    def _repr_markdown_(self) -> str:
        return self.render("markdown", dialect="jupyter")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.bare.title!r}>"


def _template_fault(error: Exception, folder: Path) -> Fault:
    """What Python says of a user's template, e.g. md/document.md, line 3: division by zero."""
    import traceback  # only where something is wrong

    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(folder)]
    where = f"{ours[-1].filename}, line {ours[-1].lineno}" if ours else str(folder)
    return Fault(where, f"{type(error).__name__}: {error}. Mend the template or the wording")


# --- formats and files ----------------------------------------------------------------------------------------------

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
    raise ProblemError("output", [_no_format(name)])


def _no_format(name: str) -> Fault:
    return Fault("format", f'"{name[:40]}" is not known. Known: {", ".join(FORMAT_NAMES)}')


def given(**options: str | None) -> dict[str, str]:
    """Those of the options that were given."""
    return {option: value for option, value in options.items() if value is not None}


def check_options(name: str, options: Options, printing: Mapping[str, str]) -> None:
    """The format must be known, and every option known and one of the format's.

    Args:
        printing: those of a PDF that were given, by name: paper, standard, engine.
    Raises:
        ProblemError: lists those that are not.
    """
    if faults := faults_of(name, options, printing):
        raise ProblemError("output", faults)


def faults_of(name: str | None, options: Options, printing: Mapping[str, str]) -> list[Fault]:
    """What ``check_options`` finds wrong; None is a format that somebody else has told of already."""
    faults: list[Fault] = []
    if name not in (None, *FORMAT_NAMES):
        faults.append(_no_format(str(name)))
        name = None
    own = name if name in (None, "json", "pdf") else find_format(str(name)).name
    classes = ["article", *dict.fromkeys(v.options.document_class for v in VARIANTS if v.options.document_class)]
    dialects = [v.options.dialect for v in VARIANTS if v.options.dialect]
    for where, asked, known, format in (
        ("dialect", options.dialect, dialects, "md"),
        ("fragment", options.fragment or None, [True], "tex"),
        ("class", options.document_class, classes, "tex"),
    ):
        if asked is not None and asked not in known:
            faults.append(Fault(where, unknown(str(asked), map(str, known), map(str, known))))
        elif asked is not None and own not in (None, format):
            faults.append(
                Fault(where, f"found with the format {own}, but only {format} has it. Ask for {format}, or drop it")
            )
    if printing and own in (None, "pdf"):
        from calc.pdf import faults_of_print

        faults += faults_of_print(**printing)
    elif printing:
        what = f"found with the format {own}, of a PDF only. Drop it, or ask for a PDF"
        faults += [Fault(option, what) for option in printing]
    return faults


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
