"""Name → Symbol: the course's spelling of every quantity. A profile is spelling only; it changes no number."""

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from calc.errors import Fault, ProblemError
from calc.expr import Call, Cases, Name, Partial
from calc.network import Layer, Network
from calc.ops import Activation
from calc.problem import NotationOptions, Problem
from calc.profiles import PROFILES, Vw
from calc.symbol import GREEK, Symbol


class Notation(ABC):
    """How the quantities of a problem are spelled: its own symbols, and a rule for all others.

    marked      whether a sample's quantities bear its mark
    matrices    whether whole layers have symbols
    nabla       whether the gradient by a matrix is written ∇_W E, else ∂E/∂W
    loss        what is differentiated
    multiply    between numbers: "×" or "·"
    decimal     the decimal sign: "." or ","
    """

    matrices = False
    nabla = False
    loss = Name("E")

    def __init__(self, options: NotationOptions, marked: bool = False) -> None:
        self.marked = marked
        self.own = dict(options.symbols)
        self.multiply = options.multiply
        self.decimal = options.decimal
        self._symbols: dict[str, Symbol] = {}

    def own_symbol(self, partial: Partial) -> Symbol | None:
        """The symbol of a derivative that has one."""
        return self.own.get(partial.id)

    def slope_of(self, partial: Partial) -> str | None:
        """f' where ``partial`` is the matrix of da/dz of a whole layer, entry by entry; None for other derivatives."""
        return None

    def symbol(self, name: Name) -> Symbol:
        """The symbol of ``name`` with prime, Δ and sample."""
        found = self._symbols.get(name.id)
        if found is None:
            found = self._symbols[name.id] = self._symbol(name)
        return found

    @abstractmethod
    def _symbol(self, name: Name) -> Symbol: ...


class Spelling(Notation):
    """Names as they were typed: w1 is w with index 1, alpha a Greek letter, z1_2 has both its indices below."""

    def _symbol(self, name: Name) -> Symbol:
        first, *rest = name.kind.split("_")
        base = first.rstrip("0123456789") or first
        typed = ",".join(part for part in (first[len(base) :], *rest) if part)
        return Symbol(base, typed + "".join(map(str, name.index)))


def notation_of(problem: Problem, marked: bool | None = None) -> Notation:
    """The notation of a problem, whatever its kind."""
    if isinstance(problem, Network):
        return NetworkNotation(problem, marked)
    from calc.circuit import Circuit, CircuitNotation  # brings the parser of formulas along

    assert isinstance(problem, Circuit)
    return CircuitNotation(problem)


class NetworkNotation(Notation):
    """The profile of a network with its own symbols on top."""

    def __init__(self, problem: Network, marked: bool | None = None) -> None:
        """
        Args:
            marked: by default only where an update sees several samples.
        """
        super().__init__(problem.notation, problem.marked if marked is None else marked)
        self.profile = {profile.name: profile for profile in PROFILES}[problem.notation.profile](problem)
        self.nabla = self.profile.nabla
        self.deltas = problem.solution.method != "chain"
        self.minus = problem.minus
        self.matrices = problem.solution.method == "matrix"
        self.layers = problem.layers

    def own_symbol(self, partial: Partial) -> Symbol | None:
        """The symbol of a derivative that has one: from the problem file, or δ for dE/dz where deltas are used."""
        of_sum = partial.of.kind == "E" and partial.by.kind == "z" and partial.via is None
        if of_sum and self.minus:  # δ is a quantity of its own, and has the symbol that the file gives
            return None
        if partial.id in self.own or not self.deltas or not of_sum:
            return self.own.get(partial.id)
        return self._delta(partial.by)

    def _delta(self, of: Name) -> Symbol:
        z = self.symbol(of)
        return Symbol("delta", z.sub, z.sup, sample=z.sample)

    def slope_of(self, partial: Partial) -> str | None:
        of = partial.of
        if of.kind != "a" or of.index or partial.by.kind != "z" or not of.layer:
            return None
        layer = self.layers[of.layer - 1]  # with a mask da/dz is more than f', and has no name but its own
        function = function_of(layer.activation, self.layers)
        return None if function == "softmax" or layer.mask is not None else f"{function}'"

    def _symbol(self, name: Name) -> Symbol:
        own = self.own.get(name.id)
        if own is not None:
            return own
        if name.kind == "delta":
            z = Name("z", name.layer, name.index, name.sample)
            return self.own.get(f"dE/d{z.id}") or self._delta(z)
        if name.kind == "mask":
            sums = self.symbol(Name("z", name.layer))
            return Symbol("r", sums.sub, sums.sup)
        if name.kind.startswith("learning_rate") and "learning_rate" in self.own:
            return replace(self._spelled(name), base=self.own["learning_rate"].base)
        return self._spelled(name)

    def _of_any(self, kind: str, index: tuple[int | str, ...]) -> Symbol:
        """The letter of a quantity without its unit and layer."""
        depth, sub = len(self.layers), "".join(map(str, index))
        known = {
            "z": Name("z", depth, (1,)),
            "a": Name("a", depth, (1,)),
            "t": Name("t", None, (1,)),
            "E": Name("E"),
        }
        letters = {one: self.profile.symbol(name).base for one, name in known.items()}
        distinct = len(set(letters.values())) == len(letters)  # in some course a target is y, as an output elsewhere
        return Symbol(letters[kind] if distinct and kind in letters else kind, sub)

    def _spelled(self, name: Name) -> Symbol:
        bare = name
        letter, dot, kind = name.kind.partition(".")
        if letter == "any":  # of any unit: a derivation's z, a, t, and its indices
            return self._of_any(kind, name.index)
        if dot and (
            name.index or letter != "learning_rate"
        ):  # the optimiser's state of a parameter: v with the indices of w
            w = self.own.get(Name(kind, name.layer, name.index).id) or self.profile.symbol(
                Name(kind, name.layer, name.index)
            )
            if letter == "ahead":
                return Symbol(w.base, w.sub, w.sup, tilde=True)
            sub = w.sub if kind == "w" else f"b{w.sub}"
            if kind == "w" and isinstance(self.profile, Vw):  # W_11 and V_11 differ by their letters only
                sub = w.base + w.sub
            if letter == "rates":  # one for each weight of a layer
                return Symbol(self.profile.rate().base, w.base + w.sub, w.sup)
            if letter == "learning_rate":
                return Symbol(self.profile.rate().base, sub, w.sup)
            if not name.index:  # of a whole matrix: v_W
                sub = f"{w.base if len(w.base) == 1 else 'b'}{w.sub}"
            hat = letter.endswith("hat")
            return Symbol(letter.removesuffix("hat"), sub, w.sup, int(name.updated), hat=hat)
        if name.updated or name.sample is not None or name.kind.startswith("D"):
            bare = Name(name.kind.removeprefix("D"), name.layer, name.index)
        symbol = self.own.get(bare.id) or self.profile.symbol(bare)
        if bare is name:
            return symbol
        mark = name.sample if self.marked else None
        return Symbol(symbol.base, symbol.sub, symbol.sup, int(name.updated), mark, delta=name.kind.startswith("D"))


def function_of(activation: Activation, layers: Sequence[Layer]) -> str:
    """What the function of a whole layer is called: sigmoid, relu, gelu; f where its name is no word.

    Where the author gave several formulas, f_1, f_2 and so on.
    """
    if activation.name == "softmax":
        return "softmax"
    if activation.own:
        different = list(dict.fromkeys(layer.activation for layer in layers if layer.activation.own))
        return "f" if len(different) == 1 else f"f_{different.index(activation) + 1}"
    match activation.formula(Name("z")):
        case Call(function, (Name(),)) | Cases(Call(function, (Name(),))):
            return function
    bare = activation.name.replace("_", "")
    return bare if bare.isascii() and bare.isalpha() else "f"


_SWAPPED = re.compile(r"(_(?:\{[^{}]*\}|[^\W_]+))(\^(?:\{[^{}]*\}|\([^()]*\)|[^\W_]+))")
_PRIMED = re.compile(r"(?<!')('++)(_(?:\{[^{}]*\}|[^\W_]+))")
_BARE = str.maketrans({**{sign: name for name, sign in GREEK.items()}, **dict.fromkeys("_^{} ", "")})
_BARE |= str.maketrans({"Δ": "D", "∂": "d"})


def bare(text: str) -> str:
    """A printed name without ``_ ^ { }`` and spaces, however it is typed.

    z^(1)_2, z_2^{(1)} and z⁽¹⁾₂ -> z(1)2;  ∂E/∂w_5 -> dE/dw5;  w'_5 and w₅′ -> w5';  δ_1 -> delta1
    """
    if text.isalnum() and text.isascii():
        return text
    plain = unicodedata.normalize("NFKC", text).replace("′", "'")
    return _PRIMED.sub(r"\2\1", _SWAPPED.sub(r"\2\1", plain)).translate(_BARE)


def find_parameters(
    problem: Problem, parameters: Sequence[Name], wanted: Sequence[str], where: str = "solution.show"
) -> list[Name]:
    """The parameters that a user names by id (w2_1_1) or by printed name with _ ^ { } removed (w5).

    Args:
        where: the option that names them.
    Raises:
        ProblemError: a name fits no parameter, or several.
    """
    notation = notation_of(problem)
    by_id = {name.id: name for name in parameters}
    by_print: dict[str, list[Name]] = {}
    for name in parameters:
        by_print.setdefault(bare(notation.symbol(name).plain()), []).append(name)
    found, faults = [], []
    for text in wanted:
        fits = [by_id[text]] if text in by_id else by_print.get(bare(text), [])
        if len(fits) == 1:
            found += fits
        elif fits:
            ids = ", ".join(name.id for name in fits[:8])
            faults.append(Fault(where, f'"{text[:60]}" is ambiguous: it may be {ids}. Name it by its id'))
        else:
            known = ", ".join([name.id for name in parameters[:6]] + (["…"] if len(parameters) > 6 else []))
            faults.append(Fault(where, f'"{text[:60]}" is no parameter of this problem. Known: {known}, or as printed'))
    if faults:
        raise ProblemError("problem", faults)
    return found
