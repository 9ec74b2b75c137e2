"""What all tests share: the size of random sweeps, and programs that may be absent."""

import os
import shutil
from collections import Counter

import pytest
from hypothesis import settings


class Sweep:
    """How many cases a random sweep tries: seconds by default, minutes in CI, the full counts on demand."""

    def __init__(self, size: str) -> None:
        self.size = size

    def count(self, seconds: int, ci: int, full: int) -> int:
        return {"seconds": seconds, "ci": ci, "full": full}[self.size]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sweep", choices=("seconds", "ci", "full"), default="seconds", help="size of random sweeps")


def pytest_configure(config: pytest.Config) -> None:
    """A busy machine is no fault; the full sweep tries new examples every time, the others the same for everybody."""
    settings.register_profile("calc", deadline=None, derandomize=config.getoption("--sweep") != "full")
    settings.load_profile("calc")


@pytest.fixture(scope="session")
def sweep(request: pytest.FixtureRequest) -> Sweep:
    return Sweep(request.config.getoption("--sweep"))


def needs(*programs: str) -> None:
    """Skip where a program is absent on a user's machine; fail in CI."""
    absent = [program for program in programs if shutil.which(program) is None]
    if absent and os.environ.get("CI"):
        pytest.fail(f"{', '.join(absent)} must be installed in CI")
    if absent:
        pytest.skip(f"{', '.join(absent)} not installed")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures that tests record, e.g. how many digits a sweep has compared; counts of one name are summed up."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    figures = [figure for report in reports for figure in report.user_properties]
    counts: Counter[str] = Counter()
    for name, value in figures:
        if isinstance(value, int):
            counts[name] += value
    lines = {f"{name}: {value}" for name, value in figures if name not in counts}
    for line in sorted(lines | {f"{name}: {count}" for name, count in counts.items()}):
        terminalreporter.write_line(line)
