"""A person's memory as bytes: a safetensors file, with what else is kept of it in its header."""

import json

import numpy as np

from affmem.values import Kept


def pack(kept: Kept) -> bytes:
    """The bytes of a safetensors file that holds all of it.

    >>> unpack(pack(Kept({"sum": np.float64([1, 2])}, faces=3, units=1, about={"memory": "gwr"})))
    Kept(state={'sum': array([1., 2.])}, faces=3, units=1, about={'memory': 'gwr'})
    """
    from safetensors.numpy import save

    # safetensors writes the bytes as they lie: only contiguous arrays come back as they were.
    arrays = {name: np.asarray(array, order="C") for name, array in kept.state.items()}
    told = {"faces": str(kept.faces), "units": str(kept.units)}
    return save(arrays, metadata={**told, "about": json.dumps(dict(kept.about))})


def unpack(content: bytes) -> Kept:
    """What `pack` packed. Raises ValueError where it is none."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        state = load(content)
        head = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        told = head["__metadata__"]
        return Kept(state, int(told["faces"]), int(told["units"]), json.loads(told["about"]))
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"no memory that affmem kept: {error}") from None
