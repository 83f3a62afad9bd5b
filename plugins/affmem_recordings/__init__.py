"""Datasets read from recordings: OMG-Emotion, AffectNet, and any folder of videos or pictures."""

from collections.abc import Mapping

from affmem import hookimpl
from affmem.protocols import DatasetConfig
from affmem_recordings.config import AffectNetConfig, FolderConfig, OMGConfig


@hookimpl
def affmem_datasets() -> Mapping[str, type[DatasetConfig]]:
    """Datasets "omg", "folder" and "affectnet"."""
    return {"omg": OMGConfig, "folder": FolderConfig, "affectnet": AffectNetConfig}
