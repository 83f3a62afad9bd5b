"""Datasets read from recordings: the OMG-Emotion corpus, and any folder of videos or pictures."""

from collections.abc import Mapping

from affmem import hookimpl
from affmem.protocols import DatasetConfig
from affmem_recordings.config import FolderConfig, OMGConfig


@hookimpl
def affmem_datasets() -> Mapping[str, type[DatasetConfig]]:
    """Datasets "omg" and "folder"."""
    return {"omg": OMGConfig, "folder": FolderConfig}
