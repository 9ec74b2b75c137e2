"""calc: step-by-step worked examples of back-propagation, every printed digit proven.

problem = calc.load("examples/xor.toml")
solution = calc.solve(problem)
solution["dE/dw2_1_1"].value, solution.render("latex"), solution.save("xor.pdf")
"""

from calc.errors import CalcError, ProblemError, UnsupportedError, VerificationError
from calc.file import load
from calc.problem import Problem
from calc.solution import Solution, solve

__all__ = [
    "CalcError",
    "Problem",
    "ProblemError",
    "Solution",
    "UnsupportedError",
    "VerificationError",
    "load",
    "solve",
]
__version__ = "0.1.0"
