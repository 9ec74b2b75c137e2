"""A page → PDF or PNG bytes: by the compiler of the typst package, or by LaTeX where it is installed.

Neither reads a file but its source, uses the network, or runs another program; both print the same bytes at every run.
"""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from calc.errors import CalcError, Fault, ProblemError, short

PAPERS = ("a4", "us-letter")
STANDARDS: dict[str, Literal["ua-1", "a-2a"] | None] = {"ua-1": "ua-1", "a-2a": "a-2a", "none": None}
ENGINES = ("typst", "latex")
PATIENCE = 120  # seconds for LaTeX


@dataclass(frozen=True)
class Print:
    """How a page is printed.

    paper: "a4" or "us-letter"
    standard: "ua-1" (PDF/UA-1, for screen readers), "a-2a" (PDF/A-2a, to be archived) or "none"; by default ua-1, of
        LaTeX none
    engine: "typst", which comes with calc, or "latex", which has to be installed

    Raises:
        ProblemError: something else is asked for; LaTeX writes none of the standards or is not installed.
    """

    paper: str = "a4"
    standard: str | None = None
    engine: str = "typst"

    def __post_init__(self) -> None:
        if faults := faults_of_print(self.paper, self.standard, self.engine):
            raise ProblemError("PDF", faults)


def faults_of_print(paper: str = "a4", standard: str | None = None, engine: str = "typst") -> list[Fault]:
    """What is wrong with the options of a ``Print``."""
    options = (("paper", paper, PAPERS), ("standard", standard, STANDARDS), ("engine", engine, ENGINES))
    faults = [
        Fault(where, f'"{short(found, 40)}" is not known. Known: {", ".join(choices)}')
        for where, found, choices in options
        if found is not None and found not in choices
    ]
    if engine == "latex":
        if standard in ("ua-1", "a-2a"):
            what = f'"{standard}" found, which LaTeX cannot write: it tags no page. Drop it, or the engine'
            faults.append(Fault("standard", what))
        if not (shutil.which("latexmk") and shutil.which("pdflatex")):
            faults.append(Fault("engine", "latexmk or pdflatex is not installed. Install TeX Live, or use typst"))
    return faults


def typeset(source: str, printing: Print = Print(), format: str = "pdf", ppi: float = 144.0) -> bytes:
    """Compile Typst with the embedded fonts only; dated SOURCE_DATE_EPOCH or 1970, so the bytes never vary.

    Args:
        printing: the paper and the standard of a PDF.
        format: "pdf"; or "png" of a single page, with ``ppi`` dots per inch.
    """
    import typst

    date = _date()
    with tempfile.TemporaryDirectory(prefix="calc-") as empty:  # the root that the source may read: nothing
        compiler = typst.Compiler(
            source.encode(),
            root=empty,
            font_paths=[],
            ignore_system_fonts=True,
            package_path=empty,
            package_cache_path=empty,
            sys_inputs={"paper": printing.paper},
        )
        try:
            if format == "png":
                page = compiler.compile(format="png", ppi=ppi, timestamp=date)
            else:
                standard = STANDARDS[printing.standard or "ua-1"]
                page = compiler.compile(format="pdf", timestamp=date, pdf_standards=standard)
        except typst.TypstError as error:
            hint = ""
            if "missing alt text" in str(error):
                hint = ". Give the equations and pictures of your template an alt text, or ask for the standard none"
            raise CalcError(f"the page could not be typeset: {error}{hint}") from None
    assert isinstance(page, bytes)
    return page


def typeset_latex(source: str, printing: Print) -> bytes:
    """Compile LaTeX in an empty folder: no shell escape, no file beyond it and TeX's own, no settings of the user's."""
    paper = ""
    if printing.paper == "us-letter":
        if "{geometry}" not in source:
            what = "your LaTeX template sets no paper. Load the package geometry in it"
            raise ProblemError("PDF", [Fault("paper", what)])
        paper = r"\PassOptionsToPackage{letterpaper}{geometry}"
    source = r"\pdftrailerid{calc}" + paper + source  # else the folder's name would be part of the file
    with tempfile.TemporaryDirectory(prefix="calc-") as folder:
        Path(folder, "document.tex").write_text(source, "utf-8")
        environment = {
            **os.environ,
            "SOURCE_DATE_EPOCH": str(_date()),
            "FORCE_SOURCE_DATE": "1",
            "openin_any": "p",
            "openout_any": "p",
            "shell_escape": "f",
            "max_print_line": "1000",
        }
        command = ["latexmk", "-norc", "-pdf", "-latexoption=-no-shell-escape", "-interaction=nonstopmode"]
        try:
            done = subprocess.run(
                [*command, "-halt-on-error", "document.tex"],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise CalcError(f"the page could not be typeset: LaTeX was not done after {PATIENCE} seconds") from None
        if done.returncode:
            log = Path(folder, "document.log")
            said = log.read_text("utf-8", errors="replace") if log.is_file() else done.stderr.decode(errors="replace")
            first = re.search(r"^! .*", said, re.MULTILINE)
            raise CalcError(f"the page could not be typeset: {short(first[0] if first else said[-300:], 200)}")
        return Path(folder, "document.pdf").read_bytes()


def _date() -> int:
    """Seconds since 1970 that stand in a PDF."""
    date = os.environ.get("SOURCE_DATE_EPOCH", "") or "0"
    if not re.fullmatch("[0-9]{1,11}", date):
        fault = Fault("SOURCE_DATE_EPOCH", f'"{date[:40]}" found, seconds since 1970 needed. Correct or unset it')
        raise ProblemError("environment", [fault])
    return int(date)
