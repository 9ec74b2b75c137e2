"""The wording files: the same keys and places in every language, and the same formulas on every page."""

import ast
import random
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from circuit_referee import random_graph
from conftest import Sweep, needs
from proofreader import read_lines
from referee import random_problem, random_training
from test_pages import compile_latex, words_outside

import calc

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
WORDING = ROOT / "templates" / "wording"
LANGUAGES = ("en", "de", "fr", "es")
OTHERS = LANGUAGES[1:]


@cache
def said(language: str) -> dict[str, str]:
    tables = tomllib.loads((WORDING / f"{language}.toml").read_text("utf-8"))
    return {f"{table}.{key}": text for table, texts in tables.items() for key, text in texts.items()}


# The files -----------------------------------------------------------------------------------------------------


def test_there_is_a_file_for_each_language_and_no_other() -> None:
    assert {path.stem for path in WORDING.glob("*.toml")} == set(LANGUAGES)


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_same_keys(language: str) -> None:
    english, own = said("en"), said(language)
    missing = "\n".join(f"{key} = {text!r}" for key, text in english.items() if key not in own)
    assert not missing, f"add to templates/wording/{language}.toml, translated:\n{missing}"
    assert not own.keys() - english.keys(), f"take out of templates/wording/{language}.toml"


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_has_the_same_places(language: str) -> None:
    english, own = said("en"), said(language)
    differ = [key for key in english.keys() & own.keys() if places(english[key]) != places(own[key])]
    assert not differ, f"{language}.toml: the places in braces differ from those of en.toml"


def places(text: str) -> list[str]:
    return sorted(re.findall(r"\{\w+\}", text))


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_left_in_english_but_names_and_signs(language: str) -> None:
    english, own = said("en"), said(language)
    same = {key for key in english.keys() & own.keys() if english[key] == own[key] and len(english[key].split()) > 2}
    assert not same


@pytest.mark.parametrize("language", LANGUAGES)
def test_spaces_and_quotes_are_those_of_the_language(language: str) -> None:
    for key, text in said(language).items():
        assert '"' not in text, key
        assert "  " not in text, key
        if key.startswith("list."):
            continue
        assert text == text.strip(), key
        if language == "fr":
            assert not re.search(r"[^\u00a0][:;!?](?=\s|$)", text), f"{key}: U+00A0 before : ; ! ?"
            assert "'" not in text, key
        else:
            assert not re.search(r"\s[:;!?]", text), key


# What the program asks for -------------------------------------------------------------------------------------


def asked() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Each text of the program that may be a key, with the keys that it may be; {…} of an f-string is anything.

    Where something is wrong with a problem file is no key, though it may look like one: training.rule.
    """
    for path in sorted((ROOT / "calc").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        faults = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Fault"]
        strings = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
        inside = {id(part) for node in (*faults, *strings) for part in ast.walk(node) if part is not node}
        for node in ast.walk(tree):
            if id(node) in inside:
                continue
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            pattern = "".join(
                re.escape(part.value) if isinstance(part, ast.Constant) and isinstance(part.value, str) else ANYTHING
                for part in parts
            )
            if pattern != ANYTHING:
                yield f"{path.name}:{getattr(node, 'lineno', 0)}: {ast.unparse(node)}", re.compile(pattern)


ANYTHING = r"[\w.]*"


def test_the_program_asks_for_no_sentence_that_is_missing() -> None:
    english = said("en")
    keys = {*english, *(key.rpartition("_")[0] for key in english)}  # given.state, to which _one or _many is added
    tables = "|".join({key.partition(".")[0] for key in keys} - {""})
    looks_like_one = re.compile(rf"(?:{tables})\\\.(?:[a-z_]|{re.escape(ANYTHING)})+")
    wanted = [(where, key) for where, key in asked() if looks_like_one.fullmatch(key.pattern)]
    assert len(wanted) > 200
    missing = [where for where, key in wanted if not any(map(key.fullmatch, keys))]
    assert not missing, "not in templates/wording/en.toml"


def test_templates_ask_for_no_sentence_that_is_missing() -> None:
    templates = [path for path in (ROOT / "templates").glob("*/*.*") if path.parent.name != "wording"]
    wanted = {
        path: re.findall(r"(?:said\[|said\.get\(|say\()\"([a-z_.]+)\"[],)]", path.read_text("utf-8"))
        for path in templates
    }
    assert sum(map(len, wanted.values())) > 9
    for path, keys in wanted.items():
        for key in keys:
            assert key in said("en"), f"{path.name}: {key}"


# Pages ---------------------------------------------------------------------------------------------------------


def solutions(tables: dict[str, Any]) -> dict[str, calc.Solution]:
    """A problem in each language."""
    own = tables.get("solution", {})
    return {one: calc.solve(calc.Problem(**tables | {"solution": own | {"language": one}})) for one in LANGUAGES}


def check_languages(tables: dict[str, Any]) -> int:
    """Every format in every language; the formulas are those of the English page. How many pages there are."""
    pages = solutions(tables)
    lines = numbered(pages["en"].render())
    count = 0
    for language, solution in pages.items():
        assert numbered(solution.render("markdown")) == lines, language
        for format in ("latex", "typst", "html", "text"):
            solution.render(format)
        count += 5
    assert len({solution.render("text") for solution in pages.values()}) == len(LANGUAGES)
    return count


def numbered(page: str) -> list[tuple[str, list[str]]]:
    """The numbered lines; those of an appendix have the names of their rules beside them instead."""
    return [(claim.number, claim.sides) for claim in read_lines(page) if claim.number]


def random_tables(kind: str, source: random.Random) -> dict[str, Any]:
    """A problem of a kind, with its appendix where it has derivatives to derive."""
    if kind == "graph":
        return random_graph(source)
    tables = random_problem(source) if kind in ("chain", "delta", "matrix") else random_training(source)
    solution = tables.get("solution", {})
    method = kind if kind in ("chain", "delta", "matrix") else solution.get("method", "chain")
    return tables | {"solution": solution | {"method": method, "derivations": True}}


@pytest.mark.parametrize("kind", ["chain", "delta", "matrix", "training", "graph"])
def test_random_pages_of_every_kind_are_written_in_every_language(
    kind: str, sweep: Sweep, record_property: Callable[[str, object], None]
) -> None:
    pages = 0
    for number in range(sweep.count(seconds=3, ci=30, full=150)):
        try:
            pages += check_languages(random_tables(kind, random.Random(f"wording {kind} {number}")))
        except (calc.UnsupportedError, calc.ProblemError):  # a random graph may have no value
            continue
    record_property(f"Pages in {len(LANGUAGES)} languages, {kind}", f"{pages} pages written, no sentence missing")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_written_in_every_language(path: Path) -> None:
    check_languages(tomllib.loads(path.read_text("utf-8"), parse_float=str))


SHOWN = {"xor": "de", "perceptron": "fr", "matrix-form": "es", "derivations": "fr", "gradient-of-a-function": "de"}


@pytest.mark.parametrize(("stem", "language"), SHOWN.items())
def test_pages_of_other_languages_compile_and_stay_within_their_margins(
    stem: str, language: str, tmp_path: Path
) -> None:
    needs("pdflatex", "pdftotext")
    solution = calc.solve(calc.load(ROOT / "examples" / f"{stem}.toml", {("solution", "language"): language}))
    log = compile_latex(solution.render("latex"), tmp_path)
    assert "Overfull \\hbox" not in log, re.findall(r"Overfull \\hbox.*", log)
    assert not words_outside(tmp_path / "page.pdf")
    assert f'lang: "{language}"' in solution.render("typst")
    solution.save(tmp_path / "typst.pdf")
    assert not words_outside(tmp_path / "typst.pdf")


@pytest.mark.parametrize("formula", ["softmax + cross_entropy", "abs(sin(x))", "elu", "x**2*y + sin(x*y)", "huber"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_derivation_names_its_rules_in_every_language(formula: str, language: str) -> None:
    wrt = "x" if "y)" in formula else None
    derivation, english = calc.derive(formula, wrt, language=language), calc.derive(formula, wrt)
    assert [line.latex for line in derivation.lines] == [line.latex for line in english.lines]
    for format in ("markdown", "latex", "typst", "html", "text"):
        derivation.render(format)
    if language != "en":
        assert [line.rule for line in derivation.lines] != [line.rule for line in english.lines]


def test_a_space_that_is_never_broken_stays_in_every_format() -> None:
    solution = calc.solve(calc.load(ROOT / "examples" / "xor.toml", {("solution", "language"): "fr"}))
    assert "Conventions et arrondis\u00a0:" in solution.render("markdown")
    assert "Conventions et arrondis\u00a0:" in solution.render("text")
    assert "Conventions et arrondis~:" in solution.render("latex")
    assert '#"Conventions et arrondis";~#":";' in solution.render("typst")
    assert "Conventions et arrondis\u00a0:" in solution.render("html")


def test_pages_for_browsers_name_their_language() -> None:
    for language, solution in solutions(tomllib.loads((ROOT / "examples" / "xor.toml").read_text("utf-8"))).items():
        assert f'<html lang="{language}">' in solution.render("html")


def test_pictures_speak_the_language_of_the_problem() -> None:
    solution = calc.solve(calc.load(ROOT / "examples" / "xor.toml", {("solution", "language"): "de"}))
    assert "Eingänge" in solution.figure("network").svg
    assert "Die Zahlen: " in solution.figure("network").alternative


@pytest.mark.parametrize("fragment", [False, True])
def test_an_exam_of_another_language_asks_in_it_and_breaks_no_word_by_english_rules(
    fragment: bool, tmp_path: Path
) -> None:
    needs("pdflatex")
    solution = calc.solve(calc.load(ROOT / "examples" / "xor.toml", {("solution", "language"): "de"}))
    page = solution.render("latex", fragment=fragment, document_class="exam")
    assert "Berechnen Sie den Fehler." in page
    assert r"\hyphenpenalty=10000" in page
    assert (r"\textbf{Lösung:}" in page) != fragment  # the host's own exam has its own
    if not fragment:
        assert "Overfull \\hbox" not in compile_latex(page, tmp_path)


# The command line ----------------------------------------------------------------------------------------------


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "calc", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_line_takes_a_language(tmp_path: Path) -> None:
    assert "## Rückwärtsrechnung" in run("solve", "examples/xor.toml", "--language", "de").stdout
    assert "règle de la chaîne" in run("derive", "exp(-x)", "--language", "fr").stdout
    run("figure", "examples/xor.toml", "network", "--language", "es", "-o", str(tmp_path / "network.svg"))
    assert "entradas" in (tmp_path / "network.svg").read_text("utf-8")


def test_an_unknown_language_is_told() -> None:
    for words in (("solve", "examples/xor.toml"), ("derive", "exp(-x)")):
        done = run(*words, "--language", "xx")
        assert done.returncode == 2
        assert '"xx"' in done.stderr
        assert "en, de, fr" in done.stderr.replace('"', "")


def test_a_folder_replaces_sentences_of_another_language(tmp_path: Path) -> None:
    (tmp_path / "wording").mkdir()
    (tmp_path / "wording" / "de.toml").write_text('[section]\ngiven = "Angaben"\n', "utf-8")
    options = ("solve", "examples/xor.toml", "--templates", str(tmp_path), "--language")
    assert "## Angaben" in run(*options, "de").stdout
    assert "## Given" in run(*options, "en").stdout
