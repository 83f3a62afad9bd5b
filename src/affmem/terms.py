"""What prior knowledge is trained by: a weighted sum of terms (P§2.1.5, eq. 6), each a plugin's.

A term sees one pass over a batch and says what it costs. Gradients cross this border, so its arrays
are torch's; importing this module does not import torch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from attrs import field, frozen
from attrs.validators import and_, ge, le

from affmem.protocols import Runtime
from affmem.values import Affect, Affects, Clip, Image, Pictures

if TYPE_CHECKING:
    from torch import Tensor, nn

    from affmem.lot import Lot


@frozen(eq=False)
class Pass:
    """One pass over a batch of n faces, of which G has redrawn the first m <= n.

    Pictures are [-1, 1], codes z [-1, 1]^d, affects y (arousal, valence).
    """

    faces: "Tensor"
    """x [n, 3, 96, 96]"""
    affects: "Tensor"
    """y [n, 2]"""
    codes: "Tensor"
    """E(x) [n, d]"""
    read: "Tensor"
    """D_em(E(x)) [n, 2]"""
    rebuilt: "Tensor"
    """G(E(x), y) [m, 3, 96, 96]"""
    asked: "Tensor"
    """y' [m, 2], by lot"""
    edited: "Tensor"
    """G(E(x), y') [m, 3, 96, 96]"""
    judge: "Callable[[Tensor], Tensor]"
    """Faces [k, 3, 96, 96] to affects [k, 2]: the running mean of D_em and E, which learns nothing
    from what it judges."""
    lot: "Lot"
    """Where a term draws its random numbers from: `batch.lot.uniform(*batch.codes.shape)`."""


@frozen
class Shape:
    """The sizes that a term's own network must fit."""

    code: int
    """d: length of z."""
    side: int = 96
    """Width and height of a face; a multiple of 16."""
    width: float = 1.0
    """What numbers of channels are multiplied by; 1 is the paper's."""


@runtime_checkable
class Term(Protocol):
    """One term of the sum.

    Where it has a critic, each step first has the critic pay `duel`, then E, G and D_em pay `cost`
    with the critic held still.
    """

    @property
    def critic(self) -> "nn.Module | None":
        """A network of its own that learns against E and G; None for most."""
        ...

    def duel(self, batch: Pass) -> "Tensor":
        """What the critic pays, a finite scalar. It must teach E, G and D_em nothing."""
        ...

    def cost(self, batch: Pass) -> "Tensor":
        """What E, G and D_em pay, a finite scalar."""
        ...


@frozen
class Schedule:
    """What settings of a term begin with (inherit it): its weight, and when it takes part."""

    weight: float = field(default=1.0, validator=and_(ge(0.0), le(1e6)))
    """Its lambda in eq. (6); 0: it takes no part."""
    begin: float = field(default=0.0, validator=and_(ge(0.0), le(1.0)))
    """Share of the steps before it begins."""
    every: int = field(default=1, validator=ge(1))
    """It takes part in every so many steps only."""

    def weighs(self, step: int, steps: int) -> float:
        """Its weight in a step, counted from 0; 0 where it takes no part.

        >>> [Schedule(weight=0.5, begin=0.5, every=2).weighs(step, 8) for step in range(8)]
        [0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.5, 0.0]
        """
        due = step >= round(steps * self.begin) and step % self.every == 0
        return self.weight if due else 0.0


@runtime_checkable
class TermConfig(Protocol):
    """Settings of a term."""

    def weighs(self, step: int, steps: int) -> float:
        """Its lambda of eq. (6) in a step, counted from 0, at least 0; 0: it takes no part."""
        ...

    def build(self, runtime: Runtime, shape: Shape) -> Term:
        """Make it; its critic's first weights are the trainer's to draw."""
        ...


@runtime_checkable
class Fresh(Protocol):
    """Labelled faces without end."""

    def __call__(self, start: int, stride: int = 1) -> Iterator[tuple[Image, Affect]]:
        """Each `stride`-th from number `start` on: the same ones whenever they are asked for. The
        others are not made: of several processes, each asks for its own."""
        ...

    def close(self) -> None:
        """End the processes that make them."""
        ...


@frozen(eq=False)
class Examples:
    """What is learnt from: n labelled faces, those of a clip one after the other, in time."""

    faces: Pictures
    affects: Affects
    clips: Sequence[Clip]
    """The clip that each face is of, and so whose it is."""
    fresh: Fresh | None = None
    """Where they come from instead; all of the others are then held out."""
    emotions: Sequence[str] = ()
    """The dataset's word for what each face shows, "" for a face without one; empty where no word
    is known of any."""


@runtime_checkable
class Trainer(Protocol):
    """Makes prior knowledge from labelled faces.

    One that has an attribute `shared` which is true can be trained by several processes at once,
    each of which calls `train` with the same arguments; others are refused there. One that has an
    attribute `by_emotion`, the setting ("balance = 'class'") that goes by words for emotions, is
    given no faces of datasets without them.
    """

    def train(
        self, examples: Examples, terms: Mapping[str, TermConfig], out: Path
    ) -> Iterator[Mapping[str, float]]:
        """Learn by the sum of the terms; yield figures every so often; write into the folder `out`.
        A picture of what it can do at a step, if it makes any, is there as `sample(out, step)`.

        Each file there is whole or absent. Where `out` holds what an earlier call with the same
        arguments left, however that was cut off, this one goes on from there and ends with the
        same result. Each yield holds at least "step" and "of".

        `out` is there when the first figures are asked for. What is refused by the call itself, as
        a method that checks and then returns a generator does, leaves no folder behind.
        """
        ...


def sample(out: Path, step: int) -> Path:
    """Where a training's picture of a step is.

    >>> sample(Path("out"), 400).as_posix()
    'out/samples/step-000400.png'
    """
    return out / "samples" / f"step-{step:06}.png"


@runtime_checkable
class TrainerConfig(Protocol):
    """Settings of a trainer."""

    def build(self, runtime: Runtime) -> Trainer: ...
