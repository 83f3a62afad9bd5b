"""The latent editor: a code and an affect to the code of that edit, T(z, y) = E(G(z, y)).

It is taught by the prior knowledge whose edits they are (`latent_training`), is of no use to any
other, and knows it by its fingerprint. Plain numpy: 200 edits cost a few milliseconds.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from attrs import fields, frozen

from affmem.errors import InputError
from affmem.files import check_tensors
from affmem.values import Affects, Code, Codes
from affmem_pk.checkpoint import written

FORMAT: Final = "affmem-latent 1"
TEACH: Final = (
    "`affmem train examples/latent.toml` teaches one (training.checkpoint is its encoder)"
)
Weights = npt.NDArray[np.float32]


@frozen(eq=False)
class LatentNetwork:
    """h = relu(A x + B y + a), k = relu(C h + c), T(z, y) = z + s (D k + d), x = (z - mean) / s.

    For codes d wide and m hidden units, within [-1, 1]:
    """

    mean: Weights
    """[d] of the codes of all faces, ..."""
    deviation: Weights
    """[d] s: ... by which they are standardised"""
    code: Weights
    """A [m, d]"""
    affect: Weights
    """B [m, 2]"""
    bias: Weights
    """a [m]"""
    hidden: Weights
    """C [m, m]"""
    hidden_bias: Weights
    """c [m]"""
    shift: Weights
    """D [d, m]"""
    shift_bias: Weights
    """d [d]"""

    def edit(self, code: Code, affects: Affects) -> Codes:
        """The code of each edit [n, d] of the face whose code is given [1, d]."""
        of_face = (code - self.mean) / self.deviation @ self.code.T + self.bias
        hidden = np.maximum(of_face + affects @ self.affect.T, 0.0)
        hidden = np.maximum(hidden @ self.hidden.T + self.hidden_bias, 0.0)
        edits = code + self.deviation * (hidden @ self.shift.T + self.shift_bias)
        codes: Codes = edits.clip(-1.0, 1.0).astype(np.float32, copy=False)
        return codes


NAMES: Final = tuple(one.name for one in fields(LatentNetwork))


def save(
    path: Path, network: LatentNetwork, of: str, facts: Mapping[str, Any], *, half: bool
) -> None:
    """Write it whole or not at all; `of` is the fingerprint of its prior knowledge.

    With `half` the weights are float16. Raises InputError where nothing can be written there, and
    ValueError for a weight that is not finite.
    """
    from safetensors.numpy import save as to_bytes

    kind = np.float16 if half else np.float32
    tensors = {name: np.ascontiguousarray(getattr(network, name), kind) for name in NAMES}
    for name, weights in tensors.items():
        if not np.isfinite(weights).all():
            raise ValueError(f"weights {name!r} are not finite")
    told = {"format": FORMAT, "of": of, "facts": json.dumps(dict(facts))}
    written(path, to_bytes(tensors, told))


def load(path: Path) -> tuple[LatentNetwork, str]:
    """The network in a file, and the fingerprint of the prior knowledge that it is of.

    Raises InputError where it is absent, no latent editor, or not whole.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise InputError(path, f"there is no such file; {TEACH}")
    try:
        check_tensors(path)
        with safe_open(path, "np") as file:
            told = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror or error})") from error
    except (SafetensorError, ValueError, TypeError, MemoryError) as error:
        raise InputError(path, "is no safetensors file, or not a whole one") from error
    if told.get("format") != FORMAT:
        found = told.get("format", "none")[:40]
        raise InputError(
            path, f"is no latent editor of {FORMAT!r} (its format: {found!r}); {TEACH}"
        )
    for name in sorted({*NAMES} ^ tensors.keys()):
        said = "holds weights that no network has:" if name in tensors else "lacks the weights"
        raise InputError(path, f"{said} {name[:60]!r}")
    d, m = tensors["mean"].size, tensors["bias"].size
    shapes = {
        "mean": (d,), "deviation": (d,), "code": (m, d), "affect": (m, 2), "bias": (m,),
        "hidden": (m, m), "hidden_bias": (m,), "shift": (d, m), "shift_bias": (d,),
    }  # fmt: skip
    for name, weights in tensors.items():
        if weights.shape != shapes[name]:
            wrong = f"{weights.shape} instead of {shapes[name]}"
            raise InputError(path, f"the weights {name!r} are {wrong}")
        if weights.dtype.kind != "f" or not np.isfinite(weights).all():
            raise InputError(path, f"the weights {name!r} are not all finite numbers")
    if not (tensors["deviation"] > 0).all():
        raise InputError(path, "holds a deviation of codes that is not above 0")
    found = {name: weights.astype(np.float32) for name, weights in tensors.items()}
    return LatentNetwork(**found), told.get("of", "")
