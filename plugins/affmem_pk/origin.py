"""What a training goes on from: the networks of a checkpoint, in place of weights by lot."""

from collections.abc import Mapping
from typing import Any

from attrs import fields, frozen

from affmem.errors import InputError
from affmem_pk.checkpoint import fingerprint, load
from affmem_pk.config import BUNDLED, NetworkConfig, TrainerConfig
from affmem_pk.networks import Networks


@frozen(eq=False)
class Origin:
    """The networks that a training begins with, and whose they are.

    A persons' network that lies beside them is not among them: it reads the codes that they had.
    """

    networks: Networks
    name: str
    """Of the file"""
    fingerprint: str
    """What tells its E and G from any other (`checkpoint.fingerprint`)"""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the new checkpoint says of it."""
        taken = [name for name, _ in self.networks.named_children()]
        return {"name": self.name, "fingerprint": self.fingerprint, "networks": taken}


def origin_of(config: TrainerConfig) -> Origin | None:
    """What a training of these settings goes on from; None: from nothing.

    Raises InputError where the checkpoint cannot be used, or its networks have another shape.
    """
    if config.checkpoint is None:
        return None
    path = BUNDLED if config.checkpoint == "bundled" else config.checkpoint
    networks = load(path).networks
    others = [
        f"{one.name} = {ours!r}, and it has {its!r}"
        for one in fields(NetworkConfig)
        if (ours := getattr(config.network, one.name))
        != (its := getattr(networks.config, one.name))
    ]
    if others:
        said = "; ".join(others)
        raise InputError(path, f"its networks have another shape: [training] asks for {said}")
    return Origin(networks, path.name, fingerprint(networks))
