"""The problem file is untrusted: its texts are nothing but text in any format, and are printed as they were typed.

HOSTILE holds the texts. Each is a title in every format; the compiled formats take all of them in one run.
"""

import io
import json
import os
import re
import subprocess
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import typst
from click.testing import CliRunner
from conftest import needs
from markdown_it import MarkdownIt
from pypdf import PdfReader

import calc
from calc.cli import app
from calc.pdf import typeset
from calc.render import FORMATS
from calc.render.format import covered
from calc.render.html import Html
from calc.render.latex import Latex
from calc.render.markdown import Markdown
from calc.render.text import Text
from calc.render.typst import Typst
from calc.symbol import GREEK, LONGEST, Symbol

pytestmark = pytest.mark.filterwarnings("error")

TABLES: dict[str, Any] = {
    "learning_rate": "0.5",
    "loss": "mse",
    "layers": [{"activation": "sigmoid", "weights": [["0.1", "-0.2"], ["0.3", "0.4"]], "biases": [1, 1]}],
    "samples": [{"inputs": [1, 0], "targets": [1, 0]}],
}

HOSTILE = {
    "TeX": [
        r"\input{/etc/passwd}", r"\input /etc/passwd ", r"\include{x}", r"\write18{touch owned}",
        r"\immediate\write18{id}", r"\openout5=owned \write5{x}", r"\openin5=/etc/passwd \read5 to\x",
        r"\catcode`\%=12 %", r"\catcode`\@=0 @input", "^^5cinput{/etc/passwd}", "^^M^^M", "50% of it % and", "{", "}",
        "}{}}}{{", r"\end{document}", r"\begin{verbatim}", r"\def\x{\x\x}\x", r"\loop\iftrue\repeat",
        r"\expandafter\input\csname x\endcsname", r"\ifx\a", r"\verb|x|", r"\special{ps: x}",
        r"\directlua{os.execute('id')}", r"\tag{1}", r"a & b \\ c", "a~b^c_d#1", r"\(x\)", r"\[x\]", "$x$", "$$x$$",
        "$", r"\$", "fi ff ffl -- --- `` '' ,, ,,, << >> ?` !`", r"\textbackslash{}",
    ],
    "Typst": [
        '#read("/etc/passwd")', '#read("../../etc/passwd")', '#import "@preview/x:0.1.0"', '#include "/etc/passwd"',
        "#{while true {}}", '"]#eval("1+1")[', '";#eval("1+1");"', ']#panic("x")[', "#set page(width: 1pt)", "*/ /* //",
        r"\u{41}", r"\u{202e}", "<label>", "@ref", "= Heading", "/ Term: x", "_emph_ *strong* `raw`", "#sys.inputs",
        "#", '"', '\\"', "\\", "\\\\", "'", "~", "a -- b --- c ...", "http://a.b/c]",
    ],
    "Markdown and HTML": [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</h1><b>x</b>", "<!-- x -->", "<?php x ?>",
        "<![CDATA[x]]>", "&lt;b&gt; &amp; &#60; &#x3c; &copy;", "<http://a.b>", "<a@b.co>",
        "[x](javascript:alert(1))", "![x](http://a.b/c.png)", "[x]: http://a.b", "[x][y]", "[^1]", "[[wiki]]",
        "http://a.b/c", "https://a.b", "ftp://a.b", "mailto:a@b.co", "www.example.com", "WWW.example.com", "a@b.co",
        "@mention", "#123", "GH-1", "# heading", "## h ##", "- item", "+ item", "* item", "1. item", "1) item",
        "> quote", "- [ ] task", "---", "***", "___", "===", "`code`", "``` fence", "~~~ fence", "| a | b |", "|---|",
        "a | b", "**bold** __bold__ ~~gone~~ ==mark== ^up^ ~down~ *i* _i_", ":smile:", ":::note", "{#id .class}",
        "{{< x >}}", "a  ", "a\\", "\\# \\* \\[", "(c) (tm) ... --", "!", "![",
    ],
    "templates": [
        "{{ 7*7 }}", "<< 7*7 >>", "<% for x in y %>", "<%= 7*7 %>", "<# c #>", "{% raw %}", "{# x #}", "${7*7}",
        "#{7*7}", "%(x)s %s {0} {x}", "{title}", "<< view.text('x') >>", "<% include '/etc/passwd' %>",
        "$(id) `id` ; id | id && id",
    ],
    "lines and controls": [
        "new\nline", "two\n\nlines", "tab\tstop", "carriage\rreturn", "\r\n", "form\ffeed\vtab",
        "line\u2028para\u2029graph", "next\x85line", "a\0b", "".join(map(chr, range(1, 32))), "\x7f\x80\x9f",
        "\x1b[31mred\x1b[0m", "\x1b]8;;http://a.b\x1b\\x", "\x1b]0;title\x07", "bell\x07 backspace\b\b\b", "", " ",
        "\u00a0no-break", "\u3000wide\u2003em", "  in  between  ",
    ],
    "directions and what is not seen": [
        "".join(map(chr, range(0x202A, 0x202F))), "".join(map(chr, range(0x2066, 0x206A))), "a\u202egnp.exe",
        "\u200e\u200f", "\u061c", "zero\u200bwidth\u200c\u200d\u2060\ufeff", "soft\u00adhyphen", "\ufff9\ufffa\ufffb",
        "\ue000\U000f0000", "\U000e0041\U000e007f", "\ud800", "\udfff", "\ufdd0\uffff", "\u0378",
    ],
    "letters of the world": [
        "à la Größe ﬁ ﬂ œ ß", "e\u0301", "\u0301 alone", "Zalgo\u0300\u0315" + "\u0323" * 9, "🙂", "👩‍👩‍👧 🇩🇪",
        "反向传播 逆伝播", "역전파", "התפשטות", "الانتشار",
        "a התפשטות b", "α β Σ ∂E/∂w ≈ − × · ½ ∞ √ ∇ → ⇒ ∈ ′", "𝐱 𝔼 ℝ",
        "☇ ⚰ ✧ ✕ ⁁", "–—‘’“”…«»„‚", "° ² ³ µ ¶ § © ® ™ € £ ¥ ¡ ¿", "ﷺ", "Ω Å", "x\u0304 W\u0301",
    ],
    "lengths": [
        "w" * 10_000, "🙂" * 500, "word " * 2000,
        "\\" * 1000, "[" * 1000, "$" * 999, "x" * 33 + " " + "y" * 33,
    ],
}  # fmt: skip
TEXTS = [text for texts in HOSTILE.values() for text in texts]
assert len(set(TEXTS)) == len(TEXTS) >= 60
MARKED = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def seen(text: str, glyphs: Iterable[int] | None = None) -> str:
    """What a reader should find on the page: the text on one line, what has no glyph as [U+1F642]."""
    found = glyphs if glyphs is None else frozenset(glyphs)
    return "".join(
        f"[U+{ord(c):04X}]" if unicodedata.category(c) in MARKED or (found is not None and ord(c) not in found) else c
        for c in one_line(text)
    )


def whole(text: str) -> str:
    """Without halves of characters, which no file can hold but JSON can spell."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def squeezed(text: str) -> str:
    """Without the spaces that line breaks cost, and with compatible characters alike; Hebrew may run either way."""
    text = re.sub(r"[\s\u200b]", "", unicodedata.normalize("NFKC", text)).replace("’", "'")
    return "".join(sorted(text)) if re.search("[\u0590-\u08ff\ufb1d-\ufeff]", text) else text


def solution(**changes: Any) -> calc.Solution:
    return calc.solve(calc.Problem(**{**TABLES, **changes}))


def preamble(format: str) -> str:
    """What a page of calc begins with, up to its title."""
    start = {"latex": r"\begin{center}", "typst": "#align(center"}[format]
    return solution(title="x").render(format).partition(start)[0]


def test_the_table_covers_what_it_should() -> None:
    assert len(TEXTS) > 150
    for kind in range(0x202A, 0x202F), range(0x2066, 0x206A), range(1, 32):
        assert all(any(chr(code) in text for text in TEXTS) for code in kind)


# --- formats that are only text ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_title_is_one_line_of_plain_text(kind: str) -> None:
    for text in HOSTILE[kind]:
        assert Text().text(text).replace(" ", "") == seen(text).replace(" ", "")
        page = solution(title=text).render("text")
        assert page.split("\n", 1)[0].split() == seen(whole(text)).split()
        assert page.replace("\n", "").isprintable()


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_title_is_text_in_json(kind: str) -> None:
    for text in HOSTILE[kind]:
        page = solution(title=text).render("json")
        assert json.loads(page)["title"] == json.loads(page)["problem"]["title"] == whole(text)
        assert page.isascii()


MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
PLAIN = {"text", "text_special", "softbreak"}


def kinds_and_text(source: str) -> tuple[list[str], str]:
    """The blocks of a Markdown source, and its text; markup within the text is an error."""
    tokens = MARKDOWN.parse(source)
    inner = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inner} <= PLAIN, source
    return [token.type for token in tokens], "".join(child.content for child in inner)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_title_is_a_heading_of_plain_text_in_markdown(kind: str) -> None:
    heading = ["heading_open", "inline", "heading_close"]
    item = ["bullet_list_open", "list_item_open", "paragraph_open", "inline", "paragraph_close"]
    for text in HOSTILE[kind]:
        escaped, wanted = Markdown().text(whole(text)), seen(whole(text)).strip()
        page = solution(title=text).render("markdown")
        assert page.startswith(f"# {escaped}\n\n## Given\n\n")
        assert kinds_and_text(page[: page.index("\n")]) == (heading, wanted)
        assert kinds_and_text(f"x {escaped} y")[1].split() == f"x {wanted} y".split()
        if wanted:
            blocks, words = kinds_and_text(f"- {escaped.strip()}\n")
            assert blocks[: len(item)] == item
            assert words == wanted
            blocks, words = kinds_and_text(f"| {escaped} |\n| --- |\n| {escaped} |\n")
            assert blocks.count("td_open") == blocks.count("th_open") == 1
            assert words == wanted * 2


@pytest.mark.parametrize("kind", HOSTILE)
def test_nothing_that_a_markdown_host_makes_a_link_or_a_formula_of_stays_in_the_source(kind: str) -> None:
    for text in HOSTILE[kind]:
        escaped = re.sub("&#[0-9]+;", "", Markdown().text(text))
        assert not re.search(r"[<>`$|@*_~\[\]\\{}]|://|www\.|mailto:|&|(?<!\w)#", escaped, re.IGNORECASE), text


def test_a_whole_page_with_a_hostile_title_is_the_page_of_a_harmless_one() -> None:
    def page(title: str, name: str) -> str:
        head, running, rest = solution(title=title).render(name).partition("#let running = ")  # shortened, if long
        return head + rest.partition("\n")[2] if running else head

    for format in FORMATS:
        harmless, escaped = page("harmless", format.name), format().text("harmless")
        for text in map(whole, TEXTS[::5]):
            shown = "Worked solution" if format in (Html, Typst) and not text.strip() else text
            assert page(text, format.name) == harmless.replace(escaped, format().text(shown)), text


def test_the_head_of_a_page_is_nothing_but_text() -> None:
    for text in map(whole, TEXTS):
        assert re.fullmatch(r'#(text\(font: [^"]*(?:"[^"]*"[^"]*)+?, )?"(?:[^"\\]|\\.)*"\)?;', Typst().running(text)), (
            text
        )


# --- compiled formats --------------------------------------------------------------------------------------------


def between_marks(text: str) -> list[str]:
    """The texts between @@0@@ and @@, @@1@@ and @@, … of an extracted page."""
    found = re.findall(r"@@(\d+)@@(.*?)@@END@@", text, re.DOTALL)
    assert [int(number) for number, _ in found] == list(range(len(found)))
    return [inner for _, inner in found]


def test_every_title_is_printed_literally_by_typst() -> None:
    titles = [Typst().text(text) for text in TEXTS]
    lines = [f"#[{Typst().text(f'@@{i}@@')}{title}{Typst().text('@@END@@')}]\n\n" for i, title in enumerate(titles)]
    content = typeset(preamble("typst") + "#set page(numbering: none, header: none)\n" + "".join(lines))
    printed = between_marks("".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages))
    for text, found in zip(TEXTS, printed, strict=True):
        found, wanted = squeezed(found), squeezed(seen(text, covered("typ")))
        if any(map(unicodedata.combining, wanted)):  # extraction repeats the base at each of its marks
            assert set(wanted) <= set(found)
        else:
            assert found == wanted, ascii(text[:80])


def latex(source: str, folder: Path) -> str:
    """The log of pdfLaTeX in an empty folder; it must succeed, and have read and written nothing elsewhere."""
    (folder / "page.tex").write_text(source, "utf-8")
    command = ["pdflatex", "-no-shell-escape", "-recorder", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=60)
    log = (folder / "page.log").read_text("utf-8", errors="replace")
    assert done.returncode == 0, log[-2000:]
    for line in (folder / "page.fls").read_text("utf-8").splitlines():
        kind, _, name = line.partition(" ")
        assert kind == "PWD" or "tex" in name.lower() or name.startswith("page."), line
    assert {path.name for path in folder.iterdir()} == {f"page.{s}" for s in ("aux", "fls", "log", "pdf", "tex")}
    return log


def test_every_title_is_printed_literally_by_latex(tmp_path: Path) -> None:
    needs("pdflatex", "pdftotext")
    center = r"\begin{{center}}\Large\bfseries @@{}@@{}@@END@@\end{{center}}"
    lines = [center.format(i, Latex().text(text)) for i, text in enumerate(TEXTS)]
    latex("\n\n".join([preamble("latex"), r"\pagestyle{empty}", *lines, r"\end{document}"]), tmp_path)
    command = ["pdftotext", "-raw", "-enc", "UTF-8", str(tmp_path / "page.pdf"), "-"]
    printed = between_marks(subprocess.run(command, capture_output=True, check=True).stdout.decode())
    glyphs = covered("tex") | set(map(ord, "…≈≠≤≥∂∑√∞−∈⋅∇⇒′" + "".join(GREEK.values())))
    alike = str.maketrans({"…": "...", "⋅": "·", "′": "'", "∑": "Σ", "ϵ": "ε", "ϕ": "φ", "Ω": "Ω", "µ": "μ"})
    for text, found in zip(TEXTS, printed, strict=True):
        wanted = seen(unicodedata.normalize("NFC", text), glyphs)
        assert squeezed(found).translate(alike) == squeezed(wanted).translate(alike), ascii(text[:80])


def test_whole_solutions_with_hostile_titles_compile(tmp_path: Path) -> None:
    page = solution(title=" ".join(text for text in TEXTS if len(text) < 100))
    metadata = PdfReader(io.BytesIO(page.pdf())).metadata
    assert metadata is not None
    assert str(metadata.title).startswith(" ".join(TEXTS[:2]))
    needs("pdflatex")
    latex(page.render("latex"), tmp_path)


def test_typesetting_reads_no_file_and_no_package() -> None:
    for source in ('#read("/etc/passwd")', '#read("../../../../etc/passwd")', f'#read("{__file__}")',
    '#include "x.typ"',
                   '#image("/x.png")'):  # fmt: skip
        with pytest.raises(calc.CalcError, match="the page could not be typeset"):
            typeset(source)


def test_every_character_that_typst_is_said_to_have_has_a_glyph() -> None:
    """PDF/A refuses a missing glyph. Each character stands alone, between letters, and in bold."""
    glyphs = [chr(code) for code in sorted(covered("typ"))]
    assert len(glyphs) > 7000
    start = preamble("typst")
    words = "#linebreak()".join(Typst().text(word) for c in glyphs for word in (c, f"a{c}b"))
    source = f'{start}\n{words}\n#text(weight: "bold")[{words}]'
    compiler = typst.Compiler(source.encode(), ignore_system_fonts=True)
    assert compiler.compile(format="pdf", pdf_standards=["a-2b"], timestamp=0)
    for missing in "🙂反":
        compiler = typst.Compiler(f'{start}#"{missing}"'.encode(), ignore_system_fonts=True)
        with pytest.raises(typst.TypstError, match="could not be displayed"):
            compiler.compile(format="pdf", pdf_standards=["a-2b"], timestamp=0)


def test_a_character_alone_on_a_page_finds_its_font() -> None:
    """Typst's own search for a font looks at a whole run of text; a run of one is the hardest."""
    start = '#set document(title: "x", date: datetime(year: 2020, month: 1, day: 1))\n'
    glyphs = sorted(covered("typ"))
    rare = [0x2041, 0x211F, 0x2607, 0x26B0, 0x2715, 0x2727]  # which that search does not find
    for code in (*rare, *glyphs[::150]):
        compiler = typst.Compiler((start + Typst().text(chr(code))).encode(), ignore_system_fonts=True)
        assert compiler.compile(format="pdf", pdf_standards=["a-2b"], timestamp=0), hex(code)


def test_every_character_that_latex_is_said_to_have_compiles(tmp_path: Path) -> None:
    needs("pdflatex")
    glyphs = [chr(code) for code in sorted(covered("tex"))] + [*GREEK.values(), *"…≈≠≤≥∂∑√∞−∈⋅∇⇒′"]
    assert len(glyphs) > 400
    words = (rf"{Latex().text(c)} {Latex().text(f'a{c}b')} \textbf{{{Latex().text(c)}}}" for c in glyphs)
    log = latex("\n\n".join([preamble("latex"), *words, r"\end{document}"]), tmp_path)
    assert "Missing character" not in log


# --- symbols -----------------------------------------------------------------------------------------------------

NO_SYMBOLS = [text for text in TEXTS if not re.fullmatch("[A-Za-z]+", text)] + [
    "w" * (LONGEST + 1), f"w_{'1' * (LONGEST + 1)}", "w_", "w^", "w_{}", "w__1", "w_1_2", "w^1^2", "w^{(1)}",
    "w_{a b}", "w_{1", "w_1}", "w 1", "w1", "1w", "_1", "w_a_b^c", "w_{-1}", "w_α", "α1", "αβ", "é", "w′", "w_{{1}}",
    "w\n", "w_1\n", "\nw", "w_{1\n}", "w_１", "w_\\alpha", "\\alpha", "$w$", "w.", "w;", "w_{,,}}", "ｗ", "ω̃",
]  # fmt: skip


def test_a_text_that_is_no_symbol_is_refused() -> None:
    for text in NO_SYMBOLS:
        with pytest.raises(calc.ProblemError, match=r"is not a symbol|is too long"):
            calc.Problem(**TABLES, notation={"symbols": {"w1_1_1": text}})


SYMBOLS = {  # as the file says: base, sub, sup
    "w_5": ("w", "5", ""), "net_{h1}": ("net", "h1", ""), "theta^2": ("theta", "", "2"), "θ_{1,2}": ("theta", "1,2",
    ""), "Omega_{a,b}^{c'}": ("Omega", "a,b", "c'"), "E^{'}_{x}": ("E", "x", "'"), "e": ("e", "", ""),
    "mathrm": ("mathrm", "", ""), "sum_{sum}": ("sum", "sum", ""), "x_'": ("x", "'", ""), "x_,": ("x", ",", ""),
    "frac^{frac}": ("frac", "", "frac"),
}  # fmt: skip


def test_a_symbol_is_read_as_base_subscript_and_superscript() -> None:
    for text, (base, sub, sup) in SYMBOLS.items():
        assert Symbol.parse(text) == Symbol(base, sub, sup)
        assert Symbol.parse(str(Symbol.parse(text))) == Symbol.parse(text)


def test_every_symbol_of_the_grammar_compiles(tmp_path: Path) -> None:
    """Each Greek name, and words that mean something to TeX or Typst, as weights of one wide network."""
    scripts = ("", "_1", "_{ab}", "_{abc}^{'}", "^{1,2}", "^a_{'''}", "_{,}^{,}", "_e^e")
    bases = [
        *GREEK,
        *SYMBOLS,
        "input",
        "frac",
        "of",
        "in",
        "e",
        "i",
        "d",
        "Delta",
        "display",
        "lr",
        "or",
        "not",
        "quad",
        "let",
        "if",
    ]
    symbols = [base.split("_")[0].split("^")[0] + scripts[i % len(scripts)] for i, base in enumerate(bases)]
    half = (len(symbols) + 1) // 2
    wide = {
        **TABLES,
        "layers": [{"activation": "identity", "weights": [["0.1"] * half] * 2}],
        "samples": [{"inputs": [1] * half, "targets": [1, 0]}],
        "notation": {"symbols": {f"w1_{j % 2 + 1}_{j // 2 + 1}": symbol for j, symbol in enumerate(symbols)}},
        "solution": {"show": ["w1_1_1"]},
    }
    page = calc.solve(calc.Problem(**wide))
    for format in ("markdown", "text", "json"):
        page.render(format)
    assert page.pdf()
    needs("pdflatex")
    latex(page.render("latex"), tmp_path)


# --- the terminal ------------------------------------------------------------------------------------------------


def test_no_message_that_quotes_a_file_steers_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "problem.json"
    for text in TEXTS:
        changes: list[dict[str, Any]] = [
            {"loss": text}, {"learning_rate": text}, {"reduction": text}, {text: 1}, {"rounding": {text: 1}},
            {"title": {text: text}}, {"solution": {"show": [text, "w"]}}, {"layers": [{"activation": text}]},
            {"layers": [{"activation": {"name": "relu", text: 1}, "weights": [[1]]}]},
            {"notation": {"symbols": {text: "w"}}}, {"notation": {"symbols": {"w1_1_1": [text]}}},
        ]  # fmt: skip
        for change in changes:
            path.write_text(json.dumps(TABLES | change), "utf-8")
            with pytest.raises(calc.ProblemError) as caught:
                calc.solve(calc.load(path)).render()
            assert all("\n" not in str(fault) and len(str(fault)) < 700 for fault in caught.value.faults), change
    for text in TEXTS:
        path.write_text(json.dumps(TABLES | {text: 1, "loss": text}), "utf-8")
        done = CliRunner().invoke(app, ["solve", str(path)])
        assert done.exit_code == 2
        assert done.stderr.replace("\n", "").isprintable()
        assert done.stderr.count("\n") == 3
    assert os.listdir(tmp_path) == ["problem.json"]
