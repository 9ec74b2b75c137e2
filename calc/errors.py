"""What can go wrong, by whose doing.

CalcError            any error calc raises on purpose; its text is meant for the user
ProblemError         the user's file or option is wrong        (exit status 2)
UnsupportedError     the numbers lead where the arithmetic or a convention does not reach  (exit status 2)
VerificationError    our own result failed the independent check: a bug of calc  (exit status 3)
"""

from collections.abc import Sequence
from dataclasses import dataclass


class CalcError(Exception):
    """Base of all errors that calc raises on purpose."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with the input: where it stands, what was found, expected and is to be done."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


def short(text: str, most: int = 60) -> str:
    """A text of the user's on one line, cut."""
    return " ".join(text[: 2 * most].split())[:most]


class ProblemError(CalcError):
    """The input is wrong; lists every fault found, not only the first."""

    def __init__(self, source: str, faults: Sequence[Fault]) -> None:
        self.source = source
        self.faults = tuple(faults)
        count = f"{len(faults)} problem{'s' if len(faults) != 1 else ''}"
        super().__init__("\n".join([f"{source}: {count}", *(f"  {fault}" for fault in faults)]))


class UnsupportedError(CalcError):
    """A quantity cannot be computed or printed as asked; the message names it and says what to change."""


class VerificationError(CalcError):
    """The chain rule and the independent derivative disagree: calc is wrong, and nothing is printed."""
