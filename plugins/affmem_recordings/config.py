"""Settings of the datasets read from recordings."""

from functools import partial
from pathlib import Path
from typing import Literal

from attrs import field, frozen
from attrs.validators import ge, in_, min_len, optional

from affmem.protocols import Dataset, Runtime

Split = Literal["train", "validation", "test"]


@frozen
class OMGConfig:
    """Settings of dataset "omg": the OMG-Emotion corpus as its own preparation leaves it."""

    root: Path | None = None
    """The corpus' folder: the CSV files and the folders of videos (`docs/datasets.md`).
    Without it, videos of drawn persons stand in; they are made once and kept."""
    split: Split = field(default="test", validator=in_(("train", "validation", "test")))
    """Which part of the corpus."""
    persons: int | None = field(default=None, validator=optional(ge(1)))
    """At most so many persons (videos), the first ones of the table; all if not given."""
    sample_persons: int = field(default=16, validator=ge(1))
    """Without `root`: how many persons are drawn; three in four are for testing."""
    sample_seed: int = field(default=0, validator=ge(0))
    """Without `root`: what they are drawn from."""

    def build(self, runtime: Runtime) -> Dataset:
        from affmem_recordings.omg import OMG

        return OMG(self, runtime)


@frozen
class FolderConfig:
    """Settings of dataset "folder": any videos and pictures, named by a table."""

    root: Path
    """The folder that holds the table and the files."""
    table: str = field(default="labels.csv", validator=min_len(1))
    """The CSV in it: `file`; optional `person`, `start`, `end` (seconds), `arousal`, `valence`."""

    def build(self, _runtime: Runtime) -> Dataset:
        from affmem_recordings.folder import listing
        from affmem_recordings.recordings import Recordings

        return Recordings(partial(listing, self))


@frozen
class AffectNetConfig:
    """Settings of dataset "affectnet": photographs from the web, in either of its releases."""

    root: Path
    """The folder that holds `train_set` and `val_set`, or `training.csv` and `validation.csv`."""
    split: Literal["train", "validation"] = field(
        default="train", validator=in_(("train", "validation"))
    )
    """Which part; a test set was never given out."""

    def build(self, _runtime: Runtime) -> Dataset:
        from affmem_recordings.affectnet import affectnet

        return affectnet(self)
