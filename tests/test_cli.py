"""The command line: what goes to which stream, which exit status, and files that appear whole or not at all."""

import io
import json
import os
import pty
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typst
from click.testing import CliRunner, Result
from pypdf import PdfReader

import calc
from calc.cli import app
from calc.expr import Num
from calc.ops.activations import Sigmoid
from calc.pdf import typeset
from calc.render import FORMATS

pytestmark = pytest.mark.filterwarnings("error")

ROOT = Path(__file__).parent.parent
XOR = str(ROOT / "examples" / "xor.toml")
CALC = (sys.executable, "-m", "calc")
STARTS = {
    "md": "# XOR",
    "tex": r"\documentclass",
    "typ": "#set document(",
    "html": "<!DOCTYPE html>",
    "txt": "XOR with",
    "json": '{\n "format": "calc-solution"',
    "pdf": "%PDF-1.7",
}
ALIASES = {"markdown": "md", "latex": "tex", "typst": "typ", "text": "txt"}


def run(*arguments: str, input: bytes | None = None, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(app, list(arguments), input=input, catch_exceptions=False)


def solved(*options: str) -> str:
    """The page of XOR on standard output; nothing on standard error."""
    done = run("solve", XOR, *options)
    assert (done.exit_code, done.stderr) == (0, ""), done.stderr
    return done.stdout


def refused(*arguments: str, status: int = 2) -> str:
    """The message of a command that does nothing; a bare line names its source, indented ones what is wrong."""
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (status, "")
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- formats and streams -----------------------------------------------------------------------------------------


def test_markdown_goes_to_standard_output_unless_something_else_is_said() -> None:
    assert solved() == solved("--to", "md") == calc.solve(calc.load(XOR)).render()


@pytest.mark.parametrize("name", [*STARTS, *ALIASES])
def test_every_name_of_a_format_is_taken_by_to_and_by_the_api(name: str) -> None:
    format = ALIASES.get(name, name)
    done = run("solve", XOR, "--to", name)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout_bytes.decode("utf-8", "replace").startswith(STARTS[format])
    if format != "pdf":
        assert done.stdout == solved("--to", format) == calc.solve(calc.load(XOR)).render(name)


@pytest.mark.parametrize("format", STARTS)
def test_the_suffix_of_the_output_decides_the_format(format: str, here: Path) -> None:
    for name, options in ((f"page.{format}", ()), (f"PAGE.{format.upper()}", ()), ("page", ("--to", format))):
        assert solved("-o", name, *options) == ""
        assert (here / name).read_bytes().decode("utf-8", "replace").startswith(STARTS[format])
        assert stat.S_IMODE((here / name).stat().st_mode) == 0o666 & ~_umask()
    calc.solve(calc.load(XOR)).save(f"api.{format}")
    assert (here / f"api.{format}").read_bytes() == (here / f"page.{format}").read_bytes()
    assert {path.name for path in here.iterdir()} == {
        f"page.{format}",
        f"PAGE.{format.upper()}",
        "page",
        f"api.{format}",
    }


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_to_stands_above_the_suffix(here: Path) -> None:
    solved("-o", "page.md", "--to", "tex")
    assert (here / "page.md").read_text("utf-8").startswith(r"\documentclass")


def test_an_output_replaces_what_stood_there(here: Path) -> None:
    (here / "real.md").write_text("old")
    (here / "page.md").symlink_to("real.md")
    solved("-o", "page.md")
    assert (here / "page.md").is_symlink()
    assert (here / "real.md").read_text("utf-8") == solved()


def test_a_device_as_output_stays_a_device(here: Path) -> None:
    os.mkfifo(here / "pipe.md")
    heard: list[str] = []
    reader = threading.Thread(target=lambda: heard.append((here / "pipe.md").read_text("utf-8")), daemon=True)
    reader.start()
    solved("-o", "pipe.md")
    reader.join(10)
    assert heard == [solved()]
    assert stat.S_ISFIFO((here / "pipe.md").stat().st_mode)


def test_a_pdf_goes_to_a_pipe_but_never_to_a_terminal() -> None:
    piped = subprocess.run([*CALC, "solve", XOR, "--to", "pdf"], capture_output=True, check=True)
    assert piped.stdout.startswith(b"%PDF-")
    assert len(PdfReader(io.BytesIO(piped.stdout)).pages) > 1
    assert piped.stderr == b""
    terminal, ours = pty.openpty()
    try:
        command = [*CALC, "solve", XOR, "--to", "pdf"]
        done = subprocess.run(command, stdout=ours, stderr=subprocess.PIPE, check=False, timeout=20)
        os.set_blocking(terminal, False)
        with pytest.raises(BlockingIOError):
            os.read(terminal, 1)  # nothing was written
    finally:
        os.close(terminal)
        os.close(ours)
    assert done.returncode == 2
    assert (
        done.stderr.decode()
        == "command line: 1 problem\n  --to pdf: a PDF is not written to a terminal. Add -o FILE.pdf\n"
    )


def test_output_is_utf_8_whatever_the_terminal_speaks() -> None:
    plain = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    for command in (["solve", XOR, "--to", "txt"], ["new"], ["new", "xor"], ["schema"], ["formats"]):
        done = subprocess.run([*CALC, *command], capture_output=True, check=True, env=plain)
        assert done.stdout.decode("utf-8") == run(*command).stdout
        assert done.stderr == b""


@pytest.mark.parametrize(
    "command", [["solve", XOR], ["solve", XOR, "--to", "pdf"], ["schema"], ["new", "xor"], ["formats"]]
)
def test_a_reader_that_stops_early_is_no_fault(command: Sequence[str]) -> None:
    with subprocess.Popen([*CALC, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stderr is not None
        writer.stdout.close()
        assert writer.stderr.read() == b""
    assert writer.returncode == 0


def test_a_full_disk_and_closed_streams_are_told() -> None:
    def shell(line: str) -> tuple[int, str]:
        done = subprocess.run(["sh", "-c", f'"$@" {line}', "sh", *CALC], capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    if os.path.exists("/dev/full"):
        assert shell(f"solve {XOR} > /dev/full") == (
            2, "standard output: 1 problem\n  cannot be written (No space left on device)\n")  # fmt: skip
    assert shell(f"solve {XOR} >&-") == (2, "standard output: 1 problem\n  closed. Name a file with -o\n")
    status, message = shell("solve - <&-")
    assert (status, message.splitlines()[0]) == (2, "standard input: 1 problem")


# --- failures ----------------------------------------------------------------------------------------------------


def test_an_output_that_cannot_be_written_leaves_nothing_behind(here: Path) -> None:
    (here / "folder.md").mkdir()
    (here / "file").write_text("x")
    for output, why in (
        ("folder.md", "cannot be written (a directory)"),
        ("none/page.md", "cannot be written (No such file or directory)"),
        ("file/page.md", "cannot be written (Not a directory)"),
        ("x" * 300 + ".md", "cannot be written (File name too long)"),
        ("a\0b.md", "cannot be written (embedded null byte)"),
    ):
        message = refused("solve", XOR, "-o", output)
        assert message.endswith(f": 1 problem\n  {why}. Check the folder and its permissions\n"), message
    assert {path.name for path in here.iterdir()} == {"folder.md", "file"}
    assert not list((here / "folder.md").iterdir())


@pytest.mark.parametrize("failing", ["tempfile.mkstemp", "os.fdopen", "os.chmod", "os.replace"])
def test_a_failure_while_writing_leaves_the_old_file(failing: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "page.md").write_text("old")

    def fail(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(failing, fail)
    assert "cannot be written (Permission denied)" in refused("solve", XOR, "-o", "page.md")
    assert [path.name for path in here.iterdir()] == ["page.md"]
    assert (here / "page.md").read_text() == "old"


def test_what_cannot_be_worked_leaves_no_output(here: Path) -> None:
    (here / "bad.toml").write_text("x = 1")
    refused("solve", "bad.toml", "-o", "page.md")
    refused("solve", XOR, "-o", "page.md", "--show", "w9")
    refused("solve", XOR, "-o", "page.md", "--templates", "none")
    assert [path.name for path in here.iterdir()] == ["bad.toml"]


KNOWN = "Known: md, markdown, tex, latex, typ, typst, html, txt, text, json, pdf"
MISTAKES = {  # arguments after `solve XOR`, what is said
    "--to foo": f'command line: 1 problem\n  --to: "foo" is not known. {KNOWN}\n',
    "--to MD": f'command line: 1 problem\n  --to: "MD" is not known. {KNOWN}\n',
    "-o page.foo": 'command line: 1 problem\n  page.foo: "foo" is no format. '
    'Use one of .md, .tex, .typ, .html, .txt, .json, .pdf, or',
    "-o page": 'command line: 1 problem\n  page: "" is no format. Use one of',
    "-o .md": 'command line: 1 problem\n  .md: "" is no format',
    "--decimals 3 --significant 3": "command line: 1 problem\n  --decimals, --significant: both found",
    "--to foo --dialect x --paper a4 --decimals 31": f'{XOR}: 3 problems\n  --to: "foo" is not known. {KNOWN}\n'
    '  --dialect: "x" is not known. Known: github, gitlab, pandoc, jupyter, plain\n  rounding.decimals: 31 found',
    "-o page.foo --dialect x --paper y": 'command line: 3 problems\n  page.foo: "foo" is no format. ',
    "--dialect x --paper y --engine z --to pdf": "command line: 3 problems\n  --dialect: ",
    "--decimals 31": f"{XOR}: 1 problem\n  rounding.decimals: 31 found, at most 30 needed\n",
    "--decimals -1": "rounding.decimals: -1 found, at least 0 needed",
    "--significant 0": "rounding.significant: 0 found, at least 1 needed",
    "--carry ful --notation vv --method chan": '3 problems\n  rounding.carry: "ful" is not known. Did you mean "full"?',
    "--method gradient": 'solution.method: "gradient" is not known. Known: chain, delta',
    "--notation foo": 'notation.profile: "foo" is not known. Did you mean "from-to"? Known: standard, net-out, from-to',
    "--show w9,w1_1_1,zz": f"{XOR}: 2 problems\n  solution.show: \"w9\" is no parameter of this problem",
    "--show ,": "solution.show: ",
    "--templates nowhere": "templates: 1 problem\n  nowhere: no such folder. Name a folder of templates\n",
    f"--templates {XOR}": "no such folder. Name a folder of templates",
    "--decimals x": "Error: Invalid value for '--decimals': 'x' is not a valid integer.",
    "--decimals": "Error: Option '--decimals' requires an argument.",
    "--colour": "Error: No such option",
    "extra": "Error: Got unexpected extra argument (extra)",
}  # fmt: skip


@pytest.mark.parametrize("options", MISTAKES)
def test_a_wrong_option_is_told_and_ends_with_2(options: str, here: Path) -> None:
    assert MISTAKES[options] in refused("solve", XOR, *options.split())
    assert not list(here.iterdir())


@pytest.mark.parametrize("arguments", [["solve"], ["sovle", XOR], ["new", "xor", "y"], ["formats", "x"], ["--foo"]])
def test_a_wrong_command_ends_with_2(arguments: Sequence[str]) -> None:
    assert "Error: " in refused(*arguments)


@pytest.mark.parametrize("content", [b"", b"\xff", b"{", b"x = 1", b'title = "\\u001b[31m"\nx = "\\u202e"'])
def test_wrong_input_as_a_whole_process_is_a_message_and_2(content: bytes) -> None:
    done = subprocess.run([*CALC, "solve", "-"], input=content, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"standard input: ")
    assert done.stderr.decode().replace("\n", "").isprintable()
    assert b"Traceback" not in done.stderr


def test_a_wrong_derivative_of_ours_is_caught_and_ends_with_3(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sigmoid, "derivative", lambda *_: Num.of(1))
    message = refused("solve", XOR, "-o", "page.md", status=3)
    assert "bug of calc" in message
    assert not list(here.iterdir())
    with pytest.raises(calc.VerificationError):
        calc.solve(calc.load(XOR))


# --- options -----------------------------------------------------------------------------------------------------


def values(*options: str) -> dict[str, Any]:
    return json.loads(solved("--to", "json", *options))["iterations"][0]["values"]


def test_each_option_does_what_it_says() -> None:
    assert values()["a2_1"]["shown"] == "0.7539"
    assert values("--decimals", "9")["a2_1"]["shown"] == "0.753871871"
    assert values("--significant", "2")["a2_1"]["shown"] == "0.75"
    assert values("--decimals", "0")["a2_1"]["shown"] == "7.5×10⁻¹"
    assert values("--carry", "rounded", "--decimals", "2")["a2_1"]["value"] == "0.75"
    assert values("--carry", "full", "--decimals", "2")["a2_1"]["value"].startswith("0.7538718")
    assert "Results are rounded to 3 significant digits" in solved("--significant", "3")
    assert "the rounded number is carried on" in solved("--carry", "rounded")
    assert solved("--method", "chain") == solved()
    spelt = {"standard": "w^{(2)}_{11}", "net-out": "w_5", "vw": "V_{11}"}
    for profile, symbol in spelt.items():
        assert [symbol in solved("--notation", profile) for symbol in spelt.values()] == [
            symbol == s for s in spelt.values()
        ]
        assert values("--notation", profile).keys() == values().keys()
    worked = [
        len(re.findall("depends on|Likewise for", solved("--show", show))) for show in ("w2_1_1", "V11,W12", "all")
    ]
    assert worked[0] == 1
    assert worked[1] == 2
    assert worked[2] == 6
    assert solved("--show", "auto") == solved()


def test_options_stand_above_the_file(here: Path) -> None:
    text = Path(XOR).read_text("utf-8") + "[rounding]\nsignificant = 7\n[solution]\nshow = []\n"
    done = run("solve", "-", "--decimals", "2", "--show", "auto", input=text.encode())
    assert (done.exit_code, done.stderr) == (0, "")
    assert "rounded to 2 decimals" in done.stdout
    assert run("solve", "-", "--decimals", "2", input=b"rounding = 3").exit_code == 2


# --- templates ---------------------------------------------------------------------------------------------------

BLOCK = """\
<% extends "default/md/document.md" %>
<% block title %>
# MINE: << view.text(document.title) >>

<% endblock %>
"""


def templates(folder: Path, **files: str | bytes) -> tuple[str, str]:
    """A folder of templates, e.g. md="…"; as options of solve."""
    names = {"md": "md/document.md", "typ": "typ/document.typ", "tex": "tex/document.tex", "en": "wording/en.toml"}
    for key, content in files.items():
        path = folder / names[key]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return "--templates", str(folder)


def test_a_folder_of_templates_may_extend_a_block(tmp_path: Path) -> None:
    mine = solved(*templates(tmp_path, md=BLOCK))
    title, rest = mine.split("\n\n", 1)
    assert title.startswith("# MINE: XOR with")
    assert rest == solved().split("\n\n", 1)[1]
    assert solved("--to", "txt", "--templates", str(tmp_path)) == solved("--to", "txt")


def test_a_wording_file_may_replace_one_sentence(tmp_path: Path) -> None:
    mine = solved(*templates(tmp_path, en='[section]\ngiven = "Gegeben: $x$ <b> – so"\n'))
    assert "\n## Gegeben: &#36;x&#36; &#60;b&#62; – so\n" in mine
    assert mine.split("\n\n## Forward")[1] == solved().split("\n\n## Forward")[1]


BROKEN: dict[str, tuple[dict[str, str | bytes], str]] = {
    "a name that is not there": ({"md": "<< nothing >>"}, "templates: 1 problem\n  md/document.md: 'nothing' is"),
    "a block without end": ({"md": "\n<% block x %>"}, "md/document.md, line 2: "),
    "a file that is not there": ({"md": '<% include "none.md" %>'}, "none.md"),
    "a file outside": ({"md": '<% include "../../../../../etc/passwd" %>'}, "/etc/passwd"),
    "a mistake in Python": ({"md": "x\n<< 1/0 >>"}, "document.md, line 2: ZeroDivisionError: division by zero. Mend"),
    "a wrong argument": ({"md": "<< view.words(3) >>"}, "document.md, line 1: AttributeError: "),
    "a template that extends itself": ({"md": '<% extends "md/document.md" %>'}, "RecursionError: "),
    "a template that is not UTF-8": ({"md": b"\xff"}, "UnicodeDecodeError: "),
    "wording without a table": ({"en": "x = 1"}, ". Mend the template or the wording"),
    "wording that is a number": ({"en": "[section]\ngiven = 1"}, ". Mend the template or the wording"),
    "wording with a place of its own": ({"en": '[section]\ngiven = "a {b}"'}, "KeyError: 'b'. Mend the template or"),
    "wording that is no TOML": ({"en": "[section]\ngiven ="}, "en.toml: Invalid value (at end of document). Mend"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_template_is_told_and_ends_with_2(name: str, tmp_path: Path) -> None:
    files, said = BROKEN[name]
    assert said in refused("solve", XOR, *templates(tmp_path, **files))


def test_a_template_that_typst_cannot_set_is_told(here: Path) -> None:
    for source in ("#nothing()", '#read("/etc/passwd")', "$"):
        message = refused("solve", XOR, "-o", "page.pdf", *templates(here / "mine", typ=source))
        assert message.startswith("the page could not be typeset: ")
    assert [path.name for path in here.iterdir()] == ["mine"]


# --- PDF ---------------------------------------------------------------------------------------------------------


def pdf(**environment: str) -> bytes:
    done = run("solve", XOR, "--to", "pdf", **environment)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout_bytes


def test_a_pdf_is_the_same_from_run_to_run_and_wherever_it_is_made(here: Path) -> None:
    once = pdf()
    elsewhere = {**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C", "HOME": str(here), "PYTHONHASHSEED": "7"}
    again = subprocess.run([*CALC, "solve", XOR, "--to", "pdf"], capture_output=True, check=True, env=elsewhere)
    assert again.stdout == once
    assert pdf(SOURCE_DATE_EPOCH="") == once
    assert pdf(SOURCE_DATE_EPOCH="1700000000") == pdf(SOURCE_DATE_EPOCH="1700000000")


def test_a_date_in_a_pdf_is_1970_or_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for epoch, year in (("", "D:1970"), ("1700000000", "D:20231114")):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
        metadata = PdfReader(io.BytesIO(typeset('#set document(title: "x", date: auto)\nx'))).metadata
        assert metadata is not None
        assert metadata["/CreationDate"].startswith(year)


@pytest.mark.parametrize("date", ["abc", "-1", "1.5", "1" * 12, "１"])
def test_a_date_that_is_none_is_told(date: str) -> None:
    done = run("solve", XOR, "--to", "pdf", SOURCE_DATE_EPOCH=date)
    assert (done.exit_code, done.stdout_bytes) == (2, b"")
    assert done.stderr.startswith("environment: 1 problem\n  SOURCE_DATE_EPOCH: ")


def test_a_pdf_holds_its_fonts_and_none_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    compiler = typst.Compiler
    monkeypatch.setattr(
        typst, "Compiler", lambda *source, **options: asked.update(options) or compiler(*source, **options)
    )
    ours = re.compile(r"/[A-Z]{6}\+(LibertinusSerif|NewCM|DejaVuSansMono)[A-Za-z0-9-]*$")
    fonts: dict[str, Any] = {}
    for page in PdfReader(io.BytesIO(pdf())).pages:
        for font in page["/Resources"]["/Font"].values():
            inner = font.get_object()["/DescendantFonts"][0].get_object()
            fonts[inner["/BaseFont"]] = inner["/FontDescriptor"].get_object()
    assert fonts
    assert (asked["ignore_system_fonts"], asked["font_paths"]) == (True, [])
    for name, descriptor in fonts.items():
        assert ours.match(name), name
        assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor)


# --- the other commands ------------------------------------------------------------------------------------------


def test_new_lists_the_starters_or_writes_one(here: Path) -> None:
    listed = run("new")
    assert (listed.exit_code, listed.stderr) == (0, "")
    names = [line.split()[0] for line in listed.stdout.splitlines()]
    assert names == sorted(path.stem for path in (ROOT / "templates" / "starters").glob("*.toml"))
    assert all(len(line.split()) > 3 for line in listed.stdout.splitlines())
    for name in names:
        shown = run("new", name)
        assert shown.stdout == (ROOT / "templates" / "starters" / f"{name}.toml").read_text("utf-8")
        assert run("new", name, "-o", f"{name}.toml").exit_code == 0
        assert run("solve", f"{name}.toml").exit_code == 0
        assert (here / f"{name}.toml").read_text("utf-8") == shown.stdout
    message = f"{name}.toml: 1 problem\n  exists already. Name another file\n"
    assert refused("new", name, "-o", f"{name}.toml") == message
    assert refused("new", "bad\nx") == f'new: 1 problem\n  "bad x" is no starter. Known: {", ".join(names)}\n'
    assert "cannot be written" in refused("new", name, "-o", "none/x.toml")
    assert "cannot be written" in refused("new", name, "-o", "x" * 300)
    assert "exists already" in refused("new", name, "-o", str(here))


def test_version_and_help_and_no_command() -> None:
    assert run("--version").stdout == f"calc {calc.__version__}\n"
    whole = subprocess.run([*CALC, "--version"], capture_output=True, text=True, check=True)
    assert whole.stdout == f"calc {calc.__version__}\n"
    assert {"solve", "new", "schema", "formats"} <= set(re.findall(r"^  (\w+)", run("--help").stdout, re.MULTILINE))
    helped = run("solve", "--help").stdout
    for option in [
        "-o",
        "--to",
        "--method",
        "--decimals",
        "--significant",
        "--carry",
        "--notation",
        "--show",
        "--templates",
    ]:
        assert option in helped
    assert run().exit_code == 2


def test_formats_lists_what_to_takes() -> None:
    lines = run("formats").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [*(format.name for format in FORMATS), "json", "pdf"]
    for line in lines:
        name, *others = re.findall(r"[\w.]+", line[:24])
        assert all(run("solve", XOR, "--to", other.lstrip(".")).exit_code == 0 for other in (name, *others))
        assert line[24:].strip().endswith(".")


def test_a_solution_knows_its_quantities_by_id() -> None:
    solution = calc.solve(calc.load(XOR))
    assert solution["dE/dw2_1_1"].shown.startswith("-0.0")
    with pytest.raises(KeyError, match="no quantity"):
        solution["zzz"]
    with pytest.raises(calc.ProblemError, match="not known"):
        solution.render("foo")
