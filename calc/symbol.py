"""Symbols: how a quantity is spelled on paper, in no particular format.

z^{(1)}_2    Symbol("z", sub="2", sup="(1)")
net_{h1}     Symbol("net", sub="h1")
"""

import re
from dataclasses import dataclass

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ",
    "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ",
    "Omega": "Ω",
}  # fmt: skip

LONGEST = 10  # characters of a base, a subscript or a superscript that still fit a line

_SCRIPT = r"(?:\{([A-Za-z0-9,']+)\}|([A-Za-z0-9,']+))"
_SYMBOL = re.compile(rf"([A-Za-z]+|[{''.join(GREEK.values())}])(?:_{_SCRIPT})?(?:\^{_SCRIPT})?(?:_{_SCRIPT})?")


@dataclass(slots=True, unsafe_hash=True)
class Symbol:
    """A base letter, word or Greek name with what stands below and above it.

    delta: a Δ before it; hat, tilde: that accent on the base.
    """

    base: str
    sub: str = ""
    sup: str = ""
    primes: int = 0
    sample: int | str | None = None
    delta: bool = False
    hat: bool = False
    tilde: bool = False

    @classmethod
    def parse(cls, text: str) -> "Symbol":
        """Read letters or a Greek name, then at most one ``_sub`` and one ``^sup``.

        e.g. "w_5", "net_{h1}", "theta^2", "b^{(1)}" is refused: letters, digits, commas and primes only.

        Raises:
            ValueError: anything else; the message says what may stand there.
        """
        shown = f'"{" ".join(text[:80].split())[:40]}"'
        match = _SYMBOL.fullmatch(text)
        if not match or ((match[2] or match[3]) and (match[6] or match[7])):
            raise ValueError(
                f"{shown} is not a symbol. Write letters or a Greek name, then at most one _sub or _{{sub}} and "
                'one ^sup or ^{sup} of letters, digits, commas and primes, e.g. "w_5" or "net_{h1}"'
            )
        base = match[1]
        names = {sign: name for name, sign in GREEK.items()}
        sub, sup = match[2] or match[3] or match[6] or match[7] or "", match[4] or match[5] or ""
        if max(len(base), len(sub), len(sup)) > LONGEST:
            raise ValueError(f"{shown} is too long. Use at most {LONGEST} characters in each of its parts")
        return cls(names.get(base, base), sub, sup)

    def __str__(self) -> str:
        """As it could be typed again."""
        return self.base + (f"_{{{self.sub}}}" if self.sub else "") + (f"^{{{self.sup}}}" if self.sup else "")

    def plain(self) -> str:
        """The printed name with ``_ ^ { }`` removed, as a user may type it: w5, neth1, z(1)1."""
        mark = f"[{self.sample}]" if self.sample is not None else ""
        base = f"D{self.base}" if self.delta else self.base
        return base + self.sup + self.sub + "'" * self.primes + mark
