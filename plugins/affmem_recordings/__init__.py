"""Datasets read from recordings: published corpora, and any folder of videos or pictures."""

from collections.abc import Mapping

from affmem import hookimpl
from affmem.protocols import DatasetConfig
from affmem_recordings.config import (
    AFEWVAConfig,
    AffectNetConfig,
    AffWild2Config,
    FolderConfig,
    OMGConfig,
    OMGEmpathyConfig,
)


@hookimpl
def affmem_datasets() -> Mapping[str, type[DatasetConfig]]:
    """Datasets "omg", "omg-empathy", "folder", "affectnet", "afew-va" and "aff-wild2"."""
    return {
        "omg": OMGConfig,
        "omg-empathy": OMGEmpathyConfig,
        "folder": FolderConfig,
        "affectnet": AffectNetConfig,
        "afew-va": AFEWVAConfig,
        "aff-wild2": AffWild2Config,
    }
