"""Problem files: TOML or JSON text into a Problem. Untrusted: read as data, bounded in size, never executed."""

import json
import re
import sys
import tomllib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from calc.errors import Fault, ProblemError
from calc.fields import Typed
from calc.network import Network
from calc.number import MOST_DIGITS
from calc.problem import TOO_DEEP, Problem

LARGEST_FILE = 2**20  # bytes; a page with a thousandth of them is a long one

Overrides = Mapping[tuple[str, str], Any]


def load(path: str | Path, overrides: Overrides | None = None) -> Problem:
    """Read a problem file; ``-`` reads standard input; ``.json`` is JSON, anything else TOML (or JSON by its brace).

    Args:
        path: the file.
        overrides: what the command line sets, e.g. {("rounding", "decimals"): 6}.
    Raises:
        ProblemError: the file cannot be read, or what it says is wrong; every fault is listed.
    """
    source = "standard input" if str(path) == "-" else str(path)
    tables = parse(text_of(path, source, "a problem", "calc new xor"), source)
    for (table, key), value in (overrides or {}).items():
        inner = tables.setdefault(table, {})
        if isinstance(inner, dict):  # otherwise the file is wrong there and is told so below
            for other in {"decimals", "significant"} if key in ("decimals", "significant") else ():
                inner.pop(other, None)
            inner[key] = value
    try:
        return Problem(**tables)
    except ProblemError as error:
        raise ProblemError(source, error.faults) from None


def schema() -> dict[str, Any]:
    """The JSON Schema of the problem file, a network or a computational graph."""
    from pydantic import TypeAdapter  # only where a schema is asked for

    from calc.circuit import Circuit

    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "calc problem"}
    return draft | TypeAdapter(Network | Circuit).json_schema()


def text_of(path: str | Path, source: str, what: str, start: str) -> str:
    """The text of a file.

    Args:
        what: what the file should hold, e.g. "a problem".
        start: the command that writes one to start with.
    Raises:
        ProblemError: it cannot be read, is empty, too large or no text in UTF-8.
    """
    try:
        if str(path) == "-":
            content = sys.stdin.buffer.read(LARGEST_FILE + 1) if sys.stdin else b""
        else:
            with Path(path).open("rb") as file:
                content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise ProblemError(source, [Fault("", f"no such file. Check the path, or start with: {start}")]) from None
    except IsADirectoryError:
        raise ProblemError(source, [Fault("", f"a directory found, {what} file needed. Name a file in it")]) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = getattr(error, "strerror", None) or str(error)
        raise ProblemError(source, [Fault("", f"cannot be read ({why}). Check the path and its permissions")]) from None
    if len(content) > LARGEST_FILE:
        raise ProblemError(source, [Fault("", f"more than {LARGEST_FILE >> 20} MB found. Name {what} file")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = "not UTF-8 but UTF-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "not UTF-8"
        raise ProblemError(source, [Fault(f"line {line}", f"{found}. Save the file as UTF-8")]) from None
    if not text.strip():
        raise ProblemError(source, [Fault("", f"empty. Write {what}, or start with: {start}")])
    return text


def parse(text: str, source: str) -> dict[str, Any]:
    """The tables of a TOML file, or of a JSON file by its suffix or its brace; numbers that no int holds are Typed.

    Raises:
        ProblemError: it is neither.
    """
    is_json = source.endswith(".json") or text.lstrip()[0] == "{"
    try:
        tables = _parse_json(text, source) if is_json else _parse_toml(text, source)
    except RecursionError:
        raise ProblemError(source, [TOO_DEEP]) from None
    except ValueError:  # more digits than Python turns into a number
        huge = re.search(r"[0-9_]{4300,}", text)
        line, count = (text.count("\n", 0, huge.start()) + 1, len(huge[0])) if huge else (1, "too many")
        fault = Fault(f"line {line}", f"a number of {count} digits found. Give at most {MOST_DIGITS} digits")
        raise ProblemError(source, [fault]) from None
    if not isinstance(tables, dict):
        raise ProblemError(source, [Fault("", "no table found, a JSON object { … } needed at the top")])
    return tables


_LONG_KEY = re.compile(  # a.b.c. …, for which tomllib's memory grows with the square of its length
    r"""(?:^|[\[{,])[ \t]*+(?:(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){40}""", re.MULTILINE
)


def _parse_toml(text: str, source: str) -> dict[str, Any]:
    long = _LONG_KEY.search(text)
    if long:
        line = text.count("\n", 0, long.end()) + 1
        raise ProblemError(source, [Fault(f"line {line}", "a key with 40 dots found. Use tables in brackets [ ]")])
    try:
        return tomllib.loads(text, parse_float=Typed)
    except tomllib.TOMLDecodeError as error:
        what, _, where = str(error).rpartition(" (at ")
        if what.startswith(("Cannot", "Duplicate")):
            what = "a table or key stands twice. Remove one of them"
        else:
            what = re.sub(r"'\\x(..)'", r"U+00\1", what)  # a control character as the rest of calc spells it
            what = f"not TOML: {what[:200]}. Mend it there"
        raise ProblemError(source, [Fault(where.rstrip(")"), what)]) from None


def _parse_json(text: str, source: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) < len(pairs):
            (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
            what = f'the key "{" ".join(twice.split())[:60]}" stands twice in one table. Remove one of them'
            raise ProblemError(source, [Fault("", what)])
        return table

    try:
        return json.loads(text, parse_float=Typed, parse_constant=Typed, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        fault = Fault(f"line {error.lineno}, column {error.colno}", f"not JSON: {error.msg}. Mend it there")
        raise ProblemError(source, [fault]) from None
