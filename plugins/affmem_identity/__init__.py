"""Whose face it is: networks that tell persons apart, as an encoder and as a loss (P§2.1.1)."""

from collections.abc import Mapping

from affmem import hookimpl
from affmem.protocols import EncoderConfig
from affmem.terms import TermConfig
from affmem_identity.config import IdentityConfig, IdentityTermConfig


@hookimpl
def affmem_encoders() -> Mapping[str, type[EncoderConfig]]:
    """Encoder "identity": codes of one person lie close together."""
    return {"identity": IdentityConfig}


@hookimpl
def affmem_terms() -> Mapping[str, type[TermConfig]]:
    """Term "identity": eq. (2)."""
    return {"identity": IdentityTermConfig}
