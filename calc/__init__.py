"""calc: step-by-step worked examples of back-propagation, every printed digit proven.

problem = calc.load("examples/xor.toml")
solution = calc.solve(problem)
solution["dE/dw2_1_1"].value, solution.render("latex"), solution.save("xor.pdf")
calc.derive("1/(1+exp(-z))").render("text")
calc.conventions(problem).render("text")
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from calc.derived import Derivation, derive
    from calc.errors import CalcError, ProblemError, UnsupportedError, VerificationError
    from calc.explain_conventions import Conventions, conventions
    from calc.file import load
    from calc.problem import Problem
    from calc.report import Report, check
    from calc.solution import Solution, solve

__version__ = "0.1.0"

_HOME = {  # each name is loaded when it is first used, so that the command line starts at once
    "CalcError": "calc.errors",
    "Conventions": "calc.explain_conventions",
    "Derivation": "calc.derived",
    "Problem": "calc.problem",
    "ProblemError": "calc.errors",
    "Report": "calc.report",
    "Solution": "calc.solution",
    "UnsupportedError": "calc.errors",
    "VerificationError": "calc.errors",
    "check": "calc.report",
    "conventions": "calc.explain_conventions",
    "derive": "calc.derived",
    "load": "calc.file",
    "solve": "calc.solution",
}
__all__ = [
    "CalcError",
    "Conventions",
    "Derivation",
    "Problem",
    "ProblemError",
    "Report",
    "Solution",
    "UnsupportedError",
    "VerificationError",
    "check",
    "conventions",
    "derive",
    "load",
    "solve",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'calc' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
