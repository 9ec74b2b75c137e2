"""Document → text: the words of a language, the formulas of a format, placed by templates."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from calc.document import Derivation, Document
from calc.errors import Fault, ProblemError, UnsupportedError
from calc.notation import Notation
from calc.render.dialects import DIALECTS, Jupyter
from calc.render.fit import fit
from calc.render.format import TEMPLATES, Drawing, Format, Options
from calc.render.html import Html
from calc.render.latex import LATEX_VARIANTS, Latex
from calc.render.markdown import Markdown
from calc.render.text import Text
from calc.render.typst import Typst
from calc.render.view import View, draw

if TYPE_CHECKING:
    import jinja2

__all__ = ["FORMATS", "VARIANTS", "Drawing", "Format", "Options", "draw", "render", "show", "wording"]

FORMATS: tuple[type[Format], ...] = (Markdown, Latex, Typst, Html, Text)
VARIANTS: tuple[type[Format], ...] = (*DIALECTS, *LATEX_VARIANTS)  # chosen by the options of a format


def render(
    document: Document,
    format: type[Format],
    notation: Notation,
    templates: Path | None = None,
    language: str = "en",
    placed: Sequence[Mapping[str, int]] = (),
) -> str:
    """Write a document in one format.

    Args:
        placed: for each update the number of each quantity's line, by its id, for formats that link to it.
        templates: a folder searched before calc's own; its files may extend "default/md/document.md" and so on.
        language: of the wording, e.g. "de"; the decimal sign is the notation's.
    Raises:
        ProblemError: a template of that folder is wrong.
        UnsupportedError: the page is more than its host shows.
    """
    view = View(_format(format), notation, wording(templates, language), placed)
    view.keep_margin(document)
    if notation.matrices:
        document = fit(document, view.printer, format.page - view.margin)
    page = _fill(_environment(templates), format.template, view, document)
    excess = view.format.excess(page)
    if excess and format.crowded is not None:
        view.write_within(_format(format.crowded))
        page = _fill(_environment(templates), format.template, view, document)
        excess = view.format.excess(page)
    if excess:
        raise UnsupportedError(excess)
    return page


def show(
    what: Derivation, notation: Notation, templates: Path | None = None, language: str = "en"
) -> tuple[str, list[str]]:
    """A derivation by itself, as a notebook's formula and as lines of plain text.

    Raises:
        ProblemError: a template of that folder is wrong.
    """
    said = wording(templates, language)
    notebook, text = View(_format(Jupyter), notation, said, ()), View(_format(Text), notation, said, ())
    return _fill(_environment(templates), "md/step.md", notebook, what).rstrip(), text.lines(what)


@cache
def _format(format: type[Format]) -> Format:
    return format()


def _fill(environment: "jinja2.Environment", template: str, view: "View", document: Document | Derivation) -> str:
    from jinja2 import TemplateError

    try:
        return environment.get_template(template).render(document=document, view=view)
    except TemplateError as error:
        where = getattr(error, "name", None) or template
        line = getattr(error, "lineno", None)
        fault = Fault(f"{where}{f', line {line}' if line else ''}", f"{error.message}. Mend the template")
        raise ProblemError("templates", [fault]) from None


@cache
def _environment(templates: Path | None) -> "jinja2.Environment":
    import jinja2

    own = jinja2.FileSystemLoader(TEMPLATES)
    loaders: list[jinja2.BaseLoader] = [own, jinja2.PrefixLoader({"default": own})]
    if templates is not None:
        loaders.insert(0, jinja2.FileSystemLoader(templates))
    # formats have escapes of their own (``view.text``); what HTML is not told to be safe is escaped once more;
    # LaTeX and Typst need other marks than braces
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader(loaders),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(("html",)),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )


@cache
def wording(templates: Path | None, language: str = "en") -> Mapping[str, str]:
    """What is said, by key; a user's wording file replaces single sentences."""
    import tomllib

    if templates is not None and not templates.is_dir():
        raise ProblemError("templates", [Fault(str(templates), "no such folder. Name a folder of templates")])
    said: dict[str, str] = {}
    for folder in (TEMPLATES, templates):
        path = folder / "wording" / f"{language}.toml" if folder else None
        if path is None or (folder is not TEMPLATES and not path.is_file()):
            continue
        try:
            tables = tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ProblemError("templates", [Fault(str(path), f"{error}. Mend the wording file")]) from None
        said |= {f"{table}.{key}": text for table, texts in tables.items() for key, text in texts.items()}
    return said
