"""A problem file is read exactly, or every fault in it is told at once: where, what was found, what to do."""

import json
import re
import time
import tomllib
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import calc
from calc.cli import app

ROOT = Path(__file__).parent.parent
FILES = sorted([*(ROOT / "examples").glob("*.toml"), *(ROOT / "templates" / "starters").glob("*.toml")])

GOOD = """\
learning_rate = 0.3
loss = "half_squared_error"
[[layers]]
activation = "sigmoid"
weights = [[0.1, -0.2], [0.4, 0.3]]
biases = [1, 1]
[[layers]]
activation = "sigmoid"
weights = [[0.5, -0.6]]
[[samples]]
inputs = [1, 0]
targets = [1]
"""
TABLES = tomllib.loads(GOOD)
MILLION = 10**6

pytestmark = pytest.mark.filterwarnings("error")

# a word of ours or of a library that a reader of a problem file should never meet
INTERNALS = re.compile(
    r"Traceback|pydantic|tomllib|json\.|ValueError|Error\(|validation|<class|object at|NoneType|Typed|Decimal|Exact|"
    r"fmpq|\b(None|True|False|dict|tuple|str|int|float|bool)\b|\\x|\\u[0-9a-f]{4}"
)
REMEDY = re.compile(
    r"Add|Remove|Write|Give|Did you mean|Mend|Known:|Move|Check|Save|Name|Use|needed|can be printed|are lists of"
)


def changed(old: str, new: str) -> str:
    """The good file with one thing changed."""
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def rate(number: str) -> str:
    """The good file with another learning rate."""
    return changed("0.3", number)


def with_(lines: str) -> str:
    """The good file with more tables."""
    return GOOD + lines + "\n"


def faults(path: Path) -> list[str]:
    """What is wrong with a file, one text per fault; told within a second of work, and in words."""
    start = time.process_time()
    with pytest.raises(calc.ProblemError) as caught:
        calc.load(path)
    assert time.process_time() - start < 1
    told = [str(fault) for fault in caught.value.faults]
    assert str(caught.value).splitlines()[0] == f"{path}: {len(told)} problem{'s' if len(told) > 1 else ''}"
    for fault in told:
        assert len(fault) < 700
        assert not INTERNALS.search(fault), fault
        assert REMEDY.search(fault), fault
    return told


def check(path: Path, content: str | bytes, expected: Iterable[str]) -> None:
    """The file has exactly these faults, each told as expected up to its remedy; the command line ends with 2."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    told, expected = faults(path), [expected] if isinstance(expected, str) else list(expected)
    assert len(told) == len(expected), told
    for fault, start in zip(told, expected, strict=True):
        assert fault.startswith(start) or ("…" in start and all(part in fault for part in start.split("…"))), fault
    done = CliRunner().invoke(app, ["solve", str(path)])
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", len(told) + 1)


NOT_A_NUMBER = "is not a number. Write 0.5, -2, 1e-3 or a fraction"
TOO_LONG = "line 1: a number of {} digits found. Give at most 60 digits"
TOO_MANY = "a number of {} characters found, at most 60 digits"
MORE_THAN_60 = "a number of more than 60 digits found. Give at most 60 digits"
MISSING = ['learning_rate: missing. Add "learning_rate" here', "loss: missing", "layers: missing", "samples: missing"]
TOO_DEEP = "brackets nested too deeply"
TWICE = "a table or key stands twice. Remove one of them"

UNREADABLE: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "empty. Write a problem, or start with: calc new xor"),
    "blank": (" \n\t\n", "empty. Write"),
    "only a byte order mark": (b"\xef\xbb\xbf", "empty. Write"),
    "a word": ("hello", "end of document: not TOML: Expected '='"),
    "half a line": ("x =", "end of document: not TOML: Invalid value. Mend it there"),
    "a torn list": (GOOD[: GOOD.index("[1, 1]") + 3], "end of document: not TOML: Invalid value"),
    "NUL": (b"\0\0\0", "line 1, column 1: not TOML: Invalid statement"),
    "a control character": ('title = "a\x01b"\n' + GOOD, "line 1, column 11: not TOML: Illegal character U+0001"),
    "a bare carriage return": (GOOD.replace("\n", "\r"), "line 1, column 20: not TOML: Expected newline"),
    "UTF-16": (GOOD.encode("utf-16"), "line 1: not UTF-8 but UTF-16. Save the file as UTF-8"),
    "Latin-1": (('title = "x"\n' * 2 + "# é").encode("latin-1"), "line 3: not UTF-8. Save the file as UTF-8"),
    "a surrogate": (b'title = "\xed\xa0\x80"\n', "line 1: not UTF-8"),
    "random bytes": (bytes(range(256)), "line 2: not UTF-8"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "line 1: not UTF-8"),
    "a key twice": ("learning_rate = 1\n" + GOOD, "line 2, column 20: " + TWICE),
    "a table twice": (with_("[rounding]\ndecimals = 1\n[rounding]"), "line 15, column 10: " + TWICE),
    "a key as number and table": (with_("[rounding]\nties.x = 1\nties = 1"), "line 15, column 9: " + TWICE),
    "a list as table": ("layers = []\n[[layers]]\n", "line 2, column 9: " + TWICE),
    "an inline key twice": (changed('"sigmoid"', '{name = "relu", name = "tanh"}'), "line 4, column 43: " + TWICE),
    "an impossible date": (rate("2023-02-30"), "line 1, column 17: not TOML: Invalid date"),
    "brackets without end": (changed("[[0.5, -0.6]]", "[" * 10**5), TOO_DEEP),
    "brackets within brackets": (changed("[[0.5, -0.6]]", "[" * 400 + "]" * 400), TOO_DEEP),
    "braces without end": ("x = " + "{a = " * 10**4, TOO_DEEP),
    "tables within tables": ("[" + "a." * 20 + "a]", TOO_DEEP),
    "a key of many parts": ("x" + ".x" * 250_000 + " = 1", "line 1: a key with 40 dots found. Use tables"),
    "a quoted key of many parts": ('a = 1\n"\\"".b' + ' . "x"' * 10**5 + " = 1", "line 2: a key with 40 dots"),
    "an inline key of many parts": ("a = {" + "x." * 10**5 + "x = 1}", "line 1: a key with 40 dots"),
    "a header of many parts": ("[" + "x." * 10**5 + "x]", "line 1: a key with 40 dots found. Use tables"),
    "a huge file": ("#" * (2**20 + 1), "more than 1 MB found. Name a problem file"),
    "a huge binary": (bytes(2**25), "more than 1 MB found"),
    "blank lines": ("\n" * (2**20), "empty. Write"),
    "commas": (",'" * 2**19, "line 1, column 1: not TOML: Invalid statement"),
    "JSON torn": ("{", "line 1, column 2: not JSON: Expecting property name"),
    "JSON with a tail": ("{}\n x", "line 2, column 2: not JSON: Extra data. Mend it there"),
    "JSON key twice": ('{"loss": "mse",\n "loss": "mse"}', 'the key "loss" stands twice in one table. Remove one'),
    "JSON inner key twice": ('{"rounding": {"a\\n": 1, "a\\n": 2}}', 'the key "a" stands twice in one table'),
    "JSON many keys": ("{" + ", ".join(f'"{i}":1' for i in (*range(70_000), 7)) + "}", 'the key "7" stands twice'),
    "JSON brackets without end": ('{"layers": ' + "[" * 10**5, TOO_DEEP),
    "JSON brackets within brackets": ('{"layers": ' + "[" * 10**5 + "]" * 10**5 + "}", TOO_DEEP),
    "JSON nine levels": ('{"layers": ' + "[" * 9 + "]" * 9 + "}", TOO_DEEP),
    "JSON braces": ('{"a": ' * 10**5 + "1" + "}" * 10**5, TOO_DEEP),
    "JSON long integer": ('{"learning_rate":\n' + "1" * MILLION + "}", f"line 2: a number of {MILLION} digits found"),
    "long integer": (rate("1" * MILLION), TOO_LONG.format(MILLION)),
    "long integer with underscores": (rate("1" + "_1" * (MILLION // 2)), TOO_LONG.format(MILLION + 1)),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read_says_where_and_why(name: str, tmp_path: Path) -> None:
    content, expected = UNREADABLE[name]
    check(tmp_path / ("bad.json" if name.startswith("JSON") else "bad.toml"), content, [expected])


NOT_NUMBERS = {
    **{f'"{text}"': f"'{text}' {NOT_A_NUMBER}" for text in ("nan", "Infinity", "abc", "", "0,3", "30%", ".5", "5.")},
    **{f'"{text}"': f"'{text}' {NOT_A_NUMBER}" for text in ("1 1/2", "1.5/2", "1/-2", "1/2/3", "٣", "−1", "1e5.5")},
    **{text: f"'{text}' {NOT_A_NUMBER}" for text in ("nan", "inf", "-inf")},
    '"__import__(1)"': f"'__import__(1)' {NOT_A_NUMBER}",
    '"1/0"': "1/0 divides by 0. Give a denominator other than 0",
    "true": "true found, a number needed. Write 1 or 0",
    "false": "false found, a number needed. Write 1 or 0",
    "1979-05-27": "1979-05-27 found, a number needed",
    "07:32:00": "07:32:00 found, a number needed",
    "[]": "an empty list found, a number needed",
    "[1, 2]": "a list of 2 found, a number needed",
    "{ a = 1 }": "a table found, a number needed",
    "1e999999": "1e999999 is out of range. Numbers from 1e-100 to 1e100 can be printed",
    "-1e-999999": "-1e-999999 is out of range",
    "1e101": "1e101 is out of range",
    '"1e99999999999999999999"': "1e99999999999999999999 is out of range",
    "1" * 61: MORE_THAN_60,
    "0." + "1" * 60: MORE_THAN_60,
    "1" * 4299: MORE_THAN_60,
    "0x" + "f" * 500_000: MORE_THAN_60,
    "0b" + "1" * 500_000: MORE_THAN_60,
    "0." + "1" * MILLION: TOO_MANY.format(MILLION + 2),
    "1" * MILLION + ".5": TOO_MANY.format(MILLION + 2),
    "1e" + "9" * MILLION: TOO_MANY.format(MILLION + 2),
    f'"1/{"3" * MILLION}"': TOO_MANY.format(MILLION + 2),
    f'"{"3" * MILLION}/7"': TOO_MANY.format(MILLION + 2),
    f'"{"1" * MILLION}"': TOO_MANY.format(MILLION),
}


@pytest.mark.parametrize("number", NOT_NUMBERS, ids=lambda number: f"{number[:24]}-{len(number)}")
def test_what_is_no_number_is_told_so(number: str, tmp_path: Path) -> None:
    check(tmp_path / "bad.toml", rate(number), [f"learning_rate: {NOT_NUMBERS[number]}"])


@pytest.mark.parametrize(
    "number", ["NaN", "-Infinity", "1e999999", "true", "null", "[]", "{}", '"1/0"', "0." + "1" * MILLION]
)
def test_in_json_too_what_is_no_number_is_told_so(number: str, tmp_path: Path) -> None:
    text = json.dumps(TABLES | {"learning_rate": 0.3}).replace("0.3,", number + ",", 1)
    assert number in text
    check(tmp_path / "bad.json", text, ["learning_rate: "])


KNOWN = 'is not known. Did you mean "{}"?'
LIST, TABLE, TEXT, WHOLE = (f"found, {what} needed" for what in (
    "a list in brackets [ ]", "a table of named entries", "a text in quotes", "a whole number"))  # fmt: skip
SYMBOL = "is not a symbol. Write letters or a Greek name"

WRONG: dict[str, tuple[str, list[str]]] = {
    # nothing there
    "an empty table": ("{}", MISSING),
    "a title alone": ('title = "x"', MISSING),
    "no layers": (changed(GOOD[GOOD.index("[[l") : GOOD.index("[[s")], ""), ["layers: missing. Add"]),
    "an empty list of layers": ('loss = "mse"\nlearning_rate = 1\nlayers = []\nsamples = []',
        ["layers: empty. Add at least one entry", "samples: empty. Add at least one entry"]),
    "no samples": (changed(GOOD[GOOD.index("[[s") :], ""), ["samples: missing. Add"]),
    "no loss": (changed('loss = "half_squared_error"', ""), ['loss: missing. Add "loss" here']),
    "no activation": (changed('activation = "sigmoid"\n', ""), ["layers[0].activation: missing"]),
    "no targets": (changed("targets = [1]", ""), ["samples[0].targets: missing"]),
    # names that are not known
    "a misspelt key": ("lerning_rate = 1\n" + GOOD, ["lerning_rate: … " + KNOWN.format("learning_rate")]),
    "a misspelt key in a layer": (changed("biases", "bias"), ["layers[0].bias: … " + KNOWN.format("biases")]),
    "a misspelt table": (with_("[convention]"), ["convention: … " + KNOWN.format("conventions")]),
    "a misspelt key in each table": (
        with_("input = 1\n[rounding]\ndecimal = 1\n[solution]\nmetod = 1\n[notation]\nprofil = 1"
              "\n[conventions]\nrelu_at = 0"),
        ["conventions.relu_at: … " + KNOWN.format("relu_at_zero"), "rounding.decimal: … " + KNOWN.format("decimals"),
         "solution.metod: … " + KNOWN.format("method"), "notation.profil: … " + KNOWN.format("profile"),
         "samples[0].input: … " + KNOWN.format("inputs")]),
    "a key that is like none": ("zzz = 1\n" + GOOD, ['zzz: "zzz" is not known. Known: title, learning_rate']),
    "a key at the wrong place": (with_('reduction = "sum"'),
        ['samples[0].reduction: "reduction" does not belong here. Move it to the top, above the first table']),
    "an empty key": ('"" = 1\n' + GOOD, ['"" is not known']),
    "a key that is half a character": ('{"\\ud800": 1, "learning_rate": "\\udfff", "loss": "\\ud834"}',
        ["learning_rate: '\ufffd' is not a number", 'loss: "\ufffd" is not known', *MISSING[2:],
        '\ufffd: "\ufffd" is not known']),
    "a key on two lines": ('"a\\nb" = 1\n' + GOOD, ['a b: "a b" is not known']),
    "a long key": ("k" * 10**5 + " = 1\n" + GOOD, ["k" * 60 + ': "' + "k" * 60 + '" is not known']),
    "a misspelt activation": (changed("sigmoid", "sigmod"), ["layers[0].activation: … " + KNOWN.format("sigmoid")]),
    "a misspelt loss": (changed("half_s", "half"), ["loss: … " + KNOWN.format("half_squared_error")]),
    "a misspelt choice": (with_('[rounding]\nties = "half-upp"'), ["rounding.ties: … " + KNOWN.format("half-up")]),
    "choices of none": (
        with_('[rounding]\ncarry = 1\n[solution]\nmethod = []\n[notation]\nprofile = "x"\nmultiply = "*"'),
        ["rounding.carry: 1 found, one of full, rounded needed", "solution.method: an empty list found",
         'notation.profile: "x" is not known. Known: standard, net-out, from-to, vw, ih-ho', "notation.multiply: "]),
    "a reduction of none": ('reduction = "avg"\n' + GOOD, ['reduction: "avg" is not known. Known: mean, sum']),
    "a parameter of none": (changed('"sigmoid"', '{ name = "relu", alpha = 1 }'),
        ['layers[0].activation: relu has no parameter "alpha". Remove it']),
    # something else than is needed
    "an activation without name": (changed('"sigmoid"', "{ alpha = 1 }"), ["layers[0].activation: a table found"]),
    "an activation that is a number": (changed('"sigmoid"', "2.5"), ["layers[0].activation: 2.5 found"]),
    "an activation that is a list": (changed('"sigmoid"', "[]"), ["layers[0].activation: an empty list found"]),
    "a title that is a number": ("title = 5\n" + GOOD, [f"title: 5 {TEXT}"]),
    "a title that is a list": ('title = ["x"]\n' + GOOD, [f"title: a list of 1 {TEXT}"]),
    "tables for lists": ('{"layers": {"0": {}}, "samples": {}, "loss": {}, "learning_rate": {}, "title": {}}',
        [f"title: a table {TEXT}", "learning_rate: a table", "loss: a table", f"layers: a table {LIST}",
         f"samples: a table {LIST}"]),
    "lists for tables": ("rounding = []\nsolution = [1]\nnotation = []\nconventions = []\n" + GOOD,
        [f"conventions: an empty list {TABLE}", f"rounding: an empty list {TABLE}", f"solution: a list of 1 {TABLE}",
         f"notation: an empty list {TABLE}"]),
    "nothing for everything": (json.dumps(dict.fromkeys([*TABLES, "title", "rounding", "notation"])),
        [f"title: nothing {TEXT}", f"rounding: nothing {TABLE}", f"notation: nothing {TABLE}",
         "learning_rate: nothing", "loss: nothing", f"layers: nothing {LIST}", f"samples: nothing {LIST}"]),
    "texts for tables": (json.dumps(TABLES | {"layers": "x", "samples": "yy", "rounding": "z"}),
        [f'rounding: the text "z" {TABLE}', f'layers: the text "x" {LIST}', f'samples: the text "yy" {LIST}']),
    "numbers for layers": (json.dumps(TABLES | {"layers": [1, "x"], "samples": [2]}),
        [f"layers[0]: 1 {TABLE}", f'layers[1]: the text "x" {TABLE}', f"samples[0]: 2 {TABLE}"]),
    "weights in no list": (changed("[[0.5, -0.6]]", "0.5"), [f"layers[1].weights: 0.5 {LIST}"]),
    "weights in one list": (changed("[[0.5, -0.6]]", "[0.5, -0.6]"),
        [f"layers[1].weights[0]: 0.5 {LIST}", f"layers[1].weights[1]: -0.6 {LIST}"]),
    "weights in three lists": (changed("[[0.5, -0.6]]", "[[[0.5, -0.6]]]"),
        ["layers[1].weights[0][0]: a list of 2 found", "layers[1].weights: 1 row of 1 number found"]),
    "weights in a text": (changed("[[0.5, -0.6]]", '"0.5 -0.6"'), [f'layers[1].weights: the text "0.5 -0.6" {LIST}']),
    "biases in no list": (changed("[1, 1]", "1"), [f"layers[0].biases: 1 {LIST}"]),
    "inputs in no list": (changed("[1, 0]", "1"), [f"samples[0].inputs: 1 {LIST}"]),
    "numbers of all kinds": (changed("[1, 1]", '[nan, true, "x", [], "1/0", 1e999]'),
        [*(f"layers[0].biases[{i}]: {start}" for i, start in enumerate(
            ("'nan'", "true", "'x'", "an empty list", "1/0", "1e999 is out of"))), "layers[0].biases: 6 numbers"]),
    "a switch that is a text": (with_('[conventions]\nupdate_biases = "no"'),
        ['conventions.update_biases: the text "no" found, true or false needed']),
    "derivations that are a text": (with_('[solution]\nderivations = "yes"'),
        ['solution.derivations: the text "yes" found, true or false needed']),
    "a surface of three": (with_('[figures]\nsurface = ["w1_1_1", "w1_1_2", "b1_1"]'),
        ["figures.surface: a list of 3 found, 2 entries needed"]),
    "a surface of one": (with_('[figures]\nsurface = ["w1_1_1"]'), ["figures.surface[1]: missing. Add one more entry"]),
    "a switch that is a number": (with_("[conventions]\nupdate_biases = 0"), ["conventions.update_biases: 0 found"]),
    "a derivative at the kink of 2": (with_("[conventions]\nrelu_at_zero = 2"),
        ['conventions.relu_at_zero: 2 found, 0, "1/2" or 1 needed']),
    "decimals beyond 30": (with_("[rounding]\ndecimals = 31"), ["rounding.decimals: 31 found, at most 30 needed"]),
    "decimals below 0": (with_("[rounding]\ndecimals = -1"), ["rounding.decimals: -1 found, at least 0 needed"]),
    "decimals by the thousand": (with_(f"[rounding]\ndecimals = 1{'0' * 1000}"),
        ["rounding.decimals: a huge number found"]),
    "half a decimal": (with_("[rounding]\ndecimals = 2.5"), [f"rounding.decimals: 2.5 {WHOLE}"]),
    "decimals in quotes": (with_('[rounding]\ndecimals = "4"'), [f'rounding.decimals: the text "4" {WHOLE}']),
    "decimals that are true": (with_("[rounding]\ndecimals = true"), [f"rounding.decimals: true {WHOLE}"]),
    "no significant digit": (with_("[rounding]\nsignificant = 0"),
        ["rounding.significant: 0 found, at least 1 needed"]),
    "decimals and significant digits": (with_("[rounding]\ndecimals = 1\nsignificant = 2"),
        ["rounding: decimals and significant found, one of them needed. Remove one"]),
    "shows": (with_("[solution]\nshow = []"), ["solution.show: an empty list found"]),
    "a show of numbers": (with_("[solution]\nshow = [1]"), ["solution.show: a list of 1 found"]),
    "a show of nothing": (with_('[solution]\nshow = ""'), ["solution.show: an empty text found"]),
    "a show that is true": (with_("[solution]\nshow = true"), ["solution.show: true found"]),
    # shapes
    "rows of different lengths": (changed("[0.4, 0.3]", "[0.4]"),
        ["layers[0].weights: rows of different lengths found (2, 1), equal lengths needed. Give"]),
    "an empty row": (changed("[0.4, 0.3]", "[]"), ["layers[0].weights[1]: empty. Add at least one number"]),
    "no rows": (changed("[[0.5, -0.6]]", "[]"), ["layers[1].weights: empty. Add at least one entry"]),
    "a column too many": (changed("[[0.5, -0.6]]", "[[0.5, -0.6, 1]]"),
        ["layers[1].weights: 1 row of 3 numbers found, 1 row of 2 needed (… Remove 1 column from each row"]),
    "columns missing": (changed("[1, 0]", "[1, 0, 0, 1]"),
        ["layers[0].weights: 2 rows of 2 numbers found, 2 rows of 4 needed (… Add 2 columns to each row"]),
    "a bias missing": (changed("[1, 1]", "[1]"), ["layers[0].biases: 1 number found, 2 needed … leave biases out"]),
    "no biases in the list": (changed("[1, 1]", "[]"), ["layers[0].biases: 0 numbers found, 2 needed"]),
    "no inputs in the list": (changed("[1, 0]", "[]"), ["samples[0].inputs: empty. Add at least one number"]),
    "no targets in the list": (changed("targets = [1]", "targets = []"),
        ["samples[0].targets: empty. Add at least one"]),
    "a target too many": (changed("targets = [1]", "targets = [1, 0]"),
        ["samples[0].targets: 2 numbers found, 1 needed (one per unit of the last layer). Give every output"]),
    "samples of different lengths": (with_("[[samples]]\ninputs = [1]\ntargets = [1]"),
        ["samples[1].inputs: 1 number found, 2 needed (samples[0].inputs has 2). Give every sample the same number"]),
    "a wrong shape beside a wrong number": (changed("[1, 1]", "[true]"),
        ["layers[0].biases[0]: true found", "layers[0].biases: 1 number found, 2 needed"]),
    "fifty faults and more": (changed("[1, 1]", f"[{'true, ' * 5000}]"),
        [*(f"layers[0].biases[{i}]: true found" for i in range(50)), "and more. Mend these first"]),
    # symbols
    "a symbol of no quantity": (with_('[notation.symbols]\nw9_1_1 = "w"'),
        ['notation.symbols."w9_1_1": is no quantity of this network. Name one by its id']),
    "symbols of quantities that are not there": (
        with_('[notation.symbols]\nb2_1 = "b"\nx_3 = "x"\n"dE/dq" = "d"\nE_2 = "E"'),
        [f'notation.symbols."{key}": is no quantity' for key in ("b2_1", "x_3", "dE/dq", "E_2")]),
    "a symbol with a command": (with_("[notation.symbols]\nw1_1_1 = '\\input{x}'"),
        ['notation.symbols.w1_1_1: "\\input{x}" ' + SYMBOL]),
    "symbols of all kinds": (
        with_('[notation.symbols]\nw1_1_1 = 1\nw1_1_2 = ""\nw1_2_1 = "w_1_2"\nw1_2_2 = "w^{(1)}"'
              '\nE = ["E"]\nt_1 = "t_{}"'),
        ["notation.symbols.w1_1_1: 1 found, a symbol in quotes needed", 'notation.symbols.w1_1_2: "" ' + SYMBOL,
         f'notation.symbols.w1_2_1: "w_1_2" {SYMBOL}', "notation.symbols.w1_2_2: ",
         "notation.symbols.E: a list of 1 found", "notation.symbols.t_1: "]),
    "a long symbol": (with_(f'[notation.symbols]\nw1_1_1 = "{"w" * 10**5}"'),
        ['notation.symbols.w1_1_1: "' + "w" * 40 + '" is too long. Use at most']),
    "symbols in a list": (with_("[notation]\nsymbols = [1]"), [f"notation.symbols: a list of 1 {TABLE}"]),
    "everything at once": (
        'title = 1\nlearning_rate = nan\nloss = "mes"\nfoo = 1\n[rounding]\ndecimals = 99\n[[layers]]\n'
        'activation = "rely"\n'
        "weights = [[1, 2], [3]]\nbiases = [true]\n[[samples]]\ninputs = [1, 2]\ntargets = [1, 2, 3]\n",
        ["title: 1 found", "rounding.decimals: 99", "learning_rate: 'nan'", "loss: … " + KNOWN.format("mse"),
         "layers[0].activation: … " + KNOWN.format("relu"), "layers[0].biases[0]: true", "foo: ",
         "layers[0].weights: rows of different", "layers[0].biases: 1 number", "samples[0].targets: 3 numbers"]),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_every_fault_of_a_file_is_told_at_once(name: str, tmp_path: Path) -> None:
    check(tmp_path / "bad.toml", *WRONG[name])


@pytest.mark.parametrize("name", ["w9", "w9_9_9", "dE/dw1_1_1", "zzz", "w" * 10**5, "\x1b[31m", "\\input{x}", "$x$"])
def test_a_parameter_to_show_that_is_not_there_is_told_under_the_name_of_the_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(TABLES | {"solution": {"show": ["w1_1_1", name]}}), "utf-8")
    done = CliRunner().invoke(app, ["solve", str(path)])
    assert (done.exit_code, done.stdout) == (2, "")
    head, fault = done.stderr.splitlines()
    assert head == f"{path}: 1 problem"
    assert re.match(r'  solution\.show: ".*" is no parameter of this problem\. Known: w1_1_1, w1_1_2', fault)
    assert fault.isprintable()


def test_a_place_that_holds_no_file_is_told_so(tmp_path: Path) -> None:
    assert faults(tmp_path / "none.toml") == ["no such file. Check the path, or start with: calc new xor"]
    assert faults(tmp_path) == ["a directory found, a problem file needed. Name a file in it"]
    assert faults(tmp_path / "none.toml" / "x")[0].startswith("no such file")
    assert faults(tmp_path / ("x" * 300))[0].startswith("cannot be read (File name too long)")
    assert faults(tmp_path / "a\0b")[0].startswith("cannot be read (embedded null byte)")


def test_a_problem_from_python_is_checked_alike() -> None:
    nested: Any = []
    nested.append(nested)
    for tables in ({**TABLES, "title": nested}, {**TABLES, "layers": nested}, {**TABLES, "x": {"y": nested}}, {}):
        with pytest.raises(calc.ProblemError):
            calc.Problem(**tables)


# --- right input -------------------------------------------------------------------------------------------------


def page(path: Path, format: str = "json") -> str:
    return calc.solve(calc.load(path)).render(format)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_toml_json_and_standard_input_give_the_same_page(path: Path, tmp_path: Path) -> None:
    tables = tomllib.loads(path.read_text("utf-8"), parse_float=str)  # strings, so that 0.20 stays 0.20
    as_json = tmp_path / "problem.json"
    as_json.write_text(json.dumps(tables), "utf-8")
    assert page(as_json) == page(path)
    from_windows = b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n")
    for content in (path.read_bytes(), as_json.read_bytes(), from_windows):
        done = CliRunner().invoke(app, ["solve", "-", "--to", "json"], input=content)
        assert (done.exit_code, done.stderr) == (0, "")
        assert done.stdout == page(path)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_problem_echoed_in_the_json_output_is_a_problem_file(path: Path, tmp_path: Path) -> None:
    echo = tmp_path / "echo.json"
    echo.write_text(json.dumps(json.loads(page(path))["problem"]), "utf-8")
    for format in ("json", "markdown"):
        assert page(echo, format) == page(path, format)


def test_an_echo_keeps_every_setting_and_number_as_typed(tmp_path: Path) -> None:
    path, echo = tmp_path / "full.toml", tmp_path / "echo.json"
    text = changed("0.1, -0.2", '0.10, "-1/3"').replace("[1, 0]", '[1e-3, "2/6"]')
    text = text.replace("[1, 1]", f"[{'1' * 40}, 1e40]")
    path.write_text(
        'title = "a \\\\ \\" é \\u202e"\nreduction = "sum"\n' + text + '[conventions]\nrelu_at_zero = "1/2"\n'
        'update_order = "sequential"\nupdate_biases = false\n[rounding]\nsignificant = 5\nties = "half-even"\n'
        'carry = "rounded"\n[solution]\nshow = ["w2_1_1", "b1_1"]\n[notation]\nprofile = "vw"\nmultiply = "·"\n'
        '[notation.symbols]\nw2_1_1 = "theta_{1,a}^{\'}"\nE = "J"\n',
        "utf-8",
    )
    output = json.loads(page(path))
    echo.write_text(json.dumps(output["problem"]), "utf-8")
    assert json.loads(page(echo)) == output
    assert page(echo, "latex") == page(path, "latex")
    problem = calc.load(echo)
    assert [str(number) for number in problem.layers[0].weights[0]] == ["0.10", "-1/3"]
    assert [str(number) for number in problem.samples[0].inputs] == ["1e-3", "2/6"]


NUMBERS = [  # as typed, exactly, as printed
    ("0.20", Fraction(1, 5), "0.20"),
    ("0.1", Fraction(1, 10), "0.1"),
    ("1", Fraction(1), "1"),
    ("-2", Fraction(-2), "-2"),
    ("+2.50", Fraction(5, 2), "2.50"),
    ("1_000", Fraction(1000), "1000"),
    ("1_0.2_5", Fraction(41, 4), "10.25"),
    ("0x1F", Fraction(31), "31"),
    ("1e-3", Fraction(1, 1000), r"1 \times 10^{-3}"),
    ("2.50E+2", Fraction(250), r"2.50 \times 10^2"),
    ("1e0", Fraction(1), "1"),
    ("-0.0", Fraction(0), "0.0"),
    ("0", Fraction(0), "0"),
    ('"1/3"', Fraction(1, 3), r"\tfrac{1}{3}"),
    ('" -2 / 4 "', Fraction(-1, 2), r"-\tfrac{2}{4}"),
    ('"+0.5"', Fraction(1, 2), "0.5"),
    ('"007.10"', Fraction(71, 10), "7.10"),
    ("0." + "1" * 29, Fraction(int("1" * 29), 10**29), "0." + "1" * 29),
    ("1e-100", Fraction(1, 10**100), r"1 \times 10^{-100}"),
]


@pytest.mark.parametrize(("typed", "value", "printed"), NUMBERS, ids=[typed[:20] for typed, _, _ in NUMBERS])
def test_a_number_is_exact_and_printed_as_typed(typed: str, value: Fraction, printed: str, tmp_path: Path) -> None:
    path = tmp_path / "problem.toml"
    path.write_text(rate(typed), "utf-8")
    number = calc.load(path).learning_rate.value
    assert Fraction(int(number.p), int(number.q)) == value
    assert f"learning rate $\\eta = {printed}$" in page(path, "markdown")


def test_second_names_are_accepted(tmp_path: Path) -> None:
    names = {"logistic": "sigmoid", "linear": "identity"}
    for name, usual in names.items():
        problem = calc.Problem(**{**TABLES, "loss": "mse", "layers": [{"activation": name, "weights": [[1, 2]]}]})
        assert problem.layers[0].activation.name == usual
        assert problem.loss.name == "mean_squared_error"


def test_a_float_from_python_is_read_by_its_repr() -> None:
    assert str(calc.Problem(**{**TABLES, "learning_rate": 0.1}).learning_rate.value) == "1/10"
    assert str(calc.Problem(**{**TABLES, "learning_rate": Fraction(1, 3)}).learning_rate.value) == "1/3"


# --- the schema --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    done = CliRunner().invoke(app, ["schema"])
    assert (done.exit_code, done.stderr) == (0, "")
    jsonschema.Draft202012Validator.check_schema(json.loads(done.stdout))
    return jsonschema.Draft202012Validator(json.loads(done.stdout))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_schema_validates_every_example_starter_and_echo(schema: Any, path: Path) -> None:
    schema.validate(tomllib.loads(path.read_text("utf-8")))
    schema.validate(json.loads(page(path))["problem"])


@pytest.mark.parametrize("name", WRONG)
def test_the_schema_refuses_what_calc_refuses(schema: Any, name: str) -> None:
    content, told = WRONG[name]
    tables = json.loads(content) if content[0] == "{" else tomllib.loads(content)
    beyond = ("rows of", "number found", "numbers found", "is no quantity", SYMBOL, "too long")  # what no schema knows
    if not all(any(words in fault for words in beyond) for fault in told):
        assert not schema.is_valid(tables)


# --- chance ------------------------------------------------------------------------------------------------------

TEXT = st.text(alphabet="ab019_.,:/+-e \n\té\u202e\ud800🙂[]{}", max_size=8)  # no words or quotes: see INTERNALS
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from(
        ["sigmoid", "relu", "1/3", "1e5", "all", "auto", "net-out", "w_1", "mse", 10**30, 31, [[1]], "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
FULL = TABLES | {
    "title": "x", "reduction": "mean", "conventions": {"update_biases": True, "relu_at_zero": "1/2"},
    "rounding": {"decimals": 3, "carry": "full"}, "solution": {"show": ["w1_1_1"]},
    "notation": {"profile": "vw", "symbols": {"w1_1_1": "w_5"}},
}  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in nested tables and lists."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, entry in entries for place in ((*path, key), *_places(entry, (*path, key)))]


def _load(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    found: object
    try:
        found = calc.load(path)
    except calc.ProblemError as error:
        found = error
    if isinstance(found, calc.ProblemError):
        assert found.faults
        assert not INTERNALS.search(re.sub('"[^"]*"|' + "'[^']*'", "", str(found).partition("\n")[2])), found
    else:
        assert isinstance(found, calc.Problem)


FAST = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@FAST
@given(data=st.data())
def test_whatever_stands_in_a_place_there_is_a_problem_or_a_message(data: st.DataObject, tmp_path: Path) -> None:
    tables = json.loads(json.dumps(FULL))
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(_places(tables)))
        inner = tables
        for key in way:
            inner = inner[key]
        match data.draw(st.sampled_from(["replace", "remove", "rename"])):
            case "replace":
                inner[last] = data.draw(VALUES)
            case "rename" if isinstance(inner, dict):
                inner[data.draw(TEXT)] = inner.pop(last)
            case _:
                del inner[last]
        if not _places(tables):
            break
    _load(tmp_path / "problem.json", json.dumps(tables).encode())


@FAST
@given(data=st.data())
def test_whatever_bytes_a_file_holds_there_is_a_problem_or_a_message(data: st.DataObject, tmp_path: Path) -> None:
    content = data.draw(st.sampled_from([GOOD.encode(), json.dumps(FULL).encode()]))
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.sampled_from([start, start + 1, start + 5, len(content)]))
    put = data.draw(st.binary(max_size=6) | st.text(alphabet="[]{}=\"'.,\n#\\e019_-", max_size=6).map(str.encode))
    _load(tmp_path / "problem.toml", content[:start] + put + content[end:])


@pytest.mark.parametrize(("loss", "target", "needed"), [
    ("hinge", 0, "1 or -1"), ("hinge", 0.5, "1 or -1"),
    ("binary_cross_entropy", -1, "a number from 0 to 1"), ("cross_entropy", "3/2", "a number from 0 to 1"),
])  # fmt: skip
def test_a_target_that_the_loss_does_not_take_is_told(loss: str, target: Any, needed: str) -> None:
    layers = [{"activation": "sigmoid", "weights": [[1], [2]]}]
    samples = [{"inputs": [1], "targets": [1, target]}, {"inputs": [1], "targets": [target, 1]}]
    with pytest.raises(calc.ProblemError) as caught:
        calc.Problem(learning_rate=1, loss=loss, layers=layers, samples=samples)
    where = ["samples[0].targets[1]", "samples[1].targets[0]"]
    said = f"{target} found, {needed} needed for {loss}. Change it, or the loss"
    assert [str(fault) for fault in caught.value.faults] == [f"{place}: {said}" for place in where]
