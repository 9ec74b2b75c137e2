"""Derivation: a derivative worked line by line as a page, as text in any format, as a file.

calc.derive("1/(1+exp(-z))").save("sigmoid.pdf"), calc.derive("sigmoid + binary_cross_entropy").lines
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, get_args

from calc import document as page
from calc.algebra import everywhere, nowhere_defined
from calc.derivation import Chain, Letters, Working, of_formula
from calc.derivation_ops import of_activation, of_both, of_loss, recognised
from calc.document import Block, Document, Prose, Section
from calc.errors import Fault, ProblemError, short
from calc.expr import Derivative, Expr, Name, Neg
from calc.formula import LONGEST, READ, FormulaError, parse
from calc.notation import Notation, Spelling
from calc.number import Shown
from calc.ops.activations import ACTIVATIONS, THRESHOLDS, Activation
from calc.ops.losses import LOSSES, Loss
from calc.page import Page
from calc.problem import NotationOptions, SolutionOptions
from calc.render import wording
from calc.render.latex import Latex, LatexPrinter
from calc.render.layout import widest
from calc.render.text import TextPrinter
from calc.symbol import LONGEST as LONGEST_PART

NOTES = 30.0  # the width that the names of the rules take on a page
LANGUAGES = get_args(SolutionOptions.model_fields["language"].annotation)
USUAL = ("z", "a", "x")  # what is differentiated by where nothing is said


@dataclass(frozen=True)
class DerivedLine:
    """One line: by which rule it follows from the one before, None for the first, and the formula."""

    rule: str | None
    latex: str
    text: str


class Derivation(Page):
    """A derivative worked line by line.

    ``lines`` has each with its rule; ``render("latex")`` the page as text; ``save("sigmoid.pdf")`` writes a file.
    """

    def __init__(
        self, title: str, workings: Sequence[Working], templates: Path | None = None, language: str = "en"
    ) -> None:
        self.title, self.workings, self.templates, self.language = title, tuple(workings), templates, language
        self.notation = Spelling(NotationOptions())

    @cached_property
    def document(self) -> Document:
        """The page, in no particular format."""
        return Document(self.title, tuple(sections(self.workings)))

    @cached_property
    def lines(self) -> tuple[DerivedLine, ...]:
        """All lines from the top to the bottom of the page."""
        return tuple(line for working in self.workings for chain in working.chains for line in self._lines(chain))

    def _lines(self, chain: Chain) -> Iterator[DerivedLine]:
        latex, text = LatexPrinter(self.notation), TextPrinter(self.notation)
        for side in chain.sides:
            rule = None if side.rule is None else spoken(side.rule, text, self.templates, self.language)
            yield DerivedLine(
                rule,
                f"{latex.write(chain.left)} = {latex.write(side.expr)}",
                f"{text.write(chain.left)} = {text.write(side.expr)}",
            )

    def _as_json(self) -> dict[str, Any]:
        lines = [{"rule": line.rule, "latex": line.latex, "text": line.text} for line in self.lines]
        return {"format": "calc-derivation", "version": 1, "title": self.title, "lines": lines}


def spoken(words: page.Words, printer: TextPrinter, templates: Path | None = None, language: str = "en") -> str:
    """The name of a rule as plain text."""
    said = wording(templates, language)[words.key]
    for place, argument in words.args.items():
        match argument:
            case page.Words():
                found = spoken(argument, printer, templates, language)
            case page.Line(left, sides):
                found = " ".join([printer.write(left), *(f"{sign} {printer.write(side)}" for sign, side in sides)])
            case int() | str() | page.Reference() | tuple():
                raise TypeError(f"{argument!r} stands in no name of a rule")
            case _:
                found = printer.write(argument)
        said = said.replace(f"{{{place}}}", found)
    return said


def sections(workings: Sequence[Working], level: int = 1) -> Iterator[Section]:
    """Each derivative under its heading: the function, the lines, what they come to."""
    for working in workings:
        blocks: list[Block] = [Prose(working.given)] if working.given else []
        for chain in working.chains:
            if chain.lead:
                blocks.append(Prose(chain.lead))
            sides = tuple(("=", side.expr) for side in chain.sides)
            line = page.Line(chain.left, sides, notes=tuple(side.rule for side in chain.sides))
            blocks.append(page.Derivation((line,)))
        blocks.append(Prose(working.after))
        yield Section(working.heading, tuple(blocks), level)


# --- what somebody asks for ------------------------------------------------------------------------------------------


def derive(
    formula: str, wrt: str | None = None, templates: str | Path | None = None, language: str = "en"
) -> Derivation:
    """Work a derivative line by line.

    Args:
        formula: infix, e.g. "1/(1+exp(-z))"; the name of an activation or a loss, e.g. "tanh"; or both, e.g.
            "sigmoid + binary_cross_entropy": the loss by the activation's z.
        wrt: the name to differentiate by; by default the only one, else z, else a, else x.
        language: of the names of the rules: en, de, fr or es.
    Raises:
        ProblemError: no formula, no such name in it, or no such language.
        UnsupportedError: an activation without a derivative.
    """
    if language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise ProblemError("--language", [Fault("", f'"{short(language)}" is not known. Known: {known}')])
    folder = Path(templates) if templates is not None else None
    workings = _named(formula, wrt)
    if not workings:
        _misspelled(formula)
    return Derivation(short(formula, 100), workings or [_typed(formula, wrt)], folder, language)


def zero_at_kinks(_: str) -> Shown:
    """The convention of calc where no problem file says another: the derivative at a kink is 0."""
    return Shown("0")


def _named(text: str, wrt: str | None) -> list[Working]:
    """The workings of an activation, a loss, or a loss of an activation; none where the text is a formula."""
    names = [name.strip() for name in text[:LONGEST].split("+")]
    activations, losses = _by_name((*ACTIVATIONS, *THRESHOLDS)), _by_name(LOSSES)
    match names:
        case [name] if name in activations:
            operation = activations[name]()
            letters = _letters(operation)
            _only(wrt, "z")
            return [of_activation(operation, letters, zero_at_kinks)]
        case [name] if name in losses:
            _only(wrt, "a")
            return [of_loss(losses[name](), Letters(), zero_at_kinks)]
        case [first, second] if first in activations and second in losses:
            operation, loss = activations[first](), losses[second]()
            letters = _letters(operation)
            _only(wrt, "z")
            own = letters if operation.name != "softmax" else Letters(output=letters.output)
            return [
                of_loss(loss, own, zero_at_kinks),
                of_activation(operation, letters, zero_at_kinks),
                of_both(operation, loss, letters, zero_at_kinks),
            ]
        case [first, second] if first in losses and second in activations:
            return _named(f"{second} + {first}", wrt)
    return []


def _misspelled(text: str) -> None:
    """Told of bare names, one or a sum, of which one is all but the name of an activation or a loss."""
    import difflib  # only where there is but a name

    known = [*_by_name((*ACTIVATIONS, *THRESHOLDS)), *_by_name(LOSSES)]
    faults = []
    for name in (part.strip() for part in text[:LONGEST].split("+")):
        if not name.isidentifier():
            return
        like = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.75) if len(name) > 2 else []
        if like and name not in known:
            faults.append(Fault("", f'"{short(name)}" is no activation and no loss. Did you mean "{like[0]}"?'))
    if faults:
        raise ProblemError("formula", faults)


T = TypeVar("T", bound=type[Activation] | type[Loss])


def _by_name(known: Sequence[T]) -> dict[str, T]:
    return {name: operation for operation in known for name in (operation.name, *operation.aliases)}


def _letters(activation: Activation) -> Letters:
    return Letters(output="p" if activation.name == "softmax" else "a")


def _only(wrt: str | None, name: str) -> None:
    if wrt is not None and wrt != name:
        raise ProblemError(
            "--wrt", [Fault("", f'"{short(wrt)}" found, {name} needed: the only name of this derivative. Drop it')]
        )


def _typed(text: str, wrt: str | None) -> Working:
    names = _names(text)
    try:
        formula = everywhere(parse(text, names), _without_pairs)
    except FormulaError as error:
        raise ProblemError("formula", [Fault("", str(error))]) from None
    why = nowhere_defined(formula)
    if why is not None:
        what = f'"{short(" ".join(text.split()), 40)}" found: {why}, whatever the names stand for. Change the formula'
        raise ProblemError("formula", [Fault("", what)])
    by = Name(_chosen(names, wrt))
    long = next((name for name in names if len(name) > LONGEST_PART), None)
    if long is not None:
        what = f'"{short(long)}" found, names of at most {LONGEST_PART} characters needed. Use a shorter one'
        raise ProblemError("formula", [Fault("", what)])
    found = recognised(formula, by, [operation() for operation in ACTIVATIONS])
    if found is not None and by.kind not in ("a", "u", "v"):
        return of_activation(found, _Of(by), zero_at_kinks)
    f = next(Name(letter) for letter in ("f", "y", "g", "h", "F", "f_1") if letter not in names)
    return of_formula(formula, by, f, zero_at_kinks, fitting(Derivative(by, f), Spelling(NotationOptions())))


def fitting(left: Expr, notation: Notation) -> Callable[[Expr], bool]:
    """Whether a side goes into rows of a page beside ``left`` and the names of the rules."""
    printer = LatexPrinter(notation)
    room = Latex.page - NOTES - printer.measure(left)[1]

    def fits(side: Expr) -> bool:
        return widest(side, printer, room) <= room

    return fits


def _without_pairs(expr: Expr) -> Expr:
    """u for −(−u), which would fill a line where somebody types a hundred of them."""
    return expr.arg.arg if isinstance(expr, Neg) and isinstance(expr.arg, Neg) else expr


class _Of(Letters):
    """The letters of an activation whose z bears a name of the author's."""

    def __init__(self, by: Name) -> None:
        super().__init__()
        self.by = by

    def z(self, *index: str) -> Name:
        return self.by


def _names(text: str) -> list[str]:
    """What may be a name in a formula, each once, as written first; pi is the constant, e is refused as one."""
    found = re.findall(r"(?<![A-Za-z0-9_.])[A-Za-z][A-Za-z0-9_]*(?!\s*\()", text[: LONGEST + 1])
    return list(dict.fromkeys(name for name in found if name not in READ and name not in ("pi", "e")))


def _chosen(names: Sequence[str], wrt: str | None) -> str:
    if wrt is not None:
        if wrt not in names:
            known = ", ".join(names[:12]) or "none"
            what = f'"{short(wrt)}" is no name of the formula. Its names: {known}'
            raise ProblemError("--wrt", [Fault("", what)])
        return wrt
    if len(names) == 1:
        return names[0]
    for usual in USUAL:
        if usual in names:
            return usual
    if not names:
        raise ProblemError("formula", [Fault("", "no name found, one to differentiate by needed. Write e.g. z**2")])
    what = f"{len(names)} names found: {', '.join(names[:12])}. Say by which to differentiate, e.g. --wrt {names[0]}"
    raise ProblemError("--wrt", [Fault("", what)])
