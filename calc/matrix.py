"""The matrix method: the same trace as one line per layer, matrices with a column per sample.

Z   pre-activations of a layer, (n_out, samples)    Z = W A + b, or Wᵀ A + b where a row of W belongs to an input
A   its activations, (n_out, samples)               A = f(Z), entry by entry
δ   dE/dZ, (n_out, samples)                         δ = dE/dA ∘ f′(Z) at the outputs, else W⁺ᵀ δ⁺ ∘ f′(Z)
dE/dW = δ Aᵀ (or A δᵀ), dE/db = the row sums of δ;  ΔW = −η dE/dW, W′ = W + ΔW
r   the mask of a layer, (n_out, 1), where it has one (the letter of Srivastava et al. 2014): A = r ∘ f(Z)
Where the conventions make δ −dE/dZ: δ = −dE/dA ∘ f′(Z) at the outputs, dE/dW = −δ Aᵀ, ΔW = η δ Aᵀ

A matrix is the quantity without its indices: Name("w", 2) of Name("w", 2, (1, 3)). A line over whole layers is an
expression of such names. Where the line works entry by entry it is read off the scalar steps (``MatrixWriter._lift``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from calc.document import Block, Cell, Derivation, Line, Prose, Section, Table, Words, prose
from calc.explain import Writer
from calc.expr import (
    AtKink,
    Call,
    Cases,
    Expr,
    Frac,
    Matrix,
    Name,
    Neg,
    Num,
    Partial,
    Pow,
    Prod,
    Quantity,
    Shape,
    Sum,
    Transposed,
    evaluate,
    quantities,
    substitute,
)
from calc.graph import LEARNING_RATE
from calc.lines import plural
from calc.network import Layer
from calc.notation import function_of
from calc.number import Number, Shown, decided
from calc.profiles import PROFILES
from calc.steps import Step
from calc.updates import ahead_of, change_of, state_of

Grid = tuple[tuple[Quantity, ...], ...]
MOST_ENTRIES = 512  # of a matrix that may fit some page
MOST_UPDATED = 100  # parameters that are all updated line by line where nothing is said of it
_ENTRYWISE = ("sigmoid", "sqrt", "abs")  # functions that a line of matrices is easily read with


class _Uneven(Exception):
    """The entries of a matrix are not worked by one formula over whole matrices."""


class MatrixWriter(Writer):
    """Writes a layer as a line; what is no matrix (the error, the answers) is written as everywhere."""

    @property
    def transposed(self) -> bool:
        """Whether the course stores a row of weights per unit that they come from: Z = Wᵀ A + b."""
        return {profile.name: profile.transposed for profile in PROFILES}[self.problem.notation.profile]

    # --- matrices and their entries ----------------------------------------------------------------------------------

    def entries(self, of: Quantity) -> Grid:
        """The scalar quantities of a matrix, rows of equal length.

        W is (n_out, n_in), or (n_in, n_out) where the profile stores it transposed; b and a mask (n_out, 1); x, t, z, a
        and the derivatives by z and a (units, samples), one column only where ``of`` has a sample; a Jacobian dA/dZ of
        a layer whose units hang together (units, units).
        """
        if isinstance(of, Name):
            return self._names(of)
        assert isinstance(of, Partial)
        by = self._names(of.by)
        if of.of.kind == "a" and not of.of.index:
            if self._coupled(of.of.layer or 0):
                above = self._names(of.of)
                return tuple(tuple(Partial(_as_name(a), _as_name(z)) for (z,) in by) for (a,) in above)
            pairs = zip(self._names(of.of), by, strict=True)
            return tuple(tuple(Partial(_as_name(a), _as_name(z)) for a, z in zip(*rows, strict=True)) for rows in pairs)
        return tuple(tuple(Partial(of.of, _as_name(name)) for name in row) for row in by)

    def _names(self, of: Name) -> Grid:
        kind, layer, updated = of.kind.rpartition(".")[2].removeprefix("D"), of.layer or 0, of.updated
        own = of.kind.replace("rates.", "learning_rate.")
        widths = self.problem.widths
        if kind == "w":
            to, source = range(1, widths[layer] + 1), range(1, widths[layer - 1] + 1)
            if self.transposed:
                return tuple(tuple(Name(own, layer, (j, i), None, updated) for j in to) for i in source)
            return tuple(tuple(Name(own, layer, (j, i), None, updated) for i in source) for j in to)
        if kind in ("b", "mask"):
            return tuple((Name(own, layer, (j,), None, updated),) for j in range(1, widths[layer] + 1))
        count = widths[0] if kind == "x" else widths[-1] if kind == "t" else widths[layer]
        samples = self.samples if of.sample is None else (of.sample,)
        return tuple(tuple(Name(kind, of.layer, (j,), s, updated) for s in samples) for j in range(1, count + 1))

    def _coupled(self, layer: int) -> bool:
        """Whether the units of a layer hang together, as in softmax."""
        return self.problem.layers[layer - 1].activation.name == "softmax" and self.problem.widths[layer] > 1

    def _shape(self, of: Quantity) -> Shape:
        grid = self.entries(of)
        return Shape(len(grid), len(grid[0]))

    def _steps(self, of: Quantity) -> list[list[Step]]:
        return [[self.trace.steps[entry.id] for entry in row] for row in self.entries(of)]

    # --- expressions over whole matrices -----------------------------------------------------------------------------

    def _lift(self, of: Quantity) -> Expr | None:
        """The formula of a matrix that is worked entry by entry, over whole matrices; None where there is none."""
        try:
            return self._over([step.expr for row in self._steps(of) for step in row], of)[0]
        except _Uneven:
            return None

    def _over(self, parts: Sequence[Expr], of: Quantity) -> tuple[Expr, bool]:
        """One formula for the entries' formulas, all built alike, and whether it is a matrix (else the same number)."""
        first = parts[0]
        if isinstance(first, Quantity):
            whole = _whole(first, _sample(of))
            if whole is not None and tuple(entry for row in self.entries(whole) for entry in row) == tuple(parts):
                return whole, True
        if not any(_is_layered(quantity) for quantity in quantities(first)) and all(part == first for part in parts):
            return first, False  # the same number for all, e.g. 1 − β^4
        if any(type(part) is not type(first) for part in parts):
            raise _Uneven
        match first:
            case Sum():
                inner = self._all([part.terms for part in parts if isinstance(part, Sum)], of)
                return Sum(tuple(part for part, _ in inner)), any(is_matrix for _, is_matrix in inner)
            case Prod(_, mark):
                inner = self._all([part.factors for part in parts if isinstance(part, Prod)], of)
                return _product(inner, mark), any(is_matrix for _, is_matrix in inner)
            case Neg():
                ((arg, is_matrix),) = self._all([(part.arg,) for part in parts if isinstance(part, Neg)], of)
                return Neg(arg), is_matrix
            case Frac():
                over, under = self._all([(part.num, part.den) for part in parts if isinstance(part, Frac)], of)
                return (Prod((over[0], under[0]), "⊘"), True) if under[1] else (Frac(over[0], under[0]), over[1])
            case Pow(_, 2):
                ((base, is_matrix),) = self._all([(part.base,) for part in parts if isinstance(part, Pow)], of)
                return (Prod((base, base), "∘"), True) if is_matrix else (Pow(base, 2), False)
            case Call(function) if function in _ENTRYWISE:
                inner = self._all([part.args for part in parts if isinstance(part, Call)], of)
                return Call(function, tuple(part for part, _ in inner)), any(is_matrix for _, is_matrix in inner)
            case Cases(head, _, above, at, below) if not any(quantities(branch) for branch in (above, at, below)):
                inner = self._all([part.head.args for part in parts if isinstance(part, Cases)], of)
                return Call(head.function, tuple(part for part, _ in inner)), any(is_matrix for _, is_matrix in inner)
        raise _Uneven

    def _all(self, rows: Sequence[tuple[Expr, ...]], of: Quantity) -> list[tuple[Expr, bool]]:
        if len({len(row) for row in rows}) > 1:
            raise _Uneven
        return [self._over(column, of) for column in zip(*rows, strict=True)]

    def _numbers(self, expr: Expr, printed: dict[str, Shown]) -> Expr:
        """A line over whole matrices with their numbers for their names."""
        match expr:
            case Quantity() if _is_whole(expr):
                shown = [[(self._shown(entry), entry.id) for entry in row] for row in self.entries(expr)]
                rows = tuple(tuple(Num(printed.get(id, plain)) for plain, id in row) for row in shown)
                return Matrix(rows, expr, any(printed.get(id, plain) != plain for row in shown for plain, id in row))
            case Quantity():
                return Num(printed.get(expr.id) or self.trace.show(expr.id))
            case Sum(terms):
                return Sum(tuple(self._numbers(term, printed) for term in terms))
            case Prod(factors, mark):
                inner = tuple(self._numbers(factor, printed) for factor in factors)
                scalar = any(isinstance(factor, Num) for factor in inner)  # a number before a matrix takes a ×
                return Prod(inner, "×" if mark == "·" or (scalar and not mark) else mark)
            case Neg(arg):
                return Neg(self._numbers(arg, printed))
            case Frac(num, den):
                return Frac(self._numbers(num, printed), self._numbers(den, printed))
            case Pow(base, exponent):
                return Pow(self._numbers(base, printed), exponent)
            case Call(function, args):
                return Call(function, tuple(self._numbers(arg, printed) for arg in args))
            case Transposed(arg):
                return Transposed(self._numbers(arg, printed))
        return expr

    def _shown(self, entry: Quantity) -> Shown:
        """An entry as printed; the factors of a mask are no steps of their own."""
        if isinstance(entry, Name) and entry.kind == "mask":
            return (self.problem.layers[(entry.layer or 1) - 1].mask or ())[int(entry.index[0]) - 1].shown
        return self.trace.show(entry.id)

    def _shapes(self, expr: Expr) -> Expr | None:
        """The shapes of the matrices in a formula, None of a number."""
        match expr:
            case Quantity():
                return self._shape(expr) if _is_whole(expr) else None
            case Neg(arg) | Call("sgn", (arg,)):
                return self._shapes(arg)
            case Transposed(Quantity() as arg):
                upright = self._shape(arg)
                return Shape(upright.columns, upright.rows)
            case Sum(parts):
                return Sum(tuple(shape for part in parts if (shape := self._shapes(part)) is not None))
            case Prod(parts, mark):
                return Prod(tuple(shape for part in parts if (shape := self._shapes(part)) is not None), mark)
        return None

    # --- lines -------------------------------------------------------------------------------------------------------

    def _matrix_line(self, of: Quantity, formula: Expr | None, symbolic: bool = True) -> Line:
        """of = formula = the same with numbers ≈ result, numbered; formula None: entry by entry in numbers only."""
        grid, steps = self.entries(of), self._steps(of)
        flat = [step for row in steps for step in row]
        number = self._next()
        self.numbers.update({step.result.id: number for step in flat})
        if formula is not None and len(flat) > MOST_ENTRIES and flat[0].kind in ("state", "change", "update"):
            # too large for any page: it stands under Answers, and so do its operands
            entries = Matrix(tuple(tuple(Num(self.trace.show(entry.id)) for entry in row) for row in grid), of)
            if self.trace.rounding.carry == "full":
                self.remarks.setdefault("rounded", []).append(number)
            return Line(of, (("=", formula), ("≈", entries)), number)
        printed, faithful = self.trace.operands_of_all(flat)
        shown = [[self.trace.show(entry.id) for entry in row] for row in grid]
        result = Matrix(tuple(tuple(Num(entry) for entry in row) for row in shown), of)
        values = {id: operand.value for id, operand in printed.items()}
        follows = all(
            entry.exact and (isinstance(step.expr, Quantity) or _value(step.expr, values) == entry.value)
            for entry, step in zip((entry for row in shown for entry in row), flat, strict=True)
        )
        if not faithful:
            tie = all(self.trace.exact(step.result.id) for step in flat)
            self.remarks.setdefault("tie" if tie else "saturated", []).append(number)
        if any(entry.digits == "0" and not entry.exact for row in shown for entry in row):
            self.remarks.setdefault("nothing", []).append(number)
        sides: list[tuple[str, Expr]] = []
        if formula is None or isinstance(formula, Num):  # the derivative 0 of a softmax of one unit
            worked = tuple(tuple(substitute(step.expr, printed) for step in row) for row in steps)
            sides += [("=", Matrix(worked))] if worked != result.rows else []
        else:
            sides += [("=", formula)] if symbolic else []
            numbers = self._numbers(formula, printed)
            plain = isinstance(numbers, Num) or (isinstance(numbers, Matrix) and numbers.rows == result.rows)
            sides += [] if plain else [("=", numbers)]
        return Line(of, (*sides, ("=" if follows else "≈", result)), number)

    def _product_lines(self, of: Quantity, formula: Expr) -> Iterator[Block]:
        """A line with a product of matrices, and the shapes under it."""
        yield from self._derivation([self._matrix_line(of, formula)])
        shapes, shape = self._shapes(formula), self._shape(of)
        if isinstance(shapes, Sum | Prod) and not self.brief:
            yield prose("matrix.shapes", shapes=Line(shapes, (("→", _cell(shape)),)))

    # --- Given -------------------------------------------------------------------------------------------------------

    def _numbers_given(self) -> Iterator[Block]:
        x, t = Name("x"), Name("t")
        if len(self.samples) == 1:
            yield prose("matrix.inputs_one")
        else:
            yield prose("matrix.inputs_many", count=len(self.samples), x=x, t=t)
        yield Derivation(tuple(self._given_line(name) for name in (x, t)))
        bare = not any(layer.biases for layer in self.problem.layers)
        yield prose(f"matrix.rows_{'from' if self.transposed else 'to'}{'_no_bias' if bare else ''}")
        for number, layer in enumerate(self.problem.layers, 1):
            names = [Name("w", number), *([Name("b", number)] if layer.biases else [])]
            yield Derivation(tuple(self._given_line(name) for name in names))
        masks = [Name("mask", number) for number, layer in enumerate(self.problem.layers, 1) if layer.mask is not None]
        if masks:
            yield prose(f"matrix.masks_{plural(len(masks))}")
            yield Derivation(tuple(self._given_line(mask) for mask in masks))

    def _mask_words(self) -> Iterator[Words]:
        for number, layer in enumerate(self.problem.layers, 1):
            if layer.mask is not None:
                factor = Line(Name("a", number), (("=", self._kept(number, Call("f", (Name("z", number),)))),))
                yield Words("matrix.mask", {"layer": number, "factor": factor})

    def _rates_and_state(self) -> Iterator[Block]:
        """Learning rates where they differ, and a state that is given, as matrices."""
        rates = {w: rate for w, rate in self.graph.rates.items() if w in self.graph.trained}
        if rates:
            yield prose("given.rates_table")
            shared = dict.fromkeys(rate for rate in rates.values() if not rate.index)
            lines = [Line(rate, (("=", self._num(rate.id)),)) for rate in shared]
            own = dict.fromkeys(_whole(rate, None) for rate in rates.values() if rate.index)
            yield Derivation((*lines, *(self._given_line(_as_name(rate)) for rate in own if rate is not None)))
        for letter in self.problem.optimizer.update.state if self.problem.optimizer.state else ():
            yield prose("given.state_table", state=Name(letter))
            states = [state_of(letter, w) for n in range(1, len(self.problem.layers) + 1) for w in self._trained(n)]
            yield Derivation(tuple(self._given_line(state) for state in states))

    def _given_line(self, name: Name) -> Line:
        return Line(name, (("=", self._numbers(name, {})),))

    def _conventions(self) -> Iterator[Words]:
        yield from super()._conventions()
        yield Words("matrix.signs")
        if any(layer.activation.name == "softmax" for layer in self.problem.layers):
            yield Words("matrix.softmax")
        if self.samples[0] is not None and any(layer.biases for layer in self.problem.layers):
            yield Words("matrix.biases")

    def _applies(self, number: int) -> Words:
        """What a layer's function is, by the name that stands before its matrices."""
        activation, z = self.problem.layers[number - 1].activation, Name("z")
        function, formula = function_of(activation, self.problem.layers), activation.formula(z)
        if (
            activation.own
            or formula == z
            or self._coupled(number)
            or (isinstance(formula, Call | Cases) and _head(formula) == function)
        ):
            return super()._applies(number)
        return Words("forward.applies", {"function": Line(Call(function, (z,)), (("=", formula),))})

    # --- Forward pass ------------------------------------------------------------------------------------------------

    def _sums(self, layer: int, updated: bool = False) -> Expr:
        """W A + b of a layer, or Wᵀ A + b."""
        w, b = (self._worked(Name(kind, layer)) for kind in "wb")
        if updated:  # nothing is looked ahead to once it is done, and constant biases stay what they are
            trained = self._trained(layer)
            w, b = (name.after_update() if name in trained else name for name in (Name("w", layer), Name("b", layer)))
        entering = Name("x") if layer == 1 else Name("a", layer - 1, updated=updated)
        product = Prod((Transposed(w) if self.transposed else w, entering))
        return Sum((product, b)) if self.problem.layers[layer - 1].biases else product

    def _worked(self, parameter: Name) -> Name:
        """A matrix of parameters as the passes take it: where it is looked ahead to, or as it is."""
        ahead = ahead_of(parameter)
        return ahead if any(entry in self.graph.ahead for row in self.entries(ahead) for entry in row) else parameter

    def _function(self, layer: int, of: Expr) -> Expr:
        """f(Z) of a layer, with its mask where it has one."""
        activation = self.problem.layers[layer - 1].activation
        called = function_of(activation, self.problem.layers)
        return self._kept(layer, of if activation.name == "identity" else Call(called, (of,)))

    def _kept(self, layer: int, of: Expr) -> Expr:
        """r ∘ … of a layer with a mask, 1/keep · r ∘ … where the share that is kept divides it."""
        table = self.problem.layers[layer - 1]
        if table.mask is None:
            return of
        factors = [(Frac(Num.of(1), Num(table.keep.shown)), False)] if table.keep is not None else []
        return _product([*factors, (Name("mask", layer), True), (of, True)], "·")

    def forward(self) -> Iterator[Section]:
        """Per layer its sums and its activations."""
        yield Section(Words("section.forward"), ())
        if self.graph.ahead:
            yield Section(Words("section.ahead"), tuple(self._look_ahead()), level=2)
        for number, layer in enumerate(self.problem.layers, 1):
            z, a = Name("z", number), Name("a", number)
            sums = Words("forward.sums" if layer.biases else "forward.sums_no_bias")
            whole = Line(a, (("=", self._function(number, self._sums(number))),))
            sentences = (sums, self._applies(number), *self._mask_of(number), Words("matrix.layer", {"layer": whole}))
            blocks: list[Block] = [Prose(sentences)]
            blocks += self._product_lines(z, self._sums(number))
            blocks += self._derivation([self._matrix_line(a, self._function(number, z))])
            blocks += self._masked(number)
            blocks += self._idle(number)
            yield Section(self._layer_words(number), tuple(blocks), level=2)

    def _look_ahead(self) -> Iterator[Block]:
        """Where the momentum alone would take the parameters, a line per matrix."""
        yield prose("forward.ahead")
        for number in range(1, len(self.problem.layers) + 1):
            ahead = [ahead_of(w) for w in self._trained(number)]
            yield from self._derivation([self._matrix_line(name, self._lift(name)) for name in ahead])

    # --- Backward pass -----------------------------------------------------------------------------------------------

    def backward(self) -> Iterator[Section]:
        """Per layer its δ, last layer first, then its gradients."""
        depth, loss = len(self.problem.layers), self.graph.loss
        key = "matrix.minus_deltas" if self.problem.minus else "matrix.deltas"
        key += "" if self.samples[0] is None else "_batch"
        sums = tuple(Name("z", number) for number in range(depth, 0, -1))
        deltas = tuple(self._delta_of(z) for z in sums)
        rule = Prose((Words(key, {"deltas": deltas, "loss": loss, "sums": sums}),))
        yield Section(Words("section.backward"), (rule, *self._penalty_rule()))
        yield from self._derivatives()
        for number in range(depth, 0, -1):
            blocks = [*self._delta(number)]
            trained = self._trained(number)
            for name in trained:
                blocks += self._product_lines(Partial(loss, name), self._gradient(name))
            if not self.zero_said and any(self._has_zero(Partial(loss, name)) for name in trained):
                self.zero_said = True
                blocks.append(prose(self._zero_key()))
            if self.problem.conventions.update_order == "sequential" and trained and not self.brief:
                key = "backward.updated_first" if number > 1 else "backward.updated_last"
                blocks += [prose(key), *self._layer_changes(number)]
            if number == 1:
                blocks += self._shape_check()
            yield Section(self._layer_words(number), tuple(blocks), level=2)

    def _trained(self, layer: int) -> list[Name]:
        """W and b of a layer, as far as they are updated."""
        return [
            Name(kind, layer)
            for kind in "wb"
            if any(name.kind == kind and name in self.graph.trained for name in self.graph.parameters[layer - 1])
        ]

    def _has_zero(self, of: Quantity) -> bool:
        return any(self.trace.is_zero(entry.id) for row in self.entries(of) for entry in row)

    def _delta(self, number: int) -> Iterator[Block]:
        """δ of a layer: for whole batches, or column by column where the units hang together."""
        loss, z = self.graph.loss, Name("z", number)
        delta = self._delta_of(z)
        cancelling = [entry for entry in self.entries(z)[0] if entry in self.graph.shortcuts]
        if cancelling:
            yield from self._cancel(Partial(loss, _as_name(cancelling[0])))
            if len(cancelling) == len(self.samples):
                yield from self._derivation([self._matrix_line(delta, self._lift(delta))])
                return
        if number == len(self.problem.layers):
            outputs = Partial(loss, Name("a", number))
            yield from self._derivation([self._matrix_line(outputs, self._lift(outputs))])
        if not self._coupled(number):
            yield from self._entrywise_delta(number)
            return
        for s in self.samples:
            a, z = Name("a", number, (), s), Name("z", number, (), s)
            delta_s = self._delta_of(z)
            if self.entries(z)[0][0] in self.graph.shortcuts:
                yield from self._derivation([self._matrix_line(delta_s, self._lift(delta_s))])
                continue
            jacobian = Partial(a, z)
            diagonal = Sum((Call("diag", (a,)), Neg(Prod((a, Transposed(a))))))
            yield from self._derivation([self._matrix_line(jacobian, diagonal)])
            product = Prod((Transposed(jacobian), *self._arriving(number, s)))
            yield from self._product_lines(delta_s, self._signed(number, product))
        if self.samples[0] is not None:
            yield prose("matrix.columns", matrix=delta)

    def _entrywise_delta(self, number: int) -> Iterator[Block]:
        """f′(Z), then δ = dE/dA ∘ f′(Z)."""
        z, a, layer = Name("z", number), Name("a", number), self.problem.layers[number - 1]
        slope, delta = Partial(a, z), self._delta_of(z)
        arriving = self._arriving(number, None)
        product: Expr = Prod(arriving) if len(arriving) > 1 else arriving[0]
        if layer.activation.name == "identity":
            yield prose("matrix.flat")
            if layer.mask is None:
                yield from self._product_lines(delta, self._signed(number, product))
                return
        yield from self._slope_line(number, slope)
        yield from self._product_lines(delta, self._signed(number, Prod((product, slope), "∘")))

    def _signed(self, number: int, product: Expr) -> Expr:
        """A product with dE/dA of the outputs as it stands in the formula of a δ; those with a δ⁺ have its sign."""
        return Neg(product) if self.problem.minus and number == len(self.problem.layers) else product

    def _slope_line(self, number: int, slope: Partial) -> Iterator[Block]:
        """f′(Z) worked: by its own formula, or as f′ of the numbers with the formula said before; times the mask."""
        layer = self.problem.layers[number - 1]
        activation, z, a = layer.activation, Name("z"), Name("a")
        at_kink = self.problem.conventions.at_kink
        formula = activation.derivative(z, a, at_kink)
        lifted = None if activation.own else self._slopes(layer, slope, at_kink)
        own = Call(f"{function_of(activation, self.problem.layers)}'", (slope.by,))
        if isinstance(formula, Cases) and not activation.own:
            args = {"above": formula.above, "on": z, "below": formula.below}
            yield prose("matrix.by_sides", **args)
        elif lifted is None and a not in quantities(formula):
            yield prose("matrix.applied", slope=Line(Call(own.function, (z,)), (("=", formula),)))
            lifted = own
        if layer.mask is None:
            line = self._matrix_line(slope, lifted, symbolic=lifted != own)
        else:
            yield prose("matrix.masked_slope")
            if lifted is not None and not isinstance(lifted, Num):  # of the identity the entries are worked one by one
                lifted = self._kept(number, lifted)
            line = self._matrix_line(slope, lifted)
        yield from self._derivation([line])

    def _slopes(self, layer: Layer, slope: Partial, at_kink: AtKink) -> Expr | None:
        """f′ of a layer's sums over whole matrices, without its mask; None where it is worked entry by entry."""
        locals_ = [local for row in self.entries(slope) for local in row if isinstance(local, Partial)]
        kept = () if layer.keep is None else (Num(layer.keep.shown),)  # keep · a is f(z)
        before = [Prod((*kept, local.of)) if kept else local.of for local in locals_]
        parts = [layer.activation.derivative(local.by, f, at_kink) for local, f in zip(locals_, before, strict=True)]
        try:
            return self._over(parts, slope)[0]
        except _Uneven:
            return None

    def _arriving(self, number: int, s: int | None) -> tuple[Expr, ...]:
        """dE/dA of a layer as it stands in the formula of its δ: itself at the outputs, else the factors W⁺ᵀ δ⁺."""
        loss = self.graph.loss
        if number == len(self.problem.layers):
            return (Partial(loss, Name("a", number, (), s)),)
        updated = self.problem.conventions.update_order == "sequential"
        w = Name("w", number + 1, updated=True) if updated else self._worked(Name("w", number + 1))
        return (w if self.transposed else Transposed(w), self._delta_of(Name("z", number + 1, (), s)))

    def _gradient(self, of: Name) -> Expr:
        """δ Aᵀ of weights, or A δᵀ; of biases δ, or its row sums; minus that where δ is −dE/dZ; plus the penalty's."""
        product = Neg(self._with_delta(of)) if self.problem.minus else self._with_delta(of)
        if of.kind == "b" or not self.graph.penalties:
            return product
        term = self._penalty_term(of)
        return Sum((product, *(term.terms if isinstance(term, Sum) else (term,))))

    def _penalty_term(self, w: Name) -> Expr:
        """The penalty's derivative by the weights of a layer, e.g. l2 · W."""
        return self._over([self.graph.penalties[_as_name(entry)] for row in self.entries(w) for entry in row], w)[0]

    def _penalised(self) -> tuple[Name, Expr]:
        w = Name("w", 1)
        return w, self._penalty_term(w)

    def _with_delta(self, of: Name) -> Expr:
        number = of.layer or 0
        delta = self._delta_of(Name("z", number))
        if of.kind == "b":
            return delta if self.samples[0] is None else Call("rowsum", (delta,))
        entering = Name("x") if number == 1 else Name("a", number - 1)
        return Prod((entering, Transposed(delta)) if self.transposed else (delta, Transposed(entering)))

    def _shape_check(self) -> Iterator[Block]:
        yield prose("matrix.check")
        head: tuple[Cell, ...] = tuple(Words(f"table.{key}") for key in ("parameter", "shape", "gradient", "shape"))
        names = [name for number in range(1, len(self.problem.layers) + 1) for name in self._trained(number)]
        rows = [(name, Partial(self.graph.loss, name)) for name in names]
        yield Table(head, tuple((w, _cell(self._shape(w)), g, _cell(self._shape(g))) for w, g in rows))

    # --- Update and check --------------------------------------------------------------------------------------------

    def _layer_changes(self, number: int) -> Iterator[Block]:
        """Per parameter the optimiser's steps, its change and its new value."""
        for w in self._trained(number):
            steps = self.problem.optimizer.update.steps(w, w, LEARNING_RATE, 1)
            results = [*(result for result, _ in steps), w.after_update()]
            yield from self._derivation([self._matrix_line(result, self._update_formula(result)) for result in results])

    def _update_formula(self, of: Quantity) -> Expr | None:
        if isinstance(of, Name) and of.kind in "wb":
            return Sum((Name(of.kind, of.layer), change_of(Name(of.kind, of.layer))))
        assert isinstance(of, Name)
        w = Name(of.kind.removeprefix("D"), of.layer)
        penalised = w.kind == "w" and self.graph.penalties
        if self.problem.minus and self.problem.optimizer.update.name == "sgd" and not penalised:  # Δw = η δ x
            rate, is_matrix = self._over([self.graph.rate(_as_name(e)) for row in self.entries(w) for e in row], w)
            return Prod((rate, self._with_delta(w)), "∘" if is_matrix else "")
        return self._lift(of)

    def update(self) -> Iterator[Section]:
        """ΔW, then W + ΔW, first layer first; of a large network those of the last layer."""
        blocks: list[Block]
        if self.problem.conventions.update_order == "sequential":
            blocks = [prose("update.done")]
        else:
            blocks = [self._change_words()]
            depth = len(self.problem.layers)
            lined = [depth] if self._short else range(1, depth + 1)
            for number in () if self.brief else lined:
                blocks += self._layer_changes(number)
            if self._short and depth > 1 and not self.brief:
                blocks.append(prose("update.rest"))
        if self.brief:
            blocks.append(prose("brief.update"))
        yield Section(Words("section.update"), tuple(blocks))

    @property
    def _short(self) -> bool:
        """Whether one layer's update is enough to follow, and the new forward pass is told by its results."""
        return self.problem.solution.show != "all" and len(self.parameters) > MOST_UPDATED

    def _answered(self) -> tuple[str, ...]:
        # matrices too large for their line stand here; the old values stand under Given
        return ("parameter", *(() if self._short else ("old",)), "gradient", "change", "new")

    def _forward_again(self) -> Iterator[Block]:
        if self._short or self.brief:
            return
        yield prose("check.forward")
        lines = []
        for number in range(1, len(self.problem.layers) + 1):
            z, a = Name("z", number, updated=True), Name("a", number, updated=True)
            lines.append(self._matrix_line(z, self._sums(number, updated=True), symbolic=False))
            lines.append(self._matrix_line(a, self._function(number, z), symbolic=False))
        yield from self._derivation(lines)
        if self.samples[0] is None:
            yield from self._derivation([self._line(id, symbolic=False) for id in self._losses_after()])
            return
        n = self.problem.widths[-1]
        parts = [Name("E", None, (j,), None, True) for j in range(1, n + 1)] if n > 1 else []
        yield from self._by_sample([*parts, Name("E", updated=True)], self.samples)
        ids = [self.graph.data.after_update().id, *self._penalty_after()]
        yield from self._derivation([self._line(id, symbolic=False) for id in ids])


# --- small change ----------------------------------------------------------------------------------------------------


def _value(expr: Expr, values: Mapping[str, Number]) -> Number:
    return decided(lambda: evaluate(expr, values))


def _head(formula: Call | Cases) -> str:
    return formula.head.function if isinstance(formula, Cases) else formula.function


def _cell(shape: Shape) -> Prod:
    return Prod((Num.of(shape.rows), Num.of(shape.columns)), "by")


def _as_name(quantity: Quantity) -> Name:
    assert isinstance(quantity, Name), quantity
    return quantity


def _sample(of: Quantity) -> int | str | None:
    return of.sample if isinstance(of, Name | Partial) else None


def _is_layered(quantity: Expr) -> bool:
    """Whether a quantity is an entry of some matrix, and not a number for all entries such as η."""
    return isinstance(quantity, Partial) or (isinstance(quantity, Name) and bool(quantity.index))


def _is_whole(quantity: Quantity) -> bool:
    """Whether a quantity is a matrix, and not a number."""
    if isinstance(quantity, Partial):
        return not quantity.by.index
    if not isinstance(quantity, Name) or quantity.index or quantity.kind.startswith("learning_rate"):
        return False  # a learning rate of a layer is a number; a rate for each weight is a matrix "rates.w"
    return quantity.layer is not None or quantity.kind in ("x", "t")


def _whole(entry: Quantity, s: int | str | None) -> Quantity | None:
    """The matrix that an entry is one of, in a line of sample ``s`` a column of it."""

    def whole(name: Name) -> Name:
        kind = name.kind.replace("learning_rate.", "rates.")
        return Name(kind, name.layer, (), None if name.sample is None else s, name.updated)

    if isinstance(entry, Name):
        return whole(entry) if entry.index else None
    assert isinstance(entry, Partial)
    if entry.via is not None or (entry.of.kind == "E" and entry.of.index):
        return None
    return Partial(entry.of if entry.of.kind == "E" else whole(entry.of), whole(entry.by))


def _product(parts: Iterable[tuple[Expr, bool]], mark: str) -> Expr:
    """Numbers first, then the matrices, multiplied entry by entry."""
    numbers = [part for part, is_matrix in parts if not is_matrix]
    matrices = [part for part, is_matrix in parts if is_matrix]
    if len(matrices) < 2:
        return Prod((*numbers, *matrices), mark)
    first = Prod((*numbers, matrices[0]), mark) if numbers else matrices[0]
    return Prod((first, *matrices[1:]), "∘")
