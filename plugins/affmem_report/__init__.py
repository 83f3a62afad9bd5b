"""Reports: a finished run as one page to look at, or as a recording to play."""

from collections.abc import Mapping

from affmem import hookimpl
from affmem.protocols import ReporterConfig
from affmem_report.config import HTMLConfig, RerunConfig


@hookimpl
def affmem_reporters() -> Mapping[str, type[ReporterConfig]]:
    """Reporters "html" and "rerun" (extra "rerun")."""
    return {"html": HTMLConfig, "rerun": RerunConfig}
