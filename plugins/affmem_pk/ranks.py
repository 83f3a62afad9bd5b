"""Where a training runs: on which device, how precisely, and as which of several processes.

Under `torchrun` or `fabric run` every process runs the same command, draws the same random numbers
and keeps the same weights; each takes its rows of a batch, and only the first one writes. What they
learn does not depend on how many they are, but for how sums are rounded.
"""

import logging
import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from lightning_fabric.plugins import Precision as Exact
from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor, nn
from torch.optim import Optimizer

from affmem.errors import UserError
from affmem_pk.config import Precision


def launched(device: str, precision: Precision) -> Fabric:
    """This process, among those that were started with it.

    Raises UserError where the device cannot be used here, or another process does not come.
    """
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it greets every process
    kind, _, number = device.partition(":")
    world = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    try:
        fabric = Fabric(
            accelerator=kind,
            strategy="ddp" if world > 1 else "auto",
            devices=[int(number)] if number else local,
            num_nodes=world // local,
            plugins=[_arithmetic(precision, kind)],
        )
        if os.environ.get("LT_CLI_USED") != "1":  # under `fabric run`, making it was launching it
            fabric.launch()
    except (ValueError, RuntimeError, AssertionError, MisconfigurationException) as error:
        reason = str(error).strip().partition("\n")[0]
        others = "" if world == 1 else ", or another process cannot be reached"
        raise UserError(
            f"device {device!r} cannot be used here{others} ({reason}); "
            "expected cpu, cuda, cuda:1 or mps"
        ) from None
    return fabric


def _arithmetic(precision: Precision, kind: str) -> Exact:
    match precision:
        case "fp32":
            return Exact()
        case "bf16":
            return MixedPrecision("bf16-mixed", kind)
        case "fp16":  # its smallest numbers are too large for gradients: losses are scaled
            return MixedPrecision("16-mixed", kind)


def mine(fabric: Fabric, rows: Tensor) -> Tensor:
    """This process' rows of a batch: every so many-th."""
    return rows[fabric.global_rank :: fabric.world_size]


def means(fabric: Fabric, values: dict[str, Tensor]) -> dict[str, float]:
    """Scalars, each as its mean over all processes; one that is not finite anywhere is not."""
    if not values:
        return {}
    shared = torch.stack([one.detach().float() for one in values.values()])
    _average(fabric, shared)
    return dict(zip(values, shared.tolist(), strict=True))


def of_the_first(fabric: Fabric, figures: dict[str, float]) -> dict[str, float]:
    """The first process' figures, so that all conclude the same from them."""
    if fabric.world_size == 1:
        return figures
    told = _gathered(fabric, list(figures.values()))[0]
    return dict(zip(figures, told, strict=True))


def check_alike(fabric: Fabric, faces: int, step: int) -> None:
    """Raise UserError where another process has other faces, or goes on from another step."""
    if fabric.world_size == 1:
        return
    for name, numbers in zip(
        ("faces to learn from", "step to go on from"),
        zip(*_gathered(fabric, [faces, step]), strict=True),
        strict=True,
    ):
        if len(set(numbers)) > 1:
            said = ", ".join(f"{one:.0f}" for one in numbers)
            raise UserError(
                f"the processes differ in {name} ({said}); "
                "expected the same data, and the same --out, on every node"
            )


def _average(fabric: Fabric, tensor: Tensor) -> None:
    with _together():
        fabric.all_reduce(tensor)


def _gathered(fabric: Fabric, numbers: list[float]) -> list[list[float]]:
    """The numbers of every process, by rank."""
    table = torch.zeros((fabric.world_size, len(numbers)), dtype=torch.float64)
    table[fabric.global_rank] = torch.tensor(numbers)
    table = table.to(fabric.device)
    with _together():
        fabric.all_reduce(table, reduce_op="sum")
    rows: list[list[float]] = table.tolist()
    return rows


@contextmanager
def _together() -> Iterator[None]:
    """What all processes do at once. Raises UserError where another has ended."""
    try:
        yield
    except RuntimeError as error:
        reason = re.sub(r"^\[\S*\] |\. This .*", "", str(error).strip().partition("\n")[0])
        raise UserError(
            f"another process of this training has ended ({reason}), and so does this one; "
            "the same command with the same --out goes on"
        ) from None


def advance(
    fabric: Fabric, module: nn.Module, optimizer: Optimizer, clip: float = math.inf
) -> dict[str, float]:
    """One step by the gradients' mean over all processes; gives, for each of the module's children
    that has a gradient, its norm, before it was scaled down to `clip` where it was longer.

    Costs are means over rows and every process has as many, so the mean is the whole batch's.
    """
    graded = [one.grad for one in module.parameters() if one.grad is not None]
    if graded and fabric.world_size > 1:  # as one tensor: a message has its price
        flat = torch.cat([one.flatten() for one in graded])
        _average(fabric, flat)
        parts = torch.split(flat, [one.numel() for one in graded])
        for one, part in zip(graded, parts, strict=True):
            one.copy_(part.view_as(one))
    fabric.strategy.precision.unscale_gradients(optimizer)
    norms = {
        name: nn.utils.clip_grad_norm_(child.parameters(), clip).item()
        for name, child in module.named_children()
        if any(one.grad is not None for one in child.parameters())
    }
    fabric.strategy.optimizer_step(optimizer)
    return norms


def check_divides(world: int, batch: int, redrawn: int) -> None:
    """Raise UserError unless every process can have as many rows as the others."""
    for name, rows in (("batch", batch), ("redrawn faces of a batch", redrawn)):
        if rows % world:
            raise UserError(f"{world} processes cannot share {name} of {rows} evenly")
