"""The persons' network: a code to affect, given how the person is known (`acquaintance`).

It is taught on many persons (`personal_training`) and lies in the checkpoint of the encoder whose
codes it reads, as tensors "persons.*". Plain numpy: a memory needs no torch.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from attrs import field, fields, frozen

from affmem.errors import InputError
from affmem.files import check_tensors
from affmem.values import Codes
from affmem_pk.acquaintance import Acquaintance, Doubles, context

PREFIX: Final = "persons."
"""What the names of its tensors begin with in a checkpoint."""
Weights = npt.NDArray[np.float32]


@frozen(eq=False)
class PersonsNetwork:
    """h = relu(A z + B c + b), affect = C h + e, log variance = D h + f (code z, context c).

    A person thus is a bias of the hidden layer, B c + b, and nothing else. The context holds the
    person's mean features, relu(F z + g). For codes d wide, k features and m hidden units:
    """

    mean: Weights
    """[d] of the codes of all persons, ..."""
    deviation: Weights
    """[d] ... by which they are standardised"""
    within: Weights
    """[d] variance of a person's standardised codes about the person's own mean"""
    feature: Weights
    """F [k, d]"""
    feature_bias: Weights
    """g [k]"""
    code: Weights
    """A [m, d]"""
    person: Weights
    """B [m, 2 d + k + 1]"""
    bias: Weights
    """b [m]"""
    affect: Weights
    """C [2, m]"""
    affect_bias: Weights
    """e [2]"""
    doubt: Weights
    """D [2, m]"""
    doubt_bias: Weights
    """f [2]"""
    half: float = field(default=5.0)
    """At so many independent looks, a person is known by half"""

    def standardised(self, codes: Codes) -> Doubles:
        """[n, d], of mean 0 and deviation 1 over all persons."""
        z: Doubles = (codes.astype(np.float64) - self.mean) / self.deviation
        return z

    def features(self, z: Doubles) -> Doubles:
        """Of a standardised code [d]: relu(F z + g), [k]."""
        found: Doubles = np.maximum(self.feature @ z + self.feature_bias, 0.0)
        return found

    def nobody(self) -> Acquaintance:
        """Someone who was never seen."""
        return Acquaintance.none(self.mean.size, self.feature_bias.size)

    def biases(self, known: Acquaintance) -> Weights:
        """The person, as a bias of the hidden layer [m]."""
        usual = np.sqrt(self.within.astype(np.float64))
        looks = np.array([known.looks])
        seen = known.centre[None], known.spread[None], known.means[None]
        c = context(looks, *seen, usual, self.half)
        of_person: Weights = self.person @ c[0].astype(np.float32) + self.bias
        return of_person

    def read(self, codes: Codes, person: Weights) -> tuple[Weights, Weights]:
        """Affects [n, 2] in [-1, 1] and their standard deviations [n, 2], given `biases`."""
        z = self.standardised(codes).astype(np.float32)
        hidden = np.maximum(z @ self.code.T + person, 0.0)
        affects: Weights = (hidden @ self.affect.T + self.affect_bias).clip(-1.0, 1.0)
        doubts: Weights = np.exp((hidden @ self.doubt.T + self.doubt_bias).clip(-20.0, 2.0) / 2.0)
        return affects, doubts

    def tensors(self) -> dict[str, Weights]:
        """As they lie in a checkpoint."""
        return {PREFIX + name: getattr(self, name) for name in TENSORS}

    @classmethod
    def of(
        cls, path: Path, tensors: Mapping[str, npt.NDArray[Any]], half: object
    ) -> "PersonsNetwork":
        """The network in the checkpoint `path`. Raises InputError where it is not whole."""
        for name in sorted({PREFIX + one for one in TENSORS} ^ tensors.keys()):
            said = "holds weights that no network has:" if name in tensors else "lacks the weights"
            raise InputError(path, f"{said} {name[:60]!r}")
        if not isinstance(half, float) or not 0.0 < half < 1e6:
            raise InputError(path, "does not say by how many looks a person is known")
        found = {name: tensors[PREFIX + name].astype(np.float32) for name in TENSORS}
        d, m, k = found["mean"].size, found["bias"].size, found["feature_bias"].size
        shapes = {
            "mean": (d,), "deviation": (d,), "within": (d,), "feature": (k, d),
            "feature_bias": (k,), "code": (m, d), "person": (m, 2 * d + k + 1), "bias": (m,),
            "affect": (2, m), "affect_bias": (2,), "doubt": (2, m), "doubt_bias": (2,),
        }  # fmt: skip
        for name, weights in found.items():
            if weights.shape != shapes[name]:
                wrong = f"{weights.shape} instead of {shapes[name]}"
                raise InputError(path, f"the weights {PREFIX + name!r} are {wrong}")
            if not np.isfinite(weights).all():
                raise InputError(path, f"the weights {PREFIX + name!r} are not all finite")
        if not ((found["deviation"] > 0).all() and (found["within"] > 0).all()):
            raise InputError(path, "holds a deviation of codes that is not above 0")
        return cls(**found, half=half)


TENSORS: Final = tuple(one.name for one in fields(PersonsNetwork) if one.name != "half")


def load(path: Path) -> PersonsNetwork:
    """Read it from a checkpoint. Raises InputError where it is not there, or not whole."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise InputError(path, "there is no such file")
    try:
        check_tensors(path)
        with safe_open(path, "np") as file:
            metadata = file.metadata() or {}
            names = [name for name in file.keys() if name.startswith(PREFIX)]  # noqa: SIM118
            tensors = {name: file.get_tensor(name) for name in names}
        half = json.loads(metadata.get("persons", "null"))
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror or error})") from error
    except (SafetensorError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise InputError(path, "is no safetensors file, or not a whole one") from error
    if not tensors:
        raise InputError(
            path,
            "holds no persons' network; `affmem train examples/persons.toml` teaches one "
            "(training.checkpoint names this file)",
        )
    return PersonsNetwork.of(path, tensors, half)
