"""Settings of the prior knowledge. Light: nothing here imports torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen
from attrs.validators import and_, deep_iterable, ge, gt, in_, instance_of, le, lt, optional

from affmem.protocols import Runtime, Trainer

if TYPE_CHECKING:
    from affmem_pk.pk import PK

BUNDLED = Path(__file__).with_name("pk-drawn-small.safetensors")
"""The checkpoint that ships with the package; MODEL_CARD.md beside it says what it can do."""

Precision = Literal["fp32", "bf16"]

TERMS = ("reconstruction", "emotion", "prior", "real", "edit", "variation")
PRESETS: Mapping[str, Mapping[str, float]] = {
    # Lambda 1, 2, 4 and 5 of eq. (6); lambda 3 weighs the identity loss, which is not among these.
    "paper": dict(zip(TERMS, (1.0, 0.02, 0.01, 0.01, 0.0, 0.0), strict=True)),
    # With lambda 2 = 0.02 D_em hardly learns, and without "edit" nothing asks that an edited face
    # be read as the affect that it was edited to.
    "corrected": dict(zip(TERMS, (1.0, 2.0, 0.01, 0.02, 0.3, 0.0), strict=True)),
}

_share = and_(ge(0.0), le(1.0))
_weight = optional(and_(ge(0.0), le(1e6)))


@frozen
class NetworkConfig:
    """The shape of the networks (P§2.1; what the paper leaves open, as in its published code).

    >>> NetworkConfig(width=0.25).channels(512)
    128
    """

    width: float = field(default=0.25, validator=and_(ge(1 / 64), le(4.0)))
    """What every number of channels is multiplied by; 1 is the paper's."""
    code: int = field(default=50, validator=and_(ge(2), le(1024)))
    """Length of the code z."""
    hidden: int = field(default=64, validator=and_(ge(2), le(4096)))
    """Units in the hidden layer of D_em."""

    def channels(self, full: int) -> int:
        """How many channels there are for `full` at width 1."""
        return max(1, round(full * self.width))


@frozen
class PKConfig:
    """Settings of "pk" as encoder, reader and editor: a trained checkpoint, and how to run it."""

    checkpoint: Path | None = field(default=None, validator=optional(instance_of(Path)))
    """A file that trainer "pk" wrote; without it, the small one that ships with the package."""
    batch: int = field(default=50, validator=and_(ge(1), le(4096)))
    """How many faces go through the networks at once."""
    precision: Precision = field(default="fp32", validator=in_(("fp32", "bf16")))
    """Of the arithmetic: "bf16" is faster where the processor has it, and its codes are rounder."""

    def build(self, runtime: Runtime) -> "PK":
        """Load the checkpoint. Raises InputError where it cannot be used."""
        from affmem_pk.pk import PK

        return PK(self, runtime)


@frozen
class TrainerConfig:
    """Settings of trainer "pk"."""

    width: float = field(default=0.25, validator=and_(ge(1 / 64), le(4.0)))
    """What every number of channels is multiplied by; 1 is the paper's, 0.25 the bundled one's."""
    code: int = field(default=50, validator=and_(ge(2), le(1024)))
    """Length of the code z."""
    hidden: int = field(default=64, validator=and_(ge(2), le(4096)))
    """Units in the hidden layer of D_em."""
    steps: int = field(default=4000, validator=ge(1))
    """Updates of the networks."""
    batch: int = field(default=48, validator=ge(1))
    """Faces of a step."""
    redrawn: float = field(default=0.5, validator=and_(gt(0.0), le(1.0)))
    """Share of a batch that G redraws; E and D_em, which cost far less, learn from all of it."""
    learning_rate: float = field(default=5e-4, validator=and_(gt(0.0), le(1.0)))
    """Of Adam for E, G and D_em at its highest. The paper's: 2e-4."""
    critic_rate: float = field(default=2e-4, validator=and_(gt(0.0), le(1.0)))
    """Of Adam for D_prior and D_real."""
    betas: tuple[float, float] = field(
        default=(0.5, 0.999), validator=deep_iterable(and_(ge(0.0), lt(1.0)))
    )
    """Of Adam: how much of the past its two means keep."""
    warmup: int = field(default=100, validator=ge(0))
    """Steps over which the rates rise."""
    cooldown: float = field(default=0.6, validator=_share)
    """Share of the steps at the end over which the rates fall to zero (half a cosine)."""
    init: Literal["he", "paper"] = field(default="he", validator=in_(("he", "paper")))
    """Deviation of the first weights: "paper" 0.02 everywhere; "he" sqrt(2 / inputs)."""
    preset: Literal["corrected", "paper"] = field(
        default="corrected", validator=in_(tuple(PRESETS))
    )
    """The weights of the terms of eq. (6): "paper" as printed, "corrected" ours."""
    reconstruction: float | None = field(default=None, validator=_weight)
    """Weight of eq. (1); like the next ones, the preset's unless given."""
    emotion: float | None = field(default=None, validator=_weight)
    """Weight of eq. (3)."""
    prior: float | None = field(default=None, validator=_weight)
    """Weight of eq. (4); at 0 there is no D_prior."""
    real: float | None = field(default=None, validator=_weight)
    """Weight of eq. (5); at 0 there is no D_real."""
    edit: float | None = field(default=None, validator=_weight)
    """Weight of the edit consistency."""
    variation: float | None = field(default=None, validator=_weight)
    """Weight of the total variation of edited faces."""
    real_from: float = field(default=0.15, validator=_share)
    """Share of the steps before D_real and eq. (5) begin."""
    edit_from: float = field(default=0.15, validator=_share)
    """Share of the steps before the edit consistency begins: as long as E reads badly, G satisfies
    it with pictures that fool E and show nothing."""
    real_every: int = field(default=2, validator=ge(1))
    """D_real and eq. (5) take part in every so many steps only."""
    augment: bool = field(default=True, validator=instance_of(bool))
    """Whether faces are moved, mirrored, relit, blurred and given noise."""
    average: float = field(default=0.998, validator=and_(ge(0.0), lt(1.0)))
    """How much of itself the running mean of the weights keeps a step; it is what is saved."""
    validation: float = field(default=0.05, validator=and_(ge(0.0), le(0.5)))
    """Share of the faces held out: the last ones, so that in data in order of persons it is persons
    who are held out."""
    precision: Precision = field(default="fp32", validator=in_(("fp32", "bf16")))
    """Of the arithmetic: "bf16" is faster where the processor has it."""
    report: int = field(default=100, validator=ge(1))
    """Steps between two reports."""
    save_every: int = field(default=0, validator=ge(0))
    """Steps between two checkpoints on the way; 0: only at the end."""
    half: bool = field(default=True, validator=instance_of(bool))
    """Whether the checkpoint holds float16, at half the size."""

    @property
    def network(self) -> NetworkConfig:
        """The shape of the networks."""
        return NetworkConfig(width=self.width, code=self.code, hidden=self.hidden)

    @property
    def weights(self) -> Mapping[str, float]:
        """The weight of each term of eq. (6): the preset's, and above it what was given.

        >>> TrainerConfig(preset="paper", emotion=2).weights["emotion"]
        2
        """
        given = {term: getattr(self, term) for term in TERMS}
        preset = PRESETS[self.preset]
        return {term: preset[term] if own is None else own for term, own in given.items()}

    def build(self, runtime: Runtime) -> Trainer:
        """A trainer, which has not looked at any face yet."""
        from affmem_pk.training import PKTrainer

        return PKTrainer(self, runtime)
