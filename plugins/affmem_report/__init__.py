"""Reports: a finished run as one page to look at."""

from collections.abc import Mapping

from affmem import hookimpl
from affmem.protocols import ReporterConfig
from affmem_report.config import HTMLConfig


@hookimpl
def affmem_reporters() -> Mapping[str, type[ReporterConfig]]:
    """Reporter "html"."""
    return {"html": HTMLConfig}
