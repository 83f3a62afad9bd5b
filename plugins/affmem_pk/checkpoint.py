"""Checkpoints: the weights of E, G and D_em in a safetensors file, with all that reads them.

A persons' network may lie beside them (`affmem_pk.persons`).
Nothing in such a file is ever executed; what is wrong with one is said in one line.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from attrs import asdict, frozen
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes

from affmem.errors import InputError
from affmem.files import check_tensors
from affmem_pk.config import NetworkConfig
from affmem_pk.networks import Networks
from affmem_pk.persons import PREFIX, PersonsNetwork

FORMAT = "affmem-pk 1"


@frozen(eq=False)
class Checkpoint:
    """A loaded checkpoint: float32 networks, ready for use, and the facts of their training."""

    networks: Networks
    facts: Mapping[str, Any]


def save(
    path: Path,
    networks: Networks,
    facts: Mapping[str, Any],
    persons: PersonsNetwork | None = None,
    *,
    half: bool,
) -> None:
    """Write it whole or not at all; `facts` is anything that JSON can hold.

    With `half` the weights are float16. Raises InputError where nothing can be written there, and
    ValueError for a weight that is not finite.
    """
    kind = torch.float16 if half else torch.float32
    tensors = {
        name: weights.detach().to("cpu", kind).contiguous()
        for name, weights in networks.state_dict().items()
    }
    if persons is not None:
        for name, array in persons.tensors().items():
            tensors[name] = torch.from_numpy(array.copy()).to(kind)
    for name, weights in tensors.items():
        if not torch.isfinite(weights).all():
            raise ValueError(f"weights {name!r} are not finite")
    content = to_bytes(
        tensors,
        {
            "format": FORMAT,
            "network": json.dumps(asdict(networks.config)),
            "facts": json.dumps(dict(facts)),
            **({} if persons is None else {"persons": json.dumps(persons.half)}),
        },
    )
    written(path, content)


def written(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises InputError where nothing can be written there."""
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".pk-", delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise InputError(path, f"cannot be written ({error.strerror})") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def fingerprint(networks: Networks, *, reader: bool = False) -> str:
    """What tells E and G, and D_em with `reader`, from any other; in float16 and float32 they are
    the same ones."""
    digest = hashlib.sha256()
    for name, weights in sorted(networks.state_dict().items()):
        if reader or not name.startswith("reader."):
            digest.update(name.encode())
            digest.update(weights.detach().to("cpu", torch.float16).contiguous().numpy().tobytes())
    return digest.hexdigest()


def _umask() -> int:
    """The process's: what is trained on persons is for whom its user wants."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def load(path: Path) -> Checkpoint:
    """Read it, but for a persons' network (`persons.load`).

    Raises InputError where it is absent, no checkpoint, or not whole.
    """
    if not path.is_file():
        raise InputError(path, "there is no such file")
    try:
        check_tensors(path)
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            names = [name for name in file.keys() if not name.startswith(PREFIX)]  # noqa: SIM118
            tensors = {name: file.get_tensor(name) for name in names}
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror or error})") from error
    except (SafetensorError, ValueError, RuntimeError, MemoryError) as error:
        raise InputError(path, "is no safetensors file, or not a whole one") from error
    if metadata.get("format") != FORMAT:
        found = metadata.get("format", "none")[:40]
        raise InputError(path, f"is no checkpoint of {FORMAT!r} (its format: {found!r})")
    try:
        config = NetworkConfig(**json.loads(metadata["network"]))
        facts = json.loads(metadata.get("facts", "{}"))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(path, "does not say which networks it holds") from error
    if (
        not isinstance(facts, dict)
        or type(config.code) is not int
        or type(config.hidden) is not int
    ):
        raise InputError(path, "does not say which networks it holds")
    with torch.device("meta"):  # shapes only: what the file claims allocates nothing yet
        networks = Networks(config)
    _check(path, tensors, {name: tuple(x.shape) for name, x in networks.state_dict().items()})
    networks.load_state_dict({name: x.float() for name, x in tensors.items()}, assign=True)
    return Checkpoint(networks.requires_grad_(requires_grad=False).eval(), facts)


def _check(
    path: Path, tensors: Mapping[str, torch.Tensor], expected: Mapping[str, tuple[int, ...]]
) -> None:
    for name in expected.keys() - tensors.keys():
        raise InputError(path, f"lacks the weights {name!r}")
    for name in tensors.keys() - expected.keys():
        raise InputError(path, f"holds weights {name[:60]!r} that no network has")
    for name, weights in tensors.items():
        if tuple(weights.shape) != expected[name]:
            shapes = f"{tuple(weights.shape)} instead of {expected[name]}"
            raise InputError(path, f"the weights {name!r} are {shapes}")
        if weights.dtype not in {torch.float16, torch.float32}:
            raise InputError(path, f"the weights {name!r} are {weights.dtype}")
        if not torch.isfinite(weights).all():
            raise InputError(path, f"the weights {name!r} are not all finite")
