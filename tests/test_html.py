"""The HTML page: MathML that browsers know, the same lines as in Markdown, valid, accessible, and used by keyboard."""

import base64
import io
import random
import re
from bisect import bisect_right
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import Sweep, needs
from node import run_script
from pypdf import PdfReader
from referee import OPTIMIZERS, random_problem, random_training
from test_hostile import HOSTILE, seen, whole

import calc
from calc.expr import Call, Expr, Frac, Matrix, Name, Neg, Num, Partial, Pow, Prod, Sum
from calc.notation import notation_of
from calc.number import Shown
from calc.render.html import Html
from calc.render.mathml import finish

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))

# MathML Core: elements and how many children each takes; None: any number
LAYOUT = {"math": None, "mrow": None, "mstyle": None, "msqrt": None, "mtable": None, "mtr": None, "mtd": None,
          "mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3, "mover": 2}  # fmt: skip
TOKENS = {"mi", "mn", "mo", "mtext", "mspace"}
ATTRIBUTES = {
    "class",
    "href",
    "display",
    "displaystyle",
    "mathvariant",
    "stretchy",
    "form",
    "accent",
    "width",
    "aria-label",
}


def page_of(problem: calc.Problem) -> str:
    return calc.solve(problem).render("html")


def xor() -> str:
    return page_of(calc.load(ROOT / "examples" / "xor.toml"))


def maths(page: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(found) for found in re.findall("<math.*?</math>", page)]


def faults_of(math: ElementTree.Element) -> Iterator[str]:
    """What in a formula is not MathML Core as every browser lays it out."""
    for element in math.iter():
        if set(element.attrib) - ATTRIBUTES:
            yield f"{element.tag} has {set(element.attrib) - ATTRIBUTES}"
        if element.tag in TOKENS:
            if len(element) or (element.tag != "mspace" and not element.text):
                yield f"{element.tag} is no leaf with a text"
            continue
        if element.tag not in LAYOUT:
            yield f"{element.tag} is not MathML Core"
        elif LAYOUT[element.tag] not in (None, len(element)):
            yield f"{element.tag} has {len(element)} children"
        if any((text or "").strip() for text in (element.text, *(child.tail for child in element))):
            yield f"loose text in {element.tag}"


def check_page(problem: calc.Problem) -> None:
    page = page_of(problem)
    assert {fault for math in maths(page) for fault in faults_of(math)} == set()
    places = re.findall(r'\bid="([^"]*)"', page)
    assert len(places) == len(set(places))
    assert set(re.findall(r'href="#([^"]*)"', page)) <= set(places)
    assert {address[0] for address in re.findall(r'(?:href|src)="(.)', page)} <= {"#"}


class Lines(HTMLParser):
    """The text of each numbered line, by its number."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.line: str | None = None
        self.texts: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        said = dict(attributes)
        if said.get("class") == "line":
            self.line = (said.get("id") or "").removeprefix("line-") or None
        elif tag in ("a", "table", "section") and said.get("class") != "uses":
            self.line = None

    def handle_data(self, data: str) -> None:
        if self.line is not None:
            self.texts[self.line] = self.texts.get(self.line, "") + data


NUMBER = r"-?[0-9]+(?:\.[0-9]+)?(?: ?(?:\\times|×) ?10\^?\{?-?[0-9]+\}?)?"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_formula_of_an_example_is_mathml_core_and_every_link_has_its_place(path: Path) -> None:
    check_page(calc.load(path))


def test_every_formula_of_random_problems_is_mathml_core(sweep: Sweep) -> None:
    for seed in range(sweep.count(seconds=12, ci=60, full=400)):
        source = random.Random(f"html {seed}")
        training = seed % 2 == 0
        problem = (
            random_training(source, list(OPTIMIZERS)[seed // 2 % len(OPTIMIZERS)])
            if training
            else random_problem(source)
        )
        problem["solution"] |= {"show": ("all", "auto")[seed % 3 == 0]}
        check_page(calc.Problem(**problem))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_numbered_line_ends_with_the_number_that_it_has_in_markdown(path: Path) -> None:
    solution = calc.solve(calc.load(path))
    number = r" &&(?:(?: \\text\{[\w ]+\})? &&)? \\text\{\((\d+)\)\}"  # between them, what the line earns
    rows = re.findall(rf"(?:=|\\approx) ({NUMBER}){number}", solution.render("markdown"))
    found = Lines(solution.render("html")).texts
    assert len(rows) > (0 if solution.notation.matrices else 5)
    for number, line in rows:
        written = re.sub(r"\s", "", re.split("[=≈]", found[line])[-1]).replace("−", "-")
        assert written == re.sub(r"[\s{}^]", "", number).replace("\\times", "×"), line


X = Name("x", None, (1,))
WRITTEN: dict[str, tuple[Expr, str]] = {
    "a sum with a negative number": (
        Sum((Num(Shown("1")), Num(Shown("-2")))),
        '<mn>1</mn><mo form="infix">+</mo><mrow><mo stretchy="false">(</mo><mo form="prefix">−</mo>'
        '<mn>2</mn><mo stretchy="false">)</mo></mrow>',
    ),
    "a difference": (
        Sum((Num(Shown("1")), Neg(Num(Shown("2"))))),
        '<mn>1</mn><mo form="infix">−</mo><mn>2</mn>',
    ),
    "a quantity": (X, "<mrow><msub><mi>x</mi><mn>1</mn></msub></mrow>"),
    "a product of quantities": (
        Prod((X, X)),
        "<mrow><msub><mi>x</mi><mn>1</mn></msub></mrow><mo>\u2062</mo><mrow><msub><mi>x</mi><mn>1</mn>"
        "</msub></mrow>",
    ),
    "a product of numbers": (Prod((Num(Shown("2")), Num(Shown("3"))), "×"), "<mn>2</mn><mo>×</mo><mn>3</mn>"),
    "a half": (
        Num(Shown("1", denominator="2")),
        '<mstyle displaystyle="false"><mfrac><mn>1</mn><mn>2</mn></mfrac></mstyle>',
    ),
    "a power of ten": (
        Num(Shown("1.5", exponent=-7)),
        '<mn>1.5</mn><mo>×</mo><msup><mn>10</mn><mrow><mo form="prefix">−</mo><mn>7</mn></mrow></msup>',
    ),
    "a square": (Pow(Num(Shown("3")), 2), "<msup><mn>3</mn><mn>2</mn></msup>"),
    "a function": (
        Call("sigmoid", (Num(Shown("0")),)),
        '<mi>σ</mi><mo>\u2061</mo><mrow><mo stretchy="false">(</mo><mn>0</mn>'
        '<mo stretchy="false">)</mo></mrow>',
    ),
    "a derivative": (
        Partial(Name("E"), X),
        "<mrow><mfrac><mrow><mi>∂</mi><mrow><mi>E</mi></mrow></mrow><mrow><mi>∂</mi><mrow><msub>"
        "<mi>x</mi><mn>1</mn></msub></mrow></mrow></mfrac></mrow>",
    ),
    "a column": (
        Matrix(((Num(Shown("1")),), (Num(Shown("2")),))),
        "<mrow><mo>(</mo><mtable><mtr><mtd><mn>1</mn></mtd></mtr><mtr><mtd><mn>2</mn></mtd></mtr>"
        "</mtable><mo>)</mo></mrow>",
    ),
    "a root of a quotient": (
        Call("sqrt", (Frac(Num(Shown("1")), Num(Shown("3.5"))),)),
        "<msqrt><mfrac><mn>1</mn><mn>3.5</mn></mfrac></msqrt>",
    ),
    "a size": (
        Call("abs", (Num(Shown("-1")),)),
        '<mrow><mo>|</mo><mrow><mo form="prefix">−</mo><mn>1</mn></mrow><mo>|</mo></mrow>',
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRITTEN)
def test_a_formula_is_written_in_mathml(what: str) -> None:
    expr, wanted = WRITTEN[what]
    printer = Html().formulas(notation_of(calc.load(ROOT / "examples" / "tanh.toml")))
    assert finish(printer.write(expr)) == wanted


def test_a_quantity_is_a_link_to_the_line_that_computed_it_once_in_a_line_and_never_to_its_own() -> None:
    solution = calc.solve(calc.load(ROOT / "examples" / "xor-online.toml", {("solution", "show"): "all"}))
    page = solution.render("html")
    placed = solution._explained[1]
    assert len([places for places in placed if places]) > 1
    starts = [min(places.values()) for places in placed if places]
    linked = 0
    for number, text in re.findall(r'<div class="line" id="line-(\d+)">(.*?)</div>', page, re.DOTALL):
        formula = text.split("<p")[0].split('<a class="number"')[0]
        links = [int(place) for place in re.findall(r'href="#line-(\d+)"', formula)]
        assert len(links) == len(set(links))
        assert int(number) not in links
        uses = re.findall(r'href="#line-(\d+)"', text.partition('class="uses"')[2])
        assert [int(place) for place in uses] == links
        for place in links:
            assert bisect_right(starts, place) == bisect_right(starts, int(number)), "a link leads into another update"
            linked += 1
    assert linked > 100


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_title_is_text(kind: str) -> None:
    for text in map(whole, HOSTILE[kind]):
        escaped = Html().text(text)
        assert not re.search("[<>\"']", escaped), text
        assert unescape(escaped) == seen(text)
    problem = calc.load(ROOT / "examples" / "xor.toml")
    titled = page_of(problem.model_copy(update={"title": "".join(map(whole, HOSTILE[kind]))}))
    assert re.sub("<title>.*?</title>|<h1>.*?</h1>", "", titled) == re.sub("<title>.*?</title>|<h1>.*?</h1>", "", xor())


def test_a_page_without_a_title_is_named_all_the_same() -> None:
    page = page_of(calc.load(ROOT / "examples" / "xor.toml").model_copy(update={"title": " "}))
    assert "<title>Worked solution</title>" in page
    assert "<h1>Worked solution</h1>" in page


def test_what_a_template_prints_without_a_word_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "html").mkdir()
    mine = '<% extends "default/html/document.html" %><% block title %><h1><< document.title >></h1><% endblock %>'
    (tmp_path / "html" / "document.html").write_text(mine)
    (tmp_path / "html" / "style.css").write_text("h1 { color: red; }")
    problem = calc.load(ROOT / "examples" / "xor.toml").model_copy(update={"title": "<b>&"})
    page = calc.solve(problem, tmp_path).render("html")
    assert "<h1>&lt;b&gt;&amp;</h1>" in page
    assert "h1 { color: red; }" in page
    assert "--paper" not in page


def test_the_page_may_load_nothing() -> None:
    page = xor()
    assert "default-src 'none'" in page
    assert not re.search(r"https?://|@import|url\(|<link|<img|<iframe", page)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_formula_that_names_a_row_or_a_column_is_read_aloud_in_words(path: Path) -> None:
    solution = calc.solve(calc.load(path, {("solution", "language"): "de"}))
    heads = "".join(re.findall("<th .*?</th>", solution.render("html")))
    spoken = re.findall('<math aria-label="([^"]*)">', heads)
    assert len(spoken) == heads.count("<math")
    assert all(re.fullmatch("[A-Za-zäöüß0-9][A-Za-zäöüß0-9 ,;:]*", words) for words in spoken), spoken
    if path.stem == "xor":
        assert "W eins eins" in spoken


# --- browser -----------------------------------------------------------------------------------------------------


def test_a_reader_with_a_keyboard_folds_hides_and_follows(tmp_path: Path) -> None:
    needs("chromium")
    (tmp_path / "xor.html").write_text(xor(), "utf-8")
    found = run_script("browser.mjs", "use", tmp_path / "xor.html")
    pdf, tip, of_mouse = (found.pop(key) for key in ("pdf", "tip", "tipOfMouse"))
    assert found.pop("heard") == []
    assert found.pop("brokenLinks") == 0
    assert [what for what, good in found.items() if good is not True] == []
    assert "0.7685" in tip
    assert "0.8176" in of_mouse
    sheets = PdfReader(io.BytesIO(base64.b64decode(pdf))).pages
    assert 3 <= len(sheets) <= 7
    assert [round(float(size)) for size in sheets[0].mediabox[2:]] == [595, 842]
