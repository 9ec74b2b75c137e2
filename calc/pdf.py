"""Typst source → PDF or PNG bytes, by the compiler of the typst package: no TeX, no network, no file but the source."""

import os
import re
import tempfile

from calc.errors import CalcError, Fault, ProblemError


def typeset(source: str, format: str = "pdf", ppi: float = 144.0) -> bytes:
    """Compile with the embedded fonts only; dated SOURCE_DATE_EPOCH or 1970, so the bytes never vary.

    Args:
        format: "pdf"; or "png" of a single page, with ``ppi`` dots per inch.
    """
    import typst

    date = os.environ.get("SOURCE_DATE_EPOCH", "") or "0"
    if not re.fullmatch("[0-9]{1,11}", date):
        fault = Fault("SOURCE_DATE_EPOCH", f'"{date[:40]}" found, seconds since 1970 needed. Correct or unset it')
        raise ProblemError("environment", [fault])
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
            if format == "png":
                page = compiler.compile(format="png", ppi=ppi, timestamp=int(date))
            else:
                page = compiler.compile(format="pdf", timestamp=int(date))
        except typst.TypstError as error:
            raise CalcError(f"the page could not be typeset: {error}") from None
    assert isinstance(page, bytes)
    return page
