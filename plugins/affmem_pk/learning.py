"""All that a training is in the middle of: it can be left at any moment, and gone on with."""

import json
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from attrs import define, field
from lightning_fabric.plugins import Precision
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Adam

from affmem.errors import InputError
from affmem.files import check_tensors, reason
from affmem_pk.networks import Networks

FORMAT = "affmem-pk-state 2"


@define(eq=False)
class Learning:
    """Networks, optimizers, the random stream and the place in the data, as one thing to keep."""

    networks: Networks
    average: Networks
    """The running mean of the weights: what is judged and saved."""
    critics: nn.ModuleDict
    """Of the terms that have one, by their names."""
    makers: Adam
    judges: Adam | None
    precision: Precision
    """Of the arithmetic; it may scale losses, and remembers by how much."""
    lot: torch.Generator
    origin: str | None = None
    """The fingerprint of the networks whose weights were the first ones, D_em's too"""
    step: int = 0
    """Steps done."""
    order: Tensor = field(factory=lambda: torch.empty(0, dtype=torch.long))
    """The faces that this pass over the data has still to see."""
    best: float = -math.inf
    worse: int = 0
    """Reports since the best."""
    _sums: dict[str, tuple[float, int]] = field(factory=dict)

    def note(self, costs: Mapping[str, float]) -> None:
        """Take the costs of a step into the means of the next report."""
        for name, cost in costs.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + cost, count + 1

    def figures(self, names: Iterable[str]) -> dict[str, float]:
        """Mean costs since the last report, which this is."""
        means = {
            name: self._sums[name][0] / self._sums[name][1] for name in names if name in self._sums
        }
        self._sums = {}
        return means

    def judge(self, figures: Mapping[str, float]) -> bool:
        """Whether this report is the best so far, by the mean CCC; without one, the last is."""
        ccc = (figures.get("ccc_arousal", math.nan) + figures.get("ccc_valence", math.nan)) / 2
        if math.isnan(ccc) or ccc > self.best:
            self.best = self.best if math.isnan(ccc) else ccc
            self.worse = 0
            return True
        self.worse += 1
        return False

    def save(self, path: Path) -> None:
        """Write all of it, whole or not at all. Raises InputError where there is no room."""
        tensors = {"lot": self.lot.get_state(), "order": self.order}
        for name, module in self._modules():
            tensors |= {f"{name}/{key}": one for key, one in module.state_dict().items()}
        for name, optimizer in self._optimizers():
            for index, kept in optimizer.state_dict()["state"].items():
                tensors |= {f"{name}/{index}/{key}": one for key, one in kept.items()}
        numbers = {
            "format": FORMAT, "step": self.step, "best": self.best if self.best > -1e9 else None,
            "worse": self.worse, "sums": self._sums, "origin": self.origin,
            "precision": self.precision.state_dict(),
        }  # fmt: skip
        whole = {key: one.detach().cpu().contiguous().clone() for key, one in tensors.items()}
        part = path.with_name(f".{path.name}.part")
        try:
            with part.open("wb") as file:
                file.write(save(whole, {"numbers": json.dumps(numbers)}))
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise InputError(path, f"cannot be written ({error.strerror})") from None

    def resume(self, path: Path) -> None:
        """Become what was saved, if anything was. Raises InputError where it is not whole."""
        if not path.exists():
            return
        try:
            check_tensors(path)
            with safe_open(path, "pt") as file:
                numbers = json.loads((file.metadata() or {})["numbers"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if numbers["format"] != FORMAT:
                raise InputError(path, f"is no state of {FORMAT!r}")  # noqa: TRY301
            if numbers.get("origin") != self.origin:
                said = "is of a training that began from another checkpoint than is there now"
                raise InputError(path, said)  # noqa: TRY301
            for name, module in self._modules():
                module.load_state_dict(_below(tensors, name))
            for name, optimizer in self._optimizers():
                state: dict[int, dict[str, Tensor]] = {}
                for key, one in _below(tensors, name).items():
                    index, _, what = key.partition("/")
                    state.setdefault(int(index), {})[what] = one
                groups = optimizer.state_dict()["param_groups"]
                optimizer.load_state_dict({"state": state, "param_groups": groups})
            self.precision.load_state_dict(numbers["precision"])
            self.lot.set_state(tensors["lot"])
            self.order = tensors["order"]
            self.step, self.worse = numbers["step"], numbers["worse"]
            self.best = -math.inf if numbers["best"] is None else numbers["best"]
            self._sums = {name: (total, count) for name, (total, count) in numbers["sums"].items()}
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001  (of a broken file, anything)
            said = reason(error)
            raise InputError(path, f"is not the state of this training ({said})") from None

    def _modules(self) -> list[tuple[str, nn.Module]]:
        return [("networks", self.networks), ("average", self.average), ("critics", self.critics)]

    def _optimizers(self) -> list[tuple[str, Adam]]:
        both = [("makers", self.makers), ("judges", self.judges)]
        return [(name, one) for name, one in both if one is not None]


def _below(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """The tensors of one thing, by their names in it."""
    return {
        key.removeprefix(f"{name}/"): one
        for key, one in tensors.items()
        if key.startswith(f"{name}/")
    }
