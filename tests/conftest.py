"""What all tests share: the size of random sweeps, and programs that may be absent."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

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


def run_node(script: Path, input: str) -> str:
    """What a script under tests/ writes, with the npm packages of tests/package.json beside it."""
    needs("node", "npm")
    packages = Path(__file__).with_name("package.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "calc-tests"
    folder = cache / hashlib.sha256(packages).hexdigest()[:16]
    if not folder.is_dir():
        _install(packages, folder)
    done = subprocess.run(["node", str(script)], cwd=folder, input=input, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def _install(packages: bytes, folder: Path) -> None:
    """Install beside and rename, so that several test processes do not meet."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as beside:
        (Path(beside) / "package.json").write_bytes(packages)
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(install, cwd=beside, capture_output=True, text=True, check=False)
        if done.returncode and os.environ.get("CI"):
            pytest.fail(f"npm could not install the packages of tests/package.json: {done.stderr[-1000:]}")
        if done.returncode:
            pytest.skip("npm could not install the packages of tests/package.json")
        installed = Path(beside) / "whole"
        installed.mkdir()
        for part in ("package.json", "node_modules"):
            (Path(beside) / part).rename(installed / part)
        try:
            installed.rename(folder)
        except OSError:  # another process was first
            assert folder.is_dir()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures that tests record, e.g. how many digits a sweep has compared."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    figures = {f"{name}: {value}" for report in reports for name, value in report.user_properties}
    for line in sorted(figures):
        terminalreporter.write_line(line)
