"""Settings of the reports."""

from attrs import field, frozen
from attrs.validators import ge, instance_of

from affmem.errors import PluginError
from affmem.protocols import Reporter, Runtime


@frozen
class HTMLConfig:
    """Settings of reporter "html": one page that holds all it needs and opens without a network."""

    title: str = field(default="", validator=instance_of(str))
    """Heading of the page; empty: made from the names of the parts."""
    faces: bool = field(default=False, validator=instance_of(bool))
    """Whether a run keeps pictures of persons' faces, and of their edits, for the page to show."""
    persons: int = field(default=60, validator=ge(1))
    """How many persons, in the order seen, have charts of their own; the tables list all."""
    points: int = field(default=1500, validator=ge(100))
    """Frames that are drawn of each person at most; where there are more, every n-th one."""

    def build(self, _runtime: Runtime) -> Reporter:
        from affmem_report.page import HTML

        return HTML(self)


@frozen
class RerunConfig:
    """Settings of reporter "rerun": a recording that the Rerun viewer plays."""

    faces: bool = field(default=False, validator=instance_of(bool))
    """Whether a run keeps pictures of persons' faces, and of their edits, for the recording."""
    persons: int = field(default=60, validator=ge(1))
    """How many persons, in the order seen, have a tab of their own; the recording holds all."""

    def build(self, _runtime: Runtime) -> Reporter:
        """Raises PluginError where the extra "rerun" is not installed."""
        try:
            from affmem_report.recording import Rerun
        except ModuleNotFoundError as error:
            raise PluginError(
                f"reporter 'rerun' needs {error.name}: pip install affmem[rerun]"
            ) from None

        return Rerun(self)
