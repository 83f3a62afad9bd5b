"""What the parts of a training keep: terms and trackers. Only terms need torch."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from affmem.conformance.subject import Check, Subject, demand
from affmem.terms import Pass

if TYPE_CHECKING:
    from torch import Tensor

LEARNT = ("codes", "read", "rebuilt", "edited")
"""What of a pass E, G and D_em have made, and so can be taught by."""
SHARE = 0.15


def weights_are_weights(subject: Subject) -> None:
    """In every step its weight is a finite number that is not below 0."""

    def check(config: Any, step: int) -> None:
        weight = config.weighs(step, 8)
        demand(np.isfinite(weight) and weight >= 0, f"a weight of {weight!r} in step {step} of 8")

    subject.given(check, config=subject.configs, step=st.integers(0, 7))


def costs_are_finite_scalars(subject: Subject) -> None:
    """What is paid is one finite number, and the same again from the same lot and weights."""

    def check(config: Any, n: int, m: int) -> None:
        term = subject.build(config)
        for pay in (term.duel, term.cost):
            first, again = (pay(passed(n, min(m, n))) for _ in range(2))
            name = pay.__name__
            demand(first.shape == (), f"{name}: expected a scalar, got {list(first.shape)}")
            demand(first.isfinite().item(), f"{name}: {first.item()}")
            demand(first.item() == again.item(), f"{name}: {first.item()}, then {again.item()}")

    rows = st.integers(1, 3)
    subject.given(check, SHARE, config=subject.configs, n=rows, m=rows)


def a_duel_teaches_its_critic_alone(subject: Subject) -> None:
    """What the critic pays has no gradient for what E, G and D_em have made."""

    def check(config: Any) -> None:
        batch = passed(2, 1)
        paid = subject.build(config).duel(batch)
        if paid.requires_grad:
            paid.backward()
        taught = [name for name in LEARNT if getattr(batch, name).grad is not None]
        demand(not taught, f"duel() has a gradient for {', '.join(taught)}")

    subject.given(check, SHARE, config=subject.configs)


def passed(n: int, m: int) -> Pass:
    """A pass over n faces by lot, m of which were redrawn; codes are 4 wide."""
    import torch

    from affmem.lot import Lot

    lot = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> "Tensor":
        return torch.rand(shape, generator=lot) * 2 - 1

    made = {
        "codes": drawn(n, 4),
        "read": drawn(n, 2),
        "rebuilt": drawn(m, 3, 96, 96),
        "edited": drawn(m, 3, 96, 96),
    }
    for one in made.values():
        one.requires_grad_()
    return Pass(
        faces=drawn(n, 3, 96, 96),
        affects=drawn(n, 2),
        asked=drawn(m, 2),
        judge=lambda faces: faces.flatten(1)[:, :2].tanh(),
        lot=Lot(lot),
        **made,
    )


def it_follows_a_training(subject: Subject) -> None:
    """It takes all that a training tells: figures, NaN among them, pictures, a step told again
    after a new beginning, an end before the first; figures and pictures stay as they were."""

    def check(config: Any) -> None:
        image = np.full((4, 6, 3), 90, np.uint8)
        figures = {"loss": 0.5, "ccc": float("nan")}
        with TemporaryDirectory() as folder:
            tracker = subject.build(config)
            tracker.begin(Path(folder), "seed = 1\n")
            tracker.end()
            for steps in ((1, 2), (2, 3)):
                tracker.begin(Path(folder), "seed = 1\n")
                for step in steps:
                    tracker.figures(step, figures)
                    tracker.picture(step, "samples", image)
                tracker.end()
        demand(str(figures) == "{'loss': 0.5, 'ccc': nan}", f"it changed the figures: {figures}")
        demand((image == 90).all(), "it changed the picture")

    subject.given(check, 0.05, config=subject.configs)


TERM: tuple[Check, ...] = (
    weights_are_weights,
    costs_are_finite_scalars,
    a_duel_teaches_its_critic_alone,
)
TRACKER: tuple[Check, ...] = (it_follows_a_training,)
