"""The same readers under atheris, which keeps what reaches code that no file reached before."""

import os
import sys
from pathlib import Path

from .readers import Reader
from .watch import SECONDS, judged, ready


def guided(reader: Reader, cases: int, folder: Path) -> None:
    """Give the reader so many files, and end the process: with 0, or with 77 at a fault."""
    import atheris  # pip install --group fuzz

    plugins = ("identity", "memories", "pk", "recordings", "rendered", "report")
    ours = ["affmem", *(f"affmem_{one}" for one in plugins)]
    with atheris.instrument_imports(include=[*ours, "numpy.lib._format_impl"]):
        paths = ready(reader, folder / "valid")
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, (_, data) in enumerate(paths):
        (corpus / str(number)).write_bytes(bytes([number]) + data)

    def one(data: bytes) -> None:
        if not data:
            return
        path, kept = paths[data[0] % len(paths)]
        path.write_bytes(data[1:])
        _, fault = judged(reader, path)
        path.write_bytes(kept)
        if fault:
            raise AssertionError(fault)

    os.chdir(folder)
    words = [f"-runs={cases}", f"-timeout={SECONDS:g}", "-rss_limit_mb=2048", "-max_len=200000"]
    atheris.Setup([sys.argv[0], *words, str(corpus)], one)
    atheris.Fuzz()
