"""Prior knowledge: the adversarial autoencoder that reads and redraws affect (P§2.1)."""

from collections.abc import Mapping

from affmem import hookimpl
from affmem.protocols import EditorConfig, EncoderConfig, MemoryConfig, ReaderConfig
from affmem.terms import TermConfig, TrainerConfig
from affmem_pk.config import (
    EditConfig,
    EmotionConfig,
    LatentTrainerConfig,
    PersonalConfig,
    PersonalTrainerConfig,
    PKConfig,
    PriorConfig,
    RealConfig,
    ReconstructionConfig,
    VariationConfig,
)
from affmem_pk.config import TrainerConfig as PKTrainerConfig


@hookimpl
def affmem_encoders() -> Mapping[str, type[EncoderConfig]]:
    """Encoder "pk": E."""
    return {"pk": PKConfig}


@hookimpl
def affmem_readers() -> Mapping[str, type[ReaderConfig]]:
    """Reader "pk": D_em."""
    return {"pk": PKConfig}


@hookimpl
def affmem_editors() -> Mapping[str, type[EditorConfig]]:
    """Editor "pk": G after E."""
    return {"pk": PKConfig}


@hookimpl
def affmem_trainers() -> Mapping[str, type[TrainerConfig]]:
    """Trainer "pk": of all three; "personal": of the memory; "latent": of what edits code to."""
    return {
        "pk": PKTrainerConfig,
        "personal": PersonalTrainerConfig,
        "latent": LatentTrainerConfig,
    }


@hookimpl
def affmem_memories() -> Mapping[str, type[MemoryConfig]]:
    """Memory "personal": the prior knowledge's reading, given who it is."""
    return {"personal": PersonalConfig}


@hookimpl
def affmem_terms() -> Mapping[str, type[TermConfig]]:
    """The terms of eq. (6), and ours."""
    return {
        "reconstruction": ReconstructionConfig,
        "emotion": EmotionConfig,
        "prior": PriorConfig,
        "real": RealConfig,
        "edit": EditConfig,
        "variation": VariationConfig,
    }
