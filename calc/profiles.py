"""The spellings of the courses: a symbol for each kind of quantity. A profile changes no number.

To add one: write a class with one method per kind of quantity and put it into PROFILES.
"""

from typing import ClassVar

from calc.expr import Name
from calc.network import Network
from calc.symbol import Symbol


class Standard:
    """z^(l)_j, a^(l)_j, w^(l)_{ji} (to j from i), b^(l)_j, E, η"""

    name: ClassVar[str] = "standard"
    transposed: ClassVar[bool] = False  # a weight matrix has a row per unit it leads to; True: per unit it comes from
    nabla: ClassVar[bool] = False  # the gradient by a matrix is written ∇_W E, else ∂E/∂W

    def __init__(self, problem: Network) -> None:
        self.widths = problem.widths
        self.depth = len(problem.layers)
        self.wide = max(self.widths) > 9  # two-digit indices need a comma between them
        self.layers = problem.layers
        self.batch = len(problem.samples) > 1  # a vector per sample is a column of a matrix, and has its capital

    def symbol(self, name: Name) -> Symbol:
        """The symbol of a quantity, without its sample and prime; without an index that of the whole matrix."""
        match name.kind:
            case "x" | "t" | "z" | "a" | "w" | "b" if not name.index and (name.layer is not None or name.kind in "xt"):
                return self.matrix(name.kind, name.layer or 0)
            case "x":
                return self.input(*name.index)
            case "t":
                return self.target(*name.index)
            case "z" if name.layer is not None:
                return self.pre_activation(name.layer or 0, *name.index)
            case "a" if name.layer is not None:
                return self.activation(name.layer, *name.index)
            case "w":
                return self.weight(name.layer or 0, *name.index)
            case "b":
                return self.bias(name.layer or 0, *name.index)
            case "E" if name.index == ("data",):  # beside the penalty
                return Symbol(self.loss().base, "data")
            case "E":
                return self.loss(*name.index)
            case "squares" | "sizes":  # of the weights of a layer
                return Symbol("S", "2" if name.kind == "squares" else "1", f"({name.layer})")
            case "penalty":
                return Symbol("Omega")
            case "learning_rate" if name.layer is not None:
                return self.layer_rate(name.layer)
            case "learning_rate.w" | "learning_rate.b" if name.layer is not None:
                return self.layer_rate(name.layer, name.kind[-1])
            case "e":
                return Symbol("e", self.target(*name.index).sub)
            case "learning_rate":
                return self.rate()
            case letter:  # a unit's j, a step epsilon
                return Symbol(letter)

    def matrix(self, kind: str, layer: int) -> Symbol:
        """The inputs x, targets t, sums z, activations a, weights w or biases b of a layer, all at once."""
        match kind:
            case "x":
                return self.inputs()
            case "t":
                return self.targets()
            case "z":
                return self.pre_activations(layer)
            case "a":
                return self.activations(layer)
            case "w":
                return self.weights(layer)
        return self.biases(layer)

    def inputs(self) -> Symbol:
        return Symbol(self._case("x"))

    def targets(self) -> Symbol:
        return Symbol(self._case("t"))

    def pre_activations(self, layer: int) -> Symbol:
        return Symbol(self._case("z"), sup=f"({layer})")

    def activations(self, layer: int) -> Symbol:
        return Symbol(self._case("a"), sup=f"({layer})")

    def weights(self, layer: int) -> Symbol:
        return Symbol("W", sup=f"({layer})")

    def biases(self, layer: int) -> Symbol:
        return Symbol("b", sup=f"({layer})")

    def _case(self, letter: str) -> str:
        return letter.upper() if self.batch else letter

    def input(self, i: int | str) -> Symbol:
        return Symbol("x", str(i))

    def target(self, j: int | str) -> Symbol:
        return Symbol("t", str(j))

    def pre_activation(self, layer: int, j: int | str) -> Symbol:
        return Symbol("z", str(j), f"({layer})")

    def activation(self, layer: int, j: int | str) -> Symbol:
        return Symbol("a", str(j), f"({layer})")

    def weight(self, layer: int, j: int | str, i: int | str) -> Symbol:
        return Symbol("w", f"{j},{i}" if self.wide else f"{j}{i}", f"({layer})")

    def bias(self, layer: int, j: int | str) -> Symbol:
        return Symbol("b", str(j), f"({layer})")

    def loss(self, *output: int | str) -> Symbol:
        return Symbol("E", "".join(map(str, output)))

    def rate(self) -> Symbol:
        return Symbol("eta")

    def layer_rate(self, layer: int, of: str = "") -> Symbol:
        """The learning rate of a layer, or ``of`` its weights (w) or biases (b) alone."""
        return Symbol(self.rate().base, of, f"({layer})")


class NetOut(Standard):
    """net_{h1}, out_{h1}, w_1 … w_n in file order, b_1 …, E_total, target, η; deeper hidden units h1,2: layer, unit"""

    name = "net-out"

    def _unit(self, layer: int, j: int | str) -> str:
        if layer == self.depth:
            return f"o{j}"
        return f"h{j}" if self.depth == 2 else f"h{layer},{j}"

    def input(self, i: int | str) -> Symbol:
        return Symbol("i", str(i))

    def target(self, j: int | str) -> Symbol:
        return Symbol("target", f"o{j}")

    def pre_activation(self, layer: int, j: int | str) -> Symbol:
        return Symbol("net", self._unit(layer, j))

    def activation(self, layer: int, j: int | str) -> Symbol:
        return Symbol("out", self._unit(layer, j))

    def weight(self, layer: int, j: int | str, i: int | str) -> Symbol:
        if isinstance(j, str) or isinstance(i, str):
            return Symbol("w", f"{i},{j}")
        before = sum(a * b for a, b in zip(self.widths[: layer - 1], self.widths[1:layer], strict=True))
        return Symbol("w", str(before + (j - 1) * self.widths[layer - 1] + i))

    def bias(self, layer: int, j: int | str) -> Symbol:
        if isinstance(j, str):
            return Symbol("b", j)
        before = sum(len(one.biases or ()) for one in self.layers[: layer - 1])
        return Symbol("b", str(before + j))

    def loss(self, *output: int | str) -> Symbol:
        return Symbol("E", f"o{output[0]}" if output else "total")

    # the profile has no matrices of its own: the vectors keep their words, the weights into a layer are W with its mark

    def _mark(self, layer: int) -> str:
        return "o" if layer == self.depth else "h" if self.depth == 2 else f"h{layer}"

    def inputs(self) -> Symbol:
        return Symbol(self._case("i"))

    def targets(self) -> Symbol:
        return Symbol("target", "o")

    def pre_activations(self, layer: int) -> Symbol:
        return Symbol("net", self._mark(layer))

    def activations(self, layer: int) -> Symbol:
        return Symbol("out", self._mark(layer))

    def weights(self, layer: int) -> Symbol:
        return Symbol("W", self._mark(layer))

    def biases(self, layer: int) -> Symbol:
        return Symbol("b", self._mark(layer))


class Vw(Standard):
    """z, h, y; weights W in the first layer, V in the second, then U, S, R, Q, P; b; E; η"""

    name = "vw"
    letters = "WVUSRQP"

    def activations(self, layer: int) -> Symbol:
        if layer == self.depth:
            return Symbol(self._case("y"))
        return Symbol(self._case("h"), sup="" if self.depth == 2 else f"({layer})")

    def weights(self, layer: int) -> Symbol:
        return Symbol(self.letters[layer - 1]) if layer <= len(self.letters) else super().weights(layer)

    def activation(self, layer: int, j: int | str) -> Symbol:
        if layer == self.depth:
            return Symbol("y", str(j))
        return Symbol("h", str(j), "" if self.depth == 2 else f"({layer})")

    def weight(self, layer: int, j: int | str, i: int | str) -> Symbol:
        sub = f"{j},{i}" if self.wide else f"{j}{i}"
        if layer > len(self.letters):
            return Symbol("W", sub, f"({layer})")
        return Symbol(self.letters[layer - 1], sub)

    def layer_rate(self, layer: int, of: str = "") -> Symbol:
        if of == "w" and layer <= len(self.letters):
            return Symbol("eta", self.letters[layer - 1])
        return super().layer_rate(layer, of)


class FromTo(Standard):
    """net_j, o_j, w_{ij} (from i to j), θ_j, t_j; nodes are numbered through from the inputs"""

    name = "from-to"
    transposed = True  # row i, column j of W holds w_{ij}, from i to j

    def pre_activations(self, layer: int) -> Symbol:
        return Symbol("net", sup=f"({layer})")

    def activations(self, layer: int) -> Symbol:
        return Symbol("o" if not self.batch else "O", sup=f"({layer})")

    def biases(self, layer: int) -> Symbol:
        return Symbol("theta", sup=f"({layer})")

    def __init__(self, problem: Network) -> None:
        super().__init__(problem)
        self.wide = sum(self.widths) > 9

    def _node(self, layer: int, j: int | str) -> str:
        return j if isinstance(j, str) else str(sum(self.widths[:layer]) + j)

    def input(self, i: int | str) -> Symbol:
        return Symbol("x", self._node(0, i))

    def target(self, j: int | str) -> Symbol:
        return Symbol("t", self._node(self.depth, j))

    def pre_activation(self, layer: int, j: int | str) -> Symbol:
        return Symbol("net", self._node(layer, j))

    def activation(self, layer: int, j: int | str) -> Symbol:
        return Symbol("o", self._node(layer, j))

    def weight(self, layer: int, j: int | str, i: int | str) -> Symbol:
        source, target = self._node(layer - 1, i), self._node(layer, j)
        return Symbol("w", f"{source},{target}" if self.wide else source + target)

    def bias(self, layer: int, j: int | str) -> Symbol:
        return Symbol("theta", self._node(layer, j))

    def loss(self, *output: int | str) -> Symbol:
        return Symbol("E", "".join(self._node(self.depth, j) for j in output))


class IhHo(Standard):
    """Z_1, h_1, O; W_ih, W_ho (between hidden layers W_h1h2), entries from i to j; b_ih, b_ho; Y; α; Wᵀ X + b"""

    name = "ih-ho"
    transposed = True

    def inputs(self) -> Symbol:
        return Symbol("X")

    def targets(self) -> Symbol:
        return Symbol("Y")

    def pre_activations(self, layer: int) -> Symbol:
        return Symbol("Z", str(layer))

    def activations(self, layer: int) -> Symbol:
        return Symbol("O") if layer == self.depth else Symbol("h", str(layer))

    def weights(self, layer: int) -> Symbol:
        return Symbol("W", self._place(layer))

    def biases(self, layer: int) -> Symbol:
        return Symbol("b", self._place(layer))

    def _place(self, layer: int) -> str:
        """Between which layers a weight stands: ih, h1h2, ho."""
        hidden = self.depth > 2
        before = "i" if layer == 1 else f"h{layer - 1}" if hidden else "h"
        after = "o" if layer == self.depth else f"h{layer}" if hidden else "h"
        return before + after

    def input(self, i: int | str) -> Symbol:
        return Symbol("X", str(i))

    def target(self, j: int | str) -> Symbol:
        return Symbol("Y", str(j))

    def pre_activation(self, layer: int, j: int | str) -> Symbol:
        return Symbol("Z", f"{layer},{j}")

    def activation(self, layer: int, j: int | str) -> Symbol:
        return Symbol("O", str(j)) if layer == self.depth else Symbol("h", f"{layer},{j}")

    def weight(self, layer: int, j: int | str, i: int | str) -> Symbol:
        return Symbol("W", f"{self._place(layer)},{i}{',' if self.wide else ''}{j}")

    def bias(self, layer: int, j: int | str) -> Symbol:
        return Symbol("b", f"{self._place(layer)},{j}")

    def rate(self) -> Symbol:
        return Symbol("alpha")

    def layer_rate(self, layer: int, of: str = "") -> Symbol:
        return Symbol("alpha", f"{of},{self._place(layer)}" if of else self._place(layer))


class DeltaNabla(Standard):
    """z^(l), a^(l), layers counted from 1 at the inputs, a^(1) = x; W^(l) leaves layer l; J; y"""

    name = "delta-nabla"
    nabla = True

    def inputs(self) -> Symbol:
        return super().activations(1)

    def targets(self) -> Symbol:
        return Symbol(self._case("y"))

    def pre_activations(self, layer: int) -> Symbol:
        return super().pre_activations(layer + 1)

    def activations(self, layer: int) -> Symbol:
        return super().activations(layer + 1)

    def input(self, i: int | str) -> Symbol:
        return super().activation(1, i)

    def target(self, j: int | str) -> Symbol:
        return Symbol("y", str(j))

    def pre_activation(self, layer: int, j: int | str) -> Symbol:
        return super().pre_activation(layer + 1, j)

    def activation(self, layer: int, j: int | str) -> Symbol:
        return super().activation(layer + 1, j)

    def weight(self, layer: int, j: int | str, i: int | str) -> Symbol:
        symbol = super().weight(layer, j, i)
        return Symbol("W", symbol.sub, symbol.sup)

    def loss(self, *output: int | str) -> Symbol:
        return Symbol("J", "".join(map(str, output)))


class XLayer(Standard):
    """x_l = f_l(W_l x_{l−1}), the inputs x_0; b_l; t; α"""

    name = "x-layer"

    def inputs(self) -> Symbol:
        return Symbol(self._case("x"), "0")

    def pre_activations(self, layer: int) -> Symbol:
        return Symbol(self._case("z"), str(layer))

    def activations(self, layer: int) -> Symbol:
        return Symbol(self._case("x"), str(layer))

    def weights(self, layer: int) -> Symbol:
        return Symbol("W", str(layer))

    def biases(self, layer: int) -> Symbol:
        return Symbol("b", str(layer))

    def input(self, i: int | str) -> Symbol:
        return Symbol("x", f"0,{i}")

    def pre_activation(self, layer: int, j: int | str) -> Symbol:
        return Symbol("z", f"{layer},{j}")

    def activation(self, layer: int, j: int | str) -> Symbol:
        return Symbol("x", f"{layer},{j}")

    def weight(self, layer: int, j: int | str, i: int | str) -> Symbol:
        return Symbol("W", f"{layer},{super().weight(layer, j, i).sub}")

    def bias(self, layer: int, j: int | str) -> Symbol:
        return Symbol("b", f"{layer},{j}")

    def rate(self) -> Symbol:
        return Symbol("alpha")

    def layer_rate(self, layer: int, of: str = "") -> Symbol:
        return Symbol("alpha", f"{of},{layer}" if of else str(layer))


PROFILES: tuple[type[Standard], ...] = (Standard, NetOut, FromTo, Vw, IhHo, DeltaNabla, XLayer)
