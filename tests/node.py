"""Programs from npm for the tests, installed once into a cache folder outside the repository."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from conftest import needs

TESTS = Path(__file__).parent


@cache
def node_modules() -> Path:
    """The folder of the packages that tests/package.json pins; a test is skipped where they cannot be had."""
    needs("node", "npm")
    wanted = (TESTS / "package.json").read_bytes()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "calc-tests"
    folder = caches / hashlib.sha256(wanted).hexdigest()[:16]
    if not folder.is_dir():
        caches.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=caches))  # it appears whole; tests may run side by side
        (beside / "package.json").write_bytes(wanted)
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=beside, capture_output=True, text=True, check=False)
        if done.returncode == 0 and not folder.is_dir():
            beside.rename(folder)
        else:
            shutil.rmtree(beside)
        if not folder.is_dir():
            reason = f"npm cannot install what the tests need: {done.stderr[-300:]}"
            pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return folder / "node_modules"


def run_script(script: str, *arguments: str | Path) -> Any:
    """What a script of this folder prints, read as JSON."""
    command = ["node", str(TESTS / script), str(node_modules()), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)
