"""The gallery of examples: each with its picture, what it teaches, and its page in several formats.

To rewrite it after a wanted change: python tests/test_gallery.py
"""

import re
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from conftest import needs
from markdown_it import MarkdownIt

import calc
from calc.illustration import Illustration
from calc.network import Network
from calc.render.markdown import Markdown

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
README = ROOT / "examples" / "README.md"
GALLERY = ROOT / "examples" / "gallery"
REWRITE = "if this is wanted, rewrite it with: python tests/test_gallery.py"
LARGEST = 256 * 1024  # bytes of a page that is kept; of larger ones there is the Markdown
ALL_BYTES = 6_000_000
FORMATS = {"pdf": "PDF", "html": "HTML", "tex": "LaTeX"}
HEAD = """\
# Examples

An exercise of each kind, with its solution. Each is a file of a few lines; `calc solve examples/xor.toml -o xor.pdf`
makes the page of it. An HTML page is one file, to be downloaded and opened. Pages above {largest} kB are not kept here.
[notebook.ipynb](notebook.ipynb) is a lesson on the first exercise in a Jupyter notebook.

This page and the folder `gallery` are written by `python tests/test_gallery.py`.
"""


@cache
def solved(path: Path) -> calc.Solution:
    return calc.solve(calc.load(path))


def lesson(path: Path) -> str:
    """What an example teaches: the first sentence of the comment that its file begins with."""
    lines = path.read_text("utf-8").splitlines()
    first = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    comment = " ".join(line.removeprefix("#").strip() for line in lines[:first])
    return re.split(r"(?<=\.)\s", comment)[0]


def picture(solution: calc.Solution) -> Illustration:
    """The descent over its surface where a graph goes downhill, else the network or the graph."""
    if isinstance(solution.problem, Network):
        return solution.figure("network")
    return solution.figure("surface" if len(solution.iterations) > 1 else "graph")


def alternative(drawn: Illustration) -> str:
    """What a picture shows, without its numbers, which stand on the page."""
    figure = replace(drawn.figure, alternative=drawn.figure.alternative[:1])
    return Illustration(figure, drawn.notation, drawn.said, drawn.title).alternative


def texts(path: Path) -> Iterator[tuple[str, str]]:
    """What is kept of an example in the gallery, by the name of its file; PDFs aside."""
    yield f"{path.stem}.svg", picture(solved(path)).svg
    for suffix in ("html", "tex"):
        page = solved(path).render(suffix)
        if len(page.encode()) <= LARGEST:
            yield f"{path.stem}.{suffix}", page


def entry(path: Path) -> str:
    """An example on the page of the gallery."""
    solution, escape = solved(path), Markdown().text
    links = [f"[problem]({path.name})", f"[Markdown]({path.stem}.md)"]
    for suffix, name in FORMATS.items():
        if (GALLERY / f"{path.stem}.{suffix}").exists():
            links.append(f"[{name}](gallery/{path.stem}.{suffix})")
    title, teaches, shown = escape(solution.problem.title), escape(lesson(path)), alternative(picture(solution))
    return f"### {title}\n\n{teaches}\n\n![{escape(shown)}](gallery/{path.stem}.svg)\n\n{' · '.join(links)}\n"


def readme() -> str:
    networks = [path for path in EXAMPLES if isinstance(solved(path).problem, Network)]
    graphs = [path for path in EXAMPLES if path not in networks]
    order = sorted(networks, key=lambda path: (path.stem != "xor", path.stem))  # which the README begins with
    parts = [HEAD.format(largest=LARGEST // 1024), "## Networks\n", *map(entry, order)]
    return "\n".join([*parts, "## Computational graphs\n", *map(entry, graphs)])


def text_of(pdf: Path) -> str:
    """The words of a PDF: its bytes are those of a version of Typst, they are not."""
    return subprocess.run(["pdftotext", "-layout", str(pdf), "-"], capture_output=True, text=True, check=True).stdout


# --- in step -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_gallery_has_the_picture_and_the_pages_that_an_example_gives(path: Path) -> None:
    for name, text in texts(path):
        assert (GALLERY / name).read_text("utf-8") == text, REWRITE


@pytest.mark.parametrize("path", sorted(GALLERY.glob("*.pdf")), ids=lambda path: path.stem)
def test_a_pdf_of_the_gallery_says_what_the_example_gives(path: Path, tmp_path: Path) -> None:
    needs("pdftotext")
    solved(ROOT / "examples" / f"{path.stem}.toml").save(tmp_path / "now.pdf")
    assert text_of(path).split() == text_of(tmp_path / "now.pdf").split(), REWRITE


def test_the_page_of_the_gallery_is_what_the_examples_give() -> None:
    assert README.read_text("utf-8") == readme(), REWRITE


def test_nothing_in_the_gallery_belongs_to_no_example() -> None:
    kept = {path.name for path in GALLERY.iterdir()}
    pdfs = {f"{path.stem}.pdf" for path in EXAMPLES}
    assert kept - pdfs == {name for path in EXAMPLES for name, _ in texts(path)}, REWRITE


# --- what it shows -----------------------------------------------------------------------------------------------


def test_every_example_says_in_one_sentence_what_it_teaches() -> None:
    for path in EXAMPLES:
        assert 40 < len(lesson(path)) < 230, path.name
        assert lesson(path).endswith("."), path.name
    assert len({lesson(path) for path in EXAMPLES}) == len(EXAMPLES)


def test_the_links_and_pictures_of_the_gallery_lead_to_files() -> None:
    blocks = MarkdownIt("commonmark").parse(README.read_text("utf-8"))
    inline = [token for block in blocks for token in block.children or ()]
    links = [str(token.attrs["href"]) for token in inline if token.type == "link_open"]
    images = [token for token in inline if token.type == "image"]
    assert {str(image.attrs["src"]) for image in images} == {f"gallery/{path.stem}.svg" for path in EXAMPLES}
    assert all((README.parent / link).is_file() for link in links)
    assert {f"{path.stem}{suffix}" for path in EXAMPLES for suffix in (".toml", ".md")} <= set(links)
    assert {f"gallery/{path.name}" for path in GALLERY.iterdir() if path.suffix != ".svg"} <= set(links)
    assert all(20 < len(image.content) < 1000 for image in images)
    assert not any(token.type.startswith("html") for token in [*blocks, *inline])


def test_the_pictures_of_the_gallery_are_read_on_light_and_dark_pages() -> None:
    for path in GALLERY.glob("*.svg"):
        root = ElementTree.fromstring(path.read_text("utf-8"))
        ground = next(shape for shape in root if not shape.tag.endswith(("title", "desc")))
        assert ground.attrib == {"width": size(root)[0], "height": size(root)[1], "fill": "#fff", "class": "paper"}


def size(root: ElementTree.Element) -> list[str]:
    return root.attrib["viewBox"].split()[2:]


def test_the_gallery_is_small() -> None:
    sizes = {path.name: path.stat().st_size for path in GALLERY.iterdir()}
    assert max(sizes.values()) <= LARGEST
    assert sum(sizes.values()) < ALL_BYTES


if __name__ == "__main__":
    GALLERY.mkdir(exist_ok=True)
    for old in GALLERY.iterdir():
        old.unlink()
    for example in EXAMPLES:
        for name, text in texts(example):
            (GALLERY / name).write_text(text, "utf-8")
        pdf = solved(example).pdf()
        if len(pdf) <= LARGEST:
            (GALLERY / f"{example.stem}.pdf").write_bytes(pdf)
    README.write_text(readme(), "utf-8")
