"""A picture of a solution on its own: SVG, TikZ, PDF, PNG."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from calc.document import Figure
from calc.errors import Fault, ProblemError
from calc.notation import Notation
from calc.render import draw

SUFFIXES = ("svg", "pdf", "png", "tex")
PPI = 200.0  # of a PNG


class Illustration:
    """A picture that shows itself in a notebook; ``save("network.svg")`` writes it, the suffix decides the format."""

    def __init__(self, figure: Figure, notation: Notation, said: Mapping[str, str], title: str) -> None:
        self.figure, self.notation, self.said, self.title = figure, notation, said, title

    @cached_property
    def svg(self) -> str:
        """As SVG, with what it shows as its title and description."""
        return draw(self.figure, "svg", self.notation, self.said, self.title, whole=True).source

    @property
    def alternative(self) -> str:
        """What it shows, as plain text."""
        return draw(self.figure, "svg", self.notation, self.said).alternative

    @property
    def tikz(self) -> str:
        """As a tikzpicture, to be put into a document of one's own."""
        needs = "% needs \\usepackage{amsmath,amssymb,tikz} and \\usetikzlibrary{shapes.misc}\n"
        return needs + draw(self.figure, "tikz", self.notation, self.said).source

    def typeset(self, format: str = "pdf") -> bytes:
        """As a PDF or a PNG, the same bytes at every run."""
        from calc.pdf import typeset
        from calc.render.typst import Typst

        drawing = draw(self.figure, "svg", self.notation, self.said, self.title, whole=True)
        typst = Typst()
        page = "#set page(width: auto, height: auto, margin: 4pt)"
        name = self.title if self.title.strip() else self.said[f"figure.title_{self.figure.name}"]
        title = f"#set document(title: [{typst.text(name)}], date: none)"
        return typeset(f"{title}\n{page}\n{typst.figure(drawing)}", format=format, ppi=PPI)

    def save(self, path: str | Path) -> None:
        """Write a file, whole or not at all.

        Raises:
            ProblemError: its suffix is no format, or it cannot be written.
        """
        from calc.page import write_whole

        suffix = suffix_of(path)
        content = self.typeset(suffix) if suffix in ("pdf", "png") else self.svg if suffix == "svg" else self.tikz
        write_whole(path, content if isinstance(content, bytes) else content.encode())

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_pdf_(self) -> bytes:
        return self.typeset()  # for a notebook that becomes LaTeX, which takes no SVG

    def __repr__(self) -> str:
        return f"<Illustration: {self.alternative}>"


def suffix_of(path: str | Path) -> str:
    """One of SUFFIXES.

    Raises:
        ProblemError: none of them.
    """
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in SUFFIXES:
        known = ", ".join(f".{name}" for name in SUFFIXES)
        raise ProblemError(str(path), [Fault("", f'"{suffix}" is no format of a picture. Use one of {known}')])
    return suffix
