"""Every example stands beside its rendered Markdown, and the thinking and typesetting of XOR are kept.

To rewrite them after a wanted change: python tests/test_examples.py
"""

from pathlib import Path

import circuit_referee
import pytest
from proofreader import proofread
from referee import slopes_by_side

import calc

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
SNAPSHOTS = ROOT / "tests" / "snapshots"
REWRITE = "if this is wanted, rewrite it with: python tests/test_examples.py"


def snapshots(solution: calc.Solution) -> dict[str, str]:
    """The document model and the text of each format, so that a diff tells thinking from typesetting."""
    kept = {f"xor.{format}": solution.render(format) for format in ("tex", "typ", "txt", "json")}
    blocks = [block for section in solution.document.sections for block in (section.heading, *section.blocks)]
    return kept | {"xor.document": "".join(f"{block}\n" for block in blocks)}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_rendered_markdown_beside_an_example_is_what_it_gives(path: Path) -> None:
    assert path.with_suffix(".md").read_text("utf-8") == calc.solve(calc.load(path)).render("markdown"), REWRITE


@pytest.mark.parametrize("name", ["xor.tex", "xor.typ", "xor.txt", "xor.json", "xor.document"])
def test_the_xor_page_is_thought_and_typeset_as_before(name: str) -> None:
    solution = calc.solve(calc.load(ROOT / "examples" / "xor.toml"))
    assert (SNAPSHOTS / name).read_text("utf-8") == snapshots(solution)[name], REWRITE


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_line_of_an_example_comes_out_on_a_calculator(path: Path) -> None:
    problem = calc.load(path)
    rounding = problem.rounding.model_dump(exclude_none=True) or {"decimals": 4}
    if problem.rounding.significant is None:
        rounding.setdefault("decimals", 4)
    tables = problem.model_dump(mode="json", exclude_none=True)
    by_side = circuit_referee.slopes_by_side(tables) if "graph" in tables else slopes_by_side(tables)
    report = proofread(path.with_suffix(".md").read_text("utf-8"), rounding, by_side=by_side)
    assert not report.faults
    assert report.checked > (5 if "graph" in tables else 20)


def test_the_relu_batch_is_exact_throughout() -> None:
    solution = calc.solve(calc.load(ROOT / "examples" / "relu-batch.toml"))
    assert all(solution[id].exact for id in solution)
    page = solution.render()
    assert r"\approx" not in page.split("## Check")[0]


if __name__ == "__main__":
    SNAPSHOTS.mkdir(exist_ok=True)
    for example in EXAMPLES:
        calc.solve(calc.load(example)).save(example.with_suffix(".md"))
    for name, text in snapshots(calc.solve(calc.load(ROOT / "examples" / "xor.toml"))).items():
        (SNAPSHOTS / name).write_text(text, "utf-8")
