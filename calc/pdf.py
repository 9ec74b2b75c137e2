"""Typst source → PDF bytes, by the compiler of the typst package: no TeX, no network, no file but the source."""

import os
import tempfile

from calc.errors import CalcError


def typeset(source: str) -> bytes:
    """Compile with the embedded fonts only; the date is SOURCE_DATE_EPOCH or none, so the bytes never vary."""
    import typst

    with tempfile.TemporaryDirectory(prefix="calc-") as empty:  # the root that the source may read: nothing
        compiler = typst.Compiler(
            source.encode(),
            root=empty,
            font_paths=[],
            ignore_system_fonts=True,
            package_path=empty,
            package_cache_path=empty,
        )
        try:
            pdf = compiler.compile(format="pdf", timestamp=int(os.environ.get("SOURCE_DATE_EPOCH", "0")))
        except typst.TypstError as error:
            raise CalcError(f"the page could not be typeset: {error}") from None
    assert isinstance(pdf, bytes)
    return pdf
