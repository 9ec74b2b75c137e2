"""Pictures: nothing stands over anything else, every format is sound, and the numbers are those of the page."""

import itertools
import random
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Sweep, needs

import calc
from calc.cli import app
from calc.document import Figure, Label, Node, Picture
from calc.document import Path as Line
from calc.figures import FIGURES, figure_of
from calc.figures.plot import contours, levels, ticks
from calc.figures.room import Box, box_of, overlap
from calc.figures.surface import loss_over
from calc.network import Network
from calc.training import train

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
NASTY = r"<script>alert(1)</script> & \input{x} % $^_ #{} ]]> --> é 🙂 " + '"' + "'\u202e"


def dense(shape: tuple[int, ...], digits: int = 2, **tables: object) -> calc.Problem:
    """A network with a number on every edge: of up to so many decimals, positive or negative."""
    source = random.Random(str(shape))

    def number() -> float:
        return round(source.uniform(-1, 1), digits)

    layers = [
        {
            "activation": "sigmoid",
            "weights": [[number() for _ in range(before)] for _ in range(units)],
            "biases": [number() for _ in range(units)],
        }
        for before, units in itertools.pairwise(shape)
    ]
    samples = [{"inputs": [number() for _ in range(shape[0])], "targets": [1] * shape[-1]}]
    return calc.Problem(
        **{"learning_rate": 0.1, "loss": "squared_error", "layers": layers, "samples": samples} | tables
    )


CIRCUITS = {
    "a circuit": (["q = x + y", "f = q * z"], {"x": -2, "y": 5, "z": -4}),
    "a sigmoid neuron": (
        ["f = 1 / (1 + exp(-(w0*x0 + w1*x1 + w2)))"],
        {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3},
    ),
    "shared values": (["s = sigmoid(x*y)", "f = s*x + y**2 / max(x, z) - s"], {"x": 1.5, "y": -0.5, "z": 2}),
    "a long name": (["activation_total = first_input ** second_input"], {"first_input": 1.5, "second_input": -12345.6}),
    "a value that leads nowhere": (["g = exp(x)", "h = g * y", "f = g + y"], {"x": 1, "y": 2}),
    "one value": (["f = 3 * x"], {"x": 2}),
}


def circuit(name: str, **graph: object) -> calc.Problem:
    formulas, values = CIRCUITS[name]
    return calc.Problem(title=name, graph={"formulas": formulas, "values": values} | graph)


def descent(**tables: object) -> calc.Problem:
    graph = {"formulas": ["f = x**2 + y**2"], "values": {"x": 1, "y": "3/2"}, "learning_rate": 0.1, "iterations": 3}
    return calc.Problem(title="A bowl", graph=graph, **tables)


def picture_of(problem: calc.Problem, name: str) -> Picture:
    return figure_of(name, problem, train(problem)).draw()


def boxes(picture: Picture) -> list[Box]:
    return [box_of(shape) for shape in picture.shapes if isinstance(shape, Label | Node)]


def overlaps(picture: Picture) -> list[tuple[Box, Box]]:
    """Pairs of texts and nodes that stand over one another, a hair's breadth aside."""
    shrunk = [(a + 0.05, b + 0.05, c - 0.05, d - 0.05) for a, b, c, d in boxes(picture)]
    return [(a, b) for a, b in itertools.combinations(shrunk, 2) if overlap(a, b)]


def outside(picture: Picture) -> list[Box]:
    return [b for b in boxes(picture) if b[0] < 0 or b[1] < 0 or b[2] > picture.width or b[3] > picture.height]


SHAPES = [shape for layers in (2, 3) for shape in itertools.product(range(1, 9), repeat=layers)]
CORNERS = [(1, 1), (8, 8), (1, 1, 1), (2, 2, 1), (3, 2, 2), (8, 1, 8), (1, 8, 1), (5, 7, 6), (8, 8, 8)]


@pytest.mark.parametrize("digits", [2, 4])
def test_no_label_of_a_network_stands_over_another_up_to_eight_units_in_each_layer(
    digits: int, sweep: Sweep, record_property: Callable[[str, object], None]
) -> None:
    count = sweep.count(seconds=20, ci=len(SHAPES), full=len(SHAPES))
    chosen = [*CORNERS, *random.Random(1).sample(SHAPES, count - len(CORNERS))] if count < len(SHAPES) else SHAPES
    labels = 0
    for shape in chosen:
        picture = picture_of(dense(shape, digits), "network")
        assert not overlaps(picture), shape
        assert not outside(picture), shape
        weights = sum(a * b for a, b in itertools.pairwise(shape))
        assert sum(isinstance(s, Label) and s.ground for s in picture.shapes) == weights + sum(shape[1:])
        labels += len(boxes(picture))
    record_property("pictures of networks up to 8-8-8 without an overlap", len(chosen))
    record_property("texts and nodes in them", labels)


@pytest.mark.parametrize("profile", ["net-out", "from-to", "vw", "ih-ho", "delta-nabla", "x-layer"])
@pytest.mark.parametrize("shape", [(2, 2, 2), (3, 4, 4, 2)])
def test_no_label_stands_over_another_in_any_notation(profile: str, shape: tuple[int, ...]) -> None:
    picture = picture_of(dense(shape, notation={"profile": profile}, rounding={"decimals": 9}), "network")
    assert not overlaps(picture)
    assert not outside(picture)


@pytest.mark.parametrize("decimals", [0, 12, 30])
def test_numbers_of_any_length_find_room(decimals: int) -> None:
    problem = dense((3, 4, 2), digits=decimals or 2, rounding={"decimals": decimals})
    for name in ("network", "graph"):
        picture = picture_of(problem, name)
        assert not overlaps(picture), name
        assert not outside(picture), name


@pytest.mark.parametrize("nodes", ["operations", "formulas"])
@pytest.mark.parametrize("name", CIRCUITS)
def test_no_label_of_a_graph_stands_over_another(name: str, nodes: str) -> None:
    picture = picture_of(circuit(name, nodes=nodes, upstream=-2), "graph")
    assert not overlaps(picture)
    assert not outside(picture)


@pytest.mark.parametrize("shape", [(2, 2, 1), (2, 3, 2)])
def test_the_graph_of_a_network_keeps_its_labels_apart(shape: tuple[int, ...]) -> None:
    picture = picture_of(dense(shape), "graph")
    assert not overlaps(picture)
    assert not outside(picture)


def test_large_layers_and_deep_networks_are_drawn_in_part_and_it_is_said() -> None:
    for shape in ((16, 6, 6, 2), (40, 12, 10), (2,) * 12):
        problem = dense(shape)
        solution = calc.solve(problem)
        picture = solution.figure("network").figure.draw()
        assert not overlaps(picture), shape
        assert sum(isinstance(s, Node) for s in picture.shapes) <= 8 * 8
        assert "dots between" in solution.figure("network").alternative


def words_of(pdf: bytes, folder: Path) -> list[tuple[float, float, float, float, str]]:
    """Left, top, right and bottom of every word as typeset."""
    (folder / "figure.pdf").write_bytes(pdf)
    done = subprocess.run(
        ["pdftotext", "-bbox", str(folder / "figure.pdf"), "-"], capture_output=True, text=True, check=True
    )
    found = re.findall(
        r'<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">(.*)</word', done.stdout
    )
    return [(float(a), float(b), float(c), float(d), text) for a, b, c, d, text in found]


@pytest.mark.parametrize("shape", [(2, 2, 1), (3, 2, 2), (4, 5, 3), (8, 8, 8)])
def test_every_word_as_typeset_stays_in_the_room_that_was_kept_for_it(shape: tuple[int, ...], tmp_path: Path) -> None:
    needs("pdftotext")
    illustration = calc.solve(dense(shape)).figure("network")
    picture = illustration.figure.draw()
    rooms = [(a + 4 - 0.5, b + 4, c + 4 + 0.5, d + 4) for a, b, c, d in boxes(picture)]  # the page's margin is 4 points
    words = words_of(illustration.typeset("pdf"), tmp_path)
    assert len(words) > 10
    for left, top, right, bottom, text in words:
        middle = (top + bottom) / 2
        assert any(a <= left and right <= c and b - 2 <= middle <= d + 2 for a, b, c, d in rooms), (shape, text)


# --- formats ---------------------------------------------------------------------------------------------------------


def all_figures() -> list[tuple[str, calc.Problem, str]]:
    training = {"training": {"epochs": 3}, "figures": {"surface": ("w1_1_1", "w2_1_2")}}
    network = dense((2, 2, 1), title=NASTY, **training)
    found = [(f"a network's {name}", network, name) for name in FIGURES if name != "graph"]
    found.append(("a network's graph", dense((2, 2, 1), title=NASTY), "graph"))
    bowl = descent(notation={"symbols": {"x": "theta_{1}", "y": "abc^{x'}"}})
    return found + [(f"a bowl's {name}", bowl, name) for name in ("graph", "loss", "surface")]


@pytest.mark.parametrize(("what", "problem", "name"), all_figures(), ids=[what for what, _, _ in all_figures()])
def test_an_svg_is_well_formed_says_what_it_shows_and_runs_nothing(
    what: str, problem: calc.Problem, name: str, tmp_path: Path
) -> None:
    illustration = calc.solve(problem).figure(name)
    root = ElementTree.fromstring(illustration.svg)
    space = "{http://www.w3.org/2000/svg}"
    tags = {element.tag.removeprefix(space) for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "polyline", "polygon", "circle", "rect", "text", "tspan"}
    assert not [key for element in root.iter() for key in element.attrib if key.startswith("on") or "href" in key]
    assert root.attrib["role"] == "img"
    assert root[0].tag == f"{space}title"
    assert (root[0].text or "").startswith(problem.title[:8])
    assert root[1].text == illustration.alternative
    assert len(illustration.alternative) > 40
    assert not overlaps(illustration.figure.draw())
    if shutil.which("xmllint"):
        (tmp_path / "x.svg").write_text(illustration.svg, "utf-8")
        subprocess.run(["xmllint", "--noout", str(tmp_path / "x.svg")], check=True)


def test_tikz_pictures_compile_and_are_nodes_and_edges_by_name(tmp_path: Path) -> None:
    needs("pdflatex")
    pictures = [calc.solve(problem).figure(name).tikz for _, problem, name in all_figures()]
    pictures += [calc.solve(circuit(name)).figure("graph").tikz for name in CIRCUITS]
    pictures.append(calc.solve(dense((3, 2, 2), notation={"profile": "net-out"})).figure("network").tikz)
    assert r"\draw (u0n1) -- (u1n1);" in pictures[-1]
    body = "\n\\clearpage\n".join(pictures)
    preamble = "\\documentclass{article}\n\\usepackage{amsmath,amssymb,tikz}\\usetikzlibrary{shapes.misc}\n"
    (tmp_path / "p.tex").write_text(f"{preamble}\\begin{{document}}\n{body}\n\\end{{document}}\n", "utf-8")
    command = ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "p.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, (tmp_path / "p.log").read_text("utf-8", errors="replace")[-2000:]


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png", "tex"])
def test_a_picture_is_the_same_bytes_at_every_run_and_in_another_process(suffix: str, tmp_path: Path) -> None:
    path = ROOT / "examples" / "two-outputs.toml"
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "calc", "figure", str(path), "network", "-o", f"{tmp_path}/{seed}.{suffix}"]
        subprocess.run(command, check=True, cwd=ROOT, env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)})
    first, second = ((tmp_path / f"{seed}.{suffix}").read_bytes() for seed in ("1", "2"))
    assert first == second
    calc.solve(calc.load(path)).figure("network").save(tmp_path / f"again.{suffix}")
    assert (tmp_path / f"again.{suffix}").read_bytes() == first


def texts_of(svg: str) -> set[str]:
    """Every text of a picture, its runs together."""
    return {"".join(e.itertext()) for e in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_the_numbers_in_a_picture_are_those_of_the_page() -> None:
    solution = calc.solve(calc.load(ROOT / "examples" / "xor.toml"))
    network = texts_of(solution.figure("network").svg)
    for id, symbol in (("w1_1_1", "W11"), ("w2_1_2", "V12"), ("b2_1", "b1(2)")):
        assert f"{symbol} = {solution[id].shown.replace('-', '−')}" in network
    assert {solution[id].shown for id in ("x_1", "a1_1", "a1_2", "a2_1")} <= network
    graph = texts_of(solution.figure("graph").svg)
    for id in ("z1_1", "a1_2", "dE/dw1_1_1", "dE/dz2_1", "dE/da2_1", "E"):
        assert solution[id].shown.replace("-", "−") in graph, id


def test_the_picture_among_what_is_given_gives_no_result_away() -> None:
    solution = calc.solve(calc.load(ROOT / "examples" / "xor.toml"))
    (figure,) = (
        block for section in solution.document.sections for block in section.blocks if isinstance(block, Figure)
    )
    texts = {repr(text) for shape in figure.draw().shapes if isinstance(shape, Node) for text in shape.lines}
    assert not any("0.7685" in text for text in texts)
    assert any("0.7685" in repr(shape) for shape in solution.figure("network").figure.draw().shapes)


def test_a_shared_value_shows_each_path_on_its_edge_and_the_sum_at_its_node() -> None:
    solution = calc.solve(circuit("shared values"))
    told = texts_of(solution.figure("graph").svg)
    assert {solution[id].shown.replace("-", "−") for id in ("df/dx|n1", "df/dx|n2", "df/dx|n4", "df/dx")} <= told


def test_gradients_can_be_told_from_values_without_colours() -> None:
    root = ElementTree.fromstring(calc.solve(circuit("a circuit")).figure("graph").svg)
    texts = [element for element in root.iter() if element.tag.endswith("text")]
    styles = {element.attrib["class"]: element.attrib.get("font-style") for element in texts}
    assert styles["ink-gradient"] == "italic"
    assert styles["ink-value"] is None


def test_pictures_stand_on_pages_of_formats_that_have_them_and_leave_the_others_as_they_were() -> None:
    solution = calc.solve(descent())
    names = [block.name for section in solution.document.sections for block in section.blocks if block.kind == "figure"]
    assert names == ["graph", "loss", "surface"]
    assert solution.render("typst").count("#image(") == 3
    assert solution.render("latex").count(r"\begin{tikzpicture}") == 3
    for name in ("markdown", "text"):
        assert "svg" not in solution.render(name)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_that_can_be_drawn_whole_has_its_picture_on_the_page(path: Path) -> None:
    solution = calc.solve(calc.load(path))
    figures = [block for section in solution.document.sections for block in section.blocks if block.kind == "figure"]
    whole = path.stem != "pixel-digits"  # of which dots would stand for most units
    drawn = "network" if isinstance(solution.problem, Network) else "graph"
    assert [figure.name for figure in figures][:1] == [drawn] * whole
    for figure in figures:
        assert not overlaps(figure.draw()), figure.name
        assert not outside(figure.draw()), figure.name


# --- curves and surfaces ---------------------------------------------------------------------------------------------


def test_the_drawn_surface_is_the_loss_that_the_page_works() -> None:
    for problem in (descent(), dense((2, 3, 2), penalty={"l2": 0.1}, training={"epochs": 2})):
        worked = train(problem)
        first = worked[0].trace
        pair = first.graph.parameters[0][:2]
        height = loss_over(problem, first.graph, (pair[0], pair[1]))
        before = [int(v.p) / int(v.q) for v in (first.given[w.id] for w in pair)]
        assert height(*before) == pytest.approx(float(calc.solve(problem)[first.graph.loss.id].value), rel=1e-12)


@pytest.mark.parametrize(
    ("language", "one", "three"),
    [
        ("en", "over 1 epoch.", "over 3 updates."),
        ("de", "über 1 Epoche von", "über 3 Aktualisierungen von"),
        ("fr", "en 1 époque.", "en 3 mises à jour."),
        ("es", "en 1 época.", "en 3 actualizaciones."),
    ],
)
def test_the_curve_says_over_how_many_updates_or_epochs_it_goes(language: str, one: str, three: str) -> None:
    said = {("solution", "language"): language}
    online = calc.solve(calc.load(ROOT / "examples" / "xor-online.toml", said | {("training", "epochs"): 1}))
    assert one in online.figure("loss").alternative
    assert three in calc.solve(descent(solution={"language": language})).figure("loss").alternative


def test_contour_lines_of_a_cone_are_circles_that_close() -> None:
    grid = [[((x - 20) ** 2 + (y - 20) ** 2) ** 0.5 for x in range(41)] for y in range(41)]
    (line,) = contours(grid, 10.0)
    assert line[0] == line[-1]
    assert all(abs(((x - 20) ** 2 + (y - 20) ** 2) ** 0.5 - 10) < 0.05 for x, y in line)
    assert levels([[1.0, 1.0], [1.0, 1.0]]) == []


def test_a_surface_leaves_out_where_there_is_no_value() -> None:
    graph = {"formulas": ["f = log(x) + 1 / y"], "values": {"x": 0.2, "y": 0.1}, "learning_rate": 0.001}
    picture = picture_of(calc.Problem(graph=graph), "surface")
    assert any(isinstance(shape, Line) and len(shape.points) > 8 for shape in picture.shapes)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-30.0, 70.0, ["−20", "0", "20", "40", "60"]),
        (0.1231, 0.1239, ["0.1232", "0.1234", "0.1236", "0.1238"]),
        (0.0, 5e-9, ["0", "1×10⁻⁹", "2×10⁻⁹", "3×10⁻⁹", "4×10⁻⁹", "5×10⁻⁹"]),
    ],
)
def test_axes_bear_round_numbers(low: float, high: float, expected: list[str]) -> None:
    assert [str(number.shown).replace("-", "−") for _, number in ticks(low, high)] == expected


# --- what cannot be drawn --------------------------------------------------------------------------------------------


def refusal(problem: calc.Problem, name: str) -> str:
    with pytest.raises(calc.CalcError) as error:
        calc.solve(problem).figure(name).figure.draw()
    return str(error.value)


def test_a_picture_of_a_problem_with_a_blank_title_has_its_own_alone() -> None:
    problem = dense((2, 1)).model_copy(update={"title": " "})
    assert "<title>the network</title>" in calc.solve(problem).figure("network").svg


def test_what_cannot_be_drawn_is_told_with_what_to_do() -> None:
    assert "1 update found" in refusal(dense((2, 1)), "loss")
    assert "training.epochs" in refusal(dense((2, 1)), "loss")
    assert "graph.iterations" in refusal(circuit("a circuit"), "loss")
    assert "no layers" in refusal(circuit("a circuit"), "network")
    assert "1 parameter found, a plane has two" in refusal(circuit("one value"), "surface")
    assert 'surface = ["x", "y"]' in refusal(circuit("a circuit"), "surface")
    assert "is no picture" in refusal(dense((2, 1)), "portrait")
    with pytest.raises(calc.CalcError, match=r"nowhere: no such folder"):
        calc.solve(dense((2, 1)), "nowhere").figure("network")
    many = [f"v{k} = {'x' if k == 0 else f'v{k - 1}'} * 2" for k in range(100)]
    large = calc.Problem(graph={"formulas": many, "values": {"x": 1}}, rounding={"significant": 3})
    assert "100 nodes" in refusal(large, "graph")
    assert not [b for s in calc.solve(large).document.sections for b in s.blocks if b.kind == "figure"]


@pytest.mark.parametrize(
    ("surface", "message"),
    [
        (["w1_1_1"], "surface"),
        (["w1_1_1", "w1_1_1"], "stands twice"),
        (["w1_1_1", "w9_9_9"], "figures.surface"),
        ("w1_1_1", "figures.surface"),
        ([1, 2], "figures.surface"),
    ],
)
def test_a_plane_that_is_none_is_a_fault(surface: object, message: str) -> None:
    with pytest.raises(calc.ProblemError, match=message):
        calc.solve(dense((2, 1), figures={"surface": surface}))


def test_the_command_line_tells_what_is_wrong_with_status_2(tmp_path: Path) -> None:
    from click.testing import CliRunner

    path = str(ROOT / "examples" / "xor.toml")
    for name, file in (("loss", "x.svg"), ("portrait", "x.svg"), ("network", "x.jpg"), ("surface", "x.pdf")):
        done = CliRunner().invoke(app, ["figure", path, name, "-o", str(tmp_path / file)])
        assert done.exit_code == 2, name
        assert not list(tmp_path.iterdir())
    done = CliRunner().invoke(app, ["figure", path, "portrait", "-o", "x.jpg", "--language", "xx"])
    assert re.findall(r"^  (\S+) ", done.stderr, re.MULTILINE) == ["figure:", "x.jpg:", "solution.language:"]
